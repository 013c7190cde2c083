//! A change of the ACL as it would be made.

use jiff::tz::TimeZone;
use serde::Serialize;

use crate::cli::one_line;
use crate::cli::print::Row;
use crate::cli::table::Column;
use crate::domain::access::{AclChange, AclView, RoomScope, Setting, SettingKey};
use crate::domain::principal::{Channel, Subject};
use crate::domain::wording::Tone;
use crate::domain::wording::planned::planned;

/// A change as it would be made.
#[derive(Serialize)]
pub(in crate::cli) struct Planned {
    /// `grant`, `revoke`, `allow`, `remove`, `announce`, `announce off`, `link`, `unlink`, `mark` or `unmark`.
    change: &'static str,
    subject: Option<Subject>,
    channel: Option<Channel>,
    rooms: RoomScope,
    #[serde(skip)]
    sign: char,
    #[serde(skip)]
    tone: Tone,
    /// In people's words.
    pub(in crate::cli) what: String,
}

impl Planned {
    /// Of a change of `acl`.
    pub(in crate::cli) fn of(change: &AclChange, acl: &AclView) -> Option<Self> {
        let text = planned(change, acl)?;
        let (change, subject, channel, rooms) = parts(change, acl)?;
        Some(Self {
            change,
            subject: subject.cloned(),
            channel: channel.cloned(),
            rooms: rooms.clone(),
            sign: text.sign(),
            tone: if text.gains { Tone::Done } else { Tone::Failed },
            what: one_line(&text.line),
        })
    }

    pub(in crate::cli) fn sign(&self) -> char {
        self.sign
    }
}

/// What a change is called, whom and which channel it names, and which rooms it is about.
fn parts<'a>(
    change: &'a AclChange,
    acl: &'a AclView,
) -> Option<(&'static str, Option<&'a Subject>, Option<&'a Channel>, &'a RoomScope)> {
    let AclView { channels, announcements, .. } = acl;
    Some(match change {
        AclChange::Grant(new) => ("grant", Some(&new.subject), None, &new.rooms),
        AclChange::Revoke(id) => {
            let old = acl.grant(*id)?;
            ("revoke", Some(&old.subject), None, &old.rooms)
        }
        AclChange::AllowChannel { channel, rooms } => ("allow", None, Some(channel), rooms),
        AclChange::RemoveChannel(channel) => {
            let entry = channels.iter().rfind(|entry| entry.channel == *channel)?;
            ("remove", None, Some(channel), &entry.rooms)
        }
        AclChange::Announce { channel, rooms, .. } => ("announce", None, Some(channel), rooms),
        AclChange::StopAnnouncing(channel) => {
            let entry = announcements.iter().rfind(|entry| entry.channel == *channel)?;
            ("announce off", None, Some(channel), &entry.rooms)
        }
        AclChange::Set(Setting::Link { person, .. }) => ("link", Some(person), None, &RoomScope::All),
        AclChange::Set(Setting::Mark { rooms, .. }) => ("mark", None, None, rooms),
        AclChange::Unset(SettingKey::Link(person)) => ("unlink", Some(person), None, &RoomScope::All),
        AclChange::Unset(SettingKey::Mark(rooms)) => ("unmark", None, None, rooms),
    })
}

impl Row for Planned {
    const COLUMNS: &'static [Column] = &[Column::whole("", 9), Column::text("What", 8, 40)];
    const FIELDS: &'static [&'static str] = &["change", "subject", "channel", "rooms", "what"];
    const TONED: Option<&'static str> = Some("");

    fn cells(&self, _: &TimeZone) -> Vec<String> {
        vec![self.sign.to_string(), self.what.clone()]
    }

    fn tone(&self) -> Option<Tone> {
        Some(self.tone)
    }
}
