//! The Slack door: signed bytes become a command request, replies become blocks.
//!
//! `signature` -> `payload` -> the service -> `render` -> the answer, or `response_url` if it comes late. Over Socket Mode
//! (`socket`), which nobody else can speak on, there is no signature.

mod answer;
mod check;
mod form;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod groups;
mod interactions;
mod interactive;
pub mod manifest;
mod messenger;
mod payload;
mod render;
mod response_url;
pub mod signature;
mod slash;
pub mod socket;
mod text;
mod web_api;

use std::sync::Arc;

use axum::Router;
use axum::routing::post;
use secrecy::SecretString;
use tokio_util::task::TaskTracker;

use crate::app::ports::Clock;
use crate::app::service::CommandService;
use crate::domain::wording::CommandName;
use crate::http;
use crate::redact::Redactor;
use crate::websocket::State;

pub use check::{Identity, identity};
pub use groups::{Groups, Lookup, RefreshIntervals};
pub use messenger::SlackMessenger;
pub use response_url::{AllowedHost, InvalidHost};
pub use web_api::API;

/// The largest body that is read, in bytes. A slash command has a few hundred.
pub const LARGEST_BODY: usize = 64 * 1_024;

/// The settings of the Slack door.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Commands come over Socket Mode, and not over HTTP.
    pub socket: Option<socket::Settings>,
    /// The app's signing secrets: the present one, and the next one while it is being changed. Over HTTP, one is needed.
    pub signing_secrets: Vec<SecretString>,
    /// Only this app's requests are served, if it is set.
    pub app_id: Option<String>,
    /// Only these workspaces (or organisations) are served; all that the app is installed in if empty.
    pub team_ids: Vec<String>,
    /// What the command is called.
    pub command: CommandName,
    /// Whether every reply is for the caller alone.
    pub private_replies: bool,
    /// Hosts that a `response_url` may name, beside Slack's own.
    pub response_url_hosts: Vec<AllowedHost>,
    /// The bot's own token: to look up user groups (without it, grants to them match nobody), and to send answers that
    /// cannot be delivered otherwise.
    pub groups: Option<Lookup>,
}

impl Settings {
    /// Redacts secrets.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        let tokens =
            [self.groups.as_ref().map(|lookup| &lookup.token), self.socket.as_ref().map(|it| &it.app_token)];
        self.signing_secrets.iter().chain(tokens.into_iter().flatten())
    }
}

/// The door's shared state.
struct Slack {
    settings: Settings,
    service: Arc<CommandService>,
    clock: Arc<dyn Clock>,
    http: http::Client,
    redactor: Redactor,
    /// Opens forms, and answers what is filled in; `None` without a token.
    messenger: Option<SlackMessenger>,
}

/// The Slack door.
pub struct Door(Arc<Slack>);

impl Door {
    /// A door with these settings.
    ///
    /// # Errors
    /// When no TLS can be set up for late answers.
    pub fn new(
        settings: Settings,
        service: Arc<CommandService>,
        clock: Arc<dyn Clock>,
        redactor: Redactor,
    ) -> anyhow::Result<Self> {
        let http = http::Client::new(response_url::LIMITS, http::USER_AGENT, "SLACK_RESPONSE_URL_HOSTS")?;
        let messenger = SlackMessenger::new(&settings, redactor.clone())?;
        Ok(Self(Arc::new(Slack { settings, service, clock, http, redactor, messenger })))
    }

    /// The routes by which commands come over HTTP.
    pub fn router(self) -> Router {
        Router::new()
            .route("/slack/commands", post(slash::command))
            // Slack shows `http_client_error` for a redirect, so both forms of the path are served.
            .route("/slack/commands/", post(slash::command))
            .route("/slack/interactions", post(interactions::interaction))
            .route("/slack/interactions/", post(interactions::interaction))
            .with_state(self.0)
    }

    /// Takes commands over Socket Mode until `shutdown`, and then acknowledges what was received, within about 3 s. `tasks`
    /// are those that work on it.
    ///
    /// # Errors
    /// When no TLS can be set up.
    pub async fn listen(
        self,
        settings: socket::Settings,
        state: State,
        tasks: TaskTracker,
        shutdown: impl Future<Output = ()>,
    ) -> anyhow::Result<()> {
        socket::run(self.0, settings, state, tasks, shutdown).await
    }
}
