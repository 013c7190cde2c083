//! What people press and fill in, as Discord sends it ("Message Component Interaction", "Modal Submit Interaction").

use std::collections::HashMap;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::api::EPHEMERAL;
use super::{DiscordStandIn, lock};
use crate::demo::wall::Said;
use crate::demo::world::{APPLICATION, Asking};

impl DiscordStandIn {
    /// Presses a button of a message, the first one being 0, and waits for what comes of it.
    pub(in crate::demo) async fn press(
        &self,
        asking: Asking,
        message: &str,
        button: usize,
    ) -> anyhow::Result<Said> {
        let shown = self.wall.find(message).context("the message is not there any more")?;
        let name = &shown.message["components"][0]["components"][button]["custom_id"];
        let name = name.as_str().context("it has no such button")?;
        let data = json!({ "custom_id": name, "component_type": 2 });
        let mut source = shown.message.clone();
        source["id"] = json!(shown.id);
        source["channel_id"] = json!(asking.place()?.snowflake);
        source["author"] = json!({ "id": APPLICATION, "username": "room-owner", "bot": true });
        source["flags"] = json!(if shown.is_ephemeral() { EPHEMERAL } else { 0 });
        self.interact(3, asking, data, Some(&source)).await
    }

    /// Sends a form that was filled in.
    pub(in crate::demo) async fn submit(
        &self,
        form: &str,
        values: &HashMap<String, String>,
        mark: String,
    ) -> anyhow::Result<Said> {
        let opened = lock(&self.opened).get(form).cloned();
        let (asking, view) = opened.context("the form is not open any more")?;
        let labels = view["components"].as_array().into_iter().flatten();
        let labels = labels.filter(|label| !label["component"].is_null());
        let components: Vec<Value> = labels.map(|label| filled(&label["component"], values)).collect();
        let data = json!({ "custom_id": view["custom_id"], "components": components });
        self.interact(5, Asking { mark, ..asking }, data, None).await
    }
}

/// A field with what is chosen or typed in it: a select has a list of values.
fn filled(field: &Value, values: &HashMap<String, String>) -> Value {
    let (name, kind) = (field["custom_id"].as_str().unwrap_or_default(), &field["type"]);
    let value = values.get(name).map(String::as_str).unwrap_or_default();
    let mut filled = json!({ "type": kind, "custom_id": name });
    if *kind == 3 {
        filled["values"] = if value.is_empty() { json!([]) } else { json!([value]) };
    } else {
        filled["value"] = json!(value);
    }
    json!({ "type": 18, "component": filled })
}
