//! Operations, counted.

use jiff::tz::TimeZone;
use serde::Serialize;

use super::{captioned, seconds};
use crate::cli::print::Row;
use crate::cli::table::Column;
use crate::domain::audit::Stat;

/// A row of counts, and what the actor that it is about was called when last seen.
#[derive(Serialize)]
pub(in crate::cli) struct Counted {
    #[serde(flatten)]
    pub(in crate::cli) stat: Stat,
    #[serde(skip)]
    pub(in crate::cli) name: Option<String>,
}

impl Row for Counted {
    const COLUMNS: &'static [Column] = &[
        Column::id("Key", 9, 16),
        Column::whole("Operations", 8),
        Column::whole("Done", 7),
        Column::whole("Refused", 7),
        Column::whole("Denied", 7),
        Column::whole("Open", 7),
        Column::whole("Other", 6),
        Column::whole("First (UTC)", 1),
        Column::whole("Last (UTC)", 2),
    ];

    const FIELDS: &'static [&'static str] =
        &["by", "key", "operations", "done", "refused", "denied", "open", "other", "first", "last"];

    fn cells(&self, zone: &TimeZone) -> Vec<String> {
        let Self { stat, name } = self;
        let count = |n: u64| n.to_string();
        vec![
            stat.key.as_ref().map_or_else(|| "(none)".to_owned(), |key| captioned(key, name.as_ref())),
            count(stat.operations),
            count(stat.done),
            count(stat.refused),
            count(stat.denied),
            count(stat.open),
            count(stat.other),
            seconds(stat.first, zone),
            seconds(stat.last, zone),
        ]
    }
}
