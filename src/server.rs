//! The HTTP server: its own routes, and the doors' routes beside them.

mod connections;

use std::sync::Arc;
use std::time::Duration;

pub use connections::{run, run_with};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::app::ports::{Directory, DirectoryReport, Store, StoreError};
use crate::discord::gateway;
use crate::telemetry::Metrics;

/// How long an answer of `/readyz` is good for: whoever asks faster costs no commit.
const READY_FOR: Duration = Duration::from_secs(1);

/// How long is waited before it is looked again whether a record can be written.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Logs once that the bot is ready, as soon as `/readyz` would say so. `writable` is what a first look found.
pub async fn say_when_ready(
    store: Arc<dyn Store>,
    gateway: Option<gateway::State>,
    mut writable: Result<(), StoreError>,
) {
    if let Err(error) = &writable {
        warn!(%error, "not ready");
    }
    if let Some(gateway) = &gateway {
        gateway.wait_for(|phase| *phase == gateway::Phase::Ready).await;
    }
    while writable.is_err() {
        tokio::time::sleep(LOOK_AGAIN).await;
        writable = store.check_writable().await;
    }
    info!("ready");
}

struct Health {
    store: Arc<dyn Store>,
    metrics: Arc<Metrics>,
    gateway: Option<gateway::State>,
    directory: Arc<dyn Directory>,
    last: Mutex<Option<(Instant, Result<(), StoreError>)>>,
}

/// The server's own routes: `/healthz`, `/readyz`, `/metrics`.
pub fn router(
    store: Arc<dyn Store>,
    metrics: Arc<Metrics>,
    gateway: Option<gateway::State>,
    directory: Arc<dyn Directory>,
) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics_text))
        .with_state(Arc::new(Health { store, metrics, gateway, directory, last: Mutex::default() }))
}

/// Ready is who could write a record now, for without one nothing is ever done, and who can be heard by
/// Discord if commands come over its gateway. User groups that cannot be read are only told of: whoever
/// has a role by name is served all the same.
async fn ready(State(health): State<Arc<Health>>) -> impl IntoResponse {
    let mut last = health.last.lock().await;
    let result = match &*last {
        Some((at, result)) if at.elapsed() < READY_FOR => result.clone(),
        _ => {
            let result = health.store.check_writable().await;
            *last = Some((Instant::now(), result.clone()));
            result
        }
    };
    let groups = health.directory.report().map(|report| describe(&report)).unwrap_or_default();
    match (result, &health.gateway) {
        (Err(error), _) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {error}\n")),
        (Ok(()), Some(gateway)) if !gateway.is_ready() => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: discord's gateway: {gateway}\n"))
        }
        (Ok(()), Some(gateway)) => (StatusCode::OK, format!("ready; discord's gateway: {gateway}{groups}\n")),
        (Ok(()), None) => (StatusCode::OK, format!("ready{groups}\n")),
    }
}

fn describe(report: &DirectoryReport) -> String {
    let DirectoryReport { looks_up, groups, known, oldest, problem, unread } = report;
    let mut told = String::new();
    if *looks_up {
        let age = oldest.map(|age| format!(", {} s old", age.as_secs())).unwrap_or_default();
        let problem = problem.as_ref().map(|problem| format!(" ({problem})")).unwrap_or_default();
        told = format!("; slack's user groups: {known} of {groups} known{age}{problem}");
    }
    if !unread.is_empty() {
        let remedy = if *looks_up { "" } else { ": set SLACK_BOT_TOKEN, or revoke the deny entry" };
        let groups = unread.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        told = format!(
            "{told}; denied something but not known, so that whoever may be in it is refused: {groups}{remedy}"
        );
    }
    told
}

async fn metrics_text(State(health): State<Arc<Health>>) -> impl IntoResponse {
    health.metrics.show_groups(health.directory.report().as_ref());
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], health.metrics.text())
}
