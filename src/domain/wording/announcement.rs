//! Announcements: three lines at most, what happened first.

use super::asking;
use super::lists::role_for;
use super::message::{
    self, CommandName, Line, Message, Span, Tone, account, capital, code, op_and_request, text,
};
use super::outcome::outcome_message;
use crate::domain::access::{Effect, Grant};
use crate::domain::announcement::Announcement;
use crate::domain::audit::{AuditEntry, Outcome, OutcomeKind};
use crate::domain::command::{CommandGroup, Invocation, granting};
use crate::domain::duration::lasting;
use crate::domain::tree_head::TreeHead;

/// Puts an announcement into words.
pub fn announcement(announcement: &Announcement, name: &CommandName) -> Message {
    let (mut message, perhaps_posted) = match announcement {
        Announcement::Change { entry, new_owner_name, outcome, is_news, head, perhaps_posted } => {
            let message = match outcome {
                Some(outcome) => changed(entry, new_owner_name.as_ref(), outcome, *is_news, name),
                None => observed(entry),
            };
            (with_numbers(message, entry, *head), perhaps_posted)
        }
        Announcement::Lapse { grant, holder, admins, perhaps_posted } => {
            (lapse(grant, holder, admins, &name.of(CommandGroup::Acl)), perhaps_posted)
        }
        Announcement::Asked { request, perhaps_posted, .. } => {
            (asking::request(request, name), perhaps_posted)
        }
        Announcement::Answered { request, perhaps_posted } => {
            let message = match &request.answer {
                Some(answer) => asking::outcome(request, answer, name),
                None => asking::request(request, name),
            };
            (message, perhaps_posted)
        }
    };
    if *perhaps_posted {
        message.headline = text("Perhaps posted before: ").and(message.headline);
    }
    message
}

/// What came of a change that somebody asked the bot for.
fn changed(
    entry: &AuditEntry,
    new_owner_name: Option<&String>,
    outcome: &Outcome,
    is_news: bool,
    name: &CommandName,
) -> Message {
    let room = entry.room.as_ref().map(|room| room.as_str()).unwrap_or_default();
    let show = entry.room.as_ref().map(|room| name.to_see(room)).unwrap_or_default();
    let new_owner = entry.new_owner.as_deref().unwrap_or_default();
    let person = entry.new_owner_person.as_ref().map(|person| message::person(person, new_owner_name));
    let new_owner = account(new_owner, person);
    let mut message = outcome_message(entry.operation, room, &new_owner, outcome, &show);
    if is_news {
        message.headline = text("Now known: ").and(message.headline);
    }
    if let Some((by, approved_by)) = entry.people() {
        let headline = without_full_stop(message.headline).text(" · by ").code(by);
        message.headline = headline.and_if(approved_by, |line, who| line.text(", approved by ").code(who));
    }
    message
}

/// What stands before more of the same line.
fn without_full_stop(mut line: Line) -> Line {
    if let Some(Span::Text(last)) = line.0.last_mut() {
        last.truncate(last.trim_end_matches('.').len());
    }
    line
}

/// A change that was made without the bot.
fn observed(entry: &AuditEntry) -> Message {
    let room = entry.room.as_ref().map(|room| room.as_str()).unwrap_or_default();
    let handed = code(room).text(" was handed to ").code(entry.new_owner.as_deref().unwrap_or_default());
    let handed = handed.and_if(entry.previous_owner.as_ref(), |handed, previous| {
        handed.text(" (was ").code(previous).text(")")
    });
    let handed = handed.text(" without this bot");
    let handed =
        handed.and_if(entry.actor_name.as_ref(), |handed, operator| handed.text(" · by ").code(operator));
    let (tone, headline) = match entry.outcome {
        OutcomeKind::Succeeded => (Tone::Plain, handed),
        _ => (Tone::Warning, text("Unclear: Tencent says that ").and(handed)),
    };
    let doubt = entry.error_info.as_deref().map(|info| code(capital(info)).text("."));
    Message::new(tone, headline, doubt.into_iter().collect())
}

/// With the numbers to quote, and no more lines than a glance takes in.
fn with_numbers(mut message: Message, entry: &AuditEntry, head: TreeHead) -> Message {
    message.body.truncate(1);
    let numbers = op_and_request(entry.operation, entry.request_id.as_deref());
    message.footer = Some(numbers.text(" · log ").code(head));
    message
}

fn lapse(grant: &Grant, holder: &str, admins: &[String], name: &CommandName) -> Message {
    let stops = if grant.effect == Effect::Deny { " stops being denied " } else { " stops being " };
    let mut headline = code(holder).text(stops).and(role_for(grant.role, &grant.rooms));
    if let Some(end) = grant.expires_at {
        headline = headline.text(" at ").time(end);
    }
    let mut renew = text("To renew it: ").code(name.line(&renewing(grant)));
    renew = match grant.channels.len() {
        0 | 1 => renew,
        2 => renew.text(", and the same for its other channel"),
        all => renew.text(format!(", and the same for its {} other channels", all - 1)),
    };
    if let Some((first, others)) = admins.split_first() {
        let admins = others.iter().fold(code(first), |line, admin| line.text(", ").code(admin));
        renew = renew.text(" · by ").and(admins);
    }
    let footer = Line::default().text("grant ").text(grant.id);
    let headline = headline.text(".");
    Message::new(Tone::Wait, headline, vec![renew]).with_footer(footer)
}

/// The line that gives the same again, for as long as it was given; of several channels, for the first.
fn renewing(grant: &Grant) -> Invocation {
    let line = granting(&[grant.into()], None);
    match grant.expires_at {
        Some(end) => line.with("for", lasting(end.duration_since(grant.granted_at))),
        None => line,
    }
}
