//! What the tables should say of an operation, told by its events.
//!
//! It is written as SQLite writes the row that it is compared with: then the two are mostly the same text,
//! and nothing needs to be read twice.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::chunks::OperationRow;

type Raw<'a> = Option<&'a RawValue>;

/// An event, as far as the tables repeat it. Values stay as they are written.
#[derive(Deserialize)]
pub(super) struct Body<'a> {
    pub(super) seq: i64,
    #[serde(borrow)]
    pub(super) event: &'a str,
    pub(super) operation: &'a str,
    pub(super) at: &'a str,
    #[serde(borrow)]
    pub(super) actor: Raw<'a>,
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
    pub(super) delivery_id: Raw<'a>,
    #[serde(borrow)]
    duration_ms: Raw<'a>,
    #[serde(borrow)]
    pub(super) acl_change: Raw<'a>,
    #[serde(borrow)]
    pub(super) acl_changes: Raw<'a>,
    #[serde(borrow)]
    pub(super) archived: Raw<'a>,
    #[serde(borrow)]
    overridden_by: Raw<'a>,
    #[serde(default)]
    reading: bool,
    #[serde(borrow)]
    event_at: Raw<'a>,
    #[serde(borrow)]
    operator: Raw<'a>,
    #[serde(borrow)]
    original_owner: Raw<'a>,
    #[serde(default)]
    signed: bool,
}

impl Body<'_> {
    pub(super) fn outcome(&self) -> &str {
        self.outcome.map_or("", |outcome| outcome.get().trim_matches('"'))
    }

    /// Whether the operation goes on behind this event. A change that somebody else made is never worked on,
    /// so what is unknown about it from the start stays unknown.
    pub(super) fn leaves_open(&self) -> bool {
        match self.outcome() {
            "pending" => true,
            "unknown" if self.event == "requested" => false,
            "unknown" => self.owner_now.is_none() && self.overridden_by.is_none(),
            _ => false,
        }
    }
}

/// What [`super::chunks::operations`] puts into a row, in this order: what the first event says, the owner
/// before as the last one says, what the last end says, and what follows from it.
pub(super) const COLUMNS: [&str; 20] = [
    "at",
    "actor",
    "actor_name",
    "channel",
    "command",
    "room",
    "new_owner",
    "reason",
    "decision",
    "authority",
    "delivery_id",
    "reading",
    "previous_owner",
    "outcome",
    "error_code",
    "error_info",
    "request_id",
    "duration_ms",
    "is_open",
    "held_room",
];

/// An operation, as its events tell it.
pub(super) struct Told {
    operation: i64,
    /// The columns up to `reading`.
    asked: String,
    previous_owner: String,
    /// Those from `outcome` to `duration_ms`.
    ended: String,
    is_open: bool,
    /// What `held_room` is while it is open.
    room: String,
    delivery: Delivery,
}

/// What its delivery's claim has to be.
#[derive(Debug, Clone, Copy)]
enum Delivery {
    None,
    Own,
    /// An earlier operation's.
    Repeated,
}

fn text<'a>(raw: Raw<'a>) -> &'a str {
    raw.map_or("null", RawValue::get)
}

fn joined(values: &[&str]) -> String {
    let mut text = String::with_capacity(values.iter().map(|value| value.len() + 1).sum());
    for (n, value) in values.iter().enumerate() {
        if n > 0 {
            text.push(',');
        }
        text.push_str(value);
    }
    text
}

fn millis(at: &str) -> String {
    at.parse::<Timestamp>().map_or_else(|_| "null".to_owned(), |at| at.as_millisecond().to_string())
}

impl Told {
    /// By the event that begins it.
    pub(super) fn begun(operation: i64, body: &Body<'_>) -> Self {
        let asked = joined(&[
            &millis(body.at),
            text(body.actor),
            text(body.actor_name),
            text(body.channel),
            text(body.command),
            text(body.room),
            text(body.new_owner),
            text(body.reason),
            text(body.decision),
            text(body.authority),
            text(body.delivery_id),
            if body.reading { "1" } else { "0" },
        ]);
        let delivery = match (body.delivery_id, body.outcome()) {
            (None, _) => Delivery::None,
            (Some(_), "duplicate") => Delivery::Repeated,
            (Some(_), _) => Delivery::Own,
        };
        let holds = body.new_owner.is_some();
        Self {
            operation,
            asked,
            previous_owner: text(body.previous_owner).to_owned(),
            ended: ended(body),
            is_open: body.leaves_open(),
            room: text(body.room.filter(|_| holds)).to_owned(),
            delivery,
        }
    }

    /// Takes in an event that goes on with it.
    pub(super) fn goes_on(&mut self, body: &Body<'_>) {
        text(body.previous_owner).clone_into(&mut self.previous_owner);
        if body.event == "ended" {
            self.ended = ended(body);
            self.is_open = body.leaves_open();
        }
    }

    /// What the tables say otherwise.
    pub(super) fn differences(&self, row: OperationRow<'_>) -> Vec<String> {
        let holding = if self.is_open { (",1,", self.room.as_str()) } else { (",0,", "null") };
        let parts =
            ["[", &self.asked, ",", &self.previous_owner, ",", &self.ended, holding.0, holding.1, "]"];
        let mut found = Vec::new();
        if !is_made_of(row.columns, &parts) {
            match different_columns(&COLUMNS, &parts.concat(), row.columns) {
                Ok(columns) if columns.is_empty() => {}
                Ok(columns) => found.push(format!(
                    "its row in `operations` does not say what the log says: {}",
                    quoted(&columns)
                )),
                Err(error) => found.push(format!("its row in `operations` cannot be read: {error}")),
            }
        }
        let is_right = match self.delivery {
            Delivery::None => row.claimed_by.is_none(),
            Delivery::Own => row.claimed_by == Some(self.operation),
            Delivery::Repeated => row.claimed_by.is_some_and(|earlier| earlier < self.operation),
        };
        if !is_right {
            found.push("`deliveries` does not say of its delivery what the log says".to_owned());
        }
        found
    }
}

fn ended(body: &Body<'_>) -> String {
    joined(&[
        text(body.outcome),
        text(body.error_code),
        text(body.error_info),
        text(body.request_id),
        text(body.duration_ms),
    ])
}

fn is_made_of(mut text: &str, parts: &[&str]) -> bool {
    for part in parts {
        match text.strip_prefix(part) {
            Some(rest) => text = rest,
            None => return false,
        }
    }
    text.is_empty()
}

/// The columns in which the two rows are not the same JSON values.
pub(super) fn different_columns(
    columns: &[&'static str],
    told: &str,
    kept: &str,
) -> Result<Vec<&'static str>, serde_json::Error> {
    let told: Vec<Raw<'_>> = serde_json::from_str(told)?;
    let kept: Vec<Raw<'_>> = serde_json::from_str(kept)?;
    let same = |n: usize| match (told.get(n).copied().flatten(), kept.get(n).copied().flatten()) {
        (None, None) => true,
        (Some(told), Some(kept)) => is_same(told, kept),
        _ => false,
    };
    Ok(columns.iter().enumerate().filter(|(n, _)| !same(*n)).map(|(_, column)| *column).collect())
}

/// Whether two JSON values are the same; mostly they are written alike.
fn is_same(told: &RawValue, kept: &RawValue) -> bool {
    let value = |raw: &RawValue| serde_json::from_str::<serde_json::Value>(raw.get()).ok();
    told.get() == kept.get() || (value(told).is_some() && value(told) == value(kept))
}

pub(super) fn quoted(columns: &[&str]) -> String {
    columns.iter().map(|column| format!("`{column}`")).collect::<Vec<_>>().join(", ")
}

/// What [`super::chunks::callbacks`] puts into a row, in this order; the delivery where the event has it.
pub(super) const CALLBACK: [&str; 7] =
    ["confirms", "delivery_id", "event_at", "received_at", "operator", "original_owner", "signed"];

/// A callback as its event tells it, in the columns of [`CALLBACK`].
pub(super) fn callback(body: &Body<'_>) -> String {
    let flag = |is| if is { "1" } else { "0" };
    let event_at = body
        .event_at
        .and_then(|at| serde_json::from_str(at.get()).ok())
        .map_or_else(|| "null".to_owned(), |at: &str| millis(at));
    let columns = joined(&[
        flag(body.event == "confirmed"),
        text(body.delivery_id),
        &event_at,
        &millis(body.at),
        text(body.operator),
        text(body.original_owner),
        flag(body.signed),
    ]);
    format!("[{columns}]")
}
