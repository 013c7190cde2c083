//! `/room-acl grant`, `deny`, `revoke`, `channel allow`, `channel remove`: changes of the ACL.

use std::sync::Arc;

use tracing::warn;

use super::acl::named;
use crate::app::acl::hindered_by;
use crate::app::ports::{AclChanged, AclEdit, StoreError};
use crate::app::service::{CommandService, not_recorded};
use crate::domain::access::{AclChange, ChangedEntry, Hindered, Known, NewGrant, Permit, is_for_oneself};
use crate::domain::command::{
    AclCommand, Command, CommandRequest, Edit, Family, Invocation, Place, Problem, UsageError,
};
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
            let is_for_oneself = is_for_oneself(&request.principal, &changed);
            let mut entries = Vec::new();
            for entry in changed {
                let hindered = hindered(service, &entry, &known).await;
                entries.push((entry, hindered));
            }
            (operation, AclAnswer::Edited { changed: entries, is_for_oneself })
        }
        Ok(AclChanged::Declined(operation, why)) => (operation, AclAnswer::NotEdited(why)),
        Ok(AclChanged::Duplicate { operation, first }) => return Some(Reply::Duplicate { operation, first }),
        Ok(AclChanged::AclChanged) => return None,
        Err(error) => return Some(not_recorded(&error)),
    };
    Some(named(service, operation, answer, &request.place).await)
}

/// The request with the one entry that it means, where it names a person instead; or with what is wrong with that.
pub(super) async fn resolved(
    service: &CommandService,
    request: &CommandRequest,
) -> Result<Option<CommandRequest>, StoreError> {
    let Ok(Command::Acl(AclCommand::Edit { edit: Edit::RevokeOf(subject), reason })) = &request.command
    else {
        return Ok(None);
    };
    let mut entries = service.store.live_grants(service.clock.now()).await?;
    entries.retain(|grant| grant.subject == *subject);
    let command = if let [only] = entries.as_slice() {
        Ok(Command::Acl(AclCommand::Edit { edit: Edit::Revoke(only.id), reason: reason.clone() }))
    } else {
        let revoke = Invocation::named(Family::Acl, &["revoke"]);
        let mut meant: Vec<Invocation> =
            entries.iter().map(|grant| revoke.clone().with("grant", grant.id)).collect();
        if meant.is_empty() {
            meant.push(Invocation::named(Family::Acl, &["list"]));
        }
        let problem = Problem::WhichEntry(Box::new((subject.clone(), entries)));
        Err(UsageError { meant, ..UsageError::of(revoke.verb, problem) })
    };
    Ok(Some(CommandRequest { command, ..request.clone() }))
}

/// Why a new grant has no effect yet. The edit stands even if that cannot be read.
async fn hindered(service: &CommandService, entry: &ChangedEntry, known: &Known) -> Hindered {
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
        Edit::Grant { grants, ends } => {
            let expires_at = ends.as_ref().map(|ends| ends.resolve(now)).transpose().map_err(StoreError)?;
            grants.iter().map(|grant| AclChange::Grant(NewGrant { expires_at, ..grant.clone() })).collect()
        }
        Edit::RevokeOf(_) => return Err(StoreError("the entry that is meant was not looked up".to_owned())),
        Edit::Revoke(id) => vec![AclChange::Revoke(*id)],
        Edit::AllowChannel(channel, rooms) => {
            vec![AclChange::AllowChannel { channel: here(channel)?, rooms: rooms.clone() }]
        }
        Edit::RemoveChannel(channel) => vec![AclChange::RemoveChannel(here(channel)?)],
    };
    Ok((changes, reason.clone()))
}
