//! What is written down is read here: the README, `docs`, `.env.example`, the package, and the sources against the
//! arrows between the modules.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the answer")]

mod architecture;
mod command_lines;
mod env_example;
mod generated;
mod links;
mod markdown;
mod packaging;
mod readme;
mod reference;
mod source;
mod try_it;

use std::path::{Path, PathBuf};

/// A file or folder of the repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
