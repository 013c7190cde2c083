//! The demo's own page.

use super::demo::drive;

#[tokio::test]
async fn it_has_a_fresh_link_to_the_console_for_each_person() {
    drive(async |demo| {
        let page = demo.browser().await;
        page.goes("/").await;
        page.until("document.querySelectorAll('[href^=\"/demo/console/\"]').length === 4").await;
        page.looks_good("demo").await;
        // Its own window would be a tab of which nobody here knows.
        page.value("document.querySelector('[aria-label=\"Console as Adam\"]').target = ''").await;
        page.presses("Console as Adam").await;
        page.until_it_says("adam (slack:T0DEMO:U0ADAM)").await;
        page.presses("Sign in").await;
        page.until("location.pathname === '/overview'").await;
        page.goes_where_nothing_is("/demo/console/U0OTTO").await;
        page.until_it_says("otto has no role").await;
    })
    .await;
}

#[tokio::test]
async fn commands_are_typed_and_answered() {
    drive(async |demo| {
        let page = demo.browser().await;
        // As large as `docs/demo.png`, which is this picture.
        page.is_sized(1_240, 760, false).await;
        page.goes("/").await;
        page.until_it_says("Nothing said here yet").await;
        for (line, answer, record) in [
            ("/room-owner test user2 reason: host crashed", "test now belongs to user2", "carol → user2"),
            ("/room-owner tset user9", "Did you mean test?", "tset → user9"),
        ] {
            page.types("#words", line).await;
            page.key("Enter").await;
            for said in [answer, record] {
                page.until_it_says(said).await;
            }
        }
        page.until(
            "[...document.querySelectorAll('button')].some((it) => it.innerText === 'Hand test to user9')",
        )
        .await;
        page.is_drawn("demo-conversation").await;
    })
    .await;
}
