//! A database from before the tree: its log is taken in whole at the first start.

use std::path::PathBuf;

use room_owner::store::verify::{Evidence, verify};
use sqlx::Connection as _;
use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::copies::{check, night, told};
use super::independent;
use super::world::{self, MALLORY, World, allow, ask, execute};

/// A file with the schema of migration 1 alone, and the world's data in it.
async fn as_of_the_first_migration(world: &World) -> (TempDir, PathBuf) {
    world.store.close().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("room-owner.db");
    let options = SqliteConnectOptions::new().filename(&file).create_if_missing(true);
    let mut old = SqliteConnection::connect_with(&options).await.unwrap();
    let sql = include_str!("../../migrations/0001_access_and_audit.sql").into_sql_str();
    let first = Migration::new(1, "access and audit".into(), MigrationType::Simple, sql, false);
    Migrator::with_migrations(vec![first]).run(&mut old).await.unwrap();
    execute(&mut old, format!("ATTACH '{}' AS now", world.file().display())).await.unwrap();
    for table in ["grants", "authorised_channels", "audit_events", "operations", "deliveries"] {
        let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info(?, 'main')")
            .bind(table)
            .fetch_all(&mut old)
            .await
            .unwrap();
        let columns = columns.join(", ");
        execute(
            &mut old,
            format!("INSERT INTO main.{table} ({columns}) SELECT {columns} FROM now.{table} ORDER BY 1"),
        )
        .await
        .unwrap();
    }
    old.close().await.unwrap();
    (folder, file)
}

#[tokio::test]
async fn the_log_from_before_the_tree_is_taken_in_and_goes_on() {
    // Around the number of events that are taken in at once, and none.
    for more in [None, Some(0), Some(256 - 20), Some(600)] {
        let world = match more {
            None => World::empty().await,
            Some(more) => {
                let world = night().await;
                let world = world.reopened().await;
                let store = std::sync::Arc::new(world.another().await);
                let mut tasks = JoinSet::new();
                for _ in 0..more {
                    let store = std::sync::Arc::clone(&store);
                    tasks.spawn(async move { ask("test bob").by(MALLORY).admit(&store).await });
                }
                tasks.join_all().await;
                store.close().await;
                world
            }
        };
        let (_folder, file) = as_of_the_first_migration(&world).await;
        let error = verify(&file, Evidence::default()).await.unwrap_err().to_string();
        assert!(error.contains("no signed tree"), "{error}");

        let store = world::open(&file).await;
        store.close().await;
        let report = check(&file, Evidence::default()).await;
        assert!(report.sound, "{more:?}: {}", told(&report));
        let mut raw = world::raw(&file).await;
        let bodies: Vec<String> = sqlx::query_scalar("SELECT body FROM audit_events ORDER BY seq")
            .fetch_all(&mut raw)
            .await
            .unwrap();
        assert_eq!(report.root, hex::encode(independent::root(&bodies)));
        assert_eq!(report.events, more.map_or(0, |more| more + 20));
        raw.close().await.unwrap();

        let store = world::open(&file).await;
        allow("discord:1:7", "*").apply(&store).await;
        store.close().await;
        let report = check(&file, Evidence::default()).await;
        assert!(report.sound && report.events == more.map_or(1, |more| more + 21), "{}", told(&report));
    }
}

#[tokio::test]
async fn a_log_with_a_gap_is_not_taken_in_as_if_it_were_whole() {
    let world = night().await;
    let (_folder, file) = as_of_the_first_migration(&world).await;
    let mut raw = world::raw(&file).await;
    execute(&mut raw, "DROP TRIGGER audit_events_never_deleted; DELETE FROM audit_events WHERE seq = 7")
        .await
        .unwrap();
    let trigger = include_str!("../../migrations/0001_access_and_audit.sql")
        .split("\nCREATE TRIGGER ")
        .find(|text| text.starts_with("audit_events_never_deleted"))
        .unwrap();
    let trigger = trigger.split("END;").next().unwrap();
    execute(&mut raw, format!("CREATE TRIGGER {trigger}END;")).await.unwrap();
    raw.close().await.unwrap();
    let error =
        match room_owner::store::SqliteStore::open(&world::url(&file), room_owner::store::IfMissing::Fail)
            .await
        {
            Ok(_) => panic!("it was opened"),
            Err(error) => error.to_string(),
        };
    assert!(error.contains("some were taken out"), "{error}");
}
