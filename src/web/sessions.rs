//! Who is signed in, and the end of sessions.

use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};

use super::Web;
use super::form::Form;
use super::kinds::{Section, Trouble};
use super::page::{Layout, html, not_taken, refused, trouble};
use super::visitor::{Visitor, set_cookie};
use super::words::Label;
use crate::domain::audit::OperationId;
use crate::domain::command::Command;
use crate::domain::reply::{ConsoleAnswer, Reply};
use crate::domain::room::visible;
use crate::domain::session::{ConsoleCommand, Session};
use crate::page::{Heading, Pen, When};

struct Row {
    number: i64,
    who: String,
    id: String,
    place: String,
    since: When,
    until: When,
    is_this_one: bool,
}

#[derive(Template)]
#[template(path = "sessions.html", config = "src/web/askama.toml")]
struct SessionsPage {
    layout: Layout,
    rows: Vec<Row>,
    is_everybody: bool,
}

/// The sessions that the visitor may see: their own, or everybody's.
pub(super) async fn list(State(web): State<Arc<Web>>, visitor: Visitor) -> Response {
    let command = Command::Console(ConsoleCommand::Sessions);
    let reply = visitor.asks(&web, "sessions", Ok(command)).await;
    let Reply::Console { answer, .. } = &reply else { return refused(visitor.said, &reply) };
    let ConsoleAnswer::Sessions(sessions, is_everybody) = &**answer else {
        return refused(visitor.said, &reply);
    };
    let pen = Pen::new(visitor.said.page(), None);
    let row = |session: &Session| Row {
        number: session.id.seq(),
        who: visible(session.name.as_deref().unwrap_or_default()),
        id: session.subject.to_string(),
        place: visitor.said.place(&session.place),
        since: pen.when(session.since.unwrap_or(session.asked_at)),
        until: pen.when(session.until),
        is_this_one: session.id == visitor.session.id,
    };
    html(&SessionsPage {
        layout: visitor.layout(Section::Sessions),
        rows: sessions.iter().map(row).collect(),
        is_everybody: *is_everybody,
    })
}

/// Ends a session that the list shows.
pub(super) async fn end(State(web): State<Arc<Web>>, visitor: Visitor, body: Body) -> Response {
    let form = match Form::read(&web, body, &visitor).await {
        Ok(form) => form,
        Err(page) => return page,
    };
    let number = form.get("session").and_then(|number| number.parse().ok()).map(OperationId::new);
    let Some(session) = number else {
        return not_taken(visitor.said, StatusCode::BAD_REQUEST);
    };
    let reply = ended(&web, &visitor, session).await;
    match reply {
        Reply::Console { .. } if session == visitor.session.id => left(&web, &visitor),
        Reply::Console { .. } => Redirect::to(Section::Sessions.path()).into_response(),
        other => refused(visitor.said, &other),
    }
}

/// Whoever is signed in may end their own sessions; others' those who may edit every entry of the ACL.
async fn ended(web: &Web, visitor: &Visitor, session: OperationId) -> Reply {
    let live = web.console.sessions.sessions(web.service.clock().now()).await.unwrap_or_default();
    let is_own = |one: &Session| one.id == session && one.subject == visitor.session.subject;
    let command = match live.iter().any(is_own) {
        true => ConsoleCommand::Leave(session),
        false => ConsoleCommand::End(session),
    };
    visitor.asks(web, &format!("end session {session}"), Ok(Command::Console(command))).await
}

/// Ends the visitor's session.
pub(super) async fn sign_out(State(web): State<Arc<Web>>, visitor: Visitor, body: Body) -> Response {
    if let Err(page) = Form::read(&web, body, &visitor).await {
        return page;
    }
    let command = Command::Console(ConsoleCommand::Leave(visitor.session.id));
    match visitor.asks(&web, "sign out", Ok(command)).await {
        Reply::Console { .. } => left(&web, &visitor),
        other => refused(visitor.said, &other),
    }
}

/// The visitor has left, and their browser forgets the session.
fn left(web: &Web, visitor: &Visitor) -> Response {
    let mut page = trouble(visitor.said, StatusCode::OK, Trouble::Left);
    page.headers_mut().extend(set_cookie(web, None).map(|cookie| (header::SET_COOKIE, cookie)));
    page
}
