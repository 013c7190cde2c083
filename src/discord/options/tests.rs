use proptest::prelude::*;

use super::*;
use crate::domain::audit::OperationId;
use crate::domain::command::Question;
use crate::domain::command::{AclCommand, Edit, Ends, Transfer, Typed, parse};
use serde_json::json;

fn read_owner(options: Value) -> (String, Result<Result<Command, UsageError>, String>) {
    let data = json!({ "name": "room-owner", "type": 1, "options": options });
    let options = Options::read(data.as_object().unwrap()).unwrap();
    let ours = CommandName::slash("");
    (options.typed(&ours), options.command(&ours, "7").map_err(|unusable| unusable.why))
}

fn option(name: &str, value: impl Into<Value>) -> Value {
    json!({ "name": name, "type": 3, "value": value.into() })
}

#[test]
fn options_become_the_same_command_as_the_typed_form() {
    let (typed, command) = read_owner(json!([
        option("room", "my room"),
        option("new_owner", "user2"),
        option("reason", "host\ncrashed")
    ]));
    assert_eq!(typed, "/room-owner \"my room\" user2 reason: host\ncrashed");
    let expected = Transfer {
        room: "my room".parse().unwrap(),
        new_owner: "user2".parse().unwrap(),
        person: None,
        reason: Some("host crashed".to_owned()),
        overrides: None,
    };
    assert_eq!(command, Ok(Ok(Command::Transfer(expected))));
    let (typed, same) =
        read_owner(json!([option("reason", "x"), option("new_owner", "user2"), option("room", "my room")]));
    assert_eq!(typed, "/room-owner \"my room\" user2 reason: x", "in whichever order they come");
    assert!(matches!(same, Ok(Ok(Command::Transfer(_)))));
    let (typed, command) = read_owner(json!([option("room", "test")]));
    assert_eq!(typed, "/room-owner test");
    assert_eq!(command, Ok(Ok(Command::ShowOwner { room: "test".parse().unwrap() })));
}

#[test]
fn an_override_is_a_number_with_a_reason() {
    let number = |value: Value| json!({ "name": "override", "type": 4, "value": value });
    let all = |value| {
        json!([
            option("room", "test"),
            option("new_owner", "user3"),
            option("reason", "hurry"),
            number(value)
        ])
    };
    let (typed, command) = read_owner(all(json!(17)));
    assert_eq!(typed, "/room-owner test user3 override: 17 reason: hurry");
    let Ok(Ok(Command::Transfer(transfer))) = command else { panic!("{command:?}") };
    assert_eq!(transfer.overrides, Some(OperationId::new(17)));
    let typed = crate::domain::command::Typed::plain("test user3 override: 17 reason: hurry");
    let same = parse(CommandGroup::Owner, &typed);
    assert_eq!(same, Ok(Command::Transfer(transfer)), "what is recorded reads the same");
    assert!(matches!(read_owner(all(json!(-1))).1, Ok(Err(UsageError { problem: Problem::Invalid(_), .. }))));
    assert!(read_owner(all(json!("17"))).1.unwrap_err().contains("not a whole number"));
    let without = |names: &[&str]| {
        let mut options = all(json!(17));
        options.as_array_mut().unwrap().retain(|it| !names.contains(&it["name"].as_str().unwrap()));
        read_owner(options).1.unwrap().unwrap_err().problem
    };
    assert!(matches!(without(&["reason"]), Problem::Invalid(_)));
    let missing = Problem::Missing;
    assert_eq!(without(&["new_owner", "reason"]), missing("<new_owner>"));
    assert_eq!(without(&["room", "new_owner", "reason"]), missing("<room>"));
}

#[test]
fn without_options_it_asks_for_help_and_without_a_room_it_is_wrong_usage() {
    assert_eq!(read_owner(json!([])), ("/room-owner".to_owned(), Ok(Ok(Command::Help(CommandGroup::Owner)))));
    for (name, shown) in [("new_owner", "\"x y\""), ("reason", "x y")] {
        let (typed, command) = read_owner(json!([option(name, "x y")]));
        assert_eq!(typed, format!("/room-owner {name}: {shown}"));
        assert_eq!(command.unwrap().unwrap_err().problem, Problem::Missing("<room>"));
    }
}

/// Some clients send what a suggestion shows instead of its value.
#[test]
fn the_text_of_a_suggestion_stands_for_its_value() {
    for (room, owner) in [("vip-1 · owner frank", "user2"), ("vip-1", "user2")] {
        let (_, command) = read_owner(json!([option("room", room), option("new_owner", owner)]));
        let Ok(Ok(Command::Transfer(transfer))) = command else { panic!("{room}: {command:?}") };
        assert_eq!((transfer.room.as_str(), transfer.new_owner.as_str()), ("vip-1", "user2"), "{room}");
    }
}

#[test]
fn a_person_is_a_new_owner_by_a_mention_and_by_the_whole_id() {
    for text in ["<@9>", "<@!9>", "discord:7:9"] {
        let (typed, command) = read_owner(json!([option("room", "test"), option("new_owner", text)]));
        let Ok(Ok(Command::HandTo(to))) = command else { panic!("{text}: {command:?}") };
        assert_eq!((to.person.to_string().as_str(), to.room.as_str()), ("discord:7:9", "test"));
        assert_eq!(typed, format!("/room-owner test {text}"));
    }
}

#[test]
fn what_else_is_mentioned_is_neither_an_account_nor_a_room() {
    for text in ["<@&9>", "<#9>", "@everyone", "@here", "bob<@9>", "<@9> <@9>", "<@9>."] {
        let (_, command) = read_owner(json!([option("room", "test"), option("new_owner", text)]));
        assert!(
            matches!(&command, Ok(Err(UsageError { problem: Problem::AccountIsMention(..), .. }))),
            "{text}"
        );
    }
    let (_, command) = read_owner(json!([option("room", "<@9>")]));
    assert!(matches!(&command, Ok(Err(UsageError { problem: Problem::RoomIsMention(..), .. }))));
    let (_, command) = read_owner(json!([option("room", "<9>"), option("new_owner", "<@x>")]));
    assert!(matches!(command, Ok(Ok(_))));
}

#[test]
fn what_no_client_sends_is_not_taken() {
    let why = |options| read_owner(options).1.unwrap_err();
    assert_eq!(why(json!([option("room", 5)])), "the option `room` is not text");
    assert_eq!(
        why(json!([option("room", "test"), option("new_owner", json!({ "id": "9" }))])),
        "the option `new_owner` is not text"
    );
    assert_eq!(why(json!([option("room", "test"), option("force", "yes")])), "the option `force` is unknown");
    let refused = |data: Value| Options::read(data.as_object().unwrap()).is_err();
    assert!(refused(json!({})));
    assert!(refused(json!({ "name": "room-owner", "type": 2 })));
    assert!(refused(json!({ "name": "room-owner", "options": {} })));
    assert!(refused(json!({ "name": "room-owner", "options": [{}] })));
    assert!(refused(json!({ "name": "room-owner", "options": [option("room", "a"), option("room", "b")] })));
}

fn opt(name: &str, value: impl Into<Value>) -> Value {
    json!({ "name": name, "value": value.into() })
}

fn resolved() -> Value {
    json!({
        "users": { "9": { "id": "9", "username": "bob" } },
        "members": { "9": { "roles": ["31"] } },
        "roles": { "31": { "id": "31", "name": "night shift" }, "7": { "id": "7", "name": "@everyone" } },
        "channels": {
            "5": { "id": "5", "type": 0, "name": "mods" }, "6": { "id": "6", "type": 11, "parent_id": "5" },
            "8": { "id": "8", "type": 4, "name": "shows" }, "4": { "id": "4", "type": 12 },
        },
    })
}

type Understood = Result<Result<Command, UsageError>, String>;

/// `path` is the command and its subcommand: `room-acl grant`.
fn read(path: &str, options: &[Value]) -> (String, Understood) {
    let mut parts = path.split(' ').rev().collect::<Vec<_>>();
    let name = parts.pop().unwrap();
    let mut inner = json!(options);
    for (depth, part) in parts.iter().enumerate() {
        inner = json!([{ "name": part, "type": depth + 1, "options": inner }]);
    }
    let data = json!({ "name": name, "type": 1, "options": inner, "resolved": resolved() });
    let options = Options::read(data.as_object().unwrap()).unwrap();
    let ours = CommandName::slash("");
    (options.typed(&ours), options.command(&ours, "7").map_err(|unusable| unusable.why))
}

fn asked(path: &str, options: &[Value]) -> (String, Command) {
    let (typed, command) = read(path, options);
    (typed, command.unwrap().unwrap())
}

fn problem_of(path: &str, options: &[Value]) -> Problem {
    match read(path, options).1 {
        Ok(Err(UsageError { problem, .. })) => problem,
        other => panic!("{path}: {other:?}"),
    }
}

#[test]
fn a_grant_is_the_one_that_would_be_typed() {
    let options = [
        opt("reason", "night shift"),
        opt("channel", "6"),
        opt("for", "8h"),
        opt("rooms", "live-*"),
        opt("role", "moderator"),
        opt("who", "9"),
    ];
    let (typed, command) = asked("room-acl grant", &options);
    assert_eq!(typed, "/room-acl grant <@9> moderator rooms: live-* in: <#6> for: 8h reason: night shift");
    let Command::Acl(AclCommand::Edit { edit: Edit::Grant { grants, ends }, reason, .. }) = command else {
        panic!()
    };
    let [grant] = grants.as_slice() else { panic!("{grants:?}") };
    assert_eq!(grant.subject.to_string(), "discord:7:9");
    assert_eq!((grant.role.name(), grant.rooms.to_string().as_str()), ("moderator", "live-*"));
    assert_eq!(grant.channels, ["discord:7:5".parse().unwrap()], "a thread counts as its parent");
    let night = Ends::After(std::time::Duration::from_secs(8 * 3_600));
    assert_eq!((ends, reason.as_deref()), (Some(night), Some("night shift")));
    let (typed, command) = asked("room-acl deny", &[opt("who", "31"), opt("role", "admin")]);
    assert_eq!(typed, "/room-acl deny <@&31> admin");
    assert!(format!("{command:?}").contains("DiscordRole { guild: \"7\", role: \"31\" }"));
}

#[test]
fn every_subcommand_is_the_same_command_as_its_typed_form() {
    for (path, options, line) in [
        ("whoami", vec![], "whoami"),
        ("help", vec![], "help"),
        ("revoke", vec![opt("grant", 12), opt("reason", "left")], "revoke 12 reason: left"),
        ("revoke", vec![opt("grant", 12.0)], "revoke 12"),
        ("list", vec![], "list"),
        ("list", vec![opt("part", "all"), opt("page", 1)], "list all"),
        ("list", vec![opt("part", "live")], "list"),
        ("list", vec![opt("part", "attention"), opt("page", 2)], "list attention page: 2"),
        ("why", vec![opt("room", "my room")], "why \"my room\""),
        ("who-can", vec![opt("room", "me")], "who-can me"),
        ("channel list", vec![opt("page", 3)], "channel list page: 3"),
        ("channel allow", vec![opt("rooms", "live-*")], "channel allow rooms: live-*"),
        ("channel remove", vec![opt("reason", "over")], "channel remove reason: over"),
    ] {
        let typed = parse(CommandGroup::Acl, &Typed::plain(line)).unwrap();
        assert_eq!(asked(&format!("room-acl {path}"), &options).1, typed, "{path}");
    }
    for (path, options, line) in [
        ("list", vec![], ""),
        ("list", vec![opt("actor-id", "cli:ana"), opt("readings", true)], "actor: cli:ana readings: yes"),
        ("list", vec![opt("actor", "9"), opt("limit", 3)], "actor: discord:7:9 limit: 3"),
        (
            "list",
            vec![opt("channel", "6"), opt("text", "a \"b\" c")],
            "in: discord:7:5 text: \"a \\\"b\\\" c\"",
        ),
        ("show", vec![opt("operation", 17)], "17"),
        ("timeline", vec![opt("operation", 17)], "timeline 17"),
        (
            "owner-at",
            vec![opt("room", "test"), opt("time", "yesterday 14:03")],
            "owner-at test yesterday 14:03",
        ),
        ("stats", vec![opt("by", "actor"), opt("since", "7d")], "stats by: actor since: 7d"),
    ] {
        let typed = parse(CommandGroup::Audit, &Typed::plain(line)).unwrap();
        assert_eq!(asked(&format!("room-audit {path}"), &options).1, typed, "{path}");
    }
    assert_eq!(asked("room-audit", &[]).1, Command::Help(CommandGroup::Audit));
}

#[test]
fn why_knows_the_members_roles() {
    let (typed, command) =
        asked("room-acl why", &[opt("room", "test"), opt("who", "9"), opt("channel", "5")]);
    assert_eq!(typed, "/room-acl why <@9> test in: <#5>");
    let Command::Acl(AclCommand::Why(why)) = command else { panic!() };
    let groups: Vec<_> = why.groups.iter().map(ToString::to_string).collect();
    assert_eq!(groups, ["discord:7:role:7", "discord:7:role:31"]);
    let (_, command) = asked("room-acl why", &[opt("room", "test"), opt("who", "31")]);
    let Command::Acl(AclCommand::Why(why)) = command else { panic!() };
    assert!(why.groups.is_empty());
}

#[test]
fn wrong_options_are_named_and_what_no_client_sends_is_not_taken() {
    assert_eq!(problem_of("room-acl grant", &[opt("role", "admin")]), Problem::Missing("<person>"));
    assert_eq!(problem_of("room-acl why", &[opt("who", "9")]), Problem::Missing("<room>"));
    assert_eq!(problem_of("room-audit show", &[]), Problem::Missing("<operation>"));
    assert_eq!(problem_of("room-acl dance", &[]), Problem::UnknownVerb("dance".to_owned()));
    assert_eq!(problem_of("room-acl channel", &[]), Problem::UnknownVerb("channel".to_owned()));
    assert_eq!(
        problem_of("room-audit list", &[opt("actor", "9"), opt("actor-id", "cli:ana")]),
        Problem::Twice("actor")
    );
    for (option, why) in [
        (opt("who", "7"), "`@everyone` is everybody"),
        (opt("channel", "8"), "`#shows` is a category"),
        (opt("role", "boss"), "`boss` is not a role"),
        (opt("rooms", "a b for: 8h"), ""),
        (opt("rooms", " "), ""),
    ] {
        let mut options = vec![opt("who", "9"), opt("role", "admin")];
        options.retain(|it| it["name"] != option["name"]);
        options.push(option);
        match read("room-acl grant", &options).1 {
            Ok(Err(UsageError { problem: Problem::Invalid(said), .. })) => {
                assert!(said.contains(why), "{said}")
            }
            // A scope may hold spaces; what it can never hold is another option.
            Ok(Ok(Command::Acl(AclCommand::Edit { edit: Edit::Grant { ends: None, .. }, .. })))
                if why.is_empty() => {}
            other => panic!("{other:?}"),
        }
    }
    for (option, why) in [
        (opt("who", 9), "the option `who` is not an id"),
        (opt("who", "77"), "Discord did not say whether `77` is a person or a role"),
        (opt("role", json!(null)), "the option `role` is not text"),
        (opt("channel", "77"), "Discord did not say what kind of channel `77` is"),
        (opt("channel", "4"), "Discord did not say to which channel the thread `4` belongs"),
        (opt("force", true), "the option `force` is unknown"),
    ] {
        let mut options = vec![opt("who", "9"), opt("role", "admin")];
        options.retain(|it| it["name"] != option["name"]);
        options.push(option);
        assert_eq!(read("room-acl grant", &options).1, Err(why.to_owned()));
    }
    for number in [json!(1.5), json!("1"), json!(true)] {
        let why = "the option `grant` is not a whole number".to_owned();
        assert_eq!(read("room-acl revoke", &[opt("grant", number)]).1, Err(why));
    }
    assert!(matches!(problem_of("room-acl revoke", &[opt("grant", -3)]), Problem::Invalid(_)));
}

proptest! {
    #[test]
    fn a_filled_in_id_is_taken_as_it_is_or_refused(text in any::<String>(), odd in "[ \"'`\\\\<>live1?*-]{0,12}") {
        for text in [text, odd] {
            let room = [opt("room", text.as_str())];
            if let Ok(Ok(Command::Acl(AclCommand::WhoCan(room)))) = read("room-acl who-can", &room).1 {
                prop_assert_eq!(room.as_str(), &text);
            }
            let grant = [opt("who", "9"), opt("role", "admin"), opt("rooms", text.as_str())];
            if let Ok(Ok(Command::Acl(AclCommand::Edit { edit: Edit::Grant { grants, .. }, .. }))) =
                read("room-acl grant", &grant).1
            {
                let rooms: Vec<String> = grants.iter().map(|grant| grant.rooms.to_string()).collect();
                prop_assert_eq!(rooms.join(", "), text.as_str());
            }
            let actor = [opt("actor-id", text.as_str())];
            if let Ok(Ok(Command::Audit(question))) = read("room-audit list", &actor).1
                && let Question::List(filter) = *question
            {
                prop_assert_eq!(filter.actor.map(|it| it.to_string()), Some(text));
            }
        }
    }

    #[test]
    fn a_filled_in_text_is_one_word_and_nothing_more(text in any::<String>(), odd in "[ \"'\\\\:“”a-z*-]{0,40}") {
        for text in [text, odd] {
            let (_, command) = read("room-audit list", &[opt("text", text.as_str()), opt("limit", 1)]);
            match command.unwrap() {
                Ok(Command::Audit(question)) => {
                    let Question::List(filter) = *question else { panic!() };
                    prop_assert_eq!(filter.text.as_deref(), Some(text.as_str()));
                    prop_assert_eq!(filter.limit, Some(1));
                    prop_assert!(filter.room.is_none() && filter.before.is_none());
                }
                Err(UsageError { problem: Problem::Invalid(_), .. }) => {
                    prop_assert!(text.is_empty() || text.chars().count() > 300);
                }
                other => prop_assert!(false, "{:?}", other),
            }
        }
    }
}
