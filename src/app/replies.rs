//! Pending replies: what is stored of them, and how somebody is reached without the request that they made, whose
//! way back may be gone.

use async_trait::async_trait;
use jiff::Timestamp;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::ports::StoreError;
use crate::domain::announcement::Announcement;
use crate::domain::audit::{OperationId, OutcomeKind};
use crate::domain::named::named;
use crate::domain::principal::{Channel, Subject};
use crate::domain::reply::Reply;

named! {
    /// A chat platform. Its subjects and channels begin with its name.
    Platform
    /// Slack.
    Slack => "slack",
    /// Discord.
    Discord => "discord",
}

impl Platform {
    /// The platform of a channel.
    pub fn of(channel: &Channel) -> Self {
        match channel {
            Channel::Slack { .. } => Self::Slack,
            Channel::Discord { .. } => Self::Discord,
        }
    }

    /// The setting of the bot's own token there.
    pub fn token_setting(self) -> &'static str {
        match self {
            Self::Slack => "SLACK_BOT_TOKEN",
            Self::Discord => "DISCORD_BOT_TOKEN",
        }
    }
}

/// A reply that somebody waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingReply {
    /// What it is about.
    pub operation: OperationId,
    /// The channel or thread that may see it, by the platform's own id, as far as the door knew one.
    pub public_in: Option<String>,
    /// The outcome that the person knows, if another one follows.
    pub known: Option<OutcomeKind>,
    /// Whether it may have been delivered already.
    pub perhaps_said: bool,
    /// Since when. A day later nobody waits for it any more.
    pub since: Timestamp,
}

/// Changes to the pending replies of this process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// Those that changed.
    pub changed: Vec<PendingReply>,
    /// Those that were delivered, or never will be.
    pub done: Vec<OperationId>,
}

/// Stores pending replies beyond the end of the process.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Stores the changes.
    async fn keep(&self, batch: &Batch) -> Result<(), StoreError>;

    /// Takes over the replies on these platforms of processes that are gone. No two processes get the same.
    async fn take_over(&self, platforms: &[Platform]) -> Result<Vec<PendingReply>, StoreError>;

    /// Takes a reply over. What is stored of it stands and is returned; `None` if a running process has it.
    async fn claim(&self, pending: &PendingReply) -> Result<Option<PendingReply>, StoreError>;
}

/// A message to somebody, unasked.
#[derive(Debug)]
pub struct Notification {
    /// Who asked.
    pub to: Subject,
    /// Where.
    pub channel: Channel,
    /// As in [`PendingReply`].
    pub public_in: Option<String>,
    /// What it says.
    pub reply: Reply,
}

/// Why a notification was not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Another try may succeed.
    #[error("{why}")]
    Temporary {
        /// What went wrong.
        why: String,
        /// How long to wait, if the platform said so.
        after: Option<Duration>,
        /// Whether the message may be there in spite of it.
        is_unclear: bool,
    },
    /// No other try helps.
    #[error("{0}")]
    Permanent(String),
}

impl SendError {
    /// Whether the message may be there in spite of it.
    pub fn is_unclear(&self) -> bool {
        matches!(self, Self::Temporary { is_unclear: true, .. })
    }
}

/// Speaks to people by the bot's own right, unasked.
#[async_trait]
pub trait Messenger: Send + Sync {
    /// Sends it once; the platform's id of the message, if everybody in the notification's channel sees it there.
    async fn send(&self, notification: &Notification) -> Result<Option<String>, SendError>;

    /// Posts to a channel once, for everybody there; the platform's id of the message, if it says one. `key` names the
    /// message.
    async fn post(
        &self,
        channel: &Channel,
        announcement: &Announcement,
        key: &str,
    ) -> Result<Option<String>, SendError>;

    /// Writes to somebody alone, once; the conversation that this is, and the platform's id of the message, if it says
    /// both. `key` names the message.
    async fn write_to(
        &self,
        person: &Subject,
        announcement: &Announcement,
        key: &str,
    ) -> Result<Option<(Channel, String)>, SendError>;

    /// Puts an announcement in the place of one that was posted or written.
    async fn replace(
        &self,
        channel: &Channel,
        message: &str,
        announcement: &Announcement,
    ) -> Result<(), SendError>;

    /// Whether replies of concern to a channel are shown to everybody there.
    fn shows_replies(&self) -> bool;
}

/// How people are reached on the platforms that commands come from.
#[derive(Clone, Default)]
pub struct Messengers {
    /// Every platform that is served; without a messenger where the bot has no token of its own.
    pub served: Vec<(Platform, Option<Arc<dyn Messenger>>)>,
}

impl fmt::Debug for Messengers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.served.iter().map(|(platform, it)| (platform, it.is_some()))).finish()
    }
}

impl Messengers {
    /// The platforms that are served.
    pub fn platforms(&self) -> Vec<Platform> {
        self.served.iter().map(|(platform, _)| *platform).collect()
    }

    /// Who reaches people there; `None` without a token, or where nothing is served.
    pub fn on(&self, platform: Platform) -> Option<&Arc<dyn Messenger>> {
        self.served.iter().find(|(served, _)| *served == platform)?.1.as_ref()
    }
}
