//! Group membership, as far as it is known here.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::domain::access::Known;
use crate::domain::principal::Subject;

/// Who is in which group. Decisions ask memory alone: a platform that is slow or down makes nobody wait, and lets
/// nobody in.
#[async_trait]
pub trait Directory: Send + Sync {
    /// What is known now.
    fn known(&self) -> Arc<Known>;

    /// How well the groups that the ACL names are known; `None` if none is looked up.
    fn report(&self) -> Option<DirectoryReport>;

    /// Whether the platform knows the group; `None` if it could not be asked.
    async fn has(&self, _group: &Subject) -> Option<bool> {
        None
    }
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
