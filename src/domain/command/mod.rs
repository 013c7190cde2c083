//! What can be asked: a command, and the authentic request that carries it. What each verb takes is in the
//! [`schema`], from which the text grammar, Discord's options, help and corrected lines are made.

mod correct;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod grammar;
mod invocation;
mod line;
mod parse;
mod rewrite;
pub mod schema;
mod values;

use jiff::Timestamp;

use super::access::{Action, Grant};
use super::audit::OperationId;
use super::principal::{Channel, Principal, Subject};
use super::room::{AccountId, Accounts, RoomId};

pub use super::principal::Place;
pub use invocation::{Invocation, Style, quoted, shell_word};
pub use line::{LONGEST_REASON, LongReason, Mention, Mentioned, Typed, Word, clean_reason};
pub use parse::{parse, parse_in};
pub use schema::{
    AclCommand, Edit, Ends, Example, Kind, Listed, Needs, OwnerQuestion, Parameter, Position, Question,
    Section, Verb, Why,
};
pub use values::Values;

/// Which of the commands was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CommandGroup {
    /// `/room-owner`: rooms and their owners.
    Owner,
    /// `/room-acl`: who may do what.
    Acl,
    /// `/room-audit`: what was done.
    Audit,
}

impl CommandGroup {
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

    /// Whether a text begins with one of the commands, under whatever prefix: somebody pasted it.
    #[must_use]
    pub fn is_in_front_of(text: &str) -> bool {
        let first = text.split_whitespace().next().unwrap_or_default();
        Self::ALL.iter().any(|family| first.starts_with('/') && first.ends_with(family.name()))
    }

    /// What it is for, in at most 100 characters: Discord's limit for a description.
    #[must_use]
    pub fn summary(self) -> &'static str {
        match self {
            Self::Owner => "Hand a live room to a new owner, or show who owns it",
            Self::Acl => "Who may do what: show it, explain it, change it",
            Self::Audit => "What was done, by whom, by whose authority, and what came of it",
        }
    }
}

/// What somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// What can I type here?
    Help(CommandGroup),
    /// Something about the ACL.
    Acl(AclCommand),
    /// Who owns the room?
    ShowOwner {
        /// The room asked about.
        room: RoomId,
    },
    /// Something about rooms and my hand-overs of them.
    Owner(OwnerQuestion),
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
    /// Every name that [`Self::name`] gives, and what is not understood.
    pub const NAMES: [&str; 9] =
        ["transfer", "override", "show_owner", "owner", "acl", "acl_edit", "audit", "help", Self::NONE];

    /// In the place of the name of what is no command.
    pub const NONE: &str = "none";

    /// Its kind, for the metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Transfer(Transfer { overrides: None, .. }) => "transfer",
            Self::Transfer(_) => "override",
            Self::ShowOwner { .. } => "show_owner",
            Self::Owner(_) => "owner",
            Self::Acl(AclCommand::Edit { .. }) => "acl_edit",
            Self::Acl(_) => "acl",
            Self::Audit(_) => "audit",
            Self::Help(_) => "help",
        }
    }

    /// The room that the command is about, if it is about one.
    #[must_use]
    pub fn room(&self) -> Option<&RoomId> {
        match self {
            Self::Help(_) | Self::Owner(_) | Self::Acl(_) | Self::Audit(_) => None,
            Self::ShowOwner { room } | Self::Transfer(Transfer { room, .. }) => Some(room),
        }
    }

    /// The command, unless it gives something that is over at `now`.
    ///
    /// # Errors
    /// That it is over, and the line without its end.
    pub fn ending_after(self, now: Timestamp) -> Result<Self, UsageError> {
        let Self::Acl(AclCommand::Edit { edit: Edit::Grant { grants, ends: Some(ends) }, reason, .. }) =
            &self
        else {
            return Ok(self);
        };
        let Err(why) = ends.resolve(now) else { return Ok(self) };
        let line = schema::granting(grants, reason.as_deref());
        let error = UsageError::of(line.verb, Problem::Invalid(why));
        Err(UsageError { meant: vec![line.with("until", "tomorrow 06:00")], ..error })
    }

    /// What it asks permission for; `None` for what everybody may ask.
    #[must_use]
    pub fn action(&self) -> Option<Action> {
        match self {
            Self::Help(_) | Self::Owner(_) => None,
            Self::ShowOwner { room } => Some(Action::ShowOwner(room.clone())),
            Self::Transfer(Transfer { room, overrides: Some(_), .. }) => Some(Action::Override(room.clone())),
            Self::Transfer(Transfer { room, .. }) => Some(Action::Transfer(room.clone())),
            Self::Acl(command) => command.action(),
            Self::Audit(_) => Some(Action::ReadAudit),
        }
    }

    /// The transfer that is asked for, if it is one.
    #[must_use]
    pub fn transfer(&self) -> Option<&Transfer> {
        match self {
            Self::Transfer(transfer) => Some(transfer),
            _ => None,
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

impl CommandRequest {
    /// Somebody's on the bot's machine, who typed this there.
    #[must_use]
    pub fn local(principal: Principal, typed: String, command: Result<Command, UsageError>) -> Self {
        Self { principal, place: Place::Local, delivery: None, typed, command }
    }
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
    /// It lacks something, or cannot be read.
    Unusable(Unusable),
}

/// What is wrong with a request that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable {
    /// What is wrong.
    pub why: String,
    /// What helps.
    pub advice: Advice,
}

/// What helps against a request that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// To give the command once more.
    Again,
    /// To give it in a channel of a server.
    InAServer,
    /// To install the app in the server, and not for a person.
    InstallInServer,
    /// To install the app in the workspace, and not for the whole organisation.
    InstallInWorkspace,
    /// To load the client anew, which shows a form that is gone.
    Reload,
}

impl Unusable {
    /// Something that the advice helps against.
    #[must_use]
    pub fn but(why: impl Into<String>, advice: Advice) -> Self {
        Self { why: why.into(), advice }
    }
}

impl<T: Into<String>> From<T> for Unusable {
    fn from(why: T) -> Self {
        Self::but(why, Advice::Again)
    }
}

/// The command, unless it hands a room to an account that the application does not have.
///
/// # Errors
/// Those of the command, and that the account is none, with the one that was probably meant.
pub fn check_account(
    accounts: Accounts,
    command: Result<Command, UsageError>,
) -> Result<Command, UsageError> {
    let Ok(Command::Transfer(transfer)) = &command else { return command };
    let Err(error) = accounts.check(&transfer.new_owner) else { return command };
    let meant = transfer.new_owner.undecorated();
    let line = transfer.written(meant.as_ref().map_or("<new_owner>", AccountId::as_str));
    let error = UsageError::of(line.verb, Problem::Invalid(error.to_string()));
    Err(UsageError { meant: vec![line], ..error })
}

impl Transfer {
    /// The line that asks for the same for another new owner.
    #[must_use]
    pub fn written(&self, new_owner: &str) -> Invocation {
        let mut line =
            Invocation::named(CommandGroup::Owner, &[]).with("room", &self.room).with("new_owner", new_owner);
        if let Some(operation) = self.overrides {
            line = line.with("override", operation);
        }
        match &self.reason {
            Some(reason) if reason.chars().count() > 150 => line.with("reason", "…"),
            Some(reason) => line.with("reason", reason),
            None => line,
        }
    }
}

/// Why a line is not a command. The words are in [`super::wording`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageError {
    /// The command.
    pub family: CommandGroup,
    /// The verbs whose forms help: the one that was typed, or those that begin with its first word.
    pub verbs: Vec<&'static Verb>,
    /// What is wrong.
    pub problem: Problem,
    /// The lines that were probably meant, the likeliest first; each is one that the grammar takes.
    pub meant: Vec<Invocation>,
}

impl UsageError {
    /// What is wrong with what was given to a verb.
    #[must_use]
    pub fn of(verb: &'static Verb, problem: Problem) -> Self {
        Self { family: verb.family, verbs: vec![verb], problem, meant: Vec::new() }
    }

    /// What is wrong with something that names no verb.
    #[must_use]
    pub fn without_verb(family: CommandGroup, problem: Problem) -> Self {
        Self { family, verbs: Vec::new(), problem, meant: Vec::new() }
    }
}

/// What is wrong with what was given to a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The slash command is none of ours.
    UnknownCommand(String),
    /// The first word is none of the command's verbs.
    UnknownVerb(String),
    /// The verb has a second word, one of these.
    MissingVerb(Vec<&'static str>),
    /// There is no such option.
    UnknownOption(String),
    /// The option comes twice.
    Twice(&'static str),
    /// Nothing follows the option.
    NoValue(&'static str),
    /// An argument is missing, named as the forms name it.
    Missing(&'static str),
    /// So many words where a room and its new owner are expected.
    TooManyWords(usize),
    /// The first word too many.
    TooMany(String),
    /// A quote that is never closed; the text after it.
    UnclosedQuote(String),
    /// Text right behind a closing quote: the quoted text and what follows.
    TextAfterQuote(String, String),
    /// A mention where a room is expected, and how it was written.
    RoomIsMention(Mentioned, String),
    /// A mention where a live account is expected, and how it was written.
    AccountIsMention(Mentioned, String),
    /// Not one live entry names the subject, or these do.
    WhichEntry(Box<(Subject, Vec<Grant>)>),
    /// A value is not what it has to be; the text says why, with the value in backticks.
    Invalid(String),
}
