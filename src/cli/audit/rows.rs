//! The rows that `audit ..` prints.

use crate::cli::print::{self, Row};
use crate::domain::audit::{AuditEntry, OutcomeKind, Ownership, Stat, Step};

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

    /// What fits a terminal; `audit show` and the other formats have every field.
    fn cells(&self) -> Vec<String> {
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
            self.at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
            match &self.actor_name {
                Some(name) => format!("{actor} ({name})"),
                None => actor,
            },
            self.command.clone(),
            self.outcome.to_string(),
            notes.join(" · "),
        ]
    }
}

impl Row for Ownership {
    const HEADINGS: &'static [&'static str] =
        &["Room", "Time (UTC)", "Owner", "Certainty", "Since", "Op", "Why"];

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
            self.at.map(|at| at.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string()).unwrap_or_default(),
            self.wait_ms.map(|wait| format!("{wait} ms")).unwrap_or_default(),
            self.step.clone(),
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
        let count = |n: u64| n.to_string();
        vec![
            self.key.clone().unwrap_or_else(|| "(none)".to_owned()),
            count(self.operations),
            count(self.done),
            count(self.refused),
            count(self.denied),
            count(self.open),
            count(self.other),
            self.first.strftime("%Y-%m-%d %H:%M:%S").to_string(),
            self.last.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        ]
    }
}

/// The entries as a table for people.
#[must_use]
pub fn table(entries: &[AuditEntry]) -> String {
    print::table(entries).to_string()
}
