//! The tables against the events: `operations`, `deliveries` and the ACL say what the log says.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use sqlx::sqlite::SqliteConnection;

use crate::domain::verification::Report;

use super::acl::Acl;
use super::chunks::{self, Event};

type Raw<'a> = Option<&'a RawValue>;

/// An event, as far as the tables repeat it. Values stay as they are written.
#[derive(Deserialize)]
struct Body<'a> {
    seq: i64,
    #[serde(borrow)]
    event: &'a str,
    operation: &'a str,
    at: &'a str,
    #[serde(borrow)]
    actor: Raw<'a>,
    #[serde(borrow)]
    actor_name: Raw<'a>,
    #[serde(borrow)]
    channel: Raw<'a>,
    #[serde(borrow)]
    command: Raw<'a>,
    #[serde(borrow)]
    room: Raw<'a>,
    #[serde(borrow)]
    new_owner: Raw<'a>,
    #[serde(borrow)]
    previous_owner: Raw<'a>,
    #[serde(borrow)]
    reason: Raw<'a>,
    #[serde(borrow)]
    decision: Raw<'a>,
    #[serde(borrow)]
    authority: Raw<'a>,
    #[serde(borrow)]
    outcome: Raw<'a>,
    #[serde(borrow)]
    owner_now: Raw<'a>,
    #[serde(borrow)]
    error_code: Raw<'a>,
    #[serde(borrow)]
    error_info: Raw<'a>,
    #[serde(borrow)]
    request_id: Raw<'a>,
    #[serde(borrow)]
    delivery_id: Raw<'a>,
    #[serde(borrow)]
    duration_ms: Raw<'a>,
    #[serde(borrow)]
    acl_change: Raw<'a>,
    #[serde(borrow)]
    acl_changes: Raw<'a>,
    #[serde(borrow)]
    overridden_by: Raw<'a>,
    #[serde(default)]
    reading: bool,
}

impl Body<'_> {
    fn outcome(&self) -> &str {
        self.outcome.map_or("", |outcome| outcome.get().trim_matches('"'))
    }

    /// Whether an operation with this outcome goes on.
    fn leaves_open(&self) -> bool {
        match self.outcome() {
            "pending" => true,
            "unknown" => self.owner_now.is_none() && self.overridden_by.is_none(),
            _ => false,
        }
    }
}

/// A row of `operations`, and the operation that claimed its delivery.
#[derive(Deserialize)]
struct Row<'a>(#[serde(borrow)] [Raw<'a>; 21]);

/// What [`chunks::operations`] puts into a row, in this order.
pub(super) const COLUMNS: [&str; 21] = [
    "at",
    "actor",
    "actor_name",
    "channel",
    "command",
    "room",
    "new_owner",
    "previous_owner",
    "reason",
    "decision",
    "authority",
    "outcome",
    "error_code",
    "error_info",
    "request_id",
    "delivery_id",
    "duration_ms",
    "is_open",
    "held_room",
    "claimed by",
    "reading",
];

/// An operation that has not ended where the reading is: its events so far, and its row.
struct Open {
    events: Vec<String>,
    row: String,
}

/// The check, as far as it has come. It holds the operations that are open and the ACL, not the log.
#[derive(Default)]
pub(super) struct Replay {
    open: HashMap<i64, Open>,
    acl: Acl,
    claims: i64,
    callbacks: i64,
    last: i64,
}

impl Replay {
    pub(super) async fn check(
        &mut self,
        connection: &mut SqliteConnection,
        events: &[Event],
        report: &mut Report,
    ) -> Result<(), sqlx::Error> {
        let Some(last) = events.last() else { return Ok(()) };
        // Rows between two chunks too: there is no event for them.
        let rows = chunks::operations(connection, self.last + 1, last.seq).await?;
        let mut rows: HashMap<i64, String> = rows.into_iter().collect();
        self.last = last.seq;
        for event in events {
            self.event(event, &mut rows, report);
        }
        let mut without_event: Vec<i64> = rows.into_keys().collect();
        without_event.sort_unstable();
        for operation in without_event {
            report.find(operation, "`operations` has a row for it, and it begins no operation");
        }
        Ok(())
    }

    fn event(&mut self, event: &Event, rows: &mut HashMap<i64, String>, report: &mut Report) {
        let body: Body<'_> = match serde_json::from_str(&event.body) {
            Ok(body) => body,
            Err(error) => {
                report.find(event.seq, format!("its text is no event: {error}"));
                rows.remove(&event.seq);
                return;
            }
        };
        if body.seq != event.seq {
            report.find(event.seq, format!("its text says that it is event {}", body.seq));
        }
        if body.operation.parse() != Ok(event.operation) {
            report.find(
                event.seq,
                format!("its row names operation {}, its text `{}`", event.operation, body.operation),
            );
        }
        match body.event {
            "requested" => {
                if event.operation != event.seq {
                    report.find(event.seq, "it begins an operation that does not have its number");
                }
                if body.delivery_id.is_some() && body.outcome() != "duplicate" {
                    self.claims += 1;
                }
                let change = body.acl_change.or(body.acl_changes);
                if let Some(change) = change {
                    self.acl.changed(event.seq, body.at, body.actor, change, report);
                }
                let Some(row) = rows.remove(&event.seq) else {
                    report.find(event.seq, "it begins an operation that `operations` has no row for");
                    return;
                };
                if body.leaves_open() {
                    self.open.insert(event.seq, Open { events: vec![event.body.clone()], row });
                } else {
                    compare(event.seq, &[&body], &row, report);
                }
            }
            "noted" | "ended" => match self.open.get_mut(&event.operation) {
                None => report.find(
                    event.seq,
                    format!("it goes on with operation {}, which is not open", event.operation),
                ),
                Some(open) => {
                    open.events.push(event.body.clone());
                    if body.event == "ended" && !body.leaves_open() {
                        self.close(event.operation, report);
                    }
                }
            },
            // It stands beside an operation, open or ended, and no table repeats it.
            "reply" => {}
            "confirmed" | "observed" => {
                if event.operation >= event.seq {
                    report.find(event.seq, "it speaks of an operation that begins later");
                }
                self.callbacks += 1;
            }
            other => {
                report.find(event.seq, format!("it is of a kind that this program does not know: `{other}`"))
            }
        }
    }

    fn close(&mut self, operation: i64, report: &mut Report) {
        let Some(open) = self.open.remove(&operation) else { return };
        let bodies: Result<Vec<Body<'_>>, _> =
            open.events.iter().map(|text| serde_json::from_str(text)).collect();
        if let Ok(bodies) = bodies {
            compare(operation, &bodies.iter().collect::<Vec<_>>(), &open.row, report);
        }
    }

    pub(super) async fn end(
        mut self,
        connection: &mut SqliteConnection,
        report: &mut Report,
    ) -> Result<(), sqlx::Error> {
        let mut open: Vec<i64> = self.open.keys().copied().collect();
        open.sort_unstable();
        for operation in open {
            self.close(operation, report);
        }
        let beyond: Vec<i64> = sqlx::query_scalar(
            "SELECT operation FROM operations WHERE operation < 1 OR operation > ? ORDER BY operation LIMIT 50",
        )
        .bind(self.last)
        .fetch_all(&mut *connection)
        .await?;
        for operation in beyond {
            report.find(operation, "`operations` has a row for it, and the log has no such event");
        }
        let claims: i64 =
            sqlx::query_scalar("SELECT count(*) FROM deliveries").fetch_one(&mut *connection).await?;
        let callbacks: i64 =
            sqlx::query_scalar("SELECT count(*) FROM callbacks").fetch_one(&mut *connection).await?;
        if callbacks != self.callbacks {
            report.find(
                None,
                format!("`callbacks` has {callbacks} rows, and the log tells of {}", self.callbacks),
            );
        }
        if claims != self.claims {
            report.find(None, format!("`deliveries` has {claims} rows, and the log claims {}", self.claims));
        }
        self.acl.compare(connection, report).await
    }
}

/// The row of an operation against its events.
fn compare(operation: i64, events: &[&Body<'_>], row: &str, report: &mut Report) {
    let row: Row<'_> = match serde_json::from_str(row) {
        Ok(row) => row,
        Err(error) => {
            report.find(operation, format!("its row in `operations` cannot be read: {error}"));
            return;
        }
    };
    let [first, .., last] = events else {
        if let [only] = events {
            compare_with(operation, only, only, only.previous_owner, &row.0, report);
        }
        return;
    };
    // What came of it stands in the last end, the owner before in whichever event came last.
    let end = events.iter().rev().find(|event| event.event == "ended").unwrap_or(first);
    compare_with(operation, first, end, last.previous_owner, &row.0, report);
}

fn compare_with(
    operation: i64,
    first: &Body<'_>,
    end: &Body<'_>,
    previous_owner: Raw<'_>,
    row: &[Raw<'_>; 21],
    report: &mut Report,
) {
    let told = [
        first.actor,
        first.actor_name,
        first.channel,
        first.command,
        first.room,
        first.new_owner,
        previous_owner,
        first.reason,
        first.decision,
        first.authority,
        end.outcome,
        end.error_code,
        end.error_info,
        end.request_id,
        first.delivery_id,
        end.duration_ms,
    ];
    let mut differs: Vec<&str> = told
        .iter()
        .zip(&row[1..17])
        .zip(&COLUMNS[1..17])
        .filter(|((told, kept), _)| !same(**told, **kept))
        .map(|(_, column)| *column)
        .collect();
    let at = first.at.parse::<Timestamp>().ok().map(|at| at.as_millisecond());
    if number(row[0]) != at {
        differs.push("at");
    }
    let is_open = end.leaves_open();
    if number(row[17]) != Some(i64::from(is_open)) {
        differs.push("is_open");
    }
    let holds = is_open && first.new_owner.is_some();
    if !same(first.room.filter(|_| holds), row[18]) {
        differs.push("held_room");
    }
    if number(row[20]) != Some(i64::from(first.reading)) {
        differs.push("reading");
    }
    if !differs.is_empty() {
        let what = differs.iter().map(|column| format!("`{column}`")).collect::<Vec<_>>().join(", ");
        report.find(operation, format!("its row in `operations` does not say what the log says: {what}"));
    }
    let claimed_by = number(row[19]);
    let is_right = match (first.delivery_id, first.outcome()) {
        (None, _) => claimed_by.is_none(),
        (Some(_), "duplicate") => claimed_by.is_some_and(|earlier| earlier < operation),
        (Some(_), _) => claimed_by == Some(operation),
    };
    if !is_right {
        report.find(operation, "`deliveries` does not say of its delivery what the log says");
    }
}

fn number(raw: Raw<'_>) -> Option<i64> {
    raw?.get().parse().ok()
}

/// Whether two JSON values are the same; mostly they are written alike.
fn same(told: Raw<'_>, kept: Raw<'_>) -> bool {
    match (told, kept) {
        (None, None) => true,
        (Some(told), Some(kept)) => {
            let value = |raw: &RawValue| serde_json::from_str::<serde_json::Value>(raw.get()).ok();
            told.get() == kept.get() || (value(told).is_some() && value(told) == value(kept))
        }
        _ => false,
    }
}
