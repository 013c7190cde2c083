//! An operation of the audit log.

use std::borrow::Cow;
use std::io;

use jiff::tz::TimeZone;

use super::{captioned, seconds};
use crate::cli::print::Row;
use crate::cli::table::{Column, DAY_AND_MINUTE};
use crate::domain::audit::{Announced, AuditEntry, DecisionKind, OutcomeKind, millis};
use crate::domain::wording::Tone;

impl Row for AuditEntry {
    const COLUMNS: &'static [Column] = &[
        Column::whole("Op", 9).key(),
        Column::time("At (UTC)", 8, DAY_AND_MINUTE),
        Column::id("Actor", 5, 12),
        Column::text("Command", 8, 16).key(),
        Column::whole("Outcome", 7).key(),
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
        "announced",
        "new_owner_person",
        "requested_by",
        "requested_by_name",
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
        // That it was being on this machine is said by the actor.
        notes.extend(self.authority.clone().filter(|authority| authority != "local"));
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
            links(&self.announced).into(),
            shown(self.new_owner_person.as_ref()),
            shown(self.requested_by.as_ref()),
            text(self.requested_by_name.as_ref()),
        ])
    }
}

/// Where something was announced, as JSON; nothing if nowhere.
fn links(announced: &[Announced]) -> String {
    let links: Vec<String> = announced.iter().filter_map(Announced::link).collect();
    if links.is_empty() { String::new() } else { serde_json::json!(links).to_string() }
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
            announced: vec![Announced {
                channel: "discord:1:2".parse().unwrap(),
                event: 18,
                message: Some("3".to_owned()),
                problem: None,
                to: None,
            }],
            new_owner_person: Some("slack:T1:U2".parse().unwrap()),
            requested_by: Some("slack:T1:U2".parse().unwrap()),
            requested_by_name: Some("boris".to_owned()),
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
            announced: Vec::new(),
            new_owner_person: None,
            requested_by: None,
            requested_by_name: None,
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
