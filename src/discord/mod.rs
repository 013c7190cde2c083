//! The Discord door: an authentic interaction becomes a command request, replies become embeds.
//!
//! `endpoint` (bytes, `signature`) -> `interaction` (`payload`, `options`) -> the service -> `render` ->
//! `rest`. From `interaction` on, the transport does not matter: every one calls [`Door::interaction`] and is answered
//! over REST.

mod check;
mod definition;
mod endpoint;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod gateway;
mod interaction;
mod messenger;
mod options;
mod payload;
pub mod register;
mod render;
mod rest;
mod signature;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use reqwest::Url;
use secrecy::SecretString;

use crate::app::ports::Clock;
use crate::app::service::CommandService;
use crate::domain::wording::CommandName;
use crate::redact::Redactor;

pub use check::{Application, application};
pub use interaction::Answered;
pub use messenger::DiscordMessenger;
pub use rest::Failure;
pub use signature::{InvalidKey, PublicKey};

/// Discord's API (docs.discord.com/developers/reference, "API Versioning").
pub const API: &str = "https://discord.com/api/v10";

/// The largest body that is read, in bytes. An interaction with every option resolved stays far below.
pub const LARGEST_BODY: usize = 256 * 1_024;

/// The settings of the Discord door.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Checks the signatures of interactions that come over HTTP; without it, none do.
    pub public_key: Option<PublicKey>,
    /// The bot's token: to register commands, and to post an outcome whose reply cannot be delivered.
    pub bot_token: Option<SecretString>,
    /// Only this application's interactions are served, if it is set.
    pub application_id: Option<String>,
    /// Scheme, host, port and version of the API.
    pub api_base_url: Url,
    /// What the command is called.
    pub command: CommandName,
    /// Whether every reply is for the caller alone.
    pub private_replies: bool,
    /// How long delivering a reply is tried.
    pub patience: Patience,
}

impl Settings {
    /// Redacts secrets.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        self.bot_token.iter()
    }

    fn rest(&self, redactor: Redactor) -> reqwest::Result<rest::Rest> {
        rest::Rest::new(self.api_base_url.clone(), self.bot_token.clone(), redactor, rest::TIMEOUT)
    }
}

/// How long delivering an outcome is tried.
#[derive(Debug, Clone)]
pub struct Patience {
    /// Before each repetition.
    pub pauses: Vec<Duration>,
    /// All the pauses together, those that Discord asks for included. An interaction's token is good for
    /// 15 minutes.
    pub longest: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let pauses = [1, 5, 20, 60].map(Duration::from_secs).to_vec();
        Self { pauses, longest: Duration::from_secs(14 * 60) }
    }
}

/// What the commands are called in a client.
///
/// # Errors
/// When a command cannot be written as JSON.
pub fn names(command: &CommandName) -> serde_json::Result<Vec<String>> {
    Ok(registered(command)?.iter().map(register::shown).collect())
}

/// The commands as they are registered, for a stand-in of Discord.
///
/// # Errors
/// When a command cannot be written as JSON.
pub fn registered(command: &CommandName) -> serde_json::Result<Vec<serde_json::Value>> {
    definition::registered(command).iter().map(serde_json::to_value).collect()
}

/// The door's shared state.
pub struct Door {
    settings: Settings,
    service: Arc<CommandService>,
    clock: Arc<dyn Clock>,
    rest: rest::Rest,
    redactor: Redactor,
}

impl Door {
    /// A door to this service.
    ///
    /// # Errors
    /// When no TLS can be set up for calls to Discord.
    pub fn new(
        settings: Settings,
        service: Arc<CommandService>,
        clock: Arc<dyn Clock>,
        redactor: Redactor,
    ) -> anyhow::Result<Arc<Self>> {
        let rest = settings.rest(redactor.clone())?;
        Ok(Arc::new(Self { settings, service, clock, rest, redactor }))
    }

    /// The routes for interactions over HTTP; `None` without a public key to check them with.
    pub fn router(self: &Arc<Self>) -> Option<Router> {
        let endpoint = endpoint::Endpoint { key: self.settings.public_key.clone()?, door: Arc::clone(self) };
        Some(
            Router::new()
                .route("/discord/interactions", post(endpoint::interactions))
                .route("/discord/interactions/", post(endpoint::interactions))
                .with_state(Arc::new(endpoint)),
        )
    }
}
