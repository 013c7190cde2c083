//! One database by whatever name, refused if it has several; and a file of it that is taken away while it is open.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use room_owner::app::ports::{Admission, Store as _};
use room_owner::store::verify::{Evidence, verify};
use room_owner::store::{Database, IfMissing, SqliteStore, backup, health};
use tempfile::TempDir;

use super::world::{World, ask, later, open, url};

/// What lies in a folder, by name.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

pub(crate) fn beside(file: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", file.display()))
}

pub(crate) async fn refusal(url: &str, if_missing: IfMissing) -> String {
    match SqliteStore::open(url, if_missing).await {
        Ok(_) => panic!("`{url}` was opened"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn by_whatever_name_it_is_one_database() {
    let world = World::new().await;
    let folder = world.file().parent().unwrap().to_owned();
    let elsewhere = tempfile::tempdir().unwrap();
    let at = |name: &str| elsewhere.path().join(name);
    fs::create_dir(at("sub")).unwrap();
    symlink(world.file(), at("link.db")).unwrap();
    symlink("link.db", at("link-of-link.db")).unwrap();
    symlink("../link.db", at("sub/link.db")).unwrap();
    symlink(&folder, at("folder")).unwrap();
    let before = names(elsewhere.path());
    let attempt = ask("test bob").attempt(&world.store).await;
    for name in [
        url(&at("link.db")),
        url(&at("link-of-link.db")),
        url(&at("sub/link.db")),
        url(&at("folder/room-owner.db")),
        url(&at("sub/../folder/./room-owner.db")),
        url(&world.file()).replace("room-owner.db", "room%2Downer.db"),
        format!("{}?mode=rwc", url(&at("link.db"))),
    ] {
        let other = SqliteStore::open(&name, IfMissing::Fail).await.unwrap();
        // It sees that a process works on the room.
        let open = other.unresolved().await.unwrap();
        assert!(open.len() == 1 && open[0].is_elsewhere, "{name}: {open:?}");
        assert_eq!(open[0].operation, attempt.operation());
        let key = |name: &str| Database::new(name, None).verifier_key().unwrap();
        assert_eq!(key(&name), key(&url(&world.file())), "{name}");
        other.check_writable().await.unwrap();
        other.close().await;
        assert_eq!(names(elsewhere.path()), before, "{name}: nothing is made beside the link");
        assert_eq!(names(&at("sub")), ["link.db"]);
    }
}

#[tokio::test]
async fn a_new_database_is_made_where_the_link_leads() {
    for (link, target) in [("new.db", "data/room-owner.db"), ("data/new.db", "room-owner.db")] {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("data")).unwrap();
        let (there, made) = (folder.path().join(link), folder.path().join("data/room-owner.db"));
        symlink(target, &there).unwrap();
        drop(open(&there).await);
        for suffix in ["", ".key", ".locks"] {
            assert!(beside(&made, suffix).exists(), "{suffix}");
        }
        let beside_link = names(there.parent().unwrap());
        assert!(!beside_link.iter().any(|name| name.starts_with("new.db.")), "{beside_link:?}");
    }
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (folder.path().join("one.db"), folder.path().join("other.db"));
    symlink("other.db", &one).unwrap();
    symlink("one.db", &other).unwrap();
    refusal(&url(&one), IfMissing::Create).await;
}

#[tokio::test]
async fn a_file_with_several_names_is_refused_by_each_and_may_be_verified() {
    let world = World::new().await;
    world.store.close().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let linked = elsewhere.path().join("linked.db");
    fs::hard_link(world.file(), &linked).unwrap();
    let before = names(world.file().parent().unwrap());
    for file in [&world.file(), &linked] {
        for if_missing in [IfMissing::Create, IfMissing::Fail] {
            let error = refusal(&url(file), if_missing).await;
            let words = format!("`{}` has 2 names (hard links)", file.display());
            assert!(error.contains(&words) && error.contains("keep one of them"), "{error}");
        }
        let copy = elsewhere.path().join("copy.db");
        let error = backup::run(&Database::of_file(file, None), &copy).await.unwrap_err().to_string();
        assert!(error.contains("has 2 names (hard links)"), "{error}");
        let report = verify(file, Evidence::default()).await.unwrap();
        assert!(report.sound, "{:?}", report.findings);
        let found =
            |lines: &[String]| lines.iter().any(|line| line.contains("the file has 2 names (hard links)"));
        assert!(found(&report.unchecked), "{:?}", report.unchecked);
    }
    assert_eq!(names(elsewhere.path()), ["linked.db"], "nothing was made beside it");
    assert_eq!(names(world.file().parent().unwrap()), before);
    fs::remove_file(&linked).unwrap();
    let report = verify(&world.file(), Evidence::default()).await.unwrap();
    assert!(!report.unchecked.iter().any(|line| line.contains("hard links")), "{:?}", report.unchecked);
    open(&world.file()).await.check_writable().await.unwrap();
}

/// How a file goes from under an open database.
#[derive(Debug, Clone, Copy)]
enum Way {
    Moved,
    /// By a copy of itself: what it holds says nothing about which it is.
    Replaced,
    Removed,
}

fn takes(file: &Path, way: Way, away: &Path) {
    match way {
        Way::Removed => fs::remove_file(file).unwrap(),
        Way::Moved => fs::rename(file, away).unwrap(),
        Way::Replaced => {
            fs::copy(file, away).unwrap();
            fs::rename(away, beside(away, ".new")).unwrap();
            fs::rename(file, away).unwrap();
            fs::rename(beside(away, ".new"), file).unwrap();
        }
    }
}

/// A command that is decided, so that only its record is missing.
async fn decided(world: &World) -> Admission {
    ask("test bob").decided(&world.store).await
}

/// Nothing is recorded, and so nothing is done, until the files are as they were.
async fn is_closed(world: &World, admission: Admission, why: &str) {
    let error = world.store.admit(admission, later(0)).await.unwrap_err().to_string();
    assert!(error.contains(why), "{error}");
    let error = world.store.check_writable().await.unwrap_err().to_string();
    assert!(error.starts_with("the database cannot be written: `/") && error.contains(why), "{error}");
    // Nor is Tencent asked the outcome of an earlier command.
    let error = world.store.unresolved().await.unwrap_err().to_string();
    assert!(error.contains(why), "{error}");
}

async fn is_open(world: &World) {
    world.store.check_writable().await.unwrap();
    ask("test bob").admit(&world.store).await;
}

#[tokio::test]
async fn a_file_that_is_moved_or_replaced_is_missed_and_found_again() {
    for suffix in ["", "-wal", "-shm"] {
        for way in [Way::Moved, Way::Replaced] {
            let world = World::new().await;
            let away = tempfile::tempdir_in(world.file().parent().unwrap()).unwrap();
            let away = away.path().join("away");
            let file = beside(&world.file(), suffix);
            let admission = decided(&world).await;
            takes(&file, way, &away);
            let why = format!("room-owner.db{suffix}` was removed or replaced while in use");
            is_closed(&world, admission, &why).await;
            fs::rename(&away, &file).unwrap();
            is_open(&world).await;
            let log = world.log().await;
            assert_eq!(log.len(), 3, "{suffix} {way:?}: {log:?}");
        }
    }
}

#[tokio::test]
async fn a_folder_that_is_moved_is_missed_and_a_new_one_in_its_place_is_not_it() {
    let world = World::new().await;
    let folder = world.file().parent().unwrap().to_owned();
    let away = beside(&folder, ".away");
    let why = "room-owner.db` was removed or replaced while in use";
    let [first, second] = [decided(&world).await, decided(&world).await];
    fs::rename(&folder, &away).unwrap();
    is_closed(&world, first, why).await;
    fs::create_dir(&folder).unwrap();
    for suffix in ["", "-wal", "-shm"] {
        fs::copy(away.join(format!("room-owner.db{suffix}")), beside(&world.file(), suffix)).unwrap();
    }
    is_closed(&world, second, why).await;
    fs::remove_dir_all(&folder).unwrap();
    fs::rename(&away, &folder).unwrap();
    is_open(&world).await;
}

#[tokio::test]
async fn another_name_that_the_file_gets_while_it_is_open_closes_it_until_it_is_gone() {
    let world = World::new().await;
    let admission = decided(&world).await;
    let linked = world.file().with_extension("linked");
    fs::hard_link(world.file(), &linked).unwrap();
    is_closed(&world, admission, "room-owner.db` has 2 names (hard links)").await;
    fs::remove_file(&linked).unwrap();
    is_open(&world).await;
}

#[tokio::test]
async fn whoever_ends_saves_what_it_has_in_a_log_that_was_removed() {
    for suffixes in [&["-wal"][..], &["-shm"], &["-wal", "-shm"]] {
        let world = World::new().await;
        let attempt = ask("test bob").attempt(&world.store).await;
        let admission = decided(&world).await;
        for suffix in suffixes {
            takes(&beside(&world.file(), suffix), Way::Removed, Path::new(""));
        }
        is_closed(&world, admission, &format!("room-owner.db{}` was removed", suffixes[0])).await;
        world.store.close().await;
        let world = world.reopened().await;
        assert_eq!(world.open_operations().await, [attempt.operation()], "{suffixes:?}");
        is_open(&world).await;
        let report = verify(&world.file(), Evidence::default()).await.unwrap();
        assert!(report.sound, "{suffixes:?}: {:?}", report.findings);
    }
}

/// Another process finds other files than the one that is at work has open.
#[tokio::test]
async fn no_other_process_begins_on_files_that_were_exchanged() {
    for (suffix, way) in [("", Way::Replaced), ("-wal", Way::Moved), ("-shm", Way::Replaced)] {
        let world = World::new().await;
        let away = world.file().with_extension("away");
        takes(&beside(&world.file(), suffix), way, &away);
        let before = names(world.file().parent().unwrap());
        let why = "what it has open was removed or replaced";
        let error = refusal(&url(&world.file()), IfMissing::Fail).await;
        assert!(error.contains(why) && error.contains("another process of room-owner"), "{error}");
        let copy = world.file().with_extension("copy");
        let own = Database::of_file(&world.file(), None);
        let error = backup::run(&own, &copy).await.unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
        assert_eq!(names(world.file().parent().unwrap()), before, "nothing was made");
        fs::rename(&away, beside(&world.file(), suffix)).unwrap();
        world.another().await.check_writable().await.unwrap();
    }
}

#[tokio::test]
async fn no_new_database_takes_the_place_of_one_whose_records_are_left() {
    for empty in [false, true] {
        for left in ["-wal", ".checkpoint"] {
            let world = World::new().await;
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("room-owner.db");
            let text = fs::read(beside(&world.file(), left)).unwrap();
            fs::write(beside(&file, left), &text).unwrap();
            if empty {
                fs::write(&file, "").unwrap();
            }
            for if_missing in [IfMissing::Create, IfMissing::Fail] {
                let error = refusal(&url(&file), if_missing).await;
                let words = format!(
                    "`{}` is there: the database was removed or moved",
                    beside(&file, left).display()
                );
                assert!(error.contains(&words), "{error}");
            }
            assert_eq!(fs::read(beside(&file, left)).unwrap(), text, "{left} is as it was");
            assert_eq!(names(folder.path()).len(), 1 + usize::from(empty), "nothing was made");
        }
    }
}

/// A key that is committed by accident signs forged logs.
#[tokio::test]
async fn git_ignores_what_is_made_whatever_the_database_is_called() {
    let ignored = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/.gitignore")).unwrap();
    let is_ignored = |name: &str| {
        ignored.lines().any(|line| line.strip_prefix('*').is_some_and(|end| name.ends_with(end)))
    };
    for database in ["room-owner.db", "audit.sqlite3", "rooms"] {
        let folder: TempDir = tempfile::tempdir().unwrap();
        let store = open(&folder.path().join(database)).await;
        // Two heads: the one before the last is kept too.
        for _ in 0..2 {
            ask("test bob").admit(&store).await;
        }
        let made = names(folder.path());
        for suffix in ["", "-wal", "-shm", ".key", ".locks", ".checkpoint", ".checkpoint.before"] {
            assert!(made.contains(&format!("{database}{suffix}")), "{suffix}: {made:?}");
        }
        let known: Vec<&String> = made.iter().filter(|name| !is_ignored(name)).collect();
        // The database itself is known by its usual ending alone.
        assert!(known.is_empty() || (database != "room-owner.db" && known == [database]), "{known:?}");
    }
}

/// The lock by which others see that this process has the file open (`SHARED_SIZE` bytes from `SHARED_FIRST`).
#[cfg(target_os = "linux")]
fn is_locked(file: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let inode = format!(":{} 1073741826 1073742335", fs::metadata(file).unwrap().ino());
    let ours = format!(" {} ", std::process::id());
    let locks = fs::read_to_string("/proc/locks").unwrap();
    locks.lines().any(|lock| lock.ends_with(&inode) && lock.contains(&ours))
}

/// Without it, the next program that reads the database and goes takes itself for the last, and removes its log.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_look_at_its_files_leaves_the_lock_by_which_others_see_that_it_is_open() {
    let world = World::new().await;
    world.store.unresolved().await.unwrap();
    assert!(is_locked(&world.file()), "it is open");
    let files = health::look_at_files(&Database::from(&url(&world.file()))).unwrap();
    assert!(files.wal_size > 0);
    assert!(is_locked(&world.file()), "it is open still");
}
