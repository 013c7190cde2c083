//! The outcome of an operation: found out where Tencent's answer is unclear, and recorded.

use std::time::{Duration, Instant};

use tracing::{error, warn};

use super::CommandService;
use super::recovery::{Looked, lost};
use crate::app::ports::{Finished, ReadError, Step};
use crate::domain::admission::Attempt;
use crate::domain::audit::{OperationId, Outcome, Refusal};
use crate::domain::command::Transfer;
use crate::domain::room::AccountId;

/// How often recording an outcome is tried before the person is answered without it.
pub(super) const RECORD_TRIES: u32 = 6;

/// Whether an outcome is in the log.
pub(in crate::app) enum Recorded {
    /// It is, unless another outcome had been recorded before.
    Yes(Option<Box<Finished>>),
    /// Not yet; recovery records it.
    NotYet,
}

impl CommandService {
    /// Ends an operation that was admitted but not acknowledged, without carrying it out.
    pub(in crate::app) async fn decline(
        &self,
        operation: OperationId,
        why: &impl std::fmt::Display,
    ) -> (Outcome, Recorded) {
        warn!(operation = operation.seq(), %why, "not acknowledged, so nothing was done");
        let info = format!("not acknowledged in time: {why}");
        let outcome = Outcome::Declined(Refusal::own(info, Refusal::NOT_BEGUN));
        let recorded = self.record(operation, &outcome).await;
        (outcome, recorded)
    }

    /// The outcome of a call that failed, by reading the owner once.
    pub(in crate::app) async fn look_after_failure(
        &self,
        attempt: &Attempt,
        previous: Option<AccountId>,
        problem: Refusal,
    ) -> Outcome {
        let (operation, transfer) = (attempt.operation(), attempt.transfer());
        self.watched.cut(operation, self.clock.elapsed());
        let owner = self.rooms.owner_of(&transfer.room).await;
        let looked = Looked::AfterAnAnswer;
        self.settled(operation, &transfer.new_owner, previous, problem, owner, looked).await
    }

    /// The outcome of a call whose answer was lost, by reading the owner for a while.
    pub(in crate::app) async fn look_after_silence(
        &self,
        attempt: &Attempt,
        previous: Option<AccountId>,
        problem: Refusal,
    ) -> Outcome {
        let (operation, transfer) = (attempt.operation(), attempt.transfer());
        warn!(operation = operation.seq(), problem = %problem.info, "outcome unclear; reading back");
        self.watched.cut(operation, self.clock.elapsed());
        let owner = self.read_until(transfer, &self.timing.settle).await;
        let is_over = self.watched.is_cut_for(operation, self.clock.elapsed(), self.timing.unclear_for);
        let looked = if is_over { Looked::Late } else { Looked::AtOnce };
        self.settled(operation, &transfer.new_owner, previous, problem, owner, looked).await
    }

    /// Reads the owner after each pause, until it is the new one.
    pub(in crate::app) async fn read_until(
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

    /// Records an outcome, with several tries: the room was changed, only the record of it is missing. If all fail,
    /// recovery tries again, and at the latest the next start resolves the operation.
    pub(in crate::app) async fn record(&self, operation: OperationId, outcome: &Outcome) -> Recorded {
        let began = Instant::now();
        for attempt in 1..=RECORD_TRIES {
            let at = self.watched.now(operation, &*self.clock);
            match self.store.finish(operation, outcome, at).await {
                Ok(finished) => {
                    self.watched.recorded(operation);
                    self.in_flight.end(operation);
                    self.observer.took(Step::Outcome, began.elapsed());
                    return Recorded::Yes(finished.map(Box::new));
                }
                Err(problem) => {
                    error!(operation = operation.seq(), error = %problem, attempt, "the outcome could not be recorded");
                    self.clock.sleep(self.timing.record_again * attempt).await;
                }
            }
        }
        // Not in flight any more: recovery takes it from here.
        self.watched.not_recorded(operation, outcome.clone());
        self.in_flight.end(operation);
        Recorded::NotYet
    }
}
