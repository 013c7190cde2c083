//! `room-owner audit ..`

mod arguments;
pub mod case;
mod cloudevents;
mod cursor;
mod export;

use jiff::tz::TimeZone;

use crate::app::commands::at_once;
use crate::app::commands::audit::{Reader, answer};
use crate::app::ports::{AuditLog, Clock};
use crate::app::service::CommandService;
use crate::domain::audit::{
    AuditEntry, AuditFilter, NoAnswer, OperationId, OutcomeKind, Ownership, Page, Stat, StatsBy,
};
use crate::domain::command::Command;
use crate::domain::reply::{Answer, ConsoleAnswer, Reply};
use crate::domain::room::visible;
use crate::domain::session::ConsoleCommand;
use crate::domain::wording::audit::answered;
use crate::domain::wording::{CommandName, LOCAL_AUDIT};
use crate::stdio;

use super::rows::Counted;
use super::{Caller, Exit, Format, WrongUsage, archive, print, render, verify};

pub use arguments::{
    ExportArguments, ExportFormat, FilterArguments, ListArguments, ReadingArguments, ReadingCommand,
};
pub use export::progress;

/// `audit ..`
// One value in the life of the process: its size does not matter.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, clap::Subcommand)]
pub enum AuditCommand {
    /// A question to the log.
    #[command(flatten)]
    Read(ReadingCommand),
    /// Check that nobody changed the log, nor the tables that are made from it. Reads the file alone, and
    /// works on a copy
    Verify(verify::VerifyArguments),
    /// Put all that the log says about one room into a folder for somebody without the database: a page to read
    /// and print, rows, proofs, and how to check them
    Case(case::CaseArguments),
    /// Prove to somebody without the database that an operation is in the log (c2sp.org/tlog-proof)
    Prove(verify::ProveArguments),
    /// Check proofs that `audit prove` made
    VerifyProof {
        /// The proofs; a file may hold several, one behind the other. Events that lie beside them are compared with
        /// what they prove
        #[arg(required = true, value_name = "FILE")]
        files: Vec<std::path::PathBuf>,
        /// The public key of the log, from whom you trust
        #[arg(long)]
        key: String,
    },
    /// Print a link with which you sign in to the web console, once and within five minutes. The session may do what
    /// you may on this machine
    Console,
    /// Move the oldest operations' events out of the database into a signed file. What was done is still
    /// listed; the log can still be checked from end to end
    Archive(archive::ArchiveArguments),
    /// Make the tables again from the log. End the bot first; every archive is needed
    Rebuild {
        /// An archive that was taken out of the log, from `audit archive`; may be given several times
        #[arg(long, value_name = "FILE")]
        archive: Vec<std::path::PathBuf>,
    },
    /// Check an archive by itself, without the database
    VerifyArchive {
        /// The archive
        file: std::path::PathBuf,
        /// The public key of the log, from whom you trust; may be given several times, if it was changed
        #[arg(long, required = true)]
        key: Vec<String>,
    },
    /// Print the public key with which the log's signed heads are checked
    Key {
        /// Print a new private key instead, for `AUDIT_SIGNING_KEY`; nothing is changed
        #[arg(long)]
        new: bool,
    },
}

/// What is said where nothing is found.
const NOTHING: &str =
    "no entry matches: leave a filter out, or take a longer time; `room-owner audit list` shows the latest";

/// Reads the audit log: the bot's own, so that the reading is recorded.
///
/// # Errors
/// When there is no answer, or nothing can be printed.
pub async fn run(service: &CommandService, caller: Caller, command: ReadingCommand) -> anyhow::Result<Exit> {
    let question = Command::Audit(Box::new(command.question()?));
    match service.handle(caller.asks(Ok(question)), at_once).await.into_reply() {
        Reply::Audit { operation, answer, zone, .. } => {
            print(service.store().log(), Some(operation), *answer, &command, &zone).await
        }
        other => Ok(render::words(&other, LOCAL_AUDIT)),
    }
}

/// Prints a link to the console: the address alone on stdout.
///
/// # Errors
/// When it cannot be printed.
pub async fn console(service: &CommandService, caller: Caller) -> anyhow::Result<Exit> {
    let command = Command::Console(ConsoleCommand::Link);
    let reply = service.handle(caller.asks(Ok(command)), at_once).await.into_reply();
    match &reply {
        Reply::Console { answer, .. } if let ConsoleAnswer::Link(link) = &**answer => {
            stdio::print(&link.address)?;
            tell!("it signs you in once, until {:.0}; it is a secret until then", link.until);
            Ok(Exit::Done)
        }
        other => Ok(render::words(other, LOCAL_AUDIT)),
    }
}

/// The same for a copy, which stays as it is.
///
/// # Errors
/// Likewise.
pub async fn run_on_copy(
    log: &dyn AuditLog,
    clock: &dyn Clock,
    command: ReadingCommand,
) -> anyhow::Result<Exit> {
    let question = command.question()?;
    tell!("note: this is a copy; reading it is not recorded");
    let answer = answer(log, clock, &TimeZone::system(), &question, &Reader::default()).await;
    print(log, None, answer, &command, question.zone().unwrap_or(&TimeZone::UTC)).await
}

async fn print(
    log: &dyn AuditLog,
    reading: Option<OperationId>,
    answer: Result<Answer, NoAnswer>,
    command: &ReadingCommand,
    zone: &TimeZone,
) -> anyhow::Result<Exit> {
    let (format, _) = command.printed();
    match answer {
        Ok(Answer::Export(filter, after)) => match command {
            ReadingCommand::Export(arguments) => return export::run(log, *filter, after, arguments).await,
            _ => everything(log, *filter, reading, format).await?,
        },
        Ok(Answer::Entry(entry)) => {
            print::whole(&*entry, format, &TimeZone::UTC)?;
            beside(log, entry.operation, format).await?;
        }
        Ok(Answer::Stats(_, page)) => {
            let mut rows = Vec::new();
            for stat in &page.rows {
                rows.push(Counted { name: caption(log, stat).await, stat: stat.clone() });
            }
            print::rows_in(&rows, format, zone)?;
            if page.rows.is_empty() {
                tell!("{NOTHING}");
            } else if page.is_cut {
                tell!("these are {}; more are left out: --limit 0 shows all", page.rows.len());
            }
            say_page(&page);
        }
        Ok(answer) => show(answer, format, zone)?,
        Err(NoAnswer::NoOperation(operation)) => {
            anyhow::bail!("there is no operation `{operation}`: `room-owner audit list` shows the latest")
        }
        Err(NoAnswer::TimeExpr(wrong)) => return Err(WrongUsage::of(wrong).into()),
        Err(error) => return Err(error.into()),
    }
    Ok(Exit::Done)
}

/// Prints a list of any length in bounded memory.
async fn everything(
    log: &dyn AuditLog,
    filter: AuditFilter,
    reading: Option<OperationId>,
    format: Format,
) -> anyhow::Result<()> {
    let mut page = AuditFilter { limit: Some(1_000), ..filter.clone() };
    let mut rows = print::Rows::new(format);
    loop {
        let entries = log.entries(&page).await?;
        rows.print(&entries)?;
        match entries.last().filter(|_| entries.len() == 1_000) {
            Some(last) => page.before = Some(last.operation),
            None => break,
        }
    }
    if rows.end::<AuditEntry>()? == 0 {
        tell!("{NOTHING}");
    }
    say_left_out(log, filter, reading).await
}

/// Says how many readings of the log a list or an export leaves out, beside this one.
async fn say_left_out(
    log: &dyn AuditLog,
    filter: AuditFilter,
    reading: Option<OperationId>,
) -> anyhow::Result<()> {
    let mut page = Page::<()> { rows: Vec::new(), is_cut: false, readings_left_out: 0 };
    if filter.without_readings {
        let filter = AuditFilter { before: filter.before.or(reading), ..filter };
        page.readings_left_out = log.readings(&filter, Page::<()>::MOST_READINGS).await?;
    }
    say_page(&page);
    Ok(())
}

/// What the log has beside the entry of an operation.
async fn beside(log: &dyn AuditLog, operation: OperationId, format: Format) -> anyhow::Result<()> {
    if let Some(confirmation) = log.confirmation(operation).await? {
        let doubt = if confirmation.is_signed { "" } else { ", unsigned" };
        tell!("confirmed by Tencent's callback{doubt}: the owner changed at {:.3}", confirmation.event_at);
    }
    for (at, note) in log.reply_notes(operation).await? {
        tell!("the reply was {} at {at:.3}", visible(&note.to_string()));
    }
    if let Some(archive) = log.archived_in(operation).await? {
        tell!(
            "its steps were archived: `room-owner audit timeline {operation} --archive {}` shows them",
            visible(&archive.file)
        );
    }
    if format == Format::Table
        && let Some(checkpoint) = log.checkpoint(operation).await?
    {
        verify::kept_head(&checkpoint)?;
    }
    Ok(())
}

fn show(answer: Answer, format: Format, zone: &TimeZone) -> std::io::Result<()> {
    match answer {
        Answer::List(page) => {
            print::rows_in(&page.rows, format, zone)?;
            if page.rows.is_empty() {
                tell!("{NOTHING}");
            } else if let Some(last) = page.rows.last().filter(|_| page.is_cut) {
                tell!(
                    "these are {}; older ones are left out: --before {} goes on, --limit 0 shows all",
                    page.rows.len(),
                    last.operation
                );
            }
            say_page(&page);
        }
        Answer::Owner(found) => print::whole(&*found, format, zone)?,
        Answer::Timeline(steps, entry) => {
            print::rows(&steps, format)?;
            say_open(entry.operation, entry.outcome);
        }
        // For people, the bars of chat. Programs get a row an owner, as `owner-at` prints it.
        Answer::History(history) if format != Format::Table => {
            let owners: Vec<Ownership> = history.spans.into_iter().map(|span| span.found).collect();
            print::rows(&owners, format)?;
        }
        other => {
            let message = answered(&other, zone, &CommandName::local(LOCAL_AUDIT));
            stdio::print(super::text(&message).trim_end())?;
        }
    }
    Ok(())
}

/// What an actor was called when last seen.
async fn caption(log: &dyn AuditLog, stat: &Stat) -> Option<String> {
    if stat.by != StatsBy::Actor.name() {
        return None;
    }
    let actor = Some(stat.key.as_ref()?.parse().ok()?);
    let filter = AuditFilter { actor, limit: Some(1), ..AuditFilter::default() };
    log.entries(&filter).await.ok()?.into_iter().find_map(|entry| entry.actor_name)
}

fn say_page<T>(page: &Page<T>) {
    if let Some(words) = page.readings_in_words() {
        tell!("{words}: --readings shows them");
    }
}

fn say_open(operation: OperationId, outcome: OutcomeKind) {
    match outcome {
        OutcomeKind::Pending => tell!("no outcome is recorded yet: operation {operation} is open"),
        OutcomeKind::Unknown => tell!("the outcome of operation {operation} is not known"),
        _ => {}
    }
}
