//! What members ask for, and what they read.

use insta::assert_snapshot;
use room_owner::tencent::simulator::{Api, Fault, FaultKind};
use serde_json::{Value, json};

use super::world::{ALICE, GUILD, OTTO, World, command, transfer};

#[tokio::test]
async fn a_moderator_hands_a_room_over_and_the_channel_sees_it() {
    let world = World::start().await;
    let asked = command(ALICE, &[("room", "test"), ("new_owner", "user2"), ("reason", "host crashed")]);
    assert_snapshot!(world.says(&asked).await, @"
    (everybody)
    ✅ `test` now belongs to `user2` (was `carol`) · confirmed
    Reason given: `host crashed`
    Room: `test`
    Previous owner: `carol`
    New owner: `user2`
    Asked by: `alice`
    RequestId: `Id-9dc6366a2003d418ace6b6c74e29980f-O-Seq-2`
    Operation: `3`
    Log: `4:…`
    Undo: `/room-owner room:test new_owner:carol`
    ");
    assert_eq!(world.owner_of("test"), "user2");
    let ended = world.end().await;
    assert_eq!((ended.outcomes(), ended.changes), (vec!["succeeded"], 1));
    let entry = &ended.audit[0];
    assert_eq!(entry.command, "/room-owner test user2 reason: host crashed");
    assert_eq!(entry.actor.as_ref().unwrap().to_string(), format!("discord:{GUILD}:{ALICE}"));
    assert_eq!(entry.actor_name.as_deref(), Some("alice"));
    assert_eq!(entry.channel.as_ref().unwrap().to_string(), "discord:700:500");
    assert!(entry.delivery_id.as_ref().unwrap().starts_with("discord:1"));
    assert_eq!(entry.reason.as_deref(), Some("host crashed"));
}

#[tokio::test]
async fn who_asks_for_the_owner_alone_reads_it() {
    let world = World::start().await;
    assert_snapshot!(world.says(&command(ALICE, &[("room", "test")])).await, @r"
    (only you)
    ℹ️ `test` belongs to `carol`.
    Room: `test`
    Owner: `carol`
    Operation: `3`
    ");
    assert_eq!(world.end().await.outcomes(), ["succeeded"]);
}

#[tokio::test]
async fn an_administrator_of_the_guild_without_a_grant_may_do_nothing() {
    let world = World::start().await;
    assert_snapshot!(world.says(&transfer(OTTO)).await, @"
    (only you)
    ⛔ Not allowed: you have no role for `test`.
    Ask whoever runs the bot (nobody is an admin yet) for the role, and quote your id `discord:700:902`.
    Nothing was done.
    -- op 3
    ");
    let ended = world.end().await;
    assert_eq!((ended.outcomes(), ended.calls), (vec!["denied"], 0));
}

#[tokio::test]
async fn another_channel_is_not_authorised() {
    let world = World::start().await;
    let mut elsewhere = transfer(ALICE);
    elsewhere["channel_id"] = json!("501");
    elsewhere["channel"]["id"] = json!("501");
    assert_snapshot!(world.says(&elsewhere).await, @"
    (only you)
    ⛔ Not here: this channel is not authorised for `/room-owner`.
    Use a moderators' channel, or ask whoever runs the bot (nobody is an admin yet) to authorise this one.
    Nothing was done.
    -- op 3
    ");
    assert_eq!(world.end().await.calls, 0);
}

#[tokio::test]
async fn a_role_carries_its_grant_in_its_own_guild() {
    let world = World::start().await;
    world.grant(&format!("discord:{GUILD}:role:31"), "moderator", "test").await;
    world.grant("discord:999:role:32", "moderator", "*").await;
    let mut with_role = transfer(OTTO);
    with_role["member"]["roles"] = json!(["30", "31"]);
    assert!(world.says(&with_role).await.contains("now belongs to"));
    let mut of_another_guild = command(OTTO, &[("room", "test"), ("new_owner", "user3")]);
    of_another_guild["member"]["roles"] = json!(["32"]);
    assert!(world.says(&of_another_guild).await.contains("⛔"));
    assert_eq!(world.end().await.outcomes(), ["succeeded", "denied"]);
}

#[tokio::test]
async fn a_thread_counts_as_its_parent_channel() {
    let world = World::start().await;
    let mut thread = transfer(ALICE);
    thread["channel_id"] = json!("555");
    thread["channel"] = json!({ "id": "555", "type": 11, "parent_id": "500" });
    assert!(world.says(&thread).await.contains("now belongs to"));
    // A channel in an authorised category is not a thread of it.
    let mut in_category = command(ALICE, &[("room", "test"), ("new_owner", "user3")]);
    in_category["channel_id"] = json!("556");
    in_category["channel"] = json!({ "id": "556", "type": 0, "parent_id": "500" });
    assert!(world.says(&in_category).await.contains("⛔"));
    let ended = world.end().await;
    assert_eq!(ended.outcomes(), ["succeeded", "denied"]);
    assert_eq!(ended.audit[0].channel.as_ref().unwrap().to_string(), "discord:700:500");
}

#[tokio::test]
async fn a_typing_error_is_answered_with_what_was_probably_meant() {
    let world = World::start().await;
    let reply = world.says(&command(ALICE, &[("room", "test"), ("new_owner", "<@902>")])).await;
    assert_snapshot!(reply, @"
    (only you)
    ❌ <@902> is linked to no live account.
    Type: `/room-owner room:test new_owner:<new_owner>`
    Nothing was done. An admin can link them: `/room-acl link who:discord:700:902 account:<account>`
    -- op 3
    ");
    let reply = world.says(&command(ALICE, &[("room", "test"), ("reason", "x")])).await;
    assert_snapshot!(reply, @"
    (only you)
    ❌ Something is missing: `<new_owner>`.
    Type: `/room-owner room:test new_owner:<new_owner> reason:x`
    Nothing was done.
    -- op 4
    ");
    assert_snapshot!(world.says(&command(ALICE, &[("new_owner", "user2")])).await, @"
    (only you)
    ❌ Something is missing: `<room>`.
    Type: `/room-owner room:<room> new_owner:user2`
    Nothing was done.
    -- op 5
    ");
    assert_snapshot!(world.says(&command(ALICE, &[("reason", "x")])).await, @"
    (only you)
    ❌ Something is missing: `<room>`.
    Type: `/room-owner room:<room> new_owner:<new_owner> reason:x`
    Nothing was done.
    -- op 6
    ");
    let ended = world.end().await;
    assert_eq!((ended.outcomes(), ended.calls), (vec!["invalid"; 4], 0));
    assert_eq!(ended.audit[2].command, "/room-owner new_owner: user2");
}

#[tokio::test]
async fn the_command_by_itself_is_a_question_for_help() {
    let world = World::start().await;
    world.grant(&format!("discord:{GUILD}:903"), "auditor", "*").await;
    assert_snapshot!(world.says(&command("903", &[])).await, @"
    (only you)
    ℹ️ `/room-owner` hands a live room to a new owner.
    `/room-owner room:<room>` shows who owns the room
    You are: auditor for `*`.
    -- op 4
    ");
    assert_snapshot!(world.says(&command(OTTO, &[])).await, @"
    (only you)
    ℹ️ `/room-owner` hands a live room to a new owner. You have no role in this channel yet.
    Ask whoever runs the bot (nobody is an admin yet) for a role, and quote your id `discord:700:902`.
    -- op 5
    ");
    // As Discord sends it, which leaves out what is empty.
    let mut bare = command(OTTO, &[]);
    bare["data"].as_object_mut().unwrap().remove("options");
    assert!(world.says(&bare).await.contains("You have no role in this channel yet."));
    let ended = world.end().await;
    assert_eq!((ended.outcomes(), ended.calls), (vec!["succeeded"; 3], 0));
    assert_eq!(ended.audit[0].command, "/room-owner");
}

/// What the person filled in, of the form that was shown for a command.
fn filled(command: &Value, room: Value, owner: &str, reason: &str) -> Value {
    let mut form = super::world::command(ALICE, &[]);
    form["type"] = json!(5);
    let field = |id: u64, component: Value| json!({ "type": 18, "id": id, "component": component });
    let text = |name: &str, value: &str| json!({ "type": 4, "custom_id": name, "value": value });
    form["data"] = json!({
        "custom_id": "hand-over",
        "components": [field(1, room), field(3, text("new_owner", owner)), field(5, text("reason", reason))],
    });
    assert_ne!(form["id"], command["id"]);
    form
}

#[tokio::test]
async fn whoever_may_hand_rooms_over_fills_in_a_form() {
    let world = World::start().await;
    let bare = command(ALICE, &[]);
    world.send(&bare).await;
    let shown = world.answered(&bare).await.callback.unwrap();
    assert_eq!(shown["type"], 9);
    let shown = &shown["data"]["components"];
    assert_snapshot!(shown[3]["content"].as_str().unwrap(), @"`/room-owner room:<room>` alone shows who owns a room. `/room-acl whoami` shows what you may do here.");
    assert_snapshot!(shown[0]["component"]["options"], @r#"[{"description":"owner carol · 0 viewers","label":"test","value":"test"}]"#);
    let chosen = json!({ "type": 3, "custom_id": "room", "values": ["test"] });
    let done = world.says(&filled(&bare, chosen, "user2", "host crashed")).await;
    assert_snapshot!(done, @"
    (everybody)
    ✅ `test` now belongs to `user2` (was `carol`) · confirmed
    Reason given: `host crashed`
    Room: `test`
    Previous owner: `carol`
    New owner: `user2`
    Asked by: `alice`
    RequestId: `Id-ecbe93f9c7fbf3c6a01b3bff4b6ecdd8-O-Seq-3`
    Operation: `4`
    Log: `5:…`
    Undo: `/room-owner room:test new_owner:carol`
    ");
    let typed = json!({ "type": 4, "custom_id": "room", "value": "tset" });
    assert_snapshot!(world.says(&filled(&bare, typed, "user2", "")).await, @"
    (everybody)
    ❌ The owner of `tset` was not changed.
    Tencent's error 100004: `room ˋtsetˋ does not exist or has been dissolved: check the id`
    Did you mean `test`? Type: `/room-owner room:test new_owner:user2`
    Room: `tset`
    Asked for: `user2`
    Asked by: `alice`
    RequestId: `Id-c2f817b7c4677f4f428d0a88fe676634-O-Seq-5`
    Operation: `6`
    ");
    let nothing = json!({ "type": 3, "custom_id": "room", "values": [] });
    assert_snapshot!(world.says(&filled(&bare, nothing, "user2", "")).await, @"
    (only you)
    ❌ Something is missing: `<room>`.
    Type: `/room-owner room:<room> new_owner:<new_owner>`
    Nothing was done.
    -- op 8
    ");
    let ended = world.end().await;
    assert_eq!(ended.outcomes(), ["succeeded", "succeeded", "refused", "invalid"]);
    assert_eq!(ended.audit[1].command, "[form] /room-owner test user2 reason: host crashed");
}

#[tokio::test]
async fn where_no_room_can_be_listed_its_id_is_typed_in_the_form() {
    let world = World::start().await;
    let refused = FaultKind::Code { code: 70_020, info: "no lists today".to_owned() };
    world.tencent.inject(Fault::new(refused).on(Api::GetRoomList));
    let bare = command(ALICE, &[]);
    world.send(&bare).await;
    let shown = world.answered(&bare).await.callback.unwrap();
    assert_eq!(
        (&shown["type"], &shown["data"]["components"][0]["component"]["type"]),
        (&json!(9), &json!(4))
    );
    assert_eq!(world.end().await.outcomes(), ["succeeded"]);
}

#[tokio::test]
async fn what_tencent_refuses_is_said_with_its_code_and_a_next_step() {
    let world = World::start().await;
    let reply = world.says(&command(ALICE, &[("room", "gone"), ("new_owner", "user2")])).await;
    assert_snapshot!(reply, @r"
    (everybody)
    ❌ The owner of `gone` was not changed.
    Tencent's error 100004: `room ˋgoneˋ does not exist or has been dissolved: check the id`
    There is no such room, or it is dissolved: check the spelling; the stream may have ended.
    Room: `gone`
    Asked for: `user2`
    Asked by: `alice`
    RequestId: `Id-a93875fe509ac2fae0e0939d3ec71c4d-O-Seq-1`
    Operation: `3`
    ");
    assert_eq!(world.end().await.outcomes(), ["refused"]);
}

#[tokio::test]
async fn with_private_replies_nobody_else_sees_a_change() {
    let world = World::with(|settings| settings.private_replies = true).await;
    assert!(world.says(&transfer(ALICE)).await.starts_with("(only you)\n✅"));
    world.end().await;
}

#[tokio::test]
async fn an_answer_that_was_lost_is_read_back() {
    let world = World::start().await;
    world.next_change(FaultKind::ResetAfter);
    assert_snapshot!(world.says(&transfer(ALICE)).await, @"
    (everybody)
    ✅ `test` now belongs to `user2` (was `carol`) · confirmed
    Tencent's answer was lost on the way; the new owner was read back.
    Room: `test`
    Previous owner: `carol`
    New owner: `user2`
    Asked by: `alice`
    Operation: `3`
    Log: `5:…`
    Undo: `/room-owner room:test new_owner:carol`
    ");
    assert_eq!(world.end().await.changes, 1);
}

#[tokio::test]
async fn nothing_that_a_person_writes_can_mention_or_format() {
    let world = World::start().await;
    let room = "a`*b*`<@&1>[x](http://e.vil)@everyone";
    world.tencent.put_room(room, "__carol__||");
    let options = [("room", room), ("new_owner", "__eve__"), ("reason", "```\n# big\u{202e}@here")];
    assert_snapshot!(world.says(&command(ALICE, &options)).await, @r"
    (everybody)
    ✅ `aˋ*b*ˋ<@&1>[x](http://e.vil)@everyone` now belongs to `__eve__` (was `__carol__||`) · confirmed
    Reason given: `ˋˋˋ # big@here`
    Room: `aˋ*b*ˋ<@&1>[x](http://e.vil)@everyone`
    Previous owner: `__carol__||`
    New owner: `__eve__`
    Asked by: `alice`
    RequestId: `Id-9dc6366a2003d418ace6b6c74e29980f-O-Seq-2`
    Operation: `3`
    Log: `4:…`
    ");
    assert_eq!(world.end().await.outcomes(), ["succeeded"]);
}
