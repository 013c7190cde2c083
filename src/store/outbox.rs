//! Which answers are owed, and by which process.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use crate::app::ports::StoreError;
use crate::app::replies::{Owed, Page, Platform};
use crate::domain::audit::{OperationId, OutcomeKind};

use super::locks::Instance;
use super::log::LogTransaction;
use super::projections::change_one;
use super::rows;

const COLUMNS: &str = "operation, public_in, known, perhaps_said, since";

fn owed(row: &rusqlite::Row<'_>) -> Result<Owed, StoreError> {
    Ok(Owed {
        operation: OperationId::new(rows::number(row, 0)?),
        public_in: rows::owned(row, 1)?,
        known: rows::optional(row, 2)?,
        perhaps_said: rows::number(row, 3)? == 1,
        since: rows::time(row, 4)?,
    })
}

fn json<T: serde::Serialize>(values: &[T]) -> Result<String, StoreError> {
    serde_json::to_string(values).map_err(|error| StoreError(error.to_string()))
}

/// Keeps a page of this process.
pub(super) fn keep(log: &mut LogTransaction<'_>, page: &Page) -> Result<(), StoreError> {
    let (connection, instance) = (log.connection, log.instance);
    if page.is_last {
        connection.execute("DELETE FROM answered WHERE instance = ?", [instance])?;
    } else {
        change_one(
            connection,
            "INSERT INTO answered (instance, upto) VALUES (?1, ?2)
             ON CONFLICT (instance) DO UPDATE SET upto = max(upto, ?2)",
            params![instance, page.upto],
        )?;
    }
    for owed in &page.owed {
        connection
            .prepare_cached(
                "INSERT INTO replies (operation, instance, public_in, known, perhaps_said, since)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (operation) DO UPDATE SET public_in = ?3, known = ?4, perhaps_said = ?5
                 WHERE instance = ?2",
            )?
            .execute(values_of(owed, instance))?;
    }
    let mut forget = connection.prepare_cached("DELETE FROM replies WHERE instance = ? AND operation = ?")?;
    for settled in &page.settled {
        forget.execute(params![instance, settled.seq()])?;
    }
    Ok(())
}

fn values_of(owed: &Owed, instance: &str) -> impl rusqlite::Params {
    (
        owed.operation.seq(),
        instance.to_owned(),
        owed.public_in.clone(),
        owed.known.map(OutcomeKind::name),
        owed.perhaps_said,
        owed.since.as_millisecond(),
    )
}

/// What went to Tencent for somebody in chat: only then is anything done after the person has been heard.
const WENT_TO_TENCENT: &str = "operations.channel IS NOT NULL AND operations.room IS NOT NULL
    AND operations.decision = 'permit' AND (operations.is_open = 1 OR operations.duration_ms IS NOT NULL)";

/// Takes over what these processes, which are gone, owe on these platforms.
pub(super) fn take_over(
    log: &mut LogTransaction<'_>,
    gone: &[String],
    platforms: &[Platform],
) -> Result<Vec<Owed>, StoreError> {
    let connection = log.connection;
    let gone = json(gone)?;
    // What they had not marked as answered, and nobody knows whether it was.
    connection.execute(
        &format!(
            "INSERT OR IGNORE INTO replies (operation, instance, perhaps_said, since)
             SELECT operations.operation, operations.instance, 0, operations.at
             FROM answered JOIN operations
                 ON operations.operation > answered.upto AND operations.instance = answered.instance
             WHERE answered.instance IN (SELECT value FROM json_each(?)) AND {WENT_TO_TENCENT}"
        ),
        [&gone],
    )?;
    connection.execute("DELETE FROM answered WHERE instance IN (SELECT value FROM json_each(?))", [&gone])?;
    connection.execute(
        "INSERT OR IGNORE INTO answered (instance, upto)
         VALUES (?, (SELECT coalesce(max(seq), 0) FROM audit_events))",
        [log.instance],
    )?;
    // With an outcome on record the person may have heard of it just before the end.
    let sql = format!(
        "UPDATE replies SET instance = ?1, perhaps_said = perhaps_said OR EXISTS (
             SELECT 1 FROM operations WHERE operations.operation = replies.operation AND outcome <> 'pending')
         WHERE instance IN (SELECT value FROM json_each(?2)) AND {}
         RETURNING {COLUMNS}",
        on_platforms("?3")
    );
    let mut statement = connection.prepare(&sql)?;
    let taken = statement.query_and_then(params![log.instance, gone, names(platforms)?], owed)?;
    taken.collect()
}

/// How long after a command its answer may still have to be said: a day, and time to give up.
const OWED_FOR_MS: i64 = 2 * 86_400_000;

/// The first operation whose answer may still have to be said.
pub(super) fn first(connection: &Connection, now: Timestamp) -> Result<Option<i64>, StoreError> {
    let sql = format!(
        "SELECT min(operation) FROM (
             SELECT operation FROM replies WHERE since >= ?1
             UNION ALL
             SELECT operations.operation FROM answered JOIN operations
                 ON operations.operation > answered.upto AND operations.instance = answered.instance
             WHERE operations.at >= ?1 AND {WENT_TO_TENCENT})"
    );
    Ok(connection.query_row(&sql, [now.as_millisecond() - OWED_FOR_MS], |row| row.get(0))?)
}

fn names(platforms: &[Platform]) -> Result<String, StoreError> {
    json(&platforms.iter().map(|platform| platform.name()).collect::<Vec<_>>())
}

fn on_platforms(names: &str) -> String {
    format!(
        "(SELECT substr(channel, 1, instr(channel, ':') - 1) FROM operations
          WHERE operations.operation = replies.operation) IN (SELECT value FROM json_each({names}))"
    )
}

/// Takes an answer on, unless a process has it that is none of these which are gone.
pub(super) fn claim(
    log: &mut LogTransaction<'_>,
    wanted: &Owed,
    gone: &[String],
) -> Result<Option<Owed>, StoreError> {
    let sql = format!(
        "INSERT INTO replies (operation, instance, public_in, known, perhaps_said, since)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (operation) DO UPDATE SET instance = ?2
             WHERE instance = ?2 OR instance IN (SELECT value FROM json_each(?7))
         RETURNING {COLUMNS}"
    );
    let mut statement = log.connection.prepare(&sql)?;
    let mut rows = statement.query(params![
        wanted.operation.seq(),
        log.instance,
        wanted.public_in,
        wanted.known.map(OutcomeKind::name),
        wanted.perhaps_said,
        wanted.since.as_millisecond(),
        json(gone)?,
    ])?;
    rows.next()?.map(owed).transpose()
}

/// The processes that owe something on these platforms, or may, and are gone; and whether this one has begun its page.
pub(super) fn gone(
    log: &LogTransaction<'_>,
    platforms: &[Platform],
    here: &Instance,
) -> Result<(Vec<String>, bool), StoreError> {
    let sql = format!(
        "SELECT instance FROM answered UNION SELECT instance FROM replies WHERE {}",
        on_platforms("?")
    );
    let mut statement = log.connection.prepare_cached(&sql)?;
    let owing: Vec<String> =
        statement.query_map([names(platforms)?], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let sql = "SELECT EXISTS (SELECT 1 FROM answered WHERE instance = ?)";
    let has_begun = log.connection.query_row(sql, [here.id()], |row| row.get(0))?;
    let is_gone = |other: &String| other != here.id() && !here.is_elsewhere(other);
    Ok((owing.into_iter().filter(is_gone).collect(), has_begun))
}
