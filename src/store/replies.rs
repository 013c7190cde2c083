//! Notes about replies, which are events of their operation and nothing else.

use jiff::Timestamp;
use serde::Deserialize;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, SqlitePool};

use super::admission::Ledger;
use super::archive::NOT_ARCHIVED;
use super::event::What;
use super::rows;
use crate::domain::audit::{OperationId, millis};
use crate::domain::reply_note::ReplyNote;

/// Appends the note, whether or not the operation has ended.
pub(super) async fn note(
    connection: &mut SqliteConnection,
    ledger: &mut Ledger,
    operation: OperationId,
    note: &ReplyNote,
    at: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT 1 FROM operations WHERE operation = ?")
        .bind(operation.seq())
        .fetch_one(&mut *connection)
        .await?;
    let what = What::Reply { operation, at: millis(at), how: note.how.name(), why: &note.why };
    ledger.append(connection, operation, what).await
}

#[derive(Deserialize)]
struct Noted {
    at: Timestamp,
    how: String,
    why: String,
}

/// What was noted, oldest first.
pub(super) async fn notes(
    pool: &SqlitePool,
    operation: OperationId,
) -> Result<Vec<(Timestamp, ReplyNote)>, sqlx::Error> {
    let bodies: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!(
        "SELECT body FROM audit_events
         WHERE operation = ? AND body ->> 'event' = 'reply' AND {NOT_ARCHIVED} ORDER BY seq"
    )))
    .bind(operation.seq())
    .fetch_all(pool)
    .await?;
    let note = |body: &String| {
        let noted: Noted =
            serde_json::from_str(body).map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        Ok((noted.at, ReplyNote { how: rows::parse("how", &noted.how)?, why: noted.why }))
    };
    bodies.iter().map(note).collect()
}
