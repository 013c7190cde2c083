//! What stands beside a request and its end: several changes at once, readings, callbacks, replies.

use super::copies::{Copy, day, findings};
use super::world::assert_log_tells_the_tables;

#[tokio::test]
async fn a_day_with_callbacks_replies_readings_and_several_changes_at_once_is_sound() {
    let world = day().await;
    assert_log_tells_the_tables(&world).await;
    let report = Copy::of(&world).await.report().await;
    assert!(report.sound, "{}", findings(&report));
    assert_eq!(report.events, 27);
}

/// Edits of a table, each alone, and the one thing that is said of it.
#[tokio::test]
async fn an_edit_of_what_stands_beside_is_named() {
    let day = Copy::of(&day().await).await;
    for (sql, expected) in [
        // Of a list of changes each counts.
        (
            "UPDATE grants SET role = 'auditor' WHERE id = 3",
            "event 21: `grants` does not say of grant 3 what the log says: `role`",
        ),
        ("DELETE FROM grants WHERE id = 3", "event 21: `grants` has no row for grant 3: it was taken out"),
        (
            "UPDATE authorised_channels SET rooms = 'live-*' WHERE channel = 'discord:1:5'",
            "event 21: `authorised_channels` does not say of channel entry",
        ),
        (
            "UPDATE grants SET revoked_at = NULL, revoked_by = NULL, revoked_in = NULL WHERE id = 1",
            "event 5: `grants` does not say of grant 1 what the log says",
        ),
        // A reading that is to pass for something else, and the other way round.
        (
            "UPDATE operations SET reading = 0 WHERE operation = 22",
            "event 22: `operations` does not say of operation 22 what the log says: `reading`",
        ),
        (
            "UPDATE operations SET reading = 1 WHERE operation = 9",
            "event 9: `operations` does not say of operation 9 what the log says: `reading`",
        ),
        // Who did it, from whom, when, and whether it is believed.
        (
            "UPDATE callbacks SET operator = 'dave' WHERE operation = 10",
            "event 10: `callbacks` does not say of callback `tencent:test:bob` what the log says: `operator`",
        ),
        (
            "UPDATE callbacks SET original_owner = NULL WHERE operation = 26",
            "event 26: `callbacks` does not say",
        ),
        ("UPDATE callbacks SET event_at = event_at + 1 WHERE operation = 26", "`event_at`"),
        ("UPDATE callbacks SET received_at = 0 WHERE operation = 10", "`received_at`"),
        ("UPDATE callbacks SET signed = 0 WHERE operation = 27", "event 27: `callbacks` does not say"),
        ("UPDATE callbacks SET confirms = 0 WHERE operation = 10", "`confirms`"),
        ("UPDATE callbacks SET new_owner = 'mallory' WHERE operation = 10", "`new_owner`"),
        ("UPDATE callbacks SET room = 'live-9' WHERE operation = 26", "`room`"),
        (
            "UPDATE callbacks SET delivery_id = 'tencent:new' WHERE operation = 10",
            "`callbacks` has a row for callback `tencent:new`",
        ),
        (
            "UPDATE callbacks SET delivery_id = 'tencent:new' WHERE operation = 26",
            "has no row for callback `tencent:live-1:dave`",
        ),
        (
            "UPDATE callbacks SET operation = 1 WHERE operation = 10",
            "event 1: `callbacks` does not say of callback `tencent:test:bob` what the log says: `operation`",
        ),
        (
            "INSERT INTO callbacks VALUES ('tencent:more', 1, 1, 'test', 'bob', NULL, NULL, 0, 0, 1, 1)",
            "`callbacks` has a row for callback `tencent:more`, and the log tells of none",
        ),
    ] {
        let copy = day.again();
        copy.tampered(sql).await;
        let found = findings(&copy.report().await);
        assert!(found.contains(expected) && found.lines().count() <= 2, "{sql}: {found}");
    }
}

/// Edits of the events themselves.
#[tokio::test]
async fn an_edit_of_an_event_beside_an_operation_is_named() {
    let day = Copy::of(&day().await).await;
    for (seq, from, to) in [
        (21, "\"admin\"", "\"auditor\""),
        (22, ",\"reading\":true", ""),
        (23, "posted", "edited"),
        (24, "lost", "edited"),
        (25, "administrator", "mallory"),
        (26, "dave", "mallory"),
        (27, "\"signed\":true", "\"signed\":false"),
    ] {
        let copy = day.again();
        let sql = format!("UPDATE audit_events SET body = replace(body, '{from}', '{to}') WHERE seq = {seq}");
        copy.tampered(&sql).await;
        let found = findings(&copy.report().await);
        let altered = format!("event {seq}: its text is not the one that was signed: it was altered\n");
        assert!(found.starts_with(&altered), "{sql}: {found}");
    }
    for seq in [23, 25, 27] {
        let copy = day.again();
        copy.tampered(&format!("DELETE FROM audit_events WHERE seq = {seq}")).await;
        let found = findings(&copy.report().await);
        assert!(found.starts_with(&format!("event {seq}: it is missing: it was taken out\n")), "{found}");
    }
}
