//! Taking the oldest events out of the database and into a file that proves them.
//!
//! The order is the safety: the log is checked, for what the tables say of archived events is later checked by
//! a hash that is taken now; the file is written, synced and read back; then the archive is recorded, as an
//! operation of the log and in the table `archives`, without which the schema lets no event be deleted; then
//! the events are deleted, some at a time, so that a bot that is running can write in between. What a crash
//! leaves behind, the next run deletes first, if the file is still there. The hashes stay where they are, so
//! the log can still be checked from end to end.

mod file;
mod tables;

use std::path::{Path, PathBuf};
use std::time::Instant;

use jiff::Timestamp;
use sqlx::AssertSqlSafe;
use sqlx::sqlite::{SqliteConnection, SqlitePool};

use crate::app::ports::StoreError;
use crate::domain::access::Permit;
use crate::domain::archive::{Archive, ArchiveReport, Archived, HeldUp, SoundArchive};
use crate::domain::audit::{AuditEntry, DecisionKind, OperationId, OutcomeKind};
use crate::domain::principal::Principal;
use crate::tree::{Checkpoint, CheckpointError, Edge, VerifierKey};

use super::admission::{Beside, Ledger};
use super::rows::Counted as _;
use super::verify::{self, Evidence, chunks};
use super::{SqliteStore, failed, owed, tree};
use file::{Header, Writing};

pub(super) use file::Reading;
pub(super) use tables::digest;

/// How many events are deleted by one transaction: some milliseconds' work.
const AT_ONCE: i64 = 1_000;

/// Of `audit_events`: the rows that are read. What an archive holds is read from there alone, whatever has its number
/// in the table: a run that broke off leaves some, and who owns the file can put others there.
pub(super) const NOT_ARCHIVED: &str = "seq > (SELECT coalesce(max(last), 0) FROM archives)";

const UNREADABLE: &str = "the audit log cannot be read";

/// The wish for an archive.
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

/// What the writer does for an archive.
pub(super) enum Work {
    /// Records an archive whose file is written.
    Record(Box<Recording>),
    /// Deletes some of the events that are in archives.
    Remove,
}

/// An archive that is to be recorded.
pub(super) struct Recording {
    principal: Principal,
    authority: String,
    typed: String,
    archived: Archived,
    file: String,
}

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

/// The archives that the database tells of, oldest first; none in one from before them.
pub(super) async fn kept(connection: &mut SqliteConnection) -> Result<Vec<Kept>, sqlx::Error> {
    let is_known: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'archives')")
            .fetch_one(&mut *connection)
            .await?;
    if !is_known {
        return Ok(Vec::new());
    }
    let rows: Vec<(i64, i64, i64, String, String, String)> =
        sqlx::query_as("SELECT operation, first, last, root, tables, file FROM archives ORDER BY first")
            .fetch_all(connection)
            .await?;
    let kept =
        |(operation, first, last, root, tables, file)| Kept { operation, first, last, root, tables, file };
    Ok(rows.into_iter().map(kept).collect())
}

/// The number of the last event that is in an archive; 0 without one.
pub(super) async fn upto(pool: &SqlitePool) -> Result<i64, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    Ok(kept(&mut connection).await?.last().map_or(0, |archive| archive.last))
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
    before: Edge,
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
        if self.has_left_behind().await? {
            // What somebody changed in them would be gone without a trace.
            self.check_whole().await?;
        }
        let removed = self.remove_archived().await?;
        let (plan, held_up_by) = self.plan(order.before, at).await?;
        let Some(plan) = plan else { return Ok(ArchiveReport { archive: None, held_up_by, removed }) };
        // Where the next run, from wherever, finds it.
        let file = std::path::absolute(&order.file).unwrap_or_else(|_| order.file.clone());
        file::check_absent(&file)?;
        self.check_whole().await?;
        let archived = self.write(&plan, &file).await?;
        let recording = Recording {
            principal: order.principal,
            authority: order.permit.authority().to_string(),
            typed: order.typed,
            archived: archived.clone(),
            file: file.display().to_string(),
        };
        let recorded = self.writer.work_on_archives(Work::Record(Box::new(recording)), at).await;
        let operation = recorded.map_err(|error| {
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
        let removed = removed + removed_now;
        let log = plan.head.origin().to_owned();
        let operation = OperationId::new(operation);
        let archive = Archive { operation, archived, file: order.file, log };
        Ok(ArchiveReport { archive: Some(archive), held_up_by, removed })
    }

    /// Whether an earlier run recorded events that it did not come to delete. They go only if its file is there:
    /// whoever saw that run break off may have thrown the file away.
    async fn has_left_behind(&self) -> Result<bool, StoreError> {
        let unreadable = || failed(UNREADABLE);
        let mut connection = self.readers.acquire().await.map_err(unreadable())?;
        let kept = kept(&mut connection).await.map_err(unreadable())?;
        let present: Option<i64> = sqlx::query_scalar("SELECT min(seq) FROM audit_events")
            .fetch_one(&mut *connection)
            .await
            .map_err(unreadable())?;
        let mut is_any = false;
        for archive in kept.iter().filter(|archive| present.is_some_and(|present| archive.last >= present)) {
            is_any = true;
            let is_it = Reading::open(Path::new(&archive.file)).and_then(|reading| {
                let is_other = hex::encode(reading.checkpoint().head().root) != archive.root
                    || (reading.first(), reading.last()) != (archive.first, archive.last);
                let sound = reading.check(&[])?;
                if is_other {
                    let there =
                        format!("it holds events {} to {} of `{}`", sound.first, sound.last, sound.log);
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

    /// What is wrong with the log or the tables now would be taken for what was always there.
    async fn check_whole(&self) -> Result<(), StoreError> {
        let options = self.readers.connect_options();
        let report = verify::verify(options.get_filename(), Evidence::default()).await?;
        match report.findings.first() {
            None => Ok(()),
            Some(first) => Err(StoreError(format!(
                "nothing was archived or deleted, because the log cannot be trusted as it is: {first}; see all of it with \
                 `room-owner audit verify`"
            ))),
        }
    }

    /// What can go, and what keeps the rest from before the time from going.
    async fn plan(
        &self,
        before: Timestamp,
        now: Timestamp,
    ) -> Result<(Option<Plan>, Option<HeldUp>), StoreError> {
        let unreadable = || failed(UNREADABLE);
        let mut view = self.readers.begin().await.map_err(unreadable())?;
        let (upto, young, open): (i64, Option<i64>, Option<i64>) = sqlx::query_as(
            "SELECT (SELECT coalesce(max(last), 0) FROM archives),
                 (SELECT min(operation) FROM operations WHERE at >= ?),
                 (SELECT min(operation) FROM operations WHERE is_open = 1)",
        )
        .bind(before.as_millisecond())
        .fetch_one(&mut *view)
        .await
        .map_err(unreadable())?;
        let unanswered = owed::first(&mut view, now).await.map_err(unreadable())?;
        let held_up = [
            open.map(|open| (open, HeldUp::Open(OperationId::new(open)))),
            unanswered.map(|operation| (operation, HeldUp::Unanswered(OperationId::new(operation)))),
        ];
        let held_up = held_up.into_iter().flatten().min_by_key(|(operation, _)| *operation);
        let held_up = held_up.filter(|(operation, _)| young.is_none_or(|young| *operation < young));
        let end = held_up.map(|(operation, _)| operation).or(young).unwrap_or(i64::MAX);
        let held_up_by = held_up.map(|(_, why)| why);
        // Up to a signed head: nothing new has to be signed, and what was signed then counts.
        let head: Option<String> = sqlx::query_scalar(
            "SELECT checkpoint FROM tree_heads WHERE size > ? AND size < ? AND checkpoint IS NOT NULL
             ORDER BY size DESC LIMIT 1",
        )
        .bind(upto)
        .bind(end)
        .fetch_optional(&mut *view)
        .await
        .map_err(unreadable())?;
        let Some(head) = head else { return Ok((None, held_up_by)) };
        let head = Checkpoint::parse(&head).map_err(|error| StoreError(format!("{UNREADABLE}: {error}")))?;
        check_signature(&mut view, &head).await?;
        let before = tree::edge_at(&mut view, upto.unsigned_abs()).await.map_err(unreadable())?;
        Ok((Some(Plan { before, head }), held_up_by))
    }

    /// Writes the file, durably, and reads it back.
    async fn write(&self, plan: &Plan, file: &Path) -> Result<Archived, StoreError> {
        let unreadable = || failed(UNREADABLE);
        let head = plan.head.head();
        let (first, last) = (plan.before.size() as i64 + 1, head.size as i64);
        let mut connection = self.readers.acquire().await.map_err(unreadable())?;
        let tables = digest(&mut connection, first, last).await.map_err(unreadable())?;
        let unreadable = |error| StoreError(format!("{UNREADABLE}: {error}"));
        let events = chunks::open(self.readers.connect_options().get_filename()).map_err(unreadable)?;
        // One view of them all: another process that archives the same deletes them.
        events.execute_batch("BEGIN").map_err(unreadable)?;
        let upto: i64 = events
            .query_one("SELECT coalesce(max(last), 0) FROM archives", [], |row| row.get(0))
            .map_err(unreadable)?;
        if upto != first - 1 {
            return Err(StoreError(format!(
                "events up to {upto} were archived by another process in the meantime; nothing was archived here"
            )));
        }
        let header = Header::new(&plan.before, last, &plan.head);
        let mut writing = Writing::begin(file, &header, plan.before.clone(), plan.head.clone())?;
        let (mut seq, mut some) = (first - 1, chunks::Events::default());
        while seq < last {
            chunks::read_events(&events, seq, &mut some).map_err(unreadable)?;
            some.end_at(last);
            let Some(read) = some.last() else { break };
            seq = read;
            writing.events(&some)?;
        }
        writing.finish()?;
        let read_back = Reading::open(file).and_then(|archive| archive.check(&[]));
        if let Err(error) = read_back {
            drop(std::fs::remove_file(file));
            return Err(StoreError(format!(
                "{error}; the file was read back wrong, and nothing was archived"
            )));
        }
        Ok(Archived { first, last, root: hex::encode(head.root), tables })
    }

    async fn remove_archived(&self) -> Result<u64, StoreError> {
        let mut removed = 0;
        loop {
            let began = Instant::now();
            let some = self.writer.work_on_archives(Work::Remove, Timestamp::UNIX_EPOCH).await?;
            if some == 0 {
                return Ok(removed);
            }
            removed += some.unsigned_abs();
            // As long as that took, others may write.
            tokio::time::sleep(began.elapsed()).await;
        }
    }
}

/// That the head which goes into the file was signed by whoever signed last. What was signed with an earlier key,
/// those check who keep it.
async fn check_signature(view: &mut SqliteConnection, head: &Checkpoint) -> Result<(), StoreError> {
    let key = tree::last_key(view).await.map_err(failed(UNREADABLE))?;
    let key = key.map(|key| VerifierKey::parse(&key)).transpose();
    let key = key.map_err(|error| StoreError(format!("{UNREADABLE}: {error}")))?;
    match key.map(|key| head.check(&key)) {
        None | Some(Ok(()) | Err(CheckpointError::OtherKey(_))) => Ok(()),
        Some(Err(error)) => Err(StoreError(format!(
            "nothing was archived, because the signed head after event {} cannot be trusted: {error}; see \
             `room-owner audit verify --every-head`",
            head.head().size
        ))),
    }
}

/// Does it inside the writer's transaction: the number of the operation that records an archive, or how many
/// events were deleted.
pub(super) async fn work(
    connection: &mut SqliteConnection,
    ledger: &mut Ledger,
    work: &Work,
    at: Timestamp,
) -> Result<i64, sqlx::Error> {
    match work {
        Work::Record(recording) => record(connection, ledger, recording, at).await,
        Work::Remove => {
            let which = format!(
                "FROM audit_events WHERE NOT ({NOT_ARCHIVED}) AND seq < (SELECT min(seq) FROM audit_events) + ?"
            );
            let count = sqlx::query_scalar(AssertSqlSafe(format!("SELECT count(*) {which}")));
            let count: i64 = count.bind(AT_ONCE).fetch_one(&mut *connection).await?;
            let delete = sqlx::query(AssertSqlSafe(format!("DELETE {which}"))).bind(AT_ONCE);
            delete.changes(count.unsigned_abs(), connection).await?;
            Ok(count)
        }
    }
}

async fn record(
    connection: &mut SqliteConnection,
    ledger: &mut Ledger,
    recording: &Recording,
    at: Timestamp,
) -> Result<i64, sqlx::Error> {
    let operation = ledger.next_operation();
    let archived = &recording.archived;
    let entry = AuditEntry {
        operation,
        at,
        actor: Some(recording.principal.subject.clone()),
        actor_name: recording.principal.name.clone(),
        channel: None,
        command: recording.typed.clone(),
        room: None,
        new_owner: None,
        previous_owner: None,
        reason: None,
        decision: Some(DecisionKind::Permit),
        authority: Some(recording.authority.clone()),
        outcome: OutcomeKind::Succeeded,
        error_code: None,
        error_info: None,
        request_id: None,
        delivery_id: None,
        duration_ms: None,
    };
    ledger.record(connection, &entry, Beside { archived: Some(archived), ..Beside::default() }).await?;
    // The schema refuses it if another process has archived the same meanwhile.
    sqlx::query(
        "INSERT INTO archives (operation, first, last, root, tables, file) VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(operation.seq())
    .bind(archived.first)
    .bind(archived.last)
    .bind(&archived.root)
    .bind(&archived.tables)
    .bind(&recording.file)
    .changes(1, connection)
    .await?;
    Ok(operation.seq())
}
