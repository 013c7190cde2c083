//! The part of the ACL that can matter to one decision.
//!
//! One statement and one row: a snapshot without a transaction, and one answer of SQLite's thread instead of
//! one for each grant, which somebody in many groups has a hundred of.

use sqlx::sqlite::SqlitePool;
use sqlx::{AssertSqlSafe, Row as _};

use crate::domain::access::AclView;
use crate::domain::command::Place;
use crate::domain::principal::{Channel, Principal, Subject};

use super::rows;

const GRANTS: &str = "(SELECT json_group_array(json_array(id, subject, role, effect, rooms, json(channels), \
     expires_at, granted_by, granted_at, revoked_at, reason) ORDER BY id) \
     FROM grants WHERE subject IN (SELECT value FROM json_each(?1)) OR (";

/// The deny entries for the groups of a workspace: `slack:T1:group:` up to `slack:T1:group;`, for `;` comes after `:`.
/// The form of the pattern lets their index serve it.
const DENIED_GROUPS: &str = "effect = 'deny' AND subject GLOB 'slack:*:group:*' \
     AND subject > ?2 || ':group:' AND subject < ?2 || ':group;'";

const CHANNELS: &str = "(SELECT json_group_array(json_array(channel, rooms, allowed_by, allowed_at, removed_at, \
     reason) ORDER BY id) FROM authorised_channels WHERE channel = ?3";

/// What can matter to one decision, as of one moment.
pub(super) async fn now(
    pool: &SqlitePool,
    principal: &Principal,
    place: &Place,
) -> Result<AclView, sqlx::Error> {
    match place {
        Place::Channel(channel) => {
            read(pool, principal, channel, " AND revoked_at IS NULL", " AND removed_at IS NULL").await
        }
        Place::Local => {
            let version =
                sqlx::query_scalar("SELECT version FROM acl_version WHERE one = 1").fetch_one(pool).await?;
            Ok(AclView { version, ..AclView::default() })
        }
    }
}

/// What ever mattered to decisions about the principal in the channel.
pub(super) async fn history(
    pool: &SqlitePool,
    principal: &Principal,
    channel: &Channel,
) -> Result<AclView, sqlx::Error> {
    read(pool, principal, channel, "", "").await
}

async fn read(
    pool: &SqlitePool,
    principal: &Principal,
    channel: &Channel,
    which_denials: &'static str,
    which_channels: &'static str,
) -> Result<AclView, sqlx::Error> {
    let subjects: Vec<String> = principal.subjects().map(ToString::to_string).collect();
    let subjects = rows::json(&subjects)?;
    let workspace = match &principal.subject {
        Subject::SlackUser { team, .. } | Subject::SlackGroup { team, .. } => Some(format!("slack:{team}")),
        // Discord says which roles somebody has.
        Subject::DiscordUser { .. } | Subject::DiscordRole { .. } | Subject::Cli { .. } => None,
    };
    let sql = format!(
        "SELECT version, {GRANTS}{DENIED_GROUPS}{which_denials})) AS grants, {CHANNELS}{which_channels}) AS channels \
         FROM acl_version WHERE one = 1"
    );
    let row = sqlx::query(AssertSqlSafe(sql))
        .bind(subjects)
        .bind(workspace)
        .bind(channel.to_string())
        .fetch_one(pool)
        .await?;
    Ok(AclView {
        version: row.try_get("version")?,
        grants: rows::listed_grants(row.try_get("grants")?)?,
        channels: rows::listed_channels(row.try_get("channels")?)?,
    })
}
