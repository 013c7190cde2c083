//! The live tail of the log.

use super::console::{Browser, alice_says};
use super::slack::{ADAM, RITA};
use super::world::{World, run};

fn world() -> World {
    World::usual().room("live-1", "dave").with_console()
}

#[tokio::test]
async fn what_happens_appears_in_the_page_that_is_open_and_is_no_other_reading() {
    run(world(), async |bot| {
        let mut browser = Browser::of(bot, RITA).await;
        let page = browser.reads(bot, "/log?outcome=succeeded").await;
        let live = page.between("data-live=\"", "\"").replace("&#38;", "&");
        let mut tail = browser.follows(&live, None).await;
        tail.until(": open").await;
        let operation = alice_says(bot, "/room-owner test user2 reason: <b>now</b>").await;
        let text = tail.until(&format!("op-{operation}\"")).await;
        assert!(text.contains("event: row") && text.contains("Owner before: carol"), "{text}");
        assert!(text.contains("&#60;b&#62;now") && !text.contains("<b>now"), "{text}");
        // What the filter leaves out does not come: the next row is of the next that fits.
        alice_says(bot, "/room-owner nowhere user2").await;
        let next = alice_says(bot, "/room-owner live-1 user3").await;
        let text = tail.until(&format!("op-{next}\"")).await;
        assert!(!text.contains("nowhere"), "{text}");
        // A connection that breaks off is gone on with, and what happened meanwhile comes.
        drop(tail);
        let missed = alice_says(bot, "/room-owner test user4").await;
        let last = text.lines().filter_map(|line| line.strip_prefix("id: ")).next_back().unwrap();
        let mut tail = browser.follows(&live, Some(last)).await;
        let text = tail.until(&format!("op-{missed}\"")).await;
        assert!(!text.contains(&format!("op-{next}\"")), "{text}");
    })
    .await;
}

#[tokio::test]
async fn a_tail_of_its_own_is_a_reading_and_nobody_goes_on_with_anothers() {
    run(world().grant(ADAM, "auditor", "*"), async |bot| {
        let mut rita = Browser::of(bot, RITA).await;
        let adam = Browser::of(bot, ADAM).await;
        let page = rita.reads(bot, "/log?room=test").await;
        let live = page.between("data-live=\"", "\"").replace("&#38;", "&");
        let other = live.replace("room=test", "room=live-1");
        for (browser, at) in [(&rita, "/log/live?room=test"), (&adam, &live), (&rita, &other)] {
            bot.other_operations += 1;
            let mut tail = browser.follows(at, None).await;
            tail.until(": open").await;
            let entry = bot.last().await;
            assert!(entry.command.starts_with("web: /room-audit room: "), "{at}: {}", entry.command);
        }
    })
    .await;
}

#[tokio::test]
async fn it_ends_with_the_right_and_with_the_session() {
    run(world().grant(ADAM, "auditor", "*"), async |bot| {
        let rita = Browser::of(bot, RITA).await;
        bot.other_operations += 1;
        let mut tail = rita.follows("/log/live", None).await;
        tail.until(": open").await;
        bot.revoke(2).await;
        let text = tail.ends().await;
        assert!(
            text.ends_with(
                "event: over\ndata: You may not read the log from here any more. Ask an admin.\n\n"
            ),
            "{text}"
        );

        let mut adam = Browser::of(bot, ADAM).await;
        bot.other_operations += 1;
        let mut tail = adam.follows("/log/live", None).await;
        tail.until(": open").await;
        let token = adam.form_token(bot).await;
        bot.other_operations += 1;
        adam.sends(adam.form("/sign-out", &[("token", &token)])).await;
        let text = tail.ends().await;
        assert!(text.contains("event: over\ndata: Your session has ended."), "{text}");
    })
    .await;
}

#[tokio::test]
async fn it_shows_what_its_reader_may_see_alone_and_ends_with_the_bot() {
    run(world().grant(ADAM, "auditor", "live-*"), async |bot| {
        let browser = Browser::of(bot, ADAM).await;
        bot.other_operations += 1;
        let mut tail = browser.follows("/log/live", None).await;
        tail.until(": open").await;
        alice_says(bot, "/room-owner test user2 reason: hush").await;
        let shown = alice_says(bot, "/room-owner live-1 user3").await;
        let text = tail.until(&format!("op-{shown}\"")).await;
        assert!(!text.contains("hush") && !text.contains("carol"), "{text}");
        bot.restart().await;
        let text = tail.ends().await;
        assert!(!text.contains("event: over"), "the browser tries again: {text}");
    })
    .await;
}
