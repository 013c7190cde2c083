//! The frames of Socket Mode (docs.slack.dev/apis/events-api/using-socket-mode). Every field but `type` may be missing.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// What Slack sends.
#[derive(Debug)]
pub(super) enum Frame<'a> {
    /// Payloads may come from now on. Slack counts so many connections of the app.
    Hello { connections: Option<u64> },
    /// Slack will close this connection.
    Disconnect { reason: String },
    /// Something that is to be acknowledged.
    Envelope(Envelope<'a>),
    /// Something else.
    Other,
}

#[derive(Debug)]
pub(super) struct Envelope<'a> {
    pub(super) id: String,
    pub(super) kind: String,
    /// Whether the acknowledgement may hold an answer.
    pub(super) takes_answer: bool,
    /// JSON.
    pub(super) payload: &'a str,
}

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(rename = "type")]
    kind: Cow<'a, str>,
    #[serde(default)]
    envelope_id: Value,
    #[serde(default)]
    accepts_response_payload: Value,
    #[serde(borrow, default)]
    payload: Option<&'a RawValue>,
    #[serde(default)]
    num_connections: Value,
    #[serde(default)]
    reason: Value,
}

/// Reads a frame.
pub(super) fn read(text: &str) -> Result<Frame<'_>, serde_json::Error> {
    // serde takes a list of the values for an object too.
    if !text.trim_start().starts_with('{') {
        return Err(serde::de::Error::custom("it is no object"));
    }
    let fields: Fields<'_> = serde_json::from_str(text)?;
    if let Some(id) = fields.envelope_id.as_str() {
        return Ok(Frame::Envelope(Envelope {
            id: id.to_owned(),
            kind: fields.kind.into_owned(),
            takes_answer: fields.accepts_response_payload == true,
            payload: fields.payload.map_or("null", RawValue::get),
        }));
    }
    Ok(match &*fields.kind {
        "hello" => Frame::Hello { connections: fields.num_connections.as_u64() },
        "disconnect" => Frame::Disconnect { reason: fields.reason.as_str().unwrap_or_default().to_owned() },
        _ => Frame::Other,
    })
}

/// The acknowledgement of an envelope, with an answer where it takes one.
pub(super) fn acknowledgement(envelope: &str, answer: Option<&Value>) -> String {
    match answer {
        Some(answer) => json!({ "envelope_id": envelope, "payload": answer }),
        None => json!({ "envelope_id": envelope }),
    }
    .to_string()
}

/// Whether a frame was read as any JSON reader reads it; panics if not. Returns the payload of an envelope.
#[cfg(any(test, feature = "fuzzing"))]
pub(in crate::slack) fn check(text: &str) -> Option<&str> {
    let frame = read(text).ok()?;
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        panic!("what is no JSON was read as {frame:?}")
    };
    match frame {
        Frame::Hello { connections } => {
            assert_eq!((&value["type"], &value["num_connections"].as_u64()), (&json!("hello"), &connections));
        }
        Frame::Disconnect { reason } => {
            assert_eq!(value["reason"].as_str().unwrap_or_default(), reason);
        }
        Frame::Envelope(envelope) => {
            assert_eq!((&value["envelope_id"], &value["type"]), (&json!(envelope.id), &json!(envelope.kind)));
            assert_eq!(value["accepts_response_payload"] == true, envelope.takes_answer);
            let payload: Result<Value, _> = serde_json::from_str(envelope.payload);
            assert!(payload.is_ok_and(|payload| payload == value["payload"]), "{}", envelope.payload);
            return Some(envelope.payload);
        }
        Frame::Other => {}
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_known_by_its_type_whatever_else_it_lacks() {
        assert!(matches!(read(r#"{"type":"hello"}"#), Ok(Frame::Hello { connections: None })));
        let hello = r#"{"num_connections":2,"type":"hello","debug_info":{"host":"a","new":[1]}}"#;
        assert!(matches!(read(hello), Ok(Frame::Hello { connections: Some(2) })));
        let odd = r#"{"type":"hello","num_connections":"two"}"#;
        assert!(matches!(read(odd), Ok(Frame::Hello { connections: None })));
        let disconnect = r#"{"type":"disconnect","reason":"warning"}"#;
        assert!(matches!(read(disconnect), Ok(Frame::Disconnect { reason }) if reason == "warning"));
        let bare = read(r#"{"type":"disconnect"}"#);
        assert!(matches!(bare, Ok(Frame::Disconnect { reason }) if reason.is_empty()));
        assert!(matches!(read(r#"{"type":"goodbye","x":1}"#), Ok(Frame::Other)));
        for text in ["", "null", "[]", "{}", "hello", r#"{"type":7}"#, r#"["hello"]"#, "{\"type\":\"hello\""]
        {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_payload_is_handed_on_byte_for_byte() {
        let payload = r#"{ "text":"1.50", "type": "hello","envelope_id":"other" }"#;
        let text = format!(r#"{{"payload":{payload},"type":"new","envelope_id":"e1"}}"#);
        let Ok(Frame::Envelope(envelope)) = read(&text) else { panic!("{text}") };
        assert_eq!((envelope.payload, &*envelope.kind, envelope.takes_answer), (payload, "new", false));
        assert_eq!(acknowledgement("e\"1", None), r#"{"envelope_id":"e\"1"}"#);
    }
}
