//! The control route, for people and for test suites in other processes.

use reqwest::{Method, StatusCode};
use room_owner::tencent::simulator::Api;
use serde_json::json;

use crate::world::{KEY, Tencent};

#[tokio::test]
async fn rooms_can_be_put_up_seen_and_taken_down_over_http() {
    let tencent = Tencent::start().await;
    let room = json!({"owner": "user1", "banned": ["user9"], "name": "Friday", "views": 3});
    let (status, shown) = tencent.control(Method::PUT, "rooms/a%2Fb%20c", Some(room)).await;
    assert_eq!((status, &shown["id"], &shown["type"]), (StatusCode::OK, &json!("a/b c"), &json!("Live")));
    assert_eq!(tencent.simulator.owner_of("a/b c").as_deref(), Some("user1"));
    let body = json!({"RoomId": "a/b c", "NewOwner_Account": "user9"});
    assert_eq!(tencent.call(Api::ChangeRoomOwner, body).await["ErrorCode"], 100016);

    let (_, state) = tencent.control(Method::GET, "state", None).await;
    let ids: Vec<_> = state["rooms"].as_array().unwrap().iter().map(|room| room["id"].clone()).collect();
    assert_eq!(ids, ["a/b c", "live-7"]);
    assert!(!state.to_string().contains(KEY));

    let gone = tencent.control(Method::DELETE, "rooms/a%2Fb%20c", None).await.0;
    assert_eq!(gone, StatusCode::NO_CONTENT);
    assert_eq!(tencent.control(Method::DELETE, "rooms/a%2Fb%20c", None).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn calls_can_be_seen_over_http() {
    let tencent = Tencent::start().await;
    let reply = tencent.call_with(&[]).await;
    let (_, calls) = tencent.control(Method::GET, "calls", None).await;
    assert_eq!(calls[0]["api"], "change_room_owner");
    assert_eq!((&calls[0]["code"], &calls[0]["applied"]), (&json!(0), &json!(true)));
    assert_eq!(calls[0]["request_id"], reply["RequestId"]);
}

#[tokio::test]
async fn faults_can_be_injected_seen_and_cleared_over_http() {
    let tencent = Tencent::start().await;
    let kinds = [
        json!({"code": {"code": 100001, "info": "try again"}}),
        json!({"http": {"status": 502, "body": "<html>", "when": "after"}}),
        json!("reset_before"),
        json!("reset_after"),
        json!({"stall": {"when": "before", "millis": 10}}),
        json!("truncated"),
        json!({"garbage": {"when": "before"}}),
        json!("missing_request_id"),
        json!("missing_error_code"),
        json!("shuffled_keys"),
        json!("numeric_owner"),
        json!("zero_code_but_fail"),
        json!({"stale_read": {"reads": 2}}),
        json!({"late_apply": {"millis": 10}}),
    ];
    let mut injected = Vec::new();
    for kind in kinds {
        let fault = json!({"api": null, "room": "live-7", "times": 2, "kind": kind});
        let (status, echo) = tencent.control(Method::POST, "faults", Some(fault.clone())).await;
        assert_eq!((status, &echo), (StatusCode::CREATED, &fault));
        injected.push(fault);
    }
    assert_eq!(tencent.control(Method::GET, "faults", None).await.1, json!(injected));

    assert_eq!(tencent.call_with(&[]).await["ErrorCode"], 100001);
    assert_eq!(tencent.control(Method::GET, "faults", None).await.1[0]["times"], 1);
    assert_eq!(tencent.control(Method::DELETE, "faults", None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(tencent.call_with(&[]).await["ErrorCode"], 0);
}

#[tokio::test]
async fn a_fault_that_is_not_understood_is_refused_with_the_ones_that_are() {
    let tencent = Tencent::start().await;
    for (fault, hint) in [
        (json!({"kind": "explode"}), "`explode`"),
        (json!({"kind": "reset_before", "rom": "x"}), "`rom`"),
        (json!({"kind": {"stall": {"millis": 1, "secs": 2}}}), "`secs`"),
        (json!({"api": "destroy_room", "kind": "truncated"}), "`destroy_room`"),
        (json!({"room": "x"}), "`kind`"),
    ] {
        let (status, reply) = tencent.control(Method::POST, "faults", Some(fault.clone())).await;
        let error = reply["error"].as_str().unwrap();
        assert_eq!(status, StatusCode::BAD_REQUEST, "{fault}");
        assert!(error.contains(hint) && error.contains("late_apply"), "{error}");
    }
    for fault in [
        json!({"times": 0, "kind": "truncated"}),
        json!({"api": "get_room_info", "kind": {"stale_read": {"reads": 1}}}),
        json!({"api": "get_room_list", "room": "x", "kind": "truncated"}),
        json!({"kind": {"http": {"status": 99}}}),
        json!({"kind": {"code": {"code": 0}}}),
        json!({"kind": {"stall": {"millis": u64::MAX}}}),
    ] {
        let (status, reply) = tencent.control(Method::POST, "faults", Some(fault.clone())).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{fault}");
        assert!(reply["error"].is_string(), "{fault}");
    }
    assert!(tencent.simulator.faults().is_empty());
}

#[tokio::test]
async fn a_room_that_tencent_could_not_have_is_refused() {
    let tencent = Tencent::start().await;
    for (path, body) in [
        ("rooms/%E6%88%BF", json!({"owner": "a"})),
        ("rooms/x", json!({"owner": ""})),
        ("rooms/x", json!({"owner": 7})),
        ("rooms/x", json!({"owner": "a", "banned": [""]})),
        ("rooms/x", json!({"owner": "a", "colour": "red"})),
    ] {
        let (status, reply) = tencent.control(Method::PUT, path, Some(body.clone())).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path} {body}");
        assert!(reply["error"].is_string());
    }
}

#[tokio::test]
async fn the_control_route_is_closed_to_web_pages() {
    let tencent = Tencent::start().await;
    let url = format!("{}/control/faults", tencent.base);
    let status = async |request: reqwest::RequestBuilder| request.send().await.unwrap().status();
    for host in ["rebound.example", "127.0.0.1.rebound.example:80", "10.0.0.1"] {
        assert_eq!(
            status(tencent.http.get(&url).header("host", host)).await,
            StatusCode::FORBIDDEN,
            "{host}"
        );
    }
    for host in ["localhost", "LOCALHOST:9000", "127.9.9.9", "[::1]:80"] {
        assert_eq!(status(tencent.http.get(&url).header("host", host)).await, StatusCode::OK, "{host}");
    }
    // What a page may send without asking first.
    let simple =
        tencent.http.post(&url).header("content-type", "text/plain").body(r#"{"kind": "truncated"}"#);
    assert_eq!(status(simple).await, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(tencent.simulator.faults().is_empty());
}

#[tokio::test]
async fn an_unknown_control_route_names_the_known_ones() {
    let tencent = Tencent::start().await;
    let (status, reply) = tencent.control(Method::GET, "room", None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(reply["error"].as_str().unwrap().contains("/control/state"));
}
