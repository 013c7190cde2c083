//! What the log is made of: one type of event, which is what is written and what every reader reads.
//!
//! An event is kept as JSON, once, and never rewritten: absent values are left out, times are RFC 3339 in UTC with
//! milliseconds.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Announced, DecisionKind, OperationId, Outcome, OutcomeKind};
use crate::domain::access::{ChangedEntry, Denial, Grant, Permit, Role};
use crate::domain::principal::{Channel, Subject};
use crate::domain::reply_note::ReplyNote;
use crate::domain::room::{AccountId, RoomId};

/// The version of the form below.
const VERSION: u32 = 1;

/// One event of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    v: u32,
    /// Its number in the log, from 1, without gaps.
    pub seq: i64,
    /// The operation that it belongs to: the number of that one's first event.
    pub operation: OperationId,
    /// When it was written down.
    #[serde(serialize_with = "crate::domain::time::serialize_millis")]
    pub at: Timestamp,
    /// What happened.
    pub what: What,
}

/// What happened. The first three begin an operation; the others continue one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum What {
    /// A request was taken, and what was decided about it.
    Requested(Box<Request>),
    /// Tencent's callback reported a change that nobody asked the bot for.
    Observed(Box<Observed>),
    /// Something about the log itself changed.
    System(SystemChange),
    /// Who owned the room before, noted while the change is under way.
    Noted {
        /// The owner.
        previous_owner: AccountId,
    },
    /// Its outcome.
    Ended(Outcome),
    /// An admin closed it with operation `by`, because nobody knows its outcome.
    Overridden {
        /// The operation of the admin.
        by: OperationId,
    },
    /// Tencent's callback reported its change.
    Confirmed(OwnerChange),
    /// How its reply went, if not as usual.
    Reply(ReplyNote),
    /// It was announced in a channel, or could not be.
    Announced(Announced),
    /// The access that it asks for was given or refused.
    Answered {
        /// By this operation.
        by: OperationId,
        /// Until when it is given; `None` if it is not.
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            serialize_with = "crate::domain::time::serialize_optional_millis"
        )]
        until: Option<Timestamp>,
    },
}

/// A request as it was taken, whatever its end.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// Who asked; `None` if an authentic request did not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<Subject>,
    /// The actor's name at that time: a caption.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor_name: Option<String>,
    /// Where; `None` on the command line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// The command as typed.
    pub command: String,
    /// The room that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomId>,
    /// Who is to own it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_owner: Option<AccountId>,
    /// Who has that account: the person who was named, or whom the ACL knew by it then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_owner_person: Option<Subject>,
    /// Why, in the actor's words; of a duplicate, which operation came first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether it was permitted; `None` if there was nothing to decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<DecisionKind>,
    /// By which authority, or the reason of the denial.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
    /// The grant that permitted it, as it stood then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<Box<Grant>>,
    /// The group through which that grant names the actor; `None` if it names the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member_of: Option<Subject>,
    /// Its outcome so far: pending if it goes on to Tencent.
    pub outcome: OutcomeKind,
    /// Why it goes no further.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_info: Option<String>,
    /// The platform's id of the invocation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_id: Option<String>,
    /// Whether it read the log.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reading: bool,
    /// The process that worked on it.
    pub process: String,
    /// The operation that it overrides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overrides: Option<OperationId>,
    /// The operation whose reply offered the button that was pressed; `None` if it was typed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pressed: Option<OperationId>,
    /// Who had asked for what the actor approved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<Subject>,
    /// Their name at that time: a caption.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_by_name: Option<String>,
    /// What it changed in the ACL.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub acl_changes: Vec<ChangedEntry>,
    /// The events that it took out of the database, into an archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived: Option<Box<Archived>>,
    /// The access to the room that it asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asks: Option<AskedAccess>,
}

/// What a request for access asks for, beside the room and the channel of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskedAccess {
    /// The role.
    pub role: Role,
    /// From when on it cannot be answered any more.
    #[serde(serialize_with = "crate::domain::time::serialize_millis")]
    pub lapses_at: Timestamp,
}

/// Which events an archive holds, and digests of what the database keeps of them. It is part of the event that records
/// the archive, so events cannot disappear without a trace in the log.
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

/// A change of owner as Tencent's callback tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnerChange {
    /// The change, as Tencent names it: a repeated callback has the same.
    pub delivery_id: String,
    /// When, by Tencent's clock.
    #[serde(serialize_with = "crate::domain::time::serialize_millis")]
    pub event_at: Timestamp,
    /// The account that did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<AccountId>,
    /// Who owned the room before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_owner: Option<AccountId>,
    /// Whether the callback was signed. If not, operator and original owner are hearsay.
    pub signed: bool,
}

/// A change of owner that nobody asked the bot for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observed {
    /// The room.
    pub room: RoomId,
    /// Who owns it since.
    pub new_owner: AccountId,
    /// What the callback says.
    pub change: OwnerChange,
    /// The owner that was read back; `None` if that was not possible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_now: Option<AccountId>,
    /// Succeeded, or unknown where the owner read back is another.
    pub outcome: OutcomeKind,
    /// Why that is in doubt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<String>,
    /// The operation that probably made the change, and that has another outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probably: Option<(OperationId, OutcomeKind)>,
}

/// What changed about the log itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SystemChange {
    /// From this event on, heads are signed with another key.
    KeyChanged {
        /// The public key before.
        from: String,
        /// The public key from now on.
        to: String,
    },
    /// The database is another file than before: a copy was put in its place, or it was moved.
    FileReplaced,
    /// The newest signed head was not in its file beside the database any more: an older copy may have been put in
    /// place.
    HeadGone,
    /// The machine's clock was set back.
    ClockSetBack {
        /// By how many milliseconds, at least.
        by_ms: i64,
    },
}

impl Event {
    /// An event of the number `seq`.
    pub fn new(seq: i64, operation: OperationId, at: Timestamp, what: What) -> Self {
        Self { v: VERSION, seq, operation, at, what }
    }

    /// The event of its JSON.
    ///
    /// # Errors
    /// When it is none, or of another version.
    pub fn parse(body: &[u8]) -> Result<Self, String> {
        let event: Self = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        if event.v == VERSION { Ok(event) } else { Err(format!("it has the version {}", event.v)) }
    }
}

impl What {
    /// Whether it begins an operation.
    pub fn begins(&self) -> bool {
        matches!(self, Self::Requested(_) | Self::Observed(_) | Self::System(_))
    }
}

impl SystemChange {
    /// What it is, in the log's list of operations.
    pub fn command(&self) -> String {
        match self {
            Self::KeyChanged { from, to } => format!("(system) signing key changed from {from} to {to}"),
            Self::FileReplaced => "(system) database file replaced".to_owned(),
            Self::HeadGone => "(system) signed head beside the database was gone".to_owned(),
            Self::ClockSetBack { by_ms } => {
                format!("(system) clock set back by {}.{:03} s", by_ms / 1_000, by_ms % 1_000)
            }
        }
    }
}

impl Request {
    /// With what permitted it.
    #[must_use]
    pub fn permitted(self, permit: &Permit) -> Self {
        let grant = permit.grant();
        let member_of = grant.map(|grant| &grant.subject).filter(|subject| subject.is_group()).cloned();
        Self {
            decision: Some(DecisionKind::Permit),
            authority: Some(permit.authority().to_string()),
            grant: grant.cloned().map(Box::new),
            member_of,
            ..self
        }
    }

    /// With what it was denied for.
    #[must_use]
    pub fn denied(self, denial: &Denial) -> Self {
        Self {
            decision: Some(DecisionKind::Deny),
            authority: Some(denial.to_string()),
            outcome: OutcomeKind::Denied,
            ..self
        }
    }

    /// Of a delivery that was carried out before, as operation `first`.
    #[must_use]
    pub fn duplicate_of(self, first: OperationId) -> Self {
        Self {
            outcome: OutcomeKind::Duplicate,
            reason: Some(format!("repeats operation {first}")),
            decision: None,
            authority: None,
            grant: None,
            member_of: None,
            error_info: None,
            reading: false,
            asks: None,
            ..self
        }
    }

    /// Not begun, and why.
    #[must_use]
    pub fn declined(self, why: String) -> Self {
        Self { outcome: OutcomeKind::Declined, error_info: Some(why), asks: None, ..self }
    }
}
