//! What was read of user groups, kept for the next start and the command line.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, params};

use crate::app::ports::StoreError;
use crate::domain::access::Reading;
use crate::domain::principal::Subject;

/// Keeps readings, inside the writer's transaction, and lets go of those of groups that no grant names.
pub(super) fn keep(connection: &Connection, readings: &BTreeMap<Subject, Reading>) -> Result<(), StoreError> {
    for (group, reading) in readings {
        let members = super::rows::json(&reading.members)?;
        let as_of = reading.as_of.map(Timestamp::as_millisecond);
        connection
            .prepare_cached(
                "INSERT INTO group_readings (subject, as_of, problem, members) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (subject) DO UPDATE SET as_of = ?2, problem = ?3, members = ?4",
            )?
            .execute(params![group.to_string(), as_of, reading.problem, members])?;
    }
    connection.execute(
        "DELETE FROM group_readings WHERE NOT EXISTS (
             SELECT 1 FROM grants WHERE grants.subject = group_readings.subject AND revoked_at IS NULL)",
        [],
    )?;
    Ok(())
}
