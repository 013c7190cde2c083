//! What people type, well and badly.

use insta::assert_snapshot;

use super::slack::{ADAM, ALICE, OTTO, RITA, TEAM};
use super::world::{World, run};

#[tokio::test]
async fn a_room_with_spaces_goes_in_quotes_of_any_kind() {
    run(World::usual().room("my room", "erin"), async |bot| {
        let lines = [
            "/room-owner \"my room\" user1",
            "/room-owner “my room” user2",
            "/room-owner 'my room' user3",
            "/room-owner ‘my room’ user4",
            "/room-owner „my room“ user5",
            "/room-owner ”my room” user6",
        ];
        for (n, line) in (1..).zip(lines) {
            let reply = bot.slack(ALICE).says(line).await;
            assert!(reply.says(&format!("`my room` now belongs to `user{n}`")), "{line}: {reply}");
        }
    })
    .await;
}

#[tokio::test]
async fn spaces_that_nobody_sees_separate_words_too() {
    run(World::usual(), async |bot| {
        let reply = bot.slack(ALICE).says("/room-owner test\u{a0}user2").await;
        assert!(reply.says("`test` now belongs to `user2`"), "{reply}");
        let reply = bot.slack(ALICE).says("/room-owner   test \u{2003} user3  ").await;
        assert!(reply.says("`test` now belongs to `user3`"), "{reply}");
    })
    .await;
}

#[tokio::test]
async fn slack_s_entities_and_links_are_what_they_stand_for() {
    run(World::usual().room("a&b<c>", "carol").room("test.com", "carol"), async |bot| {
        let reply = bot.slack(ALICE).sends("/room-owner a&amp;b&lt;c&gt; user2").await;
        assert!(reply.says("`a&b<c>` now belongs to `user2`"), "{reply}");
        assert_eq!(bot.owner_of("a&b<c>"), "user2");
        let reply = bot.slack(ALICE).sends("/room-owner <http://test.com|test.com> user2").await;
        assert!(reply.says("`test.com` now belongs to `user2`"), "{reply}");
        let reply = bot.slack(ALICE).sends("/room-owner test &lt;@U0BORIS&gt;").await;
        assert!(reply.says("`<@U0BORIS>` holds “<”"), "typed, so it is no mention: {reply}");
        assert!(reply.says("Type: `/room-owner test <new_owner>`"), "{reply}");
    })
    .await;
}

#[tokio::test]
async fn a_person_of_the_chat_is_no_account_of_the_app() {
    run(World::usual(), async |bot| {
        let reply = bot.slack(ALICE).sends("/room-owner test <@U0BORIS|boris>").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ❌ @boris is linked to no live account.
        Type: `/room-owner test <new_owner>`
        Nothing was done. An admin can link them: `/room-acl link slack:T0TEAM:U0BORIS <account>`
        op 4
        ");
        let reply = bot.slack(ALICE).sends("/room-owner test <!here>").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ❌ This has to be the UserID of somebody in the live app; `@here` is everybody in this chat.
        Type: `/room-owner test <new_owner>`
        Nothing was done.
        op 5
        ");
        let reply = bot.slack(ALICE).sends("/room-owner <#C0MODS|mods> user2").await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ❌ A room is named by its RoomId; `#mods` is a channel of this chat.
        Type: `/room-owner <room> user2`
        Nothing was done.
        op 6
        ");
        assert!(bot.tencent().calls().is_empty());
        let entry = bot.last().await;
        assert_eq!(entry.command, "/room-owner <#C0MODS|mods> user2");
        assert_eq!(entry.outcome.name(), "invalid");
    })
    .await;
}

#[tokio::test]
async fn what_does_not_fit_is_refused_with_the_line_that_was_meant() {
    run(World::usual(), async |bot| {
        let reply = bot.slack(ALICE).says("/room-owner my room user2").await;
        assert_snapshot!(reply, @r#"
        (only visible to you)
        ❌ That is 3 words; a room and its new owner are two.
        Type: `/room-owner "my room" user2`
        Nothing was done.
        op 4
        "#);
        let reply = bot.slack(ALICE).says("/room-owner my room user2 reason: host left").await;
        assert_snapshot!(reply, @r#"
        (only visible to you)
        ❌ That is 3 words; a room and its new owner are two.
        Type: `/room-owner "my room" user2 reason: host left`
        Nothing was done.
        op 5
        "#);
        let reply = bot.slack(ALICE).says("/room-owner \"my room user2").await;
        assert_snapshot!(reply, @r#"
        (only visible to you)
        ❌ A quote is opened and never closed.
        Type: `/room-owner "my room" user2`
        Nothing was done.
        op 6
        "#);
        let reply = bot.slack(ALICE).says("/room-owner \"my room\"user2").await;
        assert_snapshot!(reply, @r#"
        (only visible to you)
        ❌ There is no space between the closing quote and `user2`.
        Type: `/room-owner "my room" user2`
        Nothing was done.
        op 7
        "#);
        let reply = bot.slack(ALICE).says("/room-owner test reason: host left").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ❌ Something is missing: `<new_owner>`.
        Type: `/room-owner test <new_owner> reason: host left`
        Nothing was done.
        op 8
        ");
        let reply = bot.slack(ALICE).says("/room-owner test user2 reason:").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ❌ Nothing follows `reason:`.
        Type: `/room-owner test user2`
        Nothing was done.
        op 9
        ");
        let reply = bot.slack(ALICE).says("/room-owner tést user2").await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ❌ A room id is plain ASCII, `tést` holds “é” (U+00E9).
        Type: `/room-owner <room> user2`
        Nothing was done.
        op 10
        ");
        let reply = bot.slack(ALICE).says("/room-owner test a-name-that-is-longer-than-32-bytes-are").await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ❌ An account has at most 32 bytes, `a-name-that-is-longer-than-32-bytes-are` has 39.
        Type: `/room-owner test <new_owner>`
        Nothing was done.
        op 11
        ");
        let reason = "x".repeat(301);
        let reply = bot.slack(ALICE).says(&format!("/room-owner test user2 reason: {reason}")).await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ❌ The reason has 301 characters; 300 is the limit.
        Type: `/room-owner test user2 reason: …`
        Nothing was done.
        op 12
        ");
        assert!(bot.tencent().calls().is_empty(), "nothing is guessed");
    })
    .await;
}

#[tokio::test]
async fn help_tells_each_what_they_may_do() {
    run(World::usual().grant(ADAM, "admin", "live-*"), async |bot| {
        let reply = bot.slack(ALICE).says("/room-owner").await;
        assert_snapshot!(reply, @r#"
        (only visible to you)
        ℹ️ `/room-owner` hands a live room to a new owner.
        `/room-owner <room> <new_owner>` hands the room over
        `/room-owner <room>` shows who owns the room
        `/room-owner <room> <new_owner> reason: <why>` hands it over, and keeps the reason with the record
        `/room-owner "my room" <new_owner>` a room id with spaces goes in quotes
        `/room-owner list` shows the live rooms that you may hand over
        `/room-owner undo` shows the line that undoes your last hand-over
        You are: moderator for `*`.
        op 5
        "#);
        let reply = bot.slack(RITA).says("/room-owner help").await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ℹ️ `/room-owner` hands a live room to a new owner.
        `/room-owner <room>` shows who owns the room
        You are: auditor for `*`.
        op 6
        ");
        let reply = bot.slack(ADAM).says("/room-owner").await;
        assert_snapshot!(reply, @r#"
        (only visible to you)
        ℹ️ `/room-owner` hands a live room to a new owner.
        `/room-owner <room> <new_owner>` hands the room over
        `/room-owner <room>` shows who owns the room
        `/room-owner <room> <new_owner> reason: <why>` hands it over, and keeps the reason with the record
        `/room-owner <room> <new_owner> override: <operation> reason: <why>` overrides an operation on the room whose outcome nobody knows
        `/room-owner "my room" <new_owner>` a room id with spaces goes in quotes
        `/room-owner list` shows the live rooms that you may hand over
        `/room-owner undo` shows the line that undoes your last hand-over
        You are: admin for `live-*`.
        op 7
        "#);
        let reply = bot.slack(OTTO).says("/room-owner HELP").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ℹ️ `/room-owner` hands a live room to a new owner. You have no role in this channel yet.
        Ask @adam for a role, and quote your id `slack:T0TEAM:U0OTTO`.
        op 8
        ");
        assert_eq!(bot.last().await.outcome.name(), "succeeded");
    })
    .await;
}

#[tokio::test]
async fn of_a_verb_that_is_not_known_the_nearest_is_named_of_those_that_one_may_use() {
    run(World::usual().grant(ADAM, "admin", "*"), async |bot| {
        let reply = bot.slack(ADAM).says("/room-acl remoke 2").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ❌ The bot does not know `remoke` here.
        Type: `/room-acl revoke 2`
        Nothing was done.
        op 5
        ");
        let reply = bot.slack(OTTO).says("/room-acl lst").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ❌ The bot does not know `lst` here.
        Type: `/room-acl`
        Nothing was done.
        op 6
        ");
        let reply = bot.slack(OTTO).says("/room-audit statz").await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ❌ The bot does not know `statz` here.
        Type: `/room-audit help`
        Nothing was done.
        op 7
        ");
        let reply = bot.slack(RITA).says("/room-audit statz").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ❌ The bot does not know `statz` here.
        Type: `/room-audit stats`
        Nothing was done.
        op 8
        ");
        let reply = bot.slack(ADAM).says("/room-acl permissions").await;
        assert!(reply.says("Type: `/room-acl`"), "{reply}");
    })
    .await;
}

#[tokio::test]
async fn another_command_is_not_known() {
    run(World::usual(), async |bot| {
        let reply = bot.slack(ALICE).says("/room-close test").await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ❌ The bot does not know the command `/room-close`.
        Type: `/room-owner`
        Nothing was done.
        op 4
        ");
        assert_eq!(bot.last().await.outcome.name(), "invalid");
    })
    .await;
}

#[tokio::test]
async fn no_text_of_anybody_takes_effect_in_a_reply() {
    run(World::usual().room("<!channel>", "*bold*"), async |bot| {
        let line = "/room-owner <!channel> `user2` reason: <https://evil.example|click> @everyone\u{202e}";
        let reply = bot.slack(ALICE).with("user_name", "<@U1>").says(line).await;
        assert!(reply.says("now belongs to `user2` (was `*bold*`)"), "{reply}");
        let fallback = reply.json["text"].as_str().unwrap();
        assert!(!fallback.contains("<!channel>") && !fallback.contains("@everyone"), "{fallback}");
        for text in [fallback, reply.text()] {
            assert!(!text.contains('\u{202e}'), "{text:?}");
        }
        assert_eq!(bot.last().await.actor.unwrap().to_string(), format!("slack:{TEAM}:U0ALICE"));
    })
    .await;
}
