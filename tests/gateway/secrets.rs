//! What is logged and printed holds no secret.

use std::cell::RefCell;
use std::io;
use std::sync::Once;

use axum::http::StatusCode;
use serde_json::json;
use tokio::io::AsyncReadExt as _;

use room_owner::discord::gateway::Phase;

use crate::bot::{Bot, TOKEN, settings};
use crate::fakes::gateway::{Fake, Welcome, within};

thread_local! {
    /// What this test logged: each test has a thread of its own, and all of it runs there.
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct Kept;

impl io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Keeps the lines of every thread. One that is set for a thread alone would miss what another thread is the first to
/// log: `tracing` remembers of each line whether anybody wants it.
fn keep_lines() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(|| Kept).init();
    });
}

/// At the highest level of detail, of every crate, through a session with every kind of trouble.
#[tokio::test]
async fn nothing_that_is_logged_holds_a_token_or_a_session() {
    keep_lines();
    let mut fake = Fake::start().await;
    fake.entrance.lock().unwrap().status = StatusCode::BAD_GATEWAY;
    let mut bot = Bot::start(&fake);
    within(fake.asked.recv(), "a question").await;
    fake.entrance.lock().unwrap().status = StatusCode::OK;
    let first = fake.session().await;
    bot.is(Phase::Ready).await;
    let interaction = json!({ "id": "1", "token": "token-of-the-interaction" });
    first.send(json!({ "op": 0, "t": "INTERACTION_CREATE", "s": 2, "d": interaction }));
    first.send_text(r#"{"op":0,"s":3,"t":"INTERACTION_CREATE","d":{"token":"token-of-the-interaction""#);
    // The reader of JSON quotes what it did not expect.
    first.send(json!({ "op": TOKEN }));
    bot.interaction().await;
    *fake.welcome.lock().unwrap() = Welcome::Drop;
    first.send(json!({ "op": 7 }));
    bot.is(Phase::Resuming).await;
    while fake.waiting_arrivals() == 0 {
        tokio::task::yield_now().await;
    }
    *fake.welcome.lock().unwrap() = Welcome::Upgrade;
    let second = fake.resumed("session-1", 2).await;
    bot.is(Phase::Ready).await;
    second.close(Some(4004));
    let fatal = bot.end().await.unwrap_err();

    let log = String::from_utf8(LINES.take()).unwrap();
    assert!(log.contains("a gateway session has begun"), "the log is of this run:\n{log}");
    assert!(log.contains("the bot token is not accepted"));
    assert!(log.contains("[redacted]"), "the token came back in a frame:\n{log}");
    let printed = format!("{log}{fatal:?}{fatal}{:?}{}{:?}", bot.state, bot.state, settings(&fake));
    for secret in [TOKEN, "token-of-the-interaction", "session-1"] {
        let line = printed.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "`{secret}` is printed");
    }
}

#[tokio::test]
async fn a_wss_address_is_spoken_to_in_tls_alone() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let fake = Fake::start().await;
    fake.entrance.lock().unwrap().url = Some(format!("wss://{}", listener.local_addr().unwrap()));
    let mut bot = Bot::start(&fake);
    let (mut stream, _) = within(listener.accept(), "a connection").await.unwrap();
    let mut first = [0; 3];
    within(stream.read_exact(&mut first), "the first bytes").await.unwrap();
    assert_eq!(first[..2], [0x16, 0x03], "a TLS handshake record");
    assert_eq!(bot.state.phase(), Phase::Connecting);
    bot.ask_to_stop();
    bot.end().await.unwrap();
}
