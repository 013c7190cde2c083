//! Connections and requests. hyper is driven by hand, because only so can a connection end without an answer.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request, Response, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::gateway::{self, Arrival};
use super::reply::{self, Answer, Refusal, Shape};
use super::{Simulator, control, live};

/// The largest body; the real limit is not documented for these APIs.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// How long answers under way may take once the simulator is asked to end.
const GRACE: Duration = Duration::from_secs(5);

pub(super) async fn run(
    simulator: Simulator,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let stop = CancellationToken::new();
    // Also when this future is dropped.
    let _ends = stop.clone().drop_guard();
    let desk = Desk { control: control::router(simulator.clone()), simulator, stop: stop.clone() };
    let mut shutdown = pin!(shutdown);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(converse(desk.clone(), stream, peer));
                }
                Err(error) if is_about_one_connection(&error) => {
                    tracing::debug!(%error, "a connection was gone before it was accepted");
                }
                Err(error) => return Err(error),
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    stop.cancel();
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, drained).await.is_err() {
        tracing::warn!("the simulator ends with connections open");
    }
    Ok(())
}

fn is_about_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

async fn converse(desk: Desk, stream: TcpStream, peer: SocketAddr) {
    let stop = desk.stop.clone();
    let service = service_fn(move |request| desk.clone().serve(request, peer.ip()));
    let connection =
        http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, %peer, "a connection ended early");
    }
}

/// What every connection has at hand.
#[derive(Clone)]
struct Desk {
    simulator: Simulator,
    control: Router,
    /// The simulator ends.
    stop: CancellationToken,
}

impl Desk {
    async fn serve(self, request: Request<Incoming>, source: IpAddr) -> Result<Response<Body>, Hangup> {
        // In a task of its own, for hyper drops what it is doing when the caller leaves, and the real service
        // carries out a request all the same.
        match tokio::spawn(self.answer(request, source)).await {
            Ok(Answer::Reply(response)) => Ok(response),
            Ok(Answer::Hangup) => Err(Hangup),
            Err(error) => {
                tracing::error!(%error, "a request was not answered");
                Err(Hangup)
            }
        }
    }

    async fn answer(self, request: Request<Incoming>, source: IpAddr) -> Answer {
        let path = request.uri().path();
        if path == "/control" || path.starts_with("/control/") {
            return Answer::Reply(self.steer(request).await);
        }
        if request.method() == Method::HEAD && path == "/" {
            return Answer::Reply(Response::new(Body::empty()));
        }
        let query = request.uri().query().unwrap_or_default();
        let (api, query) = match gateway::route(request.method(), path, query) {
            Ok(routed) => routed,
            Err(refusal) => return self.refuse(refusal),
        };
        let host = host(request.headers()).to_owned();
        let read = tokio::select! {
            read = Limited::new(request.into_body(), MAX_BODY_BYTES).collect() => read,
            () = self.stop.cancelled() => return Answer::Hangup,
        };
        let body: Bytes = match read {
            Ok(body) => body.to_bytes(),
            Err(_) => {
                let info = format!("the body is too long or broken off: send at most {MAX_BODY_BYTES} bytes");
                return self.refuse(Refusal::new(60003, info));
            }
        };
        live::answer(&self.simulator, Arrival { api, query, host, source, body }, self.stop).await
    }

    fn refuse(&self, refusal: Refusal) -> Answer {
        let seed = self.simulator.settings().seed;
        let request_id = self.simulator.write(|state| state.next_request_id(seed));
        tracing::debug!(request_id, code = refusal.code, info = refusal.info, "refused");
        Answer::Reply(reply::reply(&request_id, &Err(refusal), Shape::Plain))
    }

    async fn steer(self, request: Request<Incoming>) -> Response<Body> {
        // A page whose name was rebound to this address can send requests here, but not choose their Host.
        if !control::is_loopback(request.uri().host().unwrap_or(gateway::host_name(host(request.headers()))))
        {
            return control::refuse_host();
        }
        let answered: Result<_, Infallible> = TowerToHyperService::new(self.control).call(request).await;
        match answered {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

/// The `Host` header, empty if it is missing, repeated or not text.
fn host(headers: &HeaderMap) -> &str {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().unwrap_or_default(),
        _ => "",
    }
}

/// Makes hyper close the connection without a word.
#[derive(Debug, thiserror::Error)]
#[error("closed on purpose")]
struct Hangup;
