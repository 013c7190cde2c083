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

/// A line that cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BrokenLine {
    /// What it begins with, if that is a name.
    pub(super) name: Option<String>,
    /// Which it is, and why it cannot be read.
    pub(super) what: String,
}

/// What it sets, if every line can be read.
pub(super) fn variables(bytes: &[u8]) -> Result<HashMap<String, String>, String> {
    let (variables, broken) = lines(&text(bytes)?);
    match broken.as_slice() {
        [] => Ok(variables),
        broken => Err(broken.iter().map(|line| line.what.as_str()).collect::<Vec<_>>().join("; ")),
    }
}

/// What it sets, and every line that cannot be read.
pub(super) fn lines(text: &str) -> (HashMap<String, String>, Vec<BrokenLine>) {
    let (mut variables, mut broken) = (HashMap::new(), Vec::new());
    let all: Vec<&str> = text.lines().collect();
    let mut read = 0;
    'rest: while read < all.len() {
        for line in dotenvy::Iter::new(all[read..].join("\n").as_bytes()) {
            match line {
                Ok((name, value)) => drop(variables.insert(name, value)),
                Err(dotenvy::Error::LineParse(line, at)) => {
                    let is_open = line.contains('\n');
                    read = number_of(&line, &all, read);
                    broken.push(broken_line(&line, at, read));
                    // A quote that is not closed takes the rest with it: what follows is read all the same.
                    if is_open {
                        continue 'rest;
                    }
                }
                Err(error) => broken.push(BrokenLine { name: None, what: error.to_string() }),
            }
        }
        break;
    }
    (variables, broken)
}

/// The number, from 1, of the line that this one begins with, behind those that are `read`.
fn number_of(broken: &str, all: &[&str], read: usize) -> usize {
    let first = broken.split('\n').next().unwrap_or_default();
    // Without its end and the comment behind it.
    let is_it = |line: &&&str| !line.strip_prefix(first.trim_end()).is_some_and(is_blank_or_comment);
    read + all[read..].iter().take_while(is_it).count() + 1
}

fn broken_line(line: &str, at: usize, number: usize) -> BrokenLine {
    let place = match line.get(..at).map_or(at, |before| before.chars().count()) {
        _ if line.contains('\n') => "its quote is not closed".to_owned(),
        at => format!("at its character {}", at + 1),
    };
    let name = line.split_once('=').map(|(name, _)| name.trim().trim_start_matches("export ").trim());
    BrokenLine {
        name: name.map(str::to_owned),
        what: format!(
            "line {number} cannot be read ({place}): a line is `NAME=value`, a value with spaces in single quotes"
        ),
    }
}

fn is_blank_or_comment(text: &str) -> bool {
    text.trim_start().is_empty() || text.trim_start().starts_with('#')
}
