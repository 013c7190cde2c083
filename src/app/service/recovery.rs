//! What became of an operation whose end was lost: found out by reading the owner back, never by sending
//! again.

use std::time::Duration;

use tracing::{error, info};

use super::{CommandService, StoreError};
use crate::app::ports::ReadError;
use crate::domain::audit::{OperationId, Outcome, OutcomeKind, Refusal, Unresolved};
use crate::domain::room::AccountId;

/// How long after the record of an attempt its call may still leave: the owner is read first, patiently.
const LONGEST_BEFORE_SENDING: Duration = Duration::from_secs(20);

impl CommandService {
    /// Looks into every operation without a final outcome that nobody is working on.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn recover(&self) -> Result<(), StoreError> {
        for unresolved in self.store.unresolved().await? {
            if self.is_abandoned(&unresolved) {
                self.resolve(&unresolved).await;
            }
        }
        Ok(())
    }

    /// Calls [`Self::recover`] now and again, for as long as the process runs.
    pub async fn keep_recovering(&self) {
        loop {
            if let Err(error) = self.recover().await {
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

    /// Resolves an operation by reading the owner back. It is never sent again.
    pub(super) async fn resolve(&self, unresolved: &Unresolved) {
        let Some(new_owner) = &unresolved.new_owner else {
            let refusal = lost("the process ended before the question was answered");
            self.record(unresolved.operation, &Outcome::Declined(refusal)).await;
            return;
        };
        // A change that was sent shortly before the end may still be on its way.
        let settled = self.timing.settle.iter().sum::<Duration>();
        let (now, begun_at) = (self.clock.now(), unresolved.begun_at);
        let (since, wait) = if unresolved.outcome == OutcomeKind::Unknown {
            // It was called unknown only after it had settled.
            (begun_at, Duration::ZERO)
        } else if begun_at < self.started_at {
            // Its process had ended when this one began, so nothing was sent after that.
            (self.started_at, settled)
        } else {
            (begun_at, settled + LONGEST_BEFORE_SENDING)
        };
        if let Some(early) = wait.checked_sub(now.duration_since(since).unsigned_abs()) {
            self.clock.sleep(early).await;
            // Read before it was entered here, it may be this process's own work after all.
            if !self.is_abandoned(unresolved) {
                return;
            }
        }
        let owner = self.rooms.owner_of(&unresolved.room).await;
        let problem = lost("the process ended before Tencent's answer was recorded");
        let previous = unresolved.previous_owner.clone();
        let outcome = self.settled(unresolved.operation, new_owner, previous, problem, owner).await;
        if outcome.kind() == unresolved.outcome && !outcome.is_final() {
            return;
        }
        info!(operation = unresolved.operation.seq(), outcome = %outcome.kind(), "operation resolved by reading the owner back");
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
