//! `room-owner audit case`: what is typed, asked and written.

mod folder;

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use super::arguments::{in_zone, zone};
use crate::app::commands::at_once;
use crate::app::commands::audit::{Reader, answer};
use crate::app::ports::{AuditLog, Clock};
use crate::app::service::CommandService;
use crate::cli::{Caller, Exit, WrongUsage, print, render};
use crate::domain::audit::{AuditEntry, AuditFilter, Filter, NoAnswer, TimeExpr};
use crate::domain::command::{Command, Question};
use crate::domain::language::Language;
use crate::domain::reply::{Answer, Reply};
use crate::domain::room::RoomId;
use crate::domain::wording::LOCAL_AUDIT;

pub use folder::{check, write};

const EXAMPLE: &str = "Example:\n  room-owner audit case --room live-7 --since \"2026-11-23 14:00\" --lang zh --out \
                       case-7\n\nThe folder is for its owner's eyes. Open case.html in a browser; VERIFY.txt says how \
                       to check everything.";

/// `audit case ..`
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct CaseArguments {
    /// The room
    #[arg(long)]
    pub room: RoomId,
    /// From this time on: 2026-11-23T14:03:00Z, 2026-11-23 14:03, yesterday, 7d; from the beginning of the log if not
    /// given
    #[arg(long, value_name = "TIME")]
    pub since: Option<TimeExpr>,
    /// Before this time; up to now if not given
    #[arg(long, value_name = "TIME")]
    pub until: Option<TimeExpr>,
    /// The zone of times that name none, such as Europe/Berlin, and of times beside those in UTC; this machine's and
    /// none if not given
    #[arg(long, value_parser = zone)]
    pub zone: Option<TimeZone>,
    /// The folder to write into, which is made; one that is there has to be empty
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
    /// The language of the page: en or zh; the environment's (LC_ALL, LC_MESSAGES, LANG) if not given
    #[arg(long, value_name = "LANGUAGE")]
    pub lang: Option<Language>,
    /// An archive that holds events of the room; may be given several times
    #[arg(long, value_name = "FILE")]
    pub archive: Vec<PathBuf>,
    /// Read this copy of a database instead: nothing is written, so the reading is not recorded
    #[arg(long, value_name = "FILE")]
    pub database: Option<PathBuf>,
}

impl CaseArguments {
    /// The question as the log records it: all operations of the room in the time.
    fn question(&self, clock: &dyn Clock) -> Result<Question, WrongUsage> {
        let time = |time: &Option<TimeExpr>| time.as_ref().map(|time| in_zone(time, self.zone.as_ref()));
        let (since, until) = (time(&self.since), time(&self.until));
        if let Some(since) = &since {
            since.resolve_past(clock.now(), &TimeZone::system()).map_err(WrongUsage::of)?;
        }
        let (room, zone) = (Some(self.room.clone()), self.zone.clone());
        Ok(Question::Export(Filter { room, since, until, zone, ..Filter::default() }, None))
    }
}

/// Asks the bot's own log, so that the reading is recorded: the filter with its times worked out, or how the command
/// ends.
///
/// # Errors
/// When a time is wrong.
pub async fn ask(
    service: &CommandService,
    clock: &dyn Clock,
    caller: Caller,
    arguments: &CaseArguments,
) -> anyhow::Result<Result<AuditFilter, Exit>> {
    let question = Command::Audit(Box::new(arguments.question(clock)?));
    match service.handle(caller.asks(Ok(question)), at_once).await.into_reply() {
        Reply::Audit { answer, .. } => Ok(Ok(filter(*answer)?)),
        other => Ok(Err(render::words(&other, LOCAL_AUDIT))),
    }
}

/// The same for a copy, which stays as it is.
///
/// # Errors
/// Likewise.
pub async fn ask_copy(
    log: &dyn AuditLog,
    clock: &dyn Clock,
    arguments: &CaseArguments,
) -> anyhow::Result<AuditFilter> {
    tell!("note: this is a copy; reading it is not recorded");
    let question = arguments.question(clock)?;
    filter(answer(log, clock, &TimeZone::system(), &question, &Reader::default()).await)
}

fn filter(answer: Result<Answer, NoAnswer>) -> anyhow::Result<AuditFilter> {
    match answer {
        Ok(Answer::Export(filter, _)) => Ok(*filter),
        Ok(_) => anyhow::bail!("the log answered another question"),
        Err(NoAnswer::TimeExpr(wrong)) => Err(WrongUsage::of(wrong).into()),
        Err(error) => Err(error.into()),
    }
}

/// Rows as an export writes them: JSONL, and CSV.
///
/// # Errors
/// When a row cannot be written.
pub fn rows(entries: &[AuditEntry]) -> std::io::Result<(Vec<u8>, Vec<u8>)> {
    let mut jsonl = Vec::new();
    print::jsonl(entries, &mut jsonl)?;
    Ok((jsonl, print::csv_file(entries)?))
}

/// Says what was written.
pub fn written(folder: &Path, operations: usize, events: usize, unproved: usize) -> Exit {
    let count = |n: usize, what: &str| if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") };
    tell!(
        "wrote `{}`: {}, {} with proofs; open case.html, VERIFY.txt says how to check it",
        folder.display(),
        count(operations, "operation"),
        count(events, "event")
    );
    if unproved > 0 {
        tell!(
            "note: the events of {} were archived, so they are not proved: name the archive with --archive",
            count(unproved, "operation")
        );
    }
    Exit::Done
}
