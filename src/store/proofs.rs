//! Proofs that events are in the log, for somebody who does not have it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use tokio::task::spawn_blocking;

use crate::app::ports::StoreError;
use crate::domain::audit::{ArchivedIn, Event, OperationId};
use crate::domain::case::CaseOperation;
use crate::domain::session::Proof;
use crate::merkle::proof::InclusionProof;
use crate::merkle::{Checkpoint, VerifierKey};

use super::archive_file::{self, Kept};
use super::checkpoint_file;
use super::continuity::check_head_beside;
use super::database::open_to_read;
use super::rows::{Explain as _, UNREADABLE};
use super::tiles;

/// The events of several operations with the proofs that they are in the log, all under one head.
#[derive(Debug)]
pub struct Proved {
    /// The newest signed head.
    pub checkpoint: Checkpoint,
    /// The public key that signed it.
    pub key: VerifierKey,
    /// The events, in their order.
    pub events: Vec<InclusionProof>,
    /// Where the events of the other operations are: in archives that were not given.
    pub archived: BTreeMap<OperationId, ArchivedIn>,
}

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
    let Proved { events, archived, .. } = prove_all(database, BTreeSet::from([operation]), archives).await?;
    match archived.get(&operation) {
        None => Ok(events),
        Some(archive) => Err(not_given(operation, archive)),
    }
}

/// What proves that the operation's events are in the log, under its newest head, checked with its key.
pub(super) async fn checked(database: &Path, operation: OperationId) -> Result<Proof, StoreError> {
    let goes_on = goes_on(database).await?;
    let Proved { checkpoint, key, events, archived } =
        prove_all(database, BTreeSet::from([operation]), &[]).await?;
    if let Some(archive) = archived.get(&operation) {
        return Err(not_given(operation, archive));
    }
    for proof in &events {
        proof.check(&key).explain("the log cannot be trusted as it is: run `room-owner audit verify`")?;
    }
    let made = proofs_make(&events)?;
    let head = checkpoint.head();
    let texts: Vec<String> = events.iter().map(InclusionProof::text).collect();
    Ok(Proof {
        made: made.map(|made| Box::new(made.entry)),
        goes_on,
        events: events.iter().map(|proof| proof.index + 1).collect(),
        size: head.size,
        root: hex::encode(head.root),
        key: key.as_str().to_owned(),
        text: texts.join("\n"),
    })
}

/// The operation that proved events make.
fn proofs_make(events: &[InclusionProof]) -> Result<Option<CaseOperation>, StoreError> {
    let events = events.iter().map(|proof| Event::parse(proof.leaf.as_bytes()));
    Ok(CaseOperation::of(events.collect::<Result<_, _>>().map_err(StoreError)?))
}

/// Checks that the log goes on from the signed head beside the database. `false` if there is none.
async fn goes_on(database: &Path) -> Result<bool, StoreError> {
    let database = database.to_owned();
    let checked = spawn_blocking(move || {
        let log = open_to_read(&database)?;
        check_head_beside(&log.unchecked_transaction()?, &database)?;
        Ok(checkpoint_file::path(&database).exists())
    });
    checked.await.explain("the check broke off")?
}

fn not_given(operation: OperationId, ArchivedIn { first, file }: &ArchivedIn) -> StoreError {
    StoreError(format!(
        "operation {operation} was archived: name the archive that begins with event {first} (`{file}` when it was \
         written) with --archive"
    ))
}

/// The proofs of all events of these operations, as the log stands at one moment. What was archived is read from the
/// archives, as far as they are given. Nothing is written.
///
/// # Errors
/// When the log cannot be read, or an event is not the one that was signed.
pub async fn prove_all(
    database: &Path,
    operations: BTreeSet<OperationId>,
    archives: &[PathBuf],
) -> Result<Proved, StoreError> {
    let (database, archives) = (database.to_owned(), archives.to_owned());
    let proved = spawn_blocking(move || prove_now(&database, &operations, &archives)).await;
    proved.explain("the proof broke off")?
}

fn prove_now(
    database: &Path,
    operations: &BTreeSet<OperationId>,
    archives: &[PathBuf],
) -> Result<Proved, StoreError> {
    let log = open_to_read(database)?;
    log.execute_batch("BEGIN").explain(UNREADABLE)?;
    let kept = archive_file::kept(&log, "main").explain(UNREADABLE)?;
    let mut events = archive_file::events_of(archives, operations)?;
    let given: BTreeSet<i64> = events.iter().map(|(seq, _)| *seq).collect();
    let upto = kept.last().map_or(0, |newest| newest.last);
    let here = "SELECT seq, body FROM audit_events WHERE operation = ? AND seq > ? ORDER BY seq";
    let mut here = log.prepare(here).explain(UNREADABLE)?;
    let mut archived = BTreeMap::new();
    for operation in operations {
        let begins_in = kept.iter().find(|archive| (archive.first..=archive.last).contains(&operation.seq()));
        if let Some(Kept { first, file, .. }) = begins_in.filter(|_| !given.contains(&operation.seq())) {
            archived.insert(*operation, ArchivedIn { first: *first, file: file.clone() });
            continue;
        }
        let rows = here.query_map([operation.seq(), upto], |row| Ok((row.get(0)?, row.get(1)?)))?;
        events.extend(rows.collect::<Result<Vec<(i64, String)>, _>>().explain(UNREADABLE)?);
    }
    events.sort_by_key(|(seq, _)| *seq);
    events.dedup_by_key(|(seq, _)| *seq);
    let key =
        tiles::last_key(&log)?.ok_or_else(|| StoreError("the log has no signed head yet".to_owned()))?;
    let key = VerifierKey::parse(&key).explain(UNREADABLE)?;
    Ok(Proved { checkpoint: tiles::newest(&log)?, key, events: tiles::prove(&log, events)?, archived })
}
