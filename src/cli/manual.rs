//! `room-owner completions` and `man`: what shells and `man` know of the command line, made from it.

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_complete::Shell;

use super::Arguments;
use crate::stdio;

/// Prints the script that completes commands in a shell.
///
/// # Errors
/// When it cannot be printed.
pub fn completions(shell: Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "room-owner", &mut script);
    Ok(stdio::stdout().write_all(&script)?)
}

/// Prints the manual page of the program, or writes one for each command into a folder.
///
/// # Errors
/// When it cannot be printed or written.
pub fn man(folder: Option<&Path>) -> anyhow::Result<()> {
    let Some(folder) = folder else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Arguments::command()).render(&mut page)?;
        return Ok(stdio::stdout().write_all(&page)?);
    };
    let written =
        std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(Arguments::command(), folder));
    written.with_context(|| format!("the pages cannot be written into `{}`", folder.display()))?;
    tell!("wrote the manual pages into `{0}`: `man {0}/room-owner.1` shows the first", folder.display());
    Ok(())
}
