//! Request bodies, read within a limit of size and of time.

use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use http_body_util::BodyExt as _;

/// How much of a body that is too long is read and discarded, in bytes.
const LARGEST_FORGOTTEN: usize = 1 << 20;
/// How long a sender may take over its body: both platforms give up after 3 s.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Reads a body of at most `limit` bytes. One that is somewhat longer is read to its end and discarded: a sender that
/// is cut off would see a broken connection instead of the 413.
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
