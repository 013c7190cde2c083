//! The one writer: a task that owns the only writing connection and lets whatever waits together share
//! one commit.
//!
//! A caller that goes away does not take its write along: the job is in the queue, and the queue is
//! worked off. No timeout surrounds a write; the only bound is SQLite's own wait for another process.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tokio::sync::{Mutex, Notify, mpsc, oneshot};
use tokio::task::JoinHandle;
use tracing::{debug, warn};

use crate::app::ports::{AclChanged, AclEdit, Admission, Admitted, Observed, OwnerNotice, Seen, StoreError};
use crate::app::replies::Owed;
use crate::domain::access::{Authority, GrantId, Reading};
use crate::domain::audit::{OperationId, Outcome};
use crate::domain::principal::Subject;
use crate::domain::reply_note::ReplyNote;
use crate::domain::room::AccountId;
use crate::domain::tree_head::TreeHead;
use crate::tree::{Checkpoint, SigningKey};

use super::acl;
use super::admission::{self, Applied, Ledger};
use super::answers::{Answers, refuse};
use super::archive;
use super::batch::{Beginning, Failed, Questions};
use super::files::Files;
use super::foresight::Foresight;
use super::groups;
use super::guards::Guards;
use super::instance::Instance;
use super::observed;
use super::owed;
use super::permissions;
use super::replies;
use super::rows::Counted as _;
use super::seal::Seal;
use super::texts::{self, Behind};
use super::views::Views;

/// How many jobs may wait. A full queue makes callers wait, which is what they would do anyway.
const QUEUE: usize = 1_024;
/// How many jobs share a commit at the most.
const BATCH: usize = 256;

pub(super) type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

pub(super) enum Job {
    Admit(Box<Admission>, Timestamp, Answer<Admitted>),
    Finish(OperationId, Box<Outcome>, Timestamp, Answer<Option<TreeHead>>),
    Note(OperationId, AccountId, Timestamp, Answer<()>),
    NoteReply(OperationId, ReplyNote, Timestamp, Answer<()>),
    EditAcl(Box<AclEdit>, Timestamp, Answer<AclChanged>),
    Observe(Box<(OwnerNotice, Option<Seen>)>, Timestamp, Answer<Observed>),
    Replies(Box<owed::Work>, Answer<Vec<Owed>>),
    Archive(archive::Work, Timestamp, Answer<i64>),
    KeepReadings(BTreeMap<Subject, Reading>, Answer<()>),
    /// Takes all into the index of texts.
    IndexTexts(Answer<()>),
    Check(Answer<()>),
}

/// What a job did inside the transaction.
pub(super) enum Done {
    Admitted(Box<Applied>),
    Finished(bool),
    Edited(AclChanged),
    Noted,
    Observed(Observed),
    Replies(Vec<Owed>),
    Archived(i64),
    Indexed,
    Checked,
}

/// Why a batch was not written.
enum Failure {
    /// One of the jobs could not be done; the others may be, without it.
    Job(sqlx::Error),
    /// The transaction could not be begun or ended. Another try would make each job wait for the lock
    /// again, and after a commit that failed it could do a job twice: the commit may have lasted.
    All(sqlx::Error),
}

/// How often something was committed.
#[derive(Default)]
struct Commits {
    all: AtomicU64,
    at_once: AtomicU64,
}

/// Why a batch was not written by one call.
enum Short {
    /// More had to be known. The connection is as it was.
    NotBegun,
    /// Something else was there. Nothing was written, and the transaction may be open.
    NotAsForeseen,
    /// As the long way would have failed.
    Failed(Failure),
}

/// The way to the writing task.
pub(super) struct Writer {
    queue: mpsc::Sender<Job>,
    closing: Arc<Notify>,
    commits: Arc<Commits>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the task with its first connection.
    pub(super) fn spawn(
        options: SqliteConnectOptions,
        connection: SqliteConnection,
        instance: Arc<Instance>,
        files: Arc<Files>,
        guards: Guards,
        seal: Seal,
        views: Arc<Views>,
    ) -> Result<Self, StoreError> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let options = options.create_if_missing(false);
        let (key, publisher) = seal.into_parts();
        let answers = Answers::spawn(publisher, instance.clone())?;
        let connection = Some(connection);
        let commits = Arc::new(Commits::default());
        let uses = Uses::default();
        let counted = Arc::clone(&commits);
        let task = Task {
            options,
            files,
            connection,
            instance,
            guards,
            key,
            answers,
            views,
            uses,
            behind: Behind::default(),
            foresight: Foresight::default(),
            commits: counted,
        };
        let closing = Arc::new(Notify::new());
        let task = tokio::spawn(task.run(jobs, Arc::clone(&closing)));
        Ok(Self { queue, closing, commits, task: Mutex::new(Some(task)) })
    }

    /// How often something was committed.
    pub(super) fn commits(&self) -> u64 {
        self.commits.all.load(Ordering::Relaxed)
    }

    /// How many of them were written by one call.
    pub(super) fn commits_at_once(&self) -> u64 {
        self.commits.at_once.load(Ordering::Relaxed)
    }

    async fn ask<T>(&self, job: impl FnOnce(Answer<T>) -> Job) -> Result<T, StoreError> {
        let gone = || StoreError("the database writer has stopped".to_owned());
        let (answer, result) = oneshot::channel();
        self.queue.send(job(answer)).await.map_err(|_| gone())?;
        result.await.map_err(|_| gone())?
    }

    pub(super) async fn admit(&self, admission: Admission, at: Timestamp) -> Result<Admitted, StoreError> {
        self.ask(|answer| Job::Admit(Box::new(admission), at, answer)).await
    }

    pub(super) async fn finish(
        &self,
        id: OperationId,
        outcome: Outcome,
        at: Timestamp,
    ) -> Result<Option<TreeHead>, StoreError> {
        self.ask(|answer| Job::Finish(id, Box::new(outcome), at, answer)).await
    }

    pub(super) async fn note_previous_owner(
        &self,
        id: OperationId,
        previous: AccountId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.ask(|answer| Job::Note(id, previous, at, answer)).await
    }

    pub(super) async fn note_reply(
        &self,
        id: OperationId,
        note: ReplyNote,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.ask(|answer| Job::NoteReply(id, note, at, answer)).await
    }

    pub(super) async fn edit_acl(&self, edit: AclEdit, at: Timestamp) -> Result<AclChanged, StoreError> {
        self.ask(|answer| Job::EditAcl(Box::new(edit), at, answer)).await
    }

    pub(super) async fn observe(
        &self,
        notice: OwnerNotice,
        seen: Option<Seen>,
        at: Timestamp,
    ) -> Result<Observed, StoreError> {
        self.ask(|answer| Job::Observe(Box::new((notice, seen)), at, answer)).await
    }

    pub(super) async fn work_on_replies(&self, work: owed::Work) -> Result<Vec<Owed>, StoreError> {
        self.ask(|answer| Job::Replies(Box::new(work), answer)).await
    }

    pub(super) async fn work_on_archives(
        &self,
        work: archive::Work,
        at: Timestamp,
    ) -> Result<i64, StoreError> {
        self.ask(|answer| Job::Archive(work, at, answer)).await
    }

    pub(super) async fn keep_readings(&self, readings: BTreeMap<Subject, Reading>) -> Result<(), StoreError> {
        self.ask(|answer| Job::KeepReadings(readings, answer)).await
    }

    pub(super) async fn index_texts(&self) -> Result<(), StoreError> {
        self.ask(Job::IndexTexts).await
    }

    pub(super) async fn check(&self) -> Result<(), StoreError> {
        self.ask(Job::Check).await
    }

    /// Returns when all that is queued is written and the connection closed.
    pub(super) async fn close(&self) {
        self.closing.notify_one();
        self.queue.closed().await;
        let task = self.task.lock().await.take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            warn!(%error, "the writer broke off");
        }
    }
}

struct Task {
    options: SqliteConnectOptions,
    /// What was opened and checked at the start.
    files: Arc<Files>,
    connection: Option<SqliteConnection>,
    instance: Arc<Instance>,
    guards: Guards,
    key: SigningKey,
    answers: Answers,
    views: Arc<Views>,
    uses: Uses,
    /// How far the index of texts was behind at the last commit.
    behind: Behind,
    foresight: Foresight,
    commits: Arc<Commits>,
}

/// What one commit wrote, and the signed head of the log after it if it appended to it.
pub(super) struct Written {
    pub(super) done: Vec<Done>,
    pub(super) checkpoint: Option<Checkpoint>,
}

/// The hour in which each grant was last used, as far as it is noted.
#[derive(Default)]
struct Uses(HashMap<GrantId, i64>);

impl Uses {
    /// Whether the use is to be noted: once an hour.
    fn is_news(&self, (grant, at): (GrantId, Timestamp)) -> bool {
        self.0.get(&grant) != Some(&(at.as_second() / 3_600))
    }

    /// That it is noted.
    fn note(&mut self, (grant, at): (GrantId, Timestamp)) {
        self.0.insert(grant, at.as_second() / 3_600);
    }
}

/// The grant by which a job's request is permitted.
fn used(job: &Job) -> Option<(GrantId, Timestamp)> {
    let (permit, at) = match job {
        Job::Admit(admission, at, _) => (admission.permit()?, at),
        Job::EditAcl(edit, at, _) => (&edit.permit, at),
        _ => return None,
    };
    match permit.authority() {
        Authority::Grant(grant) => Some((*grant, *at)),
        Authority::Local => None,
    }
}

impl Task {
    async fn run(mut self, mut jobs: mpsc::Receiver<Job>, closing: Arc<Notify>) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let pause = self.behind.pause();
            tokio::select! {
                biased;
                taken = jobs.recv_many(&mut batch, BATCH) => {
                    if taken == 0 {
                        break;
                    }
                    self.write(&mut batch).await;
                    if self.behind.is_far() {
                        self.index_texts().await;
                    }
                }
                () = tokio::time::sleep(pause.unwrap_or_default()), if pause.is_some() => self.index_texts().await,
                // What is queued is still written; nothing new gets in.
                () = closing.notified() => jobs.close(),
            }
        }
        self.instance.is_closing();
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            warn!(%error, "the database was not closed cleanly");
        }
        self.answers.finish().await;
    }

    async fn write(&mut self, batch: &mut Vec<Job>) {
        match self.commit(batch).await {
            Ok(written) => {
                debug!(jobs = batch.len(), "committed");
                self.answers.give(batch.drain(..), written);
            }
            // One of them spoilt it for all: each by itself.
            Err(Failure::Job(_)) if batch.len() > 1 => {
                for alone in batch.drain(..).map(|job| [job]) {
                    match self.commit(&alone).await {
                        Ok(written) => self.answers.give(alone, written),
                        Err(Failure::Job(error) | Failure::All(error)) => {
                            alone.into_iter().for_each(|job| refuse(job, &error));
                        }
                    }
                }
            }
            Err(Failure::Job(error) | Failure::All(error)) => {
                batch.drain(..).for_each(|job| refuse(job, &error));
            }
        }
    }

    /// Goes on with the index of texts. That it cannot be written is no harm: a search finds the same without.
    async fn index_texts(&mut self) {
        let behind = std::mem::take(&mut self.behind);
        let Some(mut connection) = self.connection.take() else { return };
        match texts::index_some(&mut connection, &mut self.guards, behind).await {
            // Another process writes, or has written it: the next commit tells how far it is.
            Ok(left) if left == behind => self.connection = Some(connection),
            Ok(left) => {
                self.behind = left;
                self.foresight.indexed(left);
                self.connection = Some(connection);
            }
            Err(error) => {
                self.foresight = Foresight::default();
                debug!(%error, "the index of texts is written later");
            }
        }
    }

    /// A file that was deleted under an open connection still takes writes, which nobody will ever read.
    fn check_files(&self) -> Result<(), Failure> {
        self.files.check().map_err(|why| Failure::All(sqlx::Error::Configuration(why.into())))
    }

    /// Another connection than before, of which nothing is known.
    async fn connect(&mut self) -> Result<SqliteConnection, Failure> {
        self.guards.look_again();
        self.foresight = Foresight::default();
        // Not left to SQLite, which may still have a descriptor from before somebody took the right away.
        let allowed = permissions::check(self.options.get_filename());
        allowed.map_err(|why| Failure::All(sqlx::Error::Configuration(why.0.into())))?;
        let connection = SqliteConnection::connect_with(&self.options).await.map_err(Failure::All)?;
        self.check_files().map(|()| connection)
    }

    async fn commit(&mut self, batch: &[Job]) -> Result<Written, Failure> {
        self.check_files()?;
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        // A connection that failed is not trusted again: on any error it is dropped here, which rolls back.
        if let Some(beginning) = self.foreseen(batch) {
            match self.commit_as_foreseen(&mut connection, beginning, batch).await {
                Ok(written) => {
                    self.commits.at_once.fetch_add(1, Ordering::Relaxed);
                    self.connection = Some(connection);
                    return Ok(written);
                }
                Err(Short::Failed(failure)) => return Err(failure),
                Err(Short::NotBegun) => {}
                Err(Short::NotAsForeseen) => {
                    if sqlx::query("ROLLBACK").execute(&mut connection).await.is_err() {
                        // It has been rolled back already, or cannot be.
                        connection = self.connect().await?;
                    }
                }
            }
        }
        let questions = questions(batch);
        let ledger = Ledger::begin(&mut connection, &questions, self.instance.id()).await;
        let mut ledger = ledger.map_err(Failure::All)?;
        self.guards.check(&mut connection, ledger.data_version()).await.map_err(Failure::All)?;
        // Before anybody is told that the ACL has changed, so that the next look is at the new one.
        self.views.saw(ledger.acl_version());
        let mut done = Vec::with_capacity(batch.len());
        let mut news = Vec::new();
        for job in batch {
            done.push(apply(&mut connection, &mut ledger, job).await.map_err(Failure::Job)?);
            if let Some((grant, at)) = used(job).filter(|used| self.uses.is_news(*used)) {
                acl::note_use(&mut connection, grant, at).await.map_err(Failure::Job)?;
                news.push((grant, at));
            }
        }
        let written = self.end(&mut connection, ledger, batch, done).await?;
        news.into_iter().for_each(|used| self.uses.note(used));
        self.connection = Some(connection);
        Ok(written)
    }

    /// What the batch will find, if that is known and it needs no more.
    fn foreseen(&mut self, batch: &[Job]) -> Option<Beginning> {
        if batch.iter().filter_map(used).any(|used| self.uses.is_news(used)) {
            return None;
        }
        self.foresight.of(batch)
    }

    /// Writes the batch by one call, if all is as foreseen.
    async fn commit_as_foreseen(
        &mut self,
        connection: &mut SqliteConnection,
        beginning: Beginning,
        batch: &[Job],
    ) -> Result<Written, Short> {
        let not_begun = |_| Short::NotBegun;
        let mut ledger = Ledger::foreseen(beginning, self.instance.id()).map_err(not_begun)?;
        let mut done = Vec::with_capacity(batch.len());
        for job in batch {
            done.push(apply(connection, &mut ledger, job).await.map_err(not_begun)?);
        }
        self.end(connection, ledger, batch, done).await.map_err(|failure| match failure {
            Failure::Job(_) => {
                self.foresight.was_wrong();
                Short::NotAsForeseen
            }
            all => Short::Failed(all),
        })
    }

    async fn end(
        &mut self,
        connection: &mut SqliteConnection,
        ledger: Ledger,
        batch: &[Job],
        done: Vec<Done>,
    ) -> Result<Written, Failure> {
        let (acl_version, behind) = (ledger.acl_version(), ledger.behind_index());
        let before = self.foresight.take();
        let ended = ledger.commit(connection, &self.key).await;
        let (checkpoint, left) = ended.map_err(|failed| match failed {
            Failed::Rows(error) => Failure::Job(error),
            Failed::Beginning(error) | Failed::Commit(error) => Failure::All(error),
        })?;
        self.foresight.note(before, left, batch);
        self.views.saw(acl_version);
        self.behind = behind;
        self.commits.all.fetch_add(1, Ordering::Relaxed);
        Ok(Written { done, checkpoint })
    }
}

/// What the batch will ask the database, to be asked at once.
fn questions(batch: &[Job]) -> Questions {
    let mut questions = Questions::default();
    for job in batch {
        match job {
            Job::Admit(admission, ..) => admission::ask_for(admission, &mut questions),
            Job::Finish(operation, ..) => questions.open.push(*operation),
            _ => {}
        }
    }
    questions
}

async fn apply(
    connection: &mut SqliteConnection,
    ledger: &mut Ledger,
    job: &Job,
) -> Result<Done, sqlx::Error> {
    if !matches!(job, Job::Admit(..) | Job::Finish(..)) {
        ledger.hand_over(connection).await?;
    }
    Ok(match job {
        Job::Admit(admission, at, _) => {
            Done::Admitted(Box::new(admission::admit(connection, ledger, admission, *at).await?))
        }
        Job::Finish(operation, outcome, at, _) => {
            Done::Finished(admission::finish(connection, ledger, *operation, outcome, *at).await?)
        }
        Job::EditAcl(edit, at, _) => {
            let changed = acl::edit(connection, ledger, edit, *at).await?;
            ledger.reread_acl_version(connection).await?;
            Done::Edited(changed)
        }
        Job::Note(operation, previous, at, _) => {
            admission::note_previous_owner(connection, ledger, *operation, previous, *at).await?;
            Done::Noted
        }
        Job::NoteReply(operation, note, at, _) => {
            replies::note(connection, ledger, *operation, note, *at).await?;
            Done::Noted
        }
        Job::Observe(observation, at, _) => {
            let (notice, seen) = &**observation;
            Done::Observed(observed::observe(connection, ledger, notice, seen.as_ref(), *at).await?)
        }
        Job::Replies(work, _) => {
            let taken = owed::work(connection, work, ledger.instance()).await?;
            Done::Replies(taken)
        }
        Job::Archive(work, at, _) => Done::Archived(archive::work(connection, ledger, work, *at).await?),
        Job::KeepReadings(readings, _) => {
            groups::keep(connection, readings).await?;
            Done::Noted
        }
        Job::IndexTexts(_) => {
            ledger.indexed(texts::index_all(connection).await?);
            Done::Indexed
        }
        Job::Check(_) => {
            // Takes the write lock and writes more than a command does, so that a disk shows on which
            // there is room for neither.
            sqlx::query("UPDATE write_probe SET filler = randomblob(32768)").changes(1, connection).await?;
            Done::Checked
        }
    })
}
