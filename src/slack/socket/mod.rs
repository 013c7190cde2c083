//! Socket Mode: connections from here to Slack, over which commands come. It needs no public endpoint
//! (docs.slack.dev/apis/events-api/using-socket-mode).
//!
//! `run` keeps one connection open. Slack closes each after some hours, and says so shortly before: then another one is
//! opened, and only when its hello is there is the former one drained and closed, so that no command is lost in between.
//! A connection that breaks, or says nothing for too long, is replaced too. A payload goes to any one of an app's
//! connections; whichever it is, its delivery is claimed by its `trigger_id`, as over HTTP.
//!
//! The parts: `opening` is `apps.connections.open`, the handshake and hello; `connection` is one connection until its
//! end; `envelope` is one payload and its acknowledgement; `wire` is what frames mean; `refusal` is what only a person can
//! correct; `live` is which connections are up.

mod connection;
mod envelope;
mod live;
mod opening;
mod refusal;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, error, info, warn};

use super::Slack;
use crate::app::ports::Reconnect;
use crate::redact::Redactor;
use crate::websocket::{self, Backoff, Phase, State};
use connection::Connection;
use envelope::{Envelopes, Work};
use live::Live;
use opening::{OpenError, Opened, Opener};

pub use refusal::Refusal;
#[cfg(any(test, feature = "fuzzing"))]
pub(super) use wire::check as check_frame;

/// How to reach Slack.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The app-level token (`xapp-..`), with the scope `connections:write`.
    pub app_token: SecretString,
    /// Slack's Web API.
    pub api_base_url: Url,
    /// How patient to be.
    pub timing: Timing,
}

/// How patient to be.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// For `apps.connections.open`.
    pub open_within: Duration,
    /// For TCP, TLS and the handshake together, and then for hello.
    pub connect_within: Duration,
    /// For sending one frame.
    pub write_within: Duration,
    /// A connection that is silent for so long is sent a ping.
    pub ping_after: Duration,
    /// A connection that is silent for so long is dead.
    pub silence: Duration,
    /// How long a connection is kept after another one took its place.
    pub drain: Duration,
    /// The second try's pause at most; the first has none, each further one up to twice the last.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// A connection that was up this long is not held against the next one.
    pub stable_after: Duration,
    /// Before Slack is asked again after a refusal that only a person can end.
    pub refused_pause: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            open_within: Duration::from_secs(10),
            connect_within: Duration::from_secs(10),
            write_within: Duration::from_secs(5),
            ping_after: Duration::from_secs(15),
            silence: Duration::from_secs(45),
            drain: Duration::from_secs(10),
            first_pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(30),
            stable_after: Duration::from_secs(10),
            refused_pause: Duration::from_secs(300),
        }
    }
}

/// Takes commands until `shutdown`, through any number of connections; each is worked on in a task of its own on `tasks`.
/// After `shutdown` it returns once what was received is acknowledged, within about 3 s.
pub(super) async fn run(
    slack: Arc<Slack>,
    settings: Settings,
    state: State,
    tasks: TaskTracker,
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let stop = CancellationToken::new();
    let mut keeper = Keeper {
        opener: Opener::new(&settings, slack.redactor.clone())?,
        backoff: Backoff::new(settings.timing.first_pause, settings.timing.longest_pause),
        began: Instant::now(),
        live: Live::new(state.clone()),
        envelopes: Envelopes::new(Arc::clone(&slack)),
        connections: TaskTracker::new(),
        opened: 0,
        is_shared: false,
        refusal: None,
        timing: settings.timing,
        stop: stop.clone(),
        slack,
        tasks,
    };
    let asked = async {
        shutdown.await;
        stop.cancel();
    };
    tokio::join!(keeper.run(), asked);
    keeper.connections.close();
    keeper.connections.wait().await;
    state.enter(Phase::Stopped);
    info!("the connections to slack are closed");
    Ok(())
}

/// Keeps a connection open.
struct Keeper {
    slack: Arc<Slack>,
    opener: Opener,
    backoff: Backoff,
    /// When the last try began.
    began: Instant,
    live: Live,
    envelopes: Envelopes,
    connections: TaskTracker,
    /// How many connections were opened so far.
    opened: u64,
    /// Slack counted more, and that is said.
    is_shared: bool,
    /// The last refusal, which is said.
    refusal: Option<Refusal>,
    timing: Timing,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Keeper {
    /// Until `stop`.
    async fn run(&mut self) {
        let mut former: Option<CancellationToken> = None;
        while let Some(opened) = self.open().await {
            let up_since = Instant::now();
            let retire = CancellationToken::new();
            let replaced = self.hold(opened, retire.clone());
            if let Some(former) = former.replace(retire) {
                former.cancel();
            }
            let stop = self.stop.clone();
            let Some(reason) = stop.run_until_cancelled(replaced).await else { break };
            // It is never dropped without a reason.
            let reason = reason.unwrap_or(Reconnect::Lost);
            self.slack.service.observer().reconnects(reason);
            if up_since.elapsed() >= self.timing.stable_after {
                self.backoff.reset();
            }
            match reason {
                Reconnect::TooMany => self.backoff.no_sooner_than(self.timing.longest_pause),
                reason => {
                    if let Some(refusal) = Refusal::of_link(reason.name()) {
                        self.refused(refusal);
                    }
                }
            }
        }
    }

    /// A new connection, whenever there is one; `None` if it is time to stop.
    async fn open(&mut self) -> Option<Opened> {
        let stop = self.stop.clone();
        loop {
            let pause = self.backoff.next(self.began.elapsed());
            stop.run_until_cancelled(tokio::time::sleep(pause)).await?;
            self.began = Instant::now();
            match stop.run_until_cancelled(self.opener.open()).await? {
                Ok(opened) => return Some(opened),
                Err(OpenError::Refused(refusal)) => self.refused(refusal),
                Err(OpenError::Failed { why, wait }) => {
                    warn!(why, "slack cannot be connected to; it is tried again");
                    self.live.otherwise(match wait {
                        Some(wait) => Phase::Waiting { why, until: Instant::now() + wait },
                        None => Phase::Connecting,
                    });
                    self.backoff.no_sooner_than(wait.unwrap_or_default());
                }
            }
        }
    }

    /// A person has to correct something: it is said once, and asked again rarely.
    fn refused(&mut self, refusal: Refusal) {
        self.live.otherwise(Phase::Fatal(refusal.to_string()));
        self.backoff.no_sooner_than(self.timing.refused_pause);
        if self.refusal.as_ref() == Some(&refusal) {
            debug!(%refusal, "slack still refuses");
            return;
        }
        let minutes = self.timing.refused_pause.as_secs() / 60;
        error!(%refusal, minutes, "no commands come from slack until that is corrected; it is asked again now and then");
        self.refusal = Some(refusal);
    }

    /// Takes commands over a new connection. Returns why another one is needed, once it is.
    fn hold(&mut self, opened: Opened, retire: CancellationToken) -> oneshot::Receiver<Reconnect> {
        self.opened += 1;
        self.refusal = None;
        info!(host = %self.slack.redactor.text(&opened.host), "connected to slack");
        let counted = opened.connections.unwrap_or_default();
        if counted > self.opened && !self.is_shared {
            self.is_shared = true;
            warn!(
                counted,
                opened = self.opened,
                "another copy of this bot takes commands of the same app, or one has just ended without a word"
            );
        }
        let (replace, replaced) = oneshot::channel();
        let (envelopes, tasks) = (self.envelopes.clone(), self.tasks.clone());
        let connection = Connection {
            opened,
            timing: self.timing,
            redactor: self.slack.redactor.clone(),
            deliver: move |envelope: &wire::Envelope<'_>, acknowledger| {
                tasks.spawn(envelopes.clone().carry_out(Work::of(envelope), acknowledger));
            },
            live: self.live.clone(),
            replace: Some(replace),
            retire,
            stop: self.stop.clone(),
        };
        self.connections.spawn(connection.run());
        replaced
    }
}

/// How many connections Slack counts when one is opened, to see whether that works. It is closed at once.
///
/// # Errors
/// What is wrong, and what to do.
pub async fn probe(settings: &Settings, redactor: Redactor) -> anyhow::Result<Result<Option<u64>, Refusal>> {
    let opener = Opener::new(settings, redactor)?;
    Ok(match opener.open().await {
        Ok(mut opened) => {
            websocket::close(&mut opened.socket, 1000).await;
            Ok(opened.connections)
        }
        Err(OpenError::Refused(refusal)) => Err(refusal),
        Err(OpenError::Failed { why, .. }) => Err(Refusal {
            what: why,
            remedy: "check the network of this machine, and SLACK_API_BASE_URL if it is set",
        }),
    })
}
