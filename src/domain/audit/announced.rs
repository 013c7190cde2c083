//! Announcements that were posted, and where they are found.

use serde::{Deserialize, Serialize};

use crate::domain::principal::{Channel, Subject};

/// What became of an announcement of an operation in a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Announced {
    /// The channel.
    pub channel: Channel,
    /// The number of the event that was announced.
    pub event: i64,
    /// The platform's id of the message; `None` if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Why it was given up, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Who got it as a direct message, in the place of everybody in the channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Subject>,
}

impl Announced {
    /// The address at which the message is found; `None` if there is none.
    pub fn link(&self) -> Option<String> {
        // Nobody else finds a direct message.
        let message = self.message.as_ref().filter(|_| self.to.is_none())?;
        Some(match &self.channel {
            Channel::Slack { channel, .. } => {
                format!("https://slack.com/archives/{channel}/p{}", message.replace('.', ""))
            }
            Channel::Discord { guild, channel } => {
                format!("https://discord.com/channels/{guild}/{channel}/{message}")
            }
        })
    }
}

/// The links of those that were posted.
pub(super) fn serialize_links<S: serde::Serializer>(
    announced: &[Announced],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(announced.iter().filter_map(Announced::link))
}

/// Whether none was posted.
pub(super) fn has_no_link(announced: &[Announced]) -> bool {
    announced.iter().all(|one| one.link().is_none())
}
