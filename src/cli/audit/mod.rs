//! `room-owner audit ..`

mod arguments;
mod cloudevents;
mod export;
mod rows;

use jiff::tz::TimeZone;

use crate::app::commands::audit::{Reader, answer, record_locally};
use crate::app::ports::{AuditLog, Clock, Store};
use crate::domain::audit::{AuditEntry, Filter, NoAnswer, OperationId, OutcomeKind, Page};
use crate::domain::command::Question;
use crate::domain::principal::Principal;
use crate::domain::room::visible;
use crate::domain::wording::CommandName;
use crate::domain::wording::audit::{Answer, answered};

use super::{Exit, Format, WrongUsage, archive, print, verify};

pub use arguments::{
    ExportArguments, ExportFormat, FilterArguments, ListArguments, ReadingArguments, ReadingCommand,
    SourceArguments,
};
pub use rows::table;

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
    /// Prove to somebody without the database that an operation is in the log (c2sp.org/tlog-proof)
    Prove(verify::ProveArguments),
    /// Check proofs that `audit prove` made
    VerifyProof {
        /// The proofs; a file may hold several, one behind the other
        #[arg(required = true, value_name = "FILE")]
        files: Vec<std::path::PathBuf>,
        /// The public key of the log, from whom you trust
        #[arg(long)]
        key: String,
    },
    /// Move the oldest operations' events out of the database into a signed file. What was done is still
    /// listed; the log can still be checked from end to end
    Archive(archive::ArchiveArguments),
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

/// Where the log is read.
pub enum Source<'a> {
    /// In the bot's own database, where the reading is recorded: who reads, and the command as typed.
    Own(&'a dyn Store, Principal, String),
    /// In a copy, which stays as it is.
    Copy(&'a dyn AuditLog),
}

/// Reads the audit log.
///
/// # Errors
/// When the store fails or nothing can be printed. Nothing is printed that could not be recorded.
pub async fn run(source: Source<'_>, clock: &dyn Clock, command: ReadingCommand) -> anyhow::Result<Exit> {
    if let Some(cursor) = command.stray_cursor() {
        return Err(WrongUsage(format!(
            "`--since {cursor}` is a cursor, where one `audit export` goes on behind another; give a time here, such \
             as `2h`, and one cursor alone"
        ))
        .into());
    }
    let question = command.question();
    let zone = command.zone();
    // A wrong time is found before anything is recorded.
    if let Err(wrong) = question.check_times(clock.now(), &zone) {
        return Err(WrongUsage::of(NoAnswer::from(wrong)).into());
    }
    let (log, reading) = match source {
        Source::Own(store, principal, typed) => {
            let recorded = record_locally(store, clock, principal, typed, question.clone()).await;
            let recorded = recorded.map_err(|error| {
                anyhow::anyhow!("nothing is shown, because this reading cannot be recorded: {error}")
            })?;
            (store.log(), Some(recorded))
        }
        Source::Copy(log) => {
            super::tell!("note: this is a copy; reading it is not recorded");
            (log, None)
        }
    };
    if let ReadingCommand::Export(arguments) = &command {
        return export::run(log, clock, &zone, arguments).await;
    }
    let reader = Reader { reach: None, reading, archives: command.archives().to_vec() };
    if let (Question::List(filter), ReadingCommand::List(ListArguments { reading: printed, .. })) =
        (&question, &command)
        && filter.limit.is_none()
        && printed.format != Format::Table
    {
        return everything(log, clock, &zone, filter, &reader, printed.format).await;
    }
    match answer(log, clock, &zone, &question, &reader).await {
        Ok(answer) => {
            let shown = match &answer {
                Answer::Entry(entry) => Some(entry.operation),
                _ => None,
            };
            let exit = show(answer, command.format(), question.zone().unwrap_or(&TimeZone::UTC))?;
            if let Some(operation) = shown {
                beside(log, operation, command.format()).await?;
            }
            Ok(exit)
        }
        Err(NoAnswer::NoOperation(operation)) => {
            anyhow::bail!("there is no operation `{operation}`: `room-owner audit list` shows the latest")
        }
        Err(error) => Err(error.into()),
    }
}

/// Prints a list of any length in bounded memory.
async fn everything(
    log: &dyn AuditLog,
    clock: &dyn Clock,
    zone: &TimeZone,
    filter: &Filter,
    reader: &Reader,
    format: Format,
) -> anyhow::Result<Exit> {
    let mut filter = Filter { limit: Some(1_000), ..filter.clone() };
    let mut left_out = None;
    let mut rows = print::Rows::new(format);
    loop {
        let question = Question::List(filter.clone());
        let page = match answer(log, clock, zone, &question, reader).await? {
            Answer::List(page) => page,
            other => anyhow::bail!("a list was answered with {other:?}"),
        };
        rows.print(&page.rows)?;
        // Later pages count only what lies behind them.
        left_out.get_or_insert(page.readings_left_out);
        match page.rows.last().filter(|_| page.is_cut) {
            Some(last) => filter.before = Some(last.operation),
            None => break,
        }
    }
    if rows.end::<AuditEntry>()? == 0 {
        super::tell!("no entry matches");
    }
    say_left_out(&Page::<()> {
        rows: vec![],
        is_cut: false,
        readings_left_out: left_out.unwrap_or_default(),
    });
    Ok(Exit::Done)
}

/// What the log has beside the entry of an operation.
async fn beside(log: &dyn AuditLog, operation: OperationId, format: Format) -> anyhow::Result<()> {
    if let Some(confirmation) = log.confirmation(operation).await? {
        let doubt = if confirmation.is_signed { "" } else { ", unsigned" };
        super::tell!(
            "confirmed by Tencent's callback{doubt}: the owner changed at {:.3}",
            confirmation.event_at
        );
    }
    for (at, note) in log.reply_notes(operation).await? {
        super::tell!("the reply was {} at {at:.3}", visible(&note.to_string()));
    }
    if let Some(archive) = log.archived_in(operation).await? {
        super::tell!(
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

fn show(answer: Answer, format: Format, zone: &TimeZone) -> anyhow::Result<Exit> {
    match answer {
        Answer::List(page) => {
            print::rows_in(&page.rows, format, zone)?;
            if page.rows.is_empty() {
                super::tell!("no entry matches");
            } else if let Some(last) = page.rows.last().filter(|_| page.is_cut) {
                super::tell!(
                    "these are {}; older ones are left out: --before {} goes on, --limit 0 shows all",
                    page.rows.len(),
                    last.operation
                );
            }
            say_left_out(&page);
        }
        Answer::Entry(entry) => print::whole(&*entry, format)?,
        Answer::Owner(told) => print::whole_in(&*told, format, zone)?,
        Answer::Timeline(steps, entry) => {
            print::rows(&steps, format)?;
            say_open(entry.operation, entry.outcome);
        }
        Answer::Stats(_, page) => {
            print::rows_in(&page.rows, format, zone)?;
            if page.rows.is_empty() {
                super::tell!("no entry matches");
            } else if page.is_cut {
                super::tell!("these are {}; more are left out: --limit 0 shows all", page.rows.len());
            }
            say_left_out(&page);
        }
        // What is asked in chat alone has no table: it is said as there.
        #[allow(unreachable_patterns)]
        other => super::say(&answered(&other, zone, &CommandName::local("room-owner audit"))),
    }
    Ok(Exit::Done)
}

fn say_left_out<T>(page: &Page<T>) {
    if let Some(words) = page.readings_in_words() {
        super::tell!("{words}: --readings shows them");
    }
}

fn say_open(operation: OperationId, outcome: OutcomeKind) {
    match outcome {
        OutcomeKind::Pending => super::tell!("no outcome is recorded yet: operation {operation} is open"),
        OutcomeKind::Unknown => super::tell!("what came of operation {operation} is not known"),
        _ => {}
    }
}
