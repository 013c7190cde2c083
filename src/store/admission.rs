//! Writing operations down, inside the writer's transaction.

use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::sqlite::SqliteConnection;

use crate::app::ports::Admission;
use crate::domain::audit::{AuditEntry, OperationId, Outcome, OutcomeKind, Verdict, millis};

use crate::domain::room::AccountId;
use crate::tree::{Checkpoint, SigningKey};

use super::event::{Event, What};
use super::rows::{self, Open};
use super::tree::Growth;
use crate::domain::access::{Action, ChangedEntry, Permit};
use crate::domain::command::{Command, CommandRequest};

/// The log's end, as the transaction sees it.
pub(super) struct Ledger {
    next_seq: i64,
    acl_version: i64,
    instance: String,
    growth: Growth,
}

/// What an admission came to. The attempt itself is made only after the commit.
pub(super) enum Applied {
    Recorded(OperationId),
    Duplicate { operation: OperationId, first: AuditEntry },
    Busy { operation: Option<OperationId>, holder: Open },
    AclChanged,
}

impl Ledger {
    /// Reads the end of the log at the beginning of a write transaction.
    pub(super) async fn open(connection: &mut SqliteConnection, instance: &str) -> Result<Self, sqlx::Error> {
        let row = sqlx::query(
            "SELECT (SELECT coalesce(max(seq), 0) FROM audit_events) AS seq,
                    (SELECT version FROM acl_version WHERE one = 1) AS version, size, peaks
             FROM tree_edge",
        )
        .fetch_one(connection)
        .await?;
        let last_seq = row.try_get("seq")?;
        let peaks: Vec<u8> = row.try_get("peaks")?;
        Ok(Self {
            growth: Growth::at(row.try_get("size")?, &peaks, last_seq)?,
            next_seq: last_seq + 1,
            acl_version: row.try_get("version")?,
            instance: instance.to_owned(),
        })
    }

    /// The operation that begins with the next event.
    pub(super) fn next_operation(&self) -> OperationId {
        OperationId::new(self.next_seq)
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

    /// Signs the log's new head, after all that is appended; `None` if nothing was.
    pub(super) async fn seal(
        self,
        connection: &mut SqliteConnection,
        key: &SigningKey,
    ) -> Result<Option<Checkpoint>, sqlx::Error> {
        self.growth.seal(connection, key).await
    }

    /// Adds an event to the end of the log.
    pub(super) async fn append(
        &mut self,
        connection: &mut SqliteConnection,
        operation: OperationId,
        what: What<'_>,
    ) -> Result<(), sqlx::Error> {
        let body = Event::new(self.next_seq, what).body()?;
        self.growth.add(&body);
        sqlx::query("INSERT INTO audit_events (seq, operation, body) VALUES (?, ?, ?)")
            .bind(self.next_seq)
            .bind(operation.seq())
            .bind(body)
            .execute(connection)
            .await?;
        self.next_seq += 1;
        Ok(())
    }

    /// Writes down an operation: its first event and its row. `holds_room` for a transfer that begins.
    pub(super) async fn record(
        &mut self,
        connection: &mut SqliteConnection,
        entry: &AuditEntry,
        acl_changes: &[ChangedEntry],
        holds_room: bool,
    ) -> Result<(), sqlx::Error> {
        self.record_as(connection, entry, acl_changes, holds_room, false, None).await
    }

    /// Writes down that the log was read.
    async fn record_reading(
        &mut self,
        connection: &mut SqliteConnection,
        entry: &AuditEntry,
    ) -> Result<(), sqlx::Error> {
        self.record_as(connection, entry, &[], false, true, None).await
    }

    async fn record_as(
        &mut self,
        connection: &mut SqliteConnection,
        entry: &AuditEntry,
        acl_changes: &[ChangedEntry],
        holds_room: bool,
        reading: bool,
        overrides: Option<OperationId>,
    ) -> Result<(), sqlx::Error> {
        let is_open = entry.outcome == OutcomeKind::Pending;
        self.append(connection, entry.operation, What::Requested { entry, acl_changes, reading, overrides })
            .await?;
        sqlx::query(
            "INSERT INTO operations (operation, at, actor, actor_name, channel, command, room, new_owner,
                 previous_owner, reason, decision, authority, outcome, error_code, error_info, request_id,
                 delivery_id, duration_ms, instance, is_open, held_room, reading)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(entry.operation.seq())
        .bind(entry.at.as_millisecond())
        .bind(entry.actor.as_ref().map(ToString::to_string))
        .bind(entry.actor_name.as_deref())
        .bind(entry.channel.as_ref().map(ToString::to_string))
        .bind(&entry.command)
        .bind(entry.room.as_ref().map(|room| room.as_str()))
        .bind(entry.new_owner.as_deref())
        .bind(entry.previous_owner.as_deref())
        .bind(entry.reason.as_deref())
        .bind(entry.decision.map(|decision| match decision {
            crate::domain::audit::DecisionKind::Permit => "permit",
            crate::domain::audit::DecisionKind::Deny => "deny",
        }))
        .bind(entry.authority.as_deref())
        .bind(entry.outcome.name())
        .bind(entry.error_code)
        .bind(entry.error_info.as_deref())
        .bind(entry.request_id.as_deref())
        .bind(entry.delivery_id.as_deref())
        .bind(entry.duration_ms)
        .bind(&self.instance)
        .bind(is_open)
        .bind(entry.room.as_ref().filter(|_| holds_room).map(|room| room.as_str()))
        .bind(reading)
        .execute(&mut *connection)
        .await?;
        find_by_text(connection, entry).await
    }
}

/// Makes an operation's words findable, or its new ones.
async fn find_by_text(connection: &mut SqliteConnection, entry: &AuditEntry) -> Result<(), sqlx::Error> {
    let words = [Some(entry.command.as_str()), entry.reason.as_deref(), entry.error_info.as_deref()];
    sqlx::query("INSERT OR REPLACE INTO operations_text (rowid, found) VALUES (?, ?)")
        .bind(entry.operation.seq())
        .bind(words.into_iter().flatten().collect::<Vec<_>>().join("\n"))
        .execute(connection)
        .await?;
    Ok(())
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
        && let Some(first) = first_of(connection, delivery).await?
    {
        entry.mark_duplicate(first.operation);
        ledger.record(connection, &entry, &[], false).await?;
        return Ok(Applied::Duplicate { operation, first });
    }
    let mut holds_room = false;
    if admission.permit().is_some_and(|permit| permit.acl_version() != ledger.acl_version) {
        return Ok(Applied::AclChanged);
    }
    let mut overridden = None;
    if let Admission::Request { request, verdict: Verdict::Transfer(permit, _), decline_if_busy } = admission
    {
        let room = entry.room.clone();
        let room = room.as_ref().map(|room| room.as_str()).unwrap_or_default();
        if let Some(holder) = holder_of(connection, room).await? {
            if !decline_if_busy {
                return Ok(Applied::Busy { operation: None, holder });
            }
            if !may_override(request, permit, &holder.entry) {
                entry.mark_busy(holder.entry.operation);
                claim(connection, &entry).await?;
                ledger.record(connection, &entry, &[], false).await?;
                return Ok(Applied::Busy { operation: Some(operation), holder });
            }
            overridden = Some(holder.entry);
        }
        holds_room = true;
    }
    if let Some(holder) = &mut overridden {
        // First, because a room has one holder at a time.
        holder.mark_overridden(operation);
        let_go(connection, holder).await?;
    }
    claim(connection, &entry).await?;
    if let Admission::Request { verdict: Verdict::Read(permit), .. } = admission
        && *permit.action() == Action::ReadAudit
    {
        ledger.record_reading(connection, &entry).await?;
    } else {
        let overrides = overridden.as_ref().map(|holder| holder.operation);
        ledger.record_as(connection, &entry, &[], holds_room, false, overrides).await?;
    }
    if let Some(holder) = &overridden {
        let what = What::Ended {
            operation: holder.operation,
            at: millis(at),
            outcome: holder.outcome,
            confirmed: None,
            previous_owner: holder.previous_owner.as_deref(),
            owner_now: None,
            error_code: holder.error_code,
            error_info: holder.error_info.as_deref(),
            request_id: holder.request_id.as_deref(),
            duration_ms: holder.duration_ms,
            overridden_by: Some(operation),
        };
        ledger.append(connection, holder.operation, what).await?;
    }
    Ok(Applied::Recorded(operation))
}

/// Whether the request goes past the operation that holds its room: it names it, its permit is for that, and
/// nobody knows what came of it. What is still under way is waited for.
fn may_override(request: &CommandRequest, permit: &Permit, holder: &AuditEntry) -> bool {
    let transfer = request.command.as_ref().ok().and_then(Command::transfer);
    transfer.and_then(|transfer| transfer.overrides) == Some(holder.operation)
        && matches!(permit.action(), Action::Override(_))
        && holder.outcome == OutcomeKind::Unknown
}

/// Closes an operation as it is.
async fn let_go(connection: &mut SqliteConnection, entry: &AuditEntry) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE operations SET error_info = ?, is_open = 0, held_room = NULL WHERE operation = ?")
        .bind(entry.error_info.as_deref())
        .bind(entry.operation.seq())
        .execute(&mut *connection)
        .await?;
    find_by_text(connection, entry).await
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
        .execute(connection)
        .await?;
    Ok(())
}

/// Notes the previous owner beside an operation that is still open.
pub(super) async fn note_previous_owner(
    connection: &mut SqliteConnection,
    ledger: &mut Ledger,
    operation: OperationId,
    previous: &AccountId,
    at: Timestamp,
) -> Result<(), sqlx::Error> {
    let noted = sqlx::query("UPDATE operations SET previous_owner = ? WHERE operation = ? AND is_open = 1")
        .bind(previous.as_str())
        .bind(operation.seq())
        .execute(&mut *connection)
        .await?;
    if noted.rows_affected() == 0 {
        return Ok(());
    }
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
    let row = sqlx::query("SELECT * FROM operations WHERE operation = ? AND is_open = 1")
        .bind(operation.seq())
        .fetch_optional(&mut *connection)
        .await?;
    let Some(row) = row else { return Ok(false) };
    let mut entry = rows::entry(&row)?;
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
    ledger.append(connection, operation, what).await?;
    let is_final = outcome.is_final();
    sqlx::query(
        "UPDATE operations SET outcome = ?, previous_owner = ?, error_code = ?, error_info = ?, request_id = ?,
             duration_ms = ?, is_open = ?, held_room = CASE WHEN ? THEN NULL ELSE held_room END
         WHERE operation = ?",
    )
    .bind(entry.outcome.name())
    .bind(entry.previous_owner.as_deref())
    .bind(entry.error_code)
    .bind(entry.error_info.as_deref())
    .bind(entry.request_id.as_deref())
    .bind(entry.duration_ms)
    .bind(!is_final)
    .bind(is_final)
    .bind(operation.seq())
    .execute(&mut *connection)
    .await?;
    if entry.error_info != known_error {
        find_by_text(connection, &entry).await?;
    }
    Ok(true)
}
