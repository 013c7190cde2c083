//! A command as it is to be given: the one place that writes lines which people can type.

use super::line::{CODE, closing};
use super::{CommandGroup, Example, Kind, Parameter, Position, Verb};
use crate::domain::room::is_invisible;

/// How a door takes the arguments of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// As words behind the command: `"my room" user2 reason: host crashed`.
    Words,
    /// As options with names, which a client shows like this: `room:my room new_owner:user2`.
    Options,
    /// As arguments of a program, quoted as a POSIX shell takes them: `'my room' user2 --reason 'host crashed'`.
    Shell,
}

/// A verb with some of its parameters given: a line that can be typed, or the form of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// The verb.
    pub verb: &'static Verb,
    given: Vec<(&'static str, String)>,
}

impl Invocation {
    /// The verb alone.
    pub fn of(verb: &'static Verb) -> Self {
        Self { verb, given: Vec::new() }
    }

    /// The verb of `family` with these words. A test holds that there is one wherever this is called.
    pub fn named(family: CommandGroup, words: &[&str]) -> Self {
        let verb = Verb::with_words(family, words);
        debug_assert!(verb.is_some(), "{} has no verb {words:?}", family.name());
        Self::of(verb.unwrap_or(&Verb::all(family)[0]))
    }

    /// The verb as one of its examples shows it.
    pub fn example(verb: &'static Verb, example: &Example) -> Self {
        example.given.iter().fold(Self::of(verb), |line, (name, value)| line.with(name, value))
    }

    /// The same with a value.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl std::fmt::Display) -> Self {
        debug_assert!(self.verb.parameter(name).is_some(), "{:?} takes no {name}", self.verb);
        self.given.push((name, value.to_string()));
        self
    }

    /// The line without the command's name, as it is given in this style.
    pub fn line(&self, style: Style) -> String {
        match style {
            Style::Words => self.as_typed(),
            Style::Options => self.as_options(),
            Style::Shell => self.as_arguments(),
        }
    }

    /// Whether it holds a place for something that is to be filled in, such as `<why>`.
    pub fn is_form(&self) -> bool {
        self.given.iter().any(|(_, value)| value == "…" || (value.starts_with('<') && value.ends_with('>')))
    }

    /// The value of a parameter, if it has one.
    pub fn given(&self, name: &str) -> Option<&str> {
        self.given.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter; of one that takes several, all with commas between them.
    fn value(&self, parameter: &Parameter) -> Option<String> {
        let all =
            self.given.iter().filter(|(known, _)| *known == parameter.name).map(|(_, value)| value.as_str());
        let all: Vec<&str> = all.collect();
        (!all.is_empty()).then(|| all.join(", "))
    }

    /// The line as it is typed.
    pub fn as_typed(&self) -> String {
        let mut parts: Vec<String> = Vec::new();
        let first = self.verb.positional().next().and_then(|it| self.value(it));
        if !(self.verb.may_be_bare)(first.as_deref()) {
            parts.extend(self.verb.words.iter().map(|word| (*word).to_owned()));
        }
        // By its place, a word is known only behind all those that come before it.
        let mut misses_one = false;
        for parameter in self.verb.positional() {
            match self.value(parameter) {
                None => misses_one |= parameter.is_required || self.verb.words.is_empty(),
                Some(value) if !misses_one && parameter.place == Position::Usual => {
                    parts.push(word(parameter.kind, &value));
                }
                Some(value) => {
                    let key = parameter.keys.first().copied().unwrap_or(parameter.name);
                    parts.push(format!("{key}: {}", word(parameter.kind, &value)));
                }
            }
        }
        for parameter in self.in_order().filter(|it| it.place == Position::Never) {
            if let (Some(key), Some(value)) = (parameter.keys.first(), self.value(parameter)) {
                parts.push(format!("{key}: {}", word(parameter.kind, &value)));
            }
        }
        parts.join(" ")
    }

    /// The parameters as they are written: the reason takes the rest of the line.
    fn in_order(&self) -> impl Iterator<Item = &'static Parameter> {
        let is_last = |it: &&Parameter| matches!(it.kind, Kind::Reason);
        let all = self.verb.parameters.iter();
        all.clone().filter(move |it| !is_last(it)).chain(all.filter(is_last))
    }

    fn as_arguments(&self) -> String {
        let form = |value: &str| {
            if value.starts_with('<') { value.to_owned() } else { shell_word(value) }
        };
        let by_place = self.verb.positional().filter(|it| it.place == Position::Usual);
        let named = self.verb.parameters.iter().filter(|it| it.place != Position::Usual);
        let by_place = by_place.filter_map(|it| self.value(it).map(|value| form(&value)));
        let named = named.filter_map(|it| {
            let value = self.value(it)?;
            Some(format!("--{} {}", it.keys.first().unwrap_or(&it.name), form(&value)))
        });
        let words = self.verb.words.iter().map(|word| (*word).to_owned());
        words.chain(by_place).chain(named).collect::<Vec<_>>().join(" ")
    }

    fn as_options(&self) -> String {
        let words = self.verb.words.iter().map(|word| (*word).to_owned());
        let options = self.in_order().filter_map(|parameter| {
            let value = self.value(parameter)?;
            // How a client shows a switch that is on.
            let is_on = matches!(parameter.kind, Kind::YesOrNo) && value == "yes";
            Some(format!("{}:{}", parameter.name, if is_on { "True" } else { &value }))
        });
        words.chain(options).collect::<Vec<_>>().join(" ")
    }
}

impl Verb {
    /// Its form: the first example.
    pub fn form(&'static self) -> Option<Invocation> {
        self.examples.first().map(|example| Invocation::example(self, example))
    }
}

/// A value as it is typed.
fn word(kind: Kind, value: &str) -> String {
    match kind {
        // They may be several words.
        Kind::Reason | Kind::Time | Kind::SomeOf(_) | Kind::People => value.to_owned(),
        // Nothing else stands there.
        Kind::OneOf(words) if words().contains(&value) => value.to_owned(),
        _ => quoted(value),
    }
}

/// An argument the way it has to be typed to be read as one: in quotes if it holds spaces or quotes, or could be
/// taken for a verb or the key of an option.
pub fn quoted(argument: &str) -> String {
    let is_key = |word: &str| {
        let mut keys = CommandGroup::ALL.into_iter().flat_map(Verb::all).flat_map(|verb| verb.parameters);
        keys.any(|it| it.keys.iter().any(|key| key.eq_ignore_ascii_case(word)))
    };
    let plain = !argument.is_empty()
        && !argument.contains(char::is_whitespace)
        && !argument.starts_with(|c| c == CODE || closing(c).is_some())
        && !["--", "—", "–"].iter().any(|dashes| argument.starts_with(dashes))
        && !argument.split_once(':').is_some_and(|(key, _)| is_key(key))
        && !argument.starts_with(is_invisible)
        && !argument.ends_with(is_invisible)
        && Verb::beginning_with(argument).next().is_none();
    if plain {
        return argument.to_owned();
    }
    format!("\"{}\"", argument.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A word as a POSIX shell takes it, quoted where it has to be.
pub fn shell_word(word: &str) -> String {
    // Nobody can type a zero byte.
    shlex::try_quote(&word.replace('\0', "")).map_or_else(|_| String::new(), Into::into)
}
