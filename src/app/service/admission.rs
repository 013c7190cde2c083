//! Admission: a request is decided and, in one transaction, recorded before anything is done about it.

use std::time::Instant;

use jiff::Timestamp;
use tracing::info;

use super::asking::{self, Asked};
use super::in_flight::InFlightGuard;
use super::{CommandService, not_recorded, note_operation};
use crate::app::acl::rooms_of;
use crate::app::ports::{Admission, Admitted, Step, StoreError};
use crate::domain::access::{
    AclView, Action, Decision, Denial, EffectiveScope, NotSecond, Permit, Takes, decide,
};
use crate::domain::admission::{Attempt, Verdict};
use crate::domain::asking::AccessRequest;
use crate::domain::audit::OperationId;
use crate::domain::command::{
    AclCommand, Command, CommandRequest, Place, RejectedRequest, Rejection, UsageError,
};
use crate::domain::press::NotPressed;
use crate::domain::reply::{AskAnswer, Reply};
use crate::domain::room::RoomId;

/// What is left to do about a request.
pub(in crate::app) enum Next<'a> {
    /// Nothing: this is the answer.
    Answer(Reply),
    /// Nothing: the same person has asked for the same access, and that is still open.
    AskedBefore(OperationId, Box<AccessRequest>),
    /// A change of the ACL, which is permitted and recorded as it is made.
    Edit(Permit),
    /// A transfer that is permitted and written down.
    Transfer(Attempt, InFlightGuard<'a>),
    /// A transfer that is permitted and takes more; it is on record, at its end.
    Hold(Held),
    /// A question about a room's owner, which is permitted and written down, and ends with its outcome.
    ShowOwner(RoomId, OnRecord, InFlightGuard<'a>),
    /// Anything else: recorded and already at its end; the answer is still to be given.
    Say(OnRecord),
}

impl Next<'_> {
    /// How often a request is decided again because the ACL changed, or the operation that held its room was resolved.
    pub(in crate::app) const MOST_TURNS: usize = 8;
}

/// A request that is on record and changes nothing.
pub(in crate::app) struct OnRecord {
    /// Its record.
    pub operation: OperationId,
    /// What was decided about: a person to whom it hands a room was looked up.
    pub command: Result<Command, UsageError>,
    /// The ACL that it was decided by.
    pub acl: AclView,
    /// The rooms that its permit covers; none without a permit.
    pub reach: EffectiveScope,
    /// Why it is not permitted, and which action was not.
    pub denied: Option<Box<(Denial, Action)>>,
    /// What came of a request for access.
    pub asked: Option<AskAnswer>,
}

/// A hand-over that takes more than the right to it.
pub(in crate::app) struct Held {
    /// What.
    pub takes: Takes,
    /// Its record.
    pub on_record: OnRecord,
    /// When it was recorded.
    pub at: Timestamp,
}

/// The decision, and what of it is still needed after the verdict was recorded.
pub(super) enum Decided {
    Edit(Permit),
    Verdict(Box<Judged>),
    /// The ACL changed meanwhile.
    Again,
}

/// A verdict, the rooms that it reaches, and why it is no plain yes.
pub(super) struct Judged {
    pub(super) verdict: Verdict,
    pub(super) reach: EffectiveScope,
    pub(super) because: Because,
}

/// Why a verdict is no plain yes.
pub(super) enum Because {
    Nothing,
    Denied(Box<(Denial, Action)>),
    Asked(AskAnswer),
    Takes(Takes),
    NotSecond(NotSecond),
}

impl Decided {
    pub(super) fn verdict(verdict: Verdict, reach: EffectiveScope, because: Because) -> Self {
        Self::Verdict(Box::new(Judged { verdict, reach, because }))
    }

    fn denied(denial: Denial, action: Action) -> Self {
        let because = Because::Denied(Box::new((denial.clone(), action)));
        Self::verdict(Verdict::Denied(denial), EffectiveScope::default(), because)
    }

    fn asked(asked: Asked) -> Self {
        let (verdict, answer) = match asked {
            Asked::Denied(denial, action) => return Self::denied(denial, action),
            Asked::Pointless(answer) => (Verdict::Declined(answer.to_string()), answer),
            Asked::Ask(asking) => {
                let answer = AskAnswer::ShownTo(asking.shown_to.clone(), asking.access.lapses_at);
                (Verdict::Ask(asking), answer)
            }
        };
        Self::verdict(verdict, EffectiveScope::default(), Because::Asked(answer))
    }
}

impl CommandService {
    /// Decides about a request and records the decision. Quick and local: Tencent is asked only to resolve an
    /// earlier operation that still holds the room.
    pub(in crate::app) async fn admit(&self, request: &CommandRequest) -> Next<'_> {
        let began = Instant::now();
        let admitted = self.try_to_admit(request).await;
        self.observer.took(Step::Admission, began.elapsed());
        admitted.unwrap_or_else(|error| Next::Answer(not_recorded(&error)))
    }

    async fn try_to_admit(&self, request: &CommandRequest) -> Result<Next<'_>, StoreError> {
        let (mut decline_if_busy, mut is_counted) = (false, false);
        for _ in 0..Next::MOST_TURNS {
            let place = self.decided_at(request).await?;
            let acl = self.acl_of(request, &place).await?;
            let request = &*self.linked(request, &acl).await?;
            let Judged { verdict, reach, because } = match self.decide(request, &place, &acl).await? {
                Decided::Edit(permit) => return Ok(Next::Edit(permit)),
                Decided::Verdict(judged) => *judged,
                Decided::Again => continue,
            };
            if !std::mem::replace(&mut is_counted, true)
                && let Some(why) = self.over_room_limit(request, &verdict)
            {
                return Ok(Next::Answer(self.turn_away(request, why).await));
            }
            let room = request.command.as_ref().ok().and_then(Command::room).cloned();
            let lookup = room.clone().filter(|_| matches!(verdict, Verdict::Lookup(_)));
            let goes_to_tencent = matches!(verdict, Verdict::Transfer(..) | Verdict::Lookup(_));
            let is_answered_later = goes_to_tencent
                && matches!(request.place, Place::Channel(_))
                && self.replies.book().is_some();
            let admission = Admission::Request {
                request: Box::new(request.clone()),
                verdict,
                acl_version: Some(acl.version),
                decline_if_busy,
                is_answered_later,
            };
            let admitting = self.admissions.begin();
            let (now, began) = (self.clock.now(), self.clock.elapsed());
            let begin = |operation, begun_at| {
                let guard = self.in_flight.begin(operation);
                self.watched.begin(operation, now, began);
                if is_answered_later {
                    self.replies.begin_one(operation, begun_at);
                }
                guard
            };
            let admitted = self.store.admit(admission, now).await?;
            if let Some(operation) = admitted.operation() {
                note_operation(operation);
            }
            return Ok(match admitted {
                Admitted::Attempt(attempt) => {
                    let guard = begin(attempt.operation(), attempt.begun_at());
                    Next::Transfer(attempt, guard)
                }
                Admitted::Recorded(operation) => {
                    let command = request.command.clone();
                    let mut on_record =
                        OnRecord { operation, command, acl, reach, denied: None, asked: None };
                    match (lookup, because) {
                        (Some(room), _) => Next::ShowOwner(room, on_record, begin(operation, now)),
                        (None, Because::Takes(takes)) => Next::Hold(Held { takes, on_record, at: now }),
                        (None, Because::NotSecond(why)) => {
                            Next::Answer(Reply::NotPressed { operation, why: NotPressed::NotSecond(why) })
                        }
                        (None, Because::Denied(denied)) => {
                            on_record.denied = Some(denied);
                            Next::Say(on_record)
                        }
                        (None, Because::Asked(answer)) => {
                            on_record.asked = Some(answer);
                            Next::Say(on_record)
                        }
                        (None, Because::Nothing) => Next::Say(on_record),
                    }
                }
                Admitted::Duplicate { operation, first } => {
                    Next::Answer(Reply::Duplicate { operation, first: Box::new(first) })
                }
                Admitted::Busy { operation: Some(operation), holder, .. } => {
                    let is_callers_own = holder.actor.as_ref() == Some(&request.principal.subject);
                    Next::Answer(Reply::Busy { operation, holder: Box::new(holder), is_callers_own })
                }
                Admitted::NotHeld { operation, named } => {
                    Next::Answer(Reply::NotHeld { operation, named, room })
                }
                Admitted::AskedBefore { operation, first } => Next::AskedBefore(operation, first),
                Admitted::NotPressed { operation, why } => Next::Answer(Reply::NotPressed { operation, why }),
                Admitted::AclChanged => continue,
                Admitted::Busy { operation: None, unresolved, .. } => {
                    drop(admitting);
                    self.resolve_holder(&unresolved).await?;
                    decline_if_busy = true;
                    continue;
                }
            });
        }
        Err(StoreError("the acl changed faster than a decision could be made".into()))
    }

    async fn decide(
        &self,
        request: &CommandRequest,
        place: &Place,
        acl: &AclView,
    ) -> Result<Decided, StoreError> {
        let decided = |verdict, reach| Ok(Decided::verdict(verdict, reach, Because::Nothing));
        let command = match &request.command {
            Ok(command) => command,
            Err(error) => {
                return decided(Verdict::Invalid(error.for_the_record()), EffectiveScope::default());
            }
        };
        let now = self.clock.now();
        if let Command::Ask(ask) = command {
            return Ok(Decided::asked(asking::decided(self, request, &ask.room, acl).await?));
        }
        let action = match command {
            Command::Acl(command) if let Some(edit) = command.edit() => {
                Action::EditAcl(rooms_of(&*self.store, edit, acl, now).await?)
            }
            command => match command.action() {
                Some(action) => action,
                None => return decided(Verdict::Open, EffectiveScope::default()),
            },
        };
        match (decide(&request.principal, place, action.clone(), acl, now), command) {
            (Decision::Deny(denial), _) => Ok(Decided::denied(denial, action)),
            (Decision::Permit(permit), Command::Acl(AclCommand::Edit { .. })) => Ok(Decided::Edit(permit)),
            (Decision::Permit(permit), Command::Transfer(transfer)) => {
                self.cleared(request, transfer, permit, acl, now).await
            }
            (Decision::Permit(permit), command) => {
                let reach = permit.reach().clone();
                let verdict = match command {
                    Command::ShowOwner { .. } => Verdict::Lookup(permit),
                    _ => Verdict::Read(permit),
                };
                decided(verdict, reach)
            }
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
                    Rejection::Unusable(unusable) => Reply::Unusable { operation, unusable },
                }
            }
            Ok(other) => not_recorded(&StoreError(format!("unexpected answer to a rejection: {other:?}"))),
            Err(error) => not_recorded(&error),
        };
        self.observer.answered(place.as_ref(), Command::NONE, reply.outcome(), began.elapsed());
        reply
    }
}
