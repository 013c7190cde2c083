//! `GET /gateway/bot`: where the gateway is, and how many new sessions are left ("Gateway", Get Gateway Bot).

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER, USER_AGENT};
use reqwest::{StatusCode, Url};
use secrecy::ExposeSecret as _;
use serde::Deserialize;

use super::{Fatal, Settings, is_safe};

/// "API Reference", User Agent.
const AGENT: &str = concat!("DiscordBot (", env!("CARGO_PKG_NAME"), ", ", env!("CARGO_PKG_VERSION"), ")");
/// The longest pause that a Retry-After may ask for; it is asked again then.
const LONGEST_RETRY: Duration = Duration::from_secs(600);
/// The pause before a new session when more than half of them are used.
const SECOND_HALF: Duration = Duration::from_secs(20);
/// The limit is a daily one.
const LONGEST_RESET: Duration = Duration::from_secs(24 * 3_600);
/// Far more than the answer, which is 200 bytes.
const LONGEST_ANSWER: usize = 64 * 1_024;

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Nor will there be.
    Fatal(Fatal),
    /// It may be different the next time, which is not to be before `wait`.
    Passing { why: String, wait: Option<Duration> },
}

/// The answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) url: Url,
    pub(super) limit: Option<Limit>,
}

/// "Session Start Limit": who begins more sessions in a day has the token reset.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    pub(super) total: u32,
    pub(super) remaining: u32,
    pub(super) reset_after: Duration,
}

impl Limit {
    /// The pause that makes the last tenth of the sessions last until the reset; before that, a short one once
    /// half of them are used.
    pub(super) fn spread(self) -> Option<Duration> {
        let (remaining, total) = (u64::from(self.remaining), u64::from(self.total));
        if remaining * 10 < total {
            Some(self.reset_after / self.remaining.max(1))
        } else {
            (remaining * 2 < total).then_some(SECOND_HALF)
        }
    }
}

#[derive(Deserialize)]
struct Wire {
    url: String,
    #[serde(default)]
    session_start_limit: Option<WireLimit>,
}

#[derive(Deserialize)]
struct WireLimit {
    total: u32,
    remaining: u32,
    /// In milliseconds.
    reset_after: u64,
}

pub(super) struct Entrance {
    http: reqwest::Client,
    url: String,
}

impl Entrance {
    pub(super) fn new(settings: &Settings) -> Result<Self, Fatal> {
        if !is_safe(&settings.api_base_url, "https", "http") {
            return Err(Fatal::Address(settings.api_base_url.to_string()));
        }
        // reqwest panics without a TLS provider, even for plain http. An error means there is one already.
        drop(rustls::crypto::ring::default_provider().install_default());
        let mut token = HeaderValue::from_str(&format!("Bot {}", settings.bot_token.expose_secret()))
            // No header can hold it, so it is not a token.
            .map_err(|_| Fatal::Token)?;
        token.set_sensitive(true);
        let headers =
            HeaderMap::from_iter([(AUTHORIZATION, token), (USER_AGENT, HeaderValue::from_static(AGENT))]);
        let http = reqwest::Client::builder()
            .default_headers(headers)
            .connect_timeout(settings.timing.connect_within)
            .timeout(settings.timing.connect_within)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| Fatal::Setup(error.without_url().to_string()))?;
        let url = format!("{}/gateway/bot", settings.api_base_url.as_str().trim_end_matches('/'));
        Ok(Self { http, url })
    }

    pub(super) async fn ask(&self) -> Result<Answer, Trouble> {
        let passing = |why| Trouble::Passing { why, wait: None };
        let unanswered = |error: reqwest::Error| passing(describe(error));
        let mut response = self.http.get(&self.url).send().await.map_err(unanswered)?;
        let status = response.status();
        if status == StatusCode::UNAUTHORIZED {
            return Err(Trouble::Fatal(Fatal::Token));
        }
        if !status.is_success() {
            return Err(Trouble::Passing {
                why: format!("`{status}`"),
                wait: retry_after(response.headers()),
            });
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unanswered)? {
            body.extend_from_slice(&chunk);
            if body.len() > LONGEST_ANSWER {
                return Err(passing("the answer is too long".to_owned()));
            }
        }
        let wire: Wire = serde_json::from_slice(&body)
            .map_err(|error| passing(format!("the answer cannot be understood: {error}")))?;
        let url = gateway_url(&wire.url)
            .ok_or_else(|| passing("the answer names no wss address for the gateway".to_owned()))?;
        let limit = wire.session_start_limit.map(|limit| Limit {
            total: limit.total,
            remaining: limit.remaining,
            reset_after: Duration::from_millis(limit.reset_after).min(LONGEST_RESET),
        });
        Ok(Answer { url, limit })
    }
}

/// The address, if the token may go there.
pub(super) fn gateway_url(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| is_safe(url, "wss", "ws"))
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: f64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::try_from_secs_f64(seconds).ok()?.min(LONGEST_RETRY))
}

/// A transport error without its URL: the innermost cause says most.
fn describe(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_goes_to_wss_addresses_and_to_this_machine_only() {
        for url in [
            "wss://gateway.discord.gg",
            "wss://gateway-us-east1-b.discord.gg/",
            "ws://127.0.0.1:9",
            "ws://[::1]:9",
        ] {
            assert!(gateway_url(url).is_some(), "{url}");
        }
        for url in [
            "ws://gateway.discord.gg",
            "ws://127.0.0.1.example",
            "http://127.0.0.1",
            "gateway.discord.gg",
            "",
        ] {
            assert!(gateway_url(url).is_none(), "{url}");
        }
    }

    #[test]
    fn the_last_tenth_of_the_sessions_is_spread_over_the_time_to_the_reset() {
        let limit = |remaining| Limit { total: 1_000, remaining, reset_after: Duration::from_secs(3_600) };
        assert_eq!(limit(500).spread(), None);
        assert_eq!([limit(499).spread(), limit(100).spread()], [Some(SECOND_HALF); 2]);
        assert_eq!(limit(60).spread(), Some(Duration::from_secs(60)));
    }
}
