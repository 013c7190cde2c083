//! Who owned a room over time.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::ports::{AuditLog, StoreError};
use crate::domain::audit::{Certainty, Event, Outcome, RoomEntry, What, ownership};
use crate::domain::reply::{OwnerHistory, OwnerSpan};
use crate::domain::room::RoomId;

/// The most entries of a room that are read to tell since when somebody owned it.
pub const FAR: u32 = 256;

/// Which part of a room's history is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Within {
    /// From here on; `None` for as far back as is known.
    pub since: Option<Timestamp>,
    /// Before this time; `None` for up to now.
    pub until: Option<Timestamp>,
    /// Now.
    pub now: Timestamp,
    /// At most so many owners, the newest.
    pub most: usize,
    /// At most so many entries of the room are read, the newest.
    pub back: u32,
    /// Whether neighbouring times in which nobody can tell are kept apart where the reasons differ.
    pub with_reasons: bool,
}

/// The last millisecond before a time.
fn before(at: Timestamp) -> Timestamp {
    at.saturating_sub(SignedDuration::from_millis(1)).unwrap_or(Timestamp::MIN)
}

/// When what an entry says was so, at the latest.
fn ended(entry: &RoomEntry) -> Timestamp {
    match &entry.reported {
        Some(reported) if reported.is_signed => reported.event_at,
        _ => {
            let took = SignedDuration::from_millis(entry.entry.duration_ms.unwrap_or_default());
            entry.entry.at.saturating_add(took).unwrap_or(Timestamp::MAX)
        }
    }
}

/// Who owned a room over time: the owner at each moment at which an entry says something, newest first.
///
/// # Errors
/// When the log cannot be read.
pub async fn owners(log: &dyn AuditLog, room: &RoomId, within: &Within) -> Result<OwnerHistory, StoreError> {
    let Within { since, now, most, back, with_reasons, .. } = *within;
    let until = within.until.filter(|until| *until <= now);
    let last = until.map_or(now, before);
    let around = log.room_history(room, last, back).await?;
    let first = around.entries.iter().map(|entry| ended(entry).min(entry.entry.at)).min();
    let earlier = first.filter(|_| !around.is_cut).map(before);
    let moments: BTreeSet<Timestamp> =
        around.entries.iter().map(ended).chain([last]).chain(earlier).collect();
    let from = since.unwrap_or(Timestamp::MIN).min(last);
    let mut history = OwnerHistory { room: room.clone(), spans: Vec::new(), is_cut: false };
    for at in moments.range(from..=last).rev().chain(since.iter()).take_while(|_| first.is_some()) {
        // This is slow where the clocks disagree.
        tokio::task::yield_now().await;
        let found = ownership(room, *at, now, &around);
        let is_same = |span: &&mut OwnerSpan| {
            let is_told_apart = with_reasons && found.certainty == Certainty::Unknown;
            (&span.found.owner, span.found.certainty) == (&found.owner, found.certainty)
                && !(is_told_apart && span.found.explanation != found.explanation)
        };
        if let Some(span) = history.spans.last_mut().filter(is_same) {
            span.found = found;
            continue;
        }
        if history.spans.len() == most {
            history.is_cut = true;
            break;
        }
        let until = history.spans.last().map_or(until, |newer| Some(newer.from()));
        history.spans.push(OwnerSpan { found, until, now, entry: None });
    }
    for span in &mut history.spans {
        let made = |entry: &&RoomEntry| Some(entry.entry.operation) == span.found.operation;
        span.entry = around.entries.iter().find(made).map(|entry| entry.entry.clone());
    }
    history.is_cut |= around.is_cut && first.is_some_and(|first| from < first);
    Ok(history)
}

/// Whether the new owner was read back, or Tencent's own callback reported the change.
pub fn confirms(event: &Event) -> bool {
    matches!(event.what, What::Confirmed(_) | What::Ended(Outcome::Succeeded { confirmed: true, .. }))
}
