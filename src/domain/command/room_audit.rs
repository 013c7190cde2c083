//! The grammar of `room-audit`.
//!
//! ```text
//! room-audit                                            the newest operations
//! room-audit room: live-7 since: yesterday              those that match; filters combine
//! room-audit actor: @bob outcome: refused text: "host crashed" until: "2026-11-23 14:03" zone: Europe/Berlin
//! room-audit before: 117                                how a list that was cut off goes on
//! room-audit 17                                         one operation whole; show 17, op 17 and #17 are the same
//! room-audit owner-at live-7 yesterday 14:03            who owned the room then
//! room-audit timeline 17                                what happened when within it
//! room-audit stats by: actor since: 7d                  counts
//! room-audit help
//! ```

use std::str::FromStr;

use super::line::{Arguments, Mention, Typed, Word};
use super::{Command, Family, LineProblem, UsageError};
use crate::domain::audit::{Filter, Moment, Question, StatsBy, zone};
use crate::domain::principal::Channel;

const OPTIONS: &[&str] = &[
    "room",
    "actor",
    "channel",
    "in",
    "outcome",
    "request-id",
    "operation",
    "text",
    "since",
    "until",
    "zone",
    "before",
    "by",
    "readings",
    "limit",
];

/// The verb that may be left out, and the form whose first word is an operation then.
const SHOW: &str = "show";
const SHOWN: &str = "<operation>";

/// How many rows an answer in chat shows, unless fewer are asked for: what fits a message on every platform.
const PAGE: u32 = 10;

/// Parses the arguments of `room-audit`.
///
/// ```
/// use room_owner::domain::audit::Question;
/// use room_owner::domain::command::{Command, Typed, parse_room_audit};
///
/// let Ok(Command::Audit(question)) = parse_room_audit(&Typed::plain("room: live-7 since: yesterday"))
/// else { panic!("a question") };
/// let Question::List(filter) = *question else { panic!("a list") };
/// assert_eq!(filter.room.unwrap().as_str(), "live-7");
/// ```
///
/// # Errors
/// What does not fit the grammar, and the verb whose forms help.
pub fn parse_room_audit(line: &Typed) -> Result<Command, UsageError> {
    let first = line.to_string().split_whitespace().next().unwrap_or_default().to_owned();
    let verb = ["list", SHOW, "op", "owner-at", "timeline", "stats", "help"]
        .into_iter()
        .find(|verb| verb.eq_ignore_ascii_case(&first));
    let of = match verb {
        Some("list") => None,
        Some(SHOW | "op") => Some(SHOWN),
        other => other,
    };
    let wrong = |problem| UsageError::Line(Family::Audit, of, problem);
    let mut arguments = Arguments::read(line, OPTIONS).map_err(wrong)?;
    if verb.is_some() {
        arguments.next_word();
    }
    let question = match verb {
        Some("help") => {
            arguments.finish().map_err(wrong)?;
            return Ok(Command::Help(Family::Audit));
        }
        Some(SHOW | "op") => operation(&mut arguments).map(Question::Show),
        Some("owner-at") => owner_at(&mut arguments),
        Some("timeline") => operation(&mut arguments).map(Question::Timeline),
        Some("stats") => stats(&mut arguments),
        Some(_) => filter(&mut arguments).map(Question::List),
        None => match arguments.next_word() {
            Some(word) => shown_operation(&word).map(Question::Show),
            None => filter(&mut arguments).map(Question::List),
        },
    };
    let question = question.map_err(wrong)?;
    arguments.finish().map_err(wrong)?;
    Ok(Command::Audit(Box::new(question)))
}

fn operation(arguments: &mut Arguments) -> Result<crate::domain::audit::OperationId, LineProblem> {
    // `timeline op 17`, as the replies name it.
    arguments.next_is("op");
    let word = arguments.next_word().or_else(|| arguments.option("operation"));
    value(&word.ok_or(LineProblem::Missing("<operation>"))?)
}

/// `/room-audit 17`, `#17`, `op17`; any other word is no verb.
fn shown_operation(word: &Word) -> Result<crate::domain::audit::OperationId, LineProblem> {
    let shown = word.shown();
    let number = shown.strip_prefix('#').or_else(|| shown.strip_prefix("op")).unwrap_or(&shown);
    if number.starts_with(|c: char| c.is_ascii_digit()) {
        value(word)
    } else {
        Err(LineProblem::UnknownVerb(shown))
    }
}

fn owner_at(arguments: &mut Arguments) -> Result<Question, LineProblem> {
    let room = arguments.next_word().or_else(|| arguments.option("room"));
    let room = value(&room.ok_or(LineProblem::Missing("<room>"))?)?;
    // A time may be several words: `2026-11-23 14:03 Europe/Berlin`.
    let mut words = Vec::new();
    while let Some(word) = arguments.next_word() {
        words.push(word.shown());
    }
    if words.is_empty() {
        return Err(LineProblem::Missing("<time>"));
    }
    let moment = moment(&words.join(" "))?;
    Ok(Question::OwnerAt(room, in_zone(moment, arguments)?))
}

fn stats(arguments: &mut Arguments) -> Result<Question, LineProblem> {
    let by = arguments.option("by").map(|word| value(&word)).transpose()?.unwrap_or(StatsBy::Outcome);
    Ok(Question::Stats(by, filter(arguments)?))
}

fn filter(arguments: &mut Arguments) -> Result<Filter, LineProblem> {
    let named = arguments.option("zone");
    let zone = named.map(|word| zone(&word.shown()).map_err(|error| invalid(&error))).transpose()?;
    let time = |arguments: &mut Arguments, name: &str| -> Result<Option<Moment>, LineProblem> {
        let Some(word) = arguments.option(name) else { return Ok(None) };
        let read = moment(&word.shown())?;
        Ok(Some(match &zone {
            Some(zone) => read.or_in(zone.clone()),
            None => read,
        }))
    };
    let text = arguments.option("text").map(|word| word.shown());
    if text.as_ref().is_some_and(|text| text.is_empty() || text.chars().count() > 300) {
        return Err(LineProblem::Invalid("a text to search for has 1 to 300 characters".to_owned()));
    }
    let readings = match arguments.option("readings").map(|word| word.shown().to_ascii_lowercase()) {
        None => false,
        Some(yes) if yes == "yes" => true,
        Some(no) if no == "no" => false,
        Some(other) => {
            let why = format!("the option readings takes yes or no, not `{other}`");
            return Err(LineProblem::Invalid(why));
        }
    };
    let limit = match arguments.option("limit") {
        None => PAGE,
        Some(word) => {
            let shown = word.shown();
            let limit = shown.parse().ok().filter(|limit| (1..=PAGE).contains(limit));
            limit.ok_or_else(|| {
                let why = format!("the option limit takes a number from 1 to {PAGE}, not `{shown}`");
                LineProblem::Invalid(why)
            })?
        }
    };
    let channel = arguments.option("channel").or_else(|| arguments.option("in"));
    Ok(Filter {
        room: option(arguments, "room")?,
        actor: arguments.option("actor").map(|word| super::room_acl::subject(&word)).transpose()?,
        channel: channel.map(|word| a_channel(&word)).transpose()?,
        outcome: option(arguments, "outcome")?,
        request_id: arguments.option("request-id").map(|word| word.shown()),
        operation: option(arguments, "operation")?,
        text,
        since: time(arguments, "since")?,
        until: time(arguments, "until")?,
        zone,
        before: option(arguments, "before")?,
        readings,
        limit: Some(limit),
    })
}

fn in_zone(moment: Moment, arguments: &mut Arguments) -> Result<Moment, LineProblem> {
    match arguments.option("zone") {
        Some(word) => Ok(moment.or_in(zone(&word.shown()).map_err(|error| invalid(&error))?)),
        None => Ok(moment),
    }
}

fn moment(text: &str) -> Result<Moment, LineProblem> {
    text.parse().map_err(|error| invalid(&error))
}

fn option<T: FromStr>(arguments: &mut Arguments, name: &str) -> Result<Option<T>, LineProblem>
where
    T::Err: std::fmt::Display,
{
    arguments.option(name).map(|word| value(&word)).transpose()
}

fn value<T: FromStr>(word: &Word) -> Result<T, LineProblem>
where
    T::Err: std::fmt::Display,
{
    word.shown().parse().map_err(|error: T::Err| invalid(&error))
}

fn invalid(error: &impl std::fmt::Display) -> LineProblem {
    LineProblem::Invalid(error.to_string())
}

fn a_channel(word: &Word) -> Result<Channel, LineProblem> {
    match word {
        Word::Mention(Mention::Channel(channel), _) => Ok(channel.clone()),
        Word::Mention(_, shown) => Err(LineProblem::Invalid(format!("`{shown}` is not a channel"))),
        other => value(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::{OperationId, OutcomeKind};
    use proptest::prelude::*;

    fn parse(line: &str) -> Result<Command, UsageError> {
        parse_room_audit(&Typed::plain(line))
    }

    fn question(line: &str) -> Question {
        match parse(line) {
            Ok(Command::Audit(question)) => *question,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn problem(line: &str) -> (Option<&'static str>, LineProblem) {
        match parse(line) {
            Err(UsageError::Line(Family::Audit, verb, problem)) => (verb, problem),
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn the_forms_of_the_grammar() {
        let page = Filter { limit: Some(PAGE), ..Filter::default() };
        assert_eq!(question(""), Question::List(page.clone()));
        assert_eq!(question("list"), Question::List(page.clone()));
        for line in ["17", "#17", "op17", "op 17", "show 17", "SHOW #17", "show op 17", "show operation: 17"]
        {
            assert_eq!(question(line), Question::Show(OperationId::new(17)), "{line}");
        }
        for line in ["timeline 17", "timeline #17", "timeline op 17"] {
            assert_eq!(question(line), Question::Timeline(OperationId::new(17)), "{line}");
        }
        assert_eq!(question("stats"), Question::Stats(StatsBy::Outcome, page.clone()));
        assert_eq!(parse("help"), Ok(Command::Help(Family::Audit)));
        assert_eq!(
            question("room: \"my room\" actor: slack:T1:U1 --outcome refused text:“host crashed” limit: 3"),
            Question::List(Filter {
                room: Some("my room".parse().unwrap()),
                actor: Some("slack:T1:U1".parse().unwrap()),
                outcome: Some(OutcomeKind::Refused),
                text: Some("host crashed".to_owned()),
                limit: Some(3),
                ..page.clone()
            })
        );
        let berlin = || zone("Europe/Berlin").unwrap();
        let since = Some("2026-11-23 14:03".parse::<Moment>().unwrap().or_in(berlin()));
        assert_eq!(
            question(
                "stats by: actor since: \"2026-11-23 14:03\" zone: Europe/Berlin before: 9 readings: yes"
            ),
            Question::Stats(
                StatsBy::Actor,
                Filter {
                    since,
                    zone: Some(berlin()),
                    before: Some(OperationId::new(9)),
                    readings: true,
                    ..page
                }
            )
        );
        let room = || "live-7".parse().unwrap();
        for line in ["owner-at live-7 yesterday 14:03", "OWNER-AT live-7 \"yesterday 14:03\""] {
            assert_eq!(
                question(line),
                Question::OwnerAt(room(), "yesterday 14:03".parse().unwrap()),
                "{line}"
            );
        }
    }

    #[test]
    fn nothing_is_guessed() {
        assert_eq!(problem("test"), (None, LineProblem::UnknownVerb("test".to_owned())));
        assert_eq!(problem("owner-at live-7"), (Some("owner-at"), LineProblem::Missing("<time>")));
        assert_eq!(problem("owner-at"), (Some("owner-at"), LineProblem::Missing("<room>")));
        assert_eq!(problem("show"), (Some("<operation>"), LineProblem::Missing("<operation>")));
        assert_eq!(problem("op 17 18"), (Some("<operation>"), LineProblem::TooMany("18".to_owned())));
        assert_eq!(problem("open"), (None, LineProblem::UnknownVerb("open".to_owned())));
        assert_eq!(problem("timeline"), (Some("timeline"), LineProblem::Missing("<operation>")));
        assert_eq!(problem("17 18"), (None, LineProblem::TooMany("18".to_owned())));
        assert_eq!(problem("--loud yes"), (None, LineProblem::UnknownOption("loud".to_owned())));
        assert_eq!(problem("17 room: x"), (None, LineProblem::UnknownOption("room".to_owned())));
        assert_eq!(problem("room: a room: b"), (None, LineProblem::Twice("room")));
        for line in [
            "since: soon",
            "outcome: lost",
            "limit: 11",
            "limit: 0",
            "readings: maybe",
            "zone: Mars",
            "before: x",
        ] {
            assert!(matches!(problem(line), (None, LineProblem::Invalid(_))), "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_line_breaks_the_parser(line in any::<String>()) {
            drop(parse(&line));
        }
    }
}
