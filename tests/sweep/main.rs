//! The fault sweep: the real program under strace, killed, or refused by the disk, at each system call on
//! the files of its database, with Tencent's answer arriving or lost.
//!
//! It needs strace and leave to trace, and says so where they are missing. `SWEEP=all` tries every cut point
//! (`.ci/fault-sweep` does) and fails if there are none; otherwise a few of them are tried.

// A test that cannot go on fails; that is what `unwrap` says.
#![allow(clippy::unwrap_used)]

mod bench;
mod trace;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bench::Bench;
use futures_util::future::join_all;
use room_owner::tencent::simulator::FaultKind;
use trace::{Cut, FAULTS, cut_points, is_possible};

/// How many are tried unless all are asked for.
const A_FEW: usize = 12;

/// What Tencent does with the change: it answers, or its answer is lost before or after it did it.
fn upstream(turn: usize) -> Option<FaultKind> {
    [None, Some(FaultKind::ResetAfter), Some(FaultKind::ResetBefore)][turn % 3].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_program_survives_a_fault_at_every_system_call_on_its_files() {
    // No setting of the program: how much of it this run is to try.
    #[allow(clippy::disallowed_methods)]
    let all = std::env::var("SWEEP").is_ok_and(|sweep| sweep == "all");
    if !is_possible() {
        assert!(!all, "strace is missing or may not trace here");
        return println!("skipped: the sweep needs strace, and leave to trace");
    }
    let began = Instant::now();
    let template = bench::template().await;
    let points = cut_points(&Bench::new(&template).await).await;
    let mut by_call: BTreeMap<&str, usize> = BTreeMap::new();
    for point in &points {
        *by_call.entry(point.call).or_default() += 1;
    }
    println!("{} system calls on the files of the database: {by_call:?}", points.len());
    assert!(!points.is_empty(), "no system call was seen");
    let mut cuts: Vec<Cut> = Vec::new();
    for (turn, point) in points.iter().enumerate() {
        for (n, fault) in FAULTS.into_iter().enumerate() {
            // Each point and fault with one of Tencent's three ways, all three in turn.
            let upstream = upstream(turn + n);
            cuts.push(Cut { point: point.clone(), fault, upstream });
        }
    }
    if !all {
        // No multiple of three, so that each fault is among them.
        let step = cuts.len() / A_FEW / 3 * 3 + 1;
        cuts = cuts.into_iter().step_by(step).collect();
    }
    let next = AtomicUsize::new(0);
    let workers = (0..3).map(|_| async {
        let bench = Bench::new(&template).await;
        let mut counts = bench::Counts::default();
        while let Some(cut) = cuts.get(next.fetch_add(1, Ordering::SeqCst)) {
            bench.tries(cut, &mut counts).await;
        }
        counts
    });
    let mut counts = bench::Counts::default();
    for of_one in join_all(workers).await {
        counts.add(of_one);
    }
    println!("{} cut points in {:.1} s: {counts:?}", cuts.len(), began.elapsed().as_secs_f64());
    assert_eq!(counts.tried, cuts.len());
    assert!(counts.tried > 0, "no cut point was tried");
    if all {
        assert!(counts.struck * 2 > counts.tried && counts.effects > 0, "hardly any struck: {counts:?}");
    }
}
