//! The real time. Everything else gets the time as an argument, so that tests can set it.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::app::ports::Clock;

/// The machine's clock, to the millisecond, as the log records it.
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
