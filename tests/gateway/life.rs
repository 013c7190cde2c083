//! A session while all is well, and its end.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use room_owner::discord::gateway::Phase;

use crate::bot::{Bot, TOKEN};
use crate::fakes::gateway::{Fake, within};

#[tokio::test]
async fn a_session_begins_without_intents_and_is_ready_after_ready() {
    let mut fake = Fake::start().await;
    let bot = Bot::start(&fake);
    let asked = within(fake.asked.recv(), "a question").await.unwrap();
    assert_eq!(asked["authorization"], format!("Bot {TOKEN}"));
    assert!(asked["user-agent"].to_str().unwrap().starts_with("DiscordBot ("));
    let mut connection = fake.connection().await;
    assert_eq!(connection.query, "v=10&encoding=json");
    assert_eq!(bot.state.phase(), Phase::Connecting);
    connection.hello(Duration::from_secs(41));
    let identify = connection.expect(2).await;
    assert_eq!((&identify["d"]["token"], &identify["d"]["intents"]), (&json!(TOKEN), &json!(0)));
    assert!(!bot.state.is_ready());
    connection.ready("session-1", &fake.resume_url());
    bot.is(Phase::Ready).await;
    assert!(bot.state.last_heard().unwrap() < Duration::from_secs(5));
}

#[tokio::test]
async fn an_interaction_reaches_the_handler_as_it_was_sent_however_odd_it_is() {
    let mut fake = Fake::start().await;
    let mut bot = Bot::start(&fake);
    let connection = fake.session().await;
    let odd = r#"{ "id":"1","type":99, "data":{"options":[{"type":77,"value":1.50}]},"op":9,"t":"READY","s":null }"#;
    connection.send_text(&format!(r#"{{"d":{odd},"op":0,"s":2,"t":"INTERACTION_CREATE","more":{{}}}}"#));
    assert_eq!(bot.interaction().await, odd);
}

#[tokio::test]
async fn events_and_frames_that_mean_nothing_here_are_ignored_and_their_numbers_kept() {
    let mut fake = Fake::start().await;
    let mut bot = Bot::start(&fake);
    let connection = fake.session().await;
    connection.send(json!({ "op": 0, "t": "GUILD_CREATE", "s": 2, "d": { "id": "1" } }));
    connection.send(json!({ "op": 0, "t": "SOMETHING_OF_NEXT_YEAR", "s": 3, "d": [null] }));
    connection.send(json!({ "op": 77, "d": "?" }));
    for text in ["", "no JSON", "[]", "null", r#"{"op":"0"}"#, r#"{"op":0,"t":"READY","s":4,"d":{}}"#] {
        connection.send_text(text);
    }
    connection.interaction(5, "after");
    assert_eq!(bot.interaction().await, r#"{"id":"after"}"#);
    connection.drop_it();
    fake.resumed("session-1", 5).await;
}

#[tokio::test]
async fn a_heartbeat_names_the_last_event_and_comes_at_once_when_asked_for() {
    let mut fake = Fake::start().await;
    let mut bot = Bot::start(&fake);
    let mut connection = fake.connection().await;
    connection.hello(Duration::from_secs(3_600));
    connection.expect(2).await;
    connection.send(json!({ "op": 1, "d": null }));
    assert_eq!(connection.next_heartbeat().await, json!(null), "no event yet");
    connection.ready("session-1", &fake.resume_url());
    connection.interaction(7, "x");
    bot.interaction().await;
    connection.send(json!({ "op": 1, "d": null }));
    assert_eq!(connection.next_heartbeat().await, json!(7));
}

#[tokio::test]
async fn a_slow_command_delays_neither_the_next_one_nor_heartbeats() {
    let mut fake = Fake::start().await;
    let mut bot = Bot::start(&fake);
    let mut connection = fake.session().await;
    connection.interaction(2, "slow");
    bot.interaction().await;
    connection.interaction(3, "quick");
    assert_eq!(bot.interaction().await, r#"{"id":"quick"}"#);
    for _ in 0..3 {
        connection.next_heartbeat().await;
    }
    assert_eq!(*bot.finished.lock().unwrap(), [r#"{"id":"quick"}"#]);
    assert!(bot.state.is_ready());
}

#[tokio::test]
async fn a_handler_that_panics_takes_nobody_with_it() {
    let mut fake = Fake::start().await;
    let mut bot = Bot::start(&fake);
    let connection = fake.session().await;
    connection.interaction(2, "panic");
    bot.interaction().await;
    connection.interaction(3, "next");
    assert_eq!(bot.interaction().await, r#"{"id":"next"}"#);
}

#[tokio::test]
async fn at_the_end_the_connection_is_closed_at_once_and_commands_under_way_go_on() {
    let mut fake = Fake::start().await;
    let mut bot = Bot::start(&fake);
    let mut connection = fake.session().await;
    connection.interaction(2, "slow");
    bot.interaction().await;
    let began = Instant::now();
    bot.ask_to_stop();
    bot.end().await.unwrap();
    println!("stopped after {:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(1));
    assert_eq!(connection.expect_close().await, Some(1000));
    assert_eq!(bot.state.phase(), Phase::Stopped);
    assert!(bot.finished.lock().unwrap().is_empty());
    bot.slow.add_permits(1);
    bot.tasks.close();
    within(bot.tasks.wait(), "the command under way").await;
    assert_eq!(*bot.finished.lock().unwrap(), [r#"{"id":"slow"}"#]);
}

#[tokio::test]
async fn the_end_is_prompt_in_every_phase() {
    async fn ends(mut bot: Bot) {
        let began = Instant::now();
        bot.ask_to_stop();
        bot.end().await.unwrap();
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    }
    let mut fake = Fake::start().await;
    // The gateway says nothing.
    let bot = Bot::start(&fake);
    fake.connection().await.freeze();
    ends(bot).await;
    // No session is left for today.
    fake.entrance.lock().unwrap().remaining = 0;
    let bot = Bot::start(&fake);
    within(bot.state.wait_for(|phase| matches!(phase, Phase::Waiting { .. })), "the wait").await;
    ends(bot).await;
    // The API is down, and the next try is some pauses away.
    while fake.asked.try_recv().is_ok() {}
    fake.entrance.lock().unwrap().status = axum::http::StatusCode::BAD_GATEWAY;
    let bot = Bot::start(&fake);
    for _ in 0..4 {
        within(fake.asked.recv(), "a question").await;
    }
    ends(bot).await;
}
