//! Fuzz targets of the Slack door.

use axum::http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::Value;

use super::interactive::{self, Interactive, Pressing, Source};
use super::payload::{self, Payload};
use super::render::render;
use super::{Settings, signature, socket};
use crate::domain::audit::OperationId;
use crate::domain::command::Rejection;
use crate::domain::reply::Reply;
use crate::domain::wording::CommandName;
use crate::redact::Redactor;

/// What Slack takes as the text of a message, in characters (docs.slack.dev/reference/methods/chat.postMessage).
const LONGEST_TEXT: usize = 40_000;
/// What a record keeps of foreign text, in characters, with room for our own words around it.
const LONGEST_KEPT: usize = 1_100;

/// The body of a slash command, taken as authentic.
pub fn body(bytes: &[u8]) {
    let url = || {
        form_urlencoded::parse(bytes).find(|(key, _)| key == "response_url").map(|(_, url)| url.into_owned())
    };
    let is_probe = payload::is_bare_ssl_check(bytes);
    taken(|settings| payload::read(bytes, settings, &Redactor::default()), is_probe, url);
}

/// A frame of Socket Mode.
pub fn frame(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Some(json) = socket::check_frame(text) else { return };
    let url = || {
        let value: Value = serde_json::from_str(json).ok()?;
        value["response_url"].as_str().map(str::to_owned)
    };
    taken(|settings| payload::read_json(json, settings, &Redactor::default()), false, url);
}

/// What must hold of a payload, whichever way it came.
fn taken(read: impl Fn(&Settings) -> Payload, is_probe: bool, response_url: impl Fn() -> Option<String>) {
    let open = settings(None, &[]);
    let strict = settings(Some("A1"), &["T1"]);
    for settings in [&open, &strict] {
        match read(settings) {
            Payload::SslCheck => {}
            Payload::Command(invocation) => {
                assert!(!is_probe, "what is answered unsigned is a command");
                let request = &invocation.request;
                assert!(length(&request.typed) <= LONGEST_KEPT, "the record keeps it whole");
                assert!(request.principal.name.as_ref().is_none_or(|name| length(name) <= 80));
                assert!(request.principal.groups.is_empty(), "a body says who is in a group");
                let delivery = request.delivery.as_ref().map(|id| id.as_str());
                assert!(delivery.is_some_and(|id| id.starts_with("slack:") && id.len() <= 262));
                if invocation.response_url.is_some() {
                    goes_to_slack(response_url());
                }
                if let Err(error) = &request.command {
                    let operation = OperationId::new(7);
                    let why = error.for_the_record();
                    assert!(length(&why) <= LONGEST_KEPT, "the record keeps it whole: {why}");
                    is_no_markup(&Reply::Invalid { operation, error: error.clone(), rights: Vec::new() });
                }
                is_no_markup(&Reply::Working { typed: request.typed.clone(), result_follows: true });
            }
            Payload::Rejected(request) => {
                assert!(length(&request.typed) <= LONGEST_KEPT);
                let operation = OperationId::new(7);
                is_no_markup(&match request.rejection {
                    Rejection::Foreign(origin) => {
                        assert!(length(&origin) <= LONGEST_KEPT);
                        Reply::Foreign { operation, origin }
                    }
                    Rejection::Unusable(unusable) => {
                        assert!(
                            length(&unusable.why) <= LONGEST_KEPT,
                            "the record keeps it whole: {unusable:?}"
                        );
                        Reply::Unusable { operation, unusable }
                    }
                });
            }
        }
    }
}

/// The body of what somebody pressed, taken as authentic.
pub fn press(bytes: &[u8]) {
    let payload = interactive::payload(bytes, &Redactor::default());
    for settings in [&settings(None, &[]), &settings(Some("A1"), &["T1"])] {
        match interactive::read(&payload, settings) {
            Interactive::Ignored(kind) => assert!(kind != "block_actions" && length(&kind) <= LONGEST_KEPT),
            Interactive::Typing(typing) => assert!(typing.principal.groups.is_empty()),
            Interactive::Form(invocation) => {
                assert!(invocation.trigger.is_some(), "a form is opened by a trigger");
                assert!(invocation.request.principal.groups.is_empty(), "a body says who is in a group");
            }
            Interactive::Submission(submission) => {
                assert!(submission.principal.groups.is_empty(), "a body says who is in a group");
                assert!(submission.delivery.is_some(), "it can be carried out once");
                drop(submission.filled.command(&submission.channel));
            }
            Interactive::Press(pressing) => {
                let Pressing { press, response_url, source } = *pressing;
                assert!(press.principal.name.as_ref().is_none_or(|name| length(name) <= 80));
                assert!(press.principal.groups.is_empty(), "a body says who is in a group");
                let delivery = press.delivery.as_ref().map(|id| id.as_str());
                assert!(delivery.is_some_and(|id| id.starts_with("slack:") && id.len() <= 262));
                if response_url.is_some() {
                    goes_to_slack(payload["response_url"].as_str().map(str::to_owned));
                }
                if let Source::Public(message) = source {
                    let blocks = message["blocks"].as_array().into_iter().flatten();
                    assert_eq!(blocks.filter(|block| block["type"] == "actions").count(), 0);
                    assert!(message["text"].is_string() && message["replace_original"] == true);
                }
            }
            Interactive::Rejected(request, response_url) => {
                if response_url.is_some() {
                    goes_to_slack(payload["response_url"].as_str().map(str::to_owned));
                }
                let operation = OperationId::new(7);
                is_no_markup(&match request.rejection {
                    Rejection::Foreign(origin) => {
                        assert!(length(&origin) <= LONGEST_KEPT);
                        Reply::Foreign { operation, origin }
                    }
                    Rejection::Unusable(unusable) => Reply::Unusable { operation, unusable },
                });
            }
        }
    }
}

fn settings(app: Option<&str>, teams: &[&str]) -> Settings {
    Settings {
        socket: None,
        signing_secrets: Vec::new(),
        app_id: app.map(str::to_owned),
        team_ids: teams.iter().map(|team| (*team).to_owned()).collect(),
        command: CommandName::slash(""),
        private_replies: false,
        response_url_hosts: Vec::new(),
        groups: None,
    }
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// The `response_url` of a payload whose late answers are accepted is one of Slack's, read another way.
fn goes_to_slack(url: Option<String>) {
    let url = url.and_then(|url| reqwest::Url::parse(&url).ok());
    let Some(url) = url else { panic!("there is no response_url") };
    let host = url.domain().unwrap_or_default();
    let is_slack = ["slack.com", "slack-gov.com"].iter().any(|slack| {
        host.rsplit('.').take(2).collect::<Vec<_>>() == slack.rsplit('.').collect::<Vec<_>>()
            && host.len() > slack.len()
    });
    assert!(is_slack && url.scheme() == "https" && url.port().is_none(), "late answers go to {host}");
    assert!(url.username().is_empty() && url.password().is_none());
}

/// Nothing that somebody else wrote takes effect in the reply, and Slack takes it.
fn is_no_markup(reply: &Reply) {
    let message = render(reply, &CommandName::slash(""), false);
    assert_eq!((&message["mrkdwn"], &message["parse"]), (&Value::Bool(false), &Value::from("none")));
    let text = message["text"].as_str().unwrap_or_default();
    assert!(!text.is_empty() && length(text) <= LONGEST_TEXT, "{} characters", length(text));
    assert!(!text.contains(['<', '>']), "{text}");
    let lower = text.to_ascii_lowercase();
    assert!(!["@here", "@channel", "@everyone"].iter().any(|word| lower.contains(word)), "{text}");
    for (at, _) in text.match_indices('&') {
        assert!(["&amp;", "&lt;", "&gt;"].iter().any(|entity| text[at..].starts_with(entity)), "{text}");
    }
    let elements = message["blocks"][0]["elements"][0]["elements"].as_array();
    assert!(elements.is_some_and(|elements| !elements.is_empty()));
    for element in elements.into_iter().flatten() {
        assert_eq!(element["type"], "text", "nobody of the ACL is in this reply");
        let text = element["text"].as_str().unwrap_or_default();
        assert!(!text.is_empty() && length(text) <= 2_501);
        if element["style"]["code"] == true {
            assert!(!text.contains(crate::domain::room::is_invisible), "{text:?}");
        }
    }
}

/// The timestamp, the signature and the body, a line each; `{}` in the signature stands for the right one.
pub fn signature(bytes: &[u8]) {
    const NOW: i64 = 1_531_420_618;
    let secret = SecretString::from("8f742231b10e8888abcd99yyyzzz85a5");
    let mut lines = bytes.splitn(3, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (timestamp, given, body) = (line(), line(), line());
    let right = std::str::from_utf8(timestamp).map(|timestamp| signature::sign(&secret, timestamp, body));
    let given = match (std::str::from_utf8(given), &right) {
        (Ok(text), Ok(right)) => text.replace("{}", right).into_bytes(),
        _ => given.to_vec(),
    };
    let mut headers = HeaderMap::new();
    for (name, value) in [("x-slack-request-timestamp", timestamp), ("x-slack-signature", &given)] {
        // A server hands on what HTTP permits in a header.
        let Ok(value) = HeaderValue::from_bytes(value) else { return };
        headers.insert(name, value);
    }
    let now = Timestamp::from_second(NOW).unwrap_or_default();
    let answer = signature::verify(std::slice::from_ref(&secret), &headers, body, now);
    let is_fresh = (NOW - 300..=NOW + 300).any(|second| second.to_string().as_bytes() == timestamp);
    let is_signed = right.is_ok_and(|right| right.as_bytes() == given);
    assert_eq!(answer.is_ok(), is_fresh && is_signed, "{answer:?}");
}
