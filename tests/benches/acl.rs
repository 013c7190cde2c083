//! `cargo bench --bench acl`: how long a decision takes on an ACL of 100,000 grants, as the service makes it:
//! the store's read and the rule together. Prints one row a question, in milliseconds.
//!
//! The ACL is made in a process of its own, so that the memory shown is that of the questions alone.

// A benchmark that cannot go on stops; that is what `unwrap` says.
#![allow(clippy::unwrap_used)]

#[path = "../fakes/acl.rs"]
mod acl;

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use room_owner::app::ports::{AclChange, AclChanged, Clock as _, NewGrant, Store as _};
use room_owner::clock::SystemClock;
use room_owner::domain::access::{
    Action, Decision, Effect, Known, Role, RoomScope, attention, decide, explain, who_can,
};
use room_owner::domain::command::Place;
use room_owner::domain::principal::{Channel, Principal, Subject};
use room_owner::domain::room::RoomId;
use room_owner::store::{IfMissing, SqliteStore};

const GRANTS: usize = 100_000;
const CHANNELS: usize = 200;
const DECISIONS: usize = 20_000;
const EDITS: usize = 500;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    if let Some(at) = arguments.iter().position(|argument| argument == "--fill") {
        return runtime.block_on(fill(arguments[at + 1].as_ref()));
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("room-owner.db");
    let filled = Command::new(std::env::current_exe().unwrap()).arg("--fill").arg(&file).status().unwrap();
    assert!(filled.success());
    runtime.block_on(measure(&file));
}

async fn open(file: &Path) -> SqliteStore {
    SqliteStore::open(&format!("sqlite://{}", file.display()), IfMissing::Create).await.unwrap()
}

// The ACL --------------------------------------------------------------------------------------------------

/// Of a hundred grants: 60 to Slack users (most people have one, some have many), 5 to Slack groups, 30 to
/// Discord users, 5 to Discord roles; 2 deny; 92 moderators, 7 auditors, 1 admin in a thousand; 5 for every room,
/// 60 for a prefix, 35 for one room; 20 limited to channels; 30 lapsed.
fn grant(n: usize) -> NewGrant {
    let mix = n.wrapping_mul(2_654_435_761) >> 7;
    let rooms = match mix % 100 {
        0..5 => "*".to_owned(),
        5..65 => format!("show-{}-*", mix % 1_000),
        _ => format!("show-{}-{}", mix % 1_000, n % 50),
    };
    let channels = if mix.is_multiple_of(5) { vec![channel(mix % CHANNELS)] } else { Vec::new() };
    let lapsed = mix % 10 < 3;
    NewGrant {
        subject: subject(n),
        role: match n % 1_000 {
            0 => Role::Admin,
            1..71 => Role::Auditor,
            _ => Role::Moderator,
        },
        effect: if n % 50 == 7 { Effect::Deny } else { Effect::Permit },
        rooms: rooms.parse().unwrap(),
        channels,
        expires_at: lapsed.then(|| SystemClock.now() - SignedDuration::from_hours(1)),
    }
}

fn subject(n: usize) -> Subject {
    // One in ten grants goes to one of a hundred people, who so have about a hundred each.
    let person = if n.is_multiple_of(10) { n / 10 % 100 } else { n };
    match n % 20 {
        0..12 => format!("slack:T0123456789:U{person:010}"),
        12 => format!("slack:T0123456789:group:S{:010}", n / 20 % 500),
        13..19 => format!("discord:1100000000000000001:{}", 1_200_000_000_000_000_000 + person),
        _ => format!("discord:1100000000000000001:role:{}", 1_300_000_000_000_000_000 + n % 250),
    }
    .parse()
    .unwrap()
}

fn channel(n: usize) -> Channel {
    let text = if n.is_multiple_of(3) {
        format!("discord:1100000000000000001:{}", 1_400_000_000_000_000_000 + n)
    } else {
        format!("slack:T0123456789:C{n:010}")
    };
    text.parse().unwrap()
}

async fn fill(file: &Path) {
    let store = open(file).await;
    let channels =
        (0..CHANNELS).map(|n| AclChange::AllowChannel { channel: channel(n), rooms: RoomScope::All });
    let grants = (0..GRANTS).map(|n| AclChange::Grant(grant(n)));
    let changes: Vec<_> = channels.chain(grants).map(|change| (change, None)).collect();
    for some in changes.chunks(2_000) {
        let bench = Principal::new("cli:bench".parse().unwrap());
        let changed =
            acl::edit_all(&store, &SystemClock, bench, "acl apply".to_owned(), some.to_vec()).await.unwrap();
        assert!(matches!(changed, AclChanged::Changed(..)), "{changed:?}");
    }
    store.close().await;
}

// What is measured -----------------------------------------------------------------------------------------

async fn measure(file: &Path) {
    let store = open(file).await;
    println!("| what | times | p50 ms | p99 ms | most ms | below 1 ms | memory MB |");
    println!("|---|---|---|---|---|---|---|");
    // The first reads open the connections.
    let mut permits = 0;
    for warm in [true, false] {
        let mut times = Times::new();
        for n in 0..DECISIONS {
            let (principal, place, room) = question(n * 7_919);
            let began = Instant::now();
            let acl = store.acl_for(&principal, &place).await.unwrap();
            let decision = decide(&principal, &place, Action::Transfer(room), &acl, SystemClock.now());
            times.took(began);
            permits += usize::from(matches!(decision, Decision::Permit(_)));
        }
        if !warm {
            times.print("a decision");
        }
    }
    assert!(permits > DECISIONS / 10, "hardly anything is permitted: {permits}");

    let mut times = Times::new();
    for n in 0..DECISIONS {
        // One of the hundred people with a hundred grants each.
        let (_, place, room) = question(n * 7_919);
        let principal = Principal::new(format!("slack:T0123456789:U{:010}", n % 100).parse().unwrap());
        let began = Instant::now();
        let acl = store.acl_for(&principal, &place).await.unwrap();
        let decision = decide(&principal, &place, Action::Transfer(room), &acl, SystemClock.now());
        times.took(began);
        drop(decision);
    }
    times.print("a decision about somebody with many grants");

    // A thousand people who command again and again: what `serve` reads unless the ACL changed meanwhile.
    let mut times = Times::new();
    for n in 0..DECISIONS * 2 {
        let (principal, place, room) = question(n % 1_000 * 7_919);
        let began = Instant::now();
        let acl = store.recent_acl_for(&principal, &place).await.unwrap();
        let decision = decide(&principal, &place, Action::Transfer(room), &acl, SystemClock.now());
        if n >= DECISIONS {
            times.took(began);
        }
        drop(decision);
    }
    times.print("a decision by a view in memory");

    let mut times = Times::new();
    for n in 0..DECISIONS / 4 {
        let (principal, place, room) = question(n * 7_919);
        let Place::Channel(channel) = &place else { unreachable!("all of them ask in a channel") };
        let began = Instant::now();
        let acl = store.acl_history_for(&principal, channel).await.unwrap();
        let explanation = explain(&principal, &place, &Action::Transfer(room), &acl, SystemClock.now());
        times.took(began);
        drop(explanation);
    }
    times.print("`acl why`");

    let mut times = Times::new();
    for n in 0..EDITS {
        let change = AclChange::Grant(grant(n * 991 + 3));
        let ana = Principal::new("cli:bench".parse().unwrap());
        let began = Instant::now();
        acl::edit_locally(&store, &SystemClock, ana, "acl grant".to_owned(), change, None).await.unwrap();
        times.took(began);
    }
    times.print("an edit, durable");

    let mut times = Times::new();
    for page in 1..200 {
        let began = Instant::now();
        let shown = store.grants_page(Some(SystemClock.now()), page * 25, 12).await.unwrap();
        times.took(began);
        assert_eq!(shown.grants.len(), 12);
    }
    times.print("a page of `/room-acl list`");

    let mut times = Times::new();
    for n in 0..50 {
        let room: RoomId = format!("show-{}-{}", n * 17, n).parse().unwrap();
        let now = SystemClock.now();
        let began = Instant::now();
        let grants = store.live_grants_for(&room, now).await.unwrap();
        let able = who_can(&room, &grants, &store.channels().await.unwrap(), &Known::default(), now);
        times.took(began);
        assert!(able.len() > 100);
    }
    times.print("`acl who-can`");

    let mut times = Times::new();
    for _ in 0..5 {
        let now: Timestamp = SystemClock.now();
        let began = Instant::now();
        let grants = store.live_grants(now).await.unwrap();
        let shown = attention(&grants, &store.grant_uses().await.unwrap(), now);
        times.took(began);
        assert!(shown.is_empty());
    }
    times.print("`acl list --attention`");
}

/// Somebody who may or may not, in some channel, for some room: one in three is in five groups.
fn question(n: usize) -> (Principal, Place, RoomId) {
    let n = n % GRANTS;
    let given = grant(n);
    let mut principal = Principal::new(given.subject.clone());
    if n.is_multiple_of(3) {
        let group =
            |k: usize| format!("slack:T0123456789:group:S{:010}", (n + k * 97) % 500).parse().unwrap();
        principal.groups = (0..5).map(group).collect();
    }
    let place = given.channels.first().cloned().unwrap_or_else(|| channel(n % CHANNELS));
    let room = match &given.rooms {
        RoomScope::All => "show-1-1".to_owned(),
        RoomScope::Exact(room) => room.to_string(),
        RoomScope::Prefix(start) => format!("{start}1"),
    };
    (principal, Place::Channel(place), room.parse().unwrap())
}

struct Times(Vec<f64>);

impl Times {
    fn new() -> Self {
        Self(Vec::new())
    }

    fn took(&mut self, began: Instant) {
        self.0.push(began.elapsed().as_secs_f64() * 1_000.0);
    }

    fn print(mut self, what: &str) {
        self.0.sort_by(f64::total_cmp);
        let at = |part: f64| self.0[((self.0.len() - 1) as f64 * part) as usize];
        let memory = resident().map_or("?".to_owned(), |kb| (kb / 1_024).to_string());
        let quick = self.0.iter().filter(|took| **took < 1.0).count() as f64 / self.0.len() as f64 * 100.0;
        println!(
            "| {what} | {} | {:.3} | {:.3} | {:.1} | {quick:.1} % | {memory} |",
            self.0.len(),
            at(0.5),
            at(0.99),
            at(1.0)
        );
    }
}

/// The memory that this process holds now, in kB, where the system says so.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}
