//! A stand-in for Slack: writes commands, presses and forms as Slack does, signs them, sends them to the bot's real
//! endpoints, and takes what the bot says at `response_url`s and a Web API of its own.

mod api;
mod interactions;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::{StatusCode, Url};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::wall::{Opened, Platform, Said, Shown, Wall};
use super::world::{APP, Asking, CHANNELS, PEOPLE, TEAM, lock, random_id};
use crate::app::ports::Clock as _;
use crate::clock::SystemClock;
use crate::domain::wording::{CommandName, WORKING};
use crate::slack::{Lookup, RefreshIntervals, Settings, signature};

/// How long a late answer is waited for.
const LATE: Duration = Duration::from_secs(30);
/// The bot's endpoints.
const COMMANDS: &str = "/slack/commands";
const INTERACTIONS: &str = "/slack/interactions";

/// The stand-in.
pub(super) struct SlackStandIn {
    bot: SocketAddr,
    secret: SecretString,
    /// The bot's.
    token: SecretString,
    http: reqwest::Client,
    wall: Arc<Wall>,
    /// Where a `response_url` leads, by its last part.
    targets: Mutex<HashMap<String, Target>>,
    /// Who did what a form may be opened for, by its trigger.
    triggers: Mutex<HashMap<String, Asking>>,
    /// By their id.
    views: Mutex<HashMap<String, View>>,
    /// What was sent, by its delivery, so that it can be sent again.
    sent: Mutex<HashMap<String, Sent>>,
}

/// Where a `response_url` leads.
#[derive(Clone)]
struct Target {
    asking: Asking,
    /// The message that it can replace or delete.
    source: Option<String>,
}

/// A form that somebody sees.
#[derive(Clone)]
struct View {
    asking: Asking,
    trigger: String,
    view: Value,
}

#[derive(Clone)]
struct Sent {
    asking: Asking,
    path: &'static str,
    body: String,
    reply_to: String,
    source: Option<String>,
}

impl SlackStandIn {
    pub(super) fn new(bot: SocketAddr, wall: Arc<Wall>) -> anyhow::Result<Self> {
        Ok(Self {
            bot,
            secret: SecretString::from(random_id()),
            token: SecretString::from(format!("xoxb-{}", random_id())),
            http: reqwest::Client::builder().no_proxy().build()?,
            wall,
            targets: Mutex::default(),
            triggers: Mutex::default(),
            views: Mutex::default(),
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
            groups: Some(Lookup {
                token: self.token.clone(),
                base_url: Url::parse(&format!("http://{}{}", self.bot, api::BASE))?,
                intervals: RefreshIntervals::default(),
            }),
        })
    }

    /// Types `text`, and waits for the final answer.
    pub(super) async fn say(&self, asking: Asking, text: &str) -> anyhow::Result<Said> {
        let (person, place) = (asking.person()?, asking.place()?);
        let (delivery, reply_to) = (trigger(), random_id());
        let (command, arguments) = text.trim_start().split_once(' ').unwrap_or((text.trim(), ""));
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("team_id", TEAM),
                ("team_domain", "demo"),
                ("channel_id", place.id),
                ("channel_name", place.name),
                ("user_id", person.id),
                ("user_name", &person.name.to_lowercase()),
                ("command", command),
                ("text", &as_slack_writes(arguments)),
                ("api_app_id", APP),
                ("is_enterprise_install", "false"),
                ("response_url", &self.response_url(&reply_to)),
                ("trigger_id", &delivery),
            ])
            .finish();
        self.send(Sent { asking, path: COMMANDS, body, reply_to, source: None }, delivery).await
    }

    /// Sends a delivery once more, signed anew, for what has this mark. `None` if there was no such delivery.
    pub(super) async fn say_again(&self, delivery: &str, mark: &str) -> anyhow::Result<Option<Said>> {
        let sent = lock(&self.sent).get(delivery).cloned();
        let Some(mut sent) = sent else { return Ok(None) };
        mark.clone_into(&mut sent.asking.mark);
        Ok(Some(self.send(sent, delivery.to_owned()).await?))
    }

    fn response_url(&self, reply_to: &str) -> String {
        format!("http://{}{}/{reply_to}", self.bot, api::LATE)
    }

    /// Sends what somebody did, and waits for what the bot says to it.
    async fn send(&self, sent: Sent, delivery: String) -> anyhow::Result<Said> {
        lock(&self.sent).insert(delivery.clone(), sent.clone());
        lock(&self.triggers).insert(delivery.clone(), sent.asking.clone());
        let target = Target { asking: sent.asking.clone(), source: sent.source.clone() };
        lock(&self.targets).insert(sent.reply_to.clone(), target);
        let mark = &sent.asking.mark;
        let began = Instant::now();
        let (status, request, answer) = self.post(sent.path, &sent.body).await?;
        let mut late = false;
        let mut form = self.opened(&delivery);
        if status != StatusCode::OK {
            // Slack says that it failed.
        } else if answer["response_action"] == "update" {
            form = Some(Opened { id: String::new(), view: answer["view"].clone() });
        } else if sent.path == COMMANDS && !answer.is_null() {
            late = is_working(&answer);
            let source = self.show(&sent.asking, answer);
            if let Some(target) = lock(&self.targets).get_mut(&sent.reply_to) {
                target.source = Some(source);
            }
            if late {
                self.wall.until(|| (self.wall.about(mark).len() > 1).then_some(()), LATE).await;
            }
        } else if !sent.reply_to.is_empty() && form.is_none() {
            self.wall.until(|| (!self.wall.about(mark).is_empty()).then_some(()), LATE).await;
        }
        Ok(Said {
            status: status.as_u16(),
            late,
            messages: self.wall.about(mark),
            form,
            request,
            delivery,
            elapsed_ms: began.elapsed().as_millis(),
        })
    }

    /// Posts a signed body; the answer is `null` if there is nothing in it.
    async fn post(&self, path: &str, body: &str) -> anyhow::Result<(StatusCode, Value, Value)> {
        let timestamp = SystemClock.now().as_second().to_string();
        let signed = signature::sign(&self.secret, &timestamp, body.as_bytes());
        let response = self
            .http
            .post(format!("http://{}{path}", self.bot))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("x-slack-request-timestamp", &timestamp)
            .header("x-slack-signature", &signed)
            .body(body.to_owned())
            .send()
            .await?;
        let headers = json!({ "x-slack-request-timestamp": timestamp, "x-slack-signature": signed });
        let request = json!({ "url": path, "headers": headers, "body": body });
        let status = response.status();
        let answer = response.bytes().await?;
        Ok((status, request, serde_json::from_slice(&answer).unwrap_or_default()))
    }

    /// Shows an answer to somebody, and returns its id.
    fn show(&self, asking: &Asking, message: Value) -> String {
        let id = message_id();
        let is_private = message["response_type"] != "in_channel";
        let shown = Shown::new(Platform::Slack, id.clone(), &asking.channel, message);
        self.wall.post(shown.answering(asking, is_private));
        id
    }

    /// The form that was opened for what has this trigger.
    fn opened(&self, trigger: &str) -> Option<Opened> {
        let views = lock(&self.views);
        let (id, view) = views.iter().find(|(_, view)| view.trigger == trigger)?;
        Some(Opened { id: id.clone(), view: view.view.clone() })
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

fn trigger() -> String {
    format!("{}.{}.{}", random_id(), random_id(), random_id())
}

/// A message's id is its time ("ts"), with six digits behind the point that make it the only one.
fn message_id() -> String {
    format!("{}.{:06}", SystemClock.now().as_second(), rand::random::<u32>() % 1_000_000)
}
