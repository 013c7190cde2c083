//! The rows that the command line prints.

use std::borrow::Cow;
use std::io;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::one_line;
use super::print::{self, Row};
use super::table::Column;
use crate::domain::access::{
    AclChange, AuthorisedChannel, Effect, EligibleSubject, Explanation, Grant, GrantMatch, RoomScope,
    Standing, list,
};
use crate::domain::audit::{AuditEntry, DecisionKind, OutcomeKind, Ownership, Stat, Step, millis, read_in};
use crate::domain::principal::{Channel, Membership, Subject};
use crate::domain::reply::{Explained, Names};
use crate::domain::room::RoomId;
use crate::domain::wording::{self, Tone};

/// To the minute, in a column whose heading names the zone.
fn when(time: Option<Timestamp>) -> String {
    time.map(|time| time.strftime("%Y-%m-%d %H:%M").to_string()).unwrap_or_default()
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

impl Row for Named<'_, Grant> {
    const COLUMNS: &'static [Column] = &[
        Column::whole("Grant", 9),
        Column::id("Subject", 8, 16),
        Column::whole("Role", 7),
        Column::text("Rooms", 6, 8),
        Column::id("Channels", 5, 10),
        Column::whole("Expires (UTC)", 4),
        Column::id("Granted by", 1, 10),
        Column::whole("Granted (UTC)", 1),
        Column::whole("Revoked (UTC)", 3),
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

impl Row for Named<'_, AuthorisedChannel> {
    const COLUMNS: &'static [Column] = &[
        Column::id("Channel", 9, 20),
        Column::text("Rooms", 8, 8),
        Column::id("Allowed by", 3, 10),
        Column::whole("Allowed (UTC)", 1),
        Column::whole("Removed (UTC)", 7),
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

/// The answer, for programs.
#[derive(Serialize)]
pub(super) struct Why<'a> {
    subject: &'a Subject,
    channel: &'a Channel,
    room: &'a RoomId,
    at: String,
    decision: &'static str,
    /// The grant that permits, or the reason of the denial.
    authority: String,
    channel_standing: String,
    /// The grants that name the subject or its groups, the nearest first.
    grants: Vec<Bearing<'a>>,
}

/// A grant and how it bears on the question.
#[derive(Serialize)]
struct Bearing<'a> {
    #[serde(flatten)]
    grant: &'a Grant,
    bearing: &'static str,
}

impl Row for Why<'_> {
    const COLUMNS: &'static [Column] = &[];

    const FIELDS: &'static [&'static str] =
        &["subject", "channel", "room", "at", "decision", "authority", "channel_standing", "grants"];

    fn cells(&self, _: &TimeZone) -> Vec<String> {
        Vec::new()
    }
}

impl<'a> From<&'a Explained> for Why<'a> {
    fn from(explained: &'a Explained) -> Self {
        let Explanation { decision, grants, open, channel } = &explained.explanation;
        let (decision, authority) = match decision {
            Ok(authority) => ("permit", authority.to_string()),
            Err(denial) if open.is_empty() => ("deny", denial.to_string()),
            Err(denial) => ("unknown", denial.to_string()),
        };
        let bearing = |(grant, fit): &'a (Grant, GrantMatch)| {
            let is_member = explained.principal.membership(&grant.subject) == Membership::In;
            let bearing = match fit {
                GrantMatch::Matches if is_member => "matches",
                GrantMatch::Matches => "matches members",
                GrantMatch::OtherChannels => "other channels",
                GrantMatch::OutOfScope => "other rooms",
                GrantMatch::WrongRole => "other actions",
                GrantMatch::NotYet(_) => "begins later",
                GrantMatch::Ended(_) => "ended",
            };
            Bearing { grant, bearing }
        };
        Self {
            subject: &explained.principal.subject,
            channel: &explained.channel,
            room: &explained.room,
            at: millis(explained.at),
            decision,
            authority,
            channel_standing: match channel {
                Standing::Local => "local".to_owned(),
                Standing::Authorised(rooms) => format!("authorised for {rooms}"),
                Standing::ForOtherRooms(rooms) => format!("authorised for {rooms} only"),
                Standing::Removed(at) => format!("removed {}", millis(*at)),
                Standing::NotAuthorised => "not authorised".to_owned(),
            },
            grants: grants.iter().map(bearing).collect(),
        }
    }
}

impl Row for Named<'_, EligibleSubject> {
    const COLUMNS: &'static [Column] = &[
        Column::id("Subject", 9, 20),
        Column::whole("Grant", 7),
        Column::whole("Until (UTC)", 6),
        Column::id("Channels", 5, 10),
    ];
    const FIELDS: &'static [&'static str] = &["subject", "grant", "until", "channels"];

    fn cells(&self, _: &TimeZone) -> Vec<String> {
        let able = self.what;
        vec![self.called(&able.subject), able.grant.to_string(), when(able.until), list(&able.channels)]
    }
}

/// A change as it would be made.
#[derive(Serialize)]
pub(super) struct Planned {
    /// `grant`, `revoke`, `allow` or `remove`.
    change: &'static str,
    subject: Option<Subject>,
    channel: Option<Channel>,
    rooms: RoomScope,
    #[serde(skip)]
    gains: bool,
    /// In people's words.
    pub(super) what: String,
}

impl Planned {
    pub(super) fn of(change: &AclChange, grants: &[Grant], channels: &[AuthorisedChannel]) -> Option<Self> {
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
        })
    }

    pub(super) fn sign(&self) -> char {
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

impl Row for AuditEntry {
    const COLUMNS: &'static [Column] = &[
        Column::whole("Op", 9),
        Column::whole("At (UTC)", 8),
        Column::id("Actor", 5, 14),
        Column::text("Command", 6, 24),
        Column::whole("Outcome", 7),
        Column::text("How and why", 1, 16),
    ];

    const TONED: Option<&'static str> = Some("Outcome");

    const FIELDS: &'static [&'static str] = &[
        "operation",
        "at",
        "actor",
        "actor_name",
        "channel",
        "command",
        "room",
        "new_owner",
        "previous_owner",
        "reason",
        "decision",
        "authority",
        "outcome",
        "error_code",
        "error_info",
        "request_id",
        "delivery_id",
        "duration_ms",
    ];

    /// What fits a terminal; `audit show` and the other formats have every field.
    fn cells(&self, zone: &TimeZone) -> Vec<String> {
        let actor = match (&self.actor, &self.actor_name) {
            (Some(actor), name) => captioned(actor, name.as_ref()),
            // Tencent's word for somebody who has no subject here.
            (None, name) => name.as_ref().map(|name| format!("({name})")).unwrap_or_default(),
        };
        let mut notes = Vec::new();
        if let Some(previous) = &self.previous_owner {
            let was = if self.new_owner.is_some() { "was" } else { "owner" };
            notes.push(format!("{was} {previous}"));
        }
        notes.extend(self.authority.clone());
        match (self.error_code, &self.error_info) {
            (Some(code), info) => notes.push(format!("{code} {}", info.as_deref().unwrap_or_default())),
            (None, info) => notes.extend(info.clone()),
        }
        if self.outcome == OutcomeKind::Duplicate {
            notes.extend(self.reason.clone());
        }
        vec![
            self.operation.to_string(),
            seconds(self.at, zone),
            actor,
            // That a command was given on this machine is said by its actor.
            self.command.strip_prefix("room-owner ").unwrap_or(&self.command).to_owned(),
            self.outcome.to_string(),
            notes.join(" · "),
        ]
    }

    fn tone(&self) -> Option<Tone> {
        Some(match self.outcome {
            OutcomeKind::Succeeded => Tone::Done,
            OutcomeKind::Unchanged | OutcomeKind::Duplicate => Tone::Plain,
            OutcomeKind::Pending | OutcomeKind::Unknown => Tone::Warning,
            OutcomeKind::Denied => Tone::Stop,
            OutcomeKind::Refused | OutcomeKind::Declined | OutcomeKind::Invalid => Tone::Failed,
        })
    }

    /// Of these there are millions in an export.
    fn texts(&self) -> io::Result<Vec<Cow<'_, str>>> {
        fn shown<'a>(value: Option<&impl ToString>) -> Cow<'a, str> {
            value.map(ToString::to_string).unwrap_or_default().into()
        }
        fn text(value: Option<&String>) -> Cow<'_, str> {
            value.map_or("", String::as_str).into()
        }
        Ok(vec![
            self.operation.to_string().into(),
            millis(self.at).into(),
            shown(self.actor.as_ref()),
            text(self.actor_name.as_ref()),
            shown(self.channel.as_ref()),
            self.command.as_str().into(),
            self.room.as_ref().map_or("", |room| room.as_str()).into(),
            text(self.new_owner.as_ref()),
            text(self.previous_owner.as_ref()),
            text(self.reason.as_ref()),
            self.decision.map_or("", DecisionKind::name).into(),
            text(self.authority.as_ref()),
            self.outcome.name().into(),
            shown(self.error_code.as_ref()),
            text(self.error_info.as_ref()),
            text(self.request_id.as_ref()),
            text(self.delivery_id.as_ref()),
            shown(self.duration_ms.as_ref()),
        ])
    }
}

impl Row for Ownership {
    const COLUMNS: &'static [Column] = &[
        Column::text("Room", 9, 8),
        Column::whole("Time (UTC)", 7),
        Column::text("Owner", 8, 8),
        Column::whole("Certainty", 6),
        Column::whole("Since", 5),
        Column::whole("Op", 4),
        Column::text("Why", 1, 20),
    ];

    const TIMES: &'static [&'static str] = &["time", "since"];

    const FIELDS: &'static [&'static str] = &[
        "room",
        "time",
        "owner",
        "certainty",
        "basis",
        "since",
        "operation",
        "next_operation",
        "explanation",
    ];

    fn cells(&self, _: &TimeZone) -> Vec<String> {
        vec![
            self.room.to_string(),
            format!("{:.3}", self.time),
            self.owner.clone().unwrap_or_default(),
            format!("{:?}", self.certainty).to_lowercase(),
            self.since.map(|since| format!("{since:.3}")).unwrap_or_default(),
            self.operation.map(|operation| operation.to_string()).unwrap_or_default(),
            self.explanation.clone(),
        ]
    }
}

impl Row for Step {
    const COLUMNS: &'static [Column] = &[
        Column::whole("Event", 7),
        Column::whole("At (UTC)", 6),
        Column::whole("Wait", 5),
        Column::whole("Step", 9),
        Column::text("What", 8, 16),
    ];

    const FIELDS: &'static [&'static str] = &["operation", "seq", "at", "step", "what", "wait_ms"];

    fn cells(&self, _: &TimeZone) -> Vec<String> {
        vec![
            self.seq.to_string(),
            self.at.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string(),
            self.wait_ms.map(|wait| format!("{wait} ms")).unwrap_or_default(),
            self.step.to_owned(),
            self.what.clone(),
        ]
    }
}

/// A row of counts, and what the actor that it is about was called when last seen.
#[derive(Serialize)]
pub(super) struct Counted {
    #[serde(flatten)]
    pub(super) stat: Stat,
    #[serde(skip)]
    pub(super) name: Option<String>,
}

impl Row for Counted {
    const COLUMNS: &'static [Column] = &[
        Column::id("Key", 9, 16),
        Column::whole("Operations", 8),
        Column::whole("Done", 7),
        Column::whole("Refused", 7),
        Column::whole("Denied", 7),
        Column::whole("Open", 7),
        Column::whole("Other", 6),
        Column::whole("First (UTC)", 1),
        Column::whole("Last (UTC)", 2),
    ];

    const FIELDS: &'static [&'static str] =
        &["by", "key", "operations", "done", "refused", "denied", "open", "other", "first", "last"];

    fn cells(&self, zone: &TimeZone) -> Vec<String> {
        let Self { stat, name } = self;
        let count = |n: u64| n.to_string();
        vec![
            stat.key.as_ref().map_or_else(|| "(none)".to_owned(), |key| captioned(key, name.as_ref())),
            count(stat.operations),
            count(stat.done),
            count(stat.refused),
            count(stat.denied),
            count(stat.open),
            count(stat.other),
            seconds(stat.first, zone),
            seconds(stat.last, zone),
        ]
    }
}

/// A time in a column whose heading names the zone.
fn seconds(at: Timestamp, zone: &TimeZone) -> String {
    let shown = read_in(at, zone);
    shown.strip_suffix(" UTC").map_or_else(|| shown.clone(), str::to_owned)
}

/// The entries as a table for people.
#[must_use]
pub fn table(entries: &[AuditEntry]) -> String {
    print::table(entries, &TimeZone::UTC).text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::OperationId;
    use serde_json::Value;

    /// What is quick says the same as what is serialised.
    #[test]
    fn the_texts_of_an_entry_are_its_fields() {
        let full = AuditEntry {
            operation: OperationId::new(17),
            at: "2026-11-23T14:03:00.25Z".parse().unwrap(),
            actor: Some("slack:T1:U1".parse().unwrap()),
            actor_name: Some("alice".to_owned()),
            channel: Some("discord:1:2".parse().unwrap()),
            command: "/room-owner \"my room\" user2".to_owned(),
            room: Some("my room".parse().unwrap()),
            new_owner: Some("user2".to_owned()),
            previous_owner: Some("carol".to_owned()),
            reason: Some("host\u{202e} crashed".to_owned()),
            decision: Some(DecisionKind::Deny),
            authority: Some("no grant".to_owned()),
            outcome: OutcomeKind::Refused,
            error_code: Some(-7),
            error_info: Some("no".to_owned()),
            request_id: Some("Id-1".to_owned()),
            delivery_id: Some("slack:1.2".to_owned()),
            duration_ms: Some(120),
        };
        let bare = AuditEntry {
            actor: None,
            actor_name: None,
            channel: None,
            room: None,
            new_owner: None,
            previous_owner: None,
            reason: None,
            decision: None,
            authority: None,
            error_code: None,
            error_info: None,
            request_id: None,
            delivery_id: None,
            duration_ms: None,
            ..full.clone()
        };
        let permitted = AuditEntry { decision: Some(DecisionKind::Permit), ..full.clone() };
        for entry in [full, bare, permitted] {
            let json = serde_json::to_value(&entry).unwrap();
            let fields: Vec<String> = AuditEntry::FIELDS
                .iter()
                .map(|name| match &json[*name] {
                    Value::Null => String::new(),
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                })
                .collect();
            assert_eq!(entry.texts().unwrap(), fields);
        }
    }
}
