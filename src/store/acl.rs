//! Edits of the ACL, inside the writer's transaction.

use jiff::Timestamp;
use rusqlite::params;

use crate::app::ports::{AclChanged, AclEdit, StoreError};
use crate::domain::access::{
    AclChange, AclSetting, AnnouncementChannel, AuthorisedChannel, ChangedEntry, Effect, Grant, GrantId,
    NotEdited, Role, RoomScope, SettingKey, admin_beyond, is_for_oneself, lock_out,
};
use crate::domain::asking::{AccessRequest, NotAnswered};
use crate::domain::audit::{OutcomeKind, Request};
use crate::domain::principal::{Channel, Subject};

use super::admission::{first_of, note_use};
use super::announcing::{self, announcement_channels};
use super::asking;
use super::buttons;
use super::log::{LogTransaction, as_kept};
use super::projections::next_grant;
use super::rows::{self, CHANNEL, GRANT, SETTING};

/// Edits the ACL and records it: all of the changes or none.
pub(super) fn edit(
    log: &mut LogTransaction<'_>,
    edit: &AclEdit,
    at: Timestamp,
) -> Result<AclChanged, StoreError> {
    let request = Request { process: log.instance.to_owned(), ..request(edit) };
    if let Some(first) = first_of(log, request.delivery_id.as_deref())? {
        let operation = log.record(at, request.duplicate_of(first.operation))?;
        return Ok(AclChanged::Duplicate { operation, first: Box::new(first) });
    }
    if edit.permit.acl_version() != log.acl_version()? {
        return Ok(AclChanged::AclChanged);
    }
    // First, so that whoever presses second reads who was first, and how it was answered.
    let answered = match answered(log, edit, at)? {
        Ok(answered) => answered,
        Err(why) => {
            let operation = log.record(at, request.declined(why.to_string()))?;
            return Ok(AclChanged::NotAnswered(operation, why));
        }
    };
    if let Some(pressed) = &edit.pressed
        && let Err(why) = buttons::check(log, pressed, &edit.principal.subject, at)?
    {
        let operation = log.record(at, request.declined(why.to_string()))?;
        return Ok(AclChanged::NotPressed(operation, why));
    }
    if let Some(why) = obstacle(log, edit, at)? {
        let operation = log.record(at, request.declined(why.to_string()))?;
        return Ok(AclChanged::Declined(operation, why));
    }
    let changed = changes(log, edit, at)?;
    let authority = match is_for_oneself(&edit.principal, &changed) {
        true => format!("{}, for themselves", edit.permit.authority()),
        false => edit.permit.authority().to_string(),
    };
    note_use(log, &edit.permit, at)?;
    for (change, _) in &edit.changes {
        if let AclChange::StopAnnouncing(channel) = change {
            announcing::forget(log, channel)?;
        }
    }
    let acl_changes = changed.clone();
    let operation = log.record(at, Request { authority: Some(authority), acl_changes, ..request })?;
    if let Some(pressed) = &edit.pressed {
        buttons::use_up(log, pressed, operation)?;
    }
    if let Some(asked) = answered {
        asking::answer(log, &asked, operation, changed.iter().find_map(ends), at)?;
    }
    Ok(AclChanged::Changed(operation, changed))
}

/// The request for access that the edit answers, or why it cannot.
fn answered(
    log: &LogTransaction<'_>,
    edit: &AclEdit,
    at: Timestamp,
) -> Result<Result<Option<AccessRequest>, NotAnswered>, StoreError> {
    let Some(operation) = edit.answers else { return Ok(Ok(None)) };
    let Some(asked) = asking::named(log, operation)? else {
        return Ok(Err(NotAnswered::NoRequest(operation)));
    };
    let by = &edit.principal.subject;
    let links = links_of(log, [&asked.person, by])?;
    Ok(asked.check(by, &links, at).map(|()| Some(asked)))
}

/// When a grant that was made ends.
fn ends(changed: &ChangedEntry) -> Option<Timestamp> {
    match changed {
        ChangedEntry::Grant { before: None, after } => after.expires_at,
        _ => None,
    }
}

fn request(edit: &AclEdit) -> Request {
    let request = Request {
        actor: Some(edit.principal.subject.clone()),
        actor_name: edit.principal.name.clone(),
        channel: edit.place.or_here(None),
        command: edit.typed.clone(),
        reason: edit.reason.clone(),
        outcome: OutcomeKind::Succeeded,
        delivery_id: edit.delivery.as_ref().map(|id| id.as_str().to_owned()),
        pressed: edit.pressed.as_ref().map(|pressed| pressed.of),
        ..Request::default()
    };
    request.permitted(&edit.permit)
}

/// Why the edit cannot be made, if it cannot.
fn obstacle(
    log: &LogTransaction<'_>,
    edit: &AclEdit,
    at: Timestamp,
) -> Result<Option<NotEdited>, StoreError> {
    let (mut could_lock_out, mut denied) = (false, Vec::new());
    for (change, _) in &edit.changes {
        match change {
            AclChange::Grant(new) if new.effect == Effect::Deny => {
                if !edit.known.looks_up(&new.subject) {
                    return Ok(Some(NotEdited::NotLookedUp(new.subject.clone())));
                }
                could_lock_out |= new.role == Role::Admin;
                denied.push(new);
            }
            AclChange::Grant(_) => {}
            AclChange::Revoke(id) => match grant(log, *id)? {
                None => return Ok(Some(NotEdited::NoGrant(*id))),
                Some(grant) if grant.revoked_at.is_some() => return Ok(Some(NotEdited::RevokedAlready(*id))),
                Some(grant) => could_lock_out |= grant.role == Role::Admin,
            },
            // For fewer rooms than now, perhaps.
            AclChange::AllowChannel { rooms, .. } => could_lock_out |= *rooms != RoomScope::All,
            AclChange::RemoveChannel(channel) => {
                if live_channel(log, channel)?.is_none() {
                    return Ok(Some(NotEdited::NotAuthorised(channel.clone())));
                }
                could_lock_out = true;
            }
            AclChange::Announce { .. } => {}
            AclChange::Set(setting) => {
                if live_setting(log, &setting.key())?.is_some_and(|entry| entry.setting == *setting) {
                    return Ok(Some(NotEdited::SetAlready(setting.clone())));
                }
            }
            AclChange::Unset(key) => {
                if live_setting(log, key)?.is_none() {
                    return Ok(Some(NotEdited::NotSet(key.clone())));
                }
            }
            AclChange::StopAnnouncing(channel) => {
                if live_announcement(log, channel)?.is_none() {
                    return Ok(Some(NotEdited::NotAnnounced(channel.clone())));
                }
            }
        }
    }
    could_lock_out &= !edit.force;
    // Nobody is an admin for more rooms than all.
    if edit.permit.reach().granted().contains(&RoomScope::All) {
        denied.clear();
    }
    if !could_lock_out && denied.is_empty() {
        return Ok(None);
    }
    let admins = grants_where(log, "role = 'admin' AND revoked_at IS NULL ORDER BY id", [])?;
    let (by, known) = (&edit.principal, &*edit.known);
    for new in denied {
        if let Some(admin) = admin_beyond(new, by, edit.permit.reach(), &admins, known, at) {
            return Ok(Some(NotEdited::AdminBeyond(admin.clone())));
        }
    }
    if !could_lock_out {
        return Ok(None);
    }
    let channels = channels_where(log, "removed_at IS NULL", [])?;
    let changes: Vec<AclChange> = edit.changes.iter().map(|(change, _)| change.clone()).collect();
    Ok(lock_out(&admins, &channels, &changes, by, known, at).map(NotEdited::LockOut))
}

/// The entries before and after each change.
fn changes(log: &LogTransaction<'_>, edit: &AclEdit, at: Timestamp) -> Result<Vec<ChangedEntry>, StoreError> {
    let at = as_kept(at);
    let by = &edit.principal.subject;
    let mut next = next_grant(log.connection)?;
    let mut changed = Vec::with_capacity(edit.changes.len());
    for (change, reason) in &edit.changes {
        let gone = || StoreError("an entry of the acl is gone".to_owned());
        changed.push(match change {
            AclChange::Grant(new) => {
                let given = new.given(next, by, at, reason.clone());
                let after = Grant { expires_at: new.expires_at.map(as_kept), ..given };
                next += 1;
                ChangedEntry::Grant { before: None, after }
            }
            AclChange::Revoke(id) => {
                let before = grant(log, *id)?.ok_or_else(gone)?;
                let after = Grant { revoked_at: Some(at), ..before.clone() };
                ChangedEntry::Grant { before: Some(before), after }
            }
            AclChange::AllowChannel { channel, rooms } => {
                let after = AuthorisedChannel {
                    channel: channel.clone(),
                    rooms: rooms.clone(),
                    allowed_by: by.clone(),
                    allowed_at: at,
                    removed_at: None,
                    reason: reason.clone(),
                };
                ChangedEntry::Channel { before: live_channel(log, channel)?, after }
            }
            AclChange::RemoveChannel(channel) => {
                let before = live_channel(log, channel)?.ok_or_else(gone)?;
                let after = AuthorisedChannel { removed_at: Some(at), ..before.clone() };
                ChangedEntry::Channel { before: Some(before), after }
            }
            AclChange::Announce { channel, rooms, for_admins } => {
                let after = AnnouncementChannel {
                    channel: channel.clone(),
                    rooms: rooms.clone(),
                    for_admins: *for_admins,
                    set_by: by.clone(),
                    set_at: at,
                    removed_at: None,
                    reason: reason.clone(),
                };
                ChangedEntry::Announcement { before: live_announcement(log, channel)?, after }
            }
            AclChange::StopAnnouncing(channel) => {
                let before = live_announcement(log, channel)?.ok_or_else(gone)?;
                let after = AnnouncementChannel { removed_at: Some(at), ..before.clone() };
                ChangedEntry::Announcement { before: Some(before), after }
            }
            AclChange::Set(setting) => {
                let after = AclSetting {
                    setting: setting.clone(),
                    set_by: by.clone(),
                    set_at: at,
                    removed_at: None,
                    reason: reason.clone(),
                };
                ChangedEntry::Setting { before: live_setting(log, &setting.key())?, after }
            }
            AclChange::Unset(key) => {
                let before = live_setting(log, key)?.ok_or_else(gone)?;
                let after = AclSetting { removed_at: Some(at), ..before.clone() };
                ChangedEntry::Setting { before: Some(before), after }
            }
        });
    }
    Ok(changed)
}

fn grant(log: &LogTransaction<'_>, id: GrantId) -> Result<Option<Grant>, StoreError> {
    Ok(grants_where(log, "id = ?", params![id])?.pop())
}

fn live_channel(
    log: &LogTransaction<'_>,
    channel: &Channel,
) -> Result<Option<AuthorisedChannel>, StoreError> {
    let condition = "channel = ? AND removed_at IS NULL";
    Ok(channels_where(log, condition, params![channel.to_string()])?.pop())
}

fn live_announcement(
    log: &LogTransaction<'_>,
    channel: &Channel,
) -> Result<Option<AnnouncementChannel>, StoreError> {
    Ok(announcement_channels(log)?.into_iter().find(|entry| entry.channel == *channel))
}

/// The accounts that two people have and had.
fn links_of(log: &LogTransaction<'_>, people: [&Subject; 2]) -> Result<Vec<AclSetting>, StoreError> {
    let sql = format!("SELECT {SETTING} FROM acl_settings WHERE kind = 'link' AND key IN (?, ?)");
    let mut statement = log.connection.prepare_cached(&sql)?;
    let found = statement.query_and_then(people.map(ToString::to_string), |row| rows::setting(row))?;
    found.collect()
}

fn live_setting(log: &LogTransaction<'_>, key: &SettingKey) -> Result<Option<AclSetting>, StoreError> {
    let (kind, key) = rows::setting_key(key);
    let sql = format!("SELECT {SETTING} FROM acl_settings WHERE kind = ? AND key = ? AND removed_at IS NULL");
    let mut statement = log.connection.prepare_cached(&sql)?;
    let mut found = statement.query_and_then(params![kind, key], |row| rows::setting(row))?;
    found.next().transpose()
}

fn grants_where(
    log: &LogTransaction<'_>,
    condition: &str,
    values: impl rusqlite::Params,
) -> Result<Vec<Grant>, StoreError> {
    let sql = format!("SELECT {GRANT} FROM grants WHERE {condition}");
    let mut statement = log.connection.prepare_cached(&sql)?;
    let rows = statement.query_and_then(values, |row| rows::grant(row))?;
    rows.collect()
}

fn channels_where(
    log: &LogTransaction<'_>,
    condition: &str,
    values: impl rusqlite::Params,
) -> Result<Vec<AuthorisedChannel>, StoreError> {
    let sql = format!("SELECT {CHANNEL} FROM authorised_channels WHERE {condition}");
    let mut statement = log.connection.prepare_cached(&sql)?;
    let rows = statement.query_and_then(values, |row| rows::channel(row))?;
    rows.collect()
}
