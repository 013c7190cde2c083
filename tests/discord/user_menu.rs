//! The command in the menu of a person, which opens the form that hands a room over.

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::suggesting::suggested_owners;
use super::world::{ALICE, GUILD, OTTO, World, command};

/// Somebody chooses the command in somebody's menu.
fn chosen(user: &str, target: &str) -> Value {
    let mut interaction = command(user, &[]);
    interaction["data"] = json!({
        "id": "2", "name": "Hand a room to…", "type": 2, "target_id": target,
        "resolved": {
            "users": { target: { "id": target, "username": "otto", "discriminator": "0" } },
            "members": { target: { "roles": [], "permissions": "0", "joined_at": "2024-01-01T00:00:00Z" } },
        },
    });
    interaction
}

#[tokio::test]
async fn the_form_opens_with_the_account_of_whoever_is_linked() {
    let world = World::start().await;
    world.link(OTTO, "otto-1").await;
    let asked = chosen(ALICE, OTTO);
    world.send(&asked).await;
    let shown = world.answered(&asked).await.callback.unwrap();
    assert_eq!(shown["type"], 9);
    let owner = &shown["data"]["components"][1]["component"];
    assert_eq!((&owner["custom_id"], &owner["value"]), (&json!("new_owner"), &json!("otto-1")));
    assert_eq!(world.discord.problems(), Vec::<String>::new());
    let ended = world.end().await;
    assert_eq!((ended.outcomes(), ended.changes), (vec!["succeeded"], 0));
    assert_eq!(ended.audit[0].command, "[menu] Hand a room to… <@902>");
}

#[tokio::test]
async fn of_whoever_is_not_linked_it_says_how_to_link() {
    let world = World::start().await;
    assert_snapshot!(world.says(&chosen(ALICE, OTTO)).await, @"
    (only you)
    ⛔ <@902> is linked to no live account.
    To name the account yourself: `/room-owner room:<room> new_owner:<new_owner>`
    An admin can link them: `/room-acl link who:discord:700:902 account:<account>`
    -- op 3
    ");
    world.end().await;
}

#[tokio::test]
async fn whoever_hands_nothing_over_learns_no_account() {
    let world = World::start().await;
    world.link(ALICE, "al-1").await;
    let said = world.says(&chosen(OTTO, ALICE)).await;
    assert!(!said.contains("al-1"), "{said}");
    assert_snapshot!(said, @"
    (only you)
    ⛔ You may hand no room over here.
    What you may do, and whom to ask: `/room-owner whoami`
    -- op 4
    ");
    world.end().await;
}

#[tokio::test]
async fn a_member_is_a_new_owner_by_a_mention_in_the_option_and_in_the_form() {
    let world = World::start().await;
    world.link(OTTO, "otto-1").await;
    let said = world.says(&command(ALICE, &[("room", "test"), ("new_owner", "<@902>")])).await;
    assert!(said.contains("`test` now belongs to `otto-1` (<@902>) (was `carol`)"), "{said}");
    assert_eq!(world.owner_of("test"), "otto-1");
    let ended = world.end().await;
    assert_eq!(
        ended.audit[0].new_owner_person.as_ref().unwrap().to_string(),
        format!("discord:{GUILD}:{OTTO}")
    );
    assert_eq!(ended.audit[0].command, "/room-owner test <@902>");
}

#[tokio::test]
async fn a_name_finds_the_account() {
    let world = World::start().await;
    world.link(OTTO, "xy-1").await;
    // Whoever was never seen has no name yet.
    world.says(&command(OTTO, &[])).await;
    for typed in ["ot", "@ott", "XY"] {
        let found = suggested_owners(&world, ALICE, "test", typed).await;
        assert_eq!(found, [("xy-1 · of @otto".to_owned(), "xy-1".to_owned())], "{typed}");
    }
    assert!(suggested_owners(&world, OTTO, "test", "ot").await.is_empty());
    let shown = world.says(&command(ALICE, &[("room", "test"), ("new_owner", "xy-1 · of @otto")])).await;
    assert!(shown.contains("`test` now belongs to `xy-1`"), "{shown}");
    world.end().await;
}
