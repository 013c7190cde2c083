//! The schema of a file against the one that its migrations make.

use rusqlite::Connection;

use crate::app::ports::StoreError;
use crate::domain::verification::Report;
use crate::store::schema::{Applied, Difference, Schema, migrations};

/// The tables in which a migration puts one row, to be kept up; that of `signed_head` is checked with the tree.
const ONE_ROW: [&str; 2] = ["acl_version", "write_probe"];

/// Compares it with what this program's migrations make on an empty database.
pub(super) fn check(log: &Connection, right: &Schema, report: &mut Report) -> Result<(), StoreError> {
    let applied = Applied::of(log, "log")?;
    applied.check()?;
    for ((version, checksum), migration) in applied.0.iter().zip(migrations()) {
        if migration.checksum.as_ref() != checksum.as_slice() {
            report.find(None, format!("migration {version} of the schema was another than this program's"));
        }
    }
    for (difference, thing) in right.differences(&Schema::of(log, "log")?) {
        report.find(
            None,
            match difference {
                Difference::Missing => format!("the {thing} was taken off"),
                Difference::Altered => format!("the {thing} was altered"),
                Difference::Added => format!("the {thing} is none of this program's: somebody added it"),
            },
        );
    }
    for table in ONE_ROW {
        let count =
            log.query_row(&format!("SELECT count(*) FROM log.{table}"), [], |row| row.get::<_, i64>(0));
        // Without the table, that is a finding already.
        if count == Ok(0) {
            report.find(None, format!("the row of `{table}` is gone: it was taken out"));
        }
    }
    Ok(())
}
