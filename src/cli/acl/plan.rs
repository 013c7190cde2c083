//! `acl export`, `acl plan` and `acl apply`.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use jiff::Timestamp;
use serde::Serialize;

use super::file::{self, File};
use super::{next, not_edited};
use crate::app::acl::{LocalEdit, edit};
use crate::app::ports::{AclChange, AclChanged, Clock, Store};
use crate::cli::print::{self, Row};
use crate::cli::{Exit, Format, WrongUsage, one_line};
use crate::domain::access::plan::{Step, plan};
use crate::domain::access::{Effect, Grant, Known, NotEdited, Role, RoomScope, lock_out};
use crate::domain::command::Place;
use crate::domain::principal::{Channel, Principal, Subject};
use crate::domain::wording;

/// The largest file that is read, in bytes: a hundred thousand grants.
const LARGEST: u64 = 64 * 1_024 * 1_024;

/// Prints the ACL as a file.
pub(super) async fn export(store: &dyn Store, principal: &Principal, now: Timestamp) -> anyhow::Result<Exit> {
    use std::io::Write as _;
    let acl = Acl::read(store, principal).await?;
    let text = file::write(acl.version, &acl.grants, &acl.channels, now);
    crate::stdio::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Done)
}

/// Prints who would gain and lose what.
pub(super) async fn show(
    store: &dyn Store,
    principal: &Principal,
    now: Timestamp,
    file: &Path,
    known: &Known,
    format: Format,
) -> anyhow::Result<Exit> {
    let acl = Acl::read(store, principal).await?;
    let (file_version, steps) = planned(&acl, file, now)?;
    if steps.is_empty() {
        tell!("nothing to change: the ACL is what the file says");
    }
    let rows: Vec<Planned> = steps.iter().filter_map(|(change, _)| Planned::of(change, &acl)).collect();
    print::rows(&rows, format)?;
    if let Some(version) = file_version.filter(|version| *version != acl.version) {
        tell!(
            "the file is of version {version} and the ACL is at {}: it changed since the file was exported",
            acl.version
        );
    }
    if let Some(why) = refused(&acl, &steps, principal, known, now) {
        tell!("{} changes, which `acl apply` refuses: {why}{}", steps.len(), next(&why));
    } else if !steps.is_empty() {
        tell!(
            "{} changes; to make them, and nothing else: room-owner acl apply {} --version {}",
            steps.len(),
            crate::cli::as_word(&file.display().to_string()),
            acl.version
        );
    }
    Ok(Exit::Done)
}

/// Why the steps would not be made: they would deny something to a group that nobody looks up, or lock everybody out
/// of the chat.
fn refused(
    acl: &Acl,
    steps: &[Step],
    principal: &Principal,
    known: &Known,
    now: Timestamp,
) -> Option<NotEdited> {
    let denied = steps.iter().find_map(|(change, _)| match change {
        AclChange::Grant(new) if new.effect == Effect::Deny && !known.looks_up(&new.subject) => {
            Some(NotEdited::NotLookedUp(new.subject.clone()))
        }
        _ => None,
    });
    denied.or_else(|| {
        let admins: Vec<Grant> =
            acl.grants.iter().filter(|grant| grant.role == Role::Admin).cloned().collect();
        let changes: Vec<AclChange> = steps.iter().map(|(change, _)| change.clone()).collect();
        lock_out(&admins, &acl.channels, &changes, principal, known, now).map(NotEdited::LockOut)
    })
}

/// How a file is to be applied.
pub(super) struct Apply<'a> {
    pub(super) file: &'a Path,
    pub(super) version: Option<i64>,
    pub(super) force: bool,
    pub(super) reason: Option<String>,
    pub(super) principal: Principal,
    pub(super) typed: String,
    pub(super) known: Arc<Known>,
}

/// Makes the ACL what the file says, in one transaction.
pub(super) async fn apply(store: &dyn Store, clock: &dyn Clock, how: Apply<'_>) -> anyhow::Result<Exit> {
    let acl = Acl::read(store, &how.principal).await?;
    let (file_version, steps) = planned(&acl, how.file, clock.now())?;
    if steps.is_empty() {
        tell!("nothing to change: the ACL is what the file says");
        return Ok(Exit::Done);
    }
    let shown = crate::cli::as_word(&how.file.display().to_string());
    let Some(version) = how.version.or(file_version) else {
        return Err(WrongUsage(format!(
            "`{}` names no version: look at `room-owner acl plan {shown}` first; it says how to apply exactly that",
            how.file.display()
        ))
        .into());
    };
    let changed_since = || {
        tell!(
            "nothing was changed: the ACL changed since version {version}; see `room-owner acl plan {shown}` again"
        );
        Ok(Exit::Failed)
    };
    if version != acl.version {
        return changed_since();
    }
    let lines: Vec<String> = steps
        .iter()
        .filter_map(|(change, _)| Planned::of(change, &acl))
        .map(|planned| format!("{} {}", planned.sign(), planned.what))
        .collect();
    let changes =
        steps.into_iter().map(|(change, reason)| (change, reason.or_else(|| how.reason.clone()))).collect();
    let edited = edit(
        store,
        clock,
        LocalEdit {
            principal: how.principal,
            typed: how.typed,
            changes,
            reason: how.reason,
            force: how.force,
            at_version: Some(version),
            known: how.known,
        },
    );
    match edited.await? {
        AclChanged::Changed(operation, changed) => {
            lines.iter().for_each(|line| tell!("{line}"));
            tell!("{} changes made · op {operation}", changed.len());
            Ok(Exit::Done)
        }
        AclChanged::Declined(operation, why) => Ok(not_edited(&why, operation)),
        AclChanged::AclChanged | AclChanged::Duplicate { .. } => changed_since(),
    }
}

/// The ACL as of one version.
struct Acl {
    version: i64,
    grants: Vec<Grant>,
    channels: Vec<crate::domain::access::AuthorisedChannel>,
}

impl Acl {
    async fn read(store: &dyn Store, principal: &Principal) -> anyhow::Result<Self> {
        // Each is read by itself: what changed in between shows in the version, and the edit checks it again.
        loop {
            let version = store.acl_for(principal, &Place::Local).await?.version;
            let grants = store.grants().await?;
            let channels = store.channels().await?;
            if store.acl_for(principal, &Place::Local).await?.version == version {
                return Ok(Self { version, grants, channels });
            }
        }
    }
}

/// The file's version and the steps.
fn planned(acl: &Acl, path: &Path, now: Timestamp) -> anyhow::Result<(Option<i64>, Vec<Step>)> {
    let shown = path.display();
    let file = std::fs::File::open(path).with_context(|| format!("`{shown}` cannot be read"))?;
    let mut bytes = Vec::new();
    // What a device says about its size is nothing to rely on.
    file.take(LARGEST + 1).read_to_end(&mut bytes).with_context(|| format!("`{shown}` cannot be read"))?;
    if bytes.len() as u64 > LARGEST {
        let most = LARGEST / 1_024 / 1_024;
        return Err(WrongUsage(format!("`{shown}` is too large for an ACL: more than {most} MB")).into());
    }
    let text = String::from_utf8(bytes).map_err(|_| WrongUsage(format!("`{shown}` is not UTF-8 text")))?;
    let File { version, wanted } = file::read(&text).map_err(|error| {
        WrongUsage(format!("`{shown}` is not an ACL:\n{}", crate::domain::room::visible_lines(&error)))
    })?;
    let steps = plan(&acl.grants, &acl.channels, &wanted, now)
        .map_err(|error| WrongUsage(format!("`{shown}` makes no sense: {error}")))?;
    Ok((version, steps))
}

/// A change as it would be made.
#[derive(Serialize)]
struct Planned {
    /// `grant`, `revoke`, `allow` or `remove`.
    change: &'static str,
    subject: Option<Subject>,
    channel: Option<Channel>,
    rooms: RoomScope,
    #[serde(skip)]
    gains: bool,
    /// In people's words.
    what: String,
}

impl Planned {
    fn of(change: &AclChange, acl: &Acl) -> Option<Self> {
        let what = one_line(&wording::edits::planned(change, &acl.grants, &acl.channels)?);
        let grant = |change, grant: (&Subject, Effect, &RoomScope), is_given: bool| Self {
            change,
            subject: Some(grant.0.clone()),
            channel: None,
            rooms: grant.2.clone(),
            gains: is_given == (grant.1 == Effect::Permit),
            what: what.clone(),
        };
        let at = |change, channel: &Channel, rooms: RoomScope, gains| Self {
            change,
            subject: None,
            channel: Some(channel.clone()),
            rooms,
            gains,
            what: what.clone(),
        };
        Some(match change {
            AclChange::Grant(new) => grant("grant", (&new.subject, new.effect, &new.rooms), true),
            AclChange::Revoke(id) => {
                let old = acl.grants.iter().find(|grant| grant.id == *id)?;
                grant("revoke", (&old.subject, old.effect, &old.rooms), false)
            }
            AclChange::AllowChannel { channel, rooms } => at("allow", channel, rooms.clone(), true),
            AclChange::RemoveChannel(channel) => {
                let rooms = acl.channels.iter().rfind(|entry| entry.channel == *channel)?.rooms.clone();
                at("remove", channel, rooms, false)
            }
        })
    }

    fn sign(&self) -> char {
        if self.gains { '+' } else { '-' }
    }
}

impl Row for Planned {
    const HEADINGS: &'static [&'static str] = &["", "What"];
    const FIELDS: &'static [&'static str] = &["change", "subject", "channel", "rooms", "what"];

    fn cells(&self) -> Vec<String> {
        vec![self.sign().to_string(), self.what.clone()]
    }
}
