//! `POST /discord/interactions`: one interaction over HTTP.
//!
//! 401 for bytes that Discord did not sign, with nothing parsed. What it did sign is answered over REST,
//! as over every transport; the request itself gets 202 and no body, which Discord documents for that
//! (docs.discord.com/developers/interactions/receiving-and-responding, "Responding to an Interaction").

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::interaction::Answered;
use super::signature::{self, PublicKey};
use super::{Door, LARGEST_BODY};
use crate::app::ports::Sender;

/// The door, as HTTP reaches it.
pub(super) struct Endpoint {
    pub(super) key: PublicKey,
    pub(super) door: Arc<Door>,
}

pub(super) async fn interactions(
    State(endpoint): State<Arc<Endpoint>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let body = match crate::body::read(body, LARGEST_BODY).await {
        Ok(body) => body,
        Err(status) => return status.into_response(),
    };
    if let Err(why) = signature::verify(&endpoint.key, &headers, &body, endpoint.door.clock.now()) {
        endpoint.door.service.observer().refused(Sender::Discord, why);
        return crate::body::not_signed("Discord");
    }
    match Arc::clone(&endpoint.door).interaction(&body).await {
        Answered::Pong => Json(json!({ "type": 1 })).into_response(),
        Answered::Taken => StatusCode::ACCEPTED.into_response(),
        Answered::Unreadable => (StatusCode::BAD_REQUEST, "not an interaction\n").into_response(),
    }
}
