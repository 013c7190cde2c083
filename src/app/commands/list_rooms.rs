//! `/room-owner list`: the live rooms that the caller may hand over here.

use tracing::warn;

use crate::app::service::CommandService;
use crate::domain::access::{AclView, Action, Role, rights};
use crate::domain::audit::OperationId;
use crate::domain::command::CommandRequest;
use crate::domain::reply::Reply;

impl CommandService {
    /// Asks Tencent, if the caller may hand over anything at all.
    pub(in crate::app) async fn list_rooms(
        &self,
        operation: OperationId,
        request: &CommandRequest,
        acl: &AclView,
    ) -> Reply {
        let (principal, place) = (&request.principal, &request.place);
        let own = rights(principal, place, acl, self.now());
        if !own.iter().any(|right| matches!(right.role, Role::Moderator | Role::Admin)) {
            return Reply::Rooms { operation, rooms: Some(Vec::new()) };
        }
        let rooms = match self.rooms().live_rooms().await {
            Ok(rooms) => rooms,
            Err(error) => {
                warn!(
                    operation = operation.seq(),
                    problem = error.refusal().info,
                    "the live rooms cannot be listed"
                );
                return Reply::Rooms { operation, rooms: None };
            }
        };
        let theirs = rooms
            .into_iter()
            .filter(|summary| self.may(principal, place, Action::Transfer(summary.room.clone()), acl))
            .map(|summary| (summary.room, summary.owner));
        Reply::Rooms { operation, rooms: Some(theirs.collect()) }
    }
}
