//! The short way: what a process that writes alone records by one call, and that whatever happened in between
//! sends it the long way, with the same answers.

use room_owner::app::ports::{AclChanged, Admitted, Store as _};
use room_owner::domain::audit::OutcomeKind;
use room_owner::store::SqliteStore;

use super::replay::assert_log_tells_the_tables;
use super::world::{
    ALICE, OPS, World, allow, ask, execute, grant, later, refused, revoke, succeeded, unknown,
};

/// Commits in all, and those by one call.
fn commits(store: &SqliteStore) -> (u64, u64) {
    (store.commits(), store.commits_at_once())
}

/// A world whose store knows the end of its log and has noted that Alice uses her grant.
async fn warm() -> World {
    let world = World::empty().await;
    allow(OPS, "*").apply(&world.store).await;
    grant(ALICE, "moderator", "*").apply(&world.store).await;
    let first = ask("warm bob").delivered("warm").attempt(&world.store).await;
    world.finish(first.operation(), &succeeded("req-0")).await;
    world
}

async fn hand_over(world: &World, room: &str, delivery: &str) {
    let attempt = ask(&format!("{room} bob")).delivered(delivery).attempt(&world.store).await;
    assert!(world.finish(attempt.operation(), &succeeded(delivery)).await);
    let entry = world.entry(attempt.operation()).await;
    assert_eq!((entry.outcome, entry.request_id.as_deref()), (OutcomeKind::Succeeded, Some(delivery)));
}

#[tokio::test]
async fn the_usual_command_is_two_commits_of_one_call_each() {
    let world = warm().await;
    let (before, at_once_before) = commits(&world.store);
    for n in 0..20 {
        hand_over(&world, &format!("room-{n}"), &format!("d{n}")).await;
    }
    let (after, at_once) = commits(&world.store);
    assert_eq!((after - before, at_once - at_once_before), (40, 40));
    assert_log_tells_the_tables(&world).await;
}

#[tokio::test]
async fn another_process_that_writes_in_between_is_seen() {
    let world = warm().await;
    let other = world.another().await;
    for n in 0..30 {
        hand_over(&world, &format!("room-{n}"), &format!("here-{n}")).await;
        let attempt = ask(&format!("other-{n} bob")).delivered(format!("there-{n}")).attempt(&other).await;
        other.finish(attempt.operation(), &refused("req"), later(5)).await.unwrap();
    }
    // What the other one claimed and holds.
    let holder = ask("held bob").delivered("held").attempt(&other).await;
    let again = ask("held bob").delivered("held").admit(&world.store).await;
    assert!(
        matches!(again, Admitted::Duplicate { ref first, .. } if first.operation == holder.operation()),
        "{again:?}"
    );
    let busy = ask("held eve").delivered("eve").admit(&world.store).await;
    assert!(
        matches!(busy, Admitted::Busy { ref holder, .. } if holder.operation == again_first(&again)),
        "{busy:?}"
    );
    assert_log_tells_the_tables(&world).await;
}

fn again_first(admitted: &Admitted) -> room_owner::domain::audit::OperationId {
    match admitted {
        Admitted::Duplicate { first, .. } => first.operation,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_repetition_and_a_busy_room_are_told_when_nothing_else_happened_in_between() {
    let world = warm().await;
    let first = ask("test bob").delivered("1").attempt(&world.store).await;
    let again = ask("test bob").delivered("1").admit(&world.store).await;
    assert_eq!(again_first(&again), first.operation());
    let busy = ask("test eve").delivered("2").admit(&world.store).await;
    assert!(
        matches!(busy, Admitted::Busy { ref holder, .. } if holder.operation == first.operation()),
        "{busy:?}"
    );
    // The first one's outcome is recorded once, whatever was remembered of it.
    assert!(world.finish(first.operation(), &unknown(None)).await);
    assert!(world.finish(first.operation(), &succeeded("late")).await);
    assert!(!world.finish(first.operation(), &refused("later still")).await);
    assert_log_tells_the_tables(&world).await;
}

#[tokio::test]
async fn the_previous_owner_that_was_noted_stays_when_the_end_is_written_in_short() {
    let world = warm().await;
    let attempt = ask("test bob").delivered("1").attempt(&world.store).await;
    let carol = "carol".parse().unwrap();
    world.store.note_previous_owner(attempt.operation(), &carol, later(200)).await.unwrap();
    assert!(world.finish(attempt.operation(), &unknown(None)).await);
    assert_eq!(world.entry(attempt.operation()).await.previous_owner.as_deref(), Some("carol"));
}

#[tokio::test]
async fn a_permit_from_before_a_change_of_the_acl_is_not_used() {
    let world = warm().await;
    let decided = ask("test bob").delivered("1").decided(&world.store).await;
    assert!(matches!(revoke(1).apply(&world.store).await, AclChanged::Changed(..)));
    assert!(matches!(world.store.admit(decided, later(1)).await.unwrap(), Admitted::AclChanged));

    // The same by a hand at the file, of which the log says nothing.
    let world = warm().await;
    let decided = ask("test bob").delivered("1").decided(&world.store).await;
    let mut raw = world.raw().await;
    execute(
        &mut raw,
        "UPDATE grants SET revoked_at = 1, revoked_by = 'cli:eve', revoked_in = 1 WHERE id = 1",
    )
    .await
    .unwrap();
    assert!(matches!(world.store.admit(decided, later(1)).await.unwrap(), Admitted::AclChanged));
}

#[tokio::test]
async fn a_guard_that_is_taken_off_in_between_stops_the_next_command() {
    let world = warm().await;
    hand_over(&world, "before", "0").await;
    let decided = ask("test bob").delivered("1").decided(&world.store).await;
    let mut raw = world.raw().await;
    execute(&mut raw, "DROP TRIGGER deliveries_claimed_once").await.unwrap();
    let refusal = world.store.admit(decided, later(1)).await.unwrap_err();
    assert!(refusal.to_string().contains("deliveries_claimed_once"), "{refusal}");
}
