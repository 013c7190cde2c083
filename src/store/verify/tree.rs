//! The events against the tree: numbered without gaps, each the one that was signed.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _};

use crate::app::ports::StoreError;
use crate::domain::audit::Event;
use crate::domain::tree_head::TreeHead;
use crate::domain::verification::Report;
use crate::merkle::{Checkpoint, Frontier, Hash, TILE_HEIGHT, TILE_WIDTH, Tile, VerifierKey, record_hash};
use crate::store::archive_file::Kept;
use crate::store::tiles;

use super::Evidence;

/// The leaf hashes as they were kept when they were signed, of one tile at a time.
#[derive(Default)]
struct KeptLeaves(Option<(u64, Vec<u8>)>);

impl KeptLeaves {
    fn of(&mut self, log: &Connection, seq: i64) -> Result<Option<Hash>, StoreError> {
        let Some(index) = u64::try_from(seq).ok().and_then(|seq| seq.checked_sub(1)) else { return Ok(None) };
        let n = index / TILE_WIDTH;
        if self.0.as_ref().is_none_or(|(of, _)| *of != n) {
            self.0 = Some((n, tiles::tile(log, 0, n)?.unwrap_or_default()));
        }
        let (hashes, _) = self.0.as_ref().map_or(&[][..], |(_, tile)| tile).as_chunks::<32>();
        Ok(hashes.get((index % TILE_WIDTH) as usize).copied().map(Hash))
    }
}

/// The check, as far as it has come.
pub(super) struct Tree {
    frontier: Frontier,
    /// How many events were signed.
    signed: Option<i64>,
    leaves: KeptLeaves,
    /// The first event for which no hash is kept.
    behind: Option<i64>,
    /// Whether an event was found to be another than the signed one, which makes the later roots differ too.
    is_bad: bool,
    /// The tiles that the events fill, above the leaves, and that nobody has compared yet.
    filled: Vec<Tile>,
    /// How many tiles the events fill.
    tiles: u64,
    /// The sizes at which the head is needed, and the heads there.
    wanted: BTreeMap<u64, Option<TreeHead>>,
}

impl Tree {
    pub(super) fn new(evidence: &Evidence, archives: &[Kept]) -> Self {
        let checkpoints = evidence.checkpoints.iter().map(|(_, checkpoint)| checkpoint.head().size);
        let seen = evidence.seen.iter().map(|seen| seen.size);
        let archived = archives.iter().map(|archive| archive.last.unsigned_abs());
        Self {
            frontier: Frontier::default(),
            signed: None,
            leaves: KeptLeaves::default(),
            behind: None,
            is_bad: false,
            filled: Vec::new(),
            tiles: 0,
            wanted: checkpoints.chain(seen).chain(archived).map(|size| (size, None)).collect(),
        }
    }

    /// The edge of the tree over the events so far.
    pub(super) fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    fn last(&self) -> i64 {
        self.frontier.size().cast_signed()
    }

    /// Goes on to event `last` by the kept hashes alone: the events are in an archive.
    pub(super) fn pass_over(
        &mut self,
        log: &Connection,
        last: i64,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        while self.last() < last {
            let Some(leaf) = self.kept_leaf(log, self.last() + 1)? else { break };
            self.push(log, leaf, report)?;
        }
        Ok(())
    }

    /// Goes on with an event.
    pub(super) fn check(
        &mut self,
        log: &Connection,
        seq: i64,
        body: &[u8],
        report: &mut Report,
    ) -> Result<(), StoreError> {
        if seq != self.last() + 1 {
            report.find(self.last() + 1, missing(self.last() + 1, seq - 1));
            self.is_bad = true;
            // Their hashes are still known, so that the events after them are found.
            while self.last() + 1 < seq {
                let Some(leaf) = self.kept_leaf(log, self.last() + 1)? else { break };
                self.push(log, leaf, report)?;
            }
        }
        let leaf = record_hash(body);
        match self.kept_leaf(log, seq)? {
            Some(kept) if kept == leaf => {}
            Some(_) => {
                report.find(seq, "its text is not the one that was signed: it was altered");
                self.is_bad = true;
            }
            None => {
                self.behind.get_or_insert(seq);
                self.is_bad = true;
            }
        }
        self.push(log, leaf, report)
    }

    /// The hash of event `seq`, as it was kept when it was signed.
    fn kept_leaf(&mut self, log: &Connection, seq: i64) -> Result<Option<Hash>, StoreError> {
        let signed = match self.signed {
            Some(signed) => signed,
            None => *self.signed.insert(signed_size(log)?),
        };
        if seq > signed { Ok(None) } else { self.leaves.of(log, seq) }
    }

    fn push(&mut self, log: &Connection, leaf: Hash, report: &mut Report) -> Result<(), StoreError> {
        let Self { frontier, filled, tiles, wanted, .. } = self;
        frontier.push(leaf, |tile| {
            *tiles += 1;
            filled.push(tile);
        });
        if let Some(head) = wanted.get_mut(&frontier.size()) {
            *head = Some(frontier.head());
        }
        for tile in std::mem::take(&mut self.filled) {
            self.compare_tile(log, &tile, report)?;
        }
        Ok(())
    }

    /// A tile above the leaves against the one that is kept; the leaves themselves are compared one by one.
    fn compare_tile(&self, log: &Connection, tile: &Tile, report: &mut Report) -> Result<(), StoreError> {
        if self.is_bad {
            return Ok(());
        }
        let kept = tiles::tile(log, tile.level, tile.n)?.unwrap_or_default();
        if kept != tile.hashes {
            let (level, n) = (tile.level * TILE_HEIGHT, tile.n);
            let what = format!(
                "the kept hashes of the tree at level {level}, tile {n}, are not those of the events"
            );
            report.find(None, what);
        }
        Ok(())
    }

    pub(super) fn end(
        mut self,
        log: &Connection,
        evidence: &Evidence,
        archives: &[Kept],
        named: &str,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        let last = self.last();
        if let Some(first) = self.behind {
            report.find(first, added(first, last));
        }
        let signed = signed_size(log)?;
        if signed > last {
            report.find(last + 1, missing(last + 1, signed));
            self.is_bad = true;
        }
        let incomplete: Vec<Tile> = self.frontier.incomplete().collect();
        for tile in &incomplete {
            self.compare_tile(log, tile, report)?;
        }
        let expected = self.tiles + incomplete.len() as u64;
        let kept: i64 = log.query_row("SELECT count(*) FROM tree_tiles", [], |row| row.get(0))?;
        if kept.unsigned_abs() != expected && !self.is_bad {
            report.find(None, format!("{kept} tiles of the tree are kept, and the events fill {expected}"));
        }
        let head = self.frontier.head();
        report.events = head.size;
        report.root = hex::encode(head.root);
        self.check_newest(log, evidence, named, head, report)?;
        for archive in archives.iter().filter(|_| !self.is_bad) {
            let here = self.wanted.get(&archive.last.unsigned_abs()).copied().flatten();
            if here.is_none_or(|here| hex::encode(here.root) != archive.root) {
                let root = "is not the root that `archives` has for it: that table was altered";
                report.find(archive.last, format!("the root of the events up to it {root}"));
            }
        }
        for (name, checkpoint) in &evidence.checkpoints {
            let of = checkpoint.head();
            check_signature(&format!("`{name}`"), checkpoint, &evidence.keys, report);
            self.compare_head(&format!("`{name}`"), of.size, |here| *here == of, report);
        }
        for seen in &evidence.seen {
            self.compare_head(&format!("`{seen}`, as it was seen"), seen.size, |here| seen.is(here), report);
        }
        Ok(())
    }

    fn check_newest(
        &self,
        log: &Connection,
        evidence: &Evidence,
        named: &str,
        head: TreeHead,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        let newest = match tiles::newest(log) {
            Ok(newest) => newest,
            Err(error) => {
                report.find(None, format!("{error}, in the database"));
                return Ok(());
            }
        };
        check_signature("the newest head in the database", &newest, &evidence.keys, report);
        if VerifierKey::parse(named).is_ok_and(|key| newest.check(&key).is_err()) {
            let what = "the newest head in the database is not signed with the key that it names";
            report.find(None, what);
        }
        let size = signed_size(log)?;
        if size.unsigned_abs() != newest.head().size {
            let what = format!(
                "the newest signed head is kept for {size} events, and is one of {}",
                newest.head().size
            );
            report.find(None, what);
        } else if newest.head() != head && !self.is_bad {
            report.find(None, "the newest signed head in the database is not that of the events");
        }
        Ok(())
    }

    /// The log against a head from outside.
    fn compare_head(&self, name: &str, size: u64, is: impl Fn(&TreeHead) -> bool, report: &mut Report) {
        report.compared.push(format!("{name} ({size} events)"));
        let events = self.frontier.size();
        match self.wanted.get(&size).copied().flatten() {
            _ if size == 0 => {}
            Some(here) if is(&here) => {}
            Some(_) => report.find(
                None,
                format!("the first {size} events are not those of {name}: the log was altered or rewritten after that"),
            ),
            None => report.find(
                Some(self.last() + 1),
                format!("the log ends after {events} events, and {name} is a head of {size}: its end was cut off, or it is an older copy"),
            ),
        }
    }
}

fn signed_size(log: &Connection) -> Result<i64, StoreError> {
    Ok(log.query_row("SELECT size FROM signed_head", [], |row| row.get(0)).optional()?.unwrap_or(0))
}

/// Checks rows of `audit_events` under numbers whose events are in archives, or that no event can have. No answer is
/// made from them. A run that broke off leaves the last of them, as they were signed; whatever else is there,
/// somebody put there.
pub(super) fn check_left_behind(
    log: &Connection,
    archived: i64,
    report: &mut Report,
) -> Result<(), StoreError> {
    let sql = "SELECT seq, operation, body FROM audit_events NOT INDEXED WHERE seq <= ? ORDER BY seq";
    let mut statement = log.prepare(sql)?;
    let mut rows = statement.query([archived])?;
    let mut leaves = KeptLeaves::default();
    let mut last = None;
    let alone = |next: i64| {
        format!(
            "it is in an archive, and its row is still in `audit_events` while that of event {next} is not: somebody \
             added the one or took out the other"
        )
    };
    while let Some(row) = rows.next()? {
        let (seq, operation): (i64, i64) = (row.get(0)?, row.get(1)?);
        if seq < 1 {
            report.find(seq, "no event has such a number: its row in `audit_events` was added by hand");
            continue;
        }
        let body = row.get_ref(2)?.as_bytes().unwrap_or_default();
        if leaves.of(log, seq)? != Some(record_hash(body)) {
            let what = "its row in `audit_events` is not what was signed; the event itself is in an archive";
            report.find(seq, format!("{what}: somebody added or altered the row"));
        } else if let Ok(event) = Event::parse(body)
            && event.operation.seq() != operation
        {
            report.find(seq, format!("its row names operation {operation}, its text `{}`", event.operation));
        }
        if let Some(before) = last.replace(seq)
            && before + 1 != seq
        {
            report.find(before, alone(before + 1));
        }
    }
    if let Some(last) = last.filter(|last| *last < archived) {
        report.find(last, alone(last + 1));
    }
    Ok(())
}

fn missing(first: i64, last: i64) -> String {
    if first == last {
        "it is missing: it was taken out".to_owned()
    } else {
        format!("it is missing, and all up to event {last}: they were taken out")
    }
}

fn added(first: i64, last: i64) -> String {
    if first == last {
        "it was added behind the signed log".to_owned()
    } else {
        format!("it was added behind the signed log, as were all up to event {last}")
    }
}

fn check_signature(name: &str, checkpoint: &Checkpoint, keys: &[VerifierKey], report: &mut Report) {
    let mut problem = None;
    for key in keys {
        match checkpoint.check(key) {
            Ok(()) => return,
            Err(error) => problem = Some(error),
        }
    }
    if let Some(problem) = problem {
        report.find(None, format!("{name}: {problem}"));
    }
}
