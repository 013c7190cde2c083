//! The log alone tells the whole story: what the tables say is what comes out of reading the events.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use room_owner::app::ports::Store as _;
use room_owner::domain::access::{AuthorisedChannel, Grant};
use room_owner::domain::audit::{AuditEntry, OperationId, OutcomeKind};
use serde_json::{Value, json};
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

/// What the events say, read as JSON and by no code of the program: the second opinion on what it makes of them.
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
            let what = event.body["what"].as_object().unwrap();
            assert_eq!(what.len(), 1);
            let (kind, what) = what.iter().next().unwrap();
            match kind.as_str() {
                "requested" => told.requested(event, what),
                "ended" => told.ended(event, what),
                "overridden" => told.overridden(event, what),
                "noted" => {
                    let entry = told.entries.get_mut(&OperationId::new(event.operation)).unwrap();
                    entry.previous_owner = what["previous_owner"].as_str().map(str::to_owned);
                }
                // They add to what is there and change nothing of it.
                "confirmed" | "reply" => {
                    assert!(told.entries.contains_key(&OperationId::new(event.operation)));
                }
                "observed" => told.observed(event, what),
                "system" => told.begin(event, json!({ "command": command_of(what), "outcome": "succeeded" })),
                other => panic!("an event `{other}`"),
            }
        }
        told
    }

    /// The entry of an operation by the fields that it has.
    fn begin(&mut self, event: &Row, fields: Value) {
        let mut entry = json!({
            "operation": event.body["operation"], "at": event.body["at"], "actor": null, "actor_name": null,
            "channel": null, "room": null, "new_owner": null, "previous_owner": null, "reason": null,
            "decision": null, "authority": null, "error_code": null, "error_info": null, "request_id": null,
            "delivery_id": null, "duration_ms": null,
        });
        for (name, value) in fields.as_object().unwrap() {
            entry[name] = value.clone();
        }
        let entry: AuditEntry = serde_json::from_value(entry).unwrap();
        assert_eq!(entry.operation.seq(), event.seq, "an operation has the number of its first event");
        self.entries.insert(entry.operation, entry);
    }

    fn requested(&mut self, event: &Row, what: &Value) {
        let mut fields = what.clone();
        for beside in ["grant", "member_of", "reading", "process", "overrides", "acl_changes", "archived"] {
            fields.as_object_mut().unwrap().remove(beside);
        }
        self.begin(event, fields);
        let operation = OperationId::new(event.seq);
        let entry = &self.entries[&operation];
        if let Some(delivery) = &entry.delivery_id {
            let first = *self.deliveries.entry(delivery.clone()).or_insert(operation);
            let is_repetition = entry.outcome == OutcomeKind::Duplicate;
            assert_eq!(is_repetition, first != operation, "{delivery} at {operation}");
        }
        if entry.outcome == OutcomeKind::Pending {
            self.open.push(operation);
            if entry.new_owner.is_some() {
                let room = entry.room.as_ref().unwrap().as_str().to_owned();
                let other = self.holders.insert(room, operation);
                assert_eq!(other, None, "one transfer at a time: {operation}");
            }
        }
        let at = entry.at;
        for change in what["acl_changes"].as_array().into_iter().flatten() {
            self.acl_changed(change, at);
        }
    }

    fn observed(&mut self, event: &Row, what: &Value) {
        let change = &what["change"];
        let signed = change["signed"] == true;
        let believed = |name: &str| if signed { change[name].clone() } else { Value::Null };
        let unsigned = "the callback was not signed: who did it and who owned the room before is only said";
        let reason = what["probably"].as_array().map(|probably| {
            let (operation, outcome) = (probably[0].as_str().unwrap(), probably[1].as_str().unwrap());
            format!("probably the change of operation {operation}, recorded as {outcome}")
        });
        self.begin(
            event,
            json!({
                "command": "(observed) owner change", "room": what["room"], "new_owner": what["new_owner"],
                "actor_name": believed("operator"), "previous_owner": believed("original_owner"),
                "outcome": what["outcome"], "delivery_id": change["delivery_id"], "reason": reason,
                "error_info": what["doubt"].as_str().or((!signed).then_some(unsigned)),
            }),
        );
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

    fn overridden(&mut self, event: &Row, what: &Value) {
        let operation = OperationId::new(event.operation);
        let entry = self.entries.get_mut(&operation).unwrap();
        assert_eq!(entry.outcome, OutcomeKind::Unknown, "what is under way is waited for");
        let info = entry.error_info.as_ref().unwrap();
        entry.error_info = Some(format!("{info}; overridden by operation {}", what["by"].as_str().unwrap()));
        self.close(operation);
    }

    fn ended(&mut self, event: &Row, what: &Value) {
        let operation = OperationId::new(event.operation);
        let (kind, fields) = match what {
            Value::String(kind) => (kind.as_str(), &Value::Null),
            other => {
                let (kind, fields) = other.as_object().unwrap().iter().next().unwrap();
                (kind.as_str(), fields)
            }
        };
        let is_open = self.open.contains(&operation);
        assert!(is_open || kind == "confirmed_by_callback", "{operation} ends once");
        let entry = self.entries.get_mut(&operation).unwrap();
        let text = |of: &Value, name: &str| of[name].as_str().map(str::to_owned);
        let problem = match kind {
            "refused" => &fields["refusal"],
            "unknown" => &fields["problem"],
            "declined" => fields,
            _ => &fields["unclear"],
        };
        entry.outcome = match kind {
            "shown" | "confirmed_by_callback" => OutcomeKind::Succeeded,
            other => other.parse().unwrap(),
        };
        let previous = match kind {
            "shown" => fields.as_str().map(str::to_owned),
            "unchanged" => entry.new_owner.clone(),
            _ => text(fields, "previous"),
        };
        entry.previous_owner = previous.or(entry.previous_owner.take());
        // What Tencent said once is kept, whatever is found out later.
        let known = entry.error_code.filter(|_| !problem.is_null());
        entry.error_code = problem["code"].as_i64().or(known);
        entry.error_info = text(problem, "info");
        if kind == "confirmed_by_callback" {
            let now = text(fields, "owner_now").map(|owner| format!("; {owner} owns the room by now"));
            let info = entry.error_info.take().unwrap_or_default();
            entry.error_info =
                Some(format!("{info}; tencent's callback reported the change{}", now.unwrap_or_default()));
        }
        let request_id = text(fields, "request_id").or(text(problem, "request_id"));
        entry.request_id = request_id.or(entry.request_id.take());
        let at: Timestamp = event.body["at"].as_str().unwrap().parse().unwrap();
        entry.duration_ms = Some((at.as_millisecond() - entry.at.as_millisecond()).max(0));
        if kind != "unknown" || !fields["owner_now"].is_null() {
            self.close(operation);
        }
    }

    fn close(&mut self, operation: OperationId) {
        self.open.retain(|open| *open != operation);
        self.holders.retain(|_, holder| *holder != operation);
    }
}

fn command_of(what: &Value) -> String {
    match what {
        Value::String(_) => "(system) database file replaced".to_owned(),
        other if !other["clock_set_back"].is_null() => {
            let by = other["clock_set_back"]["by_ms"].as_i64().unwrap();
            format!("(system) clock set back by {}.{:03} s", by / 1_000, by % 1_000)
        }
        other => {
            let keys = &other["key_changed"];
            let (from, to) = (keys["from"].as_str().unwrap(), keys["to"].as_str().unwrap());
            format!("(system) signing key changed from {from} to {to}")
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
