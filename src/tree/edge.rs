//! The right edge of the tree: all that is needed to append to it.

use tlog_tiles::{EMPTY_HASH, Hash, node_hash};

use crate::domain::tree_head::TreeHead;

/// The roots of the complete subtrees that a tree of `size` leaves falls into, largest first: one for each
/// bit that is set in `size`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Edge {
    size: u64,
    peaks: Vec<Hash>,
}

impl Edge {
    /// The edge as [`Self::to_bytes`] wrote it; `None` if there is not one hash for each bit of `size`.
    #[must_use]
    pub fn from_bytes(size: u64, bytes: &[u8]) -> Option<Self> {
        let (hashes, rest) = bytes.as_chunks::<32>();
        let fits = rest.is_empty() && hashes.len() == size.count_ones() as usize;
        fits.then(|| Self { size, peaks: hashes.iter().copied().map(Hash).collect() })
    }

    /// The hashes, one behind the other.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.peaks.iter().flat_map(|hash| hash.0).collect()
    }

    /// How many leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf by its hash, and shows `completed` each subtree that it makes complete: its level
    /// (it has 2^level leaves), its number on that level, and its root.
    pub fn push(&mut self, leaf: Hash, mut completed: impl FnMut(u8, u64, Hash)) {
        let mut root = leaf;
        let mut level = 0;
        // Each complete subtree of the same height on the left is joined.
        while (self.size >> level) & 1 == 1
            && let Some(left) = self.peaks.pop()
        {
            root = node_hash(left, root);
            level += 1;
            completed(level, self.size >> level, root);
        }
        self.peaks.push(root);
        self.size += 1;
    }

    /// The head of the tree with these leaves.
    #[must_use]
    pub fn head(&self) -> TreeHead {
        let root = self.peaks.iter().rev().copied().reduce(|right, left| node_hash(left, right));
        TreeHead { size: self.size, root: root.unwrap_or(EMPTY_HASH).0 }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use tlog_tiles::{Error, HashReader, record_hash, stored_hash_index, stored_hashes, tree_hash};

    /// `tlog_tiles`' own way: every hash is kept.
    struct Stored(Vec<Hash>);

    impl HashReader for Stored {
        fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
            Ok(indexes.iter().map(|index| self.0[*index as usize]).collect())
        }
    }

    #[test]
    fn the_edge_alone_leads_to_the_roots_that_all_the_hashes_lead_to() {
        let mut edge = Edge::default();
        let mut stored = Stored(Vec::new());
        let mut completed = HashMap::new();
        for n in 0..600 {
            let data = format!("event {n}");
            edge.push(record_hash(data.as_bytes()), |level, n, hash| {
                completed.insert(stored_hash_index(level, n), hash);
            });
            let more = stored_hashes(n, data.as_bytes(), &stored).unwrap();
            stored.0.extend(more);
            let head = edge.head();
            assert_eq!((head.size, Hash(head.root)), (n + 1, tree_hash(n + 1, &stored).unwrap()));
            assert_eq!(Edge::from_bytes(edge.size(), &edge.to_bytes()), Some(edge.clone()));
        }
        assert_eq!(completed.len(), stored.0.len() - 600, "every inner node is shown once");
        assert!(completed.iter().all(|(index, hash)| stored.0[*index as usize] == *hash));
    }

    #[test]
    fn an_edge_that_does_not_fit_its_size_is_none() {
        assert_eq!(Edge::from_bytes(3, &[0; 32]), None);
        assert_eq!(Edge::from_bytes(1, &[0; 33]), None);
        assert_eq!(Edge::from_bytes(0, &[]), Some(Edge::default()));
    }
}
