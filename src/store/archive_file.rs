//! The file: a line that says what it is, then the events, a line each, exactly as they were signed.
//!
//! It proves itself: the first line has the signed head of the tree after the last event and, where it does not
//! begin with the log, the roots of the complete subtrees before its first event. Leaves in between lead from the
//! one to the other, or somebody changed something.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::files;
use crate::app::ports::StoreError;
use crate::domain::archive::SoundArchive;
use crate::domain::audit::{Event, OperationId};
use crate::merkle::{Checkpoint, Frontier, VerifierKey, record_hash};

/// A row of `archives`.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) operation: i64,
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) root: String,
    pub(super) tables: String,
    pub(super) file: String,
}

/// The archives that a database tells of, oldest first; the connection knows the database by this name.
pub(super) fn kept(connection: &Connection, database: &str) -> Result<Vec<Kept>, StoreError> {
    let sql =
        format!("SELECT operation, first, last, root, tables, file FROM {database}.archives ORDER BY first");
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_map([], |row| {
        Ok(Kept {
            operation: row.get(0)?,
            first: row.get(1)?,
            last: row.get(2)?,
            root: row.get(3)?,
            tables: row.get(4)?,
            file: row.get(5)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The events of these operations that the archives hold, each with its number.
pub(super) fn events_of(
    archives: &[PathBuf],
    operations: &BTreeSet<OperationId>,
) -> Result<Vec<(i64, String)>, StoreError> {
    let mut events = Vec::new();
    for file in archives {
        let mut archive = Reading::open(file)?;
        while let Some((seq, body)) = archive.next()? {
            if Event::parse(body.as_bytes()).is_ok_and(|event| operations.contains(&event.operation)) {
                events.push((seq, body));
            }
        }
    }
    Ok(events)
}

/// The form of the file.
const FORM: &str = "room-owner-archive/1";
/// SQLite holds no longer text.
const LONGEST_LINE: u64 = 1_000_000_000;

/// The first line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Header {
    archive: String,
    /// The name of the log.
    log: String,
    pub(super) first: i64,
    pub(super) last: i64,
    /// The roots of the complete subtrees before the first event, largest first, one behind the other in
    /// hexadecimal.
    before: String,
    /// The signed head after the last event.
    checkpoint: String,
}

impl Header {
    pub(super) fn new(before: &Frontier, last: i64, checkpoint: &Checkpoint) -> Self {
        Self {
            archive: FORM.to_owned(),
            log: checkpoint.origin().to_owned(),
            first: before.size() as i64 + 1,
            last,
            before: hex::encode(before.peaks()),
            checkpoint: checkpoint.as_str().to_owned(),
        }
    }
}

/// Before work is done for a file that cannot be made in the end.
pub(super) fn check_absent(file: &Path) -> Result<(), StoreError> {
    match file.symlink_metadata() {
        Ok(_) => Err(is_there(file)),
        Err(_) => Ok(()),
    }
}

fn is_there(file: &Path) -> StoreError {
    StoreError(format!("`{}` is there already: choose another name", file.display()))
}

fn unwritable(file: &Path, why: &dyn std::fmt::Display) -> StoreError {
    StoreError(format!("the archive `{}` cannot be written: {why}; nothing was archived", file.display()))
}

/// An archive that is being written. Unless it is finished, no file is left.
pub(super) struct Writing {
    file: PathBuf,
    out: BufWriter<File>,
    frontier: Frontier,
    head: Checkpoint,
    is_whole: bool,
}

impl Writing {
    /// Begins a new file, which only its owner can read.
    pub(super) fn begin(
        file: &Path,
        header: &Header,
        before: Frontier,
        head: Checkpoint,
    ) -> Result<Self, StoreError> {
        let open = files::private().create_new(true).open(file);
        let open = open.map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => is_there(file),
            _ => unwritable(file, &error),
        })?;
        let out = BufWriter::with_capacity(256 * 1_024, open);
        let mut writing = Self { file: file.to_owned(), out, frontier: before, head, is_whole: false };
        let line = serde_json::to_string(header).map_err(|error| unwritable(file, &error))?;
        writing.line(line.as_bytes())?;
        Ok(writing)
    }

    fn line(&mut self, line: &[u8]) -> Result<(), StoreError> {
        let written = self.out.write_all(line).and_then(|()| self.out.write_all(b"\n"));
        written.map_err(|error| unwritable(&self.file, &error))
    }

    pub(super) fn event(&mut self, seq: i64, body: &[u8]) -> Result<(), StoreError> {
        if seq != self.frontier.size().cast_signed() + 1 || body.contains(&b'\n') {
            let why = "the log is not as it was written: see `room-owner audit verify`";
            return Err(unwritable(&self.file, &why));
        }
        self.frontier.push(record_hash(body), drop);
        self.line(body)
    }

    /// Ends it durably, if its events are those that were signed.
    pub(super) fn finish(mut self) -> Result<(), StoreError> {
        if self.frontier.head() != self.head.head() {
            let why = "its events are not those that were signed: see `room-owner audit verify`";
            return Err(unwritable(&self.file, &why));
        }
        let ended = self.out.flush().and_then(|()| self.out.get_ref().sync_all());
        let parent = self.file.parent().filter(|parent| !parent.as_os_str().is_empty());
        // The name has to last as well.
        let ended = ended.and_then(|()| File::open(parent.unwrap_or(Path::new(".")))?.sync_all());
        ended.map_err(|error| unwritable(&self.file, &error))?;
        self.is_whole = true;
        Ok(())
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if !self.is_whole {
            drop(std::fs::remove_file(&self.file));
        }
    }
}

/// An archive that is being read.
pub(super) struct Reading {
    name: String,
    header: Header,
    before: Frontier,
    checkpoint: Checkpoint,
    lines: BufReader<File>,
    /// The number of the last event that was read.
    seq: i64,
}

impl Reading {
    /// Opens the file and reads its first line.
    pub(super) fn open(file: &Path) -> Result<Self, StoreError> {
        let name = file.display().to_string();
        let open =
            File::open(file).map_err(|error| StoreError(format!("`{name}` cannot be read: {error}")))?;
        let mut lines = BufReader::with_capacity(256 * 1_024, open);
        let wrong = |why: &dyn std::fmt::Display| StoreError(format!("`{name}` is no archive: {why}"));
        let line = line(&mut lines).map_err(|error| wrong(&error))?.unwrap_or_default();
        let header: Header = serde_json::from_str(&line).map_err(|error| wrong(&error))?;
        if header.archive != FORM {
            return Err(wrong(&format!("it has the form `{}`; this program reads `{FORM}`", header.archive)));
        }
        if header.first < 1 || header.last < header.first {
            return Err(wrong(&"its first event lies behind its last"));
        }
        let checkpoint = Checkpoint::parse(&header.checkpoint).map_err(|error| wrong(&error))?;
        if checkpoint.head().size != header.last.unsigned_abs() || checkpoint.origin() != header.log {
            return Err(wrong(
                &"its signed head is not the one after its last event: its first line was altered",
            ));
        }
        let before = hex::decode(&header.before).ok();
        let before = before.and_then(|peaks| Frontier::from_peaks(header.first.unsigned_abs() - 1, &peaks));
        let before = before.ok_or_else(|| wrong(&"`before` does not fit the number of its first event"))?;
        let seq = header.first - 1;
        Ok(Self { name, header, before, checkpoint, lines, seq })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The number of its first event.
    pub(super) fn first(&self) -> i64 {
        self.header.first
    }

    /// The number of its last event.
    pub(super) fn last(&self) -> i64 {
        self.header.last
    }

    /// The frontier of the tree before its first event.
    pub(super) fn before(&self) -> &Frontier {
        &self.before
    }

    /// The signed head after its last event.
    pub(super) fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The next event, its number and its text; `None` at the end of the file. There may be more or fewer of them
    /// than it says.
    pub(super) fn next(&mut self) -> Result<Option<(i64, String)>, StoreError> {
        let line = line(&mut self.lines)
            .map_err(|error| StoreError(format!("`{}` cannot be read: {error}", self.name)))?;
        let Some(line) = line else { return Ok(None) };
        self.seq += 1;
        Ok(Some((self.seq, line)))
    }

    /// Whether its events lead to its signed head, and that is signed with one of the keys; with none, whoever
    /// signed is left open.
    pub(super) fn check(mut self, keys: &[VerifierKey]) -> Result<SoundArchive, StoreError> {
        let wrong = |name: &str, why: &dyn std::fmt::Display| {
            StoreError(format!("the archive `{name}` is not as it was signed: {why}"))
        };
        let mut signed = Ok(());
        for key in keys {
            signed = self.checkpoint.check(key);
            if signed.is_ok() {
                break;
            }
        }
        signed.map_err(|error| wrong(&self.name, &error))?;
        let mut frontier = self.before.clone();
        while let Some((_, body)) = self.next()? {
            frontier.push(record_hash(body.as_bytes()), drop);
        }
        let Header { log, first, last, .. } = self.header;
        if frontier.size() as i64 != last {
            let there = frontier.size() as i64 - first + 1;
            let why = format!("it should hold {} events and holds {there}", last - first + 1);
            return Err(wrong(&self.name, &why));
        }
        if frontier.head() != self.checkpoint.head() {
            return Err(wrong(
                &self.name,
                &"its events do not lead to its signed head: something was altered",
            ));
        }
        Ok(SoundArchive { log, first, last })
    }
}

/// The next line without its end; `None` at the end of the file.
fn line(lines: &mut BufReader<File>) -> std::io::Result<Option<String>> {
    let mut line = String::new();
    lines.by_ref().take(LONGEST_LINE).read_line(&mut line)?;
    match line.pop() {
        None => Ok(None),
        Some('\n') => Ok(Some(line)),
        Some(_) if line.len() as u64 + 1 >= LONGEST_LINE => {
            Err(std::io::Error::other("a line is longer than an event can be"))
        }
        Some(_) => Err(std::io::Error::other("its last line is cut off")),
    }
}
