//! A reviewer's browser: it follows links, keeps its cookie, sends forms, and shows what comes back as text.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response};

use super::slack::{ALICE, Person, RITA};
use super::world::Stage;

/// The longest page, in bytes.
const LARGEST_PAGE: usize = 60_000;

/// Somebody's browser.
pub(crate) struct Browser {
    http: Client,
    origin: String,
    language: &'static str,
    /// What a page of another site has no way to read.
    pub(crate) cookie: Option<String>,
}

/// A page as it came.
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Browser {
    pub(crate) fn new(bot: &Stage) -> Self {
        Self::at(bot.address())
    }

    /// For the bot at this address.
    pub(crate) fn at(bot: SocketAddr) -> Self {
        let http = Client::builder().redirect(Policy::none()).no_proxy().build().unwrap();
        let origin = format!("http://{bot}");
        Self { http, origin, language: "en", cookie: None }
    }

    /// Which speaks this language.
    pub(crate) fn in_language(mut self, language: &'static str) -> Self {
        self.language = language;
        self
    }

    /// Signed in as somebody who asked for a link in #mods.
    pub(crate) async fn of(bot: &mut Stage, person: Person) -> Self {
        let mut browser = Self::new(bot);
        let link = link(bot, person).await;
        let page = browser.presses(bot, &link).await;
        assert_eq!(page.status, 303, "{}", page.body);
        let first = page.headers["location"].to_str().unwrap();
        assert!(["/overview", "/rooms"].contains(&first), "{first}");
        browser
    }

    fn with_headers(&self, request: RequestBuilder) -> RequestBuilder {
        let request = request.header("accept-language", self.language);
        match &self.cookie {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        }
    }

    /// The answer to a request for a path, which leaves no record.
    pub(crate) async fn opens(&mut self, at: &str) -> Page {
        let request = self.http.get(self.address(at));
        Page::of(self.with_headers(request).send().await.unwrap()).await
    }

    /// The same for what leaves a record.
    pub(crate) async fn reads(&mut self, bot: &mut Stage, at: &str) -> Page {
        bot.other_operations += 1;
        self.opens(at).await
    }

    /// A form, unsent, as a browser sends it from one of the bot's pages.
    pub(crate) fn form(&self, at: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        self.form_from("same-origin", "null", at, fields)
    }

    /// The same, as if it came from elsewhere.
    pub(crate) fn form_from(
        &self,
        site: &str,
        origin: &str,
        at: &str,
        fields: &[(&str, &str)],
    ) -> RequestBuilder {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self.http.post(self.address(at)).body(body);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        self.with_headers(request).header("origin", origin).header("sec-fetch-site", site)
    }

    /// Sends a form.
    pub(crate) async fn sends(&mut self, form: RequestBuilder) -> Page {
        let page = Page::of(form.send().await.unwrap()).await;
        if let Some(set) = page.headers.get("set-cookie") {
            let cookie = set.to_str().unwrap().split(';').next().unwrap();
            self.cookie = Some(cookie.to_owned()).filter(|cookie| !cookie.ends_with('='));
        }
        page
    }

    /// Presses the button of a sign-in link, on record.
    pub(crate) async fn presses(&mut self, bot: &mut Stage, link: &str) -> Page {
        bot.other_operations += 1;
        self.sends(self.form(link, &[])).await
    }

    /// The token that the forms of this browser's pages hold.
    pub(crate) async fn form_token(&mut self, bot: &mut Stage) -> String {
        let page = self.reads(bot, "/sessions").await;
        page.between("name=\"token\" value=\"", "\"").to_owned()
    }

    /// Opens a live tail.
    pub(crate) async fn follows(&self, at: &str, last: Option<&str>) -> Tail {
        let request = self.with_headers(self.http.get(self.address(at)));
        let request = match last {
            Some(last) => request.header("last-event-id", last),
            None => request,
        };
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{at}");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        has_every_header(response.headers());
        Tail { response, text: String::new() }
    }

    fn address(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }
}

impl Page {
    async fn of(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        has_every_header(&headers);
        let body = response.text().await.unwrap();
        assert!(body.len() <= LARGEST_PAGE, "{} bytes", body.len());
        Self { status, headers, body }
    }

    /// What stands between two texts.
    pub(crate) fn between(&self, before: &str, after: &str) -> &str {
        let (_, rest) =
            self.body.split_once(before).unwrap_or_else(|| panic!("no {before} in {}", self.body));
        rest.split_once(after).unwrap().0
    }

    /// The page as a person reads it: without markup, a line for each part.
    pub(crate) fn text(&self) -> String {
        let (_, body) = self.body.split_once("<body").expect("no page");
        let body = &body[body.find('>').unwrap() + 1..];
        let mut text = String::new();
        for piece in body.split_inclusive('>') {
            let (words, tag) = piece.rsplit_once('<').unwrap_or((piece, ""));
            text.push_str(&words.replace('\n', " "));
            let name = tag.trim_start_matches('/').split([' ', '>']).next().unwrap_or_default();
            let is_inline =
                ["a", "code", "span", "label", "input", "option", "button", "td", "th", "dt", "dd"];
            text.push_str(if is_inline.contains(&name) { " " } else { "\n" });
        }
        let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        let lines: Vec<String> = lines.filter(|line| !line.is_empty()).collect();
        let escapes =
            BTreeMap::from([("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")]);
        escapes.iter().fold(lines.join("\n"), |text, (escape, c)| text.replace(escape, c))
    }
}

/// The live tail of a log.
pub(crate) struct Tail {
    response: Response,
    text: String,
}

impl Tail {
    /// Reads on until the text is there, and returns all that came so far.
    pub(crate) async fn until(&mut self, part: &str) -> String {
        let reading = async {
            while !self.text.contains(part) {
                let chunk =
                    self.response.chunk().await.unwrap().unwrap_or_else(|| panic!("ended: {}", self.text));
                self.text.push_str(std::str::from_utf8(&chunk).unwrap());
            }
        };
        tokio::time::timeout(Duration::from_secs(20), reading).await.expect("it never came");
        self.text.clone()
    }

    /// Reads to the end.
    pub(crate) async fn ends(mut self) -> String {
        let reading = async {
            while let Ok(Some(chunk)) = self.response.chunk().await {
                self.text.push_str(std::str::from_utf8(&chunk).unwrap());
            }
        };
        tokio::time::timeout(Duration::from_secs(20), reading).await.expect("it does not end");
        self.text
    }
}

/// Asks for a link in #mods; its path.
pub(crate) async fn link(bot: &Stage, person: Person) -> String {
    let reply = bot.chat(person).says("/room-audit console").await;
    assert!(!reply.is_public());
    path_of(&reply.to_string())
}

/// The path of the link in a text.
pub(crate) fn path_of(text: &str) -> String {
    let (_, token) = text.split_once("/sign-in/").unwrap_or_else(|| panic!("no link: {text}"));
    format!("/sign-in/{}", token.split_whitespace().next().unwrap())
}

/// Hands a room over, or tries to, as Alice; the number of the operation.
pub(crate) async fn alice_says(bot: &Stage, line: &str) -> String {
    let reply = bot.slack(ALICE).says(line).await;
    reply.text();
    reply.operation().to_string()
}

/// Rita's link.
pub(crate) async fn ritas_link(bot: &Stage) -> String {
    link(bot, RITA).await
}

/// What every answer of the console has.
fn has_every_header(headers: &HeaderMap) {
    let policy = headers["content-security-policy"].to_str().unwrap();
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "frame-ancestors 'none'",
        "form-action 'self'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    for (name, value) in [
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
    ] {
        assert_eq!(headers.get(name), Some(&HeaderValue::from_static(value)), "{name}");
    }
}
