//! Edits of the ACL, from any door.

use std::sync::Arc;

use jiff::Timestamp;

use super::ports::{AclChange, AclChanged, AclEdit, Clock, Store, StoreError};
use crate::domain::access::{
    AclView, Action, ChangedEntry, Decision, Hindered, Known, Permit, RoomScope, decide, hindered, is_open,
};
use crate::domain::command::{Edit, Place};
use crate::domain::principal::{Channel, Membership, Principal};

/// An edit at the machine's own command line, whose user could edit the file as well: it is permitted as
/// `local`, and recorded in the same transaction.
#[derive(Debug, Clone)]
pub struct LocalEdit {
    /// Who.
    pub principal: Principal,
    /// The command as typed.
    pub typed: String,
    /// What, and why each; made all together or not at all.
    pub changes: Vec<(AclChange, Option<String>)>,
    /// Why, for the record.
    pub reason: Option<String>,
    /// Whether to make it even if it locks all admins out of chat.
    pub force: bool,
    /// Only while the ACL is at this version.
    pub at_version: Option<i64>,
    /// What is known of groups and workspaces.
    pub known: Arc<Known>,
}

/// Makes one change at the command line.
///
/// # Errors
/// When the store cannot be read or written; then nothing was changed.
pub async fn edit_locally(
    store: &dyn Store,
    clock: &dyn Clock,
    principal: Principal,
    typed: String,
    change: AclChange,
    reason: Option<String>,
) -> Result<AclChanged, StoreError> {
    let changes = vec![(change, reason.clone())];
    let readings = store.group_readings().await?;
    let known = Arc::new(Known { looks_up_groups: true, readings, ..Known::default() });
    let local = LocalEdit { principal, typed, changes, reason, force: false, at_version: None, known };
    edit(store, clock, local).await
}

/// Makes an edit at the command line. [`AclChanged::AclChanged`] comes back only for an edit that is bound
/// to a version.
///
/// # Errors
/// When the store cannot be read or written; then nothing was changed.
pub async fn edit(store: &dyn Store, clock: &dyn Clock, edit: LocalEdit) -> Result<AclChanged, StoreError> {
    loop {
        let permit = local_permit(store, clock, &edit.principal).await?;
        if edit.at_version.is_some_and(|version| version != permit.acl_version()) {
            return Ok(AclChanged::AclChanged);
        }
        let made = AclEdit {
            principal: edit.principal.clone(),
            place: Place::Local,
            delivery: None,
            typed: edit.typed.clone(),
            permit,
            changes: edit.changes.clone(),
            reason: edit.reason.clone(),
            force: edit.force,
            known: Arc::clone(&edit.known),
        };
        match store.edit_acl(made, clock.now()).await? {
            AclChanged::AclChanged => {}
            changed => return Ok(changed),
        }
    }
}

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
        Edit::RemoveChannel(channel) => authorised(channel.as_ref()).await?.into_iter().collect(),
    })
}

/// Why an entry that was just made has no effect yet, as far as the groups of its subject are known.
///
/// # Errors
/// When the store cannot be read.
pub async fn hindered_by(
    store: &dyn Store,
    clock: &dyn Clock,
    changed: &ChangedEntry,
    known: &Known,
) -> Result<Hindered, StoreError> {
    let ChangedEntry::Grant { after, .. } = changed else { return Ok(Hindered::default()) };
    let principal = known.principal(after.subject.clone(), clock.now());
    let channels = store.channels().await?;
    let mut acl = match channels.first() {
        // The grants are the same for every channel.
        Some(entry) => store.acl_for(&principal, &Place::Channel(entry.channel.clone())).await?,
        // No channel is authorised yet, so there is little to read.
        None => {
            let mut grants = store.live_grants(clock.now()).await?;
            grants.retain(|grant| principal.membership(&grant.subject) != Membership::Out);
            AclView { grants, ..AclView::default() }
        }
    };
    acl.channels = channels;
    Ok(hindered(after, &principal, &acl, clock.now()))
}

/// The permit of the machine's own command line for what admins do.
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
