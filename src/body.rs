//! Request bodies: read within a limit of size and of time, and what every signed one has to show.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use http_body_util::BodyExt as _;
use jiff::Timestamp;

pub use crate::app::ports::NotAuthentic;

/// How much of a body that is too long is read, in bytes, only to be forgotten.
const LARGEST_FORGOTTEN: usize = 1 << 20;
/// How long a sender may take over its body: both platforms give up after 3 s.
const TIMEOUT: Duration = Duration::from_secs(3);

/// How far a signed request's time may be from ours, either way, in seconds.
const FRESHNESS: u64 = 300;

/// The answer to a request that `sender` did not sign just now.
pub fn not_signed(sender: &'static str) -> Response {
    (StatusCode::UNAUTHORIZED, format!("not signed by {sender}\n")).into_response()
}

/// Two headers of one name would let two readers see different ones.
pub fn single_header<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, NotAuthentic> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().map_err(|_| NotAuthentic::Headers),
        _ => Err(NotAuthentic::Headers),
    }
}

/// A timestamp, in plain seconds. Whether it is of now says [`check_fresh`], once the signature has proved right: only
/// then does an old one speak of a clock.
pub fn seconds(timestamp: &str) -> Result<i64, NotAuthentic> {
    let is_plain = (1..=12).contains(&timestamp.len())
        && timestamp.bytes().all(|b| b.is_ascii_digit())
        && (timestamp == "0" || !timestamp.starts_with('0'));
    timestamp.parse().ok().filter(|_| is_plain).ok_or(NotAuthentic::Timestamp)
}

/// Whether a time is of now.
pub fn check_fresh(seconds: i64, now: Timestamp) -> Result<(), NotAuthentic> {
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
