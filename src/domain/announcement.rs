//! Announcements: which outcomes are announced, where, and what an announcement says, by meaning.

use super::access::{AnnouncementChannel, Grant, GrantId};
use super::asking::AccessRequest;
use super::audit::{AuditEntry, OperationId, Outcome, OutcomeKind};
use super::press::Button;
use super::principal::Channel;
use super::tree_head::TreeHead;

/// The channels in which the outcome that an operation has now is announced: a change of a room's owner, by this bot
/// or observed, that was made, was refused by Tencent, or whose outcome nobody knows.
pub fn channels_for<'a>(
    entry: &AuditEntry,
    channels: &'a [AnnouncementChannel],
) -> impl Iterator<Item = &'a Channel> {
    let is_outcome =
        matches!(entry.outcome, OutcomeKind::Succeeded | OutcomeKind::Unknown | OutcomeKind::Refused);
    let room = entry.room.clone().filter(|_| is_outcome && entry.new_owner.is_some());
    let covers = move |channel: &&AnnouncementChannel| room.as_ref().is_some_and(|room| channel.covers(room));
    channels.iter().filter(covers).map(|entry| &entry.channel)
}

/// What is announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Announcement {
    /// What came of a change of a room's owner.
    Change {
        /// The operation, as it was after that.
        entry: Box<AuditEntry>,
        /// The name of whoever has the new owner's account, if one is known.
        new_owner_name: Option<String>,
        /// The outcome; `None` of a change that was observed.
        outcome: Option<Outcome>,
        /// Whether another outcome was recorded before.
        is_news: bool,
        /// A signed head of the log that covers it.
        head: TreeHead,
        /// Whether it may have been posted already.
        perhaps_posted: bool,
    },
    /// A grant lapses soon.
    Lapse {
        /// The grant.
        grant: Box<Grant>,
        /// Its holder, by name if one is known.
        holder: String,
        /// Who can renew it, by name; only where admins read.
        admins: Vec<String>,
        /// Whether it may have been posted already.
        perhaps_posted: bool,
    },
    /// Somebody asks for access: to the admins who can answer, or, once it was answered, how.
    Asked {
        /// The request.
        request: Box<AccessRequest>,
        /// The buttons that answer it.
        buttons: Vec<Button>,
        /// Whether it may have been posted already.
        perhaps_posted: bool,
    },
    /// How a request for access was answered: to whoever asked.
    Answered {
        /// The request, with its answer.
        request: Box<AccessRequest>,
        /// Whether it may have been posted already.
        perhaps_posted: bool,
    },
}

impl Announcement {
    /// The buttons under it.
    pub fn buttons(&self) -> &[Button] {
        match self {
            Self::Asked { buttons, .. } => buttons,
            Self::Change { .. } | Self::Lapse { .. } | Self::Answered { .. } => &[],
        }
    }
}

/// What an announcement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// An operation, with the number of the event that is announced.
    Operation(OperationId, i64),
    /// A grant that lapses.
    Grant(GrantId),
}

impl Topic {
    /// The number of the event that is announced, if one is.
    pub fn event(self) -> Option<i64> {
        match self {
            Self::Operation(_, event) => Some(event),
            Self::Grant(_) => None,
        }
    }

    /// A short name that no other topic has.
    pub fn key(self) -> String {
        match self {
            Self::Operation(_, event) => format!("e{event}"),
            Self::Grant(id) => format!("g{id}"),
        }
    }
}

#[cfg(test)]
mod tests;
