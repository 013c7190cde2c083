//! The buttons that were offered, until they are a day past their time. They are no evidence: what was offered and who
//! pressed it is in the log.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::app::ports::StoreError;
use crate::domain::audit::{OperationId, Outcome};
use crate::domain::command::{Nonce, Pressed};
use crate::domain::offers;
use crate::domain::press::{Button, NotPressed, Offer};
use crate::domain::principal::Subject;
use crate::domain::room::{AccountId, RoomId};

use super::log::LogTransaction;
use super::projections::change_one;
use super::rows;

pub(super) const COLUMNS: &str = "nonce, operation, label, asks, for_whom, lapses_at";

/// How long a button that has expired is remembered, so that a press can say so.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);

/// A button of a row that begins with [`COLUMNS`].
pub(super) fn button(row: &impl rows::Columns) -> Result<Button, StoreError> {
    let asks = rows::text(row, 3)?;
    let nonce = rows::text(row, 0)?;
    Ok(Button {
        nonce: Nonce::read(&nonce).ok_or_else(|| row.broken(0, &"it is no nonce"))?,
        of: OperationId::new(rows::number(row, 1)?),
        offer: Offer {
            label: rows::text(row, 2)?,
            asks: serde_json::from_str(&asks).map_err(|error| row.broken(3, &error))?,
            for_whom: rows::optional(row, 4)?,
            lapses_at: rows::time(row, 5)?,
        },
    })
}

/// Offers buttons under the reply to an operation.
pub(super) fn offer(
    log: &LogTransaction<'_>,
    of: OperationId,
    offers: Vec<Offer>,
    at: Timestamp,
) -> Result<Vec<Button>, StoreError> {
    forget(log.connection, at)?;
    let buttons = offers.into_iter().map(|offer| Button { nonce: Nonce::new(rand::random()), of, offer });
    let buttons: Vec<Button> = buttons.collect();
    for Button { nonce, of, offer } in &buttons {
        change_one(
            log.connection,
            "INSERT INTO buttons (nonce, operation, label, asks, for_whom, lapses_at) VALUES (?, ?, ?, ?, ?, ?)",
            params![
                nonce.as_str(),
                of.seq(),
                offer.label,
                rows::json(&offer.asks)?,
                offer.for_whom.as_ref().map(ToString::to_string),
                offer.lapses_at.as_millisecond(),
            ],
        )?;
    }
    Ok(buttons)
}

/// Offers the button that undoes an operation which is about to end like this, if somebody in a channel asked for it.
pub(super) fn undo(
    log: &LogTransaction<'_>,
    operation: OperationId,
    outcome: &Outcome,
    at: Timestamp,
) -> Result<Option<Button>, StoreError> {
    if !matches!(outcome, Outcome::Succeeded { .. } | Outcome::ConfirmedByCallback { .. }) {
        return Ok(None);
    }
    let sql = "SELECT room, new_owner FROM operations
               WHERE operation = ? AND channel IS NOT NULL AND new_owner IS NOT NULL";
    let handed = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
    let mut statement = log.connection.prepare_cached(sql)?;
    let Some((room, owner)) = statement.query_row([operation.seq()], handed).optional()? else {
        return Ok(None);
    };
    let room: RoomId = room.parse().map_err(|error| StoreError(format!("`room` cannot be read: {error}")))?;
    let Some(undo) = offers::undo(&room, &AccountId::from_tencent(owner), outcome, at) else {
        return Ok(None);
    };
    Ok(offer(log, operation, vec![undo], at)?.pop())
}

/// Whether the button can be pressed now by this person, as far as it is the button's business.
pub(super) fn check(
    log: &LogTransaction<'_>,
    pressed: &Pressed,
    by: &Subject,
    at: Timestamp,
) -> Result<Result<(), NotPressed>, StoreError> {
    let sql = format!("SELECT {COLUMNS}, pressed_in FROM buttons WHERE nonce = ?");
    let mut statement = log.connection.prepare_cached(&sql)?;
    let mut found = statement.query([pressed.nonce.as_str()])?;
    let Some(row) = found.next()? else { return Ok(Err(NotPressed::Lapsed(pressed.of))) };
    let used: Option<i64> = row.get("pressed_in")?;
    let button = button(row)?;
    // It gives what it was offered for, whatever the request says.
    let is_as_offered = button.pressed() == *pressed;
    Ok(if is_as_offered {
        button.check(by, used.map(OperationId::new), at)
    } else {
        Err(NotPressed::Lapsed(pressed.of))
    })
}

/// The button was pressed: no button of the same reply can be pressed any more.
pub(super) fn use_up(log: &LogTransaction<'_>, pressed: &Pressed, by: OperationId) -> Result<(), StoreError> {
    let sql = "UPDATE buttons SET pressed_in = ? WHERE operation = ? AND pressed_in IS NULL";
    log.connection.prepare_cached(sql)?.execute([by.seq(), pressed.of.seq()])?;
    Ok(())
}

/// Forgets of the oldest buttons those whose time is long over: each offer makes room for itself.
fn forget(connection: &Connection, now: Timestamp) -> Result<(), StoreError> {
    let before = now.saturating_sub(KEPT_FOR).map_err(|error| StoreError(error.to_string()))?;
    let sql = "DELETE FROM buttons WHERE lapses_at < ? AND rowid IN
               (SELECT rowid FROM buttons ORDER BY rowid LIMIT 4)";
    connection.prepare_cached(sql)?.execute([before.as_millisecond()])?;
    Ok(())
}
