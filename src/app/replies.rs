//! Answers that are still owed: what of them is kept, and how somebody is told without the request that they
//! made, whose way back may be gone.

use async_trait::async_trait;
use jiff::Timestamp;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::ports::StoreError;
use crate::domain::audit::{OperationId, OutcomeKind};
use crate::domain::principal::{Channel, Subject};
use crate::domain::reply::Reply;

/// A chat platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// Slack.
    Slack,
    /// Discord.
    Discord,
}

impl Platform {
    /// The platform of a channel.
    #[must_use]
    pub fn of(channel: &Channel) -> Self {
        match channel {
            Channel::Slack { .. } => Self::Slack,
            Channel::Discord { .. } => Self::Discord,
        }
    }

    /// How its subjects and channels begin.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Discord => "discord",
        }
    }
}

/// An answer that somebody is owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    /// What it is about.
    pub operation: OperationId,
    /// The channel or thread that may see it, by the platform's own id, as far as the door knew one.
    pub public_in: Option<String>,
    /// The outcome that the person knows, if another one is to follow.
    pub known: Option<OutcomeKind>,
    /// Whether it may have been said already.
    pub perhaps_said: bool,
    /// Since when. A day later nobody waits for it any more.
    pub since: Timestamp,
}

/// What is to be kept about the answers of this process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// Those that changed.
    pub changed: Vec<Owed>,
    /// Those that are given, or will never be.
    pub done: Vec<OperationId>,
}

/// Keeps what is owed, beyond the end of the process.
#[async_trait]
pub trait ReplyBook: Send + Sync {
    /// Keeps what changed.
    async fn keep(&self, batch: &Batch) -> Result<(), StoreError>;

    /// Takes over what processes owe on these platforms that run no longer, and begins this process's own
    /// page. No two processes get the same.
    async fn take_over(&self, platforms: &[Platform]) -> Result<Vec<Owed>, StoreError>;

    /// Takes an answer on. What is kept about it already stands and is returned; `None` if a process that
    /// runs has it.
    async fn claim(&self, owed: &Owed) -> Result<Option<Owed>, StoreError>;
}

/// Something to say to somebody who waits for it no longer.
#[derive(Debug)]
pub struct Telling {
    /// Who asked.
    pub to: Subject,
    /// Where.
    pub channel: Channel,
    /// As in [`Owed`].
    pub public_in: Option<String>,
    /// What to say.
    pub reply: Reply,
}

/// Why somebody was not told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotTold {
    /// Another try may do it.
    Yet {
        /// What went wrong.
        why: String,
        /// How long to wait, if the platform said so.
        after: Option<Duration>,
        /// Whether the message may be there in spite of it.
        is_unclear: bool,
    },
    /// No other try helps.
    Ever(String),
}

/// Speaks to people by the bot's own right, unasked.
#[async_trait]
pub trait Messenger: Send + Sync {
    /// Says it once.
    async fn tell(&self, telling: &Telling) -> Result<(), NotTold>;
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
    #[must_use]
    pub fn platforms(&self) -> Vec<Platform> {
        self.served.iter().map(|(platform, _)| *platform).collect()
    }

    /// Who reaches people there; `None` without a token, or where nothing is served.
    #[must_use]
    pub fn on(&self, platform: Platform) -> Option<&Arc<dyn Messenger>> {
        self.served.iter().find(|(served, _)| *served == platform)?.1.as_ref()
    }
}
