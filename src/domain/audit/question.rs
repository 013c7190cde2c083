//! What can be asked of the log.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{InvalidTime, OperationId, OutcomeKind, TimeExpr};
use crate::domain::access::EffectiveScope;
use crate::domain::named::{UnknownName, named, readable};
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
    /// With one of these outcomes.
    pub outcomes: Outcomes,
    /// Of this kind.
    pub kind: Option<OperationKind>,
    /// With this RequestId of Tencent.
    pub request_id: Option<String>,
    /// This one.
    pub operation: Option<OperationId>,
    /// With this text in its reason, command or error, in upper or lower case.
    pub text: Option<String>,
    /// Not before.
    pub since: Option<TimeExpr>,
    /// Before.
    pub until: Option<TimeExpr>,
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
    pub fn resolve(&self, now: Timestamp, zone: &TimeZone) -> Result<AuditFilter, InvalidTime> {
        let at =
            |moment: &Option<TimeExpr>| moment.as_ref().map(|moment| moment.resolve(now, zone)).transpose();
        let (since, until) = (at(&self.since)?, at(&self.until)?);
        if let (Some(since_at), Some(until_at)) = (since, until)
            && until_at < since_at
        {
            let typed =
                |moment: &Option<TimeExpr>| moment.as_ref().map(TimeExpr::to_string).unwrap_or_default();
            let (since, until) = (typed(&self.since), typed(&self.until));
            return Err(InvalidTime::Backwards { since, since_at, until, until_at });
        }
        Ok(AuditFilter {
            room: self.room.clone(),
            actor: self.actor.clone(),
            channel: self.channel.clone(),
            outcomes: self.outcomes.clone(),
            kind: self.kind,
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
    /// With one of these outcomes.
    pub outcomes: Outcomes,
    /// Of this kind.
    pub kind: Option<OperationKind>,
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
    pub reach: Option<EffectiveScope>,
    /// At most so many; `None` for all.
    pub limit: Option<u32>,
}

/// Some of the outcomes, or every one if none is named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcomes(Vec<OutcomeKind>);

impl Outcomes {
    /// What the word `failed` stands for: nothing was changed, whoever said no. An unknown outcome may have been a
    /// change.
    const FAILED: &[OutcomeKind] =
        &[OutcomeKind::Refused, OutcomeKind::Denied, OutcomeKind::Declined, OutcomeKind::Invalid];

    /// The outcomes that are named; empty for every one.
    pub fn named(&self) -> &[OutcomeKind] {
        &self.0
    }

    /// The words that name outcomes.
    pub fn words() -> Vec<&'static str> {
        [&OutcomeKind::names()[..], &["failed"]].concat()
    }
}

impl FromIterator<OutcomeKind> for Outcomes {
    fn from_iter<T: IntoIterator<Item = OutcomeKind>>(kinds: T) -> Self {
        let mut all = Vec::new();
        for kind in kinds {
            if !all.contains(&kind) {
                all.push(kind);
            }
        }
        Self(all)
    }
}

impl std::str::FromStr for Outcomes {
    type Err = UnknownName;

    /// `refused, denied`, `failed`
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let mut kinds = Vec::new();
        for word in text.split(',').map(str::trim) {
            match word.to_ascii_lowercase().as_str() {
                "failed" => kinds.extend(Self::FAILED),
                word => {
                    let kind = OutcomeKind::named(word);
                    kinds.push(kind.ok_or_else(|| UnknownName::new(word, "an outcome", Self::words()))?);
                }
            }
        }
        Ok(kinds.into_iter().collect())
    }
}

named! {
    /// What somebody asked to be done with a room.
    OperationKind
    /// To hand it over.
    Transfer => "transfer",
    /// To show its owner.
    Show => "show",
}

named! {
    /// By what operations are counted.
    StatsBy
    /// Who asked.
    Actor => "actor",
    /// The room.
    Room => "room",
    /// Where it was asked.
    Channel => "channel",
    /// How it ended.
    Outcome => "outcome",
    /// The hour, UTC.
    Hour => "hour",
}

readable!(OperationKind: "a kind of operation", StatsBy: "something to count by");

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
    #[serde(serialize_with = "crate::domain::time::serialize_millis")]
    pub first: Timestamp,
    /// The last one's time.
    #[serde(serialize_with = "crate::domain::time::serialize_millis")]
    pub last: Timestamp,
}

impl AuditFilter {
    /// The newest operations that succeeded, at most so many.
    pub fn succeeded(limit: u32) -> Self {
        let outcomes = [OutcomeKind::Succeeded].into_iter().collect();
        Self { outcomes, without_readings: true, limit: Some(limit), ..Self::default() }
    }
}
