//! The SQLite store: all the SQL is here, and no rule about who may do what.
//!
//! One thread writes (`writer`): it appends events to the log (`log`) and applies them to the tables that questions are
//! asked of (`projections`), in one transaction. Readers (`queries`) have a pool of their own that cannot write.
//! `verify` applies the whole log again and compares.

mod acl;
mod acl_cache;
mod admission;
mod announcing;
pub mod archive;
mod archive_file;
mod asking;
pub mod backup;
mod buttons;
mod checkpoint_file;
mod continuity;
mod database;
mod files;
mod groups;
pub mod health;
mod key_file;
mod locks;
mod log;
mod observation;
mod opening;
mod outbox;
mod permissions;
mod port;
mod projections;
pub mod proofs;
mod queries;
mod rebuild;
mod rows;
mod schema;
mod scratch;
mod sessions;
mod tiles;
pub mod verify;
pub mod wal;
mod warnings;
mod writer;

pub use database::{Database, database_file};
pub use key_file::KeyProblem;
pub use queries::LogCopy;
pub use schema::SchemaProblem;
pub use scratch::{MadeUp, fill_unsynced};

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::SqlitePool;
use tokio::sync::Notify;

use crate::app::ports::StoreError;
use crate::domain::audit::Unresolved;
use crate::domain::tree_head::TreeHead;
use crate::merkle::SigningKey;

use acl_cache::AclCache;
use files::Files;
use locks::Instance;
use log::LogTransaction;
use queries::LogReader;
use rows::Open;
use warnings::Beside;
use writer::Writer;

/// How long a write waits for another process's transaction. Shorter than the 3 s after which Slack
/// gives up, so that the person gets our reply.
const BUSY_TIMEOUT: Duration = Duration::from_millis(1_500);

/// Whether a missing database is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfMissing {
    /// Make it.
    Create,
    /// Say so.
    Fail,
}

/// The store on one SQLite file: opened in `opening`, asked and written to through the port (`port`).
pub struct SqliteStore {
    readers: SqlitePool,
    log: LogReader,
    writer: Writer,
    instance: Arc<Instance>,
    acl_cache: Arc<AclCache>,
    file: PathBuf,
    files: Arc<Files>,
    key: Arc<SigningKey>,
    beside: Beside,
    /// Notified when something is to be announced.
    announcements: Notify,
}

impl SqliteStore {
    /// How many transactions were committed since the store was opened: what waits together shares one.
    pub fn commits(&self) -> u64 {
        self.writer.commits()
    }

    /// The size of the write-ahead log, in bytes.
    pub fn wal_size(&self) -> u64 {
        wal::size(&self.file)
    }

    /// The processes that read from the write-ahead log now, which keeps it from being folded in.
    pub fn wal_readers(&self) -> Vec<String> {
        wal::readers(&self.file)
    }

    /// Its file, by its whole name.
    pub fn file(&self) -> PathBuf {
        std::fs::canonicalize(&self.file).unwrap_or_else(|_| self.file.clone())
    }

    /// The name under which its log is signed.
    pub fn origin(&self) -> &str {
        self.key.verifier_key().name()
    }

    /// Finishes what is queued and closes the file, so that its write-ahead log is folded in and a copy of
    /// the one file is whole. Later calls fail.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// An open operation, and whose it is.
    fn located(&self, open: &Open) -> Option<Unresolved> {
        let is_ours = open.instance() == self.instance.id();
        open.located(is_ours, self.instance.is_elsewhere(open.instance()))
    }

    /// Does `work` inside the writer's transaction. What could not be done is put by what the files' permissions say
    /// if they are the cause.
    async fn write<T, W>(&self, work: W) -> Result<(T, Option<TreeHead>), StoreError>
    where
        W: FnOnce(&mut LogTransaction<'_>) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        self.writer.write(work).await.map_err(|error| match permissions::check(&self.file) {
            Err(why) if error.0.contains("readonly database") => why,
            _ => error,
        })
    }
}
