//! The HTTP server: its own routes, the doors' routes beside them, and the connections.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;
use tracing::{debug, warn};

use crate::app::ports::{Directory, DirectoryReport, Store, StoreError};
use crate::discord::gateway;
use crate::telemetry::Metrics;

/// Connections at a time. More wait to be accepted.
const CONNECTIONS: usize = 2_048;
/// How long a client may take over its headers, and how long an idle connection is kept.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How many headers, and how many bytes of them, are read.
const MOST_HEADERS: usize = 64;
const HEADER_BYTES: usize = 32 * 1_024;
/// How long open connections are waited for at the end.
const GRACE: Duration = Duration::from_secs(10);
/// How long an answer of `/readyz` is good for: whoever asks faster costs no commit.
const READY_FOR: Duration = Duration::from_secs(1);

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
    let DirectoryReport { groups, known, oldest, problem } = report;
    let age = oldest.map(|age| format!(", {} s old", age.as_secs())).unwrap_or_default();
    let problem = problem.as_ref().map(|problem| format!(" ({problem})")).unwrap_or_default();
    format!("; slack's user groups: {known} of {groups} known{age}{problem}")
}

async fn metrics_text(State(health): State<Arc<Health>>) -> impl IntoResponse {
    health.metrics.show_groups(health.directory.report().as_ref());
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], health.metrics.text())
}

/// Serves `router` on `listener` until `shutdown`, then lets requests under way end.
///
/// # Errors
/// When the listener breaks.
pub async fn run(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut shutdown = pin!(shutdown);
    loop {
        let place = tokio::select! {
            () = &mut shutdown => break,
            place = Arc::clone(&places).acquire_owned() => place.map_err(io::Error::other)?,
        };
        let stream = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of file descriptors, or a client that went away: a pause, and on.
                    warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%error, "a connection was gone before it began");
            continue;
        }
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .max_headers(MOST_HEADERS)
            .max_buf_size(HEADER_BYTES)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone()));
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                debug!(%error, "a connection ended early");
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        warn!("the server ends with connections open");
    }
    Ok(())
}
