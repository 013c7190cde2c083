//! A `.env` file as text and as variables. A line may hold a secret, so a broken one is named by its number and never
//! quoted.

use std::collections::HashMap;

/// The text of a file that any editor wrote: UTF-8, or UTF-16 that says so at its beginning.
pub(super) fn text(bytes: &[u8]) -> Result<String, String> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let (units, rest) = bytes.as_chunks::<2>();
        let text = String::from_utf16(&units.iter().copied().map(unit).collect::<Vec<_>>());
        text.ok().filter(|_| rest.is_empty())
    };
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => std::str::from_utf8(rest).ok().map(str::to_owned),
        _ => std::str::from_utf8(bytes).ok().map(str::to_owned),
    };
    // Text in UTF-16 that does not say so is full of them.
    text.filter(|text| !text.contains('\0'))
        .ok_or_else(|| "is not text in UTF-8: save it as UTF-8".to_owned())
}

/// What it sets.
pub(super) fn variables(bytes: &[u8]) -> Result<HashMap<String, String>, String> {
    let text = text(bytes)?;
    dotenvy::Iter::new(text.as_bytes()).collect::<Result<_, _>>().map_err(|error| {
        let dotenvy::Error::LineParse(broken, at) = error else { return error.to_string() };
        let (first, more) = broken.split_once('\n').unwrap_or((&broken, ""));
        // Without its end and the comment behind it. The same line would have been broken before.
        let is_it = |line: &str| line.strip_prefix(first.trim_end()).is_some_and(is_blank_or_comment);
        let number = text.lines().take_while(|line| !is_it(line)).count() + 1;
        let place = match broken.get(..at).map_or(at, |before| before.chars().count()) {
            // A quote that is not closed goes over lines.
            _ if !more.is_empty() => "its quote is not closed".to_owned(),
            at => format!("at its character {}", at + 1),
        };
        format!(
            "line {number} cannot be read ({place}): a line is `NAME=value`, a value with spaces in single quotes"
        )
    })
}

fn is_blank_or_comment(text: &str) -> bool {
    text.trim_start().is_empty() || text.trim_start().starts_with('#')
}
