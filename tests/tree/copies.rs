//! Copies of a database, and what becomes of them in the wrong hands.

use std::fs;
use std::path::{Path, PathBuf};

use room_owner::app::ports::{OwnerChangeEvent, ReadBack, Store as _};
use room_owner::domain::audit::OperationId;
use room_owner::domain::command::DeliveryId;
use room_owner::domain::reply_note::{HowReplied, ReplyNote};
use room_owner::domain::room::AccountId;
use room_owner::domain::verification::Report;
use room_owner::merkle::{Checkpoint, Frontier, SigningKey, VerifierKey, record_hash};
use room_owner::store::verify::{Evidence, verify};
use sqlx::sqlite::SqliteConnection;
use tempfile::TempDir;

use super::rebuild::rebuild;
use super::world::{
    ALICE, MALLORY, NOON, OPS, World, allow, ask, execute, foreign, grant, later, open, raw, read, recorded,
    refused, remove, revoke, succeeded, unknown,
};

/// A log with some of everything: open and ended operations, grants given and taken back, channels
/// authorised, changed and removed, a repeated delivery.
pub(crate) async fn night() -> World {
    let world = World::empty().await;
    allow(OPS, "live-*").because("night shift").apply(&world.store).await;
    allow(OPS, "*").apply(&world.store).await;
    allow("discord:1:2", "test").apply(&world.store).await;
    remove("discord:1:2").apply(&world.store).await;
    grant(ALICE, "moderator", "*").apply(&world.store).await;
    grant("cli:bo", "auditor", "live-*").apply(&world.store).await;
    revoke(2).apply(&world.store).await;
    revoke(2).apply(&world.store).await;
    recorded(ask("test bob").by(MALLORY).delivered("m").admit(&world.store).await);
    let first = ask("test bob reason: host \"crashed\" \u{1F525}").delivered("1").attempt(&world.store).await;
    world
        .store
        .note_previous_owner(first.operation(), &"carol".parse().unwrap(), super::world::NOON)
        .await
        .unwrap();
    world.finish(first.operation(), &succeeded("req-1")).await;
    ask("test bob").delivered("1").admit(&world.store).await;
    let second = ask("live-7 bob").delivered("2").attempt(&world.store).await;
    world.finish(second.operation(), &refused("req-2")).await;
    let open = ask("held bob").attempt(&world.store).await;
    world.finish(open.operation(), &unknown(None)).await;
    ask("held bob").admit(&world.store).await;
    let pending = ask("waiting bob").attempt(&world.store).await;
    drop(pending);
    world.store.admit(foreign("f"), super::world::NOON).await.unwrap();
    world
}

/// The night, and in the morning several changes of the ACL at once, a reading of the log (events 21 and 22)
/// and notes about replies (23 and 24).
pub(crate) async fn morning() -> World {
    let world = night().await.reopened().await;
    grant("cli:cy", "admin", "*").and(allow("discord:1:5", "*")).and(revoke(1)).apply(&world.store).await;
    assert_eq!(read(&world, NOON).await.seq(), 22);
    for (operation, how) in [(9, HowReplied::Posted), (18, HowReplied::Lost)] {
        let note = ReplyNote { how, why: "slack answered 404".to_owned() };
        world.store.note_reply(OperationId::new(operation), &note, later(6)).await.unwrap();
    }
    world
}

/// The morning, and callbacks: one that confirms operation 10 (event 25), a change by somebody else
/// (26), and one that cannot be read back (27).
pub(crate) async fn day() -> World {
    let world = morning().await;
    let account = |id: &str| AccountId::from_tencent(id.to_owned());
    let notice = |room: &str, new_owner: &str, is_own_account| OwnerChangeEvent {
        delivery: DeliveryId::new("tencent", &format!("{room}:{new_owner}")).unwrap(),
        room: room.parse().unwrap(),
        new_owner: account(new_owner),
        original_owner: Some(account("carol")),
        operator: Some(account("administrator")),
        is_own_account,
        event_at: NOON,
        is_signed: true,
    };
    for (notice, seen) in [
        (notice("test", "bob", true), None),
        (notice("live-1", "dave", false), Some(ReadBack::Owner(account("dave")))),
        (notice("live-2", "erin", false), Some(ReadBack::Nothing("the room is gone".to_owned()))),
    ] {
        world.store.observe(&notice, seen.as_ref(), later(500)).await.unwrap();
    }
    world
}

/// A copy in a folder of its own, with what lay beside the original.
pub(crate) struct Copy {
    folder: TempDir,
    /// The newest head, and the public key, as somebody kept them elsewhere.
    pub(crate) checkpoint: Checkpoint,
    pub(crate) key: VerifierKey,
}

impl Copy {
    /// Of a world that is closed, so that the one file holds everything.
    pub(crate) async fn of(world: &World) -> Self {
        world.store.close().await;
        // Whatever a connection that is still closing has left in the write-ahead log.
        settle(raw(&world.file()).await).await;
        let folder = tempfile::tempdir().unwrap();
        let beside = |suffix: &str| PathBuf::from(format!("{}{suffix}", world.file().display()));
        for suffix in ["", ".checkpoint", ".key"] {
            fs::copy(beside(suffix), folder.path().join(format!("room-owner.db{suffix}"))).unwrap();
        }
        let checkpoint = Checkpoint::parse(&fs::read_to_string(beside(".checkpoint")).unwrap()).unwrap();
        let database = room_owner::store::Database::of_file(&world.file(), None);
        Self { folder, checkpoint, key: database.verifier_key().unwrap().unwrap() }
    }

    pub(crate) fn again(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(self.folder.path()).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
        Self { folder, checkpoint: self.checkpoint.clone(), key: self.key.clone() }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("room-owner.db")
    }

    pub(crate) fn beside(&self, suffix: &str) -> PathBuf {
        self.folder.path().join(format!("room-owner.db{suffix}"))
    }

    /// As somebody who owns the file and knows its schema: off with the triggers, and on again afterwards.
    pub(crate) async fn tampered(&self, sql: &str) {
        let mut raw = raw(&self.file()).await;
        let triggers: Vec<(String, String)> =
            sqlx::query_as("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
                .fetch_all(&mut raw)
                .await
                .unwrap();
        let off: String = triggers.iter().map(|(name, _)| format!("DROP TRIGGER {name};")).collect();
        let on: String = triggers.iter().map(|(_, text)| format!("{text};")).collect();
        execute(&mut raw, "PRAGMA synchronous = OFF").await.unwrap();
        let done = execute(&mut raw, format!("BEGIN; {off} {sql}; {on} COMMIT")).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
        settle(raw).await;
    }

    /// As somebody who rewrote the events and has a key: the tree and its head are made again.
    pub(crate) async fn signed_anew(&self, key: &SigningKey) {
        let mut raw = raw(&self.file()).await;
        let bodies: Vec<String> = sqlx::query_scalar("SELECT body FROM audit_events ORDER BY seq")
            .fetch_all(&mut raw)
            .await
            .unwrap();
        drop(raw);
        let mut frontier = Frontier::default();
        bodies.iter().for_each(|body| frontier.push(record_hash(body.as_bytes()), drop));
        let tile = hex::encode(frontier.incomplete().next().unwrap().hashes);
        let head = Checkpoint::sign(frontier.head(), key).unwrap();
        let (text, key) = (head.as_str(), key.verifier_key());
        self.tampered(&format!(
            "UPDATE tree_tiles SET hashes = x'{tile}'; UPDATE signed_head SET checkpoint = '{text}', key = '{key}'"
        ))
        .await;
    }

    /// As somebody who only has another program.
    pub(crate) async fn with(&self, sql: &str) {
        let mut raw = raw(&self.file()).await;
        execute(&mut raw, sql).await.unwrap();
        settle(raw).await;
    }

    /// What `audit verify` finds beside the key and the newest head.
    pub(crate) async fn report(&self) -> Report {
        check(&self.file(), Evidence { keys: vec![self.key.clone()], ..Evidence::default() }).await
    }

    /// The same with nothing but the file itself.
    pub(crate) async fn report_alone(&self) -> Report {
        drop(fs::remove_file(self.beside(".checkpoint")));
        check(&self.file(), Evidence::default()).await
    }
}

pub(crate) async fn settle(mut raw: SqliteConnection) {
    use sqlx::Connection as _;

    execute(&mut raw, "PRAGMA wal_checkpoint(TRUNCATE)").await.unwrap();
    raw.close().await.unwrap();
}

/// The check, which changes no file and makes none.
pub(crate) async fn check(file: &Path, evidence: Evidence) -> Report {
    let before = listing(file);
    let report = verify(file, evidence).await.unwrap();
    let after = listing(file);
    assert!(
        after.iter().all(|known| before.contains(known)),
        "the check wrote something: {before:?} {after:?}"
    );
    // What SQLite keeps beside an open database goes when an earlier connection has closed, in its own time.
    let stays = |(path, _): &&(PathBuf, String)| {
        !["-shm", "-wal"].iter().any(|end| path.to_string_lossy().ends_with(end))
    };
    assert!(before.iter().filter(stays).all(|known| after.contains(known)), "the check took something away");
    assert_eq!(report.sound, report.findings.is_empty());
    report
}

/// Each alteration is found, in these words, and what it altered is made again from the log.
pub(crate) async fn alterations_are_found_and_made_good(original: &Copy, alterations: &[(&str, &str)]) {
    assert!(original.report().await.sound);
    for &(sql, what) in alterations {
        let copy = original.again();
        copy.tampered(sql).await;
        let report = copy.report().await;
        assert!(findings(&report).contains(what), "{sql}: {}", findings(&report));
        let store = open(&copy.file()).await;
        rebuild(&store, Vec::new()).await.unwrap();
        store.close().await;
        let report = check(&copy.file(), Evidence { indexes: true, ..Evidence::default() }).await;
        assert!(report.sound, "{sql}: {}", findings(&report));
    }
}

/// Each statement is refused by the database itself, in these words.
pub(crate) async fn guards_hold(world: &World, statements: &[(&str, &str)]) {
    let mut raw = raw(&world.file()).await;
    for &(sql, why) in statements {
        let error = execute(&mut raw, sql).await.expect_err(sql).to_string();
        assert!(error.contains(why), "{sql}: {error}");
    }
}

/// The files beside it, each with the hash of what it holds.
fn listing(file: &Path) -> Vec<(PathBuf, String)> {
    let entries = fs::read_dir(file.parent().unwrap()).unwrap();
    let mut files: Vec<PathBuf> =
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    files.sort();
    files
        .into_iter()
        // One that goes while this is being made was not the check's.
        .filter_map(|path| Some((path.clone(), hex::encode(super::independent::leaf(&fs::read(path).ok()?)))))
        .collect()
}

/// All the findings, a line each, without the names of scratch folders.
pub(crate) fn findings(report: &Report) -> String {
    let lines = report.findings.iter().map(|finding| {
        let line = finding.to_string();
        match (line.find("`/"), line.find("room-owner.db.checkpoint")) {
            (Some(path), Some(name)) => format!("{}{}\n", &line[..=path], &line[name..]),
            _ => format!("{line}\n"),
        }
    });
    lines.collect()
}
