//! What people press and fill in, as Slack sends it (docs.slack.dev/reference/interaction-payloads).

use std::collections::HashMap;

use anyhow::Context as _;
use serde_json::{Map, Value, json};

use super::{INTERACTIONS, Sent, SlackStandIn, View, message_id, trigger};
use crate::demo::wall::Said;
use crate::demo::world::{APP, Asking, TEAM, lock, random_id};

impl SlackStandIn {
    /// Presses a button of a message, the first one being 0, and waits for what the bot says to it.
    pub(in crate::demo) async fn press(
        &self,
        asking: Asking,
        message: &str,
        button: usize,
    ) -> anyhow::Result<Said> {
        let shown = self.wall.find(message).context("the message is not there any more")?;
        let blocks = shown.message["blocks"].as_array().map(Vec::as_slice).unwrap_or_default();
        let row = blocks.iter().find(|block| block["type"] == "actions").context("it has no buttons")?;
        let mut action = row["elements"][button].clone();
        anyhow::ensure!(action.is_object(), "it has no such button");
        action["action_ts"] = json!(message_id());
        let (delivery, reply_to) = (trigger(), random_id());
        let mut payload = self.payload("block_actions", &asking, &delivery)?;
        payload["response_url"] = json!(self.response_url(&reply_to));
        payload["actions"] = json!([action]);
        let is_private = shown.is_ephemeral();
        payload["container"] = json!({
            "type": "message", "message_ts": shown.id, "channel_id": shown.channel, "is_ephemeral": is_private,
        });
        // Of a message that one person sees, Slack does not say what is in it.
        if !is_private {
            let (text, blocks) = (&shown.message["text"], &shown.message["blocks"]);
            payload["message"] =
                json!({ "type": "message", "ts": shown.id, "app_id": APP, "text": text, "blocks": blocks });
        }
        let body = in_a_form(&payload);
        let sent = Sent { asking, path: INTERACTIONS, body, reply_to, source: Some(shown.id) };
        self.send(sent, delivery).await
    }

    /// What can be chosen in a field of a form, with what is chosen in the others.
    pub(in crate::demo) async fn suggest(
        &self,
        form: &str,
        field: &str,
        typed: &str,
        values: &HashMap<String, String>,
    ) -> anyhow::Result<Value> {
        let View { asking, view, .. } = self.view(form)?;
        let mut payload = self.payload("block_suggestion", &asking, &trigger())?;
        payload["action_id"] = json!(field);
        payload["block_id"] = json!(field);
        payload["value"] = json!(typed);
        payload["view"] = filled(form, &view, values);
        let (_, _, answer) = self.post(INTERACTIONS, &in_a_form(&payload)).await?;
        Ok(answer["options"].clone())
    }

    /// Sends a form that was filled in.
    pub(in crate::demo) async fn submit(
        &self,
        form: &str,
        values: &HashMap<String, String>,
        mark: String,
    ) -> anyhow::Result<Said> {
        let View { asking, view, .. } = self.view(form)?;
        let delivery = trigger();
        let mut payload = self.payload("view_submission", &asking, &delivery)?;
        payload["view"] = filled(form, &view, values);
        payload["response_urls"] = json!([]);
        let body = in_a_form(&payload);
        let asking = Asking { mark, ..asking };
        let sent = Sent { asking, path: INTERACTIONS, body, reply_to: String::new(), source: None };
        self.send(sent, delivery).await
    }

    fn view(&self, form: &str) -> anyhow::Result<View> {
        lock(&self.views).get(form).cloned().context("the form is not open any more")
    }

    /// What each of them has.
    fn payload(&self, kind: &str, asking: &Asking, trigger: &str) -> anyhow::Result<Value> {
        let (person, place) = (asking.person()?, asking.place()?);
        let name = person.name.to_lowercase();
        let mut payload = json!({
            "type": kind, "api_app_id": APP, "is_enterprise_install": false, "enterprise": null,
            "team": { "id": TEAM, "domain": "demo" },
            "user": { "id": person.id, "username": name, "name": name, "team_id": TEAM },
            "trigger_id": trigger,
        });
        // A form is in no channel.
        if kind == "block_actions" {
            payload["channel"] = json!({ "id": place.id, "name": place.name });
        }
        Ok(payload)
    }
}

fn in_a_form(payload: &Value) -> String {
    form_urlencoded::Serializer::new(String::new()).append_pair("payload", &payload.to_string()).finish()
}

/// The form with what is chosen and typed in it.
fn filled(id: &str, view: &Value, values: &HashMap<String, String>) -> Value {
    let mut filled = view.clone();
    filled["id"] = json!(id);
    filled["team_id"] = json!(TEAM);
    let mut state = Map::new();
    for block in view["blocks"].as_array().into_iter().flatten() {
        let (Some(field), element) = (block["block_id"].as_str(), &block["element"]) else { continue };
        let value = values.get(field).filter(|value| !value.is_empty());
        let kind = &element["type"];
        let entry = if kind == "external_select" {
            let option = value.map(|value| json!({ "value": value }));
            json!({ "type": kind, "selected_option": option })
        } else {
            json!({ "type": kind, "value": value })
        };
        let action = element["action_id"].as_str().unwrap_or_default();
        state.insert(field.to_owned(), json!({ action: entry }));
    }
    filled["state"] = json!({ "values": state });
    filled
}
