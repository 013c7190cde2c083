//! `<database>.checkpoint`: there before anybody is answered, and no reason to take a commit back.

use std::fs;
use std::path::PathBuf;

use room_owner::app::ports::Store as _;
use room_owner::merkle::Checkpoint;
use room_owner::store::{IfMissing, SqliteStore};
use sqlx::Connection as _;
use tokio::task::JoinSet;

use super::copies::{Copy, findings};
use super::world::{MALLORY, World, allow, ask, count, execute, raw, url};

fn path(world: &World) -> PathBuf {
    PathBuf::from(format!("{}.checkpoint", world.file().display()))
}

fn size(world: &World) -> u64 {
    Checkpoint::parse(&fs::read_to_string(path(world)).unwrap()).unwrap().head().size
}

async fn refusal(world: &World) -> String {
    match SqliteStore::open(&url(&world.file()), IfMissing::Fail).await {
        Ok(_) => panic!("it was opened"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn whoever_is_answered_finds_the_record_covered() {
    let world = World::empty().await;
    assert!(!path(&world).exists(), "an empty log has no head");
    for n in 1..=5 {
        allow(&format!("discord:1:{n}"), "*").apply(&world.store).await;
        assert_eq!(size(&world), n);
    }
    // A question leaves no event, and no new head.
    world.store.check_writable().await.unwrap();
    assert_eq!(size(&world), 5);
}

/// However two processes take turns, the file never falls behind what somebody was answered.
#[tokio::test]
async fn of_two_processes_the_older_head_never_comes_last() {
    let world = World::new().await;
    let stores = [world.another().await, world.another().await].map(std::sync::Arc::new);
    let mut tasks = JoinSet::new();
    for n in 0..60 {
        let (store, file) = (std::sync::Arc::clone(&stores[n % 2]), path(&world));
        tasks.spawn(async move {
            let recorded = super::world::recorded(ask("test bob").by(MALLORY).admit(&store).await);
            let there = Checkpoint::parse(&fs::read_to_string(file).unwrap()).unwrap().head().size;
            assert!(there >= recorded.seq() as u64, "{there} < {recorded}");
        });
    }
    tasks.join_all().await;
    assert_eq!(size(&world), 62);
    drop(stores);
    assert!(Copy::of(&world).await.report().await.sound);
}

#[tokio::test]
async fn a_head_that_cannot_be_put_in_place_fails_no_command_and_is_said() {
    let world = World::new().await;
    world.store.check_writable().await.unwrap();
    // A folder in its place takes no file.
    let there = path(&world);
    fs::remove_file(&there).unwrap();
    fs::create_dir(&there).unwrap();
    fs::write(there.join("in the way"), "").unwrap();
    allow("discord:1:7", "*").apply(&world.store).await;
    let error = world.store.check_writable().await.unwrap_err().to_string();
    assert!(error.contains("newest signed head") && error.contains(".checkpoint"), "{error}");
    assert_eq!(count(&mut raw(&world.file()).await, "audit_events").await, 3, "the commit stands");

    // It is put there as soon as that can be done.
    fs::remove_dir_all(&there).unwrap();
    world.store.check_writable().await.unwrap();
    assert_eq!(size(&world), 3);
    allow("discord:1:8", "*").apply(&world.store).await;
    assert_eq!(size(&world), 4);
}

#[tokio::test]
async fn an_older_or_empty_head_is_replaced_at_the_start_and_another_logs_head_is_refused() {
    let world = World::new().await;
    let older = fs::read_to_string(path(&world)).unwrap();
    for n in 0..3 {
        allow(&format!("discord:1:{n}"), "*").apply(&world.store).await;
    }
    for text in ["", older.as_str()] {
        fs::write(path(&world), text).unwrap();
        drop(world.another().await);
        assert_eq!(size(&world), 5);
    }
    let newest = fs::read_to_string(path(&world)).unwrap();
    let altered = |from: &str, to: &str| fs::write(path(&world), newest.replacen(from, to, 1)).unwrap();
    altered("\n5\n", "\n9\n");
    assert!(refusal(&world).await.contains("ends at event 5, and 9 were signed"));
    altered("\n5\n", "\n4\n");
    let error = refusal(&world).await;
    assert!(error.contains("the first 4 events of the audit log are not those that were signed"), "{error}");
    assert!(error.contains("move") && error.contains("away and keep it"), "{error}");
    fs::write(path(&world), "not a head").unwrap();
    assert!(refusal(&world).await.contains("cannot be read"));
}

/// The next writer notices at once that the tree and the log are no longer of one length.
#[tokio::test]
async fn behind_an_event_of_a_strange_hand_nothing_more_is_written() {
    let world = World::new().await;
    let mut hand = raw(&world.file()).await;
    execute(&mut hand, "INSERT INTO audit_events VALUES (3, 3, '{}')").await.unwrap();
    hand.close().await.unwrap();
    let error = world.store.check_writable().await.unwrap_err().to_string();
    assert!(
        error.contains("has 3 events and its signed tree 2") && error.contains("audit verify"),
        "{error}"
    );
    world.store.close().await;
    let report = Copy::of(&world).await.report().await;
    assert!(
        findings(&report).contains("event 3: it was added behind the signed log"),
        "{}",
        findings(&report)
    );
}

/// The head before the newest stays under another name, as it was. A head that is longer than the one before the
/// last, as the tenth is, replaces it all the same.
#[tokio::test]
async fn two_files_take_turns() {
    let world = World::empty().await;
    let before = PathBuf::from(format!("{}.before", path(&world).display()));
    for n in 1..=12 {
        let last = fs::read_to_string(path(&world)).ok();
        allow(&format!("discord:1:{n}"), "*").apply(&world.store).await;
        assert_eq!(size(&world), n);
        if n > 2 {
            assert_eq!(fs::read_to_string(&before).ok(), last);
        }
        if n == 6 {
            fs::remove_file(&before).unwrap();
        }
    }
}
