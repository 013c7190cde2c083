//! The way of one command: decide, write down, carry out, write down, answer.

mod acl;
mod execution;
mod observing;
mod owed;
mod recovery;
mod shedding;
mod telling;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

use acl::PermittedEdit;
use observing::Notices;
use owed::Replies;
use recovery::{Admissions, Watched};
use shedding::Shedding;

use super::audit::{Reader, answer};
use super::limits::Limits;
use super::ports::{Admission, Admitted, Clock, Directory, Known, Observer, RoomControl, Store, StoreError};
use super::replies::ReplyBook;
use super::suggest::LiveRooms;
use crate::domain::access::{AclView, Action, Decision, Denial, NotEdited, Reach, decide, footing, rights};
use crate::domain::audit::{Attempt, NoAnswer, OperationId, Outcome, Refusal, Verdict};
use crate::domain::command::{
    AclCommand, Command, CommandRequest, Place, RejectedRequest, Rejection, check_account,
};
use crate::domain::reply::{AclAnswer, Reply};
use crate::domain::reply_note::{HowReplied, ReplyNote};
use crate::domain::room::{Accounts, RoomId};
use crate::domain::tree_head::TreeHead;
use crate::domain::wording;

/// How patiently outcomes are looked into.
#[derive(Debug, Clone)]
pub struct Timing {
    /// After an accepted change: pauses before each reading of the owner, until it shows the new one.
    pub confirm: Vec<Duration>,
    /// After an unclear answer: pauses before each reading, until somebody is told that nobody knows. Tencent
    /// documents 3 s as its own limit (trtc.io/document/63398).
    pub settle: Vec<Duration>,
    /// Between two tries to record an outcome.
    pub record_again: Duration,
    /// Between two looks at the operations without a final outcome. One of them is looked at less and less often.
    pub recover_again: Duration,
    /// How long after its call was cut a change may still come true. Until then nobody says that it did not happen.
    pub unclear_for: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        let ms = |values: &[u64]| values.iter().copied().map(Duration::from_millis).collect();
        Self {
            confirm: ms(&[0, 250, 750]),
            settle: ms(&[0, 300, 700, 1_000, 1_600]),
            record_again: Duration::from_millis(250),
            recover_again: Duration::from_secs(5),
            unclear_for: Duration::from_secs(60),
        }
    }
}

/// How the service works: how patiently, and how much it takes on.
#[derive(Debug, Clone, Default)]
pub struct Conduct {
    /// How patiently outcomes are looked into.
    pub timing: Timing,
    /// How much is taken on.
    pub limits: Limits,
}

impl From<Timing> for Conduct {
    fn from(timing: Timing) -> Self {
        Self { timing, ..Self::default() }
    }
}

/// Carries commands out. One per process; adapters share it.
pub struct CommandService {
    store: Arc<dyn Store>,
    rooms: Arc<dyn RoomControl>,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    timing: Timing,
    /// Operations that this process is working on: their being pending is not an accident.
    under_way: Mutex<HashSet<OperationId>>,
    watched: Watched,
    admissions: Admissions,
    directory: Arc<dyn Directory>,
    notices: Notices,
    shedding: Shedding,
    replies: Replies,
    tasks: TaskTracker,
    pub(super) live: LiveRooms,
    pub(super) accounts: Accounts,
}

/// What is about to be done for a request that was admitted and goes on to Tencent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Read a room's owner.
    Lookup,
    /// Hand a room over.
    Transfer,
}

/// What came of a request whose door has to be heard before anything is done.
#[derive(Debug)]
pub enum Handled<E> {
    /// Nothing was to be done, and no acknowledgement was asked for.
    AtOnce(Reply),
    /// It was acknowledged, then done.
    Acknowledged(Reply),
    /// The acknowledgement failed, so nothing was done; recorded as declined.
    Declined(Reply, E),
}

/// What is left to do after a request was admitted.
#[derive(Debug)]
pub enum Next {
    /// Nothing: this is the answer.
    Answer(Reply),
    /// A question about a room's owner, which is recorded.
    Lookup(OperationId, RoomId, Reach),
    /// A transfer that is permitted and written down.
    Transfer(Attempt),
}

impl CommandService {
    /// A service on these ports.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        rooms: Arc<dyn RoomControl>,
        clock: Arc<dyn Clock>,
        observer: Arc<dyn Observer>,
        timing: Timing,
    ) -> Self {
        Self {
            admissions: Admissions::default(),
            watched: Watched::default(),
            directory: Arc::new(Known::default()),
            notices: Notices::default(),
            shedding: Shedding::new(Limits::default()),
            replies: Replies::default(),
            store,
            rooms,
            clock,
            observer,
            timing,
            under_way: Mutex::default(),
            tasks: TaskTracker::new(),
            live: LiveRooms::default(),
            accounts: Accounts::default(),
        }
    }

    /// With groups of people that grants may name.
    #[must_use]
    pub fn with_directory(self, directory: Arc<dyn Directory>) -> Self {
        Self { directory, ..self }
    }

    /// With other limits than the usual ones.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { shedding: Shedding::new(limits), ..self }
    }

    /// With other accounts to hand rooms to than Tencent's.
    #[must_use]
    pub fn with_accounts(self, accounts: Accounts) -> Self {
        Self { accounts, ..self }
    }

    /// With a book in which it is kept who is owed an answer.
    #[must_use]
    pub fn with_reply_book(self, book: Arc<dyn ReplyBook>) -> Self {
        Self { replies: Replies::kept_in(book), ..self }
    }

    /// Who is in which group.
    #[must_use]
    pub fn directory(&self) -> &dyn Directory {
        &*self.directory
    }

    /// The store, for the use cases that only read.
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Admits and executes in a task of its own: whoever asked may go away, the work does not.
    pub fn spawn(self: &Arc<Self>, request: CommandRequest) -> tokio::task::JoinHandle<Reply> {
        self.spawn_recorded(request, Arc::default())
    }

    /// The same, and `is_recorded` says from when on the request is on record.
    pub fn spawn_recorded(
        self: &Arc<Self>,
        request: CommandRequest,
        is_recorded: Arc<AtomicBool>,
    ) -> tokio::task::JoinHandle<Reply> {
        let service = Arc::clone(self);
        self.tasks.spawn(async move { service.handle_recorded(request, &is_recorded).await })
    }

    /// Keeps a piece of work (such as a late answer) alive until it ends, even through a shutdown.
    pub fn track(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(work);
    }

    pub(super) fn spawn_tracked<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        self.tasks.spawn(work)
    }

    pub(super) fn rooms(&self) -> &dyn RoomControl {
        &*self.rooms
    }

    pub(super) fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    /// Waits until everything that was begun has ended. Nothing new may be begun any more.
    pub async fn drain(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Decides, writes down, carries out and answers.
    pub async fn handle(&self, request: CommandRequest) -> Reply {
        self.handle_recorded(request, &AtomicBool::default()).await
    }

    async fn handle_recorded(&self, request: CommandRequest, is_recorded: &AtomicBool) -> Reply {
        let asked = Asked::now(&request);
        let reply = match self.enter(&request).await {
            Err(why) => self.turn_away(&request, why).await,
            Ok(_place) => {
                let next = self.admit(request).await;
                is_recorded.store(true, Ordering::Release);
                let _at_work = self.at_work(&next);
                match next {
                    Next::Answer(reply) => reply,
                    Next::Lookup(operation, room, reach) => self.show_owner(operation, room, &reach).await,
                    Next::Transfer(attempt) => self.execute(attempt).await,
                }
            }
        };
        self.answered(&asked, &reply);
        reply
    }

    /// Like [`Self::handle`], for a platform on which a request dies unless it is acknowledged in time:
    /// nothing reaches Tencent before `acknowledge` has succeeded, and nothing at all if it fails. Its
    /// error says why, for the record.
    pub async fn handle_once_acknowledged<A, E>(
        &self,
        request: CommandRequest,
        acknowledge: impl FnOnce(Work, OperationId) -> A,
    ) -> Handled<E>
    where
        A: Future<Output = Result<(), E>>,
        E: std::fmt::Display,
    {
        let asked = Asked::now(&request);
        let _place = match self.enter(&request).await {
            Ok(place) => place,
            Err(why) => {
                let reply = self.turn_away(&request, why).await;
                self.answered(&asked, &reply);
                return Handled::AtOnce(reply);
            }
        };
        let next = self.admit(request).await;
        let _at_work = self.at_work(&next);
        let handled = match next {
            Next::Answer(reply) => Handled::AtOnce(reply),
            Next::Lookup(operation, room, reach) => match acknowledge(Work::Lookup, operation).await {
                Ok(()) => Handled::Acknowledged(self.show_owner(operation, room, &reach).await),
                Err(why) => {
                    let (outcome, _) = self.decline(operation, &why).await;
                    Handled::Declined(Reply::Owner { operation, room, outcome, meant: None }, why)
                }
            },
            Next::Transfer(attempt) => match acknowledge(Work::Transfer, attempt.operation()).await {
                Ok(()) => Handled::Acknowledged(self.execute(attempt).await),
                Err(why) => {
                    let (outcome, recorded) = self.decline(attempt.operation(), &why).await;
                    let reply = execution::transferred(&attempt, outcome, recorded);
                    Handled::Declined(reply, why)
                }
            },
        };
        let (Handled::AtOnce(reply) | Handled::Acknowledged(reply) | Handled::Declined(reply, _)) = &handled;
        self.answered(&asked, reply);
        handled
    }

    /// Ends an operation that was admitted and is not carried out.
    async fn decline(&self, operation: OperationId, why: &impl std::fmt::Display) -> (Outcome, Recorded) {
        warn!(operation = operation.seq(), %why, "not acknowledged, so nothing was done");
        let outcome = Outcome::Declined(Refusal {
            code: None,
            info: format!("not acknowledged in time: {why}"),
            request_id: None,
            remedy: "It is safe to send the command again.".to_owned(),
        });
        let recorded = self.record(operation, &outcome).await;
        (outcome, recorded)
    }

    fn answered(&self, asked: &Asked, reply: &Reply) {
        info!(
            operation = reply.operation().map(OperationId::seq),
            actor = %asked.actor, command = ?asked.typed, outcome = %reply.outcome(), "command answered"
        );
        self.observer.answered(Some(&asked.place), reply.outcome(), asked.at.elapsed());
    }

    /// Notes beside the operation of a reply that the reply went another way, or nowhere. Not for the usual
    /// case, which costs no commit.
    pub async fn note_reply(
        &self,
        operation: Option<OperationId>,
        how: HowReplied,
        why: impl std::fmt::Display,
    ) {
        let Some(operation) = operation else { return };
        let note = ReplyNote { how, why: why.to_string() };
        self.observer.replied(how);
        if let Err(problem) = self.store.note_reply(operation, &note, self.clock.now()).await {
            error!(operation = operation.seq(), %note, error = %problem, "a note about a reply is not in the log");
        }
    }

    /// Records an authentic request that never became a command.
    pub async fn reject(&self, request: RejectedRequest) -> Reply {
        let began = Instant::now();
        let place = request.channel.clone().map(Place::Channel);
        let rejection = request.rejection.clone();
        let reply = match self.store.admit(Admission::Rejected(request), self.clock.now()).await {
            Ok(Admitted::Duplicate { operation, first }) => {
                Reply::Duplicate { operation, first: Box::new(first) }
            }
            Ok(Admitted::Recorded(operation)) => {
                info!(operation = operation.seq(), ?rejection, "request rejected");
                match rejection {
                    Rejection::Foreign(origin) => Reply::Foreign { operation, origin },
                    Rejection::Unusable(why) => Reply::Unusable { operation, why },
                }
            }
            Ok(other) => not_recorded(&StoreError(format!("unexpected answer to a rejection: {other:?}"))),
            Err(error) => not_recorded(&error),
        };
        self.observer.answered(place.as_ref(), reply.outcome(), began.elapsed());
        reply
    }

    /// Decides about a request and writes the decision down. Quick and local; nothing reaches Tencent,
    /// except to look into an earlier operation that still holds the room.
    pub async fn admit(&self, request: CommandRequest) -> Next {
        // Every door comes by here: what is asked for is taken as it is, or refused.
        let command = check_account(self.accounts, request.command);
        let request = CommandRequest { command, ..request };
        let (mut decline_if_busy, mut is_counted) = (false, false);
        // Each turn but the last is spent on a change of the ACL in between, or on resolving a holder.
        for _ in 0..8 {
            let acl = match self.store.recent_acl_for(&request.principal, &request.place).await {
                Ok(acl) => acl,
                Err(error) => return Next::Answer(not_recorded(&error)),
            };
            let decided = match self.decide(&request, &acl).await {
                Ok(Decided::Edit(edit)) => match self.edit(&request, edit).await {
                    Some(reply) => return Next::Answer(reply),
                    None => continue,
                },
                Ok(Decided::Verdict(verdict, said)) => (verdict, said),
                Err(error) => return Next::Answer(not_recorded(&error)),
            };
            let (verdict, said) = decided;
            if !std::mem::replace(&mut is_counted, true)
                && let Some(why) = self.room_is_worn_out(&request, &verdict)
            {
                return Next::Answer(self.turn_away(&request, why).await);
            }
            let admission = Admission::Request {
                request: Box::new(request.clone()),
                verdict,
                acl_version: Some(acl.version),
                decline_if_busy,
            };
            let asked = self.admissions.begin();
            let owing = matches!(request.place, Place::Channel(_)).then(|| self.replies.admitting());
            let (now, began) = (self.clock.now(), self.clock.elapsed());
            let admitted = self.store.admit(admission, now).await;
            return match admitted {
                Ok(Admitted::Attempt(attempt)) => {
                    self.under_way().insert(attempt.operation());
                    self.watched.begin(attempt.operation(), now, began);
                    if let Some(owing) = &owing {
                        owing.took(attempt.operation(), attempt.begun_at());
                    }
                    Next::Transfer(attempt)
                }
                Ok(Admitted::Recorded(operation)) => {
                    let next = self.recorded(operation, said, &request, &acl).await;
                    if let Next::Lookup(..) = &next {
                        self.watched.begin(operation, now, began);
                    }
                    if let (Some(owing), Next::Lookup(..)) = (&owing, &next) {
                        owing.took(operation, self.clock.now());
                    }
                    next
                }
                Ok(Admitted::Duplicate { operation, first }) => {
                    Next::Answer(Reply::Duplicate { operation, first: Box::new(first) })
                }
                Ok(Admitted::AclChanged) => continue,
                Ok(Admitted::Busy { operation: Some(operation), holder, .. }) => {
                    let is_callers_own = holder.actor.as_ref() == Some(&request.principal.subject);
                    Next::Answer(Reply::Busy { operation, holder: Box::new(holder), is_callers_own })
                }
                Ok(Admitted::NotHeld { operation, named }) => {
                    let room = request.command.as_ref().ok().and_then(Command::room).cloned();
                    Next::Answer(Reply::NotHeld { operation, named, room })
                }
                Ok(Admitted::Busy { operation: None, unresolved, .. }) => {
                    drop(asked);
                    if let Err(error) = self.resolve_holder(&unresolved).await {
                        return Next::Answer(not_recorded(&error));
                    }
                    decline_if_busy = true;
                    continue;
                }
                Err(error) => Next::Answer(not_recorded(&error)),
            };
        }
        Next::Answer(not_recorded(&StoreError("the acl changed faster than a decision could be made".into())))
    }

    async fn decide(&self, request: &CommandRequest, acl: &AclView) -> Result<Decided, StoreError> {
        let command = match &request.command {
            Ok(command) => command,
            Err(error) => {
                let why = wording::usage_for_the_record(error);
                return Ok(Decided::Verdict(Verdict::Invalid(why), Said::Nothing));
            }
        };
        let action = match command {
            Command::Help(_) | Command::ListRooms | Command::Undo | Command::Acl(AclCommand::WhoAmI) => {
                return Ok(Decided::Verdict(Verdict::Open, Said::Nothing));
            }
            Command::ShowOwner { room } => Action::ShowOwner(room.clone()),
            Command::Transfer(transfer) if transfer.overrides.is_some() => {
                Action::Override(transfer.room.clone())
            }
            Command::Transfer(transfer) => Action::Transfer(transfer.room.clone()),
            Command::Acl(AclCommand::Edit { edit, .. }) => Action::EditAcl(self.rooms_of(edit, acl).await?),
            Command::Acl(AclCommand::Why(why)) => Action::ReadAcl(Some(why.room.clone())),
            Command::Acl(AclCommand::WhoCan(room)) => Action::ReadAcl(Some(room.clone())),
            Command::Acl(_) => Action::ReadAcl(None),
            Command::Audit(_) => Action::ReadAudit,
        };
        Ok(match decide(&request.principal, &request.place, action.clone(), acl, self.clock.now()) {
            Decision::Deny(denial) => {
                Decided::Verdict(Verdict::Denied(denial.clone()), Said::Denied(denial, action))
            }
            Decision::Permit(permit) => match command {
                Command::Transfer(transfer) => {
                    Decided::Verdict(Verdict::Transfer(permit, transfer.new_owner.clone()), Said::Nothing)
                }
                Command::ShowOwner { .. } => {
                    let reach = permit.reach().clone();
                    Decided::Verdict(Verdict::Lookup(permit), Said::Reach(reach))
                }
                Command::Acl(AclCommand::Edit { edit, reason, force }) => {
                    match self.steps(edit, reason.as_ref(), &request.place).await? {
                        Ok(steps) => {
                            let (reason, force) = (reason.clone(), *force);
                            Decided::Edit(PermittedEdit { permit, steps, reason, force })
                        }
                        Err(why) => {
                            Decided::Verdict(Verdict::TurnedAway(why.to_string()), Said::NotEdited(why))
                        }
                    }
                }
                Command::Audit(_) => {
                    let reach = permit.reach().clone();
                    Decided::Verdict(Verdict::Read(permit), Said::Reach(reach))
                }
                Command::Acl(_) | Command::Help(_) | Command::ListRooms | Command::Undo => {
                    Decided::Verdict(Verdict::Read(permit), Said::Nothing)
                }
            },
        })
    }

    async fn recorded(
        &self,
        operation: OperationId,
        said: Said,
        request: &CommandRequest,
        acl: &AclView,
    ) -> Next {
        let subject = request.principal.subject.clone();
        Next::Answer(match (said, &request.command) {
            (Said::Denied(denial, action), _) => {
                let helpers = self.helpers(&action, request).await;
                Reply::Denied { operation, denial, subject, action, helpers }
            }
            (Said::NotEdited(why), _) => {
                Reply::Acl { operation, answer: Box::new(AclAnswer::NotEdited(why)) }
            }
            (_, Err(error)) => {
                let rights = rights(&request.principal, &request.place, acl, self.clock.now());
                let error = self.narrowed(error.clone(), request, acl).await;
                Reply::Invalid { operation, error, rights }
            }
            (Said::Reach(reach), Ok(Command::ShowOwner { room })) => {
                self.under_way().insert(operation);
                return Next::Lookup(operation, room.clone(), reach);
            }
            (_, Ok(Command::ShowOwner { .. })) => {
                not_recorded(&StoreError("a question was admitted without a reach".into()))
            }
            (_, Ok(Command::ListRooms)) => self.list_rooms(operation, request, acl).await,
            (_, Ok(Command::Undo)) => {
                self.last_hand_over(operation, request).await.unwrap_or_else(|error| not_recorded(&error))
            }
            (Said::Reach(reach), Ok(Command::Audit(question))) => {
                let reader = Reader { reach: Some(reach.clone()), reading: Some(operation) };
                // Times that name no zone are of whoever types them.
                let zone = match request.place {
                    Place::Local => TimeZone::system(),
                    Place::Channel(_) => TimeZone::UTC,
                };
                let answer = answer(self.store.log(), &*self.clock, &zone, question, &reader).await;
                if let Err(NoAnswer::Store(error)) = &answer {
                    error!(operation = operation.seq(), %error, "a question to the log was not answered");
                }
                let zone = question.zone().cloned().unwrap_or(TimeZone::UTC);
                Reply::Audit { operation, answer: Box::new(answer), reach, zone }
            }
            (_, Ok(Command::Audit(_))) => {
                not_recorded(&StoreError("a reading was admitted without a reach".into()))
            }
            (_, Ok(Command::Acl(command))) => {
                let answer = Box::new(self.acl_answer(command, request, acl).await);
                Reply::Acl { operation, answer }
            }
            (_, Ok(Command::Help(family))) => {
                let footing = footing(&request.principal, &request.place, acl, self.clock.now());
                Reply::Help { operation, family: *family, subject, footing }
            }
            (_, Ok(Command::Transfer(_))) => {
                not_recorded(&StoreError("a transfer was admitted without its attempt".into()))
            }
        })
    }

    /// What is to be done is under way until it is recorded, or breaks off.
    fn at_work(&self, next: &Next) -> AtWork<'_> {
        AtWork(
            self,
            match next {
                Next::Answer(_) => None,
                Next::Lookup(operation, ..) => Some(*operation),
                Next::Transfer(attempt) => Some(attempt.operation()),
            },
        )
    }

    fn under_way(&self) -> std::sync::MutexGuard<'_, HashSet<OperationId>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Work on an operation. However it ends, the operation is not under way any more: what broke off is found and
/// resolved as if its process had died.
struct AtWork<'a>(&'a CommandService, Option<OperationId>);

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        if let Some(operation) = self.1 {
            self.0.under_way().remove(&operation);
        }
    }
}

/// A request, as far as the log line about its end needs it.
struct Asked {
    at: Instant,
    typed: String,
    actor: crate::domain::principal::Subject,
    place: Place,
}

impl Asked {
    fn now(request: &CommandRequest) -> Self {
        Self {
            at: Instant::now(),
            typed: request.typed.clone(),
            actor: request.principal.subject.clone(),
            place: request.place.clone(),
        }
    }
}

/// Whether an outcome is in the log.
enum Recorded {
    /// It is; with the log's head after it, unless another outcome had been recorded before.
    Yes(Option<TreeHead>),
    /// The record has to wait.
    NotYet,
}

enum Decided {
    /// To be written down, and what to say then.
    Verdict(Verdict, Said),
    /// A permitted change of the ACL, which is made as it is written down.
    Edit(PermittedEdit),
}

enum Said {
    Nothing,
    /// How far a reading of the log reaches.
    Reach(Reach),
    Denied(Denial, Action),
    /// Why a change of the ACL cannot be made as it is.
    NotEdited(NotEdited),
}

fn not_recorded(problem: &StoreError) -> Reply {
    error!(error = %problem, "nothing was done: the store failed");
    Reply::NotRecorded
}
