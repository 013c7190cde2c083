//! The steps of one operation, from its events.

use jiff::Timestamp;

use super::event::{Event, Observed, OwnerChange, Request, What};
use super::{Announced, DecisionKind, OperationId, Outcome, OutcomeKind, millis};

/// One step of an operation. The fields and their order are part of the interface.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Step {
    /// The operation.
    pub operation: OperationId,
    /// The number of the event that records it.
    pub seq: i64,
    /// When it was written down.
    #[serde(serialize_with = "crate::domain::time::serialize_millis")]
    pub at: Timestamp,
    /// `received`, `decided`, `attempted`, `noted`, `answered`, `confirmed`, `closed`, ..
    pub step: &'static str,
    /// What happened.
    pub what: String,
    /// Milliseconds since the step before; `None` for the first. Negative if the clock was set back.
    pub wait_ms: Option<i64>,
}

/// The steps of an operation, in the order of its events.
pub fn timeline(operation: OperationId, events: &[Event]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for event in events {
        for (step, what) in steps_of(event) {
            let before = steps.last().map(|step| step.at.as_millisecond());
            let wait_ms = before.map(|before| event.at.as_millisecond().saturating_sub(before));
            steps.push(Step { operation, seq: event.seq, at: event.at, step, what, wait_ms });
        }
    }
    steps
}

fn steps_of(event: &Event) -> Vec<(&'static str, String)> {
    match &event.what {
        What::Requested(request) => requested(request),
        What::Observed(observed) => self::observed(observed),
        What::System(change) => vec![("changed", change.command())],
        What::Noted { previous_owner } => {
            vec![("noted", format!("the call takes its time; the owner before is {previous_owner}"))]
        }
        What::Ended(outcome) => ended(outcome),
        What::Overridden { by } => {
            vec![("closed", format!("operation {by} overrides it; it is not looked at any more"))]
        }
        What::Confirmed(change) => vec![("confirmed", callback(change, None))],
        What::Reply(note) => vec![("reply", note.to_string())],
        What::Announced(announced) => vec![("announced", self::announced(announced))],
        What::Answered { by, until } => vec![("answered", self::answered(*by, *until))],
    }
}

/// How a request for access was answered.
fn answered(by: OperationId, until: Option<Timestamp>) -> String {
    match until {
        Some(until) => format!("operation {by} gives the access until {}", millis(until)),
        None => format!("operation {by} does not give the access"),
    }
}

fn announced(announced: &Announced) -> String {
    let channel = &announced.channel;
    if let Some(person) = &announced.to {
        return match &announced.problem {
            None => format!("to {person} in a direct message"),
            Some(why) => format!("not to {person}: {why}"),
        };
    }
    match (announced.link(), &announced.problem) {
        (Some(link), _) => format!("in {channel}: {link}"),
        (None, Some(why)) => format!("not in {channel}: {why}"),
        (None, None) => format!("in {channel}"),
    }
}

fn requested(request: &Request) -> Vec<(&'static str, String)> {
    let who = match (&request.actor, &request.actor_name) {
        (Some(actor), Some(name)) => format!("{actor} ({name})"),
        (Some(actor), None) => actor.to_string(),
        (None, Some(name)) => name.clone(),
        (None, None) => "somebody unnamed".to_owned(),
    };
    let place = request.channel.as_ref().map(|channel| format!(" in {channel}")).unwrap_or_default();
    let mut steps = vec![("received", format!("{who}{place}: {}", request.command))];
    let authority = request.authority.as_deref().unwrap_or_default();
    match request.decision {
        Some(DecisionKind::Permit) => {
            steps.push(("decided", format!("permitted: {authority}{}", by(request))))
        }
        Some(DecisionKind::Deny) => steps.push(("decided", format!("denied: {authority}"))),
        None => {}
    }
    if let (Some(asks), Some(room)) = (&request.asks, &request.room) {
        let until = millis(asks.lapses_at);
        steps.push((
            "asked",
            format!("for the role {} for {room}; an admin can answer until {until}", asks.role),
        ));
    }
    if let (Some(asker), Some(of)) = (&request.requested_by, request.pressed) {
        let name = request.requested_by_name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
        steps.push(("approved", format!("asked for by {asker}{name} as operation {of}")));
    }
    match (request.outcome, &request.room, &request.new_owner) {
        _ if request.asks.is_some() => {}
        (OutcomeKind::Pending, Some(room), Some(owner)) => {
            steps.push(("attempted", format!("written down, then sent: hand {room} over to {owner}")));
        }
        (OutcomeKind::Pending, Some(room), None) => {
            steps.push(("attempted", format!("written down, then asked: who owns {room}")));
        }
        (OutcomeKind::Pending | OutcomeKind::Denied, ..) => {}
        (outcome, ..) => {
            let first = request.reason.as_deref().filter(|_| outcome == OutcomeKind::Duplicate);
            let why = request.error_info.as_deref().or(first);
            steps.push(("answered", with_detail(outcome.to_string(), why)));
        }
    }
    steps
}

/// What the grant said that permitted it.
fn by(request: &Request) -> String {
    let Some(grant) = &request.grant else { return String::new() };
    let until = grant.expires_at.map(|end| format!(" until {}", millis(end))).unwrap_or_default();
    let member = match &request.member_of {
        Some(group) => format!(", as a member of {group}"),
        None => String::new(),
    };
    format!(", {} for {}{until}{member}", grant.role, grant.rooms)
}

fn observed(observed: &Observed) -> Vec<(&'static str, String)> {
    let Observed { room, new_owner, change, outcome, doubt, .. } = observed;
    vec![
        ("observed", callback(change, observed.owner_now.as_ref().map(|owner| owner.as_str()))),
        ("answered", with_detail(format!("{outcome}: {room} belongs to {new_owner}"), doubt.as_deref())),
    ]
}

fn ended(outcome: &Outcome) -> Vec<(&'static str, String)> {
    let mut what = outcome.kind().to_string();
    let problem = outcome.problem();
    if let Some(code) = problem.and_then(|problem| problem.code) {
        what.push_str(&format!(", code {code}"));
    }
    let mut what = with_detail(what, problem.map(|problem| problem.info.as_str()));
    match (outcome, outcome.previous_owner()) {
        (Outcome::Shown(owner), _) => what.push_str(&format!("; the owner is {owner}")),
        (_, Some(owner)) => what.push_str(&format!("; the owner before was {owner}")),
        _ => {}
    }
    if let Some(id) = outcome.request_id() {
        what.push_str(&format!("; RequestId {id}"));
    }
    let mut steps = vec![("answered", what)];
    match outcome {
        Outcome::Succeeded { confirmed: true, .. } => {
            steps.push(("confirmed", "the new owner was read back".to_owned()));
        }
        Outcome::Succeeded { confirmed: false, .. } => {
            steps.push(("unconfirmed", "the new owner was not read back in time".to_owned()));
        }
        Outcome::ConfirmedByCallback { owner_now, .. } => {
            let now = owner_now.as_ref().map(|owner| format!("; {owner} owns the room by now"));
            let now = now.unwrap_or_default();
            steps.push(("confirmed", format!("Tencent's callback reported the change{now}")));
        }
        Outcome::Unknown { owner_now: Some(owner), .. } => {
            steps.push(("closed", format!("{owner} owns the room by now; nothing more can be found out")));
        }
        _ => {}
    }
    steps
}

/// What Tencent's callback said.
fn callback(change: &OwnerChange, owner_now: Option<&str>) -> String {
    let at = millis(change.event_at);
    let mut what = format!("Tencent's callback reported the change, made at {at} by Tencent's clock");
    if let Some(operator) = &change.operator {
        what.push_str(&format!(", by {operator}"));
    }
    if let Some(owner) = &change.original_owner {
        what.push_str(&format!("; the owner before was {owner}"));
    }
    if let Some(owner) = owner_now {
        what.push_str(&format!("; the owner read back is {owner}"));
    }
    if !change.signed {
        what.push_str("; it was not signed, so who and from whom is only said");
    }
    what
}

fn with_detail(what: String, detail: Option<&str>) -> String {
    match detail {
        Some(detail) => format!("{what}: {detail}"),
        None => what,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::SystemChange;
    use crate::domain::reply_note::{HowReplied, ReplyNote};

    #[test]
    fn what_tencent_and_the_platforms_said_is_put_into_words() {
        let at = |text: &str| text.parse().unwrap();
        let change = |operator: Option<&str>, signed| OwnerChange {
            delivery_id: "tencent:x".to_owned(),
            event_at: at("2026-11-23T14:02:59Z"),
            operator: operator.map(|id| id.parse().unwrap()),
            original_owner: Some("bob".parse().unwrap()),
            signed,
        };
        let observed = Observed {
            room: "test".parse().unwrap(),
            new_owner: "erin".parse().unwrap(),
            change: change(Some("dave"), true),
            owner_now: Some("erin".parse().unwrap()),
            outcome: OutcomeKind::Succeeded,
            doubt: None,
            probably: None,
        };
        let lost = ReplyNote { how: HowReplied::Lost, why: "slack answered 404".to_owned() };
        let what = [
            What::Observed(Box::new(observed)),
            What::Confirmed(change(None, false)),
            What::Reply(lost),
            What::Overridden { by: OperationId::new(12) },
            What::System(SystemChange::ClockSetBack { by_ms: 3_007 }),
        ];
        let operation = OperationId::new(5);
        let events =
            (5..).zip(what).map(|(seq, what)| Event::new(seq, operation, at("2026-11-23T14:03:00Z"), what));
        let steps = timeline(operation, &events.collect::<Vec<_>>());
        let words = steps.iter().map(|step| format!("{} {}: {}\n", step.seq, step.step, step.what));
        insta::assert_snapshot!(words.collect::<String>(), @"
        5 observed: Tencent's callback reported the change, made at 2026-11-23T14:02:59.000Z by Tencent's clock, by dave; the owner before was bob; the owner read back is erin
        5 answered: succeeded: test belongs to erin
        6 confirmed: Tencent's callback reported the change, made at 2026-11-23T14:02:59.000Z by Tencent's clock; the owner before was bob; it was not signed, so who and from whom is only said
        7 reply: never delivered (slack answered 404)
        8 closed: operation 12 overrides it; it is not looked at any more
        9 changed: (system) clock set back by 3.007 s
        ");
    }
}
