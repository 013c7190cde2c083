//! Rows in the formats of the command line.

use std::borrow::Cow;
use std::io::{self, Write};

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::Value;

use super::Format;
use crate::domain::audit::read_in;
use crate::domain::room::{is_invisible, visible};
use crate::stdio;

/// Something that can be printed as a row.
pub(super) trait Row: Serialize + Sized {
    /// The names of the columns for people.
    const HEADINGS: &'static [&'static str];

    /// The names of the fields for programs, in the order in which they are serialised.
    const FIELDS: &'static [&'static str];

    /// Those of the fields that are times, as far as they are shown in a zone.
    const TIMES: &'static [&'static str] = &[];

    /// The cells for people, with times as they are read in `zone`.
    fn cells(&self, zone: &TimeZone) -> Vec<String>;

    /// The fields as texts, in their order; empty where there is nothing.
    fn texts(&self) -> io::Result<Vec<Cow<'_, str>>> {
        Ok(fields(self)?.map(|(_, text)| text.into()).collect())
    }
}

/// Prints rows to stdout: an array for JSON, one a line for JSONL.
pub(super) fn rows<R: Row>(rows: &[R], format: Format) -> io::Result<()> {
    rows_in(rows, format, &TimeZone::UTC)
}

/// The same, with times for people as they are read in `zone`. What programs read is always UTC.
pub(super) fn rows_in<R: Row>(rows: &[R], format: Format, zone: &TimeZone) -> io::Result<()> {
    let mut out = stdio::stdout();
    match format {
        Format::Json => writeln!(out, "{}", json(&rows)?)?,
        Format::Jsonl => jsonl(rows, &mut out)?,
        Format::Csv => csv(rows, &mut out)?,
        Format::Table if rows.is_empty() => {}
        Format::Table => writeln!(out, "{}", table(rows, zone))?,
    }
    out.flush()
}

/// Rows that come a part at a time.
pub(super) struct Rows {
    format: Format,
    printed: usize,
}

impl Rows {
    pub(super) fn new(format: Format) -> Self {
        Self { format, printed: 0 }
    }

    pub(super) fn print<R: Row>(&mut self, rows: &[R]) -> io::Result<()> {
        let mut out = io::BufWriter::new(stdio::stdout());
        for row in rows {
            match self.format {
                Format::Json => write!(out, "{}{}", if self.printed == 0 { '[' } else { ',' }, json(row)?)?,
                Format::Csv if self.printed == 0 => csv(std::slice::from_ref(row), &mut out)?,
                Format::Csv => csv_rows(std::slice::from_ref(row), &mut out)?,
                Format::Jsonl | Format::Table => jsonl(std::slice::from_ref(row), &mut out)?,
            }
            self.printed += 1;
        }
        out.flush()
    }

    /// How many there were.
    pub(super) fn end<R: Row>(self) -> io::Result<usize> {
        let mut out = stdio::stdout();
        match self.format {
            Format::Json if self.printed == 0 => writeln!(out, "[]")?,
            Format::Json => writeln!(out, "]")?,
            Format::Csv if self.printed == 0 => csv::<R>(&[], &mut out)?,
            _ => {}
        }
        out.flush()?;
        Ok(self.printed)
    }
}

/// An object a line.
pub(super) fn jsonl<T: Serialize>(rows: &[T], out: &mut impl Write) -> io::Result<()> {
    let mut line = Vec::with_capacity(1_024);
    for row in rows {
        line.clear();
        serde_json::to_writer(&mut line, row)?;
        if is_visible(&line) {
            line.push(b'\n');
            out.write_all(&line)?;
        } else {
            writeln!(out, "{}", json(row)?)?;
        }
    }
    Ok(())
}

/// Prints one value: a JSON object rather than an array of one.
pub(super) fn one<R: Row>(row: &R, format: Format) -> io::Result<()> {
    match format {
        Format::Json => writeln!(stdio::stdout(), "{}", json(row)?),
        other => rows(std::slice::from_ref(row), other),
    }
}

/// Prints one value whole, a field a line for people, with their times as they are read in `zone`.
pub(super) fn whole<R: Row>(row: &R, format: Format, zone: &TimeZone) -> io::Result<()> {
    if format != Format::Table {
        return one(row, format);
    }
    let mut out = stdio::stdout();
    for (name, value) in fields(row)? {
        let value = match value.parse::<Timestamp>() {
            Ok(at) if R::TIMES.contains(&name) && *zone != TimeZone::UTC => read_in(at, zone),
            _ => value,
        };
        if !value.is_empty() {
            writeln!(out, "{name:<15} {}", visible(&value))?;
        }
    }
    Ok(())
}

/// JSON in which what cannot be seen is escaped: nobody's text steers the terminal that it is read on.
fn json<T: Serialize + ?Sized>(value: &T) -> io::Result<String> {
    let text = serde_json::to_string(value)?;
    if is_visible(text.as_bytes()) {
        return Ok(text);
    }
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if is_invisible(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            escaped.push(c);
        }
    }
    Ok(escaped)
}

/// Whether JSON holds nothing but what can be seen. What serde_json leaves of ASCII can, but for DEL.
fn is_visible(json: &[u8]) -> bool {
    !json.iter().fold(false, |found, byte| found | (*byte >= 0x7f))
}

/// The table for people: no foreign text can move the cursor or colour the rest.
pub(super) fn table<R: Row>(rows: &[R], zone: &TimeZone) -> String {
    let name = format!("({})", zone.iana_name().unwrap_or("UTC"));
    let headings: Vec<String> = R::HEADINGS.iter().map(|heading| heading.replace("(UTC)", &name)).collect();
    let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
    let cells = |row: &R| row.cells(zone).iter().map(|cell| visible(cell)).collect();
    // The terminal's, if stdout is one.
    laid_out(&headings, &rows.iter().map(cells).collect::<Vec<_>>(), Table::new().width())
}

/// What a column needs for a text to be read in it, in characters.
const READABLE: u16 = 20;

/// Rows below headings, without the columns that are empty in every row. In a terminal that is too narrow, cells
/// go on in the next line, but no word is broken: an id has to be copied whole. What does not fit even so, is a
/// block a row.
fn laid_out(headings: &[&str], rows: &[Vec<String>], width: Option<u16>) -> String {
    let is_told = |at: &usize| rows.iter().any(|row| !row[*at].is_empty());
    let told: Vec<usize> = (0..headings.len()).filter(is_told).collect();
    let mut words = Table::new();
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    let headed = told.iter().map(|at| headings[*at].to_owned()).collect::<Vec<_>>();
    let shown = rows.iter().map(|row| told.iter().map(|at| row[*at].clone()).collect::<Vec<_>>());
    for cells in std::iter::once(headed.clone()).chain(shown.clone()) {
        words.add_row(cells.iter().map(|cell| cell.replace(' ', "\n")));
    }
    table.set_header(headed).add_rows(shown);
    match width {
        Some(width) => {
            let widths = words.column_max_content_widths().into_iter().zip(table.column_max_content_widths());
            // A column has a space on each side.
            let least: Vec<u16> =
                widths.map(|(word, all)| word.max(all.min(READABLE)).saturating_add(2)).collect();
            if least.iter().copied().map(u32::from).sum::<u32>() > u32::from(width) {
                return blocks(headings, rows);
            }
            table.set_width(width);
            for (column, least) in table.column_iter_mut().zip(least) {
                column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(least)));
            }
        }
        None => {
            table.force_no_tty();
        }
    }
    table.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// A field a line, and an empty line between rows.
fn blocks(headings: &[&str], rows: &[Vec<String>]) -> String {
    let longest = headings.iter().map(|heading| heading.len()).max().unwrap_or_default();
    let block = |row: &Vec<String>| {
        let told = headings.iter().zip(row).filter(|(_, cell)| !cell.is_empty());
        told.map(|(heading, cell)| format!(" {heading:longest$}  {cell}\n")).collect::<String>()
    };
    rows.iter().map(block).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

/// The fields as names and texts, in the order of the interface.
fn fields<R: Row>(row: &R) -> io::Result<impl Iterator<Item = (&'static str, String)>> {
    let value = serde_json::to_value(row)?;
    Ok(R::FIELDS.iter().map(move |name| {
        let text = match &value[*name] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        (*name, text)
    }))
}

/// The names of the fields, and the rows.
pub(super) fn csv<R: Row>(rows: &[R], out: &mut impl Write) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(R::FIELDS)?;
    out.write_all(&writer.into_inner().map_err(csv::IntoInnerError::into_error)?)?;
    csv_rows(rows, out)
}

/// The rows alone.
pub(super) fn csv_rows<R: Row>(rows: &[R], out: &mut impl Write) -> io::Result<()> {
    let to_terminal = stdio::stdout_is_terminal();
    // Not straight to `out`: an error of it would come back as one of the library's.
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    for row in rows {
        for text in row.texts()? {
            // A program gets the text as it is, a terminal gets it without what cannot be seen.
            let shown = if to_terminal { visible(&text).into() } else { text };
            writer.write_field(&*guarded(&shown))?;
        }
        writer.write_record(None::<&[u8]>)?;
    }
    out.write_all(&writer.into_inner().map_err(csv::IntoInnerError::into_error)?)
}

/// A spreadsheet runs a cell that begins like a formula; a quote before it keeps it text.
fn guarded(value: &str) -> Cow<'_, str> {
    let runs = value.starts_with(['=', '+', '-', '@', '\t', '\r']) && value.parse::<f64>().is_err();
    if runs { format!("'{value}").into() } else { value.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Sample {
        z: &'static str,
        a: Option<i64>,
    }

    impl Row for Sample {
        const HEADINGS: &'static [&'static str] = &["Z"];
        const FIELDS: &'static [&'static str] = &["z", "a"];

        fn cells(&self, _: &TimeZone) -> Vec<String> {
            vec![self.z.to_owned()]
        }
    }

    #[test]
    fn a_spreadsheet_gets_no_formula() {
        let mut out = Vec::new();
        csv(&[Sample { z: "=HYPERLINK(1)", a: Some(-5) }, Sample { z: "a,\"b\"", a: None }], &mut out)
            .unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "z,a\n'=HYPERLINK(1),-5\n\"a,\"\"b\"\"\",\n");
    }

    #[test]
    fn without_rows_a_table_for_programs_has_its_header() {
        let mut out = Vec::new();
        csv::<Sample>(&[], &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "z,a\n");
    }

    #[test]
    fn json_shows_what_cannot_be_seen() {
        let text = json(&Sample { z: "a\u{202e}b\u{9b}", a: None }).unwrap();
        assert_eq!(text, r#"{"z":"a\u202eb\u009b","a":null}"#);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap()["z"], "a\u{202e}b\u{9b}");
    }

    #[test]
    fn a_terminal_gets_no_escape_sequence() {
        let text = table(&[Sample { z: "a\u{1b}[31mred\u{202e}", a: None }], &TimeZone::UTC);
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text:?}");
    }

    #[test]
    fn a_table_leaves_out_what_is_empty_and_breaks_no_id() {
        let headings = ["Grant", "Subject", "Channels", "Granted by", "Reason"];
        let row = |id: &str, subject: &str, reason: &str| {
            [id, subject, "", "cli:ana", reason].map(str::to_owned).to_vec()
        };
        let rows = [
            row("1", "slack:T0123456789:U0123456789", "the night shift, as long as Boris is away"),
            row("12", "discord:1100000000000000001:role:1100000000000000003", ""),
        ];
        let framed = |width| {
            let text = laid_out(&headings, &rows, width);
            assert!(text.lines().all(|line| line == line.trim_end()), "{text}");
            text.lines().map(|line| format!("|{line}\n")).collect::<String>()
        };
        let all = [None, Some(100), Some(80)].map(framed).join("\n");
        insta::assert_snapshot!(all, @"
        | Grant  Subject                                               Granted by  Reason
        | 1      slack:T0123456789:U0123456789                         cli:ana     the night shift, as long as Boris is away
        | 12     discord:1100000000000000001:role:1100000000000000003  cli:ana

        | Grant  Subject                                               Granted by  Reason
        | 1      slack:T0123456789:U0123456789                         cli:ana     the night shift, as long
        |                                                                          as Boris is away
        | 12     discord:1100000000000000001:role:1100000000000000003  cli:ana

        | Grant       1
        | Subject     slack:T0123456789:U0123456789
        | Granted by  cli:ana
        | Reason      the night shift, as long as Boris is away
        |
        | Grant       12
        | Subject     discord:1100000000000000001:role:1100000000000000003
        | Granted by  cli:ana
        ");
    }
}
