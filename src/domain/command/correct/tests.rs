use super::*;
use proptest::prelude::*;

fn meant(line: &str) -> Vec<String> {
    match super::super::parse(CommandGroup::Owner, &Typed::plain(line)) {
        Err(error) => error.meant.iter().map(Invocation::as_typed).collect(),
        Ok(command) => panic!("{line}: {command:?}"),
    }
}

#[test]
fn a_line_is_read_by_what_its_words_mean() {
    for (typed, lines) in [
        ("test -> user2", &["test user2"][..]),
        ("test → user2", &["test user2"]),
        ("test = user2", &["test user2"]),
        ("transfer test user2", &["test user2"]),
        ("give test to user2", &["test user2"]),
        ("hand over test to user2", &["test user2"]),
        ("set owner of test to user2", &["test user2"]),
        ("room: test new_owner: user2", &["test user2"]),
        ("new_owner:user2 room:test", &["test user2"]),
        ("room:test owner:user2 now", &["test user2"]),
        ("/room-owner test user2", &["test user2"]),
        ("/room-owner test user2 reason: x", &["test user2 reason: x"]),
        ("`/staging-room-owner test user2` please", &["test user2"]),
        ("my room user2", &["\"my room\" user2"]),
        ("my room user2 reason: x", &["\"my room\" user2 reason: x"]),
        ("my room to user2", &["\"my room\" user2"]),
        ("test to user2 host crashed", &["test user2 reason: host crashed"]),
        ("test user2 reason host crashed", &["test user2 reason: host crashed"]),
        ("test user2 because host crashed", &["test user2 reason: host crashed"]),
        (
            "test user2 host has crashed",
            &["test user2 reason: host has crashed", "\"test user2 host has\" crashed"],
        ),
        ("\"my room\" user2 crashed", &["\"my room\" user2 reason: crashed"]),
        ("test user2 override 17 reason: x", &["test user2 override: 17 reason: x"]),
        ("test user2 override: 17", &["test user2 override: 17 reason: <why>"]),
        ("test user2 reason:", &["test user2"]),
        ("test reason: x", &["test <new_owner> reason: x"]),
        ("reason: x", &["<room> <new_owner> reason: x"]),
        ("\"my room user2 reason: host left", &["\"my room\" user2 reason: host left"]),
        ("\"say hi\"user2", &["\"say hi\" user2"]),
        ("live—7 user2", &["live-7 user2"]),
        ("ｔｅｓｔ user2", &["test user2"]),
        ("who owns test?", &["show test"]),
        ("hand test over to user2", &["test user2"]),
        ("hand over test to user2", &["test user2"]),
        ("undo test", &["undo"]),
        ("undo 24", &["undo"]),
        ("list all", &["list"]),
        ("show", &["show <room>"]),
        ("\"undo\" test user2", &["\"undo\" test reason: user2"]),
        ("test owner", &["show test", "test \"owner\""]),
        ("test owner?", &["show test", "test \"owner\""]),
        ("test OWNER", &["show test", "test \"OWNER\""]),
        ("test list", &["list", "test \"list\""]),
        ("test undo", &["undo", "test \"undo\""]),
        ("test owner reason: x", &["test \"owner\" reason: x"]),
        ("test history", &["history test", "test \"history\""]),
        ("test owner-at", &["owner-at test <time>", "test \"owner-at\""]),
        ("test stats", &["stats", "test \"stats\""]),
        ("test grant", &["test \"grant\""]),
        ("stats", &["stats", "\"stats\""]),
        ("op 17", &["17", "\"op\" 17"]),
        ("why live-7", &["why live-7", "\"why\" live-7"]),
        ("history test since: 7d", &["history test since: 7d"]),
        ("/room-audit history test", &["history test", "\"history\" test"]),
        ("test - user2", &["test user2"]),
        ("test for user2", &["test user2"]),
        ("my room - user2", &["\"my room\" user2"]),
        (
            "test user2 - host crashed",
            &["test user2 reason: host crashed", "\"test user2\" host reason: crashed"],
        ),
        (
            "test user2 for the night shift",
            &["test user2 reason: the night shift", "\"test user2\" the reason: night shift"],
        ),
        ("\"my room\" user2 - crashed", &["\"my room\" user2 reason: crashed"]),
        ("test -> user2 - moved to backup", &["test user2 reason: moved to backup"]),
        ("test user2 reason - host crashed", &["test user2 reason: host crashed"]),
    ] {
        assert_eq!(meant(typed), lines, "{typed}");
    }
}

#[test]
fn what_nobody_would_read_is_not_suggested() {
    let long = vec!["word"; 900].join(" ");
    assert_eq!(meant(&long), ["word word reason: …"]);
    assert!(meant(&format!("\"{long}\"")).is_empty());
    let mut line = Typed::plain("test ");
    line.push_mention(super::super::Mention::Everyone, "@here");
    let error = super::super::parse(CommandGroup::Owner, &line).unwrap_err();
    assert_eq!(error.meant[0].as_typed(), "test <new_owner>");
}

#[test]
fn nothing_that_cannot_be_an_account_is_suggested_as_one() {
    let line = "a=\"a@:::'a=a@a=@a'\"=a'-\"a='-aa=a-'=a:\"@a-='a\"\"::@ @";
    let error = super::super::parse(CommandGroup::Owner, &Typed::plain(line)).unwrap_err();
    let lines: Vec<String> = error.meant.iter().map(Invocation::as_typed).collect();
    assert!(lines.iter().all(|line| !line.ends_with('@')), "{lines:?}");
}

proptest! {
    #[test]
    fn every_suggestion_is_a_line_of_the_grammar(line in "[a-z@\"': to>=.-]{0,80}") {
        if let Err(error) = super::super::parse(CommandGroup::Owner, &Typed::plain(&line)) {
            for meant in error.meant {
                let typed = meant.as_typed();
                prop_assert!(typed.chars().count() <= LONGEST_LINE, "{}", typed);
                let filled = typed.replace("<room>", "test").replace("<new_owner>", "user").replace("<why>", "x");
                prop_assert!(read(CommandGroup::Owner, &Typed::plain(&filled), None).is_ok(), "{}", typed);
            }
        }
    }
}
