//! Between the offer of a button and its press something changed, or whoever presses is somewhere else.

use room_owner::app::limits::Limits;
use room_owner::app::ports::{Clock as _, Store as _};
use room_owner::domain::audit::OutcomeKind;
use room_owner::tencent::simulator::FaultKind;
use serde_json::json;

use super::crash::allowed;
use super::doors::{Chat, Door, assert_snapshot, at_door, at_every_door};
use super::program::Program;
use super::reply::Reply;
use super::slack::{ADAM, ALICE, BORIS, OTTO, RANDOM};
use super::world::{Stage, World, run};

at_every_door! {
    a_role_that_was_revoked_since_presses_nothing,
    from_a_channel_that_was_removed_since_nothing_is_pressed,
    private_replies_stay_private,
    of_several_who_press_at_once_one_does_it,
    whoever_is_over_the_limit_has_not_used_the_button_up,
    a_button_lives_by_whatever_the_clock_says,
    a_room_whose_id_is_hard_to_type_is_given_back,
    a_press_that_fails_is_no_success,
}

at_door!(typed_at_slack, Slack, a_corrected_edit_of_the_acl_is_made_by_whoever_may, a_guest_is_somebody_else);
at_door!(by_http, DiscordOverHttp, a_thread_is_its_channel_and_a_direct_message_is_nowhere);
at_door!(by_the_gateway, DiscordOverTheGateway, a_thread_is_its_channel_and_a_direct_message_is_nowhere);

fn world(door: Door) -> World {
    World::usual().at(door).grant(ADAM, "admin", "*")
}

async fn handed_over(bot: &Stage) -> Reply {
    let done = bot.chat(ALICE).says("/room-owner test user2").await;
    assert_eq!(done.labels(), ["Undo"]);
    done
}

async fn is_denied(bot: &Stage, who: Chat, reply: &Reply) -> String {
    let press = who.presses(reply, "Undo").await;
    let said = bot.came_of(&press).await;
    assert!(!said.is_public());
    assert_eq!(bot.last().await.outcome, OutcomeKind::Denied, "{said}");
    assert_eq!((bot.owner_of("test"), bot.changes().len()), ("user2".to_owned(), 1));
    said.to_string()
}

async fn a_role_that_was_revoked_since_presses_nothing(door: Door) {
    run(world(door), async |bot| {
        let done = handed_over(bot).await;
        let revoked = bot.chat(ADAM).says("/room-acl revoke 1").await;
        assert!(revoked.says("no longer moderator"), "{revoked}");
        let said = is_denied(bot, bot.chat(ALICE), &done).await;
        // Where the bot has a token of its own, admins can be asked.
        let what_helps = match door {
            Door::Slack => "Ask @adam for a new one, and quote your id `slack:T0TEAM:U0ALICE`.",
            _ => "Press the button to ask for access, or type `/room-owner test ask: yes`; @adam can give it.",
        };
        assert_eq!(
            said,
            format!(
                "(only visible to you)\n⛔ Not allowed: your grant 1 ended at 2026-11-23 12:00 UTC.\n{what_helps}\n\
                 Nothing was done.\nop 8"
            )
        );
    })
    .await;
}

async fn from_a_channel_that_was_removed_since_nothing_is_pressed(door: Door) {
    run(world(door).channel(RANDOM, "*"), async |bot| {
        let done = handed_over(bot).await;
        let removed = bot.chat(ADAM).says("/room-acl channel remove #mods").await;
        assert!(removed.says("no longer"), "{removed}");
        let said = is_denied(bot, bot.chat(ALICE), &done).await;
        assert_snapshot!(said, @"
        (only visible to you)
        ⛔ Not here: this channel is not authorised for `/room-owner`.
        Use a moderators' channel, or ask @adam to authorise this one.
        Nothing was done.
        op 9
        ");
    })
    .await;
}

async fn private_replies_stay_private(door: Door) {
    run(World::usual().at(door).private(), async |bot| {
        let done = handed_over(bot).await;
        assert!(!done.is_public());
        let press = bot.chat(ALICE).presses(&done, "Undo").await;
        let undone = bot.came_of(&press).await;
        assert!(!undone.is_public() && undone.says("`test` now belongs to `carol`"), "{undone}");
        // At Slack it has taken the other one's place.
        if door != Door::Slack {
            bot.loses_its_buttons(&press).await;
        }
    })
    .await;
}

async fn of_several_who_press_at_once_one_does_it(door: Door) {
    run(world(door).grant(BORIS, "moderator", "*").grant(OTTO, "moderator", "*"), async |bot| {
        let done = handed_over(bot).await;
        let name = done.button("Undo");
        let people = [ALICE, BORIS, OTTO, ADAM, ALICE, BORIS];
        let presses = people.map(|person| bot.chat(person).presses_named(&done, &name));
        let mut said = Vec::new();
        for press in futures_util::future::join_all(presses).await {
            said.push(bot.came_of(&press).await);
            bot.loses_its_buttons(&press).await;
        }
        let count = |part: &str| said.iter().filter(|reply| reply.says(part)).count();
        assert_eq!((count("`test` now belongs to `carol`"), count("was pressed already")), (1, 5));
        assert_eq!((bot.owner_of("test"), bot.changes().len()), ("carol".to_owned(), 2));
    })
    .await;
}

async fn whoever_is_over_the_limit_has_not_used_the_button_up(door: Door) {
    let limits = Limits { per_person: Some(1), ..Limits::default() };
    run(World::usual().at(door).grant(BORIS, "moderator", "*").limits(limits), async |bot| {
        let done = handed_over(bot).await;
        let press = bot.chat(ALICE).presses(&done, "Undo").await;
        assert!(bot.came_of(&press).await.says("within a minute"));
        let press = bot.chat(BORIS).presses(&done, "Undo").await;
        assert!(bot.came_of(&press).await.says("`test` now belongs to `carol`"));
        bot.loses_its_buttons(&press).await;
    })
    .await;
}

async fn a_button_lives_by_whatever_the_clock_says(door: Door) {
    run(World::usual().at(door), async |bot| {
        bot.clock.pass(7_200);
        let done = handed_over(bot).await;
        // Too late, and then the clock is set right: what was too late by the wrong one is in time.
        bot.clock.pass(1_800);
        let press = bot.chat(ALICE).presses(&done, "Undo").await;
        assert!(bot.came_of(&press).await.says("has expired"));
        bot.loses_its_buttons(&press).await;
        bot.clock.pass(-3_600);
        let press = bot.chat(ALICE).presses(&done, "Undo").await;
        assert!(bot.came_of(&press).await.says("`test` now belongs to `carol`"));
        bot.loses_its_buttons(&press).await;
    })
    .await;
}

async fn a_room_whose_id_is_hard_to_type_is_given_back(door: Door) {
    let longest = "r".repeat(48);
    let mut rooms = vec!["my room", "a to b", "'x", "list", "~!@#$%^&*()_+{}|:<>?", "a -- b", &longest];
    // What the story types is the whole of what Slack sends.
    if door == Door::Slack {
        rooms.extend(["x--reason: y", "reason:"]);
    }
    let world = rooms.iter().fold(World::usual().at(door), |world, room| world.room(room, "carol"));
    run(world, async |bot| {
        for room in &rooms {
            let done = bot.chat(ALICE).says(&format!("/room-owner \"{room}\" user2")).await;
            let press = bot.chat(ALICE).presses(&done, "Undo").await;
            let undone = bot.came_of(&press).await;
            assert!(undone.says("now belongs to `carol`"), "{undone}");
            bot.loses_its_buttons(&press).await;
            assert_eq!(bot.owner_of(room), "carol");
        }
    })
    .await;
}

async fn a_press_that_fails_is_no_success(door: Door) {
    run(World::usual().at(door), async |bot| {
        let done = handed_over(bot).await;
        bot.next_change(FaultKind::Code { code: 10_018, info: "no".to_owned() });
        let press = bot.chat(ALICE).presses(&done, "Undo").await;
        let said = bot.came_of(&press).await;
        assert!(said.says("❌") && said.labels().is_empty(), "{said}");
        bot.loses_its_buttons(&press).await;
        assert_eq!(bot.owner_of("test"), "user2");
        // Once is once, whatever came of it.
        let press = bot.chat(ALICE).presses(&done, "Undo").await;
        assert!(bot.came_of(&press).await.says("was pressed already"));
        bot.loses_its_buttons(&press).await;
    })
    .await;
}

async fn a_corrected_edit_of_the_acl_is_made_by_whoever_may(door: Door) {
    run(world(door).grant(OTTO, "admin", "*"), async |bot| {
        let label = "/room-acl grant slack:T0TEAM:U0BORIS moderator rooms: live-*";
        let refused =
            bot.chat(ADAM).says("/room-acl grant slack:T0TEAM:U0BORIS moderater rooms: live-*").await;
        assert_eq!(refused.labels(), [label, "Cancel"], "{refused}");
        // It is Adam's, and it counts what he may do when he presses.
        let press = bot.chat(OTTO).presses(&refused, label).await;
        assert!(bot.came_of(&press).await.says("this button is for @adam"));
        let press = bot.chat(ALICE).presses(&refused, label).await;
        assert!(bot.came_of(&press).await.says("⛔"));
        assert_eq!(bot.last().await.outcome, OutcomeKind::Denied);
        let press = bot.chat(ADAM).presses(&refused, label).await;
        let granted = bot.came_of(&press).await;
        assert!(granted.is_in_its_place() && granted.says("is now moderator"), "{granted}");
        let entry = bot.entry(&granted).await;
        assert!(entry.command.starts_with(&format!("[op {}: ", refused.operation())), "{}", entry.command);
        let again = bot.chat(ADAM).presses(&refused, label).await;
        assert!(bot.came_of(&again).await.says("was pressed already"));

        // Of somebody who may not, it is refused like the line itself.
        let refused = bot.chat(ALICE).says("/room-acl grant slack:T0TEAM:U0BORIS moderater").await;
        for label in refused.labels().iter().filter(|label| **label != "Cancel") {
            let press = bot.chat(ALICE).presses(&refused, label).await;
            assert!(bot.came_of(&press).await.says("⛔"));
        }
        assert_eq!(bot.store.live_grants(bot.clock.now()).await.unwrap().len(), 5);
    })
    .await;
}

async fn a_guest_is_somebody_else(door: Door) {
    run(World::usual().at(door), async |bot| {
        let done = handed_over(bot).await;
        let name = done.button("Undo");
        let guest = bot.slack(ALICE).of_team("T0OTHER").presses(&done, &name).await;
        let said = bot.came_of(&guest).await;
        assert!(said.says("⛔") && !said.is_public(), "{said}");
        let entry = bot.last().await;
        assert_eq!(entry.actor.unwrap().to_string(), "slack:T0OTHER:U0ALICE");
        assert_eq!(entry.outcome, OutcomeKind::Denied);
        // In a direct message with the bot.
        let direct = bot.slack(ALICE).in_channel("D0ALICE").presses(&done, &name).await;
        assert!(bot.came_of(&direct).await.says("⛔"));
        assert_eq!(bot.owner_of("test"), "user2");
    })
    .await;
}

async fn a_thread_is_its_channel_and_a_direct_message_is_nowhere(door: Door) {
    run(World::usual().at(door), async |bot| {
        let done = handed_over(bot).await;
        let name = done.button("Undo");
        let direct = bot.chat(ALICE).member().but(|interaction| {
            interaction["context"] = json!(1);
            let user = interaction["member"]["user"].take();
            for gone in ["member", "guild_id", "guild"] {
                interaction.as_object_mut().unwrap().remove(gone);
            }
            interaction["user"] = user;
        });
        let press = direct.presses(&done, &name).await;
        let said = bot.came_of(&press).await;
        assert!(said.says("it was not used in a server"), "{said}");

        let thread = bot.chat(ALICE).member().but(|interaction| {
            let parent = interaction["channel_id"].take();
            interaction["channel"] = json!({ "id": "777", "type": 11, "parent_id": parent });
            interaction["channel_id"] = json!("777");
        });
        let press = thread.presses(&done, &name).await;
        assert!(bot.came_of(&press).await.says("`test` now belongs to `carol`"));
        bot.loses_its_buttons(&press).await;
    })
    .await;
}

/// The log with a press in it is verified, exported, archived and rebuilt like any other.
#[tokio::test]
async fn a_press_in_the_log_is_verified_exported_archived_and_rebuilt() {
    let program = Program::new().await;
    allowed(&program).await;
    let serving = program.serves().await;
    let done = program.slack(ALICE).says("/room-owner test user2").await;
    serving.ends_when_asked().await;
    // What offered the button is in an archive when it is pressed.
    let ran = program.runs("audit archive first.archive --before 2100-01-01").await;
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let serving = program.serves().await;
    program.slack(ALICE).presses(&done, &done.button("Undo")).await;
    program.until(|tencent| tencent.owner_of("test").as_deref() == Some("carol")).await;
    serving.ends_when_asked().await;
    let pressed = format!("[op {}: Undo] /room-owner test carol", done.operation());
    for format in ["csv", "jsonl", "cloudevents"] {
        let ran = program.runs(&format!("audit export --format {format}")).await;
        assert!(ran.code == 0 && ran.out.contains(&pressed), "{format}: {}{}", ran.out, ran.err);
    }
    for words in [
        "audit verify",
        "audit archive second.archive --before 2100-01-01",
        "audit verify",
        "audit rebuild --archive first.archive --archive second.archive",
        "audit verify",
    ] {
        let ran = program.runs(words).await;
        assert_eq!(ran.code, 0, "{words}: {}{}", ran.out, ran.err);
    }
    // What was offered is still there, and still used up.
    let serving = program.serves().await;
    program.slack(ALICE).presses(&done, &done.button("Undo")).await;
    serving.has_logged("command answered").await;
    serving.ends_when_asked().await;
    assert_eq!((program.owner().as_str(), program.changes()), ("carol", 2));
}
