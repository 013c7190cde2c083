//! Slack's Web API as far as the bot speaks there: messages arrive, or are refused as a test says.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// What becomes of the next call.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Taken {
    /// Slack's no, by its name.
    No(&'static str),
    /// 429, and when to come back, in seconds.
    NotBefore(u64),
    Status(u16),
    /// The message is there, and the connection is closed without an answer.
    AndNoAnswer,
    /// The message is there, and no answer comes.
    AndSilence,
}

/// A message as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Posted {
    pub(crate) method: String,
    pub(crate) channel: String,
    /// For this person alone.
    pub(crate) user: Option<String>,
    /// What `response_url` would have got.
    pub(crate) message: Value,
}

#[derive(Clone)]
pub(crate) struct SlackApi(Arc<Inner>);

struct Inner {
    token: String,
    base: String,
    scopes: Mutex<String>,
    next: Mutex<VecDeque<Taken>>,
    calls: Mutex<Vec<String>>,
    posted: Mutex<Vec<Posted>>,
    views: Mutex<Vec<(String, Value)>>,
    changed: watch::Sender<()>,
}

impl SlackApi {
    pub(crate) async fn start(token: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = Self(Arc::new(Inner {
            token: token.to_owned(),
            base: format!("http://{}/api", listener.local_addr().unwrap()),
            scopes: Mutex::new("commands,usergroups:read,chat:write".to_owned()),
            next: Mutex::default(),
            calls: Mutex::default(),
            posted: Mutex::default(),
            views: Mutex::default(),
            changed: watch::Sender::default(),
        }));
        let router = Router::new().route("/api/{method}", post(take)).with_state(api.clone());
        tokio::spawn(axum::serve(listener, router).into_future());
        api
    }

    pub(crate) fn base(&self) -> &str {
        &self.0.base
    }

    /// From now on the token may do this.
    pub(crate) fn has_scopes(&self, scopes: &str) {
        scopes.clone_into(&mut self.0.scopes.lock().unwrap());
    }

    pub(crate) fn takes(&self, next: &[Taken]) {
        self.0.next.lock().unwrap().extend(next);
    }

    /// The methods that were called.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.0.calls.lock().unwrap().clone()
    }

    pub(crate) fn posted(&self) -> Vec<Posted> {
        self.0.posted.lock().unwrap().clone()
    }

    /// The forms that were opened, and by which trigger.
    pub(crate) fn views(&self) -> Vec<(String, Value)> {
        self.0.views.lock().unwrap().clone()
    }

    /// Waits for so many messages.
    pub(crate) async fn has_posted(&self, count: usize) -> Vec<Posted> {
        let mut changes = self.0.changed.subscribe();
        let waiting = async {
            while self.posted().len() < count {
                changes.changed().await.unwrap();
            }
            self.posted()
        };
        tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("the bot says nothing in slack")
    }
}

async fn take(
    State(api): State<SlackApi>,
    Path(method): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let no = |error: &str| Json(json!({ "ok": false, "error": error })).into_response();
    if headers["authorization"] != format!("Bearer {}", api.0.token) {
        return no("invalid_auth");
    }
    if !["chat.postMessage", "chat.postEphemeral", "chat.update", "views.open"].contains(&method.as_str()) {
        // Who it is, and the members of groups, are asked for by others.
        return if method == "auth.test" {
            let scopes = [("x-oauth-scopes", api.0.scopes.lock().unwrap().clone())];
            let whose = json!({ "ok": true, "team_id": "T0TEAM", "team": "Team", "user": "room-owner" });
            (scopes, Json(whose)).into_response()
        } else {
            no("unknown_method")
        };
    }
    api.0.calls.lock().unwrap().push(method.clone());
    let next = api.0.next.lock().unwrap().pop_front();
    match next {
        Some(Taken::No(error)) => return no(error),
        Some(Taken::NotBefore(seconds)) => {
            let after = [("retry-after", seconds.to_string())];
            return (StatusCode::TOO_MANY_REQUESTS, after, "{\"ok\":false}").into_response();
        }
        Some(Taken::Status(status)) => return StatusCode::from_u16(status).unwrap().into_response(),
        Some(Taken::AndNoAnswer | Taken::AndSilence) | None => {}
    }
    if method == "views.open" {
        let mut fields = form_urlencoded::parse(body.as_bytes());
        let mut field = |wanted: &str| fields.find(|(name, _)| name == wanted).unwrap().1.into_owned();
        let (trigger, view) = (field("trigger_id"), field("view"));
        api.0.views.lock().unwrap().push((trigger, serde_json::from_str(&view).unwrap()));
        return Json(json!({ "ok": true, "view": { "id": "V1" } })).into_response();
    }
    let mut message = Map::new();
    for (name, value) in form_urlencoded::parse(body.as_bytes()) {
        // Blocks and switches are JSON; words are words.
        let is_json = value.starts_with('[') || ["true", "false"].contains(&&*value);
        let parsed = is_json.then(|| serde_json::from_str(&value).unwrap());
        message.insert(name.into_owned(), parsed.unwrap_or_else(|| Value::from(value.into_owned())));
    }
    let mut field = |name: &str| message.remove(name).and_then(|it| it.as_str().map(str::to_owned));
    let Some(channel) = field("channel") else { return no("channel_not_found") };
    let user = field("user");
    if (method == "chat.postEphemeral") != user.is_some() {
        return no("invalid_arguments");
    }
    let (named, is_person) = (channel.clone(), channel.starts_with('U'));
    let count = {
        let mut posted = api.0.posted.lock().unwrap();
        posted.push(Posted { method, channel, user, message: message.into() });
        posted.len()
    };
    api.0.changed.send_replace(());
    if matches!(next, Some(Taken::AndSilence)) {
        std::future::pending::<()>().await;
    }
    if matches!(next, Some(Taken::AndNoAnswer)) {
        // Half an answer: the connection ends before what was announced.
        let lie = [("content-length", "1000")];
        let cut = axum::body::Body::from_stream(futures_util::stream::once(async {
            Err::<axum::body::Bytes, _>(std::io::Error::other("cut"))
        }));
        return (lie, cut).into_response();
    }
    // A person's id in the place of a channel's is their conversation with the bot.
    let conversation = if is_person { format!("D{named}") } else { named };
    Json(json!({ "ok": true, "channel": conversation, "ts": format!("1795435200.{count:06}") }))
        .into_response()
}
