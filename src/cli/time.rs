//! Durations as people type them.

use std::time::Duration;

use jiff::SignedDuration;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_an_end() {
        assert_eq!(duration("8h"), Ok(Duration::from_secs(8 * 3_600)));
        assert_eq!(duration("7d"), Ok(Duration::from_secs(7 * 86_400)));
        for text in ["", "0s", "-1h", "1mo", "100000y", "5"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
