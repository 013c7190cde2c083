//! Every parser of foreign bytes as a fuzz target: bytes in, and a panic when something that must hold does not.
//!
//! `cargo test` runs each target over its corpus, `tests/corpus/<name>/`, and over the corpus damaged in every
//! plain way; `.ci/fuzz` runs each under libFuzzer, which is led by the branches that are taken.

/// A parser's name, and the parser with all that has to hold of what it says.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: &[Target] = &[
    ("slack-body", crate::slack::fuzzing::body),
    ("slack-frame", crate::slack::fuzzing::frame),
    ("slack-press", crate::slack::fuzzing::press),
    ("slack-signature", crate::slack::fuzzing::signature),
    ("discord-body", crate::discord::fuzzing::body),
    ("discord-signature", crate::discord::fuzzing::signature),
    ("gateway-frame", crate::discord::fuzzing::frame),
    ("grammar", crate::domain::command::fuzzing::grammar),
    ("tencent-answer", crate::tencent::fuzzing::answer),
    ("callback", crate::tencent::fuzzing::callback),
    ("checkpoint", crate::merkle::fuzzing::checkpoint),
    ("proof", crate::merkle::fuzzing::proof),
    ("acl-file", crate::cli::acl::fuzzing::file),
];

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    fn corpus(name: &str) -> Vec<PathBuf> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(name);
        let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }

    /// Runs the target; a panic says with which bytes.
    fn run(name: &str, target: fn(&[u8]), bytes: &[u8], what: &dyn std::fmt::Display) {
        if let Err(panic) = std::panic::catch_unwind(|| target(bytes)) {
            eprintln!("{name}, {what}: {}", String::from_utf8_lossy(bytes));
            std::panic::resume_unwind(panic);
        }
    }

    #[test]
    fn the_corpus_holds_what_must_hold() {
        for (name, target) in TARGETS {
            let files = corpus(name);
            assert!(files.len() >= 4, "{name} has too few files to begin with");
            for file in files {
                run(name, *target, &std::fs::read(&file).unwrap(), &file.display());
            }
        }
    }

    #[test]
    fn every_corpus_has_a_target_and_no_file_is_large() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(TARGETS.iter().any(|(target, _)| *target == name), "{name} is no target");
            for file in corpus(&name) {
                assert!(file.metadata().unwrap().len() <= 8 * 1_024, "{} is too large", file.display());
            }
        }
    }

    /// What no random search has to find: cut short, a byte lost, turned or doubled, two files in one.
    #[test]
    fn the_corpus_damaged_holds_what_must_hold() {
        for (name, target) in TARGETS {
            let mut before = Vec::new();
            for file in corpus(name) {
                let bytes = std::fs::read(&file).unwrap();
                let step = bytes.len() / 24 + 1;
                for at in (0..bytes.len()).step_by(step) {
                    let (start, end) = bytes.split_at(at);
                    let turned = |by: u8| [start, &[end[0] ^ by], &end[1..]].concat();
                    for damaged in [
                        start.to_vec(),
                        end.to_vec(),
                        [start, &end[1..]].concat(),
                        turned(0x01),
                        turned(0x20),
                        turned(0x80),
                        [start, &[end[0]], end].concat(),
                        [start, &before, end].concat(),
                    ] {
                        run(name, *target, &damaged, &format_args!("{} damaged at {at}", file.display()));
                    }
                }
                before = bytes;
            }
        }
    }

    /// As long as the doors let them in: whoever works in squares takes minutes here instead of moments, and
    /// `.ci/fuzz` gives each of them a few seconds.
    #[test]
    fn long_inputs_are_read_to_their_end() {
        for (name, target) in TARGETS {
            for (n, long) in long_inputs(name).iter().enumerate() {
                run(name, *target, long, &format_args!("long input {n}"));
            }
        }
    }

    /// Texts of 64 KiB of one thing over and over, and each file of the corpus with one in its middle.
    fn long_inputs(name: &str) -> Vec<Vec<u8>> {
        const LONG: usize = 64 * 1_024;
        let many = |piece: &str| piece.bytes().cycle().take(LONG).collect::<Vec<u8>>();
        let pieces = ["\"\" ", "<", "a ", "&a=%ff", "\u{feff}", "[", "{\"a\":", "\\\"", "`", "\n\n"];
        let mut long: Vec<Vec<u8>> = pieces.iter().map(|piece| many(piece)).collect();
        let numbered = |start: &str| (0..4_000).map(|n| format!("{start}{n}=%EF%BF%BD&")).collect::<String>();
        long.push(numbered("a").into_bytes());
        for file in corpus(name) {
            let bytes = std::fs::read(&file).unwrap();
            let (start, end) = bytes.split_at(bytes.len() / 2);
            long.push([start, &many("\"x\" "), end].concat());
            long.push([start, &many("<@U1> "), end].concat());
        }
        long
    }
}
