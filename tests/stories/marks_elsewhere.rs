//! Marked rooms on the command line, from a form and in announcements.

use insta::assert_snapshot;
use room_owner::domain::access::{AclChange, Setting};
use room_owner::domain::principal::Principal;
use room_owner::store::{IfMissing, SqliteStore};
use serde_json::{Value, json};

use super::clock::StoryClock;
use super::fakes::acl::edit_locally;
use super::pending_replies::{read, with_a_token};
use super::program::{Program, Ran};
use super::slack::{ADAM, ALICE, BORIS, MODS, RANDOM};
use super::world::World;

async fn marked(mark: &str) -> Program {
    let program = Program::new().await;
    let store = SqliteStore::open(&program.database_url(), IfMissing::Fail).await.unwrap();
    let change = AclChange::Set(Setting::Mark { rooms: "te*".parse().unwrap(), mark: mark.parse().unwrap() });
    let (clock, ana) = (StoryClock::of_this_machine(), Principal::new("cli:ana".parse().unwrap()));
    edit_locally(&store, &clock, ana, "acl room".to_owned(), change, None).await.unwrap();
    store.close().await;
    program
}

/// What was said, without what differs from run to run.
fn said(ran: &Ran) -> String {
    let numbers = |line: &str| line.split(" · by ").next().unwrap_or_default().to_owned();
    ran.err.lines().map(numbers).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn on_the_command_line_a_hand_over_is_confirmed_by_naming_the_owner() {
    let program = marked("confirm").await;
    let asked = program.runs("transfer test user2 --reason host+left").await;
    assert_snapshot!(said(&asked), @"
    ⏳ Nothing was done: this would hand `test` from `carol` to `user2`.
       To do it, if that is still the owner: `room-owner transfer test user2 --reason 'host left' --if-owner carol`
       op 2
    ");
    assert_eq!((asked.code, program.owner().as_str(), program.changes()), (1, "carol", 0));
    let other = program.runs("transfer test user2 --if-owner dave").await;
    assert_snapshot!(said(&other), @"
    ❌ Nothing was done: `test` keeps its owner.
       What went wrong: `carol owns it now: not dave`
       Agree with the other moderators. To change it all the same, type the command.
       op 3
    ");
    assert_eq!((other.code, program.owner().as_str(), program.changes()), (1, "carol", 0));
    let done = program.runs("transfer test user2 --if-owner carol").await;
    assert_snapshot!(said(&done), @"
    ✅ `test` now belongs to `user2` (was `carol`) · confirmed
       op 5 · RequestId `Id-c2f817b7c4677f4f428d0a88fe676634-O-Seq-5`
    ");
    assert_eq!((done.code, program.owner().as_str()), (0, "user2"));
}

#[tokio::test]
async fn every_hand_over_can_be_bound_to_an_owner() {
    let program = Program::new().await;
    assert_eq!(program.runs("transfer test user2 --if-owner dave").await.code, 1);
    assert_eq!(program.runs("transfer test user2 --if-owner carol").await.code, 0);
    let late = program.runs("transfer test user3 --if-owner carol").await;
    assert!(late.err.contains("user2 owns it now: op 3 by"), "{}", late.err);
}

#[tokio::test]
async fn on_the_command_line_a_new_account_is_confirmed_too() {
    let mut program = Program::new().await;
    program.set("CONFIRM_NEW_ACCOUNTS", "1");
    let asked = program.runs("transfer test usre2").await;
    assert_snapshot!(said(&asked), @"
    ⏳ Nothing was done: this would hand `test` from `carol` to `usre2`.
       The log has never seen `usre2`: look at its spelling. To do it, if that is still the owner: `room-owner transfer test usre2 --if-owner carol`
       op 1
    ");
    assert_eq!(program.runs("transfer test usre2 --if-owner carol").await.code, 0);
}

#[tokio::test]
async fn nobody_hands_a_two_person_room_over_on_the_command_line() {
    let program = marked("two-person").await;
    for words in ["transfer test user2", "transfer test user2 --if-owner carol"] {
        let refused = program.runs(words).await;
        insta::allow_duplicates! {
            assert_snapshot!(said(&refused).replace("op 3", "op 2"), @"
            ⛔ Nothing was done: `test` takes two people to hand over, who ask and approve in a channel.
               Type it in chat. An admin can take the mark off, which is on record: `room-owner acl room 'te*' off`
               op 2
            ");
        }
        assert_eq!(refused.code, 1);
    }
    assert_eq!((program.owner().as_str(), program.changes()), ("carol", 0));
}

fn filled(room: &str, owner: &str) -> Value {
    let chosen = |value: &str| json!({ "type": "external_select", "selected_option": { "value": value } });
    json!({
        "type": "view_submission",
        "state": {
            "room": { "room": chosen(room) },
            "new_owner": { "new_owner": chosen(owner) },
            "reason": { "reason": { "type": "plain_text_input", "value": "host crashed" } },
        },
    })
}

#[tokio::test]
async fn what_a_form_asks_for_is_held_too_and_pressed_in_the_channel() {
    let world = World::usual().grant(BORIS, "moderator", "*").room("live-7", "dave");
    let world = world.mark("test", "two-person").mark("live-7", "confirm");
    with_a_token(world, async |bot, api| {
        let view = json!({ "callback_id": "hand-over", "private_metadata": MODS });
        for room in ["test", "live-7"] {
            bot.slack(ALICE).in_a_form(&view, filled(room, "user2")).await;
        }
        let posted = api.has_posted(2).await;
        let said: Vec<_> = posted.iter().map(|it| format!("{}\n{}", it.method, read(it))).collect();
        let (asked, held) = (
            said.iter().find(|it| it.contains("second person")),
            said.iter().find(|it| it.contains("Confirm")),
        );
        assert_snapshot!(asked.unwrap(), @"
        chat.postMessage
        ⏳ `@alice` asks to hand `test` from `carol` to `user2`: it takes a second person.
        Anybody else who may hand it over in this channel can approve it for 15 minutes. Reason given: `host crashed`
        op 7
        ");
        assert_snapshot!(held.unwrap(), @"
        chat.postEphemeral
        (only visible to you)
        ⏳ Not done yet: press Confirm to hand `live-7` from `dave` to `user2`.
        It can be confirmed for 5 minutes, as long as nobody changes the owner. Reason given: `host crashed`
        op 8
        ");
        assert!(bot.changes().is_empty());
    })
    .await;
}

#[tokio::test]
async fn an_announcement_says_who_asked_and_who_approved() {
    let world = World::usual().grant(BORIS, "moderator", "*").grant(ADAM, "admin", "*");
    with_a_token(world.announces(RANDOM, "*").mark("*", "two-person"), async |bot, api| {
        let asked = bot.slack(ALICE).says("/room-owner test user2").await;
        let press = bot.chat(BORIS).presses(&asked, "Approve").await;
        assert!(bot.came_of(&press).await.says("now belongs to `user2`"));
        bot.loses_its_buttons(&press).await;
        assert_snapshot!(read(&api.has_posted(1).await[0]), @"
        ✅ `test` now belongs to `user2` (was `carol`) · confirmed · by `alice`, approved by `boris`
        op 9 · RequestId Id-341a66fe9750f5ee9b016bb2a79386a2-O-Seq-4 · log …
        ");
    })
    .await;
}
