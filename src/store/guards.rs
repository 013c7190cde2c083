//! Whether the schema's guards stand as this program made them: by their text, for a trigger that was put back
//! with another body guards nothing.
//!
//! SQLite counts the changes of a schema. The count is read in every write transaction, so a guard that is taken
//! off while the bot runs is missed before the next record, and with it the next call.

use std::collections::BTreeMap;

use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;

use super::{failed, migrations};
use crate::app::ports::StoreError;

/// The triggers and the texts that made them.
pub(super) struct Guards(BTreeMap<String, String>);

async fn triggers(connection: &mut SqliteConnection) -> Result<BTreeMap<String, String>, sqlx::Error> {
    let rows: Vec<(String, String)> =
        sqlx::query_as("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
            .fetch_all(connection)
            .await?;
    Ok(rows.into_iter().collect())
}

impl Guards {
    /// Those that the migrations make on an empty database.
    pub(super) async fn of_this_program() -> Result<Self, StoreError> {
        let made = async {
            let mut empty = SqliteConnection::connect("sqlite::memory:").await?;
            for migration in migrations() {
                sqlx::raw_sql(migration.sql.clone()).execute(&mut empty).await?;
            }
            let guards = triggers(&mut empty).await?;
            empty.close().await?;
            Ok(guards)
        };
        made.await.map(Self).map_err(failed("the schema's guards cannot be made out"))
    }

    /// What is wrong with the guards of this database; `None` if nothing is.
    pub(super) async fn problem(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<Option<String>, sqlx::Error> {
        let here = triggers(connection).await?;
        let missing: Vec<&str> =
            self.0.keys().filter(|name| !here.contains_key(*name)).map(String::as_str).collect();
        if !missing.is_empty() {
            return Ok(Some(format!(
                "the database lacks the guards {}: somebody took them off; restore a backup and find out who",
                missing.join(", ")
            )));
        }
        let altered: Vec<&str> = self
            .0
            .iter()
            .filter(|(name, sql)| here.get(*name) != Some(sql))
            .map(|(name, _)| name.as_str())
            .collect();
        Ok((!altered.is_empty()).then(|| {
            format!(
                "the database's guards {} are not this program's: somebody altered them, or a newer program did; \
                 start that one, or restore a backup and find out who",
                altered.join(", ")
            )
        }))
    }

    /// The same, as the way to open a database needs it.
    pub(super) async fn check(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        let problem = self.problem(connection).await.map_err(failed("the schema cannot be read"))?;
        problem.map_or(Ok(()), |problem| Err(StoreError(problem)))
    }
}
