//! With a token and no public key, commands come over the gateway, and all else is as over HTTP.

use std::time::Duration;

use axum::http::StatusCode;
use room_owner::tencent::simulator::FaultKind;
use serde_json::{Value, json};

use super::fakes::discord::Discord;
use super::fakes::gateway::{Connection, Fake, within};
use super::world::{ALICE, OTTO, World, read, token, transfer};

/// A world whose bot is connected.
async fn connected() -> (World, Fake, Connection) {
    let (discord, mut gateway) = Discord::with_gateway().await;
    let world = World::over_the_gateway_of(discord).await;
    let connection = gateway.session().await;
    (world, gateway, connection)
}

fn event(sequence: u64, interaction: &Value) -> Value {
    json!({ "op": 0, "t": "INTERACTION_CREATE", "s": sequence, "d": interaction })
}

impl World {
    fn happens(&self, connection: &Connection, sequence: u64, interaction: &Value) {
        self.discord.knows(interaction);
        connection.send(event(sequence, interaction));
    }

    /// Asks `/readyz` until it has this status.
    async fn until_readyz_is(&self, wanted: u16) -> String {
        self.until_readyz(|status, _| status == wanted).await
    }

    async fn until_readyz(&self, wanted: impl Fn(u16, &str) -> bool) -> String {
        let asking = async {
            loop {
                let (status, text) = self.page("/readyz").await;
                if wanted(status, &text) {
                    return text;
                }
            }
        };
        within(asking, "what `/readyz` should say").await
    }
}

#[tokio::test]
async fn a_permitted_transfer_is_acknowledged_carried_out_and_answered_in_the_words_of_http() {
    let over_http = World::start().await;
    let said_over_http = over_http.says(&transfer(ALICE)).await;
    over_http.end().await;

    let (world, _gateway, connection) = connected().await;
    let interaction = transfer(ALICE);
    world.happens(&connection, 2, &interaction);
    let answered = world.answered(&interaction).await;
    assert_eq!(answered.callback.as_ref().unwrap()["type"], 5, "first it says that it is worked on");
    assert!(answered.edited.is_some());
    assert_eq!(read(&answered), said_over_http);
    assert!(said_over_http.contains("`test` now belongs to `user2`"), "{said_over_http}");
    assert_eq!(world.owner_of("test"), "user2");
    let ended = world.end().await;
    assert_eq!((ended.outcomes(), ended.changes), (vec!["succeeded"], 1));
    let delivery = ended.audit[0].delivery_id.as_ref().unwrap();
    assert_eq!(delivery.to_string(), format!("discord:{}", interaction["id"].as_str().unwrap()));
}

#[tokio::test]
async fn a_denial_is_answered_at_once_in_the_words_of_http() {
    let over_http = World::start().await;
    let said_over_http = over_http.says(&transfer(OTTO)).await;
    over_http.end().await;

    let (world, _gateway, connection) = connected().await;
    let interaction = transfer(OTTO);
    world.happens(&connection, 2, &interaction);
    let answered = world.answered(&interaction).await;
    assert_eq!(answered.callback.as_ref().unwrap()["type"], 4, "there is nothing to wait for");
    assert_eq!(read(&answered), said_over_http);
    assert!(said_over_http.starts_with("(only you)\n⛔ Not allowed"), "{said_over_http}");
    let ended = world.end().await;
    assert_eq!((ended.outcomes(), ended.calls), (vec!["denied"], 0));
}

#[tokio::test]
async fn an_interaction_that_is_replayed_to_a_resumed_session_changes_the_owner_once() {
    let (world, mut gateway, first) = connected().await;
    let interaction = transfer(ALICE);
    world.happens(&first, 2, &interaction);
    let said = world.answered(&interaction).await;
    first.drop_it();
    let mut second = gateway.connection().await;
    second.hello(Duration::from_millis(200));
    assert_eq!(second.expect(6).await["d"]["seq"], 2);
    second.send(event(3, &interaction));
    second.send(json!({ "op": 0, "t": "RESUMED", "s": 4, "d": {} }));
    world.until_something_was("duplicate").await;
    let discord = world.discord.clone();
    let ended = world.end().await;
    assert_eq!((ended.outcomes(), ended.changes), (vec!["succeeded", "duplicate"], 1));
    assert_eq!(ended.audit[1].reason, Some(format!("repeats operation {}", ended.audit[0].operation)));
    assert_eq!(read(&discord.interaction(token(&interaction))), read(&said), "the answer stands");
}

#[tokio::test]
async fn an_interaction_that_comes_twice_while_it_is_worked_on_changes_the_owner_once() {
    let (world, _gateway, connection) = connected().await;
    world.next_change(FaultKind::Stall { millis: 400, when: Default::default() });
    let interaction = transfer(ALICE);
    world.happens(&connection, 2, &interaction);
    world.happens(&connection, 3, &interaction);
    assert!(read(&world.answered(&interaction).await).contains("now belongs to"));
    let ended = world.end().await;
    assert_eq!((ended.outcomes(), ended.changes), (vec!["succeeded", "duplicate"], 1));
}

#[tokio::test]
async fn readyz_tells_whether_commands_arrive() {
    let (discord, mut gateway) = Discord::with_gateway().await;
    let world = World::over_the_gateway_of(discord).await;
    let mut connection = gateway.connection().await;
    connection.hello(Duration::from_millis(200));
    connection.expect(2).await;
    let before = world.until_readyz(|_, text| text.contains("last heard 0 s ago")).await;
    insta::assert_snapshot!(before, @r"
    not ready: discord
    store: ready
    discord: not ready; gateway: connecting, last heard 0 s ago
    ");
    assert_eq!(world.page("/readyz").await.0, 503);
    connection.ready("session-1", &gateway.resume_url());
    let after = world.until_readyz_is(200).await;
    insta::assert_snapshot!(after, @r"
    ready
    store: ready
    discord: ready; gateway: ready, last heard 0 s ago
    ");
    // The session breaks, and is taken up again.
    connection.drop_it();
    let mut second = gateway.connection().await;
    let during = world.until_readyz_is(503).await;
    assert!(during.contains("discord: not ready; gateway: resuming"), "{during}");
    second.hello(Duration::from_millis(200));
    second.expect(6).await;
    second.send(json!({ "op": 0, "t": "RESUMED", "s": 2, "d": {} }));
    world.until_readyz_is(200).await;
    assert_eq!(world.deliver("{}").await, StatusCode::NOT_FOUND, "there is no door for HTTP");
    world.end().await;
}

#[tokio::test]
async fn beside_slack_a_gateway_that_is_down_is_named_and_takes_nothing_along() {
    let (discord, mut gateway) = Discord::with_gateway().await;
    gateway.entrance.lock().unwrap().status = StatusCode::BAD_GATEWAY;
    let world = World::over_the_gateway_beside_slack(discord).await;
    within(gateway.asked.recv(), "a question").await;
    let (status, text) = world.page("/readyz").await;
    insta::assert_snapshot!(text, @r"
    ready
    store: ready
    slack: ready
    discord: not ready; gateway: connecting, never heard
    ");
    assert_eq!(status, 200);
    let (status, text) = world.page("/readyz?strict=1").await;
    assert!(status == 503 && text.starts_with("not ready: discord\n"), "{status} {text}");
    assert_eq!(world.page("/readyz?strict=0").await.0, 200);
    assert_eq!(world.page("/readyz?strict=perhaps").await.0, 400);
    gateway.entrance.lock().unwrap().status = StatusCode::OK;
    let _connection = gateway.session().await;
    let asking = async { while world.page("/readyz?strict=1").await.0 != 200 {} };
    within(asking, "every door").await;
    world.end().await;
}

#[tokio::test]
async fn a_token_that_is_refused_is_said_once_and_slack_goes_on() {
    let (discord, mut gateway) = Discord::with_gateway().await;
    gateway.entrance.lock().unwrap().status = StatusCode::UNAUTHORIZED;
    let world = World::over_the_gateway_beside_slack(discord).await;
    let text = world.until_readyz(|_, text| text.contains("token")).await;
    insta::assert_snapshot!(text, @"
    ready
    store: ready
    slack: ready
    discord: not ready; gateway: refused: the bot token is not accepted: set DISCORD_BOT_TOKEN to the one from the developer portal
    ");
    assert_eq!(world.page("/readyz").await, (200, text));
    assert_eq!(world.page("/healthz").await, (200, "alive\n".to_owned()));
    world.end().await;
    assert!(gateway.asked.recv().await.is_some());
    assert!(gateway.asked.try_recv().is_err(), "it asks rarely");
    assert_eq!(gateway.waiting_arrivals(), 0);
}

#[tokio::test]
async fn a_command_under_way_at_the_end_is_finished_and_the_session_left() {
    let (world, _gateway, mut connection) = connected().await;
    world.next_change(FaultKind::Stall { millis: 400, when: Default::default() });
    let interaction = transfer(ALICE);
    world.happens(&connection, 2, &interaction);
    let shown = world.discord.until(token(&interaction), |it| it.callback.is_some()).await;
    assert!(shown.edited.is_none());
    let (discord, tencent) = (world.discord.clone(), world.tencent.clone());
    let ended = world.end().await;
    assert_eq!((ended.outcomes(), ended.changes), (vec!["succeeded"], 1));
    assert_eq!(tencent.owner_of("test").unwrap(), "user2");
    assert!(read(&discord.interaction(token(&interaction))).contains("now belongs to"));
    assert_eq!(connection.expect_close().await, Some(1000));
}
