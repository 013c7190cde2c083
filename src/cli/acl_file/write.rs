//! Writing the file.

use jiff::Timestamp;

use crate::domain::access::{AclView, Effect, RoomScope, Setting, is_live, is_open};
use crate::domain::audit::millis;
use crate::domain::reply::Names;
use crate::domain::room::visible;

/// Writes what holds now, in an order that depends on nothing else.
pub(in crate::cli) fn write(acl: &AclView, names: &Names, now: Timestamp) -> String {
    let AclView { version, grants, channels, announcements, settings } = acl;
    let mut file = Writer(format!(
        "# The ACL of room-owner: `room-owner acl plan` shows what an edit of this file would change,\n\
         # `room-owner acl apply` makes it so.\n\
         version = {version}\n"
    ));
    let mut channels: Vec<_> = channels.iter().filter(|entry| is_open(entry, now)).collect();
    channels.sort_by(|a, b| a.channel.cmp(&b.channel));
    for entry in channels {
        file.table("channel", None);
        file.field("channel", &entry.channel);
        file.rooms(&entry.rooms);
        file.reason(entry.reason.as_ref());
    }
    let mut announcements: Vec<_> = announcements.iter().filter(|entry| entry.is_live(now)).collect();
    announcements.sort_by(|a, b| a.channel.cmp(&b.channel));
    for entry in announcements {
        file.table("announcement", None);
        file.field("channel", &entry.channel);
        file.rooms(&entry.rooms);
        if entry.for_admins {
            file.0.push_str("admin = true\n");
        }
        file.reason(entry.reason.as_ref());
    }
    let mut settings: Vec<_> = settings.iter().filter(|entry| entry.is_live(now)).collect();
    settings.sort_by_key(|entry| match &entry.setting {
        Setting::Link { person, .. } => (0, person.to_string()),
        Setting::Mark { rooms, .. } => (1, rooms.to_string()),
    });
    for entry in settings {
        match &entry.setting {
            Setting::Link { person, account } => {
                file.table("link", names.get(person));
                file.field("person", person);
                file.field("account", account);
            }
            Setting::Mark { rooms, mark } => {
                file.table("room", None);
                file.field("rooms", rooms);
                file.field("mark", mark);
            }
        }
        file.reason(entry.reason.as_ref());
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
        file.table("grant", names.get(&grant.subject));
        file.field("subject", &grant.subject);
        file.field("role", grant.role);
        if grant.effect == Effect::Deny {
            file.field("effect", grant.effect);
        }
        file.rooms(&grant.rooms);
        if !grant.channels.is_empty() {
            let mut channels = grant.channels.clone();
            channels.sort();
            let channels: Vec<String> = channels.iter().map(|channel| quoted(&channel.to_string())).collect();
            file.0.push_str(&format!("channels = [{}]\n", channels.join(", ")));
        }
        if let Some(end) = grant.expires_at {
            file.field("expires_at", millis(end));
        }
        file.reason(grant.reason.as_ref());
    }
    file.0
}

/// A file, as far as it is written.
struct Writer(String);

impl Writer {
    /// Begins a table, with what somebody is called.
    fn table(&mut self, name: &str, called: Option<&String>) {
        self.0.push_str(&format!("\n[[{name}]]\n"));
        if let Some(called) = called {
            self.0.push_str(&format!("# {}\n", visible(called)));
        }
    }

    fn field(&mut self, name: &str, value: impl std::fmt::Display) {
        self.0.push_str(&format!("{name} = {}\n", quoted(&value.to_string())));
    }

    /// Which rooms, unless every one.
    fn rooms(&mut self, rooms: &RoomScope) {
        if *rooms != RoomScope::All {
            self.field("rooms", rooms);
        }
    }

    fn reason(&mut self, reason: Option<&String>) {
        if let Some(reason) = reason {
            self.field("reason", reason);
        }
    }
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
