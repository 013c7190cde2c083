//! Access: who may do what, and a grant whose plan is read before it is made.

use super::demo::drive;

#[tokio::test]
async fn a_grant_is_planned_applied_and_taken_back() {
    drive(async |demo| {
        let adam = demo.browser_of("Adam").await;
        adam.presses("Access").await;
        adam.until("location.pathname === '/access'").await;
        adam.looks_good("access").await;
        adam.goes("/access/plan?change=grant").await;
        adam.looks_good("access-grant").await;
        adam.types("#f-who", "slack:T0DEMO:U0OTTO").await;
        adam.chooses("#f-role", "moderator").await;
        adam.types("#f-rooms", "live-*").await;
        adam.clicks("main form button").await;
        adam.until("document.querySelectorAll('.plan .gains').length === 1").await;
        adam.looks_good("access-plan").await;
        let denied = demo.says("Otto", "/room-owner live-7 user2").await;
        assert!(denied.contains("Not allowed"), "nothing is done by planning: {denied}");
        adam.types("#reason", "on call tonight").await;
        adam.presses("Apply").await;
        adam.until("location.pathname !== '/access/plan'").await;
        adam.until_it_says("U0OTTO").await;
        let done = demo.says("Otto", "/room-owner live-7 user2").await;
        assert!(done.contains("belongs to `user2`"), "{done}");
        adam.goes("/access/who-can?room=live-7").await;
        adam.until_it_says("U0OTTO").await;
        adam.looks_good("access-who-can").await;
        adam.goes("/access/why?who=slack:T0DEMO:U0OTTO&room=live-7").await;
        adam.looks_good("access-why").await;
    })
    .await;
}

#[tokio::test]
async fn every_part_looks_good_and_a_plan_needs_no_script() {
    drive(async |demo| {
        demo.does("Otto", "/room-owner ask live-7 reason: on call").await;
        let adam = demo.browser().await;
        adam.signs_in(&demo.link("Adam")).await;
        for part in ["all", "attention", "channels", "announcements", "links", "rooms"] {
            adam.goes(&format!("/access?part={part}")).await;
            adam.looks_good(&format!("access-{part}")).await;
        }
        adam.speaks("zh-CN").await;
        adam.goes("/access").await;
        adam.looks_good("access-zh").await;
        adam.speaks("en").await;
        adam.runs_no_script().await;
        adam.goes("/access/plan?change=deny&who=slack:T0DEMO:U0ALICE&role=moderator&rooms=live-*").await;
        adam.clicks("main form button").await;
        adam.until("document.querySelectorAll('.plan .loses').length === 1").await;
        adam.is_narrow().await;
        adam.fits("access-plan, without scripts").await;
    })
    .await;
}
