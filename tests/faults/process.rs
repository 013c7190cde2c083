//! A process of the bot: a service on a store of its own, and its work under way.

use std::sync::Arc;

use room_owner::app::commands::{Press, at_once};
use room_owner::app::ports::{Store, Unobserved};
use room_owner::app::service::{CommandService, Timing};
use room_owner::domain::command::CommandRequest;
use room_owner::domain::reply::Reply;
use room_owner::store::SqliteStore;
use tokio::task::JoinSet;

use super::clock::VirtualClock;
use super::network::Network;
use super::unsteady::Unsteady;
use super::world::World;

/// The result of a request that was handed in.
#[derive(Debug)]
pub(crate) struct Answered {
    /// Which of the schedule's deliveries.
    pub(crate) delivery: usize,
    pub(crate) reply: Reply,
}

pub(crate) struct Process {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) service: Arc<CommandService>,
    work: JoinSet<Option<Answered>>,
    real: Arc<SqliteStore>,
}

impl Process {
    /// Starts, and looks into what others left behind.
    pub(crate) async fn starts(world: &World, network: &Network, seed: u64, failing: u32) -> Self {
        let real = world.store().await;
        let store: Arc<dyn Store> = Arc::new(Unsteady::new(Arc::clone(&real), seed, failing));
        let service = CommandService::new(
            Arc::clone(&store),
            Arc::new(network.clone()),
            Arc::new(world.clock.clone()),
            Arc::new(Unobserved),
            Timing::default(),
        );
        let mut process = Self { store, service: Arc::new(service), work: JoinSet::new(), real };
        process.recovers();
        process
    }

    pub(crate) fn takes(&mut self, delivery: usize, request: CommandRequest) {
        let service = Arc::clone(&self.service);
        self.work.spawn(async move {
            Some(Answered { delivery, reply: service.handle(request, at_once).await.into_reply() })
        });
    }

    pub(crate) fn takes_press(&mut self, delivery: usize, press: Press) {
        let service = Arc::clone(&self.service);
        self.work.spawn(async move {
            Some(Answered { delivery, reply: service.press(press, at_once).await.into_reply() })
        });
    }

    pub(crate) fn recovers(&mut self) {
        let service = Arc::clone(&self.service);
        self.work.spawn(async move {
            service.recover().await.unwrap();
            None
        });
    }

    /// What has been answered by now.
    pub(crate) fn answered(&mut self) -> Vec<Answered> {
        std::iter::from_fn(|| self.work.try_join_next()).filter_map(Result::unwrap).collect()
    }

    /// Looks into what is open until no change can come of it any more.
    pub(crate) async fn settles(&mut self, clock: &VirtualClock) {
        self.finishes().await;
        self.service.recover().await.unwrap();
        clock.pass(61_000);
        self.service.recover().await.unwrap();
    }

    /// Waits for all of it.
    pub(crate) async fn finishes(&mut self) -> Vec<Answered> {
        let mut answered = Vec::new();
        while let Some(done) = self.work.join_next().await {
            answered.extend(done.unwrap());
        }
        answered
    }

    /// Ends wherever it is. What its answers would have been, nobody knows.
    pub(crate) async fn dies(self) -> Vec<Answered> {
        let Self { store, service, mut work, real } = self;
        work.abort_all();
        let mut answered = Vec::new();
        while let Some(done) = work.join_next().await {
            // What had ended before was answered.
            answered.extend(done.ok().flatten());
        }
        drop((store, service));
        // As the end of a process frees its lock, so does the end of its last connection.
        real.close().await;
        answered
    }
}
