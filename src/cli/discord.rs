//! `room-owner discord ..`

use super::{DiscordCommand, Exit};
use crate::discord::Settings;
use crate::discord::register::Registrar;

/// Runs it.
///
/// # Errors
/// When Discord does not do as it is told.
pub async fn run(settings: &Settings, command: DiscordCommand) -> anyhow::Result<Exit> {
    let DiscordCommand::Register { guild } = command;
    let registrar = Registrar::new(settings).await?;
    let plan = registrar.plan(guild.as_deref()).await?;
    let place = guild.map_or_else(|| "everywhere".to_owned(), |guild| format!("in guild {guild}"));
    if plan.is_empty() {
        println!("Discord shows {} {place} as it should: nothing was written.", settings.command.0);
        return Ok(Exit::Done);
    }
    print!("{}", plan.difference());
    registrar.apply(&plan).await?;
    println!("Registered {} {place}.", settings.command.0);
    Ok(Exit::Done)
}
