//! `/room-audit`: what was done.

use std::path::PathBuf;

use jiff::tz::TimeZone;

use super::{Needs, ROOM, Verb, example, help, verb};
use crate::domain::access::Role;
use crate::domain::audit::{Filter, OperationId, OperationKind, Outcomes, StatsBy, TimeExpr, zone};
use crate::domain::command::parameter::{Kind, Parameter, SHORT, named, positional};
use crate::domain::command::values::{Values, invalid};
use crate::domain::command::{Command, CommandGroup, Problem};
use crate::domain::room::RoomId;
use crate::domain::session::ConsoleCommand;

/// A question to the log, as somebody asks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Which operations were there?
    List(Filter),
    /// What was this operation?
    Show(OperationId),
    /// Who owned the room then?
    OwnerAt(RoomId, TimeExpr),
    /// Who owned the room over time, within the filter's times?
    History(RoomId, Filter),
    /// What happened when within this operation? With archives that hold events of it: only the command line names any.
    Timeline(OperationId, Vec<PathBuf>),
    /// How many operations were there, counted by this?
    Stats(StatsBy, Filter),
    /// All operations, oldest first, to take elsewhere; or what happened after the event with which an earlier export
    /// ended.
    Export(Filter, Option<i64>),
}

impl Question {
    /// The zone that the question names, in which its answer is shown to people.
    pub fn zone(&self) -> Option<&TimeZone> {
        match self {
            Self::List(filter)
            | Self::History(_, filter)
            | Self::Stats(_, filter)
            | Self::Export(filter, _) => filter.zone.as_ref(),
            Self::OwnerAt(_, moment) => moment.zone(),
            Self::Show(_) | Self::Timeline(..) => None,
        }
    }
}

/// The longest id of a request or a subject, with room to spare.
const LONGEST_ID: u16 = 200;
/// How many rows an answer in chat shows, unless fewer are asked for: what fits a message on every platform.
const PAGE: u32 = 10;

const OF_ROOM: Parameter = named("room", &["room"], Kind::Room, "Only about this room");
const BY: Parameter =
    named("by", &["by"], Kind::OneOf(StatsBy::names), "What to count by (outcome if left out)");
const ACTOR: Parameter = named("actor", &["actor"], Kind::Person, "Only by this member");
const ACTOR_ID: Parameter = named(
    "actor-id",
    &["actor"],
    Kind::Text(LONGEST_ID),
    "Only by this subject, from wherever: slack:T…:U…, cli:ana",
);
const CHANNEL: Parameter = named("channel", &["in", "channel"], Kind::Channel, "Only in this channel");
const OUTCOME: Parameter = named(
    "outcome",
    &["outcome"],
    Kind::SomeOf(Outcomes::words),
    "Only with these outcomes: refused, denied; failed is all that was not done",
);
const KIND: Parameter = named(
    "kind",
    &["kind"],
    Kind::OneOf(OperationKind::names),
    "Only hand-overs (transfer), or only looks at an owner (show)",
);
const REQUEST_ID: Parameter =
    named("request-id", &["request-id"], Kind::Text(LONGEST_ID), "Only the one with Tencent's RequestId");
const TEXT: Parameter =
    named("text", &["text"], Kind::Text(300), "Only with this text in command, reason or error");
const SINCE: Parameter =
    named("since", &["since"], Kind::Time, "From this time on: 2h, yesterday, 2026-11-23 14:03");
const UNTIL: Parameter = named("until", &["until"], Kind::Time, "Before this time");
const ZONE: Parameter = named(
    "zone",
    &["zone"],
    Kind::Text(SHORT),
    "The zone of these times, and of those shown: Europe/Berlin (UTC if left out)",
);
const ONE: Parameter = named("operation", &["operation"], Kind::Operation, "Only this operation");
const BEFORE: Parameter = named("before", &["before"], Kind::Operation, "Only operations before this number");
const READINGS: Parameter = named("readings", &["readings"], Kind::YesOrNo, "Also who read the log");
const LIMIT: Parameter = named("limit", &["limit"], Kind::Number(Some(PAGE as u64)), "How many");
const OPERATION: Parameter = positional(
    "operation",
    "<operation>",
    &["operation"],
    Kind::Operation,
    "Its number: every reply of the bot ends with it",
);

/// Whom its verbs are for.
const AUDITOR: (CommandGroup, Needs) = (CommandGroup::Audit, Needs::Role(Role::Auditor));

pub(super) const VERBS: &[Verb] = &[
    Verb {
        may_be_bare: |first| first.is_none_or(|word| word.ends_with(':')),
        ..verb(
            AUDITOR,
            &["list"],
            "Show what was done, newest first",
            &[
                OF_ROOM, ACTOR, ACTOR_ID, CHANNEL, OUTCOME, KIND, REQUEST_ID, TEXT, SINCE, UNTIL, ZONE, ONE,
                BEFORE, READINGS, LIMIT,
            ],
            &[
                example(
                    &[
                        ("room", "<room>"),
                        ("actor", "<person>"),
                        ("outcome", "failed"),
                        ("since", "yesterday"),
                    ],
                    "shows what was done, newest first; every filter may be left out",
                ),
                example(
                    &[("text", "host crashed"), ("until", "2026-11-23 14:03"), ("zone", "Europe/Berlin")],
                    "searches commands, reasons and errors; times are UTC unless a zone is named",
                ),
                example(
                    &[
                        ("channel", "#channel"),
                        ("request-id", "<id>"),
                        ("before", "<operation>"),
                        ("limit", "5"),
                        ("readings", "yes"),
                    ],
                    "more filters: in one channel, by Tencent's RequestId, on behind an operation, how many (1 to \
                     10), who read the log",
                ),
            ],
            |values| question(Question::List(filter(values)?)),
        )
    },
    Verb {
        aliases: &["op"],
        may_be_bare: |first| first.is_some_and(is_operation),
        ..verb(
            AUDITOR,
            &["show"],
            "Show one operation whole",
            &[OPERATION],
            &[example(&[("operation", "<operation>")], "shows one operation whole")],
            |values| question(Question::Show(values.required("operation", Values::parsed)?)),
        )
    },
    verb(
        AUDITOR,
        &["owner-at"],
        "Show who owned a room at a time, and how that is known",
        &[
            ROOM,
            positional("time", "<time>", &[], Kind::Time, "When: now, 2h, yesterday 14:03, 2026-11-23 14:03"),
            ZONE,
        ],
        &[example(
            &[("room", "<room>"), ("time", "<time>")],
            "shows who owned the room then, and how that is known",
        )],
        |values| {
            let room = values.required("room", Values::room)?;
            let moment: TimeExpr = values.required("time", Values::parsed)?;
            let zone = values.text("zone")?.map(|name| zone(&name).map_err(invalid)).transpose()?;
            let moment = match zone {
                Some(zone) => moment.or_in(zone),
                None => moment,
            };
            question(Question::OwnerAt(room, moment))
        },
    ),
    verb(
        AUDITOR,
        &["history"],
        "Show who owned a room over time, by whose hand-over, and how that is known",
        &[ROOM, SINCE, UNTIL, ZONE],
        &[example(
            &[("room", "<room>"), ("since", "7d")],
            "shows who owned the room over time, newest first",
        )],
        |values| {
            let room = values.required("room", Values::room)?;
            question(Question::History(room, filter(values)?))
        },
    ),
    verb(
        AUDITOR,
        &["timeline"],
        "Show the steps of one operation and the waits between them",
        &[OPERATION],
        &[example(&[("operation", "<operation>")], "shows its steps and the waits between them")],
        |values| question(Question::Timeline(values.required("operation", Values::parsed)?, Vec::new())),
    ),
    verb(
        AUDITOR,
        &["stats"],
        "Count operations",
        &[
            BY, OF_ROOM, ACTOR, ACTOR_ID, CHANNEL, OUTCOME, KIND, REQUEST_ID, TEXT, SINCE, UNTIL, ZONE, ONE,
            BEFORE, READINGS, LIMIT,
        ],
        &[example(&[("by", "actor"), ("since", "7d")], "counts by actor, room, channel, outcome or hour")],
        |values| {
            let by = values.parsed("by")?.unwrap_or(StatsBy::Outcome);
            question(Question::Stats(by, filter(values)?))
        },
    ),
    verb(
        (CommandGroup::Audit, Needs::AnyRole),
        &["console"],
        "Get a link with which you sign in to the web console",
        &[],
        &[example(&[], "answers with a link to the web console, for you alone and for five minutes")],
        |_| Ok(Command::Console(ConsoleCommand::Link)),
    ),
    Verb { may_be_bare: |_| false, ..help(CommandGroup::Audit, |_| Ok(Command::Help(CommandGroup::Audit))) },
];

fn question(question: Question) -> Result<Command, Problem> {
    Ok(Command::Audit(Box::new(question)))
}

/// `17`, `#17` and `op17`, as replies and people name an operation.
fn is_operation(word: &str) -> bool {
    let number = word.strip_prefix('#').or_else(|| word.strip_prefix("op")).unwrap_or(word);
    number.starts_with(|c: char| c.is_ascii_digit())
}

fn filter(values: &mut Values) -> Result<Filter, Problem> {
    let zone = values.text("zone")?.map(|name| zone(&name).map_err(invalid)).transpose()?;
    let time = |moment: Option<TimeExpr>| match (&zone, moment) {
        (Some(zone), Some(moment)) => Some(moment.or_in(zone.clone())),
        (_, moment) => moment,
    };
    let (since, until) = (time(values.parsed("since")?), time(values.parsed("until")?));
    let text = values.text("text")?;
    if text.as_ref().is_some_and(|text| text.is_empty() || text.chars().count() > 300) {
        return Err(Problem::Invalid("a text to search for has 1 to 300 characters".to_owned()));
    }
    let (actor, actor_id) = (values.subject("actor")?, values.subject("actor-id")?);
    if actor.is_some() && actor_id.is_some() {
        return Err(Problem::Twice("actor"));
    }
    let limit = match values.text("limit")? {
        None => PAGE,
        Some(shown) => shown.parse().ok().filter(|limit| (1..=PAGE).contains(limit)).ok_or_else(|| {
            Problem::Invalid(format!("the option limit takes a number from 1 to {PAGE}, not `{shown}`"))
        })?,
    };
    let outcomes: Vec<Outcomes> = values.several("outcome", Values::parsed)?;
    Ok(Filter {
        room: values.room("room")?,
        actor: actor.or(actor_id),
        channel: values.channel("channel")?,
        outcomes: outcomes.iter().flat_map(Outcomes::named).copied().collect(),
        kind: values.parsed("kind")?,
        request_id: values.text("request-id")?,
        operation: values.parsed("operation")?,
        text,
        since,
        until,
        zone,
        before: values.parsed::<OperationId>("before")?,
        readings: values.yes_or_no("readings")?,
        limit: Some(limit),
    })
}
