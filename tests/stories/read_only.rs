//! A database that may only be read: the program does not start on it, and says what to do. One that is made so while
//! the bot runs is another matter: what is open stays open, and when it cannot be opened again, nothing is done.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use sqlx::Connection as _;

use super::crash::served;
use super::doors::assert_snapshot;
use super::program::Program;
use super::slack::ALICE;

const LINE: &str = "/room-owner test user2";
const NOTHING_DONE: &str = "Nothing was done: the audit log cannot be written right now.";

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// The program on a database of its own, run by somebody who is bound by permissions.
async fn made() -> Program {
    let mut program = Program::without_database().await;
    program.without_privileges();
    program.serves().await.ends_when_asked().await;
    program
}

/// The program with Alice as a moderator, run by somebody who is bound by permissions.
async fn program() -> Program {
    let program = made().await;
    assert!(served(&program).await.ends_when_asked().await.0.success());
    program
}

/// What the program says when it does not start, without what differs from machine to machine.
fn said(program: &Program, err: &str) -> String {
    let folder = program.path("").canonicalize().unwrap().display().to_string();
    let user = std::fs::metadata(program.path("")).unwrap().uid();
    err.replace(&folder, "/srv/room-owner").replace(&format!("uid {user}"), "uid 1000")
}

/// Neither `serve` nor `transfer` begins anything.
async fn refuses(program: &Program) -> String {
    let ran = program.runs("serve").await;
    assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{}", ran.err);
    let transfer = program.runs("transfer test user2").await;
    assert_eq!((transfer.code, transfer.err.as_str()), (1, ran.err.as_str()));
    assert!(program.tencent.calls().is_empty());
    said(program, &ran.err)
}

#[tokio::test]
async fn on_a_database_that_may_only_be_read_the_program_does_not_start() {
    let program = program().await;
    let file = program.path("room-owner.db");
    mode(&file, 0o444);
    assert_snapshot!(refuses(&program).await, @r"
    error: `room-owner.db` cannot be written: Permission denied (os error 13), belongs to uid 1000 with mode 0444; this runs as uid 1000. Nothing is done without a record, so nothing could be done: run it as the owner, or make the file and its folder writable for it (`chmod`, `chown`)
    ");
    mode(&file, 0o644);
    mode(&program.path(""), 0o555);
    assert_snapshot!(refuses(&program).await, @r"
    error: `/srv/room-owner` cannot be written: Permission denied (os error 13), belongs to uid 1000 with mode 0555; this runs as uid 1000. Nothing is done without a record, so nothing could be done: run it as the owner, or make the file and its folder writable for it (`chmod`, `chown`)
    ");
    mode(&program.path(""), 0o755);
    let serving = program.serves().await;
    let reply = program.slack(ALICE).says(LINE).await;
    assert!(reply.says("now belongs to `user2`"), "{reply}");
    serving.ends_when_asked().await;
}

#[tokio::test]
async fn what_sqlite_leaves_behind_beside_a_read_only_file_keeps_nobody_from_starting() {
    let program = program().await;
    // While it could only be read, it was opened once; and then whoever did it died.
    for suffix in ["-wal", "-shm"] {
        let left = program.path(&format!("room-owner.db{suffix}"));
        std::fs::write(&left, "").unwrap();
        mode(&left, 0o444);
        program.gives_away(&left);
    }
    let serving = program.serves().await;
    let reply = program.slack(ALICE).says(LINE).await;
    assert!(reply.says("now belongs to `user2`"), "{reply}");
    serving.ends_when_asked().await;
}

#[tokio::test]
async fn made_read_only_while_it_is_open_it_is_written_until_it_has_to_be_opened_again() {
    let program = made().await;
    let serving = served(&program).await;
    let file = program.path("room-owner.db");
    mode(&file, 0o444);
    let reply = program.slack(ALICE).says(LINE).await;
    assert!(reply.says("now belongs to `user2`"), "what is open stays open: {reply}");
    program.until_readiness(200, "ready").await;

    // After a write that failed the bot opens the file anew.
    let mut other = program.raw().await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let calls = program.tencent.calls().len();
    let reply = program.slack(ALICE).says("/room-owner test user3").await;
    assert!(reply.says(NOTHING_DONE), "{reply}");
    other.close().await.unwrap();
    for _ in 0..3 {
        let reply = program.slack(ALICE).says("/room-owner test user3").await;
        assert!(reply.says(NOTHING_DONE), "{reply}");
    }
    program.until_readiness(503, "room-owner.db` cannot be written: Permission denied").await;
    assert_eq!(program.tencent.calls().len(), calls, "nothing reaches tencent");

    mode(&file, 0o644);
    program.until_readiness(200, "ready").await;
    let reply = program.slack(ALICE).says("/room-owner test user3").await;
    assert!(reply.says("now belongs to `user3`"), "{reply}");
    serving.ends_when_asked().await;
}

#[tokio::test]
async fn in_a_folder_that_is_made_read_only_the_log_is_written_and_its_head_is_missed() {
    let program = made().await;
    let serving = served(&program).await;
    mode(&program.path(""), 0o555);
    let reply = program.slack(ALICE).says(LINE).await;
    assert!(reply.says("now belongs to `user2`"), "the log itself is open: {reply}");
    program.until_readiness(503, "the newest signed head of the audit log cannot be written to").await;
    mode(&program.path(""), 0o755);
    let reply = program.slack(ALICE).says("/room-owner test user3").await;
    assert!(reply.says("now belongs to `user3`"), "{reply}");
    program.until_readiness(200, "ready").await;
    serving.ends_when_asked().await;
}

#[tokio::test]
async fn a_folder_is_no_database() {
    let mut program = Program::without_database().await;
    let folder = program.path("data");
    std::fs::create_dir(&folder).unwrap();
    program.set("DATABASE_URL", &format!("sqlite://{}", folder.display()));
    let ran = program.runs("serve").await;
    assert_eq!(ran.code, 1, "{}", ran.out);
    let name = folder.display();
    assert_eq!(
        ran.err,
        format!("error: `{name}` is a folder: name a file in it, such as `{name}/room-owner.db`\n")
    );
    // Nothing was made beside it.
    let there: Vec<_> =
        std::fs::read_dir(program.path("")).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(there, ["data"]);
}
