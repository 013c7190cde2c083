//! Calls to Discord's REST API, with limits on how long they may take.
//!
//! The token of an interaction is part of the URL, so no error and no log line holds a URL.

use std::fmt;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use reqwest::header::{AUTHORIZATION, HeaderValue, InvalidHeaderValue};
use reqwest::{Method, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::time::Instant;

use super::payload::{ReplyTo, snowflake};
use crate::http;
use crate::redact::Redactor;

/// How long a member is looked up, before an interaction has to be answered.
const LOOK_UP_WITHIN: Duration = Duration::from_millis(1_200);
/// How long after an interaction Discord accepts a first answer: 3 s, less the way here and back.
pub(super) const WINDOW: Duration = Duration::from_millis(2_750);
/// How long to wait for a first answer before a second copy is sent in parallel.
const RESEND_AFTER: Duration = Duration::from_secs(1);
/// The first pause before a first answer that failed is sent again; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(100);
/// How long after the window to wait for the news whether Discord took a first answer.
const RESULT_WITHIN: Duration = Duration::from_millis(1_500);
/// How long any other call may take.
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);
/// All of an application's commands have less than a megabyte.
const LONGEST_ANSWER: usize = 4 << 20;
/// Discord refuses clients without such a name (docs.discord.com/developers/reference, "User Agent").
const USER_AGENT: &str =
    concat!("DiscordBot (", env!("CARGO_PKG_NAME"), ", ", env!("CARGO_PKG_VERSION"), ")");

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Discord answered, and not with success.
    Refused {
        /// The HTTP status.
        status: u16,
        /// Discord's error code ("JSON Error Codes"), if it gave one.
        code: Option<u64>,
        /// What Discord said to it, if it did.
        message: Option<String>,
        /// How long to wait, if Discord said so.
        retry_after: Option<Duration>,
    },
    /// There was no connection, so Discord knows nothing of the call.
    NotSent(String),
    /// There was no answer: Discord may have taken the call.
    NoAnswer(String),
}

/// Unknown webhook: sometimes said of a token that is good a moment later.
const UNKNOWN_WEBHOOK: u64 = 10_015;
/// Missing access: the bot is not there.
const MISSING_ACCESS: u64 = 50_001;
/// The interaction has its first answer.
const ALREADY_ACKNOWLEDGED: u64 = 40_060;

impl Failure {
    /// Whether the same call may succeed later.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Refused { status, code, .. } => {
                *status >= 500 || *status == 429 || *code == Some(UNKNOWN_WEBHOOK)
            }
            Self::NotSent(_) | Self::NoAnswer(_) => true,
        }
    }

    /// What helps, if a person has to do it.
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::Refused { code: Some(MISSING_ACCESS), .. } => Some(
                "invite the bot to that server with the scope `applications.commands`, or check the server's id",
            ),
            Self::Refused { status: 401 | 403, .. } => {
                Some("copy the token from the Bot page of the application (Reset Token) to DISCORD_BOT_TOKEN")
            }
            _ => None,
        }
    }

    /// Whether Discord may have done what was asked, in spite of it.
    pub(super) fn is_unclear(&self) -> bool {
        match self {
            Self::Refused { status, .. } => *status >= 500,
            Self::NotSent(_) => false,
            Self::NoAnswer(_) => true,
        }
    }

    /// How long Discord asks to wait, because there were too many calls.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { status: 429, retry_after, .. } => *retry_after,
            Self::Refused { .. } | Self::NotSent(_) | Self::NoAnswer(_) => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { status, code, message, .. } => {
                write!(f, "discord answered {status}{}", http::redirect_note(*status))?;
                if let Some(code) = code {
                    write!(f, ", code {code}")?;
                }
                message.as_ref().map_or(Ok(()), |message| write!(f, ": {message}"))
            }
            Self::NotSent(why) => write!(f, "discord could not be reached: {why}"),
            Self::NoAnswer(why) => write!(f, "discord did not answer: {why}"),
        }
    }
}

impl std::error::Error for Failure {}

/// What authorises a call.
#[derive(Clone, Copy)]
enum Authority<'a> {
    /// The bot's token, in a header.
    Bot,
    /// The token of an interaction, in the address.
    Interaction(&'a SecretString),
}

/// The header of a call in the bot's name.
pub(super) fn authorization(bot_token: &SecretString) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::try_from(format!("Bot {}", bot_token.expose_secret()))?;
    // Kept out of every log of the libraries below.
    value.set_sensitive(true);
    Ok(value)
}

/// The client.
pub(super) struct Rest {
    http: http::Client,
    base: Url,
    bot_token: Option<SecretString>,
    redactor: Redactor,
}

impl Rest {
    pub(super) fn new(
        base: Url,
        bot_token: Option<SecretString>,
        redactor: Redactor,
        within: Duration,
    ) -> reqwest::Result<Self> {
        let limits = http::Limits::within(within, LONGEST_ANSWER);
        let http = http::Client::new(limits, USER_AGENT, "DISCORD_API_BASE_URL")?;
        Ok(Self { http, base, bot_token, redactor })
    }

    pub(super) fn has_bot_token(&self) -> bool {
        self.bot_token.is_some()
    }

    /// The first answer ("Create Interaction Response") to an interaction whose window ends at `until`. An answer
    /// that Discord took in silence is known by what it says to the next one: that there is one already.
    pub(super) async fn callback(&self, to: &ReplyTo, body: &Value, until: Instant) -> Result<(), Failure> {
        let path = ["interactions", &to.interaction, to.token.expose_secret(), "callback"];
        // Too late by this clock is tried all the same: Discord's clock decides.
        let until = until.max(Instant::now() + RESEND_AFTER);
        let given_up = until + RESULT_WITHIN;
        let post = || {
            let authority = Authority::Interaction(&to.token);
            self.call(Method::POST, &path, Some(body), authority, Some(given_up - Instant::now()))
        };
        let mut calls = FuturesUnordered::from_iter([post()]);
        let mut unclear = None;
        let (mut next, mut pause) = (until.min(Instant::now() + RESEND_AFTER), PAUSE);
        let mut is_last = false;
        loop {
            tokio::select! {
                Some(answered) = calls.next() => {
                    let failure = match answered {
                        Ok(_) => return Ok(()),
                        Err(Failure::Refused { code: Some(ALREADY_ACKNOWLEDGED), .. })
                            if unclear.is_some() || !calls.is_empty() => return Ok(()),
                        Err(failure) if !failure.may_pass() => return Err(failure),
                        Err(failure) => failure,
                    };
                    let again = Instant::now() + failure.retry_after().unwrap_or(pause).min(WINDOW);
                    pause *= 2;
                    if failure.is_unclear() {
                        unclear.get_or_insert_with(|| failure.clone());
                    }
                    let is_hopeless = is_last || (again > until && unclear.is_none());
                    if is_hopeless && calls.is_empty() {
                        return Err(unclear.unwrap_or(failure));
                    }
                    next = again.min(until);
                }
                () = tokio::time::sleep_until(next), if !is_last => {
                    // The last one only asks whether another one was taken.
                    is_last = next >= until;
                    next = until.min(Instant::now() + RESEND_AFTER);
                    calls.push(post());
                }
            }
        }
    }

    /// Puts the outcome in the place of the first answer ("Edit Original Interaction Response").
    pub(super) async fn edit_original(&self, to: &ReplyTo, body: &Value) -> Result<(), Failure> {
        self.edit(to, "@original", body).await
    }

    /// Edits a message of ours that the interaction belongs to ("Edit Followup Message").
    pub(super) async fn edit(&self, to: &ReplyTo, message: &str, body: &Value) -> Result<(), Failure> {
        let path = ["webhooks", &to.application, to.token.expose_secret(), "messages", message];
        let authority = Authority::Interaction(&to.token);
        self.call(Method::PATCH, &path, Some(body), authority, None).await.map(drop)
    }

    /// Posts to a channel as the bot ("Create Message"): the id of the message, if Discord says one.
    pub(super) async fn post_to_channel(
        &self,
        channel: &str,
        body: &Value,
    ) -> Result<Option<String>, Failure> {
        let message = self.as_bot(Method::POST, &["channels", channel, "messages"], Some(body)).await?;
        Ok(snowflake(&message["id"]))
    }

    /// Edits a message of the bot ("Edit Message").
    pub(super) async fn edit_in_channel(
        &self,
        channel: &str,
        message: &str,
        body: &Value,
    ) -> Result<(), Failure> {
        let path = ["channels", channel, "messages", message];
        self.as_bot(Method::PATCH, &path, Some(body)).await.map(drop)
    }

    /// A member of a guild ("Get Guild Member").
    pub(super) async fn member(&self, guild: &str, user: &str) -> Result<Value, Failure> {
        let path = ["guilds", guild, "members", user];
        self.call(Method::GET, &path, None, Authority::Bot, Some(LOOK_UP_WITHIN)).await
    }

    /// The channel of direct messages with somebody ("Create DM").
    pub(super) async fn direct_channel(&self, user: &str) -> Result<Value, Failure> {
        let body = serde_json::json!({ "recipient_id": user });
        self.as_bot(Method::POST, &["users", "@me", "channels"], Some(&body)).await
    }

    /// Any call in the bot's name.
    pub(super) async fn as_bot(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        self.call(method, path, body, Authority::Bot, None).await
    }

    async fn call(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&Value>,
        authority: Authority<'_>,
        within: Option<Duration>,
    ) -> Result<Value, Failure> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        let mut request = self.http.request(method.clone(), url);
        if let Some(within) = within {
            request = request.timeout(within);
        }
        if let (Authority::Bot, Some(token)) = (authority, &self.bot_token) {
            let token =
                authorization(token).map_err(|_| Failure::NotSent("the bot token is not one".to_owned()))?;
            request = request.header(AUTHORIZATION, token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let redactor = match authority {
            Authority::Interaction(token) => self.redactor.with(token),
            Authority::Bot => self.redactor.clone(),
        };
        let (status, in_header, body) = match self.http.send(request, &redactor).await {
            Err(http::Error::Refused { status, retry_after, body }) => (status.as_u16(), retry_after, body),
            Err(http::Error::NotSent(why)) => return Err(Failure::NotSent(why)),
            // What was asked to be done is done by its status, and nothing has to be read of it.
            Err(error) if !error.is_accepted() || method == Method::GET => {
                return Err(Failure::NoAnswer(error.to_string()));
            }
            answer => return Ok(serde_json::from_slice(&answer.unwrap_or_default()).unwrap_or_default()),
        };
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let in_body = body["retry_after"].as_f64().and_then(|s| Duration::try_from_secs_f64(s).ok());
        Err(Failure::Refused {
            status,
            code: body["code"].as_u64().filter(|code| *code != 0),
            message: body["message"].as_str().map(|text| text.chars().take(200).collect()),
            retry_after: in_body.or(in_header),
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_success_that_breaks_off_is_one_for_what_was_to_be_done_and_none_for_what_was_asked() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let server = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                assert!(stream.read(&mut [0; 1_024]).await.unwrap() > 0);
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n[]").await.unwrap();
            }
        });
        let rest = Rest::new(base, None, Redactor::default(), TIMEOUT).unwrap();
        assert_eq!(rest.as_bot(Method::POST, &["x"], None).await, Ok(Value::Null));
        let asked = rest.as_bot(Method::GET, &["x"], None).await.unwrap_err();
        assert!(asked.to_string().starts_with("discord did not answer: the answer broke off"), "{asked}");
        server.abort();
    }
}
