//! What was wrong with a line, and the lines that were probably meant.

use super::form::{shell_arguments, shell_word};
use super::help::{forms_for, forms_of};
use super::{
    CommandName, LOCAL_QUESTION, LOCAL_TRANSFER, Line, Message, Style, Tone, capital, op, spans, text,
};
use crate::domain::access::Right;
use crate::domain::audit::OperationId;
use crate::domain::command::{
    Command, LineProblem, LongReason, Mention, Transfer, Typed, UsageError, check_account, parse_room_owner,
    quoted,
};
use crate::domain::room::{AccountId, Accounts};

/// What was wrong with the line, and the lines that were probably meant by somebody with these rights.
fn usage(error: &UsageError, rights: &[Right]) -> (Line, Vec<String>) {
    let forms = |forms: &[&str]| forms.iter().map(|form| (*form).to_owned()).collect();
    match error {
        UsageError::UnknownCommand(command) => {
            (text("The bot does not know the command ").code(command).text("."), vec![String::new()])
        }
        UsageError::TooManyWords(words) => (
            text("That is ").text(words.len()).text(" words; a room and its new owner are two."),
            meant_by(words),
        ),
        UsageError::UnclosedQuote(rest) => {
            let (words, reason) = match find_reason(rest) {
                Some(at) => (&rest[..at], format!(" {}", &rest[at..])),
                None => (rest.as_str(), String::new()),
            };
            let words: Vec<&str> = words.split_whitespace().collect();
            let meant = match words.as_slice() {
                [room @ .., owner] if !room.is_empty() => {
                    Some(format!("{} {}{reason}", quoted(&room.join(" ")), quoted(owner)))
                }
                _ => None,
            };
            (text("A quote is opened and never closed."), one_of([meant], "\"<room>\" <new_owner>"))
        }
        UsageError::TextAfterQuote { room, inside, behind, rest } => {
            let (room, account) = match room {
                None => (in_quotes(inside), Some(quoted(behind))),
                Some(room) => {
                    let account = AccountId::from_tencent(format!("{inside}{behind}")).undecorated();
                    (quoted(room), account.map(|account| account.to_string()))
                }
            };
            (
                text("There is no space between the closing quote and ").code(behind).text("."),
                one_of([account.map(|account| format!("{room} {account}{rest}"))], "\"<room>\" <new_owner>"),
            )
        }
        UsageError::Room(error) => (foreign(&error.to_string()), forms(&["<room> <new_owner>"])),
        UsageError::RoomIsMention(mention, shown) => (
            text("A room is named by its RoomId; ").code(shown).text(" is ").text(of_chat(mention)).text("."),
            forms(&["<room> <new_owner>"]),
        ),
        UsageError::Account(error, room, meant) => (
            foreign(&error.to_string()),
            vec![match meant {
                Some(meant) => typed(meant),
                None => format!("{} <new_owner>", quoted(room.as_str())),
            }],
        ),
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
        UsageError::LongReason(length) => {
            (foreign(&LongReason(*length).to_string()), forms(&["<room> <new_owner> reason: …"]))
        }
        UsageError::Line(family, Some(verb), problem) => (line_problem(problem), forms_of(*family, verb)),
        UsageError::Line(family, None, problem) => {
            let typed = match problem {
                LineProblem::UnknownVerb(typed) => Some(typed.as_str()),
                _ => None,
            };
            (line_problem(problem), forms_for(*family, typed, rights))
        }
    }
}

/// The longest line that is suggested, in characters: longer ones nobody reads.
const LONGEST_SUGGESTION: usize = 200;

/// What more words than two probably stand for: a room with spaces, or a reason without its key word. From four
/// on, a reason is the likelier.
fn meant_by(words: &[String]) -> Vec<String> {
    const ANY: &str = "<room> <new_owner> reason: <why>";
    if words.iter().any(|word| word.to_ascii_lowercase().starts_with("override:")) {
        return vec!["<room> <new_owner> override: <operation> reason: <why>".to_owned()];
    }
    let (head, given) = match words.split_last() {
        Some((last, head)) if last.starts_with("reason: ") => (head, Some(&last["reason: ".len()..])),
        _ => (words, None),
    };
    let line = |room: &[String], owner: &String, why: &[String]| {
        let why: Vec<&str> = why.iter().map(String::as_str).chain(given).collect();
        let start = format!("{} {}", quoted(&room.join(" ")), quoted(owner));
        match why.join(" ") {
            why if why.is_empty() => Some(start),
            // What is too long to be shown is there, above, to be put in.
            why if start.chars().count() + why.chars().count() > LONGEST_SUGGESTION => {
                is_a_line(&start).then(|| format!("{start} reason: …"))
            }
            why => Some(format!("{start} reason: {why}")),
        }
    };
    match head {
        // `test to user2`, and `my room to user2` if that is all.
        [room, to, owner, why @ ..] if to == "to" => {
            one_of([line(std::slice::from_ref(room), owner, why)], ANY)
        }
        [first, second, to, owner] if to == "to" => {
            one_of([line(&[first.clone(), second.clone()], owner, &[])], ANY)
        }
        [first, owner, why @ ..] if !why.is_empty() => {
            let as_reason = line(std::slice::from_ref(first), owner, why);
            let as_room = head.split_last().and_then(|(owner, room)| line(room, owner, &[]));
            // Whoever put the room in quotes means the rest otherwise.
            match (first.contains(' '), why.len()) {
                (true, _) => one_of([as_reason], ANY),
                (false, 1) => one_of([as_room, as_reason], ANY),
                (false, _) => one_of([as_reason, as_room], ANY),
            }
        }
        _ => vec![ANY.to_owned()],
    }
}

/// Those that the grammar takes and people can read; `form` if none is left.
fn one_of<const N: usize>(lines: [Option<String>; N], form: &str) -> Vec<String> {
    let is_short = |line: &String| line.chars().count() <= LONGEST_SUGGESTION;
    let lines: Vec<String> =
        lines.into_iter().flatten().filter(|line| is_short(line) && is_a_line(line)).collect();
    if lines.is_empty() { vec![form.to_owned()] } else { lines }
}

fn is_a_line(line: &str) -> bool {
    let command = check_account(Accounts::Tencent, parse_room_owner(&Typed::plain(line)));
    matches!(command, Ok(Command::Transfer(_)))
}

/// A transfer as it is typed. A reason that nobody would read again is left to be put in.
fn typed(transfer: &Transfer) -> String {
    let Transfer { room, new_owner, reason, overrides } = transfer;
    let mut line = format!("{} {}", quoted(room.as_str()), quoted(new_owner.as_str()));
    if let Some(operation) = overrides {
        line.push_str(&format!(" override: {operation}"));
    }
    if let Some(reason) = reason {
        let is_long = line.chars().count() + reason.chars().count() > LONGEST_SUGGESTION;
        line.push_str(&format!(" reason: {}", if is_long { "…" } else { reason }));
    }
    line
}

/// Where the reason begins in a text.
fn find_reason(text: &str) -> Option<usize> {
    let is_key = |at: &usize| text[*at..].get(..7).is_some_and(|key| key.eq_ignore_ascii_case("reason:"));
    text.char_indices().map(|(at, _)| at).filter(is_key).find(|at| text[..*at].ends_with(char::is_whitespace))
}

fn in_quotes(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
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
    let line = usage(error, &[]).0.to_string();
    match line.char_indices().nth(LONGEST_RECORD) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

pub(super) fn invalid(
    operation: OperationId,
    error: &UsageError,
    rights: &[Right],
    name: &CommandName,
) -> Message {
    let (headline, mut forms) = usage(error, rights);
    if name.0 == LOCAL_QUESTION {
        forms = vec!["<room>".to_owned()];
    }
    if let (LOCAL_TRANSFER, UsageError::Account(_, room, meant)) = (name.0.as_str(), error) {
        let form = || format!("{} <new_owner>", shell_word(room.as_str()));
        forms = vec![meant.as_deref().map_or_else(form, shell_arguments)];
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn meant(line: &str) -> Vec<String> {
        match parse_room_owner(&Typed::plain(line)) {
            Err(error) => usage(&error, &[]).1,
            Ok(command) => panic!("{line}: {command:?}"),
        }
    }

    #[test]
    fn the_likelier_reading_comes_first() {
        for (typed, lines) in [
            ("my room user2", &["\"my room\" user2", "my room reason: user2"][..]),
            ("my room user2 reason: x", &["\"my room\" user2 reason: x", "my room reason: user2 x"]),
            (
                "test user2 because host crashed",
                &["test user2 reason: because host crashed", "\"test user2 because host\" crashed"],
            ),
            ("\"my room\" user2 crashed", &["\"my room\" user2 reason: crashed"]),
            ("test to user2", &["test user2"]),
            ("test to user2 host crashed", &["test user2 reason: host crashed"]),
            ("my room to user2", &["\"my room\" user2"]),
            (
                "my room user2 override: 17 reason: x",
                &["<room> <new_owner> override: <operation> reason: <why>"],
            ),
            ("test @bob please", &["\"test @bob\" please"]),
            ("\"my room user2 reason: host left", &["\"my room\" user2 reason: host left"]),
            ("\"say \\\"hi\\\"\"user2", &[r#""say \"hi\"" user2"#]),
            ("\"my room\"user2 reason: x", &["\"my room\" user2 reason: x"]),
            ("test `user2`.", &["test user2"]),
            ("\"my room\" “user2”, reason: x", &["\"my room\" user2 reason: x"]),
            ("test \"user2\"x", &["\"<room>\" <new_owner>"]),
            ("test `user2`🎉", &["\"<room>\" <new_owner>"]),
            ("`test`. user2", &["\"<room>\" <new_owner>"]),
        ] {
            assert_eq!(meant(typed), lines, "{typed}");
        }
    }

    #[test]
    fn what_nobody_would_read_or_could_send_is_not_suggested() {
        let long = vec!["word"; 900].join(" ");
        assert_eq!(meant(&long), ["word word reason: …"]);
        assert_eq!(meant(&format!("\"{long}")), ["\"<room>\" <new_owner>"]);
        assert_eq!(meant(&format!("\"{long}\"user2")), ["\"<room>\" <new_owner>"]);
        let twelve = ["word"; 12].join(" ");
        assert_eq!(
            meant(&format!("{twelve} u")),
            [format!("word word reason: {} u", ["word"; 10].join(" "))]
        );
        assert_eq!(meant("tést @bob and so on @carl"), ["<room> <new_owner> reason: <why>"]);
    }

    proptest! {
        #[test]
        fn every_suggestion_is_a_form_or_a_line_of_the_grammar(line in "[a-z@\"': to]{0,80}") {
            if let Err(error) = parse_room_owner(&Typed::plain(&line)) {
                for line in usage(&error, &[]).1 {
                    prop_assert!(line.chars().count() <= LONGEST_SUGGESTION, "{}", line);
                    prop_assert!(line.contains('<') || parse_room_owner(&Typed::plain(&line)).is_ok(), "{}", line);
                }
            }
        }
    }
}
