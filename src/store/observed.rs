//! What callbacks say, inside the writer's transaction.

use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqlitePool};

use crate::app::callbacks::OBSERVED;
use crate::app::ports::{Confirmation, Observed, OwnerNotice, Seen};
use crate::domain::audit::{AuditEntry, OperationId, OutcomeKind, millis};
use crate::domain::room::AccountId;

use super::admission::{Beside, Ledger, claim};
use super::event::What;
use super::rows::{self, Counted as _};

/// How far Tencent's clock may be from ours, in milliseconds.
const SKEW: i64 = 60_000;
/// How long after its record a change of ours may have been made, if nobody knew for so long, in milliseconds.
const LONGEST_CALL: i64 = 3_600_000;

/// Writes a notice down once: beside the operation of ours whose change it is, or as one of its own if the
/// owner was `seen`.
pub(super) async fn observe(
    connection: &mut SqliteConnection,
    ledger: &mut Ledger,
    notice: &OwnerNotice,
    seen: Option<&Seen>,
    at: Timestamp,
) -> Result<Observed, sqlx::Error> {
    if is_known(connection, notice).await? {
        return Ok(Observed::Known);
    }
    let own = if notice.is_own_account { own_operation(connection, notice).await? } else { None };
    if let Some(own) = &own
        && own.is_correctable
    {
        confirm(connection, ledger, notice, own.operation, at).await?;
        let original = notice.original_owner.as_ref().filter(|_| notice.is_signed);
        ledger.correct(connection, own.operation, original, at).await?;
        return Ok(Observed::Corrects { operation: own.operation, was: own.outcome });
    }
    if let Some(own) = &own
        && !own.is_closed_otherwise()
    {
        confirm(connection, ledger, notice, own.operation, at).await?;
        return Ok(Observed::Confirms { operation: own.operation, outcome: own.outcome });
    }
    let Some(seen) = seen else { return Ok(Observed::Foreign) };
    if !notice.is_signed
        && latest_owner(connection, notice).await?.as_deref() == Some(notice.new_owner.as_str())
    {
        return Ok(Observed::NothingNew);
    }
    let operation = ledger.next_operation();
    let entry = entry(connection, notice, seen, own.as_ref(), operation, at).await?;
    claim(connection, &entry).await?;
    ledger.record(connection, &entry, Beside::default()).await?;
    keep(connection, notice, operation, false, at).await?;
    let what = What::Observed {
        operation,
        at: millis(at),
        event_at: millis(notice.event_at),
        operator: notice.operator.as_ref().map(AccountId::as_str),
        original_owner: notice.original_owner.as_ref().map(AccountId::as_str),
        owner_now: match seen {
            Seen::Owner(owner) => Some(owner.as_str()),
            Seen::Nothing(_) => None,
        },
        signed: notice.is_signed,
    };
    ledger.append(connection, operation, what).await?;
    Ok(Observed::Recorded(operation))
}

async fn is_known(connection: &mut SqliteConnection, notice: &OwnerNotice) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM callbacks WHERE delivery_id = ?)")
        .bind(notice.delivery.as_str())
        .fetch_one(connection)
        .await
}

/// An operation of ours that may have made the change.
struct Own {
    operation: OperationId,
    outcome: OutcomeKind,
    is_open: bool,
    /// Whether it is over because nobody could tell for long whether it made the change.
    is_correctable: bool,
}

impl Own {
    /// Whether Tencent said that it did not make the change. That stands: the change is recorded beside it.
    fn is_closed_otherwise(&self) -> bool {
        !self.is_open && self.outcome != OutcomeKind::Succeeded
    }
}

/// The operation that asked for this change at about this time, and that no other callback has told of.
async fn own_operation(
    connection: &mut SqliteConnection,
    notice: &OwnerNotice,
) -> Result<Option<Own>, sqlx::Error> {
    let event_at = notice.event_at.as_millisecond();
    let row = sqlx::query(
        "SELECT operation, outcome, is_open,
                is_open = 0 AND operation > (SELECT coalesce(max(last), 0) FROM archives)
                AND (outcome = 'unknown' OR outcome = 'refused' AND (error_code IS NULL AND request_id IS NULL OR EXISTS (
                    SELECT 1 FROM audit_events WHERE audit_events.operation = operations.operation
                        AND body ->> 'event' = 'ended' AND body ->> 'outcome' = 'unknown'))) AS is_correctable
         FROM operations
         WHERE room = ?1 AND new_owner = ?2 AND decision = 'permit'
           AND outcome IN ('pending', 'unknown', 'succeeded', 'refused')
           AND at <= ?3 + ?4 AND (is_open = 1 OR at >= ?3 - ?4 - min(coalesce(duration_ms, 0), ?5))
           AND NOT EXISTS (SELECT 1 FROM callbacks WHERE callbacks.operation = operations.operation)
         ORDER BY outcome = 'refused', abs(at - ?3), operation LIMIT 1",
    )
    .bind(notice.room.as_str())
    .bind(notice.new_owner.as_str())
    .bind(event_at)
    .bind(SKEW)
    .bind(LONGEST_CALL)
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        Ok(Own {
            operation: OperationId::new(row.try_get("operation")?),
            outcome: rows::parse("outcome", row.try_get("outcome")?)?,
            is_open: row.try_get("is_open")?,
            is_correctable: row.try_get("is_correctable")?,
        })
    })
    .transpose()
}

async fn confirm(
    connection: &mut SqliteConnection,
    ledger: &mut Ledger,
    notice: &OwnerNotice,
    operation: OperationId,
    at: Timestamp,
) -> Result<(), sqlx::Error> {
    keep(connection, notice, operation, true, at).await?;
    let what = What::Confirmed {
        operation,
        at: millis(at),
        by: "callback",
        delivery_id: notice.delivery.as_str(),
        event_at: millis(notice.event_at),
        operator: notice.operator.as_ref().map(AccountId::as_str),
        original_owner: notice.original_owner.as_ref().map(AccountId::as_str),
        signed: notice.is_signed,
    };
    ledger.append(connection, operation, what).await
}

async fn keep(
    connection: &mut SqliteConnection,
    notice: &OwnerNotice,
    operation: OperationId,
    confirms: bool,
    at: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO callbacks (delivery_id, operation, confirms, room, new_owner, original_owner, operator,
             event_at, received_at, signed)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(notice.delivery.as_str())
    .bind(operation.seq())
    .bind(confirms)
    .bind(notice.room.as_str())
    .bind(notice.new_owner.as_str())
    .bind(notice.original_owner.as_ref().map(AccountId::as_str))
    .bind(notice.operator.as_ref().map(AccountId::as_str))
    .bind(notice.event_at.as_millisecond())
    .bind(at.as_millisecond())
    .bind(notice.is_signed)
    .changes(1, connection)
    .await
}

/// The owner that the log ends with for the room, as far as somebody became it.
async fn latest_owner(
    connection: &mut SqliteConnection,
    notice: &OwnerNotice,
) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT new_owner FROM operations
         WHERE room = ? AND new_owner IS NOT NULL AND outcome IN ('succeeded', 'unchanged')
         ORDER BY operation DESC LIMIT 1",
    )
    .bind(notice.room.as_str())
    .fetch_optional(connection)
    .await
}

/// The entry of a change that somebody else made.
async fn entry(
    connection: &mut SqliteConnection,
    notice: &OwnerNotice,
    seen: &Seen,
    own: Option<&Own>,
    operation: OperationId,
    at: Timestamp,
) -> Result<AuditEntry, sqlx::Error> {
    let (outcome, doubt) = match seen {
        Seen::Owner(owner) if *owner == notice.new_owner => (OutcomeKind::Succeeded, None),
        // It came late: a later change says that this owner was there in between.
        _ if was_left_since(connection, notice).await? => {
            (OutcomeKind::Succeeded, Some("a later change of this owner is in the log".to_owned()))
        }
        Seen::Owner(owner) => (OutcomeKind::Unknown, Some(format!("the owner read back is {owner}"))),
        Seen::Nothing(why) => {
            (OutcomeKind::Unknown, Some(format!("the owner could not be read back: {why}")))
        }
    };
    let unsigned = "the callback was not signed: who did it and who owned the room before is only said";
    // What cannot be read back is kept in the event alone.
    let told = notice.is_signed;
    Ok(AuditEntry {
        operation,
        at,
        actor: None,
        actor_name: notice.operator.as_ref().filter(|_| told).map(ToString::to_string),
        channel: None,
        command: OBSERVED.to_owned(),
        room: Some(notice.room.clone()),
        new_owner: Some(notice.new_owner.to_string()),
        previous_owner: notice.original_owner.as_ref().filter(|_| told).map(ToString::to_string),
        reason: own.map(|own| {
            format!("probably the change of operation {}, recorded as {}", own.operation, own.outcome)
        }),
        decision: None,
        authority: None,
        outcome,
        error_code: None,
        error_info: doubt.or_else(|| (!told).then(|| unsigned.to_owned())),
        request_id: None,
        delivery_id: Some(notice.delivery.as_str().to_owned()),
        duration_ms: None,
    })
}

/// Whether the log has a later change of the room away from this owner.
async fn was_left_since(
    connection: &mut SqliteConnection,
    notice: &OwnerNotice,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM callbacks WHERE room = ?1 AND event_at >= ?2 AND original_owner = ?3)
             OR EXISTS (SELECT 1 FROM operations WHERE room = ?1 AND at >= ?2 AND previous_owner = ?3
                            AND outcome = 'succeeded' AND new_owner IS NOT NULL)",
    )
    .bind(notice.room.as_str())
    .bind(notice.event_at.as_millisecond())
    .bind(notice.new_owner.as_str())
    .fetch_one(connection)
    .await
}

/// What a callback has said about an operation of ours.
pub(super) async fn confirmation(
    pool: &SqlitePool,
    operation: OperationId,
) -> Result<Option<Confirmation>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT event_at, received_at, original_owner, signed FROM callbacks WHERE operation = ? AND confirms = 1",
    )
    .bind(operation.seq())
    .fetch_optional(pool)
    .await?;
    row.map(|row| {
        Ok(Confirmation {
            event_at: rows::time("event_at", row.try_get("event_at")?)?,
            received_at: rows::time("received_at", row.try_get("received_at")?)?,
            original_owner: row.try_get::<Option<String>, _>("original_owner")?.map(AccountId::from_tencent),
            is_signed: row.try_get("signed")?,
        })
    })
    .transpose()
}
