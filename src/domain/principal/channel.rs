//! Where commands are typed.

use std::fmt;
use std::str::FromStr;

use super::id::{CHANNEL, InvalidId, WORKSPACE, as_meant, in_capitals, is_id, is_snowflake};

/// A place where commands are typed: the second half of every decision.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    /// `slack:<team>:<channel>`
    Slack {
        /// The workspace.
        team: String,
        /// The conversation: `C…`, `G…` or, for a direct message, `D…`.
        channel: String,
    },
    /// `discord:<guild>:<channel>`
    Discord {
        /// The guild's snowflake.
        guild: String,
        /// The channel's snowflake (of a thread: its parent's).
        channel: String,
    },
}

impl Channel {
    /// The Slack conversation of these ids. `None` if one is no id.
    pub fn slack(team: &str, channel: &str) -> Option<Self> {
        (is_id(team) && is_id(channel))
            .then(|| Self::Slack { team: team.to_owned(), channel: channel.to_owned() })
    }

    /// The channel that somebody writes, likewise.
    ///
    /// # Errors
    /// When it has none of the forms, or its id is of something else.
    pub fn written(text: &str) -> Result<Self, InvalidId> {
        let channel: Self = text.parse()?;
        let Self::Slack { team, channel: id } = &channel else { return Ok(channel) };
        let is_none = || InvalidId::Channel(text.to_owned());
        let meant = Self::Slack {
            team: in_capitals(team, &[WORKSPACE], WORKSPACE, &is_none)?,
            channel: in_capitals(id, &[CHANNEL], CHANNEL, &is_none)?,
        };
        as_meant(channel, &meant)
    }

    /// Whether it is a direct message: people write to the app there, and to nobody else.
    pub fn is_direct_message(&self) -> bool {
        matches!(self, Self::Slack { channel, .. } if channel.starts_with('D'))
    }

    /// The id that is written without its workspace or server, beside this channel, where it can be the id of one thing
    /// alone.
    pub fn id_beside(&self, text: &str) -> Option<String> {
        let [only] = self.ids_beside(text).try_into().ok()?;
        // An id is written in capitals; a name need not be.
        (!text.contains(|c: char| c.is_ascii_lowercase())).then_some(only)
    }

    /// What an id that is written without its workspace or server could be the id of, beside this channel: texts to
    /// choose from, for the text of an id does not say of what it is one.
    pub fn ids_beside(&self, text: &str) -> Vec<String> {
        let id = text.trim_matches(|c| "<>@!&#,".contains(c)).to_ascii_uppercase();
        if !is_id(&id) || id.len() < 5 || !id.bytes().any(|b| b.is_ascii_digit()) {
            return Vec::new();
        }
        match (self, id.as_bytes()[0]) {
            (Self::Slack { team, .. }, b'S') => vec![format!("slack:{team}:group:{id}")],
            (Self::Slack { team, .. }, b'U' | b'W' | b'C' | b'G' | b'D') => {
                vec![format!("slack:{team}:{id}")]
            }
            (Self::Discord { guild, .. }, _) if is_snowflake(&id) && id.len() >= 15 => {
                vec![format!("discord:{guild}:{id}"), format!("discord:{guild}:role:{id}")]
            }
            _ => Vec::new(),
        }
    }
}

impl FromStr for Channel {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId::Channel(text.to_owned());
        let parts: Vec<&str> = text.split(':').collect();
        match parts.as_slice() {
            ["slack", team, channel] => Self::slack(team, channel).ok_or_else(invalid),
            ["discord", guild, channel] if is_snowflake(guild) && is_snowflake(channel) => {
                Ok(Self::Discord { guild: (*guild).to_owned(), channel: (*channel).to_owned() })
            }
            _ => Err(invalid()),
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slack { team, channel } => write!(f, "slack:{team}:{channel}"),
            Self::Discord { guild, channel } => write!(f, "discord:{guild}:{channel}"),
        }
    }
}
