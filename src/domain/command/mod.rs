//! What can be asked: a command, and the authentic request that carries it. The grammars of the typed
//! form are in the modules below, one a command.

#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod line;
mod room_acl;
mod room_audit;
mod room_owner;

use super::audit::{OperationId, Question};
use super::principal::{Channel, Principal};
use super::room::{AccountId, Accounts, InvalidAccountId, InvalidRoomId, RoomId};

pub use line::{Arguments, LONGEST_REASON, LongReason, Mention, Typed, Word, clean_reason, quoted};
pub use room_acl::{AclCommand, Edit, Listed, Part, Why, parse_room_acl};
pub use room_audit::parse_room_audit;
pub use room_owner::parse_room_owner;

/// Which of the commands was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// `/room-owner`: rooms and their owners.
    Owner,
    /// `/room-acl`: who may do what.
    Acl,
    /// `/room-audit`: what was done.
    Audit,
}

impl Family {
    /// Every command, the one that moderators type first.
    pub const ALL: [Self; 3] = [Self::Owner, Self::Acl, Self::Audit];

    /// Its name, without slash and prefix.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Owner => "room-owner",
            Self::Acl => "room-acl",
            Self::Audit => "room-audit",
        }
    }
}

/// What somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// What can I type here?
    Help(Family),
    /// Something about the ACL.
    Acl(AclCommand),
    /// Who owns the room?
    ShowOwner {
        /// The room asked about.
        room: RoomId,
    },
    /// Hand the room over.
    Transfer(Transfer),
    /// What was done?
    Audit(Box<Question>),
}

/// The one privileged deed: give `room` to `new_owner`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// The room to hand over.
    pub room: RoomId,
    /// Who is to own it.
    pub new_owner: AccountId,
    /// Why, in the words of the person who asks.
    pub reason: Option<String>,
    /// The operation that holds the room because nobody knows what came of it: it is to be closed as it is.
    pub overrides: Option<OperationId>,
}

impl Command {
    /// The room that the command is about, if it is about one.
    #[must_use]
    pub fn room(&self) -> Option<&RoomId> {
        match self {
            Self::Help(_) | Self::Acl(_) | Self::Audit(_) => None,
            Self::ShowOwner { room } | Self::Transfer(Transfer { room, .. }) => Some(room),
        }
    }

    /// The transfer that is asked for, if it is one.
    #[must_use]
    pub fn transfer(&self) -> Option<&Transfer> {
        match self {
            Self::Transfer(transfer) => Some(transfer),
            Self::Help(_) | Self::ShowOwner { .. } | Self::Acl(_) | Self::Audit(_) => None,
        }
    }
}

/// The platform's id of one invocation: the idempotency key. It carries its platform
/// (`slack:<trigger id>`), so that two platforms can never claim the same one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DeliveryId(String);

impl DeliveryId {
    /// The longest id of an invocation that is taken, in bytes.
    const LONGEST: usize = 256;

    /// The delivery `id` of `platform`. `None` if it is empty, too long or not plain visible ASCII.
    #[must_use]
    pub fn new(platform: &str, id: &str) -> Option<Self> {
        let fits = !id.is_empty() && id.len() <= Self::LONGEST && id.bytes().all(|b| b.is_ascii_graphic());
        fits.then(|| Self(format!("{platform}:{id}")))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A channel of a chat platform.
    Channel(Channel),
    /// The machine that holds the database. Channels do not apply to it.
    Local,
}

/// One authentic request: who asks, where, for what.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandRequest {
    /// Who asks.
    pub principal: Principal,
    /// Where.
    pub place: Place,
    /// The platform's id of this invocation. The command line has none: each start is its own.
    pub delivery: Option<DeliveryId>,
    /// The command as typed, for the record.
    pub typed: String,
    /// What was understood of it.
    pub command: Result<Command, UsageError>,
}

/// An authentic request that never becomes a command: not for us, or lacking what makes it one. It is
/// recorded all the same.
#[derive(Debug, Clone, PartialEq)]
pub struct RejectedRequest {
    /// Who asks, if the request says so.
    pub principal: Option<Principal>,
    /// Where, if the request says so.
    pub channel: Option<Channel>,
    /// The platform's id of this invocation, if there is one.
    pub delivery: Option<DeliveryId>,
    /// The command as typed, as far as it can be read.
    pub typed: String,
    /// What is wrong with it.
    pub rejection: Rejection,
}

/// Why an authentic request is not taken.
#[derive(Debug, Clone, PartialEq)]
pub enum Rejection {
    /// It comes from an app or a workspace that this bot does not serve; the text names it.
    Foreign(String),
    /// It lacks something, or cannot be read; the text says what.
    Unusable(String),
}

/// Parses the arguments of a command.
///
/// # Errors
/// What does not fit the command's grammar.
pub fn parse(family: Family, line: &Typed) -> Result<Command, UsageError> {
    match family {
        Family::Owner => parse_room_owner(line),
        Family::Acl => parse_room_acl(line),
        Family::Audit => parse_room_audit(line),
    }
}

/// The command, unless it hands a room to an account that the application does not have.
///
/// # Errors
/// Those of the command, and [`UsageError::Account`].
pub fn check_account(
    accounts: Accounts,
    command: Result<Command, UsageError>,
) -> Result<Command, UsageError> {
    let (Ok(Command::Transfer(transfer)) | Err(UsageError::EmptyReason(transfer))) = &command else {
        return command;
    };
    let Err(error) = accounts.check(&transfer.new_owner) else { return command };
    let meant = transfer.new_owner.undecorated();
    let meant = meant.map(|new_owner| Box::new(Transfer { new_owner, ..transfer.clone() }));
    Err(UsageError::Account(error, transfer.room.clone(), meant))
}

/// Why a line is not a command. The words are in [`super::wording`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UsageError {
    /// The slash command is none of ours.
    UnknownCommand(String),
    /// More words than a room and an owner.
    TooManyWords(Vec<String>),
    /// A quote that is never closed; the text after it.
    UnclosedQuote(String),
    /// Text right behind a closing quote.
    TextAfterQuote {
        /// The room, if the quotes are not the room's own.
        room: Option<String>,
        /// What stands in the quotes.
        inside: String,
        /// What follows up to the next space.
        behind: String,
        /// The rest of the line.
        rest: String,
    },
    /// The first argument is not the id of a room.
    Room(InvalidRoomId),
    /// The first argument is a mention, shown as given.
    RoomIsMention(Mention, String),
    /// The second argument is not an account that the room may be handed to; the room, and the same with the
    /// account that was probably meant.
    Account(InvalidAccountId, RoomId, Option<Box<Transfer>>),
    /// The second argument is a mention, shown as given.
    AccountIsMention(Mention, String, RoomId),
    /// `reason:` before there is a room and a new owner.
    ReasonTooEarly(Option<RoomId>),
    /// `reason:` and nothing behind it.
    EmptyReason(Transfer),
    /// `override:` with something that is no operation, or without a reason; what is wrong, and the rest.
    Override(String, Transfer),
    /// The reason is too long: its length in characters.
    LongReason(usize),
    /// What is wrong with a line of words and named options, and with which form of which command.
    Line(Family, Option<&'static str>, LineProblem),
}

/// What is wrong with a line of words and named options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineProblem {
    /// The first word is none of the command's verbs.
    UnknownVerb(String),
    /// There is no such option.
    UnknownOption(String),
    /// The option comes twice.
    Twice(&'static str),
    /// Nothing follows the option.
    NoValue(&'static str),
    /// An argument is missing, named as the forms name it.
    Missing(&'static str),
    /// The first word too many.
    TooMany(String),
    /// A word is not what it has to be; the text says why, with the word in backticks.
    Invalid(String),
}
