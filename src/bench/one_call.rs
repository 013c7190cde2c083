//! Tencent's client with a memory in place of its readings.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::app::ports::{CallResult, ReadError, RoomControl, RoomSummary};
use crate::domain::admission::Attempt;
use crate::domain::room::{AccountId, RoomId};

/// Sends changes and answers questions about the owner from what was changed.
pub(super) struct OneCall<T> {
    client: T,
    owners: Mutex<HashMap<RoomId, AccountId>>,
}

impl<T> OneCall<T> {
    pub(super) fn new(client: T) -> Self {
        Self { client, owners: Mutex::default() }
    }

    fn owners(&self) -> MutexGuard<'_, HashMap<RoomId, AccountId>> {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl<T: RoomControl> RoomControl for OneCall<T> {
    async fn owner_of(&self, room: &RoomId) -> Result<AccountId, ReadError> {
        let known = self.owners().get(room).cloned();
        Ok(known.unwrap_or_else(|| AccountId::from_tencent("user0".to_owned())))
    }

    async fn change_room_owner(&self, attempt: &Attempt) -> CallResult {
        let result = self.client.change_room_owner(attempt).await;
        if matches!(result, CallResult::Accepted { .. }) {
            let transfer = attempt.transfer();
            self.owners().insert(transfer.room.clone(), transfer.new_owner.clone());
        }
        result
    }

    async fn live_rooms(&self) -> Result<Vec<RoomSummary>, ReadError> {
        self.client.live_rooms().await
    }
}
