//! The one function that decides, its yes and its noes.

use std::fmt;

use jiff::Timestamp;

use super::{AclView, Action, AuthorisedChannel, Effect, Grant, GrantId, Role, RoomScope, is_open, list};
use crate::domain::command::Place;
use crate::domain::principal::{Channel, Principal, Subject};
use crate::domain::room::RoomId;

/// By whose authority something is permitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authority {
    /// A grant.
    Grant(GrantId),
    /// Being on the machine that holds the database.
    Local,
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Grant(id) => write!(f, "grant {id}"),
            Self::Local => f.write_str("local"),
        }
    }
}

/// The proof that [`decide`] said yes to an action. Nothing else can make one.
#[derive(Debug, PartialEq, Eq)]
pub struct Permit {
    action: Action,
    authority: Authority,
    reach: Reach,
    acl_version: i64,
}

/// The rooms that a permit reaches: those that a grant covers and the channel is authorised for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    granted: Vec<RoomScope>,
    here: Vec<RoomScope>,
}

impl Reach {
    fn everything() -> Self {
        Self { granted: vec![RoomScope::All], here: vec![RoomScope::All] }
    }

    /// Whether the room is among them.
    #[must_use]
    pub fn covers(&self, room: &RoomId) -> bool {
        let any = |scopes: &[RoomScope]| scopes.iter().any(|scope| scope.covers(room));
        any(&self.granted) && any(&self.here)
    }

    /// Whether it is every room, and what is about no room at all.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.granted.contains(&RoomScope::All) && self.here.contains(&RoomScope::All)
    }

    /// The scopes of the grants, each once.
    #[must_use]
    pub fn granted(&self) -> &[RoomScope] {
        &self.granted
    }

    /// The scopes for which the channel is authorised, each once.
    #[must_use]
    pub fn here(&self) -> &[RoomScope] {
        &self.here
    }
}

impl Permit {
    /// What is permitted.
    #[must_use]
    pub fn action(&self) -> &Action {
        &self.action
    }

    /// Which rooms it reaches. Of a deed on one room, that room is among them.
    #[must_use]
    pub fn reach(&self) -> &Reach {
        &self.reach
    }

    /// By which authority.
    #[must_use]
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The version of the ACL that the decision was made on.
    #[must_use]
    pub fn acl_version(&self) -> i64 {
        self.acl_version
    }
}

/// Why something is denied. [`fmt::Display`] is what the audit log keeps as the authority of the denial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denial {
    /// The channel is not authorised at all.
    ChannelNotAuthorised,
    /// The channel is authorised, but not for this room.
    ChannelNotForRoom(RoomScope),
    /// No grant names the caller.
    NoGrant,
    /// A deny entry names the caller.
    DeniedBy(GrantId),
    /// There were grants, but none is live: the last one that lapsed or was taken back.
    Lapsed(GrantId, Timestamp),
    /// A grant is live, but from a later time on.
    NotYet(GrantId, Timestamp),
    /// The live grants do not cover the room: their scopes.
    OutOfScope(Vec<RoomScope>),
    /// The live grants are for other channels.
    OtherChannels(GrantId),
    /// The live grants are for other deeds: their roles.
    WrongRole(Vec<Role>),
    /// The request comes from an app or a workspace that this bot does not serve.
    ForeignOrigin(String),
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ChannelNotAuthorised => f.write_str("channel not authorised"),
            Self::ChannelNotForRoom(scope) => write!(f, "channel authorised for rooms {scope} only"),
            Self::NoGrant => f.write_str("no grant"),
            Self::DeniedBy(id) => write!(f, "denied by grant {id}"),
            Self::Lapsed(id, at) => write!(f, "grant {id} ended {at}"),
            Self::NotYet(id, at) => write!(f, "grant {id} begins {at}"),
            Self::OutOfScope(scopes) => write!(f, "granted for rooms {} only", list(scopes)),
            Self::OtherChannels(id) => write!(f, "grant {id} is for other channels"),
            Self::WrongRole(roles) => write!(f, "role {} is not enough", list(roles)),
            Self::ForeignOrigin(origin) => write!(f, "not served: {origin}"),
        }
    }
}

/// Yes, with the proof, or no, with the reason.
#[derive(Debug, PartialEq, Eq)]
pub enum Decision {
    /// Go.
    Permit(Permit),
    /// Stop.
    Deny(Denial),
}

/// Decides whether `principal`, at `place` and at the time `now`, may do `action`.
///
/// Allowed iff the channel is authorised for the room, no live deny entry matches, and at least one live
/// grant matches by subject, role, room and channel. Somebody at the machine's own command line could
/// edit the database, so the rules of channels and grants would be pretence there: that is permitted, as
/// `local`, and recorded like everything else.
#[must_use]
pub fn decide(
    principal: &Principal,
    place: &Place,
    action: Action,
    acl: &AclView,
    now: Timestamp,
) -> Decision {
    let authority = match (place, &principal.subject) {
        (Place::Local, Subject::Cli { .. }) => Ok((Authority::Local, Reach::everything())),
        (Place::Local, _) => Err(Denial::ChannelNotAuthorised),
        (Place::Channel(channel), _) => authority_in(principal, channel, &action, acl, now),
    };
    match authority {
        Ok((authority, reach)) => {
            Decision::Permit(Permit { action, authority, reach, acl_version: acl.version })
        }
        Err(denial) => Decision::Deny(denial),
    }
}

/// How one grant bears on a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// In every way: a permit permits, a deny entry denies.
    Matches,
    /// It lapsed or was taken back.
    Ended(Timestamp),
    /// It begins later.
    NotYet(Timestamp),
    /// Its role is for other deeds.
    WrongRole,
    /// It is for other rooms.
    OutOfScope,
    /// It is for other channels.
    OtherChannels,
}

/// How `grant` bears on `action` in `channel` at the time `now`; whom it names is not looked at. The first
/// hindrance is named, in the order time, role, rooms, channel.
#[must_use]
pub fn fit(grant: &Grant, action: &Action, channel: &Channel, now: Timestamp) -> Fit {
    if let Some(end) = ended_at(grant).filter(|end| *end <= now) {
        return Fit::Ended(end);
    }
    if grant.granted_at > now {
        return Fit::NotYet(grant.granted_at);
    }
    // A deny entry for a role takes away what that role would give.
    if !grant.role.allows(action) {
        return Fit::WrongRole;
    }
    let reaches = match grant.effect {
        Effect::Permit => action.is_within(&grant.rooms),
        Effect::Deny => action.is_touched_by(&grant.rooms),
    };
    if !reaches {
        return Fit::OutOfScope;
    }
    if !grant.channels.is_empty() && !grant.channels.contains(channel) {
        return Fit::OtherChannels;
    }
    Fit::Matches
}

fn authority_in(
    principal: &Principal,
    channel: &Channel,
    action: &Action,
    acl: &AclView,
    now: Timestamp,
) -> Result<(Authority, Reach), Denial> {
    let names_them = |grant: &&Grant| principal.subjects().any(|subject| *subject == grant.subject);
    let fitted: Vec<(&Grant, Fit)> =
        acl.grants.iter().filter(names_them).map(|grant| (grant, fit(grant, action, channel, now))).collect();
    let matching = |effect| {
        fitted
            .iter()
            .filter(move |(grant, fit)| grant.effect == effect && *fit == Fit::Matches)
            .map(|(grant, _)| *grant)
    };

    // A deny entry is the first answer: it must not be hidden behind a channel that is not authorised.
    if let Some(grant) = matching(Effect::Deny).next() {
        return Err(Denial::DeniedBy(grant.id));
    }

    let open: Vec<&AuthorisedChannel> =
        acl.channels.iter().filter(|entry| entry.channel == *channel && is_open(entry, now)).collect();
    match open.as_slice() {
        [] => return Err(Denial::ChannelNotAuthorised),
        [first, ..] if !open.iter().any(|entry| action.is_within(&entry.rooms)) => {
            return Err(Denial::ChannelNotForRoom(first.rooms.clone()));
        }
        _ => {}
    }

    let Some(authority) = matching(Effect::Permit).next() else {
        let permits =
            fitted.into_iter().filter(|(grant, _)| grant.effect == Effect::Permit).collect::<Vec<_>>();
        return Err(why_none_matches(&permits));
    };
    let reach = Reach {
        granted: distinct(matching(Effect::Permit).map(|grant| grant.rooms.clone())),
        here: distinct(open.iter().map(|entry| entry.rooms.clone())),
    };
    Ok((Authority::Grant(authority.id), reach))
}

/// The reason of a denial: of the permits that name somebody, the ones that came nearest.
fn why_none_matches(permits: &[(&Grant, Fit)]) -> Denial {
    let with = |wanted: Fit| permits.iter().filter(move |(_, fit)| *fit == wanted).map(|(grant, _)| *grant);
    if let Some(grant) = with(Fit::OtherChannels).next() {
        return Denial::OtherChannels(grant.id);
    }
    let scopes = distinct(with(Fit::OutOfScope).map(|grant| grant.rooms.clone()));
    if !scopes.is_empty() {
        return Denial::OutOfScope(scopes);
    }
    let roles = distinct(with(Fit::WrongRole).map(|grant| grant.role));
    if !roles.is_empty() {
        return Denial::WrongRole(roles);
    }
    let ended = permits.iter().filter_map(|(grant, fit)| match fit {
        Fit::Ended(end) => Some((*end, grant.id)),
        _ => None,
    });
    if let Some((end, id)) = ended.max() {
        return Denial::Lapsed(id, end);
    }
    match permits.iter().map(|(grant, _)| (grant.granted_at, grant.id)).min() {
        Some((begin, id)) => Denial::NotYet(id, begin),
        None => Denial::NoGrant,
    }
}

fn ended_at(grant: &Grant) -> Option<Timestamp> {
    match (grant.expires_at, grant.revoked_at) {
        (Some(expiry), Some(revoked)) => Some(expiry.min(revoked)),
        (expiry, revoked) => expiry.or(revoked),
    }
}

fn distinct<T: PartialEq>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut kept = Vec::new();
    for item in items {
        if !kept.contains(&item) {
            kept.push(item);
        }
    }
    kept
}
