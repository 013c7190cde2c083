//! What people type, and what they are answered: nothing is guessed, and a slip is met with the line that was meant.

use insta::assert_snapshot;

use super::slack::{ADAM, ALICE, OTTO};
use super::world::{World, run};

/// The lines that a refusal suggests.
fn suggested(reply: &str) -> Vec<String> {
    let line = |line: &str| {
        let line = line.strip_prefix("Type: ").or_else(|| line.strip_prefix("Or: "))?;
        Some(line.trim_matches('`').to_owned())
    };
    reply.lines().filter_map(line).collect()
}

#[tokio::test]
async fn a_slip_is_met_with_the_line_that_was_meant_and_nothing_is_done() {
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
    run(World::usual(), async |bot| {
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
        op 14
        ");
        let reply = bot.slack(OTTO).says("/room-owner list").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ℹ️ There is no live room that you may hand over here.
        op 15
        ");
        let reply = bot.slack(ALICE).says("/room-owner undo").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ℹ️ You have handed no room over yet.
        op 16
        ");
        assert!(bot.slack(ALICE).says("/room-owner test user2").await.says("now belongs to"));
        let reply = bot.slack(ALICE).says("/room-owner undo").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ℹ️ Your last hand-over was op 17: `test` to `user2`: succeeded (was `carol`)
        To undo it, type: `/room-owner test carol`
        op 19
        ");
        let reply = bot.slack(ADAM).says("/room-owner undo").await;
        assert!(reply.says("You have handed no room over yet."), "{reply}");
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
        Reason given: `host crashed`
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
