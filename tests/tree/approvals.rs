//! Who asked for what somebody else approved is part of what the log tells, archived or not.

use room_owner::app::ports::Store as _;
use room_owner::store::verify::{Evidence, verify};

use super::archives::archive_of;
use super::copies::{Copy, alterations_are_found_and_made_good, findings, guards_hold};
use super::world::{ALICE, World, approve, later};

async fn approved() -> World {
    let world = World::new().await;
    let operation = approve("test bob", &world.store).await;
    let entry = world.store.operation(operation).await.unwrap().unwrap();
    let asker = entry.requested_by.map(|subject| subject.to_string());
    assert_eq!((asker.as_deref(), entry.requested_by_name.as_deref()), (Some(ALICE), Some("alice")));
    world
}

#[tokio::test]
async fn what_somebody_alters_about_them_is_found_and_made_again() {
    let original = Copy::of(&approved().await).await;
    alterations_are_found_and_made_good(
        &original,
        &[
            ("DELETE FROM approvals", "`approvals` has no row for approval"),
            ("UPDATE approvals SET requested_by = 'slack:T1:U9'", "does not say of approval"),
            (
                "INSERT INTO approvals VALUES (1, 'slack:T1:U9', NULL)",
                "and the log tells of none: it was added",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn the_guards_of_their_rows_hold() {
    let world = approved().await;
    guards_hold(
        &world,
        &[
            ("DELETE FROM approvals", "never deleted"),
            ("UPDATE approvals SET requested_by = 'slack:T1:U9'", "never changed"),
            ("INSERT OR REPLACE INTO approvals SELECT * FROM approvals", "recorded once"),
        ],
    )
    .await;
}

#[tokio::test]
async fn they_stay_when_what_made_them_is_archived() {
    let world = approved().await;
    let archive = world.file().with_file_name("first.archive");
    let made = archive_of(&world.store, later(1_000), &archive).await.unwrap();
    assert!(made.archive.is_some());
    approve("test carol", &world.store).await;
    world.store.close().await;
    for archives in [Vec::new(), vec![archive]] {
        let report = verify(&world.file(), Evidence { archives, ..Evidence::default() }).await.unwrap();
        assert!(report.sound, "{}", findings(&report));
    }
}
