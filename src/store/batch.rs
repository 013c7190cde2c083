//! What one transaction reads and writes, by as few statements as can be: each call to SQLite costs more
//! than most of its work, so whatever shares a commit shares its statements too.
//!
//! A batch's rows go over as JSON arrays, one for each table. Nothing else is JSON about them: numbers, texts
//! and nulls arrive as what they are.

use std::collections::HashMap;
use std::sync::LazyLock;

use futures_util::TryStreamExt as _;
use serde::Serialize;
use serde::ser::SerializeTuple as _;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{Arguments as _, Either, Executor as _, Row as _, Sqlite};

use crate::domain::audit::{AuditEntry, OperationId, OutcomeKind};
use crate::tree::{Checkpoint, Hash};

use super::foresight::LogEnd;
use super::rows::{self, Open, json};

type Query = sqlx::query::Query<'static, Sqlite, SqliteArguments>;

fn broken(what: impl Into<String>) -> sqlx::Error {
    sqlx::Error::Protocol(what.into())
}

/// What a batch asks about before it decides anything.
#[derive(Default)]
pub(super) struct Questions {
    /// Whether these deliveries were claimed, and by which operations.
    pub(super) deliveries: Vec<String>,
    /// Which transfers hold these rooms.
    pub(super) rooms: Vec<String>,
    /// These operations, as far as they are open.
    pub(super) open: Vec<OperationId>,
}

/// The log's end and the answers to a batch's questions, as of the beginning of its transaction.
pub(super) struct Beginning {
    pub(super) end: LogEnd,
    pub(super) tree_size: i64,
    pub(super) answers: Answers,
}

/// What is not in here is not in the database.
#[derive(Default)]
pub(super) struct Answers {
    pub(super) claimed: HashMap<String, AuditEntry>,
    pub(super) holding: HashMap<String, Open>,
    pub(super) open: HashMap<OperationId, AuditEntry>,
}

const LOG_END: &str = "SELECT (SELECT coalesce(max(seq), 0) FROM audit_events),
    (SELECT version FROM acl_version WHERE one = 1), size, peaks, (SELECT schema_version FROM pragma_schema_version),
    (SELECT upto FROM text_index) FROM tree_edge";
const LOG_END_COLUMNS: usize = 6;

const CLAIMED: i64 = 1;
const HOLDING: i64 = 2;
const OPEN: i64 = 3;

static BEGIN: LazyLock<String> = LazyLock::new(|| format!("BEGIN IMMEDIATE; {LOG_END}"));

static BEGIN_AND_ASK: LazyLock<String> = LazyLock::new(|| {
    let columns: Vec<String> =
        rows::COLUMNS.split(", ").map(|column| format!("operations.{column}")).collect();
    let columns = columns.join(", ");
    // Each is a look at an index for every value, in this order of tables and no other.
    format!(
        "BEGIN IMMEDIATE; {LOG_END};
         SELECT {columns}, operations.instance, {CLAIMED}, asked.value
         FROM json_each(?1) AS asked CROSS JOIN deliveries ON deliveries.delivery_id = asked.value
             CROSS JOIN operations ON operations.operation = deliveries.operation
         UNION ALL
         SELECT {columns}, operations.instance, {HOLDING}, asked.value
         FROM json_each(?2) AS asked CROSS JOIN operations INDEXED BY operations_holding
             ON held_room = asked.value AND held_room IS NOT NULL
         UNION ALL
         SELECT {columns}, operations.instance, {OPEN}, NULL
         FROM json_each(?3) AS asked CROSS JOIN operations ON operations.operation = asked.value
         WHERE is_open = 1"
    )
});
const KIND: usize = 19;
const ASKED: usize = 20;

impl Questions {
    /// Begins a write transaction and asks. The connection is in the transaction afterwards.
    pub(super) async fn ask(&self, connection: &mut SqliteConnection) -> Result<Beginning, sqlx::Error> {
        let query: Query = if self.deliveries.is_empty() && self.rooms.is_empty() && self.open.is_empty() {
            sqlx::query(BEGIN.as_str())
        } else {
            let open: Vec<i64> = self.open.iter().map(|operation| operation.seq()).collect();
            sqlx::query(BEGIN_AND_ASK.as_str())
                .bind(json(&self.deliveries)?)
                .bind(json(&self.rooms)?)
                .bind(json(&open)?)
        };
        let (mut end, mut answers) = (None, Answers::default());
        let mut results = connection.fetch_many(query);
        while let Some(result) = results.try_next().await? {
            let Either::Right(row) = result else { continue };
            if row.len() == LOG_END_COLUMNS {
                end = Some(row);
            } else {
                answers.take(&row)?;
            }
        }
        let end = end.ok_or_else(|| broken("the signed tree of the audit log is gone"))?;
        Ok(Beginning {
            end: LogEnd {
                last_seq: end.try_get(0)?,
                acl_version: end.try_get(1)?,
                peaks: end.try_get(3)?,
                schema_version: end.try_get(4)?,
                indexed_upto: end.try_get(5)?,
            },
            tree_size: end.try_get(2)?,
            answers,
        })
    }
}

impl Answers {
    fn take(&mut self, row: &SqliteRow) -> Result<(), sqlx::Error> {
        match row.try_get::<i64, _>(KIND)? {
            CLAIMED => {
                self.claimed.insert(row.try_get(ASKED)?, rows::entry_in_order(row)?);
            }
            HOLDING => {
                self.holding.insert(row.try_get(ASKED)?, Open::in_order(row)?);
            }
            _ => {
                let entry = rows::entry_in_order(row)?;
                self.open.insert(entry.operation, entry);
            }
        }
        Ok(())
    }
}

/// An operation's row.
pub(super) struct OperationRow {
    pub(super) entry: AuditEntry,
    pub(super) instance: String,
    pub(super) holds_room: bool,
    pub(super) reading: bool,
}

const OPERATION_COLUMNS: usize = 22;

impl Serialize for OperationRow {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entry = &self.entry;
        let room = entry.room.as_ref().map(|room| room.as_str());
        let mut row = serializer.serialize_tuple(OPERATION_COLUMNS)?;
        row.serialize_element(&entry.operation.seq())?;
        row.serialize_element(&entry.at.as_millisecond())?;
        row.serialize_element(&entry.actor.as_ref().map(ToString::to_string))?;
        row.serialize_element(&entry.actor_name)?;
        row.serialize_element(&entry.channel.as_ref().map(ToString::to_string))?;
        row.serialize_element(&entry.command)?;
        row.serialize_element(&room)?;
        row.serialize_element(&entry.new_owner)?;
        row.serialize_element(&entry.previous_owner)?;
        row.serialize_element(&entry.reason)?;
        row.serialize_element(&entry.decision)?;
        row.serialize_element(&entry.authority)?;
        row.serialize_element(entry.outcome.name())?;
        row.serialize_element(&entry.error_code)?;
        row.serialize_element(&entry.error_info)?;
        row.serialize_element(&entry.request_id)?;
        row.serialize_element(&entry.delivery_id)?;
        row.serialize_element(&entry.duration_ms)?;
        row.serialize_element(&self.instance)?;
        row.serialize_element(&(entry.outcome == OutcomeKind::Pending))?;
        row.serialize_element(&room.filter(|_| self.holds_room))?;
        row.serialize_element(&self.reading)?;
        row.end()
    }
}

/// What came of an operation: operation, outcome, previous owner, error code, error info, RequestId,
/// duration, whether it stays open.
pub(super) type End =
    (i64, &'static str, Option<String>, Option<i64>, Option<String>, Option<String>, Option<i64>, bool);

/// The tree after the batch.
pub(super) struct Sealed {
    pub(super) size: i64,
    pub(super) leaves: Vec<u8>,
    pub(super) peaks: Vec<u8>,
    pub(super) key: String,
    pub(super) checkpoint: Checkpoint,
    /// Level, number and hash of the nodes that are kept.
    pub(super) nodes: Vec<(u8, i64, Hash)>,
}

/// The rows that wait to be written.
#[derive(Default)]
pub(super) struct Rows {
    /// Number, operation, body.
    pub(super) events: Vec<(i64, i64, String)>,
    /// Delivery, operation.
    pub(super) claims: Vec<(String, i64)>,
    pub(super) operations: Vec<OperationRow>,
    pub(super) ends: Vec<End>,
    /// Operations that the index of texts has with other words, and the new ones; the latest count.
    pub(super) texts: Vec<(i64, String)>,
}

/// Where a batch's statements failed.
pub(super) enum Failed {
    /// At the beginning of the transaction: nothing was written.
    Beginning(sqlx::Error),
    /// At its rows.
    Rows(sqlx::Error),
    /// At the tree or the commit. After a commit that failed, it may have lasted.
    Commit(sqlx::Error),
}

/// One statement for each kind of row. `jsonb_each` hands each row over as it was parsed, once.
const STATEMENTS: [&str; 5] = [
    "INSERT INTO audit_events (seq, operation, body) SELECT value ->> 0, value ->> 1, value ->> 2 FROM jsonb_each(?)",
    "INSERT INTO deliveries (delivery_id, operation) SELECT value ->> 0, value ->> 1 FROM jsonb_each(?)",
    "INSERT INTO operations (operation, at, actor, actor_name, channel, command, room, new_owner, previous_owner,
         reason, decision, authority, outcome, error_code, error_info, request_id, delivery_id, duration_ms,
         instance, is_open, held_room, reading)
     SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7,
         value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12, value ->> 13, value ->> 14,
         value ->> 15, value ->> 16, value ->> 17, value ->> 18, value ->> 19, value ->> 20, value ->> 21
     FROM jsonb_each(?)",
    "UPDATE operations SET outcome = ended.value ->> 1, previous_owner = ended.value ->> 2,
         error_code = ended.value ->> 3, error_info = ended.value ->> 4, request_id = ended.value ->> 5,
         duration_ms = ended.value ->> 6, is_open = ended.value ->> 7,
         held_room = iif(ended.value ->> 7, held_room, NULL)
     FROM jsonb_each(?) AS ended WHERE operation = ended.value ->> 0",
    "INSERT OR REPLACE INTO operations_text (rowid, found) SELECT value ->> 0, value ->> 1 FROM jsonb_each(?)",
];
/// How many kinds have to change as many rows as they name. The last is served by a virtual table, which
/// counts otherwise.
const COUNTED: usize = 4;

const HEAD: &str = "INSERT INTO tree_heads (size, leaves, checkpoint) VALUES (?, ?, ?);
    UPDATE tree_edge SET size = ?, peaks = ?, key = ? WHERE one = 1";
const NODES: &str = "INSERT INTO tree_nodes (level, n, hash)
    SELECT value ->> 0, value ->> 1, unhex(value ->> 2) FROM jsonb_each(?)";

/// Begins the transaction and compares what was foreseen with what is there. There is no better way to fail in
/// the middle of a script than a text that is no JSON.
const BEGIN_AS_FORESEEN: &str = "BEGIN IMMEDIATE;
    SELECT iif((SELECT coalesce(max(seq), 0) FROM audit_events) = ? AND (SELECT size FROM tree_edge) = ?
        AND (SELECT peaks FROM tree_edge) = ? AND (SELECT upto FROM text_index) = ?
        AND (SELECT version FROM acl_version WHERE one = 1) = ?
        AND (SELECT schema_version FROM pragma_schema_version) = ?, 1, json('not as foreseen'))";
/// How many statements these are.
const BEGINNING: usize = 2;

const KINDS: usize = STATEMENTS.len();
const WITH_HEAD: usize = 1 << KINDS;
const WITH_NODES: usize = 1 << (KINDS + 1);
const WITH_COMMIT: usize = 1 << (KINDS + 2);
const WITH_BEGINNING: usize = 1 << (KINDS + 3);

/// The texts of all combinations: each is prepared once.
static TEXTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    (0..WITH_BEGINNING * 2)
        .map(|mask| {
            let mut parts = Vec::new();
            parts.extend((mask & WITH_BEGINNING != 0).then_some(BEGIN_AS_FORESEEN));
            parts.extend(
                STATEMENTS.iter().enumerate().filter(|(n, _)| mask & (1 << n) != 0).map(|(_, sql)| *sql),
            );
            parts.extend((mask & WITH_HEAD != 0).then_some(HEAD));
            parts.extend((mask & WITH_NODES != 0).then_some(NODES));
            parts.extend((mask & WITH_COMMIT != 0).then_some("COMMIT"));
            parts.join(";\n")
        })
        .collect()
});

impl Rows {
    fn is_empty(&self) -> bool {
        self.events.is_empty()
            && self.claims.is_empty()
            && self.operations.is_empty()
            && self.ends.is_empty()
            && self.texts.is_empty()
    }

    /// Writes the rows into the transaction under way; none are left.
    pub(super) async fn flush(&mut self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        if self.is_empty() {
            return Ok(());
        }
        self.write(connection, 0, None, Vec::new())
            .await
            .map_err(|(Failed::Beginning(error) | Failed::Rows(error) | Failed::Commit(error))| error)
    }

    /// Writes the rows and the tree's new head, and ends the transaction. With what was foreseen, it begins it too,
    /// if that is so.
    pub(super) async fn commit(
        &mut self,
        connection: &mut SqliteConnection,
        foreseen: Option<&LogEnd>,
        sealed: Option<&Sealed>,
    ) -> Result<(), Failed> {
        let mut more = Vec::new();
        let mut mask = WITH_COMMIT;
        if let Some(sealed) = sealed {
            mask |= WITH_HEAD;
            more.push(Bound::Sealed(sealed));
            if !sealed.nodes.is_empty() {
                mask |= WITH_NODES;
                let nodes = sealed.nodes.iter().map(|(level, n, hash)| (level, n, hex::encode(hash.0)));
                let nodes = json(&nodes.collect::<Vec<_>>()).map_err(Failed::Commit)?;
                more.push(Bound::Nodes(nodes));
            }
        }
        self.write(connection, mask, foreseen, more).await
    }

    async fn write(
        &mut self,
        connection: &mut SqliteConnection,
        mut mask: usize,
        foreseen: Option<&LogEnd>,
        more: Vec<Bound<'_>>,
    ) -> Result<(), Failed> {
        let rows = std::mem::take(self);
        let mut expected = Vec::with_capacity(BEGINNING + KINDS);
        let mut arguments = SqliteArguments::default();
        if let Some(end) = foreseen {
            mask |= WITH_BEGINNING;
            expected.extend([None; BEGINNING]);
            let foreseen = [end.last_seq, end.last_seq].map(|size| add(&mut arguments, size));
            let more = add(&mut arguments, end.peaks.clone());
            let last = [end.indexed_upto, end.acl_version, end.schema_version];
            let last = last.map(|value| add(&mut arguments, value));
            foreseen
                .into_iter()
                .chain([more])
                .chain(last)
                .collect::<Result<(), _>>()
                .map_err(Failed::Rows)?;
        }
        let kinds = [
            rows_of(&rows.events),
            rows_of(&rows.claims),
            rows_of(&rows.operations),
            rows_of(&rows.ends),
            rows_of(&rows.texts),
        ];
        for (n, kind) in kinds.into_iter().enumerate() {
            let Some((count, text)) = kind.map_err(Failed::Rows)? else { continue };
            mask |= 1 << n;
            expected.push((n < COUNTED).then_some(count));
            add(&mut arguments, text).map_err(Failed::Rows)?;
        }
        for bound in more {
            bound.add_to(&mut arguments).map_err(Failed::Commit)?;
        }
        let with = |part: usize, statements| if mask & part == 0 { 0 } else { statements };
        let statements = expected.len() + with(WITH_HEAD, 2) + with(WITH_NODES, 1) + with(WITH_COMMIT, 1);
        let mut done = 0;
        let mut results =
            connection.fetch_many(sqlx::query_with::<Sqlite, _>(TEXTS[mask].as_str(), arguments));
        loop {
            let (is_beginning, is_commit) = (foreseen.is_some() && done == 0, done >= expected.len());
            let failed = |error| match (is_beginning, is_commit) {
                (true, _) => Failed::Beginning(error),
                (_, true) => Failed::Commit(error),
                _ => Failed::Rows(error),
            };
            match results.try_next().await.map_err(failed)? {
                Some(Either::Left(result)) => {
                    let count = expected.get(done).copied().flatten();
                    if count.is_some_and(|count| count as u64 != result.rows_affected()) {
                        let error = broken("a record did not find its operation");
                        // With what was foreseen the script goes on to its end, whoever reads of it.
                        return Err(if foreseen.is_some() {
                            Failed::Commit(error)
                        } else {
                            Failed::Rows(error)
                        });
                    }
                    done += 1;
                }
                Some(Either::Right(_)) => {}
                None if done == statements => return Ok(()),
                // Whoever carried it out broke off.
                None => return Err(Failed::Commit(sqlx::Error::WorkerCrashed)),
            }
        }
    }
}

/// Arguments behind those of the rows.
enum Bound<'a> {
    Sealed(&'a Sealed),
    Nodes(String),
}

impl Bound<'_> {
    fn add_to(self, arguments: &mut SqliteArguments) -> Result<(), sqlx::Error> {
        match self {
            Self::Nodes(nodes) => add(arguments, nodes),
            Self::Sealed(sealed) => {
                add(arguments, sealed.size)?;
                add(arguments, sealed.leaves.clone())?;
                add(arguments, sealed.checkpoint.as_str().to_owned())?;
                add(arguments, sealed.size)?;
                add(arguments, sealed.peaks.clone())?;
                add(arguments, sealed.key.clone())
            }
        }
    }
}

fn add<T>(arguments: &mut SqliteArguments, value: T) -> Result<(), sqlx::Error>
where
    T: sqlx::Encode<'static, Sqlite> + sqlx::Type<Sqlite>,
{
    arguments.add(value).map_err(sqlx::Error::Encode)
}

/// How many rows there are, and all of them as one text; `None` without any.
fn rows_of<T: Serialize>(rows: &[T]) -> Result<Option<(usize, String)>, sqlx::Error> {
    if rows.is_empty() {
        return Ok(None);
    }
    Ok(Some((rows.len(), json(&rows)?)))
}
