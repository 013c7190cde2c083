//! A typed line and its words, before they mean anything.

use std::fmt;

use super::{LineProblem, UsageError};
use crate::domain::principal::{Channel, Subject};
use crate::domain::room::is_invisible;

/// The longest reason, in characters: enough for two sentences and a ticket, short enough for a reply.
pub const LONGEST_REASON: usize = 300;

/// A mention of the platform, which the adapter has resolved to an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mention {
    /// A user, group or role.
    Subject(Subject),
    /// A channel.
    Channel(Channel),
    /// `@here` and the like.
    Everyone,
}

/// A typed line in which the platform's mentions have been told from the text: no text that a person
/// types can become a mention by being decoded late.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Typed(pub(super) Vec<Item>);

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Item {
    Char(char),
    Mention(Mention, String),
}

impl Typed {
    /// A line without mentions.
    #[must_use]
    pub fn plain(text: &str) -> Self {
        let mut line = Self::default();
        line.push_text(text);
        line
    }

    /// Appends text.
    pub fn push_text(&mut self, text: &str) {
        self.0.extend(text.chars().map(Item::Char));
    }

    /// Appends a mention and how it was written.
    pub fn push_mention(&mut self, mention: Mention, shown: &str) {
        self.0.push(Item::Mention(mention, shown.to_owned()));
    }
}

impl fmt::Display for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for item in &self.0 {
            match item {
                Item::Char(c) => write!(f, "{c}")?,
                Item::Mention(_, shown) => f.write_str(shown)?,
            }
        }
        Ok(())
    }
}

/// A reason as it is kept: one line, no invisible characters, no quotes around it.
///
/// # Errors
/// If it has more than [`LONGEST_REASON`] characters.
pub fn clean_reason(text: &str) -> Result<Option<String>, LongReason> {
    let reason = one_line(text);
    match reason.chars().count() {
        0 => Ok(None),
        n if n > LONGEST_REASON => Err(LongReason(n)),
        _ => Ok(Some(reason)),
    }
}

/// A reason of so many characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the reason has {0} characters; {LONGEST_REASON} is the limit")]
pub struct LongReason(pub usize);

impl From<LongReason> for UsageError {
    fn from(LongReason(length): LongReason) -> Self {
        Self::LongReason(length)
    }
}

fn one_line(text: &str) -> String {
    let visible: String =
        text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| !is_invisible(*c)).collect();
    let mut line = visible.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let mut chars = line.chars();
    if let (Some(first), Some(last)) = (chars.next(), chars.next_back()) {
        let inner = chars.as_str();
        let around = closing(first).is_some_and(|close| close.contains(&last));
        if around && !inner.contains([first, last]) {
            line = inner.trim().to_owned();
        }
    }
    line
}

/// An argument the way it has to be typed to be read as one: quoted if it holds spaces or quotes.
#[must_use]
pub fn quoted(argument: &str) -> String {
    let plain = !argument.is_empty()
        && !argument.contains(char::is_whitespace)
        && !argument.starts_with(|c| c == CODE || closing(c).is_some())
        && !argument.to_ascii_lowercase().starts_with("reason:")
        && !argument.eq_ignore_ascii_case("help");
    if plain {
        return argument.to_owned();
    }
    format!("\"{}\"", argument.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A word of a line.
#[derive(Debug, Clone, PartialEq)]
pub enum Word {
    /// Text, and whether it was quoted.
    Text {
        /// The text, without its quotes.
        text: String,
        /// Whether it stood in quotes: then it is never a key word.
        quoted: bool,
    },
    /// A mention, and how it was written.
    Mention(Mention, String),
    /// `reason:` and the rest of the line.
    Reason(String),
}

impl Word {
    /// The word as it was typed, without quotes.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Text { text, .. } => text.clone(),
            Self::Mention(_, shown) => shown.clone(),
            Self::Reason(text) => format!("reason: {text}"),
        }
    }
}

/// The mark around copied code, as the bot shows ids.
const CODE: char = '`';

/// What closes an opened quote. Phones and Slack's own clients curl straight quotes, in pairs.
pub(super) fn closing(open: char) -> Option<&'static [char]> {
    match open {
        '"' => Some(&['"']),
        '\'' => Some(&['\'']),
        '“' | '”' | '„' => Some(&['”', '“', '"']),
        '‘' | '’' | '‚' => Some(&['’', '‘', '\'']),
        _ => None,
    }
}

/// Whitespace as people type it: Slack and phones put U+00A0 and U+202F where a space was meant.
fn is_space(item: &Item) -> bool {
    matches!(item, Item::Char(c) if c.is_whitespace())
}

pub(super) struct Cursor<'a> {
    pub(super) items: &'a [Item],
}

impl Cursor<'_> {
    pub(super) fn skip_spaces(&mut self) {
        let spaces = self.items.iter().take_while(|item| is_space(item)).count();
        self.items = &self.items[spaces..];
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.items.iter().all(is_space)
    }

    pub(super) fn words(&mut self) -> Result<Vec<Word>, UsageError> {
        std::iter::from_fn(|| self.word().transpose()).collect()
    }

    pub(super) fn word(&mut self) -> Result<Option<Word>, UsageError> {
        self.skip_spaces();
        match self.items.first() {
            None => Ok(None),
            Some(Item::Char(CODE)) => self.code_word().map(Some),
            Some(Item::Char(c)) if closing(*c).is_some() => self.quoted_word(*c).map(Some),
            Some(_) => Ok(Some(self.bare_word())),
        }
    }

    fn bare_word(&mut self) -> Word {
        let length = self.items.iter().take_while(|item| !is_space(item)).count();
        let (word, rest) = self.items.split_at(length);
        let text = Typed(word.to_vec()).to_string();
        if text.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("reason:")) {
            let line = Typed(self.items.to_vec()).to_string();
            self.items = &[];
            return Word::Reason(one_line(&line[7..]));
        }
        self.items = rest;
        match word {
            [Item::Mention(mention, shown)] => Word::Mention(mention.clone(), shown.clone()),
            _ => match word.iter().find(|item| matches!(item, Item::Mention(..))) {
                // `bob<@U1>`: half a mention is as unusable as a whole one.
                Some(Item::Mention(mention, _)) => Word::Mention(mention.clone(), text),
                _ => Word::Text { text, quoted: false },
            },
        }
    }

    /// `"my \"best\" room"`: a backslash takes the quote or backslash behind it as it is.
    fn quoted_word(&mut self, open: char) -> Result<Word, UsageError> {
        let close = closing(open).unwrap_or_default();
        // Not copied: a line of many quoted words would cost the square of its length.
        let inside = &self.items[1..];
        let mut word = Typed::default();
        let mut items = inside.iter();
        loop {
            match items.next() {
                None => return Err(unclosed(inside)),
                Some(Item::Char(c)) if close.contains(c) => break,
                Some(Item::Char('\\')) => match items.clone().next() {
                    Some(Item::Char(c)) if *c == '\\' || close.contains(c) => {
                        word.0.extend(items.next().cloned());
                    }
                    _ => word.0.push(Item::Char('\\')),
                },
                Some(item) => word.0.push(item.clone()),
            }
        }
        let taken = self.items.len() - items.as_slice().len();
        self.quoted(word, taken)
    }

    /// `` `my room` ``: as it stands, up to as many marks as it began with.
    fn code_word(&mut self) -> Result<Word, UsageError> {
        let marks = |items: &[Item]| items.iter().take_while(|item| **item == Item::Char(CODE)).count();
        let opening = marks(self.items);
        let inside = &self.items[opening..];
        let mut end = 0;
        loop {
            end += inside[end..].iter().take_while(|item| **item != Item::Char(CODE)).count();
            match marks(&inside[end..]) {
                0 => return Err(unclosed(inside)),
                closing if closing == opening => break,
                others => end += others,
            }
        }
        let word = Typed(inside[..end].to_vec());
        self.quoted(word, end + 2 * opening)
    }

    /// The word of so many items, quotes included, whose quotes are taken off.
    fn quoted(&mut self, word: Typed, taken: usize) -> Result<Word, UsageError> {
        let rest = &self.items[taken..];
        let behind: Vec<Item> = rest.iter().take_while(|item| !is_space(item)).cloned().collect();
        if !behind.is_empty() {
            return Err(UsageError::TextAfterQuote {
                room: None,
                inside: word.to_string(),
                rest: Typed(rest[behind.len()..].to_vec()).to_string(),
                behind: Typed(behind).to_string(),
            });
        }
        self.items = rest;
        match word.0.iter().find_map(|item| match item {
            Item::Mention(mention, _) => Some(mention.clone()),
            Item::Char(_) => None,
        }) {
            Some(mention) => Ok(Word::Mention(mention, word.to_string())),
            None => Ok(Word::Text { text: word.to_string(), quoted: true }),
        }
    }
}

fn unclosed(inside: &[Item]) -> UsageError {
    UsageError::UnclosedQuote(Typed(inside.to_vec()).to_string().trim_end().to_owned())
}

/// A line of words and named options, as `room-acl` and `room-audit` take it:
/// `grant @bob moderator rooms: live-* for: 8h reason: night shift`.
///
/// `rooms: live-*`, `rooms:live-*`, `--rooms live-*` and `--rooms=live-*` are the same; a phone may have
/// made a dash of the two hyphens. `reason` takes the rest of the line.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Arguments {
    words: std::collections::VecDeque<Word>,
    options: Vec<(&'static str, Word)>,
}

/// What is wrong with the quotes of a line whose words are not a room and its owner.
fn misquoted(error: &UsageError) -> LineProblem {
    LineProblem::Invalid(match error {
        UsageError::TextAfterQuote { behind, .. } => {
            format!("there is no space between the closing quote and `{behind}`")
        }
        _ => "a quote is opened and never closed".to_owned(),
    })
}

impl Arguments {
    /// Splits a line; `known` are the names of the options.
    ///
    /// # Errors
    /// When a quote does not fit, or an option is unknown, comes twice or has no value.
    pub(super) fn read(line: &Typed, known: &[&'static str]) -> Result<Self, LineProblem> {
        let mut arguments = Self::default();
        let mut cursor = Cursor { items: &line.0 };
        loop {
            match cursor.option(known) {
                Some(Ok("reason")) => {
                    let rest = Typed(std::mem::take(&mut cursor.items).to_vec()).to_string();
                    let reason = one_line(&rest);
                    if reason.is_empty() {
                        return Err(LineProblem::NoValue("reason"));
                    }
                    arguments.put("reason", Word::Reason(reason))?;
                    continue;
                }
                Some(Ok(name)) => {
                    let value = cursor.word().map_err(|error| misquoted(&error))?;
                    let value = value.ok_or(LineProblem::NoValue(name))?;
                    arguments.put(name, value)?;
                    continue;
                }
                Some(Err(unknown)) => return Err(LineProblem::UnknownOption(unknown)),
                None => {}
            }
            match cursor.word().map_err(|error| misquoted(&error))? {
                None => return Ok(arguments),
                Some(Word::Reason(_)) if !known.contains(&"reason") => {
                    return Err(LineProblem::UnknownOption("reason".to_owned()));
                }
                Some(Word::Reason(reason)) if reason.is_empty() => {
                    return Err(LineProblem::NoValue("reason"));
                }
                Some(reason @ Word::Reason(_)) => arguments.put("reason", reason)?,
                Some(word) => arguments.words.push_back(word),
            }
        }
    }

    fn put(&mut self, name: &'static str, value: Word) -> Result<(), LineProblem> {
        if self.options.iter().any(|(known, _)| *known == name) {
            return Err(LineProblem::Twice(name));
        }
        self.options.push((name, value));
        Ok(())
    }

    /// Takes the next word that belongs to no option.
    pub fn next_word(&mut self) -> Option<Word> {
        self.words.pop_front()
    }

    /// Takes the next word if it is this key word.
    pub fn next_is(&mut self, key: &str) -> bool {
        let is = matches!(self.words.front(), Some(Word::Text { text, quoted: false }) if text.eq_ignore_ascii_case(key));
        if is {
            self.words.pop_front();
        }
        is
    }

    /// Takes an option's value.
    pub fn option(&mut self, name: &str) -> Option<Word> {
        let at = self.options.iter().position(|(known, _)| *known == name)?;
        Some(self.options.remove(at).1)
    }

    /// The reason, if one is given.
    ///
    /// # Errors
    /// When it is too long.
    pub fn reason(&mut self) -> Result<Option<String>, LineProblem> {
        let reason = match self.option("reason") {
            Some(Word::Reason(text)) => clean_reason(&text),
            Some(word) => clean_reason(&word.shown()),
            None => return Ok(None),
        };
        reason.map_err(|error| LineProblem::Invalid(error.to_string()))
    }

    /// That nothing is left over.
    ///
    /// # Errors
    /// The first word, or the first option, that nobody took.
    pub fn finish(mut self) -> Result<(), LineProblem> {
        if let Some(word) = self.words.pop_front() {
            return Err(LineProblem::TooMany(word.shown()));
        }
        match self.options.pop() {
            Some((name, _)) => Err(LineProblem::UnknownOption(name.to_owned())),
            None => Ok(()),
        }
    }
}

impl Cursor<'_> {
    /// Takes the name of an option, if one comes next: its value follows. An error for what looks like an
    /// option and is none.
    fn option(&mut self, known: &[&'static str]) -> Option<Result<&'static str, String>> {
        self.skip_spaces();
        let text: String = self
            .items
            .iter()
            .map_while(|item| match item {
                Item::Char(c) if !c.is_whitespace() => Some(*c),
                _ => None,
            })
            .collect();
        let is_called = |name: &str, typed: &str| typed.eq_ignore_ascii_case(name);
        if let Some(dashed) = ["--", "—", "–"].iter().find_map(|dashes| text.strip_prefix(dashes)) {
            let name = dashed.split_once('=').map_or(dashed, |(name, _)| name);
            let Some(found) = known.iter().find(|known| is_called(known, name)) else {
                return Some(Err(name.to_owned()));
            };
            let taken = text.chars().count() - dashed.chars().count() + name.chars().count();
            self.items = &self.items[taken..];
            if matches!(self.items.first(), Some(Item::Char('='))) {
                self.items = &self.items[1..];
            }
            return Some(Ok(found));
        }
        let (name, _) = text.split_once(':')?;
        // `reason:` takes the rest of the line, which `word` knows.
        let found = known.iter().find(|known| is_called(known, name) && **known != "reason")?;
        self.items = &self.items[name.chars().count() + 1..];
        Some(Ok(found))
    }
}
