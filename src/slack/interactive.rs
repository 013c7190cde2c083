//! From the JSON of what people press and fill in to requests (docs.slack.dev/reference/interaction-payloads).

use std::collections::HashMap;

use serde_json::Value;

use super::payload::{Invocation, delivery, fields, foreign_origin, principal};
use super::response_url::ResponseUrl;
use super::{Settings, render};
use crate::app::commands::Press;
use crate::domain::command::{
    Command, CommandGroup, CommandRequest, DeliveryId, FilledForm, Place, RejectedRequest, Rejection,
    Unusable,
};
use crate::domain::principal::{Channel, Principal};
use crate::redact::Redactor;

/// Something that people do with the mouse, read.
pub(super) enum Interactive {
    /// Somebody pressed a button.
    Press(Box<Pressing>),
    /// Somebody asks for the form, by a shortcut on a message.
    Form(Box<Invocation>),
    /// Somebody is choosing in a form.
    Typing(Box<Typing>),
    /// Somebody filled in a form.
    Submission(Box<Submission>),
    /// It cannot be taken.
    Rejected(Box<RejectedRequest>, Option<ResponseUrl>),
    /// The bot has nothing of this kind: there is nothing to do.
    Ignored(String),
}

/// A press, and the message that the button is in.
pub(super) struct Pressing {
    pub(super) press: Press,
    /// `None` if Slack sent none, or one that is not Slack's.
    pub(super) response_url: Option<ResponseUrl>,
    pub(super) source: Source,
}

/// What somebody has typed in a field of a form.
pub(super) struct Typing {
    pub(super) principal: Principal,
    pub(super) channel: Channel,
    /// The room that was chosen; `None` where rooms are chosen from.
    pub(super) room: Option<String>,
    pub(super) typed: String,
}

/// A form that was filled in.
pub(super) struct Submission {
    pub(super) principal: Principal,
    pub(super) channel: Channel,
    pub(super) delivery: Option<DeliveryId>,
    pub(super) filled: FilledForm,
}

/// The message that a button is in.
pub(super) enum Source {
    /// One that the person alone sees. Slack does not say what is in it.
    Private,
    /// One that the channel sees, without its buttons.
    Public(Box<Value>),
}

/// The payload in an authentic body; null if there is none.
pub(super) fn payload(body: &[u8], redactor: &Redactor) -> Value {
    let payload = fields(body).ok().and_then(|mut fields| fields.remove("payload"));
    payload.map(|text| from_json(&text, redactor)).unwrap_or_default()
}

/// The payload of its JSON; null if it is none.
pub(super) fn from_json(text: &str, redactor: &Redactor) -> Value {
    serde_json::from_slice(&redactor.json(text.as_bytes())).unwrap_or_default()
}

/// Reads an authentic payload.
pub(super) fn read(payload: &Value, settings: &Settings) -> Interactive {
    let kind = payload["type"].as_str().unwrap_or_default();
    let fields = flattened(payload);
    let url =
        fields.get("response_url").and_then(|url| ResponseUrl::parse(url, &settings.response_url_hosts));
    let reject = |rejection, url| {
        let request = RejectedRequest {
            principal: principal(&fields),
            channel: channel(&fields),
            delivery: delivery(&fields),
            typed: match kind {
                "view_submission" => "[form]".to_owned(),
                "message_action" => "[shortcut]".to_owned(),
                _ => "[a button]".to_owned(),
            },
            rejection,
        };
        Interactive::Rejected(Box::new(request), url)
    };
    if !payload["type"].is_string() {
        return reject(Rejection::Unusable(Unusable::from("Slack did not say what was pressed")), url);
    }
    if !["block_actions", "view_submission", "message_action", "block_suggestion"].contains(&kind) {
        return Interactive::Ignored(kind.chars().take(64).collect());
    }
    if kind == "block_suggestion" {
        // A keystroke is not recorded.
        let typing = match foreign_origin(&fields, settings) {
            None => typing(payload, &fields).map_err(str::to_owned),
            Some(origin) => Err(origin),
        };
        return typing.map_or_else(Interactive::Ignored, |typing| Interactive::Typing(Box::new(typing)));
    }
    if let Some(origin) = foreign_origin(&fields, settings) {
        return reject(Rejection::Foreign(origin), url);
    }
    let unusable = |why: &'static str| Rejection::Unusable(Unusable::from(why));
    match kind {
        "view_submission" => match submission(payload, &fields) {
            Ok(submission) => Interactive::Submission(Box::new(submission)),
            Err(why) => reject(unusable(why), url),
        },
        "message_action" => match shortcut(&fields) {
            Ok(request) => {
                let trigger = fields.get("trigger_id").cloned();
                Interactive::Form(Box::new(Invocation { request, response_url: url, trigger }))
            }
            Err(why) => reject(unusable(why), url),
        },
        _ => match press(payload, &fields) {
            Ok(press) => {
                let source = source(payload);
                Interactive::Press(Box::new(Pressing { press, response_url: url, source }))
            }
            Err(why) => reject(unusable(why), url),
        },
    }
}

/// The fields by the names that they have in the form of a slash command.
fn flattened(payload: &Value) -> HashMap<String, String> {
    let all = [
        ("api_app_id", &payload["api_app_id"]),
        ("enterprise_id", &payload["enterprise"]["id"]),
        ("workspace", &payload["team"]["id"]),
        // Of a guest from another organisation, it is another one than the channel's.
        ("team_id", &payload["user"]["team_id"]),
        ("user_id", &payload["user"]["id"]),
        ("user_name", &payload["user"]["username"]),
        ("trigger_id", &payload["trigger_id"]),
        ("response_url", &payload["response_url"]),
        ("channel_id", &payload["channel"]["id"]),
        ("channel_id", &payload["container"]["channel_id"]),
        // Of a form, the bot itself has put it there.
        ("channel_id", &payload["view"]["private_metadata"]),
    ];
    let mut fields = HashMap::new();
    for (name, value) in all {
        if let Some(text) = value.as_str().filter(|text| !text.is_empty()) {
            fields.entry(name.to_owned()).or_insert_with(|| text.to_owned());
        }
    }
    if let Some(workspace) = fields.get("workspace").cloned() {
        fields.entry("team_id".to_owned()).or_insert(workspace);
    }
    fields
}

fn channel(fields: &HashMap<String, String>) -> Option<Channel> {
    let team = fields.get("workspace").or_else(|| fields.get("team_id"))?;
    Channel::slack(team, fields.get("channel_id")?)
}

const NOBODY: &str = "the workspace or the person is not named by an id";
const NO_TRIGGER: &str = "the field `trigger_id` is not an id";

/// The value that a field of a form has: chosen, or typed.
fn value_of<'a>(payload: &'a Value, field: &str) -> Option<&'a str> {
    let value = &payload["view"]["state"]["values"][field][field];
    value["selected_option"]["value"].as_str().or_else(|| value["value"].as_str())
}

fn submission(payload: &Value, fields: &HashMap<String, String>) -> Result<Submission, &'static str> {
    let value = |field: &str| value_of(payload, field).unwrap_or_default().to_owned();
    Ok(Submission {
        principal: principal(fields).ok_or(NOBODY)?,
        channel: channel(fields).ok_or("Slack did not say to which channel the form belongs")?,
        delivery: Some(delivery(fields).ok_or(NO_TRIGGER)?),
        filled: FilledForm {
            room: value(render::ROOM),
            new_owner: value(render::NEW_OWNER),
            reason: value_of(payload, render::REASON).map(str::to_owned),
        },
    })
}

fn typing(payload: &Value, fields: &HashMap<String, String>) -> Result<Typing, &'static str> {
    let room = match payload["action_id"].as_str() {
        Some(render::ROOM) => None,
        Some(render::NEW_OWNER) => Some(value_of(payload, render::ROOM).unwrap_or_default().to_owned()),
        _ => return Err("there is no such field"),
    };
    Ok(Typing {
        principal: principal(fields).ok_or(NOBODY)?,
        channel: channel(fields).ok_or("Slack did not say to which channel the form belongs")?,
        room,
        typed: payload["value"].as_str().unwrap_or_default().to_owned(),
    })
}

/// The shortcut asks for what the bare command asks for.
fn shortcut(fields: &HashMap<String, String>) -> Result<CommandRequest, &'static str> {
    let channel = channel(fields).ok_or("Slack did not say in which channel the message is")?;
    Ok(CommandRequest {
        principal: principal(fields).ok_or(NOBODY)?,
        place: Place::Channel(channel),
        delivery: Some(delivery(fields).ok_or(NO_TRIGGER)?),
        typed: "[shortcut]".to_owned(),
        command: Ok(Command::Help(CommandGroup::Owner)),
        pressed: None,
        if_owner: None,
    })
}

fn press(payload: &Value, fields: &HashMap<String, String>) -> Result<Press, &'static str> {
    let pressed = payload["actions"].as_array().and_then(|actions| match actions.as_slice() {
        [action] => action["value"].as_str(),
        _ => None,
    });
    Ok(Press {
        principal: principal(fields).ok_or(NOBODY)?,
        channel: channel(fields).ok_or("Slack did not say in which channel the button is")?,
        delivery: Some(delivery(fields).ok_or(NO_TRIGGER)?),
        nonce: pressed.ok_or("Slack did not say which button was pressed")?.to_owned(),
    })
}

fn source(payload: &Value) -> Source {
    let is_private = payload["container"]["is_ephemeral"].as_bool() == Some(true);
    match payload.get("message").filter(|_| !is_private).and_then(render::without_buttons) {
        Some(message) => Source::Public(Box::new(message)),
        None => Source::Private,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::wording::CommandName;

    fn payload() -> Value {
        json!({
            "type": "block_actions", "api_app_id": "A1", "team": { "id": "T1", "domain": "x" },
            "user": { "id": "U1", "username": "mod", "team_id": "T1" }, "trigger_id": "13345224609.738474920.80",
            "channel": { "id": "C1", "name": "ops" }, "response_url": "https://hooks.slack.com/actions/T1/1/x",
            "container": { "type": "message", "message_ts": "1.2", "channel_id": "C1", "is_ephemeral": false },
            "message": { "text": "x", "blocks": [{ "type": "divider" }, { "type": "actions" }] },
            "actions": [{ "action_id": "press:0", "value": "00112233445566778899aabbccddeeff", "type": "button" }],
        })
    }

    fn settings(team_ids: &[&str]) -> Settings {
        Settings {
            socket: None,
            signing_secrets: Vec::new(),
            app_id: Some("A1".to_owned()),
            team_ids: team_ids.iter().map(|id| (*id).to_owned()).collect(),
            command: CommandName::slash(""),
            private_replies: false,
            response_url_hosts: Vec::new(),
            groups: None,
        }
    }

    fn rejected(change: impl FnOnce(&mut Value)) -> Option<RejectedRequest> {
        let mut payload = payload();
        change(&mut payload);
        match read(&payload, &settings(&["T1"])) {
            Interactive::Rejected(request, _) => Some(*request),
            _ => None,
        }
    }

    #[test]
    fn who_where_and_what_are_read() {
        let Interactive::Press(pressing) = read(&payload(), &settings(&["T1"])) else { panic!("a press") };
        assert_eq!(pressing.press.principal.subject.to_string(), "slack:T1:U1");
        assert_eq!(pressing.press.channel.to_string(), "slack:T1:C1");
        assert_eq!(pressing.press.delivery.unwrap().as_str(), "slack:13345224609.738474920.80");
        let Source::Public(message) = pressing.source else { panic!("the channel sees it") };
        assert_eq!(message["blocks"], json!([{ "type": "divider" }]));
        assert!(pressing.response_url.is_some());
    }

    #[test]
    fn a_guest_of_another_organisation_is_named_by_that_one() {
        let mut payload = payload();
        payload["user"]["team_id"] = json!("T2");
        let Interactive::Press(pressing) = read(&payload, &settings(&[])) else { panic!("a press") };
        assert_eq!(pressing.press.principal.subject.to_string(), "slack:T2:U1");
        assert_eq!(pressing.press.channel.to_string(), "slack:T1:C1");
    }

    #[test]
    fn what_is_foreign_or_lacks_something_is_rejected_on_record() {
        let foreign = |request: RejectedRequest| matches!(request.rejection, Rejection::Foreign(_));
        assert!(foreign(rejected(|payload| payload["api_app_id"] = json!("A2")).unwrap()));
        assert!(foreign(rejected(|payload| payload["user"]["team_id"] = json!("T2")).unwrap()));
        for (at, value) in [
            ("/user/id", json!("<@U1>")),
            ("/trigger_id", json!("")),
            ("/actions", json!([])),
            ("/actions/0/value", json!(7)),
        ] {
            let request = rejected(|payload| *payload.pointer_mut(at).unwrap() = value);
            assert!(matches!(request.unwrap().rejection, Rejection::Unusable(_)), "{at}");
        }
        assert!(
            rejected(|payload| payload["team"] = Value::Null).is_none(),
            "an app of a whole organisation"
        );
    }

    #[test]
    fn what_cannot_be_read_is_rejected_on_record() {
        for payload in [Value::Null, json!([]), json!("x"), json!({}), json!({ "type": 7 })] {
            let read = read(&payload, &settings(&[]));
            assert!(matches!(read, Interactive::Rejected(_, None)), "{payload}");
        }
    }

    #[test]
    fn what_is_no_press_is_ignored() {
        let mut payload = payload();
        payload["type"] = json!("view_closed");
        assert!(
            matches!(read(&payload, &settings(&[])), Interactive::Ignored(kind) if kind == "view_closed")
        );
    }
}
