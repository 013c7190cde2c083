//! Replies that could not be delivered in time, because the way back is gone or the process died: they are sent later,
//! as messages of the bot.

use std::time::Duration;

use jiff::Timestamp;
use tracing::{Instrument as _, info, warn};

use super::pending::{Next, is_too_late};
use super::{CommandService, span_of};
use crate::app::ports::StoreError;
use crate::app::replies::{Messengers, Notification, PendingReply, Platform, SendError};
use crate::domain::access::Asker;
use crate::domain::audit::{AuditEntry, OperationId, Outcome, OutcomeKind, Unresolved, What};
use crate::domain::command::{Person, Transfer};
use crate::domain::principal::Principal;
use crate::domain::reply::{AlreadyKnown, Reply};
use crate::domain::reply_note::HowReplied;
use crate::domain::room::AccountId;

/// How long changes are collected before they are stored. A reply that is delivered sooner costs nothing;
/// one that was delivered within this time before a crash is sent again.
const COLLECTING: Duration = Duration::from_millis(250);
/// The pause after the store failed.
const KEEP_AGAIN: Duration = Duration::from_secs(1);

const PROCESS_ENDED: &str = "the process ended before the answer was marked as given";
const FOUND_OUT_LATER: &str = "its outcome was found out later";

impl CommandService {
    /// From now on pending replies are stored, and people on these platforms can be reached. Takes over the replies
    /// of processes that are gone.
    ///
    /// # Errors
    /// When the store cannot do it; recovery tries again.
    pub async fn begin_replies(&self, messengers: Messengers) -> Result<(), StoreError> {
        self.replies.begin(messengers);
        self.take_over_replies().await
    }

    pub(super) async fn take_over_replies(&self) -> Result<(), StoreError> {
        let (Some(book), Some(messengers)) = (self.replies.book(), self.replies.messengers()) else {
            return Ok(());
        };
        let taken = book.take_over(&messengers.platforms()).await?;
        if !taken.is_empty() {
            info!(answers = taken.len(), "took over pending replies of a process that is gone");
            self.replies.take_on(taken);
        }
        Ok(())
    }

    /// The door has answered: nothing is pending any more.
    pub fn answer_given(&self, operation: Option<OperationId>) {
        if let Some(operation) = operation {
            self.replies.settled(operation);
        }
    }

    /// The answer may be seen in this channel or thread, by the platform's own id.
    pub fn answer_may_be_seen_in(&self, operation: OperationId, channel: String) {
        self.replies.may_be_seen_in(operation, channel);
    }

    /// The door cannot deliver a reply. The bot sends it by itself if it can; otherwise it is lost, and
    /// the log says so. `perhaps_said` if it may have been delivered after all.
    pub async fn answer_failed(
        &self,
        operation: Option<OperationId>,
        platform: Platform,
        why: impl std::fmt::Display,
        perhaps_said: bool,
    ) {
        let messengers = self.replies.messengers();
        let can_be_reached = messengers.is_some_and(|messengers| messengers.on(platform).is_some());
        if let Some(operation) = operation
            && can_be_reached
            && self.replies.hand_over(operation, why.to_string(), perhaps_said)
        {
            return info!(operation = operation.seq(), %why, "a reply is sent later");
        }
        warn!(operation = operation.map(OperationId::seq), %why, "a reply was given up; the audit log has the outcome");
        self.note_reply(operation, HowReplied::Lost, why).await;
        self.answer_given(operation);
    }

    /// Before an outcome is recorded that its person does not know: whoever records it notifies them.
    pub(super) async fn follow_up(&self, unresolved: &Unresolved) {
        let operation = unresolved.operation;
        let known = match unresolved.outcome {
            OutcomeKind::Unknown => Some(OutcomeKind::Unknown),
            _ if unresolved.is_ours => {
                // The command broke off; or it was answered, and only the record came late.
                if self.replies.is_live(operation) {
                    self.replies.wait_for(operation);
                }
                return;
            }
            _ => None,
        };
        self.follow_up_on(operation, known, unresolved.begun_at).await;
    }

    /// Notifies somebody of an outcome other than the one that they know. Without a known one, the day counts from
    /// `begun_at`.
    pub(super) async fn follow_up_on(
        &self,
        operation: OperationId,
        known: Option<OutcomeKind>,
        begun_at: Timestamp,
    ) {
        let (Some(book), Some(messengers)) = (self.replies.book(), self.replies.messengers()) else { return };
        let claim = async {
            let entry = self.store.operation(operation).await?;
            let Some(channel) = entry.as_ref().and_then(|entry| entry.channel.as_ref()) else {
                return Ok(None);
            };
            if !messengers.platforms().contains(&Platform::of(channel)) {
                return Ok(None);
            }
            // An earlier reply may be delivered and still be stored as pending.
            self.keep_batch().await;
            let since = if known.is_some() { self.clock.now() } else { begun_at };
            book.claim(&PendingReply { operation, public_in: None, known, perhaps_said: false, since }).await
        };
        match claim.await {
            Ok(claimed) => self.replies.take_on(claimed.into_iter().collect()),
            Err(error) => {
                let error: StoreError = error;
                warn!(operation = operation.seq(), %error, "nobody is notified of the outcome");
            }
        }
    }

    /// Finds the replies whose outcome is recorded by now.
    pub(super) async fn look_at_waiting_replies(&self) -> Result<(), StoreError> {
        for pending in self.replies.waiting() {
            let Some(entry) = self.store.operation(pending.operation).await? else { continue };
            if entry.outcome != OutcomeKind::Pending && Some(entry.outcome) != pending.known {
                let why = if pending.known.is_some() { FOUND_OUT_LATER } else { PROCESS_ENDED };
                self.replies.hand_over(pending.operation, why.to_owned(), false);
            }
        }
        self.observer.owes(self.replies.to_say());
        Ok(())
    }

    /// Stores pending replies for as long as the process runs. No command waits for it.
    pub async fn keep_replies(&self) {
        loop {
            self.replies.changed.notified().await;
            // The real time, as for every pause that only gathers work.
            tokio::time::sleep(COLLECTING).await;
            if !self.keep_batch().await {
                tokio::time::sleep(KEEP_AGAIN).await;
            }
        }
    }

    /// Stores what is left at the end, when nothing more begins.
    pub async fn end_replies(&self) {
        self.keep_batch().await;
    }

    async fn keep_batch(&self) -> bool {
        let Some(book) = self.replies.book() else { return true };
        let _in_order = self.replies.keeping.lock().await;
        let Some(batch) = self.replies.batch() else { return true };
        match book.keep(&batch).await {
            Ok(()) => {
                self.announcing.replies_were_delivered();
                true
            }
            Err(error) => {
                warn!(%error, "pending replies cannot be stored");
                self.replies.is_not_kept(batch);
                false
            }
        }
    }

    /// Sends what is due, for as long as the process runs.
    pub async fn keep_notifying(&self) {
        loop {
            match self.replies.next(self.clock.now()) {
                Next::Nothing => self.replies.due.notified().await,
                Next::In(pause) => tokio::select! {
                    () = self.clock.sleep(pause) => {}
                    () = self.replies.due.notified() => {}
                },
                Next::Say(pending, why) => {
                    let span = span_of(pending.operation);
                    self.deliver(pending, &why).instrument(span).await;
                }
            }
            self.observer.owes(self.replies.to_say());
        }
    }

    async fn deliver(&self, pending: PendingReply, why: &str) {
        let operation = pending.operation;
        let postpone = |after| self.replies.postpone(operation, after, self.clock.now());
        if is_too_late(&pending, self.clock.now()) {
            return self.give_up(&pending, format!("{why}; a day is over")).await;
        }
        let notification = match self.notification(&pending).await {
            Ok(Some(notification)) => notification,
            Ok(None) => return self.replies.settled(operation),
            Err(error) => {
                warn!(operation = operation.seq(), %error, "the outcome cannot be read");
                postpone(None);
                return;
            }
        };
        let messengers = self.replies.messengers();
        let Some(messenger) = messengers.and_then(|them| them.on(Platform::of(&notification.channel))) else {
            return self.give_up(&pending, format!("{why}; the bot has no token to send it with")).await;
        };
        // Stored first, so that after a crash the next process knows that it may have been sent.
        self.replies.mark_said(operation, true);
        if !self.keep_batch().await {
            self.replies.mark_said(operation, pending.perhaps_said);
            postpone(None);
            return;
        }
        match messenger.send(&notification).await {
            Ok(message) => {
                info!(operation = operation.seq(), why, "a reply was sent late");
                if pending.known.is_none() {
                    self.note_reply(Some(operation), HowReplied::Sent, why).await;
                }
                if let Some(message) = message {
                    self.announced_by_reply(operation, &notification.channel, &message).await;
                }
                self.replies.settled(operation);
            }
            Err(SendError::Permanent(problem)) => {
                self.give_up(&pending, format!("{why}; then {problem}")).await
            }
            Err(SendError::Temporary { why: problem, after, is_unclear }) => {
                warn!(operation = operation.seq(), problem, "a reply cannot be sent yet");
                self.replies.mark_said(operation, pending.perhaps_said || is_unclear);
                if !postpone(after) {
                    self.give_up(&pending, format!("{why}; then, for a day, {problem}")).await;
                }
            }
        }
    }

    async fn give_up(&self, pending: &PendingReply, why: String) {
        warn!(
            operation = pending.operation.seq(),
            why, "a reply was given up; the audit log has the outcome"
        );
        // Somebody who knows that the outcome is unknown has had a reply.
        if pending.known.is_none() {
            self.note_reply(Some(pending.operation), HowReplied::Lost, why).await;
        }
        self.replies.settled(pending.operation);
    }

    /// The outcome of an operation in the log; `None` while it is open.
    async fn outcome_of(&self, operation: OperationId) -> Result<Option<Outcome>, StoreError> {
        let events = self.store.log().events(operation).await?;
        let ended = events.into_iter().rev().find_map(|event| match event.what {
            What::Ended(outcome) => Some(outcome),
            _ => None,
        });
        Ok(ended.map(|outcome| outcome.with_remedies(|code| self.rooms.remedy(code))))
    }

    /// What to send; `None` if there is nothing to send, or nobody to send it to.
    async fn notification(&self, pending: &PendingReply) -> Result<Option<Notification>, StoreError> {
        let Some(entry) = self.store.operation(pending.operation).await? else { return Ok(None) };
        let outcome = self.outcome_of(pending.operation).await?;
        let AuditEntry { operation, actor: Some(actor), channel: Some(channel), room: Some(room), .. } =
            entry
        else {
            return Ok(None);
        };
        let Some(outcome) = outcome else { return Ok(None) };
        let person = match entry.new_owner_person {
            Some(subject) => Some(Box::new(Person { name: self.last_seen_name(&subject).await, subject })),
            None => None,
        };
        let answer = match entry.new_owner {
            None => Reply::Owner { operation, room, outcome, meant: None },
            Some(new_owner) => Reply::Transfer {
                meant: None,
                operation,
                transfer: Transfer {
                    room,
                    new_owner: AccountId::from_tencent(new_owner),
                    person,
                    reason: entry.reason,
                    overrides: None,
                },
                requested_by: entry.requested_by.map(|subject| {
                    let (name, groups) = (entry.requested_by_name, Vec::new());
                    Box::new(Asker { subject, name, groups, at: entry.at })
                }),
                by: Principal { name: entry.actor_name, ..Principal::new(actor.clone()) },
                outcome,
                recorded: true,
                head: None,
            },
        };
        let known = match (pending.known, pending.perhaps_said) {
            (Some(OutcomeKind::Refused), _) => AlreadyKnown::Refused,
            (Some(_), _) => AlreadyKnown::Unknown,
            (None, true) => AlreadyKnown::Perhaps,
            (None, false) => AlreadyKnown::Nothing,
        };
        let buttons = self.store.buttons(operation, self.clock.now()).await?;
        let answer = answer.with_buttons(buttons);
        let reply = Reply::Late { reply: Box::new(answer), typed: entry.command, asked_at: entry.at, known };
        Ok(Some(Notification { to: actor, channel, public_in: pending.public_in.clone(), reply }))
    }
}
