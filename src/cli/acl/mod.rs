//! `room-owner acl ..`: edits the ACL, shows it, explains it, and keeps it in a file.

#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::acl_file;
use super::render::{self, Asked};
use super::{Caller, Exit, Format, WrongUsage};
use crate::app::commands::at_once;
use crate::app::ports::Clock;
use crate::app::service::CommandService;
use crate::domain::access::{Effect, Mark, NewGrant, Role, RoomScope, Setting, SettingKey};
use crate::domain::audit::{OperationId, TimeExpr};
use crate::domain::command::{self, Command, Edit, Ends, Listed, Section, Why, clean_reason, read_answer};
use crate::domain::duration::parse_lasting;
use crate::domain::principal::{Channel, InvalidId, Subject};
use crate::domain::room::{AccountId, RoomId};

/// `acl ..`
#[derive(Debug, Subcommand)]
pub enum AclCommand {
    /// Give a role to a subject
    Grant {
        /// `slack:<team>:<user>`, `slack:<team>:group:<usergroup>`, `discord:<guild>:<user>`,
        /// `discord:<guild>:role:<role>` or `cli:<os user>`
        #[arg(value_parser = grantee)]
        subject: Subject,
        /// moderator, auditor or admin
        role: Role,
        /// `*`, a room id, or a prefix such as `live-*`
        #[arg(long, default_value = "*")]
        rooms: RoomScope,
        /// Only from this channel; may be given several times
        #[arg(long = "in", value_name = "CHANNEL", value_parser = Channel::written)]
        channels: Vec<Channel>,
        /// For how long, such as 8h, 30m or 7d; for ever if not given
        #[arg(long = "for", value_name = "DURATION", value_parser = parse_lasting)]
        lasts: Option<std::time::Duration>,
        /// Until when, such as 18:00 or `tomorrow 06:00`, in this machine's zone unless one is named
        #[arg(long, value_name = "TIME", conflicts_with = "lasts")]
        until: Option<TimeExpr>,
        /// Take the role away instead, whatever else gives it
        #[arg(long)]
        deny: bool,
        /// How it is changed.
        #[command(flatten)]
        edit: EditArguments,
    },
    /// Answer somebody who asks for access to a room
    Answer {
        /// The operation that asks, from `acl list --attention`
        operation: OperationId,
        /// For how long, such as 8h or 1h; or no
        #[arg(value_parser = answer)]
        answer: Answer,
        /// How to print the grant
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Take a grant back
    Revoke {
        /// Its number, from `acl list`
        #[arg(value_parser = grant)]
        grant: i64,
        /// How it is changed.
        #[command(flatten)]
        edit: EditArguments,
    },
    /// Show the grants
    List {
        /// Only those that name this subject
        #[arg(value_parser = Subject::written)]
        who: Option<Subject>,
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
        #[arg(value_parser = Subject::written)]
        subject: Subject,
        /// In which channel
        #[arg(long = "in", value_name = "CHANNEL", value_parser = Channel::written)]
        channel: Channel,
        /// For which room
        #[arg(long)]
        room: RoomId,
        /// Count the subject as a member of this group or role; may be given several times
        #[arg(long = "member-of", value_name = "GROUP", value_parser = group)]
        groups: Vec<Subject>,
        /// As it was at this time: 2026-11-23T14:03:00Z, 2026-11-23 14:03, 2h or yesterday
        #[arg(long, value_name = "TIME")]
        at: Option<TimeExpr>,
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
    /// Announce what happens to rooms in channels
    #[command(subcommand)]
    Announce(AnnounceCommand),
    /// Say which live account somebody has, so that rooms can be handed to them by name
    Link {
        /// `slack:<team>:<user>` or `discord:<guild>:<user>`; several people with one account count as one person
        #[arg(value_parser = person)]
        person: Subject,
        /// The UserID of that person in the live app
        account: AccountId,
        /// How it is changed.
        #[command(flatten)]
        edit: EditArguments,
    },
    /// Forget which live account somebody has
    Unlink {
        /// The person
        #[arg(value_parser = person)]
        person: Subject,
        /// How it is changed.
        #[command(flatten)]
        edit: EditArguments,
    },
    /// Show who has which live account
    Links {
        /// Only what this person is linked to
        #[arg(value_parser = person)]
        who: Option<Subject>,
        /// What is shown, and how.
        #[command(flatten)]
        list: ListArguments,
    },
    /// Mark rooms: what a hand-over of them takes
    Room {
        /// `*`, a room id, or a prefix such as `live-*`
        rooms: RoomScope,
        /// confirm: the caller confirms; two-person: a second person approves; off: neither
        #[arg(value_parser = marked)]
        mark: Marked,
        /// How it is changed.
        #[command(flatten)]
        edit: EditArguments,
    },
    /// Show the rooms that are marked
    Rooms(ListArguments),
    /// Write the live ACL as TOML, always in the same order
    Export,
    /// Show who would gain and who would lose what by a file, and change nothing
    Plan {
        /// The file, such as `acl export` writes
        file: PathBuf,
        /// End with exit code 1 if there is anything to change
        #[arg(long)]
        check: bool,
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
        /// How to print the changes
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
}

/// `acl channel ..`
#[derive(Debug, Subcommand)]
pub enum ChannelCommand {
    /// Take commands from a channel
    Allow {
        /// `slack:<team>:<channel>` or `discord:<guild>:<channel>`
        #[arg(value_parser = Channel::written)]
        channel: Channel,
        /// For these rooms only: `*`, a room id, or a prefix such as `live-*`
        #[arg(long, default_value = "*")]
        rooms: RoomScope,
        /// How it is changed.
        #[command(flatten)]
        edit: EditArguments,
    },
    /// Take no more commands from a channel
    Remove {
        /// The channel
        channel: Channel,
        /// How it is changed.
        #[command(flatten)]
        edit: EditArguments,
    },
    /// Show the channels
    List(ListArguments),
}

/// `acl announce ..`
#[derive(Debug, Subcommand)]
pub enum AnnounceCommand {
    /// Post to a channel what happens to rooms, and which grants end soon
    Here {
        /// `slack:<team>:<channel>` or `discord:<guild>:<channel>`
        #[arg(value_parser = Channel::written)]
        channel: Channel,
        /// Of these rooms only: `*`, a room id, or a prefix such as `live-*`; those that the channel is authorised for
        /// if not given
        #[arg(long)]
        rooms: Option<RoomScope>,
        /// Admins read it: say there what they can do
        #[arg(long)]
        admin: bool,
        /// How it is changed.
        #[command(flatten)]
        edit: EditArguments,
    },
    /// Post nothing more to a channel
    Off {
        /// The channel
        channel: Channel,
        /// How it is changed.
        #[command(flatten)]
        edit: EditArguments,
    },
    /// Show the announcement channels
    List(ListArguments),
}

/// Which entries of a list are shown, and how.
#[derive(Debug, Args)]
pub struct ListArguments {
    /// Removed ones too
    #[arg(long)]
    pub all: bool,
    /// How to print them
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
}

/// For how long access is given; `None` for not at all.
#[derive(Debug, Clone, Copy)]
pub struct Answer(Option<std::time::Duration>);

/// How one entry is changed.
#[derive(Debug, Args)]
pub struct EditArguments {
    /// Do it even if it leaves no admin who could undo it from chat
    #[arg(long)]
    pub force: bool,
    /// Why, for the record
    #[arg(long)]
    pub reason: Option<String>,
    /// How to print the entry
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
}

impl AclCommand {
    /// Whether it changes the ACL.
    pub fn is_edit(&self) -> bool {
        match self {
            Self::Grant { .. }
            | Self::Answer { .. }
            | Self::Revoke { .. }
            | Self::Link { .. }
            | Self::Unlink { .. }
            | Self::Room { .. }
            | Self::Apply { .. } => true,
            Self::Channel(command) => !matches!(command, ChannelCommand::List(_)),
            Self::Announce(command) => !matches!(command, AnnounceCommand::List(_)),
            Self::List { .. }
            | Self::Links { .. }
            | Self::Rooms(_)
            | Self::Why { .. }
            | Self::WhoCan { .. }
            | Self::Export
            | Self::Plan { .. } => false,
        }
    }

    /// What is asked for at the time `now`, and how the answer is to be printed.
    fn asked(self, now: Timestamp) -> anyhow::Result<(command::AclCommand, Asked)> {
        use command::AclCommand as Wanted;
        let whole = |part, who, removed| Wanted::List(Listed { part, who, removed, page: 1, size: u32::MAX });
        let listed = |part, who, ListArguments { all, format }| (whole(part, who, all), Asked::rows(format));
        let edited = |edit, EditArguments { force, reason, format }: EditArguments| {
            anyhow::Ok((
                Wanted::Edit { edit, reason: cleaned(reason)?, force, if_version: None },
                Asked::rows(format),
            ))
        };
        Ok(match self {
            Self::Grant { subject, role, rooms, channels, lasts, until, deny, edit } => {
                let effect = if deny { Effect::Deny } else { Effect::Permit };
                let grant = NewGrant { subject, role, effect, rooms, channels, expires_at: None };
                let until = until.map(|until| Ends::until(until.or_in(TimeZone::system()))).transpose();
                let ends = until.map_err(WrongUsage)?.or(lasts.map(Ends::After));
                edited(Edit::Grant { grants: vec![grant], ends }, edit)?
            }
            Self::Answer { operation, answer: Answer(lasts), format } => {
                let edit = Edit::Answer(operation, lasts);
                (Wanted::Edit { edit, reason: None, force: false, if_version: None }, Asked::rows(format))
            }
            Self::Revoke { grant, edit } => edited(Edit::Revoke(grant), edit)?,
            Self::Channel(ChannelCommand::Allow { channel, rooms, edit }) => {
                edited(Edit::AllowChannel(Some(channel), rooms), edit)?
            }
            Self::Channel(ChannelCommand::Remove { channel, edit }) => {
                edited(Edit::RemoveChannel(Some(channel)), edit)?
            }
            Self::Announce(AnnounceCommand::Here { channel, rooms, admin, edit }) => {
                edited(Edit::Announce(Some(channel), rooms, admin), edit)?
            }
            Self::Announce(AnnounceCommand::Off { channel, edit }) => {
                edited(Edit::StopAnnouncing(Some(channel)), edit)?
            }
            Self::Link { person, account, edit } => {
                edited(Edit::Set(Setting::Link { person, account }), edit)?
            }
            Self::Unlink { person, edit } => edited(Edit::Unset(SettingKey::Link(person)), edit)?,
            Self::Room { rooms, mark: Marked(Some(mark)), edit } => {
                edited(Edit::Set(Setting::Mark { rooms, mark }), edit)?
            }
            Self::Room { rooms, mark: Marked(None), edit } => {
                edited(Edit::Unset(SettingKey::Mark(rooms)), edit)?
            }
            Self::Announce(AnnounceCommand::List(list)) => listed(Section::Announcements, None, list),
            Self::Channel(ChannelCommand::List(list)) => listed(Section::Channels, None, list),
            Self::Links { who, list } => listed(Section::Links, who, list),
            Self::Rooms(list) => listed(Section::Rooms, None, list),
            Self::List { who, all, attention, format } => {
                let part = match (all, attention) {
                    (true, _) => Section::All,
                    (_, true) => Section::Attention,
                    _ => Section::Live,
                };
                (whole(part, who, false), Asked::rows(format))
            }
            Self::Why { subject, channel, room, groups, at, format } => {
                let at = at.map(|at| at.resolve(now, &TimeZone::system())).transpose();
                let at = at.map_err(WrongUsage::of)?;
                let (subject, channel) = (Some(subject), Some(channel));
                let why = Why { subject, groups: Vec::new(), assumed: groups, room, channel, at };
                (Wanted::Why(why), Asked { at, ..Asked::rows(format) })
            }
            Self::WhoCan { room, format } => (Wanted::WhoCan(room), Asked::rows(format)),
            Self::Export => (Wanted::Export, Asked::rows(Format::Table)),
            Self::Plan { file, check, format } => {
                let acl_file::File { version, wanted } = acl_file::open(&file)?;
                let asked = Asked { file: Some((file, version)), check, ..Asked::rows(format) };
                (Wanted::Plan(wanted), asked)
            }
            Self::Apply { file, version, force, reason, format } => {
                let acl_file::File { version: own, wanted } = acl_file::open(&file)?;
                let edit = Edit::Apply(wanted, version.or(own));
                let asked = Asked { file: Some((file, own)), ..Asked::rows(format) };
                (Wanted::Edit { edit, reason: cleaned(reason)?, force, if_version: None }, asked)
            }
        })
    }
}

/// Edits, shows or explains the ACL.
///
/// # Errors
/// When a file cannot be read or makes no sense, or nothing can be printed.
pub async fn run(
    service: &CommandService,
    clock: &dyn Clock,
    caller: Caller,
    command: AclCommand,
) -> anyhow::Result<Exit> {
    let (command, asked) = command.asked(clock.now())?;
    let reply = service.handle(caller.asks(Ok(Command::Acl(command))), at_once).await.into_reply();
    render::acl(&reply, &asked, &service.directory().known(), clock.now())
}

fn cleaned(reason: Option<String>) -> Result<Option<String>, WrongUsage> {
    let Some(reason) = reason else { return Ok(None) };
    match clean_reason(&reason).map_err(WrongUsage::of)? {
        None => Err(WrongUsage("nothing follows `--reason`: say why, or leave it out".to_owned())),
        cleaned => Ok(cleaned),
    }
}

/// The subject comes first. Whoever swaps the two reads so.
fn grantee(text: &str) -> Result<Subject, String> {
    match text.parse::<Role>() {
        Ok(role) => Err(format!("the role comes second: `room-owner acl grant <subject> {role}`")),
        Err(_) => Subject::written(text).map_err(|error| error.to_string()),
    }
}

fn answer(text: &str) -> Result<Answer, String> {
    read_answer(text).map(Answer)
}

fn person(text: &str) -> Result<Subject, String> {
    match Subject::written(text) {
        Ok(person) if person.is_chat_user() => Ok(person),
        Err(form @ InvalidId::Form { .. }) => Err(form.to_string()),
        _ => Err("this is not a person of a chat: write `slack:<team>:<user>` or `discord:<guild>:<user>`"
            .to_owned()),
    }
}

/// How rooms are to be marked; not at all if as nothing.
#[derive(Debug, Clone, Copy)]
pub struct Marked(Option<Mark>);

fn marked(text: &str) -> Result<Marked, String> {
    if text.eq_ignore_ascii_case("off") {
        return Ok(Marked(None));
    }
    let mark =
        text.parse().map_err(|_| "this is no mark of rooms: write `confirm`, `two-person` or `off`")?;
    Ok(Marked(Some(mark)))
}

fn grant(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| "a grant is named by its number: `room-owner acl list` shows it".to_owned())
}

fn version(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| "a version of the ACL is a number: `room-owner acl plan` tells it".to_owned())
}

fn group(text: &str) -> Result<Subject, String> {
    match Subject::written(text) {
        Ok(group) if group.is_group() => Ok(group),
        Err(form @ InvalidId::Form { .. }) => Err(form.to_string()),
        _ => Err("this is not a group or a role: write `slack:<team>:group:<usergroup>` or `discord:<guild>:role:<role>`"
            .to_owned()),
    }
}
