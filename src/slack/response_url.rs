//! Late answers: Slack takes up to 5 posts within 30 minutes at the `response_url` of a command
//! (docs.slack.dev/interactivity/handling-user-interaction).

use std::str::FromStr;
use std::time::Duration;

use reqwest::{Method, StatusCode, Url};
use serde_json::Value;
use tracing::{info, warn};

use super::Slack;
use super::web_api::Verdict;
use crate::app::replies::Platform;
use crate::domain::reply::Reply;
use crate::http;

/// Slack's hosts, for commands over HTTP, for the socket mode's form, and for GovSlack.
const SLACK_HOSTS: [&str; 1] = ["hooks.slack.com"];
const SLACK_DOMAINS: [&str; 2] = [".slack.com", ".slack-gov.com"];

pub(super) const LIMITS: http::Limits = http::Limits::within(Duration::from_secs(5), 4_096);
/// All the posts that Slack takes: "working on it" is the answer to the request itself, not a post.
const POSTS: u32 = 5;
/// Before each repetition. Their sum stays far below the 30 minutes.
const PAUSES: [Duration; POSTS as usize - 1] =
    [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(30), Duration::from_secs(120)];
/// The longest pause that a Retry-After may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// A host that a `response_url` may name: `host` with any port, or `host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedHost {
    host: String,
    port: Option<u16>,
}

/// A text that is not a host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not a host: write `host` or `host:port`, such as `127.0.0.1:9000`")]
pub struct InvalidHost;

impl FromStr for AllowedHost {
    type Err = InvalidHost;

    fn from_str(text: &str) -> Result<Self, InvalidHost> {
        // A URL knows how hosts are written, IPv6 included.
        let url = Url::parse(&format!("https://{text}/")).map_err(|_| InvalidHost)?;
        let is_plain = url.path() == "/" && !text.contains(['/', '*', '@', '?', '#']);
        let host = url.host_str().filter(|_| is_plain).ok_or(InvalidHost)?;
        // Port 443 is a URL's default and so is not in `url.port()`.
        let port = if text.ends_with(":443") { Some(443) } else { url.port() };
        Ok(Self { host: host.to_owned(), port })
    }
}

/// Where a late answer goes: a temporary webhook, and so a secret. It cannot be printed.
pub(super) struct ResponseUrl(Url);

impl ResponseUrl {
    /// The URL, if it is one of Slack's or of a host that the configuration allows. Plain http is for
    /// loopback addresses only.
    pub(super) fn parse(url: &str, allowed: &[AllowedHost]) -> Option<Self> {
        permitted(url, allowed).map(Self)
    }
}

fn permitted(url: &str, allowed: &[AllowedHost]) -> Option<Url> {
    let url = Url::parse(url).ok()?;
    let host = url.host_str()?;
    let is_slack = url.scheme() == "https"
        && url.port().is_none()
        && (SLACK_HOSTS.contains(&host) || SLACK_DOMAINS.iter().any(|domain| host.ends_with(domain)));
    let is_allowed = allowed.iter().any(|entry| {
        entry.host == host && entry.port.is_none_or(|port| Some(port) == url.port_or_known_default())
    }) && http::is_private(&url, "http");
    let has_credentials = !url.username().is_empty() || url.password().is_some();
    ((is_slack || is_allowed) && !has_credentials).then_some(url)
}

impl Slack {
    /// Posts a late answer, with several tries. If all fail, the bot sends it with its own token, if it has one. The
    /// outcome is in the audit log in any case.
    pub(super) async fn answer_late(&self, response_url: Option<&ResponseUrl>, reply: &Reply) {
        self.deliver_late(response_url, reply, &self.render(reply)).await;
    }

    /// The same for a reply that is rendered already.
    pub(super) async fn deliver_late(
        &self,
        response_url: Option<&ResponseUrl>,
        reply: &Reply,
        message: &Value,
    ) {
        match self.post_late(response_url, message).await {
            Ok(()) => self.service.answer_given(reply.operation()),
            Err(Undelivered { why, is_unclear }) => {
                self.service.answer_failed(reply.operation(), Platform::Slack, why, is_unclear).await;
            }
        }
    }

    pub(super) async fn post_late(
        &self,
        response_url: Option<&ResponseUrl>,
        message: &Value,
    ) -> Result<(), Undelivered> {
        let Some(ResponseUrl(url)) = response_url else {
            let why = "the response_url is missing or not one of Slack's".to_owned();
            return Err(Undelivered { why, is_unclear: false });
        };
        let mut why = String::new();
        let mut is_unclear = false;
        for post in 0..POSTS {
            let request = self.http.request(Method::POST, url.clone()).json(message);
            let pause = match self.http.send(request, &self.redactor).await {
                Err(http::Error::Refused { status, retry_after, .. }) => {
                    let is_over = status.is_client_error()
                        && status != StatusCode::TOO_MANY_REQUESTS
                        && status != StatusCode::REQUEST_TIMEOUT;
                    warn!(%status, post = post + 1, "slack did not take a late answer");
                    why = format!("slack answered {}", status.as_u16());
                    // Expired or used up: no retry helps.
                    if is_over || status.is_redirection() {
                        return Err(Undelivered { why, is_unclear });
                    }
                    is_unclear |= status.is_server_error();
                    retry_after
                }
                Err(error) if !error.is_accepted() => {
                    is_unclear |= !matches!(error, http::Error::NotSent(_));
                    warn!(%error, post = post + 1, "slack could not be reached for a late answer");
                    why = format!("slack could not be reached: {error}");
                    None
                }
                // The status says that it was taken, unless a body says otherwise.
                answer => match refusal(&answer.unwrap_or_default()) {
                    None => {
                        info!(post = post + 1, "late answer delivered");
                        return Ok(());
                    }
                    Some(error) => {
                        warn!(error, post = post + 1, "slack did not take a late answer");
                        return Err(Undelivered { why: format!("slack answered {error}"), is_unclear });
                    }
                },
            };
            if let Some(usual) = PAUSES.get(post as usize) {
                self.clock.sleep(pause.unwrap_or(*usual).min(LONGEST_PAUSE)).await;
            }
        }
        Err(Undelivered { why, is_unclear })
    }
}

/// Why an answer could not be delivered, and whether it may have been in spite of that.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub(super) struct Undelivered {
    why: String,
    is_unclear: bool,
}

/// Slack's no in an answer that counts as success, such as `{"ok":false,"error":"used_url"}`.
fn refusal(body: &[u8]) -> Option<String> {
    // Usually it is just `ok`.
    let verdict: Verdict = serde_json::from_slice(body).ok()?;
    (!verdict.ok).then(|| verdict.name().unwrap_or_else(|| "no".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_answers_go_to_slack_and_nowhere_else() {
        let allowed = |url: &str| permitted(url, &[]).is_some();
        assert!(allowed("https://hooks.slack.com/commands/T1/2/3"));
        assert!(allowed("https://rilke.slack.com/commands/T1/2/3"));
        assert!(allowed("https://hooks.slack-gov.com/commands/T1/2/3"));
        for url in [
            "http://hooks.slack.com/x",
            "https://hooks.slack.com:8443/x",
            "https://slack.com.evil.example/x",
            "https://evilslack.com/x",
            "https://hooks.slack.com@evil.example/x",
            "https://evil.example/?hooks.slack.com",
            "https://user:pass@hooks.slack.com/x",
            "https://127.0.0.1/x",
            "https://hooks.slack.com./x",
            "https://hooks.slack.com.evil.example/x",
            "https://hooks.slack.com%2eevil.example/x",
            "https://hooks.sl\u{430}ck.com/x",
            "https://evil.example\\.slack.com/x",
            "https://evil.example#.slack.com",
            "https://evil.example/.slack.com",
            "https://:pass@hooks.slack.com/x",
            "https://hooks.slack.com:80/x",
            "https://.slack.com.evil.example/x",
            "https://[::1]/x",
            "https://0x7f.1/x",
            "ws://hooks.slack.com/x",
            "javascript://hooks.slack.com/x",
            "https:///x",
            "file:///etc/passwd",
            "hooks.slack.com/x",
            "",
        ] {
            assert!(!allowed(url), "{url}");
        }
    }

    #[test]
    fn the_configuration_may_allow_more_hosts() {
        let hosts: Vec<AllowedHost> = ["127.0.0.1:9000", "chat.example", "[::1]:9000"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        let allowed = |url: &str| permitted(url, &hosts).is_some();
        assert!(allowed("http://127.0.0.1:9000/x"));
        assert!(allowed("http://[::1]:9000/x"));
        assert!(allowed("https://chat.example/x") && allowed("https://chat.example:8443/x"));
        assert!(!allowed("http://127.0.0.1:9001/x"));
        assert!(!allowed("http://chat.example/x"));
        for text in ["", "http://x", "a/b", "x:y", "user@host", ":hush@host", "host?x", "host#x"] {
            assert!(text.parse::<AllowedHost>().is_err(), "{text}");
        }
    }
}
