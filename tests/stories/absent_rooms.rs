//! Questions and grants about a room that does not exist at the moment.

use super::doors::{Door, assert_snapshot, at_every_door};
use super::slack::{ADAM, BORIS};
use super::world::{World, run};

at_every_door! {
    a_room_that_does_not_exist_is_said_beside_the_answer,
    only_rooms_in_reach_are_suggested,
    the_answer_stands_without_it_where_tencent_cannot_be_asked,
}

fn world(door: Door) -> World {
    World::usual().room("vip-1", "frank").grant(ADAM, "admin", "*").at(door)
}

async fn a_room_that_does_not_exist_is_said_beside_the_answer(door: Door) {
    run(world(door), async |bot| {
        let reply = bot.chat(ADAM).says("/room-acl who-can tset").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ℹ️ Who can hand `tset` over:
        @adam · grant 3 · in #mods
        @alice · grant 1 · in #mods
        A deny entry for a group may still take it from one of its members.
        No live room is called `tset` now: did you mean `test`?
        op 5
        ");
        let reply = bot.chat(ADAM).says("/room-acl grant @boris moderator rooms: Test").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ✅ @boris is now moderator for `Test`.
        They can now hand rooms over and see who owns them.
        Grant 4.
        No live room is called `Test` now: did you mean `test`?
        op 6
        ");
        let reply = bot.chat(ADAM).says("/room-acl why @boris nowhere").await;
        assert!(reply.says("No live room is called `nowhere` now."), "{reply}");
        for line in [
            "/room-acl why @boris test",
            "/room-acl who-can test",
            "/room-acl grant @boris moderator rooms: vip-1",
            "/room-acl grant @boris auditor rooms: nowhere-*",
            "/room-acl grant @boris auditor",
        ] {
            let reply = bot.chat(ADAM).says(line).await;
            assert!(!reply.says("No live room"), "{line}: {reply}");
        }
    })
    .await;
}

async fn only_rooms_in_reach_are_suggested(door: Door) {
    run(world(door).grant(BORIS, "admin", "vip-2"), async |bot| {
        let reply = bot.chat(BORIS).says("/room-acl who-can vip-2").await;
        assert!(reply.says("No live room is called `vip-2` now."), "{reply}");
        let reply = bot.chat(ADAM).says("/room-acl who-can vip-2").await;
        assert!(reply.says("No live room is called `vip-2` now: did you mean `vip-1`?"), "{reply}");
    })
    .await;
}

async fn the_answer_stands_without_it_where_tencent_cannot_be_asked(door: Door) {
    run(world(door).without_tencent(), async |bot| {
        let reply = bot.chat(ADAM).says("/room-acl who-can tset").await;
        assert!(reply.says("Who can hand `tset` over:") && !reply.says("No live room"), "{reply}");
        let reply = bot.chat(ADAM).says("/room-acl grant @boris moderator rooms: tset").await;
        assert!(reply.says("is now moderator") && !reply.says("No live room"), "{reply}");
    })
    .await;
}
