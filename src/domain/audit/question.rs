//! What can be asked of the log.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{InvalidMoment, Moment, OperationId, OutcomeKind};
use crate::domain::access::Reach;
use crate::domain::principal::{Channel, Subject};
use crate::domain::room::RoomId;

/// Which operations are asked for, with times as they were typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this room.
    pub room: Option<RoomId>,
    /// By this subject.
    pub actor: Option<Subject>,
    /// In this channel.
    pub channel: Option<Channel>,
    /// With this outcome.
    pub outcome: Option<OutcomeKind>,
    /// With this RequestId of Tencent.
    pub request_id: Option<String>,
    /// This one.
    pub operation: Option<OperationId>,
    /// With this text in its reason, command or error, in upper or lower case.
    pub text: Option<String>,
    /// Not before.
    pub since: Option<Moment>,
    /// Before.
    pub until: Option<Moment>,
    /// Older than this operation.
    pub before: Option<OperationId>,
    /// The zone that was named: its times were typed in it, and what is found is shown in it.
    pub zone: Option<TimeZone>,
    /// Readings of the log too.
    pub readings: bool,
    /// At most so many; `None` for all.
    pub limit: Option<u32>,
}

impl Filter {
    /// The filter with its times worked out at `now`, in `zone` where they name none.
    ///
    /// # Errors
    /// When a time does not exist, or comes twice, in its zone; when the end lies before the start.
    pub fn resolve(&self, now: Timestamp, zone: &TimeZone) -> Result<AuditFilter, InvalidMoment> {
        let at =
            |moment: &Option<Moment>| moment.as_ref().map(|moment| moment.resolve(now, zone)).transpose();
        let (since, until) = (at(&self.since)?, at(&self.until)?);
        if let (Some(since_at), Some(until_at)) = (since, until)
            && until_at < since_at
        {
            let typed = |moment: &Option<Moment>| moment.as_ref().map(Moment::to_string).unwrap_or_default();
            let (since, until) = (typed(&self.since), typed(&self.until));
            return Err(InvalidMoment::Backwards { since, since_at, until, until_at });
        }
        Ok(AuditFilter {
            room: self.room.clone(),
            actor: self.actor.clone(),
            channel: self.channel.clone(),
            outcome: self.outcome,
            request_id: self.request_id.clone(),
            operation: self.operation,
            text: self.text.clone(),
            since,
            until,
            before: self.before,
            without_readings: !self.readings,
            reach: None,
            limit: self.limit,
        })
    }
}

/// Which entries of the log are asked for; newest first: by their time, and by their number where times
/// are equal. A search for text goes by number alone, which differs only where the clock was set back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Of this room.
    pub room: Option<RoomId>,
    /// By this subject.
    pub actor: Option<Subject>,
    /// In this channel.
    pub channel: Option<Channel>,
    /// With this outcome.
    pub outcome: Option<OutcomeKind>,
    /// With this RequestId of Tencent.
    pub request_id: Option<String>,
    /// This one.
    pub operation: Option<OperationId>,
    /// With this text in its reason, command or error; ASCII letters match in either case.
    pub text: Option<String>,
    /// Not before.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    /// Only those behind this one in the order above: how a listing goes on. Entries that arrive in the
    /// meantime move nothing.
    pub before: Option<OperationId>,
    /// Leave out readings of the log.
    pub without_readings: bool,
    /// Only what lies in reach: without it everything, also what is about no room.
    pub reach: Option<Reach>,
    /// At most so many; `None` for all.
    pub limit: Option<u32>,
}

/// By what operations are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatsBy {
    /// Who asked.
    Actor,
    /// The room.
    Room,
    /// Where it was asked.
    Channel,
    /// What came of it.
    Outcome,
    /// The hour, UTC.
    Hour,
}

impl StatsBy {
    /// Every one.
    pub const ALL: &[Self] = &[Self::Actor, Self::Room, Self::Channel, Self::Outcome, Self::Hour];

    /// Its name in the interface.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Actor => "actor",
            Self::Room => "room",
            Self::Channel => "channel",
            Self::Outcome => "outcome",
            Self::Hour => "hour",
        }
    }
}

impl std::fmt::Display for StatsBy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names nothing to count by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is nothing to count by: use one of {all}", all = crate::domain::access::list(StatsBy::ALL))]
pub struct UnknownStatsBy(String);

impl std::str::FromStr for StatsBy {
    type Err = UnknownStatsBy;

    fn from_str(text: &str) -> Result<Self, UnknownStatsBy> {
        Self::ALL.iter().copied().find(|by| by.name() == text).ok_or_else(|| UnknownStatsBy(text.to_owned()))
    }
}

/// How many operations there were for one key. The fields and their order are part of the interface.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Stat {
    /// What is counted by: `actor`, `room`, `channel`, `outcome` or `hour`.
    pub by: &'static str,
    /// The key; `None` for what has none, such as the room of a question about nothing.
    pub key: Option<String>,
    /// All of them.
    pub operations: u64,
    /// Succeeded or unchanged.
    pub done: u64,
    /// Refused by Tencent.
    pub refused: u64,
    /// Refused by the ACL.
    pub denied: u64,
    /// Not known or under way.
    pub open: u64,
    /// Declined, invalid or duplicate.
    pub other: u64,
    /// The first one's time.
    #[serde(serialize_with = "super::serialize_millis")]
    pub first: Timestamp,
    /// The last one's time.
    #[serde(serialize_with = "super::serialize_millis")]
    pub last: Timestamp,
}
