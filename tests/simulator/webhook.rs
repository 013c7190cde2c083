//! The announcement of a change of owner, as its receiver sees it.

use axum::Router;
use axum::extract::{RawQuery, State};
use reqwest::{Method, Url};
use room_owner::tencent::simulator::{Api, SameOwner, Webhook, callback_sign};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::world::{ADMIN, APP, Tencent, within};

type Announcements = mpsc::UnboundedReceiver<(String, Value)>;

async fn receiver() -> (Url, Announcements) {
    let (sender, announcements) = mpsc::unbounded_channel::<(String, Value)>();
    let receive = async |State(sender): State<mpsc::UnboundedSender<_>>,
                         RawQuery(query): RawQuery,
                         axum::Json(body): axum::Json<Value>| {
        let _ = sender.send((query.unwrap_or_default(), body));
        axum::Json(json!({"ActionStatus": "OK", "ErrorInfo": "", "ErrorCode": 0}))
    };
    let router = Router::new().route("/hook", axum::routing::post(receive)).with_state(sender);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook?mine=1", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, router).into_future());
    (Url::parse(&url).unwrap(), announcements)
}

#[test]
fn an_announcement_is_signed_as_in_the_published_sample() {
    let vectors: Value = serde_json::from_str(include_str!("../vectors/platforms.json")).unwrap();
    let sample = &vectors["tencent_callback_sign"];
    let token = SecretString::from(sample["token"].as_str().unwrap());
    let request_time = sample["request_time"].as_str().unwrap().parse().unwrap();
    assert_eq!(callback_sign(&token, request_time), sample["sign"].as_str().unwrap());
}

#[tokio::test]
async fn a_change_of_owner_is_announced_with_both_owners_and_a_sign() {
    let (url, mut announcements) = receiver().await;
    let token = SecretString::from("xxxxyyyy");
    let webhook = Webhook { url, token: Some(token.clone()) };
    let tencent = Tencent::start_with(|settings| settings.webhook = Some(webhook)).await;
    tencent.call_with(&[]).await;
    let (query, body) = within(announcements.recv()).await.unwrap();
    let sign = callback_sign(&token, 1_700_000_000);
    assert_eq!(
        query,
        format!(
            "mine=1&SdkAppid={APP}&CallbackCommand=Live.CallbackAfterChangeOwner&contenttype=json\
             &Sign={sign}&RequestTime=1700000000"
        )
    );
    assert_eq!(
        body,
        json!({
            "CallbackCommand": "Live.CallbackAfterChangeOwner",
            "RoomId": "live-7",
            "EventTime": 1_700_000_000_000_i64,
            "Operator_Account": ADMIN,
            "CurrentOwner_Account": "bob",
            "OriginalOwner_Account": "alice",
        })
    );
}

#[tokio::test]
async fn only_real_changes_are_announced_and_without_a_token_there_is_no_sign() {
    let (url, mut announcements) = receiver().await;
    let webhook = Webhook { url, token: None };
    let tencent = Tencent::start_with(|settings| settings.webhook = Some(webhook)).await;
    tencent.simulator.ban("live-7", "carol");
    for new_owner in ["alice", "carol", "bob"] {
        let body = json!({"RoomId": "live-7", "NewOwner_Account": new_owner});
        tencent.call(Api::ChangeRoomOwner, body).await;
    }
    let (query, body) = within(announcements.recv()).await.unwrap();
    assert!(!query.contains("Sign="), "{query}");
    assert_eq!(body["CurrentOwner_Account"], "bob");
}

#[tokio::test]
async fn a_transfer_to_the_present_owner_is_announced_on_request() {
    let (url, mut announcements) = receiver().await;
    let tencent = Tencent::start_with(|settings| {
        settings.webhook = Some(Webhook { url, token: None });
        settings.same_owner = SameOwner::SucceedAndAnnounce;
    })
    .await;
    let body = json!({"RoomId": "live-7", "NewOwner_Account": "alice"});
    assert_eq!(tencent.call(Api::ChangeRoomOwner, body).await["ErrorCode"], 0);
    let (_, body) = within(announcements.recv()).await.unwrap();
    assert_eq!(
        (&body["OriginalOwner_Account"], &body["CurrentOwner_Account"]),
        (&json!("alice"), &json!("alice"))
    );
    assert!(tencent.simulator.owner_changes().is_empty());
}

#[tokio::test]
async fn a_receiver_that_is_not_there_is_no_trouble_for_the_caller() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let webhook = Webhook { url: Url::parse(&format!("http://{nobody}/")).unwrap(), token: None };
    let tencent = Tencent::start_with(|settings| settings.webhook = Some(webhook)).await;
    assert_eq!(tencent.call_with(&[]).await["ErrorCode"], 0);
    tencent.end().await;
}

#[tokio::test]
async fn where_announcements_go_can_be_set_over_the_api() {
    let (url, mut announcements) = receiver().await;
    let tencent = Tencent::start().await;
    let nothing = json!({});
    assert_eq!(tencent.call(Api::GetCallback, nothing.clone()).await["ErrorCode"], 100301);
    assert_eq!(tencent.call(Api::GetCallbackToken, nothing.clone()).await["ErrorCode"], 100301);
    let callback = json!({"Url": url, "CallbackCommandList": ["Live.CallbackAfterCreateRoom"]});
    assert_eq!(tencent.call(Api::UpdateCallback, callback.clone()).await["ErrorCode"], 100301);
    assert_eq!(tencent.call(Api::SetCallback, callback.clone()).await["ErrorCode"], 0);
    assert_eq!(tencent.call(Api::GetCallback, nothing.clone()).await["Response"], callback);
    // Another command is asked for, so this is not announced.
    assert!(tencent.simulator.hand_over("live-7", "bob", "alice"));
    let callback = json!({"Url": url, "CallbackCommandList": ["Live.CallbackAfterChangeOwner"]});
    assert_eq!(tencent.call(Api::UpdateCallback, callback).await["ErrorCode"], 0);

    let token = json!({"Token": "xxxxyyyy", "IsTokenEnable": true});
    assert_eq!(tencent.call(Api::SetCallbackToken, json!({"Token": "xxxxyyyy"})).await["ErrorCode"], 100002);
    assert_eq!(tencent.call(Api::SetCallbackToken, token.clone()).await["ErrorCode"], 0);
    assert_eq!(tencent.call(Api::GetCallbackToken, nothing).await["Response"], token);
    let body = Some(json!({"owner": "carol", "by": "bob"}));
    let (status, _) = tencent.control(Method::POST, "rooms/live-7/owner", body.clone()).await;
    assert_eq!(status, 204);
    assert_eq!(tencent.control(Method::POST, "rooms/gone/owner", body).await.0, 404);
    let (query, body) = within(announcements.recv()).await.unwrap();
    assert!(query.ends_with(&format!("&RequestTime={}", tencent.now().as_second())), "{query}");
    assert_eq!((&body["Operator_Account"], &body["OriginalOwner_Account"]), (&json!("bob"), &json!("bob")));
    assert_eq!(body["CurrentOwner_Account"], "carol");

    assert_eq!(tencent.call(Api::SetCallbackToken, json!({"IsTokenEnable": false})).await["ErrorCode"], 0);
    assert!(tencent.simulator.hand_over("live-7", "dave", "carol"));
    assert!(!within(announcements.recv()).await.unwrap().0.contains("Sign="));
    for wrong in [
        (Api::SetCallback, json!({"Url": "ftp://x", "CallbackCommandList": []})),
        (Api::SetCallback, json!({"Url": url})),
        (Api::SetCallbackToken, json!({"Token": "", "IsTokenEnable": true})),
        (Api::SetCallbackToken, json!({"IsTokenEnable": "yes"})),
    ] {
        assert_eq!(tencent.call(wrong.0, wrong.1).await["ErrorCode"], 100002);
    }
}
