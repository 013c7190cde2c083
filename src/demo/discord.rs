//! A stand-in for Discord: sends a command as Discord does, signed, to the bot's real endpoint, and takes
//! the bot's calls at a small REST API of its own: the first answer, and what is put in its place.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{patch, post};
use axum::{Json, Router};
use ed25519_dalek::{Signer as _, SigningKey};
use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::world::{APPLICATION, CHANNELS, GUILD, PEOPLE, Said, lock};
use crate::app::ports::Clock as _;
use crate::clock::SystemClock;
use crate::discord::{Patience, Settings};
use crate::domain::wording::CommandName;

/// Where the stand-in's REST API is, at the demo's own address.
const API: &str = "/demo/discord/api";
/// How long an answer is waited for.
const LONGEST: Duration = Duration::from_secs(30);
/// What a private message is marked with ("Message Flags").
const EPHEMERAL: u64 = 64;
/// Discord's codes for a token that is not known and for a second first answer ("JSON Error Codes").
const UNKNOWN_INTERACTION: (StatusCode, u64) = (StatusCode::NOT_FOUND, 10_062);
const ALREADY_ACKNOWLEDGED: (StatusCode, u64) = (StatusCode::BAD_REQUEST, 40_060);
const UNKNOWN_WEBHOOK: (StatusCode, u64) = (StatusCode::NOT_FOUND, 10_015);

/// The stand-in.
pub(super) struct DiscordStandIn {
    bot: SocketAddr,
    key: SigningKey,
    http: reqwest::Client,
    /// By their token.
    interactions: Mutex<HashMap<String, Interaction>>,
    changed: Notify,
    /// Bodies that were sent, by their delivery, so that one can be sent again.
    sent: Mutex<HashMap<String, String>>,
    forms: Vec<Form>,
}

/// A command, or one of its subcommands, as its client offers it to be filled in.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Form {
    /// `room-acl channel allow`.
    command: String,
    /// As registered ("Application Command Option Structure").
    options: Vec<Value>,
}

/// What can be filled in of a registered command: the subcommands, if it has any.
fn forms_of(command: &Value, before: &str) -> Vec<Form> {
    let name = format!("{before}{}", command["name"].as_str().unwrap_or_default());
    let options = command["options"].as_array().cloned().unwrap_or_default();
    if options.iter().any(|option| is_sub(&option["type"])) {
        return options.iter().flat_map(|sub| forms_of(sub, &format!("{name} "))).collect();
    }
    vec![Form { command: name, options }]
}

/// A subcommand or a group of them ("Application Command Option Type").
fn is_sub(kind: &Value) -> bool {
    matches!(kind.as_u64(), Some(1 | 2))
}

#[derive(Debug, Clone, Default)]
struct Interaction {
    id: String,
    callback: Option<Value>,
    edited: Option<Value>,
}

impl Interaction {
    /// The first answer, and what is seen in the end, if that is there already.
    fn answer(&self) -> Option<(&Value, &Value)> {
        let callback = self.callback.as_ref()?;
        let seen = if callback["type"] == 5 { self.edited.as_ref()? } else { &callback["data"] };
        Some((callback, seen))
    }
}

/// An option as it was filled in.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(super) struct OptionValue {
    pub(super) name: String,
    pub(super) value: String,
}

impl DiscordStandIn {
    pub(super) fn new(bot: SocketAddr) -> anyhow::Result<Self> {
        Ok(Self {
            bot,
            key: SigningKey::from_bytes(&rand::random()),
            http: reqwest::Client::builder().no_proxy().build()?,
            interactions: Mutex::default(),
            changed: Notify::new(),
            sent: Mutex::default(),
            forms: crate::discord::registered(&CommandName::slash(""))?
                .iter()
                .flat_map(|command| forms_of(command, ""))
                .collect(),
        })
    }

    /// The bot's settings for this Discord.
    pub(super) fn settings_for_the_bot(&self) -> anyhow::Result<Settings> {
        Ok(Settings {
            public_key: Some(hex::encode(self.key.verifying_key().as_bytes()).parse()?),
            bot_token: None,
            application_id: Some(APPLICATION.to_owned()),
            api_base_url: Url::parse(&format!("http://{}{API}", self.bot))?,
            command: CommandName::slash(""),
            private_replies: false,
            patience: Patience::default(),
        })
    }

    /// What can be filled in.
    pub(super) fn forms(&self) -> &[Form] {
        &self.forms
    }

    /// Uses a command with these options as a person in a channel, and waits for the final answer.
    pub(super) async fn say(
        &self,
        person: &str,
        channel: &str,
        command: &str,
        options: &[OptionValue],
    ) -> anyhow::Result<Said> {
        let (delivery, body) = self.interaction(2, person, channel, self.data(command, options, "")?)?;
        lock(&self.sent).insert(delivery.clone(), body.clone());
        self.send(body, delivery).await
    }

    /// The `data` of an interaction: the options in their subcommand, and what Discord knows of the ids in them.
    fn data(&self, command: &str, options: &[OptionValue], focused: &str) -> anyhow::Result<Value> {
        let form =
            self.forms.iter().find(|form| form.command == command).context("no such command in the demo")?;
        let mut resolved = json!({});
        let mut filled = Vec::new();
        for OptionValue { name, value } in options {
            let option = form.options.iter().find(|option| option["name"] == **name);
            let kind = option
                .and_then(|option| option["type"].as_u64())
                .context("the command has no such option")?;
            let mut sent = json!({ "name": name, "type": kind, "value": value });
            match kind {
                4 => sent["value"] = json!(value.parse::<i64>()?),
                5 => sent["value"] = json!(value == "true"),
                6 | 9 => {
                    let person = PEOPLE
                        .iter()
                        .find(|it| it.snowflake == value)
                        .context("no such person in the demo")?;
                    resolved["users"][value] = json!({ "id": value, "username": person.name.to_lowercase() });
                    resolved["members"][value] = json!({ "roles": [] });
                }
                7 => {
                    let place = CHANNELS
                        .iter()
                        .find(|it| it.snowflake == value)
                        .context("no such channel in the demo")?;
                    resolved["channels"][value] = json!({ "id": value, "type": 0, "name": place.name });
                }
                _ => {}
            }
            if name == focused {
                sent["focused"] = json!(true);
            }
            filled.push(sent);
        }
        let mut names: Vec<&str> = command.split(' ').collect();
        let mut inner = json!(filled);
        for kind in 1..names.len() {
            inner = json!([{ "name": names.pop(), "type": kind, "options": inner }]);
        }
        Ok(json!({ "id": "1", "name": names[0], "type": 1, "options": inner, "resolved": resolved }))
    }

    /// Delivers an interaction once more, signed anew. The bot has nothing to say to that. `None` if there was
    /// no such interaction.
    pub(super) async fn say_again(&self, delivery: &str) -> anyhow::Result<Option<Said>> {
        let Some(body) = lock(&self.sent).get(delivery).cloned() else { return Ok(None) };
        let began = Instant::now();
        let (status, request) = self.post(&body).await?;
        let delivery = delivery.to_owned();
        let elapsed_ms = began.elapsed().as_millis();
        Ok(Some(Said { status, late: false, messages: Vec::new(), request, delivery, elapsed_ms }))
    }

    /// What the bot suggests for the option that is being typed.
    pub(super) async fn suggest(
        &self,
        person: &str,
        channel: &str,
        (command, options): (&str, &[OptionValue]),
        focused: &str,
    ) -> anyhow::Result<Value> {
        let (_, body) = self.interaction(4, person, channel, self.data(command, options, focused)?)?;
        self.post(&body).await?;
        let answer = self.answered(&token_in(&body)).await?;
        Ok(answer.callback.map(|callback| callback["data"]["choices"].clone()).unwrap_or_default())
    }

    /// The body of an interaction ("Interaction Object"), whose token is good from now on.
    fn interaction(
        &self,
        kind: u64,
        person: &str,
        channel: &str,
        data: Value,
    ) -> anyhow::Result<(String, String)> {
        let person = PEOPLE.iter().find(|known| known.id == person).context("no such person in the demo")?;
        let channel =
            CHANNELS.iter().find(|known| known.id == channel).context("no such channel in the demo")?;
        // A snowflake's upper bits are the milliseconds since 2015 ("Snowflakes").
        let since = SystemClock.now().as_millisecond() - 1_420_070_400_000;
        let id = ((u64::try_from(since)? << 22) | (rand::random::<u64>() & 0x3f_ffff)).to_string();
        let token = hex::encode(rand::random::<[u8; 24]>());
        let body = json!({
            "id": id, "application_id": APPLICATION, "type": kind, "token": token, "version": 1,
            "guild_id": GUILD, "guild": { "id": GUILD, "locale": "en-US", "features": [] },
            "channel_id": channel.snowflake,
            "channel": { "id": channel.snowflake, "type": 0, "name": channel.name, "guild_id": GUILD },
            "member": {
                "user": { "id": person.snowflake, "username": person.name.to_lowercase(), "discriminator": "0" },
                "roles": [], "permissions": "2147483648", "flags": 0, "joined_at": "2026-01-01T00:00:00Z",
            },
            "context": 0, "authorizing_integration_owners": { "0": GUILD }, "entitlements": [],
            "locale": "en-US", "guild_locale": "en-US", "app_permissions": "2147485696",
            "attachment_size_limit": 10_485_760,
            "data": data,
        });
        let interaction = Interaction { id: id.clone(), ..Interaction::default() };
        lock(&self.interactions).insert(token, interaction);
        Ok((id, body.to_string()))
    }

    async fn send(&self, body: String, delivery: String) -> anyhow::Result<Said> {
        let began = Instant::now();
        let (status, request) = self.post(&body).await?;
        let mut messages = Vec::new();
        let mut late = false;
        if status == StatusCode::ACCEPTED.as_u16() {
            let interaction = self.answered(&token_in(&body)).await?;
            if let Some((callback, seen)) = interaction.answer() {
                late = callback["type"] == 5;
                let mut seen = seen.clone();
                // Whom it is for was settled with the first answer.
                seen["flags"] = json!(callback["data"]["flags"].as_u64().unwrap_or_default());
                messages.push(seen);
            }
        }
        Ok(Said { status, late, messages, request, delivery, elapsed_ms: began.elapsed().as_millis() })
    }

    async fn post(&self, body: &str) -> anyhow::Result<(u16, Value)> {
        let timestamp = SystemClock.now().as_second().to_string();
        let signature = self.key.sign(&[timestamp.as_bytes(), body.as_bytes()].concat());
        let signature = hex::encode(signature.to_bytes());
        let response = self
            .http
            .post(format!("http://{}/discord/interactions", self.bot))
            .header("content-type", "application/json")
            .header("x-signature-timestamp", &timestamp)
            .header("x-signature-ed25519", &signature)
            .body(body.to_owned())
            .send()
            .await?;
        let headers = json!({
            "content-type": "application/json", "x-signature-timestamp": timestamp,
            "x-signature-ed25519": signature,
        });
        let request = json!({ "url": "/discord/interactions", "headers": headers, "body": body });
        Ok((response.status().as_u16(), request))
    }

    /// Waits for the final answer; without one, the interaction as it is in the end.
    async fn answered(&self, token: &str) -> anyhow::Result<Interaction> {
        let look = || lock(&self.interactions).get(token).cloned().context("an interaction of no one's");
        let waiting = async {
            loop {
                let changed = self.changed.notified();
                let interaction = look()?;
                if interaction.answer().is_some() {
                    return Ok(interaction);
                }
                changed.await;
            }
        };
        tokio::time::timeout(LONGEST, waiting).await.unwrap_or_else(|_| look())
    }

    /// What the bot calls.
    pub(super) fn api(self: &Arc<Self>) -> Router {
        Router::new()
            .route(&format!("{API}/interactions/{{id}}/{{token}}/callback"), post(callback))
            .route(&format!("{API}/webhooks/{{application}}/{{token}}/messages/@original"), patch(edit))
            .with_state(Arc::clone(self))
    }
}

/// Whether only the person who asked sees a message.
pub(super) fn is_private(message: &Value) -> bool {
    message["flags"].as_u64().unwrap_or_default() & EPHEMERAL != 0
}

async fn callback(
    State(discord): State<Arc<DiscordStandIn>>,
    Path((id, token)): Path<(String, String)>,
    Json(body): Json<Value>,
) -> Response {
    let taken = match lock(&discord.interactions).get_mut(&token).filter(|known| known.id == id) {
        None => Err(UNKNOWN_INTERACTION),
        Some(Interaction { callback: Some(_), .. }) => Err(ALREADY_ACKNOWLEDGED),
        Some(interaction) => {
            interaction.callback = Some(body);
            Ok(StatusCode::NO_CONTENT.into_response())
        }
    };
    discord.changed.notify_waiters();
    taken.unwrap_or_else(refused)
}

async fn edit(
    State(discord): State<Arc<DiscordStandIn>>,
    Path((_, token)): Path<(String, String)>,
    Json(body): Json<Value>,
) -> Response {
    let taken = match lock(&discord.interactions).get_mut(&token) {
        Some(interaction @ Interaction { callback: Some(_), .. }) => {
            interaction.edited = Some(body);
            Ok(Json(json!({ "id": interaction.id })).into_response())
        }
        _ => Err(UNKNOWN_WEBHOOK),
    };
    discord.changed.notify_waiters();
    taken.unwrap_or_else(refused)
}

fn refused((status, code): (StatusCode, u64)) -> Response {
    (status, Json(json!({ "code": code, "message": "refused by the demo's stand-in" }))).into_response()
}

fn token_in(body: &str) -> String {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    body["token"].as_str().unwrap_or_default().to_owned()
}
