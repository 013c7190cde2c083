//! What is to be announced: written with the outcome, taken by one process, never lost.

use jiff::{SignedDuration, Timestamp};
use room_owner::app::announcements::{Announcements as _, DueAnnouncement, NextDue};
use room_owner::app::replies::{Batch, Outbox as _, Platform};
use room_owner::domain::announcement::Topic;
use room_owner::domain::audit::{Announced, OperationId};
use room_owner::store::SqliteStore;

use super::world::{
    ALICE, NOON, OPS, World, announce, ask, count, grant, later, silence, succeeded, unknown,
};

const INCIDENTS: &str = "slack:T1:C5";
const BOTH: [Platform; 2] = [Platform::Slack, Platform::Discord];

async fn next(store: &SqliteStore, at: Timestamp) -> Option<DueAnnouncement> {
    match store.next_due(&BOTH, at).await.unwrap() {
        NextDue::Post(due, _) => Some(due),
        _ => None,
    }
}

async fn hand_over(world: &World, line: &str) -> OperationId {
    let operation = ask(line).attempt(&world.store).await.operation();
    assert!(world.finish(operation, &succeeded("req-1")).await);
    operation
}

async fn post(store: &SqliteStore, due: &DueAnnouncement) {
    let Topic::Operation(_, event) = due.topic else { return store.settle(due, None, NOON).await.unwrap() };
    let message = Some("1.2".to_owned());
    let announced = Announced { channel: due.channel.clone(), event, message, problem: None, to: None };
    store.settle(due, Some(announced), later(9)).await.unwrap();
}

#[tokio::test]
async fn each_channel_gets_what_happens_to_its_rooms_once_and_none_costs_nothing() {
    let world = World::new().await;
    hand_over(&world, "live-1 bob").await;
    assert_eq!(count(&mut world.raw().await, "announcements_due").await, 0);
    announce(INCIDENTS, "live-*").and(announce("discord:1:2", "*")).apply(&world.store).await;
    let live = hand_over(&world, "live-7 bob").await;
    let other = hand_over(&world, "vip-1 bob").await;
    let mut posted = Vec::new();
    while let Some(due) = next(&world.store, later(10)).await {
        post(&world.store, &due).await;
        let Topic::Operation(operation, _) = due.topic else { panic!("{due:?}") };
        posted.push((operation, due.channel.to_string()));
    }
    posted.sort();
    let both = |operation| [(operation, "discord:1:2".to_owned()), (operation, INCIDENTS.to_owned())];
    assert_eq!(posted, [both(live).to_vec(), both(other)[..1].to_vec()].concat());
    let links: Vec<_> = world.entry(live).await.announced.iter().filter_map(Announced::link).collect();
    assert!(links.contains(&"https://slack.com/archives/C5/p12".to_owned()), "{links:?}");
    assert!(links.contains(&"https://discord.com/channels/1/2/1.2".to_owned()), "{links:?}");
}

#[tokio::test]
async fn what_is_known_by_now_takes_the_place_of_what_was_not_posted_yet() {
    let world = World::new().await;
    announce(INCIDENTS, "*").apply(&world.store).await;
    let operation = ask("test bob").attempt(&world.store).await.operation();
    assert!(world.finish(operation, &unknown(None)).await);
    let first = next(&world.store, later(10)).await.unwrap();
    assert!(world.finish(operation, &succeeded("req-1")).await);
    // The first one was under way: both are posted, and each is recorded.
    post(&world.store, &first).await;
    // Asked again, because its answer was lost, it is recorded once.
    post(&world.store, &first).await;
    let second = next(&world.store, later(10)).await.unwrap();
    assert_ne!(first.topic, second.topic);
    assert!(!second.perhaps_posted);
    post(&world.store, &second).await;
    assert_eq!(next(&world.store, later(10)).await, None);
    assert_eq!(world.entry(operation).await.announced.len(), 2);
}

#[tokio::test]
async fn another_process_goes_on_and_knows_that_it_may_have_been_posted() {
    let world = World::new().await;
    announce(INCIDENTS, "*").apply(&world.store).await;
    hand_over(&world, "test bob").await;
    let taken = next(&world.store, later(10)).await.unwrap();
    assert!(!taken.perhaps_posted);
    let other = world.another().await;
    assert_eq!(next(&other, later(10)).await, None, "a running process has it");
    other.close().await;
    let world = world.reopened().await;
    let again = next(&world.store, later(10)).await.unwrap();
    assert_eq!((again.topic, again.perhaps_posted), (taken.topic, true));
}

#[tokio::test]
async fn a_pause_holds_for_the_whole_platform_and_a_day_is_the_longest() {
    let world = World::new().await;
    announce(INCIDENTS, "*")
        .and(announce("discord:1:2", "*"))
        .and(announce("discord:1:3", "*"))
        .apply(&world.store)
        .await;
    hand_over(&world, "test bob").await;
    let first = next(&world.store, later(10)).await.unwrap();
    world.store.postpone(&first, later(60_010), true, later(10)).await.unwrap();
    let second = next(&world.store, later(10)).await.unwrap();
    assert_eq!(
        (Platform::of(&first.channel), second.channel.to_string()),
        (Platform::Discord, INCIDENTS.into())
    );
    post(&world.store, &second).await;
    assert_eq!(world.store.next_due(&BOTH, later(11)).await.unwrap(), NextDue::NotBefore(later(60_010)));
    // A clock that was set back loses nobody's time.
    assert!(next(&world.store, later(5)).await.is_some());
    // Where no process serves the platform, it is given up by whoever is there.
    let day = later(86_400_001 + 1_000);
    let old = world.store.next_due(&[Platform::Slack], day).await.unwrap();
    assert!(matches!(old, NextDue::Post(..)), "{old:?}");
}

#[tokio::test]
async fn where_somebody_waits_for_a_reply_that_comes_first() {
    let world = World::new().await;
    announce(OPS, "*").and(announce(INCIDENTS, "*")).apply(&world.store).await;
    let operation = ask("test bob").answered_later().attempt(&world.store).await.operation();
    assert!(world.finish(operation, &succeeded("req-1")).await);
    let elsewhere = next(&world.store, later(10)).await.unwrap();
    assert_eq!(elsewhere.channel.to_string(), INCIDENTS);
    post(&world.store, &elsewhere).await;
    assert_eq!(world.store.next_due(&BOTH, later(10)).await.unwrap(), NextDue::AfterReplies);
    let channel = OPS.parse().unwrap();
    world.store.was_replied(operation, &channel, "3.4", later(11)).await.unwrap();
    world.store.keep(&Batch { changed: Vec::new(), done: vec![operation] }).await.unwrap();
    assert_eq!(world.store.next_due(&BOTH, later(10)).await.unwrap(), NextDue::Nothing);
    assert_eq!(world.entry(operation).await.announced.len(), 2);
}

#[tokio::test]
async fn a_grant_that_lapses_is_announced_once_in_each_channel_and_off_ends_it() {
    let world = World::new().await;
    announce(INCIDENTS, "live-*").and(announce("discord:1:2", "vip-*")).apply(&world.store).await;
    let end = |hours| Some(NOON + SignedDuration::from_hours(hours));
    grant(ALICE, "moderator", "live-*").but(|new| new.expires_at = end(30)).apply(&world.store).await;
    let at = |hours| NOON + SignedDuration::from_hours(hours);
    for (hours, is_due) in [(1, false), (7, true), (8, false)] {
        world.store.find_lapses(at(hours)).await.unwrap();
        let due = next(&world.store, at(hours)).await;
        assert_eq!(due.is_some(), is_due, "after {hours} h");
        if let Some(due) = due {
            assert_eq!(due.channel.to_string(), INCIDENTS);
            post(&world.store, &due).await;
        }
    }
    let world = world.reopened().await;
    world.store.find_lapses(at(9)).await.unwrap();
    assert_eq!(next(&world.store, at(9)).await, None, "not after a restart either");
    hand_over(&world, "live-7 bob").await;
    silence(INCIDENTS).apply(&world.store).await;
    assert_eq!(next(&world.store, at(9)).await, None);
}

#[tokio::test]
async fn a_grant_that_was_not_announced_before_off_is_announced_after_it() {
    let world = World::new().await;
    let ends_soon = Some(NOON + SignedDuration::from_hours(3));
    grant(ALICE, "moderator", "live-*").but(|new| new.expires_at = ends_soon).apply(&world.store).await;
    for (is_posted, is_due_again) in [(false, true), (true, false)] {
        announce(INCIDENTS, "*").apply(&world.store).await;
        world.store.find_lapses(later(10)).await.unwrap();
        let due = next(&world.store, later(10)).await.unwrap();
        if is_posted {
            post(&world.store, &due).await;
        }
        silence(INCIDENTS).apply(&world.store).await;
        assert_eq!(next(&world.store, later(11)).await, None);
        announce(INCIDENTS, "*").apply(&world.store).await;
        world.store.find_lapses(later(12)).await.unwrap();
        let again = next(&world.store, later(12)).await;
        assert_eq!(again.is_some(), is_due_again, "posted: {is_posted}");
        silence(INCIDENTS).apply(&world.store).await;
    }
}

#[tokio::test]
async fn what_happened_to_a_room_is_posted_in_its_order_by_whichever_process() {
    let world = World::new().await;
    announce(INCIDENTS, "*").apply(&world.store).await;
    let (first, second) = (hand_over(&world, "test bob").await, hand_over(&world, "test carol").await);
    let elsewhere = hand_over(&world, "live-7 bob").await;
    let operation = |due: &DueAnnouncement| match due.topic {
        Topic::Operation(operation, _) => operation,
        Topic::Grant(_) => panic!("{due:?}"),
    };
    let other = world.another().await;
    let due = next(&world.store, later(10)).await.unwrap();
    assert_eq!(operation(&due), first);
    let meanwhile = next(&other, later(10)).await.unwrap();
    assert_eq!(operation(&meanwhile), elsewhere, "another room does not wait");
    post(&other, &meanwhile).await;
    assert_eq!(next(&other, later(10)).await, None);
    // Nor is it overtaken while it is put off.
    world.store.postpone(&due, later(5_000), false, later(10)).await.unwrap();
    assert_eq!(world.store.next_due(&BOTH, later(11)).await.unwrap(), NextDue::NotBefore(later(5_000)));
    post(&world.store, &next(&world.store, later(5_000)).await.unwrap()).await;
    assert_eq!(operation(&next(&other, later(5_001)).await.unwrap()), second);
}
