//! Tables for people: a line a row. Where a line is too short, columns are dropped and cells are cut.

use std::iter::once;

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
}

impl Column {
    /// One that is shown whole or not at all.
    pub(super) const fn whole(heading: &'static str, rank: u8) -> Self {
        Self { heading, rank, least: usize::MAX, is_id: false }
    }

    /// Text, of which the beginning is kept.
    pub(super) const fn text(heading: &'static str, rank: u8, least: usize) -> Self {
        Self { heading, rank, least, is_id: false }
    }

    /// An id, alone or in parentheses behind a caption.
    pub(super) const fn id(heading: &'static str, rank: u8, least: usize) -> Self {
        Self { heading, rank, least, is_id: true }
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
        Some(width) => fitted(&used, width),
        None => used.iter().map(|(at, _, widest)| (*at, *widest)).collect(),
    };
    let line = |cells: &[String], tone: Option<Tone>| {
        let mut line = String::new();
        let mut padding = 0;
        for (at, width) in &widths {
            line.extend(std::iter::repeat_n(' ', padding));
            let cell = cut(&cells[*at], *width, columns[*at].is_id);
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

/// The columns that fit, and how wide each is.
fn fitted(used: &[(usize, Column, usize)], width: usize) -> Vec<(usize, usize)> {
    let mut kept = used.to_vec();
    let least = |(_, column, widest): &(usize, Column, usize)| column.least.min(*widest);
    let taken = |kept: &[_]| kept.iter().map(least).sum::<usize>() + GAP * kept.len().saturating_sub(1);
    while kept.len() > 1 && taken(&kept) > width {
        // The last of those of the lowest rank.
        let last = kept.iter().enumerate().rev().min_by_key(|(_, (_, column, _))| column.rank);
        let last = last.map_or(0, |(place, _)| place);
        kept.remove(last);
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
    widths
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
