//! The parts of the documents that are made from the program's own tables. `UPDATE_DOCS=1 cargo test --test documents`
//! writes them.

use std::collections::{BTreeMap, BTreeSet};

use clap::{Arg, CommandFactory as _};
use room_owner::cli::Arguments;
use room_owner::config::{env_example, settings_table};
use room_owner::domain::command::{CommandGroup, Invocation, Kind, Needs, Parameter, Position, Style, Verb};

use super::source::{Source, module_named, sources};
use super::{read, repository};

/// Which parts there are: the document, the part's name, and what makes it.
type Part = (&'static str, &'static str, fn() -> String);

const PARTS: &[Part] = &[
    ("docs/commands.md", "chat commands", chat_commands),
    ("docs/command-line.md", "command line", command_line),
    ("docs/settings.md", "settings", settings_table),
    ("docs/operations.md", "metrics", metrics),
    ("docs/architecture.md", "map", || from_lib("# The map")),
    ("docs/architecture.md", "way of one command", || from_lib("# The way of one command")),
    ("docs/architecture.md", "arrows", arrows),
];

const UPDATE: &str = "UPDATE_DOCS=1 cargo test --test documents";

/// The document with the part in its place.
fn with_part(document: &str, name: &str, part: &str) -> String {
    let (start, end) =
        (format!("<!-- {name}: made by `{UPDATE}` -->\n"), format!("<!-- end of {name} -->\n"));
    let (before, rest) = document.split_once(&start).unwrap_or_else(|| panic!("no line: {start}"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("no line: {end}"));
    format!("{before}{start}\n{}\n\n{end}{after}", part.trim_end())
}

#[expect(clippy::disallowed_methods, reason = "the tests' own settings are none of the program's")]
fn is_updating() -> bool {
    std::env::var_os("UPDATE_DOCS").is_some()
}

#[test]
fn the_generated_parts_are_what_the_program_has() {
    let mut stale = Vec::new();
    for (path, name, make) in PARTS {
        let document = read(path);
        let wanted = with_part(&document, name, &make());
        if wanted == document {
            continue;
        }
        if is_updating() {
            std::fs::write(repository(path), wanted).unwrap();
        } else {
            let line = wanted.lines().zip(document.lines()).find(|(wanted, shown)| wanted != shown);
            stale.push(format!(
                "{path}: the {name} changed, from here on:\n  {}",
                line.map_or("(the end)", |(it, _)| it)
            ));
        }
    }
    assert!(stale.is_empty(), "{}\nrun `{UPDATE}`, and read the difference", stale.join("\n"));
}

#[test]
fn env_example_is_made_from_the_table_of_settings() {
    let (path, wanted) = (".env.example", env_example());
    if is_updating() {
        std::fs::write(repository(path), &wanted).unwrap();
    }
    let shown = read(path);
    let line = wanted.lines().zip(shown.lines()).find(|(wanted, shown)| wanted != shown);
    assert!(shown == wanted, "{path} is out of date: {line:?}\nrun `{UPDATE}`, and read the difference");
}

/// A cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace('\n', " ")
}

/// The same, where it may stand in backticks: those that are there stay as they are.
fn prose(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let parts = parts.map(|(n, part)| if n % 2 == 0 { cell(part) } else { part.replace('|', "\\|") });
    parts.collect::<Vec<_>>().join("`")
}

fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}

fn row(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

fn heading(cells: &[&str]) -> String {
    format!("| {} |\n|{}\n", cells.join(" | "), "---|".repeat(cells.len()))
}

// ---- chat

fn chat_commands() -> String {
    CommandGroup::ALL.map(group).concat()
}

fn group(group: CommandGroup) -> String {
    let mut text = format!("## `/{}`\n\n{}.\n\n", group.name(), group.summary());
    for verb in Verb::all(group) {
        text += &described(verb);
    }
    text
}

fn described(verb: &'static Verb) -> String {
    let name = |line: &str| format!("/{} {line}", verb.family.name()).trim_end().to_owned();
    let mut text = match verb.words {
        [] => format!("### `/{} <room> [<new_owner>]`\n\n", verb.family.name()),
        words => format!("### `{}`\n\n", name(&words.join(" "))),
    };
    text += &format!("{}. {}.", prose(verb.summary), needed(verb.needs));
    if !verb.aliases.is_empty() {
        let aliases: Vec<String> = verb.aliases.iter().map(|alias| code(alias)).collect();
        text += &format!(" Also typed: {}.", aliases.join(", "));
    }
    if verb.is_only_typed() {
        text += " Only typed, so not in Discord.";
    }
    text += "\n\n";
    if !verb.examples.is_empty() {
        text += &heading(&["Typed", "In Discord", "What it does"]);
        for example in verb.examples {
            let line = Invocation::example(verb, example);
            let filled = match verb.is_only_typed() {
                true => "-".to_owned(),
                false => code(&name(&line.line(Style::Options))),
            };
            text += &row(&[code(&name(&line.line(Style::Words))), filled, prose(example.does)]);
        }
        text += "\n";
    }
    if !verb.parameters.is_empty() {
        text += &heading(&["Option", "Typed", "Needed", "Meaning"]);
        for parameter in verb.parameters {
            let needed = if parameter.is_required { "yes" } else { "no" };
            let meaning = prose(parameter.help) + &values(parameter.kind);
            text += &row(&[code(parameter.name), typed(parameter), needed.to_owned(), meaning]);
        }
        text += "\n";
    }
    text
}

fn needed(needs: Needs) -> String {
    match needs {
        Needs::Nothing => "For everybody".to_owned(),
        Needs::AnyRole => "For whoever has a role".to_owned(),
        Needs::Role(role) if role.name() == "admin" => "For admins".to_owned(),
        Needs::Role(role) => format!("For {}s and admins", role.name()),
    }
}

fn typed(parameter: &Parameter) -> String {
    let by_place = (parameter.place == Position::Usual).then(|| code(parameter.placeholder));
    let keys = parameter.keys.iter().map(|key| code(&format!("{key}:")));
    by_place.into_iter().chain(keys).collect::<Vec<_>>().join(", ")
}

fn values(kind: Kind) -> String {
    let list = |words: Vec<&str>| words.into_iter().map(code).collect::<Vec<_>>().join(", ");
    match kind {
        Kind::OneOf(words) => format!(": {}", list(words())),
        Kind::SomeOf(words) => format!(". Any of {}", list(words())),
        _ => String::new(),
    }
}

// ---- the command line

fn command_line() -> String {
    let mut command = Arguments::command();
    command.build();
    let everywhere = options_of(&command).filter(|option| option.is_global_set());
    let mut text = "### Every command\n\n".to_owned() + &heading(&["Argument", "Meaning"]);
    text.extend(everywhere.map(|option| row(&[code(&shown(option)), meaning(option)])));
    text += "\n";
    subcommands(&command, "room-owner", &mut text);
    text
}

/// What nobody types is in no list.
fn options_of(command: &clap::Command) -> impl Iterator<Item = &Arg> {
    let all = command.get_opts().chain(command.get_arguments().filter(|it| is_flag(it)));
    all.filter(|option| !option.is_hide_set())
}

fn subcommands(command: &clap::Command, path: &str, text: &mut String) {
    let known = command.get_subcommands().filter(|sub| sub.get_name() != "help" && !sub.is_hide_set());
    for sub in known {
        let path = format!("{path} {}", sub.get_name());
        if sub.get_subcommands().any(|sub| sub.get_name() != "help") {
            subcommands(sub, &path, text);
        } else {
            *text += &subcommand(sub, &path);
        }
    }
}

fn subcommand(command: &clap::Command, path: &str) -> String {
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    let places: Vec<&Arg> = command.get_positionals().collect();
    let options: Vec<&Arg> = options_of(command).filter(|it| !it.is_global_set()).collect();
    let form = places.iter().fold(path.to_owned(), |form, place| format!("{form} {}", shown(place)));
    let mut text = format!("### `{form}`\n\n{}.\n\n", prose(about.trim_end_matches('.')));
    if !places.is_empty() || !options.is_empty() {
        text += &heading(&["Argument", "Meaning"]);
        for argument in places.into_iter().chain(options) {
            text += &row(&[code(&shown(argument)), meaning(argument)]);
        }
        text += "\n";
    }
    text
}

/// Every command has help.
fn is_flag(argument: &Arg) -> bool {
    let takes_nothing = !argument.get_action().takes_values() && !argument.is_positional();
    takes_nothing && !["help", "version"].contains(&argument.get_id().as_str())
}

fn shown(argument: &Arg) -> String {
    let value = argument.get_value_names().map(|names| names.join("> <").to_lowercase());
    let value = value.unwrap_or_else(|| argument.get_id().as_str().to_lowercase());
    let several = match argument.get_action() {
        clap::ArgAction::Append => "...",
        _ => "",
    };
    match argument.get_long() {
        Some(name) if argument.get_action().takes_values() => format!("--{name} <{value}>{several}"),
        Some(name) => format!("--{name}"),
        None if argument.is_required_set() => format!("<{value}>{several}"),
        None => format!("[<{value}>]{several}"),
    }
}

fn meaning(argument: &Arg) -> String {
    let help = argument.get_long_help().or(argument.get_help()).map(ToString::to_string).unwrap_or_default();
    let mut text = prose(help.trim_end_matches('.'));
    if argument.get_action().takes_values() {
        let possible: Vec<String> =
            argument.get_possible_values().iter().map(|value| code(value.get_name())).collect();
        let defaults: Vec<String> =
            argument.get_default_values().iter().map(|value| code(&value.to_string_lossy())).collect();
        if !possible.is_empty() {
            text += &format!(": {}", possible.join(", "));
        }
        if !defaults.is_empty() {
            text += &format!(" ({} if not given)", defaults.join(", "));
        }
    }
    text
}

// ---- metrics

fn metrics() -> String {
    let is_metrics = |source: &Source| source.path == "src/telemetry/metrics.rs";
    let source = sources().into_iter().find(is_metrics).unwrap();
    let mut text = heading(&["Metric", "Meaning"]);
    for pair in source.shipped.texts.windows(2) {
        if pair[0].starts_with("room_owner_") && pair[1].contains(' ') {
            text += &row(&[code(&pair[0]), prose(&pair[1])]);
        }
    }
    text
}

// ---- architecture

/// The figure below a heading of the crate's first page.
fn from_lib(heading: &str) -> String {
    let source = read("src/lib.rs");
    let page = source
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line));
    let below: Vec<&str> = page.skip_while(|line| *line != heading).collect();
    let block = below.join("\n");
    let block = block.split("```text\n").nth(1).and_then(|rest| rest.split("```").next());
    format!("```text\n{}```\n", block.unwrap_or_else(|| panic!("no figure below {heading}")))
}

/// Which module names which, as the sources have it.
fn arrows() -> String {
    let sources = sources();
    let known: BTreeSet<String> = sources.iter().map(Source::module).collect();
    let mut arrows: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for source in sources.iter().filter(|source| !["src/main.rs", "src/lib.rs"].contains(&&*source.path)) {
        let module = source.module();
        let depth = source.modules().len();
        let named = source.shipped.paths.iter().filter_map(|path| module_named(path, depth));
        let named = named.filter(|name| *name != module && known.contains(*name));
        arrows.entry(module.clone()).or_default().extend(named);
    }
    let mut text = heading(&["Module", "Names"]);
    for (module, names) in arrows {
        let names: Vec<String> = names.into_iter().map(code).collect();
        text += &row(&[code(&module), if names.is_empty() { "-".to_owned() } else { names.join(", ") }]);
    }
    text
}
