//! A value that is filled in is an id as it is, or it is refused.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use room_owner::app::ports::Store as _;
use serde_json::json;

use super::fakes::interaction::with_options;
use super::suggesting::suggested;
use super::world::{ALICE, GUILD, MODS, World, command};

/// Rooms that would be one if anything were taken off them.
const ROOMS: [&str; 7] = ["live-1", "live-1 ", " live-1", "`live-1`", "\"live-1\"", "<live-1>", "live\\1"];

#[tokio::test]
async fn a_room_with_a_space_at_an_end_is_chosen_from_the_list_and_is_the_one_that_is_handed_over() {
    let world = World::start().await;
    for room in ROOMS {
        world.tencent.put_room(room, "carol");
    }
    let mut chosen = 0;
    for (_, room) in suggested(&world, ALICE, "live").await {
        let said = world.says(&command(ALICE, &[("room", &room), ("new_owner", "user2")])).await;
        assert!(said.contains("now belongs to"), "{said}");
        assert_eq!(world.tencent.owner_changes().last().unwrap().room, room);
        chosen += 1;
    }
    assert_eq!(chosen, ROOMS.len());
    let ended = world.end().await;
    assert_eq!((ended.changes, ended.audit.len()), (chosen, chosen));
    assert!(ended.audit.iter().any(|entry| entry.command == "/room-owner \"live-1 \" user2"));
}

#[tokio::test]
async fn whatever_is_filled_in_is_done_as_it_is_or_not_at_all() {
    let world = World::start().await;
    for room in ROOMS {
        world.tencent.put_room(room, "carol");
    }
    let mut runner = TestRunner::deterministic();
    let rooms =
        prop_oneof![proptest::sample::select(&ROOMS[..]).prop_map(str::to_owned), "[live1 `\"<.-]{1,8}"];
    let owners = prop_oneof![
        "[a-z0-9_-]{1,8}",
        "[ `\"<\\[*(]{0,2}user2[ `\">\\]*).,?:]{0,2}",
        any::<String>().prop_map(|text| text.chars().take(10).collect()),
    ];
    for _ in 0..60 {
        let (room, owner) = (&rooms, &owners).new_tree(&mut runner).unwrap().current();
        let (calls, changes) = (world.tencent.calls().len(), world.tencent.owner_changes().len());
        world.says(&command(ALICE, &[("room", &room), ("new_owner", &owner)])).await;
        let is_account =
            !owner.is_empty() && owner.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
        if !is_account {
            assert_eq!(world.tencent.calls().len(), calls, "{room:?} {owner:?}");
        }
        let after = world.tencent.owner_changes();
        if let Some(change) = after.get(changes) {
            assert_eq!((change.room.as_str(), change.to.as_str()), (room.as_str(), owner.as_str()));
        } else {
            let has_it = world.tencent.owner_of(&room).is_some_and(|of| of != owner);
            assert!(!is_account || !has_it, "{room:?} {owner:?}");
        }
    }
    world.end().await;
}

#[tokio::test]
async fn a_scope_is_granted_as_it_is() {
    let world = World::start().await;
    world.grant(&format!("discord:{GUILD}:{ALICE}"), "admin", "*").await;
    let scopes = [" *", "live-1 ", " live-* ", "live-?", "*"];
    for scope in scopes {
        let options = json!([{ "name": "grant", "type": 1, "options": [
            { "name": "who", "type": 9, "value": "905" },
            { "name": "role", "type": 3, "value": "moderator" },
            { "name": "rooms", "type": 3, "value": scope },
        ] }]);
        let resolved = json!({ "users": { "905": { "id": "905", "username": "otto" } } });
        world.says(&with_options("room-acl", (ALICE, "alice"), MODS, options, resolved)).await;
    }
    let grants = world.store.grants().await.unwrap();
    let rooms: Vec<String> = grants.iter().skip(2).map(|grant| grant.rooms.to_string()).collect();
    assert_eq!(rooms, [" *", "live-1 ", "live-?", "*"], "and ` live-* ` is no scope");
    world.end().await;
}
