//! The README says what is so: its commands run, its tables are the program's own.

use assert_cmd::Command as Process;
use clap::{CommandFactory as _, Parser as _};
use quote::ToTokens as _;
use room_owner::cli::{Arguments, Exit};
use room_owner::config::VARIABLES;
use room_owner::domain::audit::{AuditEntry, Event, OperationId, OutcomeKind, SystemChange, What};
use room_owner::domain::command::{Command, CommandGroup, Mention, Typed, parse};
use room_owner::domain::wording::CommandName;

use syn::visit::Visit;

use super::{read, repository};

fn readme() -> String {
    read("README.md")
}

/// The blocks in fences of the kind `kind`, indented ones too, without their indentation.
fn blocks(text: &str, kind: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut block: Option<(bool, String)> = None;
    for line in text.lines().map(str::trim_start) {
        match (&mut block, line.strip_prefix("```")) {
            (None, Some(fence)) => block = Some((fence == kind, String::new())),
            (Some((wanted, body)), Some("")) => {
                if *wanted {
                    found.push(std::mem::take(body));
                }
                block = None;
            }
            (Some((_, body)), _) => {
                body.push_str(line);
                body.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(block.is_none(), "a fence is not closed");
    found
}

/// The rows of the table whose first heading is `heading`, cell by cell, without backticks.
fn table(text: &str, heading: &str) -> Vec<Vec<String>> {
    let rows = text.lines().skip_while(|line| !line.starts_with(&format!("| {heading} |"))).skip(2);
    rows.take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells = line.trim_matches('|').split('|');
            cells.map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
        })
        .collect()
}

/// A line as a shell splits it: words, with single and double quotes.
fn words(line: &str) -> Vec<String> {
    shlex::split(line).unwrap_or_else(|| panic!("a quote is not closed in {line}"))
}

/// What stands for a placeholder of the README when its command lines are tried.
const PLACEHOLDERS: &[(&str, &str)] = &[
    ("<room>", "test"),
    ("<new_owner>", "user2"),
    ("<why>", "why"),
    ("<format>", "json"),
    ("<subject>", "slack:T0123456789:U0123456789"),
    ("<role>", "moderator"),
    ("<group>", "slack:T0123456789:group:S0123456789"),
    ("<scope>", "live-*"),
    ("<channel>", "slack:T0123456789:C0123456789"),
    ("<duration>", "8h"),
    ("<grant>", "1"),
    ("<outcome>", "refused"),
    ("<kind>", "transfer"),
    ("<request_id>", "Id-1"),
    ("<time>", "2h"),
    ("<n>", "10"),
    ("<operation>", "17"),
    ("<address>", "127.0.0.1:9000"),
    ("<room=owner>", "test=carol"),
    ("<url>", "http://127.0.0.1:8080/"),
    ("<folder>", "."),
    ("<token>", "a-token"),
    ("<guild>", "1100000000000000001"),
    ("<file>", "copy"),
    ("<head>", "12:9f86d081884c"),
    ("<key>", "room-owner/7450dde0+0e43fc6a+AZtJ01KrCqbbUQEXykIul8VnSvVXoKW9Oe4uD8zBAMuW"),
    ("<text>", "crashed"),
    ("<zone>", "Europe/Berlin"),
    ("<by>", "room"),
    ("<export>", "csv"),
    ("<cursor>", "117"),
];

/// The command lines of the README that start the program. Optional parts in `[..]` are taken as given.
fn command_lines(text: &str) -> Vec<Vec<String>> {
    let lines = blocks(text, "sh").concat() + &blocks(text, "ini").concat();
    let mut found = Vec::new();
    for line in lines.lines() {
        // What follows is for the reader, or for the shell.
        let ends = [" # ", " > "].iter().filter_map(|end| line.find(end));
        let line = &line[..ends.min().unwrap_or(line.len())];
        let arguments = if line.starts_with("room-owner ") {
            line["room-owner".len()..].trim()
        } else if let Some(arguments) = line.strip_prefix("ExecStart=/usr/local/bin/room-owner ") {
            arguments
        } else if let Some(arguments) = line.strip_prefix("cargo run -- ") {
            arguments
        } else {
            continue;
        };
        let plain: String = arguments.chars().filter(|c| !matches!(c, '[' | ']')).collect();
        let filled = PLACEHOLDERS.iter().fold(plain, |line, (name, value)| line.replace(name, value));
        assert!(!filled.contains('<'), "a placeholder is not known: {filled}");
        found.push(std::iter::once("room-owner".to_owned()).chain(words(&filled)).collect());
    }
    found
}

fn check(line: &[String]) -> Result<(), String> {
    match Arguments::try_parse_from(line) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == clap::error::ErrorKind::DisplayHelp => Ok(()),
        Err(error) => Err(format!("{line:?}: {error}")),
    }
}

#[test]
fn every_command_line_is_one_that_the_program_takes() {
    let lines = command_lines(&readme());
    assert!(lines.len() > 20, "{lines:?}");
    for line in &lines {
        check(line).unwrap();
    }
}

/// Every command that does something, with the names of its options: `acl grant` and `--rooms`, ...
fn tree(command: &clap::Command, path: &str, found: &mut Vec<(String, Vec<String>)>) {
    let commands: Vec<&clap::Command> =
        command.get_subcommands().filter(|sub| sub.get_name() != "help").collect();
    if commands.is_empty() {
        // What nobody types is in no list.
        let options = command.get_opts().filter(|option| !option.is_hide_set());
        let options = options.filter_map(|option| option.get_long());
        // What every command has is said once.
        let own = options.filter(|name| !["help", "version"].contains(name));
        found.push((path.to_owned(), own.map(|name| format!("--{name}")).collect()));
    }
    for sub in commands {
        tree(sub, format!("{path} {}", sub.get_name()).trim(), found);
    }
}

#[test]
fn every_command_and_every_option_is_in_the_list() {
    let text = readme();
    let mut commands = Vec::new();
    tree(&Arguments::command(), "", &mut commands);
    assert!(commands.len() > 10);
    for (path, options) in commands {
        let start: Vec<&str> = ["room-owner"].into_iter().chain(path.split(' ')).collect();
        let lines = command_lines(&text);
        let lines: Vec<_> = lines
            .iter()
            .filter(|line| line.starts_with(&start.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>()))
            .collect();
        assert!(!lines.is_empty(), "room-owner {path} is not in the README");
        for option in options {
            assert!(
                lines.iter().any(|line| line.contains(&option)),
                "room-owner {path} {option} is not in the README"
            );
        }
    }
}

#[test]
fn the_settings_are_those_that_are_read() {
    let known = VARIABLES.iter().map(|v| [v.name, v.example, v.meaning, v.unset]);
    let rows = known
        .map(|[name, example, meaning, unset]| format!("| `{name}` | `{example}` | {meaning} | {unset} |\n"));
    let rows: String = rows.collect();
    assert!(
        readme().contains(&format!("|---|---|---|---|\n{rows}\n")),
        "the table of settings is now:\n{rows}"
    );
}

#[test]
fn the_exit_codes_are_those_of_the_program() {
    let meaning = |exit: Exit| match exit {
        Exit::Done => "done",
        Exit::Failed => "it went wrong",
        Exit::Usage => "wrong usage",
        Exit::Denied => "refused by the ACL",
        Exit::Refused => "refused by Tencent",
        Exit::Unknown => "outcome unknown",
    };
    let all = [Exit::Done, Exit::Failed, Exit::Usage, Exit::Denied, Exit::Refused, Exit::Unknown];
    let known: Vec<Vec<String>> =
        all.iter().map(|exit| vec![(*exit as u8).to_string(), meaning(*exit).to_owned()]).collect();
    assert_eq!(table(&readme(), "Exit code"), known);
    let help =
        Arguments::command().render_help().to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    for row in known {
        assert!(help.contains(&row.join(" ")), "{row:?} is not in {help}");
    }
}

#[test]
fn the_outcomes_are_those_of_the_log() {
    let shown: Vec<String> = table(&readme(), "Outcome").into_iter().map(|mut row| row.remove(0)).collect();
    let known: Vec<&str> = OutcomeKind::ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(shown, known);
}

#[test]
fn the_fields_of_an_entry_are_those_that_are_printed() {
    let operation = OperationId::new(1);
    let what = What::System(SystemChange::FileReplaced);
    let entry = AuditEntry::begun_by(&Event::new(1, operation, jiff::Timestamp::UNIX_EPOCH, what)).unwrap();
    let json = serde_json::to_string(&entry).unwrap();
    // All values are null, empty or free of `":`, so what stands before it are the names.
    let known: Vec<&str> =
        json.match_indices("\":").map(|(end, _)| json[..end].rsplit('"').next().unwrap()).collect();
    assert_eq!(known.len(), 18, "{json}");
    let shown: Vec<String> = table(&readme(), "Field").into_iter().map(|mut row| row.remove(0)).collect();
    assert_eq!(shown, known);
}

#[test]
fn the_manifest_for_slack_has_every_command() {
    let manifest = blocks(&readme(), "yaml").concat();
    let named: Vec<&str> =
        manifest.lines().filter_map(|line| line.trim().strip_prefix("- command: /")).collect();
    assert_eq!(named, CommandGroup::ALL.map(CommandGroup::name));
}

/// The routes that a file serves.
struct Routes(Vec<String>);

impl<'a> Visit<'a> for Routes {
    fn visit_expr_method_call(&mut self, call: &'a syn::ExprMethodCall) {
        // The first of a chain stands innermost.
        syn::visit::visit_expr_method_call(self, call);
        if call.method == "route" {
            let path: syn::LitStr = syn::parse2(call.args[0].to_token_stream()).unwrap();
            let syn::Expr::Call(handler) = &call.args[1] else { panic!("what is a route's handler?") };
            let method = handler.func.to_token_stream().to_string().to_uppercase();
            self.0.push(format!("{method} {}", path.value().trim_end_matches('/')));
        }
    }
}

#[test]
fn every_route_is_in_the_table_and_the_proxy_passes_what_platforms_call() {
    let text = readme();
    let shown: Vec<String> = table(&text, "Route").into_iter().map(|mut row| row.remove(0)).collect();
    let mut served = Routes(Vec::new());
    for file in ["src/slack/mod.rs", "src/discord/mod.rs", "src/tencent/callbacks/mod.rs", "src/server.rs"] {
        served.visit_file(&syn::parse_file(&read(file)).unwrap());
    }
    let Routes(mut served) = served;
    served.dedup();
    assert_eq!(shown, served);
    let rule = text.split("let the proxy pass").nth(1).unwrap().split("nothing else").next().unwrap();
    for route in served.iter().filter_map(|route| route.strip_prefix("POST /")) {
        let folder = route.split('/').next().unwrap();
        assert!(rule.contains(&format!("`/{folder}/`")), "the proxy does not pass /{route}: {rule}");
    }
}

#[test]
fn the_chat_commands_are_of_the_grammar() {
    let lines = blocks(&readme(), "text").concat();
    assert!(lines.lines().count() > 4);
    for line in lines.lines() {
        let (name, arguments) = line.split_once(' ').unwrap_or((line, ""));
        let family = CommandName::slash("").family(name).unwrap_or_else(|| panic!("{line}"));
        let command = parse(family, &with_mentions(arguments));
        assert!(command.is_ok(), "{line}: {command:?}");
        let asks_for_help = line == "/room-owner" || arguments == "help";
        assert_eq!(matches!(command, Ok(Command::Help(_))), asks_for_help, "{line}");
    }
}

/// A line in which `@boris` and `#mods` are mentions, as the platforms make them.
fn with_mentions(text: &str) -> Typed {
    let mut line = Typed::default();
    for word in text.split_inclusive(' ') {
        let shown = word.trim_end();
        let mention = match shown.chars().next() {
            Some('@') => Mention::Subject("slack:T0123456789:U0123456789".parse().unwrap()),
            Some('#') => Mention::Channel("slack:T0123456789:C0123456789".parse().unwrap()),
            _ => {
                line.push_text(word);
                continue;
            }
        };
        line.push_mention(mention, shown);
        line.push_text(&word[shown.len()..]);
    }
    line
}

#[test]
fn the_conversation_is_what_the_demo_says() {
    let output = Process::new(env!("CARGO_BIN_EXE_room-owner")).args(["demo", "--once"]).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{told}");
    let conversation = blocks(&readme(), "conversation").concat();
    assert!(conversation.lines().count() > 8);
    for line in conversation.lines().filter(|line| !line.is_empty()) {
        let is_said = told.lines().any(|said| without_root(said.trim()) == without_root(line));
        assert!(is_said, "the demo does not say: {line}\n{told}");
    }
}

/// A line without the digits of the log's root: each demo has a key and times of its own.
fn without_root(line: &str) -> String {
    let Some((before, head)) = line.split_once(" · log ") else { return line.to_owned() };
    let (size, root) = head.split_once(':').unwrap_or_default();
    let digits = root.bytes().take_while(u8::is_ascii_hexdigit).count();
    assert_eq!(digits, 12, "{line}");
    format!("{before} · log {size}{}", &root[digits..])
}

#[test]
fn the_two_commands_stand_at_the_top() {
    let text = readme();
    let first = &blocks(&text, "sh")[0];
    let commands: Vec<&str> =
        first.lines().map(|line| line.split('#').next().unwrap_or_default().trim()).collect();
    assert_eq!(commands, ["cargo run -- demo", "cargo test"]);
    assert!(read(".ci/run").contains("cargo test"), "the gate runs what the README says");
}

#[test]
fn every_path_of_the_repository_that_is_named_is_there() {
    let text = readme();
    let mut seen = 0;
    for name in text.split('`').skip(1).step_by(2) {
        let first = name.split('/').next().unwrap_or_default();
        if ["src", "tests", "migrations", ".ci"].contains(&first)
            || [".env.example", "Cargo.toml"].contains(&name)
        {
            assert!(repository(name).exists(), "{name} is named and is not there");
            seen += 1;
        }
    }
    assert!(seen >= 4);
}

#[test]
fn the_checks_see_what_is_wrong() {
    let lines = command_lines("```sh\nroom-owner transfer <room>\nroom-owner audit list --loud\nls\n```\n");
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| check(line).is_err()));
    assert!(check(&words(r#"room-owner transfer "my room" 'user 2'"#)).is_ok());
    assert_eq!(words(r#"a "b c" '' d'e'f"#), ["a", "b c", "", "def"]);
    assert_eq!(table("| A | B |\n|---|---|\n| `x` | y |\n\nz", "A"), [["x", "y"]]);
    assert_eq!(blocks("  ```sh\n  a\n  ```\n```text\nb\n```\n", "sh"), ["a\n"]);
}
