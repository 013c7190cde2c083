//! The end of the log, inside a transaction that appends to it.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::app::ports::StoreError;
use crate::domain::audit::{AuditEntry, Event, OperationId, Request, SystemChange, What};
use crate::merkle::{Checkpoint, Frontier, SigningKey, Tile, record_hash};

use super::projections::{self, change_one};
use super::{rows, tiles};

/// Of `audit_events`: the rows that are read. What an archive holds is read from there alone, whatever has its number
/// in the table: a run that broke off leaves some, and who owns the file can put others there.
pub(super) const NOT_ARCHIVED: &str = "seq > (SELECT coalesce(max(last), 0) FROM archives)";

/// From so many milliseconds on it counts as a step of the clock: longer than a write waits for another process, whose
/// record may be a little younger.
const CLOCK_STEP_MS: i64 = 2_000;

/// To the millisecond: what is applied now is what will be read again.
pub(super) fn as_kept(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

/// Where the log ends.
#[derive(Clone)]
pub(super) struct LogTail {
    frontier: Frontier,
    /// The newest time in the log.
    newest: Timestamp,
}

impl LogTail {
    /// The tail as the database has it.
    ///
    /// # Errors
    /// When the log is not as long as its signed tree.
    pub(super) fn read(connection: &Connection) -> Result<Self, StoreError> {
        let last = "SELECT seq, body FROM audit_events ORDER BY seq DESC LIMIT 1";
        let last: Option<(i64, String)> =
            connection.query_row(last, [], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let (events, body) = last.unwrap_or_default();
        let signed: i64 = connection.query_row("SELECT size FROM signed_head", [], |row| row.get(0))?;
        if signed != events {
            return Err(StoreError(format!(
                "the audit log has {events} events and its signed tree {signed}: something else than this program \
                 changed it; find out what with `room-owner audit verify`"
            )));
        }
        let newest = match Event::parse(body.as_bytes()) {
            Ok(event) => event.at,
            Err(_) if events == 0 => Timestamp::MIN,
            Err(why) => {
                return Err(StoreError(format!(
                    "event {events} cannot be read: {why}; see `room-owner audit verify`"
                )));
            }
        };
        Ok(Self { frontier: tiles::frontier(connection, signed.unsigned_abs())?, newest })
    }

    pub(super) fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    fn last(&self) -> i64 {
        i64::try_from(self.frontier.size()).unwrap_or(i64::MAX)
    }
}

/// A transaction that may append to the log. What it appends is applied to the tables at once.
pub(super) struct LogTransaction<'a> {
    pub(super) connection: &'a Connection,
    pub(super) instance: &'a str,
    tail: LogTail,
    /// The size of the log when it began.
    began: u64,
    /// The tiles that it has filled.
    filled: Vec<Tile>,
}

/// A place in a transaction to go back to.
pub(super) struct Mark(LogTail, usize);

impl<'a> LogTransaction<'a> {
    pub(super) fn begin(connection: &'a Connection, instance: &'a str, tail: LogTail) -> Self {
        let began = tail.frontier.size();
        Self { connection, instance, tail, began, filled: Vec::new() }
    }

    /// How many events there are.
    pub(super) fn size(&self) -> u64 {
        self.tail.frontier.size()
    }

    /// The operation that begins with the next event. If the clock was set back, the log says so first.
    pub(super) fn next_operation(&mut self, at: Timestamp) -> Result<OperationId, StoreError> {
        let by_ms = self.tail.newest.as_millisecond().saturating_sub(at.as_millisecond());
        if by_ms >= CLOCK_STEP_MS {
            // Once: the next events are compared with this one.
            self.tail.newest = at;
            let operation = OperationId::new(self.tail.last() + 1);
            self.append(operation, at, What::System(SystemChange::ClockSetBack { by_ms }))?;
        }
        Ok(OperationId::new(self.tail.last() + 1))
    }

    /// Appends the first event of an operation.
    pub(super) fn begin_operation(&mut self, at: Timestamp, what: What) -> Result<OperationId, StoreError> {
        let operation = self.next_operation(at)?;
        self.append(operation, at, what)?;
        Ok(operation)
    }

    /// Appends a request, which begins an operation.
    pub(super) fn record(&mut self, at: Timestamp, request: Request) -> Result<OperationId, StoreError> {
        self.begin_operation(at, What::Requested(Box::new(request)))
    }

    /// Appends an event.
    pub(super) fn append(
        &mut self,
        operation: OperationId,
        at: Timestamp,
        what: What,
    ) -> Result<(), StoreError> {
        let at = as_kept(at);
        let event = Event::new(self.tail.last() + 1, operation, at, what);
        let body = rows::json(&event)?;
        change_one(
            self.connection,
            "INSERT INTO audit_events (seq, operation, body) VALUES (?, ?, ?)",
            params![event.seq, operation.seq(), body],
        )?;
        projections::apply(self.connection, &event)
            .map_err(|error| StoreError(format!("event {}: {error}", event.seq)))?;
        let filled = &mut self.filled;
        self.tail.frontier.push(record_hash(body.as_bytes()), |tile| filled.push(tile));
        self.tail.newest = self.tail.newest.max(at);
        Ok(())
    }

    /// The entry that a condition finds.
    pub(super) fn entry_where(
        &self,
        condition: &str,
        values: impl rusqlite::Params,
    ) -> Result<Option<AuditEntry>, StoreError> {
        let sql = format!("SELECT {} FROM operations WHERE {condition}", rows::ENTRY);
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut found = statement.query(values)?;
        found.next()?.map(rows::entry).transpose()
    }

    /// Whether a question has an answer.
    pub(super) fn exists(&self, sql: &str, values: impl rusqlite::Params) -> Result<bool, StoreError> {
        let sql = format!("SELECT EXISTS ({sql})");
        Ok(self.connection.prepare_cached(&sql)?.query_row(values, |row| row.get(0))?)
    }

    /// The version of the ACL, as the transaction sees it.
    pub(super) fn acl_version(&self) -> Result<i64, StoreError> {
        let sql = "SELECT version FROM acl_version WHERE one = 1";
        Ok(self.connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
    }

    pub(super) fn mark(&self) -> Mark {
        Mark(self.tail.clone(), self.filled.len())
    }

    /// After what came behind the mark was rolled back.
    pub(super) fn back_to(&mut self, Mark(tail, filled): Mark) {
        self.tail = tail;
        self.filled.truncate(filled);
    }

    /// Writes the tree and signs its head, before the commit. The head, `None` if nothing was appended; and the log's
    /// end, for the next transaction.
    pub(super) fn seal(self, key: &SigningKey) -> Result<(Option<Checkpoint>, LogTail), StoreError> {
        let size = self.tail.frontier.size();
        if size == self.began {
            return Ok((None, self.tail));
        }
        tiles::grow(self.connection, self.began, &self.tail.frontier, &self.filled)?;
        let checkpoint = tiles::sign(&self.tail.frontier, key)?;
        change_one(
            self.connection,
            "UPDATE signed_head SET size = ?, checkpoint = ?, key = ? WHERE one = 1",
            params![self.tail.last(), checkpoint.as_str(), key.verifier_key().as_str()],
        )?;
        Ok((Some(checkpoint), self.tail))
    }
}
