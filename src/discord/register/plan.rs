//! What is to be written at Discord: commands that are missing, that differ, or that are in one place too many.

use std::fmt::{self, Write as _};

use serde_json::{Map, Value, json};

/// Where commands are registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// For every server.
    Everywhere,
    /// For one, by its id.
    Guild(String),
}

impl Scope {
    /// The server, if it is one alone.
    pub fn guild(&self) -> Option<&str> {
        match self {
            Self::Everywhere => None,
            Self::Guild(guild) => Some(guild),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everywhere => f.write_str("everywhere"),
            Self::Guild(guild) => write!(f, "in guild {guild}"),
        }
    }
}

impl From<Option<&str>> for Scope {
    fn from(guild: Option<&str>) -> Self {
        guild.map_or(Self::Everywhere, |guild| Self::Guild(guild.to_owned()))
    }
}

/// What has to be written in one place so that Discord shows what it should.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The place.
    pub scope: Scope,
    pub(super) changes: Vec<Change>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Change {
    Create { name: String, command: Map<String, Value> },
    Update { id: String, name: String, was: Map<String, Value>, fields: Map<String, Value> },
    Remove { id: String, name: String },
}

/// A command, and what has to be done to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// `create`, `update` or `remove`.
    pub change: &'static str,
    /// Its name, with the slash if it has one.
    pub command: String,
    /// The fields that differ.
    pub fields: Vec<String>,
}

impl Plan {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// What is to be done, a step a command.
    pub fn steps(&self) -> Vec<Step> {
        let keys = |fields: &Map<String, Value>| fields.keys().cloned().collect();
        let step = |change: &Change| {
            let (change, name, fields) = match change {
                Change::Create { name, command } => ("create", name, keys(command)),
                Change::Update { name, fields, .. } => ("update", name, keys(fields)),
                Change::Remove { name, .. } => ("remove", name, Vec::new()),
            };
            Step { change, command: name.clone(), fields }
        };
        self.changes.iter().map(step).collect()
    }

    /// The difference, for people: a line a field.
    pub fn difference(&self) -> String {
        let mut text = String::new();
        for change in &self.changes {
            match change {
                Change::Create { name, command } => {
                    let _ = writeln!(text, "+ {name}");
                    for (field, value) in command {
                        let _ = writeln!(text, "    + {field}: {value}");
                    }
                }
                Change::Update { name, was, fields, .. } => {
                    let _ = writeln!(text, "~ {name}");
                    for (field, value) in fields {
                        let _ = writeln!(text, "    - {field}: {}", was.get(field).unwrap_or(&Value::Null));
                        let _ = writeln!(text, "    + {field}: {value}");
                    }
                }
                Change::Remove { name, .. } => {
                    let _ = writeln!(text, "- {name} {}", self.scope);
                }
            }
        }
        text
    }
}

/// What makes one command as it should be, if anything does.
pub(super) fn change(wanted: Map<String, Value>, present: &[Value]) -> Option<Change> {
    let found = present.iter().find(|command| is_same(command, &wanted));
    let name = shown(&Value::Object(wanted.clone()));
    match found.and_then(|command| Some((command["id"].as_str()?, canonical(command)))) {
        None => Some(Change::Create { name, command: wanted }),
        Some((id, was)) => {
            let differs = |(field, value): &(String, Value)| was.get(field) != Some(value);
            let fields: Map<String, Value> = wanted.into_iter().filter(differs).collect();
            (!fields.is_empty()).then(|| Change::Update { id: id.to_owned(), name, was, fields })
        }
    }
}

/// What takes a command away, if it is there.
pub(super) fn removal(wanted: &Map<String, Value>, present: &[Value]) -> Option<Change> {
    let found = present.iter().find(|command| is_same(command, wanted))?;
    Some(Change::Remove { id: found["id"].as_str()?.to_owned(), name: shown(&Value::Object(wanted.clone())) })
}

/// A slash command ("Application Command Types").
const SLASH: u64 = 1;

/// A command as a client shows it.
pub(in crate::discord) fn shown(command: &Value) -> String {
    let name = command["name"].as_str().unwrap_or_default();
    if command["type"] == SLASH { format!("/{name}") } else { name.to_owned() }
}

/// Whether it is the command of this name and kind.
fn is_same(command: &Value, wanted: &Map<String, Value>) -> bool {
    command["name"] == wanted["name"] && command.get("type").unwrap_or(&json!(SLASH)) == &wanted["type"]
}

/// A command in the one form in which two can be compared: only what we say about it. Discord fills in the rest
/// (ids, versions, nulls, empty translations).
pub(super) fn canonical(command: &Value) -> Map<String, Value> {
    let fields = ["name", "type", "description", "contexts", "integration_types", "options"];
    let said = fields.into_iter().filter_map(|name| {
        let usual = || (name == "type").then(|| json!(SLASH));
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
