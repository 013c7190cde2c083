//! What to say, by meaning. The words are in [`super::wording`], the markup in each platform's `render`.

mod acl;
mod audit;
mod console;

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::access::{
    Action, Asker, CallerRights, Denial, EffectiveScope, Grant, Helpers, Needed, Right, Role, Takes,
};
use super::asking::{AccessRequest, Addressee};
use super::audit::{AuditEntry, NoAnswer, OperationId, Outcome, OutcomeKind};
use super::command::{AskForAccess, CommandGroup, Transfer, Unusable, UsageError};
use super::press::{Button, NotPressed};
use super::principal::{Principal, Subject};
use super::room::{AccountId, RoomId};
use super::tree_head::TreeHead;

pub use acl::{AbsentRoom, AclAnswer, Explained, Page, Preview};
pub use audit::{Answer, OwnerHistory, OwnerSpan};
pub use console::{ConsoleAnswer, SignInLink};

/// Who gets to see a reply, unless the configuration says that all of them are private.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// The channel: something happened to a room.
    Channel,
    /// The caller alone.
    Caller,
}

/// An answer to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// What can be typed, and what of it the caller may do.
    Help {
        /// The record of the question.
        operation: OperationId,
        /// The command whose help it is.
        family: CommandGroup,
        /// The caller, to be quoted to an admin.
        subject: Subject,
        /// How the caller stands in this channel.
        caller_rights: CallerRights,
        /// Whom to ask.
        helpers: Helpers,
    },
    /// An answer about the ACL.
    Acl {
        /// The record of the question, or of the edit.
        operation: OperationId,
        /// The answer.
        answer: Box<AclAnswer>,
        /// Captions of whom it names.
        names: Names,
        /// The rooms that it is about and that do not exist now, as far as that is known.
        absent: Vec<AbsentRoom>,
    },
    /// An answer about the log.
    Audit {
        /// The record of the question.
        operation: OperationId,
        /// The answer, or why there is none.
        answer: Box<Result<Answer, NoAnswer>>,
        /// The rooms that the reader may see.
        reach: EffectiveScope,
        /// The zone in which it is shown.
        zone: TimeZone,
        /// The grant that an entry names, if it is about one.
        grant: Option<Box<Grant>>,
    },
    /// An answer about the console.
    Console {
        /// The record of the question.
        operation: OperationId,
        /// The answer.
        answer: Box<ConsoleAnswer>,
    },
    /// An answer about rooms and the caller's hand-overs of them.
    Rooms {
        /// The record of the question.
        operation: OperationId,
        /// The answer.
        answer: Box<OwnerAnswer>,
    },
    /// A room's owner.
    Owner {
        /// The record of the question.
        operation: OperationId,
        /// The room.
        room: RoomId,
        /// The outcome: shown, refused or declined.
        outcome: Outcome,
        /// The room that was probably meant, if there is none of this id.
        meant: Option<RoomId>,
    },
    /// A transfer that was carried out, whatever its outcome.
    Transfer {
        /// The operation.
        operation: OperationId,
        /// What was asked for.
        transfer: Transfer,
        /// Who asked, or approved what somebody else had asked for.
        by: Principal,
        /// Who had asked for what that person approved.
        requested_by: Option<Box<Asker>>,
        /// The outcome.
        outcome: Outcome,
        /// Whether the outcome is in the log. If not, it is resolved later.
        recorded: bool,
        /// The log's head after the record of the outcome.
        head: Option<Box<TreeHead>>,
        /// The hand-over that was probably meant, if there is no room of this id.
        meant: Option<Box<Transfer>>,
    },
    /// A transfer that takes more than the right to it. Nothing is done yet.
    Held {
        /// The record of the request.
        operation: OperationId,
        /// What was asked for.
        transfer: Transfer,
        /// What it takes, and why.
        takes: Takes,
        /// Who asked for it.
        asker: Asker,
        /// How it can go on.
        onward: Onward,
    },
    /// Not permitted.
    Denied {
        /// The record of the denial.
        operation: OperationId,
        /// Why.
        denial: Denial,
        /// The caller, to be quoted to an admin.
        subject: Subject,
        /// What was not permitted.
        action: Action,
        /// Whom to ask, as far as the command tells.
        helpers: Helpers,
        /// The access that can be asked for, where that could help.
        ask: Option<Box<AskForAccess>>,
    },
    /// A request for access.
    Ask {
        /// Its record.
        operation: OperationId,
        /// The room.
        room: RoomId,
        /// What came of it.
        answer: Box<AskAnswer>,
        /// The caller, to be quoted to an admin.
        subject: Subject,
        /// Whom to ask.
        helpers: Helpers,
    },
    /// Not understood.
    Invalid {
        /// The record of the request.
        operation: OperationId,
        /// Why.
        error: UsageError,
        /// The caller's live rights in this channel: only commands that they may use are suggested.
        rights: Vec<Right>,
    },
    /// The button cannot be pressed.
    NotPressed {
        /// The record of the press.
        operation: OperationId,
        /// Why not.
        why: NotPressed,
    },
    /// The buttons of a reply were withdrawn.
    Cancelled {
        /// The record of the press.
        operation: OperationId,
    },
    /// A reply with buttons under it.
    WithButtons {
        /// The reply.
        reply: Box<Self>,
        /// The buttons, in their order.
        buttons: Vec<Button>,
    },
    /// The delivery had been taken before.
    Duplicate {
        /// The record of the repetition.
        operation: OperationId,
        /// The outcome of the first.
        first: Box<AuditEntry>,
    },
    /// Another transfer of the room is under way, or its outcome is not known yet.
    Busy {
        /// The record of this request.
        operation: OperationId,
        /// The other one.
        holder: Box<AuditEntry>,
        /// Whether the same person began it.
        is_callers_own: bool,
    },
    /// A transfer that overrides an operation which does not hold the room.
    NotHeld {
        /// The record of this request.
        operation: OperationId,
        /// The operation that it names.
        named: OperationId,
        /// The room.
        room: Option<RoomId>,
    },
    /// An authentic request that lacks what is needed to carry it out.
    Unusable {
        /// The record of the request.
        operation: OperationId,
        /// What is wrong with it, and what helps.
        unusable: Unusable,
    },
    /// An authentic request from an app or a workspace that this bot does not serve.
    Foreign {
        /// The record of the denial.
        operation: OperationId,
        /// What is not served.
        origin: String,
    },
    /// A load limit was reached. Nothing was done.
    RateLimited {
        /// The record of the request, if there was room for one.
        operation: Option<OperationId>,
        /// Why.
        why: Overload,
    },
    /// The log could not be written or read, so nothing was done.
    NotRecorded,
    /// The bot itself failed in the middle. The log knows how far it came.
    Broken,
    /// An answer that comes when nobody waits for it any more.
    Late {
        /// The answer.
        reply: Box<Reply>,
        /// What was typed.
        typed: String,
        /// When.
        asked_at: Timestamp,
        /// What the person may know already.
        known: AlreadyKnown,
    },
    /// The request is not on record yet, and nothing was begun; the answer comes later.
    Waiting {
        /// What was typed.
        typed: String,
        /// Whether there is a way to send the outcome.
        result_follows: bool,
    },
    /// The request is on record and the work goes on; the answer comes later.
    Working {
        /// What was typed.
        typed: String,
        /// Whether there is a way to send the outcome.
        result_follows: bool,
    },
}

/// How a transfer that takes more can go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Onward {
    /// As long as this account owns the room.
    WhileOwnedBy {
        /// The present owner.
        owner: AccountId,
        /// How many watch the room, if that is known.
        viewers: Option<u64>,
    },
    /// Nobody else may do it in this channel.
    NobodyElse(Helpers),
    /// In a channel alone.
    InAChannel,
    /// Not at all: a look at the room's owner says why.
    Ended {
        /// Why, as the outcome that it would have had.
        outcome: Box<Outcome>,
        /// The hand-over that was probably meant, if there is no room of this id.
        meant: Option<Box<Transfer>>,
    },
}

/// The answer to an [`OwnerQuestion`](crate::domain::command::OwnerQuestion).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnerAnswer {
    /// The live rooms that the caller may hand over here, and their owners; `None` if Tencent could not be asked.
    Rooms(Option<Vec<(RoomId, AccountId)>>),
    /// The caller may hand no room over here.
    NoRooms,
    /// The caller's last hand-over that was done, if there is one.
    Last(Option<Box<LastHandOver>>),
    /// The account that somebody has, if the ACL says so.
    Account(Subject, Option<AccountId>),
}

/// What came of a request for access. [`std::fmt::Display`] is what the audit log keeps of why none was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskAnswer {
    /// It is shown to these; until when it can be answered.
    #[error("shown to admins")]
    ShownTo(Vec<Addressee>, Timestamp),
    /// The same person has asked before, and that is still open.
    #[error("asked before, in operation {}", .0.operation)]
    AskedBefore(Box<AccessRequest>),
    /// They may hand the room over already.
    #[error("not asked: they may hand the room over already")]
    AlreadyMay,
    /// Nobody may give it.
    #[error("not asked: nobody can give it")]
    Nobody,
    /// The bot cannot reach anybody who may give it.
    #[error("not asked: the bot can write to nobody who can give it")]
    Unreachable,
}

/// Somebody's last hand-over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastHandOver {
    /// Its entry.
    pub entry: AuditEntry,
    /// The entry of a later change of the room's owner: undoing the earlier one would take the room from that owner.
    pub later: Option<AuditEntry>,
}

/// The names by which people were last seen: captions, for those whom the reader's platform does not show by itself.
pub type Names = BTreeMap<Subject, String>;

/// What somebody may know before an answer comes late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlreadyKnown {
    /// Nothing.
    Nothing,
    /// Perhaps this very answer.
    Perhaps,
    /// That the outcome is not known.
    Unknown,
    /// That the change did not happen.
    Refused,
}

/// The load limit that a command was refused for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Overload {
    /// The person has given so many commands within a minute.
    #[error("over the limit of {} a minute for one person", commands(*.0))]
    Person(u32),
    /// So many commands about the room were carried out within a minute.
    #[error("over the limit of {} a minute for one room", commands(*.0))]
    Room(u32),
    /// The bot as a whole is at its limit.
    #[error("busy: more commands than can be worked on")]
    Full,
}

/// So many commands, in words.
pub(super) fn commands(number: u32) -> String {
    if number == 1 { "1 command".to_owned() } else { format!("{number} commands") }
}

impl Outcome {
    /// Who gets to see it, of a transfer.
    pub fn audience(&self) -> Audience {
        match self {
            Self::Succeeded { .. } | Self::ConfirmedByCallback { .. } | Self::Unknown { .. } => {
                Audience::Channel
            }
            Self::Unchanged | Self::Refused { .. } | Self::Declined(_) | Self::Shown(_) => Audience::Caller,
        }
    }
}

impl Reply {
    /// The same with buttons under it, if there are any.
    #[must_use]
    pub fn with_buttons(self, buttons: Vec<Button>) -> Self {
        if buttons.is_empty() { self } else { Self::WithButtons { reply: Box::new(self), buttons } }
    }

    /// The same with no buttons under it, for a place where nobody can press.
    #[must_use]
    pub fn without_buttons(self) -> Self {
        match self {
            Self::WithButtons { reply, .. } => *reply,
            Self::Late { reply, typed, asked_at, known } => {
                Self::Late { reply: Box::new(reply.without_buttons()), typed, asked_at, known }
            }
            reply => reply,
        }
    }

    /// The reply without its buttons.
    pub fn said(&self) -> &Self {
        match self {
            Self::WithButtons { reply, .. } => reply,
            reply => reply,
        }
    }

    /// Whether it is the help of somebody who can hand rooms over here, and so can fill in a form instead. Whoever is
    /// denied something has to read so.
    pub fn is_help_for_a_moderator(&self) -> bool {
        let Self::Help { family: CommandGroup::Owner, caller_rights, .. } = self else { return false };
        let may = |right: &Right| matches!(right.role, Role::Moderator | Role::Admin);
        let CallerRights { rights, denials, unread, is_authorised } = caller_rights;
        *is_authorised && denials.is_empty() && unread.is_empty() && rights.iter().any(may)
    }

    /// The account that was asked for, to fill it into a form.
    pub fn account_for_a_form(&self) -> Option<&AccountId> {
        match self {
            Self::Rooms { answer, .. } => match &**answer {
                OwnerAnswer::Account(_, account) => account.as_ref(),
                _ => None,
            },
            _ => None,
        }
    }

    /// The buttons under it.
    pub fn buttons(&self) -> &[Button] {
        match self {
            Self::WithButtons { buttons, .. } => buttons,
            Self::Late { reply, .. } => reply.buttons(),
            _ => &[],
        }
    }

    /// Whether, being the reply to a press, it leaves nothing to press any more in the message that the button was in.
    pub fn ends_buttons(&self) -> bool {
        match self.said() {
            Self::NotPressed { why, .. } => {
                !matches!(why, NotPressed::NotYours(_) | NotPressed::NotSecond(_))
            }
            Self::Transfer { .. }
            | Self::Held { .. }
            | Self::Unusable { .. }
            | Self::Cancelled { .. }
            | Self::Ask { .. } => true,
            // The message is rewritten to say how the request was answered.
            Self::Acl { answer, .. } if matches!(**answer, AclAnswer::Answered { .. }) => false,
            Self::Denied { .. }
            | Self::Foreign { .. }
            | Self::Busy { .. }
            | Self::Duplicate { .. }
            | Self::RateLimited { .. }
            | Self::NotRecorded
            | Self::Broken
            | Self::Waiting { .. }
            | Self::Working { .. } => false,
            said => said.outcome() != OutcomeKind::Declined,
        }
    }

    /// Who gets to see it. What happened to a room, or may have, concerns the channel; everything else
    /// is between the bot and the caller.
    pub fn audience(&self) -> Audience {
        match self {
            Self::Transfer { outcome, .. } => outcome.audience(),
            _ if self.asks_others() => Audience::Channel,
            Self::Late { reply, .. } | Self::WithButtons { reply, .. } => reply.audience(),
            _ => Audience::Caller,
        }
    }

    /// Whether it is for people other than the caller to act on.
    fn asks_others(&self) -> bool {
        let Self::Held { takes, onward: Onward::WhileOwnedBy { .. }, .. } = self.said() else { return false };
        takes.needed == Needed::SecondPerson
    }

    /// Whether the channel sees it, where all replies are private or not: a request that others have to see always.
    pub fn is_public(&self, all_private: bool) -> bool {
        self.audience() == Audience::Channel && (!all_private || self.asks_others())
    }

    /// Whether nothing goes on without its buttons.
    pub fn needs_buttons(&self) -> bool {
        matches!(self.said(), Self::Held { onward: Onward::WhileOwnedBy { .. }, .. })
    }

    /// The outcome as the interface names it, for logs, metrics and exit codes.
    pub fn outcome(&self) -> OutcomeKind {
        match self {
            Self::Help { .. } | Self::Rooms { .. } | Self::Cancelled { .. } => OutcomeKind::Succeeded,
            Self::Acl { answer, .. } => match **answer {
                AclAnswer::NotEdited(_) | AclAnswer::NotAnswered(_) => OutcomeKind::Declined,
                _ => OutcomeKind::Succeeded,
            },
            Self::Console { answer, .. } => match **answer {
                ConsoleAnswer::Off | ConsoleAnswer::NotSignedIn(_) | ConsoleAnswer::Ended(false) => {
                    OutcomeKind::Declined
                }
                _ => OutcomeKind::Succeeded,
            },
            // The question was recorded and permitted, whatever its answer.
            Self::Audit { .. } => OutcomeKind::Succeeded,
            Self::Owner { outcome, .. } | Self::Transfer { outcome, .. } => outcome.kind(),
            Self::Ask { answer, .. } => match **answer {
                AskAnswer::ShownTo(..) => OutcomeKind::Succeeded,
                _ => OutcomeKind::Declined,
            },
            Self::Denied { .. } | Self::Foreign { .. } => OutcomeKind::Denied,
            Self::Invalid { .. } | Self::Unusable { .. } => OutcomeKind::Invalid,
            Self::Duplicate { .. } => OutcomeKind::Duplicate,
            Self::Held { .. }
            | Self::Busy { .. }
            | Self::NotHeld { .. }
            | Self::NotPressed { .. }
            | Self::RateLimited { .. }
            | Self::NotRecorded => OutcomeKind::Declined,
            Self::Late { reply, .. } | Self::WithButtons { reply, .. } => reply.outcome(),
            Self::Broken => OutcomeKind::Unknown,
            Self::Waiting { .. } | Self::Working { .. } => OutcomeKind::Pending,
        }
    }

    /// The operation that the reply is about, if it left a record.
    pub fn operation(&self) -> Option<OperationId> {
        match self {
            Self::Help { operation, .. }
            | Self::Acl { operation, .. }
            | Self::Audit { operation, .. }
            | Self::Console { operation, .. }
            | Self::Rooms { operation, .. }
            | Self::Owner { operation, .. }
            | Self::Transfer { operation, .. }
            | Self::Held { operation, .. }
            | Self::Denied { operation, .. }
            | Self::Ask { operation, .. }
            | Self::Invalid { operation, .. }
            | Self::Duplicate { operation, .. }
            | Self::Busy { operation, .. }
            | Self::NotHeld { operation, .. }
            | Self::NotPressed { operation, .. }
            | Self::Cancelled { operation }
            | Self::Foreign { operation, .. }
            | Self::Unusable { operation, .. } => Some(*operation),
            Self::RateLimited { operation, .. } => *operation,
            Self::Late { reply, .. } | Self::WithButtons { reply, .. } => reply.operation(),
            Self::NotRecorded | Self::Broken | Self::Waiting { .. } | Self::Working { .. } => None,
        }
    }
}
