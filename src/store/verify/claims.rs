//! The table `deliveries` against what the log claims.
//!
//! The table is ordered by delivery and the log by time. So neither is looked up in the other: a sum over what
//! each says is compared, of hashes whose key is made up for this check, and only where the sums differ is
//! looked for the first that does not fit.

use std::hash::{BuildHasher as _, RandomState};

use rusqlite::{Connection, OptionalExtension as _};

use crate::domain::verification::Report;

const OTHERWISE: &str = "`deliveries` does not say of its delivery what the log says";
/// How many operations are named.
const NAMED: i64 = 50;

/// The claims of the log, as far as it is read.
#[derive(Default)]
pub(super) struct Claims {
    key: RandomState,
    log: Sum,
}

/// Claims in whatever order.
#[derive(Debug, Default, PartialEq)]
struct Sum {
    count: i64,
    hashes: u64,
}

impl Sum {
    fn add(&mut self, key: &RandomState, delivery: &[u8], operation: i64) {
        self.count += 1;
        self.hashes = self.hashes.wrapping_add(key.hash_one((delivery, operation)));
    }
}

impl Claims {
    /// The operation claims its delivery.
    pub(super) fn claimed(&mut self, delivery: &[u8], operation: i64) {
        self.log.add(&self.key, delivery, operation);
    }

    /// An operation that was one already: an earlier one has the claim.
    pub(super) fn repeated(
        connection: &Connection,
        delivery: &str,
        operation: i64,
        report: &mut Report,
    ) -> rusqlite::Result<()> {
        let mut statement =
            connection.prepare_cached("SELECT operation FROM deliveries WHERE delivery_id = ?")?;
        let earlier: Option<i64> = statement.query_row([delivery], |row| row.get(0)).optional()?;
        if earlier.is_none_or(|earlier| earlier >= operation) {
            report.find(operation, OTHERWISE);
        }
        Ok(())
    }

    /// The table against the log, behind operation `base`.
    pub(super) fn compare(
        self,
        connection: &Connection,
        base: i64,
        report: &mut Report,
    ) -> rusqlite::Result<()> {
        let Self { key, log } = self;
        let mut table = Sum::default();
        let mut statement =
            connection.prepare("SELECT delivery_id, operation FROM deliveries WHERE operation > ?")?;
        let mut rows = statement.query([base])?;
        while let Some(row) = rows.next()? {
            table.add(&key, row.get_ref(0)?.as_bytes().unwrap_or_default(), row.get(1)?);
        }
        if table == log {
            return Ok(());
        }
        let found = name_others(connection, base, report)?;
        if table.count != log.count {
            let (table, log) = (table.count, log.count);
            report.find(None, format!("`deliveries` has {table} rows, and the log claims {log}"));
        } else if !found {
            report.find(None, "`deliveries` does not say what the log claims");
        }
        Ok(())
    }
}

/// Names the operations that do not have their claim; whether there are any. What `operations` says of them is
/// compared with the log elsewhere.
fn name_others(connection: &Connection, base: i64, report: &mut Report) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare(
        "SELECT told.operation
         FROM operations AS told LEFT JOIN deliveries AS claim ON claim.delivery_id = told.delivery_id
         WHERE told.operation > ? AND told.delivery_id IS NOT NULL AND told.outcome <> 'duplicate'
             AND claim.operation IS NOT told.operation
         ORDER BY told.operation LIMIT ?",
    )?;
    let mut rows = statement.query([base, NAMED])?;
    let mut found = false;
    while let Some(row) = rows.next()? {
        report.find(row.get::<_, i64>(0)?, OTHERWISE);
        found = true;
    }
    Ok(found)
}
