//! A service that echoes our secrets, in every field that it has: nobody reads, logs or records one of them.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use room_owner::app::ports::Clock as _;
use room_owner::merkle::SigningKey;
use room_owner::tencent::callbacks;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use tokio::net::TcpListener;

use super::crash::served;
use super::program::{PATIENCE, Program, Ran};
use super::slack::ALICE;
use super::world::{SDK_APP_ID, secret};

const REDACTED: &str = "[redacted]";

/// Where the service puts what it echoes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Field {
    ErrorInfo,
    ActionStatus,
    RequestId,
    /// Of an answer that is no refusal.
    RequestIdOfSuccess,
    Owner,
    /// Where a number or an object should be: the reader of JSON quotes what it did not expect.
    OfAnotherKind,
    /// A page in the place of an answer.
    Page(u16),
}

/// How it echoes.
#[derive(Debug, Clone, Copy)]
enum Form {
    Plain,
    Upper,
    Url,
    Base64,
}

/// Tencent, Slack and Discord in one, none of which can keep anything for itself.
#[derive(Clone)]
struct Parrot(Arc<Mutex<Inner>>);

struct Inner {
    field: Field,
    form: Form,
    /// It answers what is not about this as it should.
    about: &'static str,
    secrets: BTreeSet<String>,
    /// Of every process that asked.
    user_sigs: BTreeSet<String>,
}

impl Parrot {
    async fn knowing(secrets: &[&str]) -> (Self, SocketAddr) {
        let secrets = secrets.iter().map(|secret| (*secret).to_owned()).collect();
        let user_sigs = BTreeSet::new();
        let inner = Inner { field: Field::OfAnotherKind, form: Form::Plain, about: "", secrets, user_sigs };
        let parrot = Self(Arc::new(Mutex::new(inner)));
        let answering = parrot.clone();
        let router = Router::new().fallback(move |uri: Uri, _: Bytes| async move { answering.answer(&uri) });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(axum::serve(listener, router).into_future());
        (parrot, address)
    }

    fn echoes(&self, about: &'static str, field: Field, form: Form) {
        let mut inner = self.0.lock().unwrap();
        (inner.about, inner.field, inner.form) = (about, field, form);
    }

    fn answer(&self, uri: &Uri) -> Response {
        let mut inner = self.0.lock().unwrap();
        let mut secrets = inner.secrets.clone();
        for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            if name == "usersig" {
                secrets.insert(value.clone().into_owned());
                inner.user_sigs.insert(value.into_owned());
            }
        }
        let echo = |secret: &String| match inner.form {
            Form::Plain => secret.clone(),
            Form::Upper => secret.to_uppercase(),
            Form::Url => form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
            Form::Base64 => BASE64_STANDARD.encode(format!("Bot {secret}")),
        };
        let echo = secrets.iter().map(echo).collect::<Vec<_>>().join(" ");
        let path = uri.path();
        if path.starts_with("/v4/") {
            return of_tencent(inner.field, &echo, path.contains(inner.about));
        }
        match (inner.field, path.starts_with("/api/v10/")) {
            (Field::Page(status), _) => page(status, echo),
            (Field::OfAnotherKind, true) => {
                Json(json!({ "url": "ws://127.0.0.1:9", "session_start_limit": echo, "id": echo }))
                    .into_response()
            }
            (Field::OfAnotherKind, false) => Json(json!({ "ok": echo })).into_response(),
            (Field::Owner, false) => Json(json!({ "ok": true, "team_id": echo })).into_response(),
            (_, true) => {
                (StatusCode::BAD_REQUEST, Json(json!({ "code": 50_035, "message": echo }))).into_response()
            }
            (_, false) => Json(json!({ "ok": false, "error": echo })).into_response(),
        }
    }
}

fn page(status: u16, text: String) -> Response {
    (StatusCode::from_u16(status).unwrap(), text).into_response()
}

fn of_tencent(field: Field, echo: &str, is_about: bool) -> Response {
    let mut answer = json!({ "ActionStatus": "OK", "ErrorCode": 0, "ErrorInfo": "", "RequestId": "r" });
    answer["Response"] = json!({ "RoomInfo": { "RoomId": "test", "Owner_Account": "carol" } });
    let mut refused = |name: &str| {
        answer["ErrorCode"] = json!(60_006);
        answer[name] = json!(echo);
    };
    match field {
        _ if !is_about => {}
        Field::ErrorInfo => refused("ErrorInfo"),
        Field::ActionStatus => refused("ActionStatus"),
        Field::RequestId => refused("RequestId"),
        Field::RequestIdOfSuccess => answer["RequestId"] = json!(echo),
        Field::Owner => answer["Response"]["RoomInfo"]["Owner_Account"] = json!(echo),
        Field::OfAnotherKind => answer["ErrorCode"] = json!(echo),
        Field::Page(status) => return page(status, echo.to_owned()),
    }
    Json(answer).into_response()
}

/// The program, all of whose services are the parrot; and what was read from it.
struct Overheard {
    program: Program,
    parrot: Parrot,
    read: Vec<(String, String)>,
}

impl Overheard {
    async fn start() -> Self {
        let mut program = Program::new().await;
        let [callbacks, slack, discord, former] = ["callbacks", "xoxb", "discord", "former"].map(secret);
        let signing = format!("{},{}", program.setting("SLACK_SIGNING_SECRET"), former.expose_secret());
        let key = program.setting("TENCENT_SECRET_KEY");
        let secrets = [&callbacks, &slack, &discord, &former].map(|secret| secret.expose_secret());
        let own = program.workspace.signing_secret.expose_secret().to_owned();
        let (parrot, address) = Parrot::knowing(&[&secrets[..], &[&key, &own]].concat()).await;
        for (name, value) in [
            ("TENCENT_API_BASE_URL", &*format!("http://{address}")),
            ("TENCENT_CALLBACK_TOKEN", callbacks.expose_secret()),
            ("SLACK_SIGNING_SECRET", &signing),
            ("SLACK_BOT_TOKEN", slack.expose_secret()),
            ("SLACK_API_BASE_URL", &format!("http://{address}/api")),
            ("DISCORD_BOT_TOKEN", discord.expose_secret()),
            ("DISCORD_API_BASE_URL", &format!("http://{address}/api/v10")),
            ("RUST_LOG", "debug"),
        ] {
            program.set(name, value);
        }
        // `Program::runs` makes a space of each plus.
        let of_key = |key: &SecretString| key.expose_secret().splitn(5, '+').last().unwrap().to_owned();
        let mut keys = std::iter::repeat_with(SigningKey::generate);
        let key = keys.find(|key| !of_key(key).contains('+')).unwrap();
        let file = program.path("room-owner.db.key");
        std::fs::write(&file, key.expose_secret()).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        parrot.0.lock().unwrap().secrets.insert(of_key(&key));
        let granted = program.runs("acl grant slack:T0TEAM:group:S0HOSTS moderator").await;
        assert_eq!(granted.code, 0, "{}", granted.err);
        Self { program, parrot, read: Vec::new() }
    }

    fn secrets(&self) -> Vec<String> {
        self.parrot.0.lock().unwrap().secrets.iter().cloned().collect()
    }

    fn reads(&mut self, what: impl Into<String>, text: impl Into<String>) {
        self.read.push((what.into(), text.into()));
    }

    async fn runs(&mut self, words: &str) -> Ran {
        let ran = self.program.runs(words).await;
        self.reads(words, format!("{}{}", ran.out, ran.err));
        ran
    }

    async fn asks(&mut self, line: &str) -> String {
        let reply = self.program.slack(ALICE).says(line).await;
        let text = reply.to_string();
        self.reads(line, format!("{text}{}", reply.unread_text()));
        text
    }

    /// Tencent tells of a change of owner that is all about secrets.
    async fn is_told(&self, secret: &str, event_time: i64) {
        let now = self.program.workspace.clock.now().as_second().to_string();
        let token = SecretString::from(self.program.setting("TENCENT_CALLBACK_TOKEN"));
        let sign = callbacks::sign(&token, &now);
        let mut body = json!({ "CallbackCommand": callbacks::CHANGE_OF_OWNER, "EventTime": event_time });
        for field in ["RoomId", "Operator_Account", "CurrentOwner_Account", "OriginalOwner_Account"] {
            body[field] = json!(secret);
        }
        let address = *self.program.workspace.bot.lock().unwrap();
        for (more, status) in [("", 200), (&*format!("&{secret}=1&{secret}=2"), 400)] {
            let url = format!(
                "http://{address}/tencent/callbacks?SdkAppid={SDK_APP_ID}&RequestTime={now}&Sign={sign}{more}"
            );
            let said = self.program.workspace.http.post(url).body(body.to_string()).send().await.unwrap();
            assert_eq!(said.status().as_u16(), status);
        }
    }

    /// Neither what was read nor what is left holds a secret, however it is written.
    fn ends(mut self) {
        for name in ["", "-wal", ".checkpoint", ".checkpoint.before"] {
            let bytes = std::fs::read(self.program.path(&format!("room-owner.db{name}"))).unwrap_or_default();
            self.reads(format!("the database{name}"), String::from_utf8_lossy(&bytes));
        }
        let mut secrets = self.secrets();
        secrets.extend(self.parrot.0.lock().unwrap().user_sigs.iter().cloned());
        assert!(secrets.iter().any(|secret| secret.starts_with("eJ")), "there was a UserSig: {secrets:?}");
        for (what, text) in &self.read {
            let lower = text.to_lowercase();
            for secret in &secrets {
                let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
                let base64 = BASE64_STANDARD.encode(format!("Bot {secret}"));
                assert!(!lower.contains(&secret.to_lowercase()), "{what} has {secret}: {text}");
                assert!(!text.contains(&encoded) && !text.contains(&base64), "{what} has {secret}: {text}");
            }
        }
        let database = &self.read.iter().find(|(what, _)| what == "the database").unwrap().1;
        let wal = &self.read.iter().find(|(what, _)| what == "the database-wal").unwrap().1;
        assert!(database.contains(REDACTED) || wal.contains(REDACTED), "what was echoed is on record");
    }
}

#[tokio::test]
async fn no_secret_that_a_service_echoes_is_read_logged_or_recorded() {
    let mut overheard = Overheard::start().await;
    let serving = served(&overheard.program).await;
    // What Discord's entrance and Slack's Web API answer at the start is quoted by the reader of JSON.
    for what in ["discord does not say where its gateway is", "slack's user groups cannot be read"] {
        let line = serving.has_logged(what).await;
        assert!(line.contains(REDACTED), "{line}");
    }
    for field in [
        Field::ErrorInfo,
        Field::ActionStatus,
        Field::RequestId,
        Field::RequestIdOfSuccess,
        Field::Owner,
        Field::OfAnotherKind,
        Field::Page(200),
        Field::Page(500),
    ] {
        overheard.parrot.echoes("", field, Form::Plain);
        let shown = overheard.asks("/room-owner test").await;
        let is_shown = !matches!(field, Field::ActionStatus | Field::RequestIdOfSuccess | Field::Page(_));
        assert_eq!(shown.contains(REDACTED), is_shown, "{field:?}: {shown}");
        let ran = overheard.runs("owner test").await;
        assert_eq!(format!("{}{}", ran.out, ran.err).contains(REDACTED), is_shown, "{field:?}: {}", ran.err);
        overheard.runs("tencent callbacks show").await;
        overheard.runs("discord register").await;
    }
    for form in [Form::Upper, Form::Url, Form::Base64] {
        overheard.parrot.echoes("change_room_owner", Field::ErrorInfo, form);
        let refused = overheard.asks("/room-owner test user2").await;
        assert!(refused.contains(REDACTED), "{form:?}: {refused}");
    }
    overheard.parrot.echoes("change_room_owner", Field::RequestId, Form::Plain);
    let refused = overheard.asks("/room-owner test user2").await;
    assert!(refused.contains("RequestId [redacted]"), "{refused}");
    // What people and callbacks write, too.
    for (secret, at) in overheard.secrets().into_iter().zip(1..) {
        overheard.asks(&format!("/room-owner {secret}")).await;
        overheard.asks(&format!("/room-owner test {secret}")).await;
        overheard.asks(&format!("/room-owner test user2 that is {secret}")).await;
        overheard.is_told(&secret, 1_703_589_922_780 + at).await;
        let ran = overheard.runs(&format!("transfer test user2 --reason {secret}")).await;
        assert_eq!(ran.code, 2);
        let refused =
            "error: the command holds one of the bot's own secrets, and it would be recorded: leave it out";
        assert_eq!(ran.err.trim_end(), refused);
    }
    let observed = format!("room_owner_callbacks_total{{end=\"observed\"}} {}\n", overheard.secrets().len());
    let asking = async { while !overheard.program.page("/metrics").await.1.contains(&observed) {} };
    tokio::time::timeout(PATIENCE, asking).await.expect("the callbacks are not worked on");
    overheard.reads("the log", serving.log());
    let (_, metrics) = overheard.program.page("/metrics").await;
    overheard.reads("the metrics", metrics);
    let (_, readiness) = overheard.program.page("/readyz").await;
    overheard.reads("readiness", readiness);
    serving.ends_when_asked().await;
    overheard.ends();
}
