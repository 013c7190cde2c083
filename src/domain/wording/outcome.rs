//! The outcome of a transfer or of a question.

use jiff::Timestamp;

use super::message::{Line, Message, Tone, code, op, op_and_request, text};
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
            Message::new(
                Tone::Failed,
                text("The owner of ").code(room).text(" could not be read."),
                why.map(problem).unwrap_or_default(),
            )
            .with_footer(op_and_request(operation, other.request_id()))
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
    let line = text("You asked for this at ").time(asked_at).text(": ").code(typed);
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
    new_owner: &Line,
    outcome: &Outcome,
    show: &str,
) -> Message {
    let new_owner = || new_owner.clone();
    let now_belongs = |line: Line, previous: Option<&AccountId>| {
        let line = line.code(room).text(" now belongs to ").and(new_owner());
        line.and_if(previous.filter(|previous| !previous.as_str().is_empty()), |line, previous| {
            line.text(" (was ").code(previous).text(")")
        })
    };
    let (tone, headline, body) = match outcome {
        Outcome::Succeeded { previous, confirmed: true, unclear, .. } => {
            let lost = |_| text("Tencent's answer was lost on the way; the new owner was read back.");
            let headline = now_belongs(Line::default(), previous.as_ref()).text(" · confirmed");
            (Tone::Done, headline, unclear.iter().map(lost).collect())
        }
        Outcome::Succeeded { previous, confirmed: false, .. } => {
            let look = text("Tencent accepted the change; it was not read back yet. Check in a moment with ");
            let headline = now_belongs(Line::default(), previous.as_ref());
            (Tone::Done, headline.text(" · accepted, not yet confirmed"), vec![look.code(show).text(".")])
        }
        Outcome::ConfirmedByCallback { previous, owner_now, .. } => {
            let handed = code(room).text(" was handed to ").and(new_owner());
            let handed = handed
                .and_if(previous.as_ref(), |handed, previous| handed.text(" (was ").code(previous).text(")"));
            let lost = text("Tencent's answer was lost on the way; its callback reported the change.");
            match owner_now {
                None => (Tone::Done, handed.text(" · confirmed"), vec![lost]),
                Some(now) => {
                    let on = text("Somebody may have handed the room on. ").text(AGREE);
                    let headline = handed.text(" and belongs to ").code(now).text(" by now.");
                    (Tone::Warning, headline, vec![lost, on])
                }
            }
        }
        Outcome::Unchanged => {
            let headline = new_owner().text(" is already the owner of ").code(room);
            (Tone::Plain, headline.text(". Nothing to change."), vec![])
        }
        Outcome::Refused { previous, refusal } => {
            let headline = text("The owner of ").code(room).text(" was not changed");
            let headline = headline.and_if(
                previous.as_ref().filter(|previous| !previous.as_str().is_empty()),
                |headline, previous| headline.text(": it still belongs to ").code(previous),
            );
            (Tone::Failed, headline.text("."), problem(refusal))
        }
        Outcome::Declined(refusal) => {
            let headline = text("Nothing was done: ").code(room).text(" keeps its owner.");
            (Tone::Failed, headline, problem(refusal))
        }
        Outcome::Unknown { owner_now, problem: what, .. } => {
            let lost = text("Tencent's answer was lost (").code(&what.info);
            match owner_now {
                Some(now) => {
                    let headline = text("Unclear: ").code(room).text(" now belongs to ").code(now);
                    let lost = lost.text("), and somebody else may have changed the owner since.");
                    let headline = headline.text(", which is not what was asked for.");
                    (Tone::Warning, headline, vec![lost, text(AGREE)])
                }
                None => {
                    let headline = text("Unknown: nobody can tell yet whether ").code(room);
                    let headline = headline.text(" belongs to ").and(new_owner()).text(".");
                    let lost = lost.text("), and the change may still come true. Do not send it again.");
                    let look = text("The bot keeps looking and records what it finds. Look with ");
                    let look = look.code(show).text(" before you do anything else.");
                    (Tone::Warning, headline, vec![lost, look])
                }
            }
        }
        Outcome::Shown(owner) => (Tone::Plain, code(room).text(" belongs to ").code(owner).text("."), vec![]),
    };
    Message::new(tone, headline, body).with_footer(op_and_request(operation, outcome.request_id()))
}

/// What to do where several people may be at work on a room.
const AGREE: &str = "Agree with the other moderators before you try again.";
