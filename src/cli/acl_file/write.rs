//! Writing the file.

use jiff::Timestamp;

use crate::domain::access::{AclView, Effect, RoomScope, is_live, is_open};
use crate::domain::audit::millis;
use crate::domain::reply::Names;
use crate::domain::room::visible;

/// Writes what holds now, in an order that depends on nothing else.
pub(in crate::cli) fn write(acl: &AclView, names: &Names, now: Timestamp) -> String {
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
pub(super) fn quoted(text: &str) -> String {
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
