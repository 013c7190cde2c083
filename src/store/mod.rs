//! The SQLite store: all the SQL is here, and no rule about who may do what.
//!
//! One task owns the one connection that writes (`writer`); whatever waits for it at the same time
//! shares a commit. Readers have a pool of their own that cannot write.

mod acl;
mod admission;
mod answers;
pub mod archive;
pub mod backup;
mod batch;
mod database;
mod event;
mod files;
mod foresight;
mod groups;
mod guards;
mod instance;
mod key_file;
mod observed;
mod owed;
mod permissions;
mod reading;
mod replies;
mod rows;
mod scratch;
mod seal;
mod texts;
mod tree;
pub mod verify;
mod view;
mod views;
mod witness;
mod writer;

pub use database::{Database, database_file};
pub use reading::LogCopy;
pub use scratch::{Scratch, fill};

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Connection as _, SqlSafeStr as _};

use crate::app::ports::{
    AclChanged, AclEdit, Admission, Admitted, AuditLog, GrantsPage, GroupSubjects, Observed, OwnerNotice,
    Seen, Store, StoreError,
};
use crate::app::replies::{Owed, Page, Platform, ReplyBook};
use crate::domain::access::{AclView, AuthorisedChannel, Grant, GrantId, GrantUse, Reading};
use crate::domain::audit::{AuditEntry, AuditFilter, OperationId, Outcome, Unresolved};
use crate::domain::command::Place;
use crate::domain::principal::{Channel, Principal, Subject};
use crate::domain::reply_note::ReplyNote;
use crate::domain::room::{AccountId, RoomId};
use crate::domain::tree_head::TreeHead;

use database::beside;
use files::Files;
use guards::{Guards, Schema};
use instance::Instance;
use reading::LogReader;
use seal::Seal;
use views::Views;
use writer::Writer;

/// The first SQLite without the race between a checkpoint and a commit that can lose data in WAL mode
/// (fixed in 3.51.3; 3.50.7 and 3.44.6 carry the fix too).
const SOUND_SQLITE: &[u32; 3] = &[3, 51, 3];

/// How long a write waits for another process's transaction. Shorter than the 3 s after which Slack
/// gives up, so that the person hears from us.
const BUSY_TIMEOUT: Duration = Duration::from_millis(1_500);

const READERS: u32 = 4;

fn migrations() -> Vec<Migration> {
    let simple = |version, description: &'static str, sql: &'static str| {
        Migration::new(version, description.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    vec![
        simple(1, "access and audit", include_str!("../../migrations/0001_access_and_audit.sql")),
        simple(2, "acl", include_str!("../../migrations/0002_acl.sql")),
        simple(3, "reading", include_str!("../../migrations/0003_reading.sql")),
        simple(4, "tree", include_str!("../../migrations/0004_tree.sql")),
        simple(5, "callbacks", include_str!("../../migrations/0005_callbacks.sql")),
        simple(6, "replies", include_str!("../../migrations/0006_replies.sql")),
        simple(7, "live grants", include_str!("../../migrations/0007_live_grants.sql")),
        simple(8, "live grants counted", include_str!("../../migrations/0008_live_grants_counted.sql")),
        simple(9, "archives", include_str!("../../migrations/0009_archives.sql")),
        simple(10, "text index", include_str!("../../migrations/0010_text_index.sql")),
        simple(11, "group readings", include_str!("../../migrations/0011_group_readings.sql")),
        simple(12, "corrected outcomes", include_str!("../../migrations/0012_corrected_outcomes.sql")),
    ]
}

/// Whether a missing database is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfMissing {
    /// Make it.
    Create,
    /// Say so: somebody wants to read what is not there.
    Fail,
}

/// The store on one SQLite file.
pub struct SqliteStore {
    readers: SqlitePool,
    log: LogReader,
    writer: Writer,
    instance: Arc<Instance>,
    views: Arc<Views>,
    file: PathBuf,
    files: Arc<Files>,
}

fn failed(what: &str) -> impl Fn(sqlx::Error) -> StoreError + '_ {
    move |error| StoreError(format!("{what}: {error}"))
}

impl SqliteStore {
    /// Opens the database, brings its schema up to date and checks that it can be trusted.
    ///
    /// # Errors
    /// When the file cannot be opened, made or written, has other names, holds another schema, lacks a guard, when its log is not the
    /// one whose head lies beside it, when there is no key to sign with, or when SQLite is a version that
    /// can lose commits.
    pub async fn open(database: impl Into<Database>, if_missing: IfMissing) -> Result<Self, StoreError> {
        let database = database.into();
        let file = database.file()?;
        files::check_before_opening(&file)?;
        if if_missing == IfMissing::Fail && !file.exists() {
            return Err(StoreError(format!(
                "there is no database `{}`: set `DATABASE_URL`, or make it with `room-owner serve` or `room-owner acl grant`",
                file.display()
            )));
        }
        permissions::check(&file)?;
        let options = options(&file, if_missing);
        // Two processes may start at once on a new file: sqlx takes no lock for its migrations, and SQLite
        // does not wait for another's change to WAL mode but fails.
        let starting = instance::lock_for_start(&file).await?;
        let gone = instance::check_others(&file).await?;
        let instance = Arc::new(Instance::begin(&file)?);
        if if_missing == IfMissing::Create {
            // What SQLite makes beside it gets the same mode. If it cannot be made, SQLite says why.
            drop(files::private().create_new(true).open(&file));
        }
        let mut first = open_connection(&options, &file).await?;
        check_version(&mut first).await?;
        let guards = migrate(&mut first).await?;
        let seal = Seal::begin(&mut first, &file, database.signing_key.as_ref(), &instance).await?;
        let files = Arc::new(Files::opened(&file)?);
        let readers = readers(&options, &files).await?;
        instance.has_open(&files)?;
        gone.iter().for_each(|file| drop(std::fs::remove_file(file)));
        drop(starting);

        let views = Arc::new(Views::new());
        let (own, open, seen) = (Arc::clone(&instance), Arc::clone(&files), Arc::clone(&views));
        let writer = Writer::spawn(options, first, own, open, guards, seal, seen)?;
        Ok(Self { log: LogReader::on(readers.clone()), readers, writer, instance, views, file, files })
    }
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
    let first = readers.acquire().await.map_err(failed("the database cannot be opened for reading"))?;
    drop(first);
    Ok(readers)
}

/// What holds on every connection.
fn options(file: &Path, if_missing: IfMissing) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(if_missing == IfMissing::Create)
        .busy_timeout(BUSY_TIMEOUT)
        .journal_mode(SqliteJournalMode::Wal)
        // The log must survive a power cut: every commit is synced.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        // Without it `INSERT OR REPLACE` deletes rows behind the triggers' back.
        .pragma("recursive_triggers", "ON")
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON")
        // Four times as long as usual, so that folding the write-ahead log in meets one command in a hundred.
        .pragma("wal_autocheckpoint", "4000")
        .disable_statement_logging()
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
        .map_err(failed("the sqlite version cannot be read"))?;
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

/// Brings the schema up to date; what has to stand from then on.
async fn migrate(connection: &mut SqliteConnection) -> Result<Guards, StoreError> {
    // What somebody put into an older one would act on the change.
    if let Some(before) = before(connection).await? {
        before.check(connection).await?;
    }
    Migrator::with_migrations(migrations()).run(&mut *connection).await.map_err(|error| {
        StoreError(format!("the database's schema cannot be brought up to date: {error}"))
    })?;
    let guards = Guards::of_this_program().await?;
    guards.schema().check(connection).await?;
    Ok(guards)
}

/// The schema that stands before it is brought up to date; `None` if there is nothing to do, or if nobody here knows.
async fn before(connection: &mut SqliteConnection) -> Result<Option<Schema>, StoreError> {
    let unreadable = || failed("the schema cannot be read");
    let is_known = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = '_sqlx_migrations')";
    let is_known: bool =
        sqlx::query_scalar(is_known).fetch_one(&mut *connection).await.map_err(unreadable())?;
    if !is_known {
        return Ok(Some(Schema::default()));
    }
    let applied: Vec<i64> = sqlx::query_scalar("SELECT version FROM _sqlx_migrations")
        .fetch_all(connection)
        .await
        .map_err(unreadable())?;
    let mut known = migrations();
    let all = known.len();
    known.retain(|migration| applied.contains(&migration.version));
    if known.len() == all || known.len() < applied.len() {
        return Ok(None);
    }
    Schema::made_by(known).await.map(Some)
}

impl SqliteStore {
    /// How many transactions were committed since the store was opened: what waits together shares one.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.writer.commits()
    }

    /// How many of these were written by one call, because all was as the one before had left it.
    #[must_use]
    pub fn commits_at_once(&self) -> u64 {
        self.writer.commits_at_once()
    }

    /// Takes all that was recorded into the index of texts. Nobody has to: it is kept up by itself, and a search
    /// finds the same without.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn index_texts(&self) -> Result<(), StoreError> {
        self.writer.index_texts().await
    }

    /// Finishes what is queued and closes the file, so that its write-ahead log is folded in and a copy of
    /// the one file is whole. Later calls fail.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn acl_for(&self, principal: &Principal, place: &Place) -> Result<AclView, StoreError> {
        view::now(&self.readers, principal, place).await.map_err(failed("the acl cannot be read"))
    }

    async fn recent_acl_for(&self, principal: &Principal, place: &Place) -> Result<AclView, StoreError> {
        let Place::Channel(channel) = place else { return self.acl_for(principal, place).await };
        let key = views::key(principal, channel);
        if let Some(view) = self.views.get(&key) {
            return Ok(view);
        }
        let view = self.acl_for(principal, place).await?;
        self.views.put(key, view.clone());
        Ok(view)
    }

    async fn admit(&self, admission: Admission, at: Timestamp) -> Result<Admitted, StoreError> {
        self.explained(self.writer.admit(admission, at).await)
    }

    async fn note_previous_owner(
        &self,
        operation: OperationId,
        previous: &AccountId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.writer.note_previous_owner(operation, previous.clone(), at).await
    }

    async fn note_reply(
        &self,
        operation: OperationId,
        note: &ReplyNote,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.writer.note_reply(operation, note.clone(), at).await
    }

    async fn finish(
        &self,
        operation: OperationId,
        outcome: &Outcome,
        at: Timestamp,
    ) -> Result<Option<TreeHead>, StoreError> {
        self.writer.finish(operation, outcome.clone(), at).await
    }

    async fn observe(
        &self,
        notice: &OwnerNotice,
        seen: Option<&Seen>,
        at: Timestamp,
    ) -> Result<Observed, StoreError> {
        self.writer.observe(notice.clone(), seen.cloned(), at).await
    }

    async fn unresolved(&self) -> Result<Vec<Unresolved>, StoreError> {
        // What follows is a look at Tencent, whose outcome is to be recorded.
        self.files.check().map_err(StoreError)?;
        let rows =
            reading::unresolved(&self.readers).await.map_err(failed("open operations cannot be read"))?;
        Ok(rows.iter().filter_map(|row| row.located(&self.instance)).collect())
    }

    async fn edit_acl(&self, edit: AclEdit, at: Timestamp) -> Result<AclChanged, StoreError> {
        self.writer.edit_acl(edit, at).await
    }

    async fn acl_history_for(&self, principal: &Principal, channel: &Channel) -> Result<AclView, StoreError> {
        view::history(&self.readers, principal, channel).await.map_err(failed("the acl cannot be read"))
    }

    async fn acl_version(&self) -> Result<i64, StoreError> {
        groups::version(&self.readers).await.map_err(failed("the acl cannot be read"))
    }

    async fn group_subjects(&self, now: Timestamp) -> Result<GroupSubjects, StoreError> {
        groups::subjects(&self.readers, now).await.map_err(failed("the acl cannot be read"))
    }

    async fn group_readings(&self) -> Result<BTreeMap<Subject, Reading>, StoreError> {
        groups::readings(&self.readers).await.map_err(failed("the readings of groups cannot be read"))
    }

    async fn keep_group_readings(&self, readings: BTreeMap<Subject, Reading>) -> Result<(), StoreError> {
        self.writer.keep_readings(readings).await
    }

    async fn grants(&self) -> Result<Vec<Grant>, StoreError> {
        acl::grants(&self.readers).await.map_err(failed("the grants cannot be read"))
    }

    async fn live_grants(&self, now: Timestamp) -> Result<Vec<Grant>, StoreError> {
        acl::live_grants(&self.readers, now).await.map_err(failed("the grants cannot be read"))
    }

    async fn live_grants_for(&self, room: &RoomId, now: Timestamp) -> Result<Vec<Grant>, StoreError> {
        acl::live_grants_for(&self.readers, room, now).await.map_err(failed("the grants cannot be read"))
    }

    async fn grants_page(
        &self,
        live_at: Option<Timestamp>,
        page: u32,
        size: u32,
    ) -> Result<GrantsPage, StoreError> {
        acl::grants_page(&self.readers, live_at, page, size)
            .await
            .map_err(failed("the grants cannot be read"))
    }

    async fn grant(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        acl::one_grant(&self.readers, id).await.map_err(failed("the grants cannot be read"))
    }

    async fn admins(&self) -> Result<Vec<Grant>, StoreError> {
        acl::admins(&self.readers).await.map_err(failed("the admins cannot be read"))
    }

    async fn grant_uses(&self) -> Result<Vec<GrantUse>, StoreError> {
        acl::uses(&self.readers).await.map_err(failed("the use of grants cannot be read"))
    }

    async fn channels(&self) -> Result<Vec<AuthorisedChannel>, StoreError> {
        acl::channels(&self.readers).await.map_err(failed("the channels cannot be read"))
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
        self.explained(self.writer.check().await)
    }
}

#[async_trait]
impl ReplyBook for SqliteStore {
    async fn keep(&self, page: &Page) -> Result<(), StoreError> {
        self.explained(self.writer.work_on_replies(owed::Work::Keep(page.clone())).await).map(drop)
    }

    async fn take_over(&self, platforms: &[Platform]) -> Result<Vec<Owed>, StoreError> {
        let (gone, has_begun) = self.gone(platforms).await?;
        if gone.is_empty() && has_begun {
            return Ok(Vec::new());
        }
        let work = owed::Work::TakeOver { gone, platforms: platforms.to_vec() };
        self.explained(self.writer.work_on_replies(work).await)
    }

    async fn claim(&self, owed: &Owed) -> Result<Option<Owed>, StoreError> {
        let (gone, _) = self.gone(&[Platform::Slack, Platform::Discord]).await?;
        let work = owed::Work::Claim { owed: owed.clone(), gone };
        Ok(self.writer.work_on_replies(work).await?.pop())
    }
}

impl SqliteStore {
    /// What the store could not do, by what the files' permissions say if they are the cause. What SQLite left behind
    /// is mended, so that the next try may succeed.
    fn explained<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        result.map_err(|error| match permissions::check(&self.file) {
            Err(why) if error.0.contains("readonly database") => why,
            _ => error,
        })
    }

    async fn gone(&self, platforms: &[Platform]) -> Result<(Vec<String>, bool), StoreError> {
        owed::gone(&self.readers, platforms, &self.instance)
            .await
            .map_err(failed("the answers that are owed cannot be read"))
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
