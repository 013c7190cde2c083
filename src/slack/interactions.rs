//! `POST /slack/interactions`: what people press and fill in (docs.slack.dev/interactivity/handling-user-interaction).
//!
//! 401 for bytes that Slack did not sign, with nothing parsed; else 200. Of a press, Slack shows nothing of that answer:
//! its result is said at its `response_url`. A form is answered in its place.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};
use tracing::{debug, warn};

use super::Slack;
use super::answer::{Answer, joined};
use super::interactive::{self, Interactive, Pressing, Source};
use super::payload::Invocation;
use super::response_url::ResponseUrl;
use super::slash;
use crate::app::commands::at_once;
use crate::domain::reply::Reply;

pub(super) async fn interaction(State(slack): State<Arc<Slack>>, headers: HeaderMap, body: Body) -> Response {
    let body = match slack.authentic(&headers, body).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    let payload = interactive::payload(&body, &slack.redactor);
    slash::response(slack.interactive(payload).await)
}

impl Slack {
    /// Takes what somebody pressed or filled in, and returns what Slack is to show for it at once, if anything. What takes
    /// longer ends even through a shutdown.
    pub(super) async fn interactive(self: Arc<Self>, payload: Value) -> Answer {
        match interactive::read(&payload, &self.settings) {
            Interactive::Ignored(kind) => debug!(kind, "slack sent what the bot has no use for"),
            Interactive::Rejected(request, url) => {
                let reply = self.service.reject(*request).await;
                if url.is_some() {
                    let slack = Arc::clone(&self);
                    self.service.spawn(async move { slack.answer_beside(url.as_ref(), &reply).await });
                }
            }
            Interactive::Press(pressing) => {
                let slack = Arc::clone(&self);
                self.service.spawn(async move { slack.pressed(*pressing).await });
            }
            Interactive::Form(invocation) => {
                let slack = Arc::clone(&self);
                self.service.spawn(async move { slack.asked_for_form(*invocation).await });
            }
            Interactive::Typing(typing) => return Answer::Note(self.suggestions(*typing).await),
            Interactive::Submission(submission) => return self.submitted(*submission).await,
        }
        Answer::Nothing
    }

    /// Shows the form, or says why not.
    async fn asked_for_form(&self, invocation: Invocation) {
        let Invocation { mut request, response_url, trigger } = invocation;
        request.principal = self.with_groups(request.principal);
        let place = request.place.clone();
        let reply = self.service.handle(request, at_once).await.into_reply();
        if !self.shows_form(trigger.as_deref(), &place, &reply).await {
            self.answer_late(response_url.as_ref(), &reply).await;
        }
    }

    async fn pressed(self: Arc<Self>, pressing: Pressing) {
        let Pressing { mut press, response_url, source } = pressing;
        press.principal = self.with_groups(press.principal);
        let service = Arc::clone(&self.service);
        let work = tokio::spawn(async move { service.press(press, at_once).await.into_reply() });
        let reply = joined(work.await);
        self.answer_press(response_url.as_ref(), &reply, &source).await;
    }

    /// Says it in a message of its own: where the field is missing, Slack has been seen to replace the other one.
    async fn answer_beside(&self, url: Option<&ResponseUrl>, reply: &Reply) {
        let mut message = self.render(reply);
        message["replace_original"] = json!(false);
        self.deliver_late(url, reply, &message).await;
    }

    /// Says what came of a press. A message that only the person sees gives way to it; one that the channel sees stays,
    /// without the buttons that cannot be pressed any more.
    async fn answer_press(&self, url: Option<&ResponseUrl>, reply: &Reply, source: &Source) {
        let is_public = reply.is_public(self.settings.private_replies);
        let is_over = reply.ends_buttons();
        match source {
            Source::Private if is_over && !is_public => {
                let mut message = self.render(reply);
                message["replace_original"] = json!(true);
                return self.deliver_late(url, reply, &message).await;
            }
            Source::Private | Source::Public(_) => self.answer_beside(url, reply).await,
        }
        let tidied = match source {
            _ if !is_over => return,
            Source::Private => json!({ "delete_original": true }),
            Source::Public(message) => (**message).clone(),
        };
        if let Err(problem) = self.post_late(url, &tidied).await {
            warn!(%problem, "buttons that were pressed stay in a message");
        }
    }
}
