//! Which processes work on the database right now.
//!
//! Each holds an operating-system lock on a file of its own beside the database, which ends with the
//! process however it ends. So an operation that is still pending can be told apart: somebody is at it,
//! or its process is gone.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use crate::app::ports::StoreError;

/// This process's claim to be alive.
pub(super) struct Instance {
    id: String,
    folder: PathBuf,
    file: PathBuf,
    _lock: File,
}

impl Instance {
    /// Claims a new instance beside the database `database`.
    pub(super) fn begin(database: &Path) -> Result<Self, StoreError> {
        let folder = super::beside(database, ".locks");
        let id = hex::encode(rand::random::<[u8; 8]>());
        let file = folder.join(&id);
        let failed = |error: std::io::Error| {
            StoreError(format!(
                "`{}` cannot be made: {error}; check that the database's folder exists and can be written",
                file.display()
            ))
        };
        // Its own folder alone: a mistyped path must not become a tree with an empty database in it.
        match fs::create_dir(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(failed(error)),
            _ => {}
        }
        let lock = File::create(&file).map_err(failed)?;
        lock.lock().map_err(failed)?;
        Ok(Self { id, folder, file, _lock: lock })
    }

    /// Where the locks lie.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The name under which this process's operations are recorded.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Whether `other` is another process that still runs. When that cannot be told, it counts as
    /// running: its work is left alone.
    pub(super) fn is_elsewhere(&self, other: &str) -> bool {
        if other == self.id || other.is_empty() || !other.bytes().all(|b| b.is_ascii_hexdigit()) {
            return false;
        }
        let file = self.folder.join(other);
        match File::open(&file) {
            Err(error) => error.kind() != std::io::ErrorKind::NotFound,
            Ok(open) => match open.try_lock() {
                Ok(()) => {
                    // Its owner is gone without tidying up.
                    drop(fs::remove_file(&file));
                    false
                }
                Err(TryLockError::WouldBlock | TryLockError::Error(_)) => true,
            },
        }
    }

    /// Held while the database is opened and its schema is brought up to date.
    pub(super) async fn lock_for_start(&self) -> Result<File, StoreError> {
        let file = self.folder.join("start");
        let path = file.clone();
        // Away from the runtime's threads: who holds the lock may need one of them to come to an end.
        let locked = tokio::task::spawn_blocking(move || {
            let lock = File::create(path)?;
            lock.lock()?;
            Ok::<_, std::io::Error>(lock)
        });
        locked
            .await
            .map_err(std::io::Error::other)
            .flatten()
            .map_err(|error| StoreError(format!("`{}` cannot be locked: {error}", file.display())))
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.file));
    }
}
