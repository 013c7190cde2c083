//! What `admit` and `finish` promise to one caller at a time.

use room_owner::app::ports::{AclChanged, AclEdit, Admission, Admitted, Store as _};
use room_owner::domain::asking::NotAnswered;
use room_owner::domain::audit::{AuditEntry, DecisionKind, OperationId, Outcome, OutcomeKind};
use room_owner::domain::principal::Principal;
use room_owner::store::SqliteStore;
use sqlx::Row as _;

use super::world::{
    ALICE, MALLORY, NOON, OPS, World, allow, approve, ask, count, execute, foreign, grant, later, link,
    recorded, refused, remove, revoke, succeeded, unknown,
};

// Written down first ---------------------------------------------------------------------------------------

#[tokio::test]
async fn an_attempt_is_on_disk_when_admit_returns() {
    let world = World::new().await;
    let attempt = ask("test bob reason: host crashed").delivered("1").attempt(&world.store).await;

    let mut raw = world.raw().await;
    let row = sqlx::query("SELECT * FROM operations WHERE operation = ?")
        .bind(attempt.operation().seq())
        .fetch_one(&mut raw)
        .await
        .unwrap();
    assert_eq!(row.get::<String, _>("outcome"), "pending");
    assert_eq!(row.get::<String, _>("held_room"), "test");
    assert_eq!(row.get::<i64, _>("is_open"), 1);
    let body: String = sqlx::query_scalar("SELECT body FROM audit_events WHERE seq = ?")
        .bind(attempt.operation().seq())
        .fetch_one(&mut raw)
        .await
        .unwrap();
    let event: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(event["what"]["requested"]["command"], "/room-owner test bob reason: host crashed");
    let claimed: i64 = sqlx::query_scalar("SELECT operation FROM deliveries WHERE delivery_id = 'slack:1'")
        .fetch_one(&mut raw)
        .await
        .unwrap();
    assert_eq!(claimed, attempt.operation().seq());
}

#[tokio::test]
async fn an_attempt_says_what_is_to_be_done_and_who_asked() {
    let world = World::new().await;
    let attempt = ask("\"my room\" bob reason: host crashed").attempt(&world.store).await;
    assert_eq!(attempt.transfer().room.as_str(), "my room");
    assert_eq!(attempt.transfer().new_owner.to_string(), "bob");
    assert_eq!(attempt.transfer().reason.as_deref(), Some("host crashed"));
    assert_eq!(attempt.by().subject.to_string(), ALICE);
    assert_eq!(attempt.begun_at(), NOON);
}

#[tokio::test]
async fn the_entry_of_an_attempt_holds_what_a_reviewer_asks_for() {
    let world = World::new().await;
    let attempt = ask("test bob reason: host crashed").delivered("1").attempt(&world.store).await;
    let begun = AuditEntry {
        operation: attempt.operation(),
        at: NOON,
        actor: Some(ALICE.parse().unwrap()),
        actor_name: Some("somebody".to_owned()),
        channel: Some(OPS.parse().unwrap()),
        command: "/room-owner test bob reason: host crashed".to_owned(),
        room: Some("test".parse().unwrap()),
        new_owner: Some("bob".to_owned()),
        previous_owner: None,
        reason: Some("host crashed".to_owned()),
        decision: Some(DecisionKind::Permit),
        authority: Some("grant 1".to_owned()),
        outcome: OutcomeKind::Pending,
        error_code: None,
        error_info: None,
        request_id: None,
        delivery_id: Some("slack:1".to_owned()),
        duration_ms: None,
        announced: Vec::new(),
        new_owner_person: None,
        requested_by: None,
        requested_by_name: None,
    };
    assert_eq!(world.entry(attempt.operation()).await, begun);

    assert!(world.finish(attempt.operation(), &succeeded("req-1")).await);
    let ended = AuditEntry {
        previous_owner: Some("carol".to_owned()),
        outcome: OutcomeKind::Succeeded,
        request_id: Some("req-1".to_owned()),
        duration_ms: Some(40),
        ..begun
    };
    assert_eq!(world.entry(attempt.operation()).await, ended);
}

#[tokio::test]
async fn whatever_is_not_an_attempt_is_recorded_with_its_reason() {
    let world = World::new().await;
    let denied = recorded(ask("test bob").by(MALLORY).admit(&world.store).await);
    let invalid = recorded(ask("my room bob").admit(&world.store).await);
    let help = recorded(ask("").by(MALLORY).admit(&world.store).await);
    let lookup = recorded(ask("test").admit(&world.store).await);
    let rejected = recorded(world.store.admit(foreign("9"), NOON).await.unwrap());

    let entry = world.entry(denied).await;
    assert_eq!((entry.outcome, entry.decision), (OutcomeKind::Denied, Some(DecisionKind::Deny)));
    assert_eq!(entry.authority.as_deref(), Some("no grant"));
    assert_eq!(entry.new_owner.as_deref(), Some("bob"));
    let entry = world.entry(invalid).await;
    assert_eq!((entry.outcome, entry.decision), (OutcomeKind::Invalid, None));
    assert!(entry.error_info.unwrap().contains("TooManyWords"));
    assert_eq!(world.entry(help).await.outcome, OutcomeKind::Succeeded);
    assert_eq!(world.entry(lookup).await.outcome, OutcomeKind::Pending);
    let entry = world.entry(rejected).await;
    assert_eq!((entry.outcome, entry.actor), (OutcomeKind::Denied, None));
    assert_eq!(entry.authority.as_deref(), Some("not served: team T9"));
    assert_eq!(world.open_operations().await, [lookup], "only the question is still to be answered");
}

// Once a delivery ------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_delivery_is_carried_out_once_and_its_repetition_has_an_entry_of_its_own() {
    let world = World::new().await;
    let first = ask("test bob").delivered("1").attempt(&world.store).await.operation();
    let second = repeated(ask("test bob").delivered("1").admit(&world.store).await, first);
    world.finish(first, &succeeded("req-1")).await;
    let third = repeated(ask("test bob").delivered("1").admit(&world.store).await, first);

    for repetition in [second, third] {
        let entry = world.entry(repetition).await;
        assert_eq!(entry.outcome, OutcomeKind::Duplicate);
        assert_eq!(entry.reason, Some(format!("repeats operation {first}")));
        assert_eq!((entry.decision, entry.authority), (None, None));
        assert_eq!(entry.delivery_id.as_deref(), Some("slack:1"));
        assert_eq!(entry.room.unwrap().as_str(), "test");
    }
    assert_eq!(world.entry(first).await.outcome, OutcomeKind::Succeeded);
}

#[tokio::test]
async fn the_answer_to_a_repetition_is_the_first_entry_as_it_is_by_then() {
    let world = World::new().await;
    let first = ask("test bob").delivered("1").attempt(&world.store).await.operation();
    for outcome in [None, Some(unknown(None)), Some(succeeded("req-1"))] {
        if let Some(outcome) = outcome {
            world.finish(first, &outcome).await;
        }
        match ask("test bob").delivered("1").admit(&world.store).await {
            Admitted::Duplicate { first: shown, .. } => assert_eq!(shown, world.entry(first).await),
            other => panic!("not a duplicate: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_delivery_is_claimed_by_whatever_came_of_it_first() {
    let world = World::new().await;
    let busy = ask("taken bob").attempt(&world.store).await.operation();
    let firsts = [
        ("denied", recorded(ask("test bob").by(MALLORY).delivered("denied").admit(&world.store).await)),
        ("invalid", recorded(ask("a b c").delivered("invalid").admit(&world.store).await)),
        ("help", recorded(ask("").delivered("help").admit(&world.store).await)),
        ("lookup", recorded(ask("test").delivered("lookup").admit(&world.store).await)),
        ("foreign", recorded(world.store.admit(foreign("foreign"), NOON).await.unwrap())),
        ("busy", declined(ask("taken dave").delivered("busy").admit(&world.store).await, busy)),
    ];
    for (delivery, first) in firsts {
        // The same delivery, by now with a line and a caller to whom it would be permitted.
        repeated(ask("test bob").delivered(delivery).admit(&world.store).await, first);
        repeated(world.store.admit(foreign(delivery), NOON).await.unwrap(), first);
    }
    assert_eq!(ask("test bob").attempt(&world.store).await.transfer().room.as_str(), "test");
}

#[tokio::test]
async fn a_delivery_stays_claimed_after_a_restart_and_for_another_process() {
    let world = World::new().await;
    let first = ask("test bob").delivered("1").attempt(&world.store).await.operation();
    let world = world.reopened().await;
    repeated(ask("test bob").delivered("1").admit(&world.store).await, first);
    let another = world.another().await;
    repeated(ask("test bob").delivered("1").admit(&another).await, first);
}

#[tokio::test]
async fn requests_without_a_delivery_are_each_their_own() {
    let world = World::new().await;
    let first = recorded(ask("").admit(&world.store).await);
    let second = recorded(ask("").admit(&world.store).await);
    assert_ne!(first, second);
}

#[tokio::test]
async fn a_request_that_was_not_written_down_has_not_claimed_its_delivery() {
    let world = World::new().await;
    let holder = ask("test bob").attempt(&world.store).await.operation();
    let waiting = ask("test dave").delivered("1").without_declining();
    assert!(matches!(waiting.admit(&world.store).await, Admitted::Busy { operation: None, .. }));
    let stale = ask("other dave").delivered("2").decided(&world.store).await;
    grant(MALLORY, "auditor", "*").apply(&world.store).await;
    assert!(matches!(world.store.admit(stale, NOON).await.unwrap(), Admitted::AclChanged));

    world.finish(holder, &succeeded("req-1")).await;
    waiting.attempt(&world.store).await;
    ask("other dave").delivered("2").attempt(&world.store).await;
}

// One transfer at a time -----------------------------------------------------------------------------------

#[tokio::test]
async fn a_room_is_held_by_one_transfer_until_its_final_outcome() {
    let ends = [
        succeeded("req-1"),
        refused("req-1"),
        Outcome::Unchanged,
        Outcome::Declined(super::world::problem("busy", None)),
        unknown(Some("eve")),
    ];
    let world = World::new().await;
    for end in ends {
        let holder = ask("test bob").attempt(&world.store).await.operation();
        declined(ask("test dave").admit(&world.store).await, holder);
        assert!(world.finish(holder, &end).await);
        assert_eq!(world.open_operations().await, [], "{end:?} is final");
    }
    ask("test dave").attempt(&world.store).await;
}

#[tokio::test]
async fn the_entry_of_a_declined_transfer_names_the_holder() {
    let world = World::new().await;
    let holder = ask("test bob").attempt(&world.store).await.operation();
    let declined = declined(ask("test dave").delivered("2").admit(&world.store).await, holder);
    let entry = world.entry(declined).await;
    assert_eq!((entry.outcome, entry.decision), (OutcomeKind::Declined, Some(DecisionKind::Permit)));
    assert_eq!(entry.error_info, Some(format!("busy: operation {holder} on this room has not ended")));
    assert_eq!(entry.delivery_id.as_deref(), Some("slack:2"));
    assert_eq!(world.open_operations().await, [holder]);
}

#[tokio::test]
async fn an_unknown_outcome_keeps_the_room() {
    let world = World::new().await;
    let holder = ask("test bob").attempt(&world.store).await.operation();
    assert!(world.finish(holder, &unknown(None)).await);

    declined(ask("test dave").admit(&world.store).await, holder);
    assert_eq!(world.open_operations().await, [holder]);
    let entry = world.entry(holder).await;
    assert_eq!((entry.outcome, entry.duration_ms), (OutcomeKind::Unknown, Some(40)));
    assert_eq!(entry.error_info.as_deref(), Some("the connection was cut"));

    // And so it does for whoever starts after a crash.
    let world = world.reopened().await;
    declined(ask("test dave").admit(&world.store).await, holder);
}

#[tokio::test]
async fn transfers_of_other_rooms_and_questions_do_not_wait() {
    let world = World::new().await;
    ask("test bob").attempt(&world.store).await;
    ask("Test bob").attempt(&world.store).await;
    ask("test2 bob").attempt(&world.store).await;
    recorded(ask("test").admit(&world.store).await);
    recorded(ask("test").admit(&world.store).await);
}

#[tokio::test]
async fn whoever_does_not_want_to_be_declined_learns_the_holder_and_leaves_no_trace() {
    let world = World::new().await;
    let holder = ask("test bob").attempt(&world.store).await.operation();
    let before = world.log().await;
    match ask("test dave").without_declining().admit(&world.store).await {
        Admitted::Busy { operation: None, holder: entry, unresolved } => {
            assert_eq!(entry, world.entry(holder).await);
            assert_eq!(unresolved.operation, holder);
            assert_eq!(unresolved.new_owner.unwrap().to_string(), "bob");
            assert_eq!(unresolved.begun_at, NOON);
            assert!(!unresolved.is_elsewhere);
        }
        other => panic!("not busy: {other:?}"),
    }
    assert_eq!(world.log().await, before);
}

// Outcomes -------------------------------------------------------------------------------------------------

#[tokio::test]
async fn the_first_final_outcome_stands() {
    let world = World::new().await;
    let operation = ask("test bob").attempt(&world.store).await.operation();
    assert!(world.finish(operation, &refused("req-1")).await);
    let entry = world.entry(operation).await;
    for late in [succeeded("req-2"), unknown(None), refused("req-1")] {
        assert!(!world.finish(operation, &late).await);
    }
    assert_eq!(world.entry(operation).await, entry);
    assert_eq!(
        count(&mut world.raw().await, "audit_events").await,
        operation.seq() + 1,
        "no event of theirs"
    );
}

#[tokio::test]
async fn an_unknown_outcome_can_be_settled_later() {
    let world = World::new().await;
    let operation = ask("test bob").attempt(&world.store).await.operation();
    assert!(world.store.finish(operation, &unknown(None), later(10)).await.unwrap().is_some());
    assert!(world.store.finish(operation, &unknown(None), later(20)).await.unwrap().is_some());
    let world = world.reopened().await;
    assert!(world.store.finish(operation, &succeeded("req-1"), later(5_000)).await.unwrap().is_some());

    let entry = world.entry(operation).await;
    assert_eq!(entry.outcome, OutcomeKind::Succeeded);
    assert_eq!((entry.error_code, entry.error_info), (None, None), "what was unclear is settled");
    assert_eq!(entry.request_id.as_deref(), Some("req-1"));
    assert_eq!(entry.duration_ms, Some(5_000));
    assert!(!world.finish(operation, &unknown(None)).await);
}

#[tokio::test]
async fn a_previous_owner_once_read_is_not_forgotten() {
    let world = World::new().await;
    let operation = ask("test bob").attempt(&world.store).await.operation();
    world.finish(operation, &unknown(None)).await;
    let settled = Outcome::Succeeded { previous: None, confirmed: true, request_id: None, unclear: None };
    world.finish(operation, &settled).await;
    assert_eq!(world.entry(operation).await.previous_owner.as_deref(), Some("carol"));
}

#[tokio::test]
async fn nothing_can_be_finished_that_is_not_open() {
    let world = World::new().await;
    let denied = recorded(ask("test bob").by(MALLORY).admit(&world.store).await);
    let events = count(&mut world.raw().await, "audit_events").await;
    assert!(!world.finish(denied, &succeeded("req-1")).await);
    assert!(!world.finish(OperationId::new(1), &succeeded("req-1")).await, "the edit of an acl");
    assert!(!world.finish(OperationId::new(999), &succeeded("req-1")).await);
    assert_eq!(count(&mut world.raw().await, "audit_events").await, events);
    assert_eq!(world.entry(denied).await.outcome, OutcomeKind::Denied);
}

#[tokio::test]
async fn an_answered_question_names_the_owner() {
    let world = World::new().await;
    let operation = recorded(ask("test").admit(&world.store).await);
    assert!(world.finish(operation, &Outcome::Shown("carol".parse().unwrap())).await);
    let entry = world.entry(operation).await;
    assert_eq!(entry.outcome, OutcomeKind::Succeeded);
    assert_eq!(entry.previous_owner.as_deref(), Some("carol"));
}

// A decision on an ACL that has changed ----------------------------------------------------------------------

#[tokio::test]
async fn a_permit_is_worth_nothing_once_the_acl_has_changed() {
    let world = World::new().await;
    let changes = [
        grant(MALLORY, "auditor", "live-*"),
        revoke(2),
        allow("discord:1:9", "*"),
        allow("discord:1:9", "live-*"),
        remove("discord:1:9"),
    ];
    for change in changes {
        let (transfer, lookup) = stale_permits(&world.store).await;
        change.apply(&world.store).await;
        let before = world.log().await;
        for admission in [transfer, lookup] {
            let admitted = world.store.admit(admission, NOON).await.unwrap();
            assert!(matches!(admitted, Admitted::AclChanged), "{admitted:?} after {change:?}");
        }
        assert_eq!(world.log().await, before, "nothing was written");
    }
}

#[tokio::test]
async fn a_change_of_the_acl_by_hand_or_by_another_process_counts_too() {
    let world = World::new().await;
    let hands = [
        "INSERT INTO grants (subject, role, effect, rooms, granted_by, granted_at, granted_in)
         VALUES ('cli:eve', 'admin', 'permit', '*', 'cli:eve', 0, 0)",
        "UPDATE grants SET revoked_at = 0, revoked_by = 'cli:eve', revoked_in = 0 WHERE id = 2",
        "INSERT INTO authorised_channels (channel, rooms, allowed_by, allowed_at, allowed_in)
         VALUES ('discord:1:9', '*', 'cli:eve', 0, 0)",
        "UPDATE authorised_channels SET removed_at = 0, removed_by = 'cli:eve', removed_in = 0
         WHERE channel = 'discord:1:9'",
    ];
    let mut raw = world.raw().await;
    for sql in hands {
        let (transfer, _) = stale_permits(&world.store).await;
        assert_eq!(execute(&mut raw, sql).await.unwrap(), 1);
        let admitted = world.store.admit(transfer, NOON).await.unwrap();
        assert!(matches!(admitted, Admitted::AclChanged), "{admitted:?} after {sql}");
    }
    let (transfer, _) = stale_permits(&world.store).await;
    allow("discord:1:10", "*").apply(&world.another().await).await;
    assert!(matches!(world.store.admit(transfer, NOON).await.unwrap(), Admitted::AclChanged));
}

#[tokio::test]
async fn an_edit_that_changes_nothing_does_not_undo_a_decision() {
    let world = World::new().await;
    let (transfer, _) = stale_permits(&world.store).await;
    revoke(99).apply(&world.store).await;
    remove("discord:1:9").apply(&world.store).await;
    world.store.check_writable().await.unwrap();
    assert!(matches!(world.store.admit(transfer, NOON).await.unwrap(), Admitted::Attempt(_)));
}

#[tokio::test]
async fn a_denial_stands_although_the_acl_has_changed() {
    let world = World::new().await;
    let denial = ask("test bob").by(MALLORY).decided(&world.store).await;
    grant(MALLORY, "moderator", "*").apply(&world.store).await;
    recorded(world.store.admit(denial, NOON).await.unwrap());
}

// Helpers --------------------------------------------------------------------------------------------------

async fn stale_permits(store: &SqliteStore) -> (Admission, Admission) {
    (ask("stale bob").decided(store).await, ask("stale").decided(store).await)
}

/// The repetition's own number.
fn repeated(admitted: Admitted, of: OperationId) -> OperationId {
    match admitted {
        Admitted::Duplicate { operation, first } if first.operation == of => operation,
        other => panic!("not a repetition of {of}: {other:?}"),
    }
}

/// The number of the entry that says that the room is held by `holder`.
fn declined(admitted: Admitted, by: OperationId) -> OperationId {
    match admitted {
        Admitted::Busy { operation: Some(operation), holder, .. } if holder.operation == by => operation,
        other => panic!("not declined because of {by}: {other:?}"),
    }
}

#[tokio::test]
async fn an_approval_names_both_people_and_makes_the_account_known() {
    let world = World::new().await;
    let has_seen = async |account: &str| world.store.has_seen(&account.parse().unwrap()).await.unwrap();
    assert!(!has_seen("bob").await);
    let operation = approve("test bob", &world.store).await;
    let entry = world.entry(operation).await;
    let asker = entry.requested_by.map(|subject| subject.to_string());
    assert_eq!((asker.as_deref(), entry.requested_by_name.as_deref()), (Some(ALICE), Some("alice")));
    assert!(has_seen("bob").await && has_seen("carol").await);
    // What was asked for and came to nothing makes nobody known.
    assert!(world.finish(ask("test dora").attempt(&world.store).await.operation(), &refused("req-2")).await);
    assert!(!has_seen("dora").await);
}

/// As one human being under two names.
#[tokio::test]
async fn two_ids_with_one_account_ask_once_and_do_not_answer_each_other() {
    const OTHER: &str = "slack:T1:U5";
    let world = World::new().await;
    let store = &world.store;
    link(MALLORY, "mallory").and(link(OTHER, "mallory")).apply(store).await;
    let first = recorded(ask("ask vip-1").by(MALLORY).admit(store).await);
    match ask("ask vip-1").by(OTHER).admit(store).await {
        Admitted::AskedBefore { first: before, .. } => assert_eq!(before.operation, first),
        other => panic!("{other:?}"),
    }
    recorded(ask("ask vip-2").by(OTHER).admit(store).await);
    let given = grant(MALLORY, "moderator", "vip-1").answering(first).decided(store).await;
    let given = AclEdit { principal: Principal::new(OTHER.parse().unwrap()), ..given };
    let answered = store.edit_acl(given, later(1_000)).await.unwrap();
    assert!(matches!(answered, AclChanged::NotAnswered(_, NotAnswered::Own(_))), "{answered:?}");
}
