//! The channels to which admins have things announced.

use jiff::{SignedDuration, Timestamp};

use super::{Grant, RoomScope, is_live};
use crate::domain::principal::{Channel, Subject};
use crate::domain::room::RoomId;

/// A channel to which what happens to the rooms of its scope is posted. It gives nobody a right.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AnnouncementChannel {
    /// The channel.
    pub channel: Channel,
    /// For which rooms.
    pub rooms: RoomScope,
    /// Whether admins read it: what only they can do is said there too.
    pub for_admins: bool,
    /// Who chose it.
    pub set_by: Subject,
    /// When.
    #[serde(serialize_with = "crate::domain::time::serialize_millis")]
    pub set_at: Timestamp,
    /// When it was removed.
    #[serde(serialize_with = "crate::domain::time::serialize_optional_millis")]
    pub removed_at: Option<Timestamp>,
    /// Why it was chosen.
    pub reason: Option<String>,
}

impl AnnouncementChannel {
    /// Whether things are announced there at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.set_at <= now && self.removed_at.is_none_or(|removed| removed > now)
    }

    /// Whether a change of the room's owner is announced there.
    pub fn covers(&self, room: &RoomId) -> bool {
        self.removed_at.is_none() && self.rooms.covers(room)
    }

    /// Whether it is announced there at `now` that the grant lapses: within 24 hours, for rooms some of which are of
    /// its scope.
    pub fn covers_end_of(&self, grant: &Grant, now: Timestamp) -> bool {
        let ends_soon = grant.expires_at.is_some_and(|end| end.duration_since(now) <= LAPSES_SOON);
        self.removed_at.is_none() && ends_soon && is_live(grant, now) && self.rooms.overlaps(&grant.rooms)
    }
}

/// How long before its end a grant is announced, and listed as one to look at.
pub const LAPSES_SOON: SignedDuration = SignedDuration::from_hours(24);
