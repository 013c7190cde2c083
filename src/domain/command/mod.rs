//! What can be asked: a command, and the authentic request that carries it. What each verb takes is in the
//! [`schema`], from which the text grammar, Discord's options, help and corrected lines are made.

mod build;
mod check;
mod correct;
mod form;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod grammar;
mod invocation;
mod line;
mod parameter;
mod parse;
mod pressed;
mod rewrite;
pub mod schema;
mod values;

use super::access::{Action, Grant, Right, RoomScope, list};
use super::audit::OperationId;
use super::principal::{Channel, Principal, Subject};
use super::room::{AccountId, RoomId};
use super::session::ConsoleCommand;

pub use super::principal::Place;
pub use check::check_account;
pub(super) use check::{granting, linking};
pub use form::FilledForm;
pub use invocation::{Invocation, Style, quoted, shell_word};
pub use line::{LONGEST_REASON, LongReason, Mention, Typed, Word, clean_reason};
pub use parameter::{Kind, Parameter, Position};
pub use parse::{parse, parse_in};
pub use pressed::{Nonce, Pressed};
pub use schema::{
    AclCommand, Edit, Ends, Example, Listed, Needs, OwnerQuestion, Question, Section, Verb, Why, read_answer,
};
pub use values::{NewOwner, Values};

/// Which of the commands was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
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
    pub fn name(self) -> &'static str {
        match self {
            Self::Owner => "room-owner",
            Self::Acl => "room-acl",
            Self::Audit => "room-audit",
        }
    }

    /// Whether a text begins with one of the commands, under whatever prefix: somebody pasted it.
    pub fn is_in_front_of(text: &str) -> bool {
        let first = text.split_whitespace().next().unwrap_or_default();
        Self::ALL.iter().any(|family| first.starts_with('/') && first.ends_with(family.name()))
    }

    /// What it is for, in at most 100 characters: Discord's limit for a description.
    pub fn summary(self) -> &'static str {
        match self {
            Self::Owner => "Hand a live room to a new owner, or show who owns it",
            Self::Acl => "Who may do what: show it, explain it, change it",
            Self::Audit => "What was done, by whom, by whose authority, and with what outcome",
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
    /// May I hand the room over here?
    Ask(AskForAccess),
    /// Hand the room over to a person: to the account that the ACL says is theirs.
    HandTo(HandTo),
    /// What was done?
    Audit(Box<Question>),
    /// Something about the console.
    Console(ConsoleCommand),
    /// Nothing: the buttons of a reply are withdrawn.
    Cancel,
}

/// The one privileged action: give `room` to `new_owner`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// The room to hand over.
    pub room: RoomId,
    /// Who is to own it.
    pub new_owner: AccountId,
    /// The person who has that account, as far as the ACL says so.
    pub person: Option<Box<Person>>,
    /// Why, in the words of the person who asks.
    pub reason: Option<String>,
    /// The operation that holds the room because its outcome is unknown: it is to be closed as it is.
    pub overrides: Option<OperationId>,
}

/// A request for moderator, for one room, in the channel where it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskForAccess {
    /// The room.
    pub room: RoomId,
    /// Why, in the words of the person who asks.
    pub reason: Option<String>,
}

/// A person of the chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub subject: Subject,
    /// The name under which they were last seen: a caption.
    pub name: Option<String>,
}

/// A hand-over to a person, whose account is looked up as it is decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandTo {
    /// The room to hand over.
    pub room: RoomId,
    /// Who is to own it.
    pub person: Subject,
    /// Why, in the words of the person who asks.
    pub reason: Option<String>,
    /// As of a [`Transfer`].
    pub overrides: Option<OperationId>,
}

impl HandTo {
    /// The transfer to their account.
    #[must_use]
    pub fn to(&self, account: AccountId) -> Transfer {
        let Self { room, person, reason, overrides } = self.clone();
        let person = Some(Box::new(Person { subject: person, name: None }));
        Transfer { room, new_owner: account, person, reason, overrides }
    }
}

impl Command {
    /// Every name that [`Self::name`] gives, and what is not understood.
    pub const NAMES: [&str; 12] = [
        "transfer",
        "override",
        "show_owner",
        "owner",
        "ask",
        "acl",
        "acl_edit",
        "audit",
        "console",
        "help",
        "cancel",
        Self::NONE,
    ];

    /// In the place of the name of what is no command.
    pub const NONE: &str = "none";

    /// Its kind, for the metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Transfer(Transfer { overrides: None, .. })
            | Self::HandTo(HandTo { overrides: None, .. }) => "transfer",
            Self::Transfer(_) | Self::HandTo(_) => "override",
            Self::ShowOwner { .. } => "show_owner",
            Self::Owner(_) => "owner",
            Self::Ask(_) => "ask",
            Self::Acl(AclCommand::Edit { .. }) => "acl_edit",
            Self::Acl(_) => "acl",
            Self::Audit(_) => "audit",
            Self::Console(_) => "console",
            Self::Help(_) => "help",
            Self::Cancel => "cancel",
        }
    }

    /// The room that the command is about, if it is about one.
    pub fn room(&self) -> Option<&RoomId> {
        match self {
            Self::Help(_)
            | Self::Owner(_)
            | Self::Acl(_)
            | Self::Audit(_)
            | Self::Console(_)
            | Self::Cancel => None,
            Self::ShowOwner { room }
            | Self::Transfer(Transfer { room, .. })
            | Self::HandTo(HandTo { room, .. })
            | Self::Ask(AskForAccess { room, .. }) => Some(room),
        }
    }

    /// What it asks permission for; `None` for what everybody may ask.
    pub fn action(&self) -> Option<Action> {
        match self {
            Self::Help(_) | Self::Owner(_) | Self::Ask(_) | Self::Cancel => None,
            Self::ShowOwner { room } => Some(Action::ShowOwner(room.clone())),
            Self::Transfer(Transfer { room, overrides: Some(_), .. })
            | Self::HandTo(HandTo { room, overrides: Some(_), .. }) => Some(Action::Override(room.clone())),
            Self::Transfer(Transfer { room, .. }) | Self::HandTo(HandTo { room, .. }) => {
                Some(Action::Transfer(room.clone()))
            }
            Self::Acl(command) => command.action(),
            // Nobody has to have a right to leave.
            Self::Console(ConsoleCommand::Leave(_)) => None,
            Self::Console(ConsoleCommand::End(_)) => Some(Action::EditAcl(vec![RoomScope::All])),
            Self::Console(_) => Some(Action::UseConsole),
            Self::Audit(_) => Some(Action::ReadAudit),
        }
    }

    /// Why, of what happens to a room.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Transfer(Transfer { reason, .. })
            | Self::HandTo(HandTo { reason, .. })
            | Self::Ask(AskForAccess { reason, .. }) => reason.as_deref(),
            _ => None,
        }
    }

    /// The transfer that is asked for, if it is one to an account.
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
    pub fn new(platform: &str, id: &str) -> Option<Self> {
        let fits = !id.is_empty() && id.len() <= Self::LONGEST && id.bytes().all(|b| b.is_ascii_graphic());
        fits.then(|| Self(format!("{platform}:{id}")))
    }

    /// The id as text.
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
    /// The button that was pressed; `None` if it was typed.
    pub pressed: Option<Pressed>,
    /// Who has to own the room for it to be changed, if the command says so by itself. To say so confirms it.
    pub if_owner: Option<AccountId>,
}

impl CommandRequest {
    /// Somebody's on the bot's machine, who typed this there.
    pub fn local(principal: Principal, typed: String, command: Result<Command, UsageError>) -> Self {
        Self { principal, place: Place::Local, delivery: None, typed, command, pressed: None, if_owner: None }
    }

    /// Who has to own the room for it to be changed; `None` for whoever does.
    pub fn expects(&self) -> Option<&AccountId> {
        self.if_owner.as_ref().or_else(|| self.pressed.as_ref()?.expects.as_ref())
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
    /// To type the command instead of pressing.
    Type,
}

impl Unusable {
    /// Something that the advice helps against.
    pub fn but(why: impl Into<String>, advice: Advice) -> Self {
        Self { why: why.into(), advice }
    }
}

impl<T: Into<String>> From<T> for Unusable {
    fn from(why: T) -> Self {
        Self::but(why, Advice::Again)
    }
}

/// Why a line is not a command.
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
    pub fn of(verb: &'static Verb, problem: Problem) -> Self {
        Self { family: verb.family, verbs: vec![verb], problem, meant: Vec::new() }
    }

    /// What is wrong with something that names no verb.
    pub fn without_verb(family: CommandGroup, problem: Problem) -> Self {
        Self { family, verbs: Vec::new(), problem, meant: Vec::new() }
    }

    /// Whether a line of this verb is suggested to somebody with these rights: they named it, or may use it.
    pub fn may_suggest(&self, verb: &Verb, rights: &[Right]) -> bool {
        let is_named = !self.verbs.is_empty() && verb.family == self.family;
        let is_met = || verb.examples.is_empty() && verb.needs.met_by(rights);
        is_named || is_met() || verb.examples_for(rights).next().is_some()
    }

    /// How much of it the record keeps, in characters: what was typed may be quoted in it.
    const LONGEST_RECORD: usize = 1_000;

    /// What is wrong, for the record.
    pub fn for_the_record(&self) -> String {
        let line = self.problem.to_string();
        match line.char_indices().nth(Self::LONGEST_RECORD) {
            Some((end, _)) => format!("{}…", &line[..end]),
            None => line,
        }
    }
}

/// What is wrong with what was given to a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The slash command is none of ours.
    #[error("the bot does not know the command `{0}`")]
    UnknownCommand(String),
    /// The first word is none of the command's verbs.
    #[error("the bot does not know `{0}` here")]
    UnknownVerb(String),
    /// The verb has a second word, one of these.
    #[error("something is missing: `{words}`", words = list(.0))]
    MissingVerb(Vec<&'static str>),
    /// There is no such option.
    #[error("there is no option `{0}` here")]
    UnknownOption(String),
    /// The option comes twice.
    #[error("the option `{0}` comes twice")]
    Twice(&'static str),
    /// Nothing follows the option.
    #[error("nothing follows `{0}:`")]
    NoValue(&'static str),
    /// An argument is missing, named as the forms name it.
    #[error("something is missing: `{0}`")]
    Missing(&'static str),
    /// So many words where a room and its new owner are expected.
    #[error("that is {0} words; a room and its new owner are two")]
    TooManyWords(usize),
    /// The first word too many.
    #[error("there is no place for `{0}` here")]
    TooMany(String),
    /// A quote that is never closed.
    #[error("a quote is opened and never closed")]
    UnclosedQuote,
    /// Text right behind a closing quote.
    #[error("there is no space between the closing quote and `{0}`")]
    TextAfterQuote(String),
    /// A mention where a room is expected, and how it was written.
    #[error("a room is named by its RoomId; `{1}` is {kind}", kind = .0.kind())]
    RoomIsMention(Box<Mention>, String),
    /// A mention where a live account is expected, and how it was written.
    #[error(
        "this has to be the UserID of somebody in the live app; `{1}` is {kind}",
        kind = .0.kind(),
    )]
    AccountIsMention(Box<Mention>, String),
    /// A person whose account nobody has said.
    #[error("`{0}` is linked to no live account")]
    NotLinked(Subject),
    /// Not one live entry names the subject, or these do.
    #[error("{number} live entries name `{who}`", number = .0.1.len(), who = .0.0)]
    WhichEntry(Box<(Subject, Vec<Grant>)>),
    /// A value is not what it has to be; the text says why, with the value in backticks.
    #[error("{0}")]
    Invalid(String),
}
