//! One operation as a reviewer reads it, as its events make it.

use jiff::Timestamp;

use super::announced::{has_no_link, serialize_links};
use super::event::{Event, Observed, Request, What};
use super::{Announced, DecisionKind, OperationId, Outcome, OutcomeKind};
use crate::domain::principal::{Channel, Subject};
use crate::domain::room::{AccountId, RoomId};

/// The command of an entry about a change that was not made through the bot.
pub const OBSERVED: &str = "(observed) owner change";

/// One operation as a reviewer reads it. The fields and their order are part of the interface.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AuditEntry {
    /// The operation's number, as text.
    pub operation: OperationId,
    /// When the request was written down: RFC 3339, UTC, milliseconds.
    #[serde(serialize_with = "crate::domain::time::serialize_millis")]
    pub at: Timestamp,
    /// Who asked; `None` if an authentic request did not say.
    pub actor: Option<Subject>,
    /// The actor's name at that time: a caption.
    pub actor_name: Option<String>,
    /// Where; `None` on the command line.
    pub channel: Option<Channel>,
    /// The command as typed.
    pub command: String,
    /// The room that it is about.
    pub room: Option<RoomId>,
    /// Who was to own it.
    pub new_owner: Option<String>,
    /// Who owned it before.
    pub previous_owner: Option<String>,
    /// Why, in the actor's words; of a duplicate, which operation came first.
    pub reason: Option<String>,
    /// Whether it was permitted; `None` if there was nothing to decide.
    pub decision: Option<DecisionKind>,
    /// The grant that permitted it, or the reason of the denial.
    pub authority: Option<String>,
    /// Its outcome.
    pub outcome: OutcomeKind,
    /// Tencent's ErrorCode.
    pub error_code: Option<i64>,
    /// Tencent's ErrorInfo, or what went wrong on the way.
    pub error_info: Option<String>,
    /// Tencent's RequestId.
    pub request_id: Option<String>,
    /// The platform's id of the invocation.
    pub delivery_id: Option<String>,
    /// From the record of the request to the record of its outcome, in milliseconds.
    pub duration_ms: Option<i64>,
    /// Where it was announced: the links, none if it was not. What was given up is left out.
    #[serde(serialize_with = "serialize_links", skip_serializing_if = "has_no_link", skip_deserializing)]
    pub announced: Vec<Announced>,
    /// Who has the account that was to own it, in the chat: the person who was named, or whom the ACL knew by it then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_owner_person: Option<Subject>,
    /// Who had asked for what the actor approved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<Subject>,
    /// Their name at that time: a caption.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_by_name: Option<String>,
}

impl AuditEntry {
    /// Who asked, by name if one is known; and who approved it, if it was approved.
    pub fn people(&self) -> Option<(String, Option<String>)> {
        let called = |name: &Option<String>, subject: &Option<Subject>| {
            name.clone().or_else(|| subject.as_ref().map(ToString::to_string))
        };
        let actor = called(&self.actor_name, &self.actor)?;
        Some(match called(&self.requested_by_name, &self.requested_by) {
            Some(asker) => (asker, Some(actor)),
            None => (actor, None),
        })
    }

    /// The entry of an operation that begins with this event; `None` if the event begins none.
    pub fn begun_by(event: &Event) -> Option<Self> {
        let outcome = OutcomeKind::Succeeded;
        let this = Self { operation: event.operation, at: event.at, outcome, ..Self::default() };
        Some(match &event.what {
            What::Requested(request) => this.requested(request),
            What::Observed(observed) => this.observed(observed),
            What::System(change) => Self { command: change.command(), ..this },
            _ => return None,
        })
    }

    fn requested(self, request: &Request) -> Self {
        Self {
            actor: request.actor.clone(),
            actor_name: request.actor_name.clone(),
            channel: request.channel.clone(),
            command: request.command.clone(),
            room: request.room.clone(),
            new_owner: request.new_owner.as_ref().map(ToString::to_string),
            new_owner_person: request.new_owner_person.clone(),
            reason: request.reason.clone(),
            decision: request.decision,
            authority: request.authority.clone(),
            outcome: request.outcome,
            error_info: request.error_info.clone(),
            delivery_id: request.delivery_id.clone(),
            requested_by: request.requested_by.clone(),
            requested_by_name: request.requested_by_name.clone(),
            ..self
        }
    }

    fn observed(self, observed: &Observed) -> Self {
        let Observed { room, new_owner, change, doubt, probably, .. } = observed;
        let unsigned = "the callback was not signed: who did it and who owned the room before is only said";
        // What an unsigned callback says, and what was not read back, is kept in the event alone.
        let believed =
            |account: &Option<AccountId>| account.as_ref().filter(|_| change.signed).map(ToString::to_string);
        Self {
            actor_name: believed(&change.operator),
            command: OBSERVED.to_owned(),
            room: Some(room.clone()),
            new_owner: Some(new_owner.to_string()),
            previous_owner: believed(&change.original_owner),
            reason: probably.map(|(operation, outcome)| {
                format!("probably the change of operation {operation}, recorded as {outcome}")
            }),
            outcome: observed.outcome,
            error_info: doubt.clone().or_else(|| (!change.signed).then(|| unsigned.to_owned())),
            delivery_id: Some(change.delivery_id.clone()),
            ..self
        }
    }

    /// Whether the operation has no final outcome after the event that begins it.
    pub fn begins_open(&self) -> bool {
        self.outcome == OutcomeKind::Pending
    }

    /// Takes in a later event of the operation.
    pub fn follow(&mut self, event: &Event) {
        match &event.what {
            What::Noted { previous_owner } => self.previous_owner = Some(previous_owner.to_string()),
            What::Ended(outcome) => self.end(outcome, event.at),
            What::Overridden { by } => {
                let problem = self.error_info.take().map(|info| format!("{info}; ")).unwrap_or_default();
                self.error_info = Some(format!("{problem}overridden by operation {by}"));
            }
            // Direct messages are found by those who got them alone.
            What::Announced(announced) if announced.to.is_some() => {}
            What::Announced(announced) => self.announced.push(announced.clone()),
            What::Requested(_)
            | What::Observed(_)
            | What::System(_)
            | What::Confirmed(_)
            | What::Reply(_)
            | What::Answered { .. } => {}
        }
    }

    fn end(&mut self, outcome: &Outcome, at: Timestamp) {
        self.outcome = outcome.kind();
        if let Some(previous) = outcome.previous_owner() {
            self.previous_owner = Some(previous.to_string());
        }
        if let Outcome::Unchanged = outcome {
            self.previous_owner.clone_from(&self.new_owner);
        }
        // What Tencent said once is kept, whatever is found out later.
        let known = self.error_code.filter(|_| outcome.problem().is_some());
        self.error_code = outcome.problem().and_then(|problem| problem.code).or(known);
        self.error_info = outcome.problem().map(|problem| problem.info.clone());
        if let (Outcome::ConfirmedByCallback { owner_now, .. }, Some(info)) = (outcome, &mut self.error_info)
        {
            info.push_str("; tencent's callback reported the change");
            if let Some(owner) = owner_now {
                info.push_str(&format!("; {owner} owns the room by now"));
            }
        }
        self.request_id = outcome.request_id().map(str::to_owned).or(self.request_id.take());
        // By two processes' clocks the end may be before the beginning.
        self.duration_ms = Some((at.as_millisecond() - self.at.as_millisecond()).max(0));
    }
}
