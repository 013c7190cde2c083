//! Rows in the formats of the command line.

use std::borrow::Cow;
use std::io::{self, Write};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::Value;

use super::Format;
use super::screen::screen;
use super::table::{Cells, Column, Table, laid_out};
use crate::domain::audit::read_in;
use crate::domain::room::{is_invisible, visible};
use crate::domain::wording::Tone;
use crate::stdio;

/// Something that can be printed as a row.
pub(super) trait Row: Serialize + Sized {
    /// The columns for people; none of what is put into words for them.
    const COLUMNS: &'static [Column] = &[];

    /// The names of the fields for programs, in the order in which they are serialised.
    const FIELDS: &'static [&'static str];

    /// Those of the fields that are times, as far as they are shown in a zone.
    const TIMES: &'static [&'static str] = &[];

    /// The heading of the column that is coloured.
    const TONED: Option<&'static str> = None;

    /// The cells for people, with times as they are read in `zone`.
    fn cells(&self, _zone: &TimeZone) -> Vec<String> {
        Vec::new()
    }

    /// How the row feels.
    fn tone(&self) -> Option<Tone> {
        None
    }

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
    if format == Format::Table {
        return if rows.is_empty() { Ok(()) } else { show(rows, zone) };
    }
    let mut text = Vec::new();
    match format {
        Format::Json => writeln!(text, "{}", json(&rows)?)?,
        Format::Csv => csv(rows, &mut text)?,
        Format::Jsonl | Format::Table => jsonl(rows, &mut text)?,
    }
    screen().show(&String::from_utf8_lossy(&text))
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
        Format::Json => screen().show(&format!("{}\n", json(row)?)),
        other => rows(std::slice::from_ref(row), other),
    }
}

/// Prints one value whole, a field a line for people, with their times as they are read in `zone`.
pub(super) fn whole<R: Row>(row: &R, format: Format, zone: &TimeZone) -> io::Result<()> {
    if format != Format::Table {
        return one(row, format);
    }
    let mut text = String::new();
    for (name, value) in fields(row)? {
        // People read a list of texts without its marks.
        let value = serde_json::from_str::<Vec<String>>(&value).map_or(value, |texts| texts.join(" "));
        let value = match value.parse::<Timestamp>() {
            Ok(at) if R::TIMES.contains(&name) && *zone != TimeZone::UTC => read_in(at, zone),
            _ => value,
        };
        if !value.is_empty() {
            let tone = row.tone().filter(|_| R::TONED.is_some_and(|toned| toned.eq_ignore_ascii_case(name)));
            text.push_str(&format!("{name:<15} {}\n", screen().coloured(visible(&value), tone)));
        }
    }
    screen().show(&text)
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

/// The table for people, as it fits the terminal: no foreign text can move the cursor or colour the rest.
pub(super) fn table<R: Row>(rows: &[R], zone: &TimeZone) -> Table {
    let name = format!("({})", zone.iana_name().unwrap_or("UTC"));
    let cells = |row: &R| Cells {
        cells: row.cells(zone).iter().map(|cell| visible(cell)).collect(),
        tone: row.tone(),
    };
    let rows: Vec<Cells> = rows.iter().map(cells).collect();
    laid_out(R::COLUMNS, |heading| heading.replace("(UTC)", &name), R::TONED, &rows, screen())
}

/// Shows rows to people.
fn show<R: Row>(rows: &[R], zone: &TimeZone) -> io::Result<()> {
    let Table { text, dropped } = table(rows, zone);
    screen().show(&text)?;
    if !dropped.is_empty() {
        tell!("left out at this width: {}; --wide shows all", dropped.join(", "));
    }
    Ok(())
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

/// The rows alone, for stdout.
pub(super) fn csv_rows<R: Row>(rows: &[R], out: &mut impl Write) -> io::Result<()> {
    csv_cells(rows, stdio::stdout_is_terminal(), out)
}

/// The names of the fields, and the rows, for a file.
pub(super) fn csv_file<R: Row>(rows: &[R]) -> io::Result<Vec<u8>> {
    let mut file = Vec::new();
    csv::<R>(&[], &mut file)?;
    csv_cells(rows, false, &mut file)?;
    Ok(file)
}

fn csv_cells<R: Row>(rows: &[R], to_terminal: bool, out: &mut impl Write) -> io::Result<()> {
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

/// A spreadsheet runs a cell that begins like a formula; a quote before it keeps it text. One that begins with a
/// quote gets another: without its first quote, each such cell is what it was.
fn guarded(value: &str) -> Cow<'_, str> {
    let is_blank = |c: char| c.is_whitespace() || is_invisible(c);
    let shown = value.trim_start_matches(is_blank);
    // Full-width signs count as the plain ones.
    let is_formula = shown.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']) && !is_number(value);
    let is_moved = value.starts_with(['\t', '\r', '\n']);
    if is_formula || is_moved || value.starts_with('\'') { format!("'{value}").into() } else { value.into() }
}

/// A number below zero as this program writes one.
fn is_number(value: &str) -> bool {
    let digits = value.strip_prefix('-').unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Serialize)]
    struct Sample {
        z: &'static str,
        a: Option<i64>,
    }

    impl Row for Sample {
        const COLUMNS: &'static [Column] = &[Column::whole("Z", 1)];
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
    fn what_a_spreadsheet_may_run_is_guarded() {
        for runs in [
            "=1+1",
            "'=1+1",
            "''=1",
            "-inf",
            "+Infinity",
            "-1e5",
            "--5",
            "-5+1",
            "+5",
            "@x",
            "＝1+1",
            "－1",
            "\n=1",
            "\tx",
            "\rx",
            "\nx",
            " =1",
            "\u{feff}=1",
            "\u{200b}@x",
            "-",
            "'quoted'",
        ] {
            assert_eq!(guarded(runs), format!("'{runs}"));
        }
        for text in ["", "-5", "-100004", "5", "1+1", "a=1", "inf", "/room-owner live-7 bob", "user's"] {
            assert_eq!(guarded(text), text);
        }
    }

    proptest! {
        #[test]
        fn a_guarded_cell_runs_nothing_and_reads_back(text in "['=+@＝－ \t\n\r\u{feff}0-9a-]{0,6}|\\PC*") {
            let cell = guarded(&text).into_owned();
            prop_assert_eq!(cell.strip_prefix('\'').unwrap_or(&cell), &text);
            let first = cell.chars().next();
            let runs = first.is_some_and(|c| "=+@＝＋－＠\t\r\n".contains(c));
            prop_assert!(!runs && (!cell.starts_with('-') || is_number(&cell)));
        }
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
        let text = table(&[Sample { z: "a\u{1b}[31mred\u{202e}", a: None }], &TimeZone::UTC).text;
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text:?}");
    }
}
