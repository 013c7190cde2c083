//! Group membership, as far as it is known here.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::access::Known;

/// Who is in which group. It answers from memory alone: a platform that is slow or down makes nobody wait, and lets
/// nobody in.
pub trait Directory: Send + Sync {
    /// What is known now.
    fn known(&self) -> Arc<Known>;

    /// How well the groups that the ACL names are known; `None` if none is looked up.
    fn report(&self) -> Option<DirectoryReport>;
}

/// How well the groups that the ACL names are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryReport {
    /// How many groups are looked up.
    pub groups: usize,
    /// How many of them are known and fresh enough to count.
    pub known: usize,
    /// How long ago the least fresh of the known ones was read.
    pub oldest: Option<Duration>,
    /// Why none can be read, or some cannot, and what to do.
    pub problem: Option<String>,
}

/// What is known already: nothing is looked up.
impl Directory for Known {
    fn known(&self) -> Arc<Known> {
        Arc::new(self.clone())
    }

    fn report(&self) -> Option<DirectoryReport> {
        None
    }
}
