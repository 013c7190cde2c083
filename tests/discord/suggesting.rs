//! What Discord suggests while somebody types.

use room_owner::tencent::simulator::{Api, Fault, FaultKind};
use serde_json::{Value, json};

use super::fakes::interaction::with_options;
use super::world::{ALICE, APPLICATION, GUILD, MODS, OTTO, World, command, token, transfer};

fn typing(user: &str, options: &[(&str, &str)], focused: &str) -> Value {
    let mut interaction = command(user, options);
    interaction["type"] = json!(4);
    for option in interaction["data"]["options"].as_array_mut().unwrap() {
        if option["name"] == focused {
            option["focused"] = json!(true);
        }
    }
    interaction
}

impl World {
    async fn suggests(&self, interaction: &Value) -> Vec<(String, String)> {
        self.send(interaction).await;
        let answered = self.discord.until(token(interaction), |it| it.callback.is_some()).await;
        let callback = answered.callback.unwrap();
        assert_eq!(callback["type"], 8);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let choices = callback["data"]["choices"].as_array().unwrap();
        choices.iter().map(|choice| (text(&choice["name"]), text(&choice["value"]))).collect()
    }

    async fn suggested_rooms(&self, user: &str, typed: &str) -> Vec<String> {
        let choices = suggested(self, user, typed).await;
        choices.into_iter().map(|(_, room)| room).collect()
    }

    fn lists(&self) -> usize {
        self.tencent.calls().iter().filter(|call| call.api == Api::GetRoomList).count()
    }
}

/// Labels and values.
pub(crate) async fn suggested(world: &World, user: &str, typed: &str) -> Vec<(String, String)> {
    world.suggests(&typing(user, &[("room", typed)], "room")).await
}

/// Labels and values of new owners.
pub(crate) async fn suggested_owners(
    world: &World,
    user: &str,
    room: &str,
    typed: &str,
) -> Vec<(String, String)> {
    world.suggests(&typing(user, &[("room", room), ("new_owner", typed)], "new_owner")).await
}

#[tokio::test]
async fn rooms_are_suggested_within_the_callers_scope() {
    let world = World::start().await;
    for (room, owner) in [("live-1", "ann"), ("live-2", "ben"), ("my live", "cid"), ("vip", "dan")] {
        world.tencent.put_room(room, owner);
    }
    world.grant(&format!("discord:{GUILD}:{OTTO}"), "moderator", "live-*").await;
    let mut all = world.suggested_rooms(ALICE, "").await;
    all.sort();
    assert_eq!(all, ["live-1", "live-2", "my live", "test", "vip"]);
    let found = world.suggests(&typing(ALICE, &[("room", "LIVE")], "room")).await;
    assert_eq!(found.last().unwrap(), &("my live · owner cid".to_owned(), "my live".to_owned()));
    assert_eq!(found.len(), 3);
    let mut scoped = world.suggested_rooms(OTTO, "").await;
    scoped.sort();
    assert_eq!(scoped, ["live-1", "live-2"]);
    assert_eq!(world.lists(), 1, "one list serves them all");
    assert!(world.end().await.audit.is_empty(), "a keystroke is not an operation");
}

#[tokio::test]
async fn a_page_of_rooms_is_what_discord_takes() {
    let world = World::start().await;
    for n in 0..40 {
        world.tencent.put_room(format!("live-{n}"), "x".repeat(90));
    }
    assert_eq!(world.suggested_rooms(ALICE, "live").await.len(), 20);
    world.end().await;
}

#[tokio::test]
async fn owners_are_suggested_from_the_rooms_own_past() {
    let world = World::start().await;
    for new_owner in ["user2", "user3", "carol"] {
        world.says(&command(ALICE, &[("room", "test"), ("new_owner", new_owner)])).await;
    }
    let owners = async |room: &str, typed: &str| {
        let options = [("room", room), ("new_owner", typed)];
        let choices = world.suggests(&typing(ALICE, &options, "new_owner")).await;
        choices.into_iter().map(|(_, owner)| owner).collect::<Vec<_>>()
    };
    assert_eq!(owners("test", "").await, ["carol", "user3", "user2"]);
    assert_eq!(owners("test", "user").await, ["user3", "user2"]);
    assert!(owners("other", "").await.is_empty());
    // What nobody may ask for is not offered.
    world.tencent.put_room("test", "@TIM#SYSTEM");
    world.says(&command(ALICE, &[("room", "test"), ("new_owner", "user4")])).await;
    assert_eq!(owners("test", "").await, ["user4", "carol", "user3", "user2"]);
    assert!(owners("test ", "").await.is_empty(), "another room");
    world.end().await;
}

#[tokio::test]
async fn who_may_not_transfer_is_shown_nothing() {
    let world = World::start().await;
    world.says(&transfer(ALICE)).await;
    assert!(world.suggested_rooms(OTTO, "").await.is_empty());
    world.grant(&format!("discord:{GUILD}:{OTTO}"), "auditor", "*").await;
    assert!(world.suggested_rooms(OTTO, "").await.is_empty());
    let options = [("room", "test"), ("new_owner", "")];
    assert!(world.suggests(&typing(OTTO, &options, "new_owner")).await.is_empty());

    for (pointer, odd) in [
        ("/channel", json!({ "id": "501", "type": 0 })),
        ("/context", json!(1)),
        ("/member", json!(null)),
        ("/application_id", json!(format!("{APPLICATION}0"))),
        ("/data/options", json!([])),
        ("/data", json!(null)),
        ("/data/options/0/value", json!(7)),
    ] {
        let mut interaction = typing(ALICE, &[("room", "zzz")], "room");
        *interaction.pointer_mut(pointer).unwrap() = odd;
        assert!(world.suggests(&interaction).await.is_empty(), "{pointer}");
    }
    world.end().await;
}

/// `/room-acl` or `/room-audit` with a room being typed.
fn asking(name: &str, path: &[&str], user: &str) -> Value {
    let mut options = json!([{ "name": "room", "type": 3, "value": "", "focused": true }]);
    for (depth, part) in path.iter().rev().enumerate() {
        options = json!([{ "name": part, "type": depth + 1, "options": options }]);
    }
    let mut interaction = with_options(name, (user, "somebody"), MODS, options, json!({}));
    interaction["type"] = json!(4);
    interaction
}

#[tokio::test]
async fn admins_and_auditors_are_shown_the_rooms_that_they_may_ask_about() {
    let world = World::start().await;
    world.tencent.put_room("live-1", "ann");
    let questions =
        [("room-acl", "why"), ("room-acl", "who-can"), ("room-audit", "list"), ("room-audit", "owner-at")];
    let mut shown = Vec::new();
    for (role, scope) in [("moderator", "*"), ("auditor", "live-*"), ("admin", "*")] {
        world.grant(&format!("discord:{GUILD}:{OTTO}"), role, scope).await;
        for (name, sub) in questions {
            shown.push((role, sub, world.suggests(&asking(name, &[sub], OTTO)).await.len()));
        }
    }
    assert_eq!(
        shown,
        [
            ("moderator", "why", 0),
            ("moderator", "who-can", 0),
            ("moderator", "list", 0),
            ("moderator", "owner-at", 0),
            ("auditor", "why", 0),
            ("auditor", "who-can", 0),
            ("auditor", "list", 2),
            ("auditor", "owner-at", 2),
            ("admin", "why", 2),
            ("admin", "who-can", 2),
            ("admin", "list", 2),
            ("admin", "owner-at", 2),
        ]
    );
    assert!(world.end().await.audit.is_empty());
}

#[tokio::test]
async fn a_slow_or_failing_tencent_means_no_suggestions_in_time() {
    let world = World::start().await;
    world.tencent.inject(
        Fault::new(FaultKind::Stall { millis: 1_500, when: Default::default() }).on(Api::GetRoomList).once(),
    );
    let began = std::time::Instant::now();
    assert!(world.suggested_rooms(ALICE, "").await.is_empty());
    assert!(began.elapsed().as_millis() < 1_000, "{:?}", began.elapsed());
    world.end().await;
}
