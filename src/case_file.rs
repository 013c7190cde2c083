//! The files of a case: what `audit case` writes into a folder, and what the console hands out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::app::case::choose;
use crate::app::console::{CaseOf, Cases};
use crate::app::ports::{AuditLog, Store as _, StoreError};
use crate::cli::audit::case::rows;
use crate::domain::audit::{AuditEntry, AuditFilter, Event};
use crate::domain::case::{Case, CaseOperation, SignedLog};
use crate::domain::language::Language;
use crate::domain::room::RoomId;
use crate::merkle::proof::InclusionProof;
use crate::page::{self, files};
use crate::store::SqliteStore;
use crate::store::proofs::{Proved, prove_all};

/// What a case is about, and how it is written.
pub struct Wanted<'a> {
    /// The room.
    pub room: &'a RoomId,
    /// The time; the other fields do not count.
    pub filter: &'a AuditFilter,
    /// The language of the page.
    pub language: Language,
    /// The zone of times beside those in UTC.
    pub zone: Option<&'a TimeZone>,
    /// Archives that hold events of the room.
    pub archives: &'a [PathBuf],
}

/// A case.
pub struct Made {
    /// Its files and what is in them, the page last.
    pub files: Vec<(&'static str, Vec<u8>)>,
    /// How many operations it has.
    pub operations: usize,
    /// How many events are proved.
    pub events: usize,
    /// How many operations are not.
    pub unproved: usize,
}

/// Puts a case together from a log and the database that holds it.
///
/// # Errors
/// When the log cannot be read, or an event is not the one that was signed.
pub async fn make(
    log: &dyn AuditLog,
    database: &Path,
    now: Timestamp,
    wanted: &Wanted<'_>,
) -> anyhow::Result<Made> {
    let chosen = choose(log, wanted.room, wanted.filter, now).await?;
    let proved = prove_all(database, chosen.operations(), wanted.archives).await?;
    let Proved { checkpoint, key, events: proofs, archived } = proved;
    checkpoint.check(&key)?;
    let signed = SignedLog {
        origin: checkpoint.origin().to_owned(),
        head: checkpoint.head(),
        key: key.as_str().to_owned(),
    };
    let events = proofs.iter().map(|proof| Event::parse(proof.leaf.as_bytes()));
    let events = events.collect::<Result<Vec<_>, _>>().map_err(anyhow::Error::msg)?;
    let case = chosen.with_events(log, signed, events, archived).await?;
    Ok(Made {
        files: written(&case, &proofs, checkpoint.as_str(), wanted)?,
        operations: case.operations.len(),
        events: proofs.len(),
        unproved: case.operations.iter().filter(|operation| operation.archived_in.is_some()).count(),
    })
}

fn written(
    case: &Case,
    proofs: &[InclusionProof],
    checkpoint: &str,
    wanted: &Wanted<'_>,
) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
    let words = page::sentences(wanted.language);
    let entries = |is_proved: bool| -> Vec<AuditEntry> {
        let is_it = |one: &&CaseOperation| one.archived_in.is_none() == is_proved;
        case.operations.iter().filter(is_it).map(|one| one.entry.clone()).collect()
    };
    let (jsonl, csv) = rows(&entries(true))?;
    let mut written = vec![(files::JSONL, jsonl), (files::CSV, csv)];
    if !proofs.is_empty() {
        let texts: Vec<String> = proofs.iter().map(InclusionProof::text).collect();
        written.push((files::PROOFS, texts.join("\n").into_bytes()));
    }
    let unproved = entries(false);
    if !unproved.is_empty() {
        written.push((files::UNPROVED, rows(&unproved)?.0));
    }
    written.extend([
        (files::CHECKPOINT, checkpoint.as_bytes().to_vec()),
        (files::KEY, format!("{}\n", case.log.key).into_bytes()),
        (files::VERIFIER, page::VERIFIER.as_bytes().to_vec()),
        (files::VERIFY, page::verify(case, words).into_bytes()),
        (files::PAGE, page::case(case, words, wanted.zone)?.into_bytes()),
    ]);
    Ok(written)
}

/// The cases of a store's own log.
pub struct CasesOf(pub Arc<SqliteStore>);

#[async_trait]
impl Cases for CasesOf {
    async fn files(&self, of: &CaseOf, now: Timestamp) -> Result<Vec<(&'static str, Vec<u8>)>, StoreError> {
        let wanted = Wanted {
            room: &of.room,
            filter: &of.filter,
            language: of.language,
            zone: of.zone.as_ref(),
            archives: &[],
        };
        let made = make(self.0.log(), &self.0.file(), now, &wanted).await;
        Ok(made.map_err(|error| StoreError(format!("{error:#}")))?.files)
    }
}
