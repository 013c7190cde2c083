//! The HTTP server: its own routes and those of the doors.

mod connections;
mod open_files;

use std::sync::Arc;
use std::time::Duration;

pub use connections::{run, run_with};
pub use open_files::raise as raise_open_files;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::future::select_all;
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::app::ports::{Clock, Directory, DirectoryReport, Store, StoreError, Subject};
use crate::telemetry::{Metrics, Sample};
use crate::websocket;

/// The header by which whoever is called through a proxy knows that it was this bot that answered: the name under which
/// its log is signed, which every signed head shows too.
pub const LOG_ORIGIN: &str = "x-room-owner-log";

/// How long an answer of `/readyz` is reused: asking faster costs no commit.
const READY_FOR: Duration = Duration::from_secs(1);

/// The pause before checking again whether a record can be written.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A door that commands come in by.
#[derive(Debug, Clone)]
pub struct Door {
    /// What `/readyz` calls it.
    pub name: &'static str,
    /// The connection over which commands come. Without one they come to this server, which is there.
    pub connection: Option<Connection>,
}

/// A connection to a platform.
#[derive(Debug, Clone)]
pub struct Connection {
    /// What `/readyz` calls it.
    pub name: &'static str,
    /// Its state.
    pub state: websocket::State,
}

impl Door {
    /// Whether commands come in by it now.
    pub fn is_ready(&self) -> bool {
        self.connection.as_ref().is_none_or(|connection| connection.state.is_ready())
    }

    /// Returns when it takes commands.
    async fn opens(&self) {
        if let Some(Connection { state, .. }) = &self.connection {
            state.wait_for(|phase| *phase == websocket::Phase::Ready).await;
        }
    }
}

/// Logs once that the bot is ready, as soon as `/readyz` would say so. `writable` is what a first look found.
pub async fn say_when_ready(store: Arc<dyn Store>, doors: Vec<Door>, mut writable: Result<(), StoreError>) {
    if let Err(error) = &writable {
        warn!(%error, "not ready");
    }
    let opening: Vec<_> = doors.iter().map(|door| Box::pin(door.opens())).collect();
    if !opening.is_empty() {
        select_all(opening).await;
    }
    while writable.is_err() {
        tokio::time::sleep(LOOK_AGAIN).await;
        writable = store.check_writable().await;
    }
    info!("ready");
}

/// What the server's own routes tell of.
pub struct Health {
    /// Whether it can be written is asked.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What `/metrics` shows.
    pub metrics: Arc<Metrics>,
    /// The doors that commands come in by.
    pub doors: Vec<Door>,
    /// Who is in which group.
    pub directory: Arc<dyn Directory>,
    /// Cancelled when the bot is about to end.
    pub draining: CancellationToken,
}

struct Looking {
    health: Health,
    began: Instant,
    last: Mutex<Option<Look>>,
}

/// The result of the last check.
#[derive(Clone)]
struct Look {
    at: Instant,
    writable: Result<(), StoreError>,
    warnings: Vec<String>,
    /// The groups to which something is denied.
    denied: Vec<Subject>,
}

/// The server's own routes: `/healthz`, `/readyz`, `/metrics`.
pub fn router(health: Health) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics_text))
        .with_state(Arc::new(Looking { health, began: Instant::now(), last: Mutex::default() }))
}

/// Lets go of kept connections once the bot is about to end: a proxy that sends a command on one that is being closed
/// would answer 502.
pub fn letting_go(router: Router, draining: CancellationToken) -> Router {
    router.layer(map_response(move |mut response: Response| {
        let is_ending = draining.is_cancelled();
        async move {
            if is_ending {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            response
        }
    }))
}

/// What is asked of `/readyz`.
#[derive(Deserialize)]
struct Readiness {
    /// With 1, every door has to take commands.
    #[serde(default)]
    strict: u8,
}

/// Ready means that a record can be written now, without which nothing is done, and that some door takes commands: one
/// that does not is no reason to stop the others. User groups that cannot be read are only reported: people with a
/// role of their own are served all the same.
async fn ready(
    State(looking): State<Arc<Looking>>,
    Query(Readiness { strict }): Query<Readiness>,
) -> impl IntoResponse {
    let health = &looking.health;
    // Said first, and whatever else holds: what asks is to send its requests elsewhere.
    if health.draining.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "not ready: ending\n".to_owned());
    }
    let Look { writable, warnings, denied, .. } = looking.look().await;
    let mut parts = vec![match &writable {
        Ok(()) => "store: ready".to_owned(),
        Err(error) => format!("store: not ready; {error}"),
    }];
    parts.extend(warnings.iter().map(|warning| format!("store: {warning}")));
    let mut unready = Vec::new();
    for door in &health.doors {
        let name = door.name;
        let detail = door.connection.as_ref().map(|Connection { name, state }| format!("; {name}: {state}"));
        let detail = detail.unwrap_or_default();
        if door.is_ready() {
            parts.push(format!("{name}: ready{detail}"));
        } else {
            parts.push(format!("{name}: not ready{detail}"));
            unready.push(name);
        }
    }
    parts.extend(health.groups(&denied));
    let is_served = unready.is_empty() || (strict == 0 && unready.len() < health.doors.len());
    let (status, verdict) = match (&writable, is_served) {
        (Ok(()), true) => (StatusCode::OK, "ready".to_owned()),
        (Ok(()), false) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}", unready.join(", "))),
        (Err(_), _) => (StatusCode::SERVICE_UNAVAILABLE, "not ready: store".to_owned()),
    };
    (status, format!("{verdict}\n{}\n", parts.join("\n")))
}

impl Looking {
    async fn look(&self) -> Look {
        let mut last = self.last.lock().await;
        if let Some(look) = last.as_ref().filter(|look| look.at.elapsed() < READY_FOR) {
            return look.clone();
        }
        let Health { store, clock, .. } = &self.health;
        let writable = store.check_writable().await;
        // Who cannot be read now is looked at each time. A store that cannot be read is not writable either.
        let named = store.group_subjects(clock.now()).await.unwrap_or_default();
        let warnings = store.warnings().await;
        let look = Look { at: Instant::now(), writable, warnings, denied: named.denied };
        *last = Some(look.clone());
        look
    }
}

impl Health {
    /// How well user groups are known, and those for which people are refused because they are not.
    fn groups(&self, denied: &[Subject]) -> Vec<String> {
        let report = self.directory.report();
        let mut lines: Vec<String> = report.iter().map(describe).collect();
        let (known, now) = (self.directory.known(), self.clock.now());
        let unread = denied.iter().filter(|group| known.members(group, now).is_none());
        let unread: Vec<String> = unread.map(ToString::to_string).collect();
        if !unread.is_empty() {
            let remedy =
                if report.is_some() { "" } else { "; set SLACK_BOT_TOKEN, or revoke the deny entry" };
            lines.push(format!(
                "refused, because a deny entry names a group that cannot be read: whoever may be in {}{remedy}",
                unread.join(", ")
            ));
        }
        lines
    }
}

fn describe(report: &DirectoryReport) -> String {
    let DirectoryReport { groups, known, oldest, problem } = report;
    let age = oldest.map(|age| format!(", {} s old", age.as_secs())).unwrap_or_default();
    let problem = problem.as_ref().map(|problem| format!(" ({problem})")).unwrap_or_default();
    format!("slack's user groups: {known} of {groups} known{age}{problem}")
}

async fn metrics_text(State(looking): State<Arc<Looking>>) -> impl IntoResponse {
    let health = &looking.health;
    let connections = health.doors.iter().filter_map(|door| {
        let Connection { state, .. } = door.connection.as_ref()?;
        // Never heard, it is silent since the start.
        let silence = state.last_heard().unwrap_or_else(|| looking.began.elapsed());
        Some((door.name, state.is_ready(), silence))
    });
    let sample = Sample {
        groups: health.directory.report(),
        connections: connections.collect(),
        store: health.store.stats().await,
        is_draining: health.draining.is_cancelled(),
    };
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], health.metrics.text(&sample))
}
