//! `/room-acl grant`, `deny`, `revoke`, `channel allow`, `channel remove`: changes of the ACL.

use std::sync::Arc;

use tracing::warn;

use crate::app::acl::hindered_by;
use crate::app::ports::{AclChanged, AclEdit, StoreError};
use crate::app::service::{CommandService, not_recorded};
use crate::domain::access::{AclChange, ChangedEntry, Hindered, Known, NewGrant, Permit, is_for_oneself};
use crate::domain::command::{AclCommand, Command, CommandRequest, Edit, Place};
use crate::domain::principal::Channel;
use crate::domain::reply::Reply;
use crate::domain::wording::acl::AclAnswer;

/// Makes a permitted edit. `None` if the ACL changed since: decide again.
pub(super) async fn edit(
    service: &CommandService,
    request: &CommandRequest,
    permit: Permit,
) -> Option<Reply> {
    let now = service.clock.now();
    let (changes, reason) = match changes(request, now) {
        Ok(changes) => changes,
        Err(error) => return Some(not_recorded(&error)),
    };
    let known = service.directory.known();
    let edit = AclEdit {
        principal: request.principal.clone(),
        place: request.place.clone(),
        delivery: request.delivery.clone(),
        typed: request.typed.clone(),
        permit,
        changes: changes.into_iter().map(|change| (change, reason.clone())).collect(),
        reason,
        force: false,
        known: Arc::clone(&known),
    };
    let (operation, answer) = match service.store.edit_acl(edit, now).await {
        Ok(AclChanged::Changed(operation, changed)) => {
            let hindered = hindered(service, &changed, &known).await;
            let is_for_oneself = is_for_oneself(&request.principal, &changed);
            (operation, AclAnswer::Edited { changed, is_for_oneself, hindered })
        }
        Ok(AclChanged::Declined(operation, why)) => (operation, AclAnswer::NotEdited(why)),
        Ok(AclChanged::Duplicate { operation, first }) => return Some(Reply::Duplicate { operation, first }),
        Ok(AclChanged::AclChanged) => return None,
        Err(error) => return Some(not_recorded(&error)),
    };
    Some(Reply::Acl { operation, answer: Box::new(answer) })
}

/// Why a new grant has no effect yet. The edit stands even if that cannot be read.
async fn hindered(service: &CommandService, changed: &[ChangedEntry], known: &Known) -> Hindered {
    let Some(entry) = changed.first() else { return Hindered::default() };
    hindered_by(&*service.store, &*service.clock, entry, known).await.unwrap_or_else(|error| {
        warn!(%error, "the warnings about a new grant cannot be worked out");
        Hindered::default()
    })
}

/// The changes that are asked for, and why.
fn changes(
    request: &CommandRequest,
    now: jiff::Timestamp,
) -> Result<(Vec<AclChange>, Option<String>), StoreError> {
    let Ok(Command::Acl(AclCommand::Edit { edit, reason })) = &request.command else {
        return Err(StoreError("a request that is no edit was admitted as one".to_owned()));
    };
    let here = |channel: &Option<Channel>| match (channel, &request.place) {
        (Some(channel), _) | (None, Place::Channel(channel)) => Ok(channel.clone()),
        (None, Place::Local) => Err(StoreError("no channel is named".to_owned())),
    };
    let changes = match edit {
        Edit::Grant { grant, also, lasts } => {
            let end = lasts.map(|lasts| now.checked_add(lasts)).transpose();
            let expires_at =
                end.map_err(|error| StoreError(format!("the grant would end too late: {error}")))?;
            let each = std::iter::once(&grant.rooms).chain(also);
            each.map(|rooms| AclChange::Grant(NewGrant { rooms: rooms.clone(), expires_at, ..grant.clone() }))
                .collect()
        }
        Edit::Revoke(id) => vec![AclChange::Revoke(*id)],
        Edit::AllowChannel(channel, rooms) => {
            vec![AclChange::AllowChannel { channel: here(channel)?, rooms: rooms.clone() }]
        }
        Edit::RemoveChannel(channel) => vec![AclChange::RemoveChannel(here(channel)?)],
    };
    Ok((changes, reason.clone()))
}
