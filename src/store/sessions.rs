//! The console's links and sessions, by the hashes of their tokens.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, params};
use sqlx::{AssertSqlSafe, SqlitePool};

use crate::app::ports::StoreError;
use crate::domain::audit::OperationId;
use crate::domain::principal::{Channel, Place};
use crate::domain::session::{NotSignedIn, Session, TokenHash};

use super::projections::change_one;
use super::rows;

const COLUMNS: &str = "operation, subject, name, member_of, channel, asked_at, since, until";

/// A session that is not over.
const LIVE: &str = "token IS NOT NULL AND ended_at IS NULL AND until > ?";

/// How long a link or a session that is over is remembered, so that the next use of the link can say so.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);

/// A session of a row that begins with [`COLUMNS`].
fn session(row: &impl rows::Columns) -> Result<Session, StoreError> {
    let member_of = rows::text(row, 3)?;
    let channel: Option<Channel> = rows::optional(row, 4)?;
    Ok(Session {
        id: OperationId::new(rows::number(row, 0)?),
        subject: rows::parsed(row, 1)?,
        name: rows::owned(row, 2)?,
        member_of: serde_json::from_str(&member_of).map_err(|error| row.broken(3, &error))?,
        place: channel.map_or(Place::Local, Place::Channel),
        asked_at: rows::time(row, 5)?,
        since: rows::optional_time(row, 6)?,
        until: rows::time(row, 7)?,
    })
}

/// Keeps a link, and forgets what has been over for long.
pub(super) fn offer(connection: &Connection, link: &TokenHash, whose: &Session) -> Result<(), StoreError> {
    let before = whose.asked_at.saturating_sub(KEPT_FOR).map_err(|error| StoreError(error.to_string()))?;
    connection.prepare_cached("DELETE FROM sessions WHERE until < ?")?.execute([before.as_millisecond()])?;
    let sql = "INSERT INTO sessions (operation, link, subject, name, member_of, channel, asked_at, until)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    change_one(
        connection,
        sql,
        params![
            whose.id.seq(),
            link.as_str(),
            whose.subject.to_string(),
            whose.name,
            rows::json(&whose.member_of)?,
            whose.place.or_here(None).map(|channel| channel.to_string()),
            whose.asked_at.as_millisecond(),
            whose.until.as_millisecond(),
        ],
    )
}

/// What a link is good for.
fn usable(session: Session, now: Timestamp) -> Result<Session, NotSignedIn> {
    match session.since {
        Some(_) => Err(NotSignedIn::Used),
        None if session.until <= now => Err(NotSignedIn::Lapsed),
        None => Ok(session),
    }
}

/// Uses a link up and makes it a session.
pub(super) fn sign_in(
    connection: &Connection,
    link: &TokenHash,
    token: &TokenHash,
    now: Timestamp,
    until: Timestamp,
) -> Result<Result<Session, NotSignedIn>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM sessions WHERE link = ?");
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement.query_row([link.as_str()], |row| Ok(session(row))).optional()?.transpose()?;
    let session = match found.map(|found| usable(found, now)) {
        None => return Ok(Err(NotSignedIn::Unknown)),
        Some(Err(why)) => return Ok(Err(why)),
        Some(Ok(session)) => session,
    };
    let sql = "UPDATE sessions SET token = ?, since = ?, until = ? WHERE operation = ? AND token IS NULL";
    let (since, lapses) = (now.as_millisecond(), until.as_millisecond());
    change_one(connection, sql, params![token.as_str(), since, lapses, session.id.seq()])?;
    Ok(Ok(Session { since: Some(now), until, ..session }))
}

/// Ends a session that is not over.
pub(super) fn end(connection: &Connection, id: OperationId, now: Timestamp) -> Result<bool, StoreError> {
    let sql = format!("UPDATE sessions SET ended_at = ? WHERE operation = ? AND {LIVE}");
    let now = now.as_millisecond();
    Ok(connection.prepare_cached(&sql)?.execute([now, id.seq(), now])? == 1)
}

/// Whose link it is, if it can be used.
pub(super) async fn link(
    readers: &SqlitePool,
    link: &TokenHash,
    now: Timestamp,
) -> Result<Result<Session, NotSignedIn>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM sessions WHERE link = ?");
    let row = sqlx::query(AssertSqlSafe(sql)).bind(link.as_str()).fetch_optional(readers).await?;
    let found = row.as_ref().map(session).transpose()?;
    Ok(found.map_or(Err(NotSignedIn::Unknown), |found| usable(found, now)))
}

/// The session with this token.
pub(super) async fn by_token(
    readers: &SqlitePool,
    token: &TokenHash,
    now: Timestamp,
) -> Result<Option<Session>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM sessions WHERE token = ? AND {LIVE}");
    let query = sqlx::query(AssertSqlSafe(sql)).bind(token.as_str()).bind(now.as_millisecond());
    query.fetch_optional(readers).await?.as_ref().map(session).transpose()
}

/// Every session that is not over.
pub(super) async fn all(readers: &SqlitePool, now: Timestamp) -> Result<Vec<Session>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM sessions WHERE {LIVE} ORDER BY since DESC, operation DESC");
    let query = sqlx::query(AssertSqlSafe(sql)).bind(now.as_millisecond());
    query.fetch_all(readers).await?.iter().map(session).collect()
}
