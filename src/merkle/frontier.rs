//! The right edge of the tree: all that is needed to append to it.

use tlog_tiles::{EMPTY_HASH, Hash, node_hash};

use crate::domain::tree_head::TreeHead;

/// The height of a tile (c2sp.org/tlog-tiles): it holds 2^8 hashes of one level at the most.
pub const TILE_HEIGHT: u8 = 8;
/// How many hashes a whole tile holds.
pub const TILE_WIDTH: u64 = 1 << TILE_HEIGHT;

/// Some hashes in a row of one level of the tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Tile {
    /// The level: its hashes are the roots of subtrees of 2^(8 * level) leaves.
    pub level: u8,
    /// Its number on that level, from 0.
    pub n: u64,
    /// The hashes, 32 bytes each.
    pub hashes: Vec<u8>,
}

/// The edge of a tree of some size: the roots of the complete subtrees that it falls into, and the last tile of each
/// level as far as it is filled.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Frontier {
    size: u64,
    /// One for each bit that is set in `size`, the largest subtree first.
    peaks: Vec<Hash>,
    /// By level; each holds fewer than [`TILE_WIDTH`] hashes.
    tiles: Vec<Vec<u8>>,
}

impl Frontier {
    /// The frontier of a tree of `size` leaves, from the last tile of each level; `None` if one is missing or does
    /// not fit.
    pub fn from_tiles(size: u64, tile: impl Fn(u8, u64) -> Option<Vec<u8>>) -> Option<Self> {
        let mut this = Self { size, ..Self::default() };
        let mut level = 0;
        while size >> (TILE_HEIGHT * level) > 0 {
            let count = size >> (TILE_HEIGHT * level);
            let width = count % TILE_WIDTH;
            let hashes = if width == 0 { Vec::new() } else { tile(level, count / TILE_WIDTH)? };
            // A tile may have grown since.
            this.tiles.push(hashes.get(..width as usize * 32)?.to_vec());
            level += 1;
        }
        for hashes in this.tiles.iter().rev() {
            let (hashes, _) = hashes.as_chunks::<32>();
            let mut rest = hashes;
            // A complete subtree for each bit, the largest first.
            for bit in (0..TILE_HEIGHT).rev().filter(|bit| hashes.len() >> bit & 1 == 1) {
                let (own, behind) = rest.split_at(1 << bit);
                this.peaks.push(root(own.iter().copied().map(Hash)));
                rest = behind;
            }
        }
        Some(this)
    }

    /// The frontier by the roots of its complete subtrees alone, as [`Self::peaks`] gives them; `None` if there is
    /// not one for each bit of `size`. It leads to heads, not to tiles.
    pub fn from_peaks(size: u64, bytes: &[u8]) -> Option<Self> {
        let (hashes, rest) = bytes.as_chunks::<32>();
        let fits = rest.is_empty() && hashes.len() == size.count_ones() as usize;
        let peaks = hashes.iter().copied().map(Hash).collect();
        fits.then(|| Self { size, peaks, tiles: Vec::new() })
    }

    /// The roots of the complete subtrees, one behind the other, the largest first.
    pub fn peaks(&self) -> Vec<u8> {
        self.peaks.iter().flat_map(|hash| hash.0).collect()
    }

    /// How many leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf by its hash, and shows `completed` each tile that it fills.
    pub fn push(&mut self, leaf: Hash, mut completed: impl FnMut(Tile)) {
        self.keep(0, leaf, &mut completed);
        let (mut root, mut height) = (leaf, 0);
        // Each complete subtree of the same height on the left is joined.
        while (self.size >> height) & 1 == 1
            && let Some(left) = self.peaks.pop()
        {
            root = node_hash(left, root);
            height += 1;
            if height % TILE_HEIGHT == 0 {
                self.keep(height / TILE_HEIGHT, root, &mut completed);
            }
        }
        self.peaks.push(root);
        self.size += 1;
    }

    /// Adds a hash to the last tile of its level. The leaf is not counted yet.
    fn keep(&mut self, level: u8, hash: Hash, completed: &mut impl FnMut(Tile)) {
        let index = usize::from(level);
        if self.tiles.len() <= index {
            self.tiles.resize(index + 1, Vec::new());
        }
        self.tiles[index].extend(hash.0);
        if self.tiles[index].len() as u64 == TILE_WIDTH * 32 {
            let n = self.size >> (TILE_HEIGHT * (level + 1));
            completed(Tile { level, n, hashes: std::mem::take(&mut self.tiles[index]) });
        }
    }

    /// The last tile of each level that is not complete, unless it is empty.
    pub fn incomplete(&self) -> impl Iterator<Item = Tile> {
        let filled = (0..).zip(&self.tiles).filter(|(_, hashes)| !hashes.is_empty());
        filled.map(|(level, hashes)| Tile {
            level,
            n: self.size >> (TILE_HEIGHT * (level + 1)),
            hashes: hashes.clone(),
        })
    }

    /// The head of the tree with these leaves.
    pub fn head(&self) -> TreeHead {
        let root = self.peaks.iter().rev().copied().reduce(|right, left| node_hash(left, right));
        TreeHead { size: self.size, root: root.unwrap_or(EMPTY_HASH).0 }
    }
}

/// The root over some hashes, a power of two of them.
pub fn root(hashes: impl Iterator<Item = Hash>) -> Hash {
    let mut tree = Frontier::default();
    hashes.for_each(|hash| tree.push(hash, drop));
    Hash(tree.head().root)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;
    use tlog_tiles::{Error, HashReader, Tile as Other, record_hash, stored_hashes, tree_hash};

    /// `tlog_tiles`' own way: every hash is kept.
    struct Stored(Vec<Hash>);

    impl HashReader for Stored {
        fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
            Ok(indexes.iter().map(|index| self.0[*index as usize]).collect())
        }
    }

    #[test]
    fn heads_and_tiles_are_those_of_the_standard() {
        let mut frontier = Frontier::default();
        let mut stored = Stored(Vec::new());
        let mut tiles: HashMap<(u8, u64), Vec<u8>> = HashMap::new();
        for n in 0..66_000 {
            let data = format!("event {n}");
            frontier.push(record_hash(data.as_bytes()), |tile| {
                tiles.insert((tile.level, tile.n), tile.hashes);
            });
            let more = stored_hashes(n, data.as_bytes(), &stored).unwrap();
            stored.0.extend(more);
            if n > 600 && n % 4_099 != 0 {
                continue;
            }
            let size = n + 1;
            assert_eq!(
                (frontier.size(), Hash(frontier.head().root)),
                (size, tree_hash(size, &stored).unwrap())
            );
            let mut all = tiles.clone();
            all.extend(frontier.incomplete().map(|tile| ((tile.level, tile.n), tile.hashes)));
            for (level, n) in all.keys() {
                let width = all[&(*level, *n)].len() as u32 / 32;
                let standard = Other::new(TILE_HEIGHT, *level, *n, width, false).read_data(&stored).unwrap();
                assert_eq!(all[&(*level, *n)], standard, "tile {n} of level {level}");
            }
            let read = Frontier::from_tiles(size, |level, n| all.get(&(level, n)).cloned()).unwrap();
            assert_eq!(read.incomplete().collect::<Vec<_>>(), frontier.incomplete().collect::<Vec<_>>());
            assert_eq!((read.head(), read.peaks()), (frontier.head(), frontier.peaks()));
            assert_eq!(Frontier::from_peaks(size, &read.peaks()).unwrap().head(), frontier.head());
        }
    }

    #[test]
    fn a_frontier_that_does_not_fit_its_size_is_none() {
        assert_eq!(Frontier::from_peaks(3, &[0; 32]), None);
        assert_eq!(Frontier::from_peaks(1, &[0; 33]), None);
        assert_eq!(Frontier::from_tiles(3, |_, _| Some(vec![0; 64])), None);
        assert_eq!(Frontier::from_peaks(0, &[]), Some(Frontier::default()));
    }
}
