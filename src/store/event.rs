//! The form in which an event is kept: JSON with a fixed order of keys, written once and never
//! re-written. Absent values are null, times are RFC 3339 in UTC with milliseconds. `verify::letters` knows this form
//! letter for letter; an event in another one is checked as well, and takes longer.

use jiff::Timestamp;
use serde::Serialize;

use crate::domain::access::ChangedEntry;
use crate::domain::archive::Archived;
use crate::domain::audit::{AuditEntry, OperationId, OutcomeKind, millis};

use super::rows;

/// The version of this form.
const VERSION: u32 = 1;

/// One event of the log.
#[derive(Serialize)]
pub(super) struct Event<'a> {
    v: u32,
    seq: i64,
    #[serde(flatten)]
    what: What<'a>,
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum What<'a> {
    /// A request was taken, and what was decided about it.
    Requested {
        #[serde(flatten)]
        entry: &'a AuditEntry,
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        acl_changes: &'a [ChangedEntry],
        /// Whether the log was read.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        reading: bool,
        /// The operation that it goes past.
        #[serde(skip_serializing_if = "Option::is_none")]
        overrides: Option<OperationId>,
        /// The events that were taken out of the database into an archive.
        #[serde(skip_serializing_if = "Option::is_none")]
        archived: Option<&'a Archived>,
    },
    /// Who owned the room before, noted while the change is under way.
    Noted { operation: OperationId, at: String, previous_owner: &'a str },
    /// How its reply went, if not as usual.
    Reply { operation: OperationId, at: String, how: &'static str, why: &'a str },
    /// What came of it.
    Ended {
        operation: OperationId,
        at: String,
        outcome: OutcomeKind,
        confirmed: Option<bool>,
        previous_owner: Option<&'a str>,
        /// Set when an unknown outcome is final: a third account owns the room, and nothing more can be
        /// found out.
        owner_now: Option<&'a str>,
        error_code: Option<i64>,
        error_info: Option<&'a str>,
        request_id: Option<&'a str>,
        duration_ms: Option<i64>,
        /// The operation by which an admin goes past it: then an unknown outcome is final.
        #[serde(skip_serializing_if = "Option::is_none")]
        overridden_by: Option<OperationId>,
    },
    /// Somebody beside us says that the change was made: Tencent's callback.
    Confirmed {
        operation: OperationId,
        at: String,
        by: &'a str,
        delivery_id: &'a str,
        /// By Tencent's clock.
        event_at: String,
        operator: Option<&'a str>,
        original_owner: Option<&'a str>,
        signed: bool,
    },
    /// What Tencent's callback said about a change that nobody asked the bot for. It follows the event
    /// that begins the operation.
    Observed {
        operation: OperationId,
        at: String,
        event_at: String,
        operator: Option<&'a str>,
        original_owner: Option<&'a str>,
        /// The owner that was read back.
        owner_now: Option<&'a str>,
        signed: bool,
    },
}

impl<'a> What<'a> {
    /// What came of an operation, as its entry has it.
    pub(super) fn ended(entry: &'a AuditEntry, at: Timestamp) -> Self {
        Self::Ended {
            operation: entry.operation,
            at: millis(at),
            outcome: entry.outcome,
            confirmed: None,
            previous_owner: entry.previous_owner.as_deref(),
            owner_now: None,
            error_code: entry.error_code,
            error_info: entry.error_info.as_deref(),
            request_id: entry.request_id.as_deref(),
            duration_ms: entry.duration_ms,
            overridden_by: None,
        }
    }
}

impl<'a> Event<'a> {
    pub(super) fn new(seq: i64, what: What<'a>) -> Self {
        Self { v: VERSION, seq, what }
    }

    /// The event as it is kept.
    pub(super) fn body(&self) -> Result<String, sqlx::Error> {
        rows::json(self)
    }
}
