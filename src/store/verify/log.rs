//! The rows against the tree: numbered without gaps, each the one that was signed.

use std::collections::{HashMap, VecDeque};

use sqlx::sqlite::SqliteConnection;

use crate::domain::tree_head::TreeHead;
use crate::domain::verification::Report;
use crate::store::tree;
use crate::tree::{Checkpoint, Edge, Hash, VerifierKey, record_hash};

use super::Evidence;
use super::chunks::{self, Event, Head};

/// The check, as far as it has come.
pub(super) struct Log {
    /// The number of the last row.
    seq: i64,
    edge: Edge,
    /// The heads that are not reached yet, and how many leaves of the first of them are.
    heads: VecDeque<Head>,
    reached: usize,
    last_head: i64,
    /// The newest head that the rows lead to.
    last_good: i64,
    /// Whether a row was found to be another than the signed one, which makes the later roots differ too.
    is_bad: bool,
    nodes: i64,
    /// The sizes at which the head is needed, and the heads there.
    wanted: HashMap<u64, Option<TreeHead>>,
    newest: Option<String>,
}

impl Log {
    pub(super) fn new(evidence: &Evidence) -> Self {
        let kept = evidence.checkpoints.iter().map(|(_, checkpoint)| checkpoint.head().size);
        let seen = evidence.seen.iter().map(|seen| seen.size);
        Self {
            seq: 0,
            edge: Edge::default(),
            heads: VecDeque::new(),
            reached: 0,
            last_head: 0,
            last_good: 0,
            is_bad: false,
            nodes: 0,
            wanted: kept.chain(seen).map(|size| (size, None)).collect(),
            newest: None,
        }
    }

    /// The next events; `None` at the end.
    pub(super) async fn next(
        &mut self,
        connection: &mut SqliteConnection,
    ) -> Result<Option<Vec<Event>>, sqlx::Error> {
        let events = chunks::events(connection, self.seq).await?;
        Ok(Some(events).filter(|events| !events.is_empty()))
    }

    pub(super) async fn check(
        &mut self,
        connection: &mut SqliteConnection,
        events: &[Event],
        report: &mut Report,
    ) -> Result<(), sqlx::Error> {
        let mut completed = Vec::new();
        for event in events {
            if event.seq != self.seq + 1 {
                report.find(self.seq + 1, missing(self.seq + 1, event.seq - 1));
                // Their hashes are still known, so that the rows after them can be told apart.
                while self.seq + 1 < event.seq {
                    let Some(leaf) = self.signed_leaf(connection).await? else { break };
                    self.push(leaf, &mut completed, report);
                }
                self.is_bad = true;
                self.seq = event.seq - 1;
            }
            let leaf = record_hash(event.body.as_bytes());
            match self.signed_leaf(connection).await? {
                Some(signed) if signed == leaf => {}
                Some(_) => {
                    report.find(event.seq, "its text is not the one that was signed: it was altered");
                    self.is_bad = true;
                }
                None => {
                    report.find(event.seq, "it was added behind the signed log");
                    self.is_bad = true;
                }
            }
            self.push(leaf, &mut completed, report);
        }
        for (level, n, hash) in completed {
            self.nodes += 1;
            let kept: Option<Vec<u8>> =
                sqlx::query_scalar("SELECT hash FROM tree_nodes WHERE level = ? AND n = ?")
                    .bind(level)
                    .bind(n as i64)
                    .fetch_optional(&mut *connection)
                    .await?;
            if kept.as_deref() != Some(&hash.0) && !self.is_bad {
                report.find(
                    None,
                    format!(
                        "the kept hash of the tree at level {level}, number {n}, is not that of the rows"
                    ),
                );
            }
        }
        Ok(())
    }

    /// The hash of the next leaf, as it was kept when it was signed.
    async fn signed_leaf(&mut self, connection: &mut SqliteConnection) -> Result<Option<Hash>, sqlx::Error> {
        if self.heads.is_empty() {
            self.heads.extend(chunks::heads(connection, self.last_head).await?);
            self.last_head = self.heads.back().map_or(self.last_head, |head| head.size);
        }
        let leaf = self.heads.front().and_then(|head| head.leaves.get(self.reached));
        Ok(leaf.copied().map(Hash))
    }

    fn push(&mut self, leaf: Hash, completed: &mut Vec<(u8, u64, Hash)>, report: &mut Report) {
        self.edge.push(leaf, |level, n, hash| {
            if level % tree::KEPT_LEVELS == 0 {
                completed.push((level, n, hash));
            }
        });
        self.seq += 1;
        self.reached += 1;
        if let Some(wanted) = self.wanted.get_mut(&self.edge.size()) {
            *wanted = Some(self.edge.head());
        }
        if self.heads.front().is_some_and(|head| self.reached >= head.leaves.len())
            && let Some(head) = self.heads.pop_front()
        {
            self.reached = 0;
            self.check_head(head, report);
        }
    }

    fn check_head(&mut self, head: Head, report: &mut Report) {
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
        let Some(text) = head.checkpoint else { return };
        let same = is_head(&text, &self.edge.head());
        if same {
            self.last_good = self.seq;
        } else if !self.is_bad {
            let first = self.last_good + 1;
            let which = if first == self.seq { "it is" } else { "it, or one up to the next signed head, is" };
            report.find(
                first,
                format!("{which} not what was signed: the head after event {} is another", self.seq),
            );
            self.is_bad = true;
        }
        self.newest = Some(text);
    }

    pub(super) async fn end(
        mut self,
        connection: &mut SqliteConnection,
        evidence: &Evidence,
        named: &str,
        report: &mut Report,
    ) -> Result<(), sqlx::Error> {
        let last = self.seq;
        if self.signed_leaf(connection).await?.is_some() {
            let signed: i64 =
                sqlx::query_scalar("SELECT max(size) FROM tree_heads").fetch_one(&mut *connection).await?;
            report.find(last + 1, missing(last + 1, signed));
            self.is_bad = true;
        }
        let head = self.edge.head();
        report.events = head.size;
        report.root = hex::encode(head.root);
        self.check_tables(connection, report).await?;
        match self.newest.as_deref().map(Checkpoint::parse) {
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

    async fn check_tables(
        &self,
        connection: &mut SqliteConnection,
        report: &mut Report,
    ) -> Result<(), sqlx::Error> {
        let (size, peaks): (i64, Vec<u8>) =
            sqlx::query_as("SELECT size, peaks FROM tree_edge").fetch_one(&mut *connection).await?;
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
        let nodes: i64 = sqlx::query_scalar("SELECT count(*) FROM tree_nodes").fetch_one(connection).await?;
        if nodes != self.nodes {
            report.find(
                None,
                format!("{nodes} hashes of the tree are kept, and the rows lead to {}", self.nodes),
            );
        }
        Ok(())
    }
}

fn missing(first: i64, last: i64) -> String {
    if first == last {
        "it is missing: it was taken out".to_owned()
    } else {
        format!("it is missing, and all up to event {last}: they were taken out")
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
