//! What was given to a verb, by the names of its parameters, and how it is read: the same from every door.

use std::fmt::Display;
use std::str::FromStr;

use super::line::{Mention, Word, clean_reason};
use super::parameter::{Kind, Parameter};
use super::{CommandGroup, Problem};
use crate::domain::access::RoomScope;
use crate::domain::principal::{Channel, InvalidId, Subject};
use crate::domain::room::{AccountId, RoomId};

/// Who is to own a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewOwner {
    /// An account.
    Account(AccountId),
    /// A person, whose account the ACL knows or not.
    Person(Subject),
}

/// The values that were given to a verb. Reading one takes it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Values {
    pub(super) given: Vec<(&'static str, Word)>,
    /// The value that was read last.
    pub(super) last: Option<&'static str>,
    /// Where it is typed: an id without its workspace or server is of this one.
    pub(super) here: Option<Channel>,
    /// Groups that the platform says a named person is in, as far as it says so.
    pub groups: Vec<Subject>,
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

    /// The value as it was given, if it was: the first of several.
    pub fn get(&self, name: &str) -> Option<&Word> {
        self.given.iter().find(|(known, _)| *known == name).map(|(_, word)| word)
    }

    /// Every value of a parameter.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &Word> {
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
    pub fn is_word(&self, name: &str, word: &str) -> bool {
        self.bare(name).is_some_and(|text| text.eq_ignore_ascii_case(word))
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
            Some(Word::Mention(mention, shown)) => Err(Problem::RoomIsMention(Box::new(mention), shown)),
            Some(word) => {
                let room = word.shown();
                if CommandGroup::is_in_front_of(&room) {
                    return Err(Problem::Invalid(format!("`{room}` is a command, not the id of a room")));
                }
                room.parse().map(Some).map_err(invalid)
            }
        }
    }

    /// An account.
    ///
    /// # Errors
    /// When it is none, or a mention.
    pub fn account(&mut self, name: &str) -> Result<Option<AccountId>, Problem> {
        match self.take(name) {
            None => Ok(None),
            Some(Word::Mention(mention, shown)) => Err(Problem::AccountIsMention(Box::new(mention), shown)),
            Some(word) => word.shown().parse().map(Some).map_err(invalid),
        }
    }

    /// A new owner: an account, or a person of the chat who has one, by a mention or the whole id.
    ///
    /// # Errors
    /// When it is neither.
    pub fn new_owner(&mut self, name: &str) -> Result<Option<NewOwner>, Problem> {
        let person = match self.get(name) {
            Some(Word::Mention(Mention::Subject(subject), _)) => Some(subject.clone()),
            // With its colons it is no account of Tencent's.
            Some(Word::Text { text, .. }) => text.parse::<Subject>().ok(),
            _ => None,
        };
        match person.filter(Subject::is_chat_user) {
            Some(person) => Ok(self.take(name).map(|_| NewOwner::Person(person))),
            None => Ok(self.account(name)?.map(NewOwner::Account)),
        }
    }

    /// A person of the chat.
    ///
    /// # Errors
    /// When it is none.
    pub fn person(&mut self, name: &str) -> Result<Option<Subject>, Problem> {
        let Some(shown) = self.get(name).map(Word::shown) else { return Ok(None) };
        match self.subject(name)? {
            Some(other) if !other.is_chat_user() => {
                Err(Problem::Invalid(format!("`{shown}` is not a person of the chat: name one")))
            }
            person => Ok(person),
        }
    }

    /// What an id alone names where it is typed.
    fn beside<T>(&self, text: &str, written: fn(&str) -> T) -> Option<T> {
        self.here.as_ref()?.id_beside(text).map(|id| written(&id))
    }

    /// Whether somebody types in a chat what has none of the forms of an id: there, people and channels are chosen.
    fn is_chat_without<T>(&self, written: Result<T, InvalidId>) -> bool {
        self.here.is_some() && matches!(written, Err(InvalidId::Subject(_) | InvalidId::Channel(_)))
    }

    /// The text of a value that stands outside quotes.
    pub(super) fn bare(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Word::Text { text, quoted: false } => Some(text),
            _ => None,
        }
    }

    /// The person, group or role that is named.
    ///
    /// # Errors
    /// When it is none.
    pub fn subject(&mut self, name: &str) -> Result<Option<Subject>, Problem> {
        let Some(word) = self.take(name).map(Word::freed) else { return Ok(None) };
        let shown = word.shown();
        Err(Problem::Invalid(match word {
            Word::Mention(Mention::Subject(subject), _) => return Ok(Some(subject)),
            Word::Mention(Mention::Channel(_), _) => {
                format!("`{shown}` is a channel: name a person, a group or a role")
            }
            Word::Mention(Mention::Everyone | Mention::Within(_), _) => {
                format!(
                    "`{shown}` is everybody: name a person, a group or a role, so that the log can say who"
                )
            }
            Word::Text { text, .. } if let Some(Ok(subject)) = self.beside(&text, Subject::written) => {
                return Ok(Some(subject));
            }
            Word::Text { text, .. }
                if text.starts_with('@') || self.is_chat_without(Subject::written(&text)) =>
            {
                format!(
                    "`{text}` is only text here: choose the person from the list that the chat offers, or give the id"
                )
            }
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
        let Some(word) = self.take(name).map(Word::freed) else { return Ok(None) };
        let shown = word.shown();
        Err(Problem::Invalid(match word {
            Word::Mention(Mention::Channel(channel), _) => return Ok(Some(channel)),
            Word::Mention(..) => format!("`{shown}` is not a channel"),
            Word::Text { text, .. } if let Some(Ok(channel)) = self.beside(&text, Channel::written) => {
                return Ok(Some(channel));
            }
            Word::Text { text, .. }
                if text.starts_with('#') || self.is_chat_without(Channel::written(&text)) =>
            {
                format!(
                    "`{text}` is only text here: choose the channel from the list that the chat offers, or give the id"
                )
            }
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
            return Err(Problem::RoomIsMention(Box::new(mention), shown));
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
