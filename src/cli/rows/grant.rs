//! A grant of the ACL.

use jiff::tz::TimeZone;

use super::{Named, when};
use crate::cli::print::Row;
use crate::cli::table::{Column, DATE};
use crate::domain::access::{Effect, Grant, list};
use crate::domain::wording::Tone;

impl Row for Named<'_, Grant> {
    const COLUMNS: &'static [Column] = &[
        Column::whole("Grant", 9).key(),
        Column::id("Subject", 8, 16).key(),
        Column::whole("Role", 7).key(),
        Column::text("Rooms", 6, 8),
        Column::id("Channels", 5, 10),
        Column::time("Expires (UTC)", 7, DATE).key(),
        Column::id("Granted by", 1, 10),
        Column::time("Granted (UTC)", 1, DATE),
        Column::time("Revoked (UTC)", 7, DATE),
        Column::text("Reason", 2, 12),
    ];

    const FIELDS: &'static [&'static str] = &[
        "id",
        "subject",
        "role",
        "effect",
        "rooms",
        "channels",
        "expires_at",
        "granted_by",
        "granted_at",
        "revoked_at",
        "reason",
    ];

    const TONED: Option<&'static str> = Some("Role");

    fn cells(&self, _: &TimeZone) -> Vec<String> {
        let grant = self.what;
        let role = match grant.effect {
            Effect::Permit => grant.role.to_string(),
            Effect::Deny => format!("denied {}", grant.role),
        };
        vec![
            grant.id.to_string(),
            self.called(&grant.subject),
            role,
            grant.rooms.to_string(),
            list(&grant.channels),
            when(grant.expires_at),
            self.called(&grant.granted_by),
            when(Some(grant.granted_at)),
            when(grant.revoked_at),
            grant.reason.clone().unwrap_or_default(),
        ]
    }

    fn tone(&self) -> Option<Tone> {
        (self.what.effect == Effect::Deny).then_some(Tone::Stop)
    }
}
