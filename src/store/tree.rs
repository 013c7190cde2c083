//! The tree's tables: grown by every commit that appends events, and read for heads and proofs.

use std::collections::HashMap;

use futures_util::TryStreamExt as _;
use sqlx::sqlite::{SqliteConnection, SqlitePool};
use sqlx::{AssertSqlSafe, Row as _};

use crate::app::ports::StoreError;
use crate::domain::audit::OperationId;
use crate::domain::tree_head::TreeHead;
use crate::tree::proof::{self, InclusionProof, Node};
use crate::tree::{Checkpoint, Edge, Hash, SigningKey, record_hash};

use super::archive::NOT_ARCHIVED;
use super::batch::Sealed;
use super::rows::Counted as _;

/// Every so many levels of the tree its nodes are kept.
pub(super) const KEPT_LEVELS: u8 = 8;
/// How many leaves one row takes in when a log from before the tree is taken in.
pub(super) const TAKEN_IN_AT_ONCE: i64 = 256;

/// What a transaction adds to the tree.
pub(super) struct Growth {
    edge: Edge,
    leaves: Vec<u8>,
    nodes: Vec<(u8, u64, Hash)>,
}

fn broken(what: impl Into<String>) -> sqlx::Error {
    sqlx::Error::Protocol(what.into())
}

fn signed(size: u64) -> Result<i64, sqlx::Error> {
    i64::try_from(size).map_err(|_| broken("the audit log is longer than can be counted"))
}

fn sign(head: TreeHead, key: &SigningKey) -> Result<Checkpoint, sqlx::Error> {
    Checkpoint::sign(head, key).map_err(|error| broken(error.to_string()))
}

impl Growth {
    /// Goes on at the tree's edge, `size` and `peaks` of the table; the log has `events` rows.
    pub(super) fn at(size: i64, peaks: &[u8], events: i64) -> Result<Self, sqlx::Error> {
        if size != events {
            return Err(broken(format!(
                "the audit log has {events} events and its signed tree {size}: something else than this \
                 program changed it; find out what with `room-owner audit verify`"
            )));
        }
        let edge = u64::try_from(size).ok().and_then(|size| Edge::from_bytes(size, peaks));
        let edge = edge.ok_or_else(|| {
            broken("the edge of the signed tree was altered: see `room-owner audit verify`")
        })?;
        Ok(Self { edge, leaves: Vec::new(), nodes: Vec::new() })
    }

    /// Adds the event that is appended to the log.
    pub(super) fn add(&mut self, body: &str) {
        let leaf = record_hash(body.as_bytes());
        self.leaves.extend(leaf.0);
        let nodes = &mut self.nodes;
        self.edge.push(leaf, |level, n, hash| {
            if level % KEPT_LEVELS == 0 {
                nodes.push((level, n, hash));
            }
        });
    }

    /// The edge as it is stored.
    pub(super) fn peaks(&self) -> Vec<u8> {
        self.edge.to_bytes()
    }

    /// Signs the head; what the transaction has to write then, or `None` if nothing was added.
    pub(super) fn seal(mut self, key: &SigningKey) -> Result<Option<Sealed>, sqlx::Error> {
        if self.leaves.is_empty() {
            return Ok(None);
        }
        let nodes = self.nodes.drain(..).map(|(level, n, hash)| Ok((level, signed(n)?, hash)));
        Ok(Some(Sealed {
            nodes: nodes.collect::<Result<_, sqlx::Error>>()?,
            size: signed(self.edge.size())?,
            leaves: self.leaves,
            peaks: self.edge.to_bytes(),
            key: key.verifier_key().as_str().to_owned(),
            checkpoint: sign(self.edge.head(), key)?,
        }))
    }

    async fn write(
        &mut self,
        connection: &mut SqliteConnection,
        checkpoint: Option<&Checkpoint>,
    ) -> Result<(), sqlx::Error> {
        sqlx::query("INSERT INTO tree_heads (size, leaves, checkpoint) VALUES (?, ?, ?)")
            .bind(signed(self.edge.size())?)
            .bind(std::mem::take(&mut self.leaves))
            .bind(checkpoint.map(Checkpoint::as_str))
            .changes(1, connection)
            .await?;
        for (level, n, hash) in self.nodes.drain(..) {
            sqlx::query("INSERT INTO tree_nodes (level, n, hash) VALUES (?, ?, ?)")
                .bind(level)
                .bind(signed(n)?)
                .bind(hash.0.to_vec())
                .changes(1, connection)
                .await?;
        }
        Ok(())
    }
}

/// The verifier key of whoever signed last, if the log has a tree.
pub(super) async fn last_key(connection: &mut SqliteConnection) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar("SELECT key FROM tree_edge WHERE one = 1").fetch_optional(connection).await
}

/// Plants the tree where there is none: in a new database, and in one from before the tree, all of whose
/// events it takes in.
pub(super) async fn plant(connection: &mut SqliteConnection, key: &SigningKey) -> Result<(), sqlx::Error> {
    use sqlx::Connection as _;

    if last_key(connection).await?.is_some() {
        return Ok(());
    }
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let (events, rows): (i64, i64) =
        sqlx::query_as("SELECT coalesce(max(seq), 0), count(*) FROM audit_events")
            .fetch_one(&mut *transaction)
            .await?;
    if rows != events {
        return Err(broken(format!(
            "the audit log has {rows} events and its last has the number {events}: some were taken out, so it \
             cannot be signed as if it were whole; restore a backup and find out who did it"
        )));
    }
    let mut growth = Growth::at(0, &[], 0)?;
    while signed(growth.edge.size())? < events {
        let bodies: Vec<String> =
            sqlx::query_scalar("SELECT body FROM audit_events WHERE seq > ? ORDER BY seq LIMIT ?")
                .bind(signed(growth.edge.size())?)
                .bind(TAKEN_IN_AT_ONCE)
                .fetch_all(&mut *transaction)
                .await?;
        bodies.iter().for_each(|body| growth.add(body));
        let head = growth.edge.head();
        let checkpoint = if signed(head.size)? == events { Some(sign(head, key)?) } else { None };
        growth.write(&mut transaction, checkpoint.as_ref()).await?;
    }
    sqlx::query("INSERT INTO tree_edge (one, size, peaks, key) VALUES (1, ?, ?, ?)")
        .bind(signed(growth.edge.size())?)
        .bind(growth.edge.to_bytes())
        .bind(key.verifier_key().as_str())
        .changes(1, &mut transaction)
        .await?;
    transaction.commit().await
}

/// The tree's edge as it stands, and how many events the log has.
pub(super) async fn edge(connection: &mut SqliteConnection) -> Result<Edge, sqlx::Error> {
    let row = sqlx::query(
        "SELECT size, peaks, (SELECT coalesce(max(seq), 0) FROM audit_events) AS events FROM tree_edge",
    )
    .fetch_one(connection)
    .await?;
    let peaks: Vec<u8> = row.try_get("peaks")?;
    Ok(Growth::at(row.try_get("size")?, &peaks, row.try_get("events")?)?.edge)
}

/// The newest signed head; `None` for an empty log.
pub(super) async fn newest(connection: &mut SqliteConnection) -> Result<Option<Checkpoint>, sqlx::Error> {
    let text: Option<String> =
        sqlx::query_scalar("SELECT checkpoint FROM tree_heads ORDER BY size DESC LIMIT 1")
            .fetch_optional(connection)
            .await?
            .flatten();
    text.map(|text| {
        Checkpoint::parse(&text).map_err(|error| broken(format!("the newest signed head: {error}")))
    })
    .transpose()
}

/// The first signed head that covers all that the operation has recorded so far.
pub(super) async fn checkpoint_of(
    pool: &SqlitePool,
    operation: OperationId,
) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar(AssertSqlSafe(format!(
        "SELECT checkpoint FROM tree_heads
         WHERE checkpoint IS NOT NULL
           AND size >= (SELECT coalesce((SELECT max(seq) FROM audit_events WHERE operation = ? AND {NOT_ARCHIVED}),
                                        (SELECT max(last) FROM archives)))
         ORDER BY size LIMIT 1"
    )))
    .bind(operation.seq())
    .fetch_optional(pool)
    .await
}

/// The head that the log had when it was `size` events long, from the kept hashes.
pub(super) async fn head_at(
    connection: &mut SqliteConnection,
    size: u64,
) -> Result<Option<TreeHead>, sqlx::Error> {
    let nodes = nodes(connection, &proof::nodes_of_head(size)).await?;
    Ok(proof::head(size, &nodes))
}

/// The edge that the tree had when it was `size` events long, from the kept hashes.
pub(super) async fn edge_at(connection: &mut SqliteConnection, size: u64) -> Result<Edge, sqlx::Error> {
    let (mut peaks, mut from) = (Vec::new(), 0);
    // A complete subtree for each bit, the largest first.
    for level in (0..u64::BITS as u8).rev().filter(|level| size >> level & 1 == 1) {
        let peak = node(connection, (level, from >> level)).await?;
        peaks.extend(peak.ok_or_else(|| broken("a kept hash of the signed tree is gone"))?.0);
        from += 1 << level;
    }
    Edge::from_bytes(size, &peaks).ok_or_else(|| broken("the kept hashes of the signed tree do not fit"))
}

/// The nodes that are asked for and known.
async fn nodes(
    connection: &mut SqliteConnection,
    wanted: &[Node],
) -> Result<HashMap<Node, Hash>, sqlx::Error> {
    let mut found = HashMap::with_capacity(wanted.len());
    for node in wanted {
        if let Some(hash) = self::node(connection, *node).await? {
            found.insert(*node, hash);
        }
    }
    Ok(found)
}

async fn node(connection: &mut SqliteConnection, (level, n): Node) -> Result<Option<Hash>, sqlx::Error> {
    // Made of the kept hashes on the next lower level that has some.
    let below = level % KEPT_LEVELS;
    let kept = level - below;
    let (first, count) = (signed(n << below)?, 1_i64 << below);
    let hashes: Vec<Hash> = if kept == 0 {
        leaves(connection, first, count).await?
    } else {
        let rows: Vec<Vec<u8>> =
            sqlx::query_scalar("SELECT hash FROM tree_nodes WHERE level = ? AND n >= ? AND n < ? ORDER BY n")
                .bind(kept)
                .bind(first)
                .bind(first + count)
                .fetch_all(connection)
                .await?;
        rows.into_iter().filter_map(|hash| hash.try_into().ok()).map(Hash).collect()
    };
    if hashes.len() as i64 != count {
        return Ok(None);
    }
    let mut subtree = Edge::default();
    hashes.into_iter().for_each(|hash| subtree.push(hash, |_, _, _| {}));
    Ok(Some(Hash(subtree.head().root)))
}

/// The hashes of `count` leaves from `first` on, counted from 0.
async fn leaves(connection: &mut SqliteConnection, first: i64, count: i64) -> Result<Vec<Hash>, sqlx::Error> {
    let mut rows = sqlx::query("SELECT size, leaves FROM tree_heads WHERE size > ? ORDER BY size LIMIT ?")
        .bind(first)
        .bind(count)
        .fetch(connection);
    let mut hashes = Vec::new();
    while let Some(row) = rows.try_next().await?
        && (hashes.len() as i64) < count
    {
        let (size, leaves): (i64, Vec<u8>) = (row.try_get("size")?, row.try_get("leaves")?);
        let (leaves, _) = leaves.as_chunks::<32>();
        let row_first = size - leaves.len() as i64;
        let skipped = usize::try_from((first - row_first).max(0)).unwrap_or(usize::MAX);
        let wanted = usize::try_from(count).unwrap_or_default() - hashes.len();
        hashes.extend(leaves.iter().skip(skipped).take(wanted).copied().map(Hash));
    }
    Ok(hashes)
}

/// The proofs that the events, each with its number, are in the log under the newest head.
pub(super) async fn prove(
    connection: &mut SqliteConnection,
    events: Vec<(i64, String)>,
) -> Result<Vec<InclusionProof>, StoreError> {
    let failed = |error: sqlx::Error| StoreError(format!("the audit log cannot be read: {error}"));
    let mut proofs = Vec::with_capacity(events.len());
    for (seq, leaf) in events {
        let wrong = |why: &dyn std::fmt::Display| {
            StoreError(format!("event {seq} cannot be proved: {why}; see `room-owner audit verify`"))
        };
        let checkpoint = newest(&mut *connection).await.map_err(failed)?;
        let checkpoint = checkpoint.ok_or_else(|| wrong(&"the log has no signed head"))?;
        let index = u64::try_from(seq - 1).map_err(|error| wrong(&error))?;
        let wanted = proof::nodes_of_proof(checkpoint.head().size, index);
        let nodes = nodes(&mut *connection, &wanted).await.map_err(failed)?;
        proofs.push(InclusionProof::new(leaf, index, &nodes, checkpoint).map_err(|error| wrong(&error))?);
    }
    Ok(proofs)
}
