//! People and groups of people.

use std::fmt;
use std::str::FromStr;

use super::channel::Channel;
use super::id::{
    GROUP, InvalidId, LONGEST_ID, PERSON, USER_GROUP, WORKSPACE, as_meant, in_capitals, is_id, is_snowflake,
    named_by,
};

/// A person, or a group of people, as a platform vouches for them: the left side of a grant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// `slack:<team>:<user>`
    SlackUser {
        /// The workspace, `T…` (or `E…` for an organisation).
        team: String,
        /// The user, `U…` or `W…`.
        user: String,
    },
    /// `slack:<team>:group:<usergroup>`
    SlackGroup {
        /// The workspace.
        team: String,
        /// The user group, `S…`.
        group: String,
    },
    /// `discord:<guild>:<user>`
    DiscordUser {
        /// The guild's snowflake.
        guild: String,
        /// The user's snowflake.
        user: String,
    },
    /// `discord:<guild>:role:<role>`
    DiscordRole {
        /// The guild's snowflake.
        guild: String,
        /// The role's snowflake.
        role: String,
    },
    /// `cli:<os user>`: somebody who is logged in to the machine that holds the database.
    Cli {
        /// The operating system's name of the user.
        user: String,
    },
}

/// Names of the operating system's users are looser than ids: `www-data`, `ana.b`, `DOMAIN\ana`.
fn is_os_user(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= LONGEST_ID
        && !text.chars().any(|c| c.is_control() || c.is_whitespace() || c == ':')
}

impl Subject {
    /// The Slack user of these ids. `None` if one is no id: what kind of subject it is, is never taken from the
    /// text of an id.
    pub fn slack_user(team: &str, user: &str) -> Option<Self> {
        (is_id(team) && is_id(user)).then(|| Self::SlackUser { team: team.to_owned(), user: user.to_owned() })
    }

    /// The Slack user group of these ids, likewise.
    pub fn slack_group(team: &str, group: &str) -> Option<Self> {
        (is_id(team) && is_id(group))
            .then(|| Self::SlackGroup { team: team.to_owned(), group: group.to_owned() })
    }

    /// The subject that somebody writes: the id has to be of its kind, as far as an id says of what it is one. What a
    /// platform vouches for is not judged by that.
    ///
    /// # Errors
    /// When it has none of the forms, or another than its id.
    pub fn written(text: &str) -> Result<Self, InvalidId> {
        let subject: Self = text.parse()?;
        let is_none = || InvalidId::Subject(text.to_owned());
        let meant = match &subject {
            Self::SlackUser { team, user: id } | Self::SlackGroup { team, group: id } => {
                let team = in_capitals(team, &[WORKSPACE], WORKSPACE, &is_none)?;
                let id = in_capitals(id, &[PERSON, USER_GROUP], "a person or a user group", &is_none)?;
                match named_by(&id) {
                    Some(USER_GROUP) => Self::SlackGroup { team, group: id },
                    Some(_) => Self::SlackUser { team, user: id },
                    None => return Ok(subject),
                }
            }
            Self::DiscordUser { guild, user: id } | Self::DiscordRole { guild, role: id } if guild == id => {
                let (id, what) = (id.clone(), "the server itself, and of @everyone there");
                return Err(InvalidId::Other { id, what, wanted: "a person or another role" });
            }
            _ => return Ok(subject),
        };
        as_meant(subject, &meant)
    }

    /// Whether it is a group of people: a user group of Slack, or a role of Discord.
    pub fn is_group(&self) -> bool {
        matches!(self, Self::SlackGroup { .. } | Self::DiscordRole { .. })
    }

    /// Whether it is a person of a chat.
    pub fn is_chat_user(&self) -> bool {
        matches!(self, Self::SlackUser { .. } | Self::DiscordUser { .. })
    }

    /// The platform and the workspace or server there; `None` at the command line.
    fn tenant(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::SlackUser { team, .. } | Self::SlackGroup { team, .. } => Some(("slack", team)),
            Self::DiscordUser { guild, .. } | Self::DiscordRole { guild, .. } => Some(("discord", guild)),
            Self::Cli { .. } => None,
        }
    }

    /// Whether both are of the same workspace or server.
    pub fn is_beside(&self, other: &Self) -> bool {
        self.tenant().is_some_and(|tenant| other.tenant() == Some(tenant))
    }

    /// Whether the subject and the channel are of the same workspace or server.
    pub fn is_of(&self, channel: &Channel) -> bool {
        self.tenant()
            == Some(match channel {
                Channel::Slack { team, .. } => ("slack", team.as_str()),
                Channel::Discord { guild, .. } => ("discord", guild.as_str()),
            })
    }
}

impl Channel {
    /// Whether people read it who see the subject by name: they are of one platform.
    pub fn shows(&self, subject: &Subject) -> bool {
        matches!(
            (self, subject),
            (Self::Slack { .. }, Subject::SlackUser { .. } | Subject::SlackGroup { .. })
                | (Self::Discord { .. }, Subject::DiscordUser { .. } | Subject::DiscordRole { .. })
        )
    }
}

impl FromStr for Subject {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let owned = |s: &str| s.to_owned();
        let invalid = || InvalidId::Subject(text.to_owned());
        let parts: Vec<&str> = text.split(':').collect();
        match parts.as_slice() {
            ["slack", team, user] => Self::slack_user(team, user).ok_or_else(invalid),
            ["slack", team, GROUP, group] => Self::slack_group(team, group).ok_or_else(invalid),
            ["discord", guild, user] if is_snowflake(guild) && is_snowflake(user) => {
                Ok(Self::DiscordUser { guild: owned(guild), user: owned(user) })
            }
            ["discord", guild, "role", role] if is_snowflake(guild) && is_snowflake(role) => {
                Ok(Self::DiscordRole { guild: owned(guild), role: owned(role) })
            }
            ["cli", user] if is_os_user(user) => Ok(Self::Cli { user: owned(user) }),
            _ => Err(invalid()),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SlackUser { team, user } => write!(f, "slack:{team}:{user}"),
            Self::SlackGroup { team, group } => write!(f, "slack:{team}:group:{group}"),
            Self::DiscordUser { guild, user } => write!(f, "discord:{guild}:{user}"),
            Self::DiscordRole { guild, role } => write!(f, "discord:{guild}:role:{role}"),
            Self::Cli { user } => write!(f, "cli:{user}"),
        }
    }
}
