//! People in Slack: they type, Slack signs and sends, and they read what comes back.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder};
use room_owner::app::ports::Clock as _;
use room_owner::domain::wording::CommandName;
use room_owner::slack::signature;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::clock::StoryClock;
pub(crate) use super::reply::{Button, Press, Reply};
use super::world::secret;

pub(crate) const TEAM: &str = "T0TEAM";
pub(crate) const APP: &str = "A0APP";
/// A channel that is authorised, and one that is not.
pub(crate) const MODS: &str = "C0MODS";
pub(crate) const RANDOM: &str = "C0RANDOM";

#[derive(Debug, Clone, Copy)]
pub(crate) struct Person {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    /// Their id at Discord.
    pub(crate) snowflake: &'static str,
}

pub(crate) const ALICE: Person = Person { id: "U0ALICE", name: "alice", snowflake: "901" };
pub(crate) const BORIS: Person = Person { id: "U0BORIS", name: "boris", snowflake: "902" };
pub(crate) const RITA: Person = Person { id: "U0RITA", name: "rita", snowflake: "906" };
pub(crate) const ADAM: Person = Person { id: "U0ADAM", name: "adam", snowflake: "900" };
pub(crate) const OTTO: Person = Person { id: "U0OTTO", name: "otto", snowflake: "905" };

impl Person {
    pub(crate) fn subject(self) -> String {
        format!("slack:{TEAM}:{}", self.id)
    }
}

/// Slack, as far as the bot can see.
pub(crate) struct Workspace {
    pub(crate) http: Client,
    /// Where the bot takes commands: another port after a restart.
    pub(crate) bot: Mutex<SocketAddr>,
    pub(crate) late: SocketAddr,
    pub(crate) signing_secret: SecretString,
    /// The old verification token, which Slack still sends; and what every `response_url` holds.
    pub(crate) token: String,
    pub(crate) hook: String,
    pub(crate) command: String,
    pub(crate) clock: StoryClock,
    pub(crate) deliveries: AtomicU64,
    /// Replies that have to have left a record.
    pub(crate) recorded: AtomicUsize,
    pub(crate) unread: Mutex<Vec<(String, Arc<AtomicBool>)>>,
    /// Everything that was said, to be searched for secrets.
    pub(crate) said: Mutex<String>,
}

/// Somebody at the keyboard.
#[derive(Clone)]
pub(crate) struct Slack {
    workspace: Arc<Workspace>,
    fields: Vec<(String, String)>,
    path: String,
    /// The person's own team.
    home: String,
}

impl Slack {
    pub(crate) fn new(workspace: Arc<Workspace>, person: Person) -> Self {
        let delivery = workspace.deliveries.fetch_add(1, Ordering::SeqCst);
        let response_url = format!("http://{}/late/{}-{delivery}", workspace.late, workspace.hook);
        let fields = [
            ("token", workspace.token.as_str()),
            ("team_id", TEAM),
            ("team_domain", "team"),
            ("channel_id", MODS),
            ("channel_name", "mods"),
            ("user_id", person.id),
            ("user_name", person.name),
            ("command", &workspace.command),
            ("text", ""),
            ("api_app_id", APP),
            ("is_enterprise_install", "false"),
            ("response_url", &response_url),
            ("trigger_id", &format!("13345224609.738474920.trigger{delivery}")),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self { workspace, fields: fields.into(), path: "/slack/commands".to_owned(), home: TEAM.to_owned() }
    }

    pub(crate) fn in_channel(self, channel: &str) -> Self {
        self.with("channel_id", channel)
    }

    /// As the delivery with this id: the same one when it is sent twice.
    pub(crate) fn delivered(self, id: &str) -> Self {
        self.with("trigger_id", id)
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        let field = self.fields.iter_mut().find(|(known, _)| known == name);
        field.unwrap_or_else(|| panic!("no field {name}")).1 = value.to_owned();
        self
    }

    pub(crate) fn and(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self
    }

    pub(crate) fn at_path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// As a member of another team than the channel's.
    pub(crate) fn of_team(mut self, team: &str) -> Self {
        team.clone_into(&mut self.home);
        self
    }

    fn typing(self, line: &str) -> Self {
        let (command, text) = line.split_once(' ').unwrap_or((line, ""));
        self.with("command", command).with("text", text)
    }

    /// Types a line: Slack writes its three entities for what they stand for, and marks the people and
    /// channels that are chosen from its list.
    pub(crate) async fn says(self, line: &str) -> Reply {
        let text = line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        self.sends(&with_mentions(&text)).await
    }

    /// Sends a line as it is on the wire, where Slack has made `<…>` of mentions and links.
    pub(crate) async fn sends(self, line: &str) -> Reply {
        self.typing(line).gets_answer().await
    }

    /// The reply to the request as it is now.
    pub(crate) async fn gets_answer(self) -> Reply {
        self.signed().answered().await
    }

    /// Presses what passes for a button of a message.
    pub(crate) async fn presses(self, reply: &Reply, name: &Value) -> Press {
        reply.text();
        let press = self.pressing(reply, name);
        let (workspace, key) = (Arc::clone(&press.workspace), press.key.clone());
        let (status, text) = press.status_and_body().await;
        assert_eq!((status, text.as_str()), (200, ""), "Slack shows nothing of this answer");
        workspace.recorded.fetch_add(1, Ordering::SeqCst);
        Press { key, source: reply.json.clone(), source_key: reply.key.clone() }
    }

    /// The press of a button, signed and unsent.
    pub(crate) fn pressing(self, reply: &Reply, name: &Value) -> Signed {
        let pairs = [("payload", self.press(reply, name).to_string())];
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish().into_bytes();
        self.at_path("/slack/interactions").signed_body(body)
    }

    /// What Slack says of the press of a button.
    pub(crate) fn press(&self, reply: &Reply, name: &Value) -> Value {
        let field =
            |name: &str| self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let is_ephemeral = !reply.is_public();
        let mut payload = serde_json::json!({
            "type": "block_actions",
            "api_app_id": field("api_app_id"),
            "team": { "id": field("team_id"), "domain": "team" },
            "user": { "id": field("user_id"), "username": field("user_name"), "team_id": &self.home },
            "trigger_id": field("trigger_id"),
            "response_url": field("response_url"),
            "channel": { "id": field("channel_id"), "name": "mods" },
            "container": { "type": "message", "message_ts": "1795435200.000100", "is_ephemeral": is_ephemeral },
            "actions": [{ "type": "button", "action_id": "press:0", "block_id": "b", "value": name }],
        });
        if !is_ephemeral {
            payload["message"] = reply.json.clone();
        }
        payload
    }

    /// What Slack sends about a form of this person's: something is typed in it, or it is filled in.
    pub(crate) async fn in_a_form(self, view: &Value, more: Value) -> Value {
        let payload = self.of_a_form(view, more);
        if payload["type"] == "view_submission" {
            self.workspace.recorded.fetch_add(1, Ordering::SeqCst);
        }
        let pairs = [("payload", payload.to_string())];
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish().into_bytes();
        let (status, text) = self.at_path("/slack/interactions").signed_body(body).status_and_body().await;
        assert_eq!(status, 200, "{text}");
        if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
    }

    /// The payload of that.
    pub(crate) fn of_a_form(&self, view: &Value, more: Value) -> Value {
        let field =
            |name: &str| self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let mut payload = serde_json::json!({
            "api_app_id": field("api_app_id"),
            "team": { "id": field("team_id"), "domain": "team" },
            "user": { "id": field("user_id"), "username": field("user_name"), "team_id": field("team_id") },
            "trigger_id": field("trigger_id"),
        });
        let object = payload.as_object_mut().unwrap();
        object.extend(more.as_object().unwrap().clone());
        let state = object.remove("state").unwrap_or_default();
        object.insert(
            "view".to_owned(),
            serde_json::json!({
                "id": "V1", "callback_id": view["callback_id"], "private_metadata": view["private_metadata"],
                "state": { "values": state },
            }),
        );
        payload
    }

    /// The body for a line, unsent.
    pub(crate) fn about(self, line: &str) -> Self {
        self.typing(line)
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.fields).finish().into_bytes()
    }

    /// What an envelope of Socket Mode holds.
    pub(crate) fn payload(&self) -> Value {
        self.fields.iter().map(|(name, value)| (name.clone(), Value::from(value.clone()))).collect()
    }

    /// The request, really signed.
    pub(crate) fn signed(self) -> Signed {
        let body = self.body();
        self.signed_body(body)
    }

    pub(crate) fn signed_body(self, body: Vec<u8>) -> Signed {
        let at = self.workspace.clock.now().as_second();
        let signature = signature::sign(&self.workspace.signing_secret, &at.to_string(), &body);
        let key = self.key();
        let headers = vec![
            ("x-slack-request-timestamp".to_owned(), at.to_string()),
            ("x-slack-signature".to_owned(), signature),
        ];
        Signed { workspace: self.workspace, path: self.path, key, headers, body, method: Method::POST }
    }

    /// Under which key a late answer comes.
    pub(crate) fn key(&self) -> String {
        let url = self.fields.iter().find(|(name, _)| name == "response_url");
        url.and_then(|(_, url)| url.rsplit('/').next()).unwrap_or_default().to_owned()
    }
}

/// A request with its signature: what a forger may still change.
pub(crate) struct Signed {
    workspace: Arc<Workspace>,
    path: String,
    key: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    method: Method,
}

impl Signed {
    pub(crate) fn without_header(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    pub(crate) fn and_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn header(&self, name: &str) -> String {
        self.headers.iter().find(|(known, _)| known == name).unwrap().1.clone()
    }

    pub(crate) fn by_method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    fn request(&self) -> RequestBuilder {
        let address = *self.workspace.bot.lock().unwrap();
        let mut request =
            self.workspace.http.request(self.method.clone(), format!("http://{address}{}", self.path));
        request = request.header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request
    }

    /// Sends it; whether anybody answers is another matter.
    pub(crate) async fn sent(self) {
        drop(self.request().body(self.body.clone()).send().await);
    }

    /// Sends it and returns the bare answer: status and body.
    pub(crate) async fn status_and_body(self) -> (u16, String) {
        let request = self.request().body(self.body.clone());
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        self.workspace.said.lock().unwrap().push_str(&text);
        (status, text)
    }

    /// Sends it and returns what the person sees.
    pub(crate) async fn answered(self) -> Reply {
        let (workspace, key) = (Arc::clone(&self.workspace), self.key.clone());
        let (status, text) = self.status_and_body().await;
        assert_eq!(status, 200, "{text}");
        workspace.shows(&text, &key)
    }

    /// The same, with a body that takes so long to arrive.
    pub(crate) async fn answered_slowly(self, takes: Duration) -> Reply {
        let address = *self.workspace.bot.lock().unwrap();
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let mut head = format!("POST {} HTTP/1.1\r\nhost: bot\r\nconnection: close\r\n", self.path);
        head.push_str("content-type: application/x-www-form-urlencoded\r\n");
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", self.body.len()));
        let (first, rest) = self.body.split_at(self.body.len() / 2);
        stream.write_all(&[head.as_bytes(), first].concat()).await.unwrap();
        tokio::time::sleep(takes).await;
        stream.write_all(rest).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, text) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
        self.workspace.said.lock().unwrap().push_str(text);
        self.workspace.shows(text, &self.key)
    }
}

impl Workspace {
    /// What the person sees of an answer.
    pub(crate) fn shows(&self, text: &str, key: &str) -> Reply {
        let reply = reply(serde_json::from_str(text).unwrap(), key);
        self.takes_note_of(&reply);
        // Whoever reads of a limit and of no operation was turned away without a record.
        let text = reply.unread_text();
        let is_limit = text.contains("within a minute") && !text.lines().any(|line| line.starts_with("op "));
        if !text.contains("cannot be written right now") && !is_limit {
            self.recorded.fetch_add(1, Ordering::SeqCst);
        }
        reply
    }

    pub(crate) fn new(late: SocketAddr, prefix: &str, clock: StoryClock) -> Self {
        Self {
            http: Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap(),
            bot: Mutex::new(late),
            late,
            signing_secret: secret("signing"),
            token: secret("token").expose_secret().to_owned(),
            hook: secret("hook").expose_secret().to_owned(),
            command: CommandName::slash(prefix).0,
            clock,
            deliveries: AtomicU64::default(),
            recorded: AtomicUsize::default(),
            unread: Mutex::default(),
            said: Mutex::default(),
        }
    }

    /// A reply that somebody has to read before the story ends.
    pub(crate) fn takes_note_of(&self, reply: &Reply) {
        self.said.lock().unwrap().push_str(&reply.json.to_string());
        self.unread.lock().unwrap().push((reply.unread_text().to_owned(), Arc::clone(&reply.read)));
    }
}

/// A message as Slack shows it.
pub(crate) fn reply(json: Value, key: &str) -> Reply {
    let text = visible(&json);
    check_form(&json, &text);
    let in_channel = json["response_type"] == "in_channel";
    let buttons = buttons(&json);
    Reply::of(text, json, key, in_channel).with_buttons(buttons)
}

/// The blocks as a person reads them, with code in backticks.
pub(crate) fn visible(message: &Value) -> String {
    let mut text = String::new();
    for block in message["blocks"].as_array().unwrap() {
        match block["type"].as_str().unwrap() {
            "rich_text" => {
                for section in block["elements"].as_array().unwrap() {
                    for element in section["elements"].as_array().unwrap() {
                        text.push_str(&shown(element));
                    }
                }
            }
            "context" => {
                let words = block["elements"][0]["text"].as_str().unwrap();
                text.push('\n');
                text.push_str(words);
            }
            // What can be pressed says nothing that the words do not say: see `Reply::labels`.
            "actions" => {}
            other => panic!("a block of another kind: {other}"),
        }
    }
    text
}

/// The buttons under a message. Limits: docs.slack.dev/reference/block-kit, "Actions" and "Button".
fn buttons(message: &Value) -> Vec<Button> {
    let blocks = message["blocks"].as_array().unwrap();
    assert!(blocks.len() <= 50, "a message has 50 blocks at most");
    let mut buttons = Vec::new();
    for row in blocks.iter().filter(|block| block["type"] == "actions") {
        let elements = row["elements"].as_array().unwrap();
        assert!((1..=25).contains(&elements.len()), "{row}");
        let mut names: Vec<&str> = elements.iter().map(|it| it["action_id"].as_str().unwrap()).collect();
        assert!(names.iter().all(|name| (1..=255).contains(&name.len())), "{row}");
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), elements.len(), "an action_id is that of one element: {row}");
        for element in elements {
            assert_eq!(
                (&element["type"], &element["text"]["type"]),
                (&"button".into(), &"plain_text".into())
            );
            let label = element["text"]["text"].as_str().unwrap().to_owned();
            assert!((1..=75).contains(&label.encode_utf16().count()) && !label.ends_with('…'), "{label}");
            let value = element["value"].as_str().unwrap();
            assert!((1..=2_000).contains(&value.len()), "{value}");
            buttons.push(Button { label, name: element["value"].clone() });
        }
    }
    buttons
}

fn shown(element: &Value) -> String {
    let words = |name: &str| element[name].as_str().unwrap();
    match words("type") {
        "text" if element["style"]["code"] == true => format!("`{}`", words("text")),
        "text" => words("text").to_owned(),
        "date" => {
            let at = jiff::Timestamp::from_second(element["timestamp"].as_i64().unwrap()).unwrap();
            assert_eq!(words("fallback"), at.strftime("%Y-%m-%d %H:%M UTC").to_string());
            words("fallback").to_owned()
        }
        "link" => words("url").to_owned(),
        "user" => by_name(&format!("slack:{TEAM}:{}", words("user_id"))),
        "usergroup" => by_name(&format!("slack:{TEAM}:group:{}", words("usergroup_id"))),
        "channel" => by_name(&format!("slack:{TEAM}:{}", words("channel_id"))),
        other => panic!("an element of another kind: {other}"),
    }
}

/// How Slack shows whom and what it knows.
pub(crate) const NAMES: [(&str, &str); 7] = [
    ("U0ALICE", "@alice"),
    ("U0BORIS", "@boris"),
    ("U0RITA", "@rita"),
    ("U0ADAM", "@adam"),
    ("U0OTTO", "@otto"),
    ("C0MODS", "#mods"),
    ("C0RANDOM", "#random"),
];

/// Ids as names.
fn by_name(text: &str) -> String {
    NAMES.iter().fold(text.to_owned(), |text, (id, name)| text.replace(&format!("slack:{TEAM}:{id}"), name))
}

/// Names as the client sends them when they are chosen from its list.
fn with_mentions(text: &str) -> String {
    let mention = |word: &str| {
        let bare = word.trim_end_matches(',');
        match NAMES.iter().find(|(_, name)| *name == bare) {
            Some((id, name)) => format!("<{}{id}|{}>{}", &name[..1], &name[1..], &word[bare.len()..]),
            None => word.to_owned(),
        }
    };
    text.split(' ').map(mention).collect::<Vec<_>>().join(" ")
}

/// No message is parsed for mentions or markup, and a notification says what the blocks say.
fn check_form(json: &Value, text: &str) {
    assert_eq!(json["parse"], "none", "{json}");
    assert_eq!(json["mrkdwn"], false, "{json}");
    assert_eq!(json["link_names"], false, "{json}");
    let fallback = json["text"].as_str().unwrap();
    assert!(!fallback.contains(['<', '>']), "{fallback}");
    let plain = |text: &str| text.replace(['`', '\u{2060}'], "");
    let fallback = fallback.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    assert_eq!(
        by_name(&plain(&fallback)),
        by_name(&plain(text)),
        "the notification differs from the message"
    );
}
