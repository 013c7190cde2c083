//! Each way of changing a log after the fact, on a copy, and what a reviewer reads of it.

use insta::assert_snapshot;
use room_owner::merkle::SigningKey;
use room_owner::store::verify::Evidence;
use room_owner::store::{IfMissing, SqliteStore};

use secrecy::SecretString;

use super::copies::{Copy, check, day, findings, night};
use super::world::{MALLORY, World, allow, ask, raw};

/// What a check says that it did not check, without the names of scratch folders.
fn not_checked(copy: &Copy, report: &room_owner::domain::verification::Report) -> String {
    let folder = format!("{}/", copy.file().parent().unwrap().display());
    report.unchecked.join("\n").replace(&folder, "")
}

/// An edit that the owner of the file makes, triggers off and on again, and what is said.
async fn after(sql: &str) -> String {
    let copy = Copy::of(&night().await).await;
    assert_eq!(findings(&copy.report().await), "", "before");
    copy.tampered(sql).await;
    findings(&copy.report().await)
}

#[tokio::test]
async fn a_log_that_nobody_touched_is_sound() {
    let copy = Copy::of(&night().await).await;
    let report = copy.report().await;
    assert!(report.sound, "{}", findings(&report));
    assert_eq!(report.events, 20);
    assert_eq!(report.root, hex::encode(copy.checkpoint.head().root));
    assert_eq!(report.compared.len(), 1);
    assert_eq!(report.signers.len(), 1);
    assert_eq!(report.signers[0].to_string(), format!("{} from 1 to 20", copy.key));
    assert_snapshot!(not_checked(&copy, &report), @"
    that nothing was cut off or rewritten, and `room-owner.db.checkpoint` with it: only a head kept elsewhere shows that (--checkpoint, or --seen with what a reply shows after `log`)
    that queries find everything: the indexes are not compared; slower (--indexes)
    what no event repeats: when grants were last used, what was read of user groups, which replies and announcements are pending
    ");
    let alone = copy.report_alone().await;
    assert!(alone.sound);
    assert_eq!(alone.unchecked.len(), report.unchecked.len() + 1, "{:?}", alone.unchecked);
    let own = "that the key is yours: it is the one that the database names";
    assert!(alone.unchecked.iter().any(|what| what.starts_with(own)));
}

#[tokio::test]
async fn a_log_in_use_can_be_checked() {
    let world = night().await;
    let report = room_owner::store::verify::verify(&world.file(), Evidence::default()).await.unwrap();
    assert!(report.sound && report.events == 20, "{}", findings(&report));
    allow("discord:1:3", "*").apply(&world.store).await;
    let report = room_owner::store::verify::verify(&world.file(), Evidence::default()).await.unwrap();
    assert!(report.sound && report.events == 21, "{}", findings(&report));
}

#[tokio::test]
async fn an_edited_event_is_named() {
    assert_snapshot!(
        after("UPDATE audit_events SET body = replace(body, 'cli:ana', 'cli:eve') WHERE seq = 5").await,
        @"
    event 5: its text is not the one that was signed: it was altered
    the first 20 events are not those of `room-owner.db.checkpoint`: the log was altered or rewritten after that
    event 5: `operations` does not say of operation 5 what the log says: `actor`
    event 5: `grants` does not say of grant 1 what the log says: `granted_by`
    "
    );
    assert_snapshot!(
        after("UPDATE audit_events SET body = replace(body, 'cli:ana', 'cli:eve') WHERE seq = 1;
               UPDATE operations SET actor = 'cli:eve' WHERE operation = 1").await,
        @"
    event 1: its text is not the one that was signed: it was altered
    the first 20 events are not those of `room-owner.db.checkpoint`: the log was altered or rewritten after that
    event 1: `authorised_channels` does not say of channel entry 1 what the log says: `allowed_by`
    "
    );
    assert_snapshot!(after("UPDATE audit_events SET operation = 3 WHERE seq = 4").await, @"event 4: its row names operation 3, its text `4`");
    // A single space that JSON does not mind.
    assert_snapshot!(after("UPDATE audit_events SET body = body || ' ' WHERE seq = 20").await, @r"
        event 20: its text is not the one that was signed: it was altered
        the first 20 events are not those of `room-owner.db.checkpoint`: the log was altered or rewritten after that
        ");
    assert_snapshot!(after("PRAGMA ignore_check_constraints = ON; UPDATE audit_events SET body = body || char(30) WHERE seq = 19").await, @"
    event 19: its text is not the one that was signed: it was altered
    the first 20 events are not those of `room-owner.db.checkpoint`: the log was altered or rewritten after that
    event 19: its text is no event: trailing characters at line 1 column 538
    event 19: `operations` has a row for operation 19, and the log tells of none: it was added
    ");
}

#[tokio::test]
async fn a_deleted_event_is_named() {
    assert_snapshot!(
        after("DELETE FROM audit_events WHERE seq IN (7, 8); DELETE FROM operations WHERE operation IN (7, 8)").await,
        @"
    event 7: it is missing, and all up to event 8: they were taken out
    event 6: `grants` does not say of grant 2 what the log says: `revoked_at`, `revoked_by`, `revoked_in`
    "
    );
    // With the numbers behind it closed up.
    assert_snapshot!(
        after("DELETE FROM audit_events WHERE seq = 19; DELETE FROM operations WHERE operation = 19;
               UPDATE audit_events SET seq = seq - 1 WHERE seq > 19").await,
        @"
    event 19: its text is not the one that was signed: it was altered
    event 20: it is missing: it was taken out
    event 20: the log ends after 19 events, and `room-owner.db.checkpoint` is a head of 20: its end was cut off, or it is an older copy
    event 19: its text says that it is event 20
    "
    );
}

#[tokio::test]
async fn an_inserted_event_is_named() {
    let forged = r#"INSERT INTO audit_events SELECT 21, 21, replace(replace(body, '"seq":1,', '"seq":21,'), '"operation":"1"', '"operation":"21"') FROM audit_events WHERE seq = 1"#;
    let copy = Copy::of(&night().await).await;
    // The triggers let it through: it has the next number.
    copy.with(forged).await;
    assert_snapshot!(findings(&copy.report().await), @"
    event 21: it was added behind the signed log
    event 21: `operations` has no row for operation 21: it was taken out
    event 21: `authorised_channels` has no row for channel entry 4: it was taken out
    ");
    let refusal = SqliteStore::open(&super::world::url(&copy.file()), IfMissing::Fail).await.err().unwrap();
    assert!(refusal.to_string().contains("21 events and its signed tree 20"), "{refusal}");
}

#[tokio::test]
async fn two_events_that_changed_places_are_named() {
    assert_snapshot!(
        after("UPDATE audit_events SET seq = -1 WHERE seq = 5; UPDATE audit_events SET seq = 5 WHERE seq = 6;
               UPDATE audit_events SET seq = 6 WHERE seq = -1").await,
        @"
    event 5: its text is not the one that was signed: it was altered
    event 6: its text is not the one that was signed: it was altered
    the first 20 events are not those of `room-owner.db.checkpoint`: the log was altered or rewritten after that
    event 5: its text says that it is event 6
    event 6: its text says that it is event 5
    "
    );
}

/// The file as it was some events ago, with every table in agreement: only what lies outside tells.
#[tokio::test]
async fn a_cut_tail_is_seen_by_the_head_beside_the_file() {
    let world = night().await;
    let longer = Copy::of(&world).await;
    let world = world.reopened().await;
    allow("discord:1:3", "*").apply(&world.store).await;
    let newer = Copy::of(&world).await;

    std::fs::copy(longer.file(), newer.file()).unwrap();
    assert_snapshot!(findings(&newer.report().await), @"event 21: the log ends after 20 events, and `room-owner.db.checkpoint` is a head of 21: its end was cut off, or it is an older copy");
    let refusal = SqliteStore::open(&super::world::url(&newer.file()), IfMissing::Fail).await.err().unwrap();
    assert!(refusal.to_string().contains("ends at event 20, and 21 were signed"), "{refusal}");
    super::copies::settle(raw(&newer.file()).await).await;
    // Without the file, by a head that somebody kept, and by one that somebody saw in the chat.
    std::fs::remove_file(newer.beside(".checkpoint")).unwrap();
    let kept =
        Evidence { checkpoints: vec![("kept".to_owned(), newer.checkpoint.clone())], ..Evidence::default() };
    assert!(findings(&check(&newer.file(), kept).await).contains("`kept` is a head of 21"));
    let seen = newer.checkpoint.head().to_string().parse().unwrap();
    let seen = Evidence { seen: vec![seen], ..Evidence::default() };
    assert!(findings(&check(&newer.file(), seen).await).contains("is a head of 21"));
    // Rows alone, without their heads.
    assert_snapshot!(
        after("DELETE FROM audit_events WHERE seq > 19; DELETE FROM operations WHERE operation > 19;
               DELETE FROM deliveries WHERE operation > 19").await,
        @r"
        event 20: it is missing: it was taken out
        event 20: the log ends after 19 events, and `room-owner.db.checkpoint` is a head of 20: its end was cut off, or it is an older copy
        "
    );
}

/// With the head beside it put back too, it looks whole: that is said, and what would show it.
#[tokio::test]
async fn a_log_cut_back_to_an_earlier_head_is_whole_only_as_far_as_somebody_kept_a_head() {
    let world = night().await;
    let older = Copy::of(&world).await;
    let world = world.reopened().await;
    allow("discord:1:3", "*").apply(&world.store).await;
    let newer = Copy::of(&world).await.checkpoint;

    let kept = |name: &str, head: &room_owner::merkle::Checkpoint| vec![(name.to_owned(), head.clone())];
    let report = older.report().await;
    assert!(report.sound, "{}", findings(&report));
    assert_snapshot!(report.unchecked[0].replace(&format!("{}/", older.file().parent().unwrap().display()), ""), @"that nothing was cut off or rewritten, and `room-owner.db.checkpoint` with it: only a head kept elsewhere shows that (--checkpoint, or --seen with what a reply shows after `log`)");
    // A head as old as the cut shows nothing of it, and says how far it goes.
    let evidence = Evidence { checkpoints: kept("kept", &older.checkpoint), ..Evidence::default() };
    let report = check(&older.file(), evidence).await;
    assert!(report.sound, "{}", findings(&report));
    assert_snapshot!(report.unchecked[0], @"that nothing was cut off or rewritten after event 20: the heads that you gave end there; only a newer one shows that (--checkpoint, --seen)");
    let evidence = Evidence { checkpoints: kept("newer", &newer), ..Evidence::default() };
    assert!(
        findings(&check(&older.file(), evidence).await)
            .contains("`newer` is a head of 21: its end was cut off")
    );
}

/// Everything made anew, tables and tree and signature, by somebody with a key.
#[tokio::test]
async fn a_rewritten_log_is_seen_by_what_lies_outside() {
    let rewrite = "UPDATE audit_events SET body = replace(body, 'cli:ana', 'cli:eve');
         UPDATE operations SET actor = 'cli:eve' WHERE actor = 'cli:ana';
         UPDATE grants SET granted_by = 'cli:eve', revoked_by = iif(revoked_by IS NULL, NULL, 'cli:eve');
         UPDATE authorised_channels SET allowed_by = 'cli:eve', removed_by = iif(removed_by IS NULL, NULL, 'cli:eve')";
    for has_the_key in [false, true] {
        let copy = Copy::of(&night().await).await;
        let (head, key) = (copy.beside(".checkpoint"), copy.beside(".key"));
        let own = SecretString::from(std::fs::read_to_string(&key).unwrap());
        let key = if has_the_key { own } else { SigningKey::generate() };
        copy.tampered(rewrite).await;
        copy.signed_anew(&SigningKey::parse(&key).unwrap()).await;
        std::fs::remove_file(&head).unwrap();
        let alone = check(&copy.file(), Evidence::default()).await;
        assert!(alone.sound, "by itself it agrees: {}", findings(&alone));

        let found_by_key = findings(&copy.report().await);
        assert_eq!(found_by_key.contains("is not signed with the key"), !has_the_key, "{found_by_key}");
        std::fs::write(&head, copy.checkpoint.as_str()).unwrap();
        let found_by_head = findings(&copy.report().await);
        assert!(found_by_head.contains("the first 20 events are not those of"), "{found_by_head}");
        let seen = Evidence {
            seen: vec![copy.checkpoint.head().to_string().parse().unwrap()],
            ..Evidence::default()
        };
        std::fs::remove_file(&head).unwrap();
        assert!(findings(&check(&copy.file(), seen).await).contains("as it was seen"));
    }
}

#[tokio::test]
async fn an_older_checkpoint_is_a_beginning_of_the_same_log() {
    let world = night().await;
    let older = Copy::of(&world).await;
    let world = world.reopened().await;
    for room in ["a", "b", "c"] {
        ask(&format!("{room} bob")).attempt(&world.store).await;
    }
    let newer = Copy::of(&world).await;
    let evidence = Evidence {
        checkpoints: vec![("older".to_owned(), older.checkpoint.clone())],
        seen: vec![older.checkpoint.head().to_string().parse().unwrap()],
        keys: vec![newer.key.clone()],
        ..Evidence::default()
    };
    let report = check(&newer.file(), evidence).await;
    assert!(report.sound, "{}", findings(&report));
    assert_eq!(report.compared.len(), 3);
}

#[tokio::test]
async fn a_trigger_that_is_gone_or_another_is_named() {
    let copy = Copy::of(&night().await).await;
    copy.with("DROP TRIGGER audit_events_never_deleted").await;
    assert_snapshot!(findings(&copy.report().await), @"the trigger `audit_events_never_deleted` was taken off");
    copy.with("CREATE TRIGGER audit_events_never_deleted BEFORE DELETE ON audit_events WHEN FALSE BEGIN SELECT 1; END")
        .await;
    assert_snapshot!(findings(&copy.report().await), @"the trigger `audit_events_never_deleted` was altered");
    // Nothing is written behind it: the store does not open.
    let refused = SqliteStore::open(&super::world::url(&copy.file()), IfMissing::Fail).await.err().unwrap();
    assert!(
        refused.to_string().starts_with("trigger `audit_events_never_deleted` of the database is not as"),
        "{refused}"
    );
    let copy = Copy::of(&night().await).await;
    copy.with(
        "CREATE TRIGGER mine AFTER INSERT ON grants BEGIN UPDATE acl_version SET version = 0; END;
               CREATE TABLE notes (text TEXT); DROP INDEX operations_by_actor",
    )
    .await;
    assert_snapshot!(findings(&copy.report().await), @r"
        the index `operations_by_actor` was taken off
        the table `notes` is none of this program's: somebody added it
        the trigger `mine` is none of this program's: somebody added it
        ");
}

#[tokio::test]
async fn an_acl_that_is_not_what_the_log_tells_is_named() {
    for (sql, expected) in [
        (
            "UPDATE grants SET role = 'admin' WHERE id = 1",
            "event 5: `grants` does not say of grant 1 what the log says",
        ),
        (
            "UPDATE grants SET expires_at = 9 WHERE id = 1",
            "event 5: `grants` does not say of grant 1 what the log says",
        ),
        (
            "UPDATE grants SET granted_in = 4 WHERE id = 1",
            "`grants` does not say of grant 1 what the log says: `granted_in`",
        ),
        (
            "UPDATE grants SET revoked_at = NULL, revoked_by = NULL, revoked_in = NULL WHERE id = 2",
            "`grants` does not say of grant 2 what the log says",
        ),
        (
            "UPDATE grants SET revoked_by = 'cli:eve' WHERE id = 2",
            "`grants` does not say of grant 2 what the log says",
        ),
        ("DELETE FROM grants WHERE id = 2", "`grants` has no row for grant 2: it was taken out"),
        (
            "INSERT INTO grants (subject, role, effect, rooms, granted_by, granted_at, granted_in)
             VALUES ('cli:eve', 'admin', 'permit', '*', 'cli:ana', 0, 5)",
            "`grants` has a row for grant 3, and the log tells of none: it was added",
        ),
        (
            "UPDATE grants SET role = 'root' WHERE id = 1",
            "`grants` does not say of grant 1 what the log says: `role`",
        ),
        (
            "UPDATE authorised_channels SET rooms = '*' WHERE id = 1",
            "`authorised_channels` does not say of channel entry 1 what the log says",
        ),
        (
            "UPDATE authorised_channels SET removed_at = NULL, removed_by = NULL, removed_in = NULL WHERE id = 3",
            "`authorised_channels` does not say of channel entry 3 what the log says",
        ),
        (
            "DELETE FROM authorised_channels WHERE id = 3",
            "`authorised_channels` has no row for channel entry 3",
        ),
        (
            "INSERT INTO authorised_channels (channel, rooms, allowed_by, allowed_at, allowed_in)
             VALUES ('discord:9:9', '*', 'cli:ana', 0, 1)",
            "`authorised_channels` has a row for channel entry 4, and the log tells of none",
        ),
    ] {
        let sql = format!("PRAGMA ignore_check_constraints = ON; {sql}");
        let found = after(&sql).await;
        assert!(found.contains(expected) && found.lines().count() == 1, "{sql}: {found}");
    }
}

#[tokio::test]
async fn operations_and_deliveries_that_are_not_what_the_log_tells_are_named() {
    for (sql, expected) in [
        (
            "UPDATE operations SET outcome = 'succeeded' WHERE operation = 9",
            "event 9: `operations` does not say of operation 9 what the log says: `outcome`",
        ),
        ("UPDATE operations SET actor = 'cli:eve', room = 'other' WHERE operation = 10", "`actor`, `room`"),
        (
            "UPDATE operations SET previous_owner = NULL WHERE operation = 10",
            "event 10: `operations` does not say of operation 10 what the log says: `previous_owner`",
        ),
        (
            "UPDATE operations SET at = at + 1 WHERE operation = 1",
            "event 1: `operations` does not say of operation 1 what the log says: `at`",
        ),
        (
            "UPDATE operations SET is_open = 0, held_room = NULL WHERE operation = 16",
            "`is_open`, `held_room`",
        ),
        (
            "UPDATE operations SET request_id = 'other' WHERE operation = 14",
            "event 14: `operations` does not say of operation 14 what the log says: `request_id`",
        ),
        (
            "DELETE FROM operations WHERE operation = 4",
            "event 4: `operations` has no row for operation 4: it was taken out",
        ),
        (
            "INSERT INTO callbacks VALUES ('tencent:x', 0, 1, 'test', 'eve', NULL, NULL, 0, 0, 1, 0)",
            "`callbacks` has a row for callback `tencent:x`, and the log tells of none: it was added",
        ),
        (
            "INSERT INTO operations (operation, at, command, outcome, reading, instance, is_open) VALUES (11, 0, 'x', 'succeeded', 0, '', 0)",
            "event 11: `operations` has a row for operation 11, and the log tells of none: it was added",
        ),
        (
            "INSERT INTO operations (operation, at, command, outcome, reading, instance, is_open) VALUES (99, 0, 'x', 'succeeded', 0, '', 0)",
            "event 99: `operations` has a row for operation 99, and the log tells of none: it was added",
        ),
        (
            "UPDATE deliveries SET operation = 9 WHERE delivery_id = 'slack:1'",
            "`deliveries` does not say of delivery `slack:1` what the log says: `operation`",
        ),
        (
            "DELETE FROM deliveries WHERE delivery_id = 'slack:2'",
            "event 14: `deliveries` has no row for delivery `slack:2`: it was taken out",
        ),
        (
            "INSERT INTO deliveries VALUES ('slack:new', 1, 0)",
            "`deliveries` has a row for delivery `slack:new`, and the log tells of none",
        ),
        (
            "INSERT INTO deliveries VALUES ('slack:next', 0, 0)",
            "`deliveries` has a row for delivery `slack:next`",
        ),
        (
            "UPDATE deliveries SET operation = 24 - operation WHERE operation IN (10, 14)",
            "`deliveries` does not say of delivery `slack:1` what the log says: `operation`",
        ),
    ] {
        let found = after(sql).await;
        assert!(found.contains(expected), "{sql}: {found}");
    }
    let found = after("UPDATE audit_events SET operation = 9 WHERE seq = 14").await;
    assert!(!found.contains("deliveries"), "they are as they were: {found}");
}

/// The file's owner can have a table take what it never would, and put its text back.
#[tokio::test]
async fn what_looks_the_same_and_is_of_another_type_is_named() {
    for (table, sql, expected) in [
        (
            "deliveries",
            "UPDATE deliveries SET delivery_id = CAST(delivery_id AS BLOB) WHERE delivery_id = 'slack:2'",
            "`deliveries` has no row for delivery `slack:2`: it was taken out",
        ),
        (
            "deliveries",
            "UPDATE deliveries SET operation = NULL WHERE delivery_id = 'slack:1'",
            "`deliveries` does not say of delivery `slack:1` what the log says: `operation`",
        ),
        (
            "operations",
            "UPDATE operations SET actor = CAST(actor AS BLOB) WHERE operation = 9",
            "event 9: `operations` does not say of operation 9 what the log says: `actor`",
        ),
        (
            "operations",
            "UPDATE operations SET request_id = CAST(request_id AS BLOB) WHERE operation = 10",
            "event 10: `operations` does not say of operation 10 what the log says: `request_id`",
        ),
        (
            "callbacks",
            "UPDATE callbacks SET operator = CAST(operator AS BLOB) WHERE confirms",
            "what the log says: `operator`",
        ),
    ] {
        let copy = Copy::of(&day().await).await;
        let columns =
            "replace(replace(replace(sql, 'STRICT, WITHOUT', 'WITHOUT'), ') STRICT', ')'), ' NOT NULL', '')";
        let columns = format!("replace(replace({columns}, ' TEXT', ' BLOB'), ' INTEGER  ', ' BLOB  ')");
        copy.with(&format!(
            "CREATE TABLE was AS SELECT sql FROM sqlite_schema WHERE name = '{table}';
             PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = {columns} WHERE name = '{table}'; PRAGMA writable_schema = RESET"
        ))
        .await;
        copy.tampered(&format!("PRAGMA ignore_check_constraints = ON; {sql}")).await;
        copy.with(&format!(
            "PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = (SELECT sql FROM was) WHERE name = '{table}';
             PRAGMA writable_schema = RESET; DROP TABLE was"
        ))
        .await;
        let found = findings(&copy.report().await);
        assert!(found.contains(expected), "{sql}: {found}");
        assert!(!found.contains("the table"), "the schema looks as it should: {found}");
    }
}

#[tokio::test]
async fn a_tree_that_is_not_that_of_the_events_is_named() {
    for (sql, expected) in [
        (
            "UPDATE signed_head SET key = 'nobody'",
            "the key that the database names: `nobody` is not a verifier key",
        ),
        ("UPDATE signed_head SET size = 19", "event 20: it was added behind the signed log"),
        ("UPDATE signed_head SET size = 21", "event 21: it is missing: it was taken out"),
        ("DELETE FROM signed_head", "the log has no signed head: it was taken out"),
        ("UPDATE signed_head SET checkpoint = 'hello'", "the newest signed head: it is not a checkpoint"),
        (
            "UPDATE tree_tiles SET hashes = substr(hashes, 1, 608)",
            "event 20: it was added behind the signed log",
        ),
        (
            "UPDATE tree_tiles SET hashes = CAST(substr(hashes, 1, 64) || zeroblob(32) || substr(hashes, 97) AS BLOB)",
            "event 3: its text is not the one that was signed: it was altered",
        ),
        ("DELETE FROM tree_tiles", "event 1: it was added behind the signed log, as were all up to event 20"),
        (
            "INSERT INTO tree_tiles VALUES (1, 0, zeroblob(32))",
            "2 tiles of the tree are kept, and the events fill 1",
        ),
        (
            "INSERT INTO tree_tiles VALUES (0, 1, zeroblob(32))",
            "2 tiles of the tree are kept, and the events fill 1",
        ),
    ] {
        let found = after(sql).await;
        assert!(found.contains(expected), "{sql}: {found}");
    }
}

/// With its leaf hash made to fit, an event is found by the signed head that does not.
#[tokio::test]
async fn an_edited_event_with_its_hash_is_found_by_the_signed_head() {
    use super::independent::leaf;

    let copy = Copy::of(&night().await).await;
    let mut raw = raw(&copy.file()).await;
    let body: String =
        sqlx::query_scalar("SELECT body FROM audit_events WHERE seq = 9").fetch_one(&mut raw).await.unwrap();
    drop(raw);
    let forged = hex::encode(leaf(body.replace("somebody", "anybody").as_bytes()));
    copy.tampered(&format!(
        "UPDATE audit_events SET body = replace(body, 'somebody', 'anybody') WHERE seq = 9;
         UPDATE operations SET actor_name = 'anybody' WHERE operation = 9;
         UPDATE tree_tiles SET hashes =
             CAST(substr(hashes, 1, 8 * 32) || x'{forged}' || substr(hashes, 9 * 32 + 1) AS BLOB)"
    ))
    .await;
    assert_snapshot!(findings(&copy.report().await), @"
    the newest signed head in the database is not that of the events
    the first 20 events are not those of `room-owner.db.checkpoint`: the log was altered or rewritten after that
    ");
}

#[tokio::test]
async fn a_forged_head_beside_the_file_is_named() {
    let copy = Copy::of(&night().await).await;
    for (text, expected) in [
        (copy.checkpoint.as_str().replacen("\n20\n", "\n19\n", 1), "it was altered, or forged"),
        ("hello".to_owned(), "is no signed head"),
    ] {
        std::fs::write(copy.beside(".checkpoint"), text).unwrap();
        let found = findings(&copy.report().await);
        assert!(found.contains(expected), "{found}");
    }
}

#[tokio::test]
async fn what_is_no_database_of_the_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.db");
    assert!(refusal(&file).await.contains("there is no database"));
    std::fs::write(&file, "notes ".repeat(100)).unwrap();
    assert!(refusal(&file).await.contains("notes.db") || refusal(&file).await.contains("not a database"));
    std::fs::remove_file(&file).unwrap();
    super::world::execute(&mut creating(&file).await, "CREATE TABLE t (a)").await.unwrap();
    assert!(refusal(&file).await.contains("no database of room-owner"));
}

async fn creating(file: &std::path::Path) -> sqlx::sqlite::SqliteConnection {
    use sqlx::Connection as _;

    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file).create_if_missing(true);
    sqlx::sqlite::SqliteConnection::connect_with(&options).await.unwrap()
}

async fn refusal(file: &std::path::Path) -> String {
    room_owner::store::verify::verify(file, Evidence::default()).await.unwrap_err().to_string()
}

/// What is hidden from a question is as good as taken out.
#[tokio::test]
async fn an_index_that_does_not_lead_to_everything_is_found_if_that_is_asked_for() {
    let mut found_of = String::new();
    for sql in [
        "DELETE FROM operations_text WHERE rowid = 10",
        "INSERT OR REPLACE INTO operations_text (rowid, found) VALUES (14, 'nothing')",
        "INSERT INTO operations_text (operations_text) VALUES ('delete-all')",
        "DELETE FROM operations_text_data WHERE id > 10",
        "DELETE FROM operations_text_config",
        // Made anew without a room, by its own name.
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, 'room IS NOT NULL', 'room <> ''test''')
         WHERE name = 'operations_by_room';
         PRAGMA writable_schema = RESET;
         REINDEX operations_by_room;
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, 'room <> ''test''', 'room IS NOT NULL')
         WHERE name = 'operations_by_room';
         PRAGMA writable_schema = RESET",
    ] {
        let copy = Copy::of(&night().await).await;
        copy.with(sql).await;
        assert!(copy.report().await.sound, "the log itself is whole: {sql}");
        let evidence = Evidence { keys: vec![copy.key.clone()], indexes: true, ..Evidence::default() };
        let found = findings(&check(&copy.file(), evidence).await);
        assert_ne!(found, "", "{sql}");
        let sql = sql.split_whitespace().collect::<Vec<_>>().join(" ");
        found_of.push_str(&format!("{}\n  {}\n", &sql[..sql.len().min(90)], found.lines().next().unwrap()));
    }
    assert_snapshot!(found_of, @r#"
    DELETE FROM operations_text WHERE rowid = 10
      event 1: the index of texts has other words, or none, for some of the operations from here to 63: a search may miss them
    INSERT OR REPLACE INTO operations_text (rowid, found) VALUES (14, 'nothing')
      event 1: the index of texts has other words, or none, for some of the operations from here to 63: a search may miss them
    INSERT INTO operations_text (operations_text) VALUES ('delete-all')
      event 1: the index of texts has other words, or none, for some of the operations from here to 63: a search may miss them
    DELETE FROM operations_text_data WHERE id > 10
      sqlite finds in the file: fts5: corruption found reading blob 2336462209025 from table "operations_text"
    DELETE FROM operations_text_config
      sqlite cannot check the file: invalid fts5 file format (found 0, expected 4 or 5) - run 'rebuild'
    PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'room IS NOT NULL
      sqlite finds in the file: row 9 missing from index operations_by_room
    "#);
    let copy = Copy::of(&night().await).await;
    let evidence = Evidence { keys: vec![copy.key.clone()], indexes: true, ..Evidence::default() };
    let report = check(&copy.file(), evidence).await;
    assert!(report.sound, "{}", findings(&report));
    assert!(!report.unchecked.iter().any(|what| what.contains("--indexes")), "{:?}", report.unchecked);
}

/// The schema makes them, and no event tells of them; without them the ACL cannot be changed, nothing counts as
/// writable.
#[tokio::test]
async fn a_row_that_the_schema_comes_with_is_missed() {
    for table in ["acl_version", "write_probe"] {
        let copy = Copy::of(&night().await).await;
        copy.with(&format!("DELETE FROM {table}")).await;
        let found = findings(&copy.report().await);
        assert_eq!(found, format!("the row of `{table}` is gone: it was taken out\n"));
    }
}

/// An index of many pages, of which a search does not get to all.
#[tokio::test]
async fn words_that_are_stored_and_not_found_are_missed_if_that_is_asked_for() {
    let world = World::new().await;
    let store = std::sync::Arc::new(world.another().await);
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0_u64..300 {
        let store = std::sync::Arc::clone(&store);
        let words = hex::encode(n.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
        tasks.spawn(async move { ask(&format!("test bob reason: {words}")).by(MALLORY).admit(&store).await });
    }
    tasks.join_all().await;
    store.close().await;
    let copy = Copy::of(&world).await;
    let with_indexes = || Evidence { keys: vec![copy.key.clone()], indexes: true, ..Evidence::default() };
    let found = async |copy: &Copy| findings(&check(&copy.file(), with_indexes()).await);
    assert_eq!(found(&copy).await, "");
    let mut whole = raw(&copy.file()).await;
    assert!(super::world::count(&mut whole, "operations_text_idx").await > 4, "pages");
    for sql in [
        "DELETE FROM operations_text_idx",
        "DELETE FROM operations_text_idx WHERE term > (SELECT min(term) FROM operations_text_idx)",
        "DELETE FROM operations_text_idx WHERE term = (SELECT max(term) FROM operations_text_idx)",
    ] {
        let copy = copy.again();
        copy.with(sql).await;
        let found = found(&copy).await;
        assert!(found.contains("a search may miss them"), "{sql}: {found}");
    }
}
