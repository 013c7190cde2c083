//! `POST /slack/commands`: one slash command.
//!
//! 401 for bytes that Slack did not sign, with nothing parsed; 200 with words for the person for
//! everything that it did.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use tracing::{debug, error, info};

use super::payload::{self, Invocation, Payload};
use super::render::render;
use super::{LARGEST_BODY, Slack, signature};
use crate::domain::reply::Reply;

/// How long the person waits for an answer to the request itself. Slack gives up after 3 s.
const INLINE: Duration = Duration::from_secs(2);

pub(super) async fn command(State(slack): State<Arc<Slack>>, headers: HeaderMap, body: Body) -> Response {
    let body = match crate::body::read(body, LARGEST_BODY).await {
        Ok(body) => body,
        Err(status) => return status.into_response(),
    };
    if !headers.contains_key("x-slack-signature") && payload::is_bare_ssl_check(&body) {
        return StatusCode::OK.into_response();
    }
    match signature::verify(&slack.settings.signing_secrets, &headers, &body, slack.clock.now()) {
        Ok(secret) => debug!(secret, "slack request is authentic"),
        Err(why) => {
            info!(%why, "slack request refused");
            return (StatusCode::UNAUTHORIZED, "not signed by Slack\n").into_response();
        }
    }
    match payload::read(&body, &slack.settings) {
        Payload::SslCheck => StatusCode::OK.into_response(),
        Payload::Rejected(request) => {
            let reply = slack.service.reject(*request).await;
            slack.say(&reply)
        }
        Payload::Command(mut invocation) => {
            let principal = &mut invocation.request.principal;
            principal.groups = slack.service.directory().groups_of(&principal.subject);
            slack.carry_out(*invocation).await
        }
    }
}

impl Slack {
    /// Answers inline if the work is done in time, else says so and answers late.
    async fn carry_out(self: Arc<Self>, invocation: Invocation) -> Response {
        let Invocation { request, response_url } = invocation;
        let typed = request.typed.clone();
        let result_follows = response_url.is_some();
        let mut work = self.service.spawn(request);
        match tokio::time::timeout(INLINE, &mut work).await {
            Ok(Ok(reply)) => self.say(&reply),
            Ok(Err(panic)) => self.say(&broken(&panic)),
            Err(_) => {
                let slack = Arc::clone(&self);
                self.service.track(async move {
                    let reply = work.await.unwrap_or_else(|panic| broken(&panic));
                    slack.answer_late(response_url, &reply).await;
                });
                self.say(&Reply::Working { typed, result_follows })
            }
        }
    }

    pub(super) fn render(&self, reply: &Reply) -> serde_json::Value {
        render(reply, &self.settings.command, self.settings.private_replies)
    }

    fn say(&self, reply: &Reply) -> Response {
        Json(self.render(reply)).into_response()
    }
}

fn broken(panic: &tokio::task::JoinError) -> Reply {
    error!(%panic, "a command broke off");
    Reply::Broken
}
