//! The log alone tells the whole story: a second reading of its events, which leads to the same rows as the program's.
//!
//! It reads JSON and writes JSON, and uses no type and no function of the program: what the one reading gets wrong, the
//! other does not repeat.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use sqlx::Row as _;
use sqlx::sqlite::SqliteConnection;

/// A row of `audit_events`.
pub(crate) struct Row {
    pub(crate) seq: i64,
    pub(crate) operation: i64,
    pub(crate) body: Value,
}

pub(crate) async fn events(raw: &mut SqliteConnection) -> Vec<Row> {
    let rows = sqlx::query("SELECT seq, operation, body FROM audit_events ORDER BY seq")
        .fetch_all(raw)
        .await
        .unwrap();
    let body = |row: &sqlx::sqlite::SqliteRow| serde_json::from_str(row.get("body")).unwrap();
    rows.iter()
        .map(|row| Row { seq: row.get("seq"), operation: row.get("operation"), body: body(row) })
        .collect()
}

/// The events of an archive, which lie there behind its first line.
pub(crate) fn archived(file: &std::path::Path) -> Vec<Row> {
    let text = std::fs::read_to_string(file).unwrap();
    let row = |line: &str| {
        let body: Value = serde_json::from_str(line).unwrap();
        let operation = body["operation"].as_str().unwrap().parse().unwrap();
        Row { seq: body["seq"].as_i64().unwrap(), operation, body }
    };
    text.lines().skip(1).map(row).collect()
}

/// The rows of a table by their primary key, each with all its columns.
pub(crate) type Table = BTreeMap<String, Value>;

/// The tables, as the events tell of them.
#[derive(Default)]
pub(crate) struct Model {
    pub(crate) operations: Table,
    deliveries: Table,
    callbacks: Table,
    pub(crate) grants: Table,
    pub(crate) channels: Table,
    archives: Table,
    announcement_channels: Table,
    announcements: Table,
    access_requests: Table,
    settings: Table,
    new_owner_people: Table,
    approvals: Table,
}

impl Model {
    fn of(events: &[Row]) -> Self {
        let mut model = Self::default();
        for (event, seq) in events.iter().zip(1..) {
            assert_eq!(event.seq, seq, "numbered without gaps");
            assert_eq!(event.body["v"], 1);
            assert_eq!(event.body["seq"], seq, "the body repeats its number");
            assert_eq!(event.body["operation"], event.operation.to_string(), "and its operation");
            let (kind, what) = only(&event.body["what"]);
            let begins = ["requested", "observed", "system"].contains(&kind);
            assert_eq!(event.operation == seq, begins, "an operation has the number of its first event");
            match kind {
                "requested" => model.requested(event, what),
                "observed" => model.observed(event, what),
                "system" => {
                    model.begin(event, json!({ "command": command_of(what), "outcome": "succeeded" }))
                }
                "noted" => model.operation(event)["previous_owner"] = what["previous_owner"].clone(),
                "ended" => model.ended(event, what),
                "overridden" => model.overridden(event, what),
                "confirmed" => model.called_back(event, what, 1),
                // It adds to what is there and changes nothing of it.
                "reply" => drop(model.operation(event).is_object()),
                "announced" => model.announced(event, what),
                "answered" => {
                    let operation = event.operation.to_string();
                    let asked =
                        model.access_requests.get_mut(&operation).expect("what is answered was asked");
                    assert!(asked["answered_in"].is_null(), "it is answered once");
                    asked["answered_in"] = json!(what["by"].as_str().unwrap().parse::<i64>().unwrap());
                }
                other => panic!("an event `{other}`"),
            }
        }
        model
    }

    /// The row of the event's operation.
    fn operation(&mut self, event: &Row) -> &mut Value {
        self.operations.get_mut(&event.operation.to_string()).expect("the log begins each operation")
    }

    /// A new operation, with these columns.
    fn begin(&mut self, event: &Row, columns: Value) {
        let mut row = json!({
            "operation": event.operation, "at": millis(&event.body["at"]), "actor": null, "actor_name": null,
            "channel": null, "room": null, "new_owner": null, "previous_owner": null, "reason": null,
            "decision": null, "authority": null, "error_code": null, "error_info": null, "request_id": null,
            "delivery_id": null, "duration_ms": null, "reading": 0, "instance": "", "is_open": 0,
            "held_room": null,
        });
        for (name, value) in columns.as_object().unwrap() {
            row[name] = value.clone();
        }
        insert(&mut self.operations, "operation", row);
    }

    fn requested(&mut self, event: &Row, what: &Value) {
        let mut columns = json!({ "reading": i64::from(what["reading"] == true) });
        for name in [
            "actor",
            "actor_name",
            "channel",
            "command",
            "room",
            "new_owner",
            "reason",
            "decision",
            "authority",
            "outcome",
            "error_info",
            "delivery_id",
        ] {
            columns[name] = what[name].clone();
        }
        if what["outcome"] == "pending" {
            columns["is_open"] = json!(1);
            columns["instance"] = what["process"].clone();
        }
        if what["outcome"] == "pending" && !what["new_owner"].is_null() {
            let room = &what["room"];
            let holder = self.operations.values().find(|other| other["held_room"] == *room);
            assert_eq!(holder, None, "one transfer at a time");
            columns["held_room"] = room.clone();
        }
        self.begin(event, columns);
        if !what["new_owner_person"].is_null() {
            let row = json!({ "operation": event.operation, "person": what["new_owner_person"] });
            insert(&mut self.new_owner_people, "operation", row);
        }
        if let Some(delivery) = what["delivery_id"].as_str() {
            let is_first = !self.deliveries.contains_key(delivery);
            assert_eq!(what["outcome"] == "duplicate", !is_first, "{delivery} at {}", event.seq);
            if is_first {
                let at = millis(&event.body["at"]);
                let claim = json!({ "delivery_id": delivery, "operation": event.operation, "at": at });
                insert(&mut self.deliveries, "delivery_id", claim);
            }
        }
        for change in what["acl_changes"].as_array().into_iter().flatten() {
            let (kind, change) = only(change);
            match kind {
                "grant" => self.grant_changed(event, what, change),
                "channel" => self.channel_changed(event, what, change),
                "announcement" => self.announcement_changed(event, what, change),
                "setting" => self.setting_changed(event, what, change),
                other => panic!("a change `{other}`"),
            }
        }
        if !what["asks"].is_null() {
            let row = json!({
                "operation": event.operation, "person": what["actor"], "room": what["room"],
                "channel": what["channel"], "asked_at": millis(&event.body["at"]),
                "lapses_at": millis(&what["asks"]["lapses_at"]), "answered_in": null,
            });
            insert(&mut self.access_requests, "operation", row);
        }
        if !what["requested_by"].is_null() {
            let row = json!({
                "operation": event.operation, "requested_by": what["requested_by"],
                "requested_by_name": what["requested_by_name"],
            });
            insert(&mut self.approvals, "operation", row);
        }
        if !what["archived"].is_null() {
            let mut row = what["archived"].clone();
            row["operation"] = json!(event.operation);
            insert(&mut self.archives, "operation", row);
        }
    }

    fn grant_changed(&mut self, event: &Row, what: &Value, change: &Value) {
        let (before, after) = (&change["before"], &change["after"]);
        let row = |grant: &Value| {
            let mut row = grant.clone();
            row["channels"] = json!(grant["channels"].to_string());
            for time in ["expires_at", "granted_at"] {
                row[time] = millis(&grant[time]);
            }
            row["reason"] = grant["reason"].clone();
            row
        };
        if before.is_null() {
            assert!(after["revoked_at"].is_null());
            let mut row = row(after);
            row["granted_in"] = json!(event.operation);
            for column in ["revoked_at", "revoked_by", "revoked_in"] {
                row[column] = Value::Null;
            }
            return insert(&mut self.grants, "id", row);
        }
        let there = self.grants.get_mut(&before["id"].to_string()).unwrap();
        for (name, value) in row(before).as_object().unwrap() {
            assert_eq!(there[name], *value, "`{name}` of grant {} before", before["id"]);
        }
        there["revoked_at"] = millis(&after["revoked_at"]);
        there["revoked_by"] = what["actor"].clone();
        there["revoked_in"] = json!(event.operation);
    }

    fn channel_changed(&mut self, event: &Row, what: &Value, change: &Value) {
        let (before, after) = (&change["before"], &change["after"]);
        let is_live = |row: &&mut Value| row["channel"] == after["channel"] && row["removed_at"].is_null();
        let live = self.channels.values_mut().find(is_live);
        assert_eq!(live.is_none(), before.is_null());
        if let Some(live) = live {
            assert_eq!((&live["rooms"], &live["reason"]), (&before["rooms"], &before["reason"]));
            live["removed_at"] = millis(&event.body["at"]);
            live["removed_by"] = what["actor"].clone();
            live["removed_in"] = json!(event.operation);
        }
        if after["removed_at"].is_null() {
            let row = json!({
                "id": self.channels.len() + 1, "channel": after["channel"], "rooms": after["rooms"],
                "allowed_by": after["allowed_by"], "allowed_at": millis(&after["allowed_at"]),
                "allowed_in": event.operation, "removed_at": null, "removed_by": null, "removed_in": null,
                "reason": after["reason"],
            });
            insert(&mut self.channels, "id", row);
        }
    }

    fn announcement_changed(&mut self, event: &Row, what: &Value, change: &Value) {
        let (before, after) = (&change["before"], &change["after"]);
        let is_live = |row: &&mut Value| row["channel"] == after["channel"] && row["removed_at"].is_null();
        let live = self.announcement_channels.values_mut().find(is_live);
        assert_eq!(live.is_none(), before.is_null());
        if let Some(live) = live {
            live["removed_at"] = millis(&event.body["at"]);
            live["removed_by"] = what["actor"].clone();
            live["removed_in"] = json!(event.operation);
        }
        if after["removed_at"].is_null() {
            let row = json!({
                "id": self.announcement_channels.len() + 1, "channel": after["channel"],
                "rooms": after["rooms"], "for_admins": i64::from(after["for_admins"] == true),
                "set_by": after["set_by"], "set_at": millis(&after["set_at"]), "set_in": event.operation,
                "removed_at": null, "removed_by": null, "removed_in": null, "reason": after["reason"],
            });
            insert(&mut self.announcement_channels, "id", row);
        }
    }

    fn setting_changed(&mut self, event: &Row, what: &Value, change: &Value) {
        let (before, after) = (&change["before"], &change["after"]);
        let columns = |entry: &Value| match only(&entry["setting"]) {
            ("link", link) => ["link".into(), link["person"].clone(), link["account"].clone()],
            ("mark", mark) => ["mark".into(), mark["rooms"].clone(), mark["mark"].clone()],
            other => panic!("{other:?}"),
        };
        let [kind, key, value] = columns(after);
        let is_live =
            |row: &&mut Value| (&row["kind"], &row["key"]) == (&kind, &key) && row["removed_at"].is_null();
        let live = self.settings.values_mut().find(is_live);
        assert_eq!(live.is_none(), before.is_null());
        if let Some(live) = live {
            assert_eq!(live["value"], columns(before)[2]);
            live["removed_at"] = millis(&event.body["at"]);
            live["removed_by"] = what["actor"].clone();
            live["removed_in"] = json!(event.operation);
        }
        if after["removed_at"].is_null() {
            let row = json!({
                "id": self.settings.len() + 1, "kind": kind, "key": key, "value": value,
                "set_by": after["set_by"], "set_at": millis(&after["set_at"]), "set_in": event.operation,
                "removed_at": null, "removed_by": null, "removed_in": null, "reason": after["reason"],
            });
            insert(&mut self.settings, "id", row);
        }
    }

    /// It adds to what is there and changes nothing of it.
    fn announced(&mut self, event: &Row, what: &Value) {
        assert!(self.operation(event).is_object());
        assert!(what["event"].as_i64().unwrap() < event.seq, "it tells of what was there");
        if !what["to"].is_null() {
            return;
        }
        let row = json!({
            "event": event.seq, "operation": event.operation, "channel": what["channel"],
            "announced": what["event"], "message": what["message"], "problem": what["problem"],
        });
        insert(&mut self.announcements, "event", row);
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
        self.called_back(event, change, 0);
    }

    fn called_back(&mut self, event: &Row, change: &Value, confirms: i64) {
        let operation = self.operation(event);
        let row = json!({
            "delivery_id": change["delivery_id"], "operation": event.operation, "confirms": confirms,
            "room": operation["room"], "new_owner": operation["new_owner"],
            "original_owner": change["original_owner"], "operator": change["operator"],
            "event_at": millis(&change["event_at"]), "received_at": millis(&event.body["at"]),
            "signed": i64::from(change["signed"] == true), "event": event.seq,
        });
        insert(&mut self.callbacks, "delivery_id", row);
    }

    fn overridden(&mut self, event: &Row, what: &Value) {
        let row = self.operation(event);
        assert_eq!(row["outcome"], "unknown", "what is under way is waited for");
        let info = row["error_info"].as_str().unwrap();
        row["error_info"] =
            json!(format!("{info}; overridden by operation {}", what["by"].as_str().unwrap()));
        close(row);
    }

    fn ended(&mut self, event: &Row, what: &Value) {
        let ended_at = millis(&event.body["at"]).as_i64().unwrap();
        let row = self.operation(event);
        let (kind, fields) = only(what);
        assert!(row["is_open"] == 1 || kind == "confirmed_by_callback", "it ends once: {}", event.operation);
        let problem = match kind {
            "refused" => &fields["refusal"],
            "unknown" => &fields["problem"],
            "declined" => fields,
            _ => &fields["unclear"],
        };
        let previous = match kind {
            "shown" => fields,
            "unchanged" => &row["new_owner"],
            _ => &fields["previous"],
        };
        if !previous.is_null() {
            row["previous_owner"] = previous.clone();
        }
        row["outcome"] = match kind {
            "shown" | "confirmed_by_callback" => json!("succeeded"),
            other => json!(other),
        };
        // What Tencent said once is kept, whatever is found out later.
        if problem.is_null() || !problem["code"].is_null() {
            row["error_code"] = problem["code"].clone();
        }
        row["error_info"] = problem["info"].clone();
        if kind == "confirmed_by_callback" {
            let now = fields["owner_now"].as_str().map(|owner| format!("; {owner} owns the room by now"));
            let (info, now) = (problem["info"].as_str().unwrap(), now.unwrap_or_default());
            row["error_info"] = json!(format!("{info}; tencent's callback reported the change{now}"));
        }
        for request_id in [&problem["request_id"], &fields["request_id"]] {
            if request_id.is_string() {
                row["request_id"] = request_id.clone();
            }
        }
        row["duration_ms"] = json!((ended_at - row["at"].as_i64().unwrap()).max(0));
        if kind != "unknown" || !fields["owner_now"].is_null() {
            close(row);
        }
    }
}

/// The operation is over.
fn close(row: &mut Value) {
    row["is_open"] = json!(0);
    row["instance"] = json!("");
    row["held_room"] = Value::Null;
}

fn insert(table: &mut Table, key: &str, row: Value) {
    let id = row[key].as_str().map_or_else(|| row[key].to_string(), str::to_owned);
    assert!(table.insert(id, row).is_none(), "two rows of one `{key}`");
}

/// `"kind"` or `{"kind": fields}`.
fn only(value: &Value) -> (&str, &Value) {
    if let Value::String(kind) = value {
        return (kind, &Value::Null);
    }
    let fields = value.as_object().unwrap();
    assert_eq!(fields.len(), 1);
    let (kind, fields) = fields.iter().next().unwrap();
    (kind, fields)
}

/// RFC 3339 -> milliseconds since 1970.
pub(crate) fn millis(time: &Value) -> Value {
    time.as_str().map_or(Value::Null, |time| json!(time.parse::<Timestamp>().unwrap().as_millisecond()))
}

fn command_of(what: &Value) -> String {
    match only(what) {
        ("file_replaced", _) => "(system) database file replaced".to_owned(),
        ("head_gone", _) => "(system) signed head beside the database was gone".to_owned(),
        ("clock_set_back", step) => {
            let by = step["by_ms"].as_i64().unwrap();
            format!("(system) clock set back by {}.{:03} s", by / 1_000, by % 1_000)
        }
        ("key_changed", keys) => {
            let (from, to) = (keys["from"].as_str().unwrap(), keys["to"].as_str().unwrap());
            format!("(system) signing key changed from {from} to {to}")
        }
        other => panic!("{other:?}"),
    }
}

/// A table of the database by its primary key.
async fn table(raw: &mut SqliteConnection, name: &str) -> Table {
    let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info(?)")
        .bind(name)
        .fetch_all(&mut *raw)
        .await
        .unwrap();
    let pairs: Vec<String> = columns.iter().map(|column| format!("'{column}', {column}")).collect();
    let sql = format!("SELECT json_object({}) FROM {name}", pairs.join(", "));
    let rows: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(raw).await.unwrap();
    let mut table = Table::new();
    for row in rows {
        insert(&mut table, &columns[0], serde_json::from_str(&row).unwrap());
    }
    table
}

/// Compares what the events tell with every row of every table.
pub(crate) async fn assert_tables_follow(events: &[Row], raw: &mut SqliteConnection) -> Model {
    let model = Model::of(events);
    for (name, right) in [
        ("operations", &model.operations),
        ("deliveries", &model.deliveries),
        ("callbacks", &model.callbacks),
        ("grants", &model.grants),
        ("authorised_channels", &model.channels),
        ("archives", &model.archives),
        ("announcement_channels", &model.announcement_channels),
        ("announcements", &model.announcements),
        ("access_requests", &model.access_requests),
        ("acl_settings", &model.settings),
        ("new_owner_people", &model.new_owner_people),
        ("approvals", &model.approvals),
    ] {
        assert_eq!(table(raw, name).await, *right, "{name}");
    }
    model
}
