//! `/room-acl grant`, `deny`, `revoke`, `channel allow`, `channel remove`, `announce here`, `announce off`, `link`,
//! `unlink`, `room`: changes of the ACL.

use std::sync::Arc;

use tracing::warn;

use super::acl::captioned;
use super::{acl_file, announcing, asking};
use crate::app::ports::{AclChanged, AclEdit, Admission, Admitted, StoreError, WhichSettings};
use crate::app::service::{CommandService, not_recorded, note_operation};
use crate::domain::access::plan::Step;
use crate::domain::access::{
    self, AclChange, AclView, ChangedEntry, EffectiveScope, Grant, GrantWarning, GrantWarnings, Known,
    NewGrant, NotEdited, Permit, is_for_oneself,
};
use crate::domain::admission::Verdict;
use crate::domain::asking::AccessRequest;
use crate::domain::audit::OperationId;
use crate::domain::command::{
    AclCommand, Command, CommandGroup, CommandRequest, Edit, Invocation, Place, Problem, UsageError,
};
use crate::domain::principal::{Channel, Membership, Subject};
use crate::domain::reply::{AclAnswer, Reply};

/// Makes a permitted edit. `None` if the ACL changed since: decide again.
pub(super) async fn edit(
    service: &CommandService,
    request: &CommandRequest,
    permit: Permit,
) -> Option<Reply> {
    let Ok(Command::Acl(AclCommand::Edit { edit, reason, force, if_version })) = &request.command else {
        return Some(not_recorded(&StoreError("what is no edit was admitted as one".to_owned())));
    };
    // The store makes it at the permit's version or not at all.
    if let Some(version) = if_version.filter(|version| *version != permit.acl_version()) {
        return declined(service, request, &permit, NotEdited::ChangedSince(version)).await;
    }
    let now = service.clock.now();
    let steps = match edit {
        Edit::Apply(wanted, version) => acl_file::steps(service, wanted, *version).await,
        Edit::Answer(operation, lasts) => asking::changes(service, *operation, *lasts, now).await.map(Ok),
        edit => changes(edit, &request.place, now).map(Ok),
    };
    let mut changes = match steps {
        Ok(Ok(steps)) => steps,
        Ok(Err(why)) => return declined(service, request, &permit, why).await,
        Err(error) => return Some(not_recorded(&error)),
    };
    for (_, why) in &mut changes {
        *why = why.take().or_else(|| reason.clone());
    }
    let answers = match edit {
        Edit::Answer(operation, _) => Some(*operation),
        _ => None,
    };
    let known = service.directory.known();
    let reach = permit.reach().clone();
    let edit = AclEdit {
        principal: request.principal.clone(),
        place: request.place.clone(),
        delivery: request.delivery.clone(),
        typed: request.typed.clone(),
        pressed: request.pressed.clone(),
        permit,
        changes,
        reason: reason.clone(),
        answers,
        force: *force,
        known: Arc::clone(&known),
    };
    let (operation, answer) = match service.store.edit_acl(edit, now).await {
        Ok(AclChanged::Changed(operation, changed)) => {
            let is_for_oneself = is_for_oneself(&request.principal, &changed);
            let mut entries = Vec::new();
            for entry in changed {
                let warnings = warnings(service, &entry, &known).await;
                entries.push((entry, warnings));
            }
            match answered(service, answers).await {
                Ok(None) => (operation, AclAnswer::Edited { changed: entries, is_for_oneself }),
                Ok(Some(request)) => {
                    (operation, AclAnswer::Answered { request, granted: entries.pop().map(Box::new) })
                }
                Err(error) => return Some(not_recorded(&error)),
            }
        }
        Ok(AclChanged::Declined(operation, why)) => (operation, AclAnswer::NotEdited(why)),
        Ok(AclChanged::NotAnswered(operation, why)) => (operation, AclAnswer::NotAnswered(why)),
        Ok(AclChanged::NotPressed(operation, why)) => return Some(Reply::NotPressed { operation, why }),
        Ok(AclChanged::Duplicate { operation, first }) => return Some(Reply::Duplicate { operation, first }),
        Ok(AclChanged::AclChanged) => return None,
        Err(error) => return Some(not_recorded(&error)),
    };
    note_operation(operation);
    Some(captioned(service, operation, answer, &request.place, &reach).await)
}

/// The request for access that was answered, if the edit did that.
async fn answered(
    service: &CommandService,
    answers: Option<OperationId>,
) -> Result<Option<Box<AccessRequest>>, StoreError> {
    match answers {
        Some(operation) => Ok(service.store.access_request(operation).await?.map(Box::new)),
        None => Ok(None),
    }
}

/// The request with what it leaves to be looked up: the one entry that it means, where it names a person instead; the
/// channel and the rooms of an announcement. Or with what is wrong with that.
pub(super) async fn resolved(
    service: &CommandService,
    request: &CommandRequest,
    permit: &Permit,
) -> Result<Option<CommandRequest>, StoreError> {
    let Ok(Command::Acl(AclCommand::Edit { edit, reason, force, if_version })) = &request.command else {
        return Ok(None);
    };
    let Some(edit) = meant(service, &request.place, permit.reach(), edit).await? else { return Ok(None) };
    let (reason, force, if_version) = (reason.clone(), *force, *if_version);
    let command = edit.map(|edit| Command::Acl(AclCommand::Edit { edit, reason, force, if_version }));
    Ok(Some(CommandRequest { command, ..request.clone() }))
}

/// The edit with what it leaves to be looked up, or what is wrong with that; `None` if it leaves nothing.
pub(super) async fn meant(
    service: &CommandService,
    place: &Place,
    reach: &EffectiveScope,
    edit: &Edit,
) -> Result<Option<Result<Edit, UsageError>>, StoreError> {
    Ok(Some(match edit {
        Edit::RevokeOf(subject) => only_entry_of(service, subject).await?,
        Edit::Announce(channel, rooms, for_admins) if channel.is_none() || rooms.is_none() => {
            announcing::completed(service, place, reach, (channel, rooms, *for_admins)).await?
        }
        Edit::StopAnnouncing(None) => Ok(Edit::StopAnnouncing(Some(here(&None, place)?))),
        _ => return Ok(None),
    }))
}

/// Takes back the only live entry that names somebody.
async fn only_entry_of(
    service: &CommandService,
    subject: &Subject,
) -> Result<Result<Edit, UsageError>, StoreError> {
    let mut entries = service.store.live_grants(service.clock.now()).await?;
    entries.retain(|grant| grant.subject == *subject);
    if let [only] = entries.as_slice() {
        return Ok(Ok(Edit::Revoke(only.id)));
    }
    let revoke = Invocation::named(CommandGroup::Acl, &["revoke"]);
    let mut meant: Vec<Invocation> =
        entries.iter().map(|grant| revoke.clone().with("grant", grant.id)).collect();
    if meant.is_empty() {
        meant.push(Invocation::named(CommandGroup::Acl, &["list"]));
    }
    let problem = Problem::WhichEntry(Box::new((subject.clone(), entries)));
    Ok(Err(UsageError { meant, ..UsageError::of(revoke.verb, problem) }))
}

/// Records an edit that cannot be made as it is.
async fn declined(
    service: &CommandService,
    request: &CommandRequest,
    permit: &Permit,
    why: NotEdited,
) -> Option<Reply> {
    let admission = Admission::Request {
        request: Box::new(request.clone()),
        verdict: Verdict::Declined(why.to_string()),
        acl_version: Some(permit.acl_version()),
        decline_if_busy: false,
        is_answered_later: false,
    };
    match service.store.admit(admission, service.clock.now()).await {
        Ok(Admitted::Recorded(operation)) => Some(
            captioned(service, operation, AclAnswer::NotEdited(why), &request.place, permit.reach()).await,
        ),
        Ok(Admitted::AclChanged) => None,
        Ok(Admitted::Duplicate { operation, first }) => {
            Some(Reply::Duplicate { operation, first: Box::new(first) })
        }
        Ok(other) => Some(not_recorded(&StoreError(format!("unexpected answer to an edit: {other:?}")))),
        Err(error) => Some(not_recorded(&error)),
    }
}

/// Why a new grant has no effect yet; what else there is to know of a setting. The edit stands even if that cannot be
/// read.
pub(super) async fn warnings(service: &CommandService, entry: &ChangedEntry, known: &Known) -> GrantWarnings {
    let after = match entry {
        ChangedEntry::Grant { after, .. } => after,
        ChangedEntry::Announcement { after, .. } if after.removed_at.is_none() => {
            return match service.can_post_to(&after.channel) {
                Some(false) => GrantWarnings { wholly: true, by: vec![GrantWarning::CannotPost] },
                _ => GrantWarnings::default(),
            };
        }
        ChangedEntry::Setting { after, .. } => {
            let all = service.store.settings(&WhichSettings::All).await;
            let beside = all.map(|all| access::beside_setting(after, &all, service.clock.now()));
            return or_none(beside);
        }
        ChangedEntry::Channel { .. } | ChangedEntry::Announcement { .. } => return GrantWarnings::default(),
    };
    or_none(warnings_about(service, after, known).await)
}

fn or_none(warnings: Result<GrantWarnings, StoreError>) -> GrantWarnings {
    warnings.unwrap_or_else(|error| {
        warn!(%error, "the warnings about a new entry cannot be worked out");
        GrantWarnings::default()
    })
}

/// Why a grant that was just made has no effect yet, as far as the groups of its subject are known.
async fn warnings_about(
    service: &CommandService,
    grant: &Grant,
    known: &Known,
) -> Result<GrantWarnings, StoreError> {
    let now = service.clock.now();
    let principal = known.principal(grant.subject.clone(), now);
    let channels = service.store.channels().await?;
    let mut beside = match channels.first() {
        // The grants are the same for every channel.
        Some(entry) => service.store.acl_for(&principal, &Place::Channel(entry.channel.clone())).await?,
        // No channel is authorised yet, so there is little to read.
        None => {
            let mut grants = service.store.live_grants(now).await?;
            grants.retain(|grant| principal.membership(&grant.subject) != Membership::Out);
            AclView { grants, ..AclView::default() }
        }
    };
    beside.channels = channels;
    let warnings = access::warnings(grant, &principal, &beside, known, now);
    let is_looked_up = matches!(grant.subject, Subject::SlackGroup { .. }) && known.looks_up(&grant.subject);
    if grant.revoked_at.is_some() || !is_looked_up {
        return Ok(warnings);
    }
    let has_members = known.members(&grant.subject, now).is_some_and(|members| !members.is_empty());
    let is_known = if has_members { Some(true) } else { service.directory.has(&grant.subject).await };
    Ok(warnings.with_group(is_known))
}

/// The channel that is named, or this one.
fn here(channel: &Option<Channel>, place: &Place) -> Result<Channel, StoreError> {
    place.or_here(channel.as_ref()).ok_or_else(|| StoreError("no channel is named".to_owned()))
}

/// The changes that are asked for.
pub(super) fn changes(edit: &Edit, place: &Place, now: jiff::Timestamp) -> Result<Vec<Step>, StoreError> {
    let changes = match edit {
        Edit::Grant { grants, ends } => {
            let expires_at = ends.as_ref().map(|ends| ends.resolve(now)).transpose().map_err(StoreError)?;
            grants.iter().map(|grant| AclChange::Grant(NewGrant { expires_at, ..grant.clone() })).collect()
        }
        Edit::RevokeOf(_) => return Err(StoreError("the entry that is meant was not looked up".to_owned())),
        Edit::Revoke(id) => vec![AclChange::Revoke(*id)],
        Edit::AllowChannel(channel, rooms) => {
            vec![AclChange::AllowChannel { channel: here(channel, place)?, rooms: rooms.clone() }]
        }
        Edit::RemoveChannel(channel) => vec![AclChange::RemoveChannel(here(channel, place)?)],
        Edit::Announce(channel, Some(rooms), for_admins) => {
            let (channel, rooms) = (here(channel, place)?, rooms.clone());
            vec![AclChange::Announce { channel, rooms, for_admins: *for_admins }]
        }
        Edit::Announce(..) => return Err(StoreError("the rooms were not looked up".to_owned())),
        Edit::StopAnnouncing(channel) => vec![AclChange::StopAnnouncing(here(channel, place)?)],
        Edit::Set(setting) => vec![AclChange::Set(setting.clone())],
        Edit::Unset(key) => vec![AclChange::Unset(key.clone())],
        Edit::Apply(..) | Edit::Answer(..) => {
            return Err(StoreError("what takes a look at the store was taken for one change".to_owned()));
        }
    };
    Ok(changes.into_iter().map(|change| (change, None)).collect())
}
