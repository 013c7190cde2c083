//! What the service that holds the rooms says by itself about a change of owner, whoever made it.

use jiff::Timestamp;

use crate::domain::audit::{OperationId, OutcomeKind};
use crate::domain::command::DeliveryId;
use crate::domain::room::{AccountId, RoomId};

/// A change of owner, as a callback tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerNotice {
    /// The same for every repetition of the callback, and for no other change.
    pub delivery: DeliveryId,
    /// The room.
    pub room: RoomId,
    /// Who owns it since.
    pub new_owner: AccountId,
    /// Who owned it before.
    pub original_owner: Option<AccountId>,
    /// The account that did it.
    pub operator: Option<AccountId>,
    /// Whether that is the account as which the bot calls.
    pub is_own_account: bool,
    /// When, by the service's clock.
    pub event_at: Timestamp,
    /// Whether the sender has proved that it knows the token. If not, nothing of this is believed until it
    /// is read back, and what cannot be read back is not believed at all.
    pub is_signed: bool,
}

/// What reading the owner back has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// The owner now.
    Owner(AccountId),
    /// It could not be read. The text says why.
    Nothing(String),
}

/// What came of a notice in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observed {
    /// It is the change of an operation of ours, and is recorded beside it.
    Confirms {
        /// The operation.
        operation: OperationId,
        /// Its outcome so far.
        outcome: OutcomeKind,
    },
    /// It is the change of an operation of ours that was over as refused or unknown; that is corrected.
    Corrects {
        /// The operation.
        operation: OperationId,
        /// What its outcome was.
        was: OutcomeKind,
    },
    /// It was recorded before. Nothing was written.
    Known,
    /// It was not signed and says nothing new: the log has this owner. Nothing was written.
    NothingNew,
    /// It is no change of ours, as far as can be told: read the owner back first. Nothing was written.
    Foreign,
    /// It is recorded as an operation of its own.
    Recorded(OperationId),
}

/// What the service's callback said about an operation of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation {
    /// When the owner changed, by the service's clock.
    pub event_at: Timestamp,
    /// When the callback was written down.
    pub received_at: Timestamp,
    /// Who owned the room before, as the service says.
    pub original_owner: Option<AccountId>,
    /// Whether the callback was signed.
    pub is_signed: bool,
}

/// What became of a callback, for the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallbackEnd {
    /// It confirmed an operation of ours.
    Confirmed,
    /// It was recorded as somebody else's change.
    Observed,
    /// It had been recorded before, or said nothing new.
    Repeated,
    /// It was not signed, and the owner read back is another.
    Unbelieved,
    /// It tells of something else than a change of owner.
    Ignored,
    /// It cannot be read.
    Unusable,
    /// It is forged, stale, unsigned although a token is set, or for another application.
    Refused,
    /// Too many were waiting.
    Dropped,
    /// The store did not take it.
    Failed,
}

impl CallbackEnd {
    /// Its name among the numbers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Observed => "observed",
            Self::Repeated => "repeated",
            Self::Unbelieved => "unbelieved",
            Self::Ignored => "ignored",
            Self::Unusable => "unusable",
            Self::Refused => "refused",
            Self::Dropped => "dropped",
            Self::Failed => "failed",
        }
    }
}
