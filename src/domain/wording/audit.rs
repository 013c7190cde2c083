//! Answers about the log.

use jiff::tz::TimeZone;

use super::lists::{limited, role_for};
use super::message::{
    CommandName, Line, Message, Span, Tone, account, capital, channel, code, op, person, spans, subject, text,
};
use crate::domain::access::{Effect, EffectiveScope, Grant, RoomScope, list};
use crate::domain::audit::{
    AuditEntry, Basis, Certainty, InvalidTime, NoAnswer, OperationId, OutcomeKind, Ownership, Page, Stat,
    StatsBy, Step, read_in,
};
use crate::domain::command::{CommandGroup, Invocation};
use crate::domain::reply::{Answer, OwnerHistory, OwnerSpan};

/// What is said about the log: the answer, and how far the reader sees.
pub(super) fn audit(
    operation: OperationId,
    answer: &Result<Answer, NoAnswer>,
    reach: &EffectiveScope,
    zone: &TimeZone,
    grant: Option<&Grant>,
    name: &CommandName,
) -> Message {
    let name = name.of(CommandGroup::Audit);
    let mut message = match answer {
        Ok(Answer::Entry(entry)) => whole(entry, grant),
        Ok(answer) => answered(answer, zone, &name),
        Err(error) => no_answer(error, zone, &name),
    };
    if !reach.is_everything() && answer.is_ok() {
        message.body.push(left_out(reach));
    }
    message.footer = Some(op(operation));
    message
}

/// An answer in words.
pub fn answered(answer: &Answer, zone: &TimeZone, name: &CommandName) -> Message {
    match answer {
        Answer::List(page) => entries(page, zone, name),
        Answer::Entry(entry) => whole(entry, None),
        Answer::Owner(found) => owner(found, zone),
        Answer::History(owners) => history(owners, zone, name),
        Answer::Timeline(steps, entry) => timeline(steps, entry),
        Answer::Stats(by, page) => stats(*by, page, name),
        Answer::Export(..) => Message {
            tone: Tone::Plain,
            headline: text("An export goes to the command line."),
            body: Vec::new(),
            footer: None,
        },
    }
}

/// That there is more in the log than this person may see here.
fn left_out(reach: &EffectiveScope) -> Line {
    let mut line = text("Left out: what is about no room");
    if !reach.granted().contains(&RoomScope::All) || reach.denied().is_empty() {
        line = line.text(", and all rooms but ").code(list(reach.granted()));
    }
    if !reach.denied().is_empty() {
        line = line.text(", and what a deny entry takes from you: ").code(list(reach.denied()));
    }
    if !reach.here().contains(&RoomScope::All) {
        line = line.text(" and, in this channel, all but ").code(list(reach.here()));
    }
    line.text(".")
}

fn more(line: Line, page_is_cut: bool, how: impl FnOnce() -> Line) -> Line {
    if page_is_cut { line.and(how()) } else { line }
}

fn entries(page: &Page<AuditEntry>, zone: &TimeZone, name: &CommandName) -> Message {
    let mut body: Vec<Line> = page.rows.iter().map(|entry| row(entry, zone)).collect();
    let count = page.rows.len();
    let headline = match (count, page.is_cut) {
        (0, _) => text("Nothing in the log matches."),
        (1, false) => text("One operation:"),
        (_, false) => text(count).text(" operations, newest first:"),
        (1, true) => text("The newest one that matches; there are older ones:"),
        (_, true) => text("The newest ").text(count).text(" that match; there are older ones:"),
    };
    if let Some(last) = page.rows.last().filter(|_| page.is_cut) {
        body.push(
            text("Older ones: the same with ")
                .code(name.option(&listing().with("before", last.operation)))
                .text(" behind it."),
        );
    }
    if let Some(first) = page.rows.first() {
        body.push(text("One of them whole: ").code(name.line(&show(first.operation))));
    }
    body.extend(readings(page, name));
    Message::new(Tone::Plain, headline, body)
}

fn readings<T>(page: &Page<T>, name: &CommandName) -> Option<Line> {
    let words = page.readings_in_words()?;
    let all = listing().with("readings", "yes");
    Some(text(capital(&words)).text(": ").code(name.option(&all)).text(" shows them."))
}

fn listing() -> Invocation {
    Invocation::named(CommandGroup::Audit, &["list"])
}

fn show(operation: OperationId) -> Invocation {
    Invocation::named(CommandGroup::Audit, &["show"]).with("operation", operation)
}

/// One operation in one line.
fn row(entry: &AuditEntry, zone: &TimeZone) -> Line {
    let mut line = text(format!("op {} · {} · ", entry.operation, read_in(entry.at, zone)));
    line = match &entry.actor {
        Some(actor) => line.and(person(actor, entry.actor_name.as_ref())),
        None => line.text("somebody unnamed"),
    };
    line = line.text(" · ").code(&entry.command).text(" · ").text(entry.outcome);
    if let Some((new_owner, who)) = entry.new_owner.as_ref().zip(entry.new_owner_person.as_ref()) {
        line = line.text(" · to ").and(account(new_owner, Some(subject(who))));
    }
    if let Some(previous) = &entry.previous_owner {
        let was = if entry.new_owner.is_some() { " · was " } else { " · owner " };
        line = line.text(was).code(previous);
    }
    match entry.outcome {
        OutcomeKind::Denied => line.and_if(entry.authority.as_ref(), |line, why| line.text(" · ").code(why)),
        _ => line.and_if(entry.error_code, |line, number| line.text(format!(" · {number}"))),
    }
}

fn whole(entry: &AuditEntry, grant: Option<&Grant>) -> Message {
    let mut body = Vec::new();
    let mut field = |name: &str, value: Option<Line>| {
        body.extend(value.map(|value| text(format!("{name}: ")).and(value)));
    };
    let coded = |value: &Option<String>| value.as_ref().map(code);
    field("At", Some(text(read_in(entry.at, &TimeZone::UTC))));
    let by = if entry.requested_by.is_some() { "Approved by" } else { "By" };
    field(by, entry.actor.as_ref().map(|actor| person(actor, entry.actor_name.as_ref())));
    field(
        "Asked for by",
        entry.requested_by.as_ref().map(|who| person(who, entry.requested_by_name.as_ref())),
    );
    field("In", entry.channel.as_ref().map(channel));
    field("Command", Some(code(&entry.command)));
    field("Room", entry.room.as_ref().map(code));
    let who = entry.new_owner_person.as_ref().map(subject);
    field(
        "New owner",
        match &entry.new_owner {
            Some(id) => Some(account(id, who)),
            None => who,
        },
    );
    field(if entry.new_owner.is_some() { "Owner before" } else { "Owner" }, coded(&entry.previous_owner));
    field("Reason", coded(&entry.reason));
    let authority = coded(&entry.authority).map(|line| match grant {
        Some(grant) => line.text(": ").and(given(grant)),
        None if entry.authority.as_deref() == Some(LOCAL) => text("being on the bot's own machine"),
        None => line,
    });
    field(if entry.outcome == OutcomeKind::Denied { "Denied because" } else { "Allowed by" }, authority);
    field("Tencent's code", entry.error_code.map(code));
    field("What went wrong", coded(&entry.error_info));
    field("RequestId", coded(&entry.request_id));
    field("Took", entry.duration_ms.map(|ms| text(format!("{ms} ms"))));
    for announced in &entry.announced {
        let line = text("Announced in ").and(channel(&announced.channel)).text(": ");
        body.push(match (announced.link(), &announced.problem) {
            (Some(link), _) => line.and(Line(vec![Span::Link(link)])),
            (None, Some(why)) => {
                text("Not announced in ").and(channel(&announced.channel)).text(": ").code(why)
            }
            (None, None) => continue,
        });
    }
    let headline = text(format!("Operation {}: {}.", entry.operation, entry.outcome));
    Message::new(Tone::Plain, headline, body)
}

/// What a grant gives or takes, and who gave it when.
fn given(grant: &Grant) -> Line {
    let line = text(if grant.effect == Effect::Deny { "denied " } else { "" });
    let line = line.and(role_for(grant.role, &grant.rooms)).and(limited(grant));
    line.text(", given by ").and(subject(&grant.granted_by)).text(grant.granted_at.strftime(" on %Y-%m-%d"))
}

fn owner(found: &Ownership, zone: &TimeZone) -> Message {
    let at = |time| read_in(time, zone);
    let mut body = Vec::new();
    let (tone, headline) = match (&found.owner, found.certainty) {
        (Some(owner), Certainty::Known) => (
            Tone::Plain,
            code(owner).text(" owned ").code(&found.room).text(" at ").text(at(found.time)).text("."),
        ),
        (Some(owner), _) => (
            Tone::Plain,
            code(owner)
                .text(" probably owned ")
                .code(&found.room)
                .text(" at ")
                .text(at(found.time))
                .text(": it follows from what was found later."),
        ),
        (None, _) => (
            Tone::Warning,
            text("The log cannot tell who owned ")
                .code(&found.room)
                .text(" at ")
                .text(at(found.time))
                .text("."),
        ),
    };
    if let Some(since) = found.since {
        let by = found.operation.map(|operation| format!(" (op {operation})")).unwrap_or_default();
        body.push(text(format!("Since {}{by}, at the latest.", at(since))));
    }
    body.push(text("Why: ").code(&found.explanation));
    Message::new(tone, headline, body)
}

fn history(history: &OwnerHistory, zone: &TimeZone, name: &CommandName) -> Message {
    let OwnerHistory { room, spans, is_cut } = history;
    let Some(oldest) = spans.last() else {
        let headline = text("The log has nothing about ").code(room).text(".");
        let body = vec![text("No hand-over of it and no look at its owner is recorded.")];
        return Message { tone: Tone::Plain, headline, body, footer: None };
    };
    let longest = spans.iter().map(OwnerSpan::seconds).fold(0.0, f64::max);
    let mut body: Vec<Line> = spans.iter().map(|span| span_row(span, longest, zone)).collect();
    if *is_cut {
        let older = Invocation::named(CommandGroup::Audit, &["history"]).with("until", oldest.from());
        body.push(text("Older ones: the same with ").code(name.option(&older)).text(" behind it."));
    }
    let headline = text("Who owned ").code(room).text(", newest first:");
    Message::new(Tone::Plain, headline, body)
}

/// How long the bar of the longest span is, in characters.
const LONGEST_BAR: f64 = 8.0;

/// One owner in one line: a bar as long as they had the room, who, from when to when, by whom, and how that is known.
fn span_row(span: &OwnerSpan, longest: f64, zone: &TimeZone) -> Line {
    let OwnerSpan { found, until, entry, .. } = span;
    let (cell, basis) = match found.certainty {
        Certainty::Known => ("█", "known"),
        Certainty::Inferred => ("▒", "likely"),
        Certainty::Unknown => ("░", "gap"),
    };
    let cells = (LONGEST_BAR * span.seconds() / longest.max(1.0)).round().clamp(1.0, LONGEST_BAR);
    let line = text(cell.repeat(cells as usize)).text(" ");
    let line = match &found.owner {
        Some(owner) => line.code(owner),
        None => line.text("not known"),
    };
    let (from, until) = (read_in(span.from(), zone), until.map(|until| read_in(until, zone)));
    let line = match (found.basis, until) {
        (Some(Basis::Next), until) => line.text(" · until ").text(until.as_deref().unwrap_or("now")),
        (_, None) => line.text(format!(" · {from} to now")),
        (_, Some(until)) => {
            let day = until.find(' ').map_or(0, |end| end + 1);
            let until = if from.starts_with(&until[..day]) { &until[day..] } else { &until };
            line.text(format!(" · {from} to {until}"))
        }
    };
    let by = |line: Line, entry: &AuditEntry| match (&entry.actor, &entry.actor_name) {
        (Some(actor), _) => line.text(" · by ").and(subject(actor)),
        (None, Some(operator)) => line.text(" · by ").code(operator).text(", not through the bot"),
        (None, None) => line.text(" · not through the bot"),
    };
    let line = match (found.basis, found.operation, found.next_operation) {
        (Some(Basis::Confirmed | Basis::Accepted | Basis::Observed), Some(operation), _) => {
            let line = entry.iter().fold(line, by);
            line.text(format!(" (op {operation})"))
        }
        (Some(_), Some(operation), _) | (Some(_), None, Some(operation)) => {
            line.text(format!(" · found by op {operation}"))
        }
        (_, after, before) => {
            let line = after.iter().fold(line, |line, op| line.text(format!(" · after op {op}")));
            before.iter().fold(line, |line, op| line.text(format!(" · before op {op}")))
        }
    };
    line.text(" · ").text(basis)
}

fn timeline(steps: &[Step], entry: &AuditEntry) -> Message {
    let mut body: Vec<Line> = steps
        .iter()
        .map(|step| {
            let when = step.at.strftime("%H:%M:%S%.3f").to_string();
            let wait = match step.wait_ms {
                Some(wait) if wait != 0 => format!(" (+{wait} ms)"),
                _ => String::new(),
            };
            text(format!("{when}{wait} {}: ", step.step)).code(&step.what)
        })
        .collect();
    match entry.outcome {
        OutcomeKind::Pending => body.push(text("No outcome is recorded yet.")),
        OutcomeKind::Unknown => body.push(text("Its outcome is not known.")),
        _ => {}
    }
    let date = entry.at.strftime("%Y-%m-%d");
    let headline = text(format!("Operation {} on {date}, UTC: {}.", entry.operation, entry.outcome));
    Message::new(Tone::Plain, headline, body)
}

/// The authority of the command line, as it is recorded.
const LOCAL: &str = "local";

fn stats(by: StatsBy, page: &Page<Stat>, name: &CommandName) -> Message {
    let mut body: Vec<Line> = page
        .rows
        .iter()
        .map(|stat| {
            let key = stat.key.as_ref().map_or_else(|| text("(none)"), code);
            let parts = [
                ("done", stat.done),
                ("refused", stat.refused),
                ("denied", stat.denied),
                ("open", stat.open),
                ("declined, invalid or repeated", stat.other),
            ];
            let parts: Vec<String> =
                parts.iter().filter(|(_, n)| *n > 0).map(|(what, n)| format!("{n} {what}")).collect();
            key.text(format!(": {} ({})", stat.operations, parts.join(", ")))
        })
        .collect();
    let line = text(format!("Operations by {by}"));
    let headline = match page.rows.len() {
        0 => text("Nothing in the log matches."),
        n => more(line, page.is_cut, || text(format!(", the first {n}; there are more"))).text(":"),
    };
    body.extend(readings(page, name));
    Message::new(Tone::Plain, headline, body)
}

fn no_answer(error: &NoAnswer, zone: &TimeZone, name: &CommandName) -> Message {
    let at = |time| read_in(time, zone);
    let (headline, next) = match error {
        NoAnswer::TimeExpr(InvalidTime::Backwards { since, since_at, until, until_at }) => (
            text("The end ")
                .code(until)
                .text(format!(" ({}) lies before the start ", at(*until_at)))
                .code(since)
                .text(format!(" ({}).", at(*since_at))),
            text("Ask again with the earlier time as the start."),
        ),
        NoAnswer::TimeExpr(error) => (
            spans(&capital(&error.to_string())).text("."),
            text(match error {
                InvalidTime::Future { .. } => "Ask about a time that has passed.",
                _ => "Ask again with that.",
            }),
        ),
        NoAnswer::NoOperation(operation) => (
            text(format!(
                "There is no operation {operation}, or it is not among the rooms that you may see here."
            )),
            code(&name.0).text(" shows the newest."),
        ),
        NoAnswer::Archived(operation, _) => (
            text(format!("The steps of operation {operation} were moved into an archive.")),
            code(name.line(&show(*operation)))
                .text(" says its outcome; whoever runs the bot has the file with the steps."),
        ),
        NoAnswer::OutOfReach(room) => (
            text("The log of ").code(room).text(" is not among what you may see here."),
            text("Ask an admin for the role of an auditor for it."),
        ),
        NoAnswer::Store(_) => (
            text("The log cannot be read right now."),
            text("Try again; tell whoever runs the bot if it stays like this."),
        ),
    };
    Message::new(Tone::Failed, headline, vec![next])
}
