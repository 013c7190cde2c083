//! Every line of the documents that starts the program is one that it takes.

use clap::Parser as _;
use room_owner::cli::Arguments;

use super::markdown::{all_text, blocks, by_hand, code, first_column};
use super::read;

/// A line as a shell splits it: words, with single and double quotes.
fn words(line: &str) -> Vec<String> {
    shlex::split(line).unwrap_or_else(|| panic!("a quote is not closed in {line}"))
}

/// What stands for a placeholder of a document when its command lines are tried.
const PLACEHOLDERS: &[(&str, &str)] = &[
    ("<room>", "test"),
    ("<new_owner>", "user2"),
    ("<subject>", "slack:T0123456789:U0123456789"),
    ("<channel>", "slack:T0123456789:C0123456789"),
    ("<guild>", "1100000000000000001"),
    ("<operation>", "17"),
    ("<file>", "copy"),
    ("<key>", "room-owner/7450dde0+0e43fc6a+AZtJ01KrCqbbUQEXykIul8VnSvVXoKW9Oe4uD8zBAMuW"),
];

/// The command lines of a document that start the program, those in a sentence too.
fn command_lines(text: &str) -> Vec<Vec<String>> {
    let lines =
        blocks(text, "sh").concat() + &blocks(text, "ini").concat() + &code(&by_hand(text)).join("\n");
    let mut found = Vec::new();
    for line in lines.lines() {
        // What follows is for the reader, or for the shell.
        let ends = [" # ", " > ", " 2> ", " 2>> ", " >> ", " | ", " && ", " &"];
        let line = line.trim_start();
        let line = line.strip_prefix("sudo -u room-owner ").unwrap_or(line);
        let end = ends.iter().filter_map(|end| line.find(end)).min().unwrap_or(line.len());
        let arguments = ["room-owner ", "ExecStart=/usr/local/bin/room-owner ", "cargo run -- "]
            .iter()
            .find_map(|start| line[..end].strip_prefix(start));
        let Some(arguments) = arguments else { continue };
        let filled =
            PLACEHOLDERS.iter().fold(arguments.to_owned(), |line, (name, value)| line.replace(name, value));
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
    let lines = command_lines(&all_text());
    assert!(lines.len() > 30, "{lines:?}");
    for line in &lines {
        check(line).unwrap();
    }
}

#[test]
fn every_load_that_was_measured_can_be_measured_again() {
    let loads = first_column(&read("docs/performance.md"), "`room-owner bench`");
    assert!(loads.len() > 3);
    for load in loads {
        check(&words(&format!("room-owner bench {load}"))).unwrap();
    }
}

#[test]
fn a_wrong_command_line_is_seen() {
    let lines = command_lines(
        "```sh\nroom-owner transfer <room>\nroom-owner audit list --loud # all\nls\n```\nSay `room-owner sing`.",
    );
    assert_eq!(lines.len(), 3);
    assert!(lines.iter().all(|line| check(line).is_err()));
    assert!(check(&words(r#"room-owner transfer "my room" 'user 2'"#)).is_ok());
    assert_eq!(words(r#"a "b c" '' d'e'f"#), ["a", "b c", "", "def"]);
}
