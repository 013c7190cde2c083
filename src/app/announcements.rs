//! Announcements that are to be posted: what is stored of them.

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::Notify;

use super::ports::StoreError;
use super::replies::Platform;
use crate::domain::announcement::Topic;
use crate::domain::audit::{Announced, OperationId};
use crate::domain::principal::{Channel, Subject};
use crate::domain::tree_head::TreeHead;

/// An announcement that is to be posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueAnnouncement {
    /// Its row.
    pub id: i64,
    /// Where; of a direct message, the channel that it is about.
    pub channel: Channel,
    /// Who gets it as a direct message.
    pub person: Option<Subject>,
    /// About what.
    pub topic: Topic,
    /// Since when. It is given up a day later.
    pub since: Timestamp,
    /// Whether it may have been posted already.
    pub perhaps_posted: bool,
    /// How often it was tried.
    pub tries: u32,
}

/// What to post next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextDue {
    /// Nothing.
    Nothing,
    /// Nothing before somebody's own reply in the same channel is delivered, which may serve instead.
    AfterReplies,
    /// Nothing before this time.
    NotBefore(Timestamp),
    /// This one, with a signed head of the log that covers it. From now on it counts as perhaps posted.
    Post(DueAnnouncement, TreeHead),
}

/// Stores which announcements are to be posted, and what became of them.
#[async_trait]
pub trait Announcements: Send + Sync {
    /// Notified when there is something new to be posted.
    fn is_due(&self) -> &Notify;

    /// The next one on these platforms, or one that is more than a day old. No two processes get the same.
    async fn next_due(&self, platforms: &[Platform], now: Timestamp) -> Result<NextDue, StoreError>;

    /// A try failed: the next one is made at `not_before`. With `all_there`, nothing else is posted on that platform
    /// before either.
    async fn postpone(
        &self,
        due: &DueAnnouncement,
        not_before: Timestamp,
        all_there: bool,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// It is not to be posted any more; of an operation it is recorded what became of it.
    async fn settle(
        &self,
        due: &DueAnnouncement,
        announced: Option<Announced>,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// A reply that everybody in the channel sees said what was to be announced there.
    async fn was_replied(
        &self,
        operation: OperationId,
        channel: &Channel,
        message: &str,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Finds grants that lapse soon. Each is announced once in each channel.
    async fn find_lapses(&self, now: Timestamp) -> Result<(), StoreError>;
}
