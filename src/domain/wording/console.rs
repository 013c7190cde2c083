//! Answers about the console. The pages have sentences of their own.

use super::message::{CommandName, Line, Message, Span, Tone, code, op, text};
use crate::domain::audit::OperationId;
use crate::domain::command::{CommandGroup, Invocation};
use crate::domain::live::RoomSummary;
use crate::domain::reply::ConsoleAnswer;
use crate::domain::session::NotSignedIn;

pub(super) fn console(operation: OperationId, answer: &ConsoleAnswer, name: &CommandName) -> Message {
    let again = || {
        let line = name.line(&Invocation::named(CommandGroup::Audit, &["console"]));
        text("Ask for a new link: ").code(line)
    };
    let (tone, headline, body) = match answer {
        ConsoleAnswer::Link(link) => (
            Tone::Done,
            text("Sign in to the console with this link:"),
            vec![
                Line(vec![Span::Link(link.address.clone())]),
                text("It is for you alone, works once, and lapses in five minutes (")
                    .time(link.until)
                    .text(")."),
            ],
        ),
        ConsoleAnswer::Off => (
            Tone::Failed,
            text("There is no console here: ").code("PUBLIC_URL").text(" is not set."),
            vec![text(
                "Whoever runs the bot sets it to the https address that leads to the bot, and starts it anew.",
            )],
        ),
        ConsoleAnswer::SignedIn(session) => {
            (Tone::Done, text("Signed in until ").time(session.until).text("."), Vec::new())
        }
        ConsoleAnswer::NotSignedIn(why) => {
            let why = match why {
                NotSignedIn::Unknown => "Not signed in: there is no such link.",
                NotSignedIn::Used => "Not signed in: this link was used already.",
                NotSignedIn::Lapsed => "Not signed in: this link has lapsed.",
            };
            (Tone::Failed, text(why), vec![again()])
        }
        ConsoleAnswer::Rooms(None) => {
            (Tone::Failed, text("The live rooms cannot be listed right now."), Vec::new())
        }
        ConsoleAnswer::Rooms(Some(rooms)) => {
            let line = |room: &RoomSummary| code(&room.room).text(" · ").text(room.details());
            (Tone::Plain, text("The live rooms that you may see:"), rooms.iter().map(line).collect())
        }
        ConsoleAnswer::Sessions(sessions, _) => {
            let line = |session: &crate::domain::session::Session| {
                code(&session.subject).text(" until ").time(session.until)
            };
            (Tone::Plain, text("Signed in to the console:"), sessions.iter().map(line).collect())
        }
        ConsoleAnswer::Ended(true) => (Tone::Done, text("The session is ended."), Vec::new()),
        ConsoleAnswer::Ended(false) => (Tone::Plain, text("There is no such session any more."), Vec::new()),
    };
    Message::new(tone, headline, body).with_footer(op(operation))
}
