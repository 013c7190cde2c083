//! Many rows by one statement, joined by control characters that no text of ours holds.

use sqlx::sqlite::SqliteConnection;

/// Between two rows, and between two columns.
const ROW: char = '\u{1e}';
const COLUMN: char = '\u{1f}';

/// How many rows are read at once.
pub(super) const ROWS: i64 = 512;

/// An event as it is stored.
pub(super) struct Event {
    pub(super) seq: i64,
    pub(super) operation: i64,
    pub(super) body: String,
}

/// The next events after `seq`; none at the end.
pub(super) async fn events(connection: &mut SqliteConnection, seq: i64) -> Result<Vec<Event>, sqlx::Error> {
    let (count, joined): (i64, Option<String>) = sqlx::query_as(
        "SELECT count(*), group_concat(seq || char(31) || operation || char(31) || body, char(30))
         FROM (SELECT seq, operation, body FROM audit_events WHERE seq > ? ORDER BY seq LIMIT ?)",
    )
    .bind(seq)
    .bind(ROWS)
    .fetch_one(&mut *connection)
    .await?;
    let joined = joined.unwrap_or_default();
    let events: Option<Vec<Event>> = rows(&joined).map(event).collect();
    match events {
        Some(events) if events.len() as i64 == count => Ok(events),
        // A text that holds the separator was not written by this program: row by row then.
        _ => one_by_one(connection, seq).await,
    }
}

fn event(row: &str) -> Option<Event> {
    let mut columns = row.splitn(3, COLUMN);
    let mut number = || columns.next()?.parse().ok();
    let (seq, operation) = (number()?, number()?);
    Some(Event { seq, operation, body: columns.next()?.to_owned() })
}

async fn one_by_one(connection: &mut SqliteConnection, seq: i64) -> Result<Vec<Event>, sqlx::Error> {
    let rows: Vec<(i64, i64, Vec<u8>)> = sqlx::query_as(
        "SELECT seq, operation, CAST(body AS BLOB) FROM audit_events WHERE seq > ? ORDER BY seq LIMIT ?",
    )
    .bind(seq)
    .bind(ROWS)
    .fetch_all(connection)
    .await?;
    let event = |(seq, operation, body): (i64, i64, Vec<u8>)| Event {
        seq,
        operation,
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    Ok(rows.into_iter().map(event).collect())
}

/// A commit's share of the tree.
pub(super) struct Head {
    /// How many events the log then had.
    pub(super) size: i64,
    /// The hashes of the events that it added.
    pub(super) leaves: Vec<[u8; 32]>,
    pub(super) checkpoint: Option<String>,
}

/// The next heads after the one at `size`; none at the end.
pub(super) async fn heads(connection: &mut SqliteConnection, size: i64) -> Result<Vec<Head>, sqlx::Error> {
    let joined: Option<String> = sqlx::query_scalar(
        "SELECT group_concat(size || char(31) || hex(leaves) || char(31) || coalesce(checkpoint, ''), char(30))
         FROM (SELECT size, leaves, checkpoint FROM tree_heads WHERE size > ? ORDER BY size LIMIT ?)",
    )
    .bind(size)
    .bind(ROWS)
    .fetch_one(connection)
    .await?;
    let joined = joined.unwrap_or_default();
    rows(&joined).map(|row| head(row).ok_or_else(|| broken("tree_heads"))).collect()
}

fn head(row: &str) -> Option<Head> {
    let mut columns = row.splitn(3, COLUMN);
    let size = columns.next()?.parse().ok()?;
    let leaves = hex::decode(columns.next()?).ok()?;
    let (leaves, _) = leaves.as_chunks::<32>();
    let checkpoint = columns.next().filter(|text| !text.is_empty()).map(str::to_owned);
    Some(Head { size, leaves: leaves.to_vec(), checkpoint })
}

fn broken(table: &str) -> sqlx::Error {
    sqlx::Error::Protocol(format!("a row of `{table}` was altered beyond reading"))
}

/// The rows of `operations` whose numbers lie in the range, each as its number and a JSON array of
/// [`super::replay::COLUMNS`].
pub(super) async fn operations(
    connection: &mut SqliteConnection,
    first: i64,
    last: i64,
) -> Result<Vec<(i64, String)>, sqlx::Error> {
    let joined: Option<String> = sqlx::query_scalar(
        "SELECT group_concat(operation || char(31) || json_array(at, actor, actor_name, channel, command, room,
             new_owner, previous_owner, reason, decision, authority, outcome, error_code, error_info, request_id,
             delivery_id, duration_ms, is_open, held_room,
             (SELECT claim.operation FROM deliveries AS claim WHERE claim.delivery_id = told.delivery_id),
             reading), char(30))
         FROM (SELECT * FROM operations WHERE operation BETWEEN ? AND ? ORDER BY operation) AS told",
    )
    .bind(first)
    .bind(last)
    .fetch_one(connection)
    .await?;
    let joined = joined.unwrap_or_default();
    let row = |row: &str| {
        let (number, columns) = row.split_once(COLUMN)?;
        Some((number.parse().ok()?, columns.to_owned()))
    };
    rows(&joined).map(|text| row(text).ok_or_else(|| broken("operations"))).collect()
}

fn rows(joined: &str) -> impl Iterator<Item = &str> {
    // An empty row is one too: a text that ends with the separator must not pass for one without.
    joined.split(ROW).take(if joined.is_empty() { 0 } else { usize::MAX })
}
