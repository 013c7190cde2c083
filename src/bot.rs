//! A whole bot, wired: store, Tencent's client, the service, and the doors that are configured.

mod doors;
mod signals;
mod supervisor;
mod watch;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::http::HeaderValue;
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

use crate::app::console::Console;
use crate::app::ports::{Clock, Known, RoomControl, Store};
use crate::app::replies::{Messenger, Messengers, Platform};
use crate::app::service::{CommandService, ServiceConfig, Timing};
use crate::case_file::CasesOf;
use crate::config::Config;
use crate::discord::{self, Answered, gateway};
use crate::domain::access::is_open;
use crate::domain::wording::CommandName;
use crate::redact::Redactor;
use crate::store::{Database, IfMissing, SqliteStore};
use crate::telemetry::Metrics;
use crate::tencent::{TencentClient, callbacks};
use crate::{server, slack, tencent, web, websocket};

pub use crate::http::install_cryptography;
pub use signals::{EndSignal, Signals, is_hangup_ignored};

/// How long a shutdown waits for work in flight. What is cut off then is resolved at the next start.
const DRAIN: Duration = Duration::from_secs(25);

/// The bot's parts.
pub struct Bot {
    /// The database.
    pub store: Arc<SqliteStore>,
    /// The service.
    pub service: Arc<CommandService>,
    /// Redacts what services and people write. It knows the secrets of the settings that the bot was given.
    pub redactor: Redactor,
    /// Cancelled when the bot is about to end and still takes commands: `/readyz` says so.
    pub draining: CancellationToken,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    groups: Arc<slack::Groups>,
    callbacks: callbacks::Settings,
}

/// The chat platforms that commands are taken from.
#[derive(Debug, Clone, Default)]
pub struct Doors {
    /// Slack.
    pub slack: Option<slack::Settings>,
    /// Discord.
    pub discord: Option<discord::Settings>,
}

impl From<Option<slack::Settings>> for Doors {
    fn from(slack: Option<slack::Settings>) -> Self {
        Self { slack, discord: None }
    }
}

impl Bot {
    /// Opens the database and connects the parts. Nothing is sent anywhere.
    ///
    /// # Errors
    /// When the database cannot be used or TLS cannot be set up.
    pub async fn build<C: Clock + Clone + 'static>(
        database: impl Into<Database>,
        tencent: tencent::Settings,
        clock: C,
        service_config: impl Into<ServiceConfig>,
    ) -> anyhow::Result<Self> {
        Self::build_with(database, tencent, clock, service_config, |client| Arc::new(client)).await
    }

    /// The same, with something between the service and Tencent's client.
    pub(crate) async fn build_with<C: Clock + Clone + 'static>(
        database: impl Into<Database>,
        tencent: tencent::Settings,
        clock: C,
        service_config: impl Into<ServiceConfig>,
        rooms: impl FnOnce(TencentClient<C>) -> Arc<dyn RoomControl>,
    ) -> anyhow::Result<Self> {
        let ServiceConfig { timing, limits, confirm_new_accounts, console } = service_config.into();
        install_cryptography();
        let database = database.into();
        let store = Arc::new(SqliteStore::open(database.clone(), IfMissing::Create).await?);
        let redactor = Redactor::of(tencent.secrets().chain(database.signing_key().as_ref()));
        let callbacks = callbacks::Settings::from(&tencent);
        let accounts = tencent.accounts;
        let metrics = Arc::new(Metrics::default());
        let client = TencentClient::new(tencent, clock.clone(), redactor.clone())?;
        let rooms = rooms(client.with_observer(Arc::clone(&metrics) as _));
        let clock: Arc<dyn Clock> = Arc::new(clock);
        let service = CommandService::new(
            Arc::clone(&store) as Arc<dyn Store>,
            rooms,
            Arc::clone(&clock),
            Arc::clone(&metrics) as _,
            timing,
        )
        .with_limits(limits)
        .confirming_new_accounts(confirm_new_accounts)
        .with_accounts(accounts);
        let groups = Arc::new(slack::Groups::new(Arc::clone(&clock)));
        let service =
            service.with_directory(Arc::clone(&groups) as _).with_reply_book(Arc::clone(&store) as _);
        let service = service.with_announcements(Arc::clone(&store) as _);
        let console = console.map(|origin| Console {
            origin,
            sessions: Arc::clone(&store) as _,
            cases: Arc::new(CasesOf(Arc::clone(&store))),
        });
        let service = service.with_console(console);
        Ok(Self {
            store,
            service: Arc::new(service),
            redactor,
            draining: CancellationToken::new(),
            metrics,
            clock,
            groups,
            callbacks,
        })
    }

    /// Takes commands on `listener` until `shutdown`, then ends what is under way. `extra` routes are
    /// served beside the bot's own.
    ///
    /// # Errors
    /// When the listener breaks.
    pub async fn serve(
        self,
        listener: TcpListener,
        doors: impl Into<Doors>,
        extra: Router,
        shutdown: impl Future<Output = ()>,
    ) -> anyhow::Result<()> {
        let Doors { slack, discord } = doors.into();
        let commands = slack.as_ref().map(|slack| &slack.command).into_iter();
        let mut commands = commands.chain(discord.as_ref().map(|discord| &discord.command)).cloned();
        let command = commands.next().unwrap_or_else(|| CommandName::slash(""));
        self.redactor.learn(slack.iter().flat_map(slack::Settings::secrets));
        self.redactor.learn(discord.iter().flat_map(discord::Settings::secrets));
        let messengers = messengers(slack.as_ref(), discord.as_ref(), &self.redactor)?;
        if let Err(error) = self.service.begin_replies(messengers).await {
            warn!(%error, "the pending replies of a former process cannot be read yet");
        }
        let (stop, given_up) = (CancellationToken::new(), CancellationToken::new());
        let after_refusal = match slack {
            Some(_) => gateway::AfterRefusal::AskAgain,
            None => gateway::AfterRefusal::End,
        };
        let socket =
            slack.as_ref().and_then(|slack| slack.socket.as_ref()).map(|_| websocket::State::default());
        let gateway = discord
            .as_ref()
            .is_some_and(|discord| discord.public_key.is_none())
            .then(websocket::State::default);
        let mut served = Vec::new();
        served.extend(slack.as_ref().map(|_| doors::served("slack", "socket mode", socket.as_ref())));
        served.extend(discord.as_ref().map(|_| doors::served("discord", "gateway", gateway.as_ref())));
        let store = Arc::clone(&self.store) as Arc<dyn Store>;
        let directory = Arc::clone(&self.groups) as _;
        let mut router = server::router(server::Health {
            store: Arc::clone(&store),
            clock: Arc::clone(&self.clock),
            metrics: Arc::clone(&self.metrics),
            doors: served.clone(),
            directory,
            draining: self.draining.clone(),
        });
        callbacks::announce(&self.callbacks);
        router = router.merge(callbacks::router(
            self.callbacks.clone(),
            Arc::clone(&self.service),
            Arc::clone(&self.clock),
            self.redactor.clone(),
        ));
        let mut background = self.look_after_replies();
        background.push(tokio::spawn(watch::refusals(Arc::clone(&self.metrics))));
        background.push(tokio::spawn(watch::wal(Arc::clone(&self.store))));
        background.push(tokio::spawn(watch::warnings(Arc::clone(&store))));
        let received = TaskTracker::new();
        let mut listening: Vec<JoinHandle<anyhow::Result<()>>> = Vec::new();
        if let Some(settings) = slack {
            self.begin_with_groups(&settings).await;
            background.extend(settings.groups.clone().map(|lookup| self.look_up_groups(lookup)));
            doors::say_how_slack_comes(&settings);
            let (service, clock) = (Arc::clone(&self.service), Arc::clone(&self.clock));
            let over = settings.socket.clone().zip(socket);
            let door = slack::Door::new(settings, service, clock, self.redactor.clone())?;
            match over {
                None => router = router.merge(door.router()),
                Some((settings, state)) => {
                    let listens =
                        door.listen(settings, state, received.clone(), stop.clone().cancelled_owned());
                    listening.push(tokio::spawn(listens));
                }
            }
        }
        if let Some(settings) = discord {
            let door = self.discord_door(&settings)?;
            match (door.router(), gateway) {
                (Some(routes), _) => {
                    info!(
                        command = settings.command.0,
                        "taking commands from Discord at /discord/interactions, because DISCORD_PUBLIC_KEY is set"
                    );
                    router = router.merge(routes);
                }
                (None, Some(state)) => {
                    info!(
                        command = settings.command.0,
                        "taking commands from Discord over its gateway, because DISCORD_PUBLIC_KEY is not set"
                    );
                    let settings = gateway_settings(settings, self.redactor.clone())?;
                    let tasks = received.clone();
                    let (stop, given_up) = (stop.clone(), given_up.clone());
                    let handle = move |interaction: String| {
                        let door = Arc::clone(&door);
                        async move {
                            if door.interaction(interaction.as_bytes()).await == Answered::Unreadable {
                                warn!("discord's gateway delivered something that is no interaction");
                            }
                        }
                    };
                    listening.push(tokio::spawn(async move {
                        let kept = gateway::keep(settings, handle, tasks, state, stop, after_refusal).await;
                        kept.inspect_err(|_| given_up.cancel())?;
                        Ok(())
                    }));
                }
                (None, None) => {}
            }
        }
        let running = doors::Running { doors: served.clone(), metrics: Arc::clone(&self.metrics) };
        let console =
            web::Door::new(&self.service, self.redactor.clone(), command, Arc::new(running), stop.clone());
        if let Some(door) = console {
            let address = self.service.console().map(|console| console.origin.as_str());
            info!(address, "serving the console, because PUBLIC_URL is set");
            // The demo has a page of its own there.
            router = router.merge(door.router(!extra.has_routes()));
        }
        let recovery = {
            let service = Arc::clone(&self.service);
            tokio::spawn(async move { service.keep_recovering().await })
        };
        // Recovery runs once before any command, so that the log begins in the same order every time.
        let writable = store.check_writable().await;
        background.push(tokio::spawn(server::say_when_ready(store, served, writable)));
        let shutdown = async {
            tokio::select! {
                () = shutdown => {}
                () = given_up.cancelled() => {}
            }
            stop.cancel();
        };
        let router = named(router, self.store.origin())?.merge(extra);
        let router = server::letting_go(router, self.draining.clone());
        let ended = server::run(listener, router, shutdown).await;
        stop.cancel();
        recovery.abort();
        background.iter().for_each(JoinHandle::abort);
        self.metrics.sum_up(true);
        let drained = async {
            let mut kept = Ok(());
            for listening in listening {
                kept = kept.and(listening.await.context("the connection to a platform broke off").flatten());
            }
            received.close();
            received.wait().await;
            self.service.drain().await;
            self.service.end_replies().await;
            kept
        };
        let drained = tokio::time::timeout(DRAIN, drained).await.unwrap_or_else(|_| {
            warn!("some work is cut off; the next start resolves it");
            Ok(())
        });
        ended?;
        drained
    }

    /// Stores pending replies, sends those that could not be delivered in time, and posts announcements. Either may be cut off anywhere:
    /// the next start goes on.
    fn look_after_replies(&self) -> Vec<JoinHandle<()>> {
        let (keeping, telling) = (Arc::clone(&self.service), Arc::clone(&self.service));
        let announcing = Arc::clone(&self.service);
        vec![
            tokio::spawn(async move { keeping.keep_replies().await }),
            tokio::spawn(async move { telling.keep_notifying().await }),
            tokio::spawn(async move { announcing.keep_announcing().await }),
        ]
    }

    /// What a former process read of user groups counts, as long as it is fresh.
    async fn begin_with_groups(&self, settings: &slack::Settings) {
        let readings = self.store.group_readings().await.unwrap_or_else(|error| {
            warn!(%error, "the stored members of user groups cannot be read");
            BTreeMap::new()
        });
        self.groups.begin(Known {
            looks_up_groups: settings.groups.is_some(),
            looked_up_team: None,
            readings,
            served_teams: settings.team_ids.clone(),
        });
    }

    /// Fills the cache of user groups. It may be cut off anywhere: the next start reads them again.
    fn look_up_groups(&self, lookup: slack::Lookup) -> JoinHandle<()> {
        let (groups, store) = (Arc::clone(&self.groups), Arc::clone(&self.store));
        let redactor = self.redactor.clone();
        tokio::spawn(async move {
            if let Err(error) = groups.keep_fresh(lookup, &*store, redactor).await {
                error!(%error, "slack's user groups are not looked up");
            }
        })
    }

    /// Logs what a start finds, and what is missing before anybody can use it.
    async fn say_what_there_is(&self, doors: &Doors) {
        let now = self.clock.now();
        let (grants, channels) = (self.store.live_grants(now).await, self.store.channels().await);
        // Said by whatever needs them.
        let (Ok(grants), Ok(mut channels)) = (grants, channels) else { return };
        channels.retain(|entry| is_open(entry, now));
        let served = [doors.slack.as_ref().map(|_| "slack"), doors.discord.as_ref().map(|_| "discord")];
        info!(
            version = env!("CARGO_PKG_VERSION"),
            database = %self.store.file().display(),
            doors = served.into_iter().flatten().collect::<Vec<_>>().join(", "),
            grants = grants.len(),
            channels = channels.len(),
            "starting"
        );
        if grants.is_empty() {
            warn!(
                "nobody has a role yet: `room-owner init --admin <subject>` or `room-owner acl grant` gives the first"
            );
        }
        if channels.is_empty() {
            warn!(
                "no channel is authorised yet: `room-owner init --channel <channel>` or `room-owner acl channel allow` \
                 authorises the first"
            );
        }
    }

    fn discord_door(&self, settings: &discord::Settings) -> anyhow::Result<Arc<discord::Door>> {
        if settings.bot_token.is_some() {
            let redactor = self.redactor.clone();
            tokio::spawn(discord::register::warn_of_differences(settings.clone(), redactor));
        }
        let (service, clock) = (Arc::clone(&self.service), Arc::clone(&self.clock));
        discord::Door::new(settings.clone(), service, clock, self.redactor.clone())
    }
}

/// The routes, each of whose answers says which bot it comes from.
fn named(router: Router, origin: &str) -> anyhow::Result<Router> {
    let origin = HeaderValue::try_from(origin).context("the name of the log's key cannot be sent")?;
    let name = move |mut response: Response| {
        response.headers_mut().insert(server::LOG_ORIGIN, origin.clone());
        std::future::ready(response)
    };
    Ok(router.layer(axum::middleware::map_response(name)))
}

/// How people are reached on the platforms that are served.
fn messengers(
    slack: Option<&slack::Settings>,
    discord: Option<&discord::Settings>,
    redactor: &Redactor,
) -> anyhow::Result<Messengers> {
    let mut served: Vec<(Platform, Option<Arc<dyn Messenger>>)> = Vec::new();
    if let Some(settings) = slack {
        let messenger = slack::SlackMessenger::new(settings, redactor.clone())?;
        served.push((Platform::Slack, messenger.map(|it| Arc::new(it) as _)));
    }
    if let Some(settings) = discord {
        let messenger = discord::DiscordMessenger::new(settings, redactor.clone())?;
        served.push((Platform::Discord, messenger.map(|it| Arc::new(it) as _)));
    }
    Ok(Messengers { served })
}

fn gateway_settings(settings: discord::Settings, redactor: Redactor) -> anyhow::Result<gateway::Settings> {
    let bot_token = settings.bot_token.context("DISCORD_BOT_TOKEN is not set: the gateway needs it")?;
    Ok(gateway::Settings {
        bot_token,
        api_base_url: settings.api_base_url,
        timing: gateway::Timing::default(),
        redactor,
    })
}

/// `room-owner serve`. Once it listens, `checks` go on by themselves.
///
/// # Errors
/// When the address is taken or the database cannot be used.
pub async fn serve<C: Clock + Clone + 'static>(
    database: Database,
    config: Config,
    clock: C,
    checks: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    server::raise_open_files();
    let address = config.bind_addr;
    let host = config.tencent.base_url.host_str().unwrap_or_default().to_owned();
    let database_url = database.url().to_owned();
    let timing = Timing { unclear_for: config.unclear_for, ..Timing::default() };
    let service_config = ServiceConfig {
        timing,
        limits: config.limits,
        confirm_new_accounts: config.confirm_new_accounts,
        console: config.console,
    };
    // First: a start that fails because the port is taken leaves nothing behind.
    let listener = bind(address).await?;
    let bot = Bot::build(database, config.tencent, clock, service_config).await?;
    bot.store.serves();
    let doors = Doors { slack: config.slack, discord: config.discord };
    // Signals count from now on: a supervisor that reads "listening" may send one.
    let mut signals = Signals::listen().context("signals cannot be listened for")?;
    info!(address = %listener.local_addr()?, database = database_url, tencent = host, "listening");
    supervisor::is_up();
    bot.say_what_there_is(&doors).await;
    let checks = tokio::spawn(checks);
    let store = Arc::clone(&bot.store);
    let watchdog = tokio::spawn(supervisor::feed_watchdog(Arc::clone(&store) as _));
    let (draining, end) = (bot.draining.clone(), CancellationToken::new());
    let ending = async {
        let by = signals.asked().await;
        draining.cancel();
        supervisor::is_ending();
        let drained = async {
            // A person at a terminal waits for nobody.
            if by != EndSignal::Interrupt {
                let seconds = config.shutdown_grace.as_secs();
                info!(seconds, "commands are still taken, but `/readyz` is 503: see SHUTDOWN_GRACE");
                tokio::time::sleep(config.shutdown_grace).await;
            }
            end.cancel();
        };
        tokio::join!(signals.end_if_asked_again(), drained).0
    };
    let served = async {
        let served = bot.serve(listener, doors, Router::new(), end.cancelled()).await;
        watchdog.abort();
        checks.abort();
        store.close().await;
        served
    };
    tokio::select! {
        served = served => served,
        never = ending => match never {},
    }
}

async fn bind(address: std::net::SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::AddrInUse => {
                "another program listens there: end it, or set BIND_ADDR to another port"
            }
            io::ErrorKind::PermissionDenied => "ports below 1024 need rights: set BIND_ADDR to a higher one",
            _ => "set BIND_ADDR to an address of this machine",
        };
        anyhow::anyhow!("cannot listen on `{address}`: {error}; {hint}")
    })
}

/// Returns when the process is asked to end.
pub async fn end_requested() {
    match Signals::listen() {
        Ok(mut signals) => drop(signals.asked().await),
        Err(error) => {
            error!(%error, "signals cannot be listened for");
            std::future::pending::<()>().await;
        }
    }
}
