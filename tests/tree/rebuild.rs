//! The tables made again from the log: whatever became of them, and only from a log that can be trusted.

use room_owner::app::acl::local_permit;
use room_owner::app::ports::{Store as _, StoreError};
use room_owner::clock::SystemClock;
use room_owner::domain::audit::OperationId;
use room_owner::domain::principal::Principal;
use room_owner::store::SqliteStore;

use super::copies::{Copy, day, findings};
use super::replay;
use super::world::{ask, execute, later, open, raw, recorded};

pub(crate) async fn rebuild(
    store: &SqliteStore,
    archives: Vec<std::path::PathBuf>,
) -> Result<OperationId, StoreError> {
    let principal = Principal::new("cli:ana".parse().unwrap());
    let permit = local_permit(store, &SystemClock, &principal).await.unwrap();
    let by = (principal, permit, "room-owner audit rebuild".to_owned());
    store.rebuild(by, archives, later(1_000), drop).await
}

/// What the tables say, without when grants were last used and the like, of which no event tells.
async fn tables(copy: &Copy) -> String {
    let mut raw = raw(&copy.file()).await;
    let events = replay::events(&mut raw).await;
    format!("{:?}", replay::assert_tables_follow(&events, &mut raw).await.operations)
}

#[tokio::test]
async fn whatever_became_of_the_tables_they_are_made_again() {
    let original = Copy::of(&day().await).await;
    for tampered in [
        "DELETE FROM operations; DELETE FROM deliveries; DELETE FROM callbacks; DELETE FROM grants;
         DELETE FROM authorised_channels",
        "UPDATE operations SET outcome = 'succeeded', actor = 'cli:eve', is_open = 0, held_room = NULL",
        "UPDATE grants SET role = 'admin', revoked_at = NULL, revoked_by = NULL, revoked_in = NULL",
        "INSERT INTO deliveries VALUES ('slack:x', 1, 0); UPDATE deliveries SET operation = 2",
        "INSERT INTO operations_text (operations_text) VALUES ('delete-all')",
        "INSERT INTO operations_text (rowid, found) VALUES (1000, 'what nobody said')",
        "UPDATE callbacks SET operator = 'eve', event_at = 0",
    ] {
        let copy = original.again();
        copy.tampered(tampered).await;
        let evidence = || room_owner::store::verify::Evidence { indexes: true, ..Default::default() };
        let report = super::copies::check(&copy.file(), evidence()).await;
        assert!(!report.sound, "{tampered}");
        let store = open(&copy.file()).await;
        let operation = rebuild(&store, Vec::new()).await.unwrap();
        let entry = store.operation(operation).await.unwrap().unwrap();
        assert_eq!(
            (entry.command.as_str(), entry.authority.as_deref()),
            ("room-owner audit rebuild", Some("local"))
        );
        // The guards are in force again, and the bot goes on.
        let touched = execute(&mut raw(&copy.file()).await, "DELETE FROM grants").await;
        assert!(touched.unwrap_err().to_string().contains("never deleted"));
        recorded(ask("live-9 bob").admit(&store).await);
        store.close().await;
        let report = super::copies::check(&copy.file(), evidence()).await;
        assert!(report.sound, "{tampered}: {}", findings(&report));
        tables(&copy).await;
    }
}

#[tokio::test]
async fn from_a_log_that_cannot_be_trusted_nothing_is_made() {
    let copy = Copy::of(&day().await).await;
    copy.tampered(
        "UPDATE audit_events SET body = replace(body, 'cli:ana', 'cli:eve') WHERE seq = 3; DELETE FROM deliveries",
    )
    .await;
    let store = open(&copy.file()).await;
    let refused = rebuild(&store, Vec::new()).await.unwrap_err().to_string();
    assert!(
        refused.contains("cannot be trusted: event 3: its text is not the one that was signed"),
        "{refused}"
    );
    let left: i64 = super::world::count(&mut raw(&copy.file()).await, "deliveries").await;
    assert_eq!(left, 0, "nothing was made");
    store.close().await;
}
