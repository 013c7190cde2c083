//! Slack closes each connection of Socket Mode after some hours. Nothing is lost or done twice, and nobody waits.

use std::sync::Arc;
use std::time::Duration;

use room_owner::slack::socket::Timing;
use room_owner::tencent::simulator::{FaultKind, When};

use super::fakes::socket::Connection;
use super::logs;
use super::slack::{ALICE, Slack};
use super::socket_mode::{LINE, quick, world};
use super::world::{World, run};

#[tokio::test]
async fn the_next_connection_is_there_before_the_former_one_is_drained_and_closed() {
    let timing = Timing { drain: Duration::from_millis(300), ..quick() };
    run(World::usual().over_socket_mode(timing), async |bot| {
        let mut former = bot.fake().session().await;
        for (round, reason) in ["warning", "refresh_requested", "of its own"].into_iter().enumerate() {
            former.disconnect(reason);
            former.disconnect(reason);
            let next = bot.fake().connection().await;
            // The next one has no hello yet: everything comes by the former one.
            bot.until_metric(r#"room_owner_gateway_up{platform="slack"}"#, 1).await;
            let line = format!("/room-owner test first{round}");
            let reply = bot.says_over(&former, bot.slack(ALICE), &line).await;
            assert!(reply.says("now belongs to"), "{reply}");
            assert!(former.is_open());
            next.hello(2);
            let line = format!("/room-owner test second{round}");
            let reply = bot.says_over(&next, bot.slack(ALICE), &line).await;
            assert!(reply.says("now belongs to"), "{reply}");
            former.is_closed().await;
            former = next;
        }
        for reason in ["warning", "refresh_requested", "other"] {
            let series = format!(r#"room_owner_slack_reconnects_total{{reason="{reason}"}}"#);
            bot.until_metric(&series, 1).await;
        }
        assert!(bot.fake().connections.try_recv().is_err(), "one for each refresh");
    })
    .await;
}

#[tokio::test]
async fn a_connection_in_use_is_drained_until_its_acknowledgements_are_sent() {
    let timing = Timing { drain: Duration::ZERO, ..quick() };
    run(World::usual().over_socket_mode(timing), async |bot| {
        let former = bot.fake().session().await;
        former.disconnect("warning");
        let next = bot.fake().connection().await;
        bot.next_change(FaultKind::Stall { when: When::Before, millis: 600 });
        let alice = bot.slack(ALICE).about(LINE);
        former.envelope("e1", "slash_commands", &alice.payload());
        while bot.tencent().arrived() == 0 {
            tokio::task::yield_now().await;
        }
        next.hello(2);
        let acknowledged = bot.acknowledgements().of("e1").await;
        assert_eq!(acknowledged.connection, former.number);
        assert!(bot.reads(&alice.key(), &acknowledged).says("now belongs to"));
        former.is_closed().await;
    })
    .await;
}

#[tokio::test]
async fn twenty_refreshes_lose_no_command_and_double_none() {
    const REFRESHES: usize = 20;
    const COMMANDS: usize = REFRESHES * 5;
    let timing = Timing { drain: Duration::from_millis(300), ..quick() };
    let world = World::usual().over_socket_mode(timing);
    let world = (0..COMMANDS).fold(world, |world, n| world.room(&format!("room{n}"), "carol"));
    run(world, async |bot| {
        let workspace = Arc::clone(&bot.workspace);
        let mut sent = Vec::new();
        let mut send = |connection: &Connection| {
            let alice = Slack::new(Arc::clone(&workspace), ALICE);
            let alice = alice.about(&format!("/room-owner room{} user2", sent.len()));
            connection.envelope(&alice.key(), "slash_commands", &alice.payload());
            sent.push((alice.key(), connection.number));
        };
        let mut present = bot.fake().session().await;
        for round in 0..REFRESHES {
            send(&present);
            present.disconnect(if round % 2 == 0 { "warning" } else { "refresh_requested" });
            send(&present);
            let next = bot.fake().connection().await;
            send(&present);
            next.hello(2);
            send(&next);
            present = next;
            send(&present);
        }
        let acknowledgements = bot.acknowledgements();
        for (key, connection) in &sent {
            let acknowledged = acknowledgements.of(key).await;
            assert_eq!(acknowledged.connection, *connection);
            let reply = bot.reads(key, &acknowledged);
            assert!(reply.says("now belongs to `user2`"), "{reply}");
        }
        assert!(sent.iter().all(|(key, _)| acknowledgements.count(key) == 1), "each once");
        assert_eq!((sent.len(), bot.changes().len()), (COMMANDS, COMMANDS));
        assert_eq!(bot.late.posts(), Vec::<u16>::new(), "each by its connection");
        bot.until_metric(r#"room_owner_slack_envelopes_total{end="lost",type="slash_commands"}"#, 0).await;
    })
    .await;
}

#[tokio::test]
async fn another_copy_is_said_once() {
    run(world(), async |bot| {
        let first = bot.fake().connection().await;
        first.hello(4_711);
        bot.until_readyz("slack: ready").await;
        first.disconnect("warning");
        let second = bot.fake().connection().await;
        second.hello(4_712);
        bot.says_over(&second, bot.slack(ALICE), LINE).await.text();
        let logged = String::from_utf8_lossy(&logs::so_far()).into_owned();
        let count = |part: &str| logged.lines().filter(|line| line.contains(part)).count();
        assert_eq!((count("counted=4711"), count("counted=4712")), (1, 0));
        assert!(logged.contains("another copy of this bot takes commands of the same app"));
    })
    .await;
}
