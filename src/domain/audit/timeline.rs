//! What happened when within one operation, told from its events.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::OperationId;

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
        for (step, what) in told(&body) {
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

fn told(body: &Map<String, Value>) -> Vec<(String, String)> {
    let kind = text(body, "event").unwrap_or("event");
    let named = |step: &str, what: String| (step.to_owned(), what);
    match kind {
        "requested" => requested(body).into_iter().map(|(step, what)| named(step, what)).collect(),
        "noted" => {
            let owner = text(body, "previous_owner").unwrap_or_default();
            vec![named("noted", format!("the call takes its time; the owner before is {owner}"))]
        }
        "ended" => ended(body).into_iter().map(|(step, what)| named(step, what)).collect(),
        // A kind that this page knows nothing about yet is shown as it is.
        other => vec![named(other, plain(body))],
    }
}

fn requested(body: &Map<String, Value>) -> Vec<(&'static str, String)> {
    let field = |name| text(body, name);
    let mut who = field("actor").unwrap_or("somebody unnamed").to_owned();
    if let Some(name) = field("actor_name") {
        who.push_str(&format!(" ({name})"));
    }
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
    steps
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
    fn an_event_that_is_no_json_is_named() {
        let event = RecordedEvent { seq: 8, body: "x".to_owned() };
        assert_eq!(timeline(OperationId::new(1), &[event]), Err(8));
    }
}
