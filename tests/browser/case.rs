//! A case file, from the page of its room to the download.

use super::demo::drive;

#[tokio::test]
async fn a_room_is_taken_home_as_a_case_file() {
    drive(async |demo| {
        demo.does("Alice", "/room-owner live-7 user2").await;
        let rita = demo.browser_of("Rita").await;
        rita.goes("/room/live-7").await;
        rita.presses("Case file").await;
        rita.until("location.pathname === '/case'").await;
        rita.looks_good("case").await;
        // As the form sends it; the browser would keep what comes as a file.
        let sends = "(async () => { const form = document.querySelector('main form'); \
                     const sent = await fetch(form.action, { method: 'POST', body: new URLSearchParams(new FormData(form)) }); \
                     const bytes = new Uint8Array(await sent.arrayBuffer()); \
                     return [sent.status, sent.headers.get('content-disposition'), bytes[0], bytes[1]]; })()";
        let file = rita.value(sends).await;
        assert_eq!((file[0].as_u64(), file[2].as_u64(), file[3].as_u64()), (Some(200), Some(0x50), Some(0x4b)), "{file}");
        assert!(file[1].as_str().unwrap().contains(".zip"), "{file}");
    })
    .await;
}
