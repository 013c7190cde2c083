//! Which groups the ACL names, and what was read of them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqlitePool};

use crate::app::ports::GroupSubjects;
use crate::domain::access::Reading;
use crate::domain::principal::Subject;

use super::rows::{self, Counted as _};

pub(super) async fn version(pool: &SqlitePool) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT version FROM acl_version WHERE one = 1").fetch_one(pool).await
}

/// The groups that live grants name, and the version of the ACL of which that is true.
pub(super) async fn subjects(pool: &SqlitePool, now: Timestamp) -> Result<GroupSubjects, sqlx::Error> {
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
    for row in rows {
        found.version = row.try_get("version")?;
        if let Some(subject) = row.try_get::<Option<String>, _>("subject")? {
            let group: Subject = rows::parse("subject", &subject)?;
            if row.try_get::<Option<bool>, _>("denied")? == Some(true) {
                found.denied.push(group.clone());
            }
            found.groups.push(group);
        }
    }
    Ok(found)
}

/// What was read of groups.
pub(super) async fn readings(pool: &SqlitePool) -> Result<BTreeMap<Subject, Reading>, sqlx::Error> {
    let rows = sqlx::query("SELECT * FROM group_readings").fetch_all(pool).await?;
    rows.iter()
        .map(|row| {
            let as_of: Option<i64> = row.try_get("as_of")?;
            let members: &str = row.try_get("members")?;
            let reading = Reading {
                members: serde_json::from_str(members).map_err(|error| sqlx::Error::Decode(error.into()))?,
                as_of: as_of.map(|as_of| rows::time("as_of", as_of)).transpose()?,
                problem: row.try_get("problem")?,
            };
            Ok((rows::parse("subject", row.try_get("subject")?)?, reading))
        })
        .collect()
}

/// Keeps readings, inside the writer's transaction, and lets go of those of groups that no grant names.
pub(super) async fn keep(
    connection: &mut SqliteConnection,
    readings: &BTreeMap<Subject, Reading>,
) -> Result<(), sqlx::Error> {
    for (group, reading) in readings {
        sqlx::query(
            "INSERT INTO group_readings (subject, as_of, problem, members) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (subject) DO UPDATE SET as_of = ?2, problem = ?3, members = ?4",
        )
        .bind(group.to_string())
        .bind(reading.as_of.map(Timestamp::as_millisecond))
        .bind(&reading.problem)
        .bind(rows::json(&reading.members)?)
        .changes(1, connection)
        .await?;
    }
    sqlx::query(
        "DELETE FROM group_readings WHERE NOT EXISTS (
             SELECT 1 FROM grants WHERE grants.subject = group_readings.subject AND revoked_at IS NULL)",
    )
    .execute(connection)
    .await?;
    Ok(())
}
