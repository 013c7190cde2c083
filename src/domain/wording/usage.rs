//! What was wrong with a line, and the lines that were probably meant.

use super::lists::role_for;
use super::message::{
    CommandName, LOCAL_QUESTION, Line, Message, Tone, capital, capitalised, op, spans, subject, text,
};
use super::rooms::how_to_link;
use crate::domain::access::{Effect, Grant, Right};
use crate::domain::audit::OperationId;
use crate::domain::command::{Advice, Invocation, Problem, UsageError};
use crate::domain::principal::Subject;

/// What is wrong, as a sentence.
fn problem(problem: &Problem) -> Line {
    match problem {
        Problem::WhichEntry(found) => which_entry(&found.0, &found.1),
        Problem::NotLinked(person) => capitalised(subject(person)).text(" is linked to no live account."),
        // Our own text, with the foreign part in backticks.
        other => spans(&capital(&other.to_string())).text("."),
    }
}

fn which_entry(who: &Subject, entries: &[Grant]) -> Line {
    if entries.is_empty() {
        return text("No live entry names ").and(subject(who)).text(".");
    }
    let line = text(entries.len()).text(" live entries name ").and(subject(who));
    let line = entries.iter().enumerate().fold(line, |line, (n, grant)| {
        let line = line.text(if n == 0 { ": grant " } else { ", grant " }).text(grant.id).text(" (");
        let denied = if grant.effect == Effect::Deny { "denied " } else { "" };
        line.text(denied).and(role_for(grant.role, &grant.rooms)).text(")")
    });
    line.text(".")
}

/// What to do about a request that cannot be used.
pub(super) fn advice(advice: Advice) -> &'static str {
    match advice {
        Advice::Again => "Type the command again. If this comes back, tell an admin the operation number.",
        Advice::InAServer => {
            "Use it in a moderators' channel of the server, where the bot can see your roles."
        }
        Advice::InstallInServer => {
            "Whoever manages the server has to add the app to it; what is added to an account alone does not count."
        }
        Advice::InstallInWorkspace => {
            "Whoever runs the bot has to install it in your workspace, and not for the whole organisation alone."
        }
        Advice::Type => "Type the command instead: a button works for a while only.",
        Advice::Reload => {
            "Your client shows a form of the command that is gone: reload it (Ctrl+R, or start the app anew), then fill it in again."
        }
    }
}

/// How many corrected lines are suggested.
const MOST_LINES: usize = 2;

pub(super) fn invalid(
    operation: OperationId,
    error: &UsageError,
    rights: &[Right],
    name: &CommandName,
) -> Message {
    let lines = lines(error, rights, name).into_iter().take(MOST_LINES).enumerate();
    let suggested = lines.fold(Line::default(), |all, (n, line)| {
        all.text(if n == 0 { "Type: " } else { " or: " }).code(line.trim_end())
    });
    let nothing = text("Nothing was done.");
    let body = vec![
        suggested,
        match &error.problem {
            Problem::NotLinked(person) => nothing.text(" ").and(how_to_link(person, name)),
            _ => nothing,
        },
    ];
    Message::new(Tone::Failed, problem(&error.problem), body).with_footer(op(operation))
}

/// The lines that were probably meant, as the reply has them: no verb is suggested to anybody who did not name it and
/// may not use it.
pub(in crate::domain) fn meant<'a>(error: &'a UsageError, rights: &[Right]) -> Vec<&'a Invocation> {
    if matches!(error.problem, Problem::UnknownCommand(_)) {
        return Vec::new();
    }
    error.meant.iter().filter(|line| error.may_suggest(line.verb, rights)).collect()
}

/// What may be typed instead: the corrected line, or else the form of the verb that was typed.
fn lines(error: &UsageError, rights: &[Right], name: &CommandName) -> Vec<String> {
    if matches!(error.problem, Problem::UnknownCommand(_)) {
        return vec![name.0.clone()];
    }
    if name.0 == LOCAL_QUESTION {
        return vec![format!("{LOCAL_QUESTION} <room>")];
    }
    let meant: Vec<String> = meant(error, rights).into_iter().map(|line| name.line(line)).collect();
    if !meant.is_empty() {
        return meant;
    }
    let lines: Vec<String> =
        error.verbs.iter().filter_map(|verb| verb.form()).map(|form| name.line(&form)).collect();
    if lines.is_empty() {
        return vec![name.line(&Invocation::named(error.family, &["help"]))];
    }
    lines
}
