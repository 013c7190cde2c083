//! Bytes that Discord did not sign just now are nothing at all.

use reqwest::StatusCode;
use room_owner::app::ports::Clock as _;
use serde_json::json;

use super::world::{ALICE, World, transfer};

#[tokio::test]
async fn a_ping_is_answered_only_when_it_is_signed() {
    let world = World::start().await;
    let ping = r#"{"type":1,"id":"1","application_id":"42","token":"t","version":1}"#;
    let unsigned = world.http.post(&world.bot).body(ping).send().await.unwrap();
    assert_eq!(unsigned.status(), StatusCode::UNAUTHORIZED);
    for body in [ping, r#"{"type":1}"#] {
        let now = world.clock.now().as_second().to_string();
        let mut request = world.http.post(format!("{}/", world.bot)).body(body);
        for (name, value) in world.signed(&now, body.as_bytes()) {
            request = request.header(name, value);
        }
        let pong = request.send().await.unwrap();
        assert_eq!(pong.status(), StatusCode::OK);
        assert_eq!(pong.headers()["content-type"], "application/json");
        assert_eq!(pong.text().await.unwrap(), r#"{"type":1}"#);
    }
    assert!(world.end().await.audit.is_empty());
}

#[tokio::test]
async fn what_is_forged_altered_stale_or_odd_is_401_and_leaves_no_record() {
    let world = World::start().await;
    let body = transfer(ALICE).to_string();
    let now = world.clock.now().as_second();
    let good = world.signed(&now.to_string(), body.as_bytes());
    let altered = body.replace("user2", "user3");
    let padded = format!(" {body}");
    let send = async |headers: Vec<(&'static str, String)>, body: &str| {
        let mut request = world.http.post(&world.bot).body(body.to_owned());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.send().await.unwrap().status()
    };
    let mut attempts = vec![
        (vec![], body.as_str()),
        (good[..1].to_vec(), &body),
        (good[1..].to_vec(), &body),
        ([good.to_vec(), good[1..].to_vec()].concat(), &body),
        ([good.to_vec(), good[..1].to_vec()].concat(), &body),
        (good.to_vec(), &altered),
        (good.to_vec(), &padded),
        (world.signed(&now.to_string(), padded.as_bytes()).to_vec(), &padded),
        (vec![good[0].clone(), ("x-signature-ed25519", "00".repeat(64))], &body),
        (vec![good[0].clone(), ("x-signature-ed25519", "nothing".to_owned())], &body),
    ];
    for timestamp in [
        (now - 301).to_string(),
        (now + 301).to_string(),
        format!("0{now}0"),
        format!("+{now}"),
        format!("{now}.0"),
        "".to_owned(),
    ] {
        attempts.push((world.signed(&timestamp, body.as_bytes()).to_vec(), &body));
    }
    for (number, (headers, body)) in attempts.into_iter().enumerate() {
        assert_eq!(send(headers, body).await, StatusCode::UNAUTHORIZED, "attempt {number}");
    }
    let ended = world.end().await;
    assert!(ended.audit.is_empty());
    assert_eq!(ended.calls, 0);
}

#[tokio::test]
async fn a_body_over_the_limit_is_413() {
    let world = World::start().await;
    let body = json!({ "type": 1, "x": "x".repeat(256 * 1_024) }).to_string();
    assert_eq!(world.deliver(&body).await, StatusCode::PAYLOAD_TOO_LARGE);
    let body = json!({ "type": 1, "x": "x".repeat(255 * 1_024) }).to_string();
    assert_eq!(world.deliver(&body).await, StatusCode::OK);
    world.end().await;
}
