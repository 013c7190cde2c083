//! What people type, and what they are answered: nothing is guessed, and a typing error is met with the line that was meant.

use insta::assert_snapshot;
use room_owner::app::ports::{AclChange, Admission, Clock as _, NewGrant, Store as _};
use room_owner::domain::access::{Effect, Role, RoomScope};
use room_owner::domain::command::{RejectedRequest, Rejection};
use room_owner::domain::principal::Principal;

use super::doors::{Door, assert_snapshot as assert_same, at_every_door};
use super::fakes::acl::edit_locally;
use super::program::Program;
use super::slack::{ADAM, ALICE, BORIS, MODS, OTTO, RITA, TEAM};
use super::world::{World, run};

at_every_door! {
    the_entry_that_is_meant_is_found_by_whom_it_names,
    a_grant_until_a_time_says_when_that_is,
    the_grant_behind_an_operation_is_shown_whole,
    somebody_of_another_platform_is_shown_by_name_and_id,
    room_and_owner_exchanged_are_met_with_the_line_that_was_meant,
    what_is_wrong_is_shown_by_its_form_and_the_rest_stays,
}

/// The lines that a refusal suggests.
pub(crate) fn suggested(reply: &str) -> Vec<String> {
    let lines = reply.lines().filter_map(|line| line.strip_prefix("Type: "));
    lines.flat_map(|line| line.split(" or: ")).map(|line| line.trim_matches('`').to_owned()).collect()
}

#[tokio::test]
async fn a_typing_error_is_met_with_the_line_that_was_meant_and_nothing_is_done() {
    run(World::usual(), async |bot| {
        for (typed, meant) in [
            ("test -> user2", "test user2"),
            ("test → user2", "test user2"),
            ("transfer test user2", "test user2"),
            ("give test to user2", "test user2"),
            ("room: test new_owner: user2", "test user2"),
            ("/room-owner test user2", "test user2"),
            ("`/room-owner test user2` please", "test user2"),
            ("my room user2", "\"my room\" user2"),
            ("test user2 reason host crashed", "test user2 reason: host crashed"),
            ("test user2 override 17 reason: x", "test user2 override: 17 reason: x"),
            ("test <user2>", "test user2"),
            ("test [user2]", "test user2"),
            ("test user2.", "test user2"),
            ("test *user2*", "test user2"),
            ("te\u{200b}st user2", "test user2"),
            ("live—7 user2", "live-7 user2"),
            ("ｔｅｓｔ ｕｓｅｒ２", "test user2"),
            ("test ?", "test <new_owner>"),
            ("test :tada:", "test <new_owner>"),
        ] {
            let reply = bot.slack(ALICE).says(&format!("/room-owner {typed}")).await.text().to_owned();
            assert!(reply.contains("Nothing was done."), "{typed}: {reply}");
            assert_eq!(suggested(&reply), [format!("/room-owner {meant}")], "{typed}: {reply}");
        }
        assert!(bot.changes().is_empty());
    })
    .await;
}

#[tokio::test]
async fn words_that_ask_for_something_are_no_rooms() {
    run(World::usual().grant(BORIS, "moderator", "*"), async |bot| {
        for help in ["--help", "-h", "?", "help me", "help"] {
            let reply = bot.slack(ALICE).says(&format!("/room-owner {help}")).await;
            assert!(reply.says("hands a live room to a new owner"), "{help}: {reply}");
        }
        let reply = bot.slack(ALICE).says("/room-owner show test").await;
        assert!(reply.says("`test` belongs to `carol`"), "{reply}");
        let reply = bot.slack(ALICE).says("/room-owner owner? test").await;
        assert!(reply.says("`test` belongs to `carol`"), "{reply}");
        let reply = bot.slack(OTTO).says("/room-owner whoami").await;
        assert!(reply.says("slack:T0TEAM:U0OTTO"), "{reply}");
        let reply = bot.slack(ALICE).says("/room-owner list").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ℹ️ The live rooms that you may hand over here:
        `test` · owner `carol`
        op 15
        ");
        let reply = bot.slack(OTTO).says("/room-owner list").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ⛔ You may hand no room over here.
        What you may do, and whom to ask: `/room-owner whoami`
        op 16
        ");
        let reply = bot.slack(ALICE).says("/room-owner undo").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ℹ️ You have handed no room over yet.
        op 17
        ");
        assert!(bot.slack(ALICE).says("/room-owner test user2").await.says("now belongs to"));
        let reply = bot.slack(ALICE).says("/room-owner undo").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ℹ️ Your last hand-over was op 18: `test` to `user2`: succeeded (was `carol`)
        To undo it, type: `/room-owner test carol`
        op 20
        ");
        let reply = bot.slack(ADAM).says("/room-owner undo").await;
        assert!(reply.says("You have handed no room over yet."), "{reply}");
        // Who undid it now would take the room from whom another gave it to.
        assert!(bot.slack(BORIS).says("/room-owner test user3").await.says("now belongs to"));
        let reply = bot.slack(ALICE).says("/room-owner undo").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ℹ️ Your last hand-over was op 18: `test` to `user2`: succeeded (was `carol`)
        The room has changed hands since: op 22: `test` to `user3`: succeeded (was `user2`)
        op 24
        ");
    })
    .await;
}

#[tokio::test]
async fn a_room_that_there_is_not_is_compared_with_those_that_one_may_know() {
    run(World::usual(), async |bot| {
        let reply = bot.slack(ALICE).says("/room-owner Test user2 reason: host crashed").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ❌ The owner of `Test` was not changed.
        Tencent's error 100004: `room `Test` does not exist or has been dissolved: check the id`
        Did you mean `test`? Type: `/room-owner test user2 reason: host crashed`
        op 4 · RequestId Id-a93875fe509ac2fae0e0939d3ec71c4d-O-Seq-1
        ");
        let reply = bot.slack(ALICE).says("/room-owner tset").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ❌ The owner of `tset` could not be read.
        Tencent's error 100004: `room `tset` does not exist or has been dissolved: check the id`
        Did you mean `test`? Type: `/room-owner test`
        op 6 · RequestId Id-ecbe93f9c7fbf3c6a01b3bff4b6ecdd8-O-Seq-3
        ");
        let reply = bot.slack(ALICE).says("/room-owner elsewhere user2").await;
        assert!(!reply.says("Did you mean"), "{reply}");
    })
    .await;
}

async fn the_entry_that_is_meant_is_found_by_whom_it_names(door: Door) {
    run(World::usual().grant(ADAM, "admin", "*").at(door), async |bot| {
        let adam = async |line: &str| bot.chat(ADAM).says(line).await;
        assert!(adam("/room-acl grant @boris moderator rooms: live-*").await.says("is now moderator"));
        let reply = bot.chat(ALICE).says("/room-acl revoke who: @boris").await;
        assert!(reply.says("is for admins") && !reply.says("live-"), "{reply}");
        let reply = adam("/room-acl revoke who: @boris").await;
        assert_same!(reply, @"
        (only visible to you)
        ✅ @boris is no longer moderator for `live-*`.
        They can no longer hand rooms over or see who owns them, unless another grant lets them.
        Grant 4.
        op 7
        ");
        let reply = adam("/room-acl revoke who: @boris").await;
        assert_same!(reply, @"
        (only visible to you)
        ❌ No live entry names @boris.
        Type: `/room-acl list`
        Nothing was done.
        op 8
        ");
        adam("/room-acl grant @boris moderator rooms: live-*").await.text();
        adam("/room-acl deny @boris admin rooms: vip-1").await.text();
        let reply = adam("/room-acl revoke who: @boris").await;
        assert_same!(reply, @"
        (only visible to you)
        ❌ 2 live entries name @boris: grant 5 (moderator for `live-*`), grant 6 (denied admin for `vip-1`).
        Type: `/room-acl revoke 5` or: `/room-acl revoke 6`
        Nothing was done.
        op 11
        ");
        let reply = adam("/room-acl list who: @boris").await;
        assert_same!(reply, @"
        (only visible to you)
        ℹ️ The live grants of @boris.
        5 · @boris · moderator for `live-*` · by @adam
        6 · @boris · denied admin for `vip-1` · by @adam
        Ended ones, left out here: 1, `/room-acl list all slack:T0TEAM:U0BORIS`.
        op 12
        ");
        let reply = adam("/room-acl list all who: @otto").await;
        assert_same!(reply, @"
        (only visible to you)
        ℹ️ Every grant of @otto, ended ones too.
        op 13
        ");
    })
    .await;
}

async fn a_grant_until_a_time_says_when_that_is(door: Door) {
    run(World::usual().grant(ADAM, "admin", "*").at(door), async |bot| {
        let adam = async |line: &str| bot.chat(ADAM).says(line).await;
        let reply = adam("/room-acl grant @boris moderator until: 18:00").await;
        assert_same!(reply, @"
        (only visible to you)
        ✅ @boris is now moderator for every room.
        They can now hand rooms over and see who owns them.
        Grant 4, until 2026-11-23 18:00 UTC.
        op 5
        ");
        let reply = adam("/room-acl grant @otto moderator until: 09:00").await;
        assert!(reply.says("until 2026-11-24 09:00 UTC"), "{reply}");
        let reply = adam("/room-acl grant @boris auditor rooms: live-* until: yesterday").await;
        assert_same!(reply, @"
        (only visible to you)
        ❌ `yesterday` is 2026-11-22 00:00 UTC, which is over: name a time that is more than a minute away.
        Type: `/room-acl grant slack:T0TEAM:U0BORIS auditor rooms: live-* until: tomorrow 06:00`
        Nothing was done.
        op 7
        ");
        for line in ["for: 1ms", "for: 59s", "until: 2h", "until: 2020-01-01"] {
            let reply = adam(&format!("/room-acl grant @boris auditor {line}")).await;
            assert!(reply.says("Type: `/room-acl grant ") && reply.says("Nothing was done."), "{reply}");
        }
    })
    .await;
}

async fn the_grant_behind_an_operation_is_shown_whole(door: Door) {
    let world = World::usual().room("live-7", "dave").grant(ADAM, "admin", "*").at(door);
    run(world, async |bot| {
        bot.chat(ADAM).says("/room-acl grant @boris moderator rooms: live-* for: 8h").await.text();
        bot.chat(ADAM).says("/room-acl deny @otto admin").await.text();
        assert!(bot.chat(BORIS).says("/room-owner live-7 user2").await.says("now belongs to"));
        assert!(bot.chat(OTTO).says("/room-owner live-7 otto").await.says("Not allowed"));
        let shown = async |text: &str| {
            let list = bot.chat(RITA).says(&format!("/room-audit text: {text}")).await.to_string();
            let operation = list.split("op ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
            let reply = bot.chat(RITA).says(&format!("/room-audit {operation}")).await.to_string();
            let line = reply
                .lines()
                .find(|line| line.starts_with("Allowed by") || line.starts_with("Denied because"));
            line.unwrap_or_else(|| panic!("{reply}")).to_owned()
        };
        assert_same!(shown("user2").await, @"Allowed by: `grant 4`: moderator for `live-*`, until 2026-11-23 20:00 UTC, given by @adam on 2026-11-23");
        assert_same!(shown("otto").await, @"Denied because: `denied by grant 5`: denied admin for every room, given by @adam on 2026-11-23");
    })
    .await;
}

async fn somebody_of_another_platform_is_shown_by_name_and_id(door: Door) {
    let world = World::usual().grant(ADAM, "admin", "*").at(door);
    run(world, async |bot| {
        let other = if door == Door::Slack { "discord:700:77" } else { "slack:T0OTHER:U0ZOE" };
        let zoe = Principal { name: Some("zoe".to_owned()), ..Principal::new(other.parse().unwrap()) };
        let request = RejectedRequest {
            principal: Some(zoe.clone()),
            channel: None,
            delivery: None,
            typed: "/room-owner".to_owned(),
            rejection: Rejection::Unusable("it is a story".into()),
        };
        bot.store.admit(Admission::Rejected(request), bot.clock.now()).await.unwrap();
        let grant = AclChange::Grant(NewGrant {
            subject: zoe.subject,
            role: Role::Moderator,
            effect: Effect::Permit,
            rooms: RoomScope::All,
            channels: Vec::new(),
            expires_at: None,
        });
        let ana = Principal::new("cli:ana".parse().unwrap());
        edit_locally(&*bot.store, &bot.clock, ana, "acl grant".to_owned(), grant, None).await.unwrap();
        bot.other_operations += 2;
        let reply = bot.chat(ADAM).says("/room-acl list").await;
        assert!(reply.says(&format!("`zoe ({other})` · moderator for every room")), "{reply}");
        let reply = bot.chat(RITA).says("/room-audit").await;
        assert!(reply.says(&format!("`zoe ({other})` · `/room-owner`")), "{reply}");
    })
    .await;
}

async fn room_and_owner_exchanged_are_met_with_the_line_that_was_meant(door: Door) {
    run(World::usual().room("live-7", "dave").room("vip-1", "frank").at(door), async |bot| {
        let reply = bot.chat(ALICE).says("/room-owner user2 live-7 reason: host crashed").await;
        assert!(
            reply.says("Did you mean `live-7`? Type: `/room-owner live-7 user2 reason: host crashed`"),
            "{reply}"
        );
        assert!(bot.changes().is_empty());
        // A room of that name is meant, and no other.
        let reply = bot.chat(ALICE).says("/room-owner vip-1 live-7").await;
        assert!(reply.says("`vip-1` now belongs to `live-7`"), "{reply}");
        let reply = bot.chat(ALICE).says("/room-owner user2 nowhere").await;
        assert!(!reply.says("Did you mean"), "{reply}");
    })
    .await;
    // Nobody learns by it of a room that is out of reach.
    let world = World::usual().room("live-7", "dave").room("vip-1", "frank").grant(BORIS, "moderator", "u*");
    run(world.at(door), async |bot| {
        let reply = bot.chat(BORIS).says("/room-owner user2 vip-1").await;
        assert!(!reply.says("Did you mean"), "{reply}");
    })
    .await;
}

async fn what_is_wrong_is_shown_by_its_form_and_the_rest_stays(door: Door) {
    run(World::usual().grant(ADAM, "admin", "*").at(door), async |bot| {
        for (typed, meant) in [
            ("/room-acl grant @boris boss rooms: live-*", "/room-acl grant @boris <role> rooms: live-*"),
            ("/room-acl grant @boris moderator for: ever", "/room-acl grant @boris moderator for: 8h"),
            ("/room-audit room: test since: soon", "/room-audit room: test since: yesterday"),
            ("/room-audit room: test limit: 11", "/room-audit room: test limit: 5"),
            ("/room-audit owner-at test soon", "/room-audit owner-at test <time>"),
        ] {
            let reply = bot.chat(ADAM).says(typed).await;
            assert_eq!(suggested(reply.text()), [meant], "{typed}: {reply}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_id_alone_and_a_person_instead_of_a_room_are_met_with_the_line_that_was_meant() {
    run(World::usual().grant(ADAM, "admin", "*"), async |bot| {
        for (typed, meant) in [
            ("grant u0boris moderator", &["grant slack:T0TEAM:U0BORIS moderator"][..]),
            ("grant S0GROUP moderater", &["grant slack:T0TEAM:group:S0GROUP moderator"]),
            ("grant moderator to @boris and @otto", &["grant @boris, @otto moderator"]),
            ("grant @nobody-here moderator", &["grant <person> moderator"]),
            ("why @boris", &["why @boris <room>"]),
            ("why U0BORIS", &["why U0BORIS <room>"]),
            ("who-can U0BORIS", &["who-can <room>"]),
            ("@boris moderator", &["grant @boris moderator"]),
            ("moderator @boris", &["grant @boris moderator"]),
        ] {
            let reply = bot.slack(ADAM).says(&format!("/room-acl {typed}")).await;
            let meant: Vec<String> = meant.iter().map(|line| format!("/room-acl {line}")).collect();
            assert_eq!(suggested(reply.text()), meant, "{typed}: {reply}");
        }
        assert_eq!(bot.store.grants().await.unwrap().len(), 3);
    })
    .await;
}

#[tokio::test]
async fn an_id_of_another_kind_is_refused_with_the_form_that_is_meant_in_chat_and_on_the_command_line() {
    let program = Program::new().await;
    run(World::usual().grant(ADAM, "admin", "*"), async |bot| {
        for (chat, shell, said, meant) in [
            (
                "grant slack:T0TEAM:S0GROUP moderator",
                "acl grant slack:T0TEAM:S0GROUP moderator",
                "`slack:T0TEAM:S0GROUP` is not the form of this id: write `slack:T0TEAM:group:S0GROUP`",
                Some("grant slack:T0TEAM:group:S0GROUP moderator"),
            ),
            (
                "deny slack:T0TEAM:u0boris admin rooms: vip-1",
                "acl grant slack:T0TEAM:u0boris admin --rooms vip-1 --deny",
                "`slack:T0TEAM:u0boris` is not the form of this id: write `slack:T0TEAM:U0BORIS`",
                Some("deny slack:T0TEAM:U0BORIS admin rooms: vip-1"),
            ),
            (
                "grant slack:T0TEAM:C0MODS moderator",
                "acl grant slack:T0TEAM:C0MODS moderator",
                "`C0MODS` is the id of a channel: give the id of a person or a user group",
                Some("grant <person> moderator"),
            ),
            (
                "grant discord:7:role:7 moderator",
                "acl grant discord:7:role:7 moderator",
                "`7` is the id of the server itself, and of @everyone there: give the id of a person or another role",
                Some("grant <person> moderator"),
            ),
            (
                "channel allow slack:T0TEAM:U0BORIS",
                "acl channel allow slack:T0TEAM:U0BORIS",
                "`U0BORIS` is the id of a person: give the id of a channel",
                None,
            ),
            (
                "why slack:T0TEAM:S0GROUP live-7 in: #mods",
                "acl why slack:T0TEAM:S0GROUP --room live-7 --in slack:T0TEAM:C0MODS",
                "`slack:T0TEAM:S0GROUP` is not the form of this id: write `slack:T0TEAM:group:S0GROUP`",
                Some("why slack:T0TEAM:group:S0GROUP live-7 in: #mods"),
            ),
        ] {
            let reply = bot.slack(ADAM).says(&format!("/room-acl {chat}")).await;
            assert!(reply.says(said), "{chat}: {reply}");
            let meant: Vec<String> = meant.iter().map(|line| format!("/room-acl {line}")).collect();
            let suggested = suggested(reply.text());
            assert!(meant.is_empty() || suggested == meant, "{chat}: {reply}");
            let ran = program.runs(shell).await;
            assert_eq!(ran.code, 2, "{shell}: {}", ran.err);
            assert!(ran.err.contains(said), "{shell}: {}", ran.err);
        }
        assert_eq!(bot.store.grants().await.unwrap().len(), 3);
    })
    .await;
}

#[tokio::test]
async fn several_people_get_an_entry_each_by_one_operation() {
    run(World::usual().grant(ADAM, "admin", "*"), async |bot| {
        let reply =
            bot.slack(ADAM).says("/room-acl grant @boris, @otto moderator rooms: live-*, vip-1 for 8h").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ✅ @boris is now moderator for `live-*`, until 2026-11-23 20:00 UTC (grant 4).
        @boris is now moderator for `vip-1`, until 2026-11-23 20:00 UTC (grant 5).
        @otto is now moderator for `live-*`, until 2026-11-23 20:00 UTC (grant 6).
        @otto is now moderator for `vip-1`, until 2026-11-23 20:00 UTC (grant 7).
        They can now hand rooms over and see who owns them.
        No live room is called `vip-1` now.
        op 5
        ");
        let reply = bot.slack(ADAM).says("/room-acl grant @boris auditor live-?").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ⚠️ @boris is now auditor for `live-?`.
        `live-?` is taken for the id of a single room: every room that begins with `live-` is `live-*`.
        They can now read the audit log and see who owns rooms.
        Grant 8.
        No live room is called `live-?` now.
        op 6
        ");
    })
    .await;
}

#[tokio::test]
async fn advice_is_for_the_place_in_which_somebody_is() {
    run(World::usual().grant(ADAM, "admin", "*"), async |bot| {
        let direct = |person| bot.slack(person).in_channel("D0ALICE").with("channel_name", "directmessage");
        let reply = direct(ALICE).says("/room-owner test user2").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ⛔ Not here: nobody can use `/room-owner` in a direct message.
        Use a moderators' channel.
        Nothing was done.
        op 5
        ");
        let reply = direct(ALICE).says("/room-owner").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ℹ️ `/room-owner` hands a live room to a new owner. Nobody can use it in a direct message.
        Use a moderators' channel, or ask @adam for a role, and quote your id `slack:T0TEAM:U0ALICE`.
        op 6
        ");
        let reply = direct(ALICE).says("/room-acl whoami").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ℹ️ You are `slack:T0TEAM:U0ALICE`.
        This is a direct message, where nobody can use the bot.
        You have no role here.
        Admins who can help: @adam.
        op 7
        ");
        let organisation = bot.slack(ALICE).with("team_id", "").with("is_enterprise_install", "true");
        let reply = organisation.says("/room-owner test user2").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ❌ The bot could not use this request, so nothing was done: the app is installed for a whole organisation, and Slack does not say in which workspace this is.
        Whoever runs the bot has to install it in your workspace, and not for the whole organisation alone.
        op 8
        ");
    })
    .await;
}

#[tokio::test]
async fn nobody_is_sent_to_an_admin_where_there_is_none() {
    run(World::empty(), async |bot| {
        for line in
            ["/room-owner test user2", "/room-owner", "/room-acl whoami", "/room-acl list", "/room-audit"]
        {
            let reply = bot.slack(OTTO).says(line).await;
            assert!(reply.says("whoever runs the bot"), "{line}: {reply}");
            assert!(!reply.says("sk an admin"), "{line}: {reply}");
        }
    })
    .await;
    run(World::usual(), async |bot| {
        for line in ["/room-owner test user2", "/room-owner", "/room-acl list", "/room-audit"] {
            let reply = bot.slack(OTTO).in_channel(MODS).says(line).await;
            assert!(reply.says("whoever runs the bot") && !reply.says("sk an admin"), "{line}: {reply}");
            assert!(reply.says(&format!("`slack:{TEAM}:U0OTTO`")), "{line}: {reply}");
        }
    })
    .await;
}
