//! Readings of the log, pages, search, counts and exports.

use room_owner::app::ports::{Admission, Admitted, AuditLog, ExportSpan, Store as _};
use room_owner::domain::access::{Action, Decision, decide};
use room_owner::domain::admission::Verdict;
use room_owner::domain::audit::{AuditFilter, Event, OperationId, OutcomeKind, Stat, StatsBy, What};
use room_owner::domain::command::Question;
use room_owner::domain::command::{Command, CommandRequest, Place};
use room_owner::domain::principal::Principal;
use room_owner::store::LogCopy;

use super::world::{
    ALICE, MALLORY, NOON, World, ask, execute, later, problem, read, recorded, refused, succeeded,
};

fn numbers(entries: &[room_owner::domain::audit::AuditEntry]) -> Vec<i64> {
    entries.iter().map(|entry| entry.operation.seq()).collect()
}

async fn find(world: &World, filter: AuditFilter) -> Vec<i64> {
    numbers(&world.store.log().entries(&filter).await.unwrap())
}

fn text(text: &str) -> AuditFilter {
    AuditFilter { text: Some(text.to_owned()), ..AuditFilter::default() }
}

#[tokio::test]
async fn a_reading_is_an_operation_that_is_left_out_unless_it_is_asked_for() {
    let world = World::new().await;
    let first = read(&world, later(1)).await;
    let denied = recorded(ask("test bob").by(MALLORY).admit_at(&world.store, later(2)).await);
    let second = read(&world, later(3)).await;

    let without = AuditFilter { without_readings: true, ..AuditFilter::default() };
    assert_eq!(find(&world, without.clone()).await, [denied.seq(), 2, 1]);
    assert_eq!(
        find(&world, AuditFilter::default()).await,
        [second.seq(), denied.seq(), first.seq(), 2, 1],
        "in their places"
    );
    let limited = AuditFilter { limit: Some(2), ..AuditFilter::default() };
    assert_eq!(find(&world, limited).await, [second.seq(), denied.seq()]);
    let by_ana = AuditFilter { actor: Some("cli:ana".parse().unwrap()), ..without.clone() };
    assert_eq!(find(&world, by_ana.clone()).await, [2, 1]);

    let log = world.store.log();
    assert_eq!(log.readings(&without, 100).await.unwrap(), 2);
    assert_eq!(log.readings(&without, 1).await.unwrap(), 1, "no more than asked for");
    assert_eq!(log.readings(&by_ana, 100).await.unwrap(), 2);
    let before = AuditFilter { before: Some(second), ..without.clone() };
    assert_eq!(log.readings(&before, 100).await.unwrap(), 1);
    let earlier = AuditFilter { until: Some(later(1)), ..without };
    assert_eq!(log.readings(&earlier, 100).await.unwrap(), 0);

    let entry = world.entry(first).await;
    assert_eq!((entry.outcome, entry.authority.as_deref()), (OutcomeKind::Succeeded, Some("local")));
    let events = log.events(first).await.unwrap();
    assert_eq!(events.len(), 1);
    let is_reading = |events: &[Event]| matches!(&events[0].what, What::Requested(it) if it.reading);
    assert!(is_reading(&events), "{events:?}");
    let events = log.events(denied).await.unwrap();
    assert!(!is_reading(&events), "{events:?}");
}

#[tokio::test]
async fn a_permit_to_read_is_spent_at_the_acl_at_which_it_was_given() {
    let world = World::new().await;
    let principal = Principal::new("cli:ana".parse().unwrap());
    let acl = world.store.acl_for(&principal, &Place::Local).await.unwrap();
    let Decision::Permit(permit) = decide(&principal, &Place::Local, Action::ReadAudit, &acl, NOON) else {
        panic!("denied")
    };
    super::world::grant(MALLORY, "auditor", "*").apply(&world.store).await;
    let command = Ok(Command::Audit(Box::new(Question::Show(OperationId::new(1)))));
    let request = CommandRequest::local(principal, "x".to_owned(), command);
    let verdict = Verdict::Read(permit);
    let admission = Admission::Request {
        request: Box::new(request),
        verdict,
        acl_version: None,
        decline_if_busy: false,
        is_answered_later: false,
    };
    assert!(matches!(world.store.admit(admission, NOON).await.unwrap(), Admitted::AclChanged));
}

#[tokio::test]
async fn a_page_goes_on_where_the_last_one_ended_whatever_arrives() {
    let world = World::new().await;
    // Every second one at the same millisecond, and the clock is set back on the way.
    for (number, at) in [5, 5, 6, 6, 3, 3, 7, 7].into_iter().enumerate() {
        recorded(ask(&format!("room-{number} bob")).by(MALLORY).admit_at(&world.store, later(at)).await);
    }
    let all = find(&world, AuditFilter::default()).await;
    assert_eq!(all, [10, 9, 6, 5, 4, 3, 8, 7, 2, 1], "by time, then by number");
    let mut paged = Vec::new();
    let mut before = None;
    loop {
        let filter = AuditFilter { before, limit: Some(3), ..AuditFilter::default() };
        let page = find(&world, filter).await;
        recorded(ask("new bob").by(MALLORY).admit_at(&world.store, later(8)).await);
        let Some(last) = page.last() else { break };
        before = Some(OperationId::new(*last));
        paged.extend(page);
    }
    assert_eq!(paged, all);
}

#[tokio::test]
async fn text_is_found_in_command_reason_and_error() {
    let world = World::new().await;
    let one = ask("test bob reason: Host CRASHED at 100%_ \"quote\"").attempt(&world.store).await.operation();
    let two = ask("other eve reason: 主播掉线了 Ünïcode").attempt(&world.store).await.operation();
    let (one, two) = (one.seq(), two.seq());
    for (wanted, found) in [
        ("crash", vec![one]),
        ("host crashed", vec![one]),
        ("hos", vec![one]),
        ("ho", vec![one]),
        ("100%_ \"q", vec![one]),
        ("%", vec![one]),
        ("\" OR \"", vec![]),
        ("crashed host", vec![]),
        ("主播掉线", vec![two]),
        ("主播", vec![two]),
        ("Ünïcode", vec![two]),
        ("reason:", vec![two, one]),
        ("/room-owner", vec![two, one]),
        ("acl grant", vec![2]),
    ] {
        assert_eq!(find(&world, text(wanted)).await, found, "{wanted}");
        let first = AuditFilter { limit: Some(1), ..text(wanted) };
        assert_eq!(find(&world, first).await, found.iter().copied().take(1).collect::<Vec<_>>(), "{wanted}");
        let counted = world.store.log().stats(&text(wanted), StatsBy::Outcome).await.unwrap();
        let counted: u64 = counted.iter().map(|stat| stat.operations).sum();
        assert_eq!(counted, found.len() as u64, "{wanted}");
        let both = AuditFilter { actor: Some(ALICE.parse().unwrap()), ..text(wanted) };
        let found: Vec<i64> = found.into_iter().filter(|number| *number > 2).collect();
        assert_eq!(find(&world, both).await, found, "{wanted} by alice");
    }
    // What goes wrong later is found from then on, and what was found stays.
    assert_eq!(find(&world, text("the line was cut")).await, [0; 0]);
    let outcome = room_owner::domain::audit::Outcome::Refused {
        previous: None,
        refusal: problem("The Line was cut", None),
    };
    world.finish(OperationId::new(one), &outcome).await;
    assert_eq!(find(&world, text("the line was cut")).await, [one]);
    assert_eq!(find(&world, text("host crashed")).await, [one]);
}

#[tokio::test]
async fn operations_are_counted_by_what_is_asked() {
    let world = World::new().await;
    let first = ask("live-1 bob").attempt(&world.store).await.operation();
    world.finish(first, &succeeded("req-1")).await;
    let second = ask("live-2 bob").attempt(&world.store).await.operation();
    world.finish(second, &refused("req-2")).await;
    ask("live-3 bob").attempt(&world.store).await;
    read(&world, later(1)).await;
    recorded(ask("live-2 bob").by(MALLORY).admit_at(&world.store, later(3_600_000)).await);

    let counted = async |by, without_readings| {
        let filter = AuditFilter { without_readings, ..AuditFilter::default() };
        let stats = world.store.log().stats(&filter, by).await.unwrap();
        let line = |stat: &Stat| {
            let key = stat.key.as_deref().unwrap_or("-");
            let Stat { operations, done, refused, denied, open, other, .. } = stat;
            assert_eq!(*operations, done + refused + denied + open + other);
            format!("{key} {operations}: {done} {refused} {denied} {open} {other}")
        };
        stats.iter().map(line).collect::<Vec<_>>()
    };
    assert_eq!(
        counted(StatsBy::Room, true).await,
        ["- 2: 2 0 0 0 0", "live-2 2: 0 1 1 0 0", "live-1 1: 1 0 0 0 0", "live-3 1: 0 0 0 1 0"]
    );
    assert_eq!(
        counted(StatsBy::Actor, true).await,
        ["slack:T1:U1 3: 1 1 0 1 0", "cli:ana 2: 2 0 0 0 0", "slack:T1:U666 1: 0 0 1 0 0"]
    );
    assert_eq!(counted(StatsBy::Actor, false).await[0], "cli:ana 3: 3 0 0 0 0", "with the reading");
    assert_eq!(
        counted(StatsBy::Hour, true).await,
        ["2026-03-01T13:00:00Z 1: 0 0 1 0 0", "2026-03-01T12:00:00Z 5: 3 1 0 1 0"]
    );
    assert_eq!(counted(StatsBy::Outcome, true).await.len(), 4);
    assert_eq!(counted(StatsBy::Channel, true).await, ["slack:T1:C1 4: 1 1 1 1 0", "- 2: 2 0 0 0 0"]);
}

/// All chunks of an export.
async fn exported(log: &dyn AuditLog, since_event: Option<i64>) -> (Vec<(i64, OutcomeKind)>, i64) {
    let upto_event = log.newest_event().await.unwrap();
    let filter = AuditFilter { without_readings: true, ..AuditFilter::default() };
    let mut span = ExportSpan { filter, since_event, upto_event, position: 0 };
    let mut all = Vec::new();
    loop {
        let chunk = log.export(&span).await.unwrap();
        all.extend(chunk.entries.iter().map(|entry| (entry.operation.seq(), entry.outcome)));
        match chunk.next {
            Some(next) => span.position = next,
            None => return (all, upto_event),
        }
    }
}

#[tokio::test]
async fn an_export_that_goes_on_brings_what_is_new_and_what_has_ended_since() {
    use OutcomeKind::{Denied, Pending, Succeeded};
    let world = World::new().await;
    let open = ask("live-1 bob").attempt(&world.store).await.operation();
    read(&world, later(1)).await;
    let log = world.store.log();
    let (all, cursor) = exported(log, None).await;
    assert_eq!(all, [(1, Succeeded), (2, Succeeded), (open.seq(), Pending)], "oldest first");
    assert_eq!(exported(log, Some(cursor)).await.0, [], "nothing new");

    let denied = recorded(ask("live-2 bob").by(MALLORY).admit(&world.store).await);
    world.finish(open, &succeeded("req-1")).await;
    let (more, cursor) = exported(log, Some(cursor)).await;
    assert_eq!(more, [(open.seq(), Succeeded), (denied.seq(), Denied)]);
    assert_eq!(exported(log, Some(cursor)).await.0, []);
}

#[tokio::test]
async fn an_export_of_many_chunks_leaves_nothing_out_and_brings_nothing_twice() {
    let world = World::new().await;
    // The guards cost too much for so many rows; they are not what is looked at.
    let mut raw = world.raw().await;
    execute(&mut raw, "DROP TRIGGER audit_events_in_sequence; DROP TRIGGER operations_never_replaced")
        .await
        .unwrap();
    let operations = 9_000;
    let sql = format!(
        "BEGIN;
         WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < {operations} + 2)
         INSERT INTO operations (operation, at, command, outcome, reading, instance, is_open)
         SELECT i, i, 'x', 'denied', 0, '', 0 FROM n;
         -- The first events of all of them, then a second one of each, the other way round.
         WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < {operations} + 2)
         INSERT INTO audit_events SELECT i, i, '{{}}' FROM n;
         WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < {operations} + 2)
         INSERT INTO audit_events SELECT i + {operations}, {operations} + 5 - i, '{{}}' FROM n;
         COMMIT"
    );
    execute(&mut raw, sql).await.unwrap();
    let log = world.store.log();
    let numbers =
        |exported: Vec<(i64, OutcomeKind)>| exported.into_iter().map(|(n, _)| n).collect::<Vec<_>>();
    assert_eq!(numbers(exported(log, None).await.0), (1..=operations + 2).collect::<Vec<_>>());
    for cursor in [0, 2, 100, operations + 2, operations + 4_500] {
        let mut found = numbers(exported(log, Some(cursor)).await.0);
        let count = found.len();
        found.sort_unstable();
        found.dedup();
        assert_eq!(found.len(), count, "none twice after {cursor}");
        let expected = match cursor {
            0 => operations + 2,
            cursor => operations.min(2 * operations + 2 - cursor),
        };
        assert_eq!(found.len() as i64, expected, "after {cursor}");
    }
}

#[tokio::test]
async fn a_copy_is_read_and_left_as_it_is() {
    let world = World::new().await;
    recorded(ask("test bob").by(MALLORY).admit(&world.store).await);
    world.store.close().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("copy.db");
    std::fs::copy(world.file(), &file).unwrap();
    let before = std::fs::read(&file).unwrap();
    let copy = LogCopy::open(&file).await.unwrap();
    assert_eq!(numbers(&copy.log().entries(&AuditFilter::default()).await.unwrap()), [3, 2, 1]);
    assert_eq!(numbers(&copy.log().entries(&text("test bob")).await.unwrap()), [3]);
    drop(copy);
    assert_eq!(std::fs::read(&file).unwrap(), before);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was put beside it");

    for (name, bytes, why) in [
        ("missing.db", None, "there is no file"),
        ("text.db", Some(&b"this is not a database, by far not one"[..]), "is it the copy of a database?"),
        ("empty.db", Some(&b""[..]), "holds no audit log"),
    ] {
        let file = folder.path().join(name);
        if let Some(bytes) = bytes {
            std::fs::write(&file, bytes).unwrap();
        }
        let error = LogCopy::open(&file).await.err().unwrap().to_string();
        assert!(error.contains(why) && error.contains(name), "{error}");
    }
}
