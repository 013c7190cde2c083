//! Slack over Socket Mode: what people read is what they read over HTTP, and the log says the same.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use insta::assert_snapshot;
use room_owner::slack::socket::Timing;
use room_owner::tencent::simulator::{Api, Fault, FaultKind, When};
use serde_json::json;
use tokio::time::Instant;

use super::crash::allowed;
use super::fakes::socket::{self, Acknowledged, Acknowledgements, Connection, Fake};
use super::logs;
use super::pending_replies::{read, with_a_token};
use super::program::Program;
use super::slack::{self, ALICE, MODS, OTTO, Reply, Slack};
use super::world::{Stage, World, run};

pub(crate) const LINE: &str = "/room-owner test user2";

/// As it is, but quick to try again.
pub(crate) fn quick() -> Timing {
    Timing {
        first_pause: Duration::from_millis(20),
        longest_pause: Duration::from_millis(200),
        stable_after: Duration::ZERO,
        ..Timing::default()
    }
}

pub(crate) fn world() -> World {
    World::usual().over_socket_mode(quick())
}

impl Stage {
    pub(crate) fn fake(&mut self) -> &mut Fake {
        self.socket.as_mut().unwrap()
    }

    pub(crate) fn acknowledgements(&self) -> Acknowledgements {
        self.socket.as_ref().unwrap().acknowledgements()
    }

    /// Asks `/readyz` until it says so.
    pub(crate) async fn until_readyz(&self, says: &str) -> String {
        let mut last = String::new();
        let asking = async {
            loop {
                last = self.page("/readyz").await.1;
                if last.contains(says) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        let asked = tokio::time::timeout(Duration::from_secs(20), asking).await;
        assert!(asked.is_ok(), "`/readyz` does not say `{says}`, but `{last}`");
        last
    }

    /// Reads `/metrics` until a series has this value.
    pub(crate) async fn until_metric(&self, series: &str, value: u64) {
        let line = format!("{series} {value}\n");
        let mut last = String::new();
        let asking = async {
            loop {
                last = self.page("/metrics").await.1;
                if last.contains(&line) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        let asked = tokio::time::timeout(Duration::from_secs(20), asking).await;
        assert!(asked.is_ok(), "`{line}` is not in `{last}`");
    }

    /// What somebody reads of the acknowledgement of their command.
    pub(crate) fn reads(&self, key: &str, acknowledged: &Acknowledged) -> Reply {
        let payload = acknowledged.payload.as_ref().unwrap_or_else(|| panic!("a bare acknowledgement"));
        self.workspace.shows(&payload.to_string(), key)
    }

    /// Somebody's command over this connection, and what they read of its acknowledgement.
    pub(crate) async fn says_over(&self, connection: &Connection, person: Slack, line: &str) -> Reply {
        let person = person.about(line);
        connection.envelope(&person.key(), "slash_commands", &person.payload());
        let acknowledged = self.acknowledgements().of(&person.key()).await;
        assert_eq!(acknowledged.connection, connection.number);
        self.reads(&person.key(), &acknowledged)
    }
}

#[tokio::test]
async fn a_command_is_answered_in_its_acknowledgement_in_the_words_of_http() {
    let mut over_http = String::new();
    run(World::usual(), async |bot| {
        let reply = bot.slack(ALICE).delivered("1.2.3").says(LINE).await;
        over_http = reply.to_string();
        let refused = bot.slack(OTTO).says(LINE).await;
        over_http += &refused.to_string();
    })
    .await;
    run(world(), async |bot| {
        let connection = bot.fake().session().await;
        let alice = bot.slack(ALICE).delivered("1.2.3");
        let reply = bot.says_over(&connection, alice, LINE).await;
        assert!(reply.says("`test` now belongs to `user2`"), "{reply}");
        let entry = bot.entry(&reply).await;
        assert_eq!(entry.delivery_id.as_deref(), Some("slack:1.2.3"), "as over HTTP");
        let refused = bot.says_over(&connection, bot.slack(OTTO), LINE).await;
        let without_ids = |text: &str| {
            let words = text.split(' ').map(|word| if word.starts_with("Id-") { "Id" } else { word });
            words.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(without_ids(&format!("{reply}{refused}")), without_ids(&over_http));
        assert_eq!(bot.changes().len(), 1);
        let answered = r#"room_owner_slack_envelopes_total{end="answered",type="slash_commands"}"#;
        bot.until_metric(answered, 2).await;
    })
    .await;
}

#[tokio::test]
async fn nothing_is_served_over_http_and_readyz_has_the_connections_state() {
    run(world(), async |bot| {
        assert_eq!(bot.page("/readyz").await.0, 503);
        let connection = bot.fake().connection().await;
        bot.until_readyz("slack: not ready; socket mode: connecting, never heard").await;
        connection.hello(1);
        assert_snapshot!(bot.until_readyz("slack: ready").await, @"
        ready
        store: ready
        slack: ready; socket mode: ready, last heard 0 s ago
        ");
        let (status, _) = bot.slack(ALICE).about(LINE).signed().status_and_body().await;
        assert_eq!(status, 404, "/slack/commands");
        bot.until_metric(r#"room_owner_gateway_up{platform="slack"}"#, 1).await;
        let logged = String::from_utf8_lossy(&logs::so_far()).into_owned();
        assert!(
            logged.contains(
                "over Socket Mode, because SLACK_APP_TOKEN is set; SLACK_SIGNING_SECRET is not used"
            )
        );
    })
    .await;
}

#[tokio::test]
async fn where_the_acknowledgement_takes_no_answer_it_is_bare_and_the_answer_comes_by_the_response_url() {
    run(world(), async |bot| {
        let connection = bot.fake().session().await;
        let alice = bot.slack(ALICE).about(LINE);
        for accepts in [json!(false), json!(null), json!("true")] {
            let id = format!("e-{accepts}");
            connection.send(&json!({
                "envelope_id": id, "type": "slash_commands", "payload": alice.payload(), "accepts_response_payload": accepts,
            }));
            assert!(bot.acknowledgements().of(&id).await.payload.is_none());
            let late = bot.workspace.shows(&bot.late.message(&alice.key()).await.to_string(), &alice.key());
            assert!(late.says("`test` now belongs to `user2`") || late.says("Already handled"), "{late}");
        }
        assert_eq!(bot.changes().len(), 1);
        let bare = r#"room_owner_slack_envelopes_total{end="acknowledged",type="slash_commands"}"#;
        bot.until_metric(bare, 3).await;
    })
    .await;
}

#[tokio::test]
async fn a_slow_command_is_acknowledged_in_time_and_answered_by_the_response_url() {
    run(world(), async |bot| {
        let connection = bot.fake().session().await;
        bot.next_change(FaultKind::Stall { when: When::Before, millis: 2_100 });
        let began = Instant::now();
        let first = bot.says_over(&connection, bot.slack(ALICE), LINE).await;
        assert!(began.elapsed() < Duration::from_millis(2_500), "{:?}", began.elapsed());
        assert!(first.says("Working on `/room-owner test user2`"), "{first}");
        let reply = bot.late(&first).await;
        assert!(reply.says("`test` now belongs to `user2`"), "{reply}");

        // The same where the acknowledgement takes no answer.
        bot.next_change(FaultKind::Stall { when: When::Before, millis: 2_100 });
        let alice = bot.slack(ALICE).about("/room-owner test user3");
        let began = Instant::now();
        connection
            .send(&json!({ "envelope_id": "bare", "type": "slash_commands", "payload": alice.payload() }));
        assert!(bot.acknowledgements().of("bare").await.payload.is_none());
        assert!(began.elapsed() < Duration::from_millis(2_500), "{:?}", began.elapsed());
        let reply = bot.workspace.shows(&bot.late.message(&alice.key()).await.to_string(), &alice.key());
        assert!(reply.says("`test` now belongs to `user3`"), "{reply}");
    })
    .await;
}

#[tokio::test]
async fn envelopes_are_worked_on_side_by_side() {
    let rooms = ["r1", "r2", "r3", "r4", "r5"];
    let world = rooms.iter().fold(world(), |world, room| world.room(room, "carol"));
    run(world, async |bot| {
        let connection = bot.fake().session().await;
        let slow = FaultKind::Stall { when: When::Before, millis: 1_000 };
        bot.tencent().inject(Fault::new(slow).on(Api::ChangeRoomOwner).times(5));
        let began = Instant::now();
        let said = rooms.map(|room| {
            let alice = bot.slack(ALICE);
            let (bot, connection) = (&*bot, &connection);
            async move {
                (
                    bot.says_over(connection, alice, &format!("/room-owner {room} user2")).await,
                    began.elapsed(),
                )
            }
        });
        for (reply, after) in join_all(said).await {
            assert!(reply.says("now belongs to `user2`"), "{reply}");
            println!("{after:?}");
            assert!(after < Duration::from_millis(1_900), "{after:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_repeated_envelope_or_trigger_is_carried_out_once_whichever_connection_it_comes_by() {
    run(world(), async |bot| {
        let first = bot.fake().session().await;
        first.disconnect("warning");
        let second = bot.fake().session().await;
        let acknowledgements = bot.acknowledgements();
        let alice = |trigger: &str| bot.slack(ALICE).delivered(trigger).about(LINE);
        // At once by two connections, in envelopes of their own.
        let (one, other) = (alice("1.2.3"), alice("1.2.3"));
        first.envelope("e1", "slash_commands", &one.payload());
        second.envelope("e2", "slash_commands", &other.payload());
        let (by_first, by_second) = tokio::join!(acknowledgements.of("e1"), acknowledgements.of("e2"));
        assert_eq!((by_first.connection, by_second.connection), (first.number, second.number));
        let said = [bot.reads(&one.key(), &by_first), bot.reads(&other.key(), &by_second)];
        let count = |part: &str| said.iter().filter(|reply| reply.says(part)).count();
        assert_eq!((count("now belongs to"), count("Already")), (1, 1));
        // The first envelope again, then with another trigger in it.
        for (nth, trigger) in [(2, "1.2.3"), (3, "4.5.6")] {
            let again = alice(trigger);
            second.envelope("e1", "slash_commands", &again.payload());
            let reply = bot.reads(&again.key(), &acknowledgements.nth("e1", nth).await);
            assert!(reply.says("Already handled"), "{reply}");
        }
        assert_eq!(bot.changes().len(), 1);
        bot.repetitions("1.2.3", 3).await;
    })
    .await;
}

#[tokio::test]
async fn what_is_no_command_is_acknowledged_and_counted_and_nonsense_changes_nothing() {
    run(world(), async |bot| {
        let connection = bot.fake().connection().await;
        for text in ["", "null", "[]", "{", "\u{0}", r#"{"type":7}"#, r#"{"type":"new"}"#] {
            connection.send_text(text);
        }
        connection.hello(1);
        for text in ["nonsense", "{}", r#"{"type":"goodbye"}"#, r#"{"type":"hello"}"#] {
            connection.send_text(text);
        }
        connection.envelope("i1", "interactive", &json!({ "type": "view_closed", "team": null }));
        connection.envelope("v1", "events_api", &json!({ "event": {} }));
        connection.envelope("n1", "something_new", &json!([1]));
        connection.envelope("p1", "slash_commands", &json!({ "ssl_check": "1" }));
        for id in ["i1", "v1", "n1", "p1"] {
            assert!(bot.acknowledgements().of(id).await.payload.is_none(), "{id}");
        }
        for kind in ["interactive", "events_api", "other", "slash_commands"] {
            let series = format!(r#"room_owner_slack_envelopes_total{{end="acknowledged",type="{kind}"}}"#);
            bot.until_metric(&series, 1).await;
        }
        // A command that cannot be read is answered and recorded, as over HTTP.
        for (id, payload) in [("c1", r#"{"team_id":"T0TEAM","team_id":"T1"}"#), ("c2", "[]")] {
            connection.send_text(&format!(
                r#"{{"envelope_id":"{id}","type":"slash_commands","accepts_response_payload":true,"payload":{payload}}}"#
            ));
            let reply = bot.reads(id, &bot.acknowledgements().of(id).await);
            assert!(reply.says("so nothing was done"), "{reply}");
        }
        let reply = bot.says_over(&connection, bot.slack(ALICE), LINE).await;
        assert!(reply.says("now belongs to"), "{reply}");
        assert!(bot.fake().connections.try_recv().is_err(), "it is the same connection");
    })
    .await;
}

#[tokio::test]
async fn buttons_and_forms_work_over_the_socket() {
    run(world(), async |bot| {
        let connection = bot.fake().session().await;
        let reply = bot.says_over(&connection, bot.slack(ALICE), LINE).await;
        reply.text();
        let name = reply.button("Undo");
        let alice = bot.slack(ALICE);
        let key = alice.key();
        connection.envelope("press", "interactive", &alice.press(&reply, &name));
        bot.workspace.recorded.fetch_add(1, Ordering::SeqCst);
        assert!(bot.acknowledgements().of("press").await.payload.is_none());
        let undone = slack::reply(bot.late.message(&key).await, &key);
        assert!(undone.says("`test` now belongs to `carol`"), "{undone}");
        assert_eq!(bot.late.message(&key).await["replace_original"], true, "the button is gone");

        let view = json!({ "callback_id": "hand-over", "private_metadata": MODS });
        let rooms = json!({ "type": "block_suggestion", "action_id": "room", "block_id": "room", "value": "" });
        connection.envelope("typing", "interactive", &bot.slack(ALICE).of_a_form(&view, rooms));
        let options = bot.acknowledgements().of("typing").await.payload.unwrap();
        assert_eq!(options["options"][0]["value"], "test");
        let chosen = |value: &str| json!({ "selected_option": { "value": value } });
        let filled = json!({
            "type": "view_submission",
            "state": { "room": { "room": chosen("test") }, "new_owner": { "new_owner": chosen("no such one!") } },
        });
        connection.envelope("filled", "interactive", &bot.slack(ALICE).of_a_form(&view, filled));
        bot.workspace.recorded.fetch_add(1, Ordering::SeqCst);
        let answer = bot.acknowledgements().of("filled").await.payload.unwrap();
        assert_eq!(answer["response_action"], "update");
        assert_eq!(bot.changes().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn an_answer_whose_connection_is_gone_comes_by_the_response_url() {
    run(world(), async |bot| {
        let connection = bot.fake().session().await;
        bot.next_change(FaultKind::Stall { when: When::Before, millis: 400 });
        let alice = bot.slack(ALICE).about(LINE);
        connection.envelope("e1", "slash_commands", &alice.payload());
        connection.drop_it();
        let reply = bot.workspace.shows(&bot.late.message(&alice.key()).await.to_string(), &alice.key());
        assert!(reply.says("`test` now belongs to `user2`"), "{reply}");
        bot.until_metric(r#"room_owner_slack_envelopes_total{end="lost",type="slash_commands"}"#, 1).await;
        assert_eq!(bot.acknowledgements().count("e1"), 0);
        let connection = bot.fake().session().await;
        let reply = bot.says_over(&connection, bot.slack(ALICE), "/room-owner test").await;
        assert!(reply.says("`user2`"), "{reply}");
    })
    .await;
}

#[tokio::test]
async fn what_came_of_a_form_whose_connection_is_gone_is_said_by_the_bot_itself() {
    with_a_token(world().private(), async |bot, api| {
        let connection = bot.fake().session().await;
        bot.next_change(FaultKind::Stall { when: When::Before, millis: 400 });
        let view = json!({ "callback_id": "hand-over", "private_metadata": MODS });
        let chosen = |value: &str| json!({ "selected_option": { "value": value } });
        let filled = json!({
            "type": "view_submission",
            "state": { "room": { "room": chosen("test") }, "new_owner": { "new_owner": chosen("user2") } },
        });
        connection.envelope("filled", "interactive", &bot.slack(ALICE).of_a_form(&view, filled));
        bot.workspace.recorded.fetch_add(1, Ordering::SeqCst);
        connection.drop_it();
        let posted = &api.has_posted(1).await[0];
        assert_eq!((posted.method.as_str(), posted.user.as_deref()), ("chat.postEphemeral", Some(ALICE.id)));
        assert!(read(posted).says("`test` now belongs to `user2`"), "{}", read(posted));
    })
    .await;
}

#[tokio::test]
async fn a_shutdown_acknowledges_what_was_received_before_it_closes() {
    run(world(), async |bot| {
        let connection = bot.fake().session().await;
        bot.next_change(FaultKind::Stall { when: When::Before, millis: 800 });
        let alice = bot.slack(ALICE).about(LINE);
        connection.envelope("e1", "slash_commands", &alice.payload());
        // Until then nobody knows that it was received.
        let asked = async {
            while bot.tencent().arrived() == 0 {
                tokio::task::yield_now().await
            }
        };
        asked.await;
        let (acknowledgements, key) = (bot.acknowledgements(), alice.key());
        bot.restart().await;
        connection.is_gone().await;
        let reply = bot.reads(&key, &acknowledgements.of("e1").await);
        assert!(reply.says("`test` now belongs to `user2`"), "{reply}");
        assert_eq!(bot.late.posts(), Vec::<u16>::new());
        let connection = bot.fake().session().await;
        let again = bot.slack(ALICE).delivered("other");
        let reply = bot.says_over(&connection, again, "/room-owner test").await;
        assert!(reply.says("`user2`"), "{reply}");
    })
    .await;
}

#[tokio::test]
async fn the_program_needs_no_more_than_the_apps_token_and_ends_in_order() {
    let mut fake = Fake::start().await;
    let mut program = Program::new().await;
    allowed(&program).await;
    std::fs::write(program.path("app-token"), socket::TOKEN).unwrap();
    let token = program.path("app-token").display().to_string();
    program.set("SLACK_SIGNING_SECRET", "");
    program.set("SLACK_APP_TOKEN_FILE", &token);
    program.set("SLACK_API_BASE_URL", &fake.base);
    let serving = program.serves().await;
    let connection = fake.session().await;
    program.until_readiness(200, "slack: ready; socket mode: ready").await;
    let alice = program.slack(ALICE).about(LINE);
    connection.envelope("e1", "slash_commands", &alice.payload());
    let acknowledged = fake.acknowledgements().of("e1").await;
    let reply = program.workspace.shows(&acknowledged.payload.unwrap().to_string(), &alice.key());
    assert!(reply.says("`test` now belongs to `user2`"), "{reply}");
    serving.has_logged("over Socket Mode, because SLACK_APP_TOKEN is set").await;
    serving.gets("TERM");
    assert_eq!(serving.ends().await.0.code(), Some(0));
    connection.is_gone().await;
}
