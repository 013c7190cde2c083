//! What a moderator does every night.

use super::doors::{Door, assert_snapshot, at_every_door};
use super::slack::{ALICE, MODS, RITA};
use super::world::{World, run};

at_every_door! {
    a_moderator_hands_a_room_over_and_the_channel_sees_it,
    with_private_replies_only_the_caller_sees_it,
    a_question_about_the_owner_changes_nothing,
    who_owns_the_room_already_is_answered_so_and_nothing_is_sent,
    a_reason_is_shown_and_kept,
    the_record_of_a_transfer_tells_who_where_what_and_by_whose_authority,
    a_room_that_does_not_exist_is_said_to_be_so,
    a_prefix_makes_room_for_two_bots_in_one_workspace,
    the_attempt_is_in_the_log_while_tencent_still_thinks,
}

async fn a_moderator_hands_a_room_over_and_the_channel_sees_it(door: Door) {
    run(World::usual().at(door), async |bot| {
        let reply = bot.chat(ALICE).says("/room-owner test user2").await;
        assert_snapshot!(reply, @"
        ✅ `test` now belongs to `user2` (was `carol`) · confirmed
        op 4 · RequestId Id-9dc6366a2003d418ace6b6c74e29980f-O-Seq-2 · by alice · log … · undo: /room-owner test carol
        ");
        assert!(reply.is_public());
        assert_eq!(bot.owner_of("test"), "user2");
    })
    .await;
}

#[tokio::test]
async fn the_reply_to_a_change_is_a_witness_of_the_log() {
    use room_owner::store::verify::{Evidence, verify};

    run(World::usual(), async |bot| {
        let reply = bot.chat(ALICE).says("/room-owner test user2").await;
        let head = reply.text().split(" · log ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
        bot.chat(ALICE).says("/room-owner test user3").await.text();
        let check = async |head: String| {
            let seen = vec![head.parse().unwrap()];
            verify(&bot.database(), Evidence { seen, ..Evidence::default() }).await.unwrap()
        };
        let report = check(head.clone()).await;
        assert!(report.sound && report.compared.len() == 2, "{report:?}");
        let (size, _) = head.split_once(':').unwrap();
        assert!(!check(format!("{size}:0123456789ab")).await.sound);
    })
    .await;
}

async fn with_private_replies_only_the_caller_sees_it(door: Door) {
    run(World::usual().at(door).private(), async |bot| {
        let reply = bot.chat(ALICE).says("/room-owner test user2").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ✅ `test` now belongs to `user2` (was `carol`) · confirmed
        op 4 · RequestId Id-9dc6366a2003d418ace6b6c74e29980f-O-Seq-2 · by alice · log … · undo: /room-owner test carol
        ");
        assert_eq!(bot.owner_of("test"), "user2");
    })
    .await;
}

async fn a_question_about_the_owner_changes_nothing(door: Door) {
    run(World::usual().at(door), async |bot| {
        for person in [ALICE, RITA] {
            let reply = bot.chat(person).says("/room-owner test").await;
            assert!(reply.says("`test` belongs to `carol`."), "{reply}");
            assert!(!reply.is_public());
        }
        let reply = bot.chat(ALICE).says("/room-owner gone").await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ❌ The owner of `gone` could not be read.
        Tencent's error 100004: `room `gone` does not exist or has been dissolved: check the id`
        There is no such room, or it is dissolved: check the spelling; the stream may have ended.
        op 8 · RequestId Id-ecbe93f9c7fbf3c6a01b3bff4b6ecdd8-O-Seq-3
        ");
        assert!(bot.changes().is_empty());
    })
    .await;
}

async fn who_owns_the_room_already_is_answered_so_and_nothing_is_sent(door: Door) {
    run(World::usual().at(door), async |bot| {
        let reply = bot.chat(ALICE).says("/room-owner test carol").await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ℹ️ `carol` is already the owner of `test`. Nothing to change.
        op 4
        ");
        assert!(bot.changes().is_empty());
        let entry = bot.entry(&reply).await;
        assert_eq!(entry.outcome.name(), "unchanged");
        assert_eq!(entry.previous_owner.as_deref(), Some("carol"));
    })
    .await;
}

async fn a_reason_is_shown_and_kept(door: Door) {
    run(World::usual().at(door), async |bot| {
        let line = "/room-owner test user2 reason: host crashed, see <#C1|general> & @here";
        let reply = bot.chat(ALICE).says(line).await;
        assert_snapshot!(reply, @"
        ✅ `test` now belongs to `user2` (was `carol`) · confirmed
        Reason given: `host crashed, see <#C1|general> & @here`
        op 4 · RequestId Id-9dc6366a2003d418ace6b6c74e29980f-O-Seq-2 · by alice · log … · undo: /room-owner test carol
        ");
        let entry = bot.entry(&reply).await;
        assert_eq!(entry.reason.as_deref(), Some("host crashed, see <#C1|general> & @here"));
    })
    .await;
}

async fn the_record_of_a_transfer_tells_who_where_what_and_by_whose_authority(door: Door) {
    run(World::usual().at(door), async |bot| {
        let reply =
            bot.chat(ALICE).delivered("1.2.abc").says("/room-owner test user2 reason: host left").await;
        assert!(reply.says("now belongs to"));
        let entry = bot.entry(&reply).await;
        let json = bot.as_at_slack(&serde_json::to_string_pretty(&entry).unwrap());
        assert_snapshot!(json, @r#"
        {
          "operation": "4",
          "at": "2026-11-23T12:00:00.000Z",
          "actor": "slack:T0TEAM:U0ALICE",
          "actor_name": "alice",
          "channel": "slack:T0TEAM:C0MODS",
          "command": "/room-owner test user2 reason: host left",
          "room": "test",
          "new_owner": "user2",
          "previous_owner": "carol",
          "reason": "host left",
          "decision": "permit",
          "authority": "grant 1",
          "outcome": "succeeded",
          "error_code": null,
          "error_info": null,
          "request_id": "Id-9dc6366a2003d418ace6b6c74e29980f-O-Seq-2",
          "delivery_id": "slack:1.2.abc",
          "duration_ms": 0
        }
        "#);
    })
    .await;
}

async fn a_room_that_does_not_exist_is_said_to_be_so(door: Door) {
    run(World::usual().at(door), async |bot| {
        let reply = bot.chat(ALICE).says("/room-owner gone user2").await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ❌ The owner of `gone` was not changed.
        Tencent's error 100004: `room `gone` does not exist or has been dissolved: check the id`
        There is no such room, or it is dissolved: check the spelling; the stream may have ended.
        op 4 · RequestId Id-a93875fe509ac2fae0e0939d3ec71c4d-O-Seq-1
        ");
        assert!(bot.changes().is_empty(), "the owner is read first");
    })
    .await;
}

async fn a_prefix_makes_room_for_two_bots_in_one_workspace(door: Door) {
    run(World::usual().at(door).prefix("staging-"), async |bot| {
        let reply = bot.chat(ALICE).says("/staging-room-owner test user2").await;
        assert!(reply.says("`test` now belongs to `user2`"));
        let reply = bot.chat(ALICE).says("/staging-room-owner tést user2").await;
        assert!(reply.says("Type: `/staging-room-owner <room> user2`"), "{reply}");
        let reply = bot.chat(ALICE).says("/room-owner test user3").await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ❌ The bot does not know the command `/room-owner`.
        Type: `/staging-room-owner`
        Nothing was done.
        op 7
        ");
        assert_eq!(bot.owner_of("test"), "user2");
    })
    .await;
}

async fn the_attempt_is_in_the_log_while_tencent_still_thinks(door: Door) {
    use room_owner::domain::audit::OutcomeKind;
    use room_owner::tencent::simulator::{FaultKind, When};

    run(World::usual().at(door), async |bot| {
        bot.next_change(FaultKind::Stall { when: When::Before, millis: 300 });
        let saying = tokio::spawn(bot.chat(ALICE).in_channel(MODS).says("/room-owner test user2"));
        bot.tencent().until(|tencent| tencent.max_concurrent_changes("test") == 1).await;
        let entry = bot.last().await;
        assert_eq!(entry.outcome, OutcomeKind::Pending);
        assert_eq!(entry.new_owner.as_deref(), Some("user2"));
        assert_eq!(bot.owner_of("test"), "carol");
        let reply = saying.await.unwrap();
        assert!(reply.says("confirmed"), "{reply}");
    })
    .await;
}
