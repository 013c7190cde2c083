//! How the service works: how patiently, and how much it takes on.

use std::time::Duration;

use crate::app::limits::Limits;

/// How patiently outcomes are looked into.
#[derive(Debug, Clone)]
pub struct Timing {
    /// After an accepted change: pauses before each reading of the owner, until it shows the new one.
    pub confirm: Vec<Duration>,
    /// After an unclear answer: pauses before each reading, until somebody is told that nobody knows. Tencent
    /// documents 3 s as its own limit (trtc.io/document/63398).
    pub settle: Vec<Duration>,
    /// Between two tries to record an outcome.
    pub record_again: Duration,
    /// Between two looks at the operations without a final outcome. One of them is looked at less and less often.
    pub recover_again: Duration,
    /// How long after its call was cut a change may still come true. Until then nobody says that it did not happen.
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

/// How the service works: how patiently, and how much it takes on.
#[derive(Debug, Clone, Default)]
pub struct Conduct {
    /// How patiently outcomes are looked into.
    pub timing: Timing,
    /// How much is taken on.
    pub limits: Limits,
}

impl From<Timing> for Conduct {
    fn from(timing: Timing) -> Self {
        Self { timing, ..Self::default() }
    }
}
