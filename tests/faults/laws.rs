//! What must hold in the end, whatever happened.

use std::collections::HashMap;

use room_owner::domain::audit::{AuditEntry, OutcomeKind};
use room_owner::domain::reply::Reply;
use room_owner::store::verify::{Evidence, verify};

use super::network::Network;
use super::world::World;

/// What a finished log looks like, by operation.
pub(crate) type Log = HashMap<i64, AuditEntry>;

/// Everything that goes against the laws, in words.
pub(crate) async fn broken(
    world: &World,
    network: &Network,
    log: &Log,
    deliveries: &[String],
) -> Vec<String> {
    let mut broken = network.crimes();
    let effects = network.effects();
    let mut of: HashMap<i64, usize> = HashMap::new();
    for effect in &effects {
        *of.entry(effect.operation).or_default() += 1;
    }
    for (operation, times) in &of {
        match log.get(operation) {
            None => broken.push(format!("op {operation} had an effect and no record")),
            Some(_) if *times > 1 => broken.push(format!("op {operation} had {times} effects")),
            // What nobody could find out is said to be unknown.
            Some(entry) => {
                if !matches!(entry.outcome, OutcomeKind::Succeeded | OutcomeKind::Unknown) {
                    broken
                        .push(format!("op {operation} had an effect, and its record says {}", entry.outcome));
                }
            }
        }
    }
    for entry in log.values() {
        let operation = entry.operation.seq();
        if entry.new_owner.is_some()
            && entry.outcome == OutcomeKind::Succeeded
            && !of.contains_key(&operation)
        {
            broken.push(format!("op {operation} says that it succeeded, and nothing was changed"));
        }
        if entry.outcome == OutcomeKind::Pending {
            broken.push(format!("op {operation} is still open"));
        }
    }
    for delivery in deliveries {
        let of_it = log.values().filter(|entry| entry.delivery_id.as_ref() == Some(delivery));
        let (repeats, firsts): (Vec<_>, Vec<_>) =
            of_it.partition(|entry| entry.outcome == OutcomeKind::Duplicate);
        match firsts.as_slice() {
            [first] => {
                let names = Some(format!("repeats operation {}", first.operation));
                broken.extend(repeats.iter().filter(|repeat| repeat.reason != names).map(|repeat| {
                    format!("op {} names another first than {}", repeat.operation, first.operation)
                }));
            }
            others => broken.push(format!("{delivery} has {} records of its own", others.len())),
        }
    }
    let report = verify(&world.file(), Evidence::default()).await.unwrap();
    broken.extend(report.findings.iter().map(|finding| format!("the log does not verify: {finding}")));
    broken
}

/// Whether what a person was answered agrees with the outcome.
pub(crate) fn lie(reply: &Reply, log: &Log, effects: &[i64]) -> Option<String> {
    let operation = reply.operation().map(|operation| operation.seq())?;
    let Some(entry) = log.get(&operation) else {
        return Some(format!("a reply names op {operation}, which has no record"));
    };
    let happened = effects.contains(&operation);
    let answered = reply.outcome();
    let denies = matches!(
        answered,
        OutcomeKind::Refused
            | OutcomeKind::Denied
            | OutcomeKind::Declined
            | OutcomeKind::Duplicate
            | OutcomeKind::Invalid
            | OutcomeKind::Unchanged
    );
    if denies && happened {
        return Some(format!("op {operation} was answered as {answered}, and the room was changed"));
    }
    let is_transfer = matches!(reply, Reply::Transfer { .. });
    if is_transfer && answered == OutcomeKind::Succeeded && !happened {
        return Some(format!("op {operation} was answered as done, and nothing was changed"));
    }
    let settled =
        answered == entry.outcome || matches!(answered, OutcomeKind::Unknown | OutcomeKind::Pending);
    (!settled)
        .then(|| format!("op {operation} was answered as {answered} and is recorded as {}", entry.outcome))
}
