//! Which groups the ACL names.

use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::sqlite::SqlitePool;

use crate::app::ports::GroupSubjects;

use super::rows;

pub(super) async fn version(pool: &SqlitePool) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT version FROM acl_version WHERE one = 1").fetch_one(pool).await
}

/// The groups that live grants name, and the version of the ACL of which that is true.
pub(super) async fn subjects(pool: &SqlitePool, now: Timestamp) -> Result<GroupSubjects, sqlx::Error> {
    // One statement is one moment. The form of the pattern lets the index on `subject` serve it.
    let rows = sqlx::query(
        "SELECT version, named.subject FROM acl_version LEFT JOIN (
             SELECT DISTINCT subject FROM grants
             WHERE subject GLOB 'slack:*:group:*' AND revoked_at IS NULL
               AND (expires_at IS NULL OR expires_at > ?)) AS named
         WHERE one = 1 ORDER BY named.subject",
    )
    .bind(now.as_millisecond())
    .fetch_all(pool)
    .await?;
    let mut found = GroupSubjects::default();
    for row in rows {
        found.version = row.try_get("version")?;
        if let Some(subject) = row.try_get::<Option<String>, _>("subject")? {
            found.groups.push(rows::parse("subject", &subject)?);
        }
    }
    Ok(found)
}
