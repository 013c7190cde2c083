//! Writing requests and outcomes down, inside the writer's transaction.

use jiff::Timestamp;

use crate::app::ports::{Admission, Admitted, StoreError};
use crate::domain::access::{Action, Authority, Permit};
use crate::domain::admission::Verdict;
use crate::domain::audit::{AuditEntry, OperationId, Outcome, OutcomeKind, Request, What};
use crate::domain::command::{Command, CommandRequest};
use crate::domain::press::Button;
use crate::domain::principal::Place;
use crate::domain::reply_note::ReplyNote;
use crate::domain::room::AccountId;

use super::announcing;
use super::asking;
use super::buttons;
use super::log::LogTransaction;
use super::outbox;
use super::rows::{self, Open};

/// What an admission came to. The attempt itself is made only after the commit.
pub(super) enum AdmitResult {
    Recorded(OperationId),
    Busy { operation: Option<OperationId>, holder: Open },
    Other(Admitted),
}

/// Claims the delivery, checks that the decision still holds and that the room is free, and records.
pub(super) fn admit(
    log: &mut LogTransaction<'_>,
    admission: &Admission,
    at: Timestamp,
) -> Result<AdmitResult, StoreError> {
    let request = match admission {
        Admission::Request { request, verdict, .. } => Request::of(request, verdict),
        Admission::Rejected(request) => Request::rejected(request),
    };
    let reads_log = admission.permit().is_some_and(|permit| permit.action().is_reading());
    let mut request = Request { reading: reads_log, process: log.instance.to_owned(), ..request };
    if let Some(first) = first_of(log, request.delivery_id.as_deref())? {
        let operation = log.record(at, request.duplicate_of(first.operation))?;
        return Ok(AdmitResult::Other(Admitted::Duplicate { operation, first }));
    }
    let acl_version = log.acl_version()?;
    if admission.acl_version().is_some_and(|version| version != acl_version) {
        return Ok(AdmitResult::Other(Admitted::AclChanged));
    }
    let pressed = match admission {
        Admission::Request { request, verdict, .. } if verdict.permits() || is_not_second(verdict) => {
            request.pressed.as_ref().map(|pressed| (pressed, &request.principal.subject))
        }
        _ => None,
    };
    if let Some((pressed, by)) = pressed
        && let Err(why) = buttons::check(log, pressed, by, at)?
    {
        let operation = log.record(at, request.declined(why.to_string()))?;
        return Ok(AdmitResult::Other(Admitted::NotPressed { operation, why }));
    }
    if let Admission::Request { verdict: Verdict::Ask(_), .. } = admission
        && let (Some(person), Some(room)) = (&request.actor, &request.room)
        && let Some(first) = asking::open_of(log, person, room, at)?
    {
        let why = format!("asked before, in operation {}", first.operation);
        let operation = log.record(at, request.declined(why))?;
        return Ok(AdmitResult::Other(Admitted::AskedBefore { operation, first: Box::new(first) }));
    }
    if let Admission::Request { request: asked, verdict, decline_if_busy, .. } = admission
        && let Some(permit) = verdict.to_transfer()
    {
        let room = request.room.as_ref().map(|room| room.as_str()).unwrap_or_default();
        if let Some(holder) = holder_of(log, room)? {
            if !decline_if_busy {
                return Ok(AdmitResult::Busy { operation: None, holder });
            }
            let number = holder.entry.operation;
            if !may_override(asked, permit, &holder.entry) {
                let why = format!("busy: operation {number} on this room has not ended");
                let operation = Some(log.record(at, request.declined(why))?);
                return Ok(AdmitResult::Busy { operation, holder });
            }
            if matches!(verdict, Verdict::Transfer(..)) {
                // First, because a room has one holder at a time.
                let by = OperationId::new(log.next_operation(at)?.seq() + 1);
                log.append(number, at, What::Overridden { by })?;
                request.overrides = Some(number);
            }
        } else if let Some(named) = named_by(asked) {
            // It never held the room, or has ended by now. Either way its author knows less than there is to know.
            let why = format!("not overridden: operation {named} does not hold this room");
            let operation = log.record(at, request.declined(why))?;
            return Ok(AdmitResult::Other(Admitted::NotHeld { operation, named }));
        }
    }
    if let Some(permit) = admission.permit() {
        note_use(log, permit, at)?;
    }
    let operation = log.record(at, request)?;
    if let Admission::Request { request, verdict: Verdict::Ask(asking), .. } = admission
        && let Place::Channel(channel) = &request.place
    {
        asking::begin(log, operation, asking, channel, at)?;
    }
    if let Some((pressed, _)) = pressed
        && !matches!(admission, Admission::Request { verdict, .. } if is_not_second(verdict))
    {
        buttons::use_up(log, pressed, operation)?;
    }
    if matches!(admission, Admission::Request { is_answered_later: true, .. }) {
        outbox::begin(log, operation, at)?;
    }
    Ok(AdmitResult::Recorded(operation))
}

/// Whether the button stays for somebody else.
fn is_not_second(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::NotSecond(_))
}

/// Whether the request may override the operation that holds its room: it names it, its permit is for that, and
/// its outcome is unknown. What is still under way is waited for.
fn may_override(request: &CommandRequest, permit: &Permit, holder: &AuditEntry) -> bool {
    named_by(request) == Some(holder.operation)
        && matches!(permit.action(), Action::Override(_))
        && holder.outcome == OutcomeKind::Unknown
}

/// The operation that the request wants to override.
fn named_by(request: &CommandRequest) -> Option<OperationId> {
    request.command.as_ref().ok().and_then(Command::transfer)?.overrides
}

/// The entry that claimed the delivery, if it was claimed.
pub(super) fn first_of(
    log: &LogTransaction<'_>,
    delivery: Option<&str>,
) -> Result<Option<AuditEntry>, StoreError> {
    let Some(delivery) = delivery else { return Ok(None) };
    log.entry_where("operation = (SELECT operation FROM deliveries WHERE delivery_id = ?)", [delivery])
}

fn holder_of(log: &LogTransaction<'_>, room: &str) -> Result<Option<Open>, StoreError> {
    let sql = format!("SELECT {}, instance FROM operations WHERE held_room = ?", rows::ENTRY);
    let mut statement = log.connection.prepare_cached(&sql)?;
    let mut found = statement.query([room])?;
    found.next()?.map(Open::of).transpose()
}

/// Notes when the grant was used, to the hour.
pub(super) fn note_use(log: &LogTransaction<'_>, permit: &Permit, at: Timestamp) -> Result<(), StoreError> {
    let Authority::Grant(grant) = permit.authority() else { return Ok(()) };
    let sql = "INSERT INTO grant_uses (grant_id, at) VALUES (?, ?)
               ON CONFLICT (grant_id) DO UPDATE SET at = excluded.at WHERE excluded.at >= at + 3600000";
    log.connection.prepare_cached(sql)?.execute([*grant, at.as_millisecond()])?;
    Ok(())
}

/// Whether the operation has no final outcome.
fn is_open(log: &LogTransaction<'_>, operation: OperationId) -> Result<bool, StoreError> {
    log.exists("SELECT 1 FROM operations WHERE operation = ? AND is_open = 1", [operation.seq()])
}

/// Notes the previous owner beside an operation that is still open.
pub(super) fn note_previous_owner(
    log: &mut LogTransaction<'_>,
    operation: OperationId,
    previous_owner: AccountId,
    at: Timestamp,
) -> Result<(), StoreError> {
    if is_open(log, operation)? { log.append(operation, at, What::Noted { previous_owner }) } else { Ok(()) }
}

/// Notes how the reply went, whether or not the operation has ended.
pub(super) fn note_reply(
    log: &mut LogTransaction<'_>,
    operation: OperationId,
    note: ReplyNote,
    at: Timestamp,
) -> Result<(), StoreError> {
    log.append(operation, at, What::Reply(note))
}

/// What came of recording an outcome.
pub(super) struct Finished {
    /// Whether it is to be announced somewhere.
    pub(super) is_announced: bool,
    /// The button that undoes it.
    pub(super) undo: Option<Button>,
}

/// Records an outcome, and offers the button that undoes it. `None` if the operation already has a final one.
pub(super) fn finish(
    log: &mut LogTransaction<'_>,
    operation: OperationId,
    outcome: Outcome,
    at: Timestamp,
) -> Result<Option<Finished>, StoreError> {
    if !is_open(log, operation)? {
        return Ok(None);
    }
    let undo = buttons::undo(log, operation, &outcome, at)?;
    log.append(operation, at, What::Ended(outcome))?;
    let is_announced = announcing::announce(log, operation, at)?;
    Ok(Some(Finished { is_announced, undo }))
}
