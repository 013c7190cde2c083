//! A large log of made-up operations, to measure the questions on.

use std::path::Path;

use jiff::Timestamp;

use crate::app::ports::StoreError;
use crate::domain::audit::{DecisionKind, Outcome, OutcomeKind, Refusal, Request};
use crate::domain::room::AccountId;
use crate::store::{MadeUp, fill_unsynced};

/// What the made-up log holds, so that it can be asked about.
#[derive(Debug, Clone, Copy)]
pub struct Scratch {
    /// Events.
    pub events: i64,
    /// Operations.
    pub operations: i64,
    /// Rooms are `live-0` to this one, exclusively; the first [`Scratch::HOT`] have a fifth of all operations.
    pub rooms: i64,
    /// Actors are `slack:T1:U0` to this one, exclusively.
    pub actors: i64,
    /// Milliseconds since 1970 of the first operation.
    pub from: i64,
    /// Milliseconds from one operation to the next.
    pub step: i64,
}

impl Scratch {
    /// The busiest rooms.
    pub const HOT: i64 = 50;

    /// The number of the `nth` operation, from 0.
    pub fn operation(&self, nth: i64) -> i64 {
        nth / 10 * 19 + nth % 10 * 2 + 1
    }

    /// The RequestId of the `nth` operation, if that has one.
    pub fn request_id(&self, nth: i64) -> String {
        let [a, b, c] = mixed(nth);
        format!("Id-{a:08x}{b:08x}{c:08x}-O-Seq-{nth}")
    }
}

/// Three numbers that look like chance.
fn mixed(i: i64) -> [i64; 3] {
    const PRIME: i64 = 4_294_967_291;
    [
        (i * 2_654_435_761 + 12_345) % PRIME % 1_000_003,
        (i * 40_503 + 977) % PRIME % 999_983,
        (i * 69_069 + 1) % PRIME % 999_979,
    ]
}

const WORDS: [&str; 32] = [
    "host",
    "crashed",
    "left",
    "stream",
    "microphone",
    "broken",
    "banned",
    "user",
    "policy",
    "violation",
    "power",
    "outage",
    "network",
    "lost",
    "asked",
    "swap",
    "shift",
    "night",
    "handover",
    "event",
    "ticket",
    "urgent",
    "late",
    "owner",
    "phone",
    "battery",
    "kicked",
    "mistake",
    "requested",
    "support",
    "dropped",
    "rejoin",
];

/// Makes a database at `file` with the real schema and about so many events: nine in ten operations have
/// two, one has one. Nothing is synced.
///
/// # Errors
/// When the file cannot be made.
pub async fn fill(file: &Path, events: i64) -> Result<Scratch, StoreError> {
    let blocks = (events / 19).max(1);
    let operations = blocks * 10;
    // Two years, whatever the number.
    let step = (2 * 365 * 86_400_000 / operations).max(1);
    let scratch = Scratch {
        events: blocks * 19,
        operations,
        rooms: 20_000,
        actors: 500,
        from: 1_704_067_200_000,
        step,
    };
    fill_unsynced(file, (0..operations).map(move |nth| operation(&scratch, nth))).await?;
    Ok(scratch)
}

fn operation(scratch: &Scratch, nth: i64) -> MadeUp {
    let [a, b, c] = mixed(nth);
    let time = |millis| Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX);
    let at = scratch.from + nth * scratch.step;
    let word = |n: i64| WORDS[(n / 7 % 32).unsigned_abs() as usize];
    let room = format!("live-{}", if b % 5 == 0 { b / 5 % Scratch::HOT } else { b % scratch.rooms });
    let new_owner = format!("user{}", c % 100_000);
    let reason = format!("{} {} {} #{}", word(a), word(b), word(c), a * 7 + b);
    let is_denied = nth % 10 == 9;
    let request = Request {
        actor: format!("slack:T1:U{}", a % scratch.actors).parse().ok(),
        actor_name: Some(format!("user-{}", a % scratch.actors)),
        channel: format!("slack:T1:C{}", a % 12).parse().ok(),
        command: format!("/room-owner {room} {new_owner} reason: {reason}"),
        room: room.parse().ok(),
        new_owner: Some(AccountId::from_tencent(new_owner)),
        reason: Some(reason),
        decision: Some(if is_denied { DecisionKind::Deny } else { DecisionKind::Permit }),
        authority: Some(if is_denied { "granted for rooms vip-* only" } else { "grant 3" }.to_owned()),
        outcome: if is_denied { OutcomeKind::Denied } else { OutcomeKind::Pending },
        delivery_id: Some(format!("slack:{}.{at}.ab12cd34", scratch.operation(nth))),
        ..Request::default()
    };
    let previous = Some(AccountId::from_tencent(format!("user{}", b % 100_000)));
    let request_id = Some(scratch.request_id(nth));
    let refusal = |code, info: &str, request_id| Refusal {
        code,
        info: info.to_owned(),
        request_id,
        remedy: String::new(),
    };
    let outcome = match c % 100 {
        ..88 => Outcome::Succeeded { previous, confirmed: true, request_id, unclear: None },
        88..94 => {
            let info = "the room does not exist or was dissolved";
            Outcome::Refused { previous, refusal: refusal(Some(100_004), info, request_id) }
        }
        94..98 => Outcome::Unchanged,
        _ => Outcome::Declined(refusal(None, "the connection was refused", None)),
    };
    let end = (!is_denied).then(|| (time(at + 80 + c % 400), outcome));
    MadeUp { at: time(at), request, end }
}
