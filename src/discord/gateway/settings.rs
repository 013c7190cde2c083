//! How Discord is reached, and how patiently.

use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;

use crate::redact::Redactor;

/// Where Discord's REST API is.
pub const API_BASE_URL: &str = "https://discord.com/api/v10";

/// How to reach Discord.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The bot's token.
    pub bot_token: SecretString,
    /// The REST API, without a slash at the end: [`API_BASE_URL`]. Plain http for loopback addresses only.
    pub api_base_url: Url,
    /// How patient to be.
    pub timing: Timing,
    /// Redacts what Discord says.
    pub redactor: Redactor,
}

/// How patient to be.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// For TCP, TLS and the WebSocket handshake together, and then for hello.
    pub connect_within: Duration,
    /// From RESUME, or the last event after it, to RESUMED.
    pub resumed_within: Duration,
    /// From IDENTIFY to READY.
    pub ready_within: Duration,
    /// The longest time between two heartbeats. Discord asks for one in 41 seconds or so, and permits 120 frames of
    /// any kind in 60 seconds.
    pub longest_beat: Duration,
    /// Between two IDENTIFYs (`max_concurrency` of 1: one in 5 seconds).
    pub identify_gap: Duration,
    /// Before an IDENTIFY after an invalid session, at least and at most (1 to 5 seconds).
    pub invalid_session: (Duration, Duration),
    /// The second try's pause at most; the first has none, each further one up to twice the last.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// A connection that was ready this long is not held against the next one.
    pub stable_after: Duration,
    /// Before Discord is asked again that has refused for good.
    pub refused_pause: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            connect_within: Duration::from_secs(3),
            resumed_within: Duration::from_secs(2),
            ready_within: Duration::from_secs(5),
            longest_beat: Duration::from_secs(2),
            identify_gap: Duration::from_secs(5),
            invalid_session: (Duration::from_secs(1), Duration::from_secs(3)),
            first_pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(5),
            stable_after: Duration::from_secs(5),
            refused_pause: Duration::from_secs(600),
        }
    }
}

impl Timing {
    /// For the next try, after so many failures in a row. One in four has longer limits, in case that the network is
    /// slow.
    pub(super) fn after_failures(self, failures: u32) -> Self {
        let factor = if failures % 4 == 3 { 4 } else { 1 };
        Self {
            connect_within: self.connect_within * factor,
            resumed_within: self.resumed_within * factor,
            ready_within: self.ready_within * factor,
            ..self
        }
    }
}
