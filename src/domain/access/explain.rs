//! The rule explained to people: what somebody may do, who may do something, and why not.
//!
//! Nothing here permits anything. What is said of a decision comes from [`decide`], which enforces it.

use jiff::Timestamp;

use super::rule::{Authority, Decision, Denial, GrantMatch, decide, distinct, grant_match, names};
use super::{
    AclView, Action, AuthorisedChannel, Effect, Grant, GrantId, Known, Role, RoomScope, is_live, is_open,
};
use crate::domain::principal::{Channel, Membership, Place, Principal, Subject};
use crate::domain::room::RoomId;

/// A right of the caller, for the help text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Right {
    /// The role.
    pub role: Role,
    /// For these rooms.
    pub rooms: RoomScope,
    /// The other roles that deny entries take from it in all of its rooms.
    pub without: Vec<Role>,
}

impl Right {
    /// Whether it lets somebody do what this role is for; without a role, what every role is for: see who owns a room.
    pub fn lets(&self, role: Option<Role>) -> bool {
        match role {
            Some(role) => [role, Role::Admin].contains(&self.role) && !self.without.contains(&role),
            None => self.without.is_empty(),
        }
    }
}

/// The rights that somebody has at `place`: what help shows. A right is cut to the rooms of the channel,
/// and left out where a deny entry takes all of it; a deny entry for another role may take a part.
#[must_use]
pub fn rights(principal: &Principal, place: &Place, acl: &AclView, now: Timestamp) -> Vec<Right> {
    let channel = match (place, &principal.subject) {
        (Place::Local, Subject::Cli { .. }) => {
            return vec![Right { role: Role::Admin, rooms: RoomScope::All, without: Vec::new() }];
        }
        (Place::Channel(channel), subject) if subject.is_of(channel) => channel,
        (Place::Local | Place::Channel(_), _) => return Vec::new(),
    };
    let holds = |grant: &&Grant| {
        is_live(grant, now)
            && names(principal, grant).is_some()
            && (grant.channels.is_empty() || grant.channels.contains(channel))
    };
    let held: Vec<&Grant> = acl.grants.iter().filter(holds).collect();
    let open = || acl.channels.iter().filter(|entry| entry.channel == *channel && is_open(entry, now));
    let mut rights = Vec::new();
    for grant in held.iter().filter(|grant| grant.effect == Effect::Permit) {
        for entry in open().filter(|entry| entry.rooms.overlaps(&grant.rooms)) {
            let narrower = grant.rooms.narrower(&entry.rooms);
            let denials = held.iter().filter(|it| it.effect == Effect::Deny && it.rooms.contains(narrower));
            let without = distinct(denials.map(|denial| denial.role));
            let is_denied = without.iter().any(|role| [grant.role, Role::Admin].contains(role));
            let right = Right { role: grant.role, rooms: narrower.clone(), without };
            if !is_denied && !rights.contains(&right) {
                rights.push(right);
            }
        }
    }
    rights
}

/// How somebody stands at a place: what help and `whoami` show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallerRights {
    /// The rights that they have there.
    pub rights: Vec<Right>,
    /// The deny entries that name them or a group of theirs, and hold there.
    pub denials: Vec<Grant>,
    /// The deny entries for groups that cannot be read right now, and take what a grant gives them there.
    pub unread: Vec<Grant>,
    /// Whether the bot takes commands there.
    pub is_authorised: bool,
}

/// How somebody stands at `place`.
#[must_use]
pub fn caller_rights(principal: &Principal, place: &Place, acl: &AclView, now: Timestamp) -> CallerRights {
    let Place::Channel(channel) = place else {
        let rights = rights(principal, place, acl, now);
        return CallerRights { is_authorised: !rights.is_empty(), rights, ..CallerRights::default() };
    };
    let holds = |grant: &&Grant, effect, wanted| {
        grant.effect == effect
            && is_live(grant, now)
            && names(principal, grant) == Some(wanted)
            && (grant.channels.is_empty() || grant.channels.contains(channel))
    };
    let held = |effect, wanted| acl.grants.iter().filter(move |grant| holds(grant, effect, wanted));
    let takes = |denial: &&Grant| {
        held(Effect::Permit, Membership::In).any(|grant| denial.rooms.overlaps(&grant.rooms))
    };
    CallerRights {
        rights: rights(principal, place, acl, now),
        denials: held(Effect::Deny, Membership::In).cloned().collect(),
        unread: held(Effect::Deny, Membership::Unknown).filter(takes).cloned().collect(),
        is_authorised: acl.channels.iter().any(|entry| entry.channel == *channel && is_open(entry, now)),
    }
}

/// A decision and everything that bore on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What [`decide`] says.
    pub decision: Result<Authority, Denial>,
    /// The grants that name the principal or a group of theirs, and how each bears on the question; those
    /// that match first, then the near misses, the nearest first. With those for groups that they may be in: deny
    /// entries that match, and grants that are open.
    pub grants: Vec<(Grant, GrantMatch)>,
    /// The grants to groups that decide the question, if nobody knows here whether the principal is in them: then the
    /// denial is only what is known.
    pub open: Vec<GrantId>,
    /// How the channel stands.
    pub channel: Standing,
}

/// How a channel stands to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The command line: channels do not apply.
    Local,
    /// Authorised, for what is asked.
    Authorised(RoomScope),
    /// Authorised, for other rooms.
    ForOtherRooms(RoomScope),
    /// Authorised no more.
    Removed(Timestamp),
    /// Never authorised, or later only.
    NotAuthorised,
}

/// Explains what [`decide`] says about the same question.
#[must_use]
pub fn explain(
    principal: &Principal,
    place: &Place,
    action: &Action,
    acl: &AclView,
    now: Timestamp,
) -> Explanation {
    let decision = match decide(principal, place, action.clone(), acl, now) {
        Decision::Permit(permit) => Ok(permit.authority().clone()),
        Decision::Deny(denial) => Err(denial),
    };
    let Place::Channel(channel) = place else {
        return Explanation { decision, grants: Vec::new(), open: Vec::new(), channel: Standing::Local };
    };
    let bearing = |grant: &Grant| {
        let fit = grant_match(grant, action, channel, now);
        let bears = match principal.membership(&grant.subject) {
            Membership::In => true,
            Membership::Unknown => fit == GrantMatch::Matches,
            Membership::Out => false,
        };
        bears.then(|| (grant.clone(), fit))
    };
    let mut grants: Vec<(Grant, GrantMatch)> = acl.grants.iter().filter_map(bearing).collect();
    let is_member = |grant: &Grant| principal.membership(&grant.subject) == Membership::In;
    let may_be = |grant: &Grant| grant.effect == Effect::Permit && !is_member(grant);
    grants.sort_by_key(|(grant, fit)| (distance(*fit), may_be(grant), std::cmp::Reverse(grant.id)));
    let open =
        if decision.is_ok() { Vec::new() } else { undecided(principal, place, action, acl, &grants, now) };
    grants.retain(|(grant, _)| !may_be(grant) || open.contains(&grant.id));
    Explanation { decision, grants, open, channel: standing(channel, action, &acl.channels, now) }
}

/// The grants to groups that turn a no into a yes, for somebody of whom nobody knows here whether they are in them.
fn undecided(
    principal: &Principal,
    place: &Place,
    action: &Action,
    acl: &AclView,
    grants: &[(Grant, GrantMatch)],
    now: Timestamp,
) -> Vec<GrantId> {
    let is_unknown = |grant: &Grant| principal.membership(&grant.subject) == Membership::Unknown;
    let matching = |effect| {
        let of_unknown = move |(grant, fit): &&(Grant, GrantMatch)| {
            *fit == GrantMatch::Matches && grant.effect == effect && is_unknown(grant)
        };
        grants.iter().filter(of_unknown).map(|(grant, _)| grant)
    };
    // In all the groups that permit it, but for those whose own deny entries then forbid it.
    let mut member = principal.clone();
    member.groups.extend(matching(Effect::Permit).map(|grant| grant.subject.clone()));
    let decision = loop {
        let decision = decide(&member, place, action.clone(), acl, now);
        let denied_by = match &decision {
            Decision::Deny(Denial::DeniedBy(id)) => matching(Effect::Deny).find(|grant| grant.id == *id),
            Decision::Permit(_) | Decision::Deny(_) => None,
        };
        let Some(denial) = denied_by else { break decision };
        member.groups.retain(|group| *group != denial.subject);
    };
    let is_open = match decision {
        Decision::Permit(_) => true,
        // A group that cannot be read is counted against everybody who may be in it. Discord says with each request who
        // has a role: only here is that not known.
        Decision::Deny(Denial::GroupUnread(_, group)) => matches!(group, Subject::DiscordRole { .. }),
        Decision::Deny(_) => false,
    };
    let of_roles = |grant: &&Grant| matches!(grant.subject, Subject::DiscordRole { .. });
    let open = matching(Effect::Permit).chain(matching(Effect::Deny).filter(of_roles));
    let mut open: Vec<GrantId> = open.filter(|_| is_open).map(|grant| grant.id).collect();
    open.sort_unstable();
    open
}

/// How far a grant is from matching.
fn distance(fit: GrantMatch) -> u8 {
    match fit {
        GrantMatch::Matches => 0,
        GrantMatch::OtherChannels => 1,
        GrantMatch::OutOfScope => 2,
        GrantMatch::WrongRole => 3,
        GrantMatch::NotYet(_) => 4,
        GrantMatch::Ended(_) => 5,
    }
}

fn standing(channel: &Channel, action: &Action, entries: &[AuthorisedChannel], now: Timestamp) -> Standing {
    let of_it = || entries.iter().filter(|entry| entry.channel == *channel);
    let open = || of_it().filter(|entry| is_open(entry, now));
    if let Some(entry) = open().find(|entry| action.is_within(&entry.rooms)) {
        return Standing::Authorised(entry.rooms.clone());
    }
    if let Some(entry) = open().next() {
        return Standing::ForOtherRooms(entry.rooms.clone());
    }
    match of_it().filter_map(|entry| entry.removed_at).filter(|removed| *removed <= now).max() {
        Some(removed) => Standing::Removed(removed),
        None => Standing::NotAuthorised,
    }
}

/// Somebody who may hand a room over, from where, and by which grant.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct EligibleSubject {
    /// The person, or everybody in the group or role.
    pub subject: Subject,
    /// The grant that is named as the authority.
    pub grant: GrantId,
    /// When that grant lapses.
    #[serde(serialize_with = "crate::domain::time::serialize_optional_millis")]
    pub until: Option<Timestamp>,
    /// The channels in which [`decide`] permits it.
    pub channels: Vec<Channel>,
}

/// Who may hand the room over from chat now. Each answer is [`decide`]'s: for a person with what is known of their
/// groups, for a group by itself, if it is known to have members. Nobody of the command line is named: whoever is
/// there needs no grant, and no channel vouches for them.
#[must_use]
pub fn who_can(
    room: &RoomId,
    grants: &[Grant],
    channels: &[AuthorisedChannel],
    known: &Known,
    now: Timestamp,
) -> Vec<EligibleSubject> {
    let action = Action::Transfer(room.clone());
    let bears = |grant: &&Grant| {
        is_live(grant, now)
            && grant.role.allows(&action)
            && grant.rooms.covers(room)
            && !matches!(grant.subject, Subject::Cli { .. })
    };
    let mut by_subject = std::collections::BTreeMap::<&Subject, Vec<&Grant>>::new();
    for grant in grants.iter().filter(bears) {
        by_subject.entry(&grant.subject).or_default().push(grant);
    }
    let of_groups: Vec<&Grant> = by_subject
        .iter()
        .filter(|(subject, _)| subject.is_group())
        .flat_map(|(_, grants)| grants.iter().copied())
        .collect();
    let open = channels.iter().filter(|entry| is_open(entry, now) && entry.rooms.covers(room));
    let open: std::collections::BTreeSet<&Channel> = open.map(|entry| &entry.channel).collect();
    let mut held: Vec<(Principal, Vec<Grant>, Option<EligibleSubject>)> = by_subject
        .iter()
        .filter(|(subject, _)| is_known_to_hold(subject, known, now))
        .map(|(subject, own)| {
            let principal = known.principal((*subject).clone(), now);
            let by_groups = of_groups
                .iter()
                .filter(|grant| grant.subject != principal.subject && names(&principal, grant).is_some());
            let mut theirs: Vec<Grant> = own.iter().chain(by_groups).map(|grant| (*grant).clone()).collect();
            theirs.sort_by_key(|grant| grant.id);
            (principal, theirs, None)
        })
        .collect();
    let mut acl = AclView::default();
    for channel in open {
        // Nothing else bears on a decision in this channel.
        acl.channels = channels.iter().filter(|entry| entry.channel == *channel).cloned().collect();
        let place = Place::Channel(channel.clone());
        for (principal, grants, found) in &mut held {
            std::mem::swap(&mut acl.grants, grants);
            if let Decision::Permit(permit) = decide(principal, &place, action.clone(), &acl, now)
                && let Authority::Grant(id) = permit.authority()
            {
                let until = || acl.grants.iter().find(|grant| grant.id == *id).and_then(|it| it.expires_at);
                let able = found.get_or_insert_with(|| EligibleSubject {
                    subject: principal.subject.clone(),
                    grant: *id,
                    until: until(),
                    channels: Vec::new(),
                });
                able.channels.push(channel.clone());
            }
            std::mem::swap(&mut acl.grants, grants);
        }
    }
    held.into_iter().filter_map(|(_, _, found)| found).collect()
}

/// Whether a grant to the subject is known to be somebody's: a user group of Slack has to be read, and not empty.
fn is_known_to_hold(subject: &Subject, known: &Known, now: Timestamp) -> bool {
    let Subject::SlackGroup { .. } = subject else { return true };
    known.members(subject, now).is_some_and(|members| !members.is_empty())
}

/// A group that cannot be read, which a grant or a deny entry names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadGroup {
    /// Which.
    pub group: Subject,
    /// What the entry does.
    pub effect: Effect,
    /// Whether somebody reads it, so that it will be known.
    pub is_looked_up: bool,
}

/// The groups that cannot be read right now, to which a grant gives the room, so that it counts for nobody, or a deny
/// entry takes it, so that it counts for everybody who may be in it.
#[must_use]
pub fn unread_groups(room: &RoomId, grants: &[Grant], known: &Known, now: Timestamp) -> Vec<UnreadGroup> {
    let action = Action::Transfer(room.clone());
    let is_unread = |grant: &&Grant| {
        is_live(grant, now)
            && grant.role.allows(&action)
            && grant.rooms.covers(room)
            && matches!(grant.subject, Subject::SlackGroup { .. })
            && known.members(&grant.subject, now).is_none()
    };
    let unread = grants.iter().filter(is_unread).map(|Grant { subject, effect, .. }| UnreadGroup {
        group: subject.clone(),
        effect: *effect,
        is_looked_up: known.looks_up(subject),
    });
    let mut groups: Vec<UnreadGroup> = unread.collect();
    let is_denied = |unread: &UnreadGroup| unread.effect == Effect::Deny;
    groups.sort_by(|one, other| (&one.group, is_denied(one)).cmp(&(&other.group, is_denied(other))));
    groups.dedup();
    groups
}
