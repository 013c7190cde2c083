//! Which answers are pending, and which process is to give them.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use crate::app::ports::StoreError;
use crate::app::replies::{Batch, PendingReply, Platform};
use crate::domain::audit::{OperationId, OutcomeKind};

use super::locks::Instance;
use super::log::LogTransaction;
use super::projections::change_one;
use super::rows::{self, json};

const COLUMNS: &str = "operation, public_in, known, perhaps_said, since";

fn pending(row: &rusqlite::Row<'_>) -> Result<PendingReply, StoreError> {
    Ok(PendingReply {
        operation: OperationId::new(rows::number(row, 0)?),
        public_in: rows::owned(row, 1)?,
        known: rows::optional(row, 2)?,
        perhaps_said: rows::number(row, 3)? == 1,
        since: rows::time(row, 4)?,
    })
}

/// With the attempt: whoever asked is to get an answer.
pub(super) fn begin(
    log: &LogTransaction<'_>,
    operation: OperationId,
    since: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO replies (operation, instance, perhaps_said, since) VALUES (?, ?, 0, ?)";
    change_one(log.connection, sql, params![operation.seq(), log.instance, since.as_millisecond()])
}

/// Keeps what changed about the answers of this process, and forgets those that are given.
pub(super) fn keep(log: &mut LogTransaction<'_>, batch: &Batch) -> Result<(), StoreError> {
    let mut change = log.connection.prepare_cached(
        "UPDATE replies SET public_in = ?, known = ?, perhaps_said = ? WHERE operation = ? AND instance = ?",
    )?;
    for pending in &batch.changed {
        let known = pending.known.map(OutcomeKind::name);
        change.execute(params![
            pending.public_in,
            known,
            pending.perhaps_said,
            pending.operation.seq(),
            log.instance
        ])?;
    }
    let forget = "DELETE FROM replies WHERE operation = ? AND instance = ?";
    let mut forget = log.connection.prepare_cached(forget)?;
    for operation in &batch.done {
        forget.execute(params![operation.seq(), log.instance])?;
    }
    Ok(())
}

/// Takes over what processes that are gone were to answer on these platforms.
pub(super) fn take_over(
    log: &mut LogTransaction<'_>,
    platforms: &[Platform],
    here: &Instance,
) -> Result<Vec<PendingReply>, StoreError> {
    let gone = gone(log, here, "replies")?;
    if gone.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<&str> = platforms.iter().map(|platform| platform.name()).collect();
    // With an outcome on record the person may have read it just before the end.
    let sql = format!(
        "UPDATE replies SET instance = ?1, perhaps_said = perhaps_said OR EXISTS (
             SELECT 1 FROM operations WHERE operations.operation = replies.operation AND outcome <> 'pending')
         WHERE instance IN (SELECT value FROM json_each(?2))
             AND (SELECT substr(channel, 1, instr(channel, ':') - 1) FROM operations
                  WHERE operations.operation = replies.operation) IN (SELECT value FROM json_each(?3))
         RETURNING {COLUMNS}"
    );
    let mut statement = log.connection.prepare(&sql)?;
    let taken = statement.query_and_then(params![log.instance, json(&gone)?, json(&names)?], pending)?;
    taken.collect()
}

/// Takes an answer on, unless a process has it that still runs.
pub(super) fn claim(
    log: &mut LogTransaction<'_>,
    wanted: &PendingReply,
    here: &Instance,
) -> Result<Option<PendingReply>, StoreError> {
    let sql = format!(
        "INSERT INTO replies (operation, instance, public_in, known, perhaps_said, since)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (operation) DO UPDATE SET instance = ?2
             WHERE instance = ?2 OR instance IN (SELECT value FROM json_each(?7))
         RETURNING {COLUMNS}"
    );
    let gone = json(&gone(log, here, "replies")?)?;
    let mut statement = log.connection.prepare(&sql)?;
    let mut rows = statement.query(params![
        wanted.operation.seq(),
        log.instance,
        wanted.public_in,
        wanted.known.map(OutcomeKind::name),
        wanted.perhaps_said,
        wanted.since.as_millisecond(),
        gone,
    ])?;
    rows.next()?.map(pending).transpose()
}

/// The processes with something to say, in this table, that are gone.
pub(super) fn gone(
    log: &LogTransaction<'_>,
    here: &Instance,
    table: &str,
) -> Result<Vec<String>, StoreError> {
    let sql = format!("SELECT DISTINCT instance FROM {table} WHERE instance <> ''");
    let mut statement = log.connection.prepare_cached(&sql)?;
    let pending: Vec<String> =
        statement.query_map([], |row| row.get(0))?.collect::<Result<_, rusqlite::Error>>()?;
    let is_gone = |other: &String| other != here.id() && !here.is_elsewhere(other);
    Ok(pending.into_iter().filter(is_gone).collect())
}

/// How long after a command its answer may still have to be said: a day, and time to give up.
const PENDING_FOR_MS: i64 = 2 * 86_400_000;

/// The first operation whose answer may still have to be said.
pub(super) fn first(connection: &Connection, now: Timestamp) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT min(operation) FROM replies WHERE since >= ?";
    Ok(connection.query_row(sql, [now.as_millisecond() - PENDING_FOR_MS], |row| row.get(0))?)
}
