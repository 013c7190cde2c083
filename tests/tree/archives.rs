//! The oldest events in a file of their own: what is still known without it, what can be proved with it, and that
//! no change of the one or the other goes unnoticed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use insta::assert_snapshot;
use room_owner::app::acl::local_permit;
use room_owner::app::commands::audit::{Reader, answer};
use room_owner::app::ports::{Admitted, Clock, Observation, OwnerChangeEvent, Store as _, StoreError};
use room_owner::bench::scratch::fill;
use room_owner::domain::archive::{ArchiveReport, HeldUp};
use room_owner::domain::audit::{AuditEntry, AuditFilter, NoAnswer, OperationId, StatsBy};
use room_owner::domain::command::DeliveryId;
use room_owner::domain::command::Question;
use room_owner::domain::principal::Principal;
use room_owner::domain::reply::Answer;
use room_owner::domain::room::AccountId;
use room_owner::domain::verification::Report;
use room_owner::merkle::VerifierKey;
use room_owner::store::SqliteStore;
use room_owner::store::archive::{self, Order};
use room_owner::store::proofs::prove;
use room_owner::store::verify::{Evidence, verify};
use serde_json::Value;
use sqlx::Row as _;
use tokio::task::JoinSet;

use super::copies::{Copy, check, day, night, settle};
use super::independent::{self, checked, proves};
use super::rebuild::rebuild;
use super::world::{MALLORY, NOON, World, allow, ask, count, execute, later, raw, recorded, succeeded};

struct At(jiff::Timestamp);

#[async_trait::async_trait]
impl Clock for At {
    fn now(&self) -> jiff::Timestamp {
        self.0
    }

    async fn sleep(&self, _: std::time::Duration) {}
}

/// `cli:ana` archives what began before the time.
pub(crate) async fn archive_of(
    store: &SqliteStore,
    before: jiff::Timestamp,
    file: &Path,
) -> Result<ArchiveReport, StoreError> {
    let at = later(1_000);
    let principal = Principal::new("cli:ana".parse().unwrap());
    let permit = local_permit(store, &At(at), &principal).await.unwrap();
    let typed = format!("room-owner audit archive {}", file.file_name().unwrap().display());
    store.archive(Order { principal, permit, typed, before, file: file.to_owned() }, at).await
}

fn numbers(report: &ArchiveReport) -> Option<(i64, i64, i64)> {
    report.archive.as_ref().map(|made| (made.operation.seq(), made.archived.first, made.archived.last))
}

async fn bodies(file: &Path) -> Vec<(i64, String)> {
    sqlx::query_as("SELECT seq, body FROM audit_events ORDER BY seq")
        .fetch_all(&mut raw(file).await)
        .await
        .unwrap()
}

/// The day, of which events 1 to 15 were archived by operation 30, because operation 16 is still open.
struct Season {
    world: World,
    /// As it was.
    before: Copy,
    /// As it is, with the archive beside it.
    after: Copy,
}

impl Season {
    async fn new() -> Self {
        let world = day().await;
        let before = Copy::of(&world).await;
        let world = world.reopened().await;
        let file = world.file().with_file_name("first.archive");
        let report = archive_of(&world.store, later(1), &file).await.unwrap();
        assert_eq!(numbers(&report), Some((28, 1, 15)));
        assert_eq!((report.held_up_by, report.removed), (Some(HeldUp::Open(OperationId::new(16))), 15));
        let after = Copy::of(&world).await;
        fs::copy(&file, beside(&after, "first.archive")).unwrap();
        let world = world.reopened().await;
        Self { world, before, after }
    }

    /// What is still open ends, and the rest of the day is archived too, with the event of the first archive:
    /// events 16 to 30 by operation 31.
    async fn goes_on(self) -> Self {
        let Self { world, before, .. } = self;
        for operation in [16, 19] {
            assert!(world.finish(OperationId::new(operation), &succeeded("late")).await);
        }
        let file = world.file().with_file_name("second.archive");
        let report = archive_of(&world.store, later(2_000), &file).await.unwrap();
        assert_eq!(numbers(&report), Some((31, 16, 30)));
        let after = Copy::of(&world).await;
        for name in ["first.archive", "second.archive"] {
            fs::copy(world.file().with_file_name(name), beside(&after, name)).unwrap();
        }
        let world = world.reopened().await;
        Self { world, before, after }
    }
}

fn beside(copy: &Copy, name: &str) -> PathBuf {
    copy.file().with_file_name(name)
}

/// What `audit verify --archive ..` says.
async fn verified(copy: &Copy, archives: &[&str]) -> Report {
    let archives = archives.iter().map(|name| beside(copy, name)).collect();
    let evidence = Evidence { keys: vec![copy.key.clone()], archives, indexes: true, ..Evidence::default() };
    check(&copy.file(), evidence).await
}

/// The findings, without the names of scratch folders.
fn findings(copy: &Copy, report: &Report) -> String {
    let folder = format!("{}/", copy.file().parent().unwrap().display());
    report.findings.iter().map(|finding| format!("{}\n", finding.to_string().replace(&folder, ""))).collect()
}

async fn found(copy: &Copy, archives: &[&str]) -> String {
    findings(copy, &verified(copy, archives).await)
}

/// What the check says that it could not see for want of archives.
fn of_archives(report: &Report) -> String {
    let found = report.unchecked.iter().filter(|what| what.contains("`/") && !what.starts_with("that"));
    found.map(|what| format!("{what}\n")).collect()
}

/// What every question that needs no events answers.
async fn answers(store: &SqliteStore) -> (Vec<AuditEntry>, String, String) {
    let upto = AuditFilter { until: Some(later(900)), ..AuditFilter::default() };
    let entries = store.log().entries(&upto).await.unwrap();
    let stats = store.log().stats(&upto, StatsBy::Actor).await.unwrap();
    let history = store.log().room_history(&"test".parse().unwrap(), later(900), 50).await.unwrap();
    (entries, format!("{stats:?}"), format!("{history:?}"))
}

#[tokio::test]
async fn what_was_done_reads_as_before_and_the_events_are_in_the_file_byte_for_byte() {
    let season = Season::new().await;
    let text = fs::read_to_string(beside(&season.after, "first.archive")).unwrap();
    let mut lines = text.lines();
    let header: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    let all = bodies(&season.before.file()).await;
    let archived: Vec<&str> = all[..15].iter().map(|(_, body)| body.as_str()).collect();
    assert_eq!(lines.collect::<Vec<_>>(), archived);
    assert_eq!(bodies(&season.after.file()).await[..12], all[15..], "the others are where they were");
    // By the standards' texts alone: the head in the first line is the one of these leaves.
    let head = checked(header["checkpoint"].as_str().unwrap(), season.after.key.as_str()).unwrap();
    assert_eq!((head.size, head.root), (15, independent::root(&archived)));
    assert_eq!(head.origin, header["log"].as_str().unwrap());

    let before = super::world::open(&season.before.file()).await;
    assert_eq!(answers(&season.world.store).await, answers(&before).await);
    let entry = season.world.entry(OperationId::new(28)).await;
    assert_eq!(
        (entry.command.as_str(), entry.authority.as_deref(), entry.outcome.name()),
        ("room-owner audit archive first.archive", Some("local"), "succeeded")
    );
    assert!(season.world.store.checkpoint(OperationId::new(10)).await.unwrap().is_some());
}

#[tokio::test]
async fn what_was_claimed_or_is_open_stays_so() {
    let world = Season::new().await.world;
    let again = ask("test bob").delivered("1").admit(&world.store).await;
    assert!(matches!(again, Admitted::Duplicate { first, .. } if first.operation.seq() == 10));
    let account = |id: &str| AccountId::from_tencent(id.to_owned());
    let notice = OwnerChangeEvent {
        delivery: DeliveryId::new("tencent", "test:bob").unwrap(),
        room: "test".parse().unwrap(),
        new_owner: account("bob"),
        original_owner: Some(account("carol")),
        operator: Some(account("administrator")),
        is_own_account: true,
        event_at: NOON,
        is_signed: true,
    };
    let observed = world.store.observe(&notice, None, later(2_000)).await.unwrap();
    assert!(matches!(observed, Observation::Known), "{observed:?}");
    assert_eq!(world.open_operations().await, [OperationId::new(16), OperationId::new(19)]);
    assert!(world.finish(OperationId::new(16), &succeeded("late")).await);
    let copy = Copy::of(&world).await;
    assert_eq!(found(&copy, &[]).await, "");
}

#[tokio::test]
async fn the_check_spans_archive_and_database_and_says_what_it_cannot_see() {
    let season = Season::new().await;
    let spanning = verified(&season.after, &["first.archive"]).await;
    assert!(spanning.sound, "{}", findings(&season.after, &spanning));
    assert_eq!((spanning.events, spanning.compared.len()), (28, 2));
    assert!(!spanning.unchecked.iter().any(|what| what.contains("--archive")), "{:?}", spanning.unchecked);
    let alone = verified(&season.after, &[]).await;
    assert!(alone.sound, "{}", findings(&season.after, &alone));
    assert_eq!((alone.events, &alone.root), (28, &spanning.root));
    let folder = format!("{}/", season.world.file().parent().unwrap().display());
    let unchecked = of_archives(&alone);
    assert_snapshot!(unchecked.replace(&folder, "/var/lib/room-owner/"), @"the texts of events 1 to 15: they are in `/var/lib/room-owner/first.archive`; give the files (--archive)");

    // With every head, and against the head from before the archive.
    for archives in [vec![], vec![beside(&season.after, "first.archive")]] {
        let evidence = Evidence {
            keys: vec![season.after.key.clone()],
            checkpoints: vec![("before".to_owned(), season.before.checkpoint.clone())],
            seen: vec![format!("12:{}", head_of(&season.before, 12).await).parse().unwrap()],
            archives,
            indexes: true,
            ..Evidence::default()
        };
        let report = check(&season.after.file(), evidence).await;
        assert!(report.sound, "{}", findings(&season.after, &report));
        assert!(report.compared.contains(&"`before` (27 events)".to_owned()), "{:?}", report.compared);
    }
}

/// The first digits of the root over so many events.
async fn head_of(copy: &Copy, size: usize) -> String {
    let bodies: Vec<String> = bodies(&copy.file()).await.into_iter().map(|(_, body)| body).collect();
    hex::encode(independent::root(&bodies[..size]))[..12].to_owned()
}

#[tokio::test]
async fn one_archive_follows_another_and_may_hold_its_event() {
    let season = Season::new().await.goes_on().await;
    let left = bodies(&season.after.file()).await;
    assert_eq!(left.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [31]);
    for (archives, unchecked) in [
        (&["first.archive", "second.archive"][..], 0),
        (&["second.archive"], 1),
        (&["first.archive"], 2),
        (&[], 1),
    ] {
        let report = verified(&season.after, archives).await;
        assert!(report.sound, "{archives:?}: {}", findings(&season.after, &report));
        assert_eq!(
            (report.events, of_archives(&report).lines().count()),
            (31, unchecked),
            "{archives:?}: {:?}",
            report.unchecked
        );
    }
    let gap = of_archives(&verified(&season.after, &["first.archive"]).await);
    let folder = format!("{}/", season.after.file().parent().unwrap().display());
    let original = format!("{}/", season.world.file().parent().unwrap().display());
    assert_snapshot!(gap.replace(&folder, "").replace(&original, "/var/lib/room-owner/"), @"
    the tables against `first.archive` (events 1 to 15): it is not followed without a gap by other archives that are given and by the database
    the texts of events 1 to 30: they are in `/var/lib/room-owner/first.archive`, `/var/lib/room-owner/second.archive`; give the files (--archive)
    ");

    // The log goes on, and an archive from the middle is checked by itself.
    allow("discord:1:9", "*").apply(&season.world.store).await;
    let keys = [season.after.key.clone()];
    for (name, first, last) in [("first.archive", 1, 15), ("second.archive", 16, 30)] {
        let sound = archive::check(&beside(&season.after, name), &keys).unwrap();
        assert_eq!((sound.first, sound.last), (first, last));
    }
    let stranger = night().await;
    let stranger = Copy::of(&stranger).await.key;
    let refused = archive::check(&beside(&season.after, "first.archive"), &[stranger]).unwrap_err();
    assert!(refused.to_string().contains("it is not signed with the key"), "{refused}");
}

#[tokio::test]
async fn an_archive_that_was_altered_is_noticed_with_the_log_and_by_itself() {
    let season = Season::new().await.goes_on().await;
    let mut other = day().await;
    let of_another_log = other.file().with_file_name("first.archive");
    archive_of(&other.store, later(1), &of_another_log).await.unwrap();
    other = other.reopened().await;
    drop(other.store);
    let of_another_log = fs::read_to_string(of_another_log).unwrap();

    let all = ["first.archive", "second.archive"];
    let mut said = String::new();
    let header = |lines: &mut Vec<String>, from: &str, to: &str| {
        assert!(lines[0].contains(from), "{}", lines[0]);
        lines[0] = lines[0].replacen(from, to, 1);
    };
    type Tampering<'a> = Box<dyn Fn(&mut Vec<String>) + 'a>;
    let ways: Vec<(&str, &str, Tampering<'_>)> = vec![
        ("a word", all[0], Box::new(|lines| lines[5] = lines[5].replace("cli:ana", "cli:eve"))),
        ("a line is gone", all[0], Box::new(|lines| drop(lines.remove(5)))),
        ("the last line is gone", all[1], Box::new(|lines| drop(lines.pop()))),
        ("a line twice", all[0], Box::new(|lines| lines.insert(5, lines[5].clone()))),
        ("a line behind the last", all[1], Box::new(|lines| lines.push(lines[5].clone()))),
        ("an empty line", all[0], Box::new(|lines| lines.insert(5, String::new()))),
        ("two lines changed places", all[1], Box::new(|lines| lines.swap(5, 6))),
        ("cut off", all[1], Box::new(|lines| lines.last_mut().unwrap().truncate(20))),
        ("no events", all[0], Box::new(|lines| lines.truncate(1))),
        (
            "the number of the last event",
            all[0],
            Box::new(|lines| header(lines, "\"last\":15", "\"last\":14")),
        ),
        (
            "the number of the first event",
            all[1],
            Box::new(|lines| header(lines, "\"first\":16", "\"first\":24")),
        ),
        (
            "what comes before",
            all[1],
            Box::new(|lines| {
                let at = lines[0].find("\"before\":\"").unwrap() + 10;
                let digit = if &lines[0][at..=at] == "0" { "1" } else { "0" };
                lines[0].replace_range(at..=at, digit);
            }),
        ),
        ("the signed head", all[0], Box::new(|lines| header(lines, "\\n15\\n", "\\n14\\n"))),
        (
            "the name of the log",
            all[0],
            Box::new(|lines| header(lines, "\"log\":\"room-owner/", "\"log\":\"room-owner/0")),
        ),
        ("the form", all[0], Box::new(|lines| header(lines, "room-owner-archive/1", "room-owner-archive/2"))),
        (
            "another log's",
            all[0],
            Box::new(|lines| *lines = of_another_log.lines().map(str::to_owned).collect()),
        ),
        ("not an archive", all[0], Box::new(|lines| *lines = vec!["hello".to_owned()])),
        ("empty", all[0], Box::new(|lines| lines.clear())),
    ];
    for (way, name, tamper) in ways {
        let copy = season.after.again();
        let file = beside(&copy, name);
        let mut lines: Vec<String> = fs::read_to_string(&file).unwrap().lines().map(str::to_owned).collect();
        tamper(&mut lines);
        fs::write(&file, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
        let folder = format!("{}/", file.parent().unwrap().display());
        let archives = all.iter().map(|name| beside(&copy, name)).collect();
        let evidence =
            Evidence { keys: vec![copy.key.clone()], archives, indexes: true, ..Evidence::default() };
        let with_the_log = match room_owner::store::verify::verify(&copy.file(), evidence).await {
            Ok(report) => findings(&copy, &report).lines().next().unwrap_or("NOT NOTICED").to_owned(),
            Err(error) => error.to_string(),
        };
        let by_itself = match archive::check(&file, std::slice::from_ref(&copy.key)) {
            Ok(_) => "NOT NOTICED".to_owned(),
            Err(error) => error.to_string(),
        };
        let text = format!("{way}:\n  {with_the_log}\n  {by_itself}\n").replace(&folder, "");
        let text = text.replace(&other_name(&of_another_log), "room-owner/other");
        said.push_str(
            &text.replace(copy.key.as_str(), "<key>").replace(&log_name(&copy.key), "room-owner/log"),
        );
    }
    assert!(!said.contains("NOT NOTICED"), "{said}");
    assert_snapshot!(said, @"
    a word:
      event 5: its text is not the one that was signed: it was altered
      the archive `first.archive` is not as it was signed: its events do not lead to its signed head: something was altered
    a line is gone:
      event 5: its text is not the one that was signed: it was altered
      the archive `first.archive` is not as it was signed: it should hold 15 events and holds 14
    the last line is gone:
      event 30: it is missing: it was taken out
      the archive `second.archive` is not as it was signed: it should hold 15 events and holds 14
    a line twice:
      event 6: its text is not the one that was signed: it was altered
      the archive `first.archive` is not as it was signed: it should hold 15 events and holds 16
    a line behind the last:
      `second.archive` goes on behind its last event, 30: lines were added
      the archive `second.archive` is not as it was signed: it should hold 15 events and holds 16
    an empty line:
      event 5: its text is not the one that was signed: it was altered
      the archive `first.archive` is not as it was signed: it should hold 15 events and holds 16
    two lines changed places:
      event 20: its text is not the one that was signed: it was altered
      the archive `second.archive` is not as it was signed: its events do not lead to its signed head: something was altered
    cut off:
      event 30: its text is not the one that was signed: it was altered
      the archive `second.archive` is not as it was signed: its events do not lead to its signed head: something was altered
    no events:
      event 1: it is missing, and all up to event 15: they were taken out
      the archive `first.archive` is not as it was signed: it should hold 15 events and holds 0
    the number of the last event:
      `first.archive` is no archive: its signed head is not the one after its last event: its first line was altered
      `first.archive` is no archive: its signed head is not the one after its last event: its first line was altered
    the number of the first event:
      the archive `second.archive` is not as it was signed: it should hold 7 events and holds 15
      the archive `second.archive` is not as it was signed: it should hold 7 events and holds 15
    what comes before:
      event 16: `second.archive` does not say in its first line what comes before it: it was altered, or the log was
      the archive `second.archive` is not as it was signed: its events do not lead to its signed head: something was altered
    the signed head:
      `first.archive` is no archive: its signed head is not the one after its last event: its first line was altered
      `first.archive` is no archive: its signed head is not the one after its last event: its first line was altered
    the name of the log:
      `first.archive` is no archive: its signed head is not the one after its last event: its first line was altered
      `first.archive` is no archive: its signed head is not the one after its last event: its first line was altered
    the form:
      `first.archive` is no archive: it has the form `room-owner-archive/2`; this program reads `room-owner-archive/1`
      `first.archive` is no archive: it has the form `room-owner-archive/2`; this program reads `room-owner-archive/1`
    another log's:
      event 1: its text is not the one that was signed: it was altered
      the archive `first.archive` is not as it was signed: it is not signed with the key `<key>`
    not an archive:
      `first.archive` is no archive: expected value at line 1 column 1
      `first.archive` is no archive: expected value at line 1 column 1
    empty:
      `first.archive` is no archive: EOF while parsing a value at line 1 column 0
      `first.archive` is no archive: EOF while parsing a value at line 1 column 0
    ");
}

fn log_name(key: &VerifierKey) -> String {
    key.as_str().split('+').next().unwrap().to_owned()
}

fn other_name(archive: &str) -> String {
    let header: Value = serde_json::from_str(archive.lines().next().unwrap()).unwrap();
    header["log"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_table_that_was_altered_about_what_is_archived_is_noticed_without_the_archive_too() {
    let season = Season::new().await.goes_on().await;
    let mut said = String::new();
    for sql in [
        "UPDATE operations SET actor = 'cli:eve' WHERE operation = 5",
        "UPDATE operations SET outcome = 'denied' WHERE operation = 10",
        "UPDATE operations SET previous_owner = 'eve' WHERE operation = 16",
        "DELETE FROM operations WHERE operation = 9",
        "INSERT INTO operations SELECT 11, at, actor, actor_name, channel, command, room, new_owner, previous_owner,
             reason, decision, authority, outcome, error_code, error_info, request_id, NULL, duration_ms, reading,
             instance, is_open, held_room FROM operations WHERE operation = 10",
        "UPDATE deliveries SET operation = 9 WHERE delivery_id = 'slack:1'",
        "DELETE FROM deliveries WHERE delivery_id = 'slack:1'",
        "INSERT INTO deliveries (delivery_id, operation, at) VALUES ('slack:by-hand', 9, 0)",
        "UPDATE grants SET rooms = 'vip' WHERE id = 1",
        "UPDATE grants SET revoked_at = NULL, revoked_by = NULL, revoked_in = NULL WHERE id = 2",
        "UPDATE authorised_channels SET allowed_by = 'cli:eve' WHERE id = 1",
        "DELETE FROM authorised_channels WHERE id = 3",
        "UPDATE archives SET last = 14 WHERE operation = 28",
        "UPDATE archives SET root = lower(hex(zeroblob(32))) WHERE operation = 28",
        "UPDATE archives SET root = lower(hex(zeroblob(32))) WHERE operation = 31",
        "UPDATE archives SET tables = lower(hex(zeroblob(32))) WHERE operation = 28",
        "UPDATE archives SET tables = lower(hex(zeroblob(32))) WHERE operation = 31",
        "UPDATE archives SET operation = 29 WHERE operation = 28",
        "UPDATE archives SET operation = 32 WHERE operation = 31",
        "DELETE FROM archives WHERE operation = 28",
        "DELETE FROM archives WHERE operation = 31",
        "DELETE FROM archives",
        "DELETE FROM audit_events WHERE seq = 31",
        "UPDATE audit_events SET body = replace(body, '\"last\":30', '\"last\":29') WHERE seq = 31",
    ] {
        let copy = season.after.again();
        copy.tampered(sql).await;
        let without = found(&copy, &[]).await;
        let with = found(&copy, &["first.archive", "second.archive"]).await;
        assert_ne!(without, "", "not noticed without the archives: {sql}");
        assert_ne!(with, "", "not noticed with the archives: {sql}");
        let first = |found: &str| found.lines().next().unwrap().to_owned();
        let sql = sql.split_whitespace().collect::<Vec<_>>().join(" ");
        said.push_str(&format!("{}\n  {}\n  {}\n", &sql[..sql.len().min(90)], first(&without), first(&with)));
    }
    let folder = format!("{}/", season.world.file().parent().unwrap().display());
    assert_snapshot!(said.replace(&folder, "/var/lib/room-owner/"), @r#"
    UPDATE operations SET actor = 'cli:eve' WHERE operation = 5
      event 30: what the tables say of the events up to it is not what they said when these were archived: they were altered
      event 5: `operations` does not say of operation 5 what the log says: `actor`
    UPDATE operations SET outcome = 'denied' WHERE operation = 10
      event 30: what the tables say of the events up to it is not what they said when these were archived: they were altered
      event 10: `operations` does not say of operation 10 what the log says: `outcome`
    UPDATE operations SET previous_owner = 'eve' WHERE operation = 16
      event 30: what the tables say of the events up to it is not what they said when these were archived: they were altered
      event 16: `operations` does not say of operation 16 what the log says: `previous_owner`
    DELETE FROM operations WHERE operation = 9
      event 1: the index of texts has other words, or none, for some of the operations from here to 63: a search may miss them
      event 1: the index of texts has other words, or none, for some of the operations from here to 63: a search may miss them
    INSERT INTO operations SELECT 11, at, actor, actor_name, channel, command, room, new_owner
      event 1: the index of texts has other words, or none, for some of the operations from here to 63: a search may miss them
      event 1: the index of texts has other words, or none, for some of the operations from here to 63: a search may miss them
    UPDATE deliveries SET operation = 9 WHERE delivery_id = 'slack:1'
      event 9: `deliveries` does not say of delivery `slack:1` what the log says: `operation`
      event 9: `deliveries` does not say of delivery `slack:1` what the log says: `operation`
    DELETE FROM deliveries WHERE delivery_id = 'slack:1'
      event 10: `deliveries` has no row for delivery `slack:1`: it was taken out
      event 10: `deliveries` has no row for delivery `slack:1`: it was taken out
    INSERT INTO deliveries (delivery_id, operation, at) VALUES ('slack:by-hand', 9, 0)
      event 9: `deliveries` has a row for delivery `slack:by-hand`, and the log tells of none: it was added
      event 9: `deliveries` has a row for delivery `slack:by-hand`, and the log tells of none: it was added
    UPDATE grants SET rooms = 'vip' WHERE id = 1
      event 30: what the tables say of the events up to it is not what they said when these were archived: they were altered
      event 5: `grants` does not say of grant 1 what the log says: `rooms`
    UPDATE grants SET revoked_at = NULL, revoked_by = NULL, revoked_in = NULL WHERE id = 2
      event 30: what the tables say of the events up to it is not what they said when these were archived: they were altered
      event 6: `grants` does not say of grant 2 what the log says: `revoked_at`, `revoked_by`, `revoked_in`
    UPDATE authorised_channels SET allowed_by = 'cli:eve' WHERE id = 1
      event 30: what the tables say of the events up to it is not what they said when these were archived: they were altered
      event 1: `authorised_channels` does not say of channel entry 1 what the log says: `allowed_by`
    DELETE FROM authorised_channels WHERE id = 3
      event 30: what the tables say of the events up to it is not what they said when these were archived: they were altered
      event 3: `authorised_channels` has no row for channel entry 3: it was taken out
    UPDATE archives SET last = 14 WHERE operation = 28
      event 14: the root of the events up to it is not the root that `archives` has for it: that table was altered
      event 14: the root of the events up to it is not the root that `archives` has for it: that table was altered
    UPDATE archives SET root = lower(hex(zeroblob(32))) WHERE operation = 28
      event 15: the root of the events up to it is not the root that `archives` has for it: that table was altered
      event 15: the root of the events up to it is not the root that `archives` has for it: that table was altered
    UPDATE archives SET root = lower(hex(zeroblob(32))) WHERE operation = 31
      event 30: the root of the events up to it is not the root that `archives` has for it: that table was altered
      event 30: the root of the events up to it is not the root that `archives` has for it: that table was altered
    UPDATE archives SET tables = lower(hex(zeroblob(32))) WHERE operation = 28
      event 30: what the tables say of the events up to it is not what they said when these were archived: they were altered
      event 28: `archives` does not say of archive 28 what the log says: `tables`
    UPDATE archives SET tables = lower(hex(zeroblob(32))) WHERE operation = 31
      event 30: what the tables say of the events up to it is not what they said when these were archived: they were altered
      event 31: `archives` does not say of archive 31 what the log says: `tables`
    UPDATE archives SET operation = 29 WHERE operation = 28
      event 30: what the tables say of the events up to it is not what they said when these were archived: they were altered
      event 28: `archives` has no row for archive 28: it was taken out
    UPDATE archives SET operation = 32 WHERE operation = 31
      event 31: `archives` has no row for archive 31: it was taken out
      event 31: `archives` has no row for archive 31: it was taken out
    DELETE FROM archives WHERE operation = 28
      event 30: what the tables say of the events up to it is not what they said when these were archived: they were altered
      event 1: `operations` has a row for operation 1, and the log tells of none: it was added
    DELETE FROM archives WHERE operation = 31
      event 16: it is missing, and all up to event 30: they were taken out
      event 16: it is missing, and all up to event 30: they were taken out
    DELETE FROM archives
      event 1: it is missing, and all up to event 30: they were taken out
      event 1: it is missing, and all up to event 30: they were taken out
    DELETE FROM audit_events WHERE seq = 31
      event 31: it is missing: it was taken out
      event 31: it is missing: it was taken out
    UPDATE audit_events SET body = replace(body, '"last":30', '"last":29') WHERE seq = 31
      event 31: its text is not the one that was signed: it was altered
      event 31: its text is not the one that was signed: it was altered
    "#);
}

/// Events that went by hand, with a row of `archives` that nobody's event tells of.
#[tokio::test]
async fn nothing_goes_under_a_forged_archive() {
    let copy = Copy::of(&day().await).await;
    let root = hex::encode([7; 32]);
    copy.tampered(&format!(
        "INSERT INTO archives VALUES (27, 1, 15, '{root}', '{root}', 'mine'); DELETE FROM audit_events WHERE seq <= 15"
    ))
    .await;
    assert_snapshot!(found(&copy, &[]).await, @"
    event 15: the root of the events up to it is not the root that `archives` has for it: that table was altered
    event 15: what the tables say of the events up to it is not what they said when these were archived: they were altered
    event 27: `archives` has a row for archive 27, and the log tells of none: it was added
    ");
    // Without the row, they are simply missing.
    let copy = Copy::of(&day().await).await;
    copy.tampered("DELETE FROM audit_events WHERE seq <= 15").await;
    let found = found(&copy, &[]).await;
    assert!(
        found.starts_with("event 1: it is missing, and all up to event 15: they were taken out\n"),
        "{found}"
    );
}

#[tokio::test]
async fn the_schema_lets_no_event_go_that_no_archive_holds() {
    let season = Season::new().await;
    let mut raw = raw(&season.after.file()).await;
    for (sql, refusal) in [
        ("DELETE FROM audit_events WHERE seq = 16", "audit events are append-only"),
        ("DELETE FROM audit_events", "audit events are append-only"),
        ("INSERT INTO archives VALUES (29, 16, 20, 'a', 'b', 'c')", "archives follow one another"),
        ("INSERT INTO archives VALUES (27, 16, 20, 'a', 'b', 'c')", "archives follow one another"),
        ("INSERT OR REPLACE INTO archives VALUES (28, 1, 27, 'a', 'b', 'c')", "archives follow one another"),
        ("UPDATE archives SET last = 27", "archives are only added"),
        ("DELETE FROM archives", "archives are only added"),
    ] {
        let error = execute(&mut raw, sql).await.unwrap_err().to_string();
        assert!(error.contains(refusal), "{sql}: {error}");
    }
    assert_eq!(count(&mut raw, "audit_events").await, 13);
}

#[tokio::test]
async fn what_is_archived_can_be_proved_to_a_third_party() {
    let season = Season::new().await.goes_on().await;
    let key = season.after.key.as_str();
    let first = [beside(&season.after, "first.archive")];
    let both = [beside(&season.after, "second.archive"), first[0].clone()];
    let refused = prove(&season.after.file(), OperationId::new(10), &[]).await.unwrap_err().to_string();
    assert!(
        refused.contains("operation 10 was archived: name the archive that begins with event 1"),
        "{refused}"
    );
    let all = bodies(&season.before.file()).await;
    // The callback that confirms operation 10 is event 25, in the second archive.
    for (operation, archives, events) in
        [(1, &first[..], &[1][..]), (10, &both, &[10, 11, 12, 25]), (22, &both, &[22])]
    {
        let proofs = prove(&season.after.file(), OperationId::new(operation), archives).await.unwrap();
        let proved: Vec<i64> = proofs.iter().map(|proof| proof.index as i64 + 1).collect();
        assert_eq!(proved, events, "{operation}");
        for proof in proofs {
            let body = all[proof.index as usize].1.as_bytes();
            let head = proves(&proof.text(), key, body, proof.index).unwrap();
            assert_eq!(head.size, 31);
        }
    }
    // A line that is not the one that was signed proves nothing.
    let text = fs::read_to_string(&first[0]).unwrap().replace("cli:ana", "cli:eve");
    fs::write(&first[0], text).unwrap();
    let refused = prove(&season.after.file(), OperationId::new(1), &first).await.unwrap_err().to_string();
    assert!(refused.contains("event 1 cannot be proved"), "{refused}");
}

/// As a crash leaves it after the archive was recorded: some of its events are still there.
#[tokio::test]
async fn what_a_crash_left_behind_goes_at_the_next_run_if_the_file_is_there() {
    for left in [1..=15, 8..=15] {
        let season = Season::new().await;
        let text = fs::read_to_string(beside(&season.after, "first.archive")).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let mut sql = String::new();
        for seq in left.clone() {
            let body = lines[seq].replace('\'', "''");
            sql.push_str(&format!(
                "INSERT INTO audit_events SELECT {seq}, '{body}' ->> 'operation', '{body}';"
            ));
        }
        let copy = season.after.again();
        copy.tampered(&sql).await;
        for archives in [&[][..], &["first.archive"]] {
            assert_eq!(found(&copy, archives).await, "", "{left:?} {archives:?}");
        }
        // What is left is checked with the rest.
        let other = copy.again();
        other.tampered("UPDATE audit_events SET body = body || ' ' WHERE seq = 9").await;
        let altered = "event 9: its row in `audit_events` is not what was signed; the event itself is in an archive: \
                       somebody added or altered the row\n";
        for archives in [&[][..], &["first.archive"]] {
            assert_eq!(found(&other, archives).await, altered);
        }
        // Nothing goes then: it would take the trace along.
        let store = super::world::open(&other.file()).await;
        let refused = archive_of(&store, later(1), &beside(&other, "next.archive")).await.unwrap_err();
        assert!(refused.to_string().contains("nothing was archived or deleted"), "{refused}");
        // One more for the file that is another than before.
        let rows = 14 + left.clone().count() as i64;
        assert_eq!(count(&mut raw(&other.file()).await, "audit_events").await, rows);

        // The file was thrown away, or is another: nothing is deleted.
        let store = super::world::open(&copy.file()).await;
        let recorded = season.world.file().with_file_name("first.archive");
        let aside = season.world.file().with_file_name("aside");
        fs::rename(&recorded, &aside).unwrap();
        let next = beside(&copy, "next.archive");
        let refused = archive_of(&store, later(1), &next).await.unwrap_err().to_string();
        let folder = format!("{}/", season.world.file().parent().unwrap().display());
        if *left.start() == 1 {
            assert_snapshot!(refused.replace(&folder, "/var/lib/room-owner/"), @"events 1 to 15 were archived as operation 28 and are still in the database, because that run broke off: `/var/lib/room-owner/first.archive` cannot be read: No such file or directory (os error 2); put the file back as `/var/lib/room-owner/first.archive` and run this again; until then nothing is deleted");
        }
        fs::write(&recorded, text.replace("cli:ana", "cli:eve")).unwrap();
        let refused = archive_of(&store, later(1), &next).await.unwrap_err().to_string();
        assert!(
            refused.contains("something was altered") && refused.contains("nothing is deleted"),
            "{refused}"
        );
        let mut raw = raw(&copy.file()).await;
        assert_eq!(count(&mut raw, "audit_events").await, 14 + left.clone().count() as i64);

        fs::rename(&aside, &recorded).unwrap();
        let report = archive_of(&store, later(1), &next).await.unwrap();
        assert_eq!((numbers(&report), report.removed), (None, left.count() as u64));
        assert_eq!(count(&mut raw, "audit_events").await, 14);
        assert!(!next.exists());
        settle(raw).await;
        store.close().await;
        assert_eq!(found(&copy, &["first.archive"]).await, "");
    }
}

/// Under the number of an archived event, or under one that no event can have: it is found, with the archive and
/// without, and nobody is shown it.
#[tokio::test]
async fn a_row_under_an_archived_number_is_found_and_never_read() {
    let season = Season::new().await;
    let genuine = fs::read_to_string(beside(&season.after, "first.archive")).unwrap();
    let genuine = genuine.lines().nth(10).unwrap().replace('\'', "''");
    let forged = genuine.replace("slack:T1:U", "slack:T1:UEVE");
    assert_ne!(forged, genuine);
    let reply = r#"{"v":1,"seq":5,"event":"reply","operation":"10","at":"2026-11-23T12:00:00Z","how":"lost","why":"forged"}"#;
    let copy_of_it = season.after.again();
    let untouched = super::world::open(&copy_of_it.file()).await;
    for (sql, numbers) in [
        (format!("INSERT INTO audit_events VALUES (10, 10, '{forged}')"), &[10][..]),
        // What was signed, where it is not any more.
        (format!("INSERT INTO audit_events VALUES (10, 10, '{genuine}')"), &[10]),
        (format!("INSERT INTO audit_events VALUES (15, 10, '{genuine}')"), &[15]),
        (format!("INSERT INTO audit_events VALUES (5, 10, '{reply}')"), &[5]),
        (format!("INSERT INTO audit_events VALUES (0, 10, '{forged}')"), &[0]),
        (format!("INSERT INTO audit_events VALUES (-7, 16, '{reply}')"), &[-7]),
        (format!("INSERT INTO audit_events VALUES (-9223372036854775808, 10, '{reply}')"), &[i64::MIN]),
        (
            format!(
                "INSERT INTO audit_events VALUES (2, 2, '{reply}'); INSERT INTO audit_events VALUES (9, 10, '{reply}')"
            ),
            &[2, 9],
        ),
    ] {
        let copy = season.after.again();
        copy.tampered(&sql).await;
        for archives in [&[][..], &["first.archive"]] {
            let report = verified(&copy, archives).await;
            let found: std::collections::BTreeSet<_> =
                report.findings.iter().filter_map(|finding| finding.event).collect();
            assert_eq!(found.into_iter().collect::<Vec<_>>(), numbers, "{sql}: {}", findings(&copy, &report));
        }
        let store = super::world::open(&copy.file()).await;
        for operation in [2, 10, 16].map(OperationId::new) {
            let (log, right) = (store.log(), untouched.log());
            let [events, other] = [log.events(operation).await, right.events(operation).await];
            assert_eq!(events.unwrap(), other.unwrap(), "{sql}: {operation}");
            assert_eq!(
                log.reply_notes(operation).await.unwrap(),
                right.reply_notes(operation).await.unwrap()
            );
        }
        let reader = Reader::default();
        let timeline = Question::Timeline(OperationId::new(10), Vec::new());
        let zone = jiff::tz::TimeZone::UTC;
        let asked = answer(store.log(), &At(later(1_000)), &zone, &timeline, &reader).await.unwrap_err();
        assert!(matches!(asked, NoAnswer::Archived(..)), "{sql}: {asked:?}");
        let archives = vec![beside(&copy, "first.archive")];
        let timeline = Question::Timeline(OperationId::new(10), archives.clone());
        let Answer::Timeline(steps, _) =
            answer(store.log(), &At(later(1_000)), &zone, &timeline, &reader).await.unwrap()
        else {
            panic!("a timeline was answered otherwise")
        };
        assert!(
            !format!("{steps:?}").contains("EVE") && !format!("{steps:?}").contains("forged"),
            "{steps:?}"
        );
        let proofs = prove(&copy.file(), OperationId::new(10), &archives).await.unwrap();
        assert!(proofs.iter().all(|proof| !proof.leaf.contains("EVE")));
        store.close().await;
    }
}

#[tokio::test]
async fn nothing_is_archived_where_that_would_be_wrong() {
    let world = day().await;
    let folder = world.file().parent().unwrap().to_owned();
    let nothing = archive_of(&world.store, NOON, &folder.join("a")).await.unwrap();
    assert_eq!((numbers(&nothing), nothing.removed, nothing.held_up_by), (None, 0, None));
    fs::write(folder.join("there"), "mine").unwrap();
    let mut refusals = String::new();
    for name in ["there", "nowhere/a"] {
        let refused = archive_of(&world.store, later(1), &folder.join(name)).await.unwrap_err();
        refusals.push_str(&format!("{refused}\n"));
    }
    assert_eq!(fs::read_to_string(folder.join("there")).unwrap(), "mine");
    world.store.close().await;

    // A table that was altered would be taken for right for ever.
    let copy = Copy::of(&world.reopened().await).await;
    copy.tampered("UPDATE operations SET actor = 'cli:eve' WHERE operation = 5").await;
    let store = super::world::open(&copy.file()).await;
    let file = beside(&copy, "a");
    refusals.push_str(&format!("{}\n", archive_of(&store, later(1), &file).await.unwrap_err()));
    assert!(!file.exists() && !folder.join("a").exists());
    // One more for the file that is another than before.
    assert_eq!(count(&mut raw(&copy.file()).await, "audit_events").await, 28);

    assert_snapshot!(refusals.replace(&format!("{}/", folder.display()), ""), @"
    `there` is there already: choose another name
    the archive `nowhere/a` cannot be written: No such file or directory (os error 2); nothing was archived
    nothing was archived or deleted, because the log cannot be trusted as it is: event 5: `operations` does not say of operation 5 what the log says: `actor`; see all of it with `room-owner audit verify`
    ");
}

#[tokio::test]
async fn what_may_still_be_waited_for_stays() {
    let world = day().await;
    let pending = |operation: i64, since: jiff::Timestamp| {
        format!("INSERT INTO replies VALUES ({operation}, 'gone', NULL, NULL, 0, {})", since.as_millisecond())
    };
    let mut raw = world.raw().await;
    // One of long ago was given up, even if nobody came to say so.
    execute(&mut raw, pending(5, later(-3 * 86_400_000))).await.unwrap();
    execute(&mut raw, pending(10, NOON)).await.unwrap();
    let file = world.file().with_file_name("archive");
    let report = archive_of(&world.store, later(1), &file).await.unwrap();
    assert_eq!(numbers(&report), Some((28, 1, 9)));
    assert_eq!(report.held_up_by, Some(HeldUp::Unanswered(OperationId::new(10))));
}

#[tokio::test]
async fn the_tables_are_made_again_with_every_archive_and_not_without() {
    let season = Season::new().await.goes_on().await;
    let copy = season.after.again();
    copy.tampered("DELETE FROM operations WHERE operation < 10; DELETE FROM callbacks; DELETE FROM grants")
        .await;
    let store = super::world::open(&copy.file()).await;
    let archives = |names: &[&str]| names.iter().map(|name| beside(&copy, name)).collect();
    for (given, missing) in [(&[][..], 30), (&["second.archive"], 15), (&["first.archive"], 30)] {
        let refused = rebuild(&store, archives(given)).await.unwrap_err().to_string();
        let why = format!("events 1 to {missing} are in archives: give each of them (--archive)");
        assert!(refused.contains(&why), "{given:?}: {refused}");
    }
    let both = ["first.archive", "second.archive"];
    rebuild(&store, archives(&both)).await.unwrap();
    store.close().await;
    for given in [&[][..], &both] {
        assert_eq!(found(&copy, given).await, "", "{given:?}");
    }
}

/// Two processes archive at the same time: one of them does.
#[tokio::test]
async fn of_two_archives_at_once_one_is_made() {
    let world = night().await;
    let another = world.another().await;
    let file = |name| world.file().with_file_name(name);
    let (a, b) = (file("a"), file("b"));
    let (one, two) = tokio::join!(archive_of(&world.store, later(1), &a), archive_of(&another, later(1), &b));
    let made: Vec<_> =
        [&one, &two].into_iter().filter_map(|made| made.as_ref().ok()?.archive.clone()).collect();
    assert_eq!(made.len(), 1, "{one:?} {two:?}");
    for refused in [&one, &two].into_iter().filter_map(|made| made.as_ref().err()) {
        let refused = refused.to_string();
        let is_named = refused.contains("nothing was deleted: remove it if")
            || refused.ends_with("archived by another process in the meantime; nothing was archived here");
        assert!(is_named, "{refused}");
    }
    another.close().await;
    let copy = Copy::of(&world).await;
    fs::copy(&made[0].file, beside(&copy, "archive")).unwrap();
    assert_eq!(found(&copy, &["archive"]).await, "");
}

/// More events than one transaction takes out, while people go on asking.
#[tokio::test]
async fn commands_go_on_while_an_archive_is_made() {
    let world = World::new().await;
    let store = Arc::new(world.another().await);
    for hundred in 0..25 {
        let mut tasks = JoinSet::new();
        for n in hundred * 100..(hundred + 1) * 100 {
            let store = Arc::clone(&store);
            tasks.spawn(async move { ask("test bob").by(MALLORY).delivered(n).admit(&store).await });
        }
        tasks.join_all().await;
    }
    let is_over = Arc::new(AtomicBool::new(false));
    let busy = tokio::spawn({
        let (store, is_over) = (Arc::clone(&store), Arc::clone(&is_over));
        async move {
            let mut last = 0;
            while !is_over.load(Ordering::Relaxed) {
                last = recorded(ask("test bob").by(MALLORY).admit_at(&store, later(500)).await).seq();
            }
            last
        }
    });
    let file = world.file().with_file_name("archive");
    let report = archive_of(&world.store, later(1), &file).await.unwrap();
    is_over.store(true, Ordering::Relaxed);
    let last = busy.await.unwrap();
    let (operation, first, gone) = numbers(&report).unwrap();
    assert_eq!((first, gone, report.removed), (1, 2_502, 2_502));
    assert!(last > operation, "somebody was answered meanwhile: {last} {operation}");
    store.close().await;
    let copy = Copy::of(&world).await;
    fs::copy(&file, beside(&copy, "archive")).unwrap();
    assert_eq!(found(&copy, &["archive"]).await, "");
    assert_eq!(found(&copy, &[]).await, "");
    let left: i64 = sqlx::query("SELECT min(seq) FROM audit_events")
        .fetch_one(&mut raw(&copy.file()).await)
        .await
        .unwrap()
        .get(0);
    assert_eq!(left, gone + 1);
}

/// Deliveries are kept for a day and ten thousand events; which ones are left, the replay of a log that was cut makes
/// out as well.
#[tokio::test]
async fn old_deliveries_are_let_go_and_a_cut_log_agrees_on_which() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("room-owner.db");
    let scratch = fill(&file, 24_000).await.unwrap();
    let left = count(&mut raw(&file).await, "deliveries").await;
    let claims = 10_000 / 19 * 10;
    assert!((claims..claims + 300).contains(&left), "{left} of {} operations", scratch.operations);

    let store = super::world::open(&file).await;
    for years in [0.5, 3.0] {
        let before = jiff::Timestamp::from_millisecond(scratch.from).unwrap()
            + jiff::SignedDuration::from_secs_f64(years * 365.0 * 86_400.0);
        let archive = folder.path().join(format!("{years}.archive"));
        assert!(numbers(&archive_of(&store, before, &archive).await.unwrap()).is_some());
        let report = verify(&file, Evidence::default()).await.unwrap();
        assert_eq!(report.findings, [], "{years}");
    }
    store.close().await;
}
