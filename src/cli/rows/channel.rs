//! The channels of the ACL.

use jiff::tz::TimeZone;

use super::{Named, when};
use crate::cli::print::Row;
use crate::cli::table::{Column, DATE};
use crate::domain::access::{AnnouncementChannel, AuthorisedChannel};

impl Row for Named<'_, AuthorisedChannel> {
    const COLUMNS: &'static [Column] = &[
        Column::id("Channel", 9, 20).key(),
        Column::text("Rooms", 8, 8),
        Column::id("Allowed by", 3, 10),
        Column::time("Allowed (UTC)", 1, DATE),
        Column::time("Removed (UTC)", 7, DATE).key(),
        Column::text("Reason", 2, 12),
    ];

    const FIELDS: &'static [&'static str] =
        &["channel", "rooms", "allowed_by", "allowed_at", "removed_at", "reason"];

    fn cells(&self, _: &TimeZone) -> Vec<String> {
        let entry = self.what;
        vec![
            entry.channel.to_string(),
            entry.rooms.to_string(),
            self.called(&entry.allowed_by),
            when(Some(entry.allowed_at)),
            when(entry.removed_at),
            entry.reason.clone().unwrap_or_default(),
        ]
    }
}

impl Row for Named<'_, AnnouncementChannel> {
    const COLUMNS: &'static [Column] = &[
        Column::id("Channel", 9, 20).key(),
        Column::text("Rooms", 8, 8),
        Column::whole("Admins", 6),
        Column::id("Set by", 3, 10),
        Column::time("Set (UTC)", 1, DATE),
        Column::time("Removed (UTC)", 7, DATE).key(),
        Column::text("Reason", 2, 12),
    ];

    const FIELDS: &'static [&'static str] =
        &["channel", "rooms", "for_admins", "set_by", "set_at", "removed_at", "reason"];

    fn cells(&self, _: &TimeZone) -> Vec<String> {
        let entry = self.what;
        vec![
            entry.channel.to_string(),
            entry.rooms.to_string(),
            if entry.for_admins { "yes" } else { "" }.to_owned(),
            self.called(&entry.set_by),
            when(Some(entry.set_at)),
            when(entry.removed_at),
            entry.reason.clone().unwrap_or_default(),
        ]
    }
}
