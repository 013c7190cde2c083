//! A clock that goes on when somebody sleeps by it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use room_owner::app::ports::Clock;

const NOON: i64 = 1_795_435_200_000;

/// Everybody's time: who sleeps moves it on to where the sleep ends, unless others were there already.
#[derive(Clone)]
pub(crate) struct VirtualClock(Arc<AtomicI64>);

impl VirtualClock {
    pub(crate) fn at_noon() -> Self {
        Self(Arc::new(AtomicI64::new(NOON)))
    }

    /// Milliseconds.
    pub(crate) fn millis(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn pass(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

/// Gives every other task so many turns.
pub(crate) async fn turns(count: u32) {
    for _ in 0..count {
        tokio::task::yield_now().await;
    }
}

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.millis()).unwrap()
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis((self.millis() - NOON).unsigned_abs())
    }

    async fn sleep(&self, duration: Duration) {
        let end = self.millis() + i64::try_from(duration.as_millis()).unwrap();
        // Others do what they had to do in the meantime.
        turns(8).await;
        self.0.fetch_max(end, Ordering::SeqCst);
        turns(2).await;
    }
}
