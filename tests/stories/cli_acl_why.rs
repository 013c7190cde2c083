//! An admin asks at the command line: why, who can, and what needs attention.

use insta::assert_snapshot;
use room_owner::app::ports::{AclChange, NewGrant};
use room_owner::domain::access::Effect;
use room_owner::domain::principal::Principal;
use room_owner::store::{IfMissing, SqliteStore};
use secrecy::ExposeSecret as _;

use super::cli_acl::names;
use super::clock::{NOON, StoryClock};
use super::fakes::acl::edit_locally;
use super::groups::{Answer, WebApi, group};
use super::program::Program;
use super::slack::{ADAM, ALICE, BORIS, MODS, OTTO, RITA, TEAM};

fn new(subject: &str, role: &str, rooms: &str) -> NewGrant {
    NewGrant {
        subject: subject.parse().unwrap(),
        role: role.parse().unwrap(),
        effect: Effect::Permit,
        rooms: rooms.parse().unwrap(),
        channels: Vec::new(),
        expires_at: None,
    }
}

/// The ACL of a day that is past on every machine.
async fn with_a_past(program: &Program) {
    let time = |time: &str| format!("2025-03-01T{time}:00Z").parse::<jiff::Timestamp>().unwrap();
    let grant = AclChange::Grant;
    let channel = |id: &str| id.parse().unwrap();
    let allow = |id: &str, rooms: &str| AclChange::AllowChannel {
        channel: channel(id),
        rooms: rooms.parse().unwrap(),
    };
    let (u1, u2) = ("slack:T1:U1", "slack:T1:U2");
    let day = [
        ("09:00", allow("slack:T1:C1", "live-*")),
        ("10:00", grant(new(u1, "moderator", "live-*"))),
        ("10:00", grant(new(u1, "auditor", "*"))),
        ("10:00", grant(NewGrant { channels: vec![channel("slack:T1:C2")], ..new(u1, "moderator", "*") })),
        ("10:00", grant(NewGrant { expires_at: Some(time("12:00")), ..new(u2, "moderator", "*") })),
        ("10:00", grant(new("slack:T1:group:S1", "moderator", "live-*"))),
        ("11:00", AclChange::Revoke(1)),
        ("13:00", allow("slack:T1:C1", "*")),
        ("14:00", grant(NewGrant { effect: Effect::Deny, ..new(u1, "moderator", "live-7") })),
        ("15:00", AclChange::RemoveChannel(channel("slack:T1:C1"))),
        ("16:00", allow("slack:T1:C2", "*")),
    ];
    let store = SqliteStore::open(&program.database_url(), IfMissing::Create).await.unwrap();
    let clock = StoryClock::new(false);
    clock.pass(time("09:00").as_second() - NOON.as_second());
    for (at, change) in day {
        clock.pass(time(at).as_second() - room_owner::app::ports::Clock::now(&clock).as_second());
        let ana = Principal::new("cli:ana".parse().unwrap());
        edit_locally(&store, &clock, ana, "acl".to_owned(), change, None).await.unwrap();
    }
    store.close().await;
}

#[tokio::test]
async fn why_answers_for_every_time_of_the_past() {
    let program = Program::new().await;
    with_a_past(&program).await;
    let mut said = String::new();
    for (words, at) in [
        ("slack:T1:U1", "08:00"),
        ("slack:T1:U1", "09:30"),
        ("slack:T1:U1", "10:30"),
        ("slack:T1:U1", "11:30"),
        ("slack:T1:U1 --member-of slack:T1:group:S1", "11:30"),
        ("slack:T1:U1 --member-of slack:T1:group:S1", "14:30"),
        ("slack:T1:U2", "11:59"),
        ("slack:T1:U2", "12:30"),
        ("slack:T1:U2", "13:30"),
        ("slack:T1:U2", "15:30"),
        ("slack:T1:U3", "10:30"),
    ] {
        let line = format!("acl why {words} --in slack:T1:C1 --room live-7 --at 2025-03-01T{at}:00Z");
        let ran = program.runs(&line).await;
        assert_eq!((ran.code, ran.err.as_str()), (if ran.out.contains("Yes:") { 0 } else { 3 }, ""));
        let answer = ran.out.lines().filter(|line| !line.trim_start().starts_with("op "));
        said.push_str(&format!("{at} {words}\n{}\n", answer.collect::<Vec<_>>().join("\n")));
    }
    assert_snapshot!(said, @"
    08:00 slack:T1:U1
    as of 2025-03-01T08:00:00Z:
    ⛔ No: `slack:T1:U1` may not hand `live-7` over in `slack:T1:C1`: channel not authorised.
       The channel is not authorised.
       Grant 6: denied moderator for `live-7`, begins in 6 h.
       Grant 3: moderator for every room, only in `slack:T1:C2`, begins in 2 h.
       Grant 2: auditor for every room, begins in 2 h.
       Grant 1: moderator for `live-*`, begins in 2 h.
    09:30 slack:T1:U1
    as of 2025-03-01T09:30:00Z:
    ⛔ No: `slack:T1:U1` may not hand `live-7` over in `slack:T1:C1`: grant 1 begins 2025-03-01T10:00:00Z.
       The channel is authorised for `live-*`.
       Grant 6: denied moderator for `live-7`, begins in 4 h.
       Grant 3: moderator for every room, only in `slack:T1:C2`, begins in 30 min.
       Grant 2: auditor for every room, begins in 30 min.
       Grant 1: moderator for `live-*`, begins in 30 min.
    10:30 slack:T1:U1
    as of 2025-03-01T10:30:00Z:
    ✅ Yes: `slack:T1:U1` may hand `live-7` over in `slack:T1:C1`, by grant 1.
       The channel is authorised for `live-*`.
       Grant 1: moderator for `live-*`: permits it.
       Grant 3: moderator for every room, only in `slack:T1:C2`, not here.
       Grant 2: auditor for every room, which does not hand rooms over.
       Grant 6: denied moderator for `live-7`, begins in 3 h.
    11:30 slack:T1:U1
    as of 2025-03-01T11:30:00Z:
    ⚠️ Cannot tell whether `slack:T1:U1` may hand `live-7` over in `slack:T1:C1`: group grant 5 matches, and who is in the group is not known here.
       The channel is authorised for `live-*`.
       Grant 5: moderator for `live-*`: permits it to members of `slack:T1:group:S1`.
       Grant 3: moderator for every room, only in `slack:T1:C2`, not here.
       Grant 2: auditor for every room, which does not hand rooms over.
       Grant 6: denied moderator for `live-7`, begins in 2 h.
       Grant 1 was taken back 30 min ago: moderator for `live-*`.
    11:30 slack:T1:U1 --member-of slack:T1:group:S1
    as of 2025-03-01T11:30:00Z:
    ✅ Yes: `slack:T1:U1` may hand `live-7` over in `slack:T1:C1`, by grant 5.
       The channel is authorised for `live-*`.
       Grant 5: moderator for `live-*`: permits it.
       Grant 3: moderator for every room, only in `slack:T1:C2`, not here.
       Grant 2: auditor for every room, which does not hand rooms over.
       Grant 6: denied moderator for `live-7`, begins in 2 h.
       Grant 1 was taken back 30 min ago: moderator for `live-*`.
       Counted as a member of `slack:T1:group:S1`.
    14:30 slack:T1:U1 --member-of slack:T1:group:S1
    as of 2025-03-01T14:30:00Z:
    ⛔ No: `slack:T1:U1` may not hand `live-7` over in `slack:T1:C1`: denied by grant 6.
       Grant 6: denied moderator for `live-7`: denies it.
       Grant 5: moderator for `live-*`: would permit it.
       Grant 3: moderator for every room, only in `slack:T1:C2`, not here.
       Grant 2: auditor for every room, which does not hand rooms over.
       Grant 1 was taken back 3 h ago: moderator for `live-*`.
       Counted as a member of `slack:T1:group:S1`.
    11:59 slack:T1:U2
    as of 2025-03-01T11:59:00Z:
    ✅ Yes: `slack:T1:U2` may hand `live-7` over in `slack:T1:C1`, by grant 4.
       The channel is authorised for `live-*`.
       Grant 4: moderator for every room, until 2025-03-01 12:00 UTC: permits it.
    12:30 slack:T1:U2
    as of 2025-03-01T12:30:00Z:
    ⚠️ Cannot tell whether `slack:T1:U2` may hand `live-7` over in `slack:T1:C1`: group grant 5 matches, and who is in the group is not known here.
       The channel is authorised for `live-*`.
       Grant 5: moderator for `live-*`: permits it to members of `slack:T1:group:S1`.
       Grant 4 expired 30 min ago: moderator for every room, until 2025-03-01 12:00 UTC.
    13:30 slack:T1:U2
    as of 2025-03-01T13:30:00Z:
    ⚠️ Cannot tell whether `slack:T1:U2` may hand `live-7` over in `slack:T1:C1`: group grant 5 matches, and who is in the group is not known here.
       Grant 5: moderator for `live-*`: permits it to members of `slack:T1:group:S1`.
       Grant 4 expired 1 h ago: moderator for every room, until 2025-03-01 12:00 UTC.
    15:30 slack:T1:U2
    as of 2025-03-01T15:30:00Z:
    ⛔ No: `slack:T1:U2` may not hand `live-7` over in `slack:T1:C1`: channel not authorised.
       The channel was authorised until 2025-03-01 15:00 UTC.
       Grant 4 expired 3 h ago: moderator for every room, until 2025-03-01 12:00 UTC.
    10:30 slack:T1:U3
    as of 2025-03-01T10:30:00Z:
    ⚠️ Cannot tell whether `slack:T1:U3` may hand `live-7` over in `slack:T1:C1`: group grant 5 matches, and who is in the group is not known here.
       The channel is authorised for `live-*`.
       Grant 5: moderator for `live-*`: permits it to members of `slack:T1:group:S1`.
    ");
    let elsewhere =
        program.runs("acl why slack:T1:U1 --in slack:T1:C2 --room vip-1 --at 2025-03-01T12:00:00Z").await;
    assert_snapshot!(elsewhere.out, @"
    as of 2025-03-01T12:00:00Z:
    ⛔ No: `slack:T1:U1` may not hand `vip-1` over in `slack:T1:C2`: channel not authorised.
       The channel is not authorised.
       Grant 3: moderator for every room, only in `slack:T1:C2`: would permit it.
       Grant 2: auditor for every room, which does not hand rooms over.
       Grant 6: denied moderator for `live-7`, begins in 2 h.
       Grant 1 was taken back 1 h ago: moderator for `live-*`.
       op 23
    ");
    let today = program.runs("acl why slack:T1:U1 --in slack:T1:C2 --room vip-1").await;
    assert!(
        today.out.starts_with("✅ Yes: `slack:T1:U1` may hand `vip-1` over in `slack:T1:C2`, by grant 3."),
        "{}",
        today.out
    );
}

#[tokio::test]
async fn why_tells_programs_what_it_tells_people() {
    let program = Program::new().await;
    with_a_past(&program).await;
    let why = "acl why slack:T1:U1 --in slack:T1:C1 --room live-7 --at 2025-03-01T14:30:00Z --format";
    let ran = program.runs(&format!("{why} json")).await;
    assert_eq!((ran.code, ran.err.as_str()), (3, ""));
    assert_eq!(names(&ran.out), "subject channel room at decision authority channel_standing grants mark");
    let said = ran.json();
    assert_eq!(said["decision"], "deny");
    assert_eq!(said["authority"], "denied by grant 6");
    assert_eq!(said["channel_standing"], "authorised for *");
    assert_eq!(said["at"], "2025-03-01T14:30:00.000Z");
    let bearing: Vec<_> = said["grants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["id"].as_i64().unwrap(), it["bearing"].as_str().unwrap()))
        .collect();
    assert_eq!(bearing, [(6, "matches"), (3, "other channels"), (2, "other actions"), (1, "ended")]);
    assert_eq!(program.runs(&format!("{why} jsonl")).await.out, ran.out);
    let csv = program.runs(&format!("{why} csv")).await.out;
    assert!(
        csv.starts_with("subject,channel,room,at,decision,authority,channel_standing,grants,mark\n"),
        "{csv}"
    );
}

#[tokio::test]
async fn what_why_cannot_answer_is_said() {
    let program = Program::new().await;
    with_a_past(&program).await;
    let wrong = program.runs("acl why slack:T1:U1 --in slack:T1:C1 --room live-7 --at soon").await;
    assert_eq!(wrong.code, 2);
    assert_snapshot!(wrong.err, @r"
    error: invalid value 'soon' for '--at <TIME>': `soon` is not a time: write 2026-11-23T14:03:00Z, 2026-11-23 14:03, 2026-11-23 14:03 Europe/Berlin, 14:03, 2026-11-23, yesterday or 2h

    For more information, try '--help'.
    ");
    for words in [
        "acl why slack:T1:U1 --room live-7",
        "acl why slack:T1:U1 --in slack:T1:C1",
        "acl why @alice --in slack:T1:C1 --room live-7",
        "acl why slack:T1:U1 --in #mods --room live-7",
        "acl why slack:T1:U1 --in slack:T1:C1 --room live-7 --member-of hosts",
        "acl why slack:T1:U1 --in slack:T1:C1 --room live-7 --member-of slack:T1:U2",
    ] {
        let ran = program.runs(words).await;
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{words}: {}", ran.err);
    }
    let later = program.runs("acl why slack:T1:U3 --in slack:T1:C2 --room live-7 --at 2199-01-01").await;
    assert_eq!(later.code, 3, "what is known now, if nothing changes: {}", later.err);
    assert!(later.out.contains("Cannot tell"), "{}", later.out);
}

#[tokio::test]
async fn who_can_names_everybody_where_and_until_when() {
    let program = Program::new().await;
    with_a_past(&program).await;
    let unread = program.runs("acl who-can live-8").await;
    assert_snapshot!(unread.out, @r"
    Subject      Grant  Channels
    slack:T1:U1  3      slack:T1:C2
    ");
    assert_snapshot!(unread.err, @"
    a deny entry for a group may still take it from one of its members
    note: not counted, because the bot has no SLACK_BOT_TOKEN for that workspace, which whoever runs it sets: `slack:T1:group:S1`
    ");
    // As the bot read it.
    sqlx::query(
        "INSERT INTO group_readings (subject, as_of, members) VALUES ('slack:T1:group:S1', ?, '[\"U7\"]')",
    )
    .bind(room_owner::app::ports::Clock::now(&room_owner::clock::SystemClock).as_millisecond())
    .execute(&mut program.raw().await)
    .await
    .unwrap();
    let ran = program.runs("acl who-can live-8").await;
    assert_eq!(ran.code, 0);
    assert_snapshot!(ran.out, @r"
    Subject            Grant  Channels
    slack:T1:U1        3      slack:T1:C2
    slack:T1:group:S1  5      slack:T1:C2
    ");
    assert_snapshot!(ran.err, @"a deny entry for a group may still take it from one of its members");
    let ran = program.runs("acl who-can live-7 --format json").await;
    assert_eq!(names(&ran.out[1..ran.out.len() - 2]), "subject grant until channels");
    assert_eq!(ran.json().as_array().unwrap().len(), 1, "the deny entry counts: {}", ran.out);
    assert_eq!(program.runs("acl grant slack:T1:U1 moderator --deny").await.code, 0);
    let nobody = program.runs("acl who-can vip-1").await;
    assert_eq!((nobody.code, nobody.out.as_str()), (0, ""));
    assert_snapshot!(nobody.err, @"nobody can hand `vip-1` over from chat: `room-owner acl why` says why somebody in particular cannot");
    assert_eq!(program.runs("acl who-can vip-1 --format json").await.out, "[]\n");
    let scope = program.runs("acl who-can live-*").await;
    assert_eq!(scope.code, 0, "a room id may hold a star");
    assert_snapshot!(scope.err, @r"
    a deny entry for a group may still take it from one of its members
    note: `live-*` is taken for the id of a single room, not for a scope: name one of the rooms
    ");
    let why = program.runs("acl why slack:T1:U1 --in slack:T1:C2 --room live-*").await;
    assert!(why.out.contains("`live-*` is taken for the id of a single room"), "{}", why.out);
}

#[tokio::test]
async fn what_needs_attention_is_listed() {
    let program = Program::new().await;
    with_a_past(&program).await;
    assert_eq!(program.runs("acl grant slack:T1:U5 moderator --for 23h+30m").await.code, 0);
    assert_eq!(program.runs("acl grant slack:T1:U6 moderator --for 3d").await.code, 0);
    let ran = program.runs("acl list --attention").await;
    assert_eq!(ran.code, 0);
    assert_snapshot!(ran.err, @r"
    grant 7 of slack:T1:U5: ends in 23 h
    grant 2 of slack:T1:U1: never used
    grant 3 of slack:T1:U1: never used
    grant 5 of slack:T1:group:S1: never used
    note: SLACK_BOT_TOKEN is not set, so grants to user groups match nobody: slack:T1:group:S1
    ");
    let json = program.runs("acl list --attention --format json").await.json();
    let ids: Vec<_> = json.as_array().unwrap().iter().map(|grant| grant["id"].as_i64().unwrap()).collect();
    assert_eq!(
        ids,
        [7, 2, 3, 5],
        "those that end first, then those unused for longest; deny entries are not used"
    );
    let both = program.runs("acl list --attention --all").await;
    assert_eq!(both.code, 2, "{}", both.err);
}

#[tokio::test]
async fn nothing_needs_attention_in_a_new_acl() {
    let program = Program::new().await;
    assert_eq!(program.runs("acl grant slack:T1:U1 admin").await.code, 0);
    let ran = program.runs("acl list --attention").await;
    assert_eq!((ran.code, ran.out.as_str()), (0, ""));
    assert_eq!(
        ran.err,
        "no grant ends within 24 hours, and none was unused for 90 days: without --attention, all are shown\n"
    );
}

/// What an answer to `why` says: yes, no or neither, and which grants it names.
fn gist(answer: &str) -> (&str, Vec<&str>) {
    let verdict = ["Yes: ", "No: ", "Cannot tell "].into_iter().find(|verdict| answer.contains(verdict));
    let grants = answer.lines().filter_map(|line| line.trim_start().strip_prefix("Grant "));
    (verdict.unwrap_or(answer), grants.map(|line| line.split([':', ' ']).next().unwrap()).collect())
}

#[tokio::test]
async fn both_doors_give_the_same_answer() {
    let (api, lookup) = WebApi::with(&[("S0HOSTS", &[BORIS.id]), ("S0OUT", &[OTTO.id])]).await;
    api.always("S0NIGHT", Answer::Status(500));
    let mut program = Program::new().await;
    program.set("SLACK_BOT_TOKEN", lookup.token.expose_secret());
    program.set("SLACK_API_BASE_URL", lookup.base_url.as_str());
    let channel = format!("slack:{TEAM}:{MODS}");
    for words in [
        format!("channel allow {channel}"),
        format!("grant {} admin", ADAM.subject()),
        format!("grant {} moderator --rooms live-*", ALICE.subject()),
        format!("grant {} moderator --rooms live-*", group("S0HOSTS")),
        format!("grant {} moderator --rooms vip-*", group("S0NIGHT")),
        format!("grant {} moderator --deny --rooms live-2", group("S0OUT")),
        format!("grant {} moderator", OTTO.subject()),
        "grant discord:1:role:3 moderator".to_owned(),
        format!("grant {} moderator --deny --rooms gone-*", group("S0NIGHT")),
    ] {
        let ran = program.runs(&format!("acl {words}")).await;
        assert_eq!(ran.code, 0, "{words}: {}", ran.err);
    }
    let serving = program.serves().await;
    program.until_readiness(200, "2 of 3 known").await;
    let subjects = [
        ADAM.subject(),
        ALICE.subject(),
        BORIS.subject(),
        OTTO.subject(),
        RITA.subject(),
        group("S0HOSTS"),
        "discord:1:5".to_owned(),
    ];
    let mut said = String::new();
    for room in ["live-1", "live-2", "vip-1", "gone-1", "other"] {
        for subject in &subjects {
            let local = program.runs(&format!("acl why {subject} --in {channel} --room {room}")).await;
            let reply = program.slack(ADAM).says(&format!("/room-acl why {subject} {room}")).await;
            let (verdict, grants) = gist(&local.out);
            assert_eq!(
                gist(reply.text()),
                (verdict, grants.clone()),
                "{subject} {room}: {}{reply}",
                local.out
            );
            assert_eq!(local.code, if verdict == "Yes: " { 0 } else { 3 }, "{}", local.out);
            said.push_str(&format!("{room:<6} {subject:<28} {verdict}{grants:?}\n"));
        }
    }
    assert_snapshot!(said, @r#"
    live-1 slack:T0TEAM:U0ADAM          Yes: ["1"]
    live-1 slack:T0TEAM:U0ALICE         Yes: ["2"]
    live-1 slack:T0TEAM:U0BORIS         Yes: ["3"]
    live-1 slack:T0TEAM:U0OTTO          Yes: ["6", "5"]
    live-1 slack:T0TEAM:U0RITA          No: []
    live-1 slack:T0TEAM:group:S0HOSTS   Yes: ["3"]
    live-1 discord:1:5                  No: []
    live-2 slack:T0TEAM:U0ADAM          Yes: ["1"]
    live-2 slack:T0TEAM:U0ALICE         Yes: ["2"]
    live-2 slack:T0TEAM:U0BORIS         Yes: ["3"]
    live-2 slack:T0TEAM:U0OTTO          No: ["6", "5"]
    live-2 slack:T0TEAM:U0RITA          No: []
    live-2 slack:T0TEAM:group:S0HOSTS   Yes: ["3"]
    live-2 discord:1:5                  No: []
    vip-1  slack:T0TEAM:U0ADAM          Yes: ["1"]
    vip-1  slack:T0TEAM:U0ALICE         Cannot tell ["4", "2"]
    vip-1  slack:T0TEAM:U0BORIS         Cannot tell ["4", "3"]
    vip-1  slack:T0TEAM:U0OTTO          Yes: ["6", "5"]
    vip-1  slack:T0TEAM:U0RITA          Cannot tell ["4"]
    vip-1  slack:T0TEAM:group:S0HOSTS   No: ["3"]
    vip-1  discord:1:5                  No: []
    gone-1 slack:T0TEAM:U0ADAM          No: ["8", "1"]
    gone-1 slack:T0TEAM:U0ALICE         No: ["8", "2"]
    gone-1 slack:T0TEAM:U0BORIS         No: ["8", "3"]
    gone-1 slack:T0TEAM:U0OTTO          No: ["8", "6", "5"]
    gone-1 slack:T0TEAM:U0RITA          No: ["8"]
    gone-1 slack:T0TEAM:group:S0HOSTS   No: ["3"]
    gone-1 discord:1:5                  No: []
    other  slack:T0TEAM:U0ADAM          Yes: ["1"]
    other  slack:T0TEAM:U0ALICE         No: ["2"]
    other  slack:T0TEAM:U0BORIS         No: ["3"]
    other  slack:T0TEAM:U0OTTO          Yes: ["6", "5"]
    other  slack:T0TEAM:U0RITA          No: []
    other  slack:T0TEAM:group:S0HOSTS   No: ["3"]
    other  discord:1:5                  No: []
    "#);
    // Behind a hand-over by a member of the group, as chat has it.
    program.tencent.put_room("live-1", "carol");
    let reply = program.slack(BORIS).says("/room-owner live-1 user2").await;
    assert!(reply.says("`live-1` now belongs to `user2`"), "{reply}");
    let recorded = program.runs("audit list --text why --limit 0 --format jsonl").await;
    assert_eq!(recorded.out.lines().count(), 70, "both leave a record");
    serving.ends_when_asked().await;
}
