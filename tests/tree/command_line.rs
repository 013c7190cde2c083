//! The same from the command line, as a reviewer uses it.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::copies::{Copy, night};
use super::independent::{checked, proves};

struct Ran {
    code: i32,
    out: String,
    err: String,
}

fn run(folder: &Path, arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_room-owner"));
    let output = command.env_clear().current_dir(folder).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// The folder of a copy, which is the working directory.
async fn copy() -> (Copy, std::path::PathBuf) {
    let copy = Copy::of(&night().await).await;
    let folder = copy.file().parent().unwrap().to_owned();
    (copy, folder)
}

#[tokio::test]
async fn verify_says_what_it_checked_and_ends_with_zero() {
    let (copy, folder) = copy().await;
    let ran = run(&folder, &["audit", "verify"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    for part in [
        "✅ The log is whole: 20 events",
        &hex::encode(copy.checkpoint.head().root),
        "room-owner.db.checkpoint",
        copy.key.as_str(),
    ] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    let json = run(&folder, &["audit", "verify", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((&json["sound"], &json["events"]), (&true.into(), &20.into()));
    assert!(!folder.join("room-owner.db.locks").exists(), "no process was registered");
}

#[tokio::test]
async fn verify_names_the_first_bad_row_and_ends_with_one() {
    let (copy, folder) = copy().await;
    copy.tampered("UPDATE audit_events SET body = replace(body, 'cli:ana', 'cli:eve') WHERE seq IN (5, 3)")
        .await;
    let ran = run(&folder, &["audit", "verify"]);
    assert_eq!(ran.code, 1);
    let mut lines = ran.out.lines();
    assert!(lines.next().unwrap().starts_with("❌ The log cannot be trusted as it is"), "{}", ran.out);
    assert_eq!(
        lines.next().unwrap().trim(),
        "event 3: its text is not the one that was signed: it was altered"
    );
    let json = run(&folder, &["audit", "verify", "--format", "json"]);
    assert_eq!(json.code, 1);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((&json["sound"], &json["findings"][0]["event"]), (&false.into(), &3.into()));
}

#[tokio::test]
async fn a_copy_is_checked_with_what_was_kept() {
    let (copy, folder) = copy().await;
    let elsewhere = tempfile::tempdir().unwrap();
    fs::copy(copy.file(), elsewhere.path().join("copy.db")).unwrap();
    fs::write(elsewhere.path().join("kept"), copy.checkpoint.as_str()).unwrap();
    let seen = copy.checkpoint.head().to_string();
    let key = run(&folder, &["audit", "key"]).out;
    let all = [
        "audit",
        "verify",
        "--database",
        "copy.db",
        "--checkpoint",
        "kept",
        "--seen",
        &seen,
        "--key",
        key.trim(),
    ];
    let ran = run(elsewhere.path(), &all);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(!ran.out.contains("Not checked"), "{}", ran.out);
    let ran = run(elsewhere.path(), &all[..4]);
    assert_eq!(ran.code, 0);
    assert_eq!(ran.out.matches("Not checked").count(), 2, "{}", ran.out);
    for (arguments, expected) in [
        (["--seen", "20:000000000000"], "are not those of `20:000000000000`, as it was seen"),
        (["--seen", "22:000000000000"], "its end was cut off"),
        (["--key", "room-owner/x+00000000+AQ=="], "is not a verifier key"),
        (["--checkpoint", "copy.db"], "cannot be used"),
    ] {
        let ran = run(elsewhere.path(), &[&all[..4], &arguments].concat());
        assert_eq!(ran.code, 1, "{arguments:?}");
        assert!((ran.out + &ran.err).contains(expected), "{arguments:?}");
    }
    assert_eq!(run(elsewhere.path(), &[&all[..4], &["--seen", "x"]].concat()).code, 2);
    let mut left: Vec<_> =
        fs::read_dir(elsewhere.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["copy.db", "kept"], "nothing was left behind");
}

#[tokio::test]
async fn prove_hands_out_what_others_can_check() {
    let (copy, folder) = copy().await;
    let ran = run(&folder, &["audit", "prove", "10", "--out", "proof"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    for event in [10, 11, 12] {
        let leaf = fs::read(folder.join(format!("proof/event-{event}.json"))).unwrap();
        let file = format!("proof/event-{event}.tlog-proof");
        let text = fs::read_to_string(folder.join(&file)).unwrap();
        let head = proves(&text, copy.key.as_str(), &leaf, event - 1).unwrap();
        assert_eq!(head.size, 20);
        let checked = run(&folder, &["audit", "verify-proof", &file, "--key", copy.key.as_str()]);
        assert_eq!(
            (checked.code, checked.out.trim_end().as_bytes()),
            (0, leaf.as_slice()),
            "{}",
            checked.err
        );
        fs::write(folder.join(&file), text.replace("index ", "index 1")).unwrap();
        let checked = run(&folder, &["audit", "verify-proof", &file, "--key", copy.key.as_str()]);
        assert_eq!(checked.code, 1);
        assert!(checked.err.contains("proves nothing"), "{}", checked.err);
    }
    let again = run(&folder, &["audit", "prove", "10", "--out", "proof"]);
    assert_eq!(again.code, 1);
    assert!(again.err.contains("cannot be written"), "what is there stays: {}", again.err);
    let shown = run(&folder, &["audit", "prove", "10"]);
    assert_eq!(shown.out.matches("c2sp.org/tlog-proof@v1").count(), 3);
    let absent = run(&folder, &["audit", "prove", "11"]);
    assert_eq!(absent.code, 1, "event 11 begins no operation");
    assert!(absent.err.contains("there is no operation 11"), "{}", absent.err);
}

#[tokio::test]
async fn show_tells_the_signed_head_to_people_and_leaves_the_entry_as_it_is() {
    let (copy, folder) = copy().await;
    let shown = run(&folder, &["audit", "show", "10"]);
    let note = shown.out.split("covers it:\n\n").nth(1).unwrap();
    assert_eq!(checked(note, copy.key.as_str()).unwrap().size, 12);
    let json = run(&folder, &["audit", "show", "10", "--format", "json"]).out;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json.as_object().unwrap().len(), 18);
}

#[tokio::test]
async fn a_new_key_is_printed_and_nothing_changed() {
    let (copy, folder) = copy().await;
    let before = fs::read(copy.beside(".key")).unwrap();
    let new = run(&folder, &["audit", "key", "--new"]);
    assert!(new.out.starts_with("PRIVATE+KEY+room-owner/"));
    assert_eq!(fs::read(copy.beside(".key")).unwrap(), before);
    let empty = tempfile::tempdir().unwrap();
    let none = run(empty.path(), &["audit", "key"]);
    assert_eq!(none.code, 1);
    assert!(none.err.contains("AUDIT_SIGNING_KEY"), "{}", none.err);
}

#[tokio::test]
async fn a_backup_is_whole_checked_and_never_written_over() {
    let (copy, folder) = copy().await;
    let ran = run(&folder, &["backup", "backup.db"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("✅ The log is whole: 20 events"), "{}", ran.out);
    let checked = run(&folder, &["audit", "verify", "--database", "backup.db", "--key", copy.key.as_str()]);
    assert_eq!(checked.code, 0, "{}", checked.out);
    assert!(checked.out.contains("backup.db.checkpoint"));
    assert!(!folder.join("backup.db.key").exists(), "the key stays where it is");
    let before = fs::read(folder.join("backup.db")).unwrap();
    let again = run(&folder, &["backup", "backup.db"]);
    assert_eq!(again.code, 1);
    assert!(again.err.contains("is there already"), "{}", again.err);
    assert_eq!(fs::read(folder.join("backup.db")).unwrap(), before);

    copy.tampered("UPDATE grants SET role = 'admin' WHERE id = 1").await;
    let ran = run(&folder, &["backup", "bad.db"]);
    assert_eq!(ran.code, 1, "a copy of a bad log is said to be one");
    assert!(ran.out.contains("grant 1 is not as the log says"), "{}", ran.out);
}
