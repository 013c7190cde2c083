//! Links with which the demo's people sign in to the console.

use std::sync::Arc;

use anyhow::bail;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;

use super::chat::Failed;
use super::world::{CHANNELS, PEOPLE, Person, TEAM};
use crate::app::commands::at_once;
use crate::app::service::CommandService;
use crate::domain::command::{Command, CommandRequest, Place};
use crate::domain::principal::Principal;
use crate::domain::reply::{ConsoleAnswer, Reply};
use crate::domain::session::ConsoleCommand;

/// A link as somebody gets it who types `/room-audit console` in #mods; `None` if they may not have one.
async fn link(service: &CommandService, person: &Person) -> anyhow::Result<Option<String>> {
    let [mods, ..] = &CHANNELS;
    let principal = Principal::new(format!("slack:{TEAM}:{}", person.id).parse()?);
    let request = CommandRequest {
        principal: Principal { name: Some(person.name.to_lowercase()), ..principal },
        place: Place::Channel(format!("slack:{TEAM}:{}", mods.id).parse()?),
        delivery: None,
        typed: "/room-audit console".to_owned(),
        command: Ok(Command::Console(ConsoleCommand::Link)),
        pressed: None,
        if_owner: None,
    };
    let reply = service.handle(request, at_once).await.into_reply();
    match &reply {
        Reply::Console { answer, .. } if let ConsoleAnswer::Link(link) = &**answer => {
            Ok(Some(link.address.clone()))
        }
        Reply::Denied { .. } => Ok(None),
        other => bail!("no link to the console: {other:?}"),
    }
}

/// A line for each person who may use the console at the start: name, role and link.
pub(super) async fn links(service: &CommandService) -> anyhow::Result<Vec<String>> {
    let mut lines = Vec::new();
    for person in &PEOPLE {
        let Some((role, rooms)) = person.role else { continue };
        if let Some(link) = link(service, person).await? {
            lines.push(format!("{:<6} {:<16} {link}", person.name, format!("{role} of {rooms}")));
        }
    }
    Ok(lines)
}

/// Where the page gets a fresh link for somebody, and goes to it.
pub(super) fn router(service: Arc<CommandService>) -> Router {
    Router::new().route("/demo/console/{person}", get(open)).with_state(service)
}

async fn open(
    State(service): State<Arc<CommandService>>,
    Path(id): Path<String>,
) -> Result<Response, Failed> {
    let Some(person) = PEOPLE.iter().find(|person| person.id == id) else {
        return Ok((StatusCode::NOT_FOUND, "no such person in the demo\n").into_response());
    };
    Ok(match link(&service, person).await? {
        Some(link) => Redirect::to(&link).into_response(),
        None => {
            let name = person.name.to_lowercase();
            let why = format!(
                "{name} has no role, and the console is for whoever has one. As Adam, type /room-acl grant @{name} \
                 moderator rooms: live-7 for: 8h\n"
            );
            (StatusCode::FORBIDDEN, why).into_response()
        }
    })
}
