//! `audit export`: the whole log to stdout, a chunk at a time.

use std::io::{self, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::arguments::{ExportArguments, ExportFormat};
use super::cloudevents;
use super::cursor::keep;
use crate::app::ports::{AuditLog, ExportChunk, ExportSpan};
use crate::cli::{Exit, WrongUsage, print};
use crate::domain::audit::{AuditEntry, AuditFilter};
use crate::stdio;

pub(super) async fn run(
    log: &dyn AuditLog,
    filter: AuditFilter,
    since_event: Option<i64>,
    arguments: &ExportArguments,
) -> anyhow::Result<Exit> {
    if arguments.cursor_file.is_some() && stdio::stdout_is_null() {
        let why = "stdout is closed, or /dev/null: with `--cursor-file`, write to a file or a pipe, or what is \
                   exported now is never exported again";
        return Err(WrongUsage(why.to_owned()).into());
    }
    let upto_event = log.newest_event().await?;
    if let Some(cursor) = since_event.filter(|cursor| *cursor > upto_event) {
        anyhow::bail!(
            "the cursor `{cursor}` lies behind the end of the log, {upto_event}: is this another database, or an \
             older copy?"
        );
    }

    fail_if_archived_behind(log, since_event).await?;
    let progress = progress(upto_event, since_event.unwrap_or(0), true);
    let source = cloudevents::source(log.name().await?.as_deref());
    let mut out = Writer::new(arguments.format, source)?;
    let mut span = ExportSpan { filter, since_event, upto_event, position: 0 };
    let mut written = 0_u64;
    let mut chunk = log.export(&span).await?;
    loop {
        written += chunk.entries.len() as u64;
        let Some(next) = chunk.next else { break };
        span.position = next;
        // The next ones are read while these are written.
        let (read, wrote) = tokio::join!(log.export(&span), async { out.write(&chunk) });
        wrote?;
        chunk = read?;
        progress.set_position(span.position.unsigned_abs());
    }
    out.write(&chunk)?;
    out.end()?;
    progress.finish_and_clear();
    // Meanwhile, too.
    fail_if_archived_behind(log, since_event).await?;
    if let Some(file) = &arguments.cursor_file {
        keep(file, upto_event)?;
    }
    super::say_left_out(log, span.filter, None).await?;
    tell!("{written} operations written; --after {upto_event} goes on from here");
    Ok(Exit::Done)
}

/// Where events behind the cursor were archived, nobody can tell here what has changed since.
async fn fail_if_archived_behind(log: &dyn AuditLog, since_event: Option<i64>) -> anyhow::Result<()> {
    let archived = log.archived_upto().await?;
    let Some(cursor) = since_event.filter(|cursor| *cursor < archived) else { return Ok(()) };
    anyhow::bail!(
        "the cursor `{cursor}` is from before event {archived}, up to which the events were archived, so what has \
         changed since is not known here: take it from the archive, or export all without a cursor"
    )
}

/// A bar on a terminal, for so many events from one on. `is_beside_output` if the terminal may show rows too.
pub fn progress(events: i64, from: i64, is_beside_output: bool) -> ProgressBar {
    let is_free = !is_beside_output || !stdio::stdout_is_terminal();
    let target = if stdio::stderr_is_terminal() && is_free {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(events.unsigned_abs()), target);
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {percent}% {per_sec} {eta} left") {
        bar.set_style(style);
    }
    bar.set_position(from.unsigned_abs());
    bar
}

struct Writer {
    format: ExportFormat,
    /// Of CloudEvents.
    source: String,
    out: io::BufWriter<stdio::Stdout>,
}

impl Writer {
    fn new(format: ExportFormat, source: String) -> io::Result<Self> {
        let mut out = io::BufWriter::with_capacity(256 * 1_024, stdio::stdout());
        if format == ExportFormat::Csv {
            print::csv::<AuditEntry>(&[], &mut out)?;
        }
        Ok(Self { format, source, out })
    }

    fn write(&mut self, chunk: &ExportChunk) -> io::Result<()> {
        let entries = &chunk.entries;
        match self.format {
            ExportFormat::Jsonl => print::jsonl(entries, &mut self.out),
            ExportFormat::Csv => print::csv_rows(entries, &mut self.out),
            ExportFormat::Cloudevents => {
                let changed_at = |entry: &AuditEntry| chunk.changed_at.get(&entry.operation).copied();
                let events =
                    entries.iter().map(|entry| cloudevents::event(entry, changed_at(entry), &self.source));
                print::jsonl(&events.collect::<Vec<_>>(), &mut self.out)
            }
        }
    }

    fn end(mut self) -> io::Result<()> {
        self.out.flush()
    }
}
