//! The fuzz target of the three grammars.

use super::{
    AclCommand, Command, CommandGroup, Edit, Ends, Mention, OwnerQuestion, Typed, clean_reason, parse,
};
use crate::domain::access::{Effect, Setting, SettingKey};

/// A typed line, in which `\u{1}` stands for a mention of a person and `\u{2}` for one of a channel. What is
/// understood of it is understood of the line that is written out of it, and what is refused is refused briefly.
pub fn grammar(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (Ok(person), Ok(channel)) = ("slack:T1:U1".parse(), "slack:T1:C1".parse()) else { return };
    let (person, channel) = (Mention::Subject(person), Mention::Channel(channel));
    let mut line = Typed::default();
    for c in text.chars() {
        match c {
            '\u{1}' => line.push_mention(person.clone(), "@bob"),
            '\u{2}' => line.push_mention(channel.clone(), "#mods"),
            c => line.push_text(c.encode_utf8(&mut [0; 4])),
        }
    }
    for family in CommandGroup::ALL {
        match parse(family, &line) {
            Ok(command) => {
                let Some(written) = written(&command) else { continue };
                assert_eq!(parse(family, &Typed::plain(&written)), Ok(command), "{text:?} as {written:?}");
            }
            Err(error) => {
                let why = error.for_the_record();
                assert!(!why.is_empty() && why.chars().count() <= 1_100, "{why}");
            }
        }
    }
}

/// The command as a line; `None` for what has no one form.
fn written(command: &Command) -> Option<String> {
    let in_quotes = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    // A reason loses the quotes around it each time that it is read.
    let because = |reason: &Option<String>| match reason {
        None => Some(String::new()),
        Some(reason) if clean_reason(reason).ok()?.as_ref() == Some(reason) => {
            Some(format!(" reason: {reason}"))
        }
        Some(_) => None,
    };
    Some(match command {
        Command::Help(_) => "help".to_owned(),
        Command::Owner(OwnerQuestion::List) => "list".to_owned(),
        Command::Owner(OwnerQuestion::Undo) => "undo".to_owned(),
        Command::Ask(ask) => format!("ask {}{}", in_quotes(ask.room.as_str()), because(&ask.reason)?),
        Command::ShowOwner { room } => in_quotes(room.as_str()),
        Command::Transfer(transfer) => {
            let overrides = transfer.overrides.map(|it| format!(" override: {it}")).unwrap_or_default();
            let (room, new_owner) =
                (in_quotes(transfer.room.as_str()), in_quotes(transfer.new_owner.as_str()));
            format!("{room} {new_owner}{overrides}{}", because(&transfer.reason)?)
        }
        Command::HandTo(to) => {
            let overrides = to.overrides.map(|it| format!(" override: {it}")).unwrap_or_default();
            format!("{} {}{overrides}{}", in_quotes(to.room.as_str()), to.person, because(&to.reason)?)
        }
        Command::Owner(OwnerQuestion::HandTo(_)) => return None,
        Command::Cancel
        | Command::Audit(_)
        | Command::Console(_)
        | Command::Acl(AclCommand::Export | AclCommand::Plan(_) | AclCommand::Preview(_)) => return None,
        Command::Acl(AclCommand::WhoAmI) => "whoami".to_owned(),
        Command::Acl(AclCommand::List(listed)) => {
            let who = listed.who.as_ref().map(|it| format!(" {it}")).unwrap_or_default();
            format!("list {}{who} page: {}", listed.part.name(), listed.page)
        }
        Command::Acl(AclCommand::Why(why)) => {
            let subject = why.subject.as_ref().map(|it| format!(" {it}")).unwrap_or_default();
            let channel = why.channel.as_ref().map(|it| format!(" in: {it}")).unwrap_or_default();
            format!("why{subject} {}{channel}", in_quotes(why.room.as_str()))
        }
        Command::Acl(AclCommand::WhoCan(room)) => format!("who-can {}", in_quotes(room.as_str())),
        Command::Acl(AclCommand::Edit { edit, reason, .. }) => {
            let because = because(reason)?;
            match edit {
                Edit::Apply(..) | Edit::Grant { ends: Some(Ends::At(_)), .. } => return None,
                Edit::Grant { grants, ends } => {
                    let [grant] = grants.as_slice() else { return None };
                    let verb = if grant.effect == Effect::Deny { "deny" } else { "grant" };
                    let lasts = match ends {
                        Some(Ends::After(lasts)) => {
                            format!(" for: {}", jiff::SignedDuration::try_from(*lasts).ok()?)
                        }
                        _ => String::new(),
                    };
                    let channels: String = grant.channels.iter().map(|it| format!(" in: {it}")).collect();
                    let (subject, role) = (&grant.subject, grant.role);
                    let rooms = in_quotes(&grant.rooms.to_string());
                    format!("{verb} {subject} {role} rooms: {rooms}{channels}{lasts}{because}")
                }
                Edit::Answer(operation, Some(lasts)) => {
                    format!("answer {operation} \"{}\"", jiff::SignedDuration::try_from(*lasts).ok()?)
                }
                Edit::Answer(operation, None) => format!("answer {operation} no"),
                Edit::Revoke(id) => format!("revoke {id}{because}"),
                Edit::RevokeOf(subject) => format!("revoke {subject}{because}"),
                Edit::AllowChannel(channel, rooms) => {
                    let channel = channel.as_ref().map(|it| format!(" {it}")).unwrap_or_default();
                    format!("channel allow{channel} rooms: {}{because}", in_quotes(&rooms.to_string()))
                }
                Edit::Set(Setting::Link { person, account }) => {
                    format!("link {person} {}{because}", in_quotes(account.as_str()))
                }
                Edit::Set(Setting::Mark { rooms, mark }) => {
                    format!("room {} {mark}{because}", in_quotes(&rooms.to_string()))
                }
                Edit::Unset(SettingKey::Link(person)) => format!("unlink {person}{because}"),
                Edit::Unset(SettingKey::Mark(rooms)) => {
                    format!("room {} off{because}", in_quotes(&rooms.to_string()))
                }
                Edit::RemoveChannel(channel) => {
                    let channel = channel.as_ref().map(|it| format!(" {it}")).unwrap_or_default();
                    format!("channel remove{channel}{because}")
                }
                Edit::Announce(channel, rooms, for_admins) => {
                    let channel = channel.as_ref().map(|it| format!(" {it}")).unwrap_or_default();
                    let rooms = rooms.as_ref().map(|it| format!(" rooms: {}", in_quotes(&it.to_string())));
                    let (rooms, admin) = (rooms.unwrap_or_default(), if *for_admins { " admin" } else { "" });
                    format!("announce here{channel}{rooms}{admin}{because}")
                }
                Edit::StopAnnouncing(channel) => {
                    let channel = channel.as_ref().map(|it| format!(" {it}")).unwrap_or_default();
                    format!("announce off{channel}{because}")
                }
            }
        }
    })
}
