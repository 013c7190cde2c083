//! What the next transaction will find, as far as the last one left it.
//!
//! Whoever writes alone knows the end of the log without reading it. So the usual batch (commands that begin, and
//! commands of this process that end) is written by one call to the database instead of two: the transaction
//! begins by comparing what was foreseen, and whatever else was taken for granted is refused by the schema: a
//! delivery that was claimed, a room that is held. Then nothing was written, and the batch goes the long way, which
//! asks first.

use std::collections::HashMap;

use crate::domain::audit::{AuditEntry, OperationId};

use super::admission::goes_past;
use super::batch::{Answers, Beginning};
use super::texts::Behind;
use super::writer::Job;

/// How many batches go the long way after one was not as foreseen: somebody else writes too.
const CAREFUL: u32 = 8;
/// Operations that are under way and remembered, at the most: many more than are worked on at once.
const MOST_OPEN: usize = 4_096;

/// The end of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LogEnd {
    pub(super) last_seq: i64,
    pub(super) acl_version: i64,
    /// Counts what other connections have committed, as this one sees it.
    pub(super) data_version: i64,
    /// How far the index of texts goes.
    pub(super) indexed_upto: i64,
    /// The tree's edge.
    pub(super) peaks: Vec<u8>,
}

/// What a transaction left, for the next.
pub(super) struct Left {
    /// The last event that it found.
    pub(super) began_after: i64,
    pub(super) end: LogEnd,
    /// The operations that began.
    pub(super) begun: Vec<AuditEntry>,
    /// Those of which it says more than how they began.
    pub(super) touched: Vec<OperationId>,
}

#[derive(Default)]
pub(super) struct Foresight {
    end: Option<LogEnd>,
    /// What this process began and has not ended.
    open: HashMap<OperationId, AuditEntry>,
    careful: u32,
}

impl Foresight {
    /// What the batch will find; `None` if that is not known.
    pub(super) fn of(&mut self, batch: &[Job]) -> Option<Beginning> {
        if self.careful > 0 {
            self.careful -= 1;
            return None;
        }
        let end = self.end.as_ref()?;
        let mut answers = Answers::default();
        for job in batch {
            match job {
                // That the named operation holds the room is nothing that the schema would refuse.
                Job::Admit(admission, ..) if goes_past(admission) => return None,
                Job::Admit(..) => {}
                Job::Finish(operation, ..) => {
                    answers.open.insert(*operation, self.open.get(operation)?.clone());
                }
                _ => return None,
            }
        }
        Some(Beginning { end: end.clone(), tree_size: end.last_seq, answers })
    }

    /// Before a batch is written: what is remembered until then. Unless it is noted again, nothing is.
    pub(super) fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    /// After a batch that was written, with what was remembered before it.
    pub(super) fn note(&mut self, before: Self, left: Left, batch: &[Job]) {
        *self = before;
        // Jobs of other kinds write what they do to the rows themselves, and so does another process.
        let is_own = |job: &Job| matches!(job, Job::Admit(..) | Job::Finish(..));
        let is_next = self.end.as_ref().is_some_and(|end| end.last_seq == left.began_after);
        if !is_next || !batch.iter().all(is_own) || self.open.len() > MOST_OPEN {
            self.open.clear();
        }
        self.open.extend(left.begun.into_iter().map(|entry| (entry.operation, entry)));
        for operation in left.touched {
            self.open.remove(&operation);
        }
        self.end = Some(left.end);
    }

    /// After the index of texts went on.
    pub(super) fn indexed(&mut self, behind: Behind) {
        if let Some(end) = &mut self.end {
            end.indexed_upto = behind.indexed_upto(end.last_seq);
        }
    }

    /// After a batch that was not as foreseen.
    pub(super) fn was_wrong(&mut self) {
        *self = Self { careful: CAREFUL, ..Self::default() };
    }
}
