//! The schema, compared as a whole with the one that the migrations make: by its texts, for a trigger that was put
//! back with another body guards nothing, and a trigger that nobody here made can keep a record out without a word.
//!
//! It is looked at in the transaction that is to write, whenever another connection has committed since the last
//! look: so it is missed before the next record, and with it the next call. `PRAGMA schema_version` would not do:
//! whoever alters the schema can set it back.

use std::collections::BTreeSet;

use rusqlite::Connection;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection as _, SqlSafeStr as _};

use super::rows::Explain as _;
use crate::app::ports::StoreError;
use crate::domain::room::visible;

pub(super) fn migrations() -> Vec<Migration> {
    let simple = |version, description: &'static str, sql: &'static str| {
        Migration::new(version, description.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    vec![
        simple(1, "log", include_str!("../../migrations/0001_log.sql")),
        simple(2, "projections", include_str!("../../migrations/0002_projections.sql")),
        simple(3, "working state", include_str!("../../migrations/0003_working_state.sql")),
        simple(4, "buttons", include_str!("../../migrations/0004_buttons.sql")),
        simple(5, "announcements", include_str!("../../migrations/0005_announcements.sql")),
        simple(6, "acl settings", include_str!("../../migrations/0006_acl_settings.sql")),
        simple(7, "access requests", include_str!("../../migrations/0007_access_requests.sql")),
        simple(8, "new owner people", include_str!("../../migrations/0008_new_owner_people.sql")),
        simple(9, "approvals", include_str!("../../migrations/0009_approvals.sql")),
        simple(10, "sessions", include_str!("../../migrations/0010_sessions.sql")),
        simple(11, "waiting buttons", include_str!("../../migrations/0011_waiting_buttons.sql")),
    ]
}

/// An empty database in memory that has the tables.
pub(super) fn empty() -> rusqlite::Result<Connection> {
    let empty = Connection::open_in_memory()?;
    for migration in migrations() {
        empty.execute_batch(migration.sql.as_str())?;
    }
    Ok(empty)
}

/// Of a database from before the first release.
pub(super) const TOO_OLD: &str = "was written by a program from before the first release, whose log has another form: \
     read it with that program, and begin a new database with this one";

/// What the database knows of the migrations that made it, oldest first: their numbers and checksums.
pub(super) struct Applied(pub(super) Vec<(i64, Vec<u8>)>);

impl Applied {
    /// Of the database that the connection knows by this name.
    pub(super) fn of(connection: &Connection, name: &str) -> Result<Self, StoreError> {
        let sql =
            format!("SELECT version, checksum FROM {name}._sqlx_migrations WHERE success ORDER BY version");
        let mut statement = connection.prepare(&sql).explain("this is no database of room-owner")?;
        let applied = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(Self(applied.collect::<Result<_, _>>()?))
    }

    /// That the version of the database is this program's, for whoever does not bring it up to date.
    pub(super) fn check(&self) -> Result<(), SchemaProblem> {
        let known = migrations();
        let is_known = |version: i64| known.iter().any(|migration| migration.version == version);
        if let Some((newer, _)) = self.0.iter().find(|(version, _)| !is_known(*version)) {
            let why =
                format!("the database is of a newer version of room-owner (migration {newer}): use that one");
            return Err(SchemaProblem::Wrong(StoreError(why)));
        }
        if self.0.first().is_some_and(|(_, checksum)| known[0].checksum.as_ref() != checksum.as_slice()) {
            return Err(SchemaProblem::Wrong(StoreError(format!("the database {TOO_OLD}"))));
        }
        if self.0.len() < known.len() { Err(SchemaProblem::Older) } else { Ok(()) }
    }
}

/// Why the schema of a database is not the one to work with.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SchemaProblem {
    /// A start brings it up to date.
    #[error(
        "the database is of an older version of room-owner: back it up with that one, then start `room-owner serve`, which \
         brings it up to date; of a copy, `room-owner audit list` does"
    )]
    Older,
    /// It is of a newer version, or somebody altered it.
    #[error(transparent)]
    Wrong(#[from] StoreError),
}

impl From<SchemaProblem> for StoreError {
    fn from(problem: SchemaProblem) -> Self {
        Self(problem.to_string())
    }
}

/// How many things are named.
const NAMED: usize = 8;

/// A row of `sqlite_schema`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Thing {
    kind: String,
    name: String,
    table: String,
    /// What made it; `None` of what SQLite makes by itself.
    sql: Option<String>,
}

/// A row of it as it is read: kind, name, table, SQL.
type SchemaRow = (Option<String>, Option<String>, Option<String>, Option<String>);

/// Everything in a schema, in order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Schema(Vec<Thing>);

/// How a thing differs from this program's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Difference {
    /// It is not there.
    Missing,
    /// It is there, made by another text or of another table.
    Altered,
    /// This program has no such thing.
    Added,
}

const IN_SCHEMA: &str =
    "SELECT CAST(type AS TEXT), CAST(name AS TEXT), CAST(tbl_name AS TEXT), CAST(sql AS TEXT) FROM";

impl Schema {
    /// What these migrations make on an empty database.
    pub(super) async fn made_by(migrations: Vec<Migration>) -> Result<Self, StoreError> {
        let made = async {
            let mut empty = SqliteConnection::connect("sqlite::memory:").await?;
            Migrator::with_migrations(migrations).run(&mut empty).await?;
            let things = sqlx::query_as(AssertSqlSafe(format!("{IN_SCHEMA} sqlite_schema")))
                .fetch_all(&mut empty)
                .await?;
            empty.close().await?;
            Ok::<_, sqlx::Error>(Self::of_rows(things))
        };
        made.await.explain("the schema of this program cannot be made out")
    }

    /// What is in the database that the connection knows by this name.
    pub(super) fn of(connection: &Connection, name: &str) -> Result<Self, StoreError> {
        let mut statement = connection.prepare(&format!("{IN_SCHEMA} {name}.sqlite_schema"))?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
        Ok(Self::of_rows(rows.collect::<Result<_, _>>()?))
    }

    fn of_rows(rows: Vec<SchemaRow>) -> Self {
        let thing = |(kind, name, table, sql): SchemaRow| Thing {
            kind: kind.unwrap_or_default(),
            name: name.unwrap_or_default(),
            table: table.unwrap_or_default(),
            sql,
        };
        let mut things: Vec<Thing> = rows.into_iter().map(thing).collect();
        // SQLite puts quotes around the name of a table that was renamed, and leaves them when it is named back.
        let tables: Vec<String> =
            things.iter().filter(|thing| thing.kind == "table").map(|table| table.name.clone()).collect();
        for sql in things.iter_mut().filter_map(|thing| thing.sql.as_mut()).filter(|sql| sql.contains('"')) {
            for table in &tables {
                *sql = sql.replace(&format!("\"{table}\""), table);
            }
        }
        things.sort_unstable();
        Self(things)
    }

    /// Where `here` differs from this one: each thing by its kind and its name.
    pub(super) fn differences(&self, here: &Self) -> BTreeSet<(Difference, String)> {
        if self == here {
            return BTreeSet::new();
        }
        let difference = |thing: &Thing, others: &Self, alone| {
            let is_it = |other: &Thing| (&other.kind, &other.name) == (&thing.kind, &thing.name);
            let difference = if others.0.iter().any(is_it) { Difference::Altered } else { alone };
            (difference, format!("{} `{}`", visible(&thing.kind), visible(&thing.name)))
        };
        let missing =
            without(&self.0, &here.0).into_iter().map(|thing| difference(thing, here, Difference::Missing));
        let added =
            without(&here.0, &self.0).into_iter().map(|thing| difference(thing, self, Difference::Added));
        missing.chain(added).collect()
    }

    /// What is wrong with the schema of this database; `None` if nothing is.
    fn problem_with(&self, here: &Self) -> Option<String> {
        let differences = self.differences(here);
        let (worst, _) = differences.first()?;
        let of_a_kind = differences.iter().filter(|(difference, _)| difference == worst);
        let names: Vec<&str> = of_a_kind.map(|(_, name)| name.as_str()).collect();
        let more = names.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let names = format!("{}{more}", names[..names.len().min(NAMED)].join(", "));
        Some(match worst {
            Difference::Missing => {
                format!("the database lacks {names}: restore a backup and find out who dropped it")
            }
            Difference::Altered => format!(
                "{names} of the database is not as this program made it: somebody altered it, or a newer program did; \
                 start that one, or restore a backup and find out who"
            ),
            Difference::Added => format!(
                "the database holds {names}, which this program did not make: drop it, or restore a backup, and find \
                 out who added it"
            ),
        })
    }

    /// That the schema of this database is this one.
    pub(super) fn check(&self, connection: &Connection) -> Result<(), StoreError> {
        let problem = self.problem_with(&Self::of(connection, "main").explain("the schema cannot be read")?);
        problem.map_or(Ok(()), |problem| Err(StoreError(problem)))
    }
}

/// Those that are not among the others; one that is there twice has to be there twice.
fn without<'a>(things: &'a [Thing], others: &[Thing]) -> Vec<&'a Thing> {
    let mut others: Vec<&Thing> = others.iter().collect();
    let is_left = |thing: &&Thing| match others.iter().position(|other| other == thing) {
        Some(same) => {
            others.swap_remove(same);
            false
        }
        None => true,
    };
    things.iter().filter(is_left).collect()
}

/// The schema that has to stand, and when the writer's connection last saw that it does.
pub(super) struct IntegrityCheck {
    schema: Schema,
    seen_at: Option<i64>,
}

impl IntegrityCheck {
    pub(super) fn of(schema: Schema) -> Self {
        Self { schema, seen_at: None }
    }

    /// For another connection, which counts for itself.
    pub(super) fn look_again(&mut self) {
        self.seen_at = None;
    }

    /// In the transaction that is to write: nobody can alter the schema before its end. `data_version` counts what
    /// other connections have committed.
    pub(super) fn check(&mut self, connection: &Connection, data_version: i64) -> Result<(), StoreError> {
        if self.seen_at != Some(data_version) {
            self.schema.check(connection)?;
            self.seen_at = Some(data_version);
        }
        Ok(())
    }
}

/// Brings the schema of the database up to date; the one that has to stand from then on.
pub(super) async fn migrate(
    connection: &mut SqliteConnection,
    file: &std::path::Path,
) -> Result<Schema, StoreError> {
    let unreadable = "the schema cannot be read";
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema")
        .fetch_one(&mut *connection)
        .await
        .explain(unreadable)?;
    if tables > 0 {
        let applied = "SELECT version, checksum FROM _sqlx_migrations WHERE success ORDER BY version";
        let applied: Vec<(i64, Vec<u8>)> =
            sqlx::query_as(applied).fetch_all(&mut *connection).await.map_err(|error| {
                StoreError(format!("`{}` is no database of room-owner: {error}", file.display()))
            })?;
        let mut known = migrations();
        let is_known =
            |migration: &Migration| applied.iter().any(|(version, _)| *version == migration.version);
        if let Some((_, checksum)) = applied.first()
            && known[0].checksum.as_ref() != checksum.as_slice()
        {
            return Err(StoreError(format!("`{}` {TOO_OLD}", file.display())));
        }
        let all = known.len();
        known.retain(is_known);
        if known.len() < all && known.len() == applied.len() {
            // What somebody put into an older one would act on the change.
            let here = sqlx::query_as(AssertSqlSafe(format!("{IN_SCHEMA} sqlite_schema")))
                .fetch_all(&mut *connection)
                .await
                .explain(unreadable)?;
            let right = Schema::made_by(known).await?;
            right.problem_with(&Schema::of_rows(here)).map_or(Ok(()), |problem| Err(StoreError(problem)))?;
        }
    }
    Migrator::with_migrations(migrations())
        .run(&mut *connection)
        .await
        .explain("the database's schema cannot be brought up to date")?;
    Schema::made_by(migrations()).await
}
