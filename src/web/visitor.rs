//! Who reads: the session behind the cookie, as it is now.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use tracing::error;

use super::Web;
use super::guard::form_token;
use super::kinds::{Section, Trouble};
use super::language::language;
use super::page::{Layout, trouble};
use super::words::Words;
use crate::app::commands::at_once;
use crate::domain::command::{Command, CommandRequest, UsageError};
use crate::domain::reply::Reply;
use crate::domain::session::{SESSION_FOR, Session, Token};

/// Somebody who is signed in.
pub(super) struct Visitor {
    pub(super) session: Session,
    /// The secret of the session, as the cookie has it.
    pub(super) token: Token,
    pub(super) said: &'static dyn Words,
}

impl Visitor {
    /// Asks the service, on record, as the person and in the place of the session.
    pub(super) async fn asks(&self, web: &Web, line: &str, command: Result<Command, UsageError>) -> Reply {
        let known = web.service.directory().known();
        let request = CommandRequest {
            principal: self.session.principal(&known, web.service.clock().now()),
            place: self.session.place.clone(),
            delivery: None,
            typed: format!("web: {line}"),
            command,
            pressed: None,
            if_owner: None,
        };
        // Nobody can press a button here.
        web.service.handle(request, at_once).await.into_reply().without_buttons()
    }

    /// The frame of a page for this person.
    pub(super) fn layout(&self, here: Section) -> Layout {
        let who = self.session.name.clone().unwrap_or_else(|| self.session.subject.to_string());
        Layout::signed_in(self.said, here, who, form_token(&self.token))
    }
}

impl FromRequestParts<Arc<Web>> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, web: &Arc<Web>) -> Result<Self, Response> {
        let said = language(&parts.headers);
        let welcome = || trouble(said, StatusCode::UNAUTHORIZED, Trouble::SignedOut);
        let token = cookie(web, &parts.headers).ok_or_else(welcome)?;
        let found = web.console.sessions.session(&token.hash(), web.service.clock().now()).await;
        let session = found.map_err(|problem| {
            error!(error = %problem, "the console cannot tell who is signed in");
            trouble(said, StatusCode::SERVICE_UNAVAILABLE, Trouble::Store)
        })?;
        Ok(Self { session: session.ok_or_else(welcome)?, token, said })
    }
}

/// A browser takes `__Host-` from nobody but us, over https.
fn cookie_name(web: &Web) -> &'static str {
    if web.is_secure() { "__Host-room-owner" } else { "room-owner" }
}

/// The token in the cookie; none if there are two of the name.
pub(super) fn cookie(web: &Web, headers: &HeaderMap) -> Option<Token> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = all.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut ours = pairs.filter(|(name, _)| *name == cookie_name(web)).map(|(_, value)| value);
    match (ours.next(), ours.next()) {
        (Some(token), None) => Token::read(token),
        _ => None,
    }
}

/// The cookie of a session that begins, or, without one, the end of the cookie.
pub(super) fn set_cookie(web: &Web, token: Option<&Token>) -> Option<HeaderValue> {
    let (value, seconds) = token.map_or(("", 0), |token| (token.expose(), SESSION_FOR.as_secs()));
    let secure = if web.is_secure() { "; Secure" } else { "" };
    let name = cookie_name(web);
    let cookie = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    let mut cookie = HeaderValue::try_from(cookie).ok()?;
    cookie.set_sensitive(true);
    Some(cookie)
}
