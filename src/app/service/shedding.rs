//! Load shedding: commands over a limit are refused with words, and recorded as long as the disk keeps up.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tracing::{debug, warn};

use super::CommandService;
use crate::app::limits::{FairSemaphore, Limits, RateLimiter, Slot};
use crate::app::ports::{Admission, Admitted};
use crate::domain::admission::Verdict;
use crate::domain::command::{Command, CommandRequest, Place as Origin};
use crate::domain::principal::Subject;
use crate::domain::reply::{Overload, Reply};
use crate::domain::room::RoomId;

/// How many records of refused commands are written at once. In a greater flood the rest get words and a log line
/// only: nothing was done that would need a record, and the disk is left to the commands that are served.
const MOST_RECORDS: usize = 256;

/// The limits, and what was counted against them.
pub(super) struct Shedding {
    semaphore: Arc<FairSemaphore>,
    people: RateLimiter<Subject>,
    rooms: RateLimiter<RoomId>,
    records: AtomicUsize,
}

impl Shedding {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            semaphore: FairSemaphore::new(limits),
            people: RateLimiter::default(),
            rooms: RateLimiter::default(),
            records: AtomicUsize::new(0),
        }
    }
}

impl CommandService {
    /// A slot for the request, in its turn; or why it cannot have one.
    pub(in crate::app) async fn enter(&self, request: &CommandRequest) -> Result<Slot, Overload> {
        let Shedding { semaphore, people, .. } = &self.shedding;
        let subject = &request.principal.subject;
        if let Some(limit) = semaphore.limits().per_person
            && request.place != Origin::Local
            && !people.admits(subject, limit, self.clock.now())
        {
            return Err(Overload::Person(limit));
        }
        // A command about no room waits in a line of its author's own.
        match request.command.as_ref().ok().and_then(Command::room) {
            Some(room) => semaphore.enter(room.as_str()).await,
            None => semaphore.enter(&subject.to_string()).await,
        }
    }

    /// Whether the room is over its limit. Only permitted commands count: nobody without a right to the room can use
    /// it up.
    pub(super) fn over_room_limit(&self, request: &CommandRequest, verdict: &Verdict) -> Option<Overload> {
        let limit = self.shedding.semaphore.limits().per_room?;
        let (Verdict::Transfer(..) | Verdict::Held(..) | Verdict::Lookup(_)) = verdict else { return None };
        let room = request.command.as_ref().ok().and_then(Command::room)?;
        (!self.shedding.rooms.admits(room, limit, self.clock.now())).then_some(Overload::Room(limit))
    }

    /// Refuses a request because of a limit. It is recorded if there is room for that.
    pub(in crate::app) async fn turn_away(&self, request: &CommandRequest, why: Overload) -> Reply {
        let records = &self.shedding.records;
        if records.fetch_add(1, Ordering::Relaxed) >= MOST_RECORDS {
            records.fetch_sub(1, Ordering::Relaxed);
            let (actor, command) = (&request.principal.subject, &request.typed);
            warn!(%actor, ?command, %why, "turned away without a record");
            return Reply::RateLimited { operation: None, why };
        }
        let admission = Admission::Request {
            request: Box::new(request.clone()),
            verdict: Verdict::Declined(why.to_string()),
            acl_version: None,
            decline_if_busy: true,
            is_answered_later: false,
        };
        let admitted = self.store.admit(admission, self.clock.now()).await;
        records.fetch_sub(1, Ordering::Relaxed);
        match admitted {
            Ok(Admitted::Recorded(operation)) => {
                super::note_operation(operation);
                debug!(operation = operation.seq(), %why, "turned away");
                Reply::RateLimited { operation: Some(operation), why }
            }
            Ok(Admitted::Duplicate { operation, first }) => {
                Reply::Duplicate { operation, first: Box::new(first) }
            }
            Ok(other) => {
                warn!(?other, "unexpected answer to a command that was turned away");
                Reply::RateLimited { operation: None, why }
            }
            Err(error) => super::not_recorded(&error),
        }
    }
}
