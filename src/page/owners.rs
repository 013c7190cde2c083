//! Who owned a room when: the pictures, what their textures mean, and the same as a table.

use jiff::Timestamp;

use super::pen::{Pen, When};
use super::picture::{Picture, basis, is_since_known, pictures, texture};
use crate::domain::reply::{OwnerHistory, OwnerSpan};
use crate::domain::room::visible;

/// Who owned a room when, as a part of a page: `owners.html` shows it.
#[derive(Debug)]
pub struct OwnersPart {
    /// Oldest first.
    pub pictures: Vec<Picture>,
    /// The textures that are drawn, and what each means.
    pub legend: Vec<(&'static str, &'static str)>,
    /// Oldest first.
    pub rows: Vec<OwnerRow>,
    /// What an operation's address is before its number.
    pub before_operation: &'static str,
}

/// A stretch of the table.
#[derive(Debug)]
pub struct OwnerRow {
    /// The owner, or that nobody knows.
    pub owner: String,
    /// Whether it is an owner.
    pub is_known: bool,
    /// `None` if nothing says since when.
    pub from: Option<When>,
    /// `None` if it has not ended.
    pub until: Option<When>,
    /// By what it is drawn.
    pub texture: &'static str,
    /// What it rests on.
    pub basis: &'static str,
    /// Why it is said.
    pub why: String,
    /// The operation that says it.
    pub operation: Option<i64>,
}

impl OwnersPart {
    /// Whether the log says nothing about the owner.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl Pen<'_> {
    /// Who owned a room when, on the axis from `since`, or the first stretch, to `until`. An operation's address is its
    /// number behind `before_operation`.
    pub fn owners(
        &self,
        history: &OwnerHistory,
        since: Option<Timestamp>,
        until: Timestamp,
        before_operation: &'static str,
    ) -> OwnersPart {
        let mut legend: Vec<(&str, &str)> = Vec::new();
        for drawn in history.spans.iter().rev().map(basis) {
            let meaning = (texture(drawn), self.words.basis(drawn));
            if !legend.contains(&meaning) {
                legend.push(meaning);
            }
        }
        OwnersPart {
            pictures: pictures(history, since, until, self.words),
            legend,
            rows: history.spans.iter().rev().map(|span| self.owner(span)).collect(),
            before_operation,
        }
    }

    fn owner(&self, span: &OwnerSpan) -> OwnerRow {
        let basis = basis(span);
        let owner = span.found.owner.as_deref();
        OwnerRow {
            owner: owner.map_or(self.words.not_known().to_owned(), visible),
            is_known: owner.is_some(),
            from: is_since_known(span).then(|| self.when(span.from())),
            until: span.until.map(|until| self.when(until)),
            texture: texture(basis),
            basis: self.words.basis(basis),
            why: visible(&self.words.why(&span.found.explanation)),
            operation: span.found.operation.or(span.found.next_operation).map(|operation| operation.seq()),
        }
    }
}
