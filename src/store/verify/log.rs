//! The rows against the tree: numbered without gaps, each the one that was signed.
//!
//! Every row is hashed and compared with the hash that was kept when it was signed. That a signed head is the
//! root of those hashes is asked of one head in some hundred, because a root costs more than the rest of the
//! check of a row; where one differs, each head since the last that did not is asked. On demand every
//! head is asked, and its signature too.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _};

use crate::domain::tree_head::TreeHead;
use crate::domain::verification::Report;
use crate::store::archive::Kept;
use crate::store::tree;
use crate::tree::{Checkpoint, Edge, Hash, VerifierKey, record_hash};

use super::Evidence;
use super::chunks::{self, Events, Head, Heads, Signed};
use super::signers::Signers;

/// How many nodes of a level are compared at once.
const NODES: usize = 256;

/// The check, as far as it has come.
pub(super) struct Log {
    /// The number of the last row.
    seq: i64,
    /// The last event that is in an archive: the rows up to it are not read.
    archived: i64,
    edge: Edge,
    signed: Signed,
    signers: Signers,
    keys: Vec<VerifierKey>,
    heads: Ahead,
    /// Where a signed head was last the one of the rows.
    good: Edge,
    /// A head that is not, and at which nobody has looked closer yet.
    suspect: bool,
    /// The first row for which there is no signed head.
    behind: Option<i64>,
    /// Whether a row was found to be another than the signed one, which makes the later roots differ too.
    is_bad: bool,
    nodes: Nodes,
    /// The sizes at which the head is needed, and the heads there.
    wanted: BTreeMap<u64, Option<TreeHead>>,
    /// The first of them that is not reached.
    next_wanted: u64,
}

/// The heads that are not reached yet, with their leaves.
#[derive(Default)]
struct Ahead {
    heads: std::vec::IntoIter<Head>,
    /// The one whose leaves come next, and how many of them are left.
    head: Option<(Head, usize)>,
    leaves: std::vec::IntoIter<[u8; 32]>,
    /// The last one that was read.
    last: i64,
}

impl Ahead {
    /// The hash of the next leaf, as it was kept when it was signed; `None` where more has to be read.
    fn leaf(&mut self) -> Option<Hash> {
        let leaf = self.leaves.next()?;
        while self.head.as_ref().is_none_or(|(_, left)| *left == 0) {
            let head = self.heads.next()?;
            let added = head.added;
            self.head = Some((head, added));
        }
        if let Some((_, left)) = &mut self.head {
            *left -= 1;
        }
        Some(Hash(leaf))
    }

    /// The head, if that was its last leaf.
    fn completed(&mut self) -> Option<Head> {
        self.head.take_if(|(_, left)| *left == 0).map(|(head, _)| head)
    }

    fn take(&mut self, more: Heads) {
        self.last = more.heads.last().map_or(self.last, |head| head.size);
        self.heads = more.heads.into_iter();
        self.leaves = more.leaves.into_iter();
    }
}

impl Log {
    pub(super) fn new(evidence: &Evidence, archives: &[Kept]) -> Self {
        let kept = evidence.checkpoints.iter().map(|(_, checkpoint)| checkpoint.head().size);
        let seen = evidence.seen.iter().map(|seen| seen.size);
        let archived = archives.iter().map(|archive| archive.last.unsigned_abs());
        let wanted: BTreeMap<u64, Option<TreeHead>> =
            kept.chain(seen).chain(archived).map(|size| (size, None)).collect();
        Self {
            seq: 0,
            archived: archives.last().map_or(0, |newest| newest.last),
            edge: Edge::default(),
            signed: if evidence.every_head { Signed::Every } else { Signed::Last },
            signers: Signers::default(),
            keys: evidence.keys.clone(),
            heads: Ahead::default(),
            good: Edge::default(),
            suspect: false,
            behind: None,
            is_bad: false,
            nodes: Nodes::default(),
            next_wanted: wanted.keys().copied().find(|size| *size > 0).unwrap_or(u64::MAX),
            wanted,
        }
    }

    /// The edge of the tree over the rows so far.
    pub(super) fn edge(&self) -> &Edge {
        &self.edge
    }

    /// The next events of the database, in the memory of others; `None` at the end.
    pub(super) fn next(
        &mut self,
        connection: &Connection,
        mut events: Events,
    ) -> Result<Option<Events>, rusqlite::Error> {
        chunks::read_events(connection, self.seq.max(self.archived), &mut events)?;
        Ok(Some(events).filter(|events| events.last().is_some()))
    }

    /// Goes on to event `last` by the kept hashes alone: the events are in an archive.
    pub(super) fn pass_over(
        &mut self,
        connection: &Connection,
        last: i64,
        report: &mut Report,
    ) -> Result<(), rusqlite::Error> {
        while self.seq < last {
            let Some(leaf) = self.signed_leaf(connection, report)? else { break };
            self.push(leaf, report);
            self.look_closer(connection, report)?;
        }
        Ok(())
    }

    pub(super) fn check(
        &mut self,
        connection: &Connection,
        events: &Events,
        report: &mut Report,
    ) -> Result<(), rusqlite::Error> {
        for event in events.iter() {
            if event.seq != self.seq + 1 {
                report.find(self.seq + 1, missing(self.seq + 1, event.seq - 1));
                // Their hashes are still known, so that the rows after them can be told apart.
                while self.seq + 1 < event.seq {
                    let Some(leaf) = self.signed_leaf(connection, report)? else { break };
                    self.push(leaf, report);
                }
                self.is_bad = true;
                self.seq = event.seq - 1;
            }
            let leaf = record_hash(event.body);
            match self.signed_leaf(connection, report)? {
                Some(signed) if signed == leaf => {}
                Some(_) => {
                    report.find(event.seq, "its text is not the one that was signed: it was altered");
                    self.is_bad = true;
                }
                None => {
                    self.behind.get_or_insert(event.seq);
                    self.is_bad = true;
                }
            }
            self.push(leaf, report);
        }
        self.look_closer(connection, report)
    }

    /// Deals with what was put off.
    fn look_closer(&mut self, connection: &Connection, report: &mut Report) -> Result<(), rusqlite::Error> {
        if std::mem::take(&mut self.suspect) {
            self.find_first_other_head(connection, report)?;
            self.is_bad = true;
        }
        if self.nodes.are_many() {
            self.check_nodes(connection, report)?;
        }
        Ok(())
    }

    /// The hash of the next leaf, as it was kept when it was signed.
    fn signed_leaf(
        &mut self,
        connection: &Connection,
        report: &mut Report,
    ) -> Result<Option<Hash>, rusqlite::Error> {
        if let Some(leaf) = self.heads.leaf() {
            return Ok(Some(leaf));
        }
        let more = chunks::heads(connection, self.heads.last, self.signed)?;
        for head in &more.heads {
            if head.added == 0 {
                let of = format!("the head of {} events in the database", head.size);
                report.find(None, format!("{of} adds no event: the tree's tables were altered"));
                self.is_bad = true;
            }
            match head.signer {
                Some(signer) => self.signers.signed(head.size, &more.signers[signer], report),
                None => self.signers.unsigned(head.size, head.added),
            }
        }
        self.heads.take(more);
        Ok(self.heads.leaf())
    }

    fn push(&mut self, leaf: Hash, report: &mut Report) {
        let nodes = &mut self.nodes;
        self.edge.push(leaf, |level, n, hash| {
            if level % tree::KEPT_LEVELS == 0 {
                nodes.add(level, n as i64, hash);
            }
        });
        self.seq += 1;
        let size = self.edge.size();
        if size == self.next_wanted {
            self.wanted.insert(size, Some(self.edge.head()));
            self.next_wanted = self.wanted.range(size + 1..).next().map_or(u64::MAX, |(size, _)| *size);
        }
        if let Some(head) = self.heads.completed() {
            self.check_head(&head, report);
        }
    }

    fn check_head(&mut self, head: &Head, report: &mut Report) {
        if head.size != self.seq {
            report.find(
                self.seq,
                format!(
                    "the head kept after it is one of {} events: the tree's tables were altered",
                    head.size
                ),
            );
            self.is_bad = true;
        }
        let Some(text) = &head.checkpoint else { return };
        if self.signed == Signed::Every {
            let name = format!("the head of {} events in the database", head.size);
            match Checkpoint::parse(text) {
                Ok(checkpoint) => check_signature(&name, &checkpoint, &self.keys, report),
                Err(error) => report.find(None, format!("{name}: {error}")),
            }
        }
        if self.is_bad || self.suspect {
            return;
        }
        if is_head(text, &self.edge.head()) {
            self.good.clone_from(&self.edge);
        } else {
            self.suspect = true;
        }
    }

    /// Names what lies between the last head that was right and the first that is not. Up to here each row was
    /// the one of its kept hash, so the hashes are enough.
    fn find_first_other_head(
        &mut self,
        connection: &Connection,
        report: &mut Report,
    ) -> Result<(), rusqlite::Error> {
        let mut edge = self.good.clone();
        let mut good = edge.size();
        let mut other = self.edge.size();
        'search: while edge.size() < self.edge.size() {
            let more = chunks::heads(connection, edge.size() as i64, Signed::Every)?;
            let mut leaves = more.leaves.into_iter();
            if more.heads.is_empty() {
                break;
            }
            for head in more.heads {
                leaves.by_ref().take(head.added).for_each(|leaf| edge.push(Hash(leaf), |_, _, _| {}));
                let Some(text) = head.checkpoint else { continue };
                if !is_head(&text, &edge.head()) {
                    other = edge.size();
                    break 'search;
                }
                good = edge.size();
            }
        }
        let which = if good + 1 == other { "it is" } else { "it, or one up to the next signed head, is" };
        report.find(
            good as i64 + 1,
            format!("{which} not what was signed: the head after event {other} is another"),
        );
        Ok(())
    }

    /// The kept hashes of complete subtrees against those of the rows.
    fn check_nodes(&mut self, connection: &Connection, report: &mut Report) -> Result<(), rusqlite::Error> {
        for (level, (first, hashes)) in self.nodes.take() {
            let count = (hashes.len() / 32) as i64;
            let kept = chunks::nodes(connection, level, first, count)?;
            if self.is_bad || kept == hashes {
                continue;
            }
            let (kept, _) = kept.as_chunks::<32>();
            let (right, _) = hashes.as_chunks::<32>();
            let same = right.iter().zip(kept).take_while(|(right, kept)| right == kept).count();
            report.find(
                None,
                format!(
                    "the kept hash of the tree at level {level}, number {}, is not that of the rows",
                    first + same as i64
                ),
            );
        }
        Ok(())
    }

    pub(super) fn end(
        mut self,
        connection: &Connection,
        evidence: &Evidence,
        archives: &[Kept],
        named: &str,
        report: &mut Report,
    ) -> Result<(), rusqlite::Error> {
        let last = self.seq;
        if let Some(first) = self.behind {
            report.find(first, added(first, last));
        }
        if self.signed_leaf(connection, report)?.is_some() {
            let signed: i64 =
                connection.query_one("SELECT max(size) FROM tree_heads", [], |row| row.get(0))?;
            report.find(last + 1, missing(last + 1, signed));
            self.is_bad = true;
        }
        self.check_nodes(connection, report)?;
        std::mem::take(&mut self.signers).end(connection, &evidence.keys, report)?;
        let head = self.edge.head();
        report.events = head.size;
        report.root = hex::encode(head.root);
        self.check_tables(connection, report)?;
        let newest: Option<String> = connection
            .query_row(
                "SELECT checkpoint FROM tree_heads WHERE size <= ? AND checkpoint IS NOT NULL
                 ORDER BY size DESC LIMIT 1",
                [last],
                |row| row.get(0),
            )
            .optional()?;
        match newest.as_deref().map(Checkpoint::parse) {
            None if last == 0 => {}
            None => report.find(None, "no signed head is kept in the database"),
            Some(Err(error)) => report.find(None, format!("the newest signed head in the database: {error}")),
            Some(Ok(newest)) => {
                check_signature("the newest head in the database", &newest, &evidence.keys, report);
                if VerifierKey::parse(named).is_ok_and(|key| newest.check(&key).is_err()) {
                    report.find(
                        None,
                        "the newest head in the database is not signed with the key that it names",
                    );
                }
                if newest.head() != head && !self.is_bad {
                    report.find(None, "the newest signed head in the database is not that of the rows");
                }
            }
        }
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
            self.compare(&format!("`{name}`"), of.size, |here| *here == of, report);
        }
        for seen in &evidence.seen {
            self.compare(&format!("`{seen}`, as it was seen"), seen.size, |here| seen.is(here), report);
        }
        Ok(())
    }

    /// The log against a head from outside.
    fn compare(&self, name: &str, size: u64, is: impl Fn(&TreeHead) -> bool, report: &mut Report) {
        report.compared.push(format!("{name} ({size} events)"));
        let events = self.edge.size();
        match self.wanted.get(&size).copied().flatten() {
            _ if size == 0 => {}
            Some(here) if is(&here) => {}
            Some(_) => report.find(
                None,
                format!("the first {size} events are not those of {name}: the log was altered or rewritten after that"),
            ),
            None => report.find(
                Some(self.seq + 1),
                format!("the log ends after {events} events, and {name} is a head of {size}: its end was cut off, or it is an older copy"),
            ),
        }
    }

    fn check_tables(&self, connection: &Connection, report: &mut Report) -> Result<(), rusqlite::Error> {
        let (size, peaks): (i64, Vec<u8>) =
            connection
                .query_one("SELECT size, peaks FROM tree_edge", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if self.is_bad {
            return Ok(());
        }
        if size != self.seq || peaks != self.edge.to_bytes() {
            report.find(
                None,
                format!(
                    "the edge of the tree is kept for {size} events and is not that of the {} rows",
                    self.seq
                ),
            );
        }
        let beyond: i64 =
            connection.query_one("SELECT count(*) FROM tree_heads WHERE size < 1", [], |row| row.get(0))?;
        if beyond > 0 {
            report
                .find(None, format!("{beyond} heads of no events are kept: the tree's tables were altered"));
        }
        let nodes: i64 = connection.query_one("SELECT count(*) FROM tree_nodes", [], |row| row.get(0))?;
        if nodes != self.nodes.count {
            report.find(
                None,
                format!("{nodes} hashes of the tree are kept, and the rows lead to {}", self.nodes.count),
            );
        }
        Ok(())
    }
}

/// The roots of complete subtrees that the rows lead to and that nobody has compared yet.
#[derive(Default)]
struct Nodes {
    count: i64,
    /// By level: the number of the first, and the hashes from it on.
    waiting: BTreeMap<u8, (i64, Vec<u8>)>,
}

impl Nodes {
    fn add(&mut self, level: u8, n: i64, hash: Hash) {
        self.count += 1;
        self.waiting.entry(level).or_insert_with(|| (n, Vec::new())).1.extend(hash.0);
    }

    fn are_many(&self) -> bool {
        self.waiting.values().any(|(_, hashes)| hashes.len() >= NODES * 32)
    }

    fn take(&mut self) -> BTreeMap<u8, (i64, Vec<u8>)> {
        std::mem::take(&mut self.waiting)
    }
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

/// Whether the text of a checkpoint is of this head. Its signature is another question.
fn is_head(text: &str, head: &TreeHead) -> bool {
    let mut lines = text.lines().skip(1);
    let size = lines.next().and_then(|line| line.parse().ok());
    size == Some(head.size) && lines.next() == Some(Hash(head.root).to_string().as_str())
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
