//! The runs that docs/performance.md shows, each in a process of its own: what one run leaves in memory is not
//! another one's.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::stdio;

const RUNS: &[&[&str]] = &[
    &["--commands", "2000", "--connections", "1"],
    &["--commands", "10000", "--connections", "16"],
    &["--commands", "20000", "--connections", "64"],
    &["--commands", "20000", "--connections", "256"],
    &["--commands", "4000", "--connections", "16", "--rate", "200"],
    &["--commands", "4000", "--connections", "1", "--denials"],
    &["--commands", "40000", "--connections", "64", "--denials"],
    &["--commands", "4000", "--connections", "1", "--one-call"],
    &["--commands", "20000", "--connections", "16", "--one-call"],
    &["--commands", "40000", "--connections", "64", "--one-call"],
    &["--commands", "4000", "--connections", "16", "--rate", "200", "--one-call"],
];

/// Runs `program bench` with each of the standard loads and prints a table to stdout.
///
/// # Errors
/// When a run fails.
pub fn standard_runs(program: &Path, folder: Option<&Path>) -> anyhow::Result<()> {
    stdio::print(format_args!(
        "| `room-owner bench` | commands/s | p50 ms | p99 ms | p99.9 ms | commits | CPU us | idle MB | peak MB |"
    ))?;
    stdio::print(format_args!("|---|---|---|---|---|---|---|---|---|"))?;
    for arguments in RUNS {
        let mut run = Command::new(program);
        run.arg("bench").args(*arguments).arg("--line");
        if let Some(folder) = folder {
            run.arg("--folder").arg(folder);
        }
        let output = run.output().context("a run cannot be started")?;
        let problem = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "`{}` failed: {}", arguments.join(" "), problem.trim());
        stdio::print(format_args!(
            "| `{}` | {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stdout).trim()
        ))?;
    }
    Ok(())
}
