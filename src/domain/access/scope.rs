//! Room scopes: `*`, an exact RoomId, or a prefix such as `live-*`.

use std::fmt;
use std::str::FromStr;

use crate::domain::principal::serialize_as_text;
use crate::domain::room::{InvalidRoomId, RoomId};

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
    ///
    /// ```
    /// use room_owner::domain::access::RoomScope;
    ///
    /// let scope: RoomScope = "live-*".parse()?;
    /// assert!(scope.covers(&"live-7".parse()?) && !scope.covers(&"vip-1".parse()?));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn covers(&self, room: &RoomId) -> bool {
        match self {
            Self::All => true,
            Self::Exact(exact) => exact == room,
            Self::Prefix(prefix) => room.as_str().starts_with(prefix),
        }
    }

    /// Whether every room of `other` is in this scope.
    pub fn contains(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, _) => true,
            (_, Self::All) => false,
            (_, Self::Exact(room)) => self.covers(room),
            (Self::Prefix(prefix), Self::Prefix(longer)) => longer.starts_with(prefix),
            (Self::Exact(_), Self::Prefix(_)) => false,
        }
    }

    /// Whether some room could be in both. Of two scopes that meet, one contains the other.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.contains(other) || other.contains(self)
    }

    /// Of two scopes that meet, the one that the other contains: the rooms that are in both.
    #[must_use]
    pub fn narrower<'a>(&'a self, other: &'a Self) -> &'a Self {
        if other.contains(self) { self } else { other }
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
        let room: RoomId = id.parse().map_err(|error: InvalidRoomId| invalid(error.to_string()))?;
        Ok(if is_prefix { Self::Prefix(id.to_owned()) } else { Self::Exact(room) })
    }
}

serialize_as_text!(RoomScope);
