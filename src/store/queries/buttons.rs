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

/// Those of the replies of which one gives an approval.
pub(in crate::store) async fn waiting(
    readers: &SqlitePool,
    now: Timestamp,
) -> Result<Vec<Button>, StoreError> {
    let live = "lapses_at > ? AND pressed_in IS NULL";
    let sql = format!(
        "SELECT {COLUMNS} FROM buttons WHERE {live} AND operation IN
           (SELECT operation FROM buttons WHERE {live} AND asks ->> '$.line.approval' IS NOT NULL)
         ORDER BY operation, rowid"
    );
    let now = now.as_millisecond();
    let query = sqlx::query(AssertSqlSafe(sql)).bind(now).bind(now);
    query.fetch_all(readers).await?.iter().map(button).collect()
}
