//! Reads settings, by the rows of the table.

use super::environment::{Environment, entries};
use super::problems::{ConfigError, Problem};
use super::table::{Kind, Setting, VARIABLES};
use crate::redact::SHORTEST_SECRET;

/// Reads settings and keeps what is wrong with them.
pub(super) struct Reader<'a> {
    environment: &'a Environment,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(environment: &'a Environment) -> Self {
        Self { environment, problems: environment.problems.clone() }
    }

    pub(super) fn problem(&mut self, of: &str, what: impl Into<String>) {
        let problem = Problem::new(of, what);
        // Both chats read what they have in common.
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// Whether something is wrong with a setting that begins so.
    pub(super) fn has_problem(&self, start: &str) -> bool {
        self.problems.iter().any(|problem| problem.of.starts_with(start))
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
            Kind::Secret | Kind::Secrets | Kind::Proxy => wrong,
        });
        read.map_err(|wrong| self.problem(setting.variable.name, wrong)).ok()
    }

    pub(super) fn required<T>(&mut self, setting: &Setting<T>) -> Option<T> {
        // It may be misspelt, or in a file that cannot be read.
        if !self.is_set(setting) && !self.has_problem(setting.variable.name) {
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
        let is_of = |(_, secret): (_, String)| secret.contains(value) || value.contains(&secret);
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
            let held = |(_, secret): &(_, String)| secret.len() >= SHORTEST_SECRET && value.contains(secret);
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
