//! Something is denied to a user group of Slack, and nobody can say who is in it.

use insta::assert_snapshot;
use room_owner::app::ports::{AclChange, NewGrant, Store as _};
use room_owner::domain::access::Effect;
use room_owner::domain::principal::Principal;
use room_owner::slack::Lookup;
use tokio::sync::Semaphore;

use super::doors::{Door, at_every_door};
use super::fakes::acl::edit_locally;
use super::groups::{Answer, WebApi, grant, group, until_ready};
use super::program::Program;
use super::slack::{ADAM, ALICE, BORIS, OTTO, Reply, TEAM};
use super::world::{Stage, World, run};

const DENIED: &str = "S0DENIED";
const HOSTS: &str = "S0HOSTS";

fn denied(rooms: &str) -> NewGrant {
    NewGrant { effect: Effect::Deny, rooms: rooms.parse().unwrap(), ..grant(&group(DENIED)) }
}

/// Alice and Boris are moderators, Adam an admin; the group is denied `vip-*`.
fn world(lookup: Option<Lookup>) -> World {
    let world = World::usual().room("vip-1", "frank").ticking().looking_up_groups(lookup);
    let world = world.grant(BORIS, "moderator", "*").grant(ADAM, "admin", "*");
    world.grant_but(ALICE, "moderator", "*", |new| *new = denied("vip-*"))
}

async fn with(api: &WebApi, lookup: Lookup, story: impl AsyncFnOnce(&mut Stage)) {
    run(world(Some(lookup)), async |stage| {
        *api.0.clock.lock().unwrap() = Some(stage.clock.clone());
        story(stage).await;
    })
    .await;
}

/// The number of the operation differs from run to run.
fn steady(reply: &Reply) -> String {
    let text = reply.to_string();
    text.lines().filter(|line| !line.starts_with("op ")).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn whoever_may_be_in_a_denied_group_is_refused_until_it_can_be_read() {
    let (api, lookup) = WebApi::with(&[(DENIED, &[BORIS.id])]).await;
    api.always(DENIED, Answer::Status(500));
    with(&api, lookup, async |stage| {
        let ready =
            until_ready(stage, |text| text.contains("whoever may be in") && text.contains("500")).await;
        assert_snapshot!(ready, @r"
        ready
        store: ready
        slack: ready
        slack's user groups: 0 of 1 known (slack:T0TEAM:group:S0DENIED: HTTP status 500: check the network of this machine, and SLACK_API_BASE_URL if it is set; it is tried again by itself)
        refused, because a deny entry names a group that cannot be read: whoever may be in slack:T0TEAM:group:S0DENIED
        ");
        let reply = stage.slack(ALICE).says("/room-owner vip-1 user2").await;
        assert_snapshot!(steady(&reply), @r"
        (only visible to you)
        ⛔ Not allowed right now: the group slack:T0TEAM:group:S0DENIED cannot be read, and a deny entry (grant 5) names it.
        It is read again by itself. Tell whoever runs the bot if it stays like this: `/readyz` says why.
        Nothing was done.
        ");
        let entry = stage.entry(&reply).await;
        let why = "grant 5 denies slack:T0TEAM:group:S0DENIED, which cannot be read right now";
        assert_eq!((entry.outcome.name(), entry.authority.as_deref()), ("denied", Some(why)));
        let reply = stage.slack(ALICE).says("/room-owner test user2").await;
        assert!(reply.says("`test` now belongs to `user2`"), "the deny entry is not about it: {reply}");
        let reply = stage.slack(OTTO).says("/room-owner vip-1 user2").await;
        assert!(reply.says("you have no role"), "a stranger learns no more than ever: {reply}");

        assert_snapshot!(steady(&stage.slack(ALICE).says("/room-acl whoami").await), @r"
        (only visible to you)
        ℹ️ You are `slack:T0TEAM:U0ALICE`.
        This channel is `slack:T0TEAM:C0MODS`.
        Here you are moderator for every room.
        Refused right now: moderator for `vip-*`. Grant 5 denies it to slack:T0TEAM:group:S0DENIED, which cannot be read, so that nobody knows whether you are in it.
        Admins who can help: @adam.
        ");
        let why = format!("/room-acl why <@{}> test", ALICE.id);
        assert!(stage.slack(ADAM).sends(&why).await.says("Yes: @alice may"));
        let why = format!("/room-acl why <@{}> vip-1", ALICE.id);
        assert_snapshot!(steady(&stage.slack(ADAM).sends(&why).await), @"
        (only visible to you)
        ⛔ No: @alice may not hand `vip-1` over in #mods: grant 5 denies slack:T0TEAM:group:S0DENIED, which cannot be read right now.
        Grant 5: denied moderator for `vip-*`: denies it to members of slack:T0TEAM:group:S0DENIED, which cannot be read right now.
        Grant 1: moderator for every room: would permit it.
        ");
        assert_snapshot!(steady(&stage.slack(ADAM).says("/room-acl who-can vip-1").await), @r"
        (only visible to you)
        ℹ️ Nobody can hand `vip-1` over from chat.
        Refused until it can be read: whoever may be in slack:T0TEAM:group:S0DENIED.
        ");

        api.always(DENIED, None);
        stage.clock.pass(31);
        until_ready(stage, |text| text.contains("1 of 1 known") && !text.contains("whoever may be in")).await;
        let reply = stage.slack(ALICE).says("/room-owner vip-1 user2").await;
        assert!(reply.says("`vip-1` now belongs to `user2`"), "she is not in it: {reply}");
        let reply = stage.slack(BORIS).says("/room-owner vip-1 user3").await;
        assert!(reply.says("a deny entry (grant 5) names you"), "he is: {reply}");
        assert_snapshot!(steady(&stage.slack(ADAM).says("/room-acl who-can vip-1").await), @r"
        (only visible to you)
        ℹ️ Who can hand `vip-1` over:
        @adam · grant 4 · in #mods
        @alice · grant 1 · in #mods
        A deny entry for a group may still take it from one of its members.
        ");
    })
    .await;
}

#[tokio::test]
async fn a_restart_while_slack_hangs_knows_what_was_read_before_as_long_as_that_counts() {
    let (api, lookup) = WebApi::with(&[(DENIED, &[BORIS.id])]).await;
    with(&api, lookup, async |stage| {
        until_ready(stage, |text| text.contains("1 of 1 known")).await;
        api.0.goes.forget_permits(Semaphore::MAX_PERMITS);
        stage.restart().await;
        let reply = stage.slack(ALICE).says("/room-owner vip-1 user2").await;
        assert!(reply.says("`vip-1` now belongs to `user2`"), "{reply}");
        let reply = stage.slack(BORIS).says("/room-owner vip-1 user3").await;
        assert!(reply.says("a deny entry (grant 5) names you"), "{reply}");
        stage.clock.pass(601);
        for person in [ALICE, BORIS] {
            let reply = stage.slack(person).says("/room-owner vip-1 user3").await;
            assert!(reply.says("S0DENIED cannot be read, and a deny entry (grant 5) names it"), "{reply}");
        }
        until_ready(stage, |text| text.contains("whoever may be in")).await;
        api.0.goes.add_permits(1_000);
    })
    .await;
}

#[tokio::test]
async fn a_group_that_slack_does_not_know_is_empty() {
    let (api, lookup) = WebApi::with(&[]).await;
    for unknown in ["no_such_subteam", "subteam_not_found"] {
        api.always(DENIED, Answer::No(unknown));
        with(&api, lookup.clone(), async |stage| {
            until_ready(stage, |text| text.contains("1 of 1 known")).await;
            let reply = stage.slack(ALICE).says("/room-owner vip-1 user2").await;
            assert!(reply.says("`vip-1` now belongs to `user2`"), "{reply}");
        })
        .await;
    }
}

#[tokio::test]
async fn one_group_that_slack_fails_at_leaves_the_others_alone() {
    for failure in [
        Answer::Status(500),
        Answer::Status(503),
        Answer::Status(404),
        Answer::No("fatal_error"),
        Answer::No("internal_error"),
        Answer::No("something_new"),
    ] {
        let (api, lookup) = WebApi::with(&[(HOSTS, &[OTTO.id])]).await;
        api.always(DENIED, failure);
        let world = world(Some(lookup)).grant_but(OTTO, "moderator", "*", |new| *new = grant(&group(HOSTS)));
        run(world, async |stage| {
            *api.0.clock.lock().unwrap() = Some(stage.clock.clone());
            for _ in 0..6 {
                until_ready(stage, |text| text.contains("1 of 2 known, 0 s old")).await;
                let reply = stage.slack(OTTO).says("/room-owner test user2").await;
                assert!(reply.says("now belongs to") || reply.says("already"), "{failure:?}: {reply}");
                stage.clock.pass(145);
            }
            let asked = api.asked_for(DENIED).len();
            assert!((2..=30).contains(&asked), "{failure:?}: it is asked for {asked} times");
        })
        .await;
    }
}

#[tokio::test]
async fn what_goes_for_every_group_ends_the_round() {
    for failure in
        [Answer::NotBefore(60), Answer::No("invalid_auth"), Answer::No("missing_scope"), Answer::Status(401)]
    {
        let (api, lookup) = WebApi::with(&[(HOSTS, &[OTTO.id])]).await;
        api.always(DENIED, failure);
        let world = world(Some(lookup)).grant_but(OTTO, "moderator", "*", |new| *new = grant(&group(HOSTS)));
        run(world, async |stage| {
            *api.0.clock.lock().unwrap() = Some(stage.clock.clone());
            until_ready(stage, |text| text.contains("0 of 2 known (")).await;
            assert!(api.asked_for(HOSTS).is_empty(), "{failure:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn an_admin_of_some_rooms_denies_nothing_to_a_group_in_which_an_admin_of_more_may_be() {
    let (api, lookup) = WebApi::with(&[(DENIED, &[OTTO.id]), (HOSTS, &[ADAM.id, OTTO.id])]).await;
    let world = world(Some(lookup)).grant(OTTO, "admin", "vip-*");
    let in_hosts = grant(&group(HOSTS));
    let world = world.grant_but(OTTO, "moderator", "*", |new| *new = in_hosts);
    let world = world.grant_but(OTTO, "admin", "*", |new| new.subject = "discord:1:2".parse().unwrap());
    run(world, async |stage| {
        *api.0.clock.lock().unwrap() = Some(stage.clock.clone());
        until_ready(stage, |text| text.contains("2 of 2 known")).await;
        let deny = async |group: &str| {
            let line = format!("/room-acl deny {group} admin rooms: vip-1");
            stage.slack(OTTO).sends(&line).await
        };
        // Otto is in it himself, and so would be denied; Adam is not.
        let reply = deny(&format!("<!subteam^{HOSTS}|@hosts>")).await;
        assert_snapshot!(steady(&reply), @r"
        (only visible to you)
        ⛔ Nothing was changed: it could take something from @adam, an admin for more rooms than you.
        Ask an admin for all of these rooms.
        ");
        let reply = deny("<!subteam^S0NEW|@new>").await;
        assert!(
            reply.says("it could take something from @adam, an admin for more rooms"),
            "nobody has read it yet: {reply}"
        );
        let reply = deny("discord:1:role:3").await;
        assert_snapshot!(steady(&reply), @r"
        (only visible to you)
        ⛔ Nothing was changed: it could take something from `discord:1:2`, an admin for more rooms than you.
        Ask an admin for all of these rooms.
        ");
        assert_eq!(stage.store.grants().await.unwrap().len(), 8);
        let reply = stage.slack(ADAM).says("/room-acl revoke 6").await;
        assert!(reply.says("no longer admin"), "whoever has all rooms takes it back: {reply}");
    })
    .await;
}

at_every_door!(a_denied_group_that_is_unread_is_named_and_takes_no_door_away);

async fn a_denied_group_that_is_unread_is_named_and_takes_no_door_away(door: Door) {
    run(World::usual().at(door).room("vip-1", "frank").ticking(), async |stage| {
        let by = Principal::new("cli:ana".parse().unwrap());
        let change = AclChange::Grant(denied("vip-*"));
        edit_locally(&*stage.store, &stage.clock, by, "acl grant".to_owned(), change, None).await.unwrap();
        stage.other_operations += 1;
        let ready = until_ready(stage, |text| text.contains("whoever may be in")).await;
        let line = "refused, because a deny entry names a group that cannot be read: whoever may be in slack:T0TEAM:group:S0DENIED; set SLACK_BOT_TOKEN, or revoke the deny entry";
        assert_eq!(ready.lines().last(), Some(line));
        assert_eq!(stage.gets("/readyz?strict=1").await, (200, ready));
        // It is about the people of that workspace alone.
        let says = if door == Door::Slack { "Not allowed right now" } else { "`vip-1` now belongs to `user2`" };
        let reply = stage.chat(ALICE).says("/room-owner vip-1 user2").await;
        assert!(reply.says(says), "{reply}");
    })
    .await;
}

#[tokio::test]
async fn what_an_admin_may_lose_by_a_group_that_nobody_has_read_is_refused_until_it_is_read() {
    let (api, lookup) = WebApi::with(&[(DENIED, &[]), (HOSTS, &[OTTO.id])]).await;
    with(&api, lookup, async |stage| {
        let deny = format!("/room-acl deny <!subteam^{HOSTS}|@hosts> admin");
        assert_snapshot!(steady(&stage.slack(ADAM).sends(&deny).await), @r"
        (only visible to you)
        ⛔ Nothing was changed: nobody knows right now who is in slack:T0TEAM:group:S0HOSTS, and every admin who could undo it may be.
        Deny it to people, or give the group another role first: it is read within a minute, then try again. Only the command line on the bot's machine can force it.
        ");
        let give = format!("/room-acl grant <!subteam^{HOSTS}|@hosts> auditor");
        assert!(stage.slack(ADAM).sends(&give).await.says("is now auditor"));
        until_ready(stage, |text| text.contains("2 of 2 known")).await;
        let reply = stage.slack(ADAM).sends(&deny).await;
        assert!(reply.says("admin"), "Adam is not in it: {reply}");
        assert_eq!(stage.entry(&reply).await.outcome.name(), "succeeded");
    })
    .await;
}

#[tokio::test]
async fn the_command_line_says_why_a_deny_entry_for_a_group_could_lock_everybody_out() {
    let mut program = Program::new().await;
    program.set("SLACK_BOT_TOKEN", "xoxb-any-token");
    for words in ["acl channel allow slack:T0TEAM:C0MODS", "acl channel allow discord:1:9"] {
        assert_eq!(program.runs(words).await.code, 0);
    }
    let mut said = Vec::new();
    let of_slack = (ADAM.subject(), group(DENIED));
    let of_discord = ("discord:1:2".to_owned(), "discord:1:role:3".to_owned());
    for (id, (admin, group)) in (1..).zip([of_slack, of_discord]) {
        assert_eq!(program.runs(&format!("acl grant {admin} admin")).await.code, 0);
        let refused = program.runs(&format!("acl grant {group} admin --deny")).await;
        said.push(format!("{} {}", refused.code, refused.err));
        assert_eq!(program.runs(&format!("acl revoke {id} --force")).await.code, 0);
    }
    assert_snapshot!(said.join(""), @"
    1 ⛔ Nothing was changed: nobody knows right now who is in `slack:T0TEAM:group:S0DENIED`, and every admin who could undo it may be.
       Deny it to people, or give the group another role first: it is read within a minute, then try again. Or use --force.
       op 4
    1 ⛔ Nothing was changed: nobody knows right now who is in `discord:1:role:3`, and every admin who could undo it may be.
       Deny it to people, or ask an admin who does not have the role: Discord says only of whoever asks who has it. Or use --force.
       op 7
    ");
}

#[tokio::test]
async fn without_a_token_nothing_is_denied_to_a_group_in_chat() {
    run(World::usual().grant(ADAM, "admin", "*"), async |stage| {
        let line = format!("/room-acl deny <!subteam^{DENIED}|@denied> moderator rooms: vip-*");
        let reply = stage.slack(ADAM).sends(&line).await;
        assert_snapshot!(reply, @r"
        (only visible to you)
        ⛔ Nothing was changed: nobody looks up who is in slack:T0TEAM:group:S0DENIED.
        Everybody who may be in it would be refused. Set `SLACK_BOT_TOKEN` on the bot's machine, or deny it to people.
        op 5
        ");
        assert_eq!(stage.entry(&reply).await.outcome.name(), "declined");
        let reply = stage.slack(ADAM).sends(&line.replace("deny", "grant")).await;
        assert!(reply.says("moderator"), "what is given to a group nobody reads harms nobody: {reply}");
    })
    .await;
}

#[tokio::test]
async fn a_deny_entry_from_before_the_token_was_taken_off_refuses_and_is_named() {
    run(world(None), async |stage| {
        let ready = until_ready(stage, |text| text.contains("whoever may be in")).await;
        assert_snapshot!(ready, @r"
        ready
        store: ready
        slack: ready
        refused, because a deny entry names a group that cannot be read: whoever may be in slack:T0TEAM:group:S0DENIED; set SLACK_BOT_TOKEN, or revoke the deny entry
        ");
        let reply = stage.slack(ALICE).says("/room-owner vip-1 user2").await;
        assert!(reply.says("Not allowed right now"), "{reply}");
        let by = Principal::new("cli:ana".parse().unwrap());
        let change = AclChange::Revoke(5);
        edit_locally(&*stage.store, &stage.clock, by, "acl revoke".to_owned(), change, None).await.unwrap();
        stage.other_operations += 1;
        let reply = stage.slack(ALICE).says("/room-owner vip-1 user2").await;
        assert!(reply.says("`vip-1` now belongs to `user2`"), "{reply}");
    })
    .await;
}

#[tokio::test]
async fn the_command_line_denies_nothing_to_a_group_that_nobody_looks_up_and_stays_open_itself() {
    let mut program = Program::new().await;
    let deny = format!("acl grant slack:{TEAM}:group:{DENIED} moderator --deny");
    let refused = program.runs(&deny).await;
    assert_snapshot!(format!("{}\n{}", refused.code, refused.err), @"
    1
    ⛔ Nothing was changed: nobody looks up who is in `slack:T0TEAM:group:S0DENIED`.
       Everybody who may be in it would be refused. Set `SLACK_BOT_TOKEN` on the bot's machine, or deny it to people.
       op 1
    ");
    assert_eq!(program.runs(&format!("{deny} --force")).await.code, 1);
    let file = program.path("acl.toml");
    let text = format!(
        "[[grant]]\nsubject = \"slack:{TEAM}:group:{DENIED}\"\nrole = \"moderator\"\neffect = \"deny\"\nrooms = \"*\"\n"
    );
    std::fs::write(&file, text).unwrap();
    let planned = program.runs("acl plan acl.toml").await;
    assert_snapshot!(planned.err, @"1 change, which `acl apply` refuses: nobody looks up who is in `slack:T0TEAM:group:S0DENIED`");
    program.set("SLACK_BOT_TOKEN", "xoxb-any-token");
    assert_eq!(program.runs(&deny).await.code, 0);
    let handed = program.runs("transfer test user2").await;
    assert_eq!(handed.code, 0, "{}", handed.err);
}

#[tokio::test]
async fn the_command_line_knows_what_the_bot_read() {
    let mut program = Program::new().await;
    let (api, lookup) = WebApi::with(&[(HOSTS, &[OTTO.id]), (DENIED, &[BORIS.id])]).await;
    program.set("SLACK_BOT_TOKEN", secrecy::ExposeSecret::expose_secret(&lookup.token));
    program.set("SLACK_API_BASE_URL", lookup.base_url.as_str());
    for words in [
        format!("acl channel allow slack:{TEAM}:C0MODS"),
        format!("acl grant slack:{TEAM}:group:{HOSTS} moderator"),
        format!("acl grant {} moderator", BORIS.subject()),
        format!("acl grant {} moderator", ALICE.subject()),
        format!("acl grant slack:{TEAM}:group:{DENIED} moderator --deny"),
    ] {
        let ran = program.runs(&words).await;
        assert_eq!(ran.code, 0, "{}", ran.err);
    }
    let why = async |who: &str| {
        let line = format!("acl why {who} --in slack:{TEAM}:C0MODS --room test");
        program.runs(&line).await.out.lines().next().unwrap_or_default().to_owned()
    };
    let mut answer = vec![why(&OTTO.subject()).await, why(&ALICE.subject()).await];
    let before = program.runs("acl who-can test").await;
    assert_eq!(before.out.matches("slack:").count(), 0, "{}", before.out);
    answer.push(before.err);
    let serving = program.serves().await;
    program.until_readiness(200, "2 of 2 known").await;
    serving.ends_when_asked().await;
    assert!(!api.asked_for(HOSTS).is_empty());
    for who in [OTTO, BORIS, ALICE] {
        answer.push(why(&who.subject()).await);
    }
    let after = program.runs("acl who-can test").await;
    answer.push(format!("{}{}", after.out, after.err));
    assert_snapshot!(answer.join("\n"), @"
    ⛔ No: `slack:T0TEAM:U0OTTO` may not hand `test` over in `slack:T0TEAM:C0MODS`: no grant.
    ⛔ No: `slack:T0TEAM:U0ALICE` may not hand `test` over in `slack:T0TEAM:C0MODS`: grant 4 denies slack:T0TEAM:group:S0DENIED, which cannot be read right now.
    nobody can hand `test` over from chat: `room-owner acl why` says why somebody in particular cannot
    note: not counted, because it cannot be read right now: `slack:T0TEAM:group:S0HOSTS`
    note: refused until it can be read: whoever may be in `slack:T0TEAM:group:S0DENIED`

    ✅ Yes: `slack:T0TEAM:U0OTTO` may hand `test` over in `slack:T0TEAM:C0MODS`, by grant 1.
    ⛔ No: `slack:T0TEAM:U0BORIS` may not hand `test` over in `slack:T0TEAM:C0MODS`: denied by grant 4.
    ✅ Yes: `slack:T0TEAM:U0ALICE` may hand `test` over in `slack:T0TEAM:C0MODS`, by grant 3.
    Subject                     Grant  Channels
    slack:T0TEAM:U0ALICE        3      slack:T0TEAM:C0MODS
    slack:T0TEAM:group:S0HOSTS  1      slack:T0TEAM:C0MODS
    a deny entry for a group may still take it from one of its members
    ");
}
