//! Archives: the oldest events, moved from the database into a file.

use std::path::PathBuf;

use super::audit::{Archived, OperationId};

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

/// The result of archiving.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArchiveReport {
    /// The archive; `None` if nothing is old enough.
    pub archive: Option<Archive>,
    /// The operation before that time that has to stay, with all later ones.
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
