//! A whole bot, wired: store, Tencent's client, the service, and the doors that are on.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use tokio::net::TcpListener;
use tracing::{error, info, warn};

use crate::app::ports::{Clock, Store};
use crate::app::service::{CommandService, Timing};
use crate::config::Config;
use crate::store::{IfMissing, SqliteStore};
use crate::telemetry::Metrics;
use crate::tencent::TencentClient;
use crate::{discord, server, slack, tencent};

/// How long work under way is waited for at the end. What is cut off after it is resolved at the next start.
const DRAIN: Duration = Duration::from_secs(25);

/// The bot's parts.
pub struct Bot {
    /// The database.
    pub store: Arc<SqliteStore>,
    /// What carries commands out.
    pub service: Arc<CommandService>,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
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

/// rustls wants to be told which cryptography to use, once a process.
pub fn install_cryptography() {
    // Fails only when it is installed already.
    drop(rustls::crypto::ring::default_provider().install_default());
}

impl Bot {
    /// Opens the database and connects the parts. Nothing is sent anywhere.
    ///
    /// # Errors
    /// When the database cannot be used or TLS cannot be set up.
    pub async fn build<C: Clock + Clone + 'static>(
        database_url: &str,
        tencent: tencent::Settings,
        clock: C,
        timing: Timing,
    ) -> anyhow::Result<Self> {
        install_cryptography();
        let store = Arc::new(SqliteStore::open(database_url, IfMissing::Create).await?);
        let rooms = Arc::new(TencentClient::new(tencent, clock.clone())?);
        let clock: Arc<dyn Clock> = Arc::new(clock);
        let metrics = Arc::new(Metrics::default());
        let service = CommandService::new(
            Arc::clone(&store) as Arc<dyn Store>,
            rooms,
            Arc::clone(&clock),
            Arc::clone(&metrics) as _,
            timing,
        );
        Ok(Self { store, service: Arc::new(service), metrics, clock })
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
        let mut router = server::router(Arc::clone(&self.store) as Arc<dyn Store>, Arc::clone(&self.metrics));
        let Doors { slack, discord } = doors.into();
        if let Some(settings) = slack {
            info!(command = settings.command.0, "taking commands from Slack at /slack/commands");
            router =
                router.merge(slack::router(settings, Arc::clone(&self.service), Arc::clone(&self.clock))?);
        }
        if let Some(settings) = discord {
            router = router.merge(self.discord(settings)?);
        }
        let recovery = {
            let service = Arc::clone(&self.service);
            tokio::spawn(async move { service.keep_recovering().await })
        };
        let served = server::run(listener, router.merge(extra), shutdown).await;
        recovery.abort();
        if tokio::time::timeout(DRAIN, self.service.drain()).await.is_err() {
            warn!("some work is cut off; the next start resolves it");
        }
        Ok(served?)
    }

    /// Discord delivers to one of two: to the endpoint if the application has one, else to the gateway.
    fn discord(&self, settings: discord::Settings) -> anyhow::Result<Router> {
        let command = settings.command.0.clone();
        if settings.bot_token.is_some() {
            tokio::spawn(discord::register::warn_of_differences(settings.clone()));
        }
        let door = discord::Door::new(settings, Arc::clone(&self.service), Arc::clone(&self.clock))?;
        let router = door.router().context(
            "DISCORD_PUBLIC_KEY is not set: commands from Discord are taken over HTTP, which needs it",
        )?;
        info!(
            command,
            "taking commands from Discord at /discord/interactions, because DISCORD_PUBLIC_KEY is set"
        );
        Ok(router)
    }
}

/// `room-owner serve`.
///
/// # Errors
/// When the address is taken or the database cannot be used.
pub async fn serve<C: Clock + Clone + 'static>(
    database_url: &str,
    config: Config,
    clock: C,
) -> anyhow::Result<()> {
    let address = config.bind_addr;
    let host = config.tencent.base_url.host_str().unwrap_or_default().to_owned();
    let bot = Bot::build(database_url, config.tencent, clock, Timing::default()).await?;
    let listener = bind(address).await?;
    let doors = Doors { slack: config.slack, discord: config.discord };
    info!(address = %listener.local_addr()?, database = database_url, tencent = host, "listening");
    let store = Arc::clone(&bot.store);
    let served = bot.serve(listener, doors, Router::new(), end_requested()).await;
    store.close().await;
    served
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

/// Returns when the process is asked to end: SIGTERM, or Ctrl-C.
pub async fn end_requested() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(error) => {
                error!(%error, "SIGTERM cannot be heard");
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        () = terminated => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    info!("asked to end: no new commands, what is under way is finished");
}
