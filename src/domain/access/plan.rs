//! What has to change for the ACL to be what somebody wants it to be.

use jiff::Timestamp;

use super::{
    AclChange, AclView, AnnouncementChannel, AuthorisedChannel, Effect, Grant, Known, NewGrant, NotEdited,
    Role, RoomScope, is_live, is_open, lock_out,
};
use crate::domain::principal::{Channel, Principal, Subject};

pub use super::change::InvalidPlan;

/// A whole ACL, as somebody wants it to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Its grants.
    pub grants: Vec<WantedGrant>,
    /// Its channels.
    pub channels: Vec<WantedChannel>,
    /// Its announcement channels.
    pub announcements: Vec<WantedAnnouncement>,
}

/// A grant that there should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedGrant {
    /// What it gives to whom. Its channels are sorted.
    pub grant: NewGrant,
    /// Why. Another reason alone is no change: a reason belongs to the day on which it was given.
    pub reason: Option<String>,
}

/// A channel that should be authorised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedChannel {
    /// The channel.
    pub channel: Channel,
    /// For which rooms.
    pub rooms: RoomScope,
    /// Why.
    pub reason: Option<String>,
}

/// A channel in which things should be announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedAnnouncement {
    /// The channel.
    pub channel: Channel,
    /// For which rooms.
    pub rooms: RoomScope,
    /// Whether admins read it.
    pub for_admins: bool,
    /// Why.
    pub reason: Option<String>,
}

/// A step of a plan: a change and why it is made.
pub type Step = (AclChange, Option<String>);

/// The changes that turn the live part of the whole ACL into what is wanted, in the order of the subjects: what
/// somebody loses before what they gain, so that the two stand together.
///
/// # Errors
/// When what is wanted makes no sense.
pub fn plan(acl: &AclView, wanted: &Wanted, now: Timestamp) -> Result<Vec<Step>, InvalidPlan> {
    let AclView { grants, channels, announcements, .. } = acl;
    let mut steps = Vec::new();
    for (n, new) in wanted.channels.iter().enumerate() {
        if wanted.channels[..n].iter().any(|other| other.channel == new.channel) {
            return Err(InvalidPlan::ChannelTwice(new.channel.clone()));
        }
        let is_same = |entry: &&AuthorisedChannel| {
            is_open(entry, now) && entry.channel == new.channel && entry.rooms == new.rooms
        };
        if !channels.iter().any(|entry| is_same(&entry)) {
            let change = AclChange::AllowChannel { channel: new.channel.clone(), rooms: new.rooms.clone() };
            steps.push((change, new.reason.clone()));
        }
    }
    for entry in channels.iter().filter(|entry| is_open(entry, now)) {
        if !wanted.channels.iter().any(|new| new.channel == entry.channel) {
            steps.push((AclChange::RemoveChannel(entry.channel.clone()), None));
        }
    }

    steps.extend(announcing(announcements, &wanted.announcements, now)?);

    let mut changes: Vec<(&Subject, bool, Step)> = Vec::new();
    let mut kept = std::collections::HashSet::new();
    let mut seen = std::collections::HashSet::new();
    let mut live = std::collections::HashMap::<NewGrant, Vec<&Grant>>::new();
    for grant in grants.iter().filter(|grant| is_live(grant, now)) {
        live.entry(key_of(grant)).or_default().push(grant);
    }
    for WantedGrant { grant: new, reason } in &wanted.grants {
        if let Some(end) = new.expires_at.filter(|end| *end <= now) {
            return Err(InvalidPlan::Ended(new.subject.clone(), new.role, end));
        }
        match live.get(new) {
            // Twins in the ACL are both kept by one entry of the file: which of them is meant, nobody can say.
            Some(same) => kept.extend(same.iter().map(|grant| grant.id)),
            None => changes.push((&new.subject, true, (AclChange::Grant(new.clone()), reason.clone()))),
        }
        let is_twin = live.get(new).is_some_and(|same| same.len() > 1);
        if !seen.insert(new) && !is_twin {
            return Err(InvalidPlan::GrantTwice(new.subject.clone(), new.role));
        }
    }
    for grant in grants.iter().filter(|grant| is_live(grant, now) && !kept.contains(&grant.id)) {
        changes.push((&grant.subject, false, (AclChange::Revoke(grant.id), None)));
    }
    changes.sort_by_key(|(subject, gains, _)| ((*subject).clone(), *gains));
    steps.extend(changes.into_iter().map(|(_, _, step)| step));
    Ok(steps)
}

/// The changes that turn the announcement channels into those that are wanted.
fn announcing(
    there: &[AnnouncementChannel],
    wanted: &[WantedAnnouncement],
    now: Timestamp,
) -> Result<Vec<Step>, InvalidPlan> {
    let live = || there.iter().filter(|entry| entry.is_live(now));
    let mut steps = Vec::new();
    for (n, new) in wanted.iter().enumerate() {
        let WantedAnnouncement { channel, rooms, for_admins, reason } = new;
        if wanted[..n].iter().any(|other| other.channel == *channel) {
            return Err(InvalidPlan::AnnouncementTwice(channel.clone()));
        }
        let is_same = |entry: &AnnouncementChannel| {
            (&entry.channel, &entry.rooms, entry.for_admins) == (channel, rooms, *for_admins)
        };
        if !live().any(is_same) {
            let (channel, rooms) = (channel.clone(), rooms.clone());
            steps.push((AclChange::Announce { channel, rooms, for_admins: *for_admins }, reason.clone()));
        }
    }
    let is_wanted = |entry: &AnnouncementChannel| wanted.iter().any(|new| new.channel == entry.channel);
    let gone = live().filter(|entry| !is_wanted(entry));
    steps.extend(gone.map(|entry| (AclChange::StopAnnouncing(entry.channel.clone()), None)));
    Ok(steps)
}

/// Why the steps of a plan for the whole ACL would not be made: they would deny something to a group that nobody looks up, or lock everybody out
/// of the chat.
#[must_use]
pub fn refusal(
    acl: &AclView,
    steps: &[Step],
    by: &Principal,
    known: &Known,
    now: Timestamp,
) -> Option<NotEdited> {
    let denied = steps.iter().find_map(|(change, _)| match change {
        AclChange::Grant(new) if new.effect == Effect::Deny && !known.looks_up(&new.subject) => {
            Some(NotEdited::NotLookedUp(new.subject.clone()))
        }
        _ => None,
    });
    denied.or_else(|| {
        let is_admin = |grant: &&Grant| grant.role == Role::Admin;
        let admins: Vec<Grant> = acl.grants.iter().filter(is_admin).cloned().collect();
        let changes: Vec<AclChange> = steps.iter().map(|(change, _)| change.clone()).collect();
        lock_out(&admins, &acl.channels, &changes, by, known, now).map(NotEdited::LockOut)
    })
}

/// What makes two grants the same.
fn key_of(grant: &Grant) -> NewGrant {
    let mut key = NewGrant::from(grant);
    key.channels.sort();
    key.channels.dedup();
    key
}
