//! `room-owner simulator`, and the settings with which the bot calls it.

use std::path::Path;

use anyhow::Context as _;

use crate::cli::{SimulatorArguments, WrongUsage};
use crate::config;
use crate::config::env_file::{EnvFile, quoted};
use crate::domain::room::Accounts;
use crate::stdio;
use crate::tencent::simulator::{Settings, Simulator, Webhook};

/// Plays Tencent until `end`.
///
/// # Errors
/// When the address is taken or the file cannot be written.
pub async fn simulate(
    (mut settings, accounts): (Settings, Accounts),
    arguments: SimulatorArguments,
    end: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    settings.webhook = arguments.callback_url.map(|url| Webhook { url, token: None });
    let simulator = Simulator::new(settings.clone());
    for (id, owner) in &arguments.rooms {
        accounts.check(owner).map_err(WrongUsage::of)?;
        simulator.put_room(id.as_str(), owner.as_str());
    }
    if arguments.rooms.is_empty() {
        for (id, owner) in [("test", "carol"), ("live-7", "dave"), ("my room", "erin")] {
            simulator.put_room(id, owner);
        }
    }
    let listener = tokio::net::TcpListener::bind(arguments.bind).await.with_context(|| {
        format!("cannot listen on `{}`: choose another address with --bind", arguments.bind)
    })?;
    let address = listener.local_addr()?;
    let values = config::for_the_simulator(&settings, address);
    if let Some(file) = &arguments.write_env {
        write(file, &values)?;
    }
    stdio::say_if_lost(stdio::print(printed(&values)));
    stdio::say(format_args!(
        "Tencent is simulated at http://{address}; see its rooms: curl http://{address}/control/state"
    ));
    simulator.run(listener, end).await?;
    Ok(())
}

/// What a shell or a `.env` takes. A configured key is not shown.
fn printed(values: &[(&str, Option<String>)]) -> String {
    let line = |(name, value): &(&str, Option<String>)| match value {
        Some(value) => format!("{name}={}", quoted(value)),
        None => format!("# {name} is set already"),
    };
    values.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Writes them, and leaves alone what is there.
fn write(path: &Path, values: &[(&str, Option<String>)]) -> anyhow::Result<()> {
    let mut file = EnvFile::read(path)?;
    for (name, value) in values {
        let Some(value) = value else { continue };
        match file.get(name) {
            Some(there) if there != value => {
                stdio::say(format_args!(
                    "note: `{}` has another {name}, which stays: take it out to use the simulator's",
                    path.display()
                ));
            }
            _ => file.set(name, value)?,
        }
    }
    file.write()?;
    stdio::say(format_args!("wrote `{}`", path.display()));
    Ok(())
}
