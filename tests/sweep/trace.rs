//! strace: which system calls touch the database's files, and how one of them is made to fail.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use room_owner::tencent::simulator::FaultKind;

/// The calls that read, write, lock, open or move a file.
pub(crate) const CALLS: [&str; 11] = [
    "pwrite64",
    "fsync",
    "fdatasync",
    "ftruncate",
    "openat",
    "rename",
    "renameat2",
    "write",
    "unlink",
    "pread64",
    "fcntl",
];

/// What is done to a call.
pub(crate) fn faults(call: &str) -> &'static [&'static str] {
    const FAULTS: [&str; 3] = ["signal=SIGKILL", "error=EIO", "error=ENOSPC"];
    match call {
        // Locks are the kernel's own: no disk can fail under them.
        "fcntl" => &FAULTS[..1],
        // Nothing grows by being read.
        "pread64" => &FAULTS[..2],
        _ => &FAULTS,
    }
}

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
pub(crate) fn may_trace() -> bool {
    let traced = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).output();
    traced.is_ok_and(|output| output.status.success())
}

/// Whether it may also trace a process that runs already. Many systems allow that to the process's parent and to
/// root alone.
pub(crate) fn may_attach() -> bool {
    if !may_trace() {
        return false;
    }
    let mut running = Command::new("sleep").arg("60").spawn().unwrap();
    let mut strace = Command::new("strace");
    strace.args(["-f", "-o", "/dev/null", "-p", &running.id().to_string()]).stderr(Stdio::piped());
    let mut strace = strace.spawn().unwrap();
    let mut said = String::new();
    BufReader::new(strace.stderr.take().unwrap()).read_line(&mut said).unwrap();
    running.kill().unwrap();
    running.wait().unwrap();
    strace.wait().unwrap();
    said.contains("attached")
}

/// Whether the fault was met.
pub(crate) fn has_struck(log: &Path) -> bool {
    let log = std::fs::read_to_string(log);
    log.is_ok_and(|log| log.contains("(INJECTED)") || log.contains("killed by SIGKILL"))
}

/// strace on a program that is still to be named, seeing the database's files alone.
pub(crate) fn strace(folder: &Path, log: &Path, calls: &str, inject: Option<String>) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-o"]).arg(log).arg("-e").arg(format!("trace={calls}"));
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
pub(crate) fn points(log: &str) -> Vec<Point> {
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
