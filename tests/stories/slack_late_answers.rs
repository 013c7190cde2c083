//! Answers that come late, and a Slack that does not take them at once.

use std::time::Duration;

use insta::assert_snapshot;
use room_owner::app::ports::Store as _;
use room_owner::domain::reply_note::HowReplied;
use room_owner::tencent::simulator::{FaultKind, When};

use super::late::{Late, Taken};
use super::slack::{ALICE, Reply};
use super::world::{Stage, World, run};

const LINE: &str = "/room-owner test user2";

/// Tencent takes longer than Slack waits.
async fn slowly(bot: &Stage) -> Reply {
    bot.next_change(FaultKind::Stall { when: When::Before, millis: 2_100 });
    let first = bot.slack(ALICE).says(LINE).await;
    assert!(first.says("Working on `/room-owner test user2`"), "{first}");
    first
}

/// The answer arrives after these posts and pauses.
async fn arrives(taken: &[Taken], posts: &[u16], pauses: &[u64]) {
    run(World::usual(), async |bot| {
        bot.late.takes(taken);
        let first = slowly(bot).await;
        let reply = bot.late(&first).await;
        assert!(reply.says("`test` now belongs to `user2`"), "{reply}");
        assert_eq!(bot.late.posts(), posts);
        let pauses: Vec<_> = pauses.iter().copied().map(Duration::from_secs).collect();
        assert_eq!(bot.clock.slept(), pauses);
    })
    .await;
}

/// The answer is given up after these posts, the last of which Slack answers so; the record stands.
async fn is_given_up(taken: &[Taken], posts: &[u16], answer: &str) {
    run(World::usual(), async |bot| {
        bot.late.takes(taken);
        slowly(bot).await;
        bot.late.posted(posts.len()).await;
        // The end of the bot waits for what it is at.
        bot.restart().await;
        assert_eq!(bot.late.posts(), posts);
        let entry = bot.last().await;
        assert_eq!(entry.outcome.name(), "succeeded");
        let notes = bot.store.reply_notes(entry.operation).await.unwrap();
        let last = format!("never delivered (slack answered {answer})");
        assert_eq!(notes.iter().map(|(_, note)| note.to_string()).collect::<Vec<_>>(), [last]);
    })
    .await;
}

#[tokio::test]
async fn slack_may_fail_or_ask_for_patience_and_gets_the_answer_in_the_end() {
    use Taken::{NotBefore, With};
    tokio::join!(
        arrives(&[], &[200], &[]),
        arrives(&[With(500), With(503)], &[500, 503, 200], &[1, 5]),
        arrives(&[NotBefore(7)], &[429, 200], &[7]),
        arrives(&[With(500), With(500), With(500), With(500)], &[500, 500, 500, 500, 200], &[1, 5, 30, 120]),
    );
}

#[tokio::test]
async fn an_answer_that_slack_will_never_take_is_given_up_and_stays_on_record() {
    use Taken::{Elsewhere, No, With};
    tokio::join!(
        is_given_up(&[With(404)], &[404], "404"),
        is_given_up(&[Elsewhere], &[307], "307"),
        is_given_up(&[With(500); 9], &[500, 500, 500, 500, 500], "500"),
        is_given_up(&[No("used_url")], &[200], "used_url"),
        is_given_up(&[With(503), No("https://an/odd one")], &[503, 200], "no"),
    );
}

#[tokio::test]
async fn no_answer_goes_to_a_host_that_is_not_slack_s() {
    let (elsewhere, address, server) = Late::start().await;
    let urls = [format!("http://{address}/late/x"), "https://hooks.slack.com.evil.example/x".to_owned()];
    let unanswered = async |url: &str| {
        run(World::usual(), async |bot| {
            bot.next_change(FaultKind::Stall { when: When::Before, millis: 2_100 });
            let first = bot.slack(ALICE).with("response_url", url).says(LINE).await;
            assert!(first.says("Working on"), "{first}");
            bot.tencent().until(|tencent| tencent.owner_of("test").unwrap() == "user2").await;
            bot.restart().await;
            assert_eq!(bot.last().await.outcome.name(), "succeeded");
            assert!(bot.late.posts().is_empty());
            let notes = bot.store.reply_notes(bot.last().await.operation).await.unwrap();
            assert!(matches!(notes.as_slice(), [(_, note)] if note.how == HowReplied::Lost), "{notes:?}");
        })
        .await;
    };
    tokio::join!(unanswered(&urls[0]), unanswered(&urls[1]), unanswered(""));
    assert!(elsewhere.posts().is_empty());
    server.abort();
}

#[tokio::test]
async fn who_waits_too_long_reads_so_and_gets_the_answer_later() {
    run(World::usual(), async |bot| {
        let first = slowly(bot).await;
        assert_snapshot!(first, @r"
        (only visible to you)
        ⏳ Working on `/room-owner test user2` …
        Tencent is slow to answer. The result follows here; do not send it again.
        ");
        let reply = bot.late(&first).await;
        assert_snapshot!(reply, @"
        ✅ `test` now belongs to `user2` (was `carol`) · confirmed
        op 4 · RequestId Id-9dc6366a2003d418ace6b6c74e29980f-O-Seq-2 · by alice · log … · undo: /room-owner test carol
        ");
        assert!(reply.is_public());
        assert_eq!(bot.late.posts(), [200]);
    })
    .await;
}

#[tokio::test]
async fn the_time_that_a_request_takes_to_arrive_is_part_of_the_time_that_slack_waits() {
    run(World::usual(), async |bot| {
        bot.next_change(FaultKind::Stall { when: When::Before, millis: 1_300 });
        let request = bot.slack(ALICE).about(LINE).signed();
        let first = request.answered_slowly(Duration::from_millis(1_300)).await;
        assert!(first.says("Working on `/room-owner test user2`"), "{first}");
        assert!(bot.late(&first).await.says("`test` now belongs to `user2`"));
    })
    .await;
}
