//! Requests for access.

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, SqlitePool};

use crate::app::ports::StoreError;
use crate::domain::asking::AccessRequest;
use crate::domain::audit::OperationId;
use crate::store::asking::{SELECT, request};

pub(in crate::store) async fn named(
    readers: &SqlitePool,
    operation: OperationId,
) -> Result<Option<AccessRequest>, StoreError> {
    let sql = format!("{SELECT} WHERE asked.operation = ?");
    let row = sqlx::query(AssertSqlSafe(sql)).bind(operation.seq()).fetch_optional(readers).await?;
    row.as_ref().map(request).transpose()
}

/// Those that can still be answered, oldest first.
pub(in crate::store) async fn open(
    readers: &SqlitePool,
    now: Timestamp,
) -> Result<Vec<AccessRequest>, StoreError> {
    let sql =
        format!("{SELECT} WHERE asked.answered_in IS NULL AND asked.lapses_at > ? ORDER BY asked.operation");
    let rows = sqlx::query(AssertSqlSafe(sql)).bind(now.as_millisecond()).fetch_all(readers).await?;
    rows.iter().map(request).collect()
}
