//! The settings of the service: its time limits and its load limits.

use std::time::Duration;

use crate::app::limits::Limits;

/// How long outcomes are followed up.
#[derive(Debug, Clone)]
pub struct Timing {
    /// After an accepted change: pauses before each reading of the owner, until it shows the new one.
    pub confirm: Vec<Duration>,
    /// After an unclear answer: pauses before each reading, until the reply says that the outcome is unknown. Tencent
    /// documents 3 s as its own limit (trtc.io/document/63398).
    pub settle: Vec<Duration>,
    /// Between two tries to record an outcome.
    pub record_again: Duration,
    /// Between two runs of recovery. An operation that stays open is looked at less and less often.
    pub recover_again: Duration,
    /// How long a change may still take effect after its call was cut. Until then it is not reported as failed.
    pub unclear_for: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        let ms = |values: &[u64]| values.iter().copied().map(Duration::from_millis).collect();
        Self {
            confirm: ms(&[0, 250, 750]),
            settle: ms(&[0, 300, 700, 1_000, 1_600]),
            record_again: Duration::from_millis(250),
            recover_again: Duration::from_secs(5),
            unclear_for: Duration::from_secs(60),
        }
    }
}

/// The settings of the service.
#[derive(Debug, Clone, Default)]
pub struct ServiceConfig {
    /// How long outcomes are followed up.
    pub timing: Timing,
    /// How much load is accepted.
    pub limits: Limits,
    /// Whether a hand-over to an account that the log has never seen has to be confirmed.
    pub confirm_new_accounts: bool,
    /// The address at which browsers reach the console, without a slash at its end; `None` for no console.
    pub console: Option<String>,
}

impl From<Timing> for ServiceConfig {
    fn from(timing: Timing) -> Self {
        Self { timing, ..Self::default() }
    }
}
