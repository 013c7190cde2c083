//! The steps of one operation, from its events.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::OperationId;
use crate::domain::reply_note::ReplyNote;

/// An event as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedEvent {
    /// Its number in the log.
    pub seq: i64,
    /// Its JSON.
    pub body: String,
}

/// One step of an operation. The fields and their order are part of the interface.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Step {
    /// The operation.
    pub operation: OperationId,
    /// The number of the event that tells of it.
    pub seq: i64,
    /// When it was written down.
    #[serde(serialize_with = "super::serialize_optional_millis")]
    pub at: Option<Timestamp>,
    /// `received`, `decided`, `attempted`, `noted`, `answered`, `confirmed`, or the event's own name.
    pub step: String,
    /// What happened.
    pub what: String,
    /// Milliseconds since the step before; `None` for the first. Negative if the clock was set back.
    pub wait_ms: Option<i64>,
}

/// The steps that the events of an operation tell of, in their order.
///
/// # Errors
/// The number of an event that cannot be read.
pub fn timeline(operation: OperationId, events: &[RecordedEvent]) -> Result<Vec<Step>, i64> {
    let mut steps: Vec<Step> = Vec::new();
    for event in events {
        let body: Map<String, Value> = serde_json::from_str(&event.body).map_err(|_| event.seq)?;
        let at = text(&body, "at").and_then(|at| at.parse::<Timestamp>().ok());
        for (step, what) in steps_of(&body) {
            let before = steps.last().and_then(|step| step.at);
            let wait_ms = at
                .zip(before)
                .map(|(at, before)| at.as_millisecond().saturating_sub(before.as_millisecond()));
            steps.push(Step { operation, seq: event.seq, at, step, what, wait_ms });
        }
    }
    Ok(steps)
}

fn text<'a>(body: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str)
}

fn steps_of(body: &Map<String, Value>) -> Vec<(String, String)> {
    let kind = text(body, "event").unwrap_or("event");
    let named = |step: &str, what: String| (step.to_owned(), what);
    match kind {
        "requested" => requested(body).into_iter().map(|(step, what)| named(step, what)).collect(),
        "noted" => {
            let owner = text(body, "previous_owner").unwrap_or_default();
            vec![named("noted", format!("the call takes its time; the owner before is {owner}"))]
        }
        "ended" => ended(body).into_iter().map(|(step, what)| named(step, what)).collect(),
        "confirmed" | "observed" => vec![named(kind, callback(body))],
        "reply" => vec![named(kind, reply(body).unwrap_or_else(|| plain(body)))],
        // A kind that this page knows nothing about yet is shown as it is.
        other => vec![named(other, plain(body))],
    }
}

fn requested(body: &Map<String, Value>) -> Vec<(&'static str, String)> {
    let field = |name| text(body, name);
    let who = match (field("actor"), field("actor_name")) {
        (Some(actor), Some(name)) => format!("{actor} ({name})"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => "somebody unnamed".to_owned(),
    };
    let place = field("channel").map(|channel| format!(" in {channel}")).unwrap_or_default();
    let mut steps = vec![("received", format!("{who}{place}: {}", field("command").unwrap_or_default()))];
    let outcome = field("outcome").unwrap_or_default();
    match (field("decision"), field("authority")) {
        (Some("permit"), authority) => {
            steps.push(("decided", format!("permitted: {}", authority.unwrap_or_default())));
        }
        (Some(_), authority) => steps.push(("decided", format!("denied: {}", authority.unwrap_or_default()))),
        (None, _) => {}
    }
    match outcome {
        "pending" => {
            if let (Some(room), Some(owner)) = (field("room"), field("new_owner")) {
                steps.push(("attempted", format!("written down, then sent: hand {room} over to {owner}")));
            } else if let Some(room) = field("room") {
                steps.push(("attempted", format!("written down, then asked: who owns {room}")));
            }
        }
        "denied" => {}
        outcome => {
            let why = field("error_info").or_else(|| field("reason").filter(|_| outcome == "duplicate"));
            steps.push(("answered", with_detail(outcome.to_owned(), why)));
        }
    }
    steps
}

fn ended(body: &Map<String, Value>) -> Vec<(&'static str, String)> {
    let field = |name| text(body, name);
    let mut what = field("outcome").unwrap_or("ended").to_owned();
    if let Some(code) = body.get("error_code").and_then(Value::as_i64) {
        what.push_str(&format!(", code {code}"));
    }
    let mut what = with_detail(what, field("error_info"));
    if let Some(owner) = field("previous_owner") {
        what.push_str(&format!("; the owner before was {owner}"));
    }
    if let Some(id) = field("request_id") {
        what.push_str(&format!("; RequestId {id}"));
    }
    let mut steps = vec![("answered", what)];
    match body.get("confirmed").and_then(Value::as_bool) {
        Some(true) => steps.push(("confirmed", "the new owner was read back".to_owned())),
        Some(false) => steps.push(("unconfirmed", "the new owner was not read back in time".to_owned())),
        None => {}
    }
    if let Some(owner) = field("owner_now") {
        steps.push(("closed", format!("{owner} owns the room by now; nothing more can be found out")));
    }
    if let Some(operation) = field("overridden_by") {
        steps.push(("closed", format!("operation {operation} overrides it; it is not looked at any more")));
    }
    steps
}

/// What Tencent's callback said.
fn callback(body: &Map<String, Value>) -> String {
    let field = |name| text(body, name);
    let mut what = "Tencent's callback reported the change".to_owned();
    if let Some(at) = field("event_at") {
        what.push_str(&format!(", made at {at} by Tencent's clock"));
    }
    if let Some(operator) = field("operator") {
        what.push_str(&format!(", by {operator}"));
    }
    if let Some(owner) = field("original_owner") {
        what.push_str(&format!("; the owner before was {owner}"));
    }
    if let Some(owner) = field("owner_now") {
        what.push_str(&format!("; the owner read back is {owner}"));
    }
    if body.get("signed").and_then(Value::as_bool) == Some(false) {
        what.push_str("; it was not signed, so who and from whom is only said");
    }
    what
}

fn reply(body: &Map<String, Value>) -> Option<String> {
    let note = ReplyNote { how: text(body, "how")?.parse().ok()?, why: text(body, "why")?.to_owned() };
    Some(note.to_string())
}

fn with_detail(what: String, detail: Option<&str>) -> String {
    match detail {
        Some(detail) => format!("{what}: {detail}"),
        None => what,
    }
}

fn plain(body: &Map<String, Value>) -> String {
    let shown = body.iter().filter(|(name, value)| {
        !["v", "seq", "event", "operation", "at"].contains(&name.as_str()) && !value.is_null()
    });
    let fields = shown.map(|(name, value)| match value {
        Value::String(text) => format!("{name} {text}"),
        other => format!("{name} {other}"),
    });
    fields.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_a_kind_not_known_here_are_shown_as_they_are() {
        let body = r#"{"v":1,"seq":3,"event":"replied","operation":"1","at":"2026-11-23T14:03:00.000Z","to":"x","n":1}"#;
        let event = RecordedEvent { seq: 3, body: body.to_owned() };
        let steps = timeline(OperationId::new(1), &[event]).unwrap();
        assert_eq!((steps[0].step.as_str(), steps[0].what.as_str()), ("replied", "n 1, to x"));
    }

    #[test]
    fn what_tencent_and_the_platforms_said_is_told_in_words() {
        let bodies = [
            r#"{"v":1,"seq":5,"event":"requested","operation":"5","at":"2026-11-23T14:03:00.000Z","actor":null,"actor_name":"dave","channel":null,"command":"(observed) owner change","room":"test","new_owner":"erin","outcome":"succeeded"}"#,
            r#"{"v":1,"seq":6,"event":"observed","operation":"5","at":"2026-11-23T14:03:00.000Z","event_at":"2026-11-23T14:02:59.000Z","operator":"dave","original_owner":"bob","owner_now":"erin","signed":true}"#,
            r#"{"v":1,"seq":7,"event":"confirmed","operation":"5","at":"2026-11-23T14:03:02.500Z","by":"callback","delivery_id":"tencent:x","event_at":"2026-11-23T14:02:59.000Z","operator":null,"original_owner":"bob","signed":false}"#,
            r#"{"v":1,"seq":8,"event":"reply","operation":"5","at":"2026-11-23T14:03:03.000Z","how":"lost","why":"slack answered 404"}"#,
            r#"{"v":1,"seq":9,"event":"ended","operation":"5","at":"2026-11-23T14:04:03.000Z","outcome":"unknown","overridden_by":"12"}"#,
        ];
        let events = (5..).zip(bodies).map(|(seq, body)| RecordedEvent { seq, body: body.to_owned() });
        let steps = timeline(OperationId::new(5), &events.collect::<Vec<_>>()).unwrap();
        let told = steps.iter().map(|step| format!("{} {}: {}\n", step.seq, step.step, step.what));
        insta::assert_snapshot!(told.collect::<String>(), @r"
        5 received: dave: (observed) owner change
        5 answered: succeeded
        6 observed: Tencent's callback reported the change, made at 2026-11-23T14:02:59.000Z by Tencent's clock, by dave; the owner before was bob; the owner read back is erin
        7 confirmed: Tencent's callback reported the change, made at 2026-11-23T14:02:59.000Z by Tencent's clock; the owner before was bob; it was not signed, so who and from whom is only said
        8 reply: never delivered (slack answered 404)
        9 answered: unknown
        9 closed: operation 12 overrides it; it is not looked at any more
        ");
    }

    #[test]
    fn an_event_that_is_no_json_is_named() {
        let event = RecordedEvent { seq: 8, body: "x".to_owned() };
        assert_eq!(timeline(OperationId::new(1), &[event]), Err(8));
    }
}
