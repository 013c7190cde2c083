//! `room-owner audit ..`

use jiff::tz::TimeZone;

use super::print::{self, Row};
use super::{AuditCommand, Exit, Format, ListArguments, time};
use crate::app::ports::{Clock, Store};
use crate::domain::audit::{AuditEntry, AuditFilter, OutcomeKind};

/// Reads the audit log.
///
/// # Errors
/// When the store fails or nothing can be printed.
pub async fn run(store: &dyn Store, clock: &dyn Clock, command: AuditCommand) -> anyhow::Result<Exit> {
    match command {
        AuditCommand::List(arguments) => list(store, clock, arguments).await,
        AuditCommand::Show { operation, format } => match store.operation(operation).await? {
            Some(entry) => {
                print::whole(&entry, format)?;
                if format == Format::Table {
                    for (at, note) in store.reply_notes(operation).await? {
                        print::line("reply", &format!("{note} at {at}"))?;
                    }
                }
                Ok(Exit::Done)
            }
            None => {
                super::tell!("there is no operation {operation}: `room-owner audit list` shows the latest");
                Ok(Exit::Failed)
            }
        },
    }
}

async fn list(store: &dyn Store, clock: &dyn Clock, arguments: ListArguments) -> anyhow::Result<Exit> {
    let now = clock.now();
    let zone = TimeZone::system();
    let instant = |text: Option<&String>| text.map(|text| time::time(text, now, &zone)).transpose();
    let (since, until) = match (instant(arguments.since.as_ref()), instant(arguments.until.as_ref())) {
        (Ok(since), Ok(until)) => (since, until),
        (Err(wrong), _) | (_, Err(wrong)) => {
            super::tell!("{wrong}");
            return Ok(Exit::Usage);
        }
    };
    let wanted = (arguments.limit > 0).then_some(arguments.limit);
    let filter = AuditFilter {
        room: arguments.room,
        actor: arguments.actor,
        outcome: arguments.outcome,
        request_id: arguments.request_id,
        since,
        until,
        // One more than wanted tells whether something is left out.
        limit: wanted.map(|limit| limit.saturating_add(1)),
    };
    let mut entries = store.audit(&filter).await?;
    let cut = wanted.is_some_and(|limit| entries.len() > limit as usize);
    if let Some(limit) = wanted {
        entries.truncate(limit as usize);
    }
    print::rows(&entries, arguments.format)?;
    if entries.is_empty() {
        super::tell!("no entry matches");
    } else if cut {
        super::tell!("these are the newest {}; older ones are left out: --limit 0 shows all", entries.len());
    }
    Ok(Exit::Done)
}

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

/// The entries as a table for people.
#[must_use]
pub fn table(entries: &[AuditEntry]) -> String {
    print::table(entries).to_string()
}
