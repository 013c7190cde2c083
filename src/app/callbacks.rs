//! Callbacks: Tencent reports a change of owner, whoever made it.

use jiff::Timestamp;

use crate::domain::audit::{OperationId, OutcomeKind};
use crate::domain::command::DeliveryId;
use crate::domain::named::named;
use crate::domain::room::{AccountId, RoomId};

/// A change of owner, as a callback reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerChangeEvent {
    /// Identifies the change: repetitions of its callback have the same.
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
    /// Whether it is signed with the token. If not, it counts only as far as reading the owner back confirms it.
    pub is_signed: bool,
}

/// The owner that was read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadBack {
    /// The owner now.
    Owner(AccountId),
    /// It could not be read. The text says why.
    Nothing(String),
}

/// What the store recorded of a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// It is the change of one of our operations, and is recorded as its confirmation.
    Confirms {
        /// The operation.
        operation: OperationId,
        /// Its outcome so far.
        outcome: OutcomeKind,
    },
    /// It is the change of one of our operations that had ended as refused or unknown; its outcome is corrected.
    Corrects {
        /// The operation.
        operation: OperationId,
        /// What its outcome was.
        was: OutcomeKind,
    },
    /// It was recorded before. Nothing was written.
    Known,
    /// It is not signed and the log has this owner already. Nothing was written.
    NothingNew,
    /// It seems to be no change of ours: read the owner back first. Nothing was written.
    Foreign,
    /// It is recorded as an operation of its own.
    Recorded(OperationId),
}

/// What a callback reported about one of our operations.
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

named! {
    /// How a callback ended, for the metrics.
    CallbackEnd
    /// It confirmed an operation of ours.
    Confirmed => "confirmed",
    /// It was recorded as somebody else's change.
    Observed => "observed",
    /// It had been recorded before, or reported nothing new.
    Repeated => "repeated",
    /// It was not signed, and the owner read back is another.
    Unbelieved => "unbelieved",
    /// It is about something else than a change of owner.
    Ignored => "ignored",
    /// It cannot be read.
    Unusable => "unusable",
    /// It is forged, stale, unsigned although a token is set, or for another application.
    Refused => "refused",
    /// Too many were waiting.
    Dropped => "dropped",
    /// The store did not take it.
    Failed => "failed",
}
