//! The ACL as a TOML file.
//!
//! ```toml
//! version = 17
//!
//! [[channel]]
//! channel = "slack:T0123456789:C0123456789"
//! rooms = "live-*"
//!
//! [[announcement]]
//! channel = "slack:T0123456789:C9876543210"
//! admin = true
//!
//! [[grant]]
//! subject = "slack:T0123456789:U0123456789"
//! role = "moderator"
//! expires_at = "2026-12-01T08:00:00Z"
//! reason = "night shift"
//! ```
//!
//! What is not said is the usual: every room, permit, every authorised channel, no end.

use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::cli::WrongUsage;
use crate::domain::access::plan::{Wanted, WantedAnnouncement, WantedChannel, WantedGrant};
use crate::domain::access::{AclView, Effect, NewGrant, Role, RoomScope, is_live, is_open};
use crate::domain::audit::millis;
use crate::domain::command::clean_reason;
use crate::domain::principal::{Channel, InvalidId, Subject};
use crate::domain::reply::Names;
use crate::domain::room::visible;

/// A file, read.
#[derive(Debug, PartialEq)]
pub(super) struct File {
    /// The version of the ACL that it was exported at.
    pub(super) version: Option<i64>,
    /// What the ACL is to be.
    pub(super) wanted: Wanted,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: Option<i64>,
    #[serde(default)]
    channel: Vec<ChannelTable>,
    #[serde(default)]
    announcement: Vec<AnnouncementTable>,
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

fn every_room() -> RoomScope {
    RoomScope::All
}

fn permit() -> Effect {
    Effect::Permit
}

/// Reads a file. The error names line and column, and shows the line.
pub(super) fn read(text: &str) -> Result<File, String> {
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
        },
    })
}

/// The largest file that is read, in bytes: a hundred thousand grants.
const LARGEST: u64 = 64 * 1_024 * 1_024;

/// Reads the file at a path.
///
/// # Errors
/// When it cannot be read, or is no ACL.
pub(super) fn open(path: &Path) -> anyhow::Result<File> {
    let shown = path.display();
    let file = std::fs::File::open(path).with_context(|| format!("`{shown}` cannot be read"))?;
    let mut bytes = Vec::new();
    // What a device says about its size is nothing to rely on.
    file.take(LARGEST + 1).read_to_end(&mut bytes).with_context(|| format!("`{shown}` cannot be read"))?;
    if bytes.len() as u64 > LARGEST {
        let most = LARGEST / 1_024 / 1_024;
        return Err(WrongUsage(format!("`{shown}` is too large for an ACL: more than {most} MB")).into());
    }
    let text = String::from_utf8(bytes).map_err(|_| WrongUsage(format!("`{shown}` is not UTF-8 text")))?;
    let wrong =
        |error: String| format!("`{shown}` is not an ACL:\n{}", crate::domain::room::visible_lines(&error));
    read(&text).map_err(|error| WrongUsage(wrong(error)).into())
}

/// Writes what holds now, in an order that depends on nothing else.
pub(super) fn write(acl: &AclView, names: &Names, now: Timestamp) -> String {
    let AclView { version, grants, channels, announcements, settings: _ } = acl;
    let mut text = format!(
        "# The ACL of room-owner: `room-owner acl plan` shows what an edit of this file would change,\n\
         # `room-owner acl apply` makes it so.\n\
         version = {version}\n"
    );
    let mut channels: Vec<_> = channels.iter().filter(|entry| is_open(entry, now)).collect();
    channels.sort_by(|a, b| a.channel.cmp(&b.channel));
    for entry in channels {
        text.push_str("\n[[channel]]\n");
        field(&mut text, "channel", &entry.channel);
        if entry.rooms != RoomScope::All {
            field(&mut text, "rooms", &entry.rooms);
        }
        if let Some(reason) = &entry.reason {
            field(&mut text, "reason", reason);
        }
    }
    let mut announcements: Vec<_> = announcements.iter().filter(|entry| entry.is_live(now)).collect();
    announcements.sort_by(|a, b| a.channel.cmp(&b.channel));
    for entry in announcements {
        text.push_str("\n[[announcement]]\n");
        field(&mut text, "channel", &entry.channel);
        if entry.rooms != RoomScope::All {
            field(&mut text, "rooms", &entry.rooms);
        }
        if entry.for_admins {
            text.push_str("admin = true\n");
        }
        if let Some(reason) = &entry.reason {
            field(&mut text, "reason", reason);
        }
    }
    let mut grants: Vec<_> = grants.iter().filter(|grant| is_live(grant, now)).collect();
    grants.sort_by_key(|grant| {
        (
            grant.subject.clone(),
            grant.role.name(),
            grant.effect.name(),
            grant.rooms.to_string(),
            grant.expires_at,
            grant.id,
        )
    });
    for grant in grants {
        text.push_str("\n[[grant]]\n");
        if let Some(name) = names.get(&grant.subject) {
            text.push_str(&format!("# {}\n", visible(name)));
        }
        field(&mut text, "subject", &grant.subject);
        field(&mut text, "role", &grant.role);
        if grant.effect == Effect::Deny {
            field(&mut text, "effect", &grant.effect.name());
        }
        if grant.rooms != RoomScope::All {
            field(&mut text, "rooms", &grant.rooms);
        }
        if !grant.channels.is_empty() {
            let mut channels = grant.channels.clone();
            channels.sort();
            let channels: Vec<String> = channels.iter().map(|channel| quoted(&channel.to_string())).collect();
            text.push_str(&format!("channels = [{}]\n", channels.join(", ")));
        }
        if let Some(end) = grant.expires_at {
            field(&mut text, "expires_at", &millis(end));
        }
        if let Some(reason) = &grant.reason {
            field(&mut text, "reason", reason);
        }
    }
    text
}

fn field(text: &mut String, name: &str, value: &dyn std::fmt::Display) {
    text.push_str(&format!("{name} = {}\n", quoted(&value.to_string())));
}

/// A TOML string on one line. What cannot be seen is escaped.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            c if crate::domain::room::is_invisible(c) => quoted.push_str(&format!("\\U{:08X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::access::{AnnouncementChannel, AuthorisedChannel, Grant};
    use proptest::prelude::*;

    #[test]
    fn what_is_wrong_is_named_with_line_and_column() {
        let wrong = |text: &str| read(text).unwrap_err();
        insta::assert_snapshot!(wrong("[[grant]]\nsubject = \"slack:T1:U1\"\nrole = \"boss\"\n"), @r#"
        TOML parse error at line 3, column 8
          |
        3 | role = "boss"
          |        ^^^^^^
        `boss` is not a role: use `moderator`, `auditor` or `admin`
        "#);
        insta::assert_snapshot!(wrong("[[grant]]\nsubject = \"bob\"\nrole = \"admin\"\n"), @r#"
        TOML parse error at line 2, column 11
          |
        2 | subject = "bob"
          |           ^^^^^
        `bob` is not a subject: write `slack:<team>:<user>`, `slack:<team>:group:<usergroup>`, `discord:<guild>:<user>`, `discord:<guild>:role:<role>` or `cli:<os user>`
        "#);
        insta::assert_snapshot!(wrong("[[grant]]\nsubject = \"slack:T1:U1\"\nrole = \"admin\"\nroms = \"*\"\n"), @r#"
        TOML parse error at line 4, column 1
          |
        4 | roms = "*"
          | ^^^^
        unknown field `roms`, expected one of `subject`, `role`, `effect`, `rooms`, `channels`, `expires_at`, `reason`
        "#);
        for (text, at) in [
            ("version = ", "line 1, column"),
            ("version = \"1\"", "line 1, column 11"),
            ("[[grant]]\nrole = \"admin\"\n", "missing field `subject`"),
            ("[[grant]]\nsubject = \"slack:T1:U1\"\nrole = \"admin\"\nrooms = \"a*b\"", "line 4, column 9"),
            (
                "[[grant]]\nsubject = \"slack:T1:U1\"\nrole = \"admin\"\nexpires_at = \"soon\"",
                "line 4, column 14",
            ),
            ("[[channel]]\nchannel = \"#mods\"", "line 2, column 11"),
            ("[[grant]]\nsubject = \"slack:T1:S1\"\nrole = \"admin\"", "write `slack:T1:group:S1`"),
            ("[[channel]]\nchannel = \"slack:T1:U1\"", "`U1` is the id of a person"),
            (
                "[[grant]]\nsubject = \"cli:ana\"\nrole = \"admin\"\nchannels = [\"slack:T1:c1\"]",
                "write `slack:T1:C1`",
            ),
            ("[[grants]]\n", "unknown field `grants`"),
            ("grant = 5", "line 1, column 9"),
        ] {
            assert!(wrong(text).contains(at), "{text}: {}", wrong(text));
        }
    }

    #[test]
    fn a_time_is_read_with_and_without_quotes_in_whole_milliseconds() {
        let end = |time: &str| {
            let grant = format!("[[grant]]\nsubject = \"cli:ana\"\nrole = \"admin\"\nexpires_at = {time}\n");
            read(&grant).map(|file| file.wanted.grants[0].grant.expires_at.unwrap().to_string())
        };
        assert_eq!(end("\"2026-12-01T08:00:00Z\"").unwrap(), "2026-12-01T08:00:00Z");
        assert_eq!(end("2026-12-01T09:00:00+01:00").unwrap(), "2026-12-01T08:00:00Z");
        assert_eq!(end("\"2026-12-01T08:00:00.1239Z\"").unwrap(), "2026-12-01T08:00:00.123Z");
        for wrong in ["5", "2026-12-01", "\"tomorrow\"", "\"\""] {
            let error = end(wrong).unwrap_err();
            assert!(error.contains("line 4, column 14") && error.contains("is not a time: write"), "{error}");
        }
    }

    #[test]
    fn a_reason_is_kept_like_one_that_is_typed() {
        let reason = |text: &str| {
            let channel = format!("[[channel]]\nchannel = \"slack:T1:C1\"\nreason = {text}\n");
            read(&channel).map(|mut file| file.wanted.channels.remove(0).reason)
        };
        assert_eq!(reason("\" the\\n show \"").unwrap().as_deref(), Some("the show"));
        assert_eq!(reason("\"  \"").unwrap(), None);
        let long = reason(&format!("\"{}\"", "x".repeat(301))).unwrap_err();
        assert!(
            long.contains("line 3, column 10")
                && long.contains("the reason has 301 characters; 300 is the limit"),
            "{long}"
        );
    }

    const SUBJECTS: [&str; 5] =
        ["slack:T1:U1", "slack:T1:group:S1", "discord:1:2", "discord:1:role:3", "cli:a\\b"];
    const SCOPES: [&str; 5] = ["*", "live-*", "my \"best\" room", "back\\slash", "#x = [1]*"];

    fn an_acl() -> impl Strategy<Value = AclView> {
        let channels = ["slack:T1:C1", "slack:T1:C2", "discord:1:9"];
        // In hours around `NOW`.
        let time = || (-3..4_i64).prop_map(|hours| NOW + jiff::SignedDuration::from_hours(hours));
        let reason = || prop::option::of(any::<String>().prop_map(|text| clean_reason(&text).ok().flatten()));
        let grant = (
            (prop::sample::select(&SUBJECTS), prop::sample::select(Role::ALL), any::<bool>()),
            prop::sample::select(&SCOPES),
            prop::sample::subsequence(channels.to_vec(), 0..=3).prop_shuffle(),
            (prop::option::of(time()), time(), prop::option::of(time())),
            reason(),
        )
            .prop_map(
                |((subject, role, denies), rooms, channels, (expires_at, granted_at, revoked_at), reason)| {
                    Grant {
                        id: 0,
                        subject: subject.parse().unwrap(),
                        role,
                        effect: if denies { Effect::Deny } else { Effect::Permit },
                        rooms: rooms.parse().unwrap(),
                        channels: channels.iter().map(|channel| channel.parse().unwrap()).collect(),
                        expires_at,
                        granted_by: "cli:ana".parse().unwrap(),
                        granted_at,
                        revoked_at,
                        reason: reason.flatten(),
                    }
                },
            );
        let rooms = prop::sample::select(&SCOPES);
        let entry = (rooms, time(), prop::option::of(time()), reason()).prop_map(
            |(rooms, allowed_at, removed_at, reason)| AuthorisedChannel {
                channel: "slack:T1:C1".parse().unwrap(),
                rooms: rooms.parse().unwrap(),
                allowed_by: "cli:ana".parse().unwrap(),
                allowed_at,
                removed_at,
                reason: reason.flatten(),
            },
        );
        (prop::collection::vec(grant, 0..8), prop::collection::vec(entry, 0..=3)).prop_map(
            move |(mut grants, mut entries)| {
                grants.iter_mut().zip(1..).for_each(|(grant, id)| grant.id = id);
                // One channel, one entry each.
                for (entry, channel) in entries.iter_mut().zip(channels) {
                    entry.channel = channel.parse().unwrap();
                }
                let announced = |(entry, for_admins): (&AuthorisedChannel, bool)| AnnouncementChannel {
                    channel: entry.channel.clone(),
                    rooms: entry.rooms.clone(),
                    for_admins,
                    set_by: entry.allowed_by.clone(),
                    set_at: entry.allowed_at,
                    removed_at: entry.removed_at,
                    reason: entry.reason.clone(),
                };
                let announcements = entries.iter().zip([true, false, true]).map(announced).collect();
                AclView { version: 7, grants, channels: entries, announcements, settings: Vec::new() }
            },
        )
    }

    const NOW: Timestamp = Timestamp::constant(1_772_366_400, 0);

    proptest! {
        #[test]
        fn an_export_is_read_back_as_the_acl_that_it_was_made_of(acl in an_acl(), name in any::<String>()) {
            // A name is somebody's own words.
            let names = Names::from_iter(SUBJECTS.iter().map(|it| (it.parse().unwrap(), name.clone())));
            let text = write(&acl, &names, NOW);
            let file = read(&text).unwrap();
            prop_assert_eq!(file.version, Some(7));
            let steps = crate::domain::access::plan::plan(&acl, &file.wanted, NOW).unwrap();
            prop_assert!(steps.is_empty(), "{}\n{:?}", text, steps);
        }

        #[test]
        fn an_export_depends_on_the_acl_alone(mut acl in an_acl()) {
            let names = Names::new();
            let text = write(&acl, &names, NOW);
            acl.grants.reverse();
            acl.channels.reverse();
            acl.announcements.reverse();
            prop_assert_eq!(write(&acl, &names, NOW), text);
        }

        #[test]
        fn a_text_reads_back_as_it_was_written(reason in any::<String>()) {
            let read: toml::Table = toml::from_str(&format!("x = {}", quoted(&reason))).unwrap();
            prop_assert_eq!(read["x"].as_str(), Some(reason.as_str()));
        }

        #[test]
        fn no_file_breaks_the_reader(text in "(\\[\\[(grant|channel|announcement)\\]\\]\n|(subject|role|rooms|version) = [\"a-z0-9:*]{0,9}\n){0,8}") {
            drop(read(&text));
        }
    }
}
