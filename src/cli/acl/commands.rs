//! `room-owner acl ..` as clap takes it.

use std::path::PathBuf;

use clap::Subcommand;

use crate::cli::Format;
use crate::domain::access::{Role, RoomScope};
use crate::domain::audit::Moment;
use crate::domain::period::parse_lasting;
use crate::domain::principal::{Channel, Subject};
use crate::domain::room::RoomId;

/// `acl ..`
#[derive(Debug, Subcommand)]
pub enum AclCommand {
    /// Give a role to a subject
    Grant {
        /// `slack:<team>:<user>`, `slack:<team>:group:<usergroup>`, `discord:<guild>:<user>`,
        /// `discord:<guild>:role:<role>` or `cli:<os user>`
        subject: Subject,
        /// moderator, auditor or admin
        role: Role,
        /// `*`, a room id, or a prefix such as `live-*`
        #[arg(long, default_value = "*")]
        rooms: RoomScope,
        /// Only from this channel; may be given several times
        #[arg(long = "in", value_name = "CHANNEL")]
        channels: Vec<Channel>,
        /// For how long, such as 8h, 30m or 7d; for ever if not given
        #[arg(long = "for", value_name = "DURATION", value_parser = parse_lasting)]
        lasts: Option<std::time::Duration>,
        /// Take the role away instead, whatever else gives it
        #[arg(long)]
        deny: bool,
        /// Do it even if it leaves no admin who could undo it from chat
        #[arg(long)]
        force: bool,
        /// Why, for the record
        #[arg(long)]
        reason: Option<String>,
        /// How to print the grant
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Take a grant back
    Revoke {
        /// Its number, from `acl list`
        #[arg(value_parser = grant)]
        grant: i64,
        /// Do it even if it leaves no admin
        #[arg(long)]
        force: bool,
        /// Why, for the record
        #[arg(long)]
        reason: Option<String>,
        /// How to print the grant
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Show the grants
    List {
        /// Revoked and lapsed ones too
        #[arg(long)]
        all: bool,
        /// Only those to look at: they end within 24 hours, or were unused for 90 days
        #[arg(long, conflicts_with = "all")]
        attention: bool,
        /// How to print them
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Explain what is decided about somebody, by the rule that decides
    Why {
        /// Whose right
        subject: Subject,
        /// In which channel
        #[arg(long = "in", value_name = "CHANNEL")]
        channel: Channel,
        /// For which room
        #[arg(long)]
        room: RoomId,
        /// Count the subject as a member of this group or role; may be given several times
        #[arg(long = "member-of", value_name = "GROUP", value_parser = group)]
        groups: Vec<Subject>,
        /// As it was at this time: 2026-11-23T14:03:00Z, 2026-11-23 14:03, 2h or yesterday
        #[arg(long, value_name = "TIME")]
        at: Option<Moment>,
        /// How to print the answer
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Show who can hand a room over
    WhoCan {
        /// The room
        room: RoomId,
        /// How to print them
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Authorise channels
    #[command(subcommand)]
    Channel(ChannelCommand),
    /// Write the live grants and channels as TOML, always in the same order
    Export,
    /// Show who would gain and who would lose what by a file, and change nothing
    Plan {
        /// The file, such as `acl export` writes
        file: PathBuf,
        /// How to print the changes
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Make the ACL what a file says, all of it or nothing
    Apply {
        /// The file
        file: PathBuf,
        /// The version of the ACL that the plan was made on; the file's own `version` if not given
        #[arg(long, value_parser = version)]
        version: Option<i64>,
        /// Do it even if it leaves no admin or no channel
        #[arg(long)]
        force: bool,
        /// Why, for the record
        #[arg(long)]
        reason: Option<String>,
    },
}

impl AclCommand {
    /// Whether the command may be the first on a new machine, so that it makes the database.
    #[must_use]
    pub fn makes_database(&self) -> bool {
        matches!(self, Self::Grant { .. } | Self::Channel(ChannelCommand::Allow { .. }))
    }
}

fn grant(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| "a grant is named by its number: `room-owner acl list` shows it".to_owned())
}

fn version(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| "a version of the ACL is a number: `room-owner acl plan` tells it".to_owned())
}

fn group(text: &str) -> Result<Subject, String> {
    match text.parse::<Subject>() {
        Ok(group @ (Subject::SlackGroup { .. } | Subject::DiscordRole { .. })) => Ok(group),
        _ => Err("this is not a group or a role: write `slack:<team>:group:<usergroup>` or `discord:<guild>:role:<role>`"
            .to_owned()),
    }
}

/// `acl channel ..`
#[derive(Debug, Subcommand)]
pub enum ChannelCommand {
    /// Take commands from a channel
    Allow {
        /// `slack:<team>:<channel>` or `discord:<guild>:<channel>`
        channel: Channel,
        /// For these rooms only: `*`, a room id, or a prefix such as `live-*`
        #[arg(long, default_value = "*")]
        rooms: RoomScope,
        /// Do it even if it leaves no admin a channel to edit the ACL from
        #[arg(long)]
        force: bool,
        /// Why, for the record
        #[arg(long)]
        reason: Option<String>,
        /// How to print the entry
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Take no more commands from a channel
    Remove {
        /// The channel
        channel: Channel,
        /// Do it even if it leaves no channel
        #[arg(long)]
        force: bool,
        /// Why, for the record
        #[arg(long)]
        reason: Option<String>,
        /// How to print the entry
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Show the channels
    List {
        /// Removed ones too
        #[arg(long)]
        all: bool,
        /// How to print them
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
}
