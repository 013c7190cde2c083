//! Whatever Discord signs is answered and recorded, however odd it is.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::fakes::interaction::with_options;
use super::world::{ALICE, GUILD, MODS, OTTO, World, command, transfer};

fn without(pointer: &str) -> Value {
    let mut interaction = transfer(ALICE);
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    interaction.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name).unwrap();
    interaction
}

fn with(pointer: &str, value: Value) -> Value {
    let mut interaction = transfer(ALICE);
    *interaction.pointer_mut(pointer).unwrap() = value;
    interaction
}

#[tokio::test]
async fn no_field_that_can_be_done_without_loses_a_command() {
    let world = World::start().await;
    let mut gone = 0;
    for pointer in [
        "/version",
        "/guild",
        "/guild_id",
        "/channel",
        "/channel_id",
        "/context",
        "/locale",
        "/guild_locale",
        "/authorizing_integration_owners",
        "/app_permissions",
        "/entitlements",
        "/attachment_size_limit",
        "/member/nick",
        "/member/roles",
        "/member/permissions",
        "/member/flags",
        "/member/joined_at",
        "/member/user/username",
        "/member/user/discriminator",
        "/data/id",
        "/data/type",
        "/channel/type",
        "/channel/name",
        "/guild/locale",
    ] {
        world.tencent.put_room("test", "carol");
        assert!(world.says(&without(pointer)).await.contains("now belongs to"), "{pointer}");
        gone += 1;
    }
    for (pointer, odd) in [
        ("/version", json!("one")),
        ("/entitlements", json!(null)),
        ("/app_permissions", json!(5)),
        ("/member/user/username", json!(5)),
        ("/channel/type", json!(99)),
        ("/context", json!("guild")),
        ("/locale", json!({})),
    ] {
        world.tencent.put_room("test", "carol");
        assert!(world.says(&with(pointer, odd)).await.contains("now belongs to"), "{pointer}");
        gone += 1;
    }
    let ended = world.end().await;
    assert_eq!(ended.outcomes(), vec!["succeeded"; gone]);
}

#[tokio::test]
async fn what_cannot_be_used_is_answered_privately_and_recorded() {
    let mut in_a_dm = without("/member");
    in_a_dm["user"] = json!({ "id": ALICE, "username": "alice" });
    in_a_dm["context"] = json!(1);
    in_a_dm.as_object_mut().unwrap().remove("guild_id");
    in_a_dm.as_object_mut().unwrap().remove("guild");
    let odd = [
        ("not used in a server", in_a_dm),
        ("not used in a server", with("/context", json!(2))),
        ("not installed in this server", with("/authorizing_integration_owners", json!({ "1": ALICE }))),
        ("who used the command", without("/member")),
        ("who used the command", without("/member/user")),
        ("who used the command", with("/member/user/id", json!(901))),
        ("not a list", with("/member/roles", json!("31"))),
        ("to which channel the thread belongs", with("/channel", json!({ "id": "5", "type": 12 }))),
        ("did not send the command", without("/data")),
        ("did not send the name", without("/data/name")),
        ("not a slash command", with("/data/type", json!(3))),
        ("did not say who was chosen", with("/data/type", json!(2))),
        ("options are not a list", with("/data/options", json!("test"))),
        ("`room` is not text", with("/data/options/0/value", json!(7))),
        ("`room` is not text", without("/data/options/0/value")),
        ("`new_owner` is not text", with("/data/options/1/value", json!({ "id": "9" }))),
        ("`force` is unknown", with("/data/options/1/name", json!("force"))),
        ("comes twice", with("/data/options/1/name", json!("room"))),
        ("does not know this button", with("/type", json!(3))),
        ("interactions of type 99 are not taken", with("/type", json!(99))),
    ];
    let world = World::start().await;
    let count = odd.len();
    for (why, interaction) in odd {
        let reply = world.says(&interaction).await.replace('ˋ', "`");
        assert!(reply.starts_with("(only you)\n❌") && reply.contains(why), "{why}: {reply}");
        // To do the same once more helps only against what may pass.
        let advice = match why {
            "not used in a server" => "Use it in a moderators' channel of the server",
            "not installed in this server" => "Whoever manages the server has to add the app",
            "`force` is unknown" => "reload it",
            "does not know this button" => "Type the command instead",
            _ => "Type the command again.",
        };
        assert!(reply.contains(advice), "{why}: {reply}");
    }
    let ended = world.end().await;
    assert_eq!((ended.outcomes(), ended.calls), (vec!["invalid"; count], 0));
    let named = ended.audit.iter().filter(|entry| entry.actor.is_some()).count();
    assert!(named >= count - 6, "{named} of {count} name their actor");
}

#[tokio::test]
async fn odd_options_of_the_commands_with_subcommands_are_answered_and_recorded() {
    let grant = |change: fn(&mut Value)| {
        let options = json!([
            { "name": "who", "type": 9, "value": OTTO }, { "name": "role", "type": 3, "value": "moderator" },
        ]);
        let resolved = json!({ "users": { OTTO: { "id": OTTO, "username": "otto" } } });
        let options = json!([{ "name": "grant", "type": 1, "options": options }]);
        let mut interaction = with_options("room-acl", (ALICE, "alice"), MODS, options, resolved);
        change(&mut interaction["data"]);
        interaction
    };
    let odd = [
        (
            "Something is missing: `<person>`",
            grant(|data| drop(data["options"][0]["options"].as_array_mut().unwrap().remove(0))),
        ),
        ("does not know `dance` here", grant(|data| data["options"][0]["name"] = json!("dance"))),
        ("`boss` is not a role", grant(|data| data["options"][0]["options"][1]["value"] = json!("boss"))),
        ("whether `902` is a person or a role", grant(|data| data["resolved"] = json!(null))),
        ("whether `902` is a person or a role", grant(|data| data["resolved"]["users"] = json!([1]))),
        ("`who` is not an id", grant(|data| data["options"][0]["options"][0]["value"] = json!({ "id": 1 }))),
        ("`force` is unknown", grant(|data| data["options"][0]["options"][0]["name"] = json!("force"))),
        ("a subcommand has no name", grant(|data| data["options"][0]["name"] = json!(7))),
        ("options are not a list", grant(|data| data["options"][0]["options"] = json!("who"))),
        (
            "more than one subcommand",
            grant(|data| {
                let again = data["options"][0].clone();
                data["options"].as_array_mut().unwrap().push(again);
            }),
        ),
        ("which subcommand it is", grant(|data| data["options"] = data["options"][0]["options"].clone())),
    ];
    let world = World::start().await;
    world.grant(&format!("discord:{GUILD}:{ALICE}"), "admin", "*").await;
    let count = odd.len();
    for (why, interaction) in odd {
        let reply = world.says(&interaction).await.replace('ˋ', "`");
        assert!(reply.starts_with("(only you)\n❌") && reply.contains(why), "{why}: {reply}");
    }
    let bare = world.says(&grant(|data| data["options"] = json!(null))).await;
    assert!(
        bare.contains("`/room-acl grant who:<person> role:<role> rooms:live-* channel:#channel for:8h"),
        "{bare}"
    );
    assert!(world.says(&grant(|_| {})).await.contains("<@902> is now moderator"));
    let ended = world.end().await;
    let mut outcomes = vec!["invalid"; count];
    outcomes.extend(["succeeded", "succeeded"]);
    assert_eq!((ended.outcomes(), ended.calls), (outcomes, 0));
    assert_eq!(ended.audit.last().unwrap().command, "/room-acl grant <@902> moderator");
}

#[tokio::test]
async fn a_question_about_a_member_counts_the_members_roles() {
    let world = World::start().await;
    world.grant(&format!("discord:{GUILD}:{ALICE}"), "admin", "*").await;
    world.grant(&format!("discord:{GUILD}:role:31"), "moderator", "live-*").await;
    let options = json!([{ "name": "why", "type": 1, "options": [
        { "name": "room", "type": 3, "value": "live-7" }, { "name": "who", "type": 9, "value": OTTO },
        { "name": "channel", "type": 7, "value": "555" },
    ] }]);
    let resolved = json!({
        "users": { OTTO: { "id": OTTO, "username": "otto" } }, "members": { OTTO: { "roles": ["31"] } },
        "channels": { "555": { "id": "555", "type": 11, "parent_id": MODS, "name": "tonight" } },
    });
    let asked = with_options("room-acl", (ALICE, "alice"), MODS, options, resolved);
    insta::assert_snapshot!(world.says(&asked).await, @"
    (only you)
    ✅ Yes: <@902> may hand `live-7` over in <#500>, by grant 3.
    Grant 3: moderator for `live-*`: permits it.
    Counted as a member of <@&700>, <@&31>.
    No live room is called `live-7` now.
    -- op 5
    ");
    let ended = world.end().await;
    assert_eq!(ended.audit[0].command, "/room-acl why <@902> live-7 in: <#555>");
}

#[tokio::test]
async fn what_is_no_interaction_is_400_and_recorded() {
    let world = World::start().await;
    for body in ["{", "{}", r#"{"type":2}"#, r#"{"type":"2","id":"1","application_id":"2","token":"t"}"#] {
        assert_eq!(world.deliver(body).await, StatusCode::BAD_REQUEST, "{body}");
    }
    for name in ["/id", "/application_id", "/token"] {
        assert_eq!(world.deliver(&without(name).to_string()).await, StatusCode::BAD_REQUEST, "{name}");
    }
    assert_eq!(world.end().await.outcomes(), vec!["invalid"; 7]);
}

#[tokio::test]
async fn another_application_and_another_command_are_answered_so() {
    let world = World::start().await;
    insta::assert_snapshot!(world.says(&with("/application_id", json!("43"))).await, @r"
    (only you)
    ⛔ Not served: this bot does not take commands from the application 43.
    Use the app that your own workspace installed; an admin of the bot can add this one.
    Nothing was done.
    -- op 3
    ");
    insta::assert_snapshot!(world.says(&with("/data/name", json!("room-service"))).await, @r"
    (only you)
    ❌ The bot does not know the command `/room-service`.
    Type: `/room-owner`
    Nothing was done.
    -- op 4
    ");
    let ended = world.end().await;
    assert_eq!((ended.outcomes(), ended.calls), (vec!["denied", "invalid"], 0));
}

#[tokio::test]
async fn a_prefix_is_part_of_the_name() {
    let world = World::with(|settings| {
        settings.command = room_owner::domain::wording::CommandName::slash("staging-");
    })
    .await;
    assert!(world.says(&transfer(ALICE)).await.contains("❌"));
    let mut prefixed = command(ALICE, &[("room", "test"), ("new_owner", "user2")]);
    prefixed["data"]["name"] = json!("staging-room-owner");
    assert!(world.says(&prefixed).await.contains("now belongs to"));
    world.end().await;
}
