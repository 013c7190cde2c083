//! The indexes against the tables: what is found by them is all that there is.
//!
//! The rest of the check goes by none of them. SQLite itself compares its own with their tables. The index of
//! texts holds no text, only which operation has which trigram; so it is made again in memory, some operations
//! at a time, and a sum over what each of the two holds is compared: they have it in different orders.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher as _, RandomState};

use rusqlite::Connection;
use rusqlite::types::ToSqlOutput;

use crate::domain::verification::Report;
use crate::store::rows::WORDS;
use crate::store::schema;

/// How many numbers of operations share a sum: so closely is a difference named.
const TOGETHER: i64 = 64;
/// How many operations are indexed again at once.
const AT_ONCE: usize = 4_096;
/// How many complaints of SQLite's are shown.
const COMPLAINTS: i64 = 50;

pub(super) fn check(connection: &Connection, report: &mut Report) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN")?;
    if let Err(error) = by_sqlite(connection, report) {
        report.find(None, format!("sqlite cannot check the file: {error}"));
    }
    let key = RandomState::new();
    let mut index = Sums::default();
    if let Err(error) = index.add_terms(connection, &key, BY_TERM) {
        report.find(None, format!("the index of texts cannot be read, so no text is found: {error}"));
        return Ok(());
    }
    let rows = of_rows(connection, &key)?;
    for (first, last) in index.differences(&rows) {
        let what = "the index of texts has other words, or none, for some of the operations from here to";
        report.find(first, format!("{what} {last}: a search may miss them"));
    }
    Ok(())
}

fn by_sqlite(connection: &Connection, report: &mut Report) -> rusqlite::Result<()> {
    connection.execute_batch("PRAGMA temp_store = MEMORY")?;
    let mut statement = connection.prepare(&format!("PRAGMA integrity_check({COMPLAINTS})"))?;
    let mut complaints = statement.query([])?;
    while let Some(row) = complaints.next()? {
        let complaint: String = row.get(0)?;
        if complaint != "ok" {
            report.find(None, format!("sqlite finds in the file: {complaint}"));
        }
    }
    Ok(())
}

/// Every term and the operations that have it, as they are stored.
const ALL: &str = "SELECT term, doc FROM temp.terms";
/// The same, each term looked up as a search looks it up: what is stored is not always found.
const BY_TERM: &str =
    "SELECT words.term, terms.doc FROM temp.words CROSS JOIN temp.terms ON terms.term = words.term";

/// Sums over terms in whatever order, of [`TOGETHER`] operations each: how many, and the sum of their hashes.
#[derive(Default)]
struct Sums(HashMap<i64, (i64, u64)>);

impl Sums {
    /// Adds what the index in the main database of the connection holds. Both sides take the same key, which is made
    /// up for one check: nobody can prepare terms that cancel out.
    fn add_terms(&mut self, connection: &Connection, key: &RandomState, how: &str) -> rusqlite::Result<()> {
        connection.execute_batch(
            "CREATE VIRTUAL TABLE IF NOT EXISTS temp.terms USING fts5vocab(main, operations_text, instance);
             CREATE VIRTUAL TABLE IF NOT EXISTS temp.words USING fts5vocab(main, operations_text, row)",
        )?;
        let mut statement = connection.prepare_cached(how)?;
        let mut terms = statement.query([])?;
        while let Some(row) = terms.next()? {
            let operation: i64 = row.get(1)?;
            let term = row.get_ref(0)?.as_bytes().unwrap_or_default();
            let (count, hashes) = self.0.entry(operation.div_euclid(TOGETHER)).or_default();
            *count += 1;
            *hashes = hashes.wrapping_add(key.hash_one((term, operation)));
        }
        Ok(())
    }

    /// The first and last number of operations whose sums differ.
    fn differences(&self, other: &Self) -> Vec<(i64, i64)> {
        let of = |sums: &Self, place: &i64| sums.0.get(place).copied().unwrap_or_default();
        let places: BTreeSet<i64> = self.0.keys().chain(other.0.keys()).copied().collect();
        let mut differ: Vec<(i64, i64)> = Vec::new();
        for place in places.into_iter().filter(|place| of(self, place) != of(other, place)) {
            let first = place.saturating_mul(TOGETHER);
            match differ.last_mut() {
                Some((_, last)) if *last + 1 == first => *last += TOGETHER,
                _ => differ.push((first.max(1), first.saturating_add(TOGETHER - 1))),
            }
        }
        differ
    }
}

/// What the index should hold, by the rows of `operations`.
fn of_rows(connection: &Connection, key: &RandomState) -> rusqlite::Result<Sums> {
    let memory = schema::empty()?;
    let mut rows = connection
        .prepare(&format!("SELECT operation, {WORDS} FROM operations NOT INDEXED ORDER BY operation"))?;
    let mut rows = rows.query([])?;
    let mut add = memory.prepare("INSERT INTO operations_text (rowid, found) VALUES (?, ?)")?;
    let mut sums = Sums::default();
    loop {
        memory.execute_batch("BEGIN")?;
        let mut added = 0;
        while added < AT_ONCE
            && let Some(row) = rows.next()?
        {
            add.execute((row.get::<_, i64>(0)?, ToSqlOutput::Borrowed(row.get_ref(1)?)))?;
            added += 1;
        }
        sums.add_terms(&memory, key, ALL)?;
        memory
            .execute_batch("INSERT INTO operations_text (operations_text) VALUES ('delete-all'); COMMIT")?;
        if added < AT_ONCE {
            return Ok(sums);
        }
    }
}
