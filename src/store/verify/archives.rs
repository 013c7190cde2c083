//! The archives that are given to a check, in the order of the log.

use std::collections::VecDeque;

use crate::app::ports::StoreError;
use crate::domain::verification::Report;
use crate::merkle::Frontier;
use crate::store::archive_file::{Kept, Reading};

use super::Evidence;

/// Archives one behind the other, up to where the database goes on.
pub(super) struct GivenArchives {
    /// The last event that is in an archive which is not given.
    pub(super) base: i64,
    archives: VecDeque<Reading>,
}

impl GivenArchives {
    /// Opens those that are named; their signed heads are evidence like any other.
    pub(super) fn open(
        evidence: &mut Evidence,
        kept: &[Kept],
        report: &mut Report,
    ) -> Result<Self, StoreError> {
        let opened = evidence.archives.iter().map(|file| Reading::open(file));
        let mut opened = opened.collect::<Result<Vec<_>, _>>()?;
        for archive in &opened {
            evidence.checkpoints.push((archive.name().to_owned(), archive.checkpoint().clone()));
        }
        opened.sort_by_key(|archive| std::cmp::Reverse(archive.last()));
        let mut given = Self { base: kept.last().map_or(0, |newest| newest.last), archives: VecDeque::new() };
        for archive in opened {
            let (first, last) = (archive.first(), archive.last());
            if last == given.base && kept.iter().any(|kept| (kept.first, kept.last) == (first, last)) {
                given.base = first - 1;
                given.archives.push_front(archive);
                continue;
            }
            // By itself, then: its head is compared with the log's.
            let name = archive.name().to_owned();
            if let Err(error) = archive.check(&[]) {
                report.find(None, error.0);
            }
            let why = "it is not followed without a gap by other archives that are given and by the database";
            report.unchecked.push(format!("the tables against `{name}` (events {first} to {last}): {why}"));
        }
        if given.base > 0 {
            let missing: Vec<String> = kept
                .iter()
                .filter(|kept| kept.last <= given.base)
                .map(|kept| format!("`{}`", kept.file))
                .collect();
            report.unchecked.push(format!(
                "the texts of events 1 to {}: they are in {}; give the files (--archive)",
                given.base,
                missing.join(", ")
            ));
        }
        Ok(given)
    }

    /// The next event; `None` when the database goes on. `here` is the edge of the log so far.
    pub(super) fn next(
        &mut self,
        here: &Frontier,
        report: &mut Report,
    ) -> Result<Option<(i64, String)>, StoreError> {
        while let Some(archive) = self.archives.front_mut() {
            let before = archive.before();
            if before.size() == here.size() && before.peaks() != here.peaks() {
                let what =
                    "does not say in its first line what comes before it: it was altered, or the log was";
                report.find(archive.first(), format!("`{}` {what}", archive.name()));
            }
            match archive.next()? {
                Some((seq, body)) if seq <= archive.last() => return Ok(Some((seq, body))),
                Some(_) => report.find(
                    None,
                    format!(
                        "`{}` goes on behind its last event, {}: lines were added",
                        archive.name(),
                        archive.last()
                    ),
                ),
                None => {}
            }
            self.archives.pop_front();
        }
        Ok(None)
    }
}
