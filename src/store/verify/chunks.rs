//! Long tables, some hundred rows at a time.
//!
//! They are read by `rusqlite`: sqlx hands over each row from a thread of its own, which costs more than the
//! row's hash. The SQLite is the same one. A table without its indexes is read in the order of its row numbers,
//! so nothing has to be sorted first.

use std::fmt::Write as _;
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use crate::store::{BUSY_TIMEOUT, beside};

/// How many rows are read at once, and how many events' heads.
pub(in crate::store) const ROWS: i64 = 512;
/// About as long is an event.
const BODY: usize = 512;

/// Opens the file so that nothing is written, not even beside it.
pub(in crate::store) fn open(database: &Path) -> rusqlite::Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let path = database.to_string_lossy();
    let path = path.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let immutable = if is_alone(database) { "?immutable=1" } else { "" };
    let connection = Connection::open_with_flags(format!("file:{path}{immutable}"), flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON")?;
    Ok(connection)
}

/// Without a write-ahead log there is nobody at the file, and SQLite needs no shared memory.
pub(super) fn is_alone(database: &Path) -> bool {
    let has = |suffix| beside(database, suffix).exists();
    !has("-wal") && !has("-shm")
}

/// A text as it is stored, whoever stored it.
fn text(value: ValueRef<'_>) -> std::borrow::Cow<'_, str> {
    match value {
        // Nearly always it is as it should be, and that is told quickly.
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Into::into)
        }
        ValueRef::Integer(number) => number.to_string().into(),
        ValueRef::Real(number) => number.to_string().into(),
        ValueRef::Null => "".into(),
    }
}

/// An event as it is stored.
#[derive(Clone, Copy)]
pub(in crate::store) struct Event<'a> {
    pub(in crate::store) seq: i64,
    pub(in crate::store) operation: i64,
    pub(in crate::store) body: &'a str,
}

/// Some events in a row.
#[derive(Default)]
pub(in crate::store) struct Events {
    text: String,
    /// The number, the operation, and where the text ends.
    rows: Vec<(i64, i64, usize)>,
}

impl Events {
    pub(in crate::store) fn iter(&self) -> impl Iterator<Item = Event<'_>> {
        let mut from = 0;
        self.rows.iter().filter_map(move |(seq, operation, to)| {
            let body = self.text.get(from..*to)?;
            from = *to;
            Some(Event { seq: *seq, operation: *operation, body })
        })
    }

    /// The number of the last one.
    pub(in crate::store) fn last(&self) -> Option<i64> {
        self.rows.last().map(|(seq, ..)| *seq)
    }

    fn with_capacity() -> Self {
        Self { text: String::with_capacity(ROWS as usize * BODY), rows: Vec::with_capacity(ROWS as usize) }
    }

    pub(in crate::store) fn push(&mut self, seq: i64, operation: i64, body: &str) {
        self.text.push_str(body);
        self.rows.push((seq, operation, self.text.len()));
    }

    /// Without those that lie behind the number.
    pub(in crate::store) fn end_at(&mut self, last: i64) {
        self.rows.retain(|(seq, ..)| *seq <= last);
    }
}

/// The next events after `seq`; none at the end.
pub(in crate::store) fn events(connection: &Connection, seq: i64) -> rusqlite::Result<Events> {
    let mut statement = connection.prepare(
        "SELECT seq, operation, body FROM audit_events NOT INDEXED WHERE seq > ? ORDER BY seq LIMIT ?",
    )?;
    let mut events = Events::with_capacity();
    let mut rows = statement.query([seq, ROWS])?;
    while let Some(row) = rows.next()? {
        events.push(row.get(0)?, row.get(1)?, &text(row.get_ref(2)?));
    }
    Ok(events)
}

/// A commit's share of the tree.
pub(super) struct Head {
    /// How many events the log then had.
    pub(super) size: i64,
    /// How many of them it added.
    pub(super) added: usize,
    /// The signed head, if it was read.
    pub(super) checkpoint: Option<String>,
}

/// Some heads in a row, and the hashes of the events that they added.
#[derive(Default)]
pub(super) struct Heads {
    pub(super) heads: Vec<Head>,
    pub(super) leaves: Vec<[u8; 32]>,
}

/// Which of the signed heads are read with the hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signed {
    Every,
    /// Of those that are read at once.
    Last,
}

/// The next heads after the one at `size`; none at the end.
pub(super) fn heads(connection: &Connection, size: i64, signed: Signed) -> rusqlite::Result<Heads> {
    let mut statement = connection.prepare(
        "SELECT size, leaves, checkpoint FROM tree_heads NOT INDEXED WHERE size > ? ORDER BY size",
    )?;
    let mut rows = statement.query([size])?;
    let mut found = Heads::default();
    let mut last_signed = None;
    while let Some(row) = rows.next()? {
        let head: i64 = row.get(0)?;
        if head > size + ROWS && !found.heads.is_empty() {
            break;
        }
        // What does not make a hash is none: the row was altered then, and the counts tell.
        let (leaves, _) = row.get_ref(1)?.as_bytes().unwrap_or_default().as_chunks::<32>();
        found.leaves.extend_from_slice(leaves);
        let checkpoint = match row.get_ref(2)? {
            ValueRef::Null => None,
            checkpoint if signed == Signed::Every => Some(text(checkpoint).into_owned()),
            _ => {
                last_signed = Some(found.heads.len());
                None
            }
        };
        found.heads.push(Head { size: head, added: leaves.len(), checkpoint });
    }
    if let Some(head) = last_signed.and_then(|last| found.heads.get_mut(last)) {
        let mut statement = connection.prepare("SELECT checkpoint FROM tree_heads WHERE size = ?")?;
        let mut rows = statement.query([head.size])?;
        if let Some(row) = rows.next()? {
            head.checkpoint = Some(text(row.get_ref(0)?).into_owned());
        }
    }
    Ok(found)
}

/// The kept hashes of `count` nodes of a level from number `first` on, one behind the other.
pub(super) fn nodes(connection: &Connection, level: u8, first: i64, count: i64) -> rusqlite::Result<Vec<u8>> {
    let mut statement =
        connection.prepare("SELECT hash FROM tree_nodes WHERE level = ? AND n >= ? AND n < ? ORDER BY n")?;
    let mut rows = statement.query((level, first, first + count))?;
    let mut hashes = Vec::new();
    while let Some(row) = rows.next()? {
        hashes.extend_from_slice(row.get_ref(0)?.as_bytes().unwrap_or_default());
    }
    Ok(hashes)
}

/// Some rows of `operations`.
#[derive(Default)]
pub(super) struct Operations {
    text: String,
    /// The number, the operation that claimed its delivery, and where the text ends.
    rows: Vec<(i64, Option<i64>, usize)>,
}

/// A row of `operations`.
#[derive(Debug, Clone, Copy)]
pub(super) struct OperationRow<'a> {
    pub(super) operation: i64,
    pub(super) claimed_by: Option<i64>,
    /// A JSON array of [`super::told::COLUMNS`].
    pub(super) columns: &'a str,
}

impl Operations {
    pub(super) fn iter(&self) -> impl Iterator<Item = OperationRow<'_>> {
        let mut from = 0;
        self.rows.iter().filter_map(move |(operation, claimed_by, to)| {
            let columns = self.text.get(from..*to)?;
            from = *to;
            Some(OperationRow { operation: *operation, claimed_by: *claimed_by, columns })
        })
    }
}

/// The rows of `operations` whose numbers lie in the range.
pub(super) fn operations(connection: &Connection, first: i64, last: i64) -> rusqlite::Result<Operations> {
    let mut statement = connection.prepare(
        "SELECT told.operation, claim.operation, at, actor, actor_name, channel, command, room, new_owner, reason,
             decision, authority, told.delivery_id, reading, previous_owner, outcome, error_code, error_info, request_id,
             duration_ms, is_open, held_room
         FROM operations AS told NOT INDEXED LEFT JOIN deliveries AS claim ON claim.delivery_id = told.delivery_id
         WHERE told.operation BETWEEN ? AND ? ORDER BY told.operation",
    )?;
    let columns = 2..statement.column_count();
    let mut found = Operations::default();
    let mut rows = statement.query([first, last])?;
    while let Some(row) = rows.next()? {
        for column in columns.clone() {
            found.text.push(if column == columns.start { '[' } else { ',' });
            push_json(&mut found.text, row.get_ref(column)?);
        }
        found.text.push(']');
        found.rows.push((row.get(0)?, row.get(1)?, found.text.len()));
    }
    Ok(found)
}

/// Adds the value as an event writes it.
fn push_json(json: &mut String, value: ValueRef<'_>) {
    match value {
        ValueRef::Null => json.push_str("null"),
        ValueRef::Integer(0) => json.push('0'),
        ValueRef::Integer(1) => json.push('1'),
        ValueRef::Integer(number) => drop(write!(json, "{number}")),
        other => {
            let text = text(other);
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

/// What is kept of a callback.
pub(super) struct Callback {
    pub(super) operation: i64,
    /// A JSON array of [`super::told::CALLBACK`].
    pub(super) columns: String,
    /// Whether room, new owner and, of an observed change, the delivery are those of its operation.
    pub(super) is_of_operation: bool,
}

/// The callbacks of these operations.
pub(super) fn callbacks(connection: &Connection, operations: &[i64]) -> rusqlite::Result<Vec<Callback>> {
    let mut statement = connection.prepare(
        "SELECT told.operation,
             json_array(told.confirms, iif(told.confirms, told.delivery_id, NULL), told.event_at, told.received_at,
                 told.operator, told.original_owner, told.signed),
             told.room IS of.room AND told.new_owner IS of.new_owner
                 AND (told.confirms OR told.delivery_id IS of.delivery_id)
         FROM callbacks AS told LEFT JOIN operations AS of USING (operation)
         WHERE told.operation = ?",
    )?;
    let mut found = Vec::with_capacity(operations.len());
    for operation in operations {
        let rows = statement.query_map([operation], |row| {
            Ok(Callback { operation: row.get(0)?, columns: row.get(1)?, is_of_operation: row.get(2)? })
        })?;
        for callback in rows {
            found.push(callback?);
        }
    }
    Ok(found)
}
