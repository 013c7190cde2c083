//! What goes wrong with Socket Mode: it is taken up again by itself, or somebody learns what to do.

use std::time::Duration;

use insta::assert_snapshot;
use room_owner::slack::socket::Timing;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::fakes::socket::{Answer, Connection, Welcome};
use super::logs;
use super::slack::ALICE;
use super::socket_mode::{quick, world};
use super::world::{Stage, World, run};

/// In a hurry to notice, too.
fn impatient() -> Timing {
    let limit = Duration::from_millis(600);
    Timing { open_within: limit, connect_within: limit, refused_pause: Duration::from_millis(300), ..quick() }
}

impl Stage {
    /// The next connection, over which a command comes.
    async fn works(&mut self) -> Connection {
        let connection = self.fake().session().await;
        let reply = self.says_over(&connection, self.slack(ALICE), "/room-owner test").await;
        assert!(reply.says("belongs to"), "{reply}");
        connection
    }

    /// Forgets the calls of `apps.connections.open` so far.
    fn forgets_calls(&mut self) {
        while self.fake().asked.try_recv().is_ok() {}
    }

    async fn reconnected(&self, reason: &str, times: u64) {
        self.until_metric(&format!(r#"room_owner_slack_reconnects_total{{reason="{reason}"}}"#), times).await;
    }
}

/// How often an error of the log holds this.
fn errors_with(part: &str) -> usize {
    let logged = String::from_utf8_lossy(&logs::so_far()).into_owned();
    logged.lines().filter(|line| line.contains("ERROR") && line.contains(part)).count()
}

#[tokio::test]
async fn a_connection_that_ends_without_a_word_is_replaced_at_once() {
    run(world(), async |bot| {
        let mut connection = bot.works().await;
        for (end, times) in [Connection::drop_it, Connection::reset, Connection::close].into_iter().zip(1..) {
            end(&connection);
            connection = bot.works().await;
            bot.reconnected("lost", times).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_half_open_connection_is_noticed_by_its_silence_and_a_quiet_one_is_kept() {
    let timing =
        Timing { ping_after: Duration::from_millis(50), silence: Duration::from_millis(1_500), ..quick() };
    run(World::usual().over_socket_mode(timing), async |bot| {
        let connection = bot.works().await;
        // Nothing but the answers to pings comes for longer than that.
        connection.is_pinged(40).await;
        assert!(connection.is_open() && bot.fake().connections.try_recv().is_err());
        connection.freeze();
        bot.works().await;
        bot.reconnected("silence", 1).await;
    })
    .await;
}

#[tokio::test]
async fn whatever_keeps_a_connection_from_opening_has_a_time_limit() {
    run(World::usual().over_socket_mode(impatient()), async |bot| {
        let without_hello = bot.fake().connection().await;
        let frozen = bot.fake().connection().await;
        without_hello.is_gone().await;
        frozen.freeze();
        let mut connection = bot.works().await;
        for welcome in [Welcome::Drop, Welcome::Reset, Welcome::Stall] {
            bot.forgets_calls();
            bot.fake().welcomes(welcome);
            connection.drop_it();
            for _ in 0..2 {
                bot.fake().is_asked().await;
            }
            bot.fake().welcomes(Welcome::Upgrade);
            connection = bot.works().await;
        }
        for answer in [
            Answer::Silence,
            Answer::Status(502),
            Answer::No("internal_error"),
            Answer::Other("https://wss.example/".to_owned()),
            Answer::Other("ws://wss.slack.com/link".to_owned()),
            Answer::Other("ws://127.0.0.1:9/".to_owned()),
        ] {
            bot.fake().answers([answer.clone(), answer, Answer::Address]);
            connection.drop_it();
            connection = bot.works().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_payload_in_the_place_of_hello_is_taken() {
    run(world(), async |bot| {
        let connection = bot.fake().connection().await;
        let reply = bot.says_over(&connection, bot.slack(ALICE), "/room-owner test user2").await;
        assert!(reply.says("now belongs to `user2`"), "{reply}");
        connection.hello(1);
        let reply = bot.says_over(&connection, bot.slack(ALICE), "/room-owner test").await;
        assert!(reply.says("`user2`"), "{reply}");
    })
    .await;
}

#[tokio::test]
async fn slack_is_not_asked_before_the_time_that_it_names() {
    run(world(), async |bot| {
        let connection = bot.works().await;
        bot.forgets_calls();
        bot.fake().answers([Answer::NotBefore(1.0), Answer::Address]);
        connection.drop_it();
        let first = bot.fake().is_asked().await;
        bot.until_readyz("slack: not ready; socket mode: waiting").await;
        let second = bot.fake().is_asked().await;
        assert!(second - first >= Duration::from_secs(1), "{:?}", second - first);
        bot.works().await;
    })
    .await;
}

#[tokio::test]
async fn too_many_connections_are_a_reason_to_wait() {
    let timing = Timing { longest_pause: Duration::from_millis(500), ..quick() };
    run(World::usual().over_socket_mode(timing), async |bot| {
        let connection = bot.works().await;
        bot.forgets_calls();
        let began = Instant::now();
        connection.disconnect("too_many_websockets");
        let first = bot.fake().is_asked().await;
        assert!(first - began >= Duration::from_millis(500), "{:?}", first - began);
        // In the place of hello.
        bot.fake().connection().await.disconnect("too_many_websockets");
        let second = bot.fake().is_asked().await;
        assert!(second - first >= Duration::from_millis(500), "{:?}", second - first);
        bot.works().await;
        bot.reconnected("too_many_websockets", 1).await;
    })
    .await;
}

#[tokio::test]
async fn a_token_that_is_refused_is_one_error_and_asked_again_rarely() {
    run(World::usual().over_socket_mode(impatient()), async |bot| {
        bot.fake().answers([Answer::No("token_revoked")]);
        bot.restart().await;
        bot.forgets_calls();
        assert_snapshot!(bot.until_readyz("refused").await, @"
        not ready: slack
        store: ready
        slack: not ready; socket mode: refused: Slack refuses the app's token, `token_revoked`: copy the app-level token (`xapp-...`) from the app's Basic Information to SLACK_APP_TOKEN
        ");
        let mut last = bot.fake().is_asked().await;
        for _ in 0..3 {
            let next = bot.fake().is_asked().await;
            assert!(next - last >= Duration::from_millis(290), "{:?}", next - last);
            last = next;
        }
        assert_eq!(errors_with("token_revoked"), 1);
        // Another refusal is another error.
        bot.fake().answers([Answer::No("missing_scope")]);
        bot.until_readyz("connections:write").await;
        assert_eq!((errors_with("token_revoked"), errors_with("missing_scope")), (1, 1));
        bot.fake().answers([Answer::Address]);
        while bot.fake().connections.try_recv().is_ok() {}
        bot.works().await;
        bot.until_readyz("slack: ready").await;
    })
    .await;
}

#[tokio::test]
async fn when_socket_mode_is_switched_off_somebody_learns_it_and_it_is_asked_again_rarely() {
    run(World::usual().over_socket_mode(impatient()), async |bot| {
        let connection = bot.works().await;
        bot.forgets_calls();
        let before = errors_with("Socket Mode is off for this app");
        connection.disconnect("link_disabled");
        connection.close();
        assert_snapshot!(bot.until_readyz("refused").await, @"
        not ready: slack
        store: ready
        slack: not ready; socket mode: refused: Socket Mode is off for this app: switch it on under Socket Mode at api.slack.com/apps, or unset SLACK_APP_TOKEN
        ");
        // It still is, which is said in the place of hello.
        bot.fake().connection().await.disconnect("link_disabled");
        let first = bot.fake().is_asked().await;
        let second = bot.fake().is_asked().await;
        assert!(second - first >= Duration::from_millis(290), "{:?}", second - first);
        assert_eq!(errors_with("Socket Mode is off for this app") - before, 1);
        bot.works().await;
        bot.until_readyz("slack: ready").await;
        bot.reconnected("link_disabled", 1).await;
    })
    .await;
}

/// Lets time run fifty times as fast, but never ahead of the sockets, which are real.
fn hurry() -> JoinHandle<()> {
    tokio::time::pause();
    tokio::spawn(async {
        loop {
            // While this is under way, time stands still.
            tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(1))).await.unwrap();
            tokio::time::advance(Duration::from_millis(50)).await;
        }
    })
}

#[tokio::test]
async fn with_the_limits_that_it_really_has_the_bot_is_back_in_so_many_seconds() {
    run(World::usual().over_socket_mode(Timing::default()), async |bot| {
        let hurrying = hurry();
        let fake = bot.fake();
        let mut connection = fake.session().await;
        for (end, seconds) in [
            (Connection::drop_it as fn(&Connection), 0..=1),
            (Connection::reset, 0..=1),
            (Connection::close, 0..=1),
            // Its last frame, the answer to a ping, came up to 15 s before.
            (Connection::freeze, 29..=47),
        ] {
            // It was there for a while, so that nothing is held against it.
            tokio::time::sleep(Duration::from_secs(20)).await;
            let began = Instant::now();
            end(&connection);
            connection = fake.connections.recv().await.unwrap();
            connection.hello(1);
            let deaf = began.elapsed().as_secs();
            assert!(seconds.contains(&deaf), "{deaf} s, not {seconds:?}");
        }
        tokio::time::sleep(Duration::from_secs(20)).await;
        let began = Instant::now();
        connection.drop_it();
        let _without_hello = fake.connections.recv().await.unwrap();
        fake.connections.recv().await.unwrap().hello(1);
        let deaf = began.elapsed();
        assert!(deaf >= Duration::from_secs(10) && deaf < Duration::from_secs(12), "{deaf:?}");
        hurrying.abort();
        drop(hurrying.await);
        tokio::time::resume();
    })
    .await;
}
