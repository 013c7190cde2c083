//! How fast the bot is, everything on.
//!
//! Distinct, really signed Slack commands go over HTTP to the real endpoint; each is a transfer of a room,
//! with its two durable commits and its calls to the simulated Tencent: the owner before, the change, the
//! owner after. Load generator and simulator are in a process of their own, on the same machine.

mod audit;
mod generator;
mod one_call;
mod outside;
pub mod scratch;
mod standard;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, ensure};
use axum::Router;
use reqwest::Url;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::app::commands::at_once;
use crate::app::limits::Limits;
use crate::app::ports::Store as _;
use crate::app::service::ServiceConfig;
use crate::bot::Bot;
use crate::clock::SystemClock;
use crate::domain::access::plan::{Wanted, WantedChannel, WantedGrant};
use crate::domain::access::{Effect, NewGrant, Role, RoomScope};
use crate::domain::audit::OutcomeKind;
use crate::domain::command::{AclCommand, Command, CommandRequest, Edit};
use crate::domain::principal::Principal;
use crate::domain::room::Accounts;
use crate::domain::wording::CommandName;
use crate::slack;
use crate::stdio;
use crate::tencent;

use generator::{Order, PEOPLE};
use one_call::OneCall;
use outside::{Measured, Outside};

pub use outside::outside;
pub use standard::standard_runs;

const SECRET: &str = "a-secret-for-the-benchmark";
/// How many events a log can have that is asked questions.
pub const EVENTS: std::ops::RangeInclusive<u64> = 1_000..=100_000_000;
/// Far above what is reached: the ceiling is not what is measured.
const NO_CEILING: u32 = 1_000_000;

/// What the commands are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Transfers, with three calls to Tencent each.
    Transfers,
    /// Transfers, of whose three calls only the change goes out; the readings of the owner are answered in
    /// memory. Not how the bot works: for comparison with others that do not read.
    OneCall,
    /// Transfers by somebody who may not: one commit and no call.
    Denials,
}

/// What to measure.
#[derive(Debug, Clone)]
pub struct Load {
    /// Commands to send.
    pub commands: usize,
    /// Connections that send them.
    pub connections: usize,
    /// Commands a second, steadily; as fast as they are answered if `None`.
    pub rate: Option<u32>,
    /// What they are.
    pub kind: Kind,
    /// Print one line of a table instead.
    pub line: bool,
    /// Where to make the scratch database; its disk is what is measured.
    pub folder: Option<PathBuf>,
    /// This program, which is started once more to send the commands.
    pub program: PathBuf,
}

/// What is to be measured.
#[derive(Debug, Clone)]
pub enum What {
    /// Commands.
    Commands(Load),
    /// The standard runs, each in a process of its own.
    Standard {
        /// This program.
        program: PathBuf,
        /// Where to make the scratch databases.
        folder: Option<PathBuf>,
    },
    /// Questions to a log of so many events.
    Audit {
        /// How many.
        events: u64,
        /// Where to make the scratch database.
        folder: Option<PathBuf>,
    },
}

/// Measures, and prints the figures to stdout.
///
/// # Errors
/// When something is not answered as it should be.
pub async fn run(what: What) -> anyhow::Result<()> {
    match what {
        What::Commands(load) => commands(load).await,
        What::Standard { program, folder } => standard_runs(&program, folder.as_deref()),
        What::Audit { events, folder } => audit::run(events, folder).await,
    }
}

async fn commands(load: Load) -> anyhow::Result<()> {
    let Load { commands, connections, rate, kind, line, folder, program } = load;
    ensure!(commands > 0 && connections > 0 && rate != Some(0), "nothing to measure: use numbers above 0");
    let scratch = scratch_folder(folder.as_deref())?;

    let outside = Outside::start(&program, Order { commands, connections, rate, kind })?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let url = format!("sqlite://{}", scratch.path().join("bench.db").display());
    let tencent = tencent_settings(outside.tencent)?;
    let limits = Limits { per_person: Some(NO_CEILING), per_room: Some(NO_CEILING), ..Limits::default() };
    let service_config = ServiceConfig { limits, ..ServiceConfig::default() };
    let bot = Bot::build_with(&url, tencent, SystemClock, service_config, |client| match kind {
        Kind::OneCall => Arc::new(OneCall::new(client)),
        Kind::Transfers | Kind::Denials => Arc::new(client),
    });
    let bot = bot.await?;
    seed(&bot, kind).await?;
    let store = Arc::clone(&bot.store);

    let (end, ends) = oneshot::channel::<()>();
    let served = tokio::spawn(async move {
        bot.serve(listener, Some(slack_settings()), Router::new(), async move { drop(ends.await) }).await
    });

    let idle = memory_kib();
    let (commits_before, cpu_before) = (store.commits(), cpu());
    let tenths = Arc::new(Mutex::new(Vec::with_capacity(16)));
    let seen = Arc::clone(&tenths);
    let each_tenth = move || {
        let now = memory_kib().map(|(now, _)| now);
        seen.lock().unwrap_or_else(PoisonError::into_inner).extend(now);
    };
    let sent = tokio::task::spawn_blocking(move || outside.send(address, each_tenth)).await?;
    let Measured { took, percentiles, calls, cpu: cpu_outside } = sent?;
    let expected = match kind {
        Kind::Transfers => commands * 3,
        Kind::OneCall => commands,
        Kind::Denials => 0,
    };
    let figures = Figures {
        rate: commands as f64 / took,
        percentiles,
        commits: store.commits() - commits_before,
        cpu: cpu_before.zip(cpu()).map(|(before, after)| (after - before) / commands as f64),
        cpu_outside: cpu_outside.map(|seconds| seconds / commands as f64),
        memory: memory_kib(),
        idle: idle.map(|(now, _)| now),
    };
    if line {
        figures.print_line()?;
    } else {
        let pace =
            rate.map_or_else(|| "as fast as answered".to_owned(), |rate| format!("{rate}/s asked for"));
        let what = match kind {
            Kind::Transfers => "transfers",
            Kind::OneCall => "transfers with one call each",
            Kind::Denials => "denials",
        };
        stdio::print(format_args!("{commands} {what} over {connections} connections, {pace}"))?;
        figures.print()?;
        let tenths = tenths.lock().unwrap_or_else(PoisonError::into_inner);
        let memory: Vec<String> = tenths.iter().map(|kib: &f64| format!("{:.1}", kib / 1024.0)).collect();
        stdio::print(format_args!("by tenths  {}", memory.join(" ")))?;
    }
    drop(end);
    served.await??;
    ensure!(calls == expected as u64, "{calls} calls reached Tencent instead of {expected}");
    Ok(())
}

/// In milliseconds, of sorted microseconds.
fn percentile(sorted: &[u32], share: f64) -> f64 {
    let at = ((sorted.len() - 1) as f64 * share).round() as usize;
    sorted.get(at).map_or(0.0, |took| f64::from(*took) / 1e3)
}

/// What was measured. Times in milliseconds.
struct Figures {
    rate: f64,
    percentiles: [f64; 3],
    commits: u64,
    /// Seconds of the bot's processor time for a command.
    cpu: Option<f64>,
    /// The same for what sends the commands and plays Tencent.
    cpu_outside: Option<f64>,
    memory: Option<(f64, f64)>,
    idle: Option<f64>,
}

impl Figures {
    fn print(&self) -> io::Result<()> {
        let [p50, p99, p999] = self.percentiles;
        stdio::print(format_args!("commands/s {:>10.0}", self.rate))?;
        stdio::print(format_args!(
            "p50 ms     {p50:>10.2}\np99 ms     {p99:>10.2}\np99.9 ms   {p999:>10.2}"
        ))?;
        stdio::print(format_args!("commits    {:>10}", self.commits))?;
        let us = |cpu: Option<f64>| cpu.map_or_else(|| "-".to_owned(), |cpu| format!("{:.0}", cpu * 1e6));
        stdio::print(format_args!(
            "CPU us     {:>10}  (a command; {} more for load and simulator)",
            us(self.cpu),
            us(self.cpu_outside)
        ))?;
        print_memory("the bot alone")
    }

    fn print_line(&self) -> io::Result<()> {
        let [p50, p99, p999] = self.percentiles;
        let cpu = self.cpu.map_or_else(|| "-".to_owned(), |cpu| format!("{:.0}", cpu * 1e6));
        let mb = |kib: Option<f64>| kib.map_or_else(|| "-".to_owned(), |kib| format!("{:.0}", kib / 1024.0));
        stdio::print(format_args!(
            "{:.0} | {p50:.2} | {p99:.2} | {p999:.2} | {} | {cpu} | {} | {} |",
            self.rate,
            self.commits,
            mb(self.idle),
            mb(self.memory.map(|(_, peak)| peak))
        ))
    }
}

fn scratch_folder(folder: Option<&Path>) -> anyhow::Result<tempfile::TempDir> {
    let mut scratch = tempfile::Builder::new();
    scratch.prefix("room-owner-bench-");
    match folder {
        Some(folder) => scratch.tempdir_in(folder),
        None => scratch.tempdir(),
    }
    .context("the scratch folder cannot be made")
}

fn print_memory(note: &str) -> io::Result<()> {
    match memory_kib() {
        Some((now, peak)) => stdio::print(format_args!(
            "memory MB  {:>10.1}  (peak {:.1}; {note})",
            now / 1024.0,
            peak / 1024.0
        )),
        None => stdio::print("memory MB      unknown  (this system does not tell)"),
    }
}

fn tencent_settings(address: SocketAddr) -> anyhow::Result<tencent::Settings> {
    Ok(tencent::Settings {
        base_url: Url::parse(&format!("http://{address}"))?,
        sdk_app_id: 1,
        admin_user_id: "administrator".to_owned(),
        secret_key: SecretString::from(SECRET),
        rate_limit: NO_CEILING,
        callback_token: None,
        accounts: Accounts::default(),
    })
}

fn slack_settings() -> slack::Settings {
    slack::Settings {
        socket: None,
        signing_secrets: vec![SecretString::from(SECRET)],
        app_id: None,
        team_ids: vec![],
        command: CommandName::slash(""),
        private_replies: false,
        response_url_hosts: vec![],
        groups: None,
    }
}

/// One authorised channel, and people who may hand every room over; for denials, people who may not.
async fn seed(bot: &Bot, kind: Kind) -> anyhow::Result<()> {
    let role = if kind == Kind::Denials { Role::Auditor } else { Role::Moderator };
    let grant = |number: usize| {
        let subject = format!("slack:T1:U{number}").parse()?;
        let (effect, rooms) = (Effect::Permit, RoomScope::All);
        let grant = NewGrant { subject, role, effect, rooms, channels: vec![], expires_at: None };
        anyhow::Ok(WantedGrant { grant, reason: None })
    };
    let channel = WantedChannel { channel: "slack:T1:C1".parse()?, rooms: RoomScope::All, reason: None };
    let wanted = Wanted {
        grants: (0..PEOPLE).map(grant).collect::<anyhow::Result<_>>()?,
        channels: vec![channel],
        ..Wanted::default()
    };
    let edit = Edit::Apply(wanted, Some(bot.store.acl_version().await?));
    let command = Command::Acl(AclCommand::Edit { edit, reason: None, force: false, if_version: None });
    let seeder = Principal::new("cli:bench".parse()?);
    let request = CommandRequest::local(seeder, "room-owner bench".to_owned(), Ok(command));
    let made = bot.service.handle(request, at_once).await.into_reply();
    ensure!(made.outcome() == OutcomeKind::Succeeded, "the grants were not made: {made:?}");
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

/// Seconds of processor time that this process has used, where the system tells.
fn cpu() -> Option<f64> {
    // proc_pid_stat(5): utime and stime are the 14th and 15th field, in hundredths of a second; the second
    // field may hold spaces and ends in the last bracket.
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / 100.0)
}
