//! The operations that this process is working on; recovery leaves them alone.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::audit::OperationId;

#[derive(Default)]
pub(super) struct InFlight(Mutex<HashSet<OperationId>>);

/// Work on an operation. Once it is dropped, the operation is not in flight any more: recovery resolves work that
/// broke off as if its process had died.
pub(in crate::app) struct InFlightGuard<'a>(&'a InFlight, OperationId);

impl InFlight {
    pub(super) fn begin(&self, operation: OperationId) -> InFlightGuard<'_> {
        self.operations().insert(operation);
        InFlightGuard(self, operation)
    }

    /// Its outcome is recorded, or left to recovery.
    pub(super) fn end(&self, operation: OperationId) {
        self.operations().remove(&operation);
    }

    pub(super) fn contains(&self, operation: OperationId) -> bool {
        self.operations().contains(&operation)
    }

    fn operations(&self) -> MutexGuard<'_, HashSet<OperationId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for InFlightGuard<'_> {
    fn drop(&mut self) {
        self.0.end(self.1);
    }
}
