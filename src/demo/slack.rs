//! A stand-in for Slack: writes a command as Slack does, signs it, sends it to the bot's real endpoint,
//! and takes late answers at a `response_url` of its own.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::world::{APP, CHANNELS, PEOPLE, Said, TEAM, lock};
use crate::app::ports::Clock as _;
use crate::clock::SystemClock;
use crate::domain::wording::{CommandName, WORKING};
use crate::slack::{Settings, signature};

/// How long a late answer is waited for.
const LATE: Duration = Duration::from_secs(30);

/// The stand-in.
pub(super) struct SlackStandIn {
    bot: SocketAddr,
    secret: SecretString,
    http: reqwest::Client,
    /// Where late answers to a command go, by the last part of its `response_url`.
    late: Mutex<HashMap<String, mpsc::Sender<Value>>>,
    /// Bodies that were sent, by their delivery, so that one can be sent again.
    sent: Mutex<HashMap<String, Sent>>,
}

#[derive(Clone)]
struct Sent {
    body: String,
    reply_to: String,
}

impl SlackStandIn {
    pub(super) fn new(bot: SocketAddr) -> anyhow::Result<Self> {
        Ok(Self {
            bot,
            secret: SecretString::from(random_id()),
            http: reqwest::Client::builder().no_proxy().build()?,
            late: Mutex::default(),
            sent: Mutex::default(),
        })
    }

    /// The bot's settings for this Slack.
    pub(super) fn settings_for_the_bot(&self) -> anyhow::Result<Settings> {
        Ok(Settings {
            socket: None,
            signing_secrets: vec![self.secret.clone()],
            app_id: Some(APP.to_owned()),
            team_ids: vec![TEAM.to_owned()],
            command: CommandName::slash(""),
            private_replies: false,
            response_url_hosts: vec![self.bot.to_string().parse()?],
            groups: None,
        })
    }

    /// Types `text` as a person in a channel, and waits for the final answer.
    pub(super) async fn say(&self, person: &str, channel: &str, text: &str) -> anyhow::Result<Said> {
        let delivery = format!("{}.{}.{}", random_id(), random_id(), random_id());
        let reply_to = random_id();
        let (command, arguments) = text.trim_start().split_once(' ').unwrap_or((text.trim(), ""));
        let name = PEOPLE.iter().find(|known| known.id == person).map_or("", |known| known.name);
        let channel_name = CHANNELS.iter().find(|known| known.id == channel).map_or("", |known| known.name);
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("team_id", TEAM),
                ("team_domain", "demo"),
                ("channel_id", channel),
                ("channel_name", channel_name),
                ("user_id", person),
                ("user_name", &name.to_lowercase()),
                ("command", command),
                ("text", &as_slack_writes(arguments)),
                ("api_app_id", APP),
                ("is_enterprise_install", "false"),
                ("response_url", &format!("http://{}/demo/late/{reply_to}", self.bot)),
                ("trigger_id", &delivery),
            ])
            .finish();
        let sent = Sent { body, reply_to };
        lock(&self.sent).insert(delivery.clone(), sent.clone());
        self.send(sent, delivery).await
    }

    /// Sends a delivery once more, signed anew. `None` if there was no such delivery.
    pub(super) async fn say_again(&self, delivery: &str) -> anyhow::Result<Option<Said>> {
        let sent = lock(&self.sent).get(delivery).cloned();
        match sent {
            Some(sent) => Ok(Some(self.send(sent, delivery.to_owned()).await?)),
            None => Ok(None),
        }
    }

    /// Takes a late answer. `false` if nobody waits for it.
    pub(super) async fn take_late(&self, reply_to: &str, message: Value) -> bool {
        let waiting = lock(&self.late).get(reply_to).cloned();
        match waiting {
            Some(waiting) => waiting.send(message).await.is_ok(),
            None => false,
        }
    }

    async fn send(&self, sent: Sent, delivery: String) -> anyhow::Result<Said> {
        let (sender, mut late) = mpsc::channel(8);
        lock(&self.late).insert(sent.reply_to.clone(), sender);
        let began = Instant::now();
        let timestamp = SystemClock.now().as_second().to_string();
        let signed = signature::sign(&self.secret, &timestamp, sent.body.as_bytes());
        let response = self
            .http
            .post(format!("http://{}/slack/commands", self.bot))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("x-slack-request-timestamp", &timestamp)
            .header("x-slack-signature", &signed)
            .body(sent.body.clone())
            .send()
            .await?;
        let status = response.status();
        let mut messages = Vec::new();
        if status == StatusCode::OK {
            messages.push(response.json::<Value>().await?);
        }
        let is_late = messages.first().is_some_and(is_working);
        if is_late && let Ok(Some(message)) = tokio::time::timeout(LATE, late.recv()).await {
            messages.push(message);
        }
        lock(&self.late).remove(&sent.reply_to);
        let headers = json!({ "x-slack-request-timestamp": timestamp, "x-slack-signature": signed });
        Ok(Said {
            status: status.as_u16(),
            late: is_late,
            messages,
            request: json!({ "url": "/slack/commands", "headers": headers, "body": sent.body }),
            delivery,
            elapsed_ms: began.elapsed().as_millis(),
        })
    }
}

/// Whether a message only says that the answer comes later.
fn is_working(message: &Value) -> bool {
    message["text"].as_str().is_some_and(|text| text.contains(WORKING))
}

/// Slack writes a known `@name` or `#channel` as a mention, and everything else with its three entities.
fn as_slack_writes(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let known =
            word.strip_prefix('@').and_then(|name| PEOPLE.iter().find(|p| p.name.eq_ignore_ascii_case(name)));
        let channel = word.strip_prefix('#').and_then(|name| CHANNELS.iter().find(|it| it.name == name));
        if let Some(channel) = channel {
            return format!("<#{}|{}>", channel.id, channel.name);
        }
        match known {
            Some(person) => format!("<@{}|{}>", person.id, person.name.to_lowercase()),
            None => word.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn random_id() -> String {
    hex::encode(rand::random::<[u8; 8]>())
}
