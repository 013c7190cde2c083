//! How many operations there were.

use sqlx::sqlite::SqlitePool;
use sqlx::{QueryBuilder, Sqlite};

use crate::app::ports::StoreError;
use crate::domain::audit::{AuditFilter, Stat, StatsBy};
use crate::store::rows;

use super::list::{Way, select};

const COUNTS: &str = "count(*) AS operations,
    count(*) FILTER (WHERE outcome IN ('succeeded', 'unchanged')) AS done,
    count(*) FILTER (WHERE outcome = 'refused') AS refused,
    count(*) FILTER (WHERE outcome = 'denied') AS denied,
    count(*) FILTER (WHERE outcome IN ('unknown', 'pending')) AS open,
    count(*) FILTER (WHERE outcome IN ('declined', 'invalid', 'duplicate')) AS other,
    min(at) AS first, max(at) AS last";

pub(super) async fn stats(
    pool: &SqlitePool,
    filter: &AuditFilter,
    by: StatsBy,
) -> Result<Vec<Stat>, StoreError> {
    let mut query = counting(filter, by);
    let rows = query.build().fetch_all(pool).await?;
    rows.iter()
        .map(|row| {
            let count = |at| rows::number(row, at).map(i64::unsigned_abs);
            Ok(Stat {
                by: by.name(),
                key: rows::owned(row, 0)?,
                operations: count(1)?,
                done: count(2)?,
                refused: count(3)?,
                denied: count(4)?,
                open: count(5)?,
                other: count(6)?,
                first: rows::time(row, 7)?,
                last: rows::time(row, 8)?,
            })
        })
        .collect()
}

/// The counts of a filter, as SQL.
pub(super) fn counting(filter: &AuditFilter, by: StatsBy) -> QueryBuilder<Sqlite> {
    let way = match Way::of(filter) {
        Way::Text => Way::AnyText,
        // The indexes know nothing of readings.
        way if !filter.without_readings && !way.finds_readings() => Way::Whole,
        Way::Time if filter.since.is_none() && filter.until.is_none() => match by {
            // That index has all that is counted.
            StatsBy::Outcome => Way::Outcome,
            _ => Way::Whole,
        },
        way => way,
    };
    let (key, group) = match by {
        StatsBy::Actor => ("actor", "actor"),
        StatsBy::Room => ("room", "room"),
        StatsBy::Channel => ("channel", "channel"),
        StatsBy::Outcome => ("outcome", "outcome"),
        // Numbers sort faster than texts; only what is shown becomes text.
        StatsBy::Hour => ("strftime('%Y-%m-%dT%H:00:00Z', min(at) / 1000, 'unixepoch')", "at / 3600000"),
    };
    let mut query = select("SELECT", &format!("{key} AS key, {COUNTS}"), filter, way);
    query.push(" GROUP BY ").push(group);
    query.push(match by {
        StatsBy::Hour => " ORDER BY key DESC",
        _ => " ORDER BY operations DESC, key",
    });
    if let Some(limit) = filter.limit {
        query.push(" LIMIT ").push_bind(i64::from(limit));
    }
    query
}
