//! The Merkle tree over the audit log, and its signed heads. Pure: no database, no file.
//!
//! The hash tree is RFC 6962's. A leaf is the text of one event exactly as it is stored, byte for byte. A
//! signed head is a checkpoint as C2SP describes it (`c2sp.org/tlog-checkpoint`), a proof of inclusion
//! is C2SP's `tlog-proof`. The hashes and proofs are `tlog_tiles`', the signatures `signed_note`'s.

mod checkpoint;
mod frontier;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod key;
pub mod proof;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use frontier::{Frontier, TILE_HEIGHT, TILE_WIDTH, Tile, root};
pub use key::{KeyError, SigningKey, VerifierKey};
pub use tlog_tiles::{Hash, node_hash, record_hash};
