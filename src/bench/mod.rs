//! `room-owner bench`: how fast the bot is on this machine, with everything on.
//!
//! Distinct, really signed Slack commands go over HTTP to the real endpoint; each is a transfer of a room
//! of its own, with its two durable commits and its calls to the simulated Tencent: the owner before, the
//! change, the owner after. Load generator, bot and simulator share this process, so the figures are an
//! upper bound of what the bot itself costs.

mod audit;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use axum::Router;
use reqwest::Url;
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::app::acl::edit_locally;
use crate::app::ports::{AclChange, Clock as _, NewGrant};
use crate::app::service::Timing;
use crate::bot::Bot;
use crate::clock::SystemClock;
use crate::domain::access::{Effect, Role, RoomScope};
use crate::domain::principal::Principal;
use crate::domain::wording::CommandName;
use crate::slack::{self, signature};
use crate::tencent;
use crate::tencent::simulator::{Settings, Simulator};

const SECRET: &str = "a-secret-for-the-benchmark";
/// Far above what is reached: the ceiling is not what is measured.
const NO_CEILING: u32 = 1_000_000;

/// What to measure.
#[derive(Debug, Clone)]
pub struct Load {
    /// Commands to send.
    pub commands: usize,
    /// Connections that send them.
    pub connections: usize,
    /// Commands a second, steadily; as fast as they are answered if `None`.
    pub rate: Option<u32>,
    /// Where to make the scratch database; its disk is what is measured.
    pub folder: Option<std::path::PathBuf>,
    /// Measure the questions to a log of so many events instead.
    pub audit: Option<u64>,
}

/// Measures, and prints the figures to stdout.
///
/// # Errors
/// When something is not answered as it should be.
pub async fn run(load: Load) -> anyhow::Result<()> {
    let Load { commands, connections, rate, folder, audit } = load;
    if let Some(events) = audit {
        return audit::run(events, folder).await;
    }
    ensure!(commands > 0 && connections > 0 && rate != Some(0), "nothing to measure: use numbers above 0");
    let scratch = scratch_folder(folder.as_deref())?;

    let tencent_listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let simulator = simulator(commands);
    let url = format!("sqlite://{}", scratch.path().join("bench.db").display());
    let bot =
        Bot::build(&url, tencent_settings(tencent_listener.local_addr()?)?, SystemClock, Timing::default());
    let bot = bot.await?;
    seed(&bot).await?;

    let (end, ends) = oneshot::channel::<()>();
    let simulated = simulator.clone();
    tokio::spawn(async move { simulated.run(tencent_listener, std::future::pending()).await });
    let served = tokio::spawn(async move {
        bot.serve(listener, Some(slack_settings()), Router::new(), async move { drop(ends.await) }).await
    });

    let began = Instant::now();
    let mut latencies = send(address, commands, connections, rate).await?;
    let took = began.elapsed();
    latencies.sort_unstable();
    let applied = simulator.owner_changes().len();
    ensure!(applied == commands, "{applied} of {commands} changes were made");

    let at =
        |share: f64| latencies[((latencies.len() - 1) as f64 * share).round() as usize].as_secs_f64() * 1e3;
    let pace = rate.map_or_else(|| "as fast as answered".to_owned(), |rate| format!("{rate}/s asked for"));
    println!("{commands} transfers over {connections} connections, {pace}");
    println!("commands/s {:>10.0}", commands as f64 / took.as_secs_f64());
    println!("p50 ms     {:>10.2}\np99 ms     {:>10.2}\np99.9 ms   {:>10.2}", at(0.5), at(0.99), at(0.999));
    print_memory("load generator and simulator included");
    drop(end);
    served.await?
}

fn scratch_folder(folder: Option<&std::path::Path>) -> anyhow::Result<tempfile::TempDir> {
    let mut scratch = tempfile::Builder::new();
    scratch.prefix("room-owner-bench-");
    match folder {
        Some(folder) => scratch.tempdir_in(folder),
        None => scratch.tempdir(),
    }
    .context("the scratch folder cannot be made")
}

fn print_memory(note: &str) {
    match memory_kib() {
        Some((now, peak)) => {
            println!("memory MB  {:>10.1}  (peak {:.1}; {note})", now / 1024.0, peak / 1024.0);
        }
        None => println!("memory MB      unknown  (this system does not tell)"),
    }
}

async fn send(
    address: SocketAddr,
    commands: usize,
    connections: usize,
    rate: Option<u32>,
) -> anyhow::Result<Vec<Duration>> {
    let next = Arc::new(AtomicUsize::new(0));
    let began = tokio::time::Instant::now();
    let mut senders = Vec::new();
    for _ in 0..connections {
        let next = Arc::clone(&next);
        senders.push(tokio::spawn(async move {
            let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(1).build()?;
            let mut latencies = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= commands {
                    return anyhow::Ok(latencies);
                }
                let mut from = Instant::now();
                if let Some(rate) = rate {
                    // Measured from when it was due: a queue that builds up counts.
                    let due = began + Duration::from_secs_f64(number as f64 / f64::from(rate));
                    tokio::time::sleep_until(due).await;
                    from = due.into_std();
                }
                send_one(&http, address, number).await?;
                latencies.push(from.elapsed());
            }
        }));
    }
    let mut latencies = Vec::with_capacity(commands);
    for sender in senders {
        latencies.extend(sender.await??);
    }
    Ok(latencies)
}

async fn send_one(http: &reqwest::Client, address: SocketAddr, number: usize) -> anyhow::Result<()> {
    let body = format!(
        "team_id=T1&channel_id=C1&user_id=U1&user_name=bench&command=%2Froom-owner&text=room-{number}+user2\
         &trigger_id={number}.bench&api_app_id=A1"
    );
    let timestamp = SystemClock.now().as_second().to_string();
    let response = http
        .post(format!("http://{address}/slack/commands"))
        .header(
            "x-slack-signature",
            signature::sign(&SecretString::from(SECRET), &timestamp, body.as_bytes()),
        )
        .header("x-slack-request-timestamp", timestamp)
        .body(body)
        .send()
        .await?;
    let answer: serde_json::Value = response.error_for_status()?.json().await?;
    ensure!(answer["response_type"] == "in_channel", "a transfer was answered with {}", answer["text"]);
    Ok(())
}

fn simulator(rooms: usize) -> Simulator {
    let mut settings = Settings::new(1, "administrator", SecretString::from(SECRET));
    settings.rate_limit_per_second = NO_CEILING;
    let simulator = Simulator::new(settings);
    for number in 0..rooms {
        simulator.put_room(format!("room-{number}"), "user1");
    }
    simulator
}

fn tencent_settings(address: SocketAddr) -> anyhow::Result<tencent::Settings> {
    Ok(tencent::Settings {
        base_url: Url::parse(&format!("http://{address}"))?,
        sdk_app_id: 1,
        admin_user_id: "administrator".to_owned(),
        secret_key: SecretString::from(SECRET),
        rate_limit: NO_CEILING,
        callback_token: None,
    })
}

fn slack_settings() -> slack::Settings {
    slack::Settings {
        signing_secrets: vec![SecretString::from(SECRET)],
        app_id: None,
        team_ids: vec![],
        command: CommandName::slash(""),
        private_replies: false,
        response_url_hosts: vec![],
        groups: None,
    }
}

async fn seed(bot: &Bot) -> anyhow::Result<()> {
    let grant = NewGrant {
        subject: "slack:T1:U1".parse()?,
        role: Role::Moderator,
        effect: Effect::Permit,
        rooms: RoomScope::All,
        channels: vec![],
        expires_at: None,
    };
    let allow = AclChange::AllowChannel { channel: "slack:T1:C1".parse()?, rooms: RoomScope::All };
    for change in [AclChange::Grant(grant), allow] {
        let principal = Principal::new("cli:bench".parse()?);
        edit_locally(&*bot.store, &SystemClock, principal, "room-owner bench".to_owned(), change, None)
            .await?;
    }
    Ok(())
}

/// Resident memory of this process now and at its highest, in KiB, where the system tells.
fn memory_kib() -> Option<(f64, f64)> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    Some((field("VmRSS:")?, field("VmHWM:")?))
}
