//! Many rows by one statement: their texts one behind the other, and how long each is.
//!
//! A table without its indexes is read in the order of its row numbers, so nothing has to be sorted first.

use sqlx::Row as _;
use sqlx::sqlite::SqliteConnection;

use crate::store::rows;

/// Between two rows, and between two columns, where a row is JSON: that holds no control character.
const ROW: char = '\u{1e}';
const COLUMN: char = '\u{1f}';

/// How many rows are read at once, and how many events' heads.
pub(in crate::store) const ROWS: i64 = 512;

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
pub(in crate::store) async fn events(
    connection: &mut SqliteConnection,
    seq: i64,
) -> Result<Events, sqlx::Error> {
    let row = sqlx::query(
        "SELECT coalesce(min(seq), 0), coalesce(max(seq), 0), group_concat(operation),
             group_concat(octet_length(body)), group_concat(body, '')
         FROM audit_events NOT INDEXED WHERE seq > ? AND seq <= ?",
    )
    .bind(seq)
    .bind(seq + ROWS)
    .fetch_one(&mut *connection)
    .await?;
    let (first, last): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
    let [operations, lengths] = [row.try_get::<Option<&str>, _>(2)?, row.try_get::<Option<&str>, _>(3)?];
    if let Some((operations, lengths)) = operations.zip(lengths)
        && let Some(events) = together(first, last, operations, lengths, row.try_get(4)?)
    {
        return Ok(events);
    }
    // The end, a gap, or a text that this program did not write.
    one_by_one(connection, seq).await
}

/// The rows, if they are numbered without gaps and their texts add up.
fn together(first: i64, last: i64, operations: &str, lengths: &str, text: Vec<u8>) -> Option<Events> {
    let text = String::from_utf8(text).ok()?;
    let mut to = 0;
    let mut rows = Vec::with_capacity(usize::try_from(last - first + 1).ok()?.min(ROWS as usize));
    let mut lengths = lengths.split(',');
    for (seq, operation) in (first..).zip(operations.split(',')) {
        to += lengths.next()?.parse::<usize>().ok()?;
        rows.push((seq, operation.parse().ok()?, to));
    }
    let is_whole = rows.last().is_some_and(|(seq, ..)| *seq == last) && lengths.next().is_none();
    let fits = to == text.len() && rows.iter().all(|(.., to)| text.is_char_boundary(*to));
    (is_whole && fits).then_some(Events { text, rows })
}

async fn one_by_one(connection: &mut SqliteConnection, seq: i64) -> Result<Events, sqlx::Error> {
    let rows: Vec<(i64, i64, Vec<u8>)> = sqlx::query_as(
        "SELECT seq, operation, CAST(body AS BLOB) FROM audit_events WHERE seq > ? ORDER BY seq LIMIT ?",
    )
    .bind(seq)
    .bind(ROWS)
    .fetch_all(connection)
    .await?;
    let mut events = Events::default();
    for (seq, operation, body) in rows {
        events.push(seq, operation, &String::from_utf8_lossy(&body));
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
pub(super) async fn heads(
    connection: &mut SqliteConnection,
    size: i64,
    signed: Signed,
) -> Result<Heads, sqlx::Error> {
    let row = sqlx::query(
        "SELECT group_concat(size), group_concat(length(leaves)), group_concat(leaves, ''),
             max(iif(checkpoint IS NULL, NULL, size))
         FROM tree_heads NOT INDEXED
         WHERE size > ?1 AND size <= max(?1 + ?2, (SELECT min(size) FROM tree_heads WHERE size > ?1))",
    )
    .bind(size)
    .bind(ROWS)
    .fetch_one(&mut *connection)
    .await?;
    let [sizes, lengths] = [row.try_get::<Option<&str>, _>(0)?, row.try_get::<Option<&str>, _>(1)?];
    let Some((sizes, lengths)) = sizes.zip(lengths) else { return Ok(Heads::default()) };
    let bytes: Vec<u8> = row.try_get(2)?;
    let newest: Option<i64> = row.try_get(3)?;
    let mut found = together_heads(sizes, lengths, &bytes).ok_or_else(|| broken("tree_heads"))?;
    let first = match signed {
        Signed::Every => Some(size + 1),
        Signed::Last => newest,
    };
    if let Some((first, newest)) = first.zip(newest) {
        let texts: Vec<(i64, String)> = sqlx::query_as(
            "SELECT size, checkpoint FROM tree_heads WHERE size BETWEEN ? AND ? AND checkpoint IS NOT NULL ORDER BY size",
        )
        .bind(first)
        .bind(newest)
        .fetch_all(connection)
        .await?;
        let mut texts = texts.into_iter().peekable();
        for head in &mut found.heads {
            head.checkpoint = texts.next_if(|(size, _)| *size == head.size).map(|(_, text)| text);
        }
    }
    Ok(found)
}

fn together_heads(sizes: &str, lengths: &str, mut bytes: &[u8]) -> Option<Heads> {
    let mut found = Heads::default();
    found.leaves.reserve(bytes.len() / 32);
    let mut lengths = lengths.split(',');
    for size in sizes.split(',') {
        let (own, rest) = bytes.split_at_checked(lengths.next()?.parse().ok()?)?;
        bytes = rest;
        // What does not make a hash is none: the row was altered then, and the counts tell.
        let (leaves, _) = own.as_chunks::<32>();
        found.leaves.extend_from_slice(leaves);
        found.heads.push(Head { size: size.parse().ok()?, added: leaves.len(), checkpoint: None });
    }
    (bytes.is_empty() && lengths.next().is_none()).then_some(found)
}

/// The kept hashes of `count` nodes of a level from number `first` on, one behind the other.
pub(super) async fn nodes(
    connection: &mut SqliteConnection,
    level: u8,
    first: i64,
    count: i64,
) -> Result<Vec<u8>, sqlx::Error> {
    let joined: Option<Vec<u8>> = sqlx::query_scalar(
        "SELECT CAST(group_concat(hash, '') AS BLOB)
         FROM (SELECT hash FROM tree_nodes WHERE level = ? AND n >= ? AND n < ? ORDER BY n)",
    )
    .bind(level)
    .bind(first)
    .bind(first + count)
    .fetch_one(connection)
    .await?;
    Ok(joined.unwrap_or_default())
}

fn broken(table: &str) -> sqlx::Error {
    sqlx::Error::Protocol(format!("a row of `{table}` was altered beyond reading"))
}

/// The rows of `operations` whose numbers lie in the range, each as its number, the operation that claimed
/// its delivery, and a JSON array of [`super::told::COLUMNS`].
pub(in crate::store) async fn operations(
    connection: &mut SqliteConnection,
    first: i64,
    last: i64,
) -> Result<String, sqlx::Error> {
    let joined: Option<String> = sqlx::query_scalar(
        "SELECT group_concat(operation || char(31) ||
             coalesce((SELECT claim.operation FROM deliveries AS claim WHERE claim.delivery_id = told.delivery_id), '')
             || char(31) || json_array(at, actor, actor_name, channel, command, room, new_owner, reason, decision,
             authority, delivery_id, reading, previous_owner, outcome, error_code, error_info, request_id, duration_ms,
             is_open, held_room), char(30))
         FROM operations AS told NOT INDEXED WHERE operation BETWEEN ? AND ?",
    )
    .bind(first)
    .bind(last)
    .fetch_one(connection)
    .await?;
    Ok(joined.unwrap_or_default())
}

/// A row as [`operations`] joined it.
#[derive(Debug, Clone, Copy)]
pub(super) struct OperationRow<'a> {
    pub(super) operation: i64,
    pub(super) claimed_by: Option<i64>,
    pub(super) columns: &'a str,
}

/// The rows that [`operations`] joined, in their order.
pub(super) fn operation_rows(joined: &str) -> Result<Vec<OperationRow<'_>>, sqlx::Error> {
    let row = |row| {
        let mut columns = str::splitn(row, 3, COLUMN);
        let operation = columns.next()?.parse().ok()?;
        let claimed_by = columns.next().filter(|claim| !claim.is_empty()).map(str::parse).transpose().ok()?;
        Some(OperationRow { operation, claimed_by, columns: columns.next()? })
    };
    rows(joined).map(|text| row(text).ok_or_else(|| broken("operations"))).collect()
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
pub(super) async fn callbacks(
    connection: &mut SqliteConnection,
    operations: &[i64],
) -> Result<Vec<Callback>, sqlx::Error> {
    let rows: Vec<(i64, String, bool)> = sqlx::query_as(
        "SELECT told.operation,
             json_array(told.confirms, iif(told.confirms, told.delivery_id, NULL), told.event_at, told.received_at,
                 told.operator, told.original_owner, told.signed),
             told.room IS of.room AND told.new_owner IS of.new_owner
                 AND (told.confirms OR told.delivery_id IS of.delivery_id)
         FROM callbacks AS told LEFT JOIN operations AS of USING (operation)
         WHERE told.operation IN (SELECT value FROM json_each(?))",
    )
    .bind(rows::json(operations)?)
    .fetch_all(connection)
    .await?;
    let row = |(operation, columns, is_of_operation)| Callback { operation, columns, is_of_operation };
    Ok(rows.into_iter().map(row).collect())
}

/// The rows that were joined.
pub(in crate::store) fn rows(joined: &str) -> impl Iterator<Item = &str> {
    // An empty row is one too: a text that ends with the separator must not pass for one without.
    joined.split(ROW).take(if joined.is_empty() { 0 } else { usize::MAX })
}
