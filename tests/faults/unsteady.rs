//! A store whose disk fails now and then: before a write, or after it, which its caller cannot tell apart.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use room_owner::app::ports::{
    AclChanged, AclEdit, Admission, Admitted, AuditLog, Confirmation, Finished, GrantsPage, GroupSubjects,
    Observation, OwnerChangeEvent, ReadBack, Store, StoreError, WhichSettings,
};
use room_owner::domain::access::{
    AclSetting, AclView, AnnouncementChannel, AuthorisedChannel, Grant, GrantId, GrantUse, Reading,
};
use room_owner::domain::asking::AccessRequest;
use room_owner::domain::audit::{AuditEntry, AuditFilter, OperationId, Outcome, Unresolved};
use room_owner::domain::command::{Nonce, Place};
use room_owner::domain::press::{Button, Offer};
use room_owner::domain::principal::{Channel, Principal, Subject};
use room_owner::domain::reply_note::ReplyNote;
use room_owner::domain::room::{AccountId, RoomId};
use room_owner::store::SqliteStore;

/// The real store, and how often (out of a hundred) a write of it fails.
pub(crate) struct Unsteady {
    store: Arc<SqliteStore>,
    random: Mutex<StdRng>,
    failing: u32,
}

impl Unsteady {
    pub(crate) fn new(store: Arc<SqliteStore>, seed: u64, failing: u32) -> Self {
        Self { store, random: Mutex::new(StdRng::seed_from_u64(seed)), failing }
    }

    fn fails(&self) -> bool {
        self.random.lock().unwrap().random_range(0..100) < self.failing
    }

    /// The write, or the reading without which nothing is done, with what may go wrong around it.
    async fn write<T>(&self, write: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let error = || StoreError("the database cannot be written: disk I/O error".to_owned());
        if self.fails() {
            return Err(error());
        }
        let written = write.await;
        if self.fails() { Err(error()) } else { written }
    }
}

#[async_trait]
impl Store for Unsteady {
    async fn acl_for(&self, principal: &Principal, place: &Place) -> Result<AclView, StoreError> {
        self.store.acl_for(principal, place).await
    }
    async fn admit(&self, admission: Admission, at: Timestamp) -> Result<Admitted, StoreError> {
        self.write(self.store.admit(admission, at)).await
    }
    async fn note_previous_owner(
        &self,
        operation: OperationId,
        previous: &AccountId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(self.store.note_previous_owner(operation, previous, at)).await
    }
    async fn note_reply(&self, id: OperationId, note: &ReplyNote, at: Timestamp) -> Result<(), StoreError> {
        self.write(self.store.note_reply(id, note, at)).await
    }
    async fn finish(
        &self,
        operation: OperationId,
        outcome: &Outcome,
        at: Timestamp,
    ) -> Result<Option<Finished>, StoreError> {
        self.write(self.store.finish(operation, outcome, at)).await
    }
    async fn offer(
        &self,
        operation: OperationId,
        offers: Vec<Offer>,
        at: Timestamp,
    ) -> Result<Vec<Button>, StoreError> {
        self.write(self.store.offer(operation, offers, at)).await
    }
    async fn button(&self, nonce: &Nonce) -> Result<Option<Button>, StoreError> {
        self.write(self.store.button(nonce)).await
    }
    async fn buttons(&self, operation: OperationId, now: Timestamp) -> Result<Vec<Button>, StoreError> {
        self.store.buttons(operation, now).await
    }
    async fn held(&self, now: Timestamp) -> Result<Vec<Button>, StoreError> {
        self.store.held(now).await
    }
    async fn observe(
        &self,
        notice: &OwnerChangeEvent,
        seen: Option<&ReadBack>,
        at: Timestamp,
    ) -> Result<Observation, StoreError> {
        self.write(self.store.observe(notice, seen, at)).await
    }
    async fn confirmation(&self, operation: OperationId) -> Result<Option<Confirmation>, StoreError> {
        self.store.confirmation(operation).await
    }
    async fn unresolved(&self) -> Result<Vec<Unresolved>, StoreError> {
        self.store.unresolved().await
    }
    async fn edit_acl(&self, edit: AclEdit, at: Timestamp) -> Result<AclChanged, StoreError> {
        self.write(self.store.edit_acl(edit, at)).await
    }
    async fn acl_history_for(&self, principal: &Principal, channel: &Channel) -> Result<AclView, StoreError> {
        self.store.acl_history_for(principal, channel).await
    }
    async fn acl_version(&self) -> Result<i64, StoreError> {
        self.store.acl_version().await
    }
    async fn group_subjects(&self, now: Timestamp) -> Result<GroupSubjects, StoreError> {
        self.store.group_subjects(now).await
    }
    async fn group_readings(&self) -> Result<BTreeMap<Subject, Reading>, StoreError> {
        self.store.group_readings().await
    }
    async fn keep_group_readings(&self, readings: BTreeMap<Subject, Reading>) -> Result<(), StoreError> {
        self.write(self.store.keep_group_readings(readings)).await
    }
    async fn grants(&self) -> Result<Vec<Grant>, StoreError> {
        self.store.grants().await
    }
    async fn live_grants(&self, now: Timestamp) -> Result<Vec<Grant>, StoreError> {
        self.store.live_grants(now).await
    }
    async fn live_grants_for(&self, room: &RoomId, now: Timestamp) -> Result<Vec<Grant>, StoreError> {
        self.store.live_grants_for(room, now).await
    }
    async fn grants_page(
        &self,
        live_at: Option<Timestamp>,
        page: u32,
        size: u32,
    ) -> Result<GrantsPage, StoreError> {
        self.store.grants_page(live_at, page, size).await
    }
    async fn access_request(&self, operation: OperationId) -> Result<Option<AccessRequest>, StoreError> {
        self.store.access_request(operation).await
    }
    async fn open_access_requests(&self, now: Timestamp) -> Result<Vec<AccessRequest>, StoreError> {
        self.store.open_access_requests(now).await
    }
    async fn grant(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        self.store.grant(id).await
    }
    async fn admins(&self) -> Result<Vec<Grant>, StoreError> {
        self.store.admins().await
    }
    async fn grant_uses(&self) -> Result<Vec<GrantUse>, StoreError> {
        self.store.grant_uses().await
    }
    async fn has_seen(&self, account: &AccountId) -> Result<bool, StoreError> {
        self.store.has_seen(account).await
    }
    async fn settings(&self, which: &WhichSettings) -> Result<Vec<AclSetting>, StoreError> {
        self.store.settings(which).await
    }
    async fn announcement_channels(&self) -> Result<Vec<AnnouncementChannel>, StoreError> {
        self.store.announcement_channels().await
    }
    async fn channels(&self) -> Result<Vec<AuthorisedChannel>, StoreError> {
        self.store.channels().await
    }
    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, StoreError> {
        self.store.audit(filter).await
    }
    async fn operation(&self, operation: OperationId) -> Result<Option<AuditEntry>, StoreError> {
        self.store.operation(operation).await
    }
    async fn reply_notes(&self, operation: OperationId) -> Result<Vec<(Timestamp, ReplyNote)>, StoreError> {
        self.store.reply_notes(operation).await
    }
    fn log(&self) -> &dyn AuditLog {
        self.store.log()
    }
    async fn checkpoint(&self, operation: OperationId) -> Result<Option<String>, StoreError> {
        self.store.checkpoint(operation).await
    }
    async fn check_writable(&self) -> Result<(), StoreError> {
        self.store.check_writable().await
    }
}
