use super::super::parse_in;
use super::*;
use crate::domain::principal::Subject;

fn meant_in(family: CommandGroup, line: &str, here: Option<&str>) -> Vec<String> {
    let mut typed = Typed::default();
    for (n, word) in line.split(' ').enumerate() {
        typed.push_text(if n == 0 { "" } else { " " });
        let (word, comma) = word.strip_suffix(',').map_or((word, ""), |word| (word, ","));
        let somebody = |id: &str| Mention::Subject(format!("slack:T1:{id}").parse::<Subject>().unwrap());
        match word {
            "@bob" => typed.push_mention(somebody("U2"), "@bob"),
            "@ana" => typed.push_mention(somebody("U3"), "@ana"),
            "#mods" => typed.push_mention(Mention::Channel("slack:T1:C1".parse().unwrap()), "#mods"),
            word => typed.push_text(word),
        }
        typed.push_text(comma);
    }
    let here = here.map(|here| here.parse().unwrap());
    let error = parse_in(family, &typed, here.as_ref()).expect_err(line);
    error.meant.iter().map(Invocation::as_typed).collect()
}

fn meant(family: CommandGroup, line: &str) -> Vec<String> {
    meant_in(family, line, None)
}

#[test]
fn words_in_another_order_and_misspelt_ones_are_put_right() {
    for (typed, right) in [
        ("grant moderator @bob", "grant @bob moderator"),
        ("grant moderator to @bob and @ana", "grant @bob, @ana moderator"),
        ("grant @bob as mod in #mods", "grant @bob moderator in: #mods"),
        ("grant moderator @bob live-*", "grant @bob moderator rooms: live-*"),
        ("grant @bob mod", "grant @bob moderator"),
        ("grant @bob moderater rooms: live-*", "grant @bob moderator rooms: live-*"),
        ("grant @bob moderator romms:live-*", "grant @bob moderator rooms: live-*"),
        ("grant @bob moderator rooms live-* in #mods", "grant @bob moderator rooms: live-* in: #mods"),
        ("grant @bob moderator until: 2h", "grant @bob moderator for: 2h"),
        ("grant @bob moderator for: 18:00", "grant @bob moderator until: 18:00"),
        ("garnt @bob moderator", "grant @bob moderator"),
        ("@bob moderator", "grant @bob moderator"),
        ("moderator @bob", "grant @bob moderator"),
        ("@bob live-7", "why @bob live-7"),
        ("why live-7 @bob", "why @bob live-7"),
        ("channel allow live-* #mods", "channel allow #mods rooms: live-*"),
        ("chanel allow #mods", "channel allow #mods"),
        ("list attenton", "list attention"),
        ("why @bob live-7 please", "why @bob live-7"),
        ("who can live-7", "who-can live-7"),
        ("show live-7", "show live-7"),
        ("history live-7", "history live-7"),
        ("revoke @tmp", "revoke <person>"),
        ("list @tmp", "list <person>"),
        ("garnt", "grant <person> <role> rooms: live-* in: #channel for: 8h reason: <why>"),
        ("list everything", "list all"),
    ] {
        assert_eq!(meant(CommandGroup::Acl, typed), [right], "{typed}");
    }
    for (typed, right) in [
        ("owner-at yesterday live-7", "owner-at live-7 yesterday"),
        ("stats by actr", "stats by: actor"),
        ("outcome: refusd", "outcome: refused"),
    ] {
        assert_eq!(meant(CommandGroup::Audit, typed), [right], "{typed}");
    }
}

#[test]
fn what_is_missing_or_wrong_is_shown_by_its_form_and_the_rest_stays() {
    for (typed, right) in [
        ("grant @bob", "grant @bob <role>"),
        ("grant @bob boss rooms: live-*", "grant @bob <role> rooms: live-*"),
        ("grant @boris moderator rooms: live-*", "grant <person> moderator rooms: live-*"),
        ("grant @bob moderator for: ever", "grant @bob moderator for: 8h"),
        ("grant @bob moderator for: 1ms", "grant @bob moderator for: 8h"),
        ("grant @bob moderator rooms: a*b reason: x", "grant @bob moderator rooms: live-* reason: x"),
        ("why @bob", "why @bob <room>"),
        ("revoke x reason: left", "revoke <grant> reason: left"),
    ] {
        assert_eq!(meant(CommandGroup::Acl, typed), [right], "{typed}");
    }
    for (typed, right) in [
        ("owner-at live-7", "owner-at live-7 <time>"),
        ("owner-at live-7 soon", "owner-at live-7 <time>"),
        ("room: live-7 since: soon", "room: live-7 since: yesterday"),
        ("room: live-7 limit: 11", "room: live-7 limit: 5"),
    ] {
        assert_eq!(meant(CommandGroup::Audit, typed), [right], "{typed}");
    }
    for typed in ["why", "revoke x", "frobnicate", "grant boss"] {
        assert!(meant(CommandGroup::Acl, typed).is_empty(), "{typed}");
    }
}

#[test]
fn an_id_alone_is_met_with_the_whole_one_where_it_may_be_of_two_things() {
    let (slack, discord) = (Some("slack:T1:C1"), Some("discord:7:5"));
    for (typed, here, right) in [
        ("grant u0boris moderator", slack, &["grant slack:T1:U0BORIS moderator"][..]),
        ("why u0boris live-7 in: c0ops", slack, &["why slack:T1:U0BORIS live-7 in: slack:T1:C0OPS"]),
        (
            "grant 900000000000000001 moderator",
            discord,
            &[
                "grant discord:7:900000000000000001 moderator",
                "grant discord:7:role:900000000000000001 moderator",
            ],
        ),
        ("grant boris moderator", slack, &["grant <person> moderator"]),
        ("grant URSULA moderator", slack, &["grant <person> moderator"]),
        ("grant U0BORIS moderater", slack, &["grant slack:T1:U0BORIS moderator"]),
        ("why U0BORIS", slack, &["why U0BORIS <room>"]),
        ("who-can U0BORIS", slack, &["who-can <room>"]),
    ] {
        assert_eq!(meant_in(CommandGroup::Acl, typed, here), right, "{typed}");
    }
}

#[test]
fn an_id_alone_is_of_the_workspace_in_which_it_is_typed() {
    let here = "slack:T1:C1".parse().unwrap();
    for (family, alone, whole) in [
        (CommandGroup::Acl, "grant U0BORIS moderator", "grant slack:T1:U0BORIS moderator"),
        (
            CommandGroup::Acl,
            "grant <@U0BORIS>, @U0ANA1 auditor",
            "grant slack:T1:U0BORIS, slack:T1:U0ANA1 auditor",
        ),
        (CommandGroup::Acl, "deny S0GROUP admin rooms: x", "deny slack:T1:group:S0GROUP admin rooms: x"),
        (CommandGroup::Acl, "why U0BORIS live-7 in: C0OPS", "why slack:T1:U0BORIS live-7 in: slack:T1:C0OPS"),
        (CommandGroup::Acl, "why \"U0BORIS\"", "why room: U0BORIS"),
        (CommandGroup::Acl, "revoke U0BORIS", "revoke who: slack:T1:U0BORIS"),
        (CommandGroup::Acl, "channel allow <#C0OPS>", "channel allow slack:T1:C0OPS"),
        (CommandGroup::Audit, "actor: U0BORIS", "actor: slack:T1:U0BORIS"),
    ] {
        let read = |line| parse_in(family, &Typed::plain(line), Some(&here)).unwrap();
        assert_eq!(read(alone), read(whole), "{alone}");
    }
}

#[test]
fn a_reason_without_its_key_is_found_and_never_takes_a_room_or_a_limit() {
    for (typed, right) in [
        ("revoke 3 left the team", &["revoke 3 reason: left the team"][..]),
        ("revoke 3 because he left", &["revoke 3 reason: he left"]),
        ("revoke 3 - left", &["revoke 3 reason: left"]),
        ("revoke grant 3", &["revoke 3"]),
        ("revoke grant 3 left the team", &["revoke 3 reason: left the team"]),
        ("channel remove #mods not used any more", &["channel remove #mods reason: not used any more"]),
        ("grant @bob moderator for the night shift", &["grant @bob moderator reason: the night shift"]),
        ("grant @bob moderator for 8h night shift", &["grant @bob moderator for: 8h reason: night shift"]),
        (
            "grant @bob moderator live-7 night shift",
            &["grant @bob moderator rooms: live-7 reason: night shift"],
        ),
        (
            "deny @bob moderator studio too loud",
            &[
                "deny @bob moderator rooms: studio reason: too loud",
                "deny @bob moderator reason: studio too loud",
            ],
        ),
    ] {
        assert_eq!(meant(CommandGroup::Acl, typed), right, "{typed}");
    }
}

#[test]
fn words_without_keys_are_filters_of_the_log() {
    for (typed, right) in [
        ("yesterday 14:03", "since: yesterday 14:03"),
        ("since yesterday", "since: yesterday"),
        ("yesterday today", "since: yesterday until: today"),
        ("room test", "room: test"),
        ("test yesterday 14:03", "room: test since: yesterday 14:03"),
        ("refused test", "room: test outcome: refused"),
        ("errors", "outcome: failed"),
        ("@bob yesterday", "actor: @bob since: yesterday"),
        ("#mods 2h", "in: #mods since: 2h"),
        ("live-7", "room: live-7"),
        ("live-7 since: 2h", "room: live-7 since: 2h"),
        ("owner test", "owner-at test <time>"),
        ("owner at test yesterday", "owner-at test yesterday"),
        ("last 5", "limit: 5"),
        ("whoami", "whoami"),
        ("owner test yesterday 14:03", "owner-at test yesterday 14:03"),
        ("hist test", "history test"),
        ("since: 25:00", "since: yesterday"),
        ("outcome: bad", "outcome: failed"),
        ("kind: bad", "kind: transfer"),
    ] {
        assert_eq!(meant(CommandGroup::Audit, typed), [right], "{typed}");
    }
}
