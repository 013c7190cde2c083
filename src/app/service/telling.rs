//! Saying late what could not be said in time: behind a way back that is gone, or after the process died.

use std::time::Duration;

use jiff::Timestamp;
use tracing::{info, warn};

use super::CommandService;
use super::owed::{Next, is_too_late};
use crate::app::ports::StoreError;
use crate::app::replies::{Messengers, NotTold, Owed, Platform, Telling};
use crate::domain::audit::{AuditEntry, OperationId, Outcome, OutcomeKind, Unresolved, What};
use crate::domain::command::Transfer;
use crate::domain::principal::Principal;
use crate::domain::reply::{Heard, Reply};
use crate::domain::reply_note::HowReplied;
use crate::domain::room::AccountId;

/// How long changes to what is owed are collected before they are kept. What is answered in less costs nothing;
/// what was answered within the last such while before a crash is said again.
const COLLECTING: Duration = Duration::from_millis(250);
/// After the store did not take them.
const KEEP_AGAIN: Duration = Duration::from_secs(1);

const PROCESS_ENDED: &str = "the process ended before the answer was marked as given";
const FOUND_OUT_LATER: &str = "what came of it was found out later";

impl CommandService {
    /// From now on what is owed is kept, and people can be told on these platforms. Takes over what processes
    /// owe that are gone.
    ///
    /// # Errors
    /// When the store cannot do it; it is tried again as the recovery goes on.
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
            info!(answers = taken.len(), "answers are owed by a process that is gone");
            self.replies.take_on(taken);
        }
        Ok(())
    }

    /// The door has answered: nothing more is owed.
    pub fn answer_given(&self, operation: Option<OperationId>) {
        if let Some(operation) = operation {
            self.replies.settled(operation);
        }
    }

    /// The answer may be seen in this channel or thread, by the platform's own id.
    pub fn answer_may_be_seen_in(&self, operation: OperationId, channel: String) {
        self.replies.may_be_seen_in(operation, channel);
    }

    /// The door cannot deliver an answer. The bot says it by itself if it can; otherwise it is lost, and
    /// the log says so. `perhaps_said` if it may have been delivered after all.
    pub async fn answer_failed(
        &self,
        operation: Option<OperationId>,
        platform: Platform,
        why: impl std::fmt::Display,
        perhaps_said: bool,
    ) {
        let messengers = self.replies.messengers();
        let can_be_told = messengers.is_some_and(|messengers| messengers.on(platform).is_some());
        if let Some(operation) = operation
            && can_be_told
            && self.replies.hand_over(operation, why.to_string(), perhaps_said)
        {
            return info!(operation = operation.seq(), %why, "an answer is said later");
        }
        warn!(operation = operation.map(OperationId::seq), %why, "an answer was given up; the audit log has the outcome");
        self.note_reply(operation, HowReplied::Lost, why).await;
        self.answer_given(operation);
    }

    /// Before an outcome is recorded that its person does not know: whoever records it tells them.
    pub(super) async fn owe_the_news(&self, unresolved: &Unresolved) {
        let operation = unresolved.operation;
        let known = match unresolved.outcome {
            OutcomeKind::Unknown => Some(OutcomeKind::Unknown),
            _ if unresolved.is_ours => {
                // Its work broke off; or it was answered, and only the record came late.
                if self.replies.is_live(operation) {
                    self.replies.wait_for(operation);
                }
                return;
            }
            _ => None,
        };
        self.owe_news_of(operation, known, unresolved.begun_at).await;
    }

    /// Takes on to tell somebody of an outcome, other than the one that they know. `begun_at` counts for who has
    /// heard nothing yet.
    pub(super) async fn owe_news_of(
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
            // An earlier answer may be given and still be kept as pending.
            self.keep_batch().await;
            let since = if known.is_some() { self.clock.now() } else { begun_at };
            book.claim(&Owed { operation, public_in: None, known, perhaps_said: false, since }).await
        };
        match claim.await {
            Ok(claimed) => self.replies.take_on(claimed.into_iter().collect()),
            Err(error) => {
                let error: StoreError = error;
                warn!(operation = operation.seq(), %error, "nobody is told what came of it");
            }
        }
    }

    /// Finds those whose outcome is on record by now.
    pub(super) async fn look_at_waiting_replies(&self) -> Result<(), StoreError> {
        for owed in self.replies.waiting() {
            let Some(entry) = self.store.operation(owed.operation).await? else { continue };
            if entry.outcome != OutcomeKind::Pending && Some(entry.outcome) != owed.known {
                let why = if owed.known.is_some() { FOUND_OUT_LATER } else { PROCESS_ENDED };
                self.replies.hand_over(owed.operation, why.to_owned(), false);
            }
        }
        self.observer.owes(self.replies.to_say());
        Ok(())
    }

    /// Keeps what is owed, for as long as the process runs. Meanwhile nobody waits for it.
    pub async fn keep_replies(&self) {
        loop {
            self.replies.changed.notified().await;
            // By the real time, as every pause that only gathers work.
            tokio::time::sleep(COLLECTING).await;
            if !self.keep_batch().await {
                tokio::time::sleep(KEEP_AGAIN).await;
            }
        }
    }

    /// Keeps what is left to say when nothing more is begun.
    pub async fn end_replies(&self) {
        self.keep_batch().await;
    }

    async fn keep_batch(&self) -> bool {
        let Some(book) = self.replies.book() else { return true };
        let _in_order = self.replies.keeping.lock().await;
        let Some(batch) = self.replies.batch() else { return true };
        match book.keep(&batch).await {
            Ok(()) => true,
            Err(error) => {
                warn!(%error, "what is owed to people cannot be kept");
                self.replies.is_not_kept(batch);
                false
            }
        }
    }

    /// Says what is due, for as long as the process runs.
    pub async fn keep_telling(&self) {
        loop {
            match self.replies.next(self.clock.now()) {
                Next::Nothing => self.replies.due.notified().await,
                Next::In(pause) => tokio::select! {
                    () = self.clock.sleep(pause) => {}
                    () = self.replies.due.notified() => {}
                },
                Next::Say(owed, why) => self.say_late(owed, &why).await,
            }
            self.observer.owes(self.replies.to_say());
        }
    }

    async fn say_late(&self, owed: Owed, why: &str) {
        let operation = owed.operation;
        let postpone = |after| self.replies.postpone(operation, after, self.clock.now());
        if is_too_late(&owed, self.clock.now()) {
            return self.give_up(&owed, format!("{why}; a day is over")).await;
        }
        let telling = match self.telling(&owed).await {
            Ok(Some(telling)) => telling,
            Ok(None) => return self.replies.settled(operation),
            Err(error) => {
                warn!(operation = operation.seq(), %error, "what came of it cannot be read");
                postpone(None);
                return;
            }
        };
        let messengers = self.replies.messengers();
        let Some(messenger) = messengers.and_then(|them| them.on(Platform::of(&telling.channel))) else {
            return self.give_up(&owed, format!("{why}; there is no token of the bot to say it with")).await;
        };
        // First, so that whoever comes after a crash in the middle knows that it may have been said.
        self.replies.mark_said(operation, true);
        if !self.keep_batch().await {
            self.replies.mark_said(operation, owed.perhaps_said);
            postpone(None);
            return;
        }
        match messenger.tell(&telling).await {
            Ok(()) => {
                info!(operation = operation.seq(), why, "an answer was said late");
                if owed.known.is_none() {
                    self.note_reply(Some(operation), HowReplied::Told, why).await;
                }
                self.replies.settled(operation);
            }
            Err(NotTold::Ever(problem)) => self.give_up(&owed, format!("{why}; then {problem}")).await,
            Err(NotTold::Yet { why: problem, after, is_unclear }) => {
                warn!(operation = operation.seq(), problem, "an answer cannot be said yet");
                self.replies.mark_said(operation, owed.perhaps_said || is_unclear);
                if !postpone(after) {
                    self.give_up(&owed, format!("{why}; then, for a day, {problem}")).await;
                }
            }
        }
    }

    async fn give_up(&self, owed: &Owed, why: String) {
        warn!(operation = owed.operation.seq(), why, "an answer was given up; the audit log has the outcome");
        // Whoever heard that the outcome is unknown has had an answer.
        if owed.known.is_none() {
            self.note_reply(Some(owed.operation), HowReplied::Lost, why).await;
        }
        self.replies.settled(owed.operation);
    }

    /// What came of an operation, as the log has it; `None` while nobody knows.
    async fn outcome_of(&self, operation: OperationId) -> Result<Option<Outcome>, StoreError> {
        let events = self.store.log().events(operation).await?;
        let ended = events.into_iter().rev().find_map(|event| match event.what {
            What::Ended(outcome) => Some(outcome),
            _ => None,
        });
        Ok(ended.map(|outcome| outcome.with_remedies(|code| self.rooms.remedy(code))))
    }

    /// What to say; `None` if there is nothing to say, or nobody to say it to.
    async fn telling(&self, owed: &Owed) -> Result<Option<Telling>, StoreError> {
        let Some(entry) = self.store.operation(owed.operation).await? else { return Ok(None) };
        let outcome = self.outcome_of(owed.operation).await?;
        let AuditEntry { operation, actor: Some(actor), channel: Some(channel), room: Some(room), .. } =
            entry
        else {
            return Ok(None);
        };
        let Some(outcome) = outcome else { return Ok(None) };
        let answer = match entry.new_owner {
            None => Reply::Owner { operation, room, outcome, meant: None },
            Some(new_owner) => Reply::Transfer {
                meant: None,
                operation,
                transfer: Transfer {
                    room,
                    new_owner: AccountId::from_tencent(new_owner),
                    reason: entry.reason,
                    overrides: None,
                },
                by: Principal { name: entry.actor_name, ..Principal::new(actor.clone()) },
                outcome,
                recorded: true,
                head: None,
            },
        };
        let heard = match (owed.known, owed.perhaps_said) {
            (Some(OutcomeKind::Refused), _) => Heard::Refused,
            (Some(_), _) => Heard::Unknown,
            (None, true) => Heard::Perhaps,
            (None, false) => Heard::Nothing,
        };
        let reply = Reply::Late { reply: Box::new(answer), typed: entry.command, asked_at: entry.at, heard };
        Ok(Some(Telling { to: actor, channel, public_in: owed.public_in.clone(), reply }))
    }
}
