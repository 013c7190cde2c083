//! Lists of rooms, the line that undoes a hand-over, and the room that was probably meant.

use super::message::{CommandName, Line, Message, Tone, code, hand_over, op, subject, summary, text};
use crate::domain::audit::OperationId;
use crate::domain::command::{CommandGroup, Invocation, linking};
use crate::domain::principal::Subject;
use crate::domain::reply::{AbsentRoom, LastHandOver, OwnerAnswer};
use crate::domain::room::{AccountId, Accounts, RoomId};

pub(super) fn rooms(operation: OperationId, answer: &OwnerAnswer, name: &CommandName) -> Message {
    match answer {
        OwnerAnswer::Rooms(rooms) => listed(operation, rooms.as_deref(), name),
        OwnerAnswer::NoRooms => none(operation, name),
        OwnerAnswer::Last(last) => undo(operation, last.as_deref(), name),
        OwnerAnswer::Account(person, account) => account_of(operation, person, account.as_ref(), name),
    }
}

fn account_of(
    operation: OperationId,
    person: &Subject,
    account: Option<&AccountId>,
    name: &CommandName,
) -> Message {
    let who = subject(person);
    let hand_over = |to: &str| code(name.line(&hand_over().with("room", "<room>").with("new_owner", to)));
    let message = match account {
        Some(account) => {
            let next = text("To hand them a room: ").and(hand_over(account.as_str()));
            Message::new(Tone::Plain, who.text(" has the live account ").code(account).text("."), vec![next])
        }
        None => {
            let next = text("To name the account yourself: ").and(hand_over("<new_owner>"));
            let link = how_to_link(person, name);
            Message::new(Tone::Stop, who.text(" is linked to no live account."), vec![next, link])
        }
    };
    message.with_footer(op(operation))
}

/// How an admin says which account somebody has.
pub(super) fn how_to_link(person: &Subject, name: &CommandName) -> Line {
    let link = linking(person, "<account>", None);
    text("An admin can link them: ").code(name.of(CommandGroup::Acl).line(&link))
}

/// How many rooms a list names: what fits a message on every platform.
const MOST_ROOMS: usize = 20;

fn listed(operation: OperationId, rooms: Option<&[(RoomId, AccountId)]>, name: &CommandName) -> Message {
    let (tone, headline, body) = match rooms {
        None => (
            Tone::Failed,
            text("The live rooms cannot be listed right now."),
            vec![text("Name the room: ").code(name.line(&hand_over().with("room", "<room>"))).text(".")],
        ),
        Some([]) => (Tone::Plain, text("There is no live room that you may hand over here."), Vec::new()),
        Some(rooms) => {
            let line = |(room, owner): &(RoomId, AccountId)| code(room).text(" · owner ").code(owner);
            let mut body: Vec<Line> = rooms.iter().take(MOST_ROOMS).map(line).collect();
            if rooms.len() > MOST_ROOMS {
                body.push(text("and ").text(rooms.len() - MOST_ROOMS).text(" more."));
            }
            (Tone::Plain, text("The live rooms that you may hand over here:"), body)
        }
    };
    Message::new(tone, headline, body).with_footer(op(operation))
}

fn none(operation: OperationId, name: &CommandName) -> Message {
    let whoami = name.line(&Invocation::named(CommandGroup::Owner, &["whoami"]));
    Message::new(
        Tone::Stop,
        text("You may hand no room over here."),
        vec![text("What you may do, and whom to ask: ").code(whoami)],
    )
    .with_footer(op(operation))
}

fn undo(operation: OperationId, last: Option<&LastHandOver>, name: &CommandName) -> Message {
    let footer = Some(op(operation));
    let Some(LastHandOver { entry, later }) = last else {
        let headline = text("You have handed no room over yet.");
        return Message { tone: Tone::Plain, headline, body: Vec::new(), footer };
    };
    let headline = text("Your last hand-over was op ").text(entry.operation).text(": ").and(summary(entry));
    let undo = entry.room.as_ref().zip(entry.previous_owner.as_ref());
    let undo = undo.and_then(|(room, previous)| undo_line(room, &AccountId::from_tencent(previous.clone())));
    let body = vec![match (later, undo) {
        (Some(later), _) => {
            text("The room has changed hands since: op ").text(later.operation).text(": ").and(summary(later))
        }
        (None, Some(line)) => text("To undo it, type: ").code(name.line(&line)),
        (None, None) => text("Who owned the room before is not known."),
    }];
    Message { tone: Tone::Plain, headline, body, footer }
}

/// The line that gives a room back. `None` if nobody may ask for that account.
pub fn undo_line(room: &RoomId, previous: &AccountId) -> Option<Invocation> {
    Accounts::Tencent.check(previous).ok()?;
    Some(hand_over().with("room", room).with("new_owner", previous))
}

/// That there is no such room now.
pub(super) fn absent(AbsentRoom { room, meant }: &AbsentRoom) -> Line {
    let line = text("No live room is called ").code(room).text(" now");
    match meant {
        Some(meant) => line.text(": did you mean ").code(meant).text("?"),
        None => line.text("."),
    }
}

/// Says which room was probably meant, in the place of the advice to look at the spelling.
pub(super) fn did_you_mean(message: &mut Message, meant: &RoomId, line: &Invocation, name: &CommandName) {
    message.body.pop();
    message.body.push(text("Did you mean ").code(meant).text("? Type: ").code(name.line(line)));
}
