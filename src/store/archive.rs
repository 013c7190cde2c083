//! Taking the oldest events out of the database and into a file that proves them.
//!
//! The order is the safety: the log is checked, for what the tables say of archived events is later checked by
//! a hash that is taken now; the file is written, synced and read back; then the archive is recorded, as an
//! operation of the log and in the table `archives`, without which the schema lets no event be deleted; then
//! the events are deleted, some at a time, so that a bot that is running can write in between, and the file shrinks.
//! What a crash leaves behind, the next run deletes first, if the file is still there. The hashes stay where they
//! are, so the log can still be checked from end to end.

use std::path::{Path, PathBuf};
use std::time::Instant;

use jiff::Timestamp;
use rusqlite::Connection;
use tokio::task::spawn_blocking;

use crate::app::ports::StoreError;
use crate::domain::access::Permit;
use crate::domain::archive::{Archive, ArchiveReport, HeldUp, SoundArchive};
use crate::domain::audit::{Archived, OperationId, OutcomeKind, Request};
use crate::domain::principal::Principal;
use crate::merkle::{Checkpoint, Frontier, VerifierKey};

use super::archive_file::{Header, Reading, Writing, check_absent, kept};
use super::database::open_to_read;
use super::log::{LogTransaction, NOT_ARCHIVED};
use super::rows::{Explain as _, UNREADABLE};
use super::verify::{self, Evidence};
use super::{SqliteStore, announcing, asking, outbox, tiles};

/// How many events are deleted, and how many pages given back, by one transaction: some milliseconds' work.
const AT_ONCE: i64 = 1_000;

/// Which events to archive, and where to.
#[derive(Debug)]
pub struct Order {
    /// Who.
    pub principal: Principal,
    /// Why they may.
    pub permit: Permit,
    /// The command as typed.
    pub typed: String,
    /// Operations that began before this time go, up to the first that is not over.
    pub before: Timestamp,
    /// Where to; it is made.
    pub file: PathBuf,
}

/// Checks an archive by itself, with one of the keys.
///
/// # Errors
/// When it cannot be read, or is not as it was signed.
pub fn check(file: &Path, keys: &[VerifierKey]) -> Result<SoundArchive, StoreError> {
    Reading::open(file)?.check(keys)
}

/// What goes into the next archive.
struct Plan {
    before: Frontier,
    head: Checkpoint,
}

impl SqliteStore {
    /// Makes an archive of the oldest operations, and takes their events out of the database. With nothing to
    /// archive, it only goes on with what an earlier run left to delete.
    ///
    /// # Errors
    /// When the log is not sound, the file is there or cannot be written, or the database cannot be written. A
    /// file that is not recorded is removed again, unless its record's commit may have lasted.
    pub async fn archive(&self, order: Order, at: Timestamp) -> Result<ArchiveReport, StoreError> {
        if self.with_log(has_left_behind).await? {
            // What somebody changed in them would be gone without a trace.
            self.check_whole().await?;
        }
        let removed = self.remove_archived().await?;
        let before = order.before;
        let (last, held_up_by) = self.with_log(move |log| plan(log, before, at)).await?;
        let Some(last) = last else { return Ok(ArchiveReport { archive: None, held_up_by, removed }) };
        // Where the next run, from wherever, finds it.
        let file = std::path::absolute(&order.file).unwrap_or_else(|_| order.file.clone());
        check_absent(&file)?;
        self.check_whole().await?;
        let key = self.key.clone();
        let target = file.clone();
        let (archived, head) = self
            .with_log(move |log| {
                let upto = archived_upto(log)?;
                if upto >= last {
                    return Err(StoreError(format!(
                        "events 1 to {last} were archived by another process in the meantime; nothing was archived here"
                    )));
                }
                let before = tiles::frontier(log, upto.unsigned_abs())?;
                let head = tiles::sign(&tiles::frontier(log, last.unsigned_abs())?, &key)?;
                let plan = Plan { before, head: head.clone() };
                Ok((write(log, &plan, &target)?, head))
            })
            .await?;
        let request = Request {
            actor: Some(order.principal.subject),
            actor_name: order.principal.name,
            command: order.typed,
            outcome: OutcomeKind::Succeeded,
            archived: Some(Box::new(archived.clone())),
            ..Request::default()
        };
        let request = request.permitted(&order.permit);
        let recorded = self.writer.write(move |log| {
            let request = Request { process: log.instance.to_owned(), ..request };
            // The schema refuses it if another process has archived the same meanwhile.
            log.record(at, request)
        });
        let (operation, _) = recorded.await.map_err(|error| {
            StoreError(format!(
                "{error}; `{}` is written, and nothing was deleted: remove it if `room-owner audit list` does not \
                 show this archive",
                file.display()
            ))
        })?;
        let removed_now = self.remove_archived().await.map_err(|error| {
            StoreError(format!(
                "{error}; `{}` is whole and recorded as operation {operation}: keep it, and run the same command \
                 again to take its events out of the database",
                file.display()
            ))
        })?;
        let archive = Archive { operation, archived, file: order.file, log: head.origin().to_owned() };
        Ok(ArchiveReport { archive: Some(archive), held_up_by, removed: removed + removed_now })
    }

    /// Asks the database something, away from the runtime's threads, by a view of one moment.
    async fn with_log<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let file = self.file.clone();
        let asked = spawn_blocking(move || {
            let log = open_to_read(&file)?;
            log.execute_batch("BEGIN").explain(UNREADABLE)?;
            ask(&log)
        });
        asked.await.explain("the archive broke off")?
    }

    /// What is wrong with the log or the tables now would be taken for what was always there.
    async fn check_whole(&self) -> Result<(), StoreError> {
        let report = verify::verify(&self.file, Evidence::default()).await?;
        match report.findings.first() {
            None => Ok(()),
            Some(first) => Err(StoreError(format!(
                "nothing was archived or deleted, because the log cannot be trusted as it is: {first}; see all of it with \
                 `room-owner audit verify`"
            ))),
        }
    }

    async fn remove_archived(&self) -> Result<u64, StoreError> {
        let mut removed = 0;
        loop {
            let began = Instant::now();
            let (some, _) = self.writer.write(remove_some).await?;
            removed += some;
            if some == 0 {
                break;
            }
            // As long as that took, others may write.
            tokio::time::sleep(began.elapsed()).await;
        }
        while self.writer.write(shrink).await?.0 {
            tokio::task::yield_now().await;
        }
        Ok(removed)
    }
}

fn archived_upto(log: &Connection) -> Result<i64, StoreError> {
    Ok(log.query_row("SELECT coalesce(max(last), 0) FROM archives", [], |row| row.get(0))?)
}

/// Whether an earlier run recorded events that it did not come to delete. They go only if its file is there:
/// whoever saw that run break off may have thrown the file away.
fn has_left_behind(log: &Connection) -> Result<bool, StoreError> {
    let present: Option<i64> = log.query_row("SELECT min(seq) FROM audit_events", [], |row| row.get(0))?;
    let Some(present) = present else { return Ok(false) };
    let mut is_any = false;
    for archive in kept(log, "main")?.iter().filter(|archive| archive.last >= present) {
        is_any = true;
        let is_it = Reading::open(Path::new(&archive.file)).and_then(|reading| {
            let is_other = hex::encode(reading.checkpoint().head().root) != archive.root
                || (reading.first(), reading.last()) != (archive.first, archive.last);
            let sound = reading.check(&[])?;
            if is_other {
                let there = format!("it holds events {} to {} of `{}`", sound.first, sound.last, sound.log);
                return Err(StoreError(format!("`{}` is another archive: {there}", archive.file)));
            }
            Ok(())
        });
        is_it.map_err(|error| {
            StoreError(format!(
                "events {} to {} were archived as operation {} and are still in the database, because that run \
                 broke off: {error}; put the file back as `{}` and run this again; until then nothing is deleted",
                archive.first, archive.last, archive.operation, archive.file
            ))
        })?;
    }
    Ok(is_any)
}

/// The last event that can go, and what keeps the rest from before the time from going.
fn plan(
    log: &Connection,
    before: Timestamp,
    now: Timestamp,
) -> Result<(Option<i64>, Option<HeldUp>), StoreError> {
    let upto = archived_upto(log)?;
    let number = |sql: &str, values: &[i64]| -> Result<Option<i64>, StoreError> {
        Ok(log.query_row(sql, rusqlite::params_from_iter(values), |row| row.get(0))?)
    };
    let young = number("SELECT min(operation) FROM operations WHERE at >= ?", &[before.as_millisecond()])?;
    let open = number("SELECT min(operation) FROM operations WHERE is_open = 1", &[])?;
    let unanswered = [outbox::first(log, now)?, announcing::first(log, now)?, asking::first_open(log, now)?]
        .into_iter()
        .flatten()
        .min();
    let held_up = [
        open.map(|open| (open, HeldUp::Open(OperationId::new(open)))),
        unanswered.map(|operation| (operation, HeldUp::Unanswered(OperationId::new(operation)))),
    ];
    let held_up = held_up.into_iter().flatten().min_by_key(|(operation, _)| *operation);
    let held_up = held_up.filter(|(operation, _)| young.is_none_or(|young| *operation < young));
    let newest = number("SELECT max(seq) FROM audit_events", &[])?.unwrap_or(0);
    let end = held_up.map(|(operation, _)| operation).or(young).unwrap_or(newest + 1);
    // From the end back, the first place that no operation spans: later events of what goes change nothing of its row.
    let sql = "SELECT seq, iif(json_type(body, '$.what.reply') IS NULL AND json_type(body, '$.what.confirmed') IS NULL
                   AND json_type(body, '$.what.announced') IS NULL, operation, seq) FROM audit_events WHERE seq > ? ORDER BY seq DESC";
    let mut statement = log.prepare(sql)?;
    let mut rows = statement.query([upto])?;
    let mut first_behind = i64::MAX;
    let mut last = None;
    while let Some(row) = rows.next()? {
        let (seq, operation): (i64, i64) = (row.get(0)?, row.get(1)?);
        if seq < end && first_behind > seq {
            last = Some(seq);
            break;
        }
        // What is archived already may have later notes.
        if operation > upto {
            first_behind = first_behind.min(operation);
        }
    }
    Ok((last, held_up.map(|(_, why)| why)))
}

/// Writes the file, durably, and reads it back.
fn write(log: &Connection, plan: &Plan, file: &Path) -> Result<Archived, StoreError> {
    let head = plan.head.head();
    let (first, last) = (plan.before.size().cast_signed() + 1, head.size.cast_signed());
    let header = Header::new(&plan.before, last, &plan.head);
    let mut writing = Writing::begin(file, &header, plan.before.clone(), plan.head.clone())?;
    let sql = format!("SELECT seq, body FROM audit_events WHERE {NOT_ARCHIVED} AND seq <= ? ORDER BY seq");
    let mut statement = log.prepare(&sql).explain(UNREADABLE)?;
    let mut rows = statement.query([last]).explain(UNREADABLE)?;
    while let Some(row) = rows.next().explain(UNREADABLE)? {
        writing.event(row.get(0)?, row.get_ref(1)?.as_bytes().unwrap_or_default())?;
    }
    writing.finish()?;
    let read_back = Reading::open(file).and_then(|archive| archive.check(&[]));
    if let Err(error) = read_back {
        drop(std::fs::remove_file(file));
        return Err(StoreError(format!("{error}; the file was read back wrong, and nothing was archived")));
    }
    let tables = verify::state_at(log, last).inspect_err(|_| drop(std::fs::remove_file(file)))?;
    let root = hex::encode(head.root);
    Ok(Archived { first, last, root, tables, file: file.display().to_string() })
}

/// Deletes some of the events that are in archives; how many.
fn remove_some(log: &mut LogTransaction<'_>) -> Result<u64, StoreError> {
    let which = format!(
        "FROM audit_events WHERE NOT ({NOT_ARCHIVED}) AND seq < (SELECT min(seq) FROM audit_events) + ?"
    );
    let count = format!("SELECT count(*) {which}");
    let count: i64 = log.connection.query_row(&count, [AT_ONCE], |row| row.get(0))?;
    let deleted = log.connection.execute(&format!("DELETE {which}"), [AT_ONCE])?;
    if i64::try_from(deleted) == Ok(count) {
        Ok(count.unsigned_abs())
    } else {
        Err(StoreError("something in the database keeps archived events in it".to_owned()))
    }
}

/// Gives some free pages back to the file system; whether there may be more.
fn shrink(log: &mut LogTransaction<'_>) -> Result<bool, StoreError> {
    let free = || -> Result<i64, StoreError> {
        Ok(log.connection.query_row("PRAGMA freelist_count", [], |row| row.get(0))?)
    };
    let before = free()?;
    if before == 0 {
        return Ok(false);
    }
    // A row a page.
    let mut vacuum = log.connection.prepare(&format!("PRAGMA incremental_vacuum({AT_ONCE})"))?;
    let mut pages = vacuum.query([])?;
    while pages.next()?.is_some() {}
    drop(pages);
    let after = free()?;
    Ok(after > 0 && after < before)
}
