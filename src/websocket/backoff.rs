//! Backoff: the first reconnection is immediate, repeated failures wait longer and longer.

use std::time::Duration;

/// Pauses: none, then up to `first`, up to twice that, and so on to `longest`; each between half and all of it,
/// so that many clients do not return at the same time.
pub struct Backoff {
    first: Duration,
    longest: Duration,
    tries: u32,
    least: Duration,
}

impl Backoff {
    /// Pauses of up to `first` at the beginning, and up to `longest` at the end.
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, tries: 0, least: Duration::ZERO }
    }

    /// The pause before the next try, which is counted. The last one began `ago`.
    pub fn next(&mut self, ago: Duration) -> Duration {
        // The first connection and the first break after it cost no pause.
        let pause = match self.tries.checked_sub(2) {
            None => Duration::ZERO,
            Some(doublings) => {
                let most = self.first.saturating_mul(2_u32.saturating_pow(doublings)).min(self.longest);
                most.mul_f64(0.5 + rand::random::<f64>() / 2.0)
            }
        };
        self.tries = self.tries.saturating_add(1);
        pause.saturating_sub(ago).max(std::mem::take(&mut self.least))
    }

    /// Makes the next pause, and it alone, at least this long.
    pub fn no_sooner_than(&mut self, wait: Duration) {
        self.least = self.least.max(wait);
    }

    /// After a connection that was stable.
    pub fn reset(&mut self) {
        self.tries = 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_and_start_over_after_a_good_connection() {
        let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(30));
        let now = Duration::ZERO;
        assert_eq!(
            [backoff.next(now), backoff.next(now)],
            [Duration::ZERO; 2],
            "the first break is mended at once"
        );
        for most in [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
            let pause = backoff.next(now).as_millis();
            assert!((most / 2..=most).contains(&pause), "{pause} ms where up to {most} ms are meant");
        }
        assert_eq!(backoff.next(Duration::from_secs(30)), Duration::ZERO, "the last try took that long");
        backoff.reset();
        assert_eq!(backoff.next(now), Duration::ZERO);
        backoff.no_sooner_than(Duration::from_secs(60));
        assert_eq!(backoff.next(Duration::from_secs(30)), Duration::from_secs(60));
        assert!(backoff.next(now) < Duration::from_secs(1), "only the next pause is longer");
    }
}
