//! The settings of the ACL.

use jiff::tz::TimeZone;

use super::{Named, when};
use crate::cli::print::Row;
use crate::cli::table::{Column, DATE};
use crate::domain::access::{AclSetting, Setting};

impl Row for Named<'_, AclSetting> {
    const COLUMNS: &'static [Column] = &[
        Column::id("About", 9, 20).key(),
        Column::text("Is", 8, 10),
        Column::id("Set by", 3, 10),
        Column::time("Set (UTC)", 1, DATE),
        Column::time("Removed (UTC)", 7, DATE).key(),
        Column::text("Reason", 2, 12),
    ];

    const FIELDS: &'static [&'static str] = &["setting", "set_by", "set_at", "removed_at", "reason"];

    fn cells(&self, _: &TimeZone) -> Vec<String> {
        let entry = self.what;
        let (about, is) = match &entry.setting {
            Setting::Link { person, account } => (self.called(person), account.to_string()),
            Setting::Mark { rooms, mark } => (rooms.to_string(), mark.to_string()),
        };
        vec![
            about,
            is,
            self.called(&entry.set_by),
            when(Some(entry.set_at)),
            when(entry.removed_at),
            entry.reason.clone().unwrap_or_default(),
        ]
    }
}
