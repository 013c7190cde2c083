//! What is known of the oldest events after they were taken out of the database and into a file.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::audit::OperationId;

/// Which events an archive holds, and what the database has to go on saying without them. It is kept in the
/// event that records the archive, so nobody can make events go without the log telling of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archived {
    /// The number of the first event.
    pub first: i64,
    /// The number of the last event.
    pub last: i64,
    /// The root of the tree over all events up to the last, in hexadecimal.
    pub root: String,
    /// The SHA-256 of what the tables said after the last event, in hexadecimal.
    pub tables: String,
    /// Where the file was written.
    pub file: String,
}

/// An archive that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// The operation that records it.
    pub operation: OperationId,
    /// What it holds.
    pub archived: Archived,
    /// The file.
    pub file: PathBuf,
    /// The name of the log.
    pub log: String,
}

/// What came of the wish for an archive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArchiveReport {
    /// The archive; `None` if nothing is old enough.
    pub archive: Option<Archive>,
    /// What from before the time is not over yet: it and what follows stays.
    pub held_up_by: Option<HeldUp>,
    /// How many events were taken out of the database, those that an earlier run left behind too.
    pub removed: u64,
}

/// Why an operation cannot go yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldUp {
    /// It has no final outcome.
    Open(OperationId),
    /// Its answer may still have to be said, in words that are made of its events.
    Unanswered(OperationId),
}

/// What an archive proves by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoundArchive {
    /// The name of the log.
    pub log: String,
    /// The number of the first event.
    pub first: i64,
    /// The number of the last event.
    pub last: i64,
}
