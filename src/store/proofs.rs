//! Proofs that events are in the log, for somebody who does not have it.

use std::path::{Path, PathBuf};

use tokio::task::spawn_blocking;

use crate::app::ports::StoreError;
use crate::domain::audit::OperationId;
use crate::merkle::proof::InclusionProof;

use super::archive_file::{self, Kept};
use super::database::open_to_read;
use super::rows::{Explain as _, UNREADABLE};
use super::tiles;

/// The proofs that the operation's events are in the log in `database`, under its newest head; none if there
/// is no such operation. Events that were archived are read from the archives. Nothing is written.
///
/// # Errors
/// When the log cannot be read, an event is not the one that was signed, or the archive is missing that it is in.
pub async fn prove(
    database: &Path,
    operation: OperationId,
    archives: &[PathBuf],
) -> Result<Vec<InclusionProof>, StoreError> {
    let (database, archives) = (database.to_owned(), archives.to_owned());
    let proved = spawn_blocking(move || prove_now(&database, operation, &archives)).await;
    proved.explain("the proof broke off")?
}

fn prove_now(
    database: &Path,
    operation: OperationId,
    archives: &[PathBuf],
) -> Result<Vec<InclusionProof>, StoreError> {
    let log = open_to_read(database)?;
    log.execute_batch("BEGIN").explain(UNREADABLE)?;
    let kept = archive_file::kept(&log, "main").explain(UNREADABLE)?;
    let mut events = archive_file::events_of(archives, operation)?;
    let begins_in = kept.iter().find(|archive| (archive.first..=archive.last).contains(&operation.seq()));
    if let Some(Kept { first, file, .. }) =
        begins_in.filter(|_| !events.iter().any(|(seq, _)| *seq == operation.seq()))
    {
        return Err(StoreError(format!(
            "operation {operation} was archived: name the archive that begins with event {first} (`{file}` when it \
             was written) with --archive"
        )));
    }
    let archived = kept.last().map_or(0, |newest| newest.last);
    let here = "SELECT seq, body FROM audit_events WHERE operation = ? AND seq > ? ORDER BY seq";
    let mut here = log.prepare(here).explain(UNREADABLE)?;
    let rows = here.query_map([operation.seq(), archived], |row| Ok((row.get(0)?, row.get(1)?)));
    events.extend(rows?.collect::<Result<Vec<(i64, String)>, _>>().explain(UNREADABLE)?);
    events.sort_by_key(|(seq, _)| *seq);
    events.dedup_by_key(|(seq, _)| *seq);
    if events.is_empty() { Ok(Vec::new()) } else { tiles::prove(&log, events) }
}
