//! The ways in which a call can fail on purpose, and what is left of it then.

use reqwest::StatusCode;
use room_owner::tencent::simulator::{Api, Fault, FaultKind, Simulator, When};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::world::{AN_HOUR, Tencent, answer, fault, to_bob, within};

#[tokio::test]
async fn an_injected_code_is_answered_as_often_as_asked_and_nothing_is_changed() {
    let tencent = Tencent::start().await;
    let kind = FaultKind::Code { code: 100001, info: "try again".to_owned() };
    tencent.simulator.inject(Fault::new(kind).on(Api::ChangeRoomOwner).times(2));
    for _ in 0..2 {
        let reply = tencent.call_with(&[]).await;
        assert_eq!((&reply["ErrorCode"], &reply["ErrorInfo"]), (&json!(100001), &json!("try again")));
    }
    assert_eq!(tencent.owner(), "alice");
    assert_eq!(tencent.call_with(&[]).await["ErrorCode"], 0);
}

#[tokio::test]
async fn a_fault_strikes_only_the_api_and_the_room_it_names_and_no_call_that_is_refused_before() {
    let tencent = Tencent::start().await;
    tencent.simulator.put_room("live-8", "alice");
    tencent.simulator.inject(fault(FaultKind::ResetBefore).on(Api::ChangeRoomOwner).in_room("live-7"));
    assert_eq!(tencent.read_owner().await, "alice");
    let elsewhere = json!({"RoomId": "live-8", "NewOwner_Account": "bob"});
    assert_eq!(tencent.call(Api::ChangeRoomOwner, elsewhere).await["ErrorCode"], 0);
    assert_eq!(tencent.call_with(&[("usersig", "wrong")]).await["ErrorCode"], 70003);
    assert_eq!(tencent.hand_over().await, None);
    assert_eq!(tencent.call_with(&[]).await["ErrorCode"], 0);
}

#[tokio::test]
async fn a_fault_without_a_number_lasts_until_it_is_cleared() {
    let tencent = Tencent::start().await;
    tencent.simulator.inject(Fault::new(FaultKind::ResetBefore));
    for _ in 0..3 {
        assert_eq!(tencent.hand_over().await, None);
    }
    tencent.simulator.clear_faults();
    assert_eq!(tencent.call_with(&[]).await["ErrorCode"], 0);
}

#[tokio::test]
async fn a_connection_can_close_without_an_answer_before_or_after_the_change() {
    for (kind, owner) in [(FaultKind::ResetBefore, "alice"), (FaultKind::ResetAfter, "bob")] {
        let tencent = Tencent::start().await;
        tencent.simulator.inject(fault(kind));
        assert_eq!(tencent.hand_over().await, None);
        assert_eq!(tencent.owner(), owner);
        let call = tencent.simulator.calls().remove(0);
        assert_eq!((call.code, call.applied), (None, owner == "bob"));
    }
}

#[tokio::test]
async fn a_gateway_can_answer_in_the_services_place_before_or_after_the_change() {
    for (when, owner) in [(When::Before, "alice"), (When::After, "bob")] {
        let tencent = Tencent::start().await;
        let body = "<html>502 Bad Gateway</html>".to_owned();
        tencent.simulator.inject(fault(FaultKind::Http { status: 502, body: body.clone(), when }));
        let request = tencent.request(Api::ChangeRoomOwner, &[], to_bob().to_string());
        let response = request.send().await.unwrap();
        assert_eq!((response.status(), response.text().await.unwrap()), (StatusCode::BAD_GATEWAY, body));
        assert_eq!(tencent.owner(), owner);
    }
}

#[tokio::test]
async fn an_answer_can_be_no_json_at_all() {
    let tencent = Tencent::start().await;
    tencent.simulator.inject(fault(FaultKind::Garbage { when: When::Before }));
    let text = tencent.hand_over().await.unwrap();
    assert!(serde_json::from_str::<Value>(&text).is_err(), "{text}");
    assert_eq!(tencent.owner(), "alice");
}

#[tokio::test]
async fn an_answer_can_break_off_in_the_middle_of_its_body() {
    let tencent = Tencent::start().await;
    tencent.simulator.inject(fault(FaultKind::Truncated));
    let request = tencent.request(Api::ChangeRoomOwner, &[], to_bob().to_string());
    let mut response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let length = response.content_length().unwrap();
    let half = response.chunk().await.unwrap().unwrap();
    assert_eq!(half.len() as u64, length / 2);
    assert!(response.chunk().await.is_err());
    assert_eq!(tencent.owner(), "bob");
}

#[tokio::test]
async fn the_reply_can_lack_what_it_always_has() {
    let tencent = Tencent::start().await;
    for (kind, field) in
        [(FaultKind::MissingRequestId, "RequestId"), (FaultKind::MissingErrorCode, "ErrorCode")]
    {
        tencent.simulator.put_room("live-7", "alice");
        tencent.simulator.inject(fault(kind));
        let reply: Value = serde_json::from_str(&tencent.hand_over().await.unwrap()).unwrap();
        assert_eq!(reply.get(field), None);
        assert_eq!(reply["ActionStatus"], "OK");
        assert_eq!(tencent.owner(), "bob");
    }
}

#[tokio::test]
async fn the_reply_can_come_in_another_order_with_unknown_keys() {
    let tencent = Tencent::start().await;
    tencent.simulator.inject(fault(FaultKind::ShuffledKeys));
    let request = tencent.request(Api::GetRoomInfo, &[], json!({"RoomId": "live-7"}).to_string());
    let reply = answer(request).await;
    assert_eq!(reply["Response"]["RoomInfo"]["Owner_Account"], "alice");
    assert!(!reply["Unheard_Of"].is_null() && !reply["Response"]["RoomInfo"]["Unheard_Of"].is_null());
}

#[tokio::test]
async fn an_owner_of_digits_can_come_as_a_number_with_all_its_digits() {
    let tencent = Tencent::start().await;
    tencent.simulator.put_room("live-7", "144115216631667826000123");
    tencent.simulator.inject(Fault::new(FaultKind::NumericOwner));
    let info = tencent.request(Api::GetRoomInfo, &[], json!({"RoomId": "live-7"}).to_string());
    let list = tencent.request(Api::GetRoomList, &[], "{}".to_owned());
    for request in [info, list] {
        let text = request.send().await.unwrap().text().await.unwrap();
        assert!(text.contains(r#""Owner_Account":144115216631667826000123,"#), "{text}");
    }
}

#[tokio::test]
async fn a_reply_can_contradict_itself() {
    let tencent = Tencent::start().await;
    tencent.simulator.inject(fault(FaultKind::ZeroCodeButFail));
    let reply: Value = serde_json::from_str(&tencent.hand_over().await.unwrap()).unwrap();
    assert_eq!((&reply["ErrorCode"], &reply["ActionStatus"]), (&json!(0), &json!("FAIL")));
    assert_eq!(tencent.owner(), "alice");
}

#[tokio::test]
async fn reads_can_lag_behind_a_change() {
    let tencent = Tencent::start().await;
    tencent.simulator.inject(fault(FaultKind::StaleRead { reads: 2 }));
    assert_eq!(tencent.read_owner().await, "alice");
    assert_eq!(tencent.call_with(&[]).await["ErrorCode"], 0);
    assert_eq!(tencent.owner(), "bob");
    for owner in ["alice", "alice", "bob", "bob"] {
        assert_eq!(tencent.read_owner().await, owner);
    }
}

#[tokio::test]
async fn a_change_can_come_true_after_the_connection_was_closed() {
    let tencent = Tencent::start().await;
    tencent.simulator.inject(fault(FaultKind::LateApply { millis: AN_HOUR }));
    assert_eq!(tencent.hand_over().await, None);
    assert_eq!(tencent.owner(), "alice");

    tencent.simulator.inject(fault(FaultKind::LateApply { millis: 1 }));
    assert_eq!(tencent.hand_over().await, None);
    within(tencent.simulator.until(|simulator| simulator.owner_of("live-7").as_deref() == Some("bob"))).await;
    let calls = tencent.simulator.calls();
    assert_eq!((calls[0].applied, calls[1].applied, calls[1].code), (false, true, None));
    tencent.end().await;
}

#[tokio::test]
async fn a_stall_goes_on_as_if_nothing_had_happened() {
    for when in [When::Before, When::After] {
        let tencent = Tencent::start().await;
        tencent.simulator.inject(fault(FaultKind::Stall { when, millis: 1 }));
        assert_eq!(tencent.call_with(&[]).await["ErrorCode"], 0);
        assert_eq!(tencent.owner(), "bob");
    }
}

#[tokio::test]
async fn a_stall_holds_the_call_before_or_after_the_change_and_ends_with_the_simulator() {
    for (when, owner) in [(When::Before, "alice"), (When::After, "bob")] {
        let tencent = Tencent::start().await;
        tencent.simulator.inject(fault(FaultKind::Stall { when, millis: AN_HOUR }));
        let request = tencent.request(Api::ChangeRoomOwner, &[], to_bob().to_string());
        let waiting = tokio::spawn(answer(request));
        let holds = |simulator: &Simulator| {
            simulator.faults().is_empty() && simulator.owner_of("live-7").as_deref() == Some(owner)
        };
        within(tencent.simulator.until(holds)).await;
        assert_eq!(tencent.simulator.calls()[0].code, None);
        let simulator = tencent.simulator.clone();
        tencent.end().await;
        assert_eq!(within(waiting).await.unwrap()["ErrorCode"], 0);
        assert_eq!(simulator.owner_of("live-7").as_deref(), Some("bob"));
    }
}

#[tokio::test]
async fn a_change_comes_true_even_if_the_caller_has_hung_up_meanwhile() {
    let tencent = Tencent::start().await;
    tencent.simulator.inject(fault(FaultKind::Stall { when: When::Before, millis: AN_HOUR }));
    let body = to_bob().to_string();
    let request = tencent.request(Api::ChangeRoomOwner, &[], body.clone()).build().unwrap();
    let (path, query) = (request.url().path(), request.url().query().unwrap());
    let text =
        format!("POST {path}?{query} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let mut stream = tencent.connect().await;
    stream.write_all(text.as_bytes()).await.unwrap();
    within(tencent.simulator.until(|simulator| simulator.faults().is_empty())).await;
    stream.shutdown().await.unwrap();
    // The end of the stream shows that the other side has noticed.
    assert_eq!(within(stream.read(&mut [0; 1])).await.unwrap(), 0);
    let simulator = tencent.simulator.clone();
    tencent.end().await;
    within(simulator.until(|simulator| simulator.owner_of("live-7").as_deref() == Some("bob"))).await;
}

#[tokio::test]
async fn changes_of_one_room_under_way_at_once_are_counted() {
    let tencent = Tencent::start().await;
    tencent.call_with(&[]).await;
    tencent.call_with(&[]).await;
    assert_eq!(tencent.simulator.max_concurrent_changes("live-7"), 1);
    tencent.simulator.inject(Fault::new(FaultKind::Stall { when: When::Before, millis: AN_HOUR }));
    for _ in 0..2 {
        let request = tencent.request(Api::ChangeRoomOwner, &[], to_bob().to_string());
        tokio::spawn(request.send());
    }
    within(tencent.simulator.until(|simulator| simulator.max_concurrent_changes("live-7") == 2)).await;
    assert_eq!(tencent.simulator.max_concurrent_changes("live-8"), 0);
    tencent.end().await;
}

#[tokio::test]
async fn the_simulator_ends_though_a_caller_never_finishes_its_request() {
    let tencent = Tencent::start().await;
    let mut stream = tencent.connect().await;
    let head =
        "POST /v4/live_engine_http_srv/get_room_info HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    // An answer on another connection shows that the first one has been accepted.
    tencent.read_owner().await;
    tencent.end().await;
}
