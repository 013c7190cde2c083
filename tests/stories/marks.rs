//! A hand-over of a marked room is confirmed by who asked, or approved by a second person.

use room_owner::app::ports::AclChange;
use room_owner::domain::access::{Setting, SettingKey};
use room_owner::domain::audit::OutcomeKind;
use room_owner::domain::principal::Principal;
use room_owner::tencent::simulator::{Api, Fault, FaultKind};

use super::doors::{Door, assert_snapshot, at_every_door, change_at_discord};
use super::fakes::acl::edit_locally;
use super::reply::Reply;
use super::slack::{ADAM, ALICE, BORIS, OTTO, Person, RITA};
use super::world::{Stage, World, run};

at_every_door! {
    who_asks_for_a_marked_room_confirms_it,
    what_is_not_confirmed_is_not_done,
    a_change_in_between_makes_a_confirmation_void,
    nothing_is_confirmed_after_five_minutes,
    without_an_owner_to_show_nothing_can_be_confirmed,
    a_new_account_is_confirmed_once,
    a_second_person_approves,
    who_asked_cannot_approve,
    nobody_approves_without_the_role,
    two_names_of_one_person_are_not_two_people,
    a_link_that_is_moved_makes_nobody_another_person,
    who_asked_has_to_have_the_role_still,
    without_a_second_person_nobody_is_asked,
    who_asked_withdraws,
    a_change_in_between_makes_an_approval_void,
    nothing_is_approved_when_its_time_is_over,
    an_undo_takes_a_second_person_too,
    an_undo_of_what_was_changed_since_asks_nobody,
    a_corrected_line_takes_a_second_person_too,
    an_override_takes_two_admins,
    a_mark_that_is_set_meanwhile_counts,
    a_restart_changes_nothing,
    private_replies_still_ask_the_others,
    a_hand_over_is_approved_once,
    a_marked_room_is_handed_to_a_person_by_name,
}

fn marked(door: Door, mark: &str) -> World {
    World::usual().at(door).grant(BORIS, "moderator", "*").grant(ADAM, "admin", "*").mark("test", mark)
}

/// Changes the ACL at the machine's own command line.
async fn changes(bot: &mut Stage, change: AclChange) {
    let change = if bot.guild.is_some() { change_at_discord(&change) } else { change };
    let ana = Principal::new("cli:ana".parse().unwrap());
    edit_locally(&*bot.store, &bot.clock, ana, "acl".to_owned(), change, None).await.unwrap();
    bot.other_operations += 1;
}

fn link(person: Person, account: &str) -> AclChange {
    let (person, account) = (person.subject().parse().unwrap(), account.parse().unwrap());
    AclChange::Set(Setting::Link { person, account })
}

/// What came of somebody's press, which did nothing and leaves the button.
async fn stays(bot: &Stage, who: Person, reply: &Reply, button: &str) -> Reply {
    let press = bot.chat(who).presses(reply, button).await;
    let said = bot.came_of(&press).await;
    assert!(!said.is_public(), "{said}");
    assert_ne!(bot.last().await.outcome, OutcomeKind::Succeeded);
    said
}

/// What came of somebody's press that ends the button.
async fn presses(bot: &Stage, who: Person, reply: &Reply, button: &str) -> Reply {
    let press = bot.chat(who).presses(reply, button).await;
    let said = bot.came_of(&press).await;
    if !said.is_in_its_place() {
        bot.loses_its_buttons(&press).await;
    }
    said
}

/// What a reply says, however long it can be approved there, and however somebody is named there without a notice.
fn at_any_door(reply: &Reply) -> String {
    let text = reply
        .to_string()
        .replace("for 15 minutes", "for … minutes")
        .replace("for 10 minutes", "for … minutes");
    text.replace("`@alice`", "@alice").replace("`@boris`", "@boris")
}

fn nothing_was_done(bot: &Stage) {
    assert_eq!((bot.owner_of("test"), bot.changes().len()), ("carol".to_owned(), 0));
}

/// Alice asks for what another has to approve.
async fn asked(bot: &Stage) -> Reply {
    let asked = bot.chat(ALICE).says("/room-owner test user2").await;
    assert!(asked.is_public());
    assert_eq!(asked.labels(), ["Approve", "Withdraw"]);
    nothing_was_done(bot);
    asked
}

async fn who_asks_for_a_marked_room_confirms_it(door: Door) {
    run(marked(door, "confirm"), async |bot| {
        let asked = bot.chat(ALICE).says("/room-owner test user2 reason: host crashed").await;
        assert_snapshot!(asked, @"
        (only visible to you)
        ⏳ Not done yet: press Confirm to hand `test` from `carol` to `user2`.
        It can be confirmed for 5 minutes, as long as nobody changes the owner. Reason given: `host crashed`
        op 7
        ");
        assert_eq!(asked.labels(), ["Confirm", "Cancel"]);
        nothing_was_done(bot);
        let entry = bot.entry(&asked).await;
        assert_eq!(entry.outcome, OutcomeKind::Declined);
        assert_snapshot!(entry.error_info.unwrap(), @"needs confirmation: rooms test are marked");
        let other = stays(bot, BORIS, &asked, "Confirm").await;
        assert!(other.says("this button is for"), "{other}");
        let done = presses(bot, ALICE, &asked, "Confirm").await;
        assert_snapshot!(done, @"
        ✅ `test` now belongs to `user2` (was `carol`) · confirmed
        Reason given: `host crashed`
        op 9 · RequestId Id-341a66fe9750f5ee9b016bb2a79386a2-O-Seq-4 · by alice · log … · undo: /room-owner test carol
        ");
        assert_eq!(bot.owner_of("test"), "user2");
        let entry = bot.entry(&done).await;
        assert_eq!((entry.reason.as_deref(), entry.requested_by), (Some("host crashed"), None));
        // To undo it has to be confirmed too.
        let undo = presses(bot, BORIS, &done, "Undo").await;
        assert_eq!(undo.labels(), ["Confirm", "Cancel"], "{undo}");
        let done = presses(bot, BORIS, &undo, "Confirm").await;
        assert!(done.says("`test` now belongs to `carol`"), "{done}");
    })
    .await;
}

async fn what_is_not_confirmed_is_not_done(door: Door) {
    run(marked(door, "confirm"), async |bot| {
        let asked = bot.chat(ALICE).says("/room-owner test user2").await;
        let cancelled = presses(bot, ALICE, &asked, "Cancel").await;
        assert!(cancelled.says("Cancelled. Nothing was done."));
        let late = presses(bot, ALICE, &asked, "Confirm").await;
        assert!(late.says("was pressed already"));
        nothing_was_done(bot);
    })
    .await;
}

async fn a_change_in_between_makes_a_confirmation_void(door: Door) {
    run(marked(door, "confirm"), async |bot| {
        let first = bot.chat(ALICE).says("/room-owner test user2").await;
        let second = bot.chat(BORIS).says("/room-owner test user3").await;
        let done = presses(bot, BORIS, &second, "Confirm").await;
        assert!(done.says("`test` now belongs to `user3`"));
        assert_snapshot!(presses(bot, ALICE, &first, "Confirm").await, @"
        (only visible to you)
        ❌ Nothing was done: `test` keeps its owner.
        What went wrong: `user3 owns it now: op 9 by boris`
        Agree with the other moderators. To change it all the same, type the command.
        op 11
        ");
        assert_eq!((bot.owner_of("test"), bot.changes().len()), ("user3".to_owned(), 1));
    })
    .await;
}

async fn nothing_is_confirmed_after_five_minutes(door: Door) {
    run(marked(door, "confirm"), async |bot| {
        let asked = bot.chat(ALICE).says("/room-owner test user2").await;
        bot.clock.pass(5 * 60);
        let late = presses(bot, ALICE, &asked, "Confirm").await;
        assert!(late.says("has expired"), "{late}");
        nothing_was_done(bot);
    })
    .await;
}

async fn without_an_owner_to_show_nothing_can_be_confirmed(door: Door) {
    run(marked(door, "confirm"), async |bot| {
        let fault = || Fault::new(FaultKind::Truncated).on(Api::GetRoomInfo);
        bot.tencent().inject(fault());
        let asked = bot.chat(ALICE).says("/room-owner test user2").await;
        assert_snapshot!(asked, @"
        (only visible to you)
        ❌ Nothing was done: `test` keeps its owner.
        What went wrong: `it needs confirmation, and the owner cannot be read: the answer broke off: end of file before message length reached`
        Type it again in a moment.
        op 7
        ");
        assert!(asked.labels().is_empty());
        bot.tencent().clear_faults();
        // Nor is it done if the owner cannot be read any more.
        let asked = bot.chat(ALICE).says("/room-owner test user2").await;
        bot.tencent().inject(fault());
        let failed = presses(bot, ALICE, &asked, "Confirm").await;
        assert!(failed.says("Nothing was done"), "{failed}");
        bot.tencent().clear_faults();
        nothing_was_done(bot);
    })
    .await;
}

async fn a_new_account_is_confirmed_once(door: Door) {
    let world = World::usual().at(door).room("live-7", "dora").confirming_new_accounts();
    run(world, async |bot| {
        let asked = bot.chat(ALICE).says("/room-owner test usre2").await;
        assert_snapshot!(asked, @"
        (only visible to you)
        ⏳ Not done yet: press Confirm to hand `test` from `carol` to `usre2`.
        The log has never seen `usre2`: look at its spelling. It can be confirmed for 5 minutes, as long as nobody changes the owner.
        op 4
        ");
        // That it was asked for makes it no better known.
        let again = bot.chat(ALICE).says("/room-owner test usre2").await;
        assert_eq!(again.labels(), ["Confirm", "Cancel"]);
        nothing_was_done(bot);
        assert!(presses(bot, ALICE, &asked, "Confirm").await.says("now belongs to `usre2`"));
        let known = bot.chat(ALICE).says("/room-owner live-7 usre2").await;
        assert!(known.says("`live-7` now belongs to `usre2`"), "{known}");
    })
    .await;
}

async fn a_second_person_approves(door: Door) {
    run(marked(door, "two-person"), async |bot| {
        let asked = bot.chat(ALICE).says("/room-owner test user2 reason: host crashed").await;
        assert_snapshot!(at_any_door(&asked), @"
        ⏳ @alice asks to hand `test` from `carol` to `user2`: it takes a second person.
        Anybody else who may hand it over in this channel can approve it for … minutes. Reason given: `host crashed`
        op 7
        ");
        let done = presses(bot, BORIS, &asked, "Approve").await;
        assert!(done.is_public());
        assert_snapshot!(at_any_door(&done), @"
        ✅ `test` now belongs to `user2` (was `carol`) · confirmed
        Asked for by @alice, approved by @boris. Reason given: `host crashed`
        op 8 · RequestId Id-341a66fe9750f5ee9b016bb2a79386a2-O-Seq-4 · by boris · log … · undo: /room-owner test carol
        ");
        assert_eq!(bot.owner_of("test"), "user2");
        let shown = bot.chat(RITA).says(&format!("/room-audit {}", done.operation())).await;
        assert_snapshot!(shown, @"
        (only visible to you)
        ℹ️ Operation 8: succeeded.
        At: 2026-11-23 12:00:00 UTC
        Approved by: @boris
        Asked for by: @alice
        In: #mods
        Command: `[op 7: Approve] /room-owner test user2 reason: host crashed`
        Room: `test`
        New owner: `user2`
        Owner before: `carol`
        Reason: `host crashed`
        Allowed by: `grant 3`: moderator for every room, given by `cli:ana` on 2026-11-23
        RequestId: `Id-341a66fe9750f5ee9b016bb2a79386a2-O-Seq-4`
        Took: 0 ms
        op 10
        ");
        let steps = bot.chat(RITA).says(&format!("/room-audit timeline {}", done.operation())).await;
        assert!(steps.says("approved: `asked for by"), "{steps}");
        let refused = bot.entry(&asked).await;
        assert_snapshot!(refused.error_info.unwrap(), @"needs a second person: rooms test are marked");
    })
    .await;
}

async fn who_asked_cannot_approve(door: Door) {
    run(marked(door, "two-person"), async |bot| {
        let asked = asked(bot).await;
        assert_snapshot!(stays(bot, ALICE, &asked, "Approve").await, @"
        (only visible to you)
        ⛔ Nothing was done: you asked for it, and another person has to approve it.
        Ask somebody else who may.
        op 8
        ");
        nothing_was_done(bot);
        let done = presses(bot, BORIS, &asked, "Approve").await;
        assert!(done.says("`test` now belongs to `user2`"), "{done}");
    })
    .await;
}

async fn nobody_approves_without_the_role(door: Door) {
    run(marked(door, "two-person"), async |bot| {
        let asked = asked(bot).await;
        for nobody in [RITA, OTTO] {
            let said = stays(bot, nobody, &asked, "Approve").await;
            assert!(said.says("⛔ Not allowed"), "{said}");
        }
        nothing_was_done(bot);
        assert!(presses(bot, ADAM, &asked, "Approve").await.says("now belongs to `user2`"));
    })
    .await;
}

async fn two_names_of_one_person_are_not_two_people(door: Door) {
    let world = marked(door, "two-person").link(ALICE, "alice_live").link(BORIS, "alice_live");
    run(world, async |bot| {
        let asked = asked(bot).await;
        assert_snapshot!(stays(bot, BORIS, &asked, "Approve").await, @"
        (only visible to you)
        ⛔ Nothing was done: you and @alice have, or had meanwhile, the same account.
        Another person has to approve it.
        op 10
        ");
        nothing_was_done(bot);
        assert!(presses(bot, ADAM, &asked, "Approve").await.says("now belongs to `user2`"));
    })
    .await;
}

async fn a_link_that_is_moved_makes_nobody_another_person(door: Door) {
    run(marked(door, "two-person").link(ALICE, "alice_live"), async |bot| {
        let asked = asked(bot).await;
        let subject =
            if bot.guild.is_some() { super::doors::discords(&ALICE.subject()) } else { ALICE.subject() };
        bot.clock.pass(1);
        changes(bot, AclChange::Unset(SettingKey::Link(subject.parse().unwrap()))).await;
        changes(bot, link(BORIS, "alice_live")).await;
        bot.clock.pass(1);
        let said = stays(bot, BORIS, &asked, "Approve").await;
        assert!(said.says("the same account"), "{said}");
        nothing_was_done(bot);
    })
    .await;
}

async fn who_asked_has_to_have_the_role_still(door: Door) {
    run(marked(door, "two-person"), async |bot| {
        let asked = asked(bot).await;
        changes(bot, AclChange::Revoke(1)).await;
        assert_snapshot!(stays(bot, BORIS, &asked, "Approve").await, @"
        (only visible to you)
        ⛔ Nothing was done: @alice, who asked for it, may not hand the room over here any more.
        If it is still wanted, somebody who may has to ask for it anew.
        op 9
        ");
        nothing_was_done(bot);
    })
    .await;
}

async fn without_a_second_person_nobody_is_asked(door: Door) {
    let world = World::usual().at(door).grant(ADAM, "admin", "live-*").mark("*", "two-person");
    run(world, async |bot| {
        let asked = bot.chat(ALICE).says("/room-owner test user2").await;
        assert!(!asked.is_public());
        assert_snapshot!(asked, @"
        (only visible to you)
        ⛔ Nothing was done: `test` takes a second person, and nobody else may hand it over in this channel.
        Ask an admin for somebody else with the role here, then type it again.
        op 6
        ");
        assert!(asked.labels().is_empty());
        nothing_was_done(bot);
    })
    .await;
}

async fn who_asked_withdraws(door: Door) {
    run(marked(door, "two-person"), async |bot| {
        let asked = asked(bot).await;
        let other = stays(bot, BORIS, &asked, "Withdraw").await;
        assert!(other.says("this button is for"), "{other}");
        let withdrawn = presses(bot, ALICE, &asked, "Withdraw").await;
        assert!(withdrawn.says("Nothing was done"), "{withdrawn}");
        assert!(presses(bot, BORIS, &asked, "Approve").await.says("was pressed already"));
        nothing_was_done(bot);
    })
    .await;
}

async fn a_change_in_between_makes_an_approval_void(door: Door) {
    run(marked(door, "two-person"), async |bot| {
        let first = asked(bot).await;
        let second = asked(bot).await;
        assert!(presses(bot, BORIS, &first, "Approve").await.says("now belongs to `user2`"));
        let back = bot.chat(BORIS).says("/room-owner test carol").await;
        assert!(presses(bot, ADAM, &back, "Approve").await.says("now belongs to `carol`"));
        // Though the owner is again who was shown.
        assert_snapshot!(presses(bot, BORIS, &second, "Approve").await, @"
        (only visible to you)
        ❌ Nothing was done: `test` keeps its owner.
        What went wrong: `carol owns it now: op 12 by boris, approved by adam`
        Agree with the other moderators. To change it all the same, type the command.
        op 14
        ");
        assert_eq!((bot.owner_of("test"), bot.changes().len()), ("carol".to_owned(), 2));
    })
    .await;
}

async fn nothing_is_approved_when_its_time_is_over(door: Door) {
    run(marked(door, "two-person"), async |bot| {
        let asked = asked(bot).await;
        // As long as Discord's word on roles counts.
        let minutes = if door == Door::Slack { 15 } else { 10 };
        bot.clock.pass(minutes * 60);
        let late = presses(bot, BORIS, &asked, "Approve").await;
        assert!(late.says("has expired"), "{late}");
        nothing_was_done(bot);
    })
    .await;
}

async fn an_undo_takes_a_second_person_too(door: Door) {
    run(marked(door, "two-person"), async |bot| {
        let asked = asked(bot).await;
        let done = presses(bot, BORIS, &asked, "Approve").await;
        let undo = presses(bot, BORIS, &done, "Undo").await;
        assert!(undo.is_public());
        assert_snapshot!(at_any_door(&undo), @"
        ⏳ @boris asks to hand `test` from `user2` to `carol`: it takes a second person.
        Anybody else who may hand it over in this channel can approve it for … minutes.
        op 10
        ");
        assert!(stays(bot, BORIS, &undo, "Approve").await.says("you asked for it"));
        let undone = presses(bot, ALICE, &undo, "Approve").await;
        assert!(undone.says("`test` now belongs to `carol`"), "{undone}");
    })
    .await;
}

async fn an_undo_of_what_was_changed_since_asks_nobody(door: Door) {
    run(World::usual().at(door).grant(BORIS, "moderator", "*").grant(ADAM, "admin", "*"), async |bot| {
        let first = bot.chat(ALICE).says("/room-owner test user2").await;
        bot.chat(BORIS).says("/room-owner test user3").await.text();
        let (rooms, mark) = ("test".parse().unwrap(), "two-person".parse().unwrap());
        changes(bot, AclChange::Set(Setting::Mark { rooms, mark })).await;
        let void = presses(bot, ALICE, &first, "Undo").await;
        assert!(void.says("user3 owns it now: op 8 by boris"), "{void}");
        assert!(void.labels().is_empty());
        assert_eq!(bot.owner_of("test"), "user3");
    })
    .await;
}

async fn a_corrected_line_takes_a_second_person_too(door: Door) {
    run(marked(door, "two-person"), async |bot| {
        let refused = bot.chat(ALICE).says("/room-owner tset user2").await;
        let asked = presses(bot, ALICE, &refused, "Hand test to user2").await;
        assert!(asked.is_public(), "{asked}");
        assert_eq!(asked.labels(), ["Approve", "Withdraw"]);
        nothing_was_done(bot);
    })
    .await;
}

async fn an_override_takes_two_admins(door: Door) {
    run(marked(door, "two-person").grant(OTTO, "admin", "*"), async |bot| {
        let first = asked(bot).await;
        bot.next_change(FaultKind::ResetBefore);
        let unknown = presses(bot, BORIS, &first, "Approve").await;
        assert!(unknown.says("Unknown"), "{unknown}");
        let line = format!("/room-owner test user3 override: {} reason: stuck", unknown.operation());
        let asked = bot.chat(ADAM).says(&line).await;
        assert_eq!(asked.labels(), ["Approve", "Withdraw"], "{asked}");
        let said = stays(bot, BORIS, &asked, "Approve").await;
        assert!(said.says("⛔"), "{said}");
        let done = presses(bot, OTTO, &asked, "Approve").await;
        assert!(done.says("`test` now belongs to `user3`"), "{done}");
    })
    .await;
}

async fn a_mark_that_is_set_meanwhile_counts(door: Door) {
    run(marked(door, "confirm"), async |bot| {
        let asked = bot.chat(ALICE).says("/room-owner test user2").await;
        let (rooms, mark) = ("*".parse().unwrap(), "two-person".parse().unwrap());
        changes(bot, AclChange::Set(Setting::Mark { rooms, mark })).await;
        let asked = presses(bot, ALICE, &asked, "Confirm").await;
        assert_eq!(asked.labels(), ["Approve", "Withdraw"], "{asked}");
        nothing_was_done(bot);
    })
    .await;
}

async fn a_restart_changes_nothing(door: Door) {
    run(marked(door, "two-person"), async |bot| {
        let asked = asked(bot).await;
        bot.restart().await;
        assert!(stays(bot, ALICE, &asked, "Approve").await.says("you asked for it"));
        let done = presses(bot, BORIS, &asked, "Approve").await;
        assert!(done.says("`test` now belongs to `user2`"), "{done}");
    })
    .await;
}

async fn private_replies_still_ask_the_others(door: Door) {
    run(marked(door, "two-person").private(), async |bot| {
        let asked = asked(bot).await;
        let done = presses(bot, BORIS, &asked, "Approve").await;
        assert!(!done.is_public() && done.says("now belongs to `user2`"), "{done}");
    })
    .await;
}

async fn a_hand_over_is_approved_once(door: Door) {
    run(marked(door, "two-person"), async |bot| {
        let asked = asked(bot).await;
        let one = bot.chat(BORIS).presses(&asked, "Approve").await;
        let done = bot.came_of(&one).await;
        bot.loses_its_buttons(&one).await;
        assert!(done.says("now belongs to `user2`"), "{done}");
        let two = presses(bot, ADAM, &asked, "Approve").await;
        assert!(two.says("was pressed already"), "{two}");
        assert_eq!(bot.changes().len(), 1);
    })
    .await;
}

/// The account that was shown is what is confirmed, whoever has it by then.
async fn a_marked_room_is_handed_to_a_person_by_name(door: Door) {
    run(marked(door, "confirm"), async |bot| {
        changes(bot, link(BORIS, "user2")).await;
        let asked = bot.chat(ALICE).says("/room-owner test @boris").await;
        assert!(asked.says("press Confirm to hand `test` from `carol` to `user2` ("), "{asked}");
        assert_eq!(asked.labels(), ["Confirm", "Cancel"]);
        nothing_was_done(bot);
        changes(bot, link(BORIS, "mallory")).await;
        let done = presses(bot, ALICE, &asked, "Confirm").await;
        assert!(done.says("`test` now belongs to `user2` (was `carol`)"), "{done}");
        assert_eq!(bot.owner_of("test"), "user2");
    })
    .await;
}
