//! What can be asked of the ACL.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::domain::access::plan::Wanted;
use crate::domain::access::{Action, GrantId, NewGrant, RoomScope, Setting, SettingKey};
use crate::domain::audit::{OperationId, TimeExpr};
use crate::domain::duration::{SHORTEST, parse_lasting};
use crate::domain::principal::{Channel, Subject};
use crate::domain::room::RoomId;

/// What an admin asks of the ACL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AclCommand {
    /// Who am I, what may I do, and who can help?
    WhoAmI,
    /// Show a part of the ACL.
    List(Listed),
    /// Explain what is decided about somebody.
    Why(Why),
    /// Who may hand the room over?
    WhoCan(RoomId),
    /// The whole ACL, to keep it in a file. Only the command line asks for it.
    Export,
    /// What would have to change for the ACL to be this? Only the command line asks.
    Plan(Wanted),
    /// Change the ACL.
    Edit {
        /// How.
        edit: Edit,
        /// Why.
        reason: Option<String>,
        /// Whether to make it even if it locks everybody out of the chat: only on the command line.
        force: bool,
        /// The version of the ACL for which it was planned: at any other, nothing is done.
        if_version: Option<i64>,
    },
    /// What would that change? Asked by whoever may make it, and only in the console.
    Preview(Box<Edit>),
}

impl AclCommand {
    /// What it asks permission for; `None` for what everybody may ask. Which rooms an edit is about depends on the
    /// entries that are there: without them, on every room.
    pub fn action(&self) -> Option<Action> {
        match self {
            Self::WhoAmI => None,
            Self::List(_) | Self::Export | Self::Plan(_) => Some(Action::ReadAcl(None)),
            Self::Why(Why { room, .. }) | Self::WhoCan(room) => Some(Action::ReadAcl(Some(room.clone()))),
            Self::Edit { .. } | Self::Preview(_) => Some(Action::EditAcl(vec![RoomScope::All])),
        }
    }

    /// Why it makes an edit.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Edit { reason, .. } => reason.as_deref(),
            _ => None,
        }
    }

    /// The edit that it makes or plans.
    pub fn edit(&self) -> Option<&Edit> {
        match self {
            Self::Edit { edit, .. } => Some(edit),
            Self::Preview(edit) => Some(edit),
            _ => None,
        }
    }
}

/// A part of the ACL, and which page of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Which part.
    pub part: Section,
    /// Only what names this subject.
    pub who: Option<Subject>,
    /// Removed entries too, of a part without grants. Only the command line asks for them.
    pub removed: bool,
    /// Its page, from 1.
    pub page: u32,
    /// How many entries a page has.
    pub size: u32,
}

/// A part of the ACL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// The live grants.
    Live,
    /// Revoked and lapsed ones too.
    All,
    /// Those that somebody should look at: about to lapse, or long unused.
    Attention,
    /// The authorised channels.
    Channels,
    /// The announcement channels.
    Announcements,
    /// Who has which account.
    Links,
    /// The rooms that are marked.
    Rooms,
}

impl Section {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::Live,
        Self::All,
        Self::Attention,
        Self::Channels,
        Self::Announcements,
        Self::Links,
        Self::Rooms,
    ];

    /// The names of those that can be asked for.
    pub(super) fn names() -> Vec<&'static str> {
        Self::ALL.map(Self::name).to_vec()
    }

    /// Its name in the interface.
    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::All => "all",
            Self::Attention => "attention",
            Self::Channels => "channels",
            Self::Announcements => "announcements",
            Self::Links => "links",
            Self::Rooms => "rooms",
        }
    }
}

/// Whose rights are to be explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// Who; the caller if nobody is named.
    pub subject: Option<Subject>,
    /// Groups that the platform says the subject is in, as far as the question carries them.
    pub groups: Vec<Subject>,
    /// Groups to count the subject as a member of, beside those that are known.
    pub assumed: Vec<Subject>,
    /// Which room.
    pub room: RoomId,
    /// Where; here if no channel is named.
    pub channel: Option<Channel>,
    /// At which time; now if none is named.
    pub at: Option<Timestamp>,
}

/// A change of the ACL, as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Give or deny a role, for so long. `grant.expires_at` is not set yet.
    Grant {
        /// To whom, what, where: an entry for each person and each scope of rooms, all made or none.
        grants: Vec<NewGrant>,
        /// When they end; never if not given.
        ends: Option<Ends>,
    },
    /// Take a grant back.
    Revoke(GrantId),
    /// Take the one live entry back that names somebody.
    RevokeOf(Subject),
    /// Authorise a channel; this one if none is named.
    AllowChannel(Option<Channel>, RoomScope),
    /// Authorise a channel no more; this one if none is named.
    RemoveChannel(Option<Channel>),
    /// Announce what happens to rooms in a channel, this one if none is named: for the rooms that it is authorised for
    /// if none are named; and whether admins read it.
    Announce(Option<Channel>, Option<RoomScope>, bool),
    /// Announce nothing more in a channel; this one if none is named.
    StopAnnouncing(Option<Channel>),
    /// Give the access that an operation asks for, for so long; or refuse it.
    Answer(OperationId, Option<Duration>),
    /// Link somebody to an account, or mark rooms.
    Set(Setting),
    /// Take that back.
    Unset(SettingKey),
    /// Make the ACL what a file says, if it is at this version or is so already. Only the command line asks for it.
    Apply(Wanted, Option<i64>),
}

/// When a grant ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ends {
    /// After so long.
    After(Duration),
    /// The next time that it is so.
    At(TimeExpr),
}

impl Ends {
    /// At that time.
    ///
    /// # Errors
    /// When it counts back from now.
    pub fn until(moment: TimeExpr) -> Result<Self, String> {
        if moment.is_ago() {
            Err(format!("`{moment}` is how long, not until when"))
        } else {
            Ok(Self::At(moment))
        }
    }

    /// The end of what is granted at `now`.
    ///
    /// # Errors
    /// When it is not to come, or too far away.
    pub fn resolve(&self, now: Timestamp) -> Result<Timestamp, String> {
        let end = match self {
            Self::After(length) => now.checked_add(*length).map_err(|error| error.to_string())?,
            Self::At(moment) => {
                moment.resolve_next(now, &TimeZone::UTC).map_err(|error| error.to_string())?
            }
        };
        match self {
            Self::At(moment) if end.duration_since(now).unsigned_abs() < SHORTEST || end < now => {
                Err(format!(
                    "`{moment}` is {} UTC, which is over: name a time that is more than a minute away",
                    end.strftime("%Y-%m-%d %H:%M")
                ))
            }
            _ => Ok(end),
        }
    }
}

/// How long access is given for, or that it is not: `8h`, `no`.
///
/// # Errors
/// When it is neither.
pub fn read_answer(text: &str) -> Result<Option<Duration>, String> {
    if text.eq_ignore_ascii_case("no") {
        return Ok(None);
    }
    let length = parse_lasting(text);
    length.map(Some).map_err(|error| format!("{error}; or write no"))
}
