//! A change of the ACL as it would be made.

use jiff::tz::TimeZone;
use serde::Serialize;

use crate::cli::one_line;
use crate::cli::print::Row;
use crate::cli::table::Column;
use crate::domain::access::{AclChange, AclView, Effect, RoomScope, Setting, SettingKey};
use crate::domain::principal::{Channel, Subject};
use crate::domain::wording::{self, Tone};

/// A change as it would be made.
#[derive(Serialize)]
pub(in crate::cli) struct Planned {
    /// `grant`, `revoke`, `allow`, `remove`, `announce`, `announce off`, `link`, `unlink`, `mark` or `unmark`.
    change: &'static str,
    subject: Option<Subject>,
    channel: Option<Channel>,
    rooms: RoomScope,
    #[serde(skip)]
    gains: bool,
    /// In people's words.
    pub(in crate::cli) what: String,
}

impl Planned {
    /// Of a change of `acl`.
    pub(in crate::cli) fn of(change: &AclChange, acl: &AclView) -> Option<Self> {
        let AclView { grants, channels, announcements, .. } = acl;
        let what = one_line(&wording::edits::planned(change, grants, channels)?);
        let grant = |change, grant: (&Subject, Effect, &RoomScope), is_given: bool| Self {
            change,
            subject: Some(grant.0.clone()),
            channel: None,
            rooms: grant.2.clone(),
            gains: is_given == (grant.1 == Effect::Permit),
            what: what.clone(),
        };
        let at = |change, channel: &Channel, rooms: RoomScope, gains| Self {
            change,
            subject: None,
            channel: Some(channel.clone()),
            rooms,
            gains,
            what: what.clone(),
        };
        let setting = |change, person: Option<&Subject>, rooms: &RoomScope, gains| Self {
            change,
            subject: person.cloned(),
            channel: None,
            rooms: rooms.clone(),
            gains,
            what: what.clone(),
        };
        Some(match change {
            AclChange::Grant(new) => grant("grant", (&new.subject, new.effect, &new.rooms), true),
            AclChange::Revoke(id) => {
                let old = grants.iter().find(|grant| grant.id == *id)?;
                grant("revoke", (&old.subject, old.effect, &old.rooms), false)
            }
            AclChange::AllowChannel { channel, rooms } => at("allow", channel, rooms.clone(), true),
            AclChange::RemoveChannel(channel) => {
                let rooms = channels.iter().rfind(|entry| entry.channel == *channel)?.rooms.clone();
                at("remove", channel, rooms, false)
            }
            AclChange::Announce { channel, rooms, .. } => at("announce", channel, rooms.clone(), true),
            AclChange::StopAnnouncing(channel) => {
                let rooms = announcements.iter().rfind(|entry| entry.channel == *channel)?.rooms.clone();
                at("announce off", channel, rooms, false)
            }
            AclChange::Set(Setting::Link { person, .. }) => {
                setting("link", Some(person), &RoomScope::All, true)
            }
            AclChange::Set(Setting::Mark { rooms, .. }) => setting("mark", None, rooms, true),
            AclChange::Unset(SettingKey::Link(person)) => {
                setting("unlink", Some(person), &RoomScope::All, false)
            }
            AclChange::Unset(SettingKey::Mark(rooms)) => setting("unmark", None, rooms, false),
        })
    }

    pub(in crate::cli) fn sign(&self) -> char {
        if self.gains { '+' } else { '-' }
    }
}

impl Row for Planned {
    const COLUMNS: &'static [Column] = &[Column::whole("", 9), Column::text("What", 8, 40)];
    const FIELDS: &'static [&'static str] = &["change", "subject", "channel", "rooms", "what"];
    const TONED: Option<&'static str> = Some("");

    fn cells(&self, _: &TimeZone) -> Vec<String> {
        vec![self.sign().to_string(), self.what.clone()]
    }

    fn tone(&self) -> Option<Tone> {
        Some(if self.gains { Tone::Done } else { Tone::Failed })
    }
}
