//! Which processes work on the database right now, and on which files.
//!
//! Each holds an operating-system lock on a file of its own beside the database, which ends with the
//! process however it ends. So a pending operation shows which it is: somebody is at it,
//! or its process is gone. The file says what SQLite has open in that process.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::files::{self, Files, Identity};
use crate::app::ports::StoreError;
use crate::domain::room::visible;

/// Behind an instance's name: the file that says that its process serves, and where that runs.
const SERVES: &str = ".serves";

/// How often another process is looked at again whose files are not those that lie there: one that ends closes
/// them before it lets go of its lock.
const LOOKS: usize = 30;
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// This process's claim to be alive.
pub(super) struct Instance {
    id: String,
    folder: PathBuf,
    file: PathBuf,
    lock: File,
}

/// `<database>.locks`
pub(super) fn folder(database: &Path) -> PathBuf {
    super::files::beside(database, ".locks")
}

/// Held while the database is opened and its schema is brought up to date. Makes the folder of the locks.
pub(super) async fn lock_for_start(database: &Path) -> Result<File, StoreError> {
    let folder = folder(database);
    // Its own folder alone: a mistyped path must not become a tree with an empty database in it.
    match DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(unmakeable(&folder, &error)),
        _ => {}
    }
    let file = folder.join("start");
    let path = file.clone();
    // Away from the runtime's threads: who holds the lock may need one of them to come to an end.
    let locked = tokio::task::spawn_blocking(move || {
        let lock = files::private().create(true).truncate(true).open(path)?;
        lock.lock()?;
        Ok::<_, io::Error>(lock)
    });
    locked
        .await
        .map_err(io::Error::other)
        .flatten()
        .map_err(|error| StoreError(format!("`{}` cannot be locked: {error}", file.display())))
}

fn unmakeable(file: &Path, error: &io::Error) -> StoreError {
    StoreError(format!(
        "`{}` cannot be made: {error}; check that the database's folder exists and can be written",
        file.display()
    ))
}

/// Removes what an instance left.
pub(super) fn remove(instance: &Path) {
    drop(fs::remove_file(files::beside(instance, SERVES)));
    drop(fs::remove_file(instance));
}

/// Whether the process that made the file still runs.
fn is_alive(file: &File) -> bool {
    match file.try_lock_shared() {
        Ok(()) => false,
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => true,
    }
}

/// Checks that the database's files are those that other processes have open, and that its write-ahead log is not
/// what a killed process left of another database. The files of processes that are gone.
pub(super) async fn check_others(database: &Path) -> Result<Vec<PathBuf>, StoreError> {
    for _ in 1..LOOKS {
        match others(database) {
            Err(_) => tokio::time::sleep(BETWEEN_LOOKS).await,
            gone => return gone,
        }
    }
    others(database)
}

fn others(database: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let mut gone = Vec::new();
    let Ok(entries) = fs::read_dir(folder(database)) else { return Ok(gone) };
    for file in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        // The other locks in the folder hold no text.
        let Some(opened) = fs::read_to_string(&file).ok().and_then(|text| serde_json::from_str(&text).ok())
        else {
            continue;
        };
        let opened: [Option<Identity>; 3] = opened;
        let is_alive = File::open(&file).is_ok_and(|file| is_alive(&file));
        let here = files::identities(database);
        let name = database.display();
        if is_alive && opened != here {
            return Err(StoreError(format!(
                "another process of room-owner is at work on `{name}`, but what it has open was removed or replaced: \
                 put the files back, or end that process (not with `kill -9`, so that it saves what it has), and try \
                 again"
            )));
        }
        if is_alive {
            continue;
        }
        let ([before, wal_before, _], [now, wal, _]) = (opened, here);
        if wal.is_some() && wal == wal_before && now != before {
            return Err(StoreError(format!(
                "`{name}` is another file than the one whose newest records are in `{name}-wal`, so they do not fit \
                 together: put that one back, or move `{name}-wal`, `{name}-shm` and `{name}.checkpoint` away together"
            )));
        }
        gone.push(file);
    }
    Ok(gone)
}

/// The pids of the processes that serve the database.
pub(super) fn serving(database: &Path) -> Vec<String> {
    serving_in(&folder(database)).into_iter().map(|(_, pid)| pid).collect()
}

/// Those whose files lie there, by the names of their instances: their pids, with their machines if those are
/// others.
fn serving_in(folder: &Path) -> Vec<(String, String)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let serving = names.filter_map(|name| {
        let id = name.strip_suffix(SERVES)?;
        if !File::open(folder.join(id)).is_ok_and(|file| is_alive(&file)) {
            return None;
        }
        let text = fs::read_to_string(folder.join(&name)).ok()?;
        let (pid, host) = text.trim().split_once(' ')?;
        let place = if host == this_host() { String::new() } else { format!(" on {}", visible(host)) };
        Some((id.to_owned(), format!("{}{place}", pid.parse::<u32>().ok()?)))
    });
    let mut serving: Vec<_> = serving.collect();
    serving.sort();
    serving
}

fn this_host() -> String {
    let name = nix::unistd::gethostname().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

impl Instance {
    /// Claims a new instance beside the database `database`.
    pub(super) fn begin(database: &Path) -> Result<Self, StoreError> {
        let folder = folder(database);
        let id = hex::encode(rand::random::<[u8; 8]>());
        let file = folder.join(&id);
        let lock = files::private().create_new(true).open(&file);
        let lock =
            lock.and_then(|lock| lock.lock().map(|()| lock)).map_err(|error| unmakeable(&file, &error))?;
        Ok(Self { id, folder, file, lock })
    }

    /// Where the locks lie.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The name under which this process's operations are recorded.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Tells others that this process serves. A process that cannot say so serves all the same.
    pub(super) fn serves(&self) {
        let text = format!("{} {}\n", std::process::id(), this_host());
        let file = files::private().create(true).truncate(true).open(files::beside(&self.file, SERVES));
        drop(file.and_then(|mut file| file.write_all(text.as_bytes())));
    }

    /// The pids of the others that serve.
    pub(super) fn others_serving(&self) -> Vec<String> {
        let others = serving_in(&self.folder).into_iter().filter(|(id, _)| *id != self.id);
        others.map(|(_, pid)| pid).collect()
    }

    /// Tells others what this process has open.
    pub(super) fn has_open(&self, files: &Files) -> Result<(), StoreError> {
        let text = serde_json::to_string(&files.identities()).map_err(io::Error::other);
        let written = text.and_then(|text| (&self.lock).write_all(text.as_bytes()));
        written.map_err(|error| StoreError(format!("`{}` cannot be written: {error}", self.file.display())))
    }

    /// Before it is closed: the last process makes SQLite delete what lies beside the database.
    pub(super) fn is_closing(&self) {
        drop(self.lock.set_len(0));
    }

    /// Whether `other` is another process that still runs. When that is not known, it counts as
    /// running: its work is left alone.
    pub(super) fn is_elsewhere(&self, other: &str) -> bool {
        if other == self.id || other.is_empty() || !other.bytes().all(|b| b.is_ascii_hexdigit()) {
            return false;
        }
        let file = self.folder.join(other);
        match File::open(&file) {
            Err(error) => error.kind() != ErrorKind::NotFound,
            Ok(open) => {
                let is_alive = is_alive(&open);
                if !is_alive {
                    // Its owner is gone without tidying up.
                    remove(&file);
                }
                is_alive
            }
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        remove(&self.file);
    }
}
