//! The table `deliveries` against what the log claims.
//!
//! The table is ordered by delivery and the log by time. So neither is looked up in the other: a sum over what
//! each says is compared, of hashes whose key is made up for this check, and only where the sums differ are the
//! claims looked up. A sum does not tell whether a claim would be found by its delivery, which is what it is
//! there for; that it is a text, and in its place in the order, does.

use std::hash::RandomState;

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::domain::verification::Report;

use super::sum::Sum;

const NOT_ITS_CLAIM: &str = "`deliveries` does not say of its delivery what the log says";

/// The claims of the log, as far as it is read.
#[derive(Default)]
pub(super) struct Claims {
    key: RandomState,
    log: Sum,
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
        let mut rows = statement.query([delivery])?;
        let earlier = match rows.next()? {
            Some(row) => row.get_ref(0)?,
            None => ValueRef::Null,
        };
        if !matches!(earlier, ValueRef::Integer(earlier) if earlier < operation) {
            report.find(operation, NOT_ITS_CLAIM);
        }
        Ok(())
    }

    /// The table against the log, from behind operation `base` to `last`.
    pub(super) fn compare(
        self,
        connection: &Connection,
        (base, last): (i64, i64),
        report: &mut Report,
    ) -> rusqlite::Result<()> {
        let Self { key, log } = self;
        let mut table = Sum::default();
        let mut before = Vec::new();
        let mut is_in_order = true;
        let mut statement = connection
            .prepare("SELECT delivery_id, operation FROM deliveries NOT INDEXED ORDER BY delivery_id")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let delivery = match row.get_ref(0)? {
                ValueRef::Text(delivery) => delivery,
                // Nobody who looks for the text finds it.
                _ => &[],
            };
            is_in_order &= before.as_slice() < delivery;
            before.clear();
            before.extend_from_slice(delivery);
            match row.get_ref(1)? {
                // An archive has those of its own.
                ValueRef::Integer(operation) if (1..=base).contains(&operation) => {}
                ValueRef::Integer(operation) => table.add(&key, delivery, operation),
                _ => table.add(&key, delivery, 0),
            }
        }
        if !is_in_order {
            let what = "a claim there may not be found";
            report
                .find(None, format!("the rows of `deliveries` are not in the order of their texts: {what}"));
        }
        if table == log {
            return Ok(());
        }
        let found = name_others(connection, (base, last), report)?;
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
fn name_others(
    connection: &Connection,
    (base, last): (i64, i64),
    report: &mut Report,
) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare(
        "SELECT told.operation
         FROM operations AS told LEFT JOIN deliveries AS claim ON claim.delivery_id = told.delivery_id
         WHERE told.operation > ? AND told.operation <= ? AND told.delivery_id IS NOT NULL
             AND told.outcome <> 'duplicate' AND claim.operation IS NOT told.operation
         ORDER BY told.operation",
    )?;
    let mut rows = statement.query([base, last])?;
    let mut found = false;
    while let Some(row) = rows.next()? {
        report.find(row.get::<_, i64>(0)?, NOT_ITS_CLAIM);
        found = true;
    }
    Ok(found)
}
