//! A typed line and its words, before they mean anything.

use std::fmt;

use super::Problem;
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
    /// One of these with text around it: `bob<@U1>`.
    Within(Box<Self>),
}

impl Mention {
    /// What kind of thing it names, in words.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Subject(subject) if subject.is_group() => "a group of this chat",
            Self::Subject(_) => "a person of this chat",
            Self::Channel(_) => "a channel of this chat",
            Self::Everyone => "everybody in this chat",
            Self::Within(inner) => inner.kind(),
        }
    }
}

/// A typed line in which the platform's mentions are kept apart from the text: no text that a person
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

pub(super) fn one_line(text: &str) -> String {
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
    pub fn shown(&self) -> String {
        match self {
            Self::Text { text, .. } => text.clone(),
            Self::Mention(_, shown) => shown.clone(),
            Self::Reason(text) => format!("reason: {text}"),
        }
    }

    /// The same as it can be typed again: a reason without its key, and somebody whose name is not known by the id.
    pub fn plain(&self) -> String {
        match self {
            Self::Reason(text) => text.clone(),
            Self::Mention(Mention::Subject(subject), shown)
                if shown
                    .strip_prefix('@')
                    .is_some_and(|id| subject.to_string().ends_with(&format!(":{id}"))) =>
            {
                shown[1..].to_owned()
            }
            other => other.shown(),
        }
    }

    /// The same with a mention freed of the text around it.
    pub(super) fn freed(self) -> Self {
        match self {
            Self::Mention(Mention::Within(inner), shown) => Self::Mention(*inner, shown),
            other => other,
        }
    }

    /// The same without the comma behind one of several.
    pub(super) fn without_comma(self) -> Self {
        match self {
            Self::Text { text, quoted: false } => {
                Self::Text { text: text.strip_suffix(',').unwrap_or(&text).to_owned(), quoted: false }
            }
            other => other,
        }
    }

    /// Whether somebody is named: by a mention, by its text, or by an id, which may be one of `here`.
    pub fn is_somebody(&self, here: Option<&Channel>) -> bool {
        match self {
            Self::Mention(Mention::Subject(_), _) => true,
            Self::Mention(Mention::Within(inner), _) => matches!(**inner, Mention::Subject(_)),
            Self::Text { text, quoted: false } => {
                let of_here = here.and_then(|here| here.id_beside(text));
                text.starts_with('@')
                    || text.contains(':')
                    || of_here.is_some_and(|id| Subject::written(&id).is_ok())
            }
            _ => false,
        }
    }
}

/// The mark around copied code, as the bot shows ids.
pub(super) const CODE: char = '`';

/// What closes an opened quote. Phones and Slack's own clients curl straight quotes, in pairs; other keyboards have
/// quotes of their own.
pub(super) fn closing(open: char) -> Option<&'static [char]> {
    match open {
        '"' => Some(&['"']),
        '\'' => Some(&['\'']),
        '“' | '”' | '„' | '‟' => Some(&['”', '“', '"']),
        '‘' | '’' | '‚' | '‛' => Some(&['’', '‘', '\'']),
        '«' => Some(&['»']),
        '»' => Some(&['«', '»']),
        '‹' => Some(&['›']),
        '「' => Some(&['」']),
        '『' => Some(&['』']),
        '＂' => Some(&['＂', '"']),
        '＇' => Some(&['＇', '\'']),
        _ => None,
    }
}

/// Whitespace as people type it: Slack and phones put U+00A0 and U+202F where a space was meant.
pub(super) fn is_space(item: &Item) -> bool {
    matches!(item, Item::Char(c) if c.is_whitespace())
}

/// The keys of options.
pub(super) struct Keys<'a> {
    /// With a colon.
    pub(super) known: &'a [&'static str],
    /// Without one too.
    pub(super) plain: &'a [&'static str],
}

fn is_unseen(item: &Item) -> bool {
    matches!(item, Item::Char(c) if is_invisible(*c) && !c.is_whitespace())
}

pub(super) struct Cursor<'a> {
    pub(super) items: &'a [Item],
}

impl Cursor<'_> {
    /// What nobody sees is nothing at the edge of a word, and what makes the word invalid in its middle.
    pub(super) fn skip_spaces(&mut self) {
        let nothing = self.items.iter().take_while(|item| is_space(item) || is_unseen(item)).count();
        self.items = &self.items[nothing..];
    }

    /// Passes over a word, whatever is in it.
    pub(super) fn skip_word(&mut self) {
        self.skip_spaces();
        let length = self.items.iter().take_while(|item| !is_space(item)).count();
        self.items = &self.items[length..];
    }

    pub(super) fn word(&mut self) -> Result<Option<Word>, Problem> {
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
        if let Some((key, _)) = text.split_once([':', '：'])
            && key.eq_ignore_ascii_case("reason")
        {
            self.items = &self.items[key.len() + 1..];
            return self.rest();
        }
        self.items = rest;
        let unseen = word.iter().rev().take_while(|item| is_unseen(item)).count();
        let word = &word[..word.len() - unseen];
        let text = Typed(word.to_vec()).to_string();
        match word {
            // Nothing is part of a mention but the mention.
            [Item::Mention(mention, shown)] | [Item::Mention(mention, shown), Item::Char(',')] => {
                Word::Mention(mention.clone(), shown.clone())
            }
            _ => match word.iter().find(|item| matches!(item, Item::Mention(..))) {
                Some(Item::Mention(mention, _)) => {
                    Word::Mention(Mention::Within(Box::new(mention.clone())), text)
                }
                _ => Word::Text { text, quoted: false },
            },
        }
    }

    /// `"my \"best\" room"`: a backslash takes the quote or backslash behind it as it is.
    fn quoted_word(&mut self, open: char) -> Result<Word, Problem> {
        let close = closing(open).unwrap_or_default();
        // Not copied: a line of many quoted words would cost the square of its length.
        let inside = &self.items[1..];
        let mut word = Typed::default();
        let mut items = inside.iter();
        loop {
            match items.next() {
                None => return Err(Problem::UnclosedQuote),
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
        if matches!(open, '«' | '‹') {
            // Where these are used, they stand apart from what they quote.
            let spaces = word.0.iter().take_while(|item| is_space(item)).count();
            word.0.drain(..spaces);
            while word.0.last().is_some_and(is_space) {
                word.0.pop();
            }
        }
        self.quoted(word, taken)
    }

    /// `` `my room` ``: as it stands, up to as many marks as it began with.
    fn code_word(&mut self) -> Result<Word, Problem> {
        let marks = |items: &[Item]| items.iter().take_while(|item| **item == Item::Char(CODE)).count();
        let opening = marks(self.items);
        let inside = &self.items[opening..];
        let mut end = 0;
        loop {
            end += inside[end..].iter().take_while(|item| **item != Item::Char(CODE)).count();
            match marks(&inside[end..]) {
                0 => return Err(Problem::UnclosedQuote),
                closing if closing == opening => break,
                others => end += others,
            }
        }
        let word = Typed(inside[..end].to_vec());
        self.quoted(word, end + 2 * opening)
    }

    /// The word of so many items, quotes included, whose quotes are taken off.
    fn quoted(&mut self, word: Typed, taken: usize) -> Result<Word, Problem> {
        let rest = &self.items[taken..];
        let behind: Vec<Item> = rest.iter().take_while(|item| !is_space(item)).cloned().collect();
        if !behind.iter().all(is_unseen) {
            return Err(Problem::TextAfterQuote(Typed(behind).to_string()));
        }
        self.items = rest;
        match word.0.iter().find_map(|item| match item {
            Item::Mention(mention, _) => Some(mention.clone()),
            Item::Char(_) => None,
        }) {
            Some(mention) => {
                let mention = if word.0.len() == 1 { mention } else { Mention::Within(Box::new(mention)) };
                Ok(Word::Mention(mention, word.to_string()))
            }
            None => Ok(Word::Text { text: word.to_string(), quoted: true }),
        }
    }
}

impl Cursor<'_> {
    /// Takes the key of an option, if one comes next: its value follows. `rooms: live-*`, `rooms:live-*`,
    /// `--rooms live-*` and `--rooms=live-*` are the same; a phone may have made a dash of the two hyphens.
    /// An error for what looks like an option and is none.
    pub(super) fn key(&mut self, keys: &Keys<'_>) -> Option<Result<&'static str, String>> {
        self.skip_spaces();
        let text: String = self
            .items
            .iter()
            .map_while(|item| match item {
                Item::Char(c) if !c.is_whitespace() => Some(*c),
                _ => None,
            })
            .collect();
        let called = |typed: &str| keys.known.iter().copied().find(|name| typed.eq_ignore_ascii_case(name));
        if let Some(dashed) = ["--", "—", "–"].iter().find_map(|dashes| text.strip_prefix(dashes)) {
            let name = dashed.split_once('=').map_or(dashed, |(name, _)| name);
            let Some(found) = called(name) else { return Some(Err(name.to_owned())) };
            let taken = text.chars().count() - dashed.chars().count() + name.chars().count();
            self.items = &self.items[taken..];
            if matches!(self.items.first(), Some(Item::Char('='))) {
                self.items = &self.items[1..];
            }
            return Some(Ok(found));
        }
        if let Some(plain) = keys.plain.iter().find(|key| text.eq_ignore_ascii_case(key)) {
            self.items = &self.items[plain.len()..];
            return Some(Ok(plain));
        }
        // A full-width colon, as other keyboards have it.
        let (name, _) = text.split_once([':', '：'])?;
        // `reason:` takes the rest of the line, which `word` knows.
        let found = called(name).filter(|found| *found != "reason")?;
        self.items = &self.items[name.chars().count() + 1..];
        Some(Ok(found))
    }

    /// Takes the rest of the line, as a reason.
    pub(super) fn rest(&mut self) -> Word {
        Word::Reason(one_line(&Typed(std::mem::take(&mut self.items).to_vec()).to_string()))
    }
}
