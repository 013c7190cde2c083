//! The write-ahead log: how large it is, and who keeps it from being folded in.
//!
//! A long reading of the database holds back all that was written since it began. Its process shows in the list of the
//! system's locks: each reader holds one on a byte of `-shm` (sqlite.org/walformat.html, "WAL-Index Locks").

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::files::beside;

/// How large it stays once it was folded in, in bytes: four times what it usually grows to in between.
pub const USUAL_BYTES: u64 = 64 * 1_024 * 1_024;

/// The bytes that readers lock, each one of them.
const READERS: RangeInclusive<u64> = 123..=127;

/// Its size in bytes.
pub(super) fn size(database: &Path) -> u64 {
    std::fs::metadata(beside(database, "-wal")).map_or(0, |file| file.len())
}

/// The processes that read now: others, or else this one, whose readings are short. Empty where the system does not
/// tell.
pub(super) fn readers(database: &Path) -> Vec<String> {
    let Ok(shared) = std::fs::metadata(beside(database, "-shm")) else { return Vec::new() };
    let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
    let mut processes: BTreeSet<u32> = locks.lines().filter_map(|lock| reader(lock, shared.ino())).collect();
    if processes.len() > 1 {
        processes.remove(&std::process::id());
    }
    processes.into_iter().map(named).collect()
}

/// `1: POSIX  ADVISORY  READ 1234 fd:00:5678 124 124`
fn reader(lock: &str, inode: u64) -> Option<u32> {
    let mut words = lock.split_whitespace().skip(3);
    let (kind, process, file) = (words.next()?, words.next()?, words.next()?);
    let bytes: (u64, u64) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let is_reader = kind == "READ" && bytes.0 <= *READERS.end() && bytes.1 >= *READERS.start();
    let is_here = file.rsplit(':').next()?.parse() == Ok(inode);
    process.parse().ok().filter(|_| is_reader && is_here)
}

fn named(process: u32) -> String {
    if process == std::process::id() {
        return "this process".to_owned();
    }
    match std::fs::read_to_string(format!("/proc/{process}/comm")) {
        Ok(name) => format!("process {process} ({})", name.trim().escape_debug()),
        Err(_) => format!("process {process}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_is_known_by_its_lock() {
        for (lock, process) in [
            ("1: POSIX  ADVISORY  READ 1234 fd:00:5678 124 124", Some(1_234)),
            ("1: POSIX  ADVISORY  READ 1234 fd:00:5678 127 127", Some(1_234)),
            ("1: POSIX  ADVISORY  READ 1234 fd:00:5678 123 123", Some(1_234)),
            // It writes, it is open, it is another file's.
            ("1: POSIX  ADVISORY  WRITE 1234 fd:00:5678 124 124", None),
            ("1: POSIX  ADVISORY  READ 1234 fd:00:5678 128 128", None),
            ("1: POSIX  ADVISORY  READ 1234 fd:00:56789 124 124", None),
            ("1: FLOCK  ADVISORY  WRITE 1234 fd:00:5678 0 EOF", None),
            ("1: -> POSIX", None),
        ] {
            assert_eq!(reader(lock, 5_678), process, "{lock}");
        }
    }
}
