//! A step of an operation.

use jiff::tz::TimeZone;

use crate::cli::print::Row;
use crate::cli::table::Column;
use crate::domain::audit::Step;

impl Row for Step {
    const COLUMNS: &'static [Column] = &[
        Column::whole("Event", 7),
        Column::whole("At (UTC)", 6),
        Column::whole("Wait", 5),
        Column::whole("Step", 9).key(),
        Column::text("What", 8, 16).key(),
    ];

    const FIELDS: &'static [&'static str] = &["operation", "seq", "at", "step", "what", "wait_ms"];

    fn cells(&self, _: &TimeZone) -> Vec<String> {
        vec![
            self.seq.to_string(),
            self.at.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string(),
            self.wait_ms.map(|wait| format!("{wait} ms")).unwrap_or_default(),
            self.step.to_string(),
            self.what.clone(),
        ]
    }
}
