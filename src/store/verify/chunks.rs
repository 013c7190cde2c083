//! Long tables, some hundred rows at a time.
//!
//! They are read by `rusqlite`: sqlx hands over each row from a thread of its own, which costs more than the
//! row's hash. The SQLite is the same one. A table without its indexes is read in the order of its row numbers,
//! so nothing has to be sorted first.

use std::borrow::Cow;
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use crate::store::{BUSY_TIMEOUT, beside};

use super::row::json;
use super::signers;
use super::told::CALLBACK;

/// How many rows are read at once, and how many events' heads.
pub(in crate::store) const ROWS: i64 = 512;

/// Opens the file so that nothing is written, not even beside it.
pub(in crate::store) fn open(database: &Path) -> rusqlite::Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let path = database.to_string_lossy();
    let path = path.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let immutable = if is_alone(database) { "?immutable=1" } else { "" };
    let connection = Connection::open_with_flags(format!("file:{path}{immutable}"), flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // Most pages are read once: a few of them stay where the processor has them at hand.
    connection
        .execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA cache_size = 64")?;
    Ok(connection)
}

/// Without a write-ahead log there is nobody at the file, and SQLite needs no shared memory.
pub(super) fn is_alone(database: &Path) -> bool {
    let has = |suffix| beside(database, suffix).exists();
    !has("-wal") && !has("-shm")
}

/// A text as it is stored, whoever stored it.
pub(super) fn text(value: ValueRef<'_>) -> Cow<'_, str> {
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

/// An event as it is stored. Its text is what was hashed, whether it is UTF-8 or not.
#[derive(Clone, Copy)]
pub(in crate::store) struct Event<'a> {
    pub(in crate::store) seq: i64,
    pub(in crate::store) operation: i64,
    pub(in crate::store) body: &'a [u8],
}

/// Some events in a row.
#[derive(Default)]
pub(in crate::store) struct Events {
    text: Vec<u8>,
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

    fn clear(&mut self) {
        self.text.clear();
        self.rows.clear();
    }

    pub(in crate::store) fn push(&mut self, seq: i64, operation: i64, body: &[u8]) {
        self.text.extend_from_slice(body);
        self.rows.push((seq, operation, self.text.len()));
    }

    /// Without those that lie behind the number.
    pub(in crate::store) fn end_at(&mut self, last: i64) {
        self.rows.retain(|(seq, ..)| *seq <= last);
    }
}

/// The next events after `seq`; none at the end. They are put in the place of those that are in `events`, whose
/// memory is used again.
pub(in crate::store) fn read_events(
    connection: &Connection,
    seq: i64,
    events: &mut Events,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, operation, body FROM audit_events NOT INDEXED WHERE seq > ? ORDER BY seq LIMIT ?",
    )?;
    events.clear();
    let mut rows = statement.query([seq, ROWS])?;
    while let Some(row) = rows.next()? {
        let body = match row.get_ref(2)? {
            ValueRef::Text(body) | ValueRef::Blob(body) => Cow::Borrowed(body),
            other => Cow::Owned(text(other).into_owned().into_bytes()),
        };
        events.push(row.get(0)?, row.get(1)?, &body);
    }
    Ok(())
}

/// A commit's share of the tree.
pub(super) struct Head {
    /// How many events the log then had.
    pub(super) size: i64,
    /// How many of them it added.
    pub(super) added: usize,
    /// Who signed it, by its place in [`Heads::signers`]; `None` if nobody did.
    pub(super) signer: Option<usize>,
    /// The signed head, if it was read.
    pub(super) checkpoint: Option<String>,
}

/// Some heads in a row, and the hashes of the events that they added.
#[derive(Default)]
pub(super) struct Heads {
    pub(super) heads: Vec<Head>,
    pub(super) leaves: Vec<[u8; 32]>,
    /// Those whom the heads name, each once for heads in a row.
    pub(super) signers: Vec<String>,
}

/// Of which of the signed heads the text is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signed {
    Every,
    /// Of those that are read at once.
    Last,
}

/// The next heads after the one at `size`; none at the end.
pub(super) fn heads(connection: &Connection, size: i64, signed: Signed) -> rusqlite::Result<Heads> {
    let mut statement = connection.prepare_cached(
        "SELECT size, leaves, checkpoint FROM tree_heads NOT INDEXED WHERE size > ? ORDER BY size",
    )?;
    let mut rows = statement.query([size])?;
    let mut found = Heads::default();
    let mut last = None;
    while let Some(row) = rows.next()? {
        let head: i64 = row.get(0)?;
        if head > size + ROWS && !found.heads.is_empty() {
            break;
        }
        // What does not make a hash is none: the row was altered then, and the counts tell.
        let (leaves, _) = row.get_ref(1)?.as_bytes().unwrap_or_default().as_chunks::<32>();
        found.leaves.extend_from_slice(leaves);
        let mut head = Head { size: head, added: leaves.len(), signer: None, checkpoint: None };
        let checkpoint = row.get_ref(2)?;
        if checkpoint != ValueRef::Null {
            let checkpoint = text(checkpoint);
            let signer = signers::named(&checkpoint);
            if found.signers.last().is_none_or(|last| last != signer) {
                found.signers.push(signer.to_owned());
            }
            head.signer = Some(found.signers.len() - 1);
            match signed {
                Signed::Every => head.checkpoint = Some(checkpoint.into_owned()),
                Signed::Last => {
                    let (at, kept) = last.get_or_insert((0, String::new()));
                    *at = found.heads.len();
                    kept.clear();
                    kept.push_str(&checkpoint);
                }
            }
        }
        found.heads.push(head);
    }
    if let Some((at, kept)) = last {
        found.heads[at].checkpoint = Some(kept);
    }
    Ok(found)
}

/// The kept hashes of `count` nodes of a level from number `first` on, one behind the other.
pub(super) fn nodes(connection: &Connection, level: u8, first: i64, count: i64) -> rusqlite::Result<Vec<u8>> {
    let mut statement = connection
        .prepare_cached("SELECT hash FROM tree_nodes WHERE level = ? AND n >= ? AND n < ? ORDER BY n")?;
    let mut rows = statement.query((level, first, first + count))?;
    let mut hashes = Vec::new();
    while let Some(row) = rows.next()? {
        hashes.extend_from_slice(row.get_ref(0)?.as_bytes().unwrap_or_default());
    }
    Ok(hashes)
}

/// What is kept of a callback.
pub(super) struct Callback {
    pub(super) operation: i64,
    /// The columns of [`CALLBACK`], as an event writes them.
    pub(super) columns: [String; CALLBACK.len()],
    /// Whether room, new owner and, of an observed change, the delivery are those of its operation.
    pub(super) is_of_operation: bool,
}

/// The callbacks of these operations.
pub(super) fn callbacks(connection: &Connection, operations: &[i64]) -> rusqlite::Result<Vec<Callback>> {
    let mut statement = connection.prepare_cached(
        "SELECT told.operation,
             told.room IS of.room AND told.new_owner IS of.new_owner
                 AND (told.confirms OR told.delivery_id IS of.delivery_id),
             told.confirms, iif(told.confirms, told.delivery_id, NULL), told.event_at, told.received_at,
             told.operator, told.original_owner, told.signed
         FROM callbacks AS told LEFT JOIN operations AS of USING (operation)
         WHERE told.operation = ?",
    )?;
    let mut found = Vec::with_capacity(operations.len());
    for operation in operations {
        let mut rows = statement.query([operation])?;
        while let Some(row) = rows.next()? {
            let mut columns = CALLBACK.map(|_| String::new());
            for (n, column) in columns.iter_mut().enumerate() {
                *column = json(row.get_ref(n + 2)?);
            }
            found.push(Callback { operation: row.get(0)?, columns, is_of_operation: row.get(1)? });
        }
    }
    Ok(found)
}
