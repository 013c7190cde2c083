//! Many callers at once, callers that go away, and other processes at the same file.

use std::collections::HashMap;
use std::io::{BufRead as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::any;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use room_owner::app::ports::{Admitted, Store as _};
use room_owner::domain::audit::{OperationId, Outcome, OutcomeKind};
use room_owner::store::{Database, SqliteStore, health};
use tokio::task::JoinSet;

use super::world::{
    MALLORY, World, allow, ask, assert_log_tells_the_tables, attempt, count, execute, foreign, grant, later,
    open, recorded, refused, remove, revoke, succeeded, unknown, url,
};

// Opened while another writes ------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_opens_and_is_found_sound_while_another_process_writes() {
    let world = World::new().await;
    let store = Arc::new(world.another().await);
    let writers: Vec<_> = (0..4)
        .map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for turn in 0.. {
                    ask(&format!("room-{n}-{turn} bob")).admit(&store).await;
                }
            })
        })
        .collect();
    for _ in 0..40 {
        world.another().await.close().await;
        let health = health::look(&Database::from(&url(&world.file()))).await.unwrap();
        health.log.unwrap();
    }
    writers.iter().for_each(tokio::task::JoinHandle::abort);
}

// Claims under contention ----------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_repetitions_at_two_stores_exactly_one_is_carried_out() {
    let world = World::new().await;
    let stores = [Arc::new(world.another().await), Arc::new(world.another().await)];
    for delivery in 0..8 {
        let mut tasks = JoinSet::new();
        for n in 0..24 {
            let store = Arc::clone(&stores[n % 2]);
            let ask = ask(&format!("room-{delivery} bob")).delivered(delivery);
            tasks.spawn(async move { ask.admit(&store).await });
        }
        let mut attempts = Vec::new();
        let mut firsts = Vec::new();
        for admitted in tasks.join_all().await {
            match admitted {
                Admitted::Attempt(attempt) => attempts.push(attempt.operation()),
                Admitted::Duplicate { first, .. } => firsts.push(first.operation),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(attempts.len(), 1);
        assert_eq!(firsts, vec![attempts[0]; 23]);
    }
    assert_log_tells_the_tables(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_transfers_of_one_room_at_two_stores_exactly_one_is_begun() {
    let world = World::new().await;
    let stores = [Arc::new(world.another().await), Arc::new(world.another().await)];
    for round in 0..8 {
        let mut tasks = JoinSet::new();
        for n in 0..24 {
            let store = Arc::clone(&stores[n % 2]);
            tasks.spawn(async move { ask(&format!("test user{n}")).admit(&store).await });
        }
        let (mut begun, mut holders) = (Vec::new(), Vec::new());
        for admitted in tasks.join_all().await {
            match admitted {
                Admitted::Attempt(attempt) => begun.push(attempt.operation()),
                Admitted::Busy { operation: Some(_), holder, .. } => holders.push(holder.operation),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(begun.len(), 1, "round {round}");
        assert_eq!(holders, vec![begun[0]; 23]);
        assert!(world.finish(begun[0], &succeeded("req-1")).await);
    }
    assert_log_tells_the_tables(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_outcomes_of_one_operation_exactly_one_is_final() {
    let world = World::new().await;
    let store = Arc::new(world.another().await);
    let operation = ask("test bob").attempt(&store).await.operation();
    let mut tasks = JoinSet::new();
    for n in 0..24 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let id = format!("req-{n}");
            store.finish(operation, &succeeded(&id), later(n)).await.unwrap().map(|_| id)
        });
    }
    let won: Vec<String> = tasks.join_all().await.into_iter().flatten().collect();
    assert_eq!(won.len(), 1);
    assert_eq!(world.entry(operation).await.request_id.as_ref(), Some(&won[0]));
}

// Everything at once, then the log is read -----------------------------------------------------------------

/// Eight tasks at two stores do whatever comes to their minds. The minds are fixed, the order is not: what
/// is asserted holds in every order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_tells_the_tables_after_a_random_day() {
    let world = World::new().await;
    let stores = [Arc::new(world.another().await), Arc::new(world.another().await)];
    let mut runner = TestRunner::deterministic();
    let mut tasks = JoinSet::new();
    for task in 0..8_usize {
        let actions =
            proptest::collection::vec(any::<[u8; 4]>(), 60).new_tree(&mut runner).unwrap().current();
        let store = Arc::clone(&stores[task % 2]);
        tasks.spawn(async move { a_random_day(&store, &actions).await });
    }
    let mut met = HashMap::<String, usize>::new();
    for day in tasks.join_all().await {
        for action in day {
            *met.entry(action).or_default() += 1;
        }
    }
    for action in ["attempt", "recorded", "duplicate", "declined", "busy", "finished", "edited", "nothing"] {
        assert!(met.get(action).is_some_and(|times| *times > 3), "hardly any `{action}`: {met:?}");
    }
    assert_log_tells_the_tables(&world).await;
    drop(stores);
    assert_log_tells_the_tables(&world.reopened().await).await;
}

async fn a_random_day(store: &SqliteStore, actions: &[[u8; 4]]) -> Vec<String> {
    let mut met = Vec::new();
    let mut mine: Vec<OperationId> = Vec::new();
    for (step, [kind, a, b, c]) in actions.iter().enumerate() {
        let at = later(step as i64 * 10);
        // Few rooms and few deliveries, so that they meet.
        let line = format!("room-{} user{}", a % 4, b % 3);
        let delivery = format!("{}", u16::from(*c) % 160);
        let admission = match kind % 20 {
            0..=6 => ask(&line).delivered(delivery).decided(store).await,
            7 => ask(&line).without_declining().decided(store).await,
            8 => ask(&line).by(MALLORY).delivered(delivery).decided(store).await,
            9 => ask("a b c").decided(store).await,
            10 => ask(&format!("room-{}", a % 4)).decided(store).await,
            11 => foreign(&delivery),
            12..=17 => {
                if let Some(operation) = mine.pop() {
                    let outcome = match b % 6 {
                        0 => succeeded("req-1"),
                        1 => refused("req-2"),
                        2 => Outcome::Unchanged,
                        3 => unknown(None),
                        4 => unknown(Some("eve")),
                        _ => succeeded("req-3"),
                    };
                    let at = later(step as i64 * 10 + 5);
                    assert!(store.finish(operation, &outcome, at).await.unwrap().is_some());
                    if !outcome.is_final() {
                        mine.insert(0, operation);
                    }
                    met.push("finished".to_owned());
                }
                continue;
            }
            _ => {
                let edit = match b % 5 {
                    0 | 1 => grant("slack:T1:U9", "moderator", "live-*"),
                    2 => revoke(3 + i64::from(a % 16)),
                    3 => allow("discord:1:9", if *c < 128 { "*" } else { "live-*" }),
                    _ => remove("discord:1:9"),
                };
                let what = match edit.apply_at(store, at).await {
                    room_owner::app::ports::AclChanged::Declined(..) => "nothing",
                    _ => "edited",
                };
                met.push(what.to_owned());
                continue;
            }
        };
        let what = match store.admit(admission, at).await.unwrap() {
            Admitted::Attempt(attempt) => {
                mine.push(attempt.operation());
                "attempt"
            }
            Admitted::Recorded(_) => "recorded",
            Admitted::Duplicate { .. } => "duplicate",
            Admitted::Busy { operation: Some(_), .. } => "declined",
            Admitted::Busy { operation: None, .. } => "busy",
            Admitted::NotHeld { .. } => "not held",
            Admitted::NotPressed { .. } => "not pressed",
            Admitted::AskedBefore { .. } => "asked before",
            Admitted::AclChanged => "acl changed",
        };
        met.push(what.to_owned());
    }
    met
}

// Callers that go away -------------------------------------------------------------------------------------

/// On one thread a yield gives each task one turn: a call that had one is in the queue, and is written.
#[tokio::test]
async fn a_caller_that_goes_away_loses_nothing_and_half_writes_nothing() {
    let world = World::new().await;
    let store = Arc::new(world.another().await);
    for n in 0..60 {
        let (store, ask) = (Arc::clone(&store), ask(&format!("room-{n} bob")).delivered(n));
        let admission = ask.decided(&store).await;
        let task = tokio::spawn(async move { store.admit(admission, later(0)).await });
        for _ in 0..n % 6 {
            tokio::task::yield_now().await;
        }
        task.abort();
        drop(task.await);
    }
    // The queue is worked off in its order: behind this, everything before is written or never will be.
    store.check_writable().await.unwrap();
    assert_log_tells_the_tables(&world).await;

    for n in 0..60 {
        match ask(&format!("room-{n} bob")).delivered(n).admit(&store).await {
            Admitted::Attempt(_) => assert_eq!(n % 6, 0, "a call was lost"),
            Admitted::Duplicate { first, .. } => {
                assert_ne!(n % 6, 0, "a call was made that never began");
                assert_eq!(first.outcome, OutcomeKind::Pending, "complete, and open until it is resolved");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_log_tells_the_tables(&world).await;
}

#[tokio::test]
async fn a_write_that_waits_goes_on_without_its_caller() {
    let world = World::new().await;
    let admission = ask("test bob").delivered("1").decided(&world.store).await;
    let mut raw = world.raw().await;
    execute(&mut raw, "BEGIN IMMEDIATE").await.unwrap();
    {
        let mut call = Box::pin(world.store.admit(admission, later(0)));
        assert!(polled_once(&mut call).await.is_none(), "the database is locked");
        // And here it is dropped.
    }
    execute(&mut raw, "COMMIT").await.unwrap();
    world.store.check_writable().await.unwrap();
    assert!(matches!(ask("test bob").delivered("1").admit(&world.store).await, Admitted::Duplicate { .. }));
}

#[tokio::test]
async fn what_waits_together_shares_a_commit() {
    let world = World::new().await;
    let store = Arc::new(world.another().await);
    let mut raw = world.raw().await;
    execute(&mut raw, "PRAGMA wal_checkpoint(TRUNCATE)").await.unwrap();
    execute(&mut raw, "BEGIN IMMEDIATE").await.unwrap();
    let mut tasks = JoinSet::new();
    for n in 0..100 {
        let store = Arc::clone(&store);
        let admission = ask(&format!("room-{n} bob")).decided(&store).await;
        tasks.spawn(async move { store.admit(admission, later(0)).await.unwrap() });
    }
    // One thread, and each task needs one turn to get into the queue; nobody can write before the commit.
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
    execute(&mut raw, "COMMIT").await.unwrap();
    tasks.join_all().await.into_iter().for_each(|admitted| drop(attempt(admitted)));
    let commits = commits_in(&std::fs::read(world.file().with_extension("db-wal")).unwrap());
    assert!((1..=10).contains(&commits), "{commits} commits for 100 attempts");
    assert_log_tells_the_tables(&world).await;
}

#[tokio::test]
async fn what_cannot_be_written_does_not_take_its_neighbours_along() {
    let world = World::new().await;
    let mut raw = world.raw().await;
    execute(
        &mut raw,
        "INSERT INTO grants (subject, role, effect, rooms, granted_by, granted_at, granted_in)
         VALUES ('nobody', 'admin', 'deny', '*', 'cli:eve', 0, 0)",
    )
    .await
    .unwrap();
    let store = Arc::new(world.another().await);
    execute(&mut raw, "BEGIN IMMEDIATE").await.unwrap();
    let mut tasks = JoinSet::new();
    for n in 0..9 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            if n == 4 {
                // The grant cannot be read, so it cannot be revoked.
                let edit = revoke(2).decided(&store).await;
                return Err(store.edit_acl(edit, later(0)).await.unwrap_err().to_string());
            }
            let admission = ask(&format!("room-{n} bob")).by(MALLORY).decided(&store).await;
            Ok(recorded(store.admit(admission, later(0)).await.unwrap()))
        });
    }
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
    execute(&mut raw, "COMMIT").await.unwrap();
    let (good, bad): (Vec<_>, Vec<_>) = tasks.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!((good.len(), bad.len()), (8, 1));
    let why = bad[0].as_ref().unwrap_err();
    assert!(why.starts_with("the database cannot be written") && why.contains("`nobody`"), "{why}");
    assert_eq!(world.log().await.len(), 2 + 8);
}

// A locked database ----------------------------------------------------------------------------------------

#[tokio::test]
async fn a_locked_database_fails_every_waiting_call_soon_and_writes_nothing() {
    let world = World::new().await;
    let store = Arc::new(world.another().await);
    let mut raw = world.raw().await;
    let events = count(&mut raw, "audit_events").await;
    execute(&mut raw, "BEGIN IMMEDIATE").await.unwrap();

    let mut tasks = JoinSet::new();
    for n in 0..20 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let admission = ask(&format!("room-{n} bob")).delivered(n).decided(&store).await;
            store.admit(admission, later(0)).await
        });
    }
    // SQLite waits 1.5 s for the lock, and a call may come just when such a wait has begun.
    let answers = tokio::time::timeout(Duration::from_secs(6), tasks.join_all()).await;
    for answer in answers.expect("the calls do not wait for each other's turns") {
        let error = answer.unwrap_err().to_string();
        assert!(error.contains("the database cannot be written") && error.contains("locked"), "{error}");
    }
    let reading = world.store.audit(&room_owner::domain::audit::AuditFilter::default()).await.unwrap();
    assert_eq!(reading.len(), 2, "questions are answered meanwhile");
    assert!(store.check_writable().await.is_err(), "and it shows that nothing can be written");

    execute(&mut raw, "ROLLBACK").await.unwrap();
    assert_eq!(count(&mut raw, "audit_events").await, events, "nothing was written");
    assert_eq!(count(&mut raw, "deliveries").await, 0);
    store.check_writable().await.unwrap();
    for n in 0..20 {
        ask(&format!("room-{n} bob")).delivered(n).attempt(&store).await;
    }
    assert_log_tells_the_tables(&world).await;
}

#[tokio::test]
async fn a_short_lock_is_waited_for() {
    let world = World::new().await;
    let admission = ask("test bob").decided(&world.store).await;
    let mut raw = world.raw().await;
    execute(&mut raw, "BEGIN IMMEDIATE").await.unwrap();
    let mut call = Box::pin(world.store.admit(admission, later(0)));
    assert!(polled_once(&mut call).await.is_none());
    execute(&mut raw, "COMMIT").await.unwrap();
    attempt(call.await.unwrap());
}

// Whose work it is -----------------------------------------------------------------------------------------

#[tokio::test]
async fn the_work_of_a_living_process_is_elsewhere_for_the_others() {
    let world = World::new().await;
    let another = world.another().await;
    let operation = ask("test bob").attempt(&another).await.operation();
    recorded(ask("test").admit(&another).await);

    assert_eq!(is_elsewhere(&world.store).await, [true, true]);
    assert_eq!(is_elsewhere(&another).await, [false, false]);
    let unresolved = &world.store.unresolved().await.unwrap()[0];
    assert_eq!((unresolved.operation, unresolved.outcome), (operation, OutcomeKind::Pending));
    assert_eq!(unresolved.room.as_str(), "test");
    assert_eq!(unresolved.new_owner.as_ref().unwrap().to_string(), "bob");
    assert_eq!(world.store.unresolved().await.unwrap()[1].new_owner, None, "a question changes nothing");
    match ask("test dave").admit(&world.store).await {
        Admitted::Busy { unresolved, .. } => assert!(unresolved.is_elsewhere),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_work_of_a_store_that_was_let_go_is_nobodys() {
    let world = World::new().await;
    let another = world.another().await;
    ask("test bob").attempt(&another).await;
    drop(another);
    // Its writer closes the connection behind the drop.
    while is_elsewhere(&world.store).await != [false] {
        tokio::task::yield_now().await;
    }
    let world = world.reopened().await;
    assert_eq!(is_elsewhere(&world.store).await, [false]);
}

#[tokio::test]
async fn the_work_of_a_killed_process_is_nobodys() {
    let world = World::new().await;
    let mut child = a_process_that_begins_a_transfer(&world);
    assert_eq!(is_elsewhere(&world.store).await, [true], "it lives");

    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(is_elsewhere(&world.store).await, [false], "its lock ended with it");
    assert_eq!(is_elsewhere(&world.store).await, [false]);
    assert_log_tells_the_tables(&world).await;

    let operation = world.open_operations().await[0];
    assert!(world.finish(operation, &succeeded("req-1")).await, "another process settles it");
    ask("killed dave").attempt(&world.store).await;
}

#[test]
#[ignore = "run as a process of its own by the test of a killed process"]
fn begin_a_transfer_and_wait_to_be_killed() {
    let mut lines = std::io::stdin().lock().lines();
    let file = lines.next().unwrap().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let store = runtime.block_on(async {
        let store = open(file.as_ref()).await;
        ask("killed bob").attempt(&store).await;
        store
    });
    println!("\nbegun");
    assert!(lines.next().is_none(), "until the parent goes away, if it does not kill");
    drop(store);
}

// Helpers --------------------------------------------------------------------------------------------------

async fn is_elsewhere(store: &SqliteStore) -> Vec<bool> {
    store.unresolved().await.unwrap().iter().map(|open| open.is_elsewhere).collect()
}

fn a_process_that_begins_a_transfer(world: &World) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["concurrency::begin_a_transfer_and_wait_to_be_killed", "--exact", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(child.stdin.as_mut().unwrap(), "{}", world.file().display()).unwrap();
    let said = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(said.map_while(Result::ok).any(|line| line == "begun"), "the process did not begin");
    child
}

/// The answer, if there is one at the first asking.
async fn polled_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match std::pin::Pin::new(&mut *future).poll(context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

/// How many transactions a write-ahead log holds: frames that name the size of the database after a commit
/// (<https://sqlite.org/fileformat2.html#the_write_ahead_log>).
fn commits_in(wal: &[u8]) -> usize {
    let number = |at: usize| u32::from_be_bytes(wal[at..at + 4].try_into().unwrap());
    let (page, salt) = (number(8) as usize, &wal[16..24]);
    let frames = wal[32..].chunks_exact(24 + page);
    frames.take_while(|frame| &frame[8..16] == salt).filter(|frame| frame[4..8] != [0; 4]).count()
}
