//! People in a Discord guild: they use the command, Discord delivers it over HTTP or over the gateway, and
//! they read what the bot's calls made of it.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use ed25519_dalek::{Signer as _, SigningKey};
use room_owner::app::ports::Clock as _;
use room_owner::discord::{Patience, Settings};
use room_owner::domain::wording::CommandName;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::doors::{Door, at_discord, by_name, with_slacks_ids};
use super::options::{self, OptionValues, as_typed};
use super::reply::{Button, Press, Reply};
use super::slack::{MODS, Person, Workspace};
use crate::fakes::discord::{Discord, Interaction, TOKEN};
use crate::fakes::gateway::{Connection, Fake};
use crate::fakes::interaction::{APPLICATION, press, with_options};

/// Discord, as far as the bot can see.
pub(crate) struct Guild {
    pub(crate) discord: Discord,
    pub(crate) key: SigningKey,
    gateway: Option<tokio::sync::Mutex<Link>>,
    /// Where the bot is, and what is noted for the end of the story.
    workspace: Arc<Workspace>,
    private: bool,
    /// Interactions by the story's name for them.
    named: Mutex<HashMap<String, Value>>,
    /// The tokens of the interactions whose answer somebody read.
    pub(crate) read: Mutex<HashSet<String>>,
}

struct Link {
    gateway: Fake,
    connection: Option<Connection>,
    sequence: u64,
}

impl Guild {
    /// None at Slack's door.
    pub(crate) async fn at(door: Door, workspace: &Arc<Workspace>, private: bool) -> Option<Arc<Self>> {
        let (discord, gateway) = match door {
            Door::Slack => return None,
            Door::DiscordOverHttp => (Discord::start().await, None),
            Door::DiscordOverTheGateway => {
                let (discord, gateway) = Discord::with_gateway().await;
                (discord, Some(Link { gateway, connection: None, sequence: 1 }))
            }
        };
        Some(Arc::new(Self {
            discord,
            key: SigningKey::from_bytes(&rand::random()),
            gateway: gateway.map(tokio::sync::Mutex::new),
            workspace: Arc::clone(workspace),
            private,
            named: Mutex::default(),
            read: Mutex::default(),
        }))
    }

    /// The bot's settings for this Discord.
    pub(crate) fn settings_for_the_bot(&self, prefix: &str) -> Settings {
        let key = hex::encode(self.key.verifying_key().as_bytes()).parse().unwrap();
        Settings {
            public_key: Some(key).filter(|_| self.gateway.is_none()),
            bot_token: Some(SecretString::from(TOKEN)),
            application_id: Some(APPLICATION.to_owned()),
            api_base_url: self.discord.base.parse().unwrap(),
            command: CommandName::slash(prefix),
            private_replies: self.private,
            patience: Patience::default(),
        }
    }

    /// Waits until the bot can be reached.
    pub(crate) async fn is_reached(&self) {
        if let Some(link) = &self.gateway {
            let mut link = link.lock().await;
            link.connection = Some(link.gateway.session().await);
            link.sequence = 1;
        }
    }

    /// The same settings for a program.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let mut environment = vec![
            ("DISCORD_BOT_TOKEN", TOKEN.to_owned()),
            ("DISCORD_APPLICATION_ID", APPLICATION.to_owned()),
            ("DISCORD_API_BASE_URL", self.discord.base.clone()),
        ];
        if self.gateway.is_none() {
            environment.push(("DISCORD_PUBLIC_KEY", hex::encode(self.key.verifying_key().as_bytes())));
        }
        environment
    }

    async fn delivers(&self, interaction: &Value) {
        self.discord.knows(interaction);
        let Some(link) = &self.gateway else { return self.posts(interaction.to_string()).await };
        let mut link = link.lock().await;
        link.sequence += 1;
        let event = json!({ "op": 0, "t": "INTERACTION_CREATE", "s": link.sequence, "d": interaction });
        link.connection.as_ref().unwrap().send(event);
    }

    /// Delivers an interaction of a message that the bot posted by itself: what came of it.
    pub(crate) async fn sends(&self, interaction: &Value) -> Reply {
        self.delivers(interaction).await;
        self.workspace.recorded.fetch_add(1, Ordering::SeqCst);
        self.answer_to(interaction).await
    }

    async fn posts(&self, body: String) {
        let now = self.workspace.clock.now().as_second();
        assert_eq!(self.posts_as_signed_at(body, now).await, 202);
    }

    /// The status with which it is taken, or not.
    async fn posts_as_signed_at(&self, body: String, at: i64) -> u16 {
        let address = *self.workspace.bot.lock().unwrap();
        let timestamp = at.to_string();
        let signature = self.key.sign(&[timestamp.as_bytes(), body.as_bytes()].concat());
        let request = self.workspace.http.post(format!("http://{address}/discord/interactions"));
        let request = request
            .header("x-signature-timestamp", &timestamp)
            .header("x-signature-ed25519", hex::encode(signature.to_bytes()));
        request.body(body).send().await.unwrap().status().as_u16()
    }

    /// A text as it would be at Slack, where stories are written.
    pub(crate) fn as_at_slack(&self, text: &str) -> String {
        let named = self.named.lock().unwrap();
        let text = with_slacks_ids(text);
        named.iter().fold(text, |text, (name, interaction)| {
            let id = interaction["id"].as_str().unwrap();
            text.replace(&format!("discord:{id}"), &format!("slack:{name}"))
        })
    }

    async fn answer_to(&self, interaction: &Value) -> Reply {
        self.answer_by(text(&interaction["token"])).await
    }

    /// The answer to the interaction with this token.
    pub(crate) async fn answer_by(&self, token: &str) -> Reply {
        let answered = self.discord.answered(token).await;
        self.read.lock().unwrap().insert(token.to_owned());
        self.reply(&answered)
    }

    fn reply(&self, interaction: &Interaction) -> Reply {
        let callback = interaction.callback.clone().unwrap();
        let message = interaction.edited.clone().unwrap_or_else(|| callback["data"].clone());
        let text = self.as_at_slack(&visible(&message));
        // The bot replaces a message that one person alone sees, and no other.
        let is_public = callback["data"]["flags"] != 64 && callback["type"] != 7;
        // Whether the channel sees an answer is settled with "thinking…", before anything is done.
        let is_transfer = callback["type"] == 5
            && (field(&message, "Asked by").is_some() || field(&message, "Approved by").is_some());
        let buttons = buttons(&message);
        let asks_others = buttons.iter().any(|button| button.label == "Approve");
        // What has to be confirmed is settled as private, whatever comes of it; and nothing can.
        let is_nothing_done = text.contains("Nothing was done") || text.contains("Nothing to change");
        let is_expected = asks_others || is_transfer && !self.private;
        assert!(is_public == is_expected || is_nothing_done, "who sees {callback} {message}");
        // Slack's door also keeps from the channel that nothing happened.
        let concerns_the_channel = is_public && (asks_others || is_of_the_channel(&text));
        let reply = Reply::of(text, json!([callback, message]), &interaction.message(), concerns_the_channel);
        let reply = reply.with_buttons(buttons);
        self.workspace.takes_note_of(&reply);
        reply
    }
}

/// Somebody about to use the command.
pub(crate) struct Member {
    guild: Arc<Guild>,
    person: Person,
    channel: &'static str,
    delivery: Option<String>,
    change: fn(&mut Value),
}

impl Member {
    pub(crate) fn new(guild: Arc<Guild>, person: Person) -> Self {
        Self { guild, person, channel: at_discord(MODS), delivery: None, change: |_| {} }
    }

    pub(crate) fn in_channel(mut self, channel: &'static str) -> Self {
        self.channel = channel;
        self
    }

    /// As the interaction that the story calls so.
    pub(crate) fn delivered(mut self, name: &str) -> Self {
        self.delivery = Some(name.to_owned());
        self
    }

    /// The same, and the interaction is changed like this.
    pub(crate) fn but(mut self, change: fn(&mut Value)) -> Self {
        self.change = change;
        self
    }

    fn interaction(&self, line: &str) -> Value {
        let OptionValues { command, options, resolved } = options::filled(line);
        let person = (self.person.snowflake, self.person.name);
        self.named(|| with_options(command, person, self.channel, options, resolved))
    }

    /// Presses what passes for a button of a message.
    pub(crate) async fn presses(self, reply: &Reply, name: &Value) -> Press {
        reply.text();
        let message = self.guild.discord.message(&reply.key);
        let is_private = reply.json[0]["data"]["flags"] == 64;
        let person = (self.person.snowflake, self.person.name);
        let interaction = self.named(|| press(person, self.channel, name, &message, is_private));
        self.guild.delivers(&interaction).await;
        self.guild.workspace.recorded.fetch_add(1, Ordering::SeqCst);
        let key = text(&interaction["token"]).to_owned();
        Press { key, source: message, source_key: reply.key.clone() }
    }

    /// The interaction that the story calls so, or another one.
    fn named(&self, make: impl FnOnce() -> Value) -> Value {
        let make = || {
            let mut interaction = make();
            (self.change)(&mut interaction);
            interaction
        };
        match &self.delivery {
            Some(delivery) => {
                self.guild.named.lock().unwrap().entry(delivery.clone()).or_insert_with(make).clone()
            }
            None => make(),
        }
    }

    pub(crate) async fn says(self, line: &str) -> Reply {
        let interaction = self.interaction(line);
        self.guild.delivers(&interaction).await;
        let reply = self.guild.answer_to(&interaction).await;
        if !reply.unread_text().contains("cannot be written right now") {
            self.guild.workspace.recorded.fetch_add(1, Ordering::SeqCst);
        }
        reply
    }

    /// Delivers it over HTTP with the signature of another time; the status that it gets.
    pub(crate) async fn arrives_as_signed_at(self, line: &str, at: i64) -> u16 {
        let interaction = self.interaction(line);
        self.guild.posts_as_signed_at(interaction.to_string(), at).await
    }

    /// Waits for the answer to an interaction that is delivered already.
    pub(crate) async fn reads(self, line: &str) -> Reply {
        self.guild.answer_to(&self.interaction(line)).await
    }

    /// Delivers it once more, which leaves a record and no answer.
    pub(crate) async fn sends_again(self, line: &str) {
        self.guild.delivers(&self.interaction(line)).await;
        self.guild.workspace.recorded.fetch_add(1, Ordering::SeqCst);
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// Whether something happened to a room, or may have.
fn is_of_the_channel(text: &str) -> bool {
    text.starts_with('✅') || text.starts_with("⚠️")
}

fn field<'a>(message: &'a Value, name: &str) -> Option<&'a str> {
    let mut fields = message["embeds"][0]["fields"].as_array()?.iter();
    fields.find(|field| field["name"] == name)?["value"].as_str()
}

/// The buttons under a message.
fn buttons(message: &Value) -> Vec<Button> {
    let rows = message["components"].as_array().into_iter().flatten();
    let buttons = rows.flat_map(|row| row["components"].as_array().unwrap());
    let button = |it: &Value| Button { label: text(&it["label"]).to_owned(), name: it["custom_id"].clone() };
    buttons.map(button).collect()
}

/// The embed in the form of Slack's message, with code in backticks: headline, what it means, and the
/// numbers to quote, which in Discord stand in fields.
pub(crate) fn visible(message: &Value) -> String {
    let embed = &message["embeds"][0];
    let mut lines: Vec<String> = embed["title"].as_str().map(unmarked).into_iter().collect();
    lines.extend(embed["description"].as_str().map(unmarked));
    lines.extend(embed["footer"]["text"].as_str().map(str::to_owned));
    let fact = |name| field(message, name).map(|value| value.trim_matches('`').replace('ˋ', "`"));
    if let Some(operation) = fact("Operation") {
        let mut footer = format!("op {operation}");
        footer.extend(fact("RequestId").map(|id| format!(" · RequestId {id}")));
        if is_of_the_channel(&lines[0]) {
            let by = fact("Asked by").or_else(|| fact("Approved by"));
            footer.extend(by.map(|who| format!(" · by {who}")));
        }
        footer.extend(fact("Log").map(|head| format!(" · log {head}")));
        footer.extend(fact("Undo").map(|line| format!(" · undo: {}", as_typed(&line))));
        lines.push(footer);
        let is_clear = !lines[0].starts_with("⚠️");
        let said =
            ["Room", "New owner", "Previous owner", "Owner"].into_iter().take(if is_clear { 4 } else { 1 });
        for name in said {
            if let Some(fact) = fact(name) {
                assert!(lines[0].contains(&fact), "the field {name} is not what the headline says: {embed}");
            }
        }
    }
    lines.join("\n")
}

/// Discord's markdown without its marks: escapes are gone, a backtick in code is one again, mentions have their
/// names, and what could be done is written as it would be typed.
fn unmarked(markdown: &str) -> String {
    let mut plain = String::new();
    for (n, part) in markdown.split('`').enumerate() {
        if n % 2 == 1 {
            plain.push_str(&format!("`{}`", as_typed(&part.replace('ˋ', "`"))));
            continue;
        }
        let part = by_name(part);
        let mut chars = part.chars();
        while let Some(c) = chars.next() {
            plain.extend(if c == '\\' { chars.next() } else { Some(c) });
        }
    }
    plain
}
