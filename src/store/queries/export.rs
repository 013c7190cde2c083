//! Exports, a chunk at a time: each is a question of its own, so that no reader holds up the folding-in of
//! the write-ahead log for as long as an export takes.

use std::collections::BTreeMap;

use sqlx::sqlite::SqlitePool;

use crate::app::ports::{ExportChunk, ExportSpan, StoreError};
use crate::domain::audit::AuditFilter;
use crate::store::log::NOT_ARCHIVED;
use crate::store::rows::{self, BEHIND_ENTRY, ENTRY};

use super::list::{Way, select};

/// How many operations, or events, make a chunk.
const CHUNK: i64 = 4_096;

pub(in crate::store) async fn chunk(pool: &SqlitePool, span: &ExportSpan) -> Result<ExportChunk, StoreError> {
    let filter = AuditFilter { before: None, ..span.filter.clone() };
    let changed_at = "(SELECT event_at FROM callbacks WHERE callbacks.operation = operations.operation)";
    let mut query = select("SELECT", &format!("{ENTRY}, {changed_at}"), &filter, Way::Scan);
    let position = span.position.max(span.since_event.unwrap_or(0));
    let mut window = span.upto_event;
    if span.since_event.is_some() {
        window = window.min(position.saturating_add(CHUNK));
        query
            .push(format!(" AND operation IN (SELECT operation FROM audit_events WHERE {NOT_ARCHIVED} AND seq > "))
            .push_bind(position)
            .push(" AND seq <= ")
            .push_bind(window)
            // An operation comes with its last event, once.
            .push(") AND (SELECT max(seq) FROM audit_events AS own WHERE own.operation = operations.operation AND seq <= ")
            .push_bind(span.upto_event)
            .push(") <= ")
            .push_bind(window)
            .push(" ORDER BY operation");
    } else {
        query
            .push(" AND operation > ")
            .push_bind(position)
            .push(" AND operation <= ")
            .push_bind(window)
            .push(" ORDER BY operation LIMIT ")
            .push_bind(CHUNK);
    }
    let rows = query.build().fetch_all(pool).await?;
    let entries = rows.iter().map(rows::entry).collect::<Result<Vec<_>, _>>()?;
    let next = match span.since_event {
        Some(_) => (window < span.upto_event).then_some(window),
        None if entries.len() < CHUNK as usize => None,
        None => entries.last().map(|entry| entry.operation.seq()),
    };
    let mut changed_at = BTreeMap::new();
    for (entry, row) in entries.iter().zip(&rows) {
        if let Some(at) = rows::optional_time(row, BEHIND_ENTRY)? {
            changed_at.insert(entry.operation, at);
        }
    }
    Ok(ExportChunk { entries, changed_at, next })
}
