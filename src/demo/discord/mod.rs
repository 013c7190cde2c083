//! A stand-in for Discord: sends commands, presses and forms as Discord does, signed, to the bot's real endpoint, and
//! takes the bot's calls at a small REST API of its own: the first answer, what is put in the place of a message, and
//! what the bot posts by itself.

mod api;
mod components;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::http::StatusCode;
use ed25519_dalek::{Signer as _, SigningKey};
use reqwest::Url;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::wall::{Opened, Said, Wall};
use super::world::{APPLICATION, Asking, CHANNELS, GUILD, PEOPLE, lock, random_id};
use crate::app::ports::Clock as _;
use crate::clock::SystemClock;
use crate::discord::{Patience, Settings};
use crate::domain::wording::CommandName;

/// How long an answer is waited for.
const LONGEST: Duration = Duration::from_secs(30);

/// The stand-in.
pub(super) struct DiscordStandIn {
    bot: SocketAddr,
    key: SigningKey,
    /// The bot's.
    token: SecretString,
    http: reqwest::Client,
    wall: Arc<Wall>,
    /// By their token.
    interactions: Mutex<HashMap<String, Interaction>>,
    changed: Notify,
    /// Bodies that were sent, by their delivery, so that one can be sent again.
    sent: Mutex<HashMap<String, String>>,
    /// Forms that somebody sees, by the interaction that they answer.
    opened: Mutex<HashMap<String, (Asking, Value)>>,
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

/// What somebody did, and what the bot has said to it.
#[derive(Clone)]
struct Interaction {
    id: String,
    asking: Asking,
    /// The message that the pressed button is in.
    source: Option<String>,
    callback: Option<Value>,
    /// The message that is its answer.
    original: Option<String>,
}

impl Interaction {
    fn is_late(&self) -> bool {
        self.callback.as_ref().is_some_and(|callback| callback["type"] == 5)
    }

    /// Whether its result is seen.
    fn is_answered(&self) -> bool {
        self.callback.is_some() && (!self.is_late() || self.original.is_some())
    }
}

/// An option as it was filled in.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(super) struct OptionValue {
    pub(super) name: String,
    pub(super) value: String,
}

impl DiscordStandIn {
    pub(super) fn new(bot: SocketAddr, wall: Arc<Wall>) -> anyhow::Result<Self> {
        Ok(Self {
            bot,
            key: SigningKey::from_bytes(&rand::random()),
            token: SecretString::from(random_id()),
            http: reqwest::Client::builder().no_proxy().build()?,
            wall,
            interactions: Mutex::default(),
            changed: Notify::new(),
            sent: Mutex::default(),
            opened: Mutex::default(),
            forms: crate::discord::registered(&CommandName::slash(""))?
                .iter()
                // A command in a person's menu has nothing to fill in.
                .filter(|command| command["type"] == 1)
                .flat_map(|command| forms_of(command, ""))
                .collect(),
        })
    }

    /// The bot's settings for this Discord.
    pub(super) fn settings_for_the_bot(&self) -> anyhow::Result<Settings> {
        Ok(Settings {
            public_key: Some(hex::encode(self.key.verifying_key().as_bytes()).parse()?),
            bot_token: Some(self.token.clone()),
            application_id: Some(APPLICATION.to_owned()),
            api_base_url: Url::parse(&format!("http://{}{}", self.bot, api::BASE))?,
            command: CommandName::slash(""),
            private_replies: false,
            patience: Patience::default(),
        })
    }

    /// What can be filled in.
    pub(super) fn forms(&self) -> &[Form] {
        &self.forms
    }

    /// Uses a command with these options, and waits for the final answer.
    pub(super) async fn say(
        &self,
        asking: Asking,
        command: &str,
        options: &[OptionValue],
    ) -> anyhow::Result<Said> {
        let data = self.data(command, options, "")?;
        self.interact(2, asking, data, None).await
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
        Ok(Some(Said { status, request, delivery, elapsed_ms, ..Said::default() }))
    }

    /// What the bot suggests for the option that is being typed.
    pub(super) async fn suggest(
        &self,
        asking: &Asking,
        (command, options): (&str, &[OptionValue]),
        focused: &str,
    ) -> anyhow::Result<Value> {
        let (_, body) = self.interaction(4, asking, self.data(command, options, focused)?, None)?;
        self.post(&body.to_string()).await?;
        let answer = self.answered(&token_in(&body)).await?;
        Ok(answer.callback.map(|callback| callback["data"]["choices"].clone()).unwrap_or_default())
    }

    /// Does something, and waits for what comes of it.
    async fn interact(
        &self,
        kind: u64,
        asking: Asking,
        data: Value,
        source: Option<&Value>,
    ) -> anyhow::Result<Said> {
        let (delivery, body) = self.interaction(kind, &asking, data, source)?;
        let (token, body) = (token_in(&body), body.to_string());
        lock(&self.sent).insert(delivery.clone(), body.clone());
        let began = Instant::now();
        let (status, request) = self.post(&body).await?;
        let mut late = false;
        let mut form = None;
        if status == StatusCode::ACCEPTED.as_u16() {
            let interaction = self.answered(&token).await?;
            late = interaction.is_late();
            let view = lock(&self.opened).get(&interaction.id).map(|(_, view)| view.clone());
            form = view.map(|view| Opened { id: interaction.id, view });
        }
        let (messages, elapsed_ms) = (self.wall.about(&asking.mark), began.elapsed().as_millis());
        Ok(Said { status, late, messages, form, request, delivery, elapsed_ms })
    }

    /// The body of an interaction ("Interaction Object"), whose token is good from now on.
    fn interaction(
        &self,
        kind: u64,
        asking: &Asking,
        data: Value,
        source: Option<&Value>,
    ) -> anyhow::Result<(String, Value)> {
        let (person, channel) = (asking.person()?, asking.place()?);
        let id = snowflake();
        let token = hex::encode(rand::random::<[u8; 24]>());
        let mut body = json!({
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
        if let Some(message) = source {
            body["message"] = message.clone();
        }
        let source = source.and_then(|message| message["id"].as_str()).map(str::to_owned);
        let asking = asking.clone();
        let interaction = Interaction { id: id.clone(), asking, source, callback: None, original: None };
        lock(&self.interactions).insert(token, interaction);
        Ok((id, body))
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
                if interaction.is_answered() {
                    return Ok(interaction);
                }
                changed.await;
            }
        };
        tokio::time::timeout(LONGEST, waiting).await.unwrap_or_else(|_| look())
    }
}

fn token_in(body: &Value) -> String {
    body["token"].as_str().unwrap_or_default().to_owned()
}

/// An id, whose upper bits are the milliseconds since 2015 ("Snowflakes").
fn snowflake() -> String {
    let since = SystemClock.now().as_millisecond() - 1_420_070_400_000;
    ((since.cast_unsigned() << 22) | (rand::random::<u64>() & 0x3f_ffff)).to_string()
}
