//! Questions to the ACL.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnection, SqlitePool, SqliteRow};
use sqlx::{AssertSqlSafe, QueryBuilder, Sqlite};

use crate::app::ports::{GrantsPage, GroupSubjects, StoreError, WhichSettings};
use crate::domain::access::{
    AclSetting, AclView, AnnouncementChannel, AuthorisedChannel, Grant, GrantId, GrantUse, Reading, is_live,
};
use crate::domain::principal::Place;
use crate::domain::principal::{Channel, Principal, Subject};
use crate::domain::room::RoomId;
use crate::store::rows::{self, ANNOUNCEMENT_CHANNEL, CHANNEL, GRANT, SETTING};

/// The deny entries for the groups of a workspace: `slack:T1:group:` up to `slack:T1:group;`, for `;` comes after `:`.
/// The form of the pattern lets their index serve it.
const DENIED_GROUPS: &str = "effect = 'deny' AND subject GLOB 'slack:*:group:*' \
     AND subject > ?2 || ':group:' AND subject < ?2 || ':group;'";

const VERSION: &str = "SELECT version FROM acl_version WHERE one = 1";

pub(in crate::store) async fn version(pool: &SqlitePool) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar(VERSION).fetch_one(pool).await?)
}

/// What can matter to one decision, as of one moment.
pub(in crate::store) async fn view(
    pool: &SqlitePool,
    principal: &Principal,
    place: &Place,
) -> Result<AclView, StoreError> {
    match place {
        Place::Channel(channel) => {
            part(pool, principal, channel, " AND revoked_at IS NULL", " AND removed_at IS NULL").await
        }
        Place::Local => {
            let mut snapshot = pool.begin().await?;
            let version = sqlx::query_scalar(VERSION).fetch_one(&mut *snapshot).await?;
            let settings = marks(&mut snapshot, " AND removed_at IS NULL").await?;
            Ok(AclView { version, settings, ..AclView::default() })
        }
    }
}

/// What ever mattered to decisions about the principal in the channel.
pub(in crate::store) async fn history(
    pool: &SqlitePool,
    principal: &Principal,
    channel: &Channel,
) -> Result<AclView, StoreError> {
    part(pool, principal, channel, "", "").await
}

async fn part(
    pool: &SqlitePool,
    principal: &Principal,
    channel: &Channel,
    which_denials: &str,
    which_channels: &str,
) -> Result<AclView, StoreError> {
    let subjects: Vec<String> = principal.subjects().map(ToString::to_string).collect();
    let subjects = rows::json(&subjects)?;
    let workspace = match &principal.subject {
        Subject::SlackUser { team, .. } | Subject::SlackGroup { team, .. } => Some(format!("slack:{team}")),
        // Discord says which roles somebody has.
        Subject::DiscordUser { .. } | Subject::DiscordRole { .. } | Subject::Cli { .. } => None,
    };
    let grants = format!(
        "SELECT {GRANT} FROM grants WHERE subject IN (SELECT value FROM json_each(?1))
         OR ({DENIED_GROUPS}{which_denials}) ORDER BY id"
    );
    let channels =
        format!("SELECT {CHANNEL} FROM authorised_channels WHERE channel = ?{which_channels} ORDER BY id");
    let mut snapshot = pool.begin().await?;
    let version = sqlx::query_scalar(VERSION).fetch_one(&mut *snapshot).await?;
    let grants = sqlx::query(AssertSqlSafe(grants)).bind(subjects).bind(workspace);
    let grants = grants.fetch_all(&mut *snapshot).await?;
    let channels = sqlx::query(AssertSqlSafe(channels)).bind(channel.to_string());
    let channels = channels.fetch_all(&mut *snapshot).await?;
    let (grants, channels) = (each(&grants, rows::grant)?, each(&channels, rows::channel)?);
    let settings = marks(&mut snapshot, which_channels).await?;
    Ok(AclView { version, grants, channels, announcements: Vec::new(), settings })
}

/// The marks of rooms.
async fn marks(snapshot: &mut SqliteConnection, which: &str) -> Result<Vec<AclSetting>, StoreError> {
    let sql = format!("SELECT {SETTING} FROM acl_settings WHERE kind = 'mark'{which} ORDER BY id");
    each(&sqlx::query(AssertSqlSafe(sql)).fetch_all(snapshot).await?, rows::setting)
}

/// Settings, removed ones too, in the order in which they were made.
pub(in crate::store) async fn settings(
    pool: &SqlitePool,
    which: &WhichSettings,
) -> Result<Vec<AclSetting>, StoreError> {
    let (condition, value) = match which {
        WhichSettings::All => ("?1 IS NOT NULL", String::new()),
        WhichSettings::LinksOf(people) => {
            let people: Vec<String> = people.iter().map(ToString::to_string).collect();
            ("kind = 'link' AND key IN (SELECT value FROM json_each(?1))", rows::json(&people)?)
        }
        WhichSettings::LinksTo(account) => {
            ("kind = 'link' AND value = ?1 AND removed_at IS NULL", account.to_string())
        }
    };
    let sql = format!("SELECT {SETTING} FROM acl_settings WHERE {condition} ORDER BY id");
    each(&sqlx::query(AssertSqlSafe(sql)).bind(value).fetch_all(pool).await?, rows::setting)
}

fn each<T>(
    rows: &[SqliteRow],
    value: impl Fn(&SqliteRow) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    rows.iter().map(value).collect()
}

/// What [`is_live`] says, for rows; `?1` is now.
const LIVE: &str = "revoked_at IS NULL AND granted_at <= ?1 AND (expires_at IS NULL OR expires_at > ?1)";

/// The grants that a condition finds, by number; `now` is `?1` in it.
async fn grants_where(pool: &SqlitePool, condition: &str, now: Timestamp) -> Result<Vec<Grant>, StoreError> {
    let sql = format!("SELECT {GRANT} FROM grants WHERE {condition} ORDER BY id");
    each(&sqlx::query(AssertSqlSafe(sql)).bind(now.as_millisecond()).fetch_all(pool).await?, rows::grant)
}

pub(in crate::store) async fn grants(pool: &SqlitePool) -> Result<Vec<Grant>, StoreError> {
    grants_where(pool, "?1 IS NOT NULL", Timestamp::UNIX_EPOCH).await
}

pub(in crate::store) async fn live_grants(
    pool: &SqlitePool,
    now: Timestamp,
) -> Result<Vec<Grant>, StoreError> {
    grants_where(pool, LIVE, now).await
}

pub(in crate::store) async fn admins(pool: &SqlitePool) -> Result<Vec<Grant>, StoreError> {
    let condition = "role = 'admin' AND revoked_at IS NULL AND ?1 IS NOT NULL";
    grants_where(pool, condition, Timestamp::UNIX_EPOCH).await
}

pub(in crate::store) async fn grant(pool: &SqlitePool, id: GrantId) -> Result<Option<Grant>, StoreError> {
    let sql = format!("SELECT {GRANT} FROM grants WHERE id = ?");
    let row = sqlx::query(AssertSqlSafe(sql)).bind(id).fetch_optional(pool).await?;
    row.as_ref().map(rows::grant).transpose()
}

/// The live grants that can matter to a room. A scope that covers it is `*`, the room, or a prefix of it.
pub(in crate::store) async fn live_grants_for(
    pool: &SqlitePool,
    room: &RoomId,
    now: Timestamp,
) -> Result<Vec<Grant>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(format!(
        "SELECT {GRANT} FROM grants WHERE revoked_at IS NULL AND rooms IN ("
    ));
    let mut scopes = query.separated(", ");
    scopes.push_bind(room.as_str());
    for end in 0..=room.as_str().len() {
        // A RoomId is ASCII: every end is between characters.
        scopes.push_bind(format!("{}*", &room.as_str()[..end]));
    }
    query.push(") ORDER BY id");
    let mut grants = each(&query.build().fetch_all(pool).await?, rows::grant)?;
    grants.retain(|grant| is_live(grant, now));
    Ok(grants)
}

/// One page of the grants, and how many there are.
pub(in crate::store) async fn grants_page(
    pool: &SqlitePool,
    live_at: Option<Timestamp>,
    page: u32,
    size: u32,
) -> Result<GrantsPage, StoreError> {
    let mut snapshot = pool.begin().await?;
    let known: i64 = sqlx::query_scalar("SELECT count(*) FROM grants").fetch_one(&mut *snapshot).await?;
    let filter = if live_at.is_some() { LIVE } else { "?1 IS NOT NULL" };
    let now = live_at.unwrap_or_default().as_millisecond();
    let count = format!("SELECT count(*) FROM grants WHERE {filter}");
    let of_these: i64 = sqlx::query_scalar(AssertSqlSafe(count)).bind(now).fetch_one(&mut *snapshot).await?;
    let pages = u32::try_from(of_these).unwrap_or(u32::MAX).div_ceil(size).max(1);
    let page = page.clamp(1, pages);
    let select = format!("SELECT {GRANT} FROM grants WHERE {filter} ORDER BY id LIMIT ?2 OFFSET ?3");
    let rows = sqlx::query(AssertSqlSafe(select))
        .bind(now)
        .bind(i64::from(size))
        .bind(i64::from(size) * i64::from(page - 1))
        .fetch_all(&mut *snapshot)
        .await?;
    let left_out = usize::try_from(known - of_these).unwrap_or_default();
    Ok(GrantsPage { page, pages, grants: each(&rows, rows::grant)?, left_out })
}

pub(in crate::store) async fn uses(pool: &SqlitePool) -> Result<Vec<GrantUse>, StoreError> {
    let sql = "SELECT grant_id, grant_uses.at FROM grant_uses JOIN grants ON grants.id = grant_id
               WHERE revoked_at IS NULL";
    let rows = sqlx::query(sql).fetch_all(pool).await?;
    each(&rows, |row| Ok(GrantUse { grant: rows::number(row, 0)?, at: rows::time(row, 1)? }))
}

pub(in crate::store) async fn channels(pool: &SqlitePool) -> Result<Vec<AuthorisedChannel>, StoreError> {
    let sql = format!("SELECT {CHANNEL} FROM authorised_channels ORDER BY id");
    each(&sqlx::query(AssertSqlSafe(sql)).fetch_all(pool).await?, rows::channel)
}

pub(in crate::store) async fn announcement_channels(
    pool: &SqlitePool,
) -> Result<Vec<AnnouncementChannel>, StoreError> {
    let sql = format!("SELECT {ANNOUNCEMENT_CHANNEL} FROM announcement_channels ORDER BY id");
    each(&sqlx::query(AssertSqlSafe(sql)).fetch_all(pool).await?, rows::announcement_channel)
}

/// The groups that live grants name, and the version of the ACL of which that is true.
pub(in crate::store) async fn group_subjects(
    pool: &SqlitePool,
    now: Timestamp,
) -> Result<GroupSubjects, StoreError> {
    // One statement is one moment. The form of the pattern lets the index on `subject` serve it.
    let rows = sqlx::query(
        "SELECT version, named.subject, named.denied FROM acl_version LEFT JOIN (
             SELECT subject, max(effect = 'deny') AS denied FROM grants
             WHERE subject GLOB 'slack:*:group:*' AND revoked_at IS NULL
               AND (expires_at IS NULL OR expires_at > ?) GROUP BY subject) AS named
         WHERE one = 1 ORDER BY named.subject",
    )
    .bind(now.as_millisecond())
    .fetch_all(pool)
    .await?;
    let mut found = GroupSubjects::default();
    for row in &rows {
        found.version = rows::number(row, 0)?;
        if let Some(group) = rows::optional::<Subject>(row, 1)? {
            if rows::number(row, 2)? == 1 {
                found.denied.push(group.clone());
            }
            found.groups.push(group);
        }
    }
    Ok(found)
}

/// What was read of groups.
pub(in crate::store) async fn group_readings(
    pool: &SqlitePool,
) -> Result<BTreeMap<Subject, Reading>, StoreError> {
    let sql = "SELECT subject, as_of, problem, members FROM group_readings";
    let rows = sqlx::query(sql).fetch_all(pool).await?;
    let reading = |row: &SqliteRow| {
        let members = rows::text(row, 3)?;
        let reading = Reading {
            members: serde_json::from_str(&members).map_err(|error| StoreError(error.to_string()))?,
            as_of: rows::optional_time(row, 1)?,
            problem: rows::owned(row, 2)?,
        };
        Ok((rows::parsed(row, 0)?, reading))
    };
    rows.iter().map(reading).collect()
}
