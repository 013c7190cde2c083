//! Changes of the ACL: what they are, what they give and take, and which of them would lock everybody out.

use jiff::Timestamp;

use super::rule::{Decision, EffectiveScope, decide, distinct, names};
use super::{
    AclSetting, AclView, Action, AnnouncementChannel, AuthorisedChannel, Effect, Grant, GrantId, Known, Role,
    RoomScope, Setting, SettingKey, is_live, is_open,
};
use crate::domain::principal::{Channel, Membership, Outside, Place, Principal, Subject};
use crate::domain::room::InvalidAccountId;

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
    /// Announce what happens to rooms in a channel, or change which rooms.
    Announce {
        /// The channel.
        channel: Channel,
        /// For which rooms.
        rooms: RoomScope,
        /// Whether admins read it.
        for_admins: bool,
    },
    /// Announce nothing more in a channel.
    StopAnnouncing(Channel),
    /// Set something, in the place of what was set there before.
    Set(Setting),
    /// Remove what is set.
    Unset(SettingKey),
}

/// A grant that has no number yet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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

impl From<&Grant> for NewGrant {
    fn from(grant: &Grant) -> Self {
        Self {
            subject: grant.subject.clone(),
            role: grant.role,
            effect: grant.effect,
            rooms: grant.rooms.clone(),
            channels: grant.channels.clone(),
            expires_at: grant.expires_at,
        }
    }
}

impl NewGrant {
    /// The grant that it becomes.
    pub fn given(&self, id: GrantId, by: &Subject, at: Timestamp, reason: Option<String>) -> Grant {
        Grant {
            id,
            subject: self.subject.clone(),
            role: self.role,
            effect: self.effect,
            rooms: self.rooms.clone(),
            channels: self.channels.clone(),
            expires_at: self.expires_at,
            granted_by: by.clone(),
            granted_at: at,
            revoked_at: None,
            reason,
        }
    }
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
    /// An announcement channel: chosen, for other rooms, or removed.
    Announcement {
        /// As it was, if it was one.
        before: Option<AnnouncementChannel>,
        /// As it is.
        after: AnnouncementChannel,
    },
    /// A setting: made, replaced, or removed.
    Setting {
        /// As it was, if it was set.
        before: Option<AclSetting>,
        /// As it is.
        after: AclSetting,
    },
}

impl ChangedEntry {
    /// The change that made it so.
    pub fn change(&self) -> AclChange {
        match self {
            Self::Grant { before: Some(_), after } => AclChange::Revoke(after.id),
            Self::Grant { before: None, after } => AclChange::Grant(after.into()),
            Self::Channel { after, .. } if after.removed_at.is_some() => {
                AclChange::RemoveChannel(after.channel.clone())
            }
            Self::Channel { after, .. } => {
                AclChange::AllowChannel { channel: after.channel.clone(), rooms: after.rooms.clone() }
            }
            Self::Announcement { after, .. } if after.removed_at.is_some() => {
                AclChange::StopAnnouncing(after.channel.clone())
            }
            Self::Announcement { after, .. } => AclChange::Announce {
                channel: after.channel.clone(),
                rooms: after.rooms.clone(),
                for_admins: after.for_admins,
            },
            Self::Setting { after, .. } if after.removed_at.is_some() => {
                AclChange::Unset(after.setting.key())
            }
            Self::Setting { after, .. } => AclChange::Set(after.setting.clone()),
        }
    }
}

/// Why a wanted ACL makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPlan {
    /// The channel comes twice.
    #[error("the channel `{0}` comes twice: keep one entry")]
    ChannelTwice(Channel),
    /// The announcement channel comes twice.
    #[error("announcements in `{0}` come twice: keep one entry")]
    AnnouncementTwice(Channel),
    /// The person is linked twice, or the rooms are marked twice.
    #[error("{} twice: keep one entry", twice(.0))]
    SettingTwice(SettingKey),
    /// What is linked is not a person of a chat.
    #[error("`{0}` is not a person of a chat: only people are linked to accounts")]
    NotAPerson(Subject),
    /// Nobody can be linked to the account.
    #[error("the account of `{0}` cannot be one: {1}")]
    NoAccount(Subject, InvalidAccountId),
    /// The same grant comes twice.
    #[error("the grant of {1} to `{0}` comes twice: keep one entry")]
    GrantTwice(Subject, Role),
    /// The grant has ended already.
    #[error("the grant of {1} to `{0}` ended at {2}: remove it, or give it a later `expires_at`")]
    Ended(Subject, Role, Timestamp),
}

fn twice(key: &SettingKey) -> String {
    match key {
        SettingKey::Link(person) => format!("`{person}` is linked"),
        SettingKey::Mark(rooms) => format!("the rooms `{rooms}` are marked"),
    }
}

/// Why an edit of the ACL was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotEdited {
    /// There is no such grant.
    #[error("there is no grant {0}")]
    NoGrant(GrantId),
    /// The grant was taken back before.
    #[error("grant {0} is revoked already")]
    RevokedAlready(GrantId),
    /// The channel is not authorised.
    #[error("`{0}` is not authorised")]
    NotAuthorised(Channel),
    /// It is set so already.
    #[error("{} already", set_already(.0))]
    SetAlready(Setting),
    /// The person has no account, or the rooms no mark.
    #[error("{}", not_set(.0))]
    NotSet(SettingKey),
    /// Nothing is announced in the channel.
    #[error("nothing is announced in `{0}`")]
    NotAnnounced(Channel),
    /// It would lock everybody out.
    #[error("{0}")]
    LockOut(LockOut),
    /// It would deny something to this admin, or to some in this group, who are admins for more rooms than its
    /// author.
    #[error("it could take something from `{0}`, an admin for more rooms")]
    AdminBeyond(Subject),
    /// It would deny something to a group that nobody looks up: everybody of its workspace would be refused.
    #[error("nobody looks up who is in `{0}`")]
    NotLookedUp(Subject),
    /// It was meant for the ACL at this version, and the ACL has changed since.
    #[error("the ACL changed since version {0}")]
    ChangedSince(i64),
    /// It makes the ACL what a file says, and nobody said of which version of the ACL the file is.
    #[error("no version of the ACL is named")]
    NoVersion,
    /// The file contradicts itself.
    #[error("{0}")]
    InvalidPlan(InvalidPlan),
}

fn set_already(setting: &Setting) -> String {
    match setting {
        Setting::Link { person, account } => format!("`{person}` is linked to `{account}`"),
        Setting::Mark { rooms, mark } => format!("the rooms `{rooms}` are marked `{mark}`"),
    }
}

fn not_set(key: &SettingKey) -> String {
    match key {
        SettingKey::Link(person) => format!("`{person}` is linked to no account"),
        SettingKey::Mark(rooms) => format!("the rooms `{rooms}` have no mark"),
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

/// Whether one of the changes gave something to the very person who made it, or to a group of theirs: a role, or
/// what a deny entry had taken.
#[must_use]
pub fn is_for_oneself(by: &Principal, changed: &[ChangedEntry]) -> bool {
    changed.iter().any(|entry| match entry {
        ChangedEntry::Grant { before, after } => {
            let gives = before.is_none() == (after.effect == Effect::Permit);
            gives && by.subjects().any(|subject| *subject == after.subject)
        }
        ChangedEntry::Channel { .. } | ChangedEntry::Announcement { .. } | ChangedEntry::Setting { .. } => {
            false
        }
    })
}

/// Whom a deny entry names, or may name, who is an admin for some of its rooms and for rooms beyond those within
/// `reach`: the subject of that admin's grant.
#[must_use]
pub fn admin_beyond<'a>(
    new: &NewGrant,
    by: &Principal,
    reach: &EffectiveScope,
    admins: &'a [Grant],
    known: &Known,
    now: Timestamp,
) -> Option<&'a Subject> {
    let is_beyond = |grant: &&Grant| {
        grant.subject != by.subject
            && grant.rooms.overlaps(&new.rooms)
            && !reach.granted().iter().any(|own| own.contains(&grant.rooms))
            && known.may_meet(&new.subject, &grant.subject, now)
    };
    let found = live_admins(admins, now).find(is_beyond).filter(|_| new.effect == Effect::Deny);
    found.map(|grant| &grant.subject)
}

/// What nobody could undo from chat.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockOut {
    /// No live admin would be left.
    #[error("no admin would be left")]
    NoAdmin,
    /// No live admin for every room would be left, and there is one now.
    #[error("no admin for every room would be left")]
    NoAdminOfAllRooms,
    /// No authorised channel would be left.
    #[error("no authorised channel would be left")]
    NoChannel,
    /// Admins and channels would be left, but none of them in a channel from which they could undo the change, or
    /// edit the ACL for every room, if somebody can now.
    #[error("no admin would be left who could undo it from an authorised channel")]
    OutOfReach,
    /// The same, only because nobody knows who is in this group, which the change denies the role.
    #[error("nobody knows right now who is in `{0}`, and every admin who could undo it may be")]
    GroupUnread(Subject),
}

/// Whether the changes, made by `by`, would lock everybody out. `admins` are the grants of the role admin, deny
/// entries too; `channels` the entries of authorised channels. Where there is no admin or no channel yet, there is
/// nobody to lock out.
#[must_use]
pub fn lock_out(
    admins: &[Grant],
    channels: &[AuthorisedChannel],
    changes: &[AclChange],
    by: &Principal,
    known: &Known,
    now: Timestamp,
) -> Option<LockOut> {
    let open = channels.iter().filter(|entry| is_open(entry, now)).cloned().collect();
    let before = Editors { admins: admins.to_vec(), open, by, known, now };
    let after = |is_made: &dyn Fn(&AclChange) -> bool| {
        let mut after = before.clone();
        changes.iter().filter(|change| is_made(change)).for_each(|change| after.make(change));
        after
    };
    let scopes = before.scopes_of(changes);
    let lock_out = before.lock_out(&after(&|_| true), &scopes)?;
    let unread = |change: &AclChange| match change {
        AclChange::Grant(new) if new.effect == Effect::Deny && new.role == Role::Admin => {
            let is_unread = new.subject.is_group() && known.members(&new.subject, now).is_none();
            let is_theirs = by.membership(&new.subject) == Membership::In;
            (is_unread && !is_theirs).then(|| new.subject.clone())
        }
        _ => None,
    };
    let is_cause = || before.lock_out(&after(&|change| unread(change).is_none()), &scopes).is_none();
    let group = changes.iter().find_map(unread).filter(|_| lock_out == LockOut::OutOfReach && is_cause());
    Some(group.map_or(lock_out, LockOut::GroupUnread))
}

/// What decides who can edit the ACL from chat.
#[derive(Clone)]
struct Editors<'a> {
    admins: Vec<Grant>,
    /// The channels that are authorised now.
    open: Vec<AuthorisedChannel>,
    by: &'a Principal,
    known: &'a Known,
    now: Timestamp,
}

impl Editors<'_> {
    fn make(&mut self, change: &AclChange) {
        match change {
            // It has no number yet, and who gives it does not matter to a decision.
            AclChange::Grant(new) if new.role == Role::Admin => {
                self.admins.push(new.given(0, &new.subject, self.now, None));
            }
            AclChange::Grant(_) => {}
            AclChange::Revoke(id) => self.admins.retain(|grant| grant.id != *id),
            AclChange::AllowChannel { channel, rooms } => {
                self.open.retain(|entry| entry.channel != *channel);
                self.open.push(as_authorised(channel, rooms, self.now));
            }
            AclChange::RemoveChannel(channel) => self.open.retain(|entry| entry.channel != *channel),
            AclChange::Announce { .. }
            | AclChange::StopAnnouncing(_)
            | AclChange::Set(_)
            | AclChange::Unset(_) => {}
        }
    }

    /// The rooms for which somebody must be able to edit entries who undoes the changes.
    fn scopes_of(&self, changes: &[AclChange]) -> Vec<RoomScope> {
        let mut scopes = Vec::new();
        for change in changes {
            match change {
                AclChange::Grant(new) if new.role == Role::Admin => scopes.push(new.rooms.clone()),
                AclChange::Grant(_)
                | AclChange::Announce { .. }
                | AclChange::StopAnnouncing(_)
                | AclChange::Set(_)
                | AclChange::Unset(_) => {}
                AclChange::Revoke(id) => {
                    let of_it = |grant: &&Grant| grant.id == *id && grant.role == Role::Admin;
                    let revoked = self.admins.iter().find(of_it);
                    scopes.extend(revoked.map(|grant| grant.rooms.clone()));
                }
                AclChange::AllowChannel { channel, .. } | AclChange::RemoveChannel(channel) => {
                    let of_it = self.open.iter().filter(|entry| entry.channel == *channel);
                    scopes.extend(of_it.map(|entry| entry.rooms.clone()));
                    if let AclChange::AllowChannel { rooms, .. } = change {
                        scopes.push(rooms.clone());
                    }
                }
            }
        }
        distinct(scopes.into_iter())
    }

    /// What is here and no longer in `after`, made by changes about the rooms in `scopes`.
    fn lock_out(&self, after: &Self, scopes: &[RoomScope]) -> Option<LockOut> {
        let lost = |has: &dyn Fn(&Self) -> bool| !has(after) && has(self);
        let edits = |rooms: Option<&RoomScope>| {
            lost(&|it| it.known_admins().any(|who| it.can_edit(&who, rooms)))
                || lost(&|it| it.possible_admins().any(|who| it.can_edit(&who, rooms)))
        };
        if lost(&|it| live_admins(&it.admins, it.now).next().is_some()) {
            Some(LockOut::NoAdmin)
        } else if lost(&|it| live_admins(&it.admins, it.now).any(|grant| grant.rooms == RoomScope::All)) {
            Some(LockOut::NoAdminOfAllRooms)
        } else if lost(&|it| !it.open.is_empty()) {
            Some(LockOut::NoChannel)
        } else if edits(None) || edits(Some(&RoomScope::All)) || scopes.iter().any(|rooms| edits(Some(rooms)))
        {
            Some(LockOut::OutOfReach)
        } else {
            None
        }
    }

    /// The people whom grants are known to name, with what is known of their groups; the one who makes the change
    /// first. Of anybody else in Discord, no role is known.
    fn known_admins(&self) -> impl Iterator<Item = Principal> {
        let others = live_admins(&self.admins, self.now).flat_map(|grant| self.holders(&grant.subject));
        std::iter::once(self.by.clone()).chain(others).filter(|who| self.known.serves(&who.subject))
    }

    fn holders(&self, subject: &Subject) -> Box<dyn Iterator<Item = Principal> + '_> {
        match subject {
            Subject::SlackUser { .. } => {
                Box::new(std::iter::once(self.known.principal(subject.clone(), self.now)))
            }
            Subject::DiscordUser { .. } if *subject == self.by.subject => Box::new(std::iter::empty()),
            Subject::DiscordUser { .. } => Box::new(std::iter::once(Principal::new(subject.clone()))),
            Subject::SlackGroup { team, .. } => {
                let team = team.clone();
                let users = self.known.members(subject, self.now).into_iter().flatten();
                Box::new(users.map(move |user| {
                    let person = Subject::SlackUser { team: team.clone(), user: user.clone() };
                    self.known.principal(person, self.now)
                }))
            }
            Subject::DiscordRole { .. } | Subject::Cli { .. } => Box::new(std::iter::empty()),
        }
    }

    /// The subjects of grants, each by itself: whoever is meant may be in no other group.
    fn possible_admins(&self) -> impl Iterator<Item = Principal> {
        live_admins(&self.admins, self.now)
            .map(|grant| &grant.subject)
            .filter(|subject| self.known.serves(subject))
            .filter(|subject| self.known.members(subject, self.now).is_none_or(|members| !members.is_empty()))
            .map(|subject| Principal { outside: Outside::AllOthers, ..Principal::new(subject.clone()) })
    }

    /// Whether somebody could edit entries for all of `rooms` from some channel; for any room at all, if none are
    /// named.
    fn can_edit(&self, who: &Principal, rooms: Option<&RoomScope>) -> bool {
        let theirs = self.admins.iter().filter(|grant| names(who, grant).is_some());
        let mut acl = AclView { grants: theirs.cloned().collect(), ..AclView::default() };
        self.open.iter().filter(|entry| who.subject.is_of(&entry.channel)).any(|entry| {
            acl.channels = vec![entry.clone()];
            let place = Place::Channel(entry.channel.clone());
            match decide(who, &place, Action::EditAcl(rooms.cloned().into_iter().collect()), &acl, self.now) {
                Decision::Permit(permit) => !permit.reach().is_nothing(),
                Decision::Deny(_) => false,
            }
        })
    }
}

/// A channel as it would be for a decision; who authorises it does not matter to one.
fn as_authorised(channel: &Channel, rooms: &RoomScope, now: Timestamp) -> AuthorisedChannel {
    AuthorisedChannel {
        channel: channel.clone(),
        rooms: rooms.clone(),
        allowed_by: Subject::Cli { user: String::new() },
        allowed_at: now,
        removed_at: None,
        reason: None,
    }
}

/// The grants that make somebody an admin in chat now, without those that a deny entry for the same subject
/// takes away whole. A grant to somebody of the command line makes none: no chat vouches for them.
pub fn live_admins(grants: &[Grant], now: Timestamp) -> impl Iterator<Item = &Grant> {
    let live = move |grant: &&Grant| {
        grant.role == Role::Admin && is_live(grant, now) && !matches!(grant.subject, Subject::Cli { .. })
    };
    let denials: Vec<&Grant> =
        grants.iter().filter(live).filter(|grant| grant.effect == Effect::Deny).collect();
    grants.iter().filter(live).filter(|grant| grant.effect == Effect::Permit).filter(move |grant| {
        !denials.iter().any(|denial| {
            denial.subject == grant.subject
                && denial.rooms.contains(&grant.rooms)
                && (denial.channels.is_empty() || is_limited_to(grant, &denial.channels))
        })
    })
}

/// The admins who could change entries for all of `rooms`; entries for whatever rooms are theirs, if none are
/// named.
pub fn admins_of<'a>(
    grants: &'a [Grant],
    rooms: &'a [RoomScope],
    now: Timestamp,
) -> impl Iterator<Item = &'a Grant> {
    live_admins(grants, now).filter(move |grant| {
        rooms.iter().all(|rooms| {
            let is_denied = grants.iter().any(|denial| {
                denial.effect == Effect::Deny
                    && denial.role == Role::Admin
                    && denial.subject == grant.subject
                    && denial.channels.is_empty()
                    && is_live(denial, now)
                    && denial.rooms.overlaps(rooms)
            });
            grant.rooms.contains(rooms) && !is_denied
        })
    })
}

pub(super) fn is_limited_to(grant: &Grant, channels: &[Channel]) -> bool {
    !grant.channels.is_empty() && grant.channels.iter().all(|channel| channels.contains(channel))
}

/// Whom somebody can ask to do what they may not do themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Helpers {
    /// Other people who are admins as far as it takes.
    pub admins: Vec<Subject>,
    /// Whether anybody is an admin at all.
    pub is_anybody_admin: bool,
    /// Whether it is asked in a direct message, which is no channel.
    pub in_direct_message: bool,
}
