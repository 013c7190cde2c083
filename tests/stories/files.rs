//! The files of the database, as the program finds and leaves them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use room_owner::store::{IfMissing, SqliteStore};
use sqlx::Connection as _;

use super::crash::served;
use super::doors::assert_snapshot;
use super::program::{Program, Ran, Serving};
use super::slack::ALICE;

const LINE: &str = "/room-owner test user2";

/// What the program says, without what differs from machine to machine.
fn said(program: &Program, text: &str) -> String {
    let folder = program.path("").display().to_string();
    text.replace(&folder, "/srv/room-owner/")
}

/// Alice has given the room to somebody; then a file is removed.
async fn taken_from_under(suffix: &str) -> (Program, Serving) {
    let program = Program::new().await;
    let serving = served(&program).await;
    let reply = program.slack(ALICE).says("/room-owner test bob").await;
    assert!(reply.says("now belongs to `bob`"), "{reply}");
    std::fs::remove_file(program.path(&format!("room-owner.db{suffix}"))).unwrap();
    let calls = program.tencent.calls().len();
    let reply = program.slack(ALICE).says(LINE).await;
    assert!(reply.says("Nothing was done: the audit log cannot be written right now."), "{suffix}: {reply}");
    program
        .until_readiness(503, &format!("room-owner.db{suffix}` was removed or replaced while in use"))
        .await;
    // The command line has no better luck.
    let ran = program.runs("transfer test user2").await;
    assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{}", ran.err);
    assert_eq!(program.tencent.calls().len(), calls, "nothing reaches tencent");
    (program, serving)
}

/// The command line finds everything as it was said.
async fn is_whole(program: &Program) {
    let ran = program.runs("audit show 3").await;
    assert!(ran.out.contains("bob") && ran.out.contains("succeeded"), "{}{}", ran.out, ran.err);
    let ran = program.runs("audit verify").await;
    assert_eq!(ran.code, 0, "{}", ran.out);
}

/// The last that has a database open folds its log in and removes it. Another program is not the last.
#[tokio::test]
async fn another_program_reads_the_database_and_goes_while_the_bot_serves() {
    let program = Program::new().await;
    let serving = served(&program).await;
    let reply = program.slack(ALICE).says("/room-owner test bob").await;
    assert!(reply.says("now belongs to `bob`"), "{reply}");
    for _ in 0..2 {
        let mut other = program.raw().await;
        let events: i64 =
            sqlx::query_scalar("SELECT max(seq) FROM audit_events").fetch_one(&mut other).await.unwrap();
        assert!(events > 0);
        other.close().await.unwrap();
        assert!(program.path("room-owner.db-wal").exists(), "the bot's log is gone");
    }
    let reply = program.slack(ALICE).says(LINE).await;
    assert!(reply.says("now belongs to `user2` (was `bob`)"), "{reply}");
    assert!(serving.ends_when_asked().await.0.success());
    is_whole(&program).await;
}

#[tokio::test]
async fn a_file_is_removed_and_the_program_ends_when_asked() {
    for suffix in ["-wal", "-shm"] {
        let (program, serving) = taken_from_under(suffix).await;
        assert!(serving.ends_when_asked().await.0.success());
        is_whole(&program).await;
        let serving = program.serves().await;
        let reply = program.slack(ALICE).says(LINE).await;
        assert!(reply.says("now belongs to `user2` (was `bob`)"), "{reply}");
        serving.dies();
    }
}

#[tokio::test]
async fn without_the_index_of_its_log_a_killed_program_starts_with_everything() {
    let (program, serving) = taken_from_under("-shm").await;
    serving.dies();
    program.serves().await.dies();
    is_whole(&program).await;
}

#[tokio::test]
async fn without_its_write_ahead_log_a_killed_program_says_how_much_is_missing() {
    let (program, serving) = taken_from_under("-wal").await;
    serving.dies();
    for words in ["serve", "transfer test user2", "acl list"] {
        let ran = program.runs(words).await;
        assert_eq!(ran.code, 1, "{words}");
        assert_snapshot!(said(&program, &ran.err), @"error: the audit log ends at event 2, and 4 were signed, as `room-owner.db.checkpoint` says: records were taken out or altered, its write-ahead log was removed while it was in use, or an older copy was put in place. `room-owner audit verify` tells more. If you restored a copy, move `room-owner.db.checkpoint` away and keep it");
    }
    assert_eq!(program.owner(), "bob");
}

#[tokio::test]
async fn without_its_database_a_killed_program_makes_no_new_one_and_keeps_what_is_left() {
    let (program, serving) = taken_from_under("").await;
    serving.dies();
    let wal = std::fs::read(program.path("room-owner.db-wal")).unwrap();
    for words in ["serve", "transfer test user2", "acl list"] {
        let ran = program.runs(words).await;
        assert_eq!(ran.code, 1, "{words}");
        assert_snapshot!(said(&program, &ran.err), @"error: there is no database `room-owner.db`, but `room-owner.db-wal` is there: the database was removed or moved. Put it back; to begin a new one, move `room-owner.db-wal`, `room-owner.db-shm` and `room-owner.db.checkpoint` away together");
    }
    assert_eq!(std::fs::read(program.path("room-owner.db-wal")).unwrap(), wal);
}

#[tokio::test]
async fn records_that_a_killed_program_left_are_not_put_into_another_database() {
    let program = Program::new().await;
    let serving = served(&program).await;
    let copied = program.runs("backup copy.db").await;
    assert_eq!(copied.code, 0, "{}", copied.err);
    assert!(program.slack(ALICE).says("/room-owner test bob").await.says("now belongs to `bob`"));
    serving.dies();
    let (file, away) = (program.path("room-owner.db"), program.path("away.db"));
    std::fs::rename(&file, &away).unwrap();
    std::fs::rename(program.path("copy.db"), &file).unwrap();
    for words in ["serve", "transfer test user2", "acl list"] {
        let ran = program.runs(words).await;
        assert_eq!(ran.code, 1, "{words}");
        assert_snapshot!(said(&program, &ran.err), @"error: `room-owner.db` is another file than the one whose newest records are in `room-owner.db-wal`, so they do not fit together: put that one back, or move `room-owner.db-wal`, `room-owner.db-shm` and `room-owner.db.checkpoint` away together");
    }
    // As it is said, or as README has it.
    std::fs::rename(&file, program.path("copy.db")).unwrap();
    std::fs::rename(&away, &file).unwrap();
    is_whole(&program).await;
    program.serves().await.dies();
    for suffix in ["", "-wal", "-shm", ".checkpoint"] {
        let name = |name: &str| program.path(&format!("{name}{suffix}"));
        std::fs::rename(name("room-owner.db"), name("away.db")).unwrap();
        if name("copy.db").exists() {
            std::fs::rename(name("copy.db"), name("room-owner.db")).unwrap();
        }
    }
    let reply = {
        let _serving = program.serves().await;
        program.slack(ALICE).says(LINE).await
    };
    assert!(reply.says("now belongs to `user2`"), "{reply}");
}

/// Runs it in a mount namespace of its own, where the database is mounted over another file.
async fn runs_with_the_file_mounted(program: &Program, words: &str) -> Ran {
    let (from, to) = (program.path("room-owner.db"), program.path("con tainer/room-owner.db"));
    let mount = format!("mount --bind '{}' '{}'", from.display(), to.display());
    program.runs_in("unshare -m", &mount, words).await
}

#[tokio::test]
async fn a_file_that_is_mounted_by_itself_is_refused_and_may_be_verified() {
    let mut program = Program::new().await;
    served(&program).await.ends_when_asked().await;
    let folder = program.path("con tainer");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("room-owner.db"), "").unwrap();
    let url = format!("sqlite://{}con%20tainer/room-owner.db", program.path("").display());
    program.set("DATABASE_URL", &url);
    if runs_with_the_file_mounted(&program, "--version").await.code != 0 {
        eprintln!("skipped: this user may not mount anything");
        return;
    }
    for words in ["serve", "transfer test user2", "acl list", "audit list", "backup copy.db"] {
        let ran = runs_with_the_file_mounted(&program, words).await;
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{words}: {}", ran.err);
        assert_snapshot!(said(&program, &ran.err), @"error: `/srv/room-owner/con tainer/room-owner.db` is mounted by itself, without its folder, and under each name it would have other locks and another write-ahead log, so that records get lost: mount the folder that it lies in");
    }
    let ran = runs_with_the_file_mounted(&program, "audit verify").await;
    assert!(
        ran.out.contains("Not checked: whether these are the newest records: the file is mounted by itself")
    );
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "nothing is made beside it");
}

fn all_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { all_files(&path) } else { vec![path] }).collect()
}

/// Whatever the user's umask allows.
#[tokio::test]
async fn nobody_else_can_read_what_the_program_makes() {
    let program = Program::new().await;
    for words in [
        "acl grant cli:bo admin",
        "transfer test user2",
        "audit prove 2 --out proof",
        "audit export --cursor-file cursor",
        "backup copy.db",
        "audit archive old.archive --before 2100-01-01",
        "audit list",
    ] {
        let ran = program.runs_in("", "umask 0", words).await;
        assert_eq!(ran.code, 0, "{words}: {}{}", ran.out, ran.err);
    }
    // As they lie there while it runs.
    let store = SqliteStore::open(&program.database_url(), IfMissing::Fail).await.unwrap();
    let files = all_files(&program.path(""));
    for name in [
        "room-owner.db",
        "room-owner.db-wal",
        "room-owner.db-shm",
        "room-owner.db.key",
        "room-owner.db.checkpoint",
        "room-owner.db.checkpoint.before",
        "room-owner.db.locks/start",
        "room-owner.db.locks/checkpoint",
        "copy.db",
        "copy.db.checkpoint",
        "old.archive",
        "cursor",
        "proof/event-2.json",
        "proof/event-2.tlog-proof",
    ] {
        assert!(files.contains(&program.path(name)), "{name}: {files:?}");
    }
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    for file in &files {
        assert_eq!(mode(file), 0o600, "{}", file.display());
    }
    assert_eq!(mode(&program.path("room-owner.db.locks")), 0o700);
    drop(store);
}

#[tokio::test]
async fn what_is_gone_beside_the_database_is_said_and_commands_go_on() {
    let program = Program::new().await;
    let serving = served(&program).await;
    let reply = program.slack(ALICE).says("/room-owner test bob").await;
    assert!(reply.says("now belongs to `bob`"), "{reply}");
    for suffix in [".checkpoint", ".key", ".locks"] {
        let (file, away) = (program.path(&format!("room-owner.db{suffix}")), program.path("away"));
        std::fs::rename(&file, &away).unwrap();
        program.until_readiness(200, &format!("store: `room-owner.db{suffix}` is gone: ")).await;
        std::fs::rename(&away, &file).unwrap();
        program.until_readiness(200, "ready\nstore: ready\nslack: ready\n").await;
    }
    std::fs::remove_file(program.path("room-owner.db.checkpoint")).unwrap();
    let checks = program.runs("doctor --format json").await.json();
    let log = checks.as_array().unwrap().iter().find(|check| check["name"] == "audit log").unwrap();
    assert_snapshot!(format!("{}: {}", log["state"], log["detail"]), @r#""warning": "`room-owner.db.checkpoint` is gone, so that nothing outside the database says how long its log is""#);
    serving.ends_when_asked().await;
}

#[tokio::test]
async fn two_that_serve_one_database_say_so() {
    let program = Program::new().await;
    let first = program.serves().await;
    let served = async || {
        let checks = program.runs("doctor --format json").await.json();
        let check = checks.as_array().unwrap().iter().find(|it| it["name"] == "served by").unwrap().clone();
        check["detail"].as_str().unwrap().to_owned()
    };
    assert_eq!(served().await, format!("process {} serves it", first.pid()));
    let at_first = *program.workspace.bot.lock().unwrap();
    let second = program.serves().await;
    let line = second.has_logged("serves this database too").await;
    let said = format!("another process (pid {}) serves this database too: ", first.pid());
    assert!(line.contains(&said), "{line}");
    program.until_readiness(200, &format!("store: {said}")).await;
    assert!(served().await.starts_with("2 processes serve it"), "{}", served().await);
    *program.workspace.bot.lock().unwrap() = at_first;
    program.until_readiness(200, &format!("(pid {}) serves this database too", second.pid())).await;
    // Whoever is killed serves nothing any more, nor does a command, which tidies up.
    second.dies();
    assert_eq!(program.runs("acl list").await.code, 0);
    program.until_readiness(200, "ready\nstore: ready\nslack: ready\n").await;
    assert_eq!(served().await, format!("process {} serves it", first.pid()));
    first.ends_when_asked().await;
    assert_eq!(served().await, "no process serves it now");
    let left = std::fs::read_dir(program.path("room-owner.db.locks")).unwrap();
    let left = left.map(|file| file.unwrap().file_name().into_string().unwrap());
    assert_eq!(left.filter(|name| name.contains(".serves")).count(), 0);
}
