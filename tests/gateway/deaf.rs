//! How long the bot is deaf after a fault, with the time limits that it really has.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::json;
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::Instant;

use room_owner::discord::gateway::{Phase, Settings, Timing};

use Trouble::{Close, Drop, Freeze, Giant, Invalid, NoAcknowledgement, Reconnect, Reset, Silence};

use crate::bot::{Bot, settings};
use crate::fakes::gateway::{Connection, Door, Fake, Frame};

/// What Discord asks for.
const INTERVAL: Duration = Duration::from_millis(41_250);
const LONGEST_DEAF: Duration = Duration::from_secs(10);

/// Lets time run fifty times as fast. Paused time that goes on by itself would run ahead of the sockets, which are
/// real; here it waits for them.
fn hurry() {
    tokio::time::pause();
    tokio::spawn(async {
        loop {
            // While this is under way, time stands still.
            tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(1))).await.unwrap();
            tokio::time::advance(Duration::from_millis(50)).await;
        }
    });
}

/// What happens to a connection.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Trouble {
    Drop,
    Reset,
    Close(Option<u16>),
    Reconnect,
    Invalid {
        is_resumable: bool,
    },
    /// Nothing is read or written any more.
    Freeze,
    /// Heartbeats are not acknowledged any more.
    NoAcknowledgement,
    /// Heartbeats are acknowledged, and nothing else is said.
    Silence,
    /// A frame that is too large to be read.
    Giant,
}

const TROUBLES: [Trouble; 12] = [
    Drop,
    Reset,
    Close(Some(4000)),
    Close(Some(4009)),
    Close(None),
    Reconnect,
    Invalid { is_resumable: true },
    Invalid { is_resumable: false },
    Freeze,
    NoAcknowledgement,
    Silence,
    Giant,
];

impl Trouble {
    fn strike(self, connection: &Connection) {
        match self {
            Self::Drop => connection.drop_it(),
            Self::Reset => connection.reset(),
            Self::Close(code) => connection.close(code),
            Self::Reconnect => connection.send(json!({ "op": 7, "d": null })),
            Self::Invalid { is_resumable } => connection.send(json!({ "op": 9, "d": is_resumable })),
            Self::Freeze => connection.freeze(),
            Self::NoAcknowledgement => connection.acknowledge_no_more(),
            Self::Silence => {}
            Self::Giant => connection.send_text(&"x".repeat(9 * 1_024 * 1_024)),
        }
    }
}

/// Where the session is to be resumed.
#[derive(Debug, Clone, Copy)]
enum Address {
    Fine,
    /// Connections are refused.
    Refused,
    /// Connections are never established.
    BlackHole,
    /// Connections are established, and the handshake is not answered.
    Stalled,
    /// The same, in TLS.
    StalledTls,
    /// There is no hello.
    Silent,
}

/// One fault: what it does to the session, and what it does to the ways back.
#[derive(Debug, Clone, Copy)]
struct Fault {
    session: Trouble,
    address: Address,
    /// Every RESUME meets this.
    resume: Option<Trouble>,
    /// The first IDENTIFY after it meets this.
    identify: Option<Trouble>,
}

impl Fault {
    fn of(session: Trouble) -> Self {
        Self { session, address: Address::Fine, resume: None, identify: None }
    }
}

/// An address at which nobody is met, and what keeps it so.
async fn nobody(address: Address) -> (String, Box<dyn std::any::Any>) {
    match address {
        Address::Fine | Address::Silent => unreachable!("the fake is there"),
        // Nobody listens at port 9 of this machine.
        Address::Refused => ("ws://127.0.0.1:9".to_owned(), Box::new(())),
        Address::Stalled | Address::StalledTls => {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let scheme = if matches!(address, Address::Stalled) { "ws" } else { "wss" };
            (format!("{scheme}://{}", listener.local_addr().unwrap()), Box::new(listener))
        }
        Address::BlackHole => {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
            let listener = socket.listen(1).unwrap();
            let address = listener.local_addr().unwrap();
            let mut queue = Vec::new();
            // When the queue of the listener is full, its machine answers nobody.
            while let Ok(stream) = std::net::TcpStream::connect_timeout(&address, Duration::from_millis(100))
            {
                queue.push(stream);
            }
            (format!("ws://{address}"), Box::new((listener, queue)))
        }
    }
}

fn in_earnest(fake: &Fake) -> Settings {
    Settings { timing: Timing::default(), ..settings(fake) }
}

/// Receives IDENTIFY or RESUME; `None` if the connection ends before.
async fn opening(connection: &mut Connection) -> Option<u64> {
    loop {
        match connection.frame().await? {
            Frame::Message(message) => return message["op"].as_u64(),
            Frame::Heartbeat(_) => {}
            Frame::Closed(_) => return None,
        }
    }
}

fn welcome(connection: &Connection, opening: u64, address: &str) {
    match opening {
        2 => connection.ready("session-1", address),
        _ => connection.send(json!({ "op": 0, "t": "RESUMED", "s": 2, "d": {} })),
    }
}

/// For how long nothing is heard.
async fn deaf_for(fault: Fault) -> Duration {
    let mut fake = Fake::start().await;
    let (address, _kept) = match fault.address {
        Address::Fine | Address::Silent => (fake.resume_url(), Box::new(()) as _),
        other => nobody(other).await,
    };
    let mut bot = Bot::with(in_earnest(&fake));
    let mut connection = fake.connection().await;
    connection.hello(INTERVAL);
    connection.expect(2).await;
    connection.ready("session-1", &address);
    connection.interaction(2, "before");
    bot.interaction().await;
    // It was there for a while: nothing is held against the next connection, and IDENTIFY may come at once.
    tokio::time::sleep(Duration::from_secs(35)).await;

    let began = Instant::now();
    fault.session.strike(&connection);
    let mut former = vec![connection];
    let mut identify = fault.identify;
    loop {
        let mut connection = fake.connections.recv().await.unwrap();
        if matches!((fault.address, connection.door), (Address::Silent, Door::Resume)) {
            former.push(connection);
            continue;
        }
        connection.hello(INTERVAL);
        let Some(opening) = opening(&mut connection).await else { continue };
        match if opening == 2 { identify.take() } else { fault.resume } {
            Some(trouble) => trouble.strike(&connection),
            None => {
                welcome(&connection, opening, &address);
                connection.interaction(3, "after");
                bot.interaction().await;
                return began.elapsed();
            }
        }
        former.push(connection);
    }
}

#[tokio::test]
async fn after_one_fault_the_bot_is_deaf_for_less_than_ten_seconds() {
    hurry();
    let ends = TROUBLES.into_iter().filter(|trouble| *trouble != Silence);
    let mut faults: Vec<_> = ends.map(Fault::of).collect();
    for resume in TROUBLES {
        faults.push(Fault { resume: Some(resume), ..Fault::of(Drop) });
        // The host of the session hangs, for new connections too.
        faults.push(Fault { resume: Some(resume), ..Fault::of(Freeze) });
    }
    use Address::{BlackHole, Refused, Silent, Stalled, StalledTls};
    for address in [Refused, BlackHole, Stalled, StalledTls, Silent] {
        faults.push(Fault { address, ..Fault::of(Drop) });
        faults.push(Fault { address, ..Fault::of(Freeze) });
    }
    for identify in TROUBLES {
        faults.push(Fault { identify: Some(identify), ..Fault::of(Close(Some(4009))) });
    }
    // All at once, each with a Discord of its own.
    let deaf = faults.into_iter().map(async |fault| {
        let deaf = tokio::time::timeout(Duration::from_secs(100), deaf_for(fault)).await;
        (deaf.unwrap_or(Duration::MAX), fault)
    });
    let mut deaf = futures_util::future::join_all(deaf).await;
    deaf.sort_by_key(|(deaf, _)| *deaf);
    for (deaf, fault) in &deaf {
        println!("{deaf:>10.1?} {fault:?}");
    }
    deaf.retain(|(deaf, _)| *deaf >= LONGEST_DEAF);
    assert!(deaf.is_empty(), "{deaf:#?}");
}

/// The longest time for which nothing is heard while every 10 seconds a fault strikes whatever connections there are,
/// and the next RESUME or IDENTIFY too.
async fn deaf_among(session: Trouble, opened: Option<Trouble>) -> Duration {
    let mut fake = Fake::start().await;
    let _bot = Bot::with(in_earnest(&fake));
    let address = fake.resume_url();
    let mut connections: Vec<Connection> = Vec::new();
    let mut faults = tokio::time::interval(Duration::from_secs(10));
    let began = Instant::now();
    let (mut deaf_since, mut longest) = (Some(began), Duration::ZERO);
    let mut next_opening = None;
    while began.elapsed() < Duration::from_secs(60) {
        let mut last = connections.pop();
        tokio::select! {
            _ = faults.tick() => {
                connections.extend(last);
                connections.iter().for_each(|connection| session.strike(connection));
                next_opening = opened;
                deaf_since.get_or_insert_with(Instant::now);
            }
            connection = fake.connections.recv() => {
                let connection = connection.unwrap();
                connection.hello(INTERVAL);
                connections.extend(last);
                connections.push(connection);
            }
            opening = async { match &mut last {
                Some(connection) => opening(connection).await,
                None => std::future::pending().await,
            } } => {
                // A connection that has ended is not kept.
                let Some(opening) = opening else { continue };
                let connection = last.unwrap();
                if let Some(trouble) = next_opening.take() {
                    trouble.strike(&connection);
                } else {
                    welcome(&connection, opening, &address);
                    longest = longest.max(deaf_since.take().map_or(Duration::ZERO, |since| since.elapsed()));
                }
                connections.push(connection);
            }
        }
    }
    longest.max(deaf_since.map_or(Duration::ZERO, |since| since.elapsed()))
}

#[tokio::test]
async fn with_a_fault_every_ten_seconds_the_bot_is_never_deaf_for_thirty() {
    hurry();
    let ends = TROUBLES.into_iter().filter(|trouble| *trouble != Silence);
    let openings = [None, Some(Drop), Some(Freeze), Some(Silence)];
    let both = ends.flat_map(|session| openings.map(|opened| (session, opened)));
    let deaf = both.map(async |(session, opened)| (deaf_among(session, opened).await, session, opened));
    let mut deaf = futures_util::future::join_all(deaf).await;
    deaf.sort_by_key(|(deaf, ..)| *deaf);
    for (deaf, session, opened) in &deaf {
        println!("{deaf:>10.1?} {session:?}, then {opened:?}");
    }
    deaf.retain(|(deaf, ..)| *deaf >= Duration::from_secs(30));
    assert!(deaf.is_empty(), "{deaf:#?}");
}

#[tokio::test]
async fn a_start_that_meets_a_fault_is_deaf_for_less_than_ten_seconds_too() {
    hurry();
    for hangs in [false, true] {
        let mut fake = Fake::start().await;
        {
            let mut entrance = fake.entrance.lock().unwrap();
            (entrance.status, entrance.hangs) = (StatusCode::BAD_GATEWAY, hangs);
        }
        let began = Instant::now();
        let bot = Bot::with(in_earnest(&fake));
        fake.asked.recv().await.unwrap();
        {
            let mut entrance = fake.entrance.lock().unwrap();
            (entrance.status, entrance.hangs) = (StatusCode::OK, false);
        }
        fake.session().await;
        bot.is(Phase::Ready).await;
        assert!(began.elapsed() < LONGEST_DEAF, "{hangs}: {:?}", began.elapsed());
    }
    for address in [Address::Refused, Address::BlackHole, Address::Stalled, Address::StalledTls] {
        let mut fake = Fake::start().await;
        let (nobody, _kept) = nobody(address).await;
        fake.entrance.lock().unwrap().url = Some(nobody);
        let began = Instant::now();
        let bot = Bot::with(in_earnest(&fake));
        fake.asked.recv().await.unwrap();
        // The next question names another address.
        fake.entrance.lock().unwrap().url = Some(fake.general_url());
        fake.session().await;
        bot.is(Phase::Ready).await;
        assert!(began.elapsed() < LONGEST_DEAF, "{address:?}: {:?}", began.elapsed());
    }
}

/// A session that cannot be resumed any more: RESUME is not answered.
async fn cannot_be_resumed() -> (Fake, Bot, Vec<Connection>) {
    let mut fake = Fake::start().await;
    let bot = Bot::with(in_earnest(&fake));
    let mut connections = vec![fake.session().await];
    bot.is(Phase::Ready).await;
    connections[0].drop_it();
    for _ in 0..2 {
        let mut connection = fake.connection().await;
        connection.hello(INTERVAL);
        connection.expect(6).await;
        connections.push(connection);
    }
    (fake, bot, connections)
}

#[tokio::test]
async fn while_no_new_session_is_permitted_the_old_one_is_tried_again() {
    hurry();
    for remaining in [0, 10] {
        let (mut fake, bot, _connections) = cannot_be_resumed().await;
        fake.entrance.lock().unwrap().remaining = remaining;
        for _ in 0..3 {
            let mut connection = fake.connection().await;
            connection.hello(INTERVAL);
            connection.expect(6).await;
            connection.drop_it();
        }
        fake.resumed("session-1", 1).await;
        bot.is(Phase::Ready).await;
    }
}

#[tokio::test]
async fn while_the_api_is_down_the_old_session_is_tried_again() {
    hurry();
    let (mut fake, bot, _connections) = cannot_be_resumed().await;
    fake.entrance.lock().unwrap().status = StatusCode::BAD_GATEWAY;
    let mut connection = fake.connection().await;
    connection.hello(INTERVAL);
    connection.expect(6).await;
    fake.entrance.lock().unwrap().status = StatusCode::OK;
    connection.drop_it();
    fake.session().await;
    bot.is(Phase::Ready).await;
}
