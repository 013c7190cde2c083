//! Which announcements are to be posted, and which process is to do it.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use crate::app::announcements::{DueAnnouncement, NextDue};
use crate::app::ports::StoreError;
use crate::app::replies::Platform;
use crate::domain::access::{AnnouncementChannel, LAPSES_SOON};
use crate::domain::announcement::{Topic, channels_for};
use crate::domain::audit::{Announced, OperationId, What};
use crate::domain::principal::Channel;

use super::asking;
use super::locks::Instance;
use super::log::LogTransaction;
use super::outbox;
use super::rows::{self, ANNOUNCEMENT_CHANNEL, GRANT, json};
use super::tiles;

/// How long an announcement is tried, in milliseconds.
const TRIED_FOR_MS: i64 = 86_400_000;

/// The channels in which things are announced now.
pub(super) fn announcement_channels(
    log: &LogTransaction<'_>,
) -> Result<Vec<AnnouncementChannel>, StoreError> {
    let sql = format!("SELECT {ANNOUNCEMENT_CHANNEL} FROM announcement_channels WHERE removed_at IS NULL");
    let mut statement = log.connection.prepare_cached(&sql)?;
    let rows = statement.query_and_then([], |row| rows::announcement_channel(row))?;
    rows.collect()
}

/// With the newest event of an operation, which gives it an outcome: announces it. What was to be announced of the
/// operation before and was not posted yet is out of date. Whether anything is to be posted.
pub(super) fn announce(
    log: &LogTransaction<'_>,
    operation: OperationId,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let channels = announcement_channels(log)?;
    if channels.is_empty() {
        return Ok(false);
    }
    let Some(entry) = log.entry_where("operation = ?", [operation.seq()])? else { return Ok(false) };
    let sql = "INSERT INTO announcements_due (channel, operation, event, since) VALUES (?, ?, ?, ?)
               ON CONFLICT (operation, channel) WHERE operation IS NOT NULL AND person IS NULL DO UPDATE SET
                   event = excluded.event, since = excluded.since, instance = '', perhaps_sent = 0, tries = 0,
                   failed_at = 0, not_before = 0";
    let mut insert = log.connection.prepare_cached(sql)?;
    let event = log.size().cast_signed();
    let mut is_any = false;
    for channel in channels_for(&entry, &channels) {
        insert.execute(params![channel.to_string(), operation.seq(), event, at.as_millisecond()])?;
        is_any = true;
    }
    Ok(is_any)
}

/// Finds grants that lapse soon. Whether anything is to be posted.
pub(super) fn find_lapses(log: &LogTransaction<'_>, now: Timestamp) -> Result<bool, StoreError> {
    let (now_ms, soon_ms) = (now.as_millisecond(), LAPSES_SOON.as_millis() as i64);
    let forget = "DELETE FROM lapses_announced
                  WHERE grant_id IN (SELECT id FROM grants WHERE expires_at < ? OR revoked_at IS NOT NULL)";
    log.connection.prepare_cached(forget)?.execute([now_ms - soon_ms])?;
    let channels = announcement_channels(log)?;
    let sql = format!(
        "SELECT {GRANT} FROM grants WHERE revoked_at IS NULL AND expires_at > ?1 AND expires_at <= ?2
         ORDER BY expires_at, id"
    );
    let mut statement = log.connection.prepare_cached(&sql)?;
    let grants = statement.query_and_then([now_ms, now_ms + soon_ms], |row| rows::grant(row))?;
    let mut once = log.connection.prepare_cached(
        "INSERT INTO lapses_announced (grant_id, channel) VALUES (?, ?) ON CONFLICT DO NOTHING",
    )?;
    let mut insert = log
        .connection
        .prepare_cached("INSERT INTO announcements_due (channel, grant_id, since) VALUES (?, ?, ?)")?;
    let mut is_any = false;
    for grant in grants {
        let grant = grant?;
        for entry in channels.iter().filter(|entry| entry.covers_end_of(&grant, now)) {
            let channel = entry.channel.to_string();
            if once.execute(params![grant.id, channel])? == 1 {
                insert.execute(params![channel, grant.id, now_ms])?;
                is_any = true;
            }
        }
    }
    Ok(is_any)
}

/// Nothing more is to be posted in the channel. Of a grant of which nothing was posted there, that is not remembered.
pub(super) fn forget(log: &LogTransaction<'_>, channel: &Channel) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM lapses_announced WHERE channel = ?1
             AND grant_id IN (SELECT grant_id FROM announcements_due WHERE channel = ?1)",
        "DELETE FROM announcements_due WHERE channel = ?1 AND person IS NULL",
    ] {
        log.connection.prepare_cached(sql)?.execute([channel.to_string()])?;
    }
    Ok(())
}

/// Takes the next one. One in the channel that somebody's reply is still to be delivered to waits for that; one that no
/// signed head covers yet waits for the end of the transaction. What happened to a room is posted in its order, whichever
/// process does it.
pub(super) fn next(
    log: &LogTransaction<'_>,
    platforms: &[Platform],
    here: &Instance,
    now: Timestamp,
) -> Result<NextDue, StoreError> {
    let names: Vec<&str> = platforms.iter().map(|platform| platform.name()).collect();
    let gone = outbox::gone(log, here, "announcements_due")?;
    let sql = "WITH looked AS (
                   SELECT *, since <= ?1 - ?2 AS is_old, iif(failed_at > ?1, 0, not_before) AS next_try
                   FROM announcements_due
                   WHERE (instance IN ('', ?3) OR instance IN (SELECT value FROM json_each(?4)))
                       AND coalesce(event, 0) <= (SELECT size FROM signed_head))
               SELECT id, channel, operation, event, grant_id, since, perhaps_sent, tries,
                   max(next_try, ?1) AS next_at, NOT is_old AND EXISTS (
                       SELECT 1 FROM replies JOIN operations USING (operation)
                       WHERE replies.operation = looked.operation AND operations.channel = looked.channel
                   ) AS waits, person
               FROM looked
               WHERE (is_old OR substr(channel, 1, instr(channel, ':') - 1) IN (SELECT value FROM json_each(?5)))
                   AND NOT EXISTS (
                       SELECT 1 FROM announcements_due AS other JOIN operations AS earlier USING (operation)
                       WHERE other.channel = looked.channel AND earlier.operation < looked.operation
                           AND earlier.room = (SELECT room FROM operations WHERE operation = looked.operation))
               ORDER BY waits, next_at, since, id LIMIT 1";
    let mut statement = log.connection.prepare_cached(sql)?;
    let now_ms = now.as_millisecond();
    let mut rows =
        statement.query(params![now_ms, TRIED_FOR_MS, log.instance, json(&gone)?, json(&names)?])?;
    let Some(row) = rows.next()? else { return Ok(NextDue::Nothing) };
    let next_at = rows::time(row, 8)?;
    if rows::number(row, 9)? == 1 {
        return Ok(NextDue::AfterReplies);
    }
    if next_at.as_millisecond() > now_ms {
        return Ok(NextDue::NotBefore(next_at));
    }
    let due = due(row)?;
    let take = "UPDATE announcements_due SET instance = ?, perhaps_sent = 1 WHERE id = ?";
    log.connection.prepare_cached(take)?.execute(params![log.instance, due.id])?;
    Ok(NextDue::Post(due, tiles::newest(log.connection)?.head()))
}

fn due(row: &rusqlite::Row<'_>) -> Result<DueAnnouncement, StoreError> {
    let (operation, event, grant): (Option<i64>, Option<i64>, Option<i64>) =
        (row.get(2)?, row.get(3)?, row.get(4)?);
    let topic = match (operation, event, grant) {
        (Some(operation), Some(event), _) => Topic::Operation(OperationId::new(operation), event),
        (_, _, Some(grant)) => Topic::Grant(grant),
        _ => return Err(StoreError("an announcement is about nothing".to_owned())),
    };
    Ok(DueAnnouncement {
        id: rows::number(row, 0)?,
        channel: rows::parsed(row, 1)?,
        person: rows::optional(row, 10)?,
        topic,
        since: rows::time(row, 5)?,
        perhaps_posted: rows::number(row, 6)? == 1,
        tries: u32::try_from(rows::number(row, 7)?).unwrap_or(u32::MAX),
    })
}

pub(super) fn postpone(
    log: &LogTransaction<'_>,
    due: &DueAnnouncement,
    not_before: Timestamp,
    all_there: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (now, not_before) = (now.as_millisecond(), not_before.as_millisecond());
    let sql =
        "UPDATE announcements_due SET perhaps_sent = ?, tries = tries + 1, failed_at = ?, not_before = ?
               WHERE id = ? AND event IS ?";
    log.connection.prepare_cached(sql)?.execute(params![
        due.perhaps_posted,
        now,
        not_before,
        due.id,
        due.topic.event()
    ])?;
    if all_there {
        let sql = "UPDATE announcements_due SET failed_at = ?1, not_before = max(not_before, ?2)
                   WHERE substr(channel, 1, instr(channel, ':') - 1) = ?3";
        let platform = Platform::of(&due.channel).name();
        log.connection.prepare_cached(sql)?.execute(params![now, not_before, platform])?;
    }
    Ok(())
}

pub(super) fn settle(
    log: &mut LogTransaction<'_>,
    due: &DueAnnouncement,
    announced: Option<Announced>,
    at: Timestamp,
) -> Result<(), StoreError> {
    // Whoever got an error may ask again for what was done.
    let recorded = "SELECT 1 FROM announcements WHERE operation = ? AND announced = ? AND channel = ?";
    if let (Topic::Operation(operation, event), Some(announced)) = (due.topic, announced)
        && !match &due.person {
            Some(person) => asking::is_recorded(log, operation, person, event)?,
            None => log.exists(recorded, params![operation.seq(), event, due.channel.to_string()])?,
        }
    {
        log.append(operation, at, What::Announced(announced))?;
    }
    // A newer event of the operation may have taken its place.
    let sql = "DELETE FROM announcements_due WHERE id = ? AND event IS ?";
    log.connection.prepare_cached(sql)?.execute(params![due.id, due.topic.event()])?;
    Ok(())
}

/// A reply said what was to be announced in the channel.
pub(super) fn was_replied(
    log: &mut LogTransaction<'_>,
    operation: OperationId,
    channel: &Channel,
    message: String,
    at: Timestamp,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM announcements_due WHERE operation = ? AND channel = ? RETURNING event";
    let event: Option<i64> = {
        let mut statement = log.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params![operation.seq(), channel.to_string()])?;
        rows.next()?.map(|row| row.get(0)).transpose()?
    };
    let Some(event) = event else { return Ok(()) };
    let announced =
        Announced { channel: channel.clone(), event, message: Some(message), problem: None, to: None };
    log.append(operation, at, What::Announced(announced))
}

/// The first operation that is still to be announced.
pub(super) fn first(connection: &Connection, now: Timestamp) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT min(operation) FROM announcements_due WHERE since >= ?";
    Ok(connection.query_row(sql, [now.as_millisecond() - 2 * TRIED_FOR_MS], |row| row.get(0))?)
}
