//! The log alone tells the whole story: what the tables say is what comes out of reading the events.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use room_owner::app::ports::Store as _;
use room_owner::domain::access::{AuthorisedChannel, Grant};
use room_owner::domain::audit::{AuditEntry, OperationId, OutcomeKind};
use serde_json::Value;
use sqlx::Row as _;

use super::world::World;

/// A row of `audit_events`.
pub(crate) struct Row {
    pub(crate) seq: i64,
    pub(crate) operation: i64,
    pub(crate) body: Value,
}

pub(crate) async fn events(world: &World) -> Vec<Row> {
    let mut raw = world.raw().await;
    let rows = sqlx::query("SELECT seq, operation, body FROM audit_events ORDER BY seq")
        .fetch_all(&mut raw)
        .await
        .unwrap();
    let body = |row: &sqlx::sqlite::SqliteRow| serde_json::from_str(row.get("body")).unwrap();
    rows.iter()
        .map(|row| Row { seq: row.get("seq"), operation: row.get("operation"), body: body(row) })
        .collect()
}

/// What the events say.
#[derive(Debug, Default)]
struct Told {
    entries: BTreeMap<OperationId, AuditEntry>,
    open: Vec<OperationId>,
    holders: HashMap<String, OperationId>,
    deliveries: BTreeMap<String, OperationId>,
    grants: BTreeMap<i64, Grant>,
    channels: Vec<AuthorisedChannel>,
}

impl Told {
    fn read(events: &[Row]) -> Self {
        let mut told = Self::default();
        for (event, seq) in events.iter().zip(1..) {
            assert_eq!(event.seq, seq, "numbered without gaps");
            assert_eq!(event.body["v"], 1);
            assert_eq!(event.body["seq"], seq, "the body repeats its number");
            assert_eq!(event.body["operation"], event.operation.to_string(), "and its operation");
            match event.body["event"].as_str().unwrap() {
                "requested" => told.requested(event),
                "ended" => told.ended(event),
                // They add to what is told and change nothing of it.
                "confirmed" | "observed" => {
                    assert!(told.entries.contains_key(&OperationId::new(event.operation)));
                }
                other => panic!("an event of no known kind: {other}"),
            }
        }
        told
    }

    fn requested(&mut self, event: &Row) {
        let entry: AuditEntry = serde_json::from_value(event.body.clone()).unwrap();
        let operation = entry.operation;
        assert_eq!(operation.seq(), event.seq, "an operation has the number of its first event");
        if let Some(delivery) = &entry.delivery_id {
            let first = *self.deliveries.entry(delivery.clone()).or_insert(operation);
            let is_repetition = entry.outcome == OutcomeKind::Duplicate;
            assert_eq!(is_repetition, first != operation, "{delivery} at {operation}");
            if is_repetition {
                assert_eq!(entry.reason, Some(format!("repeats operation {first}")));
            }
        }
        if entry.outcome == OutcomeKind::Pending {
            self.open.push(operation);
            if entry.new_owner.is_some() {
                let room = entry.room.clone().unwrap().as_str().to_owned();
                let other = self.holders.insert(room, operation);
                assert_eq!(other, None, "one transfer at a time: {operation}");
            }
        }
        for change in event.body.get("acl_changes").and_then(Value::as_array).into_iter().flatten() {
            self.acl_changed(change, entry.at);
        }
        self.entries.insert(operation, entry);
    }

    fn acl_changed(&mut self, change: &Value, at: Timestamp) {
        if let Some(rows) = change.get("grant") {
            let after: Grant = serde_json::from_value(rows["after"].clone()).unwrap();
            let before: Option<Grant> = serde_json::from_value(rows["before"].clone()).unwrap();
            assert_eq!(self.grants.insert(after.id, after), before);
        } else {
            let rows = &change["channel"];
            let after: AuthorisedChannel = serde_json::from_value(rows["after"].clone()).unwrap();
            let before: Option<AuthorisedChannel> = serde_json::from_value(rows["before"].clone()).unwrap();
            let is_live = |e: &&mut AuthorisedChannel| e.channel == after.channel && e.removed_at.is_none();
            let live = self.channels.iter_mut().find(is_live);
            assert_eq!(live.as_deref(), before.as_ref());
            if let Some(live) = live {
                live.removed_at = Some(at);
            }
            if after.removed_at.is_none() {
                self.channels.push(after);
            }
        }
    }

    fn ended(&mut self, event: &Row) {
        let operation = OperationId::new(event.operation);
        let entry = self.entries.get_mut(&operation).unwrap();
        let text = |key: &str| event.body[key].as_str().map(str::to_owned);
        // Once more only if a callback tells of a change that was over.
        let is_correction = matches!(entry.outcome, OutcomeKind::Refused | OutcomeKind::Unknown)
            && text("outcome").as_deref() == Some("succeeded");
        assert!(self.open.contains(&operation) || is_correction, "{operation} ends once");
        entry.outcome = text("outcome").unwrap().parse().unwrap();
        entry.previous_owner = text("previous_owner");
        entry.error_code = event.body["error_code"].as_i64();
        entry.error_info = text("error_info");
        entry.request_id = text("request_id");
        entry.duration_ms = event.body["duration_ms"].as_i64();
        if entry.outcome != OutcomeKind::Unknown || text("owner_now").is_some() {
            self.open.retain(|open| *open != operation);
            self.holders.retain(|_, holder| *holder != operation);
        }
    }
}

/// Reads all the events and compares what they tell with every table.
pub(crate) async fn assert_log_tells_the_tables(world: &World) {
    let events = events(world).await;
    let told = Told::read(&events);
    let entries: Vec<AuditEntry> = told.entries.into_values().collect();
    assert_eq!(world.log().await, entries);
    assert_eq!(world.open_operations().await, told.open);
    assert_eq!(world.store.grants().await.unwrap(), told.grants.into_values().collect::<Vec<_>>());
    assert_eq!(world.store.channels().await.unwrap(), told.channels);

    let mut raw = world.raw().await;
    let held: Vec<(String, i64)> =
        sqlx::query_as("SELECT held_room, operation FROM operations WHERE held_room IS NOT NULL")
            .fetch_all(&mut raw)
            .await
            .unwrap();
    let held: HashMap<String, OperationId> =
        held.into_iter().map(|(room, operation)| (room, OperationId::new(operation))).collect();
    assert_eq!(held, told.holders);
    let claims: Vec<(String, i64)> =
        sqlx::query_as("SELECT delivery_id, operation FROM deliveries").fetch_all(&mut raw).await.unwrap();
    let claims: BTreeMap<String, OperationId> =
        claims.into_iter().map(|(id, operation)| (id, OperationId::new(operation))).collect();
    assert_eq!(claims, told.deliveries);
    let sound: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut raw).await.unwrap();
    assert_eq!(sound, "ok");
}
