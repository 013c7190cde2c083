//! What callbacks say, as the store takes it.

use jiff::Timestamp;
use proptest::prelude::*;
use room_owner::app::ports::{ExportSpan, Observation, OwnerChangeEvent, ReadBack, Store as _};
use room_owner::domain::audit::{AuditFilter, OperationId, OutcomeKind};
use room_owner::domain::command::DeliveryId;
use room_owner::domain::room::AccountId;

use super::world::{
    World, ask, assert_log_tells_the_tables, attempt, count, execute, later, refused, succeeded, unknown,
};

fn account(id: &str) -> AccountId {
    AccountId::from_tencent(id.to_owned())
}

/// `room` went from `carol` to `user2`, by the account as which the bot calls.
fn notice(room: &str, at: Timestamp) -> OwnerChangeEvent {
    OwnerChangeEvent {
        delivery: DeliveryId::new("tencent", &format!("{room}:{}", at.as_millisecond())).unwrap(),
        room: room.parse().unwrap(),
        new_owner: account("user2"),
        original_owner: Some(account("carol")),
        operator: Some(account("administrator")),
        is_own_account: true,
        event_at: at,
        is_signed: true,
    }
}

async fn observed(world: &World, notice: &OwnerChangeEvent, seen: Option<&str>) -> Observation {
    let seen = seen.map(|owner| ReadBack::Owner(account(owner)));
    world.store.observe(notice, seen.as_ref(), later(500)).await.unwrap()
}

fn confirms(operation: OperationId) -> Observation {
    Observation::Confirms { operation, outcome: OutcomeKind::Succeeded }
}

async fn begun(world: &World, at: i64) -> OperationId {
    attempt(ask("test user2").admit_at(&world.store, later(at)).await).operation()
}

async fn transferred(world: &World, at: i64) -> OperationId {
    let operation = begun(world, at).await;
    world.store.finish(operation, &succeeded("Id-1"), later(at + 40)).await.unwrap();
    operation
}

#[tokio::test]
async fn a_notice_confirms_the_operation_that_it_is_closest_to_and_each_but_once() {
    let world = World::new().await;
    let first = transferred(&world, 0).await;
    let second = transferred(&world, 30_000).await;
    assert_eq!(observed(&world, &notice("test", later(30_020)), None).await, confirms(second));
    assert_eq!(observed(&world, &notice("test", later(20)), None).await, confirms(first));
    assert_eq!(observed(&world, &notice("test", later(20)), None).await, Observation::Known);
    assert_eq!(observed(&world, &notice("test", later(30_021)), None).await, Observation::Foreign);
    let confirmation = world.store.confirmation(first).await.unwrap().unwrap();
    assert_eq!((confirmation.event_at, confirmation.received_at), (later(20), later(500)));
    assert_log_tells_the_tables(&world).await;
}

#[tokio::test]
async fn another_account_room_owner_or_time_is_not_ours() {
    let world = World::new().await;
    let operation = transferred(&world, 0).await;
    let good = notice("test", later(20));
    for other in [
        OwnerChangeEvent { is_own_account: false, ..good.clone() },
        OwnerChangeEvent { room: "other".parse().unwrap(), ..good.clone() },
        OwnerChangeEvent { new_owner: account("user3"), ..good.clone() },
        notice("test", later(-60_001)),
        notice("test", later(60_041)),
    ] {
        assert_eq!(observed(&world, &other, None).await, Observation::Foreign, "{other:?}");
    }
    assert_eq!(observed(&world, &notice("test", later(60_040)), None).await, confirms(operation));
    assert_log_tells_the_tables(&world).await;
}

#[tokio::test]
async fn an_outcome_that_is_final_stands_and_the_change_is_recorded_beside_it() {
    let world = World::new().await;
    let operation = begun(&world, 0).await;
    world.store.finish(operation, &refused("Id-1"), later(40)).await.unwrap();
    let late = notice("test", later(20));
    assert_eq!(observed(&world, &late, None).await, Observation::Foreign);
    let Observation::Recorded(beside) = observed(&world, &late, Some("user2")).await else { panic!() };
    let entry = world.entry(beside).await;
    assert_eq!(entry.outcome, OutcomeKind::Succeeded);
    assert_eq!(
        entry.reason,
        Some(format!("probably the change of operation {operation}, recorded as refused"))
    );
    assert_eq!(world.entry(operation).await.outcome, OutcomeKind::Refused);
    assert_eq!(world.store.confirmation(operation).await.unwrap(), None);
    assert_log_tells_the_tables(&world).await;
}

#[tokio::test]
async fn what_was_refused_because_nobody_knew_is_corrected_and_nothing_else_is() {
    let world = World::new().await;
    let operation = begun(&world, 0).await;
    world.store.finish(operation, &unknown(None), later(40)).await.unwrap();
    world.store.finish(operation, &refused("Id-1"), later(60_000)).await.unwrap();
    let mut raw = world.raw().await;
    let forged = format!("UPDATE operations SET outcome = 'succeeded' WHERE operation = {operation}");
    let error = execute(&mut raw, &forged).await.unwrap_err().to_string();
    assert!(error.contains("can only be ended, once"), "no callback tells of it: {error}");
    let corrects = Observation::Corrects { operation, was: OutcomeKind::Refused };
    assert_eq!(observed(&world, &notice("test", later(70_000)), None).await, corrects);
    let entry = world.entry(operation).await;
    assert_eq!((entry.outcome, entry.request_id.as_deref()), (OutcomeKind::Succeeded, Some("Id-1")));
    assert_eq!(entry.error_info.unwrap(), "no; tencent's callback reported the change");
    assert_eq!(observed(&world, &notice("test", later(70_000)), None).await, Observation::Known);
    let back = format!("UPDATE operations SET outcome = 'refused' WHERE operation = {operation}");
    assert!(execute(&mut raw, &back).await.is_err());
    assert_log_tells_the_tables(&world).await;
}

#[tokio::test]
async fn an_unknown_outcome_stays_open_until_somebody_ends_it() {
    let world = World::new().await;
    let operation = begun(&world, 0).await;
    world.store.finish(operation, &unknown(None), later(40)).await.unwrap();
    assert_eq!(
        observed(&world, &notice("test", later(20)), None).await,
        Observation::Confirms { operation, outcome: OutcomeKind::Unknown }
    );
    assert_eq!(world.open_operations().await, [operation]);
    world.store.finish(operation, &succeeded("Id-1"), later(80)).await.unwrap();
    assert_log_tells_the_tables(&world).await;
}

#[tokio::test]
async fn what_was_recorded_of_a_callback_stays() {
    let world = World::new().await;
    transferred(&world, 0).await;
    observed(&world, &notice("test", later(20)), None).await;
    observed(&world, &notice("test", later(90_000)), Some("user2")).await;
    let mut raw = world.raw().await;
    let columns = "delivery_id, operation, confirms, room, new_owner, event_at, received_at, signed";
    let forged = |id: &str, operation: i64| {
        format!("REPLACE INTO callbacks ({columns}) VALUES ('{id}', {operation}, 1, 'test', 'eve', 0, 0, 1)")
    };
    let known: String =
        sqlx::query_scalar("SELECT delivery_id FROM callbacks").fetch_one(&mut raw).await.unwrap();
    for (sql, why) in [
        ("DELETE FROM callbacks".to_owned(), "never deleted"),
        ("UPDATE callbacks SET new_owner = 'eve'".to_owned(), "never changed"),
        ("UPDATE OR REPLACE callbacks SET operation = 3".to_owned(), "never changed"),
        (forged(&known, 99), "recorded once"),
        (forged("tencent:other", 3), "recorded once"),
    ] {
        for recursive in ["OFF", "ON"] {
            execute(&mut raw, format!("PRAGMA recursive_triggers = {recursive}")).await.unwrap();
            let error = execute(&mut raw, &sql).await.expect_err(&sql).to_string();
            assert!(error.contains(why), "{sql}: {error}");
            assert_eq!(count(&mut raw, "callbacks").await, 2, "{sql}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever comes in whatever order and however often: each change is written down once, each
    /// operation confirmed once, and the log tells the tables.
    #[test]
    fn each_change_is_written_down_once(steps in prop::collection::vec((0..4_u8, 0..6_i64, any::<bool>()), 1..25)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            let mut changes = std::collections::BTreeSet::new();
            for (kind, at, is_signed) in steps {
                if kind == 0 {
                    transferred(&world, at * 20_000).await;
                    continue;
                }
                let notice = OwnerChangeEvent { is_signed, ..notice("test", later(at * 20_000)) };
                let seen = ["user2", "dave"][usize::from(kind == 1)];
                let seen = (is_signed || kind > 1).then_some(if is_signed { seen } else { "user2" });
                match observed(&world, &notice, seen).await {
                    Observation::Confirms { .. } | Observation::Corrects { .. } | Observation::Recorded(_) => {
                        assert!(changes.insert(notice.delivery.as_str().to_owned()), "written down twice");
                    }
                    Observation::Known => assert!(changes.contains(notice.delivery.as_str())),
                    Observation::NothingNew => assert!(!is_signed),
                    Observation::Foreign => assert!(seen.is_none()),
                }
            }
            let mut raw = world.raw().await;
            assert_eq!(count(&mut raw, "callbacks").await as usize, changes.len());
            assert_log_tells_the_tables(&world).await;
        });
    }
}

/// Who made a change in the app, and when, is found and taken elsewhere like the rest.
#[tokio::test]
async fn a_change_in_the_app_is_found_by_who_made_it_and_exported_with_its_time() {
    let world = World::new().await;
    let of_the_app = OwnerChangeEvent {
        operator: Some(account("head-of-shift")),
        is_own_account: false,
        ..notice("test", later(250))
    };
    observed(&world, &of_the_app, Some("user2")).await;
    let filter = AuditFilter { text: Some("head-of".to_owned()), ..AuditFilter::default() };
    let found = world.store.audit(&filter).await.unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].actor_name.as_deref(), Some("head-of-shift"));
    let upto_event = world.store.log().newest_event().await.unwrap();
    for since_event in [None, Some(2)] {
        let span = ExportSpan { filter: filter.clone(), since_event, upto_event, position: 0 };
        let chunk = world.store.log().export(&span).await.unwrap();
        assert_eq!(chunk.entries, found);
        assert_eq!(chunk.changed_at, [(found[0].operation, later(250))].into());
    }
    assert_log_tells_the_tables(&world).await;
}
