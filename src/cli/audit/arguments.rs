//! What `audit ..` takes.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Subcommand, ValueEnum};
use jiff::tz::TimeZone;

use crate::cli::{Format, WrongUsage, number};
use crate::domain::audit::{
    self, Filter, InvalidTime, OperationId, OperationKind, Outcomes, StatsBy, TimeExpr,
};
use crate::domain::command::Question;
use crate::domain::principal::{Channel, Subject};
use crate::domain::room::RoomId;

/// `audit ..`
#[derive(Debug, Subcommand)]
pub enum ReadingCommand {
    /// Show what was done, newest first. An operation's number is that of its first event in the log, so
    /// numbers skip
    List(ListArguments),
    /// Show one operation whole
    Show {
        /// Its number, from a reply or from `audit list`
        operation: OperationId,
        /// Where it is read, and how it is printed.
        #[command(flatten)]
        reading: ReadingArguments,
    },
    /// Say who owned a room at a time, since when, and how that is known
    OwnerAt {
        /// The room
        room: RoomId,
        /// When: 2026-11-23T14:03:00Z, 2026-11-23 14:03, 14:03, yesterday 14:03, 2h
        time: TimeExpr,
        /// The zone of a time that names none, such as Europe/Berlin, and of the times in the answer for people;
        /// this machine's and UTC if not given
        #[arg(long, value_parser = zone)]
        zone: Option<TimeZone>,
        /// Where it is read, and how it is printed.
        #[command(flatten)]
        reading: ReadingArguments,
    },
    /// Show who owned a room over time, newest first, by whose hand-over, and how that is known
    History {
        /// The room
        room: RoomId,
        /// From this time on: 2026-11-23T14:03:00Z, 2026-11-23 14:03, yesterday, 7d
        #[arg(long, value_name = "TIME")]
        since: Option<TimeExpr>,
        /// Before this time
        #[arg(long, value_name = "TIME")]
        until: Option<TimeExpr>,
        /// The zone of times that name none, such as Europe/Berlin, and of the times in the answer for people;
        /// this machine's and UTC if not given
        #[arg(long, value_parser = zone)]
        zone: Option<TimeZone>,
        /// Where it is read, and how it is printed.
        #[command(flatten)]
        reading: ReadingArguments,
    },
    /// Show the steps of one operation and the waits between them
    Timeline {
        /// Its number, from a reply or from `audit list`
        operation: OperationId,
        /// An archive that holds events of it; may be given several times
        #[arg(long, value_name = "FILE")]
        archive: Vec<PathBuf>,
        /// Where it is read, and how it is printed.
        #[command(flatten)]
        reading: ReadingArguments,
    },
    /// Count operations
    Stats {
        /// By actor, room, channel, outcome or hour (UTC)
        #[arg(long, default_value = "outcome")]
        by: StatsBy,
        /// Which operations.
        #[command(flatten)]
        filter: FilterArguments,
        /// At most so many rows; 0 for all
        #[arg(long, default_value_t = 50, value_parser = number::<u32>)]
        limit: u32,
        /// Where it is read, and how it is printed.
        #[command(flatten)]
        reading: ReadingArguments,
    },
    /// Write all operations to stdout, oldest first, to take elsewhere
    Export(ExportArguments),
}

/// `audit list`
#[derive(Debug, clap::Args)]
pub struct ListArguments {
    /// Which operations.
    #[command(flatten)]
    pub filter: FilterArguments,
    /// Only those behind this one: how a listing that was cut off goes on
    #[arg(long, value_name = "OPERATION")]
    pub before: Option<OperationId>,
    /// At most so many; 0 for all
    #[arg(long, default_value_t = 50, value_parser = number::<u32>)]
    pub limit: u32,
    /// Where it is read, and how it is printed.
    #[command(flatten)]
    pub reading: ReadingArguments,
}

/// `audit export`
#[derive(Debug, Clone, clap::Args)]
pub struct ExportArguments {
    /// How to write them
    #[arg(long, value_enum, default_value = "jsonl")]
    pub format: ExportFormat,
    /// Which operations.
    #[command(flatten)]
    pub filter: FilterArguments,
    /// Only what happened after an earlier export, by the cursor that it ended with
    #[arg(long, value_name = "CURSOR", value_parser = cursor)]
    pub after: Option<i64>,
    /// Go on from the cursor in this file if there is one, and leave the new one there when all is written
    #[arg(long, value_name = "FILE", conflicts_with = "after")]
    pub cursor_file: Option<PathBuf>,
    /// Read this copy of a database instead: nothing is written, so the reading is not recorded
    #[arg(long, value_name = "FILE")]
    pub database: Option<PathBuf>,
}

/// How an export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// One audit entry a line
    Jsonl,
    /// For spreadsheets
    Csv,
    /// CloudEvents 1.0, one a line, with an OCSF body, for a SIEM
    Cloudevents,
}

/// Where the log is, and how it is printed.
#[derive(Debug, Clone, clap::Args)]
pub struct ReadingArguments {
    /// Read this copy of a database instead: nothing is written, so the reading is not recorded
    #[arg(long, value_name = "FILE")]
    pub database: Option<PathBuf>,
    /// How to print it
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
}

/// Which operations.
#[derive(Debug, Clone, clap::Args)]
pub struct FilterArguments {
    /// Of this room
    #[arg(long)]
    pub room: Option<RoomId>,
    /// By this subject
    #[arg(long, value_parser = Subject::written)]
    pub actor: Option<Subject>,
    /// In this channel
    #[arg(long, value_parser = Channel::written)]
    pub channel: Option<Channel>,
    /// With this outcome: succeeded, unchanged, refused, unknown, pending, denied, declined, invalid, duplicate, or
    /// failed for refused, denied, declined and invalid; several with commas
    #[arg(long)]
    pub outcome: Vec<Outcomes>,
    /// Of this kind: transfer (hand-overs alone) or show (looks at an owner)
    #[arg(long)]
    pub kind: Option<OperationKind>,
    /// With this RequestId of Tencent's
    #[arg(long)]
    pub request_id: Option<String>,
    /// This operation
    #[arg(long)]
    pub operation: Option<OperationId>,
    /// With this text in the reason, the command or the error; letters match in either case
    #[arg(long, value_parser = searched)]
    pub text: Option<String>,
    /// Not before: a time (2026-11-23T14:03:00Z, 2026-11-23 14:03, 14:03, yesterday) or how long ago (2h, 30m); for
    /// an export, also the cursor that an earlier one ended with
    #[arg(long, value_name = "TIME")]
    pub since: Option<Since>,
    /// Before: likewise
    #[arg(long, value_name = "TIME")]
    pub until: Option<TimeExpr>,
    /// The zone of times that name none, such as Europe/Berlin, and of the times in a table; this machine's and UTC
    /// if not given. For programs, times are always UTC
    #[arg(long, value_parser = zone)]
    pub zone: Option<TimeZone>,
    /// Readings of this log too
    #[arg(long)]
    pub readings: bool,
}

/// Where a question to the log begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Since {
    /// At a time.
    Time(TimeExpr),
    /// Behind an export that ended with this cursor.
    Cursor(i64),
}

impl FromStr for Since {
    type Err = InvalidTime;

    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        // A time is never a number alone.
        match text.parse() {
            Ok(cursor) if text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Self::Cursor(cursor)),
            _ => text.parse().map(Self::Time),
        }
    }
}

fn cursor(text: &str) -> Result<i64, String> {
    let number = text.parse().ok().filter(|number| *number >= 0);
    number.ok_or_else(|| "it is not a cursor: an export ends with one, a number".to_owned())
}

pub(super) fn zone(name: &str) -> Result<TimeZone, String> {
    audit::zone(name).map_err(|error| error.to_string())
}

fn searched(text: &str) -> Result<String, String> {
    let fits = (1..=300).contains(&text.chars().count());
    fits.then(|| text.to_owned()).ok_or_else(|| "a text to search for has 1 to 300 characters".to_owned())
}

/// A time, in the named zone if it names none.
pub(super) fn in_zone(time: &TimeExpr, zone: Option<&TimeZone>) -> TimeExpr {
    match zone {
        Some(zone) => time.clone().or_in(zone.clone()),
        None => time.clone(),
    }
}

impl FilterArguments {
    /// Which operations; a cursor may stand only where one export goes on behind another.
    fn filter(&self, may_go_on: bool) -> Result<Filter, WrongUsage> {
        Ok(Filter {
            room: self.room.clone(),
            actor: self.actor.clone(),
            channel: self.channel.clone(),
            outcomes: self.outcome.iter().flat_map(Outcomes::named).copied().collect(),
            kind: self.kind,
            request_id: self.request_id.clone(),
            operation: self.operation,
            text: self.text.clone(),
            since: match &self.since {
                Some(Since::Time(time)) => Some(in_zone(time, self.zone.as_ref())),
                Some(Since::Cursor(cursor)) if !may_go_on => {
                    return Err(WrongUsage(format!(
                        "`--since {cursor}` is a cursor, where one `audit export` goes on behind another; give a time \
                         here, such as `2h`, and one cursor alone"
                    )));
                }
                Some(Since::Cursor(_)) | None => None,
            },
            until: self.until.as_ref().map(|time| in_zone(time, self.zone.as_ref())),
            zone: self.zone.clone(),
            before: None,
            readings: self.readings,
            limit: None,
        })
    }
}

fn at_most(limit: u32) -> Option<u32> {
    (limit > 0).then_some(limit)
}

impl ReadingCommand {
    /// How the answer is printed, and the copy that is read instead of the bot's own database. An export has formats
    /// of its own.
    pub fn printed(&self) -> (Format, Option<&PathBuf>) {
        match self {
            Self::List(ListArguments { reading, .. })
            | Self::Show { reading, .. }
            | Self::OwnerAt { reading, .. }
            | Self::History { reading, .. }
            | Self::Timeline { reading, .. }
            | Self::Stats { reading, .. } => (reading.format, reading.database.as_ref()),
            Self::Export(export) => (Format::Jsonl, export.database.as_ref()),
        }
    }

    /// What is asked.
    ///
    /// # Errors
    /// When a cursor stands where none goes on, or cannot be read.
    pub(super) fn question(&self) -> anyhow::Result<Question> {
        Ok(match self {
            Self::List(ListArguments { filter, before, limit, reading }) => {
                let filter = Filter { before: *before, limit: at_most(*limit), ..filter.filter(false)? };
                // A list without end is handed out in parts, where it has not to be laid out.
                match (filter.limit, reading.format) {
                    (Some(_), _) | (None, Format::Table) => Question::List(filter),
                    (None, _) => Question::Export(filter, None),
                }
            }
            Self::Show { operation, .. } => Question::Show(*operation),
            Self::OwnerAt { room, time, zone, .. } => {
                Question::OwnerAt(room.clone(), in_zone(time, zone.as_ref()))
            }
            Self::History { room, since, until, zone, .. } => {
                let time = |time: &Option<TimeExpr>| time.as_ref().map(|time| in_zone(time, zone.as_ref()));
                let (since, until, zone) = (time(since), time(until), zone.clone());
                Question::History(room.clone(), Filter { since, until, zone, ..Filter::default() })
            }
            Self::Timeline { operation, archive, .. } => Question::Timeline(*operation, archive.clone()),
            Self::Stats { by, filter, limit, .. } => {
                Question::Stats(*by, Filter { limit: at_most(*limit), ..filter.filter(false)? })
            }
            Self::Export(ExportArguments { filter, after, cursor_file, .. }) => {
                // With two cursors, neither is it.
                let may_go_on = after.is_none() && cursor_file.is_none();
                let cursor = match (cursor_file, &filter.since) {
                    (Some(file), _) => super::cursor::kept(file)?,
                    (None, Some(Since::Cursor(cursor))) => Some(*cursor),
                    (None, _) => *after,
                };
                Question::Export(filter.filter(may_go_on)?, cursor)
            }
        })
    }
}
