//! Listings: which index answers which question, and the conditions beside it.

use std::collections::BTreeSet;

use sqlx::sqlite::SqlitePool;
use sqlx::{QueryBuilder, Sqlite};

use crate::app::ports::StoreError;
use crate::domain::access::RoomScope;
use crate::domain::audit::{AuditEntry, AuditFilter, OperationKind, OutcomeKind};
use crate::store::rows::{self, WORDS};

/// By what the entries of a filter are found, the most telling first. The planner is not asked: it does not
/// know how many rows have a value, and a wrong guess is a thousand times slower.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Operation,
    RequestId,
    Room,
    Text,
    /// The same for counts: it knows no order.
    AnyText,
    Actor,
    Channel,
    Outcome,
    Time,
    /// Readings of the log alone.
    Readings,
    /// Row by row, by number.
    Scan,
    /// Every row, for counts of most of them: an index in the order of what is counted would lead to each
    /// row by itself, which takes longer than sorting what was counted.
    Whole,
}

/// Whether the index of outcomes finds these.
fn is_found_by(outcomes: &[OutcomeKind]) -> bool {
    outcomes.len() == 1 || !outcomes.is_empty() && !outcomes.contains(&OutcomeKind::Succeeded)
}

/// The shortest text that the text index finds, in characters.
const TRIGRAM: usize = 3;

impl Way {
    pub(super) fn of(filter: &AuditFilter) -> Self {
        let long_text = filter.text.as_ref().is_some_and(|text| text.chars().count() >= TRIGRAM);
        match filter {
            AuditFilter { operation: Some(_), .. } => Self::Operation,
            AuditFilter { request_id: Some(_), .. } => Self::RequestId,
            AuditFilter { room: Some(_), .. } => Self::Room,
            _ if long_text => Self::Text,
            AuditFilter { actor: Some(_), .. } => Self::Actor,
            AuditFilter { channel: Some(_), .. } => Self::Channel,
            // What succeeded is most of it, and in no order beside another outcome.
            AuditFilter { outcomes, .. } if is_found_by(outcomes.named()) => Self::Outcome,
            _ => Self::Time,
        }
    }

    fn from(self) -> &'static str {
        match self {
            Self::Operation | Self::AnyText | Self::Scan => "operations",
            Self::RequestId => "operations INDEXED BY operations_by_request_id",
            Self::Room => "operations INDEXED BY operations_by_room",
            Self::Text => "operations_text CROSS JOIN operations ON operation = operations_text.rowid",
            Self::Actor => "operations INDEXED BY operations_by_actor",
            Self::Channel => "operations INDEXED BY operations_by_channel",
            Self::Outcome => "operations INDEXED BY operations_by_outcome",
            Self::Time => "operations INDEXED BY operations_by_time",
            Self::Whole => "operations NOT INDEXED",
            Self::Readings => "operations INDEXED BY operations_readings",
        }
    }

    /// Whether readings are among what it finds.
    pub(super) fn finds_readings(self) -> bool {
        matches!(
            self,
            Self::Operation
                | Self::RequestId
                | Self::Text
                | Self::AnyText
                | Self::Scan
                | Self::Whole
                | Self::Readings
        )
    }

    fn order(self) -> &'static str {
        match self {
            Self::Text => " ORDER BY operations_text.rowid DESC",
            _ => " ORDER BY at DESC, operation DESC",
        }
    }
}

/// Newest first.
pub(super) async fn entries(pool: &SqlitePool, filter: &AuditFilter) -> Result<Vec<AuditEntry>, StoreError> {
    let way = Way::of(filter);
    let mut found = by(pool, filter, way).await?;
    if !filter.without_readings && !way.finds_readings() {
        found.extend(by(pool, filter, Way::Readings).await?);
        found.sort_by_key(|entry| std::cmp::Reverse((entry.at, entry.operation)));
        found.truncate(filter.limit.map_or(usize::MAX, |limit| limit as usize));
    }
    Ok(found)
}

async fn by(pool: &SqlitePool, filter: &AuditFilter, way: Way) -> Result<Vec<AuditEntry>, StoreError> {
    let rows = listing(filter, way).build().fetch_all(pool).await?;
    rows.iter().map(rows::entry).collect()
}

/// The listing of a filter, as SQL.
pub(super) fn listing(filter: &AuditFilter, way: Way) -> QueryBuilder<Sqlite> {
    let mut query = select("SELECT", rows::ENTRY, filter, way);
    query.push(way.order());
    if let Some(limit) = filter.limit {
        query.push(" LIMIT ").push_bind(i64::from(limit));
    }
    query
}

/// How many readings a filter leaves out, up to `at_most`.
pub(super) async fn readings(
    pool: &SqlitePool,
    filter: &AuditFilter,
    at_most: u32,
) -> Result<u32, StoreError> {
    let filter = AuditFilter { without_readings: false, ..filter.clone() };
    let mut query = select("SELECT count(*) FROM (SELECT", "1", &filter, Way::Readings);
    query.push(" LIMIT ").push_bind(i64::from(at_most)).push(")");
    Ok(query.build_query_scalar().fetch_one(pool).await?)
}

/// `SELECT <what> FROM .. WHERE ..`: everything but order and limit; `select` is that word, and what may stand before it.
pub(super) fn select(select: &str, what: &str, filter: &AuditFilter, way: Way) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(format!("{select} {what} FROM {} WHERE TRUE", way.from()));
    filter_into(&mut query, filter, way);
    query
}

fn filter_into(query: &mut QueryBuilder<Sqlite>, filter: &AuditFilter, way: Way) {
    match way {
        Way::Readings => {
            query.push(" AND reading = 1");
        }
        // Without these words a partial index does not count as fit for the question.
        _ if filter.without_readings || !way.finds_readings() => {
            query.push(" AND reading = 0");
        }
        _ => {}
    }
    if let Some(operation) = filter.operation {
        query.push(" AND operation = ").push_bind(operation.seq());
    }
    if let Some(id) = &filter.request_id {
        query.push(" AND request_id = ").push_bind(id.clone());
    }
    if let Some(room) = &filter.room {
        query.push(" AND room = ").push_bind(room.as_str().to_owned());
    }
    if let Some(actor) = &filter.actor {
        query.push(" AND actor = ").push_bind(actor.to_string());
    }
    if let Some(channel) = &filter.channel {
        query.push(" AND channel = ").push_bind(channel.to_string());
    }
    if let [first, more @ ..] = filter.outcomes.named() {
        query.push(" AND outcome IN (").push_bind(first.name());
        for outcome in more {
            query.push(", ").push_bind(outcome.name());
        }
        query.push(")");
    }
    match filter.kind {
        Some(OperationKind::Transfer) => {
            query.push(" AND new_owner IS NOT NULL");
        }
        Some(OperationKind::Show) => {
            query.push(" AND room IS NOT NULL AND new_owner IS NULL");
        }
        None => {}
    }
    if let Some(since) = filter.since {
        query.push(" AND at >= ").push_bind(since.as_millisecond());
    }
    if let Some(until) = filter.until {
        query.push(" AND at < ").push_bind(until.as_millisecond());
    }
    if let Some(text) = &filter.text {
        match way {
            Way::Text => {
                query.push(" AND operations_text MATCH ").push_bind(trigrams(text));
            }
            Way::AnyText => {
                query
                    .push(" AND operation IN (SELECT rowid FROM operations_text WHERE operations_text MATCH ")
                    .push_bind(trigrams(text))
                    .push(")");
            }
            _ => {}
        }
        query
            .push(format_args!(" AND instr(lower({WORDS}), "))
            .push_bind(text.to_ascii_lowercase())
            .push(") > 0");
    }
    if let Some(before) = filter.before {
        let before = before.seq();
        if way == Way::Text {
            query.push(" AND operations_text.rowid < ").push_bind(before);
        } else {
            let time = "(SELECT at FROM operations AS last WHERE last.operation = ";
            query.push(" AND at <= ").push(time).push_bind(before).push(")");
            query.push(" AND (at < ").push(time).push_bind(before).push(") OR operation < ");
            query.push_bind(before).push(")");
        }
    }
    if let Some(reach) = &filter.reach {
        // What is about no room is in nobody's reach but in that of all rooms.
        for scopes in [reach.granted(), reach.here()] {
            if !scopes.contains(&RoomScope::All) {
                query.push(" AND (FALSE");
                any_of(query, scopes);
            }
        }
        if !reach.denied().is_empty() {
            query.push(" AND room IS NOT NULL AND NOT (FALSE");
            any_of(query, reach.denied());
        }
    }
}

/// ` OR ..` for each scope, and the bracket that closes them.
fn any_of(query: &mut QueryBuilder<Sqlite>, scopes: &[RoomScope]) {
    for scope in scopes {
        match scope {
            RoomScope::All => {
                query.push(" OR TRUE");
            }
            RoomScope::Exact(room) => {
                query.push(" OR room = ").push_bind(room.as_str().to_owned());
            }
            RoomScope::Prefix(prefix) => {
                query.push(" OR substr(room, 1, ").push_bind(prefix.chars().count() as i64);
                query.push(") = ").push_bind(prefix.clone());
            }
        }
    }
    query.push(")");
}

/// The text as a question to the index: all of its trigrams, wherever they stand. Whether they stand in a
/// row is looked at in what is found.
fn trigrams(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let quoted = |three: &[char]| format!("\"{}\"", three.iter().collect::<String>().replace('"', "\"\""));
    let all: BTreeSet<String> = chars.windows(TRIGRAM).map(quoted).collect();
    Vec::from_iter(all).join(" AND ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_asked_for_by_its_trigrams() {
        assert_eq!(trigrams("a \"b\""), "\" \"\"b\" AND \"\"\"b\"\"\" AND \"a \"\"\"");
        assert_eq!(trigrams("aaaa"), "\"aaa\"");
    }
}
