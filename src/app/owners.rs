//! Who owned a room over time.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::ports::{AuditLog, StoreError};
use crate::domain::audit::{Certainty, Event, Outcome, OutcomeKind, RoomEntry, What, ownership_by};
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
    let mut entries: Vec<&RoomEntry> = around.entries.iter().collect();
    entries.sort_by_key(|entry| (entry.at(), entry.entry.operation));
    let mut history = OwnerHistory { room: room.clone(), spans: Vec::new(), is_cut: false };
    for at in moments.range(from..=last).rev().chain(since.iter()).take_while(|_| first.is_some()) {
        // This is slow where the clocks disagree.
        tokio::task::yield_now().await;
        let found = ownership_by(room, *at, now, near(&entries, *at));
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

/// The entries, which are in the order of their times, that can tell who owned the room then: those around the time,
/// and those that are still under way. All of them would take a time that grows with the square of their number.
fn near<'a>(entries: &[&'a RoomEntry], at: Timestamp) -> Vec<&'a RoomEntry> {
    let split = entries.partition_point(|entry| entry.at() <= at);
    let near = split.saturating_sub(FAR as usize)..entries.len().min(split + FAR as usize);
    let is_needed =
        |index: usize| near.contains(&index) || entries[index].entry.outcome == OutcomeKind::Pending;
    (0..entries.len()).filter(|index| is_needed(*index)).map(|index| entries[index]).collect()
}

/// Whether the new owner was read back, or Tencent's own callback reported the change.
pub fn confirms(event: &Event) -> bool {
    matches!(event.what, What::Confirmed(_) | What::Ended(Outcome::Succeeded { confirmed: true, .. }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::{AuditEntry, OperationId, RoomHistory, ownership};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_772_366_400 + second).unwrap()
    }

    #[test]
    fn those_near_a_time_say_the_same_as_all() {
        let room: RoomId = "test".parse().unwrap();
        let entry = |n: i64| {
            let owner = |n: i64| Some(["bob", "carol", "dave"][(n.rem_euclid(3)) as usize].to_owned());
            let (outcome, new_owner) = match n % 7 {
                0 => (OutcomeKind::Succeeded, None),
                6 => (OutcomeKind::Unknown, owner(n)),
                _ => (OutcomeKind::Succeeded, owner(n)),
            };
            let outcome = if n == 3 { OutcomeKind::Pending } else { outcome };
            let entry = AuditEntry {
                operation: OperationId::new(n + 1),
                at: at(n * 90),
                room: Some(room.clone()),
                previous_owner: owner(n - 1),
                duration_ms: (n != 3).then_some(200),
                decision: Some(crate::domain::audit::DecisionKind::Permit),
                new_owner,
                outcome,
                ..AuditEntry::default()
            };
            RoomEntry { entry, reported: None }
        };
        let history = RoomHistory { entries: (0..1_500).map(entry).collect(), is_cut: false };
        let entries: Vec<&RoomEntry> = history.entries.iter().collect();
        let now = at(200_000);
        for second in (0..140_000).step_by(997) {
            let whole = ownership(&room, at(second), now, &history);
            let part = near(&entries, at(second));
            assert!(part.len() < 600, "{}", part.len());
            assert_eq!(ownership_by(&room, at(second), now, part), whole);
        }
    }
}
