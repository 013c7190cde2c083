//! From an authentic body to a request (docs.slack.dev/interactivity/implementing-slash-commands).

use std::collections::HashMap;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;

use super::response_url::ResponseUrl;
use super::{Settings, text};
use crate::domain::command::{
    Advice, CommandGroup, CommandRequest, DeliveryId, Place, Problem, RejectedRequest, Rejection, Unusable,
    UsageError, parse_in,
};
use crate::domain::principal::{Channel, Principal, Subject};
use crate::redact::Redactor;

/// How much of a typed command the record keeps, in characters.
const LONGEST_RECORD: usize = 1_000;
/// How much of a name the record keeps, in characters.
const LONGEST_NAME: usize = 80;

/// An authentic body, read.
pub(super) enum Payload {
    /// Slack probes the endpoint: there is nothing to do.
    SslCheck,
    /// Somebody typed the command.
    Command(Box<Invocation>),
    /// It cannot be taken.
    Rejected(Box<RejectedRequest>),
}

/// A typed command, and where a late answer goes.
pub(super) struct Invocation {
    pub(super) request: CommandRequest,
    /// `None` if Slack sent none, or one that is not Slack's.
    pub(super) response_url: Option<ResponseUrl>,
    /// Allows a form in the place of the answer, where nothing but the command was typed.
    pub(super) trigger: Option<String>,
}

/// Whether an unsigned body is Slack's probe of the endpoint, and nothing else: the one thing that is
/// answered without a signature, by doing nothing.
pub(super) fn is_bare_ssl_check(body: &[u8]) -> bool {
    let mut seen = false;
    form_urlencoded::parse(body).all(|(key, value)| match &*key {
        "ssl_check" => !std::mem::replace(&mut seen, true) && value == "1",
        "token" => true,
        _ => false,
    }) && seen
}

/// Reads an authentic body. What somebody typed is recorded: nobody finds our secrets there, though somebody
/// pasted them.
pub(super) fn read(body: &[u8], settings: &Settings, redactor: &Redactor) -> Payload {
    of_fields(fields(body), settings, redactor)
}

/// The same for the payload of Socket Mode: an object with the same fields.
pub(super) fn read_json(json: &str, settings: &Settings, redactor: &Redactor) -> Payload {
    of_fields(json_fields(json), settings, redactor)
}

fn of_fields(
    fields: Result<HashMap<String, String>, String>,
    settings: &Settings,
    redactor: &Redactor,
) -> Payload {
    let redacted = |text: &str| redactor.text(text).into_owned();
    let fields: HashMap<_, _> = match fields {
        Ok(fields) => fields.into_iter().map(|(name, value)| (name, redacted(&value))).collect(),
        Err(why) => return reject(&HashMap::new(), Rejection::Unusable(redacted(&why).into())),
    };
    if fields.get("ssl_check").is_some_and(|value| value == "1") {
        return Payload::SslCheck;
    }
    if let Some(origin) = foreign_origin(&fields, settings) {
        return reject(&fields, Rejection::Foreign(origin));
    }
    match invocation(&fields, settings) {
        Ok(invocation) => Payload::Command(Box::new(invocation)),
        Err(unusable) => reject(&fields, Rejection::Unusable(unusable)),
    }
}

/// The form's fields. A repeated key is refused: two readers would see different values.
pub(super) fn fields(body: &[u8]) -> Result<HashMap<String, String>, String> {
    if std::str::from_utf8(body).is_err() {
        return Err("the request is not UTF-8 text".to_owned());
    }
    let mut fields = HashMap::new();
    for field in body.split(|byte| *byte == b'&') {
        for (key, value) in form_urlencoded::parse(field) {
            let named = || key.chars().take(LONGEST_NAME).collect::<String>();
            let replaced = |text: &str| text.matches(char::REPLACEMENT_CHARACTER).count();
            if replaced(&key) + replaced(&value) != sent_replacements(field) {
                return Err(format!("the field `{}` is not UTF-8 text", named()));
            }
            if fields.contains_key(&*key) {
                return Err(format!("the field `{}` comes twice", named()));
            }
            fields.insert(key.to_string(), value.into_owned());
        }
    }
    Ok(fields)
}

/// The object's fields. As in a form, a repeated key is refused, and every value is a text.
fn json_fields(json: &str) -> Result<HashMap<String, String>, String> {
    struct Fields(HashMap<String, String>);

    impl<'de> Deserialize<'de> for Fields {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_map(FieldsVisitor).map(Self)
        }
    }

    struct FieldsVisitor;

    impl<'de> Visitor<'de> for FieldsVisitor {
        type Value = HashMap<String, String>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut fields = HashMap::new();
            while let Some(key) = map.next_key::<String>()? {
                let value = match map.next_value()? {
                    Value::String(text) => text,
                    value @ (Value::Bool(_) | Value::Number(_)) => value.to_string(),
                    // No field of a command is one of these.
                    Value::Null | Value::Array(_) | Value::Object(_) => continue,
                };
                let named: String = key.chars().take(LONGEST_NAME).collect();
                if fields.insert(key, value).is_some() {
                    return Err(A::Error::custom(format!("the field `{named}` comes twice")));
                }
            }
            Ok(fields)
        }
    }

    let read: Result<Fields, _> = serde_json::from_str(json);
    read.map(|Fields(fields)| fields).map_err(|error| format!("the payload cannot be read: {error}"))
}

/// How often U+FFFD was sent as such in a field, and is not what decoding made of broken UTF-8.
fn sent_replacements(field: &[u8]) -> usize {
    let upper = field.to_ascii_uppercase();
    upper.windows(9).filter(|window| *window == b"%EF%BF%BD").count()
        + upper.windows(3).filter(|window| *window == b"\xEF\xBF\xBD").count()
}

pub(super) fn foreign_origin(fields: &HashMap<String, String>, settings: &Settings) -> Option<String> {
    let field = |name: &str| fields.get(name).map_or("", String::as_str);
    if let Some(app) = &settings.app_id
        && field("api_app_id") != app
    {
        return Some(format!("the app `{}`", or_unnamed(field("api_app_id"))));
    }
    let is_served = settings.team_ids.is_empty()
        || settings.team_ids.iter().any(|id| id == field("team_id") || id == field("enterprise_id"));
    (!is_served).then(|| format!("the workspace `{}`", or_unnamed(field("team_id"))))
}

fn or_unnamed(id: &str) -> String {
    if id.is_empty() { "(none)".to_owned() } else { id.chars().take(64).collect() }
}

fn invocation(fields: &HashMap<String, String>, settings: &Settings) -> Result<Invocation, Unusable> {
    let is = |name: &str, value: &str| fields.get(name).is_some_and(|it| it == value);
    if is("is_enterprise_install", "true") && fields.get("team_id").is_none_or(String::is_empty) {
        let why = "the app is installed for a whole organisation, and Slack does not say in which workspace this is";
        return Err(Unusable::but(why, Advice::InstallInWorkspace));
    }
    let required = |name: &str| {
        fields
            .get(name)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| format!("Slack did not send the field `{name}`"))
    };
    let team = required("team_id")?;
    let channel = required("channel_id")?;
    let command = required("command")?;
    required("user_id")?;
    required("trigger_id")?;
    let principal = principal(fields).ok_or("the workspace or the person is not named by an id")?;
    let channel = Channel::slack(team, channel).ok_or("the field `channel_id` is not an id")?;
    let delivery = delivery(fields).ok_or("the field `trigger_id` is not an id")?;

    let decoded = text::decode(fields.get("text").map_or("", String::as_str), team);
    let command = match settings.command.family(command) {
        Some(family) => parse_in(family, &decoded.line, Some(&channel)),
        None => {
            let name = command.chars().take(LONGEST_NAME).collect();
            Err(UsageError::without_verb(CommandGroup::Owner, Problem::UnknownCommand(name)))
        }
    };
    Ok(Invocation {
        request: CommandRequest {
            principal,
            place: Place::Channel(channel),
            delivery: Some(delivery),
            typed: typed(fields, &decoded.record),
            command,
            pressed: None,
            if_owner: None,
        },
        response_url: fields
            .get("response_url")
            .and_then(|url| ResponseUrl::parse(url, &settings.response_url_hosts)),
        trigger: fields.get("trigger_id").filter(|_| decoded.record.trim().is_empty()).cloned(),
    })
}

pub(super) fn principal(fields: &HashMap<String, String>) -> Option<Principal> {
    let subject = Subject::slack_user(fields.get("team_id")?, fields.get("user_id")?)?;
    let name = fields.get("user_name").filter(|name| !name.is_empty());
    Some(Principal {
        name: name.map(|name| name.chars().take(LONGEST_NAME).collect()),
        ..Principal::new(subject)
    })
}

pub(super) fn delivery(fields: &HashMap<String, String>) -> Option<DeliveryId> {
    DeliveryId::new("slack", fields.get("trigger_id")?)
}

fn typed(fields: &HashMap<String, String>, text: &str) -> String {
    let command = fields.get("command").map_or("", String::as_str);
    let line = format!("{command} {text}");
    let mut kept: String = line.trim_end().chars().take(LONGEST_RECORD).collect();
    if kept.len() < line.trim_end().len() {
        kept.push('…');
    }
    kept
}

fn reject(fields: &HashMap<String, String>, rejection: Rejection) -> Payload {
    let raw = fields.get("text").map_or("", String::as_str);
    let team = fields.get("team_id").map_or("", String::as_str);
    let channel = fields.get("channel_id").and_then(|channel| Channel::slack(team, channel));
    Payload::Rejected(Box::new(RejectedRequest {
        principal: principal(fields),
        channel,
        delivery: delivery(fields),
        typed: typed(fields, &text::decode(raw, team).record),
        rejection,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_has_the_fields_of_a_form() {
        let fields =
            json_fields(r#"{ "text": "a \"b\"", "is_enterprise_install": false, "x": null, "y": [1] }"#);
        let expected = [("text", "a \"b\""), ("is_enterprise_install", "false")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(fields, Ok(HashMap::from(expected)));
        for (json, why) in [(r#"{"a":"1","a":"2"}"#, "`a` comes twice"), ("[]", "an object"), ("{", "EOF")] {
            let error = json_fields(json).unwrap_err();
            assert!(error.contains(why), "{json}: {error}");
        }
    }

    #[test]
    fn only_a_body_that_says_nothing_else_is_a_bare_ssl_check() {
        assert!(is_bare_ssl_check(b"ssl_check=1"));
        assert!(is_bare_ssl_check(b"token=x&ssl_check=1"));
        for body in ["", "token=x", "ssl_check=0", "ssl_check=1&ssl_check=1", "ssl_check=1&text=test+user2"] {
            assert!(!is_bare_ssl_check(body.as_bytes()), "{body}");
        }
    }
}
