//! What is taken for right at a glance is right when it is read.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::chunks::Event;
use super::letters::{self, Begun};
use super::row::{self, End, Operations};
use super::told::{Body, Told};
use crate::domain::audit::{AuditEntry, DecisionKind, OperationId, OutcomeKind};
use crate::domain::verification::Report;
use crate::store::event::{Event as Written, What};

const SEQ: i64 = 7;
const AT: &str = "2026-11-27T03:04:05.678Z";

fn at_ms() -> i64 {
    AT.parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

/// The columns in the order of [`row`], behind the number.
type Columns = [Value; 20];

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn optional(value: Option<&str>) -> Value {
    value.map_or(Value::Null, text)
}

/// Asks `look` about the row.
fn with_row<T>(columns: &Columns, look: impl FnOnce(&rusqlite::Row<'_>) -> T) -> T {
    let connection = Connection::open_in_memory().unwrap();
    connection
        .execute_batch(
            "CREATE TABLE operations (operation INTEGER PRIMARY KEY, at, actor, actor_name, channel, command, room,
                 new_owner, reason, decision, authority, delivery_id, reading, previous_owner, outcome, error_code,
                 error_info, request_id, duration_ms, is_open, held_room)",
        )
        .unwrap();
    let values = std::iter::once(Value::Integer(SEQ)).chain(columns.iter().cloned());
    let places = vec!["?"; columns.len() + 1].join(", ");
    connection
        .execute(&format!("INSERT INTO operations VALUES ({places})"), params_from_iter(values))
        .unwrap();
    let mut statement = row::behind(&connection).unwrap();
    let mut operations = Operations::new(statement.query([0]).unwrap());
    look(operations.at(SEQ, &mut Report::default()).unwrap().unwrap())
}

fn event(seq: i64, body: &str) -> Event<'_> {
    Event { seq, operation: SEQ, body: body.as_bytes() }
}

fn at_a_glance(body: &str, columns: &Columns) -> Option<Begun> {
    with_row(columns, |row| letters::begun(event(SEQ, body), row).unwrap())
}

/// The event behind the first.
fn ends_at_a_glance(body: &str, columns: &Columns) -> bool {
    with_row(columns, |row| letters::is_end(event(SEQ + 1, body), &End::of(row).unwrap()))
}

/// What reading leads to, if it finds nothing.
fn read(body: &str, columns: &Columns) -> Option<Begun> {
    let body: Body<'_> = serde_json::from_str(body).ok()?;
    let is_of_it = body.seq == SEQ && body.operation == SEQ.to_string() && body.event == "requested";
    with_row(columns, |row| {
        let told = Told::begun(&body, row).unwrap();
        if !is_of_it || !told.is_as_its_row() {
            return None;
        }
        if told.is_open() {
            let as_begun = Told::pending().differences(&End::of(row).unwrap());
            return (told.differences(&End::of(row).unwrap()) == as_begun).then_some(Begun::Open);
        }
        told.differences(&End::of(row).unwrap()).is_empty().then_some(Begun::Over)
    })
}

fn ends(body: &str, columns: &Columns) -> bool {
    let Ok(body) = serde_json::from_str::<Body<'_>>(body) else { return false };
    let mut told = Told::pending();
    told.goes_on(&body);
    let is_of_it = body.seq == SEQ + 1 && body.operation == SEQ.to_string() && body.event == "ended";
    is_of_it
        && !told.is_open()
        && with_row(columns, |row| told.differences(&End::of(row).unwrap()).is_empty())
}

fn transfer() -> AuditEntry {
    AuditEntry {
        operation: OperationId::new(SEQ),
        at: AT.parse().unwrap(),
        actor: Some("slack:T1:U1".parse().unwrap()),
        actor_name: Some("Zoë".to_owned()),
        channel: Some("slack:T1:C1".parse().unwrap()),
        command: "/room-owner test bob".to_owned(),
        room: Some("test".parse().unwrap()),
        new_owner: Some("bob".to_owned()),
        previous_owner: None,
        reason: None,
        decision: Some(DecisionKind::Permit),
        authority: Some("grant 3".to_owned()),
        outcome: OutcomeKind::Pending,
        error_code: None,
        error_info: None,
        request_id: None,
        delivery_id: Some("slack:1".to_owned()),
        duration_ms: None,
    }
}

fn requested(entry: &AuditEntry) -> String {
    let what = What::Requested { entry, acl_changes: &[], reading: false, overrides: None, archived: None };
    Written::new(SEQ, what).body().unwrap()
}

fn ended() -> String {
    let what = What::Ended {
        operation: OperationId::new(SEQ),
        at: AT.to_owned(),
        outcome: OutcomeKind::Refused,
        confirmed: None,
        previous_owner: Some("ann"),
        owner_now: None,
        error_code: Some(-10_004),
        error_info: Some("no such user"),
        request_id: Some("Id-1"),
        duration_ms: Some(0),
        overridden_by: None,
    };
    Written::new(SEQ + 1, what).body().unwrap()
}

/// The row of [`transfer`], after [`ended`].
fn row_of_transfer() -> Columns {
    [
        Value::Integer(at_ms()),
        text("slack:T1:U1"),
        text("Zoë"),
        text("slack:T1:C1"),
        text("/room-owner test bob"),
        text("test"),
        text("bob"),
        Value::Null,
        text("permit"),
        text("grant 3"),
        text("slack:1"),
        Value::Integer(0),
        text("ann"),
        text("refused"),
        Value::Integer(-10_004),
        text("no such user"),
        text("Id-1"),
        Value::Integer(0),
        Value::Integer(0),
        Value::Null,
    ]
}

/// A denial and its row.
fn denial() -> (String, Columns) {
    let entry = AuditEntry {
        decision: Some(DecisionKind::Deny),
        authority: Some("no grant".to_owned()),
        outcome: OutcomeKind::Denied,
        ..transfer()
    };
    let mut row = row_of_transfer();
    row[8] = text("deny");
    row[9] = text("no grant");
    row[12] = Value::Null;
    row[13] = text("denied");
    row[14..18].fill(Value::Null);
    (requested(&entry), row)
}

/// Or every event would be taken apart, and nobody would notice but by the time it takes.
#[test]
fn the_usual_events_are_told_at_a_glance() {
    let row = row_of_transfer();
    assert_eq!(at_a_glance(&requested(&transfer()), &row), Some(Begun::Open));
    assert!(ends_at_a_glance(&ended(), &row));
    let (body, row) = denial();
    assert_eq!(at_a_glance(&body, &row), Some(Begun::Over));
}

#[test]
fn no_column_is_passed_over() {
    let other = |value: &Value| match value {
        Value::Integer(number) => Value::Integer(number + 1),
        Value::Text(value) => text(&format!("{value}.")),
        _ => text("x"),
    };
    for (what, body, row) in
        [("transfer", requested(&transfer()), row_of_transfer()), ("denial", denial().0, denial().1)]
    {
        for n in 0..row.len() {
            let mut altered = row.clone();
            altered[n] = other(&row[n]);
            let begun = at_a_glance(&body, &altered);
            let ends = ends_at_a_glance(&ended(), &altered);
            assert!(begun.is_none() || what == "transfer" && !ends, "{what}: column {n}");
            // Of another type, with the same letters.
            if let Value::Text(letters) = &row[n] {
                altered[n] = Value::Blob(letters.clone().into_bytes());
                let begun = at_a_glance(&body, &altered);
                let ends = ends_at_a_glance(&ended(), &altered);
                assert!(begun.is_none() || what == "transfer" && !ends, "{what}: column {n} as a blob");
                assert!(read(&body, &altered).is_none() || !self::ends(&ended(), &altered), "column {n}");
            }
        }
    }
}

/// Each of them has a finding, or more to be done, behind it.
#[test]
fn what_is_not_the_usual_is_left_to_be_read() {
    let (open, end) = (requested(&transfer()), ended());
    let (over, denied) = denial();
    let row = row_of_transfer();
    let null_before = "\"previous_owner\":null";
    for (from, to) in [
        ("\"seq\":7", "\"seq\":8"),
        ("\"seq\":7", "\"seq\":07"),
        ("\"operation\":\"7\"", "\"operation\":\"8\""),
        ("\"operation\":\"7\"", "\"operation\":\"+7\""),
        ("\"event\":\"requested\"", "\"event\":\"observed\""),
        (".678Z", ".679Z"),
        (".678Z", ".678+00:00"),
        (null_before, "\"previous_owner\":null,\"previous_owner\":\"ann\""),
        (null_before, "\"previous_owner\":\"ann\""),
        ("\"error_code\":null", "\"error_code\":1"),
        ("\"duration_ms\":null}", "\"duration_ms\":null,\"reading\":true}"),
        ("\"duration_ms\":null}", "\"duration_ms\":null,\"acl_change\":{}}"),
        ("\"duration_ms\":null}", "\"duration_ms\":null} "),
        ("Zoë", "Zo\\u00eb"),
    ] {
        for (body, row) in [(&open, &row), (&over, &denied)] {
            assert!(body.contains(from), "{from}");
            assert_eq!(at_a_glance(&body.replace(from, to), row), None, "{from} {to}");
        }
    }
    for (from, to) in [
        ("\"seq\":8", "\"seq\":9"),
        ("\"operation\":\"7\"", "\"operation\":\"6\""),
        ("\"event\":\"ended\"", "\"event\":\"noted\""),
        ("\"owner_now\":null", "\"owner_now\":\"eve\""),
        ("\"duration_ms\":0}", "\"duration_ms\":0,\"overridden_by\":\"9\"}"),
        ("\"duration_ms\":0}", "\"duration_ms\":00}"),
        ("\"confirmed\":null", "\"confirmed\":0"),
        ("no such user", "no such \\u0075ser"),
    ] {
        assert!(end.contains(from), "{from}");
        assert!(!ends_at_a_glance(&end.replace(from, to), &row), "{from} {to}");
    }
    // Row and event say the same, and more has to be looked at.
    for outcome in ["pending", "unknown"] {
        let mut row = row.clone();
        row[13] = text(outcome);
        assert!(!ends_at_a_glance(&end.replace("refused", outcome), &row), "{outcome} is no end");
    }
    for outcome in ["pending", "duplicate"] {
        let mut row = denied.clone();
        row[13] = text(outcome);
        row[14] = Value::Integer(1);
        let body = over.replace("denied", outcome).replace("\"error_code\":null", "\"error_code\":1");
        assert_eq!(at_a_glance(&body, &row), None, "{outcome}");
    }
    // A value that would be written as another key as well.
    let mut row = denied;
    row[1] = text("slack:T1:U1\",\"actor_name\":\"Zoë");
    row[2] = Value::Null;
    let body = over.replace("\"Zoë\",", "\"Zoë\",\"actor_name\":null,");
    assert_eq!(at_a_glance(&body, &row), None);
}

/// Pieces out of which somebody would make a text that only looks right.
fn pieces() -> impl Strategy<Value = Option<String>> {
    let piece = prop::sample::select(vec![
        "a",
        "\"",
        "\\",
        ",",
        "\",\"actor_name\":\"",
        "\",\"channel\":null",
        "null",
        "pending",
        "duplicate",
        "unknown",
        "\u{1f}",
        "é",
        "}",
    ]);
    prop::option::of(prop::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat()))
}

fn body_of(columns: &Columns, pending: bool) -> String {
    let json = |n: usize| row::json((&columns[n]).into());
    let end = |n: usize| match (pending, n) {
        (true, 13) => "\"pending\"".to_owned(),
        (true, _) => "null".to_owned(),
        (false, _) => json(n),
    };
    let keys = [
        ("actor", json(1)),
        ("actor_name", json(2)),
        ("channel", json(3)),
        ("command", json(4)),
        ("room", json(5)),
        ("new_owner", json(6)),
        ("previous_owner", end(12)),
        ("reason", json(7)),
        ("decision", json(8)),
        ("authority", json(9)),
        ("outcome", end(13)),
        ("error_code", end(14)),
        ("error_info", end(15)),
        ("request_id", end(16)),
        ("delivery_id", json(10)),
        ("duration_ms", end(17)),
    ];
    let keys: String = keys.iter().map(|(key, value)| format!(",\"{key}\":{value}")).collect();
    format!(r#"{{"v":1,"seq":{SEQ},"event":"requested","operation":"{SEQ}","at":"{AT}"{keys}}}"#)
}

fn end_of(columns: &Columns) -> String {
    let json = |n: usize| row::json((&columns[n]).into());
    format!(
        r#"{{"v":1,"seq":8,"event":"ended","operation":"{SEQ}","at":"{AT}","outcome":{},"confirmed":true,"previous_owner":{},"owner_now":null,"error_code":{},"error_info":{},"request_id":{},"duration_ms":{}}}"#,
        json(13),
        json(12),
        json(14),
        json(15),
        json(16),
        json(17)
    )
}

/// What a row usually holds.
fn harmless() -> impl Strategy<Value = Option<String>> {
    prop::option::of("[a-z é]{0,8}")
}

/// Harmless but for a few columns.
fn columns() -> impl Strategy<Value = Columns> {
    let texts = prop::collection::vec(harmless(), 14);
    let nasty = prop::collection::vec((0..14_usize, pieces()), 0..3);
    let number = || prop::option::of(prop_oneof![-3..3_i64, any::<i64>()]);
    let flags =
        (prop::bool::weighted(0.1), prop::bool::weighted(0.1), prop::option::weighted(0.1, "[a-z]{1,3}"));
    (texts, nasty, number(), number(), flags).prop_map(
        |(mut texts, nasty, error_code, duration, (reading, is_open, held_room))| {
            for (n, piece) in nasty {
                texts[n] = piece;
            }
            let text = |n: usize| optional(texts[n].as_deref());
            let number = |number: Option<i64>| number.map_or(Value::Null, Value::Integer);
            [
                Value::Integer(at_ms()),
                text(0),
                text(1),
                text(2),
                text(3),
                text(4),
                text(5),
                text(6),
                text(7),
                text(8),
                text(9),
                Value::Integer(reading.into()),
                text(10),
                text(11),
                number(error_code),
                text(12),
                text(13),
                number(duration),
                Value::Integer(is_open.into()),
                optional(held_room.as_deref()),
            ]
        },
    )
}

/// The text with some of it replaced.
fn edited(text: &str, (at, length): (prop::sample::Index, usize), with: &str) -> String {
    let places: Vec<usize> = text.char_indices().map(|(place, _)| place).chain([text.len()]).collect();
    let from = at.index(places.len());
    let to = (from + length).min(places.len() - 1);
    format!("{}{with}{}", &text[..places[from]], &text[places[to]..])
}

#[test]
fn what_is_told_at_a_glance_is_what_reading_leads_to() {
    let edit = prop::option::weighted(0.3, (any::<prop::sample::Index>(), 0..12_usize));
    let is_other = prop::collection::vec(prop::bool::weighted(0.02), 20);
    let any = (columns(), columns(), is_other, any::<bool>(), edit, pieces());
    let hits = std::cell::RefCell::new([0; 3]);
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let cases = runner.config().cases;
    let held = runner.run(&any, |(columns, others, is_other, pending, edit, with)| {
        let mut kept = columns.clone();
        for (n, _) in is_other.iter().enumerate().filter(|(_, is_other)| **is_other) {
            kept[n] = others[n].clone();
        }
        let with = with.unwrap_or_default();
        let edit = |text: String| edit.map_or(text.clone(), |at| edited(&text, at, &with));
        let body = edit(body_of(&columns, pending));
        if let Some(begun) = at_a_glance(&body, &kept) {
            prop_assert_eq!(Some(begun), read(&body, &kept), "{}", body);
            hits.borrow_mut()[usize::from(begun == Begun::Over)] += 1;
        }
        let body = edit(end_of(&columns));
        if ends_at_a_glance(&body, &kept) {
            prop_assert!(ends(&body, &kept), "{}", body);
            hits.borrow_mut()[2] += 1;
        }
        Ok(())
    });
    held.unwrap();
    let hits = hits.into_inner();
    assert!(hits.iter().all(|hits| *hits > cases / 32), "hardly anything was told at a glance: {hits:?}");
}
