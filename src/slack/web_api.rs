//! Slack's Web API, as far as the bot calls it (docs.slack.dev/apis/web-api).

use std::time::Duration;

use reqwest::{StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::redact::Redactor;

/// Slack's own.
pub const API: &str = "https://slack.com/api";

const TIMEOUT: Duration = Duration::from_secs(10);
/// The longest answer that is read, in bytes: a group of 100,000 people has some 1.5 MB.
const LONGEST_ANSWER: usize = 4 << 20;
/// How many pages of one list are followed.
const MOST_PAGES: usize = 100;
/// How long a 429 without a readable `Retry-After` is waited for.
const USUAL_WAIT: Duration = Duration::from_secs(60);

/// The client. Its token is the bot's (`xoxb-..`).
pub(super) struct WebApi {
    http: reqwest::Client,
    base_url: Url,
    token: SecretString,
    redactor: Redactor,
}

/// Why a call came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CallError {
    /// 429: not before so long.
    Later(Duration),
    /// Slack's no, by its name for it.
    Refused(String),
    /// Slack cannot be reached.
    Unanswered(String),
    /// The answer cannot be used.
    Unusable(String),
}

impl CallError {
    /// Whether the same would come of every other question of its kind: Slack wants a pause, is out of reach, or
    /// does not take the token.
    pub(super) fn is_general(&self) -> bool {
        const ABOUT_THE_TOKEN: [&str; 18] = [
            "access_denied",
            "account_inactive",
            "ekm_access_denied",
            "enterprise_is_restricted",
            "http_status_401",
            "http_status_403",
            "invalid_auth",
            "missing_scope",
            "no_permission",
            "not_allowed_token_type",
            "not_authed",
            "org_login_required",
            "paid_teams_only",
            "plan_upgrade_required",
            "team_access_not_granted",
            "team_added_to_org",
            "token_expired",
            "token_revoked",
        ];
        match self {
            Self::Later(_) | Self::Unanswered(_) => true,
            Self::Refused(name) => ABOUT_THE_TOKEN.contains(&name.as_str()),
            Self::Unusable(_) => false,
        }
    }
}

impl WebApi {
    pub(super) fn new(base_url: Url, token: SecretString, redactor: Redactor) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .connect_timeout(TIMEOUT)
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self { http, base_url, token, redactor })
    }

    /// The workspace that the token is for.
    pub(super) async fn team(&self) -> Result<String, CallError> {
        self.call::<AuthTest>("auth.test", &[]).await.map(|answer| answer.team_id)
    }

    /// The members of a user group. A group that was deleted or switched off has none.
    pub(super) async fn members(&self, group: &str) -> Result<Vec<String>, CallError> {
        let mut members = Vec::new();
        let mut cursor = String::new();
        for _ in 0..MOST_PAGES {
            let mut fields = vec![("usergroup", group)];
            if !cursor.is_empty() {
                fields.push(("cursor", &cursor));
            }
            let page: Users = match self.call("usergroups.users.list", &fields).await {
                Err(CallError::Refused(error))
                    if matches!(error.as_str(), "no_such_subteam" | "subteam_not_found") =>
                {
                    return Ok(Vec::new());
                }
                page => page?,
            };
            members.extend(page.users);
            // Paging is not documented for this method, but one of its errors is `invalid_cursor`.
            cursor = page.response_metadata.next_cursor;
            if cursor.is_empty() {
                return Ok(members);
            }
        }
        Err(CallError::Unusable(format!("the list of members has more than {MOST_PAGES} pages")))
    }

    /// Calls a method for what it does.
    pub(super) async fn post(&self, method: &str, fields: &[(&str, &str)]) -> Result<(), CallError> {
        self.call::<serde::de::IgnoredAny>(method, fields).await.map(drop)
    }

    async fn call<T: for<'de> Deserialize<'de>>(
        &self,
        method: &str,
        fields: &[(&str, &str)],
    ) -> Result<T, CallError> {
        let mut url = self.base_url.clone();
        url.set_path(&format!("{}/{method}", self.base_url.path().trim_end_matches('/')));
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self
            .http
            .post(url)
            .bearer_auth(self.token.expose_secret())
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        let unanswered = |error| self.unanswered(error);
        let mut response = request.send().await.map_err(unanswered)?;
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            let after = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
            let wait = after.and_then(|seconds| seconds.trim().parse().ok()).map(Duration::from_secs);
            return Err(CallError::Later(wait.unwrap_or(USUAL_WAIT)));
        }
        if response.status().is_client_error() {
            return Err(CallError::Refused(format!("http_status_{}", response.status().as_u16())));
        }
        if response.status().is_redirection() {
            // It would take the token to another host.
            let why =
                format!("HTTP status {}, a redirect, which is not followed", response.status().as_u16());
            return Err(CallError::Unanswered(why));
        }
        if !response.status().is_success() {
            return Err(CallError::Unusable(format!("HTTP status {}", response.status().as_u16())));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unanswered)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > LONGEST_ANSWER {
                return Err(CallError::Unusable("the answer is too long to be one".to_owned()));
            }
        }
        let bytes = self.redactor.json(&bytes);
        let nonsense = |error| CallError::Unusable(format!("the answer makes no sense: {error}"));
        let verdict: Verdict = serde_json::from_slice(&bytes).map_err(nonsense)?;
        if !verdict.ok {
            // Slack's names for its errors are plain words; anything else is not one.
            let name = verdict.error.filter(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
            return Err(match name.as_deref() {
                Some("ratelimited") => CallError::Later(USUAL_WAIT),
                Some(name) => CallError::Refused(name.chars().take(64).collect()),
                None => CallError::Unusable("the answer is a no without a reason".to_owned()),
            });
        }
        serde_json::from_slice(&bytes).map_err(nonsense)
    }

    /// The innermost cause says most; the URL says nothing new.
    fn unanswered(&self, error: reqwest::Error) -> CallError {
        let error = error.without_url();
        let mut cause: &dyn std::error::Error = &error;
        while let Some(next) = cause.source() {
            cause = next;
        }
        CallError::Unanswered(self.redactor.text(&cause.to_string()).into_owned())
    }
}

#[derive(Deserialize)]
struct Verdict {
    ok: bool,
    #[serde(default)]
    error: Option<String>,
}

#[derive(Deserialize)]
struct AuthTest {
    team_id: String,
}

#[derive(Deserialize)]
struct Users {
    users: Vec<String>,
    #[serde(default)]
    response_metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    next_cursor: String,
}
