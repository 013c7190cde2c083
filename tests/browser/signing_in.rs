//! Coming in by a link, and going.

use super::demo::drive;

#[tokio::test]
async fn opening_a_link_signs_nobody_in_and_its_button_works_once() {
    drive(async |demo| {
        let link = demo.link("Rita");
        let looker = demo.browser().await;
        for _ in 0..2 {
            looker.goes(&link).await;
            looker.until_it_says("rita (slack:T0DEMO:U0RITA)").await;
        }
        looker.goes_where_nothing_is("/log").await;
        looker.until_it_says("Sign in from chat").await;

        let rita = demo.browser().await;
        rita.signs_in(&link).await;
        rita.until("location.pathname === '/overview'").await;
        looker.goes_where_nothing_is(&link).await;
        looker.until_it_says("This link was used already.").await;
    })
    .await;
}

#[tokio::test]
async fn a_session_that_is_ended_in_another_browser_is_over_in_the_page_that_is_open() {
    drive(async |demo| {
        let lost = demo.browser_of("Rita").await;
        lost.until_it_says("Live: new operations appear at the top.").await;
        let home = demo.browser().await;
        home.signs_in("/demo/console/U0RITA").await;
        home.goes("/sessions").await;
        let other =
            "[...document.querySelectorAll('tbody tr')].find((row) => !row.innerText.includes('this one'))";
        home.value(&format!("{other}.querySelector('button').id = 'other'")).await;
        home.clicks("#other").await;
        home.until("document.querySelectorAll('tbody tr').length === 1").await;

        lost.until_it_says("Your session has ended.").await;
        lost.goes_where_nothing_is("/log").await;
        lost.until_it_says("Sign in from chat").await;
        home.goes("/log").await;
    })
    .await;
}

#[tokio::test]
async fn who_signs_out_is_out() {
    drive(async |demo| {
        let alice = demo.browser().await;
        alice.signs_in(&demo.link("Alice")).await;
        alice.until("location.pathname === '/rooms'").await;
        alice.until_it_says("alice").await;
        alice.presses("Sign out").await;
        alice.until_it_says("You are signed out").await;
        alice.goes_where_nothing_is("/sessions").await;
        alice.until_it_says("Sign in from chat").await;
    })
    .await;
}
