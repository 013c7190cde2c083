//! How what is to be typed looks at a door.

use crate::domain::command::{Command, Family, Transfer, Typed, parse_room_owner};

/// How a door takes the arguments of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// As words behind the command: `"my room" user2 reason: host crashed`.
    Words,
    /// As options with names, which a client shows like this: `room:my room new_owner:user2`.
    Options,
}

/// A word as a POSIX shell takes it, quoted where it has to be.
#[must_use]
pub fn shell_word(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-/:=@%+,".contains(&b);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// A transfer as the command line takes it.
pub(super) fn shell_arguments(transfer: &Transfer) -> String {
    let Transfer { room, new_owner, reason, overrides } = transfer;
    let mut line = format!("{} {}", shell_word(room.as_str()), shell_word(new_owner.as_str()));
    if let Some(operation) = overrides {
        line.push_str(&format!(" --override {operation}"));
    }
    if let Some(reason) = reason {
        line.push_str(&format!(" --reason {}", shell_word(reason)));
    }
    line
}

/// The names of the options that words stand for, behind their verb. The longest verb comes first.
const WORDS: &[(Family, &str, &[&str])] = &[
    (Family::Acl, "channel allow", &["channel"]),
    (Family::Acl, "channel remove", &["channel"]),
    (Family::Acl, "channel list", &[]),
    (Family::Acl, "grant", &["who", "role"]),
    (Family::Acl, "deny", &["who", "role"]),
    (Family::Acl, "revoke", &["grant"]),
    (Family::Acl, "list", &["part"]),
    (Family::Acl, "why", &["who", "room"]),
    (Family::Acl, "who-can", &["room"]),
    (Family::Audit, "owner-at", &["room", "time"]),
    (Family::Audit, "timeline", &["operation"]),
    (Family::Audit, "stats", &[]),
    (Family::Audit, "help", &[]),
];

/// What stands behind the new owner in the form of an override.
const OVERRIDE_FORM: &str = " override: <operation>";

/// The typed arguments of `family` as options. What is no command of it stays as it is.
pub(super) fn as_options(family: Family, arguments: &str) -> String {
    match (family, parse_room_owner(&Typed::plain(arguments))) {
        (Family::Owner, Ok(Command::ShowOwner { room })) => format!("room:{room}"),
        (Family::Owner, Ok(Command::Transfer(Transfer { room, new_owner, reason, overrides }))) => {
            let overrides = overrides.map(|operation| format!(" override:{operation}")).unwrap_or_default();
            let reason = reason.map(|reason| format!(" reason:{reason}")).unwrap_or_default();
            format!("room:{room} new_owner:{new_owner}{overrides}{reason}")
        }
        (Family::Owner, _) => match arguments.split_once(OVERRIDE_FORM) {
            // The form of an override names no operation yet.
            Some((start, end)) if !end.contains(OVERRIDE_FORM) => {
                let options = as_options(family, &format!("{start}{end}"));
                options.replacen(" reason:", " override:<operation> reason:", 1)
            }
            _ => arguments.to_owned(),
        },
        (Family::Acl | Family::Audit, _) => sub_options(family, arguments),
    }
}

/// The same for the commands with subcommands. Of the audit log, a list needs no verb where it is typed, and
/// neither does one operation.
fn sub_options(family: Family, arguments: &str) -> String {
    let begins =
        |verb: &str| arguments == verb || arguments.strip_prefix(verb).is_some_and(|it| it.starts_with(' '));
    let known = WORDS.iter().find(|(of, verb, _)| *of == family && begins(verb));
    let (verb, names, rest) = match known {
        Some((_, verb, names)) => (*verb, *names, &arguments[verb.len()..]),
        None if family == Family::Acl || arguments.is_empty() => return arguments.to_owned(),
        None if arguments.split_whitespace().next().is_some_and(|word| word.ends_with(':')) => {
            ("list", &[][..], arguments)
        }
        None => ("show", &["operation"][..], arguments),
    };
    let mut names = names.iter();
    let mut options = verb.to_owned();
    let mut behind = None;
    for word in words(rest) {
        if let Some(name) = behind.take() {
            options.push_str(if (name, word) == ("readings", "yes") { YES } else { word.trim_matches('"') });
        } else if let Some(name) = word.strip_suffix(':') {
            behind = Some(name);
            options.push_str(&format!(" {}:", named(name)));
        } else {
            match names.next() {
                Some(name) => options.push_str(&format!(" {name}:{}", word.trim_matches('"'))),
                // The reason goes on to the end of the line.
                None => options.push_str(&format!(" {word}")),
            }
        }
    }
    options
}

/// How a client shows a switch that is on.
pub(super) const YES: &str = "True";

/// What a named option is called there.
fn named(name: &str) -> &str {
    if name == "in" { "channel" } else { name }
}

/// One option, as it is written at the door.
pub(super) fn option(style: Style, name: &str, value: impl std::fmt::Display) -> String {
    match style {
        Style::Words => format!("{name}: {value}"),
        Style::Options => format!("{}:{value}", named(name)),
    }
}

/// Words, of which a quoted one may hold spaces.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = match rest.strip_prefix('"').and_then(|inner| inner.find('"')) {
            Some(close) => close + 2,
            None => rest.find(' ').unwrap_or(rest.len()),
        };
        words.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_have_names_and_no_quotes() {
        let options = |arguments| as_options(Family::Owner, arguments);
        assert_eq!(options("test"), "room:test");
        assert_eq!(options("\"my room\" user2"), "room:my room new_owner:user2");
        assert_eq!(
            options("<room> <new_owner> reason: <why>"),
            "room:<room> new_owner:<new_owner> reason:<why>"
        );
        assert_eq!(
            options("test user3 override: <operation> reason: <why>"),
            "room:test new_owner:user3 override:<operation> reason:<why>"
        );
        assert_eq!(
            options("test user3 override: 17 reason: hurry"),
            "room:test new_owner:user3 override:17 reason:hurry"
        );
        assert_eq!(options(""), "");
        let acl = |arguments| as_options(Family::Acl, arguments);
        assert_eq!(acl("list"), "list");
        assert_eq!(acl("list all"), "list part:all");
        assert_eq!(
            acl("grant @bob moderator rooms: live-* in: #mods reason: night shift"),
            "grant who:@bob role:moderator rooms:live-* channel:#mods reason:night shift"
        );
        assert_eq!(acl("channel allow #mods rooms: live-*"), "channel allow channel:#mods rooms:live-*");
        assert_eq!(acl("channel list"), "channel list");
        assert_eq!(acl("whoami"), "whoami");
        let audit = |arguments| as_options(Family::Audit, arguments);
        assert_eq!(audit("17"), "show operation:17");
        assert_eq!(audit("<operation>"), "show operation:<operation>");
        assert_eq!(
            audit("text: \"host crashed\" until: \"2026-11-23 14:03\" zone: Europe/Berlin"),
            "list text:host crashed until:2026-11-23 14:03 zone:Europe/Berlin"
        );
        assert_eq!(
            audit("in: #channel before: <operation> readings: yes"),
            "list channel:#channel before:<operation> readings:True"
        );
        assert_eq!(audit("owner-at <room> <time>"), "owner-at room:<room> time:<time>");
        assert_eq!(audit("stats by: actor since: 7d"), "stats by:actor since:7d");
        assert_eq!(audit(""), "");
    }
}
