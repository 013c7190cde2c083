//! What lies beside the page of a case: how to check it, and with what.

use super::sentences::{CaseFile, CheckCommand, Sentences};
use crate::domain::case::Case;
use crate::domain::room::visible;
use crate::domain::time::millis;
use crate::domain::wording::shell_word;

/// The verifier, a program in Python that needs its standard library and `cryptography`.
pub const VERIFIER: &str = include_str!("verify.py");

/// The names of the files of a case.
pub mod files {
    /// The page.
    pub const PAGE: &str = "case.html";
    /// The rows, for programs.
    pub const JSONL: &str = "operations.jsonl";
    /// The rows, for spreadsheets.
    pub const CSV: &str = "operations.csv";
    /// Rows that are not proved.
    pub const UNPROVED: &str = "not-proved.jsonl";
    /// The events and their proofs.
    pub const PROOFS: &str = "events.tlog-proof";
    /// The signed head.
    pub const CHECKPOINT: &str = "checkpoint.txt";
    /// The public key.
    pub const KEY: &str = "public-key.txt";
    /// How to check it.
    pub const VERIFY: &str = "VERIFY.txt";
    /// The verifier.
    pub const VERIFIER: &str = "verify.py";
}

/// How to check a case: what its files are, and the exact commands.
pub fn verify(case: &Case, words: &dyn Sentences) -> String {
    let is_any_proved = case.operations.iter().any(|operation| operation.archived_in.is_none());
    let is_any_left = case.operations.iter().any(|operation| operation.archived_in.is_some());
    let mut text = format!("{}\n\n{}\n\n", visible(&words.title(case.room.as_str())), words.check());
    let proofs = is_any_proved.then(|| (files::PROOFS, words.file(CaseFile::Proofs)));
    let unproved = is_any_left.then(|| (files::UNPROVED, words.unproved_file()));
    let known = [
        (files::PAGE, words.file(CaseFile::Page)),
        (files::JSONL, words.file(CaseFile::Jsonl)),
        (files::CSV, words.file(CaseFile::Csv)),
        (files::CHECKPOINT, words.file(CaseFile::Checkpoint)),
        (files::KEY, words.file(CaseFile::Key)),
        (files::VERIFIER, words.file(CaseFile::Verifier)),
    ];
    for (name, what) in known.into_iter().chain(proofs).chain(unproved) {
        text.push_str(&format!("{name:<18} {what}\n"));
    }
    text.push_str(&format!("\n{}\n", words.trust()));
    let key = shell_word(&case.log.key);
    let since = case.since.map(|since| format!(" --since {}", millis(since))).unwrap_or_default();
    let room = shell_word(case.room.as_str());
    let until = millis(case.until);
    let mut commands = vec![(CheckCommand::Python, format!("python3 {} --key {key}", files::VERIFIER))];
    if is_any_proved {
        let line = format!("room-owner audit verify-proof {} --key {key}", files::PROOFS);
        commands.push((CheckCommand::Proofs, line));
    }
    let line = format!("room-owner audit verify --checkpoint {} --key {key}", files::CHECKPOINT);
    commands.push((CheckCommand::Log, line));
    let line = format!(
        "room-owner audit case --room {room}{since} --until {until} --out again\n  \
                        diff again/{jsonl} {jsonl}",
        jsonl = files::JSONL
    );
    commands.push((CheckCommand::Again, line));
    for (command, line) in commands {
        text.push_str(&format!("\n{}\n  {line}\n", words.command(command)));
    }
    text
}
