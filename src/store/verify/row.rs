//! The rows of `operations`, one after the other, beside the events that they repeat.

use std::fmt::Write as _;

use rusqlite::fallible_streaming_iterator::FallibleStreamingIterator as _;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, Rows, Statement};

use crate::domain::verification::Report;

use super::chunks::text;

/// What is read of a row, in this order: its number, what the first event says, the owner before as the last
/// one says, what the last end says, and what follows from it.
const COLUMNS: [&str; 21] = [
    "operation",
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

/// A column by its place in [`COLUMNS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    At = 1,
    Actor,
    ActorName,
    Channel,
    Command,
    Room,
    NewOwner,
    Reason,
    Decision,
    Authority,
    DeliveryId,
    Reading,
    PreviousOwner,
    Outcome,
    ErrorCode,
    ErrorInfo,
    RequestId,
    DurationMs,
    IsOpen,
    HeldRoom,
}

impl Column {
    /// What an event behind the first may say otherwise.
    pub(super) const OF_THE_END: [Self; 6] = [
        Self::PreviousOwner,
        Self::Outcome,
        Self::ErrorCode,
        Self::ErrorInfo,
        Self::RequestId,
        Self::DurationMs,
    ];

    pub(super) fn name(self) -> &'static str {
        COLUMNS[self as usize]
    }

    pub(super) fn of<'row>(self, row: &'row Row<'_>) -> rusqlite::Result<ValueRef<'row>> {
        row.get_ref(self as usize)
    }
}

/// All rows behind an operation, in order.
pub(super) fn behind(connection: &Connection) -> rusqlite::Result<Statement<'_>> {
    let columns = COLUMNS.join(", ");
    connection.prepare(&format!(
        "SELECT {columns} FROM operations NOT INDEXED WHERE operation > ? ORDER BY operation"
    ))
}

/// The rows, as far as they are read.
pub(super) struct Operations<'statement> {
    rows: Rows<'statement>,
    /// The number of the row that is read; behind the last one, the highest there is.
    number: i64,
    /// Whether an event begins its operation.
    is_begun: bool,
}

impl<'statement> Operations<'statement> {
    /// Before the first row.
    pub(super) fn new(rows: Rows<'statement>) -> Self {
        Self { rows, number: i64::MIN, is_begun: true }
    }

    /// The row of operation `seq`. There is no event for those before it that have not [begun](Self::begun).
    pub(super) fn at(&mut self, seq: i64, report: &mut Report) -> rusqlite::Result<Option<&Row<'statement>>> {
        while self.number < seq {
            if !self.is_begun {
                report.find(self.number, "`operations` has a row for it, and it begins no operation");
            }
            self.rows.advance()?;
            self.number = self.rows.get().map_or(Ok(i64::MAX), |row| row.get(0))?;
            self.is_begun = false;
        }
        Ok(self.rows.get().filter(|_| self.number == seq))
    }

    /// An event begins the operation of the row that is read.
    pub(super) fn begun(&mut self) {
        self.is_begun = true;
    }

    /// Goes on to the end of the log.
    pub(super) fn end(mut self, last: i64, report: &mut Report) -> rusqlite::Result<()> {
        self.at(last.saturating_add(1), report).map(drop)
    }
}

/// What a row says of the operation's end, kept until an event tells it.
pub(super) struct End {
    /// The columns of [`Column::OF_THE_END`], as an event writes them.
    json: String,
    /// Where each of them ends.
    ends: [usize; Column::OF_THE_END.len()],
    /// 0 or 1, unless somebody altered it.
    pub(super) is_open: i64,
    /// Whether `held_room` is null.
    pub(super) holds_none: bool,
    /// Whether `held_room` is what it is of an open operation: the room that is handed over.
    pub(super) holds_its_room: bool,
}

impl End {
    pub(super) fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        let mut json = String::with_capacity(128);
        let mut ends = [0; Column::OF_THE_END.len()];
        for (end, column) in ends.iter_mut().zip(Column::OF_THE_END) {
            push_json(&mut json, column.of(row)?);
            *end = json.len();
        }
        let held = Column::HeldRoom.of(row)?;
        let is_handed_over = Column::NewOwner.of(row)? != ValueRef::Null;
        let its_room = if is_handed_over { Column::Room.of(row)? } else { ValueRef::Null };
        let is_open = match Column::IsOpen.of(row)? {
            ValueRef::Integer(is_open) => is_open,
            _ => -1,
        };
        Ok(Self { json, ends, is_open, holds_none: held == ValueRef::Null, holds_its_room: held == its_room })
    }

    /// The columns of [`Column::OF_THE_END`].
    pub(super) fn values(&self) -> [&str; Column::OF_THE_END.len()] {
        let mut from = 0;
        self.ends.map(|to| &self.json[std::mem::replace(&mut from, to)..to])
    }
}

/// The value as an event writes it.
pub(super) fn json(value: ValueRef<'_>) -> String {
    let mut json = String::new();
    push_json(&mut json, value);
    json
}

fn push_json(json: &mut String, value: ValueRef<'_>) {
    match value {
        ValueRef::Null => json.push_str("null"),
        ValueRef::Integer(number) => drop(write!(json, "{number}")),
        ValueRef::Real(number) => drop(write!(json, "{number:?}")),
        // No event says that: a text that is none is not found by what looks for the text.
        ValueRef::Blob(_) => json.push_str("x''"),
        ValueRef::Text(_) => {
            let text = text(value);
            let is_odd = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
            if text.bytes().fold(false, |odd, byte| odd | is_odd(byte)) {
                json.push_str(&serde_json::Value::from(&*text).to_string());
            } else {
                json.push('"');
                json.push_str(&text);
                json.push('"');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_stands_where_its_name_does() {
        assert_eq!(Column::At.name(), "at");
        assert_eq!(Column::Reading.name(), "reading");
        assert_eq!(Column::HeldRoom.name(), "held_room");
        let names = Column::OF_THE_END.map(Column::name);
        assert_eq!(names.join(" "), "previous_owner outcome error_code error_info request_id duration_ms");
    }
}
