//! What a verb takes: the name of a value, how it is given, and what it can be.

/// Something that a verb takes.
pub struct Parameter {
    /// Its name among the values, and Discord's name of the option.
    pub name: &'static str,
    /// The keys that name it where it is typed, the usual one first; none if only its place does.
    pub keys: &'static [&'static str],
    /// Whether its first key may stand without a colon: `for 8 hours`.
    pub is_plain: bool,
    /// What stands for it in a form.
    pub placeholder: &'static str,
    /// Whether its place names it where it is typed.
    pub place: Position,
    /// What it is.
    pub kind: Kind,
    /// Whether the verb means nothing without it.
    pub is_required: bool,
    /// What it is for, in at most 100 characters.
    pub help: &'static str,
}

/// Whether the place of a word says which parameter it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// That is how it is written.
    Usual,
    /// It may be; it is written behind its key.
    Allowed,
    /// Only its key does.
    Never,
}

/// What a value can be.
#[derive(Clone, Copy)]
pub enum Kind {
    /// The id of a room, completed while it is typed.
    Room,
    /// The account of a room's new owner, completed while it is typed.
    Account,
    /// Why: the rest of the line.
    Reason,
    /// A person.
    Person,
    /// A person, a group or a role of the chat.
    PersonOrGroup,
    /// The same; several where they are typed.
    People,
    /// A channel.
    Channel,
    /// One of these words.
    OneOf(fn() -> Vec<&'static str>),
    /// Some of these words, with commas between them.
    SomeOf(fn() -> Vec<&'static str>),
    /// The number of an operation: `17`, `#17`, `op 17`.
    Operation,
    /// A whole number from 1, up to the limit if there is one.
    Number(Option<u64>),
    /// Yes or no.
    YesOrNo,
    /// A point in time. Without a key it takes all the words that are left.
    Time,
    /// Text of so many characters at most.
    Text(u16),
}

impl Kind {
    /// Whether a value is an id of the chat.
    pub fn is_id(self) -> bool {
        matches!(self, Self::Person | Self::PersonOrGroup | Self::People | Self::Channel)
    }

    /// Whether a value behind a key may be several words, up to the next key.
    pub fn is_several_words(self) -> bool {
        matches!(self, Self::Text(_) | Self::Time | Self::SomeOf(_))
    }
}

/// A parameter that its place names; by its name as well, where that has a key.
pub(super) const fn positional(
    name: &'static str,
    placeholder: &'static str,
    keys: &'static [&'static str],
    kind: Kind,
    help: &'static str,
) -> Parameter {
    Parameter { placeholder, place: Position::Usual, is_required: true, ..named(name, keys, kind, help) }
}

/// A parameter that a key names.
pub(super) const fn named(
    name: &'static str,
    keys: &'static [&'static str],
    kind: Kind,
    help: &'static str,
) -> Parameter {
    Parameter {
        name,
        keys,
        is_plain: false,
        placeholder: "<value>",
        place: Position::Never,
        kind,
        is_required: false,
        help,
    }
}

impl Parameter {
    pub(super) const fn optional(self) -> Self {
        Self { is_required: false, ..self }
    }

    pub(super) const fn plain(self) -> Self {
        Self { is_plain: true, ..self }
    }

    pub(super) const fn usually_named(self) -> Self {
        Self { place: Position::Allowed, ..self }
    }
}

pub(super) const REASON: Parameter = named("reason", &["reason"], Kind::Reason, "Why, for the audit log");
/// Longer than any scope, duration, zone or time has to be.
pub(super) const SHORT: u16 = 64;
