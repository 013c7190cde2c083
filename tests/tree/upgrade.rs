//! A database from an earlier version: its log is taken in whole, and goes on.

use std::path::{Path, PathBuf};

use room_owner::app::ports::Store as _;
use room_owner::domain::audit::AuditFilter;

use room_owner::store::verify::{Evidence, verify};
use sqlx::Connection as _;
use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::copies::{check, day, morning, night, told};
use super::independent;
use super::world::{self, MALLORY, World, allow, ask, execute};

const MIGRATIONS: [(i64, &str, &str); 10] = [
    (1, "access and audit", include_str!("../../migrations/0001_access_and_audit.sql")),
    (2, "acl", include_str!("../../migrations/0002_acl.sql")),
    (3, "reading", include_str!("../../migrations/0003_reading.sql")),
    (4, "tree", include_str!("../../migrations/0004_tree.sql")),
    (5, "callbacks", include_str!("../../migrations/0005_callbacks.sql")),
    (6, "replies", include_str!("../../migrations/0006_replies.sql")),
    (7, "live grants", include_str!("../../migrations/0007_live_grants.sql")),
    (8, "live grants counted", include_str!("../../migrations/0008_live_grants_counted.sql")),
    (9, "archives", include_str!("../../migrations/0009_archives.sql")),
    (10, "text index", include_str!("../../migrations/0010_text_index.sql")),
];

/// A file with the schema of these migrations, and the world's data in it, as far as there was a
/// place for it then.
async fn as_of(versions: &[i64], world: &World) -> (TempDir, PathBuf) {
    world.store.close().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("room-owner.db");
    let options = SqliteConnectOptions::new().filename(&file).create_if_missing(true);
    let mut old = SqliteConnection::connect_with(&options).await.unwrap();
    let migrations = MIGRATIONS.iter().filter(|(number, ..)| versions.contains(number));
    let migrations = migrations.map(|(number, name, sql)| {
        Migration::new(*number, (*name).into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.collect()).run(&mut old).await.unwrap();
    execute(&mut old, format!("ATTACH '{}' AS now", world.file().display())).await.unwrap();
    for table in [
        "grants",
        "authorised_channels",
        "audit_events",
        "operations",
        "deliveries",
        "tree_edge",
        "tree_heads",
        "tree_nodes",
        "callbacks",
    ] {
        let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info(?, 'main')")
            .bind(table)
            .fetch_all(&mut old)
            .await
            .unwrap();
        if columns.is_empty() {
            continue;
        }
        let columns = columns.join(", ");
        execute(
            &mut old,
            format!("INSERT INTO main.{table} ({columns}) SELECT {columns} FROM now.{table} ORDER BY 1"),
        )
        .await
        .unwrap();
    }
    if versions.contains(&3) {
        let texts = "INSERT INTO operations_text (rowid, found)
                     SELECT operation, concat_ws(char(10), command, reason, error_info) FROM main.operations";
        execute(&mut old, texts).await.unwrap();
    }
    if versions.contains(&10) {
        let upto = "UPDATE main.text_index SET upto = (SELECT max(seq) FROM main.audit_events)";
        execute(&mut old, upto).await.unwrap();
    }
    old.close().await.unwrap();
    if versions.contains(&4) {
        for suffix in [".key", ".checkpoint"] {
            let beside = |file: &Path| PathBuf::from(format!("{}{suffix}", file.display()));
            std::fs::copy(beside(&world.file()), beside(&file)).unwrap();
        }
    }
    (folder, file)
}

async fn as_of_the_first_migration(world: &World) -> (TempDir, PathBuf) {
    as_of(&[1], world).await
}

#[tokio::test]
async fn a_database_from_each_earlier_migration_is_brought_up_to_date_and_sound() {
    let all = MIGRATIONS.map(|(version, ..)| version);
    let mut earlier: Vec<Vec<i64>> = (1..=all.len()).map(|count| all[..count].to_vec()).collect();
    // The sixth was the last to be made.
    earlier.push(all.into_iter().filter(|version| *version != 6).collect());
    for versions in earlier {
        // What there was a place for.
        let (world, events) = match versions.len() {
            ..3 => (night().await, 20),
            3..5 => (morning().await, 24),
            _ => (day().await, 29),
        };
        let (_folder, file) = as_of(&versions, &world).await;
        let store = world::open(&file).await;
        let crashed = AuditFilter { text: Some("crashed".to_owned()), ..AuditFilter::default() };
        assert_eq!(store.log().entries(&crashed).await.unwrap().len(), 1, "{versions:?}");
        allow("discord:1:7", "*").apply(&store).await;
        store.close().await;
        let report = check(&file, Evidence { every_head: true, indexes: true, ..Evidence::default() }).await;
        assert!(report.sound, "{versions:?}: {}", told(&report));
        assert_eq!(report.events, events + 1, "{versions:?}");
    }
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
