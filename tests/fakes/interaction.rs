//! Interactions as Discord sends them, and messages as people read them.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

pub(crate) const GUILD: &str = "700";
pub(crate) const APPLICATION: &str = "42";

/// How the token of every interaction begins; nothing else does.
pub(crate) const TOKENS: &str = "token-of-an-interaction-";

/// A number that no other interaction of this test program has.
fn number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1_000);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A slash command as a member of the guild uses it, with everything that Discord sends along.
pub(crate) fn command(
    name: &str,
    (user, username): (&str, &str),
    channel: &str,
    options: &[(&str, &str)],
) -> Value {
    let options: Vec<Value> =
        options.iter().map(|(name, value)| json!({ "name": name, "type": 3, "value": value })).collect();
    with_options(name, (user, username), channel, json!(options), json!({}))
}

/// A slash command with options of any kind, and what Discord says about the ids among them.
pub(crate) fn with_options(
    name: &str,
    person: (&str, &str),
    channel: &str,
    options: Value,
    resolved: Value,
) -> Value {
    let data = json!({ "id": "1", "name": name, "type": 1, "options": options, "resolved": resolved });
    interaction(2, person, channel, data)
}

/// A button of a message that is pressed, with everything that Discord sends along.
pub(crate) fn press(
    person: (&str, &str),
    channel: &str,
    name: &Value,
    message: &Value,
    is_private: bool,
) -> Value {
    let data = json!({ "id": 2, "component_type": 2, "custom_id": name });
    let mut interaction = interaction(3, person, channel, data);
    interaction["message"] = message.clone();
    for (field, value) in [
        ("type", json!(20)),
        ("flags", json!(if is_private { 64 } else { 0 })),
        ("content", json!("")),
        ("channel_id", json!(channel)),
        ("application_id", json!(APPLICATION)),
        ("author", json!({ "id": APPLICATION, "username": "room-owner", "bot": true })),
    ] {
        interaction["message"][field] = value;
    }
    interaction
}

fn interaction(kind: u8, (user, username): (&str, &str), channel: &str, data: Value) -> Value {
    let id = number();
    json!({
        "id": id.to_string(), "application_id": APPLICATION, "type": kind, "version": 1,
        "token": format!("{TOKENS}{id}"), "guild_id": GUILD, "guild": { "id": GUILD, "locale": "en-US", "features": [] },
        "channel_id": channel,
        "channel": { "id": channel, "type": 0, "name": "mods", "guild_id": GUILD },
        "context": 0, "authorizing_integration_owners": { "0": GUILD }, "locale": "en-US",
        "guild_locale": "en-US", "app_permissions": "562949953601536", "entitlements": [],
        "attachment_size_limit": 10_485_760,
        "member": {
            "user": { "id": user, "username": username, "discriminator": "0" },
            "nick": null, "roles": [], "permissions": "8", "flags": 0, "joined_at": "2024-01-01T00:00:00Z",
        },
        "data": data,
    })
}

/// What a person reads of a message: its embed, from top to bottom.
pub(crate) fn read_message(message: &Value) -> String {
    let embed = &message["embeds"][0];
    let mut lines: Vec<String> = embed["title"].as_str().map(str::to_owned).into_iter().collect();
    lines.extend(embed["description"].as_str().map(str::to_owned));
    let fields = embed["fields"].as_array().into_iter().flatten();
    lines.extend(fields.map(|field| {
        let (name, value) = (field["name"].as_str().unwrap(), field["value"].as_str().unwrap());
        // The digits of the log's root differ from run to run; how long the log is does not.
        let value = if name == "Log" {
            value.split_once(':').unwrap().0.to_owned() + ":…`"
        } else {
            value.to_owned()
        };
        format!("{name}: {value}")
    }));
    lines.extend(embed["footer"]["text"].as_str().map(|footer| format!("-- {footer}")));
    lines.join("\n")
}
