//! The rows that the command line prints, a file for each kind.

mod channel;
mod eligible;
mod entry;
mod grant;
mod ownership;
mod planned;
mod setting;
mod stat;
mod step;
mod why;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

pub(super) use planned::Planned;
pub(super) use stat::Counted;
pub(super) use why::Why;

use super::print;
use crate::domain::audit::{AuditEntry, read_in};
use crate::domain::principal::Subject;
use crate::domain::reply::Names;

/// To the minute, in a column whose heading names the zone.
fn when(time: Option<Timestamp>) -> String {
    time.map(|time| time.strftime("%Y-%m-%d %H:%M").to_string()).unwrap_or_default()
}

/// A time in a column whose heading names the zone.
fn seconds(at: Timestamp, zone: &TimeZone) -> String {
    let shown = read_in(at, zone);
    shown.strip_suffix(" UTC").map_or_else(|| shown.clone(), str::to_owned)
}

/// Something of the ACL, with what people were called when they were last seen.
#[derive(Serialize)]
pub(super) struct Named<'a, T> {
    #[serde(flatten)]
    what: &'a T,
    #[serde(skip)]
    names: &'a Names,
}

impl<'a, T> Named<'a, T> {
    pub(super) fn of(what: &'a T, names: &'a Names) -> Self {
        Self { what, names }
    }

    fn called(&self, subject: &Subject) -> String {
        captioned(subject, self.names.get(subject))
    }
}

/// An id with a caption. The id ends it: who makes the name look like an id is still known by their own.
fn captioned(id: &impl ToString, name: Option<&String>) -> String {
    match name {
        Some(name) => format!("{name} ({})", id.to_string()),
        None => id.to_string(),
    }
}

/// The entries as a table for people.
pub fn table(entries: &[AuditEntry]) -> String {
    print::table(entries, &TimeZone::UTC).text.trim_end().to_owned()
}
