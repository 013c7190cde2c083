//! The format is frozen: what any released version wrote is read, verified and asked by this one. `frozen/README.md`
//! says what lies there and how it was made.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::read::GzDecoder;
use room_owner::app::announcements::{Announcements as _, NextDue};
use room_owner::app::ports::Store as _;
use room_owner::app::replies::Platform;
use room_owner::domain::access::{ChangedEntry, Setting};
use room_owner::domain::announcement::Topic;
use room_owner::domain::audit::{Announced, Event, Outcome, SystemChange, What};
use room_owner::domain::reply_note::HowReplied;
use room_owner::merkle::VerifierKey;
use room_owner::store::SqliteStore;
use room_owner::store::verify::{Evidence, read_checkpoint, verify};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::files::beside;
use super::replay;
use super::world::{OPS, announce, ask, later, open, raw, recorded, succeeded};

/// Every format there was.
const FORMATS: [&str; 2] = ["1", "2"];

/// Of each, an operation with steps of its own, another two, and one that is archived.
const OPERATIONS: [[i64; 4]; 2] = [[20, 34, 43, 6], [33, 49, 86, 6]];

fn frozen() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/store/frozen")
}

/// Each migration that was shipped: nothing in it may change, for a database knows it by its hash.
const MIGRATIONS: [(&str, &str); 11] = [
    ("0001_log.sql", "c7827002631193a80d85c790c7f3569efc27d1827ff6dffa2b5eb4d86c4f1bff"),
    ("0002_projections.sql", "f15a442dc25c0a9190ac37c6e33c7c2cbed0c3f2393ef833a8bafbd1307d68c4"),
    ("0003_working_state.sql", "dd4b7b1eb8cded0c06f76fc784cd571b6913241df879e28c2e6397d9487c417c"),
    ("0004_buttons.sql", "b295ccab0ea27e8cdf08756112923d3ab72df669b352dc811cecf7672ebab914"),
    ("0005_announcements.sql", "4a477edb64cfdd46ccf712db634311375cb62bfd9d906a5dc35655d6e99b1f3c"),
    ("0006_acl_settings.sql", "b1492777b27dafaf1450b6d6a2825640cac9430a342077d2efb4c05d964bc9e0"),
    ("0007_access_requests.sql", "4b59c5ebaabc8d1a696b9c284d5e0306b891ebaa53036cef4973c3cf50d0d2ae"),
    ("0008_new_owner_people.sql", "8169a1d6e5c884d5346a750d4359ad587e28b0d33ebc26067fd14916a34bb419"),
    ("0009_approvals.sql", "4be8184a3293a10344f575d89f9f24fbbe7fc0969a483f445ad9ae9609b59f66"),
    ("0010_sessions.sql", "2672bd7e8cb54ea80ba86e1e11eaa7d9b86bf27e93add5f5eb7407b3489fd7e0"),
    ("0011_waiting_buttons.sql", "050385837f2982fed51e3b30d371cb6a292acb97ba21f7759ce666cdc27f5627"),
];

#[test]
fn migrations_are_only_added() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    let added = "add the hash of a new migration here when it is shipped";
    assert_eq!(names, MIGRATIONS.map(|(name, _)| name), "{added}");
    for (name, hash) in MIGRATIONS {
        let there = hex::encode(Sha256::digest(fs::read(folder.join(name)).unwrap()));
        assert_eq!(there, hash, "{name} was shipped: write another migration");
    }
}

// Events ---------------------------------------------------------------------------------------------------

/// The forms that an event has. Whoever adds one has to name it here, and to give an event of it.
fn forms(event: &Event) -> Vec<&'static str> {
    let what = match &event.what {
        What::Requested(_) => "requested",
        What::Observed(_) => "observed",
        What::System(_) => "system",
        What::Noted { .. } => "noted",
        What::Ended(_) => "ended",
        What::Overridden { .. } => "overridden",
        What::Confirmed(_) => "confirmed",
        What::Reply(_) => "reply",
        What::Announced(_) => "announced",
        What::Answered { until: Some(_), .. } => "access given",
        What::Answered { until: None, .. } => "access refused",
    };
    let mut forms = vec![what];
    match &event.what {
        What::System(change) => forms.push(match change {
            SystemChange::KeyChanged { .. } => "key_changed",
            SystemChange::FileReplaced => "file_replaced",
            SystemChange::HeadGone => "head_gone",
            SystemChange::ClockSetBack { .. } => "clock_set_back",
        }),
        What::Ended(outcome) => forms.push(match outcome {
            Outcome::Succeeded { .. } => "succeeded",
            Outcome::ConfirmedByCallback { .. } => "confirmed_by_callback",
            Outcome::Unchanged => "unchanged",
            Outcome::Refused { .. } => "refused",
            Outcome::Unknown { .. } => "unknown",
            Outcome::Declined(_) => "declined",
            Outcome::Shown(_) => "shown",
        }),
        What::Reply(note) => forms.push(match note.how {
            HowReplied::Edited => "edited",
            HowReplied::Posted => "posted",
            HowReplied::Sent => "sent",
            HowReplied::Lost => "lost",
        }),
        What::Requested(request) => {
            forms.extend(request.acl_changes.iter().map(|change| match change {
                ChangedEntry::Grant { before: None, .. } => "granted",
                ChangedEntry::Grant { .. } => "revoked",
                ChangedEntry::Channel { before: None, .. } => "allowed",
                ChangedEntry::Channel { after, .. } if after.removed_at.is_some() => "removed",
                ChangedEntry::Channel { .. } => "for other rooms",
                ChangedEntry::Announcement { before: None, .. } => "announces",
                ChangedEntry::Announcement { after, .. } if after.removed_at.is_some() => "announces no more",
                ChangedEntry::Announcement { .. } => "announces other rooms",
                ChangedEntry::Setting { before: None, after } => match after.setting {
                    Setting::Link { .. } => "linked",
                    Setting::Mark { .. } => "marked",
                },
                ChangedEntry::Setting { after, .. } if after.removed_at.is_some() => "set no more",
                ChangedEntry::Setting { .. } => "set otherwise",
            }));
            forms.extend(request.archived.iter().map(|_| "archived"));
            forms.extend(request.member_of.iter().map(|_| "by membership"));
            forms.extend(request.pressed.iter().map(|_| "pressed"));
            forms.extend(request.asks.iter().map(|_| "asks for access"));
            forms.extend(request.new_owner_person.iter().map(|_| "to a person"));
            forms.extend(request.requested_by.iter().map(|_| "approved"));
        }
        What::Announced(announced) => {
            forms.push(if announced.message.is_some() { "in a message" } else { "in no message" });
            forms.extend(announced.to.iter().map(|_| "to a person"));
        }
        What::Observed(_)
        | What::Noted { .. }
        | What::Overridden { .. }
        | What::Confirmed(_)
        | What::Answered { .. } => {}
    }
    forms
}

#[test]
fn every_event_that_was_ever_written_is_read_and_written_back_byte_for_byte() {
    let lines = fs::read_to_string(frozen().join("events.jsonl")).unwrap();
    let mut met = BTreeSet::new();
    for line in lines.lines() {
        let event = Event::parse(line.as_bytes()).unwrap_or_else(|why| panic!("{why}: {line}"));
        assert_eq!(serde_json::to_string(&event).unwrap(), line);
        met.extend(forms(&event));
    }
    let all = [
        "access given",
        "access refused",
        "allowed",
        "announced",
        "announces",
        "announces no more",
        "announces other rooms",
        "approved",
        "archived",
        "asks for access",
        "by membership",
        "clock_set_back",
        "confirmed",
        "confirmed_by_callback",
        "declined",
        "edited",
        "ended",
        "file_replaced",
        "for other rooms",
        "granted",
        "head_gone",
        "in a message",
        "in no message",
        "key_changed",
        "linked",
        "lost",
        "marked",
        "noted",
        "observed",
        "overridden",
        "posted",
        "pressed",
        "refused",
        "removed",
        "reply",
        "requested",
        "revoked",
        "sent",
        "set no more",
        "set otherwise",
        "shown",
        "succeeded",
        "system",
        "to a person",
        "unchanged",
        "unknown",
    ];
    assert_eq!(met, all.into());
}

// Databases ------------------------------------------------------------------------------------------------

/// A frozen database, unpacked into a folder of its own, with what belongs beside it.
fn unpacked(format: &str) -> (TempDir, PathBuf) {
    let (from, folder) = (frozen().join(format), tempfile::tempdir().unwrap());
    let file = folder.path().join("room-owner.db");
    let mut database = Vec::new();
    GzDecoder::new(fs::File::open(from.join("room-owner.db.gz")).unwrap())
        .read_to_end(&mut database)
        .unwrap();
    fs::write(&file, database).unwrap();
    for (name, to) in [
        ("signing-key.txt", beside(&file, ".key")),
        ("newest-head.txt", beside(&file, ".checkpoint")),
        ("earlier-head.txt", folder.path().join("earlier-head.txt")),
        ("oldest.archive", folder.path().join("oldest.archive")),
    ] {
        fs::copy(from.join(name), &to).unwrap();
        fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).unwrap();
    }
    (folder, file)
}

/// Everything that somebody may have kept of it.
fn kept(format: &str, folder: &Path) -> Evidence {
    let keys = fs::read_to_string(frozen().join(format).join("keys.txt")).unwrap();
    let head = read_checkpoint(&folder.join("earlier-head.txt")).unwrap();
    Evidence {
        keys: keys.lines().map(|key| VerifierKey::parse(key).unwrap()).collect(),
        checkpoints: vec![("the earlier head".to_owned(), head)],
        archives: vec![folder.join("oldest.archive")],
        indexes: true,
        ..Evidence::default()
    }
}

#[tokio::test]
async fn every_earlier_database_opens_verifies_and_goes_on() {
    for format in FORMATS {
        let (folder, file) = unpacked(format);
        let store = open(&file).await;
        recorded(ask("test bob").by("slack:T1:U666").admit(&store).await);
        announces_from_now_on(&store).await;
        store.close().await;
        let without = Evidence { archives: Vec::new(), ..kept(format, folder.path()) };
        for evidence in [kept(format, folder.path()), without, Evidence::default()] {
            let report = verify(&file, evidence).await.unwrap();
            assert!(report.sound, "{format}: {:?}", report.findings);
        }
        // As another reader has them.
        let mut raw = raw(&file).await;
        let mut events = replay::archived(&folder.path().join("oldest.archive"));
        events.extend(replay::events(&mut raw).await);
        replay::assert_tables_follow(&events, &mut raw).await;
    }
}

/// What came with the announcements is written into an earlier database as into a new one.
async fn announces_from_now_on(store: &SqliteStore) {
    announce(OPS, "*").apply(store).await;
    let attempt = ask("announced bob").attempt(store).await;
    store.finish(attempt.operation(), &succeeded("req-9"), later(100)).await.unwrap();
    // Behind what was due when it was closed.
    while let NextDue::Post(due, _) = store.next_due(&[Platform::Slack], later(101)).await.unwrap() {
        let Topic::Operation(_, event) = due.topic else { panic!("{due:?}") };
        let message = Some("1772366400.000001".to_owned());
        let to = due.person.clone();
        let announced = Announced { channel: due.channel.clone(), event, message, problem: None, to };
        store.settle(&due, Some(announced), later(102)).await.unwrap();
    }
    assert_eq!(store.operation(attempt.operation()).await.unwrap().unwrap().announced.len(), 1);
}

#[tokio::test]
async fn every_earlier_database_answers_as_it_did() {
    for (format, [steps, others, more, archived]) in FORMATS.into_iter().zip(OPERATIONS) {
        let (folder, file) = unpacked(format);
        let last = fs::read_to_string(beside(&file, ".checkpoint")).unwrap();
        let last: i64 = last.lines().nth(1).unwrap().parse().unwrap();
        open(&file).await.close().await;
        let run = |line: &str| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_room-owner"));
            let ran = command.env_clear().current_dir(folder.path()).args(line.split(' ')).output().unwrap();
            assert!(ran.status.success(), "{line}: {}", String::from_utf8_lossy(&ran.stderr));
            String::from_utf8(ran.stdout).unwrap()
        };
        let mut answers = String::new();
        for line in [
            "audit list --limit 0 --readings --format jsonl",
            "audit list --limit 0 --text crashed --format jsonl",
            "audit list --limit 0 --outcome unknown,pending --format jsonl",
            &format!("audit show {steps} --format json"),
            &format!("audit timeline {steps} --format jsonl"),
            &format!("audit timeline {others} --format jsonl"),
            &format!("audit timeline {more} --format jsonl"),
            &format!("audit timeline {archived} --archive oldest.archive --format jsonl"),
            "audit owner-at test 2026-03-02 --zone UTC --format json",
            "audit owner-at live-9 2026-03-02 --zone UTC --format json",
            "audit owner-at app-3 2026-03-02 --zone UTC --format json",
            "audit stats --by outcome --until 2026-03-02 --zone UTC --format jsonl",
        ] {
            // What the opening added is left out, and the readings that are asked here.
            let of_then = |answer: &&str| {
                let answer: Value = serde_json::from_str(answer).unwrap_or_default();
                answer["operation"].as_str().is_none_or(|operation| operation.parse::<i64>().unwrap() <= last)
            };
            let said = run(line);
            let said: Vec<&str> = said.lines().filter(of_then).collect();
            answers.push_str(&format!("$ room-owner {line}\n{}\n\n", said.join("\n")));
        }
        let acl = run("acl list --all --format jsonl");
        answers.push_str(&format!("$ room-owner acl list --all --format jsonl\n{acl}\n"));
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(frozen().join(format));
        settings.set_prepend_module_to_snapshot(false);
        settings.bind(|| insta::assert_snapshot!("answers", answers));
    }
}
