//! Answers about the ACL.

use super::asking;
use super::denial::helpers;
use super::edits::{edited, not_edited};
use super::lists::{
    MOST_GRANTS, announced_in, announcement_channels, channels, listed_grants, lists, paged, role_for,
    settings,
};
use super::message::{CommandName, Line, Message, Tone, op, several, subject, text};
use super::planned::previewed;
use super::why::{explanation, who_can};
use crate::domain::access::{CallerRights, Grant, Helpers, Right};
use crate::domain::audit::OperationId;
use crate::domain::command::{CommandGroup, Section};
use crate::domain::principal::{Place, Principal};
use crate::domain::reply::{AclAnswer, Page};

pub(super) fn acl(operation: OperationId, answer: &AclAnswer, name: &CommandName) -> Message {
    let name = name.of(CommandGroup::Acl);
    let mut message = match answer {
        AclAnswer::Edited { changed, is_for_oneself } => edited(changed, *is_for_oneself),
        AclAnswer::NotEdited(why) => not_edited(why, &name),
        AclAnswer::Answered { request, granted } => asking::answer(request, granted.as_deref()),
        AclAnswer::NotAnswered(why) => asking::not_answered(why, &name),
        AclAnswer::WhoAmI { principal, place, caller_rights, helpers } => {
            whoami(principal, place, caller_rights, helpers)
        }
        AclAnswer::Grants { listed, pages, grants, left_out, announced, asks } => {
            let mut message = listed_grants(listed, grants, *left_out, &name);
            if !asks.is_empty() {
                let grants = std::mem::replace(&mut message.headline, text("Waiting for an admin's answer:"));
                let open = asks.iter().map(|ask| asking::open(ask, &name)).chain([grants]);
                message.body.splice(..0, open);
            }
            message.body.extend(announced_in(announced));
            paged(&mut message, listed.page, *pages, lists(listed.part, listed.who.as_ref()), &name);
            message
        }
        AclAnswer::Channels(page) => {
            listed_page(Section::Channels, page, channels(&page.entries, &name), &name)
        }
        AclAnswer::Announcements(page) => {
            let message = announcement_channels(&page.entries, &name);
            listed_page(Section::Announcements, page, message, &name)
        }
        AclAnswer::Settings(part, page) => {
            listed_page(*part, page, settings(*part, &page.entries, &name), &name)
        }
        AclAnswer::Explained(explained) => explanation(explained),
        AclAnswer::WhoCan { room, able, unread } => who_can(room, able, unread),
        AclAnswer::Previewed(preview) => previewed(preview),
        AclAnswer::Whole(_) | AclAnswer::Planned { .. } => {
            Message::new(Tone::Plain, text("This is a file on the command line."), Vec::new())
        }
        AclAnswer::Unreadable => Message::new(
            Tone::Failed,
            text("The ACL cannot be read right now."),
            vec![text("Try again; tell whoever runs the bot if it stays like this.")],
        ),
    };
    let page = message.footer.take();
    let mut footer = op(operation);
    footer.0.extend(page.unwrap_or_default().0);
    message.footer = Some(footer);
    message
}

fn listed_page<T>(part: Section, page: &Page<T>, mut message: Message, name: &CommandName) -> Message {
    paged(&mut message, page.page, page.pages, lists(part, None), name);
    message
}

fn whoami(principal: &Principal, place: &Place, caller_rights: &CallerRights, whom: &Helpers) -> Message {
    let CallerRights { rights, denials, unread, is_authorised } = caller_rights;
    let mut body = Vec::new();
    if !principal.groups.is_empty() {
        body.push(text("Your groups: ").and(several(&principal.groups, MOST_GRANTS, subject)).text("."));
    }
    if let Place::Channel(here) = place {
        let line = text("This channel is ").code(here);
        body.push(match (is_authorised, whom.in_direct_message) {
            (true, _) => line.text("."),
            (false, false) => line.text(". It is not authorised, so nobody can use the bot here."),
            (false, true) => text("This is a direct message, where nobody can use the bot."),
        });
    }
    body.push(match rights.as_slice() {
        [] => text("You have no role here."),
        rights => {
            let line = |right: &Right| role_for(right.role, &right.rooms);
            text("Here you are ").and(several(rights, MOST_GRANTS, line)).text(".")
        }
    });
    body.extend(denied(denials));
    body.extend(unknown(unread));
    body.push(helpers(whom));
    Message::new(Tone::Plain, text("You are ").code(&principal.subject).text("."), body)
}

/// What somebody is denied, and by which entry.
pub(super) fn denied(denials: &[Grant]) -> Option<Line> {
    let line =
        |denial: &Grant| role_for(denial.role, &denial.rooms).text(" (grant ").text(denial.id).text(")");
    let line = text("You are denied ").and(several(denials, MOST_GRANTS, line));
    (!denials.is_empty()).then(|| line.text(", which wins over every grant."))
}

/// What somebody is refused as long as a group cannot be read.
pub(super) fn unknown(unread: &[Grant]) -> Option<Line> {
    let (first, more) = unread.split_first()?;
    let line = text("Refused right now: ").and(role_for(first.role, &first.rooms)).text(". Grant ");
    let line = line.text(first.id).text(" denies it to ").and(subject(&first.subject));
    let line = line.text(", which cannot be read, so that nobody knows whether you are in it");
    Some(match more.len() {
        0 => line.text("."),
        more => line.text("; and ").text(more).text(" more entries like it."),
    })
}
