//! What the bot talks to, in a process of its own as it has machines of its own elsewhere: the simulated Tencent
//! and the people. So memory and processor time that are measured are the bot's alone.
//!
//! The two processes talk by lines of JSON: the order goes in, the simulator's address comes out, the bot's
//! address goes in, and out come a line for each tenth of the commands and what was measured.

use std::io::BufReader;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, bail};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use super::generator::{self, Order};
use super::{NO_CEILING, SECRET, cpu, percentile};
use crate::tencent::simulator::{Settings, Simulator};

/// What was measured from outside.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Measured {
    /// How long all of it took, in seconds.
    pub(super) took: f64,
    /// From a command to its answer, in milliseconds: the median, 99 % and 99.9 %.
    pub(super) percentiles: [f64; 3],
    /// How many calls reached Tencent.
    pub(super) calls: u64,
    /// Seconds of processor time, where the system tells.
    pub(super) cpu: Option<f64>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Said {
    Tencent(SocketAddr),
    Tenth,
    Done(Measured),
}

fn say(line: &impl Serialize, to: &mut impl std::io::Write) -> anyhow::Result<()> {
    writeln!(to, "{}", serde_json::to_string(line)?)?;
    Ok(to.flush()?)
}

fn receive<T: DeserializeOwned>(from: &mut impl std::io::BufRead) -> anyhow::Result<T> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        bail!("the other process ended early");
    }
    Ok(serde_json::from_str(&line)?)
}

/// The outside, as the bot's process sees it.
pub(super) struct Outside {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    /// Where Tencent is simulated.
    pub(super) tencent: SocketAddr,
}

impl Outside {
    /// Starts the other process.
    pub(super) fn start(program: &Path, order: Order) -> anyhow::Result<Self> {
        let mut command = Command::new(program);
        command.args(["bench", "--outside"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("the process that sends the commands cannot be started")?;
        let mut to = child.stdin.take().context("the other process does not listen")?;
        let mut from = BufReader::new(child.stdout.take().context("the other process does not speak")?);
        say(&order, &mut to)?;
        let Said::Tencent(tencent) = receive(&mut from)? else {
            bail!("the other process began with the end")
        };
        Ok(Self { child, to, from, tencent })
    }

    /// Lets it send the commands to the bot's address; `each_tenth` is called when a tenth of them is sent.
    pub(super) fn send(mut self, bot: SocketAddr, each_tenth: impl Fn()) -> anyhow::Result<Measured> {
        say(&bot, &mut self.to)?;
        loop {
            match receive(&mut self.from)? {
                Said::Tenth => each_tenth(),
                Said::Done(measured) => return Ok(measured),
                Said::Tencent(_) => bail!("the other process began again"),
            }
        }
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        // It has nothing to lose.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The other process: reads stdin, writes stdout.
///
/// # Errors
/// When a command is not answered as it should be.
pub async fn outside() -> anyhow::Result<()> {
    let order: Order = receive(&mut std::io::stdin().lock())?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    say(&Said::Tencent(listener.local_addr()?), &mut crate::stdio::stdout())?;
    let simulator = simulator();
    tokio::spawn(simulator.clone().run(listener, std::future::pending()));
    let bot: SocketAddr = receive(&mut std::io::stdin().lock())?;
    let (calls_before, cpu_before, began) = (simulator.arrived(), cpu(), Instant::now());
    let each_tenth = || drop(say(&Said::Tenth, &mut crate::stdio::stdout()));
    let mut latencies = generator::send(bot, order, each_tenth).await?;
    let took = began.elapsed().as_secs_f64();
    latencies.sort_unstable();
    let measured = Measured {
        took,
        percentiles: [0.5, 0.99, 0.999].map(|share| percentile(&latencies, share)),
        calls: simulator.arrived() - calls_before,
        cpu: cpu_before.zip(cpu()).map(|(before, after)| after - before),
    };
    say(&Said::Done(measured), &mut crate::stdio::stdout())
}

fn simulator() -> Simulator {
    let mut settings = Settings::new(1, "administrator", SecretString::from(SECRET));
    settings.rate_limit_per_second = NO_CEILING;
    settings.remembered = 1_000;
    let simulator = Simulator::new(settings);
    for number in 0..generator::ROOMS {
        simulator.put_room(format!("room-{number}"), "user0");
    }
    simulator
}
