//! The doors, as they are announced.

use std::sync::Arc;

use tracing::info;

use crate::app::surroundings::{ConnectionState, DoorState, LastCalls, Surroundings};
use crate::telemetry::Metrics;
use crate::{server, slack, websocket};

/// A door for `/readyz`: commands come over a connection that is called `over`, if there is one.
pub(super) fn served(
    name: &'static str,
    over: &'static str,
    state: Option<&websocket::State>,
) -> server::Door {
    let connection = state.map(|state| server::Connection { name: over, state: state.clone() });
    server::Door { name, connection }
}

/// What the console shows of the services around the bot.
pub(super) struct Running {
    pub(super) doors: Vec<server::Door>,
    pub(super) metrics: Arc<Metrics>,
}

impl Surroundings for Running {
    fn doors(&self) -> Vec<DoorState> {
        let connection = |it: &server::Connection| ConnectionState {
            name: it.name,
            lasts: it.state.lasts(),
            detail: it.state.to_string(),
        };
        let state = |door: &server::Door| DoorState {
            name: door.name,
            is_ready: door.is_ready(),
            connection: door.connection.as_ref().map(connection),
        };
        self.doors.iter().map(state).collect()
    }

    fn last_calls(&self) -> LastCalls {
        self.metrics.last_calls()
    }
}

/// Logs which way commands come from Slack, and why.
pub(super) fn say_how_slack_comes(settings: &slack::Settings) {
    let command = &settings.command.0;
    match (&settings.socket, settings.signing_secrets.is_empty()) {
        (None, _) => info!(command, "taking commands from Slack at /slack/commands"),
        (Some(_), true) => {
            info!(command, "taking commands from Slack over Socket Mode, because SLACK_APP_TOKEN is set");
        }
        (Some(_), false) => info!(
            command,
            "taking commands from Slack over Socket Mode, because SLACK_APP_TOKEN is set; SLACK_SIGNING_SECRET is not used, \
             and /slack/commands is not served"
        ),
    }
}
