//! Whose account is whose: rooms are handed to people by name.

use room_owner::domain::access::Mark;

use super::doors::{Door, assert_snapshot, at_every_door};
use super::slack::{ADAM, ALICE, BORIS, RITA};
use super::world::{World, run};

/// The usual world, in which Adam is an admin of every room.
fn world(door: Door) -> World {
    World::usual().room("live-7", "dave").grant(ADAM, "admin", "*").at(door)
}

at_every_door! {
    an_admin_links_somebody_and_rooms_are_handed_to_them_by_name,
    several_people_with_one_account_are_one_person,
    what_is_no_link_is_refused_with_what_to_do,
    whoever_is_not_linked_is_handed_nothing,
    whoever_may_not_hand_the_room_over_learns_nothing_of_links,
    the_person_is_named_where_the_account_was_typed,
    a_line_about_somebody_is_met_with_the_line_that_was_meant,
    an_admin_marks_rooms_and_the_strictest_mark_counts,
    why_says_what_a_hand_over_takes
}

async fn an_admin_links_somebody_and_rooms_are_handed_to_them_by_name(door: Door) {
    run(world(door), async |bot| {
        let reply = bot.chat(ADAM).says("/room-acl link @boris bob reason: hired today").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ✅ @boris is now linked to the account `bob`.
        Rooms can be handed to them by name.
        Reason given: `hired today`
        op 5
        ");
        let reply = bot.chat(ALICE).says("/room-owner live-7 @boris reason: host crashed").await;
        assert!(reply.is_public());
        // Nobody is notified: Slack shows the id of whoever was never seen, Discord the name.
        let person = if door == Door::Slack { "`slack:T0TEAM:U0BORIS`" } else { "@boris" };
        let says = format!("`live-7` now belongs to `bob` ({person}) (was `dave`) · confirmed");
        assert!(reply.says(&says), "{reply}");
        assert_eq!(bot.owner_of("live-7"), "bob");
        let entry = bot.entry(&reply).await;
        assert_eq!(
            (entry.new_owner.as_deref(), entry.reason.as_deref()),
            (Some("bob"), Some("host crashed"))
        );
        assert_eq!(bot.as_at_slack(&entry.new_owner_person.unwrap().to_string()), BORIS.subject());
        let reply = bot.chat(RITA).says(&format!("/room-audit {}", entry.operation)).await;
        assert!(reply.says("New owner: `bob` (@boris)"), "{reply}");
        let reply = bot.chat(ADAM).says("/room-acl links").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ℹ️ Who has which live account.
        @boris · `bob` · by @adam · `hired today`
        op 9
        ");
        let reply = bot.chat(ADAM).says("/room-acl unlink @boris").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ✅ @boris is linked to no account any more.
        op 10
        ");
        let reply = bot.chat(ALICE).says("/room-owner test @boris").await;
        assert!(reply.says("is linked to no live account"), "{reply}");
    })
    .await;
}

async fn several_people_with_one_account_are_one_person(door: Door) {
    run(world(door).linked(BORIS, "bob"), async |bot| {
        let reply = bot.chat(ADAM).says("/room-acl link @otto bob").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ✅ @otto is now linked to the account `bob`.
        Rooms can be handed to them by name.
        @boris is linked to it too: they count as one person.
        op 6
        ");
        // Which of them is meant by the account, nobody can say.
        let reply = bot.chat(ALICE).says("/room-owner live-7 bob").await;
        assert!(reply.says("`live-7` now belongs to `bob` (was `dave`)"), "{reply}");
        let reply = bot.chat(ADAM).says("/room-acl link @otto otto-1").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ✅ @otto is now linked to the account `otto-1` (was: `bob`).
        Rooms can be handed to them by name.
        op 9
        ");
    })
    .await;
}

async fn what_is_no_link_is_refused_with_what_to_do(door: Door) {
    run(world(door).linked(BORIS, "bob"), async |bot| {
        let reply = bot.chat(ADAM).says("/room-acl link @boris bob").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ⛔ Nothing was changed: @boris is linked to the account `bob` already.
        See `/room-acl links`.
        op 6
        ");
        let reply = bot.chat(ADAM).says("/room-acl unlink @otto").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ⛔ Nothing was changed: @otto is linked to no account.
        See `/room-acl links`.
        op 7
        ");
        let reply = bot.chat(ADAM).says("/room-acl link @otto user2.").await;
        assert!(
            reply.says("an account is made of letters") || reply.says("An account is made of letters"),
            "{reply}"
        );
        let reply = bot.chat(ALICE).says("/room-acl link @otto otto").await;
        assert!(reply.says("Not allowed"), "{reply}");
    })
    .await;
}

async fn whoever_is_not_linked_is_handed_nothing(door: Door) {
    run(world(door), async |bot| {
        let reply = bot.chat(ALICE).says("/room-owner live-7 @otto").await;
        assert_snapshot!(bot.as_at_slack(&reply.to_string()), @"
        (only visible to you)
        ❌ @otto is linked to no live account.
        Type: `/room-owner live-7 <new_owner>`
        Nothing was done. An admin can link them: `/room-acl link slack:T0TEAM:U0OTTO <account>`
        op 5
        ");
        let entry = bot.entry(&reply).await;
        assert_eq!((entry.outcome.name(), entry.new_owner), ("invalid", None));
        assert!(entry.error_info.unwrap().ends_with("is linked to no live account"));
        assert!(bot.changes().is_empty());
    })
    .await;
}

async fn whoever_may_not_hand_the_room_over_learns_nothing_of_links(door: Door) {
    run(world(door).linked(BORIS, "bob"), async |bot| {
        let mut said = Vec::new();
        for line in ["/room-owner live-7 @boris", "/room-owner live-7 @otto"] {
            let reply = bot.chat(RITA).says(line).await;
            let entry = bot.entry(&reply).await;
            assert_eq!((entry.outcome.name(), entry.room.as_ref().unwrap().as_str()), ("denied", "live-7"));
            assert!(entry.new_owner_person.is_some(), "the record says who was meant");
            said.push(
                reply.text().lines().filter(|line| !line.contains("op ")).collect::<Vec<_>>().join("\n"),
            );
        }
        assert_eq!(said[0], said[1]);
        assert!(said[0].contains("Not allowed") && !said[0].contains("bob"), "{}", said[0]);
    })
    .await;
}

async fn the_person_is_named_where_the_account_was_typed(door: Door) {
    run(world(door).linked(BORIS, "bob"), async |bot| {
        // Whoever was never seen has no name yet.
        bot.chat(BORIS).says("/room-owner whoami").await.text();
        let reply = bot.chat(ALICE).says("/room-owner live-7 bob").await;
        let person = if door == Door::Slack { "`@boris`" } else { "@boris" };
        assert!(reply.says(&format!("now belongs to `bob` ({person}) (was `dave`)")), "{reply}");
        let reply = bot.chat(ALICE).says("/room-owner live-7 bob").await;
        assert!(reply.says("is already the owner of `live-7`"), "{reply}");
        let reply = bot.chat(RITA).says("/room-audit room: live-7").await;
        assert!(reply.says("to `bob` (@boris)"), "{reply}");
    })
    .await;
}

async fn a_line_about_somebody_is_met_with_the_line_that_was_meant(door: Door) {
    if door != Door::Slack {
        return;
    }
    run(world(door).linked(BORIS, "bob"), async |bot| {
        let reply = bot.slack(ALICE).says("/room-owner give live-7 to @boris").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ❌ That is 4 words; a room and its new owner are two.
        Type: `/room-owner live-7 slack:T0TEAM:U0BORIS`
        Nothing was done.
        op 6
        ");
        assert_eq!(reply.labels(), ["Hand live-7 to slack:T0TEAM:U0BORIS", "Cancel"]);
        let press =
            bot.slack(ALICE).presses(&reply, &reply.button("Hand live-7 to slack:T0TEAM:U0BORIS")).await;
        let reply = bot.came_of(&press).await;
        assert!(reply.says("`live-7` now belongs to `bob`"), "{reply}");
        bot.loses_its_buttons(&press).await;
    })
    .await;
}

async fn an_admin_marks_rooms_and_the_strictest_mark_counts(door: Door) {
    run(world(door), async |bot| {
        let reply = bot.chat(ADAM).says("/room-acl room live-* two-person reason: two pairs of eyes").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ✅ The mark of `live-*` is now two-person.
        It takes a second person to hand such a room over.
        Reason given: `two pairs of eyes`
        op 5
        ");
        let reply = bot.chat(ADAM).says("/room-acl room live-7 confirm").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ✅ The mark of `live-7` is now confirm.
        Whoever hands such a room over has to confirm it.
        A stricter mark still holds: `live-*` two-person.
        op 6
        ");
        let reply = bot.chat(ADAM).says("/room-acl room live-7 confirm").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ⛔ Nothing was changed: the mark of `live-7` is confirm already.
        See `/room-acl list rooms`.
        op 7
        ");
        let reply = bot.chat(ADAM).says("/room-acl list rooms").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ℹ️ The marked rooms; the strictest mark that covers a room counts.
        `live-*` · two-person · by @adam · `two pairs of eyes`
        `live-7` · confirm · by @adam
        op 8
        ");
        let reply = bot.chat(ADAM).says("/room-acl room live-7 off").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ✅ The mark of `live-7` is off.
        A mark still holds: `live-*` two-person.
        op 9
        ");
        let reply = bot.chat(ADAM).says("/room-acl room live-7 off").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ⛔ Nothing was changed: no mark is set for `live-7`.
        See `/room-acl list rooms`.
        op 10
        ");
        let reply = bot.chat(ADAM).says("/room-acl room live-* off").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ✅ The mark of `live-*` is off.
        op 11
        ");
        let reply = bot.chat(ALICE).says("/room-acl room vip confirm").await;
        assert!(reply.says("Not allowed"), "{reply}");
    })
    .await;
}

async fn why_says_what_a_hand_over_takes(door: Door) {
    let world = world(door).marked("live-*", Mark::TwoPerson).marked("*", Mark::Confirm);
    run(world, async |bot| {
        let reply = bot.chat(ADAM).says("/room-acl why live-7").await;
        assert!(
            reply.says("`live-7` is marked two-person: it takes a second person to hand it over."),
            "{reply}"
        );
        let reply = bot.chat(ADAM).says("/room-acl why test").await;
        assert!(reply.says("`test` is marked confirm: whoever hands it over has to confirm it."), "{reply}");
    })
    .await;
}
