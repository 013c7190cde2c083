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
use super::rows::{self, Open, json, other_count};

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
    (SELECT version FROM acl_version WHERE one = 1), size, peaks, (SELECT data_version FROM pragma_data_version),
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
                data_version: end.try_get(4)?,
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

const HEAD: [&str; 2] = [
    "INSERT INTO tree_heads (size, leaves, checkpoint) VALUES (?, ?, ?)",
    "UPDATE tree_edge SET size = ?, peaks = ?, key = ? WHERE one = 1",
];
const NODES: &str = "INSERT INTO tree_nodes (level, n, hash)
    SELECT value ->> 0, value ->> 1, unhex(value ->> 2) FROM jsonb_each(?)";

/// That the statement before it changed as many rows as it should. It is asked in the script, because whoever reads
/// of the count comes too late: the script goes on to its commit. There is no better way to fail in the middle of a
/// script than a text that is no JSON.
const COUNT: &str = "SELECT 1 WHERE iif(changes() = ?, FALSE, json('another count'))";

/// Begins the transaction and compares what was foreseen with what is there.
const BEGIN_AS_FORESEEN: &str = "BEGIN IMMEDIATE;
    SELECT iif((SELECT coalesce(max(seq), 0) FROM audit_events) = ? AND (SELECT size FROM tree_edge) = ?
        AND (SELECT peaks FROM tree_edge) = ? AND (SELECT upto FROM text_index) = ?
        AND (SELECT version FROM acl_version WHERE one = 1) = ?
        AND (SELECT data_version FROM pragma_data_version) = ?, 1, json('not as foreseen'))";
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
            let has = |part: usize| mask & part != 0;
            parts.extend(has(WITH_BEGINNING).then_some(BEGIN_AS_FORESEEN));
            for (n, sql) in STATEMENTS.into_iter().enumerate().filter(|(n, _)| has(1 << n)) {
                parts.push(sql);
                parts.extend((n < COUNTED).then_some(COUNT));
            }
            for sql in HEAD.into_iter().filter(|_| has(WITH_HEAD)) {
                parts.extend([sql, COUNT]);
            }
            parts.extend([NODES, COUNT].into_iter().filter(|_| has(WITH_NODES)));
            parts.extend(has(WITH_COMMIT).then_some("COMMIT"));
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
        self.write(connection, 0, None, None)
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
        self.write(connection, WITH_COMMIT, foreseen, sealed).await
    }

    async fn write(
        &mut self,
        connection: &mut SqliteConnection,
        mask: usize,
        foreseen: Option<&LogEnd>,
        sealed: Option<&Sealed>,
    ) -> Result<(), Failed> {
        let rows = std::mem::take(self);
        let mut script = Script { mask, ..Script::default() };
        if let Some(end) = foreseen {
            script.begin(end).map_err(Failed::Rows)?;
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
            script.rows(n, count, text).map_err(Failed::Rows)?;
        }
        if let Some(sealed) = sealed {
            script.seal(sealed).map_err(Failed::Commit)?;
        }
        if mask & WITH_COMMIT != 0 {
            script.steps.push((Failed::Commit, Does::Change));
        }
        script.run(connection).await
    }
}

/// What a statement of a script does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Does {
    Change,
    /// It looks at how many rows the one before it changed.
    Count,
}

/// Where the batch has failed if a statement does.
type FailedAt = fn(sqlx::Error) -> Failed;

/// One of [`TEXTS`], as it is put together.
#[derive(Default)]
struct Script {
    mask: usize,
    arguments: SqliteArguments,
    /// Its statements.
    steps: Vec<(FailedAt, Does)>,
}

impl Script {
    fn begin(&mut self, end: &LogEnd) -> Result<(), sqlx::Error> {
        self.mask |= WITH_BEGINNING;
        self.steps.extend([(Failed::Beginning as FailedAt, Does::Change), (Failed::Rows, Does::Change)]);
        self.add(end.last_seq)?;
        self.add(end.last_seq)?;
        self.add(end.peaks.clone())?;
        self.add(end.indexed_upto)?;
        self.add(end.acl_version)?;
        self.add(end.data_version)
    }

    fn rows(&mut self, kind: usize, count: usize, text: String) -> Result<(), sqlx::Error> {
        self.mask |= 1 << kind;
        self.add(text)?;
        self.steps.push((Failed::Rows, Does::Change));
        if kind < COUNTED { self.count(count, Failed::Rows) } else { Ok(()) }
    }

    fn seal(&mut self, sealed: &Sealed) -> Result<(), sqlx::Error> {
        self.mask |= WITH_HEAD;
        self.add(sealed.size)?;
        self.add(sealed.leaves.clone())?;
        self.add(sealed.checkpoint.as_str().to_owned())?;
        self.steps.push((Failed::Commit, Does::Change));
        self.count(1, Failed::Commit)?;
        self.add(sealed.size)?;
        self.add(sealed.peaks.clone())?;
        self.add(sealed.key.clone())?;
        self.steps.push((Failed::Commit, Does::Change));
        self.count(1, Failed::Commit)?;
        if sealed.nodes.is_empty() {
            return Ok(());
        }
        self.mask |= WITH_NODES;
        let nodes = sealed.nodes.iter().map(|(level, n, hash)| (level, n, hex::encode(hash.0)));
        self.add(json(&nodes.collect::<Vec<_>>())?)?;
        self.steps.push((Failed::Commit, Does::Change));
        self.count(sealed.nodes.len(), Failed::Commit)
    }

    fn count(&mut self, count: usize, failed: FailedAt) -> Result<(), sqlx::Error> {
        self.steps.push((failed, Does::Count));
        self.add(i64::try_from(count).unwrap_or(i64::MAX))
    }

    fn add<T>(&mut self, value: T) -> Result<(), sqlx::Error>
    where
        T: sqlx::Encode<'static, Sqlite> + sqlx::Type<Sqlite>,
    {
        self.arguments.add(value).map_err(sqlx::Error::Encode)
    }

    async fn run(self, connection: &mut SqliteConnection) -> Result<(), Failed> {
        let Self { mask, arguments, steps } = self;
        let mut steps = steps.into_iter().peekable();
        let mut results =
            connection.fetch_many(sqlx::query_with::<Sqlite, _>(TEXTS[mask].as_str(), arguments));
        loop {
            match (results.try_next().await, steps.peek().copied()) {
                (Ok(Some(Either::Left(_))), _) => drop(steps.next()),
                (Ok(Some(Either::Right(_))), _) => {}
                (Ok(None), None) => return Ok(()),
                // Whoever carried it out broke off.
                (Ok(None), Some(_)) => return Err(Failed::Commit(sqlx::Error::WorkerCrashed)),
                (Err(error), Some((failed, Does::Count))) if error.as_database_error().is_some() => {
                    return Err(failed(other_count()));
                }
                (Err(error), Some((failed, _))) => return Err(failed(error)),
                (Err(error), None) => return Err(Failed::Commit(error)),
            }
        }
    }
}

/// How many rows there are, and all of them as one text; `None` without any.
fn rows_of<T: Serialize>(rows: &[T]) -> Result<Option<(usize, String)>, sqlx::Error> {
    if rows.is_empty() {
        return Ok(None);
    }
    Ok(Some((rows.len(), json(&rows)?)))
}

#[cfg(test)]
mod tests {
    use sqlx::Connection as _;
    use sqlx::migrate::Migrator;

    use super::*;
    use crate::store::{migrations, tree};
    use crate::tree::{Edge, SigningKey};

    /// A trigger of somebody else's that lets nothing through, and says nothing.
    const SILENT: [&str; 7] = [
        "BEFORE INSERT ON audit_events",
        "BEFORE INSERT ON deliveries",
        "BEFORE INSERT ON operations",
        "BEFORE UPDATE ON operations",
        "BEFORE INSERT ON tree_heads",
        "BEFORE UPDATE ON tree_edge",
        "BEFORE INSERT ON tree_nodes",
    ];

    /// The first event, the operation that it begins and ends, and the head over it.
    fn batch(key: &SigningKey) -> (Rows, Sealed) {
        let entry = AuditEntry {
            operation: OperationId::new(1),
            at: jiff::Timestamp::UNIX_EPOCH,
            actor: None,
            actor_name: None,
            channel: None,
            command: "x".to_owned(),
            room: None,
            new_owner: None,
            previous_owner: None,
            reason: None,
            decision: None,
            authority: None,
            outcome: OutcomeKind::Pending,
            error_code: None,
            error_info: None,
            request_id: None,
            delivery_id: Some("d".to_owned()),
            duration_ms: None,
        };
        let rows = Rows {
            events: vec![(1, 1, "{}".to_owned())],
            claims: vec![("d".to_owned(), 1)],
            operations: vec![OperationRow {
                entry,
                instance: String::new(),
                holds_room: false,
                reading: false,
            }],
            ends: vec![(1, "succeeded", None, None, None, None, Some(1), false)],
            texts: Vec::new(),
        };
        let mut edge = Edge::default();
        edge.push(Hash([7; 32]), |_, _, _| {});
        let sealed = Sealed {
            size: 1,
            leaves: vec![7; 32],
            peaks: edge.to_bytes(),
            key: key.verifier_key().to_string(),
            checkpoint: Checkpoint::sign(edge.head(), key).unwrap(),
            nodes: vec![(8, 0, Hash([7; 32]))],
        };
        (rows, sealed)
    }

    async fn in_memory(key: &SigningKey) -> SqliteConnection {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        Migrator::with_migrations(migrations()).run(&mut connection).await.unwrap();
        tree::plant(&mut connection, key).await.unwrap();
        connection
    }

    /// Commits the batch; the error, and how many rows there are then.
    async fn committed(silent: Option<&str>, is_foreseen: bool) -> (Option<String>, i64) {
        let key = SigningKey::parse(&SigningKey::generate()).unwrap();
        let mut connection = in_memory(&key).await;
        let beginning = Questions::default().ask(&mut connection).await.unwrap();
        sqlx::query("ROLLBACK").execute(&mut connection).await.unwrap();
        if let Some(silent) = silent {
            let trigger = format!("CREATE TRIGGER silent {silent} BEGIN SELECT RAISE(IGNORE); END");
            sqlx::raw_sql(sqlx::AssertSqlSafe(trigger)).execute(&mut connection).await.unwrap();
        }
        let (mut rows, sealed) = batch(&key);
        if !is_foreseen {
            sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await.unwrap();
        }
        let end = Some(&beginning.end).filter(|_| is_foreseen);
        let ended = rows.commit(&mut connection, end, Some(&sealed)).await;
        let error =
            ended.err().map(|(Failed::Beginning(e) | Failed::Rows(e) | Failed::Commit(e))| e.to_string());
        // As a connection that is dropped does; without an open transaction there is nothing to roll back.
        let open = sqlx::query("ROLLBACK").execute(&mut connection).await.is_ok();
        assert_eq!(open, error.is_some(), "{silent:?}: {error:?}");
        let rows = sqlx::query_scalar(
            "SELECT (SELECT count(*) FROM audit_events) + (SELECT count(*) FROM deliveries)
                 + (SELECT count(*) FROM operations) + (SELECT count(*) FROM tree_heads)
                 + (SELECT count(*) FROM tree_nodes) + (SELECT size FROM tree_edge)",
        );
        (error, rows.fetch_one(&mut connection).await.unwrap())
    }

    #[tokio::test]
    async fn a_row_that_is_kept_out_rolls_the_rest_back() {
        for is_foreseen in [false, true] {
            assert_eq!(committed(None, is_foreseen).await, (None, 6));
            for silent in SILENT {
                let (error, rows) = committed(Some(silent), is_foreseen).await;
                let error = error.unwrap_or_default();
                assert!(error.contains("keeps a record out"), "{silent} {is_foreseen}: {error}");
                assert_eq!(rows, 0, "{silent} {is_foreseen}");
            }
        }
    }
}
