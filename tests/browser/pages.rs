//! How each page looks, to everybody.

use super::demo::drive;

#[tokio::test]
async fn pages_for_nobody_in_particular() {
    drive(async |demo| {
        let somebody = demo.browser().await;
        somebody.goes_where_nothing_is("/log").await;
        somebody.looks_good("signed-out").await;
        somebody.goes_where_nothing_is("/sign-in/x").await;
        somebody.looks_good("no-such-link").await;
        somebody.goes(&demo.link("Rita")).await;
        somebody.looks_good("sign-in").await;
    })
    .await;
}

#[tokio::test]
async fn pages_of_the_log() {
    drive(async |demo| {
        let long = "somebody-with-a-name-that-goes-on".repeat(3);
        demo.does("Alice", &format!("/room-owner live-7 user2 reason: {long}")).await;
        let operation = demo.does("Alice", "/room-owner live-7 user3 reason: host crashed").await;
        demo.does("Otto", "/room-owner live-7 otto").await;
        demo.does("Alice", "/room-owner gone user2").await;
        demo.does("Alice", "/room-owner live-final user2").await;
        let rita = demo.browser_of("Rita").await;
        rita.looks_good("log").await;
        for (path, name) in
            [("/log?room=nowhere", "log-empty"), ("/log?kind=transfer&readings=yes", "log-all-filters")]
        {
            rita.goes(path).await;
            rita.looks_good(name).await;
        }
        rita.goes_where_nothing_is("/log?since=never").await;
        rita.looks_good("log-wrong").await;
        rita.goes_where_nothing_is("/op/999").await;
        rita.looks_good("no-such-operation").await;
        let adam = demo.browser_of("Adam").await;
        adam.goes(&format!("/op/{operation}")).await;
        adam.looks_good("op").await;
    })
    .await;
}

#[tokio::test]
async fn the_page_of_the_sessions() {
    drive(async |demo| {
        let rita = demo.browser_of("Rita").await;
        demo.browser().await.signs_in("/demo/console/U0RITA").await;
        rita.goes("/sessions").await;
        rita.looks_good("sessions").await;
    })
    .await;
}

#[tokio::test]
async fn the_page_after_an_undo_that_came_too_late() {
    drive(async |demo| {
        let operation = demo.does("Alice", "/room-owner live-7 user2").await;
        let adam = demo.browser_of("Adam").await;
        adam.goes(&format!("/op/{operation}")).await;
        // Meanwhile somebody else was quicker.
        demo.does("Alice", "/room-owner live-7 user3").await;
        adam.presses("Undo").await;
        adam.until_it_says("user3 owns it now").await;
        adam.looks_good("op-declined").await;
    })
    .await;
}
