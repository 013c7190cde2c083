//! Buttons under replies. A button is a line that its reply offers: pressing it asks for what typing the line asks for,
//! and is decided, recorded and carried out as a command of the person who presses.
//!
//! What a platform gets of a button is its label and a random [`Nonce`]. Everything else is in the store.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::access::{Approval, Asker, LONGEST_TRUSTED, Needed, NotSecond};
use super::audit::OperationId;
use super::command::{Command, CommandGroup, Invocation, Nonce, Pressed, Typed, UsageError, parse_in};
use super::principal::{Channel, Subject};
use super::room::{AccountId, visible};

/// The longest label: Slack's limit, in UTF-16 units, which are never fewer than what it counts; Discord's is 80.
pub(super) const LONGEST_LABEL: usize = 75;

/// How long a hand-over can be confirmed.
pub const CONFIRM_FOR: SignedDuration = SignedDuration::from_mins(5);
/// How long a hand-over can be approved by a second person.
pub const APPROVE_FOR: SignedDuration = SignedDuration::from_mins(15);

/// How long after it was asked for a hand-over can go on: no longer than the roles count that Discord named with the
/// request.
pub fn held_for(needed: Needed, asker: &Asker) -> SignedDuration {
    match (needed, &asker.subject) {
        (Needed::Confirmation, _) => CONFIRM_FOR,
        (Needed::SecondPerson, Subject::DiscordUser { .. }) => APPROVE_FOR.min(LONGEST_TRUSTED),
        (Needed::SecondPerson, _) => APPROVE_FOR,
    }
}

/// What a press asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asks {
    /// What this line of a command asks for.
    Line {
        /// The command.
        family: CommandGroup,
        /// The line, as it is typed behind the command's name.
        line: String,
        /// Who has to own the room for it to be done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expects: Option<AccountId>,
        /// What the press gives to a hand-over that takes more than the right to it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approval: Option<Box<Approval>>,
    },
    /// To withdraw the other buttons of the reply.
    Cancel,
}

/// A button that a reply is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What is written on it.
    pub label: String,
    /// What it asks for.
    pub asks: Asks,
    /// Who alone may press it; `None` for everybody, about whom the ACL decides.
    pub for_whom: Option<Subject>,
    /// Until when.
    pub lapses_at: Timestamp,
}

/// A button as it was offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    /// Its name.
    pub nonce: Nonce,
    /// The operation whose reply offers it.
    pub of: OperationId,
    /// What it is.
    pub offer: Offer,
}

/// Why a button cannot be pressed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotPressed {
    /// Its time is over.
    #[error("the button of op {0} has expired")]
    Lapsed(OperationId),
    /// It was pressed, by this operation, or another button of the same reply was.
    #[error("a button of this reply was pressed already, by op {0}")]
    Used(OperationId),
    /// It is somebody else's.
    #[error("the button is for {0} alone")]
    NotYours(Subject),
    /// It takes another person.
    #[error(transparent)]
    NotSecond(NotSecond),
}

impl Asks {
    /// The command that a press in this channel asks for.
    ///
    /// # Errors
    /// When the line is no command there: an older version of the bot offered it.
    pub fn command(&self, channel: &Channel) -> Result<Command, UsageError> {
        match self {
            Self::Line { family, line, .. } => parse_in(*family, &Typed::plain(line), Some(channel)),
            Self::Cancel => Ok(Command::Cancel),
        }
    }
}

impl Button {
    /// Whether somebody can press it now, apart from what the ACL says. `used` by which operation it was before.
    ///
    /// # Errors
    /// When it is somebody else's, was used or has expired.
    pub fn check(&self, by: &Subject, used: Option<OperationId>, now: Timestamp) -> Result<(), NotPressed> {
        match (&self.offer.for_whom, used) {
            (Some(whom), _) if whom != by => Err(NotPressed::NotYours(whom.clone())),
            (_, Some(operation)) => Err(NotPressed::Used(operation)),
            _ if now >= self.offer.lapses_at => Err(NotPressed::Lapsed(self.of)),
            _ => Ok(()),
        }
    }

    /// What a request has to say of the button that it comes from.
    pub fn pressed(&self) -> Pressed {
        let (expects, approval) = match &self.offer.asks {
            Asks::Line { expects, approval, .. } => (expects.clone(), approval.clone()),
            Asks::Cancel => (None, None),
        };
        Pressed { nonce: self.nonce.clone(), of: self.of, expects, approval }
    }
}

impl fmt::Display for Button {
    /// As the record has it: what was pressed, and what that stands for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[op {}: {}]", self.of, self.offer.label)?;
        match &self.offer.asks {
            Asks::Line { family, line, .. } => write!(f, " /{} {line}", family.name()),
            Asks::Cancel => Ok(()),
        }
    }
}

impl Offer {
    /// A button for a line. `None` if the label would not show the whole of what it does, or if the line is a form with
    /// something left to fill in.
    pub fn line(label: String, line: &Invocation, lapses_at: Timestamp) -> Option<Self> {
        let is_shown = label.encode_utf16().count() <= LONGEST_LABEL && visible(&label) == label;
        let is_whole = is_shown && !line.is_form();
        let asks =
            Asks::Line { family: line.verb.family, line: line.as_typed(), expects: None, approval: None };
        is_whole.then_some(Self { label, asks, for_whom: None, lapses_at })
    }

    /// The same, to be done only if this account owns the room.
    #[must_use]
    pub fn expecting(mut self, owner: &AccountId) -> Self {
        if let Asks::Line { expects, .. } = &mut self.asks {
            *expects = Some(owner.clone());
        }
        self
    }
}
