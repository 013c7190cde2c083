//! The audit log: outcomes, entries, and who owned a room when.

mod announced;
mod answer;
mod entry;
mod event;
mod owner;
mod question;
mod time_expr;
mod timeline;

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use super::room::{AccountId, RoomId};

pub use super::access::Effect as DecisionKind;
pub use super::time::millis;
pub use announced::Announced;
pub use answer::{ArchivedIn, NoAnswer, Page};
pub use entry::{AuditEntry, OBSERVED};
pub use event::{Archived, AskedAccess, Event, Observed, OwnerChange, Request, SystemChange, What};
pub use owner::{
    Basis, Certainty, How, Ownership, ReportedChange, RoomEntry, RoomHistory, Sighting, Why, ownership,
    ownership_by,
};
pub use question::{AuditFilter, Filter, OperationKind, Outcomes, Stat, StatsBy};
pub use time_expr::{InvalidTime, TimeExpr, read_in, zone};
pub use timeline::{English, Step, StepKind, StepWords, timeline, timeline_in};

/// One request and all its events, named by the number of its first event, which can be read out over the phone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OperationId(i64);

impl OperationId {
    /// The operation whose first event has the number `seq`.
    pub fn new(seq: i64) -> Self {
        Self(seq)
    }

    /// The number of its first event.
    pub fn seq(self) -> i64 {
        self.0
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A text that is not the number of an operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an operation: it is the number behind `op` in the bot's replies, such as `17`")]
pub struct InvalidOperation(String);

impl FromStr for OperationId {
    type Err = InvalidOperation;

    fn from_str(text: &str) -> Result<Self, InvalidOperation> {
        let number = text.strip_prefix('#').or_else(|| text.strip_prefix("op").map(str::trim_start));
        let number = number.unwrap_or(text);
        match number.parse() {
            Ok(seq) if seq > 0 => Ok(Self(seq)),
            _ => Err(InvalidOperation(text.to_owned())),
        }
    }
}

// In JSON an operation is a string: it names, it does not count.
super::principal::serialize_as_text!(OperationId);

/// An operation without a final outcome: its process died, or Tencent's answer was lost. It is resolved by reading the
/// owner back, never by sending it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unresolved {
    /// The operation.
    pub operation: OperationId,
    /// The room.
    pub room: RoomId,
    /// Who was to own it. `None` for a question about the owner, which changes nothing.
    pub new_owner: Option<AccountId>,
    /// Who owned it before, if that was read and recorded.
    pub previous_owner: Option<AccountId>,
    /// When it was written down.
    pub begun_at: Timestamp,
    /// Whether another process, which still runs, began it: its pending work is its own business.
    pub is_elsewhere: bool,
    /// Whether this very process began it.
    pub is_ours: bool,
    /// The outcome recorded so far: pending or unknown.
    pub outcome: OutcomeKind,
    /// When it was recorded as unknown, and why.
    pub unclear: Option<(Timestamp, Refusal)>,
}

/// Why something failed, in Tencent's words and ours.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Refusal {
    /// ErrorCode, if Tencent gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,
    /// ErrorInfo, or what went wrong on the way.
    pub info: String,
    /// Tencent's RequestId, to quote to its support.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// One line: what to do next. It is advice of today and no part of the record.
    #[serde(skip)]
    pub remedy: String,
}

impl Refusal {
    /// What to do about what may have been done.
    pub const LOOK_FIRST: &str = "Look at the room's owner before you try again.";
    /// What to do about what was not begun.
    pub const NOT_BEGUN: &str = "It is safe to send the command again.";

    /// Not by Tencent: it said nothing, or was not asked.
    pub fn own(info: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { code: None, info: info.into(), request_id: None, remedy: remedy.into() }
    }
}

/// The outcome of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The owner was changed.
    Succeeded {
        /// Who owned the room before; `None` if that was never read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous: Option<AccountId>,
        /// Whether the new owner was read back.
        confirmed: bool,
        /// Tencent's RequestId; `None` if its answer was lost and the change was seen by reading back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request_id: Option<String>,
        /// What was unclear before the read-back settled it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unclear: Option<Refusal>,
    },
    /// The owner was changed: Tencent's answer was lost, and its callback confirmed the change.
    ConfirmedByCallback {
        /// Who owned the room before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous: Option<AccountId>,
        /// The owner read back, when it is another than the new one: somebody may have handed the room on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner_now: Option<AccountId>,
        /// What was unclear before the callback settled it.
        unclear: Refusal,
    },
    /// The new owner already owned the room; no call was made.
    Unchanged,
    /// The change did not happen: Tencent said no, or its answer was lost and the owner read back is
    /// still another.
    Refused {
        /// Who owns the room, if that was read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous: Option<AccountId>,
        /// Why.
        refusal: Refusal,
    },
    /// It is not known yet whether the owner was changed.
    Unknown {
        /// Who owned the room before, if that was read. As long as it still does, the change may take effect later.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous: Option<AccountId>,
        /// What was unclear.
        problem: Refusal,
        /// The owner read back, when it is neither the previous nor the new one: then the question can
        /// never be answered by reading, and the operation is closed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner_now: Option<AccountId>,
    },
    /// Not carried out, by our own choice; nothing was sent that changes anything.
    Declined(Refusal),
    /// A question was answered: the room's owner.
    Shown(AccountId),
}

impl Outcome {
    /// The outcome's name in the interface.
    pub fn kind(&self) -> OutcomeKind {
        match self {
            Self::Succeeded { .. } | Self::ConfirmedByCallback { .. } | Self::Shown(_) => {
                OutcomeKind::Succeeded
            }
            Self::Unchanged => OutcomeKind::Unchanged,
            Self::Refused { .. } => OutcomeKind::Refused,
            Self::Unknown { .. } => OutcomeKind::Unknown,
            Self::Declined(_) => OutcomeKind::Declined,
        }
    }

    /// Whether the operation is at its end. An unknown outcome stays open until it is resolved.
    pub fn is_final(&self) -> bool {
        !matches!(self, Self::Unknown { owner_now: None, .. })
    }

    /// Who owned the room before, as far as this outcome knows.
    pub fn previous_owner(&self) -> Option<&AccountId> {
        match self {
            Self::Succeeded { previous, .. }
            | Self::ConfirmedByCallback { previous, .. }
            | Self::Refused { previous, .. }
            | Self::Unknown { previous, .. } => previous.as_ref(),
            Self::Shown(owner) => Some(owner),
            Self::Unchanged | Self::Declined(_) => None,
        }
    }

    /// What went wrong, if something did.
    pub fn problem(&self) -> Option<&Refusal> {
        match self {
            Self::Refused { refusal, .. } | Self::Declined(refusal) => Some(refusal),
            Self::Unknown { problem, .. } => Some(problem),
            Self::ConfirmedByCallback { unclear, .. } => Some(unclear),
            Self::Succeeded { unclear, .. } => unclear.as_ref(),
            Self::Unchanged | Self::Shown(_) => None,
        }
    }

    /// The outcome as it is read again from the log, with what to do next: `remedy` says it for an error code.
    pub fn with_remedies(mut self, remedy: impl Fn(i64) -> String) -> Self {
        let (problem, usual) = match &mut self {
            Self::Declined(refusal) => (Some(refusal), Refusal::NOT_BEGUN),
            Self::Refused { refusal, .. } => (Some(refusal), Refusal::LOOK_FIRST),
            Self::Unknown { problem, .. } => (Some(problem), Refusal::LOOK_FIRST),
            Self::ConfirmedByCallback { unclear, .. } => (Some(unclear), Refusal::LOOK_FIRST),
            Self::Succeeded { unclear, .. } => (unclear.as_mut(), Refusal::LOOK_FIRST),
            Self::Unchanged | Self::Shown(_) => (None, Refusal::LOOK_FIRST),
        };
        if let Some(problem) = problem {
            problem.remedy = problem.code.map_or_else(|| usual.to_owned(), remedy);
        }
        self
    }

    /// Tencent's RequestId, if there was an answer that carried one.
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Succeeded { request_id: Some(id), .. } => Some(id),
            _ => self.problem()?.request_id.as_deref(),
        }
    }
}

super::named::named! {
    /// The outcome of an operation, by its name in the interface.
    OutcomeKind
    /// Done.
    Succeeded => "succeeded",
    /// Already the owner.
    Unchanged => "unchanged",
    /// Refused by Tencent, or seen not to have happened.
    Refused => "refused",
    /// Not known yet.
    Unknown => "unknown",
    /// Under way, or cut off by a crash and not looked into yet.
    Pending => "pending",
    /// Refused by the ACL.
    Denied => "denied",
    /// Not carried out by our own choice: busy, over a limit, Tencent out of reach. Nothing was done.
    Declined => "declined",
    /// Not understood.
    Invalid => "invalid",
    /// A delivery that had been taken before.
    Duplicate => "duplicate",
}

impl Default for OutcomeKind {
    /// That of an operation which has just begun.
    fn default() -> Self {
        Self::Pending
    }
}

super::named::readable!(OutcomeKind: "an outcome");

super::principal::serialize_as_text!(OutcomeKind);
