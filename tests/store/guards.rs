//! What the schema refuses to anybody, whichever program asks. These guard against accidents: who owns the
//! file can take them off, which `open` notices.

use room_owner::app::ports::Store as _;
use room_owner::store::verify::{Evidence, verify};
use room_owner::store::{IfMissing, SqliteStore};
use sqlx::sqlite::SqliteConnection;

use super::world::{
    ALICE, OPS, World, allow, ask, count, execute, grant, refused, remove, revoke, succeeded, unknown,
};

#[tokio::test]
async fn audit_events_are_append_only() {
    let world = furnished().await;
    let mut raw = world.raw().await;
    let next = count(&mut raw, "audit_events").await + 1;
    let body = r#"{"forged":true}"#;
    let gap = next + 1;
    for (sql, why) in [
        (format!("UPDATE audit_events SET body = '{body}' WHERE seq = 3"), "append-only"),
        ("UPDATE audit_events SET seq = seq + 100".to_owned(), "append-only"),
        ("UPDATE OR REPLACE audit_events SET seq = 1 WHERE seq = 3".to_owned(), "append-only"),
        ("UPDATE OR IGNORE audit_events SET operation = 1".to_owned(), "append-only"),
        ("DELETE FROM audit_events WHERE seq = 3".to_owned(), "append-only"),
        ("DELETE FROM audit_events".to_owned(), "append-only"),
        (format!("INSERT INTO audit_events VALUES (3, 3, '{body}')"), "without gaps"),
        (format!("INSERT OR REPLACE INTO audit_events VALUES (3, 3, '{body}')"), "without gaps"),
        (format!("REPLACE INTO audit_events VALUES ({}, 3, '{body}')", next - 1), "without gaps"),
        (format!("INSERT OR IGNORE INTO audit_events VALUES (3, 3, '{body}')"), "without gaps"),
        (
            format!(
                "INSERT INTO audit_events VALUES (3, 3, '{body}')
                 ON CONFLICT (seq) DO UPDATE SET body = excluded.body"
            ),
            "without gaps",
        ),
        (format!("INSERT INTO audit_events VALUES ({gap}, 3, '{body}')"), "without gaps"),
        (format!("INSERT INTO audit_events VALUES (0, 3, '{body}')"), "without gaps"),
        (format!("INSERT INTO audit_events VALUES (-1, 3, '{body}')"), "without gaps"),
        (format!("INSERT INTO audit_events VALUES (NULL, 3, '{body}')"), "without gaps"),
        (format!("INSERT INTO audit_events (operation, body) VALUES (3, '{body}')"), "without gaps"),
        (format!("INSERT INTO audit_events VALUES ({next}, 3, 'not json')"), "json_valid"),
    ] {
        assert_refused(&world, &mut raw, &sql, why).await;
    }
}

#[tokio::test]
async fn a_grant_can_only_be_revoked_once() {
    let world = furnished().await;
    let mut raw = world.raw().await;
    // Grant 1 holds, grant 2 is revoked.
    let row = "subject, role, effect, rooms, granted_by, granted_at, granted_in";
    let forged = "'cli:eve', 'admin', 'permit', '*', 'cli:eve', 0, 0";
    for (sql, why) in [
        ("DELETE FROM grants WHERE id = 1".to_owned(), "never deleted"),
        ("DELETE FROM grants".to_owned(), "never deleted"),
        (
            "UPDATE grants SET revoked_at = NULL, revoked_by = NULL, revoked_in = NULL WHERE id = 2"
                .to_owned(),
            "only be revoked",
        ),
        ("UPDATE grants SET revoked_at = 9 WHERE id = 2".to_owned(), "only be revoked"),
        ("UPDATE grants SET revoked_at = 9 WHERE id = 1".to_owned(), "CHECK"),
        (format!("INSERT OR REPLACE INTO grants (id, {row}) VALUES (1, {forged})"), "never replaced"),
        (format!("REPLACE INTO grants (id, {row}) VALUES (2, {forged})"), "never replaced"),
        (
            format!(
                "INSERT INTO grants (id, {row}) VALUES (1, {forged})
                 ON CONFLICT (id) DO UPDATE SET role = 'admin'"
            ),
            "never replaced",
        ),
        (format!("INSERT INTO grants (id, {row}) VALUES (1, {forged})"), "never replaced"),
        ("UPDATE OR REPLACE grants SET id = 1 WHERE id = 3".to_owned(), "only be revoked"),
    ] {
        assert_refused(&world, &mut raw, &sql, why).await;
    }
    for (column, value) in [
        ("id", "99"),
        ("subject", "'cli:eve'"),
        ("role", "'admin'"),
        ("effect", "'deny'"),
        ("rooms", "'*'"),
        ("channels", "'[\"slack:T1:C2\"]'"),
        ("expires_at", "1"),
        ("granted_by", "'cli:eve'"),
        ("granted_at", "1"),
        ("granted_in", "1"),
        ("reason", "'forged'"),
    ] {
        let sql = format!("UPDATE grants SET {column} = {value} WHERE id = 3");
        assert_refused(&world, &mut raw, &sql, "only be revoked").await;
    }
}

#[tokio::test]
async fn an_authorised_channel_can_only_be_removed_once() {
    let world = furnished().await;
    let mut raw = world.raw().await;
    // Entry 1 is closed, entry 2 is open, both of OPS.
    let row = "channel, rooms, allowed_by, allowed_at, allowed_in";
    let forged = format!("'{OPS}', '*', 'cli:eve', 0, 0");
    for (sql, why) in [
        ("DELETE FROM authorised_channels WHERE id = 2".to_owned(), "never deleted"),
        (
            "UPDATE authorised_channels SET removed_at = NULL, removed_by = NULL, removed_in = NULL WHERE id = 1"
                .to_owned(),
            "only be removed",
        ),
        ("UPDATE authorised_channels SET removed_at = 9 WHERE id = 2".to_owned(), "CHECK"),
        (format!("INSERT INTO authorised_channels ({row}) VALUES ({forged})"), "never replaced"),
        (format!("INSERT OR REPLACE INTO authorised_channels ({row}) VALUES ({forged})"), "never replaced"),
        (format!("REPLACE INTO authorised_channels (id, {row}) VALUES (1, {forged})"), "never replaced"),
    ] {
        assert_refused(&world, &mut raw, &sql, why).await;
    }
    for (column, value) in [
        ("id", "99"),
        ("channel", "'discord:1:9'"),
        ("rooms", "'test'"),
        ("allowed_by", "'cli:eve'"),
        ("allowed_at", "1"),
        ("allowed_in", "1"),
        ("reason", "'forged'"),
    ] {
        let sql = format!("UPDATE authorised_channels SET {column} = {value} WHERE id = 2");
        assert_refused(&world, &mut raw, &sql, "only be removed").await;
    }
}

#[tokio::test]
async fn a_delivery_stays_claimed_by_its_first_operation() {
    let world = furnished().await;
    let mut raw = world.raw().await;
    for (sql, why) in [
        ("DELETE FROM deliveries", "kept for a day"),
        ("UPDATE deliveries SET operation = 1", "claimed once"),
        ("UPDATE deliveries SET delivery_id = 'slack:2' WHERE delivery_id = 'slack:1'", "claimed once"),
        ("INSERT INTO deliveries VALUES ('slack:1', 1, 0)", "claimed once"),
        ("INSERT OR REPLACE INTO deliveries VALUES ('slack:1', 1, 0)", "claimed once"),
        (
            "INSERT INTO deliveries VALUES ('slack:1', 1, 0)
             ON CONFLICT (delivery_id) DO UPDATE SET operation = excluded.operation",
            "claimed once",
        ),
    ] {
        assert_refused(&world, &mut raw, sql, why).await;
    }
}

#[tokio::test]
async fn an_operation_can_only_be_ended_once() {
    let world = furnished().await;
    let mut raw = world.raw().await;
    // One operation is open and holds the room `held`, the one before it has its final outcome.
    let numbers: Vec<i64> =
        sqlx::query_scalar("SELECT operation FROM operations ORDER BY operation DESC LIMIT 2")
            .fetch_all(&mut raw)
            .await
            .unwrap();
    let (open, ended) = (numbers[0], numbers[1]);
    let row = "operation, at, command, outcome, instance, is_open, held_room";
    for (sql, why) in [
        ("DELETE FROM operations".to_owned(), "never deleted"),
        (format!("DELETE FROM operations WHERE operation = {open}"), "never deleted"),
        (
            format!("REPLACE INTO operations ({row}) VALUES ({ended}, 0, 'x', 'succeeded', '', 0, NULL)"),
            "never replaced",
        ),
        (
            format!("REPLACE INTO operations ({row}) VALUES (999, 0, 'x', 'pending', '', 1, 'held')"),
            "never replaced",
        ),
        (format!("UPDATE operations SET is_open = 1, held_room = 'held' WHERE operation = {ended}"), "ended"),
        (format!("UPDATE OR REPLACE operations SET operation = {ended} WHERE operation = {open}"), "ended"),
        (format!("UPDATE operations SET outcome = 'succeeded' WHERE operation = {ended}"), "ended"),
        (format!("UPDATE operations SET held_room = 'other' WHERE operation = {open}"), "ended"),
        (format!("UPDATE operations SET outcome = 'fine' WHERE operation = {open}"), "CHECK"),
        (format!("UPDATE operations SET is_open = 0 WHERE operation = {open}"), "CHECK"),
    ] {
        assert_refused(&world, &mut raw, &sql, why).await;
    }
    for column in ["actor", "actor_name", "channel", "command", "room", "new_owner", "reason", "authority"] {
        let sql = format!("UPDATE operations SET {column} = 'forged' WHERE operation = {open}");
        assert_refused(&world, &mut raw, &sql, "ended").await;
    }
    for (column, value) in
        [("at", "1"), ("decision", "'deny'"), ("delivery_id", "'slack:9'"), ("reading", "1")]
    {
        let sql = format!("UPDATE operations SET {column} = {value} WHERE operation = {open}");
        assert_refused(&world, &mut raw, &sql, "ended").await;
    }
}

#[tokio::test]
async fn a_text_that_the_program_does_not_know_cannot_get_into_the_tables() {
    let world = furnished().await;
    let mut raw = world.raw().await;
    for sql in [
        "INSERT INTO grants (subject, role, effect, rooms, granted_by, granted_at, granted_in)
         VALUES ('cli:eve', 'root', 'permit', '*', 'cli:eve', 0, 0)",
        "INSERT INTO grants (subject, role, effect, rooms, granted_by, granted_at, granted_in)
         VALUES ('cli:eve', 'admin', 'maybe', '*', 'cli:eve', 0, 0)",
        "INSERT INTO grants (subject, role, effect, rooms, granted_by, granted_at, granted_in)
         VALUES ('cli:eve', 'admin', 'permit', '', 'cli:eve', 0, 0)",
    ] {
        assert_refused(&world, &mut raw, sql, "CHECK").await;
    }
}

/// A row that does not parse is an error: to guess could permit something.
#[tokio::test]
async fn a_grant_that_cannot_be_read_stops_the_decision() {
    let world = World::new().await;
    let mut raw = world.raw().await;
    execute(
        &mut raw,
        format!(
            "INSERT INTO grants (subject, role, effect, rooms, granted_by, granted_at, granted_in)
             VALUES ('{ALICE}', 'moderator', 'deny', 'a*b', 'cli:eve', 0, 0)"
        ),
    )
    .await
    .unwrap();
    let place = room_owner::domain::command::Place::Channel(OPS.parse().unwrap());
    let alice = room_owner::domain::principal::Principal::new(ALICE.parse().unwrap());
    let error = world.store.acl_for(&alice, &place).await.unwrap_err().to_string();
    assert!(error.contains("`a*b`") && error.contains("rooms"), "{error}");
    assert!(world.store.grants().await.is_err());
}

/// It could keep a record out, or have a reader see what is not there: nothing is written beside it.
#[tokio::test]
async fn nothing_that_this_program_did_not_make_may_stand_in_the_schema() {
    let silent = |name: &str, on: &str| {
        format!("CREATE TRIGGER {name} BEFORE INSERT ON {on} BEGIN SELECT RAISE(IGNORE); END")
    };
    let hidden = |name: &str, on: &str| {
        let sql = silent(name, on);
        format!(
            "PRAGMA writable_schema = ON; INSERT INTO sqlite_schema VALUES ('trigger', '{name}', '{on}', 0, '{sql}');
             PRAGMA writable_schema = RESET"
        )
    };
    let unhidden = |name: &str| {
        format!(
            "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = '{name}';
             PRAGMA writable_schema = RESET"
        )
    };
    let mut ways = vec![
        ("table `notes`", "CREATE TABLE notes (text TEXT)".to_owned(), "DROP TABLE notes".to_owned()),
        (
            "view `mine`",
            "CREATE VIEW mine AS SELECT * FROM operations".to_owned(),
            "DROP VIEW mine".to_owned(),
        ),
        (
            "index `mine`",
            "CREATE INDEX mine ON operations (command)".to_owned(),
            "DROP INDEX mine".to_owned(),
        ),
        ("table `sqlite_stat1`", "ANALYZE".to_owned(), "DROP TABLE sqlite_stat1; DROP TABLE IF EXISTS sqlite_stat4".to_owned()),
        (
            "trigger `audit_events_in_sequence`",
            "PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = replace(sql, '(SELECT coalesce(max(seq), 0) + 1 FROM audit_events)', 'NEW.seq')
                 WHERE name = 'audit_events_in_sequence';
             PRAGMA writable_schema = RESET"
                .to_owned(),
            "PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = replace(sql, '<> NEW.seq', '<> (SELECT coalesce(max(seq), 0) + 1 FROM audit_events)')
                 WHERE name = 'audit_events_in_sequence';
             PRAGMA writable_schema = RESET"
                .to_owned(),
        ),
    ];
    for on in [
        "audit_events",
        "operations",
        "deliveries",
        "tree_tiles",
        "signed_head",
        "replies",
        "_sqlx_migrations",
    ] {
        ways.push(("trigger `silent`", silent("silent", on), "DROP TRIGGER silent".to_owned()));
    }
    for on in ["audit_events", "operations", "_sqlx_migrations"] {
        let name = "sqlite_silent";
        ways.push(("trigger `sqlite_silent`", hidden(name, on), unhidden(name)));
    }
    for (named, sql, undone) in ways {
        // The short way, and with another connection's commits in between.
        let world = World::new().await;
        world.finish(ask("warm bob").attempt(&world.store).await.operation(), &succeeded("req-0")).await;
        let mut raw = world.raw().await;
        let decided = ask("test bob").delivered("1").decided(&world.store).await;
        let (before, version) = (dump(&mut raw).await, schema_version(&mut raw).await);
        execute(&mut raw, sql.as_str()).await.unwrap();
        // Whoever does that can have SQLite say that nothing has changed.
        execute(&mut raw, format!("PRAGMA schema_version = {version}")).await.unwrap();
        let refusal = world.store.admit(decided, super::world::later(1)).await.unwrap_err().to_string();
        assert!(refusal.contains(named), "{sql}: {refusal}");
        assert!(world.store.check_writable().await.unwrap_err().to_string().contains(named), "{sql}");
        assert_eq!(dump(&mut raw).await, before, "{sql}");
        // Another process, which reads the schema anew.
        let opened = SqliteStore::open(&super::world::url(&world.file()), IfMissing::Fail).await;
        assert!(opened.err().unwrap().to_string().contains(named), "{sql}");
        let report = verify(&world.file(), Evidence::default()).await.unwrap();
        assert!(
            report.findings.iter().any(|found| found.what.contains(named)),
            "{sql}: {:?}",
            report.findings
        );
        execute(&mut raw, undone.as_str()).await.unwrap();
        execute(&mut raw, format!("PRAGMA schema_version = {}", version + 100)).await.unwrap();
        let again = world.store.check_writable().await;
        assert!(again.is_ok(), "{undone}: {again:?}");
        ask("test bob").attempt(&world.store).await;
    }
}

async fn schema_version(raw: &mut SqliteConnection) -> i64 {
    sqlx::query_scalar("PRAGMA schema_version").fetch_one(raw).await.unwrap()
}

// Helpers --------------------------------------------------------------------------------------------------

/// A database with something in every table: open and closed, revoked and not.
async fn furnished() -> World {
    let world = World::empty().await;
    allow(OPS, "live-*").apply(&world.store).await;
    remove(OPS).apply(&world.store).await;
    allow(OPS, "*").apply(&world.store).await;
    grant(ALICE, "moderator", "*").apply(&world.store).await;
    grant(ALICE, "admin", "*").apply(&world.store).await;
    revoke(2).apply(&world.store).await;
    grant("cli:bo", "auditor", "live-*").apply(&world.store).await;
    let done = ask("test bob").delivered("1").attempt(&world.store).await.operation();
    world.finish(done, &succeeded("req-1")).await;
    let done = ask("test carol").attempt(&world.store).await.operation();
    world.finish(done, &refused("req-2")).await;
    let open = ask("held bob").attempt(&world.store).await.operation();
    world.finish(open, &unknown(None)).await;
    world
}

/// The statement fails with these words and changes nothing, with and without `recursive_triggers`.
async fn assert_refused(world: &World, raw: &mut SqliteConnection, sql: &str, why: &str) {
    let before = dump(raw).await;
    for recursive in ["OFF", "ON"] {
        execute(raw, format!("PRAGMA recursive_triggers = {recursive}")).await.unwrap();
        let error = execute(raw, sql).await.expect_err(sql).to_string();
        assert!(error.contains(why), "{sql}: {error}");
        assert_eq!(dump(raw).await, before, "{sql} with recursive_triggers {recursive}");
    }
    assert!(world.store.check_writable().await.is_ok());
}

/// Everything in the database, as text.
async fn dump(raw: &mut SqliteConnection) -> Vec<String> {
    let mut dump = Vec::new();
    for (table, columns) in [
        ("acl_version", "version"),
        (
            "grants",
            "id, subject, role, effect, rooms, channels, expires_at, granted_by, granted_at, granted_in,
             revoked_at, revoked_by, revoked_in, reason",
        ),
        (
            "authorised_channels",
            "id, channel, rooms, allowed_by, allowed_at, allowed_in, removed_at, removed_by, removed_in, reason",
        ),
        ("audit_events", "seq, operation, body"),
        ("operations", "operation, outcome, command, is_open, held_room"),
        ("deliveries", "delivery_id, operation"),
    ] {
        let sql = format!("SELECT json_array({columns}) FROM {table} ORDER BY 1");
        let rows: Vec<String> =
            sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(&mut *raw).await.unwrap();
        dump.extend(rows.iter().map(|row| format!("{table} {row}")));
    }
    dump
}
