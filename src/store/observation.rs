//! What callbacks say, inside the writer's transaction.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, params};

use crate::app::ports::{Observation, OwnerChangeEvent, ReadBack, StoreError};
use crate::domain::audit::{
    AuditEntry, Event, Observed, OperationId, Outcome, OutcomeKind, OwnerChange, Refusal, What,
};
use crate::domain::room::AccountId;

use super::log::{LogTransaction, NOT_ARCHIVED};
use super::rows::{self, ENTRY};

/// How far Tencent's clock may be from ours, in milliseconds.
const SKEW: i64 = 60_000;
/// How long after its record a change of ours may have been made, if nobody knew for so long, in milliseconds.
const LONGEST_CALL: i64 = 3_600_000;

/// Writes a notice down once: beside the operation of ours whose change it is, or as one of its own if the
/// owner was `seen`.
pub(super) fn observe(
    log: &mut LogTransaction<'_>,
    notice: &OwnerChangeEvent,
    seen: Option<&ReadBack>,
    at: Timestamp,
) -> Result<Observation, StoreError> {
    if log.exists("SELECT 1 FROM callbacks WHERE delivery_id = ?", [notice.delivery.as_str()])? {
        return Ok(Observation::Known);
    }
    let change = OwnerChange {
        delivery_id: notice.delivery.as_str().to_owned(),
        event_at: notice.event_at,
        operator: notice.operator.clone(),
        original_owner: notice.original_owner.clone(),
        signed: notice.is_signed,
    };
    let own = if notice.is_own_account { own_operation(log, notice)? } else { None };
    if let Some((entry, is_open)) = &own {
        let (operation, outcome) = (entry.operation, entry.outcome);
        if !is_open && is_correctable(log, entry)? {
            let outcome_now = corrected(entry, notice);
            log.append(operation, at, What::Confirmed(change))?;
            log.append(operation, at, What::Ended(outcome_now))?;
            return Ok(Observation::Corrects { operation, was: outcome });
        }
        // If Tencent said that it did not make the change, that stands: the change is a record of its own.
        if *is_open || outcome == OutcomeKind::Succeeded {
            log.append(operation, at, What::Confirmed(change))?;
            return Ok(Observation::Confirms { operation, outcome });
        }
    }
    let Some(seen) = seen else { return Ok(Observation::Foreign) };
    if !notice.is_signed && latest_owner(log, notice)?.as_deref() == Some(notice.new_owner.as_str()) {
        return Ok(Observation::NothingNew);
    }
    let (outcome, doubt) = match seen {
        ReadBack::Owner(owner) if *owner == notice.new_owner => (OutcomeKind::Succeeded, None),
        // It came late: a later change says that this owner was there in between.
        _ if was_left_since(log, notice)? => {
            (OutcomeKind::Succeeded, Some("a later change of this owner is in the log".to_owned()))
        }
        ReadBack::Owner(owner) => (OutcomeKind::Unknown, Some(format!("the owner read back is {owner}"))),
        ReadBack::Nothing(why) => {
            (OutcomeKind::Unknown, Some(format!("the owner could not be read back: {why}")))
        }
    };
    let observed = Observed {
        room: notice.room.clone(),
        new_owner: notice.new_owner.clone(),
        change,
        owner_now: match seen {
            ReadBack::Owner(owner) => Some(owner.clone()),
            ReadBack::Nothing(_) => None,
        },
        outcome,
        doubt,
        probably: own.map(|(entry, _)| (entry.operation, entry.outcome)),
    };
    log.begin_operation(at, What::Observed(Box::new(observed))).map(Observation::Recorded)
}

/// The operation that asked for this change at about this time, and that no other callback has reported; and whether
/// it is open.
fn own_operation(
    log: &LogTransaction<'_>,
    notice: &OwnerChangeEvent,
) -> Result<Option<(AuditEntry, bool)>, StoreError> {
    let sql = format!(
        "SELECT {ENTRY}, is_open FROM operations
         WHERE room = ?1 AND new_owner = ?2 AND decision = 'permit'
           AND outcome IN ('pending', 'unknown', 'succeeded', 'refused')
           AND at <= ?3 + ?4 AND (is_open = 1 OR at >= ?3 - ?4 - min(coalesce(duration_ms, 0), ?5))
           AND NOT EXISTS (SELECT 1 FROM callbacks WHERE callbacks.operation = operations.operation)
         ORDER BY outcome = 'refused', abs(at - ?3), operation LIMIT 1"
    );
    let mut statement = log.connection.prepare_cached(&sql)?;
    let (room, owner) = (notice.room.as_str(), notice.new_owner.as_str());
    let mut found =
        statement.query(params![room, owner, notice.event_at.as_millisecond(), SKEW, LONGEST_CALL])?;
    found.next()?.map(rows::entry_and_open).transpose()
}

/// Whether an operation is over because nobody could tell for long whether it made the change.
fn is_correctable(log: &LogTransaction<'_>, entry: &AuditEntry) -> Result<bool, StoreError> {
    let sql = "SELECT coalesce(max(last), 0) FROM archives";
    let archived: i64 = log.connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
    match entry.outcome {
        // Its row stays as it was when its events were archived.
        _ if entry.operation.seq() <= archived => Ok(false),
        OutcomeKind::Unknown => Ok(true),
        OutcomeKind::Refused if entry.error_code.is_none() && entry.request_id.is_none() => Ok(true),
        OutcomeKind::Refused => was_unknown(log, entry.operation),
        _ => Ok(false),
    }
}

fn was_unknown(log: &LogTransaction<'_>, operation: OperationId) -> Result<bool, StoreError> {
    let sql = format!("SELECT body FROM audit_events WHERE operation = ? AND {NOT_ARCHIVED}");
    let mut statement = log.connection.prepare_cached(&sql)?;
    let mut rows = statement.query([operation.seq()])?;
    while let Some(row) = rows.next()? {
        let event = Event::parse(row.get_ref(0)?.as_bytes().map_err(rusqlite::Error::from)?);
        if matches!(event.map(|event| event.what), Ok(What::Ended(Outcome::Unknown { .. }))) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The outcome of an operation that was over as refused or unknown, and whose change the callback confirms.
fn corrected(entry: &AuditEntry, notice: &OwnerChangeEvent) -> Outcome {
    let previous = entry.previous_owner.clone().map(AccountId::from_tencent);
    let original = notice.original_owner.clone().filter(|_| notice.is_signed);
    Outcome::ConfirmedByCallback {
        previous: previous.or(original),
        owner_now: None,
        unclear: Refusal {
            code: entry.error_code,
            info: entry.error_info.clone().unwrap_or_default(),
            request_id: entry.request_id.clone(),
            remedy: String::new(),
        },
    }
}

/// The owner that the log ends with for the room, as far as somebody became it.
fn latest_owner(log: &LogTransaction<'_>, notice: &OwnerChangeEvent) -> Result<Option<String>, StoreError> {
    let sql = "SELECT new_owner FROM operations
               WHERE room = ? AND new_owner IS NOT NULL AND outcome IN ('succeeded', 'unchanged')
               ORDER BY operation DESC LIMIT 1";
    let mut statement = log.connection.prepare_cached(sql)?;
    Ok(statement.query_row([notice.room.as_str()], |row| row.get(0)).optional()?)
}

/// Whether the log has a later change of the room away from this owner.
fn was_left_since(log: &LogTransaction<'_>, notice: &OwnerChangeEvent) -> Result<bool, StoreError> {
    let values = params![notice.room.as_str(), notice.event_at.as_millisecond(), notice.new_owner.as_str()];
    log.exists(
        "SELECT 1 FROM callbacks WHERE room = ?1 AND event_at >= ?2 AND original_owner = ?3
         UNION ALL SELECT 1 FROM operations WHERE room = ?1 AND at >= ?2 AND previous_owner = ?3
             AND outcome = 'succeeded' AND new_owner IS NOT NULL",
        values,
    )
}
