//! The arrows between the modules, and the places where a thing is allowed to be. `src/lib.rs` has the map.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::Visit;

use super::source::{Arrows, Crate, Names, Source, module_named, sources};
use super::{read, repository};

/// What each module of the crate may name besides itself. What stands at the platforms' side (`ADAPTERS`)
/// names `app` and `domain` and never each other.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("app", &["domain"]),
    // It implements a port of `app`.
    ("clock", &["app"]),
    // It makes the adapters' settings, and asks `store` what a database URL is, and `http` which address is safe.
    ("config", &["app", "discord", "domain", "http", "redact", "slack", "store", "tencent", "merkle"]),
    // The settings say how it logs, and counts what `app` answers.
    ("telemetry", &["app", "config", "domain", "redact", "stdio"]),
    // `store` keeps it; `config` asks it what a key is.
    ("merkle", &["domain"]),
    // Whoever serves or writes a page hands it what it is to show.
    ("page", &["domain"]),
    // Every endpoint reads bodies by it; the target of the lines that anybody can cause is `app`'s.
    ("body", &["app"]),
    // The adapters call their services by it.
    ("http", &["redact"]),
    // The platforms that commands come from by it are reached through the same proxy.
    ("websocket", &["http"]),
    // What is printed, said and logged goes through it.
    ("stdio", &[]),
    // Every adapter reads foreign text through it.
    ("redact", &[]),
    // It serves `/readyz`, which tells of the connections that commands come over, and `/metrics`.
    ("server", &["app", "telemetry", "websocket"]),
    // It writes rows as the command line does.
    ("case_file", &["app", "cli", "domain", "merkle", "page", "store"]),
    // It wires a whole bot.
    (
        "bot",
        &[
            "app",
            "case_file",
            "config",
            "discord",
            "domain",
            "http",
            "redact",
            "server",
            "slack",
            "stdio",
            "store",
            "telemetry",
            "tencent",
            "web",
            "websocket",
        ],
    ),
    // It asks people, writes the settings, makes the database, and shows what `doctor` finds.
    (
        "setup",
        &[
            "app",
            "cli",
            "config",
            "discord",
            "doctor",
            "domain",
            "redact",
            "slack",
            "stdio",
            "store",
            "telemetry",
            "tencent",
        ],
    ),
    // It looks at all of it, from outside.
    (
        "doctor",
        &[
            "app", "config", "discord", "domain", "http", "merkle", "redact", "server", "slack", "store",
            "tencent",
        ],
    ),
    // They wire a bot to a simulated world; the demo prints the log as the command line does.
    ("bench", &["app", "bot", "clock", "domain", "slack", "stdio", "store", "tencent"]),
    ("demo", &["app", "bot", "cli", "clock", "discord", "domain", "slack", "stdio", "store", "tencent"]),
    // It lists the targets, which stand beside what they try.
    ("fuzzing", &["cli", "discord", "domain", "slack", "tencent", "merkle"]),
    // The map.
    ("lib", &[]),
];

const ADAPTERS: &[&str] = &["cli", "discord", "slack", "store", "tencent", "web"];

fn wrong_arrows(source: &Source) -> Vec<String> {
    let module = source.module();
    // The program itself wires everything.
    if source.path == "src/main.rs" || module == "run" {
        return Vec::new();
    }
    let allowed = match MAY_NAME.iter().find(|(name, _)| *name == module) {
        Some((_, allowed)) => *allowed,
        None if module == "store" => &["app", "domain", "merkle"],
        None if module == "cli" => &["app", "domain", "http", "redact", "stdio"],
        None if module == "web" => &["app", "body", "domain", "page", "redact"],
        None if ADAPTERS.contains(&&*module) => &["app", "body", "domain", "http", "redact", "websocket"],
        None => return vec![format!("{}: say in MAY_NAME what `{module}` may name", source.path)],
    };
    let depth = source.modules().len();
    let named = source.code.paths.iter().filter_map(|path| module_named(path, depth));
    let known = |name: &str| ADAPTERS.contains(&name) || MAY_NAME.iter().any(|(known, _)| *known == name);
    let wrong = named.filter(|name| *name != module && known(name) && !allowed.contains(name));
    let wrong: BTreeSet<&str> = wrong.collect();
    wrong.into_iter().map(|name| format!("{}: `{module}` names `{name}`", source.path)).collect()
}

fn impure(source: &Source) -> Vec<String> {
    let libraries = ["axum", "clap", "hyper", "reqwest", "sqlx"];
    let (words, parts): (Vec<&str>, &[&str]) = match &*source.module() {
        "domain" => {
            let more = ["async", "await", "tokio", "tracing", "rand"];
            (libraries.into_iter().chain(more).collect(), &["env", "fs", "io", "net", "process", "thread"])
        }
        "app" => (libraries.to_vec(), &["env", "fs", "net", "process"]),
        _ => return Vec::new(),
    };
    let words = words.into_iter().filter(|word| source.code.words.contains(*word));
    let parts = parts.iter().filter(|part| source.code.names(&["std", part]));
    words.chain(parts.copied()).map(|name| format!("{}: holds `{name}`", source.path)).collect()
}

fn sql_elsewhere(source: &Source) -> Vec<String> {
    if source.module() == "store" {
        return Vec::new();
    }
    let sql = ["SELECT ", "INSERT INTO", "INSERT OR", "UPDATE ", "DELETE FROM", "PRAGMA ", "CREATE TABLE"];
    let mut found = texts_with(&sql, "SQL", source);
    if source.code.words.contains("sqlx") {
        found.push(format!("{}: names sqlx", source.path));
    }
    found
}

fn texts_with(parts: &[&str], what: &str, source: &Source) -> Vec<String> {
    let texts = source.code.texts.iter().filter(|text| parts.iter().any(|part| text.contains(part)));
    texts.map(|text| format!("{}: {what} in `{text}`", source.path)).collect()
}

/// Slack's and Discord's markup.
fn markup_elsewhere(source: &Source) -> Vec<String> {
    let file = source.path.rsplit('/').next().unwrap_or_default();
    // A fuzz target looks for it in what is rendered.
    if file == "render.rs" || file == "fuzzing.rs" || source.path.contains("/render/") {
        return Vec::new();
    }
    let markup = ["rich_text", "mrkdwn", "plain_text", "response_type\":", "\"embeds", "allowed_mentions"];
    texts_with(&markup, "markup", source)
}

fn environment_elsewhere(source: &Source) -> Vec<String> {
    // What was typed on the command line is no setting: `main` keeps it for the record.
    // Neither is the name of the system that the program was built for, which Discord asks for.
    let is_setting = |path: &&Names| {
        path.starts_with(&["std".to_owned(), "env".to_owned()])
            && !path.get(2).is_some_and(|name| ["args", "consts"].contains(&&**name))
    };
    let reads =
        source.shipped.paths.iter().any(|path| is_setting(&path)) || source.code.words.contains("dotenvy");
    let elsewhere = reads && source.module() != "config";
    elsewhere.then(|| format!("{}: reads the environment", source.path)).into_iter().collect()
}

/// How long a call may take, where it may go and what its errors may say is decided in one place.
fn clients_elsewhere(source: &Source) -> Vec<String> {
    // They play other machines.
    let plays = ["src/demo/", "src/tencent/simulator/"].iter().any(|folder| source.path.starts_with(folder));
    let builds = !plays && source.module() != "http" && source.shipped.names(&["reqwest", "Client"]);
    builds.then(|| format!("{}: has an HTTP client of its own", source.path)).into_iter().collect()
}

/// The one proof that a record is on disk is made where the record is put there.
fn attempts_elsewhere(source: &Source) -> Vec<String> {
    let makes = source.module() != "store" && source.code.calls(&["Attempt", "committed"]);
    makes.then(|| format!("{}: makes an attempt", source.path)).into_iter().collect()
}

/// The one proof that somebody may is made where that is decided.
fn permits_elsewhere(source: &Source) -> Vec<String> {
    struct Permits(bool);
    impl<'a> Visit<'a> for Permits {
        fn visit_expr_struct(&mut self, made: &'a syn::ExprStruct) {
            let mut names = made.path.segments.iter().rev().map(|segment| segment.ident.to_string());
            let is_permit = names.next().is_some_and(|name| name == "Permit");
            // Behind the name of a type, it is one of its variants.
            let is_variant = names.next().is_some_and(|name| name.starts_with(char::is_uppercase));
            self.0 |= is_permit && !is_variant;
            syn::visit::visit_expr_struct(self, made);
        }
    }
    let mut permits = Permits(false);
    source.items.iter().for_each(|item| permits.visit_item(item));
    let elsewhere = permits.0 && source.path != "src/domain/access/rule.rs";
    elsewhere.then(|| format!("{}: makes a permit", source.path)).into_iter().collect()
}

/// clippy knows the other clocks, but finds no way to this one.
fn clocks_elsewhere(source: &Source) -> Vec<String> {
    let reads = source.shipped.calls(&["Zoned", "now"]);
    reads.then(|| format!("{}: reads the clock", source.path)).into_iter().collect()
}

/// A file is read in one sitting.
const LONGEST_FILE: usize = 650;

fn too_long(source: &Source) -> Vec<String> {
    let long = source.lines >= LONGEST_FILE;
    long.then(|| format!("{}: {} lines", source.path, source.lines)).into_iter().collect()
}

/// The modules of the crate, as its folder has them.
fn modules() -> Vec<String> {
    let entries = std::fs::read_dir(repository("src")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.map(|name| name.trim_end_matches(".rs").to_owned()).collect();
    names.retain(|name| name != "main" && name != "lib");
    names
}

type Rule = fn(&Source) -> Vec<String>;

const RULES: &[(&str, Rule)] = &[
    ("the arrows point inwards, and no adapter knows another", wrong_arrows),
    ("the domain is pure, and the use cases know no platform", impure),
    ("only the store speaks SQL", sql_elsewhere),
    ("only `render` files hold markup", markup_elsewhere),
    ("only `config` reads the environment", environment_elsewhere),
    ("there is one outgoing client", clients_elsewhere),
    ("only the store makes attempts", attempts_elsewhere),
    ("only `decide` makes permits", permits_elsewhere),
    ("time is an argument", clocks_elsewhere),
    ("every file is read in one sitting", too_long),
];

#[test]
fn the_sources_keep_the_rules() {
    let sources = sources();
    assert!(sources.len() > 40);
    let mut broken = String::new();
    for (rule, wrong) in RULES {
        for place in sources.iter().flat_map(wrong) {
            broken += &format!("\n{rule}, but {place}");
        }
    }
    assert!(broken.is_empty(), "{broken}");
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
    let at = |path: &str, text: &str| Source::new(path, &format!("fn f() {{ {text} }}"));
    for (path, text) in [
        ("src/domain/room.rs", "use crate::app::ports::Clock;"),
        ("src/domain/mod.rs", "fn f() { super::app::x() }"),
        ("src/app/service.rs", "use crate::{domain::reply, slack::Settings};"),
        ("src/slack/mod.rs", "use crate::tencent;"),
        ("src/store/acl.rs", "mod t { use super::super::super::cli; }"),
        ("src/discord/mod.rs", "use crate::slack::text;"),
        ("src/new.rs", "fn f() {}"),
    ] {
        assert!(!wrong_arrows(&at(path, text)).is_empty(), "{path}: {text}");
    }
    assert!(wrong_arrows(&at("src/slack/mod.rs", "use crate::{app, domain}; /* crate::store */")).is_empty());

    for text in [
        "async fn f() {}",
        "use std::{fmt, fs};",
        "use std::net::IpAddr;",
        "std::env::args()",
        "tokio::spawn(x)",
    ] {
        assert!(!impure(&at("src/domain/a.rs", text)).is_empty(), "{text}");
    }
    let pure = "/// async, std::fs\nuse std::fmt; let x = \"tokio\";";
    assert!(impure(&at("src/domain/a.rs", pure)).is_empty());
    assert!(!impure(&at("src/app/a.rs", "reqwest::get(x)")).is_empty());

    for text in
        ["let q = \"SELECT 1\";", "r#\"x; DELETE FROM y\"#", "f!(\"UPDATE a SET b\")", "sqlx::query(q)"]
    {
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
    assert!(environment_elsewhere(&at("src/bot.rs", "std::env::args(); std::env::consts::OS")).is_empty());
    assert!(!clients_elsewhere(&at("src/slack/a.rs", "reqwest::Client::builder()")).is_empty());
    assert!(clients_elsewhere(&at("src/demo/a.rs", "reqwest::Client::new()")).is_empty());
    assert!(!attempts_elsewhere(&at("src/app/service.rs", "Attempt::committed(a, b)")).is_empty());
    for text in ["Permit { action, authority }", "let p = access::Permit\n{ action };"] {
        assert!(!permits_elsewhere(&at("src/app/service.rs", text)).is_empty(), "{text}");
    }
    let other = "if x == Effect::Permit { y }; Decision::Permit { y }; fn f() -> Permit { z }";
    assert!(permits_elsewhere(&at("src/app/service.rs", other)).is_empty());
    assert!(!clocks_elsewhere(&at("src/app/service.rs", "let now = jiff::Zoned::now();")).is_empty());
    assert!(!too_long(&at("src/a.rs", &"\n".repeat(LONGEST_FILE))).is_empty());
    assert!(
        is_ignored("target", "/target\n*.db")
            && is_ignored("a.db", "/target\n*.db")
            && !is_ignored("docs", "/target\n*.db")
    );
}

/// The circles of files and folders, each with the names that tie it. What a file takes from the `mod.rs` of a
/// folder that it is in does not count: there stands what the files of a folder share.
fn circles(arrows: &Arrows) -> Vec<(String, Vec<String>, String)> {
    type Ties<'a> = BTreeMap<(&'a str, &'a str), BTreeSet<&'a str>>;
    let mut ties_of: BTreeMap<&[String], Ties<'_>> = BTreeMap::new();
    for ((from, to), names) in arrows {
        let shared = from.iter().zip(to).take_while(|(a, b)| a == b).count();
        if let (Some(to), folder) = (to.get(shared), &from[..shared]) {
            let tie = (from.get(shared).map_or("mod", |from| from), &**to);
            let known = ties_of.entry(folder).or_default().entry(tie).or_default();
            known.extend(names.iter().map(|name| &**name));
        }
    }
    let mut found = Vec::new();
    for (folder, ties) in ties_of {
        for circle in circles_of(&ties.keys().copied().collect()) {
            let inside = ties.iter().filter(|((from, to), _)| circle.contains(from) && circle.contains(to));
            let ties = inside.map(|((from, to), names)| format!("\n  {from} -> {to}: {names:?}")).collect();
            found.push((folder.join("/"), circle.into_iter().map(str::to_owned).collect(), ties));
        }
    }
    found
}

/// The largest groups of which each reaches each.
fn circles_of<'a>(arrows: &BTreeSet<(&'a str, &'a str)>) -> BTreeSet<Vec<&'a str>> {
    let nodes: BTreeSet<&str> = arrows.iter().flat_map(|(from, to)| [*from, *to]).collect();
    let mut reaches = arrows.clone();
    for over in &nodes {
        for from in &nodes {
            let on =
                nodes.iter().filter(|to| reaches.contains(&(from, over)) && reaches.contains(&(over, to)));
            let on: Vec<_> = on.map(|to| (*from, *to)).collect();
            reaches.extend(on);
        }
    }
    let both = |a, b| reaches.contains(&(a, b)) && reaches.contains(&(b, a));
    let circle_of = |node| nodes.iter().copied().filter(|other| both(node, *other)).collect::<Vec<_>>();
    nodes.iter().map(|node| circle_of(*node)).filter(|circle| circle.len() > 1).collect()
}

#[test]
fn no_file_and_no_folder_names_itself_in_a_circle() {
    let arrows = Crate::new(&sources()).arrows();
    assert!(arrows.len() > 200);
    let wrong = circles(&arrows).into_iter();
    let wrong = wrong.map(|(folder, circle, ties)| format!("\na circle in {folder}, {circle:?}:{ties}"));
    let wrong: String = wrong.collect();
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_circle_is_seen_whatever_ties_it() {
    let circle = |sources: &[(&str, &str)]| {
        let sources: Vec<_> = sources.iter().map(|(path, text)| Source::new(path, text)).collect();
        let circles = circles(&Crate::new(&sources).arrows());
        circles
            .into_iter()
            .map(|(folder, circle, _)| format!("{folder}: {}", circle.join(" ")))
            .collect::<Vec<_>>()
    };
    let a = ("src/x/a.rs", "use super::b::B; pub struct A; fn f() {}");
    for (b, is_one) in [
        ("pub struct B; fn g(_: super::a::A) {}", true),
        ("pub struct B; fn g() { h!(crate::x::a::f()) }", true),
        ("use super::{self as up, c}; pub struct B; type T = Vec<up::a::A>;", true),
        ("use super::*; pub struct B; mod inner { use crate::x::A; }", true),
        ("pub struct B; pub use super::a::A; fn g(_: A) {}", true),
        ("pub struct B; pub use super::a::A;", false),
        ("pub struct B; /// super::a::A\nfn g() { \"super::a::A\" }", false),
        ("pub struct B; #[cfg(test)] mod tests { use super::super::a::A; }", false),
        ("pub struct B; use super::a::not_there; use a::A;", false),
    ] {
        let found = circle(&[
            a,
            ("src/x/b.rs", b),
            ("src/x/mod.rs", "mod a; mod b; pub use a::A;"),
            ("src/lib.rs", ""),
        ]);
        assert_eq!(found, if is_one { vec!["x: a b"] } else { vec![] }, "{b}");
    }
    let folders = [("src/x/a.rs", "use crate::y::B; pub struct A;"), ("src/y/c.rs", "use crate::x::a::A;")];
    let rest = [("src/x/mod.rs", ""), ("src/y/mod.rs", "pub struct B; use c::f;"), ("src/lib.rs", "")];
    assert_eq!(circle(&[&folders[..], &rest].concat()), [": x y"]);
    let shared = [("src/x/a.rs", "use super::S; pub fn f() {}"), ("src/x/mod.rs", "pub struct S; use a::f;")];
    assert!(circle(&[&shared[..], &rest[2..]].concat()).is_empty());
}
