//! `/room-audit`: questions to the audit log, from whichever door.

use jiff::tz::TimeZone;

use tracing::error;

use crate::app::ports::{AuditLog, Clock, StoreError};
use crate::app::service::CommandService;
use crate::domain::access::Reach;
use crate::domain::audit::{
    ArchivedIn, AuditEntry, AuditFilter, Basis, NoAnswer, OperationId, Page, RecordedEvent, ownership,
    timeline,
};
use crate::domain::command::{Place, Question};
use crate::domain::reply::Reply;
use crate::domain::wording::audit::Answer;

/// Somebody who reads: as far as their reach goes, and as which operation that is recorded.
#[derive(Debug, Clone, Default)]
pub struct Reader {
    /// The rooms in reach; everything if `None`.
    pub reach: Option<Reach>,
    /// The record of this reading, which is not counted among those that are left out.
    pub reading: Option<OperationId>,
}

impl Reader {
    fn may_see(&self, entry: &AuditEntry) -> bool {
        match &self.reach {
            None => true,
            Some(reach) => {
                reach.is_everything() || entry.room.as_ref().is_some_and(|room| reach.covers(room))
            }
        }
    }
}

/// The answer to a question that is permitted and on record, as far as the permit reaches.
pub(super) async fn read(
    service: &CommandService,
    place: &Place,
    operation: OperationId,
    question: &Question,
    reach: &Reach,
) -> Reply {
    let reader = Reader { reach: Some(reach.clone()), reading: Some(operation) };
    // Times that name no zone are of whoever types them.
    let zone = match place {
        Place::Local => TimeZone::system(),
        Place::Channel(_) => TimeZone::UTC,
    };
    let answer = answer(service.store.log(), &*service.clock, &zone, question, &reader).await;
    if let Err(NoAnswer::Store(error)) = &answer {
        error!(operation = operation.seq(), %error, "a question to the log was not answered");
    }
    let zone = question.zone().cloned().unwrap_or(TimeZone::UTC);
    Reply::Audit { operation, answer: Box::new(answer), reach: reach.clone(), zone }
}

/// So many entries of a room nearly always tell who owned it, and since when.
const NEAR: u32 = 8;
/// As far back as "since when" is looked for.
const FAR: u32 = 256;

/// Answers a question. Times are read at `clock`'s now, in `zone` where they name none. An export has no
/// answer of its own: [`AuditLog::export`] hands it out in parts.
///
/// # Errors
/// When a time cannot be told, the operation or room is not there or out of reach, or the store fails.
pub async fn answer(
    log: &dyn AuditLog,
    clock: &dyn Clock,
    zone: &TimeZone,
    question: &Question,
    reader: &Reader,
) -> Result<Answer, NoAnswer> {
    let now = clock.now();
    match question {
        Question::Export(filter) => {
            let filter = filter.resolve(now, zone)?;
            Ok(Answer::Export(AuditFilter { reach: reader.reach.clone(), ..filter }))
        }
        Question::List(filter) => {
            let filter = resolved(log, filter.resolve(now, zone)?, reader).await?;
            let wanted = filter.limit;
            // One more than wanted tells whether something is left out.
            let one_more = AuditFilter { limit: wanted.map(|n| n.saturating_add(1)), ..filter.clone() };
            let rows = log.entries(&one_more).await.map_err(failed)?;
            Ok(Answer::List(page(log, rows, wanted, &filter, reader).await?))
        }
        Question::Stats(by, filter) => {
            let filter = resolved(log, filter.resolve(now, zone)?, reader).await?;
            let wanted = filter.limit;
            let one_more = AuditFilter { limit: wanted.map(|n| n.saturating_add(1)), ..filter.clone() };
            let rows = log.stats(&one_more, *by).await.map_err(failed)?;
            Ok(Answer::Stats(*by, page(log, rows, wanted, &filter, reader).await?))
        }
        Question::Show(operation) => Ok(Answer::Entry(Box::new(entry(log, *operation, reader).await?))),
        Question::Timeline(operation, archives) => {
            let entry = entry(log, *operation, reader).await?;
            let mut events = log.events(*operation).await.map_err(failed)?;
            if let Some(archive) = missing(log, *operation, &events).await? {
                if archives.is_empty() {
                    return Err(NoAnswer::Archived(*operation, archive));
                }
                events = log.events_with(*operation, archives).await.map_err(failed)?;
            }
            let steps = timeline(*operation, &events).map_err(NoAnswer::BrokenEvent)?;
            Ok(Answer::Timeline(steps, Box::new(entry)))
        }
        Question::OwnerAt(room, moment) => {
            if reader.reach.as_ref().is_some_and(|reach| !reach.covers(room)) {
                return Err(NoAnswer::OutOfReach(room.clone()));
            }
            let at = moment.resolve_past(now, zone)?;
            let mut history = log.room_history(room, at, NEAR).await.map_err(failed)?;
            let mut told = ownership(room, at, now, &history);
            // An owner who was only ever read may have been the owner for long.
            if told.basis == Some(Basis::Read) && history.is_cut {
                history = log.room_history(room, at, FAR).await.map_err(failed)?;
                told = ownership(room, at, now, &history);
            }
            if let (Some(Basis::Accepted), Some(operation)) = (told.basis, told.operation) {
                let events = log.events(operation).await.map_err(failed)?;
                if events.iter().any(confirms) {
                    told = told.with_confirmation();
                } else if missing(log, operation, &events).await?.is_some() {
                    told = told.with_archived_steps();
                }
            }
            Ok(Answer::Owner(Box::new(told)))
        }
    }
}

/// The archive that has the events of an operation which are not all here.
async fn missing(
    log: &dyn AuditLog,
    operation: OperationId,
    events: &[RecordedEvent],
) -> Result<Option<ArchivedIn>, NoAnswer> {
    if events.first().is_some_and(|first| first.seq == operation.seq()) {
        return Ok(None);
    }
    log.archived_in(operation).await.map_err(failed)
}

/// The filter within the reader's reach.
async fn resolved(
    log: &dyn AuditLog,
    mut filter: AuditFilter,
    reader: &Reader,
) -> Result<AuditFilter, NoAnswer> {
    filter.reach.clone_from(&reader.reach);
    // Behind an operation that is not there would be nothing, which says the wrong thing.
    if let Some(before) = filter.before {
        entry(log, before, reader).await?;
    }
    Ok(filter)
}

async fn entry(log: &dyn AuditLog, operation: OperationId, reader: &Reader) -> Result<AuditEntry, NoAnswer> {
    let entry = log.entry(operation).await.map_err(failed)?;
    // Whether something is there that is out of reach is not told either.
    entry.filter(|entry| reader.may_see(entry)).ok_or(NoAnswer::NoOperation(operation))
}

async fn page<T>(
    log: &dyn AuditLog,
    mut rows: Vec<T>,
    wanted: Option<u32>,
    filter: &AuditFilter,
    reader: &Reader,
) -> Result<Page<T>, NoAnswer> {
    let wanted = wanted.map_or(usize::MAX, |wanted| wanted as usize);
    let is_cut = rows.len() > wanted;
    rows.truncate(wanted);
    let readings_left_out = if filter.without_readings {
        let before = filter.before.or(reader.reading);
        let filter = AuditFilter { before, ..filter.clone() };
        log.readings(&filter, Page::<T>::MOST_READINGS).await.map_err(failed)?
    } else {
        0
    };
    Ok(Page { rows, is_cut, readings_left_out })
}

fn confirms(event: &RecordedEvent) -> bool {
    let body: serde_json::Value = serde_json::from_str(&event.body).unwrap_or_default();
    // The new owner was read back, or Tencent's own callback told of the change.
    body["confirmed"] == true || body["event"] == "confirmed"
}

fn failed(error: StoreError) -> NoAnswer {
    NoAnswer::Store(error.0)
}
