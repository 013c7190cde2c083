//! What was given to a verb, by the names of its parameters, and how it is read: the same from every door.

use std::fmt::Display;
use std::str::FromStr;

use super::line::{Mention, Word, clean_reason};
use super::{Command, CommandGroup, Invocation, Kind, Parameter, Problem, UsageError, Verb};
use crate::domain::access::RoomScope;
use crate::domain::principal::{Channel, InvalidId, Subject};
use crate::domain::room::{AccountId, RoomId};

/// The longest line that is suggested, in characters: longer ones nobody reads.
pub(super) const LONGEST_LINE: usize = 200;

/// The values that were given to a verb. Reading one takes it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Values {
    given: Vec<(&'static str, Word)>,
    /// The value that was read last.
    last: Option<&'static str>,
    /// Groups that the platform says a named person is in, as far as it says so.
    pub groups: Vec<Subject>,
}

/// Whether an id that is written out is one of this kind.
fn check_id(kind: Kind, word: &Word) -> Result<(), InvalidId> {
    match (kind, word) {
        (Kind::Person | Kind::PersonOrGroup | Kind::People, Word::Text { text, .. }) => {
            Subject::written(text).map(drop)
        }
        (Kind::Channel, Word::Text { text, .. }) => Channel::written(text).map(drop),
        _ => Ok(()),
    }
}

impl Values {
    /// Adds a value; to those that are there, where it can be several.
    ///
    /// # Errors
    /// When there is one already, and can be no other.
    pub fn put(&mut self, parameter: &Parameter, value: Word) -> Result<(), Problem> {
        if self.get(parameter.name).is_some() && !matches!(parameter.kind, Kind::SomeOf(_) | Kind::People) {
            return Err(Problem::Twice(parameter.keys.first().copied().unwrap_or(parameter.name)));
        }
        self.given.push((parameter.name, value));
        Ok(())
    }

    /// Makes the command of `verb` of texts that were given by name, each taken as it is.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn of_texts<'a>(
        verb: &'static Verb,
        texts: impl IntoIterator<Item = (&'a str, Option<String>)>,
    ) -> Result<Command, UsageError> {
        let wrong = |problem| UsageError::of(verb, problem);
        let mut values = Self::default();
        for (name, text) in texts {
            let (Some(parameter), Some(text)) = (verb.parameter(name), text) else { continue };
            values.put(parameter, Word::Text { text, quoted: true }).map_err(wrong)?;
        }
        values.build(verb)
    }

    /// The value as it was given, if it was: the first of several.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Word> {
        self.given.iter().find(|(known, _)| *known == name).map(|(_, word)| word)
    }

    /// The line that gives these values to `verb`.
    #[must_use]
    pub fn written(&self, verb: &'static Verb) -> Invocation {
        let given = self.given.iter();
        given.fold(Invocation::of(verb), |line, (name, word)| line.with(name, word.plain()))
    }

    /// Makes the command of `verb` with these values.
    ///
    /// # Errors
    /// What is wrong with them, and the line in which that is put right.
    pub fn build(mut self, verb: &'static Verb) -> Result<Command, UsageError> {
        let given = self.clone();
        let missing = verb.parameters.iter().find(|it| it.is_required && self.get(it.name).is_none());
        let built = match missing {
            Some(parameter) => Err(Problem::Missing(parameter.placeholder)),
            None => (verb.build)(&mut self),
        };
        built.map_err(|problem| {
            let wrong = match problem {
                Problem::Missing(what) => verb
                    .parameters
                    .iter()
                    .find(|it| [it.placeholder, it.name].contains(&what))
                    .map(|it| it.name),
                _ => self.last,
            };
            UsageError {
                meant: given.mended(verb, wrong).into_iter().collect(),
                ..UsageError::of(verb, problem)
            }
        })
    }

    /// The line that gives these values to `verb`, with the form of what is `wrong` or missing. None if nothing is
    /// right.
    fn mended(&self, verb: &'static Verb, wrong: Option<&str>) -> Option<Invocation> {
        let is_right = |it: &&Parameter| {
            wrong != Some(it.name) && self.get(it.name).is_some_and(|word| check_id(it.kind, word).is_ok())
        };
        if !verb.parameters.iter().any(|it| is_right(&it) || self.in_form(it).is_some()) {
            return None;
        }
        let line = verb.parameters.iter().fold(Invocation::of(verb), |line, it| {
            if is_right(&it) {
                return self.all(it.name).fold(line, |line, word| line.with(it.name, word.plain()));
            }
            if let Some(words) = self.in_form(it) {
                return words.into_iter().fold(line, |line, word| line.with(it.name, word));
            }
            if !it.is_required && wrong != Some(it.name) {
                return line;
            }
            let example =
                verb.examples.iter().flat_map(|example| example.given).find(|(name, _)| *name == it.name);
            line.with(it.name, example.map_or(it.placeholder, |(_, value)| *value))
        });
        (line.as_typed().chars().count() <= LONGEST_LINE).then_some(line)
    }

    /// The values in the form that their ids have, if that is what is wrong with them.
    fn in_form(&self, it: &Parameter) -> Option<Vec<String>> {
        let checks = || self.all(it.name).map(|word| (word, check_id(it.kind, word)));
        let is_form = |check: &Result<(), InvalidId>| matches!(check, Err(InvalidId::Form { .. }));
        checks().any(|(_, check)| is_form(&check)).then_some(())?;
        let words = checks().map(|(word, check)| match check {
            Ok(()) => Some(word.plain()),
            Err(InvalidId::Form { meant, .. }) => Some(meant),
            Err(_) => None,
        });
        words.collect()
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &Word> {
        self.given.iter().filter(move |(known, _)| *known == name).map(|(_, word)| word)
    }

    fn take(&mut self, name: &str) -> Option<Word> {
        let at = self.given.iter().position(|(known, _)| *known == name)?;
        let (name, word) = self.given.remove(at);
        self.last = Some(name);
        Some(word)
    }

    /// Every value, of a parameter that takes several.
    ///
    /// # Errors
    /// When one is none.
    pub fn several<T>(
        &mut self,
        name: &str,
        read: fn(&mut Self, &str) -> Result<Option<T>, Problem>,
    ) -> Result<Vec<T>, Problem> {
        std::iter::from_fn(|| read(self, name).transpose()).collect()
    }

    /// Whether the value is this word, unquoted.
    #[must_use]
    pub fn is_word(&self, name: &str, word: &str) -> bool {
        matches!(self.get(name), Some(Word::Text { text, quoted: false }) if text.eq_ignore_ascii_case(word))
    }

    /// A value that has to be there.
    ///
    /// # Errors
    /// As `read`; when it is not there.
    pub fn required<T>(
        &mut self,
        name: &'static str,
        read: fn(&mut Self, &str) -> Result<Option<T>, Problem>,
    ) -> Result<T, Problem> {
        read(self, name)?.ok_or(Problem::Missing(name))
    }

    /// A value as text.
    ///
    /// # Errors
    /// None: every value has a text. So that [`Self::required`] can read it.
    pub fn text(&mut self, name: &str) -> Result<Option<String>, Problem> {
        Ok(self.take(name).map(|word| word.shown()))
    }

    /// A text that has to parse.
    ///
    /// # Errors
    /// When it does not.
    pub fn parsed<T: FromStr>(&mut self, name: &str) -> Result<Option<T>, Problem>
    where
        T::Err: Display,
    {
        self.take(name).map(|word| word.shown().parse().map_err(invalid)).transpose()
    }

    /// The reason, if one is given.
    ///
    /// # Errors
    /// When it is empty or too long.
    pub fn reason(&mut self) -> Result<Option<String>, Problem> {
        let Some(word) = self.take("reason") else { return Ok(None) };
        let (text, is_typed) = match word {
            Word::Reason(text) => (text, true),
            other => (other.shown(), false),
        };
        match clean_reason(&text).map_err(invalid)? {
            None if is_typed => Err(Problem::NoValue("reason")),
            reason => Ok(reason),
        }
    }

    /// The id of a room.
    ///
    /// # Errors
    /// When it is none, or a mention.
    pub fn room(&mut self, name: &str) -> Result<Option<RoomId>, Problem> {
        match self.take(name) {
            None => Ok(None),
            Some(Word::Mention(mention, shown)) => Err(Problem::RoomIsMention(mention.kind(), shown)),
            Some(word) => {
                let room = word.shown();
                if CommandGroup::is_in_front_of(&room) {
                    return Err(Problem::Invalid(format!("`{room}` is a command, not the id of a room")));
                }
                room.parse().map(Some).map_err(invalid)
            }
        }
    }

    /// The account of a new owner.
    ///
    /// # Errors
    /// When it is none, or a mention.
    pub fn account(&mut self, name: &str) -> Result<Option<AccountId>, Problem> {
        match self.take(name) {
            None => Ok(None),
            Some(Word::Mention(mention, shown)) => Err(Problem::AccountIsMention(mention.kind(), shown)),
            Some(word) => word.shown().parse().map(Some).map_err(invalid),
        }
    }

    /// The person, group or role that is named.
    ///
    /// # Errors
    /// When it is none.
    pub fn subject(&mut self, name: &str) -> Result<Option<Subject>, Problem> {
        let Some(word) = self.take(name) else { return Ok(None) };
        let shown = word.shown();
        Err(Problem::Invalid(match word {
            Word::Mention(Mention::Subject(subject), _) => return Ok(Some(subject)),
            Word::Mention(Mention::Channel(_), _) => {
                format!("`{shown}` is a channel: name a person, a group or a role")
            }
            Word::Mention(Mention::Everyone, _) => {
                format!(
                    "`{shown}` is everybody: name a person, a group or a role, so that the log can say who"
                )
            }
            Word::Text { text, .. } if text.starts_with('@') => format!(
                "`{text}` is only text here: choose the person from the list that the chat offers, or give the id"
            ),
            Word::Text { .. } | Word::Reason(_) => {
                return Subject::written(&shown).map(Some).map_err(invalid);
            }
        }))
    }

    /// The channel that is named.
    ///
    /// # Errors
    /// When it is none.
    pub fn channel(&mut self, name: &str) -> Result<Option<Channel>, Problem> {
        let Some(word) = self.take(name) else { return Ok(None) };
        let shown = word.shown();
        Err(Problem::Invalid(match word {
            Word::Mention(Mention::Channel(channel), _) => return Ok(Some(channel)),
            Word::Mention(..) => format!("`{shown}` is not a channel"),
            Word::Text { text, .. } if text.starts_with('#') => format!(
                "`{text}` is only text here: choose the channel from the list that the chat offers, or give the id"
            ),
            Word::Text { .. } | Word::Reason(_) => {
                return Channel::written(&shown).map(Some).map_err(invalid);
            }
        }))
    }

    /// Scopes of rooms: one, or several with a comma and a space between them.
    ///
    /// # Errors
    /// When one is none.
    pub fn scopes(&mut self, name: &str) -> Result<Vec<RoomScope>, Problem> {
        let Some(word) = self.take(name) else { return Ok(Vec::new()) };
        if let Word::Mention(mention, shown) = word {
            return Err(Problem::RoomIsMention(mention.kind(), shown));
        }
        let mut scopes: Vec<RoomScope> = Vec::new();
        for scope in word.shown().split(", ") {
            let scope = scope.parse().map_err(invalid)?;
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
        Ok(scopes)
    }

    /// `yes` or `no`; no if it is not given.
    ///
    /// # Errors
    /// When it is something else.
    pub fn yes_or_no(&mut self, name: &str) -> Result<bool, Problem> {
        match self.take(name).map(|word| word.shown().to_ascii_lowercase()).as_deref() {
            None | Some("no") => Ok(false),
            Some("yes") => Ok(true),
            Some(other) => Err(Problem::Invalid(format!("the option {name} takes yes or no, not `{other}`"))),
        }
    }
}

/// What an error of a value says.
#[allow(clippy::needless_pass_by_value)]
pub(super) fn invalid(error: impl Display) -> Problem {
    Problem::Invalid(error.to_string())
}
