//! The schema of a file against the one that its own migrations make.

use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqliteConnection;

use crate::app::ports::StoreError;
use crate::domain::verification::Report;
use crate::store::guards::{Difference, Schema};
use crate::store::{failed, migrations};

/// The tables in which a migration puts one row, to be kept up; that of `tree_edge` is checked with the tree.
const ONE_ROW: [&str; 3] = ["acl_version", "text_index", "write_probe"];

/// Compares it with what the same migrations make on an empty database.
pub(super) async fn check(connection: &mut SqliteConnection, report: &mut Report) -> Result<(), StoreError> {
    let applied: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations WHERE success ORDER BY version")
            .fetch_all(&mut *connection)
            .await
            .map_err(|error| StoreError(format!("this is no database of room-owner: {error}")))?;
    let mut known = migrations();
    for (version, checksum) in &applied {
        let Some(migration) = known.iter().find(|migration| migration.version == *version) else {
            return Err(StoreError(format!(
                "the database has the schema of a newer program (migration {version}): check it with that one"
            )));
        };
        if migration.checksum.as_ref() != checksum.as_slice() {
            report.find(None, format!("migration {version} of the schema was another than this program's"));
        }
    }
    known.retain(|migration| applied.iter().any(|(version, _)| *version == migration.version));
    let right = Schema::made_by(known).await?;
    let here = Schema::of(connection).await.map_err(failed("the schema cannot be read"))?;
    for (difference, thing) in right.differences(&here) {
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
        let sql = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        // Without the table, that is a finding already.
        if let Ok(0) = sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut *connection).await {
            report.find(None, format!("the row of `{table}` is gone: it was taken out"));
        }
    }
    Ok(())
}
