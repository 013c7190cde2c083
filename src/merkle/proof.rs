//! Proofs that an event is in the log, which a third party checks without the database
//! (c2sp.org/tlog-proof).

use base64::prelude::{BASE64_STANDARD, Engine as _};
use tlog_tiles::{Error, Hash, HashReader, split_stored_hash_index};

use super::{Checkpoint, VerifierKey, record_hash};
use crate::domain::tree_head::TreeHead;

const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// Finds the node of a level and number: the root of the `n`th subtree of 2^level leaves.
struct Nodes<F>(F);

impl<F: Fn(u8, u64) -> Option<Hash>> HashReader for Nodes<F> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        let node = |index: &u64| {
            let (level, n) = split_stored_hash_index(*index);
            (self.0)(level, n).ok_or(Error::IndexesNotInTree)
        };
        indexes.iter().map(node).collect()
    }
}

/// The head of the first `size` leaves, by the nodes of the tree; `None` if one is missing.
pub fn head(size: u64, node: impl Fn(u8, u64) -> Option<Hash>) -> Option<TreeHead> {
    let root = tlog_tiles::tree_hash(size, &Nodes(node)).ok()?;
    Some(TreeHead { size, root: root.0 })
}

/// A proof that an event is in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct InclusionProof {
    /// The event, as it is stored.
    pub leaf: String,
    /// Where it is in the log, from 0: one less than its number.
    pub index: u64,
    hashes: Vec<Hash>,
    /// The head of the tree that holds it.
    pub checkpoint: Checkpoint,
}

/// Why a proof proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// It does not have the form.
    #[error("it is not a proof of `{HEADER}` that holds its event")]
    Malformed,
    /// Its checkpoint is not one.
    // Whoever prints the causes too must not say it twice, so it is none.
    #[error("its checkpoint: {0}")]
    Checkpoint(super::CheckpointError),
    /// The hashes do not lead from the event to the root.
    #[error("the event is not in the log of that checkpoint: one of the two was altered")]
    NotIncluded,
}

impl From<super::CheckpointError> for ProofError {
    fn from(error: super::CheckpointError) -> Self {
        Self::Checkpoint(error)
    }
}

impl InclusionProof {
    /// The proof of the event at `index`, by the nodes of the tree.
    ///
    /// # Errors
    /// When a node is missing or they do not lead to the checkpoint's root.
    pub fn new(
        leaf: String,
        index: u64,
        node: impl Fn(u8, u64) -> Option<Hash>,
        checkpoint: Checkpoint,
    ) -> Result<Self, ProofError> {
        let size = checkpoint.head().size;
        let hashes =
            tlog_tiles::prove_record(size, index, &Nodes(node)).map_err(|_| ProofError::NotIncluded)?;
        let proof = Self { leaf, index, hashes, checkpoint };
        proof.check_path()?;
        Ok(proof)
    }

    fn check_path(&self) -> Result<(), ProofError> {
        let head = self.checkpoint.head();
        let leaf = record_hash(self.leaf.as_bytes());
        tlog_tiles::check_record(&self.hashes, head.size, Hash(head.root), self.index, leaf)
            .map_err(|_| ProofError::NotIncluded)
    }

    /// Checks that `key` signed the checkpoint and that the event is in the log that it is of.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self, key: &VerifierKey) -> Result<(), ProofError> {
        self.checkpoint.check(key)?;
        self.check_path()
    }

    /// The proof as a file; `extra` holds the event.
    pub fn text(&self) -> String {
        let extra = BASE64_STANDARD.encode(&self.leaf);
        let mut text = format!("{HEADER}\nextra {extra}\nindex {}\n", self.index);
        for hash in &self.hashes {
            text.push_str(&format!("{hash}\n"));
        }
        text.push('\n');
        text.push_str(self.checkpoint.as_str());
        text
    }

    /// Reads the proofs of a text, one behind the other; an empty line between them or none. They prove nothing
    /// until they have been checked.
    ///
    /// # Errors
    /// For each, when it is none, or does not hold its event.
    pub fn parse_all(text: &str) -> Vec<Result<Self, ProofError>> {
        let mut starts: Vec<usize> = text
            .match_indices(HEADER)
            .map(|(at, _)| at)
            .filter(|at| *at == 0 || text[..*at].ends_with('\n'))
            .collect();
        // What stands before the first is none either.
        if starts.first() != Some(&0) {
            starts.insert(0, 0);
        }
        let ends = starts.iter().skip(1).copied().chain([text.len()]);
        let parts = starts.iter().zip(ends).map(|(start, end)| &text[*start..end]);
        let last = starts.len() - 1;
        parts
            .enumerate()
            .map(|(n, part)| {
                let between = if n < last && part.ends_with("\n\n") { 1 } else { 0 };
                Self::parse(&part[..part.len() - between])
            })
            .collect()
    }

    /// Reads a proof. It proves nothing until it has been checked.
    ///
    /// # Errors
    /// When it is none, or does not hold its event.
    pub fn parse(text: &str) -> Result<Self, ProofError> {
        let malformed = || ProofError::Malformed;
        let (proof, checkpoint) = text.split_once("\n\n").ok_or_else(malformed)?;
        let mut lines = proof.lines();
        if lines.next() != Some(HEADER) {
            return Err(malformed());
        }
        let extra = lines.next().and_then(|line| line.strip_prefix("extra ")).ok_or_else(malformed)?;
        let leaf = BASE64_STANDARD.decode(extra).map_err(|_| malformed())?;
        let leaf = String::from_utf8(leaf).map_err(|_| malformed())?;
        let index = lines.next().and_then(|line| line.strip_prefix("index ")).ok_or_else(malformed)?;
        let number: u64 = index.parse().map_err(|_| malformed())?;
        if number.to_string() != index {
            return Err(malformed());
        }
        let hashes = lines.map(Hash::parse_hash).collect::<Result<_, _>>().map_err(|_| malformed())?;
        Ok(Self { leaf, index: number, hashes, checkpoint: Checkpoint::parse(checkpoint)? })
    }
}
