//! Lengths of time as people type them.

use std::time::Duration;

use jiff::SignedDuration;

/// A text that is not a length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDuration {
    /// It has no such form, is nothing, or is beyond a hundred years.
    #[error("`{0}` is not a duration: write 8h, 30m or 7d")]
    Form(String),
    /// Months and years have no fixed length.
    #[error("`{0}` has months or years, whose length varies: write days")]
    Varies(String),
    /// It is over before anybody could use it.
    #[error("`{0}` is over before it is used: write a minute or more, such as 8h, 30m or 7d")]
    Short(String),
}

/// The shortest time for which something is granted.
pub const SHORTEST: Duration = Duration::from_secs(60);

/// The length of a grant: a minute at least.
///
/// # Errors
/// As [`parse_duration`], and when it is shorter.
pub fn parse_lasting(text: &str) -> Result<Duration, InvalidDuration> {
    match parse_duration(text)? {
        length if length < SHORTEST => Err(InvalidDuration::Short(text.to_owned())),
        length => Ok(length),
    }
}

/// A length as [`parse_lasting`] reads it, in one unit, to the minute and a minute at least: `7d`, `30h`, `90m`.
pub fn lasting(length: SignedDuration) -> String {
    let minutes = ((length.as_secs() + 30) / 60).max(1);
    match minutes {
        days if days % 1_440 == 0 => format!("{}d", days / 1_440),
        hours if hours % 60 == 0 => format!("{}h", hours / 60),
        minutes => format!("{minutes}m"),
    }
}

/// `8h`, `30m`, `7d`, `1h 30m`: more than nothing and at most a hundred years, which keeps sums of times in
/// range.
///
/// # Errors
/// When the text is not such a length.
pub fn parse_duration(text: &str) -> Result<Duration, InvalidDuration> {
    let wrong = || InvalidDuration::Form(text.to_owned());
    let span: jiff::Span = text.parse().map_err(|_| wrong())?;
    let length: SignedDuration = span
        .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
        .map_err(|_| InvalidDuration::Varies(text.to_owned()))?;
    let longest = SignedDuration::from_hours(24 * 36_525);
    if length <= SignedDuration::ZERO || length > longest {
        return Err(wrong());
    }
    Duration::try_from(length).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_length_is_read_back_to_the_minute(minutes in 1_i64..200_000) {
            let length = SignedDuration::from_mins(minutes);
            let shown = lasting(length + SignedDuration::from_secs(20));
            prop_assert_eq!(parse_lasting(&shown).ok(), Duration::try_from(length).ok(), "{}", shown);
        }
    }
}
