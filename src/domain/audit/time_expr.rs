//! Points in time as people type them.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use crate::domain::duration::parse_duration;

/// A point in time as it was typed: it becomes a [`Timestamp`] once it is known when and where it is read.
///
/// ```text
/// 2026-11-23T14:03:00Z     2026-11-23T15:03+01:00          exact
/// 2026-11-23 14:03         2026-11-23 14:03 Europe/Berlin  a wall clock's, here or there
/// 2026-11-23   today   yesterday   tomorrow                the beginning of a day
/// 14:03   yesterday 14:03   14:03 yesterday                the last time that a clock showed it
/// 2h      90m ago          now                             counted back from now
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeExpr {
    typed: String,
    what: What,
    /// The zone that was typed with it.
    zone: Option<TimeZone>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Exact(Timestamp),
    Ago(SignedDuration),
    Day(Day),
    At(Day, Time),
    /// The last time that the clock showed it.
    Last(Time),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Day {
    Date(Date),
    Today,
    Yesterday,
    Tomorrow,
}

/// Why a text is not a point in time, or not one only.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTime {
    /// It has none of the forms.
    #[error(
        "`{0}` is not a time: write 2026-11-23T14:03:00Z, 2026-11-23 14:03, 2026-11-23 14:03 Europe/Berlin, 14:03, \
         2026-11-23, yesterday or 2h"
    )]
    Unreadable(String),
    /// It holds something like `25:00`.
    #[error("`{0}` is not a time of day: hours go from 00 to 23, minutes and seconds from 00 to 59")]
    Clock(String),
    /// It holds something like `2026-02-30`.
    #[error("`{0}` is not a day of the calendar: write the year, the month and the day, as in 2026-11-23")]
    Day(String),
    /// There is no such zone.
    #[error("`{0}` is not a time zone: write one such as UTC, Europe/Berlin or Asia/Shanghai")]
    Zone(String),
    /// The clock is set forward over it.
    #[error(
        "`{typed}` does not exist in {zone}: the clock is set forward there; write {before} or {after} for what you mean"
    )]
    Skipped {
        /// As typed.
        typed: String,
        /// The zone's name.
        zone: String,
        /// With the offset before the change.
        before: String,
        /// With the offset after it.
        after: String,
    },
    /// It has not come yet, and is asked about as if it had.
    #[error(
        "`{typed}` is still to come: it means {at:.0}, and it is {now:.0} now; check the date, and the zone that \
         it is read in"
    )]
    Future {
        /// As typed.
        typed: String,
        /// What it means.
        at: Timestamp,
        /// When it was asked about.
        now: Timestamp,
    },
    /// The end of a span lies before its start, so that nothing can be in it.
    #[error(
        "the end `{until}` ({until_at:.0}) lies before the start `{since}` ({since_at:.0}): give the earlier time as \
         the start"
    )]
    Backwards {
        /// The start, as typed.
        since: String,
        /// What it means.
        since_at: Timestamp,
        /// The end, as typed.
        until: String,
        /// What it means.
        until_at: Timestamp,
    },
    /// The clock shows it twice.
    #[error("`{typed}` comes twice in {zone}: the clock is set back there; write {before} or {after}")]
    Twice {
        /// As typed.
        typed: String,
        /// The zone's name.
        zone: String,
        /// The first one.
        before: String,
        /// The second one.
        after: String,
    },
}

/// Finds a time zone by its name.
///
/// # Errors
/// When there is none of that name.
pub fn zone(name: &str) -> Result<TimeZone, InvalidTime> {
    if name.eq_ignore_ascii_case("utc") || name.eq_ignore_ascii_case("z") {
        return Ok(TimeZone::UTC);
    }
    TimeZone::get(name).map_err(|_| InvalidTime::Zone(name.to_owned()))
}

/// A time as people read it in `zone`. The offset tells the two apart where the clock shows a time twice, and what is
/// shown can be typed.
pub fn read_in(at: Timestamp, zone: &TimeZone) -> String {
    if *zone == TimeZone::UTC {
        return at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    }
    at.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M:%S%:z").to_string()
}

impl FromStr for TimeExpr {
    type Err = InvalidTime;

    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        let typed = text.trim().to_owned();
        let unreadable = || InvalidTime::Unreadable(text.trim().to_owned());
        if let Ok(exact) = typed.parse::<Timestamp>()
            && !typed.contains('[')
        {
            return Ok(Self { typed, what: What::Exact(exact), zone: None });
        }
        if let Some(what) = ago(&typed) {
            return Ok(Self { what, typed, zone: None });
        }
        let (rest, zone) = match split_zone(&typed) {
            Some((rest, name)) => (rest, Some(zone(name)?)),
            None => (typed.as_str(), None),
        };
        let what = wall(rest).ok_or_else(|| beyond(rest).unwrap_or_else(unreadable))?;
        Ok(Self { what, zone, typed })
    }
}

impl fmt::Display for TimeExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.typed)
    }
}

/// `now`, `2h`, `90m ago`
fn ago(text: &str) -> Option<What> {
    if text == "now" {
        return Some(What::Ago(SignedDuration::ZERO));
    }
    let period = parse_duration(text.strip_suffix(" ago").unwrap_or(text)).ok()?;
    SignedDuration::try_from(period).ok().map(What::Ago)
}

/// `.. Europe/Berlin`, `..[Europe/Berlin]`
fn split_zone(text: &str) -> Option<(&str, &str)> {
    if let Some(inner) = text.strip_suffix(']') {
        return inner.split_once('[').map(|(rest, name)| (rest.trim_end(), name));
    }
    let (rest, last) = text.rsplit_once(' ')?;
    let is_a_day = matches!(last, "ago" | "today" | "yesterday" | "tomorrow");
    let names_a_zone = last.starts_with(|c: char| c.is_ascii_alphabetic()) && !is_a_day;
    names_a_zone.then_some((rest.trim_end(), last))
}

fn wall(text: &str) -> Option<What> {
    let day = |word: &str| match word {
        "today" => Some(Day::Today),
        "yesterday" => Some(Day::Yesterday),
        "tomorrow" => Some(Day::Tomorrow),
        _ => word.parse().ok().map(Day::Date),
    };
    if let Some((first, second)) = text.split_once([' ', 'T']) {
        // `today` holds no space, and no date holds a `T`.
        let in_order = |first: &str, second: &str| Some(What::At(day(first)?, clock(second)?));
        return in_order(first, second).or_else(|| in_order(second, first));
    }
    day(text).map(What::Day).or_else(|| clock(text).map(What::Last))
}

/// `14:03`, `14:03:05`
fn clock(text: &str) -> Option<Time> {
    if is_clock(text) { text.parse().ok() } else { None }
}

fn is_clock(text: &str) -> bool {
    text.contains(':') && text.bytes().all(|b| b.is_ascii_digit() || b":.".contains(&b))
}

/// What has the form of an hour or of a day and is none.
fn beyond(text: &str) -> Option<InvalidTime> {
    let is_date = |word: &str| word.len() == 10 && word.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    text.split([' ', 'T']).find_map(|word| {
        if is_clock(word) && clock(word).is_none() {
            return Some(InvalidTime::Clock(word.to_owned()));
        }
        let is_none = is_date(word) && word.parse::<Date>().is_err();
        is_none.then(|| InvalidTime::Day(word.to_owned()))
    })
}

impl TimeExpr {
    /// The same, in `zone` if it names none of its own.
    #[must_use]
    pub fn or_in(self, zone: TimeZone) -> Self {
        Self { zone: Some(self.zone.unwrap_or(zone)), ..self }
    }

    /// The zone that it names.
    pub fn zone(&self) -> Option<&TimeZone> {
        self.zone.as_ref()
    }

    /// The point in time, read at `now` in `zone` unless it names a zone of its own.
    ///
    /// # Errors
    /// When the clock of that zone never showed it, or shows it twice.
    pub fn resolve(&self, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, InvalidTime> {
        let zone = self.zone.as_ref().unwrap_or(zone);
        let unreadable = |_: jiff::Error| InvalidTime::Unreadable(self.typed.clone());
        let today = zone.to_datetime(now).date();
        let date = |day: Day| match day {
            Day::Date(date) => Ok(date),
            Day::Today => Ok(today),
            Day::Yesterday => today.yesterday().map_err(unreadable),
            Day::Tomorrow => today.tomorrow().map_err(unreadable),
        };
        match &self.what {
            What::Exact(exact) => Ok(*exact),
            What::Ago(length) => now.checked_sub(*length).map_err(unreadable),
            What::Day(day) => {
                let start = date(*day)?.at(0, 0, 0, 0).to_zoned_datetime(zone.clone()).map_err(unreadable)?;
                Ok(start.timestamp())
            }
            What::At(day, time) => self.on(date(*day)?.to_datetime(*time), zone),
            What::Last(time) => {
                let on_today = self.on(today.to_datetime(*time), zone)?;
                if on_today <= now {
                    return Ok(on_today);
                }
                self.on(today.yesterday().map_err(unreadable)?.to_datetime(*time), zone)
            }
        }
    }

    /// Whether it counts back from now.
    pub fn is_ago(&self) -> bool {
        matches!(self.what, What::Ago(_))
    }

    /// The same for a time that is to come: the next time that a clock shows it.
    ///
    /// # Errors
    /// Likewise.
    pub fn resolve_next(&self, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, InvalidTime> {
        let What::Last(time) = &self.what else { return self.resolve(now, zone) };
        let zone = self.zone.as_ref().unwrap_or(zone);
        let today = zone.to_datetime(now).date();
        let on_today = self.on(today.to_datetime(*time), zone)?;
        if on_today > now {
            return Ok(on_today);
        }
        let tomorrow = today.tomorrow().map_err(|_| InvalidTime::Unreadable(self.typed.clone()))?;
        self.on(tomorrow.to_datetime(*time), zone)
    }

    /// The same for a time at which something was so: it has to have come.
    ///
    /// # Errors
    /// Likewise, and when it is still to come.
    pub fn resolve_past(&self, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, InvalidTime> {
        let at = self.resolve(now, zone)?;
        if at > now {
            return Err(InvalidTime::Future { typed: self.typed.clone(), at, now });
        }
        Ok(at)
    }

    fn on(&self, civil: DateTime, zone: &TimeZone) -> Result<Timestamp, InvalidTime> {
        let both = |before: jiff::tz::Offset, after: jiff::tz::Offset| {
            let with = |offset: jiff::tz::Offset| {
                let exact = offset.to_timestamp(civil).map(|at| at.display_with_offset(offset).to_string());
                exact.unwrap_or_else(|_| civil.to_string())
            };
            (with(before), with(after))
        };
        let name = || zone.iana_name().unwrap_or("this machine's zone").to_owned();
        let ambiguous = zone.to_ambiguous_timestamp(civil);
        match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { .. } => {
                ambiguous.compatible().map_err(|_| InvalidTime::Unreadable(self.typed.clone()))
            }
            AmbiguousOffset::Gap { before, after } => {
                let (before, after) = both(before, after);
                Err(InvalidTime::Skipped { typed: self.typed.clone(), zone: name(), before, after })
            }
            AmbiguousOffset::Fold { before, after } => {
                let (before, after) = both(before, after);
                Err(InvalidTime::Twice { typed: self.typed.clone(), zone: name(), before, after })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-23T14:03:00Z";

    fn resolved_in(text: &str, place: &str) -> Result<String, String> {
        let moment: TimeExpr = text.parse().map_err(|error: InvalidTime| error.to_string())?;
        let at = moment.resolve(NOW.parse().unwrap(), &zone(place).unwrap());
        at.map(|at| at.to_string()).map_err(|error| error.to_string())
    }

    fn read(text: &str) -> String {
        resolved_in(text, "UTC").unwrap()
    }

    #[test]
    fn times_as_people_type_them() {
        for (text, at) in [
            ("2026-11-23T14:00:00+01:00", "2026-11-23T13:00:00Z"),
            ("2026-11-23T14:00+01:00", "2026-11-23T13:00:00Z"),
            ("2026-11-23T14:00:00.250Z", "2026-11-23T14:00:00.25Z"),
            ("2026-11-23 09:30", "2026-11-23T09:30:00Z"),
            ("2026-11-23T09:30:05", "2026-11-23T09:30:05Z"),
            ("2026-11-22", "2026-11-22T00:00:00Z"),
            ("today", "2026-11-23T00:00:00Z"),
            ("yesterday", "2026-11-22T00:00:00Z"),
            ("yesterday 14:03", "2026-11-22T14:03:00Z"),
            ("today 09:00", "2026-11-23T09:00:00Z"),
            ("09:00", "2026-11-23T09:00:00Z"),
            ("14:03", "2026-11-23T14:03:00Z"),
            ("14:04", "2026-11-22T14:04:00Z"),
            ("2h", "2026-11-23T12:03:00Z"),
            ("90m ago", "2026-11-23T12:33:00Z"),
            ("now", "2026-11-23T14:03:00Z"),
            ("2026-11-23 14:03 Europe/Berlin", "2026-11-23T13:03:00Z"),
            ("2026-11-23T14:03[Asia/Shanghai]", "2026-11-23T06:03:00Z"),
            ("14:03 Europe/Berlin", "2026-11-23T13:03:00Z"),
            ("yesterday Asia/Shanghai", "2026-11-21T16:00:00Z"),
            ("2026-11-23 14:03 UTC", "2026-11-23T14:03:00Z"),
            (" 2026-11-22 ", "2026-11-22T00:00:00Z"),
        ] {
            assert_eq!(read(text), at, "{text}");
        }
        assert_eq!(resolved_in("2026-11-23 14:03", "Europe/Berlin").unwrap(), "2026-11-23T13:03:00Z");
        assert_eq!(resolved_in("2026-11-23T14:03Z", "Europe/Berlin").unwrap(), "2026-11-23T14:03:00Z");
    }

    #[test]
    fn what_is_no_time_is_refused_with_the_forms() {
        for text in ["", "soon", "-2h", "2", "14h:03", "1mo", "100000y", "0s"] {
            assert!(resolved_in(text, "UTC").unwrap_err().contains("is not a time: write"), "{text}");
        }
        for text in ["25:00", "2026-11-23 14:60", "yesterday 24:01", "2026-11-23T14:03:61"] {
            assert!(
                resolved_in(text, "UTC").unwrap_err().contains("is not a time of day: hours go"),
                "{text}"
            );
        }
        for text in ["2026-13-01", "2026-02-30", "2026-02-30 14:03", "14:03 2026-11-31"] {
            assert!(resolved_in(text, "UTC").unwrap_err().contains("is not a day of the calendar"), "{text}");
        }
        assert_eq!(
            resolved_in("2026-11-23 14:03 Mars/Base", "UTC").unwrap_err(),
            "`Mars/Base` is not a time zone: write one such as UTC, Europe/Berlin or Asia/Shanghai"
        );
    }

    #[test]
    fn a_time_that_a_clock_shows_twice_or_never_is_refused_with_what_to_write() {
        assert_eq!(
            resolved_in("2026-10-25 02:30", "Europe/Berlin").unwrap_err(),
            "`2026-10-25 02:30` comes twice in Europe/Berlin: the clock is set back there; write \
             2026-10-25T02:30:00+02:00 or 2026-10-25T02:30:00+01:00"
        );
        assert_eq!(
            resolved_in("2026-03-29 02:30 Europe/Berlin", "UTC").unwrap_err(),
            "`2026-03-29 02:30 Europe/Berlin` does not exist in Europe/Berlin: the clock is set forward there; \
             write 2026-03-29T02:30:00+01:00 or 2026-03-29T02:30:00+02:00 for what you mean"
        );
        // Midnight does not exist on that day; the day begins at one o'clock.
        assert_eq!(resolved_in("2018-11-04", "America/Sao_Paulo").unwrap(), "2018-11-04T03:00:00Z");
    }

    #[test]
    fn what_is_shown_in_a_zone_can_be_typed() {
        for (at, place, shown) in [
            ("2026-11-23T14:03:00.25Z", "UTC", "2026-11-23 14:03:00 UTC"),
            ("2026-10-25T00:30:00Z", "Europe/Berlin", "2026-10-25 02:30:00+02:00"),
            ("2026-10-25T01:30:00Z", "Europe/Berlin", "2026-10-25 02:30:00+01:00"),
            ("2026-11-23T20:00:00Z", "Asia/Kolkata", "2026-11-24 01:30:00+05:30"),
        ] {
            let at: Timestamp = at.parse().unwrap();
            assert_eq!(read_in(at, &zone(place).unwrap()), shown);
            assert_eq!(read(shown).parse::<Timestamp>().unwrap().as_second(), at.as_second());
        }
    }

    #[test]
    fn what_is_still_to_come_was_never_so() {
        let past = |text: &str| {
            let moment: TimeExpr = text.parse().unwrap();
            moment.resolve_past(NOW.parse().unwrap(), &TimeZone::UTC).map_err(|error| error.to_string())
        };
        assert!(past("now").is_ok() && past("2026-11-23T14:03:00Z").is_ok() && past("yesterday").is_ok());
        assert_eq!(
            past("2026-11-23 14:30").unwrap_err(),
            "`2026-11-23 14:30` is still to come: it means 2026-11-23T14:30:00Z, and it is 2026-11-23T14:03:00Z now; \
             check the date, and the zone that it is read in"
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_it(text in proptest::prelude::any::<String>()) {
            if let Ok(moment) = text.parse::<TimeExpr>() {
                drop(moment.resolve(NOW.parse().unwrap(), &TimeZone::UTC));
            }
        }
    }
}
