//! What is done about an admitted request: reading a room's owner, changing it, and writing down what came
//! of it.

use std::time::Duration;

use tracing::{error, warn};

use super::recovery::{Looked, lost};
use super::{CommandService, Recorded};
use crate::app::ports::{CallResult, ReadError};
use crate::domain::access::Reach;
use crate::domain::audit::{Attempt, OperationId, Outcome};
use crate::domain::command::Transfer;
use crate::domain::reply::Reply;
use crate::domain::room::{AccountId, RoomId};

/// How long a change may take before the previous owner is noted beside the attempt. Most are answered
/// sooner, and their previous owner is recorded with the outcome.
const SLOW_CHANGE: Duration = Duration::from_millis(150);

/// How often an outcome is offered to the store before the person is answered without it.
pub(super) const RECORD_TRIES: u32 = 6;

impl CommandService {
    /// Answers a question about a room's owner.
    pub async fn show_owner(&self, operation: OperationId, room: RoomId, reach: &Reach) -> Reply {
        let mut meant = None;
        let outcome = match self.rooms.owner_of(&room).await {
            Ok(owner) => Outcome::Shown(owner),
            Err(ReadError::NoRoom(refusal)) => {
                meant = self.nearest_room(&room, reach).await;
                Outcome::Refused { previous: None, refusal }
            }
            Err(ReadError::Refused(refusal)) => Outcome::Refused { previous: None, refusal },
            Err(ReadError::Unreadable(refusal)) => Outcome::Declined(refusal),
        };
        self.record(operation, &outcome).await;
        Reply::Owner { operation, room, outcome, meant }
    }

    /// Carries an attempt out and records what came of it.
    pub async fn execute(&self, attempt: Attempt) -> Reply {
        let mut meant = None;
        let outcome = match self.present_owner(&attempt, &mut meant).await {
            Ok(previous) => self.carry_out(&attempt, previous).await,
            Err(outcome) => outcome,
        };
        let recorded = self.record(attempt.operation(), &outcome).await;
        match transferred(&attempt, outcome, recorded) {
            Reply::Transfer { operation, transfer, by, outcome, recorded, head, .. } => {
                let meant = meant.map(Box::new);
                Reply::Transfer { operation, transfer, by, outcome, recorded, head, meant }
            }
            other => other,
        }
    }

    /// Who owns the room before the change; `None` if that cannot be read and somebody decided to go ahead. An error
    /// is how it ends without a change.
    async fn present_owner(
        &self,
        attempt: &Attempt,
        meant: &mut Option<Transfer>,
    ) -> Result<Option<AccountId>, Outcome> {
        let transfer = attempt.transfer();
        match self.rooms.owner_of(&transfer.room).await {
            Ok(owner) if owner == transfer.new_owner => Err(Outcome::Unchanged),
            Ok(owner) => Ok(Some(owner)),
            // Somebody has decided to go ahead without knowing.
            Err(ReadError::Refused(_) | ReadError::Unreadable(_)) if transfer.overrides.is_some() => Ok(None),
            Err(ReadError::NoRoom(refusal)) => {
                *meant = self.transfer_meant(transfer, attempt.reach()).await;
                Err(Outcome::Refused { previous: None, refusal })
            }
            Err(ReadError::Refused(refusal)) => Err(Outcome::Refused { previous: None, refusal }),
            // Without the present owner an unclear answer could never be resolved: do not begin.
            Err(ReadError::Unreadable(refusal)) => Err(Outcome::Declined(refusal)),
        }
    }

    async fn carry_out(&self, attempt: &Attempt, previous: Option<AccountId>) -> Outcome {
        let transfer = attempt.transfer();
        match self.change(attempt, previous.as_ref()).await {
            CallResult::Accepted { request_id } => {
                let confirmed = self.read_until(transfer, &self.timing.confirm).await;
                let confirmed = matches!(confirmed, Ok(owner) if owner == transfer.new_owner);
                Outcome::Succeeded { previous, confirmed, request_id, unclear: None }
            }
            CallResult::Refused(refusal) => Outcome::Refused { previous, refusal },
            CallResult::NotSent(refusal) => Outcome::Declined(refusal),
            CallResult::Failed(problem) => {
                self.watched.cut(attempt.operation(), self.clock.elapsed());
                let owner = self.rooms.owner_of(&transfer.room).await;
                let looked = Looked::AfterAnAnswer;
                self.settled(attempt.operation(), &transfer.new_owner, previous, problem, owner, looked).await
            }
            CallResult::Unclear(problem) => {
                warn!(operation = attempt.operation().seq(), problem = %problem.info, "outcome unclear; reading back");
                self.watched.cut(attempt.operation(), self.clock.elapsed());
                let owner = self.read_until(transfer, &self.timing.settle).await;
                let unclear_for = self.timing.unclear_for;
                let is_over = self.watched.is_cut_for(attempt.operation(), self.clock.elapsed(), unclear_for);
                let looked = if is_over { Looked::Late } else { Looked::AtOnce };
                self.settled(attempt.operation(), &transfer.new_owner, previous, problem, owner, looked).await
            }
        }
    }

    /// Sends the change. While it takes its time, and before an unclear answer is looked into, the previous owner is
    /// noted: should this process die now, the next one can tell from it what an unchanged owner means.
    async fn change(&self, attempt: &Attempt, previous: Option<&AccountId>) -> CallResult {
        let mut call = self.rooms.change_room_owner(attempt);
        let Some(previous) = previous else { return call.await };
        tokio::select! {
            result = &mut call => {
                if matches!(result, CallResult::Unclear(_)) {
                    self.note_previous_owner(attempt, previous).await;
                }
                result
            }
            () = tokio::time::sleep(SLOW_CHANGE) => tokio::join!(call, self.note_previous_owner(attempt, previous)).0,
        }
    }

    async fn note_previous_owner(&self, attempt: &Attempt, previous: &AccountId) {
        let noted = self.store.note_previous_owner(attempt.operation(), previous, self.clock.now()).await;
        if let Err(error) = noted {
            warn!(operation = attempt.operation().seq(), %error, "the previous owner could not be noted");
        }
    }

    /// Reads the owner after each pause, until it is the new one.
    pub(super) async fn read_until(
        &self,
        transfer: &Transfer,
        pauses: &[Duration],
    ) -> Result<AccountId, ReadError> {
        let mut last = None;
        for pause in pauses {
            if !pause.is_zero() {
                self.clock.sleep(*pause).await;
            }
            let owner = self.rooms.owner_of(&transfer.room).await;
            if matches!(&owner, Ok(owner) if *owner == transfer.new_owner) {
                return owner;
            }
            last = Some(owner);
        }
        last.unwrap_or_else(|| Err(ReadError::Unreadable(lost("the owner was not read back"))))
    }

    /// Records an outcome, patiently: the deed is done, only its record is missing. If the store does not
    /// take it, it is offered again as the recovery goes on, and at the latest the next start resolves the
    /// operation.
    pub(super) async fn record(&self, operation: OperationId, outcome: &Outcome) -> Recorded {
        for attempt in 1..=RECORD_TRIES {
            let at = self.watched.now(operation, &*self.clock);
            match self.store.finish(operation, outcome, at).await {
                Ok(head) => {
                    self.watched.recorded(operation);
                    self.under_way().remove(&operation);
                    return Recorded::Yes(head);
                }
                Err(problem) => {
                    error!(operation = operation.seq(), error = %problem, attempt, "the outcome could not be recorded");
                    self.clock.sleep(self.timing.record_again * attempt).await;
                }
            }
        }
        // Not under way any more: the recovery goes on with it.
        self.watched.not_recorded(operation, outcome.clone());
        self.under_way().remove(&operation);
        Recorded::NotYet
    }
}

pub(super) fn transferred(attempt: &Attempt, outcome: Outcome, recorded: Recorded) -> Reply {
    let (recorded, head) = match recorded {
        Recorded::Yes(head) => (true, head),
        Recorded::NotYet => (false, None),
    };
    Reply::Transfer {
        operation: attempt.operation(),
        transfer: attempt.transfer().clone(),
        by: attempt.by().clone(),
        outcome,
        recorded,
        head: head.map(Box::new),
        meant: None,
    }
}
