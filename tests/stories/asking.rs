//! Who is denied for want of a role asks for it by one press, an admin answers by another, and everybody concerned
//! reads what came of it.

use std::time::Duration;

use insta::assert_snapshot;
use room_owner::app::ports::Store as _;
use room_owner::domain::audit::{Event, OperationId, OutcomeKind, What};
use serde_json::Value;

use super::pending_replies::{read, with_a_token};
use super::slack::{ADAM, ALICE, BORIS, OTTO, RANDOM, RITA, Reply};
use super::world::{Stage, World};
use crate::fakes::slack::{Posted, SlackApi};

const LINE: &str = "/room-owner test user2 reason: host crashed";
const HOUR: i64 = 3_600;

/// Adam, an admin, reads in #random who asks for access.
fn with_admins() -> World {
    World::usual().grant(ADAM, "admin", "*").announces_to_admins(RANDOM, "*")
}

/// Boris is denied, and presses the button: what he reads, and what the admins do.
async fn asks(bot: &Stage, api: &SlackApi) -> (Reply, Reply) {
    let before = api.posted().len();
    let denied = bot.slack(BORIS).says(LINE).await;
    let press = bot.slack(BORIS).presses(&denied, &denied.button("Ask for access")).await;
    let asked = bot.came_of(&press).await;
    asked.text();
    let shown = read(&api.has_posted(before + 1).await[before]);
    is_said(bot, asked.operation(), 1).await;
    (asked, shown)
}

/// What was said by this method, or in this channel.
fn newest(posted: &[Posted], is: impl Fn(&Posted) -> bool) -> Reply {
    read(posted.iter().rfind(|it| is(it)).expect("it was said"))
}

async fn answers(bot: &Stage, shown: &Reply, label: &str) -> Reply {
    let press = bot.slack(ADAM).in_channel(RANDOM).presses(shown, &shown.button(label)).await;
    bot.came_of(&press).await
}

async fn timeline(bot: &Stage, operation: OperationId) -> String {
    let shown = bot.slack(RITA).says(&format!("/room-audit timeline {operation}")).await;
    // How many events came before depends on how fast the replies were.
    let (steps, _) = shown.text().rsplit_once("\nop ").expect("it has a number");
    steps.to_owned()
}

/// Waits until it is on record that so much was said of a request, so that what follows has the same number each time.
pub(crate) async fn is_said(bot: &Stage, operation: OperationId, times: usize) {
    let said = async {
        let is_announced = |event: &Event| matches!(event.what, What::Announced(_));
        while bot.store.log().events(operation).await.unwrap().iter().filter(|it| is_announced(it)).count()
            < times
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), said).await.expect("it is said of the request");
}

#[tokio::test]
async fn a_denied_person_asks_an_admin_answers_and_the_room_is_handed_over() {
    with_a_token(with_admins(), async |bot, api| {
        let denied = bot.slack(BORIS).says(LINE).await;
        assert_eq!(denied.labels(), ["Ask for access"]);
        assert_snapshot!(denied, @"
        (only visible to you)
        ⛔ Not allowed: you have no role for `test`.
        Press the button to ask for access, or type `/room-owner ask test`; @adam can give it.
        Nothing was done.
        op 6
        ");
        let press = bot.slack(BORIS).presses(&denied, &denied.button("Ask for access")).await;
        let asked = bot.came_of(&press).await;
        assert_snapshot!(asked, @"
        (only visible to you)
        ⏳ Asked for access to `test` here: the admins see it in #random.
        You get a message with the answer. An admin can answer until 2026-11-24 12:00 UTC.
        op 7
        ");
        assert_snapshot!(bot.entry(&asked).await.command, @"[op 6: Ask for access] /room-owner ask test reason: host crashed");
        let posted = api.has_posted(1).await;
        assert_eq!((posted[0].method.as_str(), posted[0].channel.as_str()), ("chat.postMessage", RANDOM));
        let shown = read(&posted[0]);
        assert_eq!(shown.labels(), ["8 h", "1 h", "No"]);
        assert_snapshot!(shown, @"
        ⏳ `boris` asks for access to `test` in #mods.
        Reason given: `host crashed`
        Moderator for this room, in that channel alone: for how long?
        op 7 · asked 2026-11-23 12:00 UTC · id slack:T0TEAM:U0BORIS · or type /room-acl answer 7 8h
        ");

        is_said(bot, asked.operation(), 1).await;
        let answered = answers(bot, &shown, "1 h").await;
        assert_snapshot!(answered, @"
        (only visible to you)
        ✅ @boris may now hand `test` over, only in #mods, until 2026-11-23 13:00 UTC (grant 4).
        They get a message that says so.
        op 9
        ");
        let posted = api.has_posted(3).await;
        is_said(bot, asked.operation(), 3).await;
        let told = newest(&posted, |it| it.channel == BORIS.id);
        assert_snapshot!(told, @"
        (only visible to you)
        ✅ You may hand `test` over in #mods until 2026-11-23 13:00 UTC · answered by `adam`
        `/room-owner test <new_owner>`
        op 9 · asked in op 7
        ");
        let edited = newest(&posted, |it| it.method == "chat.update");
        assert_eq!(edited.labels(), [""; 0]);
        assert_snapshot!(edited, @"
        ✅ `boris` asked for access to `test` in #mods.
        Reason given: `host crashed`
        Given until 2026-11-23 13:00 UTC by `adam` (op 9).
        op 7 · asked 2026-11-23 12:00 UTC · id slack:T0TEAM:U0BORIS
        ");
        let update = posted.iter().find(|it| it.method == "chat.update").unwrap();
        assert_eq!(
            (update.channel.as_str(), &update.message["ts"]),
            (RANDOM, &Value::from("1795435200.000001"))
        );

        let done = bot.slack(BORIS).says(LINE).await;
        assert!(done.says("`test` now belongs to `user2`"), "{done}");
        let by = bot.entry(&done).await.authority;
        let granted = bot.store.grants().await.unwrap().pop().unwrap();
        assert_eq!(by, Some(format!("grant {}", granted.id)));
        assert_eq!(granted.rooms.to_string(), "test");
        assert_eq!(granted.channels, [bot.entry(&asked).await.channel.unwrap()]);
        assert_eq!(granted.expires_at.unwrap().duration_since(granted.granted_at).as_secs(), HOUR);
        assert_snapshot!(granted.reason.unwrap(), @"asked for in op 7: host crashed");
        assert_snapshot!(timeline(bot, asked.operation()).await, @"
        ℹ️ Operation 7 on 2026-11-23, UTC: succeeded.
        12:00:00.000 received: `slack:T0TEAM:U0BORIS (boris) in slack:T0TEAM:C0MODS: [op 6: Ask for access] /room-owner ask test reason: host crashed`
        12:00:00.000 decided: `permitted: everybody may ask for access`
        12:00:00.000 asked: `for the role moderator for test; an admin can answer until 2026-11-24T12:00:00.000Z`
        12:00:00.000 announced: `in slack:T0TEAM:C0RANDOM: https://slack.com/archives/C0RANDOM/p1795435200000001`
        12:00:00.000 answered: `operation 9 gives the access until 2026-11-23T13:00:00.000Z`
        12:00:00.000 announced: `to slack:T0TEAM:U0BORIS in a direct message`
        12:00:01.000 (+1000 ms) announced: `in slack:T0TEAM:C0RANDOM: https://slack.com/archives/C0RANDOM/p1795435200000001`
        ");
        bot.clock.pass(HOUR);
        assert!(bot.slack(BORIS).says(LINE).await.says("your grant 4 ended"));
    })
    .await;
}

#[tokio::test]
async fn no_is_an_answer_and_whoever_is_second_reads_who_was_first() {
    with_a_token(with_admins().grant(OTTO, "admin", "*"), async |bot, api| {
        let (asked, shown) = asks(bot, api).await;
        let answered = answers(bot, &shown, "No").await;
        assert_snapshot!(answered, @"
        (only visible to you)
        ✅ Not given: @boris gets no access to `test`.
        They get a message that says so.
        op 10
        ");
        let posted = api.has_posted(3).await;
        is_said(bot, asked.operation(), 3).await;
        assert_snapshot!(newest(&posted, |it| it.channel == BORIS.id), @"
        (only visible to you)
        ⛔ You did not get access to `test` in #mods · answered by `adam`
        op 10 · asked in op 8
        ");
        assert_snapshot!(newest(&posted, |it| it.method == "chat.update"), @"
        ⛔ `boris` asked for access to `test` in #mods.
        Reason given: `host crashed`
        Not given by `adam` (op 10).
        op 8 · asked 2026-11-23 12:00 UTC · id slack:T0TEAM:U0BORIS
        ");
        let second = bot.slack(OTTO).in_channel(RANDOM).presses(&shown, &shown.button("8 h")).await;
        assert_snapshot!(bot.came_of(&second).await, @"
        (only visible to you)
        ⛔ Nothing was changed: op 8 was answered before.
        Not given by `adam` (op 10).
        op 14
        ");
        assert_eq!(bot.last().await.outcome, OutcomeKind::Declined);
        let typed = bot.slack(OTTO).says(&format!("/room-acl answer {} 1h", asked.operation())).await;
        assert!(typed.says("was answered before"), "{typed}");
        assert!(bot.slack(BORIS).says(LINE).await.says("you have no role"));
        assert_snapshot!(timeline(bot, asked.operation()).await, @"
        ℹ️ Operation 8 on 2026-11-23, UTC: succeeded.
        12:00:00.000 received: `slack:T0TEAM:U0BORIS (boris) in slack:T0TEAM:C0MODS: [op 7: Ask for access] /room-owner ask test reason: host crashed`
        12:00:00.000 decided: `permitted: everybody may ask for access`
        12:00:00.000 asked: `for the role moderator for test; an admin can answer until 2026-11-24T12:00:00.000Z`
        12:00:00.000 announced: `in slack:T0TEAM:C0RANDOM: https://slack.com/archives/C0RANDOM/p1795435200000001`
        12:00:00.000 answered: `operation 10 does not give the access`
        12:00:00.000 announced: `to slack:T0TEAM:U0BORIS in a direct message`
        12:00:01.000 (+1000 ms) announced: `in slack:T0TEAM:C0RANDOM: https://slack.com/archives/C0RANDOM/p1795435200000001`
        ");
        // He may ask again.
        let again = bot.slack(BORIS).says("/room-owner ask test").await;
        assert!(again.says("Asked for access to `test`"), "{again}");
    })
    .await;
}

#[tokio::test]
async fn one_request_is_open_for_a_person_and_a_room() {
    with_a_token(with_admins().room("live-7", "carol"), async |bot, api| {
        let (asked, _) = asks(bot, api).await;
        bot.clock.pass(60);
        let again = bot.slack(BORIS).says("/room-owner ask test reason: still").await;
        assert_snapshot!(again, @"
        (only visible to you)
        ⏳ Nothing was done: you asked for `test` at 2026-11-23 12:00 UTC (op 7), and no admin has answered yet.
        You get a message with the answer. You can ask again after 2026-11-24 12:00 UTC.
        op 9
        ");
        assert_eq!(bot.last().await.outcome, OutcomeKind::Declined);
        let other = bot.slack(BORIS).says("/room-owner ask live-7").await;
        assert!(other.says("Asked for access to `live-7`"), "{other}");
        is_said(bot, other.operation(), 1).await;
        let listed = bot.slack(ADAM).says("/room-acl list attention").await;
        assert_snapshot!(listed, @"
        (only visible to you)
        ℹ️ Waiting for an admin's answer:
        op 7 · @boris asks for `test` in #mods · 2026-11-23 12:00 UTC · `host crashed` · `/room-acl answer 7 8h`
        op 10 · @boris asks for `live-7` in #mods · 2026-11-23 12:01 UTC · `/room-acl answer 10 8h`
        No grant ends within 24 hours or was unused for 90 days.
        op 12
        ");
        // After a day nobody answers any more, and it can be asked again.
        bot.clock.pass(24 * HOUR - 60);
        let late = bot.slack(ADAM).says(&format!("/room-acl answer {} 8h", asked.operation())).await;
        assert_snapshot!(late, @"
        (only visible to you)
        ⛔ Nothing was changed: op 7 could be answered until 2026-11-24 12:00 UTC.
        To give the role all the same: `/room-acl grant slack:T0TEAM:U0BORIS moderator rooms: test in: slack:T0TEAM:C0MODS for: 8h`
        op 13
        ");
        let again = bot.slack(BORIS).says("/room-owner ask test").await;
        assert!(again.says("Asked for access to `test`"), "{again}");
    })
    .await;
}

#[tokio::test]
async fn without_a_channel_of_admins_the_bot_writes_to_each() {
    let world =
        World::usual().grant(ADAM, "admin", "*").grant(OTTO, "admin", "test").grant(BORIS, "admin", "live-*");
    with_a_token(world, async |bot, api| {
        let denied = bot.slack(BORIS).says("/room-owner test user2").await;
        assert_eq!(denied.labels(), ["Ask for access"]);
        let press = bot.slack(BORIS).presses(&denied, &denied.button("Ask for access")).await;
        assert_snapshot!(bot.came_of(&press).await, @"
        (only visible to you)
        ⏳ Asked for access to `test` here: 2 admins have a message from the bot.
        You get a message with the answer. An admin can answer until 2026-11-24 12:00 UTC.
        op 8
        ");
        let posted = api.has_posted(2).await;
        let mut to: Vec<&str> = posted.iter().map(|it| it.channel.as_str()).collect();
        to.sort_unstable();
        assert_eq!(to, [ADAM.id, OTTO.id], "and not to Boris, whose role is for other rooms");
        let shown = read(&posted[0]);
        assert_eq!(shown.labels(), ["8 h", "1 h", "No"]);
        let own = format!("D{}", OTTO.id);
        let press = bot.slack(OTTO).in_channel(&own).presses(&shown, &shown.button("8 h")).await;
        let answered = bot.came_of(&press).await;
        assert!(answered.says("may now hand `test` over"), "{answered}");
        let entry = bot.entry(&answered).await;
        assert_eq!(entry.channel.unwrap().to_string(), format!("slack:T0TEAM:{own}"), "where it was pressed");
        let posted = api.has_posted(5).await;
        let edited = posted.iter().filter(|it| it.method == "chat.update").map(|it| it.channel.as_str());
        let mut edited: Vec<&str> = edited.collect();
        edited.sort_unstable();
        assert_eq!(edited, [format!("D{}", ADAM.id), own]);
        for it in &posted[2..] {
            assert!(read(it).says("otto"), "{}", read(it));
        }
        assert!(bot.slack(BORIS).says("/room-owner test user2").await.says("now belongs"));
    })
    .await;
}

#[tokio::test]
async fn only_who_may_grant_it_answers_and_nobody_answers_themselves() {
    let world = with_admins().grant(OTTO, "admin", "live-*").grant(BORIS, "auditor", "*");
    with_a_token(world, async |bot, api| {
        let (asked, shown) = asks(bot, api).await;
        let button = shown.button("8 h");
        for (person, why) in
            [(OTTO, "admin for `live-*` only"), (ALICE, "Not allowed"), (RITA, "Not allowed")]
        {
            let press = bot.slack(person).in_channel(RANDOM).presses(&shown, &button).await;
            let refused = bot.came_of(&press).await;
            assert!(refused.says(why), "{refused}");
            assert_eq!(bot.last().await.outcome, OutcomeKind::Denied);
        }
        // In the meantime he has become an admin himself.
        bot.slack(ADAM).says("/room-acl grant @boris admin").await.text();
        let own = bot.slack(BORIS).in_channel(RANDOM).presses(&shown, &button).await;
        assert_snapshot!(bot.came_of(&own).await, @"
        (only visible to you)
        ⛔ Nothing was changed: op 9 is your own request.
        Another admin has to answer it.
        op 15
        ");
        let nothing = bot.slack(ADAM).says("/room-acl answer 1 8h").await;
        assert_snapshot!(nothing, @"
        (only visible to you)
        ⛔ Nothing was changed: op 1 asks for no access.
        See `/room-acl list attention` for who asks for access.
        op 16
        ");
        // The role of whoever presses is that of the moment.
        let typed = bot.slack(ADAM).says(&format!("/room-acl answer {} 90m", asked.operation())).await;
        assert_snapshot!(typed, @"
        (only visible to you)
        ⚠️ @boris may now hand `test` over, only in #mods, until 2026-11-23 13:30 UTC (grant 7).
        Grant 6 gives them that already.
        They get a message that says so.
        op 17
        ");
    })
    .await;
}

#[tokio::test]
async fn nothing_is_offered_where_a_grant_could_not_help() {
    let deny = |new: &mut room_owner::domain::access::NewGrant| {
        new.effect = room_owner::domain::access::Effect::Deny
    };
    let world = with_admins().grant_but(OTTO, "moderator", "*", deny);
    with_a_token(world, async |bot, api| {
        let elsewhere = bot.slack(BORIS).in_channel(RANDOM).says(LINE).await;
        assert!(elsewhere.says("not authorised") && elsewhere.labels().is_empty(), "{elsewhere}");
        let denied = bot.slack(OTTO).says(LINE).await;
        assert!(denied.says("a deny entry") && denied.labels().is_empty(), "{denied}");
        for (person, line) in [(OTTO, "/room-owner ask test"), (RITA, "/room-owner ask test")] {
            let reply = bot.slack(person).in_channel(RANDOM).says(line).await;
            assert!(reply.says("Not"), "{reply}");
        }
        let already = bot.slack(ALICE).says("/room-owner ask test").await;
        assert_snapshot!(already, @"
        (only visible to you)
        ℹ️ Nothing was asked: you may hand `test` over here already.
        `/room-owner test <new_owner>`
        op 11
        ");
        // A look at the owner, and at the log, is no hand-over.
        assert!(bot.slack(BORIS).says("/room-owner test").await.labels().is_empty());
        assert!(api.posted().is_empty());
    })
    .await;
}

#[tokio::test]
async fn where_nobody_can_be_reached_it_is_said_and_nothing_is_posted() {
    with_a_token(World::usual(), async |bot, api| {
        assert!(bot.slack(BORIS).says(LINE).await.labels().is_empty());
        assert_snapshot!(bot.slack(BORIS).says("/room-owner ask test").await, @"
        (only visible to you)
        ⛔ Not asked: nobody can give you access to `test` here.
        Ask whoever runs the bot, and quote your id `slack:T0TEAM:U0BORIS`.
        op 5
        ");
        assert_eq!(bot.last().await.outcome, OutcomeKind::Declined);
        assert!(api.posted().is_empty());
    })
    .await;
    super::world::run(with_admins(), async |bot| {
        assert!(bot.slack(BORIS).says(LINE).await.labels().is_empty());
        assert_snapshot!(bot.slack(BORIS).says("/room-owner ask test").await, @"
        (only visible to you)
        ⛔ Not asked: the bot cannot write to anybody who can give you access to `test`.
        Ask @adam yourself, and quote your id `slack:T0TEAM:U0BORIS`.
        op 7
        ");
    })
    .await;
}
