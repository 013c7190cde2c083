use std::time::Duration;

use super::*;
use crate::domain::access::{Effect, NewGrant, Role, RoomScope};
use crate::domain::command::{AclCommand, Edit, Ends, Mention, Section};
use proptest::prelude::*;

fn line(text: &str) -> Typed {
    // `@bob` and `#mods` stand for mentions, as a platform marks them.
    let mut line = Typed::default();
    for (n, word) in text.split(' ').enumerate() {
        if n > 0 {
            line.push_text(" ");
        }
        let (word, comma) = word.strip_suffix(',').map_or((word, ""), |word| (word, ","));
        match word {
            "@bob" => line.push_mention(Mention::Subject("slack:T1:U2".parse().unwrap()), "@bob"),
            "@mods" => line.push_mention(Mention::Subject("slack:T1:group:S1".parse().unwrap()), "@mods"),
            "#mods" => line.push_mention(Mention::Channel("slack:T1:C1".parse().unwrap()), "#mods"),
            "@here" => line.push_mention(Mention::Everyone, "@here"),
            word => line.push_text(word),
        }
        line.push_text(comma);
    }
    line
}

fn read(text: &str) -> Result<AclCommand, UsageError> {
    parse(CommandGroup::Acl, &line(text)).map(|command| match command {
        Command::Acl(command) => command,
        other => panic!("{other:?}"),
    })
}

fn given(text: &str) -> (NewGrant, Option<Duration>, Option<String>) {
    match read(text) {
        Ok(AclCommand::Edit { edit: Edit::Grant { mut grants, ends }, reason, .. }) => {
            let lasts = ends.map(|ends| match ends {
                Ends::After(length) => length,
                Ends::At(moment) => panic!("{text}: {moment}"),
            });
            assert_eq!(grants.len(), 1, "{text}");
            (grants.remove(0), lasts, reason)
        }
        other => panic!("{text}: {other:?}"),
    }
}

/// Whom and which rooms the entries of a grant name.
fn entries(text: &str) -> Vec<String> {
    match read(text) {
        Ok(AclCommand::Edit { edit: Edit::Grant { grants, .. }, .. }) => {
            grants.iter().map(|grant| format!("{} {}", grant.subject, grant.rooms)).collect()
        }
        other => panic!("{text}: {other:?}"),
    }
}

fn wrong(text: &str) -> String {
    match read(text) {
        Err(UsageError { verbs, problem, .. }) => {
            let verb = verbs.first().map_or("(none)".to_owned(), |verb| verb.words.join(" "));
            format!("{verb}: {problem:?}")
        }
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn a_grant_in_all_its_forms() {
    let (grant, lasts, reason) = given("grant @bob moderator");
    assert_eq!((grant.subject.to_string(), grant.role), ("slack:T1:U2".to_owned(), Role::Moderator));
    assert_eq!((grant.rooms, lasts, reason), (RoomScope::All, None, None));
    let full = given("grant @bob moderator rooms: live-* in: #mods for: 8h reason: night  shift, see #42");
    assert_eq!(full.0.rooms.to_string(), "live-*");
    assert_eq!(full.0.channels, ["slack:T1:C1".parse().unwrap()]);
    assert_eq!(full.1, Some(Duration::from_secs(8 * 3_600)));
    assert_eq!(full.2.as_deref(), Some("night shift, see #42"));
    for same in [
        "grant @bob moderator live-* in: #mods for:8h reason:night shift, see #42",
        "GRANT @bob moderator --rooms live-* --in #mods --for=8h --reason night shift, see #42",
        "grant @bob moderator —rooms live-* –in #mods for: \"8h\" Reason: “night shift, see #42”",
        "grant slack:T1:U2 moderator in:slack:T1:C1 rooms:live-* for: 8h reason: night shift, see #42",
    ] {
        assert_eq!(given(same), full, "{same}");
    }
    assert_eq!(given("deny @mods admin vip-1").0.effect, Effect::Deny);
    for same in ["for 8 hours", "for: 8 hours", "for: 8h", "for 8h"] {
        assert_eq!(
            given(&format!("grant @bob moderator {same}")).1,
            Some(Duration::from_secs(8 * 3_600)),
            "{same}"
        );
    }
    assert!(wrong("grant @bob moderator @mods").contains("RoomIsMention"), "a mention is no room");
}

#[test]
fn several_people_and_several_rooms_are_an_entry_each() {
    assert_eq!(
        entries("grant @bob moderator rooms: vip-1, live-7, vip-1 for 8h"),
        ["slack:T1:U2 vip-1", "slack:T1:U2 live-7"]
    );
    for people in ["@bob @mods", "@bob, @mods", "slack:T1:U2, slack:T1:group:S1", "@bob slack:T1:group:S1"] {
        assert_eq!(
            entries(&format!("grant {people} moderator vip-1")),
            ["slack:T1:U2 vip-1", "slack:T1:group:S1 vip-1"],
            "{people}"
        );
        assert_eq!(entries(&format!("deny {people} admin rooms: a, b until: 18:00")).len(), 4);
    }
    assert!(wrong("grant @bob #mods moderator").contains("Invalid"), "a channel is nobody");
    let many = (0..11).map(|n| format!("r{n}")).collect::<Vec<_>>().join(", ");
    assert!(wrong(&format!("grant @bob moderator rooms: {many}")).contains("more than 10 entries"));
}

#[test]
fn a_grant_ends_at_a_time_or_after_one() {
    let ends = |text: &str| match read(&format!("grant @bob moderator {text} reason: x")) {
        Ok(AclCommand::Edit { edit: Edit::Grant { ends: Some(ends), .. }, .. }) => {
            let now = "2026-11-23T14:03:00Z".parse().unwrap();
            ends.resolve(now).map(|end| end.to_string())
        }
        other => panic!("{text}: {other:?}"),
    };
    for (text, end) in [
        ("until: 18:00", "2026-11-23T18:00:00Z"),
        ("until 18:00", "2026-11-23T18:00:00Z"),
        ("until: 14:03", "2026-11-24T14:03:00Z"),
        ("until: 09:00 Europe/Berlin", "2026-11-24T08:00:00Z"),
        ("until: tomorrow 06:00", "2026-11-24T06:00:00Z"),
        ("until: 06:00 tomorrow", "2026-11-24T06:00:00Z"),
        ("until: tomorrow", "2026-11-24T00:00:00Z"),
        ("until: 2026-12-01", "2026-12-01T00:00:00Z"),
        ("for 1h 30m", "2026-11-23T15:33:00Z"),
    ] {
        assert_eq!(ends(text).as_deref(), Ok(end), "{text}");
    }
    for text in ["until: today", "until: yesterday", "until: 2026-11-23 14:03", "until: 2026-11-23 14:03:30"]
    {
        assert!(ends(text).is_err_and(|why| why.contains("which is over")), "{text}");
    }
    for text in [
        "for: 1ms",
        "for 59s",
        "until: 2h",
        "until: 8 hours",
        "until: soon",
        "for: 8h until: 18:00",
        "for: 0s",
    ] {
        assert!(wrong(&format!("grant @bob moderator {text}")).contains("Invalid"), "{text}");
    }
}

#[test]
fn the_other_verbs() {
    for help in ["", "help", " "] {
        assert_eq!(parse(CommandGroup::Acl, &line(help)), Ok(Command::Help(CommandGroup::Acl)));
    }
    assert_eq!(read("whoami"), Ok(AclCommand::WhoAmI));
    let revoke = |text: &str| match read(text) {
        Ok(AclCommand::Edit { edit: Edit::Revoke(id), reason, .. }) => (id, reason),
        other => panic!("{other:?}"),
    };
    assert_eq!(revoke("revoke 12"), (12, None));
    assert_eq!(revoke("revoke #12 reason: left"), (12, Some("left".to_owned())));
    for line in ["revoke @bob", "revoke slack:T1:U2"] {
        let bob = Edit::RevokeOf("slack:T1:U2".parse().unwrap());
        assert_eq!(
            read(line),
            Ok(AclCommand::Edit { edit: bob, reason: None, force: false, if_version: None }),
            "{line}"
        );
    }
    let listed = |text: &str| match read(text) {
        Ok(AclCommand::List(listed)) => (listed.part, listed.page),
        other => panic!("{other:?}"),
    };
    for (line, part) in
        [("list @bob", Section::Live), ("list slack:T1:U2", Section::Live), ("list all @bob", Section::All)]
    {
        let bob = "slack:T1:U2".parse().unwrap();
        let Ok(AclCommand::List(listed)) = read(line) else { panic!("{line}") };
        assert_eq!((listed.part, listed.who, listed.page), (part, Some(bob), 1), "{line}");
    }
    assert_eq!(listed("list"), (Section::Live, 1));
    assert_eq!(listed("list attention page: 3"), (Section::Attention, 3));
    assert_eq!(listed("channel list"), (Section::Channels, 1));
    let why = |text: &str| match read(text) {
        Ok(AclCommand::Why(why)) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(why("why live-7").subject, None);
    assert_eq!(why("why me live-7"), why("why live-7"));
    assert_eq!(why("why @bob live-7").subject, Some("slack:T1:U2".parse().unwrap()));
    assert_eq!(why("why @bob --in #mods --room live-7"), why("why @bob live-7 in: #mods"));
    assert_eq!(read("who-can \"my room\""), Ok(AclCommand::WhoCan("my room".parse().unwrap())));
    let edit = |text: &str| match read(text) {
        Ok(AclCommand::Edit { edit, .. }) => edit,
        other => panic!("{other:?}"),
    };
    let live = || Some("live-*".parse().unwrap());
    for (line, rooms, for_admins) in [
        ("announce", None, false),
        ("announce here", None, false),
        ("announce here admin", None, true),
        ("announce here admin rooms: live-*", live(), true),
        ("announce here rooms: live-* --admin", live(), true),
        ("announce here rooms: live-* admin: no", live(), false),
        ("Announce Here admin: yes reason: admin", None, true),
    ] {
        assert_eq!(edit(line), Edit::Announce(None, rooms, for_admins), "{line}");
    }
    let mods = || Some("slack:T1:C1".parse().unwrap());
    for line in ["announce #mods admin", "announce here #mods admin", "announce here admin in: #mods"] {
        assert_eq!(edit(line), Edit::Announce(mods(), None, true), "{line}");
    }
    assert_eq!(edit("announce off"), Edit::StopAnnouncing(None));
    assert_eq!(edit("announce off #mods"), Edit::StopAnnouncing(mods()));
    assert!(read("announce nowhere").is_err() && read("announce here rooms: live-*, vip-1").is_err());
    assert_eq!(edit("channel allow"), Edit::AllowChannel(None, RoomScope::All));
    assert_eq!(
        edit("channel allow #mods rooms: live-*"),
        Edit::AllowChannel(mods(), "live-*".parse().unwrap())
    );
    assert_eq!(edit("channel remove #mods"), Edit::RemoveChannel(mods()));
}

#[test]
fn what_does_not_fit_is_refused_with_its_verb() {
    insta::assert_snapshot!(
        [
            "frobnicate", "grant", "grant @bob", "grant @bob boss", "grant bob moderator", "grant @here admin",
            "grant #mods admin", "grant @bob moderator a*b", "grant @bob moderator live-* more",
            "grant @bob moderator for: ever", "grant @bob moderator --role x", "grant @bob moderator in: 5",
            "grant @bob moderator for: 1h for: 2h", "revoke", "revoke x", "revoke 0", "why", "why @bob",
            "who-can", "who-can @bob", "channel", "channel open", "list page: 0", "grant @bob moderator reason:",
            "whoami please",
        ]
        .map(|text| format!("{text} → {}", wrong(text)))
        .join("\n"),
        @r#"
    frobnicate → (none): UnknownVerb("frobnicate")
    grant → grant: Missing("<person>")
    grant @bob → grant: Missing("<role>")
    grant @bob boss → grant: Invalid("`boss` is not a role: use `moderator`, `auditor` or `admin`")
    grant bob moderator → grant: Invalid("`bob` is not a subject: write `slack:<team>:<user>`, `slack:<team>:group:<usergroup>`, `discord:<guild>:<user>`, `discord:<guild>:role:<role>` or `cli:<os user>`")
    grant @here admin → grant: Invalid("`@here` is everybody: name a person, a group or a role, so that the log can say who")
    grant #mods admin → grant: Invalid("`#mods` is a channel: name a person, a group or a role")
    grant @bob moderator a*b → grant: Invalid("`a*b` is not a room scope: use `*`, a room id, or a prefix such as `live-*` (a star may only be its last character)")
    grant @bob moderator live-* more → grant: TooMany("more")
    grant @bob moderator for: ever → grant: Invalid("`ever` is not a duration: write 8h, 30m or 7d")
    grant @bob moderator --role x → grant: UnknownOption("role")
    grant @bob moderator in: 5 → grant: Invalid("`5` is not a channel: write `slack:<team>:<channel>` or `discord:<guild>:<channel>`")
    grant @bob moderator for: 1h for: 2h → grant: Twice("for")
    revoke → revoke: Missing("<grant>")
    revoke x → revoke: Invalid("`x` is not the number of a grant: list shows them")
    revoke 0 → revoke: Invalid("`0` is not the number of a grant: list shows them")
    why → why: Missing("<room>")
    why @bob → why: Missing("<room>")
    who-can → who-can: Missing("<room>")
    who-can @bob → who-can: RoomIsMention(Subject(SlackUser { team: "T1", user: "U2" }), "@bob")
    channel → channel allow: MissingVerb(["allow", "remove", "list"])
    channel open → channel allow: UnknownVerb("open")
    list page: 0 → list: Invalid("`0` is not a page: write 2")
    grant @bob moderator reason: → grant: NoValue("reason")
    whoami please → whoami: TooMany("please")
    "#
    );
    for (line, why) in [("grant \"bob", "UnclosedQuote"), ("grant \"bob\"x", "TextAfterQuote(\"x\")")] {
        assert_eq!(wrong(line), format!("grant: {why}"));
    }
    let long = format!("grant @bob moderator reason: {}", "x".repeat(301));
    assert_eq!(wrong(&long), "grant: Invalid(\"the reason has 301 characters; 300 is the limit\")");
}

proptest! {
    #[test]
    fn no_line_breaks_the_parser(text in "[a-z@#:\"—-]{0,8}( (rooms:|--for|@bob|#mods|[a-z0-9*\"-]{1,6})){0,6}") {
        drop(parse(CommandGroup::Acl, &line(&text)));
    }
}
