//! The audit log as it is read.

use std::collections::BTreeMap;
use std::path::PathBuf;

use async_trait::async_trait;
use jiff::Timestamp;

use super::error::StoreError;
use crate::app::callbacks::Confirmation;
use crate::domain::audit::{
    ArchivedIn, AuditEntry, AuditFilter, Event, OperationId, RoomHistory, Stat, StatsBy,
};
use crate::domain::reply_note::ReplyNote;
use crate::domain::room::RoomId;

/// The audit log as it is read: the store's own, or a copy's.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// The entries that match, in the order of [`AuditFilter`].
    async fn entries(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, StoreError>;

    /// One entry.
    async fn entry(&self, operation: OperationId) -> Result<Option<AuditEntry>, StoreError>;

    /// What a callback has said about an operation of ours.
    async fn confirmation(&self, operation: OperationId) -> Result<Option<Confirmation>, StoreError>;

    /// What was noted about the reply to an operation, oldest first.
    async fn reply_notes(&self, operation: OperationId) -> Result<Vec<(Timestamp, ReplyNote)>, StoreError>;

    /// The signed head of the log, as a C2SP checkpoint, that first covers all that the operation has
    /// recorded; `None` if there is no such operation.
    async fn checkpoint(&self, operation: OperationId) -> Result<Option<String>, StoreError>;

    /// How many readings of the log the filter would show if it let them; counted up to `at_most`.
    async fn readings(&self, filter: &AuditFilter, at_most: u32) -> Result<u32, StoreError>;

    /// The events of an operation, in their order.
    async fn events(&self, operation: OperationId) -> Result<Vec<Event>, StoreError>;

    /// The entries of a room around a time that say who owned it, at most `back` of those before.
    async fn room_history(&self, room: &RoomId, at: Timestamp, back: u32) -> Result<RoomHistory, StoreError>;

    /// How many operations match, counted by something; the most first, hours in their order.
    async fn stats(&self, filter: &AuditFilter, by: StatsBy) -> Result<Vec<Stat>, StoreError>;

    /// The name of the log, as its first signed head has it: it stays when the key is changed. `None` without
    /// a head.
    async fn name(&self) -> Result<Option<String>, StoreError>;

    /// The number of the newest event: an export up to here is whole.
    async fn newest_event(&self) -> Result<i64, StoreError>;

    /// The number of the last event that was moved into an archive; 0 if none was.
    async fn archived_upto(&self) -> Result<i64, StoreError>;

    /// The archive that holds the operation's first event; `None` if that was never archived.
    async fn archived_in(&self, operation: OperationId) -> Result<Option<ArchivedIn>, StoreError>;

    /// The events of an operation with those that these archives hold of it, each shown to be in this log.
    async fn events_with(
        &self,
        operation: OperationId,
        archives: &[PathBuf],
    ) -> Result<Vec<Event>, StoreError>;

    /// The next entries of an export, oldest first, as they are now.
    async fn export(&self, span: &ExportSpan) -> Result<ExportChunk, StoreError>;
}

/// Which part of an export comes next.
#[derive(Debug, Clone)]
pub struct ExportSpan {
    /// Which operations; its limit, its `before` and its order do not count.
    pub filter: AuditFilter,
    /// Only operations with an event later than this one: what an earlier export ended with. `None` for all.
    pub since_event: Option<i64>,
    /// Nothing later than this event.
    pub upto_event: i64,
    /// Where the chunk before ended; 0 at the beginning.
    pub position: i64,
}

/// A part of an export.
#[derive(Debug)]
pub struct ExportChunk {
    /// The entries.
    pub entries: Vec<AuditEntry>,
    /// When Tencent's clock says that a change was made, of those that a callback reported.
    pub changed_at: BTreeMap<OperationId, Timestamp>,
    /// The position of the next part; `None` at the end.
    pub next: Option<i64>,
}
