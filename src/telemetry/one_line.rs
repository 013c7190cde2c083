//! One event, one line, whatever text it quotes.
//!
//! An event quotes what others wrote: Tencent's ErrorInfo, a chat platform's message. A line feed in it would
//! begin a line that nobody logged.

use std::io::{self, Write};

use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

use crate::domain::room::is_invisible;

/// Writes log lines as text, each event as one.
#[derive(Debug, Clone, Copy)]
pub(super) struct OneLine<M> {
    to: M,
    /// Whether the subscriber colours its lines. Colour codes in quoted text look the same, and pass too.
    colours: bool,
}

impl<M> OneLine<M> {
    /// Writes to `to`.
    pub(super) fn new(to: M, colours: bool) -> Self {
        Self { to, colours }
    }
}

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for OneLine<M> {
    type Writer = OneLineWriter<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        OneLineWriter { to: self.to.make_writer(), colours: self.colours }
    }

    fn make_writer_for(&'a self, event: &Metadata<'_>) -> Self::Writer {
        OneLineWriter { to: self.to.make_writer_for(event), colours: self.colours }
    }
}

/// Takes one event a call, which is how the subscriber writes.
#[derive(Debug)]
pub(super) struct OneLineWriter<W> {
    to: W,
    colours: bool,
}

impl<W: Write> Write for OneLineWriter<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.to.write_all(on_one_line(&String::from_utf8_lossy(event), self.colours).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

fn on_one_line(event: &str, colours: bool) -> String {
    let (text, end) = event.strip_suffix('\n').map_or((event, ""), |text| (text, "\n"));
    let mut line = String::with_capacity(event.len());
    for (at, c) in text.char_indices() {
        if is_invisible(c) && !(colours && is_colour(&text[at..])) {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line.push_str(end);
    line
}

/// Whether the text begins with what sets a colour, and does nothing else to a terminal.
fn is_colour(text: &str) -> bool {
    let parameters = text.strip_prefix("\u{1b}[").and_then(|rest| rest.split_once('m'));
    parameters.is_some_and(|(numbers, _)| numbers.bytes().all(|b| b.is_ascii_digit() || b == b';'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::tests::Kept;

    fn logged(colours: bool, problem: &str) -> String {
        let kept = Kept::default();
        let to = kept.clone();
        let lines = tracing_subscriber::fmt()
            .with_ansi(colours)
            .without_time()
            .with_writer(OneLine::new(move || to.clone(), colours));
        tracing::subscriber::with_default(lines.finish(), || tracing::warn!(%problem, "tencent refused"));
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.matches('\n').count(), 1, "{text:?}");
        assert!(text.ends_with('\n'));
        text
    }

    #[test]
    fn an_event_is_one_line_whatever_is_told_in_it() {
        let line = logged(false, "no\nINFO room_owner: op 7 succeeded\r\u{1b}[2K\u{202e}\u{85}");
        assert!(line.contains("no\\nINFO room_owner: op 7 succeeded\\r"), "{line:?}");
        assert!(!line.trim_end_matches('\n').contains(is_invisible), "{line:?}");
    }

    #[test]
    fn in_colour_too_a_terminal_is_told_to_do_nothing_else() {
        let line = logged(true, "red\n\u{1b}[2K\u{1b}]0;title\u{7}\u{1b}");
        assert!(line.contains("\u{1b}[33m"), "{line:?}");
        assert!(line.contains("red\\n\\u{1b}[2K\\u{1b}]0;title\\u{7}\\u{1b}"), "{line:?}");
    }
}
