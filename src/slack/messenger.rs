//! Messages with the bot's own token: `chat.postMessage` and `chat.postEphemeral`, scope
//! `chat:write` (docs.slack.dev/reference/methods/chat.postEphemeral).

use async_trait::async_trait;
use serde_json::Value;

use super::Settings;
use super::render::{announced, fields, render};
use super::web_api::{CallError, WebApi};
use crate::app::replies::{Messenger, Notification, SendError};
use crate::domain::announcement::Announcement;
use crate::domain::principal::{Channel, Subject};
use crate::domain::reply::Reply;
use crate::domain::wording::CommandName;
use crate::redact::Redactor;

/// The bot, or the person, is not in the channel, or it takes no messages: send a direct message.
const NOT_THERE: [&str; 7] = [
    "not_in_channel",
    "channel_not_found",
    "user_not_in_channel",
    "is_archived",
    "restricted_action",
    "restricted_action_read_only_channel",
    "no_permission",
];
/// Temporary errors of Slack.
const MAY_PASS: [&str; 5] =
    ["fatal_error", "internal_error", "request_timeout", "service_unavailable", "http_status_408"];

/// Sends messages as the bot.
pub struct SlackMessenger {
    api: WebApi,
    command: CommandName,
    private_replies: bool,
}

impl SlackMessenger {
    /// With the bot's token; `None` without one.
    ///
    /// # Errors
    /// When no TLS can be set up.
    pub fn new(settings: &Settings, redactor: Redactor) -> anyhow::Result<Option<Self>> {
        let Some(lookup) = &settings.groups else { return Ok(None) };
        Ok(Some(Self {
            api: WebApi::new(lookup.base_url.clone(), lookup.token.clone(), redactor)?,
            command: settings.command.clone(),
            private_replies: settings.private_replies,
        }))
    }
}

impl SlackMessenger {
    /// Sends an announcement by a method: the conversation that it is in, and its `ts`.
    async fn say(
        &self,
        method: &str,
        to: &[(&str, &str)],
        announcement: &Announcement,
    ) -> Result<(Option<String>, Option<String>), CallError> {
        let message = fields(&announced(announcement, &self.command));
        let message = message.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let all: Vec<_> = to.iter().copied().chain(message).collect();
        self.api.posted(method, &all).await
    }

    /// Shows somebody a form (docs.slack.dev/reference/methods/views.open). What they did less than 3 s ago allows it.
    pub(super) async fn open(&self, trigger: &str, view: &Value) -> Result<(), CallError> {
        self.api.open_view(trigger, &view.to_string()).await
    }
}

#[async_trait]
impl Messenger for SlackMessenger {
    async fn send(&self, notification: &Notification) -> Result<Option<String>, SendError> {
        let (Subject::SlackUser { user, .. }, Channel::Slack { channel, .. }) =
            (&notification.to, &notification.channel)
        else {
            return Err(SendError::Permanent("who asked is nobody in slack".to_owned()));
        };
        let say = async |method: &str, to: &[(&str, &str)], reply: &Reply| {
            let message = fields(&render(reply, &self.command, self.private_replies));
            let message = message.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let all: Vec<_> = to.iter().copied().chain(message).collect();
            self.api.post(method, &all).await
        };
        let reply = &notification.reply;
        let is_public = reply.is_public(self.private_replies);
        let said = if is_public {
            say("chat.postMessage", &[("channel", channel)], reply).await
        } else {
            say("chat.postEphemeral", &[("channel", channel), ("user", user)], reply).await
        };
        match said {
            Err(CallError::Refused(error)) if NOT_THERE.contains(&error.as_str()) => {
                // A person's id in the place of a channel's is their conversation with the bot. Nobody may do anything
                // from there.
                let reply = reply.clone().without_buttons();
                say("chat.postMessage", &[("channel", user)], &reply).await.map_err(send_error)?;
                Ok(None)
            }
            said => said.map_err(send_error).map(|message| message.filter(|_| is_public)),
        }
    }

    async fn post(
        &self,
        channel: &Channel,
        announcement: &Announcement,
        _key: &str,
    ) -> Result<Option<String>, SendError> {
        let Channel::Slack { channel, .. } = channel else {
            return Err(SendError::Permanent("the channel is none of slack".to_owned()));
        };
        let posted = self.say("chat.postMessage", &[("channel", channel)], announcement).await;
        posted.map(|(_, message)| message).map_err(|error| match send_error(error) {
            SendError::Permanent(why) => SendError::Permanent(format!("{why}: {}", remedy(&why))),
            other => other,
        })
    }

    async fn write_to(
        &self,
        person: &Subject,
        announcement: &Announcement,
        _key: &str,
    ) -> Result<Option<(Channel, String)>, SendError> {
        let Subject::SlackUser { team, user } = person else {
            return Err(SendError::Permanent("the person is nobody in slack".to_owned()));
        };
        // A person's id in the place of a channel's is their conversation with the bot.
        let said = self.say("chat.postMessage", &[("channel", user)], announcement).await;
        let (channel, message) = said.map_err(send_error)?;
        Ok(channel.and_then(|channel| Channel::slack(team, &channel)).zip(message))
    }

    async fn replace(
        &self,
        channel: &Channel,
        message: &str,
        announcement: &Announcement,
    ) -> Result<(), SendError> {
        let Channel::Slack { channel, .. } = channel else {
            return Err(SendError::Permanent("the channel is none of slack".to_owned()));
        };
        let which = [("channel", channel.as_str()), ("ts", message)];
        self.say("chat.update", &which, announcement).await.map(drop).map_err(send_error)
    }

    fn shows_replies(&self) -> bool {
        !self.private_replies
    }
}

/// What an admin does about a channel that takes no message.
fn remedy(why: &str) -> &'static str {
    let says = |error: &str| why.ends_with(error);
    if says("not_in_channel") || says("channel_not_found") {
        "invite the bot to the channel"
    } else if says("missing_scope") {
        "give the app the scope chat:write and install it anew"
    } else if says("is_archived") {
        "the channel is archived; announce in another one"
    } else {
        "let the bot post there, or announce in another channel"
    }
}

fn send_error(error: CallError) -> SendError {
    match error {
        CallError::Later(after) => SendError::Temporary {
            why: "slack asked for a pause".to_owned(),
            after: Some(after),
            is_unclear: false,
        },
        CallError::Refused(error) if MAY_PASS.contains(&error.as_str()) => {
            SendError::Temporary { why: format!("slack answered {error}"), after: None, is_unclear: true }
        }
        CallError::Refused(error) => SendError::Permanent(format!("slack answered {error}")),
        CallError::Unanswered(why) | CallError::Unusable(why) => SendError::Temporary {
            why: format!("slack did not answer: {why}"),
            after: None,
            is_unclear: true,
        },
    }
}
