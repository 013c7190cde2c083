//! What moderators ask about rooms: `/room-owner list`, `/room-owner undo`.

use tracing::warn;

use crate::app::ports::{StoreError, WhichSettings};
use crate::app::service::{CommandService, OnRecord, not_recorded};
use crate::domain::access::{Action, Role, account_of, rights};
use crate::domain::audit::{AuditEntry, AuditFilter, OperationKind};
use crate::domain::command::{CommandRequest, OwnerQuestion};
use crate::domain::live::RoomSummary;
use crate::domain::principal::Subject;
use crate::domain::reply::{LastHandOver, OwnerAnswer, Reply};
use crate::domain::room::RoomId;

/// How many of the caller's successful operations are searched: questions are among them.
const ENTRIES: u32 = 100;

pub(super) async fn answer(
    service: &CommandService,
    request: &CommandRequest,
    on_record: &OnRecord,
    question: &OwnerQuestion,
) -> Reply {
    let answer = match question {
        OwnerQuestion::List => Ok(list(service, request, on_record).await),
        OwnerQuestion::Undo => last_hand_over(service, request).await,
        OwnerQuestion::HandTo(person) => account(service, request, on_record, person).await,
    };
    match answer {
        Ok(answer) => Reply::Rooms { operation: on_record.operation, answer: Box::new(answer) },
        Err(error) => not_recorded(&error),
    }
}

/// The live rooms that the caller may hand over here. Tencent is asked only if there can be any.
async fn list(service: &CommandService, request: &CommandRequest, on_record: &OnRecord) -> OwnerAnswer {
    if !hands_over(service, request, on_record) {
        return OwnerAnswer::NoRooms;
    }
    let theirs = live(service, request, on_record, Action::Transfer).await;
    OwnerAnswer::Rooms(theirs.map(|rooms| rooms.into_iter().map(|it| (it.room, it.owner)).collect()))
}

/// The live rooms with which the caller may do something here; `None` if Tencent cannot be asked.
pub(super) async fn live(
    service: &CommandService,
    request: &CommandRequest,
    on_record: &OnRecord,
    action: fn(RoomId) -> Action,
) -> Option<Vec<RoomSummary>> {
    let (principal, place, acl) = (&request.principal, &request.place, &on_record.acl);
    let rooms = service.live_rooms.get().await.inspect_err(|error| {
        let problem = &error.refusal().info;
        warn!(operation = on_record.operation.seq(), problem, "the live rooms cannot be listed");
    });
    let is_theirs = |summary: &&RoomSummary| service.may(principal, place, action(summary.room.clone()), acl);
    Some(rooms.ok()?.iter().filter(is_theirs).cloned().collect())
}

/// Whether the caller may hand any room over here.
fn hands_over(service: &CommandService, request: &CommandRequest, on_record: &OnRecord) -> bool {
    let own = rights(&request.principal, &request.place, &on_record.acl, service.clock.now());
    own.iter().any(|right| right.lets(Some(Role::Moderator)))
}

/// The account of somebody, for whoever may hand rooms over here.
async fn account(
    service: &CommandService,
    request: &CommandRequest,
    on_record: &OnRecord,
    person: &Subject,
) -> Result<OwnerAnswer, StoreError> {
    if !hands_over(service, request, on_record) {
        return Ok(OwnerAnswer::NoRooms);
    }
    let links = service.store.settings(&WhichSettings::LinksOf(vec![person.clone()])).await?;
    let account = account_of(&links, person, service.clock.now()).cloned();
    Ok(OwnerAnswer::Account(person.clone(), account))
}

/// The caller's last successful hand-over, and whether somebody has changed the owner of that room since.
async fn last_hand_over(
    service: &CommandService,
    request: &CommandRequest,
) -> Result<OwnerAnswer, StoreError> {
    let done = AuditFilter::succeeded(ENTRIES);
    let (actor, kind) = (Some(request.principal.subject.clone()), Some(OperationKind::Transfer));
    let own = AuditFilter { actor, kind, ..done.clone() };
    let is_change = |entry: &AuditEntry| entry.room.is_some() && entry.new_owner.is_some();
    let Some(entry) = service.store.audit(&own).await?.into_iter().find(is_change) else {
        return Ok(OwnerAnswer::Last(None));
    };
    let of_room = AuditFilter { room: entry.room.clone(), ..done };
    let newest = service.store.audit(&of_room).await?.into_iter().find(is_change);
    let later = newest.filter(|newest| newest.operation != entry.operation);
    Ok(OwnerAnswer::Last(Some(Box::new(LastHandOver { entry, later }))))
}
