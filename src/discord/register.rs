//! `room-owner discord register`: makes Discord show the commands as this program knows them.
//!
//! Only differences are written, each by itself. Commands are never overwritten as a whole and never
//! deleted: that would erase the permissions that a server's admins have set for them, and other
//! commands of the same application are not ours
//! (docs.discord.com/developers/interactions/application-commands).

use std::fmt::Write as _;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Map, Value, json};
use tracing::warn;

use super::Settings;
use super::definition;
use super::rest::{Failure, Rest};
use crate::redact::Redactor;

/// How often a call is made when Discord asks to wait, and the longest such wait.
const TRIES: u32 = 4;
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What has to be written so that Discord shows what it should.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    scope: Vec<String>,
    changes: Vec<Change>,
}

#[derive(Debug, Clone, PartialEq)]
enum Change {
    Create { name: String, command: Map<String, Value> },
    Update { id: String, name: String, was: Map<String, Value>, fields: Map<String, Value> },
}

impl Plan {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The difference, for people: a line a field.
    #[must_use]
    pub fn difference(&self) -> String {
        let mut text = String::new();
        for change in &self.changes {
            match change {
                Change::Create { name, command } => {
                    let _ = writeln!(text, "+ /{name}");
                    for (field, value) in command {
                        let _ = writeln!(text, "    + {field}: {value}");
                    }
                }
                Change::Update { name, was, fields, .. } => {
                    let _ = writeln!(text, "~ /{name}");
                    for (field, value) in fields {
                        let _ = writeln!(text, "    - {field}: {}", was.get(field).unwrap_or(&Value::Null));
                        let _ = writeln!(text, "    + {field}: {value}");
                    }
                }
            }
        }
        text
    }
}

/// A client that registers.
pub struct Registrar {
    rest: Rest,
    application: String,
    wanted: Vec<Map<String, Value>>,
}

impl Registrar {
    /// Learns the application's id from Discord, if the settings do not name it.
    ///
    /// # Errors
    /// When there is no bot token, or Discord does not answer.
    pub async fn new(settings: &Settings, redactor: Redactor) -> anyhow::Result<Self> {
        anyhow::ensure!(
            settings.bot_token.is_some(),
            "DISCORD_BOT_TOKEN is not set: commands are registered in the bot's name"
        );
        let rest = settings.rest(redactor)?;
        let application = match &settings.application_id {
            Some(id) => id.clone(),
            None => {
                let me = patiently(&rest, Method::GET, &["applications", "@me"], None).await?;
                let id = me["id"].as_str().filter(|id| id.bytes().all(|b| b.is_ascii_digit()));
                id.ok_or_else(|| {
                    anyhow::anyhow!("discord did not name the application; set DISCORD_APPLICATION_ID")
                })?
                .to_owned()
            }
        };
        let wanted = definition::registered(&settings.command);
        let wanted = wanted.iter().map(|command| anyhow::Ok(canonical(&serde_json::to_value(command)?)));
        Ok(Self { rest, application, wanted: wanted.collect::<Result<_, _>>()? })
    }

    /// Compares what is registered, for everybody or in one guild, with what should be.
    ///
    /// # Errors
    /// When Discord does not say what is registered.
    pub async fn plan(&self, guild: Option<&str>) -> Result<Plan, Failure> {
        let mut scope = vec!["applications".to_owned(), self.application.clone()];
        if let Some(guild) = guild {
            scope.extend(["guilds".to_owned(), guild.to_owned()]);
        }
        scope.push("commands".to_owned());
        let present = patiently(&self.rest, Method::GET, &borrowed(&scope), None).await?;
        let present = present.as_array().map_or(&[][..], Vec::as_slice);
        let changes = self.wanted.iter().filter_map(|wanted| {
            let mut wanted = wanted.clone();
            if guild.is_some() {
                // A guild's commands are in that guild and nowhere else: Discord keeps neither.
                wanted.remove("contexts");
                wanted.remove("integration_types");
            }
            change(wanted, present)
        });
        let changes = changes.collect();
        Ok(Plan { scope, changes })
    }

    /// Writes the differences.
    ///
    /// # Errors
    /// When Discord does not take one.
    pub async fn apply(&self, plan: &Plan) -> Result<(), Failure> {
        for change in &plan.changes {
            let mut path = borrowed(&plan.scope);
            let (method, body) = match change {
                Change::Create { command, .. } => (Method::POST, command),
                Change::Update { id, fields, .. } => {
                    path.push(id);
                    (Method::PATCH, fields)
                }
            };
            patiently(&self.rest, method, &path, Some(&Value::Object(body.clone()))).await?;
        }
        Ok(())
    }
}

/// What makes one command as it should be, if anything does.
fn change(wanted: Map<String, Value>, present: &[Value]) -> Option<Change> {
    let same_name = |command: &&Value| {
        command["name"] == wanted["name"] && command.get("type").is_none_or(|kind| *kind == json!(1))
    };
    let found = present.iter().find(same_name);
    let name = wanted["name"].as_str().unwrap_or_default().to_owned();
    match found.and_then(|command| Some((command["id"].as_str()?, canonical(command)))) {
        None => Some(Change::Create { name, command: wanted }),
        Some((id, was)) => {
            let differs = |(field, value): &(String, Value)| was.get(field) != Some(value);
            let fields: Map<String, Value> = wanted.into_iter().filter(differs).collect();
            (!fields.is_empty()).then(|| Change::Update { id: id.to_owned(), name, was, fields })
        }
    }
}

/// Logs whether the registered commands differ from this program's. Its own failure does not stop the start.
pub async fn warn_of_differences(settings: Settings, redactor: Redactor) {
    let plan = async {
        let registrar = Registrar::new(&settings, redactor).await?;
        anyhow::Ok(registrar.plan(None).await?)
    };
    match plan.await {
        Ok(plan) if plan.is_empty() => {}
        Ok(plan) => warn!(
            difference = plan.difference(),
            "what is registered with Discord differs: run `room-owner discord register` (a guild's own \
             commands are not looked at)"
        ),
        Err(error) => warn!(%error, "the commands registered with Discord cannot be read"),
    }
}

fn borrowed(path: &[String]) -> Vec<&str> {
    path.iter().map(String::as_str).collect()
}

/// A call, made again when Discord asks to wait.
async fn patiently(
    rest: &Rest,
    method: Method,
    path: &[&str],
    body: Option<&Value>,
) -> Result<Value, Failure> {
    for _ in 1..TRIES {
        let answered = rest.as_bot(method.clone(), path, body).await;
        let Some(pause) = answered.as_ref().err().and_then(Failure::retry_after) else { return answered };
        tokio::time::sleep(pause.min(LONGEST_PAUSE)).await;
    }
    rest.as_bot(method, path, body).await
}

/// A command in the one form in which two can be compared: only what we say about it. Discord fills in the rest
/// (ids, versions, nulls, empty translations).
fn canonical(command: &Value) -> Map<String, Value> {
    let fields = ["name", "type", "description", "contexts", "integration_types", "options"];
    let said = fields.into_iter().filter_map(|name| {
        let usual = || (name == "type").then(|| json!(1));
        Some((
            name.to_owned(),
            plain(command.get(name).filter(|value| !value.is_null()).or(usual().as_ref())?),
        ))
    });
    said.collect()
}

/// Without what is the same as leaving it out, numbers in order, and 1.0 as 1.
fn plain(value: &Value) -> Value {
    let is_left_out = |value: &Value| match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    };
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !is_left_out(value));
            Value::Object(fields.map(|(name, value)| (name.clone(), plain(value))).collect())
        }
        Value::Array(list) => {
            let mut list: Vec<Value> = list.iter().map(plain).collect();
            if list.iter().all(Value::is_number) {
                list.sort_by_key(Value::as_u64);
            }
            Value::Array(list)
        }
        Value::Number(number) => match number.as_f64().filter(|it| number.is_f64() && it.fract() == 0.0) {
            Some(whole) => format!("{whole:.0}").parse::<i64>().map_or_else(|_| value.clone(), Value::from),
            None => value.clone(),
        },
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::wording::CommandName;

    #[test]
    fn what_is_registered_fits_discords_limits() {
        let command =
            serde_json::to_value(&definition::registered(&CommandName::slash("staging-"))[0]).unwrap();
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
              "description": "The UserID of the new owner; leave it out to see the present owner",
              "max_length": 32,
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
            }
          ],
          "type": 1
        }
        "#);
        for command in definition::registered(&CommandName::slash("staging-")) {
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
        length("name")
            + length("description")
            + values.sum::<usize>()
            + options.iter().map(fits).sum::<usize>()
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
}
