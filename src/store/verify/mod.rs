//! The check of a log against its signed heads, and of the other tables against the log.
//!
//! It trusts nothing in the file: the tree is made again from the rows, and what the tables say is made
//! again from the events. It opens the file for reading alone and changes nothing, beside it neither.
//! Rows are read some hundred at a time, each time by one statement that joins them into one text: a row
//! by itself costs sqlx more than its hash.

mod acl;
pub(super) mod chunks;
mod given;
mod log;
mod replay;
mod schema;
mod told;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use tracing::debug;

use crate::app::ports::StoreError;
use crate::domain::audit::OperationId;
use crate::domain::tree_head::SeenHead;
use crate::domain::verification::Report;
use crate::tree::proof::InclusionProof;
use crate::tree::{Checkpoint, VerifierKey};

use super::archive;
use super::{failed, tree, witness};
use given::Given;
use log::Log;
use replay::Replay;

/// What a log is to be compared with, from outside of its file.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// Signed heads that somebody kept, and where each comes from.
    pub checkpoints: Vec<(String, Checkpoint)>,
    /// Short forms out of replies.
    pub seen: Vec<SeenHead>,
    /// The public keys; with none, the one that the file itself names, which proves little.
    pub keys: Vec<VerifierKey>,
    /// Archives that were taken out of the log.
    pub archives: Vec<PathBuf>,
    /// Whether the root and the signature of every head that the database keeps are checked; else the root
    /// of one in some hundred, and the signature of the newest.
    pub every_head: bool,
}

/// Reads signed heads that were kept in a file.
///
/// # Errors
/// When the file cannot be read or holds none.
pub fn read_checkpoint(file: &Path) -> Result<Checkpoint, StoreError> {
    let wrong = |why: &dyn std::fmt::Display| {
        StoreError(format!("the checkpoint `{}` cannot be used: {why}", file.display()))
    };
    let text = std::fs::read_to_string(file).map_err(|error| wrong(&error))?;
    Checkpoint::parse(&text).map_err(|error| wrong(&error))
}

/// Checks the log in `database`.
///
/// # Errors
/// When the file cannot be read as a database of this program; what is wrong inside is in the report.
pub async fn verify(database: &Path, mut evidence: Evidence) -> Result<Report, StoreError> {
    let mut report = Report::default();
    // Read before the log: a bot that is running adds to both.
    let beside = witness::path(database);
    match witness::read(&beside) {
        Ok(Some(checkpoint)) => evidence.checkpoints.insert(0, (name(&beside), checkpoint)),
        Ok(None) if evidence.checkpoints.is_empty() && evidence.seen.is_empty() => report.unchecked.push(format!(
            "whether the log was cut off or rewritten as a whole: there is no `{}`; give a checkpoint that somebody \
             kept (--checkpoint) or what a reply shows behind `log` (--seen)",
            name(&beside)
        )),
        Ok(None) => {}
        Err(error) => report.find(None, format!("`{}` is no signed head: {error}", name(&beside))),
    }

    let mut connection = open(database).await?;
    let read_failed = || failed("the database cannot be read");
    // One view of it all, while a bot may be writing.
    let mut view = connection.begin().await.map_err(read_failed())?;
    schema::check(&mut view, &mut report).await?;
    let named = tree::last_key(&mut view).await.map_err(|error| {
        StoreError(format!("`{}` has no signed tree that can be read: {error}", database.display()))
    })?;
    let Some(named) = named else {
        report.find(None, "the log is from before signed heads: `room-owner audit list` on it takes it in");
        return Ok(report.closed(Report::default()));
    };
    match VerifierKey::parse(&named) {
        Ok(key) if evidence.keys.is_empty() => {
            let what = "who signed: the key is the one that the database names; give yours (--key)";
            report.unchecked.push(what.to_owned());
            evidence.keys.push(key);
        }
        Ok(_) => {}
        Err(error) => report.find(None, format!("the key that the database names: {error}")),
    }
    report.keys = evidence.keys.iter().map(ToString::to_string).collect();

    let archives = archive::kept(&mut view).await.map_err(read_failed())?;
    let mut given = Given::open(&mut evidence, &archives, &mut report)?;
    let mut log = Log::new(&evidence, &archives);
    // What an earlier run left to delete is checked too.
    let present: i64 = sqlx::query_scalar("SELECT coalesce(min(seq), 0) FROM audit_events")
        .fetch_one(&mut *view)
        .await
        .map_err(read_failed())?;
    let gone = if given.is_empty() { given.base.min(present - 1) } else { given.base };
    log.pass_over(&mut view, gone, &mut report).await.map_err(read_failed())?;
    let mut replay = Replay::behind(&mut view, given.base).await.map_err(read_failed())?;
    let mut derived = Report::default();
    let (mut tree_took, mut tables_took) = (Duration::ZERO, Duration::ZERO);
    loop {
        let began = Instant::now();
        let archived = given.next(log.edge(), &mut report)?;
        let events = match archived {
            Some(events) => Some(events),
            None => log.next(&mut view).await.map_err(read_failed())?,
        };
        let Some(events) = events else { break };
        log.check(&mut view, &events, &mut report).await.map_err(read_failed())?;
        let between = Instant::now();
        replay.check(&mut view, &events, &mut derived).await.map_err(read_failed())?;
        tree_took += between - began;
        tables_took += between.elapsed();
    }
    log.end(&mut view, &evidence, &archives, &named, &mut report).await.map_err(read_failed())?;
    replay.end(&mut view, &archives, &mut derived).await.map_err(read_failed())?;
    debug!(events = report.events, ?tree_took, ?tables_took, "checked the log");
    drop(view);
    Ok(report.closed(derived))
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
    let read_failed = || failed("the database cannot be read");
    let mut connection = open(database).await?;
    let mut view = connection.begin().await.map_err(read_failed())?;
    let mut events = Vec::new();
    for file in archives {
        let mut archive = archive::Reading::open(file)?;
        loop {
            let some = archive.next()?;
            if some.last().is_none() {
                break;
            }
            let own = some.iter().filter(|event| event.operation == operation.seq());
            events.extend(own.map(|event| (event.seq, event.body.to_owned())));
        }
    }
    let kept = archive::kept(&mut view).await.map_err(read_failed())?;
    let begins_in = kept.iter().find(|archive| (archive.first..=archive.last).contains(&operation.seq()));
    if let Some(archive) = begins_in.filter(|_| !events.iter().any(|(seq, _)| *seq == operation.seq())) {
        return Err(StoreError(format!(
            "operation {operation} was archived: name the archive that begins with event {} (`{}` when it was \
             written) with --archive",
            archive.first, archive.file
        )));
    }
    let here: Vec<(i64, String)> =
        sqlx::query_as("SELECT seq, body FROM audit_events WHERE operation = ? ORDER BY seq")
            .bind(operation.seq())
            .fetch_all(&mut *view)
            .await
            .map_err(read_failed())?;
    events.extend(here);
    events.sort_by_key(|(seq, _)| *seq);
    events.dedup_by_key(|(seq, _)| *seq);
    tree::prove(&mut view, events).await
}

/// Opens the file so that nothing is written, not even beside it: without a write-ahead log there is
/// nobody at it, and SQLite needs no shared memory.
async fn open(database: &Path) -> Result<SqliteConnection, StoreError> {
    if !database.exists() {
        return Err(StoreError(format!("there is no database `{}`", database.display())));
    }
    let has = |suffix| super::beside(database, suffix).exists();
    let is_alone = !has("-wal") && !has("-shm");
    let options = SqliteConnectOptions::new()
        .filename(database)
        .read_only(true)
        .immutable(is_alone)
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON")
        .busy_timeout(super::BUSY_TIMEOUT)
        .disable_statement_logging();
    SqliteConnection::connect_with(&options).await.map_err(|error| {
        StoreError(format!("the database `{}` cannot be opened for reading: {error}", database.display()))
    })
}

fn name(file: &Path) -> String {
    PathBuf::from(file).display().to_string()
}
