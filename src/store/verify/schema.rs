//! The schema by its text: a trigger that was put back with another body is not the trigger.

use std::collections::BTreeMap;

use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;

use crate::app::ports::StoreError;
use crate::domain::verification::Report;
use crate::store::{failed, migrations};

/// Kind and name of a thing in the schema, and the text that made it.
type Schema = BTreeMap<(String, String), String>;

async fn schema(connection: &mut SqliteConnection) -> Result<Schema, sqlx::Error> {
    // What SQLite makes by itself has no text, or a name of its own.
    let rows: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
         AND tbl_name <> '_sqlx_migrations'",
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|(kind, name, sql)| ((kind, name), sql)).collect())
}

/// Compares it with what the same migrations make on an empty database.
pub(super) async fn check(connection: &mut SqliteConnection, report: &mut Report) -> Result<(), StoreError> {
    let applied: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations WHERE success ORDER BY version")
            .fetch_all(&mut *connection)
            .await
            .map_err(|error| StoreError(format!("this is no database of room-owner: {error}")))?;
    let known = migrations();
    let mut empty = SqliteConnection::connect("sqlite::memory:")
        .await
        .map_err(failed("the schema cannot be compared"))?;
    for (version, checksum) in &applied {
        let Some(migration) = known.iter().find(|migration| migration.version == *version) else {
            return Err(StoreError(format!(
                "the database has the schema of a newer program (migration {version}): check it with that one"
            )));
        };
        if migration.checksum.as_ref() != checksum.as_slice() {
            report.find(None, format!("migration {version} of the schema was another than this program's"));
        }
        sqlx::raw_sql(migration.sql.clone())
            .execute(&mut empty)
            .await
            .map_err(failed("the schema cannot be compared"))?;
    }
    let right = schema(&mut empty).await.map_err(failed("the schema cannot be compared"))?;
    let here = schema(connection).await.map_err(failed("the schema cannot be read"))?;
    for ((kind, name), sql) in &right {
        match here.get(&(kind.clone(), name.clone())) {
            None => report.find(None, format!("the {kind} `{name}` was taken off")),
            Some(other) if other != sql => report.find(None, format!("the {kind} `{name}` was altered")),
            Some(_) => {}
        }
    }
    for (kind, name) in here.keys().filter(|key| !right.contains_key(key)) {
        report.find(None, format!("the {kind} `{name}` is none of this program's: somebody added it"));
    }
    Ok(())
}
