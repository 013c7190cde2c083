//! Values -> the command of their verb, or what is wrong with them and the line in which that is put right.

use super::line::Word;
use super::parameter::{Kind, Parameter, Position};
use super::values::Values;
use super::{Command, Invocation, Problem, UsageError, Verb};
use crate::domain::principal::{Channel, InvalidId, Subject};
use crate::domain::room::{AccountId, RoomId};

/// The longest line that is suggested, in characters: longer ones nobody reads.
pub(super) const LONGEST_LINE: usize = 200;

impl Values {
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

    /// The line that gives these values to `verb`.
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
            wrong != Some(it.name) && self.get(it.name).is_some_and(|word| self.can_be(it.kind, word))
        };
        // A wrong value behind a key says what was asked for, and so does `@tmp`; another word may be anything.
        let is_somebody =
            |it: &Parameter| self.get(it.name).is_some_and(|it| it.is_somebody(self.here.as_ref()));
        let is_clear =
            |it: &Parameter| wrong == Some(it.name) && (it.place == Position::Never || is_somebody(it));
        if !verb.parameters.iter().any(|it| is_right(&it) || is_clear(it) || self.in_form(it).is_some()) {
            return None;
        }
        // A reason alone is none: the words before it belong to the form.
        let has_named = verb.parameters.iter().any(|it| it.place == Position::Never && is_right(&it));
        let is_in_form = |it: &Parameter| {
            it.is_required
                || wrong == Some(it.name)
                || verb.words.is_empty() && has_named && it.place == Position::Usual
        };
        let line = verb.parameters.iter().fold(Invocation::of(verb), |line, it| {
            if is_right(&it) {
                return self.all(it.name).fold(line, |line, word| line.with(it.name, word.plain()));
            }
            if let Some(words) = self.in_form(it) {
                return words.into_iter().fold(line, |line, word| line.with(it.name, word));
            }
            if !is_in_form(it) {
                return line;
            }
            let example =
                verb.examples.iter().flat_map(|example| example.given).find(|(name, _)| *name == it.name);
            let name = match it.kind {
                Kind::OneOf(names) | Kind::SomeOf(names) if it.place == Position::Never => {
                    names().first().copied()
                }
                _ => None,
            };
            let form = example.map(|(_, value)| *value).or(name);
            line.with(it.name, form.unwrap_or(it.placeholder))
        });
        (line.as_typed().chars().count() <= LONGEST_LINE).then_some(line)
    }

    /// The values in the form that their ids have, if that is what is wrong with them.
    fn in_form(&self, it: &Parameter) -> Option<Vec<String>> {
        let checks = || self.all(it.name).map(|word| (word, self.check_id(it.kind, word)));
        let is_form = |check: &Result<(), InvalidId>| matches!(check, Err(InvalidId::Form { .. }));
        checks().any(|(_, check)| is_form(&check)).then_some(())?;
        let words = checks().map(|(word, check)| match check {
            Ok(()) => Some(word.plain()),
            Err(InvalidId::Form { meant, .. }) => Some(meant),
            Err(_) => None,
        });
        words.collect()
    }

    /// Whether a word can be a value of this kind, as far as it is an id.
    fn can_be(&self, kind: Kind, word: &Word) -> bool {
        match (kind, word) {
            (Kind::Room, Word::Text { text, .. }) => text.parse::<RoomId>().is_ok(),
            (Kind::Account, Word::Text { text, .. }) => {
                text.parse::<Subject>().is_ok() || text.parse::<AccountId>().is_ok()
            }
            _ => self.check_id(kind, word).is_ok(),
        }
    }

    /// Whether an id that is written out is one of this kind.
    fn check_id(&self, kind: Kind, word: &Word) -> Result<(), InvalidId> {
        let Word::Text { text, .. } = word else { return Ok(()) };
        let whole = self.here.as_ref().and_then(|here| here.id_beside(text));
        let text = whole.as_deref().unwrap_or(text);
        match kind {
            Kind::Person | Kind::PersonOrGroup | Kind::People => Subject::written(text).map(drop),
            Kind::Channel => Channel::written(text).map(drop),
            _ => Ok(()),
        }
    }
}
