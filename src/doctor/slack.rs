//! Slack: whose token the bot has, and what it may do.

use super::within;
use crate::domain::check::Check;
use crate::redact::Redactor;
use crate::slack::manifest::SCOPES;
use crate::slack::{Identity, Lookup, Settings, identity};

const NAME: &str = "slack";
const SCOPE: &str = "slack scopes";

pub(super) async fn checks(settings: Option<&Settings>, redactor: &Redactor) -> Vec<Check> {
    let Some(settings) = settings else {
        return vec![Check::skipped(NAME, "off: SLACK_SIGNING_SECRET is not set, or cannot be used")];
    };
    let Some(lookup) = &settings.groups else {
        let detail =
            "SLACK_BOT_TOKEN is not set: user groups have no roles, and late answers are in the log alone";
        return vec![Check::skipped(NAME, detail)];
    };
    within(&[NAME], token(settings, lookup, redactor)).await
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
