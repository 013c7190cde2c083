//! `room-owner demo`: everything on this machine, with no account anywhere.
//!
//! A simulated Tencent, the real bot on a scratch database, and stand-ins for Slack and for Discord that
//! sign requests as those do and send them to the bot's real endpoints. `wall` is what people see of it, `playground` the
//! page with what `chat` lets it do, `story` the scripted run.

mod chat;
mod console;
mod discord;
mod playground;
mod slack;
mod story;
#[cfg(test)]
mod tests;
mod wall;
mod world;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::app::service::{CommandService, ServiceConfig};
use crate::bot::{Bot, Doors, end_requested};
use crate::clock::SystemClock;
use crate::stdio;
use crate::tencent::simulator::Simulator;

use chat::Chat;
use discord::DiscordStandIn;
use slack::SlackStandIn;
use wall::Wall;

/// The port that is tried first, and how many after it.
const FIRST_PORT: u16 = 8080;
const PORTS_TRIED: u16 = 50;

/// What the demo runs.
struct Stage {
    simulator: Simulator,
    slack: Arc<SlackStandIn>,
    discord: Arc<DiscordStandIn>,
    wall: Arc<Wall>,
    service: Arc<CommandService>,
    store: Arc<crate::store::SqliteStore>,
    address: SocketAddr,
    scratch: TempDir,
    end: Vec<oneshot::Sender<()>>,
    running: Vec<JoinHandle<anyhow::Result<()>>>,
}

/// Runs the demo: the page until it is asked to end, or, with `once`, the scripted story.
///
/// # Errors
/// When no port is free or the scratch folder cannot be made; in the story, when something did not come
/// out as it should.
pub async fn run(once: bool) -> anyhow::Result<()> {
    let stage = Stage::set(once).await?;
    let ended = if once {
        story::tell(&stage).await
    } else {
        let links = console::links(&stage.service).await?;
        let invitation = playground::invitation(stage.address, stage.scratch.path(), &links);
        stdio::say_if_lost(stdio::print(invitation));
        end_requested().await;
        stdio::say_if_lost(stdio::print("\nThe demo ends; its scratch folder is removed."));
        Ok(())
    };
    stage.strike().await?;
    ended
}

impl Stage {
    async fn set(once: bool) -> anyhow::Result<Self> {
        let scratch = tempfile::Builder::new().prefix("room-owner-demo-").tempdir()?;
        let tencent_listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let listener =
            if once { TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await? } else { free_port().await? };
        let address = listener.local_addr()?;

        let simulator = world::simulator();
        let tencent = world::tencent_settings(tencent_listener.local_addr()?)?;
        let url = format!("sqlite://{}", scratch.path().join("demo.db").display());
        let console = Some(format!("http://{address}"));
        let service_config = ServiceConfig { console, ..ServiceConfig::default() };
        let bot = Bot::build(&url, tencent, SystemClock, service_config).await?;
        world::seed(&bot.service).await?;

        let wall = Arc::<Wall>::default();
        let slack = Arc::new(SlackStandIn::new(address, Arc::clone(&wall))?);
        let discord = Arc::new(DiscordStandIn::new(address, Arc::clone(&wall))?);
        let doors = Doors {
            slack: Some(slack.settings_for_the_bot()?),
            discord: Some(discord.settings_for_the_bot()?),
        };
        let (store, service) = (Arc::clone(&bot.store), Arc::clone(&bot.service));
        let chat = Chat { slack: Arc::clone(&slack), discord: Arc::clone(&discord), wall: Arc::clone(&wall) };
        let page: Router =
            playground::router(simulator.clone(), chat, Arc::clone(&store), Arc::clone(&service));

        let (end_tencent, tencent_ends) = oneshot::channel::<()>();
        let (end_bot, bot_ends) = oneshot::channel::<()>();
        // A sender that is dropped ends its server too.
        let until = |ends: oneshot::Receiver<()>| async move { drop(ends.await) };
        let simulated = simulator.clone();
        let running = vec![
            tokio::spawn(async move { bot.serve(listener, doors, page, until(bot_ends)).await }),
            tokio::spawn(async move { Ok(simulated.run(tencent_listener, until(tencent_ends)).await?) }),
        ];
        let end = vec![end_bot, end_tencent];
        Ok(Self { simulator, slack, discord, wall, service, store, address, scratch, end, running })
    }

    /// Ends the bot, then Tencent.
    async fn strike(self) -> anyhow::Result<()> {
        for (end, running) in self.end.into_iter().zip(self.running) {
            drop(end);
            running.await??;
        }
        Ok(())
    }
}

async fn free_port() -> anyhow::Result<TcpListener> {
    for port in FIRST_PORT..FIRST_PORT + PORTS_TRIED {
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            return Ok(listener);
        }
    }
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?)
}
