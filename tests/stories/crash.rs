//! The process dies in the middle; what became of the room is found out, and nothing is sent again.

use room_owner::app::ports::Store as _;
use room_owner::domain::audit::{AuditEntry, OperationId, OutcomeKind};
use room_owner::store::{IfMissing, SqliteStore};
use room_owner::tencent::simulator::{Api, Fault, FaultKind, When};
use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;

use super::program::{PATIENCE, Program, Serving};
use super::slack::{ALICE, MODS, TEAM};

const LINE: &str = "/room-owner test user2";
const AN_HOUR: u64 = 3_600_000;

/// The program serves Alice, a moderator, in #mods.
async fn ready() -> (Program, Serving) {
    let program = Program::new().await;
    let serving = served(&program).await;
    (program, serving)
}

/// The same with a program that is there.
pub(crate) async fn served(program: &Program) -> Serving {
    allowed(program).await;
    program.serves().await
}

/// Alice is a moderator, in #mods: operations 1 and 2.
pub(crate) async fn allowed(program: &Program) {
    let granted = program.runs(&format!("acl grant {} moderator", ALICE.subject())).await;
    assert_eq!(granted.code, 0, "{}", granted.err);
    let allowed = program.runs(&format!("acl channel allow slack:{TEAM}:{MODS}")).await;
    assert_eq!(allowed.code, 0, "{}", allowed.err);
}

/// Waits until the operation has this outcome.
async fn until(program: &Program, operation: i64, outcome: OutcomeKind) -> AuditEntry {
    until_it(program, operation, |entry| entry.outcome == outcome).await
}

/// Waits until the operation's record is like this.
async fn until_it(program: &Program, operation: i64, is_so: impl Fn(&AuditEntry) -> bool) -> AuditEntry {
    let store = SqliteStore::open(&program.database_url(), IfMissing::Fail).await.unwrap();
    let asking = async {
        loop {
            let entry = store.operation(OperationId::new(operation)).await.unwrap();
            if let Some(entry) = entry.filter(&is_so) {
                return entry;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("the operation never came to that")
}

/// Alice's command is under way at Tencent, before or after the change, when the process dies.
async fn dies_in_the_middle(program: &Program, serving: Serving, when: When) {
    let stall = Fault::new(FaultKind::Stall { when, millis: AN_HOUR });
    program.tencent.inject(stall.on(Api::ChangeRoomOwner).once());
    let request = program.slack(ALICE).delivered("1.2.3").about(LINE).signed();
    let saying = tokio::spawn(request.status_and_body());
    program.until(|tencent| tencent.max_concurrent_changes("test") == 1).await;
    program.until(|tencent| when == When::Before || tencent.owner_of("test").unwrap() == "user2").await;
    // It takes long enough for the previous owner to be noted.
    until_it(program, 3, |entry| entry.previous_owner.as_deref() == Some("carol")).await;
    serving.dies();
    assert!(saying.await.is_err(), "there was nobody left to answer");
    until(program, 3, OutcomeKind::Pending).await;
}

#[tokio::test]
async fn a_change_that_happened_before_the_crash_is_found() {
    let (program, serving) = ready().await;
    dies_in_the_middle(&program, serving, When::After).await;
    let serving = program.serves().await;
    let entry = until(&program, 3, OutcomeKind::Succeeded).await;
    let info = "the process ended before Tencent's answer was recorded";
    assert_eq!(entry.error_info.as_deref(), Some(info));

    let again = program.slack(ALICE).delivered("1.2.3").says(LINE).await;
    assert!(again.says("Already handled as op 3; it was not done twice."), "{again}");
    assert_eq!((program.changes(), program.owner().as_str()), (1, "user2"));
    serving.dies();
}

#[tokio::test]
async fn a_change_that_never_happened_is_found_too() {
    let (program, serving) = ready().await;
    dies_in_the_middle(&program, serving, When::Before).await;
    let serving = program.serves().await;
    // At once, when the bot has hardly looked.
    let next = program.slack(ALICE).says("/room-owner test user3").await;
    let entry = until(&program, 3, OutcomeKind::Refused).await;
    assert_eq!(entry.previous_owner.as_deref(), Some("carol"));
    if !next.says("now belongs to `user3`") {
        let waits = ["Working on", "still under way", "not known yet"];
        assert!(waits.iter().any(|waits| next.says(waits)), "{next}");
    }
    serving.dies();
}

#[tokio::test]
async fn a_lost_answer_that_was_being_looked_into_is_looked_into_by_the_next_process() {
    let (program, serving) = ready().await;
    program.tencent.inject(Fault::new(FaultKind::ResetBefore).on(Api::ChangeRoomOwner).once());
    let request = program.slack(ALICE).delivered("1.2.3").about(LINE).signed();
    let saying = tokio::spawn(request.status_and_body());
    // Answered within a moment, it is noted all the same: without it nobody could tell what an owner who is still
    // carol means.
    until_it(&program, 3, |entry| {
        entry.outcome == OutcomeKind::Pending && entry.previous_owner.as_deref() == Some("carol")
    })
    .await;
    serving.dies();
    assert!(saying.await.is_err(), "there was nobody left to answer");
    let serving = program.serves().await;
    until(&program, 3, OutcomeKind::Refused).await;
    assert_eq!((program.changes(), program.owner().as_str()), (1, "carol"));
    serving.dies();
}

#[tokio::test]
async fn whoever_ends_when_asked_finishes_what_is_under_way() {
    let (program, serving) = ready().await;
    let stall = Fault::new(FaultKind::Stall { when: When::Before, millis: 500 });
    program.tencent.inject(stall.on(Api::ChangeRoomOwner).once());
    let saying = tokio::spawn(program.slack(ALICE).says(LINE));
    program.until(|tencent| tencent.max_concurrent_changes("test") == 1).await;
    let (status, out) = serving.ends_when_asked().await;
    assert!(status.success() && out.is_empty(), "{status} {out}");
    let reply = saying.await.unwrap();
    assert!(reply.says("`test` now belongs to `user2`"), "{reply}");
    until(&program, 3, OutcomeKind::Succeeded).await;
}

#[tokio::test]
async fn on_a_full_disk_nothing_is_done_without_a_record() {
    let (program, serving) = ready().await;
    serving.ends_when_asked().await;
    // The write-ahead log begins at its beginning, so that a few commands fit.
    let mut other = SqliteConnection::connect(&program.database_url()).await.unwrap();
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    let serving = program.serves_on_a_full_disk(512).await;
    let mut said = None;
    for n in 0..200 {
        let calls = program.changes();
        let line = format!("/room-owner test user{n}");
        let reply = program.slack(ALICE).says(&line).await;
        if reply.says("the audit log cannot be written right now") {
            assert_eq!(program.changes(), calls, "no record, no call");
            said = Some(n);
            break;
        }
        // The disk may also end between a change and the record of its outcome.
        assert!(reply.says("now belongs to") || reply.says("Working on"), "{reply}");
    }
    assert!(said.is_some_and(|n| n > 0), "the disk was never full: {said:?}");
    let owner = program.owner();
    serving.dies();

    // With space again, everything that was begun comes to its end.
    let serving = program.serves().await;
    let store = SqliteStore::open(&program.database_url(), IfMissing::Fail).await.unwrap();
    let resolved = async {
        while !store.unresolved().await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, resolved).await.expect("something stays unresolved");
    assert_eq!(program.owner(), owner);
    serving.dies();
}

#[tokio::test]
async fn a_database_that_was_deleted_takes_no_more_commands() {
    let (program, serving) = ready().await;
    assert!(program.slack(ALICE).says(LINE).await.says("now belongs to `user2`"));
    let file = program.database_url().trim_start_matches("sqlite://").to_owned();
    for suffix in ["", "-wal", "-shm"] {
        std::fs::remove_file(format!("{file}{suffix}")).unwrap();
    }
    let reply = program.slack(ALICE).says("/room-owner test user3").await;
    assert!(reply.says("Nothing was done: the audit log cannot be written right now."), "{reply}");
    assert_eq!((program.changes(), program.owner().as_str()), (1, "user2"));
    serving.dies();
}
