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
use crate::app::commands::{Press, at_once};
use crate::app::ports::StoreError;
use crate::domain::access::{Action, Decision, Mark, decide};
use crate::domain::command::{Command, CommandRequest, DeliveryId, UsageError};
use crate::domain::principal::Principal;
use crate::domain::reply::Reply;
use crate::domain::room::{AccountId, RoomId};
use crate::domain::session::{SESSION_FOR, Session, Token};

/// Somebody who is signed in.
pub(super) struct Visitor {
    pub(super) session: Session,
    /// The secret of the session, as the cookie has it.
    pub(super) token: Token,
    pub(super) said: &'static dyn Words,
    /// The pages that they may see now.
    pub(super) sees: Vec<Section>,
}

impl Visitor {
    /// Whoever has this session, with what they may see now.
    ///
    /// # Errors
    /// When the ACL cannot be read.
    pub(super) async fn new(
        web: &Web,
        session: Session,
        token: Token,
        said: &'static dyn Words,
    ) -> Result<Self, StoreError> {
        let mut visitor = Self { session, token, said, sees: Vec::new() };
        let may = visitor.rights(web).await?;
        visitor.sees = Section::ALL.into_iter().filter(|section| may(section.needs())).collect();
        Ok(visitor)
    }

    /// The person, with what is known of them now.
    pub(super) fn principal(&self, web: &Web) -> Principal {
        self.session.principal(&web.service.directory().known(), web.service.clock().now())
    }

    /// What they may do from their place now, to show no more than that. It permits nothing.
    ///
    /// # Errors
    /// When the ACL cannot be read.
    pub(super) async fn rights(&self, web: &Web) -> Result<impl Fn(Action) -> bool + use<>, StoreError> {
        let (principal, place, now) =
            (self.principal(web), self.session.place.clone(), web.service.clock().now());
        let acl = web.service.store().acl_for(&principal, &place).await?;
        Ok(move |action| matches!(decide(&principal, &place, action, &acl, now), Decision::Permit(_)))
    }

    /// What a hand-over of a room takes beyond the right to it.
    ///
    /// # Errors
    /// When the ACL cannot be read.
    pub(super) async fn mark(&self, web: &Web, room: &RoomId) -> Result<Option<Mark>, StoreError> {
        let acl = web.service.store().acl_for(&self.principal(web), &self.session.place).await?;
        Ok(acl.mark_of(room, web.service.clock().now()))
    }

    fn request(&self, web: &Web, line: &str, command: Result<Command, UsageError>) -> CommandRequest {
        CommandRequest {
            principal: self.principal(web),
            place: self.session.place.clone(),
            delivery: None,
            typed: format!("web: {line}"),
            command,
            pressed: None,
            if_owner: None,
        }
    }

    /// Asks the service, on record, as the person and in the place of the session.
    pub(super) async fn asks(&self, web: &Web, line: &str, command: Result<Command, UsageError>) -> Reply {
        let request = self.request(web, line, command);
        web.service.handle(request, at_once).await.into_reply().without_buttons()
    }

    /// The same for what a form asks for: a form that is sent twice is carried out once. `if_owner` owns the room, or
    /// nothing is done.
    pub(super) async fn sends(
        &self,
        web: &Web,
        delivery: DeliveryId,
        line: &str,
        command: Result<Command, UsageError>,
        if_owner: Option<AccountId>,
    ) -> Reply {
        let request = self.request(web, line, command);
        let request = CommandRequest { delivery: Some(delivery), if_owner, ..request };
        web.service.handle(request, at_once).await.into_reply()
    }

    /// Presses a button that a reply offers. `None` on the bot's machine: buttons belong to channels.
    pub(super) async fn presses(&self, web: &Web, delivery: DeliveryId, nonce: &str) -> Option<Reply> {
        let channel = self.session.place.or_here(None)?;
        let press = Press {
            principal: self.principal(web),
            channel,
            delivery: Some(delivery),
            nonce: nonce.to_owned(),
        };
        Some(web.service.press(press, at_once).await.into_reply())
    }

    /// The frame of a page for this person.
    pub(super) fn layout(&self, here: Section) -> Layout {
        let who = self.session.name.clone().unwrap_or_else(|| self.session.subject.to_string());
        Layout::signed_in(self.said, here, &who, form_token(&self.token), self.sees.clone())
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
        let session = session.ok_or_else(welcome)?;
        Self::new(web, session, token, said).await.map_err(|problem| {
            error!(error = %problem, "the console cannot tell what somebody may see");
            trouble(said, StatusCode::SERVICE_UNAVAILABLE, Trouble::Store)
        })
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
