//! Rows of `audit_events` under numbers whose events are in archives, or that no event can have.
//!
//! No answer is made from them. A run that broke off leaves the last of them, as they were signed; whatever else is
//! there, somebody put there.

use rusqlite::{Connection, OptionalExtension as _};

use crate::domain::verification::Report;
use crate::tree::{Hash, record_hash};

use super::chunks::{self, Event, Events, Signed};
use super::told::Body;

/// Checks the rows up to event `archived`, the last that is in an archive.
pub(super) fn check(connection: &Connection, archived: i64, report: &mut Report) -> rusqlite::Result<()> {
    let mut statement =
        connection.prepare("SELECT seq FROM audit_events NOT INDEXED WHERE seq < 1 ORDER BY seq")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let seq: i64 = row.get(0)?;
        report.find(seq, "no event has such a number: its row in `audit_events` was added by hand");
    }
    let (mut leaves, mut last, mut some) = (None, None, Events::default());
    loop {
        chunks::read_events(connection, last.unwrap_or(0), &mut some)?;
        some.end_at(archived);
        for event in some.iter() {
            if leaves.is_none() {
                leaves = Some(Leaves::before(connection, event.seq)?);
            }
            let leaf = leaves.as_mut().map_or(Ok(None), |leaves| leaves.of(connection, event.seq))?;
            check_row(event, leaf, report);
            if let Some(before) = last.replace(event.seq)
                && before + 1 != event.seq
            {
                report.find(before, alone(before + 1));
            }
        }
        if some.last().is_none() {
            break;
        }
    }
    if let Some(last) = last.filter(|last| *last < archived) {
        report.find(last, alone(last + 1));
    }
    Ok(())
}

fn check_row(event: Event<'_>, leaf: Option<Hash>, report: &mut Report) {
    if leaf != Some(record_hash(event.body)) {
        let what = "its row in `audit_events` is not what was signed; the event itself is in an archive";
        report.find(event.seq, format!("{what}: somebody added or altered the row"));
        return;
    }
    let body: Option<Body<'_>> = serde_json::from_slice(event.body).ok();
    if let Some(body) = body
        && body.operation.parse() != Ok(event.operation)
    {
        report.find(
            event.seq,
            format!("its row names operation {}, its text `{}`", event.operation, body.operation),
        );
    }
}

fn alone(next: i64) -> String {
    format!(
        "it is in an archive, and its row is still in `audit_events` while that of event {next} is not: somebody added \
         the one or took out the other"
    )
}

/// The hashes of events, as they were kept when they were signed; in order.
struct Leaves {
    hashes: std::vec::IntoIter<[u8; 32]>,
    /// The number of the event whose hash comes next.
    next: i64,
    /// The last head that was read.
    head: i64,
}

impl Leaves {
    fn before(connection: &Connection, seq: i64) -> rusqlite::Result<Self> {
        let head: Option<i64> = connection
            .query_one("SELECT max(size) FROM tree_heads WHERE size < ?", [seq], |row| row.get(0))
            .optional()?
            .flatten();
        let head = head.unwrap_or(0).max(0);
        Ok(Self { hashes: Vec::new().into_iter(), next: head + 1, head })
    }

    fn of(&mut self, connection: &Connection, seq: i64) -> rusqlite::Result<Option<Hash>> {
        loop {
            for hash in self.hashes.by_ref() {
                self.next += 1;
                if self.next > seq {
                    return Ok(Some(Hash(hash)));
                }
            }
            let more = chunks::heads(connection, self.head, Signed::Last)?;
            let Some(last) = more.heads.last() else { return Ok(None) };
            self.head = last.size;
            self.hashes = more.leaves.into_iter();
        }
    }
}
