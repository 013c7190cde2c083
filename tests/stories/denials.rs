//! No: to whom, where, and why.

use room_owner::app::ports::{AclChange, NewGrant};
use room_owner::domain::access::Effect;
use room_owner::domain::audit::DecisionKind;
use room_owner::domain::principal::Principal;

use super::doors::{Door, assert_snapshot, at_every_door};
use super::fakes::acl::edit_locally;
use super::slack::{ADAM, ALICE, BORIS, MODS, OTTO, Person, RANDOM, RITA, Reply, TEAM};
use super::world::{Stage, World, run};

/// Somebody tries to take `test` in a channel: the reply, which has to be a denial that is on record.
async fn denied(bot: &Stage, person: Person, channel: &str) -> Reply {
    let calls = bot.tencent().calls().len();
    let reply = bot.chat(person).in_channel(channel).says("/room-owner test user2").await;
    let entry = bot.entry(&reply).await;
    assert_eq!(entry.outcome.name(), "denied", "{reply}");
    assert_eq!(entry.decision, Some(DecisionKind::Deny));
    assert!(entry.authority.is_some());
    assert_eq!(bot.as_at_slack(&entry.actor.unwrap().to_string()), person.subject());
    assert_eq!(bot.tencent().calls().len(), calls, "nothing is asked of Tencent");
    assert!(!reply.is_public());
    reply
}

at_every_door! {
    whoever_has_no_role_is_refused_and_reads_whom_to_ask,
    nobody_may_do_anything_in_an_empty_world,
    a_moderator_is_refused_in_a_channel_that_is_not_authorised,
    a_channel_may_be_for_some_rooms_only,
    an_admin_of_some_rooms_is_refused_for_others,
    an_auditor_reads_and_hands_nothing_over,
    a_grant_for_a_night_ends_with_the_night,
    a_grant_that_is_taken_back_is_gone_at_once,
    a_deny_entry_beats_every_grant,
    what_is_denied_is_not_shown_as_possible,
    a_grant_for_one_channel_is_none_elsewhere,
}

async fn what_is_denied_is_not_shown_as_possible(door: Door) {
    let deny = |grant: &mut NewGrant| grant.effect = Effect::Deny;
    let world = World::usual().grant_but(RITA, "moderator", "*", deny).grant_but(ALICE, "auditor", "*", deny);
    let world = world.grant(ADAM, "admin", "*").grant_but(ADAM, "moderator", "*", deny);
    run(world.at(door), async |bot| {
        // An auditor who is denied what moderators may do: to see an owner is a part of it.
        let reply = bot.chat(RITA).says("/room-owner").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ℹ️ `/room-owner` hands a live room to a new owner.
        You are: auditor for `*`.
        You are denied moderator for every room (grant 3), which wins over every grant.
        op 8
        ");
        let reply = bot.chat(RITA).says("/room-owner test").await;
        assert!(reply.says("a deny entry (grant 3) names you"), "{reply}");
        let reply = bot.chat(RITA).says("/room-audit help").await;
        assert!(reply.says("shows what was done, newest first"), "{reply}");
        // A moderator who is denied what auditors may do, which is to see owners too.
        let reply = bot.chat(ALICE).says("/room-owner").await;
        assert!(reply.says("hands the room over") && !reply.says("shows who owns the room"), "{reply}");
        assert!(bot.chat(ALICE).says("/room-owner test user2").await.says("now belongs to"));
        // An admin who hands nothing over, and edits the ACL.
        if door == Door::Slack {
            let reply = bot.chat(ADAM).says("/room-owner list").await;
            assert!(reply.says("You may hand no room over here."), "{reply}");
        }
        let reply = bot.chat(ADAM).says("/room-owner").await;
        assert!(!reply.says("hands the room over") && reply.says("overrides an operation"), "{reply}");
        let reply = bot.chat(ADAM).says("/room-acl help").await;
        assert!(reply.says("gives a role"), "{reply}");
    })
    .await;
}

async fn whoever_has_no_role_is_refused_and_reads_whom_to_ask(door: Door) {
    run(World::usual().at(door), async |bot| {
        let reply = denied(bot, OTTO, MODS).await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ⛔ Not allowed: you have no role for `test`.
        Ask whoever runs the bot (nobody is an admin yet) for the role, and quote your id `slack:T0TEAM:U0OTTO`.
        Nothing was done.
        op 4
        ");
        assert_eq!(bot.last().await.authority.as_deref(), Some("no grant"));
        let reply = bot.chat(OTTO).says("/room-owner test").await;
        assert!(reply.says("you have no role"), "looking needs a role too: {reply}");
    })
    .await;
}

async fn nobody_may_do_anything_in_an_empty_world(door: Door) {
    run(World::empty().at(door).room("test", "carol"), async |bot| {
        denied(bot, ALICE, MODS).await.text();
        assert_eq!(bot.last().await.authority.as_deref(), Some("channel not authorised"));
    })
    .await;
}

async fn a_moderator_is_refused_in_a_channel_that_is_not_authorised(door: Door) {
    run(World::usual().at(door), async |bot| {
        let reply = denied(bot, ALICE, RANDOM).await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ⛔ Not here: this channel is not authorised for `/room-owner`.
        Use a moderators' channel, or ask whoever runs the bot (nobody is an admin yet) to authorise this one.
        Nothing was done.
        op 4
        ");
    })
    .await;
}

async fn a_channel_may_be_for_some_rooms_only(door: Door) {
    run(World::usual().at(door).channel(RANDOM, "live-*"), async |bot| {
        let reply = denied(bot, ALICE, RANDOM).await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ⛔ Not here: this channel is authorised for `live-*` only, not for `test`.
        Use a moderators' channel, or ask whoever runs the bot (nobody is an admin yet) to authorise this one.
        Nothing was done.
        op 5
        ");
    })
    .await;
}

async fn an_admin_of_some_rooms_is_refused_for_others(door: Door) {
    run(World::usual().at(door).room("live-7", "dave").grant(ADAM, "admin", "live-*"), async |bot| {
        let reply = denied(bot, ADAM, MODS).await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ⛔ Not allowed: your role covers `live-*`, not `test`.
        Ask an admin for the role, and quote your id `slack:T0TEAM:U0ADAM`.
        Nothing was done.
        op 5
        ");
        let reply = bot.chat(ADAM).says("/room-owner live-7 user2").await;
        assert!(reply.says("`live-7` now belongs to `user2`"), "{reply}");
    })
    .await;
}

async fn an_auditor_reads_and_hands_nothing_over(door: Door) {
    run(World::usual().at(door), async |bot| {
        let reply = denied(bot, RITA, MODS).await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ⛔ Not allowed: as auditor you cannot hand rooms over.
        Ask whoever runs the bot (nobody is an admin yet) for the role, and quote your id `slack:T0TEAM:U0RITA`.
        Nothing was done.
        op 4
        ");
    })
    .await;
}

async fn a_grant_for_a_night_ends_with_the_night(door: Door) {
    let eight_hours = "2026-11-23T20:00:00Z".parse().unwrap();
    let world =
        World::usual().at(door).grant_but(BORIS, "moderator", "*", |new| new.expires_at = Some(eight_hours));
    run(world, async |bot| {
        bot.clock.pass(8 * 3_600 - 1);
        let reply = bot.chat(BORIS).says("/room-owner test user1").await;
        assert!(reply.says("`test` now belongs to `user1`"), "{reply}");
        bot.clock.pass(1);
        let reply = denied(bot, BORIS, MODS).await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ⛔ Not allowed: your grant 3 ended at 2026-11-23 20:00 UTC.
        Ask whoever runs the bot (nobody is an admin yet) for a new one, and quote your id `slack:T0TEAM:U0BORIS`.
        Nothing was done.
        op 7
        ");
    })
    .await;
}

async fn a_grant_that_is_taken_back_is_gone_at_once(door: Door) {
    run(World::usual().at(door), async |bot| {
        let reply = bot.chat(ALICE).says("/room-owner test user1").await;
        assert!(reply.says("confirmed"));
        let ana = Principal::new("cli:ana".parse().unwrap());
        let typed = "room-owner acl revoke 1".to_owned();
        edit_locally(&*bot.store, &bot.clock, ana, typed, AclChange::Revoke(1), None).await.unwrap();
        bot.other_operations += 1;
        let reply = denied(bot, ALICE, MODS).await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ⛔ Not allowed: your grant 1 ended at 2026-11-23 12:00 UTC.
        Ask whoever runs the bot (nobody is an admin yet) for a new one, and quote your id `slack:T0TEAM:U0ALICE`.
        Nothing was done.
        op 7
        ");
    })
    .await;
}

async fn a_deny_entry_beats_every_grant(door: Door) {
    let world =
        World::usual().at(door).grant_but(ALICE, "moderator", "test", |new| new.effect = Effect::Deny);
    run(world.room("live-7", "dave"), async |bot| {
        let reply = denied(bot, ALICE, MODS).await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ⛔ Not allowed: a deny entry (grant 3) names you for `test`.
        If that is wrong, ask whoever runs the bot (nobody is an admin yet), and quote your id `slack:T0TEAM:U0ALICE`.
        Nothing was done.
        op 5
        ");
        let reply = bot.chat(ALICE).says("/room-owner live-7 user2").await;
        assert!(reply.says("`live-7` now belongs to `user2`"), "it is for `test` alone: {reply}");
    })
    .await;
}

async fn a_grant_for_one_channel_is_none_elsewhere(door: Door) {
    let mods = format!("slack:{TEAM}:{MODS}").parse().unwrap();
    let world = World::usual().at(door).channel(RANDOM, "*");
    let world = world.grant_but(BORIS, "moderator", "*", |new| new.channels = vec![mods]);
    run(world, async |bot| {
        let reply = denied(bot, BORIS, RANDOM).await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ⛔ Not here: your grant 3 is for other channels.
        Use one of those, or ask whoever runs the bot (nobody is an admin yet) for a grant that holds here.
        Nothing was done.
        op 6
        ");
        let reply = bot.chat(BORIS).says("/room-owner test user2").await;
        assert!(reply.says("confirmed"), "{reply}");
    })
    .await;
}

#[tokio::test]
async fn a_refusal_names_those_who_can_help_and_can_be_written_to() {
    let elsewhere = |who: &'static str| move |grant: &mut NewGrant| grant.subject = who.parse().unwrap();
    let world = World::usual()
        .grant_but(ADAM, "admin", "*", elsewhere("slack:T0OTHER:U0AWAY"))
        .grant_but(ADAM, "admin", "*", elsewhere("discord:700:901"))
        .grant(ADAM, "admin", "*");
    run(world, async |bot| {
        let reply = bot.slack(OTTO).says("/room-owner test user2").await;
        assert!(reply.says("Ask @adam for the role, and quote your id `slack:T0TEAM:U0OTTO`."), "{reply}");
    })
    .await;
}
