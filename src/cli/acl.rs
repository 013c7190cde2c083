//! `room-owner acl ..`

use jiff::Timestamp;

use super::print::{self, Row};
use super::{AclCommand, ChannelCommand, Exit, Format};
use crate::app::acl::edit_locally;
use crate::app::ports::{AclChange, AclChanged, Clock, NewGrant, Store};
use crate::domain::access::{AuthorisedChannel, Effect, Grant, is_live, is_open, list};
use crate::domain::command::clean_reason;
use crate::domain::principal::{Principal, Subject};

/// Edits or shows the ACL.
///
/// # Errors
/// When the store fails or nothing can be printed.
pub async fn run(
    store: &dyn Store,
    clock: &dyn Clock,
    principal: Principal,
    typed: String,
    command: AclCommand,
    looks_up_slack_groups: bool,
) -> anyhow::Result<Exit> {
    let (change, reason, format) = match command {
        AclCommand::List { all, format } => {
            let exit = show_grants(store, clock.now(), all, format).await?;
            if !looks_up_slack_groups {
                warn_of_groups(&store.group_subjects(clock.now()).await?.groups);
            }
            return Ok(exit);
        }
        AclCommand::Channel(ChannelCommand::List { all, format }) => {
            return show_channels(store, clock.now(), all, format).await;
        }
        AclCommand::Grant { subject, role, rooms, channels, lasts, deny, reason, format } => {
            let effect = if deny { Effect::Deny } else { Effect::Permit };
            let expires_at = lasts.map(|lasts| clock.now().saturating_add(lasts)).transpose()?;
            let grant = NewGrant { subject, role, effect, rooms, channels, expires_at };
            (AclChange::Grant(grant), reason, format)
        }
        AclCommand::Revoke { grant, reason, format } => (AclChange::Revoke(grant), reason, format),
        AclCommand::Channel(ChannelCommand::Allow { channel, rooms, reason, format }) => {
            (AclChange::AllowChannel { channel, rooms }, reason, format)
        }
        AclCommand::Channel(ChannelCommand::Remove { channel, reason, format }) => {
            (AclChange::RemoveChannel(channel), reason, format)
        }
    };
    let Ok(reason) = clean_reason(reason.as_deref().unwrap_or_default()) else {
        super::tell!(
            "the reason is too long: {} characters are kept",
            crate::domain::command::LONGEST_REASON
        );
        return Ok(Exit::Usage);
    };
    match edit_locally(store, clock, principal, typed, change, reason).await? {
        AclChanged::Grant(operation, grant) => {
            let what = if grant.revoked_at.is_some() { "revoked" } else { "given" };
            super::tell!("grant {} {what} · op {operation}", grant.id);
            if grant.revoked_at.is_none()
                && let Some(warning) = without_effect(&grant.subject, looks_up_slack_groups)
            {
                super::tell!("note: {warning}");
            }
            print::one(&grant, format)?;
        }
        AclChanged::Channel(operation, entry) => {
            let what = if entry.removed_at.is_some() { "removed" } else { "authorised" };
            super::tell!("`{}` {what} · op {operation}", entry.channel);
            print::one(&entry, format)?;
        }
        AclChanged::Nothing(operation, why) => {
            super::tell!("nothing was changed: {why} · op {operation}");
            return Ok(Exit::Failed);
        }
    }
    Ok(Exit::Done)
}

/// Why a grant to the subject changes nothing for now, so that nobody wonders.
fn without_effect(subject: &Subject, looks_up_slack_groups: bool) -> Option<&'static str> {
    match subject {
        Subject::Cli { .. } => {
            Some("the command line needs no grant: whoever is on this machine may do everything")
        }
        Subject::SlackGroup { .. } if !looks_up_slack_groups => Some(
            "SLACK_BOT_TOKEN is not set, so user groups of Slack are not looked up and this grant matches nobody",
        ),
        Subject::SlackGroup { .. }
        | Subject::SlackUser { .. }
        | Subject::DiscordUser { .. }
        | Subject::DiscordRole { .. } => None,
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
    let mut grants = store.grants().await?;
    let known = grants.len();
    grants.retain(|grant| all || is_live(grant, now));
    if grants.is_empty() && known == 0 {
        super::tell!(
            "nobody may do anything yet: `room-owner acl grant <subject> <role>` gives the first role"
        );
    } else if grants.len() < known {
        super::tell!("{} ended grants are left out: --all shows them", known - grants.len());
    }
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
            Effect::Deny => format!("not {}", self.role),
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
