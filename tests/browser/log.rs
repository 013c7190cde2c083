//! Filters.

use super::demo::drive;

#[tokio::test]
async fn filters_are_filled_in_and_stand_in_the_address() {
    drive(async |demo| {
        let shown = demo.does("Alice", "/room-owner test user2 reason: host crashed").await;
        demo.does("Alice", "/room-owner live-7 user3").await;
        let denied = demo.does("Otto", "/room-owner test otto").await;
        let rita = demo.browser_of("Rita").await;

        rita.types("#f-room", "test").await;
        rita.types("#f-text", "host crashed").await;
        rita.presses("Show").await;
        rita.until(
            "location.search.includes('room=test') && document.querySelectorAll('tbody tr').length === 1",
        )
        .await;
        rita.until(&format!("document.querySelector('tbody tr').id === 'op-{shown}'")).await;
        rita.until("document.querySelector('#f-text').value === 'host crashed'").await;

        rita.presses("Clear").await;
        rita.until("location.search === ''").await;
        rita.clicks("[name=outcome][value=denied]").await;
        rita.presses("More filters").await;
        rita.chooses("#f-kind", "transfer").await;
        rita.presses("Show").await;
        rita.until("location.search.includes('outcome=denied')").await;
        rita.until(&format!("document.querySelector('tbody tr').id === 'op-{denied}'")).await;
        rita.presses(&denied).await;
        rita.until_it_says(&format!("Operation {denied}")).await;

        rita.goes_where_nothing_is("/log?since=never").await;
        rita.until("document.querySelector('[role=alert]').innerText.includes('`never` is not a time')")
            .await;
    })
    .await;
}
