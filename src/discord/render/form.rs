//! The form that hands a room over.

use serde_json::{Value, json};

use super::{LONGEST_CHOICE, LONGEST_FIELD, MOST_CHOICES, clip, inline_code, width};
use crate::app::ports::RoomSummary;
use crate::domain::command::CommandGroup;
use crate::domain::room::{AccountId, visible};
use crate::domain::wording::CommandName;

/// The fields of the form, by which Discord names them.
pub(in crate::discord) const ROOM: &str = "room";
pub(in crate::discord) const NEW_OWNER: &str = "new_owner";
pub(in crate::discord) const REASON: &str = "reason";
/// The longest reason that a form takes, and the longest id: Discord wants limits.
const LONGEST_FORM_REASON: usize = 200;
const LONGEST_ID: usize = 128;

/// A field of the form, with what helps to fill it in.
fn field(label: &str, description: &str, component: &Value) -> Value {
    json!({ "type": 18, "label": label, "description": description, "component": component })
}

fn text_field(name: &str, longest: usize) -> Value {
    json!({ "type": 4, "custom_id": name, "style": 1, "required": true, "max_length": longest })
}

/// The form that hands a room over ("Modals"), to the account if it is known. Where no room can be listed, its id is
/// typed. It comes in the place of help, and so says what else there is.
pub(in crate::discord) fn form(
    rooms: &[RoomSummary],
    new_owner: Option<&AccountId>,
    name: &CommandName,
) -> Value {
    let option = |room: &RoomSummary| {
        let shown = |text: &str| clip(&visible(text), LONGEST_CHOICE);
        json!({
            "label": shown(room.room.as_str()), "value": room.room.as_str(), "description": shown(&room.details()),
        })
    };
    let options = rooms.iter().filter(|room| width(room.room.as_str()) <= LONGEST_CHOICE).map(option);
    let options: Vec<Value> = options.take(MOST_CHOICES).collect();
    let room = if options.is_empty() {
        field("Room", "The RoomId of the live room", &text_field(ROOM, LONGEST_ID))
    } else {
        let select = json!({ "type": 3, "custom_id": ROOM, "options": options });
        field("Room", "One that is not listed: close this, and fill in the options of the command", &select)
    };
    let mut owner = text_field(NEW_OWNER, LONGEST_ID);
    if let Some(account) = new_owner {
        owner["value"] = json!(account.as_str());
    }
    let owner = field("New owner", "The UserID of the new owner in the live app", &owner);
    let mut reason = text_field(REASON, LONGEST_FORM_REASON);
    reason["style"] = json!(2);
    reason["required"] = json!(false);
    let reason = field("Reason", "Kept with the record; you may leave it out", &reason);
    let more = format!(
        "{} alone shows who owns a room. {} shows what you may do here.",
        inline_code(&format!("{} room:<room>", name.0), LONGEST_FIELD),
        inline_code(&format!("{} whoami", name.of(CommandGroup::Acl).0), LONGEST_FIELD),
    );
    json!({ "type": 9, "data": {
        "custom_id": "hand-over",
        "title": "Hand a room over",
        "components": [room, owner, reason, { "type": 10, "content": more }],
    } })
}
