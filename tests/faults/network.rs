//! Tencent behind a bad network: the simulator's rooms, without its HTTP.
//!
//! A change that was sent is made, whatever happened to its sender: at once, or up to half a minute later.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use room_owner::app::ports::{CallResult, ReadError, RoomControl, RoomSummary};
use room_owner::domain::admission::Attempt;
use room_owner::domain::audit::{AuditEntry, Refusal};
use room_owner::domain::room::{AccountId, RoomId};
use room_owner::tencent::simulator::Simulator;
use sqlx::SqliteConnection;

use super::clock::{VirtualClock, turns};
use super::world::World;

/// How long after its record an attempt is still sent: whoever is slower than this has given up.
const LATEST_SENDING: i64 = 20_000;
/// Tencent documents 3 s as its own limit, and has been seen to take longer.
const LATEST_CHANGE: i64 = 30_000;

/// A change that was sent.
#[derive(Debug, Clone)]
pub(crate) struct Effect {
    pub(crate) operation: i64,
    room: String,
    new_owner: String,
    due: i64,
    pub(crate) made: bool,
}

/// What goes wrong with a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    Nothing,
    Refused,
    NotSent,
    Failed,
    /// The answer is lost; nothing was changed.
    LostBefore,
    /// The answer is lost; the change is made so many milliseconds later.
    LostAfter(i64),
}

#[derive(Clone)]
pub(crate) struct Network(Arc<Inner>);

struct Inner {
    simulator: Simulator,
    clock: VirtualClock,
    state: Mutex<State>,
    reader: tokio::sync::Mutex<SqliteConnection>,
}

struct State {
    random: StdRng,
    /// Out of a hundred.
    troubled: u32,
    next: Option<Trouble>,
    effects: Vec<Effect>,
    /// The owners that were read, and when.
    reads: Vec<(i64, String, String)>,
    /// What must never be, and was.
    crimes: Vec<String>,
    calls: usize,
}

fn refusal(info: &str) -> Refusal {
    Refusal { code: None, info: info.to_owned(), request_id: None, remedy: "Try again.".to_owned() }
}

impl Network {
    pub(crate) async fn new(world: &World, seed: u64, troubled: u32) -> Self {
        let (clock, simulator) = (world.clock.clone(), world.simulator.clone());
        let random = StdRng::seed_from_u64(seed);
        let state = State {
            random,
            troubled,
            next: None,
            effects: Vec::new(),
            reads: Vec::new(),
            crimes: Vec::new(),
            calls: 0,
        };
        let reader = tokio::sync::Mutex::new(world.raw().await);
        Self(Arc::new(Inner { simulator, clock, state: Mutex::new(state), reader }))
    }

    pub(crate) fn simulator(&self) -> &Simulator {
        &self.0.simulator
    }

    /// From now on everything works.
    pub(crate) fn calm_down(&self) {
        self.with(|state| state.troubled = 0);
    }

    /// The next change goes like this.
    pub(crate) fn next_change(&self, trouble: Trouble) {
        self.with(|state| state.next = Some(trouble));
    }

    pub(crate) fn calls(&self) -> usize {
        self.with(|state| state.calls)
    }

    pub(crate) fn crimes(&self) -> Vec<String> {
        self.with(|state| state.crimes.clone())
    }

    /// The changes that were made, after everything that was sent had its time.
    pub(crate) fn effects(&self) -> Vec<Effect> {
        self.settle(i64::MAX);
        self.with(|state| state.effects.iter().filter(|effect| effect.made).cloned().collect())
    }

    /// Whether the new owner was in place already, and nobody could know: the process died before it read who
    /// owned the room, so that the owner read back later shows what was wanted and not who did it.
    pub(crate) fn made_before(&self, entry: &AuditEntry) -> bool {
        let is_read_back = entry.error_info.is_some() && entry.previous_owner.is_none();
        let is_it = |effect: &Effect| {
            Some(&effect.room) == entry.room.as_ref().map(ToString::to_string).as_ref()
                && Some(&effect.new_owner) == entry.new_owner.as_ref()
        };
        is_read_back && self.effects().iter().any(is_it)
    }

    fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.0.state.lock().unwrap())
    }

    fn chance(&self, out_of_hundred: u32) -> bool {
        self.with(|state| state.random.random_range(0..100) < out_of_hundred)
    }

    fn some_turns(&self) -> u32 {
        self.with(|state| state.random.random_range(0..6))
    }

    fn trouble(&self) -> Trouble {
        self.with(|state| {
            if let Some(next) = state.next.take() {
                return next;
            }
            if state.random.random_range(0..100) >= state.troubled {
                return Trouble::Nothing;
            }
            match state.random.random_range(0..8) {
                0 => Trouble::Refused,
                1 => Trouble::NotSent,
                2 => Trouble::Failed,
                3 | 4 => Trouble::LostBefore,
                5 => Trouble::LostAfter(0),
                _ => Trouble::LostAfter(state.random.random_range(1..=LATEST_CHANGE)),
            }
        })
    }

    /// Makes the changes that are due.
    fn settle(&self, now: i64) {
        self.with(|state| {
            let mut due: Vec<&mut Effect> =
                state.effects.iter_mut().filter(|effect| !effect.made && effect.due <= now).collect();
            due.sort_by_key(|effect| effect.due);
            for effect in due {
                let operator = format!("op {}", effect.operation);
                assert!(self.0.simulator.hand_over(&effect.room, &effect.new_owner, operator));
                effect.made = true;
            }
        });
    }

    /// The record that has to be on disk before anything is sent.
    async fn is_on_record(&self, operation: i64) -> bool {
        let found: Option<(String, String)> = sqlx::query_as(
            "SELECT outcome, decision FROM operations JOIN audit_events ON seq = operations.operation
             WHERE operations.operation = ?",
        )
        .bind(operation)
        .fetch_optional(&mut *self.0.reader.lock().await)
        .await
        .unwrap();
        found.is_some_and(|(outcome, decision)| outcome == "pending" && decision == "permit")
    }
}

#[async_trait]
impl RoomControl for Network {
    async fn owner_of(&self, room: &RoomId) -> Result<AccountId, ReadError> {
        turns(self.some_turns()).await;
        let troubled = self.with(|state| state.troubled);
        if self.chance(troubled / 4) {
            return Err(ReadError::Unreadable(refusal("no answer")));
        }
        if self.chance(troubled / 8) {
            return Err(ReadError::Refused(refusal("not now")));
        }
        self.settle(self.0.clock.millis());
        match self.0.simulator.owner_of(room.as_str()) {
            Some(owner) => {
                let now = self.0.clock.millis();
                self.with(|state| state.reads.push((now, room.to_string(), owner.clone())));
                Ok(AccountId::from_tencent(owner))
            }
            None => Err(ReadError::NoRoom(refusal("no such room"))),
        }
    }

    async fn change_room_owner(&self, attempt: &Attempt) -> CallResult {
        let operation = attempt.operation().seq();
        let is_recorded = self.is_on_record(operation).await;
        let now = self.0.clock.millis();
        let begun_at = attempt.begun_at().as_millisecond();
        let trouble = self.trouble();
        self.with(|state| {
            state.calls += 1;
            if !is_recorded {
                state.crimes.push(format!("op {operation} was sent without a record of its attempt"));
            }
            if let Some(expected) = attempt.pressed().and_then(|pressed| pressed.expects.as_ref()) {
                let room = attempt.transfer().room.as_str();
                let mut since = state.reads.iter().filter(|(at, of, _)| *at >= begun_at && of == room);
                if !since.any(|(_, _, owner)| owner == expected.as_str()) {
                    state.crimes.push(format!("op {operation} undid what was not the last change"));
                }
            }
        });
        if now - begun_at > LATEST_SENDING || trouble == Trouble::NotSent {
            return CallResult::NotSent(refusal("it did not leave this machine"));
        }
        match trouble {
            Trouble::Refused => return CallResult::Refused(refusal("no")),
            Trouble::Failed => return CallResult::Failed(refusal("an internal error")),
            Trouble::LostBefore => return CallResult::Unclear(refusal("the connection broke")),
            Trouble::Nothing | Trouble::LostAfter(_) | Trouble::NotSent => {}
        }
        let late = if let Trouble::LostAfter(millis) = trouble { millis } else { 0 };
        // From here on it is Tencent's: it is made even if nobody waits for the answer any more.
        self.with(|state| {
            if state.effects.iter().any(|effect| effect.operation == operation) {
                state.crimes.push(format!("op {operation} was sent twice"));
            }
            let transfer = attempt.transfer();
            state.effects.push(Effect {
                operation,
                room: transfer.room.to_string(),
                new_owner: transfer.new_owner.to_string(),
                due: now + late,
                made: false,
            });
        });
        turns(self.some_turns()).await;
        self.settle(self.0.clock.millis());
        match trouble {
            Trouble::LostAfter(_) => CallResult::Unclear(refusal("no answer in time")),
            _ => CallResult::Accepted { request_id: Some(format!("Id-{operation}")) },
        }
    }

    async fn live_rooms(&self) -> Result<Vec<RoomSummary>, ReadError> {
        Ok(Vec::new())
    }
}
