//! What the console needs of a store: links, sessions, and proofs of what its pages show.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::ports::StoreError;
use crate::domain::audit::{AuditFilter, OperationId};
use crate::domain::language::Language;
use crate::domain::press::Button;
use crate::domain::room::RoomId;
use crate::domain::session::{NotSignedIn, Proof, Session, TokenHash};

/// The console, where there is one.
#[derive(Clone)]
pub struct Console {
    /// The address at which browsers reach the bot: scheme, host and port, without a slash at its end.
    pub origin: String,
    /// The links and sessions.
    pub sessions: Arc<dyn Sessions>,
    /// The cases of rooms.
    pub cases: Arc<dyn Cases>,
}

/// What a case is about, and how it is written.
#[derive(Debug, Clone)]
pub struct CaseOf {
    /// The room.
    pub room: RoomId,
    /// The time; the other fields do not count.
    pub filter: AuditFilter,
    /// The language of its page.
    pub language: Language,
    /// The zone of times beside those in UTC.
    pub zone: Option<TimeZone>,
}

/// Puts cases together.
#[async_trait]
pub trait Cases: Send + Sync {
    /// The files of a case at `now`, and what is in them: those that `room-owner audit case` writes.
    async fn files(&self, of: &CaseOf, now: Timestamp) -> Result<Vec<(&'static str, Vec<u8>)>, StoreError>;
}

/// Durable links and sessions, by the hashes of their tokens.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Keeps a link of somebody, who is not signed in yet.
    async fn offer(&self, link: &TokenHash, whose: &Session) -> Result<(), StoreError>;

    /// Whose link it is, if it can be used.
    async fn link(
        &self,
        link: &TokenHash,
        now: Timestamp,
    ) -> Result<Result<Session, NotSignedIn>, StoreError>;

    /// Uses a link up and makes it a session until `until`, in one transaction.
    async fn sign_in(
        &self,
        link: &TokenHash,
        token: &TokenHash,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Result<Session, NotSignedIn>, StoreError>;

    /// The session with this token, unless it is over.
    async fn session(&self, token: &TokenHash, now: Timestamp) -> Result<Option<Session>, StoreError>;

    /// Every session that is not over, the newest first.
    async fn sessions(&self, now: Timestamp) -> Result<Vec<Session>, StoreError>;

    /// Ends a session. `false` if there is none, or no more.
    async fn end(&self, session: OperationId, now: Timestamp) -> Result<bool, StoreError>;

    /// The buttons of every reply that waits for a confirmation or an approval which can still be given, reply by
    /// reply, oldest first.
    async fn waiting(&self, now: Timestamp) -> Result<Vec<Button>, StoreError>;

    /// What proves that the operation's events are in the log, checked just now.
    async fn prove(&self, operation: OperationId) -> Result<Proof, StoreError>;
}
