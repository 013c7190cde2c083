//! Readers of other languages, in other zones, and without scripts.

use jiff::Timestamp;

use super::demo::drive;

#[tokio::test]
async fn the_language_is_the_browsers() {
    drive(async |demo| {
        let operation = demo.does("Alice", "/room-owner live-7 user2").await;
        let adam = demo.browser().await;
        adam.speaks("zh-CN,zh;q=0.9,en;q=0.8").await;
        adam.goes(&demo.link("Adam")).await;
        adam.presses("登录").await;
        adam.until("document.documentElement.lang === 'zh-CN' && location.pathname === '/overview'").await;
        adam.looks_good("overview-zh").await;
        adam.goes("/log").await;
        adam.looks_good("log-zh").await;
        adam.goes(&format!("/op/{operation}")).await;
        adam.looks_good("op-zh").await;
        adam.goes("/sessions").await;
        adam.looks_good("sessions-zh").await;
        adam.speaks("de,en;q=0.5").await;
        adam.goes("/log").await;
        adam.until("document.documentElement.lang === 'en'").await;
    })
    .await;
}

#[tokio::test]
async fn times_are_in_utc_and_in_the_readers_own_zone() {
    drive(async |demo| {
        demo.does("Alice", "/room-owner live-7 user2").await;
        for (zone, name) in
            [("Asia/Shanghai", "GMT+8"), ("America/Phoenix", "MST"), ("Asia/Kolkata", "GMT+5:30")]
        {
            let rita = demo.browser().await;
            rita.is_in_zone(zone).await;
            rita.signs_in("/demo/console/U0RITA").await;
            rita.goes("/log").await;
            rita.until("document.querySelectorAll('tbody .when').length > 3").await;
            let times = "[...document.querySelectorAll('tbody .when')].map((it) => [it.textContent, \
                         it.nextElementSibling?.textContent])";
            for time in rita.value(times).await.as_array().unwrap() {
                let utc = time[0].as_str().unwrap().replace(" UTC", "Z");
                let own = utc.parse::<Timestamp>().unwrap().in_tz(zone).unwrap();
                let own = own.strftime("%b %-d, %Y, %-I:%M:%S %p").to_string();
                let shown = time[1].as_str().unwrap_or_else(|| panic!("{utc} is in UTC alone"));
                assert_eq!(shown.replace('\u{202f}', " "), format!("{own} {name}"), "{utc}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn every_page_and_form_works_without_scripts() {
    drive(async |demo| {
        let operation = demo.does("Alice", "/room-owner live-7 user2").await;
        let adam = demo.browser().await;
        adam.runs_no_script().await;
        adam.goes(&demo.link("Adam")).await;
        adam.presses("Sign in").await;
        adam.until("location.pathname === '/overview'").await;
        adam.fits("overview, without scripts").await;
        adam.goes("/log").await;
        adam.until("document.querySelectorAll('tbody .when').length > 0").await;
        adam.until(
            "document.querySelectorAll('.beside').length === 0 && document.querySelector('#live').hidden",
        )
        .await;
        adam.presses("More filters").await;
        adam.types("#f-room", "live-7").await;
        adam.presses("Show").await;
        adam.until("location.search.includes('room=live-7')").await;
        adam.presses(&operation).await;
        adam.until(&format!("location.pathname === '/op/{operation}'")).await;
        adam.is_narrow().await;
        adam.fits("op, without scripts").await;
        adam.presses("Undo").await;
        adam.until(&format!(
            "location.pathname.startsWith('/op/') && location.pathname !== '/op/{operation}'"
        ))
        .await;
        let owner = demo.says("Alice", "/room-owner live-7").await;
        assert!(owner.contains("`live-7` belongs to `dave`"), "{owner}");
        adam.presses("Sessions").await;
        adam.until("location.pathname === '/sessions'").await;
        adam.clicks("tbody button").await;
        adam.until_it_says("signed out").await;
    })
    .await;
}
