//! What the log says about one room around a time.

use jiff::Timestamp;
use sqlx::AssertSqlSafe;
use sqlx::sqlite::{SqlitePool, SqliteRow};

use crate::app::ports::StoreError;
use crate::domain::audit::{ReportedChange, RoomEntry, RoomHistory};
use crate::domain::room::RoomId;
use crate::store::rows::{self, BEHIND_ENTRY, BESIDE, Columns as _};

/// The next entry that says who owned the room before it is nearly always the first.
const AHEAD: i64 = 16;
/// So many callbacks before the time and after it: their entries may have been recorded long after the change.
const CALLBACKS: i64 = 8;

/// The entries around a time: by the time of their record, by Tencent's time of the change, and the one that may
/// still change something.
pub(super) fn around() -> String {
    format!(
        "WITH earlier AS (
             SELECT operation FROM operations INDEXED BY operations_by_room
             WHERE reading = 0 AND room = ?1 AND at <= ?2 AND {TELLING}
             ORDER BY at DESC, operation DESC LIMIT ?3),
         later AS (
             SELECT operation FROM operations INDEXED BY operations_by_room
             WHERE reading = 0 AND room = ?1 AND at > ?2 AND {TELLING} ORDER BY at, operation LIMIT ?4),
         changed_earlier AS (
             SELECT operation FROM callbacks WHERE room = ?1 AND event_at <= ?2 ORDER BY event_at DESC LIMIT ?5),
         changed_later AS (
             SELECT operation FROM callbacks WHERE room = ?1 AND event_at > ?2 ORDER BY event_at LIMIT ?5),
         near AS (
             SELECT operation FROM earlier UNION SELECT operation FROM later
             UNION SELECT operation FROM changed_earlier UNION SELECT operation FROM changed_later
             UNION SELECT operation FROM operations WHERE held_room = ?1)
         SELECT {}, {BESIDE}, event_at, original_owner, signed, (SELECT count(*) FROM earlier) AS earlier
         FROM near JOIN operations USING (operation) LEFT JOIN callbacks USING (operation)
         ORDER BY operation",
        rows::OWN_COLUMNS
            .split(", ")
            .map(|column| format!("operations.{}", column.trim()))
            .collect::<Vec<_>>()
            .join(", ")
    )
}

/// Somebody was read to own it, or may have come to own it.
const TELLING: &str = "(previous_owner IS NOT NULL
    OR (new_owner IS NOT NULL AND outcome IN ('succeeded', 'unchanged', 'unknown', 'pending')))";

pub(super) async fn history(
    pool: &SqlitePool,
    room: &RoomId,
    at: Timestamp,
    back: u32,
) -> Result<RoomHistory, StoreError> {
    let rows = sqlx::query(AssertSqlSafe(around()))
        .bind(room.as_str())
        .bind(at.as_millisecond())
        .bind(i64::from(back))
        .bind(AHEAD)
        .bind(CALLBACKS)
        .fetch_all(pool)
        .await?;
    let earlier = rows.first().map(|row| rows::number(row, BEHIND_ENTRY + 3)).transpose()?;
    let entries = rows.iter().map(entry).collect::<Result<_, _>>()?;
    Ok(RoomHistory { entries, is_cut: earlier.is_some_and(|earlier| earlier >= i64::from(back)) })
}

fn entry(row: &SqliteRow) -> Result<RoomEntry, StoreError> {
    let reported = match rows::optional_time(row, BEHIND_ENTRY)? {
        None => None,
        Some(event_at) => Some(ReportedChange {
            event_at,
            original_owner: rows::owned(row, BEHIND_ENTRY + 1)?,
            is_signed: row.integer(BEHIND_ENTRY + 2)? == Some(1),
        }),
    };
    Ok(RoomEntry { entry: rows::entry(row)?, reported })
}
