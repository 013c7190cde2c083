//! What stands between a new entry of the ACL and its effect, so that no gain is announced that does not
//! happen.
//!
//! Nothing here decides anything: an entry with warnings stands, and counts as soon as nothing is in its way.

use jiff::Timestamp;

use super::change::is_limited_to;
use super::rule::names;
use super::{
    AclSetting, AclView, AuthorisedChannel, Effect, Grant, GrantId, Known, Mark, Role, RoomScope, Setting,
    is_live, is_open,
};
use crate::domain::principal::{Channel, Membership, Principal, Subject};

/// What keeps a live entry from its effect.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GrantWarnings {
    /// Whether nothing is left of it: nobody may do more, or less, than without the entry.
    pub wholly: bool,
    /// What is in its way.
    pub by: Vec<GrantWarning>,
}

/// Something that is in the way of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantWarning {
    /// A deny entry takes it away, or some of it.
    Denied(Box<Grant>),
    /// A deny entry for a group that cannot be read right now, and so for everybody who may be in it.
    Unread(Box<Grant>),
    /// Another entry gives, or denies, the whole of it already.
    Already(GrantId),
    /// The channel is of another workspace or server than whoever is named: no platform vouches for both.
    Elsewhere(Channel),
    /// The channel is not authorised.
    NotAuthorised(Channel),
    /// The channel is authorised, but for other rooms only.
    ForOtherRooms(Channel, RoomScope),
    /// The entry names no channel, and none is authorised in which it could count.
    NoChannel,
    /// Whoever is on the bot's machine may do everything.
    Local,
    /// Nobody looks up who is in the user group, so that a grant counts for nobody.
    NotLookedUp,
    /// The platform knows no such group.
    NoSuchGroup,
    /// Whether the platform knows the group could not be checked.
    NotChecked,
    /// Of an announcement channel: the bot has no token to post there with.
    CannotPost,
    /// Of a link: these people are linked to the account too.
    SharedWith(Vec<Subject>),
    /// Of a mark, or of none: rooms of these scopes have a stricter one.
    Stricter(Vec<(RoomScope, Mark)>),
}

impl GrantWarnings {
    /// With what the platform says of the group that an entry names: whether it knows it, if it could be asked.
    #[must_use]
    pub fn with_group(mut self, is_known: Option<bool>) -> Self {
        match is_known {
            Some(true) => {}
            Some(false) => {
                self.wholly = true;
                self.by.push(GrantWarning::NoSuchGroup);
            }
            None => self.by.push(GrantWarning::NotChecked),
        }
        self
    }
}

/// What else there is to know of a setting that was made or removed, with all that hold now.
#[must_use]
pub fn beside_setting(changed: &AclSetting, all: &[AclSetting], now: Timestamp) -> GrantWarnings {
    let key = changed.setting.key();
    let others = || {
        let live = all.iter().filter(|entry| entry.is_live(now)).map(|entry| &entry.setting);
        live.filter(|other| other.key() != key)
    };
    let is_removed = changed.removed_at.is_some();
    let by = match &changed.setting {
        Setting::Link { person, account } => {
            let shares = |other: &Setting| match other {
                Setting::Link { person: other, account: theirs } if other != person && theirs == account => {
                    Some(other.clone())
                }
                Setting::Link { .. } | Setting::Mark { .. } => None,
            };
            let people: Vec<Subject> = others().filter_map(shares).filter(|_| !is_removed).collect();
            (!people.is_empty()).then_some(GrantWarning::SharedWith(people))
        }
        Setting::Mark { rooms, mark } => {
            let stricter = |other: &Setting| match other {
                Setting::Mark { rooms: other, mark: theirs }
                    if other.overlaps(rooms) && (is_removed || theirs > mark) =>
                {
                    Some((other.clone(), *theirs))
                }
                Setting::Mark { .. } | Setting::Link { .. } => None,
            };
            let marks: Vec<(RoomScope, Mark)> = others().filter_map(stricter).collect();
            (!marks.is_empty()).then_some(GrantWarning::Stricter(marks))
        }
    };
    GrantWarnings { wholly: false, by: by.into_iter().collect() }
}

/// What is in the way of `grant` at `now`, for its subject with what is known of groups. `beside` holds the grants
/// that may name them, and the entries of all channels.
#[must_use]
pub fn warnings(
    grant: &Grant,
    subject: &Principal,
    beside: &AclView,
    known: &Known,
    now: Timestamp,
) -> GrantWarnings {
    if !is_live(grant, now) {
        return GrantWarnings::default();
    }
    if matches!(grant.subject, Subject::Cli { .. }) {
        return GrantWarnings { wholly: true, by: vec![GrantWarning::Local] };
    }
    let is_beside =
        |other: &&Grant| other.id != grant.id && is_live(other, now) && names(subject, other).is_some();
    let others: Vec<&Grant> = beside.grants.iter().filter(is_beside).collect();
    let elsewhere = grant.channels.iter().filter(|channel| !grant.subject.is_of(channel));
    let mut by: Vec<GrantWarning> = elsewhere.cloned().map(GrantWarning::Elsewhere).collect();
    let mut wholly = !by.is_empty() && by.len() == grant.channels.len();
    if grant.effect == Effect::Permit {
        let open: Vec<&AuthorisedChannel> =
            beside.channels.iter().filter(|entry| is_open(entry, now)).collect();
        let usable: Vec<&AuthorisedChannel> = open
            .iter()
            .copied()
            .filter(|entry| {
                grant.subject.is_of(&entry.channel)
                    && (grant.channels.is_empty() || grant.channels.contains(&entry.channel))
                    && entry.rooms.overlaps(&grant.rooms)
            })
            .collect();
        by.extend(grant.channels.iter().filter_map(|channel| shut(grant, channel, &open)));
        if grant.channels.is_empty() && usable.is_empty() {
            by.push(GrantWarning::NoChannel);
        }
        let denials: Vec<&Grant> =
            others.iter().copied().filter(|denial| takes_some(denial, grant, &usable)).collect();
        wholly = usable.iter().all(|entry| denials.iter().any(|denial| takes_all(denial, grant, entry)));
        by.extend(denials.into_iter().map(|denial| match names(subject, denial) {
            Some(Membership::Unknown) => GrantWarning::Unread(Box::new(denial.clone())),
            _ => GrantWarning::Denied(Box::new(denial.clone())),
        }));
        if !known.looks_up(&grant.subject) {
            wholly = true;
            by.push(GrantWarning::NotLookedUp);
        }
    }
    if let Some(same) = others.iter().find(|other| is_at_least(other, grant)) {
        wholly = true;
        by.push(GrantWarning::Already(same.id));
    }
    GrantWarnings { wholly, by }
}

/// Why a grant for a channel is good for nothing there, if nobody could use the bot there about its rooms.
fn shut(grant: &Grant, channel: &Channel, open: &[&AuthorisedChannel]) -> Option<GrantWarning> {
    let entries = || open.iter().filter(|entry| entry.channel == *channel);
    if !grant.subject.is_of(channel) || entries().any(|entry| entry.rooms.overlaps(&grant.rooms)) {
        return None;
    }
    Some(match entries().next() {
        Some(entry) => GrantWarning::ForOtherRooms(channel.clone(), entry.rooms.clone()),
        None => GrantWarning::NotAuthorised(channel.clone()),
    })
}

/// Whether a deny entry takes any of a grant away. Every role is good for seeing who owns a room, so one for
/// any role does.
fn takes_some(denial: &Grant, grant: &Grant, usable: &[&AuthorisedChannel]) -> bool {
    let meets = |channel: &Channel| denial.channels.is_empty() || denial.channels.contains(channel);
    denial.effect == Effect::Deny
        && denial.rooms.overlaps(&grant.rooms)
        && (denial.channels.is_empty() || usable.iter().any(|entry| meets(&entry.channel)))
}

/// Whether a deny entry takes away all that a grant gives in a channel.
fn takes_all(denial: &Grant, grant: &Grant, entry: &AuthorisedChannel) -> bool {
    let both = grant.rooms.narrower(&entry.rooms);
    is_role_at_least(denial.role, grant.role)
        && denial.rooms.contains(both)
        && (denial.channels.is_empty() || denial.channels.contains(&entry.channel))
}

/// Whether `other` gives, or denies, all that `grant` does, to the same subject and as long.
fn is_at_least(other: &Grant, grant: &Grant) -> bool {
    other.subject == grant.subject
        && other.effect == grant.effect
        && is_role_at_least(other.role, grant.role)
        && other.rooms.contains(&grant.rooms)
        && (other.channels.is_empty() || is_limited_to(grant, &other.channels))
        && other.expires_at.is_none_or(|end| grant.expires_at.is_some_and(|its| its <= end))
}

/// An admin may do what the others may, and whom it is denied may do none of it.
fn is_role_at_least(role: Role, other: Role) -> bool {
    role == other || role == Role::Admin
}
