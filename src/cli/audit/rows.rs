//! The rows that `audit ..` prints.

use std::borrow::Cow;
use std::io;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::cli::print::{self, Row};
use crate::domain::audit::{AuditEntry, DecisionKind, OutcomeKind, Ownership, Stat, Step, millis, read_in};

impl Row for AuditEntry {
    const HEADINGS: &'static [&'static str] =
        &["Op", "At (UTC)", "Actor", "Command", "Outcome", "How and why"];

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

    fn cells(&self) -> Vec<String> {
        self.cells_in(&TimeZone::UTC)
    }

    /// What fits a terminal; `audit show` and the other formats have every field.
    fn cells_in(&self, zone: &TimeZone) -> Vec<String> {
        let actor = self.actor.as_ref().map(ToString::to_string).unwrap_or_default();
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
            match &self.actor_name {
                Some(name) => format!("{actor} ({name})"),
                None => actor,
            },
            self.command.clone(),
            self.outcome.to_string(),
            notes.join(" · "),
        ]
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
    const HEADINGS: &'static [&'static str] =
        &["Room", "Time (UTC)", "Owner", "Certainty", "Since", "Op", "Why"];

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

    fn cells(&self) -> Vec<String> {
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
    const HEADINGS: &'static [&'static str] = &["Event", "At (UTC)", "Wait", "Step", "What"];

    const FIELDS: &'static [&'static str] = &["operation", "seq", "at", "step", "what", "wait_ms"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.seq.to_string(),
            self.at.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string(),
            self.wait_ms.map(|wait| format!("{wait} ms")).unwrap_or_default(),
            self.step.to_owned(),
            self.what.clone(),
        ]
    }
}

impl Row for Stat {
    const HEADINGS: &'static [&'static str] =
        &["Key", "Operations", "Done", "Refused", "Denied", "Open", "Other", "First (UTC)", "Last (UTC)"];

    const FIELDS: &'static [&'static str] =
        &["by", "key", "operations", "done", "refused", "denied", "open", "other", "first", "last"];

    fn cells(&self) -> Vec<String> {
        self.cells_in(&TimeZone::UTC)
    }

    fn cells_in(&self, zone: &TimeZone) -> Vec<String> {
        let count = |n: u64| n.to_string();
        vec![
            self.key.clone().unwrap_or_else(|| "(none)".to_owned()),
            count(self.operations),
            count(self.done),
            count(self.refused),
            count(self.denied),
            count(self.open),
            count(self.other),
            seconds(self.first, zone),
            seconds(self.last, zone),
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
    print::table(entries)
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
