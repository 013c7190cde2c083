//! The simulated Tencent service, as a caller meets it: over HTTP.

#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

#[path = "simulator/checks.rs"]
mod checks;
#[path = "simulator/control.rs"]
mod control;
#[path = "simulator/faults.rs"]
mod faults;
#[path = "simulator/webhook.rs"]
mod webhook;
#[path = "simulator/world.rs"]
mod world;

use reqwest::StatusCode;
use room_owner::tencent::simulator::{Api, Room};
use serde_json::json;

use self::world::{ADMIN, Tencent, to_bob};

#[tokio::test]
async fn a_good_call_changes_the_owner_and_is_on_record() {
    let tencent = Tencent::start().await;
    let reply = tencent.call(Api::ChangeRoomOwner, to_bob()).await;
    assert_eq!(reply["ErrorCode"], 0);
    assert_eq!(tencent.owner(), "bob");
    assert_eq!(tencent.read_owner().await, "bob");

    let call = tencent.simulator.calls().remove(0);
    assert_eq!((call.api, call.code, call.applied), (Api::ChangeRoomOwner, Some(0), true));
    assert_eq!((call.room.as_deref(), call.new_owner.as_deref()), (Some("live-7"), Some("bob")));
    assert_eq!(reply["RequestId"], call.request_id);
    let change = tencent.simulator.owner_changes().remove(0);
    assert_eq!((change.from.as_str(), change.to.as_str(), change.operator.as_str()), ("alice", "bob", ADMIN));
    assert_eq!(change.request_id, call.request_id);
    tencent.end().await;
}

#[tokio::test]
async fn the_same_seed_gives_the_same_request_ids_and_another_gives_others() {
    let mut ids = Vec::new();
    for seed in [7, 7, 8] {
        let tencent = Tencent::start_with(|settings| settings.seed = seed).await;
        ids.push(tencent.call(Api::ChangeRoomOwner, to_bob()).await["RequestId"].clone());
    }
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[0], ids[2]);
}

#[tokio::test]
async fn the_bare_host_answers_a_reachability_probe() {
    let tencent = Tencent::start().await;
    let response = tencent.http.head(&tencent.base).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_room_is_shown_with_every_documented_field() {
    let tencent = Tencent::start().await;
    let reply = tencent.call(Api::GetRoomInfo, json!({"RoomId": "live-7"})).await;
    let room = &reply["Response"]["RoomInfo"];
    assert_eq!(room["RoomType"], "Live");
    assert_eq!(room["CreateTime"], 1_700_000_000);
    for field in ["RoomName", "TakeSeatMode", "MaxSeatCount", "Category", "ViewCount", "IsPublicVisible"] {
        assert!(!room[field].is_null(), "{field}");
    }
}

#[tokio::test]
async fn rooms_are_listed_by_views_twenty_to_a_page_without_the_hidden_ones() {
    let tencent = Tencent::start().await;
    for n in 0..44_u64 {
        let mut room = Room::new(format!("room-{n:02}"), "alice", tencent.now());
        room.views = 100 + n;
        room.public = n < 42;
        tencent.simulator.put(room);
    }
    let (mut pages, mut seen, mut next) = (Vec::new(), Vec::new(), String::new());
    loop {
        let reply = tencent.call(Api::GetRoomList, json!({"Next": next})).await;
        let rooms = reply["Response"]["RoomList"].as_array().unwrap();
        pages.push(rooms.len());
        seen.extend(rooms.iter().map(|room| room["RoomId"].as_str().unwrap().to_owned()));
        next = reply["Response"]["Next"].as_str().unwrap().to_owned();
        if next.is_empty() {
            break;
        }
    }
    assert_eq!(pages, [20, 20, 3]);
    assert_eq!((seen[0].as_str(), seen[41].as_str(), seen[42].as_str()), ("room-41", "room-00", "live-7"));
}

#[tokio::test]
async fn a_page_of_another_size_or_from_nowhere_is_refused() {
    let tencent = Tencent::start().await;
    for body in [
        json!({"Count": 0}),
        json!({"Count": 21}),
        json!({"Count": "5"}),
        json!({"Next": "x"}),
        json!({"Next": 1}),
    ] {
        let reply = tencent.call(Api::GetRoomList, body.clone()).await;
        assert_eq!(reply["ErrorCode"], 100002, "{body}");
    }
    // Tencent's own manager begins with this.
    assert_eq!(tencent.call(Api::GetRoomList, json!({"Next": "0", "Count": 1})).await["ErrorCode"], 0);
}
