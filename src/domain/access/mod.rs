//! Who may do what: roles, scopes, grants, and the one function that decides.
//!
//! # The rule
//!
//! 1. A command is permitted if its channel is authorised for the rooms that it is about, a live grant gives its
//!    author a role that is enough for these rooms, and no live deny entry takes any of them away. Nothing else
//!    permits anything, except that whoever is on the bot's machine may do everything there.
//! 2. A grant names the person that it says, or everybody in the group that it says. Somebody counts as a member
//!    of a group only if the platform said so, in the request or at most ten minutes ago.
//! 3. A deny entry takes what its role would give, from whom it names, for its rooms and in its channels: nothing
//!    beyond. It wins over every grant.
//! 4. A deny entry for a group names everybody of its workspace who is not known to be outside the group. A group
//!    that does not exist is empty.
//! 5. What shows several rooms is permitted unless deny entries take every grant for it away whole, and shows the
//!    rooms that are left. So is a look at the ACL about one room, unless a deny entry takes that room. What changes
//!    entries for several rooms needs the role for each of them.
//! 6. Both the person and the channel are of the same workspace or server.
//! 7. Nobody denies anything to somebody who is, or may be, an admin for rooms beyond their own.
//! 8. No change takes the last admin from chat who could undo it, who could edit entries for every room, or for any:
//!    the last who is known to be able to, or, where nobody was known to, who may be. Only the command line forces it.
//! 9. A hand-over of a marked room takes more than the right to it: see [`clear`].
//!
//! [`decide`] is the rule: what is explained, listed, planned or refused because of a lock-out asks it. It is pure:
//! the caller reads the ACL, the clock and the groups before.

mod announcing;
mod attention;
mod change;
mod clearance;
mod editing;
mod explain;
mod known;
pub mod plan;
mod rule;
mod scope;
mod second;
mod setting;
mod warning;

use std::fmt;

use jiff::Timestamp;

use super::named::{named, readable};
use super::principal::{Channel, Subject, serialize_as_text};
use super::room::RoomId;

pub use announcing::{AnnouncementChannel, LAPSES_SOON};
pub use attention::{Attention, attention};
pub use change::{
    AclChange, ChangedEntry, GrantUse, Helpers, LockOut, NewGrant, NotEdited, admin_beyond, admins_of,
    is_for_oneself, live_admins, lock_out,
};
pub use clearance::{
    Approval, Asker, AtHand, Clearance, Cleared, Needed, NotSecond, Takes, clear, could_be_second,
    is_one_person,
};
pub use editing::{Author, obstacle};
pub use explain::{
    CallerRights, EligibleSubject, Explanation, Right, Standing, UnreadGroup, caller_rights, explain, rights,
    unread_groups, who_can,
};
pub use known::{Known, LONGEST_TRUSTED, Reading};
pub use rule::{Authority, Decision, Denial, EffectiveScope, GrantMatch, Permit, decide, grant_match};
pub use scope::{InvalidScope, RoomScope};
pub use second::who_else;
pub use setting::{AclSetting, Mark, Setting, SettingKey, account_of, person_with};
pub use warning::{GrantWarning, GrantWarnings, beside_setting, warnings};

named! {
    /// An RBAC role.
    Role
    /// Hands rooms over, within the grant's room scope.
    Moderator => "moderator",
    /// Reads the audit log.
    Auditor => "auditor",
    /// Edits the ACL; may do what the other two may.
    Admin => "admin",
}

/// What a command needs permission for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Learn who owns a room.
    ShowOwner(RoomId),
    /// Give a room to somebody else.
    Transfer(RoomId),
    /// The same although the outcome of an earlier transfer of the room is unknown.
    Override(RoomId),
    /// Read the audit log, as far as the rooms in reach go.
    ReadAudit,
    /// Sign in to the console, where each page is decided about by itself.
    UseConsole,
    /// Read the ACL, perhaps about one room.
    ReadAcl(Option<RoomId>),
    /// Change entries of the ACL for these rooms: nobody gives away more rooms than are theirs. Without a scope, a
    /// change that turns out to be none.
    EditAcl(Vec<RoomScope>),
}

impl Action {
    /// The room that the action is about, if it is about one.
    pub fn room(&self) -> Option<&RoomId> {
        match self {
            Self::ShowOwner(room) | Self::Transfer(room) | Self::Override(room) => Some(room),
            Self::ReadAcl(room) => room.as_ref(),
            Self::ReadAudit | Self::UseConsole | Self::EditAcl(_) => None,
        }
    }

    /// Whether it is about reading the log and nothing else, of which lists of the log leave the records out.
    pub fn is_reading(&self) -> bool {
        matches!(self, Self::ReadAudit | Self::UseConsole)
    }

    /// Whether a permit for `scope` is wide enough.
    fn is_within(&self, scope: &RoomScope) -> bool {
        match self {
            Self::ShowOwner(room) | Self::Transfer(room) | Self::Override(room) => scope.covers(room),
            Self::EditAcl(rooms) => rooms.iter().all(|rooms| scope.contains(rooms)),
            // What is shown is cut to the rooms in reach; the ACL is one list for every admin.
            Self::ReadAudit | Self::UseConsole | Self::ReadAcl(_) => true,
        }
    }

    /// Whether a deny entry for `scope` could take any of it away, or any grant for it.
    fn is_touched_by(&self, scope: &RoomScope) -> bool {
        match self {
            Self::ShowOwner(room) | Self::Transfer(room) | Self::Override(room) => scope.covers(room),
            Self::EditAcl(rooms) => rooms.is_empty() || rooms.iter().any(|rooms| scope.overlaps(rooms)),
            // A grant for any rooms gives it, so an entry for any rooms may take that grant away.
            Self::ReadAudit | Self::UseConsole | Self::ReadAcl(_) => true,
        }
    }

    /// Whether a deny entry for `scope` closes it whatever else there is. Of what is about no rooms in particular, an
    /// entry for some leaves the others.
    fn is_closed_by(&self, scope: &RoomScope) -> bool {
        match self {
            Self::ReadAudit | Self::UseConsole | Self::ReadAcl(None) => *scope == RoomScope::All,
            Self::ReadAcl(Some(room)) => scope.covers(room),
            Self::EditAcl(rooms) if rooms.is_empty() => *scope == RoomScope::All,
            _ => self.is_touched_by(scope),
        }
    }

    /// The same for each scope by itself: different grants may give them.
    fn parts(&self) -> Vec<Self> {
        match self {
            Self::EditAcl(rooms) if rooms.len() > 1 => {
                rooms.iter().map(|rooms| Self::EditAcl(vec![rooms.clone()])).collect()
            }
            other => vec![other.clone()],
        }
    }
}

impl Role {
    /// Whether the role is enough for the action.
    #[must_use]
    pub fn allows(self, action: &Action) -> bool {
        match action {
            // Whoever may read the log finds the owner there anyway.
            Action::ShowOwner(_) | Action::UseConsole => true,
            Action::Transfer(_) => matches!(self, Self::Moderator | Self::Admin),
            Action::ReadAudit => matches!(self, Self::Auditor | Self::Admin),
            Action::Override(_) | Action::ReadAcl(_) | Action::EditAcl(_) => self == Self::Admin,
        }
    }
}

readable!(Role: "a role");

named! {
    /// Whether an entry of the ACL permits or forbids; and which of both a decision is.
    #[derive(serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "lowercase")]
    Effect
    /// Gives the role.
    Permit => "permit",
    /// Takes it away, whatever else permits.
    Deny => "deny",
}

serialize_as_text!(Role);

/// The number of a grant, as people name it: `grant 12`.
pub type GrantId = i64;

/// A role for a subject, within a scope and a time.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Grant {
    /// Its number.
    pub id: GrantId,
    /// Who has it.
    pub subject: Subject,
    /// What it gives.
    pub role: Role,
    /// Permit or deny.
    pub effect: Effect,
    /// For which rooms.
    pub rooms: RoomScope,
    /// Only from these channels; from every authorised one if empty.
    pub channels: Vec<Channel>,
    /// When it lapses; `None` for never. Evaluated at reading.
    #[serde(serialize_with = "crate::domain::time::serialize_optional_millis")]
    pub expires_at: Option<Timestamp>,
    /// Who gave it.
    pub granted_by: Subject,
    /// When.
    #[serde(serialize_with = "crate::domain::time::serialize_millis")]
    pub granted_at: Timestamp,
    /// When it was taken back.
    #[serde(serialize_with = "crate::domain::time::serialize_optional_millis")]
    pub revoked_at: Option<Timestamp>,
    /// Why it was given.
    pub reason: Option<String>,
}

/// A channel from which commands are taken, for the rooms of its scope.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AuthorisedChannel {
    /// The channel.
    pub channel: Channel,
    /// For which rooms.
    pub rooms: RoomScope,
    /// Who authorised it.
    pub allowed_by: Subject,
    /// When.
    #[serde(serialize_with = "crate::domain::time::serialize_millis")]
    pub allowed_at: Timestamp,
    /// When it was removed.
    #[serde(serialize_with = "crate::domain::time::serialize_optional_millis")]
    pub removed_at: Option<Timestamp>,
    /// Why it was authorised.
    pub reason: Option<String>,
}

/// The part of the ACL that can matter to one request, and the version of the whole that it was read at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AclView {
    /// Counts the changes of the ACL. A decision is only carried out while it still holds.
    pub version: i64,
    /// The grants that name the caller or one of the caller's groups, revoked and lapsed ones too; and the deny
    /// entries for every group of the caller's workspace, for the caller may be in it.
    pub grants: Vec<Grant>,
    /// The entries for the caller's channel.
    pub channels: Vec<AuthorisedChannel>,
    /// The announcement channels, of the whole ACL alone: no decision depends on them.
    pub announcements: Vec<AnnouncementChannel>,
    /// The marks of rooms; of the whole ACL, every setting.
    pub settings: Vec<AclSetting>,
}

/// `a, b`
pub(crate) fn list<T: fmt::Display>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Whether the channel is authorised at `now`.
#[must_use]
pub fn is_open(entry: &AuthorisedChannel, now: Timestamp) -> bool {
    entry.allowed_at <= now && entry.removed_at.is_none_or(|removed| removed > now)
}

/// Whether the grant holds at `now`: given, not yet lapsed, not taken back.
#[must_use]
pub fn is_live(grant: &Grant, now: Timestamp) -> bool {
    let ended = |end: Option<Timestamp>| end.is_some_and(|end| end <= now);
    grant.granted_at <= now && !ended(grant.expires_at) && !ended(grant.revoked_at)
}

#[cfg(test)]
mod tests;
