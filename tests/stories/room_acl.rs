//! Admins edit the ACL from chat, and anybody asks why.

use room_owner::app::ports::{AclChange, Store as _};
use room_owner::domain::access::{Effect, RoomScope};
use room_owner::domain::audit::AuditEntry;
use room_owner::domain::principal::Principal;

use super::doors::{Door, assert_snapshot, at_every_door};
use super::fakes::acl::edit_locally;
use super::slack::{ADAM, ALICE, BORIS, MODS, OTTO, Person, RANDOM, RITA, Reply};
use super::world::{Stage, World, run};

/// The usual world, in which Adam is an admin of every room.
fn world(door: Door) -> World {
    World::usual().room("live-7", "dave").room("vip-1", "frank").grant(ADAM, "admin", "*").at(door)
}

/// What somebody is answered, which is for nobody else, and what is on record.
async fn says(bot: &Stage, person: Person, line: &str) -> (Reply, AuditEntry) {
    let reply = bot.chat(person).says(line).await;
    assert!(!reply.is_public());
    let entry = bot.entry(&reply).await;
    (reply, entry)
}

/// Discord says with each request which roles people have, which in these stories is the one that everybody has.
/// The words as they are at Slack, which does not say.
fn as_at_slack(door: Door, reply: &Reply, at_discord: &str, at_slack: &str) -> String {
    let text = reply.to_string();
    if door == Door::Slack {
        return text;
    }
    assert!(text.contains(at_discord), "{text}");
    text.replace(at_discord, at_slack)
}

const ROLES_OF_ONESELF: (&str, &str) = ("Your groups: @everyone.\n", "");
const COUNTED: (&str, &str) = ("Counted as a member of @everyone.\n", "");

at_every_door! {
    an_admin_gives_a_role_and_sees_what_it_means,
    a_change_is_effective_for_the_next_command,
    a_deny_entry_is_given_and_taken_back,
    what_gives_nothing_says_what_is_in_its_way,
    a_grant_of_which_a_part_is_denied_says_which,
    a_grant_to_oneself_is_marked,
    an_outsider_learns_their_own_id_and_who_can_help_and_nothing_else,
    a_moderator_is_no_admin,
    anybody_learns_who_they_are,
    why_names_the_grant_that_permits,
    why_names_the_near_misses,
    who_can_names_everybody_and_where,
    a_channel_is_allowed_and_removed,
    nobody_locks_everybody_out,
    an_admin_counts_only_in_a_channel_in_which_they_can_be,
    an_admin_of_some_rooms_gives_no_more_than_those,
    an_admin_of_some_rooms_denies_nothing_to_an_admin_of_more,
    a_channel_goes_from_one_scope_of_ones_own_to_another,
    a_channel_for_some_rooms_says_what_a_change_is_about,
    a_deny_entry_against_oneself_that_is_taken_back_is_marked,
    an_admin_who_is_denied_some_rooms_keeps_the_others,
    the_list_shows_who_may_what,
    the_list_shows_what_needs_attention,
    what_does_not_fit_is_explained,
    a_grant_that_is_not_there_is_not_revoked,
    help_is_for_everybody_and_shows_what_one_may_use,
    whoever_is_denied_reads_so_in_the_help,
    a_repeated_delivery_edits_once
}

async fn an_admin_gives_a_role_and_sees_what_it_means(door: Door) {
    run(world(door), async |bot| {
        let line = "/room-acl grant @boris moderator rooms: live-* in: #mods for: 8h reason: night shift";
        let (reply, entry) = says(bot, ADAM, line).await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ✅ @boris is now moderator for `live-*`.
        They can now hand rooms over and see who owns them.
        Grant 4, only in #mods, until 2026-11-23 20:00 UTC.
        Reason given: `night shift`
        op 5
        ");
        assert_eq!((entry.outcome.name(), entry.authority.as_deref()), ("succeeded", Some("grant 3")));
        assert_eq!(entry.reason.as_deref(), Some("night shift"));
        let reply = bot.chat(BORIS).says("/room-owner live-7 user2").await;
        assert!(reply.says("`live-7` now belongs to `user2`"), "{reply}");
        bot.clock.pass(8 * 3_600);
        let reply = bot.chat(BORIS).says("/room-owner live-7 user3").await;
        assert!(reply.says("your grant 4 ended at 2026-11-23 20:00 UTC"), "{reply}");
    })
    .await;
}

async fn a_change_is_effective_for_the_next_command(door: Door) {
    run(world(door), async |bot| {
        for _ in 0..3 {
            let (reply, _) = says(bot, ADAM, "/room-acl revoke 1").await;
            assert!(reply.says("@alice") || reply.says("no longer") || reply.says("taken back"), "{reply}");
            let reply = bot.chat(ALICE).says("/room-owner test user2").await;
            assert!(reply.says("Not allowed"), "{reply}");
        }
        let (reply, _) = says(bot, ADAM, "/room-acl grant @alice moderator").await;
        assert!(reply.says("is now moderator for every room"), "{reply}");
        let reply = bot.chat(ALICE).says("/room-owner test user2").await;
        assert!(reply.says("now belongs to"), "{reply}");
    })
    .await;
}

async fn a_deny_entry_is_given_and_taken_back(door: Door) {
    run(world(door), async |bot| {
        let (reply, _) = says(bot, ADAM, "/room-acl deny @alice moderator rooms: vip-1").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ✅ @alice is denied moderator for `vip-1`.
        They can no longer hand rooms over or see who owns them, whatever a grant says.
        Grant 4.
        op 5
        ");
        let reply = bot.chat(ALICE).says("/room-owner vip-1 user2").await;
        assert!(reply.says("a deny entry (grant 4) names you"), "{reply}");
        let (reply, _) = says(bot, ADAM, "/room-acl revoke 4 reason: mistake").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ✅ @alice is no longer denied moderator for `vip-1`.
        They can again hand rooms over and see who owns them, where a grant lets them.
        Grant 4.
        op 7
        ");
        let reply = bot.chat(ALICE).says("/room-owner vip-1 user2").await;
        assert!(reply.says("now belongs to"), "{reply}");
    })
    .await;
}

async fn what_gives_nothing_says_what_is_in_its_way(door: Door) {
    run(world(door).channel(RANDOM, "vip-*"), async |bot| {
        says(bot, ADAM, "/room-acl deny @otto moderator").await.0.text();
        let (reply, entry) = says(bot, ADAM, "/room-acl grant @otto moderator reason: back again").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ⚠️ @otto is now moderator for every room, but this has no effect.
        Grant 4 denies them moderator for every room, which wins over every grant until it is taken back.
        Grant 5.
        Reason given: `back again`
        op 7
        ");
        assert_eq!(entry.outcome.name(), "succeeded", "the grant counts as soon as nothing is in its way");
        let reply = bot.chat(OTTO).says("/room-owner test user2").await;
        assert!(reply.says("a deny entry (grant 4) names you"), "{reply}");
        says(bot, ADAM, "/room-acl revoke 4").await.0.text();
        let reply = bot.chat(OTTO).says("/room-owner test user2").await;
        assert!(reply.says("now belongs to"), "{reply}");

        let (reply, _) = says(bot, ADAM, "/room-acl grant @otto moderator rooms: live-* for: 8h").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ⚠️ @otto is now moderator for `live-*`, but this has no effect.
        Grant 5 gives them that already.
        Grant 6, until 2026-11-23 20:00 UTC.
        op 12
        ");
        let (reply, _) = says(bot, ADAM, "/room-acl grant @boris moderator rooms: live-* in: #random").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ⚠️ @boris is now moderator for `live-*`, but this has no effect.
        #random is authorised for `vip-*` only.
        Grant 7, only in #random.
        op 13
        ");
        says(bot, ADAM, "/room-acl channel remove #random").await.0.text();
        let (reply, _) = says(bot, ADAM, "/room-acl grant @boris moderator in: #random").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ⚠️ @boris is now moderator for every room, but this has no effect.
        #random is not authorised, so nobody can use the bot there.
        Grant 8, only in #random.
        op 15
        ");
        says(bot, ADAM, "/room-acl deny @rita admin").await.0.text();
        let (reply, _) = says(bot, ADAM, "/room-acl deny @rita auditor").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ⚠️ @rita is denied auditor for every room, but this has no effect.
        Grant 9 denies them that already.
        Grant 10.
        op 17
        ");
    })
    .await;
}

async fn a_grant_of_which_a_part_is_denied_says_which(door: Door) {
    run(world(door), async |bot| {
        says(bot, ADAM, "/room-acl deny @boris moderator rooms: vip-* for: 8h").await.0.text();
        let (reply, _) = says(bot, ADAM, "/room-acl grant @boris moderator").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ✅ @boris is now moderator for every room.
        They can now hand rooms over and see who owns them.
        Grant 4 denies them moderator for `vip-*`, until 2026-11-23 20:00 UTC, which wins over every grant until it is taken back.
        Grant 5.
        op 6
        ");
        let reply = bot.chat(BORIS).says("/room-owner test user2").await;
        assert!(reply.says("now belongs to"), "{reply}");
        let reply = bot.chat(BORIS).says("/room-owner vip-1 user2").await;
        assert!(reply.says("a deny entry (grant 4) names you"), "{reply}");
    })
    .await;
}

async fn a_grant_to_oneself_is_marked(door: Door) {
    run(world(door), async |bot| {
        let (reply, entry) = says(bot, ADAM, "/room-acl grant @adam auditor").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ⚠️ @adam is now auditor for every room, but this has no effect.
        Grant 3 gives them that already.
        Grant 4.
        You gave this to yourself; the audit log marks it.
        op 5
        ");
        assert_eq!(entry.authority.as_deref(), Some("grant 3, for themselves"));
    })
    .await;
}

async fn an_outsider_learns_their_own_id_and_who_can_help_and_nothing_else(door: Door) {
    run(world(door), async |bot| {
        for line in [
            "/room-acl list",
            "/room-acl grant @otto admin",
            "/room-acl why @alice test",
            "/room-acl who-can test",
            "/room-acl revoke 1",
            "/room-acl revoke 99",
            "/room-acl channel list",
            "/room-acl channel remove #mods",
        ] {
            let (reply, entry) = says(bot, OTTO, line).await;
            let words = reply.text().replace(&format!("op {}", reply.operation()), "op N");
            assert_snapshot!(words, @r"
            ⛔ Not allowed: `/room-acl` is for admins.
            Your id is `slack:T0TEAM:U0OTTO`. Admins who can help: @adam.
            Nothing was done.
            op N
            ");
            assert_eq!(entry.outcome.name(), "denied", "{line}");
        }
        assert_eq!(bot.store.grants().await.unwrap().len(), 3);
    })
    .await;
}

async fn a_moderator_is_no_admin(door: Door) {
    run(world(door), async |bot| {
        for person in [ALICE, RITA] {
            let (reply, entry) = says(bot, person, "/room-acl grant @otto moderator").await;
            assert!(reply.says("`/room-acl` is for admins"), "{reply}");
            assert!(entry.authority.unwrap().ends_with("is not enough"));
        }
        let reply = bot.chat(ADAM).in_channel(RANDOM).says("/room-acl list").await;
        assert!(reply.says("this channel is not authorised for `/room-acl`"), "{reply}");
    })
    .await;
}

async fn anybody_learns_who_they_are(door: Door) {
    run(world(door), async |bot| {
        let (reply, _) = says(bot, OTTO, "/room-acl whoami").await;
        assert_snapshot!(as_at_slack(door, &reply, ROLES_OF_ONESELF.0, ROLES_OF_ONESELF.1), @r"
        (only visible to you)
        ℹ️ You are `slack:T0TEAM:U0OTTO`.
        This channel is `slack:T0TEAM:C0MODS`.
        You have no role here.
        Admins who can help: @adam.
        op 5
        ");
        let (reply, _) = says(bot, ALICE, "/room-acl whoami").await;
        assert_snapshot!(as_at_slack(door, &reply, ROLES_OF_ONESELF.0, ROLES_OF_ONESELF.1), @r"
        (only visible to you)
        ℹ️ You are `slack:T0TEAM:U0ALICE`.
        This channel is `slack:T0TEAM:C0MODS`.
        Here you are moderator for every room.
        Admins who can help: @adam.
        op 6
        ");
    })
    .await;
    run(World::usual().at(door), async |bot| {
        let (reply, _) = says(bot, OTTO, "/room-acl whoami").await;
        assert!(reply.says("Nobody is an admin yet"), "{reply}");
        let elsewhere = bot.chat(ALICE).in_channel(RANDOM).says("/room-acl whoami").await;
        let said =
            "This channel is `slack:T0TEAM:C0RANDOM`. It is not authorised, so nobody can use the bot here.";
        assert!(elsewhere.says(said), "{elsewhere}");
        let elsewhere = bot.chat(ALICE).in_channel(RANDOM).says("/room-owner").await;
        assert!(elsewhere.says("This channel is not authorised for it."), "{elsewhere}");
    })
    .await;
}

async fn why_names_the_grant_that_permits(door: Door) {
    run(world(door), async |bot| {
        let (reply, entry) = says(bot, ADAM, "/room-acl why @alice test").await;
        assert_snapshot!(as_at_slack(door, &reply, COUNTED.0, COUNTED.1), @"
        (only visible to you)
        ✅ Yes: @alice may hand `test` over in #mods, by grant 1.
        Grant 1: moderator for every room: permits it.
        op 5
        ");
        assert_eq!((entry.outcome.name(), entry.authority.as_deref()), ("succeeded", Some("grant 3")));
        let (reply, _) = says(bot, ADAM, "/room-acl why test").await;
        assert_snapshot!(as_at_slack(door, &reply, COUNTED.0, COUNTED.1), @r"
        (only visible to you)
        ✅ Yes: you may hand `test` over in #mods, by grant 3.
        Grant 3: admin for every room: permits it.
        op 6
        ");
    })
    .await;
}

async fn why_names_the_near_misses(door: Door) {
    run(world(door), async |bot| {
        for line in [
            "/room-acl grant @boris moderator rooms: vip-1 for: 1h",
            "/room-acl grant @boris auditor",
            "/room-acl grant @boris moderator rooms: live-*",
            "/room-acl grant @boris moderator in: #random",
            "/room-acl grant @boris moderator rooms: vip-*",
            "/room-acl revoke 8",
        ] {
            says(bot, ADAM, line).await.0.text();
        }
        bot.clock.pass(3 * 3_600);
        let (reply, _) = says(bot, ADAM, "/room-acl why @boris vip-1").await;
        assert_snapshot!(as_at_slack(door, &reply, COUNTED.0, COUNTED.1), @"
        (only visible to you)
        ⛔ No: @boris may not hand `vip-1` over in #mods: grant 7 is for other channels.
        Grant 7: moderator for every room, only in #random, not here.
        Grant 6: moderator for `live-*`, not for `vip-1`.
        Grant 5: auditor for every room, which does not hand rooms over.
        Grant 8 was taken back 3 h ago: moderator for `vip-*`.
        Grant 4 expired 2 h ago: moderator for `vip-1`, until 2026-11-23 13:00 UTC.
        op 11
        ");
        let (reply, _) = says(bot, ADAM, "/room-acl why @boris vip-1 in: #random").await;
        assert_snapshot!(as_at_slack(door, &reply, COUNTED.0, COUNTED.1), @"
        (only visible to you)
        ⛔ No: @boris may not hand `vip-1` over in #random: channel not authorised.
        The channel is not authorised.
        Grant 7: moderator for every room, only in #random: would permit it.
        Grant 6: moderator for `live-*`, not for `vip-1`.
        Grant 5: auditor for every room, which does not hand rooms over.
        Grant 8 was taken back 3 h ago: moderator for `vip-*`.
        Grant 4 expired 2 h ago: moderator for `vip-1`, until 2026-11-23 13:00 UTC.
        op 12
        ");
        let (reply, _) = says(bot, ADAM, "/room-acl why @otto vip-1").await;
        assert_snapshot!(as_at_slack(door, &reply, COUNTED.0, COUNTED.1), @"
        (only visible to you)
        ⛔ No: @otto may not hand `vip-1` over in #mods: no grant.
        No grant names them.
        op 13
        ");
    })
    .await;
}

async fn who_can_names_everybody_and_where(door: Door) {
    run(world(door).channel(RANDOM, "live-*"), async |bot| {
        says(bot, ADAM, "/room-acl grant @boris moderator rooms: live-* for: 8h").await.0.text();
        says(bot, ADAM, "/room-acl deny @alice moderator rooms: live-7").await.0.text();
        let (reply, _) = says(bot, ADAM, "/room-acl who-can live-7").await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ℹ️ Who can hand `live-7` over:
        @adam · grant 3 · in #mods, #random
        @boris · grant 4 · in #mods, #random · until 2026-11-23 20:00 UTC
        A deny entry for a group may still take it from one of its members.
        op 8
        ");
        let (reply, _) = says(bot, ADAM, "/room-acl who-can test").await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ℹ️ Who can hand `test` over:
        @adam · grant 3 · in #mods
        @alice · grant 1 · in #mods
        A deny entry for a group may still take it from one of its members.
        op 9
        ");
        let (reply, _) = says(bot, ADAM, "/room-acl who-can live-*").await;
        assert!(reply.says("`live-*` is taken for the id of a single room, not for a scope"), "{reply}");
    })
    .await;
}

async fn a_channel_is_allowed_and_removed(door: Door) {
    run(world(door), async |bot| {
        let (reply, _) =
            says(bot, ADAM, "/room-acl channel allow #random rooms: live-* reason: the show").await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ✅ #random is now authorised for `live-*`.
        Whoever has a grant may use it there.
        Reason given: `the show`
        op 5
        ");
        let (reply, _) = says(bot, ADAM, "/room-acl channel allow #random").await;
        assert!(reply.says("is now authorised for every room (was: `live-*`)"), "{reply}");
        let (reply, _) = says(bot, ADAM, "/room-acl channel list").await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ℹ️ The authorised channels.
        #mods · for every room · by `cli:ana`
        #random · for every room · by @adam
        op 7
        ");
        let (reply, _) = says(bot, ADAM, "/room-acl channel remove #random").await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ✅ #random is no longer authorised.
        Nobody can use the bot there any more; their grants stay and hold in other channels.
        op 8
        ");
        let (reply, entry) = says(bot, ADAM, "/room-acl channel remove #random").await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ⛔ Nothing was changed: #random is not authorised.
        See `/room-acl channel list`.
        op 9
        ");
        assert_eq!(entry.outcome.name(), "declined");
    })
    .await;
}

async fn nobody_locks_everybody_out(door: Door) {
    run(world(door), async |bot| {
        let (reply, entry) = says(bot, ADAM, "/room-acl revoke 3").await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ⛔ Nothing was changed: no admin would be left.
        Make somebody else an admin first. Only the command line on the bot's machine can force it.
        op 5
        ");
        assert_eq!(
            (entry.outcome.name(), entry.error_info.as_deref()),
            ("declined", Some("no admin would be left"))
        );
        let (reply, _) = says(bot, ADAM, "/room-acl deny @adam admin").await;
        assert!(reply.says("no admin would be left"), "{reply}");
        let (reply, _) = says(bot, ADAM, "/room-acl channel remove").await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ⛔ Nothing was changed: no authorised channel would be left.
        Authorise another channel first. Only the command line on the bot's machine can force it.
        op 7
        ");
        says(bot, ADAM, "/room-acl grant @rita admin rooms: live-*").await.0.text();
        let (reply, _) = says(bot, ADAM, "/room-acl revoke 3").await;
        assert!(reply.says("no admin for every room would be left"), "{reply}");
        says(bot, ADAM, "/room-acl grant @rita admin").await.0.text();
        let (reply, _) = says(bot, ADAM, "/room-acl revoke 3").await;
        assert!(reply.says("is no longer admin"), "{reply}");
    })
    .await;
}

async fn an_admin_counts_only_in_a_channel_in_which_they_can_be(door: Door) {
    run(world(door), async |bot| {
        let other = if door == Door::Slack { "discord:1:2" } else { "slack:T9:C9" };
        let allow = AclChange::AllowChannel { channel: other.parse().unwrap(), rooms: RoomScope::All };
        let by = Principal::new("cli:ana".parse().unwrap());
        edit_locally(&*bot.store, &bot.clock, by, "acl channel allow".to_owned(), allow, None).await.unwrap();
        bot.other_operations += 1;
        let mut said = String::new();
        for line in [
            "/room-acl channel remove",
            "/room-acl channel allow rooms: live-*",
            "/room-acl deny @adam admin in: #mods",
        ] {
            let (reply, entry) = says(bot, ADAM, line).await;
            assert_eq!(entry.outcome.name(), "declined", "{line}: {reply}");
            said.push_str(&format!("{line}\n{}\n", reply.to_string().rsplit_once('\n').unwrap().0));
        }
        assert_snapshot!(said, @r"
        /room-acl channel remove
        (only visible to you)
        ⛔ Nothing was changed: no admin would be left who could undo it from an authorised channel.
        Give somebody else the role, or another channel all rooms, first. Only the command line on the bot's machine can force it.
        /room-acl channel allow rooms: live-*
        (only visible to you)
        ⛔ Nothing was changed: no admin would be left who could undo it from an authorised channel.
        Give somebody else the role, or another channel all rooms, first. Only the command line on the bot's machine can force it.
        /room-acl deny @adam admin in: #mods
        (only visible to you)
        ⛔ Nothing was changed: no admin would be left who could undo it from an authorised channel.
        Give somebody else the role, or another channel all rooms, first. Only the command line on the bot's machine can force it.
        ");
    })
    .await;
}

async fn an_admin_of_some_rooms_denies_nothing_to_an_admin_of_more(door: Door) {
    run(world(door).grant(BORIS, "admin", "vip-*"), async |bot| {
        for role in ["admin", "auditor", "moderator"] {
            let (reply, entry) = says(bot, BORIS, &format!("/room-acl deny @adam {role} rooms: vip-1")).await;
            assert_eq!(entry.outcome.name(), "declined", "{reply}");
            assert!(reply.says("@adam, an admin for more rooms than you"), "{reply}");
            if role == "admin" {
                assert_snapshot!(reply, @r"
                (only visible to you)
                ⛔ Nothing was changed: it could take something from @adam, an admin for more rooms than you.
                Ask an admin for all of these rooms.
                op 6
                ");
            }
        }
        let (reply, _) = says(bot, BORIS, "/room-acl deny @alice moderator rooms: vip-1").await;
        assert!(reply.says("is denied moderator for `vip-1`"), "{reply}");
        let (reply, _) = says(bot, ADAM, "/room-acl deny @boris admin rooms: vip-1").await;
        assert!(reply.says("is denied admin for `vip-1`"), "{reply}");
    })
    .await;
}

async fn a_channel_goes_from_one_scope_of_ones_own_to_another(door: Door) {
    let world =
        world(door).grant(BORIS, "admin", "a*").grant(BORIS, "admin", "b*").grant(OTTO, "admin", "a*");
    run(world.channel(RANDOM, "a*"), async |bot| {
        let line = "/room-acl channel allow #random rooms: b*";
        let (reply, _) = says(bot, OTTO, line).await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ⛔ Not allowed: you are an admin for `a*` only, and this change is about `a*, b*`.
        Your id is `slack:T0TEAM:U0OTTO`. Admins who can help: @adam.
        Nothing was done.
        op 9
        ");
        let (reply, entry) = says(bot, BORIS, line).await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ✅ #random is now authorised for `b*` (was: `a*`).
        Whoever has a grant may use it there.
        op 10
        ");
        assert_eq!(entry.authority.as_deref(), Some("grant 4"));
    })
    .await;
}

async fn a_channel_for_some_rooms_says_what_a_change_is_about(door: Door) {
    run(World::empty().channel(MODS, "live-*").grant(ADAM, "admin", "*").at(door), async |bot| {
        let (reply, _) = says(bot, ADAM, "/room-acl grant @boris moderator").await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ⛔ Not here: this channel is authorised for `live-*` only, and this change is about `*`.
        Use a moderators' channel, or ask an admin to authorise this one.
        Nothing was done.
        op 3
        ");
        let (reply, _) = says(bot, ADAM, "/room-acl grant @boris moderator rooms: live-7").await;
        assert!(reply.says("is now moderator for `live-7`"), "{reply}");
    })
    .await;
}

async fn a_deny_entry_against_oneself_that_is_taken_back_is_marked(door: Door) {
    let world = world(door).grant_but(ADAM, "auditor", "*", |new| new.effect = Effect::Deny);
    let world = world.grant_but(RITA, "auditor", "test", |new| new.effect = Effect::Deny);
    run(world, async |bot| {
        let (reply, entry) = says(bot, ADAM, "/room-acl revoke 4").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ⚠️ @adam is no longer denied auditor for every room.
        They can again read the audit log and see who owns rooms, where a grant lets them.
        Grant 4.
        You gave this to yourself; the audit log marks it.
        op 7
        ");
        assert_eq!(entry.authority.as_deref(), Some("grant 3, for themselves"));
        for line in ["/room-acl revoke 5", "/room-acl revoke 2"] {
            let (reply, entry) = says(bot, ADAM, line).await;
            assert!(!reply.says("to yourself"), "{reply}");
            assert_eq!(entry.authority.as_deref(), Some("grant 3"));
        }
    })
    .await;
}

async fn an_admin_who_is_denied_some_rooms_keeps_the_others(door: Door) {
    let world = world(door).grant(OTTO, "admin", "*");
    run(world.grant_but(ADAM, "admin", "vip-*", |new| new.effect = Effect::Deny), async |bot| {
        assert!(says(bot, ADAM, "/room-acl list").await.0.says("The live grants."));
        assert!(says(bot, ADAM, "/room-acl who-can live-7").await.0.says("Who can hand `live-7` over:"));
        let reply = bot.chat(ADAM).says("/room-audit").await;
        assert!(reply.says("Left out: what is about no room, and what a deny entry takes from you: `vip-*`"));
        let (reply, _) = says(bot, ADAM, "/room-acl grant @boris moderator rooms: live-*").await;
        assert!(reply.says("is now moderator"), "{reply}");
        let (reply, _) = says(bot, ADAM, "/room-acl who-can vip-1").await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ⛔ Not allowed: a deny entry (grant 5) names you for `vip-1`.
        Your id is `slack:T0TEAM:U0ADAM`. Admins who can help: @otto.
        Nothing was done.
        op 11
        ");
        let (reply, _) = says(bot, ADAM, "/room-acl grant @boris moderator rooms: vip-1").await;
        assert!(reply.says("a deny entry (grant 5) names you"), "{reply}");
    })
    .await;
}

async fn an_admin_of_some_rooms_gives_no_more_than_those(door: Door) {
    run(world(door).grant(RITA, "admin", "live-*").grant(BORIS, "admin", "live-*"), async |bot| {
        for line in [
            "/room-acl grant @otto moderator",
            "/room-acl grant @rita admin rooms: *",
            "/room-acl revoke 1",
            "/room-acl channel remove #mods",
            "/room-acl channel allow #mods rooms: live-*",
        ] {
            let (reply, entry) = says(bot, RITA, line).await;
            assert!(
                reply.says("you are an admin for `live-*` only, and this change is about `*`"),
                "{line}: {reply}"
            );
            assert_eq!(entry.outcome.name(), "denied");
            assert!(reply.says("Admins who can help: @adam.\n"), "neither she nor who has no more: {reply}");
        }
        let (reply, _) = says(bot, RITA, "/room-acl whoami").await;
        assert!(reply.says("Admins who can help: @adam, @boris.\n"), "{reply}");
        let (reply, _) = says(bot, RITA, "/room-acl grant @otto moderator rooms: live-7").await;
        assert!(reply.says("is now moderator for `live-7`"), "{reply}");
    })
    .await;
    let world = World::usual().grant(RITA, "admin", "live-*").grant(BORIS, "admin", "vip-*").at(door);
    run(world, async |bot| {
        let (reply, _) = says(bot, RITA, "/room-acl grant @otto moderator rooms: vip-1").await;
        assert!(reply.says("Admins who can help: @boris.\n"), "{reply}");
        let (reply, _) = says(bot, RITA, "/room-acl grant @otto moderator").await;
        assert!(reply.says("No other admin can help: ask whoever runs the bot."), "{reply}");
        let (reply, _) = says(bot, BORIS, "/room-acl deny @boris admin rooms: vip-1").await;
        assert!(reply.says("no admin would be left who could undo it"), "nobody else has `vip-1`: {reply}");
    })
    .await;
    let world = World::usual().grant(RITA, "admin", "live-*").at(door);
    let world = world.grant_but(BORIS, "admin", "vip-1", |new| new.effect = Effect::Deny);
    run(world.grant(BORIS, "admin", "vip-*"), async |bot| {
        let (reply, _) = says(bot, RITA, "/room-acl grant @otto moderator rooms: vip-1").await;
        assert!(reply.says("No other admin can help"), "{reply}");
    })
    .await;
}

async fn the_list_shows_who_may_what(door: Door) {
    run(world(door), async |bot| {
        says(bot, ADAM, "/room-acl grant @boris moderator rooms: live-* in: #mods for: 8h reason: night")
            .await
            .0
            .text();
        says(bot, ADAM, "/room-acl deny @otto admin").await.0.text();
        says(bot, ADAM, "/room-acl revoke 1").await.0.text();
        let (reply, _) = says(bot, ADAM, "/room-acl list").await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ℹ️ The live grants.
        2 · @rita · auditor for every room · by `cli:ana`
        3 · @adam · admin for every room · by `cli:ana`
        4 · @boris · moderator for `live-*`, only in #mods, until 2026-11-23 20:00 UTC · by @adam · `night`
        5 · @otto · denied admin for every room · by @adam
        Ended ones, left out here: 1, `/room-acl list all`.
        op 8
        ");
        let (reply, _) = says(bot, ADAM, "/room-acl list all").await;
        assert!(reply.says("taken back 2026-11-23 12:00 UTC"), "{reply}");
        for n in 0..14 {
            says(bot, ADAM, &format!("/room-acl grant @otto moderator rooms: room-{n}")).await.0.text();
        }
        let (reply, _) = says(bot, ADAM, "/room-acl list page: 2").await;
        assert!(reply.says("page 2 of 2") && reply.says("`room-13`"), "{reply}");
    })
    .await;
}

async fn the_list_shows_what_needs_attention(door: Door) {
    run(world(door), async |bot| {
        let (reply, _) = says(bot, ADAM, "/room-acl list attention").await;
        assert!(reply.says("No grant ends within 24 hours or was unused for 90 days"), "{reply}");
        bot.chat(ALICE).says("/room-owner test").await.text();
        bot.clock.pass(60 * 86_400);
        says(bot, ADAM, "/room-acl grant @boris moderator for: 8h").await.0.text();
        bot.clock.pass(3_600);
        let (reply, _) = says(bot, ADAM, "/room-acl list attention").await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ℹ️ Grants to look at: they end within 24 hours or were unused for 90 days.
        4 · @boris · moderator for every room, until 2027-01-22 20:00 UTC · ends soon · by @adam
        op 9
        ");
        bot.clock.pass(31 * 86_400);
        let (reply, _) = says(bot, ADAM, "/room-acl list attention").await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ℹ️ Grants to look at: they end within 24 hours or were unused for 90 days.
        1 · @alice · moderator for every room · last used 2026-11-23 12:00 UTC · by `cli:ana`
        2 · @rita · auditor for every room · never used · by `cli:ana`
        op 10
        ");
    })
    .await;
}

async fn what_does_not_fit_is_explained(door: Door) {
    run(world(door), async |bot| {
        let (reply, entry) = says(bot, ADAM, "/room-acl grant @boris boss").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ❌ `boss` is not a role: use `moderator`, `auditor` or `admin`.
        Type: `/room-acl grant @boris <role>`
        Nothing was done.
        op 5
        ");
        assert_eq!(entry.outcome.name(), "invalid");
        let (reply, _) = says(bot, ADAM, "/room-acl grant @boris moderator for: ever").await;
        assert!(reply.says("`ever` is not a duration: write 8h, 30m or 7d"), "{reply}");
    })
    .await;
}

async fn a_grant_that_is_not_there_is_not_revoked(door: Door) {
    run(world(door), async |bot| {
        let (reply, entry) = says(bot, ADAM, "/room-acl revoke 99").await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ⛔ Nothing was changed: there is no grant 99.
        See `/room-acl list`.
        op 5
        ");
        assert_eq!(entry.outcome.name(), "declined");
        says(bot, ADAM, "/room-acl revoke 2").await.0.text();
        let (reply, _) = says(bot, ADAM, "/room-acl revoke 2").await;
        assert!(reply.says("grant 2 was taken back before"), "{reply}");
    })
    .await;
}

async fn help_is_for_everybody_and_shows_what_one_may_use(door: Door) {
    run(world(door), async |bot| {
        let (reply, _) = says(bot, OTTO, "/room-acl help").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ℹ️ `/room-acl` says who may do what, and changes it. You have no role in this channel yet.
        `/room-acl whoami` shows your own id, your role, and who can help
        Ask @adam for a role, and quote your id `slack:T0TEAM:U0OTTO`.
        op 5
        ");
        let (reply, _) = says(bot, ADAM, "/room-acl help").await;
        assert!(reply.says("who-can") && reply.says("You are: admin for `*`"), "{reply}");
    })
    .await;
}

async fn whoever_is_denied_reads_so_in_the_help(door: Door) {
    run(world(door), async |bot| {
        says(bot, ADAM, "/room-acl grant @otto moderator").await.0.text();
        says(bot, ADAM, "/room-acl deny @otto admin").await.0.text();
        let (reply, _) = says(bot, OTTO, "/room-owner").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ℹ️ `/room-owner` hands a live room to a new owner. You have no role in this channel.
        You are denied admin for every room (grant 5), which wins over every grant.
        If that is wrong, ask @adam, and quote your id `slack:T0TEAM:U0OTTO`.
        op 7
        ");
        let (reply, _) = says(bot, OTTO, "/room-acl whoami").await;
        assert!(
            reply.says("You have no role here.\nYou are denied admin for every room (grant 5)"),
            "{reply}"
        );
        says(bot, ADAM, "/room-acl deny @alice moderator rooms: vip-*").await.0.text();
        let (reply, _) = says(bot, ALICE, "/room-owner").await;
        let said = "You are: moderator for `*`.\nYou are denied moderator for `vip-*` (grant 6), which wins";
        assert!(reply.says(said), "{reply}");
    })
    .await;
}

async fn a_repeated_delivery_edits_once(door: Door) {
    run(world(door), async |bot| {
        let grant = "/room-acl grant @boris moderator";
        let first = bot.chat(ADAM).delivered("7").says(grant).await;
        assert!(first.says("is now moderator"), "{first}");
        match bot.chat(ADAM).delivered("7").repeats(grant).await {
            Some(again) => assert!(again.says("Already handled"), "{again}"),
            None => drop(bot.repetitions("7", 1).await),
        }
        assert_eq!(bot.store.grants().await.unwrap().len(), 4);
    })
    .await;
}
