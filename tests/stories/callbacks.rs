//! Tencent tells of changes of owner by itself: ours are confirmed, others' are recorded, forged ones leave no
//! trace in the log.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::routing::post;
use axum::{Json, Router};
use insta::assert_snapshot;
use reqwest::Url;
use room_owner::app::ports::Store as _;
use room_owner::domain::audit::AuditEntry;
use room_owner::slack::{Lookup, RefreshIntervals};
use room_owner::tencent::simulator::{Api, Fault, FaultKind, Webhook, When};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection as _, Row as _};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};

use super::bad_days::locked;
use super::clock::{FOREVER, NOON};
use super::pending_replies;
use super::program::Program;
use super::slack::{ALICE, BORIS, RANDOM, RITA, Reply};
use super::world::{Stage, World, run, secret};
use crate::fakes::slack::SlackApi;

const LINE: &str = "/room-owner test user2";

/// A callback as Tencent posts it: the address's parameters, and the body.
#[derive(Clone)]
struct Letter {
    query: String,
    body: Vec<u8>,
}

/// Where the simulated Tencent sends its callbacks. The story brings them to the bot, or does not.
#[derive(Clone)]
struct Post(Arc<Mutex<mpsc::UnboundedReceiver<Letter>>>);

impl Post {
    async fn office() -> (Self, Url) {
        let (sender, letters) = mpsc::unbounded_channel();
        let take = async |State(sender): State<mpsc::UnboundedSender<Letter>>,
                          RawQuery(query): RawQuery,
                          body: Bytes| {
            sender.send(Letter { query: query.unwrap(), body: body.to_vec() }).unwrap();
            Json(json!({"ActionStatus": "OK", "ErrorInfo": "", "ErrorCode": 0}))
        };
        let router = Router::new().route("/", post(take)).with_state(sender);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(axum::serve(listener, router).into_future());
        (Self(Arc::new(Mutex::new(letters))), url)
    }

    async fn next(&self) -> Letter {
        let mut letters = self.0.lock().await;
        within(letters.recv()).await.unwrap()
    }
}

impl Letter {
    /// The same with another parameter.
    fn with(&self, name: &str, value: &str) -> Self {
        let pairs = form_urlencoded::parse(self.query.as_bytes());
        let pairs = pairs.map(|(key, old)| (key.clone(), if key == name { value.into() } else { old }));
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        Self { query, body: self.body.clone() }
    }

    /// The same with another field of the body.
    fn saying(&self, name: &str, value: Value) -> Self {
        let mut body: Value = serde_json::from_slice(&self.body).unwrap();
        body[name] = value;
        Self { query: self.query.clone(), body: body.to_string().into_bytes() }
    }

    async fn brought_to(&self, bot: &Stage) -> (u16, String) {
        bot.posts(&format!("/tencent/callbacks?{}", self.query), self.body.clone()).await
    }

    async fn taken_by(&self, bot: &Stage) {
        let (status, answer) = self.brought_to(bot).await;
        assert_eq!((status, answer.as_str()), (200, r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#));
    }
}

async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), work).await.expect("it never came to that")
}

/// Waits until so many callbacks came to this end.
async fn until(bot: &Stage, end: &str, times: usize) {
    let line = format!("room_owner_callbacks_total{{end=\"{end}\"}} {times}\n");
    within(async {
        while !bot.gets("/metrics").await.1.contains(&line) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// The usual world, with a token that Tencent signs with and the bot knows, and the post between them.
async fn signed() -> (World, Post) {
    let token = secret("callbacks");
    let (post, url) = Post::office().await;
    let webhook = Webhook { url, token: Some(token.clone()) };
    (World::usual().tencent(|tencent| tencent.webhook = Some(webhook)).callback_token(token), post)
}

/// The same without a token.
async fn unsigned() -> (World, Post) {
    let (post, url) = Post::office().await;
    (World::usual().tencent(|tencent| tencent.webhook = Some(Webhook { url, token: None })), post)
}

async fn transferred(bot: &Stage) -> Reply {
    let reply = bot.slack(ALICE).says(LINE).await;
    assert!(reply.says("`test` now belongs to `user2`"), "{reply}");
    reply
}

/// The kinds of an operation's events, and what the last one says.
async fn events(bot: &Stage, operation: i64) -> (Vec<String>, Value) {
    let options = SqliteConnectOptions::new().filename(bot.database()).read_only(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let query = sqlx::query("SELECT body FROM audit_events WHERE operation = ? ORDER BY seq").bind(operation);
    let rows = query.fetch_all(&mut connection).await.unwrap();
    let bodies = rows.iter().map(|row| serde_json::from_str(row.get("body")).unwrap());
    let bodies: Vec<Value> = bodies.collect();
    let what: Vec<_> =
        bodies.iter().map(|body| body["what"].as_object().unwrap().iter().next().unwrap()).collect();
    let kinds = what.iter().map(|(kind, _)| (*kind).clone()).collect();
    (kinds, what.last().unwrap().1.clone())
}

/// An entry as a reviewer would tell it.
fn shown(entry: &AuditEntry) -> String {
    let or_nobody = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".to_owned());
    assert!(entry.actor.is_none() && entry.decision.is_none() && entry.authority.is_none());
    assert_eq!(entry.command, "(observed) owner change");
    format!(
        "{}: {} -> {} by {}: {} {}",
        entry.room.as_ref().unwrap(),
        or_nobody(&entry.previous_owner),
        or_nobody(&entry.new_owner),
        or_nobody(&entry.actor_name),
        entry.outcome,
        entry.error_info.as_deref().or(entry.reason.as_deref()).unwrap_or_default()
    )
}

/// The observed changes, oldest first; each is an operation that nobody in Slack asked for.
async fn observed(bot: &mut Stage) -> Vec<AuditEntry> {
    let mut entries = bot.audit().await;
    entries.retain(|entry| entry.command == "(observed) owner change");
    entries.reverse();
    bot.other_operations = bot.world_operations() + entries.len();
    entries
}

#[tokio::test]
async fn a_callback_about_our_own_change_confirms_it() {
    let (world, post) = signed().await;
    run(world, async |bot| {
        let reply = transferred(bot).await;
        let letter = post.next().await;
        assert_eq!(bot.store.confirmation(reply.operation()).await.unwrap(), None);
        letter.taken_by(bot).await;
        until(bot, "confirmed", 1).await;
        let confirmation = bot.store.confirmation(reply.operation()).await.unwrap().unwrap();
        assert_eq!(confirmation.original_owner.unwrap().as_str(), "carol");
        assert!(confirmation.is_signed);
        let (kinds, last) = events(bot, reply.operation().seq()).await;
        assert_eq!(kinds, ["requested", "ended", "confirmed"]);
        assert_eq!(last["operator"], "administrator");
        assert!(observed(bot).await.is_empty(), "it is ours and no other's");
    })
    .await;
}

#[tokio::test]
async fn a_change_that_somebody_else_made_is_recorded_with_who_and_from_whom() {
    let (world, post) = signed().await;
    run(world, async |bot| {
        bot.tencent().hand_over("test", "dave", "carol");
        post.next().await.taken_by(bot).await;
        until(bot, "observed", 1).await;
        let entries = observed(bot).await;
        assert_snapshot!(shown(&entries[0]), @"test: carol -> dave by carol: succeeded");
        let (kinds, last) = events(bot, entries[0].operation.seq()).await;
        assert_eq!(kinds, ["observed"]);
        assert_eq!((&last["owner_now"], &last["change"]["signed"]), (&json!("dave"), &json!(true)));
        // The same account as ours, by another tool, is not ours either.
        bot.tencent().hand_over("test", "erin", "administrator");
        post.next().await.taken_by(bot).await;
        until(bot, "observed", 2).await;
        assert_snapshot!(shown(&observed(bot).await[1]), @"test: dave -> erin by administrator: succeeded");
    })
    .await;
}

#[tokio::test]
async fn a_change_that_was_observed_is_announced() {
    let token = secret("xoxb");
    let api = SlackApi::start(token.expose_secret()).await;
    let base_url = api.base().parse().unwrap();
    let intervals = RefreshIntervals { look: FOREVER, read: FOREVER };
    let (world, post) = signed().await;
    let world = world.looking_up_groups(Some(Lookup { token, base_url, intervals })).announces(RANDOM, "*");
    run(world, async |bot| {
        bot.tencent().hand_over("test", "dave", "carol");
        let letter = post.next().await;
        letter.taken_by(bot).await;
        assert_snapshot!(pending_replies::read(&api.has_posted(1).await[0]), @"
        ℹ️ `test` was handed to `dave` (was `carol`) without this bot · by `carol`
        op 5 · log …
        ");
        letter.taken_by(bot).await;
        until(bot, "repeated", 1).await;
        bot.tencent().hand_over("test", "erin", "dave");
        let letter = post.next().await;
        bot.tencent().hand_over("test", "frank", "erin");
        letter.taken_by(bot).await;
        assert_snapshot!(pending_replies::read(&api.has_posted(2).await[1]), @"
        ⚠️ Unclear: Tencent says that `test` was handed to `erin` (was `dave`) without this bot · by `dave`
        `The owner read back is frank`.
        op 7 · log …
        ");
        let entries = observed(bot).await;
        assert_eq!((entries.len(), api.posted().len()), (2, 2));
    })
    .await;
}

#[tokio::test]
async fn a_forged_or_stale_callback_or_another_applications_is_refused_and_leaves_nothing() {
    let (world, post) = signed().await;
    run(world, async |bot| {
        bot.tencent().hand_over("test", "dave", "carol");
        let letter = post.next().await;
        let sign = letter.query.split("Sign=").nth(1).unwrap().split('&').next().unwrap();
        let forged = if sign.starts_with('0') { "1" } else { "0" }.to_owned() + &sign[1..];
        let cut =
            |name: &str| Letter { query: letter.query.replace(name, "Other"), body: letter.body.clone() };
        for (status, forgery) in [
            (401, letter.with("Sign", &forged)),
            (401, letter.with("Sign", "")),
            (401, letter.with("RequestTime", "1795435201")),
            (401, letter.with("RequestTime", "soon")),
            (401, cut("Sign=")),
            (401, cut("RequestTime=")),
            (403, letter.with("SdkAppid", "1400000001")),
            (403, cut("SdkAppid")),
            (400, Letter { query: format!("{}&sign={sign}", letter.query), body: letter.body.clone() }),
            (413, Letter { query: letter.query.clone(), body: vec![b' '; 70_000] }),
        ] {
            let (answered, text) = forgery.brought_to(bot).await;
            assert_eq!(answered, status, "{}: {text}", forgery.query);
            assert!(text.contains(r#""ActionStatus":"FAIL""#), "{text}");
        }
        bot.clock.pass(61);
        assert_eq!(letter.brought_to(bot).await.0, 401, "a minute is the limit");
        bot.clock.pass(-1);
        letter.taken_by(bot).await;
        until(bot, "observed", 1).await;
        until(bot, "refused", 11).await;
        assert_eq!(observed(bot).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_repeated_callback_is_recorded_once_across_a_restart_too() {
    let (world, post) = signed().await;
    run(world, async |bot| {
        transferred(bot).await;
        let ours = post.next().await;
        bot.tencent().hand_over("test", "dave", "user2");
        let other = post.next().await;
        for letter in [&ours, &other, &ours, &other] {
            letter.taken_by(bot).await;
        }
        until(bot, "confirmed", 1).await;
        until(bot, "observed", 1).await;
        until(bot, "repeated", 2).await;
        bot.restart().await;
        ours.taken_by(bot).await;
        other.taken_by(bot).await;
        until(bot, "repeated", 2).await;
        assert_eq!(observed(bot).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn callbacks_out_of_order_are_kept_apart() {
    let (world, post) = signed().await;
    run(world, async |bot| {
        let mut letters = Vec::new();
        for (by, to) in [("carol", "dave"), ("dave", "erin"), ("erin", "dave"), ("dave", "frank")] {
            bot.tencent().hand_over("test", to, by);
            letters.push(post.next().await);
            bot.clock.pass(5);
        }
        for (times, letter) in (1..).zip(letters.iter().rev()) {
            letter.taken_by(bot).await;
            until(bot, "observed", times).await;
        }
        let shown: Vec<String> = observed(bot).await.iter().map(shown).collect();
        assert_snapshot!(shown.join("\n"), @r"
        test: dave -> frank by dave: succeeded 
        test: erin -> dave by erin: succeeded a later change of this owner is in the log
        test: dave -> erin by dave: succeeded a later change of this owner is in the log
        test: carol -> dave by carol: succeeded a later change of this owner is in the log
        ");
    })
    .await;
}

#[tokio::test]
async fn a_change_that_cannot_be_read_back_is_recorded_as_unknown() {
    let (world, post) = signed().await;
    run(world, async |bot| {
        bot.tencent().hand_over("test", "dave", "carol");
        let letter = post.next().await;
        letter.saying("CurrentOwner_Account", json!("mallory")).taken_by(bot).await;
        until(bot, "observed", 1).await;
        bot.tencent().remove_room("test");
        letter.taken_by(bot).await;
        until(bot, "observed", 2).await;
        let shown: Vec<String> = observed(bot).await.iter().map(shown).collect();
        assert_snapshot!(shown.join("\n"), @r"
        test: carol -> mallory by carol: unknown the owner read back is dave
        test: carol -> dave by carol: unknown the owner could not be read back: room `test` does not exist or has been dissolved: check the id
        ");
    })
    .await;
}

#[tokio::test]
async fn a_callback_may_come_before_the_reply_to_our_own_call() {
    let (world, post) = signed().await;
    run(world, async |bot| {
        bot.next_change(FaultKind::Stall { when: When::After, millis: 3_000 });
        let saying = tokio::spawn(bot.slack(ALICE).says(LINE));
        post.next().await.taken_by(bot).await;
        until(bot, "confirmed", 1).await;
        let reply = saying.await.unwrap();
        let reply = if reply.says("Working on") { bot.late(&reply).await } else { reply };
        assert!(reply.says("`test` now belongs to `user2`"), "{reply}");
        let (mut kinds, _) = events(bot, reply.operation().seq()).await;
        kinds.retain(|kind| kind != "noted");
        assert_eq!(kinds, ["requested", "confirmed", "ended"]);
        assert!(observed(bot).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_callback_settles_what_the_lost_reply_and_the_owner_cannot() {
    let (world, post) = signed().await;
    run(world, async |bot| {
        bot.next_change(FaultKind::ResetAfter);
        let saying = tokio::spawn(bot.slack(ALICE).says(LINE));
        bot.tencent().until(|tencent| !tencent.calls().is_empty()).await;
        bot.tencent().inject(Fault::new(FaultKind::ResetBefore).on(Api::GetRoomInfo));
        let reply = saying.await.unwrap();
        assert!(reply.says("Unknown"), "{reply}");
        post.next().await.taken_by(bot).await;
        let entry = bot.until_entry(&reply, |entry| entry.outcome.name() != "unknown").await;
        assert_eq!((entry.outcome.name(), entry.previous_owner.as_deref()), ("succeeded", Some("carol")));
        assert_eq!(
            events(bot, reply.operation().seq()).await.0,
            ["requested", "noted", "ended", "confirmed", "ended"]
        );
    })
    .await;
}

#[tokio::test]
async fn a_callback_that_comes_first_settles_a_reply_that_is_lost_then() {
    let (world, post) = signed().await;
    run(world, async |bot| {
        // Somebody hands the room on at once, so reading the owner back can tell nothing.
        bot.next_change(FaultKind::Stall { when: When::After, millis: 7_000 });
        let saying = tokio::spawn(bot.slack(ALICE).says(LINE));
        post.next().await.taken_by(bot).await;
        until(bot, "confirmed", 1).await;
        bot.tencent().hand_over("test", "dave", "user2");
        let first = saying.await.unwrap();
        assert!(first.says("Working on"), "{first}");
        let reply = bot.late(&first).await;
        assert_snapshot!(reply, @r"
        ⚠️ `test` was handed to `user2` (was `carol`) and belongs to `dave` by now.
        Tencent's answer was lost on the way; its callback reported the change.
        Somebody may have handed the room on. Agree with the other moderators before you try again.
        op 4 · by alice · log …
        ");
        let entry = bot.entry(&reply).await;
        assert_eq!(entry.outcome.name(), "succeeded");
        assert_snapshot!(entry.error_info.unwrap(), @"no answer within 5 s; tencent's callback reported the change; dave owns the room by now");
    })
    .await;
}

/// Alice's transfer is cut, and a minute later the owner is as before.
async fn refused_after_a_minute(bot: &Stage) -> Reply {
    let reply = bot.slack(ALICE).says(LINE).await;
    assert!(reply.says("nobody can tell yet whether `test` belongs to `user2`"), "{reply}");
    bot.clock.pass(60);
    bot.clock.tell();
    bot.until_entry(&reply, |entry| entry.outcome.name() == "refused").await;
    reply
}

#[tokio::test]
async fn a_change_that_was_recorded_as_refused_and_came_true_later_is_corrected() {
    let (world, post) = signed().await;
    run(world, async |bot| {
        bot.next_change(FaultKind::ResetBefore);
        let reply = refused_after_a_minute(bot).await;
        bot.clock.pass(5);
        bot.tencent().hand_over("test", "user2", "administrator");
        post.next().await.taken_by(bot).await;
        until(bot, "confirmed", 1).await;
        let entry = bot.entry(&reply).await;
        assert_eq!((entry.outcome.name(), entry.previous_owner.as_deref()), ("succeeded", Some("carol")));
        assert_snapshot!(entry.error_info.unwrap(), @"the connection broke: connection closed before message completed; tencent's callback reported the change");
        assert_eq!(
            events(bot, reply.operation().seq()).await.0,
            ["requested", "noted", "ended", "ended", "confirmed", "ended"]
        );
        assert!(observed(bot).await.is_empty(), "it is nobody else's");
        let reply = bot.slack(RITA).says("/room-audit owner-at test now").await;
        assert!(reply.says("`user2` owned `test`"), "{reply}");
    })
    .await;
}

#[tokio::test]
async fn what_an_admin_went_past_is_corrected_too() {
    let (world, post) = signed().await;
    run(world.grant(BORIS, "admin", "*"), async |bot| {
        bot.next_change(FaultKind::LateApply { millis: 500 });
        let lost = bot.slack(ALICE).says(LINE).await;
        assert!(lost.says("nobody can tell yet"), "{lost}");
        let line = format!("/room-owner test user3 override: {} reason: hurry", lost.operation());
        let reply = bot.slack(BORIS).says(&line).await;
        assert!(reply.says("`test` now belongs to `user3`"), "{reply}");
        let mut letters = [post.next().await, post.next().await];
        letters.sort_by_key(|letter| !String::from_utf8_lossy(&letter.body).contains("user2"));
        for (times, letter) in (1..).zip(&letters) {
            letter.taken_by(bot).await;
            until(bot, "confirmed", times).await;
        }
        for one in [&lost, &reply] {
            assert_eq!(bot.entry(one).await.outcome.name(), "succeeded");
        }
        assert!(observed(bot).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn what_tencent_refused_is_not_ours_when_another_tool_does_it_then() {
    let (world, post) = signed().await;
    run(world, async |bot| {
        bot.tencent().inject(Fault::new(FaultKind::Code { code: 100_006, info: "no".to_owned() }).on(Api::ChangeRoomOwner).once());
        let reply = bot.slack(ALICE).says(LINE).await;
        assert!(reply.says("Tencent's error 100006"), "{reply}");
        assert_eq!(bot.entry(&reply).await.outcome.name(), "refused");
        bot.tencent().hand_over("test", "user2", "administrator");
        post.next().await.taken_by(bot).await;
        until(bot, "observed", 1).await;
        assert_snapshot!(shown(&observed(bot).await[0]), @"test: carol -> user2 by administrator: succeeded probably the change of operation 4, recorded as refused");
    })
    .await;
}

#[tokio::test]
async fn a_reason_is_what_happened_and_what_tencent_said_is_kept() {
    let (world, post) = signed().await;
    run(world, async |bot| {
        // Three times an answer that fails, and no owner to be read.
        bot.tencent().inject(
            Fault::new(FaultKind::Code { code: 100_001, info: "inner".to_owned() }).on(Api::ChangeRoomOwner),
        );
        let saying = tokio::spawn(bot.slack(ALICE).says(LINE));
        bot.tencent().until(|tencent| !tencent.calls().is_empty()).await;
        bot.tencent().inject(Fault::new(FaultKind::ResetBefore).on(Api::GetRoomInfo));
        let reply = saying.await.unwrap();
        let before = bot.entry(&reply).await;
        assert!(reply.says("nobody can tell yet"), "{reply}");
        assert_eq!((before.outcome.name(), before.error_code), ("unknown", Some(100_001)));
        assert!(before.request_id.is_some());
        bot.tencent().clear_faults();
        bot.clock.pass(60);
        bot.clock.tell();
        let after = bot.until_entry(&reply, |entry| entry.outcome.name() == "refused").await;
        assert_eq!((after.error_code, &after.request_id), (before.error_code, &before.request_id));
        assert_eq!(after.error_info, before.error_info, "no process ended");
        drop(post);
    })
    .await;
}

/// Who owned `test` so many seconds after noon, as an auditor reads it.
async fn owner_at(bot: &Stage, seconds: i64) -> String {
    let time = room_owner::domain::audit::millis(NOON + jiff::SignedDuration::from_secs(seconds));
    let reply = bot.slack(RITA).says(&format!("/room-audit owner-at test {time}")).await;
    reply.text().to_owned()
}

#[tokio::test]
async fn a_callback_that_comes_late_changes_nothing_about_who_owns_the_room_now() {
    let (world, post) = signed().await;
    run(world, async |bot| {
        bot.clock.pass(10);
        bot.tencent().hand_over("test", "app1", "carol");
        let in_the_app = post.next().await;
        bot.clock.pass(2);
        transferred(bot).await;
        post.next().await.taken_by(bot).await;
        until(bot, "confirmed", 1).await;
        bot.clock.pass(2);
        in_the_app.taken_by(bot).await;
        until(bot, "observed", 1).await;
        bot.clock.pass(5);
        assert!(owner_at(bot, 18).await.contains("user2"), "now");
        assert!(
            owner_at(bot, 11).await.contains("app1"),
            "a second after it was changed, and three before it was reported"
        );
        assert!(owner_at(bot, 9).await.contains("carol"));
        let reply = bot.slack(RITA).says("/room-audit history test").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ℹ️ Who owned `test`, newest first:
        ████████ `user2` · 2026-11-23 12:00:12 UTC to now · by @alice (op 4) · known
        ██ `app1` · 2026-11-23 12:00:10 UTC to 12:00:12 UTC · by `carol`, not through the bot (op 7) · known
        ▒ `carol` · until 2026-11-23 12:00:10 UTC · found by op 7 · likely
        op 11
        ");
        observed(bot).await;
    })
    .await;
}

#[tokio::test]
async fn without_a_token_a_callback_counts_for_what_can_be_read_back_and_no_more() {
    let (world, post) = unsigned().await;
    run(world, async |bot| {
        let reply = transferred(bot).await;
        let ours = post.next().await;
        ours.taken_by(bot).await;
        until(bot, "confirmed", 1).await;
        assert!(!bot.store.confirmation(reply.operation()).await.unwrap().unwrap().is_signed);
        // Anybody could say this; the room belongs to somebody else.
        ours.saying("CurrentOwner_Account", json!("mallory")).taken_by(bot).await;
        until(bot, "unbelieved", 1).await;
        // Nor does it help to say what is so.
        ours.saying("EventTime", json!(1_795_435_000_000_i64)).taken_by(bot).await;
        until(bot, "repeated", 1).await;
        bot.tencent().hand_over("test", "dave", "user2");
        let other = post.next().await;
        other.saying("Operator_Account", json!("innocent")).taken_by(bot).await;
        until(bot, "observed", 1).await;
        let entries = observed(bot).await;
        assert_eq!(entries.len(), 1);
        assert_snapshot!(shown(&entries[0]), @"test: ? -> dave by ?: succeeded the callback was not signed: who did it and who owned the room before is only said");
    })
    .await;
}

#[tokio::test]
async fn what_is_not_about_an_owner_is_ignored_and_what_cannot_be_read_is_recorded() {
    let (world, post) = signed().await;
    run(world, async |bot| {
        bot.tencent().hand_over("test", "dave", "carol");
        let letter = post.next().await;
        letter.with("CallbackCommand", "Live.CallbackAfterCreateRoom").taken_by(bot).await;
        until(bot, "ignored", 1).await;
        let (status, _) = letter.saying("RoomId", json!(7)).brought_to(bot).await;
        assert_eq!(status, 400);
        within(async {
            while observed(bot).await.is_empty() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        let entry = observed(bot).await.remove(0);
        assert_eq!((entry.outcome.name(), entry.room), ("invalid", None));
        assert_snapshot!(entry.error_info.unwrap(), @"the field `RoomId` has another form");
    })
    .await;
}

#[tokio::test]
async fn callbacks_are_answered_while_the_database_is_locked_and_recorded_afterwards() {
    let (world, post) = signed().await;
    run(world, async |bot| {
        bot.tencent().hand_over("test", "dave", "carol");
        let letter = post.next().await;
        let lock = locked(bot).await;
        letter.taken_by(bot).await;
        within(async {
            while bot.clock.slept().is_empty() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert!(observed(bot).await.is_empty());
        lock.close().await.unwrap();
        until(bot, "observed", 1).await;
        assert_eq!(observed(bot).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_flood_is_turned_away_and_does_no_harm_to_what_was_taken() {
    let (world, post) = signed().await;
    run(world, async |bot| {
        bot.tencent().hand_over("test", "dave", "carol");
        let letter = post.next().await;
        let lock = locked(bot).await;
        let flood = futures_util::future::join_all((0..700).map(|_| letter.brought_to(bot))).await;
        lock.close().await.unwrap();
        let taken = flood.iter().filter(|(status, _)| *status == 200).count();
        let busy = flood.iter().filter(|(status, _)| *status == 503).count();
        assert_eq!(taken + busy, 700);
        assert!(busy > 0 && taken >= 512, "{taken} taken, {busy} turned away");
        until(bot, "dropped", busy).await;
        until(bot, "observed", 1).await;
        until(bot, "repeated", taken - 1).await;
        assert_eq!(observed(bot).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_database_that_takes_no_callbacks_is_said_and_commands_go_on() {
    let (world, post) = signed().await;
    run(world, async |bot| {
        let options = SqliteConnectOptions::new().filename(bot.database());
        let mut raw = SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::query("BEGIN IMMEDIATE").execute(&mut raw).await.unwrap();
        bot.tencent().hand_over("test", "dave", "carol");
        post.next().await.taken_by(bot).await;
        until(bot, "failed", 1).await;
        sqlx::query("ROLLBACK").execute(&mut raw).await.unwrap();
        let reply = transferred(bot).await;
        assert_eq!(bot.entry(&reply).await.outcome.name(), "succeeded");
    })
    .await;
}

#[tokio::test]
async fn from_the_command_line_to_the_confirmation() {
    let mut program = Program::new().await;
    let shown = program.runs("tencent callbacks show").await;
    assert_snapshot!(shown.out, @"Tencent sends no callbacks. `room-owner tencent callbacks set <url>` has them sent.");
    let token = secret("callbacks");
    program.set("TENCENT_CALLBACK_TOKEN", token.expose_secret());
    for words in [
        format!("acl channel allow slack:{}:{}", super::slack::TEAM, super::slack::MODS),
        format!("acl grant {} moderator", ALICE.subject()),
    ] {
        assert_eq!(program.runs(&words).await.code, 0);
    }
    let serving = program.serves().await;
    let address = *program.workspace.bot.lock().unwrap();
    let set = program.runs(&format!("tencent callbacks set http://{address}/tencent/callbacks/")).await;
    assert_eq!(set.code, 0, "{}", set.err);
    let out = set.out.replace(&address.to_string(), "<address>");
    assert_snapshot!(out, @r"
    + url http://<address>/tencent/callbacks/
    + command Live.CallbackAfterChangeOwner
    + signed with a token
    Written. A new address counts after about two minutes.
    ");
    let again = program.runs(&format!("tencent callbacks set http://{address}/tencent/callbacks/")).await;
    assert!(again.out.contains("nothing was written"), "{}", again.out);
    let reply = program.slack(ALICE).says(LINE).await;
    assert!(reply.says("`test` now belongs to `user2`"), "{reply}");
    let shown = within(async {
        loop {
            let shown = program.runs(&format!("audit show {}", reply.operation())).await;
            if shown.err.contains("confirmed") {
                return shown;
            }
        }
    })
    .await;
    assert!(
        shown.err.starts_with("confirmed by Tencent's callback: the owner changed at 20"),
        "{}",
        shown.err
    );
    program.tencent.hand_over("test", "dave", "user2");
    let listed = within(async {
        loop {
            let listed = program.runs("audit list --limit 1").await;
            if listed.out.contains("observed") {
                return listed;
            }
        }
    })
    .await;
    assert!(listed.out.contains("(user2)") && listed.out.contains("was user2"), "{}", listed.out);

    let shown = program.runs("tencent callbacks show").await;
    assert!(shown.out.contains("signed    yes, with TENCENT_CALLBACK_TOKEN"), "{}", shown.out);
    let json = program.runs("tencent callbacks show --format json").await.json();
    assert_eq!(
        (&json["missing"], json["signed"].as_str()),
        (&serde_json::Value::Null, Some("yes, with TENCENT_CALLBACK_TOKEN"))
    );
    assert!(
        json["url"].is_string() && json["commands"].as_array().is_some_and(|them| !them.is_empty()),
        "{json}"
    );
    let calls = program.tencent.calls().len();
    for (wrong, right) in [
        ("https://other.example/", "https://other.example/tencent/callbacks"),
        ("https://other.example/tencent/callback?a=b", "https://other.example/tencent/callbacks"),
        ("https://other.example/slack/commands#x", "https://other.example/tencent/callbacks"),
    ] {
        let refused = program.runs(&format!("tencent callbacks set {wrong} --replace")).await;
        let said = format!("error: the bot answers `{wrong}` with 404: it takes callbacks at `{right}`\n");
        assert_eq!((refused.code, refused.err), (2, said));
    }
    assert_eq!(program.tencent.calls().len(), calls, "nothing is asked or written");
    let other = "https://other.example/bot/tencent/callbacks";
    let taken = program.runs(&format!("tencent callbacks set {other}")).await;
    assert_eq!(taken.code, 1);
    assert!(taken.err.contains("would get no callbacks any more; --replace"), "{}", taken.err);
    let plain = program.runs("tencent callbacks set http://other.example/").await;
    assert_eq!(plain.code, 2);
    let taken = program.runs(&format!("tencent callbacks set {other} --replace --token of-our-own")).await;
    assert_eq!(taken.code, 0, "{}", taken.err);
    assert!(taken.err.contains("set TENCENT_CALLBACK_TOKEN to this token as well"), "{}", taken.err);
    serving.ends_when_asked().await;
}
