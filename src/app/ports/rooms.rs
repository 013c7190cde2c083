//! The service that holds the rooms.

use async_trait::async_trait;

use crate::domain::admission::Attempt;
use crate::domain::audit::Refusal;
use crate::domain::room::{AccountId, RoomId};

pub use crate::domain::live::RoomSummary;

/// Why the owner of a room could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadError {
    /// There is no such room, or no more.
    NoRoom(Refusal),
    /// Tencent said no for another reason: we may not ask, or not now.
    Refused(Refusal),
    /// There was no answer that can be understood.
    Unreadable(Refusal),
}

impl ReadError {
    /// What went wrong.
    pub fn refusal(&self) -> &Refusal {
        match self {
            Self::NoRoom(refusal) | Self::Refused(refusal) | Self::Unreadable(refusal) => refusal,
        }
    }
}

/// What the call to change an owner came to, by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallResult {
    /// Tencent accepted it.
    Accepted {
        /// Tencent's RequestId.
        request_id: Option<String>,
    },
    /// Tencent said no, and did nothing.
    Refused(Refusal),
    /// Tencent said again and again that it failed, which is nearly a no: one look at the owner settles it.
    Failed(Refusal),
    /// It never left this machine, so it cannot have had an effect.
    NotSent(Refusal),
    /// It may or may not have had an effect.
    Unclear(Refusal),
}

/// The service that holds the rooms.
#[async_trait]
pub trait RoomControl: Send + Sync {
    /// Who owns the room now.
    async fn owner_of(&self, room: &RoomId) -> Result<AccountId, ReadError>;

    /// Gives the room to the attempt's new owner. There is no way to call it without a durable record.
    async fn change_room_owner(&self, attempt: &Attempt) -> CallResult;

    /// What to do next after an error code, in one line.
    fn remedy(&self, _code: i64) -> String {
        Refusal::LOOK_FIRST.to_owned()
    }

    /// The live rooms, as many as one page holds, the most viewed first.
    async fn live_rooms(&self) -> Result<Vec<RoomSummary>, ReadError>;
}
