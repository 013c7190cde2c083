//! The arrows between the modules, and the places where a thing is allowed to be. `src/lib.rs` has the map.

use super::source::{Source, behind, has_word, sources, word};
use super::{read, repository};

/// What each module of the crate may name, beside itself. What stands at the platforms' side (`ADAPTERS`)
/// names `app` and `domain` and never each other.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("app", &["domain"]),
    // It implements a port of `app`.
    ("clock", &["app"]),
    // It makes the adapters' settings, and asks `store` what a database URL is, and `http` which address is safe.
    ("config", &["app", "discord", "domain", "http", "redact", "slack", "store", "tencent", "tree"]),
    // It is told how to log by the settings, and counts what `app` answers.
    ("telemetry", &["app", "config", "domain", "redact", "stdio"]),
    // `store` keeps it; `config` asks it what a key is.
    ("tree", &["domain"]),
    // Both endpoints read bodies by it.
    ("body", &[]),
    // The adapters call their services by it.
    ("http", &["redact"]),
    // What is printed, said and logged goes through it.
    ("stdio", &[]),
    // Every adapter reads foreign text through it.
    ("redact", &[]),
    // It serves `/readyz`, which tells of Discord's gateway, and `/metrics`.
    ("server", &["app", "discord", "telemetry"]),
    // It wires a whole bot.
    (
        "bot",
        &["app", "config", "discord", "http", "redact", "server", "slack", "store", "telemetry", "tencent"],
    ),
    // They wire a bot to a simulated world; the demo prints the log as the command line does.
    ("bench", &["app", "bot", "clock", "domain", "slack", "stdio", "store", "tencent"]),
    ("demo", &["app", "bot", "cli", "clock", "discord", "domain", "slack", "stdio", "store", "tencent"]),
    // It lists the targets, which stand beside what they try.
    ("fuzzing", &["cli", "discord", "domain", "slack", "tencent", "tree"]),
    // The map.
    ("lib", &[]),
];

const ADAPTERS: &[&str] = &["cli", "discord", "slack", "store", "tencent", "web"];

fn wrong_arrows(source: &Source, modules: &[&str]) -> Vec<String> {
    let module = source.module();
    if source.path == "src/main.rs" {
        return Vec::new();
    }
    let allowed = match MAY_NAME.iter().find(|(name, _)| *name == module) {
        Some((_, allowed)) => *allowed,
        None if module == "store" => &["app", "domain", "tree"],
        None if module == "cli" => &["app", "domain", "redact", "stdio"],
        None if ADAPTERS.contains(&module) => &["app", "body", "domain", "http", "redact"],
        None => return vec![format!("{}: say in MAY_NAME what `{module}` may name", source.path)],
    };
    let named = source.modules_named(modules).into_iter().filter(|name| !allowed.contains(name));
    named.map(|name| format!("{}: `{module}` names `{name}`", source.path)).collect()
}

fn impure(source: &Source) -> Vec<String> {
    let libraries = ["axum", "clap", "hyper", "reqwest", "sqlx"];
    let (words, parts): (Vec<&str>, &[&str]) = match source.module() {
        "domain" => {
            let more = ["async", "await", "tokio", "tracing", "rand"];
            (libraries.into_iter().chain(more).collect(), &["env", "fs", "io", "net", "process", "thread"])
        }
        "app" => (libraries.to_vec(), &["env", "fs", "net", "process"]),
        _ => return Vec::new(),
    };
    let mut found: Vec<String> =
        words.into_iter().filter(|name| has_word(&source.code, name)).map(str::to_owned).collect();
    found.extend(behind(&source.code, "std").into_iter().filter(|name| parts.contains(&name.as_str())));
    found.into_iter().map(|name| format!("{}: holds `{name}`", source.path)).collect()
}

fn sql_elsewhere(source: &Source) -> Vec<String> {
    if source.module() == "store" {
        return Vec::new();
    }
    let sql = ["SELECT ", "INSERT INTO", "INSERT OR", "UPDATE ", "DELETE FROM", "PRAGMA ", "CREATE TABLE"];
    let texts = source.texts.iter().filter(|text| sql.iter().any(|word| text.contains(word)));
    let mut found: Vec<String> = texts.map(|text| format!("{}: SQL in `{text}`", source.path)).collect();
    if has_word(&source.code, "sqlx") {
        found.push(format!("{}: names sqlx", source.path));
    }
    found
}

/// Slack's and Discord's markup.
fn markup_elsewhere(source: &Source) -> Vec<String> {
    let file = source.path.rsplit('/').next().unwrap_or_default();
    // A fuzz target looks for it in what is rendered.
    if file == "render.rs" || file == "fuzzing.rs" || source.path.contains("/render/") {
        return Vec::new();
    }
    let markup = ["rich_text", "mrkdwn", "plain_text", "response_type\":", "\"embeds", "allowed_mentions"];
    let texts = source.texts.iter().filter(|text| markup.iter().any(|word| text.contains(word)));
    texts.map(|text| format!("{}: markup in `{text}`", source.path)).collect()
}

fn environment_elsewhere(source: &Source) -> Vec<String> {
    // What was typed on the command line is no setting: `main` keeps it for the record.
    // Neither is the name of the system that the program was built for, which Discord asks for.
    let code = source.without_tests().replace("std::env::args()", "").replace("std::env::consts", "");
    let reads = source.path != "src/config.rs" && behind(&code, "std").iter().any(|name| name == "env");
    let dotenv = source.path != "src/config.rs" && has_word(&source.code, "dotenvy");
    (reads || dotenv).then(|| format!("{}: reads the environment", source.path)).into_iter().collect()
}

/// How long a call may take, where it may go and what its errors may say is decided in one place.
fn clients_elsewhere(source: &Source) -> Vec<String> {
    // They play other machines.
    let plays = ["src/demo/", "src/tencent/simulator/"].iter().any(|folder| source.path.starts_with(folder));
    let builds = !plays && source.path != "src/http.rs" && source.without_tests().contains("reqwest::Client");
    builds.then(|| format!("{}: has an HTTP client of its own", source.path)).into_iter().collect()
}

/// The one proof that a record is on disk is made where the record is put there.
fn attempts_elsewhere(source: &Source) -> Vec<String> {
    let makes = source.module() != "store" && source.code.contains("Attempt::committed");
    makes.then(|| format!("{}: makes an attempt", source.path)).into_iter().collect()
}

/// The one proof that somebody may is made where that is decided.
fn permits_elsewhere(source: &Source) -> Vec<String> {
    if source.path == "src/domain/access/rule.rs" {
        return Vec::new();
    }
    let made = source.code.match_indices("Permit").any(|(at, name)| {
        let before = source.code[..at].trim_end();
        let whole = !source.code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let is_other = ["Effect::", "Decision::", "DecisionKind::", "->", "for", "impl"]
            .iter()
            .any(|end| before.ends_with(end));
        whole && !is_other && source.code[at + name.len()..].trim_start().starts_with('{')
    });
    made.then(|| format!("{}: makes a permit", source.path)).into_iter().collect()
}

fn clocks_elsewhere(source: &Source) -> Vec<String> {
    // The simulator stands in for another machine, which has a clock of its own.
    if ["src/clock.rs", "src/tencent/simulator/mod.rs"].contains(&source.path.as_str()) {
        return Vec::new();
    }
    let code = source.without_tests();
    let clocks = ["Timestamp::now", "SystemTime::now", "Zoned::now"];
    clocks
        .iter()
        .filter(|clock| code.contains(*clock))
        .map(|clock| format!("{}: {clock}", source.path))
        .collect()
}

fn unwraps(source: &Source) -> Vec<String> {
    let found = source.without_tests().contains(".unwrap()");
    found.then(|| format!("{}: unwrap() outside of tests", source.path)).into_iter().collect()
}

/// A file is read in one sitting.
const LONGEST_FILE: usize = 650;

fn too_long(source: &Source) -> Vec<String> {
    let long = source.lines >= LONGEST_FILE;
    long.then(|| format!("{}: {} lines", source.path, source.lines)).into_iter().collect()
}

fn holds(rule: impl Fn(&Source) -> Vec<String>) {
    let sources = sources();
    assert!(sources.len() > 40);
    let wrong: Vec<String> = sources.iter().flat_map(rule).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The modules of the crate, as its folder has them.
fn modules() -> Vec<String> {
    let entries = std::fs::read_dir(repository("src")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.map(|name| word(&name).to_owned()).collect();
    names.retain(|name| name != "main" && name != "lib");
    names
}

#[test]
fn the_arrows_point_inwards_and_no_adapter_knows_another() {
    let modules = modules();
    let modules: Vec<&str> = modules.iter().map(String::as_str).collect();
    assert!(["domain", "app", "store", "slack", "tencent", "cli"].iter().all(|name| modules.contains(name)));
    holds(|source| wrong_arrows(source, &modules));
}

#[test]
fn the_domain_is_pure_and_the_use_cases_know_no_platform() {
    holds(impure);
}

#[test]
fn only_the_store_speaks_sql() {
    holds(sql_elsewhere);
}

#[test]
fn only_render_files_hold_markup() {
    holds(markup_elsewhere);
}

#[test]
fn only_config_reads_the_environment() {
    holds(environment_elsewhere);
}

#[test]
fn there_is_one_outgoing_client() {
    holds(clients_elsewhere);
}

#[test]
fn only_the_store_makes_attempts_and_only_decide_makes_permits() {
    holds(attempts_elsewhere);
    holds(permits_elsewhere);
}

#[test]
fn time_is_an_argument() {
    holds(clocks_elsewhere);
}

#[test]
fn nothing_unwraps_outside_of_tests() {
    holds(unwraps);
}

#[test]
fn every_file_is_read_in_one_sitting() {
    holds(too_long);
}

/// Whether git leaves the name out: `target`, a database that somebody tries things with.
fn is_ignored(name: &str, ignored: &str) -> bool {
    ignored.lines().any(|pattern| match pattern.strip_prefix('*') {
        Some(end) => name.ends_with(end),
        None => pattern.trim_matches('/') == name,
    })
}

#[test]
fn the_top_level_holds_what_a_newcomer_needs_and_no_more() {
    let ignored = read(".gitignore");
    let entries = std::fs::read_dir(repository("")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> =
        names.filter(|name| !name.starts_with('.') && !is_ignored(name, &ignored)).collect();
    names.retain(|name| !["CONTRIBUTING.md", "deploy", "docs"].contains(&name.as_str()));
    names.sort_unstable();
    let needed = ["Cargo.lock", "Cargo.toml", "LICENSE-APACHE", "LICENSE-MIT", "README.md"];
    assert_eq!(names, [&needed[..], &["migrations", "src", "tests"]].concat());
}

#[test]
fn the_map_in_lib_rs_names_every_module() {
    let map = read("src/lib.rs");
    for module in modules() {
        let line = format!("//! {module}");
        assert!(map.lines().any(|l| l.starts_with(&line)), "src/lib.rs does not say what `{module}` is");
    }
}

#[test]
fn each_rule_can_fail() {
    let at = |path: &str, text: &str| Source::new(path, text);
    let modules = ["app", "cli", "domain", "server", "slack", "store", "tencent"];
    for (path, text) in [
        ("src/domain/room.rs", "use crate::app::ports::Clock;"),
        ("src/domain/mod.rs", "fn f() { super::app::x() }"),
        ("src/app/service.rs", "use crate::{domain::reply, slack::Settings};"),
        ("src/slack/mod.rs", "use crate::tencent;"),
        ("src/store/acl.rs", "mod t { use super::super::super::cli; }"),
        ("src/discord/mod.rs", "use crate::slack::text;"),
        ("src/new.rs", "fn f() {}"),
    ] {
        assert!(!wrong_arrows(&at(path, text), &modules).is_empty(), "{path}: {text}");
    }
    assert!(
        wrong_arrows(&at("src/slack/mod.rs", "use crate::{app, domain}; // crate::store"), &modules)
            .is_empty()
    );

    for text in [
        "async fn f() {}",
        "use std::{fmt, fs};",
        "use std::net::IpAddr;",
        "std::env::args()",
        "tokio::spawn(x)",
    ] {
        assert!(!impure(&at("src/domain/a.rs", text)).is_empty(), "{text}");
    }
    assert!(
        impure(&at("src/domain/a.rs", "/// async, std::fs\nuse std::fmt; let x = \"tokio\";")).is_empty()
    );
    assert!(!impure(&at("src/app/a.rs", "reqwest::get(x)")).is_empty());

    for text in ["let q = \"SELECT 1\";", "r#\"x; DELETE FROM y\"#", "\"UPDATE a SET b\"", "sqlx::query(q)"] {
        assert!(!sql_elsewhere(&at("src/cli/a.rs", text)).is_empty(), "{text}");
        assert!(sql_elsewhere(&at("src/store/a.rs", text)).is_empty(), "{text}");
    }
    for text in ["json!({ \"type\": \"rich_text\" })", "\"mrkdwn\""] {
        assert!(!markup_elsewhere(&at("src/slack/slash.rs", text)).is_empty(), "{text}");
        assert!(markup_elsewhere(&at("src/slack/render.rs", text)).is_empty(), "{text}");
    }
    for text in ["std::env::var(\"X\")", "use std::{env, fmt};", "dotenvy::dotenv()"] {
        assert!(!environment_elsewhere(&at("src/bot.rs", text)).is_empty(), "{text}");
    }
    assert!(!clients_elsewhere(&at("src/slack/a.rs", "reqwest::Client::builder()")).is_empty());
    assert!(clients_elsewhere(&at("src/demo/a.rs", "reqwest::Client::new()")).is_empty());
    assert!(!attempts_elsewhere(&at("src/app/service.rs", "Attempt::committed(a, b)")).is_empty());
    for text in ["Permit { action, authority }", "let p = access::Permit\n{ action };"] {
        assert!(!permits_elsewhere(&at("src/app/service.rs", text)).is_empty(), "{text}");
    }
    assert!(
        permits_elsewhere(&at("src/app/service.rs", "if x == Effect::Permit { y }; fn f() -> Permit { z }"))
            .is_empty()
    );
    assert!(!clocks_elsewhere(&at("src/app/service.rs", "let now = Timestamp::now();")).is_empty());
    assert!(
        !unwraps(&at("src/app/service.rs", "x.unwrap();\n#[cfg(test)]\nmod tests { y.unwrap() }")).is_empty()
    );
    assert!(unwraps(&at("src/app/service.rs", "#[cfg(test)]\nmod tests { y.unwrap() }")).is_empty());
    assert!(!too_long(&at("src/a.rs", &"\n".repeat(LONGEST_FILE))).is_empty());
    assert!(
        is_ignored("target", "/target\n*.db")
            && is_ignored("a.db", "/target\n*.db")
            && !is_ignored("docs", "/target\n*.db")
    );
}
