//! `GET /gateway/bot`: where the gateway is, and how many new sessions are left ("Gateway", Get Gateway Bot).

use std::time::Duration;

use reqwest::{Method, Url};
use serde::Deserialize;

use super::{Fatal, Settings};
use crate::discord::rest::{self, Failure, Rest};
use crate::http;

/// A longer Retry-After is cut to this.
const LONGEST_RETRY: Duration = Duration::from_secs(600);
/// The pause before a new session when more than half of them are used.
const SECOND_HALF: Duration = Duration::from_secs(20);
/// The limit is a daily one.
const LONGEST_RESET: Duration = Duration::from_secs(24 * 3_600);

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum FetchError {
    /// Asking again does not help.
    Fatal(Fatal),
    /// The next try may succeed, after `wait` at the earliest.
    Transient { why: String, wait: Option<Duration> },
}

/// What the answer says.
#[derive(Debug)]
pub(super) struct GatewayInfo {
    pub(super) url: Url,
    pub(super) limit: Option<SessionStartLimit>,
}

/// "Session Start SessionStartLimit": who begins more sessions in a day has the token reset.
#[derive(Debug, Clone, Copy)]
pub(super) struct SessionStartLimit {
    pub(super) total: u32,
    pub(super) remaining: u32,
    pub(super) reset_after: Duration,
}

impl SessionStartLimit {
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
    session_start_limit: Option<WireSessionStartLimit>,
}

#[derive(Deserialize)]
struct WireSessionStartLimit {
    total: u32,
    remaining: u32,
    /// In milliseconds.
    reset_after: u64,
}

pub(super) struct GatewayInfoClient(Rest);

impl GatewayInfoClient {
    pub(super) fn new(settings: &Settings) -> Result<Self, Fatal> {
        let Settings { bot_token, api_base_url, timing, redactor } = settings.clone();
        if !http::is_private(&api_base_url, "http") {
            return Err(Fatal::Address(api_base_url.to_string()));
        }
        // No header can hold it, so it is not a token.
        rest::authorization(&bot_token).map_err(|_| Fatal::Token)?;
        let rest = Rest::new(api_base_url, Some(bot_token), redactor, timing.connect_within);
        rest.map(Self).map_err(|error| Fatal::Setup(error.to_string()))
    }

    pub(super) async fn fetch(&self) -> Result<GatewayInfo, FetchError> {
        let transient = |why| FetchError::Transient { why, wait: None };
        let answer = match self.0.as_bot(Method::GET, &["gateway", "bot"], None).await {
            Ok(answer) => answer,
            Err(Failure::Refused { status: 401, .. }) => return Err(FetchError::Fatal(Fatal::Token)),
            Err(failure) => {
                let asked =
                    if let Failure::Refused { retry_after, .. } = &failure { *retry_after } else { None };
                let wait = asked.map(|wait| wait.min(LONGEST_RETRY));
                return Err(FetchError::Transient { why: failure.to_string(), wait });
            }
        };
        let wire: Wire = serde_json::from_value(answer)
            .map_err(|error| transient(format!("the answer cannot be understood: {error}")))?;
        let url = gateway_url(&wire.url)
            .ok_or_else(|| transient("the answer names no wss address for the gateway".to_owned()))?;
        let limit = wire.session_start_limit.map(|limit| SessionStartLimit {
            total: limit.total,
            remaining: limit.remaining,
            reset_after: Duration::from_millis(limit.reset_after).min(LONGEST_RESET),
        });
        Ok(GatewayInfo { url, limit })
    }
}

/// The address, if the token may go there.
pub(super) fn gateway_url(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| http::is_private(url, "ws"))
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
        let limit = |remaining| SessionStartLimit {
            total: 1_000,
            remaining,
            reset_after: Duration::from_secs(3_600),
        };
        assert_eq!(limit(500).spread(), None);
        assert_eq!([limit(499).spread(), limit(100).spread()], [Some(SECOND_HALF); 2]);
        assert_eq!(limit(60).spread(), Some(Duration::from_secs(60)));
    }
}
