//! `TZ`, which the system reads: the zone in which the command line shows and takes times.

use jiff::tz::{self, TimeZone};

/// What is wrong with it; times are in UTC then.
pub(super) fn wrong(text: &str) -> Option<String> {
    // A leading colon means a name (`tzset(3)`).
    let name = text.strip_prefix(':').unwrap_or(text);
    let is_right = name.is_empty()
        || match name.starts_with('/') {
            true => std::path::Path::new(name).is_file(),
            false => TimeZone::get(name).is_ok() || TimeZone::posix(name).is_ok(),
        };
    if is_right {
        return None;
    }
    let zones = tz::db().available().map(|zone| zone.to_string());
    let near =
        zones.map(|zone| (strsim::osa_distance(&zone.to_lowercase(), &name.to_lowercase()), zone)).min();
    let near = near.filter(|(distance, _)| distance * 4 <= name.len());
    let hint = near.map_or("set it to a name such as `Europe/Berlin`".to_owned(), |(_, zone)| {
        format!("did you mean `{zone}`?")
    });
    Some(format!("TZ is set to no time zone, so times are in UTC: {hint}"))
}
