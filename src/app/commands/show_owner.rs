//! `/room-owner <room>`: who owns it now, as Tencent says.

use super::corrections::nearest_room;
use crate::app::ports::ReadError;
use crate::app::service::{CommandService, OnRecord};
use crate::domain::access::Reach;
use crate::domain::audit::Outcome;
use crate::domain::reply::Reply;
use crate::domain::room::RoomId;

pub(super) async fn show_owner(service: &CommandService, room: RoomId, on_record: &OnRecord) -> Reply {
    let operation = on_record.operation;
    let (outcome, meant) = match service.rooms.owner_of(&room).await {
        Ok(owner) => (Outcome::Shown(owner), None),
        Err(error) => not_read(service, &room, &on_record.reach, error).await,
    };
    service.record(operation, &outcome).await;
    Reply::Owner { operation, room, outcome, meant }
}

/// The outcome of a command that cannot read the owner of its room, and the room that was probably meant.
pub(super) async fn not_read(
    service: &CommandService,
    room: &RoomId,
    reach: &Reach,
    error: ReadError,
) -> (Outcome, Option<RoomId>) {
    match error {
        ReadError::NoRoom(refusal) => {
            (Outcome::Refused { previous: None, refusal }, nearest_room(service, room, reach).await)
        }
        ReadError::Refused(refusal) => (Outcome::Refused { previous: None, refusal }, None),
        ReadError::Unreadable(refusal) => (Outcome::Declined(refusal), None),
    }
}
