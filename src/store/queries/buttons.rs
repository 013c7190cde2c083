//! The buttons under replies.

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, SqlitePool};

use crate::app::ports::StoreError;
use crate::domain::audit::OperationId;
use crate::domain::command::Nonce;
use crate::domain::press::Button;
use crate::store::buttons::{COLUMNS, button};

pub(in crate::store) async fn named(
    readers: &SqlitePool,
    nonce: &Nonce,
) -> Result<Option<Button>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM buttons WHERE nonce = ?");
    let row = sqlx::query(AssertSqlSafe(sql)).bind(nonce.as_str()).fetch_optional(readers).await?;
    row.as_ref().map(button).transpose()
}

/// Those that let a hand-over go on which waits for it, oldest first.
pub(in crate::store) async fn going_on(
    readers: &SqlitePool,
    now: Timestamp,
) -> Result<Vec<Button>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM buttons WHERE lapses_at > ? AND pressed_in IS NULL \
         AND asks ->> '$.line.approval' IS NOT NULL ORDER BY rowid"
    );
    let query = sqlx::query(AssertSqlSafe(sql)).bind(now.as_millisecond());
    query.fetch_all(readers).await?.iter().map(button).collect()
}

pub(in crate::store) async fn live(
    readers: &SqlitePool,
    operation: OperationId,
    now: Timestamp,
) -> Result<Vec<Button>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM buttons WHERE operation = ? AND lapses_at > ? AND pressed_in IS NULL ORDER BY rowid"
    );
    let query = sqlx::query(AssertSqlSafe(sql)).bind(operation.seq()).bind(now.as_millisecond());
    query.fetch_all(readers).await?.iter().map(button).collect()
}
