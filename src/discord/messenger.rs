//! Messages with the bot's own token: in the channel or thread that may see it, else in a direct
//! message (docs.discord.com/developers/resources/user, "Create DM").

use async_trait::async_trait;
use serde_json::json;

use super::payload::snowflake;
use super::rest::{Failure, Rest};
use super::{Settings, render};
use crate::app::replies::{Messenger, Notification, SendError};
use crate::domain::principal::Subject;
use crate::domain::reply::Reply;
use crate::domain::wording::CommandName;
use crate::redact::Redactor;

/// Sends messages as the bot.
pub struct DiscordMessenger {
    rest: Rest,
    command: CommandName,
}

impl DiscordMessenger {
    /// With the bot's token; `None` without one.
    ///
    /// # Errors
    /// When no TLS can be set up.
    pub fn new(settings: &Settings, redactor: Redactor) -> anyhow::Result<Option<Self>> {
        if settings.bot_token.is_none() {
            return Ok(None);
        }
        Ok(Some(Self { rest: settings.rest(redactor)?, command: settings.command.clone() }))
    }
}

#[async_trait]
impl Messenger for DiscordMessenger {
    async fn send(&self, notification: &Notification) -> Result<(), SendError> {
        let Subject::DiscordUser { user, .. } = &notification.to else {
            return Err(SendError::Permanent("who asked is nobody in discord".to_owned()));
        };
        let message = |reply: &Reply| {
            let mut message = render::message(reply, &self.command);
            if let Some(operation) = reply.operation() {
                // A repetition within minutes is not shown twice ("Create Message", `enforce_nonce`).
                message["nonce"] = json!(format!("room-owner-{operation}"));
                message["enforce_nonce"] = json!(true);
            }
            message
        };
        if let Some(channel) = &notification.public_in {
            match self.rest.post_to_channel(channel, &message(&notification.reply)).await {
                // The channel is gone, or the bot may not speak there.
                Err(Failure::Refused { status: 403 | 404, .. }) => {}
                posted => return posted.map_err(send_error),
            }
        }
        let channel = self.rest.direct_channel(user).await.map_err(send_error)?;
        let channel = snowflake(&channel["id"]).ok_or_else(|| {
            SendError::Permanent("discord named no channel for a direct message".to_owned())
        })?;
        // A press outside of a server is refused.
        let message = message(&notification.reply.clone().without_buttons());
        self.rest.post_to_channel(&channel, &message).await.map_err(send_error)
    }
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
