//! The ids of platforms, and why a text is none.

use std::fmt;

/// The longest id of a platform that is taken, in bytes. Slack advises to store ids as opaque strings of
/// up to 64 bytes; Discord's are 20 digits at most.
pub(super) const LONGEST_ID: usize = 64;

/// Why a text is not a subject or a channel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// The text has none of the forms of a subject.
    #[error(
        "`{0}` is not a subject: write `slack:<team>:<user>`, `slack:<team>:group:<usergroup>`, \
         `discord:<guild>:<user>`, `discord:<guild>:role:<role>` or `cli:<os user>`"
    )]
    Subject(String),
    /// The text has none of the forms of a channel.
    #[error("`{0}` is not a channel: write `slack:<team>:<channel>` or `discord:<guild>:<channel>`")]
    Channel(String),
    /// The text has the form of one thing and the id of another, or is not written like an id.
    #[error("`{text}` is not the form of this id: write `{meant}`")]
    Form {
        /// The text.
        text: String,
        /// The form that its id has.
        meant: String,
    },
    /// The id is of something else.
    #[error("`{id}` is the id of {what}: give the id of {wanted}")]
    Other {
        /// The id.
        id: String,
        /// What it is the id of.
        what: &'static str,
        /// What is named here.
        wanted: &'static str,
    },
}

/// What marks a user group in the text of a subject. It is no id: `slack:<team>:group` lacks one.
pub(super) const GROUP: &str = "group";

pub(super) fn is_id(text: &str) -> bool {
    (1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric()) && text != GROUP
}

pub(super) fn is_snowflake(text: &str) -> bool {
    !text.is_empty() && text.len() <= 20 && text.bytes().all(|b| b.is_ascii_digit())
}

/// What Slack gives an id to, as its first letter says; `None` for letters that are not known.
pub(super) fn named_by(id: &str) -> Option<&'static str> {
    match id.as_bytes().first()? {
        b'U' | b'W' => Some(PERSON),
        b'S' => Some(USER_GROUP),
        b'C' | b'G' | b'D' => Some(CHANNEL),
        b'T' | b'E' => Some(WORKSPACE),
        _ => None,
    }
}

pub(super) const PERSON: &str = "a person";
pub(super) const USER_GROUP: &str = "a user group";
pub(super) const CHANNEL: &str = "a channel";
pub(super) const WORKSPACE: &str = "a workspace";

/// An id of Slack's in capitals, if it may be the id of one of these. A name is no id, however it is written.
pub(super) fn in_capitals(
    id: &str,
    of: &[&str],
    wanted: &'static str,
    is_none: &impl Fn() -> InvalidId,
) -> Result<String, InvalidId> {
    let capitals = id.to_ascii_uppercase();
    match named_by(&capitals) {
        Some(what) if !of.contains(&what) => Err(InvalidId::Other { id: id.to_owned(), what, wanted }),
        None if capitals != id => Err(is_none()),
        _ if capitals != id && !id.bytes().any(|b| b.is_ascii_digit()) => Err(is_none()),
        _ => Ok(capitals),
    }
}

/// What was written, unless something else was meant.
pub(super) fn as_meant<T: PartialEq + fmt::Display>(written: T, meant: &T) -> Result<T, InvalidId> {
    if written == *meant {
        return Ok(written);
    }
    Err(InvalidId::Form { text: written.to_string(), meant: meant.to_string() })
}
