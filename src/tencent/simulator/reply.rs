//! What goes back to the caller, whole or spoilt.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Response, StatusCode, header};
use hyper::body::{Frame, SizeHint};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// A refusal by the service: an ErrorCode from Tencent's tables and a text of our own making.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: i64,
    pub(super) info: String,
}

impl Refusal {
    pub(super) fn new(code: i64, info: impl Into<String>) -> Self {
        Self { code, info: info.into() }
    }
}

/// What happens on the connection.
pub(super) enum Answer {
    Reply(Response<Body>),
    /// It is closed and not a byte is sent.
    Hangup,
}

/// The ways in which a reply can be written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Plain,
    Truncated,
    MissingRequestId,
    MissingErrorCode,
    ShuffledKeys,
    NumericOwner,
    ZeroCodeButFail,
}

impl Shape {
    /// Whether the caller gets to see the ErrorCode.
    pub(super) fn tells_the_code(self) -> bool {
        !matches!(self, Self::Truncated | Self::MissingErrorCode)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Fields<'a> {
    action_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<i64>,
    error_info: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<&'a Value>,
}

/// The service's reply: `Response` with the data, if there is any, or the refusal.
pub(super) fn reply(
    request_id: &str,
    result: &Result<Option<Value>, Refusal>,
    shape: Shape,
) -> Response<Body> {
    let (code, info) = match result {
        Ok(_) => (0, ""),
        Err(refusal) => (refusal.code, refusal.info.as_str()),
    };
    let failed = code != 0 || shape == Shape::ZeroCodeButFail;
    let fields = Fields {
        action_status: if failed { "FAIL" } else { "OK" },
        error_code: (shape != Shape::MissingErrorCode).then_some(code),
        error_info: info,
        request_id: (shape != Shape::MissingRequestId).then_some(request_id),
        response: result.as_ref().ok().and_then(Option::as_ref),
    };
    let text = match shape {
        Shape::ShuffledKeys => {
            let mut text = String::new();
            write_shuffled(&json!(fields), request_id, &mut text);
            text
        }
        Shape::NumericOwner => with_numeric_owners(plain(&fields)),
        _ => plain(&fields),
    };
    let body = if shape == Shape::Truncated { Body::new(CutOff::new(text)) } else { Body::from(text) };
    response(StatusCode::OK, "application/json", body)
}

fn plain(fields: &Fields<'_>) -> String {
    // It fails for maps whose keys are no text, and there is none.
    serde_json::to_string(fields).unwrap_or_default()
}

/// A page from the gateway instead of an answer from the service.
pub(super) fn page(status: u16, body: String) -> Response<Body> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    response(status, "text/html", Body::from(body))
}

/// An answer that looks well until one reads it.
pub(super) fn garbage() -> Response<Body> {
    response(StatusCode::OK, "application/json", Body::from("<<< not json >>>"))
}

fn response(status: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Takes the quotes from owners that are numbers. On the text, because a number in a [`Value`] has at most 64 bits.
fn with_numeric_owners(text: String) -> String {
    // A quote inside a JSON string is escaped, so this is only ever a key and the start of its value.
    const KEY: &str = r#""Owner_Account":""#;
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(start) = rest.find(KEY) {
        let value = start + KEY.len();
        out.push_str(&rest[..value - 1]);
        rest = &rest[value..];
        let Some(end) = rest.find('"') else { break };
        let owner = &rest[..end];
        // JSON has no numbers with leading zeros.
        let numeric = owner.bytes().all(|b| b.is_ascii_digit()) && !owner.is_empty();
        if numeric && (owner == "0" || !owner.starts_with('0')) {
            out.push_str(owner);
            rest = &rest[end + 1..];
        } else {
            out.push('"');
        }
    }
    out.push_str(rest);
    out
}

/// Writes every object with its keys in an order that depends on `salt`, and with two keys nobody knows.
fn write_shuffled(value: &Value, salt: &str, out: &mut String) {
    let mut separator = "";
    match value {
        Value::Object(fields) => {
            let unknown = [
                ("Unheard_Of".to_owned(), json!({"Owner_Account": ["not", "this"], "Depth": [1, null]})),
                ("errorCode".to_owned(), json!("not this one either")),
            ];
            let mut entries: Vec<_> = fields.clone().into_iter().chain(unknown).collect();
            entries.sort_by_key(|(key, _)| Sha256::digest(format!("{salt}/{key}")));
            out.push('{');
            for (key, value) in entries {
                out.push_str(separator);
                separator = ",";
                out.push_str(&Value::String(key.clone()).to_string());
                out.push(':');
                if key == "Unheard_Of" {
                    out.push_str(&value.to_string());
                } else {
                    write_shuffled(&value, salt, out);
                }
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for item in items {
                out.push_str(separator);
                separator = ",";
                write_shuffled(item, salt, out);
            }
            out.push(']');
        }
        simple => out.push_str(&simple.to_string()),
    }
}

/// A body that promises its whole length, sends half of it and then breaks the connection.
struct CutOff {
    length: u64,
    half: Option<Bytes>,
    flushed: bool,
}

impl CutOff {
    fn new(text: String) -> Self {
        let whole = Bytes::from(text);
        Self { length: whole.len() as u64, half: Some(whole.slice(..whole.len() / 2)), flushed: false }
    }
}

impl hyper::body::Body for CutOff {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(half) = self.half.take() {
            return Poll::Ready(Some(Ok(Frame::data(half))));
        }
        if !self.flushed {
            // hyper throws away what it has not yet written when a body fails; one pause lets it write.
            self.flushed = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::ConnectionAborted, "cut off on purpose"))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_of_digits_keeps_every_one_of_them_without_quotes() {
        let text = r#"{"Owner_Account":"123456789012345678901234567890","Next":"1"}"#.to_owned();
        let expected = r#"{"Owner_Account":123456789012345678901234567890,"Next":"1"}"#;
        assert_eq!(with_numeric_owners(text), expected);
    }

    #[test]
    fn an_owner_that_json_cannot_hold_as_a_number_stays_a_string() {
        for owner in ["alice", "007", "", "12a"] {
            let text =
                json!([{"Owner_Account": owner}, {"Owner_Account": "\"Owner_Account\":\"1"}]).to_string();
            assert_eq!(with_numeric_owners(text.clone()), text);
        }
        assert_eq!(with_numeric_owners(r#"{"Owner_Account":"0"}"#.to_owned()), r#"{"Owner_Account":0}"#);
    }

    #[test]
    fn a_shuffled_reply_holds_what_the_plain_one_holds() {
        let plain =
            json!({"ErrorCode": 0, "Response": {"RoomInfo": {"Owner_Account": "a", "RoomId": "\"r\""}}});
        let mut text = String::new();
        write_shuffled(&plain, "salt", &mut text);
        let shuffled: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(shuffled["ErrorCode"], 0);
        assert_eq!(shuffled["Response"]["RoomInfo"]["Owner_Account"], "a");
        assert_eq!(shuffled["Response"]["RoomInfo"]["RoomId"], "\"r\"");
    }
}
