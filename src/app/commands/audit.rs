//! `/room-audit`: questions to the audit log, from whichever door.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use tracing::error;

use crate::app::owners::{FAR, Within, confirms, owners};
use crate::app::ports::{AuditLog, Clock, ExportSpan, StoreError};
use crate::app::service::CommandService;
use crate::domain::access::{Action, Decision, EffectiveScope, Grant, decide};
use crate::domain::audit::{
    ArchivedIn, AuditEntry, AuditFilter, Basis, Event, Filter, NoAnswer, OperationId, Ownership, Page,
    ownership, timeline,
};
use crate::domain::command::{Command, CommandRequest, Place, Question};
use crate::domain::reply::{Answer, Reply};
use crate::domain::room::RoomId;

/// Who reads: the rooms that they may see, and the record of the reading.
#[derive(Debug, Clone, Default)]
pub struct Reader {
    /// The rooms in reach; everything if `None`.
    pub reach: Option<EffectiveScope>,
    /// The record of this reading, which is not counted among those that are left out.
    pub reading: Option<OperationId>,
}

impl Reader {
    fn reaches(&self, room: &RoomId) -> Result<(), NoAnswer> {
        match &self.reach {
            Some(reach) if !reach.covers(room) => Err(NoAnswer::OutOfReach(room.clone())),
            _ => Ok(()),
        }
    }

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
    reach: &EffectiveScope,
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
    let grant = grant_behind(service, &answer).await.map(Box::new);
    Reply::Audit { operation, answer: Box::new(answer), reach: reach.clone(), zone, grant }
}

/// The grant by which an entry of the log was permitted or denied.
async fn grant_behind(service: &CommandService, answer: &Result<Answer, NoAnswer>) -> Option<Grant> {
    let Ok(Answer::Entry(entry)) = answer else { return None };
    let (_, number) = entry.authority.as_ref()?.split_once("grant ")?;
    let id = number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
    service.store.grant(id).await.ok().flatten()
}

/// The answer to an export that goes on behind another, brings nothing, and is in the log of this day already: a
/// collector that asks every minute does not fill the log. `None` for everything that is recorded.
pub(super) async fn empty_poll(service: &CommandService, request: &CommandRequest) -> Option<Reply> {
    let Ok(Command::Audit(question)) = &request.command else { return None };
    let Question::Export(_, Some(after)) = &**question else { return None };
    let CommandRequest { principal, place, .. } = request;
    let (now, log) = (service.clock.now(), service.store.log());
    let acl = service.store.acl_for(principal, place).await.ok()?;
    let Decision::Permit(permit) = decide(principal, place, Action::ReadAudit, &acl, now) else {
        return None;
    };
    let midnight = TimeZone::UTC.to_datetime(now).start_of_day();
    let today = TimeZone::UTC.to_timestamp(midnight).ok()?;
    let same = AuditFilter {
        actor: Some(principal.subject.clone()),
        text: Some(request.typed.clone()),
        since: Some(today),
        limit: Some(1),
        ..AuditFilter::default()
    };
    let recorded = log.entries(&same).await.ok()?.pop().filter(|entry| entry.command == request.typed)?;
    let reply = read(service, place, recorded.operation, question, permit.reach()).await;
    let Reply::Audit { answer, .. } = &reply else { return None };
    let Ok(Answer::Export(filter, _)) = &**answer else { return None };
    let upto_event = log.newest_event().await.ok()?;
    let mut span =
        ExportSpan { filter: (**filter).clone(), since_event: Some(*after), upto_event, position: 0 };
    loop {
        let chunk = log.export(&span).await.ok()?;
        match (chunk.entries.is_empty(), chunk.next) {
            (true, None) => return Some(reply),
            (true, Some(next)) => span.position = next,
            (false, _) => return None,
        }
    }
}

/// Nearly always enough entries of a room to tell who owned it, and since when.
const NEAR: u32 = 8;

/// Answers a question. Times are read at `clock`'s now, in `zone` where they name none. An export has no
/// answer of its own: [`AuditLog::export`] returns it in chunks.
///
/// # Errors
/// When a time is invalid, the operation or room does not exist or is out of reach, or the store fails.
pub async fn answer(
    log: &dyn AuditLog,
    clock: &dyn Clock,
    zone: &TimeZone,
    question: &Question,
    reader: &Reader,
) -> Result<Answer, NoAnswer> {
    let now = clock.now();
    match question {
        Question::Export(filter, after) => {
            let filter = filter.resolve(now, zone)?;
            filter.room.as_ref().map_or(Ok(()), |room| reader.reaches(room))?;
            Ok(Answer::Export(Box::new(AuditFilter { reach: reader.reach.clone(), ..filter }), *after))
        }
        Question::List(filter) => {
            let filter = resolved(log, filter.resolve(now, zone)?, reader).await?;
            let rows = log.entries(&one_more(&filter)).await.map_err(failed)?;
            Ok(Answer::List(page(log, rows, &filter, reader).await?))
        }
        Question::Stats(by, filter) => {
            let filter = resolved(log, filter.resolve(now, zone)?, reader).await?;
            let rows = log.stats(&one_more(&filter), *by).await.map_err(failed)?;
            Ok(Answer::Stats(*by, page(log, rows, &filter, reader).await?))
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
            Ok(Answer::Timeline(timeline(*operation, &events), Box::new(entry)))
        }
        Question::History(room, filter) => {
            reader.reaches(room)?;
            history(log, room, filter, now, zone).await
        }
        Question::OwnerAt(room, moment) => {
            reader.reaches(room)?;
            let at = moment.resolve_past(now, zone)?;
            let mut history = log.room_history(room, at, NEAR).await.map_err(failed)?;
            let mut found = ownership(room, at, now, &history);
            // An owner who was only read may have owned the room for long.
            if found.basis == Some(Basis::Read) && history.is_cut {
                history = log.room_history(room, at, FAR).await.map_err(failed)?;
                found = ownership(room, at, now, &history);
            }
            Ok(Answer::Owner(Box::new(with_steps(log, found).await?)))
        }
    }
}

/// The same with what the steps of its operation say of whether the new owner was read back.
async fn with_steps(log: &dyn AuditLog, found: Ownership) -> Result<Ownership, NoAnswer> {
    let (Some(Basis::Accepted), Some(operation)) = (found.basis, found.operation) else { return Ok(found) };
    let events = log.events(operation).await.map_err(failed)?;
    if events.iter().any(confirms) {
        return Ok(found.with_confirmation());
    }
    let is_archived = missing(log, operation, &events).await?.is_some();
    Ok(if is_archived { found.with_archived_steps() } else { found })
}

/// How many owners a history names: what fits a message on every platform.
const MOST_OWNERS: usize = 20;

/// Who owned a room over time, within the filter's times.
async fn history(
    log: &dyn AuditLog,
    room: &RoomId,
    filter: &Filter,
    now: Timestamp,
    zone: &TimeZone,
) -> Result<Answer, NoAnswer> {
    if let Some(since) = &filter.since {
        since.resolve_past(now, zone)?;
    }
    let AuditFilter { since, until, .. } = filter.resolve(now, zone)?;
    let within = Within { since, until, now, most: MOST_OWNERS, back: FAR, with_reasons: false };
    let mut history = owners(log, room, &within).await.map_err(failed)?;
    for span in &mut history.spans {
        span.found = with_steps(log, span.found.clone()).await?;
    }
    Ok(Answer::History(Box::new(history)))
}

/// The archive that has the events of an operation which are not all here.
async fn missing(
    log: &dyn AuditLog,
    operation: OperationId,
    events: &[Event],
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
    // Paging on from an operation that does not exist would look like the end of the list.
    if let Some(before) = filter.before {
        entry(log, before, reader).await?;
    }
    Ok(filter)
}

async fn entry(log: &dyn AuditLog, operation: OperationId, reader: &Reader) -> Result<AuditEntry, NoAnswer> {
    let entry = log.entry(operation).await.map_err(failed)?;
    // Out of reach is answered like not found: the reader must not learn which it is.
    entry.filter(|entry| reader.may_see(entry)).ok_or(NoAnswer::NoOperation(operation))
}

/// One row more than wanted shows whether there is more.
fn one_more(filter: &AuditFilter) -> AuditFilter {
    AuditFilter { limit: filter.limit.map(|n| n.saturating_add(1)), ..filter.clone() }
}

async fn page<T>(
    log: &dyn AuditLog,
    mut rows: Vec<T>,
    filter: &AuditFilter,
    reader: &Reader,
) -> Result<Page<T>, NoAnswer> {
    let wanted = filter.limit.map_or(usize::MAX, |wanted| wanted as usize);
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

fn failed(error: StoreError) -> NoAnswer {
    NoAnswer::Store(error.0)
}
