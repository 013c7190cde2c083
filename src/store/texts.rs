//! The index by which texts are found. It is kept up behind the commands, some operations at a time and when
//! nobody waits: to write it costs as much as all else that a command records. `text_index` says how far it
//! goes; a search looks through what is newer row by row.

use std::time::Duration;

use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqliteConnection;

use super::BUSY_TIMEOUT;
use super::guards::Guards;

/// What of an operation is looked through, of a row of `operations`. What a ledger adds is put together by
/// [`super::admission`], likewise.
pub(super) const WORDS: &str = "concat_ws(char(10), command, reason, error_info)";

/// How many events may be behind the index before it is written in the next short pause.
const FEW: i64 = 256;
/// How many may be, whoever waits: a search looks through these.
const MANY: i64 = 4_096;
/// How many operations are taken in at once: some milliseconds' work.
const AT_ONCE: i64 = 128;
/// The same when it is far behind: as many as one commit can add.
const MANY_AT_ONCE: i64 = 256;

/// How long nobody has to have written before the index is.
const PAUSE: Duration = Duration::from_millis(2);
/// The same when it is hardly behind.
const LONG_PAUSE: Duration = Duration::from_secs(1);

/// How many events are behind the index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Behind(i64);

impl Behind {
    pub(super) fn of(last_event: i64, indexed_upto: i64) -> Self {
        Self(last_event - indexed_upto)
    }

    /// How far the index goes in a log that ends so.
    pub(super) fn indexed_upto(self, last_event: i64) -> i64 {
        last_event - self.0
    }

    /// How long to wait for the next write before the index is written; `None` if it need not be.
    pub(super) fn pause(self) -> Option<Duration> {
        match self.0 {
            ..=0 => None,
            1..FEW => Some(LONG_PAUSE),
            FEW..MANY => Some(PAUSE),
            MANY.. => Some(Duration::ZERO),
        }
    }

    /// Whether a search would have to look through too much.
    pub(super) fn is_far(self) -> bool {
        self.0 >= MANY
    }
}

/// Takes the next operations in, in a transaction of its own; how much is left. It does not wait for another
/// process's transaction: a command would have to wait behind it.
pub(super) async fn index_some(
    connection: &mut SqliteConnection,
    guards: &mut Guards,
    behind: Behind,
) -> Result<Behind, sqlx::Error> {
    sqlx::raw_sql("PRAGMA busy_timeout = 0").execute(&mut *connection).await?;
    let indexed = index(connection, guards, if behind.is_far() { MANY_AT_ONCE } else { AT_ONCE }).await;
    let patience = AssertSqlSafe(format!("PRAGMA busy_timeout = {}", BUSY_TIMEOUT.as_millis()));
    sqlx::raw_sql(patience).execute(connection).await?;
    match indexed {
        Err(error) if is_busy(&error) => Ok(behind),
        indexed => indexed,
    }
}

/// Whether another process was writing, so that nothing was begun.
fn is_busy(error: &sqlx::Error) -> bool {
    const SQLITE_BUSY: &str = "5";
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == SQLITE_BUSY)
}

async fn index(
    connection: &mut SqliteConnection,
    guards: &mut Guards,
    at_once: i64,
) -> Result<Behind, sqlx::Error> {
    use sqlx::Connection as _;

    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let data_version = sqlx::query_scalar("SELECT data_version FROM pragma_data_version")
        .fetch_one(&mut *transaction)
        .await?;
    guards.check(&mut transaction, data_version).await?;
    let behind = take_in(&mut transaction, at_once).await?;
    transaction.commit().await?;
    Ok(behind)
}

/// Takes in all that is not, inside a transaction.
pub(super) async fn index_all(connection: &mut SqliteConnection) -> Result<Behind, sqlx::Error> {
    take_in(connection, i64::MAX).await
}

async fn take_in(connection: &mut SqliteConnection, at_most: i64) -> Result<Behind, sqlx::Error> {
    let add = format!(
        "INSERT OR REPLACE INTO operations_text (rowid, found) SELECT operation, {WORDS} FROM operations
         WHERE operation > (SELECT upto FROM text_index) ORDER BY operation LIMIT ?"
    );
    sqlx::query(AssertSqlSafe(add)).bind(at_most).execute(&mut *connection).await?;
    // With all of them in, up to the end of the log: what ends an operation is an event too.
    let (upto, last): (i64, i64) = sqlx::query_as(
        "UPDATE text_index SET upto = coalesce(
             (SELECT operation - 1 FROM operations WHERE operation > upto ORDER BY operation LIMIT 1 OFFSET ?),
             (SELECT max(seq) FROM audit_events), upto)
         RETURNING upto, (SELECT coalesce(max(seq), 0) FROM audit_events)",
    )
    .bind(at_most)
    .fetch_one(connection)
    .await?;
    Ok(Behind::of(last, upto))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_further_behind_the_sooner_it_is_written() {
        let pauses = [0, 1, FEW - 1, FEW, MANY - 1, MANY].map(|events| Behind(events).pause());
        assert_eq!(
            pauses,
            [None, Some(LONG_PAUSE), Some(LONG_PAUSE), Some(PAUSE), Some(PAUSE), Some(Duration::ZERO)]
        );
    }
}
