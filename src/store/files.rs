//! The files of a database: that they are one database by whatever name it is opened, that they stay where they are
//! while it is open, and that nobody but their owner can read them.
//!
//! SQLite finds the write-ahead log, and this program the locks and the key, by the database's name. A file that is
//! opened by two names has two of each, and either side overwrites what the other records. A file that is taken away
//! while it is open still takes writes, which nobody will ever read
//! (<https://sqlite.org/howtocorrupt.html>).

use std::fs::{self, Metadata, OpenOptions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::app::ports::StoreError;

/// The device and the number of a file: what it is, whatever it is called.
pub(super) type Identity = (u64, u64);

/// The database, its write-ahead log and the index of that, by what SQLite appends to the name.
const SUFFIXES: [&str; 3] = ["", "-wal", "-shm"];

/// As many links in a row as Linux follows.
const MOST_LINKS: usize = 40;

/// A file whose name is the database's and something behind it.
pub(super) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// What tells the database from another file that came in its place, also when it got the number of the one before.
pub(super) fn birth(database: &Path) -> std::io::Result<String> {
    let file = fs::metadata(database)?;
    let born = file.created().ok().and_then(|born| born.duration_since(UNIX_EPOCH).ok());
    Ok(format!("{}:{}", file.ino(), born.unwrap_or_default().as_nanos()))
}

/// `None` if there is no such file.
pub(super) fn identity(file: &Path) -> Option<Identity> {
    fs::metadata(file).ok().map(|file| (file.dev(), file.ino()))
}

/// The database and what SQLite keeps beside it, as they lie there now.
pub(super) fn identities(database: &Path) -> [Option<Identity>; 3] {
    SUFFIXES.map(|suffix| identity(&beside(database, suffix)))
}

/// The file that a symbolic link leads to, even if there is none yet: SQLite would make it there.
pub(super) fn followed(mut file: PathBuf) -> PathBuf {
    for _ in 0..MOST_LINKS {
        let Ok(target) = fs::read_link(&file) else { break };
        file.pop();
        file.push(target);
    }
    file
}

/// How a file that its owner alone may read is opened for writing, or made.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

fn is_filled(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|file| file.len() > 0)
}

/// Why others may open the file by another name, and what to do; `None` if they cannot.
pub(super) fn shared(file: &Path) -> Option<(String, &'static str)> {
    let there = fs::metadata(file).ok().filter(Metadata::is_file)?;
    if there.nlink() > 1 {
        return Some(several_names(there.nlink()));
    }
    let mounted = "mount the folder that it lies in";
    is_mounted(file).then(|| ("is mounted by itself, without its folder".to_owned(), mounted))
}

fn several_names(count: u64) -> (String, &'static str) {
    (
        format!("has {count} names (hard links)"),
        "keep one of them (`find / -xdev -samefile <file>` lists them)",
    )
}

/// Whether it is the root of a mount: the fifth field of a line in `proc_pid_mountinfo(5)`.
fn is_mounted(file: &Path) -> bool {
    let (Ok(mounts), Ok(file)) = (fs::read("/proc/self/mountinfo"), fs::canonicalize(file)) else {
        return false;
    };
    let name: Vec<u8> = file.as_os_str().as_bytes().iter().fold(Vec::new(), |mut name, byte| {
        match byte {
            b' ' | b'\t' | b'\n' | b'\\' => name.extend(format!("\\{byte:03o}").into_bytes()),
            _ => name.push(*byte),
        }
        name
    });
    mounts.split(|byte| *byte == b'\n').any(|line| line.split(|byte| *byte == b' ').nth(4) == Some(&name))
}

fn refused(file: &Path, (why, remedy): (String, &str)) -> String {
    format!(
        "`{}` {why}, and under each name it would have other locks and another write-ahead log, so that records get \
         lost: {remedy}",
        file.display()
    )
}

/// Checks, before anything is opened or made, that the file is there for us alone, and that a new one takes nothing
/// from another: beside an empty database SQLite deletes a write-ahead log.
pub(super) fn check_before_opening(database: &Path) -> Result<(), StoreError> {
    if let Some(shared) = shared(database) {
        return Err(StoreError(refused(database, shared)));
    }
    // Looked at before the database itself: whoever makes one makes them after it.
    let left =
        ["-wal", ".checkpoint"].map(|suffix| beside(database, suffix)).into_iter().find(|it| is_filled(it));
    match left {
        Some(left) if !is_filled(database) => Err(StoreError(format!(
            "there is no database `{0}`, but `{1}` is there: the database was removed or moved. Put it back; to begin \
             a new one, move `{0}-wal`, `{0}-shm` and `{0}.checkpoint` away together",
            database.display(),
            left.display()
        ))),
        _ => Ok(()),
    }
}

/// The files that were opened.
#[derive(Debug)]
pub(super) struct Files {
    database: PathBuf,
    opened: [Option<Identity>; 3],
}

impl Files {
    /// Of a database that is open, in WAL mode.
    pub(super) fn opened(database: &Path) -> Result<Self, StoreError> {
        // In full, so that they are missed too when the folder itself goes.
        let database = fs::canonicalize(database).unwrap_or_else(|_| database.to_owned());
        let files = Self { opened: identities(&database), database };
        files.check().map(|()| files).map_err(StoreError)
    }

    pub(super) fn identities(&self) -> [Option<Identity>; 3] {
        self.opened
    }

    /// Whether they still lie there, and nobody else can open the database by another name: some microseconds.
    pub(super) fn check(&self) -> Result<(), String> {
        for (suffix, opened) in SUFFIXES.into_iter().zip(self.opened) {
            let file = beside(&self.database, suffix);
            let now = fs::metadata(&file).ok();
            if opened.is_none() || opened != now.as_ref().map(|now| (now.dev(), now.ino())) {
                let instead = match suffix {
                    "" => "end the bot, put a copy that `room-owner backup` made in its place and start it",
                    _ => "end the bot (not with `kill -9`, so that it saves what it has) and start it",
                };
                return Err(format!(
                    "`{}` was removed or replaced while in use, so nothing is recorded any more: put it back, or \
                     {instead}",
                    file.display()
                ));
            }
            if let Some(names) = now.map(|now| now.nlink()).filter(|names| suffix.is_empty() && *names > 1) {
                return Err(refused(&file, several_names(names)));
            }
        }
        Ok(())
    }
}
