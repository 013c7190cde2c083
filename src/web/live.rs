//! The live tail of the log: what happens from now on, as rows of the page that shows it.
//!
//! Opening it is a reading, on record; so is opening the page that it belongs to, and a tail that goes on where that
//! page or an earlier connection ended is no other one. With each look at the log the session is asked for anew, and
//! the ACL whether it may still be read.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::{Stream, unfold};
use jiff::tz::TimeZone;
use tokio::sync::OwnedSemaphorePermit;
use tracing::error;

use super::Web;
use super::filters::Asked;
use super::kinds::Trouble;
use super::log::Row;
use super::page::{refused, trouble};
use super::visitor::Visitor;
use super::words::Label;
use crate::app::commands::console::reach;
use crate::app::ports::{ExportSpan, StoreError};
use crate::domain::audit::{AuditEntry, AuditFilter, Filter, OperationId};
use crate::domain::command::{Command, Question};
use crate::domain::reply::Reply;
use crate::domain::session::SESSION_FOR;

/// How often the log is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// How often something is sent though nothing happens, so that a proxy does not close the connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// nginx passes on at once what has this.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

#[derive(Template)]
#[template(path = "row.html", config = "src/web/askama.toml")]
struct RowPart {
    row: Row,
}

/// Where a tail stands: the reading that it belongs to, and the newest event that was shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Position {
    reading: OperationId,
    event: i64,
}

impl Position {
    fn read(text: &str) -> Option<Self> {
        let (reading, event) = text.split_once('-')?;
        Some(Self { reading: OperationId::new(reading.parse().ok()?), event: event.parse().ok()? })
    }

    fn text(self) -> String {
        format!("{}-{}", self.reading, self.event)
    }
}

struct Tail {
    web: Arc<Web>,
    visitor: Visitor,
    filter: Filter,
    position: Position,
    ready: VecDeque<Event>,
    is_over: bool,
    _place: OwnedSemaphorePermit,
}

/// `GET /log/live`
pub(super) async fn live(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let said = visitor.said;
    let Some(asked) = Asked::read(query.as_deref(), &web.redactor) else {
        return trouble(said, StatusCode::URI_TOO_LONG, Trouble::Form);
    };
    let Ok(place) = Arc::clone(&web.tails).try_acquire_owned() else {
        return trouble(said, StatusCode::SERVICE_UNAVAILABLE, Trouble::TooMany);
    };
    let position = match opened(&web, &visitor, &asked, wanted(&headers, query.as_deref())).await {
        Ok(position) => position,
        Err(reply) => return refused(said, &reply),
    };
    let Ok(Command::Audit(question)) = asked.command() else {
        return trouble(said, StatusCode::BAD_REQUEST, Trouble::Form);
    };
    let Question::List(filter) = *question else {
        return trouble(said, StatusCode::BAD_REQUEST, Trouble::Form);
    };
    let ready = VecDeque::from([Event::default().id(position.text()).comment("open")]);
    let tail = Tail { web, visitor, filter, position, ready, is_over: false, _place: place };
    let mut response =
        Sse::new(events(tail)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response();
    response.headers_mut().insert(BUFFERING, HeaderValue::from_static("no"));
    response
}

/// Where the browser wants to go on: where the last connection broke off, or where the page ended.
fn wanted(headers: &HeaderMap, query: Option<&str>) -> Option<Position> {
    let last = headers.get(LAST_EVENT_ID).and_then(|value| Position::read(value.to_str().ok()?));
    let from = || {
        let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        pairs.find(|(name, _)| name == "from").and_then(|(_, from)| Position::read(&from))
    };
    last.or_else(from)
}

/// Where the tail begins: where an opened view ends, or behind a reading of its own.
async fn opened(
    web: &Web,
    visitor: &Visitor,
    asked: &Asked,
    wanted: Option<Position>,
) -> Result<Position, Box<Reply>> {
    let log = web.service.store().log();
    if let Some(position) = wanted
        && let Ok(Some(entry)) = log.entry(position.reading).await
        && is_reading_of(&entry, web, visitor, asked)
    {
        return Ok(position);
    }
    let Ok(event) = log.newest_event().await else { return Err(Box::new(Reply::NotRecorded)) };
    match visitor.asks(web, &asked.line(), asked.command()).await {
        Reply::Audit { operation, answer, .. } if answer.is_ok() => {
            Ok(Position { reading: operation, event })
        }
        other => Err(Box::new(other)),
    }
}

/// Whether the entry is this person's reading of the same, in the life of a session.
fn is_reading_of(entry: &AuditEntry, web: &Web, visitor: &Visitor, asked: &Asked) -> bool {
    let age = web.service.clock().now().duration_since(entry.at);
    entry.actor.as_ref() == Some(&visitor.session.subject)
        && entry.channel == visitor.session.place.or_here(None)
        && entry.command == format!("web: {}", asked.line())
        && entry.outcome.name() == "succeeded"
        && !age.is_negative()
        && age <= SESSION_FOR
}

fn events(tail: Tail) -> impl Stream<Item = Result<Event, Infallible>> {
    unfold(tail, |mut tail| async move {
        loop {
            if let Some(event) = tail.ready.pop_front() {
                return Some((Ok(event), tail));
            }
            if tail.is_over {
                return None;
            }
            tokio::select! {
                () = tail.web.stop.cancelled() => return None,
                () = tokio::time::sleep(LOOK) => {}
            }
            match tail.look().await {
                Ok(()) => {}
                Err(problem) => {
                    error!(error = %problem, "a live tail of the log ends");
                    return None;
                }
            }
        }
    })
}

impl Tail {
    /// Looks for what has happened.
    async fn look(&mut self) -> Result<(), StoreError> {
        let (service, said) = (&self.web.service, self.visitor.said);
        let now = service.clock().now();
        let session = self.web.console.sessions.session(&self.visitor.token.hash(), now).await?;
        let Some(session) = session else {
            self.ends(said.label(Label::SessionOver));
            return Ok(());
        };
        let principal = session.principal(&service.directory().known(), now);
        let Some(reach) = reach(service, &principal, &session.place).await? else {
            self.ends(said.label(Label::RightOver));
            return Ok(());
        };
        let log = service.store().log();
        let newest = log.newest_event().await?;
        let filter =
            self.filter.resolve(now, &TimeZone::UTC).map_err(|error| StoreError(error.to_string()))?;
        let mut span = ExportSpan {
            filter: AuditFilter { reach: Some(reach), ..filter },
            since_event: Some(self.position.event),
            upto_event: newest,
            position: 0,
        };
        self.position.event = newest.max(self.position.event);
        let id = self.position.text();
        loop {
            let chunk = log.export(&span).await?;
            for entry in &chunk.entries {
                let row = RowPart { row: Row::of(entry, said) }.render();
                let row = row.map_err(|error| StoreError(error.to_string()))?;
                self.ready.push_back(Event::default().event("row").id(&id).data(row.replace('\n', " ")));
            }
            match chunk.next {
                Some(next) => span.position = next,
                None => return Ok(()),
            }
        }
    }

    fn ends(&mut self, why: &str) {
        self.ready.push_back(Event::default().event("over").data(why));
        self.is_over = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_as_it_was_written_and_nothing_else_is_one() {
        let position = Position { reading: OperationId::new(12), event: 34 };
        assert_eq!(position.text(), "12-34");
        assert_eq!(Position::read("12-34"), Some(position));
        for text in ["", "12", "12-", "-34", "a-b", "12-34-56"] {
            assert_eq!(Position::read(text), None, "{text}");
        }
    }
}
