//! The newest signed head in a file beside the database: `<database>.checkpoint`.
//!
//! It says how long the log was, outside of the file that the log is in. It is replaced in one step after
//! each commit, not synced: after a power cut it may be older than the log, which is no contradiction.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::tree::Checkpoint;

/// The file and how it is replaced.
#[derive(Debug, Clone)]
pub(super) struct Witness {
    file: PathBuf,
    /// Written first, then moved over the file; this process's own.
    draft: PathBuf,
    /// Held while it is replaced: of two processes, the one with the older head must not come last.
    lock: PathBuf,
}

/// `<database>.checkpoint`
pub(super) fn path(database: &Path) -> PathBuf {
    super::beside(database, ".checkpoint")
}

/// What the file holds; `None` if it is not there, or empty as a power cut may leave it.
pub(super) fn read(file: &Path) -> io::Result<Option<Checkpoint>> {
    let text = match fs::read_to_string(file) {
        Ok(text) if text.is_empty() => return Ok(None),
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    Checkpoint::parse(&text).map(Some).map_err(io::Error::other)
}

impl Witness {
    pub(super) fn new(database: &Path, locks: &Path, instance: &str) -> Self {
        Self {
            file: path(database),
            draft: super::beside(database, &format!(".checkpoint.{instance}")),
            lock: locks.join("checkpoint"),
        }
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Puts the head in place, unless another process has put a newer one there.
    pub(super) fn publish(&self, checkpoint: &Checkpoint) -> io::Result<()> {
        let lock = File::create(&self.lock)?;
        lock.lock()?;
        // What cannot be read is replaced.
        let there = read(&self.file).ok().flatten();
        if there.is_some_and(|there| there.head().size >= checkpoint.head().size) {
            return Ok(());
        }
        fs::write(&self.draft, checkpoint.as_str())
            .and_then(|()| fs::rename(&self.draft, &self.file))
            .inspect_err(|_| drop(fs::remove_file(&self.draft)))
    }
}
