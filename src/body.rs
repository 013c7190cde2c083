//! Request bodies: read within a limit of size and of time, and what every signed one has to show.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use tracing::{info, warn};

use crate::app::UNTRUSTED;

/// How much of a body that is too long is read, in bytes, only to be forgotten.
const LARGEST_FORGOTTEN: usize = 1 << 20;
/// How long a sender may take over its body: both platforms give up after 3 s.
const TIMEOUT: Duration = Duration::from_secs(3);

/// How far a signed request's time may be from ours, either way, in seconds.
const FRESHNESS: u64 = 300;

/// Why a request is not authentic. For the log; the sender learns nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAuthentic {
    /// No signature or no timestamp, or more than one.
    #[error("the signature headers are missing or doubled")]
    Headers,
    /// The timestamp is not a plain number of seconds.
    #[error("the timestamp is not a number")]
    Timestamp,
    /// Sent too long ago, or in the future.
    #[error("the timestamp is more than 300 s away from this machine's clock")]
    NotFresh,
    /// The body does not begin as an object.
    #[error("the body does not begin with a brace")]
    Body,
    /// No key made this signature.
    #[error("the signature does not match")]
    Signature,
}

impl NotAuthentic {
    /// The answer to a request that `platform` did not sign just now.
    pub fn response(self, platform: &'static str) -> Response {
        if self == Self::NotFresh {
            let what = "request refused as stale: if every request is, check this machine's clock";
            warn!(target: UNTRUSTED, why = %self, platform, "{what}");
        } else {
            info!(target: UNTRUSTED, why = %self, platform, "request refused");
        }
        (StatusCode::UNAUTHORIZED, format!("not signed by {platform}\n")).into_response()
    }
}

/// Two headers of one name would let two readers see different ones.
pub fn single_header<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, NotAuthentic> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().map_err(|_| NotAuthentic::Headers),
        _ => Err(NotAuthentic::Headers),
    }
}

/// Whether a timestamp, in plain seconds, is of now.
pub fn check_fresh(timestamp: &str, now: Timestamp) -> Result<(), NotAuthentic> {
    let is_plain = (1..=12).contains(&timestamp.len())
        && timestamp.bytes().all(|b| b.is_ascii_digit())
        && (timestamp == "0" || !timestamp.starts_with('0'));
    let seconds: i64 = timestamp.parse().ok().filter(|_| is_plain).ok_or(NotAuthentic::Timestamp)?;
    let is_fresh = now.as_second().abs_diff(seconds) <= FRESHNESS;
    is_fresh.then_some(()).ok_or(NotAuthentic::NotFresh)
}

/// Reads a body of at most `limit` bytes. One that is somewhat longer is read to its end and forgotten:
/// whoever is cut off while sending sees a broken connection instead of the 413.
///
/// # Errors
/// 413 for one that is too long, 408 for one that takes too long, 400 for one that breaks off.
pub async fn read(mut body: Body, limit: usize) -> Result<Vec<u8>, StatusCode> {
    let (mut kept, mut length) = (Vec::new(), 0);
    let reading = async {
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| StatusCode::BAD_REQUEST)?.into_data() else { continue };
            length += data.len();
            if length <= limit {
                kept.extend_from_slice(&data);
            } else if length > limit + LARGEST_FORGOTTEN {
                break;
            }
        }
        Ok(())
    };
    let read = tokio::time::timeout(TIMEOUT, reading).await;
    match read {
        _ if length > limit => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Ok(read) => read.map(|()| kept),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}
