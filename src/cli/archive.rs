//! `room-owner audit archive` and `verify-archive`.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use serde::Serialize;

use super::print::{self, Row};
use super::{Exit, Format};
use crate::domain::archive::{ArchiveReport, HeldUp, SoundArchive};
use crate::domain::audit::{self, OperationId, TimeExpr};
use crate::domain::room::visible;
use crate::stdio;

/// `audit archive ..`
#[derive(Debug, clap::Args)]
pub struct ArchiveArguments {
    /// Operations that began before this time go, up to the first that is not over: 2026-01-01, 90d
    #[arg(long, value_name = "TIME")]
    pub before: TimeExpr,
    /// The zone of a time that names none, such as Europe/Berlin; this machine's if not given
    #[arg(long, value_parser = audit::zone)]
    pub zone: Option<TimeZone>,
    /// The file, which is made
    pub file: PathBuf,
    /// How to print what was archived
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
}

/// What was archived, for programs.
#[derive(Serialize)]
struct Outcome<'a> {
    /// `None` if nothing was archived; so are the next three.
    operation: Option<OperationId>,
    first: Option<i64>,
    last: Option<i64>,
    file: Option<&'a Path>,
    removed: u64,
    held_up_by: Option<OperationId>,
}

impl Row for Outcome<'_> {
    const FIELDS: &'static [&'static str] = &["operation", "first", "last", "file", "removed", "held_up_by"];
}

fn for_programs(report: &ArchiveReport) -> Outcome<'_> {
    let archive = report.archive.as_ref();
    Outcome {
        operation: archive.map(|archive| archive.operation),
        first: archive.map(|archive| archive.archived.first),
        last: archive.map(|archive| archive.archived.last),
        file: archive.map(|archive| archive.file.as_path()),
        removed: report.removed,
        held_up_by: report.held_up_by.map(|held_up| match held_up {
            HeldUp::Open(operation) | HeldUp::Unanswered(operation) => operation,
        }),
    }
}

/// Says what was archived.
pub fn report(report: &ArchiveReport, format: Format) -> Exit {
    stdio::say_if_lost(match format {
        Format::Table => print(report),
        format => print::one(&for_programs(report), format),
    });
    let held_up = report.held_up_by.map(|held_up| match held_up {
        HeldUp::Open(operation) => (operation, "is still open"),
        HeldUp::Unanswered(operation) => (operation, "may still wait for its answer or its announcement"),
    });
    if let Some((operation, why)) = held_up {
        super::tell!(
            "note: operation {operation} from before that time {why}, so it stays, and all after it: \
             `room-owner audit show {operation}`"
        );
    }
    Exit::Done
}

fn print(report: &ArchiveReport) -> io::Result<()> {
    let mut stdout = stdio::stdout();
    let events = |n: u64| if n == 1 { "1 event".to_owned() } else { format!("{n} events") };
    match &report.archive {
        None if report.removed > 0 => writeln!(
            stdout,
            "✅ Nothing new was archived. {} of an earlier archive, left behind when it broke off, went out of the \
             database.",
            events(report.removed)
        )?,
        None if report.held_up_by.is_some() => writeln!(stdout, "Nothing was archived.")?,
        None => writeln!(stdout, "Nothing was archived: no operation from before that time is left here.")?,
        Some(archive) => {
            let audit = &archive.archived;
            let file = visible(&archive.file.display().to_string());
            writeln!(
                stdout,
                "✅ Events {} to {} are in `{file}` now, written and read back, and no longer in the database \
                 (operation {}).",
                audit.first, audit.last, archive.operation
            )?;
            writeln!(
                stdout,
                "   Keep the file: what was done is still listed without it, the steps and the proofs are in it \
                 alone. Check it with `room-owner audit verify --archive {file}`."
            )?;
        }
    }
    Ok(())
}

/// Says that an archive is as it was signed.
///
/// # Errors
/// When nothing can be printed.
pub fn sound(archive: &SoundArchive) -> anyhow::Result<Exit> {
    writeln!(
        stdio::stdout(),
        "✅ The archive is whole: events {} to {} of the log `{}`, as they were signed.",
        archive.first,
        archive.last,
        visible(&archive.log)
    )?;
    Ok(Exit::Done)
}
