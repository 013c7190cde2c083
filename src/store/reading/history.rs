//! What the log says about one room around a time.

use jiff::Timestamp;
use sqlx::sqlite::SqlitePool;
use sqlx::{AssertSqlSafe, SqliteConnection};

use crate::domain::audit::{AuditEntry, RoomHistory};
use crate::domain::room::RoomId;
use crate::store::rows;

/// The next entry that says who owned the room before it is nearly always the first.
const AHEAD: i64 = 16;

pub(super) fn before() -> String {
    format!(
        "SELECT {} FROM operations INDEXED BY operations_by_room
         WHERE reading = 0 AND room = ? AND at <= ? AND {TELLING}
         ORDER BY at DESC, operation DESC LIMIT ?",
        rows::COLUMNS
    )
}

pub(super) fn after() -> String {
    format!(
        "SELECT {} FROM operations INDEXED BY operations_by_room
         WHERE reading = 0 AND room = ? AND at > ? AND previous_owner IS NOT NULL
         ORDER BY at, operation LIMIT ?",
        rows::COLUMNS
    )
}

/// Somebody was read to own it, or may have come to own it.
const TELLING: &str = "(previous_owner IS NOT NULL
    OR (new_owner IS NOT NULL AND outcome IN ('succeeded', 'unchanged', 'unknown', 'pending')))";

pub(super) async fn around(
    pool: &SqlitePool,
    room: &RoomId,
    at: Timestamp,
    back: u32,
) -> Result<RoomHistory, sqlx::Error> {
    // One snapshot, so that no entry falls between the two halves.
    let mut snapshot = pool.begin().await?;
    let before = ask(&mut snapshot, before(), room, at, i64::from(back)).await?;
    let after = ask(&mut snapshot, after(), room, at, AHEAD).await?;
    Ok(RoomHistory { before, after })
}

async fn ask(
    connection: &mut SqliteConnection,
    sql: String,
    room: &RoomId,
    at: Timestamp,
    limit: i64,
) -> Result<Vec<AuditEntry>, sqlx::Error> {
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(room.as_str())
        .bind(at.as_millisecond())
        .bind(limit)
        .fetch_all(connection)
        .await?;
    rows.iter().map(rows::entry_in_order).collect()
}
