//! A large log of made-up operations, to measure the questions on.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection as _};

use crate::app::ports::StoreError;
use crate::domain::tree_head::TreeHead;
use crate::tree::{Checkpoint, CheckpointError, Edge, SigningKey, record_hash};

use super::{IfMissing, SqliteStore, failed, key_file, tree};

/// What the made-up log holds, so that it can be asked about.
#[derive(Debug, Clone, Copy)]
pub struct Scratch {
    /// Events.
    pub events: i64,
    /// Operations.
    pub operations: i64,
    /// Rooms are `live-0` to this one, exclusively; the first [`Scratch::HOT`] have a fifth of all operations.
    pub rooms: i64,
    /// Actors are `slack:T1:U0` to this one, exclusively.
    pub actors: i64,
    /// Milliseconds since 1970 of the first operation.
    pub from: i64,
    /// Milliseconds from one operation to the next.
    pub step: i64,
}

impl Scratch {
    /// The busiest rooms.
    pub const HOT: i64 = 50;

    /// The number of the `nth` operation, from 0.
    #[must_use]
    pub fn operation(&self, nth: i64) -> i64 {
        nth / 10 * 19 + nth % 10 * 2 + 1
    }

    /// The RequestId of the `nth` operation, if that has one.
    #[must_use]
    pub fn request_id(&self, nth: i64) -> String {
        let [a, b, c] = mixed(nth);
        format!("Id-{a:08x}{b:08x}{c:08x}-O-Seq-{nth}")
    }
}

/// Three numbers that look like chance, as [`OPERATIONS`] makes them.
fn mixed(i: i64) -> [i64; 3] {
    const PRIME: i64 = 4_294_967_291;
    [
        (i * 2_654_435_761 + 12_345) % PRIME % 1_000_003,
        (i * 40_503 + 977) % PRIME % 999_983,
        (i * 69_069 + 1) % PRIME % 999_979,
    ]
}

/// Makes a database at `file` with the real schema and about so many events: nine in ten operations have
/// two, one has one. Each event has a signed head of its own, as if it had been committed alone. Nothing is
/// synced, and the guards of order are off while it is filled, then put back.
///
/// # Errors
/// When the file cannot be made.
pub async fn fill(file: &Path, events: i64, progress: impl Fn(i64)) -> Result<Scratch, StoreError> {
    let url = format!("sqlite://{}", file.display());
    SqliteStore::open(&url, IfMissing::Create).await?.close().await;
    let blocks = (events / 19).max(1);
    let operations = blocks * 10;
    // Two years, whatever the number.
    let step = (2 * 365 * 86_400_000 / operations).max(1);
    let scratch = Scratch {
        events: blocks * 19,
        operations,
        rooms: 20_000,
        actors: 500,
        from: 1_704_067_200_000,
        step,
    };
    let key =
        key_file::load(file, None)?.ok_or_else(|| StoreError("the new database has no key".to_owned()))?;
    write(file, &scratch, &key, progress).await.map_err(failed("the scratch database cannot be filled"))?;
    // The head beside it.
    SqliteStore::open(&url, IfMissing::Fail).await?.close().await;
    Ok(scratch)
}

async fn write(
    file: &Path,
    scratch: &Scratch,
    key: &SigningKey,
    progress: impl Fn(i64),
) -> Result<(), sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Off)
        .pragma("cache_size", "-400000")
        .pragma("temp_store", "MEMORY");
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let guards = ["audit_events_in_sequence", "operations_never_replaced"];
    let mut put_back = Vec::new();
    for guard in guards {
        let sql: String = sqlx::query_scalar("SELECT sql FROM sqlite_schema WHERE name = ?")
            .bind(guard)
            .fetch_one(&mut connection)
            .await?;
        put_back.push(sql);
        sqlx::raw_sql(AssertSqlSafe(format!("DROP TRIGGER {guard}"))).execute(&mut connection).await?;
    }
    sqlx::raw_sql(WORDS).execute(&mut connection).await?;
    const BATCH: i64 = 50_000;
    let (mut done, mut edge) = (0, Edge::default());
    while done < scratch.operations {
        let until = (done + BATCH).min(scratch.operations);
        for sql in ["BEGIN", OPERATIONS, EVENTS, TEXTS, "COMMIT"] {
            let sql = sql
                .replace(":from", &done.to_string())
                .replace(":until", &until.to_string())
                .replace(":start", &scratch.from.to_string())
                .replace(":step", &scratch.step.to_string());
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
        }
        edge = grow(&mut connection, edge, key).await?;
        done = until;
        progress(done);
    }
    for sql in put_back {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
    }
    sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await?;
    connection.close().await
}

/// Signs a head for each event behind the edge.
async fn grow(
    connection: &mut SqliteConnection,
    mut edge: Edge,
    key: &SigningKey,
) -> Result<Edge, sqlx::Error> {
    let broken = |error: &dyn std::fmt::Display| sqlx::Error::Protocol(error.to_string());
    let bodies: Vec<String> = sqlx::query_scalar("SELECT body FROM audit_events WHERE seq > ? ORDER BY seq")
        .bind(i64::try_from(edge.size()).map_err(|error| broken(&error))?)
        .fetch_all(&mut *connection)
        .await?;
    let (mut heads, mut nodes) = (Vec::with_capacity(bodies.len()), Vec::new());
    for body in bodies {
        let leaf = record_hash(body.as_bytes());
        edge.push(leaf, |level, n, hash| {
            if level % tree::KEPT_LEVELS == 0 {
                nodes.push((level, n as i64, hash));
            }
        });
        heads.push((leaf, edge.head()));
    }
    let sign = |heads: &[(_, TreeHead)]| {
        heads
            .iter()
            .map(|(_, head)| Checkpoint::sign(*head, key))
            .collect::<Result<Vec<_>, CheckpointError>>()
    };
    // The most work of it all: on two cores.
    let (one, other) = heads.split_at(heads.len() / 2);
    let (one, other) = std::thread::scope(|scope| {
        let one = scope.spawn(|| sign(one));
        let other = sign(other);
        (one.join(), other)
    });
    let mut signed = one.map_err(|_| broken(&"a thread that signed"))?.map_err(|error| broken(&error))?;
    signed.extend(other.map_err(|error| broken(&error))?);
    let mut transaction = connection.begin().await?;
    for ((leaf, head), checkpoint) in heads.into_iter().zip(signed) {
        sqlx::query("INSERT INTO tree_heads (size, leaves, checkpoint) VALUES (?, ?, ?)")
            .bind(head.size as i64)
            .bind(leaf.0.to_vec())
            .bind(checkpoint.as_str())
            .execute(&mut *transaction)
            .await?;
    }
    for (level, n, hash) in nodes {
        sqlx::query("INSERT INTO tree_nodes (level, n, hash) VALUES (?, ?, ?)")
            .bind(level)
            .bind(n)
            .bind(hash.0.to_vec())
            .execute(&mut *transaction)
            .await?;
    }
    sqlx::query("UPDATE tree_edge SET size = ?, peaks = ?")
        .bind(edge.size() as i64)
        .bind(edge.to_bytes())
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(edge)
}

const WORDS: &str = "CREATE TEMP TABLE words AS
    SELECT key AS n, value AS word FROM json_each('[\"host\",\"crashed\",\"left\",\"stream\",\"microphone\",
        \"broken\",\"banned\",\"user\",\"policy\",\"violation\",\"power\",\"outage\",\"network\",\"lost\",\"asked\",\"swap\",
        \"shift\",\"night\",\"handover\",\"event\",\"ticket\",\"urgent\",\"late\",\"owner\",\"phone\",\"battery\",\"kicked\",
        \"mistake\",\"requested\",\"support\",\"dropped\",\"rejoin\"]');
    CREATE UNIQUE INDEX temp.words_n ON words (n)";

/// One row an operation, all of it made from its place in the log.
const OPERATIONS: &str = "CREATE TEMP TABLE batch AS
    WITH RECURSIVE n(i) AS (SELECT :from UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :until),
    h(i, a, b, c) AS (SELECT i, (i * 2654435761 + 12345) % 4294967291 % 1000003,
        (i * 40503 + 977) % 4294967291 % 999983, (i * 69069 + 1) % 4294967291 % 999979 FROM n)
    SELECT i / 10 * 19 + i % 10 * 2 + 1 AS operation, :start + i * :step AS at,
        'slack:T1:U' || (a % 500) AS actor, 'user-' || (a % 500) AS actor_name, 'slack:T1:C' || (a % 12) AS channel,
        'live-' || CASE WHEN b % 5 = 0 THEN b / 5 % 50 ELSE b % 20000 END AS room,
        'user' || (c % 100000) AS new_owner,
        'user' || (b % 100000) AS previous_owner,
        (SELECT word FROM words WHERE n = a / 7 % 32) || ' ' || (SELECT word FROM words WHERE n = b / 7 % 32) || ' ' ||
        (SELECT word FROM words WHERE n = c / 7 % 32) || ' #' || (a * 7 + b) AS reason,
        CASE WHEN i % 10 = 9 THEN 'denied' WHEN c % 100 < 88 THEN 'succeeded' WHEN c % 100 < 94 THEN 'refused'
             WHEN c % 100 < 98 THEN 'unchanged' ELSE 'declined' END AS outcome,
        'Id-' || printf('%08x%08x%08x', a, b, c) || '-O-Seq-' || i AS request_id, 80 + c % 400 AS duration
    FROM h;
    INSERT INTO operations (operation, at, actor, actor_name, channel, command, room, new_owner, previous_owner, reason,
        decision, authority, outcome, error_code, error_info, request_id, delivery_id, duration_ms, instance, is_open)
    SELECT operation, at, actor, actor_name, channel, '/room-owner ' || room || ' ' || new_owner || ' reason: ' || reason,
        room, new_owner, iif(outcome = 'denied', NULL, previous_owner), reason, iif(outcome = 'denied', 'deny', 'permit'),
        iif(outcome = 'denied', 'granted for rooms vip-* only', 'grant 3'), outcome, iif(outcome = 'refused', 100004, NULL),
        CASE outcome WHEN 'refused' THEN 'the room does not exist or was dissolved'
                     WHEN 'declined' THEN 'the connection was refused' END,
        iif(outcome IN ('succeeded', 'refused'), request_id, NULL), 'slack:' || operation || '.' || at || '.ab12cd34',
        iif(outcome = 'denied', NULL, duration), '0123456789abcdef', 0
    FROM batch;
    INSERT INTO deliveries (delivery_id, operation)
    SELECT 'slack:' || operation || '.' || at || '.ab12cd34', operation FROM batch";

const EVENTS: &str = "INSERT INTO audit_events (seq, operation, body)
    SELECT seq, operation, body FROM (
        SELECT operation AS seq, operation, json_object('v', 1, 'seq', operation, 'event', 'requested', 'operation',
            CAST(operation AS TEXT), 'at', strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000.0, 'unixepoch'), 'actor', actor,
            'actor_name', actor_name, 'channel', channel, 'command',
            '/room-owner ' || room || ' ' || new_owner || ' reason: ' || reason, 'room', room, 'new_owner', new_owner,
            'previous_owner', NULL, 'reason', reason, 'decision', iif(outcome = 'denied', 'deny', 'permit'), 'authority',
            iif(outcome = 'denied', 'granted for rooms vip-* only', 'grant 3'), 'outcome',
            iif(outcome = 'denied', 'denied', 'pending'), 'error_code', NULL, 'error_info', NULL, 'request_id', NULL,
            'delivery_id', 'slack:' || operation || '.' || at || '.ab12cd34', 'duration_ms', NULL) AS body FROM batch
        UNION ALL
        SELECT operation + 1, operation, json_object('v', 1, 'seq', operation + 1, 'event', 'ended', 'operation',
            CAST(operation AS TEXT), 'at', strftime('%Y-%m-%dT%H:%M:%fZ', (at + duration) / 1000.0, 'unixepoch'), 'outcome',
            outcome, 'confirmed', json('true'), 'previous_owner', previous_owner, 'owner_now', NULL, 'error_code',
            iif(outcome = 'refused', 100004, NULL), 'error_info',
            CASE outcome WHEN 'refused' THEN 'the room does not exist or was dissolved'
                         WHEN 'declined' THEN 'the connection was refused' END,
            'request_id', iif(outcome IN ('succeeded', 'refused'), request_id, NULL), 'duration_ms', duration) FROM batch WHERE outcome <> 'denied'
    ) ORDER BY seq";

const TEXTS: &str = "INSERT INTO operations_text (rowid, found)
    SELECT operation, concat_ws(char(10), '/room-owner ' || room || ' ' || new_owner || ' reason: ' || reason, reason,
        CASE outcome WHEN 'refused' THEN 'the room does not exist or was dissolved'
                     WHEN 'declined' THEN 'the connection was refused' END) FROM batch;
    UPDATE text_index SET upto = (SELECT max(seq) FROM audit_events);
    DROP TABLE batch";
