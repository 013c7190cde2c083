//! An operation's page.

use super::demo::drive;

#[tokio::test]
async fn it_shows_what_happened_and_undoes_it_once() {
    drive(async |demo| {
        let operation = demo.does("Alice", "/room-owner live-7 user2 reason: host crashed").await;
        let adam = demo.browser_of("Adam").await;
        adam.goes(&format!("/op/{operation}")).await;
        for part in ["host crashed", "moderator for the rooms *", "the new owner was read back", "Proof"] {
            adam.until_it_says(part).await;
        }
        adam.presses("Undo").await;
        adam.until(&format!(
            "/^.op.\\d+$/.test(location.pathname) && location.pathname !== '/op/{operation}'"
        ))
        .await;
        adam.until_it_says("dave").await;
        let owner = demo.says("Alice", "/room-owner live-7").await;
        assert!(owner.contains("`live-7` belongs to `dave`"), "{owner}");
        adam.goes(&format!("/op/{operation}")).await;
        let text = adam.text().await;
        assert!(!text.contains("Undo"), "{text}");
    })
    .await;
}

#[tokio::test]
async fn who_reads_alone_has_no_button() {
    drive(async |demo| {
        let operation = demo.does("Alice", "/room-owner live-7 user2").await;
        let rita = demo.browser_of("Rita").await;
        rita.goes(&format!("/op/{operation}")).await;
        rita.until_it_says(&format!("Operation {operation}")).await;
        rita.until("document.querySelectorAll('main button').length === 0").await;
    })
    .await;
}
