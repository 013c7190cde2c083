//! A hand-over that takes more than the right to it: what would happen, and how it goes on.

use super::denial::an_admin;
use super::message::{CommandName, Line, Message, Tone, code, new_owner, op, person, text};
use super::outcome::outcome_message;
use super::rooms;
use crate::domain::access::{Asker, Helpers, Needed, NotSecond, RoomScope, Takes};
use crate::domain::audit::{OperationId, Outcome};
use crate::domain::command::{CommandGroup, Invocation, Style, Transfer, shell_word};
use crate::domain::press::held_for;
use crate::domain::reply::Onward;
use crate::domain::room::AccountId;

pub(super) fn held(
    operation: OperationId,
    transfer: &Transfer,
    takes: &Takes,
    asker: &Asker,
    onward: &Onward,
    name: &CommandName,
) -> Message {
    let message = match onward {
        Onward::WhileOwnedBy { owner, viewers } => {
            let question = match takes.needed {
                _ if name.1 == Style::Shell => on_the_command_line(transfer, owner, name),
                Needed::Confirmation => to_confirm(transfer, takes, asker, owner),
                Needed::SecondPerson => to_approve(transfer, takes, asker, owner),
            };
            // On the command line the reason stands in the line that is shown.
            let reason = transfer.reason.as_ref().filter(|_| name.1 != Style::Shell);
            with_circumstances(question, transfer, takes, *viewers, reason)
        }
        Onward::NobodyElse(helpers) => nobody_else(transfer, helpers),
        Onward::InAChannel => in_a_channel(transfer, takes, name),
        Onward::Ended { outcome, meant } => {
            return ended(operation, transfer, outcome, meant.as_deref(), name);
        }
    };
    message.with_footer(op(operation))
}

fn to_confirm(transfer: &Transfer, takes: &Takes, asker: &Asker, owner: &AccountId) -> Message {
    let headline = text("Not done yet: press Confirm to hand ").and(way(transfer, owner)).text(".");
    let line = text(format!("It can be confirmed for {} minutes", held_for(takes.needed, asker).as_mins()));
    Message::new(Tone::Wait, headline, vec![line.text(", as long as nobody changes the owner.")])
}

fn to_approve(transfer: &Transfer, takes: &Takes, asker: &Asker, owner: &AccountId) -> Message {
    let headline = person(&asker.subject, asker.name.as_ref()).text(" asks to hand ");
    let headline = headline.and(way(transfer, owner)).text(": it takes a second person.");
    let minutes = held_for(takes.needed, asker).as_mins();
    let line = text("Anybody else who may hand it over in this channel can approve it for ");
    Message::new(Tone::Wait, headline, vec![line.text(format!("{minutes} minutes."))])
}

fn on_the_command_line(transfer: &Transfer, owner: &AccountId, name: &CommandName) -> Message {
    let headline = text("Nothing was done: this would hand ").and(way(transfer, owner)).text(".");
    let line = name.line(&transfer.written(transfer.new_owner.as_str()));
    let line = format!("{line} --if-owner {}", shell_word(owner.as_str()));
    Message::new(Tone::Wait, headline, vec![text("To do it, if that is still the owner: ").code(line)])
}

/// `live-7 from carol to bob`
fn way(transfer: &Transfer, owner: &AccountId) -> Line {
    let line = code(&transfer.room);
    let line = match owner.as_str() {
        "" => line.text(", which has no owner,"),
        owner => line.text(" from ").code(owner),
    };
    line.text(" to ").and(new_owner(transfer))
}

/// With what helps to decide, in the same line as how it goes on.
fn with_circumstances(
    mut message: Message,
    transfer: &Transfer,
    takes: &Takes,
    viewers: Option<u64>,
    reason: Option<&String>,
) -> Message {
    let Some(line) = message.body.first_mut() else { return message };
    let said = std::mem::take(line);
    let new = takes.is_new_account.then_some(&transfer.new_owner);
    let before = Line::default().and_if(new, |line, account| {
        line.text("The log has never seen ").code(account).text(": look at its spelling. ")
    });
    let before = before.and_if(viewers.filter(|viewers| *viewers > 0), |line, viewers| match viewers {
        1 => line.text("1 viewer. "),
        viewers => line.text(format!("{viewers} viewers. ")),
    });
    *line = before.and(said).and_if(reason, |line, reason| line.text(" Reason given: ").code(reason));
    message
}

fn nobody_else(transfer: &Transfer, helpers: &Helpers) -> Message {
    let headline =
        text("Nothing was done: ").code(&transfer.room).text(" takes a second person, and nobody else may");
    let line = text("Ask ")
        .and(an_admin(helpers))
        .text(" for somebody else with the role here, then type it again.");
    Message::new(Tone::Stop, headline.text(" hand it over in this channel."), vec![line])
}

fn in_a_channel(transfer: &Transfer, takes: &Takes, name: &CommandName) -> Message {
    let headline = text("Nothing was done: ").code(&transfer.room);
    let headline = headline.text(" takes two people to hand over, who ask and approve in a channel.");
    let rooms = takes.marked.clone().unwrap_or_else(|| RoomScope::Exact(transfer.room.clone()));
    let off = Invocation::named(CommandGroup::Acl, &["room"]).with("rooms", rooms).with("mark", "off");
    let line = text("Type it in chat. An admin can take the mark off, which is on record: ")
        .code(name.of(CommandGroup::Acl).line(&off));
    Message::new(Tone::Stop, headline, vec![line])
}

fn ended(
    operation: OperationId,
    transfer: &Transfer,
    outcome: &Outcome,
    meant: Option<&Transfer>,
    name: &CommandName,
) -> Message {
    let (room, owner) = (transfer.room.as_str(), new_owner(transfer));
    let mut message = outcome_message(operation, room, &owner, outcome, &name.to_see(&transfer.room));
    if let Some(meant) = meant {
        rooms::did_you_mean(&mut message, &meant.room, &meant.written(meant.new_owner.as_str()), name);
    }
    message
}

/// Why somebody cannot approve, and what helps.
pub(super) fn not_second(why: &NotSecond) -> (Line, &'static str) {
    let who = |whom| person(whom, None);
    match why {
        NotSecond::Asker => {
            (text("you asked for it, and another person has to approve it."), "Ask somebody else who may.")
        }
        NotSecond::SameAccount(asker) => (
            text("you and ").and(who(asker)).text(" have, or had meanwhile, the same account."),
            "Another person has to approve it.",
        ),
        NotSecond::NotKnownToBeTwo(asker) => (
            text("nobody knows here that you and ").and(who(asker)).text(" are two people."),
            "Both need a linked account, and not the same: an admin can link them.",
        ),
        NotSecond::AskerMayNot(asker) => (
            who(asker).text(", who asked for it, may not hand the room over here any more."),
            "If it is still wanted, somebody who may has to ask for it anew.",
        ),
    }
}
