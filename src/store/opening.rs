//! Opening the database: it is one of this program, its schema is brought up to date, and its log goes on from where
//! it was left.

use std::path::Path;
use std::sync::{Arc, Mutex};

use rusqlite::Connection;
use secrecy::SecretString;
use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool,
    SqlitePoolOptions,
};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::sync::Notify;
use tokio::task::spawn_blocking;

use crate::app::ports::StoreError;
use crate::merkle::SigningKey;

use super::acl_cache::AclCache;
use super::checkpoint_file::{CheckpointFile, Publisher};
use super::continuity::LastTime;
use super::files::{self, Files};
use super::locks::{self, Instance};
use super::queries::LogReader;
use super::rows::Explain as _;
use super::schema::{self, IntegrityCheck, Schema};
use super::warnings::Beside;
use super::writer::{self, Desk, Writer};
use super::{BUSY_TIMEOUT, Database, IfMissing, SqliteStore, continuity, key_file, permissions, tiles};

/// The first SQLite without the race between a checkpoint and a commit that can lose data in WAL mode
/// (fixed in 3.51.3; 3.50.7 and 3.44.6 carry the fix too).
const SOUND_SQLITE: i32 = 3_051_003;

const READERS: u32 = 4;

impl SqliteStore {
    /// Opens the database, brings its schema up to date and checks that it can be trusted.
    ///
    /// # Errors
    /// When the file cannot be opened, made or written, has other names, holds another schema, when its log is not the
    /// one whose head lies beside it, when there is no key to sign with, or when SQLite is a version that can lose
    /// commits.
    pub async fn open(database: impl Into<Database>, if_missing: IfMissing) -> Result<Self, StoreError> {
        let database = database.into();
        let file = database.file()?;
        files::check_before_opening(&file)?;
        if if_missing == IfMissing::Fail {
            database.check_exists()?;
        }
        permissions::check(&file)?;
        let options = options(&file, if_missing);
        // Two processes may start at once on a new file: sqlx takes no lock for its migrations, and SQLite
        // does not wait for another's change to WAL mode but fails.
        let starting = locks::lock_for_start(&file).await?;
        let gone = locks::check_others(&file).await?;
        let instance = Arc::new(Instance::begin(&file)?);
        if if_missing == IfMissing::Create {
            // What SQLite makes beside it gets the same mode. If it cannot be made, SQLite says why.
            drop(files::private().create_new(true).open(&file));
        }
        // From the first table on, so that archiving shrinks the file. On one that is there it would ask for a lock.
        let is_new = std::fs::metadata(&file).is_ok_and(|file| file.len() == 0);
        let shrinking = || options.clone().auto_vacuum(SqliteAutoVacuum::Incremental);
        let mut first = open_connection(&if is_new { shrinking() } else { options.clone() }, &file).await?;
        check_sqlite(rusqlite::version_number(), rusqlite::version())?;
        let schema = schema::migrate(&mut first, &file).await?;
        let (of, given) = (file.clone(), database.signing_key.clone());
        let begun = spawn_blocking(move || {
            let (connection, key, last_time) = begin_writing(&of, given.as_ref(), &schema)?;
            Ok::<_, StoreError>((connection, key, last_time, schema))
        });
        let (connection, key, last_time, schema) =
            begun.await.explain("the database could not be opened")??;
        // The last connection that is closed would fold the write-ahead log in and delete it.
        first.close().await.explain("the database cannot be closed")?;
        let files = Arc::new(Files::opened(&file)?);
        let readers = readers(&options, &files).await?;
        instance.has_open(&files)?;
        gone.iter().for_each(|file| locks::remove(file));
        drop(starting);

        let key = Arc::new(key);
        let acl_cache = Arc::new(AclCache::new());
        let mut publisher = Publisher::new(CheckpointFile::new(&file, instance.folder()));
        publisher.publish(tiles::newest(&connection).ok().filter(|head| head.head().size > 0).as_ref());
        let desk = Desk {
            file: file.clone(),
            files: Arc::clone(&files),
            instance: Arc::clone(&instance),
            integrity: IntegrityCheck::of(schema),
            key: Arc::clone(&key),
            publisher: Arc::new(Mutex::new(publisher)),
            acl_cache: Arc::clone(&acl_cache),
        };
        let writer = Writer::spawn(desk, connection)?;
        let log = LogReader::on(readers.clone(), &file);
        let (beside, announcements) = (Beside::of(&file), Notify::new());
        let store =
            Self { log, readers, writer, instance, acl_cache, file, files, key, beside, announcements };
        last_time.note_changes(&store).await?;
        Ok(store)
    }
}

/// The writer's connection and the key, once the log still goes on from the head that lies beside it; and how it was
/// left.
fn begin_writing(
    file: &Path,
    given: Option<&SecretString>,
    schema: &Schema,
) -> Result<(Connection, SigningKey, LastTime), StoreError> {
    let unreadable = "the signed tree cannot be read";
    let connection = writer::connect(file)?;
    schema.check(&connection)?;
    let last = tiles::last_key(&connection).explain(unreadable)?;
    let key = key_file::load_or_make(file, given, last.as_deref())?;
    tiles::plant(&connection, &key).explain("the signed tree cannot be made")?;
    let snapshot = connection.unchecked_transaction().explain(unreadable)?;
    continuity::check_head_beside(&snapshot, file)?;
    let last_time = LastTime::of(&snapshot, file).explain(unreadable)?;
    snapshot.finish().explain(unreadable)?;
    Ok((connection, key, last_time))
}

/// Connections that cannot write. One is open for as long as the store: what SQLite keeps beside the database is
/// made anew only when nobody has it open, and the writer may have to open it again.
async fn readers(options: &SqliteConnectOptions, files: &Arc<Files>) -> Result<SqlitePool, StoreError> {
    let files = Arc::clone(files);
    let readers = SqlitePoolOptions::new()
        .min_connections(1)
        .max_connections(READERS)
        .max_lifetime(None)
        .idle_timeout(None)
        .acquire_timeout(BUSY_TIMEOUT)
        // A file does not hang up; the question itself says whether it can be read.
        .test_before_acquire(false)
        // A connection would go on with the wrong file when the right one is back.
        .after_connect(move |_, _| {
            let checked = files.check().map_err(|why| sqlx::Error::Configuration(why.into()));
            Box::pin(async move { checked })
        })
        .connect_lazy_with(options.clone().read_only(true).create_if_missing(false));
    let first = readers.acquire().await.explain("the database cannot be opened for reading")?;
    drop(first);
    Ok(readers)
}

/// What holds on every connection.
fn options(file: &Path, if_missing: IfMissing) -> SqliteConnectOptions {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(if_missing == IfMissing::Create)
        .busy_timeout(BUSY_TIMEOUT)
        .journal_mode(SqliteJournalMode::Wal)
        .disable_statement_logging();
    writer::PRAGMAS.iter().fold(options, |options, (name, value)| options.pragma(*name, *value))
}

async fn open_connection(
    options: &SqliteConnectOptions,
    file: &Path,
) -> Result<SqliteConnection, StoreError> {
    SqliteConnection::connect_with(options).await.map_err(|error| {
        if error.to_string().contains("file is not a database") {
            return StoreError(format!("`{}` is not a database: check `DATABASE_URL`", file.display()));
        }
        if error.to_string().contains("malformed") {
            return StoreError(format!(
                "the database `{}` is damaged ({error}): keep it aside with the files beside it, put the newest copy \
                 that `room-owner backup` made in its place, and look at its disk",
                file.display()
            ));
        }
        StoreError(format!(
            "the database `{}` cannot be opened: {error}; check that its folder exists and can be written",
            file.display()
        ))
    })
}

pub(super) fn check_sqlite(number: i32, version: &str) -> Result<(), StoreError> {
    if number >= SOUND_SQLITE {
        return Ok(());
    }
    Err(StoreError(format!("sqlite {version} can lose commits in WAL mode: build with 3.51.3 or newer")))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn pragma(connection: &mut SqliteConnection, name: &str) -> String {
        let sql = format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}");
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(connection).await.unwrap()
    }

    #[tokio::test]
    async fn every_commit_is_synced_and_every_trigger_fires() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("room-owner.db");
        let url = format!("sqlite://{}", file.display());
        let store = SqliteStore::open(&url, IfMissing::Create).await.unwrap();
        let writing = SqliteConnection::connect_with(&options(&file, IfMissing::Fail)).await.unwrap();
        let reading = store.readers.acquire().await.unwrap().detach();
        for mut connection in [writing, reading] {
            assert_eq!(pragma(&mut connection, "journal_mode").await, "wal");
            assert_eq!(pragma(&mut connection, "synchronous").await, "2", "FULL");
            assert_eq!(pragma(&mut connection, "recursive_triggers").await, "1");
        }
        let writer = writer::connect(&file).unwrap();
        let number = |name| writer.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!((number("synchronous"), number("foreign_keys"), number("recursive_triggers")), (2, 1, 1));
        assert_eq!((number("trusted_schema"), number("cell_size_check")), (0, 1));
        assert_eq!(number("wal_autocheckpoint"), 4_000);
        assert_eq!(u64::try_from(number("journal_size_limit")), Ok(crate::store::wal::USUAL_BYTES));
    }

    #[test]
    fn a_sqlite_that_can_lose_commits_is_refused() {
        for number in [3_051_003, 3_051_010, 3_052_000, 4_000_000] {
            assert!(check_sqlite(number, "").is_ok(), "{number}");
        }
        for (number, version) in [(3_007_000, "3.7.0"), (3_050_006, "3.50.6"), (3_051_002, "3.51.2")] {
            let refused = check_sqlite(number, version).unwrap_err().to_string();
            let words = format!("sqlite {version} can lose commits in WAL mode: build with 3.51.3 or newer");
            assert_eq!(refused, words);
        }
    }

    #[tokio::test]
    async fn readers_cannot_write() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("room-owner.db").display());
        let store = SqliteStore::open(&url, IfMissing::Create).await.unwrap();
        let written = sqlx::query("UPDATE acl_version SET version = 0").execute(&store.readers).await;
        assert!(written.unwrap_err().to_string().contains("readonly"));
    }
}
