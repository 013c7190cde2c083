//! Which answers this process owes. Here in memory, and now and then in the store: see [`ReplyBook`].
//!
//! What went to Tencent for somebody in chat is owed an answer from the moment at which it is written down. Its
//! door gives it, nearly always at once, and says so. What the door cannot deliver is said by the bot itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;

use crate::app::replies::{Batch, Messengers, Owed, ReplyBook};
use crate::domain::audit::OperationId;

/// After a day nobody waits for an answer any more.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);

/// Seconds before each repetition; the last ones again and again.
const PAUSES: [u64; 7] = [1, 5, 30, 120, 600, 1_800, 3_600];

/// The answers that this process owes.
#[derive(Default)]
pub(super) struct Replies {
    book: Option<Arc<dyn ReplyBook>>,
    messengers: OnceLock<Messengers>,
    state: Mutex<State>,
    /// Something is to be kept.
    pub(super) changed: Notify,
    /// Something is to be said.
    pub(super) due: Notify,
    /// Batches reach the store in the order in which they were made.
    pub(super) keeping: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    owed: BTreeMap<OperationId, Entry>,
    settled: Vec<OperationId>,
}

struct Entry {
    owed: Owed,
    /// Whether the store has it otherwise.
    is_changed: bool,
    stage: Stage,
}

enum Stage {
    /// Its door is about to answer.
    Live,
    /// What came of it is not on record yet.
    Waiting,
    /// The bot is to say it, not before a time that was set at another.
    Due { why: String, tries: usize, not_before: Timestamp, set_at: Timestamp },
}

/// What to say next.
pub(super) enum Next {
    /// Nothing.
    Nothing,
    /// Nothing before so long.
    In(Duration),
    /// This, for this reason.
    Say(Owed, String),
}

impl Replies {
    pub(super) fn kept_in(book: Arc<dyn ReplyBook>) -> Self {
        Self { book: Some(book), ..Self::default() }
    }

    /// From now on answers are owed, and people on these platforms can be told. Only the first call counts.
    pub(super) fn begin(&self, messengers: Messengers) {
        drop(self.messengers.set(messengers));
    }

    pub(super) fn book(&self) -> Option<&Arc<dyn ReplyBook>> {
        self.book.as_ref().filter(|_| self.messengers.get().is_some())
    }

    /// How people are told; `None` before anybody can be.
    pub(super) fn messengers(&self) -> Option<&Messengers> {
        self.book.as_ref().and(self.messengers.get())
    }

    /// An operation was written down, and its door is to answer.
    pub(super) fn begin_one(&self, operation: OperationId, since: Timestamp) {
        let owed = Owed { operation, public_in: None, known: None, perhaps_said: false, since };
        self.lock().owed.insert(operation, Entry { owed, is_changed: false, stage: Stage::Live });
    }

    /// The answer may be seen in this channel or thread.
    pub(super) fn may_be_seen_in(&self, operation: OperationId, channel: String) {
        let mut state = self.lock();
        if let Some(entry) = state.owed.get_mut(&operation) {
            entry.owed.public_in = Some(channel);
            entry.is_changed = true;
            drop(state);
            self.changed.notify_one();
        }
    }

    /// The answer was given, or will never be.
    pub(super) fn settled(&self, operation: OperationId) {
        let mut state = self.lock();
        if state.owed.remove(&operation).is_none() {
            return;
        }
        state.settled.push(operation);
        drop(state);
        self.changed.notify_one();
    }

    /// Whether its door has not answered yet.
    pub(super) fn is_live(&self, operation: OperationId) -> bool {
        self.lock().owed.get(&operation).is_some_and(|entry| matches!(entry.stage, Stage::Live))
    }

    /// The door cannot answer: the bot is to say it. `false` if it was not owed.
    pub(super) fn hand_over(&self, operation: OperationId, why: String, perhaps_said: bool) -> bool {
        let mut state = self.lock();
        let Some(entry) = state.owed.get_mut(&operation) else { return false };
        let (not_before, set_at) = (Timestamp::MIN, Timestamp::MIN);
        entry.stage = Stage::Due { why, tries: 0, not_before, set_at };
        entry.owed.perhaps_said |= perhaps_said;
        entry.is_changed = true;
        drop(state);
        self.changed.notify_one();
        self.due.notify_one();
        true
    }

    /// The door will not answer, and what came of it is about to be found out.
    pub(super) fn wait_for(&self, operation: OperationId) {
        if let Some(entry) = self.lock().owed.get_mut(&operation) {
            entry.stage = Stage::Waiting;
        }
    }

    /// Takes on what the store has given to this process.
    pub(super) fn take_on(&self, taken: Vec<Owed>) {
        let mut state = self.lock();
        for owed in taken {
            let entry = Entry { is_changed: false, stage: Stage::Waiting, owed };
            state.owed.insert(entry.owed.operation, entry);
        }
    }

    /// Those whose outcome is waited for.
    pub(super) fn waiting(&self) -> Vec<Owed> {
        let state = self.lock();
        let waiting = state.owed.values().filter(|entry| matches!(entry.stage, Stage::Waiting));
        waiting.map(|entry| entry.owed.clone()).collect()
    }

    /// How many the bot is to say by itself.
    pub(super) fn to_say(&self) -> usize {
        self.lock().owed.values().filter(|entry| !matches!(entry.stage, Stage::Live)).count()
    }

    /// What to say next.
    pub(super) fn next(&self, now: Timestamp) -> Next {
        let state = self.lock();
        let due = state.owed.values().filter_map(|entry| match &entry.stage {
            // A clock that was set back keeps nobody waiting for the time that was lost.
            Stage::Due { why, set_at, .. } if now < *set_at => Some((now, entry, why)),
            Stage::Due { why, not_before, .. } => Some((*not_before, entry, why)),
            Stage::Live | Stage::Waiting => None,
        });
        match due.min_by_key(|(not_before, ..)| *not_before) {
            None => Next::Nothing,
            Some((not_before, entry, why)) if not_before <= now => Next::Say(entry.owed.clone(), why.clone()),
            Some((not_before, ..)) => {
                Next::In(Duration::try_from(now.duration_until(not_before)).unwrap_or_default())
            }
        }
    }

    /// It is about to be said, or was not in spite of that.
    pub(super) fn mark_said(&self, operation: OperationId, perhaps_said: bool) {
        let mut state = self.lock();
        let Some(entry) = state.owed.get_mut(&operation) else { return };
        if entry.owed.perhaps_said != perhaps_said {
            entry.owed.perhaps_said = perhaps_said;
            entry.is_changed = true;
        }
    }

    /// It could not be said: later again, after the platform's own pause or the next one. `false` if that
    /// would be too late.
    pub(super) fn postpone(&self, operation: OperationId, after: Option<Duration>, now: Timestamp) -> bool {
        let mut state = self.lock();
        let Some(entry) = state.owed.get_mut(&operation) else { return true };
        let Stage::Due { tries, not_before, set_at, .. } = &mut entry.stage else { return true };
        let usual = Duration::from_secs(PAUSES[(*tries).min(PAUSES.len() - 1)]);
        *tries += 1;
        let next = now.saturating_add(after.unwrap_or(usual).min(LONGEST)).unwrap_or(Timestamp::MAX);
        *not_before = next;
        *set_at = now;
        !is_too_late(&entry.owed, next)
    }

    /// What is to be kept; `None` if that is kept already.
    pub(super) fn batch(&self) -> Option<Batch> {
        let mut state = self.lock();
        let done = std::mem::take(&mut state.settled);
        let mut changed = Vec::new();
        for entry in state.owed.values_mut().filter(|entry| entry.is_changed) {
            entry.is_changed = false;
            changed.push(entry.owed.clone());
        }
        (!done.is_empty() || !changed.is_empty()).then_some(Batch { changed, done })
    }

    /// The store did not take it.
    pub(super) fn is_not_kept(&self, batch: Batch) {
        let mut state = self.lock();
        for owed in batch.changed {
            if let Some(entry) = state.owed.get_mut(&owed.operation) {
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
pub(super) fn is_too_late(owed: &Owed, at: Timestamp) -> bool {
    at.duration_since(owed.since) >= jiff::SignedDuration::try_from(LONGEST).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_owed_an_answer_does_not_wait_for_the_time_that_a_clock_lost() {
        let noon = Timestamp::from_second(1_795_435_200).unwrap();
        let after = |seconds: i64| noon + jiff::SignedDuration::from_secs(seconds);
        let replies = Replies::default();
        let operation = OperationId::new(7);
        let owed = Owed { operation, public_in: None, known: None, perhaps_said: false, since: noon };
        replies.take_on(vec![owed]);
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
            matches!(replies.next(after(100_000)), Next::Say(owed, _) if is_too_late(&owed, after(100_000)))
        );
    }
}
