//! Announcements and their channels are part of what the log tells, archived or not.

use jiff::Timestamp;
use room_owner::app::announcements::{Announcements as _, NextDue};
use room_owner::app::replies::Platform;
use room_owner::domain::announcement::Topic;
use room_owner::domain::archive::HeldUp;
use room_owner::domain::audit::{Announced, OperationId};
use room_owner::store::SqliteStore;
use room_owner::store::verify::{Evidence, verify};

use super::archives::archive_of;
use super::copies::{Copy, alterations_are_found_and_made_good, findings, guards_hold};
use super::world::{OPS, World, announce, ask, later, silence, succeeded};

const SLACK: [Platform; 1] = [Platform::Slack];

async fn post(store: &SqliteStore, at: Timestamp) {
    let NextDue::Post(due, _) = store.next_due(&SLACK, at).await.unwrap() else { panic!("nothing is due") };
    let Topic::Operation(_, event) = due.topic else { panic!("{due:?}") };
    let message = Some("1772366400.000001".to_owned());
    let announced = Announced { channel: due.channel.clone(), event, message, problem: None, to: None };
    store.settle(&due, Some(announced), at).await.unwrap();
}

/// Three channels, one of them left; a hand-over that was announced, and one that is yet to be.
async fn announcing() -> (World, OperationId) {
    let world = World::new().await;
    announce(OPS, "live-*").apply(&world.store).await;
    announce(OPS, "*").and(announce("discord:1:2", "vip-*")).apply(&world.store).await;
    silence("discord:1:2").apply(&world.store).await;
    let mut last = OperationId::default();
    for line in ["test bob", "test carol"] {
        last = ask(line).attempt(&world.store).await.operation();
        assert!(world.finish(last, &succeeded("req-1")).await);
    }
    post(&world.store, later(50)).await;
    (world, last)
}

#[tokio::test]
async fn what_somebody_alters_about_them_is_found_and_made_again() {
    let original = Copy::of(&announcing().await.0).await;
    alterations_are_found_and_made_good(&original, &[
        ("DELETE FROM announcements", "`announcements` has no row for announcement"),
        ("UPDATE announcements SET message = '1.2'", "does not say of announcement"),
        (
            "INSERT INTO announcements SELECT event + 100, operation, channel, announced, message, NULL FROM announcements",
            "and the log tells of none: it was added",
        ),
        ("UPDATE announcement_channels SET rooms = 'vip'", "does not say of announcement channel 1"),
        ("DELETE FROM announcement_channels WHERE id = 2", "has no row for announcement channel 2"),
        (
            "UPDATE announcement_channels SET removed_at = NULL, removed_by = NULL, removed_in = NULL WHERE id = 3",
            "does not say of announcement channel 3",
        ),
    ]).await;
}

#[tokio::test]
async fn the_guards_of_their_rows_hold() {
    let (world, _) = announcing().await;
    guards_hold(&world, &[
        ("DELETE FROM announcements", "never deleted"),
        ("UPDATE announcements SET message = '1.2'", "never changed"),
        ("INSERT OR REPLACE INTO announcements SELECT * FROM announcements", "recorded once"),
        ("DELETE FROM announcement_channels WHERE id = 2", "never deleted"),
        ("UPDATE announcement_channels SET rooms = 'vip' WHERE id = 2", "only be removed"),
        (
            "INSERT INTO announcement_channels (channel, rooms, for_admins, set_by, set_at, set_in)
             SELECT channel, rooms, for_admins, set_by, set_at, set_in FROM announcement_channels WHERE id = 2",
            "never replaced",
        ),
    ]).await;
}

#[tokio::test]
async fn what_is_to_be_announced_is_not_archived_and_what_is_archived_keeps_its_links() {
    let (world, last) = announcing().await;
    let first = world.file().with_file_name("first.archive");
    let made = archive_of(&world.store, later(1_000), &first).await.unwrap();
    assert_eq!(made.held_up_by, Some(HeldUp::Unanswered(last)));
    post(&world.store, later(60)).await;
    let second = world.file().with_file_name("second.archive");
    let made = archive_of(&world.store, later(1_000), &second).await.unwrap();
    assert_eq!(made.held_up_by, None);
    assert!(made.archive.is_some());
    assert_eq!(world.entry(last).await.announced.len(), 1, "its link stays");
    silence(OPS).apply(&world.store).await;
    world.store.close().await;
    for archives in [Vec::new(), vec![first, second]] {
        let report = verify(&world.file(), Evidence { archives, ..Evidence::default() }).await.unwrap();
        assert!(report.sound, "{}", findings(&report));
    }
}
