//! The pages about who may do what, as people read them, in both languages.

use room_owner::domain::access::Mark;

use super::console::Browser;
use super::console_access::{Admin, world};
use super::console_pages::pages;
use super::pending_replies::with_a_token;
use super::slack::{ADAM, ALICE, BORIS, MODS, RANDOM};
use super::world::{World, run};

async fn read_everything(language: &'static str) {
    let world =
        world().announces_to_admins(RANDOM, "*").linked(ALICE, "alice").marked("vip-*", Mark::TwoPerson);
    with_a_token(world, async |bot, _| {
        bot.slack(BORIS).says("/room-owner ask test reason: host crashed").await.text();
        let browser = Browser::of(bot, ADAM).await.in_language(language);
        let mut adam = Admin { browser, token: String::new() };
        adam.token = adam.browser.form_token(bot).await;
        bot.revoke(2).await;
        let mut read = Vec::new();
        for at in [
            "/access",
            "/access?who=slack:T0TEAM:U0OTTO",
            "/access?who=otto",
            "/access?part=all",
            "/access?part=attention",
            "/access?part=channels",
            "/access?part=announcements",
            "/access?part=links",
            "/access?part=rooms",
            "/access/why?who=U0BORIS&room=test&channel=C0MODS",
            "/access/why?who=U0BORIS&room=",
            "/access/who-can?room=test",
        ] {
            let page = adam.browser.reads(bot, at).await;
            assert!(page.body.contains(&format!("<html lang=\"{language}\">")), "{at}");
            read.push((at, page.text()));
        }
        for at in
            ["/access/plan?change=grant", "/access/plan?change=channel-allow", "/access/plan?change=room"]
        {
            read.push((at, adam.browser.opens(at).await.text()));
        }
        let grant = [("change", "grant"), ("who", "U0ADAM"), ("role", "auditor"), ("rooms", "live-*")];
        let plan = adam.plans(bot, &grant).await;
        read.push(("a plan", plan.text()));
        bot.revoke(1).await;
        read.push(("the acl changed", adam.applies(bot, &plan).await.text()));
        bot.other_operations += 1;
        let refused = adam.plans(bot, &[("change", "revoke"), ("grant", "3")]).await;
        read.push(("refused", refused.text()));
        pages(&format!("access-{language}"), read);
    })
    .await;
}

#[tokio::test]
async fn they_read_well_in_english() {
    read_everything("en").await;
}

#[tokio::test]
async fn they_read_well_in_chinese() {
    read_everything("zh-CN").await;
}

#[tokio::test]
async fn what_is_empty_says_what_to_do() {
    let world = World::empty().channel(MODS, "*").grant(ADAM, "admin", "*").with_console();
    run(world, async |bot| {
        let mut browser = Browser::of(bot, ADAM).await;
        for (part, what) in [
            ("attention", "Nobody is waiting for an answer."),
            ("attention", "No grant ends within 24 hours"),
            ("announcements", "Choose a channel for it."),
            ("links", "Link somebody, and rooms can be handed to them by name."),
            ("rooms", "Mark the rooms that need more."),
        ] {
            let page = browser.reads(bot, &format!("/access?part={part}")).await;
            assert!(page.text().contains(what), "{}", page.text());
        }
        let page = browser.reads(bot, "/access/who-can?room=nowhere").await;
        assert!(page.text().contains("adam slack:T0TEAM:U0ADAM"), "{}", page.text());
    })
    .await;
}

#[tokio::test]
async fn a_list_of_many_has_pages() {
    let rooms: Vec<String> = (0..60).map(|n| format!("room-{n}")).collect();
    let world = rooms.iter().fold(world(), |world, room| world.grant(BORIS, "moderator", room));
    run(world, async |bot| {
        let mut browser = Browser::of(bot, ADAM).await;
        let first = browser.reads(bot, "/access?who=slack:T0TEAM:U0BORIS").await;
        assert!(first.text().contains("Page 1 of 3"), "{}", first.text());
        assert!(
            first.body.contains("href=\"/access?who=slack%3AT0TEAM%3AU0BORIS&#38;page=2\""),
            "{}",
            first.body
        );
        let last = browser.reads(bot, "/access?page=3").await;
        assert!(last.text().contains("room-59") && !last.body.contains("rel=\"next\""), "{}", last.text());
    })
    .await;
}
