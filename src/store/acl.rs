//! The ACL's tables.

use futures_util::{Stream, TryStreamExt as _};
use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnection, SqlitePool, SqliteRow};
use sqlx::{AssertSqlSafe, QueryBuilder, Row as _, Sqlite};

use crate::app::ports::{AclChanged, AclEdit, GrantsPage};
use crate::domain::access::{
    AclChange, AuthorisedChannel, ChangedEntry, Effect, Grant, GrantId, GrantUse, NewGrant, NotEdited, Role,
    RoomScope, admin_beyond, is_for_oneself, is_live, lock_out,
};
use crate::domain::audit::{AuditEntry, DecisionKind, OperationId, OutcomeKind};
use crate::domain::command::Place;
use crate::domain::principal::Channel;
use crate::domain::room::RoomId;

use super::admission::{Beside, Ledger, claim, first_of};
use super::rows::{self, Counted as _};

const ADMINS: &str = "SELECT * FROM grants WHERE role = 'admin' AND revoked_at IS NULL ORDER BY id";

pub(super) async fn admins(pool: &SqlitePool) -> Result<Vec<Grant>, sqlx::Error> {
    let rows = sqlx::query(ADMINS).fetch_all(pool).await?;
    rows.iter().map(rows::grant).collect()
}

pub(super) async fn one_grant(pool: &SqlitePool, id: GrantId) -> Result<Option<Grant>, sqlx::Error> {
    grant(&mut *pool.acquire().await?, id).await
}

pub(super) async fn uses(pool: &SqlitePool) -> Result<Vec<GrantUse>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT grant_id, grant_uses.at FROM grant_uses JOIN grants ON grants.id = grant_id WHERE revoked_at IS NULL",
    )
    .fetch_all(pool)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(GrantUse { grant: row.try_get("grant_id")?, at: rows::time("at", row.try_get("at")?)? })
        })
        .collect()
}

/// Notes that a grant was used.
pub(super) async fn note_use(
    connection: &mut SqliteConnection,
    grant: GrantId,
    at: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO grant_uses (grant_id, at) VALUES (?, ?)
         ON CONFLICT (grant_id) DO UPDATE SET at = max(at, excluded.at)",
    )
    .bind(grant)
    .bind(at.as_millisecond())
    .changes(1, connection)
    .await
}

pub(super) async fn grants(pool: &SqlitePool) -> Result<Vec<Grant>, sqlx::Error> {
    each_grant(&mut sqlx::query("SELECT * FROM grants ORDER BY id").fetch(pool)).await
}

/// Row by row: a row of SQLite's takes many times the memory of the grant that it is.
async fn each_grant(
    rows: &mut (impl Stream<Item = Result<SqliteRow, sqlx::Error>> + Unpin),
) -> Result<Vec<Grant>, sqlx::Error> {
    let mut grants = Vec::new();
    while let Some(row) = rows.try_next().await? {
        grants.push(rows::grant(&row)?);
    }
    Ok(grants)
}

/// What [`is_live`] says, for rows; `now` is bound twice.
///
/// [`is_live`]: crate::domain::access::is_live
const LIVE: &str = "revoked_at IS NULL AND granted_at <= ? AND (expires_at IS NULL OR expires_at > ?)";

pub(super) async fn live_grants(pool: &SqlitePool, now: Timestamp) -> Result<Vec<Grant>, sqlx::Error> {
    let sql = format!("SELECT * FROM grants WHERE {LIVE} ORDER BY id");
    let now = now.as_millisecond();
    let mut rows = sqlx::query(AssertSqlSafe(sql)).bind(now).bind(now).fetch(pool);
    each_grant(&mut rows).await
}

/// The live grants that can matter to a room. A scope that covers it is `*`, the room, or a prefix of it.
pub(super) async fn live_grants_for(
    pool: &SqlitePool,
    room: &RoomId,
    now: Timestamp,
) -> Result<Vec<Grant>, sqlx::Error> {
    let mut query =
        QueryBuilder::<Sqlite>::new("SELECT * FROM grants WHERE revoked_at IS NULL AND rooms IN (");
    let mut scopes = query.separated(", ");
    scopes.push_bind(room.as_str());
    for end in 0..=room.as_str().len() {
        // A RoomId is ASCII: every end is between characters.
        scopes.push_bind(format!("{}*", &room.as_str()[..end]));
    }
    query.push(") ORDER BY id");
    let mut grants = each_grant(&mut query.build().fetch(pool)).await?;
    grants.retain(|grant| is_live(grant, now));
    Ok(grants)
}

/// One page of the grants, and how many there are.
pub(super) async fn grants_page(
    pool: &SqlitePool,
    live_at: Option<Timestamp>,
    page: u32,
    size: u32,
) -> Result<GrantsPage, sqlx::Error> {
    let mut snapshot = pool.begin().await?;
    let known: i64 = sqlx::query_scalar("SELECT count(*) FROM grants").fetch_one(&mut *snapshot).await?;
    let filter = if live_at.is_some() { LIVE } else { "? IS NOT NULL AND ? IS NOT NULL" };
    let now = live_at.unwrap_or_default().as_millisecond();
    let count = format!("SELECT count(*) FROM grants WHERE {filter}");
    let of_these: i64 =
        sqlx::query_scalar(AssertSqlSafe(count)).bind(now).bind(now).fetch_one(&mut *snapshot).await?;
    let pages = u32::try_from(of_these).unwrap_or(u32::MAX).div_ceil(size).max(1);
    let page = page.clamp(1, pages);
    let select = format!("SELECT * FROM grants WHERE {filter} ORDER BY id LIMIT ? OFFSET ?");
    let rows = sqlx::query(AssertSqlSafe(select))
        .bind(now)
        .bind(now)
        .bind(i64::from(size))
        .bind(i64::from(size) * i64::from(page - 1))
        .fetch_all(&mut *snapshot)
        .await?;
    let grants = rows.iter().map(rows::grant).collect::<Result<_, _>>()?;
    let left_out = usize::try_from(known - of_these).unwrap_or_default();
    Ok(GrantsPage { page, pages, grants, left_out })
}

pub(super) async fn channels(pool: &SqlitePool) -> Result<Vec<AuthorisedChannel>, sqlx::Error> {
    let rows = sqlx::query("SELECT * FROM authorised_channels ORDER BY id").fetch_all(pool).await?;
    rows.iter().map(rows::channel).collect()
}

/// Edits the ACL and records it, inside the writer's transaction: all of the changes or none.
pub(super) async fn edit(
    connection: &mut SqliteConnection,
    ledger: &mut Ledger,
    edit: &AclEdit,
    at: Timestamp,
) -> Result<AclChanged, sqlx::Error> {
    let operation = ledger.next_operation();
    let mut entry = entry(edit, operation, at);
    if let Some(delivery) = &entry.delivery_id
        && let Some(first) = first_of(connection, delivery).await?
    {
        entry.mark_duplicate(first.operation);
        ledger.record(connection, &entry, Beside::default()).await?;
        return Ok(AclChanged::Duplicate { operation, first: Box::new(first) });
    }
    if edit.permit.acl_version() != ledger.acl_version() {
        return Ok(AclChanged::AclChanged);
    }
    claim(connection, &entry).await?;
    if let Some(why) = hindrance(connection, edit, at).await? {
        entry.outcome = OutcomeKind::Declined;
        entry.error_info = Some(why.to_string());
        ledger.record(connection, &entry, Beside::default()).await?;
        return Ok(AclChanged::Declined(operation, why));
    }
    let by = edit.principal.subject.to_string();
    let mut changed = Vec::with_capacity(edit.changes.len());
    for (change, reason) in &edit.changes {
        let by = Author { by: &by, operation, at, reason: reason.as_deref() };
        changed.push(make(connection, change, &by).await?);
    }
    if is_for_oneself(&edit.principal, &changed) {
        entry.authority = Some(format!("{}, for themselves", edit.permit.authority()));
    }
    ledger.record(connection, &entry, Beside { acl_changes: &changed, ..Beside::default() }).await?;
    Ok(AclChanged::Changed(operation, changed))
}

fn entry(edit: &AclEdit, operation: OperationId, at: Timestamp) -> AuditEntry {
    AuditEntry {
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
        authority: Some(edit.permit.authority().to_string()),
        outcome: OutcomeKind::Succeeded,
        error_code: None,
        error_info: None,
        request_id: None,
        delivery_id: edit.delivery.as_ref().map(|id| id.as_str().to_owned()),
        duration_ms: None,
    }
}

/// Why the edit cannot be made, if it cannot.
async fn hindrance(
    connection: &mut SqliteConnection,
    edit: &AclEdit,
    at: Timestamp,
) -> Result<Option<NotEdited>, sqlx::Error> {
    let (mut could_lock_out, mut denied) = (false, Vec::new());
    for (change, _) in &edit.changes {
        match change {
            AclChange::Grant(new) if new.effect == Effect::Deny => {
                if !edit.known.looks_up(&new.subject) {
                    return Ok(Some(NotEdited::NotLookedUp(new.subject.clone())));
                }
                could_lock_out |= new.role == Role::Admin;
                denied.push(new);
            }
            AclChange::Grant(_) => {}
            AclChange::Revoke(id) => match grant(connection, *id).await? {
                None => return Ok(Some(NotEdited::NoGrant(*id))),
                Some(grant) if grant.revoked_at.is_some() => return Ok(Some(NotEdited::RevokedAlready(*id))),
                Some(grant) => could_lock_out |= grant.role == Role::Admin,
            },
            // For fewer rooms than now, perhaps.
            AclChange::AllowChannel { rooms, .. } => could_lock_out |= *rooms != RoomScope::All,
            AclChange::RemoveChannel(channel) => {
                if live_channel(connection, channel).await?.is_none() {
                    return Ok(Some(NotEdited::NotAuthorised(channel.clone())));
                }
                could_lock_out = true;
            }
        }
    }
    could_lock_out &= !edit.force;
    // Nobody is an admin for more rooms than all.
    if edit.permit.reach().granted().contains(&RoomScope::All) {
        denied.clear();
    }
    if !could_lock_out && denied.is_empty() {
        return Ok(None);
    }
    let admins = sqlx::query(ADMINS).fetch_all(&mut *connection).await?;
    let admins = admins.iter().map(rows::grant).collect::<Result<Vec<_>, _>>()?;
    let (by, known) = (&edit.principal, &*edit.known);
    for new in denied {
        if let Some(admin) = admin_beyond(new, by, edit.permit.reach(), &admins, known, at) {
            return Ok(Some(NotEdited::AdminBeyond(admin.clone())));
        }
    }
    if !could_lock_out {
        return Ok(None);
    }
    let channels = sqlx::query("SELECT * FROM authorised_channels WHERE removed_at IS NULL");
    let channels = channels.fetch_all(connection).await?;
    let channels = channels.iter().map(rows::channel).collect::<Result<Vec<_>, _>>()?;
    let changes: Vec<AclChange> = edit.changes.iter().map(|(change, _)| change.clone()).collect();
    Ok(lock_out(&admins, &channels, &changes, by, known, at).map(NotEdited::LockOut))
}

/// By whom, when and why a row is written.
struct Author<'a> {
    by: &'a str,
    operation: OperationId,
    at: Timestamp,
    reason: Option<&'a str>,
}

async fn make(
    connection: &mut SqliteConnection,
    change: &AclChange,
    author: &Author<'_>,
) -> Result<ChangedEntry, sqlx::Error> {
    Ok(match change {
        AclChange::Grant(new) => {
            ChangedEntry::Grant { before: None, after: insert_grant(connection, new, author).await? }
        }
        AclChange::Revoke(id) => {
            let before = grant(connection, *id).await?.ok_or(sqlx::Error::RowNotFound)?;
            sqlx::query("UPDATE grants SET revoked_at = ?, revoked_by = ?, revoked_in = ? WHERE id = ?")
                .bind(author.at.as_millisecond())
                .bind(author.by)
                .bind(author.operation.seq())
                .bind(id)
                .changes(1, connection)
                .await?;
            let after = Grant { revoked_at: Some(author.at), ..before.clone() };
            ChangedEntry::Grant { before: Some(before), after }
        }
        AclChange::AllowChannel { channel, rooms } => {
            let before = live_channel(connection, channel).await?;
            if before.is_some() {
                close_channel(connection, channel, author).await?;
            }
            let after = insert_channel(connection, channel, rooms, author).await?;
            ChangedEntry::Channel { before, after }
        }
        AclChange::RemoveChannel(channel) => {
            let before = live_channel(connection, channel).await?.ok_or(sqlx::Error::RowNotFound)?;
            close_channel(connection, channel, author).await?;
            let after = AuthorisedChannel { removed_at: Some(author.at), ..before.clone() };
            ChangedEntry::Channel { before: Some(before), after }
        }
    })
}

async fn grant(connection: &mut SqliteConnection, id: GrantId) -> Result<Option<Grant>, sqlx::Error> {
    let row = sqlx::query("SELECT * FROM grants WHERE id = ?").bind(id).fetch_optional(connection).await?;
    row.as_ref().map(rows::grant).transpose()
}

async fn insert_grant(
    connection: &mut SqliteConnection,
    new: &NewGrant,
    author: &Author<'_>,
) -> Result<Grant, sqlx::Error> {
    let channels = rows::json(&new.channels)?;
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
    .bind(author.by)
    .bind(author.at.as_millisecond())
    .bind(author.operation.seq())
    .bind(author.reason)
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
    author: &Author<'_>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE authorised_channels SET removed_at = ?, removed_by = ?, removed_in = ?
         WHERE channel = ? AND removed_at IS NULL",
    )
    .bind(author.at.as_millisecond())
    .bind(author.by)
    .bind(author.operation.seq())
    .bind(channel.to_string())
    .changes(1, connection)
    .await
}

async fn insert_channel(
    connection: &mut SqliteConnection,
    channel: &Channel,
    rooms: &RoomScope,
    author: &Author<'_>,
) -> Result<AuthorisedChannel, sqlx::Error> {
    let row = sqlx::query(
        "INSERT INTO authorised_channels (channel, rooms, allowed_by, allowed_at, allowed_in, reason)
         VALUES (?, ?, ?, ?, ?, ?) RETURNING *",
    )
    .bind(channel.to_string())
    .bind(rooms.to_string())
    .bind(author.by)
    .bind(author.at.as_millisecond())
    .bind(author.operation.seq())
    .bind(author.reason)
    .fetch_one(connection)
    .await?;
    rows::channel(&row)
}
