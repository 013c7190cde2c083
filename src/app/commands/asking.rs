//! `/room-owner ask` and `/room-acl answer`.

use std::time::Duration;

use jiff::Timestamp;

use super::acl::helpers;
use crate::app::ports::StoreError;
use crate::app::service::CommandService;
use crate::domain::access::plan::Step;
use crate::domain::access::{AclChange, RoomScope};
use crate::domain::audit::OperationId;
use crate::domain::command::CommandRequest;
use crate::domain::reply::{AskAnswer, Reply};
use crate::domain::room::RoomId;

/// What somebody reads who asked for access.
pub(super) async fn reply(
    service: &CommandService,
    request: &CommandRequest,
    operation: OperationId,
    room: &RoomId,
    answer: AskAnswer,
) -> Reply {
    let helpers = helpers(service, request, &[RoomScope::Exact(room.clone())]).await;
    let (room, answer, subject) = (room.clone(), Box::new(answer), request.principal.subject.clone());
    Reply::Ask { operation, room, answer, subject, helpers }
}

/// The grant that answers a request for access; none if the answer is no, or nobody asks.
///
/// # Errors
/// When the store cannot be read, or the grant would end too far away.
pub(super) async fn changes(
    service: &CommandService,
    operation: OperationId,
    lasts: Option<Duration>,
    now: Timestamp,
) -> Result<Vec<Step>, StoreError> {
    let (Some(asked), Some(lasts)) = (service.store.access_request(operation).await?, lasts) else {
        return Ok(Vec::new());
    };
    let end = now.checked_add(lasts).map_err(|error| StoreError(error.to_string()))?;
    let (grant, reason) = asked.grant(end);
    Ok(vec![(AclChange::Grant(grant), Some(reason))])
}
