//! A new connection: `apps.connections.open`, the handshake, hello.

use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::Url;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::warn;

use super::super::web_api::{CallError, WebApi};
use super::refusal::Refusal;
use super::wire::{self, Frame};
use super::{Settings, Timing};
use crate::http;
use crate::redact::Redactor;
use crate::websocket::{Connector, Socket};

/// The longest frame that is read. A view has 250 kB at most, a slash command less than one.
const LONGEST_FRAME: usize = 1 << 20;
/// A longer Retry-After is cut to this.
const LONGEST_RETRY: Duration = Duration::from_secs(600);
/// What Slack says when an app has more than 10 connections.
const TOO_MANY: &str = "too_many_websockets";

/// A connection over which payloads come.
pub(super) struct Opened {
    pub(super) socket: Socket,
    /// Of the address, which is a secret itself.
    pub(super) host: String,
    /// How many the app has, as Slack counts them.
    pub(super) connections: Option<u64>,
    /// A frame that came in the place of hello.
    pub(super) first: Option<String>,
}

/// Why there is none.
#[derive(Debug)]
pub(super) enum OpenError {
    /// A person has to correct something.
    Refused(Refusal),
    /// The next try may succeed, after `wait` at the earliest.
    Failed { why: String, wait: Option<Duration> },
}

pub(super) struct Opener {
    api: WebApi,
    connector: Connector,
    timing: Timing,
    redactor: Redactor,
}

impl Opener {
    pub(super) fn new(settings: &Settings, redactor: Redactor) -> anyhow::Result<Self> {
        let (url, token) = (settings.api_base_url.clone(), settings.app_token.clone());
        let api = WebApi::new(url, token, redactor.clone())?;
        Ok(Self { api, connector: Connector::default(), timing: settings.timing, redactor })
    }

    pub(super) async fn open(&self) -> Result<Opened, OpenError> {
        let failed = |why: String| OpenError::Failed { why, wait: None };
        let asked = timeout(self.timing.open_within, self.api.open_connection()).await;
        let asked = asked.unwrap_or_else(|_| Err(CallError::Unanswered("no answer in time".to_owned())));
        let url = asked.map_err(|error| self.unanswered(error))?;
        let url = Url::parse(&url).ok().filter(|url| http::is_private(url, "ws"));
        let url = url.ok_or_else(|| failed("the answer names no wss address".to_owned()))?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let opening = timeout(self.timing.connect_within, self.connector.open(&url, LONGEST_FRAME)).await;
        let opened = opening.unwrap_or_else(|_| Err("no handshake in time".to_owned()));
        let mut socket = opened.map_err(|why| {
            failed(format!("`{host}` cannot be connected to: {}", self.redactor.text(&why)))
        })?;
        let (connections, first) = self.hello(&mut socket).await?;
        Ok(Opened { socket, host, connections, first })
    }

    fn unanswered(&self, error: CallError) -> OpenError {
        if let Some(refusal) = Refusal::of(&error) {
            return OpenError::Refused(refusal);
        }
        let (why, wait) = match error {
            CallError::Later(wait) => ("slack asks for a pause".to_owned(), Some(wait.min(LONGEST_RETRY))),
            CallError::Refused(name) => (
                format!("slack answers `{name}` (docs.slack.dev/reference/methods/apps.connections.open)"),
                None,
            ),
            CallError::Unanswered(why) | CallError::Unusable(why) => {
                (self.redactor.text(&why).into_owned(), None)
            }
        };
        OpenError::Failed { why, wait }
    }

    /// Waits for hello, or for a payload: then nothing is wrong either.
    async fn hello(&self, socket: &mut Socket) -> Result<(Option<u64>, Option<String>), OpenError> {
        let until = Instant::now() + self.timing.connect_within;
        let failed = |why: &str| OpenError::Failed { why: why.to_owned(), wait: None };
        loop {
            let message = timeout_at(until, socket.next()).await.map_err(|_| failed("there was no hello"))?;
            let message = match message {
                Some(Ok(message)) if !message.is_close() => message,
                Some(Ok(_)) | None => return Err(failed("the connection was closed before hello")),
                Some(Err(error)) => {
                    return Err(failed(&format!("the connection broke before hello: {error}")));
                }
            };
            let Some(text) = message.as_text() else { continue };
            match wire::read(text) {
                Ok(Frame::Hello { connections }) => return Ok((connections, None)),
                Ok(Frame::Envelope(_)) => return Ok((None, Some(text.to_owned()))),
                Ok(Frame::Disconnect { reason }) => return Err(self.turned_away(&reason)),
                Ok(Frame::Other) => {}
                Err(error) => {
                    warn!(error = %self.redactor.text(&error.to_string()), "a frame from slack cannot be read")
                }
            }
        }
    }

    fn turned_away(&self, reason: &str) -> OpenError {
        if let Some(refusal) = Refusal::of_link(reason) {
            return OpenError::Refused(refusal);
        }
        let why = format!("slack disconnects at once: `{}`", self.redactor.text(reason));
        OpenError::Failed { why, wait: (reason == TOO_MANY).then_some(self.timing.longest_pause) }
    }
}
