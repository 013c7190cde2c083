//! Changes of owner that the service tells of by itself: ours are confirmed, others' are recorded.
//!
//! A callback is answered first and worked on afterwards. Whoever sends more of them than can be worked on
//! gets an error.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tracing::{error, info, warn};

use super::CommandService;
use super::recording::RECORD_TRIES;
use crate::app::UNTRUSTED;
use crate::app::ports::{CallbackEnd, Observation, OwnerChangeEvent, ReadBack, ReadError, StoreError};
use crate::domain::audit::{OBSERVED, OperationId, Outcome, OutcomeKind, Refusal};
use crate::domain::command::{RejectedRequest, Rejection};
use crate::domain::room::AccountId;

/// How many callbacks may wait. People change owners one at a time: hundreds at once are a flood.
const MOST_WAITING: usize = 512;
/// How many are worked on at a time: each may read an owner back, on the same ceiling as everybody's commands.
const AT_A_TIME: usize = 4;

/// How many callbacks are taken.
pub(super) struct Notices {
    places: Arc<Semaphore>,
    working: Arc<Semaphore>,
}

impl Default for Notices {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(MOST_WAITING)), working: Arc::new(Semaphore::new(AT_A_TIME)) }
    }
}

impl CommandService {
    /// Works on a notice in a task of its own, which a shutdown waits for. `false` if too many are waiting.
    pub fn take_notice(self: &Arc<Self>, notice: OwnerChangeEvent) -> bool {
        let Ok(place) = Arc::clone(&self.notices.places).try_acquire_owned() else {
            self.observer.called_back(CallbackEnd::Dropped);
            return false;
        };
        let service = Arc::clone(self);
        self.spawn(async move {
            let Ok(_turn) = Arc::clone(&service.notices.working).acquire_owned().await else { return };
            service.observe(notice).await;
            drop(place);
        });
        true
    }

    /// Records an authentic callback that cannot be read.
    pub fn take_unusable_notice(self: &Arc<Self>, why: String) {
        self.observer.called_back(CallbackEnd::Unusable);
        let Ok(place) = Arc::clone(&self.notices.places).try_acquire_owned() else { return };
        let service = Arc::clone(self);
        self.spawn(async move {
            let rejection = Rejection::Unusable(why.into());
            let typed = OBSERVED.to_owned();
            let request =
                RejectedRequest { principal: None, channel: None, delivery: None, typed, rejection };
            service.reject(request).await;
            drop(place);
        });
    }

    /// Finds out what a notice means, and writes it down.
    pub async fn observe(&self, notice: OwnerChangeEvent) -> CallbackEnd {
        let end = self.look_into(&notice).await.unwrap_or_else(|problem| {
            error!(room = %notice.room, delivery = notice.delivery.as_str(), error = %problem, "a callback could not be recorded");
            CallbackEnd::Failed
        });
        self.observer.called_back(end);
        end
    }

    async fn look_into(&self, notice: &OwnerChangeEvent) -> Result<CallbackEnd, StoreError> {
        if notice.is_signed {
            let observed = self.offer(notice, None).await?;
            if observed != Observation::Foreign {
                return Ok(self.observed(notice, observed).await);
            }
        }
        let seen = self.read_back(notice).await;
        if !notice.is_signed && seen != ReadBack::Owner(notice.new_owner.clone()) {
            info!(target: UNTRUSTED, room = %notice.room, ?seen, "an unsigned callback is not believed: the owner is another");
            return Ok(CallbackEnd::Unbelieved);
        }
        let observed = self.offer(notice, Some(seen)).await?;
        Ok(self.observed(notice, observed).await)
    }

    /// Offers a notice to the store, patiently: nobody sends it again.
    async fn offer(
        &self,
        notice: &OwnerChangeEvent,
        seen: Option<ReadBack>,
    ) -> Result<Observation, StoreError> {
        let mut tries = 1;
        loop {
            match self.store.observe(notice, seen.as_ref(), self.clock.now()).await {
                Err(problem) if tries < RECORD_TRIES => {
                    warn!(room = %notice.room, error = %problem, tries, "a callback could not be recorded yet");
                    self.clock.sleep(self.timing.record_again * tries).await;
                    tries += 1;
                }
                answer => return answer,
            }
        }
    }

    /// Reads the owner until it is the one that the notice names: what was changed a moment ago may not be
    /// readable everywhere yet.
    async fn read_back(&self, notice: &OwnerChangeEvent) -> ReadBack {
        let mut seen = ReadBack::Nothing("it was not read".to_owned());
        for pause in &self.timing.confirm {
            if !pause.is_zero() {
                self.clock.sleep(*pause).await;
            }
            match self.rooms.owner_of(&notice.room).await {
                Ok(owner) if owner == notice.new_owner => return ReadBack::Owner(owner),
                Ok(owner) => seen = ReadBack::Owner(owner),
                Err(ReadError::NoRoom(refusal)) => return ReadBack::Nothing(refusal.info),
                Err(error) => seen = ReadBack::Nothing(error.refusal().info.clone()),
            }
        }
        seen
    }

    async fn observed(&self, notice: &OwnerChangeEvent, observed: Observation) -> CallbackEnd {
        match observed {
            Observation::Confirms { operation, outcome } => {
                info!(operation = operation.seq(), room = %notice.room, "tencent's callback confirms the change");
                if matches!(outcome, OutcomeKind::Unknown | OutcomeKind::Pending) {
                    self.conclude(operation).await;
                }
                CallbackEnd::Confirmed
            }
            Observation::Corrects { operation, was } => {
                warn!(operation = operation.seq(), room = %notice.room, %was, "tencent's callback reports a change that was over: its outcome is corrected");
                self.follow_up_on(operation, Some(was), notice.event_at).await;
                CallbackEnd::Confirmed
            }
            Observation::Recorded(operation) => {
                info!(operation = operation.seq(), room = %notice.room, "a change of owner was observed");
                CallbackEnd::Observed
            }
            Observation::Known | Observation::NothingNew | Observation::Foreign => CallbackEnd::Repeated,
        }
    }

    /// Ends an operation whose outcome nobody knew and nobody is working on: now it is known.
    async fn conclude(&self, operation: OperationId) {
        let Ok(open) = self.store.unresolved().await else { return };
        let Some(unresolved) = open.into_iter().find(|open| open.operation == operation) else { return };
        if !self.is_abandoned(&unresolved) {
            return;
        }
        let problem = self.problem(&unresolved);
        let Some(outcome) =
            self.confirmed_by_callback(operation, unresolved.previous_owner.clone(), None, problem).await
        else {
            return;
        };
        info!(operation = operation.seq(), "operation resolved by tencent's callback");
        self.follow_up(&unresolved).await;
        self.record(operation, &outcome).await;
    }

    /// The outcome of an operation whose end is unclear, if a callback has reported its change.
    pub(super) async fn confirmed_by_callback(
        &self,
        operation: OperationId,
        previous: Option<AccountId>,
        owner_now: Option<AccountId>,
        problem: Refusal,
    ) -> Option<Outcome> {
        let confirmation = self.store.confirmation(operation).await.unwrap_or_else(|error| {
            warn!(operation = operation.seq(), %error, "callbacks cannot be read");
            None
        })?;
        let previous = previous.or(confirmation.original_owner.filter(|_| confirmation.is_signed));
        Some(Outcome::ConfirmedByCallback { previous, owner_now, unclear: problem })
    }
}
