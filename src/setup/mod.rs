//! `room-owner init`: from an empty folder to a bot that can be started. A second run changes nothing that is right.
//!
//! `answers` (flags, questions) -> `.env` -> the database and its key -> the first channel and admin -> what doctor says
//! -> what to do next. Here too is what else writes or prints settings: the simulator and the manifest for Slack.

mod answers;
mod first;
mod next;
mod simulator;

use std::path::Path;

use anyhow::Context as _;
use reqwest::Url;

use crate::app::ports::Clock;
use crate::cli::init::{InitArguments, ManifestFormat, SlackCommand};
use crate::cli::{self, Exit};
use crate::config::env_file::EnvFile;
use crate::config::{Common, Environment, Usable};
use crate::slack::manifest::{Delivery, Manifest, manifest};
use crate::store::{IfMissing, SqliteStore};
use crate::{doctor, stdio};

pub use simulator::simulate;

/// Where the settings are kept.
const FILE: &str = ".env";

/// Sets a bot up in this folder.
///
/// # Errors
/// When something is missing and nobody can be asked, when a value would have to be overwritten, or when the file or the
/// database cannot be made. Nothing is written before everything is known.
pub async fn init<C: Clock + Clone + 'static>(arguments: InitArguments, clock: C) -> anyhow::Result<Exit> {
    let mut file = EnvFile::read(Path::new(FILE))?;
    let answers = answers::all(&arguments, &file)?;
    let mut written = Vec::new();
    for (name, value) in &answers.settings {
        if file.get(name) != Some(value) {
            written.push(*name);
            file.set(name, value)?;
        }
    }
    let is_changed = file.is_changed();
    file.write()?;
    match written.as_slice() {
        [] if !is_changed => stdio::say("`.env` is as it should be"),
        [] => stdio::say("wrote `.env`, which only its owner can read"),
        names => {
            stdio::say(format_args!("wrote {} to `.env`, which only its owner can read", names.join(", ")))
        }
    }

    let environment = Environment::read();
    let common = Common::from(&environment)?;
    common.redactor.learn(&common.database().signing_key());
    let database = common.database();
    let name = database.file()?;
    let is_new = !name.exists();
    let store = SqliteStore::open(database, IfMissing::Create).await?;
    let name = name.display();
    match (is_new, common.signing_key.is_some()) {
        (false, _) => stdio::say(format_args!("`{name}` is there already")),
        (true, true) => stdio::say(format_args!("made the database `{name}`")),
        (true, false) => {
            stdio::say(format_args!("made the database `{name}` and the key of its log, `{name}.key`"))
        }
    }
    let exit = first::entries(store, &arguments, &environment, clock.clone()).await?;

    let checks = doctor::before_serving(&environment, clock).await;
    stdio::say(format_args!("\n{}\n", cli::doctor::table(&checks, stdio::stderr_is_terminal())));
    let usable = Usable::from(&environment);
    if usable.slack.is_some() || usable.discord.is_none() {
        stdio::say_if_lost(stdio::print(made_for(&usable, answers.is_over_socket_mode).0.yaml().trim_end()));
        stdio::flush();
    }
    let lines = next::lines(
        &usable,
        answers.is_over_socket_mode,
        &checks,
        &next::application(&usable, environment.redactor()).await,
    );
    stdio::say("\nNext:");
    for (number, line) in (1..).zip(lines) {
        stdio::say(format_args!("{number:2}. {line}"));
    }
    Ok(if exit == Exit::Done && next::has_failed(&checks) { Exit::Failed } else { exit })
}

/// `room-owner slack manifest`.
///
/// # Errors
/// When nothing can be printed.
pub fn slack(SlackCommand::Manifest { socket, format }: SlackCommand) -> anyhow::Result<Exit> {
    let usable = Usable::from(&Environment::read());
    let (manifest, is_example) = made_for(&usable, socket);
    match format {
        ManifestFormat::Yaml => stdio::print(manifest.yaml().trim_end())?,
        ManifestFormat::Json => stdio::print(manifest.json()?)?,
    }
    if is_example {
        stdio::say(format_args!(
            "note: PUBLIC_URL is not set, so that `{PLACEHOLDER}` stands for it: set it to the https address at which Slack \
             reaches the bot, or add --socket for a bot without one"
        ));
    }
    Ok(Exit::Done)
}

/// What stands for an address that is not set.
const PLACEHOLDER: &str = "https://rooms.example.com";

/// The manifest, for Socket Mode if that is wanted or set, and whether its address is an example.
fn made_for(usable: &Usable, is_over_socket_mode: bool) -> (Manifest, bool) {
    if is_over_socket_mode || usable.slack.as_ref().is_some_and(|slack| slack.socket.is_some()) {
        return (manifest(&usable.command, Delivery::SocketMode), false);
    }
    let (url, is_example) = match (&usable.public_url, PLACEHOLDER.parse::<Url>()) {
        (Some(url), _) => (url.clone(), false),
        (None, Ok(url)) => (url, true),
        (None, Err(error)) => unreachable!("{PLACEHOLDER}: {error}"),
    };
    (manifest(&usable.command, Delivery::Http(&url)), is_example)
}

/// The text in a file, without the line break at its end.
fn text_of(file: &Path) -> anyhow::Result<String> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("`{}` cannot be read", file.display()))?;
    Ok(text.trim().to_owned())
}
