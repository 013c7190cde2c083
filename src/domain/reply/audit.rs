//! Answers about the log.

use jiff::Timestamp;

use crate::domain::audit::{AuditEntry, AuditFilter, Ownership, Page, Stat, StatsBy, Step};
use crate::domain::room::RoomId;

/// The answer to a [`Question`](crate::domain::command::Question).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Entries, newest first.
    List(Page<AuditEntry>),
    /// One entry.
    Entry(Box<AuditEntry>),
    /// Who owned a room.
    Owner(Box<Ownership>),
    /// Who owned a room over time.
    History(Box<OwnerHistory>),
    /// The steps of an operation, and the operation as it is now.
    Timeline(Vec<Step>, Box<AuditEntry>),
    /// Counts.
    Stats(StatsBy, Page<Stat>),
    /// What an export is to hold, and after which event. It is handed out in parts, to the command line alone.
    Export(Box<AuditFilter>, Option<i64>),
}

/// Who owned a room over time, as far as the log can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerHistory {
    /// The room.
    pub room: RoomId,
    /// Newest first; empty if the log says nothing about the room.
    pub spans: Vec<OwnerSpan>,
    /// Whether there are older ones.
    pub is_cut: bool,
}

/// A time in which a room had one owner, or nobody can tell which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerSpan {
    /// What the log says of its beginning.
    pub found: Ownership,
    /// When it ends; `None` if it has not by now.
    pub until: Option<Timestamp>,
    /// The time at which that is said.
    pub now: Timestamp,
    /// The entry that made it so, or found it so.
    pub entry: Option<AuditEntry>,
}

impl OwnerSpan {
    /// When it begins, at the latest.
    pub fn from(&self) -> Timestamp {
        self.found.since.unwrap_or(self.found.time)
    }

    /// How long it lasted, so far.
    pub fn seconds(&self) -> f64 {
        self.until.unwrap_or(self.now).duration_since(self.from()).as_secs_f64()
    }
}
