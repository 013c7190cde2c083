//! That these tests notice what they are to notice.

use super::demo::drive;

#[tokio::test]
async fn an_exception_an_error_and_what_the_policy_forbids_are_troubles() {
    drive(async |demo| {
        let rita = demo.browser_of("Rita").await;
        for (wrong, method) in [
            ("setTimeout(() => { throw new Error('wrong') })", "Runtime.exceptionThrown"),
            ("console.error('wrong')", "Runtime.consoleAPICalled"),
            (
                "document.body.append(Object.assign(document.createElement('script'), { text: '1' }))",
                "Log.entryAdded",
            ),
            ("void fetch('/wrong')", "Log.entryAdded"),
        ] {
            rita.value(&format!("{wrong}; 0")).await;
            let mut found = Vec::new();
            while found.is_empty() {
                rita.value("new Promise((later) => setTimeout(later))").await;
                found = rita.troubles();
            }
            assert_eq!(found[0]["method"], method, "{wrong}: {found:#?}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_sticks_out_and_what_cannot_be_read_is_found() {
    drive(async |demo| {
        let rita = demo.browser_of("Rita").await;
        rita.value("document.querySelector('h1').style.width = '2000px'").await;
        rita.is_narrow().await;
        assert!(rita.wider().await[0][1].as_str().unwrap().starts_with("<h1"));
        rita.is_wide().await;
        assert!(rita.wider().await[0][1].as_str().unwrap().starts_with("<h1"));
        rita.value("document.querySelector('h1').style.color = '#ddd'").await;
        if let Some(barriers) = rita.barriers().await {
            assert!(barriers[0].contains("color-contrast"), "{barriers:#?}");
        }
    })
    .await;
}
