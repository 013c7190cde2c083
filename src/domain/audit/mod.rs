//! The audit log: outcomes, entries, and who owned a room when.

mod answer;
mod moment;
mod owner;
mod question;
mod retold;
mod timeline;

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use super::principal::{Channel, Subject};
use super::room::{AccountId, RoomId};

pub use answer::{ArchivedIn, NoAnswer, Page};
pub use moment::{InvalidMoment, Moment, read_in, zone};
pub use owner::{Basis, Certainty, Ownership, RoomEntry, RoomHistory, ToldChange, ownership};
pub use question::{
    AuditFilter, Filter, OperationKind, Outcomes, Stat, StatsBy, UnknownKind, UnknownStatsBy,
};
pub use retold::{owns_by_now, retold};
pub use timeline::{RecordedEvent, Step, timeline};

/// One request and all its events, named by the number of its first event, which can be read out over the phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OperationId(i64);

impl OperationId {
    /// The operation whose first event has the number `seq`.
    #[must_use]
    pub fn new(seq: i64) -> Self {
        Self(seq)
    }

    /// The number of its first event.
    #[must_use]
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// ErrorCode, if Tencent gave one.
    pub code: Option<i64>,
    /// ErrorInfo, or what went wrong on the way.
    pub info: String,
    /// Tencent's RequestId, to quote to its support.
    pub request_id: Option<String>,
    /// One line: what to do next.
    pub remedy: String,
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The owner was changed.
    Succeeded {
        /// Who owned the room before; `None` if that was never read.
        previous: Option<AccountId>,
        /// Whether the new owner was read back.
        confirmed: bool,
        /// Tencent's RequestId; `None` if its answer was lost and the change was seen by reading back.
        request_id: Option<String>,
        /// What was unclear before the read-back settled it.
        unclear: Option<Refusal>,
    },
    /// The owner was changed: Tencent's answer was lost, and its callback confirmed the change.
    ConfirmedByCallback {
        /// Who owned the room before.
        previous: Option<AccountId>,
        /// The owner read back, when it is another than the new one: somebody may have handed the room on.
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
        previous: Option<AccountId>,
        /// Why.
        refusal: Refusal,
    },
    /// It is not known yet whether the owner was changed.
    Unknown {
        /// Who owned the room before, if that was read. As long as it still does, the change may take effect later.
        previous: Option<AccountId>,
        /// What was unclear.
        problem: Refusal,
        /// The owner read back, when it is neither the previous nor the new one: then the question can
        /// never be answered by reading, and the operation is closed.
        owner_now: Option<AccountId>,
    },
    /// Not carried out, by our own choice; nothing was sent that changes anything.
    Declined(Refusal),
    /// A question was answered: the room's owner.
    Shown(AccountId),
}

impl Outcome {
    /// The outcome's name in the interface.
    #[must_use]
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
    #[must_use]
    pub fn is_final(&self) -> bool {
        !matches!(self, Self::Unknown { owner_now: None, .. })
    }

    /// Who owned the room before, as far as this outcome knows.
    #[must_use]
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
    #[must_use]
    pub fn problem(&self) -> Option<&Refusal> {
        match self {
            Self::Refused { refusal, .. } | Self::Declined(refusal) => Some(refusal),
            Self::Unknown { problem, .. } => Some(problem),
            Self::ConfirmedByCallback { unclear, .. } => Some(unclear),
            Self::Succeeded { unclear, .. } => unclear.as_ref(),
            Self::Unchanged | Self::Shown(_) => None,
        }
    }

    /// Tencent's RequestId, if there was an answer that carried one.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Succeeded { request_id: Some(id), .. } => Some(id),
            _ => self.problem()?.request_id.as_deref(),
        }
    }
}

macro_rules! outcome_kinds {
    ($($(#[$doc:meta])* $kind:ident => $name:literal),* $(,)?) => {
        /// The outcome of an operation, by its name in the interface.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum OutcomeKind { $($(#[$doc])* $kind),* }

        impl OutcomeKind {
            /// Every outcome.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// The outcome's name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name),* }
            }
        }
    };
}

outcome_kinds! {
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

impl fmt::Display for OutcomeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names no outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an outcome: use {all} or failed", all = super::access::list(OutcomeKind::ALL))]
pub struct UnknownOutcome(String);

impl FromStr for OutcomeKind {
    type Err = UnknownOutcome;

    fn from_str(text: &str) -> Result<Self, UnknownOutcome> {
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| UnknownOutcome(text.to_owned()))
    }
}

super::principal::serialize_as_text!(OutcomeKind);

/// The result of [`super::access::decide`], by its name in the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DecisionKind {
    /// Permitted.
    Permit,
    /// Denied.
    Deny,
}

impl DecisionKind {
    /// Its name in the interface.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::Deny => "deny",
        }
    }
}

/// One operation as a reviewer reads it. The fields and their order are part of the interface.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AuditEntry {
    /// The operation's number, as text.
    pub operation: OperationId,
    /// When the request was written down: RFC 3339, UTC, milliseconds.
    #[serde(serialize_with = "serialize_millis")]
    pub at: Timestamp,
    /// Who asked; `None` if an authentic request did not say.
    pub actor: Option<Subject>,
    /// The actor's name at that time: a caption.
    pub actor_name: Option<String>,
    /// Where; `None` on the command line.
    pub channel: Option<Channel>,
    /// The command as typed.
    pub command: String,
    /// The room that it is about.
    pub room: Option<RoomId>,
    /// Who was to own it.
    pub new_owner: Option<String>,
    /// Who owned it before.
    pub previous_owner: Option<String>,
    /// Why, in the actor's words; of a duplicate, which operation came first.
    pub reason: Option<String>,
    /// Whether it was permitted; `None` if there was nothing to decide.
    pub decision: Option<DecisionKind>,
    /// The grant that permitted it, or the reason of the denial.
    pub authority: Option<String>,
    /// What came of it.
    pub outcome: OutcomeKind,
    /// Tencent's ErrorCode.
    pub error_code: Option<i64>,
    /// Tencent's ErrorInfo, or what went wrong on the way.
    pub error_info: Option<String>,
    /// Tencent's RequestId.
    pub request_id: Option<String>,
    /// The platform's id of the invocation.
    pub delivery_id: Option<String>,
    /// From the record of the request to the record of its outcome, in milliseconds.
    pub duration_ms: Option<i64>,
}

pub(crate) fn serialize_millis<S: serde::Serializer>(
    at: &Timestamp,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{at:.3}"))
}

pub(crate) fn serialize_optional_millis<S: serde::Serializer>(
    at: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serialize_millis(at, serializer),
        None => serializer.serialize_none(),
    }
}

/// What the record of an operation says when a callback has settled it.
pub const CONFIRMED_BY_CALLBACK: &str = "tencent's callback reported the change";

/// RFC 3339 in UTC, always with milliseconds.
#[must_use]
pub fn millis(at: Timestamp) -> String {
    format!("{at:.3}")
}

impl AuditEntry {
    /// The entry of a delivery that had been taken before as operation `first`.
    pub fn mark_duplicate(&mut self, first: OperationId) {
        self.outcome = OutcomeKind::Duplicate;
        self.reason = Some(format!("repeats operation {first}"));
        self.decision = None;
        self.authority = None;
        self.error_info = None;
    }

    /// The entry of a transfer that is not begun because operation `holder` has the room.
    pub fn mark_busy(&mut self, holder: OperationId) {
        self.outcome = OutcomeKind::Declined;
        self.error_info = Some(format!("busy: operation {holder} on this room has not ended"));
    }

    /// The entry of a transfer that is not begun because it overrides `named`, which does not hold the room.
    pub fn mark_not_held(&mut self, named: OperationId) {
        self.outcome = OutcomeKind::Declined;
        self.error_info = Some(format!("not overridden: operation {named} does not hold this room"));
    }

    /// The entry of an operation with an unknown outcome that an admin overrides with operation `by`.
    pub fn mark_overridden(&mut self, by: OperationId) {
        let problem = self.error_info.take().map(|info| format!("{info}; ")).unwrap_or_default();
        self.error_info = Some(format!("{problem}overridden by operation {by}"));
    }

    /// The entry of an operation that had ended as refused or unknown, and whose change a callback confirmed.
    pub fn correct(&mut self, original_owner: Option<&AccountId>) {
        self.outcome = OutcomeKind::Succeeded;
        let problem = self.error_info.take().map(|info| format!("{info}; ")).unwrap_or_default();
        self.error_info = Some(format!("{problem}{CONFIRMED_BY_CALLBACK}"));
        if self.previous_owner.is_none() {
            self.previous_owner = original_owner.map(ToString::to_string);
        }
    }

    /// The entry after its outcome.
    pub fn end(&mut self, outcome: &Outcome, at: Timestamp) {
        self.outcome = outcome.kind();
        if let Some(previous) = outcome.previous_owner() {
            self.previous_owner = Some(previous.to_string());
        }
        if let Outcome::Unchanged = outcome {
            self.previous_owner.clone_from(&self.new_owner);
        }
        // Tencent's error code is kept, whatever is found out later.
        let known = self.error_code.filter(|_| outcome.problem().is_some());
        self.error_code = outcome.problem().and_then(|problem| problem.code).or(known);
        self.error_info = outcome.problem().map(|problem| problem.info.clone());
        self.request_id = outcome.request_id().map(str::to_owned).or(self.request_id.take());
        // By two processes' clocks the end may be before the beginning.
        self.duration_ms = Some((at.as_millisecond() - self.at.as_millisecond()).max(0));
    }
}
