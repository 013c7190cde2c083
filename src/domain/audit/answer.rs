//! Pages of answers, and why there is none.

use super::{InvalidTime, OperationId};
use crate::domain::room::RoomId;

/// A part of an answer that may go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Whether there are more behind them.
    pub is_cut: bool,
    /// How many readings of the log were left out, counted up to [`Page::MOST_READINGS`].
    pub readings_left_out: u32,
}

impl<T> Page<T> {
    /// As far as readings that are left out are counted.
    pub const MOST_READINGS: u32 = 1_000;

    /// How many readings were left out, in words; `None` if none was.
    pub fn readings_in_words(&self) -> Option<String> {
        match self.readings_left_out {
            0 => None,
            1 => Some("1 reading of the log is left out".to_owned()),
            Self::MOST_READINGS => {
                Some(format!("{} or more readings of the log are left out", Self::MOST_READINGS))
            }
            n => Some(format!("{n} readings of the log are left out")),
        }
    }
}

/// Where the events of an operation lie that were taken out of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedIn {
    /// The first event of the archive that it begins in.
    pub first: i64,
    /// Where that was written.
    pub file: String,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// A time is invalid.
    #[error(transparent)]
    TimeExpr(#[from] InvalidTime),
    /// There is no such operation, or it is not in reach.
    #[error("there is no operation {0}")]
    NoOperation(OperationId),
    /// Its events were moved into an archive.
    #[error(
        "the steps of operation {0} were archived: name the archive that begins with event {first} (`{file}` when it \
         was written) with --archive; `room-owner audit show {0}` says its outcome",
        first = .1.first, file = .1.file
    )]
    Archived(OperationId, ArchivedIn),
    /// The room is not in reach.
    #[error("the log of `{0}` is not in your reach")]
    OutOfReach(RoomId),
    /// The store failed.
    #[error("{0}")]
    Store(String),
}
