//! The overview.

use super::demo::drive;

#[tokio::test]
async fn it_shows_the_day_and_what_to_look_at() {
    drive(async |demo| {
        demo.does("Alice", "/room-owner live-7 user2").await;
        demo.does("Otto", "/room-owner live-7 otto").await;
        let adam = demo.browser_of("Adam").await;
        adam.presses("Overview").await;
        adam.until("location.pathname === '/overview'").await;
        adam.until("document.querySelectorAll('svg.hours title').length > 1").await;
        adam.looks_good("overview").await;
        let rita = demo.browser_of("Rita").await;
        rita.goes("/overview").await;
        let sections = "[...document.querySelectorAll('.bar nav a')].map((it) => it.textContent).join(' ')";
        assert_eq!(rita.value(sections).await, "Overview Audit log Rooms Sessions");
    })
    .await;
}
