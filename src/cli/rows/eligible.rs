//! Somebody who can hand a room over.

use jiff::tz::TimeZone;

use super::{Named, when};
use crate::cli::print::Row;
use crate::cli::table::{Column, DATE};
use crate::domain::access::{EligibleSubject, list};

impl Row for Named<'_, EligibleSubject> {
    const COLUMNS: &'static [Column] = &[
        Column::id("Subject", 9, 20).key(),
        Column::whole("Grant", 7).key(),
        Column::time("Until (UTC)", 6, DATE).key(),
        Column::id("Channels", 5, 10),
    ];
    const FIELDS: &'static [&'static str] = &["subject", "grant", "until", "channels"];

    fn cells(&self, _: &TimeZone) -> Vec<String> {
        let able = self.what;
        vec![self.called(&able.subject), able.grant.to_string(), when(able.until), list(&able.channels)]
    }
}
