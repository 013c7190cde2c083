//! Who asks, and where: the subjects and channels that grants name.
//!
//! Always ids, never names: a name can be taken over by somebody else, an id cannot. Names are
//! captions.

use std::fmt;
use std::str::FromStr;

/// The longest id of a platform that is taken, in bytes. Slack advises to store ids as opaque strings of
/// up to 64 bytes; Discord's are 20 digits at most.
const LONGEST_ID: usize = 64;

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

/// Why a text is not a subject or a channel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// The text has none of the forms of a subject.
    #[error(
        "`{0}` is not a subject: write `slack:<team>:<user>`, `slack:<team>:group:<usergroup>`, \
         `discord:<guild>:<user>`, `discord:<guild>:role:<role>` or `cli:<os user>`"
    )]
    Subject(String),
    /// The text has none of the forms of a channel.
    #[error("`{0}` is not a channel: write `slack:<team>:<channel>` or `discord:<guild>:<channel>`")]
    Channel(String),
    /// The text has the form of one thing and the id of another, or is not written like an id.
    #[error("`{text}` is not the form of this id: write `{meant}`")]
    Form {
        /// The text.
        text: String,
        /// The form that its id has.
        meant: String,
    },
    /// The id is of something else.
    #[error("`{id}` is the id of {what}: give the id of {wanted}")]
    Other {
        /// The id.
        id: String,
        /// What it is the id of.
        what: &'static str,
        /// What is named here.
        wanted: &'static str,
    },
}

/// What marks a user group in the text of a subject. It is no id: `slack:<team>:group` lacks one.
const GROUP: &str = "group";

fn is_id(text: &str) -> bool {
    (1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric()) && text != GROUP
}

fn is_snowflake(text: &str) -> bool {
    !text.is_empty() && text.len() <= 20 && text.bytes().all(|b| b.is_ascii_digit())
}

/// What Slack gives an id to, as its first letter says; `None` for letters that are not known.
fn named_by(id: &str) -> Option<&'static str> {
    match id.as_bytes().first()? {
        b'U' | b'W' => Some(PERSON),
        b'S' => Some(USER_GROUP),
        b'C' | b'G' | b'D' => Some(CHANNEL),
        b'T' | b'E' => Some(WORKSPACE),
        _ => None,
    }
}

const PERSON: &str = "a person";
const USER_GROUP: &str = "a user group";
const CHANNEL: &str = "a channel";
const WORKSPACE: &str = "a workspace";

/// An id of Slack's in capitals, if it may be the id of one of these. A name is no id, however it is written.
fn in_capitals(
    id: &str,
    of: &[&str],
    wanted: &'static str,
    is_none: &impl Fn() -> InvalidId,
) -> Result<String, InvalidId> {
    let capitals = id.to_ascii_uppercase();
    match named_by(&capitals) {
        Some(what) if !of.contains(&what) => Err(InvalidId::Other { id: id.to_owned(), what, wanted }),
        None if capitals != id => Err(is_none()),
        _ if capitals != id && !id.bytes().any(|b| b.is_ascii_digit()) => Err(is_none()),
        _ => Ok(capitals),
    }
}

/// What was written, unless something else was meant.
fn as_meant<T: PartialEq + fmt::Display>(written: T, meant: &T) -> Result<T, InvalidId> {
    if written == *meant {
        return Ok(written);
    }
    Err(InvalidId::Form { text: written.to_string(), meant: meant.to_string() })
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
    #[must_use]
    pub fn slack_user(team: &str, user: &str) -> Option<Self> {
        (is_id(team) && is_id(user)).then(|| Self::SlackUser { team: team.to_owned(), user: user.to_owned() })
    }

    /// The Slack user group of these ids, likewise.
    #[must_use]
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

/// Where a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A channel of a chat platform.
    Channel(Channel),
    /// The machine that holds the database. Channels do not apply to it.
    Local,
}

impl Channel {
    /// The Slack conversation of these ids. `None` if one is no id.
    #[must_use]
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
    #[must_use]
    pub fn is_direct_message(&self) -> bool {
        matches!(self, Self::Slack { channel, .. } if channel.starts_with('D'))
    }

    /// Whether people read it who see the subject by name: they are of one platform.
    #[must_use]
    pub fn shows(&self, subject: &Subject) -> bool {
        matches!(
            (self, subject),
            (Self::Slack { .. }, Subject::SlackUser { .. } | Subject::SlackGroup { .. })
                | (Self::Discord { .. }, Subject::DiscordUser { .. } | Subject::DiscordRole { .. })
        )
    }

    /// What an id that is written without its workspace or server could be the id of, beside this channel: texts to
    /// choose from, for the text of an id does not say of what it is one.
    #[must_use]
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

impl Subject {
    /// Whether it is a group of people: a user group of Slack, or a role of Discord.
    #[must_use]
    pub fn is_group(&self) -> bool {
        matches!(self, Self::SlackGroup { .. } | Self::DiscordRole { .. })
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
    #[must_use]
    pub fn is_beside(&self, other: &Self) -> bool {
        self.tenant().is_some_and(|tenant| other.tenant() == Some(tenant))
    }

    /// Whether the subject and the channel are of the same workspace or server.
    #[must_use]
    pub fn is_of(&self, channel: &Channel) -> bool {
        self.tenant()
            == Some(match channel {
                Channel::Slack { team, .. } => ("slack", team.as_str()),
                Channel::Discord { guild, .. } => ("discord", guild.as_str()),
            })
    }
}

/// Who asks, as the platform vouches for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The person.
    pub subject: Subject,
    /// A caption for people to read; never used to decide.
    pub name: Option<String>,
    /// Groups and roles that the person is known to be in.
    pub groups: Vec<Subject>,
    /// Groups and roles that the person is known not to be in.
    pub outside: Outside,
}

/// The groups that somebody is known not to be in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outside {
    /// These alone.
    These(Vec<Subject>),
    /// Every group that they are not known to be in: the platform named all that they are in.
    AllOthers,
}

/// Whether somebody is whom a grant names, or is in the group that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// Yes.
    In,
    /// No.
    Out,
    /// Nobody can say right now.
    Unknown,
}

impl Principal {
    /// A principal without caption, of whose groups nothing is known.
    #[must_use]
    pub fn new(subject: Subject) -> Self {
        Self { subject, name: None, groups: Vec::new(), outside: Outside::These(Vec::new()) }
    }

    /// The same, in these groups and in no others.
    #[must_use]
    pub fn only_in(self, groups: Vec<Subject>) -> Self {
        Self { groups, outside: Outside::AllOthers, ..self }
    }

    /// Every subject that a grant to this principal may name: the person first, then the groups.
    pub fn subjects(&self) -> impl Iterator<Item = &Subject> {
        std::iter::once(&self.subject).chain(&self.groups)
    }

    /// Whether a grant to `subject` names this principal.
    #[must_use]
    pub fn membership(&self, subject: &Subject) -> Membership {
        if self.subjects().any(|own| own == subject) {
            return Membership::In;
        }
        let is_outside = match &self.outside {
            Outside::AllOthers => true,
            Outside::These(groups) => groups.contains(subject),
        };
        if is_outside || !subject.is_group() || !self.subject.is_beside(subject) {
            Membership::Out
        } else {
            Membership::Unknown
        }
    }
}

macro_rules! serialize_as_text {
    ($($name:ty),*) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
pub(crate) use serialize_as_text;
serialize_as_text!(Subject, Channel);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_subject_reads_back_as_it_was_written() {
        for text in ["slack:T1:U2", "slack:T1:group:S3", "discord:1:2", "discord:1:role:3", "cli:www-data"] {
            assert_eq!(text.parse::<Subject>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn the_kind_of_an_id_is_never_taken_from_its_text() {
        for id in ["group:S1", "U1:S1", "", " ", "U1 ", "<@U1>", "group"] {
            assert_eq!(Subject::slack_user("T1", id), None, "{id}");
        }
        for team in ["T1:group", "slack:T1", "T1 ", ""] {
            assert_eq!(Subject::slack_user(team, "S1"), None, "{team}");
            assert_eq!(Subject::slack_group(team, "S1"), None, "{team}");
            assert_eq!(Channel::slack(team, "C1"), None, "{team}");
        }
        for missing in
            ["slack:T1:group", "slack:group:S1", "discord:1:role", "slack:T1:group:", "slack:T1:group:S1:S2"]
        {
            assert!(missing.parse::<Subject>().is_err(), "{missing}");
        }
    }

    proptest! {
        #[test]
        fn an_id_is_of_its_kind_and_reads_back_or_is_none(team: String, id: String, odd in "[A-Z0-9:group ]{0,8}") {
            for id in [&id, &odd] {
                for team in [team.as_str(), "T1", odd.as_str()] {
                    for subject in [Subject::slack_user(team, id), Subject::slack_group(team, id)].into_iter().flatten() {
                        prop_assert_eq!(subject.to_string().parse(), Ok(subject));
                    }
                    if let Some(channel) = Channel::slack(team, id) {
                        prop_assert_eq!(channel.to_string().parse(), Ok(channel));
                    }
                }
                if let Ok(subject) = id.parse::<Subject>() {
                    prop_assert_eq!(&subject.to_string(), id);
                }
            }
        }
    }

    #[test]
    fn what_is_written_is_of_the_kind_that_its_id_says() {
        for (written, said) in [
            ("slack:T1:S1", "write `slack:T1:group:S1`"),
            ("slack:T1:group:U1", "write `slack:T1:U1`"),
            ("slack:T1:u1", "write `slack:T1:U1`"),
            ("slack:t1:group:s1", "write `slack:T1:group:S1`"),
            ("slack:t1:s1", "write `slack:T1:group:S1`"),
            ("slack:T1:C1", "`C1` is the id of a channel: give the id of a person or a user group"),
            ("slack:T1:group:G1", "`G1` is the id of a channel"),
            ("slack:T1:T1", "`T1` is the id of a workspace"),
            ("slack:U1:T1", "`U1` is the id of a person: give the id of a workspace"),
            ("slack:T1:bob", "write `slack:<team>:<user>`"),
            ("slack:T1:ursula", "write `slack:<team>:<user>`"),
            ("discord:7:role:7", "`7` is the id of the server itself"),
            ("discord:7:7", "`7` is the id of the server itself"),
        ] {
            let error = Subject::written(written).unwrap_err().to_string();
            assert!(error.contains(said), "{written}: {error}");
        }
        for (written, said) in [
            ("slack:T1:U1", "`U1` is the id of a person: give the id of a channel"),
            ("slack:T1:S1", "`S1` is the id of a user group"),
            ("slack:T1:c1", "write `slack:T1:C1`"),
            ("slack:t1:C1", "write `slack:T1:C1`"),
            ("slack:C1:T1", "`C1` is the id of a channel: give the id of a workspace"),
            ("slack:T1:mods", "write `slack:<team>:<channel>`"),
        ] {
            let error = Channel::written(written).unwrap_err().to_string();
            assert!(error.contains(said), "{written}: {error}");
        }
        for right in
            ["slack:T1:U1", "slack:E1:W1", "slack:T1:group:S1", "slack:T1:X1", "discord:7:8", "cli:ana"]
        {
            assert_eq!(Subject::written(right), right.parse(), "{right}");
        }
        for right in ["slack:T1:C1", "slack:E1:G1", "slack:T1:D1", "slack:T1:X1", "discord:7:7"] {
            assert_eq!(Channel::written(right), right.parse(), "{right}");
        }
    }

    #[test]
    fn what_is_not_a_subject_is_refused_with_the_forms() {
        for text in [
            "",
            "alice",
            "slack:T1",
            "slack:T1:",
            "slack:T1:U 2",
            "discord:1:bob",
            "cli:",
            "cli:a b",
            "web:x",
        ] {
            let error = text.parse::<Subject>().unwrap_err().to_string();
            assert!(error.contains("slack:<team>:<user>"), "{error}");
        }
    }
}
