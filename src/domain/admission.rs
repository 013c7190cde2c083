//! The decision about a request and its first record: the verdict, the attempt that it permits, and the entry of the
//! log as it begins.

use jiff::Timestamp;

use super::access::{Action, Denial, Permit, Reach};
use super::audit::{AuditEntry, DecisionKind, OperationId, OutcomeKind};
use super::command::{Command, CommandRequest, RejectedRequest, Rejection, Transfer};
use super::principal::{Place, Principal};
use super::room::AccountId;

/// What was decided about a request, before anything is done.
#[derive(Debug)]
pub enum Verdict {
    /// A permitted transfer.
    Transfer(Permit, AccountId),
    /// A permitted question about a room's owner.
    Lookup(Permit),
    /// A permitted look at the ACL or the log; answered from the store, so it succeeds as it is recorded.
    Read(Permit),
    /// Help and one's own id, which everybody may read.
    Open,
    /// Not permitted.
    Denied(Denial),
    /// Not understood. The text says why, for the record.
    Invalid(String),
    /// Understood, and not carried out: because of a load limit, or because it cannot be done as it is. The text says
    /// why.
    Declined(String),
}

/// A transfer that is permitted and durably written down. Only the store makes one, by committing it
/// first; without one, the owner of a room cannot be changed.
#[derive(Debug)]
pub struct Attempt {
    operation: OperationId,
    transfer: Transfer,
    by: Principal,
    begun_at: Timestamp,
    reach: Reach,
}

impl Attempt {
    /// For the store alone: `operation` has been committed. The permit is spent; `None` if it is for another
    /// action.
    pub(crate) fn committed(
        operation: OperationId,
        permit: Permit,
        new_owner: AccountId,
        request: &CommandRequest,
        begun_at: Timestamp,
    ) -> Option<Self> {
        let (Action::Transfer(room) | Action::Override(room)) = permit.action() else { return None };
        let asked = request.command.as_ref().ok().and_then(Command::transfer);
        let transfer = Transfer {
            overrides: asked.and_then(|transfer| transfer.overrides),
            room: room.clone(),
            new_owner,
            reason: request.command.as_ref().ok().and_then(Command::transfer).and_then(|t| t.reason.clone()),
        };
        let reach = permit.reach().clone();
        Some(Self { operation, transfer, by: request.principal.clone(), begun_at, reach })
    }

    /// The operation that it begins.
    #[must_use]
    pub fn operation(&self) -> OperationId {
        self.operation
    }

    /// What is to be done.
    #[must_use]
    pub fn transfer(&self) -> &Transfer {
        &self.transfer
    }

    /// Who asked for it.
    #[must_use]
    pub fn by(&self) -> &Principal {
        &self.by
    }

    /// The rooms that its author may use here.
    #[must_use]
    pub fn reach(&self) -> &Reach {
        &self.reach
    }

    /// When it was written down.
    #[must_use]
    pub fn begun_at(&self) -> Timestamp {
        self.begun_at
    }
}

impl AuditEntry {
    /// The entry of a request at the moment at which it is written down.
    #[must_use]
    pub fn begun(operation: OperationId, at: Timestamp, request: &CommandRequest, verdict: &Verdict) -> Self {
        let command = request.command.as_ref().ok();
        let transfer = command.and_then(Command::transfer);
        let mut entry = Self {
            operation,
            at,
            actor: Some(request.principal.subject.clone()),
            actor_name: request.principal.name.clone(),
            channel: match &request.place {
                Place::Channel(channel) => Some(channel.clone()),
                Place::Local => None,
            },
            command: request.typed.clone(),
            room: command.and_then(Command::room).cloned(),
            new_owner: transfer.map(|t| t.new_owner.to_string()),
            previous_owner: None,
            reason: transfer.and_then(|t| t.reason.clone()),
            decision: None,
            authority: None,
            outcome: OutcomeKind::Pending,
            error_code: None,
            error_info: None,
            request_id: None,
            delivery_id: request.delivery.as_ref().map(|id| id.as_str().to_owned()),
            duration_ms: None,
        };
        match verdict {
            Verdict::Transfer(permit, _) | Verdict::Lookup(permit) => {
                entry.decision = Some(DecisionKind::Permit);
                entry.authority = Some(permit.authority().to_string());
            }
            Verdict::Read(permit) => {
                entry.decision = Some(DecisionKind::Permit);
                entry.authority = Some(permit.authority().to_string());
                entry.outcome = OutcomeKind::Succeeded;
            }
            Verdict::Open => {
                entry.decision = Some(DecisionKind::Permit);
                entry.authority = Some("help is open to everybody".to_owned());
                entry.outcome = OutcomeKind::Succeeded;
            }
            Verdict::Denied(denial) => {
                entry.decision = Some(DecisionKind::Deny);
                entry.authority = Some(denial.to_string());
                entry.outcome = OutcomeKind::Denied;
            }
            Verdict::Declined(why) => {
                entry.outcome = OutcomeKind::Declined;
                entry.error_info = Some(why.clone());
            }
            Verdict::Invalid(why) => {
                entry.outcome = OutcomeKind::Invalid;
                entry.error_info = Some(why.clone());
            }
        }
        entry
    }

    /// The entry of an authentic request that never became a command.
    #[must_use]
    pub fn rejected(operation: OperationId, at: Timestamp, request: &RejectedRequest) -> Self {
        let mut entry = Self {
            operation,
            at,
            actor: request.principal.as_ref().map(|principal| principal.subject.clone()),
            actor_name: request.principal.as_ref().and_then(|principal| principal.name.clone()),
            channel: request.channel.clone(),
            command: request.typed.clone(),
            room: None,
            new_owner: None,
            previous_owner: None,
            reason: None,
            decision: None,
            authority: None,
            outcome: OutcomeKind::Invalid,
            error_code: None,
            error_info: None,
            request_id: None,
            delivery_id: request.delivery.as_ref().map(|id| id.as_str().to_owned()),
            duration_ms: None,
        };
        match &request.rejection {
            Rejection::Foreign(origin) => {
                entry.decision = Some(DecisionKind::Deny);
                entry.authority = Some(Denial::ForeignOrigin(origin.clone()).to_string());
                entry.outcome = OutcomeKind::Denied;
            }
            Rejection::Unusable(unusable) => entry.error_info = Some(unusable.why.clone()),
        }
        entry
    }
}
