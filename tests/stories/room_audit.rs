//! Reviewers ask the log from chat.

use jiff::tz::TimeZone;
use room_owner::app::commands::audit::{Reader, answer};
use room_owner::app::ports::Store as _;
use room_owner::domain::access::Effect;
use room_owner::domain::audit::{Filter, millis};
use room_owner::domain::command::Question;
use room_owner::domain::reply::Answer;
use room_owner::domain::room::RoomId;

use super::doors::{Door, assert_snapshot, at_every_door};
use super::reply::Reply;
use super::slack::{ADAM, ALICE, OTTO, RITA};
use super::world::{Stage, World, run};

at_every_door! {
    an_auditor_sees_what_was_done_newest_first_and_alone,
    filters_pages_and_readings,
    one_operation_its_steps_the_owner_and_counts,
    a_history_shows_who_owned_a_room_over_time,
    an_auditor_of_some_rooms_sees_those_and_reads_so,
    a_deny_entry_about_some_rooms_closes_those_and_no_more,
    nobody_else_reads_the_log,
    a_line_that_does_not_fit_is_answered_with_the_forms
}

/// Two transfers in `test`, one in `live-1`, one denied.
async fn an_evening(bot: &Stage) {
    bot.chat(ALICE).says("/room-owner test user2 reason: host crashed").await.text();
    bot.chat(ALICE).says("/room-owner live-1 user3").await.text();
    bot.chat(OTTO).says("/room-owner test otto").await.text();
}

fn world(door: Door) -> World {
    World::usual().room("live-1", "dave").grant(ADAM, "auditor", "live-*").at(door)
}

/// What differs from run to run or says nothing here.
fn steady(reply: &Reply) -> String {
    let mut text = reply.to_string();
    while let Some(at) = text.find("`Id-") {
        let end = at + 1 + text[at + 1..].find('`').unwrap();
        text.replace_range(at..=end, "[id]");
    }
    text
}

async fn an_auditor_sees_what_was_done_newest_first_and_alone(door: Door) {
    run(world(door), async |bot| {
        an_evening(bot).await;
        let reply = bot.chat(RITA).says("/room-audit").await;
        assert!(!reply.is_public());
        assert_snapshot!(steady(&reply), @r#"
        (only visible to you)
        ℹ️ 7 operations, newest first:
        op 9 · 2026-11-23 12:00:00 UTC · @otto · `/room-owner test otto` · denied · `no grant`
        op 7 · 2026-11-23 12:00:00 UTC · @alice · `/room-owner live-1 user3` · succeeded · was `dave`
        op 5 · 2026-11-23 12:00:00 UTC · @alice · `/room-owner test user2 reason: host crashed` · succeeded · was `carol`
        op 4 · 2026-11-23 12:00:00 UTC · `cli:ana` · `acl grant` · succeeded
        op 3 · 2026-11-23 12:00:00 UTC · `cli:ana` · `acl grant` · succeeded
        op 2 · 2026-11-23 12:00:00 UTC · `cli:ana` · `acl grant` · succeeded
        op 1 · 2026-11-23 12:00:00 UTC · `cli:ana` · `acl channel allow` · succeeded
        One of them whole: `/room-audit 9`
        op 10
        "#);
        let entry = bot.entry(&reply).await;
        assert_eq!((entry.command.as_str(), entry.outcome.name()), ("/room-audit", "succeeded"));
        assert_eq!(entry.authority.as_deref(), Some("grant 2"));
    })
    .await;
}

async fn filters_pages_and_readings(door: Door) {
    run(world(door), async |bot| {
        an_evening(bot).await;
        let reply = bot.chat(RITA).says("/room-audit room: test limit: 1").await;
        assert_snapshot!(steady(&reply), @r#"
        (only visible to you)
        ℹ️ The newest one that matches; there are older ones:
        op 9 · 2026-11-23 12:00:00 UTC · @otto · `/room-owner test otto` · denied · `no grant`
        Older ones: the same with `before: 9` behind it.
        One of them whole: `/room-audit 9`
        op 10
        "#);
        let reply = bot.chat(RITA).says("/room-audit room: test limit: 1 zone: Europe/Berlin").await;
        assert!(reply.says("op 9 · 2026-11-23 13:00:00+01:00 · "), "{reply}");
        let reply = bot
            .chat(RITA)
            .says("/room-audit since: \"2026-11-23 13:01\" until: 13:00 zone: Europe/Berlin")
            .await;
        assert!(
            reply
                .says("The end `13:00` (2026-11-23 13:00:00+01:00) lies before the start `2026-11-23 13:01`"),
            "{reply}"
        );
        let rest = bot.chat(RITA).says("/room-audit room: test limit: 1 before: 9").await;
        assert!(rest.says("op 5 · ") && !rest.says("op 9 · "), "{rest}");
        let reply = bot
            .chat(RITA)
            .says("/room-audit text: \"HOST crashed\" actor: slack:T0TEAM:U0ALICE since: 1h")
            .await;
        assert!(reply.says("One operation:") && reply.says("op 5 · "), "{reply}");
        let reply = bot.chat(RITA).says("/room-audit text: \"nobody said this\"").await;
        assert!(reply.says("Nothing in the log matches."), "{reply}");
        let reply = bot.chat(RITA).says("/room-audit actor: slack:T0TEAM:U0RITA").await;
        assert!(reply.says("6 readings of the log are left out: `readings: yes` shows them."), "{reply}");
        let reply = bot.chat(RITA).says("/room-audit actor: slack:T0TEAM:U0RITA readings: yes").await;
        assert!(reply.says("8 operations, newest first:"), "{reply}");
    })
    .await;
}

async fn one_operation_its_steps_the_owner_and_counts(door: Door) {
    run(world(door), async |bot| {
        an_evening(bot).await;
        let reply = bot.chat(RITA).says("/room-audit 5").await;
        assert_snapshot!(steady(&reply), @"
        (only visible to you)
        ℹ️ Operation 5: succeeded.
        At: 2026-11-23 12:00:00 UTC
        By: @alice
        In: #mods
        Command: `/room-owner test user2 reason: host crashed`
        Room: `test`
        New owner: `user2`
        Owner before: `carol`
        Reason: `host crashed`
        Allowed by: `grant 1`: moderator for every room, given by `cli:ana` on 2026-11-23
        RequestId: [id]
        Took: 0 ms
        op 10
        ");
        let reply = bot.chat(RITA).says("/room-audit timeline 5").await;
        assert_snapshot!(steady(&reply), @"
        (only visible to you)
        ℹ️ Operation 5 on 2026-11-23, UTC: succeeded.
        12:00:00.000 received: `slack:T0TEAM:U0ALICE (alice) in slack:T0TEAM:C0MODS: /room-owner test user2 reason: host crashed`
        12:00:00.000 decided: `permitted: grant 1, moderator for *`
        12:00:00.000 attempted: `written down, then sent: hand test over to user2`
        12:00:00.000 answered: `succeeded; the owner before was carol; RequestId Id-9dc6366a2003d418ace6b6c74e29980f-O-Seq-2`
        12:00:00.000 confirmed: `the new owner was read back`
        op 11
        ");
        let reply = bot.chat(RITA).says("/room-audit owner-at test now").await;
        assert_snapshot!(steady(&reply), @r#"
        (only visible to you)
        ℹ️ `user2` owned `test` at 2026-11-23 12:00:00 UTC.
        Since 2026-11-23 12:00:00 UTC (op 5), at the latest.
        Why: `operation 5 handed it over; nothing later speaks against it`
        op 12
        "#);
        let reply = bot.chat(RITA).says("/room-audit owner-at nowhere 1h").await;
        assert_snapshot!(steady(&reply), @r#"
        (only visible to you)
        ⚠️ The log cannot tell who owned `nowhere` at 2026-11-23 11:00:00 UTC.
        Why: `no earlier entry says who owned it, and nothing later says who owned it`
        op 13
        "#);
        let reply = bot.chat(RITA).says("/room-audit owner-at test 13:00 Europe/Berlin").await;
        assert!(reply.says("`user2` owned `test` at 2026-11-23 13:00:00+01:00."), "{reply}");
        assert!(reply.says("Since 2026-11-23 13:00:00+01:00 (op 5)"), "{reply}");
        let reply = bot.chat(RITA).says("/room-audit stats by: room").await;
        assert_snapshot!(steady(&reply), @r#"
        (only visible to you)
        ℹ️ Operations by room:
        (none): 4 (4 done)
        `test`: 2 (1 done, 1 denied)
        `live-1`: 1 (1 done)
        5 readings of the log are left out: `readings: yes` shows them.
        op 15
        "#);
    })
    .await;
}

async fn a_history_shows_who_owned_a_room_over_time(door: Door) {
    run(world(door), async |bot| {
        let reply = bot.chat(RITA).says("/room-audit history test").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ℹ️ The log has nothing about `test`.
        No hand-over of it and no look at its owner is recorded.
        op 5
        ");
        bot.clock.pass(600);
        bot.chat(ALICE).says("/room-owner test user2").await.text();
        bot.clock.pass(300);
        bot.chat(ALICE).says("/room-owner test carol").await.text();
        bot.clock.pass(60);
        bot.tencent().hand_over("test", "app1", "administrator");
        bot.clock.pass(60);
        bot.chat(ALICE).says("/room-owner test").await.text();
        bot.clock.pass(60);
        bot.chat(ALICE).says("/room-owner test user2").await.text();
        bot.clock.pass(30);
        let reply = bot.chat(RITA).says("/room-audit history test").await;
        assert!(!reply.is_public());
        assert_snapshot!(reply, @"
        (only visible to you)
        ℹ️ Who owned `test`, newest first:
        █ `user2` · 2026-11-23 12:18:00 UTC to now · by @alice (op 12) · known
        ██ `app1` · 2026-11-23 12:17:00 UTC to 12:18:00 UTC · found by op 10 · known
        ░░░ not known · 2026-11-23 12:15:00 UTC to 12:17:00 UTC · after op 8 · before op 10 · gap
        ████████ `user2` · 2026-11-23 12:10:00 UTC to 12:15:00 UTC · by @alice (op 6) · known
        ▒ `carol` · until 2026-11-23 12:10:00 UTC · found by op 6 · likely
        op 14
        ");
        let reply = bot.chat(RITA).says("/room-audit history test since: 12:12 until: 12:17").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ℹ️ Who owned `test`, newest first:
        ░░░ not known · 2026-11-23 12:15:00 UTC to 12:17:00 UTC · after op 8 · before op 10 · gap
        ████████ `user2` · 2026-11-23 12:10:00 UTC to 12:15:00 UTC · by @alice (op 6) · known
        op 15
        ");
        let reply = bot.chat(RITA).says("/room-audit history test since: 13:12 zone: Europe/Berlin").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ℹ️ Who owned `test`, newest first:
        █ `user2` · 2026-11-23 13:18:00+01:00 to now · by @alice (op 12) · known
        ██ `app1` · 2026-11-23 13:17:00+01:00 to 13:18:00+01:00 · found by op 10 · known
        ░░░ not known · 2026-11-23 13:15:00+01:00 to 13:17:00+01:00 · after op 8 · before op 10 · gap
        ████████ `user2` · 2026-11-23 13:10:00+01:00 to 13:15:00+01:00 · by @alice (op 6) · known
        op 16
        ");
        for n in 0..22 {
            bot.clock.pass(10);
            let to = if n % 2 == 0 { "carol" } else { "user2" };
            bot.chat(ALICE).says(&format!("/room-owner test {to}")).await.text();
        }
        let reply = bot.chat(RITA).says("/room-audit history test").await;
        assert_eq!(reply.to_string().lines().count(), 24, "{reply}");
        assert!(reply.says("Older ones: the same with"), "{reply}");
        let reply = bot.chat(ADAM).says("/room-audit history test").await;
        assert!(reply.says("The log of `test` is not among what you may see here."), "{reply}");
        let reply = bot.chat(OTTO).says("/room-audit history test").await;
        assert!(reply.says("Not allowed"), "{reply}");
    })
    .await;
}

#[tokio::test]
async fn a_history_says_of_every_moment_what_owner_at_says() {
    run(world(Door::Slack), async |bot| {
        for n in 0..16 {
            bot.clock.pass(7 + n % 5 * 13);
            match n % 4 {
                1 => assert!(bot.tencent().hand_over("test", format!("app{n}"), "administrator")),
                3 => drop(bot.slack(ALICE).says("/room-owner test").await.text()),
                _ => drop(bot.slack(ALICE).says(&format!("/room-owner test user{}", n % 3)).await.text()),
            }
        }
        bot.clock.pass(60);
        let room: RoomId = "test".parse().unwrap();
        let ask = async |question| {
            let log = bot.store.log();
            answer(log, &bot.clock, &TimeZone::UTC, &question, &Reader::default()).await.unwrap()
        };
        let everything = Question::History(room.clone(), Filter::default());
        let Answer::History(history) = ask(everything).await else { panic!() };
        assert!(history.spans.len() >= 8, "{history:?}");
        for span in &history.spans {
            let (from, until) = (span.from(), span.until.unwrap_or(span.now));
            let middle = millis(from + until.duration_since(from) / 2).parse().unwrap();
            let Answer::Owner(shown) = ask(Question::OwnerAt(room.clone(), middle)).await else { panic!() };
            assert_eq!((shown.owner, shown.certainty), (span.found.owner.clone(), span.found.certainty));
        }
        let ends = history.spans.windows(2).all(|pair| pair[1].until == Some(pair[0].from()));
        assert!(ends, "no time is left out: {history:?}");
    })
    .await;
}

#[tokio::test]
async fn an_operation_is_named_as_the_replies_and_the_other_doors_name_it() {
    run(world(Door::Slack), async |bot| {
        for line in ["/room-audit show 1", "/room-audit op 1", "/room-audit #1", "/room-audit op1"] {
            let reply = bot.slack(RITA).says(line).await;
            assert!(reply.says("Operation 1: succeeded."), "{line}: {reply}");
        }
        let reply = bot.slack(RITA).says("/room-audit show").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ❌ Something is missing: `<operation>`.
        Type: `/room-audit show <operation>`
        Nothing was done.
        op 9
        ");
        let reply = bot.slack(RITA).says("/room-audit stats text: \"host crashed").await;
        assert_snapshot!(reply, @r#"
        (only visible to you)
        ❌ A quote is opened and never closed.
        Type: `/room-audit stats by: actor since: 7d`
        Nothing was done.
        op 10
        "#);
        let reply = bot.slack(RITA).says("/room-audit limit: 500").await;
        assert!(reply.says("The option limit takes a number from 1 to 10, not `500`."), "{reply}");
    })
    .await;
}

async fn a_deny_entry_about_some_rooms_closes_those_and_no_more(door: Door) {
    let world = world(door).grant_but(RITA, "admin", "live-*", |new| new.effect = Effect::Deny);
    run(world, async |bot| {
        an_evening(bot).await;
        let reply = bot.chat(RITA).says("/room-audit").await;
        assert_snapshot!(steady(&reply), @r"
        (only visible to you)
        ℹ️ 2 operations, newest first:
        op 10 · 2026-11-23 12:00:00 UTC · @otto · `/room-owner test otto` · denied · `no grant`
        op 6 · 2026-11-23 12:00:00 UTC · @alice · `/room-owner test user2 reason: host crashed` · succeeded · was `carol`
        One of them whole: `/room-audit 10`
        Left out: what is about no room, and what a deny entry takes from you: `live-*`.
        op 11
        ");
        for line in ["/room-audit 8", "/room-audit timeline 8", "/room-audit before: 8"] {
            let reply = bot.chat(RITA).says(line).await;
            assert!(reply.says("There is no operation 8, or it is not among"), "{reply}");
        }
        let reply = bot.chat(RITA).says("/room-audit owner-at live-1 now").await;
        assert!(reply.says("The log of `live-1` is not among what you may see here."), "{reply}");
        let reply = bot.chat(RITA).says("/room-audit stats by: room").await;
        assert!(reply.says("`test`") && !reply.says("live-1"), "{reply}");
        let reply = bot.chat(ADAM).says("/room-audit").await;
        assert!(reply.says("`/room-owner live-1 user3`"), "the other auditor sees what he saw: {reply}");
    })
    .await;
}

async fn an_auditor_of_some_rooms_sees_those_and_reads_so(door: Door) {
    run(world(door), async |bot| {
        an_evening(bot).await;
        let reply = bot.chat(ADAM).says("/room-audit").await;
        assert_snapshot!(steady(&reply), @r#"
        (only visible to you)
        ℹ️ One operation:
        op 7 · 2026-11-23 12:00:00 UTC · @alice · `/room-owner live-1 user3` · succeeded · was `dave`
        One of them whole: `/room-audit 7`
        Left out: what is about no room, and all rooms but `live-*`.
        op 10
        "#);
        for line in ["/room-audit 5", "/room-audit timeline 5", "/room-audit before: 5"] {
            let reply = bot.chat(ADAM).says(line).await;
            assert!(
                reply.says("There is no operation 5, or it is not among the rooms that you may see here."),
                "{reply}"
            );
        }
        let reply = bot.chat(ADAM).says("/room-audit owner-at test now").await;
        assert!(reply.says("The log of `test` is not among what you may see here."), "{reply}");
        let reply = bot.chat(ADAM).says("/room-audit room: test").await;
        assert!(reply.says("Nothing in the log matches.") && reply.says("Left out: "), "{reply}");
        let reply = bot.chat(ADAM).says("/room-audit stats by: actor").await;
        assert!(reply.says("`slack:T0TEAM:U0ALICE`: 1 (1 done)") && !reply.says("U0OTTO"), "{reply}");
    })
    .await;
}

async fn nobody_else_reads_the_log(door: Door) {
    run(world(door), async |bot| {
        for person in [ALICE, OTTO] {
            for line in ["/room-audit", "/room-audit 1", "/room-audit stats", "/room-audit owner-at test now"]
            {
                let reply = bot.chat(person).says(line).await;
                assert_eq!(bot.entry(&reply).await.outcome.name(), "denied", "{reply}");
                assert!(reply.says("Not allowed"), "{reply}");
            }
        }
        let reply = bot.chat(ALICE).says("/room-audit").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ⛔ Not allowed: `/room-audit` is for auditors and admins.
        Ask whoever runs the bot (nobody is an admin yet) for the role, and quote your id `slack:T0TEAM:U0ALICE`.
        Nothing was done.
        op 13
        ");
    })
    .await;
}

async fn a_line_that_does_not_fit_is_answered_with_the_forms(door: Door) {
    run(world(door), async |bot| {
        let reply = bot.chat(RITA).says("/room-audit owner-at test").await;
        assert_snapshot!(reply, @"
        (only visible to you)
        ❌ Something is missing: `<time>`.
        Type: `/room-audit owner-at test <time>`
        Nothing was done.
        op 5
        ");
        let reply = bot.chat(RITA).says("/room-audit since: soon").await;
        assert!(reply.says("`soon` is not a time: write 2026-11-23T14:03:00Z"), "{reply}");
        let reply = bot.chat(RITA).says("/room-audit owner-at test 2026-10-25 02:30 Europe/Berlin").await;
        assert_snapshot!(reply, @r#"
        (only visible to you)
        ❌ `2026-10-25 02:30 Europe/Berlin` comes twice in Europe/Berlin: the clock is set back there; write 2026-10-25T02:30:00+02:00 or 2026-10-25T02:30:00+01:00.
        Ask again with that.
        op 7
        "#);
        let reply = bot.chat(RITA).says("/room-audit owner-at test 2030-01-01").await;
        assert_snapshot!(reply, @r#"
        (only visible to you)
        ❌ `2030-01-01` is still to come: it means 2030-01-01T00:00:00Z, and it is 2026-11-23T12:00:00Z now; check the date, and the zone that it is read in.
        Ask about a time that has passed.
        op 8
        "#);
        let reply = bot.chat(RITA).says("/room-audit since: 2h until: 3h").await;
        assert_snapshot!(reply, @r#"
        (only visible to you)
        ❌ The end `3h` (2026-11-23 09:00:00 UTC) lies before the start `2h` (2026-11-23 10:00:00 UTC).
        Ask again with the earlier time as the start.
        op 9
        "#);
        let reply = bot.chat(RITA).says("/room-audit help").await;
        assert_snapshot!(reply, @r#"
        (only visible to you)
        ℹ️ `/room-audit` shows what was done.
        `/room-audit room: <room> actor: <person> outcome: failed since: yesterday` shows what was done, newest first; every filter may be left out
        `/room-audit text: "host crashed" until: 2026-11-23 14:03 zone: Europe/Berlin` searches commands, reasons and errors; times are UTC unless a zone is named
        `/room-audit in: #channel request-id: <id> before: <operation> readings: yes limit: 5` more filters: in one channel, by Tencent's RequestId, on behind an operation, how many (1 to 10), who read the log
        `/room-audit show <operation>` shows one operation whole
        `/room-audit owner-at <room> <time>` shows who owned the room then, and how that is known
        `/room-audit history <room> since: 7d` shows who owned the room over time, newest first
        `/room-audit timeline <operation>` shows its steps and the waits between them
        `/room-audit stats by: actor since: 7d` counts by actor, room, channel, outcome or hour
        `/room-audit console` answers with a link to the web console, for you alone and for five minutes
        You are: auditor for `*`.
        op 10
        "#);
    })
    .await;
}
