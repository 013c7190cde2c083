//! Once is enough: repeated deliveries, and two hands on one room.

use room_owner::tencent::simulator::{FaultKind, When};

use super::doors::{Door, assert_snapshot, at_every_door};
use super::slack::{ALICE, BORIS, OTTO};
use super::world::{World, run};

const LINE: &str = "/room-owner test user2";

at_every_door! {
    the_same_delivery_is_carried_out_once,
    sixteen_copies_at_once_are_one_transfer,
    a_restart_does_not_make_the_bot_forget,
    a_denial_stays_one_when_it_is_delivered_again_after_a_grant,
    a_repetition_while_the_first_is_under_way_is_answered_so,
    of_two_transfers_of_one_room_at_once_the_second_is_declined,
}

async fn the_same_delivery_is_carried_out_once(door: Door) {
    run(World::usual().at(door), async |bot| {
        let first = bot.chat(ALICE).delivered("1.2.3").says(LINE).await;
        assert!(first.says("confirmed"));
        bot.tencent().put_room("test", "carol");
        if let Some(second) = bot.chat(ALICE).delivered("1.2.3").repeats(LINE).await {
            assert_snapshot!(second, @r"
            (only visible to you)
            ℹ️ Already handled as op 4; it was not done twice.
            `test` to `user2`: succeeded (was `carol`)
            op 6 · RequestId Id-9dc6366a2003d418ace6b6c74e29980f-O-Seq-2
            ");
        }
        let entry = bot.repetitions("1.2.3", 1).await.remove(0);
        assert_eq!(entry.reason, Some(format!("repeats operation {}", first.operation())));
        assert_eq!(bot.as_at_slack(entry.delivery_id.as_deref().unwrap()), "slack:1.2.3");
        assert_eq!(bot.changes().len(), 1);
        assert_eq!(bot.owner_of("test"), "carol");
    })
    .await;
}

async fn sixteen_copies_at_once_are_one_transfer(door: Door) {
    run(World::usual().at(door), async |bot| {
        let copies: Vec<_> =
            (0..16).map(|_| tokio::spawn(bot.chat(ALICE).delivered("1.2.3").repeats(LINE))).collect();
        let mut said = Vec::new();
        for copy in copies {
            said.extend(copy.await.unwrap());
        }
        if let Some(reply) = bot.chat(ALICE).delivered("1.2.3").reads(LINE).await {
            assert!(reply.says("confirmed"), "{reply}");
        }
        bot.repetitions("1.2.3", 15).await;
        let done = bot.audit().await.into_iter().filter(|entry| entry.outcome.name() == "succeeded");
        assert_eq!(done.filter(|entry| entry.new_owner.is_some()).count(), 1);
        if !said.is_empty() {
            let count = |part: &str| said.iter().filter(|reply| reply.says(part)).count();
            assert_eq!((count("confirmed"), count("Already")), (1, 15));
        }
        assert_eq!(bot.changes().len(), 1);
    })
    .await;
}

async fn a_restart_does_not_make_the_bot_forget(door: Door) {
    run(World::usual().at(door), async |bot| {
        let first = bot.chat(ALICE).delivered("1.2.3").says(LINE).await;
        assert!(first.says("confirmed"));
        bot.restart().await;
        if let Some(second) = bot.chat(ALICE).delivered("1.2.3").repeats(LINE).await {
            assert!(second.says(&format!("Already handled as op {}", first.operation())), "{second}");
        }
        bot.repetitions("1.2.3", 1).await;
        assert_eq!(bot.changes().len(), 1);
    })
    .await;
}

async fn a_denial_stays_one_when_it_is_delivered_again_after_a_grant(door: Door) {
    run(World::usual().at(door), async |bot| {
        let first = bot.chat(OTTO).delivered("1.2.3").says(LINE).await;
        assert!(first.says("Not allowed"));
        if let Some(second) = bot.chat(OTTO).delivered("1.2.3").repeats(LINE).await {
            assert_snapshot!(second, @r"
            (only visible to you)
            ℹ️ Already handled as op 4; it was not done twice.
            `test` to `user2`: denied · no grant
            op 5
            ");
        }
        bot.repetitions("1.2.3", 1).await;
        assert!(bot.tencent().calls().is_empty());
    })
    .await;
}

async fn a_repetition_while_the_first_is_under_way_is_answered_so(door: Door) {
    run(World::usual().at(door), async |bot| {
        bot.next_change(FaultKind::Stall { when: When::Before, millis: 400 });
        let first = tokio::spawn(bot.chat(ALICE).delivered("1.2.3").says(LINE));
        bot.tencent().until(|tencent| tencent.max_concurrent_changes("test") == 1).await;
        if let Some(second) = bot.chat(ALICE).delivered("1.2.3").repeats(LINE).await {
            assert_snapshot!(second, @r"
            (only visible to you)
            ℹ️ Already under way as op 4; it is not done twice.
            `test` to `user2`: pending
            op 5
            ");
        }
        bot.repetitions("1.2.3", 1).await;
        let first = first.await.unwrap();
        assert!(first.says("confirmed"), "{first}");
        assert_eq!(bot.changes().len(), 1);
    })
    .await;
}

async fn of_two_transfers_of_one_room_at_once_the_second_is_declined(door: Door) {
    run(World::usual().at(door).grant(BORIS, "moderator", "*").room("live-7", "dave"), async |bot| {
        bot.next_change(FaultKind::Stall { when: When::Before, millis: 600 });
        let first = tokio::spawn(bot.chat(ALICE).says(LINE));
        bot.tencent().until(|tencent| tencent.max_concurrent_changes("test") == 1).await;
        let second = bot.chat(BORIS).says("/room-owner test user3").await;
        assert_snapshot!(second, @"
        (only visible to you)
        ⏳ Nothing was done: op 5 on `test` is still under way.
        @alice is handing it to `user2`. It takes a few seconds at most: wait for its outcome.
        op 6
        ");
        assert_eq!(bot.entry(&second).await.outcome.name(), "declined");
        let other = bot.chat(BORIS).says("/room-owner live-7 user3").await;
        assert!(other.says("`live-7` now belongs to `user3`"), "another room is free: {other}");
        let first = first.await.unwrap();
        assert!(first.says("`test` now belongs to `user2`"), "{first}");
        assert_eq!(bot.tencent().max_concurrent_changes("test"), 1);
        assert_eq!(bot.owner_of("test"), "user2");
    })
    .await;
}
