//! The pages as people read them, in both languages.

use super::console::{Browser, alice_says, ritas_link};
use super::slack::OTTO;
use super::world::{Stage, World, run};

/// What differs from run to run.
pub(crate) fn pages(language: &str, pages: Vec<(&str, String)>) {
    let text: Vec<String> = pages.into_iter().map(|(name, text)| format!("=== {name}\n{text}")).collect();
    insta::with_settings!({ filters => [
        (r"Id-[0-9a-f]{32}-O-Seq-\d+", "[request id]"),
        (r"room-owner/[0-9a-f]{8}\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+", "[key]"),
        (r"[0-9a-f]{64}", "[hash]"),
        (r"p\d{16}", "[message]"),
    ], snapshot_path => "console", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(format!("pages-{language}"), text.join("\n\n"));
    });
}

async fn an_evening(bot: &Stage) -> String {
    let operation = alice_says(bot, "/room-owner test user2 reason: host crashed").await;
    bot.slack(OTTO).says("/room-owner test otto").await.text();
    alice_says(bot, "/room-owner nowhere user3").await;
    operation
}

async fn read_everything(language: &'static str) {
    run(World::usual().with_console(), async |bot| {
        let operation = an_evening(bot).await;
        let mut browser = Browser::new(bot).in_language(language);
        let mut read = vec![("signed out", browser.opens("/log").await.text())];
        read.push(("no such link", browser.opens("/sign-in/x").await.text()));
        let link = ritas_link(bot).await;
        read.push(("sign in", browser.opens(&link).await.text()));
        browser.presses(bot, &link).await;
        read.push(("a link that was used", browser.opens(&link).await.text()));
        for (name, at) in [
            ("the log", "/log".to_owned()),
            ("nothing fits", "/log?room=empty&zone=Asia/Shanghai".to_owned()),
            ("a wrong filter", "/log?since=never".to_owned()),
            ("an operation", format!("/op/{operation}")),
            ("no such operation", "/op/999".to_owned()),
            ("sessions", "/sessions".to_owned()),
        ] {
            let page = browser.reads(bot, &at).await;
            assert!(page.body.contains(&format!("<html lang=\"{language}\">")), "{at}");
            read.push((name, page.text()));
        }
        bot.revoke(2).await;
        read.push(("not allowed any more", browser.reads(bot, "/log").await.text()));
        pages(language, read);
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
