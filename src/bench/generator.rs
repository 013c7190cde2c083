//! The load: signed slash commands over kept connections.
//!
//! HTTP is written by hand here, because the generator shares the machine with what it measures: a client's
//! comfort would cost as much as the bot.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc};

use super::{Kind, SECRET};
use crate::app::ports::Clock as _;
use crate::clock::SystemClock;
use crate::slack::signature;

/// How many people give commands in turn.
pub(super) const PEOPLE: usize = 256;
/// How many rooms are handed on in turn. More than connections, so that no two commands meet in one.
pub(super) const ROOMS: usize = 4_096;
/// More than any answer is long.
const LONGEST_ANSWER: usize = 64 * 1_024;

/// The commands to send.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) commands: usize,
    pub(super) connections: usize,
    pub(super) rate: Option<u32>,
    pub(super) kind: Kind,
}

/// What is measured while commands are sent. Room for all of it is taken before the first.
struct Measured<F> {
    next: AtomicUsize,
    /// The commands that are due, and when they were; `None` if each is when the one before is answered.
    due: Option<Mutex<mpsc::UnboundedReceiver<(usize, Instant)>>>,
    latencies: Vec<AtomicU32>,
    each_tenth: F,
}

impl<F: Fn()> Measured<F> {
    /// The number of the next command, and the time from which it is measured; `None` when all are sent.
    async fn take(&self) -> Option<(usize, Instant)> {
        let all = self.latencies.len();
        let next = match &self.due {
            Some(due) => due.lock().await.recv().await,
            None => Some((self.next.fetch_add(1, Ordering::Relaxed), Instant::now())),
        };
        let number = next.map_or(all, |(number, _)| number);
        if number.is_multiple_of((all / 10).max(1)) {
            (self.each_tenth)();
        }
        next.filter(|(number, _)| *number < all)
    }
}

/// Names each command when it is due. A thread sleeps to some ten microseconds, the runtime's timer to a
/// millisecond, which would be measured as if the bot had taken it. A queue that builds up counts.
fn pace(rate: u32, commands: usize) -> mpsc::UnboundedReceiver<(usize, Instant)> {
    let (due, taken) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        let began = Instant::now();
        for number in 0..commands {
            let at = began + Duration::from_secs_f64(number as f64 / f64::from(rate));
            std::thread::sleep(at.saturating_duration_since(Instant::now()));
            if due.send((number, at)).is_err() {
                return;
            }
        }
    });
    taken
}

/// Sends the commands; how long each took, in microseconds.
pub(super) async fn send(
    address: SocketAddr,
    order: Order,
    each_tenth: impl Fn() + Send + Sync + 'static,
) -> anyhow::Result<Vec<u32>> {
    let Order { commands, connections, rate, kind } = order;
    ensure!(connections < ROOMS, "at most {} connections can be used", ROOMS - 1);
    let measured = Arc::new(Measured {
        next: AtomicUsize::new(0),
        due: rate.map(|rate| Mutex::new(pace(rate, commands))),
        latencies: (0..commands).map(|_| AtomicU32::new(0)).collect(),
        each_tenth,
    });
    let mut senders = Vec::new();
    for _ in 0..connections {
        let measured = Arc::clone(&measured);
        senders.push(tokio::spawn(async move {
            let mut connection = Connection::open(address).await?;
            while let Some((number, from)) = measured.take().await {
                connection.command(number, kind).await?;
                let took = u32::try_from(from.elapsed().as_micros()).unwrap_or(u32::MAX);
                measured.latencies[number].store(took, Ordering::Relaxed);
            }
            anyhow::Ok(())
        }));
    }
    for sender in senders {
        sender.await??;
    }
    Ok(measured.latencies.iter().map(|took| took.load(Ordering::Relaxed)).collect())
}

/// What an answer says, and to whom.
#[derive(Deserialize)]
struct Said<'a> {
    #[serde(borrow)]
    response_type: Cow<'a, str>,
    #[serde(borrow)]
    text: Cow<'a, str>,
}

struct Connection {
    stream: TcpStream,
    secret: SecretString,
    answer: Vec<u8>,
}

impl Connection {
    async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, secret: SecretString::from(SECRET), answer: Vec::new() })
    }

    async fn command(&mut self, number: usize, kind: Kind) -> anyhow::Result<()> {
        // A room's every command names another owner than it has.
        let (room, owner, person) = (number % ROOMS, number / ROOMS + 1, number % PEOPLE);
        let body = format!(
            "team_id=T1&channel_id=C1&user_id=U{person}&user_name=bench&command=%2Froom-owner\
             &text=room-{room}+user{owner}&trigger_id={number}.bench&api_app_id=A1"
        );
        let timestamp = SystemClock.now().as_second().to_string();
        let signature = signature::sign(&self.secret, &timestamp, body.as_bytes());
        let request = format!(
            "POST /slack/commands HTTP/1.1\r\nhost: localhost\r\nx-slack-signature: {signature}\r\n\
             x-slack-request-timestamp: {timestamp}\r\ncontent-type: application/x-www-form-urlencoded\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream.write_all(request.as_bytes()).await?;
        let answer = self.read_answer().await?;
        let Said { response_type, text } = serde_json::from_slice(&answer)?;
        let as_it_should = match kind {
            Kind::Transfers | Kind::OneCall => response_type == "in_channel",
            Kind::Denials => response_type == "ephemeral" && text.contains("Not allowed"),
        };
        ensure!(as_it_should, "command {number} was answered with `{text}`, for {response_type}");
        Ok(())
    }

    /// The body of an answer, which has to be a 200 that tells its length.
    async fn read_answer(&mut self) -> anyhow::Result<Vec<u8>> {
        self.answer.clear();
        loop {
            if let Some(body) = whole(&self.answer)? {
                return Ok(body.to_vec());
            }
            ensure!(self.answer.len() < LONGEST_ANSWER, "an answer does not end");
            let read = self.stream.read_buf(&mut self.answer).await?;
            ensure!(read > 0, "the bot closed a connection");
        }
    }
}

/// The body, if the answer is all there.
fn whole(answer: &[u8]) -> anyhow::Result<Option<&[u8]>> {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let (head, body) = answer.split_at(end + 4);
    let head = std::str::from_utf8(head).context("an answer's head is not text")?;
    if !head.starts_with("HTTP/1.1 200 ") {
        bail!("a command was answered with {}", head.lines().next().unwrap_or_default());
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>())
    });
    let length = length.context("an answer does not tell its length")??;
    Ok(body.get(..length))
}
