//! The README: short, with the two commands, a picture, and a conversation that the demo has.

use assert_cmd::Command as Process;

use super::markdown::{blocks, first_column, links};
use super::{read, repository};

#[test]
fn it_is_short_and_has_a_picture() {
    let text = read("README.md");
    assert!(text.len() <= 10_240, "{} bytes: the rest belongs into docs/", text.len());
    let picture = "docs/demo.png";
    assert!(links(&text).iter().any(|target| target == picture));
    assert!(std::fs::metadata(repository(picture)).unwrap().len() < 150_000);
}

#[test]
fn the_two_commands_stand_at_the_top() {
    let text = read("README.md");
    let first = &blocks(&text, "sh")[0];
    let commands: Vec<&str> =
        first.lines().map(|line| line.split('#').next().unwrap_or_default().trim()).collect();
    assert_eq!(commands, ["cargo run -- demo", "cargo test"]);
    assert!(read(".ci/run").contains("cargo test"), "the gate runs what the README says");
}

/// The numbered steps below a heading.
fn steps(text: &str, heading: &str) -> usize {
    let section = text.split(&format!("\n## {heading}")).nth(1).unwrap_or_else(|| panic!("no {heading}"));
    let section = section.split("\n## ").next().unwrap_or_default();
    section.lines().filter(|line| line.split_once(". ").is_some_and(|(n, _)| n.parse::<u8>().is_ok())).count()
}

#[test]
fn each_chat_is_set_up_in_ten_actions_at_most() {
    let text = read("README.md");
    for heading in ["Slack in ten actions", "Discord in nine actions"] {
        assert!((5..=10).contains(&steps(&text, heading)), "{heading}: {}", steps(&text, heading));
    }
}

#[test]
fn the_roles_are_those_of_the_acl() {
    let known = room_owner::domain::access::Role::names();
    for document in ["README.md", "docs/access.md"] {
        assert_eq!(first_column(&read(document), "Role"), known, "{document}");
    }
}

#[test]
fn the_conversation_is_what_the_demo_says() {
    let output = Process::new(env!("CARGO_BIN_EXE_room-owner")).args(["demo", "--once"]).output().unwrap();
    let answer = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{answer}");
    let conversation = blocks(&read("README.md"), "conversation").concat();
    assert!(conversation.lines().count() > 8);
    for line in conversation.lines().filter(|line| !line.is_empty()) {
        let is_said = answer.lines().any(|said| without_root(said.trim()) == without_root(line));
        assert!(is_said, "the demo does not say: {line}\n{answer}");
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
