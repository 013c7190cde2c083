//! What the running bot knows of the services around it, without asking them.

use std::time::Duration;

/// A platform that commands come from.
#[derive(Debug, Clone)]
pub struct DoorState {
    /// Its name.
    pub name: &'static str,
    /// Whether commands come in.
    pub is_ready: bool,
    /// The connection over which they come; without one they come to the bot's own server.
    pub connection: Option<ConnectionState>,
}

/// A connection to a platform.
#[derive(Debug, Clone)]
pub struct ConnectionState {
    /// What the platform calls it.
    pub name: &'static str,
    /// For how long it has been as it is.
    pub lasts: Duration,
    /// How it is, and what is wrong, as `/readyz` says it.
    pub detail: String,
}

/// How calls of Tencent ended since the bot's start.
#[derive(Debug, Clone, Default)]
pub struct LastCalls {
    /// How long ago one succeeded.
    pub succeeded: Option<Duration>,
    /// How long ago one did not, and its ErrorCode, or why there was no answer.
    pub failed: Option<(Duration, String)>,
}

/// Who knows it.
pub trait Surroundings: Send + Sync {
    /// The platforms that are set up.
    fn doors(&self) -> Vec<DoorState>;
    /// The last calls of Tencent.
    fn last_calls(&self) -> LastCalls;
}
