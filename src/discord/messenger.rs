//! Messages with the bot's own token: in the channel or thread that may see it, else in a direct
//! message (docs.discord.com/developers/resources/user, "Create DM").

use async_trait::async_trait;
use serde_json::{Value, json};

use super::payload::snowflake;
use super::rest::{Failure, Rest};
use super::{Settings, render};
use crate::app::replies::{Messenger, Notification, SendError};
use crate::domain::announcement::Announcement;
use crate::domain::principal::{Channel, Subject};
use crate::domain::reply::Reply;
use crate::domain::wording::CommandName;
use crate::redact::Redactor;

/// Sends messages as the bot.
pub struct DiscordMessenger {
    rest: Rest,
    command: CommandName,
    private_replies: bool,
}

/// In characters ("Create Message").
const LONGEST_NONCE: usize = 25;

impl DiscordMessenger {
    /// With the bot's token; `None` without one.
    ///
    /// # Errors
    /// When no TLS can be set up.
    pub fn new(settings: &Settings, redactor: Redactor) -> anyhow::Result<Option<Self>> {
        if settings.bot_token.is_none() {
            return Ok(None);
        }
        let (command, private_replies) = (settings.command.clone(), settings.private_replies);
        Ok(Some(Self { rest: settings.rest(redactor)?, command, private_replies }))
    }
}

impl DiscordMessenger {
    /// The channel of the bot's direct messages with somebody.
    async fn direct_channel(&self, user: &str) -> Result<String, SendError> {
        let channel = self.rest.direct_channel(user).await.map_err(send_error)?;
        snowflake(&channel["id"])
            .ok_or_else(|| SendError::Permanent("discord named no channel for a direct message".to_owned()))
    }
}

#[async_trait]
impl Messenger for DiscordMessenger {
    async fn send(&self, notification: &Notification) -> Result<Option<String>, SendError> {
        let Subject::DiscordUser { user, .. } = &notification.to else {
            return Err(SendError::Permanent("who asked is nobody in discord".to_owned()));
        };
        let message = |reply: &Reply| {
            let mut message = render::message(reply, &self.command);
            if let Some(operation) = reply.operation() {
                once(&mut message, &operation.to_string());
            }
            message
        };
        if let Some(channel) = &notification.public_in {
            match self.rest.post_to_channel(channel, &message(&notification.reply)).await {
                // The channel is gone, or the bot may not speak there.
                Err(Failure::Refused { status: 403 | 404, .. }) => {}
                posted => {
                    // A thread is not its channel.
                    let is_there = matches!(&notification.channel, Channel::Discord { channel: here, .. } if here == channel);
                    return posted.map_err(send_error).map(|message| message.filter(|_| is_there));
                }
            }
        }
        let channel = self.direct_channel(user).await?;
        // A press outside of a server is refused.
        let message = message(&notification.reply.clone().without_buttons());
        self.rest.post_to_channel(&channel, &message).await.map_err(send_error)?;
        Ok(None)
    }

    async fn post(
        &self,
        channel: &Channel,
        announcement: &Announcement,
        key: &str,
    ) -> Result<Option<String>, SendError> {
        let Channel::Discord { channel, .. } = channel else {
            return Err(SendError::Permanent("the channel is none of discord".to_owned()));
        };
        let mut message = render::announced(announcement, &self.command);
        once(&mut message, key);
        self.rest.post_to_channel(channel, &message).await.map_err(|failure| match failure {
            Failure::Refused { status: 403 | 404, .. } => SendError::Permanent(format!(
                "{failure}: give the bot View Channel, Send Messages and Embed Links in the channel"
            )),
            other => send_error(other),
        })
    }

    async fn write_to(
        &self,
        person: &Subject,
        announcement: &Announcement,
        key: &str,
    ) -> Result<Option<(Channel, String)>, SendError> {
        let Subject::DiscordUser { guild, user } = person else {
            return Err(SendError::Permanent("the person is nobody in discord".to_owned()));
        };
        let channel = self.direct_channel(user).await?;
        let mut message = render::announced(announcement, &self.command);
        once(&mut message, key);
        let message = self.rest.post_to_channel(&channel, &message).await.map_err(send_error)?;
        Ok(message.map(|message| (Channel::Discord { guild: guild.clone(), channel }, message)))
    }

    async fn replace(
        &self,
        channel: &Channel,
        message: &str,
        announcement: &Announcement,
    ) -> Result<(), SendError> {
        let Channel::Discord { channel, .. } = channel else {
            return Err(SendError::Permanent("the channel is none of discord".to_owned()));
        };
        let body = render::announced(announcement, &self.command);
        self.rest.edit_in_channel(channel, message, &body).await.map_err(send_error)
    }

    fn shows_replies(&self) -> bool {
        !self.private_replies
    }
}

/// A repetition within minutes is not shown twice ("Create Message", `enforce_nonce`).
fn once(message: &mut Value, key: &str) {
    message["nonce"] = json!(format!("room-owner-{key}").chars().take(LONGEST_NONCE).collect::<String>());
    message["enforce_nonce"] = json!(true);
}

fn send_error(failure: Failure) -> SendError {
    if !failure.may_pass() {
        return SendError::Permanent(failure.to_string());
    }
    SendError::Temporary {
        why: failure.to_string(),
        after: failure.retry_after(),
        is_unclear: failure.is_unclear(),
    }
}
