//! A clock that was set back is an event of the log, once, before whatever operation begins next.

use jiff::Timestamp;
use room_owner::app::acl::local_permit;
use room_owner::app::ports::{OwnerChangeEvent, ReadBack, Store as _};
use room_owner::clock::SystemClock;
use room_owner::domain::command::DeliveryId;
use room_owner::domain::principal::Principal;
use room_owner::domain::room::AccountId;
use room_owner::merkle::SigningKey;
use room_owner::store::archive::Order;
use room_owner::store::{Database, IfMissing, SqliteStore};

use super::world::{
    MALLORY, NOON, World, allow, ask, assert_log_tells_the_tables, foreign, grant, later, remove, succeeded,
};

const HOUR: i64 = 3_600_000;

/// Each way in which an operation begins.
#[derive(Debug, Clone, Copy)]
enum Way {
    Attempt,
    Denial,
    Rejection,
    Duplicate,
    Edit,
    DeclinedEdit,
    Observation,
    Archive,
    Rebuild,
}

impl Way {
    async fn begins(self, world: &World, at: Timestamp) {
        let store = &world.store;
        let principal = Principal::new("cli:ana".parse().unwrap());
        let permit = async || local_permit(store, &SystemClock, &principal).await.unwrap();
        match self {
            Self::Attempt => drop(ask("live-1 bob").admit_at(store, at).await),
            Self::Denial => drop(ask("live-1 bob").by(MALLORY).admit_at(store, at).await),
            Self::Rejection => drop(store.admit(foreign("f"), at).await.unwrap()),
            Self::Duplicate => drop(ask("test bob").delivered("1").admit_at(store, at).await),
            Self::Edit => drop(grant("cli:bo", "auditor", "*").apply_at(store, at).await),
            Self::DeclinedEdit => drop(remove("discord:1:9").apply_at(store, at).await),
            Self::Observation => {
                let dave = AccountId::from_tencent("dave".to_owned());
                let notice = OwnerChangeEvent {
                    delivery: DeliveryId::new("tencent", "1").unwrap(),
                    room: "live-2".parse().unwrap(),
                    new_owner: dave.clone(),
                    original_owner: None,
                    operator: None,
                    is_own_account: false,
                    event_at: NOON,
                    is_signed: true,
                };
                store.observe(&notice, Some(&ReadBack::Owner(dave)), at).await.unwrap();
            }
            Self::Archive => {
                let permit = permit().await;
                let file = world.file().with_file_name("oldest.archive");
                let order = Order { principal, permit, typed: "archive".to_owned(), before: later(1), file };
                assert!(store.archive(order, at).await.unwrap().archive.is_some());
            }
            Self::Rebuild => {
                let by = (principal.clone(), permit().await, "rebuild".to_owned());
                store.rebuild(by, Vec::new(), at, drop).await.unwrap();
            }
        }
    }
}

/// The steps of the clock that the log tells of: at which event, and by how much.
async fn steps(world: &World) -> Vec<(i64, i64)> {
    let step = |row: &super::replay::Row| {
        Some((row.seq, row.body["what"]["system"]["clock_set_back"]["by_ms"].as_i64()?))
    };
    world.events().await.iter().filter_map(step).collect()
}

#[tokio::test]
async fn a_step_back_is_recorded_once_before_whatever_begins_next() {
    for way in [
        Way::Attempt,
        Way::Denial,
        Way::Rejection,
        Way::Duplicate,
        Way::Edit,
        Way::DeclinedEdit,
        Way::Observation,
        Way::Archive,
        Way::Rebuild,
    ] {
        let world = World::new().await;
        let first = ask("test bob").delivered("1").attempt(&world.store).await;
        world.finish(first.operation(), &succeeded("req-1")).await;
        assert_eq!(steps(&world).await, [], "{way:?}");
        // 40 ms after noon was the outcome.
        way.begins(&world, later(40 - HOUR)).await;
        let last = world.log().await.last().unwrap().operation.seq();
        if !matches!(way, Way::Archive) {
            assert_eq!(last, 6, "{way:?}");
            assert_eq!(steps(&world).await, [(5, HOUR)], "{way:?}");
            // From then on it goes on from there.
            allow("discord:1:5", "*").apply_at(&world.store, later(41 - HOUR)).await;
            assert_eq!(steps(&world).await, [(5, HOUR)], "{way:?}");
            assert_log_tells_the_tables(&world).await;
        } else {
            // What came before lies in the file.
            assert_eq!(steps(&world).await, [(last - 1, HOUR)]);
        }
    }
}

#[tokio::test]
async fn two_processes_that_are_a_little_apart_are_no_step() {
    let world = World::new().await;
    for (at, expected) in [(5_000, &[][..]), (3_001, &[]), (3_000, &[(5, 2_000)]), (2_000, &[(5, 2_000)])] {
        ask("a b c").admit_at(&world.store, later(at)).await;
        assert_eq!(steps(&world).await, expected, "{at}");
    }
}

/// With an outcome nothing begins: that the clock was set back in mid call shows with the next operation.
#[tokio::test]
async fn an_outcome_before_its_beginning_took_no_time_and_the_next_operation_notes_the_step() {
    let world = World::new().await;
    let first = ask("test bob").attempt(&world.store).await.operation();
    world.store.finish(first, &succeeded("req-1"), later(-HOUR)).await.unwrap();
    assert_eq!(world.entry(first).await.duration_ms, Some(0));
    assert_eq!(steps(&world).await, []);
    ask("test bob").admit_at(&world.store, later(1 - HOUR)).await;
    assert_eq!(steps(&world).await, [(5, HOUR - 1)]);
    assert_log_tells_the_tables(&world).await;
}

/// What is recorded when the store is opened is recorded by the real clock.
#[tokio::test]
async fn a_step_back_is_recorded_before_what_the_opening_records() {
    let world = World::empty().await;
    let next_century = "2126-01-01T00:00:00Z".parse().unwrap();
    allow("discord:1:5", "*").apply_at(&world.store, next_century).await;
    world.store.close().await;
    let other = Database::of_file(&world.file(), Some(SigningKey::generate()));
    let store = SqliteStore::open(other, IfMissing::Fail).await.unwrap();
    assert_eq!(steps(&world).await.len(), 1);
    let commands: Vec<String> = store
        .audit(&room_owner::domain::audit::AuditFilter::default())
        .await
        .unwrap()
        .into_iter()
        .map(|entry| entry.command)
        .collect();
    let [clock, key] = ["(system) clock set back by ", "(system) signing key changed from "]
        .map(|words| commands.iter().filter(|command| command.starts_with(words)).count());
    assert_eq!((clock, key, commands.len()), (1, 1, 3), "{commands:?}");
}
