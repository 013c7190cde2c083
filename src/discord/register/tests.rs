use serde_json::json;

use super::*;
use crate::domain::wording::CommandName;

#[test]
fn what_is_registered_fits_discords_limits() {
    let command = serde_json::to_value(&definition::registered(&CommandName::slash("staging-"))[0]).unwrap();
    let command = Value::Object(canonical(&command));
    insta::assert_snapshot!(serde_json::to_string_pretty(&command).unwrap(), @r#"
    {
      "contexts": [
        0
      ],
      "description": "Hand a live room to a new owner, or show who owns it",
      "integration_types": [
        0
      ],
      "name": "staging-room-owner",
      "options": [
        {
          "autocomplete": true,
          "description": "The RoomId of the live room; leave everything out for help",
          "max_length": 48,
          "min_length": 1,
          "name": "room",
          "type": 3
        },
        {
          "autocomplete": true,
          "description": "The UserID of the new owner, or @somebody linked to one; leave it out to see the owner",
          "max_length": 64,
          "min_length": 1,
          "name": "new_owner",
          "type": 3
        },
        {
          "description": "Why, for the audit log",
          "max_length": 300,
          "min_length": 1,
          "name": "reason",
          "type": 3
        },
        {
          "description": "Admins: override this operation, whose outcome nobody knows; needs a reason",
          "min_value": 1,
          "name": "override",
          "type": 4
        },
        {
          "description": "Ask the admins for access to the room instead",
          "name": "ask",
          "type": 5
        }
      ],
      "type": 1
    }
    "#);
    let mut commands = definition::registered(&CommandName::slash("staging-"));
    let menu = serde_json::to_value(commands.pop().unwrap()).unwrap();
    assert_eq!((&menu["type"], &menu["name"]), (&json!(2), &json!("Hand a room to…")));
    assert!(menu.get("description").is_none(), "a command of a menu has none");
    for command in commands {
        let command = Value::Object(canonical(&serde_json::to_value(command).unwrap()));
        let characters = fits(&command);
        assert!(characters <= 8_000, "{characters} characters in {}", command["name"]);
    }
}

/// Holds a command, a subcommand or an option against Discord's limits; how many characters count.
fn fits(described: &Value) -> usize {
    let length = |name: &str| described[name].as_str().unwrap().chars().count();
    assert!((1..=100).contains(&length("description")), "{described}");
    assert!((1..=32).contains(&length("name")), "{described}");
    let list = |name: &str| described[name].as_array().cloned().unwrap_or_default();
    let (options, choices) = (list("options"), list("choices"));
    assert!(options.len() <= 25 && choices.len() <= 25, "{described}");
    let mut may_be_left_out = false;
    for option in &options {
        let is_required = option["required"] == true;
        assert!(!(is_required && may_be_left_out), "a required option comes last in {described}");
        may_be_left_out |= !is_required;
        let same = options.iter().filter(|other| other["name"] == option["name"]).count();
        assert_eq!(same, 1, "{option}");
    }
    let values = choices.iter().map(|it| 2 * it["value"].as_str().unwrap().chars().count());
    length("name") + length("description") + values.sum::<usize>() + options.iter().map(fits).sum::<usize>()
}

#[test]
fn what_discord_fills_in_is_no_difference() {
    let ours = serde_json::to_value(&definition::registered(&CommandName::slash(""))[0]).unwrap();
    let mut theirs = ours.clone();
    theirs["id"] = json!("1");
    theirs["version"] = json!("2");
    theirs["default_member_permissions"] = json!("0");
    theirs["name_localizations"] = Value::Null;
    theirs["options"][0]["name_localizations"] = Value::Null;
    theirs["options"][1].as_object_mut().unwrap().remove("required");
    assert_eq!(canonical(&ours), canonical(&theirs));
    theirs["options"][0]["max_length"] = json!(47);
    assert_ne!(canonical(&ours), canonical(&theirs));

    let ours = serde_json::to_value(&definition::registered(&CommandName::slash(""))[1]).unwrap();
    let mut theirs = ours.clone();
    let grant = |command: &Value| {
        let named = |it: &Value| it["name"] == "grant";
        command["options"].as_array().unwrap().iter().position(named).unwrap()
    };
    let options = &mut theirs["options"][grant(&ours)]["options"];
    options[1]["choices"][0]["name_localizations"] = Value::Null;
    options[3]["channel_types"].as_array_mut().unwrap().reverse();
    options[0]["autocomplete"] = json!(false);
    let revoke = theirs["options"].as_array_mut().unwrap().iter_mut().find(|it| it["name"] == "revoke");
    revoke.unwrap()["options"][0]["min_value"] = json!(1.0);
    assert_eq!(canonical(&ours), canonical(&theirs));
    theirs["options"][grant(&ours)]["options"][1]["choices"][0]["value"] = json!("boss");
    assert_ne!(canonical(&ours), canonical(&theirs));
}
