//! The list of live rooms, cached for a moment.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::ports::{ReadError, RoomControl, RoomSummary};
use crate::domain::audit::Refusal;
use crate::domain::room::RoomId;

/// How long a list is used. Tencent takes 10 lists a second; people type faster.
const FRESH_FOR: Duration = Duration::from_secs(2);

/// How long somebody waits for the number of viewers alone.
const PATIENCE: Duration = Duration::from_secs(1);

type Listed = Result<Arc<[RoomSummary]>, ReadError>;

/// Lists the live rooms, at most once in [`FRESH_FOR`].
pub(super) struct LiveRooms {
    rooms: Arc<dyn RoomControl>,
    tasks: TaskTracker,
    last: Arc<Mutex<Option<(Instant, Listed)>>>,
}

impl LiveRooms {
    pub(super) fn new(rooms: Arc<dyn RoomControl>, tasks: TaskTracker) -> Self {
        Self { rooms, tasks, last: Arc::default() }
    }

    /// How many watch the room, as far as the list says so in time.
    pub(super) async fn viewers(&self, room: &RoomId) -> Option<u64> {
        let live = timeout(PATIENCE, self.get()).await.ok()?.ok()?;
        live.iter().find(|summary| summary.room == *room)?.viewers
    }

    /// The list, or why there is none. A task of its own asks for it, so that a caller who stops waiting does not waste
    /// the call.
    pub(super) async fn get(&self) -> Listed {
        let (rooms, last) = (Arc::clone(&self.rooms), Arc::clone(&self.last));
        let asking = self.tasks.spawn(async move {
            let mut last = last.lock().await;
            match &*last {
                Some((at, listed)) if at.elapsed() < FRESH_FOR => listed.clone(),
                _ => {
                    let listed = rooms.live_rooms().await.map(Arc::from);
                    *last = Some((Instant::now(), listed.clone()));
                    listed
                }
            }
        });
        asking.await.unwrap_or_else(|panic| {
            let (info, remedy) = (panic.to_string(), "Try again in a moment.".to_owned());
            Err(ReadError::Unreadable(Refusal::own(info, remedy)))
        })
    }
}
