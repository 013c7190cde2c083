//! No two-person room is handed over by one person: through the real store, by two processes that die, while links, marks
//! and roles change, time passes and anybody presses any button.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use room_owner::app::ports::{AclChange, NewGrant, Store, WhichSettings};
use room_owner::domain::access::{AclSetting, Effect, Mark, Role, Setting, SettingKey, is_live};
use room_owner::domain::audit::{AuditEntry, AuditFilter, OperationId, OutcomeKind, Request, What};
use room_owner::domain::press::{APPROVE_FOR, CONFIRM_FOR};
use room_owner::domain::principal::Subject;
use room_owner::store::verify::{Evidence, verify};

use super::network::Network;
use super::process::{Answered, Process};
use super::world::{World, press, request};

/// Who types and presses; they are two people, and the last two ids are one.
const PEOPLE: [&str; 3] = ["slack:T1:U1", "slack:T1:U2", "slack:T1:U3"];
const ACCOUNTS: [&str; 3] = ["one", "two", "two"];
const ROOMS: [&str; 2] = ["room-0", "room-1"];

#[derive(Debug, Clone)]
enum Step {
    /// Somebody asks for a hand-over.
    Asks { who: usize, room: usize, owner: usize },
    /// Somebody presses a button under the reply to an earlier delivery, counted from the newest.
    Presses { who: usize, back: usize, which: usize },
    /// An admin links somebody to the account of that person, or takes the link away.
    Links(usize),
    /// An admin marks a room, or takes the mark off.
    Marks(usize, Option<Mark>),
    /// Somebody gets the role of a moderator, or loses it.
    Role(usize),
    /// Somebody hands a room over in the app.
    Outside(usize),
    /// So many seconds go by.
    Passes(i64),
    /// The process dies and starts again.
    Dies,
}

fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
    let (who, room) = (0..PEOPLE.len(), 0..ROOMS.len());
    let marks = vec![None, Some(Mark::Confirm), Some(Mark::TwoPerson), Some(Mark::TwoPerson)];
    let step = prop_oneof![
        5 => (who.clone(), room.clone(), 0..3_usize).prop_map(|(who, room, owner)| Step::Asks { who, room, owner }),
        12 => (who.clone(), select(vec![0, 0, 0, 1, 2]), select(vec![0, 0, 0, 1])).prop_map(|(who, back, which)| Step::Presses { who, back, which }),
        2 => who.clone().prop_map(Step::Links),
        1 => (room.clone(), select(marks)).prop_map(|(room, mark)| Step::Marks(room, mark)),
        1 => who.prop_map(Step::Role),
        1 => room.prop_map(Step::Outside),
        2 => select(vec![1, 30, 299, 301, 899, 901]).prop_map(Step::Passes),
        1 => Just(Step::Dies),
    ];
    proptest::collection::vec((0..2_usize, step), 8..40)
}

fn subject(who: usize) -> Subject {
    PEOPLE[who].parse().unwrap()
}

/// Changes the link of somebody.
async fn relink(world: &World, store: &dyn Store, who: usize) {
    let links = store.settings(&WhichSettings::LinksOf(vec![subject(who)])).await.unwrap();
    let change = if links.iter().any(|link| link.removed_at.is_none()) {
        AclChange::Unset(SettingKey::Link(subject(who)))
    } else {
        let account = ACCOUNTS[who].parse().unwrap();
        AclChange::Set(Setting::Link { person: subject(who), account })
    };
    world.edits(store, "acl link".to_owned(), change).await.unwrap();
}

async fn change_role(world: &World, store: &dyn Store, who: usize) {
    let grants = store.grants().await.unwrap();
    let live = grants.iter().find(|it| it.subject == subject(who) && it.revoked_at.is_none());
    let change = match live {
        Some(grant) => AclChange::Revoke(grant.id),
        None => AclChange::Grant(NewGrant {
            subject: subject(who),
            role: Role::Moderator,
            effect: Effect::Permit,
            rooms: "*".parse().unwrap(),
            channels: Vec::new(),
            expires_at: None,
        }),
    };
    world.edits(store, "acl grant".to_owned(), change).await.unwrap();
}

/// How often something was met.
type Met = BTreeMap<&'static str, u64>;

/// Plays the steps, and says what must not have happened.
async fn plays(template: &World, steps: &[(usize, Step)], met: &mut Met) -> Vec<String> {
    let world = template.copy();
    let network = Network::new(&world, 1, 0).await;
    for room in ROOMS {
        network.simulator().put_room(room, "carol");
    }
    let mut processes =
        [Process::starts(&world, &network, 1, 0).await, Process::starts(&world, &network, 2, 0).await];
    for who in 0..PEOPLE.len() {
        change_role(&world, &*processes[0].store, who).await;
    }
    for who in [1, 2] {
        relink(&world, &*processes[0].store, who).await;
    }
    for room in ROOMS {
        world.marks(&*processes[0].store, room, Some(Mark::TwoPerson)).await;
    }
    let mut answered: Vec<Answered> = Vec::new();
    for (n, (one, step)) in steps.iter().enumerate() {
        let process = &mut processes[*one];
        match step {
            Step::Asks { who, room, owner } => {
                let line = format!("{} owner-{owner}", ROOMS[*room]);
                process.takes(n, request(PEOPLE[*who], &line, &format!("d{n}")));
            }
            Step::Presses { who, back, which } => {
                let replies = answered.iter().rev().filter(|it| !it.reply.buttons().is_empty());
                if let Some(of) = replies.skip(*back).map(|it| it.reply.buttons()).next() {
                    let nonce = of[which % of.len()].nonce.as_str();
                    process.takes_press(n, press(PEOPLE[*who], nonce, &format!("d{n}")));
                }
            }
            Step::Links(who) => relink(&world, &*process.store, *who).await,
            Step::Marks(room, mark) => world.marks(&*process.store, ROOMS[*room], *mark).await,
            Step::Role(who) => change_role(&world, &*process.store, *who).await,
            Step::Outside(room) => {
                network.simulator().hand_over(ROOMS[*room], format!("outsider-{n}"), "somebody");
            }
            Step::Passes(seconds) => world.clock.pass(seconds * 1_000),
            Step::Dies => {
                let new = Process::starts(&world, &network, 3, 0).await;
                answered.extend(std::mem::replace(process, new).dies().await);
            }
        }
        answered.extend(processes[*one].finishes().await);
        world.clock.pass(1);
    }
    let broken = judged(&*processes[0].store, &answered, met).await;
    for process in processes {
        process.dies().await;
    }
    let report = verify(&world.file(), Evidence::default()).await.unwrap();
    let found = report.findings.iter().map(|finding| format!("{finding:?}"));
    broken.into_iter().chain(found).collect()
}

/// What of the log must not be.
async fn judged(store: &dyn Store, answered: &[Answered], met: &mut Met) -> Vec<String> {
    let entries = store.audit(&AuditFilter::default()).await.unwrap();
    let settings = store.settings(&WhichSettings::All).await.unwrap();
    let mut broken = Vec::new();
    for Answered { delivery, reply } in answered {
        let id = format!("slack:d{delivery}");
        let recorded = entries.iter().filter(|entry| entry.delivery_id.as_ref() == Some(&id)).count();
        if recorded != 1 || reply.operation().is_none() {
            broken.push(format!("delivery {delivery} has {recorded} entries"));
        }
    }
    let done = |entry: &&AuditEntry| {
        entry.new_owner.is_some()
            && matches!(entry.outcome, OutcomeKind::Succeeded | OutcomeKind::Unknown | OutcomeKind::Pending)
    };
    for entry in entries.iter().filter(done) {
        let request = requested(store, entry.operation).await;
        let of = entries.iter().find(|it| Some(it.operation) == request.pressed);
        broken.extend(why_not(entry, &request, of, &entries, &settings, met));
        if let (Some(asker), Some(of)) = (&request.requested_by, of) {
            // Roles are looked at by the grants of those moments.
            for (who, at) in [(asker, entry.at), (request.actor.as_ref().unwrap(), entry.at), (asker, of.at)]
            {
                let grants = store.grants().await.unwrap();
                if !grants.iter().any(|grant| grant.subject == *who && is_live(grant, at)) {
                    broken.push(format!("op {}: {who} had no role", entry.operation));
                }
            }
        }
    }
    for entry in &entries {
        let why = entry.error_info.as_deref().unwrap_or_default();
        for what in
            ["needs a second person", "needs confirmation", "same account", "cannot approve", "has expired"]
        {
            *met.entry(what).or_default() += u64::from(why.contains(what));
        }
        *met.entry("owns it now").or_default() += u64::from(why.contains("owns it now"));
    }
    broken
}

async fn requested(store: &dyn Store, operation: OperationId) -> Request {
    let events = store.log().events(operation).await.unwrap();
    match events.into_iter().next().map(|event| event.what) {
        Some(What::Requested(request)) => *request,
        other => panic!("{other:?}"),
    }
}

/// Why this hand-over must not have been done, if so.
fn why_not(
    entry: &AuditEntry,
    request: &Request,
    of: Option<&AuditEntry>,
    entries: &[AuditEntry],
    settings: &[AclSetting],
    met: &mut Met,
) -> Option<String> {
    let room = entry.room.as_ref().unwrap();
    let marks = settings.iter().filter(|it| it.is_live(entry.at)).filter_map(|it| match &it.setting {
        Setting::Mark { rooms, mark } if rooms.covers(room) => Some(*mark),
        _ => None,
    });
    let mark = marks.max();
    let broken = |why: &str| Some(format!("op {} ({mark:?}): {why}", entry.operation));
    let (Some(of), Some(_)) = (of.filter(|of| of.outcome == OutcomeKind::Declined), mark) else {
        return if mark.is_some() { broken("it was done without a press") } else { None };
    };
    let between = |it: &&AuditEntry| it.operation > of.operation && it.operation < entry.operation;
    let is_change = |it: &&AuditEntry| it.room.as_ref() == Some(room) && it.outcome == OutcomeKind::Succeeded;
    if entries.iter().filter(between).filter(is_change).any(|it| it.new_owner == entry.previous_owner) {
        return broken("the owner was changed since it was shown");
    }
    let (asker, approver) = (of.actor.as_ref().unwrap(), entry.actor.as_ref().unwrap());
    let is_by_two = request.requested_by.is_some();
    let longest = if is_by_two { APPROVE_FOR } else { CONFIRM_FOR };
    if entry.at.duration_since(of.at) >= longest {
        return broken("it came too late");
    }
    if !is_by_two {
        *met.entry("confirmed").or_default() += 1;
        return match mark {
            Some(Mark::TwoPerson) => broken("one person did it"),
            _ if asker != approver => broken("somebody else confirmed it"),
            _ => None,
        };
    }
    *met.entry("approved").or_default() += 1;
    let had = |who: &Subject| {
        settings.iter().any(|it| {
            let is_theirs = matches!(&it.setting, Setting::Link { person, .. } if person == who);
            is_theirs && it.set_at <= entry.at && it.removed_at.is_none_or(|removed| removed >= of.at)
        })
    };
    let account = |who: &Subject| ACCOUNTS[PEOPLE.iter().position(|it| **it == who.to_string()).unwrap()];
    if request.requested_by.as_ref() != Some(asker) || asker == approver {
        return broken("one person did it");
    }
    if account(asker) == account(approver) && had(asker) && had(approver) {
        return broken("two ids of one account did it");
    }
    None
}

#[test]
fn no_two_person_room_is_handed_over_by_one_person() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let template = runtime.block_on(World::new());
    let met = std::cell::RefCell::new(Met::new());
    // The same every time, so that it always meets what it is for.
    let config = Config { cases: 100, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
        .run(&steps(), |steps| {
            let broken = runtime.block_on(plays(&template, &steps, &mut met.borrow_mut()));
            prop_assert!(broken.is_empty(), "{}", broken.join("\n"));
            Ok(())
        })
        .unwrap();
    let met = met.into_inner();
    println!("{met:?}");
    let asked = ["approved", "confirmed", "needs a second person", "needs confirmation"];
    for what in asked.into_iter().chain(["same account", "cannot approve", "has expired", "owns it now"]) {
        assert!(met.get(what).is_some_and(|times| *times > 1), "hardly any `{what}`: {met:?}");
    }
}
