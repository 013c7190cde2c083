//! What the package says of itself: the Rust that builds it, and its licences.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use room_owner::config::VARIABLES;
use serde_json::Value;

use super::{read, repository};

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

/// Whether a tool says yes to a file of `deploy/`; a tool that is not installed is skipped.
fn accepts(tool: &str, arguments: &[&str]) {
    // What it keeps for itself, such as Caddy's certificates, is gone with the test.
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(tool);
    command
        .args(arguments)
        .env("HOME", home.path())
        .env_remove("XDG_DATA_HOME")
        .env_remove("XDG_CONFIG_HOME");
    let Ok(output) = command.output() else {
        return println!("skipped: {tool} is not installed");
    };
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{tool} {arguments:?}: {}", String::from_utf8_lossy(&said));
}

/// A text as a file that the test may change.
fn file(folder: &tempfile::TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn systemd_understands_the_unit_and_lets_it_do_little() {
    let folder = tempfile::tempdir().unwrap();
    let program = assert_cmd::cargo::cargo_bin!("room-owner").to_str().unwrap();
    let unit = read("deploy/room-owner.service");
    assert!(unit.contains("ExecStart=/usr/local/bin/room-owner serve\n"));
    let unit = file(&folder, "room-owner.service", &unit.replace("/usr/local/bin/room-owner", program));
    accepts("systemd-analyze", &["verify", &unit]);
    // From 0 for what may do nothing to 100 for what may do everything.
    accepts("systemd-analyze", &["security", "--no-pager", "--offline=true", "--threshold=20", &unit]);
}

#[test]
fn the_proxies_understand_their_files() {
    let folder = tempfile::tempdir().unwrap();
    let caddy = repository("deploy/Caddyfile");
    accepts("caddy", &["validate", "--adapter", "caddyfile", "--config", caddy.to_str().unwrap()]);
    let (key, certificate) = (folder.path().join("key"), folder.path().join("certificate"));
    let (key, certificate) = (key.to_str().unwrap(), certificate.to_str().unwrap());
    let words =
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=bot.example.com -days 1";
    let made =
        Command::new("openssl").args(words.split(' ')).args(["-keyout", key, "-out", certificate]).output();
    if !made.is_ok_and(|made| made.status.success()) {
        return println!("skipped: openssl is not installed");
    }
    let site = read("deploy/nginx.conf");
    // Not everybody may listen on 443.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let site = site
        .replace("listen 443 ssl", &format!("listen {free} ssl"))
        .replace("/etc/letsencrypt/live/bot.example.com/fullchain.pem", certificate)
        .replace("/etc/letsencrypt/live/bot.example.com/privkey.pem", key);
    let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let paths = paths.map(|name| format!("{name}_temp_path {name};")).join("\n");
    let all = format!("pid pid; events {{}}\nhttp {{\naccess_log off;\n{paths}\n{site}\n}}");
    let all = file(&folder, "nginx.conf", &all);
    accepts("nginx", &["-t", "-e", "stderr", "-p", folder.path().to_str().unwrap(), "-c", &all]);
}

#[test]
fn the_containers_are_set_up_with_settings_that_there_are() {
    let known: BTreeSet<&str> = VARIABLES.iter().map(|variable| variable.name).collect();
    let is_known = |name: &str| known.contains(name) || known.contains(name.trim_end_matches("_FILE"));
    let mut named = 0;
    for name in ["Dockerfile", "compose.yaml", "kubernetes.md"] {
        let text = read(&format!("deploy/{name}"));
        let words = text.split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'));
        let prefixes = ["TENCENT_", "SLACK_", "DISCORD_", "BIND_", "DATABASE_", "LOG_", "SHUTDOWN_"];
        for word in words.filter(|word| prefixes.iter().any(|prefix| word.starts_with(prefix))) {
            assert!(is_known(word), "deploy/{name}: `{word}`");
            named += 1;
        }
    }
    assert!(named > 10);
    let rust = format!("FROM rust:{}-", env!("CARGO_PKG_RUST_VERSION"));
    assert!(read("deploy/Dockerfile").contains(&rust), "the Dockerfile builds with another Rust");
}

#[test]
fn what_is_in_deploy_is_explained_there() {
    let explained = read("deploy/README.md");
    for entry in std::fs::read_dir(repository("deploy")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let is_explained = explained.contains(&format!("`{name}`"));
        assert!(is_explained || name == "README.md" || name.ends_with(".dockerignore"), "{name}");
    }
}
