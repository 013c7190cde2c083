//! Questions to the audit log.

use sqlx::sqlite::SqlitePool;
use sqlx::{QueryBuilder, Sqlite};

use crate::domain::audit::{AuditEntry, AuditFilter, OperationId};

use super::rows::{self, Open};

pub(super) async fn unresolved(pool: &SqlitePool) -> Result<Vec<Open>, sqlx::Error> {
    let rows =
        sqlx::query("SELECT * FROM operations WHERE is_open = 1 ORDER BY operation").fetch_all(pool).await?;
    rows.iter().map(Open::of).collect()
}

pub(super) async fn entry(
    pool: &SqlitePool,
    operation: OperationId,
) -> Result<Option<AuditEntry>, sqlx::Error> {
    let row = sqlx::query("SELECT * FROM operations WHERE operation = ?")
        .bind(operation.seq())
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(rows::entry).transpose()
}

/// Newest first.
pub(super) async fn entries(pool: &SqlitePool, filter: &AuditFilter) -> Result<Vec<AuditEntry>, sqlx::Error> {
    let mut query = QueryBuilder::<Sqlite>::new("SELECT * FROM operations WHERE TRUE");
    if let Some(room) = &filter.room {
        query.push(" AND room = ").push_bind(room.as_str().to_owned());
    }
    if let Some(actor) = &filter.actor {
        query.push(" AND actor = ").push_bind(actor.to_string());
    }
    if let Some(outcome) = filter.outcome {
        query.push(" AND outcome = ").push_bind(outcome.name());
    }
    if let Some(id) = &filter.request_id {
        query.push(" AND request_id = ").push_bind(id.clone());
    }
    if let Some(since) = filter.since {
        query.push(" AND at >= ").push_bind(since.as_millisecond());
    }
    if let Some(until) = filter.until {
        query.push(" AND at < ").push_bind(until.as_millisecond());
    }
    query.push(" ORDER BY operation DESC");
    if let Some(limit) = filter.limit {
        query.push(" LIMIT ").push_bind(i64::from(limit));
    }
    let rows = query.build().fetch_all(pool).await?;
    rows.iter().map(rows::entry).collect()
}
