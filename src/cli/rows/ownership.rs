//! Who owned a room at a time.

use jiff::tz::TimeZone;

use crate::cli::print::Row;
use crate::cli::table::Column;
use crate::domain::audit::Ownership;

impl Row for Ownership {
    const COLUMNS: &'static [Column] = &[
        Column::text("Room", 9, 8).key(),
        Column::whole("Time (UTC)", 7),
        Column::text("Owner", 8, 8).key(),
        Column::whole("Certainty", 6).key(),
        Column::whole("Since", 5),
        Column::whole("Op", 4),
        Column::text("Why", 1, 20),
    ];

    const TIMES: &'static [&'static str] = &["time", "since"];

    const FIELDS: &'static [&'static str] = &[
        "room",
        "time",
        "owner",
        "certainty",
        "basis",
        "since",
        "operation",
        "next_operation",
        "explanation",
    ];

    fn cells(&self, _: &TimeZone) -> Vec<String> {
        vec![
            self.room.to_string(),
            format!("{:.3}", self.time),
            self.owner.clone().unwrap_or_default(),
            format!("{:?}", self.certainty).to_lowercase(),
            self.since.map(|since| format!("{since:.3}")).unwrap_or_default(),
            self.operation.map(|operation| operation.to_string()).unwrap_or_default(),
            self.explanation.to_string(),
        ]
    }
}
