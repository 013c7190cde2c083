//! How fast the questions to the audit log are answered.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::ensure;
use jiff::tz::TimeZone;

use super::scratch::{Scratch, fill};
use crate::app::case::choose;
use crate::app::commands::audit::{Reader, answer};
use crate::app::ports::{AuditLog, Clock as _, ExportSpan, Store as _};
use crate::clock::SystemClock;
use crate::domain::audit::{AuditFilter, Filter, OperationId, OutcomeKind, StatsBy, TimeExpr};
use crate::domain::command::Question;
use crate::stdio;
use crate::store::proofs::prove_all;
use crate::store::verify::{Evidence, verify};
use crate::store::{IfMissing, SqliteStore};

/// How often each question is asked, each time about something else.
const TIMES: usize = 400;

/// Fills a scratch database with so many events, asks it, and prints the figures to stdout.
///
/// # Errors
/// When the scratch database cannot be made or asked.
pub(super) async fn run(events: u64, folder: Option<std::path::PathBuf>) -> anyhow::Result<()> {
    let scratch_folder = super::scratch_folder(folder.as_deref())?;
    let file = scratch_folder.path().join("audit.db");
    let began = Instant::now();
    let scratch = fill(&file, i64::try_from(events)?).await?;
    let size = std::fs::metadata(&file)?.len() as f64 / 1e6;
    stdio::print(format_args!(
        "{} events of {} operations, {size:.0} MB, filled in {:.0} s",
        scratch.events,
        scratch.operations,
        began.elapsed().as_secs_f64()
    ))?;

    let store = SqliteStore::open(&format!("sqlite://{}", file.display()), IfMissing::Fail).await?;
    stdio::print(format_args!(
        "{:<36} {:>8} {:>8} {:>8}",
        "question (50 rows a page)", "p50 ms", "p99 ms", "max ms"
    ))?;
    for (name, ask) in QUESTIONS {
        let mut took = Vec::with_capacity(TIMES);
        for turn in 0..TIMES {
            let question = ask(&Dice { scratch, turn: turn as i64 })?;
            let began = Instant::now();
            answer(store.log(), &SystemClock, &TimeZone::UTC, &question, &Reader::default()).await?;
            took.push(began.elapsed());
        }
        took.sort_unstable();
        let at = |share: f64| millis(took[((TIMES - 1) as f64 * share).round() as usize]);
        stdio::print(format_args!("{name:<36} {:>8.2} {:>8.2} {:>8.2}", at(0.5), at(0.99), at(1.0)))?;
    }
    stats(store.log()).await?;
    export(store.log()).await?;
    cases(store.log(), &file).await?;
    store.close().await;
    check(&file).await
}

/// What belongs to the case of a room in all of the time, with its proofs: of a busy one, and of any.
async fn cases(log: &dyn AuditLog, file: &Path) -> anyhow::Result<()> {
    for (what, room) in [("a busy room", 7), ("another room", Scratch::HOT + 8)] {
        let began = Instant::now();
        let room = format!("live-{room}").parse()?;
        let chosen = choose(log, &room, &AuditFilter::default(), SystemClock.now()).await?;
        let operations = chosen.operations();
        let chose = began.elapsed();
        let proved = prove_all(file, operations.clone(), &[]).await?;
        stdio::print(format_args!(
            "{:<36} {:>8.0}  ({:.0} ms of it to find {} operations; {} proofs)",
            format!("the case of {what}, ms"),
            millis(began.elapsed()),
            millis(chose),
            operations.len(),
            proved.events.len()
        ))?;
    }
    Ok(())
}

/// `audit verify` on what was filled in.
async fn check(file: &Path) -> anyhow::Result<()> {
    let (began, cpu_before) = (Instant::now(), super::cpu());
    let report = verify(file, Evidence::default()).await?;
    let (took, cpu) = (began.elapsed().as_secs_f64(), super::cpu());
    ensure!(report.sound, "the made-up log does not verify: {:?}", report.findings);
    let cpu = cpu_before.zip(cpu).map(|(before, after)| report.events as f64 / (after - before));
    stdio::print(format_args!(
        "verify events/s {:>8.0}  ({:.0} for each second of processor time)",
        report.events as f64 / took,
        cpu.unwrap_or(f64::NAN)
    ))?;
    Ok(())
}

fn millis(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}

/// Picks what is asked about, all over the log and the same in every run.
struct Dice {
    scratch: Scratch,
    turn: i64,
}

impl Dice {
    fn roll(&self, below: i64, salt: i64) -> i64 {
        let mixed =
            (self.turn + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15_u64.cast_signed()).wrapping_add(salt * 7_919);
        (mixed ^ (mixed >> 29)).rem_euclid(below.max(1))
    }

    fn nth(&self) -> i64 {
        self.roll(self.scratch.operations, 1)
    }

    fn operation(&self) -> OperationId {
        OperationId::new(self.scratch.operation(self.nth()))
    }

    fn moment(&self, later_ms: i64) -> anyhow::Result<TimeExpr> {
        let at = self.scratch.from + self.nth() * self.scratch.step + later_ms;
        Ok(jiff::Timestamp::from_millisecond(at)?.to_string().parse()?)
    }

    fn room(&self) -> anyhow::Result<crate::domain::room::RoomId> {
        Ok(format!("live-{}", self.roll(self.scratch.rooms, 2)).parse()?)
    }

    fn hot_room(&self) -> anyhow::Result<crate::domain::room::RoomId> {
        Ok(format!("live-{}", self.roll(Scratch::HOT, 3)).parse()?)
    }

    fn page(&self) -> Filter {
        Filter { limit: Some(50), ..Filter::default() }
    }
}

type Ask = fn(&Dice) -> anyhow::Result<Question>;

const DAY_MS: i64 = 86_400_000;

const QUESTIONS: &[(&str, Ask)] = &[
    ("the newest", |dice| Ok(Question::List(dice.page()))),
    ("a page in the middle", |dice| {
        Ok(Question::List(Filter { before: Some(dice.operation()), ..dice.page() }))
    }),
    ("a day", |dice| {
        let (since, until) = (Some(dice.moment(0)?), Some(dice.moment(DAY_MS)?));
        Ok(Question::List(Filter { since, until, ..dice.page() }))
    }),
    ("a room", |dice| Ok(Question::List(Filter { room: Some(dice.room()?), ..dice.page() }))),
    ("a busy room on a day", |dice| {
        let (since, until) = (Some(dice.moment(0)?), Some(dice.moment(DAY_MS)?));
        Ok(Question::List(Filter { room: Some(dice.hot_room()?), since, until, ..dice.page() }))
    }),
    ("an actor before a time", |dice| {
        let actor = Some(format!("slack:T1:U{}", dice.roll(dice.scratch.actors, 4)).parse()?);
        Ok(Question::List(Filter { actor, until: Some(dice.moment(0)?), ..dice.page() }))
    }),
    ("a channel before a time", |dice| {
        let channel = Some(format!("slack:T1:C{}", dice.roll(12, 5)).parse()?);
        Ok(Question::List(Filter { channel, until: Some(dice.moment(0)?), ..dice.page() }))
    }),
    ("an outcome before a time", |dice| {
        let outcome = [OutcomeKind::Refused, OutcomeKind::Denied, OutcomeKind::Unknown];
        let outcomes = [outcome[dice.roll(3, 6).unsigned_abs() as usize]].into_iter().collect();
        Ok(Question::List(Filter { outcomes, until: Some(dice.moment(0)?), ..dice.page() }))
    }),
    ("an actor's refusals", |dice| {
        let actor = Some(format!("slack:T1:U{}", dice.roll(dice.scratch.actors, 4)).parse()?);
        Ok(Question::List(Filter {
            actor,
            outcomes: [OutcomeKind::Refused].into_iter().collect(),
            ..dice.page()
        }))
    }),
    ("a RequestId", |dice| {
        let nth = dice.nth();
        let id = dice.scratch.request_id(nth);
        Ok(Question::List(Filter { request_id: Some(id), ..dice.page() }))
    }),
    ("an operation", |dice| Ok(Question::Show(dice.operation()))),
    ("a text: two words of many", |dice| {
        let words = ["host crashed", "night shift", "power outage", "network lost", "user banned"];
        let text = Some(words[dice.roll(5, 7).unsigned_abs() as usize].to_owned());
        Ok(Question::List(Filter { text, ..dice.page() }))
    }),
    ("a text: one ticket's number", |dice| {
        let text = Some(format!("#{}", dice.roll(7_000_000, 8)));
        Ok(Question::List(Filter { text, ..dice.page() }))
    }),
    ("a text that is nowhere", |dice| {
        let text = Some(format!("host crashed #{}x", dice.roll(7_000_000, 8)));
        Ok(Question::List(Filter { text, ..dice.page() }))
    }),
    ("a text in a room", |dice| {
        let text = Some("crashed".to_owned());
        Ok(Question::List(Filter { room: Some(dice.hot_room()?), text, ..dice.page() }))
    }),
    ("the owner at a time", |dice| Ok(Question::OwnerAt(dice.room()?, dice.moment(0)?))),
    ("the owner of a busy room", |dice| Ok(Question::OwnerAt(dice.hot_room()?, dice.moment(0)?))),
    ("a timeline", |dice| Ok(Question::Timeline(dice.operation(), Vec::new()))),
    ("counts of a day by room", |dice| {
        let (since, until) = (Some(dice.moment(0)?), Some(dice.moment(DAY_MS)?));
        Ok(Question::Stats(StatsBy::Room, Filter { since, until, ..dice.page() }))
    }),
];

/// Counting everything reads everything: its time grows with the log.
async fn stats(log: &dyn AuditLog) -> anyhow::Result<()> {
    for by in StatsBy::ALL {
        let began = Instant::now();
        log.stats(&AuditFilter { without_readings: true, ..AuditFilter::default() }, *by).await?;
        stdio::print(format_args!(
            "{:<36} {:>8.0}",
            format!("counts of everything by {by}"),
            millis(began.elapsed())
        ))?;
    }
    Ok(())
}

async fn export(log: &dyn AuditLog) -> anyhow::Result<()> {
    let began = Instant::now();
    let upto_event = log.newest_event().await?;
    let filter = AuditFilter { without_readings: true, ..AuditFilter::default() };
    let mut span = ExportSpan { filter, since_event: None, upto_event, position: 0 };
    let (mut rows, mut bytes) = (0, 0);
    loop {
        let chunk = log.export(&span).await?;
        for entry in &chunk.entries {
            bytes += serde_json::to_vec(entry)?.len();
        }
        rows += chunk.entries.len();
        match chunk.next {
            Some(next) => span.position = next,
            None => break,
        }
    }
    let took = began.elapsed().as_secs_f64();
    stdio::print(format_args!(
        "export rows/s {:>10.0}  ({rows} rows, {:.0} MB of JSONL)",
        rows as f64 / took,
        bytes as f64 / 1e6
    ))?;
    Ok(())
}
