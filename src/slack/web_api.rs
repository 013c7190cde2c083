//! Slack's Web API, as far as the bot calls it (docs.slack.dev/apis/web-api).

use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::http;
use crate::redact::Redactor;

/// Slack's own.
pub const API: &str = "https://slack.com/api";

/// A group of 100,000 people has some 1.5 MB.
const LIMITS: http::Limits = http::Limits::within(Duration::from_secs(10), 4 << 20);
/// How many pages of one list are followed.
const MOST_PAGES: usize = 100;
/// How long a 429 without a readable `Retry-After` is waited for.
const USUAL_WAIT: Duration = Duration::from_secs(60);

/// The client. Its token is the bot's (`xoxb-..`), or the app's (`xapp-..`) for Socket Mode.
pub(super) struct WebApi {
    http: http::Client,
    base_url: Url,
    token: SecretString,
    redactor: Redactor,
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CallError {
    /// 429: not before so long.
    Later(Duration),
    /// Slack refused, with this error.
    Refused(String),
    /// Slack cannot be reached.
    Unanswered(String),
    /// The answer cannot be used.
    Unusable(String),
}

impl CallError {
    /// Whether every other call would fail too: Slack wants a pause, is out of reach, or does not accept the token.
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

impl CallError {
    fn is_no_such_group(&self) -> bool {
        matches!(self, Self::Refused(error) if matches!(error.as_str(), "no_such_subteam" | "subteam_not_found"))
    }
}

impl From<http::Error> for CallError {
    fn from(error: http::Error) -> Self {
        let why = error.to_string();
        match error {
            http::Error::Refused { status, retry_after, .. } => match status {
                StatusCode::TOO_MANY_REQUESTS => Self::Later(retry_after.unwrap_or(USUAL_WAIT)),
                _ if status.is_client_error() => Self::Refused(format!("http_status_{}", status.as_u16())),
                _ if status.is_redirection() => Self::Unanswered(why),
                _ => Self::Unusable(why),
            },
            http::Error::Unusable(_) => Self::Unusable(why),
            _ => Self::Unanswered(why),
        }
    }
}

impl WebApi {
    pub(super) fn new(base_url: Url, token: SecretString, redactor: Redactor) -> anyhow::Result<Self> {
        let http = http::Client::new(LIMITS, http::USER_AGENT, "SLACK_API_BASE_URL")?;
        Ok(Self { http, base_url, token, redactor })
    }

    /// The workspace that the token is for.
    pub(super) async fn team(&self) -> Result<String, CallError> {
        self.call::<AuthTest>("auth.test", &[]).await.map(|answer| answer.team_id)
    }

    /// Whether the workspace has such a user group.
    pub(super) async fn has_group(&self, group: &str) -> Result<bool, CallError> {
        match self.call::<Users>("usergroups.users.list", &[("usergroup", group)]).await {
            Err(error) if error.is_no_such_group() => Ok(false),
            answer => answer.map(|_| true),
        }
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
                Err(error) if error.is_no_such_group() => return Ok(Vec::new()),
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

    /// Asks for an address of Socket Mode. It holds a ticket for one connection, so it is a secret.
    pub(super) async fn open_connection(&self) -> Result<String, CallError> {
        let request = self.request("apps.connections.open", &[]);
        let answer = self.http.send_for_secret(request, &self.redactor).await?;
        read::<OpenConnection>(&answer).map(|answer| answer.url)
    }

    /// Shows somebody a form (docs.slack.dev/reference/methods/views.open).
    pub(super) async fn open_view(&self, trigger: &str, view: &str) -> Result<(), CallError> {
        let fields = [("trigger_id", trigger), ("view", view)];
        self.call::<serde::de::IgnoredAny>("views.open", &fields).await.map(drop)
    }

    /// Posts a message: its `ts`, which names it in its channel, if Slack says one.
    pub(super) async fn post(
        &self,
        method: &str,
        fields: &[(&str, &str)],
    ) -> Result<Option<String>, CallError> {
        Ok(self.posted(method, fields).await?.1)
    }

    /// The same, and the conversation that it is in.
    pub(super) async fn posted(
        &self,
        method: &str,
        fields: &[(&str, &str)],
    ) -> Result<(Option<String>, Option<String>), CallError> {
        let Posted { channel, ts } = self.call(method, fields).await?;
        let is_ts = |ts: &String| {
            ts.len() <= 32 && ts.contains('.') && ts.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        };
        Ok((channel, ts.filter(is_ts)))
    }

    /// Whose token it is, and what it may do: the scopes, separated by commas, are in a header.
    pub(super) async fn identity(&self) -> Result<(AuthTest, String), CallError> {
        let answer = self.http.answer(self.request("auth.test", &[]), &self.redactor).await?;
        if !answer.status.is_success() {
            let (status, body) = (answer.status, Vec::new());
            return Err(http::Error::Refused { status, retry_after: None, body }.into());
        }
        let scopes = answer.headers.get("x-oauth-scopes").and_then(|scopes| scopes.to_str().ok());
        let scopes = scopes.unwrap_or_default().to_owned();
        Ok((read(&self.redactor.json(&answer.body))?, scopes))
    }

    async fn call<T: for<'de> Deserialize<'de>>(
        &self,
        method: &str,
        fields: &[(&str, &str)],
    ) -> Result<T, CallError> {
        read(&self.http.send(self.request(method, fields), &self.redactor).await?)
    }

    fn request(&self, method: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        let mut url = self.base_url.clone();
        url.set_path(&format!("{}/{method}", self.base_url.path().trim_end_matches('/')));
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.http
            .request(Method::POST, url)
            .bearer_auth(self.token.expose_secret())
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
    }
}

fn read<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T, CallError> {
    let nonsense = |error| CallError::Unusable(format!("the answer makes no sense: {error}"));
    let verdict: Verdict = serde_json::from_slice(bytes).map_err(nonsense)?;
    if !verdict.ok {
        return Err(match verdict.name().as_deref() {
            Some("ratelimited") => CallError::Later(USUAL_WAIT),
            Some(name) => CallError::Refused(name.to_owned()),
            None => CallError::Unusable("the answer is a no without a reason".to_owned()),
        });
    }
    serde_json::from_slice(bytes).map_err(nonsense)
}

/// The fields of every answer.
#[derive(Deserialize)]
pub(super) struct Verdict {
    pub(super) ok: bool,
    #[serde(default)]
    error: Option<String>,
}

impl Verdict {
    /// Slack's error code: plain words; anything else is not one.
    pub(super) fn name(self) -> Option<String> {
        let name = self.error.filter(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))?;
        Some(name.chars().take(64).collect())
    }
}

/// Whose token it is.
#[derive(Deserialize)]
pub(super) struct AuthTest {
    pub(super) team_id: String,
    #[serde(default)]
    pub(super) team: String,
    #[serde(default)]
    pub(super) user: String,
}

#[derive(Deserialize)]
struct OpenConnection {
    url: String,
}

#[derive(Deserialize)]
struct Posted {
    #[serde(default)]
    channel: Option<String>,
    #[serde(default)]
    ts: Option<String>,
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
