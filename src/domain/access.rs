//! Who may do what: roles, scopes, grants, and the one function that decides.
//!
//! Deny by default: an empty ACL permits nobody, no authorised channel means nowhere, and a deny entry
//! beats every permit. [`decide`] is pure: the caller reads the ACL and the clock before.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use super::command::Place;
use super::principal::{Channel, Principal, Subject, serialize_as_text};
use super::room::RoomId;

/// An RBAC role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Hands rooms over, within the grant's room scope.
    Moderator,
    /// Reads the audit log.
    Auditor,
    /// Edits the ACL; may do what the other two may.
    Admin,
}

/// What a command needs permission for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Learn who owns a room.
    ShowOwner(RoomId),
    /// Give a room to somebody else.
    Transfer(RoomId),
}

impl Action {
    /// The room that the action is about.
    #[must_use]
    pub fn room(&self) -> &RoomId {
        match self {
            Self::ShowOwner(room) | Self::Transfer(room) => room,
        }
    }
}

impl Role {
    /// Every role, in the order in which people read them.
    pub const ALL: [Self; 3] = [Self::Moderator, Self::Auditor, Self::Admin];

    /// Whether the role is enough for the action.
    #[must_use]
    pub fn allows(self, action: &Action) -> bool {
        match action {
            // Whoever may read the log finds the owner there anyway.
            Action::ShowOwner(_) => true,
            Action::Transfer(_) => matches!(self, Self::Moderator | Self::Admin),
        }
    }

    /// The role's name in the interface.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Moderator => "moderator",
            Self::Auditor => "auditor",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a role: use `moderator`, `auditor` or `admin`")]
pub struct UnknownRole(String);

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.name() == text).ok_or_else(|| UnknownRole(text.to_owned()))
    }
}

/// Which rooms a grant or a channel covers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RoomScope {
    /// `*`
    All,
    /// An exact RoomId.
    Exact(RoomId),
    /// `live-*`: every room whose id begins with the text before the star.
    Prefix(String),
}

impl RoomScope {
    /// Whether the scope holds the room. Case matters, as it does for Tencent.
    #[must_use]
    pub fn covers(&self, room: &RoomId) -> bool {
        match self {
            Self::All => true,
            Self::Exact(exact) => exact == room,
            Self::Prefix(prefix) => room.as_str().starts_with(prefix),
        }
    }
}

impl fmt::Display for RoomScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Exact(room) => write!(f, "{room}"),
            Self::Prefix(prefix) => write!(f, "{prefix}*"),
        }
    }
}

/// A text that is not a room scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a room scope: use `*`, a room id, or a prefix such as `live-*` ({why})")]
pub struct InvalidScope {
    text: String,
    why: String,
}

impl FromStr for RoomScope {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        let invalid = |why: String| InvalidScope { text: text.to_owned(), why };
        if text == "*" {
            return Ok(Self::All);
        }
        let (id, is_prefix) = text.strip_suffix('*').map_or((text, false), |prefix| (prefix, true));
        if id.contains('*') {
            return Err(invalid("a star may only be its last character".to_owned()));
        }
        let room: RoomId =
            id.parse().map_err(|error: super::room::InvalidRoomId| invalid(error.to_string()))?;
        Ok(if is_prefix { Self::Prefix(id.to_owned()) } else { Self::Exact(room) })
    }
}

/// Whether an entry of the ACL permits or forbids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Gives the role.
    Permit,
    /// Takes it away, whatever else permits.
    Deny,
}

impl Effect {
    /// The effect's name in the interface.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::Deny => "deny",
        }
    }
}

serialize_as_text!(Role, RoomScope);

/// The number of a grant, as people name it: `grant 12`.
pub type GrantId = i64;

/// A role for a subject, within a scope and a time.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Grant {
    /// Its number.
    pub id: GrantId,
    /// Who has it.
    pub subject: Subject,
    /// What it gives.
    pub role: Role,
    /// Permit or deny.
    pub effect: Effect,
    /// For which rooms.
    pub rooms: RoomScope,
    /// Only from these channels; from every authorised one if empty.
    pub channels: Vec<Channel>,
    /// When it lapses; `None` for never. Evaluated at reading.
    #[serde(serialize_with = "super::audit::serialize_optional_millis")]
    pub expires_at: Option<Timestamp>,
    /// Who gave it.
    pub granted_by: Subject,
    /// When.
    #[serde(serialize_with = "super::audit::serialize_millis")]
    pub granted_at: Timestamp,
    /// When it was taken back.
    #[serde(serialize_with = "super::audit::serialize_optional_millis")]
    pub revoked_at: Option<Timestamp>,
    /// Why it was given.
    pub reason: Option<String>,
}

/// A channel from which commands are taken, for the rooms of its scope.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AuthorisedChannel {
    /// The channel.
    pub channel: Channel,
    /// For which rooms.
    pub rooms: RoomScope,
    /// Who authorised it.
    pub allowed_by: Subject,
    /// When.
    #[serde(serialize_with = "super::audit::serialize_millis")]
    pub allowed_at: Timestamp,
    /// When it was removed.
    #[serde(serialize_with = "super::audit::serialize_optional_millis")]
    pub removed_at: Option<Timestamp>,
    /// Why it was authorised.
    pub reason: Option<String>,
}

/// The part of the ACL that can matter to one request, and the version of the whole that it was read at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AclView {
    /// Counts the changes of the ACL. A decision is only carried out while it still holds.
    pub version: i64,
    /// The grants that name the caller or one of the caller's groups, revoked and lapsed ones too.
    pub grants: Vec<Grant>,
    /// The entries for the caller's channel.
    pub channels: Vec<AuthorisedChannel>,
}

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
    acl_version: i64,
}

impl Permit {
    /// What is permitted.
    #[must_use]
    pub fn action(&self) -> &Action {
        &self.action
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

/// `a, b`
pub(crate) fn list<T: fmt::Display>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
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
        (Place::Local, Subject::Cli { .. }) => Ok(Authority::Local),
        (Place::Local, _) => Err(Denial::ChannelNotAuthorised),
        (Place::Channel(channel), _) => authority_in(principal, channel, &action, acl, now),
    };
    match authority {
        Ok(authority) => Decision::Permit(Permit { action, authority, acl_version: acl.version }),
        Err(denial) => Decision::Deny(denial),
    }
}

fn authority_in(
    principal: &Principal,
    channel: &Channel,
    action: &Action,
    acl: &AclView,
    now: Timestamp,
) -> Result<Authority, Denial> {
    let room = action.room();
    let grants =
        || acl.grants.iter().filter(|grant| principal.subjects().any(|subject| *subject == grant.subject));
    let here = |grant: &Grant| grant.channels.is_empty() || grant.channels.contains(channel);

    // A deny entry is the first answer: it must not be hidden behind a channel that is not authorised.
    if let Some(grant) = grants().find(|grant| {
        grant.effect == Effect::Deny && is_live(grant, now) && grant.rooms.covers(room) && here(grant)
            // A deny entry for a role takes away what that role would give.
            && grant.role.allows(action)
    }) {
        return Err(Denial::DeniedBy(grant.id));
    }

    let mut open =
        acl.channels.iter().filter(|entry| entry.channel == *channel && is_open(entry, now)).peekable();
    match open.peek() {
        None => return Err(Denial::ChannelNotAuthorised),
        Some(first) => {
            let scope = first.rooms.clone();
            if !open.any(|entry| entry.rooms.covers(room)) {
                return Err(Denial::ChannelNotForRoom(scope));
            }
        }
    }

    let permits: Vec<&Grant> = grants().filter(|grant| grant.effect == Effect::Permit).collect();
    let live: Vec<&Grant> = permits.iter().copied().filter(|grant| is_live(grant, now)).collect();
    if live.is_empty() {
        return Err(why_none_is_live(&permits, now));
    }
    let able: Vec<&Grant> = live.iter().copied().filter(|grant| grant.role.allows(action)).collect();
    if able.is_empty() {
        return Err(Denial::WrongRole(distinct(live.iter().map(|grant| grant.role))));
    }
    let covering: Vec<&Grant> = able.iter().copied().filter(|grant| grant.rooms.covers(room)).collect();
    if covering.is_empty() {
        return Err(Denial::OutOfScope(distinct(able.iter().map(|grant| grant.rooms.clone()))));
    }
    match covering.iter().find(|grant| here(grant)) {
        Some(grant) => Ok(Authority::Grant(grant.id)),
        None => Err(Denial::OtherChannels(covering[0].id)),
    }
}

/// A right of the caller, for the help text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Right {
    /// The role.
    pub role: Role,
    /// For these rooms.
    pub rooms: RoomScope,
}

/// The rights that somebody has at `place`: what help shows. It permits nothing; [`decide`] does.
#[must_use]
pub fn rights(principal: &Principal, place: &Place, acl: &AclView, now: Timestamp) -> Vec<Right> {
    let channel = match (place, &principal.subject) {
        (Place::Local, Subject::Cli { .. }) => {
            return vec![Right { role: Role::Admin, rooms: RoomScope::All }];
        }
        (Place::Local, _) => return Vec::new(),
        (Place::Channel(channel), _) => channel,
    };
    if !acl.channels.iter().any(|entry| entry.channel == *channel && is_open(entry, now)) {
        return Vec::new();
    }
    acl.grants
        .iter()
        .filter(|grant| {
            grant.effect == Effect::Permit
                && is_live(grant, now)
                && principal.subjects().any(|subject| *subject == grant.subject)
                && (grant.channels.is_empty() || grant.channels.contains(channel))
        })
        .map(|grant| Right { role: grant.role, rooms: grant.rooms.clone() })
        .collect()
}

/// Whether the channel is authorised at `now`.
#[must_use]
pub fn is_open(entry: &AuthorisedChannel, now: Timestamp) -> bool {
    entry.allowed_at <= now && entry.removed_at.is_none_or(|removed| removed > now)
}

/// Whether the grant holds at `now`: given, not yet lapsed, not taken back.
#[must_use]
pub fn is_live(grant: &Grant, now: Timestamp) -> bool {
    grant.granted_at <= now && ended_at(grant).is_none_or(|end| end > now)
}

fn ended_at(grant: &Grant) -> Option<Timestamp> {
    match (grant.expires_at, grant.revoked_at) {
        (Some(expiry), Some(revoked)) => Some(expiry.min(revoked)),
        (expiry, revoked) => expiry.or(revoked),
    }
}

fn why_none_is_live(permits: &[&Grant], now: Timestamp) -> Denial {
    let lapsed =
        permits.iter().filter_map(|grant| Some((ended_at(grant).filter(|end| *end <= now)?, grant.id)));
    if let Some((end, id)) = lapsed.max() {
        return Denial::Lapsed(id, end);
    }
    match permits.iter().map(|grant| (grant.granted_at, grant.id)).min() {
        Some((begin, id)) => Denial::NotYet(id, begin),
        None => Denial::NoGrant,
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

#[cfg(test)]
mod tests;
