//! What `open` makes, and what it refuses to work with.

use std::fs;
use std::path::Path;

use room_owner::app::ports::Store as _;
use room_owner::store::verify::{Evidence, verify};
use room_owner::store::{IfMissing, SqliteStore, database_file};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection as _, SqlSafeStr as _};
use tokio::task::JoinSet;

use super::world::{ALICE, World, ask, count, execute, grant, open, raw, url};

#[tokio::test]
async fn a_new_database_permits_nobody_and_has_an_empty_log() {
    let world = World::empty().await;
    assert_eq!(world.log().await, []);
    assert_eq!(world.store.grants().await.unwrap(), []);
    assert_eq!(world.store.channels().await.unwrap(), []);
    assert_eq!(world.open_operations().await, []);
    super::world::recorded(ask("test bob").admit(&world.store).await);
    assert_eq!(world.log().await[0].authority.as_deref(), Some("channel not authorised"));
}

#[tokio::test]
async fn the_database_is_in_wal_mode() {
    let world = World::empty().await;
    let mode: String =
        sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut world.raw().await).await.unwrap();
    assert_eq!(mode, "wal");
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let world = World::new().await;
    ask("test bob").delivered("1").attempt(&world.store).await;
    let (log, grants, channels) =
        (world.log().await, world.store.grants().await.unwrap(), world.store.channels().await.unwrap());
    let world = world.reopened().await;
    assert_eq!(world.log().await, log);
    assert_eq!(world.store.grants().await.unwrap(), grants);
    assert_eq!(world.store.channels().await.unwrap(), channels);
}

#[tokio::test]
async fn a_missing_database_is_not_made_for_somebody_who_wants_to_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("absent.db");
    let error = refusal(&file, IfMissing::Fail).await;
    assert!(error.contains("there is no database") && error.contains("absent.db"), "{error}");
    assert!(error.contains("room-owner serve"), "and what to do: {error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was made");
}

#[tokio::test]
async fn a_folder_that_does_not_exist_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mistyped/room-owner.db");
    for if_missing in [IfMissing::Create, IfMissing::Fail] {
        let error = refusal(&file, if_missing).await;
        assert!(error.contains("mistyped"), "{error}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was made");
}

#[tokio::test]
async fn a_file_that_is_not_a_database_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.txt");
    let text = "this is not a database, but somebody's notes ".repeat(50);
    fs::write(&file, &text).unwrap();
    let error = refusal(&file, IfMissing::Create).await;
    assert!(error.contains("notes.txt") && error.contains("not a database"), "{error}");
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

#[tokio::test]
async fn a_folder_is_not_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let error = refusal(folder.path(), IfMissing::Create).await;
    assert!(error.contains("is a folder: name a file in it"), "{error}");
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("room-owner.db");
    fs::write(&file, "").unwrap();
    let mut permissions = fs::metadata(&file).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&file, permissions).unwrap();
    if fs::OpenOptions::new().write(true).open(&file).is_ok() {
        eprintln!("skipped: this user may write read-only files");
        return;
    }
    let error = refusal(&file, IfMissing::Create).await;
    assert!(error.contains("room-owner.db") || error.contains("readonly"), "{error}");
}

#[tokio::test]
async fn a_database_without_one_of_its_guards_is_refused_by_its_name() {
    for guard in [
        "audit_events_in_sequence",
        "audit_events_never_deleted",
        "audit_events_never_updated",
        "grants_only_revoked",
        "grants_count_insert",
        "deliveries_kept_for_a_day",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("room-owner.db");
        drop(open(&file).await);
        execute(&mut raw(&file).await, format!("DROP TRIGGER {guard}")).await.unwrap();
        let error = refusal(&file, IfMissing::Create).await;
        assert!(error.contains(guard) && error.contains("restore a backup"), "{error}");
        assert!(!error.contains("authorised_channels"), "only what is missing: {error}");
    }
}

#[tokio::test]
async fn each_trigger_and_index_of_the_schema_has_to_be_there() {
    let world = World::empty().await;
    let mut connection = world.raw().await;
    let things: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT type, name, sql FROM sqlite_schema WHERE type IN ('trigger', 'index') AND sql IS NOT NULL",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    assert!(things.len() >= 40, "{}", things.len());
    for (kind, name, sql) in things {
        execute(&mut connection, format!("DROP {kind} {name}")).await.unwrap();
        let error = refusal(&world.file(), IfMissing::Create).await;
        assert!(error.contains(&format!("lacks {kind} `{name}`:")), "{error}");
        execute(&mut connection, sql).await.unwrap();
    }
    drop(world.another().await);
}

/// What somebody put into an older schema would act on what brings it up to date.
#[tokio::test]
async fn an_older_schema_with_something_else_in_it_is_not_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("room-owner.db");
    let mut older = made(&file).await;
    let first = include_str!("../../migrations/0001_log.sql").into_sql_str();
    let first = Migration::new(1, "log".into(), MigrationType::Simple, first, false);
    Migrator::with_migrations(vec![first]).run(&mut older).await.unwrap();
    let silent = "CREATE TRIGGER silent BEFORE INSERT ON _sqlx_migrations BEGIN SELECT RAISE(IGNORE); END";
    execute(&mut older, silent).await.unwrap();
    let error = refusal(&file, IfMissing::Fail).await;
    assert!(error.contains("holds trigger `silent`, which this program did not make"), "{error}");
    assert_eq!(count(&mut older, "sqlite_schema WHERE name = 'operations'").await, 0, "nothing was done");
    execute(&mut older, "DROP TRIGGER silent").await.unwrap();
    // What is not there yet was not taken off.
    let unread = verify(&file, Evidence::default()).await.unwrap_err().to_string();
    assert!(unread.contains("is of an older version of room-owner: back it up"), "{unread}");
    drop(open(&file).await);
    assert_eq!(count(&mut older, "sqlite_schema WHERE name = 'operations'").await, 1);
}

/// A wrong `DATABASE_URL` must not fill another program's database with tables.
#[tokio::test]
async fn the_database_of_another_program_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.db");
    let mut notes = made(&file).await;
    execute(&mut notes, "CREATE TABLE notes (text TEXT)").await.unwrap();
    let error = refusal(&file, IfMissing::Create).await;
    assert!(error.contains("is no database of room-owner"), "{error}");
    assert_eq!(count(&mut notes, "sqlite_schema").await, 1);
}

#[tokio::test]
async fn a_schema_of_a_newer_program_is_refused() {
    let world = World::empty().await;
    execute(
        &mut world.raw().await,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'from the future', TRUE, x'00', 0)",
    )
    .await
    .unwrap();
    let error = refusal(&world.file(), IfMissing::Create).await;
    assert!(error.contains("schema") && error.contains("9999"), "{error}");
}

#[tokio::test]
async fn a_database_in_memory_is_refused_because_it_keeps_nothing() {
    for url in [
        "sqlite::memory:",
        "sqlite://:memory:",
        "sqlite://?mode=memory",
        "sqlite://audit.db?mode=memory",
        "sqlite://%3Amemory%3A",
        "sqlite:file:audit.db",
        "sqlite://file:audit.db?mode=rwc",
        "sqlite:",
        "sqlite://",
        "postgres://localhost/audit",
        "audit.db",
        "",
    ] {
        let error = match SqliteStore::open(url, IfMissing::Create).await {
            Ok(_) => panic!("`{url}` was opened"),
            Err(error) => error.to_string(),
        };
        assert!(error.contains("write `sqlite://room-owner.db`"), "{error}");
        assert!(url.is_empty() || !error.contains(url) || "sqlite://room-owner.db".contains(url), "{error}");
    }
}

#[test]
fn options_that_would_change_nothing_are_refused() {
    for options in
        ["mode=ro", "mode=rw", "immutable=1", "cache=shared", "mode=rwc&mode=ro", "mode=%6Demory", ""]
    {
        let error = database_file(&format!("sqlite://audit.db?{options}")).unwrap_err().to_string();
        assert!(
            error.contains("ends with options") && error.contains("leave them out"),
            "{options}: {error}"
        );
    }
}

#[test]
fn the_file_of_a_url() {
    for (url, file) in [
        ("sqlite://room-owner.db", "room-owner.db"),
        ("sqlite:room-owner.db", "room-owner.db"),
        ("sqlite:///var/lib/room-owner/room-owner.db", "/var/lib/room-owner/room-owner.db"),
        ("sqlite://my%20rooms.db", "my rooms.db"),
        ("sqlite://room-owner.db?mode=rwc", "room-owner.db"),
        ("sqlite://what%3F.db", "what?.db"),
    ] {
        assert_eq!(database_file(url).unwrap(), Path::new(file), "{url}");
    }
}

#[tokio::test]
async fn stores_that_start_at_once_on_a_new_file_make_one_schema() {
    // On one thread too: a wait for another's lock must not stop that other.
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("room-owner.db");
        let (a, b, c) = tokio::join!(open(&file), open(&file), open(&file));
        let mut tasks = JoinSet::new();
        for store in [a, b, c] {
            tasks.spawn(async move { grant(ALICE, "moderator", "*").granted(&store).await.1.id });
        }
        let mut ids = tasks.join_all().await;
        ids.sort_unstable();
        assert_eq!(ids, [1, 2, 3]);
        let migrations = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
        let migrations = fs::read_dir(migrations).unwrap().count() as i64;
        assert_eq!(count(&mut raw(&file).await, "_sqlx_migrations").await, migrations);
    }
}

#[tokio::test]
async fn a_store_that_was_let_go_leaves_nothing_but_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("room-owner.db");
    drop(open(&file).await);
    let locks = folder.path().join("room-owner.db.locks");
    let instances = || {
        let names = fs::read_dir(&locks).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name != "start" && name != "checkpoint").count()
    };
    while instances() > 0 {
        tokio::task::yield_now().await;
    }
}

// Helpers --------------------------------------------------------------------------------------------------

/// An empty database.
async fn made(file: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
    SqliteConnection::connect_with(&options).await.unwrap()
}

async fn refusal(file: &Path, if_missing: IfMissing) -> String {
    match SqliteStore::open(&url(file), if_missing).await {
        Ok(_) => panic!("`{}` was opened", file.display()),
        Err(error) => error.to_string(),
    }
}
