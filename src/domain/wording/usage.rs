//! What was wrong with a line, and the lines that were probably meant.

use super::help::forms_of;
use super::{CommandName, LOCAL_QUESTION, Line, Message, Style, Tone, capital, op, spans, text};
use crate::domain::audit::OperationId;
use crate::domain::command::{LONGEST_REASON, LineProblem, Mention, UsageError, quoted};

/// What was wrong with the line, and the lines that were probably meant.
fn usage(error: &UsageError) -> (Line, Vec<String>) {
    let forms = |forms: &[&str]| forms.iter().map(|form| (*form).to_owned()).collect();
    match error {
        UsageError::UnknownCommand(command) => {
            (text("The bot does not know the command ").code(command).text("."), vec![String::new()])
        }
        UsageError::TooManyWords(words) => {
            let (line, n) = (
                text("That is ").text(words.len()).text(" words; a room and its new owner are two."),
                words.len(),
            );
            let mut meant = vec![format!("{} {}", quoted(&words[..n - 1].join(" ")), quoted(&words[n - 1]))];
            meant.push(format!(
                "{} {} reason: {}",
                quoted(&words[0]),
                quoted(&words[1]),
                words[2..].join(" ")
            ));
            if words[n - 1].starts_with("reason: ") {
                let id = quoted(&words[..n - 2].join(" "));
                meant = vec![format!("{id} {} {}", quoted(&words[n - 2]), words[n - 1])];
            }
            (line, meant)
        }
        UsageError::UnclosedQuote(rest) => {
            let words: Vec<&str> = rest.split_whitespace().collect();
            let meant = match words.as_slice() {
                [room @ .., owner] if !room.is_empty() => {
                    format!("{} {}", quoted(&room.join(" ")), quoted(owner))
                }
                _ => "\"<room>\" <new_owner>".to_owned(),
            };
            (text("A quote is opened and never closed."), vec![meant])
        }
        UsageError::TextAfterQuote(inside, behind) => (
            text("There is no space between the closing quote and ").code(behind).text("."),
            vec![format!("\"{inside}\" {}", quoted(behind))],
        ),
        UsageError::Room(error) => (foreign(&error.to_string()), forms(&["<room> <new_owner>"])),
        UsageError::RoomIsMention(mention, shown) => (
            text("A room is named by its RoomId; ").code(shown).text(" is ").text(of_chat(mention)).text("."),
            forms(&["<room> <new_owner>"]),
        ),
        UsageError::Account(error, room) => {
            (foreign(&error.to_string()), vec![format!("{} <new_owner>", quoted(room.as_str()))])
        }
        UsageError::AccountIsMention(mention, shown, room) => (
            text("The new owner has to be the UserID of the live app; ")
                .code(shown)
                .text(" is ")
                .text(of_chat(mention))
                .text(match mention {
                    Mention::Subject(_) => ", and the bot does not know which live account that person has.",
                    Mention::Channel(_) | Mention::Everyone => ".",
                }),
            vec![format!("{} <new_owner>", quoted(room.as_str()))],
        ),
        UsageError::ReasonTooEarly(room) => (
            text("The reason comes last, behind the room and its new owner."),
            vec![match room {
                Some(room) => format!("{} <new_owner> reason: …", quoted(room.as_str())),
                None => "<room> <new_owner> reason: …".to_owned(),
            }],
        ),
        UsageError::Override(why, transfer) => (
            foreign(why),
            vec![format!(
                "{} {} override: <operation> reason: <why>",
                quoted(transfer.room.as_str()),
                quoted(transfer.new_owner.as_str())
            )],
        ),
        UsageError::EmptyReason(transfer) => {
            let start = format!("{} {}", quoted(transfer.room.as_str()), quoted(transfer.new_owner.as_str()));
            (
                text("Nothing follows ").code("reason:").text("."),
                vec![format!("{start} reason: host crashed"), start],
            )
        }
        UsageError::LongReason(length) => (
            text("The reason has ")
                .text(length)
                .text(" characters; ")
                .text(LONGEST_REASON)
                .text(" is the limit."),
            forms(&["<room> <new_owner> reason: …"]),
        ),
        UsageError::Line(family, verb, problem) => (line_problem(problem), forms_of(*family, *verb)),
    }
}

fn line_problem(problem: &LineProblem) -> Line {
    match problem {
        LineProblem::UnknownVerb(word) => text("The bot does not know ").code(word).text(" here."),
        LineProblem::UnknownOption(name) => text("There is no option ").code(name).text(" here."),
        LineProblem::Twice(name) => text("The option ").code(name).text(" comes twice."),
        LineProblem::NoValue(name) => text("Nothing follows ").code(format!("{name}:")).text("."),
        LineProblem::Missing(what) => text("Something is missing: ").code(what).text("."),
        LineProblem::TooMany(word) => text("Nothing more is expected at ").code(word).text("."),
        LineProblem::Invalid(why) => foreign(why),
    }
}

fn of_chat(mention: &Mention) -> &'static str {
    match mention {
        Mention::Subject(_) => "a mention of this chat",
        Mention::Channel(_) => "a channel of this chat",
        Mention::Everyone => "everybody in this chat",
    }
}

/// Our own error text with the foreign parts in backticks, as a sentence.
fn foreign(error: &str) -> Line {
    spans(&capital(error)).text(".")
}

/// How much of a usage error the record keeps, in characters: what was typed may be quoted in it.
const LONGEST_RECORD: usize = 1_000;

/// The record of a usage error: one line of plain text.
#[must_use]
pub fn usage_for_the_record(error: &UsageError) -> String {
    let line = usage(error).0.to_string();
    match line.char_indices().nth(LONGEST_RECORD) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

pub(super) fn invalid(operation: OperationId, error: &UsageError, name: &CommandName) -> Message {
    let (headline, mut forms) = usage(error);
    if name.0 == LOCAL_QUESTION {
        forms = vec!["<room>".to_owned()];
    }
    let name = match error {
        UsageError::Line(family, ..) => name.of(*family),
        _ => name.clone(),
    };
    let mut body = Vec::new();
    let has_quotes = |form: &&String| name.1 == Style::Options && form.contains("\"my room\"");
    for (n, form) in forms.iter().filter(|form| !has_quotes(form)).enumerate() {
        let line = text(if n == 0 { "Type: " } else { "Or: " });
        body.push(line.code(name.with(form).trim_end()));
    }
    body.push(text("Nothing was done."));
    Message { tone: Tone::Failed, headline, body, footer: Some(op(operation)) }
}
