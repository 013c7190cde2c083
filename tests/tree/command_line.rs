//! The same from the command line, as a reviewer uses it.

use std::fs;
use std::path::Path;
use std::process::Command;

use insta::assert_snapshot;

use super::copies::{Copy, night};
use super::independent::{checked, proves};

pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Ran {
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
    let folder_of_it = format!("{}/", folder.display());
    let said = ran
        .out
        .replace(&hex::encode(copy.checkpoint.head().root), "<root>")
        .replace(copy.key.as_str(), "<key>");
    assert_snapshot!(said.replace(&folder_of_it, ""), @"
    ✅ The log is whole: 20 events, as they were signed.
    Root <root> over 20 events.
    Signed by <key> from 1 to 20
    Checked with <key>
    Compared with `room-owner.db.checkpoint` (20 events)
    Not checked: that nothing was cut off or rewritten, and `room-owner.db.checkpoint` with it: only a head kept elsewhere shows that (--checkpoint, or --seen with what a reply shows after `log`)
    Not checked: that queries find everything: the indexes are not compared; slower (--indexes)
    Not checked: what no event repeats: when grants were last used, what was read of user groups, which replies and announcements are pending
    Not checked: that the key is yours: it is the one that this machine signs with; another in its place could have signed the whole log anew; give the key that you kept (--key)
    ");
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
        "--indexes",
    ];
    let ran = run(elsewhere.path(), &all);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let limits: Vec<&str> = ran.out.lines().filter(|line| line.starts_with("Not checked: ")).collect();
    assert_snapshot!(limits.join("\n"), @"
    Not checked: that nothing was cut off or rewritten after event 20: the heads that you gave end there; only a newer one shows that (--checkpoint, --seen)
    Not checked: what no event repeats: when grants were last used, what was read of user groups, which replies and announcements are pending
    ");
    let ran = run(elsewhere.path(), &all[..4]);
    assert_eq!(ran.code, 0);
    assert_eq!(ran.out.matches("Not checked").count(), 4, "{}", ran.out);
    for (arguments, expected) in [
        (["--seen", "20:000000000000"], "are not those of `20:000000000000`, as it was seen"),
        (["--seen", "22:000000000000"], "its end was cut off"),
        (["--key", "room-owner/x+00000000+AQ=="], "is not a verifier key"),
        (["--checkpoint", "copy.db"], "cannot be used"),
    ] {
        let ran = run(elsewhere.path(), &[&all[..4], &arguments].concat());
        let code = if arguments[0] == "--key" { 2 } else { 1 };
        assert_eq!(ran.code, code, "{arguments:?}");
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
    // What it wrote is checked as a whole, as `proof/*`, events and proofs in any order.
    let event =
        |number: u64| [format!("proof/event-{number}.json"), format!("proof/event-{number}.tlog-proof")];
    let all: Vec<String> = (10..=12).flat_map(event).collect();
    let check = |files: &[String]| {
        let files = files.iter().map(String::as_str);
        let command: Vec<_> =
            ["audit", "verify-proof", "--key", copy.key.as_str()].into_iter().chain(files).collect();
        run(&folder, &command)
    };
    let checked = check(&all);
    assert_eq!((checked.code, checked.out.lines().count()), (0, 3), "{}", checked.err);
    assert!(checked.err.contains("✅ `proof/event-11.json` is one of these events"), "{}", checked.err);
    let alone = check(&all[..1]);
    assert_eq!((alone.code, alone.out.as_str()), (1, ""));
    assert!(
        alone.err.contains("no proof of it is among these files; name its `.tlog-proof` too"),
        "{}",
        alone.err
    );
    let leaf = fs::read_to_string(folder.join(&all[0])).unwrap();
    fs::write(folder.join(&all[0]), leaf.replace("10", "11")).unwrap();
    let changed = check(&all);
    assert_eq!(changed.code, 1);
    assert!(changed.err.contains("`proof/event-10.json` proves nothing"), "{}", changed.err);
    fs::write(folder.join(&all[0]), leaf).unwrap();
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

    // What it prints is read back, and so are several files; each proof has a line of its own.
    fs::write(folder.join("p.txt"), &shown.out).unwrap();
    fs::write(folder.join("joined"), shown.out.replace("\n\nc2sp", "\nc2sp")).unwrap();
    let leaves: String = (10..=12)
        .map(|event| fs::read_to_string(folder.join(format!("proof/event-{event}.json"))).unwrap() + "\n")
        .collect();
    for file in ["p.txt", "joined"] {
        let checked = run(&folder, &["audit", "verify-proof", file, "--key", copy.key.as_str()]);
        assert_eq!((checked.code, &checked.out), (0, &leaves), "{file}: {}", checked.err);
        assert_eq!(checked.err.matches("✅ event 1").count(), 3, "{}", checked.err);
    }
    fs::write(folder.join("notes"), "notes\n").unwrap();
    fs::write(folder.join("cut"), &shown.out[..shown.out.len() - 20]).unwrap();
    let files = ["notes", "p.txt", "cut", "nowhere"];
    let checked =
        run(&folder, &[&["audit", "verify-proof", "--key", copy.key.as_str()], &files[..]].concat());
    assert_eq!((checked.code, checked.out.lines().count()), (1, 5), "{}", checked.err);
    insta::with_settings!({ filters => [(r"`room-owner/[0-9a-f]{8}`", "`room-owner/<log>`")] }, {
        assert_snapshot!(checked.err, @r"
        error: `notes` proves nothing: it is not a proof of `c2sp.org/tlog-proof@v1` that holds its event
        ✅ event 10 is in the log `room-owner/<log>`, under its signed head of 20 events:
        ✅ event 11 is in the log `room-owner/<log>`, under its signed head of 20 events:
        ✅ event 12 is in the log `room-owner/<log>`, under its signed head of 20 events:
        ✅ event 10 is in the log `room-owner/<log>`, under its signed head of 20 events:
        ✅ event 11 is in the log `room-owner/<log>`, under its signed head of 20 events:
        error: proof 3 of `cut` proves nothing: its checkpoint: it is not a checkpoint: a name, a number of events, a hash, an empty line and a signature
        error: `nowhere` proves nothing: No such file or directory (os error 2)
        ");
    });
    let absent = run(&folder, &["audit", "prove", "11"]);
    assert_eq!(absent.code, 1, "event 11 begins no operation");
    assert!(absent.err.contains("there is no operation `11`"), "{}", absent.err);
}

#[tokio::test]
async fn show_tells_the_signed_head_to_people_and_leaves_the_entry_as_it_is() {
    let (copy, folder) = copy().await;
    let shown = run(&folder, &["audit", "show", "10"]);
    let note = shown.out.split("covers it:\n\n").nth(1).unwrap();
    // Two more: the file is another than before, and the reading.
    assert_eq!(checked(note, copy.key.as_str()).unwrap().size, 22);
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
    assert!(none.err.contains("there is no database"), "{}", none.err);
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
    assert!(ran.out.contains("`grants` does not say of grant 1 what the log says"), "{}", ran.out);
}

/// What a run says, without what is another each time.
fn said(copy: &Copy, ran: &Ran) -> String {
    let key = copy.key.as_str();
    let name = key.split('+').next().unwrap();
    let folder = copy.file().parent().unwrap().display().to_string();
    let text = format!("{}{}", ran.out, ran.err);
    let lines = text.lines().filter(|line| !line.starts_with("Root "));
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    text.replace(key, "<key>").replace(name, "room-owner/<log>").replace(&folder, "/var/lib/room-owner")
}

#[tokio::test]
async fn the_oldest_part_of_the_log_goes_into_an_archive_and_is_still_shown_and_proved() {
    let (copy, folder) = copy().await;
    let key = copy.key.as_str();
    let ran = |arguments: &[&str]| run(&folder, &[&["audit"], arguments].concat());
    let mut story = String::new();
    for (code, arguments) in [
        (0, &["archive", "--before", "2026-01-01", "a.archive"][..]),
        (0, &["archive", "--before", "2027-01-01", "--zone", "UTC", "a.archive"]),
        (0, &["archive", "--before", "2027-01-01", "b.archive"]),
        (0, &["verify"]),
        (0, &["verify", "--archive", "a.archive"]),
        (0, &["verify-archive", "a.archive", "--key", key]),
        (1, &["timeline", "10"]),
        (1, &["prove", "10"]),
        (1, &["export", "--after", "7"]),
        (2, &["verify-archive", "a.archive"]),
        (1, &["verify-archive", "room-owner.db", "--key", key]),
    ] {
        let ran = ran(arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {}{}", ran.out, ran.err);
        story.push_str(&format!("$ room-owner audit {}\n{}\n", arguments.join(" "), said(&copy, &ran)));
    }
    assert_snapshot!(story.replace(key, "<key>"), @"
    $ room-owner audit archive --before 2026-01-01 a.archive
    Nothing was archived: no operation from before that time is left here.
    database: /var/lib/room-owner/room-owner.db

    $ room-owner audit archive --before 2027-01-01 --zone UTC a.archive
    ✅ Events 1 to 15 are in `a.archive` now, written and read back, and no longer in the database (operation 22).
       Keep the file: what was done is still listed without it, the steps and the proofs are in it alone. Check it with `room-owner audit verify --archive a.archive`.
    database: /var/lib/room-owner/room-owner.db
    note: operation 16 from before that time is still open, so it stays, and all after it: `room-owner audit show 16`

    $ room-owner audit archive --before 2027-01-01 b.archive
    Nothing was archived.
    database: /var/lib/room-owner/room-owner.db
    note: operation 16 from before that time is still open, so it stays, and all after it: `room-owner audit show 16`

    $ room-owner audit verify
    ✅ The log is whole: 22 events, as they were signed.
    Signed by <key> from 16 to 22
    Checked with <key>
    Compared with `room-owner.db.checkpoint` (22 events)
    Not checked: that nothing was cut off or rewritten, and `room-owner.db.checkpoint` with it: only a head kept elsewhere shows that (--checkpoint, or --seen with what a reply shows after `log`)
    Not checked: that queries find everything: the indexes are not compared; slower (--indexes)
    Not checked: what no event repeats: when grants were last used, what was read of user groups, which replies and announcements are pending
    Not checked: that the key is yours: it is the one that this machine signs with; another in its place could have signed the whole log anew; give the key that you kept (--key)
    Not checked: the texts of events 1 to 15: they are in `/var/lib/room-owner/a.archive`; give the files (--archive)

    $ room-owner audit verify --archive a.archive
    ✅ The log is whole: 22 events, as they were signed.
    Signed by <key> from 1 to 22
    Checked with <key>
    Compared with `room-owner.db.checkpoint` (22 events)
    Compared with `a.archive` (15 events)
    Not checked: that nothing was cut off or rewritten after event 15: the heads that you gave end there; only a newer one shows that (--checkpoint, --seen)
    Not checked: that queries find everything: the indexes are not compared; slower (--indexes)
    Not checked: what no event repeats: when grants were last used, what was read of user groups, which replies and announcements are pending
    Not checked: that the key is yours: it is the one that this machine signs with; another in its place could have signed the whole log anew; give the key that you kept (--key)

    $ room-owner audit verify-archive a.archive --key <key>
    ✅ The archive is whole: events 1 to 15 of the log `room-owner/<log>`, as they were signed.

    $ room-owner audit timeline 10
    error: the steps of operation 10 were archived: name the archive that begins with event 1 (`/var/lib/room-owner/a.archive` when it was written) with --archive; `room-owner audit show 10` says its outcome

    $ room-owner audit prove 10
    error: operation 10 was archived: name the archive that begins with event 1 (`/var/lib/room-owner/a.archive` when it was written) with --archive

    $ room-owner audit export --after 7
    error: the cursor `7` is from before event 15, up to which the events were archived, so what has changed since is not known here: take it from the archive, or export all without a cursor

    $ room-owner audit verify-archive a.archive
    error: the following required arguments were not provided:
      --key <KEY>

    Usage: room-owner audit verify-archive --key <KEY> <FILE>

    For more information, try '--help'.

    $ room-owner audit verify-archive room-owner.db --key <key>
    error: `room-owner.db` is no archive: stream did not contain valid UTF-8
    ");

    let shown = ran(&["show", "10", "--format", "json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown.out).unwrap();
    assert_eq!((&shown["outcome"], &shown["new_owner"]), (&"succeeded".into(), &"bob".into()));
    let owner = ran(&["owner-at", "test", "2026-03-02", "--zone", "UTC", "--format", "json"]);
    let owner: serde_json::Value = serde_json::from_str(&owner.out).unwrap();
    assert_eq!((&owner["owner"], &owner["basis"]), (&"bob".into(), &"accepted".into()));
    let found = "whether the new owner was read back is in the archive that has its steps";
    assert!(owner["explanation"].as_str().unwrap().ends_with(found), "{owner}");
    let listed = ran(&["list", "--limit", "0", "--format", "jsonl", "--readings"]).out;
    let exported = ran(&["export", "--readings"]).out;
    assert!(listed.lines().count() > 15 && exported.lines().count() > 15, "{listed}{exported}");
    assert!(listed.contains("audit archive --before 2027-01-01 --zone UTC a.archive"), "{listed}");

    let steps = ran(&["timeline", "10", "--archive", "a.archive", "--format", "jsonl"]);
    let steps = steps.out.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let steps: Vec<String> =
        steps.map(|step| format!("{} {}", step["seq"], step["step"].as_str().unwrap())).collect();
    assert_eq!(
        steps,
        ["10 received", "10 decided", "10 attempted", "11 noted", "12 answered", "12 confirmed"]
    );

    let proof = ran(&["prove", "10", "--archive", "a.archive", "--out", "proof"]);
    assert_eq!(proof.code, 0, "{}", proof.err);
    for event in [10, 11, 12] {
        let leaf = fs::read(folder.join(format!("proof/event-{event}.json"))).unwrap();
        let text = fs::read_to_string(folder.join(format!("proof/event-{event}.tlog-proof"))).unwrap();
        proves(&text, key, &leaf, event - 1).unwrap();
    }
    let backup = run(&folder, &["backup", "backup.db"]);
    assert_eq!(backup.code, 0, "{}{}", backup.out, backup.err);
    let checked =
        ran(&["verify", "--database", "backup.db", "--key", key, "--archive", "a.archive", "--indexes"]);
    assert_eq!((checked.code, checked.out.contains("(--archive)")), (0, false), "{}", checked.out);
}
