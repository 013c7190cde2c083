//! `/room-owner <room>`: who owns it now, as Tencent says.

use super::corrections::nearest_room;
use crate::app::ports::ReadError;
use crate::app::service::{CommandService, OnRecord};
use crate::domain::audit::Outcome;
use crate::domain::reply::Reply;
use crate::domain::room::RoomId;

pub(super) async fn show_owner(service: &CommandService, room: RoomId, on_record: &OnRecord) -> Reply {
    let operation = on_record.operation;
    let (outcome, meant) = match service.rooms.owner_of(&room).await {
        Ok(owner) => (Outcome::Shown(owner), None),
        Err(error) => {
            let is_none = matches!(error, ReadError::NoRoom(_));
            let meant = if is_none { nearest_room(service, &room, &on_record.reach).await } else { None };
            (not_read(error), meant)
        }
    };
    service.record(operation, &outcome).await;
    Reply::Owner { operation, room, outcome, meant }
}

/// The outcome of a command that cannot read the owner of its room.
pub(super) fn not_read(error: ReadError) -> Outcome {
    match error {
        ReadError::NoRoom(refusal) | ReadError::Refused(refusal) => {
            Outcome::Refused { previous: None, refusal }
        }
        ReadError::Unreadable(refusal) => Outcome::Declined(refusal),
    }
}
