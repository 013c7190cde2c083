//! `room-owner discord register`: what was written, for people and programs.

use std::io;

use serde::Serialize;

use super::print::{self, Row};
use super::{Format, guild_id};

/// `discord register ..`
#[derive(Debug, clap::Args)]
pub struct RegisterArguments {
    /// In this guild only, by its id: at once, for trying out; for every guild if not given
    #[arg(long, value_name = "GUILD", value_parser = guild_id)]
    pub guild: Option<String>,
    /// Remove these commands where they are registered a second time: in guilds, or with --guild everywhere else
    #[arg(long)]
    pub prune: bool,
    /// How to print what is written
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
}

/// What is written about one command.
#[derive(Debug, Serialize)]
pub struct Written {
    /// In which guild; everywhere if `None`.
    pub guild: Option<String>,
    /// `create`, `update` or `remove`.
    pub change: &'static str,
    /// Its name.
    pub command: String,
    /// The fields that differ.
    pub fields: Vec<String>,
}

impl Row for Written {
    const FIELDS: &'static [&'static str] = &["guild", "change", "command", "fields"];
}

/// Prints it for programs; `difference` is what people read.
///
/// # Errors
/// When it cannot be printed.
pub fn show(written: &[Written], difference: &str, format: Format) -> io::Result<()> {
    match format {
        Format::Table => crate::stdio::print(difference.trim_end()),
        format => print::rows(written, format),
    }
}
