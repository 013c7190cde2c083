//! Commands by hour and outcome, drawn: a bar for each hour, stacked by their outcome. The parts differ by their
//! texture, not by colour alone.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::domain::audit::Stat;
use crate::web::words::{Ended, Words};

/// How many bars there are: the hour that has begun, and those of a day before it.
const HOURS: i64 = 25;
const HOUR: i64 = 3_600;
/// The size of the picture, in its own units.
const BAR: f64 = 17.0;
const STEP: f64 = 24.0;
const LEFT: f64 = 34.0;
const TOP: f64 = 10.0;
const HEIGHT: f64 = 120.0;
/// A part is at least so high, so that it is seen.
const LOWEST: f64 = 2.0;
/// Every so many hours one is named.
const NAMED: usize = 4;

/// A part of a bar.
pub(super) struct Part {
    pub(super) y: f64,
    pub(super) height: f64,
    pub(super) texture: &'static str,
    pub(super) title: String,
}

/// An hour.
pub(super) struct Hour {
    pub(super) x: f64,
    /// `2026-11-23 14:00`
    pub(super) name: String,
    /// `14:00`, for those that are named on the axis.
    pub(super) tick: Option<String>,
    pub(super) parts: Vec<Part>,
    /// In the order of [`Ended::ALL`].
    pub(super) counts: Vec<u64>,
}

impl Hour {
    pub(super) fn middle(&self) -> f64 {
        self.x + BAR / 2.0
    }
}

/// The hours of a day.
pub(super) struct Hours {
    /// Oldest first.
    pub(super) all: Vec<Hour>,
    /// The most commands of one hour.
    pub(super) most: u64,
    /// What the textures mean: the texture, what it is called, how many there were.
    pub(super) legend: Vec<(&'static str, &'static str, u64)>,
}

fn count(stat: &Stat, ended: Ended) -> u64 {
    match ended {
        Ended::Done => stat.done,
        Ended::Refused => stat.refused,
        Ended::Denied => stat.denied,
        Ended::Open => stat.open,
        Ended::Other => stat.other,
    }
}

/// To a tenth of a unit.
fn tenths(x: f64) -> f64 {
    (x * 10.0).round() / 10.0
}

impl Hours {
    pub(super) fn of(counted: &[Stat], now: Timestamp, said: &dyn Words) -> Self {
        let by_hour: HashMap<i64, &Stat> =
            counted.iter().map(|stat| (stat.first.as_second().div_euclid(HOUR), stat)).collect();
        let most = counted.iter().map(|stat| stat.operations).max().unwrap_or(0);
        let newest = now.as_second().div_euclid(HOUR);
        let hour = |n: i64| {
            let hour = newest - HOURS + 1 + n;
            let begins = Timestamp::UNIX_EPOCH.saturating_add(SignedDuration::from_secs(hour * HOUR));
            let begins = begins.unwrap_or(Timestamp::MAX);
            let counts = |ended: Ended| by_hour.get(&hour).map_or(0, |stat| count(stat, ended));
            drawn(n as usize, begins, Ended::ALL.map(counts), most, said)
        };
        let total = |ended: Ended| counted.iter().map(|stat| count(stat, ended)).sum();
        let legend = Ended::ALL.map(|ended| (ended.texture(), said.ended(ended), total(ended)));
        Self { all: (0..HOURS).map(hour).collect(), most, legend: legend.into() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.most == 0
    }

    pub(super) fn width(&self) -> f64 {
        LEFT + STEP * HOURS as f64
    }

    pub(super) fn left(&self) -> f64 {
        LEFT
    }

    pub(super) fn top(&self) -> f64 {
        TOP
    }

    pub(super) fn bar(&self) -> f64 {
        BAR
    }

    /// Where the bars stand.
    pub(super) fn ground(&self) -> f64 {
        TOP + HEIGHT
    }
}

fn drawn(n: usize, begins: Timestamp, counts: [u64; 5], most: u64, said: &dyn Words) -> Hour {
    let clock = begins.strftime("%H:%M").to_string();
    let mut y = TOP + HEIGHT;
    let mut parts = Vec::new();
    for (ended, n) in Ended::ALL.into_iter().zip(counts).filter(|(_, n)| *n > 0) {
        let height = tenths((HEIGHT * n as f64 / most as f64).max(LOWEST));
        y = tenths(y - height);
        parts.push(Part { y, height, texture: ended.texture(), title: said.bar(&clock, n, ended) });
    }
    Hour {
        x: LEFT + STEP * n as f64,
        name: begins.strftime("%Y-%m-%d %H:%M").to_string(),
        tick: n.is_multiple_of(NAMED).then_some(clock),
        parts,
        counts: counts.into(),
    }
}
