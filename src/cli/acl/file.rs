//! The ACL as a TOML file.
//!
//! ```toml
//! version = 17
//!
//! [[channel]]
//! channel = "slack:T0123456789:C0123456789"
//! rooms = "live-*"
//!
//! [[grant]]
//! subject = "slack:T0123456789:U0123456789"
//! role = "moderator"
//! expires_at = "2026-12-01T08:00:00Z"
//! reason = "night shift"
//! ```
//!
//! What is not said is the usual: every room, permit, every authorised channel, no end.

use jiff::Timestamp;
use serde::Deserialize;

use crate::domain::access::plan::{Wanted, WantedChannel, WantedGrant};
use crate::domain::access::{AuthorisedChannel, Effect, Grant, Role, RoomScope, is_live, is_open};
use crate::domain::audit::millis;
use crate::domain::principal::{Channel, Subject};

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
    grant: Vec<GrantTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChannelTable {
    channel: Channel,
    #[serde(default = "every_room")]
    rooms: RoomScope,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GrantTable {
    subject: Subject,
    role: Role,
    #[serde(default = "permit")]
    effect: Effect,
    #[serde(default = "every_room")]
    rooms: RoomScope,
    #[serde(default)]
    channels: Vec<Channel>,
    expires_at: Option<Timestamp>,
    reason: Option<String>,
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
    let reason = |reason: Option<String>| reason.filter(|reason| !reason.trim().is_empty());
    let channels = document.channel.into_iter().map(|table| WantedChannel {
        channel: table.channel,
        rooms: table.rooms,
        reason: reason(table.reason),
    });
    let grants = document.grant.into_iter().map(|table| {
        let mut channels = table.channels;
        channels.sort();
        channels.dedup();
        WantedGrant {
            subject: table.subject,
            role: table.role,
            effect: table.effect,
            rooms: table.rooms,
            channels,
            expires_at: table.expires_at,
            reason: reason(table.reason),
        }
    });
    Ok(File {
        version: document.version,
        wanted: Wanted { grants: grants.collect(), channels: channels.collect() },
    })
}

/// Writes what holds now, in an order that depends on nothing else.
pub(super) fn write(
    version: i64,
    grants: &[Grant],
    channels: &[AuthorisedChannel],
    now: Timestamp,
) -> String {
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
            ("[[grants]]\n", "unknown field `grants`"),
            ("grant = 5", "line 1, column 9"),
        ] {
            assert!(wrong(text).contains(at), "{text}: {}", wrong(text));
        }
    }

    proptest! {
        #[test]
        fn a_text_reads_back_as_it_was_written(reason in any::<String>()) {
            let read: toml::Table = toml::from_str(&format!("x = {}", quoted(&reason))).unwrap();
            prop_assert_eq!(read["x"].as_str(), Some(reason.as_str()));
        }

        #[test]
        fn no_file_breaks_the_reader(text in "(\\[\\[(grant|channel)\\]\\]\n|(subject|role|rooms|version) = [\"a-z0-9:*]{0,9}\n){0,8}") {
            drop(read(&text));
        }
    }
}
