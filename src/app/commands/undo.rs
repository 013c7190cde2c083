//! `/room-owner undo`: the caller's last hand-over, and the line that undoes it.

use crate::app::ports::StoreError;
use crate::app::service::CommandService;
use crate::domain::audit::{AuditFilter, OperationId, OperationKind, OutcomeKind};
use crate::domain::command::CommandRequest;
use crate::domain::reply::Reply;

/// How many of the caller's entries are looked through: questions succeed too.
const ENTRIES: u32 = 100;

impl CommandService {
    /// Looks for the caller's last hand-over that was done. It changes nothing.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub(in crate::app) async fn last_hand_over(
        &self,
        operation: OperationId,
        request: &CommandRequest,
    ) -> Result<Reply, StoreError> {
        let filter = AuditFilter {
            actor: Some(request.principal.subject.clone()),
            outcomes: [OutcomeKind::Succeeded].into_iter().collect(),
            kind: Some(OperationKind::Transfer),
            without_readings: true,
            limit: Some(ENTRIES),
            ..AuditFilter::default()
        };
        let entries = self.store().audit(&filter).await?;
        let last = entries.into_iter().find(|entry| entry.room.is_some() && entry.new_owner.is_some());
        Ok(Reply::Last { operation, entry: last.map(Box::new) })
    }
}
