//! Completion while somebody types: rooms, and owners of a room.
//!
//! Nothing here is a command, so nothing is recorded; and nothing is shown that the caller could not see by a command.

use tracing::{debug, warn};

use super::ports::RoomSummary;
use super::service::CommandService;
use crate::domain::access::{AclView, Action};
use crate::domain::audit::{AuditFilter, OperationKind};
use crate::domain::command::{CommandGroup, Place};
use crate::domain::principal::Principal;
use crate::domain::room::RoomId;

/// How many entries of a room are searched for its owners.
const ENTRIES: u32 = 100;

/// The live rooms that the caller may use the command about from this place and that match what is
/// typed, at most `most`: to hand them over, to ask as an admin who may, to read their log. Empty if they
/// cannot be had.
pub async fn rooms(
    service: &CommandService,
    principal: &Principal,
    place: &Place,
    family: CommandGroup,
    typed: &str,
    most: usize,
) -> Vec<RoomSummary> {
    let Some(acl) = acl(service, principal, place).await else { return Vec::new() };
    // No call to Tencent for somebody without a grant here.
    if acl.grants.is_empty() || acl.channels.is_empty() {
        return Vec::new();
    }
    let may = |action| service.may(principal, place, action, &acl);
    let about = match family {
        CommandGroup::Owner => Action::Transfer,
        CommandGroup::Acl if may(Action::ReadAcl(None)) => Action::Transfer,
        CommandGroup::Audit if may(Action::ReadAudit) => Action::ShowOwner,
        CommandGroup::Acl | CommandGroup::Audit => return Vec::new(),
    };
    let rooms = service.live_rooms.get().await.inspect_err(|error| {
        debug!(problem = error.refusal().info, "the live rooms cannot be listed");
    });
    let rooms = rooms.unwrap_or_default();
    let permitted: Vec<_> = rooms.iter().filter(|summary| may(about(summary.room.clone()))).collect();
    best(permitted, typed, |summary| summary.room.as_str()).take(most).cloned().collect()
}

/// Recent owners of the room that it may be handed to, newest first, that match what is typed, at most
/// `most`; none to somebody who may not hand the room over.
pub async fn owners(
    service: &CommandService,
    principal: &Principal,
    place: &Place,
    room: &RoomId,
    typed: &str,
    most: usize,
) -> Vec<String> {
    let Some(acl) = acl(service, principal, place).await else { return Vec::new() };
    if !service.may(principal, place, Action::Transfer(room.clone()), &acl) {
        return Vec::new();
    }
    let (room, kind) = (Some(room.clone()), Some(OperationKind::Transfer));
    let filter = AuditFilter { room, kind, ..AuditFilter::succeeded(ENTRIES) };
    let entries = match service.store.audit(&filter).await {
        Ok(entries) => entries,
        Err(error) => {
            warn!(%error, "owners cannot be suggested");
            return Vec::new();
        }
    };
    let mut owners: Vec<String> = Vec::new();
    for owner in entries.into_iter().flat_map(|entry| [entry.new_owner, entry.previous_owner]).flatten() {
        // Tencent's own ids can be what nobody may ask for.
        let is_taken = owner.parse().is_ok_and(|account| service.accounts.check(&account).is_ok());
        if is_taken && !owners.contains(&owner) {
            owners.push(owner);
        }
    }
    best(owners, typed, String::as_str).take(most).collect()
}

async fn acl(service: &CommandService, principal: &Principal, place: &Place) -> Option<AclView> {
    let acl = service.store.acl_for(principal, place).await;
    acl.inspect_err(|error| warn!(%error, "nothing can be suggested")).ok()
}

/// Those that begin with what is typed, then those that hold it; without regard to ASCII case.
fn best<T>(all: Vec<T>, typed: &str, text: impl Fn(&T) -> &str) -> impl Iterator<Item = T> {
    let typed = typed.trim().to_ascii_lowercase();
    let (mut first, mut rest) = (Vec::new(), Vec::new());
    for item in all {
        let text = text(&item).to_ascii_lowercase();
        if text.starts_with(&typed) {
            first.push(item);
        } else if text.contains(&typed) {
            rest.push(item);
        }
    }
    first.into_iter().chain(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_with_the_typed_text_comes_first() {
        let all = vec!["my live", "live-2", "LIVE-1", "test"];
        let found: Vec<_> = best(all.clone(), " live", |text| text).collect();
        assert_eq!(found, ["live-2", "LIVE-1", "my live"]);
        assert_eq!(best(all, "", |text| text).count(), 4);
    }
}
