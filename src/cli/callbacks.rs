//! `room-owner tencent callbacks show`: where Tencent sends its callbacks.

use std::io;

use serde::Serialize;

use super::Format;
use super::print::{self, Row};
use crate::stdio;

/// What is configured at Tencent.
#[derive(Debug, Serialize)]
pub struct Callbacks {
    /// Where they are sent.
    pub url: Option<String>,
    /// Of what.
    pub commands: Vec<String>,
    /// What is missing from them, for the bot to see changes of owner.
    pub missing: Option<&'static str>,
    /// Whether they are signed, and with which token.
    pub signed: &'static str,
}

impl Row for Callbacks {
    const FIELDS: &'static [&'static str] = &["url", "commands", "missing", "signed"];
}

/// Shows it.
///
/// # Errors
/// When it cannot be printed.
pub fn show(callbacks: &Callbacks, format: Format) -> io::Result<()> {
    if format != Format::Table {
        return print::one(callbacks, format);
    }
    let Some(url) = &callbacks.url else {
        return stdio::print(
            "Tencent sends no callbacks. `room-owner tencent callbacks set <url>` has them sent.",
        );
    };
    stdio::print(format_args!("url       {url}"))?;
    for command in &callbacks.commands {
        stdio::print(format_args!("command   {command}"))?;
    }
    if let Some(missing) = callbacks.missing {
        stdio::print(format_args!("          {missing} is not among them"))?;
    }
    stdio::print(format_args!("signed    {}", callbacks.signed))
}
