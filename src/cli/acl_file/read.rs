//! Reading the file.

use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::File;
use crate::domain::access::plan::{Wanted, WantedAnnouncement, WantedChannel, WantedGrant, WantedSetting};
use crate::domain::access::{Effect, Mark, NewGrant, Role, RoomScope, Setting};
use crate::domain::command::clean_reason;
use crate::domain::principal::{Channel, InvalidId, Subject};
use crate::domain::room::AccountId;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: Option<i64>,
    #[serde(default)]
    channel: Vec<ChannelTable>,
    #[serde(default)]
    announcement: Vec<AnnouncementTable>,
    #[serde(default)]
    link: Vec<LinkTable>,
    #[serde(default)]
    room: Vec<RoomTable>,
    #[serde(default)]
    grant: Vec<GrantTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChannelTable {
    channel: Written<Channel>,
    #[serde(default = "every_room")]
    rooms: RoomScope,
    #[serde(default, deserialize_with = "reason")]
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnnouncementTable {
    channel: Written<Channel>,
    #[serde(default = "every_room")]
    rooms: RoomScope,
    #[serde(default)]
    admin: bool,
    #[serde(default, deserialize_with = "reason")]
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LinkTable {
    person: Written<Subject>,
    #[serde(deserialize_with = "account")]
    account: AccountId,
    #[serde(default, deserialize_with = "reason")]
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoomTable {
    rooms: RoomScope,
    mark: Mark,
    #[serde(default, deserialize_with = "reason")]
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GrantTable {
    subject: Written<Subject>,
    role: Role,
    #[serde(default = "permit")]
    effect: Effect,
    #[serde(default = "every_room")]
    rooms: RoomScope,
    #[serde(default)]
    channels: Vec<Written<Channel>>,
    #[serde(default, deserialize_with = "time")]
    expires_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "reason")]
    reason: Option<String>,
}

/// An id like one that is typed.
#[derive(Deserialize)]
#[serde(try_from = "String", bound = "Self: TryFrom<String, Error = InvalidId>")]
struct Written<T>(T);

impl TryFrom<String> for Written<Subject> {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        Subject::written(&text).map(Self)
    }
}

impl TryFrom<String> for Written<Channel> {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        Channel::written(&text).map(Self)
    }
}

/// A reason like one that is typed.
fn reason<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    clean_reason(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// A time, in quotes or as TOML's own; in whole milliseconds, as the ACL keeps it.
fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Quoted(String),
        Bare(toml::value::Datetime),
    }
    let text = match Written::deserialize(deserializer) {
        Ok(Written::Quoted(text)) => text,
        Ok(Written::Bare(time)) => time.to_string(),
        Err(_) => return Err(D::Error::custom("this is not a time: write \"2026-12-01T08:00:00Z\"")),
    };
    let wrong = || D::Error::custom(format!("`{text}` is not a time: write \"2026-12-01T08:00:00Z\""));
    let time: Timestamp = text.parse().map_err(|_| wrong())?;
    Timestamp::from_millisecond(time.as_millisecond()).map(Some).map_err(|_| wrong())
}

/// An account like one that is typed.
fn account<'de, D: Deserializer<'de>>(deserializer: D) -> Result<AccountId, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

fn every_room() -> RoomScope {
    RoomScope::All
}

fn permit() -> Effect {
    Effect::Permit
}

/// Reads a file. The error names line and column, and shows the line.
pub(in crate::cli) fn read(text: &str) -> Result<File, String> {
    let document: Document = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
    let channels = document.channel.into_iter().map(|table| WantedChannel {
        channel: table.channel.0,
        rooms: table.rooms,
        reason: table.reason,
    });
    let announcements = document.announcement.into_iter().map(|table| WantedAnnouncement {
        channel: table.channel.0,
        rooms: table.rooms,
        for_admins: table.admin,
        reason: table.reason,
    });
    let links = document.link.into_iter().map(|table| WantedSetting {
        setting: Setting::Link { person: table.person.0, account: table.account },
        reason: table.reason,
    });
    let marks = document.room.into_iter().map(|table| WantedSetting {
        setting: Setting::Mark { rooms: table.rooms, mark: table.mark },
        reason: table.reason,
    });
    let grants = document.grant.into_iter().map(|table| {
        let mut channels: Vec<Channel> = table.channels.iter().map(|channel| channel.0.clone()).collect();
        channels.sort();
        channels.dedup();
        let GrantTable { subject: Written(subject), role, effect, rooms, expires_at, reason, .. } = table;
        WantedGrant { grant: NewGrant { subject, role, effect, rooms, channels, expires_at }, reason }
    });
    Ok(File {
        version: document.version,
        wanted: Wanted {
            grants: grants.collect(),
            channels: channels.collect(),
            announcements: announcements.collect(),
            settings: links.chain(marks).collect(),
        },
    })
}
