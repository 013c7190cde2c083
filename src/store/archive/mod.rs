//! Taking the oldest events out of the database and into a file that proves them.
//!
//! The order is the safety: the file is written, synced and read back; then the archive is recorded, as an
//! operation of the log and in the table `archives`, without which the schema lets no event be deleted; then
//! the events are deleted, some at a time, so that a bot that is running can write in between. What a crash
//! leaves behind, the next run deletes first. The hashes stay where they are, so the log can still be checked
//! from end to end.

mod file;
mod tables;

use std::path::PathBuf;
use std::time::Instant;

use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnection, SqlitePool};

use crate::app::ports::StoreError;
use crate::domain::access::Permit;
use crate::domain::archive::{Archive, ArchiveReport, Archived, SoundArchive};
use crate::domain::audit::{AuditEntry, DecisionKind, OperationId, OutcomeKind};
use crate::domain::principal::Principal;
use crate::tree::{Checkpoint, Edge, VerifierKey};

use super::admission::{Beside, Ledger};
use super::verify::chunks;
use super::{SqliteStore, failed, tree};
use file::{Header, Writing};

pub(super) use file::Reading;
pub(super) use tables::digest;

/// How many events are deleted by one transaction: some milliseconds' work.
const AT_ONCE: i64 = 1_000;

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
    /// Operations that began before this time go, up to the first that is still open.
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
pub fn check(file: &std::path::Path, keys: &[VerifierKey]) -> Result<SoundArchive, StoreError> {
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
    /// When the file cannot be written, the events are not those that were signed, or the database cannot be
    /// written. A file that is not recorded is removed again, unless its record's commit may have lasted.
    pub async fn archive(&self, order: Order, at: Timestamp) -> Result<ArchiveReport, StoreError> {
        let removed = self.remove_archived().await?;
        let (plan, held_up_by) = self.plan(order.before).await?;
        let Some(plan) = plan else { return Ok(ArchiveReport { archive: None, held_up_by, removed }) };
        let archived = self.write(&plan, &order.file).await?;
        let recording = Recording {
            principal: order.principal,
            authority: order.permit.authority().to_string(),
            typed: order.typed,
            archived: archived.clone(),
            file: order.file.display().to_string(),
        };
        let recorded = self.writer.work_on_archives(Work::Record(Box::new(recording)), at).await;
        let operation = recorded.map_err(|error| {
            let file = order.file.display();
            StoreError(format!("{error}; `{file}` is written, and nothing was deleted: remove it if `room-owner audit list` does not show this archive"))
        })?;
        let removed = removed + self.remove_archived().await?;
        let log = plan.head.origin().to_owned();
        let operation = OperationId::new(operation);
        let archive = Archive { operation, archived, file: order.file, log };
        Ok(ArchiveReport { archive: Some(archive), held_up_by, removed })
    }

    /// What can go, and the operation from before the time that keeps the rest from going.
    async fn plan(&self, before: Timestamp) -> Result<(Option<Plan>, Option<OperationId>), StoreError> {
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
        let held_up_by = open.filter(|open| young.is_none_or(|young| *open < young)).map(OperationId::new);
        let end = young.into_iter().chain(open).min().unwrap_or(i64::MAX);
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
        let before = tree::edge_at(&mut view, upto.unsigned_abs()).await.map_err(unreadable())?;
        Ok((Some(Plan { before, head }), held_up_by))
    }

    /// Writes the file, durably, and reads it back.
    async fn write(&self, plan: &Plan, file: &std::path::Path) -> Result<Archived, StoreError> {
        let unreadable = || failed(UNREADABLE);
        let head = plan.head.head();
        let (first, last) = (plan.before.size() as i64 + 1, head.size as i64);
        let mut connection = self.readers.acquire().await.map_err(unreadable())?;
        let tables = digest(&mut connection, first, last).await.map_err(unreadable())?;
        let header = Header::new(&plan.before, last, &plan.head);
        let mut writing = Writing::begin(file, &header, plan.before.clone(), plan.head.clone())?;
        let mut seq = first - 1;
        while seq < last {
            let mut events = chunks::events(&mut connection, seq).await.map_err(unreadable())?;
            events.end_at(last);
            let Some(read) = events.last() else { break };
            seq = read;
            writing.events(&events)?;
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
            let removed = sqlx::query(
                "DELETE FROM audit_events
                 WHERE seq <= (SELECT coalesce(max(last), 0) FROM archives)
                   AND seq < (SELECT min(seq) FROM audit_events) + ?",
            )
            .bind(AT_ONCE)
            .execute(connection)
            .await?;
            Ok(removed.rows_affected() as i64)
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
    .execute(connection)
    .await?;
    Ok(operation.seq())
}
