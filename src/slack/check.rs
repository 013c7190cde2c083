//! Whose token the bot has, for `room-owner doctor`.

use super::Lookup;
use super::groups::Problem;
use super::web_api::WebApi;
use crate::redact::Redactor;

/// Whose a token is, and what it may do.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Its workspace.
    pub team_id: String,
    /// What that is called.
    pub team: String,
    /// What the bot is called there.
    pub user: String,
    /// What it may do; none if Slack does not say.
    pub scopes: Vec<String>,
}

/// Asks Slack whose token this is.
///
/// # Errors
/// Why Slack does not say, and what to do.
pub async fn identity(
    lookup: &Lookup,
    redactor: Redactor,
) -> anyhow::Result<Result<Identity, (String, String)>> {
    let api = WebApi::new(lookup.base_url.clone(), lookup.token.clone(), redactor)?;
    Ok(match api.identity().await {
        Ok((answer, scopes)) => Ok(Identity {
            team_id: answer.team_id,
            team: answer.team,
            user: answer.user,
            scopes: scopes
                .split(',')
                .map(|scope| scope.trim().to_owned())
                .filter(|it| !it.is_empty())
                .collect(),
        }),
        Err(error) => {
            let Problem { what, remedy } = Problem::of(&error);
            Err((what, remedy.to_owned()))
        }
    })
}
