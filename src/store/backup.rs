//! A whole copy of the database while others write to it.
//!
//! By `VACUUM INTO`: SQLite's online backup functions are out of reach of safe code here. Both copy one
//! consistent state; this one also leaves out free pages.

use std::io::Write as _;
use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

use super::database::open_to_read;
use super::files::beside;
use super::rows::Explain as _;
use super::schema::Applied;
use super::verify::{Evidence, verify};
use super::{Database, checkpoint_file, files, locks, writer};
use crate::app::ports::StoreError;
use crate::domain::verification::Report;

/// What holds of a copy alone: it has no place of its own yet, nobody is signed in to it, and what is due in it may be posted before it is used.
const OF_A_COPY: &str =
    "DELETE FROM home; DELETE FROM sessions; UPDATE announcements_due SET perhaps_sent = 1";

/// Makes the copy `file`, puts the newest signed head beside it, and checks the copy with the key of the
/// original. The key itself is not copied.
///
/// # Errors
/// When there is no database, the copy is there already or cannot be made; what is wrong inside of it is in
/// the report.
pub async fn run(database: &Database, file: &Path) -> Result<Report, StoreError> {
    let original = database.file()?;
    files::check_before_opening(&original)?;
    database.check_exists()?;
    locks::check_others(&original).await?;
    // The copy is checked by this version.
    Applied::of(&open_to_read(&original)?, "main")?.check()?;
    let head = beside(file, ".checkpoint");
    for path in [file, &head] {
        if path.symlink_metadata().is_ok() {
            return Err(StoreError(format!("`{}` is there already: choose another name", path.display())));
        }
    }
    let target = file.to_str().ok_or_else(|| {
        StoreError(format!("`{}` cannot be passed on to the database: choose another name", file.display()))
    })?;
    // The head first: the copy then goes at least as far.
    let newest = checkpoint_file::read(&checkpoint_file::path(&original)).ok().flatten();
    let options = SqliteConnectOptions::new()
        .filename(&original)
        .create_if_missing(false)
        .busy_timeout(super::BUSY_TIMEOUT)
        .pragma("trusted_schema", "OFF")
        .disable_statement_logging();
    let mut connection =
        SqliteConnection::connect_with(&options).await.explain("the database cannot be opened")?;
    let unwritable =
        |path: &Path, error| StoreError(format!("`{}` cannot be written: {error}", path.display()));
    // SQLite takes an empty file for none, and leaves its mode as it is.
    files::private().create_new(true).open(file).map_err(|error| unwritable(file, error))?;
    let copied = sqlx::query("VACUUM INTO ?").bind(target).execute(&mut connection).await;
    if let Err(error) = copied {
        drop(std::fs::remove_file(file));
        return Err(error).explain("the copy cannot be made");
    }
    connection.close().await.explain("the database cannot be closed")?;
    let adapted = writer::connect(file).and_then(|copy| Ok(copy.execute_batch(OF_A_COPY)?));
    adapted.explain("the copy cannot be written")?;
    if let Some(newest) = newest {
        let written = files::private().create_new(true).open(&head);
        let written = written.and_then(|mut open| open.write_all(newest.as_str().as_bytes()));
        written.map_err(|error| unwritable(&head, error))?;
    }
    let copied = std::fs::File::open(file).and_then(|copy| copy.sync_all());
    copied.map_err(|error| StoreError(format!("`{}` cannot be synced: {error}", file.display())))?;
    let own_key = database.verifier_key()?;
    verify(file, Evidence { own_key, ..Evidence::default() }).await
}
