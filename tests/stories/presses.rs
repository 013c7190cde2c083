//! Buttons under replies, pressed at every door that has them.

use room_owner::domain::audit::OutcomeKind;
use serde_json::json;

use super::doors::{Door, assert_snapshot, at_door, at_every_door};
use super::slack::{ADAM, ALICE, BORIS, MODS, RANDOM, RITA};
use super::world::{World, run};

at_every_door! {
    a_hand_over_is_undone_by_a_press_and_the_undoing_too,
    a_button_works_once,
    a_press_that_is_delivered_twice_is_done_once,
    nothing_is_undone_when_somebody_changed_the_owner_since,
    a_room_that_came_back_to_the_same_owner_is_not_taken_from_them,
    a_change_outside_of_the_bot_is_laid_to_nobody,
    half_an_hour_later_nothing_is_undone,
    whoever_may_not_hand_the_room_over_may_not_press,
    a_refusal_with_one_likely_reading_offers_it,
    cancel_withdraws_what_was_offered,
    an_answer_to_a_press_takes_the_place_of_what_one_person_saw,
    what_passes_for_a_press_is_refused_and_recorded,
    a_button_lives_on_across_a_restart,
}

// Where lines are typed.
at_door!(
    typed_at_slack,
    Slack,
    a_line_that_is_typed_wrongly_is_corrected_by_a_press,
    a_button_names_the_command_by_its_prefix,
    the_last_hand_over_is_undone_from_its_own_question
);

async fn a_hand_over_is_undone_by_a_press_and_the_undoing_too(door: Door) {
    run(World::usual().at(door), async |bot| {
        let first = bot.chat(ALICE).says("/room-owner test user2").await;
        assert_eq!(first.labels(), ["Undo"]);
        let press = bot.chat(ALICE).presses(&first, "Undo").await;
        let undone = bot.came_of(&press).await;
        assert_snapshot!(undone, @"
        ✅ `test` now belongs to `carol` (was `user2`) · confirmed
        op 6 · RequestId Id-c2f817b7c4677f4f428d0a88fe676634-O-Seq-5 · by alice · log … · undo: /room-owner test user2
        ");
        assert_eq!(bot.owner_of("test"), "carol");
        bot.loses_its_buttons(&press).await;
        // The log has the press as an operation of its own, which names the one it belongs to.
        let entry = bot.entry(&undone).await;
        assert_snapshot!(entry.command, @"[op 4: Undo] /room-owner test carol");
        let steps = bot.chat(RITA).says(&format!("/room-audit {}", entry.operation)).await;
        assert_snapshot!(steps, @"
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
        let again = bot.chat(ALICE).presses(&undone, "Undo").await;
        assert!(bot.came_of(&again).await.says("`test` now belongs to `user2`"));
        bot.loses_its_buttons(&again).await;
        assert_eq!((bot.owner_of("test"), bot.changes().len()), ("user2".to_owned(), 3));
        // A press counts as the command that it stands for, and as a press.
        let platform = if door == Door::Slack { "slack" } else { "discord" };
        let (_, scrape) = bot.gets("/metrics").await;
        for series in [
            format!("room_owner_commands_total{{command=\"transfer\",door=\"{platform}\",outcome=\"succeeded\"}} 3"),
            format!("room_owner_presses_total{{door=\"{platform}\",outcome=\"succeeded\"}} 2"),
        ] {
            assert!(scrape.lines().any(|line| line == series), "no `{series}` in\n{scrape}");
        }
    })
    .await;
}

async fn a_button_works_once(door: Door) {
    run(World::usual().at(door), async |bot| {
        let first = bot.chat(ALICE).says("/room-owner test user2").await;
        let press = bot.chat(ALICE).presses(&first, "Undo").await;
        assert!(bot.came_of(&press).await.says("`test` now belongs to `carol`"));
        bot.loses_its_buttons(&press).await;
        let second = bot.chat(ALICE).presses(&first, "Undo").await;
        assert_snapshot!(bot.came_of(&second).await, @"
        (only visible to you)
        ⛔ Nothing was done: this was pressed already, and became op 6.
        Look at the reply to that one before you do it again.
        op 8
        ");
        bot.loses_its_buttons(&second).await;
        assert_eq!(bot.changes().len(), 2);
        assert_eq!(bot.last().await.outcome, OutcomeKind::Declined);
    })
    .await;
}

async fn a_press_that_is_delivered_twice_is_done_once(door: Door) {
    run(World::usual().at(door), async |bot| {
        let first = bot.chat(ALICE).says("/room-owner test user2").await;
        let press = bot.chat(ALICE).delivered("1.2.press").presses(&first, "Undo").await;
        assert!(bot.came_of(&press).await.says("`test` now belongs to `carol`"));
        bot.loses_its_buttons(&press).await;
        let again = bot.chat(ALICE).delivered("1.2.press").presses(&first, "Undo").await;
        bot.repetitions("1.2.press", 1).await;
        // Discord's one answer is the first one's.
        if door == Door::Slack {
            assert!(bot.came_of(&again).await.says("Already handled as op"));
        }
        assert_eq!(bot.changes().len(), 2);
    })
    .await;
}

async fn nothing_is_undone_when_somebody_changed_the_owner_since(door: Door) {
    run(World::usual().at(door).grant(BORIS, "moderator", "*"), async |bot| {
        let first = bot.chat(ALICE).says("/room-owner test user2").await;
        let second = bot.chat(BORIS).says("/room-owner test user3").await;
        assert!(second.says("`test` now belongs to `user3`"));
        let press = bot.chat(ALICE).presses(&first, "Undo").await;
        assert_snapshot!(bot.came_of(&press).await, @"
        (only visible to you)
        ❌ Nothing was done: `test` keeps its owner.
        What went wrong: `user3 owns it now: op 7 by boris`
        Agree with the other moderators. To change it all the same, type the command.
        op 9
        ");
        bot.loses_its_buttons(&press).await;
        assert_eq!((bot.owner_of("test"), bot.changes().len()), ("user3".to_owned(), 2));
        // By nobody whom the bot knows.
        bot.tencent().put_room("test", "user9");
        let press = bot.chat(BORIS).presses(&second, "Undo").await;
        assert_snapshot!(bot.came_of(&press).await, @"
        (only visible to you)
        ❌ Nothing was done: `test` keeps its owner.
        What went wrong: `user9 owns it now: the change did not go through the bot`
        Agree with the other moderators. To change it all the same, type the command.
        op 11
        ");
        bot.loses_its_buttons(&press).await;
        assert_eq!(bot.owner_of("test"), "user9");
    })
    .await;
}

async fn a_room_that_came_back_to_the_same_owner_is_not_taken_from_them(door: Door) {
    run(World::usual().at(door).grant(BORIS, "moderator", "*"), async |bot| {
        let first = bot.chat(ALICE).says("/room-owner test user2").await;
        bot.chat(BORIS).says("/room-owner test user3").await.text();
        let back = bot.chat(BORIS).says("/room-owner test user2").await;
        let press = bot.chat(ALICE).presses(&first, "Undo").await;
        let said = bot.came_of(&press).await;
        let since = format!("user2 owns it now: op {} by boris", back.operation());
        assert!(said.says(&since) && said.says("Nothing was done"), "{said}");
        bot.loses_its_buttons(&press).await;
        assert_eq!((bot.owner_of("test"), bot.changes().len()), ("user2".to_owned(), 3));
        // The newest hand-over can still be undone.
        let press = bot.chat(ALICE).presses(&back, "Undo").await;
        let said = bot.came_of(&press).await;
        assert!(said.says("`test` now belongs to `user3`"), "{said}");
        bot.loses_its_buttons(&press).await;
    })
    .await;
}

async fn a_change_outside_of_the_bot_is_laid_to_nobody(door: Door) {
    run(World::usual().at(door).grant(BORIS, "moderator", "*"), async |bot| {
        let first = bot.chat(ALICE).says("/room-owner test user2").await;
        // Boris changed it since, but not to this owner.
        bot.chat(BORIS).says("/room-owner test user3").await.text();
        bot.tencent().put_room("test", "user9");
        let press = bot.chat(ALICE).presses(&first, "Undo").await;
        let said = bot.came_of(&press).await;
        assert!(said.says("user9 owns it now: the change did not go through the bot"), "{said}");
        bot.loses_its_buttons(&press).await;
    })
    .await;
}

async fn half_an_hour_later_nothing_is_undone(door: Door) {
    run(World::usual().at(door), async |bot| {
        let first = bot.chat(ALICE).says("/room-owner test user2").await;
        bot.clock.pass(30 * 60);
        let press = bot.chat(ALICE).presses(&first, "Undo").await;
        assert_snapshot!(bot.came_of(&press).await, @"
        (only visible to you)
        ⛔ Nothing was done: this button of op 4 has expired.
        Look at the room's owner, then type the command.
        op 6
        ");
        bot.loses_its_buttons(&press).await;
        assert_eq!(bot.owner_of("test"), "user2");
        // A day later the bot has forgotten it, and says no more than that.
        bot.clock.pass(60 * 3_600);
        bot.chat(ALICE).says("/room-owner test user3").await.text();
        let press = bot.chat(ALICE).presses(&first, "Undo").await;
        assert_snapshot!(bot.came_of(&press).await, @"
        (only visible to you)
        ❌ The bot could not use this request, so nothing was done: the bot does not know this button any more.
        Type the command instead: a button works for a while only.
        op 9
        ");
        bot.loses_its_buttons(&press).await;
        assert_eq!(bot.owner_of("test"), "user3");
    })
    .await;
}

async fn whoever_may_not_hand_the_room_over_may_not_press(door: Door) {
    run(World::usual().at(door), async |bot| {
        let first = bot.chat(ALICE).says("/room-owner test user2").await;
        for person in [RITA, BORIS] {
            let press = bot.chat(person).presses(&first, "Undo").await;
            let said = bot.came_of(&press).await;
            assert!(!said.is_public() && said.says("⛔"), "{said}");
        }
        let elsewhere = bot.chat(ALICE).in_channel(RANDOM).presses(&first, "Undo").await;
        assert!(bot.came_of(&elsewhere).await.says("⛔"));
        assert_eq!(bot.owner_of("test"), "user2");
        // None of that has used the button up.
        let press = bot.chat(ALICE).presses(&first, "Undo").await;
        assert!(bot.came_of(&press).await.says("`test` now belongs to `carol`"));
        bot.loses_its_buttons(&press).await;
    })
    .await;
}

async fn a_refusal_with_one_likely_reading_offers_it(door: Door) {
    run(World::usual().at(door), async |bot| {
        let refused = bot.chat(ALICE).says("/room-owner tset user2").await;
        assert_eq!(refused.labels(), ["Hand test to user2", "Cancel"]);
        // It is for whoever typed it, and says so to anybody else.
        let other = bot.chat(RITA).presses(&refused, "Cancel").await;
        assert_snapshot!(bot.came_of(&other).await, @"
        (only visible to you)
        ⛔ Nothing was done: this button is for @alice.
        Type the command yourself, if you may use it here.
        op 6
        ");
        let press = bot.chat(ALICE).presses(&refused, "Hand test to user2").await;
        let done = bot.came_of(&press).await;
        assert!(done.is_public() && done.says("`test` now belongs to `user2`"), "{done}");
        bot.loses_its_buttons(&press).await;
        assert_eq!(bot.owner_of("test"), "user2");
    })
    .await;
}

async fn cancel_withdraws_what_was_offered(door: Door) {
    run(World::usual().at(door), async |bot| {
        let refused = bot.chat(ALICE).says("/room-owner tset").await;
        assert_eq!(refused.labels(), ["Show who owns test", "Cancel"]);
        let press = bot.chat(ALICE).presses(&refused, "Cancel").await;
        let cancelled = bot.came_of(&press).await;
        assert!(cancelled.is_in_its_place());
        assert_snapshot!(cancelled, @"
        (only visible to you)
        ℹ️ Cancelled. Nothing was done.
        op 6
        ");
        let late = bot.chat(ALICE).presses(&refused, "Show who owns test").await;
        assert!(bot.came_of(&late).await.says("was pressed already"));
    })
    .await;
}

async fn an_answer_to_a_press_takes_the_place_of_what_one_person_saw(door: Door) {
    run(World::usual().at(door), async |bot| {
        let refused = bot.chat(ALICE).says("/room-owner tset").await;
        let press = bot.chat(ALICE).presses(&refused, "Show who owns test").await;
        assert!(bot.came_of(&press).await.says("`test` belongs to `carol`"));
        if door != Door::Slack {
            bot.loses_its_buttons(&press).await;
        }
    })
    .await;
}

async fn a_line_that_is_typed_wrongly_is_corrected_by_a_press(door: Door) {
    run(World::usual().at(door), async |bot| {
        let refused = bot.chat(ALICE).says("/room-owner give test to user2").await;
        assert_eq!(refused.labels(), ["Hand test to user2", "Cancel"], "{refused}");
        let press = bot.chat(ALICE).presses(&refused, "Hand test to user2").await;
        assert!(bot.came_of(&press).await.says("`test` now belongs to `user2`"));
        bot.loses_its_buttons(&press).await;
    })
    .await;
}

async fn a_button_names_the_command_by_its_prefix(door: Door) {
    run(World::usual().at(door).prefix("staging-").grant(ADAM, "admin", "*"), async |bot| {
        let line = "grant slack:T0TEAM:U0BORIS moderater rooms: live-*";
        let refused = bot.chat(ADAM).says(&format!("/staging-room-acl {line}")).await;
        let label = "/staging-room-acl grant slack:T0TEAM:U0BORIS moderator rooms: live-*";
        assert_eq!(refused.labels(), [label, "Cancel"], "{refused}");
        let press = bot.chat(ADAM).presses(&refused, label).await;
        assert!(bot.came_of(&press).await.says("is now moderator"));
    })
    .await;
}

async fn the_last_hand_over_is_undone_from_its_own_question(door: Door) {
    run(World::usual().at(door), async |bot| {
        bot.chat(ALICE).says("/room-owner test user2").await.text();
        let asked = bot.chat(ALICE).says("/room-owner undo").await;
        assert_eq!(asked.labels(), ["Undo"], "{asked}");
        let press = bot.chat(ALICE).presses(&asked, "Undo").await;
        assert!(bot.came_of(&press).await.says("`test` now belongs to `carol`"));
        bot.loses_its_buttons(&press).await;
    })
    .await;
}

async fn what_passes_for_a_press_is_refused_and_recorded(door: Door) {
    run(World::usual().at(door), async |bot| {
        let first = bot.chat(ALICE).says("/room-owner test user2").await;
        for name in [json!("00112233445566778899aabbccddeeff"), json!("undo"), json!("' OR 1=1 --")] {
            let press = bot.chat(ALICE).presses_named(&first, &name).await;
            assert!(bot.came_of(&press).await.says("does not know this button"));
            bot.loses_its_buttons(&press).await;
            assert_eq!(bot.last().await.outcome, OutcomeKind::Invalid);
        }
        let nobody = bot.chat(ALICE).presses_named(&first, &json!(7)).await;
        assert!(
            bot.came_of(&nobody).await.says("❌ The bot could not use this request, so nothing was done")
        );
        assert_eq!(bot.owner_of("test"), "user2");
    })
    .await;
}

async fn a_button_lives_on_across_a_restart(door: Door) {
    run(World::usual().at(door), async |bot| {
        let first = bot.chat(ALICE).says("/room-owner test user2").await;
        bot.restart().await;
        let press = bot.chat(ALICE).in_channel(MODS).presses(&first, "Undo").await;
        assert!(bot.came_of(&press).await.says("`test` now belongs to `carol`"));
        bot.loses_its_buttons(&press).await;
    })
    .await;
}
