//! An edit of the ACL before it is made: why it is not, and the entries that come of it.

use jiff::Timestamp;

use super::change::NotEdited;
use super::rule::EffectiveScope;
use super::{
    AclChange, AclSetting, AclView, AnnouncementChannel, AuthorisedChannel, ChangedEntry, Effect, Grant,
    GrantId, Known, Role, RoomScope, SettingKey, admin_beyond, lock_out,
};
use crate::domain::principal::{Channel, Principal, Subject};

/// Who makes an edit.
#[derive(Debug, Clone, Copy)]
pub struct Author<'a> {
    /// The person.
    pub principal: &'a Principal,
    /// The rooms that their permit covers.
    pub reach: &'a EffectiveScope,
    /// Whether they make it even if it locks everybody out.
    pub force: bool,
}

/// Why changes are not made, all together. `acl` holds the entries that they name, as far as there are any; and if
/// one of the changes [needs it](AclChange::is_about_admins), every live admin and authorised channel.
#[must_use]
pub fn obstacle(
    acl: &AclView,
    changes: &[AclChange],
    by: &Author<'_>,
    known: &Known,
    now: Timestamp,
) -> Option<NotEdited> {
    let named = changes.iter().find_map(|change| {
        let is_unread = |new: &&super::NewGrant| new.effect == Effect::Deny && !known.looks_up(&new.subject);
        match change {
            AclChange::Grant(new) => Some(new).filter(is_unread).map(|new| not_looked_up(&new.subject)),
            other => not_there(acl, other),
        }
    });
    named.or_else(|| {
        let is_admin = |grant: &&Grant| grant.role == Role::Admin && grant.revoked_at.is_none();
        let admins: Vec<Grant> = acl.grants.iter().filter(is_admin).cloned().collect();
        beyond(&admins, changes, by, known, now).or_else(|| {
            let could = !by.force && changes.iter().any(|change| change.could_lock_out(acl));
            let why = || lock_out(&admins, &acl.channels, changes, by.principal, known, now);
            could.then(why).flatten().map(NotEdited::LockOut)
        })
    })
}

fn not_looked_up(subject: &Subject) -> NotEdited {
    NotEdited::NotLookedUp(subject.clone())
}

/// That the entry which a change takes back is not there, or the one that it makes is there already.
fn not_there(acl: &AclView, change: &AclChange) -> Option<NotEdited> {
    match change {
        AclChange::Grant(_) | AclChange::AllowChannel { .. } | AclChange::Announce { .. } => None,
        AclChange::Revoke(id) => match acl.grant(*id) {
            None => Some(NotEdited::NoGrant(*id)),
            Some(grant) => grant.revoked_at.map(|_| NotEdited::RevokedAlready(*id)),
        },
        AclChange::RemoveChannel(channel) => match acl.live_channel(channel) {
            None => Some(NotEdited::NotAuthorised(channel.clone())),
            Some(_) => None,
        },
        AclChange::StopAnnouncing(channel) => match acl.live_announcement(channel) {
            None => Some(NotEdited::NotAnnounced(channel.clone())),
            Some(_) => None,
        },
        AclChange::Set(setting) => {
            let same = acl.live_setting(&setting.key()).filter(|entry| entry.setting == *setting);
            same.map(|_| NotEdited::SetAlready(setting.clone()))
        }
        AclChange::Unset(key) => match acl.live_setting(key) {
            None => Some(NotEdited::NotSet(key.clone())),
            Some(_) => None,
        },
    }
}

/// That something is denied to an admin for more rooms than its author. Nobody is an admin for more rooms than all.
fn beyond(
    admins: &[Grant],
    changes: &[AclChange],
    by: &Author<'_>,
    known: &Known,
    now: Timestamp,
) -> Option<NotEdited> {
    if by.reach.granted().contains(&RoomScope::All) {
        return None;
    }
    changes.iter().find_map(|change| match change {
        AclChange::Grant(new) => admin_beyond(new, by.principal, by.reach, admins, known, now)
            .map(|admin| NotEdited::AdminBeyond(admin.clone())),
        _ => None,
    })
}

impl AclView {
    /// The grant of this number.
    pub fn grant(&self, id: GrantId) -> Option<&Grant> {
        self.grants.iter().find(|grant| grant.id == id)
    }

    fn live_channel(&self, channel: &Channel) -> Option<&AuthorisedChannel> {
        self.channels.iter().rfind(|entry| entry.channel == *channel && entry.removed_at.is_none())
    }

    fn live_announcement(&self, channel: &Channel) -> Option<&AnnouncementChannel> {
        self.announcements.iter().rfind(|entry| entry.channel == *channel && entry.removed_at.is_none())
    }

    fn live_setting(&self, key: &SettingKey) -> Option<&AclSetting> {
        self.settings.iter().rfind(|entry| entry.setting.key() == *key && entry.removed_at.is_none())
    }
}

impl AclChange {
    /// Whether the admins and the authorised channels decide if it can be made. `acl` holds what it names.
    pub fn is_about_admins(&self, acl: &AclView) -> bool {
        let denies = matches!(self, Self::Grant(new) if new.effect == Effect::Deny);
        denies || self.could_lock_out(acl)
    }

    fn could_lock_out(&self, acl: &AclView) -> bool {
        match self {
            Self::Grant(new) => new.effect == Effect::Deny && new.role == Role::Admin,
            Self::Revoke(id) => acl.grant(*id).is_some_and(|grant| grant.role == Role::Admin),
            // For fewer rooms than now, perhaps.
            Self::AllowChannel { rooms, .. } => *rooms != RoomScope::All,
            Self::RemoveChannel(_) => true,
            Self::Announce { .. } | Self::StopAnnouncing(_) | Self::Set(_) | Self::Unset(_) => false,
        }
    }

    /// The entry that it names before and after it is made by `by`; a grant that it gives has the number `next`. `None`
    /// if there is no entry that it could take back.
    pub fn entry(
        &self,
        acl: &AclView,
        next: GrantId,
        by: &Subject,
        at: Timestamp,
        reason: Option<String>,
    ) -> Option<ChangedEntry> {
        Some(match self {
            Self::Grant(new) => ChangedEntry::Grant { before: None, after: new.given(next, by, at, reason) },
            Self::Revoke(id) => {
                let before = acl.grant(*id)?.clone();
                let after = Grant { revoked_at: Some(at), ..before.clone() };
                ChangedEntry::Grant { before: Some(before), after }
            }
            Self::AllowChannel { channel, rooms } => ChangedEntry::Channel {
                before: acl.live_channel(channel).cloned(),
                after: AuthorisedChannel {
                    channel: channel.clone(),
                    rooms: rooms.clone(),
                    allowed_by: by.clone(),
                    allowed_at: at,
                    removed_at: None,
                    reason,
                },
            },
            Self::RemoveChannel(channel) => {
                let before = acl.live_channel(channel)?.clone();
                let after = AuthorisedChannel { removed_at: Some(at), ..before.clone() };
                ChangedEntry::Channel { before: Some(before), after }
            }
            Self::Announce { channel, rooms, for_admins } => ChangedEntry::Announcement {
                before: acl.live_announcement(channel).cloned(),
                after: AnnouncementChannel {
                    channel: channel.clone(),
                    rooms: rooms.clone(),
                    for_admins: *for_admins,
                    set_by: by.clone(),
                    set_at: at,
                    removed_at: None,
                    reason,
                },
            },
            Self::StopAnnouncing(channel) => {
                let before = acl.live_announcement(channel)?.clone();
                let after = AnnouncementChannel { removed_at: Some(at), ..before.clone() };
                ChangedEntry::Announcement { before: Some(before), after }
            }
            Self::Set(setting) => ChangedEntry::Setting {
                before: acl.live_setting(&setting.key()).cloned(),
                after: AclSetting {
                    setting: setting.clone(),
                    set_by: by.clone(),
                    set_at: at,
                    removed_at: None,
                    reason,
                },
            },
            Self::Unset(key) => {
                let before = acl.live_setting(key)?.clone();
                let after = AclSetting { removed_at: Some(at), ..before.clone() };
                ChangedEntry::Setting { before: Some(before), after }
            }
        })
    }
}

impl ChangedEntry {
    /// An ACL that holds the entry as it was before.
    pub fn before(&self) -> AclView {
        let mut acl = AclView::default();
        match self.clone() {
            Self::Grant { before, .. } => acl.grants.extend(before),
            Self::Channel { before, .. } => acl.channels.extend(before),
            Self::Announcement { before, .. } => acl.announcements.extend(before),
            Self::Setting { before, .. } => acl.settings.extend(before),
        }
        acl
    }
}
