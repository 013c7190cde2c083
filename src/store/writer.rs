//! The one writer: a thread that owns the only writing connection. Whatever waits for it at the same time shares a
//! commit, each job behind a savepoint of its own.
//!
//! A caller that goes away does not take its write along: the job is in the queue, and the queue is
//! worked off. No timeout surrounds a write; the only bound is SQLite's own wait for another process.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, warn};

use crate::app::ports::StoreError;
use crate::domain::tree_head::TreeHead;
use crate::merkle::{Checkpoint, SigningKey};

use super::acl_cache::AclCache;
use super::checkpoint_file::Publisher;
use super::files::Files;
use super::locks::Instance;
use super::log::{LogTail, LogTransaction};
use super::rows::Explain as _;
use super::schema::IntegrityCheck;
use super::{BUSY_TIMEOUT, permissions};

/// How many jobs may wait. A full queue makes callers wait, which is what they would do anyway.
const QUEUE: usize = 1_024;
/// How many jobs share a commit at the most.
const BATCH: usize = 256;
/// How many prepared statements are kept: more than there are.
const STATEMENTS: usize = 128;

/// What holds on every connection to the database.
pub(super) const PRAGMAS: [(&str, &str); 7] = [
    // The log must survive a power cut: every commit is synced.
    ("synchronous", "FULL"),
    ("foreign_keys", "ON"),
    // Without it `INSERT OR REPLACE` deletes rows behind the triggers' back.
    ("recursive_triggers", "ON"),
    ("trusted_schema", "OFF"),
    ("cell_size_check", "ON"),
    // Four times as long as usual, so that folding the write-ahead log in meets one command in a hundred.
    ("wal_autocheckpoint", "4000"),
    // `wal::USUAL_BYTES`: what a long reading made larger shrinks again.
    ("journal_size_limit", "67108864"),
];

const UNWRITABLE: &str = "the database cannot be written";

/// Something to do inside the writer's transaction, and somebody who waits for it.
trait Job: Send {
    /// Does it. `false` if that failed: then what it wrote is rolled back.
    fn run(&mut self, log: &mut LogTransaction<'_>) -> bool;
    /// Tells the one who waits, after the commit or instead of it.
    fn answer(self: Box<Self>, committed: Result<Option<TreeHead>, &StoreError>);
}

/// The result of a job, and the signed head of the log after it; no head if nothing was appended.
pub(super) type Written<T> = (T, Option<TreeHead>);

struct Task<W, T> {
    work: Option<W>,
    done: Option<Result<T, StoreError>>,
    waiting: oneshot::Sender<Result<Written<T>, StoreError>>,
}

impl<W, T> Job for Task<W, T>
where
    W: FnOnce(&mut LogTransaction<'_>) -> Result<T, StoreError> + Send,
    T: Send,
{
    fn run(&mut self, log: &mut LogTransaction<'_>) -> bool {
        let done = self.work.take().map(|work| work(log));
        let is_done = matches!(done, Some(Ok(_)));
        self.done = done;
        is_done
    }

    fn answer(self: Box<Self>, committed: Result<Option<TreeHead>, &StoreError>) {
        let answer = match (self.done, committed) {
            (Some(Ok(done)), Ok(head)) => Ok((done, head)),
            (Some(Err(error)), _) => Err(error).explain(UNWRITABLE),
            (_, Err(error)) => Err(error).explain(UNWRITABLE),
            (None, Ok(_)) => Err(stopped()),
        };
        // Whoever asked may have gone away; what was written stays.
        drop(self.waiting.send(answer));
    }
}

fn stopped() -> StoreError {
    StoreError("the database writer has stopped".to_owned())
}

/// The way to the writing thread.
pub(super) struct Writer {
    queue: Mutex<Option<mpsc::Sender<Box<dyn Job>>>>,
    commits: Arc<AtomicU64>,
    writes: Arc<AtomicU64>,
    publisher: Arc<Mutex<Publisher>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the writing thread works with.
pub(super) struct Desk {
    pub(super) file: PathBuf,
    /// What was opened and checked at the start.
    pub(super) files: Arc<Files>,
    pub(super) instance: Arc<Instance>,
    pub(super) integrity: IntegrityCheck,
    pub(super) key: Arc<SigningKey>,
    pub(super) publisher: Arc<Mutex<Publisher>>,
    pub(super) acl_cache: Arc<AclCache>,
}

impl Writer {
    /// Starts the thread with its first connection.
    pub(super) fn spawn(desk: Desk, connection: Connection) -> Result<Self, StoreError> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let (commits, writes) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let publisher = Arc::clone(&desk.publisher);
        let worker = Worker {
            desk,
            connection: Some(connection),
            tail: None,
            commits: Arc::clone(&commits),
            writes: Arc::clone(&writes),
        };
        let thread = thread::Builder::new().name("writer".to_owned()).spawn(move || worker.run(jobs));
        let thread = thread.explain("no thread can be started")?;
        let thread = Mutex::new(Some(thread));
        Ok(Self { queue: Mutex::new(Some(queue)), commits, writes, publisher, thread })
    }

    /// How many transactions were committed.
    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// How many writes they held.
    pub(super) fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// Does `work` inside a transaction, and returns when that is durable.
    pub(super) async fn write<T, W>(&self, work: W) -> Result<Written<T>, StoreError>
    where
        W: FnOnce(&mut LogTransaction<'_>) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let (waiting, answer) = oneshot::channel();
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or_else(stopped)?;
        let task = Task { work: Some(work), done: None, waiting };
        queue.send(Box::new(task)).await.map_err(|_| stopped())?;
        drop(queue);
        answer.await.map_err(|_| stopped())?
    }

    /// Whether the newest signed head lies beside the database.
    pub(super) fn check_published(&self) -> Result<(), StoreError> {
        self.publisher.lock().unwrap_or_else(PoisonError::into_inner).check()
    }

    /// Returns when all that is queued is written and the connection closed.
    pub(super) async fn close(&self) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        if !matches!(tokio::task::spawn_blocking(|| thread.join()).await, Ok(Ok(()))) {
            warn!("the writer broke off");
        }
    }
}

/// A connection for writing.
pub(super) fn connect(file: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    for (name, value) in PRAGMAS {
        connection.pragma_update(None, name, value)?;
    }
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

struct Worker {
    desk: Desk,
    /// A connection that failed is not trusted again: it is dropped, which rolls back.
    connection: Option<Connection>,
    /// Where the log ended after the last commit, and what this connection had seen of others' commits then.
    tail: Option<(i64, LogTail)>,
    commits: Arc<AtomicU64>,
    writes: Arc<AtomicU64>,
}

impl Worker {
    fn run(mut self, mut jobs: mpsc::Receiver<Box<dyn Job>>) {
        let mut batch = Vec::with_capacity(BATCH);
        while jobs.blocking_recv_many(&mut batch, BATCH) > 0 {
            let committed = self.commit(&mut batch);
            let head = committed.as_ref().map(|head| head.as_ref().map(Checkpoint::head));
            let newest = committed.as_ref().ok().and_then(Option::as_ref);
            self.desk.publisher.lock().unwrap_or_else(PoisonError::into_inner).publish(newest);
            debug!(jobs = batch.len(), is_committed = committed.is_ok(), "committed");
            for job in batch.drain(..) {
                job.answer(head);
            }
        }
        self.desk.instance.is_closing();
        if let Some(Err((_, error))) = self.connection.take().map(Connection::close) {
            warn!(%error, "the database was not closed cleanly");
        }
    }

    fn commit(&mut self, batch: &mut [Box<dyn Job>]) -> Result<Option<Checkpoint>, StoreError> {
        // A file that was deleted under an open connection still takes writes, which nobody will ever read.
        self.desk.files.check().map_err(StoreError)?;
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let committed = self.transact(&connection, batch);
        match committed {
            Ok((head, acl_version)) => {
                self.connection = Some(connection);
                self.desk.acl_cache.saw(acl_version);
                self.commits.fetch_add(1, Ordering::Relaxed);
                self.writes.fetch_add(batch.len() as u64, Ordering::Relaxed);
                Ok(head)
            }
            Err(error) => {
                self.tail = None;
                Err(error)
            }
        }
    }

    fn connect(&mut self) -> Result<Connection, StoreError> {
        self.desk.integrity.look_again();
        self.tail = None;
        // Not left to SQLite, which may still have a descriptor from before somebody took the right away.
        permissions::check(&self.desk.file)?;
        let connection = connect(&self.desk.file)?;
        self.desk.files.check().map_err(StoreError)?;
        Ok(connection)
    }

    /// One transaction with all of the jobs; the signed head after it, and the version of the ACL.
    fn transact(
        &mut self,
        connection: &Connection,
        batch: &mut [Box<dyn Job>],
    ) -> Result<(Option<Checkpoint>, i64), StoreError> {
        let execute = |sql: &str| -> Result<(), StoreError> {
            connection.prepare_cached(sql)?.execute([])?;
            Ok(())
        };
        execute("BEGIN IMMEDIATE")?;
        let seen: i64 = connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        self.desk.integrity.check(connection, seen)?;
        let tail = match self.tail.take() {
            Some((of, tail)) if of == seen => tail,
            _ => LogTail::read(connection)?,
        };
        let mut log = LogTransaction::begin(connection, self.desk.instance.id(), tail);
        for job in batch {
            let mark = log.mark();
            execute("SAVEPOINT job")?;
            if !job.run(&mut log) {
                if connection.is_autocommit() {
                    // Such as with a full disk: SQLite has rolled everything back.
                    return Err(StoreError("the transaction was rolled back".to_owned()));
                }
                execute("ROLLBACK TO job")?;
                log.back_to(mark);
            }
            execute("RELEASE job")?;
        }
        let acl_version = log.acl_version()?;
        let (head, tail) = log.seal(&self.desk.key)?;
        execute("COMMIT")?;
        self.tail = Some((seen, tail));
        Ok((head, acl_version))
    }
}
