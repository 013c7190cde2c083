//! `room-owner acl ..`: edits the ACL, shows it, explains it, and keeps it in a file.

mod commands;
mod file;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod plan;
mod questions;

use std::sync::Arc;

use jiff::Timestamp;

use super::print::{self, Row};
use super::{Exit, Format, WrongUsage};
use crate::app::acl::{LocalEdit, edit, hindered_by};
use crate::app::ports::{AclChange, AclChanged, Clock, NewGrant, Store};
use crate::domain::access::{
    AuthorisedChannel, ChangedEntry, Effect, Grant, Hindered, Known, LockOut, NotEdited, attention,
    is_for_oneself, is_open, list,
};
use crate::domain::audit::OperationId;
use crate::domain::command::clean_reason;
use crate::domain::principal::{Principal, Subject};
use crate::domain::wording;

pub use commands::{AclCommand, ChannelCommand};

/// Edits, shows or explains the ACL.
///
/// # Errors
/// When the store fails, a file cannot be read, or nothing can be printed.
pub async fn run(
    store: &dyn Store,
    clock: &dyn Clock,
    principal: Principal,
    typed: String,
    command: AclCommand,
    known: Known,
) -> anyhow::Result<Exit> {
    let looks_up_slack_groups = known.looks_up_groups;
    let known = Arc::new(Known { readings: store.group_readings().await?, ..known });
    let (change, force, reason, format) = match command {
        AclCommand::List { all, attention, format } => {
            let exit = if attention {
                show_attention(store, clock.now(), format).await?
            } else {
                show_grants(store, clock.now(), all, format).await?
            };
            if !looks_up_slack_groups {
                warn_of_groups(&store.group_subjects(clock.now()).await?.groups);
            }
            return Ok(exit);
        }
        AclCommand::Channel(ChannelCommand::List { all, format }) => {
            return show_channels(store, clock.now(), all, format).await;
        }
        AclCommand::Why { subject, channel, room, groups, at, format } => {
            let question = questions::Why { subject, groups, channel, room, at };
            return questions::why(store, clock.now(), question, &known, format).await;
        }
        AclCommand::WhoCan { room, format } => {
            return questions::who_can(store, clock.now(), room, &known, format).await;
        }
        AclCommand::Export => return plan::export(store, &principal, clock.now()).await,
        AclCommand::Plan { file, format } => {
            return plan::show(store, &principal, clock.now(), &file, &known, format).await;
        }
        AclCommand::Apply { file, version, force, reason } => {
            let reason = cleaned(reason.as_deref())?;
            let how = plan::Apply { file: &file, version, force, reason, principal, typed, known };
            return plan::apply(store, clock, how).await;
        }
        AclCommand::Grant { subject, role, rooms, channels, lasts, deny, force, reason, format } => {
            let effect = if deny { Effect::Deny } else { Effect::Permit };
            let expires_at = lasts.map(|lasts| clock.now().saturating_add(lasts)).transpose()?;
            let grant = NewGrant { subject, role, effect, rooms, channels, expires_at };
            (AclChange::Grant(grant), force, reason, format)
        }
        AclCommand::Revoke { grant, force, reason, format } => {
            (AclChange::Revoke(grant), force, reason, format)
        }
        AclCommand::Channel(ChannelCommand::Allow { channel, rooms, force, reason, format }) => {
            (AclChange::AllowChannel { channel, rooms }, force, reason, format)
        }
        AclCommand::Channel(ChannelCommand::Remove { channel, force, reason, format }) => {
            (AclChange::RemoveChannel(channel), force, reason, format)
        }
    };
    let reason = cleaned(reason.as_deref())?;
    let changes = vec![(change, reason.clone())];
    let local = LocalEdit {
        principal: principal.clone(),
        typed,
        changes,
        reason,
        force,
        at_version: None,
        known: Arc::clone(&known),
    };
    let changed = match edit(store, clock, local).await? {
        AclChanged::Changed(operation, changed) => {
            let Some(entry) = changed.first() else { return Ok(Exit::Done) };
            let mut hindered = match hindered_by(store, clock, entry, &known).await {
                Ok(hindered) => hindered,
                // The edit is made, whether or not that can be told.
                Err(error) => {
                    super::tell!("note: it cannot be told whether anything is in its way: {error}");
                    Hindered::default()
                }
            };
            hindered.wholly |= !looks_up_slack_groups && is_for_slack_group(entry);
            tell_of(entry, operation, &hindered, looks_up_slack_groups);
            if is_for_oneself(&principal, &changed) {
                super::tell!("note: you gave this to yourself; the audit log marks it");
            }
            changed
        }
        AclChanged::Declined(operation, why) => return Ok(not_edited(&why, operation)),
        AclChanged::Duplicate { .. } | AclChanged::AclChanged => return Ok(Exit::Failed),
    };
    for entry in &changed {
        match entry {
            ChangedEntry::Grant { after, .. } => crate::stdio::say_if_lost(print::one(after, format)),
            ChangedEntry::Channel { after, .. } => crate::stdio::say_if_lost(print::one(after, format)),
        }
    }
    Ok(Exit::Done)
}

fn cleaned(reason: Option<&str>) -> Result<Option<String>, WrongUsage> {
    let Some(reason) = reason else { return Ok(None) };
    match clean_reason(reason) {
        Ok(Some(reason)) => Ok(Some(reason)),
        Ok(None) => Err(WrongUsage("nothing follows `--reason`: say why, or leave it out".to_owned())),
        Err(error) => Err(WrongUsage::of(error)),
    }
}

fn tell_of(entry: &ChangedEntry, operation: OperationId, hindered: &Hindered, looks_up_slack_groups: bool) {
    match entry {
        ChangedEntry::Grant { after, .. } => {
            let what = if after.revoked_at.is_some() { "revoked" } else { "given" };
            super::tell!("grant {} {what} · op {operation}", after.id);
        }
        ChangedEntry::Channel { after, .. } => {
            let what = if after.removed_at.is_some() { "removed" } else { "authorised" };
            super::tell!("`{}` {what} · op {operation}", after.channel);
        }
    }
    let told = wording::edits::change(entry, hindered);
    for line in [Some(told.headline), told.meaning].into_iter().flatten() {
        super::tell!("   {}", super::one_line(&line));
    }
    for line in wording::edits::hindrances(entry, hindered) {
        super::tell!("note: {}", super::one_line(&line));
    }
    if !looks_up_slack_groups && is_for_slack_group(entry) {
        super::tell!(
            "note: SLACK_BOT_TOKEN is not set, so user groups of Slack are not looked up and this grant matches nobody"
        );
    }
}

/// Whether a user group of Slack is given something, which somebody has to look up.
fn is_for_slack_group(entry: &ChangedEntry) -> bool {
    matches!(
        entry,
        ChangedEntry::Grant {
            after: Grant { subject: Subject::SlackGroup { .. }, revoked_at: None, .. },
            ..
        }
    )
}

fn not_edited(why: &NotEdited, operation: OperationId) -> Exit {
    super::tell!("nothing was changed: {why}{} · op {operation}", next(why));
    Exit::Failed
}

/// What to do about an edit that is not made, as the end of the sentence that says why.
fn next(why: &NotEdited) -> &'static str {
    match why {
        NotEdited::NoGrant(_) => ": `room-owner acl list` shows all of them",
        NotEdited::RevokedAlready(_) => "",
        NotEdited::NotAuthorised(_) => ": `room-owner acl channel list` shows what is",
        // Whoever is on the bot's machine is an admin for every room.
        NotEdited::AdminBeyond(_) => "",
        NotEdited::NotLookedUp(_) => {
            ", so that everybody of its workspace would be refused: set SLACK_BOT_TOKEN, or deny it to people"
        }
        NotEdited::LockOut(LockOut::NoAdmin | LockOut::NoAdminOfAllRooms) => {
            " who could undo it from chat: make somebody else an admin first, or use --force"
        }
        NotEdited::LockOut(LockOut::NoChannel) => {
            " to undo it from: authorise another channel first, or use --force"
        }
        NotEdited::LockOut(LockOut::OutOfReach) => {
            ": give somebody else the role, or another channel all rooms, first; or use --force"
        }
        NotEdited::LockOut(LockOut::GroupUnread(Subject::DiscordRole { .. })) => {
            ": deny it to people, let an admin who does not have the role do it from chat, or use --force"
        }
        NotEdited::LockOut(LockOut::GroupUnread(_)) => {
            ": deny it to people, or give the group another role first, so that `serve` reads it; or use --force"
        }
    }
}

/// Says which grants match nobody for want of a token.
fn warn_of_groups(groups: &[Subject]) {
    if !groups.is_empty() {
        super::tell!(
            "note: SLACK_BOT_TOKEN is not set, so grants to user groups match nobody: {}",
            list(groups)
        );
    }
}

async fn show_grants(store: &dyn Store, now: Timestamp, all: bool, format: Format) -> anyhow::Result<Exit> {
    let grants = if all { store.grants().await? } else { store.live_grants(now).await? };
    let left_out = if all { 0 } else { store.grants_page(Some(now), 1, 1).await?.left_out };
    if grants.is_empty() && left_out == 0 {
        super::tell!(
            "nobody may do anything yet: `room-owner acl grant <subject> <role>` gives the first role"
        );
    } else if left_out > 0 {
        super::tell!("{left_out} ended grants are left out: --all shows them");
    }
    print::rows(&grants, format)?;
    Ok(Exit::Done)
}

async fn show_attention(store: &dyn Store, now: Timestamp, format: Format) -> anyhow::Result<Exit> {
    let shown = attention(&store.live_grants(now).await?, &store.grant_uses().await?, now);
    if shown.is_empty() {
        super::tell!("no grant ends within 24 hours, and none was unused for 90 days");
    }
    for (grant, why) in &shown {
        super::tell!("grant {} of {}: {}", grant.id, grant.subject, questions::attention(why, now));
    }
    let grants: Vec<Grant> = shown.into_iter().map(|(grant, _)| grant).collect();
    print::rows(&grants, format)?;
    Ok(Exit::Done)
}

async fn show_channels(store: &dyn Store, now: Timestamp, all: bool, format: Format) -> anyhow::Result<Exit> {
    let mut channels = store.channels().await?;
    let known = channels.len();
    channels.retain(|entry| all || is_open(entry, now));
    if channels.is_empty() && known == 0 {
        super::tell!(
            "no channel is authorised yet: `room-owner acl channel allow <channel>` authorises the first"
        );
    } else if channels.len() < known {
        super::tell!("{} removed entries are left out: --all shows them", known - channels.len());
    }
    print::rows(&channels, format)?;
    Ok(Exit::Done)
}

fn when(time: Option<Timestamp>) -> String {
    time.map(|time| format!("{time:.0}")).unwrap_or_default()
}

impl Row for Grant {
    const HEADINGS: &'static [&'static str] = &[
        "Grant",
        "Subject",
        "Role",
        "Rooms",
        "Channels",
        "Expires",
        "Granted by",
        "Granted",
        "Revoked",
        "Reason",
    ];

    const FIELDS: &'static [&'static str] = &[
        "id",
        "subject",
        "role",
        "effect",
        "rooms",
        "channels",
        "expires_at",
        "granted_by",
        "granted_at",
        "revoked_at",
        "reason",
    ];

    fn cells(&self) -> Vec<String> {
        let role = match self.effect {
            Effect::Permit => self.role.to_string(),
            Effect::Deny => format!("denied {}", self.role),
        };
        vec![
            self.id.to_string(),
            self.subject.to_string(),
            role,
            self.rooms.to_string(),
            list(&self.channels),
            when(self.expires_at),
            self.granted_by.to_string(),
            when(Some(self.granted_at)),
            when(self.revoked_at),
            self.reason.clone().unwrap_or_default(),
        ]
    }
}

impl Row for AuthorisedChannel {
    const HEADINGS: &'static [&'static str] =
        &["Channel", "Rooms", "Allowed by", "Allowed", "Removed", "Reason"];

    const FIELDS: &'static [&'static str] =
        &["channel", "rooms", "allowed_by", "allowed_at", "removed_at", "reason"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.channel.to_string(),
            self.rooms.to_string(),
            self.allowed_by.to_string(),
            when(Some(self.allowed_at)),
            when(self.removed_at),
            self.reason.clone().unwrap_or_default(),
        ]
    }
}
