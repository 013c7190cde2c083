//! A fake Discord: it holds state (interactions, messages, commands) and derives its answers from it, and
//! it objects to every body that the real one would refuse.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::gateway::Fake;
use super::schemas::Body;

pub(crate) const TOKEN: &str = "the-bots-token";

/// Which calls a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Callback,
    Edit,
    Channel,
    /// The opening of a conversation with somebody.
    Direct,
    /// A look at a member of a server.
    Member,
    Commands,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// An HTTP status and Discord's code.
    Code(u16, u64),
    /// A status whose message holds the address and the authority of the call, tokens and all.
    Echo(u16),
    /// A status with a body that is not Discord's.
    Status(u16),
    /// Too many requests; wait so many seconds.
    Slower(f64),
    /// Nothing is done, and no answer comes.
    Hang,
    /// It is done, and no answer comes.
    DoneThenHang,
    /// It is done, and the answer is this HTTP status.
    DoneThen(u16),
    /// It is done and answered after so many milliseconds, whether or not somebody still waits.
    Late(u64),
}

/// For how long a first answer is taken.
const WINDOW: Duration = Duration::from_secs(3);

/// An interaction as Discord sees it.
#[derive(Debug, Clone)]
pub(crate) struct Interaction {
    id: String,
    since: Instant,
    /// The first answer that was accepted.
    pub(crate) callback: Option<Value>,
    /// What stands in its place now.
    pub(crate) edited: Option<Value>,
    /// The message that a pressed button is in.
    source: Option<String>,
}

impl Interaction {
    /// The id of the message that answers it.
    pub(crate) fn message(&self) -> String {
        match (&self.source, self.callback.as_ref().and_then(|callback| callback["type"].as_u64())) {
            (Some(source), Some(6 | 7)) => source.clone(),
            _ => format!("77{}", self.id),
        }
    }
}

#[derive(Default)]
struct State {
    interactions: HashMap<String, Interaction>,
    commands: HashMap<String, Vec<Value>>,
    channels: HashMap<String, Vec<Value>>,
    /// The answers to interactions as they are now, by their ids.
    messages: HashMap<String, Value>,
    faults: Vec<(Route, Fault, u32)>,
    writes: Vec<String>,
    problems: Vec<String>,
    next_id: u64,
    /// The names of people whose interactions were sent, by their ids.
    names: HashMap<String, Value>,
    /// The servers that the bot is in.
    guilds: Vec<String>,
    /// What it knows of the application, beside its id.
    application: Map<String, Value>,
}

#[derive(Clone)]
pub(crate) struct Discord {
    state: Arc<Mutex<State>>,
    changes: Arc<watch::Sender<()>>,
    pub(crate) base: String,
}

impl Discord {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/api/v10", listener.local_addr().unwrap());
        let (discord, router) = Self::at(base);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        discord
    }

    /// With a gateway.
    pub(crate) async fn with_gateway() -> (Self, Fake) {
        let (discord, router) = Self::at(String::new());
        let gateway = Fake::beside(router).await;
        (Self { base: gateway.api_base_url(), ..discord }, gateway)
    }

    fn at(base: String) -> (Self, Router) {
        let discord = Self { state: Arc::default(), changes: Arc::new(watch::Sender::default()), base };
        (discord.clone(), Router::new().fallback(any).with_state(discord))
    }

    /// Somebody used a command or pressed a button: the token of the interaction is good from now on.
    pub(crate) fn knows(&self, interaction: &Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let source = interaction.get("message").map(|message| text(&message["id"]));
        let user =
            [&interaction["member"]["user"], &interaction["user"]].into_iter().find(|it| it.is_object());
        if let Some(user) = user {
            self.state.lock().unwrap().names.insert(text(&user["id"]), user["username"].clone());
        }
        let (id, since) = (text(&interaction["id"]), Instant::now());
        let known = Interaction { id, since, callback: None, edited: None, source };
        self.state.lock().unwrap().interactions.entry(text(&interaction["token"])).or_insert(known);
    }

    /// A message as people see it now.
    pub(crate) fn message(&self, id: &str) -> Value {
        self.state.lock().unwrap().messages[id].clone()
    }

    /// Waits until nothing can be pressed in a message.
    pub(crate) async fn loses_its_buttons(&self, message: &str) -> Value {
        let mut changes = self.changes.subscribe();
        let waiting = async {
            loop {
                let now = self.message(message);
                if now["components"].as_array().is_none_or(Vec::is_empty) {
                    return now;
                }
                changes.changed().await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("the buttons stay")
    }

    pub(crate) fn fail(&self, route: Route, fault: Fault, times: u32) {
        self.state.lock().unwrap().faults.push((route, fault, times));
    }

    pub(crate) fn interaction(&self, token: &str) -> Interaction {
        self.state.lock().unwrap().interactions[token].clone()
    }

    /// Every interaction, by its token.
    pub(crate) fn interactions(&self) -> Vec<(String, Interaction)> {
        let state = self.state.lock().unwrap();
        state.interactions.iter().map(|(token, it)| (token.clone(), it.clone())).collect()
    }

    /// Waits for the last answer to an interaction.
    pub(crate) async fn answered(&self, token: &str) -> Interaction {
        let is_final = |it: &Interaction| {
            it.edited.is_some() || it.callback.as_ref().is_some_and(|callback| callback["type"] != 5)
        };
        self.until(token, is_final).await
    }

    /// Waits until the interaction is as it should be.
    pub(crate) async fn until(&self, token: &str, is: impl Fn(&Interaction) -> bool) -> Interaction {
        let mut changes = self.changes.subscribe();
        let waiting = async {
            loop {
                let interaction = self.interaction(token);
                if is(&interaction) {
                    return interaction;
                }
                changes.changed().await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("discord heard nothing more")
    }

    /// Waits for so many messages in a channel.
    pub(crate) async fn has_posted(&self, channel: &str, count: usize) -> Vec<Value> {
        let mut changes = self.changes.subscribe();
        let waiting = async {
            while self.channel(channel).len() < count {
                changes.changed().await.unwrap();
            }
            self.channel(channel)
        };
        tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("the bot says nothing in discord")
    }

    /// Waits until nothing can be pressed in the newest message of a channel.
    pub(crate) async fn loses_buttons_in(&self, channel: &str) -> Value {
        let mut changes = self.changes.subscribe();
        let waiting = async {
            loop {
                let newest = self.channel(channel).pop().unwrap_or_default();
                if newest["components"].as_array().is_none_or(Vec::is_empty) {
                    return newest;
                }
                changes.changed().await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("the buttons stay in discord")
    }

    pub(crate) fn channel(&self, id: &str) -> Vec<Value> {
        self.state.lock().unwrap().channels.get(id).cloned().unwrap_or_default()
    }

    /// The calls that wrote something, as `METHOD path`.
    pub(crate) fn writes(&self) -> Vec<String> {
        self.state.lock().unwrap().writes.clone()
    }

    pub(crate) fn commands(&self, scope: &str) -> Vec<Value> {
        self.state.lock().unwrap().commands.get(scope).cloned().unwrap_or_default()
    }

    pub(crate) fn put_command(&self, scope: &str, command: Value) {
        self.state.lock().unwrap().commands.entry(scope.to_owned()).or_default().push(command);
    }

    /// Somebody adds the bot to a server.
    pub(crate) fn is_in(&self, guild: &str) {
        self.state.lock().unwrap().guilds.push(guild.to_owned());
    }

    /// Somebody enters this on the application's page.
    pub(crate) fn has_application(&self, field: &str, value: Value) {
        self.state.lock().unwrap().application.insert(field.to_owned(), value);
    }

    /// What the real Discord would have refused.
    pub(crate) fn problems(&self) -> Vec<String> {
        self.state.lock().unwrap().problems.clone()
    }
}

/// The channel of direct messages with somebody.
pub(crate) fn direct(user: &str) -> String {
    format!("88{user}")
}

fn error(status: u16, code: u64) -> Response {
    let body = json!({ "message": format!("code {code}"), "code": code });
    (StatusCode::from_u16(status).unwrap(), Json(body)).into_response()
}

async fn any(
    Shared(discord): Shared<Discord>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.path().strip_prefix("/api/v10/").unwrap_or_default().replace("%40", "@");
    let parts: Vec<&str> = path.split('/').collect();
    let route = match (method.as_str(), parts.as_slice()) {
        ("POST", ["interactions", _, _, "callback"]) => Route::Callback,
        ("PATCH", ["webhooks", _, _, "messages", _]) => Route::Edit,
        ("POST", ["channels", _, "messages"]) | ("PATCH", ["channels", _, "messages", _]) => Route::Channel,
        ("GET", ["guilds", _, "members", _]) => Route::Member,
        ("POST", ["users", "@me", "channels"]) => Route::Direct,
        (_, ["applications", ..]) | ("GET", ["users", "@me", "guilds"]) => Route::Commands,
        _ => return error(404, 0),
    };
    let fault = discord.fault(route);
    let response = match fault {
        Some(Fault::Code(status, code)) => return error(status, code),
        Some(Fault::Echo(status)) => {
            let authority = headers.get("authorization").map_or("", |value| value.to_str().unwrap());
            let body = json!({ "message": format!("{path} {authority}"), "code": 50_035 });
            return (StatusCode::from_u16(status).unwrap(), Json(body)).into_response();
        }
        Some(Fault::Status(status)) => return StatusCode::from_u16(status).unwrap().into_response(),
        Some(Fault::Slower(seconds)) => {
            let body = json!({ "message": "slower", "retry_after": seconds, "global": false });
            return (StatusCode::TOO_MANY_REQUESTS, Json(body)).into_response();
        }
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Late(millis)) => {
            let (discord, path) = (discord.clone(), path.clone());
            let late = async move {
                tokio::time::sleep(Duration::from_millis(millis)).await;
                let parts: Vec<&str> = path.split('/').collect();
                let response = discord.carry_out(route, &method, &parts, &headers, &body);
                discord.changes.send_replace(());
                response
            };
            return tokio::spawn(late).await.unwrap();
        }
        Some(Fault::DoneThenHang | Fault::DoneThen(_)) | None => {
            discord.carry_out(route, &method, &parts, &headers, &body)
        }
    };
    discord.changes.send_replace(());
    match fault {
        Some(Fault::DoneThen(status)) => StatusCode::from_u16(status).unwrap().into_response(),
        Some(_) => std::future::pending().await,
        None => response,
    }
}

impl Discord {
    fn fault(&self, route: Route) -> Option<Fault> {
        let mut state = self.state.lock().unwrap();
        let (_, fault, left) =
            state.faults.iter_mut().find(|(struck, _, left)| *struck == route && *left > 0)?;
        *left -= 1;
        Some(*fault)
    }

    fn carry_out(
        &self,
        route: Route,
        method: &Method,
        parts: &[&str],
        headers: &HeaderMap,
        body: &[u8],
    ) -> Response {
        let mut state = self.state.lock().unwrap();
        let agent = headers.get("user-agent").map(|value| value.to_str().unwrap().to_owned());
        if !agent.is_some_and(|agent| agent.starts_with("DiscordBot (")) {
            state.problems.push("a call without Discord's user agent".to_owned());
        }
        let is_bot = headers.get("authorization").is_some_and(|value| *value == format!("Bot {TOKEN}"));
        if matches!(route, Route::Channel | Route::Direct | Route::Member | Route::Commands) != is_bot {
            return error(401, 0);
        }
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let schema = match (route, method.as_str()) {
            (Route::Callback, _) if body["type"] == 8 => Some(Body::Suggestions),
            (Route::Callback, _) if body["type"] == 7 => Some(Body::Replacement),
            (Route::Callback, _) if body["type"] == 9 => Some(Body::Form),
            (Route::Callback, _) => Some(Body::Callback),
            (Route::Edit, _) => Some(Body::Edit),
            (Route::Channel, "PATCH") => Some(Body::Edit),
            (Route::Channel, _) => Some(Body::Message),
            (Route::Commands, "POST") => Some(Body::Command),
            (Route::Commands, "PATCH") => Some(Body::CommandChange),
            (Route::Direct | Route::Member | Route::Commands, _) => None,
        };
        if let Some(problem) = schema.and_then(|schema| schema.problem(&body)) {
            state.problems.push(format!("{problem} in {route:?}: {body}"));
            return error(400, 50_035);
        }
        match route {
            Route::Callback => state.callback(parts[1], parts[2], body),
            Route::Edit => state.edit(parts[2], parts[4], body),
            Route::Channel if method == Method::PATCH => {
                let at = parts[3].parse::<usize>().unwrap() - 7_000;
                let known = state.channels.get_mut(parts[1]).and_then(|channel| channel.get_mut(at));
                let Some(known) = known else { return error(404, 10_008) };
                for (field, value) in body.as_object().into_iter().flatten() {
                    known[field] = value.clone();
                }
                Json(json!({ "id": parts[3] })).into_response()
            }
            Route::Member => Json(json!({
                "user": { "id": parts[3], "username": state.names.get(parts[3]) }, "roles": [],
            }))
            .into_response(),
            Route::Channel => {
                state.check_message(&body, true);
                let channel = state.channels.entry(parts[1].to_owned()).or_default();
                // "Create Message", `enforce_nonce`: the first of two with the same nonce stands.
                let is_known = body["enforce_nonce"] == true
                    && channel.iter().any(|known| known["nonce"] == body["nonce"]);
                // It is the one that is answered with.
                let at = channel.iter().position(|known| is_known && known["nonce"] == body["nonce"]);
                let at = at.unwrap_or(channel.len());
                if !is_known {
                    channel.push(body);
                }
                Json(json!({ "id": (7_000 + at).to_string() })).into_response()
            }
            Route::Direct => match body["recipient_id"].as_str() {
                Some(user) => Json(json!({ "id": direct(user), "type": 1 })).into_response(),
                None => error(400, 50_035),
            },
            Route::Commands => state.command(method, parts, body),
        }
    }
}

impl State {
    fn callback(&mut self, id: &str, token: &str, body: Value) -> Response {
        match body["type"].as_u64() {
            Some(4 | 7) => self.check_message(&body["data"], true),
            Some(5) => {
                if ![json!(null), json!({ "flags": 64 })].contains(&body["data"]) {
                    self.problems.push(format!("a deferral with more than its flag: {body}"));
                }
            }
            Some(8) => self.check_choices(&body),
            // Its form is checked by Discord's own schema.
            Some(9) => {}
            _ => self.problems.push(format!("a callback of an unexpected type: {body}")),
        }
        let Some(interaction) = self.interactions.get_mut(token).filter(|it| it.id == id) else {
            return error(404, 10_062);
        };
        if interaction.callback.is_some() {
            return error(400, 40_060);
        }
        if interaction.since.elapsed() > WINDOW {
            return error(404, 10_062);
        }
        if body["type"] == 7 && interaction.source.is_none() {
            self.problems.push(format!("there is no message in whose place this could be: {body}"));
            return error(400, 50_035);
        }
        interaction.callback = Some(body.clone());
        let id = interaction.message();
        self.change(&id, &body["data"]);
        StatusCode::NO_CONTENT.into_response()
    }

    /// "Edit Original Interaction Response" and "Edit Followup Message": what an edit does not name stays as it is.
    fn edit(&mut self, token: &str, message: &str, body: Value) -> Response {
        let is_original = message == "@original";
        self.check_message(&body, is_original);
        let Some(interaction) = self.interactions.get_mut(token) else { return error(401, 50_027) };
        if interaction.callback.is_none() {
            return error(404, 10_015);
        }
        let answer = interaction.message();
        let id = if is_original { answer } else { message.to_owned() };
        let is_reachable = is_original || interaction.source.as_ref() == Some(&id);
        if !is_reachable || !self.messages.contains_key(&id) {
            return error(404, 10_008);
        }
        if is_original {
            interaction.edited = Some(body.clone());
        }
        self.change(&id, &body);
        Json(json!({ "id": id })).into_response()
    }

    fn change(&mut self, id: &str, by: &Value) {
        let message = self.messages.entry(id.to_owned()).or_insert_with(|| json!({ "id": id }));
        for (field, value) in by.as_object().into_iter().flatten() {
            message[field] = value.clone();
        }
    }

    /// Commands of the scope in the path: upsert by name, partial update, list.
    fn command(&mut self, method: &Method, parts: &[&str], body: Value) -> Response {
        if *parts == ["applications", "@me"] {
            let mut application = self.application.clone();
            application.insert("id".to_owned(), json!("42"));
            return Json(application).into_response();
        }
        if *parts == ["users", "@me", "guilds"] {
            let guilds = self.guilds.iter().map(|id| json!({ "id": id, "name": "A server" }));
            return Json(guilds.collect::<Vec<_>>()).into_response();
        }
        let at = parts.iter().position(|part| *part == "commands").unwrap();
        let scope = parts[..at].join("/");
        if *method != Method::GET {
            self.writes.push(format!("{method} {}", parts.join("/")));
        }
        self.next_id += 1;
        let id = self.next_id.to_string();
        let commands = self.commands.entry(scope.clone()).or_default();
        let command = match (method.as_str(), parts.get(at + 1)) {
            ("GET", None) => return Json(commands.clone()).into_response(),
            ("POST", None) => {
                commands.push(json!({ "id": id }));
                commands.last_mut().unwrap()
            }
            ("DELETE", Some(id)) => {
                commands.retain(|command| command["id"] != **id);
                return StatusCode::NO_CONTENT.into_response();
            }
            ("PATCH", Some(id)) => commands.iter_mut().find(|command| command["id"] == **id).unwrap(),
            _ => return error(405, 0),
        };
        for (field, value) in body.as_object().unwrap() {
            command[field] = value.clone();
        }
        // What Discord fills in.
        command["version"] = json!("7");
        command["nsfw"] = json!(false);
        command["default_member_permissions"] = Value::Null;
        if scope.contains("guilds") {
            command["contexts"] = Value::Null;
            command["integration_types"] = json!([0]);
        }
        Json(command.clone()).into_response()
    }

    /// docs.discord.com/developers/resources/message, "Embed Limits" and "Allowed Mentions Object"; "Component
    /// Reference". A message that is `whole` says everything, an edit only what changes.
    fn check_message(&mut self, message: &Value, whole: bool) {
        let mut problem = |what: String| self.problems.push(format!("{what}: {message}"));
        let rows = message["components"].as_array();
        let mut names: Vec<&Value> = rows
            .into_iter()
            .flatten()
            .flat_map(|row| row["components"].as_array().unwrap())
            .map(|it| &it["custom_id"])
            .collect();
        let count = names.len();
        names.sort_by_key(|name| name.to_string());
        names.dedup();
        if names.len() < count {
            problem("two components of one name".to_owned());
        }
        if !whole && message.get("embeds").is_none() {
            return;
        }
        if message["allowed_mentions"] != json!({ "parse": [] }) {
            problem("a message that could mention somebody".to_owned());
        }
        let length = |value: &Value| value.as_str().unwrap_or_default().encode_utf16().count();
        let mut total = 0;
        let embeds = message["embeds"].as_array().cloned().unwrap_or_default();
        if embeds.is_empty() || embeds.len() > 10 {
            problem("a message without an embed".to_owned());
        }
        for embed in &embeds {
            for (text, longest) in
                [(&embed["title"], 256), (&embed["description"], 4_096), (&embed["footer"]["text"], 2_048)]
            {
                total += length(text);
                if length(text) > longest || text.as_str() == Some("") {
                    problem("a text of the wrong length".to_owned());
                }
            }
            for field in embed["fields"].as_array().into_iter().flatten() {
                total += length(&field["name"]) + length(&field["value"]);
                let fits = (1..=256).contains(&length(&field["name"]))
                    && (1..=1_024).contains(&length(&field["value"]));
                if !fits {
                    problem("a field of the wrong length".to_owned());
                }
            }
        }
        if total > 6_000 {
            problem("more than 6000 characters".to_owned());
        }
    }

    fn check_choices(&mut self, body: &Value) {
        let choices = body["data"]["choices"].as_array().cloned().unwrap_or_default();
        let fits = |text: &Value| (1..=100).contains(&text.as_str().unwrap_or_default().chars().count());
        if choices.len() > 25 || !choices.iter().all(|it| fits(&it["name"]) && fits(&it["value"])) {
            self.problems.push(format!("choices that Discord does not take: {body}"));
        }
    }
}
