//! The schema of a file against the one that its migrations make.

use rusqlite::Connection;

use crate::app::ports::StoreError;
use crate::domain::verification::Report;
use crate::store::rows::Explain as _;
use crate::store::schema::{Difference, Schema, TOO_OLD, migrations};

/// The tables in which a migration puts one row, to be kept up; that of `signed_head` is checked with the tree.
const ONE_ROW: [&str; 2] = ["acl_version", "write_probe"];

/// Compares it with what this program's migrations make on an empty database.
pub(super) fn check(log: &Connection, right: &Schema, report: &mut Report) -> Result<(), StoreError> {
    let applied = "SELECT version, checksum FROM log._sqlx_migrations WHERE success ORDER BY version";
    let mut statement = log.prepare(applied).explain("this is no database of room-owner")?;
    let applied = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let applied: Vec<(i64, Vec<u8>)> = applied.collect::<Result<_, _>>()?;
    let known = migrations();
    for (n, (version, checksum)) in applied.iter().enumerate() {
        let Some(migration) = known.iter().find(|migration| migration.version == *version) else {
            return Err(StoreError(format!(
                "the database has the schema of a newer program (migration {version}): check it with that one"
            )));
        };
        if migration.checksum.as_ref() == checksum.as_slice() {
            continue;
        }
        if n == 0 {
            return Err(StoreError(format!("the database {TOO_OLD}")));
        }
        report.find(None, format!("migration {version} of the schema was another than this program's"));
    }
    if applied.len() < known.len() {
        return Err(StoreError(
            "the database has the schema of an older program: open it with this one, such as with `room-owner audit \
             list`, and check it then"
                .to_owned(),
        ));
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
