//! The newest signed head in a file beside the database: `<database>.checkpoint`.
//!
//! It says how long the log was, outside of the file that the log is in. It is replaced in one step after
//! each commit, not synced: after a power cut it may be older than the log, which is no contradiction.
//!
//! Two files take turns: the next head is written over the one before the last, and the two change names. A new
//! file each time would make ext4 write to the disk at once (its `auto_da_alloc`), into the next commit's way.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use tracing::{error, info};

use super::files;
use crate::app::ports::StoreError;
use crate::merkle::Checkpoint;

/// The file and how it is replaced.
#[derive(Debug, Clone)]
pub(super) struct CheckpointFile {
    file: PathBuf,
    /// Written first, then exchanged with the file: it holds the head before.
    draft: PathBuf,
    /// Held while it is replaced: of two processes, the one with the older head must not come last.
    lock: PathBuf,
}

/// `<database>.checkpoint`
pub(super) fn path(database: &Path) -> PathBuf {
    super::files::beside(database, ".checkpoint")
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

impl CheckpointFile {
    pub(super) fn new(database: &Path, locks: &Path) -> Self {
        Self {
            file: path(database),
            draft: super::files::beside(database, ".checkpoint.before"),
            lock: locks.join("checkpoint"),
        }
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Puts the head in place, unless another process has put a newer one there.
    pub(super) fn publish(&self, checkpoint: &Checkpoint) -> io::Result<()> {
        let lock = files::private().create(true).truncate(false).open(&self.lock);
        let lock = lock.map_err(|error| {
            let lock = self.lock.display();
            io::Error::new(error.kind(), format!("`{lock}` beside it cannot be opened: {error}"))
        })?;
        lock.lock()?;
        // What cannot be read is replaced.
        let there = read(&self.file).ok().flatten();
        if there.is_some_and(|there| there.head().size >= checkpoint.head().size) {
            return Ok(());
        }
        self.draft(checkpoint.as_str().as_bytes())
            .and_then(|()| self.exchange())
            .inspect_err(|_| drop(fs::remove_file(&self.draft)))
    }

    fn draft(&self, text: &[u8]) -> io::Result<()> {
        if fs::metadata(&self.draft).is_ok_and(|draft| draft.is_file() && draft.len() == text.len() as u64) {
            // Within one sector of the disk: after a power cut it is whole, whichever it is.
            return File::options().write(true).open(&self.draft)?.write_all(text);
        }
        let mut draft = files::private().create(true).truncate(true).open(&self.draft)?;
        draft.write_all(text)?;
        // Of another length than before, which a power cut could cut it to.
        draft.sync_all()
    }

    fn exchange(&self) -> io::Result<()> {
        let exchanged = fs::symlink_metadata(&self.file).is_ok_and(|there| there.is_file())
            && renameat_with(CWD, &self.draft, CWD, &self.file, RenameFlags::EXCHANGE).is_ok();
        // There is none yet, or this file system cannot.
        if exchanged { Ok(()) } else { fs::rename(&self.draft, &self.file) }
    }
}

/// Puts signed heads into the file.
pub(super) struct Publisher {
    file: CheckpointFile,
    /// A head that is committed and could not be put in place, and why.
    unpublished: Option<(Checkpoint, String)>,
}

impl Publisher {
    pub(super) fn new(file: CheckpointFile) -> Self {
        Self { file, unpublished: None }
    }

    /// Puts the newest head in place, or tries once more with one that could not be. That it cannot be done takes
    /// nothing back: the commit is durable. It is logged, and [`Self::check`] says so.
    pub(super) fn publish(&mut self, newest: Option<&Checkpoint>) {
        let Some(head) = newest.cloned().or_else(|| self.unpublished.clone().map(|(head, _)| head)) else {
            return;
        };
        match self.file.publish(&head) {
            Ok(()) => {
                if self.unpublished.take().is_some() {
                    info!(file = %self.file.file().display(), "the newest signed head is in its file again");
                }
            }
            Err(problem) => {
                if self.unpublished.is_none() {
                    let file = self.file.file().display();
                    error!(%file, error = %problem, "the newest signed head cannot be put beside the database");
                }
                self.unpublished = Some((head, problem.to_string()));
            }
        }
    }

    /// Whether the newest head is in place.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match &self.unpublished {
            None => Ok(()),
            Some((_, problem)) => Err(StoreError(format!(
                "the newest signed head of the audit log cannot be written to `{}`: {problem}",
                self.file.file().display()
            ))),
        }
    }
}
