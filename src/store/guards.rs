//! The schema, compared as a whole with the one that the migrations make: by its texts, for a trigger that was put
//! back with another body guards nothing, and a trigger that nobody here made can keep a record out without a word.
//!
//! It is looked at in the transaction that is to write, whenever another connection has committed since the last
//! look: so it is missed before the next record, and with it the next call. `PRAGMA schema_version` would not do:
//! whoever alters the schema can set it back.

use std::collections::BTreeSet;

use sqlx::migrate::{Migration, Migrator};
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection as _, Row as _};

use super::{failed, migrations};
use crate::app::ports::StoreError;
use crate::domain::room::visible;

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

impl Schema {
    /// What these migrations make on an empty database.
    pub(super) async fn made_by(migrations: Vec<Migration>) -> Result<Self, StoreError> {
        let made = async {
            let mut empty = SqliteConnection::connect("sqlite::memory:").await?;
            Migrator::with_migrations(migrations).run(&mut empty).await?;
            let schema = Self::of(&mut empty).await?;
            empty.close().await?;
            Ok(schema)
        };
        made.await.map_err(failed("the schema of this program cannot be made out"))
    }

    /// What is in this database.
    pub(super) async fn of(connection: &mut SqliteConnection) -> Result<Self, sqlx::Error> {
        let rows = sqlx::query(
            "SELECT CAST(type AS TEXT), CAST(name AS TEXT), CAST(tbl_name AS TEXT), CAST(sql AS TEXT) FROM sqlite_schema",
        )
        .fetch_all(connection)
        .await?;
        let text = |row: &sqlx::sqlite::SqliteRow, at| row.try_get::<Option<String>, _>(at);
        let mut things = Vec::with_capacity(rows.len());
        for row in &rows {
            things.push(Thing {
                kind: text(row, 0)?.unwrap_or_default(),
                name: text(row, 1)?.unwrap_or_default(),
                table: text(row, 2)?.unwrap_or_default(),
                sql: text(row, 3)?,
            });
        }
        // SQLite puts quotes around the name of a table that was renamed, and leaves them when it is named back.
        let tables: Vec<String> =
            things.iter().filter(|thing| thing.kind == "table").map(|table| table.name.clone()).collect();
        for sql in things.iter_mut().filter_map(|thing| thing.sql.as_mut()).filter(|sql| sql.contains('"')) {
            for table in &tables {
                *sql = sql.replace(&format!("\"{table}\""), table);
            }
        }
        things.sort_unstable();
        Ok(Self(things))
    }

    /// Where `here` differs from this one: each thing by its kind and its name.
    pub(super) fn differences(&self, here: &Self) -> BTreeSet<(Difference, String)> {
        if self == here {
            return BTreeSet::new();
        }
        let told = |thing: &Thing, others: &Self, alone| {
            let is_it = |other: &Thing| (&other.kind, &other.name) == (&thing.kind, &thing.name);
            let difference = if others.0.iter().any(is_it) { Difference::Altered } else { alone };
            (difference, format!("{} `{}`", visible(&thing.kind), visible(&thing.name)))
        };
        let missing =
            without(&self.0, &here.0).into_iter().map(|thing| told(thing, here, Difference::Missing));
        let added = without(&here.0, &self.0).into_iter().map(|thing| told(thing, self, Difference::Added));
        missing.chain(added).collect()
    }

    /// What is wrong with the schema of this database; `None` if nothing is.
    async fn problem(&self, connection: &mut SqliteConnection) -> Result<Option<String>, sqlx::Error> {
        let differences = self.differences(&Self::of(connection).await?);
        let Some((worst, _)) = differences.first() else { return Ok(None) };
        let of_a_kind = differences.iter().filter(|(difference, _)| difference == worst);
        let names: Vec<&str> = of_a_kind.map(|(_, name)| name.as_str()).collect();
        let more = names.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let names = format!("{}{more}", names[..names.len().min(NAMED)].join(", "));
        Ok(Some(match worst {
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
        }))
    }

    /// That the schema of this database is this one.
    pub(super) async fn check(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        let problem = self.problem(connection).await.map_err(failed("the schema cannot be read"))?;
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
pub(super) struct Guards {
    schema: Schema,
    seen_at: Option<i64>,
}

impl Guards {
    /// Those of this program, before anything was looked at.
    pub(super) async fn of_this_program() -> Result<Self, StoreError> {
        Ok(Self { schema: Schema::made_by(migrations()).await?, seen_at: None })
    }

    /// The schema that has to stand.
    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// For another connection, which counts for itself.
    pub(super) fn look_again(&mut self) {
        self.seen_at = None;
    }

    /// In the transaction that is to write: nobody can alter the schema before its end. `data_version` counts what
    /// other connections have committed.
    pub(super) async fn check(
        &mut self,
        connection: &mut SqliteConnection,
        data_version: i64,
    ) -> Result<(), sqlx::Error> {
        if self.seen_at == Some(data_version) {
            return Ok(());
        }
        if let Some(problem) = self.schema.problem(connection).await? {
            return Err(sqlx::Error::Configuration(problem.into()));
        }
        self.seen_at = Some(data_version);
        Ok(())
    }
}
