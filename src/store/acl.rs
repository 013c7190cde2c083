//! The ACL's tables.

use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnection, SqlitePool};
use sqlx::{QueryBuilder, Sqlite};

use crate::app::ports::{AclChange, AclChanged, AclEdit, NewGrant};
use crate::domain::access::{AclView, AuthorisedChannel, Grant, GrantId, RoomScope};
use crate::domain::audit::{AuditEntry, DecisionKind, OperationId, OutcomeKind};
use crate::domain::command::Place;
use crate::domain::principal::{Channel, Principal};

use super::admission::{Ledger, claim, first_of};
use super::event::AclRow;
use super::rows;

/// What can matter to one decision, as of one moment.
pub(super) async fn view(
    pool: &SqlitePool,
    principal: &Principal,
    place: &Place,
) -> Result<AclView, sqlx::Error> {
    // One read transaction: the version belongs to exactly these rows.
    let mut snapshot = pool.begin().await?;
    let version =
        sqlx::query_scalar("SELECT version FROM acl_version WHERE one = 1").fetch_one(&mut *snapshot).await?;
    let Place::Channel(channel) = place else {
        return Ok(AclView { version, ..AclView::default() });
    };
    let mut query = QueryBuilder::<Sqlite>::new("SELECT * FROM grants WHERE subject IN (");
    let mut subjects = query.separated(", ");
    for subject in principal.subjects() {
        subjects.push_bind(subject.to_string());
    }
    query.push(") ORDER BY id");
    let grants = query.build().fetch_all(&mut *snapshot).await?;
    let channels = sqlx::query("SELECT * FROM authorised_channels WHERE channel = ? AND removed_at IS NULL")
        .bind(channel.to_string())
        .fetch_all(&mut *snapshot)
        .await?;
    Ok(AclView {
        version,
        grants: grants.iter().map(rows::grant).collect::<Result<_, _>>()?,
        channels: channels.iter().map(rows::channel).collect::<Result<_, _>>()?,
    })
}

pub(super) async fn grants(pool: &SqlitePool) -> Result<Vec<Grant>, sqlx::Error> {
    let rows = sqlx::query("SELECT * FROM grants ORDER BY id").fetch_all(pool).await?;
    rows.iter().map(rows::grant).collect()
}

pub(super) async fn channels(pool: &SqlitePool) -> Result<Vec<AuthorisedChannel>, sqlx::Error> {
    let rows = sqlx::query("SELECT * FROM authorised_channels ORDER BY id").fetch_all(pool).await?;
    rows.iter().map(rows::channel).collect()
}

/// Changes the ACL and records the change, inside the writer's transaction.
pub(super) async fn edit(
    connection: &mut SqliteConnection,
    ledger: &mut Ledger,
    edit: &AclEdit,
    at: Timestamp,
) -> Result<AclChanged, sqlx::Error> {
    let operation = ledger.next_operation();
    let by = edit.principal.subject.to_string();
    let mut entry = AuditEntry {
        operation,
        at,
        actor: Some(edit.principal.subject.clone()),
        actor_name: edit.principal.name.clone(),
        channel: match &edit.place {
            Place::Channel(channel) => Some(channel.clone()),
            Place::Local => None,
        },
        command: edit.typed.clone(),
        room: None,
        new_owner: None,
        previous_owner: None,
        reason: edit.reason.clone(),
        decision: Some(DecisionKind::Permit),
        authority: Some(edit.authority.clone()),
        outcome: OutcomeKind::Succeeded,
        error_code: None,
        error_info: None,
        request_id: None,
        delivery_id: edit.delivery.as_ref().map(|id| id.as_str().to_owned()),
        duration_ms: None,
    };
    if let Some(delivery) = &entry.delivery_id
        && let Some(first) = first_of(connection, delivery).await?
    {
        entry.mark_duplicate(first.operation);
        ledger.record(connection, &entry, None, false).await?;
        return Ok(AclChanged::Nothing(operation, entry.reason.unwrap_or_default()));
    }
    claim(connection, &entry).await?;
    let nothing = match &edit.change {
        AclChange::Grant(new) => {
            let grant = insert_grant(connection, new, edit, &by, operation, at).await?;
            let row = AclRow::Grant { before: None, after: &grant };
            ledger.record(connection, &entry, Some(row), false).await?;
            return Ok(AclChanged::Grant(operation, grant));
        }
        AclChange::Revoke(id) => match grant(connection, *id).await? {
            Some(before) if before.revoked_at.is_none() => {
                sqlx::query("UPDATE grants SET revoked_at = ?, revoked_by = ?, revoked_in = ? WHERE id = ?")
                    .bind(at.as_millisecond())
                    .bind(&by)
                    .bind(operation.seq())
                    .bind(id)
                    .execute(&mut *connection)
                    .await?;
                let after = Grant { revoked_at: Some(at), ..before.clone() };
                let row = AclRow::Grant { before: Some(&before), after: &after };
                ledger.record(connection, &entry, Some(row), false).await?;
                return Ok(AclChanged::Grant(operation, after));
            }
            Some(_) => format!("grant {id} is revoked already"),
            None => format!("there is no grant {id}: `room-owner acl list` shows all of them"),
        },
        AclChange::AllowChannel { channel, rooms } => {
            let before = live_channel(connection, channel).await?;
            if before.is_some() {
                close_channel(connection, channel, &by, operation, at).await?;
            }
            let after = insert_channel(connection, channel, rooms, edit, operation, at).await?;
            let row = AclRow::Channel { before: before.as_ref(), after: &after };
            ledger.record(connection, &entry, Some(row), false).await?;
            return Ok(AclChanged::Channel(operation, after));
        }
        AclChange::RemoveChannel(channel) => match live_channel(connection, channel).await? {
            Some(before) => {
                close_channel(connection, channel, &by, operation, at).await?;
                let after = AuthorisedChannel { removed_at: Some(at), ..before.clone() };
                let row = AclRow::Channel { before: Some(&before), after: &after };
                ledger.record(connection, &entry, Some(row), false).await?;
                return Ok(AclChanged::Channel(operation, after));
            }
            None => format!("`{channel}` is not authorised: `room-owner acl channel list` shows what is"),
        },
    };
    entry.outcome = OutcomeKind::Declined;
    entry.error_info = Some(nothing.clone());
    ledger.record(connection, &entry, None, false).await?;
    Ok(AclChanged::Nothing(operation, nothing))
}

async fn grant(connection: &mut SqliteConnection, id: GrantId) -> Result<Option<Grant>, sqlx::Error> {
    let row = sqlx::query("SELECT * FROM grants WHERE id = ?").bind(id).fetch_optional(connection).await?;
    row.as_ref().map(rows::grant).transpose()
}

async fn insert_grant(
    connection: &mut SqliteConnection,
    new: &NewGrant,
    edit: &AclEdit,
    by: &str,
    operation: OperationId,
    at: Timestamp,
) -> Result<Grant, sqlx::Error> {
    let channels =
        serde_json::to_string(&new.channels).map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
    let row = sqlx::query(
        "INSERT INTO grants (subject, role, effect, rooms, channels, expires_at, granted_by, granted_at, granted_in, reason)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *",
    )
    .bind(new.subject.to_string())
    .bind(new.role.name())
    .bind(new.effect.name())
    .bind(new.rooms.to_string())
    .bind(channels)
    .bind(new.expires_at.map(Timestamp::as_millisecond))
    .bind(by)
    .bind(at.as_millisecond())
    .bind(operation.seq())
    .bind(edit.reason.as_deref())
    .fetch_one(connection)
    .await?;
    rows::grant(&row)
}

async fn live_channel(
    connection: &mut SqliteConnection,
    channel: &Channel,
) -> Result<Option<AuthorisedChannel>, sqlx::Error> {
    let row = sqlx::query("SELECT * FROM authorised_channels WHERE channel = ? AND removed_at IS NULL")
        .bind(channel.to_string())
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(rows::channel).transpose()
}

async fn close_channel(
    connection: &mut SqliteConnection,
    channel: &Channel,
    by: &str,
    operation: OperationId,
    at: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE authorised_channels SET removed_at = ?, removed_by = ?, removed_in = ?
         WHERE channel = ? AND removed_at IS NULL",
    )
    .bind(at.as_millisecond())
    .bind(by)
    .bind(operation.seq())
    .bind(channel.to_string())
    .execute(connection)
    .await?;
    Ok(())
}

async fn insert_channel(
    connection: &mut SqliteConnection,
    channel: &Channel,
    rooms: &RoomScope,
    edit: &AclEdit,
    operation: OperationId,
    at: Timestamp,
) -> Result<AuthorisedChannel, sqlx::Error> {
    let row = sqlx::query(
        "INSERT INTO authorised_channels (channel, rooms, allowed_by, allowed_at, allowed_in, reason)
         VALUES (?, ?, ?, ?, ?, ?) RETURNING *",
    )
    .bind(channel.to_string())
    .bind(rooms.to_string())
    .bind(edit.principal.subject.to_string())
    .bind(at.as_millisecond())
    .bind(operation.seq())
    .bind(edit.reason.as_deref())
    .fetch_one(connection)
    .await?;
    rows::channel(&row)
}
