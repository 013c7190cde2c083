//! Questions to the audit log.

mod copy;
mod export;
mod history;
mod list;
mod stats;

use std::path::PathBuf;

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::sqlite::SqlitePool;
use sqlx::{AssertSqlSafe, Row as _};

use crate::app::ports::{AuditLog, Confirmation, ExportChunk, ExportSpan, StoreError};
use crate::domain::audit::{
    ArchivedIn, AuditEntry, AuditFilter, OperationId, RecordedEvent, RoomHistory, Stat, StatsBy,
};
use crate::domain::reply_note::ReplyNote;
use crate::domain::room::RoomId;
use crate::tree::Checkpoint;
use crate::tree::proof::InclusionProof;

use super::archive::NOT_ARCHIVED;
use super::rows::{self, Open};
use super::{archive, failed, observed, replies, tree, verify};

pub use copy::LogCopy;

pub(super) async fn unresolved(pool: &SqlitePool) -> Result<Vec<Open>, sqlx::Error> {
    let rows =
        sqlx::query("SELECT * FROM operations WHERE is_open = 1 ORDER BY operation").fetch_all(pool).await?;
    rows.iter().map(Open::of).collect()
}

/// Answers questions over connections that cannot write.
pub(super) struct LogReader {
    pool: SqlitePool,
}

impl LogReader {
    pub(super) fn on(pool: SqlitePool) -> Self {
        Self { pool }
    }
}

const UNREADABLE: &str = "the audit log cannot be read";

#[async_trait]
impl AuditLog for LogReader {
    async fn entries(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, StoreError> {
        list::entries(&self.pool, filter).await.map_err(failed(UNREADABLE))
    }

    async fn entry(&self, operation: OperationId) -> Result<Option<AuditEntry>, StoreError> {
        let row = sqlx::query("SELECT * FROM operations WHERE operation = ?")
            .bind(operation.seq())
            .fetch_optional(&self.pool)
            .await
            .map_err(failed(UNREADABLE))?;
        row.as_ref().map(rows::entry).transpose().map_err(failed(UNREADABLE))
    }

    async fn confirmation(&self, operation: OperationId) -> Result<Option<Confirmation>, StoreError> {
        observed::confirmation(&self.pool, operation).await.map_err(failed(UNREADABLE))
    }

    async fn reply_notes(&self, operation: OperationId) -> Result<Vec<(Timestamp, ReplyNote)>, StoreError> {
        replies::notes(&self.pool, operation).await.map_err(failed(UNREADABLE))
    }

    async fn checkpoint(&self, operation: OperationId) -> Result<Option<String>, StoreError> {
        tree::checkpoint_of(&self.pool, operation).await.map_err(failed(UNREADABLE))
    }

    async fn readings(&self, filter: &AuditFilter, at_most: u32) -> Result<u32, StoreError> {
        list::readings(&self.pool, filter, at_most).await.map_err(failed(UNREADABLE))
    }

    async fn events(&self, operation: OperationId) -> Result<Vec<RecordedEvent>, StoreError> {
        let events = async {
            let rows = sqlx::query(AssertSqlSafe(format!(
                "SELECT seq, body FROM audit_events WHERE operation = ? AND {NOT_ARCHIVED} ORDER BY seq"
            )))
            .bind(operation.seq())
            .fetch_all(&self.pool)
            .await?;
            rows.iter()
                .map(|row| Ok(RecordedEvent { seq: row.try_get("seq")?, body: row.try_get("body")? }))
                .collect::<Result<Vec<_>, sqlx::Error>>()
        };
        events.await.map_err(failed(UNREADABLE))
    }

    async fn room_history(&self, room: &RoomId, at: Timestamp, back: u32) -> Result<RoomHistory, StoreError> {
        history::history(&self.pool, room, at, back).await.map_err(failed(UNREADABLE))
    }

    async fn stats(&self, filter: &AuditFilter, by: StatsBy) -> Result<Vec<Stat>, StoreError> {
        stats::stats(&self.pool, filter, by).await.map_err(failed(UNREADABLE))
    }

    async fn name(&self) -> Result<Option<String>, StoreError> {
        let is_signed: bool =
            sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'tree_heads')")
                .fetch_one(&self.pool)
                .await
                .map_err(failed(UNREADABLE))?;
        if !is_signed {
            return Ok(None);
        }
        let first: Option<String> = sqlx::query_scalar(
            "SELECT checkpoint FROM tree_heads WHERE checkpoint IS NOT NULL ORDER BY size LIMIT 1",
        )
        .fetch_optional(&self.pool)
        .await
        .map_err(failed(UNREADABLE))?;
        Ok(first.and_then(|text| Checkpoint::parse(&text).ok()).map(|head| head.origin().to_owned()))
    }

    async fn newest_event(&self) -> Result<i64, StoreError> {
        sqlx::query_scalar("SELECT coalesce(max(seq), 0) FROM audit_events")
            .fetch_one(&self.pool)
            .await
            .map_err(failed(UNREADABLE))
    }

    async fn archived_upto(&self) -> Result<i64, StoreError> {
        archive::upto(&self.pool).await.map_err(failed(UNREADABLE))
    }

    async fn archived_in(&self, operation: OperationId) -> Result<Option<ArchivedIn>, StoreError> {
        let mut connection = self.pool.acquire().await.map_err(failed(UNREADABLE))?;
        let kept = archive::kept(&mut connection).await.map_err(failed(UNREADABLE))?;
        let holds = |kept: &archive::Kept| (kept.first..=kept.last).contains(&operation.seq());
        Ok(kept.into_iter().find(holds).map(|kept| ArchivedIn { first: kept.first, file: kept.file }))
    }

    async fn events_with(
        &self,
        operation: OperationId,
        archives: &[PathBuf],
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        let mut view = self.pool.begin().await.map_err(failed(UNREADABLE))?;
        let proofs = verify::prove_in(&mut view, operation, archives).await?;
        let event = |proof: InclusionProof| {
            let seq = i64::try_from(proof.index).unwrap_or(i64::MAX).saturating_add(1);
            RecordedEvent { seq, body: proof.leaf }
        };
        Ok(proofs.into_iter().map(event).collect())
    }

    async fn export(&self, span: &ExportSpan) -> Result<ExportChunk, StoreError> {
        export::chunk(&self.pool, span).await.map_err(failed(UNREADABLE))
    }
}

#[cfg(test)]
mod tests;
