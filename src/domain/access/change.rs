//! Changes of the ACL: what they are, what they give and take, and which of them would lock everybody out.

use std::collections::HashSet;
use std::fmt;

use jiff::Timestamp;

use super::{AuthorisedChannel, Effect, Grant, GrantId, Role, RoomScope, is_live};
use crate::domain::principal::{Channel, Principal, Subject};

/// A change of the ACL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AclChange {
    /// Give a role, or deny it.
    Grant(NewGrant),
    /// Take a grant back.
    Revoke(GrantId),
    /// Authorise a channel, or change the rooms that it is authorised for.
    AllowChannel {
        /// The channel.
        channel: Channel,
        /// For which rooms.
        rooms: RoomScope,
    },
    /// Authorise a channel no more.
    RemoveChannel(Channel),
}

/// A grant that has no number yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGrant {
    /// Who gets it.
    pub subject: Subject,
    /// What it gives.
    pub role: Role,
    /// Permit or deny.
    pub effect: Effect,
    /// For which rooms.
    pub rooms: RoomScope,
    /// From which channels; all authorised ones if empty.
    pub channels: Vec<Channel>,
    /// When it lapses.
    pub expires_at: Option<Timestamp>,
}

/// An entry of the ACL before and after a change.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangedEntry {
    /// A grant: given, or taken back.
    Grant {
        /// As it was, if it was.
        before: Option<Grant>,
        /// As it is.
        after: Grant,
    },
    /// A channel: authorised, for other rooms, or removed.
    Channel {
        /// As it was, if it was authorised.
        before: Option<AuthorisedChannel>,
        /// As it is.
        after: AuthorisedChannel,
    },
}

/// Why an edit of the ACL was not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotEdited {
    /// There is no such grant.
    NoGrant(GrantId),
    /// The grant was taken back before.
    RevokedAlready(GrantId),
    /// The channel is not authorised.
    NotAuthorised(Channel),
    /// It would lock everybody out.
    LockOut(LockOut),
}

impl fmt::Display for NotEdited {
    /// For the record.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoGrant(id) => write!(f, "there is no grant {id}"),
            Self::RevokedAlready(id) => write!(f, "grant {id} is revoked already"),
            Self::NotAuthorised(channel) => write!(f, "`{channel}` is not authorised"),
            Self::LockOut(lock_out) => write!(f, "{lock_out}"),
        }
    }
}

/// When a grant was last used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrantUse {
    /// Which.
    pub grant: GrantId,
    /// When, to the hour.
    pub at: Timestamp,
}

/// Whether one of the changes gives something to the very person who makes it, or to a group of theirs.
#[must_use]
pub fn is_for_oneself<'a>(by: &Principal, changes: impl IntoIterator<Item = &'a AclChange>) -> bool {
    changes.into_iter().any(|change| match change {
        AclChange::Grant(new) => {
            new.effect == Effect::Permit && by.subjects().any(|subject| *subject == new.subject)
        }
        AclChange::Revoke(_) | AclChange::AllowChannel { .. } | AclChange::RemoveChannel(_) => false,
    })
}

/// What nobody could undo from chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockOut {
    /// No live admin would be left.
    NoAdmin,
    /// No live admin for every room would be left, and there is one now.
    NoAdminOfAllRooms,
    /// No authorised channel would be left.
    NoChannel,
}

impl fmt::Display for LockOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoAdmin => "no admin would be left",
            Self::NoAdminOfAllRooms => "no admin for every room would be left",
            Self::NoChannel => "no authorised channel would be left",
        })
    }
}

/// Whether the changes would lock everybody out. `admins` are the grants of the role admin, deny entries
/// too; `channels` the entries of authorised channels. Where there is no admin or no channel yet, there is
/// nobody to lock out.
#[must_use]
pub fn lock_out(
    admins: &[Grant],
    channels: &[AuthorisedChannel],
    changes: &[AclChange],
    now: Timestamp,
) -> Option<LockOut> {
    let before = Standing::of(admins, now);
    let mut after = admins.to_vec();
    let mut open: HashSet<&Channel> =
        channels.iter().filter(|entry| super::is_open(entry, now)).map(|entry| &entry.channel).collect();
    let had_channel = !open.is_empty();
    for change in changes {
        match change {
            AclChange::Grant(new) if new.role == Role::Admin => after.push(as_given(new, now)),
            AclChange::Grant(_) => {}
            AclChange::Revoke(id) => after.retain(|grant| grant.id != *id),
            AclChange::AllowChannel { channel, .. } => drop(open.insert(channel)),
            AclChange::RemoveChannel(channel) => drop(open.remove(channel)),
        }
    }
    let after = Standing::of(&after, now);
    if before.any && !after.any {
        Some(LockOut::NoAdmin)
    } else if before.of_all_rooms && !after.of_all_rooms {
        Some(LockOut::NoAdminOfAllRooms)
    } else if had_channel && open.is_empty() {
        Some(LockOut::NoChannel)
    } else {
        None
    }
}

/// A new grant as it would be for a decision; it has no number yet.
fn as_given(new: &NewGrant, now: Timestamp) -> Grant {
    Grant {
        id: 0,
        subject: new.subject.clone(),
        role: new.role,
        effect: new.effect,
        rooms: new.rooms.clone(),
        channels: new.channels.clone(),
        expires_at: new.expires_at,
        granted_by: new.subject.clone(),
        granted_at: now,
        revoked_at: None,
        reason: None,
    }
}

struct Standing {
    any: bool,
    of_all_rooms: bool,
}

impl Standing {
    fn of(admins: &[Grant], now: Timestamp) -> Self {
        let live: Vec<&Grant> = live_admins(admins, now).collect();
        Self { any: !live.is_empty(), of_all_rooms: live.iter().any(|grant| grant.rooms == RoomScope::All) }
    }
}

/// The grants that make somebody an admin now, without those that a deny entry for the same subject takes
/// away whole.
pub fn live_admins(grants: &[Grant], now: Timestamp) -> impl Iterator<Item = &Grant> {
    let live = move |grant: &&Grant| grant.role == Role::Admin && is_live(grant, now);
    let denials: Vec<&Grant> =
        grants.iter().filter(live).filter(|grant| grant.effect == Effect::Deny).collect();
    grants.iter().filter(live).filter(|grant| grant.effect == Effect::Permit).filter(move |grant| {
        !denials.iter().any(|denial| {
            denial.subject == grant.subject
                && denial.rooms.contains(&grant.rooms)
                && (denial.channels.is_empty() || denial.channels == grant.channels)
        })
    })
}
