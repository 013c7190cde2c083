//! Who owned a room when, drawn: a row for each stretch, its bar on one axis of time.
//!
//! Bars differ by their texture, not by colour alone, so they can be told apart on paper. Where nobody can tell who
//! owned the room there is no bar but a dashed gap.

use jiff::Timestamp;

use super::sentences::{Sentences, utc};
use crate::domain::audit::{Basis, Certainty};
use crate::domain::reply::{OwnerHistory, OwnerSpan};
use crate::domain::room::visible;

/// Rows of one picture: as many as fit a printed page.
const ROWS: usize = 14;
/// The width that everything is drawn for, in the picture's own units.
pub(super) const WIDTH: f64 = 400.0;
/// The height of the axis.
const AXIS: f64 = 26.0;
/// The height of a row.
const ROW: f64 = 46.0;
/// A bar is at least so wide, so that it is seen.
const THINNEST: f64 = 2.0;

/// A picture of some stretches.
#[derive(Debug)]
pub struct Picture {
    /// Its number on the page.
    pub number: usize,
    /// What it shows.
    pub title: String,
    /// How much of it, between which times.
    pub description: String,
    /// Its height.
    pub height: f64,
    /// The times on its axis.
    pub ticks: Vec<Tick>,
    /// Its rows.
    pub bars: Vec<Bar>,
}

/// A time on the axis.
#[derive(Debug)]
pub struct Tick {
    /// Where.
    pub x: f64,
    /// The time.
    pub label: String,
    /// How the label stands at it.
    pub anchor: &'static str,
}

/// A stretch as a bar in a row of its own.
#[derive(Debug)]
pub struct Bar {
    /// Where its row begins.
    pub y: f64,
    /// Where it begins in time.
    pub x: f64,
    /// How long it is.
    pub width: f64,
    /// By what it is drawn.
    pub texture: &'static str,
    /// Who owned the room, or that nobody knows.
    pub owner: String,
    /// What that rests on.
    pub basis: &'static str,
    /// From when until when, in UTC.
    pub times: String,
    /// All of this in one text, with the times as everywhere: a script may put those of the reader's zone beside them.
    pub hover: String,
}

impl Bar {
    /// Where the owner stands.
    pub fn name_y(&self) -> f64 {
        self.y + 10.0
    }

    /// Where the bar begins.
    pub fn bar_y(&self) -> f64 {
        self.y + 14.0
    }

    /// Where the times stand.
    pub fn times_y(&self) -> f64 {
        self.y + 37.0
    }
}

/// To a tenth of a unit.
fn tenths(x: f64) -> f64 {
    (x * 10.0).round() / 10.0
}

/// The texture of a basis.
pub(super) fn texture(basis: Option<Basis>) -> &'static str {
    match basis {
        Some(Basis::Confirmed) => "confirmed",
        Some(Basis::Accepted) => "accepted",
        Some(Basis::Observed) => "observed",
        Some(Basis::Read) => "read",
        Some(Basis::Next) => "inferred",
        None => "gap",
    }
}

/// What a stretch rests on; `None` for a gap.
pub(super) fn basis(span: &OwnerSpan) -> Option<Basis> {
    span.found.basis.filter(|_| span.found.certainty != Certainty::Unknown)
}

/// Whether anything says since when it was so.
pub(super) fn is_since_known(span: &OwnerSpan) -> bool {
    basis(span) != Some(Basis::Next)
}

/// A time for the picture: to the second, without its zone, which is UTC.
fn shown(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// The pictures of a history, oldest first, on the axis from `since`, or the first stretch, to `until`.
pub(super) fn pictures(
    history: &OwnerHistory,
    since: Option<Timestamp>,
    until: Timestamp,
    words: &dyn Sentences,
) -> Vec<Picture> {
    let spans: Vec<&OwnerSpan> = history.spans.iter().rev().collect();
    let Some(first) = spans.first() else { return Vec::new() };
    let from = since.unwrap_or(first.from()).min(until);
    let axis = Axis { from, until };
    let parts = spans.len().div_ceil(ROWS);
    let picture = |(part, spans): (usize, &[&OwnerSpan])| Picture {
        number: part + 1,
        title: words.picture(&visible(history.room.as_str()), part + 1, parts),
        description: words.picture_description(spans.len(), &shown(from), &shown(until)),
        height: AXIS + ROW * spans.len() as f64,
        ticks: axis.ticks(),
        bars: spans.iter().enumerate().map(|(row, span)| axis.bar(row, span, words)).collect(),
    };
    spans.chunks(ROWS).enumerate().map(picture).collect()
}

struct Axis {
    from: Timestamp,
    until: Timestamp,
}

impl Axis {
    fn x(&self, at: Timestamp) -> f64 {
        let whole = self.until.duration_since(self.from).as_secs_f64().max(0.001);
        tenths((at.duration_since(self.from).as_secs_f64() / whole * WIDTH).clamp(0.0, WIDTH))
    }

    fn ticks(&self) -> Vec<Tick> {
        let (from, until) = (self.from.as_millisecond(), self.until.as_millisecond());
        let at = |third: i64| Timestamp::from_millisecond(from + (until - from) / 3 * third);
        let is_one_day = shown(self.from)[..10] == shown(self.until)[..10];
        let form = if is_one_day { "%H:%M:%S" } else { "%m-%d %H:%M" };
        let label = |at: Timestamp| at.strftime(form).to_string();
        let anchors = ["start", "middle", "middle", "end"];
        let times = [self.from, at(1).unwrap_or(self.from), at(2).unwrap_or(self.until), self.until];
        let tick = |(at, anchor)| Tick { x: self.x(at), label: label(at), anchor };
        times.into_iter().zip(anchors).map(tick).collect()
    }

    fn bar(&self, row: usize, span: &OwnerSpan, words: &dyn Sentences) -> Bar {
        let basis = basis(span);
        let x = self.x(span.from()).min(WIDTH - THINNEST);
        let end = span.until.map_or(WIDTH, |until| self.x(until));
        let from = if is_since_known(span) { shown(span.from()) } else { "?".to_owned() };
        let until = span.until.map_or(words.not_ended().to_owned(), shown);
        let owner = span.found.owner.as_deref().map_or(words.not_known().to_owned(), visible);
        let whole = |at: Option<Timestamp>, other: &str| at.map_or_else(|| other.to_owned(), utc);
        let known = is_since_known(span).then(|| span.from());
        let hover = format!(
            "{owner}\n{}\n{} – {}",
            words.basis(basis),
            whole(known, "?"),
            whole(span.until, words.not_ended())
        );
        Bar {
            y: AXIS + ROW * row as f64,
            x,
            width: tenths(end - x).max(THINNEST),
            texture: texture(basis),
            owner,
            basis: words.basis(basis),
            times: format!("{from} – {until}"),
            hover,
        }
    }
}
