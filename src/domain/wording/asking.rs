//! Requests for access: what whoever asks, the admins, and whoever answers read.

use super::denial::an_admin;
use super::edits::warning_lines;
use super::lists::{limited, to_list};
use super::message::{
    CommandName, Line, Message, Tone, channel, code, hand_over, op, person, several, subject, text,
};
use crate::domain::access::{ChangedEntry, GrantWarnings, Helpers};
use crate::domain::asking::{AccessAnswer, AccessRequest, Addressee, NotAnswered, answering, asking};
use crate::domain::audit::OperationId;
use crate::domain::command::{AskForAccess, CommandGroup, Invocation, Section, Style};
use crate::domain::principal::{Channel, Subject};
use crate::domain::reply::AskAnswer;
use crate::domain::room::RoomId;

/// The line that asks for access at this door: where options are filled in, it is one of the hand-over's.
fn asking_line(room: &RoomId, name: &CommandName) -> String {
    name.line(&match name.1 {
        Style::Options => hand_over().with("room", room).with("ask", "yes"),
        Style::Words | Style::Shell => asking(room, None),
    })
}

/// What somebody can do about a denial for want of a grant.
pub(super) fn how_to_ask(ask: &AskForAccess, whom: &Helpers, name: &CommandName) -> Line {
    let line = text("Press the button to ask for access, or type ").code(asking_line(&ask.room, name));
    if whom.admins.is_empty() {
        line.text(".")
    } else {
        line.text("; ").and(an_admin(whom)).text(" can give it.")
    }
}

/// What somebody reads who asked for access.
pub(super) fn asked(
    operation: OperationId,
    room: &RoomId,
    answer: &AskAnswer,
    asker: &Subject,
    whom: &Helpers,
    name: &CommandName,
) -> Message {
    let (tone, headline, next) = match answer {
        AskAnswer::ShownTo(addressees, lapses_at) => (
            Tone::Wait,
            text("Asked for access to ").code(room).text(" here: ").and(shown_to(addressees)).text("."),
            text("You get a message with the answer. An admin can answer until ").time(*lapses_at).text("."),
        ),
        AskAnswer::AskedBefore(first) => (
            Tone::Wait,
            text("Nothing was done: you asked for ")
                .code(room)
                .text(" at ")
                .time(first.asked_at)
                .text(" (op ")
                .text(first.operation)
                .text("), and no admin has answered yet."),
            text("You get a message with the answer. You can ask again after ")
                .time(first.lapses_at)
                .text("."),
        ),
        AskAnswer::AlreadyMay => (
            Tone::Plain,
            text("Nothing was asked: you may hand ").code(room).text(" over here already."),
            code(name.line(&hand_over().with("room", room).with("new_owner", "<new_owner>"))),
        ),
        AskAnswer::Nobody => (
            Tone::Stop,
            text("Not asked: nobody can give you access to ").code(room).text(" here."),
            text("Ask whoever runs the bot, and quote your id ").code(asker).text("."),
        ),
        AskAnswer::Unreachable => (
            Tone::Stop,
            text("Not asked: the bot cannot write to anybody who can give you access to ")
                .code(room)
                .text("."),
            text("Ask ").and(an_admin(whom)).text(" yourself, and quote your id ").code(asker).text("."),
        ),
    };
    Message::new(tone, headline, vec![next]).with_footer(op(operation))
}

fn shown_to(addressees: &[Addressee]) -> Line {
    let channels: Vec<&Channel> = addressees.iter().filter_map(Addressee::channel).collect();
    match (channels.as_slice(), addressees.len()) {
        ([], 1) => text("an admin has a message from the bot"),
        ([], people) => text(people).text(" admins have a message from the bot"),
        (channels, _) => text("the admins see it in ").and(several(channels, 3, |it| channel(it))),
    }
}

/// What admins read: who asks for what and why; once it was answered, how.
pub(super) fn request(request: &AccessRequest, name: &CommandName) -> Message {
    let asks = if request.answer.is_some() { " asked for access to " } else { " asks for access to " };
    let headline = code(asker(request)).text(asks).code(&request.room).text(" in ");
    let headline = headline.and(channel(&request.channel)).text(".");
    let (tone, next) = match &request.answer {
        None => (Tone::Wait, text("Moderator for this room, in that channel alone: for how long?")),
        Some(answer) => (tone(answer), answered(answer)),
    };
    let reason = request.reason.as_ref().map(|reason| text("Reason given: ").code(reason));
    let footer =
        op(request.operation).text(" · asked ").time(request.asked_at).text(" · id ").code(&request.person);
    let footer = match request.answer {
        None => footer.text(" · or type ").code(typed(request, name)),
        Some(_) => footer,
    };
    Message::new(tone, headline, reason.into_iter().chain([next]).collect()).with_footer(footer)
}

/// What whoever asked reads once it was answered.
pub(super) fn outcome(request: &AccessRequest, answer: &AccessAnswer, name: &CommandName) -> Message {
    let room = &request.room;
    let (headline, next) = match answer.until {
        Some(until) => (
            text("You may hand ")
                .code(room)
                .text(" over in ")
                .and(channel(&request.channel))
                .text(" until ")
                .time(until),
            Some(code(name.line(&hand_over().with("room", room).with("new_owner", "<new_owner>")))),
        ),
        None => {
            (text("You did not get access to ").code(room).text(" in ").and(channel(&request.channel)), None)
        }
    };
    let headline = headline.text(" · answered by ").code(answerer(answer));
    let footer = op(answer.operation).text(" · asked in op ").text(request.operation);
    Message::new(tone(answer), headline, next.into_iter().collect()).with_footer(footer)
}

/// What an admin reads who answered.
pub(super) fn answer(request: &AccessRequest, granted: Option<&(ChangedEntry, GrantWarnings)>) -> Message {
    let who = person(&request.person, request.name.as_ref());
    let told = text("They get a message that says so.");
    match granted {
        Some((entry @ ChangedEntry::Grant { after, .. }, warnings)) => {
            let headline = who.text(" may now hand ").code(&request.room).text(" over").and(limited(after));
            let headline = headline.text(" (grant ").text(after.id).text(").");
            let mut body: Vec<Line> =
                warning_lines(entry, warnings).into_iter().map(super::message::sentence).collect();
            body.push(told);
            let tone = if warnings.wholly { Tone::Warning } else { Tone::Done };
            Message::new(tone, headline, body)
        }
        _ => {
            let headline =
                text("Not given: ").and(who).text(" gets no access to ").code(&request.room).text(".");
            Message::new(Tone::Done, headline, vec![told])
        }
    }
}

/// Why a request was not answered.
pub(super) fn not_answered(why: &NotAnswered, name: &CommandName) -> Message {
    let headline = text("Nothing was changed: ");
    let see = || text("See ").code(to_list(Section::Attention, name)).text(" for who asks for access.");
    let (headline, next) = match why {
        NotAnswered::NoRequest(operation) => {
            (headline.text("op ").text(operation).text(" asks for no access."), see())
        }
        NotAnswered::Own(operation) => (
            headline.text("op ").text(operation).text(" is your own request."),
            text("Another admin has to answer it."),
        ),
        NotAnswered::Lapsed(request) => (
            headline
                .text("op ")
                .text(request.operation)
                .text(" could be answered until ")
                .time(request.lapses_at)
                .text("."),
            text("To give the role all the same: ").code(name.line(&granting(request))),
        ),
        NotAnswered::Answered(request) => {
            let line = headline.text("op ").text(request.operation).text(" was answered before.");
            (line, request.answer.as_ref().map(answered).unwrap_or_default())
        }
    };
    Message::new(Tone::Stop, headline, vec![next])
}

/// A line for each request that is open.
pub fn open(request: &AccessRequest, name: &CommandName) -> Line {
    let line =
        text("op ").text(request.operation).text(" · ").and(subject(&request.person)).text(" asks for ");
    let line = line
        .code(&request.room)
        .text(" in ")
        .and(channel(&request.channel))
        .text(" · ")
        .time(request.asked_at);
    let line = line.and_if(request.reason.as_ref(), |line, reason| line.text(" · ").code(reason));
    line.text(" · ").code(typed(request, name))
}

fn granting(request: &AccessRequest) -> Invocation {
    let line = Invocation::named(CommandGroup::Acl, &["grant"]).with("who", &request.person);
    line.with("role", "moderator")
        .with("rooms", &request.room)
        .with("channel", &request.channel)
        .with("for", "8h")
}

fn typed(request: &AccessRequest, name: &CommandName) -> String {
    name.of(CommandGroup::Acl).line(&answering(request.operation, "8h"))
}

fn tone(answer: &AccessAnswer) -> Tone {
    if answer.until.is_some() { Tone::Done } else { Tone::Stop }
}

fn answered(answer: &AccessAnswer) -> Line {
    let line = match answer.until {
        Some(until) => text("Given until ").time(until),
        None => text("Not given"),
    };
    line.text(" by ").code(answerer(answer)).text(" (op ").text(answer.operation).text(").")
}

fn asker(request: &AccessRequest) -> String {
    request.name.clone().unwrap_or_else(|| request.person.to_string())
}

fn answerer(answer: &AccessAnswer) -> String {
    let id = || answer.by.as_ref().map(ToString::to_string).unwrap_or_default();
    answer.name.clone().unwrap_or_else(id)
}
