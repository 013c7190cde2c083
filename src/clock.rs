//! The real time. Everything else is told the time, so that tests can turn it.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::app::ports::Clock;

/// The machine's clock, to the millisecond: what is decided by is what is recorded.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is the one place")]
        let now = Timestamp::now();
        // Within the range of `Timestamp`, cutting to milliseconds cannot leave it.
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
