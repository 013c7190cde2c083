//! Writing operations down, inside the writer's transaction.

use std::collections::HashSet;

use jiff::Timestamp;
use sqlx::sqlite::SqliteConnection;

use crate::app::ports::Admission;
use crate::domain::admission::Verdict;
use crate::domain::audit::{AuditEntry, OperationId, Outcome, OutcomeKind, millis};
use crate::domain::room::AccountId;
use crate::tree::{Checkpoint, SigningKey};

use super::batch::{Answers, Beginning, Failed, OperationRow, Questions, Rows};
use super::event::{Event, What};
use super::foresight::{Left, LogEnd};
use super::rows::{self, Counted as _, Open};
use super::texts::Behind;
use super::tree::Growth;
use crate::domain::access::{Action, ChangedEntry, Permit};
use crate::domain::archive::Archived;
use crate::domain::command::{Command, CommandRequest};

/// The log's end, as the transaction sees it, and what the transaction adds to it.
///
/// What is added waits in [`Rows`] so that it is written together. Whoever reads the database inside the
/// transaction flushes before; whoever asks the ledger need not.
pub(super) struct Ledger {
    began_after: i64,
    next_seq: i64,
    acl_version: i64,
    data_version: i64,
    indexed_upto: i64,
    instance: String,
    growth: Growth,
    rows: Rows,
    answers: Answers,
    changed: Changed,
    /// What the transaction is taken to begin with; `None` if it has begun.
    foreseen: Option<LogEnd>,
    begun: Vec<AuditEntry>,
    touched: Vec<OperationId>,
}

/// What this transaction has changed since its questions were answered.
#[derive(Default)]
struct Changed {
    /// Anything, by a job that does not say what.
    all: bool,
    deliveries: HashSet<String>,
    rooms: HashSet<String>,
    operations: HashSet<OperationId>,
}

/// What an operation's first event says beside its entry.
#[derive(Default)]
pub(super) struct Beside<'a> {
    /// What it changed in the ACL.
    pub(super) acl_changes: &'a [ChangedEntry],
    /// Whether it is a transfer that begins.
    pub(super) holds_room: bool,
    /// Whether it reads the log.
    pub(super) reading: bool,
    /// The operation that it goes past.
    pub(super) overrides: Option<OperationId>,
    /// What it took out of the log.
    pub(super) archived: Option<&'a Archived>,
}

/// What an admission came to. The attempt itself is made only after the commit.
pub(super) enum Applied {
    Recorded(OperationId),
    Duplicate { operation: OperationId, first: AuditEntry },
    Busy { operation: Option<OperationId>, holder: Open },
    NotHeld { operation: OperationId, named: OperationId },
    AclChanged,
}

impl Ledger {
    /// Begins a write transaction: finds the end of the log, and the answers to what the batch will ask.
    pub(super) async fn begin(
        connection: &mut SqliteConnection,
        questions: &Questions,
        instance: &str,
    ) -> Result<Self, sqlx::Error> {
        Self::after(questions.ask(connection).await?, instance)
    }

    /// A transaction that is begun only as it is committed, if all is as foreseen then.
    pub(super) fn foreseen(beginning: Beginning, instance: &str) -> Result<Self, sqlx::Error> {
        let end = beginning.end.clone();
        Ok(Self { foreseen: Some(end), ..Self::after(beginning, instance)? })
    }

    fn after(beginning: Beginning, instance: &str) -> Result<Self, sqlx::Error> {
        let Beginning { end, tree_size, answers } = beginning;
        Ok(Self {
            growth: Growth::at(tree_size, &end.peaks, end.last_seq)?,
            began_after: end.last_seq,
            next_seq: end.last_seq + 1,
            acl_version: end.acl_version,
            data_version: end.data_version,
            indexed_upto: end.indexed_upto,
            instance: instance.to_owned(),
            rows: Rows::default(),
            answers,
            changed: Changed::default(),
            foreseen: None,
            begun: Vec::new(),
            touched: Vec::new(),
        })
    }

    /// Before a job that reads and writes the tables itself: it finds all that was added before it, and the
    /// answers hold no longer.
    pub(super) async fn hand_over(&mut self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        self.changed.all = true;
        self.flush(connection).await
    }

    /// Writes what waits, for somebody who reads the tables.
    async fn flush(&mut self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        if self.foreseen.is_some() {
            return Err(sqlx::Error::Protocol("more has to be known than was foreseen".to_owned()));
        }
        self.rows.flush(connection).await
    }

    /// The operation that begins with the next event.
    pub(super) fn next_operation(&self) -> OperationId {
        OperationId::new(self.next_seq)
    }

    /// How much of the log the index of texts does not have.
    pub(super) fn behind_index(&self) -> Behind {
        Behind::of(self.next_seq - 1, self.indexed_upto)
    }

    /// After the index of texts went on in this transaction: what is said of an operation later has to get there.
    pub(super) fn indexed(&mut self, behind: Behind) {
        self.indexed_upto = behind.indexed_upto(self.next_seq - 1);
    }

    /// Counts what other connections have committed, as this one sees it.
    pub(super) fn data_version(&self) -> i64 {
        self.data_version
    }

    /// The process that writes.
    pub(super) fn instance(&self) -> &str {
        &self.instance
    }

    /// The version of the ACL, as the transaction sees it.
    pub(super) fn acl_version(&self) -> i64 {
        self.acl_version
    }

    /// After a change of the ACL in this transaction.
    pub(super) async fn reread_acl_version(
        &mut self,
        connection: &mut SqliteConnection,
    ) -> Result<(), sqlx::Error> {
        self.acl_version =
            sqlx::query_scalar("SELECT version FROM acl_version WHERE one = 1").fetch_one(connection).await?;
        Ok(())
    }

    /// Writes what waits, signs the log's new head over it, and ends the transaction durably: the head, `None` if
    /// nothing was appended, and what the next transaction will find.
    pub(super) async fn commit(
        mut self,
        connection: &mut SqliteConnection,
        key: &SigningKey,
    ) -> Result<(Option<Checkpoint>, Left), Failed> {
        let peaks = self.growth.peaks();
        let sealed = self.growth.seal(key).map_err(Failed::Rows)?;
        self.rows.commit(connection, self.foreseen.as_ref(), sealed.as_ref()).await?;
        let end = LogEnd {
            last_seq: self.next_seq - 1,
            acl_version: self.acl_version,
            data_version: self.data_version,
            indexed_upto: self.indexed_upto,
            peaks,
        };
        let left = Left { began_after: self.began_after, end, begun: self.begun, touched: self.touched };
        Ok((sealed.map(|sealed| sealed.checkpoint), left))
    }

    /// Adds an event to the end of the log, and writes it.
    pub(super) async fn append(
        &mut self,
        connection: &mut SqliteConnection,
        operation: OperationId,
        what: What<'_>,
    ) -> Result<(), sqlx::Error> {
        self.add(operation, what)?;
        self.flush(connection).await
    }

    fn add(&mut self, operation: OperationId, what: What<'_>) -> Result<(), sqlx::Error> {
        let body = Event::new(self.next_seq, what).body()?;
        self.growth.add(&body);
        self.rows.events.push((self.next_seq, operation.seq(), body));
        self.next_seq += 1;
        Ok(())
    }

    /// Writes down an operation: its first event and its row.
    pub(super) async fn record(
        &mut self,
        connection: &mut SqliteConnection,
        entry: &AuditEntry,
        beside: Beside<'_>,
    ) -> Result<(), sqlx::Error> {
        self.add_operation(entry.clone(), beside)?;
        self.flush(connection).await
    }

    fn add_operation(&mut self, entry: AuditEntry, beside: Beside<'_>) -> Result<(), sqlx::Error> {
        let Beside { acl_changes, holds_room, reading, overrides, archived } = beside;
        let what = What::Requested { entry: &entry, acl_changes, reading, overrides, archived };
        self.add(entry.operation, what)?;
        if let Some(room) = entry.room.as_ref().filter(|_| holds_room) {
            self.changed.rooms.insert(room.as_str().to_owned());
        }
        self.changed.operations.insert(entry.operation);
        if entry.outcome == OutcomeKind::Pending {
            self.begun.push(entry.clone());
        }
        self.rows.operations.push(OperationRow {
            entry,
            instance: self.instance.clone(),
            holds_room,
            reading,
        });
        Ok(())
    }

    /// Closes an operation as it is, so that another can hold its room.
    async fn let_go(
        &mut self,
        connection: &mut SqliteConnection,
        entry: &AuditEntry,
    ) -> Result<(), sqlx::Error> {
        self.flush(connection).await?;
        self.touched.push(entry.operation);
        sqlx::query(
            "UPDATE operations SET error_info = ?, is_open = 0, held_room = NULL WHERE operation = ?",
        )
        .bind(entry.error_info.as_deref())
        .bind(entry.operation.seq())
        .changes(1, connection)
        .await?;
        self.reword(entry);
        self.changed.operations.insert(entry.operation);
        Ok(())
    }

    /// Corrects the outcome of an operation that is over: a callback, recorded before this, tells of its change.
    pub(super) async fn correct(
        &mut self,
        connection: &mut SqliteConnection,
        operation: OperationId,
        original_owner: Option<&AccountId>,
        at: Timestamp,
    ) -> Result<(), sqlx::Error> {
        let row = sqlx::query("SELECT * FROM operations WHERE operation = ? AND is_open = 0")
            .bind(operation.seq())
            .fetch_one(&mut *connection)
            .await?;
        let mut entry = rows::entry(&row)?;
        entry.correct(original_owner);
        sqlx::query(
            "UPDATE operations SET outcome = ?, error_info = ?, previous_owner = ? WHERE operation = ?",
        )
        .bind(entry.outcome.name())
        .bind(entry.error_info.as_deref())
        .bind(entry.previous_owner.as_deref())
        .bind(operation.seq())
        .execute(&mut *connection)
        .await?;
        self.touched.push(operation);
        self.changed.operations.insert(operation);
        self.reword(&entry);
        self.append(connection, operation, What::ended(&entry, at)).await
    }

    /// After other words came to an operation. What the index of texts has not got to yet, it finds with them.
    fn reword(&mut self, entry: &AuditEntry) {
        if entry.operation.seq() <= self.indexed_upto {
            self.rows.texts.push((entry.operation.seq(), words(entry)));
        }
    }

    fn add_claim(&mut self, entry: &AuditEntry) {
        let Some(delivery) = &entry.delivery_id else { return };
        self.changed.deliveries.insert(delivery.clone());
        self.rows.claims.push((delivery.clone(), entry.operation.seq()));
    }

    /// The entry that claimed the delivery, if it was claimed.
    async fn first_of(
        &mut self,
        connection: &mut SqliteConnection,
        delivery: &str,
    ) -> Result<Option<AuditEntry>, sqlx::Error> {
        let known = self.answers.claimed.get(delivery);
        let changed = known.is_some_and(|first| self.changed.operations.contains(&first.operation))
            || self.changed.deliveries.contains(delivery);
        if !self.changed.all && !changed {
            return Ok(known.cloned());
        }
        self.flush(connection).await?;
        first_of(connection, delivery).await
    }

    async fn holder_of(
        &mut self,
        connection: &mut SqliteConnection,
        room: &str,
    ) -> Result<Option<Open>, sqlx::Error> {
        let known = self.answers.holding.get(room);
        let changed = known.is_some_and(|holder| self.changed.operations.contains(&holder.entry.operation))
            || self.changed.rooms.contains(room);
        if !self.changed.all && !changed {
            return Ok(known.cloned());
        }
        self.flush(connection).await?;
        holder_of(connection, room).await
    }

    /// The operation's entry, if it is open.
    async fn open(
        &mut self,
        connection: &mut SqliteConnection,
        operation: OperationId,
    ) -> Result<Option<AuditEntry>, sqlx::Error> {
        if !self.changed.all && !self.changed.operations.contains(&operation) {
            return Ok(self.answers.open.get(&operation).cloned());
        }
        self.flush(connection).await?;
        let row = sqlx::query("SELECT * FROM operations WHERE operation = ? AND is_open = 1")
            .bind(operation.seq())
            .fetch_optional(connection)
            .await?;
        row.as_ref().map(rows::entry).transpose()
    }
}

/// What a search finds an operation by.
fn words(entry: &AuditEntry) -> String {
    let words = [Some(entry.command.as_str()), entry.reason.as_deref(), entry.error_info.as_deref()];
    words.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

/// What has to be known for an admission, of all that the database holds.
pub(super) fn ask_for(admission: &Admission, questions: &mut Questions) {
    let delivery = match admission {
        Admission::Request { request, .. } => request.delivery.as_ref(),
        Admission::Rejected(request) => request.delivery.as_ref(),
    };
    questions.deliveries.extend(delivery.map(|delivery| delivery.as_str().to_owned()));
    if let Admission::Request { request, verdict: Verdict::Transfer(..), .. } = admission {
        let room = request.command.as_ref().ok().and_then(Command::room);
        questions.rooms.extend(room.map(|room| room.as_str().to_owned()));
    }
}

/// Claims the delivery, checks that the decision still holds and that the room is free, and records.
pub(super) async fn admit(
    connection: &mut SqliteConnection,
    ledger: &mut Ledger,
    admission: &Admission,
    at: Timestamp,
) -> Result<Applied, sqlx::Error> {
    let operation = ledger.next_operation();
    let mut entry = match admission {
        Admission::Request { request, verdict, .. } => AuditEntry::begun(operation, at, request, verdict),
        Admission::Rejected(request) => AuditEntry::rejected(operation, at, request),
    };
    if let Some(delivery) = &entry.delivery_id
        && let Some(first) = ledger.first_of(connection, delivery).await?
    {
        entry.mark_duplicate(first.operation);
        ledger.add_operation(entry, Beside::default())?;
        return Ok(Applied::Duplicate { operation, first });
    }
    let mut holds_room = false;
    if admission.acl_version().is_some_and(|version| version != ledger.acl_version) {
        return Ok(Applied::AclChanged);
    }
    let mut overridden = None;
    if let Admission::Request { request, verdict: Verdict::Transfer(permit, _), decline_if_busy, .. } =
        admission
    {
        let room = entry.room.clone();
        let room = room.as_ref().map(|room| room.as_str()).unwrap_or_default();
        if let Some(holder) = ledger.holder_of(connection, room).await? {
            if !decline_if_busy {
                return Ok(Applied::Busy { operation: None, holder });
            }
            if !may_override(request, permit, &holder.entry) {
                entry.mark_busy(holder.entry.operation);
                ledger.add_claim(&entry);
                ledger.add_operation(entry, Beside::default())?;
                return Ok(Applied::Busy { operation: Some(operation), holder });
            }
            overridden = Some(holder.entry);
        } else if let Some(named) = named_by(request) {
            // It never held the room, or has ended by now. Either way its author knows less than there is to know.
            entry.mark_not_held(named);
            ledger.add_claim(&entry);
            ledger.add_operation(entry, Beside::default())?;
            return Ok(Applied::NotHeld { operation, named });
        }
        holds_room = true;
    }
    if let Some(holder) = &mut overridden {
        // First, because a room has one holder at a time.
        holder.mark_overridden(operation);
        ledger.let_go(connection, holder).await?;
    }
    ledger.add_claim(&entry);
    let reading = matches!(
        admission,
        Admission::Request { verdict: Verdict::Read(permit), .. } if *permit.action() == Action::ReadAudit
    );
    let overrides = overridden.as_ref().map(|holder| holder.operation);
    ledger.add_operation(entry, Beside { holds_room, reading, overrides, ..Beside::default() })?;
    if let Some(holder) = &overridden {
        let mut what = What::ended(holder, at);
        if let What::Ended { overridden_by, .. } = &mut what {
            *overridden_by = Some(operation);
        }
        ledger.add(holder.operation, what)?;
    }
    Ok(Applied::Recorded(operation))
}

/// Whether the request goes past the operation that holds its room: it names it, its permit is for that, and
/// nobody knows what came of it. What is still under way is waited for.
fn may_override(request: &CommandRequest, permit: &Permit, holder: &AuditEntry) -> bool {
    named_by(request) == Some(holder.operation)
        && matches!(permit.action(), Action::Override(_))
        && holder.outcome == OutcomeKind::Unknown
}

/// Whether it names an operation to go past: who holds the room has to be known then.
pub(super) fn goes_past(admission: &Admission) -> bool {
    matches!(admission, Admission::Request { request, .. } if named_by(request).is_some())
}

/// The operation that the request wants to go past.
fn named_by(request: &CommandRequest) -> Option<OperationId> {
    request.command.as_ref().ok().and_then(Command::transfer)?.overrides
}

/// The entry that claimed the delivery, if it was claimed.
pub(super) async fn first_of(
    connection: &mut SqliteConnection,
    delivery: &str,
) -> Result<Option<AuditEntry>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT operations.* FROM deliveries JOIN operations USING (operation) WHERE deliveries.delivery_id = ?",
    )
    .bind(delivery)
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(rows::entry).transpose()
}

async fn holder_of(connection: &mut SqliteConnection, room: &str) -> Result<Option<Open>, sqlx::Error> {
    let row = sqlx::query("SELECT * FROM operations WHERE held_room = ?")
        .bind(room)
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(Open::of).transpose()
}

pub(super) async fn claim(connection: &mut SqliteConnection, entry: &AuditEntry) -> Result<(), sqlx::Error> {
    let Some(delivery) = &entry.delivery_id else { return Ok(()) };
    sqlx::query("INSERT INTO deliveries (delivery_id, operation) VALUES (?, ?)")
        .bind(delivery)
        .bind(entry.operation.seq())
        .changes(1, connection)
        .await
}

/// Notes the previous owner beside an operation that is still open.
pub(super) async fn note_previous_owner(
    connection: &mut SqliteConnection,
    ledger: &mut Ledger,
    operation: OperationId,
    previous: &AccountId,
    at: Timestamp,
) -> Result<(), sqlx::Error> {
    if ledger.open(connection, operation).await?.is_none() {
        return Ok(());
    }
    sqlx::query("UPDATE operations SET previous_owner = ? WHERE operation = ? AND is_open = 1")
        .bind(previous.as_str())
        .bind(operation.seq())
        .changes(1, connection)
        .await?;
    let what = What::Noted { operation, at: millis(at), previous_owner: previous.as_str() };
    ledger.append(connection, operation, what).await
}

/// Records an outcome. `false` if the operation already has a final one.
pub(super) async fn finish(
    connection: &mut SqliteConnection,
    ledger: &mut Ledger,
    operation: OperationId,
    outcome: &Outcome,
    at: Timestamp,
) -> Result<bool, sqlx::Error> {
    let Some(mut entry) = ledger.open(connection, operation).await? else { return Ok(false) };
    let known_error = entry.error_info.clone();
    entry.end(outcome, at);
    let owner_now = match outcome {
        Outcome::Unknown { owner_now, .. } => owner_now.as_ref().map(ToString::to_string),
        _ => None,
    };
    let what = What::Ended {
        operation,
        at: millis(at),
        outcome: entry.outcome,
        confirmed: match outcome {
            Outcome::Succeeded { confirmed, .. } => Some(*confirmed),
            _ => None,
        },
        previous_owner: entry.previous_owner.as_deref(),
        owner_now: owner_now.as_deref(),
        error_code: entry.error_code,
        error_info: entry.error_info.as_deref(),
        request_id: entry.request_id.as_deref(),
        duration_ms: entry.duration_ms,
        overridden_by: None,
    };
    ledger.add(operation, what)?;
    if entry.error_info != known_error {
        ledger.reword(&entry);
    }
    ledger.changed.operations.insert(operation);
    ledger.touched.push(operation);
    ledger.rows.ends.push((
        operation.seq(),
        entry.outcome.name(),
        entry.previous_owner,
        entry.error_code,
        entry.error_info,
        entry.request_id,
        entry.duration_ms,
        !outcome.is_final(),
    ));
    Ok(true)
}
