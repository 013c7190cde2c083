//! `POST /slack/commands`: one slash command.
//!
//! 401 for bytes that Slack did not sign, with nothing parsed; else 200 with a reply for the person.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::body::{Frame, SizeHint};
use tokio::time::Instant;
use tracing::debug;

use super::answer::{Answer, INLINE, Outgoing};
use super::{LARGEST_BODY, Slack, payload, signature};
use crate::app::ports::Sender;

pub(super) async fn command(State(slack): State<Arc<Slack>>, headers: HeaderMap, body: Body) -> Response {
    let until = Instant::now() + INLINE;
    let body = match slack.authentic(&headers, body).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    let payload = payload::read(&body, &slack.settings, &slack.redactor);
    response(slack.answer(payload, until).await)
}

/// The answer to a request. An outcome that the connection does not take comes late.
pub(super) fn response(answer: Answer) -> Response {
    match answer {
        Answer::Nothing => StatusCode::OK.into_response(),
        Answer::Note(message) => Json(message).into_response(),
        Answer::Outcome(outgoing) => {
            let message = outgoing.message().to_string();
            let outcome = Outcome { message: Some(message.into()), outgoing: Some(outgoing) };
            ([(header::CONTENT_TYPE, "application/json")], Body::new(outcome)).into_response()
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
                self.service.observer().refused(Sender::Slack, why);
                Err(crate::body::not_signed("Slack"))
            }
        }
    }
}

/// An outcome as a body. It is given when it is handed over to the connection; if that is gone before, it comes late.
struct Outcome {
    message: Option<Bytes>,
    outgoing: Option<Box<Outgoing>>,
}

impl hyper::body::Body for Outcome {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(outgoing) = self.outgoing.take() {
            outgoing.given();
        }
        Poll::Ready(self.message.take().map(|message| Ok(Frame::data(message))))
    }

    fn is_end_stream(&self) -> bool {
        self.message.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.message.as_ref().map_or(0, |message| message.len() as u64))
    }
}
