//! What the bot calls: the `response_url`s, and the Web API with its token.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};

use super::{SlackStandIn, Target, View, message_id};
use crate::demo::wall::{Platform, Shown};
use crate::demo::world::{CHANNELS, PEOPLE, TEAM, lock, random_id};

/// Where the Web API and the `response_url`s are, at the demo's own address.
pub(super) const BASE: &str = "/demo/slack/api";
pub(super) const LATE: &str = "/demo/slack/late";

impl SlackStandIn {
    /// What the bot calls.
    pub(in crate::demo) fn api(self: &Arc<Self>) -> Router {
        Router::new()
            .route(&format!("{BASE}/{{method}}"), post(method))
            .route(&format!("{LATE}/{{reply_to}}"), post(late))
            .with_state(Arc::clone(self))
    }

    fn take_late(&self, target: &Target, message: Value) -> bool {
        let mark = &target.asking.mark;
        let source = target.source.as_deref().unwrap_or_default();
        if message["delete_original"] == true {
            return self.wall.change(source, mark, |shown| shown.is_gone = true);
        }
        if message["replace_original"] == true {
            return self.wall.change(source, mark, |shown| shown.message = message);
        }
        self.show(&target.asking, message);
        true
    }

    fn call(&self, method: &str, mut fields: Map<String, Value>) -> Result<Value, &'static str> {
        let mut text = |name: &str| fields.remove(name).and_then(|it| it.as_str().map(str::to_owned));
        match method {
            "auth.test" => Ok(json!({ "ok": true, "team_id": TEAM, "team": "Demo", "user": "room-owner" })),
            "usergroups.users.list" => Err("no_such_subteam"),
            "views.open" => {
                let trigger = text("trigger_id").ok_or("invalid_trigger_id")?;
                let asking = lock(&self.triggers).get(&trigger).cloned().ok_or("expired_trigger_id")?;
                let view = fields.remove("view").filter(Value::is_object).ok_or("invalid_arguments")?;
                let id = format!("V{}", random_id());
                lock(&self.views).insert(id.clone(), View { asking, trigger, view });
                Ok(json!({ "ok": true, "view": { "id": id } }))
            }
            "chat.postMessage" | "chat.postEphemeral" => {
                let channel = text("channel").filter(|id| is_known(id)).ok_or("channel_not_found")?;
                let user = text("user");
                if (method == "chat.postEphemeral") != user.is_some() {
                    return Err("invalid_arguments");
                }
                let ts = message_id();
                let shown = Shown::new(Platform::Slack, ts.clone(), &channel, fields.into());
                self.wall.post(Shown { to: user.or_else(|| person(&channel)), ..shown });
                Ok(json!({ "ok": true, "channel": channel, "ts": ts }))
            }
            "chat.update" => {
                let ts = text("ts").ok_or("message_not_found")?;
                let channel = text("channel");
                let is_there = self.wall.change(&ts, "", |shown| shown.message = fields.into());
                if is_there {
                    Ok(json!({ "ok": true, "channel": channel, "ts": ts }))
                } else {
                    Err("message_not_found")
                }
            }
            _ => Err("unknown_method"),
        }
    }
}

/// In the place of a channel, a person's id is their conversation with the bot.
fn is_known(channel: &str) -> bool {
    CHANNELS.iter().any(|place| place.id == channel) || person(channel).is_some()
}

fn person(id: &str) -> Option<String> {
    PEOPLE.iter().any(|person| person.id == id).then(|| id.to_owned())
}

async fn late(
    State(slack): State<Arc<SlackStandIn>>,
    Path(reply_to): Path<String>,
    Json(message): Json<Value>,
) -> StatusCode {
    let target = lock(&slack.targets).get(&reply_to).cloned();
    let taken = target.is_some_and(|target| slack.take_late(&target, message));
    if taken { StatusCode::OK } else { StatusCode::NOT_FOUND }
}

async fn method(
    State(slack): State<Arc<SlackStandIn>>,
    Path(method): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Json<Value> {
    let wanted = format!("Bearer {}", slack.token.expose_secret());
    let given = headers.get("authorization").and_then(|value| value.to_str().ok());
    let called = if given == Some(&wanted) { slack.call(&method, read(&body)) } else { Err("invalid_auth") };
    Json(called.unwrap_or_else(|error| json!({ "ok": false, "error": error })))
}

/// The fields of a call, of which blocks, forms and switches are JSON.
fn read(body: &str) -> Map<String, Value> {
    let value = |text: &str| {
        let is_json = text.starts_with(['[', '{']) || ["true", "false"].contains(&text);
        let parsed = is_json.then(|| serde_json::from_str(text).ok()).flatten();
        parsed.unwrap_or_else(|| Value::from(text))
    };
    form_urlencoded::parse(body.as_bytes()).map(|(name, text)| (name.into_owned(), value(&text))).collect()
}
