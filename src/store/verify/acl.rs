//! The ACL's tables against the changes that the log tells.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::domain::access::{AuthorisedChannel, Grant};
use crate::domain::verification::Report;
use crate::store::rows;

/// A change of one row, as an event holds it.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Change {
    Grant { before: Option<Grant>, after: Grant },
    Channel { before: Option<AuthorisedChannel>, after: AuthorisedChannel },
}

/// An entry, by whom it was closed, and in which operations it was made and closed.
#[derive(Debug, Clone, PartialEq)]
struct Entry<T> {
    value: T,
    made_in: i64,
    closed_in: Option<i64>,
    closed_by: Option<String>,
}

impl<T> Entry<T> {
    /// Takes back that it was closed, if that was after event `base`.
    fn reopen_after(&mut self, base: i64) -> bool {
        let is_later = self.closed_in.is_some_and(|closed| closed > base);
        if is_later {
            (self.closed_in, self.closed_by) = (None, None);
        }
        is_later
    }
}

/// In which columns the tables say where an entry was made and closed, and by whom.
const GRANT: [&str; 3] = ["granted_in", "revoked_in", "revoked_by"];
const CHANNEL: [&str; 3] = ["allowed_in", "removed_in", "removed_by"];

/// The ACL as the log tells it.
#[derive(Default)]
pub(super) struct Acl {
    grants: BTreeMap<i64, Entry<Grant>>,
    channels: Vec<Entry<AuthorisedChannel>>,
}

impl Acl {
    /// The ACL as the tables say it was after event `base`: what the log says itself is in archives.
    pub(super) async fn after(connection: &mut SqliteConnection, base: i64) -> Result<Self, sqlx::Error> {
        let mut acl = Self::default();
        let rows = sqlx::query("SELECT * FROM grants WHERE granted_in <= ? ORDER BY id");
        for row in rows.bind(base).fetch_all(&mut *connection).await? {
            let mut grant = entry(&row, rows::grant, GRANT)?;
            if grant.reopen_after(base) {
                grant.value.revoked_at = None;
            }
            acl.grants.insert(grant.value.id, grant);
        }
        let rows = sqlx::query("SELECT * FROM authorised_channels WHERE allowed_in <= ? ORDER BY id");
        for row in rows.bind(base).fetch_all(connection).await? {
            let mut channel = entry(&row, rows::channel, CHANNEL)?;
            if channel.reopen_after(base) {
                channel.value.removed_at = None;
            }
            acl.channels.push(channel);
        }
        Ok(acl)
    }

    /// Takes in the change, or the list of changes, of one event.
    pub(super) fn changed(
        &mut self,
        seq: i64,
        at: &str,
        actor: Option<&RawValue>,
        change: &RawValue,
        report: &mut Report,
    ) {
        let text = change.get();
        let changes = if text.starts_with('[') {
            serde_json::from_str::<Vec<Change>>(text)
        } else {
            serde_json::from_str(text).map(|change| vec![change])
        };
        let by = actor.and_then(|actor| serde_json::from_str::<String>(actor.get()).ok());
        match changes {
            Ok(changes) => {
                for change in changes {
                    if let Err(what) = self.take(seq, at, by.as_deref(), change) {
                        report.find(seq, what);
                    }
                }
            }
            Err(error) => report.find(seq, format!("its change of the acl cannot be read: {error}")),
        }
    }

    fn take(&mut self, seq: i64, at: &str, by: Option<&str>, change: Change) -> Result<(), String> {
        match change {
            Change::Grant { before: None, after } => {
                let id = after.id;
                let made = Entry { value: after, made_in: seq, closed_in: None, closed_by: None };
                match self.grants.insert(id, made) {
                    None => Ok(()),
                    Some(_) => Err(format!("it makes grant {id}, which was made before")),
                }
            }
            Change::Grant { before: Some(before), after } => {
                let known = self.grants.get_mut(&after.id).filter(|known| known.value == before);
                let known =
                    known.ok_or_else(|| format!("it changes grant {}, which was not so before", after.id))?;
                if after.revoked_at.is_some() {
                    (known.closed_in, known.closed_by) = (Some(seq), by.map(str::to_owned));
                }
                known.value = after;
                Ok(())
            }
            Change::Channel { before, after } => {
                if let Some(before) = before {
                    let known = self.channels.iter_mut().rev().find(|known| known.value == before);
                    let known = known.ok_or_else(|| {
                        format!("it changes channel `{}`, which was not so before", after.channel)
                    })?;
                    let closed = after.removed_at.or_else(|| at.parse::<Timestamp>().ok());
                    known.value.removed_at = closed;
                    (known.closed_in, known.closed_by) = (Some(seq), by.map(str::to_owned));
                }
                if after.removed_at.is_none() {
                    self.channels.push(Entry {
                        value: after,
                        made_in: seq,
                        closed_in: None,
                        closed_by: None,
                    });
                }
                Ok(())
            }
        }
    }

    pub(super) async fn compare(
        self,
        connection: &mut SqliteConnection,
        report: &mut Report,
    ) -> Result<(), sqlx::Error> {
        let mut told = self.grants;
        for row in sqlx::query("SELECT * FROM grants ORDER BY id").fetch_all(&mut *connection).await? {
            let id: i64 = row.try_get("id")?;
            let here = entry(&row, rows::grant, GRANT);
            match (told.remove(&id), here) {
                (Some(told), Ok(here)) if told == here => {}
                (Some(told), Ok(_)) => {
                    report.find(told.made_in, format!("grant {id} is not as the log says: it was altered"));
                }
                (_, Err(error)) => report.find(None, format!("grant {id} cannot be read: {error}")),
                (None, Ok(_)) => {
                    report.find(None, format!("grant {id} is nowhere in the log: it was added by hand"));
                }
            }
        }
        for (id, told) in told {
            report.find(told.made_in, format!("it makes grant {id}, which is gone"));
        }
        let mut told = self.channels.into_iter();
        for row in sqlx::query("SELECT * FROM authorised_channels ORDER BY id").fetch_all(connection).await? {
            let name: String = row.try_get("channel")?;
            let here = entry(&row, rows::channel, CHANNEL);
            match (told.next(), here) {
                (Some(told), Ok(here)) if told == here => {}
                (Some(told), Ok(_)) => report.find(
                    told.made_in,
                    format!(
                        "the entry for channel `{}` is not as the log says: it was altered",
                        told.value.channel
                    ),
                ),
                (_, Err(error)) => report.find(None, format!("channel `{name}` cannot be read: {error}")),
                (None, Ok(_)) => report.find(
                    None,
                    format!("an entry for channel `{name}` is nowhere in the log: it was added by hand"),
                ),
            }
        }
        for told in told {
            report.find(
                told.made_in,
                format!("it makes an entry for channel `{}`, which is gone", told.value.channel),
            );
        }
        Ok(())
    }
}

fn entry<T>(
    row: &SqliteRow,
    value: impl Fn(&SqliteRow) -> Result<T, sqlx::Error>,
    [made_in, closed_in, closed_by]: [&str; 3],
) -> Result<Entry<T>, sqlx::Error> {
    Ok(Entry {
        value: value(row)?,
        made_in: row.try_get(made_in)?,
        closed_in: row.try_get(closed_in)?,
        closed_by: row.try_get(closed_by)?,
    })
}
