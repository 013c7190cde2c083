//! `POST /slack/interactions`: what people press (docs.slack.dev/interactivity/handling-user-interaction).
//!
//! 401 for bytes that Slack did not sign, with nothing parsed; else 200 at once. Slack shows nothing of that answer: what
//! came of a press is said at its `response_url`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use tracing::{debug, warn};

use super::interactive::{self, Interactive, Pressing, Source};
use super::response_url::ResponseUrl;
use super::{Slack, payload};
use crate::app::commands::at_once;
use crate::domain::reply::{Audience, Reply};

pub(super) async fn interaction(State(slack): State<Arc<Slack>>, headers: HeaderMap, body: Body) -> Response {
    let body = match slack.authentic(&headers, body).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    let payload = payload::fields(&body).ok().and_then(|mut fields| fields.remove("payload"));
    let payload = payload.and_then(|text| serde_json::from_slice(&slack.redactor.json(text.as_bytes())).ok());
    slack.interactive(payload.unwrap_or_default()).await;
    StatusCode::OK.into_response()
}

impl Slack {
    /// Takes what somebody pressed. Returns as soon as somebody works on it; that ends even through a shutdown.
    pub(super) async fn interactive(self: Arc<Self>, payload: Value) {
        match interactive::read(&payload, &self.settings) {
            Interactive::Ignored(kind) => debug!(kind, "slack sent what the bot has no use for"),
            Interactive::Rejected(request, url) => {
                let reply = self.service.reject(*request).await;
                let slack = Arc::clone(&self);
                self.service.spawn(async move { slack.answer_late(url.as_ref(), &reply).await });
            }
            Interactive::Press(pressing) => {
                let slack = Arc::clone(&self);
                self.service.spawn(async move { slack.pressed(*pressing).await });
            }
        }
    }

    async fn pressed(self: Arc<Self>, pressing: Pressing) {
        let Pressing { mut press, response_url, source } = pressing;
        press.principal = self.with_groups(press.principal);
        let service = Arc::clone(&self.service);
        let work = tokio::spawn(async move { service.press(press, at_once).await.into_reply() });
        let reply = work.await.unwrap_or_else(|panic| super::slash::broken(&panic));
        self.answer_press(response_url.as_ref(), &reply, &source).await;
    }

    /// Says what came of a press. A message that only the person sees gives way to it; one that the channel sees stays,
    /// without the buttons that cannot be pressed any more.
    async fn answer_press(&self, url: Option<&ResponseUrl>, reply: &Reply, source: &Source) {
        let is_public = reply.audience() == Audience::Channel && !self.settings.private_replies;
        let is_over = reply.ends_buttons();
        match source {
            Source::Private if is_over && !is_public => {
                let mut message = self.render(reply);
                message["replace_original"] = json!(true);
                return self.deliver_late(url, reply, &message).await;
            }
            Source::Private | Source::Public(_) => self.answer_late(url, reply).await,
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
