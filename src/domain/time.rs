//! How times are written in JSON and in the log: RFC 3339 in UTC, always with milliseconds.

use jiff::Timestamp;
use serde::Serializer;

/// The time as it is written.
pub fn millis(at: Timestamp) -> String {
    format!("{at:.3}")
}

pub(crate) fn serialize_millis<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{at:.3}"))
}

pub(crate) fn serialize_optional_millis<S: Serializer>(
    at: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serialize_millis(at, serializer),
        None => serializer.serialize_none(),
    }
}
