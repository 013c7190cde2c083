//! The rule told to people: what somebody may do, and why not.

use jiff::Timestamp;

use super::{AclView, Effect, Role, RoomScope, is_live, is_open};
use crate::domain::command::Place;
use crate::domain::principal::{Principal, Subject};

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
