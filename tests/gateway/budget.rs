//! Refusals for good, and the daily limit of new sessions.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::json;

use room_owner::discord::gateway::{AfterRefusal, Fatal, Phase};

use crate::bot::{Bot, settings};
use crate::fakes::gateway::{Fake, within};

#[tokio::test]
async fn close_codes_for_good_end_in_one_clear_error_and_no_further_login() {
    let cases = [
        (4004, "the bot token is not accepted: set DISCORD_BOT_TOKEN to the one from the developer portal"),
        (4010, "discord closed the gateway for good with code 4010: the shard is invalid"),
        (
            4011,
            "discord closed the gateway for good with code 4011: the bot is in too many servers for one connection",
        ),
        (
            4012,
            "discord closed the gateway for good with code 4012: the version of the gateway is not served any more",
        ),
        (4013, "discord closed the gateway for good with code 4013: the intents are invalid"),
        (4014, "discord closed the gateway for good with code 4014: an intent is not permitted to this bot"),
    ];
    for (code, sentence) in cases {
        let mut fake = Fake::start().await;
        let mut bot = Bot::start(&fake);
        let mut connection = fake.connection().await;
        connection.hello(Duration::from_millis(200));
        connection.expect(2).await;
        connection.close(Some(code));
        let fatal = bot.end().await.unwrap_err();
        assert_eq!(fatal.to_string(), sentence);
        assert_eq!(bot.state.phase(), Phase::Fatal(sentence.to_owned()));
        assert!(!bot.state.is_ready());
        assert_eq!((fake.waiting_arrivals(), fake.asked.len()), (1, 1), "no login loop");
    }
}

#[tokio::test]
async fn a_close_for_good_ends_a_session_that_was_ready_too() {
    let mut fake = Fake::start().await;
    let mut bot = Bot::start(&fake);
    let connection = fake.session().await;
    bot.is(Phase::Ready).await;
    connection.close(Some(4004));
    assert_eq!(bot.end().await, Err(Fatal::Token));
    assert_eq!(fake.waiting_arrivals(), 1);
}

#[tokio::test]
async fn a_token_that_the_api_refuses_is_one_clear_error_and_never_shown_to_the_gateway() {
    let mut fake = Fake::start().await;
    fake.entrance.lock().unwrap().status = StatusCode::UNAUTHORIZED;
    let mut bot = Bot::start(&fake);
    assert_eq!(bot.end().await, Err(Fatal::Token));
    assert_eq!((fake.waiting_arrivals(), fake.asked.len()), (0, 1));
    assert_eq!(
        bot.state.to_string(),
        "refused: the bot token is not accepted: set DISCORD_BOT_TOKEN to the one from the developer portal"
    );
}

#[tokio::test]
async fn beside_another_platform_a_refusal_is_asked_again_after_a_pause() {
    let mut fake = Fake::start().await;
    fake.entrance.lock().unwrap().status = StatusCode::UNAUTHORIZED;
    let mut bot = Bot::kept(&fake, AfterRefusal::AskAgain);
    for _ in 0..2 {
        within(fake.asked.recv(), "a question").await.unwrap();
    }
    fake.entrance.lock().unwrap().status = StatusCode::OK;
    let connection = fake.session().await;
    bot.is(Phase::Ready).await;
    connection.close(Some(4004));
    fake.session().await;
    bot.is(Phase::Ready).await;
    bot.ask_to_stop();
    assert_eq!(bot.end().await, Ok(()));
}

#[tokio::test]
async fn a_pause_after_a_refusal_ends_when_the_bot_does() {
    let fake = Fake::start().await;
    fake.entrance.lock().unwrap().status = StatusCode::UNAUTHORIZED;
    let mut bot = Bot::kept(&fake, AfterRefusal::AskAgain);
    within(bot.state.wait_for(|now| matches!(now, Phase::Fatal(_))), "the refusal").await;
    bot.ask_to_stop();
    assert_eq!(bot.end().await, Ok(()));
}

#[tokio::test]
async fn the_only_platform_that_refuses_is_the_end() {
    let mut fake = Fake::start().await;
    fake.entrance.lock().unwrap().status = StatusCode::UNAUTHORIZED;
    let mut bot = Bot::kept(&fake, AfterRefusal::End);
    assert_eq!(bot.end().await, Err(Fatal::Token));
    assert_eq!((fake.waiting_arrivals(), fake.asked.len()), (0, 1));
}

#[tokio::test]
async fn a_token_that_no_header_can_hold_is_refused_before_anything_is_sent() {
    let mut fake = Fake::start().await;
    let mut bot = Bot::with(room_owner::discord::gateway::Settings {
        bot_token: "two\nlines".to_owned().into(),
        ..settings(&fake)
    });
    assert_eq!(bot.end().await, Err(Fatal::Token));
    assert!(fake.asked.is_empty() && fake.waiting_arrivals() == 0);
}

#[tokio::test]
async fn the_token_goes_to_no_plain_address_of_another_machine() {
    let fake = Fake::start().await;
    let mut bot = Bot::with(room_owner::discord::gateway::Settings {
        api_base_url: "http://discord.example/api/v10".parse().unwrap(),
        ..settings(&fake)
    });
    let fatal = bot.end().await.unwrap_err().to_string();
    assert_eq!(
        fatal,
        "`http://discord.example/api/v10` is no address for the bot token: write https, or http for a loopback address"
    );
}

#[tokio::test]
async fn no_session_is_begun_when_none_is_left_until_the_limit_is_reset() {
    let mut fake = Fake::start().await;
    {
        let mut entrance = fake.entrance.lock().unwrap();
        entrance.remaining = 0;
        entrance.reset_after = Duration::from_millis(700);
    }
    let bot = Bot::start(&fake);
    within(bot.state.wait_for(|phase| matches!(phase, Phase::Waiting { .. })), "the wait").await;
    let line = bot.state.to_string();
    assert!(
        line.ends_with("discord permits no new session until its daily limit is reset, never heard"),
        "{line}"
    );
    within(fake.asked.recv(), "the first question").await;
    let began = tokio::time::Instant::now();
    assert_eq!(fake.waiting_arrivals(), 0);
    // The reset has come when it is asked again.
    fake.entrance.lock().unwrap().remaining = 1_000;
    within(fake.asked.recv(), "the second question").await;
    assert!(began.elapsed() > Duration::from_millis(500), "asked again after {:?}", began.elapsed());
    fake.session().await;
    bot.is(Phase::Ready).await;
}

#[tokio::test]
async fn sessions_are_spread_when_few_are_left_but_the_first_is_not_delayed() {
    let mut fake = Fake::start().await;
    fake.entrance.lock().unwrap().remaining = 10;
    let bot = Bot::start(&fake);
    let connection = fake.session().await;
    bot.is(Phase::Ready).await;
    connection.send(json!({ "op": 9, "d": false }));
    within(bot.state.wait_for(|phase| matches!(phase, Phase::Waiting { .. })), "the wait").await;
    let line = bot.state.to_string();
    assert!(line.starts_with("waiting 35") || line.starts_with("waiting 360 s"), "an hour for ten: {line}");
    fake.arrivals.recv().await.unwrap();
    assert_eq!(fake.waiting_arrivals(), 0);
}

#[tokio::test]
async fn invalid_sessions_in_a_row_begin_anew_ever_more_slowly() {
    let mut fake = Fake::start().await;
    let _bot = Bot::start(&fake);
    let mut times = Vec::new();
    for _ in 0..5 {
        let mut connection = fake.connection().await;
        times.push(tokio::time::Instant::now());
        connection.hello(Duration::from_millis(200));
        connection.expect(2).await;
        connection.send(json!({ "op": 9, "d": false }));
        assert_eq!(connection.expect_close().await, Some(1000));
    }
    let pauses: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    println!("pauses between IDENTIFYs: {pauses:?}");
    for (pause, least) in pauses.iter().zip([10, 125, 250, 500]) {
        assert!(*pause >= Duration::from_millis(least), "{pauses:?}");
    }
}

#[tokio::test]
async fn an_api_that_is_down_is_asked_again_until_it_answers() {
    let mut fake = Fake::start().await;
    fake.entrance.lock().unwrap().status = StatusCode::BAD_GATEWAY;
    let bot = Bot::start(&fake);
    for _ in 0..3 {
        within(fake.asked.recv(), "a question").await;
    }
    assert_eq!(bot.state.phase(), Phase::Connecting);
    fake.entrance.lock().unwrap().status = StatusCode::OK;
    fake.session().await;
    bot.is(Phase::Ready).await;
}

#[tokio::test]
async fn a_gateway_address_that_would_show_the_token_is_not_connected_to() {
    let mut fake = Fake::start().await;
    fake.entrance.lock().unwrap().url = Some("ws://gateway.discord.example".to_owned());
    let bot = Bot::start(&fake);
    for _ in 0..2 {
        within(fake.asked.recv(), "a question").await;
    }
    let right = fake.general_url();
    fake.entrance.lock().unwrap().url = Some(right);
    fake.session().await;
    bot.is(Phase::Ready).await;
}
