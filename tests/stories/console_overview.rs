//! The overview as people read it: what was asked lately, what to look at, how things are.

use room_owner::tencent::simulator::FaultKind;

use super::console::{Browser, alice_says};
use super::pending_replies::with_a_token;
use super::slack::{ADAM, ALICE, BORIS, OTTO, RANDOM, RITA};
use super::world::{Stage, World, run};

fn world() -> World {
    World::usual().room("live-1", "dave").with_console()
}

/// What differs from run to run.
fn filtered(name: &str, text: &str) {
    insta::with_settings!({ filters => [
        (r"\d+ kB", "[size] kB"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?", "[time]"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d", "[hour]"),
        (r"\b\d\d:00\b", "[hour]"),
    ], snapshot_path => "console", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(format!("overview-{name}"), text);
    });
}

async fn an_evening(bot: &Stage) {
    alice_says(bot, "/room-owner test user2 reason: host crashed").await;
    bot.slack(OTTO).says("/room-owner test otto").await.text();
    alice_says(bot, "/room-owner nowhere user3").await;
}

async fn reads_well(language: &'static str) {
    run(world(), async |bot| {
        let mut browser = Browser::of(bot, RITA).await.in_language(language);
        let empty = browser.reads(bot, "/overview").await;
        an_evening(bot).await;
        let page = browser.reads(bot, "/overview").await;
        assert_eq!((empty.status, page.status), (200, 200));
        filtered(language, &format!("=== nothing yet\n{}\n\n=== an evening\n{}", empty.text(), page.text()));
        assert_eq!(page.body.matches("<title>").count(), 1 + 3, "a title for the page and for each part");
    })
    .await;
}

#[tokio::test]
async fn it_reads_well_in_english() {
    reads_well("en").await;
}

#[tokio::test]
async fn it_reads_well_in_chinese() {
    reads_well("zh-CN").await;
}

#[tokio::test]
async fn the_console_begins_there_and_opening_it_is_one_reading() {
    run(world(), async |bot| {
        let mut browser = Browser::of(bot, RITA).await;
        assert_eq!(browser.opens("/").await.headers["location"], "/overview");
        browser.reads(bot, "/overview").await;
        let newest = bot.audit().await.remove(0);
        assert_eq!(
            (newest.command.as_str(), newest.outcome.name()),
            ("web: /room-audit stats by: hour since: 24h", "succeeded")
        );
        bot.revoke(2).await;
        let page = browser.reads(bot, "/overview").await;
        assert_eq!(page.status, 403, "{}", page.body);
        assert!(!page.body.contains("<svg"));
    })
    .await;
}

#[tokio::test]
async fn whoever_sees_some_rooms_reads_no_counts_of_others() {
    run(world().grant(ADAM, "auditor", "live-*"), async |bot| {
        for _ in 0..3 {
            alice_says(bot, "/room-owner test user2 reason: hush").await;
        }
        let mut browser = Browser::of(bot, ADAM).await;
        let empty = browser.reads(bot, "/overview").await;
        assert!(!empty.body.contains("class=\"hours\""), "{}", empty.body);
        alice_says(bot, "/room-owner live-1 user3").await;
        let page = browser.reads(bot, "/overview").await;
        assert!(page.body.contains("UTC: 1 command done</title>"), "{}", page.body);
        for word in ["hush", "user2", "carol", "3 commands"] {
            assert!(!page.body.contains(word), "{word} in {}", page.body);
        }
        assert!(page.text().contains("You see the rooms live-*"), "{}", page.text());
    })
    .await;
}

#[tokio::test]
async fn an_unknown_outcome_is_listed_until_it_is_known_and_only_for_who_may_see_it() {
    run(world().grant(ADAM, "auditor", "live-*"), async |bot| {
        bot.next_change(FaultKind::ResetBefore);
        let reply = bot.slack(ALICE).says("/room-owner test user2").await;
        assert!(reply.says("nobody can tell yet"), "{reply}");
        let unclear = reply.operation();
        let mut browser = Browser::of(bot, RITA).await;
        let page = browser.reads(bot, "/overview").await;
        let link = format!("<a href=\"/op/{unclear}\">{unclear}</a> <span class=\"outcome unknown\">");
        assert!(page.body.contains(&link), "{}", page.body);
        assert!(page.text().contains("last call that failed"), "{}", page.text());
        let others = Browser::of(bot, ADAM).await.reads(bot, "/overview").await;
        assert!(!others.body.contains(&format!("/op/{unclear}\"")), "{}", others.body);
        bot.clock.pass(9);
        bot.tencent().hand_over("test", "user2", "administrator");
        bot.clock.tell();
        bot.until_entry(&reply, |entry| entry.outcome.name() != "unknown").await;
        let page = browser.reads(bot, "/overview").await;
        assert!(page.text().contains("no outcome is unknown"), "{}", page.text());
    })
    .await;
}

#[tokio::test]
async fn whatever_waits_for_somebody_is_listed_with_its_operation() {
    let world = world().grant(ADAM, "admin", "*").announces_to_admins(RANDOM, "*");
    let world = world.mark("test", "two-person").grant(OTTO, "auditor", "live-*");
    with_a_token(world, async |bot, _| {
        let held = bot.slack(ALICE).says("/room-owner test user2").await;
        held.text();
        let denied = bot.slack(BORIS).says("/room-owner live-1 user3").await;
        let press = bot.slack(BORIS).presses(&denied, &denied.button("Ask for access")).await;
        let asked = bot.came_of(&press).await;
        asked.text();
        let rita = Browser::of(bot, RITA).await.reads(bot, "/overview").await;
        for (operation, what) in [
            (held.operation(), "waits for a confirmation or a second person"),
            (asked.operation(), "asks for access"),
        ] {
            let link =
                format!("<a href=\"/op/{operation}\">{operation}</a> <span class=\"outcome \">{what}</span>");
            assert_eq!(rita.body.matches(&link).count(), 1, "{link} in {}", rita.body);
        }
        let otto = Browser::of(bot, OTTO).await.reads(bot, "/overview").await;
        assert!(
            otto.body.contains("asks for access") && !otto.body.contains("second person"),
            "{}",
            otto.body
        );
    })
    .await;
}
