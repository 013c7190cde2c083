//! Who owned a room at a point in time, as far as the log can tell.

mod order;
mod why;

use jiff::Timestamp;

use super::{AuditEntry, OperationId, OutcomeKind};
use crate::domain::room::RoomId;
use order::{Answer, Claim, Orders, SKEW, Source, What, orders};

pub use why::{How, Sighting, Why};

/// How sure the answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// The log says so, and nothing later contradicts it.
    Known,
    /// It follows from what was found later.
    Inferred,
    /// The log cannot tell.
    Unknown,
}

/// What the answer rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// A change by this bot whose new owner was read back.
    Confirmed,
    /// A change by this bot that Tencent accepted; it was not read back.
    Accepted,
    /// A change by somebody else that was observed.
    Observed,
    /// The owner was read.
    Read,
    /// What the next entry found.
    Next,
}

/// Who owned a room at a point in time. The fields and their order are part of the interface.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Ownership {
    /// The room.
    pub room: RoomId,
    /// The time that was asked about.
    #[serde(serialize_with = "crate::domain::time::serialize_millis")]
    pub time: Timestamp,
    /// Who owned it; `None` if the log cannot tell.
    pub owner: Option<String>,
    /// How sure that is.
    pub certainty: Certainty,
    /// What it rests on.
    pub basis: Option<Basis>,
    /// Since when, at the latest.
    #[serde(serialize_with = "crate::domain::time::serialize_optional_millis")]
    pub since: Option<Timestamp>,
    /// The operation that made it so or, if that is not in the log, the first that found it so.
    pub operation: Option<OperationId>,
    /// The next operation that says who owned the room.
    pub next_operation: Option<OperationId>,
    /// Why; in JSON, in words.
    pub explanation: Why,
}

/// What Tencent's callback said about the change of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportedChange {
    /// When the owner changed, by Tencent's clock.
    pub event_at: Timestamp,
    /// Who owned the room before.
    pub original_owner: Option<String>,
    /// Whether the callback was signed. If not, nothing of this is believed.
    pub is_signed: bool,
}

/// An entry of a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomEntry {
    /// The entry.
    pub entry: AuditEntry,
    /// What a callback said about its change.
    pub reported: Option<ReportedChange>,
}

impl RoomEntry {
    /// When it happened, as well as that is known.
    pub fn at(&self) -> Timestamp {
        self.reported
            .as_ref()
            .filter(|reported| reported.is_signed)
            .map_or(self.entry.at, |reported| reported.event_at)
    }
}

/// The entries of a room around a point in time, as far as they say who owned it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoomHistory {
    /// The entries, in any order.
    pub entries: Vec<RoomEntry>,
    /// Whether there are earlier ones.
    pub is_cut: bool,
}

/// A change may still take effect for so long after it was recorded that its call was cut, by a clock that is not
/// always right, in milliseconds.
const COMES_TRUE_WITHIN: i64 = 2 * SKEW;
/// The owner whom an unsigned callback names was read at most so long before the record, in milliseconds.
const READ_WITHIN: i64 = 5_000;
/// So many entries before a time, and after it, tell who owned the room then.
const NEAR: usize = 20;

/// What an entry says about its room's owner.
fn claims<'a>(index: usize, room_entry: &'a RoomEntry, now: i64, claims: &mut Vec<Claim<'a>>) {
    let RoomEntry { entry, reported } = room_entry;
    let at = entry.at.as_millisecond();
    let (from, until) = match entry.duration_ms {
        // It was recorded before now, so the clock was set back since.
        _ if at > now => (i64::MIN, now),
        Some(duration) => (at, at.saturating_add(duration.max(0))),
        None if entry.outcome == OutcomeKind::Pending => (at, i64::MAX),
        None => (at, at),
    };
    let previous = entry.previous_owner.as_deref();
    let signed = reported.as_ref().filter(|reported| reported.is_signed);
    let event_at = signed.map(|reported| reported.event_at.as_millisecond());
    let is_callback = entry.decision.is_none() && entry.new_owner.is_some();
    let source = match entry.new_owner {
        Some(_) if is_callback => Source::Callback,
        Some(_) => Source::Transfer,
        None => Source::Lookup,
    };
    let mut claim = |from, until, event_at, what| {
        let operation = entry.operation.seq();
        claims.push(Claim { entry: index, operation, from, until, event_at, source, what });
    };
    let Some(to) = entry.new_owner.as_deref() else {
        let has_read = matches!(entry.outcome, OutcomeKind::Succeeded);
        if let Some(owner) = previous.filter(|_| has_read) {
            claim(from, until, None, What::Found(owner));
        }
        return;
    };
    if is_callback {
        match (event_at, entry.outcome) {
            (Some(at), OutcomeKind::Succeeded) => {
                claim(at, at, event_at, What::Changed { from: previous, to });
            }
            (Some(at), OutcomeKind::Unknown) => claim(at, at, event_at, What::MayHaveChanged(to)),
            (None, OutcomeKind::Succeeded) => {
                claim(from.saturating_sub(READ_WITHIN), until, None, What::Became(to));
            }
            _ => {}
        }
        return;
    }
    if entry.outcome == OutcomeKind::Unchanged {
        return claim(from, until, None, What::Found(to));
    }
    if let Some(owner) = previous {
        claim(from, until, None, What::Found(owner));
    }
    let original = signed.and_then(|reported| reported.original_owner.as_deref());
    match (entry.outcome, event_at) {
        (OutcomeKind::Succeeded | OutcomeKind::Unknown | OutcomeKind::Pending, Some(_)) => {
            // By Tencent's clock, which is another than that of the readings meanwhile.
            claim(from, until, event_at, What::Changed { from: original, to });
        }
        (OutcomeKind::Succeeded, None) => claim(from, until, None, What::Changed { from: None, to }),
        (OutcomeKind::Unknown | OutcomeKind::Pending, None) => {
            claim(from, until.saturating_add(COMES_TRUE_WITHIN), None, What::MayHaveChanged(to));
        }
        _ => {}
    }
}

/// Works out who owned `room` at `time`. What it rests on may still be refined by the events of
/// [`Ownership::operation`]: see [`Ownership::with_confirmation`].
pub fn ownership(room: &RoomId, time: Timestamp, now: Timestamp, history: &RoomHistory) -> Ownership {
    ownership_by(room, time, now, history.entries.iter().collect())
}

/// The same by these entries, in any order.
pub fn ownership_by(
    room: &RoomId,
    time: Timestamp,
    now: Timestamp,
    mut entries: Vec<&RoomEntry>,
) -> Ownership {
    entries.sort_by_key(|entry| (entry.at(), entry.entry.operation));
    let split = entries.partition_point(|entry| entry.at() <= time);
    let near = split.saturating_sub(NEAR)..entries.len().min(split + NEAR);
    let mut known = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        if near.contains(&index) || entry.entry.outcome == OutcomeKind::Pending {
            claims(index, entry, now.as_millisecond(), &mut known);
        }
    }
    let findings = Findings { room, time, entries: &entries, claims: &known };
    match orders(&known, time.as_millisecond()) {
        Orders::TooMany => findings.unknown(None, Why::TooMuchAtOnce),
        Orders::Found(answers) => match answers.as_slice() {
            [] => findings.clocks_disagree(),
            [Answer { owner: Some(owner), last, next }] => findings.owner(owner, *last, *next),
            [Answer { owner: None, last, next }] => findings.nobody(*last, *next),
            [one, other, ..] => findings.unclear(one, other),
        },
    }
}

/// What is known, to be put into words.
struct Findings<'c, 'a> {
    room: &'c RoomId,
    time: Timestamp,
    entries: &'c [&'a RoomEntry],
    claims: &'c [Claim<'a>],
}

impl Findings<'_, '_> {
    fn entry(&self, claim: usize) -> &AuditEntry {
        &self.entries[self.claims[claim].entry].entry
    }

    fn number(&self, claim: usize) -> OperationId {
        self.entry(claim).operation
    }

    fn ended(&self, claim: usize) -> Timestamp {
        Timestamp::from_millisecond(self.claims[claim].happened_by()).unwrap_or(Timestamp::MAX)
    }

    /// The first later claim that says who owned the room before it.
    fn next(&self) -> Option<usize> {
        let is_later = |claim: &Claim<'_>| claim.from > self.time.as_millisecond();
        let says = |claim: &Claim<'_>| is_later(claim) && claim.owner_before().is_some();
        self.claims.iter().position(says)
    }

    fn found(&self, claim: usize) -> Sighting {
        let owner = self.claims[claim].owner_before().unwrap_or(self.claims[claim].owner_after()).to_owned();
        Sighting { operation: self.number(claim), owner, at: self.entries[self.claims[claim].entry].at() }
    }

    fn how(&self, claim: usize) -> (Basis, How) {
        let number = self.number(claim);
        match (self.claims[claim].source, self.claims[claim].what) {
            (Source::Callback, _) => (Basis::Observed, How::Observed(number)),
            (_, What::Found(_) | What::Became(_)) => (Basis::Read, How::Read(number, self.ended(claim))),
            _ => (Basis::Accepted, How::HandedOver(number)),
        }
    }

    fn answer(&self, owner: Option<&str>, certainty: Certainty, next: Option<usize>, why: Why) -> Ownership {
        Ownership {
            room: self.room.clone(),
            time: self.time,
            owner: owner.map(str::to_owned),
            certainty,
            basis: None,
            since: None,
            operation: None,
            next_operation: next.map(|claim| self.number(claim)),
            explanation: why,
        }
    }

    fn unknown(&self, operation: Option<OperationId>, why: Why) -> Ownership {
        Ownership { operation, ..self.answer(None, Certainty::Unknown, self.next(), why) }
    }

    fn owner(&self, owner: &str, last: Option<usize>, next: Option<usize>) -> Ownership {
        let Some(last) = last else {
            let why = Why::FoundLater(next.map(|next| self.found(next)));
            let answer = self.answer(Some(owner), Certainty::Inferred, next, why);
            return Ownership { basis: Some(Basis::Next), ..answer };
        };
        let (basis, how) = self.how(last);
        let (since, operation) = match basis {
            Basis::Read => self.back_from(last, owner),
            _ => (self.ended(last), self.number(last)),
        };
        let same_later = next.or_else(|| self.next()).map(|next| self.number(next));
        let why = Why::Said { how, same_later, is_archived: false };
        Ownership {
            basis: Some(basis),
            since: Some(since.min(self.time)),
            operation: Some(operation),
            ..self.answer(Some(owner), Certainty::Known, next, why)
        }
    }

    /// Since when the owner who was read at last had the room, as far back as everything agrees.
    fn back_from(&self, last: usize, owner: &str) -> (Timestamp, OperationId) {
        let mut since = (self.ended(last), self.number(last));
        for (index, entry) in self.entries[..self.claims[last].entry].iter().enumerate().rev() {
            let mut said = Vec::new();
            claims(index, entry, i64::MAX, &mut said);
            let ended = |claim: &Claim<'_>| {
                Timestamp::from_millisecond(claim.happened_by()).unwrap_or(Timestamp::MAX)
            };
            match said.last() {
                None => {}
                Some(claim) if claim.owner_after() != owner => break,
                Some(claim) => match claim.what {
                    What::Found(_) => since = (ended(claim), entry.entry.operation),
                    What::MayHaveChanged(_) => break,
                    What::Changed { .. } | What::Became(_) => {
                        since = (ended(claim), entry.entry.operation);
                        break;
                    }
                },
            }
        }
        since
    }

    /// Nothing says who owned it, or what came next says another.
    fn nobody(&self, last: Option<usize>, next: Option<usize>) -> Ownership {
        let (Some(last), Some(next)) = (last, next) else {
            return self.unknown(None, Why::Silence);
        };
        let (_, how) = self.how(last);
        let owner = self.claims[last].owner_after().to_owned();
        let why = Why::ChangedBetween { how, owner, then: self.found(next) };
        let next_operation = Some(self.number(next));
        Ownership { next_operation, ..self.unknown(Some(self.number(last)), why) }
    }

    /// Several may have owned it.
    fn unclear(&self, one: &Answer<'_>, other: &Answer<'_>) -> Ownership {
        let time = self.time.as_millisecond();
        let (mut unclear, mut changing) = (None, None);
        for (index, claim) in self.claims.iter().enumerate() {
            let is_now = claim.from <= time && time < claim.until;
            let is_last = one.last == Some(index) || other.last == Some(index);
            match claim.what {
                What::MayHaveChanged(_) if is_now || is_last => unclear = Some(index),
                What::Changed { .. } if is_now => changing = Some(index),
                _ => {}
            }
        }
        let from = |claim: usize| self.entry(claim).previous_owner.clone();
        if let Some(claim) = unclear {
            let (operation, to) = (self.number(claim), self.claims[claim].owner_after().to_owned());
            let then = self.next().map(|next| self.found(next));
            let why = match self.claims[claim].source {
                Source::Callback => Why::NotReadBack { operation, to, then },
                _ => Why::OutcomeUnknown { operation, from: from(claim), to, then },
            };
            return self.unknown(Some(operation), why);
        }
        if let Some(claim) = changing {
            let (operation, to) = (self.number(claim), self.claims[claim].owner_after().to_owned());
            let (begun, known) = (self.entry(claim).at, self.ended(claim));
            let why = Why::UnderWay { operation, from: from(claim), to, begun, known };
            return self.unknown(Some(operation), why);
        }
        let mut says = [one, other].map(|answer| {
            let number = answer.last.or(answer.next).map(|claim| self.number(claim));
            (number, answer.owner)
        });
        says.sort_unstable();
        let [(Some(first), this), (Some(second), that)] = says else {
            return self.nobody(one.last.or(other.last), one.next.or(other.next));
        };
        let named = |owner: Option<&str>| owner.map(str::to_owned);
        let why = Why::EitherOrder([(first, named(this)), (second, named(that))]);
        self.unknown(Some(second), why)
    }

    /// No order fits the time: what was begun later has an earlier time.
    fn clocks_disagree(&self) -> Ownership {
        let time = self.time.as_millisecond();
        let pair = self.claims.iter().filter(|claim| claim.from > time).find_map(|earlier| {
            let is_later = |later: &&Claim<'_>| {
                later.until <= time && later.entry != earlier.entry && earlier.is_before(later, SKEW)
            };
            self.claims.iter().find(is_later).map(|later| (earlier.operation, later.operation))
        });
        let Some((earlier, later)) = pair else {
            return self.unknown(None, Why::Contradiction);
        };
        let why = Why::ClockSetBack(OperationId::new(earlier), OperationId::new(later));
        self.unknown(Some(OperationId::new(later)), why)
    }
}

impl Ownership {
    /// The same, knowing that the change's new owner was read back.
    #[must_use]
    pub fn with_confirmation(mut self) -> Self {
        if self.basis == Some(Basis::Accepted) {
            self.basis = Some(Basis::Confirmed);
        }
        self
    }

    /// The same, where the change's events are out of reach.
    #[must_use]
    pub fn with_archived_steps(mut self) -> Self {
        if let Why::Said { is_archived, .. } = &mut self.explanation {
            *is_archived = true;
        }
        self
    }
}

#[cfg(test)]
mod tests;
