//! What the store writes down about a request before anything is done, and what comes of it.

use crate::domain::access::Permit;
use crate::domain::admission::{Attempt, Verdict};
use crate::domain::asking::AccessRequest;
use crate::domain::audit::{AuditEntry, OperationId, Unresolved};
use crate::domain::command::{CommandRequest, RejectedRequest};
use crate::domain::press::NotPressed;

/// What the store is to write down about a request before anything is done.
#[derive(Debug)]
pub enum Admission {
    /// A request that was understood and decided.
    Request {
        /// The request.
        request: Box<CommandRequest>,
        /// What was decided.
        verdict: Verdict,
        /// The version of the ACL that it was decided by. If the ACL is at another one by now, nothing is
        /// written, so that no decision outlives what it was made of: not even a denial. `None` for what
        /// did not depend on it; a permit knows its own.
        acl_version: Option<i64>,
        /// Whether to record the request as declined if the room is taken. Otherwise the store only
        /// names the holder and writes nothing, so that the caller can resolve it first.
        decline_if_busy: bool,
        /// Whether somebody is to get an answer after Tencent was asked: it is kept as pending, in the same
        /// transaction.
        is_answered_later: bool,
    },
    /// An authentic request that never became a command.
    Rejected(RejectedRequest),
}

impl Admission {
    /// The permit that the request is admitted by, if it needs one and has it.
    pub fn permit(&self) -> Option<&Permit> {
        match self {
            Self::Request { verdict, .. } => verdict.permit(),
            Self::Rejected(_) => None,
        }
    }

    /// The version of the ACL at which it may be written down, if it depends on one.
    pub fn acl_version(&self) -> Option<i64> {
        match self {
            Self::Request { acl_version: Some(version), .. } => Some(*version),
            _ => self.permit().map(Permit::acl_version),
        }
    }
}

/// The result of an admission, all in one durable transaction.
#[derive(Debug)]
pub enum Admitted {
    /// Written down: go and do it.
    Attempt(Attempt),
    /// Written down; there is nothing to be done that changes a room.
    Recorded(OperationId),
    /// The delivery had been taken before. The repetition has an entry of its own.
    Duplicate {
        /// The entry of the repetition.
        operation: OperationId,
        /// The first one's entry, as it is now.
        first: AuditEntry,
    },
    /// Another operation has the room.
    Busy {
        /// The entry of this request, if it was recorded as declined.
        operation: Option<OperationId>,
        /// The other's entry.
        holder: AuditEntry,
        /// The other, as something that can be resolved.
        unresolved: Box<Unresolved>,
    },
    /// A transfer that overrides an operation which does not hold the room.
    NotHeld {
        /// The entry of this request, recorded as declined.
        operation: OperationId,
        /// The operation that it names.
        named: OperationId,
    },
    /// The button that was pressed cannot be pressed.
    NotPressed {
        /// The entry of the press, recorded as declined.
        operation: OperationId,
        /// Why not.
        why: NotPressed,
    },
    /// The same person asks for the same access already.
    AskedBefore {
        /// The entry of this request, recorded as declined.
        operation: OperationId,
        /// The first one.
        first: Box<AccessRequest>,
    },
    /// The ACL changed between the decision and the record: decide again. Nothing was written.
    AclChanged,
}

impl Admitted {
    /// The entry of the request, if it has one.
    pub fn operation(&self) -> Option<OperationId> {
        match self {
            Self::Attempt(attempt) => Some(attempt.operation()),
            Self::Recorded(operation)
            | Self::Duplicate { operation, .. }
            | Self::NotHeld { operation, .. }
            | Self::AskedBefore { operation, .. }
            | Self::NotPressed { operation, .. } => Some(*operation),
            Self::Busy { operation, .. } => *operation,
            Self::AclChanged => None,
        }
    }
}
