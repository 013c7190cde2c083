//! What must hold in the end, whatever happened.

use std::collections::HashMap;

use room_owner::app::ports::Store;
use room_owner::domain::audit::{AuditEntry, OperationId, OutcomeKind, What};
use room_owner::domain::offers::UNDO_FOR;
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
            && !network.made_before(entry)
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

/// What presses must not do, and how many were carried out.
pub(crate) async fn presses(store: &dyn Store, log: &Log) -> (Vec<String>, u64) {
    let mut broken = Vec::new();
    let mut carried_out: HashMap<OperationId, OperationId> = HashMap::new();
    for entry in log.values().filter(|entry| entry.command.starts_with("[op ")) {
        let events = store.log().events(entry.operation).await.unwrap();
        let What::Requested(request) = &events[0].what else { panic!("a press begins with a request") };
        let Some(of) = request.pressed else {
            broken.push(format!("op {} does not name where it was pressed", entry.operation));
            continue;
        };
        let is_carried_out = matches!(request.outcome, OutcomeKind::Pending | OutcomeKind::Succeeded);
        if !is_carried_out {
            continue;
        }
        if let Some(other) = carried_out.insert(of, entry.operation) {
            broken.push(format!("a button of op {of} was pressed by op {other} and op {}", entry.operation));
        }
        if entry.command.contains(": Undo]") {
            let offered = store.log().events(of).await.unwrap();
            let ended = offered.iter().find(|event| matches!(event.what, What::Ended(_))).unwrap();
            let at = events[0].at;
            if at < ended.at || at >= ended.at + UNDO_FOR {
                broken.push(format!("op {} was pressed at {at}, offered at {}", entry.operation, ended.at));
            }
        }
    }
    let count = carried_out.len() as u64;
    (broken, count)
}

/// Whether what a person was answered agrees with the outcome.
pub(crate) fn lie(reply: &Reply, log: &Log, network: &Network) -> Option<String> {
    let operation = reply.operation().map(|operation| operation.seq())?;
    let Some(entry) = log.get(&operation) else {
        return Some(format!("a reply names op {operation}, which has no record"));
    };
    let happened = network.effects().iter().any(|effect| effect.operation == operation);
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
    if is_transfer && answered == OutcomeKind::Succeeded && !happened && !network.made_before(entry) {
        return Some(format!("op {operation} was answered as done, and nothing was changed"));
    }
    let settled =
        answered == entry.outcome || matches!(answered, OutcomeKind::Unknown | OutcomeKind::Pending);
    (!settled)
        .then(|| format!("op {operation} was answered as {answered} and is recorded as {}", entry.outcome))
}
