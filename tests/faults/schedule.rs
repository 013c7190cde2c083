//! Generated schedules: deliveries that come twice, late and out of order, to two processes on one
//! database that die and start again, while people edit the ACL and Tencent and the disk fail.
//!
//! `SCHEDULES=2000` runs so many of them (CI does), `SCHEDULES_FROM=417 SCHEDULES=1` the one with that seed.
//! A schedule is made from its seed alone; how its tasks interleave depends on the machine as well.

use std::collections::BTreeMap;
use std::time::Instant;

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use room_owner::domain::access::Mark;
use room_owner::domain::audit::{AuditFilter, DecisionKind, OutcomeKind};
use room_owner::domain::press::NotPressed;
use room_owner::domain::reply::Reply;

use super::clock::turns;
use super::laws::{self, Log};
use super::network::Network;
use super::process::{Answered, Process};
use super::world::{ALICE, DORA, LENA, MALLORY, World, press, request};

/// How many are run unless somebody asks for more.
const USUAL: u64 = 300;

/// What happens, one after the other, without waiting for the ends.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// The platform hands a delivery in.
    Handed(usize),
    /// Somebody presses a button under the reply to an earlier delivery, if there was one by now.
    Pressed(usize),
    /// Half an hour goes by.
    Pause,
    /// A process dies and starts again.
    Death,
    /// Mallory gets a grant, or loses it.
    Edit,
    /// Lena's account becomes another one, or nobody knows it any more.
    Link,
    /// A room is marked, or no more.
    Mark(Option<Mark>),
    /// Somebody hands a room over in the app.
    Outside,
    /// A process looks into what is open.
    Recovery,
    /// All that is under way ends first.
    Silence,
}

struct Pressing {
    who: &'static str,
    /// The delivery under whose reply the button is.
    of: usize,
    name: String,
}

impl Pressing {
    fn delivery(&self) -> String {
        format!("{}:{}", platform(self.who), self.name)
    }
}

fn platform(who: &str) -> &'static str {
    if who == DORA { "discord" } else { "slack" }
}

struct Asked {
    who: &'static str,
    line: String,
    name: String,
}

impl Asked {
    fn delivery(&self) -> String {
        format!("{}:{}", platform(self.who), self.name)
    }
}

fn somebody(random: &mut StdRng) -> &'static str {
    match random.random_range(0..10) {
        0..=3 => ALICE,
        4..=6 => DORA,
        _ => MALLORY,
    }
}

struct Schedule {
    asked: Vec<Asked>,
    presses: Vec<Pressing>,
    events: Vec<Event>,
    /// Out of a hundred calls, and out of a hundred writes.
    troubled: u32,
    failing: u32,
}

impl Schedule {
    fn generated(random: &mut StdRng) -> Self {
        let asked: Vec<Asked> = (0..random.random_range(3..8))
            .map(|n| Asked {
                who: somebody(random),
                line: match random.random_range(0..12) {
                    0 => "room-0".to_owned(),
                    1 => "a b c".to_owned(),
                    2 => format!("gone u{n}"),
                    3 | 4 => format!("room-{} {LENA}", n % 2),
                    // Two rooms, so that they meet.
                    other => format!("room-{} u{n}", other % 2),
                },
                name: format!("d{n}"),
            })
            .collect();
        let presses: Vec<Pressing> = (0..random.random_range(0..10))
            .map(|n| Pressing {
                who: somebody(random),
                // A few of them, so that several press the same.
                of: random.random_range(0..3),
                name: format!("p{n}"),
            })
            .collect();
        let mut events = Vec::new();
        for n in 0..presses.len() {
            events.extend(std::iter::repeat_n(Event::Pressed(n), random.random_range(1..3)));
        }
        for n in 0..asked.len() {
            let copies = random.random_range(1..4);
            events.extend(std::iter::repeat_n(Event::Handed(n), copies));
        }
        let others = [
            (Event::Death, 3),
            (Event::Edit, 4),
            (Event::Link, 6),
            (Event::Mark([None, Some(Mark::Confirm), Some(Mark::TwoPerson)][random.random_range(0..3)]), 3),
            (Event::Outside, 2),
            (Event::Recovery, 3),
            (Event::Silence, 3),
            (Event::Pause, 2),
        ];
        for (event, most) in others {
            events.extend(std::iter::repeat_n(event, random.random_range(0..most)));
        }
        events.shuffle(random);
        let troubled = [0, 30, 60][random.random_range(0..3)];
        let failing = [0, 0, 8][random.random_range(0..3)];
        Self { asked, presses, events, troubled, failing }
    }
}

/// How often something was met, so that the schedules cannot miss what they are for.
type Met = BTreeMap<&'static str, u64>;

/// Runs the schedule with this seed; what went against the laws.
async fn runs(template: &World, seed: u64, met: &mut Met) -> Vec<String> {
    let mut random = StdRng::seed_from_u64(seed);
    let schedule = Schedule::generated(&mut random);
    let world = template.copy();
    let network = Network::new(&world, seed ^ 1, schedule.troubled).await;
    for room in ["room-0", "room-1"] {
        network.simulator().put_room(room, "carol");
    }
    let mut processes = Vec::new();
    for n in 0..2 {
        processes.push(Some(Process::starts(&world, &network, seed ^ (2 + n), schedule.failing).await));
    }
    let mut answered: Vec<Answered> = Vec::new();
    let mut grant = None;
    let mut nonces = vec![None; schedule.presses.len()];
    for (step, event) in schedule.events.iter().enumerate() {
        let one = random.random_range(0..2_usize);
        let process = processes[one].as_mut().unwrap();
        match *event {
            Event::Handed(n) => {
                let Asked { who, line, name } = &schedule.asked[n];
                process.takes(n, request(who, line, name));
            }
            Event::Pressed(n) => {
                let Pressing { who, of, name } = &schedule.presses[n];
                nonces[n] = nonces[n].take().or_else(|| button(&answered, *of, n));
                if let Some(nonce) = &nonces[n] {
                    process.takes_press(schedule.asked.len() + n, press(who, nonce, name));
                }
            }
            Event::Pause => world.clock.pass(1_800_000),
            Event::Death => {
                answered.extend(processes[one].take().unwrap().dies().await);
                let seed = seed ^ (100 + step as u64);
                processes[one] = Some(Process::starts(&world, &network, seed, schedule.failing).await);
                *met.entry("death").or_default() += 1;
            }
            Event::Edit => match grant.take() {
                Some(id) => {
                    if !world.revokes(&*process.store, id).await {
                        grant = Some(id);
                    }
                }
                None => grant = world.grants(&*process.store, MALLORY).await,
            },
            Event::Link => {
                let account = [Some("ann"), Some("ben"), None][random.random_range(0..3)];
                world.links(&*process.store, LENA, account).await;
            }
            Event::Mark(mark) => world.marks(&*process.store, "room-1", mark).await,
            Event::Outside => {
                network.simulator().hand_over("room-0", format!("outsider-{step}"), "somebody");
            }
            Event::Recovery => process.recovers(),
            Event::Silence => {
                for process in processes.iter_mut().flatten() {
                    answered.extend(process.finishes().await);
                }
            }
        }
        world.clock.pass(random.random_range(0..400));
        turns(random.random_range(0..40)).await;
        answered.extend(processes[one].as_mut().unwrap().answered());
    }
    for process in processes.into_iter().flatten() {
        answered.extend(if random.random_range(0..3) == 0 {
            process.dies().await
        } else {
            let mut process = process;
            let last = process.finishes().await;
            process.dies().await;
            last
        });
    }

    // Better days: every delivery comes once more, and what is open is looked into.
    network.calm_down();
    let mut last = Process::starts(&world, &network, seed, 0).await;
    last.settles(&world.clock).await;
    for (n, Asked { who, line, name }) in schedule.asked.iter().enumerate() {
        last.takes(n, request(who, line, name));
        answered.extend(last.finishes().await);
    }
    for (n, Pressing { who, name, .. }) in schedule.presses.iter().enumerate() {
        if let Some(nonce) = &nonces[n] {
            last.takes_press(schedule.asked.len() + n, press(who, nonce, name));
            answered.extend(last.finishes().await);
        }
    }
    let open = last.store.unresolved().await.unwrap();
    let entries = last.store.audit(&AuditFilter::default()).await.unwrap();
    let log: Log = entries.into_iter().map(|entry| (entry.operation.seq(), entry)).collect();
    let (badly_pressed, pressed) = laws::presses(&*last.store, &log).await;
    last.dies().await;

    let pressings = schedule.presses.iter().map(Pressing::delivery);
    let deliveries: Vec<String> = schedule.asked.iter().map(Asked::delivery).chain(pressings).collect();
    let were_handed_in = |n: usize| n < schedule.asked.len() || nonces[n - schedule.asked.len()].is_some();
    let handed_in: Vec<String> =
        (0..deliveries.len()).filter(|n| were_handed_in(*n)).map(|n| deliveries[n].clone()).collect();
    let mut broken = laws::broken(&world, &network, &log, &handed_in).await;
    broken.extend(badly_pressed);
    broken.extend(open.iter().map(|open| format!("op {} is left open", open.operation)));
    broken.extend(without_a_right(&log));
    broken.extend(by_a_link_of_old(&log));
    for Answered { delivery, reply } in &answered {
        if matches!(reply, Reply::NotRecorded) && schedule.failing == 0 {
            broken.push(format!("{} was turned away for no reason", deliveries[*delivery]));
        }
        broken.extend(laws::lie(reply, &log, &network));
    }
    *met.entry("pressed").or_default() += pressed;
    for Answered { reply, .. } in &answered {
        if let Reply::NotPressed { why, .. } = reply {
            let why = match why {
                NotPressed::Lapsed(_) => "pressed too late",
                NotPressed::Used(_) => "pressed again",
                NotPressed::NotYours(_) => "pressed by another",
                NotPressed::NotSecond(_) => "not approved",
            };
            *met.entry(why).or_default() += 1;
        }
    }
    for entry in log.values() {
        *met.entry(entry.outcome.name()).or_default() += 1;
        *met.entry("handed to a person").or_default() += u64::from(entry.new_owner_person.is_some());
    }
    *met.entry("change").or_default() += network.effects().len() as u64;
    let turned_away = answered.iter().filter(|answered| matches!(answered.reply, Reply::NotRecorded));
    *met.entry("not recorded").or_default() += turned_away.count() as u64;
    *met.entry("handed in").or_default() += answered.len() as u64;
    broken
}

/// The name of a button under the reply to a delivery: one of them, if there are any.
fn button(answered: &[Answered], of: usize, which: usize) -> Option<String> {
    let mut replies = answered.iter().filter(|answered| answered.delivery == of);
    let buttons = replies.find_map(|it| Some(it.reply.buttons()).filter(|buttons| !buttons.is_empty()))?;
    Some(buttons[which % buttons.len()].nonce.as_str().to_owned())
}

/// What Mallory was permitted while the log says that Mallory had no grant.
fn without_a_right(log: &Log) -> Vec<String> {
    let mut entries: Vec<_> = log.values().collect();
    entries.sort_by_key(|entry| entry.operation);
    let mut live = 0;
    let mut broken = Vec::new();
    let grant = format!("acl grant {MALLORY}");
    for entry in entries {
        let is_edit = entry.outcome == OutcomeKind::Succeeded && entry.command.starts_with("acl ");
        if is_edit && entry.command == grant {
            live += 1;
        } else if is_edit && entry.command.starts_with("acl revoke") {
            live -= 1;
        }
        let is_hers = entry.actor.as_ref().is_some_and(|actor| actor.to_string() == MALLORY);
        // What somebody asked for they may always let be.
        let is_cancel = [": Cancel]", ": Withdraw]"].iter().any(|end| entry.command.ends_with(end));
        if is_hers && !is_cancel && entry.decision == Some(DecisionKind::Permit) && live == 0 {
            broken.push(format!("op {} was permitted without a grant", entry.operation));
        }
    }
    broken
}

/// What was handed to Lena, or taken for hers, by another link than the one that held when it was written down.
fn by_a_link_of_old(log: &Log) -> Vec<String> {
    let mut entries: Vec<_> = log.values().collect();
    entries.sort_by_key(|entry| entry.operation);
    let mut account = None;
    let mut broken = Vec::new();
    for entry in entries {
        let is_done = entry.outcome == OutcomeKind::Succeeded;
        if let Some(linked) = entry.command.strip_prefix(&format!("acl link {LENA} ")).filter(|_| is_done) {
            account = Some(linked.to_owned());
        } else if is_done && entry.command == format!("acl unlink {LENA}") {
            account = None;
        } else if entry.new_owner_person.is_some()
            // By a repetition nothing is done.
            && entry.outcome != OutcomeKind::Duplicate
            && entry.new_owner != account
        {
            broken.push(format!("op {} took {:?} for {account:?}", entry.operation, entry.new_owner));
        }
    }
    broken
}

fn number(name: &str) -> Option<u64> {
    // No setting of the program: how much of it this run is to try.
    #[allow(clippy::disallowed_methods)]
    std::env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("`{name}` is no number")))
}

/// Two threads, each with its own half.
#[test]
fn nothing_is_lost_done_twice_or_left_unrecorded_on_any_schedule() {
    let (from, count) = (number("SCHEDULES_FROM").unwrap_or(0), number("SCHEDULES").unwrap_or(USUAL));
    let began = Instant::now();
    let threads = 2;
    let halves: Vec<_> = (0..threads)
        .map(|thread| {
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    let (template, mut met, mut ran) = (World::new().await, Met::new(), 0);
                    for seed in (from..from + count).filter(|seed| seed % threads == thread) {
                        let broken = runs(&template, seed, &mut met).await;
                        assert!(broken.is_empty(), "the schedule with seed {seed}:\n{}", broken.join("\n"));
                        ran += 1;
                    }
                    (ran, met)
                })
            })
        })
        .collect();
    let (mut ran, mut met) = (0, Met::new());
    for half in halves {
        let (its, its_met) = half.join().unwrap();
        ran += its;
        for (what, times) in its_met {
            *met.entry(what).or_default() += times;
        }
    }
    println!("{ran} delivery schedules in {:.1} s: {met:?}", began.elapsed().as_secs_f64());
    assert_eq!(ran, count);
    assert!(ran > 0, "no schedule ran");
    if ran >= USUAL {
        let wanted = ["succeeded", "refused", "unknown", "denied", "declined", "invalid", "duplicate"];
        let pressed = ["pressed", "pressed again", "pressed too late"];
        for what in wanted
            .into_iter()
            .chain(["change", "death", "handed in", "not recorded", "handed to a person"])
            .chain(pressed)
        {
            assert!(met.get(what).is_some_and(|times| *times > 3), "hardly any `{what}`: {met:?}");
        }
    }
}
