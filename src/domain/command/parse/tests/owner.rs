use super::*;
use crate::domain::audit::OperationId;
use crate::domain::command::{Invocation, Mention, Transfer, check_account, quoted};
use crate::domain::room::Accounts;
use proptest::prelude::*;

fn parse(line: &str) -> Result<Command, UsageError> {
    super::super::parse(CommandGroup::Owner, &Typed::plain(line))
}

fn problem(line: &str) -> Problem {
    parse(line).expect_err(line).problem
}

fn transfer(room: &str, new_owner: &str, reason: Option<&str>) -> Result<Command, UsageError> {
    Ok(Command::Transfer(Transfer {
        room: room.parse().unwrap(),
        new_owner: new_owner.parse().unwrap(),
        person: None,
        reason: reason.map(str::to_owned),
        overrides: None,
    }))
}

#[test]
fn the_forms_of_the_grammar() {
    assert_eq!(parse(""), Ok(Command::Help(CommandGroup::Owner)));
    assert_eq!(parse(" \u{a0} "), Ok(Command::Help(CommandGroup::Owner)));
    assert_eq!(parse("help"), Ok(Command::Help(CommandGroup::Owner)));
    assert_eq!(parse("\"help\""), Ok(Command::ShowOwner { room: "help".parse().unwrap() }));
    assert_eq!(parse("test"), Ok(Command::ShowOwner { room: "test".parse().unwrap() }));
    assert_eq!(parse("test user2"), transfer("test", "user2", None));
    assert_eq!(parse("\"help\" user2"), transfer("help", "user2", None));
    assert_eq!(parse("test\u{a0}user2\u{202f}\n"), transfer("test", "user2", None));
    assert_eq!(parse("\"my room\" user2"), transfer("my room", "user2", None));
    assert_eq!(parse("“my room” user2"), transfer("my room", "user2", None));
    assert_eq!(parse("‘my room’ ’user2’"), transfer("my room", "user2", None));
    assert_eq!(parse("'say \"hi\"' u"), transfer("say \"hi\"", "u", None));
    assert_eq!(parse(r#""a \"b\" \\ \c" u"#), transfer(r#"a "b" \ \c"#, "u", None));
    assert_eq!(parse("my\"room u"), transfer("my\"room", "u", None));
    assert_eq!(parse("`my room` ```user2```"), transfer("my room", "user2", None));
    assert_eq!(parse(r"`a\\b\` user2"), transfer(r"a\\b\", "user2", None));
    assert_eq!(parse("``a`b`` `user2` reason: `c`"), transfer("a`b", "user2", Some("`c`")));
    assert_eq!(parse("\"`a`\" my`room"), transfer("`a`", "my`room", None));
    assert_eq!(parse("`help`"), Ok(Command::ShowOwner { room: "help".parse().unwrap() }));
    for quotes in [
        "«my room»",
        "« my room »",
        "«\u{202f}my room\u{202f}»",
        "「my room」",
        "『my room』",
        "＂my room＂",
        "‹my room›",
        "„my room“",
        "»my room«",
    ] {
        assert_eq!(parse(&format!("{quotes} user2")), transfer("my room", "user2", None), "{quotes}");
    }
}

#[test]
fn what_nobody_sees_is_folded_at_the_edges_of_words_and_refused_inside() {
    for unseen in
        ["\u{200b}", "\u{200d}", "\u{feff}", "\u{2060}", "\u{200e}", "\u{202e}", "\u{2069}", "\u{ad}"]
    {
        for line in [
            format!("{unseen}test{unseen} user2"),
            format!("test {unseen}user2{unseen}"),
            format!("\"test\"{unseen} {unseen}\"user2\""),
            format!("{unseen} test user2 {unseen}"),
        ] {
            assert_eq!(parse(&line), transfer("test", "user2", None), "{line:?}");
        }
        let inside = format!("te{unseen}st user2");
        assert_eq!(parse(&inside).unwrap_err().meant[0].as_typed(), "test user2");
        let quoted = format!("\"test{unseen}\" user2");
        assert!(parse(&quoted).is_err(), "{quoted:?}");
    }
    assert_eq!(parse("test user6 reason：host crashed"), transfer("test", "user6", Some("host crashed")));
}

#[test]
fn the_reason_is_the_rest_of_the_line() {
    assert_eq!(parse("a b reason: host  crashed"), transfer("a", "b", Some("host crashed")));
    assert_eq!(parse("a b Reason:\"host\ncrashed\""), transfer("a", "b", Some("host crashed")));
    assert_eq!(parse("a b reason: “so it” goes”"), transfer("a", "b", Some("“so it” goes”")));
    assert_eq!(parse("\"reason:x\" b"), transfer("reason:x", "b", None));
    assert_eq!(problem("a reason: x"), Problem::Missing("<new_owner>"));
    assert_eq!(problem("reason: x"), Problem::Missing("<room>"));
    assert_eq!(problem("a b reason:  "), Problem::NoValue("reason"));
    assert_eq!(
        problem(&format!("a b reason: {}", "x".repeat(301))),
        Problem::Invalid("the reason has 301 characters; 300 is the limit".to_owned())
    );
}

#[test]
fn an_override_names_an_operation_and_a_reason() {
    for line in ["a b override: 17 reason: x", "a b Override:17 reason: x", "a b override: op17 reason: x"] {
        let Ok(Command::Transfer(transfer)) = parse(line) else { panic!("{line}") };
        assert_eq!(
            (transfer.overrides.map(OperationId::seq), transfer.reason.as_deref()),
            (Some(17), Some("x"))
        );
    }
    for line in ["a b override: 17", "a b override: reason: x", "a b override: x reason: y", "a b override:"]
    {
        let problem = problem(line);
        assert!(matches!(problem, Problem::Invalid(_) | Problem::NoValue("override")), "{line}: {problem:?}");
    }
    assert_eq!(problem("a override: 17"), Problem::Missing("<new_owner>"));
    assert_eq!(problem("a b override: 17 18 reason: x"), Problem::TooManyWords(3));
}

#[test]
fn nothing_is_guessed() {
    assert_eq!(problem("my room user2"), Problem::TooManyWords(3));
    assert_eq!(problem("a b c reason: d"), Problem::TooManyWords(3));
    assert_eq!(problem("\"my room user2"), Problem::UnclosedQuote);
    assert_eq!(problem("\"my room\"x u"), Problem::TextAfterQuote("x".into()));
    for unclosed in ["`a u", "``a` u", "`a`` u", "``"] {
        assert!(matches!(problem(unclosed), Problem::UnclosedQuote), "{unclosed}");
    }
    assert_eq!(problem("`a`. u"), Problem::TextAfterQuote(".".into()));
    assert_eq!(problem("a `u`. reason: x"), Problem::TextAfterQuote(".".into()));
    assert!(matches!(problem("\"\" u"), Problem::Invalid(_)));
    assert!(matches!(problem("a @bob"), Problem::Invalid(_)));
}

/// A line in which these words are mentions.
fn mentioning(line: &str, known: &[(&str, Mention)]) -> Typed {
    let mut typed = Typed::default();
    let mut rest = line;
    while !rest.is_empty() {
        let next = known.iter().find(|(shown, _)| rest.starts_with(shown));
        match next {
            Some((shown, mention)) => typed.push_mention(mention.clone(), shown),
            None => typed.push_text(&rest[..1]),
        }
        rest = &rest[next.map_or(1, |(shown, _)| shown.len())..];
    }
    typed
}

#[test]
fn a_person_is_a_new_owner_and_nothing_else_that_is_mentioned_is_one() {
    let person = Mention::Subject("slack:T1:U1".parse().unwrap());
    let group = Mention::Subject("slack:T1:group:S1".parse().unwrap());
    let channel = Mention::Channel("slack:T1:C1".parse().unwrap());
    let known = [("@bob", person), ("@mods", group), ("#ops", channel), ("@here", Mention::Everyone)];
    let read = |line: &str| super::super::parse(CommandGroup::Owner, &mentioning(line, &known));
    for line in ["test @bob reason: x", "test slack:T1:U1 reason: x", "test \"@bob\" reason: x"] {
        let Ok(Command::HandTo(to)) = read(line) else { panic!("{line}: {:?}", read(line)) };
        assert_eq!((to.room.as_str(), to.person.to_string().as_str()), ("test", "slack:T1:U1"));
        assert_eq!((to.reason.as_deref(), to.overrides), (Some("x"), None));
    }
    for line in ["test @mods", "test #ops", "test @here", "test x@bob", "test @bob@bob", "test \"@bob x\""] {
        let problem = read(line).expect_err(line).problem;
        assert!(matches!(problem, Problem::AccountIsMention(..)), "{line}: {problem:?}");
    }
    for line in ["test slack:T1:group:S1", "test cli:ana", "test U0BORIS"] {
        assert!(!matches!(read(line), Ok(Command::HandTo(_))), "{line}");
    }
    // What people write instead, and the one line that they mean.
    for line in [
        "give test to @bob",
        "hand over test to @bob please",
        "@bob test",
        "test -> @bob",
        "room: test new_owner: @bob",
        "transfer test @bob",
        "give test to @bob.",
    ] {
        let lines: Vec<String> = read(line).expect_err(line).meant.iter().map(Invocation::as_typed).collect();
        assert_eq!(lines, ["test slack:T1:U1"], "{line}");
    }
    let meant = read("give test to @bob because she asked").unwrap_err().meant;
    assert_eq!(meant[0].as_typed(), "test slack:T1:U1 reason: she asked");
}

#[test]
fn a_mention_is_not_a_room() {
    let bob = || Mention::Subject("slack:T1:U1".parse().unwrap());
    let mut line = Typed::default();
    line.push_mention(bob(), "@bob");
    line.push_text(" user2");
    let error = super::super::parse(CommandGroup::Owner, &line).unwrap_err();
    assert_eq!(error.problem, Problem::RoomIsMention(Box::new(bob()), "@bob".into()));
}

proptest! {
    #[test]
    fn what_is_quoted_is_read_back(room in "[ -~]{1,48}", owner in "[!-?A-~][ -~]{0,31}") {
        let line = format!("{} {}", quoted(&room), quoted(&owner));
        prop_assert_eq!(parse(&line), transfer(&room, &owner, None), "{}", line);
    }

    /// Whatever is understood stands in the line, as it is, between spaces or marks.
    #[test]
    fn nothing_is_taken_off_a_word(
        line in "[a-c2`\"'“”<>*.\u{200b}\u{a0} ]{1,16}( [a-c2`\"'“”<>*.\u{200b}]{1,8})?",
    ) {
        let stands_alone = |word: &str| line.match_indices(word).any(|(at, _)| {
            let is_edge = |c: Option<char>| c.is_none_or(|c| c.is_whitespace() || "`\"'“”\u{200b}".contains(c));
            is_edge(line[..at].chars().next_back()) && is_edge(line[at + word.len()..].chars().next())
        });
        match check_account(Accounts::Tencent, parse(&line)) {
            Ok(Command::Transfer(transfer)) => {
                prop_assert!(stands_alone(transfer.room.as_str()), "{:?}", transfer);
                prop_assert!(stands_alone(transfer.new_owner.as_str()), "{:?}", transfer);
                prop_assert!(transfer.new_owner.as_str().bytes().all(|b| b.is_ascii_alphanumeric()));
            }
            Ok(Command::ShowOwner { room }) => prop_assert!(stands_alone(room.as_str()), "{:?}", room),
            _ => {}
        }
    }

    #[test]
    fn no_line_breaks_the_parser(line in any::<String>()) {
        if let Ok(Command::Transfer(transfer)) = parse(&line) {
            prop_assert!(transfer.room.as_str().len() <= 48 && !transfer.new_owner.as_str().is_empty());
        }
    }

    #[test]
    fn spaces_around_words_mean_nothing(a in "[a-z]{1,5}", b in "[a-z]{1,5}", s in "[ \t\n\u{a0}]{1,3}") {
        prop_assert_eq!(parse(&format!("{s}{a}{s}{b}{s}")), parse(&format!("{a} {b}")));
    }
}
