//! Tencent's Live service on loopback: for trying a set-up without an account, and for the test suite.
//!
//! It serves `POST /v4/live_engine_http_srv/{change_room_owner,get_room_info,get_room_list}` and
//! `POST /v4/live_config/{get_callback,set_callback,update_callback,get_callback_token,set_callback_token}` as the
//! real host does, verifies UserSigs for real, and can be made to fail in all the ways a remote service can. What was
//! documented, what was seen in Tencent's published code and what we inferred is said where it matters.
//! **The texts in `ErrorInfo` are invented**: Tencent documents codes, not wording, so never branch on them.
//!
//! # What is checked, in order
//!
//! 1. method and query (60002), path (60009);
//! 2. `sdkappid` missing (60012), unknown (60006), disabled (60016), wrong domain (60026), another parameter
//!    missing or wrong (60025);
//! 3. the UserSig: locked after many failures (70050), malformed (70003), for another app (70014), for another
//!    identifier (70013), with another key (70009), expired (70001);
//! 4. the identifier is no app admin (60010), the source address may not call (60021);
//! 5. rates: of the app (60011), of the API (60007);
//! 6. the body is not a JSON object (60003), an account is not a string (60015), a field is missing or
//!    illegal (100002);
//! 7. the room is absent (100004) or not of type `Live` (100006), the new owner is not imported (70107) or
//!    banned from the room (100016);
//! 8. the owner changes, the webhook is sent, the reply is OK.
//!
//! The codes are documented, the order is inferred. A refusal is HTTP 200 too, as documented; `HEAD /` is
//! 200 as well. [`Settings`] holds what Tencent leaves open and a caller could notice. Fixed choices are: a
//! query that repeats a parameter is refused; unknown fields in a body are ignored; a RoomId is not trimmed;
//! `Content-Type` is not looked at; a new owner need not be in the room; a wrong signature costs no rate.
//!
//! # Steering it
//!
//! In the same process through the methods of [`Simulator`]; from outside under `/control`, for requests to a
//! loopback host only:
//!
//! ```sh
//! S=http://127.0.0.1:9000
//! curl $S/control/state
//! curl -X PUT --json '{"owner": "user1", "banned": ["user9"]}' $S/control/rooms/test
//! curl --json '{"owner": "user2", "by": "user1"}' $S/control/rooms/test/owner
//! curl -X DELETE $S/control/rooms/test
//! curl $S/control/calls
//! curl --json '{"kind": "reset_after", "room": "test", "times": 1}' $S/control/faults
//! curl --json '{"kind": {"code": {"code": 100001, "info": "try again"}}}' $S/control/faults
//! curl --json '{"kind": {"stall": {"when": "after", "millis": 4000}}, "api": "change_room_owner"}' $S/control/faults
//! curl $S/control/faults
//! curl -X DELETE $S/control/faults
//! ```
//!
//! A PUT replaces the whole room and is not announced; `/owner` is a change in the app, which is. See [`Fault`] and [`FaultKind`] for all that can go wrong.

mod control;
mod fault;
mod gateway;
mod live;
mod order;
mod reply;
mod server;
mod settings;
mod state;
mod user_sig;
mod webhook;

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::Notify;

pub use self::fault::{Fault, FaultKind, When};
pub use self::order::Api;
pub use self::settings::{SameOwner, Settings, Webhook};
use self::state::State;
pub use self::state::{Call, OwnerChange, Room};
use self::webhook::Announcer;
pub use self::webhook::callback_sign;
use super::callbacks::CHANGE_OF_OWNER;

/// Where the simulator gets the time from: it decides whether a UserSig has expired and how fast calls come.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The simulated service. Clones share one world.
#[derive(Clone)]
pub struct Simulator(Arc<Inner>);

struct Inner {
    settings: Settings,
    clock: Clock,
    state: Mutex<State>,
    changed: Notify,
    announcer: Option<Announcer>,
}

impl Simulator {
    /// A service without rooms, on the machine's time.
    pub fn new(settings: Settings) -> Self {
        Self::with_clock(settings, system_clock())
    }

    /// A service without rooms, on a time of your own. While it stands still, rates do not recover.
    pub fn with_clock(settings: Settings, clock: Clock) -> Self {
        let state = Mutex::new(State::new(&settings));
        let announcer = Announcer::new(&settings);
        Self(Arc::new(Inner { settings, clock, state, changed: Notify::new(), announcer }))
    }

    /// Serves until `shutdown` completes, then lets answers under way finish, which ends stalls early.
    ///
    /// Give it a listener on a loopback address: `/control` asks for no password. A clone may run again
    /// afterwards, in the same world. Fails only if the listener does.
    pub async fn run(self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        server::run(self, listener, shutdown).await
    }

    /// Puts up a public room of type `Live`, in the place of one with this id. Nothing is announced.
    pub fn put_room(&self, id: impl Into<String>, owner: impl Into<String>) {
        self.put(Room::new(id, owner, self.now()));
    }

    /// Puts up a room, in the place of one with the same id. Nothing is announced.
    pub fn put(&self, room: Room) {
        self.write(|state| {
            state.stale.remove(&room.id);
            state.rooms.insert(room.id.clone(), room);
        });
    }

    /// Hands a room over as its owner does in the app, and announces it; `false` if there is no such room.
    pub fn hand_over(&self, room: &str, new_owner: impl Into<String>, operator: impl Into<String>) -> bool {
        let (to, operator, at) = (new_owner.into(), operator.into(), self.now());
        let from = self.write(|state| {
            state.stale.remove(room);
            state.rooms.get_mut(room).map(|room| std::mem::replace(&mut room.owner, to.clone()))
        });
        let Some(from) = from else { return false };
        let room = room.to_owned();
        self.announce(OwnerChange { room, from, to, operator, at, request_id: String::new() });
        true
    }

    /// Dissolves a room.
    pub fn remove_room(&self, id: &str) -> Option<Room> {
        self.write(|state| {
            state.stale.remove(id);
            state.rooms.remove(id)
        })
    }

    /// Bans an account from a room; `false` if there is no such room.
    pub fn ban(&self, room: &str, account: impl Into<String>) -> bool {
        self.write(|state| state.rooms.get_mut(room).map(|room| room.banned.insert(account.into()))).is_some()
    }

    /// The room as it is, whatever a stale read would answer.
    pub fn room(&self, id: &str) -> Option<Room> {
        self.read(|state| state.rooms.get(id).cloned())
    }

    /// The room's owner as it is, whatever a stale read would answer.
    pub fn owner_of(&self, room: &str) -> Option<String> {
        self.read(|state| state.rooms.get(room).map(|room| room.owner.clone()))
    }

    /// All calls to the APIs in the order of arrival, refused ones too; the last 100,000.
    pub fn calls(&self) -> Vec<Call> {
        self.read(|state| state.calls.iter().cloned().collect())
    }

    /// How many calls to the APIs have come so far, refused ones too.
    pub fn arrived(&self) -> u64 {
        self.read(|state| state.arrived)
    }

    /// All changes of owner that calls made, in their order; the last 100,000.
    pub fn owner_changes(&self) -> Vec<OwnerChange> {
        self.read(|state| state.owner_changes.iter().cloned().collect())
    }

    /// How many `change_room_owner` calls for this room were ever under way at once.
    ///
    /// A call is under way from its arrival until its answer is made or its connection closed, and also while
    /// it stalls and its caller has left; a late commit is not.
    pub fn max_concurrent_changes(&self, room: &str) -> u32 {
        self.read(|state| state.most_changes_under_way(room))
    }

    /// Makes calls fail from now on. A fault that could never strike is kept, and logged as a warning.
    pub fn inject(&self, fault: Fault) {
        if let Err(problem) = fault.check() {
            tracing::warn!(?fault, problem, "this fault does not make sense");
        }
        self.write(|state| state.faults.push(fault));
    }

    /// The faults in waiting, each with the `times` it has left.
    pub fn faults(&self) -> Vec<Fault> {
        self.read(|state| state.faults.clone())
    }

    /// Makes calls succeed again. Stale reads that have begun go on.
    pub fn clear_faults(&self) {
        self.write(|state| state.faults.clear());
    }

    /// Waits until `condition` holds; it is asked again after every change of the world.
    ///
    /// It may wait for ever: put a deadline around it.
    pub async fn until(&self, condition: impl Fn(&Self) -> bool) {
        loop {
            let mut changed = pin!(self.0.changed.notified());
            // A change between the question and the wait must not be missed.
            changed.as_mut().enable();
            if condition(self) {
                return;
            }
            changed.await;
        }
    }

    fn settings(&self) -> &Settings {
        &self.0.settings
    }

    fn now(&self) -> Timestamp {
        (self.0.clock)()
    }

    fn announce(&self, change: OwnerChange) {
        let (callback, token) = self.read(|state| {
            let token = state.callback_token.clone().filter(|(_, enabled)| *enabled).map(|(token, _)| token);
            (state.callback.clone(), token)
        });
        let wanted =
            callback.filter(|callback| callback.commands.iter().any(|command| command == CHANGE_OF_OWNER));
        if let (Some(announcer), Some(callback)) = (&self.0.announcer, wanted) {
            announcer.announce(callback, token.as_ref(), change, self.now());
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No half-made change is left behind by a panic that cannot be looked at.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.lock())
    }

    fn write<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.lock());
        self.0.changed.notify_waiters();
        result
    }
}

impl std::fmt::Debug for Simulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulator").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the simulator stands in for another machine, which has a clock of its own"
)]
fn system_clock() -> Clock {
    Arc::new(Timestamp::now)
}
