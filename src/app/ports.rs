//! What the use cases need from outside: a store, a way to control rooms, and the time.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;

pub use super::callbacks::{CallbackEnd, Confirmation, Observation, OwnerChangeEvent, ReadBack};
pub use super::directory::{Directory, DirectoryReport};
pub use super::observer::{
    EnvelopeEnd, EnvelopeKind, NotAuthentic, Observer, Reconnect, Sender, Step, Unobserved,
};
pub use crate::domain::access::{AclChange, Known, NewGrant};
use crate::domain::access::{
    AclView, AuthorisedChannel, ChangedEntry, Grant, GrantId, GrantUse, NotEdited, Permit, Reading,
};
use crate::domain::admission::{Attempt, Verdict};
use crate::domain::audit::{
    ArchivedIn, AuditEntry, AuditFilter, Event, OperationId, Outcome, Refusal, RoomHistory, Stat, StatsBy,
    Unresolved,
};
use crate::domain::command::{CommandRequest, DeliveryId, Nonce, Place, Pressed, RejectedRequest};
use crate::domain::press::{Button, NotPressed, Offer};
pub use crate::domain::principal::Subject;
use crate::domain::principal::{Channel, Principal};
use crate::domain::reply_note::ReplyNote;
use crate::domain::room::{AccountId, RoomId};
use crate::domain::tree_head::TreeHead;

/// The store could not do it. The text is for the operator: it names the database, never a secret.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub String);

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
    #[must_use]
    pub fn permit(&self) -> Option<&Permit> {
        match self {
            Self::Request {
                verdict: Verdict::Transfer(permit, _) | Verdict::Lookup(permit) | Verdict::Read(permit),
                ..
            } => Some(permit),
            Self::Request { .. } | Self::Rejected(_) => None,
        }
    }

    /// The version of the ACL at which it may be written down, if it depends on one.
    #[must_use]
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
    /// The ACL changed between the decision and the record: decide again. Nothing was written.
    AclChanged,
}

impl Admitted {
    /// The entry of the request, if it has one.
    #[must_use]
    pub fn operation(&self) -> Option<OperationId> {
        match self {
            Self::Attempt(attempt) => Some(attempt.operation()),
            Self::Recorded(operation)
            | Self::Duplicate { operation, .. }
            | Self::NotHeld { operation, .. }
            | Self::NotPressed { operation, .. } => Some(*operation),
            Self::Busy { operation, .. } => *operation,
            Self::AclChanged => None,
        }
    }
}

/// An edit of the ACL: its changes, who makes them, and the proof that they may.
#[derive(Debug)]
pub struct AclEdit {
    /// Who.
    pub principal: Principal,
    /// Where.
    pub place: Place,
    /// The platform's id of the invocation.
    pub delivery: Option<DeliveryId>,
    /// The command as typed.
    pub typed: String,
    /// The button that was pressed; `None` if it was typed.
    pub pressed: Option<Pressed>,
    /// The right to make it, and the version of the ACL that it holds for.
    pub permit: Permit,
    /// What, and why each; made all together or not at all.
    pub changes: Vec<(AclChange, Option<String>)>,
    /// Why, for the record.
    pub reason: Option<String>,
    /// Whether to make it even if it locks everybody out.
    pub force: bool,
    /// What is known of groups and workspaces, to tell whether it would.
    pub known: Arc<Known>,
}

/// The result of an edit of the ACL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AclChanged {
    /// Made: the entries before and after.
    Changed(OperationId, Vec<ChangedEntry>),
    /// Not made; recorded as declined.
    Declined(OperationId, NotEdited),
    /// The button that was pressed cannot be pressed; recorded as declined.
    NotPressed(OperationId, NotPressed),
    /// The delivery had been taken before. The repetition has an entry of its own.
    Duplicate {
        /// The entry of the repetition.
        operation: OperationId,
        /// The first one's entry, as it is now.
        first: Box<AuditEntry>,
    },
    /// The ACL changed since the permit was given: decide again. Nothing was written.
    AclChanged,
}

/// An outcome that was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// The head of the log that covers the record.
    pub head: Option<TreeHead>,
    /// The button that undoes what was done in a channel.
    pub undo: Option<Button>,
}

/// A page of the grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantsPage {
    /// Its number, from 1.
    pub page: u32,
    /// How many there are.
    pub pages: u32,
    /// What is on it.
    pub grants: Vec<Grant>,
    /// How many grants are on no page, because they do not hold.
    pub left_out: usize,
}

/// The groups of people that live grants name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupSubjects {
    /// The version of the ACL in which they do.
    pub version: i64,
    /// The groups that somebody has to look up: user groups of Slack.
    pub groups: Vec<Subject>,
    /// Those of them to which something is denied.
    pub denied: Vec<Subject>,
}

/// The size of a store, and its work since it was opened.
#[derive(Debug, Clone, Copy, Default)]
pub struct StoreStats {
    /// Transactions that were committed.
    pub commits: u64,
    /// Writes that they held.
    pub writes: u64,
    /// The number of the newest event.
    pub events: u64,
    /// How many events the signed head beside the database covers.
    pub head: u64,
    /// The size of the write-ahead log, in bytes.
    pub wal_bytes: u64,
}

/// The durable store: the ACL and the audit log.
#[async_trait]
pub trait Store: Send + Sync {
    /// The part of the ACL that names the principal or the place, and the ACL's version.
    async fn acl_for(&self, principal: &Principal, place: &Place) -> Result<AclView, StoreError>;

    /// The same, perhaps from memory and then as it was a moment ago. Only for a decision that goes on to
    /// [`Self::admit`], which takes it at the version at which it was made and at no other.
    async fn recent_acl_for(&self, principal: &Principal, place: &Place) -> Result<AclView, StoreError> {
        self.acl_for(principal, place).await
    }

    /// Writes down a request before anything is done about it: the delivery is claimed, the attempt or
    /// the refusal recorded, in one transaction that is durable when this returns.
    async fn admit(&self, admission: Admission, at: Timestamp) -> Result<Admitted, StoreError>;

    /// Notes on an open operation who owned the room before, ahead of its outcome.
    async fn note_previous_owner(
        &self,
        operation: OperationId,
        previous: &AccountId,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Notes how the reply to an operation went, if not as usual.
    async fn note_reply(
        &self,
        operation: OperationId,
        note: &ReplyNote,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Records the outcome of an operation, and offers the button that undoes it. `None` if the operation already has a
    /// final outcome, which stands.
    async fn finish(
        &self,
        operation: OperationId,
        outcome: &Outcome,
        at: Timestamp,
    ) -> Result<Option<Finished>, StoreError>;

    /// Offers buttons under the reply to an operation.
    async fn offer(
        &self,
        operation: OperationId,
        offers: Vec<Offer>,
        at: Timestamp,
    ) -> Result<Vec<Button>, StoreError>;

    /// The button of this name. It may have been pressed or have expired: see [`Self::admit`].
    async fn button(&self, nonce: &Nonce) -> Result<Option<Button>, StoreError>;

    /// The buttons of the reply to an operation that can still be pressed.
    async fn buttons(&self, operation: OperationId, now: Timestamp) -> Result<Vec<Button>, StoreError>;

    /// Writes down what a callback says: with the operation of ours whose change it is, or, once the
    /// owner was read back, as an operation of its own. Each change is written down once.
    async fn observe(
        &self,
        notice: &OwnerChangeEvent,
        seen: Option<&ReadBack>,
        at: Timestamp,
    ) -> Result<Observation, StoreError>;

    /// What a callback has said about an operation of ours.
    async fn confirmation(&self, operation: OperationId) -> Result<Option<Confirmation>, StoreError> {
        self.log().confirmation(operation).await
    }

    /// Every operation without a final outcome, oldest first.
    async fn unresolved(&self) -> Result<Vec<Unresolved>, StoreError>;

    /// Changes the ACL and records the change, in one transaction.
    async fn edit_acl(&self, edit: AclEdit, at: Timestamp) -> Result<AclChanged, StoreError>;

    /// The part of the ACL that ever named the principal or the channel: what [`Self::acl_for`] reads, with
    /// the channels' former entries, for decisions about the past.
    async fn acl_history_for(&self, principal: &Principal, channel: &Channel) -> Result<AclView, StoreError>;

    /// Counts the changes of the ACL: cheap enough to be asked every second.
    async fn acl_version(&self) -> Result<i64, StoreError>;

    /// The groups that live grants name.
    async fn group_subjects(&self, now: Timestamp) -> Result<GroupSubjects, StoreError>;

    /// What was read of groups, by whichever process read it last.
    async fn group_readings(&self) -> Result<BTreeMap<Subject, Reading>, StoreError>;

    /// Keeps readings of groups, for the next start and the command line.
    async fn keep_group_readings(&self, readings: BTreeMap<Subject, Reading>) -> Result<(), StoreError>;

    /// Every grant, revoked and lapsed ones too, by number.
    async fn grants(&self) -> Result<Vec<Grant>, StoreError>;

    /// The grants that hold at `now`, by number.
    async fn live_grants(&self, now: Timestamp) -> Result<Vec<Grant>, StoreError>;

    /// Those of them that cover a room.
    async fn live_grants_for(&self, room: &RoomId, now: Timestamp) -> Result<Vec<Grant>, StoreError>;

    /// A page of the grants, by number, from 1; the last one if there are fewer. Those that hold at `live_at`,
    /// or all. `size` is at least 1.
    async fn grants_page(
        &self,
        live_at: Option<Timestamp>,
        page: u32,
        size: u32,
    ) -> Result<GrantsPage, StoreError>;

    /// One grant.
    async fn grant(&self, id: GrantId) -> Result<Option<Grant>, StoreError>;

    /// The grants of the role admin that are not revoked, deny entries too.
    async fn admins(&self) -> Result<Vec<Grant>, StoreError>;

    /// When each grant that is not revoked was last used, to the hour; those never used are left out.
    async fn grant_uses(&self) -> Result<Vec<GrantUse>, StoreError>;

    /// Every entry for a channel, removed ones too, in the order in which they were made.
    async fn channels(&self) -> Result<Vec<AuthorisedChannel>, StoreError>;

    /// The entries that match, newest first.
    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, StoreError>;

    /// One entry.
    async fn operation(&self, operation: OperationId) -> Result<Option<AuditEntry>, StoreError>;

    /// What was noted about the reply to an operation, oldest first.
    async fn reply_notes(&self, operation: OperationId) -> Result<Vec<(Timestamp, ReplyNote)>, StoreError> {
        self.log().reply_notes(operation).await
    }

    /// The log, to ask it questions.
    fn log(&self) -> &dyn AuditLog;

    /// The signed head of the log, as a C2SP checkpoint, that first covers all that the operation has
    /// recorded; `None` if there is no such operation.
    async fn checkpoint(&self, operation: OperationId) -> Result<Option<String>, StoreError> {
        self.log().checkpoint(operation).await
    }

    /// Whether a record could be written now, and its signed head beside the database.
    async fn check_writable(&self) -> Result<(), StoreError>;

    /// What an operator should know though records can be made, a sentence each.
    async fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    /// Its size and its work, for the metrics.
    async fn stats(&self) -> StoreStats {
        StoreStats::default()
    }
}

/// The audit log as it is read: the store's own, or a copy's.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// The entries that match, in the order of [`AuditFilter`].
    async fn entries(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, StoreError>;

    /// One entry.
    async fn entry(&self, operation: OperationId) -> Result<Option<AuditEntry>, StoreError>;

    /// What a callback has said about an operation of ours.
    async fn confirmation(&self, operation: OperationId) -> Result<Option<Confirmation>, StoreError>;

    /// What was noted about the reply to an operation, oldest first.
    async fn reply_notes(&self, operation: OperationId) -> Result<Vec<(Timestamp, ReplyNote)>, StoreError>;

    /// The signed head of the log, as a C2SP checkpoint, that first covers all that the operation has
    /// recorded; `None` if there is no such operation.
    async fn checkpoint(&self, operation: OperationId) -> Result<Option<String>, StoreError>;

    /// How many readings of the log the filter would show if it let them; counted up to `at_most`.
    async fn readings(&self, filter: &AuditFilter, at_most: u32) -> Result<u32, StoreError>;

    /// The events of an operation, in their order.
    async fn events(&self, operation: OperationId) -> Result<Vec<Event>, StoreError>;

    /// The entries of a room around a time that say who owned it, at most `back` of those before.
    async fn room_history(&self, room: &RoomId, at: Timestamp, back: u32) -> Result<RoomHistory, StoreError>;

    /// How many operations match, counted by something; the most first, hours in their order.
    async fn stats(&self, filter: &AuditFilter, by: StatsBy) -> Result<Vec<Stat>, StoreError>;

    /// The name of the log, as its first signed head has it: it stays when the key is changed. `None` without
    /// a head.
    async fn name(&self) -> Result<Option<String>, StoreError>;

    /// The number of the newest event: an export up to here is whole.
    async fn newest_event(&self) -> Result<i64, StoreError>;

    /// The number of the last event that was moved into an archive; 0 if none was.
    async fn archived_upto(&self) -> Result<i64, StoreError>;

    /// The archive that holds the operation's first event; `None` if that was never archived.
    async fn archived_in(&self, operation: OperationId) -> Result<Option<ArchivedIn>, StoreError>;

    /// The events of an operation with those that these archives hold of it, each shown to be in this log.
    async fn events_with(
        &self,
        operation: OperationId,
        archives: &[PathBuf],
    ) -> Result<Vec<Event>, StoreError>;

    /// The next entries of an export, oldest first, as they are now.
    async fn export(&self, span: &ExportSpan) -> Result<ExportChunk, StoreError>;
}

/// Which part of an export comes next.
#[derive(Debug, Clone)]
pub struct ExportSpan {
    /// Which operations; its limit, its `before` and its order do not count.
    pub filter: AuditFilter,
    /// Only operations with an event later than this one: what an earlier export ended with. `None` for all.
    pub since_event: Option<i64>,
    /// Nothing later than this event.
    pub upto_event: i64,
    /// Where the chunk before ended; 0 at the beginning.
    pub position: i64,
}

/// A part of an export.
#[derive(Debug)]
pub struct ExportChunk {
    /// The entries.
    pub entries: Vec<AuditEntry>,
    /// When Tencent's clock says that a change was made, of those that a callback reported.
    pub changed_at: BTreeMap<OperationId, Timestamp>,
    /// The position of the next part; `None` at the end.
    pub next: Option<i64>,
}

/// Why the owner of a room could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadError {
    /// There is no such room, or no more.
    NoRoom(Refusal),
    /// Tencent said no for another reason: we may not ask, or not now.
    Refused(Refusal),
    /// There was no answer that can be understood.
    Unreadable(Refusal),
}

impl ReadError {
    /// What went wrong.
    #[must_use]
    pub fn refusal(&self) -> &Refusal {
        match self {
            Self::NoRoom(refusal) | Self::Refused(refusal) | Self::Unreadable(refusal) => refusal,
        }
    }
}

/// What the call to change an owner came to, by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallResult {
    /// Tencent accepted it.
    Accepted {
        /// Tencent's RequestId.
        request_id: Option<String>,
    },
    /// Tencent said no, and did nothing.
    Refused(Refusal),
    /// Tencent said again and again that it failed, which is nearly a no: one look at the owner settles it.
    Failed(Refusal),
    /// It never left this machine, so it cannot have had an effect.
    NotSent(Refusal),
    /// It may or may not have had an effect.
    Unclear(Refusal),
}

/// A room as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomSummary {
    /// Its id.
    pub room: RoomId,
    /// Its name.
    pub name: String,
    /// Who owns it.
    pub owner: AccountId,
    /// How many watch it, if Tencent says so.
    pub viewers: Option<u64>,
}

impl RoomSummary {
    /// What helps to choose it from a list: its owner, its viewers, its name if it is another than its id.
    #[must_use]
    pub fn details(&self) -> String {
        let name = if self.name == self.room.as_str() { String::new() } else { format!(" · {}", self.name) };
        let viewers = match self.viewers {
            Some(1) => " · 1 viewer".to_owned(),
            Some(viewers) => format!(" · {viewers} viewers"),
            None => String::new(),
        };
        match self.owner.as_str() {
            "" => format!("no owner{viewers}{name}"),
            owner => format!("owner {owner}{viewers}{name}"),
        }
    }
}

/// The service that holds the rooms.
#[async_trait]
pub trait RoomControl: Send + Sync {
    /// Who owns the room now.
    async fn owner_of(&self, room: &RoomId) -> Result<AccountId, ReadError>;

    /// Gives the room to the attempt's new owner. There is no way to call it without a durable record.
    async fn change_room_owner(&self, attempt: &Attempt) -> CallResult;

    /// What to do next after an error code, in one line.
    fn remedy(&self, _code: i64) -> String {
        "Look at the room's owner before you try again.".to_owned()
    }

    /// The live rooms, as many as one page holds, the most viewed first.
    async fn live_rooms(&self) -> Result<Vec<RoomSummary>, ReadError>;
}

/// The time, which is an argument everywhere else.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Now, to the millisecond.
    fn now(&self) -> Timestamp;

    /// Returns after `duration`.
    async fn sleep(&self, duration: Duration);

    /// How long ago some fixed moment was. It only ever grows, whatever the time is set to.
    fn elapsed(&self) -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        START.elapsed()
    }
}
