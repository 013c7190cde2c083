//! The steps of one operation, from its events.

mod english;

use jiff::Timestamp;

use super::event::{AskedAccess, Event, Observed, OwnerChange, Request, SystemChange, What};
use super::{Announced, DecisionKind, OperationId, Outcome, OutcomeKind};
use crate::domain::named::named;
use crate::domain::principal::{Channel, Subject};
use crate::domain::reply_note::ReplyNote;
use crate::domain::room::{AccountId, RoomId};

pub use english::English;

named! {
    /// What kind of step it is.
    #[derive(serde::Serialize)]
    #[serde(rename_all = "lowercase")]
    StepKind
    /// The request was written down.
    Received => "received",
    /// It was permitted or denied.
    Decided => "decided",
    /// It asks admins for access.
    Asked => "asked",
    /// Somebody had asked for it, and somebody else approved it.
    Approved => "approved",
    /// It goes to Tencent.
    Attempted => "attempted",
    /// The owner before the change was read.
    Noted => "noted",
    /// What came of it.
    Answered => "answered",
    /// The change was seen.
    Confirmed => "confirmed",
    /// The change was not seen in time.
    Unconfirmed => "unconfirmed",
    /// It is not looked at any more.
    Closed => "closed",
    /// Tencent's callback reported a change that nobody asked the bot for.
    Observed => "observed",
    /// Something about the log changed.
    Changed => "changed",
    /// The reply did not go as usual.
    Reply => "reply",
    /// It was announced in a channel, or could not be.
    Announced => "announced",
}

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
    /// Of what kind.
    pub step: StepKind,
    /// What happened.
    pub what: String,
    /// Milliseconds since the step before; `None` for the first. Negative if the clock was set back.
    pub wait_ms: Option<i64>,
}

/// The sentences of a timeline in one language. What was recorded as text is quoted as it is.
pub trait StepWords {
    /// A request was written down. `who` is a subject, with a name behind it if one is known.
    fn received(&self, who: Option<&str>, place: Option<&Channel>, command: &str) -> String;
    /// It was permitted, by what is recorded as its authority and by the grant as it stood then.
    fn permitted(&self, request: &Request) -> String;
    /// It was denied, for what is recorded as the reason.
    fn denied(&self, reason: &str) -> String;
    /// It asks admins for access to the room.
    fn asked(&self, asks: &AskedAccess, room: &RoomId) -> String;
    /// How a request for access was answered: until when it is given, or not.
    fn access_answered(&self, by: OperationId, until: Option<Timestamp>) -> String;
    /// What `asker` had asked for, as an operation of its own, is approved by it.
    fn approved(&self, asker: &str, of: OperationId) -> String;
    /// It goes to Tencent: to hand the room over, or without an owner to ask who has it.
    fn attempted(&self, room: &RoomId, to: Option<&AccountId>) -> String;
    /// The owner before the change was read while the call takes its time.
    fn noted(&self, previous: &AccountId) -> String;
    /// An outcome, and what was recorded of why.
    fn answered(&self, outcome: OutcomeKind, why: Option<&str>) -> String;
    /// The outcome of a call to Tencent.
    fn ended(&self, outcome: &Outcome) -> String;
    /// The new owner was read back, or could not be in time.
    fn read_back(&self, was_read: bool) -> String;
    /// Tencent's callback settled what was unclear; somebody else may own the room by now.
    fn settled_by_callback(&self, owner_now: Option<&AccountId>) -> String;
    /// Another owner was read, so the outcome stays unknown.
    fn left_unknown(&self, owner_now: &AccountId) -> String;
    /// An admin closed it by another operation.
    fn overridden(&self, by: OperationId) -> String;
    /// What Tencent's callback said, and who was read to own the room then.
    fn callback(&self, change: &OwnerChange, owner_now: Option<&AccountId>) -> String;
    /// What an observed change came to.
    fn observed(&self, observed: &Observed) -> String;
    /// Something about the log changed.
    fn changed(&self, change: &SystemChange) -> String;
    /// How the reply went.
    fn reply(&self, note: &ReplyNote) -> String;
    /// Where it was announced, or why it was not.
    fn announced(&self, announced: &Announced) -> String;
}

/// The steps of an operation in English, in the order of its events.
pub fn timeline(operation: OperationId, events: &[Event]) -> Vec<Step> {
    timeline_in(&English, operation, events)
}

/// The steps of an operation, in the order of its events.
pub fn timeline_in(words: &(impl StepWords + ?Sized), operation: OperationId, events: &[Event]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for event in events {
        for (step, what) in steps_of(words, event) {
            let before = steps.last().map(|step| step.at.as_millisecond());
            let wait_ms = before.map(|before| event.at.as_millisecond().saturating_sub(before));
            steps.push(Step { operation, seq: event.seq, at: event.at, step, what, wait_ms });
        }
    }
    steps
}

fn steps_of(words: &(impl StepWords + ?Sized), event: &Event) -> Vec<(StepKind, String)> {
    match &event.what {
        What::Requested(request) => requested(words, request),
        What::Observed(observed) => vec![
            (StepKind::Observed, words.callback(&observed.change, observed.owner_now.as_ref())),
            (StepKind::Answered, words.observed(observed)),
        ],
        What::System(change) => vec![(StepKind::Changed, words.changed(change))],
        What::Noted { previous_owner } => vec![(StepKind::Noted, words.noted(previous_owner))],
        What::Ended(outcome) => ended(words, outcome),
        What::Overridden { by } => vec![(StepKind::Closed, words.overridden(*by))],
        What::Confirmed(change) => vec![(StepKind::Confirmed, words.callback(change, None))],
        What::Reply(note) => vec![(StepKind::Reply, words.reply(note))],
        What::Announced(announced) => vec![(StepKind::Announced, words.announced(announced))],
        What::Answered { by, until } => vec![(StepKind::Answered, words.access_answered(*by, *until))],
    }
}

/// A subject, with a name behind it if one is known.
fn called(subject: &Subject, name: Option<&String>) -> String {
    name.map_or_else(|| subject.to_string(), |name| format!("{subject} ({name})"))
}

fn requested(words: &(impl StepWords + ?Sized), request: &Request) -> Vec<(StepKind, String)> {
    let who = match (&request.actor, &request.actor_name) {
        (Some(actor), name) => Some(called(actor, name.as_ref())),
        (None, name) => name.clone(),
    };
    let received = words.received(who.as_deref(), request.channel.as_ref(), &request.command);
    let mut steps = vec![(StepKind::Received, received)];
    match request.decision {
        Some(DecisionKind::Permit) => steps.push((StepKind::Decided, words.permitted(request))),
        Some(DecisionKind::Deny) => {
            let reason = request.authority.as_deref().unwrap_or_default();
            steps.push((StepKind::Decided, words.denied(reason)));
        }
        None => {}
    }
    if let (Some(asks), Some(room)) = (&request.asks, &request.room) {
        steps.push((StepKind::Asked, words.asked(asks, room)));
        return steps;
    }
    if let (Some(asker), Some(of)) = (&request.requested_by, request.pressed) {
        let asker = called(asker, request.requested_by_name.as_ref());
        steps.push((StepKind::Approved, words.approved(&asker, of)));
    }
    match (request.outcome, &request.room) {
        (OutcomeKind::Pending, Some(room)) => {
            steps.push((StepKind::Attempted, words.attempted(room, request.new_owner.as_ref())));
        }
        (OutcomeKind::Pending | OutcomeKind::Denied, _) => {}
        (outcome, _) => {
            let first = request.reason.as_deref().filter(|_| outcome == OutcomeKind::Duplicate);
            let why = request.error_info.as_deref().or(first);
            steps.push((StepKind::Answered, words.answered(outcome, why)));
        }
    }
    steps
}

fn ended(words: &(impl StepWords + ?Sized), outcome: &Outcome) -> Vec<(StepKind, String)> {
    let mut steps = vec![(StepKind::Answered, words.ended(outcome))];
    steps.extend(match outcome {
        Outcome::Succeeded { confirmed: true, .. } => Some((StepKind::Confirmed, words.read_back(true))),
        Outcome::Succeeded { confirmed: false, .. } => Some((StepKind::Unconfirmed, words.read_back(false))),
        Outcome::ConfirmedByCallback { owner_now, .. } => {
            Some((StepKind::Confirmed, words.settled_by_callback(owner_now.as_ref())))
        }
        Outcome::Unknown { owner_now: Some(owner), .. } => {
            Some((StepKind::Closed, words.left_unknown(owner)))
        }
        _ => None,
    });
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reply_note::HowReplied;

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
