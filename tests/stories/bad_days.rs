//! The bot's own bad days: its database is locked, or its outcome cannot be recorded yet.

use std::time::Duration;

use room_owner::tencent::simulator::{FaultKind, When};
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use super::doors::{Door, assert_snapshot, at_every_door};
use super::slack::ALICE;
use super::world::{Stage, World, run};

const LINE: &str = "/room-owner test user2";

/// Another program keeps the database to itself, until this is closed.
pub(crate) async fn locked(bot: &Stage) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(bot.database()).busy_timeout(Duration::from_secs(5));
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    other
}

at_every_door! {
    without_a_record_nothing_is_done_and_the_person_is_answered,
    an_outcome_that_cannot_be_recorded_at_once_is_offered_again,
}

async fn without_a_record_nothing_is_done_and_the_person_is_answered(door: Door) {
    run(World::usual().at(door), async |bot| {
        let lock = locked(bot).await;
        let reply = bot.chat(ALICE).delivered("1.2.3").says(LINE).await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ❌ Nothing was done: the audit log cannot be written right now.
        The bot never changes a room without a record. It is safe to try again; tell an admin to check the bot's disk and database if it stays like this.
        ");
        assert!(bot.tencent().calls().is_empty());
        let (status, text) = bot.page("/readyz").await;
        assert!(status == 503 && text.starts_with("not ready: "), "{status} {text}");
        lock.close().await.unwrap();
        // In Discord an interaction that has an answer is over; a person uses the command once more.
        let again = if door == Door::Slack { bot.chat(ALICE).delivered("1.2.3") } else { bot.chat(ALICE) };
        let reply = again.says(LINE).await;
        assert!(reply.says("confirmed"), "the delivery was not used up: {reply}");
        let ready = async { while bot.page("/readyz").await.0 != 200 {} };
        tokio::time::timeout(Duration::from_secs(20), ready).await.expect("it stays not ready");
    })
    .await;
}

async fn an_outcome_that_cannot_be_recorded_at_once_is_offered_again(door: Door) {
    run(World::usual().at(door), async |bot| {
        bot.next_change(FaultKind::Stall { when: When::Before, millis: 100 });
        let saying = tokio::spawn(bot.chat(ALICE).says(LINE));
        bot.tencent().until(|tencent| tencent.max_concurrent_changes("test") == 1).await;
        let lock = locked(bot).await;
        let refused = async {
            while bot.clock.slept().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), refused).await.unwrap();
        lock.close().await.unwrap();
        let reply = saying.await.unwrap();
        let reply = if reply.says("Working on") { bot.late(&reply).await } else { reply };
        assert!(reply.says("confirmed") && !reply.says("could not be written"), "{reply}");
        assert_eq!(bot.entry(&reply).await.outcome.name(), "succeeded");
    })
    .await;
}
