//! Which answers are owed, and by which process.

use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqlitePool, SqliteRow};

use super::instance::Instance;
use super::rows::{self, Counted as _, json};
use crate::app::replies::{Owed, Page, Platform};
use crate::domain::audit::{OperationId, OutcomeKind};

/// What is done about them, inside the writer's transaction.
pub(super) enum Work {
    /// Keeps a page of this process.
    Keep(Page),
    /// Takes over what these processes, which are gone, owe on these platforms.
    TakeOver { gone: Vec<String>, platforms: Vec<Platform> },
    /// Takes an answer on, unless a process has it that is none of these.
    Claim { owed: Owed, gone: Vec<String> },
}

const COLUMNS: &str = "operation, public_in, known, perhaps_said, since";

fn owed(row: &SqliteRow) -> Result<Owed, sqlx::Error> {
    let known: Option<String> = row.try_get("known")?;
    Ok(Owed {
        operation: OperationId::new(row.try_get("operation")?),
        public_in: row.try_get("public_in")?,
        known: known.map(|known| rows::parse("known", &known)).transpose()?,
        perhaps_said: row.try_get("perhaps_said")?,
        since: rows::time("since", row.try_get("since")?)?,
    })
}

/// Does the work; what was taken on by it.
pub(super) async fn work(
    connection: &mut SqliteConnection,
    work: &Work,
    instance: &str,
) -> Result<Vec<Owed>, sqlx::Error> {
    match work {
        Work::Keep(page) => keep(connection, page, instance).await.map(|()| Vec::new()),
        Work::TakeOver { gone, platforms } => take_over(connection, gone, platforms, instance).await,
        Work::Claim { owed, gone } => {
            let claimed = claim(connection, owed, gone, instance).await?;
            Ok(claimed.into_iter().collect())
        }
    }
}

async fn keep(connection: &mut SqliteConnection, page: &Page, instance: &str) -> Result<(), sqlx::Error> {
    if page.is_last {
        sqlx::query("DELETE FROM answered WHERE instance = ?")
            .bind(instance)
            .execute(&mut *connection)
            .await?;
    } else {
        sqlx::query(
            "INSERT INTO answered (instance, upto) VALUES (?1, ?2)
             ON CONFLICT (instance) DO UPDATE SET upto = max(upto, ?2)",
        )
        .bind(instance)
        .bind(page.upto)
        .changes(1, connection)
        .await?;
    }
    for owed in &page.owed {
        sqlx::query(
            "INSERT INTO replies (operation, instance, public_in, known, perhaps_said, since)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (operation) DO UPDATE SET public_in = ?3, known = ?4, perhaps_said = ?5 WHERE instance = ?2",
        )
        .bind(owed.operation.seq())
        .bind(instance)
        .bind(&owed.public_in)
        .bind(owed.known.map(OutcomeKind::name))
        .bind(owed.perhaps_said)
        .bind(owed.since.as_millisecond())
        .execute(&mut *connection)
        .await?;
    }
    if !page.settled.is_empty() {
        let settled: Vec<i64> = page.settled.iter().map(|operation| operation.seq()).collect();
        sqlx::query(
            "DELETE FROM replies WHERE instance = ? AND operation IN (SELECT value FROM json_each(?))",
        )
        .bind(instance)
        .bind(json(&settled)?)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// What went to Tencent for somebody in chat: only then is anything done after the person has been heard.
const WENT_TO_TENCENT: &str = "operations.channel IS NOT NULL AND operations.room IS NOT NULL
    AND operations.decision = 'permit' AND (operations.is_open = 1 OR operations.duration_ms IS NOT NULL)";

async fn take_over(
    connection: &mut SqliteConnection,
    gone: &[String],
    platforms: &[Platform],
    instance: &str,
) -> Result<Vec<Owed>, sqlx::Error> {
    let gone = json(&gone)?;
    let names = json(&platforms.iter().map(|platform| platform.name()).collect::<Vec<_>>())?;
    // What they had not marked as answered, and nobody knows whether it was.
    sqlx::query(sqlx::AssertSqlSafe(format!(
        "INSERT OR IGNORE INTO replies (operation, instance, perhaps_said, since)
         SELECT operations.operation, operations.instance, 0, operations.at
         FROM answered JOIN operations
             ON operations.operation > answered.upto AND operations.instance = answered.instance
         WHERE answered.instance IN (SELECT value FROM json_each(?)) AND {WENT_TO_TENCENT}"
    )))
    .bind(&gone)
    .execute(&mut *connection)
    .await?;
    sqlx::query("DELETE FROM answered WHERE instance IN (SELECT value FROM json_each(?))")
        .bind(&gone)
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "INSERT OR IGNORE INTO answered (instance, upto)
         VALUES (?, (SELECT coalesce(max(seq), 0) FROM audit_events))",
    )
    .bind(instance)
    .execute(&mut *connection)
    .await?;
    // With an outcome on record the person may have heard of it just before the end.
    let taken = sqlx::query(sqlx::AssertSqlSafe(format!(
        "UPDATE replies SET instance = ?1, perhaps_said = perhaps_said OR EXISTS (
             SELECT 1 FROM operations WHERE operations.operation = replies.operation AND outcome <> 'pending')
         WHERE instance IN (SELECT value FROM json_each(?2)) AND {}
         RETURNING {COLUMNS}",
        on_platforms("?3")
    )))
    .bind(instance)
    .bind(&gone)
    .bind(&names)
    .fetch_all(connection)
    .await?;
    taken.iter().map(owed).collect()
}

/// How long after a command its answer may still have to be said: a day, and time to give up.
const OWED_FOR_MS: i64 = 2 * 86_400_000;

/// The first operation whose answer may still have to be said.
pub(super) async fn first(
    connection: &mut SqliteConnection,
    now: Timestamp,
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar(sqlx::AssertSqlSafe(format!(
        "SELECT min(operation) FROM (
             SELECT operation FROM replies WHERE since >= ?1
             UNION ALL
             SELECT operations.operation FROM answered JOIN operations
                 ON operations.operation > answered.upto AND operations.instance = answered.instance
             WHERE operations.at >= ?1 AND {WENT_TO_TENCENT})"
    )))
    .bind(now.as_millisecond() - OWED_FOR_MS)
    .fetch_one(connection)
    .await
}

fn on_platforms(names: &str) -> String {
    format!(
        "(SELECT substr(channel, 1, instr(channel, ':') - 1) FROM operations
          WHERE operations.operation = replies.operation) IN (SELECT value FROM json_each({names}))"
    )
}

async fn claim(
    connection: &mut SqliteConnection,
    wanted: &Owed,
    gone: &[String],
    instance: &str,
) -> Result<Option<Owed>, sqlx::Error> {
    let row = sqlx::query(sqlx::AssertSqlSafe(format!(
        "INSERT INTO replies (operation, instance, public_in, known, perhaps_said, since)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (operation) DO UPDATE SET instance = ?2
             WHERE instance = ?2 OR instance IN (SELECT value FROM json_each(?7))
         RETURNING {COLUMNS}"
    )))
    .bind(wanted.operation.seq())
    .bind(instance)
    .bind(&wanted.public_in)
    .bind(wanted.known.map(OutcomeKind::name))
    .bind(wanted.perhaps_said)
    .bind(wanted.since.as_millisecond())
    .bind(json(&gone)?)
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(owed).transpose()
}

/// The processes that owe something on these platforms, or may, and are gone; and whether this one has begun
/// its page.
pub(super) async fn gone(
    pool: &SqlitePool,
    platforms: &[Platform],
    here: &Instance,
) -> Result<(Vec<String>, bool), sqlx::Error> {
    let names = json(&platforms.iter().map(|platform| platform.name()).collect::<Vec<_>>())?;
    let owing: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(format!(
        "SELECT instance FROM answered UNION SELECT instance FROM replies WHERE {}",
        on_platforms("?")
    )))
    .bind(names)
    .fetch_all(pool)
    .await?;
    let began: Option<i64> = sqlx::query_scalar("SELECT upto FROM answered WHERE instance = ?")
        .bind(here.id())
        .fetch_optional(pool)
        .await?;
    let is_gone = |other: &String| other != here.id() && !here.is_elsewhere(other);
    Ok((owing.into_iter().filter(is_gone).collect(), began.is_some()))
}
