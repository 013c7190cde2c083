//! What frames and close codes mean ("Gateway Events" and "Opcodes and Status Codes" in Discord's documentation).

use std::borrow::Cow;
use std::time::Duration;

use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::Session;

/// Discord refuses for good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fatal {
    /// 401 from the REST API, or close code 4004.
    #[error("the bot token is not accepted: set DISCORD_BOT_TOKEN to the one from the developer portal")]
    Token,
    /// One of the close codes after which Discord asks not to come back.
    #[error("discord closed the gateway for good with code {code}: {why}")]
    Closed {
        /// The close code.
        code: u16,
        /// What it means.
        why: &'static str,
    },
    /// The API's address would show the token to everybody on the way.
    #[error("`{0}` is no address for the bot token: write https, or http for a loopback address")]
    Address(String),
    /// No HTTP client can be made.
    #[error("no connection can be made: {0}")]
    Setup(String),
}

/// What a close code asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Closed {
    /// Come back and resume: every code that is not known to mean something else.
    Resume,
    /// Come back with a new session.
    NewSession,
    /// Do not come back.
    Fatal(Fatal),
}

/// "Gateway Close Event Codes".
pub(super) fn closed(code: Option<u16>) -> Closed {
    let fatal = |code, why| Closed::Fatal(Fatal::Closed { code, why });
    match code {
        Some(4004) => Closed::Fatal(Fatal::Token),
        // Invalid sequence, session timed out.
        Some(4007 | 4009) => Closed::NewSession,
        Some(code @ 4010) => fatal(code, "the shard is invalid"),
        Some(code @ 4011) => fatal(code, "the bot is in too many servers for one connection"),
        Some(code @ 4012) => fatal(code, "the version of the gateway is not served any more"),
        Some(code @ 4013) => fatal(code, "the intents are invalid"),
        Some(code @ 4014) => fatal(code, "an intent is not permitted to this bot"),
        _ => Closed::Resume,
    }
}

/// What Discord sends, by what it asks of us. The JSON of an interaction is not looked into.
#[derive(Debug)]
pub(super) enum Incoming<'a> {
    Hello(Duration),
    HeartbeatAck,
    HeartbeatRequest,
    Reconnect,
    InvalidSession {
        resumable: bool,
    },
    Ready {
        session_id: String,
        resume_url: Option<String>,
    },
    Resumed,
    Interaction(&'a str),
    /// Something else, known or not.
    Other,
}

#[derive(Deserialize)]
struct Frame<'a> {
    op: u64,
    #[serde(borrow, default)]
    d: Option<&'a RawValue>,
    #[serde(default)]
    s: Option<u64>,
    #[serde(borrow, default)]
    t: Option<Cow<'a, str>>,
}

/// Reads a frame: its sequence number, if it has one, and its meaning.
pub(super) fn read(text: &str) -> Result<(Option<u64>, Incoming<'_>), serde_json::Error> {
    #[derive(Deserialize)]
    struct Hello {
        heartbeat_interval: u64,
    }
    #[derive(Deserialize)]
    struct Ready {
        session_id: String,
        #[serde(default)]
        resume_gateway_url: Option<String>,
    }
    let frame: Frame<'_> = object(text)?;
    let data = frame.d.map_or("null", RawValue::get);
    let incoming = match (frame.op, frame.t.as_deref()) {
        (0, Some("READY")) => {
            let ready: Ready = object(data)?;
            Incoming::Ready { session_id: ready.session_id, resume_url: ready.resume_gateway_url }
        }
        (0, Some("RESUMED")) => Incoming::Resumed,
        (0, Some("INTERACTION_CREATE")) => Incoming::Interaction(data),
        (1, _) => Incoming::HeartbeatRequest,
        (7, _) => Incoming::Reconnect,
        // Anything but `true` is a no.
        (9, _) => Incoming::InvalidSession { resumable: data == "true" },
        (10, _) => {
            let hello: Hello = object(data)?;
            Incoming::Hello(Duration::from_millis(hello.heartbeat_interval))
        }
        (11, _) => Incoming::HeartbeatAck,
        _ => Incoming::Other,
    };
    Ok((frame.s, incoming))
}

/// Reads an object, and not a list of its values, which serde takes for one too.
fn object<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, serde_json::Error> {
    if !json.trim_start().starts_with('{') {
        return Err(serde::de::Error::custom("it is no object"));
    }
    serde_json::from_str(json)
}

pub(super) fn heartbeat(session: Option<&Session>) -> String {
    json!({ "op": 1, "d": session.map(|session| session.sequence) }).to_string()
}

/// Interactions arrive without any intent.
pub(super) fn identify(token: &SecretString) -> String {
    let properties = json!({
        "os": std::env::consts::OS,
        "browser": env!("CARGO_PKG_NAME"),
        "device": env!("CARGO_PKG_NAME"),
    });
    json!({ "op": 2, "d": { "token": token.expose_secret(), "intents": 0, "properties": properties } })
        .to_string()
}

pub(super) fn resume(token: &SecretString, session: &Session) -> String {
    let (token, id) = (token.expose_secret(), session.id.expose_secret());
    json!({ "op": 6, "d": { "token": token, "session_id": id, "seq": session.sequence } }).to_string()
}

/// The address with what Discord wants to know: the version and the encoding.
pub(super) fn with_version(url: &Url) -> Url {
    let mut url = url.clone();
    url.set_query(Some("v=10&encoding=json"));
    url
}

/// Whether a frame was read as any JSON reader reads it; panics if not. Returns the interaction that it holds.
#[cfg(any(test, feature = "fuzzing"))]
pub(in crate::discord) fn check(text: &str) -> Option<&str> {
    let value: Result<serde_json::Value, _> = serde_json::from_str(text);
    let (sequence, incoming) = read(text).ok()?;
    let Ok(value) = value else { panic!("what is no JSON was read as {incoming:?}") };
    assert!(sequence.is_none_or(|sequence| value["s"] == sequence), "{sequence:?}");
    let is = |op: u64, name: Option<&str>| value["op"] == op && name.is_none_or(|name| value["t"] == name);
    match incoming {
        Incoming::Hello(interval) => {
            assert!(is(10, None) && value["d"]["heartbeat_interval"] == interval.as_millis() as u64);
        }
        Incoming::HeartbeatAck => assert!(is(11, None)),
        Incoming::HeartbeatRequest => assert!(is(1, None)),
        Incoming::Reconnect => assert!(is(7, None)),
        Incoming::InvalidSession { resumable } => assert!(is(9, None) && resumable == (value["d"] == true)),
        Incoming::Ready { session_id, resume_url } => {
            assert!(is(0, Some("READY")) && value["d"]["session_id"] == session_id.as_str());
            assert!(resume_url.is_none_or(|url| value["d"]["resume_gateway_url"] == url.as_str()));
        }
        Incoming::Resumed => assert!(is(0, Some("RESUMED"))),
        Incoming::Interaction(json) => {
            assert!(is(0, Some("INTERACTION_CREATE")));
            let read: Result<serde_json::Value, _> = serde_json::from_str(json);
            assert!(read.is_ok_and(|read| read == value["d"]), "{json}");
            return Some(json);
        }
        Incoming::Other => {}
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interaction_is_handed_on_byte_for_byte_wherever_its_frame_puts_it() {
        let interaction = r#"{ "id":"1", "type": 99,"t":"READY", "s":7, "op":10, "data":{"x":1.50} }"#;
        for frame in [
            format!(r#"{{"t":"INTERACTION_CREATE","s":3,"op":0,"d":{interaction}}}"#),
            format!(
                r#"{{"d": {interaction} , "new": [1], "op": 0, "s": 3, "t": "INTERACTION\u005fCREATE"}}"#
            ),
        ] {
            let (sequence, incoming) = read(&frame).unwrap();
            assert_eq!(sequence, Some(3));
            assert!(matches!(incoming, Incoming::Interaction(json) if json == interaction), "{incoming:?}");
        }
    }

    #[test]
    fn close_codes_ask_for_what_the_documentation_says() {
        for code in [4004, 4010, 4011, 4012, 4013, 4014] {
            assert!(matches!(closed(Some(code)), Closed::Fatal(_)), "{code}");
        }
        for code in [4007, 4009] {
            assert_eq!(closed(Some(code)), Closed::NewSession, "{code}");
        }
        for code in [1000, 1001, 1006, 4000, 4001, 4002, 4003, 4005, 4008, 4999] {
            assert_eq!(closed(Some(code)), Closed::Resume, "{code}");
        }
        assert_eq!(closed(None), Closed::Resume);
    }

    #[test]
    fn what_is_not_a_frame_is_an_error_and_what_is_not_known_is_other() {
        for text in
            ["", "null", "[]", "{}", r#"{"op":"7"}"#, r#"{"op":10}"#, r#"{"op":0,"t":"READY","d":{}}"#]
        {
            assert!(read(text).is_err(), "{text}");
        }
        for text in [r#"{"op":99}"#, r#"{"op":0,"t":"NEW_THING","s":1,"d":[1]}"#, r#"{"op":0,"t":null}"#] {
            assert!(matches!(read(text), Ok((_, Incoming::Other))), "{text}");
        }
    }
}
