//! Rooms: the list, a room with its picture, and a hand-over by its form.

use super::demo::drive;

const GOES_ON: &str = "/^.op.\\d+$/.test(location.pathname)";

#[tokio::test]
async fn a_room_is_found_read_as_a_picture_and_handed_over() {
    drive(async |demo| {
        demo.does("Alice", "/room-owner live-7 user2 reason: host crashed").await;
        let adam = demo.browser_of("Adam").await;
        adam.presses("Rooms").await;
        adam.until("location.pathname === '/rooms'").await;
        adam.looks_good("rooms").await;
        adam.presses("live-7").await;
        adam.until("location.pathname === '/room/live-7'").await;
        adam.until("document.querySelectorAll('svg.picture rect title').length > 1").await;
        let bar =
            adam.value("[...document.querySelectorAll('svg.picture rect title')].at(-1).textContent").await;
        assert!(bar.as_str().unwrap().contains("user2"), "{bar}");
        adam.looks_good("room").await;
        adam.types("#f-new", "user3").await;
        adam.types("#f-reason", "the co-host is back").await;
        adam.presses("Review").await;
        adam.until_it_says("user3").await;
        adam.looks_good("hand-over").await;
        adam.clicks("main form.go button").await;
        adam.until(GOES_ON).await;
        adam.until_it_says("the co-host is back").await;
        let owner = demo.says("Alice", "/room-owner live-7").await;
        assert!(owner.contains("`live-7` belongs to `user3`"), "{owner}");
        let before = adam.value("location.pathname").await;
        adam.presses("Undo").await;
        adam.until(&format!("{GOES_ON} && location.pathname !== {before}")).await;
        let owner = demo.says("Alice", "/room-owner live-7").await;
        assert!(owner.contains("`live-7` belongs to `user2`"), "{owner}");
    })
    .await;
}

#[tokio::test]
async fn a_marked_room_is_handed_over_by_two_without_scripts_and_in_chinese() {
    drive(async |demo| {
        demo.does("Adam", "/room-acl room live-7 two-person").await;
        let alice = demo.browser().await;
        alice.runs_no_script().await;
        alice.signs_in(&demo.link("Alice")).await;
        alice.goes("/room/live-7").await;
        alice.types("#f-new", "user2").await;
        alice.presses("Review").await;
        alice.until_it_says("user2").await;
        alice.is_narrow().await;
        alice.fits("hand-over, without scripts").await;
        alice.clicks("main form.go button").await;
        alice.until("document.querySelector('main form.go') === null").await;
        alice.until_it_says("second person").await;
        let adam = demo.browser().await;
        adam.signs_in(&demo.link("Adam")).await;
        adam.speaks("zh-CN").await;
        adam.goes("/rooms").await;
        adam.until_it_says("批准").await;
        adam.looks_good("rooms-zh").await;
        adam.presses("批准").await;
        adam.until(GOES_ON).await;
        adam.goes("/room/live-7").await;
        adam.looks_good("room-zh").await;
        let owner = demo.says("Alice", "/room-owner live-7").await;
        assert!(owner.contains("`live-7` belongs to `user2`"), "{owner}");
    })
    .await;
}
