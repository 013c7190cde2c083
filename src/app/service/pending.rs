//! The replies that this process still has to send: in memory, and now and then in the store (see [`Outbox`]).
//!
//! A command that goes to Tencent has a pending reply from the moment at which it is recorded. Its door nearly always
//! delivers it at once, and says so. What the door cannot deliver, the bot sends as a message of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;

use crate::app::replies::{Batch, Messengers, Outbox, PendingReply};
use crate::domain::audit::OperationId;

/// After a day nobody waits for a reply any more.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);

/// Seconds before each further try; the last pause repeats.
const PAUSES: [u64; 7] = [1, 5, 30, 120, 600, 1_800, 3_600];

/// The pause before another try, after so many.
pub(super) fn pause_before(tries: u32) -> Duration {
    let at = usize::try_from(tries).unwrap_or(usize::MAX).min(PAUSES.len() - 1);
    Duration::from_secs(PAUSES[at])
}

/// The pending replies of this process.
#[derive(Default)]
pub(super) struct Replies {
    book: Option<Arc<dyn Outbox>>,
    messengers: OnceLock<Messengers>,
    state: Mutex<State>,
    /// Wakes whoever stores the changes.
    pub(super) changed: Notify,
    /// Wakes whoever sends.
    pub(super) due: Notify,
    /// Batches reach the store in the order in which they were made.
    pub(super) keeping: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    pending: BTreeMap<OperationId, Entry>,
    settled: Vec<OperationId>,
}

struct Entry {
    pending: PendingReply,
    /// Whether the store has an older state of it.
    is_changed: bool,
    stage: Stage,
}

enum Stage {
    /// Its door is about to answer.
    Live,
    /// The outcome is not recorded yet.
    Waiting,
    /// The bot has to send it, not before a time that was set at `set_at`.
    Due { why: String, tries: u32, not_before: Timestamp, set_at: Timestamp },
}

/// What to send next.
pub(super) enum Next {
    /// Nothing.
    Nothing,
    /// Nothing for this long.
    In(Duration),
    /// This one, because its door failed in this way.
    Say(PendingReply, String),
}

impl Replies {
    pub(super) fn kept_in(book: Arc<dyn Outbox>) -> Self {
        Self { book: Some(book), ..Self::default() }
    }

    /// From now on replies are tracked, and people on these platforms can be reached. Only the first call counts.
    pub(super) fn begin(&self, messengers: Messengers) {
        drop(self.messengers.set(messengers));
    }

    pub(super) fn book(&self) -> Option<&Arc<dyn Outbox>> {
        self.book.as_ref().filter(|_| self.messengers.get().is_some())
    }

    /// How people are reached; `None` before [`begin`](Self::begin).
    pub(super) fn messengers(&self) -> Option<&Messengers> {
        self.book.as_ref().and(self.messengers.get())
    }

    /// An operation was recorded, and its door is about to answer.
    pub(super) fn begin_one(&self, operation: OperationId, since: Timestamp) {
        let pending = PendingReply { operation, public_in: None, known: None, perhaps_said: false, since };
        self.lock().pending.insert(operation, Entry { pending, is_changed: false, stage: Stage::Live });
    }

    /// The answer may be seen in this channel or thread.
    pub(super) fn may_be_seen_in(&self, operation: OperationId, channel: String) {
        let mut state = self.lock();
        if let Some(entry) = state.pending.get_mut(&operation) {
            entry.pending.public_in = Some(channel);
            entry.is_changed = true;
            drop(state);
            self.changed.notify_one();
        }
    }

    /// The reply was delivered, or will never be.
    pub(super) fn settled(&self, operation: OperationId) {
        let mut state = self.lock();
        if state.pending.remove(&operation).is_none() {
            return;
        }
        state.settled.push(operation);
        drop(state);
        self.changed.notify_one();
    }

    /// Whether its door has not answered yet.
    pub(super) fn is_live(&self, operation: OperationId) -> bool {
        self.lock().pending.get(&operation).is_some_and(|entry| matches!(entry.stage, Stage::Live))
    }

    /// The door cannot deliver: the bot has to send it. `false` if it was not pending.
    pub(super) fn hand_over(&self, operation: OperationId, why: String, perhaps_said: bool) -> bool {
        let mut state = self.lock();
        let Some(entry) = state.pending.get_mut(&operation) else { return false };
        let (not_before, set_at) = (Timestamp::MIN, Timestamp::MIN);
        entry.stage = Stage::Due { why, tries: 0, not_before, set_at };
        entry.pending.perhaps_said |= perhaps_said;
        entry.is_changed = true;
        drop(state);
        self.changed.notify_one();
        self.due.notify_one();
        true
    }

    /// The door will not answer, and the outcome is about to be found out.
    pub(super) fn wait_for(&self, operation: OperationId) {
        if let Some(entry) = self.lock().pending.get_mut(&operation) {
            entry.stage = Stage::Waiting;
        }
    }

    /// Takes over replies of processes that are gone.
    pub(super) fn take_on(&self, taken: Vec<PendingReply>) {
        let mut state = self.lock();
        for pending in taken {
            let entry = Entry { is_changed: false, stage: Stage::Waiting, pending };
            state.pending.insert(entry.pending.operation, entry);
        }
    }

    /// The operations whose outcome is not recorded yet.
    pub(super) fn waiting(&self) -> Vec<PendingReply> {
        let state = self.lock();
        let waiting = state.pending.values().filter(|entry| matches!(entry.stage, Stage::Waiting));
        waiting.map(|entry| entry.pending.clone()).collect()
    }

    /// How many the bot has to send by itself.
    pub(super) fn to_say(&self) -> usize {
        self.lock().pending.values().filter(|entry| !matches!(entry.stage, Stage::Live)).count()
    }

    /// What to send next.
    pub(super) fn next(&self, now: Timestamp) -> Next {
        let state = self.lock();
        let due = state.pending.values().filter_map(|entry| match &entry.stage {
            // If the clock was set back, nobody waits for the time that was lost.
            Stage::Due { why, set_at, .. } if now < *set_at => Some((now, entry, why)),
            Stage::Due { why, not_before, .. } => Some((*not_before, entry, why)),
            Stage::Live | Stage::Waiting => None,
        });
        match due.min_by_key(|(not_before, ..)| *not_before) {
            None => Next::Nothing,
            Some((not_before, entry, why)) if not_before <= now => {
                Next::Say(entry.pending.clone(), why.clone())
            }
            Some((not_before, ..)) => {
                Next::In(Duration::try_from(now.duration_until(not_before)).unwrap_or_default())
            }
        }
    }

    /// A try begins, or it ended without a delivery.
    pub(super) fn mark_said(&self, operation: OperationId, perhaps_said: bool) {
        let mut state = self.lock();
        let Some(entry) = state.pending.get_mut(&operation) else { return };
        if entry.pending.perhaps_said != perhaps_said {
            entry.pending.perhaps_said = perhaps_said;
            entry.is_changed = true;
        }
    }

    /// It could not be sent: try again after the platform's own pause or the next one. `false` if that
    /// would be too late.
    pub(super) fn postpone(&self, operation: OperationId, after: Option<Duration>, now: Timestamp) -> bool {
        let mut state = self.lock();
        let Some(entry) = state.pending.get_mut(&operation) else { return true };
        let Stage::Due { tries, not_before, set_at, .. } = &mut entry.stage else { return true };
        let usual = pause_before(*tries);
        *tries += 1;
        let next = now.saturating_add(after.unwrap_or(usual).min(LONGEST)).unwrap_or(Timestamp::MAX);
        *not_before = next;
        *set_at = now;
        !is_too_late(&entry.pending, next)
    }

    /// What has to be stored; `None` if nothing changed.
    pub(super) fn batch(&self) -> Option<Batch> {
        let mut state = self.lock();
        let done = std::mem::take(&mut state.settled);
        let mut changed = Vec::new();
        for entry in state.pending.values_mut().filter(|entry| entry.is_changed) {
            entry.is_changed = false;
            changed.push(entry.pending.clone());
        }
        (!done.is_empty() || !changed.is_empty()).then_some(Batch { changed, done })
    }

    /// The store did not take the batch.
    pub(super) fn is_not_kept(&self, batch: Batch) {
        let mut state = self.lock();
        for pending in batch.changed {
            if let Some(entry) = state.pending.get_mut(&pending.operation) {
                entry.is_changed = true;
            }
        }
        state.settled.extend(batch.done);
        drop(state);
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether nobody waits for it any more.
pub(super) fn is_too_late(pending: &PendingReply, at: Timestamp) -> bool {
    at.duration_since(pending.since) >= jiff::SignedDuration::try_from(LONGEST).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waits_for_an_answer_does_not_wait_for_the_time_that_a_clock_lost() {
        let noon = Timestamp::from_second(1_795_435_200).unwrap();
        let after = |seconds: i64| noon + jiff::SignedDuration::from_secs(seconds);
        let replies = Replies::default();
        let operation = OperationId::new(7);
        let pending =
            PendingReply { operation, public_in: None, known: None, perhaps_said: false, since: noon };
        replies.take_on(vec![pending]);
        assert!(replies.hand_over(operation, "slack answered 404".to_owned(), false));
        assert!(matches!(replies.next(noon), Next::Say(..)));
        assert!(replies.postpone(operation, Some(Duration::from_secs(30)), noon));
        assert!(matches!(replies.next(after(1)), Next::In(pause) if pause == Duration::from_secs(29)));
        assert!(matches!(replies.next(after(-7_200)), Next::Say(..)), "set back by two hours");
        // Tried again then, it is by that time that it waits.
        assert!(replies.postpone(operation, Some(Duration::from_secs(30)), after(-7_200)));
        assert!(matches!(replies.next(after(-7_190)), Next::In(pause) if pause == Duration::from_secs(20)));
        // Set forward by more than a day, it is tried once more and then given up.
        assert!(
            matches!(replies.next(after(100_000)), Next::Say(pending, _) if is_too_late(&pending, after(100_000)))
        );
    }
}
