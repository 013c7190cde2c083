//! What is recorded at an opening: that the log is signed with another key, that its file is another one, that the head
//! beside it is gone.

use std::fs;
use std::path::Path;

use room_owner::app::ports::Store as _;
use room_owner::domain::audit::AuditFilter;
use room_owner::merkle::SigningKey;
use room_owner::store::verify::{Evidence, verify};
use room_owner::store::{Database, IfMissing, SqliteStore, backup};

use super::files::{beside, refusal};
use super::world::{World, allow, ask, open, raw, url};

/// What the log tells of itself, after it was opened twice.
async fn noted(file: &Path) -> Vec<String> {
    open(file).await.close().await;
    let store = open(file).await;
    let entries = store.audit(&AuditFilter::default()).await.unwrap();
    ask("test bob").admit(&store).await;
    store.close().await;
    let report = verify(file, Evidence::default()).await.unwrap();
    assert!(report.sound, "{:?}", report.findings);
    let named =
        entries.into_iter().map(|entry| entry.command).filter(|command| command.starts_with("(system)"));
    named.map(|command| command.split(" from ").next().unwrap().to_owned()).collect()
}

const REPLACED: &str = "(system) database file replaced";
const HEAD_GONE: &str = "(system) signed head beside the database was gone";

/// A database that is closed, and a plain copy of it from before the last record.
async fn with_older_copy() -> (World, Vec<u8>) {
    let world = World::new().await;
    world.store.close().await;
    // Whatever a reader that is still closing has left.
    super::world::execute(&mut raw(&world.file()).await, "PRAGMA wal_checkpoint(TRUNCATE)").await.unwrap();
    let older = fs::read(world.file()).unwrap();
    let world = world.reopened().await;
    allow("discord:1:5", "*").apply(&world.store).await;
    world.store.close().await;
    (world, older)
}

#[tokio::test]
async fn a_database_that_nobody_touched_tells_of_nothing() {
    let (world, _) = with_older_copy().await;
    assert_eq!(noted(&world.file()).await, [] as [&str; 0]);
    // Moved with all that belongs to it, it is the same one.
    let folder = tempfile::tempdir_in(world.file().parent().unwrap()).unwrap();
    let moved = folder.path().join("moved.db");
    for suffix in ["", ".key", ".checkpoint"] {
        fs::rename(beside(&world.file(), suffix), beside(&moved, suffix)).unwrap();
    }
    assert_eq!(noted(&moved).await, [] as [&str; 0]);
}

#[tokio::test]
async fn a_copy_in_another_file_is_named_once() {
    // Whatever number the new file gets: often that of the one before it.
    for _ in 0..3 {
        let (world, _) = with_older_copy().await;
        let newest = fs::read(world.file()).unwrap();
        fs::remove_file(world.file()).unwrap();
        fs::write(world.file(), newest).unwrap();
        assert_eq!(noted(&world.file()).await, [REPLACED]);
    }
}

#[tokio::test]
async fn an_older_copy_over_the_file_itself_is_refused_and_named_once_the_head_is_out_of_the_way() {
    let (world, older) = with_older_copy().await;
    fs::write(world.file(), older).unwrap();
    let why = "the audit log ends at event 2, and 3 were signed";
    let error = refusal(&url(&world.file()), IfMissing::Fail).await;
    assert!(error.contains(why) && error.contains("If you restored a copy, move `"), "{error}");
    fs::rename(beside(&world.file(), ".checkpoint"), beside(&world.file(), ".kept")).unwrap();
    assert_eq!(noted(&world.file()).await, [HEAD_GONE]);
}

#[tokio::test]
async fn a_backup_that_is_put_back_is_named_wherever_it_is_put() {
    for is_in_place in [false, true] {
        let (world, _) = with_older_copy().await;
        let copy = world.file().with_extension("copy");
        let report = backup::run(&Database::of_file(&world.file(), None), &copy).await.unwrap();
        assert!(report.sound && report.events == 3, "{:?}", report.findings);
        for suffix in ["", ".checkpoint"] {
            if !is_in_place {
                fs::remove_file(beside(&world.file(), suffix)).unwrap();
            }
            fs::write(beside(&world.file(), suffix), fs::read(beside(&copy, suffix)).unwrap()).unwrap();
        }
        assert_eq!(noted(&world.file()).await, [REPLACED], "in place: {is_in_place}");
    }
}

#[tokio::test]
async fn another_key_is_named() {
    let (world, _) = with_older_copy().await;
    let other = Database::of_file(&world.file(), Some(SigningKey::generate()));
    SqliteStore::open(other, IfMissing::Fail).await.unwrap().close().await;
    let changed = "(system) signing key changed";
    // And back again.
    assert_eq!(noted(&world.file()).await, [changed, changed]);
}
