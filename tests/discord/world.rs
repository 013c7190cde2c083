//! The world of a test: Tencent with its rooms, the bot on a database of its own, and people in a guild.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use ed25519_dalek::{Signer as _, SigningKey};
use jiff::Timestamp;
use reqwest::{StatusCode, Url};
use room_owner::app::ports::{AclChange, Clock, NewGrant, Store as _};
use room_owner::app::service::Timing;
use room_owner::bot::{self, Bot, Doors};
use room_owner::discord::{Patience, Settings};
use room_owner::domain::access::{Effect, Role, Setting};
use room_owner::domain::audit::{AuditEntry, AuditFilter};
use room_owner::domain::principal::Principal;
use room_owner::domain::room::Accounts;
use room_owner::domain::wording::CommandName;
use room_owner::slack;
use room_owner::store::SqliteStore;
use room_owner::tencent;
use room_owner::tencent::simulator::{self, Api, Fault, FaultKind, Simulator};
use secrecy::SecretString;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::fakes::acl::edit_locally;
use super::fakes::discord::{Discord, Interaction, TOKEN};
use super::fakes::interaction::{self, TOKENS};
pub(crate) use super::fakes::interaction::{APPLICATION, GUILD, read_message};
use super::logs;

pub(crate) const MODS: &str = "500";
pub(crate) const ALICE: &str = "901";
pub(crate) const OTTO: &str = "902";

/// When tests begin.
const NOON: i64 = 1_795_435_200;

/// A clock that stands still; who sleeps by it moves it on instead of waiting.
#[derive(Clone, Default)]
pub(crate) struct TestClock(Arc<AtomicI64>);

/// The bot's pause between two looks at unresolved operations: longer than any test.
const NEVER: Duration = Duration::from_secs(999_999);

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(NOON * 1_000 + self.0.load(Ordering::SeqCst)).unwrap()
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst).unsigned_abs())
    }

    async fn sleep(&self, duration: Duration) {
        if duration == NEVER {
            std::future::pending::<()>().await;
        }
        self.0.fetch_add(i64::try_from(duration.as_millis()).unwrap(), Ordering::SeqCst);
        tokio::task::yield_now().await;
    }
}

/// A running world: Carol owns `test`, Alice is a moderator of every room, #mods is authorised.
pub(crate) struct World {
    pub(crate) discord: Discord,
    pub(crate) tencent: Simulator,
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) clock: TestClock,
    pub(crate) http: reqwest::Client,
    pub(crate) bot: String,
    key: SigningKey,
    end: oneshot::Sender<()>,
    served: JoinHandle<anyhow::Result<()>>,
    folder: TempDir,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::at(Discord::start().await, None, change).await
    }

    /// Without a public key.
    pub(crate) async fn over_the_gateway_of(discord: Discord) -> Self {
        Self::at(discord, None, |settings| settings.public_key = None).await
    }

    /// The same, and Slack is served too.
    pub(crate) async fn over_the_gateway_beside_slack(discord: Discord) -> Self {
        let slack = slack::Settings {
            socket: None,
            signing_secrets: vec![SecretString::from("the-signing-secret")],
            app_id: None,
            team_ids: Vec::new(),
            command: CommandName::slash(""),
            private_replies: false,
            response_url_hosts: Vec::new(),
            groups: None,
        };
        Self::at(discord, Some(slack), |settings| settings.public_key = None).await
    }

    async fn at(
        discord: Discord,
        slack: Option<slack::Settings>,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        bot::install_cryptography();
        logs::keep();
        let clock = TestClock::default();
        let account = simulator::Settings::new(1_400_000_000, "administrator", SecretString::from("key"));
        let tencent = Simulator::with_clock(account, {
            let clock = clock.clone();
            Arc::new(move || clock.now())
        });
        tencent.put_room("test", "carol");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let simulated = tencent.clone();
        tokio::spawn(async move { simulated.run(listener, std::future::pending()).await.unwrap() });

        let key = SigningKey::from_bytes(&rand::random());
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("room-owner.db").display());
        let account = tencent::Settings {
            base_url,
            sdk_app_id: 1_400_000_000,
            admin_user_id: "administrator".to_owned(),
            secret_key: SecretString::from("key"),
            rate_limit: 200,
            callback_token: None,
            accounts: Accounts::default(),
        };
        let timing = Timing { recover_again: NEVER, ..Timing::default() };
        let bot = Bot::build(&url, account, clock.clone(), timing).await.unwrap();
        let store = Arc::clone(&bot.store);
        let mut settings = settings_for(&discord);
        settings.public_key = Some(hex::encode(key.verifying_key().as_bytes()).parse().unwrap());
        change(&mut settings);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/discord/interactions", listener.local_addr().unwrap());
        let (end, ends) = oneshot::channel();
        let doors = Doors { slack, discord: Some(settings) };
        let served = tokio::spawn(bot.serve(listener, doors, Router::new(), async { drop(ends.await) }));
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let world = Self { discord, tencent, store, clock, http, bot: address, key, end, served, folder };
        world.allow(MODS).await;
        world.grant(&format!("discord:{GUILD}:{ALICE}"), "moderator", "*").await;
        world
    }

    pub(crate) async fn allow(&self, channel: &str) {
        let channel = format!("discord:{GUILD}:{channel}").parse().unwrap();
        self.edit(AclChange::AllowChannel { channel, rooms: "*".parse().unwrap() }).await;
    }

    pub(crate) async fn grant(&self, subject: &str, role: &str, rooms: &str) {
        self.edit(AclChange::Grant(NewGrant {
            subject: subject.parse().unwrap(),
            role: role.parse::<Role>().unwrap(),
            effect: Effect::Permit,
            rooms: rooms.parse().unwrap(),
            channels: Vec::new(),
            expires_at: None,
        }))
        .await;
    }

    /// Says which account somebody has.
    pub(crate) async fn link(&self, user: &str, account: &str) {
        let person = format!("discord:{GUILD}:{user}").parse().unwrap();
        self.edit(AclChange::Set(Setting::Link { person, account: account.parse().unwrap() })).await;
    }

    async fn edit(&self, change: AclChange) {
        let by = Principal::new("cli:ana".parse().unwrap());
        edit_locally(&*self.store, &self.clock, by, "acl".to_owned(), change, None).await.unwrap();
    }

    /// The headers of a signed body.
    pub(crate) fn signed(&self, timestamp: &str, body: &[u8]) -> [(&'static str, String); 2] {
        let signature = self.key.sign(&[timestamp.as_bytes(), body].concat());
        [
            ("x-signature-timestamp", timestamp.to_owned()),
            ("x-signature-ed25519", hex::encode(signature.to_bytes())),
        ]
    }

    /// Sends a body as Discord does.
    pub(crate) async fn deliver(&self, body: &str) -> StatusCode {
        let timestamp = self.clock.now().as_second().to_string();
        let mut request = self.http.post(&self.bot).body(body.to_owned());
        for (name, value) in self.signed(&timestamp, body.as_bytes()) {
            request = request.header(name, value);
        }
        request.send().await.unwrap().status()
    }

    /// The status and text of one of the bot's own pages.
    pub(crate) async fn page(&self, path: &str) -> (u16, String) {
        let url = Url::parse(&self.bot).unwrap().join(path).unwrap();
        let response = self.http.get(url).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// Sends an interaction, whose token is good from then on.
    pub(crate) async fn send(&self, interaction: &Value) -> StatusCode {
        self.discord.knows(interaction);
        self.deliver(&interaction.to_string()).await
    }

    /// Uses the command and waits for what a person reads in the end.
    pub(crate) async fn says(&self, interaction: &Value) -> String {
        assert_eq!(self.send(interaction).await, StatusCode::ACCEPTED);
        read(&self.answered(interaction).await)
    }

    /// Waits for the last answer.
    pub(crate) async fn answered(&self, interaction: &Value) -> Interaction {
        self.discord.answered(token(interaction)).await
    }

    /// Ends the bot, which ends everything under way, and checks what must always hold.
    pub(crate) async fn end(self) -> Ended {
        self.end.send(()).unwrap();
        let served = tokio::time::timeout(Duration::from_secs(40), self.served);
        served.await.expect("the bot does not end").unwrap().unwrap();
        assert_eq!(self.discord.problems(), Vec::<String>::new());
        for secret in [TOKENS, TOKEN, &hex::encode(self.key.to_bytes())] {
            assert!(!logs::so_far().contains(secret), "the log lines hold {secret}");
            for end in ["", "-wal"] {
                let file = format!("{}{end}", self.folder.path().join("room-owner.db").display());
                let bytes = std::fs::read(file).unwrap_or_default();
                assert!(!String::from_utf8_lossy(&bytes).contains(secret), "the database holds {secret}");
            }
        }
        let audit = self.store.audit(&AuditFilter::default()).await.unwrap();
        let audit: Vec<_> = audit.into_iter().filter(|entry| entry.command != "acl").rev().collect();
        assert!(audit.iter().all(|entry| entry.outcome.name() != "pending"), "{audit:#?}");
        let calls = self.tencent.calls().len();
        let changes = self.tencent.owner_changes().len();
        let mut notes = Vec::new();
        for entry in &audit {
            let noted = self.store.reply_notes(entry.operation).await.unwrap();
            notes.extend(noted.into_iter().map(|(_, note)| (note.how.name(), note.why)));
        }
        Ended { audit, calls, changes, notes }
    }

    /// How replies went that did not go as usual, and why, once there are so many notes about them.
    pub(crate) async fn notes(&self, count: usize) -> Vec<(&'static str, String)> {
        let asking = async {
            loop {
                let mut notes = Vec::new();
                for entry in self.store.audit(&AuditFilter::default()).await.unwrap() {
                    let noted = self.store.reply_notes(entry.operation).await.unwrap();
                    notes.extend(noted.into_iter().map(|(_, note)| (note.how.name(), note.why)));
                }
                if notes.len() == count {
                    return notes;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), asking).await.expect("replies went another way")
    }

    pub(crate) fn next_change(&self, kind: FaultKind) {
        self.tencent.inject(Fault::new(kind).on(Api::ChangeRoomOwner).once());
    }

    /// Asks the log until its newest entry has this outcome.
    pub(crate) async fn until_something_was(&self, outcome: &str) {
        let asking = async {
            while self.store.audit(&AuditFilter::default()).await.unwrap()[0].outcome.name() != outcome {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), asking).await.expect("nothing came to that end");
    }

    pub(crate) fn owner_of(&self, room: &str) -> String {
        self.tencent.owner_of(room).unwrap()
    }
}

/// What is left when the bot has ended.
pub(crate) struct Ended {
    /// The log without the edits of the ACL, oldest first.
    pub(crate) audit: Vec<AuditEntry>,
    /// Calls that Tencent got.
    pub(crate) calls: usize,
    /// Changes of an owner.
    pub(crate) changes: usize,
    /// How replies went that did not go as usual, and why.
    pub(crate) notes: Vec<(&'static str, String)>,
}

impl Ended {
    pub(crate) fn outcomes(&self) -> Vec<&'static str> {
        self.audit.iter().map(|entry| entry.outcome.name()).collect()
    }
}

pub(crate) fn settings_for(discord: &Discord) -> Settings {
    Settings {
        public_key: None,
        bot_token: Some(SecretString::from(TOKEN)),
        application_id: Some(APPLICATION.to_owned()),
        api_base_url: Url::parse(&discord.base).unwrap(),
        command: CommandName::slash(""),
        private_replies: false,
        patience: Patience::default(),
    }
}

pub(crate) fn token(interaction: &Value) -> &str {
    interaction["token"].as_str().unwrap_or_default()
}

/// `/room-owner` as a member uses it in #mods, with everything that Discord sends along.
pub(crate) fn command(user: &str, options: &[(&str, &str)]) -> Value {
    let name = if user == ALICE { "alice" } else { "otto" };
    interaction::command("room-owner", (user, name), MODS, options)
}

pub(crate) fn transfer(user: &str) -> Value {
    command(user, &[("room", "test"), ("new_owner", "user2")])
}

/// What a person reads.
pub(crate) fn read(interaction: &Interaction) -> String {
    let callback = interaction.callback.as_ref().unwrap();
    let message = interaction.edited.as_ref().unwrap_or(&callback["data"]);
    let audience = if callback["data"]["flags"] == 64 { "only you" } else { "everybody" };
    format!("({audience})\n{}", read_message(message))
}
