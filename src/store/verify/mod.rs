//! The check of a log against its signed head, and of the tables against the log.
//!
//! It trusts nothing in the file: the tree is made again from the events, and the tables by applying the events again
//! to a scratch file, with which they are compared. It opens the database for reading alone and changes nothing,
//! beside it neither.

mod archives;
mod indexes;
mod replay;
mod schema;
mod tree;

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use tempfile::TempPath;
use tokio::task::spawn_blocking;

use crate::app::ports::StoreError;
use crate::domain::tree_head::SeenHead;
use crate::domain::verification::Report;
use crate::merkle::{Checkpoint, VerifierKey};

use super::archive_file::{Reading, kept};
use super::database::open_to_read;
use super::rows::Explain as _;
use super::schema::Schema;
use super::{checkpoint_file, files, tiles};
use archives::GivenArchives;
use replay::Replay;
use tree::Tree;

pub(super) use replay::{digest, load_state};

const READ_FAILED: &str = "the database cannot be read";

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
    /// Whether the indexes are compared with what they lead to.
    pub indexes: bool,
}

/// Reads signed heads that were kept in a file.
///
/// # Errors
/// When the file cannot be read or holds none.
pub fn read_checkpoint(file: &Path) -> Result<Checkpoint, StoreError> {
    let what = format!("the checkpoint `{}` cannot be used", file.display());
    let text = std::fs::read_to_string(file).explain(&what)?;
    Checkpoint::parse(&text).explain(&what)
}

/// Checks the log in `database`.
///
/// # Errors
/// When the file cannot be read as a database of this program; what is wrong inside is in the report.
pub async fn verify(database: &Path, evidence: Evidence) -> Result<Report, StoreError> {
    let right = Schema::made_by(super::schema::migrations()).await?;
    let database = database.to_owned();
    let checked = spawn_blocking(move || check(&database, evidence, &right)).await;
    checked.explain("the check broke off")?
}

fn check(database: &Path, mut evidence: Evidence, right: &Schema) -> Result<Report, StoreError> {
    let mut report = Report::default();
    let newest = newest(&evidence)?;
    // Read before the log: a bot that is running adds to both.
    let beside = checkpoint_file::path(database);
    let name = beside.display().to_string();
    match checkpoint_file::read(&beside) {
        Ok(Some(checkpoint)) => evidence.checkpoints.insert(0, (name.clone(), checkpoint)),
        Ok(None) => {}
        Err(error) => report.find(None, format!("`{name}` is no signed head: {error}")),
    }
    report.unchecked.push(match newest {
        None => format!(
            "that nothing was cut off or rewritten, and `{name}` with it: only a head kept elsewhere shows that \
             (--checkpoint, or --seen with what a reply shows after `log`)"
        ),
        Some(newest) => format!(
            "that nothing was cut off or rewritten after event {newest}: the heads that you gave end there; only a \
             newer one shows that (--checkpoint, --seen)"
        ),
    });
    if let Some((why, _)) = files::shared(database) {
        report.unchecked.push(format!(
            "whether these are the newest records: the file {why}, and newer ones may lie in the write-ahead log of \
             another name"
        ));
    }
    if !evidence.indexes {
        let what = "that queries find everything: the indexes are not compared; slower (--indexes)";
        report.unchecked.push(what.to_owned());
    }
    report.unchecked.push(
        "what no event repeats: when grants were last used, what was read of user groups, which replies and \
         announcements are pending"
            .to_owned(),
    );
    let Some(read) = read_log(database, &mut evidence, right, &mut report, |_| {})? else {
        return Ok(report.closed(Report::default()));
    };
    let ReadLog { log, replay, named, mut derived } = read;
    replay.compare(&log, &mut derived)?;
    report.signers = replay.signers(&named, report.events);
    if evidence.indexes {
        indexes::check(&open_to_read(database)?, &mut derived).explain(READ_FAILED)?;
    }
    Ok(report.closed(derived))
}

/// A log that was read from end to end against its tree, and whose events were applied to the scratch tables.
struct ReadLog {
    /// The scratch tables, and the database as `log`.
    log: Connection,
    replay: Replay,
    /// The key that the database names.
    named: String,
    /// What was wrong with the events themselves.
    derived: Report,
}

/// Reads a log; `None` if it has no signed head. `progress` is shown how many events were read.
fn read_log(
    database: &Path,
    evidence: &mut Evidence,
    right: &Schema,
    report: &mut Report,
    progress: impl Fn(i64),
) -> Result<Option<ReadLog>, StoreError> {
    let (mut replay, log) = Replay::open(database)?;
    schema::check(&log, right, report)?;
    let Some(named) = tiles::last_key(&log).explain(READ_FAILED)? else {
        report.find(None, "the log has no signed head: it was taken out");
        return Ok(None);
    };
    choose_keys(evidence, &named, report);
    let kept = kept(&log, "log").explain(READ_FAILED)?;
    let mut given = GivenArchives::open(evidence, &kept, report)?;
    let mut derived = Report::default();
    replay.start_behind(&log, given.base, &kept, &mut derived)?;
    let mut tree = Tree::new(evidence, &kept);
    let archived = kept.last().map_or(0, |newest| newest.last);
    tree.pass_over(&log, given.base, report)?;
    tree::check_left_behind(&log, archived, report)?;
    while let Some((seq, body)) = given.next(tree.frontier(), report)? {
        tree.check(&log, seq, body.as_bytes(), report)?;
        replay.apply(&log, seq, None, body.as_bytes(), &mut derived);
        progress(seq);
    }
    {
        let events = "SELECT seq, operation, body FROM audit_events NOT INDEXED WHERE seq > ? ORDER BY seq";
        let mut events = log.prepare(events)?;
        let mut events = events.query([archived]).explain(READ_FAILED)?;
        while let Some(row) = events.next().explain(READ_FAILED)? {
            // As it is stored, whatever its type.
            let body = match row.get_ref(2)? {
                ValueRef::Text(body) | ValueRef::Blob(body) => body,
                _ => &[],
            };
            let seq = row.get(0)?;
            tree.check(&log, seq, body, report)?;
            replay.apply(&log, seq, Some(row.get(1)?), body, &mut derived);
            progress(seq);
        }
    }
    tree.end(&log, evidence, &kept, &named, report)?;
    Ok(Some(ReadLog { log, replay, named, derived }))
}

/// Applies the whole log, as far as it can be trusted, to the tables of a scratch file: the file, and the number of the
/// last event.
pub(super) async fn remake(
    database: &Path,
    archives: Vec<PathBuf>,
    progress: impl Fn(i64) + Send + 'static,
) -> Result<(TempPath, u64), StoreError> {
    let right = Schema::made_by(super::schema::migrations()).await?;
    let database = database.to_owned();
    let remade = spawn_blocking(move || {
        let mut report = Report::default();
        let mut evidence = Evidence { archives, ..Evidence::default() };
        let read = read_log(&database, &mut evidence, &right, &mut report, progress)?;
        let finding = |report: &Report| report.findings.first().map(ToString::to_string);
        match read {
            Some(read) if read.replay.base() > 0 => Err(StoreError(format!(
                "events 1 to {} are in archives: give each of them (--archive)",
                read.replay.base()
            ))),
            Some(read) if report.findings.is_empty() && read.derived.findings.is_empty() => {
                read.log.execute_batch("COMMIT")?;
                Ok((read.replay.into_file(), report.events))
            }
            read => {
                let first = finding(&report)
                    .or_else(|| read.and_then(|read| finding(&read.derived)))
                    .unwrap_or_default();
                Err(StoreError(format!(
                    "the tables were not made again, because the log itself cannot be trusted: {first}; see all of it \
                     with `room-owner audit verify`"
                )))
            }
        }
    });
    remade.await.explain("the rebuild broke off")?
}

/// The keys to check signatures with: those that were given, or for want of them one that is found here.
fn choose_keys(evidence: &mut Evidence, named: &str, report: &mut Report) {
    let named_key = VerifierKey::parse(named);
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
}

/// The last event under a head that somebody kept elsewhere.
fn newest(evidence: &Evidence) -> Result<Option<u64>, StoreError> {
    let kept = evidence.checkpoints.iter().map(|(_, checkpoint)| checkpoint.head().size);
    let seen = evidence.seen.iter().map(|seen| seen.size);
    let archives = evidence.archives.iter().map(|file| Ok(Reading::open(file)?.last().unsigned_abs()));
    let archives = archives.collect::<Result<Vec<_>, StoreError>>()?;
    Ok(kept.chain(seen).chain(archives).max())
}

/// The hash over what the tables said after event `last`, which no operation spans.
pub(super) fn state_at(log: &Connection, last: i64) -> Result<String, StoreError> {
    let database: String =
        log.query_row("SELECT file FROM pragma_database_list WHERE name = 'main'", [], |row| row.get(0))?;
    let (_, scratch) = Replay::open(Path::new(&database))?;
    load_state(&scratch, last)?;
    digest(&scratch)
}
