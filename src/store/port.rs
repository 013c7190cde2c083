//! The port of the application on this store: what writes is a job of the writer, what reads is a question on a
//! connection of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::Notify;

use crate::app::announcements::{Announcements, DueAnnouncement, NextDue};
use crate::app::console::Sessions;
use crate::app::ports::{
    AclChanged, AclEdit, Admission, Admitted, AuditLog, Finished, GrantsPage, GroupSubjects, Observation,
    OwnerChangeEvent, ReadBack, Store, StoreError, StoreStats, WhichSettings,
};
use crate::app::replies::{Batch, Outbox, PendingReply, Platform};
use crate::domain::access::{
    AclSetting, AclView, AnnouncementChannel, AuthorisedChannel, Grant, GrantId, GrantUse, Reading,
};
use crate::domain::admission::{Attempt, Verdict};
use crate::domain::asking::AccessRequest;
use crate::domain::audit::{Announced, AuditEntry, AuditFilter, OperationId, Outcome, Unresolved};
use crate::domain::command::Nonce;
use crate::domain::press::{Button, Offer};
use crate::domain::principal::{Channel, Place, Principal, Subject};
use crate::domain::reply_note::ReplyNote;
use crate::domain::room::{AccountId, RoomId};
use crate::domain::session::{NotSignedIn, Proof, Session, TokenHash};

use super::admission::AdmitResult;
use super::log::LogTransaction;
use super::projections::change_one;
use super::rows::Explain as _;
use super::{
    SqliteStore, acl, acl_cache, admission, announcing, buttons, checkpoint_file, groups, observation,
    outbox, proofs, queries, sessions, wal,
};

const NO_ACL: &str = "the acl cannot be read";

#[async_trait]
impl Store for SqliteStore {
    async fn acl_for(&self, principal: &Principal, place: &Place) -> Result<AclView, StoreError> {
        queries::acl::view(&self.readers, principal, place).await.explain(NO_ACL)
    }

    async fn recent_acl_for(&self, principal: &Principal, place: &Place) -> Result<AclView, StoreError> {
        let Place::Channel(channel) = place else { return self.acl_for(principal, place).await };
        let key = acl_cache::key(principal, channel);
        if let Some(view) = self.acl_cache.get(&key) {
            return Ok(view);
        }
        let view = self.acl_for(principal, place).await?;
        self.acl_cache.put(key, view.clone());
        Ok(view)
    }

    async fn admit(&self, admission: Admission, at: Timestamp) -> Result<Admitted, StoreError> {
        let work = move |log: &mut LogTransaction<'_>| {
            let result = admission::admit(log, &admission, at)?;
            Ok((result, admission))
        };
        let ((result, admission), _) = self.write(work).await?;
        Ok(match result {
            AdmitResult::Recorded(operation) => match admission {
                Admission::Request { request, verdict: Verdict::Transfer(cleared, new_owner), .. } => {
                    let attempt = Attempt::committed(operation, cleared, new_owner, &request, at);
                    let wrong = || StoreError("a permit for another action was admitted".to_owned());
                    Admitted::Attempt(attempt.ok_or_else(wrong)?)
                }
                admission => {
                    self.announces(matches!(admission, Admission::Request { verdict: Verdict::Ask(_), .. }));
                    Admitted::Recorded(operation)
                }
            },
            AdmitResult::Busy { operation, holder } => {
                let unresolved = self
                    .located(&holder)
                    .ok_or_else(|| StoreError("an operation holds a room but names none".to_owned()))?;
                Admitted::Busy { operation, holder: holder.entry, unresolved: Box::new(unresolved) }
            }
            AdmitResult::Other(admitted) => admitted,
        })
    }

    async fn note_previous_owner(
        &self,
        operation: OperationId,
        previous: &AccountId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let previous = previous.clone();
        self.write(move |log| admission::note_previous_owner(log, operation, previous, at)).await.map(drop)
    }

    async fn note_reply(
        &self,
        operation: OperationId,
        note: &ReplyNote,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let note = note.clone();
        self.write(move |log| admission::note_reply(log, operation, note, at)).await.map(drop)
    }

    async fn finish(
        &self,
        operation: OperationId,
        outcome: &Outcome,
        at: Timestamp,
    ) -> Result<Option<Finished>, StoreError> {
        let outcome = outcome.clone();
        let (finished, head) = self.write(move |log| admission::finish(log, operation, outcome, at)).await?;
        self.announces(finished.as_ref().is_some_and(|finished| finished.is_announced));
        Ok(finished.map(|finished| Finished { head, undo: finished.undo }))
    }

    async fn offer(
        &self,
        operation: OperationId,
        offers: Vec<Offer>,
        at: Timestamp,
    ) -> Result<Vec<Button>, StoreError> {
        Ok(self.write(move |log| buttons::offer(log, operation, offers, at)).await?.0)
    }

    async fn button(&self, nonce: &Nonce) -> Result<Option<Button>, StoreError> {
        queries::buttons::named(&self.readers, nonce).await.explain("the button cannot be read")
    }

    async fn buttons(&self, operation: OperationId, now: Timestamp) -> Result<Vec<Button>, StoreError> {
        queries::buttons::live(&self.readers, operation, now).await.explain("the buttons cannot be read")
    }

    async fn held(&self, now: Timestamp) -> Result<Vec<Button>, StoreError> {
        queries::buttons::going_on(&self.readers, now).await.explain("the buttons cannot be read")
    }

    async fn observe(
        &self,
        notice: &OwnerChangeEvent,
        seen: Option<&ReadBack>,
        at: Timestamp,
    ) -> Result<Observation, StoreError> {
        let (notice, seen) = (notice.clone(), seen.cloned());
        let work = move |log: &mut LogTransaction<'_>| {
            let observed = observation::observe(log, &notice, seen.as_ref(), at)?;
            let is_announced = match observed {
                Observation::Corrects { operation, .. } | Observation::Recorded(operation) => {
                    announcing::announce(log, operation, at)?
                }
                _ => false,
            };
            Ok((observed, is_announced))
        };
        let ((observed, is_announced), _) = self.write(work).await?;
        self.announces(is_announced);
        Ok(observed)
    }

    async fn unresolved(&self) -> Result<Vec<Unresolved>, StoreError> {
        // What follows is a look at Tencent, whose outcome is to be recorded.
        self.files.check().map_err(StoreError)?;
        let open = queries::open(&self.readers).await.explain("open operations cannot be read")?;
        Ok(open.iter().filter_map(|open| self.located(open)).collect())
    }

    async fn edit_acl(&self, edit: AclEdit, at: Timestamp) -> Result<AclChanged, StoreError> {
        let answers = edit.answers.is_some();
        let (changed, _) = self.write(move |log| acl::edit(log, &edit, at)).await?;
        self.announces(answers);
        Ok(changed)
    }

    async fn access_request(&self, operation: OperationId) -> Result<Option<AccessRequest>, StoreError> {
        let request = queries::asking::named(&self.readers, operation).await;
        request.explain("the request for access cannot be read")
    }

    async fn open_access_requests(&self, now: Timestamp) -> Result<Vec<AccessRequest>, StoreError> {
        let open = queries::asking::open(&self.readers, now).await;
        open.explain("the requests for access cannot be read")
    }

    async fn acl_history_for(&self, principal: &Principal, channel: &Channel) -> Result<AclView, StoreError> {
        queries::acl::history(&self.readers, principal, channel).await.explain(NO_ACL)
    }

    async fn acl_version(&self) -> Result<i64, StoreError> {
        queries::acl::version(&self.readers).await.explain(NO_ACL)
    }

    async fn group_subjects(&self, now: Timestamp) -> Result<GroupSubjects, StoreError> {
        queries::acl::group_subjects(&self.readers, now).await.explain(NO_ACL)
    }

    async fn group_readings(&self) -> Result<BTreeMap<Subject, Reading>, StoreError> {
        let readings = queries::acl::group_readings(&self.readers).await;
        readings.explain("the readings of groups cannot be read")
    }

    async fn keep_group_readings(&self, readings: BTreeMap<Subject, Reading>) -> Result<(), StoreError> {
        self.write(move |log| groups::keep(log.connection, &readings)).await.map(drop)
    }

    async fn grants(&self) -> Result<Vec<Grant>, StoreError> {
        queries::acl::grants(&self.readers).await.explain(NO_ACL)
    }

    async fn live_grants(&self, now: Timestamp) -> Result<Vec<Grant>, StoreError> {
        queries::acl::live_grants(&self.readers, now).await.explain(NO_ACL)
    }

    async fn live_grants_for(&self, room: &RoomId, now: Timestamp) -> Result<Vec<Grant>, StoreError> {
        queries::acl::live_grants_for(&self.readers, room, now).await.explain(NO_ACL)
    }

    async fn grants_page(
        &self,
        live_at: Option<Timestamp>,
        page: u32,
        size: u32,
    ) -> Result<GrantsPage, StoreError> {
        queries::acl::grants_page(&self.readers, live_at, page, size).await.explain(NO_ACL)
    }

    async fn grant(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        queries::acl::grant(&self.readers, id).await.explain(NO_ACL)
    }

    async fn admins(&self) -> Result<Vec<Grant>, StoreError> {
        queries::acl::admins(&self.readers).await.explain(NO_ACL)
    }

    async fn grant_uses(&self) -> Result<Vec<GrantUse>, StoreError> {
        queries::acl::uses(&self.readers).await.explain(NO_ACL)
    }

    async fn channels(&self) -> Result<Vec<AuthorisedChannel>, StoreError> {
        queries::acl::channels(&self.readers).await.explain(NO_ACL)
    }

    async fn settings(&self, which: &WhichSettings) -> Result<Vec<AclSetting>, StoreError> {
        queries::acl::settings(&self.readers, which).await.explain(NO_ACL)
    }

    async fn announcement_channels(&self) -> Result<Vec<AnnouncementChannel>, StoreError> {
        queries::acl::announcement_channels(&self.readers).await.explain(NO_ACL)
    }

    async fn has_seen(&self, account: &AccountId) -> Result<bool, StoreError> {
        queries::has_seen(&self.readers, account).await.explain("the log cannot be read")
    }

    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, StoreError> {
        self.log.entries(filter).await
    }

    async fn operation(&self, operation: OperationId) -> Result<Option<AuditEntry>, StoreError> {
        self.log.entry(operation).await
    }

    fn log(&self) -> &dyn AuditLog {
        &self.log
    }

    async fn check_writable(&self) -> Result<(), StoreError> {
        // Takes the write lock and writes more than a command does, so that a disk shows on which there is room for
        // neither.
        let probe = "UPDATE write_probe SET filler = randomblob(32768)";
        self.write(move |log| change_one(log.connection, probe, [])).await?;
        self.writer.check_published()
    }

    async fn warnings(&self) -> Vec<String> {
        self.warnings().await
    }

    async fn stats(&self) -> StoreStats {
        let head = checkpoint_file::read(&checkpoint_file::path(&self.file)).ok().flatten();
        StoreStats {
            commits: self.writer.commits(),
            writes: self.writer.writes(),
            events: self.log.newest_event().await.map_or(0, i64::unsigned_abs),
            head: head.map_or(0, |head| head.head().size),
            wal_bytes: wal::size(&self.file),
        }
    }
}

#[async_trait]
impl Outbox for SqliteStore {
    async fn keep(&self, batch: &Batch) -> Result<(), StoreError> {
        let batch = batch.clone();
        self.write(move |log| outbox::keep(log, &batch)).await.map(drop)
    }

    async fn take_over(&self, platforms: &[Platform]) -> Result<Vec<PendingReply>, StoreError> {
        let (platforms, here) = (platforms.to_vec(), Arc::clone(&self.instance));
        Ok(self.write(move |log| outbox::take_over(log, &platforms, &here)).await?.0)
    }

    async fn claim(&self, pending: &PendingReply) -> Result<Option<PendingReply>, StoreError> {
        let (pending, here) = (pending.clone(), Arc::clone(&self.instance));
        Ok(self.write(move |log| outbox::claim(log, &pending, &here)).await?.0)
    }
}

impl SqliteStore {
    /// Wakes whoever posts announcements, if there is one to be posted.
    fn announces(&self, is_due: bool) {
        if is_due {
            self.announcements.notify_one();
        }
    }
}

#[async_trait]
impl Announcements for SqliteStore {
    fn is_due(&self) -> &Notify {
        &self.announcements
    }

    async fn next_due(&self, platforms: &[Platform], now: Timestamp) -> Result<NextDue, StoreError> {
        if !queries::is_anything_due(&self.readers).await? {
            return Ok(NextDue::Nothing);
        }
        let (platforms, here) = (platforms.to_vec(), Arc::clone(&self.instance));
        Ok(self.write(move |log| announcing::next(log, &platforms, &here, now)).await?.0)
    }

    async fn postpone(
        &self,
        due: &DueAnnouncement,
        not_before: Timestamp,
        all_there: bool,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let due = due.clone();
        let work =
            move |log: &mut LogTransaction<'_>| announcing::postpone(log, &due, not_before, all_there, now);
        self.write(work).await.map(drop)
    }

    async fn settle(
        &self,
        due: &DueAnnouncement,
        announced: Option<Announced>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let due = due.clone();
        self.write(move |log| announcing::settle(log, &due, announced, at)).await.map(drop)
    }

    async fn was_replied(
        &self,
        operation: OperationId,
        channel: &Channel,
        message: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let (channel, message) = (channel.clone(), message.to_owned());
        let work = move |log: &mut LogTransaction<'_>| {
            announcing::was_replied(log, operation, &channel, message, at)
        };
        self.write(work).await.map(drop)
    }

    async fn find_lapses(&self, now: Timestamp) -> Result<(), StoreError> {
        let channels = self.announcement_channels().await?;
        if channels.iter().any(|entry| entry.is_live(now)) {
            let (is_due, _) = self.write(move |log| announcing::find_lapses(log, now)).await?;
            self.announces(is_due);
        }
        Ok(())
    }
}

const NO_SESSIONS: &str = "the console's sessions cannot be read";

#[async_trait]
impl Sessions for SqliteStore {
    async fn offer(&self, link: &TokenHash, whose: &Session) -> Result<(), StoreError> {
        let (link, whose) = (link.clone(), whose.clone());
        self.write(move |log| sessions::offer(log.connection, &link, &whose)).await.map(drop)
    }

    async fn link(
        &self,
        link: &TokenHash,
        now: Timestamp,
    ) -> Result<Result<Session, NotSignedIn>, StoreError> {
        sessions::link(&self.readers, link, now).await.explain(NO_SESSIONS)
    }

    async fn sign_in(
        &self,
        link: &TokenHash,
        token: &TokenHash,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Result<Session, NotSignedIn>, StoreError> {
        let (link, token) = (link.clone(), token.clone());
        Ok(self.write(move |log| sessions::sign_in(log.connection, &link, &token, now, until)).await?.0)
    }

    async fn session(&self, token: &TokenHash, now: Timestamp) -> Result<Option<Session>, StoreError> {
        sessions::by_token(&self.readers, token, now).await.explain(NO_SESSIONS)
    }

    async fn sessions(&self, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        sessions::all(&self.readers, now).await.explain(NO_SESSIONS)
    }

    async fn end(&self, session: OperationId, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.write(move |log| sessions::end(log.connection, session, now)).await?.0)
    }

    async fn prove(&self, operation: OperationId) -> Result<Proof, StoreError> {
        proofs::checked(&self.file, operation).await
    }
}
