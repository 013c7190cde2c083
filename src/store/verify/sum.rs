//! A sum over pairs, so that two sides can be compared that have them in different orders.

use std::hash::{BuildHasher as _, RandomState};

/// How many pairs of a text and an operation there were, and the sum of their hashes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) count: i64,
    hashes: u64,
}

impl Sum {
    /// Both sides take the same key, which is made up for one check: nobody can prepare pairs that cancel out.
    pub(super) fn add(&mut self, key: &RandomState, text: &[u8], operation: i64) {
        self.count += 1;
        self.hashes = self.hashes.wrapping_add(key.hash_one((text, operation)));
    }
}
