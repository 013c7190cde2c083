//! What is decided about a request and first written down: the verdict, the attempt that it permits, and the event
//! with which the operation begins.

use jiff::Timestamp;

use super::access::{Action, Asker, Cleared, Denial, EffectiveScope, NotSecond, Permit, Takes};
use super::asking::Addressee;
use super::audit::{AskedAccess, DecisionKind, OperationId, OutcomeKind, Request};
use super::command::{Command, CommandRequest, Pressed, RejectedRequest, Rejection, Transfer};
use super::principal::Principal;
use super::room::AccountId;

/// What was decided about a request, before anything is done.
#[derive(Debug)]
pub enum Verdict {
    /// A permitted transfer that has what it takes.
    Transfer(Cleared, AccountId),
    /// A permitted transfer that takes more: nothing is done yet.
    Held(Permit, Takes),
    /// A permitted question about a room's owner.
    Lookup(Permit),
    /// A permitted look at the ACL or the log; answered from the store, so it succeeds as it is recorded.
    Read(Permit),
    /// Help and one's own id, which everybody may read.
    Open,
    /// A request for access, which everybody may make where it can help.
    Ask(Asking),
    /// A permitted transfer that this person cannot approve.
    NotSecond(NotSecond),
    /// Not permitted.
    Denied(Denial),
    /// Not understood. The text says why, for the record.
    Invalid(String),
    /// Understood, and not carried out: because of a load limit, or because it cannot be done as it is. The text says
    /// why.
    Declined(String),
}

impl Verdict {
    /// Whether it is done what was asked for, or begun: a button that was pressed for it is used up.
    pub fn permits(&self) -> bool {
        self.permit().is_some() || matches!(self, Self::Open | Self::Ask(_))
    }

    /// The permit by which it is, if it needs one.
    pub fn permit(&self) -> Option<&Permit> {
        match self {
            Self::Transfer(cleared, _) => Some(cleared.permit()),
            Self::Held(permit, _) | Self::Lookup(permit) | Self::Read(permit) => Some(permit),
            Self::Open
            | Self::Ask(_)
            | Self::NotSecond(_)
            | Self::Denied(_)
            | Self::Invalid(_)
            | Self::Declined(_) => None,
        }
    }

    /// The permit of a transfer, whether or not it takes more.
    pub fn to_transfer(&self) -> Option<&Permit> {
        self.permit().filter(|_| matches!(self, Self::Transfer(..) | Self::Held(..)))
    }
}

/// A request for access that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asking {
    /// What is asked for.
    pub access: AskedAccess,
    /// Who is shown it.
    pub shown_to: Vec<Addressee>,
}

/// A transfer that is permitted and durably written down. Only the store makes one, by committing it
/// first; without one, the owner of a room cannot be changed.
#[derive(Debug)]
pub struct Attempt {
    operation: OperationId,
    transfer: Transfer,
    by: Principal,
    begun_at: Timestamp,
    reach: EffectiveScope,
    pressed: Option<Pressed>,
    requested_by: Option<Asker>,
    expects: Option<AccountId>,
}

impl Attempt {
    /// For the store alone: `operation` has been committed. The clearance is spent; `None` if it is for another
    /// action.
    pub(crate) fn committed(
        operation: OperationId,
        cleared: Cleared,
        new_owner: AccountId,
        request: &CommandRequest,
        begun_at: Timestamp,
    ) -> Option<Self> {
        let (permit, requested_by) = cleared.into_parts();
        let (Action::Transfer(room) | Action::Override(room)) = permit.action() else { return None };
        let asked = request.command.as_ref().ok().and_then(Command::transfer);
        let transfer = Transfer {
            overrides: asked.and_then(|transfer| transfer.overrides),
            room: room.clone(),
            new_owner,
            person: asked.and_then(|transfer| transfer.person.clone()),
            reason: request.command.as_ref().ok().and_then(Command::transfer).and_then(|t| t.reason.clone()),
        };
        Some(Self {
            operation,
            transfer,
            by: request.principal.clone(),
            begun_at,
            reach: permit.reach().clone(),
            pressed: request.pressed.clone(),
            requested_by,
            expects: request.expects().cloned(),
        })
    }

    /// The operation that it begins.
    pub fn operation(&self) -> OperationId {
        self.operation
    }

    /// What is to be done.
    pub fn transfer(&self) -> &Transfer {
        &self.transfer
    }

    /// Who asked for it, or approved what somebody else had asked for.
    pub fn by(&self) -> &Principal {
        &self.by
    }

    /// The rooms that its author may use here.
    pub fn reach(&self) -> &EffectiveScope {
        &self.reach
    }

    /// The button that asked for it.
    pub fn pressed(&self) -> Option<&Pressed> {
        self.pressed.as_ref()
    }

    /// Who asked for what [`by`](Self::by) approved.
    pub fn requested_by(&self) -> Option<&Asker> {
        self.requested_by.as_ref()
    }

    /// Who has to own the room for it to be changed; `None` for whoever does.
    pub fn expects(&self) -> Option<&AccountId> {
        self.expects.as_ref()
    }

    /// When it was written down.
    pub fn begun_at(&self) -> Timestamp {
        self.begun_at
    }
}

impl Request {
    /// A request and what was decided about it.
    pub fn of(request: &CommandRequest, verdict: &Verdict) -> Self {
        let command = request.command.as_ref().ok();
        let transfer = command.and_then(Command::transfer);
        let this = Self {
            actor: Some(request.principal.subject.clone()),
            actor_name: request.principal.name.clone(),
            channel: request.place.or_here(None),
            command: request.typed.clone(),
            room: command.and_then(Command::room).cloned(),
            new_owner: transfer.map(|transfer| transfer.new_owner.clone()),
            new_owner_person: match command {
                Some(Command::HandTo(to)) => Some(to.person.clone()),
                _ => transfer.and_then(|transfer| Some(transfer.person.as_ref()?.subject.clone())),
            },
            reason: command.and_then(Command::reason).map(str::to_owned),
            delivery_id: request.delivery.as_ref().map(|id| id.as_str().to_owned()),
            pressed: request.pressed.as_ref().map(|pressed| pressed.of),
            ..Self::default()
        };
        match verdict {
            Verdict::Transfer(cleared, _) => {
                let asker = cleared.requested_by();
                Self {
                    outcome: OutcomeKind::Pending,
                    requested_by: asker.map(|asker| asker.subject.clone()),
                    requested_by_name: asker.and_then(|asker| asker.name.clone()),
                    ..this.permitted(cleared.permit())
                }
            }
            Verdict::Held(permit, takes) => this.permitted(permit).declined(takes.to_string()),
            Verdict::Lookup(permit) => Self { outcome: OutcomeKind::Pending, ..this.permitted(permit) },
            Verdict::Read(permit) => Self { outcome: OutcomeKind::Succeeded, ..this.permitted(permit) },
            Verdict::Open => Self {
                decision: Some(DecisionKind::Permit),
                authority: Some(match command {
                    Some(Command::Cancel) => "whoever was offered a button may cancel".to_owned(),
                    Some(Command::Console(_)) => "whoever is signed in may sign out".to_owned(),
                    _ => "help is open to everybody".to_owned(),
                }),
                outcome: OutcomeKind::Succeeded,
                ..this
            },
            Verdict::Ask(asking) => Self {
                decision: Some(DecisionKind::Permit),
                authority: Some("everybody may ask for access".to_owned()),
                outcome: OutcomeKind::Succeeded,
                asks: Some(asking.access.clone()),
                ..this
            },
            Verdict::Denied(denial) => this.denied(denial),
            Verdict::NotSecond(why) => this.declined(why.to_string()),
            Verdict::Declined(why) => this.declined(why.clone()),
            Verdict::Invalid(why) => {
                Self { outcome: OutcomeKind::Invalid, error_info: Some(why.clone()), ..this }
            }
        }
    }

    /// An authentic request that never became a command.
    pub fn rejected(request: &RejectedRequest) -> Self {
        let this = Self {
            actor: request.principal.as_ref().map(|principal| principal.subject.clone()),
            actor_name: request.principal.as_ref().and_then(|principal| principal.name.clone()),
            channel: request.channel.clone(),
            command: request.typed.clone(),
            outcome: OutcomeKind::Invalid,
            delivery_id: request.delivery.as_ref().map(|id| id.as_str().to_owned()),
            ..Self::default()
        };
        match &request.rejection {
            Rejection::Foreign(origin) => this.denied(&Denial::ForeignOrigin(origin.clone())),
            Rejection::Unusable(unusable) => Self { error_info: Some(unusable.why.clone()), ..this },
        }
    }
}
