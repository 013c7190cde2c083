//! The world of a story: Tencent with its rooms, the bot on a database of its own, and people in chat.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use reqwest::Url;
use room_owner::app::limits::Limits;
use room_owner::app::ports::{AclChange, NewGrant, Store as _};
use room_owner::app::service::{ServiceConfig, Timing};
use room_owner::bot::{self, Bot, Doors};
use room_owner::domain::access::{Effect, Mark, Role, Setting};
use room_owner::domain::audit::{AuditEntry, AuditFilter, OutcomeKind};
use room_owner::domain::principal::Principal;
use room_owner::domain::room::Accounts;
use room_owner::domain::wording::CommandName;
use room_owner::slack::{Lookup, Settings, socket};
use room_owner::store::SqliteStore;
use room_owner::tencent;
use room_owner::tencent::simulator::{self, Api, Call, Fault, FaultKind, Simulator};
use secrecy::{ExposeSecret as _, SecretString};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::clock::{NOON, StoryClock, UNTIL_TOLD};
use super::doors::{Chat, Door, change_at_discord};
use super::fakes::acl::edit_locally;
use super::fakes::socket::{Fake, TOKEN};
use super::guild::Guild;
use super::late::Late;
use super::reply::{Press, Reply};
use super::slack::{self, ALICE, MODS, Person, RITA, Slack, TEAM, Workspace};
use super::{closing, logs};

pub(crate) const SDK_APP_ID: u32 = 1_400_000_000;
pub(crate) const ADMIN: &str = "administrator";

/// What is there before the story begins.
pub(crate) struct World {
    door: Door,
    rooms: Vec<(String, String)>,
    acl: Vec<(String, AclChange)>,
    app_id: Option<String>,
    team_ids: Vec<String>,
    private: bool,
    prefix: String,
    ticking: bool,
    tencent: simulator::Settings,
    tencent_is_down: bool,
    tencent_ahead: Option<i64>,
    rate_limit: u32,
    limits: Limits,
    confirm_new_accounts: bool,
    groups: Option<Lookup>,
    callback_token: Option<SecretString>,
    accounts: Accounts,
    /// Whether there is a console, and the address that is said to lead to it, if another than the bot's own.
    console: (bool, Option<&'static str>),
    /// Commands come over Socket Mode, from a Slack with this address.
    socket: Option<(socket::Timing, String)>,
    pub(crate) most_calls: usize,
}

impl World {
    /// No rooms, and nobody may do anything anywhere.
    pub(crate) fn empty() -> Self {
        Self {
            door: Door::Slack,
            rooms: Vec::new(),
            acl: Vec::new(),
            app_id: None,
            team_ids: Vec::new(),
            private: false,
            prefix: String::new(),
            ticking: false,
            tencent: simulator::Settings::new(SDK_APP_ID, ADMIN, secret("key")),
            tencent_is_down: false,
            tencent_ahead: None,
            rate_limit: 200,
            // The clock of most stories stands still: everything happens within one minute.
            limits: Limits { per_person: None, per_room: None, ..Limits::default() },
            confirm_new_accounts: false,
            groups: None,
            callback_token: None,
            accounts: Accounts::default(),
            console: (false, None),
            socket: None,
            most_calls: 3,
        }
    }

    /// Carol owns `test`; Alice is a moderator of every room, Rita an auditor; #mods is authorised.
    pub(crate) fn usual() -> Self {
        Self::empty()
            .room("test", "carol")
            .channel(MODS, "*")
            .grant(ALICE, "moderator", "*")
            .grant(RITA, "auditor", "*")
    }

    /// The story runs at this door.
    pub(crate) fn at(mut self, door: Door) -> Self {
        self.door = door;
        self
    }

    pub(crate) fn room(mut self, id: &str, owner: &str) -> Self {
        self.rooms.push((id.to_owned(), owner.to_owned()));
        self
    }

    pub(crate) fn channel(mut self, channel: &str, rooms: &str) -> Self {
        let channel = format!("slack:{TEAM}:{channel}").parse().unwrap();
        let change = AclChange::AllowChannel { channel, rooms: rooms.parse().unwrap() };
        self.acl.push(("acl channel allow".to_owned(), change));
        self
    }

    /// Somebody has this account.
    pub(crate) fn linked(mut self, person: Person, account: &str) -> Self {
        let person = person.subject().parse().unwrap();
        let change = AclChange::Set(Setting::Link { person, account: account.parse().unwrap() });
        self.acl.push(("acl link".to_owned(), change));
        self
    }

    /// Rooms are marked.
    pub(crate) fn marked(mut self, rooms: &str, mark: Mark) -> Self {
        let change = AclChange::Set(Setting::Mark { rooms: rooms.parse().unwrap(), mark });
        self.acl.push(("acl room".to_owned(), change));
        self
    }

    /// What happens to the rooms is announced in the channel.
    pub(crate) fn announces(mut self, channel: &str, rooms: &str) -> Self {
        let channel = format!("slack:{TEAM}:{channel}").parse().unwrap();
        let change = AclChange::Announce { channel, rooms: rooms.parse().unwrap(), for_admins: false };
        self.acl.push(("acl announce here".to_owned(), change));
        self
    }

    /// The same, and admins read it.
    pub(crate) fn announces_to_admins(mut self, channel: &str, rooms: &str) -> Self {
        let channel = format!("slack:{TEAM}:{channel}").parse().unwrap();
        let change = AclChange::Announce { channel, rooms: rooms.parse().unwrap(), for_admins: true };
        self.acl.push(("acl announce here".to_owned(), change));
        self
    }

    pub(crate) fn grant(self, person: Person, role: &str, rooms: &str) -> Self {
        self.grant_but(person, role, rooms, |_| {})
    }

    pub(crate) fn grant_but(
        mut self,
        person: Person,
        role: &str,
        rooms: &str,
        but: impl FnOnce(&mut NewGrant),
    ) -> Self {
        let mut grant = NewGrant {
            subject: person.subject().parse().unwrap(),
            role: role.parse::<Role>().unwrap(),
            effect: Effect::Permit,
            rooms: rooms.parse().unwrap(),
            channels: Vec::new(),
            expires_at: None,
        };
        but(&mut grant);
        self.acl.push(("acl grant".to_owned(), AclChange::Grant(grant)));
        self
    }

    /// A hand-over of these rooms takes more.
    pub(crate) fn mark(mut self, rooms: &str, mark: &str) -> Self {
        let (rooms, mark) = (rooms.parse().unwrap(), mark.parse().unwrap());
        self.acl.push(("acl room".to_owned(), AclChange::Set(Setting::Mark { rooms, mark })));
        self
    }

    /// This person has this account.
    pub(crate) fn link(mut self, person: Person, account: &str) -> Self {
        let (person, account) = (person.subject().parse().unwrap(), account.parse().unwrap());
        self.acl.push(("acl link".to_owned(), AclChange::Set(Setting::Link { person, account })));
        self
    }

    /// New accounts have to be confirmed.
    pub(crate) fn confirming_new_accounts(mut self) -> Self {
        self.confirm_new_accounts = true;
        self
    }

    /// The bot takes on so much.
    pub(crate) fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The bot serves this app only.
    pub(crate) fn for_app(mut self, app: &str) -> Self {
        self.app_id = Some(app.to_owned());
        self
    }

    /// The bot serves this workspace only.
    pub(crate) fn for_team(mut self, team: &str) -> Self {
        self.team_ids.push(team.to_owned());
        self
    }

    /// Every reply is for the caller alone.
    pub(crate) fn private(mut self) -> Self {
        self.private = true;
        self
    }

    pub(crate) fn prefix(mut self, prefix: &str) -> Self {
        prefix.clone_into(&mut self.prefix);
        self
    }

    /// Time goes on by itself, and a sleep takes its time.
    pub(crate) fn ticking(mut self) -> Self {
        self.ticking = true;
        self
    }

    pub(crate) fn tencent(mut self, change: impl FnOnce(&mut simulator::Settings)) -> Self {
        change(&mut self.tencent);
        self
    }

    /// The bot looks up user groups, if it can.
    pub(crate) fn looking_up_groups(mut self, lookup: Option<Lookup>) -> Self {
        self.groups = lookup;
        self
    }

    /// The bot believes callbacks that are signed with this.
    pub(crate) fn callback_token(mut self, token: SecretString) -> Self {
        self.callback_token = Some(token);
        self
    }

    /// The bot hands rooms to accounts of every kind.
    pub(crate) fn with_any_account(mut self) -> Self {
        self.accounts = Accounts::Any;
        self
    }

    /// The bot serves its console.
    pub(crate) fn with_console(mut self) -> Self {
        self.console.0 = true;
        self
    }

    /// The bot serves its console behind a proxy with this address.
    pub(crate) fn with_console_at(mut self, origin: &'static str) -> Self {
        self.console = (true, Some(origin));
        self
    }

    /// Commands come over Socket Mode.
    pub(crate) fn over_socket_mode(mut self, timing: socket::Timing) -> Self {
        self.socket = Some((timing, String::new()));
        self
    }

    pub(crate) fn without_tencent(mut self) -> Self {
        self.tencent_is_down = true;
        self
    }

    /// Tencent's clock stands so many seconds after noon, whatever the bot's does.
    pub(crate) fn tencent_has_gone_on(mut self, seconds: i64) -> Self {
        self.tencent_ahead = Some(seconds);
        self
    }

    pub(crate) fn rate_limit(mut self, rate: u32) -> Self {
        self.rate_limit = rate;
        self
    }

    /// How often one operation may call `change_room_owner`: three times, unless Tencent says "slower".
    pub(crate) fn most_calls(mut self, calls: usize) -> Self {
        self.most_calls = calls;
        self
    }
}

/// A secret that is no other story's.
pub(crate) fn secret(what: &str) -> SecretString {
    SecretString::from(format!("{what}-{}", hex::encode(rand::random::<[u8; 12]>())))
}

/// Sets the world up, tells the story, and checks what must always hold.
pub(crate) async fn run(world: World, story: impl AsyncFnOnce(&mut Stage)) {
    logs::keep();
    let mut stage = Stage::set(world).await;
    story(&mut stage).await;
    stage.end().await;
}

/// A running world.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) clock: StoryClock,
    pub(crate) late: Late,
    pub(crate) workspace: Arc<Workspace>,
    pub(crate) guild: Option<Arc<Guild>>,
    /// Slack's side of Socket Mode, if commands come that way.
    pub(crate) socket: Option<Fake>,
    pub(crate) store: Arc<SqliteStore>,
    /// Operations that did not come from Slack: edits of the ACL.
    pub(crate) other_operations: usize,
    /// Whether the story put its own hand to the database, so that its log does not verify.
    pub(crate) is_tampered_with: bool,
    simulator: Simulator,
    folder: TempDir,
    tencent_url: Url,
    running: Option<Running>,
    servers: Vec<JoinHandle<()>>,
}

struct Running {
    end: oneshot::Sender<()>,
    served: JoinHandle<anyhow::Result<()>>,
}

impl Stage {
    async fn set(mut world: World) -> Self {
        bot::install_cryptography();
        let clock = StoryClock::new(world.ticking);
        let simulator = Simulator::with_clock(world.tencent.clone(), {
            let clock = clock.clone();
            let stands = world.tencent_ahead.map(|ahead| NOON + jiff::SignedDuration::from_secs(ahead));
            Arc::new(move || stands.unwrap_or_else(|| room_owner::app::ports::Clock::now(&clock)))
        });
        for (room, owner) in &world.rooms {
            simulator.put_room(room, owner);
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tencent_url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let (late, late_address, late_server) = Late::start().await;
        let mut servers = vec![late_server];
        if world.tencent_is_down {
            drop(listener);
        } else {
            let simulated = simulator.clone();
            servers.push(tokio::spawn(async move {
                simulated.run(listener, std::future::pending()).await.unwrap();
            }));
        }
        let workspace = Arc::new(Workspace::new(late_address, &world.prefix, clock.clone()));
        let guild = Guild::at(world.door, &workspace, world.private).await;
        let mut socket = None;
        if let Some((_, base)) = &mut world.socket {
            let fake = Fake::start().await;
            base.clone_from(&fake.base);
            socket = Some(fake);
        }
        let folder = tempfile::tempdir().unwrap();
        let (store, running) = start(&world, &folder, &tencent_url, &workspace, guild.as_deref()).await;
        let other_operations = world.acl.len();
        let by = || Principal::new("cli:ana".parse().unwrap());
        for (typed, change) in &world.acl {
            let change = if guild.is_some() { change_at_discord(change) } else { change.clone() };
            edit_locally(&*store, &clock, by(), typed.clone(), change, None).await.unwrap();
        }
        Self {
            world,
            clock,
            late,
            workspace,
            guild,
            socket,
            store,
            other_operations,
            is_tampered_with: false,
            simulator,
            folder,
            tencent_url,
            running: Some(running),
            servers,
        }
    }

    /// Somebody in #mods, about to type.
    pub(crate) fn slack(&self, person: Person) -> Slack {
        Slack::new(Arc::clone(&self.workspace), person)
    }

    /// Somebody in #mods at the door of the story, about to use a command.
    pub(crate) fn chat(&self, person: Person) -> Chat {
        Chat::new(self.slack(person), self.guild.as_ref(), person)
    }

    /// A text with ids as they would be at Slack, where stories are written.
    pub(crate) fn as_at_slack(&self, text: &str) -> String {
        self.guild.as_ref().map_or_else(|| text.to_owned(), |guild| guild.as_at_slack(text))
    }

    pub(crate) fn tencent(&self) -> &Simulator {
        &self.simulator
    }

    pub(crate) fn owner_of(&self, room: &str) -> String {
        self.simulator.owner_of(room).unwrap()
    }

    /// The next change of an owner goes wrong in this way.
    pub(crate) fn next_change(&self, kind: FaultKind) {
        self.simulator.inject(Fault::new(kind).on(Api::ChangeRoomOwner).once());
    }

    /// The calls that would have changed an owner.
    pub(crate) fn changes(&self) -> Vec<Call> {
        self.simulator.calls().into_iter().filter(|call| call.api == Api::ChangeRoomOwner).collect()
    }

    /// The late answer to the request that got this first one.
    pub(crate) async fn late(&self, first: &Reply) -> Reply {
        let reply = slack::reply(self.late.message(&first.key).await, &first.key);
        self.workspace.takes_note_of(&reply);
        reply
    }

    /// What came of a press: the first message about it.
    pub(crate) async fn came_of(&self, press: &Press) -> Reply {
        if let Some(guild) = &self.guild {
            return guild.answer_by(&press.key).await;
        }
        let reply = slack::reply(self.late.message(&press.key).await, &press.key);
        self.workspace.takes_note_of(&reply);
        reply
    }

    /// The message that the button was in has no buttons any more, or is gone; its words are the same.
    pub(crate) async fn loses_its_buttons(&self, press: &Press) {
        let source = &press.source;
        if let Some(guild) = &self.guild {
            let message = guild.discord.loses_its_buttons(&press.source_key).await;
            return assert_eq!(message["embeds"], source["embeds"]);
        }
        let message = self.late.message(&press.key).await;
        if source["response_type"] == "ephemeral" {
            return assert_eq!(message, serde_json::json!({ "delete_original": true }));
        }
        assert_eq!((&message["replace_original"], &message["text"]), (&true.into(), &source["text"]));
        let words = |message: &serde_json::Value| {
            let blocks = message["blocks"].as_array().unwrap().iter();
            blocks.filter(|block| block["type"] != "actions").cloned().collect::<Vec<_>>()
        };
        assert_eq!(message["blocks"], serde_json::json!(words(source)));
    }

    /// Takes a grant back, as somebody on the bot's machine does.
    pub(crate) async fn revoke(&mut self, grant: i64) {
        let by = Principal::new("cli:ana".parse().unwrap());
        let (typed, change) = ("acl revoke".to_owned(), AclChange::Revoke(grant));
        edit_locally(&*self.store, &self.clock, by, typed, change, None).await.unwrap();
        self.other_operations += 1;
    }

    /// Where the bot listens.
    pub(crate) fn address(&self) -> std::net::SocketAddr {
        *self.workspace.bot.lock().unwrap()
    }

    /// The status and text of one of the bot's own pages.
    pub(crate) async fn page(&self, path: &str) -> (u16, String) {
        let address = *self.workspace.bot.lock().unwrap();
        let response = self.workspace.http.get(format!("http://{address}{path}")).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// The whole log, newest first.
    pub(crate) async fn audit(&self) -> Vec<AuditEntry> {
        self.store.audit(&AuditFilter::default()).await.unwrap()
    }

    /// The newest entry of the log.
    pub(crate) async fn last(&self) -> AuditEntry {
        self.audit().await.remove(0)
    }

    /// The records of so many repetitions of the delivery that the story calls so.
    pub(crate) async fn repetitions(&self, name: &str, count: usize) -> Vec<AuditEntry> {
        let delivery = format!("slack:{name}");
        let is_one = |entry: &AuditEntry| {
            let id = entry.delivery_id.as_deref().map(|id| self.as_at_slack(id));
            entry.outcome == OutcomeKind::Duplicate && id.as_ref() == Some(&delivery)
        };
        let asking = async {
            loop {
                let found: Vec<_> = self.audit().await.into_iter().filter(is_one).collect();
                if found.len() == count {
                    return found;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), asking).await.expect("not repeated so often")
    }

    /// The record of what a reply is about.
    pub(crate) async fn entry(&self, reply: &Reply) -> AuditEntry {
        self.store.operation(reply.operation()).await.unwrap().unwrap()
    }

    /// Asks the log until an entry is as it should be.
    pub(crate) async fn until_entry(&self, reply: &Reply, is: impl Fn(&AuditEntry) -> bool) -> AuditEntry {
        let asking = async {
            loop {
                let entry = self.entry(reply).await;
                if is(&entry) {
                    return entry;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), asking).await.expect("the entry never became so")
    }

    /// Status and body of one of the bot's pages.
    pub(crate) async fn gets(&self, path: &str) -> (u16, String) {
        let address = *self.workspace.bot.lock().unwrap();
        let response = self.workspace.http.get(format!("http://{address}{path}")).send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        self.workspace.said.lock().unwrap().push_str(&text);
        (status, text)
    }

    /// Posts to the bot as no platform does: status and body of its answer.
    pub(crate) async fn posts(&self, path_and_query: &str, body: Vec<u8>) -> (u16, String) {
        let address = *self.workspace.bot.lock().unwrap();
        let request = self.workspace.http.post(format!("http://{address}{path_and_query}"));
        let response = request.header("content-type", "application/json").body(body).send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        self.workspace.said.lock().unwrap().push_str(&text);
        (status, text)
    }

    /// Secrets of this story alone.
    pub(crate) fn more_secrets(&self) -> Vec<(&'static str, String)> {
        let groups = self.world.groups.iter().map(|lookup| ("Slack's bot token", &lookup.token));
        let callbacks = self.world.callback_token.iter().map(|token| ("the callbacks' token", token));
        groups.chain(callbacks).map(|(what, secret)| (what, secret.expose_secret().to_owned())).collect()
    }

    /// The edits of the ACL that the world began with.
    pub(crate) fn world_operations(&self) -> usize {
        self.world.acl.len()
    }

    pub(crate) fn world_key(&self) -> &SecretString {
        &self.world.tencent.secret_key
    }

    pub(crate) fn database(&self) -> std::path::PathBuf {
        self.folder.path().join("room-owner.db")
    }

    /// Ends the bot and starts it anew on the same database.
    pub(crate) async fn restart(&mut self) {
        self.stop_bot().await;
        let guild = self.guild.as_deref();
        let (store, running) =
            start(&self.world, &self.folder, &self.tencent_url, &self.workspace, guild).await;
        self.store = store;
        self.running = Some(running);
    }

    async fn stop_bot(&mut self) {
        let running = self.running.take().unwrap();
        running.end.send(()).unwrap();
        let served = tokio::time::timeout(Duration::from_secs(40), running.served);
        served.await.expect("the bot does not end").unwrap().unwrap();
    }

    async fn end(mut self) {
        // Kept with what it said, to be searched for secrets.
        let (status, _) = self.gets("/metrics").await;
        assert_eq!(status, 200);
        self.stop_bot().await;
        closing::check(&self).await;
        self.servers.iter().for_each(JoinHandle::abort);
    }
}

async fn start(
    world: &World,
    folder: &TempDir,
    tencent_url: &Url,
    workspace: &Workspace,
    guild: Option<&Guild>,
) -> (Arc<SqliteStore>, Running) {
    let url = format!("sqlite://{}", folder.path().join("room-owner.db").display());
    let tencent = tencent::Settings {
        base_url: tencent_url.clone(),
        sdk_app_id: SDK_APP_ID,
        admin_user_id: ADMIN.to_owned(),
        secret_key: world.tencent.secret_key.clone(),
        rate_limit: world.rate_limit,
        callback_token: world.callback_token.clone(),
        accounts: world.accounts,
    };
    let timing = Timing { recover_again: UNTIL_TOLD, ..Timing::default() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (is_there, origin) = world.console;
    let console = is_there.then(|| origin.map_or_else(|| format!("http://{address}"), str::to_owned));
    let service_config = ServiceConfig {
        timing,
        limits: world.limits.clone(),
        confirm_new_accounts: world.confirm_new_accounts,
        console,
    };
    let bot = Bot::build(&url, tencent, workspace.clock.clone(), service_config).await.unwrap();
    let store = Arc::clone(&bot.store);
    let settings = Settings {
        socket: world.socket.as_ref().map(|(timing, base)| socket::Settings {
            app_token: SecretString::from(TOKEN),
            api_base_url: base.parse().unwrap(),
            timing: *timing,
        }),
        signing_secrets: vec![secret("former"), workspace.signing_secret.clone()],
        app_id: world.app_id.clone(),
        team_ids: world.team_ids.clone(),
        command: CommandName::slash(&world.prefix),
        private_replies: world.private,
        response_url_hosts: vec![workspace.late.to_string().parse().unwrap()],
        groups: world.groups.clone(),
    };
    *workspace.bot.lock().unwrap() = address;
    let (end, ends) = oneshot::channel();
    let discord = guild.map(|guild| guild.settings_for_the_bot(&world.prefix));
    let doors = Doors { slack: Some(settings), discord };
    let served =
        tokio::spawn(
            async move { bot.serve(listener, doors, Router::new(), async { drop(ends.await) }).await },
        );
    if let Some(guild) = guild {
        guild.is_reached().await;
    }
    (store, Running { end, served })
}
