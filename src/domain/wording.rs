//! Every sentence that the bot says in answer to a command, written for a tired moderator at 2 a.m.:
//! what happened, what it means, what to do next, and the numbers to quote.
//!
//! A [`Message`] holds spans, not markup: what came from a user or from Tencent is a [`Span::Code`], and
//! each platform's `render` decides how to show that without ever parsing it.

use std::fmt;

use super::access::{Denial, Right, Role, list};
use super::audit::{AuditEntry, OperationId, Outcome, OutcomeKind, Refusal};
use super::command::{LONGEST_REASON, Mention, UsageError, quoted};
use super::principal::Subject;
use super::reply::Reply;
use super::room::RoomId;

/// How a message feels at a glance. Platforms show it by a sign or a colour, never by it alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Done.
    Done,
    /// Nothing to do.
    Plain,
    /// Not allowed.
    Stop,
    /// It did not work.
    Failed,
    /// Somebody has to look.
    Warning,
    /// Wait.
    Wait,
}

impl Tone {
    /// A sign that reads without colour.
    #[must_use]
    pub fn sign(self) -> &'static str {
        match self {
            Self::Done => "✅",
            Self::Plain => "ℹ️",
            Self::Stop => "⛔",
            Self::Failed => "❌",
            Self::Warning => "⚠️",
            Self::Wait => "⏳",
        }
    }
}

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Span {
    /// Our own words.
    Text(String),
    /// Somebody else's: an id, a code, what a person or Tencent wrote. Never markup.
    Code(String),
}

/// One line of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line(pub Vec<Span>);

impl Line {
    fn text(mut self, text: impl fmt::Display) -> Self {
        self.0.push(Span::Text(text.to_string()));
        self
    }

    fn code(mut self, text: impl fmt::Display) -> Self {
        self.0.push(Span::Code(text.to_string()));
        self
    }
}

impl fmt::Display for Line {
    /// The line as plain text, with foreign text in backticks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|span| match span {
            Span::Text(text) => f.write_str(text),
            Span::Code(text) => write!(f, "`{text}`"),
        })
    }
}

fn text(text: impl fmt::Display) -> Line {
    Line::default().text(text)
}

fn code(text: impl fmt::Display) -> Line {
    Line::default().code(text)
}

/// What to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// How it feels.
    pub tone: Tone,
    /// What happened, in one line.
    pub headline: Line,
    /// What it means and what to do next.
    pub body: Vec<Line>,
    /// The numbers to quote.
    pub footer: Option<Line>,
}

/// What the command is called at the door through which the request came: `/room-owner`, with the
/// configured prefix, or `room-owner transfer` on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandName(pub String);

impl CommandName {
    /// The slash command with the configured prefix.
    #[must_use]
    pub fn slash(prefix: &str) -> Self {
        Self(format!("/{prefix}room-owner"))
    }

    fn with(&self, arguments: impl fmt::Display) -> String {
        format!("{} {arguments}", self.0)
    }
}

/// Puts a reply into words.
#[must_use]
pub fn message(reply: &Reply, name: &CommandName) -> Message {
    match reply {
        Reply::Help { operation, subject, rights } => help(*operation, subject, rights, name),
        Reply::Owner { operation, room, outcome } => owner(*operation, room, outcome),
        Reply::Transfer { operation, transfer, by, outcome, recorded } => {
            let mut message = outcome_message(
                *operation,
                transfer.room.as_str(),
                transfer.new_owner.as_str(),
                outcome,
                &name.with(quoted(transfer.room.as_str())),
            );
            if let (Tone::Done | Tone::Warning, Some(footer)) = (message.tone, &mut message.footer) {
                let who = by.name.clone().unwrap_or_else(|| by.subject.to_string());
                footer.0.extend(text(" · by ").code(who).0);
            }
            if let Some(reason) = &transfer.reason {
                message.body.push(text("Reason given: ").code(reason));
            }
            if !recorded {
                message.tone = Tone::Warning;
                message.body.push(text(
                    "The outcome could not be written to the audit log yet (the attempt is in it). \
                     The bot keeps trying; tell an admin to check its disk.",
                ));
            }
            message
        }
        Reply::Denied { operation, denial, subject, room } => {
            denied(*operation, denial, subject, room.as_ref(), name)
        }
        Reply::Invalid { operation, error } => invalid(*operation, error, name),
        Reply::Duplicate { operation, first } => duplicate(*operation, first),
        Reply::Busy { operation, holder } => busy(*operation, holder),
        Reply::Foreign { operation, origin } => foreign_origin(*operation, origin),
        Reply::Unusable { operation, why } => Message {
            tone: Tone::Failed,
            headline: {
                let mut line = text("The bot could not use this request, so nothing was done: ");
                line.0.extend(spans(why).0);
                line.text(".")
            },
            body: vec![text(
                "Type the command again. If this comes back, tell an admin the operation number.",
            )],
            footer: Some(op(*operation)),
        },
        Reply::NotRecorded => Message {
            tone: Tone::Failed,
            headline: text("Nothing was done: the audit log cannot be written right now."),
            body: vec![text(
                "The bot never changes a room without a record. It is safe to try again; tell an admin to \
                 check the bot's disk and database if it stays like this.",
            )],
            footer: None,
        },
        Reply::Broken => Message {
            tone: Tone::Warning,
            headline: text(
                "The bot failed in the middle of this: it is not known whether anything was changed.",
            ),
            body: vec![text(
                "Look at the room's owner before you try again, and tell an admin: the bot's log has the details.",
            )],
            footer: None,
        },
        Reply::Working { typed } => Message {
            tone: Tone::Wait,
            headline: text(WORKING).code(typed).text(" …"),
            body: vec![text("Tencent is slow to answer. The result follows here; do not send it again.")],
            footer: None,
        },
    }
}

/// How a message begins that only says that the answer comes later.
pub const WORKING: &str = "Working on ";

fn op(operation: OperationId) -> Line {
    text("op ").text(operation)
}

fn op_and_request(operation: OperationId, request_id: Option<&str>) -> Line {
    match request_id {
        Some(id) => op(operation).text(" · RequestId ").code(id),
        None => op(operation),
    }
}

fn owner(operation: OperationId, room: &RoomId, outcome: &Outcome) -> Message {
    match outcome {
        Outcome::Shown(owner) => Message {
            tone: Tone::Plain,
            headline: code(room).text(" belongs to ").code(owner).text("."),
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

fn outcome_message(
    operation: OperationId,
    room: &str,
    new_owner: &str,
    outcome: &Outcome,
    show: &str,
) -> Message {
    let footer = Some(op_and_request(operation, outcome.request_id()));
    let now_belongs = |line: Line, previous: Option<&super::room::AccountId>| {
        let line = line.code(room).text(" now belongs to ").code(new_owner);
        match previous {
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
                headline: match previous {
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
                    .text(") and the owner cannot be read back. The change was not sent again."),
                text("The bot keeps asking and records what it finds. Look with ")
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

fn denied(
    operation: OperationId,
    denial: &Denial,
    subject: &Subject,
    room: Option<&RoomId>,
    name: &CommandName,
) -> Message {
    let for_room = |line: Line| match room {
        Some(room) => line.text(" for ").code(room),
        None => line,
    };
    let headline = match denial {
        Denial::ChannelNotAuthorised => {
            text("Not here: this channel is not authorised for ").code(&name.0).text(".")
        }
        Denial::ChannelNotForRoom(scope) => {
            for_room(text("Not here: this channel is authorised for ").code(scope).text(" only, not"))
                .text(".")
        }
        Denial::NoGrant => for_room(text("Not allowed: you have no role")).text("."),
        Denial::DeniedBy(id) => {
            for_room(text("Not allowed: a deny entry (grant ").text(id).text(") names you")).text(".")
        }
        Denial::Lapsed(id, at) => {
            text("Not allowed: your grant ").text(id).text(" ended at ").text(minutes(*at)).text(".")
        }
        Denial::NotYet(id, at) => {
            text("Not allowed yet: your grant ").text(id).text(" begins at ").text(minutes(*at)).text(".")
        }
        Denial::OutOfScope(scopes) => {
            let covers = text("Not allowed: your role covers ").code(list(scopes));
            match room {
                Some(room) => covers.text(", not ").code(room).text("."),
                None => covers.text(" only."),
            }
        }
        Denial::OtherChannels(id) => text("Not here: your grant ").text(id).text(" is for other channels."),
        Denial::WrongRole(roles) => {
            text("Not allowed: as ").text(list(roles)).text(" you cannot hand rooms over.")
        }
        Denial::ForeignOrigin(origin) => return foreign_origin(operation, origin),
    };
    let next = match denial {
        Denial::ChannelNotAuthorised | Denial::ChannelNotForRoom(_) | Denial::OtherChannels(_) => {
            text("Use a moderators' channel, or ask an admin to authorise this one.")
        }
        Denial::DeniedBy(_) | Denial::NotYet(..) => {
            text("If that is wrong, ask an admin, and quote your id ").code(subject).text(".")
        }
        Denial::Lapsed(..) => text("Ask an admin for a new one, and quote your id ").code(subject).text("."),
        _ => text("Ask an admin for the role, and quote your id ").code(subject).text("."),
    };
    Message {
        tone: Tone::Stop,
        headline,
        body: vec![next, text("Nothing was done.")],
        footer: Some(op(operation)),
    }
}

/// A time as people read it out: to the minute, in UTC.
fn minutes(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn foreign_origin(operation: OperationId, origin: &str) -> Message {
    Message {
        tone: Tone::Stop,
        headline: {
            let mut line = text("Not served: this bot does not take commands from ");
            line.0.extend(spans(origin).0);
            line.text(".")
        },
        body: vec![
            text("Use the app that your own workspace installed; an admin of the bot can add this one."),
            text("Nothing was done."),
        ],
        footer: Some(op(operation)),
    }
}

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
            vec![format!("{} <user id>", quoted(room.as_str()))],
        ),
        UsageError::ReasonTooEarly(room) => (
            text("The reason comes last, behind the room and its new owner."),
            vec![match room {
                Some(room) => format!("{} <new_owner> reason: …", quoted(room.as_str())),
                None => "<room> <new_owner> reason: …".to_owned(),
            }],
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

/// Our own text with a foreign part in backticks, as spans. The part may itself hold a backtick: only the
/// first and the last of the text delimit it.
fn spans(ours: &str) -> Line {
    match (ours.find('`'), ours.rfind('`')) {
        (Some(first), Some(last)) if first < last => {
            let line = Line::default();
            let line = if first > 0 { line.text(&ours[..first]) } else { line };
            line.code(&ours[first + 1..last]).text(&ours[last + 1..])
        }
        _ => text(ours),
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// The record of a usage error: one line of plain text.
#[must_use]
pub fn usage_for_the_record(error: &UsageError) -> String {
    usage(error).0.to_string()
}

fn invalid(operation: OperationId, error: &UsageError, name: &CommandName) -> Message {
    let (headline, forms) = usage(error);
    let mut body = Vec::new();
    for (n, form) in forms.iter().enumerate() {
        let line = text(if n == 0 { "Type: " } else { "Or: " });
        body.push(line.code(name.with(form).trim_end()));
    }
    body.push(text("Nothing was done."));
    Message { tone: Tone::Failed, headline, body, footer: Some(op(operation)) }
}

/// What an entry of the log says, for somebody who sent the same delivery twice.
fn duplicate(operation: OperationId, first: &AuditEntry) -> Message {
    let number = first.operation;
    let headline = match first.outcome {
        OutcomeKind::Pending => text("Already under way as op ").text(number).text("; it is not done twice."),
        OutcomeKind::Unknown => text("Already sent as op ")
            .text(number)
            .text("; its outcome is not known yet. It is not sent again."),
        _ => text("Already handled as op ").text(number).text("; it was not done twice."),
    };
    Message {
        tone: Tone::Plain,
        headline,
        body: vec![summary(first)],
        footer: Some(match &first.request_id {
            Some(id) => op(operation).text(" · RequestId ").code(id),
            None => op(operation),
        }),
    }
}

/// One line about an entry of the log.
#[must_use]
pub fn summary(entry: &AuditEntry) -> Line {
    let line = match (&entry.room, &entry.new_owner) {
        (Some(room), Some(new_owner)) => code(room).text(" to ").code(new_owner),
        (Some(room), None) => text("owner of ").code(room),
        _ => code(&entry.command),
    };
    let line = line.text(": ").text(entry.outcome);
    let line = match (&entry.new_owner, &entry.previous_owner) {
        (Some(_), Some(previous)) => line.text(" (was ").code(previous).text(")"),
        (None, Some(owner)) => line.text(", ").code(owner),
        _ => line,
    };
    match (entry.error_code, &entry.error_info, &entry.authority) {
        (Some(number), Some(info), _) => line.text(" · error ").text(number).text(" ").code(info),
        (None, Some(info), _) => line.text(" · ").code(info),
        (_, None, Some(authority)) if entry.outcome == OutcomeKind::Denied => {
            line.text(" · ").text(authority)
        }
        _ => line,
    }
}

fn busy(operation: OperationId, holder: &AuditEntry) -> Message {
    let mut headline = text("Nothing was done: op ").text(holder.operation);
    if let Some(room) = &holder.room {
        headline = headline.text(" on ").code(room);
    }
    let mut body = Vec::new();
    if holder.outcome == OutcomeKind::Unknown {
        headline = headline.text(" has an outcome that is not known yet.");
        body.push(text("The bot keeps asking Tencent. Try again in a few seconds."));
    } else {
        headline = headline.text(" is still under way.");
        body.push(text("See what comes of it before you try again; it takes a few seconds at most."));
    }
    if let (Some(actor), Some(new_owner)) = (&holder.actor, &holder.new_owner) {
        let who = holder.actor_name.clone().unwrap_or_else(|| actor.to_string());
        body.insert(0, code(who).text(" is handing it to ").code(new_owner).text("."));
    }
    Message { tone: Tone::Wait, headline, body, footer: Some(op(operation)) }
}

/// One line of the grammar, as the help shows it.
struct Form {
    arguments: &'static str,
    does: &'static str,
    needs: fn(&[Right]) -> bool,
}

const FORMS: [Form; 4] = [
    Form { arguments: "<room>", does: "shows who owns the room", needs: |rights| !rights.is_empty() },
    Form { arguments: "<room> <new_owner>", does: "hands the room over", needs: may_transfer },
    Form {
        arguments: "<room> <new_owner> reason: <why>",
        does: "the same, and keeps the reason with the record",
        needs: may_transfer,
    },
    Form {
        arguments: "\"my room\" <new_owner>",
        does: "a room id with spaces goes in quotes",
        needs: may_transfer,
    },
];

fn may_transfer(rights: &[Right]) -> bool {
    rights.iter().any(|right| matches!(right.role, Role::Moderator | Role::Admin))
}

fn help(operation: OperationId, subject: &Subject, rights: &[Right], name: &CommandName) -> Message {
    let mut body: Vec<Line> = FORMS
        .iter()
        .filter(|form| (form.needs)(rights))
        .map(|form| code(name.with(form.arguments)).text(" ").text(form.does))
        .collect();
    let headline = if rights.is_empty() {
        body.push(text("Ask an admin for a role, and quote your id ").code(subject).text("."));
        code(&name.0).text(" hands a live room to a new owner. You have no role in this channel yet.")
    } else {
        let mut line = text("You are: ");
        for (n, right) in rights.iter().enumerate() {
            line =
                line.text(if n == 0 { "" } else { ", " }).text(right.role).text(" for ").code(&right.rooms);
        }
        body.push(line.text("."));
        code(&name.0).text(" hands a live room to a new owner.")
    };
    Message { tone: Tone::Plain, headline, body, footer: Some(op(operation)) }
}
