//! Requests for access, inside the writer's transaction: what is open, who is shown it, how it was answered.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use crate::app::ports::StoreError;
use crate::domain::admission::Asking;
use crate::domain::asking::{AccessAnswer, AccessRequest, Addressee, answers};
use crate::domain::audit::{Event, OperationId, What};
use crate::domain::principal::{Channel, Subject};
use crate::domain::room::RoomId;

use super::buttons;
use super::log::LogTransaction;
use super::rows;

/// A request with its answer, for [`request`].
pub(super) const SELECT: &str = "
    SELECT asked.operation, asked.person, made.actor_name, asked.room, asked.channel, made.reason, asked.asked_at,
        asked.lapses_at, asked.answered_in, answer.actor, answer.actor_name, answer.at, grants.id, grants.expires_at
    FROM access_requests AS asked
        JOIN operations AS made ON made.operation = asked.operation
        LEFT JOIN operations AS answer ON answer.operation = asked.answered_in
        LEFT JOIN grants ON grants.granted_in = asked.answered_in";

/// The request of a row of [`SELECT`].
pub(super) fn request(row: &impl rows::Columns) -> Result<AccessRequest, StoreError> {
    let answer = match row.integer(8)? {
        None => None,
        Some(operation) => Some(AccessAnswer {
            operation: OperationId::new(operation),
            by: rows::optional(row, 9)?,
            name: rows::owned(row, 10)?,
            at: rows::time(row, 11)?,
            grant: row.integer(12)?,
            until: rows::optional_time(row, 13)?,
        }),
    };
    Ok(AccessRequest {
        operation: OperationId::new(rows::number(row, 0)?),
        person: rows::parsed(row, 1)?,
        name: rows::owned(row, 2)?,
        room: rows::parsed(row, 3)?,
        channel: rows::parsed(row, 4)?,
        reason: rows::owned(row, 5)?,
        asked_at: rows::time(row, 6)?,
        lapses_at: rows::time(row, 7)?,
        answer,
    })
}

fn one_where(
    log: &LogTransaction<'_>,
    condition: &str,
    values: impl rusqlite::Params,
) -> Result<Option<AccessRequest>, StoreError> {
    let mut statement = log.connection.prepare_cached(&format!("{SELECT} WHERE {condition}"))?;
    let mut rows = statement.query(values)?;
    rows.next()?.map(request).transpose()
}

/// The request that an operation made.
pub(super) fn named(
    log: &LogTransaction<'_>,
    operation: OperationId,
) -> Result<Option<AccessRequest>, StoreError> {
    one_where(log, "asked.operation = ?", [operation.seq()])
}

/// The request of somebody for a room that can still be answered.
pub(super) fn open_of(
    log: &LogTransaction<'_>,
    person: &Subject,
    room: &RoomId,
    now: Timestamp,
) -> Result<Option<AccessRequest>, StoreError> {
    one_where(
        log,
        "(asked.person = ?1 OR asked.person IN (
             SELECT other.key FROM acl_settings AS own JOIN acl_settings AS other USING (kind, value)
             WHERE kind = 'link' AND own.key = ?1 AND own.removed_at IS NULL AND other.removed_at IS NULL))
         AND asked.room = ?2 AND asked.answered_in IS NULL AND asked.lapses_at > ?3",
        params![person.to_string(), room.as_str(), now.as_millisecond()],
    )
}

/// The first request that can still be answered.
pub(super) fn first_open(connection: &Connection, now: Timestamp) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT min(operation) FROM access_requests WHERE answered_in IS NULL AND lapses_at > ?";
    Ok(connection.query_row(sql, [now.as_millisecond()], |row| row.get(0))?)
}

/// With the newest event, which makes the request: it is to be shown, with the buttons that answer it.
pub(super) fn begin(
    log: &LogTransaction<'_>,
    operation: OperationId,
    asking: &Asking,
    channel: &Channel,
    at: Timestamp,
) -> Result<(), StoreError> {
    buttons::offer(log, operation, answers(operation, asking.access.lapses_at), at)?;
    asking.shown_to.iter().try_for_each(|addressee| tell(log, operation, addressee, channel, at))
}

/// A request was answered by an operation, until then if it was granted. Whoever asked is told, and whoever was shown
/// the request is shown the answer in its place.
pub(super) fn answer(
    log: &mut LogTransaction<'_>,
    request: &AccessRequest,
    by: OperationId,
    until: Option<Timestamp>,
    at: Timestamp,
) -> Result<(), StoreError> {
    let operation = request.operation;
    log.append(operation, at, What::Answered { by, until })?;
    let asker = Addressee::Person(request.person.clone());
    // First of all, who waits for it.
    for addressee in [&asker].into_iter().chain(&shown_to(log, operation)?) {
        tell(log, operation, addressee, &request.channel, at)?;
    }
    let done = "UPDATE buttons SET pressed_in = ? WHERE operation = ? AND pressed_in IS NULL";
    log.connection.prepare_cached(done)?.execute([by.seq(), operation.seq()])?;
    Ok(())
}

/// Somebody is to be told of the newest event. What they were to be told of the operation before is out of date.
fn tell(
    log: &LogTransaction<'_>,
    operation: OperationId,
    addressee: &Addressee,
    channel: &Channel,
    at: Timestamp,
) -> Result<(), StoreError> {
    let (target, channel, person) = match addressee {
        Addressee::Channel(channel) => {
            ("channel) WHERE operation IS NOT NULL AND person IS NULL", channel, None)
        }
        Addressee::Person(person) => {
            ("person) WHERE operation IS NOT NULL AND person IS NOT NULL", channel, Some(person.to_string()))
        }
    };
    let sql = format!(
        "INSERT INTO announcements_due (channel, person, operation, event, since) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (operation, {target} DO UPDATE SET
             event = excluded.event, since = excluded.since, instance = '', perhaps_sent = 0, tries = 0,
             failed_at = 0, not_before = 0"
    );
    let event = log.size().cast_signed();
    let values = params![channel.to_string(), person, operation.seq(), event, at.as_millisecond()];
    log.connection.prepare_cached(&sql)?.execute(values)?;
    Ok(())
}

/// Who was shown the request, or still is to be.
fn shown_to(log: &LogTransaction<'_>, operation: OperationId) -> Result<Vec<Addressee>, StoreError> {
    let sql = "SELECT channel, person FROM announcements_due WHERE operation = ?";
    let mut statement = log.connection.prepare_cached(sql)?;
    let due = statement.query_and_then([operation.seq()], |row| {
        Ok::<_, StoreError>(match rows::optional(row, 1)? {
            Some(person) => Addressee::Person(person),
            None => Addressee::Channel(rows::parsed(row, 0)?),
        })
    })?;
    let mut all: Vec<Addressee> = due.collect::<Result<_, _>>()?;
    for event in events(log, operation)? {
        let What::Announced(announced) = event.what else { continue };
        if announced.message.is_some() {
            all.push(match announced.to {
                Some(person) => Addressee::Person(person),
                None => Addressee::Channel(announced.channel),
            });
        }
    }
    all.sort();
    all.dedup();
    Ok(all)
}

/// Whether it is on record what became of an announcement to a person.
pub(super) fn is_recorded(
    log: &LogTransaction<'_>,
    operation: OperationId,
    person: &Subject,
    event: i64,
) -> Result<bool, StoreError> {
    let is_it = |other: &Event| match &other.what {
        What::Announced(announced) => announced.event == event && announced.to.as_ref() == Some(person),
        _ => false,
    };
    Ok(events(log, operation)?.iter().any(is_it))
}

/// The events of an operation.
fn events(log: &LogTransaction<'_>, operation: OperationId) -> Result<Vec<Event>, StoreError> {
    let sql = "SELECT body FROM audit_events WHERE operation = ? ORDER BY seq";
    let mut statement = log.connection.prepare_cached(sql)?;
    let events = statement.query_and_then([operation.seq()], |row| {
        let body: String = row.get(0)?;
        Event::parse(body.as_bytes()).map_err(StoreError)
    })?;
    events.collect()
}
