//! What the tables should say of an operation, told by its events.
//!
//! Values stay as they are written: they are mostly the same text as in the row that they are compared with.

use jiff::Timestamp;
use rusqlite::Row;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::row::{self, Column, End};

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

    /// The idempotency key of its request.
    pub(super) fn delivery(&self) -> Option<String> {
        self.delivery_id.and_then(|delivery| serde_json::from_str(delivery.get()).ok())
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

/// An operation, as its events tell it.
pub(super) struct Told {
    /// Where its row does not say what the event says that begins it.
    differs: Vec<&'static str>,
    /// The columns of [`Column::OF_THE_END`], as the events write them; `None` while it is just begun.
    end: Option<[String; Column::OF_THE_END.len()]>,
    is_open: bool,
}

/// What the columns of [`Column::OF_THE_END`] say of an operation that is just begun.
const PENDING: [&str; Column::OF_THE_END.len()] = ["null", "\"pending\"", "null", "null", "null", "null"];

/// A value as it is written, null where there is none.
fn text<'a>(raw: Raw<'a>) -> &'a str {
    raw.map_or("null", RawValue::get)
}

fn millis(at: &str) -> String {
    at.parse::<Timestamp>().map_or_else(|_| "null".to_owned(), |at| at.as_millisecond().to_string())
}

impl Told {
    /// By an event that says [letter for letter](super::letters::Begun::Open) what the row says.
    pub(super) fn pending() -> Self {
        Self { differs: Vec::new(), end: None, is_open: true }
    }

    /// By the event that begins it, beside its row.
    pub(super) fn begun(body: &Body<'_>, row: &Row<'_>) -> rusqlite::Result<Self> {
        let at = millis(body.at);
        let mut differs = Vec::new();
        for (column, told) in [
            (Column::At, at.as_str()),
            (Column::Actor, text(body.actor)),
            (Column::ActorName, text(body.actor_name)),
            (Column::Channel, text(body.channel)),
            (Column::Command, text(body.command)),
            (Column::Room, text(body.room)),
            (Column::NewOwner, text(body.new_owner)),
            (Column::Reason, text(body.reason)),
            (Column::Decision, text(body.decision)),
            (Column::Authority, text(body.authority)),
            (Column::DeliveryId, text(body.delivery_id)),
            (Column::Reading, if body.reading { "1" } else { "0" }),
        ] {
            if !is_same(told, &row::json(column.of(row)?)) {
                differs.push(column.name());
            }
        }
        Ok(Self { differs, end: Some(end(body)), is_open: body.leaves_open() })
    }

    /// Whether the row says of what was asked and decided what its event says.
    pub(super) fn is_as_its_row(&self) -> bool {
        self.differs.is_empty()
    }

    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Takes in an event that goes on with it.
    pub(super) fn goes_on(&mut self, body: &Body<'_>) {
        let told = end(body);
        if body.event == "ended" {
            self.end = Some(told);
            self.is_open = body.leaves_open();
        } else {
            let so_far = self.end.get_or_insert_with(|| PENDING.map(str::to_owned));
            let [previous_owner, ..] = told;
            so_far[0] = previous_owner;
        }
    }

    /// The columns of the row that say otherwise.
    pub(super) fn differences(&self, row: &End) -> Vec<&'static str> {
        let mut differs = self.differs.clone();
        let told = self.end.as_ref().map_or(PENDING, |end| end.each_ref().map(String::as_str));
        for ((column, told), kept) in Column::OF_THE_END.into_iter().zip(told).zip(row.values()) {
            if !is_same(told, kept) {
                differs.push(column.name());
            }
        }
        if row.is_open != i64::from(self.is_open) {
            differs.push(Column::IsOpen.name());
        }
        // Compared with the room of its own row, which is another if that or the new owner was altered.
        let is_its_room = || {
            row.holds_its_room
                || [Column::Room, Column::NewOwner].iter().any(|column| differs.contains(&column.name()))
        };
        if !(if self.is_open { is_its_room() } else { row.holds_none }) {
            differs.push(Column::HeldRoom.name());
        }
        differs
    }
}

fn end(body: &Body<'_>) -> [String; Column::OF_THE_END.len()] {
    let columns = [
        body.previous_owner,
        body.outcome,
        body.error_code,
        body.error_info,
        body.request_id,
        body.duration_ms,
    ];
    columns.map(|column| text(column).to_owned())
}

/// Whether two JSON values are the same; mostly they are written alike.
fn is_same(told: &str, kept: &str) -> bool {
    let value = |json| serde_json::from_str::<serde_json::Value>(json).ok();
    told == kept || value(told).is_some_and(|told| Some(told) == value(kept))
}

pub(super) fn quoted(columns: &[&str]) -> String {
    columns.iter().map(|column| format!("`{column}`")).collect::<Vec<_>>().join(", ")
}

/// What [`super::chunks::callbacks`] puts into a row, in this order; the delivery where the event has it.
pub(super) const CALLBACK: [&str; 7] =
    ["confirms", "delivery_id", "event_at", "received_at", "operator", "original_owner", "signed"];

/// A callback as its event tells it, in the columns of [`CALLBACK`].
pub(super) fn callback(body: &Body<'_>) -> [String; CALLBACK.len()] {
    let flag = |is| if is { "1" } else { "0" }.to_owned();
    let event_at = body.event_at.and_then(|at| serde_json::from_str(at.get()).ok());
    [
        flag(body.event == "confirmed"),
        text(body.delivery_id).to_owned(),
        event_at.map_or_else(|| "null".to_owned(), millis),
        millis(body.at),
        text(body.operator).to_owned(),
        text(body.original_owner).to_owned(),
        flag(body.signed),
    ]
}

/// The columns in which the row of a callback says otherwise.
pub(super) fn different_callback(
    told: &[String; CALLBACK.len()],
    kept: &[String; CALLBACK.len()],
) -> Vec<&'static str> {
    let columns = CALLBACK.into_iter().zip(told.iter().zip(kept));
    columns.filter(|(_, (told, kept))| !is_same(told, kept)).map(|(column, _)| column).collect()
}
