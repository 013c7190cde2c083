use super::*;
use crate::domain::audit::{Filter, OperationId, OperationKind, OutcomeKind, StatsBy, TimeExpr, zone};
use crate::domain::command::Question;
use proptest::prelude::*;

fn parse(line: &str) -> Result<Command, UsageError> {
    super::super::parse(CommandGroup::Audit, &Typed::plain(line))
}

fn question(line: &str) -> Question {
    match parse(line) {
        Ok(Command::Audit(question)) => *question,
        other => panic!("{line}: {other:?}"),
    }
}

fn problem(line: &str) -> (&'static str, Problem) {
    match parse(line) {
        Err(UsageError { verbs, problem, .. }) => (verbs.first().map_or("", |verb| verb.words[0]), problem),
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn the_forms_of_the_grammar() {
    let page = Filter { limit: Some(10), ..Filter::default() };
    assert_eq!(question(""), Question::List(page.clone()));
    assert_eq!(question("list"), Question::List(page.clone()));
    for line in ["17", "#17", "op17", "op 17", "show 17", "SHOW #17", "show op 17", "show operation: 17"] {
        assert_eq!(question(line), Question::Show(OperationId::new(17)), "{line}");
    }
    for line in ["timeline 17", "timeline #17", "timeline op 17"] {
        assert_eq!(question(line), Question::Timeline(OperationId::new(17), Vec::new()), "{line}");
    }
    assert_eq!(question("stats"), Question::Stats(StatsBy::Outcome, page.clone()));
    assert_eq!(parse("help"), Ok(Command::Help(CommandGroup::Audit)));
    assert_eq!(
        question("room: \"my room\" actor: slack:T1:U1 --outcome refused text:“host crashed” limit: 3"),
        Question::List(Filter {
            room: Some("my room".parse().unwrap()),
            actor: Some("slack:T1:U1".parse().unwrap()),
            outcomes: [OutcomeKind::Refused].into_iter().collect(),
            text: Some("host crashed".to_owned()),
            limit: Some(3),
            ..page.clone()
        })
    );
    let berlin = || zone("Europe/Berlin").unwrap();
    let since = Some("2026-11-23 14:03".parse::<TimeExpr>().unwrap().or_in(berlin()));
    assert_eq!(
        question("stats by: actor since: \"2026-11-23 14:03\" zone: Europe/Berlin before: 9 readings: yes"),
        Question::Stats(
            StatsBy::Actor,
            Filter { since, zone: Some(berlin()), before: Some(OperationId::new(9)), readings: true, ..page }
        )
    );
    let room = || "live-7".parse().unwrap();
    let zoned = question("room: live-7 since: yesterday 14:03 until: 14:04 yesterday");
    let times = ["yesterday 14:03", "14:04 yesterday"].map(|time| Some(time.parse::<TimeExpr>().unwrap()));
    match zoned {
        Question::List(filter) => assert_eq!([filter.since, filter.until], times),
        other => panic!("{other:?}"),
    }
    for line in ["owner-at live-7 yesterday 14:03", "OWNER-AT live-7 \"yesterday 14:03\""] {
        assert_eq!(question(line), Question::OwnerAt(room(), "yesterday 14:03".parse().unwrap()), "{line}");
    }
}

#[test]
fn several_outcomes_and_the_hand_overs_alone() {
    let filter = |line: &str| match question(line) {
        Question::List(filter) | Question::Stats(_, filter) => filter,
        other => panic!("{line}: {other:?}"),
    };
    let of = |kinds: &[OutcomeKind]| kinds.iter().copied().collect();
    for line in [
        "outcome: refused,denied",
        "outcome: refused, denied",
        "outcome: Refused outcome: denied",
        "--outcome refused,denied --outcome refused",
        "stats by: actor outcome: \"refused, denied\"",
    ] {
        assert_eq!(filter(line).outcomes, of(&[OutcomeKind::Refused, OutcomeKind::Denied]), "{line}");
    }
    let not_done = &[OutcomeKind::Refused, OutcomeKind::Denied, OutcomeKind::Declined, OutcomeKind::Invalid];
    assert_eq!(filter("outcome: failed").outcomes, of(not_done));
    assert_eq!(filter("outcome: failed, unknown").outcomes.named().len(), 5);
    assert_eq!(filter("kind: transfer").kind, Some(OperationKind::Transfer));
    assert_eq!(filter("room: live-7 kind: show outcome: failed since: 2h").kind, Some(OperationKind::Show));
    for line in ["outcome: lost", "outcome: refused,", "outcome: refused denied", "kind: acl"] {
        assert!(matches!(problem(line), ("list", Problem::Invalid(_))), "{line}");
    }
}

#[test]
fn nothing_is_guessed() {
    assert_eq!(problem("test"), ("", Problem::UnknownVerb("test".to_owned())));
    assert_eq!(problem("owner-at live-7"), ("owner-at", Problem::Missing("<time>")));
    assert_eq!(problem("owner-at"), ("owner-at", Problem::Missing("<room>")));
    assert_eq!(problem("show"), ("show", Problem::Missing("<operation>")));
    assert_eq!(problem("op 17 18"), ("show", Problem::TooMany("18".to_owned())));
    assert_eq!(problem("open"), ("", Problem::UnknownVerb("open".to_owned())));
    assert_eq!(problem("timeline"), ("timeline", Problem::Missing("<operation>")));
    assert_eq!(problem("17 18"), ("show", Problem::TooMany("18".to_owned())));
    assert_eq!(problem("--loud yes"), ("", Problem::UnknownOption("loud".to_owned())));
    assert_eq!(problem("17 room: x"), ("show", Problem::UnknownOption("room".to_owned())));
    assert_eq!(problem("room: a room: b"), ("list", Problem::Twice("room")));
    for line in [
        "since: soon",
        "outcome: lost",
        "limit: 11",
        "limit: 0",
        "readings: maybe",
        "zone: Mars",
        "before: x",
    ] {
        assert!(matches!(problem(line), ("list", Problem::Invalid(_))), "{line}");
    }
}

proptest! {
    #[test]
    fn no_line_breaks_the_parser(line in any::<String>()) {
        drop(parse(&line));
    }
}
