//! An admin overrides a transfer whose outcome is unknown.

use room_owner::app::ports::Store as _;
use room_owner::domain::audit::{OutcomeKind, What};
use room_owner::tencent::simulator::{Api, Fault, FaultKind, When};

use super::doors::{Door, assert_snapshot, at_every_door};
use super::reply::Reply;
use super::slack::{ALICE, BORIS};
use super::world::{Stage, World, run};

at_every_door! {
    an_admin_goes_past_it_and_both_records_say_so,
    a_moderator_may_not_go_past_it,
    what_is_still_under_way_or_another_operation_is_not_gone_past,
    what_does_not_hold_the_room_is_not_gone_past,
    what_has_ended_by_then_is_not_gone_past,
    a_reason_is_asked_for,
}

/// Alice's transfer is lost on the way, and the owner cannot be read any more.
async fn nobody_knows(bot: &Stage) -> Reply {
    bot.next_change(FaultKind::ResetAfter);
    let saying = tokio::spawn(bot.chat(ALICE).says("/room-owner test user2"));
    bot.tencent().until(|tencent| !tencent.calls().is_empty()).await;
    bot.tencent().inject(Fault::new(FaultKind::ResetBefore).on(Api::GetRoomInfo));
    let reply = saying.await.unwrap();
    assert!(reply.says("Unknown"), "{reply}");
    reply
}

fn with_an_admin() -> World {
    World::usual().grant(BORIS, "admin", "*")
}

async fn an_admin_goes_past_it_and_both_records_say_so(door: Door) {
    run(with_an_admin().at(door), async |bot| {
        let lost = nobody_knows(bot).await;
        let line =
            format!("/room-owner test user3 override: {} reason: host is on the phone", lost.operation());
        let reply = bot.chat(BORIS).says(&line).await;
        assert_snapshot!(reply, @"
        ✅ `test` now belongs to `user3` · accepted, not yet confirmed
        Tencent accepted the change; it was not read back yet. Check in a moment with `/room-owner test`.
        Reason given: `host is on the phone`
        op 9 · RequestId Id-49a4151b8d96d6833add79b2fd51c3a5-O-Seq-24 · by boris · log …
        ");
        assert_eq!(bot.owner_of("test"), "user3");
        let (old, new) = (bot.entry(&lost).await, bot.entry(&reply).await);
        assert_eq!(old.outcome, OutcomeKind::Unknown, "and stays so, for `audit list --outcome unknown`");
        let ends = format!("overridden by operation {}", reply.operation());
        assert!(old.error_info.as_deref().unwrap().ends_with(&ends), "{old:?}");
        assert_eq!(
            (new.outcome, new.reason.as_deref()),
            (OutcomeKind::Succeeded, Some("host is on the phone"))
        );
        let events = bot.store.log().events(reply.operation()).await.unwrap();
        let What::Requested(request) = &events[0].what else { panic!("{:?}", events[0]) };
        assert_eq!(request.overrides, Some(lost.operation()));
        assert!(bot.store.unresolved().await.unwrap().is_empty());
        bot.tencent().clear_faults();
        let next = bot.chat(ALICE).says("/room-owner test user4").await;
        assert!(next.says("`test` now belongs to `user4` (was `user3`)"), "the room is free: {next}");
    })
    .await;
}

async fn a_moderator_may_not_go_past_it(door: Door) {
    run(with_an_admin().at(door), async |bot| {
        let lost = nobody_knows(bot).await;
        let line = format!("/room-owner test user3 override: {} reason: hurry", lost.operation());
        let reply = bot.chat(ALICE).says(&line).await;
        assert!(
            reply.says("Not allowed: as moderator you cannot override an operation; admins can."),
            "{reply}"
        );
        assert_eq!(bot.entry(&reply).await.outcome, OutcomeKind::Denied);
        assert_eq!(bot.changes().len(), 1);
        bot.tencent().clear_faults();
        bot.clock.tell();
        bot.until_entry(&lost, |entry| entry.outcome == OutcomeKind::Succeeded).await;
    })
    .await;
}

async fn what_is_still_under_way_or_another_operation_is_not_gone_past(door: Door) {
    run(with_an_admin().at(door), async |bot| {
        bot.next_change(FaultKind::Stall { when: When::Before, millis: 400 });
        let first = tokio::spawn(bot.chat(ALICE).says("/room-owner test user2"));
        bot.tencent().until(|tencent| tencent.max_concurrent_changes("test") == 1).await;
        for number in [5, 4] {
            let line = format!("/room-owner test user3 override: {number} reason: hurry");
            let reply = bot.chat(BORIS).says(&line).await;
            assert!(reply.says("is still under way"), "{reply}");
        }
        let first = first.await.unwrap();
        assert!(first.says("`test` now belongs to `user2`"), "{first}");
        assert_eq!(first.operation().seq(), 5);
    })
    .await;
}

async fn what_does_not_hold_the_room_is_not_gone_past(door: Door) {
    run(with_an_admin().at(door), async |bot| {
        let ended = bot.chat(ALICE).says("/room-owner test user2").await;
        assert!(ended.says("`test` now belongs to `user2`"), "{ended}");
        let line = format!("/room-owner test user3 override: {} reason: hurry", ended.operation());
        let reply = bot.chat(BORIS).says(&line).await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ❌ Nothing was done: op 5 does not hold `test`.
        It may have ended by now: see who owns the room first. To hand it over then, leave `override:` out.
        op 7
        ");
        let entry = bot.entry(&reply).await;
        assert_eq!(
            (entry.outcome, entry.error_info.as_deref()),
            (OutcomeKind::Declined, Some("not overridden: operation 5 does not hold this room"))
        );
        let reply = bot.chat(BORIS).says("/room-owner test user3 override: 9999 reason: hurry").await;
        assert!(reply.says("Nothing was done: op 9999 does not hold `test`."), "{reply}");
        assert_eq!((bot.changes().len(), bot.owner_of("test").as_str()), (1, "user2"));
        let next = bot.chat(BORIS).says("/room-owner test user3").await;
        assert!(next.says("`test` now belongs to `user3` (was `user2`)"), "nobody holds the room: {next}");
    })
    .await;
}

async fn what_has_ended_by_then_is_not_gone_past(door: Door) {
    run(with_an_admin().at(door), async |bot| {
        let lost = nobody_knows(bot).await;
        // From here on the owner can be read: the operation ends as it is looked at once more.
        bot.tencent().clear_faults();
        let line = format!("/room-owner test user3 override: {} reason: hurry", lost.operation());
        let reply = bot.chat(BORIS).says(&line).await;
        assert!(reply.says("Nothing was done: op 5 does not hold `test`."), "{reply}");
        assert_eq!(bot.entry(&lost).await.outcome, OutcomeKind::Succeeded);
        assert_eq!((bot.changes().len(), bot.owner_of("test").as_str()), (1, "user2"));
    })
    .await;
}

async fn a_reason_is_asked_for(door: Door) {
    run(with_an_admin().at(door), async |bot| {
        let reply = bot.chat(BORIS).says("/room-owner test user3 override: 17").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ❌ An override needs a reason.
        Type: `/room-owner test user3 override: 17 reason: <why>`
        Nothing was done.
        op 5
        ");
    })
    .await;
}
