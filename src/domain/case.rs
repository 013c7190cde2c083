//! All that the log says about one room in a time, for somebody who does not have the log.

use jiff::Timestamp;

use super::audit::{ArchivedIn, AuditEntry, Certainty, Event, OperationId, OutcomeKind, What};
use super::reply::OwnerHistory;
use super::room::RoomId;
use super::tree_head::TreeHead;

/// All that the log says about one room in a time.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// The room.
    pub room: RoomId,
    /// From here on; `None` for as far back as the log goes.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Timestamp,
    /// When it was put together.
    pub made_at: Timestamp,
    /// The log that it is from.
    pub log: SignedLog,
    /// Who owned the room.
    pub owners: OwnerHistory,
    /// What was done, oldest first: in the time, and what says who owned the room then.
    pub operations: Vec<CaseOperation>,
}

/// A log, by its newest signed head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedLog {
    /// Its name.
    pub origin: String,
    /// The head that everything here is proved under.
    pub head: TreeHead,
    /// The public key that signed the head.
    pub key: String,
}

/// An operation with all its events, or with the place where they are.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseOperation {
    /// What came of it.
    pub entry: AuditEntry,
    /// Its events. None if they were archived and the archive was not given: then nothing of it is proved.
    pub events: Vec<Event>,
    /// Where they are, if they were archived and the archive was not given.
    pub archived_in: Option<ArchivedIn>,
    /// Whether it began in the time that was asked for.
    pub is_in_time: bool,
}

impl CaseOperation {
    /// The operation that these events make.
    pub fn of(events: Vec<Event>) -> Option<Self> {
        let (first, later) = events.split_first()?;
        let mut entry = AuditEntry::begun_by(first)?;
        later.iter().for_each(|event| entry.follow(event));
        Some(Self { entry, events, archived_in: None, is_in_time: true })
    }

    /// Whether it is a change that was not made through the bot.
    pub fn is_observed(&self) -> bool {
        self.events.iter().any(|event| matches!(event.what, What::Observed(_)))
            || self.entry.command == super::audit::OBSERVED
    }

    /// Whether its outcome is unknown.
    pub fn is_unclear(&self) -> bool {
        matches!(self.entry.outcome, OutcomeKind::Unknown | OutcomeKind::Pending)
    }

    /// Whether somebody was refused.
    pub fn is_refused(&self) -> bool {
        use OutcomeKind::{Declined, Denied, Invalid, Refused};
        matches!(self.entry.outcome, Refused | Denied | Declined | Invalid)
    }
}

/// Something that a case cannot know, or does not show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Limit {
    /// Hand-overs outside the bot are seen by Tencent's callbacks or at the next look. No callback about this room was
    /// recorded in this time.
    NoCallbacks,
    /// The same; callbacks came, and may have been lost too.
    SomeCallbacks,
    /// So many stretches in which nobody can tell who owned the room.
    Gaps(usize),
    /// Operations whose outcome is not known.
    Unclear(Vec<OperationId>),
    /// What an unsigned callback said is hearsay.
    Unsigned(Vec<OperationId>),
    /// Operations whose events were archived, and the archives that hold them.
    Archived(Vec<OperationId>, Vec<String>),
    /// Earlier entries of the room were not read for the owners.
    Cut,
    /// What is in the log and not here: other rooms, readings, changes of the ACL.
    LeftOut,
    /// The proofs show that what is here is in the log, not that nothing is missing here.
    Completeness,
    /// Times are those of the bot's machine.
    Clocks,
}

impl Case {
    /// What it cannot know, the most telling first.
    pub fn limits(&self) -> Vec<Limit> {
        let numbers = |is: &dyn Fn(&CaseOperation) -> bool| -> Vec<OperationId> {
            self.operations.iter().filter(|one| is(one)).map(|one| one.entry.operation).collect()
        };
        let has = |operation: &CaseOperation, is: &dyn Fn(&What) -> bool| {
            operation.events.iter().any(|event| is(&event.what))
        };
        let mut limits = Vec::new();
        let unclear = numbers(&CaseOperation::is_unclear);
        limits.extend((!unclear.is_empty()).then_some(Limit::Unclear(unclear)));
        let gaps = self.owners.spans.iter().filter(|span| span.found.certainty == Certainty::Unknown).count();
        limits.extend((gaps > 0).then_some(Limit::Gaps(gaps)));
        let archived = numbers(&|operation| operation.archived_in.is_some());
        if !archived.is_empty() {
            let mut files: Vec<String> = Vec::new();
            for archive in self.operations.iter().filter_map(|operation| operation.archived_in.as_ref()) {
                if !files.contains(&archive.file) {
                    files.push(archive.file.clone());
                }
            }
            limits.push(Limit::Archived(archived, files));
        }
        let is_callback = |what: &What| matches!(what, What::Observed(_) | What::Confirmed(_));
        let is_any = self.operations.iter().any(|operation| has(operation, &is_callback));
        limits.push(if is_any { Limit::SomeCallbacks } else { Limit::NoCallbacks });
        let is_unsigned = |what: &What| match what {
            What::Observed(observed) => !observed.change.signed,
            What::Confirmed(change) => !change.signed,
            _ => false,
        };
        let unsigned = numbers(&|operation| has(operation, &is_unsigned));
        limits.extend((!unsigned.is_empty()).then_some(Limit::Unsigned(unsigned)));
        limits.extend(self.owners.is_cut.then_some(Limit::Cut));
        limits.extend([Limit::LeftOut, Limit::Clocks, Limit::Completeness]);
        limits
    }
}
