//! Lists of the ACL: grants and channels, page by page.

use jiff::Timestamp;

use super::Style;
use super::message::{CommandName, Line, Message, Tone, channel, code, several, subject, text};
use crate::domain::access::{
    AclSetting, AnnouncementChannel, Attention, AuthorisedChannel, Effect, Grant, Role, RoomScope, Setting,
};
use crate::domain::command::{CommandGroup, Invocation, Listed, Section};
use crate::domain::principal::{Channel, Subject};

/// How many grants or groups a line or an explanation names.
pub(super) const MOST_GRANTS: usize = 8;

pub(super) fn paged(message: &mut Message, page: u32, pages: u32, list: Invocation, name: &CommandName) {
    if pages <= 1 {
        return;
    }
    let mut footer = text(format!(" · page {page} of {pages}"));
    if page < pages {
        footer = footer.text(", the next: ").code(name.line(&list.with("page", page + 1)));
    }
    message.footer = Some(footer);
}

/// The line that lists a part of the ACL.
pub(super) fn lists(part: Section, who: Option<&Subject>) -> Invocation {
    let list = match part {
        Section::Live => Invocation::named(CommandGroup::Acl, &["list"]),
        Section::Channels => Invocation::named(CommandGroup::Acl, &["channel", "list"]),
        Section::Announcements => Invocation::named(CommandGroup::Acl, &["announce", "list"]),
        Section::Links => Invocation::named(CommandGroup::Acl, &["links"]),
        Section::All | Section::Attention | Section::Rooms => {
            Invocation::named(CommandGroup::Acl, &["list"]).with("part", part.name())
        }
    };
    who.into_iter().fold(list, |list, who| list.with("who", who))
}

/// The line that lists a part of the ACL at this door. The command line has options and a command of its own for some.
pub(super) fn to_list(part: Section, name: &CommandName) -> String {
    match (part, name.1) {
        (Section::All, Style::Shell) => format!("{} list --all", name.0),
        (Section::Attention, Style::Shell) => format!("{} list --attention", name.0),
        (Section::Rooms, Style::Shell) => format!("{} rooms", name.0),
        _ => name.line(&lists(part, None)),
    }
}

pub(super) fn listed_grants(
    listed: &Listed,
    grants: &[(Grant, Option<Attention>)],
    left_out: usize,
    name: &CommandName,
) -> Message {
    let of = |line: Line, end: &str| match &listed.who {
        Some(who) => line.text(" of ").and(subject(who)).text(end),
        None => line.text(end),
    };
    let headline = match (listed.part, grants.is_empty()) {
        (Section::Attention, true) => text("No grant ends within 24 hours or was unused for 90 days."),
        (Section::Attention, false) => {
            text("Grants to look at: they end within 24 hours or were unused for 90 days.")
        }
        (Section::All, _) => of(text("Every grant"), ", ended ones too."),
        (_, true) => of(text("There is no live grant"), "."),
        (_, false) => of(text("The live grants"), "."),
    };
    let mut body: Vec<Line> = grants.iter().map(|(grant, why)| grant_line(grant, *why)).collect();
    if left_out > 0 {
        body.push(
            text("Ended ones, left out here: ")
                .text(left_out)
                .text(", ")
                .code(name.line(&lists(Section::All, listed.who.as_ref())))
                .text("."),
        );
    }
    Message::new(Tone::Plain, headline, body)
}

fn grant_line(grant: &Grant, why: Option<Attention>) -> Line {
    let mut line = text(grant.id).text(" · ").and(subject(&grant.subject)).text(" · ");
    if grant.effect == Effect::Deny {
        line = line.text("denied ");
    }
    line = line.and(role_for(grant.role, &grant.rooms)).and(limited(grant));
    if let Some(revoked) = grant.revoked_at {
        line = line.text(" · taken back ").time(revoked);
    }
    match why {
        Some(Attention::EndsSoon(_)) => line = line.text(" · ends soon"),
        Some(Attention::Unused(Some(last))) => line = line.text(" · last used ").time(last),
        Some(Attention::Unused(None)) => line = line.text(" · never used"),
        None => {}
    }
    line.and(by(&grant.granted_by, grant.reason.as_ref()))
}

/// Who made an entry, and why.
fn by(who: &Subject, reason: Option<&String>) -> Line {
    let line = text(" · by ").and(subject(who));
    line.and_if(reason, |line, reason| line.text(" · ").code(reason))
}

pub(super) fn channels(entries: &[AuthorisedChannel], name: &CommandName) -> Message {
    let headline = match entries {
        [] => text("No channel is authorised: ")
            .code(name.line(&Invocation::named(CommandGroup::Acl, &["channel", "allow"])))
            .text(" in a channel, on the machine."),
        _ => text("The authorised channels."),
    };
    let line = |entry: &AuthorisedChannel| {
        let line = channel(&entry.channel).text(" · for ").and(rooms(&entry.rooms));
        line.and(by(&entry.allowed_by, entry.reason.as_ref()))
    };
    Message::new(Tone::Plain, headline, entries.iter().map(line).collect())
}

pub(super) fn announcement_channels(entries: &[AnnouncementChannel], name: &CommandName) -> Message {
    let headline = match entries {
        [] => text("Nothing is announced anywhere: ")
            .code(name.line(&Invocation::named(CommandGroup::Acl, &["announce", "here"])))
            .text(" announces it in a channel."),
        _ => text("The announcement channels."),
    };
    let line = |entry: &AnnouncementChannel| announced(entry).and(by(&entry.set_by, entry.reason.as_ref()));
    Message::new(Tone::Plain, headline, entries.iter().map(line).collect())
}

pub(super) fn settings(part: Section, entries: &[AclSetting], name: &CommandName) -> Message {
    let how = |words: &[&str]| {
        let form = Invocation::named(CommandGroup::Acl, words).verb.form();
        code(form.map(|form| name.line(&form)).unwrap_or_default())
    };
    let headline = match (part, entries) {
        (Section::Links, []) => {
            text("Nobody is linked to an account: ").and(how(&["link"])).text(" links somebody.")
        }
        (Section::Links, _) => text("Who has which live account."),
        (_, []) => text("No room is marked: ").and(how(&["room"])).text(" marks some."),
        _ => text("The marked rooms; the strictest mark that covers a room counts."),
    };
    let line = |entry: &AclSetting| {
        let line = match &entry.setting {
            Setting::Link { person, account } => subject(person).text(" · ").code(account),
            Setting::Mark { rooms: scope, mark } => rooms(scope).text(" · ").text(mark),
        };
        line.and(by(&entry.set_by, entry.reason.as_ref()))
    };
    Message::new(Tone::Plain, headline, entries.iter().map(line).collect())
}

/// Where things are announced, in one line.
pub(super) fn announced_in(entries: &[AnnouncementChannel]) -> Option<Line> {
    let line = text("Announced in ").and(several(entries, MOST_GRANTS, announced)).text(".");
    (!entries.is_empty()).then_some(line)
}

fn announced(entry: &AnnouncementChannel) -> Line {
    let line = channel(&entry.channel).text(" for ").and(rooms(&entry.rooms));
    if entry.for_admins { line.text(", read by admins") } else { line }
}

pub(super) fn role_for(role: Role, rooms: &RoomScope) -> Line {
    match rooms {
        RoomScope::All => text(role).text(" for every room"),
        rooms => text(role).text(" for ").code(rooms),
    }
}

/// In which channels and until when, as far as a grant is limited.
pub(super) fn limited(grant: &Grant) -> Line {
    limits(&grant.channels, grant.expires_at)
}

pub(super) fn limits(channels: &[Channel], expires_at: Option<Timestamp>) -> Line {
    let mut line = Line::default();
    for (n, only) in channels.iter().enumerate() {
        line = line.text(if n == 0 { ", only in " } else { ", " }).and(channel(only));
    }
    line.and_if(expires_at, |line, end| line.text(", until ").time(end))
}

pub(super) fn rooms(scope: &RoomScope) -> Line {
    match scope {
        RoomScope::All => text("every room"),
        scope => code(scope),
    }
}
