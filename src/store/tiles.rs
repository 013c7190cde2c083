//! The tree's table: written by every commit that appends to the log, read for heads and proofs.

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::app::ports::StoreError;
use crate::domain::tree_head::TreeHead;
use crate::merkle::proof::{self, InclusionProof};
use crate::merkle::{Checkpoint, Frontier, Hash, SigningKey, TILE_HEIGHT, TILE_WIDTH, Tile, root};

use super::projections::change_one;

/// The hashes of a tile; `None` if there is no such tile.
pub(super) fn tile(connection: &Connection, level: u8, n: u64) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT hashes FROM tree_tiles WHERE level = ? AND n = ?";
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_row(params![level, n.cast_signed()], |row| row.get(0)).optional()?)
}

/// The right edge of the tree over the first `size` events.
pub(super) fn frontier(connection: &Connection, size: u64) -> Result<Frontier, StoreError> {
    let read = |level, n| tile(connection, level, n).ok().flatten();
    Frontier::from_tiles(size, read).ok_or_else(|| {
        StoreError("a hash of the signed tree is gone: see `room-owner audit verify`".to_owned())
    })
}

/// Writes what a transaction added to the tree, which had `began` leaves before.
pub(super) fn grow(
    connection: &Connection,
    began: u64,
    frontier: &Frontier,
    filled: &[Tile],
) -> Result<(), StoreError> {
    for tile in filled.iter().cloned().chain(frontier.incomplete()) {
        let before = began >> (TILE_HEIGHT * tile.level);
        if before == frontier.size() >> (TILE_HEIGHT * tile.level) {
            continue;
        }
        let was_begun = before / TILE_WIDTH == tile.n && !before.is_multiple_of(TILE_WIDTH);
        let sql = if was_begun {
            "UPDATE tree_tiles SET hashes = ?3 WHERE level = ?1 AND n = ?2"
        } else {
            "INSERT INTO tree_tiles (level, n, hashes) VALUES (?1, ?2, ?3)"
        };
        change_one(connection, sql, params![tile.level, tile.n.cast_signed(), tile.hashes])?;
    }
    Ok(())
}

/// Signs the head.
pub(super) fn sign(frontier: &Frontier, key: &SigningKey) -> Result<Checkpoint, StoreError> {
    Checkpoint::sign(frontier.head(), key).map_err(|error| StoreError(error.to_string()))
}

/// Signs a tree of no events where there is none yet.
pub(super) fn plant(connection: &Connection, key: &SigningKey) -> Result<(), StoreError> {
    if last_key(connection)?.is_some() {
        return Ok(());
    }
    let checkpoint = sign(&Frontier::default(), key)?;
    change_one(
        connection,
        "INSERT INTO signed_head (one, size, checkpoint, key) VALUES (1, 0, ?, ?)",
        params![checkpoint.as_str(), key.verifier_key().as_str()],
    )
}

/// The public key of whoever signed last; `None` without a tree.
pub(super) fn last_key(connection: &Connection) -> Result<Option<String>, StoreError> {
    Ok(connection.query_row("SELECT key FROM signed_head", [], |row| row.get(0)).optional()?)
}

/// The newest signed head.
pub(super) fn newest(connection: &Connection) -> Result<Checkpoint, StoreError> {
    let text: String = connection.query_row("SELECT checkpoint FROM signed_head", [], |row| row.get(0))?;
    Checkpoint::parse(&text).map_err(|error| StoreError(format!("the newest signed head: {error}")))
}

/// The head that the log had when it was `size` events long.
pub(super) fn head_at(connection: &Connection, size: u64) -> Option<TreeHead> {
    proof::head(size, |level, n| node(connection, level, n))
}

/// The root of the `n`th subtree of 2^level events.
fn node(connection: &Connection, level: u8, n: u64) -> Option<Hash> {
    // Made of the hashes of the tile below it.
    let height = level % TILE_HEIGHT;
    let (first, count) = (n << height, 1_usize << height);
    let hashes = tile(connection, level / TILE_HEIGHT, first / TILE_WIDTH).ok()??;
    let (hashes, _) = hashes.as_chunks::<32>();
    let own = hashes.iter().skip((first % TILE_WIDTH) as usize).take(count).copied().map(Hash);
    (own.len() == count).then(|| root(own))
}

/// The proofs that the events, each with its number, are in the log under the newest head.
pub(super) fn prove(
    connection: &Connection,
    events: Vec<(i64, String)>,
) -> Result<Vec<InclusionProof>, StoreError> {
    let checkpoint = newest(connection)?;
    let mut proofs = Vec::with_capacity(events.len());
    for (seq, leaf) in events {
        let wrong = |why: &dyn std::fmt::Display| {
            StoreError(format!("event {seq} cannot be proved: {why}; see `room-owner audit verify`"))
        };
        let index = u64::try_from(seq - 1).map_err(|error| wrong(&error))?;
        let node = |level, n| node(connection, level, n);
        let proof = InclusionProof::new(leaf, index, node, checkpoint.clone());
        proofs.push(proof.map_err(|error| wrong(&error))?);
    }
    Ok(proofs)
}
