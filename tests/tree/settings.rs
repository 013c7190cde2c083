//! Links and marks are part of what the log tells, archived or not.

use room_owner::app::ports::{Store as _, WhichSettings};
use room_owner::domain::access::{Mark, Setting};
use room_owner::store::verify::{Evidence, verify};

use super::archives::archive_of;
use super::copies::{Copy, alterations_are_found_and_made_good, findings, guards_hold};
use super::world::{World, ask, later, link, mark, unmark};

/// A link that was replaced, a mark, and a mark that is no more.
async fn set() -> World {
    let world = World::new().await;
    for edit in [
        link("slack:T1:U2", "alice"),
        link("slack:T1:U2", "bob"),
        mark("live-*", Mark::TwoPerson),
        mark("vip", Mark::Confirm),
        unmark("vip"),
    ] {
        edit.apply(&world.store).await;
    }
    world
}

#[tokio::test]
async fn they_are_asked_for_by_person_and_by_account() {
    let world = set().await;
    let asked = async |which| world.store.settings(&which).await.unwrap();
    assert_eq!(asked(WhichSettings::All).await.len(), 4);
    let of = asked(WhichSettings::LinksOf(vec!["slack:T1:U2".parse().unwrap()])).await;
    let now = later(1_000);
    let accounts = of.iter().map(|entry| match &entry.setting {
        Setting::Link { account, .. } => (account.as_str(), entry.is_live(now)),
        Setting::Mark { .. } => panic!("{entry:?}"),
    });
    assert_eq!(accounts.collect::<Vec<_>>(), [("alice", false), ("bob", true)]);
    assert_eq!(asked(WhichSettings::LinksTo("alice".parse().unwrap())).await, []);
    assert_eq!(asked(WhichSettings::LinksTo("bob".parse().unwrap())).await, of[1..]);
}

#[tokio::test]
async fn what_somebody_alters_about_them_is_found_and_made_again() {
    let original = Copy::of(&set().await).await;
    alterations_are_found_and_made_good(&original, &[
        ("DELETE FROM acl_settings WHERE id = 1", "`acl_settings` has no row for setting 1"),
        ("UPDATE acl_settings SET value = 'confirm' WHERE id = 3", "does not say of setting 3"),
        ("UPDATE acl_settings SET key = 'slack:T1:U9' WHERE id = 2", "does not say of setting 2"),
        (
            "UPDATE acl_settings SET removed_at = NULL, removed_by = NULL, removed_in = NULL WHERE id = 4",
            "does not say of setting 4",
        ),
    ]).await;
}

#[tokio::test]
async fn the_guards_of_their_rows_hold() {
    let world = set().await;
    guards_hold(
        &world,
        &[
            ("DELETE FROM acl_settings WHERE id = 3", "never deleted"),
            ("UPDATE acl_settings SET value = 'confirm' WHERE id = 3", "only be removed"),
            (
                "INSERT OR REPLACE INTO acl_settings (kind, key, value, set_by, set_at, set_in)
             SELECT kind, key, 'confirm', set_by, set_at, set_in FROM acl_settings WHERE id = 3",
                "never replaced",
            ),
            (
                "INSERT INTO acl_settings (kind, key, value, set_by, set_at, set_in)
             SELECT kind, 'vip', 'lax', set_by, set_at, set_in FROM acl_settings WHERE id = 3",
                "CHECK",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn they_stay_when_what_made_them_is_archived() {
    let world = set().await;
    let archive = world.file().with_file_name("first.archive");
    let made = archive_of(&world.store, later(1_000), &archive).await.unwrap();
    assert!(made.archive.is_some());
    unmark("live-*").apply(&world.store).await;
    world.store.close().await;
    for archives in [Vec::new(), vec![archive]] {
        let report = verify(&world.file(), Evidence { archives, ..Evidence::default() }).await.unwrap();
        assert!(report.sound, "{}", findings(&report));
    }
}

#[tokio::test]
async fn who_was_to_get_a_room_is_part_of_what_the_log_tells() {
    let world = World::new().await;
    let attempt = ask("test slack:T1:U2").attempt(&world.store).await;
    let person = world.entry(attempt.operation()).await.new_owner_person;
    assert_eq!(person, Some("slack:T1:U2".parse().unwrap()));
    let altered = "UPDATE new_owner_people SET person = 'slack:T1:U9'";
    alterations_are_found_and_made_good(
        &Copy::of(&world).await,
        &[
            ("DELETE FROM new_owner_people", "has no row for new owner of operation 3"),
            (altered, "does not say of new owner of operation 3"),
        ],
    )
    .await;
    guards_hold(&world, &[("DELETE FROM new_owner_people", "never deleted"), (altered, "recorded once")])
        .await;
}
