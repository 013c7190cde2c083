//! Every body that any test of this program makes the bot send is held against Discord's published schemas.
//! Here it is shown that they say no.

use serde_json::{Value, json};

use super::fakes::discord::Discord;
use super::fakes::schemas::Body;

fn message() -> Value {
    json!({
        "embeds": [{
            "type": "rich", "title": "✅ `test` now belongs to `user2`", "color": 0x2e_a0_43,
            "fields": [{ "name": "Room", "value": "`test`", "inline": true }],
        }],
        "allowed_mentions": { "parse": [] },
    })
}

/// The body as it should be is taken; with one value changed it is not.
fn refused(body: Body, good: &Value, pointer: &str, bad: Value) {
    assert_eq!(body.problem(good), None, "{good}");
    let mut altered = good.clone();
    match altered.pointer_mut(pointer) {
        Some(value) => *value = bad,
        None => {
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            altered.pointer_mut(parent).unwrap()[name] = bad;
        }
    }
    assert!(body.problem(&altered).is_some(), "{body:?} takes {altered}");
}

#[test]
fn what_discord_does_not_document_is_no_body() {
    let (edit, channel) = (Body::Edit, Body::Message);
    for body in [edit, channel] {
        refused(body, &message(), "/embeds/0/title", json!("x".repeat(257)));
        refused(body, &message(), "/embeds/0/fields/0/value", json!("x".repeat(1_025)));
        refused(body, &message(), "/embeds/0/fields", vec![json!({ "name": "a", "value": "b" }); 26].into());
        refused(body, &message(), "/embeds/0/color", json!("green"));
        refused(body, &message(), "/embeds/0/headline", json!("a field that no embed has"));
        refused(body, &message(), "/allowed_mentions/parse", json!(["nobody"]));
    }
    let answer = json!({ "type": 4, "data": message() });
    refused(Body::Callback, &answer, "/type", json!(8));
    refused(Body::Callback, &answer, "/data/embeds", vec![json!({ "title": "x" }); 11].into());
    refused(Body::Callback, &json!({ "type": 5, "data": { "flags": 64 } }), "/data", json!(64));
    let suggestions =
        json!({ "type": 8, "data": { "choices": [{ "name": "test · owner carol", "value": "test" }] } });
    refused(Body::Suggestions, &suggestions, "/data/choices/0/value", json!(null));
    refused(Body::Suggestions, &suggestions, "/data/choices/0/name", json!("x".repeat(101)));
    let many = vec![json!({ "name": "a", "value": "a" }); 26];
    refused(Body::Suggestions, &suggestions, "/data/choices", many.into());
    let command = json!({
        "name": "room-owner", "type": 1, "description": "Hand a room over", "contexts": [0],
        "options": [{ "type": 3, "name": "room", "description": "Which", "max_length": 48 }],
    });
    // A change names no type: it cannot.
    refused(Body::CommandChange, &json!({ "name": "room-owner" }), "/type", json!(1));
    let mut change = command.clone();
    change.as_object_mut().unwrap().remove("type");
    for (body, command) in [(Body::Command, command), (Body::CommandChange, change)] {
        refused(body, &command, "/options/0/description", json!("x".repeat(101)));
        refused(body, &command, "/options/0/type", json!(99));
        refused(body, &command, "/options/0/max_length", json!(6_001));
        refused(body, &command, "/contexts/0", json!(7));
        refused(body, &command, "/name", json!(""));
    }
}

#[tokio::test]
async fn the_fake_refuses_as_discord_would_and_tells_the_test() {
    room_owner::bot::install_cryptography();
    let discord = Discord::start().await;
    discord.knows(&json!({ "token": "t", "id": "1" }));
    let post = async |body: Value| {
        let request = reqwest::Client::new().post(format!("{}/interactions/1/t/callback", discord.base));
        let request = request.header("user-agent", "DiscordBot (test, 1)").json(&body);
        request.send().await.unwrap().status().as_u16()
    };
    let mut body = json!({ "type": 4, "data": message() });
    body["data"]["embeds"][0]["title"] = json!("x".repeat(300));
    assert_eq!(post(body.clone()).await, 400);
    let problems = discord.problems();
    assert!(problems.len() == 1 && problems[0].starts_with("at `/data`"), "{problems:?}");
    body["data"]["embeds"][0]["title"] = json!("short");
    assert_eq!(post(body).await, 204);
    assert_eq!(discord.problems().len(), 1);
}
