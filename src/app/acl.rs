//! What a change of the ACL is about, and the right of the machine's own command line to make it.

use jiff::Timestamp;

use super::ports::{Clock, Store, StoreError};
use crate::domain::access::{AclView, Action, Decision, Permit, RoomScope, decide, is_open};
use crate::domain::command::{Edit, Place};
use crate::domain::principal::{Channel, Principal};

/// The rooms that an edit affects: its author has to be an admin for them. None for a grant that does not exist.
///
/// # Errors
/// When the store cannot be read.
pub(super) async fn rooms_of(
    store: &dyn Store,
    edit: &Edit,
    acl: &AclView,
    now: Timestamp,
) -> Result<Vec<RoomScope>, StoreError> {
    let authorised = async |channel: Option<&Channel>| {
        let entries = match channel {
            // The view holds the caller's own channel.
            None => acl.channels.clone(),
            Some(channel) => {
                let mut entries = store.channels().await?;
                entries.retain(|entry| entry.channel == *channel);
                entries
            }
        };
        Ok::<_, StoreError>(entries.into_iter().find(|entry| is_open(entry, now)).map(|entry| entry.rooms))
    };
    // Without a channel it is completed first, and decided again.
    let announced = async |channel: Option<&Channel>| {
        let Some(channel) = channel else { return Ok(None) };
        let entries = store.announcement_channels().await?;
        let live = entries.into_iter().find(|entry| entry.channel == *channel && entry.is_live(now));
        Ok::<_, StoreError>(live.map(|entry| entry.rooms))
    };
    Ok(match edit {
        Edit::Grant { grants, .. } => {
            let mut rooms: Vec<RoomScope> = grants.iter().map(|grant| grant.rooms.clone()).collect();
            rooms.sort_by_key(ToString::to_string);
            rooms.dedup();
            rooms
        }
        // Which entry that is, nobody learns who may not see the list.
        Edit::RevokeOf(_) => Vec::new(),
        Edit::Revoke(id) => store.grant(*id).await?.map(|grant| grant.rooms).into_iter().collect(),
        Edit::AllowChannel(channel, rooms) => match authorised(channel.as_ref()).await? {
            Some(before) if before.contains(rooms) => vec![before],
            Some(before) if !rooms.contains(&before) => vec![before, rooms.clone()],
            _ => vec![rooms.clone()],
        },
        Edit::Announce(channel, rooms, _) => {
            let before = announced(channel.as_ref()).await?;
            let mut both: Vec<RoomScope> = before.into_iter().chain(rooms.clone()).collect();
            both.dedup();
            both
        }
        Edit::StopAnnouncing(channel) => announced(channel.as_ref()).await?.into_iter().collect(),
        // Of what is no request, nobody learns who may not see the list.
        Edit::Answer(operation, _) => {
            let asked = store.access_request(*operation).await?;
            asked.map(|asked| RoomScope::Exact(asked.room)).into_iter().collect()
        }
        Edit::Set(setting) => vec![setting.key().rooms().clone()],
        Edit::Unset(key) => vec![key.rooms().clone()],
        Edit::Apply(..) => vec![RoomScope::All],
        Edit::RemoveChannel(channel) => authorised(channel.as_ref()).await?.into_iter().collect(),
    })
}

/// The right of the machine's own command line to do what admins do.
///
/// # Errors
/// When the principal is not of this machine, or the store cannot be read.
pub async fn local_permit(
    store: &dyn Store,
    clock: &dyn Clock,
    principal: &Principal,
) -> Result<Permit, StoreError> {
    let acl = store.acl_for(principal, &Place::Local).await?;
    match decide(principal, &Place::Local, Action::EditAcl(vec![RoomScope::All]), &acl, clock.now()) {
        Decision::Permit(permit) => Ok(permit),
        Decision::Deny(denial) => {
            Err(StoreError(format!("`{}` is not of this machine: {denial}", principal.subject)))
        }
    }
}
