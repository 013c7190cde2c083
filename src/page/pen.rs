//! What a page is written with.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::sentences::{Sentences, utc};
use crate::domain::audit::read_in;

/// A time in UTC, and in the reader's zone if they named one.
#[derive(Debug)]
pub struct When {
    /// In UTC.
    pub utc: String,
    /// In the reader's zone.
    pub beside: Option<String>,
}

/// What is written with: the language and the zone.
pub struct Pen<'a> {
    pub(super) words: &'a dyn Sentences,
    pub(super) zone: Option<&'a TimeZone>,
}

impl<'a> Pen<'a> {
    /// A pen for this language, which writes times in UTC alone if no zone is named.
    pub fn new(words: &'a dyn Sentences, zone: Option<&'a TimeZone>) -> Self {
        Self { words, zone }
    }

    /// A time.
    pub fn when(&self, at: Timestamp) -> When {
        When { utc: utc(at), beside: self.zone.map(|zone| read_in(at, zone)) }
    }

    /// Both times in one line.
    pub(super) fn both(&self, at: Timestamp) -> String {
        let When { utc, beside } = self.when(at);
        beside.map_or(utc.clone(), |beside| format!("{utc} ({beside})"))
    }
}
