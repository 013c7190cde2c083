//! strace: which system calls touch the database's files, and how one of them is made to fail.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use room_owner::tencent::simulator::FaultKind;

use super::bench::Bench;

/// The calls that write, open or move a file.
const CALLS: [&str; 9] =
    ["pwrite64", "fsync", "fdatasync", "ftruncate", "openat", "rename", "renameat2", "write", "unlink"];
/// What is done to them.
pub(crate) const FAULTS: [&str; 3] = ["signal=SIGKILL", "error=EIO", "error=ENOSPC"];

/// The nth of a call in whichever thread comes to it first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Point {
    pub(crate) call: &'static str,
    pub(crate) nth: usize,
}

#[derive(Debug)]
pub(crate) struct Cut {
    pub(crate) point: Point,
    pub(crate) fault: &'static str,
    pub(crate) upstream: Option<FaultKind>,
}

/// Whether there is a strace that may trace.
pub(crate) fn is_possible() -> bool {
    let traced = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).output();
    traced.is_ok_and(|output| output.status.success())
}

/// strace on a program that is still to be named, seeing the database's files alone.
pub(crate) fn strace(folder: &Path, log: &Path, calls: &str, inject: Option<String>) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o"]).arg(log).arg("-e").arg(format!("trace={calls}"));
    if let Some(inject) = inject {
        strace.arg("-e").arg(format!("inject={inject}"));
    }
    for name in ["", "-wal", "-shm", "-journal", ".checkpoint"] {
        strace.arg("-P").arg(folder.join(format!("room-owner.db{name}")));
    }
    strace
}

/// The points of an undisturbed run: of each call, as many as the busiest thread makes. strace counts by
/// thread.
pub(crate) async fn cut_points(bench: &Bench) -> Vec<Point> {
    let log = bench.undisturbed(&CALLS.join(",")).await;
    let mut by_thread: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for line in log.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let name = rest.trim_start().split('(').next().unwrap_or_default();
        if let Some(call) = CALLS.into_iter().find(|call| *call == name) {
            *by_thread.entry((call, thread)).or_default() += 1;
        }
    }
    let most = |call: &str| by_thread.iter().filter(|((of, _), _)| *of == call).map(|(_, n)| *n).max();
    let of = |call: &'static str| (1..=most(call).unwrap_or(0)).map(move |nth| Point { call, nth });
    CALLS.into_iter().flat_map(of).collect()
}
