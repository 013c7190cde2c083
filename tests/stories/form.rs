//! The form in which a hand-over is filled in, at Slack.

use serde_json::{Value, json};

use super::pending_replies::{read, with_a_token};
use super::slack::{ALICE, MODS, RITA, visible};
use super::world::{Stage, World, run};
use crate::fakes::slack::{SlackApi, Taken};

/// Alice types the bare command, and gets the form.
async fn opened(bot: &Stage, api: &SlackApi) -> Value {
    let (status, text) = bot.slack(ALICE).about("/room-owner").signed().status_and_body().await;
    assert_eq!((status, text.as_str()), (200, ""), "nothing is said beside the form");
    bot.workspace.recorded.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    let (trigger, view) = api.views().pop().unwrap();
    assert!(trigger.starts_with("13345224609.738474920."));
    view
}

fn filled(room: &str, owner: &str, reason: &str) -> Value {
    let chosen = |value: &str| json!({ "type": "external_select", "selected_option": { "value": value } });
    json!({
        "type": "view_submission",
        "state": {
            "room": { "room": chosen(room) },
            "new_owner": { "new_owner": chosen(owner) },
            "reason": { "reason": { "type": "plain_text_input", "value": reason } },
        },
    })
}

/// What stands in the place of the form now.
fn in_its_place(answer: &Value) -> String {
    assert_eq!(answer["response_action"], "update");
    assert!(answer["view"]["blocks"].as_array().unwrap().iter().all(|block| block["type"] != "actions"));
    visible(&answer["view"])
}

#[tokio::test]
async fn the_bare_command_opens_a_form_that_hands_a_room_over() {
    with_a_token(World::usual().room("live-7", "dave"), async |bot, api| {
        bot.slack(ALICE).says("/room-owner live-7 user3").await.text();
        let view = opened(bot, api).await;
        insta::assert_snapshot!(serde_json::to_string_pretty(&view).unwrap(), @r#"
        {
          "blocks": [
            {
              "block_id": "room",
              "element": {
                "action_id": "room",
                "min_query_length": 0,
                "placeholder": {
                  "emoji": false,
                  "text": "Choose a live room",
                  "type": "plain_text"
                },
                "type": "external_select"
              },
              "label": {
                "emoji": false,
                "text": "Room",
                "type": "plain_text"
              },
              "type": "input"
            },
            {
              "block_id": "new_owner",
              "element": {
                "action_id": "new_owner",
                "min_query_length": 0,
                "placeholder": {
                  "emoji": false,
                  "text": "Choose one, or type a UserID",
                  "type": "plain_text"
                },
                "type": "external_select"
              },
              "label": {
                "emoji": false,
                "text": "New owner",
                "type": "plain_text"
              },
              "type": "input"
            },
            {
              "block_id": "reason",
              "element": {
                "action_id": "reason",
                "max_length": 200,
                "type": "plain_text_input"
              },
              "label": {
                "emoji": false,
                "text": "Reason",
                "type": "plain_text"
              },
              "optional": true,
              "type": "input"
            }
          ],
          "callback_id": "hand-over",
          "close": {
            "emoji": false,
            "text": "Cancel",
            "type": "plain_text"
          },
          "private_metadata": "C0MODS",
          "submit": {
            "emoji": false,
            "text": "Hand over",
            "type": "plain_text"
          },
          "title": {
            "emoji": false,
            "text": "Hand a room over",
            "type": "plain_text"
          },
          "type": "modal"
        }
        "#);
        // The rooms with their owners; then the owners that the room has had, and whatever is typed.
        let rooms =
            json!({ "type": "block_suggestion", "action_id": "room", "block_id": "room", "value": "" });
        insta::assert_snapshot!(bot.slack(ALICE).in_a_form(&view, rooms).await, @r#"{"options":[{"description":{"emoji":false,"text":"owner user3 · 0 viewers","type":"plain_text"},"text":{"emoji":false,"text":"live-7","type":"plain_text"},"value":"live-7"},{"description":{"emoji":false,"text":"owner carol · 0 viewers","type":"plain_text"},"text":{"emoji":false,"text":"test","type":"plain_text"},"value":"test"}]}"#);
        let owners = json!({
            "type": "block_suggestion", "action_id": "new_owner", "block_id": "new_owner", "value": "d",
            "state": { "room": { "room": { "selected_option": { "value": "live-7" } } } },
        });
        insta::assert_snapshot!(bot.slack(ALICE).in_a_form(&view, owners).await, @r#"{"options":[{"text":{"emoji":false,"text":"d","type":"plain_text"},"value":"d"},{"text":{"emoji":false,"text":"dave","type":"plain_text"},"value":"dave"}]}"#);

        let answer = bot.slack(ALICE).in_a_form(&view, filled("test", "user2", "host crashed")).await;
        assert_eq!(answer, Value::Null, "the form closes");
        let posted = api.has_posted(1).await;
        assert_eq!((posted[0].method.as_str(), posted[0].channel.as_str()), ("chat.postMessage", MODS));
        let said = read(&posted[0]);
        insta::assert_snapshot!(said, @"
        ✅ `test` now belongs to `user2` (was `carol`) · confirmed
        Reason given: `host crashed`
        op 7 · RequestId Id-67c37a4a0e9b3ba242292b85d0e1f991-O-Seq-6 · by alice · log … · undo: /room-owner test carol
        ");
        assert_eq!(said.labels(), ["Undo"]);
        assert_eq!(bot.owner_of("test"), "user2");
        assert_eq!(bot.last().await.command, "[form] /room-owner test user2 reason: host crashed");
    })
    .await;
}

#[tokio::test]
async fn what_is_wrong_is_said_in_the_place_of_the_form() {
    with_a_token(World::usual(), async |bot, api| {
        let view = opened(bot, api).await;
        let answer = bot.slack(ALICE).in_a_form(&view, filled("test", "no such account!", "")).await;
        insta::assert_snapshot!(in_its_place(&answer), @"
        ❌ An account is made of letters, digits, - and _; `no such account!` holds “ ” (U+0020).
        Type: `/room-owner test <new_owner>`
        Nothing was done.
        op 5
        ");
        let answer = bot.slack(ALICE).in_a_form(&view, filled("tset", "user2", "")).await;
        insta::assert_snapshot!(in_its_place(&answer), @"
        ❌ The owner of `tset` was not changed.
        Tencent's error 100004: `room `tset` does not exist or has been dissolved: check the id`
        Did you mean `test`? Type: `/room-owner test user2`
        op 6 · RequestId Id-a93875fe509ac2fae0e0939d3ec71c4d-O-Seq-1
        ");
        // Somebody else's click on the same form is theirs.
        let answer = bot.slack(RITA).in_a_form(&view, filled("test", "user2", "")).await;
        assert!(in_its_place(&answer).starts_with('⛔'));
        assert!(api.posted().is_empty() && bot.changes().is_empty());
    })
    .await;
}

#[tokio::test]
async fn whoever_may_hand_nothing_over_gets_help_and_no_form() {
    with_a_token(World::usual(), async |bot, api| {
        assert!(bot.slack(RITA).says("/room-owner").await.says("/room-owner"));
        let elsewhere = bot.slack(ALICE).in_channel("C0RANDOM").says("/room-owner").await;
        elsewhere.text();
        // Whoever asks for help in words gets words.
        bot.slack(ALICE).says("/room-owner help").await.text();
        assert!(api.views().is_empty());
        // And nobody is shown rooms that they could not see by a command.
        let view = json!({ "callback_id": "hand-over", "private_metadata": MODS });
        let rooms =
            json!({ "type": "block_suggestion", "action_id": "room", "block_id": "room", "value": "" });
        assert_eq!(bot.slack(RITA).in_a_form(&view, rooms).await, json!({ "options": [] }));
    })
    .await;
}

#[tokio::test]
async fn where_slack_shows_no_form_there_is_help() {
    with_a_token(World::usual(), async |bot, api| {
        api.takes(&[Taken::No("expired_trigger_id")]);
        assert!(bot.slack(ALICE).says("/room-owner").await.says("/room-owner <room> <new_owner>"));
    })
    .await;
    run(World::usual(), async |bot| {
        assert!(bot.slack(ALICE).says("/room-owner").await.says("/room-owner <room> <new_owner>"));
    })
    .await;
}

#[tokio::test]
async fn a_shortcut_on_a_message_opens_the_form() {
    with_a_token(World::usual(), async |bot, api| {
        let message = json!({
            "type": "message_action", "callback_id": "hand-over", "channel": { "id": MODS, "name": "mods" },
            "message": { "text": "the host is gone" },
        });
        let answer = bot.slack(ALICE).in_a_form(&Value::Null, message).await;
        assert_eq!(answer, Value::Null);
        bot.workspace.recorded.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let view = async {
            while api.views().is_empty() {
                tokio::task::yield_now().await;
            }
            api.views().remove(0).1
        };
        let view = tokio::time::timeout(std::time::Duration::from_secs(20), view).await.unwrap();
        assert_eq!(view["private_metadata"], MODS);
        assert_eq!(bot.last().await.command, "[shortcut]");
    })
    .await;
}
