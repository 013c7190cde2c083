//! The log of a file that is only read: a copy, a back-up.

use std::path::Path;

use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqlitePoolOptions};

use super::LogReader;
use crate::app::ports::{AuditLog, StoreError};
use crate::store::{files, schema, wal};

/// The audit log of a database file that is left as it is: nothing is written beside it or into it, and its
/// schema is not brought up to date.
pub struct LogCopy {
    reader: LogReader,
}

impl LogCopy {
    /// Opens the file.
    ///
    /// # Errors
    /// When it cannot be read, or has a schema from before the questions.
    pub async fn open(file: &Path) -> Result<Self, StoreError> {
        let name = file.display();
        if !file.is_file() {
            return Err(StoreError(format!("there is no file `{name}`: name the copy of a database")));
        }
        let file = files::followed(file.to_owned());
        // Without a write-ahead log beside it the file is all there is, and needs no files for sharing.
        let wal = wal::size(&file) > 0;
        let options = SqliteConnectOptions::new()
            .filename(&file)
            .read_only(true)
            .immutable(!wal)
            .pragma("trusted_schema", "OFF")
            .pragma("cell_size_check", "ON");
        let mut first = SqliteConnection::connect_with(&options).await.map_err(|error| {
            StoreError(format!("`{name}` cannot be read: {error}; is it the copy of a database?"))
        })?;
        let known =
            "SELECT count(*) FROM sqlite_schema WHERE name IN ('audit_events', 'operations', 'signed_head')";
        let known: i64 = sqlx::query_scalar(known).fetch_one(&mut first).await.map_err(|error| {
            StoreError(format!("`{name}` cannot be read: {error}; is it the copy of a database?"))
        })?;
        drop(first.close().await);
        match known {
            3 => {}
            1 | 2 => return Err(StoreError(format!("`{name}` {}", schema::TOO_OLD))),
            _ => return Err(StoreError(format!("`{name}` holds no audit log of this program"))),
        }
        let pool = SqlitePoolOptions::new().max_connections(2).connect_lazy_with(options);
        Ok(Self { reader: LogReader::on(pool, &file) })
    }

    /// The log.
    pub fn log(&self) -> &dyn AuditLog {
        &self.reader
    }
}
