//! From events to the tables that questions are asked of: operations, deliveries, callbacks, grants, channels,
//! archives, and the index of texts. Nothing else writes them. The writer applies each event as it appends it; a
//! check and a rebuild apply the whole log again.

use jiff::Timestamp;
use rusqlite::{Connection, Params, params};

use crate::app::ports::StoreError;
use crate::domain::access::{AclSetting, AnnouncementChannel, AuthorisedChannel, ChangedEntry, Grant};
use crate::domain::audit::{
    Announced, Archived, AskedAccess, AuditEntry, Event, OperationId, Outcome, OutcomeKind, OwnerChange,
    Request, What,
};
use crate::domain::principal::Channel;
use crate::domain::room::AccountId;

use super::rows::{self, ENTRY};

/// How long a delivery is remembered after the newest one, in milliseconds: its signature is refused long before.
pub(super) const DELIVERY_KEPT_MS: i64 = 86_400_000;
/// For so many events it is remembered whatever the clock says, which may have been wrong by a month.
pub(super) const DELIVERY_KEPT_EVENTS: i64 = 10_000;
/// Old deliveries are let go by the claims whose number this divides: looking for them at each would cost every command a
/// walk over thousands of rows. A prime, so that no rhythm of events keeps missing it.
pub(super) const DELIVERIES_TIDIED_AT: i64 = 251;

/// The tables that events are applied to, each with a column that names its rows.
pub(super) const TABLES: [(&str, &str); 12] = [
    ("operations", "operation"),
    ("deliveries", "delivery_id"),
    ("callbacks", "delivery_id"),
    ("grants", "id"),
    ("authorised_channels", "id"),
    ("archives", "operation"),
    ("announcement_channels", "id"),
    ("announcements", "event"),
    ("acl_settings", "id"),
    ("access_requests", "operation"),
    ("new_owner_people", "operation"),
    ("approvals", "operation"),
];

/// Carries a statement out. If it changes another number of rows than one, something keeps a record out or adds to
/// it, or the event does not follow from those before it: that is an error, which rolls the transaction back.
pub(super) fn change_one(connection: &Connection, sql: &str, values: impl Params) -> Result<(), StoreError> {
    match connection.prepare_cached(sql)?.execute(values)? {
        1 => Ok(()),
        _ => Err(StoreError(
            "something in the database keeps a record out or adds to it: nothing was written; see `room-owner audit \
             verify`"
                .to_owned(),
        )),
    }
}

/// Applies an event to the tables.
///
/// # Errors
/// When it cannot follow from what is there, or the database fails. The tables may have a part of it then: the caller
/// rolls back.
pub(super) fn apply(connection: &Connection, event: &Event) -> Result<(), StoreError> {
    let begins = event.operation.seq() == event.seq;
    if begins != event.what.begins() {
        return Err(StoreError(if begins {
            format!("it begins operation {}, but is no event that does", event.operation)
        } else {
            format!("it begins an operation and says that it belongs to operation {}", event.operation)
        }));
    }
    match &event.what {
        What::Requested(request) => {
            begin(connection, event, &request.process, request.reading)?;
            approve(connection, event.operation, request)?;
            claim(connection, event, request)?;
            name_new_owner(connection, event.operation, request)?;
            for change in &request.acl_changes {
                change_acl(connection, event, request, change)?;
            }
            request.asks.iter().try_for_each(|asks| ask(connection, event, request, asks))?;
            request.archived.iter().try_for_each(|archived| archive(connection, event.operation, archived))
        }
        What::Observed(observed) => {
            begin(connection, event, "", false)?;
            call_back(connection, event, &observed.change, false)
        }
        What::System(_) => begin(connection, event, "", false),
        What::Noted { previous_owner } => note(connection, event.operation, previous_owner),
        What::Ended(outcome) => follow(connection, event, !outcome.is_final()),
        What::Overridden { .. } => follow(connection, event, false),
        What::Confirmed(change) => call_back(connection, event, change, true),
        What::Reply(_) => entry(connection, event.operation).map(drop),
        What::Announced(announced) => announce(connection, event, announced),
        What::Answered { by, .. } => answer(connection, event.operation, *by),
    }
}

/// The row of an operation, as far as events are applied.
fn entry(connection: &Connection, operation: OperationId) -> Result<(AuditEntry, bool), StoreError> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {ENTRY}, is_open FROM operations WHERE operation = ?"))?;
    let mut rows = statement.query([operation.seq()])?;
    match rows.next()? {
        Some(row) => rows::entry_and_open(row),
        None => Err(StoreError(format!("it belongs to operation {operation}, which the log does not begin"))),
    }
}

fn begin(connection: &Connection, event: &Event, instance: &str, reading: bool) -> Result<(), StoreError> {
    let entry = AuditEntry::begun_by(event);
    let entry = entry.ok_or_else(|| StoreError("it begins no operation".to_owned()))?;
    let is_open = entry.begins_open();
    let room = entry.room.as_ref().map(|room| room.as_str());
    change_one(
        connection,
        "INSERT INTO operations (operation, at, actor, actor_name, channel, command, room, new_owner, previous_owner,
             reason, decision, authority, outcome, error_code, error_info, request_id, delivery_id, duration_ms,
             reading, instance, is_open, held_room)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)",
        params![
            entry.operation.seq(),
            entry.at.as_millisecond(),
            entry.actor.as_ref().map(ToString::to_string),
            entry.actor_name,
            entry.channel.as_ref().map(ToString::to_string),
            entry.command,
            room,
            entry.new_owner,
            entry.previous_owner,
            entry.reason,
            entry.decision.map(|decision| decision.name()),
            entry.authority,
            entry.outcome.name(),
            entry.error_code,
            entry.error_info,
            entry.request_id,
            entry.delivery_id,
            entry.duration_ms,
            reading,
            if is_open { instance } else { "" },
            is_open,
            // A transfer holds its room until it is over.
            room.filter(|_| is_open && entry.new_owner.is_some()),
        ],
    )?;
    index(connection, &entry)
}

/// Puts the words of an operation into the index of texts, in the place of those that it has.
fn index(connection: &Connection, entry: &AuditEntry) -> Result<(), StoreError> {
    let observed = entry.actor_name.as_deref().filter(|_| entry.actor.is_none());
    let words =
        [Some(entry.command.as_str()), entry.reason.as_deref(), entry.error_info.as_deref(), observed];
    let words = words.into_iter().flatten().collect::<Vec<_>>().join("\n");
    let sql = "INSERT OR REPLACE INTO operations_text (rowid, found) VALUES (?, ?)";
    connection.prepare_cached(sql)?.execute(params![entry.operation.seq(), words])?;
    Ok(())
}

fn approve(connection: &Connection, operation: OperationId, request: &Request) -> Result<(), StoreError> {
    let Some(asker) = &request.requested_by else { return Ok(()) };
    change_one(
        connection,
        "INSERT INTO approvals (operation, requested_by, requested_by_name) VALUES (?, ?, ?)",
        params![operation.seq(), asker.to_string(), request.requested_by_name],
    )
}

fn claim(connection: &Connection, event: &Event, request: &Request) -> Result<(), StoreError> {
    let is_first = request.outcome != OutcomeKind::Duplicate;
    let Some(delivery) = request.delivery_id.as_ref().filter(|_| is_first) else { return Ok(()) };
    change_one(
        connection,
        "INSERT INTO deliveries (delivery_id, operation, at) VALUES (?, ?, ?)",
        params![delivery, event.operation.seq(), event.at.as_millisecond()],
    )?;
    if event.seq % DELIVERIES_TIDIED_AT != 0 {
        return Ok(());
    }
    let forget = "DELETE FROM deliveries WHERE at < (SELECT max(at) FROM deliveries) - ? AND operation < ?";
    connection.prepare_cached(forget)?.execute([DELIVERY_KEPT_MS, event.seq - DELIVERY_KEPT_EVENTS])?;
    Ok(())
}

fn name_new_owner(
    connection: &Connection,
    operation: OperationId,
    request: &Request,
) -> Result<(), StoreError> {
    let Some(person) = &request.new_owner_person else { return Ok(()) };
    let sql = "INSERT INTO new_owner_people (operation, person) VALUES (?, ?)";
    change_one(connection, sql, params![operation.seq(), person.to_string()])
}

fn change_acl(
    connection: &Connection,
    event: &Event,
    request: &Request,
    change: &ChangedEntry,
) -> Result<(), StoreError> {
    let by = request.actor.as_ref().map(ToString::to_string);
    let (at, operation) = (event.at.as_millisecond(), event.operation.seq());
    let remove = |table: &str, channel: &Channel| {
        let sql = format!(
            "UPDATE {table} SET removed_at = ?, removed_by = ?, removed_in = ?
             WHERE channel = ? AND removed_at IS NULL"
        );
        change_one(connection, &sql, params![at, by, operation, channel.to_string()])
    };
    match change {
        ChangedEntry::Grant { before: None, after } => insert_grant(connection, operation, after),
        ChangedEntry::Grant { before: Some(before), .. } => change_one(
            connection,
            "UPDATE grants SET revoked_at = ?, revoked_by = ?, revoked_in = ? WHERE id = ? AND revoked_at IS NULL",
            params![at, by, operation, before.id],
        ),
        ChangedEntry::Channel { before, after } => {
            if before.is_some() {
                remove("authorised_channels", &after.channel)?;
            }
            if after.removed_at.is_none() { insert_channel(connection, operation, after) } else { Ok(()) }
        }
        ChangedEntry::Announcement { before, after } => {
            if before.is_some() {
                remove("announcement_channels", &after.channel)?;
            }
            match after.removed_at {
                None => insert_announcement_channel(connection, operation, after),
                Some(_) => Ok(()),
            }
        }
        ChangedEntry::Setting { before, after } => {
            if before.is_some() {
                let (kind, key, _) = rows::setting_columns(&after.setting);
                change_one(
                    connection,
                    "UPDATE acl_settings SET removed_at = ?, removed_by = ?, removed_in = ?
                     WHERE kind = ? AND key = ? AND removed_at IS NULL",
                    params![at, by, operation, kind, key],
                )?;
            }
            if after.removed_at.is_none() { insert_setting(connection, operation, after) } else { Ok(()) }
        }
    }
}

fn insert_grant(connection: &Connection, operation: i64, grant: &Grant) -> Result<(), StoreError> {
    let channels = rows::json(&grant.channels)?;
    change_one(
        connection,
        "INSERT INTO grants (id, subject, role, effect, rooms, channels, expires_at, granted_by, granted_at,
             granted_in, reason)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            grant.id,
            grant.subject.to_string(),
            grant.role.name(),
            grant.effect.name(),
            grant.rooms.to_string(),
            channels,
            grant.expires_at.map(Timestamp::as_millisecond),
            grant.granted_by.to_string(),
            grant.granted_at.as_millisecond(),
            operation,
            grant.reason,
        ],
    )
}

fn insert_channel(
    connection: &Connection,
    operation: i64,
    channel: &AuthorisedChannel,
) -> Result<(), StoreError> {
    change_one(
        connection,
        "INSERT INTO authorised_channels (channel, rooms, allowed_by, allowed_at, allowed_in, reason)
         VALUES (?, ?, ?, ?, ?, ?)",
        params![
            channel.channel.to_string(),
            channel.rooms.to_string(),
            channel.allowed_by.to_string(),
            channel.allowed_at.as_millisecond(),
            operation,
            channel.reason,
        ],
    )
}

fn insert_announcement_channel(
    connection: &Connection,
    operation: i64,
    entry: &AnnouncementChannel,
) -> Result<(), StoreError> {
    change_one(
        connection,
        "INSERT INTO announcement_channels (channel, rooms, for_admins, set_by, set_at, set_in, reason)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
        params![
            entry.channel.to_string(),
            entry.rooms.to_string(),
            entry.for_admins,
            entry.set_by.to_string(),
            entry.set_at.as_millisecond(),
            operation,
            entry.reason,
        ],
    )
}

fn insert_setting(connection: &Connection, operation: i64, entry: &AclSetting) -> Result<(), StoreError> {
    let (kind, key, value) = rows::setting_columns(&entry.setting);
    change_one(
        connection,
        "INSERT INTO acl_settings (kind, key, value, set_by, set_at, set_in, reason) VALUES (?, ?, ?, ?, ?, ?, ?)",
        params![
            kind,
            key,
            value,
            entry.set_by.to_string(),
            entry.set_at.as_millisecond(),
            operation,
            entry.reason
        ],
    )
}

fn announce(connection: &Connection, event: &Event, announced: &Announced) -> Result<(), StoreError> {
    entry(connection, event.operation)?;
    if announced.to.is_some() {
        return Ok(());
    }
    change_one(
        connection,
        "INSERT INTO announcements (operation, event, channel, announced, message, problem)
         VALUES (?, ?, ?, ?, ?, ?)",
        params![
            event.operation.seq(),
            event.seq,
            announced.channel.to_string(),
            announced.event,
            announced.message,
            announced.problem,
        ],
    )
}

fn ask(
    connection: &Connection,
    event: &Event,
    request: &Request,
    asks: &AskedAccess,
) -> Result<(), StoreError> {
    change_one(
        connection,
        "INSERT INTO access_requests (operation, person, room, channel, asked_at, lapses_at)
         VALUES (?, ?, ?, ?, ?, ?)",
        params![
            event.operation.seq(),
            request.actor.as_ref().map(ToString::to_string),
            request.room.as_ref().map(|room| room.as_str()),
            request.channel.as_ref().map(ToString::to_string),
            event.at.as_millisecond(),
            asks.lapses_at.as_millisecond(),
        ],
    )
}

fn answer(connection: &Connection, operation: OperationId, by: OperationId) -> Result<(), StoreError> {
    let sql = "UPDATE access_requests SET answered_in = ? WHERE operation = ? AND answered_in IS NULL";
    change_one(connection, sql, [by.seq(), operation.seq()])
}

fn archive(connection: &Connection, operation: OperationId, archived: &Archived) -> Result<(), StoreError> {
    change_one(
        connection,
        "INSERT INTO archives (operation, first, last, root, tables, file) VALUES (?, ?, ?, ?, ?, ?)",
        params![
            operation.seq(),
            archived.first,
            archived.last,
            archived.root,
            archived.tables,
            archived.file
        ],
    )
}

fn note(
    connection: &Connection,
    operation: OperationId,
    previous_owner: &AccountId,
) -> Result<(), StoreError> {
    let sql = "UPDATE operations SET previous_owner = ? WHERE operation = ? AND is_open = 1";
    change_one(connection, sql, params![previous_owner.as_str(), operation.seq()])
}

/// How an operation ended.
fn follow(connection: &Connection, event: &Event, stays_open: bool) -> Result<(), StoreError> {
    let (mut entry, is_open) = entry(connection, event.operation)?;
    let corrects = matches!(event.what, What::Ended(Outcome::ConfirmedByCallback { .. }));
    if !is_open && !corrects {
        return Err(StoreError(format!("it ends operation {}, which is over", event.operation)));
    }
    let known = entry.error_info.clone();
    entry.follow(event);
    change_one(
        connection,
        "UPDATE operations SET outcome = ?, previous_owner = ?, error_code = ?, error_info = ?, request_id = ?,
             duration_ms = ?, is_open = ?8, instance = iif(?8, instance, ''), held_room = iif(?8, held_room, NULL)
         WHERE operation = ?7",
        params![
            entry.outcome.name(),
            entry.previous_owner,
            entry.error_code,
            entry.error_info,
            entry.request_id,
            entry.duration_ms,
            event.operation.seq(),
            stays_open,
        ],
    )?;
    if entry.error_info == known { Ok(()) } else { index(connection, &entry) }
}

fn call_back(
    connection: &Connection,
    event: &Event,
    change: &OwnerChange,
    confirms: bool,
) -> Result<(), StoreError> {
    let (entry, _) = entry(connection, event.operation)?;
    let unnamed = || StoreError(format!("operation {} hands no room over", event.operation));
    let (room, new_owner) = entry.room.zip(entry.new_owner).ok_or_else(unnamed)?;
    change_one(
        connection,
        "INSERT INTO callbacks (delivery_id, operation, confirms, room, new_owner, original_owner, operator,
             event_at, received_at, signed, event)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            change.delivery_id,
            event.operation.seq(),
            confirms,
            room.as_str(),
            new_owner,
            change.original_owner.as_ref().map(AccountId::as_str),
            change.operator.as_ref().map(AccountId::as_str),
            change.event_at.as_millisecond(),
            event.at.as_millisecond(),
            change.signed,
            event.seq,
        ],
    )
}

/// The number that the next grant gets.
pub(super) fn next_grant(connection: &Connection) -> Result<i64, StoreError> {
    let sql = "SELECT coalesce(max(id), 0) + 1 FROM grants";
    Ok(connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}
