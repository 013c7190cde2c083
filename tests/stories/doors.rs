//! The doors through which a story can run. It is written once, as if in Slack: what differs between
//! the platforms without any difference in meaning is translated here and in [`super::guild`].

use std::sync::Arc;

use room_owner::app::ports::AclChange;
use room_owner::domain::access::Setting;

use super::guild::{Guild, Member};
use serde_json::Value;

use super::reply::{Press, Reply};
use super::slack::{ADAM, ALICE, BORIS, MODS, OTTO, Person, RANDOM, RITA, Slack, TEAM};
use crate::fakes::interaction::GUILD;

/// Where commands come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Slack,
    DiscordOverHttp,
    DiscordOverTheGateway,
}

/// Tells each story at every door, each by a test of its own: `at_discord_over_http::a_story`.
macro_rules! at_every_door {
    ($($story:ident),+ $(,)?) => {
        $crate::doors::at_door!(at_slack, Slack, $($story),+);
        $crate::doors::at_door!(at_discord_over_http, DiscordOverHttp, $($story),+);
        $crate::doors::at_door!(at_discord_over_the_gateway, DiscordOverTheGateway, $($story),+);
    };
}
pub(crate) use at_every_door;

macro_rules! at_door {
    ($place:ident, $door:ident, $($story:ident),+) => {
        mod $place {
            $(
                #[tokio::test]
                async fn $story() {
                    super::$story($crate::doors::Door::$door).await;
                }
            )+
        }
    };
}
pub(crate) use at_door;

/// insta's own, for a story that runs at several doors: each has to read the same words.
macro_rules! assert_snapshot {
    ($shown:expr, @$words:literal $(,)?) => {{
        let shown = $shown.to_string();
        insta::allow_duplicates! {
            insta::assert_snapshot!(shown, @$words);
        }
    }};
}
pub(crate) use assert_snapshot;

pub(crate) const PEOPLE: [Person; 5] = [ALICE, BORIS, RITA, ADAM, OTTO];
const CHANNELS: [(&str, &str); 2] = [(MODS, "500"), (RANDOM, "501")];
/// The channels by their names.
pub(crate) const NAMED: [(&str, &str); 2] = [("mods", MODS), ("random", RANDOM)];

/// The channel's id at Discord.
pub(crate) fn at_discord(channel: &str) -> &'static str {
    CHANNELS.iter().find(|(known, _)| *known == channel).expect("a channel that is at both").1
}

/// Subjects and channels at Slack and at Discord.
fn ids() -> impl Iterator<Item = (String, String)> {
    let people = PEOPLE.iter().map(|it| (it.subject(), format!("discord:{GUILD}:{}", it.snowflake)));
    let channels =
        CHANNELS.iter().map(|(slack, id)| (format!("slack:{TEAM}:{slack}"), format!("discord:{GUILD}:{id}")));
    people.chain(channels)
}

pub(crate) fn discords(slack: &str) -> String {
    ids().find(|(known, _)| known == slack).expect("somebody who is at both").1
}

/// The same change for the people and channels of the guild.
pub(crate) fn change_at_discord(change: &AclChange) -> AclChange {
    match change.clone() {
        AclChange::Grant(mut new) => {
            new.subject = discords(&new.subject.to_string()).parse().unwrap();
            for channel in &mut new.channels {
                *channel = discords(&channel.to_string()).parse().unwrap();
            }
            AclChange::Grant(new)
        }
        AclChange::AllowChannel { channel, rooms } => {
            AclChange::AllowChannel { channel: discords(&channel.to_string()).parse().unwrap(), rooms }
        }
        AclChange::Announce { channel, rooms, for_admins } => {
            let channel = discords(&channel.to_string()).parse().unwrap();
            AclChange::Announce { channel, rooms, for_admins }
        }
        AclChange::Set(Setting::Link { person, account }) => {
            let person = discords(&person.to_string()).parse().unwrap();
            AclChange::Set(Setting::Link { person, account })
        }
        other => other,
    }
}

/// A text with the ids of Discord.
pub(crate) fn with_discords_ids(text: &str) -> String {
    ids().fold(text.to_owned(), |text, (slack, discord)| text.replace(&slack, &discord))
}

/// A text in which Discord's mentions are what its client makes of them.
pub(crate) fn by_name(text: &str) -> String {
    let people = PEOPLE.iter().map(|it| (format!("<@{}>", it.snowflake), format!("@{}", it.name)));
    let channels = NAMED.iter().map(|(name, id)| (format!("<#{}>", at_discord(id)), format!("#{name}")));
    let everyone = (format!("<@&{GUILD}>"), "@everyone".to_owned());
    let all = people.chain(channels).chain([everyone]);
    in_utc(&all.fold(text.to_owned(), |text, (mention, name)| text.replace(&mention, &name)))
}

/// A text in which Discord's times are what its client makes of them where the clock shows UTC.
fn in_utc(text: &str) -> String {
    let mut parts = text.split("<t:");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (seconds, rest) = part.split_once(":f>").unwrap();
        let at = jiff::Timestamp::from_second(seconds.parse().unwrap()).unwrap();
        shown.push_str(&at.strftime("%Y-%m-%d %H:%M UTC").to_string());
        shown.push_str(rest);
    }
    shown
}

/// A text with the ids that the same people and channels have at Slack.
pub(crate) fn with_slacks_ids(text: &str) -> String {
    ids().fold(text.to_owned(), |text, (slack, discord)| text.replace(&discord, &slack))
}

/// Somebody about to use a command, at the door of the story.
pub(crate) enum Chat {
    Slack(Slack),
    Discord(Member),
}

impl Chat {
    pub(crate) fn new(slack: Slack, guild: Option<&Arc<Guild>>, person: Person) -> Self {
        match guild {
            None => Self::Slack(slack),
            Some(guild) => Self::Discord(Member::new(Arc::clone(guild), person)),
        }
    }

    pub(crate) fn in_channel(self, channel: &str) -> Self {
        match self {
            Self::Slack(slack) => Self::Slack(slack.in_channel(channel)),
            Self::Discord(member) => Self::Discord(member.in_channel(at_discord(channel))),
        }
    }

    /// As the delivery with this id: the same one when it is sent twice.
    pub(crate) fn delivered(self, id: &str) -> Self {
        match self {
            Self::Slack(slack) => Self::Slack(slack.delivered(id)),
            Self::Discord(member) => Self::Discord(member.delivered(id)),
        }
    }

    /// Whoever it is in Discord.
    pub(crate) fn member(self) -> Member {
        match self {
            Self::Slack(_) => panic!("this is in slack"),
            Self::Discord(member) => member,
        }
    }

    /// Types the line, or fills in the command's options with what it says, and reads the answer.
    pub(crate) async fn says(self, line: &str) -> Reply {
        match self {
            Self::Slack(slack) => slack.says(line).await,
            Self::Discord(member) => member.says(line).await,
        }
    }

    /// Presses a button of a message.
    pub(crate) async fn presses(self, reply: &Reply, label: &str) -> Press {
        let name = reply.button(label);
        self.presses_named(reply, &name).await
    }

    /// Presses what passes for a button of a message.
    pub(crate) async fn presses_named(self, reply: &Reply, name: &Value) -> Press {
        match self {
            Self::Slack(slack) => slack.presses(reply, name).await,
            Self::Discord(member) => member.presses(reply, name).await,
        }
    }

    /// Sends a delivery of which there is another copy. Slack's is answered; in Discord the one answer belongs
    /// to whichever came first, and [`Self::reads`] it.
    pub(crate) async fn repeats(self, line: &str) -> Option<Reply> {
        match self {
            Self::Slack(slack) => Some(slack.says(line).await),
            Self::Discord(member) => {
                member.sends_again(line).await;
                None
            }
        }
    }

    /// Reads the one answer to copies that were all [`Self::repeats`] in Discord.
    pub(crate) async fn reads(self, line: &str) -> Option<Reply> {
        match self {
            Self::Slack(_) => None,
            Self::Discord(member) => Some(member.reads(line).await),
        }
    }
}
