//! What every message is made of: spans, lines, and what a command is called where it was typed.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;

use crate::domain::audit::{AuditEntry, OperationId, OutcomeKind};
use crate::domain::command::{CommandGroup, Invocation, Style, Transfer, shell_word};
use crate::domain::press::{Asks, LONGEST_LABEL, Offer};
use crate::domain::principal::{Channel, Subject};
use crate::domain::room::RoomId;

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
    /// A person, group or role of the ACL: shown by name where the reader's platform knows it, and nobody is
    /// notified; elsewhere by the name that was last seen, if one was, and the id.
    Subject(Subject, Option<String>),
    /// A channel of the ACL, likewise.
    Channel(Channel),
    /// A moment: shown in the reader's own time zone where the platform can do that, elsewhere in UTC to the minute.
    Time(Timestamp),
    /// An address that the bot made itself, of ids alone.
    Link(String),
}

impl Span {
    /// What it says, without marks: the id for a person or a channel.
    pub fn plain(&self) -> String {
        match self {
            Self::Text(text) | Self::Code(text) | Self::Link(text) => text.clone(),
            Self::Subject(subject, Some(name)) => format!("{name} ({subject})"),
            Self::Subject(subject, None) => subject.to_string(),
            Self::Channel(channel) => channel.to_string(),
            Self::Time(at) => minutes(*at),
        }
    }
}

/// One line of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line(pub Vec<Span>);

impl Line {
    pub(super) fn text(mut self, text: impl fmt::Display) -> Self {
        self.0.push(Span::Text(text.to_string()));
        self
    }

    pub(super) fn code(mut self, text: impl fmt::Display) -> Self {
        self.0.push(Span::Code(text.to_string()));
        self
    }

    pub(super) fn time(mut self, at: Timestamp) -> Self {
        self.0.push(Span::Time(at));
        self
    }

    /// With more, if there is something to say it of.
    pub(super) fn and_if<T>(self, of: Option<T>, more: impl FnOnce(Self, T) -> Self) -> Self {
        match of {
            Some(of) => more(self, of),
            None => self,
        }
    }

    pub(super) fn and(mut self, more: Self) -> Self {
        self.0.extend(more.0);
        self
    }

    /// Puts the names beside the ids of whom it names.
    pub(super) fn caption(&mut self, names: &BTreeMap<Subject, String>) {
        for span in &mut self.0 {
            if let Span::Subject(subject, name) = span {
                *name = names.get(subject).cloned();
            }
        }
    }
}

impl fmt::Display for Line {
    /// The line as plain text, with foreign text in backticks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|span| match span {
            Span::Text(text) | Span::Link(text) => f.write_str(text),
            Span::Time(_) => f.write_str(&span.plain()),
            Span::Code(_) | Span::Subject(..) | Span::Channel(_) => write!(f, "`{}`", span.plain()),
        })
    }
}

pub(super) fn text(text: impl fmt::Display) -> Line {
    Line::default().text(text)
}

pub(super) fn code(text: impl fmt::Display) -> Line {
    Line::default().code(text)
}

pub(super) fn subject(subject: &Subject) -> Line {
    person(subject, None)
}

pub(super) fn person(subject: &Subject, name: Option<&String>) -> Line {
    Line(vec![Span::Subject(subject.clone(), name.cloned())])
}

/// An account, and who in the chat has it if that is known.
pub(super) fn account(id: impl fmt::Display, person: Option<Line>) -> Line {
    code(id).and_if(person, |line, person| line.text(" (").and(person).text(")"))
}

/// The account that is to own the room, with the person whose it is.
pub(super) fn new_owner(transfer: &Transfer) -> Line {
    account(&transfer.new_owner, transfer.person.as_ref().map(|who| person(&who.subject, who.name.as_ref())))
}

pub(super) fn channel(channel: &Channel) -> Line {
    Line(vec![Span::Channel(channel.clone())])
}

/// Our own text with a foreign part in backticks, as spans. The part may itself hold a backtick: only the
/// first and the last of the text delimit it.
pub(super) fn spans(ours: &str) -> Line {
    match (ours.find('`'), ours.rfind('`')) {
        (Some(first), Some(last)) if first < last => {
            let line = Line::default();
            let line = if first > 0 { line.text(&ours[..first]) } else { line };
            line.code(&ours[first + 1..last]).text(&ours[last + 1..])
        }
        _ => text(ours),
    }
}

pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
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

impl Message {
    /// Without numbers to quote.
    pub(super) fn new(tone: Tone, headline: Line, body: Vec<Line>) -> Self {
        Self { tone, headline, body, footer: None }
    }

    pub(super) fn with_footer(self, footer: Line) -> Self {
        Self { footer: Some(footer), ..self }
    }

    /// Puts the names beside the ids of whom it names.
    pub(super) fn caption(&mut self, names: &BTreeMap<Subject, String>) {
        let lines = std::iter::once(&mut self.headline).chain(&mut self.body).chain(&mut self.footer);
        lines.for_each(|line| line.caption(names));
    }
}

/// What the command is called at the door through which the request came: `/room-owner`, with the
/// configured prefix, or [`LOCAL_TRANSFER`] and [`LOCAL_QUESTION`] on the command line; and how its arguments
/// are given there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandName(pub String, pub Style);

/// Hands a room over on the command line, where a question is a command of its own: half a transfer, such as
/// one whose new owner is an empty variable of a script, must not pass for one.
pub const LOCAL_TRANSFER: &str = "room-owner transfer";

/// The ACL on the command line.
pub const LOCAL_ACL: &str = "room-owner acl";

/// The audit log on the command line.
pub const LOCAL_AUDIT: &str = "room-owner audit";

/// Asks for a room's owner on the command line.
pub const LOCAL_QUESTION: &str = "room-owner owner";

impl CommandName {
    /// The same command on the command line.
    pub fn local(command: &str) -> Self {
        Self(command.to_owned(), Style::Shell)
    }

    /// The slash command with the configured prefix.
    pub fn slash(prefix: &str) -> Self {
        Self(format!("/{prefix}room-owner"), Style::Words)
    }

    /// The same command at a door that takes options with names.
    #[must_use]
    pub fn with_options(self) -> Self {
        Self(self.0, Style::Options)
    }

    /// What another of the commands is called at the same door.
    pub fn of(&self, family: CommandGroup) -> Self {
        match self.0.strip_suffix(CommandGroup::Owner.name()) {
            _ if self.1 == Style::Shell => match family {
                CommandGroup::Owner => self.clone(),
                CommandGroup::Acl => Self::local(LOCAL_ACL),
                CommandGroup::Audit => Self::local(LOCAL_AUDIT),
            },
            Some(prefix) => Self(format!("{prefix}{}", family.name()), self.1),
            None => Self(format!("/{}", family.name()), self.1),
        }
    }

    /// What a button says: of a line, by the command's name at this door, unless that does not fit.
    #[must_use]
    pub fn label(&self, offer: &Offer) -> String {
        let named = match &offer.asks {
            Asks::Line { family, .. } => {
                let behind = offer.label.strip_prefix('/').and_then(|line| line.strip_prefix(family.name()));
                behind.map(|behind| format!("{}{behind}", self.of(*family).0))
            }
            Asks::Cancel => None,
        };
        let fits = |label: &String| label.encode_utf16().count() <= LONGEST_LABEL;
        named.filter(fits).unwrap_or_else(|| offer.label.clone())
    }

    /// Which of the commands `typed` names, slash and prefix included.
    pub fn family(&self, typed: &str) -> Option<CommandGroup> {
        CommandGroup::ALL.into_iter().find(|family| self.of(*family).0 == typed)
    }

    /// What to type to see who owns the room now. It changes nothing, whoever owns the room by then.
    pub(super) fn to_see(&self, room: &RoomId) -> String {
        if self.0.starts_with('/') {
            self.line(&hand_over().with("room", room))
        } else {
            format!("{LOCAL_QUESTION} {}", shell_word(room.as_str()))
        }
    }

    /// The line that asks for something at this door.
    pub(super) fn line(&self, invocation: &Invocation) -> String {
        let family = invocation.verb.family;
        let command = if self.0.starts_with('/') { self.of(family).0 } else { self.0.clone() };
        let line = invocation.line(self.1);
        if line.is_empty() { command } else { format!("{command} {line}") }
    }

    /// One named option of a verb, as it is given at this door.
    pub(super) fn option(&self, invocation: &Invocation) -> String {
        let whole = invocation.line(self.1);
        let bare = Invocation::of(invocation.verb).line(self.1);
        whole.strip_prefix(&bare).unwrap_or(&whole).trim_start().to_owned()
    }
}

/// A hand-over, or with a room alone the question for its owner.
pub(super) fn hand_over() -> Invocation {
    Invocation::named(CommandGroup::Owner, &[])
}

/// `a, b and 3 more`
pub(super) fn several<T>(all: &[T], most: usize, line: impl Fn(&T) -> Line) -> Line {
    let shown = all.iter().take(most).enumerate().fold(Line::default(), |shown, (n, one)| {
        if n == 0 { line(one) } else { shown.text(", ").and(line(one)) }
    });
    match all.len().saturating_sub(most) {
        0 => shown,
        more => shown.text(" and ").text(more).text(" more"),
    }
}

pub(super) fn op(operation: OperationId) -> Line {
    text("op ").text(operation)
}

pub(super) fn op_and_request(operation: OperationId, request_id: Option<&str>) -> Line {
    match request_id {
        Some(id) => op(operation).text(" · RequestId ").code(id),
        None => op(operation),
    }
}

/// One line about an entry of the log.
pub fn summary(entry: &AuditEntry) -> Line {
    let line = match (&entry.room, &entry.new_owner) {
        (Some(room), Some(new_owner)) => {
            code(room).text(" to ").and(account(new_owner, entry.new_owner_person.as_ref().map(subject)))
        }
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

/// A time as people read it out: to the minute, in UTC.
fn minutes(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// A line as a sentence.
pub(super) fn sentence(line: Line) -> Line {
    capitalised(line).text(".")
}

/// A line as it begins a sentence.
pub(super) fn capitalised(mut line: Line) -> Line {
    if let Some(Span::Text(first)) = line.0.first_mut() {
        *first = capital(first);
    }
    line
}
