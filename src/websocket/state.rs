//! The state of a connection, as `/readyz` shows it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// The state of the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// None is there, and one is being opened.
    Connecting,
    /// Waiting for what the platform's limits permit.
    Waiting {
        /// What for.
        why: String,
        /// Until when.
        until: Instant,
    },
    /// Commands arrive.
    Ready,
    /// The connection broke; its session is being resumed.
    Resuming,
    /// The platform refuses, until somebody corrects what is wrong.
    Fatal(String),
    /// Asked to stop.
    Stopped,
}

#[derive(Debug, Clone)]
struct Status {
    phase: Phase,
    since: Instant,
    last_frame: Option<Instant>,
}

/// The state of a connection, which writes it. Clones share it.
#[derive(Debug, Clone)]
pub struct State(Arc<watch::Sender<Status>>);

impl Default for State {
    fn default() -> Self {
        let status = Status { phase: Phase::Connecting, since: Instant::now(), last_frame: None };
        Self(Arc::new(watch::Sender::new(status)))
    }
}

impl State {
    /// The state of the connection.
    pub fn phase(&self) -> Phase {
        self.0.borrow().phase.clone()
    }

    /// Whether commands arrive now.
    pub fn is_ready(&self) -> bool {
        self.0.borrow().phase == Phase::Ready
    }

    /// For how long it has been in its phase.
    pub fn lasts(&self) -> Duration {
        self.0.borrow().since.elapsed()
    }

    /// How long ago the last frame came, of whatever kind.
    pub fn last_heard(&self) -> Option<Duration> {
        self.0.borrow().last_frame.map(|at| at.elapsed())
    }

    /// Returns when `wanted` holds.
    pub async fn wait_for(&self, mut wanted: impl FnMut(&Phase) -> bool) {
        // Never an error: the sender is in `self`.
        drop(self.0.subscribe().wait_for(|status| wanted(&status.phase)).await);
    }

    /// Enters a phase.
    pub fn enter(&self, phase: Phase) {
        self.0.send_if_modified(|status| {
            let is_new = status.phase != phase;
            if is_new {
                status.phase = phase;
                status.since = Instant::now();
            }
            is_new
        });
    }

    /// A frame came.
    pub fn heard(&self) {
        self.0.send_modify(|status| status.last_frame = Some(Instant::now()));
    }

    /// Whether it has been ready for so long.
    pub fn was_ready_for(&self, time: Duration) -> bool {
        let status = self.0.borrow();
        status.phase == Phase::Ready && status.since.elapsed() >= time
    }
}

/// For `/readyz`: one line.
impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.phase() {
            Phase::Connecting => f.write_str("connecting")?,
            Phase::Waiting { why, until } => {
                let seconds = until.saturating_duration_since(Instant::now()).as_secs();
                write!(f, "waiting {seconds} s: {why}")?;
            }
            Phase::Ready => f.write_str("ready")?,
            Phase::Resuming => f.write_str("resuming")?,
            // For a final state only the remedy matters, not when it was last heard.
            Phase::Fatal(why) => return write!(f, "refused: {why}"),
            Phase::Stopped => f.write_str("stopped")?,
        }
        match self.last_heard() {
            Some(age) => write!(f, ", last heard {} s ago", age.as_secs()),
            None => f.write_str(", never heard"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_line_says_where_the_connection_stands_and_when_it_was_last_heard() {
        let state = State::default();
        assert_eq!(state.to_string(), "connecting, never heard");
        state.enter(Phase::Ready);
        state.heard();
        tokio::time::advance(Duration::from_secs(7)).await;
        assert_eq!(state.to_string(), "ready, last heard 7 s ago");
        assert!(state.was_ready_for(Duration::from_secs(7)) && !state.was_ready_for(Duration::from_secs(8)));
        state.enter(Phase::Waiting {
            why: "for a reason".to_owned(),
            until: Instant::now() + Duration::from_secs(9),
        });
        assert_eq!(state.to_string(), "waiting 9 s: for a reason, last heard 7 s ago");
        assert!(!state.is_ready());
        state.enter(Phase::Fatal("set another token".to_owned()));
        assert_eq!(state.to_string(), "refused: set another token");
    }
}
