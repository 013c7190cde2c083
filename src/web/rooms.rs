//! The live rooms that the reader may see, and what waits for somebody.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use tracing::warn;

use super::Web;
use super::address::address;
use super::kinds::{Section, Trouble};
use super::page::{Layout, html, refused, trouble};
use super::visitor::Visitor;
use super::waiting::{Waiting, waiting};
use super::words::{Label, RoomLabel};
use crate::domain::command::{Command, CommandGroup, Invocation};
use crate::domain::live::RoomSummary;
use crate::domain::reply::{ConsoleAnswer, Reply};
use crate::domain::room::{RoomId, visible};
use crate::domain::session::ConsoleCommand;
use crate::page::Heading;

struct Row {
    room: String,
    at: Option<String>,
    /// Its name, if that is another than its id.
    name: String,
    owner: String,
    viewers: Option<u64>,
}

impl Row {
    fn of(summary: &RoomSummary) -> Self {
        let name = if summary.name == summary.room.as_str() { "" } else { &summary.name };
        Self {
            room: visible(summary.room.as_str()),
            at: address(&summary.room),
            name: visible(name),
            owner: visible(summary.owner.as_str()),
            viewers: summary.viewers,
        }
    }
}

#[derive(Template)]
#[template(path = "rooms.html", config = "src/web/askama.toml")]
struct RoomsPage {
    layout: Layout,
    /// `None` if Tencent's list cannot be read.
    rows: Option<Vec<Row>>,
    waiting: Vec<Waiting>,
}

/// A room to open.
#[derive(Deserialize)]
pub(super) struct Wanted {
    room: Option<String>,
}

/// `GET /rooms`; with `?room=` the way to that room's page.
pub(super) async fn rooms(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Query(wanted): Query<Wanted>,
) -> Response {
    if let Some(room) = wanted.room.as_deref().map(str::trim).filter(|room| !room.is_empty()) {
        return opened(&visitor, room);
    }
    let list = Invocation::named(CommandGroup::Owner, &["list"]);
    let line = format!("/{} {}", CommandGroup::Owner.name(), list.as_typed());
    let reply = visitor.asks(&web, &line, Ok(Command::Console(ConsoleCommand::Rooms))).await;
    let Reply::Console { answer, .. } = &reply else { return refused(visitor.said, &reply) };
    let ConsoleAnswer::Rooms(rooms) = &**answer else { return refused(visitor.said, &reply) };
    match waiting(&web, &visitor, None).await {
        Ok(waiting) => html(&RoomsPage {
            layout: visitor.layout(Section::Rooms),
            rows: rooms.as_ref().map(|rooms| rooms.iter().map(Row::of).collect()),
            waiting,
        }),
        Err(problem) => {
            warn!(error = %problem, "what waits cannot be shown");
            trouble(visitor.said, StatusCode::SERVICE_UNAVAILABLE, Trouble::Store)
        }
    }
}

fn opened(visitor: &Visitor, room: &str) -> Response {
    let wrong = |why: String| trouble(visitor.said, StatusCode::BAD_REQUEST, Trouble::Wrong(why));
    match room.parse::<RoomId>().map(|room| address(&room)) {
        Ok(Some(address)) => Redirect::to(&address).into_response(),
        Ok(None) => wrong(format!("a room called `{room}` has no page: use the command in chat")),
        Err(error) => wrong(error.to_string()),
    }
}
