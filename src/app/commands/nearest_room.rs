//! Which room was probably meant by an id that no room has.

use tracing::debug;

use crate::app::service::CommandService;
use crate::domain::access::{AclView, Action, Reach};
use crate::domain::audit::AuditFilter;
use crate::domain::command::{CommandRequest, Invocation, Transfer, UsageError};
use crate::domain::room::{AccountId, RoomId, nearest};

/// How many entries of the log are looked through for rooms.
const ENTRIES: u32 = 200;

/// How many lines a refusal suggests.
const MOST_LINES: usize = 2;

impl CommandService {
    /// The error with the lines that were most probably meant: where several are possible, those about a live room
    /// that the caller may use.
    pub(in crate::app) async fn narrowed(
        &self,
        mut error: UsageError,
        request: &CommandRequest,
        acl: &AclView,
    ) -> UsageError {
        if error.meant.len() > 1 && !acl.grants.is_empty() {
            let live = self.rooms().live_rooms().await.unwrap_or_default();
            let may = |room: &RoomId| {
                self.may(&request.principal, &request.place, Action::Transfer(room.clone()), acl)
            };
            let is_known = |line: &Invocation| {
                live.iter().any(|it| line.given("room") == Some(it.room.as_str()) && may(&it.room))
            };
            if error.meant.iter().any(is_known) {
                error.meant.retain(is_known);
            }
        }
        error.meant.truncate(MOST_LINES);
        error
    }

    /// The hand-over that was probably meant by one of a room that there is not: room and owner exchanged, if that is a
    /// room that is known, or the nearest room.
    pub(in crate::app) async fn transfer_meant(&self, asked: &Transfer, reach: &Reach) -> Option<Transfer> {
        let known = self.known_rooms(reach).await;
        let exchanged = asked.new_owner.as_str().parse::<RoomId>().ok();
        let owner = AccountId::from_tencent(asked.room.to_string());
        if let Some(room) = exchanged.filter(|room| known.iter().flatten().any(|known| known == room))
            && self.accounts.check(&owner).is_ok()
        {
            return Some(Transfer { room, new_owner: owner, ..asked.clone() });
        }
        let room = known.iter().find_map(|rooms| nearest(&asked.room, rooms))?;
        Some(Transfer { room: room.clone(), ..asked.clone() })
    }

    /// The live room, or the one in the log, that differs from `room` by a slip. `None` if there is none, or if it
    /// cannot be told.
    pub(in crate::app) async fn nearest_room(&self, room: &RoomId, reach: &Reach) -> Option<RoomId> {
        self.known_rooms(reach).await.iter().find_map(|rooms| nearest(room, rooms)).cloned()
    }

    /// The live rooms, and those in the log. Only rooms in reach: nobody learns of others.
    async fn known_rooms(&self, reach: &Reach) -> [Vec<RoomId>; 2] {
        let live = self.rooms().live_rooms().await.unwrap_or_else(|error| {
            debug!(problem = error.refusal().info, "the live rooms cannot be listed");
            Vec::new()
        });
        let filter = AuditFilter {
            reach: Some(reach.clone()),
            without_readings: true,
            limit: Some(ENTRIES),
            ..AuditFilter::default()
        };
        let entries = self.store().audit(&filter).await.unwrap_or_default();
        // A room that Tencent was asked for in vain is in the log too, and no help.
        let owned = entries.into_iter().filter(|entry| entry.previous_owner.is_some());
        let live = live.into_iter().map(|summary| summary.room).filter(|room| reach.covers(room));
        [live.collect(), owned.filter_map(|entry| entry.room).collect()]
    }
}
