//! Many operations at once, to measure on: nothing is synced.

use std::path::Path;

use jiff::Timestamp;
use tokio::task::spawn_blocking;

use crate::app::ports::StoreError;
use crate::domain::audit::{Outcome, Request, What};

use super::log::{LogTail, LogTransaction};
use super::rows::Explain as _;
use super::{IfMissing, SqliteStore, checkpoint_file, key_file, writer};

/// An operation that nobody asked for.
#[derive(Debug)]
pub struct MadeUp {
    /// When it begins.
    pub at: Timestamp,
    /// As what it is recorded.
    pub request: Request,
    /// When and how it ends, if it does.
    pub end: Option<(Timestamp, Outcome)>,
}

/// How many operations share a commit.
const AT_ONCE: usize = 10_000;

/// Makes a database at `file` with the real schema and these operations.
///
/// # Errors
/// When the file cannot be made.
pub async fn fill_unsynced(
    file: &Path,
    operations: impl Iterator<Item = MadeUp> + Send + 'static,
) -> Result<(), StoreError> {
    let url = format!("sqlite://{}", file.display());
    SqliteStore::open(&url, IfMissing::Create).await?.close().await;
    let path = file.to_owned();
    let filled = spawn_blocking(move || write(&path, operations)).await;
    filled.explain("the filling broke off")?.explain("the database cannot be filled")
}

fn write(file: &Path, mut operations: impl Iterator<Item = MadeUp>) -> Result<(), StoreError> {
    let key = key_file::load(file, None)?.ok_or_else(|| StoreError("it has no key".to_owned()))?;
    let connection = writer::connect(file)?;
    connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -400000")?;
    let mut tail = LogTail::read(&connection)?;
    loop {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        let mut log = LogTransaction::begin(&connection, "0123456789abcdef", tail);
        for MadeUp { at, request, end } in operations.by_ref().take(AT_ONCE) {
            let process = log.instance.to_owned();
            let operation = log.record(at, Request { process, ..request })?;
            if let Some((at, outcome)) = end {
                log.append(operation, at, What::Ended(outcome))?;
            }
        }
        let (head, ended) = log.seal(&key)?;
        connection.execute_batch("COMMIT")?;
        tail = ended;
        let Some(head) = head else { break };
        std::fs::write(checkpoint_file::path(file), head.as_str()).explain("its head")?;
    }
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    connection.close().map_err(|(_, error)| error.into())
}
