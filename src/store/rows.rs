//! From rows to the domain's values. A row that does not parse is an error, never a default: the schema
//! and this program disagree then, and guessing could permit something.

use std::fmt::Display;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use sqlx::sqlite::SqliteRow;
use sqlx::{Column as _, Row as _};

use crate::app::ports::StoreError;
use crate::domain::access::{
    AclSetting, AnnouncementChannel, AuthorisedChannel, Effect, Grant, Setting, SettingKey,
};
use crate::domain::audit::{AuditEntry, DecisionKind, OperationId, OutcomeKind, Refusal, Unresolved};
use crate::domain::room::AccountId;

pub(super) const UNREADABLE: &str = "the audit log cannot be read";

/// Says what could not be done.
pub(super) trait Explain<T> {
    /// With what was tried before the error's own words.
    fn explain(self, what: &str) -> Result<T, StoreError>;
}

impl<T, E: Display> Explain<T> for Result<T, E> {
    fn explain(self, what: &str) -> Result<T, StoreError> {
        self.map_err(|error| StoreError(format!("{what}: {error}")))
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self(error.to_string())
    }
}

/// As it is kept in a column.
pub(super) fn json(value: &(impl serde::Serialize + ?Sized)) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError(error.to_string()))
}

/// A row of a reader's connection or of the writer's, by the places of its columns.
pub(super) trait Columns {
    fn text(&self, at: usize) -> Result<Option<&str>, StoreError>;
    fn integer(&self, at: usize) -> Result<Option<i64>, StoreError>;
    fn name(&self, at: usize) -> String;

    /// The value of a column cannot be used.
    fn broken(&self, at: usize, error: &dyn Display) -> StoreError {
        StoreError(format!("`{}` cannot be read: {error}", self.name(at)))
    }
}

impl Columns for SqliteRow {
    fn text(&self, at: usize) -> Result<Option<&str>, StoreError> {
        Ok(self.try_get(at)?)
    }

    fn integer(&self, at: usize) -> Result<Option<i64>, StoreError> {
        Ok(self.try_get(at)?)
    }

    fn name(&self, at: usize) -> String {
        self.columns().get(at).map(|column| column.name().to_owned()).unwrap_or_default()
    }
}

impl Columns for rusqlite::Row<'_> {
    fn text(&self, at: usize) -> Result<Option<&str>, StoreError> {
        self.get_ref(at)?.as_str_or_null().map_err(|error| self.broken(at, &error))
    }

    fn integer(&self, at: usize) -> Result<Option<i64>, StoreError> {
        self.get_ref(at)?.as_i64_or_null().map_err(|error| self.broken(at, &error))
    }

    fn name(&self, at: usize) -> String {
        self.as_ref().column_name(at).map(str::to_owned).unwrap_or_default()
    }
}

/// The value of a column that is not null.
fn required<T>(row: &impl Columns, at: usize, value: Option<T>) -> Result<T, StoreError> {
    value.ok_or_else(|| row.broken(at, &"it is null"))
}

pub(super) fn text(row: &impl Columns, at: usize) -> Result<String, StoreError> {
    required(row, at, owned(row, at)?)
}

pub(super) fn owned(row: &impl Columns, at: usize) -> Result<Option<String>, StoreError> {
    Ok(row.text(at)?.map(str::to_owned))
}

pub(super) fn optional<T: FromStr<Err: Display>>(
    row: &impl Columns,
    at: usize,
) -> Result<Option<T>, StoreError> {
    row.text(at)?.map(|text| text.parse().map_err(|error| row.broken(at, &error))).transpose()
}

pub(super) fn parsed<T: FromStr<Err: Display>>(row: &impl Columns, at: usize) -> Result<T, StoreError> {
    required(row, at, optional(row, at)?)
}

pub(super) fn number(row: &impl Columns, at: usize) -> Result<i64, StoreError> {
    required(row, at, row.integer(at)?)
}

pub(super) fn optional_time(row: &impl Columns, at: usize) -> Result<Option<Timestamp>, StoreError> {
    let time = |millis| Timestamp::from_millisecond(millis).map_err(|error| row.broken(at, &error));
    row.integer(at)?.map(time).transpose()
}

pub(super) fn time(row: &impl Columns, at: usize) -> Result<Timestamp, StoreError> {
    required(row, at, optional_time(row, at)?)
}

/// The columns of a grant, in the order of its fields.
pub(super) const GRANT: &str = "id, subject, role, effect, rooms, channels, expires_at, granted_by, granted_at, \
     revoked_at, reason";

/// A grant of a row that has the columns [`GRANT`].
pub(super) fn grant(row: &impl Columns) -> Result<Grant, StoreError> {
    Ok(Grant {
        id: number(row, 0)?,
        subject: parsed(row, 1)?,
        role: parsed(row, 2)?,
        effect: match row.text(3)? {
            Some("permit") => Effect::Permit,
            Some("deny") => Effect::Deny,
            _ => return Err(row.broken(3, &"it is no effect")),
        },
        rooms: parsed(row, 4)?,
        channels: serde_json::from_str(&text(row, 5)?).map_err(|error| row.broken(5, &error))?,
        expires_at: optional_time(row, 6)?,
        granted_by: parsed(row, 7)?,
        granted_at: time(row, 8)?,
        revoked_at: optional_time(row, 9)?,
        reason: owned(row, 10)?,
    })
}

/// The columns of an authorised channel, in the order of its fields.
pub(super) const CHANNEL: &str = "channel, rooms, allowed_by, allowed_at, removed_at, reason";

/// An authorised channel of a row that has the columns [`CHANNEL`].
pub(super) fn channel(row: &impl Columns) -> Result<AuthorisedChannel, StoreError> {
    Ok(AuthorisedChannel {
        channel: parsed(row, 0)?,
        rooms: parsed(row, 1)?,
        allowed_by: parsed(row, 2)?,
        allowed_at: time(row, 3)?,
        removed_at: optional_time(row, 4)?,
        reason: owned(row, 5)?,
    })
}

/// The columns of an announcement channel, in the order of its fields.
pub(super) const ANNOUNCEMENT_CHANNEL: &str =
    "channel, rooms, for_admins, set_by, set_at, removed_at, reason";

/// An announcement channel of a row that has the columns [`ANNOUNCEMENT_CHANNEL`].
pub(super) fn announcement_channel(row: &impl Columns) -> Result<AnnouncementChannel, StoreError> {
    Ok(AnnouncementChannel {
        channel: parsed(row, 0)?,
        rooms: parsed(row, 1)?,
        for_admins: number(row, 2)? == 1,
        set_by: parsed(row, 3)?,
        set_at: time(row, 4)?,
        removed_at: optional_time(row, 5)?,
        reason: owned(row, 6)?,
    })
}

/// The columns of a setting of the ACL.
pub(super) const SETTING: &str = "kind, key, value, set_by, set_at, removed_at, reason";

/// The setting of a row that has the columns [`SETTING`].
pub(super) fn setting(row: &impl Columns) -> Result<AclSetting, StoreError> {
    Ok(AclSetting {
        setting: match row.text(0)? {
            Some("link") => {
                Setting::Link { person: parsed(row, 1)?, account: AccountId::from_tencent(text(row, 2)?) }
            }
            Some("mark") => Setting::Mark { rooms: parsed(row, 1)?, mark: parsed(row, 2)? },
            _ => return Err(row.broken(0, &"it is no setting")),
        },
        set_by: parsed(row, 3)?,
        set_at: time(row, 4)?,
        removed_at: optional_time(row, 5)?,
        reason: owned(row, 6)?,
    })
}

/// The kind, the key and the value of a setting, as the table has them.
pub(super) fn setting_columns(setting: &Setting) -> (&'static str, String, String) {
    let (kind, key) = setting_key(&setting.key());
    let value = match setting {
        Setting::Link { account, .. } => account.to_string(),
        Setting::Mark { mark, .. } => mark.to_string(),
    };
    (kind, key, value)
}

/// The kind and the key of a setting, as the table has them.
pub(super) fn setting_key(key: &SettingKey) -> (&'static str, String) {
    match key {
        SettingKey::Link(person) => ("link", person.to_string()),
        SettingKey::Mark(rooms) => ("mark", rooms.to_string()),
    }
}

macro_rules! columns {
    () => {
        "operation, at, actor, actor_name, channel, command, room, new_owner, previous_owner, reason, decision, \
         authority, outcome, error_code, error_info, request_id, delivery_id, duration_ms"
    };
}

macro_rules! beside {
    () => {
        "(SELECT json_group_array(json_object('channel', channel, 'event', announced, 'message', message, \
          'problem', problem))
          FROM announcements WHERE announcements.operation = operations.operation HAVING count(*) > 0), \
         (SELECT person FROM new_owner_people WHERE new_owner_people.operation = operations.operation), \
         (SELECT requested_by FROM approvals WHERE approvals.operation = operations.operation), \
         (SELECT requested_by_name FROM approvals WHERE approvals.operation = operations.operation)"
    };
}

/// The columns of an entry that `operations` has, in the order of its fields.
pub(super) const OWN_COLUMNS: &str = columns!();
/// Where the operation was announced, in the order of the table's key; null if nowhere. Then who in a chat has the account
/// of the new owner; null if that is not known. Then who had asked for what it approves; null if it does not.
pub(super) const BESIDE: &str = beside!();
/// The columns of an entry, in the order of its fields.
pub(super) const ENTRY: &str = concat!(columns!(), ", ", beside!());
/// What may stand behind them.
pub(super) const BEHIND_ENTRY: usize = 22;

/// An entry of a row that begins with the columns [`ENTRY`].
pub(super) fn entry(row: &impl Columns) -> Result<AuditEntry, StoreError> {
    Ok(AuditEntry {
        operation: OperationId::new(number(row, 0)?),
        at: time(row, 1)?,
        actor: optional(row, 2)?,
        actor_name: owned(row, 3)?,
        channel: optional(row, 4)?,
        command: text(row, 5)?,
        room: optional(row, 6)?,
        new_owner: owned(row, 7)?,
        previous_owner: owned(row, 8)?,
        reason: owned(row, 9)?,
        decision: match row.text(10)? {
            None => None,
            Some("permit") => Some(DecisionKind::Permit),
            Some("deny") => Some(DecisionKind::Deny),
            Some(_) => return Err(row.broken(10, &"it is no decision")),
        },
        authority: owned(row, 11)?,
        outcome: parsed(row, 12)?,
        error_code: row.integer(13)?,
        error_info: owned(row, 14)?,
        request_id: owned(row, 15)?,
        delivery_id: owned(row, 16)?,
        duration_ms: row.integer(17)?,
        announced: match row.text(18)? {
            None => Vec::new(),
            Some(body) => serde_json::from_str(body).map_err(|error| row.broken(18, &error))?,
        },
        new_owner_person: optional(row, 19)?,
        requested_by: optional(row, 20)?,
        requested_by_name: owned(row, 21)?,
    })
}

/// An entry of a row that has the columns [`ENTRY`] and then `is_open`, and whether it is open.
pub(super) fn entry_and_open(row: &impl Columns) -> Result<(AuditEntry, bool), StoreError> {
    Ok((entry(row)?, number(row, BEHIND_ENTRY)? == 1))
}

/// In SQL, the words of an operation by which its text is found; of a change that was observed, who made it too.
pub(super) const WORDS: &str =
    "concat_ws(char(10), command, reason, error_info, iif(actor IS NULL, actor_name, NULL))";

/// An open operation and the process that began it.
pub(super) struct Open {
    pub(super) entry: AuditEntry,
    instance: String,
}

impl Open {
    /// Of a row that has the columns [`ENTRY`] and then the process.
    pub(super) fn of(row: &impl Columns) -> Result<Self, StoreError> {
        Ok(Self { entry: entry(row)?, instance: text(row, BEHIND_ENTRY)? })
    }

    /// When it was recorded as unknown, and why.
    fn unclear(&self) -> Option<(Timestamp, Refusal)> {
        let AuditEntry { at, outcome, error_code, error_info, request_id, duration_ms, .. } = &self.entry;
        if *outcome != OutcomeKind::Unknown {
            return None;
        }
        let problem = Refusal {
            code: *error_code,
            info: error_info.clone().unwrap_or_default(),
            request_id: request_id.clone(),
            remedy: String::new(),
        };
        let took = SignedDuration::from_millis(duration_ms.unwrap_or_default());
        Some((at.saturating_add(took).unwrap_or(Timestamp::MAX), problem))
    }

    /// The process that began it.
    pub(super) fn instance(&self) -> &str {
        &self.instance
    }

    /// With the answers to whether its process is this one, or another that still runs.
    pub(super) fn located(&self, is_ours: bool, is_elsewhere: bool) -> Option<Unresolved> {
        Some(Unresolved {
            operation: self.entry.operation,
            room: self.entry.room.clone()?,
            new_owner: self.entry.new_owner.clone().map(AccountId::from_tencent),
            previous_owner: self.entry.previous_owner.clone().map(AccountId::from_tencent),
            begun_at: self.entry.at,
            is_elsewhere,
            is_ours,
            outcome: self.entry.outcome,
            unclear: self.unclear(),
        })
    }
}
