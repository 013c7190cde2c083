//! One event, one line, whatever its text holds.
//!
//! An event quotes what others wrote: Tencent's ErrorInfo, a chat platform's message. A line feed in it would
//! begin a line that nobody logged.

use std::borrow::Cow;

use crate::domain::room::is_invisible;

/// An event as one line.
pub(super) fn plain(event: &str) -> Cow<'_, str> {
    on_one_line(event, |_| false)
}

/// The same for a subscriber that colours its lines. Colours in what it quotes look the same, and pass too.
pub(super) fn coloured(event: &str) -> Cow<'_, str> {
    on_one_line(event, is_colour)
}

fn on_one_line(event: &str, passes: impl Fn(&str) -> bool) -> Cow<'_, str> {
    let (text, end) = event.strip_suffix('\n').map_or((event, ""), |text| (text, "\n"));
    let mut line = String::with_capacity(event.len());
    for (at, c) in text.char_indices() {
        if is_invisible(c) && !passes(&text[at..]) {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line.push_str(end);
    line.into()
}

/// Whether the text begins with what sets a colour, and does nothing else to a terminal.
fn is_colour(text: &str) -> bool {
    let parameters = text.strip_prefix("\u{1b}[").and_then(|rest| rest.split_once('m'));
    parameters.is_some_and(|(numbers, _)| numbers.bytes().all(|b| b.is_ascii_digit() || b == b';'))
}
