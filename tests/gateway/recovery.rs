//! Breaks, and how soon the session goes on.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use room_owner::discord::gateway::Phase;

use crate::bot::Bot;
use crate::fakes::gateway::{Connection, Door, Fake, Welcome, within};

/// A session with an interaction behind it, and the fault. RESUME must come to the right address, with the
/// right session and sequence number, within 2 seconds from when the client could know.
async fn resumes_after(name: &str, fault: impl AsyncFnOnce(&mut Connection)) {
    let mut fake = Fake::start().await;
    let mut bot = Bot::start(&fake);
    let mut first = fake.session().await;
    bot.is(Phase::Ready).await;
    first.interaction(2, "before");
    assert_eq!(bot.interaction().await, r#"{"id":"before"}"#);
    fault(&mut first).await;
    let began = Instant::now();
    let second = fake.resumed("session-1", 2).await;
    let took = began.elapsed();
    println!("{name}: RESUME after {took:?}");
    assert_eq!(second.door, Door::Resume);
    assert!(took < Duration::from_secs(2), "{took:?}");
    bot.is(Phase::Ready).await;
    // What was missed is replayed, and what is replayed twice is handed on twice.
    second.interaction(4, "missed");
    second.interaction(4, "missed");
    for _ in 0..2 {
        assert_eq!(bot.interaction().await, r#"{"id":"missed"}"#);
    }
    assert_eq!(fake.asked.len(), 1, "to resume costs no question");
}

#[tokio::test]
async fn a_session_resumes_after_op_7() {
    resumes_after("op 7", async |connection| {
        connection.send(json!({ "op": 7, "d": null }));
        let code = connection.expect_close().await;
        assert!(!matches!(code, Some(1000 | 1001)), "{code:?} would end the session");
    })
    .await;
}

#[tokio::test]
async fn a_session_resumes_after_op_7_from_a_peer_that_then_says_nothing_more() {
    resumes_after("op 7, then silence", async |connection| {
        connection.send(json!({ "op": 7, "d": null }));
        connection.freeze();
    })
    .await;
}

#[tokio::test]
async fn a_session_resumes_after_a_dropped_connection() {
    resumes_after("dropped", async |connection| connection.drop_it()).await;
}

#[tokio::test]
async fn a_session_resumes_after_a_reset_connection() {
    resumes_after("reset", async |connection| connection.reset()).await;
}

#[tokio::test]
async fn a_session_resumes_after_a_close_with_a_code() {
    resumes_after("close 4000", async |connection| connection.close(Some(4000))).await;
}

#[tokio::test]
async fn a_session_resumes_after_a_close_of_a_gateway_that_restarts() {
    resumes_after("close 1001", async |connection| connection.close(Some(1001))).await;
}

#[tokio::test]
async fn a_session_resumes_after_a_close_without_a_code() {
    resumes_after("close without a code", async |connection| connection.close(None)).await;
}

#[tokio::test]
async fn a_session_resumes_when_a_heartbeat_is_not_acknowledged_before_the_next() {
    resumes_after("no acknowledgement", async |connection| {
        connection.acknowledge_no_more();
        connection.next_heartbeat().await;
    })
    .await;
}

#[tokio::test]
async fn a_session_resumes_when_op_9_says_that_it_may() {
    resumes_after("op 9, resumable", async |connection| connection.send(json!({ "op": 9, "d": true }))).await;
}

/// A session, the fault, and then a new session.
async fn begins_anew_after(fault: impl AsyncFnOnce(&mut Connection)) {
    let mut fake = Fake::start().await;
    let mut bot = Bot::start(&fake);
    let mut first = fake.session().await;
    bot.is(Phase::Ready).await;
    fault(&mut first).await;
    let second = fake.session().await;
    assert_eq!(second.door, Door::General);
    assert_eq!(fake.asked.len(), 2, "each new session is preceded by a look at the limit");
    bot.is(Phase::Ready).await;
    second.interaction(2, "after");
    assert_eq!(bot.interaction().await, r#"{"id":"after"}"#);
}

#[tokio::test]
async fn a_new_session_begins_when_op_9_says_that_the_old_one_is_over() {
    begins_anew_after(async |connection| connection.send(json!({ "op": 9, "d": false }))).await;
}

#[tokio::test]
async fn a_new_session_begins_after_a_close_for_a_timed_out_session() {
    begins_anew_after(async |connection| connection.close(Some(4009))).await;
}

#[tokio::test]
async fn a_new_session_begins_after_a_close_for_an_invalid_sequence() {
    begins_anew_after(async |connection| connection.close(Some(4007))).await;
}

#[tokio::test]
async fn a_resume_that_is_refused_becomes_a_new_session() {
    let mut fake = Fake::start().await;
    let bot = Bot::start(&fake);
    fake.session().await.drop_it();
    let mut second = fake.connection().await;
    second.hello(Duration::from_millis(200));
    second.expect(6).await;
    bot.is(Phase::Resuming).await;
    second.send(json!({ "op": 9, "d": false }));
    fake.session().await;
    bot.is(Phase::Ready).await;
}

#[tokio::test]
async fn a_session_resumes_at_the_general_address_when_its_own_is_out_of_reach() {
    let mut fake = Fake::start().await;
    let bot = Bot::start(&fake);
    let mut first = fake.connection().await;
    first.hello(Duration::from_millis(200));
    first.expect(2).await;
    // Nobody listens at port 9 of this machine.
    first.ready("session-1", "ws://127.0.0.1:9");
    bot.is(Phase::Ready).await;
    first.drop_it();
    assert_eq!(fake.resumed("session-1", 1).await.door, Door::General);
    bot.is(Phase::Ready).await;
}

#[tokio::test]
async fn a_session_resumes_at_a_new_general_address_when_both_old_ones_are_out_of_reach() {
    let mut fake = Fake::start().await;
    let bot = Bot::start(&fake);
    fake.session().await.drop_it();
    let mut second = fake.connection().await;
    second.hello(Duration::from_millis(200));
    second.expect(6).await;
    assert_eq!((second.door, fake.waiting_arrivals(), fake.asked.len()), (Door::Resume, 2, 1));
    *fake.welcome.lock().unwrap() = Welcome::Drop;
    second.drop_it();
    // The address of the session has failed once, and is not taken again.
    assert_eq!(within(fake.arrivals.recv(), "a connection").await.unwrap().0, Door::General);
    *fake.welcome.lock().unwrap() = Welcome::Upgrade;
    fake.resumed("session-1", 1).await;
    bot.is(Phase::Ready).await;
    assert_eq!(fake.asked.len(), 2, "the address was asked for again");
}

#[tokio::test]
async fn a_session_resumes_at_the_general_address_when_its_own_would_show_the_token() {
    for address in ["ws://gateway.discord.example", "http://127.0.0.1", "\n", "wss://"] {
        let mut fake = Fake::start().await;
        let bot = Bot::start(&fake);
        let mut first = fake.connection().await;
        first.hello(Duration::from_millis(200));
        first.expect(2).await;
        first.ready("session-1", address);
        bot.is(Phase::Ready).await;
        first.drop_it();
        assert_eq!(fake.resumed("session-1", 1).await.door, Door::General, "{address:?}");
    }
}

#[tokio::test]
async fn a_connection_without_hello_is_given_up() {
    let mut fake = Fake::start().await;
    let bot = Bot::start(&fake);
    let silent = fake.connection().await;
    fake.session().await;
    bot.is(Phase::Ready).await;
    drop(silent);
}

#[tokio::test]
async fn a_connection_without_ready_is_given_up_even_if_it_answers_heartbeats() {
    let mut fake = Fake::start().await;
    let bot = Bot::start(&fake);
    let mut deaf = fake.connection().await;
    deaf.hello(Duration::from_millis(50));
    deaf.expect(2).await;
    fake.session().await;
    assert!(deaf.beats() > 0);
    bot.is(Phase::Ready).await;
}

/// Whether the connections came ever more slowly: each pause at least half of what is meant.
async fn come_ever_more_slowly(fake: &mut Fake) {
    let mut arrivals = Vec::new();
    while arrivals.len() < 5 {
        arrivals.push(within(fake.arrivals.recv(), "a connection").await.unwrap().1);
    }
    let pauses: Vec<_> = arrivals.windows(2).map(|pair| pair[1] - pair[0]).collect();
    println!("pauses: {pauses:?}");
    for (pause, most) in pauses[1..].iter().zip([250, 500, 1_000]) {
        assert!(*pause >= Duration::from_millis(most / 2), "{pauses:?}");
    }
}

#[tokio::test]
async fn connections_that_fail_are_tried_again_ever_more_slowly() {
    let mut fake = Fake::start().await;
    *fake.welcome.lock().unwrap() = Welcome::Drop;
    let bot = Bot::start(&fake);
    come_ever_more_slowly(&mut fake).await;
    assert_eq!(bot.state.phase(), Phase::Connecting);
    *fake.welcome.lock().unwrap() = Welcome::Upgrade;
    fake.session().await;
    bot.is(Phase::Ready).await;
}

#[tokio::test]
async fn connections_that_are_dropped_after_the_handshake_are_tried_again_ever_more_slowly() {
    let mut fake = Fake::start().await;
    *fake.welcome.lock().unwrap() = Welcome::DropAfterUpgrade;
    let _bot = Bot::start(&fake);
    come_ever_more_slowly(&mut fake).await;
}

#[tokio::test]
async fn sessions_that_break_as_soon_as_they_are_resumed_are_resumed_ever_more_slowly() {
    let mut fake = Fake::start().await;
    let _bot = Bot::start(&fake);
    fake.session().await.close(Some(4000));
    for resumption in 0..4 {
        fake.resumed("session-1", 1 + resumption).await.close(Some(4000));
    }
    fake.resumed("session-1", 5).await;
    // The first arrival is that of the new session; the later pauses count.
    come_ever_more_slowly(&mut fake).await;
}
