//! The proxy that outgoing connections go through.
//!
//! Whatever leaves this machine is TLS, so a proxy only ever sees a `CONNECT` (RFC 9110, 9.3.6). What goes to a loopback
//! address is direct.

use std::error::Error as StdError;
use std::fmt;
use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;
use reqwest::header::HeaderValue;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tracing::info;

use super::{innermost, is_loopback};

/// The longest head of an answer to `CONNECT`.
const LONGEST_HEAD: usize = 8_192;

/// A proxy that takes `CONNECT`, and what is reached without it.
#[derive(Clone)]
pub struct Proxy {
    /// Without user name and password.
    url: Url,
    authorization: Option<HeaderValue>,
    /// The setting that names it.
    setting: &'static str,
    /// Takes what goes through the proxy.
    takes: Arc<Matcher>,
}

/// It is chosen once a process, before the first client is made.
static CHOSEN: OnceLock<Proxy> = OnceLock::new();

/// Sends everything that leaves this machine through the proxy from now on.
pub fn go_through(proxy: Proxy) {
    info!(proxy = proxy.name(), "outgoing connections go through a proxy");
    drop(CHOSEN.set(proxy));
}

pub(super) fn chosen() -> Option<&'static Proxy> {
    CHOSEN.get()
}

/// What a connection to `url` goes through.
pub fn proxy_for(url: &Url) -> Option<&'static Proxy> {
    CHOSEN.get().filter(|proxy| proxy.takes(url))
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({})", self.name())
    }
}

impl Proxy {
    /// From `http://user:password@host:port`; without a scheme, it is http.
    ///
    /// # Errors
    /// What is wrong with it, without a word of it: it may hold a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        const SHOWN: &str = "such as `http://proxy.example:3128`";
        let mut url = parsed(text).map_err(|error| {
            format!("is not the URL of a proxy, {SHOWN}: {error}; a special character of a password is escaped, `@` as `%40`")
        })?;
        match url.scheme() {
            "http" | "https" => {}
            "socks" | "socks4" | "socks4a" | "socks5" | "socks5h" => {
                return Err(format!("is a SOCKS proxy, which is not supported: set an HTTP proxy, {SHOWN}"));
            }
            _ => return Err(format!("is neither http nor https: set an HTTP proxy, {SHOWN}")),
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(format!("says more than scheme, host and port, {SHOWN}"));
        }
        let authorization = authorization(&url)?;
        // Without them, it can be shown.
        url.set_username("")
            .and_then(|()| url.set_password(None))
            .map_err(|()| format!("names no host, {SHOWN}"))?;
        Ok(Self { url, authorization, setting: "HTTPS_PROXY", takes: matcher("") })
    }

    /// The same, named by another setting than HTTPS_PROXY.
    #[must_use]
    pub fn set_in(self, setting: &'static str) -> Self {
        Self { setting, ..self }
    }

    /// The setting that names it.
    pub fn setting(&self) -> &'static str {
        self.setting
    }

    /// The passwords in such a text, as they are written there and as they are meant.
    pub fn passwords(text: &str) -> Vec<String> {
        let Ok(url) = parsed(text) else { return Vec::new() };
        let Some(password) = url.password() else { return Vec::new() };
        vec![password.to_owned(), unescaped(password)]
    }

    /// The same, but not to these hosts, as `NO_PROXY` lists them.
    #[must_use]
    pub fn but_not_to(self, hosts: &str) -> Self {
        Self { takes: matcher(hosts), ..self }
    }

    /// Its host and port.
    pub fn name(&self) -> String {
        format!("{}:{}", self.host(), self.port())
    }

    /// Whether TLS is spoken with it too.
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Its host.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or(80)
    }

    /// The same for the client.
    pub(super) fn for_reqwest(&'static self) -> reqwest::Proxy {
        let proxy = reqwest::Proxy::custom(|url| self.takes(url).then(|| self.url.clone()));
        match &self.authorization {
            Some(authorization) => proxy.custom_http_auth(authorization.clone()),
            None => proxy,
        }
    }

    /// What it did wrong, if it is its fault that there is no connection to `to`. The client says how far it came in the
    /// text of one of the causes alone.
    pub(super) fn describe(&self, error: &reqwest::Error, to: &str) -> Option<String> {
        let causes =
            std::iter::successors(error.source(), |cause: &&(dyn StdError + 'static)| (*cause).source());
        let words = causes.map(ToString::to_string).find(|words| words.starts_with("tunnel error: "))?;
        Some(match words.as_str() {
            "tunnel error: proxy authorization required" => self.wants_authorization(),
            "tunnel error: unsuccessful" => self.refuses(to, None),
            _ => self.unreachable(&innermost(error).to_string()),
        })
    }

    fn takes(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let uri = format!("https://{host}/").parse::<hyper::Uri>();
        !is_loopback(url) && uri.is_ok_and(|uri| self.takes.intercept(&uri).is_some())
    }

    /// Asks the proxy, over a connection to it, for one to `host`.
    ///
    /// # Errors
    /// When it does not make one.
    pub async fn tunnel<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        host: &str,
        port: u16,
    ) -> Result<(), String> {
        let to = format!("{host}:{port}");
        let mut request = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n").into_bytes();
        if let Some(authorization) = &self.authorization {
            request.extend_from_slice(b"Proxy-Authorization: ");
            request.extend_from_slice(authorization.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        stream.write_all(&request).await.map_err(|error| self.unreachable(&error.to_string()))?;
        // Nothing comes behind the head until the first bytes are sent to the host.
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") && head.len() < LONGEST_HEAD {
            match stream.read_buf(&mut head).await {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => return Err(self.unreachable(&error.to_string())),
            }
        }
        let status = String::from_utf8_lossy(&head);
        let status = status.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)?.parse::<u16>().ok());
        match status {
            Some(200..300) if head.ends_with(b"\r\n\r\n") => Ok(()),
            Some(407) => Err(self.wants_authorization()),
            Some(status) => Err(self.refuses(&to, Some(status))),
            None => Err(self.unreachable("what answers there is no HTTP proxy")),
        }
    }

    /// There is no connection to it.
    pub fn unreachable(&self, why: &str) -> String {
        format!("the proxy {} cannot be reached: {why}; check {}", self.name(), self.setting)
    }

    pub(super) fn wants_authorization(&self) -> String {
        let (name, setting) = (self.name(), self.setting);
        match self.authorization {
            Some(_) => {
                format!("the proxy {name} does not take the user name and password in {setting}")
            }
            None => format!(
                "the proxy {name} asks for a user name and a password: set {setting} to http://<user>:<password>@{name}"
            ),
        }
    }

    pub(super) fn refuses(&self, to: &str, status: Option<u16>) -> String {
        let status = status.map(|status| format!(" (HTTP status {status})")).unwrap_or_default();
        format!(
            "the proxy {} does not connect to {to}{status}: ask whoever runs it, or set NO_PROXY",
            self.name()
        )
    }
}

fn parsed(text: &str) -> Result<Url, String> {
    let url = if text.contains("://") { Url::parse(text) } else { Url::parse(&format!("http://{text}")) };
    url.map_err(|error| error.to_string())
}

/// The matcher reads a list as curl does; many write `*.example.com` for `.example.com`.
fn matcher(but_not_to: &str) -> Arc<Matcher> {
    let hosts: Vec<&str> = but_not_to
        .split([',', ' '])
        .map(|host| host.strip_prefix('*').filter(|rest| !rest.is_empty()).unwrap_or(host))
        .collect();
    Arc::new(Matcher::builder().https("http://proxy").no(hosts.join(",")).build())
}

fn authorization(url: &Url) -> Result<Option<HeaderValue>, String> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    let [user, password] = [url.username(), url.password().unwrap_or_default()].map(unescaped);
    let encoded = BASE64_STANDARD.encode(format!("{user}:{password}"));
    let mut value = HeaderValue::from_str(&format!("Basic {encoded}")).map_err(|error| error.to_string())?;
    value.set_sensitive(true);
    Ok(Some(value))
}

fn unescaped(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answered(proxy: &str, answer: &[u8]) -> Result<(), String> {
        let (mut here, mut there) = tokio::io::duplex(16 * 1_024);
        there.write_all(answer).await.unwrap();
        there.shutdown().await.unwrap();
        Proxy::parse(proxy).unwrap().tunnel(&mut here, "discord.example", 443).await
    }

    #[tokio::test]
    async fn only_a_whole_success_is_a_tunnel_and_what_is_none_names_the_proxy() {
        for success in ["HTTP/1.1 200 Connection established\r\n\r\n", "HTTP/1.0 200 OK\r\nVia: x\r\n\r\n"] {
            assert_eq!(answered("p:1", success.as_bytes()).await, Ok(()));
        }
        let long = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(LONGEST_HEAD));
        for (proxy, answer, says) in [
            (
                "p:1",
                "HTTP/1.1 403 Forbidden\r\n\r\n",
                "does not connect to discord.example:443 (HTTP status 403)",
            ),
            ("p:1", "HTTP/1.1 407 No\r\n\r\n", "asks for a user name and a password"),
            ("u:hunter2@p:1", "HTTP/1.1 407 No\r\n\r\n", "does not take the user name and password"),
            ("p:1", "HTTP/1.1 200 OK\r\n", "does not connect to"),
            ("p:1", &long, "does not connect to"),
            ("p:1", "HTTP/1.1 200 OK\r\n\r\nmore", "does not connect to"),
            ("p:1", "SSH-2.0-OpenSSH_9.2\r\n", "cannot be reached: what answers there is no HTTP proxy"),
            ("p:1", "", "cannot be reached: what answers there is no HTTP proxy"),
        ] {
            let error = answered(proxy, answer.as_bytes()).await.unwrap_err();
            assert!(error.contains("the proxy p:1 ") && error.contains(says), "{answer}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn this_machine_and_what_is_listed_are_reached_directly() {
        let proxy =
            Proxy::parse("u:hunter2@p:1").unwrap().but_not_to("a.example, .b.example,*.c.example 10.0.0.0/8");
        for (url, takes) in [
            ("https://slack.com/api", true),
            ("wss://gateway.discord.gg/?v=10", true),
            ("https://nota.example", true),
            ("https://11.0.0.1", true),
            ("https://localhost.example", true),
            ("https://a.example:8443", false),
            ("https://x.a.example", false),
            ("https://x.b.example", false),
            ("https://x.c.example", false),
            ("https://10.1.2.3", false),
            ("http://127.0.0.1:9000", false),
            ("https://[::1]", false),
            ("ws://localhost:1", false),
        ] {
            assert_eq!(proxy.takes(&url.parse().unwrap()), takes, "{url}");
        }
        assert!(!Proxy::parse("p").unwrap().but_not_to("*").takes(&"https://slack.com".parse().unwrap()));
        assert!(!format!("{proxy:?}").contains("hunter2"), "{proxy:?}");
    }
}
