//! Which database: its URL, its file, and the key that signs its log.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use rusqlite::{Connection, OpenFlags};
use secrecy::SecretString;
use sqlx::sqlite::SqliteConnectOptions;

use super::files::{self, beside};
use super::key_file::KeyProblem;
use super::rows::Explain as _;
use super::{BUSY_TIMEOUT, key_file};
use crate::app::ports::StoreError;
use crate::merkle::VerifierKey;

/// Which database, and the key that signs its log.
#[derive(Debug, Clone)]
pub struct Database {
    url: String,
    /// Instead of what the URL names.
    file: Option<PathBuf>,
    pub(super) signing_key: Option<SecretString>,
}

impl Database {
    /// The database at `url` (`sqlite://<file>`); without a key, the one of `<file>.key`.
    pub fn new(url: impl Into<String>, signing_key: Option<SecretString>) -> Self {
        Self { url: url.into(), file: None, signing_key }
    }

    /// The database in `file`, whatever characters its name has.
    pub fn of_file(file: &Path, signing_key: Option<SecretString>) -> Self {
        Self { url: format!("sqlite://{}", file.display()), file: Some(file.to_owned()), signing_key }
    }

    /// Its file, which is no symbolic link: what lies beside the database lies beside this one.
    ///
    /// # Errors
    /// When the URL names none.
    pub fn file(&self) -> Result<PathBuf, StoreError> {
        self.file.clone().map_or_else(|| database_file(&self.url), Ok).map(files::followed)
    }

    /// Its file by its full name, for people.
    ///
    /// # Errors
    /// When the URL names none.
    pub fn full_name(&self) -> Result<String, StoreError> {
        self.file().map(|file| full_name(&file))
    }

    /// Checks that it was made already.
    ///
    /// # Errors
    /// When it was not, with words on what to do.
    pub fn check_exists(&self) -> Result<(), StoreError> {
        let file = self.file()?;
        let Err(StoreError(why)) = check_is_there(&file) else { return Ok(()) };
        // It may have been taken away.
        files::check_before_opening(&file)?;
        let remedy = match self.file {
            Some(_) => "check its name",
            None => {
                "run this in the bot's folder or set `DATABASE_URL`; `room-owner init` or `room-owner serve` makes a \
                 new one"
            }
        };
        Err(StoreError(format!("{why}: {remedy}")))
    }

    /// Whether this is its file, by whatever name or link.
    pub fn is_file(&self, file: &Path) -> bool {
        let own = self.file().ok().and_then(|own| files::identity(&own));
        own.is_some() && own == files::identity(file)
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The text of the key that signs its log; `None` if there is no key yet, or none that can be read.
    pub fn signing_key(&self) -> Option<SecretString> {
        self.signing_key.clone().or_else(|| key_file::text(&self.file().ok()?).ok())
    }

    /// The public half of its key; `None` if there is no key yet.
    ///
    /// # Errors
    /// When the key cannot be used.
    pub fn verifier_key(&self) -> Result<Option<VerifierKey>, StoreError> {
        Ok(self.usable_key(&self.file()?)?)
    }

    /// The same beside its file.
    pub(super) fn usable_key(&self, file: &Path) -> Result<Option<VerifierKey>, KeyProblem> {
        let key = key_file::load(file, self.signing_key.as_ref())?;
        Ok(key.map(|key| key.verifier_key().clone()))
    }
}

impl From<&str> for Database {
    fn from(url: &str) -> Self {
        Self::new(url, None)
    }
}

impl From<&String> for Database {
    fn from(url: &String) -> Self {
        Self::new(url, None)
    }
}

/// The file of a database URL.
///
/// # Errors
/// When it is not `sqlite://<file>`.
pub fn database_file(url: &str) -> Result<PathBuf, StoreError> {
    // Another kind of database has its password in the URL: it is not quoted.
    let wrong = || StoreError("this is not a database of a file: write `sqlite://room-owner.db`".to_owned());
    if !url.starts_with("sqlite:") {
        return Err(wrong());
    }
    let options = SqliteConnectOptions::from_str(url).map_err(|_| wrong())?;
    let file = options.get_filename().to_owned();
    if file.as_os_str().is_empty() || url.contains(":memory:") || url.contains("mode=memory") {
        return Err(wrong());
    }
    // SQLite would take it for another file than we do.
    if file.starts_with(":memory:") || file.as_os_str().as_encoded_bytes().starts_with(b"file:") {
        return Err(wrong());
    }
    if url.split_once('?').is_some_and(|(_, options)| options != "mode=rwc") {
        let why = "the database's URL ends with options (`?..`), which change nothing: leave them out";
        return Err(StoreError(why.to_owned()));
    }
    Ok(file)
}

fn full_name(file: &Path) -> String {
    std::path::absolute(file).unwrap_or_else(|_| file.to_owned()).display().to_string()
}

fn check_is_there(file: &Path) -> Result<(), StoreError> {
    let name = full_name(file);
    match file.metadata() {
        Ok(there) if there.len() > 0 => Ok(()),
        Ok(_) => Err(StoreError(format!("there is no database `{name}`, only an empty file"))),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(StoreError(format!("there is no database `{name}`")))
        }
        Err(error) => Err(StoreError(format!("the database `{name}` cannot be opened: {error}"))),
    }
}

/// Opens the file so that nothing is written, not even beside it.
pub(super) fn open_to_read(database: &Path) -> Result<Connection, StoreError> {
    check_is_there(database)?;
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let opened = Connection::open_with_flags(uri(database), flags);
    let connection =
        opened.explain(&format!("the database `{}` cannot be opened for reading", database.display()))?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON")?;
    Ok(connection)
}

/// The file as SQLite opens it for reading alone.
pub(super) fn uri(database: &Path) -> String {
    let path = database.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    // Without a write-ahead log there is nobody at the file, and SQLite needs no shared memory.
    let has = |suffix| beside(database, suffix).exists();
    let immutable = if has("-wal") || has("-shm") { "" } else { "&immutable=1" };
    format!("file:{path}?mode=ro{immutable}")
}
