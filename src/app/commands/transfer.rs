//! `/room-owner <room> <new_owner>`: hands the room over and records the outcome.

use std::time::Duration;

use tracing::warn;

use super::corrections::transfer_meant;
use super::press;
use super::show_owner::not_read;
use crate::app::ports::{CallResult, ReadError};
use crate::app::service::{CommandService, Recorded};
use crate::domain::admission::Attempt;
use crate::domain::audit::Outcome;
use crate::domain::command::Transfer;
use crate::domain::reply::Reply;
use crate::domain::room::AccountId;

/// How long a change may take before the previous owner is recorded ahead of the outcome. Most are answered sooner
/// and record both at once.
const SLOW_CHANGE: Duration = Duration::from_millis(150);

pub(super) async fn transfer(service: &CommandService, attempt: &Attempt) -> Reply {
    let transfer = attempt.transfer();
    let offered = attempt.pressed().map(|pressed| pressed.of);
    let (outcome, meant) = match service.rooms.owner_of(&transfer.room).await {
        Ok(owner) if owner == transfer.new_owner => (Outcome::Unchanged, None),
        Ok(owner) => {
            match press::overtaken(service, &transfer.room, attempt.expects(), offered, &owner).await {
                Some(outcome) => (outcome, None),
                None => (carry_out(service, attempt, Some(owner)).await, None),
            }
        }
        // The override says to go ahead without knowing the owner, unless it is bound to one.
        Err(ReadError::Refused(_) | ReadError::Unreadable(_))
            if transfer.overrides.is_some() && attempt.expects().is_none() =>
        {
            (carry_out(service, attempt, None).await, None)
        }
        // Without the present owner an unclear answer could never be resolved: do not begin.
        Err(error) => {
            let is_none = matches!(error, ReadError::NoRoom(_));
            let meant = if is_none { transfer_meant(service, transfer, attempt.reach()).await } else { None };
            (not_read(error), meant)
        }
    };
    let recorded = service.record(attempt.operation(), &outcome).await;
    reply(attempt, outcome, recorded, meant)
}

async fn carry_out(service: &CommandService, attempt: &Attempt, previous: Option<AccountId>) -> Outcome {
    let transfer = attempt.transfer();
    match change(service, attempt, previous.as_ref()).await {
        CallResult::Accepted { request_id } => {
            let confirmed = service.read_until(transfer, &service.timing.confirm).await;
            let confirmed = matches!(confirmed, Ok(owner) if owner == transfer.new_owner);
            Outcome::Succeeded { previous, confirmed, request_id, unclear: None }
        }
        CallResult::Refused(refusal) => Outcome::Refused { previous, refusal },
        CallResult::NotSent(refusal) => Outcome::Declined(refusal),
        CallResult::Failed(problem) => service.look_after_failure(attempt, previous, problem).await,
        CallResult::Unclear(problem) => service.look_after_silence(attempt, previous, problem).await,
    }
}

/// Sends the change. If it is slow, or its answer unclear, the previous owner is recorded first: should this process
/// die now, the next one needs it to tell what an unchanged owner means.
async fn change(service: &CommandService, attempt: &Attempt, previous: Option<&AccountId>) -> CallResult {
    let mut call = service.rooms.change_room_owner(attempt);
    let Some(previous) = previous else { return call.await };
    tokio::select! {
        result = &mut call => {
            if matches!(result, CallResult::Unclear(_)) {
                note_previous_owner(service, attempt, previous).await;
            }
            result
        }
        () = tokio::time::sleep(SLOW_CHANGE) => {
            tokio::join!(call, note_previous_owner(service, attempt, previous)).0
        }
    }
}

async fn note_previous_owner(service: &CommandService, attempt: &Attempt, previous: &AccountId) {
    let noted = service.store.note_previous_owner(attempt.operation(), previous, service.clock.now()).await;
    if let Err(error) = noted {
        warn!(operation = attempt.operation().seq(), %error, "the previous owner could not be noted");
    }
}

pub(super) fn reply(
    attempt: &Attempt,
    outcome: Outcome,
    recorded: Recorded,
    meant: Option<Transfer>,
) -> Reply {
    let (recorded, finished) = match recorded {
        Recorded::Yes(finished) => (true, finished),
        Recorded::NotYet => (false, None),
    };
    let (head, undo) = finished.map_or((None, None), |finished| (finished.head, finished.undo));
    let reply = Reply::Transfer {
        operation: attempt.operation(),
        transfer: attempt.transfer().clone(),
        by: attempt.by().clone(),
        requested_by: attempt.requested_by().cloned().map(Box::new),
        outcome,
        recorded,
        head: head.map(Box::new),
        meant: meant.map(Box::new),
    };
    reply.with_buttons(undo.into_iter().collect())
}
