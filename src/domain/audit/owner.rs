//! Who owned a room at a point in time, as far as the log can tell.

use jiff::Timestamp;

use super::{AuditEntry, OperationId, OutcomeKind, millis};
use crate::domain::room::RoomId;

/// How sure the answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// The log holds that it was so, and nothing later speaks against it.
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
    #[serde(serialize_with = "super::serialize_millis")]
    pub time: Timestamp,
    /// Who owned it; `None` if the log cannot tell.
    pub owner: Option<String>,
    /// How sure that is.
    pub certainty: Certainty,
    /// What it rests on.
    pub basis: Option<Basis>,
    /// Since when, at the latest.
    #[serde(serialize_with = "super::serialize_optional_millis")]
    pub since: Option<Timestamp>,
    /// The operation that made it so or, if that is not in the log, the first that found it so.
    pub operation: Option<OperationId>,
    /// The next operation that says who owned the room.
    pub next_operation: Option<OperationId>,
    /// Why, in words.
    pub explanation: String,
}

/// The entries of a room around a point in time, as far as they say who owned it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoomHistory {
    /// Written down at that time or before, newest first.
    pub before: Vec<AuditEntry>,
    /// Written down later, oldest first.
    pub after: Vec<AuditEntry>,
}

/// What an entry says about its room's owner.
enum Says<'a> {
    /// It changed hands between these times.
    Changed { from: Option<&'a str>, to: &'a str, ended: Timestamp },
    /// Somebody was found to own it.
    Found { owner: &'a str, ended: Timestamp },
    /// It may have changed hands.
    Unclear { from: Option<&'a str>, to: &'a str },
}

fn says(entry: &AuditEntry) -> Option<Says<'_>> {
    let from = entry.previous_owner.as_deref();
    let ended = jiff::SignedDuration::from_millis(entry.duration_ms.unwrap_or(0).max(0));
    let ended = entry.at.checked_add(ended).unwrap_or(entry.at);
    match (entry.outcome, entry.new_owner.as_deref()) {
        (OutcomeKind::Succeeded, Some(to)) => Some(Says::Changed { from, to, ended }),
        (OutcomeKind::Unchanged, Some(owner)) => Some(Says::Found { owner, ended }),
        (OutcomeKind::Unknown | OutcomeKind::Pending, Some(to)) => Some(Says::Unclear { from, to }),
        // A question's answer, or the owner read before a change that did not happen.
        (OutcomeKind::Succeeded | OutcomeKind::Refused | OutcomeKind::Declined, _) => {
            from.map(|owner| Says::Found { owner, ended })
        }
        _ => None,
    }
}

/// Works out who owned `room` at `time`. What it rests on may still be refined by the events of
/// [`Ownership::operation`]: see [`Ownership::with_confirmation`].
#[must_use]
pub fn ownership(room: &RoomId, time: Timestamp, history: &RoomHistory) -> Ownership {
    let next = history.after.iter().find_map(|entry| {
        let owner = match says(entry)? {
            Says::Changed { from, .. } | Says::Unclear { from, .. } => from?,
            Says::Found { owner, .. } => owner,
        };
        Some((entry, owner))
    });
    let answer = |owner: Option<&str>, certainty, basis, explanation: String| Ownership {
        room: room.clone(),
        time,
        owner: owner.map(str::to_owned),
        certainty,
        basis,
        since: None,
        operation: None,
        next_operation: next.map(|(entry, _)| entry.operation),
        explanation,
    };
    let told = || history.before.iter().filter_map(|entry| Some((entry, says(entry)?)));

    let from_next = |doubt: String| match next {
        Some((entry, owner)) => {
            let then = millis(entry.at);
            let why = format!("{doubt}; operation {} found {owner} to own it at {then}", entry.operation);
            answer(Some(owner), Certainty::Inferred, Some(Basis::Next), why)
        }
        None => {
            answer(None, Certainty::Unknown, None, format!("{doubt}, and nothing later says who owned it"))
        }
    };

    let Some((last, what)) = told().next() else {
        return from_next("no earlier entry says who owned it".to_owned());
    };
    let number = last.operation;
    let (owner, since, basis, how) = match what {
        Says::Unclear { from, to } => {
            let from = from.map(|from| format!("from {from} ")).unwrap_or_default();
            let doubt = format!(
                "operation {number} tried to hand it {from}to {to}, and what came of it is not known"
            );
            return Ownership { operation: Some(number), ..from_next(doubt) };
        }
        Says::Changed { from, to, ended } if time < ended => {
            let from = from.unwrap_or("an owner that was not read");
            let why = format!(
                "operation {number} was handing it from {from} to {to} at that moment: begun {}, known {}",
                millis(last.at),
                millis(ended)
            );
            return Ownership { operation: Some(number), ..answer(None, Certainty::Unknown, None, why) };
        }
        Says::Changed { to, ended, .. } if last.decision.is_none() => {
            (to, ended, Basis::Observed, format!("a change by somebody else, observed as operation {number}"))
        }
        Says::Changed { to, ended, .. } => {
            (to, ended, Basis::Accepted, format!("operation {number} handed it over"))
        }
        Says::Found { owner, ended } => {
            (owner, ended, Basis::Read, format!("operation {number} read the owner at {}", millis(ended)))
        }
    };
    if let Some((later, found)) = next
        && found != owner
    {
        let why = format!(
            "{how}, to {owner}'s name; operation {} found {found} at {}: a change in between is not in the log",
            later.operation,
            millis(later.at)
        );
        return Ownership { operation: Some(number), ..answer(None, Certainty::Unknown, None, why) };
    }

    // As far back as everything agrees.
    let mut since = (since, number);
    if basis == Basis::Read {
        for (entry, earlier) in told().skip(1) {
            match earlier {
                Says::Found { owner: same, ended } if same == owner => since = (ended, entry.operation),
                Says::Changed { to, ended, .. } if to == owner => {
                    since = (ended, entry.operation);
                    break;
                }
                _ => break,
            }
        }
    }
    let until = match next {
        Some((later, _)) => format!("operation {} found the same later", later.operation),
        None => "nothing later speaks against it".to_owned(),
    };
    Ownership {
        since: Some(since.0),
        operation: Some(since.1),
        ..answer(Some(owner), Certainty::Known, Some(basis), format!("{how}; {until}"))
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
        self.explanation
            .push_str("; whether the new owner was read back is in the archive that has its steps");
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::DecisionKind;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_772_366_400 + second).unwrap()
    }

    /// An entry of the room, at `second`, done a second later.
    fn entry(second: i64, from: Option<&str>, to: Option<&str>, outcome: OutcomeKind) -> AuditEntry {
        AuditEntry {
            operation: OperationId::new(second),
            at: at(second),
            actor: None,
            actor_name: None,
            channel: None,
            command: String::new(),
            room: Some("test".parse().unwrap()),
            new_owner: to.map(str::to_owned),
            previous_owner: from.map(str::to_owned),
            reason: None,
            decision: Some(DecisionKind::Permit),
            authority: None,
            outcome,
            error_code: None,
            error_info: None,
            request_id: None,
            delivery_id: None,
            duration_ms: Some(1_000),
        }
    }

    fn ask(second: i64, entries: &[AuditEntry]) -> Ownership {
        let (mut before, after): (Vec<_>, Vec<_>) =
            entries.iter().cloned().partition(|entry| entry.at <= at(second));
        before.reverse();
        ownership(&"test".parse().unwrap(), at(second), &RoomHistory { before, after })
    }

    fn short(second: i64, entries: &[AuditEntry]) -> String {
        let told = ask(second, entries);
        let since = told.since.map(|since| since.as_second() - at(0).as_second());
        format!(
            "{} {:?} {:?} since {since:?} by {:?}",
            told.owner.as_deref().unwrap_or("-"),
            told.certainty,
            told.basis,
            told.operation.map(OperationId::seq)
        )
    }

    use OutcomeKind::{Denied, Pending, Refused, Succeeded, Unchanged, Unknown};

    #[test]
    fn the_last_change_says_it() {
        let log = [
            entry(10, Some("carol"), Some("bob"), Succeeded),
            entry(15, None, Some("eve"), Denied),
            entry(20, Some("bob"), Some("dave"), Succeeded),
        ];
        assert_eq!(short(5, &log), "carol Inferred Some(Next) since None by None");
        assert_eq!(short(10, &log), "- Unknown None since None by Some(10)");
        assert_eq!(short(11, &log), "bob Known Some(Accepted) since Some(11) by Some(10)");
        assert_eq!(short(19, &log), "bob Known Some(Accepted) since Some(11) by Some(10)");
        assert_eq!(short(99, &log), "dave Known Some(Accepted) since Some(21) by Some(20)");
        assert_eq!(ask(99, &log).with_confirmation().basis, Some(Basis::Confirmed));
    }

    #[test]
    fn what_was_read_goes_back_to_who_made_it_so() {
        let log = [
            entry(10, Some("carol"), Some("bob"), Succeeded),
            entry(20, Some("bob"), None, Succeeded),
            entry(30, Some("bob"), Some("bob"), Unchanged),
            entry(40, Some("bob"), Some("dave"), Refused),
        ];
        assert_eq!(short(50, &log), "bob Known Some(Read) since Some(11) by Some(10)");
        assert_eq!(short(50, &log[1..]), "bob Known Some(Read) since Some(21) by Some(20)");
    }

    #[test]
    fn a_change_that_the_log_does_not_hold_makes_it_unknown() {
        let log = [
            entry(10, Some("carol"), Some("bob"), Succeeded),
            entry(30, Some("mallory"), Some("carol"), Succeeded),
        ];
        let told = ask(20, &log);
        assert_eq!((told.owner.as_deref(), told.certainty), (None, Certainty::Unknown));
        assert_eq!(
            told.explanation,
            "operation 10 handed it over, to bob's name; operation 30 found mallory at \
             2026-03-01T12:00:30.000Z: a change in between is not in the log"
        );
    }

    #[test]
    fn an_outcome_that_is_not_known_is_not_guessed() {
        let unclear = entry(10, Some("carol"), Some("bob"), Unknown);
        assert_eq!(short(20, std::slice::from_ref(&unclear)), "- Unknown None since None by Some(10)");
        let pending = entry(10, None, Some("bob"), Pending);
        assert_eq!(short(20, &[pending]), "- Unknown None since None by Some(10)");
        let later = entry(30, Some("bob"), None, Succeeded);
        assert_eq!(short(20, &[unclear, later]), "bob Inferred Some(Next) since None by Some(10)");
        assert_eq!(short(20, &[]), "- Unknown None since None by None");
    }

    #[test]
    fn somebody_elses_change_is_observed() {
        let observed = AuditEntry { decision: None, ..entry(10, Some("carol"), Some("bob"), Succeeded) };
        assert_eq!(short(20, &[observed]), "bob Known Some(Observed) since Some(11) by Some(10)");
    }

    proptest! {
        /// In a log of changes that all fit together, the answer is never a wrong owner.
        #[test]
        fn it_is_never_wrong(owners in proptest::collection::vec(0_u8..4, 1..12), second in 0_i64..200) {
            let name = |owner: u8| format!("user{owner}");
            let mut log = Vec::new();
            let mut now = name(9);
            let mut truth = Vec::new();
            for (number, owner) in owners.iter().enumerate() {
                let begun = 10 * (number as i64 + 1);
                log.push(entry(begun, Some(&now), Some(&name(*owner)), Succeeded));
                now = name(*owner);
                truth.push((begun, now.clone()));
            }
            let told = ask(second, &log);
            let begun = truth.iter().rev().find(|(begun, _)| *begun <= second);
            match told.owner {
                Some(owner) => prop_assert_eq!(&owner, &begun.map_or(name(9), |(_, owner)| owner.clone())),
                None => prop_assert_eq!(begun.map(|(begun, _)| *begun), Some(second)),
            }
        }
    }
}
