//! Stories that post what the page posts.

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::Stage;

/// The page, as far as its requests go.
struct Page {
    stage: Stage,
    http: reqwest::Client,
}

impl Page {
    async fn open() -> Self {
        let stage = Stage::set(true).await.unwrap();
        Self { stage, http: reqwest::Client::builder().no_proxy().build().unwrap() }
    }

    async fn posts(&self, path: &str, body: Value) -> Value {
        let url = format!("http://{}/demo/{path}", self.stage.address);
        let response = self.http.post(url).json(&body).send().await.unwrap();
        let status = response.status();
        let answer: Value = response.json().await.unwrap();
        assert!(status.is_success(), "{path}: {answer}");
        answer
    }

    /// Alice types a line in #mods, at Slack.
    async fn says(&self, text: &str) -> Value {
        self.posts("say", asking(json!({ "text": text }))).await
    }

    /// The messages of which something is true, as soon as there are any.
    async fn sees(&self, is_meant: impl Fn(&Value) -> bool) -> Value {
        let looking = async {
            let mut after = 0;
            loop {
                let url = format!("http://{}/demo/seen?after={after}", self.stage.address);
                let seen: Vec<Value> = self.http.get(url).send().await.unwrap().json().await.unwrap();
                after = seen.iter().filter_map(|it| it["version"].as_u64()).max().unwrap_or(after);
                if let Some(found) = seen.into_iter().find(&is_meant) {
                    return found;
                }
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), looking)
            .await
            .expect("nothing of it is seen")
    }

    fn owner_of(&self, room: &str) -> String {
        self.stage.simulator.owner_of(room).unwrap()
    }

    async fn closes(self) {
        self.stage.strike().await.unwrap();
    }
}

fn asking(mut more: Value) -> Value {
    for (name, value) in [("person", "U0ALICE"), ("channel", "C0MODS"), ("mark", "m0")] {
        if more.get(name).is_none() {
            more[name] = json!(value);
        }
    }
    more
}

/// The only message of an answer.
fn only(said: &Value) -> &Value {
    let messages = said["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 1, "{said:#}");
    &messages[0]
}

fn has_buttons(shown: &Value) -> bool {
    let blocks = shown["message"]["blocks"].as_array().unwrap();
    blocks.iter().any(|block| block["type"] == "actions")
}

fn labels(shown: &Value) -> Vec<&str> {
    let blocks = shown["message"]["blocks"].as_array().unwrap();
    let buttons =
        blocks.iter().filter_map(|block| block["elements"].as_array().filter(|_| block["type"] == "actions"));
    buttons.flatten().map(|button| button["text"]["text"].as_str().unwrap()).collect()
}

fn text(shown: &Value) -> &str {
    shown["message"]["text"].as_str().unwrap()
}

#[tokio::test]
async fn a_press_undoes_a_hand_over_and_the_button_goes() {
    let page = Page::open().await;
    let said = page.says("/room-owner test user2").await;
    let first = only(&said);
    assert_eq!(labels(first), ["Undo"]);
    let press = asking(json!({ "message": first["id"], "button": 0, "mark": "m1" }));
    let pressed = page.posts("press", press).await;
    assert_eq!((&pressed["status"], page.owner_of("test")), (&json!(200), "carol".to_owned()));
    assert_eq!(pressed["request"]["url"], "/slack/interactions");
    let undone = page.sees(|it| it["of"] == "m1").await;
    assert!(text(&undone).contains("`test` now belongs to `carol`"), "{undone}");
    assert_eq!(undone["to"], Value::Null, "the channel sees it");
    let tidied = page.sees(|it| it["id"] == first["id"] && it["by"] == "m1").await;
    assert!(!has_buttons(&tidied) && text(&tidied) == text(first));
    // The same delivery once more.
    let again = page.posts("say-again", json!({ "delivery": pressed["delivery"], "mark": "m2" })).await;
    assert!(text(only(&again)).contains("Already handled"), "{again:#}");
    assert_eq!(page.stage.simulator.owner_changes().len(), 2);
    page.closes().await;
}

#[tokio::test]
async fn a_correction_that_is_pressed_takes_the_private_reply_away() {
    let page = Page::open().await;
    let said = page.says("/room-owner tset user2").await;
    let refused = only(&said);
    assert_eq!(refused["to"], "U0ALICE", "{refused:#}");
    assert_eq!(labels(refused), ["Hand test to user2", "Cancel"]);
    let press = asking(json!({ "message": refused["id"], "button": 0, "mark": "m1" }));
    page.posts("press", press).await;
    assert_eq!(page.owner_of("test"), "user2");
    let gone = page.sees(|it| it["id"] == refused["id"] && it["by"] == "m1").await;
    assert_eq!(gone["is_gone"], true);
    page.closes().await;
}

#[tokio::test]
async fn a_cancel_takes_the_place_of_the_private_reply() {
    let page = Page::open().await;
    let said = page.says("/room-owner tset user2").await;
    let refused = only(&said);
    let press = asking(json!({ "message": refused["id"], "button": 1, "mark": "m1" }));
    let pressed = page.posts("press", press).await;
    let cancelled = only(&pressed);
    assert_eq!((&cancelled["id"], &cancelled["is_gone"]), (&refused["id"], &json!(false)));
    assert!(!has_buttons(cancelled), "{cancelled:#}");
    page.closes().await;
}

#[tokio::test]
async fn the_bare_command_opens_a_form_that_hands_over() {
    let page = Page::open().await;
    let said = page.says("/room-owner").await;
    assert_eq!(said["messages"], json!([]));
    let form = &said["form"];
    assert_eq!(form["view"]["title"]["text"], "Hand a room over", "{said:#}");
    let choose = |field: &str, typed: &str, values: Value| json!({ "form": form["id"], "field": field, "typed": typed, "values": values });
    let rooms = page.posts("suggest", choose("room", "my", json!({}))).await;
    assert_eq!(rooms[0]["value"], "my room", "{rooms:#}");
    let owners = page.posts("suggest", choose("new_owner", "user4", json!({ "room": "my room" }))).await;
    assert_eq!(owners[0]["value"], "user4", "{owners:#}");
    let values = json!({ "room": "my room", "new_owner": "user4", "reason": "host crashed" });
    let filled = json!({ "form": form["id"], "values": values, "mark": "m1" });
    let submitted = page.posts("submit", filled).await;
    assert_eq!((&submitted["status"], &submitted["form"]), (&json!(200), &Value::Null));
    assert_eq!(page.owner_of("my room"), "user4");
    let posted = page.sees(|it| it["of"].is_null()).await;
    assert!(text(&posted).contains("`my room` now belongs to `user4`"), "{posted:#}");
    assert_eq!((&posted["channel"], &posted["to"]), (&json!("C0MODS"), &Value::Null));
    page.closes().await;
}

#[tokio::test]
async fn what_a_form_cannot_do_is_said_in_its_place() {
    let page = Page::open().await;
    let form = page.says("/room-owner").await["form"].clone();
    let values = json!({ "room": "test", "new_owner": "bad name!" });
    let refused = page.posts("submit", json!({ "form": form["id"], "values": values, "mark": "m1" })).await;
    assert_eq!(refused["form"]["view"]["type"], "modal", "{refused:#}");
    assert!(refused["form"]["view"]["blocks"][0]["elements"].is_array());
    assert_eq!(page.owner_of("test"), "carol");
    page.closes().await;
}

#[tokio::test]
async fn at_discord_buttons_and_the_form_do_the_same() {
    let page = Page::open().await;
    let use_it = |options: Value| asking(json!({ "command": "room-owner", "options": options }));
    let said = page.posts("discord/say", use_it(json!([]))).await;
    let form = &said["form"];
    let select = &form["view"]["components"][0]["component"];
    assert!(select["options"].as_array().unwrap().iter().any(|it| it["value"] == "live-7"), "{said:#}");
    let values = json!({ "room": "live-7", "new_owner": "user5", "reason": "" });
    let submitted =
        page.posts("discord/submit", json!({ "form": form["id"], "values": values, "mark": "m1" })).await;
    let first = only(&submitted);
    assert_eq!((page.owner_of("live-7").as_str(), &first["to"]), ("user5", &Value::Null));
    assert_eq!(first["message"]["components"][0]["components"][0]["label"], "Undo");
    let press = asking(json!({ "message": first["id"], "button": 0, "mark": "m2" }));
    page.posts("discord/press", press).await;
    assert_eq!(page.owner_of("live-7"), "dave");
    let tidied = page.sees(|it| it["id"] == first["id"] && it["by"] == "m2").await;
    assert_eq!(tidied["message"]["components"], json!([]));
    assert_eq!(tidied["message"]["embeds"], first["message"]["embeds"]);

    let typed = json!([{ "name": "room", "value": "tset" }]);
    let said = page.posts("discord/say", use_it(typed)).await;
    let refused = only(&said);
    assert_eq!(refused["to"], "U0ALICE", "{refused:#}");
    let press = asking(json!({ "message": refused["id"], "button": 1, "mark": "m3" }));
    let cancelled = page.posts("discord/press", press).await;
    let cancelled = only(&cancelled);
    assert_eq!(cancelled["id"], refused["id"], "in its place");
    assert_eq!(cancelled["message"]["components"], json!([]));
    page.closes().await;
}

#[tokio::test]
async fn what_is_not_there_is_an_error_in_words() {
    let page = Page::open().await;
    let said = page.says("/room-owner test").await;
    for (path, body, why) in [
        ("press", asking(json!({ "message": "1.2", "button": 0 })), "the message is not there any more"),
        ("press", asking(json!({ "message": only(&said)["id"], "button": 0 })), "it has no buttons"),
        (
            "discord/press",
            asking(json!({ "message": "1.2", "button": 0 })),
            "the message is not there any more",
        ),
        ("submit", json!({ "form": "V1", "values": {}, "mark": "m" }), "the form is not open any more"),
        (
            "discord/submit",
            json!({ "form": "1", "values": {}, "mark": "m" }),
            "the form is not open any more",
        ),
    ] {
        let url = format!("http://{}/demo/{path}", page.stage.address);
        let answer: Value = page.http.post(url).json(&body).send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["error"], why, "{path}");
    }
    page.closes().await;
}

#[tokio::test]
async fn what_the_bot_posts_is_seen_where_it_is_posted() {
    let page = Page::open().await;
    let token = page.stage.slack.settings_for_the_bot().unwrap().groups.unwrap().token;
    let call = async |token: &str, body: &'static str| -> Value {
        let url = format!("http://{}/demo/slack/api/chat.postMessage", page.stage.address);
        let request = page.http.post(url).bearer_auth(token).body(body);
        request.send().await.unwrap().json().await.unwrap()
    };
    let posted = call(token.expose_secret(), "channel=C0RANDOM&text=hi").await;
    let seen = page.sees(|it| it["id"] == posted["ts"]).await;
    assert_eq!((&seen["channel"], &seen["to"]), (&json!("C0RANDOM"), &Value::Null));
    assert_eq!(text(&seen), "hi");
    let posted = call(token.expose_secret(), "channel=U0OTTO&text=hi").await;
    let seen = page.sees(|it| it["id"] == posted["ts"]).await;
    assert_eq!(seen["to"], "U0OTTO");
    let nowhere = call(token.expose_secret(), "channel=C0NOWHERE&text=hi").await;
    assert_eq!(nowhere, json!({ "ok": false, "error": "channel_not_found" }));
    let by_another = call("xoxb-another", "channel=C0MODS&text=hi").await;
    assert_eq!(by_another, json!({ "ok": false, "error": "invalid_auth" }));
    page.closes().await;
}

#[tokio::test]
async fn discord_takes_messages_of_the_bot_alone_and_in_its_channels_alone() {
    let page = Page::open().await;
    let token = page.stage.discord.settings_for_the_bot().unwrap().bot_token.unwrap();
    let call = async |token: &str, channel: &str| -> u16 {
        let url = format!("http://{}/demo/discord/api/channels/{channel}/messages", page.stage.address);
        let request = page.http.post(url).header("authorization", format!("Bot {token}"));
        request.json(&json!({ "content": "hi" })).send().await.unwrap().status().as_u16()
    };
    let token = token.expose_secret();
    assert_eq!(call(token, "645027906669510602").await, 200);
    let seen = page.sees(|it| it["message"]["content"] == "hi").await;
    assert_eq!((&seen["platform"], &seen["channel"]), (&json!("discord"), &json!("C0RANDOM")));
    assert_eq!(call(token, "1").await, 404);
    assert_eq!(call("another", "645027906669510602").await, 401);
    page.closes().await;
}

#[tokio::test]
async fn what_happens_to_a_room_is_announced_in_another_channel() {
    let page = Page::open().await;
    let announced = async |platform: &str, text: &dyn Fn(&Value) -> String| {
        let seen = page.sees(|it| it["platform"] == platform && it["of"].is_null()).await;
        assert_eq!((&seen["channel"], &seen["to"]), (&json!("C0NEWS"), &Value::Null), "{seen:#}");
        text(&seen)
    };
    let adam = json!({ "person": "U0ADAM", "text": "/room-acl announce #news" });
    let said = page.posts("say", asking(adam)).await;
    assert!(text(only(&said)).contains("`live-*`"), "{said:#}");
    page.says("/room-owner live-7 user2").await;
    let at_slack = announced("slack", &|seen| text(seen).to_owned()).await;
    assert!(at_slack.contains("`live-7` now belongs to `user2`"), "{at_slack}");

    let news = json!([{ "name": "channel", "value": "645027906669510603" }]);
    let adam = json!({ "person": "U0ADAM", "command": "room-acl announce here", "options": news });
    page.posts("discord/say", asking(adam)).await;
    let options = json!([{ "name": "room", "value": "live-7" }, { "name": "new_owner", "value": "user3" }]);
    page.posts("discord/say", asking(json!({ "command": "room-owner", "options": options }))).await;
    let at_discord = announced("discord", &|seen| seen["message"]["embeds"].to_string()).await;
    assert!(at_discord.contains("`live-7` now belongs to `user3`"), "{at_discord}");
    page.closes().await;
}

#[tokio::test]
async fn each_person_with_a_role_has_a_link_to_the_console_and_gets_fresh_ones() {
    let page = Page::open().await;
    let lines = super::console::links(&page.stage.service).await.unwrap();
    let sign_in = format!("http://{}/sign-in/", page.stage.address);
    let (people, links): (Vec<_>, Vec<_>) = lines
        .iter()
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(person, link)| (person.trim(), link))
        .unzip();
    assert_eq!(people, ["Alice  moderator of *", "Rita   auditor of *", "Adam   admin of live-*"]);
    assert!(links.iter().all(|link| link.starts_with(&sign_in)), "{links:?}");

    let http =
        reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    for (person, status, says) in
        [("U0RITA", 303, ""), ("U0OTTO", 403, "otto has no role"), ("U0NOBODY", 404, "no such person")]
    {
        let url = format!("http://{}/demo/console/{person}", page.stage.address);
        let answer = http.get(url).send().await.unwrap();
        assert_eq!(answer.status(), status, "{person}");
        let fresh = answer.headers().get("location").map(|link| link.to_str().unwrap().to_owned());
        assert!(
            fresh.is_none_or(|link| link.starts_with(&sign_in) && !links.contains(&link.as_str())),
            "{person}"
        );
        assert!(answer.text().await.unwrap().contains(says), "{person}");
    }
    page.closes().await;
}
