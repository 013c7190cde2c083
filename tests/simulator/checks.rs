//! The checks in their order: a request is wrong in its own way and in later ones as well, where it can be.

use std::collections::BTreeSet;

use reqwest::Method;
use room_owner::tencent::simulator::{Api, Room, SameOwner, Settings};
use serde_json::json;

use crate::world::{ADMIN, APP, KEY, Tencent, answer};

#[tokio::test]
async fn method_query_and_path_come_first() {
    let tencent = Tencent::start().await;
    let code = async |method: Method, path: &str| {
        answer(tencent.http.request(method, format!("{}{path}", tencent.base))).await["ErrorCode"].clone()
    };
    assert_eq!(code(Method::GET, "/v4/nowhere").await, 60002);
    assert_eq!(code(Method::POST, "/v4/nowhere?a=%zz").await, 60002);
    assert_eq!(code(Method::POST, "/v4/nowhere").await, 60009);
    assert_eq!(code(Method::POST, "/v4/room_engine_http_srv/change_room_owner").await, 60009);
}

#[tokio::test]
async fn then_the_parameters_of_the_url() {
    let tencent = Tencent::start().await;
    for (name, value, code) in [
        ("sdkappid", "", 60012),
        ("sdkappid", "1400000001", 60006),
        ("sdkappid", "abc", 60006),
        ("contenttype", "", 60025),
        ("contenttype", "xml", 60025),
        ("identifier", "", 60025),
        ("usersig", "", 60025),
        ("random", "", 60025),
        ("random", "4294967296", 60025),
    ] {
        let reply = tencent.call_with(&[(name, value)]).await;
        assert_eq!(reply["ErrorCode"], code, "{name}={value}");
    }
    assert_eq!(tencent.owner(), "alice");
}

#[tokio::test]
async fn a_disabled_app_a_foreign_domain_and_a_foreign_address_are_refused() {
    let code = async |change: fn(&mut Settings)| {
        Tencent::start_with(change).await.call_with(&[]).await["ErrorCode"].clone()
    };
    assert_eq!(code(|settings| settings.disabled = true).await, 60016);
    assert_eq!(code(|settings| settings.domain = Some("adminapisgp.im.qcloud.com".to_owned())).await, 60026);
    assert_eq!(code(|settings| settings.domain = Some("127.0.0.1".to_owned())).await, 0);
    assert_eq!(code(|settings| settings.allowed_sources = Some(BTreeSet::new())).await, 60021);
    assert_eq!(code(|settings| settings.allowed_sources = Some([[127, 0, 0, 1].into()].into())).await, 0);
}

#[tokio::test]
async fn then_the_signature() {
    let tencent = Tencent::start().await;
    let sigs = [
        ("not a sig".to_owned(), 70003),
        (tencent.sig_of("wrong", APP + 1, "carol"), 70014),
        (tencent.sig_of("wrong", APP, "carol"), 70013),
        (tencent.sig_of("wrong", APP, ADMIN), 70009),
    ];
    for (sig, code) in sigs {
        assert_eq!(tencent.call_with(&[("usersig", &sig)]).await["ErrorCode"], code);
    }
    let old = tencent.sig();
    tencent.pass(86_400);
    assert_eq!(tencent.call_with(&[("usersig", &old)]).await["ErrorCode"], 70001);
    assert_eq!(tencent.owner(), "alice");
}

#[tokio::test]
async fn many_signature_failures_lock_the_app_for_a_minute() {
    let tencent = Tencent::start_with(|settings| settings.signature_failures_per_minute = 3).await;
    for code in [70003, 70003, 70003, 70050] {
        assert_eq!(tencent.call_with(&[("usersig", "wrong")]).await["ErrorCode"], code);
    }
    assert_eq!(tencent.call_with(&[]).await["ErrorCode"], 70050);
    tencent.pass(60);
    assert_eq!(tencent.call_with(&[]).await["ErrorCode"], 0);
}

#[tokio::test]
async fn a_user_who_is_no_app_admin_may_not_call() {
    let tencent = Tencent::start().await;
    let sig = tencent.sig_of(KEY, APP, "用户2");
    let reply = tencent.call_with(&[("identifier", "用户2"), ("usersig", &sig)]).await;
    assert_eq!(reply["ErrorCode"], 60010);
}

#[tokio::test]
async fn the_rate_of_an_api_is_limited_and_recovers_after_a_second() {
    let tencent = Tencent::start_with(|settings| settings.rate_limit_per_second = 2).await;
    for code in [0, 0, 60007, 60007] {
        assert_eq!(tencent.call_with(&[]).await["ErrorCode"], code);
    }
    assert_eq!(tencent.read_owner().await, "bob", "another API has a rate of its own");
    tencent.pass(1);
    assert_eq!(tencent.call_with(&[]).await["ErrorCode"], 0);
}

#[tokio::test]
async fn the_list_of_rooms_may_be_read_ten_times_a_second() {
    let tencent = Tencent::start().await;
    for _ in 0..10 {
        assert_eq!(tencent.call(Api::GetRoomList, json!({})).await["ErrorCode"], 0);
    }
    assert_eq!(tencent.call(Api::GetRoomList, json!({})).await["ErrorCode"], 60007);
}

#[tokio::test]
async fn the_rate_of_the_app_comes_before_the_rate_of_the_api() {
    let tencent = Tencent::start_with(|settings| {
        settings.app_rate_limit_per_second = Some(1);
        settings.rate_limit_per_second = 1;
    })
    .await;
    assert_eq!(tencent.call_with(&[]).await["ErrorCode"], 0);
    assert_eq!(tencent.call_with(&[]).await["ErrorCode"], 60011);
}

#[tokio::test]
async fn then_the_body() {
    let tencent = Tencent::start().await;
    let too_long = "r".repeat(49);
    for (body, code) in [
        (String::new(), 60003),
        ("{".to_owned(), 60003),
        ("[]".to_owned(), 60003),
        (" ".repeat(64 * 1024 + 1), 60003),
        (json!({"RoomId": "", "NewOwner_Account": 2}).to_string(), 60015),
        (json!({"NewOwner_Account": "bob"}).to_string(), 100002),
        (json!({"RoomId": "", "NewOwner_Account": "bob"}).to_string(), 100002),
        (json!({"RoomId": 7, "NewOwner_Account": "bob"}).to_string(), 100002),
        (json!({"RoomId": too_long, "NewOwner_Account": "bob"}).to_string(), 100002),
        (json!({"RoomId": "房间", "NewOwner_Account": "bob"}).to_string(), 100002),
        (json!({"RoomId": "live-7"}).to_string(), 100002),
        (json!({"RoomId": "live-7", "NewOwner_Account": ""}).to_string(), 100002),
        (json!({"RoomId": "live-7", "NewOwner_Account": "b".repeat(33)}).to_string(), 100002),
        (json!({"RoomId": "live-7", "NewOwner_Account": "b\nb"}).to_string(), 100002),
    ] {
        let reply = answer(tencent.request(Api::ChangeRoomOwner, &[], body.clone())).await;
        assert_eq!(reply["ErrorCode"], code, "{body:.80}");
    }
    assert_eq!(tencent.owner(), "alice");
}

#[tokio::test]
async fn a_room_id_may_hold_spaces_and_quotes() {
    let tencent = Tencent::start().await;
    tencent.simulator.put_room("my \"own\" room", "alice");
    let body = json!({"RoomId": "my \"own\" room", "NewOwner_Account": "@TIM#SYSTEM"});
    assert_eq!(tencent.call(Api::ChangeRoomOwner, body).await["ErrorCode"], 0);
}

#[tokio::test]
async fn then_the_room_and_the_new_owner() {
    let tencent = Tencent::start_with(|settings| {
        settings.imported = Some(["alice", "bob", "carol"].map(str::to_owned).into());
    })
    .await;
    let mut conference = Room::new("meeting", "alice", tencent.now());
    conference.room_type = "Conference".to_owned();
    tencent.simulator.put(conference);
    assert!(tencent.simulator.ban("live-7", "carol"));
    assert!(tencent.simulator.ban("live-7", "mallory"));
    for (room, new_owner, code) in [
        ("absent", "mallory", 100004),
        ("meeting", "mallory", 100006),
        ("live-7", "mallory", 70107),
        ("live-7", "carol", 100016),
        ("live-7", "bob", 0),
    ] {
        let body = json!({"RoomId": room, "NewOwner_Account": new_owner});
        assert_eq!(tencent.call(Api::ChangeRoomOwner, body).await["ErrorCode"], code, "{room} {new_owner}");
    }
    assert_eq!(tencent.simulator.owner_changes().len(), 1);
    tencent.simulator.remove_room("live-7");
    let reply = tencent.call(Api::GetRoomInfo, json!({"RoomId": "live-7"})).await;
    assert_eq!(reply["ErrorCode"], 100004);
}

#[tokio::test]
async fn what_tencent_leaves_open_can_be_chosen() {
    let code = async |change: fn(&mut Settings), changes: &[(&str, &str)], new_owner: &str| {
        let tencent = Tencent::start_with(change).await;
        let body = json!({"RoomId": "live-7", "NewOwner_Account": new_owner}).to_string();
        answer(tencent.request(Api::ChangeRoomOwner, changes, body)).await["ErrorCode"].clone()
    };
    assert_eq!(code(|_| {}, &[], "alice").await, 0);
    assert_eq!(code(|settings| settings.same_owner = SameOwner::Refuse(100006), &[], "alice").await, 100006);
    let none_imported = |settings: &mut Settings| {
        settings.imported = Some(BTreeSet::new());
        settings.not_imported_code = 100002;
    };
    assert_eq!(code(none_imported, &[], "bob").await, 100002);
    assert_eq!(code(|settings| settings.unknown_app_code = 70020, &[("sdkappid", "1")], "bob").await, 70020);
    assert_eq!(code(|settings| settings.random_required = false, &[("random", "")], "bob").await, 0);
}

#[tokio::test]
async fn refused_calls_are_on_record_with_their_codes() {
    let tencent = Tencent::start().await;
    tencent.call_with(&[("usersig", "wrong")]).await;
    let call = tencent.simulator.calls().remove(0);
    assert_eq!((call.room.as_deref(), call.code, call.applied), (Some("live-7"), Some(70003), false));
}
