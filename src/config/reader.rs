//! Reads settings, by the rows of the table.

use super::environment::{Environment, entries};
use super::problems::{ConfigError, Problem};
use super::table::{Kind, Setting, VARIABLES};
use crate::redact::SHORTEST_SECRET;

/// How a problem begins that is about a setting which is missing.
const IS_NOT_SET: &str = "is not set";

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
        let is_missing = problem.what.starts_with(IS_NOT_SET);
        // It may be misspelt, or in a file or a line that cannot be read.
        if is_missing && (self.environment.is_partial || self.has_problem(of)) {
            return;
        }
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
        if !self.is_set(setting) {
            self.problem(setting.variable.name, IS_NOT_SET);
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

    /// A value that is wrong. Any could be a secret that went astray, except one that does not look like one.
    fn shown(&self, value: &str) -> String {
        let is_of = |(_, secret): (_, String)| secret.contains(value) || value.contains(&secret);
        if is_no_secret(value) && !self.environment.named_secrets().any(is_of) {
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

/// Whether a value can be shown: it is too short to be a secret, a word without digits, a number, or an address that
/// holds nothing else. The secrets of the platforms and of this program are long and hold digits; what a person chose
/// may be anything, so an address with a place for a password is not shown.
fn is_no_secret(value: &str) -> bool {
    let is_word = |text: &str| {
        let is_plain = |b: u8| b.is_ascii_alphabetic() || matches!(b, b'-' | b'_');
        text.len() <= LONGEST_WORD && text.bytes().all(is_plain)
    };
    let is_number = |text: &str| text.len() <= LONGEST_WORD && text.bytes().all(|b| b.is_ascii_digit());
    value.len() < SHORTEST_SECRET
        || is_number(value)
        || is_word(value)
        || value.contains(['/', ':']) && !value.contains(['@', '?', '#', ' ']) && {
            let mut parts = value.split(['/', ':', '.', '[', ']']);
            parts.all(|part| part.len() < SHORTEST_SECRET || is_word(part) || is_number(part))
        }
}

/// As long as a part of an address, or a number, may be.
const LONGEST_WORD: usize = 20;
