//! Answers about the ACL.

use jiff::Timestamp;

use crate::domain::access::plan::{InvalidPlan, Step};
use crate::domain::access::{
    AclSetting, AclView, AnnouncementChannel, Attention, AuthorisedChannel, CallerRights, ChangedEntry,
    EligibleSubject, Explanation, Grant, GrantWarning, GrantWarnings, Helpers, Mark, NotEdited, RoomScope,
    SettingKey, UnreadGroup,
};
use crate::domain::asking::{AccessRequest, NotAnswered};
use crate::domain::command::{Listed, Section};
use crate::domain::principal::{Channel, Place, Principal, Subject};
use crate::domain::room::RoomId;

/// An answer about the ACL. It is for the caller alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AclAnswer {
    /// An edit that was made.
    Edited {
        /// The entries before and after, and what is in the way of each.
        changed: Vec<(ChangedEntry, GrantWarnings)>,
        /// Whether it gives the caller something.
        is_for_oneself: bool,
    },
    /// An edit that was not made.
    NotEdited(NotEdited),
    /// A request for access that was answered.
    Answered {
        /// The request, with its answer.
        request: Box<AccessRequest>,
        /// The grant that was made, and what is in its way; `None` if the answer was no.
        granted: Option<Box<(ChangedEntry, GrantWarnings)>>,
    },
    /// A request for access that was not answered.
    NotAnswered(NotAnswered),
    /// The caller's own id, groups and rights.
    WhoAmI {
        /// The caller.
        principal: Principal,
        /// The channel.
        place: Place,
        /// How the caller stands here.
        caller_rights: Box<CallerRights>,
        /// Whom to ask.
        helpers: Helpers,
    },
    /// A page of the grants.
    Grants {
        /// Which part of them.
        listed: Listed,
        /// How many pages there are.
        pages: u32,
        /// The page's grants, and why somebody should look at each if that was asked for.
        grants: Vec<(Grant, Option<Attention>)>,
        /// Ended ones that are not shown.
        left_out: usize,
        /// The announcement channels, if the whole list was asked for.
        announced: Vec<AnnouncementChannel>,
        /// The requests for access that nobody has answered, if they were asked for.
        asks: Vec<AccessRequest>,
    },
    /// A page of the authorised channels.
    Channels(Page<AuthorisedChannel>),
    /// A page of the announcement channels.
    Announcements(Page<AnnouncementChannel>),
    /// A page of the links, or of the marked rooms.
    Settings(Section, Page<AclSetting>),
    /// The whole ACL.
    Whole(AclView),
    /// What would have to change for the ACL to be what a file says.
    Planned {
        /// The ACL as it is.
        acl: AclView,
        /// The changes; or why the file cannot be meant.
        steps: Result<Vec<Step>, InvalidPlan>,
        /// Why they would not be made.
        refusal: Option<NotEdited>,
    },
    /// What an edit would do.
    Previewed(Box<Preview>),
    /// What is decided about somebody.
    Explained(Box<Explained>),
    /// Who may hand a room over.
    WhoCan {
        /// The room.
        room: RoomId,
        /// Those who may.
        able: Vec<EligibleSubject>,
        /// The groups that cannot be read right now, to which a grant gives it or a deny entry takes it.
        unread: Vec<UnreadGroup>,
    },
    /// The question is on record, but the ACL could not be read.
    Unreadable,
}

/// What an edit would do to the ACL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The version of the ACL for which it says so.
    pub version: i64,
    /// The entries before and after, and what is in the way of each. A grant has no number yet.
    pub changed: Vec<(ChangedEntry, GrantWarnings)>,
    /// Whether it gives the caller something.
    pub is_for_oneself: bool,
    /// Why it would not be made.
    pub refusal: Option<NotEdited>,
}

/// A page of what there is one entry of for each channel, person or scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// Which page.
    pub page: u32,
    /// How many pages there are.
    pub pages: u32,
    /// What is on it.
    pub entries: Vec<T>,
    /// Removed ones that are not shown.
    pub left_out: usize,
}

/// A room that an answer is about, and that does not exist now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbsentRoom {
    /// The room.
    pub room: RoomId,
    /// The live room that was probably meant.
    pub meant: Option<RoomId>,
}

impl AclAnswer {
    /// The single rooms that it is about as they are now, or that it gives somebody a role for.
    pub fn rooms(&self) -> Vec<&RoomId> {
        match self {
            Self::Explained(explained) => vec![&explained.room],
            Self::WhoCan { room, .. } => vec![room],
            Self::Edited { changed, .. } => granted_rooms(changed),
            Self::Previewed(preview) => granted_rooms(&preview.changed),
            _ => Vec::new(),
        }
    }

    /// Whom it names.
    pub fn subjects(&self) -> Vec<&Subject> {
        match self {
            Self::Edited { changed, .. } => of_changes(changed),
            Self::Previewed(preview) => of_changes(&preview.changed),
            Self::Grants { grants, asks, .. } => {
                let of_grants = grants.iter().flat_map(|(grant, _)| [&grant.subject, &grant.granted_by]);
                asks.iter().map(|ask| &ask.person).chain(of_grants).collect()
            }
            Self::Channels(page) => page.entries.iter().map(|entry| &entry.allowed_by).collect(),
            Self::Announcements(page) => page.entries.iter().map(|entry| &entry.set_by).collect(),
            Self::Settings(_, page) => {
                let people = page.entries.iter().filter_map(|entry| entry.setting.person());
                people.chain(page.entries.iter().map(|entry| &entry.set_by)).collect()
            }
            Self::Whole(acl) => {
                let linked = acl.settings.iter().filter_map(|entry| entry.setting.person());
                acl.grants.iter().map(|grant| &grant.subject).chain(linked).collect()
            }
            Self::Explained(explained) => explained.principal.subjects().collect(),
            Self::WhoCan { able, .. } => able.iter().map(|able| &able.subject).collect(),
            Self::NotEdited(NotEdited::AdminBeyond(who) | NotEdited::NotSet(SettingKey::Link(who))) => {
                vec![who]
            }
            Self::NotEdited(NotEdited::SetAlready(setting)) => setting.person().into_iter().collect(),
            Self::Answered { request, .. } => vec![&request.person],
            Self::NotEdited(_)
            | Self::NotAnswered(_)
            | Self::WhoAmI { .. }
            | Self::Planned { .. }
            | Self::Unreadable => Vec::new(),
        }
    }
}

/// A question about somebody's right to hand a room over, and what is decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// About whom, with the groups that were taken into account.
    pub principal: Principal,
    /// Whether that is the caller.
    pub is_caller: bool,
    /// Where.
    pub channel: Channel,
    /// Which room.
    pub room: RoomId,
    /// At what time.
    pub at: Timestamp,
    /// What is decided, and what bears on it.
    pub explanation: Explanation,
    /// What a hand-over of the room takes beyond the right to it.
    pub mark: Option<Mark>,
}

/// Whom changes name, and what is in their way.
fn of_changes(changed: &[(ChangedEntry, GrantWarnings)]) -> Vec<&Subject> {
    let entries = changed.iter().filter_map(|(entry, _)| match entry {
        ChangedEntry::Grant { after, .. } => Some(&after.subject),
        ChangedEntry::Setting { after, .. } => after.setting.person(),
        ChangedEntry::Channel { .. } | ChangedEntry::Announcement { .. } => None,
    });
    let beside = changed.iter().flat_map(|(_, warnings)| &warnings.by);
    let beside = beside.filter_map(|warning| match warning {
        GrantWarning::SharedWith(people) => Some(people),
        _ => None,
    });
    entries.chain(beside.flatten()).collect()
}

/// The single rooms that new grants are for.
fn granted_rooms(changed: &[(ChangedEntry, GrantWarnings)]) -> Vec<&RoomId> {
    let room = |entry| match entry {
        &ChangedEntry::Grant { before: None, after: Grant { rooms: RoomScope::Exact(ref room), .. } } => {
            Some(room)
        }
        _ => None,
    };
    changed.iter().filter_map(|(entry, _)| room(entry)).collect()
}
