//! How stdout is shown: its width, its colours, its pager. In a pipe there is none of them.

use std::io::{self, Write as _};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use tokio::signal::unix::{SignalKind, signal};
use unicode_width::UnicodeWidthStr as _;

use crate::domain::wording::Tone;
use crate::stdio;

/// What every command takes about its output.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArguments {
    /// On a terminal, print tables whole: every column, and no cell cut
    #[arg(long, global = true)]
    pub wide: bool,
    /// On a terminal, print long output at once instead of page by page
    #[arg(long, global = true)]
    pub no_pager: bool,
}

/// Where tables and texts for people go.
#[derive(Debug, Default)]
pub(super) struct Screen {
    /// How many characters fit a line; `None` where nothing is cut.
    pub(super) width: Option<usize>,
    pub(super) is_coloured: bool,
    /// The terminal, if it is one.
    pub(super) size: Option<(usize, usize)>,
    pub(super) pager: Option<String>,
}

static SCREEN: OnceLock<Screen> = OnceLock::new();

/// Sets how everything is shown from now on. Without it, as in a pipe.
pub fn set_up(arguments: OutputArguments, colours: Option<bool>, pager: Option<String>) {
    let is_terminal = stdio::stdout_is_terminal();
    let size = stdio::stdout_size();
    SCREEN.get_or_init(|| Screen {
        width: size.map(|(columns, _)| columns).filter(|_| !arguments.wide),
        is_coloured: colours.unwrap_or(is_terminal),
        size,
        pager: pager.filter(|_| is_terminal && !arguments.no_pager),
    });
}

pub(super) fn screen() -> &'static Screen {
    SCREEN.get_or_init(Screen::default)
}

impl Screen {
    /// Prints a text, page by page if it is too long for the terminal.
    pub(super) fn show(&self, text: &str) -> io::Result<()> {
        let is_paged = match (&self.pager, self.size) {
            (Some(pager), Some(size)) if !fits(text, size) => through(pager, text),
            _ => false,
        };
        if is_paged {
            return Ok(());
        }
        let mut out = stdio::stdout();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    pub(super) fn coloured(&self, text: String, tone: Option<Tone>) -> String {
        let colour = match tone {
            Some(Tone::Done) => 32,
            Some(Tone::Stop | Tone::Failed) => 31,
            Some(Tone::Warning | Tone::Wait) => 33,
            Some(Tone::Plain) | None => return text,
        };
        if self.is_coloured { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text }
    }
}

/// Whether a text fits a terminal of so many columns and lines, with the prompt below it.
fn fits(text: &str, (columns, lines): (usize, usize)) -> bool {
    let taken = text.lines().map(|line| line.width().div_ceil(columns).max(1));
    taken.sum::<usize>() < lines
}

/// Shows a text with a pager. False if that did not work, so that the text has to be shown otherwise.
fn through(pager: &str, text: &str) -> bool {
    // Ctrl-C is the pager's: it ends a search there, and leaves the terminal as it should be.
    let _held = signal(SignalKind::interrupt());
    // `less` leaves colours as they are, and the text on the screen.
    let script = format!("LESS=\"${{LESS-FRX}}\"; export LESS; {pager}");
    let spawned = Command::new("/bin/sh").args(["-c", &script]).stdin(Stdio::piped()).spawn();
    let Ok(mut child) = spawned else { return false };
    if let Some(mut stdin) = child.stdin.take() {
        // Whoever has read enough closes it early.
        drop(stdin.write_all(text.as_bytes()));
    }
    child.wait().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_takes_several_of_the_terminal() {
        let text = format!("one\n{}\n", "x".repeat(25));
        assert!(fits(&text, (10, 5)) && !fits(&text, (10, 4)));
        assert!(fits("", (10, 2)));
    }
}
