//! The limit of calls in any second, held exactly.
//!
//! A token bucket lets up to twice its rate through in a second (a full bucket, then what flows in), or
//! has to space calls out and so delays each. This keeps the times of the last `ceiling` calls instead:
//! a call goes when the oldest of them is a second old. So no second has more, and no
//! call waits without need.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// The ceiling is per second. A little more, because Tencent counts when calls arrive, and the first ones of a rush
/// have to connect before they do.
const WINDOW: Duration = Duration::from_millis(1_100);

pub(super) struct RateLimiter {
    ceiling: usize,
    sent: Mutex<VecDeque<Instant>>,
}

/// A call would have to wait too long.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooBusy;

impl RateLimiter {
    pub(super) fn per_second(ceiling: u32) -> Self {
        let ceiling = ceiling.max(1) as usize;
        Self { ceiling, sent: Mutex::default() }
    }

    /// Returns when a call may go, in the order of asking.
    pub(super) async fn wait(&self, at_most: Duration) -> Result<(), TooBusy> {
        let deadline = Instant::now() + at_most;
        // The lock is fair, so it is the queue; it is held while waiting because that is the point.
        let Ok(mut sent) = tokio::time::timeout_at(deadline, self.sent.lock()).await else {
            return Err(TooBusy);
        };
        let now = Instant::now();
        while sent.front().is_some_and(|oldest| *oldest + WINDOW <= now) {
            sent.pop_front();
        }
        if sent.len() >= self.ceiling
            && let Some(oldest) = sent.front()
        {
            let free = *oldest + WINDOW;
            if free > deadline {
                return Err(TooBusy);
            }
            tokio::time::sleep_until(free).await;
            sent.pop_front();
        }
        sent.push_back(Instant::now());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_second_holds_more_calls_than_the_ceiling() {
        let limit = RateLimiter::per_second(10);
        let mut times = Vec::new();
        for _ in 0..100 {
            limit.wait(Duration::from_secs(60)).await.unwrap();
            times.push(Instant::now());
        }
        for (n, end) in times.iter().enumerate() {
            let in_a_second = times[..=n].iter().filter(|t| **t + Duration::from_secs(1) > *end).count();
            assert!(in_a_second <= 10, "{in_a_second} calls within a second");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_would_wait_too_long_is_answered_at_once() {
        let limit = RateLimiter::per_second(1);
        limit.wait(Duration::ZERO).await.unwrap();
        assert_eq!(limit.wait(Duration::from_millis(100)).await, Err(TooBusy));
    }
}
