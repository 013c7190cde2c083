//! A task breaks off in the middle of a command, and the process goes on.

use std::sync::Arc;

use async_trait::async_trait;
use room_owner::app::commands::at_once;
use room_owner::app::ports::{CallResult, ReadError, RoomControl, RoomSummary, Store as _, Unobserved};
use room_owner::app::service::{CommandService, Timing};
use room_owner::domain::admission::Attempt;
use room_owner::domain::audit::AuditFilter;
use room_owner::domain::room::{AccountId, RoomId};

use super::network::Network;
use super::world::{ALICE, World, request};

/// Whoever asks for a change panics once it is made.
struct Breaking(Network);

#[async_trait]
impl RoomControl for Breaking {
    async fn owner_of(&self, room: &RoomId) -> Result<AccountId, ReadError> {
        self.0.owner_of(room).await
    }

    async fn change_room_owner(&self, attempt: &Attempt) -> CallResult {
        self.0.change_room_owner(attempt).await;
        panic!("the task breaks off, as this test wants it");
    }

    async fn live_rooms(&self) -> Result<Vec<RoomSummary>, ReadError> {
        self.0.live_rooms().await
    }
}

#[tokio::test]
async fn a_task_that_panics_does_not_keep_its_room() {
    let world = World::new().await;
    let network = Network::new(&world, 1, 0).await;
    network.simulator().put_room("test", "carol");
    let store = world.store().await;
    let service = Arc::new(CommandService::new(
        Arc::clone(&store) as _,
        Arc::new(Breaking(network.clone())),
        Arc::new(world.clock.clone()),
        Arc::new(Unobserved),
        Timing::default(),
    ));
    let worker = Arc::clone(&service);
    let work = service.spawn(async move { worker.handle(request(ALICE, "test user2", "d1"), at_once).await });
    assert!(work.await.unwrap_err().is_panic());
    let newest = async || store.audit(&AuditFilter::default()).await.unwrap().remove(0);
    assert_eq!(newest().await.outcome.name(), "pending");
    // The same process finds it, and does not wait for itself.
    service.recover().await.unwrap();
    assert_eq!(newest().await.outcome.name(), "succeeded");
    assert_eq!((network.calls(), store.unresolved().await.unwrap().len()), (1, 0));
    store.close().await;
}
