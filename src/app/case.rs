//! Puts a case together: all that the log says about one room in a time.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::owners::{FAR, Within, confirms, owners};
use super::ports::{AuditLog, StoreError};
use crate::domain::audit::{ArchivedIn, AuditFilter, Basis, Event, OperationId};
use crate::domain::case::{Case, CaseOperation, SignedLog};
use crate::domain::reply::OwnerHistory;
use crate::domain::room::RoomId;

/// What belongs to a case, before its events are read.
#[derive(Debug)]
pub struct Chosen {
    room: RoomId,
    since: Option<Timestamp>,
    until: Timestamp,
    made_at: Timestamp,
    owners: OwnerHistory,
    in_time: BTreeSet<OperationId>,
}

/// Finds what belongs to the case of a room: the filter's other fields do not count.
///
/// # Errors
/// When the log cannot be read.
pub async fn choose(
    log: &dyn AuditLog,
    room: &RoomId,
    filter: &AuditFilter,
    now: Timestamp,
) -> Result<Chosen, StoreError> {
    let AuditFilter { since, until, .. } = *filter;
    let within = AuditFilter {
        room: Some(room.clone()),
        since,
        until,
        without_readings: true,
        ..AuditFilter::default()
    };
    let in_time: BTreeSet<OperationId> =
        log.entries(&within).await?.into_iter().map(|entry| entry.operation).collect();
    let back = FAR.saturating_add(u32::try_from(in_time.len()).unwrap_or(u32::MAX));
    let within = Within { since, until, now, most: usize::MAX, back, with_reasons: true };
    let owners = owners(log, room, &within).await?;
    let until = until.filter(|until| *until <= now).unwrap_or(now);
    Ok(Chosen { room: room.clone(), since, until, made_at: now, owners, in_time })
}

impl Chosen {
    /// The operations whose events are needed: those of the time, and those that say who owned the room then.
    pub fn operations(&self) -> BTreeSet<OperationId> {
        let mut operations = self.in_time.clone();
        for span in &self.owners.spans {
            operations.extend(span.found.operation.or(span.found.next_operation));
            operations.extend(span.found.explanation.operations());
        }
        operations
    }

    /// The case, made of the events of its operations, as one signed head covers them; `archived` says where those are
    /// that are not among them.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn with_events(
        mut self,
        log: &dyn AuditLog,
        signed: SignedLog,
        events: Vec<Event>,
        archived: BTreeMap<OperationId, ArchivedIn>,
    ) -> Result<Case, StoreError> {
        let mut of: BTreeMap<OperationId, Vec<Event>> = BTreeMap::new();
        for event in events {
            of.entry(event.operation).or_default().push(event);
        }
        let mut operations: Vec<CaseOperation> = of.into_values().filter_map(CaseOperation::of).collect();
        for (operation, archive) in archived {
            let Some(entry) = log.entry(operation).await? else { continue };
            operations.push(CaseOperation {
                entry,
                events: Vec::new(),
                archived_in: Some(archive),
                is_in_time: true,
            });
        }
        for operation in &mut operations {
            operation.is_in_time = self.in_time.contains(&operation.entry.operation);
        }
        operations.sort_by_key(|operation| (operation.entry.at, operation.entry.operation));
        self.refine(&operations);
        let Self { room, since, until, made_at, owners, .. } = self;
        Ok(Case { room, since, until, made_at, log: signed, owners, operations })
    }

    /// Says of the bot's own changes whether the new owner was read back.
    fn refine(&mut self, operations: &[CaseOperation]) {
        for span in &mut self.owners.spans {
            let made = operations.iter().find(|one| Some(one.entry.operation) == span.found.operation);
            let Some(made) = made.filter(|_| span.found.basis == Some(Basis::Accepted)) else { continue };
            if made.archived_in.is_some() {
                span.found = span.found.clone().with_archived_steps();
            } else if made.events.iter().any(confirms) {
                span.found = span.found.clone().with_confirmation();
            }
        }
    }
}
