//! From rows to the domain's values. A row that does not parse is an error, never a default: the schema
//! and this program disagree then, and guessing could permit something.

use std::borrow::Cow;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{Row as _, Sqlite};

use crate::domain::access::{AuthorisedChannel, Effect, Grant};
use crate::domain::audit::{AuditEntry, DecisionKind, OperationId, OutcomeKind, Refusal, Unresolved};
use crate::domain::principal::Channel;
use crate::domain::room::AccountId;

use super::instance::Instance;

/// A value as the text that a column or a `json_each` takes.
pub(super) fn json(value: &(impl serde::Serialize + ?Sized)) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(Box::new(error)))
}

/// A statement that says how many rows it changes.
pub(super) trait Counted {
    /// Carries it out. If it changes another number of rows, something keeps a record out or adds to it: that is an
    /// error, which rolls the transaction back.
    async fn changes(self, rows: u64, connection: &mut SqliteConnection) -> Result<(), sqlx::Error>;
}

impl Counted for Query<'_, Sqlite, SqliteArguments> {
    async fn changes(self, rows: u64, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let changed = self.execute(connection).await?.rows_affected();
        if changed == rows { Ok(()) } else { Err(other_count()) }
    }
}

/// A statement changed more rows than it should, or fewer.
pub(super) fn other_count() -> sqlx::Error {
    let what = "something in the database keeps a record out or adds to it: nothing was written; see `room-owner audit verify`";
    sqlx::Error::Protocol(what.to_owned())
}

pub(super) fn parse<T: FromStr>(column: &str, text: &str) -> Result<T, sqlx::Error>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error| broken(column, &error))
}

fn broken(column: &str, error: &dyn std::fmt::Display) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: error.to_string().into() }
}

fn optional<T: FromStr>(row: &SqliteRow, column: &str) -> Result<Option<T>, sqlx::Error>
where
    T::Err: std::fmt::Display,
{
    row.try_get::<Option<String>, _>(column)?.map(|text| parse(column, &text)).transpose()
}

fn required<T: FromStr>(row: &SqliteRow, column: &str) -> Result<T, sqlx::Error>
where
    T::Err: std::fmt::Display,
{
    parse(column, &row.try_get::<String, _>(column)?)
}

pub(super) fn time(column: &str, millis: i64) -> Result<Timestamp, sqlx::Error> {
    Timestamp::from_millisecond(millis).map_err(|error| broken(column, &error))
}

fn time_of(row: &SqliteRow, column: &str) -> Result<Timestamp, sqlx::Error> {
    time(column, row.try_get(column)?)
}

fn optional_time(row: &SqliteRow, column: &str) -> Result<Option<Timestamp>, sqlx::Error> {
    row.try_get::<Option<i64>, _>(column)?.map(|millis| time(column, millis)).transpose()
}

pub(super) fn grant(row: &SqliteRow) -> Result<Grant, sqlx::Error> {
    let channels: Vec<Channel> = serde_json::from_str(&row.try_get::<String, _>("channels")?)
        .map_err(|error| broken("channels", &error))?;
    Ok(Grant {
        id: row.try_get("id")?,
        subject: required(row, "subject")?,
        role: required(row, "role")?,
        effect: effect(row.try_get("effect")?)?,
        rooms: required(row, "rooms")?,
        channels,
        expires_at: optional_time(row, "expires_at")?,
        granted_by: required(row, "granted_by")?,
        granted_at: time_of(row, "granted_at")?,
        revoked_at: optional_time(row, "revoked_at")?,
        reason: row.try_get("reason")?,
    })
}

pub(super) fn channel(row: &SqliteRow) -> Result<AuthorisedChannel, sqlx::Error> {
    Ok(AuthorisedChannel {
        channel: required(row, "channel")?,
        rooms: required(row, "rooms")?,
        allowed_by: required(row, "allowed_by")?,
        allowed_at: time_of(row, "allowed_at")?,
        removed_at: optional_time(row, "removed_at")?,
        reason: row.try_get("reason")?,
    })
}

/// Grants as a JSON array of arrays: id, subject, role, effect, rooms, channels, expires_at, granted_by,
/// granted_at, revoked_at, reason.
pub(super) fn listed_grants(json: &str) -> Result<Vec<Grant>, sqlx::Error> {
    #[derive(serde::Deserialize)]
    struct Listed<'a>(
        i64,
        #[serde(borrow)] Cow<'a, str>,
        #[serde(borrow)] Cow<'a, str>,
        #[serde(borrow)] Cow<'a, str>,
        #[serde(borrow)] Cow<'a, str>,
        Vec<Channel>,
        Option<i64>,
        #[serde(borrow)] Cow<'a, str>,
        i64,
        Option<i64>,
        Option<String>,
    );
    let grants: Vec<Listed<'_>> = serde_json::from_str(json).map_err(|error| broken("grants", &error))?;
    grants
        .into_iter()
        .map(|grant| {
            Ok(Grant {
                id: grant.0,
                subject: parse("subject", &grant.1)?,
                role: parse("role", &grant.2)?,
                effect: effect(&grant.3)?,
                rooms: parse("rooms", &grant.4)?,
                channels: grant.5,
                expires_at: grant.6.map(|at| time("expires_at", at)).transpose()?,
                granted_by: parse("granted_by", &grant.7)?,
                granted_at: time("granted_at", grant.8)?,
                revoked_at: grant.9.map(|at| time("revoked_at", at)).transpose()?,
                reason: grant.10,
            })
        })
        .collect()
}

/// Authorised channels as a JSON array of arrays: channel, rooms, allowed_by, allowed_at, removed_at, reason.
pub(super) fn listed_channels(json: &str) -> Result<Vec<AuthorisedChannel>, sqlx::Error> {
    type Listed<'a> = (Cow<'a, str>, Cow<'a, str>, Cow<'a, str>, i64, Option<i64>, Option<String>);
    let channels: Vec<Listed<'_>> = serde_json::from_str(json).map_err(|error| broken("channels", &error))?;
    channels
        .into_iter()
        .map(|(channel, rooms, allowed_by, allowed_at, removed_at, reason)| {
            Ok(AuthorisedChannel {
                channel: parse("channel", &channel)?,
                rooms: parse("rooms", &rooms)?,
                allowed_by: parse("allowed_by", &allowed_by)?,
                allowed_at: time("allowed_at", allowed_at)?,
                removed_at: removed_at.map(|at| time("removed_at", at)).transpose()?,
                reason,
            })
        })
        .collect()
}

fn effect(text: &str) -> Result<Effect, sqlx::Error> {
    match text {
        "permit" => Ok(Effect::Permit),
        "deny" => Ok(Effect::Deny),
        other => Err(broken("effect", &other)),
    }
}

pub(super) fn entry(row: &SqliteRow) -> Result<AuditEntry, sqlx::Error> {
    Ok(AuditEntry {
        operation: OperationId::new(row.try_get("operation")?),
        at: time_of(row, "at")?,
        actor: optional(row, "actor")?,
        actor_name: row.try_get("actor_name")?,
        channel: optional(row, "channel")?,
        command: row.try_get("command")?,
        room: optional(row, "room")?,
        new_owner: row.try_get("new_owner")?,
        previous_owner: row.try_get("previous_owner")?,
        reason: row.try_get("reason")?,
        decision: decision(row.try_get("decision")?)?,
        authority: row.try_get("authority")?,
        outcome: required::<OutcomeKind>(row, "outcome")?,
        error_code: row.try_get("error_code")?,
        error_info: row.try_get("error_info")?,
        request_id: row.try_get("request_id")?,
        delivery_id: row.try_get("delivery_id")?,
        duration_ms: row.try_get("duration_ms")?,
    })
}

/// The columns of an entry, in the order of its fields.
pub(super) const COLUMNS: &str = "operation, at, actor, actor_name, channel, command, room, new_owner, \
     previous_owner, reason, decision, authority, outcome, error_code, error_info, request_id, delivery_id, \
     duration_ms";

/// An entry of a row that has [`COLUMNS`]: without a look at the names, of which long answers would have
/// millions.
pub(super) fn entry_in_order(row: &SqliteRow) -> Result<AuditEntry, sqlx::Error> {
    fn optional<T: FromStr>(row: &SqliteRow, at: usize, column: &str) -> Result<Option<T>, sqlx::Error>
    where
        T::Err: std::fmt::Display,
    {
        row.try_get::<Option<&str>, _>(at)?.map(|text| parse(column, text)).transpose()
    }

    Ok(AuditEntry {
        operation: OperationId::new(row.try_get(0)?),
        at: time("at", row.try_get(1)?)?,
        actor: optional(row, 2, "actor")?,
        actor_name: row.try_get(3)?,
        channel: optional(row, 4, "channel")?,
        command: row.try_get(5)?,
        room: optional(row, 6, "room")?,
        new_owner: row.try_get(7)?,
        previous_owner: row.try_get(8)?,
        reason: row.try_get(9)?,
        decision: decision(row.try_get(10)?)?,
        authority: row.try_get(11)?,
        outcome: parse("outcome", row.try_get(12)?)?,
        error_code: row.try_get(13)?,
        error_info: row.try_get(14)?,
        request_id: row.try_get(15)?,
        delivery_id: row.try_get(16)?,
        duration_ms: row.try_get(17)?,
    })
}

/// [`COLUMNS`] as a JSON array.
#[derive(serde::Deserialize)]
pub(super) struct Listed<'a>(
    i64,
    i64,
    #[serde(borrow)] Option<Cow<'a, str>>,
    Option<String>,
    #[serde(borrow)] Option<Cow<'a, str>>,
    String,
    #[serde(borrow)] Option<Cow<'a, str>>,
    Option<String>,
    Option<String>,
    Option<String>,
    #[serde(borrow)] Option<Cow<'a, str>>,
    Option<String>,
    #[serde(borrow)] Cow<'a, str>,
    Option<i64>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<i64>,
);

impl Listed<'_> {
    pub(super) fn entry(self) -> Result<AuditEntry, sqlx::Error> {
        fn optional<T: FromStr>(text: Option<&str>, column: &str) -> Result<Option<T>, sqlx::Error>
        where
            T::Err: std::fmt::Display,
        {
            text.map(|text| parse(column, text)).transpose()
        }

        Ok(AuditEntry {
            operation: OperationId::new(self.0),
            at: time("at", self.1)?,
            actor: optional(self.2.as_deref(), "actor")?,
            actor_name: self.3,
            channel: optional(self.4.as_deref(), "channel")?,
            command: self.5,
            room: optional(self.6.as_deref(), "room")?,
            new_owner: self.7,
            previous_owner: self.8,
            reason: self.9,
            decision: decision(self.10.as_deref())?,
            authority: self.11,
            outcome: parse("outcome", &self.12)?,
            error_code: self.13,
            error_info: self.14,
            request_id: self.15,
            delivery_id: self.16,
            duration_ms: self.17,
        })
    }
}

fn decision(text: Option<&str>) -> Result<Option<DecisionKind>, sqlx::Error> {
    match text {
        None => Ok(None),
        Some("permit") => Ok(Some(DecisionKind::Permit)),
        Some("deny") => Ok(Some(DecisionKind::Deny)),
        Some(other) => Err(broken("decision", &other)),
    }
}

/// An open operation and the process that began it.
#[derive(Clone)]
pub(super) struct Open {
    pub(super) entry: AuditEntry,
    instance: String,
}

impl Open {
    pub(super) fn of(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self { entry: entry(row)?, instance: row.try_get("instance")? })
    }

    /// Of a row that has [`COLUMNS`] and then the instance.
    pub(super) fn in_order(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self { entry: entry_in_order(row)?, instance: row.try_get(18)? })
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

    /// With the answer to whether its process still runs.
    pub(super) fn located(&self, here: &Instance) -> Option<Unresolved> {
        Some(Unresolved {
            operation: self.entry.operation,
            room: self.entry.room.clone()?,
            new_owner: self.entry.new_owner.clone().map(AccountId::from_tencent),
            previous_owner: self.entry.previous_owner.clone().map(AccountId::from_tencent),
            begun_at: self.entry.at,
            is_elsewhere: here.is_elsewhere(&self.instance),
            is_ours: self.instance == here.id(),
            outcome: self.entry.outcome,
            unclear: self.unclear(),
        })
    }
}
