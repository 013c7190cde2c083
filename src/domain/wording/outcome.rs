//! The outcome of a transfer or of a question.

use jiff::Timestamp;

use super::message::{Line, Message, Tone, code, minutes, op, op_and_request, text};
use crate::domain::audit::{OperationId, Outcome, Refusal};
use crate::domain::reply::AlreadyKnown;
use crate::domain::room::{AccountId, RoomId};

pub(super) fn owner(operation: OperationId, room: &RoomId, outcome: &Outcome) -> Message {
    match outcome {
        Outcome::Shown(owner) => Message {
            tone: Tone::Plain,
            headline: match owner.as_str() {
                "" => code(room).text(" has no owner: it can be given one."),
                owner => code(room).text(" belongs to ").code(owner).text("."),
            },
            body: vec![],
            footer: Some(op(operation)),
        },
        other => {
            let why = other.problem();
            Message {
                tone: Tone::Failed,
                headline: text("The owner of ").code(room).text(" could not be read."),
                body: why.map(problem).unwrap_or_default(),
                footer: Some(op_and_request(operation, other.request_id())),
            }
        }
    }
}

/// Code, ErrorInfo, and what to do next. RequestId is in the footer.
fn problem(refusal: &Refusal) -> Vec<Line> {
    let said = match refusal.code {
        Some(number) => text("Tencent's error ").text(number).text(": ").code(&refusal.info),
        None => text("What went wrong: ").code(&refusal.info),
    };
    vec![said, text(&refusal.remedy)]
}

/// Why an answer comes when nobody waits for it any more.
pub(super) fn late(typed: &str, asked_at: Timestamp, known: AlreadyKnown) -> Line {
    let line = text("You asked for this at ").text(minutes(asked_at)).text(": ").code(typed);
    line.text(match known {
        AlreadyKnown::Nothing => ". The bot could not answer then.",
        AlreadyKnown::Perhaps => ". Again, in case you did not see the answer.",
        AlreadyKnown::Unknown => ". The outcome was not known then.",
        AlreadyKnown::Refused => {
            ". The bot said that it had not happened; Tencent has reported otherwise since."
        }
    })
}

pub(super) fn outcome_message(
    operation: OperationId,
    room: &str,
    new_owner: &str,
    outcome: &Outcome,
    show: &str,
) -> Message {
    let footer = Some(op_and_request(operation, outcome.request_id()));
    let now_belongs = |line: Line, previous: Option<&AccountId>| {
        let line = line.code(room).text(" now belongs to ").code(new_owner);
        match previous.filter(|previous| !previous.as_str().is_empty()) {
            Some(previous) => line.text(" (was ").code(previous).text(")"),
            None => line,
        }
    };
    match outcome {
        Outcome::Succeeded { previous, confirmed: true, unclear, .. } => Message {
            tone: Tone::Done,
            headline: now_belongs(Line::default(), previous.as_ref()).text(" · confirmed"),
            body: unclear
                .iter()
                .map(|_| text("Tencent's answer was lost on the way; the new owner was read back."))
                .collect(),
            footer,
        },
        Outcome::Succeeded { previous, confirmed: false, .. } => Message {
            tone: Tone::Done,
            headline: now_belongs(Line::default(), previous.as_ref()).text(" · accepted, not yet confirmed"),
            body: vec![
                text("Tencent accepted the change but does not show it yet. Check in a moment with ")
                    .code(show)
                    .text("."),
            ],
            footer,
        },
        Outcome::ConfirmedByCallback { previous, owner_now, .. } => {
            let handed = code(room).text(" was handed to ").code(new_owner);
            let handed = match previous {
                Some(previous) => handed.text(" (was ").code(previous).text(")"),
                None => handed,
            };
            let mut body =
                vec![text("Tencent's answer was lost on the way; its callback reported the change.")];
            if owner_now.is_some() {
                body.push(text(
                    "Somebody may have handed the room on. Agree with the other moderators before you try again.",
                ));
            }
            Message {
                tone: if owner_now.is_some() { Tone::Warning } else { Tone::Done },
                headline: match owner_now {
                    Some(now) => handed.text(" and belongs to ").code(now).text(" by now."),
                    None => handed.text(" · confirmed"),
                },
                body,
                footer,
            }
        }
        Outcome::Unchanged => Message {
            tone: Tone::Plain,
            headline: code(new_owner)
                .text(" is already the owner of ")
                .code(room)
                .text(". Nothing to change."),
            body: vec![],
            footer,
        },
        Outcome::Refused { previous, refusal } => {
            let headline = text("The owner of ").code(room).text(" was not changed");
            Message {
                tone: Tone::Failed,
                headline: match previous.as_ref().filter(|previous| !previous.as_str().is_empty()) {
                    Some(previous) => headline.text(": it still belongs to ").code(previous).text("."),
                    None => headline.text("."),
                },
                body: problem(refusal),
                footer,
            }
        }
        Outcome::Declined(refusal) => Message {
            tone: Tone::Failed,
            headline: text("Nothing was done: ").code(room).text(" keeps its owner."),
            body: problem(refusal),
            footer,
        },
        Outcome::Unknown { owner_now: Some(now), problem: what, .. } => Message {
            tone: Tone::Warning,
            headline: text("Unclear: ")
                .code(room)
                .text(" now belongs to ")
                .code(now)
                .text(", which is not what was asked for."),
            body: vec![
                text("Tencent's answer was lost (")
                    .code(&what.info)
                    .text("), and somebody else may have changed the owner since."),
                text("Agree with the other moderators before you try again."),
            ],
            footer,
        },
        Outcome::Unknown { problem: what, .. } => Message {
            tone: Tone::Warning,
            headline: text("Unknown: nobody can tell yet whether ")
                .code(room)
                .text(" belongs to ")
                .code(new_owner)
                .text("."),
            body: vec![
                text("Tencent's answer was lost (")
                    .code(&what.info)
                    .text("), and the change may still come true. Do not send it again."),
                text("The bot keeps looking and records what it finds. Look with ")
                    .code(show)
                    .text(" before you do anything else."),
            ],
            footer,
        },
        Outcome::Shown(owner) => Message {
            tone: Tone::Plain,
            headline: code(room).text(" belongs to ").code(owner).text("."),
            body: vec![],
            footer,
        },
    }
}
