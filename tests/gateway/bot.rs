//! The real client, run against the fake Discord.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use room_owner::discord::gateway::{self, AfterRefusal, Fatal, Phase, Settings, State, Timing};
use room_owner::redact::Redactor;
use secrecy::SecretString;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::fakes::gateway::{Fake, within};

/// Looks like a token, and is nowhere else.
pub(crate) const TOKEN: &str = "MTIz.c2VjcmV0.dG9rZW4tb2YtdGhlLXRlc3Q";

/// In a hurry, but otherwise as the defaults are.
pub(crate) const QUICK: Timing = Timing {
    connect_within: Duration::from_millis(1_500),
    resumed_within: Duration::from_millis(1_500),
    ready_within: Duration::from_millis(1_500),
    longest_beat: Duration::from_secs(3_600),
    identify_gap: Duration::from_millis(20),
    invalid_session: (Duration::from_millis(10), Duration::from_millis(50)),
    first_pause: Duration::from_millis(250),
    longest_pause: Duration::from_secs(30),
    stable_after: Duration::from_secs(30),
    refused_pause: Duration::from_millis(50),
};

pub(crate) struct Bot {
    pub(crate) state: State,
    pub(crate) tasks: TaskTracker,
    /// What the handler was given, in order.
    interactions: UnboundedReceiver<String>,
    /// Handlers of interactions whose JSON holds `slow` wait for a permit.
    pub(crate) slow: Arc<Semaphore>,
    /// What handlers have finished.
    pub(crate) finished: Arc<Mutex<Vec<String>>>,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<Result<(), Fatal>>,
}

pub(crate) fn settings(fake: &Fake) -> Settings {
    Settings {
        bot_token: SecretString::from(TOKEN),
        api_base_url: fake.api_base_url().parse().unwrap(),
        timing: QUICK,
        redactor: Redactor::of([&SecretString::from(TOKEN)]),
    }
}

impl Bot {
    pub(crate) fn start(fake: &Fake) -> Self {
        Self::with(settings(fake))
    }

    /// With what follows when it is refused.
    pub(crate) fn kept(fake: &Fake, after_refusal: AfterRefusal) -> Self {
        Self::running(settings(fake), Some(after_refusal))
    }

    pub(crate) fn with(settings: Settings) -> Self {
        Self::running(settings, None)
    }

    fn running(settings: Settings, after_refusal: Option<AfterRefusal>) -> Self {
        let (given, interactions) = unbounded_channel();
        let (slow, finished) = (Arc::new(Semaphore::new(0)), Arc::new(Mutex::new(Vec::new())));
        let handler = {
            let (slow, finished) = (Arc::clone(&slow), Arc::clone(&finished));
            move |json: String| {
                let (given, slow, finished) = (given.clone(), Arc::clone(&slow), Arc::clone(&finished));
                async move {
                    given.send(json.clone()).ok();
                    assert!(!json.contains("panic"), "this handler panics, as the test wants");
                    if json.contains("slow") {
                        slow.acquire().await.unwrap().forget();
                    }
                    finished.lock().unwrap().push(json);
                }
            }
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let (state, tasks) = (State::default(), TaskTracker::new());
        let shutdown = async {
            stopped.await.ok();
        };
        let (its_tasks, its_state) = (tasks.clone(), state.clone());
        let running = tokio::spawn(async move {
            let Some(after_refusal) = after_refusal else {
                return gateway::run(settings, handler, its_tasks, its_state, shutdown).await;
            };
            let stop = CancellationToken::new();
            let kept = gateway::keep(settings, handler, its_tasks, its_state, stop.clone(), after_refusal);
            let stopping = async {
                shutdown.await;
                stop.cancel();
                std::future::pending().await
            };
            tokio::select! {
                kept = kept => kept,
                never = stopping => never,
            }
        });
        Self { state, tasks, interactions, slow, finished, stop: Some(stop), running }
    }

    pub(crate) async fn interaction(&mut self) -> String {
        within(self.interactions.recv(), "an interaction").await.unwrap()
    }

    pub(crate) fn ask_to_stop(&mut self) {
        drop(self.stop.take());
    }

    /// How `run` ended, or ends.
    pub(crate) async fn end(&mut self) -> Result<(), Fatal> {
        within(&mut self.running, "the end").await.unwrap()
    }

    pub(crate) async fn is(&self, phase: Phase) {
        within(self.state.wait_for(|now| *now == phase), &format!("{phase:?}")).await;
    }
}
