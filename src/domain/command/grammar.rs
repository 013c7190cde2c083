//! The typed form of every command: a verb, words by their place, and named options.
//!
//! ```text
//! /room-owner "my room" user2 reason: host crashed
//! /room-acl grant @bob moderator rooms: live-* in: #mods for: 8h reason: night shift
//! /room-audit owner-at live-7 yesterday 14:03 zone: Europe/Berlin
//! ```
//!
//! What a verb takes says its entry in the [`schema`](super::schema). The value of an option runs to the next key, if
//! it can be several words; `reason` takes the rest of the line. Nothing is guessed: a line that does not fit is
//! refused, with the line that was probably meant.

use std::collections::VecDeque;

use super::line::{Cursor, Item, Keys, Typed, Word};
use super::values::Values;
use super::{Command, CommandGroup, Invocation, Kind, Parameter, Problem, UsageError, Verb};
use crate::domain::principal::Channel;

/// Reads a line that is typed `here`, without the lines that were probably meant if it does not fit.
pub(super) fn read(
    family: CommandGroup,
    line: &Typed,
    here: Option<&Channel>,
) -> Result<Command, UsageError> {
    let (verb, values) = values(family, line, here)?;
    values.build(verb)
}

/// The line as the bot writes it, if it fits.
pub(super) fn written(
    family: CommandGroup,
    line: &Typed,
    here: Option<&Channel>,
) -> Result<Invocation, UsageError> {
    let (verb, values) = values(family, line, here)?;
    let line = values.written(verb);
    values.build(verb).map(|_| line)
}

/// The verb and its values, not read yet.
fn values(
    family: CommandGroup,
    line: &Typed,
    here: Option<&Channel>,
) -> Result<(&'static Verb, Values), UsageError> {
    let start = words_of(line);
    let found = Verb::all(family)
        .iter()
        .map(|verb| (verb.length_in(&start), verb))
        .filter(|(length, _)| *length > 0)
        .max_by_key(|(length, _)| *length);
    let (length, found) = found.map_or((0, None), |(length, verb)| (length, Some(verb)));
    if let Some(help) = found.filter(|verb| verb.words == ["help"]) {
        return Ok((help, Values::default()));
    }
    let split = split(line, length, family, found).map_err(|problem| match found {
        Some(verb) => UsageError::of(verb, problem),
        None => UsageError::without_verb(family, problem),
    })?;
    let Split { words, options } = split;
    let verb = match found {
        Some(verb) => verb,
        None => {
            let key = options.first().map(|(key, _)| format!("{key}:"));
            let first = words.front().map(Word::shown).or(key);
            let bare = Verb::all(family).iter().find(|verb| (verb.may_be_bare)(first.as_deref()));
            bare.ok_or_else(|| no_verb(family, &start, &first.unwrap_or_default()))?
        }
    };
    let wrong = |problem| UsageError::of(verb, problem);
    let mut values = Values { here: here.cloned(), ..Values::default() };
    for (key, word) in options {
        let parameter = verb.parameters.iter().find(|it| it.keys.contains(&key));
        let parameter = parameter.ok_or_else(|| wrong(Problem::UnknownOption(key.to_owned())))?;
        values.put(parameter, word).map_err(wrong)?;
    }
    place(&mut values, verb, words).map_err(wrong)?;
    Ok((verb, values))
}

/// Gives words to the parameters that their place names. Where there are too few for all, those that may be left out
/// get none, the last first.
fn place(values: &mut Values, verb: &'static Verb, mut words: VecDeque<Word>) -> Result<(), Problem> {
    let count = words.len();
    let open: Vec<&Parameter> = verb.positional().filter(|it| values.get(it.name).is_none()).collect();
    let required = open.iter().filter(|it| it.is_required).count();
    let mut spare = count.saturating_sub(required);
    // `why @bob`: somebody is no room, however few words there are.
    let here = values.here.clone();
    let is_somebody = |word: &Word| word.is_somebody(here.as_ref());
    let names_somebody = words.front().is_some_and(is_somebody);
    if names_somebody && open.first().is_some_and(|it| matches!(it.kind, Kind::PersonOrGroup)) {
        spare = spare.max(1);
    }
    for parameter in open {
        if !parameter.is_required {
            let is_number_or_word = matches!(parameter.kind, Kind::OneOf(_) | Kind::Number(_));
            if is_number_or_word && words.front().is_some_and(is_somebody) {
                continue;
            }
            let Some(left) = spare.checked_sub(1) else { continue };
            spare = left;
        }
        if matches!(parameter.kind, Kind::Operation) && words.len() > 1 && is_op(words.front()) {
            words.pop_front();
        }
        let Some(first) = words.pop_front() else { break };
        if let Some(label) = label(verb, parameter, &first) {
            return Err(Problem::UnknownOption(label));
        }
        let word = match parameter.kind {
            Kind::Time => joined(first, words.drain(..)),
            Kind::People => first.without_comma(),
            _ => first,
        };
        values.put(parameter, word)?;
        while matches!(parameter.kind, Kind::People)
            && let Some(another) = words.pop_front_if(|it| is_somebody(it))
        {
            values.put(parameter, another.without_comma())?;
        }
    }
    match words.pop_front() {
        None => Ok(()),
        Some(_) if verb.words.is_empty() => Err(Problem::TooManyWords(count)),
        Some(word) => Err(Problem::TooMany(word.shown())),
    }
}

/// `op 17`, as replies name an operation.
fn is_op(word: Option<&Word>) -> bool {
    matches!(word, Some(Word::Text { text, quoted: false }) if text.eq_ignore_ascii_case("op"))
}

/// `room:test`, where a room is typed without a label; `romms:live-*`, which is no room either.
fn label(verb: &Verb, parameter: &Parameter, word: &Word) -> Option<String> {
    let Word::Text { text, quoted: false } = word else { return None };
    let (label, _) = text.split_once(':')?;
    let is_name =
        parameter.keys.is_empty() && verb.positional().any(|it| label.eq_ignore_ascii_case(it.name));
    (is_name || verb.key_near(label).is_some()).then(|| label.to_owned())
}

/// Several words as one value: what was typed, with one space where there were some.
fn joined(first: Word, rest: impl Iterator<Item = Word>) -> Word {
    rest.fold(first, |all, word| Word::Text {
        text: format!("{} {}", all.shown(), word.shown()),
        quoted: true,
    })
}

/// The first two words as typed.
fn words_of(line: &Typed) -> Vec<String> {
    let text = line.0.iter().take_while(|item| matches!(item, Item::Char(_))).take(200);
    let text: String = text.map(|item| if let Item::Char(c) = item { *c } else { ' ' }).collect();
    text.split_whitespace().take(2).map(str::to_owned).collect()
}

/// What is wrong with a line that begins with no verb.
fn no_verb(family: CommandGroup, start: &[String], first: &str) -> UsageError {
    let verbs: Vec<&'static Verb> = Verb::all(family)
        .iter()
        .filter(|verb| matches!(verb.words, [word, _] if first.eq_ignore_ascii_case(word)))
        .collect();
    let problem = match start.get(1) {
        Some(second) if !verbs.is_empty() => Problem::UnknownVerb(second.clone()),
        None if !verbs.is_empty() => Problem::MissingVerb(verbs.iter().map(|verb| verb.words[1]).collect()),
        _ => Problem::UnknownVerb(first.to_owned()),
    };
    UsageError { verbs, ..UsageError::without_verb(family, problem) }
}

#[derive(Default)]
struct Split {
    words: VecDeque<Word>,
    options: Vec<(&'static str, Word)>,
}

/// Splits what follows the verb into words and options.
fn split(
    line: &Typed,
    length_of_verb: usize,
    family: CommandGroup,
    verb: Option<&'static Verb>,
) -> Result<Split, Problem> {
    // The keys of other verbs too, so that one in the wrong place is named and no part of a value.
    let parameters = || {
        let own = verb.into_iter().chain(Verb::all(family));
        own.flat_map(|verb| verb.parameters)
    };
    let known: Vec<&'static str> = parameters().flat_map(|it| it.keys).copied().collect();
    let plain: Vec<&'static str> = verb
        .into_iter()
        .flat_map(|verb| verb.parameters)
        .filter(|it| it.is_plain)
        .flat_map(|it| it.keys)
        .copied()
        .collect();
    let keys = Keys { known: &known, plain: &plain };
    let is_several_words = |key: &str| {
        parameters().find(|it| it.keys.contains(&key)).is_some_and(|it| it.kind.is_several_words())
    };
    // A switch of the verb's own needs no value.
    let is_switch = |key: &str| {
        let is_it = |it: &&Parameter| it.keys.contains(&key) && it.is_plain;
        let own = verb.into_iter().flat_map(|verb| verb.parameters).find(is_it);
        own.is_some_and(|it| matches!(it.kind, Kind::YesOrNo))
    };
    let mut found = Split::default();
    let mut cursor = Cursor { items: &line.0 };
    (0..length_of_verb).for_each(|_| cursor.skip_word());
    loop {
        let (key, value) = match cursor.key(&keys) {
            Some(Err(unknown)) => return Err(Problem::UnknownOption(unknown)),
            Some(Ok("reason")) => ("reason", cursor.rest()),
            Some(Ok(key)) if is_switch(key) => (key, cursor.yes_or_no()),
            Some(Ok(key)) => {
                let first = cursor.word()?.ok_or(Problem::NoValue(key))?;
                let more = std::iter::from_fn(|| cursor.one_more(&keys));
                (key, if is_several_words(key) { joined(first, more) } else { first })
            }
            None => match cursor.word()? {
                None => return Ok(found),
                Some(reason @ Word::Reason(_)) => ("reason", reason),
                Some(word) => {
                    found.words.push_back(word);
                    continue;
                }
            },
        };
        if matches!(&value, Word::Reason(reason) if reason.is_empty()) && known.contains(&key) {
            return Err(Problem::NoValue(key));
        }
        if !known.contains(&key) {
            return Err(Problem::UnknownOption(key.to_owned()));
        }
        found.options.push((key, value));
    }
}

impl Cursor<'_> {
    /// The value of a switch: yes if none follows.
    fn yes_or_no(&mut self) -> Word {
        let before = self.items;
        match self.word() {
            Ok(Some(Word::Text { text, quoted })) if ["yes", "no"].contains(&&*text.to_ascii_lowercase()) => {
                Word::Text { text, quoted }
            }
            _ => {
                self.items = before;
                Word::Text { text: "yes".to_owned(), quoted: true }
            }
        }
    }

    /// Takes the next word, if it is no key and can be read.
    fn one_more(&mut self, keys: &Keys<'_>) -> Option<Word> {
        let before = self.items;
        let word = match self.key(keys) {
            None => self.word().ok().flatten(),
            Some(_) => None,
        };
        match word {
            Some(word @ (Word::Text { .. } | Word::Mention(..))) => Some(word),
            // Whatever it is, it is not part of the value: it is looked at again, and named if it is wrong.
            Some(Word::Reason(_)) | None => {
                self.items = before;
                None
            }
        }
    }
}
