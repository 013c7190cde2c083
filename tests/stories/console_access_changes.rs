//! Each change of the ACL in the console: what its plan says is what the ACL shows.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use room_owner::app::ports::{Clock as _, Store as _, WhichSettings};
use room_owner::domain::access::{Effect, is_live};

use super::console_access::{Admin, part, planned, recorded, said, world};
use super::pending_replies::with_a_token;
use super::slack::{ADAM, BORIS, OTTO, RANDOM};
use super::world::{Stage, run};

fn snapshot(name: &str, read: &str) {
    insta::with_settings!({ snapshot_path => "console", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(name, read);
    });
}

#[tokio::test]
async fn each_change_is_planned_and_made() {
    run(world(), async |bot| {
        let mut adam = Admin::of(bot, ADAM).await;
        let mut read = String::new();
        for fields in [
            vec![("change", "deny"), ("who", "U0ALICE"), ("role", "moderator"), ("rooms", "vip-1, test")],
            vec![("change", "revoke"), ("grant", "4"), ("reason", "<script>sorry</script>")],
            vec![("change", "channel-allow"), ("channel", "C0RANDOM"), ("rooms", "live-*")],
            vec![("change", "channel-remove"), ("channel", "slack:T0TEAM:C0RANDOM")],
            vec![("change", "announce-here"), ("channel", "C0MODS"), ("admin", "yes")],
            vec![("change", "announce-off"), ("channel", "C0MODS")],
            vec![("change", "link"), ("who", "U0BORIS"), ("account", "boris")],
            vec![("change", "unlink"), ("who", "U0BORIS")],
            vec![("change", "room"), ("rooms", "vip-*"), ("mark", "two-person")],
            vec![("change", "room"), ("rooms", "vip-*"), ("mark", "off")],
            vec![("change", "grant"), ("who", "U0ADAM"), ("role", "moderator"), ("channel", "C0MODS")],
        ] {
            let (plan, made) = adam.changes(bot, &fields).await;
            let line = recorded(bot, 1).await.remove(0);
            read.push_str(&format!("=== {line}\n{plan}\n--- made\n{made}\n\n"));
        }
        snapshot("access-changes", &read);
    })
    .await;
}

#[tokio::test]
async fn markup_in_a_field_is_text() {
    const MARKUP: &str = "\"><script>alert(1)</script><b x='";
    run(world(), async |bot| {
        let mut adam = Admin::of(bot, ADAM).await;
        for (change, names) in [
            ("grant", ["who", "rooms", "for", "until", "channel", "reason", "role"].as_slice()),
            ("revoke", &["grant", "reason"]),
            ("channel-allow", &["channel", "rooms", "reason"]),
            ("announce-here", &["channel", "rooms", "admin", "reason"]),
            ("link", &["who", "account", "reason"]),
            ("room", &["rooms", "mark", "reason"]),
        ] {
            for name in names {
                let page = adam.plans(bot, &[("change", change), (name, MARKUP)]).await;
                assert!(!page.body.contains("<script>alert"), "{change} {name}: {}", page.body);
                assert!(!page.body.contains("<b x"), "{change} {name}: {}", page.body);
            }
        }
        let query = form_urlencoded::byte_serialize(MARKUP.as_bytes()).collect::<String>();
        for at in [
            format!("/access?who={query}"),
            format!("/access?part={query}"),
            format!("/access?page={query}"),
            format!("/access/why?who={query}&room={query}"),
            format!("/access/who-can?room={query}"),
        ] {
            let page = adam.browser.reads(bot, &at).await;
            assert!(!page.body.contains("<script>alert"), "{at}: {}", page.body);
        }
        let form = adam.browser.opens(&format!("/access/plan?change=grant&who={query}")).await;
        assert!(!form.body.contains("<script>alert") && form.body.contains("alert(1)"), "{}", form.body);
        // A room of such a name is one like any other.
        let fields = [("change", "grant"), ("who", "U0BORIS"), ("role", "moderator"), ("rooms", MARKUP)];
        let (plan, made) = adam.changes(bot, &fields).await;
        assert!(plan.contains(MARKUP) && made.contains(MARKUP), "{plan}\n{made}");
        let list = adam.browser.reads(bot, "/access").await;
        assert!(!list.body.contains("<script>alert"), "{}", list.body);
        assert!(list.text().contains(MARKUP), "{}", list.text());
    })
    .await;
}

#[tokio::test]
async fn a_group_that_nobody_looks_up_is_named_in_the_plan() {
    run(world(), async |bot| {
        let mut adam = Admin::of(bot, ADAM).await;
        let group = ("who", "slack:T0TEAM:group:S0HOSTS");
        let given = adam.plans(bot, &[("change", "grant"), group, ("role", "moderator")]).await;
        insta::assert_snapshot!(planned(&given), @"
        + Added: slack:T0TEAM:group:S0HOSTS gains moderator for every room
        SLACK_BOT_TOKEN is not set, so user groups of Slack are not looked up and this grant matches nobody.
        ");
        let denied = adam.plans(bot, &[("change", "deny"), group, ("role", "moderator")]).await;
        insta::assert_snapshot!(said(&denied), @"
        ⛔ Nothing was changed: nobody looks up who is in slack:T0TEAM:group:S0HOSTS .
        Everybody who may be in it would be refused. Set SLACK_BOT_TOKEN on the bot's machine, or deny it to people.
        op 9
        ");
        assert!(!denied.body.contains("/access/apply"), "{}", denied.text());
    })
    .await;
}

#[tokio::test]
async fn what_is_wrong_with_a_value_stands_beside_the_form() {
    run(world(), async |bot| {
        let mut adam = Admin::of(bot, ADAM).await;
        let mut read = String::new();
        for fields in [
            vec![("change", "grant"), ("who", "bob"), ("role", "moderator"), ("reason", "why not")],
            vec![("change", "grant"), ("role", "moderator")],
            vec![("change", "grant"), ("who", "U0BORIS"), ("role", "moderator"), ("for", "soon")],
            vec![("change", "link"), ("who", "U0BORIS"), ("account", "<@U0BORIS>")],
            vec![("change", "revoke"), ("grant", "all")],
            vec![("change", "room"), ("rooms", ""), ("mark", "confirm")],
        ] {
            let page = adam.plans(bot, &fields).await;
            assert_eq!(page.status, 400, "{}", page.text());
            read.push_str(&format!("=== {}\n{}\n\n", recorded(bot, 1).await.remove(0), said(&page)));
        }
        snapshot("access-refusals", &read);
    })
    .await;
}

/// The live entries of the ACL, those that give something and those that deny it.
async fn entries(bot: &Stage) -> (Vec<String>, Vec<String>) {
    let now = bot.clock.now();
    let (mut gives, mut denies) = (Vec::new(), Vec::new());
    for grant in bot.store.grants().await.unwrap().into_iter().filter(|grant| is_live(grant, now)) {
        let list = if grant.effect == Effect::Permit { &mut gives } else { &mut denies };
        list.push(format!("grant {}", grant.id));
    }
    let channels = bot.store.channels().await.unwrap();
    let open = channels.iter().filter(|it| it.removed_at.is_none());
    gives.extend(open.map(|it| format!("{} {}", it.channel, it.rooms)));
    for it in bot.store.announcement_channels().await.unwrap().iter().filter(|it| it.is_live(now)) {
        gives.push(format!("announced {} {} {}", it.channel, it.rooms, it.for_admins));
    }
    for it in bot.store.settings(&WhichSettings::All).await.unwrap().iter().filter(|it| it.is_live(now)) {
        gives.push(format!("{:?}", it.setting));
    }
    (gives, denies)
}

/// How many of `after` are not in `before`.
fn more(before: &[String], after: &[String]) -> usize {
    after.iter().filter(|entry| !before.contains(entry)).count()
}

fn any_change() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let text = |words: &'static [&'static str]| prop::sample::select(words).prop_map(str::to_owned);
    let people = || text(&["U0ALICE", "U0ADAM", "U0BORIS"]);
    let rooms = || text(&["test", "live-*", "*"]);
    let channels = || text(&["C0MODS", "C0RANDOM"]);
    let roles = || text(&["moderator", "auditor", "admin"]);
    let given = (prop::sample::select(&["grant", "deny"][..]), people(), roles(), rooms());
    prop_oneof![
        given.prop_map(|(change, who, role, rooms)| {
            vec![("change", change.to_owned()), ("who", who), ("role", role), ("rooms", rooms)]
        }),
        (1..12_i64).prop_map(|id| vec![("change", "revoke".to_owned()), ("grant", id.to_string())]),
        (channels(), rooms()).prop_map(|(channel, rooms)| {
            vec![("change", "channel-allow".to_owned()), ("channel", channel), ("rooms", rooms)]
        }),
        channels().prop_map(|it| vec![("change", "channel-remove".to_owned()), ("channel", it)]),
        (channels(), rooms()).prop_map(|(channel, rooms)| {
            vec![("change", "announce-here".to_owned()), ("channel", channel), ("rooms", rooms)]
        }),
        channels().prop_map(|it| vec![("change", "announce-off".to_owned()), ("channel", it)]),
        (people(), text(&["alice", "boris"])).prop_map(|(who, account)| {
            vec![("change", "link".to_owned()), ("who", who), ("account", account)]
        }),
        people().prop_map(|it| vec![("change", "unlink".to_owned()), ("who", it)]),
        (rooms(), text(&["confirm", "two-person", "off"])).prop_map(|(rooms, mark)| {
            vec![("change", "room".to_owned()), ("rooms", rooms), ("mark", mark)]
        }),
    ]
}

#[tokio::test]
async fn what_a_plan_says_is_what_the_acl_shows() {
    run(world(), async |bot| {
        let mut adam = Admin::of(bot, ADAM).await;
        let mut runner = TestRunner::deterministic();
        let changes = any_change();
        let (mut made, mut refused) = (0, 0);
        for _ in 0..120 {
            let change = changes.new_tree(&mut runner).unwrap().current();
            let fields: Vec<(&str, &str)> =
                change.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let (before, denied) = entries(bot).await;
            let plan = adam.plans(bot, &fields).await;
            let gains = plan.body.matches("<li class=\"gains\">").count();
            let loses = plan.body.matches("<li class=\"loses\">").count();
            assert_eq!(entries(bot).await, (before.clone(), denied.clone()), "a plan changes nothing");
            if !plan.body.contains("/access/apply") {
                refused += 1;
                assert!(said(&plan).contains("Nothing was changed") || plan.status == 403, "{}", plan.text());
                if plan.status == 403 {
                    break;
                }
                continue;
            }
            made += 1;
            let page = adam.applies(bot, &plan).await;
            assert!(!said(&page).starts_with('⛔'), "{fields:?}: {}\n{}", planned(&plan), said(&page));
            let (after, denied_after) = entries(bot).await;
            let is_as_it_was = gains == 1 && more(&before, &after) == 0 && more(&denied, &denied_after) == 0;
            let replaced = more(&after, &before).min(more(&before, &after));
            let gained = more(&before, &after) + more(&denied_after, &denied);
            let lost = more(&after, &before) - replaced + more(&denied, &denied_after);
            assert!(
                (gains, loses) == (gained, lost)
                    || is_as_it_was && lost == 0 && more(&denied_after, &denied) == 0,
                "{fields:?}: {}\n{before:?} {after:?}",
                planned(&plan)
            );
        }
        assert!(made > 40 && refused > 10, "{made} {refused}");
    })
    .await;
}

#[tokio::test]
async fn an_admin_answers_who_asks_for_access() {
    with_a_token(world().announces_to_admins(RANDOM, "*"), async |bot, _| {
        for person in [BORIS, OTTO] {
            bot.slack(person).says("/room-owner ask test reason: <b>host</b> crashed").await.text();
        }
        let mut adam = Admin::of(bot, ADAM).await;
        let page = adam.browser.reads(bot, "/access?part=attention").await;
        insta::assert_snapshot!(part(&page, "\nRequests for access\n", "\nGrants to look at"), @"
        boris slack:T0TEAM:U0BORIS : test
        Channel slack:T0TEAM:C0MODS
        Reason <b>host</b> crashed
        Asked 2026-11-23 12:00:00.000 UTC
        Answer until 2026-11-24 12:00:00.000 UTC
        Give 1 h Give 8 h Refuse
        Another length: 30m, 7d Give
        otto slack:T0TEAM:U0OTTO : test
        Channel slack:T0TEAM:C0MODS
        Reason <b>host</b> crashed
        Asked 2026-11-23 12:00:00.000 UTC
        Answer until 2026-11-24 12:00:00.000 UTC
        Give 1 h Give 8 h Refuse
        Another length: 30m, 7d Give
        ");
        let operations: Vec<String> = page
            .body
            .split("name=\"operation\" value=\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap().to_owned())
            .collect();
        let (boris, otto) = (operations[0].as_str(), operations[2].as_str());
        let yes = [("operation", boris), ("answer", "8h"), ("once", "a")];
        let answered = adam.sends(bot, "/access/answer", &yes).await;
        insta::assert_snapshot!(said(&answered), @"
        ✅ boris slack:T0TEAM:U0BORIS may now hand test over, only in slack:T0TEAM:C0MODS , until 2026-11-23 20:00:01.000 UTC (grant 4).
        They get a message that says so.
        op 14
        ");
        let again = adam.sends(bot, "/access/answer", &yes).await;
        assert!(said(&again).contains("it was not done twice"), "{}", again.text());
        let nonsense = [("operation", otto), ("answer", "<i>soon</i>"), ("once", "c")];
        let wrong = adam.sends(bot, "/access/answer", &nonsense).await;
        // The page is read anew.
        bot.other_operations += 1;
        assert_eq!(wrong.status, 400);
        assert!(said(&wrong).contains("<i>soon</i> is not a duration"), "{}", wrong.text());
        assert!(wrong.body.contains("name=\"answer\" value=\"&#60;i&#62;soon&#60;/i&#62;\""), "{}", wrong.body);
        let no = [("operation", otto), ("answer", "no"), ("once", "b")];
        adam.sends(bot, "/access/answer", &no).await;
        assert_eq!(recorded(bot, 1).await, [format!("web: /room-acl answer {otto} no · succeeded")]);
        let late = adam.sends(bot, "/access/answer", &[("operation", otto), ("answer", "1h"), ("once", "d")]).await;
        bot.other_operations += 1;
        assert_eq!(late.status, 409);
        assert!(said(&late).contains("Nothing was changed"), "{}", late.text());
        let page = adam.browser.reads(bot, "/access?part=attention").await;
        assert!(page.text().contains("Nobody is waiting for an answer."), "{}", page.text());
    })
    .await;
}
