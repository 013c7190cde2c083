//! How a database is, seen from outside: it is read beside whoever works on it, no lock is taken and nothing written.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use tokio::task::spawn_blocking;

use super::continuity::check_head_beside;
use super::database::open_to_read;
use super::files::{self, beside};
use super::log::LogTail;
use super::opening::check_sqlite;
use super::rows::Explain as _;
use super::schema::{self, Applied, Schema, SchemaProblem};
use super::{Database, KeyProblem, checkpoint_file, key_file, locks, permissions, queries, tiles, wal};
use crate::app::ports::{StoreError, WhichSettings};
use crate::domain::access::{AclSetting, AnnouncementChannel, AuthorisedChannel, Grant, GrantUse};
use crate::merkle::VerifierKey;

/// What there is to be said of a database.
#[derive(Debug)]
pub struct Health {
    /// Its file.
    pub file: PathBuf,
    /// What lies on the disk.
    pub files: FileHealth,
    /// Whether it has the schema of this program, triggers and all.
    pub schema: Result<(), SchemaProblem>,
    /// The version of SQLite, if it can be trusted.
    pub sqlite: Result<String, StoreError>,
    /// The pids of the processes that serve it.
    pub serving: Vec<String>,
    /// Whether there is a key to sign the log with, and nobody else can read it.
    pub key: Result<(), KeyProblem>,
    /// How many events the log has, if its end is as it was signed. By which key is not looked at without one.
    pub log: Result<u64, StoreError>,
    /// Whether there is a write-ahead log, with which readers do not wait for the writer.
    pub is_wal: bool,
    /// Whether the newest signed head lies beside it.
    pub has_head_beside: bool,
    /// Who may do what.
    pub acl: Result<Acl, StoreError>,
}

/// The files of a database.
#[derive(Debug)]
pub struct FileHealth {
    /// How large its write-ahead log is, in bytes.
    pub wal_size: u64,
    /// How many bytes are free on its disk; `None` if the system does not say.
    pub free: Option<u64>,
    /// Those that others than their owner can open, and their modes.
    pub open_to_others: Vec<(PathBuf, u32)>,
    /// Whether this user could write it.
    pub writable: Result<(), StoreError>,
    /// Why it may be opened by another name, and what to do.
    pub shared: Option<(String, &'static str)>,
}

/// The whole ACL.
#[derive(Debug)]
pub struct Acl {
    /// Every grant.
    pub grants: Vec<Grant>,
    /// Every channel.
    pub channels: Vec<AuthorisedChannel>,
    /// Every announcement channel; none if the database is older than they are.
    pub announcements: Vec<AnnouncementChannel>,
    /// Every setting; none if the database is older than they are.
    pub settings: Vec<AclSetting>,
    /// When grants were last used.
    pub uses: Vec<GrantUse>,
}

/// Looks at a database that this process has not open.
///
/// # Errors
/// When there is none.
pub async fn look(database: &Database) -> Result<Health, StoreError> {
    let file = database.file()?;
    let files = look_at_files(database)?;
    // Before SQLite opens it here.
    let is_wal = is_wal(&file);
    let right = Schema::made_by(schema::migrations()).await?;
    let key = key(database, &file);
    let (verifier, of) = (key.as_ref().ok().cloned(), file.clone());
    let looked = spawn_blocking(move || {
        let connection = open_to_read(&of)?;
        let sqlite = rusqlite::version();
        let sqlite = check_sqlite(rusqlite::version_number(), sqlite).map(|()| sqlite.to_owned());
        let schema = check_schema(&connection, &right);
        Ok::<_, StoreError>((sqlite, schema, log(&connection, verifier.as_ref(), &of)))
    });
    let looked = looked.await.explain("the look at the database broke off")?;
    let (sqlite, schema, log) =
        looked.unwrap_or_else(|error| (Err(error.clone()), Err(error.clone().into()), Err(error)));
    let acl = acl(&file).await;
    let (serving, has_head_beside) = (locks::serving(&file), checkpoint_file::path(&file).exists());
    Ok(Health { file, files, is_wal, serving, schema, sqlite, key: key.map(drop), log, has_head_beside, acl })
}

fn check_schema(connection: &Connection, right: &Schema) -> Result<(), SchemaProblem> {
    Applied::of(connection, "main")?.check()?;
    Ok(right.check(connection)?)
}

/// Looks at its files alone.
///
/// # Errors
/// When there is none.
pub fn look_at_files(database: &Database) -> Result<FileHealth, StoreError> {
    let file = database.file()?;
    if !file.exists() {
        return Err(StoreError(format!("there is no database `{}`", file.display())));
    }
    // A key that is in use has a look of its own.
    let unused_key = database.signing_key.is_some().then_some(".key");
    let all = ["", "-wal", "-shm", ".checkpoint"].into_iter().chain(unused_key);
    let open_to_others = all.map(|suffix| beside(&file, suffix)).filter_map(|file| {
        let mode = fs::metadata(&file).ok()?.permissions().mode() & 0o777;
        (mode & 0o077 != 0).then_some((file, mode))
    });
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(FileHealth {
        wal_size: wal::size(&file),
        free: rustix::fs::statvfs(folder).ok().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize)),
        open_to_others: open_to_others.collect(),
        writable: permissions::writable(&file).and_then(|()| permissions::writable(folder)),
        shared: files::shared(&file),
    })
}

/// By the header, which a connection that only reads may not tell of (sqlite.org/fileformat2.html, 1.3.3). Nothing that
/// has the database open may ask: closing the file takes away every lock that SQLite holds on it in this process
/// (sqlite.org/howtocorrupt.html, 2.2), and the next program that reads it would fold its log in and remove it.
fn is_wal(file: &Path) -> bool {
    let mut header = [0; 20];
    let read = fs::File::open(file).and_then(|mut file| file.read_exact(&mut header));
    read.is_ok() && header[18..] == [2, 2]
}

fn key(database: &Database, file: &Path) -> Result<VerifierKey, KeyProblem> {
    database.usable_key(file)?.ok_or_else(|| {
        let key = key_file::path(file);
        KeyProblem {
            what: format!("the key that signs the audit log, `{}`, is gone", key.display()),
            remedy: format!(
                "put it back; if it is lost, `room-owner audit key --new > {0}` and `chmod 600 {0}`",
                key.display()
            ),
        }
    })
}

/// The end of the log against its signed head, that against the key, and the head that lies beside the database.
fn log(connection: &Connection, key: Option<&VerifierKey>, file: &Path) -> Result<u64, StoreError> {
    let snapshot = connection.unchecked_transaction()?;
    check_head_beside(&snapshot, file)?;
    let head = LogTail::read(&snapshot)?.frontier().head();
    let newest = tiles::newest(&snapshot)?;
    if newest.head() != head {
        return Err(StoreError(format!(
            "the {} events of the audit log are not those that were signed: `room-owner audit verify` tells more",
            head.size
        )));
    }
    let checked = key.map_or(Ok(()), |key| newest.check(key));
    checked.explain("the newest signed head is of another key than this machine's")?;
    Ok(head.size)
}

async fn acl(file: &Path) -> Result<Acl, StoreError> {
    let unreadable = "the acl cannot be read";
    let wal = wal::size(file) > 0;
    let options = SqliteConnectOptions::new().filename(file).read_only(true).immutable(!wal);
    let options = options.pragma("trusted_schema", "OFF").pragma("cell_size_check", "ON");
    let pool: SqlitePool = SqlitePoolOptions::new().max_connections(1).connect_lazy_with(options);
    let read = async {
        Ok::<_, StoreError>(Acl {
            grants: queries::acl::grants(&pool).await?,
            channels: queries::acl::channels(&pool).await?,
            announcements: queries::acl::announcement_channels(&pool).await.unwrap_or_default(),
            settings: queries::acl::settings(&pool, &WhichSettings::All).await.unwrap_or_default(),
            uses: queries::acl::uses(&pool).await?,
        })
    };
    let read = read.await.explain(unreadable);
    pool.close().await;
    read
}
