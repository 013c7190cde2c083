//! Completion while somebody types: rooms, and owners of a room.
//!
//! Nothing here is a command, so nothing is recorded; and nothing is shown that the caller could not see by a command.

use tracing::{debug, warn};

use super::ports::{RoomSummary, WhichSettings};
use super::service::CommandService;
use crate::domain::access::{AclView, Action, Setting};
use crate::domain::audit::{AuditFilter, OperationKind};
use crate::domain::command::{CommandGroup, Place};
use crate::domain::principal::Principal;
use crate::domain::room::RoomId;

/// How many entries of a room are searched for its owners.
const ENTRIES: u32 = 100;
/// How many linked people are searched.
const MOST_LINKED: usize = 200;

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
    best(permitted, typed, |summary| [Some(summary.room.as_str())]).take(most).cloned().collect()
}

/// An account that a room may be handed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The account.
    pub account: String,
    /// What the person was called when last seen who has it, if that is known.
    pub person: Option<String>,
}

/// Recent owners of the room that it may be handed to, newest first, and the accounts of people of this chat, that match
/// what is typed by the account or by the person's name, at most `most`; none to somebody who may not hand the room over.
pub async fn owners(
    service: &CommandService,
    principal: &Principal,
    place: &Place,
    room: &RoomId,
    typed: &str,
    most: usize,
) -> Vec<Owner> {
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
    let linked = linked(service, principal).await;
    let mut owners: Vec<Owner> = Vec::new();
    for owner in entries.into_iter().flat_map(|entry| [entry.new_owner, entry.previous_owner]).flatten() {
        // Tencent's own ids can be what nobody may ask for.
        let is_taken = owner.parse().is_ok_and(|account| service.accounts.check(&account).is_ok());
        if is_taken && !owners.iter().any(|known| known.account == owner) {
            let person = linked.iter().find(|linked| linked.account == owner);
            owners.push(Owner { person: person.and_then(|linked| linked.person.clone()), account: owner });
        }
    }
    for owner in linked {
        if !owners.iter().any(|known| known.account == owner.account) {
            owners.push(owner);
        }
    }
    // A name is typed as a mention begins.
    let typed = typed.trim().trim_start_matches('@');
    best(owners, typed, |owner| [Some(owner.account.as_str()), owner.person.as_deref()]).take(most).collect()
}

/// The accounts of people of the caller's own workspace or server.
async fn linked(service: &CommandService, principal: &Principal) -> Vec<Owner> {
    let settings = service.store.settings(&WhichSettings::All).await.unwrap_or_else(|error| {
        warn!(%error, "linked people cannot be suggested");
        Vec::new()
    });
    let now = service.clock.now();
    let mut owners = Vec::new();
    for entry in settings.iter().filter(|entry| entry.is_live(now)) {
        if let Setting::Link { person, account } = &entry.setting
            && person.is_beside(&principal.subject)
            && owners.len() < MOST_LINKED
        {
            owners.push(Owner { account: account.to_string(), person: service.last_seen_name(person).await });
        }
    }
    owners
}

async fn acl(service: &CommandService, principal: &Principal, place: &Place) -> Option<AclView> {
    let acl = service.store.acl_for(principal, place).await;
    acl.inspect_err(|error| warn!(%error, "nothing can be suggested")).ok()
}

/// Those that begin with what is typed in one of their texts, then those that hold it; without regard to case.
fn best<T, const N: usize>(
    all: Vec<T>,
    typed: &str,
    texts: impl Fn(&T) -> [Option<&str>; N],
) -> impl Iterator<Item = T> {
    let typed = typed.trim().to_lowercase();
    let (mut first, mut rest) = (Vec::new(), Vec::new());
    for item in all {
        let texts: Vec<String> = texts(&item).into_iter().flatten().map(str::to_lowercase).collect();
        if texts.iter().any(|text| text.starts_with(&typed)) {
            first.push(item);
        } else if texts.iter().any(|text| text.contains(&typed)) {
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
        let found: Vec<_> = best(all.clone(), " live", |text| [Some(*text)]).collect();
        assert_eq!(found, ["live-2", "LIVE-1", "my live"]);
        assert_eq!(best(all, "", |text| [Some(*text)]).count(), 4);
    }
}
