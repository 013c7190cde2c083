//! Buttons under replies, pressed at Slack.

use room_owner::domain::audit::OutcomeKind;
use serde_json::json;

use super::slack::{ALICE, BORIS, MODS, RITA};
use super::world::{World, run};

#[tokio::test]
async fn a_hand_over_is_undone_by_a_press_and_the_undoing_too() {
    run(World::usual(), async |bot| {
        let first = bot.slack(ALICE).says("/room-owner test user2").await;
        assert_eq!(first.labels(), ["Undo"]);
        let press = bot.slack(ALICE).presses(&first, "Undo").await;
        let undone = bot.came_of(&press).await;
        insta::assert_snapshot!(undone, @"
        ✅ `test` now belongs to `carol` (was `user2`) · confirmed
        op 6 · RequestId Id-c2f817b7c4677f4f428d0a88fe676634-O-Seq-5 · by alice · log … · undo: /room-owner test user2
        ");
        assert_eq!(bot.owner_of("test"), "carol");
        // The channel's message keeps its words and loses the button.
        let message = bot.tidied(&press).await;
        assert_eq!(message["replace_original"], true);
        assert_eq!(message["text"], first.json["text"]);
        assert!(message["blocks"].as_array().unwrap().iter().all(|block| block["type"] != "actions"));
        // The log has the press as an operation of its own, which names the one it belongs to.
        let entry = bot.entry(&undone).await;
        insta::assert_snapshot!(entry.command, @"[op 4: Undo] /room-owner test carol");
        let steps = bot.slack(RITA).says(&format!("/room-audit show {}", entry.operation)).await;
        insta::assert_snapshot!(steps, @"
        (only visible to you)
        ℹ️ Operation 6: succeeded.
        At: 2026-11-23 12:00:00 UTC
        By: @alice
        In: #mods
        Command: `[op 4: Undo] /room-owner test carol`
        Room: `test`
        New owner: `carol`
        Owner before: `user2`
        Allowed by: `grant 1`: moderator for every room, given by `cli:ana` on 2026-11-23
        RequestId: `Id-c2f817b7c4677f4f428d0a88fe676634-O-Seq-5`
        Took: 0 ms
        op 8
        ");

        assert_eq!(undone.labels(), ["Undo"]);
        let again = bot.slack(ALICE).presses(&undone, "Undo").await;
        assert!(bot.came_of(&again).await.says("`test` now belongs to `user2`"));
        assert_eq!(bot.tidied(&again).await["replace_original"], true);
        assert_eq!((bot.owner_of("test"), bot.changes().len()), ("user2".to_owned(), 3));
    })
    .await;
}

#[tokio::test]
async fn a_button_works_once() {
    run(World::usual(), async |bot| {
        let first = bot.slack(ALICE).says("/room-owner test user2").await;
        let press = bot.slack(ALICE).presses(&first, "Undo").await;
        assert!(bot.came_of(&press).await.says("`test` now belongs to `carol`"));
        bot.tidied(&press).await;
        let second = bot.slack(ALICE).presses(&first, "Undo").await;
        insta::assert_snapshot!(bot.came_of(&second).await, @"
        (only visible to you)
        ⛔ Nothing was done: this was pressed already, and became op 6.
        Look at the reply to that one before you do it again.
        op 8
        ");
        bot.tidied(&second).await;
        assert_eq!(bot.changes().len(), 2);
        assert_eq!(bot.last().await.outcome, OutcomeKind::Declined);
    })
    .await;
}

#[tokio::test]
async fn a_press_that_is_delivered_twice_is_done_once() {
    run(World::usual(), async |bot| {
        let first = bot.slack(ALICE).says("/room-owner test user2").await;
        let press = bot.slack(ALICE).delivered("1.2.press").presses(&first, "Undo").await;
        assert!(bot.came_of(&press).await.says("`test` now belongs to `carol`"));
        bot.tidied(&press).await;
        let again = bot.slack(ALICE).delivered("1.2.press").presses(&first, "Undo").await;
        let said = bot.came_of(&again).await;
        assert!(said.says("Already handled as op"), "{said}");
        assert_eq!(bot.changes().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn nothing_is_undone_when_somebody_changed_the_owner_since() {
    run(World::usual().grant(BORIS, "moderator", "*"), async |bot| {
        let first = bot.slack(ALICE).says("/room-owner test user2").await;
        let second = bot.slack(BORIS).says("/room-owner test user3").await;
        assert!(second.says("`test` now belongs to `user3`"));
        let press = bot.slack(ALICE).presses(&first, "Undo").await;
        insta::assert_snapshot!(bot.came_of(&press).await, @"
        (only visible to you)
        ❌ Nothing was done: `test` keeps its owner.
        What went wrong: `user3 owns it now: op 7 by boris`
        Agree with the other moderators. To change it all the same, type the command.
        op 9
        ");
        bot.tidied(&press).await;
        assert_eq!((bot.owner_of("test"), bot.changes().len()), ("user3".to_owned(), 2));
        // By nobody whom the bot knows.
        bot.tencent().put_room("test", "user9");
        let press = bot.slack(BORIS).presses(&second, "Undo").await;
        insta::assert_snapshot!(bot.came_of(&press).await, @"
        (only visible to you)
        ❌ Nothing was done: `test` keeps its owner.
        What went wrong: `user9 owns it now: the change did not go through the bot`
        Agree with the other moderators. To change it all the same, type the command.
        op 11
        ");
        bot.tidied(&press).await;
        assert_eq!(bot.owner_of("test"), "user9");
    })
    .await;
}

#[tokio::test]
async fn half_an_hour_later_nothing_is_undone() {
    run(World::usual(), async |bot| {
        let first = bot.slack(ALICE).says("/room-owner test user2").await;
        bot.clock.pass(30 * 60);
        let press = bot.slack(ALICE).presses(&first, "Undo").await;
        insta::assert_snapshot!(bot.came_of(&press).await, @"
        (only visible to you)
        ⛔ Nothing was done: this button of op 4 has expired.
        Look at the room's owner, then type the command.
        op 6
        ");
        bot.tidied(&press).await;
        assert_eq!(bot.owner_of("test"), "user2");
        // A day later the bot has forgotten it, and says no more than that.
        bot.clock.pass(60 * 3_600);
        bot.slack(ALICE).says("/room-owner test user3").await.text();
        let press = bot.slack(ALICE).presses(&first, "Undo").await;
        insta::assert_snapshot!(bot.came_of(&press).await, @"
        (only visible to you)
        ❌ The bot could not use this request, so nothing was done: the bot does not know this button any more.
        Type the command instead: a button works for a while only.
        op 9
        ");
        bot.tidied(&press).await;
        assert_eq!(bot.owner_of("test"), "user3");
    })
    .await;
}

#[tokio::test]
async fn whoever_may_not_hand_the_room_over_may_not_press() {
    run(World::usual(), async |bot| {
        let first = bot.slack(ALICE).says("/room-owner test user2").await;
        for person in [RITA, BORIS] {
            let press = bot.slack(person).presses(&first, "Undo").await;
            let said = bot.came_of(&press).await;
            assert!(!said.is_public() && said.says("⛔"), "{said}");
        }
        let elsewhere = bot.slack(ALICE).in_channel("C0RANDOM").presses(&first, "Undo").await;
        assert!(bot.came_of(&elsewhere).await.says("⛔"));
        assert_eq!(bot.owner_of("test"), "user2");
        // None of that has used the button up.
        let press = bot.slack(ALICE).presses(&first, "Undo").await;
        assert!(bot.came_of(&press).await.says("`test` now belongs to `carol`"));
        bot.tidied(&press).await;
    })
    .await;
}

#[tokio::test]
async fn a_refusal_with_one_likely_reading_offers_it() {
    run(World::usual(), async |bot| {
        let refused = bot.slack(ALICE).says("/room-owner give test to user2").await;
        assert_eq!(refused.labels(), ["Hand test to user2", "Cancel"]);
        // It is for whoever typed it, and says so to anybody else.
        let other = bot.slack(RITA).presses(&refused, "Cancel").await;
        insta::assert_snapshot!(bot.came_of(&other).await, @"
        (only visible to you)
        ⛔ Nothing was done: this button is for @alice.
        Type the command yourself, if you may use it here.
        op 5
        ");
        let press = bot.slack(ALICE).presses(&refused, "Hand test to user2").await;
        let done = bot.came_of(&press).await;
        assert!(done.is_public() && done.says("`test` now belongs to `user2`"), "{done}");
        assert_eq!(bot.tidied(&press).await, json!({ "delete_original": true }));
        assert_eq!(bot.owner_of("test"), "user2");
    })
    .await;
}

#[tokio::test]
async fn cancel_withdraws_what_was_offered() {
    run(World::usual(), async |bot| {
        let refused = bot.slack(ALICE).says("/room-owner give test to user2").await;
        let press = bot.slack(ALICE).presses(&refused, "Cancel").await;
        let cancelled = bot.came_of(&press).await;
        assert_eq!(cancelled.json["replace_original"], true);
        insta::assert_snapshot!(cancelled, @"
        (only visible to you)
        ℹ️ Cancelled. Nothing was done.
        op 5
        ");
        let late = bot.slack(ALICE).presses(&refused, "Hand test to user2").await;
        assert!(bot.came_of(&late).await.says("was pressed already"));
        assert!(bot.changes().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_room_that_is_not_there_is_corrected_by_a_press() {
    run(World::usual(), async |bot| {
        let refused = bot.slack(ALICE).says("/room-owner tset user2").await;
        assert_eq!(refused.labels(), ["Hand test to user2", "Cancel"], "{refused}");
        let press = bot.slack(ALICE).presses(&refused, "Hand test to user2").await;
        assert!(bot.came_of(&press).await.says("`test` now belongs to `user2`"));
        bot.tidied(&press).await;
    })
    .await;
}

#[tokio::test]
async fn the_last_hand_over_is_undone_from_its_own_question() {
    run(World::usual(), async |bot| {
        bot.slack(ALICE).says("/room-owner test user2").await.text();
        let asked = bot.slack(ALICE).says("/room-owner undo").await;
        assert_eq!(asked.labels(), ["Undo"], "{asked}");
        let press = bot.slack(ALICE).presses(&asked, "Undo").await;
        assert!(bot.came_of(&press).await.says("`test` now belongs to `carol`"));
        assert_eq!(bot.tidied(&press).await, json!({ "delete_original": true }));
    })
    .await;
}

#[tokio::test]
async fn what_passes_for_a_press_is_refused_and_recorded() {
    run(World::usual(), async |bot| {
        let first = bot.slack(ALICE).says("/room-owner test user2").await;
        for name in [json!("00112233445566778899aabbccddeeff"), json!("undo"), json!("' OR 1=1 --")] {
            let press = bot.slack(ALICE).presses_named(&first, &name).await;
            assert!(bot.came_of(&press).await.says("does not know this button"));
            bot.tidied(&press).await;
            assert_eq!(bot.last().await.outcome, OutcomeKind::Invalid);
        }
        let nobody = bot.slack(ALICE).presses_named(&first, &json!(7)).await;
        assert!(bot.came_of(&nobody).await.says("did not say which button"));
        // Unsigned, it is not even read.
        let forged = bot.slack(ALICE).pressing(&first, &json!("x")).without_header("x-slack-signature");
        assert_eq!(forged.status_and_body().await.0, 401);
        assert_eq!(bot.owner_of("test"), "user2");
    })
    .await;
}

#[tokio::test]
async fn a_button_lives_on_across_a_restart() {
    run(World::usual(), async |bot| {
        let first = bot.slack(ALICE).says("/room-owner test user2").await;
        bot.restart().await;
        let press = bot.slack(ALICE).in_channel(MODS).presses(&first, "Undo").await;
        assert!(bot.came_of(&press).await.says("`test` now belongs to `carol`"));
        bot.tidied(&press).await;
    })
    .await;
}
