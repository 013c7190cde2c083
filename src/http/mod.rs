//! The one outgoing client: time limits, no redirect, the proxy that is set, answers of a limited size.
//!
//! A URL may hold a secret, and a service may echo one: no error holds a URL, and its text is redacted.

mod proxy;

use std::error::Error as StdError;
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder, StatusCode, Url};

use crate::redact::Redactor;

pub use proxy::{Proxy, go_through, proxy_for};

/// The user agent, unless the service prescribes one.
pub const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// The limits of a client.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For TCP and TLS.
    pub connect_within: Duration,
    /// For a whole call, from the connection to the end of the answer. A request may have a limit of its own.
    pub answer_within: Duration,
    /// The longest body that is read, in bytes.
    pub longest_answer: usize,
}

impl Limits {
    /// With one limit for the connection and for the whole call.
    pub const fn within(limit: Duration, longest_answer: usize) -> Self {
        Self { connect_within: limit, answer_within: limit, longest_answer }
    }
}

/// A client, with its connections kept alive.
pub struct Client {
    http: reqwest::Client,
    longest_answer: usize,
    address_in: &'static str,
}

/// An answer as it came.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, as far as it came.
    pub body: Vec<u8>,
    /// Why the body is not whole, if it is not.
    pub whole: Result<(), Error>,
}

impl Answer {
    /// What the service's clock said.
    pub fn date(&self) -> Option<Timestamp> {
        let date = self.headers.get(DATE)?.to_str().ok()?;
        rfc2822::parse(date).ok().map(|date| date.timestamp())
    }
}

/// Why a call did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There was no connection: nothing was done.
    #[error("{0}")]
    NotSent(String),
    /// It is not known whether it was done.
    #[error("timed out")]
    TimedOut {
        /// Whether the answer began as a success.
        is_accepted: bool,
    },
    /// It is not known whether it was done.
    #[error("{}: {why}", if *.is_accepted { "the answer broke off" } else { "the connection broke" })]
    Cut {
        /// Whether the answer began as a success.
        is_accepted: bool,
        /// The innermost cause.
        why: String,
    },
    /// A success whose body cannot be used.
    #[error("{0}")]
    Unusable(String),
    /// An answer that is no success.
    #[error("HTTP status {}{}", .status.as_u16(), redirect_note(.status.as_u16()))]
    Refused {
        /// Its status.
        status: StatusCode,
        /// How long to wait, if it says so.
        retry_after: Option<Duration>,
        /// Its body without secrets, as far as it came.
        body: Vec<u8>,
    },
}

impl Error {
    /// Whether the status was a success, and only the body is missing.
    pub fn is_accepted(&self) -> bool {
        matches!(
            self,
            Self::TimedOut { is_accepted: true } | Self::Cut { is_accepted: true, .. } | Self::Unusable(_)
        )
    }
}

/// Redirects are never followed: another host would get what was meant for the one that was checked.
pub fn redirect_note(status: u16) -> &'static str {
    if (300..400).contains(&status) { ", a redirect, which is not followed" } else { "" }
}

/// rustls needs a cryptography provider, set once a process; without it reqwest panics.
pub fn install_cryptography() {
    // Fails only when it is installed already.
    drop(rustls::crypto::ring::default_provider().install_default());
}

impl Client {
    /// A client of the service whose address is set in the variable `address_in`.
    ///
    /// # Errors
    /// When no TLS can be set up.
    pub fn new(limits: Limits, user_agent: &str, address_in: &'static str) -> reqwest::Result<Self> {
        install_cryptography();
        let mut http = reqwest::Client::builder()
            .user_agent(user_agent)
            .connect_timeout(limits.connect_within)
            .timeout(limits.answer_within)
            .redirect(Policy::none())
            .tcp_keepalive(Duration::from_secs(30))
            .pool_idle_timeout(Duration::from_secs(50))
            .no_proxy();
        if let Some(proxy) = proxy::chosen() {
            http = http.proxy(proxy.for_reqwest());
        }
        Ok(Self { http: http.build()?, longest_answer: limits.longest_answer, address_in })
    }

    /// A request to be sent.
    pub fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.http.request(method, url)
    }

    /// Sends a request: the body of a success, in which no text holds a secret that `redactor` knows.
    ///
    /// # Errors
    /// When there is no success, or no whole body.
    pub async fn send(&self, request: RequestBuilder, redactor: &Redactor) -> Result<Vec<u8>, Error> {
        Ok(redactor.json(&self.send_for_secret(request, redactor).await?).into_owned())
    }

    /// The same for a body that may be a secret itself: it is not redacted.
    ///
    /// # Errors
    /// When there is no success, or no whole body.
    pub async fn send_for_secret(
        &self,
        request: RequestBuilder,
        redactor: &Redactor,
    ) -> Result<Vec<u8>, Error> {
        let Answer { status, headers, body, whole } = self.answer(request, redactor).await?;
        if status.is_success() {
            return whole.map(|()| body);
        }
        let (retry_after, body) = (retry_after(&headers), redactor.json(&body).into_owned());
        Err(Error::Refused { status, retry_after, body })
    }

    /// Sends a request: whatever is answered, nothing of it redacted.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn answer(&self, request: RequestBuilder, redactor: &Redactor) -> Result<Answer, Error> {
        let lost = |error, is_accepted| self.lost(error, is_accepted, redactor);
        let mut response = request.send().await.map_err(|error| lost(error, false))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        let whole = loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > self.longest_answer => {
                    break Err(Error::Unusable("the answer is too long to be one".to_owned()));
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break Ok(()),
                Err(error) => break Err(lost(error, true)),
            }
        };
        Ok(Answer { status, headers, body, whole })
    }

    fn lost(&self, error: reqwest::Error, is_accepted: bool, redactor: &Redactor) -> Error {
        let proxied = error.url().and_then(|url| Some((proxy_for(url)?, host_and_port(url))));
        let error = error.without_url();
        let why = || {
            let by_proxy = proxied.as_ref().and_then(|(proxy, to)| proxy.describe(&error, to));
            redactor.text(&by_proxy.unwrap_or_else(|| self.describe(&error))).into_owned()
        };
        if error.is_connect() || error.is_builder() {
            Error::NotSent(why())
        } else if error.is_timeout() {
            Error::TimedOut { is_accepted }
        } else {
            Error::Cut { is_accepted, why: why() }
        }
    }

    fn describe(&self, error: &reqwest::Error) -> String {
        let cause = innermost(error);
        match cause.downcast_ref() {
            Some(rustls::Error::InvalidMessage(_)) => {
                format!("what answers there does not speak TLS: see {}", self.address_in)
            }
            _ if error.is_timeout() => "timed out".to_owned(),
            _ => cause.to_string(),
        }
    }
}

/// The innermost cause says most.
fn innermost<'e>(error: &'e (dyn StdError + 'static)) -> &'e (dyn StdError + 'static) {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    // An I/O error that holds another does not name it as its source.
    while let Some(held) = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        cause = held;
    }
    cause
}

fn host_and_port(url: &Url) -> String {
    format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(443))
}

/// `Retry-After`: seconds, or a date, which is compared with the `Date` of the same answer.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok().map(str::trim);
    let after = text(RETRY_AFTER)?;
    if let Ok(seconds) = after.parse() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let (now, then) = (rfc2822::parse(text(DATE)?).ok()?, rfc2822::parse(after).ok()?);
    Some(then.duration_since(&now).try_into().unwrap_or_default())
}

/// Whether nobody on the way reads what is sent there: by TLS, or because it stays on this machine. The scheme is
/// `plain` with an `s`, or for this machine without it.
pub fn is_private(url: &Url, plain: &str) -> bool {
    match url.scheme().strip_prefix(plain) {
        Some("s") => url.host_str().is_some_and(|host| !host.is_empty()),
        Some("") => is_loopback(url),
        _ => false,
    }
}

/// Whether its host is this machine.
fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn secrets_go_over_tls_or_stay_on_this_machine() {
        for (url, expected) in [
            ("https://slack.com/api", true),
            ("http://localhost:1", true),
            ("http://127.9.9.9", true),
            ("http://[::1]:9/x", true),
            ("http://slack.com", false),
            ("http://127.0.0.1.example", false),
            ("http://localhost.example", false),
            ("http://[::2]", false),
            ("ws://127.0.0.1:9", false),
            ("wss://gateway.discord.gg", false),
            ("ftp://127.0.0.1", false),
            ("file:///etc/passwd", false),
        ] {
            assert_eq!(is_private(&url.parse().unwrap(), "http"), expected, "{url}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        const NOW: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
        let wait = |after: &str, date: Option<&str>| {
            let date = date.map(|date| (DATE, date.parse().unwrap()));
            let after = (RETRY_AFTER, after.parse().unwrap());
            retry_after(&HeaderMap::from_iter(date.into_iter().chain([after])))
        };
        assert_eq!(retry_after(&HeaderMap::new()), None);
        for (after, expected) in [
            ("0", Some(0.0)),
            (" 30 ", Some(30.0)),
            ("0.25", Some(0.25)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30.0)),
            ("Mon, 07 Nov 1994 08:49:37 GMT", Some(86_400.0)),
            // It is over.
            ("Sun, 06 Nov 1994 08:49:07 GMT", Some(0.0)),
            ("-1", None),
            ("1e30", None),
            ("inf", None),
            ("NaN", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(wait(after, Some(NOW)), expected.map(Duration::from_secs_f64), "{after}");
        }
        assert_eq!(wait(NOW, None), None);
        assert_eq!(wait(NOW, Some("today")), None);
    }

    /// What becomes of a call to a service that answers so, and then breaks off or says no more.
    async fn call(answer: Option<&'static str>, is_silent: bool) -> Result<String, Error> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: Url =
            format!("http://{}/path?key=hush-hush", listener.local_addr().unwrap()).parse().unwrap();
        let server = answer.map(|answer| {
            tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                assert!(stream.read(&mut [0; 1_024]).await.unwrap() > 0);
                stream.write_all(answer.as_bytes()).await.unwrap();
                if is_silent {
                    std::future::pending::<()>().await;
                }
            })
        });
        let answer_within = Duration::from_secs(if is_silent { 1 } else { 10 });
        let limits = Limits::within(answer_within, 20);
        let client = Client::new(limits, USER_AGENT, "ADDRESS").unwrap();
        let redactor = Redactor::of([&SecretString::from("hush-hush")]);
        let answer = client.send(client.request(Method::GET, url), &redactor).await;
        if let Some(server) = server {
            server.abort();
        }
        if let Err(error) = &answer {
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("hush") && !shown.contains("/path"), "{shown}");
        }
        answer.map(|body| String::from_utf8(body).unwrap())
    }

    #[tokio::test]
    async fn a_call_ends_as_success_as_nothing_sent_as_unclear_or_as_refused() {
        let succeeded = call(Some("HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n\"hush-hush\""), false).await;
        assert_eq!(succeeded.unwrap(), "\"[redacted]\"");

        let not_sent = call(None, false).await.unwrap_err();
        assert_eq!(not_sent, Error::NotSent("Connection refused (os error 111)".to_owned()));

        for (answer, is_silent, is_accepted, text) in [
            ("", true, false, "timed out"),
            ("", false, false, "the connection broke: connection closed before message completed"),
            ("hush-hush /path", false, false, "the connection broke: invalid HTTP version parsed"),
            ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", true, true, "timed out"),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf",
                false,
                true,
                "the answer broke off: end of file before message length reached",
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 21\r\n\r\nlonger than 20 bytes.",
                false,
                true,
                "the answer is too long to be one",
            ),
        ] {
            let error = call(Some(answer), is_silent).await.unwrap_err();
            assert_eq!((error.to_string().as_str(), error.is_accepted()), (text, is_accepted), "{answer}");
            assert!(!matches!(error, Error::NotSent(_) | Error::Refused { .. }), "{answer}");
        }

        for (answer, text, wait, body) in [
            (
                "HTTP/1.1 429 Slow\r\nretry-after: 7\r\ncontent-length: 11\r\n\r\n\"hush-hush\"",
                "HTTP status 429",
                Some(7),
                "\"[redacted]\"",
            ),
            (
                "HTTP/1.1 302 There\r\nlocation: http://[::1]/hush-hush\r\ncontent-length: 0\r\n\r\n",
                "HTTP status 302, a redirect, which is not followed",
                None,
                "",
            ),
            // Its status says it all.
            ("HTTP/1.1 502 Bad\r\ncontent-length: 9\r\n\r\nhalf", "HTTP status 502", None, "half"),
        ] {
            let error = call(Some(answer), false).await.unwrap_err();
            assert_eq!((error.to_string().as_str(), error.is_accepted()), (text, false));
            let Error::Refused { retry_after, body: read, .. } = error else { panic!("{error:?}") };
            assert_eq!((retry_after, &*read), (wait.map(Duration::from_secs), body.as_bytes()), "{answer}");
        }
    }
}
