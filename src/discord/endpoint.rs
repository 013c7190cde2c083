//! `POST /discord/interactions`: one interaction over HTTP.
//!
//! 401 for bytes that Discord did not sign, with nothing parsed. What it did sign is answered over REST,
//! as over every transport; the request itself gets 202 and no body, which Discord documents for that
//! (docs.discord.com/developers/interactions/receiving-and-responding, "Responding to an Interaction").

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use http_body_util::BodyExt as _;
use serde_json::json;
use tracing::info;

use super::interaction::Answered;
use super::signature::{self, PublicKey};
use super::{Door, LARGEST_BODY};

/// How long a sender may take over its body.
const BODY_TIMEOUT: Duration = Duration::from_secs(3);
/// How much of a body over the limit is read for the sake of its answer.
const LARGEST_FORGOTTEN: usize = 4 * LARGEST_BODY;

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
    let body = match read_body(body).await {
        Ok(body) => body,
        Err(status) => return status.into_response(),
    };
    if let Err(why) = signature::verify(&endpoint.key, &headers, &body, endpoint.door.clock.now()) {
        info!(%why, "discord request refused");
        return (StatusCode::UNAUTHORIZED, "not signed by Discord\n").into_response();
    }
    match Arc::clone(&endpoint.door).interaction(&body).await {
        Answered::Pong => Json(json!({ "type": 1 })).into_response(),
        Answered::Taken => StatusCode::ACCEPTED.into_response(),
        Answered::Unreadable => (StatusCode::BAD_REQUEST, "not an interaction\n").into_response(),
    }
}

/// Reads a body within the limit. One that is somewhat longer is read to its end and forgotten: whoever is
/// cut off while sending sees a broken connection instead of the 413.
async fn read_body(mut body: Body) -> Result<Vec<u8>, StatusCode> {
    let reading = async {
        let (mut kept, mut length) = (Vec::new(), 0);
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| StatusCode::BAD_REQUEST)?.into_data() else { continue };
            length += data.len();
            if length <= LARGEST_BODY {
                kept.extend_from_slice(&data);
            } else if length > LARGEST_FORGOTTEN {
                break;
            }
        }
        if length <= LARGEST_BODY { Ok(kept) } else { Err(StatusCode::PAYLOAD_TOO_LARGE) }
    };
    tokio::time::timeout(BODY_TIMEOUT, reading).await.unwrap_or(Err(StatusCode::REQUEST_TIMEOUT))
}
