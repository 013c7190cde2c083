//! The one function that decides, its yes and its noes.

use std::fmt;

use jiff::Timestamp;

use super::{AclView, Action, AuthorisedChannel, Effect, Grant, GrantId, Role, RoomScope, is_open, list};
use crate::domain::principal::{Channel, Membership, Place, Principal, Subject};
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
    grant: Option<Box<Grant>>,
    reach: EffectiveScope,
    acl_version: i64,
}

/// The rooms that a permit reaches: those that a grant covers and the channel is authorised for, without those
/// that a deny entry takes away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EffectiveScope {
    granted: Vec<RoomScope>,
    here: Vec<RoomScope>,
    denied: Vec<RoomScope>,
}

impl EffectiveScope {
    fn everything() -> Self {
        Self { granted: vec![RoomScope::All], here: vec![RoomScope::All], denied: Vec::new() }
    }

    /// Whether the room is among them.
    pub fn covers(&self, room: &RoomId) -> bool {
        let any = |scopes: &[RoomScope]| scopes.iter().any(|scope| scope.covers(room));
        any(&self.granted) && any(&self.here) && !any(&self.denied)
    }

    /// Whether it is every room, and what is about no room at all.
    pub fn is_everything(&self) -> bool {
        self.granted.contains(&RoomScope::All)
            && self.here.contains(&RoomScope::All)
            && self.denied.is_empty()
    }

    /// Whether the deny entries take all grants away.
    fn is_taken_away(&self) -> bool {
        self.granted.iter().all(|granted| self.is_denied(granted))
    }

    /// Whether no room is among them.
    pub(super) fn is_nothing(&self) -> bool {
        let is_left = |granted: &RoomScope, here: &RoomScope| {
            granted.overlaps(here) && !self.is_denied(granted.narrower(here))
        };
        !self.granted.iter().any(|granted| self.here.iter().any(|here| is_left(granted, here)))
    }

    /// Whether the deny entries take all of `scope` away. Of scopes that meet, one contains the other, and no scope is
    /// made up of smaller ones: it is taken away whole by one entry that contains it.
    fn is_denied(&self, scope: &RoomScope) -> bool {
        self.denied.iter().any(|denied| denied.contains(scope))
    }

    /// The scopes that it comes to together with `other`, widest first, without those that are taken away whole.
    pub fn scopes_within(&self, other: &RoomScope) -> Vec<RoomScope> {
        let mut scopes: Vec<RoomScope> = Vec::new();
        for granted in self.granted.iter().filter(|granted| granted.overlaps(other)) {
            let granted = granted.narrower(other);
            for here in self.here.iter().filter(|here| here.overlaps(granted)) {
                let scope = granted.narrower(here);
                if !self.is_denied(scope) && !scopes.iter().any(|wider| wider.contains(scope)) {
                    scopes.retain(|narrower| !scope.contains(narrower));
                    scopes.push(scope.clone());
                }
            }
        }
        scopes
    }

    /// The scopes of the grants, each once.
    pub fn granted(&self) -> &[RoomScope] {
        &self.granted
    }

    /// The scopes for which the channel is authorised, each once.
    pub fn here(&self) -> &[RoomScope] {
        &self.here
    }

    /// The scopes that deny entries take away, each once.
    pub fn denied(&self) -> &[RoomScope] {
        &self.denied
    }
}

impl Permit {
    /// What is permitted.
    pub fn action(&self) -> &Action {
        &self.action
    }

    /// Which rooms it reaches. Of an action on one room, that room is among them.
    pub fn reach(&self) -> &EffectiveScope {
        &self.reach
    }

    /// By which authority.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The grant by which it is permitted; `None` on the machine's own command line.
    pub fn grant(&self) -> Option<&Grant> {
        self.grant.as_deref()
    }

    /// The version of the ACL that the decision was made on.
    pub fn acl_version(&self) -> i64 {
        self.acl_version
    }
}

/// Why something is denied. [`fmt::Display`] is what the audit log keeps as the authority of the denial.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// The channel is not authorised at all.
    #[error("channel not authorised")]
    ChannelNotAuthorised,
    /// The channel is authorised, but not for this room.
    #[error("channel authorised for rooms {0} only")]
    ChannelNotForRoom(RoomScope),
    /// No grant names the caller.
    #[error("no grant")]
    NoGrant,
    /// A deny entry names the caller.
    #[error("denied by grant {0}")]
    DeniedBy(GrantId),
    /// A deny entry names a group, and nobody can say right now whether the caller is in it.
    #[error("grant {0} denies {1}, which cannot be read right now")]
    GroupUnread(GrantId, Subject),
    /// The channel is of another workspace or server than the caller.
    #[error("channel of another workspace or server")]
    Elsewhere,
    /// There were grants, but none is live: the last one that lapsed or was taken back.
    #[error("grant {0} ended {1}")]
    Lapsed(GrantId, Timestamp),
    /// A grant is live, but from a later time on.
    #[error("grant {0} begins {1}")]
    NotYet(GrantId, Timestamp),
    /// The live grants do not cover the room: their scopes.
    #[error("granted for rooms {} only", list(.0))]
    OutOfScope(Vec<RoomScope>),
    /// The live grants are for other channels.
    #[error("grant {0} is for other channels")]
    OtherChannels(GrantId),
    /// The live grants are for other actions: their roles.
    #[error("role {} is not enough", list(.0))]
    WrongRole(Vec<Role>),
    /// The request comes from an app or a workspace that this bot does not serve.
    #[error("not served: {0}")]
    ForeignOrigin(String),
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
/// The [rule](super) in code. Somebody at the machine's own command line could edit the database, so the rules of
/// channels and grants would be pretence there: that is permitted, as `local`, and recorded like everything else.
#[must_use]
pub fn decide(
    principal: &Principal,
    place: &Place,
    action: Action,
    acl: &AclView,
    now: Timestamp,
) -> Decision {
    let authority = match (place, &principal.subject) {
        (Place::Local, Subject::Cli { .. }) => Ok((Authority::Local, EffectiveScope::everything())),
        (Place::Local, _) => Err(Denial::ChannelNotAuthorised),
        (Place::Channel(channel), _) => action
            .parts()
            .iter()
            .map(|part| authority_in(principal, channel, part, acl, now))
            .reduce(|one, other| Ok(joined(one?, other?)))
            .unwrap_or(Err(Denial::NoGrant)),
    };
    match authority {
        Ok((authority, reach)) => {
            let grant = match authority {
                Authority::Grant(id) => acl.grants.iter().find(|grant| grant.id == id).cloned().map(Box::new),
                Authority::Local => None,
            };
            Decision::Permit(Permit { action, authority, grant, reach, acl_version: acl.version })
        }
        Err(denial) => Decision::Deny(denial),
    }
}

/// How one grant bears on a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantMatch {
    /// In every way: a permit permits, a deny entry denies.
    Matches,
    /// It lapsed or was taken back.
    Ended(Timestamp),
    /// It begins later.
    NotYet(Timestamp),
    /// Its role is for other actions.
    WrongRole,
    /// It is for other rooms.
    OutOfScope,
    /// It is for other channels.
    OtherChannels,
}

/// How `grant` bears on `action` in `channel` at the time `now`; whom it names is not looked at. The first
/// mismatch is named, in the order time, role, rooms, channel.
#[must_use]
pub fn grant_match(grant: &Grant, action: &Action, channel: &Channel, now: Timestamp) -> GrantMatch {
    if let Some(end) = ended_at(grant).filter(|end| *end <= now) {
        return GrantMatch::Ended(end);
    }
    if grant.granted_at > now {
        return GrantMatch::NotYet(grant.granted_at);
    }
    // A deny entry for a role takes away what that role would give.
    if !grant.role.allows(action) {
        return GrantMatch::WrongRole;
    }
    let reaches = match grant.effect {
        Effect::Permit => action.is_within(&grant.rooms),
        Effect::Deny => action.is_touched_by(&grant.rooms),
    };
    if !reaches {
        return GrantMatch::OutOfScope;
    }
    if !grant.channels.is_empty() && !grant.channels.contains(channel) {
        return GrantMatch::OtherChannels;
    }
    GrantMatch::Matches
}

/// Whether the grant counts for or against the principal: a deny entry also if they may be in its group.
pub(super) fn names(principal: &Principal, grant: &Grant) -> Option<Membership> {
    match (principal.membership(&grant.subject), grant.effect) {
        (Membership::In, _) => Some(Membership::In),
        (Membership::Unknown, Effect::Deny) => Some(Membership::Unknown),
        (Membership::Unknown, Effect::Permit) | (Membership::Out, _) => None,
    }
}

fn authority_in(
    principal: &Principal,
    channel: &Channel,
    action: &Action,
    acl: &AclView,
    now: Timestamp,
) -> Result<(Authority, EffectiveScope), Denial> {
    let mut permits: Vec<(&Grant, GrantMatch)> = Vec::new();
    let mut denials: Vec<(&Grant, Membership)> = Vec::new();
    for grant in &acl.grants {
        let Some(membership) = names(principal, grant) else { continue };
        let fit = grant_match(grant, action, channel, now);
        match grant.effect {
            Effect::Permit => permits.push((grant, fit)),
            Effect::Deny if fit == GrantMatch::Matches => denials.push((grant, membership)),
            Effect::Deny => {}
        }
    }
    let denied_as = |wanted| denials.iter().filter(move |(_, its)| *its == wanted).map(|(grant, _)| *grant);
    let closing = |grant: &&Grant| action.is_closed_by(&grant.rooms);

    // A deny entry is the first answer: it must not be hidden behind a channel that is not authorised.
    if let Some(grant) = denied_as(Membership::In).find(closing) {
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

    let matching = || permits.iter().filter(|(_, fit)| *fit == GrantMatch::Matches).map(|(grant, _)| *grant);
    let Some(authority) = matching().next() else { return Err(why_none_matches(&permits)) };
    if !principal.subject.is_of(channel) {
        return Err(Denial::Elsewhere);
    }
    let mut reach = EffectiveScope {
        granted: distinct(matching().map(|grant| grant.rooms.clone())),
        here: distinct(open.iter().map(|entry| entry.rooms.clone())),
        denied: Vec::new(),
    };
    // What is known comes first: a group is named only to whom it would be permitted otherwise, and a stranger does not
    // learn which groups there are.
    for membership in [Membership::In, Membership::Unknown] {
        let denials = || denied_as(membership);
        let before = std::mem::take(&mut reach.denied);
        reach.denied = distinct(before.into_iter().chain(denials().map(|grant| grant.rooms.clone())));
        let takes_one = |denial: &&Grant| reach.granted.iter().any(|granted| denial.rooms.contains(granted));
        let taking = || denials().find(|denial| reach.is_taken_away() && takes_one(denial));
        if let Some(grant) = denials().find(closing).or_else(taking) {
            return Err(taken_by(grant, membership));
        }
    }
    Ok((Authority::Grant(authority.id), reach))
}

fn taken_by(grant: &Grant, membership: Membership) -> Denial {
    match membership {
        Membership::Unknown => Denial::GroupUnread(grant.id, grant.subject.clone()),
        Membership::In | Membership::Out => Denial::DeniedBy(grant.id),
    }
}

/// Two parts of one action: by the authority of the first, within the reach of either.
fn joined(
    one: (Authority, EffectiveScope),
    other: (Authority, EffectiveScope),
) -> (Authority, EffectiveScope) {
    let both = |one: Vec<RoomScope>, other: Vec<RoomScope>| distinct(one.into_iter().chain(other));
    let reach = EffectiveScope {
        granted: both(one.1.granted, other.1.granted),
        here: both(one.1.here, other.1.here),
        denied: both(one.1.denied, other.1.denied),
    };
    (one.0, reach)
}

/// The reason of a denial: of the permits that name somebody, the ones that came nearest.
fn why_none_matches(permits: &[(&Grant, GrantMatch)]) -> Denial {
    let with =
        |wanted: GrantMatch| permits.iter().filter(move |(_, fit)| *fit == wanted).map(|(grant, _)| *grant);
    if let Some(grant) = with(GrantMatch::OtherChannels).next() {
        return Denial::OtherChannels(grant.id);
    }
    let scopes = distinct(with(GrantMatch::OutOfScope).map(|grant| grant.rooms.clone()));
    if !scopes.is_empty() {
        return Denial::OutOfScope(scopes);
    }
    let roles = distinct(with(GrantMatch::WrongRole).map(|grant| grant.role));
    if !roles.is_empty() {
        return Denial::WrongRole(roles);
    }
    let ended = permits.iter().filter_map(|(grant, fit)| match fit {
        GrantMatch::Ended(end) => Some((*end, grant.id)),
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

pub(super) fn distinct<T: PartialEq>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut kept = Vec::new();
    for item in items {
        if !kept.contains(&item) {
            kept.push(item);
        }
    }
    kept
}
