//! What every command goes through, from whichever door: a slot in its turn, one decision, one record, one outcome.
//!
//! What each command does is in [`commands`](super::commands), which begins with `CommandService::handle`.

mod admission;
mod announcing;
pub(super) mod asking;
mod clearing;
mod config;
mod in_flight;
mod linking;
mod notifying;
mod observing;
mod pace;
mod pending;
mod recording;
mod recovery;
mod shedding;

use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;
use tracing::{Span, error, field, info_span};

use announcing::Announcing;
use in_flight::InFlight;
use observing::Notices;
use pending::Replies;
use recovery::{Admissions, Watched};
use shedding::Shedding;

use super::announcements::Announcements;
use super::console::Console;
use super::limits::Limits;
use super::live_rooms::LiveRooms;
use super::ports::{Clock, Directory, Known, Observer, RoomControl, Store, StoreError};
use super::replies::Outbox;
use crate::domain::access::{AclView, Action, Decision, decide};
use crate::domain::audit::OperationId;
use crate::domain::command::Place;
use crate::domain::principal::Principal;
use crate::domain::reply::Reply;
use crate::domain::reply_note::{HowReplied, ReplyNote};
use crate::domain::room::{Accounts, RoomId};

pub(super) use admission::{Held, Next, OnRecord};
pub use config::{ServiceConfig, Timing};
pub(super) use recording::Recorded;

/// Carries commands out. One per process; adapters share it.
pub struct CommandService {
    pub(super) store: Arc<dyn Store>,
    pub(super) rooms: Arc<dyn RoomControl>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) timing: Timing,
    pub(super) directory: Arc<dyn Directory>,
    pub(super) live_rooms: LiveRooms,
    pub(super) accounts: Accounts,
    confirm_new_accounts: bool,
    console: Option<Console>,
    in_flight: InFlight,
    watched: Watched,
    admissions: Admissions,
    notices: Notices,
    shedding: Shedding,
    replies: Replies,
    announcing: Announcing,
    tasks: TaskTracker,
}

impl CommandService {
    /// A service on these ports.
    pub fn new(
        store: Arc<dyn Store>,
        rooms: Arc<dyn RoomControl>,
        clock: Arc<dyn Clock>,
        observer: Arc<dyn Observer>,
        timing: Timing,
    ) -> Self {
        let tasks = TaskTracker::new();
        Self {
            live_rooms: LiveRooms::new(Arc::clone(&rooms), tasks.clone()),
            store,
            rooms,
            clock,
            observer,
            timing,
            directory: Arc::new(Known::default()),
            accounts: Accounts::default(),
            confirm_new_accounts: false,
            console: None,
            in_flight: InFlight::default(),
            watched: Watched::default(),
            admissions: Admissions::default(),
            notices: Notices::default(),
            shedding: Shedding::new(Limits::default()),
            replies: Replies::default(),
            announcing: Announcing::default(),
            tasks,
        }
    }

    /// With a directory of the groups that grants may name.
    #[must_use]
    pub fn with_directory(self, directory: Arc<dyn Directory>) -> Self {
        Self { directory, ..self }
    }

    /// With other limits than the usual ones.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { shedding: Shedding::new(limits), ..self }
    }

    /// With another rule for account ids than Tencent's.
    #[must_use]
    pub fn with_accounts(self, accounts: Accounts) -> Self {
        Self { accounts, ..self }
    }

    /// Whether a hand-over to an account that the log has never seen has to be confirmed.
    #[must_use]
    pub fn confirming_new_accounts(self, confirm_new_accounts: bool) -> Self {
        Self { confirm_new_accounts, ..self }
    }

    /// With durable storage for pending replies.
    #[must_use]
    pub fn with_reply_book(self, book: Arc<dyn Outbox>) -> Self {
        Self { replies: Replies::kept_in(book), ..self }
    }

    /// With durable storage for announcements.
    #[must_use]
    pub fn with_announcements(self, book: Arc<dyn Announcements>) -> Self {
        Self { announcing: Announcing::kept_in(book), ..self }
    }

    /// With a console, or without one.
    #[must_use]
    pub fn with_console(self, console: Option<Console>) -> Self {
        Self { console, ..self }
    }

    /// The console, if there is one.
    pub fn console(&self) -> Option<&Console> {
        self.console.as_ref()
    }

    /// The time.
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Who is in which group.
    pub fn directory(&self) -> &dyn Directory {
        &*self.directory
    }

    /// How many watch a room, as far as the list of live rooms says so within a second: for whoever may see the room.
    pub async fn viewers(&self, room: &RoomId) -> Option<u64> {
        self.live_rooms.viewers(room).await
    }

    /// The store, to read the record of a command.
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Who counts and measures, for what only a door sees.
    pub fn observer(&self) -> &dyn Observer {
        &*self.observer
    }

    /// Runs a piece of work to its end, even if whoever asked for it goes away; a shutdown waits for it.
    pub fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        self.tasks.spawn(work)
    }

    /// Waits until all work has ended. No new work may be started.
    pub async fn drain(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Whether the caller may do something here, to decide what to show. It authorises nothing: see `admit`.
    pub(super) fn may(&self, principal: &Principal, place: &Place, action: Action, acl: &AclView) -> bool {
        matches!(decide(principal, place, action, acl, self.clock.now()), Decision::Permit(_))
    }

    /// Records that the reply to an operation took another way than usual, or was lost. The usual case costs no
    /// commit.
    pub async fn note_reply(
        &self,
        operation: Option<OperationId>,
        how: HowReplied,
        why: impl std::fmt::Display,
    ) {
        let Some(operation) = operation else { return };
        let note = ReplyNote { how, why: why.to_string() };
        self.observer.replied(how);
        if let Err(problem) = self.store.note_reply(operation, &note, self.clock.now()).await {
            error!(operation = operation.seq(), %note, error = %problem, "a note about a reply could not be recorded");
        }
    }
}

/// The span of one operation's log lines. Its number is [noted](note_operation) as soon as it has one.
pub(super) fn span() -> Span {
    info_span!("operation", op = field::Empty)
}

/// The log lines from here on are about this operation.
pub(super) fn note_operation(operation: OperationId) {
    Span::current().record("op", operation.seq());
}

/// The span of an operation that has its number.
fn span_of(operation: OperationId) -> Span {
    info_span!("operation", op = operation.seq())
}

pub(super) fn not_recorded(problem: &StoreError) -> Reply {
    error!(error = %problem, "nothing was done: the store failed");
    Reply::NotRecorded
}
