//! What became of an operation whose end was lost: found out by reading the owner back, never by sending
//! again.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing::{error, info};

use super::{CommandService, StoreError};
use crate::app::ports::ReadError;
use crate::domain::audit::{OperationId, Outcome, OutcomeKind, Refusal, Unresolved};
use crate::domain::room::AccountId;

/// The admissions that the store has not answered yet. What one of them records can be read before it is
/// known here whose it is, and must not be taken for work that was abandoned.
#[derive(Default)]
pub(super) struct Admissions(Mutex<(u64, HashSet<u64>)>);

/// An admission that has not been answered, or whose answer is still being taken in.
pub(super) struct Asking<'a>(&'a Admissions, u64);

impl Admissions {
    pub(super) fn begin(&self) -> Asking<'_> {
        let mut asked = self.lock();
        asked.0 += 1;
        let number = asked.0;
        asked.1.insert(number);
        Asking(self, number)
    }

    fn unanswered(&self) -> HashSet<u64> {
        self.lock().1.clone()
    }

    fn lock(&self) -> MutexGuard<'_, (u64, HashSet<u64>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.lock().1.remove(&self.1);
    }
}

impl CommandService {
    /// Looks into every operation without a final outcome that nobody is working on.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn recover(&self) -> Result<(), StoreError> {
        let open = self.store.unresolved().await?;
        // Asked for after the reading: what was read and is not among them has been taken in.
        let unanswered = self.admissions.unanswered();
        let abandoned: Vec<_> = open.into_iter().filter(|open| self.is_abandoned(open)).collect();
        // One wait serves them all: after a crash there may be hundreds.
        if abandoned.iter().any(may_be_on_its_way) {
            self.clock.sleep(self.settled_after()).await;
        }
        // Read before it was entered here, it may be this process's own work after all.
        let is_new =
            |open: &Unresolved| open.is_ours && !unanswered.is_disjoint(&self.admissions.unanswered());
        let abandoned =
            abandoned.into_iter().filter(|open| !is_new(open) && self.is_abandoned(open)).collect();
        for unresolved in &self.still_open(abandoned).await? {
            self.look_into_it(unresolved).await;
        }
        Ok(())
    }

    /// Those that have no final outcome even now. What is ended is not under way any more either, so what was
    /// read a moment before its end looks abandoned; it is enough to read again after that look.
    async fn still_open(&self, mut found: Vec<Unresolved>) -> Result<Vec<Unresolved>, StoreError> {
        if !found.is_empty() {
            let open: HashSet<_> = self.store.unresolved().await?.iter().map(|open| open.operation).collect();
            found.retain(|unresolved| open.contains(&unresolved.operation));
        }
        Ok(found)
    }

    /// Calls [`Self::recover`] now and again, for as long as the process runs.
    pub async fn keep_recovering(&self) {
        loop {
            let looked = async {
                self.take_over_replies().await?;
                self.look_at_waiting_replies().await?;
                self.recover().await?;
                self.look_at_waiting_replies().await
            };
            if let Err(error) = looked.await {
                error!(%error, "unresolved operations could not be read");
            }
            self.clock.sleep(self.timing.recover_again).await;
        }
    }

    pub(super) fn is_abandoned(&self, unresolved: &Unresolved) -> bool {
        let mine = self.under_way().contains(&unresolved.operation);
        let others = unresolved.outcome == OutcomeKind::Pending && unresolved.is_elsewhere;
        !mine && !others
    }

    /// Resolves the operation that keeps somebody else out of its room, if nobody is working on it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) async fn resolve_holder(&self, unresolved: &Unresolved) -> Result<(), StoreError> {
        let is_new = unresolved.is_ours && !self.admissions.unanswered().is_empty();
        if is_new || !self.is_abandoned(unresolved) {
            return Ok(());
        }
        let found = self.still_open(vec![unresolved.clone()]).await?;
        if found.iter().any(may_be_on_its_way) {
            self.clock.sleep(self.settled_after()).await;
        }
        let found = found.into_iter().filter(|open| self.is_abandoned(open)).collect();
        for unresolved in &self.still_open(found).await? {
            self.look_into_it(unresolved).await;
        }
        Ok(())
    }

    /// How long after its sender's end a change may still come true. It counts from the moment at which the
    /// operation was found without anybody at work on it: when it was sent, no clock tells for sure.
    fn settled_after(&self) -> Duration {
        self.timing.settle.iter().sum()
    }

    /// Resolves an operation by reading the owner back. It is never sent again.
    async fn look_into_it(&self, unresolved: &Unresolved) {
        let Some(new_owner) = &unresolved.new_owner else {
            let refusal = lost("the process ended before the question was answered");
            self.owe_the_news(unresolved).await;
            self.record(unresolved.operation, &Outcome::Declined(refusal)).await;
            return;
        };
        let owner = self.rooms.owner_of(&unresolved.room).await;
        let problem = lost("the process ended before Tencent's answer was recorded");
        let previous = unresolved.previous_owner.clone();
        let outcome = self.settled(unresolved.operation, new_owner, previous, problem, owner).await;
        if outcome.kind() == unresolved.outcome && !outcome.is_final() {
            return;
        }
        info!(operation = unresolved.operation.seq(), outcome = %outcome.kind(), "operation resolved by reading the owner back");
        self.owe_the_news(unresolved).await;
        self.record(unresolved.operation, &outcome).await;
    }

    /// What an unclear answer turns out to have been: what the owner says that was read back, unless
    /// a callback has told of the change.
    pub(super) async fn settled(
        &self,
        operation: OperationId,
        new_owner: &AccountId,
        previous: Option<AccountId>,
        problem: Refusal,
        read_back: Result<AccountId, ReadError>,
    ) -> Outcome {
        let owner_now = read_back.as_ref().ok().cloned();
        let by_reading = settle(new_owner, previous.clone(), problem.clone(), read_back);
        if matches!(by_reading, Outcome::Succeeded { .. }) {
            return by_reading;
        }
        self.told(operation, previous, owner_now, problem).await.unwrap_or(by_reading)
    }
}

/// Whether its change may have been sent a moment ago. An unknown outcome is called so only after it had
/// settled, and a question changes nothing.
fn may_be_on_its_way(unresolved: &Unresolved) -> bool {
    unresolved.outcome == OutcomeKind::Pending && unresolved.new_owner.is_some()
}

/// What an unclear answer turns out to have been, by the owner that was read back after it.
fn settle(
    new_owner: &AccountId,
    previous: Option<AccountId>,
    problem: Refusal,
    read_back: Result<AccountId, ReadError>,
) -> Outcome {
    match read_back {
        Ok(owner) if owner == *new_owner => Outcome::Succeeded {
            previous,
            confirmed: true,
            request_id: problem.request_id.clone(),
            unclear: Some(problem),
        },
        // Known to be as before: it did not happen.
        Ok(owner) if previous.as_ref() == Some(&owner) => {
            let remedy = match problem.code {
                Some(_) => problem.remedy,
                None => {
                    "The change did not happen. Look at the room's owner once more before you send it again."
                        .to_owned()
                }
            };
            Outcome::Refused { previous: Some(owner), refusal: Refusal { remedy, ..problem } }
        }
        Ok(owner) => Outcome::Unknown { previous, problem, owner_now: Some(owner) },
        // The room is gone: there is nothing left to own, and nothing left to find out.
        Err(ReadError::NoRoom(refusal)) => Outcome::Refused {
            previous,
            refusal: Refusal { info: format!("{}; then: {}", problem.info, refusal.info), ..refusal },
        },
        Err(ReadError::Refused(_) | ReadError::Unreadable(_)) => {
            Outcome::Unknown { previous, problem, owner_now: None }
        }
    }
}

pub(super) fn lost(info: &str) -> Refusal {
    Refusal {
        code: None,
        info: info.to_owned(),
        request_id: None,
        remedy: "Look at the room's owner before you try again.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(id: &str) -> AccountId {
        AccountId::from_tencent(id.to_owned())
    }

    fn settled(previous: Option<&str>, now: &str) -> Outcome {
        settle(&account("new"), previous.map(account), lost("no answer"), Ok(account(now)))
    }

    #[test]
    fn the_new_owner_is_a_yes_whoever_came_before() {
        assert!(matches!(settled(None, "new"), Outcome::Succeeded { confirmed: true, .. }));
        assert!(matches!(settled(Some("old"), "new"), Outcome::Succeeded { confirmed: true, .. }));
    }

    #[test]
    fn only_the_known_previous_owner_is_a_no() {
        assert!(matches!(settled(Some("old"), "old"), Outcome::Refused { .. }));
        for previous in [None, Some("old")] {
            let outcome = settled(previous, "third");
            assert!(
                matches!(&outcome, Outcome::Unknown { owner_now: Some(now), .. } if now.as_str() == "third")
            );
            assert!(outcome.is_final(), "no reading can ever tell more");
            assert_eq!(outcome.previous_owner().map(AccountId::as_str), previous);
        }
    }
}
