//! The service for whoever is on the bot's machine and asks about no room: Tencent is not reached from it.

use std::sync::Arc;

use async_trait::async_trait;

use super::ports::{CallResult, Clock, Known, Observer, ReadError, RoomControl, RoomSummary, Store};
use super::service::{CommandService, Timing};
use crate::domain::admission::Attempt;
use crate::domain::audit::Refusal;
use crate::domain::room::{AccountId, RoomId};

/// A service that answers questions from the store, and edits the ACL.
pub fn service(
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    known: Known,
) -> CommandService {
    let service = CommandService::new(store, Arc::new(NoRooms), clock, observer, Timing::default());
    service.with_directory(Arc::new(known))
}

/// Where no room is to be asked about.
struct NoRooms;

fn refusal() -> Refusal {
    let remedy = "Use `room-owner transfer` or `room-owner owner`.";
    Refusal::own("this command does not reach Tencent", remedy)
}

#[async_trait]
impl RoomControl for NoRooms {
    async fn owner_of(&self, _room: &RoomId) -> Result<AccountId, ReadError> {
        Err(ReadError::Unreadable(refusal()))
    }

    async fn change_room_owner(&self, _attempt: &Attempt) -> CallResult {
        CallResult::NotSent(refusal())
    }

    async fn live_rooms(&self) -> Result<Vec<RoomSummary>, ReadError> {
        Err(ReadError::Unreadable(refusal()))
    }
}
