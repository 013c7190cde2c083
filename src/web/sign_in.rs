//! Signing in by a link. Opening it changes nothing, for chat platforms look at every link that they show; the button
//! on its page uses it up.

use std::net::SocketAddr;
use std::sync::Arc;

use askama::Template;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use tracing::error;

use super::Web;
use super::guard::may_sign_in;
use super::kinds::{Section, Trouble};
use super::language::language;
use super::page::{Layout, html, refused, trouble};
use super::visitor::{Visitor, set_cookie};
use super::words::{Label, Words};
use crate::domain::command::Command;
use crate::domain::reply::{ConsoleAnswer, Reply};
use crate::domain::room::visible;
use crate::domain::session::{ConsoleCommand, NotSignedIn, Session, Token};

#[derive(Template)]
#[template(path = "sign_in.html", config = "src/web/askama.toml")]
struct SignInPage {
    layout: Layout,
    who: String,
    place: String,
    action: String,
}

/// The link that was followed, and whose it is; or the page that says why it does not sign in.
async fn followed(
    web: &Web,
    said: &'static dyn Words,
    link: &str,
    is_within_limit: bool,
) -> Result<(Token, Session), Response> {
    if !is_within_limit {
        let mut page = trouble(said, StatusCode::TOO_MANY_REQUESTS, Trouble::TooManySignIns);
        page.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("60"));
        return Err(page);
    }
    let token = Token::read(link).ok_or_else(|| not_signed_in(said, NotSignedIn::Unknown))?;
    match web.console.sessions.link(&token.hash(), web.service.clock().now()).await {
        Ok(Ok(whose)) => Ok((token, whose)),
        Ok(Err(why)) => Err(not_signed_in(said, why)),
        Err(problem) => {
            error!(error = %problem, "nobody can sign in");
            Err(trouble(said, StatusCode::SERVICE_UNAVAILABLE, Trouble::Store))
        }
    }
}

fn not_signed_in(said: &'static dyn Words, why: NotSignedIn) -> Response {
    let status = match why {
        NotSignedIn::Unknown => StatusCode::NOT_FOUND,
        NotSignedIn::Used | NotSignedIn::Lapsed => StatusCode::GONE,
    };
    trouble(said, status, Trouble::Link(why))
}

/// Shows whose link it is, and the button.
pub(super) async fn ask(
    State(web): State<Arc<Web>>,
    peer: ConnectInfo<SocketAddr>,
    Path(link): Path<String>,
    headers: HeaderMap,
) -> Response {
    let said = language(&headers);
    let (token, whose) = match followed(&web, said, &link, may_sign_in(&web, &headers, peer)).await {
        Ok(followed) => followed,
        Err(page) => return page,
    };
    let who = match &whose.name {
        Some(name) => format!("{name} ({})", whose.subject),
        None => whose.subject.to_string(),
    };
    html(&SignInPage {
        layout: Layout::bare(said),
        who: visible(&who),
        place: said.place(&whose.place),
        action: format!("/sign-in/{}", token.expose()),
    })
}

/// Signs in: the link is used up, and the session has a secret that nobody had before.
pub(super) async fn sign_in(
    State(web): State<Arc<Web>>,
    peer: ConnectInfo<SocketAddr>,
    Path(link): Path<String>,
    headers: HeaderMap,
) -> Response {
    let said = language(&headers);
    let (link, session) = match followed(&web, said, &link, may_sign_in(&web, &headers, peer)).await {
        Ok(followed) => followed,
        Err(page) => return page,
    };
    let token = Token::new(rand::random());
    let command = Command::Console(ConsoleCommand::SignIn(link.hash(), token.hash()));
    let visitor = match Visitor::new(&web, session, token, said).await {
        Ok(visitor) => visitor,
        Err(problem) => {
            error!(error = %problem, "nobody can sign in");
            return trouble(said, StatusCode::SERVICE_UNAVAILABLE, Trouble::Store);
        }
    };
    let reply = visitor.asks(&web, "sign in", Ok(command)).await;
    let Reply::Console { answer, .. } = &reply else { return refused(said, &reply) };
    match &**answer {
        ConsoleAnswer::SignedIn(_) => {
            let first = visitor.sees.first().copied().unwrap_or(Section::Sessions);
            let mut page = Redirect::to(first.path()).into_response();
            let cookie = set_cookie(&web, Some(&visitor.token));
            page.headers_mut().extend(cookie.map(|cookie| (header::SET_COOKIE, cookie)));
            page
        }
        ConsoleAnswer::NotSignedIn(why) => not_signed_in(said, *why),
        _ => trouble(said, StatusCode::SERVICE_UNAVAILABLE, Trouble::Store),
    }
}
