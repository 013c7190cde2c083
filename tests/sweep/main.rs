//! The fault sweep: the real program under strace, killed, or refused by the disk, at each system call on
//! the files of its database, with Tencent's answer arriving or lost. First `transfer`, from its start to its
//! end; then `serve`, to which a signed command comes, and the same delivery once more after a restart.
//!
//! It needs strace and leave to trace, and says so where they are missing. `SWEEP=all` tries every cut point,
//! those of the start of `serve` as well; `SWEEP=40` some 40 of each program's, evenly chosen. It fails if
//! there are none.

// A test that cannot go on fails; that is what `unwrap` says.
#![allow(clippy::unwrap_used)]

mod bench;
mod serving;
mod trace;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bench::{Bench, Counts};
use futures_util::future::join_all;
use room_owner::tencent::simulator::FaultKind;
use serving::{Phase, Slack};
use tempfile::TempDir;
use trace::{Cut, Point, faults, may_attach, may_trace, points};

/// How many are tried unless it is said.
const A_FEW: usize = 12;

/// How many are tried at a time.
const AT_ONCE: usize = 6;

/// How many cut points of a program are tried.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sweep {
    All,
    Some(usize),
}

impl Sweep {
    fn wanted() -> Self {
        // No setting of the program: how much of it this run is to try.
        #[allow(clippy::disallowed_methods)]
        match std::env::var("SWEEP").as_deref() {
            Ok("all") => Self::All,
            Ok(number) => Self::Some(number.parse().unwrap_or_else(|_| panic!("`{number}` is no number"))),
            Err(_) => Self::Some(A_FEW),
        }
    }

    fn skips(self, why: &str) {
        assert!(self != Self::All, "{why}");
        println!("skipped: {why}");
    }
}

/// What Tencent does with the change: it answers, or its answer is lost before or after it did it.
fn upstream(turn: usize) -> Option<FaultKind> {
    [None, Some(FaultKind::ResetAfter), Some(FaultKind::ResetBefore)][turn % 3].clone()
}

/// Each point with each fault and one of Tencent's three ways, all three in turn; or some of them.
fn cuts(what: &str, points: &[Point], sweep: Sweep) -> Vec<Cut> {
    let mut by_call: BTreeMap<&str, usize> = BTreeMap::new();
    for point in points {
        *by_call.entry(point.call).or_default() += 1;
    }
    println!("{what}: {} system calls on the files of the database: {by_call:?}", points.len());
    assert!(!points.is_empty(), "no system call was seen");
    let mut cuts: Vec<Cut> = Vec::new();
    for (turn, point) in points.iter().enumerate() {
        for (n, fault) in faults(point.call).iter().enumerate() {
            let upstream = upstream(turn + n);
            cuts.push(Cut { point: point.clone(), fault, upstream });
        }
    }
    if let Sweep::Some(count) = sweep {
        // No multiple of three, so that each fault is among them.
        let step = cuts.len() / count.max(1) / 3 * 3 + 1;
        cuts = cuts.into_iter().step_by(step).collect();
    }
    cuts
}

/// Tries them, some at a time: most of their time they wait, for the bot's own patience.
async fn sweep(
    what: &str,
    template: &TempDir,
    cuts: &[Cut],
    sweep: Sweep,
    tries: impl AsyncFn(&Bench, &Cut, &mut Counts),
) {
    let began = Instant::now();
    let next = AtomicUsize::new(0);
    let workers = (0..AT_ONCE).map(|_| async {
        let bench = Bench::new(template).await;
        let mut counts = Counts::default();
        while let Some(cut) = cuts.get(next.fetch_add(1, Ordering::SeqCst)) {
            tries(&bench, cut, &mut counts).await;
        }
        counts
    });
    let mut counts = Counts::default();
    for of_one in join_all(workers).await {
        counts.add(of_one);
    }
    println!("{what}: {} cut points in {:.1} s: {counts:?}", cuts.len(), began.elapsed().as_secs_f64());
    assert_eq!(counts.tried, cuts.len());
    assert!(counts.tried > 0, "no cut point was tried");
    if sweep == Sweep::All {
        assert!(counts.struck * 2 > counts.tried, "hardly any struck: {counts:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn transfer_survives_a_fault_at_every_system_call_on_its_files() {
    let wanted = Sweep::wanted();
    if !may_trace() {
        return wanted.skips("the sweep needs strace, and leave to trace");
    }
    let template = bench::template().await;
    let points = points(&Bench::new(&template).await.undisturbed().await);
    let cuts = cuts("transfer", &points, wanted);
    sweep("transfer", &template, &cuts, wanted, Bench::tries).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn serve_survives_a_fault_at_every_system_call_on_its_files() {
    let wanted = Sweep::wanted();
    if !may_attach() {
        return wanted.skips("the sweep of `serve` needs strace, and leave to trace a process that runs");
    }
    let template = bench::template().await;
    let slack = Slack::start().await;
    for (what, phase) in [("serve, a command", Phase::Command), ("serve, its start", Phase::Start)] {
        if phase == Phase::Start && wanted != Sweep::All {
            continue;
        }
        let log = Bench::new(&template).await.undisturbed_serving(phase, &slack).await;
        let cuts = cuts(what, &points(&log), wanted);
        let tries = async |bench: &Bench, cut: &Cut, counts: &mut Counts| {
            bench.tries_serving(phase, cut, &slack, counts).await;
        };
        sweep(what, &template, &cuts, wanted, tries).await;
    }
}
