//! Slack: whose token the bot has, what it may do, and whether Socket Mode works.

use super::within;
use crate::domain::check::Check;
use crate::redact::Redactor;
use crate::slack::manifest::SCOPES;
use crate::slack::socket::{self, Refusal};
use crate::slack::{Identity, Lookup, Settings, identity};

const NAME: &str = "slack";
const SCOPE: &str = "slack scopes";
const SOCKET: &str = "slack socket mode";

/// Opens a connection of Socket Mode too, unless the bot is about to do so.
/// The setting of Slack's address.
const ADDRESS: &str = "SLACK_API_BASE_URL if it is set";

pub(super) async fn checks(
    settings: Option<&Settings>,
    with_socket: bool,
    redactor: &Redactor,
) -> Vec<Check> {
    let Some(settings) = settings else {
        let detail = "off: neither SLACK_SIGNING_SECRET nor SLACK_APP_TOKEN is set, or they cannot be used";
        return vec![Check::skipped(NAME, detail)];
    };
    let socket = async {
        match settings.socket.as_ref().filter(|_| with_socket) {
            Some(settings) => {
                let to = (&settings.api_base_url, ADDRESS);
                within(&[SOCKET], to, socket(settings, redactor)).await
            }
            None => Vec::new(),
        }
    };
    let (token, socket) = tokio::join!(of_token(settings, redactor), socket);
    [token, socket].concat()
}

async fn socket(settings: &socket::Settings, redactor: &Redactor) -> Vec<Check> {
    vec![match socket::probe(settings, redactor.clone()).await {
        Ok(Ok(connections)) => Check::ok(
            SOCKET,
            match connections.unwrap_or(1) {
                0 | 1 => "a connection opens".to_owned(),
                more => format!("a connection opens; Slack counts {} more", more - 1),
            },
        ),
        Ok(Err(Refusal { what, remedy })) => Check::failure(SOCKET, what, remedy),
        Err(error) => Check::failure(SOCKET, error.to_string(), "see the message"),
    }]
}

async fn of_token(settings: &Settings, redactor: &Redactor) -> Vec<Check> {
    let Some(lookup) = &settings.groups else {
        let detail = "SLACK_BOT_TOKEN is not set: user groups have no roles, late answers are in the log alone, and there are no \
             form and no announcements";
        return vec![Check::skipped(NAME, detail)];
    };
    within(&[NAME], (&lookup.base_url, ADDRESS), token(settings, lookup, redactor)).await
}

async fn token(settings: &Settings, lookup: &Lookup, redactor: &Redactor) -> Vec<Check> {
    let identity = match identity(lookup, redactor.clone()).await {
        Ok(Ok(identity)) => identity,
        Ok(Err((what, remedy))) => {
            return vec![Check::failure(NAME, format!("auth.test: {what}"), remedy)];
        }
        Err(error) => return vec![Check::failure(NAME, error.to_string(), "see the message")],
    };
    vec![team(&identity, &settings.team_ids), scopes(&identity)]
}

fn team(Identity { team_id, team, user, .. }: &Identity, served: &[String]) -> Check {
    // Which workspaces an organisation (`E..`) has is not known here.
    let is_served = served.is_empty() || served.iter().any(|id| id == team_id || id.starts_with('E'));
    if is_served {
        return Check::ok(NAME, format!("the token is of `{user}` in `{team}` ({team_id})"));
    }
    Check::failure(
        NAME,
        format!("the token is of `{team}` ({team_id}), which is none of SLACK_TEAM_IDS"),
        "correct SLACK_TEAM_IDS, or copy the token of the app in that workspace",
    )
}

fn scopes(identity: &Identity) -> Check {
    if identity.scopes.is_empty() {
        return Check::skipped(SCOPE, "Slack does not say which the token has");
    }
    let missing = SCOPES.iter().filter(|scope| !identity.scopes.iter().any(|has| has == *scope));
    let missing: Vec<String> = missing.map(|scope| format!("`{scope}`")).collect();
    if missing.is_empty() {
        return Check::ok(SCOPE, SCOPES.join(", "));
    }
    Check::warning(
        SCOPE,
        format!("the token lacks {}", missing.join(" and ")),
        "add it under OAuth & Permissions, Bot Token Scopes, and install the app anew",
    )
}
