//! The keyboard alone.

use super::demo::drive;

#[tokio::test]
async fn the_first_tab_leads_past_the_navigation_and_the_next_to_a_filter() {
    drive(async |demo| {
        demo.does("Alice", "/room-owner live-7 user3").await;
        let shown = demo.does("Alice", "/room-owner test user2").await;
        let rita = demo.browser_of("Rita").await;
        rita.key("Tab").await;
        assert_eq!(rita.focus().await, "Skip to the content");
        rita.until("document.activeElement.getBoundingClientRect().left >= 0").await;
        rita.key("Enter").await;
        rita.until("location.hash === '#main'").await;
        rita.key("Tab").await;
        assert_eq!(rita.focus().await, "Room");
        rita.writes("test").await;
        rita.key("Enter").await;
        rita.until("location.search.includes('room=test')").await;
        rita.until(&format!("document.querySelector('tbody tr').id === 'op-{shown}'")).await;
        // What has the focus is seen to have it.
        rita.key("Tab").await;
        rita.until("getComputedStyle(document.activeElement).outlineStyle === 'solid'").await;
    })
    .await;
}

#[tokio::test]
async fn a_sign_in_and_an_undo_need_no_mouse() {
    drive(async |demo| {
        let operation = demo.does("Alice", "/room-owner live-7 user2").await;
        let adam = demo.browser().await;
        adam.goes(&demo.link("Adam")).await;
        adam.tabs_to("Sign in").await;
        adam.key("Enter").await;
        adam.until("location.pathname === '/overview'").await;
        adam.goes(&format!("/op/{operation}")).await;
        adam.tabs_to("Undo").await;
        adam.key(" ").await;
        adam.until(&format!("location.pathname !== '/op/{operation}'")).await;
        let owner = demo.says("Alice", "/room-owner live-7").await;
        assert!(owner.contains("`live-7` belongs to `dave`"), "{owner}");
    })
    .await;
}
