//! What has to change for the ACL to be what somebody wants it to be.

use jiff::Timestamp;

use super::{AclChange, AclView, Grant, NewGrant, RoomScope, Setting, is_live, is_open};
use crate::domain::principal::{Channel, Subject};
use crate::domain::room::Accounts;

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
    /// Its settings.
    pub settings: Vec<WantedSetting>,
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

/// A setting that there should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedSetting {
    /// What should be set.
    pub setting: Setting,
    /// Why.
    pub reason: Option<String>,
}

/// A step of a plan: a change and why it is made.
pub type Step = (AclChange, Option<String>);

/// The changes that turn the live part of the whole ACL into what is wanted, in the order of the subjects: what
/// somebody loses before what they gain, so that the two stand together.
///
/// # Errors
/// When what is wanted makes no sense, or links somebody to what is no account.
pub fn plan(
    acl: &AclView,
    wanted: &Wanted,
    accounts: Accounts,
    now: Timestamp,
) -> Result<Vec<Step>, InvalidPlan> {
    let AclView { grants, channels, announcements, settings, .. } = acl;
    let mut steps = Vec::new();
    let live = channels.iter().filter(|entry| is_open(entry, now));
    let allow = |channel: &Channel, rooms: &RoomScope| AclChange::AllowChannel {
        channel: channel.clone(),
        rooms: rooms.clone(),
    };
    let new = wanted.channels.iter().map(|new| (allow(&new.channel, &new.rooms), new.reason.clone()));
    steps.extend(replacing(live.map(|entry| allow(&entry.channel, &entry.rooms)), new)?);

    let live = announcements.iter().filter(|entry| entry.is_live(now));
    let announce = |channel: &Channel, rooms: &RoomScope, for_admins| AclChange::Announce {
        channel: channel.clone(),
        rooms: rooms.clone(),
        for_admins,
    };
    let new = wanted.announcements.iter();
    let new = new.map(|new| (announce(&new.channel, &new.rooms, new.for_admins), new.reason.clone()));
    let live = live.map(|entry| announce(&entry.channel, &entry.rooms, entry.for_admins));
    steps.extend(replacing(live, new)?);

    for WantedSetting { setting, .. } in &wanted.settings {
        check(setting, accounts)?;
    }
    let live = settings.iter().filter(|entry| entry.is_live(now));
    let new = wanted.settings.iter().map(|new| (AclChange::Set(new.setting.clone()), new.reason.clone()));
    steps.extend(replacing(live.map(|entry| AclChange::Set(entry.setting.clone())), new)?);

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

/// The changes that turn entries of which there is one for each channel, person or scope into those that are wanted.
/// An entry that is there is given as the change that makes it.
fn replacing(
    live: impl Iterator<Item = AclChange>,
    wanted: impl Iterator<Item = Step>,
) -> Result<Vec<Step>, InvalidPlan> {
    let live: Vec<AclChange> = live.collect();
    let (mut steps, mut kept) = (Vec::new(), Vec::new());
    for (change, reason) in wanted {
        // What takes it back says what it is an entry for.
        let undone = undone(&change);
        if let Some(twice) = undone.iter().find(|undone| kept.contains(*undone)).and_then(twice) {
            return Err(twice);
        }
        kept.extend(undone);
        if !live.contains(&change) {
            steps.push((change, reason));
        }
    }
    let gone = live.iter().filter_map(undone).filter(|undone| !kept.contains(undone));
    steps.extend(gone.map(|undone| (undone, None)));
    Ok(steps)
}

/// What takes an entry back again; `None` for what makes none of its own.
fn undone(change: &AclChange) -> Option<AclChange> {
    Some(match change {
        AclChange::AllowChannel { channel, .. } => AclChange::RemoveChannel(channel.clone()),
        AclChange::Announce { channel, .. } => AclChange::StopAnnouncing(channel.clone()),
        AclChange::Set(setting) => AclChange::Unset(setting.key()),
        _ => return None,
    })
}

/// That there are two entries which this would take back.
fn twice(undone: &AclChange) -> Option<InvalidPlan> {
    Some(match undone {
        AclChange::RemoveChannel(channel) => InvalidPlan::ChannelTwice(channel.clone()),
        AclChange::StopAnnouncing(channel) => InvalidPlan::AnnouncementTwice(channel.clone()),
        AclChange::Unset(key) => InvalidPlan::SettingTwice(key.clone()),
        _ => return None,
    })
}

/// Whether something can be set.
fn check(setting: &Setting, accounts: Accounts) -> Result<(), InvalidPlan> {
    let Setting::Link { person, account } = setting else { return Ok(()) };
    if !person.is_chat_user() {
        return Err(InvalidPlan::NotAPerson(person.clone()));
    }
    accounts.check(account).map_err(|why| InvalidPlan::NoAccount(person.clone(), why))
}

/// What makes two grants the same.
fn key_of(grant: &Grant) -> NewGrant {
    let mut key = NewGrant::from(grant);
    key.channels.sort();
    key.channels.dedup();
    key
}
