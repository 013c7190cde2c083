//! The gateway: a connection from here to Discord, over which interactions arrive. It needs no public endpoint.
//!
//! `run` keeps one session alive ("Gateway", "Gateway Events" and "Opcodes and Status Codes" in Discord's
//! documentation, API version 10): it asks `GET /gateway/bot` where to connect and how many new sessions are
//! left, identifies, beats, and after any break resumes at `resume_gateway_url` with the last sequence number. A way
//! that fails is not taken again while there is another: after the session's own address comes the general one, and
//! after two failed RESUMEs a new session. No single fault is to cut it off for 10 seconds.
//! Interactions belong to no intent, so none is asked for. What an interaction says is not read here: its JSON
//! goes to the handler as it came, so that nothing which a typed model does not know is ever lost. Discord
//! replays events when a session is resumed, and a replayed one is handed on again: the claim of its id makes
//! it harmless.
//!
//! The parts: `connection` is one WebSocket connection from hello to its end; `gateway_info` is `GET /gateway/bot`;
//! `wire` is what frames and close codes mean.

mod connection;
mod gateway_info;
mod settings;
mod wire;

use std::borrow::Cow;
use std::future::Future;
use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

use connection::Ended;
use gateway_info::{FetchError, GatewayInfoClient, SessionStartLimit};

use crate::websocket::{Backoff, Connector};

pub use crate::websocket::{Phase, State};
pub use settings::{API_BASE_URL, Settings, Timing};
pub use wire::Fatal;
#[cfg(any(test, feature = "fuzzing"))]
pub(super) use wire::check as check_frame;

/// So many RESUMEs in a row may fail before a new session is begun.
const MOST_RESUMES: u32 = 2;

/// What is needed to resume.
struct Session {
    id: SecretString,
    /// The last one seen; Discord replays what came after it.
    sequence: u64,
    /// `resume_gateway_url`, until a connection to it fails.
    resume_url: Option<Url>,
    /// RESUMEs since the last READY or RESUMED.
    failed_resumes: u32,
}

/// Takes interactions until `shutdown`, through any number of connections. `on_interaction` gets the JSON of
/// each INTERACTION_CREATE's `d`, byte for byte, in a task of its own on `tasks`, so that a slow command delays
/// neither the next one nor a heartbeat. At `shutdown` it returns within about a second; the owner of `tasks`
/// decides how long to wait for running handlers.
///
/// # Errors
/// When Discord refuses for good: the token, the intents, the sharding. Everything else is retried for ever, with
/// growing pauses.
pub async fn run<F, H>(
    settings: Settings,
    on_interaction: F,
    tasks: TaskTracker,
    state: State,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Fatal>
where
    F: Fn(String) -> H,
    H: Future<Output = ()> + Send + 'static,
{
    let stop = CancellationToken::new();
    let deliver = |interaction| {
        tasks.spawn(on_interaction(interaction));
    };
    let kept = async {
        let mut keeper = SessionKeeper::new(settings, state.clone(), stop.clone())?;
        keeper.run(deliver).await
    };
    let asked = async {
        shutdown.await;
        stop.cancel();
        // `kept` ends by itself now.
        std::future::pending::<()>().await;
    };
    let result = tokio::select! {
        result = kept => result,
        () = asked => Ok(()),
    };
    match &result {
        Ok(()) => {
            info!("the gateway connection is closed");
            state.enter(Phase::Stopped);
        }
        Err(fatal) => {
            error!(%fatal, "discord refuses the gateway connection for good");
            state.enter(Phase::Fatal(fatal.to_string()));
        }
    }
    result
}

/// What follows when Discord refuses for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterRefusal {
    /// It is the end: nobody is left to serve.
    End,
    /// It is asked again after [`Timing::refused_pause`], and so on: others are served meanwhile, and somebody may
    /// correct it at Discord.
    AskAgain,
}

/// The same, and what follows when Discord refuses for good.
///
/// # Errors
/// When it refuses, and that is the end.
pub async fn keep<F, H>(
    settings: Settings,
    on_interaction: F,
    tasks: TaskTracker,
    state: State,
    stop: CancellationToken,
    after_refusal: AfterRefusal,
) -> Result<(), Fatal>
where
    F: Fn(String) -> H + Clone,
    H: Future<Output = ()> + Send + 'static,
{
    let pause = settings.timing.refused_pause;
    loop {
        let (settings, tasks) = (settings.clone(), tasks.clone());
        let shutdown = stop.clone().cancelled_owned();
        let ended = run(settings, on_interaction.clone(), tasks, state.clone(), shutdown).await;
        if ended.is_ok() || after_refusal == AfterRefusal::End {
            return ended;
        }
        info!(seconds = pause.as_secs(), "the gateway is asked again after a pause");
        if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return Ok(());
        }
        state.enter(Phase::Connecting);
    }
}

/// Keeps one session alive over many connections.
struct SessionKeeper {
    settings: Settings,
    info: GatewayInfoClient,
    connector: Connector,
    state: State,
    stop: CancellationToken,
    session: Option<Session>,
    /// From the last `GET /gateway/bot`.
    general_url: Option<Url>,
    /// A connection to it failed, so it is fetched again.
    general_url_failed: bool,
    /// Connections in a row that reached neither READY nor RESUMED.
    failures: u32,
    last_identify: Option<Instant>,
    backoff: Backoff,
}

impl SessionKeeper {
    fn new(settings: Settings, state: State, stop: CancellationToken) -> Result<Self, Fatal> {
        let info = GatewayInfoClient::new(&settings)?;
        let backoff = Backoff::new(settings.timing.first_pause, settings.timing.longest_pause);
        Ok(Self {
            settings,
            info,
            connector: Connector::default(),
            state,
            stop,
            session: None,
            general_url: None,
            general_url_failed: false,
            failures: 0,
            last_identify: None,
            backoff,
        })
    }

    async fn run(&mut self, deliver: impl Fn(String)) -> Result<(), Fatal> {
        let mut began = Instant::now();
        while !self.stop.is_cancelled() {
            let pause = self.backoff.next(began.elapsed());
            if self.paused(pause).await.is_none() {
                break;
            }
            began = Instant::now();
            let url = match self.next_address().await {
                Ok(Some(url)) => url,
                Ok(None) => break,
                Err(FetchError::Fatal(fatal)) => return Err(fatal),
                Err(FetchError::Transient { why, wait }) => {
                    warn!(why, "discord does not say where its gateway is");
                    if let Some(wait) = wait {
                        self.backoff.no_sooner_than(wait);
                    }
                    continue;
                }
            };
            let ended = connection::run(connection::Context {
                url: &url,
                connector: &self.connector,
                settings: &self.settings,
                timing: self.settings.timing.after_failures(self.failures),
                session: &mut self.session,
                state: &self.state,
                last_identify: &mut self.last_identify,
                deliver: &deliver,
                stop: &self.stop,
            })
            .await;
            if self.state.was_ready_for(self.settings.timing.stable_after) {
                self.backoff.reset();
            }
            if self.state.is_ready() {
                self.failures = 0;
            } else {
                self.failures = self.failures.saturating_add(1);
                // Perhaps only the address for resuming is broken.
                if self.session.as_mut().and_then(|session| session.resume_url.take()).is_none() {
                    self.general_url_failed = true;
                }
            }
            match ended {
                Ended::Stopped => break,
                Ended::Fatal(fatal) => return Err(fatal),
                Ended::Unreachable(why) => {
                    let (why, host) =
                        (self.redacted(&why), self.redacted(url.host_str().unwrap_or_default()));
                    warn!(%why, %host, "the gateway cannot be reached");
                }
                Ended::Lost(why) => {
                    info!(why = %self.redacted(&why), "the gateway connection ended; it is taken up again");
                }
                Ended::SessionOver(why) => {
                    info!(why = %self.redacted(&why), "the gateway session is over; a new one is begun");
                    self.session = None;
                    self.backoff.no_sooner_than(between(self.settings.timing.invalid_session));
                }
            }
            self.state.enter(if self.session.is_some() { Phase::Resuming } else { Phase::Connecting });
        }
        Ok(())
    }

    /// The address to connect to. A new session first needs one of those that are left, and may have to wait for it.
    /// `None` if it is time to stop.
    async fn next_address(&mut self) -> Result<Option<Url>, FetchError> {
        let resumed_at = self.session.as_ref().and_then(|session| {
            let url = session.resume_url.clone();
            url.or_else(|| self.general_url.clone().filter(|_| !self.general_url_failed))
                .filter(|_| session.failed_resumes < MOST_RESUMES)
        });
        if resumed_at.is_some() {
            return Ok(resumed_at);
        }
        loop {
            let Some(answer) = self.stop.run_until_cancelled(self.info.fetch()).await else {
                return Ok(None);
            };
            let answer = match (answer, &self.general_url) {
                (Ok(answer), _) => answer,
                // Resuming costs no session start.
                (Err(FetchError::Transient { why, .. }), Some(url)) if self.session.is_some() => {
                    warn!(why, "discord does not say where its gateway is; the last address is used");
                    return Ok(Some(url.clone()));
                }
                (Err(trouble), _) => return Err(trouble),
            };
            self.general_url = Some(answer.url.clone());
            self.general_url_failed = false;
            if self.session.as_ref().is_some_and(|session| session.failed_resumes < MOST_RESUMES) {
                return Ok(Some(answer.url));
            }
            let timing = self.settings.timing;
            let gap = self
                .last_identify
                .map_or(Duration::ZERO, |last| timing.identify_gap.saturating_sub(last.elapsed()));
            // Starting sessions in a row uses up the daily limit, and exceeding it resets the token. The first start
            // of this process is not delayed.
            let spread = answer.limit.and_then(SessionStartLimit::spread);
            let wait = gap.max(spread.filter(|_| self.last_identify.is_some()).unwrap_or_default());
            let none_is_left = answer.limit.filter(|limit| limit.remaining == 0);
            if self.session.is_some() {
                if none_is_left.is_some() || wait > timing.identify_gap {
                    info!("few new sessions are left for today; the old one is tried again");
                    return Ok(Some(answer.url));
                }
                info!("the gateway session cannot be resumed; a new one is begun");
                self.session = None;
                self.state.enter(Phase::Connecting);
            }
            match none_is_left {
                Some(limit) => {
                    let wait = limit.reset_after;
                    warn!(
                        seconds = wait.as_secs(),
                        "discord permits no new session until the limit is reset"
                    );
                    self.state.enter(Phase::Waiting {
                        why: "discord permits no new session until its daily limit is reset".to_owned(),
                        until: Instant::now() + wait,
                    });
                    if self.paused(wait.max(timing.identify_gap)).await.is_none() {
                        return Ok(None);
                    }
                    self.state.enter(Phase::Connecting);
                    // Then fetch again: Discord has the last word.
                }
                None => {
                    if wait > timing.identify_gap {
                        warn!(seconds = wait.as_secs(), "few new sessions are left for today; a pause");
                        self.state.enter(Phase::Waiting {
                            why: "discord permits few more new sessions today".to_owned(),
                            until: Instant::now() + wait,
                        });
                    }
                    return Ok(self.paused(wait).await.map(|()| answer.url));
                }
            }
        }
    }

    fn redacted<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.settings.redactor.text(text)
    }

    /// Waits; `None` if it is time to stop.
    async fn paused(&self, wait: Duration) -> Option<()> {
        self.stop.run_until_cancelled(tokio::time::sleep(wait)).await
    }
}

/// A moment between the two, so that replicas do not march in step.
fn between((least, most): (Duration, Duration)) -> Duration {
    least + most.saturating_sub(least).mul_f64(rand::random::<f64>())
}
