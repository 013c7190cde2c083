//! Making the tables again from the log.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, params_from_iter};

use crate::app::ports::StoreError;
use crate::domain::access::Permit;
use crate::domain::audit::{OperationId, OutcomeKind, Request};
use crate::domain::principal::Principal;

use super::log::LogTransaction;
use super::projections::{TABLES, change_one};
use super::rows::WORDS;
use super::{SqliteStore, verify};

impl SqliteStore {
    /// Makes the tables again from the events, in one transaction that also records it. `progress` is shown how many
    /// events were read.
    ///
    /// # Errors
    /// When the log itself cannot be trusted, an archive is missing, or somebody writes at the same time; then nothing
    /// is changed.
    pub async fn rebuild(
        &self,
        (principal, permit, typed): (Principal, Permit, String),
        archives: Vec<PathBuf>,
        at: Timestamp,
        progress: impl Fn(i64) + Send + 'static,
    ) -> Result<OperationId, StoreError> {
        let (made, events) = verify::remake(&self.file, archives, progress).await?;
        let work = move |log: &mut LogTransaction<'_>| {
            if log.size() != events {
                return Err(StoreError(
                    "something was recorded meanwhile: end the bot, and rebuild again".to_owned(),
                ));
            }
            swap(log.connection, &made)?;
            let request = Request {
                actor: Some(principal.subject),
                actor_name: principal.name,
                command: typed,
                outcome: OutcomeKind::Succeeded,
                process: log.instance.to_owned(),
                ..Request::default()
            };
            log.record(at, request.permitted(&permit))
        };
        Ok(self.write(work).await?.0)
    }
}

/// Puts the rows of the scratch file in the place of those that are there. The triggers that keep them are off
/// meanwhile: nobody else can write before the end of the transaction.
fn swap(connection: &Connection, made: &Path) -> Result<(), StoreError> {
    let made = Connection::open_with_flags(made, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut triggers =
        connection.prepare("SELECT name, tbl_name, sql FROM sqlite_schema WHERE type = 'trigger'")?;
    let triggers = triggers.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let triggers: Vec<(String, String, String)> = triggers.collect::<Result<_, _>>()?;
    let of_tables = || triggers.iter().filter(|(_, table, _)| TABLES.iter().any(|(name, _)| name == table));
    for (name, ..) in of_tables() {
        connection.execute_batch(&format!("DROP TRIGGER {name}"))?;
    }
    for (table, _) in TABLES {
        connection.execute_batch(&format!("DELETE FROM {table}"))?;
        let mut rows = made.prepare(&format!("SELECT * FROM {table}"))?;
        let columns = rows.column_names().join(", ");
        let places = vec!["?"; rows.column_count()].join(", ");
        let insert = format!("INSERT INTO {table} ({columns}) VALUES ({places})");
        let count = rows.column_count();
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let values = (0..count).map(|at| row.get(at)).collect::<Result<Vec<Value>, _>>()?;
            change_one(connection, &insert, params_from_iter(values))?;
        }
    }
    connection.execute_batch(&format!(
        "INSERT INTO operations_text (operations_text) VALUES ('delete-all');
         INSERT INTO operations_text (rowid, found)
             SELECT operation, {WORDS} FROM operations;
         UPDATE acl_version SET version = version + 1"
    ))?;
    for (_, _, sql) in of_tables() {
        connection.execute_batch(sql)?;
    }
    Ok(())
}
