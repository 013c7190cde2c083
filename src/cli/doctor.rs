//! `room-owner doctor`: prints what was found.

use jiff::tz::TimeZone;
use unicode_width::UnicodeWidthStr as _;

use super::print::{self, Row};
use super::screen::screen;
use super::table::Column;
use super::{Exit, Format};
use crate::domain::check::{Check, State};
use crate::domain::room::visible;
use crate::domain::wording::Tone;

/// How wide the table is where there is no terminal, and at most: it is read, and not searched.
const USUAL_WIDTH: usize = 80;
const MOST_WIDTH: usize = 100;
/// The fewest columns for a sentence.
const LEAST_WIDTH: usize = 24;

/// `doctor ..`
#[derive(Debug, clap::Args)]
pub struct DoctorArguments {
    /// End with 1 on a warning too, not on a failure alone
    #[arg(long)]
    pub strict: bool,
    /// How to print what was found
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
}

impl Row for Check {
    const COLUMNS: &'static [Column] = &[
        Column::whole("State", 9),
        Column::whole("Check", 9),
        Column::text("Detail", 8, 20),
        Column::text("Remedy", 7, 20),
    ];
    const FIELDS: &'static [&'static str] = &["name", "state", "detail", "remedy"];

    fn cells(&self, _: &TimeZone) -> Vec<String> {
        let Self { name, state, detail, remedy } = self;
        vec![state.name().to_owned(), (*name).to_owned(), detail.clone(), remedy.clone().unwrap_or_default()]
    }
}

/// Prints what was found. A failure is the exit code 1, with `--strict` a warning too.
///
/// # Errors
/// When nothing can be printed.
pub fn report(
    checks: &[Check],
    DoctorArguments { strict, format }: &DoctorArguments,
) -> anyhow::Result<Exit> {
    match format {
        Format::Table => screen().show(&(table(checks, true) + "\n"))?,
        format => print::rows(checks, *format)?,
    }
    let count = |state| checks.iter().filter(|check| check.state == state).count();
    let (failures, warnings) = (count(State::Failure), count(State::Warning));
    super::tell!("{}", summary(failures, warnings));
    let is_bad = failures > 0 || (*strict && warnings > 0);
    Ok(if is_bad { Exit::Failed } else { Exit::Done })
}

fn summary(failures: usize, warnings: usize) -> String {
    let counted = |count: usize, what: &str| match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    };
    match (failures, warnings) {
        (0, 0) => "everything is as it should be".to_owned(),
        (0, _) => counted(warnings, "warning"),
        (_, 0) => counted(failures, "failure"),
        _ => format!("{} and {}", counted(failures, "failure"), counted(warnings, "warning")),
    }
}

/// A check a row, and what to do about it below; in colour, if people want any.
pub fn table(checks: &[Check], is_coloured: bool) -> String {
    let width = screen().width.unwrap_or(USUAL_WIDTH).min(MOST_WIDTH);
    let widest = checks.iter().map(|check| check.name.width()).max().unwrap_or_default();
    let left = State::Failure.name().len() + widest + 4;
    let width = width.saturating_sub(left).max(LEAST_WIDTH);
    let mut lines = Vec::new();
    for Check { name, state, detail, remedy } in checks {
        let remedy = remedy.iter().flat_map(|remedy| wrapped(&format!("→ {}", visible(remedy)), width));
        let said = format!("{:7}", state.name());
        let said = if is_coloured { screen().coloured(said, tone(*state)) } else { said };
        for (number, text) in wrapped(&visible(detail), width).into_iter().chain(remedy).enumerate() {
            lines.push(match number {
                0 => format!("{said}  {name:widest$}  {text}"),
                _ => format!("{:left$}{text}", ""),
            });
        }
    }
    lines.join("\n")
}

fn tone(state: State) -> Option<Tone> {
    match state {
        State::Skipped => None,
        State::Ok => Some(Tone::Done),
        State::Warning => Some(Tone::Warning),
        State::Failure => Some(Tone::Failed),
    }
}

/// A text in lines of so many columns. A word that is longer stays whole: it may have to be copied.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.width() + 1 + word.width() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_in_eighty_columns_and_nothing_steers_the_terminal() {
        let checks = [
            Check::ok("tencent", "adminapisgp.im.qcloud.com takes calls of `administrator` for 1400000000"),
            Check::warning(
                "slack scopes",
                "the token lacks `usergroups:read` and `chat:write`",
                "add it under OAuth & Permissions, Bot Token Scopes, and install the app anew",
            ),
            Check::failure("discord", "the token is of `Room\u{1b}[2K`", "`room-owner discord register`"),
            Check::skipped("public url", "the bot does not serve yet"),
        ];
        let text = table(&checks, false);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        insta::assert_snapshot!(text, @"
        ok       tencent       adminapisgp.im.qcloud.com takes calls of `administrator`
                               for 1400000000
        warning  slack scopes  the token lacks `usergroups:read` and `chat:write`
                               → add it under OAuth & Permissions, Bot Token Scopes, and
                               install the app anew
        failure  discord       the token is of `Room�[2K`
                               → `room-owner discord register`
        skipped  public url    the bot does not serve yet
        ");
    }

    #[test]
    fn the_end_counts_what_is_wrong() {
        for (failures, warnings, says) in [
            (0, 0, "everything is as it should be"),
            (0, 1, "1 warning"),
            (2, 0, "2 failures"),
            (1, 2, "1 failure and 2 warnings"),
        ] {
            assert_eq!(summary(failures, warnings), says);
        }
    }
}
