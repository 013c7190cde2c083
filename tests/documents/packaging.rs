//! What the package says of itself: the Rust that builds it, and its licences.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use super::read;

fn cargo(arguments: &[&str]) -> String {
    let output =
        Command::new(env!("CARGO")).current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What cargo knows of the package and its dependencies on this machine, without a network.
fn metadata() -> Value {
    let version = cargo(&["-vV"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let arguments = ["metadata", "--format-version=1", "--offline", "--locked", "--filter-platform", host];
    serde_json::from_str(&cargo(&arguments)).unwrap()
}

/// The ids of the packages that the program is built from: no dependencies of tests.
fn built(metadata: &Value) -> BTreeSet<&str> {
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let nodes: BTreeMap<&str, &Value> =
        nodes.iter().map(|node| (node["id"].as_str().unwrap(), node)).collect();
    let mut found = BTreeSet::new();
    let mut next = vec![metadata["resolve"]["root"].as_str().unwrap()];
    while let Some(id) = next.pop() {
        if !found.insert(id) {
            continue;
        }
        for dependency in nodes[id]["deps"].as_array().unwrap() {
            let mut kinds = dependency["dep_kinds"].as_array().unwrap().iter();
            if kinds.any(|kind| kind["kind"] != "dev") {
                next.push(dependency["pkg"].as_str().unwrap());
            }
        }
    }
    found
}

/// `1.94` and `1.94.0` are the same.
fn version(text: &str) -> [u64; 3] {
    let mut numbers = text.split('.').map(|number| number.parse().unwrap());
    std::array::from_fn(|_| numbers.next().unwrap_or(0))
}

#[test]
fn the_rust_that_is_asked_for_is_the_newest_that_a_dependency_asks_for() {
    let metadata = metadata();
    let built = built(&metadata);
    let packages = metadata["packages"].as_array().unwrap().iter();
    let packages = packages.filter(|package| built.contains(package["id"].as_str().unwrap()));
    let asked = packages.filter_map(|package| {
        let asks = package["rust_version"].as_str()?;
        Some((version(asks), package["name"].as_str()?, asks))
    });
    let (own, others): (Vec<_>, Vec<_>) = asked.partition(|(_, name, _)| *name == "room-owner");
    assert!(others.len() > 100);
    let (_, _, own) = own[0];
    let (newest, name, _) = others.iter().max().unwrap();
    assert_eq!(version(own), *newest, "`{name}` needs that");
    for document in ["README.md", "CONTRIBUTING.md", "docs/set-up.md"] {
        let is_named = read(document).contains(&format!("Rust {own} or newer"));
        assert!(is_named, "{document} names another Rust");
    }
}

#[test]
fn the_licences_are_there_as_a_whole() {
    assert!(read("Cargo.toml").contains("license = \"MIT OR Apache-2.0\""));
    for (file, parts) in [
        ("LICENSE-MIT", ["Permission is hereby granted", "OTHER DEALINGS IN THE\nSOFTWARE."]),
        ("LICENSE-APACHE", ["1. Definitions.", "limitations under the License."]),
    ] {
        let text = read(file);
        assert!(text.contains("2026 The room-owner authors"), "{file}");
        assert!(parts.iter().all(|part| text.contains(part)), "{file}");
    }
}

#[test]
fn the_tasks_that_contributors_are_told_of_are_there() {
    let tasks = read(".justfile");
    for task in ["check", "gate"] {
        assert!(read("CONTRIBUTING.md").contains(&format!("`just {task}`")), "{task}");
        assert!(tasks.lines().any(|line| line == format!("{task}:")), "{task}");
    }
}

#[test]
fn git_ignores_what_the_program_leaves_in_its_folder_and_above_all_its_keys() {
    let names = [".env", ".env.local"].into_iter().map(str::to_owned);
    let suffixes = ["", "-wal", "-shm", "-journal", ".key", ".locks", ".checkpoint", ".checkpoint.before"];
    let files = suffixes.into_iter().map(|suffix| format!("room-owner.db{suffix}"));
    for name in names.chain(files) {
        let mut git = Command::new("git");
        git.current_dir(env!("CARGO_MANIFEST_DIR")).args(["check-ignore", "--quiet", "--no-index", &name]);
        match git.status().map(|status| status.code()) {
            Ok(Some(0)) => {}
            Ok(Some(1)) => panic!("git does not ignore `{name}`"),
            _ => return eprintln!("skipped: no git, or no repository"),
        }
    }
}
