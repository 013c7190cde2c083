//! The live tail.

use super::demo::drive;

#[tokio::test]
async fn what_happens_appears_at_the_top_of_the_page_that_is_open() {
    drive(async |demo| {
        let rita = demo.browser_of("Rita").await;
        rita.until_it_says("Live: new operations appear at the top.").await;
        rita.value("window.is_the_same = true").await;
        for (line, outcome) in [
            ("/room-owner test user2 reason: <b>now</b>", "succeeded"),
            ("/room-owner gone user2", "refused"),
        ] {
            let operation = demo.does("Alice", line).await;
            let row = "document.querySelector('tbody tr')";
            rita.until(&format!("{row}.id === 'op-{operation}' && {row}.innerText.includes('{outcome}')"))
                .await;
            rita.until(&format!("{row}.innerText.includes({line:?}) && !!{row}.querySelector('.beside')"))
                .await;
        }
        rita.until("window.is_the_same && document.querySelectorAll('tbody b').length === 0").await;
    })
    .await;
}

#[tokio::test]
async fn the_first_operation_that_fits_takes_the_place_of_the_words_that_there_is_none() {
    drive(async |demo| {
        let rita = demo.browser_of("Rita").await;
        rita.goes("/log?room=my+room&outcome=denied").await;
        rita.until_it_says("Nothing in the log matches").await;
        rita.until_it_says("Live: new operations appear at the top.").await;
        demo.does("Alice", "/room-owner test user2").await;
        let denied = demo.does("Otto", "/room-owner \"my room\" otto").await;
        rita.until(&format!("document.querySelector('tbody tr').id === 'op-{denied}'")).await;
        let text = rita.text().await;
        assert!(!text.contains("Nothing in the log matches") && !text.contains("user2"), "{text}");
    })
    .await;
}
