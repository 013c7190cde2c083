//! Edits of the ACL, inside the writer's transaction.

use jiff::Timestamp;
use rusqlite::params;

use crate::app::ports::{AclChanged, AclEdit, StoreError};
use crate::domain::access::{
    AclChange, AclSetting, AclView, AnnouncementChannel, Author, AuthorisedChannel, ChangedEntry, Grant,
    GrantId, Role, SettingKey, is_for_oneself, obstacle,
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
    let acl = named(log, edit)?;
    let by = Author { principal: &edit.principal, reach: edit.permit.reach(), force: edit.force };
    let wanted: Vec<AclChange> = edit.changes.iter().map(|(change, _)| change.clone()).collect();
    if let Some(why) = obstacle(&acl, &wanted, &by, &edit.known, at) {
        let operation = log.record(at, request.declined(why.to_string()))?;
        return Ok(AclChanged::Declined(operation, why));
    }
    let changed = changes(log, edit, &acl, at)?;
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

/// The entries that the edit names, as they are now; and where it depends on them, the admins and the channels.
fn named(log: &LogTransaction<'_>, edit: &AclEdit) -> Result<AclView, StoreError> {
    let mut acl = AclView { version: edit.permit.acl_version(), ..AclView::default() };
    for (change, _) in &edit.changes {
        match change {
            AclChange::Grant(_) => {}
            AclChange::Revoke(id) => acl.grants.extend(grant(log, *id)?),
            AclChange::AllowChannel { channel, .. } | AclChange::RemoveChannel(channel) => {
                acl.channels.extend(live_channel(log, channel)?);
            }
            AclChange::Announce { channel, .. } | AclChange::StopAnnouncing(channel) => {
                acl.announcements.extend(live_announcement(log, channel)?);
            }
            AclChange::Set(setting) => acl.settings.extend(live_setting(log, &setting.key())?),
            AclChange::Unset(key) => acl.settings.extend(live_setting(log, key)?),
        }
    }
    if edit.changes.iter().any(|(change, _)| change.is_about_admins(&acl)) {
        let admins = grants_where(log, "role = 'admin' AND revoked_at IS NULL ORDER BY id", [])?;
        acl.grants.retain(|grant| grant.role != Role::Admin || grant.revoked_at.is_some());
        acl.grants.extend(admins);
        acl.channels = channels_where(log, "removed_at IS NULL", [])?;
    }
    Ok(acl)
}

/// The entries before and after each change.
fn changes(
    log: &LogTransaction<'_>,
    edit: &AclEdit,
    acl: &AclView,
    at: Timestamp,
) -> Result<Vec<ChangedEntry>, StoreError> {
    let mut next = next_grant(log.connection)?;
    let mut changed = Vec::with_capacity(edit.changes.len());
    for (change, reason) in &edit.changes {
        let entry = change.entry(acl, next, &edit.principal.subject, as_kept(at), reason.clone());
        let mut entry = entry.ok_or_else(|| StoreError("an entry of the acl is gone".to_owned()))?;
        if let ChangedEntry::Grant { before: None, after } = &mut entry {
            after.expires_at = after.expires_at.map(as_kept);
            next += 1;
        }
        changed.push(entry);
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
