//! `POST /slack/commands`: one slash command.
//!
//! 401 for bytes that Slack did not sign, with nothing parsed; else 200 with a reply for the person.

use std::convert::Infallible;
use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::body::{Frame, SizeHint};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::{debug, error};

use super::payload::{self, Invocation, Payload};
use super::render::render;
use super::response_url::ResponseUrl;
use super::{LARGEST_BODY, Slack, signature};
use crate::app::ports::Sender;
use crate::domain::principal::Principal;
use crate::domain::reply::Reply;

/// How long the person waits for an answer to the request itself, which Slack gives up 3 s after it sent it.
const INLINE: Duration = Duration::from_secs(2);

pub(super) async fn command(State(slack): State<Arc<Slack>>, headers: HeaderMap, body: Body) -> Response {
    let until = Instant::now() + INLINE;
    let body = match slack.authentic(&headers, body).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    match payload::read(&body, &slack.settings, &slack.redactor) {
        Payload::SslCheck => StatusCode::OK.into_response(),
        Payload::Rejected(request) => {
            let reply = slack.service.reject(*request).await;
            slack.say(&reply)
        }
        Payload::Command(mut invocation) => {
            invocation.request.principal = slack.with_groups(invocation.request.principal);
            slack.carry_out(*invocation, until).await
        }
    }
}

impl Slack {
    /// The body, if Slack signed it; else the answer.
    pub(super) async fn authentic(&self, headers: &HeaderMap, body: Body) -> Result<Vec<u8>, Response> {
        let body = crate::body::read(body, LARGEST_BODY).await.map_err(IntoResponse::into_response)?;
        if !headers.contains_key("x-slack-signature") && payload::is_bare_ssl_check(&body) {
            return Err(StatusCode::OK.into_response());
        }
        match signature::verify(&self.settings.signing_secrets, headers, &body, self.clock.now()) {
            Ok(secret) => {
                debug!(secret, "slack request is authentic");
                Ok(body)
            }
            Err(why) => {
                self.service.refused(Sender::Slack, why);
                Err(crate::body::not_signed("Slack"))
            }
        }
    }

    /// The person with the groups that are known of them.
    pub(super) fn with_groups(&self, principal: Principal) -> Principal {
        let known = self.service.directory().known();
        Principal { name: principal.name, ..known.principal(principal.subject, self.clock.now()) }
    }

    /// Answers inline if the work is done by `until`, else says so and answers late.
    async fn carry_out(self: Arc<Self>, invocation: Invocation, until: Instant) -> Response {
        let Invocation { request, response_url, trigger } = invocation;
        let channel = request.place.clone();
        let typed = request.typed.clone();
        let result_follows = response_url.is_some();
        let is_recorded = Arc::<AtomicBool>::default();
        let (service, on_record) = (Arc::clone(&self.service), Arc::clone(&is_recorded));
        let recorded = move |_, _| {
            on_record.store(true, Ordering::Release);
            ready(Ok::<(), Infallible>(()))
        };
        let work = self.service.spawn(async move { service.handle(request, recorded).await.into_reply() });
        let mut unanswered = Unanswered { slack: Arc::clone(&self), work: Some(work), response_url };
        match tokio::time::timeout_at(until, unanswered.reply()).await {
            Ok(reply) => {
                unanswered.work = None;
                if self.shows_form(trigger.as_deref(), &channel, &reply).await {
                    return StatusCode::OK.into_response();
                }
                let body = self.render(&reply).to_string();
                let response_url = unanswered.response_url.take();
                let answer = Answer { body: Some(body.into()), slack: self, reply, response_url };
                ([(header::CONTENT_TYPE, "application/json")], Body::new(answer)).into_response()
            }
            // What is unanswered is answered late.
            Err(_) if is_recorded.load(Ordering::Acquire) => {
                self.say(&Reply::Working { typed, result_follows })
            }
            Err(_) => self.say(&Reply::Waiting { typed, result_follows }),
        }
    }

    pub(super) fn render(&self, reply: &Reply) -> serde_json::Value {
        render(reply, &self.settings.command, self.settings.private_replies)
    }

    fn say(&self, reply: &Reply) -> Response {
        Json(self.render(reply)).into_response()
    }
}

/// A command that nobody has answered. Should the request go away, or take too long, the answer comes late.
struct Unanswered {
    slack: Arc<Slack>,
    work: Option<JoinHandle<Reply>>,
    response_url: Option<ResponseUrl>,
}

impl Unanswered {
    async fn reply(&mut self) -> Reply {
        match &mut self.work {
            Some(work) => work.await.unwrap_or_else(|panic| broken(&panic)),
            None => Reply::Broken,
        }
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        let Some(work) = self.work.take() else { return };
        let (slack, response_url) = (Arc::clone(&self.slack), self.response_url.take());
        self.slack.service.spawn(async move {
            let reply = work.await.unwrap_or_else(|panic| broken(&panic));
            slack.answer_late(response_url.as_ref(), &reply).await;
        });
    }
}

/// The answer to a request. It is given when it is handed over to the connection; if that is gone before, the
/// answer comes late.
struct Answer {
    body: Option<Bytes>,
    slack: Arc<Slack>,
    reply: Reply,
    response_url: Option<ResponseUrl>,
}

impl hyper::body::Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let body = self.body.take();
        if body.is_some() {
            self.slack.service.answer_given(self.reply.operation());
        }
        Poll::Ready(body.map(|body| Ok(Frame::data(body))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.body.as_ref().map_or(0, |body| body.len() as u64))
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if self.body.is_none() {
            return;
        }
        let (slack, response_url) = (Arc::clone(&self.slack), self.response_url.take());
        let reply = std::mem::replace(&mut self.reply, Reply::Broken);
        self.slack.service.spawn(async move { slack.answer_late(response_url.as_ref(), &reply).await });
    }
}

pub(super) fn broken(panic: &tokio::task::JoinError) -> Reply {
    error!(%panic, "a command broke off");
    Reply::Broken
}
