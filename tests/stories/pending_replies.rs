//! What cannot be answered where it was asked, the bot says by its own right: in the channel, or directly.

use std::time::Duration;

use insta::assert_snapshot;
use room_owner::app::ports::Store as _;
use room_owner::slack::{Lookup, RefreshIntervals};
use room_owner::tencent::simulator::{Api, Fault, FaultKind, When};
use secrecy::ExposeSecret as _;

use super::clock::FOREVER;
use super::late::Taken as AtTheUrl;
use super::slack::{self, ALICE, MODS, Reply};
use super::world::{Stage, World, run, secret};
use crate::fakes::slack::{Posted, SlackApi, Taken};

const LINE: &str = "/room-owner test user2";

/// The bot has a token of its own.
pub(crate) async fn with_a_token(world: World, story: impl AsyncFnOnce(&mut Stage, &SlackApi)) {
    let token = secret("xoxb");
    let api = SlackApi::start(token.expose_secret()).await;
    let base_url = api.base().parse().unwrap();
    // Nobody's role depends on a group, so none is asked for.
    let intervals = RefreshIntervals { look: FOREVER, read: FOREVER };
    let world = world.looking_up_groups(Some(Lookup { token, base_url, intervals }));
    run(world, async |bot| story(bot, &api).await).await;
}

/// What a person reads of it.
pub(crate) fn read(posted: &Posted) -> Reply {
    let mut message = posted.message.clone();
    let is_public = posted.user.is_none() && posted.channel.starts_with('C');
    message["response_type"] = if is_public { "in_channel" } else { "ephemeral" }.into();
    slack::reply(message, "")
}

/// Alice's command takes longer than Slack waits.
async fn slowly(bot: &Stage) {
    bot.next_change(FaultKind::Stall { when: When::Before, millis: 2_100 });
    let first = bot.slack(ALICE).says(LINE).await;
    assert!(first.says("Working on"), "{first}");
}

/// How the newest reply went, once that is known.
async fn note(bot: &Stage) -> String {
    let asking = async {
        loop {
            let notes = bot.store.reply_notes(bot.last().await.operation).await.unwrap();
            if let [(_, note)] = notes.as_slice() {
                return note.to_string();
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), asking).await.expect("the reply went as usual")
}

#[tokio::test]
async fn what_the_response_url_does_not_take_is_said_in_the_channel() {
    with_a_token(World::usual(), async |bot, api| {
        bot.late.takes(&[AtTheUrl::With(404)]);
        slowly(bot).await;
        let posted = api.has_posted(1).await;
        assert_eq!((posted[0].method.as_str(), posted[0].channel.as_str()), ("chat.postMessage", MODS));
        assert_snapshot!(read(&posted[0]), @"
        ✅ `test` now belongs to `user2` (was `carol`) · confirmed
        You asked for this at 2026-11-23 12:00 UTC: `/room-owner test user2`. The bot could not answer then.
        op 4 · RequestId Id-9dc6366a2003d418ace6b6c74e29980f-O-Seq-2 · by alice · undo: /room-owner test carol
        ");
        assert_eq!(note(bot).await, "delivered later, in a message of its own (slack answered 404)");
        let mut metrics = String::new();
        let counted = async {
            let said = ["room_owner_unusual_replies_total{how=\"sent\"} 1", "room_owner_replies_pending 0"];
            while !said.iter().all(|said| metrics.contains(said)) {
                metrics = bot.gets("/metrics").await.1;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), counted).await.expect("it is not counted");
    })
    .await;
}

#[tokio::test]
async fn a_private_answer_stays_private_and_where_the_bot_is_not_it_speaks_to_the_person() {
    with_a_token(World::usual().private(), async |bot, api| {
        bot.late.takes(&[AtTheUrl::With(404)]);
        slowly(bot).await;
        let posted = api.has_posted(1).await;
        assert_eq!(posted[0].method, "chat.postEphemeral");
        assert_eq!((posted[0].channel.as_str(), posted[0].user.as_deref()), (MODS, Some(ALICE.id)));
        assert!(read(&posted[0]).says("now belongs to `user2`"));
    })
    .await;
    for error in ["not_in_channel", "channel_not_found", "user_not_in_channel"] {
        with_a_token(World::usual().private(), async |bot, api| {
            bot.late.takes(&[AtTheUrl::With(404)]);
            api.takes(&[Taken::No(error)]);
            slowly(bot).await;
            let posted = api.has_posted(1).await;
            assert_eq!(
                (posted[0].method.as_str(), posted[0].channel.as_str()),
                ("chat.postMessage", ALICE.id)
            );
            assert!(read(&posted[0]).says("now belongs to `user2`"), "{error}");
        })
        .await;
    }
}

#[tokio::test]
async fn slack_may_fail_for_a_while_and_the_person_is_notified_once() {
    with_a_token(World::usual(), async |bot, api| {
        bot.late.takes(&[AtTheUrl::With(404)]);
        api.takes(&[
            Taken::NotBefore(7),
            Taken::Status(503),
            Taken::No("internal_error"),
            Taken::Status(500),
        ]);
        slowly(bot).await;
        let posted = api.has_posted(1).await;
        // Not known to have been said before, but it may have been.
        assert!(read(&posted[0]).says("Again, in case you did not see the answer."));
        assert!(note(bot).await.starts_with("delivered later"));
        let pauses: Vec<_> = [7, 5, 30, 120].map(Duration::from_secs).into();
        assert_eq!(bot.clock.slept(), pauses);
        assert_eq!(api.calls().len(), 5);
    })
    .await;
}

#[tokio::test]
async fn what_slack_will_never_take_is_given_up_and_so_is_what_a_day_was_not_enough_for() {
    for error in ["account_inactive", "invalid_auth", "missing_scope"] {
        with_a_token(World::usual(), async |bot, api| {
            bot.late.takes(&[AtTheUrl::With(404)]);
            api.takes(&[Taken::No(error)]);
            slowly(bot).await;
            let why = format!("never delivered (slack answered 404; then slack answered {error})");
            assert_eq!(note(bot).await, why);
            assert_eq!(api.calls().len(), 1);
        })
        .await;
    }
    with_a_token(World::usual(), async |bot, api| {
        bot.late.takes(&[AtTheUrl::With(404)]);
        api.takes(&[Taken::Status(503); 99]);
        slowly(bot).await;
        let why = note(bot).await;
        assert!(why.starts_with("never delivered (slack answered 404; then, for a day, "), "{why}");
        let slept: Duration = bot.clock.slept().iter().sum();
        assert!((82_800..=86_400).contains(&slept.as_secs()), "{slept:?}");
        assert!(api.posted().is_empty());
    })
    .await;
}

#[tokio::test]
async fn who_knows_of_an_unknown_outcome_is_sent_the_final_one() {
    with_a_token(World::usual(), async |bot, api| {
        bot.next_change(FaultKind::ResetAfter);
        let saying = tokio::spawn(bot.slack(ALICE).says(LINE));
        bot.tencent().until(|tencent| !tencent.calls().is_empty()).await;
        bot.tencent().inject(Fault::new(FaultKind::ResetBefore).on(Api::GetRoomInfo));
        let reply = saying.await.unwrap();
        assert!(reply.says("Unknown: nobody can tell yet"), "{reply}");
        bot.tencent().clear_faults();
        bot.clock.tell();
        let posted = api.has_posted(1).await;
        assert_snapshot!(read(&posted[0]), @"
        ✅ `test` now belongs to `user2` (was `carol`) · confirmed
        You asked for this at 2026-11-23 12:00 UTC: `/room-owner test user2`. The outcome was not known then.
        Tencent's answer was lost on the way; the new owner was read back.
        op 4 · by alice · undo: /room-owner test carol
        ");
        // The first answer went as usual; this is news, and no note is due.
        assert_eq!(bot.store.reply_notes(reply.operation()).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn a_client_that_hangs_up_is_answered_late() {
    run(World::usual(), async |bot| {
        bot.next_change(FaultKind::Stall { when: When::Before, millis: 500 });
        let person = bot.slack(ALICE).about(LINE);
        let key = person.key();
        let saying = tokio::spawn(person.signed().status_and_body());
        bot.tencent().until(|tencent| tencent.max_concurrent_changes("test") == 1).await;
        saying.abort();
        let reply = slack::reply(bot.late.message(&key).await, &key);
        assert!(reply.says("`test` now belongs to `user2`"), "{reply}");
        bot.workspace.recorded.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    })
    .await;
}
