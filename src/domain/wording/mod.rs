//! Every sentence that the bot says in answer to a command, written for a tired moderator at 2 a.m.:
//! what happened, what it means, what to do next, and the numbers to quote.
//!
//! A [`Message`] holds spans, not markup: what came from a user or from Tencent is a [`Span::Code`], and
//! each platform's `render` decides how to show that without ever parsing it.

pub mod acl;
mod announcement;
mod asking;
pub mod audit;
mod console;
mod denial;
pub mod edits;
mod held;
mod help;
mod lists;
mod message;
mod outcome;
pub mod planned;
pub mod rooms;
pub(in crate::domain) mod usage;
pub mod why;

use super::access::Asker;
use super::audit::{AuditEntry, OperationId, Outcome, OutcomeKind};
use super::press::NotPressed;
use super::principal::Principal;
use super::reply::{Overload, Reply, commands};
use super::room::RoomId;
use message::{hand_over, op, person, spans, text};

pub use super::command::{Style, shell_word};
pub use announcement::announcement;
pub use asking::open as open_request;
use denial::{denied, foreign_origin};
use help::help;
pub use message::{
    CommandName, LOCAL_ACL, LOCAL_AUDIT, LOCAL_QUESTION, LOCAL_TRANSFER, Line, Message, Span, Tone, summary,
};
use outcome::{outcome_message, owner};
use usage::invalid;

/// Puts a reply into words.
pub fn message(reply: &Reply, name: &CommandName) -> Message {
    match reply {
        Reply::Help { operation, family, subject, caller_rights, helpers } => {
            help(*operation, *family, subject, caller_rights, helpers, name)
        }
        Reply::Acl { operation, answer, names, absent } => {
            let mut message = acl::acl(*operation, answer, name);
            message.body.extend(absent.iter().map(rooms::absent));
            message.caption(names);
            message
        }
        Reply::Audit { operation, answer, reach, zone, grant } => {
            audit::audit(*operation, answer, reach, zone, grant.as_deref(), name)
        }
        Reply::Console { operation, answer } => console::console(*operation, answer, name),
        Reply::Rooms { operation, answer } => rooms::rooms(*operation, answer, name),
        Reply::Owner { operation, room, outcome, meant } => {
            let mut message = owner(*operation, room, outcome);
            if let Some(meant) = meant {
                rooms::did_you_mean(&mut message, meant, &hand_over().with("room", meant), name);
            }
            message
        }
        Reply::Held { operation, transfer, takes, asker, onward } => {
            held::held(*operation, transfer, takes, asker, onward, name)
        }
        Reply::Transfer { operation, transfer, by, requested_by, outcome, recorded, head, meant } => {
            let new_owner = message::new_owner(transfer);
            let mut message = outcome_message(
                *operation,
                transfer.room.as_str(),
                &new_owner,
                outcome,
                &name.to_see(&transfer.room),
            );
            if let (Tone::Done | Tone::Warning, Some(footer)) = (message.tone, &mut message.footer) {
                let who = by.name.clone().unwrap_or_else(|| by.subject.to_string());
                footer.0.extend(text(" · by ").code(who).0);
                // What the channel keeps of it is a witness that the log cannot be changed behind.
                if let Some(head) = head {
                    footer.0.extend(text(" · log ").text(head).0);
                }
                if let Outcome::Succeeded { previous: Some(previous), .. } = outcome
                    && let Some(line) = rooms::undo_line(&transfer.room, previous)
                {
                    footer.0.extend(text(UNDO).code(name.line(&line)).0);
                }
            }
            if let Some(meant) = meant {
                let line = meant.written(meant.new_owner.as_str());
                rooms::did_you_mean(&mut message, &meant.room, &line, name);
            }
            // A refusal has no room for it; the record has it.
            if message.tone != Tone::Failed {
                message.body.extend(circumstances(by, requested_by.as_deref(), transfer.reason.as_ref()));
            }
            if !recorded {
                message.tone = Tone::Warning;
                message.body.push(text(
                    "The outcome could not be written to the audit log yet (the attempt is in it). \
                     The bot keeps trying; tell an admin to check its disk.",
                ));
            }
            message
        }
        Reply::Denied { operation, denial, subject, action, helpers, ask } => {
            let mut message = denied(*operation, denial, subject, action, helpers, name);
            if let (Some(ask), Some(next)) = (ask, message.body.first_mut()) {
                *next = asking::how_to_ask(ask, helpers, name);
            }
            message
        }
        Reply::Ask { operation, room, answer, subject, helpers } => {
            asking::asked(*operation, room, answer, subject, helpers, name)
        }
        Reply::Invalid { operation, error, rights } => invalid(*operation, error, rights, name),
        Reply::Duplicate { operation, first } => duplicate(*operation, first),
        Reply::Busy { operation, holder, is_callers_own } => busy(*operation, holder, *is_callers_own),
        Reply::NotHeld { operation, named, room } => not_held(*operation, *named, room.as_ref(), name),
        Reply::NotPressed { operation, why } => not_pressed(*operation, why),
        Reply::Cancelled { operation } => Message {
            tone: Tone::Plain,
            headline: text("Cancelled. Nothing was done."),
            body: vec![],
            footer: Some(op(*operation)),
        },
        Reply::WithButtons { reply, .. } => message(reply, name),
        Reply::Foreign { operation, origin } => foreign_origin(*operation, origin),
        Reply::Unusable { operation, unusable } => {
            let why =
                text("The bot could not use this request, so nothing was done: ").and(spans(&unusable.why));
            Message::new(Tone::Failed, why.text("."), vec![text(usage::advice(unusable.advice))])
                .with_footer(op(*operation))
        }
        Reply::RateLimited { operation, why } => turned_away(*operation, *why),
        Reply::NotRecorded => Message {
            tone: Tone::Failed,
            headline: text("Nothing was done: the audit log cannot be written right now."),
            body: vec![text(
                "The bot never changes a room without a record. It is safe to try again; tell an admin to \
                 check the bot's disk and database if it stays like this.",
            )],
            footer: None,
        },
        Reply::Broken => Message {
            tone: Tone::Warning,
            headline: text(
                "The bot failed in the middle of this: it is not known whether anything was changed.",
            ),
            body: vec![text(
                "Look at the room's owner before you try again, and tell an admin: the bot's log has the details.",
            )],
            footer: None,
        },
        Reply::Late { reply, typed, asked_at, known } => {
            let mut message = message(reply, name);
            message.body.insert(0, outcome::late(typed, *asked_at, *known));
            message
        }
        Reply::Waiting { typed, result_follows } => Message {
            tone: Tone::Wait,
            headline: text("Nothing is done yet: the bot is slow to write down ").code(typed).text("."),
            body: vec![if *result_follows {
                text(
                    "The answer follows here. If none comes within a minute, look at the room's owner, then send it again.",
                )
            } else {
                text("Look at the room's owner in a minute before you send it again.")
            }],
            footer: None,
        },
        Reply::Working { typed, result_follows } => Message {
            tone: Tone::Wait,
            headline: text(WORKING).code(typed).text(" …"),
            body: vec![if *result_follows {
                text("Tencent is slow to answer. The result follows here; do not send it again.")
            } else {
                text("Tencent is slow to answer. Look at the room's owner in a moment; do not send it again.")
            }],
            footer: None,
        },
    }
}

/// Who asked for what somebody else approved, and the reason that was given.
fn circumstances(by: &Principal, requested_by: Option<&Asker>, reason: Option<&String>) -> Option<Line> {
    let asker = requested_by.map(|asker| {
        let line = text("Asked for by ").and(person(&asker.subject, asker.name.as_ref()));
        line.text(", approved by ").and(person(&by.subject, by.name.as_ref())).text(".")
    });
    let reason = reason.map(|reason| text("Reason given: ").code(reason));
    match (asker, reason) {
        (Some(asker), Some(reason)) => Some(asker.text(" ").and(reason)),
        (asker, reason) => asker.or(reason),
    }
}

/// What stands before the line that undoes a hand-over.
pub const UNDO: &str = " · undo: ";

/// How a message begins that only says that the answer comes later.
pub const WORKING: &str = "Working on ";

fn turned_away(operation: Option<OperationId>, why: Overload) -> Message {
    let (headline, next) = match why {
        Overload::Person(limit) => (
            text("Nothing was done: you have given ")
                .text(commands(limit))
                .text(" within a minute, and no more are taken."),
            "It is safe to send it again in a minute.",
        ),
        Overload::Room(limit) => (
            text("Nothing was done: this room has had ")
                .text(commands(limit))
                .text(" within a minute, and no more are carried out."),
            "It is safe to send it again in a minute. Somebody may be handing the room back and forth.",
        ),
        Overload::Full => (
            text("Nothing was done: the bot is busy."),
            "It is safe to try again in a moment; tell an admin if it stays like this.",
        ),
    };
    Message { tone: Tone::Wait, headline, body: vec![text(next)], footer: operation.map(op) }
}

/// What an entry of the log says, for somebody who sent the same delivery twice.
fn duplicate(operation: OperationId, first: &AuditEntry) -> Message {
    let number = first.operation;
    let headline = match first.outcome {
        OutcomeKind::Pending => text("Already under way as op ").text(number).text("; it is not done twice."),
        OutcomeKind::Unknown => text("Already sent as op ")
            .text(number)
            .text(", and its outcome is not known. It is not sent again."),
        _ => text("Already handled as op ").text(number).text("; it was not done twice."),
    };
    let mut body = vec![summary(first)];
    if first.outcome == OutcomeKind::Unknown {
        body.push(text("Look at the room's owner before you try again."));
    }
    Message::new(Tone::Plain, headline, body).with_footer(match &first.request_id {
        Some(id) => op(operation).text(" · RequestId ").code(id),
        None => op(operation),
    })
}

fn not_pressed(operation: OperationId, why: &NotPressed) -> Message {
    let headline = text("Nothing was done: ");
    let (headline, next) = match why {
        NotPressed::Lapsed(of) => (
            headline.text("this button of op ").text(of).text(" has expired."),
            "Look at the room's owner, then type the command.",
        ),
        NotPressed::Used(by) => (
            headline.text("this was pressed already, and became op ").text(by).text("."),
            "Look at the reply to that one before you do it again.",
        ),
        NotPressed::NotSecond(why) => {
            let (line, next) = held::not_second(why);
            (headline.and(line), next)
        }
        NotPressed::NotYours(whom) => (
            headline.text("this button is for ").and(message::subject(whom)).text("."),
            "Type the command yourself, if you may use it here.",
        ),
    };
    Message::new(Tone::Stop, headline, vec![text(next)]).with_footer(op(operation))
}

fn not_held(
    operation: OperationId,
    named: OperationId,
    room: Option<&RoomId>,
    name: &CommandName,
) -> Message {
    let headline = text("Nothing was done: op ").text(named).text(" does not hold ");
    let option = if name.0.starts_with('/') { "override:" } else { "--override" };
    Message::new(
        Tone::Failed,
        match room {
            Some(room) => headline.code(room).text("."),
            None => headline.text("the room."),
        },
        vec![
            text("It may have ended by now: see who owns the room first. To hand it over then, leave ")
                .code(option)
                .text(" out."),
        ],
    )
    .with_footer(op(operation))
}

fn busy(operation: OperationId, holder: &AuditEntry, is_callers_own: bool) -> Message {
    let mut headline = text("Nothing was done: op ").text(holder.operation);
    if let Some(room) = &holder.room {
        headline = headline.text(" on ").code(room);
    }
    let mut body = Vec::new();
    if holder.outcome == OutcomeKind::Unknown {
        headline = headline.text(" has an outcome that is not known yet.");
        body.push(text("The bot keeps asking Tencent: try again in a minute."));
        body.push(
            text("An admin of this room can go ahead without knowing: ")
                .text("behind the new owner, put ")
                .code(format!("override: {} reason: <why>", holder.operation))
                .text(" (at the command line, --override and --reason)."),
        );
    } else {
        headline = headline.text(" is still under way.");
        body.push(text("It takes a few seconds at most: wait for its outcome."));
    }
    if let (Some(actor), Some(new_owner)) = (&holder.actor, &holder.new_owner) {
        let who = person(actor, holder.actor_name.as_ref());
        let who = if is_callers_own { text("You are") } else { who.text(" is") };
        let to = message::account(new_owner, holder.new_owner_person.as_ref().map(message::subject));
        let line = who.text(" handing it to ").and(to).text(". ");
        body[0] = line.and(std::mem::take(&mut body[0]));
    }
    Message::new(Tone::Wait, headline, body).with_footer(op(operation))
}
