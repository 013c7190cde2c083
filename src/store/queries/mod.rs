//! Questions, on connections that cannot write.

pub(super) mod acl;
pub(super) mod asking;
pub(super) mod buttons;
mod copy;
mod export;
mod history;
mod list;
mod stats;

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::sqlite::SqlitePool;
use sqlx::{AssertSqlSafe, Row as _};

use crate::app::ports::{AuditLog, Confirmation, ExportChunk, ExportSpan, StoreError};
use crate::domain::audit::{
    ArchivedIn, AuditEntry, AuditFilter, Event, OperationId, RoomHistory, Stat, StatsBy, What,
};
use crate::domain::reply_note::ReplyNote;
use crate::domain::room::{AccountId, RoomId};
use crate::merkle::Checkpoint;
use crate::merkle::proof::InclusionProof;

use super::log::NOT_ARCHIVED;
use super::proofs;
use super::rows::{self, Columns, ENTRY, Explain as _, Open, UNREADABLE};

pub use copy::LogCopy;

/// Every operation without a final outcome.
pub(super) async fn open(pool: &SqlitePool) -> Result<Vec<Open>, StoreError> {
    let sql = format!("SELECT {ENTRY}, instance FROM operations WHERE is_open = 1 ORDER BY operation");
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(pool).await?;
    rows.iter().map(Open::of).collect()
}

/// Whether anything is to be announced.
pub(super) async fn is_anything_due(pool: &SqlitePool) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM announcements_due)").fetch_one(pool).await?)
}

/// Whether the account was given a room, owned one, or somebody has it. What was asked for and not done is not enough.
pub(super) async fn has_seen(pool: &SqlitePool, account: &AccountId) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM operations WHERE new_owner = ?1 AND outcome IN ('succeeded', 'unchanged'))
                   OR EXISTS (SELECT 1 FROM operations WHERE previous_owner = ?1)
                   OR EXISTS (SELECT 1 FROM acl_settings WHERE kind = 'link' AND value = ?1 AND removed_at IS NULL)";
    Ok(sqlx::query_scalar(sql).bind(account.as_str()).fetch_one(pool).await?)
}

/// Answers questions to the log.
pub(super) struct LogReader {
    pool: SqlitePool,
    file: PathBuf,
}

impl LogReader {
    pub(super) fn on(pool: SqlitePool, file: &Path) -> Self {
        Self { pool, file: file.to_owned() }
    }

    async fn number(&self, sql: &'static str) -> Result<i64, StoreError> {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.explain(UNREADABLE)
    }
}

fn parse(seq: i64, body: &str) -> Result<Event, StoreError> {
    Event::parse(body.as_bytes()).map_err(|why| {
        StoreError(format!("event {seq} of the log cannot be read ({why}): run `room-owner audit verify`"))
    })
}

#[async_trait]
impl AuditLog for LogReader {
    async fn entries(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, StoreError> {
        list::entries(&self.pool, filter).await.explain(UNREADABLE)
    }

    async fn entry(&self, operation: OperationId) -> Result<Option<AuditEntry>, StoreError> {
        let sql = format!("SELECT {ENTRY} FROM operations WHERE operation = ?");
        let row = sqlx::query(AssertSqlSafe(sql)).bind(operation.seq()).fetch_optional(&self.pool).await;
        row.explain(UNREADABLE)?.as_ref().map(rows::entry).transpose()
    }

    async fn confirmation(&self, operation: OperationId) -> Result<Option<Confirmation>, StoreError> {
        let sql = "SELECT event_at, received_at, original_owner, signed FROM callbacks
                   WHERE operation = ? AND confirms = 1";
        let row = sqlx::query(sql).bind(operation.seq()).fetch_optional(&self.pool).await;
        let confirmation = |row: &sqlx::sqlite::SqliteRow| {
            Ok(Confirmation {
                event_at: rows::time(row, 0)?,
                received_at: rows::time(row, 1)?,
                original_owner: rows::owned(row, 2)?.map(AccountId::from_tencent),
                is_signed: row.integer(3)? == Some(1),
            })
        };
        row.explain(UNREADABLE)?.as_ref().map(confirmation).transpose()
    }

    async fn reply_notes(&self, operation: OperationId) -> Result<Vec<(Timestamp, ReplyNote)>, StoreError> {
        let note = |event: Event| match event.what {
            What::Reply(note) => Some((event.at, note)),
            _ => None,
        };
        Ok(self.events(operation).await?.into_iter().filter_map(note).collect())
    }

    async fn checkpoint(&self, operation: OperationId) -> Result<Option<String>, StoreError> {
        let sql = "SELECT checkpoint FROM signed_head
                   WHERE EXISTS (SELECT 1 FROM operations WHERE operation = ?)";
        let text = sqlx::query_scalar(sql).bind(operation.seq()).fetch_optional(&self.pool).await;
        text.explain(UNREADABLE)
    }

    async fn readings(&self, filter: &AuditFilter, at_most: u32) -> Result<u32, StoreError> {
        list::readings(&self.pool, filter, at_most).await.explain(UNREADABLE)
    }

    async fn events(&self, operation: OperationId) -> Result<Vec<Event>, StoreError> {
        let sql =
            format!("SELECT seq, body FROM audit_events WHERE operation = ? AND {NOT_ARCHIVED} ORDER BY seq");
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(operation.seq()).fetch_all(&self.pool).await;
        let event = |row: &sqlx::sqlite::SqliteRow| parse(rows::number(row, 0)?, &rows::text(row, 1)?);
        rows.explain(UNREADABLE)?.iter().map(event).collect()
    }

    async fn room_history(&self, room: &RoomId, at: Timestamp, back: u32) -> Result<RoomHistory, StoreError> {
        history::history(&self.pool, room, at, back).await.explain(UNREADABLE)
    }

    async fn stats(&self, filter: &AuditFilter, by: StatsBy) -> Result<Vec<Stat>, StoreError> {
        stats::stats(&self.pool, filter, by).await.explain(UNREADABLE)
    }

    async fn name(&self) -> Result<Option<String>, StoreError> {
        let head = sqlx::query("SELECT checkpoint FROM signed_head").fetch_optional(&self.pool).await;
        let text: Option<String> = head.explain(UNREADABLE)?.map(|row| row.try_get(0)).transpose()?;
        Ok(text.and_then(|text| Checkpoint::parse(&text).ok()).map(|head| head.origin().to_owned()))
    }

    async fn newest_event(&self) -> Result<i64, StoreError> {
        self.number("SELECT coalesce(max(seq), 0) FROM audit_events").await
    }

    async fn archived_upto(&self) -> Result<i64, StoreError> {
        self.number("SELECT coalesce(max(last), 0) FROM archives").await
    }

    async fn archived_in(&self, operation: OperationId) -> Result<Option<ArchivedIn>, StoreError> {
        let sql = "SELECT first, file FROM archives WHERE ? BETWEEN first AND last";
        let row = sqlx::query(sql).bind(operation.seq()).fetch_optional(&self.pool).await;
        let archived = |row: sqlx::sqlite::SqliteRow| {
            Ok(ArchivedIn { first: rows::number(&row, 0)?, file: rows::text(&row, 1)? })
        };
        row.explain(UNREADABLE)?.map(archived).transpose()
    }

    async fn events_with(
        &self,
        operation: OperationId,
        archives: &[PathBuf],
    ) -> Result<Vec<Event>, StoreError> {
        let proofs = proofs::prove(&self.file, operation, archives).await?;
        let event = |proof: InclusionProof| parse(proof.index.cast_signed() + 1, &proof.leaf);
        proofs.into_iter().map(event).collect()
    }

    async fn export(&self, span: &ExportSpan) -> Result<ExportChunk, StoreError> {
        export::chunk(&self.pool, span).await.explain(UNREADABLE)
    }
}

#[cfg(test)]
mod tests;
