//! The SQLite store: all the SQL is here, and no rule about who may do what.
//!
//! One thread writes (`writer`): it appends events to the log (`log`) and applies them to the tables that questions are
//! asked of (`projections`), in one transaction. Readers (`queries`) have a pool of their own that cannot write.
//! `verify` applies the whole log again and compares.

mod acl;
mod acl_cache;
mod admission;
pub mod archive;
mod archive_file;
pub mod backup;
mod checkpoint_file;
mod database;
mod files;
mod groups;
mod key_file;
mod locks;
mod log;
mod observation;
mod outbox;
mod permissions;
mod projections;
pub mod proofs;
mod queries;
mod rebuild;
mod rows;
mod schema;
mod scratch;
mod tiles;
pub mod verify;
pub mod wal;
mod writer;

pub use database::{Database, database_file};
pub use queries::LogCopy;
pub use scratch::{Scratch, fill};

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};
use secrecy::SecretString;
use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool,
    SqlitePoolOptions,
};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::task::spawn_blocking;
use tracing::warn;

use crate::app::ports::{
    AclChanged, AclEdit, Admission, Admitted, AuditLog, GrantsPage, GroupSubjects, Observation,
    OwnerChangeEvent, ReadBack, Store, StoreError, StoreStats,
};
use crate::app::replies::{Batch, Outbox, PendingReply, Platform};
use crate::domain::access::{AclView, AuthorisedChannel, Grant, GrantId, GrantUse, Reading};
use crate::domain::admission::{Attempt, Verdict};
use crate::domain::audit::{AuditEntry, AuditFilter, OperationId, Outcome, SystemChange, Unresolved, What};
use crate::domain::principal::Place;
use crate::domain::principal::{Channel, Principal, Subject};
use crate::domain::reply_note::ReplyNote;
use crate::domain::room::{AccountId, RoomId};
use crate::domain::tree_head::TreeHead;
use crate::merkle::SigningKey;

use acl_cache::AclCache;
use admission::AdmitResult;
use checkpoint_file::{CheckpointFile, Publisher};
use files::Files;
use locks::Instance;
use log::LogTransaction;
use projections::change_one;
use queries::LogReader;
use rows::{Explain as _, Open};
use schema::IntegrityCheck;
use writer::{Desk, Writer};

/// The first SQLite without the race between a checkpoint and a commit that can lose data in WAL mode
/// (fixed in 3.51.3; 3.50.7 and 3.44.6 carry the fix too).
const SOUND_SQLITE: &[u32; 3] = &[3, 51, 3];

/// How long a write waits for another process's transaction. Shorter than the 3 s after which Slack
/// gives up, so that the person hears from us.
const BUSY_TIMEOUT: Duration = Duration::from_millis(1_500);

const READERS: u32 = 4;

/// Whether a missing database is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfMissing {
    /// Make it.
    Create,
    /// Say so.
    Fail,
}

/// The store on one SQLite file.
pub struct SqliteStore {
    readers: SqlitePool,
    log: LogReader,
    writer: Writer,
    instance: Arc<Instance>,
    acl_cache: Arc<AclCache>,
    file: PathBuf,
    files: Arc<Files>,
    key: Arc<SigningKey>,
}

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
        check_version(&mut first).await?;
        let schema = schema::migrate(&mut first, &file).await?;
        let (of, given) = (file.clone(), database.signing_key.clone());
        let begun = spawn_blocking(move || {
            let (connection, key) = begin_writing(&of, given.as_ref(), &schema)?;
            Ok::<_, StoreError>((connection, key, schema))
        });
        let (connection, key, schema) = begun.await.explain("the database could not be opened")??;
        // The last connection that is closed would fold the write-ahead log in and delete it.
        first.close().await.explain("the database cannot be closed")?;
        let files = Arc::new(Files::opened(&file)?);
        let readers = readers(&options, &files).await?;
        instance.has_open(&files)?;
        gone.iter().for_each(|file| drop(std::fs::remove_file(file)));
        drop(starting);

        let key = Arc::new(key);
        let acl_cache = Arc::new(AclCache::new());
        let mut publisher = Publisher::new(CheckpointFile::new(&file, instance.folder()));
        let last_key = tiles::last_key(&connection)?.unwrap_or_default();
        let home = connection.query_row("SELECT inode FROM home", [], |row| row.get(0)).optional()?;
        publisher.publish(tiles::newest(&connection).ok().filter(|head| head.head().size > 0).as_ref());
        let desk = Desk {
            file: file.clone(),
            files: Arc::clone(&files),
            instance: Arc::clone(&instance),
            integrity: IntegrityCheck::of(schema),
            key: Arc::clone(&key),
            publisher,
            acl_cache: Arc::clone(&acl_cache),
        };
        let writer = Writer::spawn(desk, connection)?;
        let log = LogReader::on(readers.clone(), &file);
        let store = Self { log, readers, writer, instance, acl_cache, file, files, key };
        store.note_changes(last_key, home).await?;
        Ok(store)
    }

    /// Records what is not as it was when the log was last written: its key, its file.
    async fn note_changes(&self, last_key: String, home: Option<i64>) -> Result<(), StoreError> {
        let key = self.key.verifier_key().to_string();
        let inode = std::fs::metadata(&self.file).map_or(0, |file| file.ino().cast_signed());
        if last_key == key && home == Some(inode) {
            return Ok(());
        }
        let noted = self.writer.write(move |log| {
            #[expect(
                clippy::disallowed_methods,
                reason = "when the file was opened; nothing is decided by it"
            )]
            let at = Timestamp::now();
            if last_key != key {
                warn!(last = last_key, now = key, "the audit log is signed with another key from now on");
                let change = SystemChange::KeyChanged { from: last_key, to: key };
                log.begin_operation(at, What::System(change))?;
            }
            if home.is_some_and(|home| home != inode) {
                log.begin_operation(at, What::System(SystemChange::FileReplaced))?;
            }
            let sql =
                "INSERT INTO home (one, inode) VALUES (1, ?1) ON CONFLICT (one) DO UPDATE SET inode = ?1";
            change_one(log.connection, sql, [inode])
        });
        noted.await.map(drop)
    }
}

/// The writer's connection and the key, once the log still goes on from the head that lies beside it.
fn begin_writing(
    file: &Path,
    given: Option<&SecretString>,
    schema: &schema::Schema,
) -> Result<(Connection, SigningKey), StoreError> {
    let unreadable = "the signed tree cannot be read";
    let connection = writer::connect(file)?;
    schema.check(&connection)?;
    let last = tiles::last_key(&connection).explain(unreadable)?;
    let key = key_file::load_or_make(file, given, last.as_deref())?;
    tiles::plant(&connection, &key).explain("the signed tree cannot be made")?;
    check_head_beside(&connection, &checkpoint_file::path(file))?;
    Ok((connection, key))
}

/// The head beside the database is of this log: as long at the most, and the same as far as it goes.
fn check_head_beside(connection: &Connection, file: &Path) -> Result<(), StoreError> {
    let unreadable = "the signed tree cannot be read";
    // Read before the log: another process may be adding to both.
    let there = checkpoint_file::read(file).map_err(|error| {
        StoreError(format!(
            "`{}` should hold the newest signed head of the audit log, and cannot be read: {error}; look into \
             it, then move it away",
            file.display()
        ))
    })?;
    let now = log::LogTail::read(connection).explain(unreadable)?.frontier().head();
    let Some(there) = there.map(|there| there.head()) else { return Ok(()) };
    let same = if there.size < now.size {
        tiles::head_at(connection, there.size).explain(unreadable)?
    } else {
        Some(now)
    };
    if same == Some(there) {
        return Ok(());
    }
    let found = if there.size > now.size {
        format!("the audit log ends at event {}, and {} were signed", now.size, there.size)
    } else {
        format!("the first {} events of the audit log are not those that were signed", there.size)
    };
    Err(StoreError(format!(
        "{found}, as `{0}` says: records were taken out or altered, its write-ahead log was removed while it was in \
         use, or an older copy was put in place. `room-owner audit verify` tells more. If you restored a copy, move `{0}` \
         away and keep it",
        file.display()
    )))
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

async fn check_version(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let version: String = sqlx::query_scalar("SELECT sqlite_version()")
        .fetch_one(connection)
        .await
        .explain("the sqlite version cannot be read")?;
    sound(&version)
}

fn sound(version: &str) -> Result<(), StoreError> {
    let number = |text: &str| text.split('.').map(|part| part.parse().ok()).collect::<Option<Vec<u32>>>();
    if number(version).is_some_and(|number| number.as_slice() >= SOUND_SQLITE) {
        return Ok(());
    }
    let [major, minor, patch] = SOUND_SQLITE;
    Err(StoreError(format!(
        "sqlite {version} can lose commits in WAL mode: build with {major}.{minor}.{patch} or newer"
    )))
}

impl SqliteStore {
    /// How many transactions were committed since the store was opened: what waits together shares one.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.writer.commits()
    }

    /// The processes that read from the write-ahead log now, which keeps it from being folded in.
    #[must_use]
    pub fn wal_readers(&self) -> Vec<String> {
        wal::readers(&self.file)
    }

    /// Finishes what is queued and closes the file, so that its write-ahead log is folded in and a copy of
    /// the one file is whole. Later calls fail.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// An open operation, and whose it is.
    fn located(&self, open: &Open) -> Option<Unresolved> {
        let is_ours = open.instance() == self.instance.id();
        open.located(is_ours, self.instance.is_elsewhere(open.instance()))
    }

    /// Does `work` inside the writer's transaction. What could not be done is put by what the files' permissions say
    /// if they are the cause.
    async fn write<T, W>(&self, work: W) -> Result<(T, Option<TreeHead>), StoreError>
    where
        W: FnOnce(&mut LogTransaction<'_>) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        self.writer.write(work).await.map_err(|error| match permissions::check(&self.file) {
            Err(why) if error.0.contains("readonly database") => why,
            _ => error,
        })
    }
}

const NO_ACL: &str = "the acl cannot be read";

#[async_trait]
impl Store for SqliteStore {
    async fn acl_for(&self, principal: &Principal, place: &Place) -> Result<AclView, StoreError> {
        queries::acl::view(&self.readers, principal, place).await.explain(NO_ACL)
    }

    async fn recent_acl_for(&self, principal: &Principal, place: &Place) -> Result<AclView, StoreError> {
        let Place::Channel(channel) = place else { return self.acl_for(principal, place).await };
        let key = acl_cache::key(principal, channel);
        if let Some(view) = self.acl_cache.get(&key) {
            return Ok(view);
        }
        let view = self.acl_for(principal, place).await?;
        self.acl_cache.put(key, view.clone());
        Ok(view)
    }

    async fn admit(&self, admission: Admission, at: Timestamp) -> Result<Admitted, StoreError> {
        let work = move |log: &mut LogTransaction<'_>| {
            let result = admission::admit(log, &admission, at)?;
            Ok((result, admission))
        };
        let ((result, admission), _) = self.write(work).await?;
        Ok(match result {
            AdmitResult::Recorded(operation) => match admission {
                Admission::Request { request, verdict: Verdict::Transfer(permit, new_owner), .. } => {
                    let attempt = Attempt::committed(operation, permit, new_owner, &request, at);
                    let wrong = || StoreError("a permit for another action was admitted".to_owned());
                    Admitted::Attempt(attempt.ok_or_else(wrong)?)
                }
                _ => Admitted::Recorded(operation),
            },
            AdmitResult::Duplicate { operation, first } => Admitted::Duplicate { operation, first },
            AdmitResult::Busy { operation, holder } => {
                let unresolved = self
                    .located(&holder)
                    .ok_or_else(|| StoreError("an operation holds a room but names none".to_owned()))?;
                Admitted::Busy { operation, holder: holder.entry, unresolved: Box::new(unresolved) }
            }
            AdmitResult::NotHeld { operation, named } => Admitted::NotHeld { operation, named },
            AdmitResult::AclChanged => Admitted::AclChanged,
        })
    }

    async fn note_previous_owner(
        &self,
        operation: OperationId,
        previous: &AccountId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let previous = previous.clone();
        self.write(move |log| admission::note_previous_owner(log, operation, previous, at)).await.map(drop)
    }

    async fn note_reply(
        &self,
        operation: OperationId,
        note: &ReplyNote,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let note = note.clone();
        self.write(move |log| admission::note_reply(log, operation, note, at)).await.map(drop)
    }

    async fn finish(
        &self,
        operation: OperationId,
        outcome: &Outcome,
        at: Timestamp,
    ) -> Result<Option<TreeHead>, StoreError> {
        let outcome = outcome.clone();
        let (finished, head) = self.write(move |log| admission::finish(log, operation, outcome, at)).await?;
        Ok(head.filter(|_| finished))
    }

    async fn observe(
        &self,
        notice: &OwnerChangeEvent,
        seen: Option<&ReadBack>,
        at: Timestamp,
    ) -> Result<Observation, StoreError> {
        let (notice, seen) = (notice.clone(), seen.cloned());
        let written = self.write(move |log| observation::observe(log, &notice, seen.as_ref(), at)).await?;
        Ok(written.0)
    }

    async fn unresolved(&self) -> Result<Vec<Unresolved>, StoreError> {
        // What follows is a look at Tencent, whose outcome is to be recorded.
        self.files.check().map_err(StoreError)?;
        let open = queries::open(&self.readers).await.explain("open operations cannot be read")?;
        Ok(open.iter().filter_map(|open| self.located(open)).collect())
    }

    async fn edit_acl(&self, edit: AclEdit, at: Timestamp) -> Result<AclChanged, StoreError> {
        Ok(self.write(move |log| acl::edit(log, &edit, at)).await?.0)
    }

    async fn acl_history_for(&self, principal: &Principal, channel: &Channel) -> Result<AclView, StoreError> {
        queries::acl::history(&self.readers, principal, channel).await.explain(NO_ACL)
    }

    async fn acl_version(&self) -> Result<i64, StoreError> {
        queries::acl::version(&self.readers).await.explain(NO_ACL)
    }

    async fn group_subjects(&self, now: Timestamp) -> Result<GroupSubjects, StoreError> {
        queries::acl::group_subjects(&self.readers, now).await.explain(NO_ACL)
    }

    async fn group_readings(&self) -> Result<BTreeMap<Subject, Reading>, StoreError> {
        let readings = queries::acl::group_readings(&self.readers).await;
        readings.explain("the readings of groups cannot be read")
    }

    async fn keep_group_readings(&self, readings: BTreeMap<Subject, Reading>) -> Result<(), StoreError> {
        self.write(move |log| groups::keep(log.connection, &readings)).await.map(drop)
    }

    async fn grants(&self) -> Result<Vec<Grant>, StoreError> {
        queries::acl::grants(&self.readers).await.explain(NO_ACL)
    }

    async fn live_grants(&self, now: Timestamp) -> Result<Vec<Grant>, StoreError> {
        queries::acl::live_grants(&self.readers, now).await.explain(NO_ACL)
    }

    async fn live_grants_for(&self, room: &RoomId, now: Timestamp) -> Result<Vec<Grant>, StoreError> {
        queries::acl::live_grants_for(&self.readers, room, now).await.explain(NO_ACL)
    }

    async fn grants_page(
        &self,
        live_at: Option<Timestamp>,
        page: u32,
        size: u32,
    ) -> Result<GrantsPage, StoreError> {
        queries::acl::grants_page(&self.readers, live_at, page, size).await.explain(NO_ACL)
    }

    async fn grant(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        queries::acl::grant(&self.readers, id).await.explain(NO_ACL)
    }

    async fn admins(&self) -> Result<Vec<Grant>, StoreError> {
        queries::acl::admins(&self.readers).await.explain(NO_ACL)
    }

    async fn grant_uses(&self) -> Result<Vec<GrantUse>, StoreError> {
        queries::acl::uses(&self.readers).await.explain(NO_ACL)
    }

    async fn channels(&self) -> Result<Vec<AuthorisedChannel>, StoreError> {
        queries::acl::channels(&self.readers).await.explain(NO_ACL)
    }

    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, StoreError> {
        self.log.entries(filter).await
    }

    async fn operation(&self, operation: OperationId) -> Result<Option<AuditEntry>, StoreError> {
        self.log.entry(operation).await
    }

    fn log(&self) -> &dyn AuditLog {
        &self.log
    }

    async fn check_writable(&self) -> Result<(), StoreError> {
        // Takes the write lock and writes more than a command does, so that a disk shows on which there is room for
        // neither.
        let probe = "UPDATE write_probe SET filler = randomblob(32768)";
        self.write(move |log| change_one(log.connection, probe, [])).await?;
        self.writer.check_published()
    }

    async fn stats(&self) -> StoreStats {
        let head = checkpoint_file::read(&checkpoint_file::path(&self.file)).ok().flatten();
        StoreStats {
            commits: self.writer.commits(),
            writes: self.writer.writes(),
            events: self.log.newest_event().await.map_or(0, i64::unsigned_abs),
            head: head.map_or(0, |head| head.head().size),
            wal_bytes: wal::size(&self.file),
        }
    }
}

#[async_trait]
impl Outbox for SqliteStore {
    async fn keep(&self, batch: &Batch) -> Result<(), StoreError> {
        let batch = batch.clone();
        self.write(move |log| outbox::keep(log, &batch)).await.map(drop)
    }

    async fn take_over(&self, platforms: &[Platform]) -> Result<Vec<PendingReply>, StoreError> {
        let (platforms, here) = (platforms.to_vec(), Arc::clone(&self.instance));
        Ok(self.write(move |log| outbox::take_over(log, &platforms, &here)).await?.0)
    }

    async fn claim(&self, pending: &PendingReply) -> Result<Option<PendingReply>, StoreError> {
        let (pending, here) = (pending.clone(), Arc::clone(&self.instance));
        Ok(self.write(move |log| outbox::claim(log, &pending, &here)).await?.0)
    }
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
        assert_eq!(u64::try_from(number("journal_size_limit")), Ok(wal::USUAL_BYTES));
    }

    #[test]
    fn a_sqlite_that_can_lose_commits_is_refused() {
        for version in ["3.51.3", "3.51.10", "3.52.0", "4.0.0"] {
            assert!(sound(version).is_ok(), "{version}");
        }
        for version in ["3.7.0", "3.44.2", "3.50.6", "3.51.0", "3.51.2", "3.51", "", "new"] {
            let refused = sound(version).unwrap_err().to_string();
            let told = format!("sqlite {version} can lose commits in WAL mode: build with 3.51.3 or newer");
            assert_eq!(refused, told);
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
