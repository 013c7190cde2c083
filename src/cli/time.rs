//! Times and durations as people type them.

use std::time::Duration;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// `8h`, `30m`, `7d`, `1h 30m`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a duration: write 8h, 30m or 7d");
    let span: jiff::Span = text.parse().map_err(|_| wrong())?;
    let length: SignedDuration = span
        .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
        .map_err(|_| format!("`{text}` has months or years, whose length varies: write days"))?;
    // A hundred years is beyond any meaning, and keeps sums of times in range.
    let longest = SignedDuration::from_hours(24 * 36_525);
    if length <= SignedDuration::ZERO || length > longest {
        return Err(wrong());
    }
    Duration::try_from(length).map_err(|_| wrong())
}

/// A time: RFC 3339, a date or date and time in this machine's zone, or how long before `now`.
pub(super) fn time(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, String> {
    let wrong = || {
        format!(
            "`{text}` is not a time: write 2026-11-23T14:03:00Z, 2026-11-23 14:03, 2026-11-23, 2h or yesterday"
        )
    };
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    let today = now.to_zoned_datetime(zone.clone()).date();
    let civil = match text {
        "today" => Some(today.at(0, 0, 0, 0)),
        "yesterday" => today.yesterday().ok().map(|day| day.at(0, 0, 0, 0)),
        _ => text.parse::<DateTime>().or_else(|_| text.parse::<Date>().map(|day| day.at(0, 0, 0, 0))).ok(),
    };
    if let Some(civil) = civil {
        return civil.to_zoned_datetime(zone.clone()).map(|time| time.timestamp()).map_err(|_| wrong());
    }
    let ago = duration(text.strip_suffix(" ago").unwrap_or(text)).map_err(|_| wrong())?;
    now.checked_sub(ago).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_people_type_them() {
        let now: Timestamp = "2026-11-23T14:03:00Z".parse().unwrap();
        let read = |text: &str| time(text, now, &TimeZone::UTC).map(|time| time.to_string());
        assert_eq!(read("2026-11-23T14:00:00+01:00").unwrap(), "2026-11-23T13:00:00Z");
        assert_eq!(read("2026-11-23 09:30").unwrap(), "2026-11-23T09:30:00Z");
        assert_eq!(read("2026-11-22").unwrap(), "2026-11-22T00:00:00Z");
        assert_eq!(read("yesterday").unwrap(), "2026-11-22T00:00:00Z");
        assert_eq!(read("2h").unwrap(), "2026-11-23T12:03:00Z");
        assert_eq!(read("90m ago").unwrap(), "2026-11-23T12:33:00Z");
        for text in ["", "soon", "-2h", "2", "2026-13-01"] {
            assert!(read(text).unwrap_err().contains("is not a time"), "{text}");
        }
    }

    #[test]
    fn durations_have_an_end() {
        assert_eq!(duration("8h"), Ok(Duration::from_secs(8 * 3_600)));
        assert_eq!(duration("7d"), Ok(Duration::from_secs(7 * 86_400)));
        for text in ["", "0s", "-1h", "1mo", "100000y", "5"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
