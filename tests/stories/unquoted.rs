//! Verbs, ids and words without their keys, as people type them: what is meant is shown, and nothing is guessed.

use insta::assert_snapshot;
use room_owner::app::ports::Store as _;

use super::slack::{ADAM, ALICE, BORIS, RITA};
use super::understood::suggested;
use super::world::{World, run};

#[tokio::test]
async fn an_id_alone_is_of_the_workspace_in_which_it_is_typed() {
    run(World::usual().grant(ADAM, "admin", "*"), async |bot| {
        let reply = bot.slack(ADAM).says("/room-acl why U0ALICE test").await;
        assert!(reply.says("Yes: @alice may hand `test` over"), "{reply}");
        let reply = bot.slack(ADAM).says("/room-acl grant @U0BORIS moderator in: C0MODS").await;
        assert!(reply.says("@boris is now moderator"), "{reply}");
        assert!(reply.says("only in #mods"), "{reply}");
        let reply = bot.slack(ADAM).says("/room-acl why U0BORIS").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ❌ Something is missing: `<room>`.
        Type: `/room-acl why U0BORIS <room>`
        Nothing was done.
        op 7
        ");
        let reply = bot.slack(ADAM).says("/room-acl who-can U0BORIS").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ❌ `U0BORIS` names a person: `why` explains what they may do, and a room of that name goes in quotes.
        Type: `/room-acl who-can <room>`
        Nothing was done.
        op 8
        ");
        // What is suggested for somebody whose name is not known can be copied.
        let reply = bot.slack(ADAM).sends("/room-acl grant <@U0NOBODY> moderater").await;
        assert_eq!(suggested(reply.text()), ["/room-acl grant U0NOBODY moderator"], "{reply}");
        assert!(bot.slack(ADAM).says("/room-acl grant U0NOBODY moderator").await.says("is now moderator"));
    })
    .await;
}

#[tokio::test]
async fn a_verb_outside_quotes_is_neither_a_room_nor_an_account() {
    let world = World::usual().room("why", "dave").grant(ADAM, "admin", "*").grant(BORIS, "auditor", "*");
    run(world, async |bot| {
        let reply = bot.slack(ALICE).says("/room-owner test owner").await;
        assert_snapshot!(reply, @r#"
        (only visible to you)
        ❌ `owner` is a word of the bot's commands; an account of that name goes in quotes.
        Type: `/room-owner show test` or: `/room-owner test "owner"`
        Nothing was done.
        op 6
        "#);
        let reply = bot.slack(ADAM).says("/room-owner history test").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ❌ `history` is a word of the bot's commands; a room of that name goes in quotes.
        Type: `/room-audit history test`
        Nothing was done.
        op 7
        ");
        for (person, typed, meant) in [
            (ALICE, "test owner reason: x", &["/room-owner test \"owner\" reason: x"][..]),
            (ALICE, "test list", &["/room-owner list", "/room-owner test \"list\""]),
            (ALICE, "test undo", &["/room-owner undo", "/room-owner test \"undo\""]),
            (ALICE, "test help", &["/room-owner", "/room-owner test \"help\""]),
            (ALICE, "test history", &["/room-owner test \"history\""]),
            (RITA, "test history", &["/room-audit history test"]),
            (ADAM, "test history", &["/room-audit history test", "/room-owner test \"history\""]),
            // There is a room of that name, and none called `grant`.
            (ALICE, "why user2", &["/room-owner \"why\" user2"]),
            (ADAM, "why test", &["/room-acl why test", "/room-owner \"why\" test"]),
            (ADAM, "who-can test", &["/room-acl who-can test"]),
            (ALICE, "grant user2", &["/room-owner \"grant\" user2"]),
            (ADAM, "grant @boris moderator", &["/room-acl grant @boris moderator"]),
            (BORIS, "stats by: room", &["/room-audit stats by: room"]),
        ] {
            let reply = bot.slack(person).says(&format!("/room-owner {typed}")).await;
            assert!(reply.says("Nothing was done."), "{typed}: {reply}");
            assert_eq!(suggested(reply.text()), meant, "{typed}: {reply}");
        }
        assert!(bot.changes().is_empty());
        let reply = bot.slack(ALICE).says("/room-owner \"why\" \"owner\"").await;
        assert!(reply.says("`why` now belongs to `owner`"), "{reply}");
        let reply = bot.slack(ALICE).says("/room-owner test \"list\"").await;
        assert!(reply.says("undo: `/room-owner test carol`") || reply.says("test carol"), "{reply}");
        bot.slack(ALICE).says("/room-owner \"why\" user2").await.text();
        let reply = bot.slack(ALICE).says("/room-owner undo").await;
        assert!(reply.says("`/room-owner \"why\" \"owner\"`"), "{reply}");
    })
    .await;
}

#[tokio::test]
async fn what_is_said_without_its_key_is_met_with_the_line_that_was_meant() {
    run(World::usual().grant(ADAM, "admin", "*").grant(RITA, "admin", "*"), async |bot| {
        for (typed, meant) in [
            ("/room-acl revoke 3 left the team", &["/room-acl revoke 3 reason: left the team"][..]),
            ("/room-acl revoke grant 3", &["/room-acl revoke 3"]),
            ("/room-acl list everything", &["/room-acl list all"]),
            (
                "/room-acl grant @boris moderator for the night shift",
                &["/room-acl grant @boris moderator reason: the night shift"],
            ),
            // `test` is a live room, `studio` may be one.
            (
                "/room-acl deny @boris moderator test too loud",
                &["/room-acl deny @boris moderator rooms: test reason: too loud"],
            ),
            (
                "/room-acl deny @boris moderator studio too loud",
                &[
                    "/room-acl deny @boris moderator rooms: studio reason: too loud",
                    "/room-acl deny @boris moderator reason: studio too loud",
                ],
            ),
            ("/room-audit yesterday 14:03", &["/room-audit since: yesterday 14:03"]),
            ("/room-audit since yesterday", &["/room-audit since: yesterday"]),
            ("/room-audit room test", &["/room-audit room: test"]),
            ("/room-audit owner test", &["/room-audit owner-at test <time>"]),
            ("/room-audit owner test yesterday 14:03", &["/room-audit owner-at test yesterday 14:03"]),
            ("/room-audit @boris yesterday", &["/room-audit actor: @boris since: yesterday"]),
            ("/room-audit since: 25:00", &["/room-audit since: yesterday"]),
            ("/room-audit outcome: bad", &["/room-audit outcome: failed"]),
        ] {
            let reply = bot.slack(RITA).says(typed).await;
            assert_eq!(suggested(reply.text()), meant, "{typed}: {reply}");
            assert!(reply.text().lines().count() <= 5, "{reply}");
        }
        let reply = bot.slack(RITA).says("/room-acl revoke 3 left the team").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ❌ There is no place for `the` here.
        Type: `/room-acl revoke 3 reason: left the team`
        Nothing was done.
        op 20
        ");
        let reply = bot.slack(RITA).says("/room-acl list everything").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ❌ `everything` is not a part of the list: use `live`, `all`, `attention`, `channels`, `announcements`, `links` or `rooms`.
        Type: `/room-acl list all`
        Nothing was done.
        op 21
        ");
        let reply = bot.slack(RITA).says("/room-audit since: 25:00").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ❌ `25:00` is not a time of day: hours go from 00 to 23, minutes and seconds from 00 to 59.
        Type: `/room-audit since: yesterday`
        Nothing was done.
        op 22
        ");
        let reply = bot.slack(RITA).says("/room-audit since: 2026-02-30").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ❌ `2026-02-30` is not a day of the calendar: write the year, the month and the day, as in 2026-11-23.
        Type: `/room-audit since: yesterday`
        Nothing was done.
        op 23
        ");
        let reply = bot.slack(RITA).says("/room-audit outcome: refuse").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ❌ `refuse` is not an outcome: use `refused`, `succeeded`, `unchanged`, `unknown`, `pending`, `denied`, `declined`, `invalid`, `duplicate` or `failed`.
        Type: `/room-audit outcome: refused`
        Nothing was done.
        op 24
        ");
        assert_eq!(bot.store.grants().await.unwrap().len(), 4);
    })
    .await;
}
