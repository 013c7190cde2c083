//! Tables for people: a line a row. Where a line is too short, cells are cut and columns are dropped; where not even
//! the columns without which a row says nothing find a place, it is a line a cell.

use std::iter::once;
use std::ops::Range;

use unicode_width::UnicodeWidthStr as _;

use super::screen::Screen;
use crate::domain::wording::Tone;

/// A column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) heading: &'static str,
    /// Where a line is too short, the column of the lowest rank goes first.
    rank: u8,
    /// The fewest characters of a cell that are of use.
    least: usize,
    /// An id is cut in its middle: people tell ids apart by their ends.
    is_id: bool,
    /// A row says nothing without it.
    is_key: bool,
    /// A time: the bytes of it that are kept where there is no room for all.
    short: Option<(usize, usize)>,
}

/// The date of a time.
pub(super) const DATE: Range<usize> = 0..10;
/// The day and the minute of a time of the last months.
pub(super) const DAY_AND_MINUTE: Range<usize> = 5..16;

impl Column {
    /// One that is shown whole or not at all.
    pub(super) const fn whole(heading: &'static str, rank: u8) -> Self {
        Self { heading, rank, least: usize::MAX, is_id: false, is_key: false, short: None }
    }

    /// A time, of which this part is enough where there is no room for all of it.
    pub(super) const fn time(heading: &'static str, rank: u8, short: Range<usize>) -> Self {
        Self { short: Some((short.start, short.end)), ..Self::whole(heading, rank) }
    }

    /// The same as one without which a row says nothing: it is never dropped.
    pub(super) const fn key(self) -> Self {
        Self { is_key: true, ..self }
    }

    /// Text, of which the beginning is kept.
    pub(super) const fn text(heading: &'static str, rank: u8, least: usize) -> Self {
        Self { least, ..Self::whole(heading, rank) }
    }

    /// An id, alone or in parentheses behind a caption.
    pub(super) const fn id(heading: &'static str, rank: u8, least: usize) -> Self {
        Self { least, is_id: true, ..Self::whole(heading, rank) }
    }
}

/// A row: its cells, and how the one in the column `toned` feels.
pub(super) struct Cells {
    pub(super) cells: Vec<String>,
    pub(super) tone: Option<Tone>,
}

/// A table, and the headings of the columns that found no place in it.
pub(super) struct Table {
    pub(super) text: String,
    pub(super) dropped: Vec<&'static str>,
}

/// What stands between columns.
const GAP: usize = 2;

/// Rows below headings, without the columns that are empty in every row. `shown_as` is what a heading reads like.
pub(super) fn laid_out(
    columns: &[Column],
    shown_as: impl Fn(&str) -> String,
    toned: Option<&str>,
    rows: &[Cells],
    screen: &Screen,
) -> Table {
    let is_used = |at: &usize| rows.iter().any(|row| !row.cells[*at].is_empty());
    let headings: Vec<String> = columns.iter().map(|column| shown_as(column.heading)).collect();
    let widest = |at: usize| {
        let cells = rows.iter().map(|row| row.cells[at].width());
        cells.chain(once(headings[at].width())).max().unwrap_or_default()
    };
    let used: Vec<_> = (0..columns.len()).filter(is_used).map(|at| (at, columns[at], widest(at))).collect();
    let widths = match screen.width {
        Some(width) => match fitted(&used, width) {
            Some(widths) => widths,
            None => return blocks(&used, &headings, toned, rows, screen),
        },
        None => used.iter().map(|(at, _, widest)| (*at, *widest)).collect(),
    };
    let line = |cells: &[String], tone: Option<Tone>| {
        let mut line = String::new();
        let mut padding = 0;
        for (at, width) in &widths {
            line.extend(std::iter::repeat_n(' ', padding));
            let cell = shortened(&cells[*at], *width, &columns[*at]);
            padding = width - cell.width() + GAP;
            let tone = tone.filter(|_| toned == Some(columns[*at].heading));
            line.push_str(&screen.coloured(cell, tone));
        }
        format!("{}\n", line.trim_end())
    };
    let lines = once(line(&headings, None)).chain(rows.iter().map(|row| line(&row.cells, row.tone)));
    let is_dropped = |at: usize| !widths.iter().any(|(kept, _)| *kept == at);
    Table {
        text: lines.collect(),
        dropped: used
            .iter()
            .filter(|(at, ..)| is_dropped(*at))
            .map(|(_, column, _)| column.heading)
            .collect(),
    }
}

/// The same, a line a cell, with an empty line between rows. Nothing is dropped or cut.
fn blocks(
    used: &[(usize, Column, usize)],
    headings: &[String],
    toned: Option<&str>,
    rows: &[Cells],
    screen: &Screen,
) -> Table {
    let widest = used.iter().map(|(at, ..)| headings[*at].width()).max().unwrap_or_default();
    let block = |row: &Cells| {
        let filled = used.iter().filter(|(at, ..)| !row.cells[*at].is_empty());
        let lines = filled.map(|(at, column, _)| {
            let tone = row.tone.filter(|_| toned == Some(column.heading));
            let padding = widest - headings[*at].width() + GAP;
            let cell = screen.coloured(row.cells[*at].clone(), tone);
            format!("{}{:padding$}{cell}\n", headings[*at], "")
        });
        lines.collect::<String>()
    };
    Table { text: rows.iter().map(block).collect::<Vec<_>>().join("\n"), dropped: Vec::new() }
}

/// The columns that fit, and how wide each is; `None` if those that are never dropped do not. Times are shown in short
/// before a column of some weight is dropped.
fn fitted(used: &[(usize, Column, usize)], width: usize) -> Option<Vec<(usize, usize)>> {
    let whole = widths(used, width);
    let is_dropped = |at: usize| whole.iter().flatten().all(|(kept, _)| *kept != at);
    if whole.is_some() && used.iter().all(|(at, column, _)| column.rank <= LIGHT || !is_dropped(*at)) {
        return whole;
    }
    let short = used
        .iter()
        .map(|(at, column, widest)| (*at, *column, column.short.map_or(*widest, |(start, end)| end - start)));
    widths(&short.collect::<Vec<_>>(), width)
}

/// The rank up to which nobody misses a column.
const LIGHT: u8 = 3;

fn widths(used: &[(usize, Column, usize)], width: usize) -> Option<Vec<(usize, usize)>> {
    let mut kept = used.to_vec();
    let least = |(_, column, widest): &(usize, Column, usize)| column.least.min(*widest);
    let taken = |kept: &[_]| kept.iter().map(least).sum::<usize>() + GAP * kept.len().saturating_sub(1);
    while kept.len() > 1 && taken(&kept) > width {
        // The last of those of the lowest rank.
        let droppable = kept.iter().enumerate().rev().filter(|(_, (_, column, _))| !column.is_key);
        let last = droppable.min_by_key(|(_, (_, column, _))| column.rank)?.0;
        kept.remove(last);
    }
    if taken(&kept) > width && kept.iter().any(|(_, column, _)| column.is_key) {
        return None;
    }
    let mut spare = width.saturating_sub(taken(&kept));
    let mut widths: Vec<_> = kept.iter().map(|column| (column.0, least(column).min(width))).collect();
    // What is left goes to the cells that are cut, a character each in turn.
    while spare > 0 {
        let mut grown = 0;
        for ((_, width), (.., widest)) in widths.iter_mut().zip(&kept) {
            if *width < *widest && grown < spare {
                *width += 1;
                grown += 1;
            }
        }
        if grown == 0 {
            break;
        }
        spare -= grown;
    }
    Some(widths)
}

/// A cell in at most so many columns of a terminal.
fn shortened(cell: &str, width: usize, column: &Column) -> String {
    let Some((start, end)) = column.short.filter(|_| cell.width() > width) else {
        return cut(cell, width, column.is_id);
    };
    // A heading loses the zone of the times below it.
    let part = cell.split_once(" (").map(|(heading, _)| heading).or_else(|| cell.get(start..end));
    cut(part.unwrap_or(cell), width, false)
}

/// A text in at most so many columns of a terminal.
fn cut(text: &str, width: usize, in_the_middle: bool) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let Some(room) = width.checked_sub(1) else { return String::new() };
    let tail = if in_the_middle { room * 3 / 5 } else { 0 };
    let ends = text.char_indices().map(|(at, _)| at);
    let head = ends.clone().take_while(|at| text[..*at].width() <= room - tail).last().unwrap_or_default();
    let tail = ends.rev().take_while(|at| text[*at..].width() <= tail).last().unwrap_or(text.len());
    format!("{}…{}", text[..head].trim_end(), &text[tail..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const COLUMNS: [Column; 5] = [
        Column::whole("Grant", 9),
        Column::id("Subject", 8, 16),
        Column::text("Channels", 5, 10),
        Column::id("Granted by", 1, 10),
        Column::text("Reason", 2, 12),
    ];

    fn table(rows: &[[&str; 5]], width: Option<usize>) -> Table {
        let row =
            |cells: &[&str; 5]| Cells { cells: cells.map(str::to_owned).to_vec(), tone: Some(Tone::Done) };
        let screen = Screen { width, ..Screen::default() };
        let rows: Vec<_> = rows.iter().map(row).collect();
        laid_out(&COLUMNS, str::to_owned, Some("Reason"), &rows, &screen)
    }

    #[test]
    fn a_table_leaves_out_what_is_empty_and_cuts_what_is_too_long() {
        let rows = [
            [
                "1",
                "alice (slack:T0123456789:U0123456789)",
                "",
                "cli:ana",
                "the night shift, as long as Boris is away",
            ],
            ["12", "discord:1100000000000000001:role:1100000000000000003", "", "cli:ana", ""],
        ];
        let framed = |width| {
            let Table { text, dropped } = table(&rows, width);
            let lines: String = text.lines().map(|line| format!("|{line}\n")).collect();
            format!("{lines}{}\n", dropped.join(", "))
        };
        let all = [None, Some(100), Some(80), Some(40), Some(20)].map(framed).join("\n");
        insta::assert_snapshot!(all, @"
        |Grant  Subject                                               Granted by  Reason
        |1      alice (slack:T0123456789:U0123456789)                 cli:ana     the night shift, as long as Boris is away
        |12     discord:1100000000000000001:role:1100000000000000003  cli:ana


        |Grant  Subject                                     Granted by  Reason
        |1      alice (slack:T0123456789:U0123456789)       cli:ana     the night shift, as long as Boris is…
        |12     discord:110000000…role:1100000000000000003  cli:ana


        |Grant  Subject                           Granted by  Reason
        |1      alice (slack:…56789:U0123456789)  cli:ana     the night shift, as long a…
        |12     discord:11000…100000000000000003  cli:ana


        |Grant  Subject             Reason
        |1      alice (…123456789)  the night sh…
        |12     discord…0000000003
        Granted by

        |Grant
        |1
        |12
        Subject, Granted by, Reason
        ");
    }

    const KEYED: [Column; 5] = [
        Column::whole("Op", 9).key(),
        Column::time("At (UTC)", 6, DAY_AND_MINUTE),
        Column::id("Actor", 5, 12),
        Column::text("Command", 8, 16).key(),
        Column::whole("Outcome", 7).key(),
    ];

    #[test]
    fn what_a_row_is_about_is_never_dropped() {
        let rows = [
            [
                "17",
                "2026-11-30 20:15:13",
                "alice (slack:T0123456789:U0123456789)",
                "/room-owner live-7 bob",
                "succeeded",
            ],
            ["18", "2026-11-30 20:16:01", "", "/room-owner \"my room\" carol", "denied"],
        ];
        let shown = |width: usize| {
            let row = |cells: &[&str; 5]| Cells { cells: cells.map(str::to_owned).to_vec(), tone: None };
            let screen = Screen { width: Some(width), ..Screen::default() };
            let rows: Vec<_> = rows.iter().map(row).collect();
            let Table { text, dropped } = laid_out(&KEYED, str::to_owned, None, &rows, &screen);
            format!("{width}:\n{text}{}\n", dropped.join(", "))
        };
        insta::assert_snapshot!([100, 60, 50, 40, 30].map(shown).join(""), @r#"
        100:
        Op  At (UTC)             Actor                                Command                      Outcome
        17  2026-11-30 20:15:13  alice (slack:T…3456789:U0123456789)  /room-owner live-7 bob       succeeded
        18  2026-11-30 20:16:01                                       /room-owner "my room" carol  denied

        60:
        Op  At (UTC)     Actor          Command            Outcome
        17  11-30 20:15  alice…456789)  /room-owner live…  succeeded
        18  11-30 20:16                 /room-owner "my…   denied

        50:
        Op  At (UTC)     Command                 Outcome
        17  11-30 20:15  /room-owner live-7 bob  succeeded
        18  11-30 20:16  /room-owner "my room"…  denied
        Actor
        40:
        Op  Command                    Outcome
        17  /room-owner live-7 bob     succeeded
        18  /room-owner "my room" ca…  denied
        At (UTC), Actor
        30:
        Op        17
        At (UTC)  2026-11-30 20:15:13
        Actor     alice (slack:T0123456789:U0123456789)
        Command   /room-owner live-7 bob
        Outcome   succeeded

        Op        18
        At (UTC)  2026-11-30 20:16:01
        Command   /room-owner "my room" carol
        Outcome   denied
        "#);
    }

    proptest! {
        /// Whatever the cells are, every row is one line that fits, and what is asked for whole is whole.
        #[test]
        fn a_row_is_one_line_that_fits(
            cells in prop::collection::vec(prop::array::uniform5("[a-zé龍ℹ\u{fe0f}👩\u{200d}🚀 ]{0,60}"), 1..5),
            width in 1..120_usize,
        ) {
            let rows: Vec<[&str; 5]> = cells.iter().map(|row| row.each_ref().map(String::as_str)).collect();
            let narrow = table(&rows, Some(width)).text;
            prop_assert_eq!(narrow.lines().count(), rows.len() + 1);
            for line in narrow.lines() {
                prop_assert!(line.width() <= width, "{} in {width}: {line}", line.width());
            }
            let Table { text: whole, dropped } = table(&rows, None);
            prop_assert!(dropped.is_empty());
            for (row, line) in rows.iter().zip(whole.lines().skip(1)) {
                prop_assert!(row.iter().all(|cell| line.contains(cell.trim_end())), "{line}");
            }
        }
    }
}
