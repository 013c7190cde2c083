//! The cases of many rooms: of the database that every version has to read, which holds every form of event; and of
//! random ones.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use room_owner::domain::audit::{DecisionKind, Outcome, OutcomeKind, Refusal, Request};
use room_owner::store::{MadeUp, fill_unsynced};
use serde_json::Value;
use tempfile::TempDir;

use super::case::{texts, verified};
use super::command_line::run;
use super::world::{later, open};

/// The frozen database, brought up to date, as a copy in a folder of its own with its archive.
async fn frozen() -> TempDir {
    let there = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/store/frozen/1");
    let folder = tempfile::tempdir().unwrap();
    let here = |name: &str| folder.path().join(name);
    let mut bytes = Vec::new();
    let packed = fs::File::open(there.join("room-owner.db.gz")).unwrap();
    GzDecoder::new(packed).read_to_end(&mut bytes).unwrap();
    fs::write(here("room-owner.db"), bytes).unwrap();
    for (from, to) in [("signing-key.txt", "room-owner.db.key"), ("oldest.archive", "oldest.archive")] {
        fs::copy(there.join(from), here(to)).unwrap();
        fs::set_permissions(here(to), fs::Permissions::from_mode(0o600)).unwrap();
    }
    fs::copy(there.join("newest-head.txt"), here("room-owner.db.checkpoint")).unwrap();
    open(&here("room-owner.db")).await.close().await;
    fs::rename(here("room-owner.db"), here("frozen.db")).unwrap();
    folder
}

/// The rooms of a copy's log, and how many operations each has.
fn rooms(folder: &Path, copy: &str) -> BTreeMap<String, usize> {
    let listed = run(folder, &["audit", "list", "--database", copy, "--limit", "0", "--format", "jsonl"]);
    assert_eq!(listed.code, 0, "{}", listed.err);
    let mut rooms = BTreeMap::new();
    for line in listed.out.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        if let Some(room) = row["room"].as_str() {
            *rooms.entry(room.to_owned()).or_default() += 1;
        }
    }
    rooms
}

/// Makes the case of a room of a copy.
fn case(folder: &Path, copy: &str, room: &str, out: &str, more: &[&str]) -> PathBuf {
    let asked = ["audit", "case", "--database", copy, "--room", room, "--out", out];
    let ran = run(folder, &[&asked[..], more].concat());
    assert_eq!(ran.code, 0, "{room}: {}", ran.err);
    folder.join(out)
}

fn lines(case: &Path, name: &str) -> usize {
    fs::read_to_string(case.join(name)).map_or(0, |text| text.lines().count())
}

/// The operations that the page leads to and does not have.
fn dangling(case: &Path) -> BTreeSet<String> {
    let page = fs::read_to_string(case.join("case.html")).unwrap();
    let behind = |mark: &str| -> BTreeSet<String> {
        page.split(mark).skip(1).map(|rest| rest[..rest.find('"').unwrap()].to_owned()).collect()
    };
    behind("href=\"#op-").difference(&behind("id=\"op-")).cloned().collect()
}

#[tokio::test]
async fn every_form_of_event_is_checked_with_and_without_the_archive() {
    let folder = frozen().await;
    let folder = folder.path();
    let mut archived = 0;
    for (number, (room, operations)) in rooms(folder, "frozen.db").into_iter().enumerate() {
        let with =
            case(folder, "frozen.db", &room, &format!("with-{number}"), &["--archive", "oldest.archive"]);
        assert_eq!(
            (lines(&with, "operations.jsonl"), lines(&with, "not-proved.jsonl")),
            (operations, 0),
            "{room}"
        );
        let without = case(folder, "frozen.db", &room, &format!("without-{number}"), &["--lang", "zh"]);
        let unproved = lines(&without, "not-proved.jsonl");
        assert_eq!(lines(&without, "operations.jsonl") + unproved, operations, "{room}");
        archived += unproved;
        let says =
            |case: &Path, words: &str| fs::read_to_string(case.join("case.html")).unwrap().contains(words);
        assert_eq!(says(&without, "oldest.archive"), unproved > 0, "{room}");
        assert!(!says(&with, "Not proved"), "{room}");
        for case in [with, without] {
            assert_eq!(dangling(&case), BTreeSet::new(), "{room}");
            let Some(ran) = verified(&case, None) else { continue };
            assert_eq!(ran.code, 0, "{room}: {}{}", ran.out, ran.err);
            let is_said = ran.out.contains("Not checked: not-proved.jsonl");
            assert_eq!(is_said, case.join("not-proved.jsonl").exists(), "{room}: {}", ran.out);
        }
    }
    assert_eq!(archived, 3);
}

/// What somebody typed, or Tencent said: whatever it holds.
fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,8}",
        "['=+@<>&\",\n\r\t -]{1,6}",
        "\\PC{1,12}",
        "[\u{202e}\u{200b}\u{fe0f}🔥房主]{1,4}"
    ]
}

fn refusal() -> impl Strategy<Value = Refusal> {
    let (code, id) = (proptest::option::of(-9_i64..200_000), proptest::option::of("Id-[a-z]{4}"));
    (code, words(), id).prop_map(|(code, info, request_id)| Refusal {
        code,
        info,
        request_id,
        remedy: String::new(),
    })
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let account = || "[a-z]{3,6}".prop_map(|id| id.parse().unwrap());
    let perhaps = move || proptest::option::of(account());
    let id = proptest::option::of("Id-[a-z]{4}");
    prop_oneof![
        (perhaps(), any::<bool>(), id, proptest::option::of(refusal())).prop_map(
            |(previous, confirmed, request_id, unclear)| Outcome::Succeeded {
                previous,
                confirmed,
                request_id,
                unclear
            }
        ),
        (perhaps(), perhaps(), refusal()).prop_map(|(previous, owner_now, unclear)| {
            Outcome::ConfirmedByCallback { previous, owner_now, unclear }
        }),
        Just(Outcome::Unchanged),
        (perhaps(), refusal()).prop_map(|(previous, refusal)| Outcome::Refused { previous, refusal }),
        (perhaps(), account(), refusal()).prop_map(|(previous, owner, problem)| {
            Outcome::Unknown { previous, problem, owner_now: Some(owner) }
        }),
        refusal().prop_map(Outcome::Declined),
    ]
}

/// Operations in three rooms, each with people and reasons of its own.
#[derive(Debug, Clone)]
struct Drawn {
    room: usize,
    wait: i64,
    said: String,
    end: Option<(i64, Outcome)>,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let end = proptest::option::weighted(0.8, (0_i64..5_000, outcome()));
    (0_usize..3, 0_i64..90_000, words(), end).prop_map(|(room, wait, said, end)| Drawn {
        room,
        wait,
        said,
        end,
    })
}

/// What only the room of this number has.
fn own(room: usize) -> [String; 4] {
    let name = ["ruby", "opal", "jade"][room];
    [format!("room-{name}"), format!("slack:T1:U{name}"), format!("to_{name}"), format!("because of {name}")]
}

fn made_up(drawn: &[Drawn]) -> Vec<MadeUp> {
    let mut at = 0;
    let made = drawn.iter().map(|Drawn { room, wait, said, end }| {
        at += wait;
        let [name, who, to, why] = own(*room);
        let decision = if end.is_some() { DecisionKind::Permit } else { DecisionKind::Deny };
        let request = Request {
            actor: who.to_uppercase().replace("SLACK:", "slack:").parse().ok(),
            actor_name: Some(said.clone()),
            channel: "slack:T1:C1".parse().ok(),
            command: format!("/room-owner {name} {to} reason: {why} {said}"),
            room: name.parse().ok(),
            new_owner: to.parse().ok(),
            reason: Some(format!("{said}{why}")),
            decision: Some(decision),
            authority: Some(if end.is_some() { "grant 3" } else { "no grant" }.to_owned()),
            outcome: if end.is_some() { OutcomeKind::Pending } else { OutcomeKind::Denied },
            ..Request::default()
        };
        let end = end.clone().map(|(took, outcome)| (later(at + took), outcome));
        MadeUp { at: later(at), request, end }
    });
    made.collect()
}

#[test]
fn a_case_is_all_of_its_room_and_nothing_of_another() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut runner = TestRunner::new(Config { cases: 6, failure_persistence: None, ..Config::default() });
    let ran = runner.run(&proptest::collection::vec(drawn(), 1..40), |drawn| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("room-owner.db");
        runtime.block_on(fill_unsynced(&file, made_up(&drawn).into_iter())).unwrap();
        fs::rename(&file, folder.path().join("copy.db")).unwrap();
        for room in drawn.iter().map(|drawn| drawn.room).collect::<BTreeSet<_>>() {
            let case = case(folder.path(), "copy.db", &own(room)[0], &format!("case-{room}"), &[]);
            let operations = drawn.iter().filter(|drawn| drawn.room == room).count();
            prop_assert_eq!(lines(&case, "operations.jsonl"), operations);
            for (name, text) in texts(&case) {
                for foreign in (0..3).filter(|other| *other != room).flat_map(own) {
                    let (text, foreign) = (text.to_lowercase(), foreign.to_lowercase());
                    prop_assert!(!text.contains(&foreign), "{} holds {}: {}", name, foreign, text);
                }
            }
            if let Some(ran) = verified(&case, None) {
                prop_assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
            }
        }
        Ok(())
    });
    ran.unwrap();
}
