//! The store.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;

use super::acl::{AclChanged, AclEdit, GrantsPage, GroupSubjects, WhichSettings};
use super::admission::{Admission, Admitted};
use super::error::StoreError;
use super::log::AuditLog;
use crate::app::callbacks::{Confirmation, Observation, OwnerChangeEvent, ReadBack};
use crate::domain::access::{
    AclSetting, AclView, AnnouncementChannel, AuthorisedChannel, Grant, GrantId, GrantUse, Reading,
};
use crate::domain::asking::AccessRequest;
use crate::domain::audit::{AuditEntry, AuditFilter, OperationId, Outcome, Unresolved};
use crate::domain::command::{Nonce, Place};
use crate::domain::press::{Button, Offer};
use crate::domain::principal::{Channel, Principal, Subject};
use crate::domain::reply_note::ReplyNote;
use crate::domain::room::{AccountId, RoomId};
use crate::domain::tree_head::TreeHead;

/// An outcome that was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// The head of the log that covers the record.
    pub head: Option<TreeHead>,
    /// The button that undoes what was done in a channel.
    pub undo: Option<Button>,
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

    /// The buttons that let a hand-over go on which waits for a confirmation or a second person, oldest first.
    async fn held(&self, now: Timestamp) -> Result<Vec<Button>, StoreError>;

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

    /// The request for access that an operation made.
    async fn access_request(&self, operation: OperationId) -> Result<Option<AccessRequest>, StoreError>;

    /// The requests for access that can still be answered, oldest first.
    async fn open_access_requests(&self, now: Timestamp) -> Result<Vec<AccessRequest>, StoreError>;

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

    /// Settings, removed ones too unless `which` says otherwise, in the order in which they were made.
    async fn settings(&self, which: &WhichSettings) -> Result<Vec<AclSetting>, StoreError>;

    /// Every announcement channel, removed ones too, in the order in which they were made.
    async fn announcement_channels(&self) -> Result<Vec<AnnouncementChannel>, StoreError>;

    /// Whether the log, or a live link, knows the account: it was given a room, owned one, or somebody has it.
    async fn has_seen(&self, account: &AccountId) -> Result<bool, StoreError>;

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
