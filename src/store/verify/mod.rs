//! The check of a log against its signed heads, and of the other tables against the log.
//!
//! It trusts nothing in the file: the tree is made again from the rows, and what the tables say is made
//! again from the events. It opens the file for reading alone and changes nothing, beside it neither.
//! The tree and the tables are checked at the same time, each by a thread of its own.

mod acl;
pub(super) mod chunks;
mod claims;
mod given;
mod indexes;
mod left;
mod letters;
mod log;
mod replay;
mod row;
mod schema;
mod signers;
mod sum;
#[cfg(test)]
mod tests;
mod told;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::time::Instant;

use rusqlite::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::task::JoinError;
use tracing::debug;

use crate::app::ports::StoreError;
use crate::domain::audit::OperationId;
use crate::domain::tree_head::SeenHead;
use crate::domain::verification::Report;
use crate::tree::proof::InclusionProof;
use crate::tree::{Checkpoint, VerifierKey};

use super::archive::{self, Kept};
use super::{failed, files, tree, witness};
use chunks::Events;
use given::Given;
use log::Log;
use replay::Replay;
use row::Operations;

/// How many times some hundred events wait for the check of the tables.
const AHEAD: usize = 8;

const READ_FAILED: &str = "the database cannot be read";

fn read_failed() -> impl Fn(sqlx::Error) -> StoreError {
    failed(READ_FAILED)
}

/// What a log is to be compared with, from outside of its file.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// Signed heads that somebody kept, and where each comes from.
    pub checkpoints: Vec<(String, Checkpoint)>,
    /// Short forms out of replies.
    pub seen: Vec<SeenHead>,
    /// The public keys, as somebody kept them.
    pub keys: Vec<VerifierKey>,
    /// The one that this machine signs with, for want of those; without it, the one that the file itself names.
    pub own_key: Option<VerifierKey>,
    /// Archives that were taken out of the log.
    pub archives: Vec<PathBuf>,
    /// Whether the root and the signature of every head that the database keeps are checked; else the root
    /// of one in some hundred, and the signature of the newest.
    pub every_head: bool,
    /// Whether the indexes are compared with what they lead to.
    pub indexes: bool,
}

/// Reads signed heads that were kept in a file.
///
/// # Errors
/// When the file cannot be read or holds none.
pub fn read_checkpoint(file: &Path) -> Result<Checkpoint, StoreError> {
    let wrong = |why: &dyn std::fmt::Display| {
        StoreError(format!("the checkpoint `{}` cannot be used: {why}", file.display()))
    };
    let text = std::fs::read_to_string(file).map_err(|error| wrong(&error))?;
    Checkpoint::parse(&text).map_err(|error| wrong(&error))
}

/// Checks the log in `database`.
///
/// # Errors
/// When the file cannot be read as a database of this program; what is wrong inside is in the report.
pub async fn verify(database: &Path, mut evidence: Evidence) -> Result<Report, StoreError> {
    let mut report = Report::default();
    let newest = newest(&evidence)?;
    // Read before the log: a bot that is running adds to both.
    let beside = witness::path(database);
    match witness::read(&beside) {
        Ok(Some(checkpoint)) => evidence.checkpoints.insert(0, (name(&beside), checkpoint)),
        Ok(None) => {}
        Err(error) => report.find(None, format!("`{}` is no signed head: {error}", name(&beside))),
    }
    report.unchecked.push(match newest {
        None => format!(
            "that nothing was cut off or rewritten, and `{}` with it: only a head kept elsewhere shows that \
             (--checkpoint, or --seen with what a reply shows after `log`)",
            name(&beside)
        ),
        Some(newest) => format!(
            "that nothing was cut off or rewritten after event {newest}: the heads that you gave end there; only a \
             newer one shows that (--checkpoint, --seen)"
        ),
    });

    let mut view = open(database).await?;
    if let Some((why, _)) = files::shared(database) {
        report.unchecked.push(format!(
            "whether these are the newest records: the file {why}, and newer ones may lie in the write-ahead log of \
             another name"
        ));
    }
    // One view of it all, while a bot may be writing.
    sqlx::raw_sql("BEGIN").execute(&mut view).await.map_err(read_failed())?;
    schema::check(&mut view, &mut report).await?;
    let named = tree::last_key(&mut view).await.map_err(|error| {
        StoreError(format!("`{}` has no signed tree that can be read: {error}", database.display()))
    })?;
    let Some(named) = named else {
        report.find(None, "the log is from before signed heads: `room-owner audit list` on it takes it in");
        return Ok(report.closed(Report::default()));
    };
    let named_key = VerifierKey::parse(&named);
    if let Err(error) = &named_key {
        report.find(None, format!("the key that the database names: {error}"));
    }
    if evidence.keys.is_empty() {
        let (key, whose) = match evidence.own_key.take() {
            Some(own) => (Some(own), "this machine signs with"),
            None => (named_key.ok(), "the database names"),
        };
        report.unchecked.push(format!(
            "that the key is yours: it is the one that {whose}; another in its place could have signed the whole log \
             anew; give the key that you kept (--key)"
        ));
        evidence.keys.extend(key);
    }
    report.keys = evidence.keys.iter().map(ToString::to_string).collect();

    let views = at_one_moment(database, &mut view).await?;
    let archives = archive::kept(&mut view).await.map_err(read_failed())?;
    let given = Given::open(&mut evidence, &archives, &mut report)?;
    if !evidence.every_head {
        let what = "the signatures and roots of most older heads: slower (--every-head)";
        report.unchecked.push(what.to_owned());
    }
    if !evidence.indexes {
        let what = "that queries find everything: the indexes are not compared; slower (--indexes)";
        report.unchecked.push(what.to_owned());
    }
    report.unchecked.push(
        "what no event repeats: who was found in which user group, when grants were last used, which replies are \
         pending, which process did what"
            .to_owned(),
    );
    let replay = Replay::behind(&mut view, given.base).await.map_err(read_failed())?;
    let [rows, others] = views;
    let (pass_on, events) = mpsc::sync_channel(AHEAD);
    let (give_back, done) = mpsc::channel();
    let tables = Tables { rows: others, events, give_back, replay, indexes: evidence.indexes };
    let tree = Tree { rows, given, archives: archives.clone(), evidence, named, report, pass_on, done };
    // On two cores at a time.
    let (tree, tables) = tokio::join!(
        tokio::task::spawn_blocking(move || tree.check()),
        tokio::task::spawn_blocking(move || tables.check())
    );
    let broke_off = |error: JoinError| StoreError(format!("the check broke off: {error}"));
    let report = tree.map_err(broke_off)??;
    let (replay, mut derived) = tables.map_err(broke_off)??;
    replay.end(&mut view, &archives, &mut derived).await.map_err(read_failed())?;
    drop(view);
    Ok(report.closed(derived))
}

/// The last event under a head that somebody kept elsewhere.
fn newest(evidence: &Evidence) -> Result<Option<u64>, StoreError> {
    let kept = evidence.checkpoints.iter().map(|(_, checkpoint)| checkpoint.head().size);
    let seen = evidence.seen.iter().map(|seen| seen.size);
    let archives =
        evidence.archives.iter().map(|file| Ok(archive::Reading::open(file)?.last().unsigned_abs()));
    let archives = archives.collect::<Result<Vec<_>, StoreError>>()?;
    Ok(kept.chain(seen).chain(archives).max())
}

/// What changes with every event: two views in which it is the same are of the same moment.
const MOMENT: &str = "SELECT (SELECT coalesce(max(size), 0) FROM tree_heads), (SELECT coalesce(min(seq), 0) FROM audit_events)";

/// Two more views of the moment of `view`, which is moved on to the next one while a bot is writing.
async fn at_one_moment(database: &Path, view: &mut SqliteConnection) -> Result<[Connection; 2], StoreError> {
    let open = || chunks::open(database).map_err(unreadable);
    let more = [open()?, open()?];
    loop {
        sqlx::raw_sql("ROLLBACK; BEGIN").execute(&mut *view).await.map_err(read_failed())?;
        let moment: (i64, i64) = sqlx::query_as(MOMENT).fetch_one(&mut *view).await.map_err(read_failed())?;
        let begun = more.iter().map(begin).collect::<rusqlite::Result<Vec<_>>>().map_err(unreadable)?;
        if begun.iter().all(|begun| *begun == moment) {
            return Ok(more);
        }
        more.iter().try_for_each(|view| view.execute_batch("ROLLBACK")).map_err(unreadable)?;
    }
}

fn begin(connection: &Connection) -> rusqlite::Result<(i64, i64)> {
    connection.execute_batch("BEGIN")?;
    connection.query_one(MOMENT, [], |row| Ok((row.get(0)?, row.get(1)?)))
}

fn unreadable(error: rusqlite::Error) -> StoreError {
    StoreError(format!("{READ_FAILED}: {error}"))
}

/// The rows against the tree.
struct Tree {
    rows: Connection,
    given: Given,
    archives: Vec<Kept>,
    evidence: Evidence,
    named: String,
    report: Report,
    /// To the check of the tables: what was read once is not read again.
    pass_on: SyncSender<Arc<Events>>,
    /// What both have read: its memory is used again.
    done: Receiver<Arc<Events>>,
}

impl Tree {
    fn check(self) -> Result<Report, StoreError> {
        let Self { rows, mut given, archives, evidence, named, mut report, pass_on, done } = self;
        let began = Instant::now();
        let mut log = Log::new(&evidence, &archives);
        let archived = archives.last().map_or(0, |newest| newest.last);
        left::check(&rows, archived, &mut report).map_err(unreadable)?;
        log.pass_over(&rows, given.base, &mut report).map_err(unreadable)?;
        loop {
            // Taken back whether it is used or not: else what an archive holds would pile up.
            let memory = done.try_recv().ok().and_then(Arc::into_inner).unwrap_or_default();
            let events = match given.next(log.edge(), &mut report)? {
                Some(events) => Some(events),
                None => log.next(&rows, memory).map_err(unreadable)?,
            };
            let Some(events) = events else { break };
            let events = Arc::new(events);
            // Whoever does not listen any more says why.
            drop(pass_on.send(Arc::clone(&events)));
            log.check(&rows, &events, &mut report).map_err(unreadable)?;
        }
        drop(pass_on);
        log.end(&rows, &evidence, &archives, &named, &mut report).map_err(unreadable)?;
        debug!(events = report.events, took = ?began.elapsed(), "checked the tree");
        Ok(report)
    }
}

/// The tables that repeat what the rows say.
struct Tables {
    rows: Connection,
    events: Receiver<Arc<Events>>,
    give_back: Sender<Arc<Events>>,
    replay: Replay,
    indexes: bool,
}

impl Tables {
    fn check(self) -> Result<(Replay, Report), StoreError> {
        let Self { rows, events, give_back, mut replay, indexes } = self;
        let began = Instant::now();
        let mut report = Report::default();
        let mut statement = row::behind(&rows).map_err(unreadable)?;
        let mut operations = Operations::new(statement.query([replay.base()]).map_err(unreadable)?);
        for events in events {
            replay.check(&rows, &events, &mut operations, &mut report).map_err(unreadable)?;
            drop(give_back.send(events));
        }
        replay.end_of_rows(&rows, operations, &mut report).map_err(unreadable)?;
        debug!(took = ?began.elapsed(), "checked the tables");
        if indexes {
            let began = Instant::now();
            indexes::check(&rows, &mut report).map_err(unreadable)?;
            debug!(took = ?began.elapsed(), "checked the indexes");
        }
        Ok((replay, report))
    }
}

/// The proofs that the operation's events are in the log in `database`, under its newest head; none if there
/// is no such operation. Events that were archived are read from the archives. Nothing is written.
///
/// # Errors
/// When the log cannot be read, an event is not the one that was signed, or the archive is missing that it is in.
pub async fn prove(
    database: &Path,
    operation: OperationId,
    archives: &[PathBuf],
) -> Result<Vec<InclusionProof>, StoreError> {
    let mut connection = open(database).await?;
    let mut view = connection.begin().await.map_err(read_failed())?;
    prove_in(&mut view, operation, archives).await
}

/// The same, by what a transaction sees of the database.
pub(super) async fn prove_in(
    view: &mut SqliteConnection,
    operation: OperationId,
    archives: &[PathBuf],
) -> Result<Vec<InclusionProof>, StoreError> {
    let mut events = Vec::new();
    for file in archives {
        let mut archive = archive::Reading::open(file)?;
        loop {
            let some = archive.next()?;
            if some.last().is_none() {
                break;
            }
            let own = some.iter().filter(|event| event.operation == operation.seq());
            events.extend(own.map(|event| (event.seq, String::from_utf8_lossy(event.body).into_owned())));
        }
    }
    let kept = archive::kept(&mut *view).await.map_err(read_failed())?;
    let begins_in = kept.iter().find(|archive| (archive.first..=archive.last).contains(&operation.seq()));
    if let Some(archive) = begins_in.filter(|_| !events.iter().any(|(seq, _)| *seq == operation.seq())) {
        return Err(StoreError(format!(
            "operation {operation} was archived: name the archive that begins with event {} (`{}` when it was \
             written) with --archive",
            archive.first, archive.file
        )));
    }
    // A copy from before archives has no such table.
    let archived = kept.last().map_or(0, |newest| newest.last);
    let here: Vec<(i64, String)> =
        sqlx::query_as("SELECT seq, body FROM audit_events WHERE operation = ? AND seq > ? ORDER BY seq")
            .bind(operation.seq())
            .bind(archived)
            .fetch_all(&mut *view)
            .await
            .map_err(read_failed())?;
    events.extend(here);
    events.sort_by_key(|(seq, _)| *seq);
    events.dedup_by_key(|(seq, _)| *seq);
    tree::prove(view, events).await
}

/// Opens the file so that nothing is written, not even beside it.
async fn open(database: &Path) -> Result<SqliteConnection, StoreError> {
    if !database.exists() {
        return Err(StoreError(format!("there is no database `{}`", database.display())));
    }
    let options = SqliteConnectOptions::new()
        .filename(database)
        .read_only(true)
        .immutable(chunks::is_alone(database))
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON")
        .busy_timeout(super::BUSY_TIMEOUT)
        .disable_statement_logging();
    SqliteConnection::connect_with(&options).await.map_err(|error| {
        StoreError(format!("the database `{}` cannot be opened for reading: {error}", database.display()))
    })
}

fn name(file: &Path) -> String {
    PathBuf::from(file).display().to_string()
}
