//! The environment and `.env`, read by the rows of the table, and what is wrong with them.

use std::collections::HashMap;
use std::fmt;

use secrecy::SecretString;

use super::{Kind, Setting, VARIABLES, Variable};
use crate::redact::{Redactor, SHORTEST_SECRET};

/// A value, or what is wrong with the text of it: how a sentence about it goes on.
pub(super) type Read<T> = Result<T, String>;

/// One thing that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Problem {
    variable: &'static str,
    what: String,
}

/// Everything that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError(Vec<Problem>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the settings cannot be used:")?;
        for Problem { variable, what } in &self.0 {
            write!(f, "\n  {variable}: {what}")?;
            if let Some(Variable { name, example, meaning, .. }) =
                VARIABLES.iter().find(|known| known.name == *variable)
            {
                write!(f, "\n      {meaning}; for example `{name}={example}`")?;
            }
        }
        Ok(())
    }
}

/// Where settings come from: the process's environment over `.env`.
#[derive(Clone, Default)]
pub struct Environment(HashMap<String, String>);

impl Environment {
    /// The real environment, and `.env` in the working directory for what it does not set.
    ///
    /// # Errors
    /// When `.env` is there and cannot be read.
    pub fn read() -> Result<Self, ConfigError> {
        let mut variables = match std::fs::read(".env") {
            Ok(text) => dot_env(&text)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => HashMap::new(),
            Err(error) => return Err(broken_dot_env(error.to_string())),
        };
        #[expect(clippy::disallowed_methods, reason = "this is the one place")]
        variables.extend(
            std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        );
        Ok(Self(variables))
    }

    /// These variables and no others.
    pub fn of<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// A variable. An empty one counts as not set: that is how `.env` files leave things open.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// Every secret that is set, by the name of its variable.
    fn named_secrets(&self) -> impl Iterator<Item = (&'static str, &str)> {
        VARIABLES.iter().flat_map(|variable| {
            let secrets = match variable.kind {
                Kind::Open => None,
                Kind::Secret => self.get(variable.name).map(|secret| vec![secret]),
                Kind::Secrets => self.get(variable.name).map(|text| entries(text).collect()),
            };
            secrets.into_iter().flatten().map(|secret| (variable.name, secret))
        })
    }

    /// Redacts every secret that is set.
    #[must_use]
    pub fn redactor(&self) -> Redactor {
        Redactor::of(&self.secrets())
    }

    /// Every secret that is set.
    #[must_use]
    pub fn secrets(&self) -> Vec<SecretString> {
        self.named_secrets().map(|(_, secret)| SecretString::from(secret)).collect()
    }

    /// Who called `sudo`, if somebody did: a caption for the record, never used to decide.
    #[must_use]
    pub fn sudo_user(&self) -> Option<String> {
        self.get("SUDO_USER").map(str::to_owned)
    }
}

/// The entries of a list.
fn entries(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|entry| !entry.is_empty())
}

fn broken_dot_env(what: String) -> ConfigError {
    ConfigError(vec![Problem { variable: ".env", what }])
}

/// What a `.env` sets. A line may hold a secret, so a broken one is named by its number and never quoted.
pub(super) fn dot_env(text: &[u8]) -> Result<HashMap<String, String>, ConfigError> {
    dotenvy::Iter::new(text).collect::<Result<_, _>>().map_err(|error| {
        let dotenvy::Error::LineParse(broken, at) = error else { return broken_dot_env(error.to_string()) };
        let (first, more) = broken.split_once('\n').unwrap_or((&broken, ""));
        // Without its end and the comment behind it. The same line would have been broken before.
        let is_it = |line: &str| line.strip_prefix(first.trim_end()).is_some_and(is_blank_or_comment);
        let number = String::from_utf8_lossy(text).lines().take_while(|line| !is_it(line)).count() + 1;
        let place = match broken.get(..at).map_or(at, |before| before.chars().count()) {
            // A quote that is not closed goes over lines.
            _ if !more.is_empty() => "its quote is not closed".to_owned(),
            at => format!("at its character {}", at + 1),
        };
        broken_dot_env(format!(
            "line {number} cannot be read ({place}): a line is `NAME=value`, a value with spaces in single quotes"
        ))
    })
}

fn is_blank_or_comment(text: &str) -> bool {
    text.trim_start().is_empty() || text.trim_start().starts_with('#')
}

/// Reads settings and keeps what is wrong with them.
pub(super) struct Reader<'a> {
    environment: &'a Environment,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(environment: &'a Environment) -> Self {
        Self { environment, problems: Vec::new() }
    }

    pub(super) fn problem(&mut self, variable: &'static str, what: impl Into<String>) {
        let problem = Problem { variable, what: what.into() };
        // Both chats read what they have in common.
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// Whether something is wrong with a setting that begins so.
    pub(super) fn has_problem(&self, start: &str) -> bool {
        self.problems.iter().any(|problem| problem.variable.starts_with(start))
    }

    pub(super) fn is_set<T>(&self, setting: &Setting<T>) -> bool {
        self.environment.get(setting.variable.name).is_some()
    }

    /// The first setting that begins so and is set.
    pub(super) fn first_set(&self, start: &str) -> Option<&'static str> {
        let mut names = VARIABLES.iter().map(|variable| variable.name);
        names.find(|name| name.starts_with(start) && self.environment.get(name).is_some())
    }

    /// The value, if it is set and good.
    pub(super) fn get<T>(&mut self, setting: &Setting<T>) -> Option<T> {
        let text = self.environment.get(setting.variable.name)?;
        let read = (setting.read)(text).map_err(|wrong| match setting.variable.kind {
            Kind::Open => format!("{} {wrong}", self.shown(text)),
            Kind::Secret | Kind::Secrets => wrong,
        });
        read.map_err(|wrong| self.problem(setting.variable.name, wrong)).ok()
    }

    pub(super) fn required<T>(&mut self, setting: &Setting<T>) -> Option<T> {
        if !self.is_set(setting) {
            self.problem(setting.variable.name, "is not set");
        }
        self.get(setting)
    }

    /// The value, or `usual`, which is good.
    pub(super) fn get_or<T>(&mut self, setting: &Setting<T>, usual: &str) -> T {
        self.get(setting).unwrap_or_else(|| match (setting.read)(usual) {
            Ok(usual) => usual,
            Err(wrong) => unreachable!("{}: `{usual}` {wrong}", setting.variable.name),
        })
    }

    /// The value, or the example.
    pub(super) fn get_or_example<T>(&mut self, setting: &Setting<T>) -> T {
        self.get_or(setting, setting.variable.example)
    }

    /// The good entries of a list.
    pub(super) fn list<T>(&mut self, setting: &Setting<T>) -> Vec<T> {
        let text = self.environment.get(setting.variable.name).unwrap_or_default();
        let mut good = Vec::new();
        for (number, entry) in (1..).zip(entries(text)) {
            match (setting.read)(entry) {
                Ok(entry) => good.push(entry),
                Err(wrong) => self.problem(setting.variable.name, format!("its entry {number} {wrong}")),
            }
        }
        good
    }

    /// A value that is wrong. Any could be a secret that went astray, except one that is too short to be one.
    fn shown(&self, value: &str) -> String {
        let is_of = |(_, secret): (_, &str)| secret.contains(value) || value.contains(secret);
        if value.len() < SHORTEST_SECRET && !self.environment.named_secrets().any(is_of) {
            format!("`{value}`")
        } else {
            "what is set".to_owned()
        }
    }

    /// What is no secret is shown: it may hold none.
    pub(super) fn check_open_variables(&mut self) {
        let environment = self.environment;
        for open in VARIABLES.iter().filter(|variable| variable.kind == Kind::Open) {
            let Some(value) = environment.get(open.name) else { continue };
            let held = |(_, secret): &(_, &str)| secret.len() >= SHORTEST_SECRET && value.contains(secret);
            if let Some((secret, _)) = environment.named_secrets().find(held) {
                self.problem(open.name, format!("holds the value of {secret}, which nobody may read"));
            }
        }
    }

    pub(super) fn end<T>(self, value: Option<T>) -> Result<T, ConfigError> {
        match value {
            Some(value) if self.problems.is_empty() => Ok(value),
            _ => Err(ConfigError(self.problems)),
        }
    }
}
