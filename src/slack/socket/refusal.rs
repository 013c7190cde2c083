//! Refusals that only a person can end, and what to do about them.

use super::super::web_api::CallError;

/// Slack refuses until somebody corrects what is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {remedy}")]
pub struct Refusal {
    /// What Slack says.
    pub what: String,
    /// What to do.
    pub remedy: &'static str,
}

const COPY_TOKEN: &str =
    "copy the app-level token (`xapp-...`) from the app's Basic Information to SLACK_APP_TOKEN";
const ADD_SCOPE: &str = "make an app-level token with the scope `connections:write` (Basic Information, App-Level Tokens) \
     and set SLACK_APP_TOKEN to it";

impl Refusal {
    /// Of `apps.connections.open`; `None` if the next try may succeed.
    pub(super) fn of(error: &CallError) -> Option<Self> {
        let CallError::Refused(name) = error else { return None };
        let remedy = match name.as_str() {
            "invalid_auth" | "not_authed" | "token_revoked" | "token_expired" | "account_inactive" => {
                COPY_TOKEN
            }
            "missing_scope" | "not_allowed_token_type" | "no_permission" => ADD_SCOPE,
            "team_disabled"
            | "user_removed_from_team"
            | "team_access_not_granted"
            | "forbidden_team"
            | "access_denied"
            | "accesslimited"
            | "ekm_access_denied"
            | "enterprise_is_restricted"
            | "org_login_required" => "ask an admin of the Slack workspace to let the app in",
            "http_status_401" | "http_status_403" | "http_status_404" => {
                "check SLACK_API_BASE_URL, and what is between this machine and Slack"
            }
            // What is not known may pass.
            _ => return None,
        };
        Some(Self { what: format!("Slack refuses the app's token, `{name}`"), remedy })
    }

    /// Of a connection: `disconnect` for this reason.
    pub(super) fn of_link(reason: &str) -> Option<Self> {
        (reason == "link_disabled").then(|| Self {
            what: "Socket Mode is off for this app".to_owned(),
            remedy: "switch it on under Socket Mode at api.slack.com/apps, or unset SLACK_APP_TOKEN",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_person_has_to_correct_is_a_refusal() {
        let of = |name: &str| Refusal::of(&CallError::Refused(name.to_owned()));
        for name in ["not_authed", "invalid_auth", "account_inactive", "token_revoked"] {
            assert_eq!(of(name).unwrap().remedy, COPY_TOKEN);
        }
        assert_eq!(of("missing_scope").unwrap().remedy, ADD_SCOPE);
        assert!(of("user_removed_from_team").is_some() && of("team_disabled").is_some());
        assert_eq!([of("internal_error"), of("service_unavailable")], [None, None]);
        assert_eq!(Refusal::of(&CallError::Unanswered("timed out".to_owned())), None);
        assert!(Refusal::of_link("link_disabled").is_some() && Refusal::of_link("warning").is_none());
    }
}
