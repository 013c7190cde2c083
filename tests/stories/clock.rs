//! A clock that stands still until it is turned, or somebody sleeps by it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;
use room_owner::app::ports::Clock;
use room_owner::clock::SystemClock;
use tokio::sync::Notify;

/// When stories begin.
pub(crate) const NOON: Timestamp = Timestamp::constant(1_795_435_200, 0);

/// The bot's pause between two looks at unresolved operations: in a story it looks when it is asked to.
pub(crate) const UNTIL_TOLD: Duration = Duration::from_secs(999_999);

/// A pause that does not end within a story.
pub(crate) const FOREVER: Duration = Duration::from_secs(999_998);

/// The story's time. Who sleeps by it does not wait: it moves on instead. With `ticking` it goes like the
/// real one, and a sleep takes its time.
#[derive(Clone)]
pub(crate) struct StoryClock(Arc<Inner>);

struct Inner {
    ticking: Option<Instant>,
    turned: AtomicI64,
    gone: AtomicI64,
    slept: Mutex<Vec<Duration>>,
    woken: Notify,
}

impl StoryClock {
    pub(crate) fn new(ticking: bool) -> Self {
        Self(Arc::new(Inner {
            ticking: ticking.then(Instant::now),
            turned: AtomicI64::new(0),
            gone: AtomicI64::new(0),
            slept: Mutex::default(),
            woken: Notify::new(),
        }))
    }

    /// The machine's own time, for programs that go by it.
    pub(crate) fn of_this_machine() -> Self {
        let clock = Self::new(true);
        clock.pass(SystemClock.now().as_second() - NOON.as_second());
        clock
    }

    /// Lets time pass, or (negative) sets the clock back.
    pub(crate) fn pass(&self, seconds: i64) {
        self.0.turned.fetch_add(seconds * 1_000, Ordering::SeqCst);
        self.0.gone.fetch_add(seconds.max(0) * 1_000, Ordering::SeqCst);
    }

    /// How long everybody slept, in order.
    pub(crate) fn slept(&self) -> Vec<Duration> {
        self.0.slept.lock().unwrap().clone()
    }

    /// Ends the pause between two looks at unresolved operations.
    pub(crate) fn tell(&self) {
        self.0.woken.notify_one();
    }
}

#[async_trait]
impl Clock for StoryClock {
    fn now(&self) -> Timestamp {
        let ticked = self.0.ticking.map_or(0, |began| i64::try_from(began.elapsed().as_millis()).unwrap());
        let millis = NOON.as_millisecond() + self.0.turned.load(Ordering::SeqCst) + ticked;
        Timestamp::from_millisecond(millis).unwrap()
    }

    async fn sleep(&self, duration: Duration) {
        if duration == UNTIL_TOLD {
            return self.0.woken.notified().await;
        }
        if duration == FOREVER {
            std::future::pending::<()>().await;
        }
        self.0.slept.lock().unwrap().push(duration);
        if self.0.ticking.is_some() {
            return tokio::time::sleep(duration).await;
        }
        let millis = i64::try_from(duration.as_millis()).unwrap();
        self.0.turned.fetch_add(millis, Ordering::SeqCst);
        self.0.gone.fetch_add(millis, Ordering::SeqCst);
        tokio::task::yield_now().await;
    }

    fn elapsed(&self) -> Duration {
        let ticked = self.0.ticking.map_or(Duration::ZERO, |began| began.elapsed());
        ticked + Duration::from_millis(self.0.gone.load(Ordering::SeqCst).unsigned_abs())
    }
}
