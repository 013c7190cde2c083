//! Which person has which account, and which rooms take more than one command to hand over.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AclView, RoomScope};
use crate::domain::named::{named, readable};
use crate::domain::principal::{Subject, serialize_as_text};
use crate::domain::room::{AccountId, RoomId};

named! {
    /// What a hand-over of a room takes beyond the right to it. The later one is the stricter.
    #[derive(PartialOrd, Ord)]
    Mark
    /// Whoever asks for it has to confirm it.
    Confirm => "confirm",
    /// Another person has to approve it.
    TwoPerson => "two-person",
}

readable!(Mark: "a mark");
serialize_as_text!(Mark);

/// What an admin has set.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setting {
    /// Somebody in a chat has this account.
    Link {
        /// Who.
        person: Subject,
        /// Which account.
        account: AccountId,
    },
    /// The rooms of a scope are marked.
    Mark {
        /// Which rooms.
        rooms: RoomScope,
        /// As what.
        mark: Mark,
    },
}

/// What a setting is about. There is one live setting for each.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SettingKey {
    /// The account of this person.
    Link(Subject),
    /// The mark of exactly this scope.
    Mark(RoomScope),
}

impl Setting {
    /// What it is about.
    pub fn key(&self) -> SettingKey {
        match self {
            Self::Link { person, .. } => SettingKey::Link(person.clone()),
            Self::Mark { rooms, .. } => SettingKey::Mark(rooms.clone()),
        }
    }

    /// Whose account it is, if it is a link.
    pub fn person(&self) -> Option<&Subject> {
        match self {
            Self::Link { person, .. } => Some(person),
            Self::Mark { .. } => None,
        }
    }
}

/// The account that a person has, by their links.
pub fn account_of<'a>(links: &'a [AclSetting], person: &Subject, now: Timestamp) -> Option<&'a AccountId> {
    links.iter().filter(|entry| entry.is_live(now)).find_map(|entry| entry.account_of(person))
}

/// The person whom an account most probably means to `caller`: the only one of the caller's own workspace or server
/// who has it, or else the only one at all.
pub fn person_with<'a>(
    links: &'a [AclSetting],
    account: &AccountId,
    caller: &Subject,
    now: Timestamp,
) -> Option<&'a Subject> {
    let live = links.iter().filter(|entry| entry.is_live(now));
    let all: Vec<&Subject> = live
        .filter_map(|entry| match &entry.setting {
            Setting::Link { person, account: theirs } if theirs == account => Some(person),
            Setting::Link { .. } | Setting::Mark { .. } => None,
        })
        .collect();
    let near: Vec<&Subject> = all.iter().copied().filter(|person| person.is_beside(caller)).collect();
    match (near.as_slice(), all.as_slice()) {
        ([only], _) | ([], [only]) => Some(only),
        _ => None,
    }
}

impl SettingKey {
    /// For which rooms somebody has to be an admin to set it. Whose account is whose decides who counts as a second
    /// person for every room.
    pub fn rooms(&self) -> &RoomScope {
        match self {
            Self::Link(_) => &RoomScope::All,
            Self::Mark(rooms) => rooms,
        }
    }
}

/// A setting, since when it holds, and until when it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AclSetting {
    /// What is set.
    pub setting: Setting,
    /// By whom.
    pub set_by: Subject,
    /// When.
    #[serde(serialize_with = "crate::domain::time::serialize_millis")]
    pub set_at: Timestamp,
    /// When it was removed, or replaced.
    #[serde(serialize_with = "crate::domain::time::serialize_optional_millis")]
    pub removed_at: Option<Timestamp>,
    /// Why it was set.
    pub reason: Option<String>,
}

impl AclSetting {
    /// Whether it holds at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.set_at <= now && self.removed_at.is_none_or(|removed| removed > now)
    }

    /// The account, if it is a link of this person.
    pub fn account_of(&self, person: &Subject) -> Option<&AccountId> {
        match &self.setting {
            Setting::Link { person: known, account } if known == person => Some(account),
            Setting::Link { .. } | Setting::Mark { .. } => None,
        }
    }
}

impl AclView {
    /// The strictest live mark that covers the room.
    pub fn mark_of(&self, room: &RoomId, now: Timestamp) -> Option<Mark> {
        self.marking(room, now).map(|(mark, _)| mark)
    }

    /// The same, and the scope that is marked by it.
    pub fn marking(&self, room: &RoomId, now: Timestamp) -> Option<(Mark, &RoomScope)> {
        let live = self.settings.iter().filter(|entry| entry.is_live(now));
        let marks = live.filter_map(|entry| match &entry.setting {
            Setting::Mark { rooms, mark } if rooms.covers(room) => Some((*mark, rooms)),
            Setting::Mark { .. } | Setting::Link { .. } => None,
        });
        marks.max_by_key(|(mark, _)| *mark)
    }
}
