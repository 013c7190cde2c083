//! Turning commands away when there are too many: in words, and on record as far as that can be afforded.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tracing::{debug, warn};

use super::CommandService;
use crate::app::limits::{Gate, Limits, Pace, Place};
use crate::app::ports::{Admission, Admitted};
use crate::domain::admission::Verdict;
use crate::domain::command::{Command, CommandRequest, Place as Origin};
use crate::domain::principal::Subject;
use crate::domain::reply::{Reply, Shed};
use crate::domain::room::RoomId;

/// How many records of commands that were turned away are waited for at once. In a greater flood the rest are
/// answered with words and a line in the bot's own log alone: nothing was done that would need a record, and
/// the disk is left to those who are served.
const MOST_RECORDS: usize = 256;

/// What is taken on, and how much has been.
pub(super) struct Shedding {
    gate: Arc<Gate>,
    people: Pace<Subject>,
    rooms: Pace<RoomId>,
    records: AtomicUsize,
}

impl Shedding {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            gate: Gate::new(limits),
            people: Pace::new(),
            rooms: Pace::new(),
            records: AtomicUsize::new(0),
        }
    }
}

impl CommandService {
    /// A place for the request, in its turn; or why it cannot have one.
    pub(in crate::app) async fn enter(&self, request: &CommandRequest) -> Result<Place, Shed> {
        let Shedding { gate, people, .. } = &self.shedding;
        let subject = &request.principal.subject;
        if let Some(limit) = gate.limits().per_person
            && request.place != Origin::Local
            && !people.admits(subject, limit, self.clock.now())
        {
            return Err(Shed::Person(limit));
        }
        // Who asks about no room waits in a line of their own.
        match request.command.as_ref().ok().and_then(Command::room) {
            Some(room) => gate.enter(room.as_str()).await,
            None => gate.enter(&subject.to_string()).await,
        }
    }

    /// Whether the room has had its share. Only what is permitted counts: nobody without a right to the room
    /// can use it up.
    pub(super) fn room_is_worn_out(&self, request: &CommandRequest, verdict: &Verdict) -> Option<Shed> {
        let limit = self.shedding.gate.limits().per_room?;
        let (Verdict::Transfer(..) | Verdict::Lookup(_)) = verdict else { return None };
        let room = request.command.as_ref().ok().and_then(Command::room)?;
        (!self.shedding.rooms.admits(room, limit, self.clock.now())).then_some(Shed::Room(limit))
    }

    /// Answers a request that is not taken on. Nothing is done; a record is made if there is room for it.
    pub(in crate::app) async fn turn_away(&self, request: &CommandRequest, why: Shed) -> Reply {
        let records = &self.shedding.records;
        if records.fetch_add(1, Ordering::Relaxed) >= MOST_RECORDS {
            records.fetch_sub(1, Ordering::Relaxed);
            let (actor, command) = (&request.principal.subject, &request.typed);
            warn!(%actor, ?command, %why, "turned away without a record");
            return Reply::TurnedAway { operation: None, why };
        }
        let admission = Admission::Request {
            request: Box::new(request.clone()),
            verdict: Verdict::TurnedAway(why.to_string()),
            acl_version: None,
            decline_if_busy: true,
        };
        let admitted = self.store.admit(admission, self.clock.now()).await;
        records.fetch_sub(1, Ordering::Relaxed);
        match admitted {
            Ok(Admitted::Recorded(operation)) => {
                debug!(operation = operation.seq(), %why, "turned away");
                Reply::TurnedAway { operation: Some(operation), why }
            }
            Ok(Admitted::Duplicate { operation, first }) => {
                Reply::Duplicate { operation, first: Box::new(first) }
            }
            Ok(other) => {
                warn!(?other, "unexpected answer to a command that was turned away");
                Reply::TurnedAway { operation: None, why }
            }
            Err(error) => super::not_recorded(&error),
        }
    }
}
