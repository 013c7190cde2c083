//! `room-owner audit verify`, `prove`, `verify-proof` and `key`; `room-owner backup`.

use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::print::{self, Row};
use super::{Exit, Format};

use crate::domain::audit::OperationId;
use crate::domain::room::visible;
use crate::domain::tree_head::SeenHead;
use crate::domain::verification::Report;
use crate::stdio;

/// `audit verify ..`
#[derive(Debug, clap::Args)]
pub struct VerifyArguments {
    /// A signed head that was kept, such as one from `audit show` or a copy of `room-owner.db.checkpoint`;
    /// may be given several times
    #[arg(long, value_name = "FILE")]
    pub checkpoint: Vec<PathBuf>,
    /// What a reply shows behind `log`, such as 12:9f86d081884c; may be given several times
    #[arg(long, value_name = "HEAD")]
    pub seen: Vec<SeenHead>,
    /// The public key, from `audit key`; may be given several times, if it was changed. If not given, the one
    /// of the key beside the database, which whoever has the database may have replaced
    #[arg(long)]
    pub key: Vec<String>,
    /// Check this file instead, such as a copy on another machine
    #[arg(long, value_name = "FILE")]
    pub database: Option<PathBuf>,
    /// An archive that was taken out of the log, from `audit archive`; may be given several times
    #[arg(long, value_name = "FILE")]
    pub archive: Vec<PathBuf>,
    /// Check too that the indexes which questions go by lead to everything that there is; it takes some times
    /// as long
    #[arg(long)]
    pub indexes: bool,
    /// How to print what was found
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
}

/// `audit prove ..`
#[derive(Debug, clap::Args)]
pub struct ProveArguments {
    /// Its number, from a reply or from `audit list`
    pub operation: OperationId,
    /// Write each event and its proof into this folder, which is made; to stdout if not given
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Of this file instead, such as a copy
    #[arg(long, value_name = "FILE")]
    pub database: Option<PathBuf>,
    /// An archive that holds events of it; may be given several times
    #[arg(long, value_name = "FILE")]
    pub archive: Vec<PathBuf>,
    /// How to print the events and their proofs
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
}

impl Row for Report {
    const FIELDS: &'static [&'static str] =
        &["sound", "events", "root", "keys", "signers", "compared", "unchecked", "findings", "more"];
}

/// Prints what a check found.
///
/// # Errors
/// When nothing can be printed.
pub fn report(report: &Report, format: Format) -> anyhow::Result<Exit> {
    let printed = if format == Format::Table {
        stdio::stdout().write_all(visible_lines(&words(report)).as_bytes())
    } else {
        print::one(report, format)
    };
    verdict(report.sound, printed)
}

/// A bad verdict has its exit code, whether or not it can be printed.
///
/// # Errors
/// When a good one cannot be printed.
pub fn verdict(is_good: bool, printed: io::Result<()>) -> anyhow::Result<Exit> {
    if is_good {
        printed?;
        return Ok(Exit::Done);
    }
    stdio::say_if_lost(printed);
    Ok(Exit::Failed)
}

fn words(report: &Report) -> String {
    let mut text = if report.sound {
        format!("✅ The log is whole: {} events, as they were signed.\n", report.events)
    } else {
        let count = report.findings.len() as u64 + report.more;
        let things = if count == 1 { "1 thing is".to_owned() } else { format!("{count} things are") };
        format!("❌ The log cannot be trusted as it is: {things} wrong.\n")
    };
    for finding in &report.findings {
        text.push_str(&format!("   {finding}\n"));
    }
    if report.more > 0 {
        text.push_str(&format!("   and {} more\n", report.more));
    }
    text.push_str(&format!("Root {} over {} events.\n", report.root, report.events));
    for signer in &report.signers {
        text.push_str(&format!("Signed by {signer}\n"));
    }
    for (label, lines) in [
        ("Checked with", &report.keys),
        ("Compared with", &report.compared),
        ("Not checked:", &report.unchecked),
    ] {
        lines.iter().for_each(|line| text.push_str(&format!("{label} {line}\n")));
    }
    text
}

/// What came from the file cannot steer the terminal.
fn visible_lines(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", visible(line))).collect()
}

/// Shows the signed head that covers a record, below it.
pub(super) fn kept_head(checkpoint: &str) -> io::Result<()> {
    let mut stdout = stdio::stdout();
    writeln!(stdout, "\nThe signed head of the log that covers it:\n")?;
    stdout.write_all(visible_lines(checkpoint).as_bytes())
}

/// One event's proof, ready to be given to somebody.
#[derive(Serialize)]
pub struct Proof {
    /// The number of the event.
    pub event: u64,
    /// The event as it is stored.
    pub leaf: String,
    /// The proof (c2sp.org/tlog-proof).
    #[serde(rename = "proof")]
    pub text: String,
}

impl Row for Proof {
    const FIELDS: &'static [&'static str] = &["event", "leaf", "proof"];
}

/// Prints the proofs, or writes them into a folder.
///
/// # Errors
/// When they cannot be written; a file that is there already is not replaced.
pub fn proofs(
    proofs: &[Proof],
    operation: OperationId,
    out: Option<&Path>,
    format: Format,
) -> anyhow::Result<Exit> {
    if proofs.is_empty() {
        anyhow::bail!("there is no operation `{operation}`: `room-owner audit list` shows the latest");
    }
    if format != Format::Table {
        print::rows(proofs, format)?;
    }
    let Some(folder) = out else {
        if format != Format::Table {
            return Ok(Exit::Done);
        }
        let mut stdout = stdio::stdout();
        for (number, proof) in proofs.iter().enumerate() {
            let between = if number > 0 { "\n" } else { "" };
            write!(stdout, "{between}{}", proof.text)?;
        }
        return Ok(Exit::Done);
    };
    std::fs::create_dir_all(folder)?;
    for proof in proofs {
        for (ending, text) in [("json", &proof.leaf), ("tlog-proof", &proof.text)] {
            let file = folder.join(format!("event-{}.{ending}", proof.event));
            let private = std::fs::File::options().write(true).create_new(true).mode(0o600).open(&file);
            let written = private.and_then(|mut open| open.write_all(text.as_bytes()));
            written.map_err(|error| anyhow::anyhow!("`{}` cannot be written: {error}", file.display()))?;
            super::tell!("wrote `{}`", file.display());
        }
    }
    Ok(Exit::Done)
}

/// Says that a proof holds, and prints its event.
///
/// # Errors
/// When nothing can be printed.
pub fn proved(leaf: &str, event: u64, size: u64, origin: &str) -> io::Result<()> {
    super::tell!(
        "✅ event {event} is in the log `{}`, under its signed head of {size} events:",
        visible(origin)
    );
    writeln!(stdio::stdout(), "{}", visible(leaf))
}

/// Says that a file, or the one of its proofs with this number, proves nothing.
pub fn unproved(file: &Path, number: Option<usize>, why: &dyn std::fmt::Display) {
    let which = number.map(|number| format!("proof {number} of ")).unwrap_or_default();
    super::tell!("error: {which}`{}` proves nothing: {}", file.display(), visible(&why.to_string()));
}

/// Says whether an event, in a file of its own, is one that a proof was given for.
pub fn is_proved(file: &Path, is_proved: bool) -> bool {
    if is_proved {
        super::tell!("✅ `{}` is one of these events", file.display());
    } else {
        unproved(
            file,
            None,
            &"it is an event, and no proof of it is among these files; name its `.tlog-proof` too",
        );
    }
    is_proved
}
