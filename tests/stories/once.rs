//! Once is enough: repeated deliveries, and two hands on one room.

use insta::assert_snapshot;
use room_owner::tencent::simulator::{FaultKind, When};

use super::slack::{ALICE, BORIS, OTTO};
use super::world::{World, run};

const LINE: &str = "/room-owner test user2";

#[tokio::test]
async fn the_same_delivery_is_carried_out_once_and_answered_twice() {
    run(World::usual(), async |bot| {
        let first = bot.slack(ALICE).delivered("1.2.3").says(LINE).await;
        assert!(first.says("confirmed"));
        bot.tencent().put_room("test", "carol");
        let second = bot.slack(ALICE).delivered("1.2.3").says(LINE).await;
        assert_snapshot!(second, @r"
        (only visible to you)
        ℹ️ Already handled as op 4; it was not done twice.
        `test` to `user2`: succeeded (was `carol`)
        op 6 · RequestId Id-9dc6366a2003d418ace6b6c74e29980f-O-Seq-2
        ");
        let entry = bot.entry(&second).await;
        assert_eq!(entry.outcome.name(), "duplicate");
        assert_eq!(entry.reason, Some(format!("repeats operation {}", first.operation())));
        assert_eq!(entry.delivery_id.as_deref(), Some("slack:1.2.3"));
        assert_eq!(bot.changes().len(), 1);
        assert_eq!(bot.owner_of("test"), "carol");
    })
    .await;
}

#[tokio::test]
async fn sixteen_copies_at_once_are_one_deed() {
    run(World::usual(), async |bot| {
        let copies: Vec<_> =
            (0..16).map(|_| tokio::spawn(bot.slack(ALICE).delivered("1.2.3").says(LINE))).collect();
        let (mut done, mut repeated) = (0, 0);
        for copy in copies {
            let reply = copy.await.unwrap();
            done += usize::from(reply.says("confirmed"));
            repeated += usize::from(reply.says("Already"));
        }
        assert_eq!((done, repeated), (1, 15));
        assert_eq!(bot.changes().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_restart_does_not_make_the_bot_forget() {
    run(World::usual(), async |bot| {
        let first = bot.slack(ALICE).delivered("1.2.3").says(LINE).await;
        assert!(first.says("confirmed"));
        bot.restart().await;
        let second = bot.slack(ALICE).delivered("1.2.3").says(LINE).await;
        assert!(second.says(&format!("Already handled as op {}", first.operation())), "{second}");
        assert_eq!(bot.changes().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_denial_stays_one_when_it_is_delivered_again_after_a_grant() {
    run(World::usual(), async |bot| {
        let first = bot.slack(OTTO).delivered("1.2.3").says(LINE).await;
        assert!(first.says("Not allowed"));
        let second = bot.slack(OTTO).delivered("1.2.3").says(LINE).await;
        assert_snapshot!(second, @r"
        (only visible to you)
        ℹ️ Already handled as op 4; it was not done twice.
        `test` to `user2`: denied · no grant
        op 5
        ");
    })
    .await;
}

#[tokio::test]
async fn a_repetition_while_the_first_is_under_way_is_told_so() {
    run(World::usual(), async |bot| {
        bot.next_change(FaultKind::Stall { when: When::Before, millis: 400 });
        let first = tokio::spawn(bot.slack(ALICE).delivered("1.2.3").says(LINE));
        bot.tencent().until(|tencent| tencent.max_concurrent_changes("test") == 1).await;
        let second = bot.slack(ALICE).delivered("1.2.3").says(LINE).await;
        assert_snapshot!(second, @r"
        (only visible to you)
        ℹ️ Already under way as op 4; it is not done twice.
        `test` to `user2`: pending
        op 5
        ");
        let first = first.await.unwrap();
        assert!(first.says("confirmed"), "{first}");
        assert_eq!(bot.changes().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn of_two_transfers_of_one_room_at_once_the_second_is_declined() {
    run(World::usual().grant(BORIS, "moderator", "*").room("live-7", "dave"), async |bot| {
        bot.next_change(FaultKind::Stall { when: When::Before, millis: 600 });
        let first = tokio::spawn(bot.slack(ALICE).says(LINE));
        bot.tencent().until(|tencent| tencent.max_concurrent_changes("test") == 1).await;
        let second = bot.slack(BORIS).says("/room-owner test user3").await;
        assert_snapshot!(second, @r"
        (only visible to you)
        ⏳ Nothing was done: op 5 on `test` is still under way.
        `alice` is handing it to `user2`.
        See what comes of it before you try again; it takes a few seconds at most.
        op 6
        ");
        assert_eq!(bot.entry(&second).await.outcome.name(), "declined");
        let other = bot.slack(BORIS).says("/room-owner live-7 user3").await;
        assert!(other.says("`live-7` now belongs to `user3`"), "another room is free: {other}");
        let first = first.await.unwrap();
        assert!(first.says("`test` now belongs to `user2`"), "{first}");
        assert_eq!(bot.tencent().max_concurrent_changes("test"), 1);
        assert_eq!(bot.owner_of("test"), "user2");
    })
    .await;
}
