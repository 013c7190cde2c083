//! Whether this process may write the files of a database. SQLite opens one that it may only read without a word,
//! and every write to it fails.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;
use rustix::fs::{Access, access};
use tracing::warn;

use crate::app::ports::StoreError;

/// Checks it for a database that is there, before SQLite opens it. One that is not there will be made.
pub(super) fn check(database: &Path) -> Result<(), StoreError> {
    if !database.exists() {
        return Ok(());
    }
    if database.is_dir() {
        let name = database.display();
        return Err(StoreError(format!(
            "`{name}` is a folder: name a file in it, such as `{name}/room-owner.db`"
        )));
    }
    writable(database)?;
    let folder = match database.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    // By its full name: `.` tells nobody anything.
    writable(&folder.canonicalize().unwrap_or(folder))?;
    for suffix in ["-wal", "-shm"] {
        let file = super::files::beside(database, suffix);
        if file.exists() && access(&file, Access::WRITE_OK).is_err() {
            // SQLite made it when the database was read-only, with the same mode, and left it behind.
            if make_writable(&file).is_ok() {
                warn!(file = %file.display(), "made writable again: it was left behind from when the database was read-only");
            }
            // The last one who had the database open takes it away.
            writable(&file).or_else(|why| if file.exists() { Err(why) } else { Ok(()) })?;
        }
    }
    Ok(())
}

fn make_writable(file: &Path) -> io::Result<()> {
    let mode = fs::metadata(file)?.permissions().mode();
    fs::set_permissions(file, fs::Permissions::from_mode(mode | 0o600))
}

pub(super) fn writable(file: &Path) -> Result<(), StoreError> {
    let Err(error) = access(file, Access::WRITE_OK) else { return Ok(()) };
    let error = io::Error::from(error);
    let whose = fs::metadata(file).map_or_else(
        |_| String::new(),
        |file| format!(", belongs to uid {} with mode {:04o}", file.uid(), file.mode() & 0o7777),
    );
    Err(StoreError(format!(
        "`{0}` cannot be written: {error}{whose}; this runs as uid {1}. Nothing is done without a record, so nothing \
         could be done: run it as the owner, or make the file and its folder writable for it (`chmod`, `chown`)",
        file.display(),
        geteuid(),
    )))
}
